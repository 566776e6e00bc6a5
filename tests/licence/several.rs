//! Several signatures, and metadata in other places: what real files do.

use super::build::*;
use super::*;

const LIST: &str = "Doc_0/Signs/Signatures.xml";

/// A first signature that leaves something out, and a second over everything but the list.
fn twice(uncovered: Vec<&'static str>) -> Members {
    let first = Draft { uncovered, ..Draft::new() };
    let mut members = first.sealed();
    let second = Draft { uncovered: vec![LIST], property: "/Doc_0/Signs/Sign_1/Signature.xml", ..Draft::new() };
    let seal = second.seal();
    let file = second.signature_file(&members, true);
    let value = second.value(&seal, &file);
    members.push(("Doc_0/Signs/Sign_1/Signature.xml".to_owned(), file));
    members.push(("Doc_0/Signs/Sign_1/Seal.esl".to_owned(), seal));
    members.push(("Doc_0/Signs/Sign_1/SignedValue.dat".to_owned(), value));
    replace(&mut members, LIST, "</", "<ofd:Signature ID=\"2\" BaseLoc=\"Sign_1/Signature.xml\"/></");
    members
}

/// What a second signature over everything is made by.
pub(crate) fn over_everything() -> Draft {
    Draft { property: "/Doc_0/Signs/Sign_1/Signature.xml", ..Draft::new() }
}

/// A first signature over the list, which was extended for the second one.
pub(crate) fn with_a_broken_first(first: &Draft, second: &Draft) -> Members {
    let mut before = first.unsigned();
    before.push((LIST.to_owned(), b"<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\"/>".to_vec()));
    let (seal, file) = (first.seal(), first.signature_file(&before, true));
    let value = first.value(&seal, &file);
    let mut members = first.sealed();
    *member(&mut members, "Sign_0/Signature.xml") = file;
    *member(&mut members, "SignedValue.dat") = value;
    let late = Draft { uncovered: vec![LIST], ..second.clone() };
    let (seal, file) = (late.seal(), late.signature_file(&members, true));
    let value = late.value(&seal, &file);
    members.push(("Doc_0/Signs/Sign_1/Signature.xml".to_owned(), file));
    members.push(("Doc_0/Signs/Sign_1/Seal.esl".to_owned(), seal));
    members.push(("Doc_0/Signs/Sign_1/SignedValue.dat".to_owned(), value));
    replace(&mut members, LIST, "</", "<ofd:Signature ID=\"2\" BaseLoc=\"Sign_1/Signature.xml\"/></");
    members
}

#[test]
fn a_second_signature_covers_what_the_first_left_out() {
    expect_passed(&report(&Draft::new(), &twice(vec!["OFD.xml"])), &[]);
    expect_passed(&report(&Draft::new(), &twice(vec!["Doc_0/Pages/Content.xml"])), &[]);
}

#[test]
fn one_wrong_signature_fails_the_file() {
    let mut members = twice(Vec::new());
    *member(&mut members, "Sign_0/SignedValue.dat").last_mut().unwrap() ^= 1;
    expect_failed(&report(&Draft::new(), &members), &["SIG.VALUE_INVALID", "SIG.REF_DIGEST_MISMATCH"]);
}

#[test]
fn a_signature_taken_off_the_list_is_seen() {
    let mut members = twice(vec!["OFD.xml"]);
    replace(&mut members, LIST, "<ofd:Signature ID=\"2\" BaseLoc=\"Sign_1/Signature.xml\"/>", "");
    expect_open(&report(&Draft::new(), &members), &["SIG.ORPHANED", "SIG.COVERAGE_ENTRY_POINT"]);
    let mut members = twice(Vec::new());
    replace(&mut members, LIST, "<ofd:Signature ID=\"1\" BaseLoc=\"Sign_0/Signature.xml\"/>", "");
    expect_open(&report(&Draft::new(), &members), &["SIG.ORPHANED"]);
}

#[test]
fn a_signed_list_that_was_extended_fails_its_signature() {
    let draft = Draft::new();
    let mut members = draft.unsigned();
    members.push((LIST.to_owned(), b"<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\"/>".to_vec()));
    let (seal, file) = (draft.seal(), draft.signature_file(&members, true));
    let value = draft.value(&seal, &file);
    let mut signed = draft.sealed();
    *member(&mut signed, "Sign_0/Signature.xml") = file;
    *member(&mut signed, "SignedValue.dat") = value;
    expect_failed(&report(&draft, &signed), &["SIG.REF_DIGEST_MISMATCH"]);
}

/// One producer writes the metadata to a file of its own, with misspelt names in another namespace.
#[test]
fn misspelt_metadata_is_read_where_it_is_covered() {
    let mut draft = Draft::new();
    let values: String = std::mem::take(&mut draft.metadata)
        .into_iter()
        .map(|(name, value)| format!("<ofd:CuslomData name=\"{name}\">{value}</ofd:CuslomData>"))
        .collect();
    let text = format!("<XMI xmlns:ofd=\"http://www.ofd.org\"><ofd:CuslomDatas>{values}</ofd:CuslomDatas></XMI>");
    let document = String::from_utf8(draft.members[0].1.clone()).unwrap();
    let document = document.replace("</ofd:Document>", "<ofd:CustomTags>meta.xml</ofd:CustomTags></ofd:Document>");
    draft.members[0].1 = document.into_bytes();
    draft.members.push(("Doc_0/meta.xml".to_owned(), text.into_bytes()));
    expect_passed(&report(&draft, &draft.sealed()), &[]);
    draft.uncovered = vec!["Doc_0/meta.xml"];
    expect_failed(&report(&draft, &draft.sealed()), &["SIG.COVERAGE_RENDERED_UNSIGNED", "LIC.NO_METADATA"]);
}
