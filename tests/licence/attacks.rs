//! Attacks on the document, the references, the value, the seal and the licence; and the deviations of real files that
//! are none.

use super::build::*;
use super::*;

fn draft() -> Draft {
    Draft::new()
}

#[test]
fn good_files_of_all_forms_pass() {
    let base = draft();
    expect_passed(&report(&base, &base.sealed()), &["W.NO_TIMESTAMP"]);
    for (version, told, code) in [(1, 1, "W.SES_LEGACY_VERSION"), (4, 4, "W.NO_TIMESTAMP"), (5, 5, "W.NO_TIMESTAMP")] {
        let draft = Draft { version, told_version: told, ..draft() };
        expect_passed(&report(&draft, &draft.sealed()), &[code]);
    }
    let raw = Draft { is_raw: true, ..draft() };
    expect_passed(&report(&raw, &raw.sealed()), &["W.SIGVALUE_RAW64"]);
    let digests = Draft { lists_digests: true, ..draft() };
    expect_passed(&report(&digests, &digests.sealed()), &[]);
    let words = Draft { check_method: " CheckMethod=\"SM3\"", ..draft() };
    expect_passed(&report(&words, &words.sealed()), &[]);
    for spelling in ["20240315020000.763Z", "2024-03-15 10:00:00", "20240315100000", "20240315100000Z"] {
        let spelled = Draft { xml_time: spelling, ..draft() };
        expect_passed(&report(&spelled, &spelled.sealed()), &[]);
    }
}

#[test]
fn both_live_forms_of_signed_data_pass() {
    let draft = draft();
    for members in [draft.signed(content_form), draft.signed(attribute_form)] {
        expect_passed(&report(&draft, &members), &["W.NO_SEAL"]);
    }
}

#[test]
fn every_check_is_told_also_those_that_passed() {
    let json = report(&draft(), &draft().sealed()).json();
    let signature = json["signatures"][0]["checks"].as_array().unwrap();
    let has = |code: &str| signature.iter().any(|check| check["code"] == code && check["status"] == "PASSED");
    for code in ["SIG.VALUE_INVALID", "SIG.DATAHASH_MISMATCH", "SEAL.SIGNER_NOT_LISTED", "CERT.REVOKED"] {
        assert!(has(code), "{code}");
    }
    assert_eq!(json["signatures"][0]["seal"]["esID"], "43060000000001");
    assert_eq!(json["signatures"][0]["signer"]["uscc"], OFFICE);
    let text = json.to_string();
    assert!(!text.contains("2044-03-14"), "the report holds no licence content");
}

// Reachable content and the entry file.

#[test]
fn a_changed_page_fails() {
    let mut members = draft().sealed();
    replace(&mut members, "Content.xml", "1.5", "2.5");
    expect_failed(&report(&draft(), &members), &["SIG.REF_DIGEST_MISMATCH"]);
}

#[test]
fn an_entry_file_outside_the_signature_is_open() {
    let draft = Draft { uncovered: vec!["OFD.xml"], ..draft() };
    expect_open(&report(&draft, &draft.sealed()), &["SIG.COVERAGE_ENTRY_POINT"]);
    let mut members = draft.sealed();
    replace(&mut members, "OFD.xml", "营业执照", "荣誉证书");
    expect_open(&report(&draft, &members), &["SIG.COVERAGE_ENTRY_POINT", "LIC.NO_METADATA"]);
}

#[test]
fn a_swapped_document_root_fails() {
    let draft = Draft { uncovered: vec!["OFD.xml"], ..draft() };
    let mut members = draft.sealed();
    let page = member(&mut members, "Doc_0/Document.xml").clone();
    members.push(("Doc_1/Document.xml".to_owned(), page));
    replace(&mut members, "OFD.xml", "Doc_0/Document.xml", "Doc_1/Document.xml");
    expect_failed(&report(&draft, &members), &["SIG.COVERAGE_RENDERED_UNSIGNED"]);
}

#[test]
fn a_second_document_fails() {
    let draft = Draft { uncovered: vec!["OFD.xml"], ..draft() };
    let mut members = draft.sealed();
    let page = member(&mut members, "Doc_0/Document.xml").clone();
    members.push(("Doc_1/Document.xml".to_owned(), page));
    let body = "</ofd:DocBody><ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody>";
    replace(&mut members, "OFD.xml", "</ofd:DocBody>", body);
    expect_failed(&report(&draft, &members), &["OFD.MULTI_BODY", "SIG.COVERAGE_RENDERED_UNSIGNED"]);
}

#[test]
fn reachable_files_of_every_kind_must_be_covered() {
    for (element, name) in [
        ("<ofd:Annotations>Annots.xml</ofd:Annotations>", "Doc_0/Annots.xml"),
        ("<ofd:Attachments>/Doc_0/a/Attachments.xml</ofd:Attachments>", "Doc_0/a/Attachments.xml"),
        ("<ofd:CustomTags>./Tags.xml</ofd:CustomTags>", "Doc_0/Tags.xml"),
        ("<ofd:CommonData><ofd:TemplatePage ID=\"9\" BaseLoc=\"Tpls/T.xml\"/></ofd:CommonData>", "Doc_0/Tpls/T.xml"),
        ("<x:Novelty xmlns:x=\"urn:x\" File=\"novel.bin\"/>", "Doc_0/novel.bin"),
    ] {
        let mut draft = draft();
        let document = &mut draft.members[0].1;
        *document = String::from_utf8(document.clone())
            .unwrap()
            .replace("</ofd:Document>", &format!("{element}</ofd:Document>"))
            .into_bytes();
        let mut members = draft.sealed();
        members.push((name.to_owned(), b"<a/>".to_vec()));
        expect_failed(&report(&draft, &members), &["SIG.COVERAGE_RENDERED_UNSIGNED"]);
    }
    let mut fonts = draft();
    fonts.members[1].1 = b"<ofd:Res xmlns:ofd=\"http://www.ofdspec.org/2016\" BaseLoc=\"Res\"><ofd:Fonts><ofd:Font>\
        <ofd:FontFile>f.ttf</ofd:FontFile></ofd:Font></ofd:Fonts></ofd:Res>"
        .to_vec();
    let mut members = fonts.sealed();
    members.push(("Doc_0/Res/f.ttf".to_owned(), b"font".to_vec()));
    expect_failed(&report(&fonts, &members), &["SIG.COVERAGE_RENDERED_UNSIGNED"]);
}

#[test]
fn a_stray_file_is_open() {
    let mut members = draft().sealed();
    members.push(("Doc_0/Res/stray.bin".to_owned(), b"x".to_vec()));
    expect_open(&report(&draft(), &members), &["SIG.COVERAGE_UNSIGNED_ENTRY"]);
}

#[test]
fn paths_that_leave_the_package_fail() {
    let mut draft = draft();
    let text = String::from_utf8(draft.members[0].1.clone()).unwrap();
    draft.members[0].1 = text.replace("PublicRes.xml<", "../../../etc/passwd<").into_bytes();
    expect_failed(&report(&draft, &draft.sealed()), &["OFD.PATH_ESCAPE"]);
    let mut members = Draft::new().sealed();
    replace(&mut members, "Sign_0/Signature.xml", "/OFD.xml", "/../OFD.xml");
    expect_failed(&report(&Draft::new(), &members), &["OFD.PATH_ESCAPE", "SIG.DATAHASH_MISMATCH"]);
}

// XML.

#[test]
fn entities_and_document_types_fail() {
    for name in ["OFD.xml", "Document.xml", "Signatures.xml", "Sign_0/Signature.xml", "Content.xml"] {
        let mut members = draft().sealed();
        let bytes = member(&mut members, name);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let text = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(&text).to_owned();
        *bytes = format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{text}").into_bytes();
        expect_failed(&report(&draft(), &members), &["XML.DTD_FORBIDDEN"]);
    }
}

#[test]
fn xml_in_another_encoding_or_too_deep_fails() {
    let mut members = draft().sealed();
    *member(&mut members, "OFD.xml") = b"<?xml version=\"1.0\" encoding=\"GBK\"?><a/>".to_vec();
    expect_failed(&report(&draft(), &members), &["XML.ENCODING"]);
    *member(&mut members, "OFD.xml") = ("<a>".repeat(65) + &"</a>".repeat(65)).into_bytes();
    expect_failed(&report(&draft(), &members), &["XML.DEPTH"]);
    *member(&mut members, "OFD.xml") = b"<a>".to_vec();
    expect_failed(&report(&draft(), &members), &["XML.MALFORMED"]);
    *member(&mut members, "OFD.xml") = b"<OFD><DocBody/></OFD>".to_vec();
    expect_failed(&report(&draft(), &members), &["OFD.NO_ROOT"]);
}

// The list.

#[test]
fn a_file_without_signatures_fails() {
    expect_failed(&report(&draft(), &draft().unsigned()), &["SIG.NONE", "OFD.MISSING_FILE"]);
    let mut stripped = draft().sealed();
    *member(&mut stripped, "Signatures.xml") = b"<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\"/>".to_vec();
    expect_failed(&report(&draft(), &stripped), &["SIG.NONE", "SIG.ORPHANED"]);
}

#[test]
fn lists_that_contradict_themselves_fail() {
    let list = |entries: &str| {
        format!("<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\">{entries}</ofd:Signatures>").into_bytes()
    };
    let one = "<ofd:Signature ID=\"1\" BaseLoc=\"Sign_0/Signature.xml\"";
    for (entries, code) in [
        (format!("{one}/>{one}/>"), "SIG.ID_DUPLICATE"),
        (format!("{one} Type=\"Stamp\"/>"), "SIG.TYPE_UNKNOWN"),
        (format!("{one} Relative=\"7\"/>"), "SIG.BASE_MISSING"),
        ("<ofd:Signature ID=\"1\" BaseLoc=\"../../../Signature.xml\"/>".to_owned(), "OFD.PATH_ESCAPE"),
        ("<ofd:Signature ID=\"1\" BaseLoc=\"Sign_9/Signature.xml\"/>".to_owned(), "OFD.MISSING_FILE"),
        (format!("{one}/>").repeat(33), "SIG.TOO_MANY"),
    ] {
        let mut members = draft().sealed();
        *member(&mut members, "Signatures.xml") = list(&entries);
        expect_failed(&report(&draft(), &members), &[code]);
    }
}

#[test]
fn a_signature_replayed_under_a_second_path_fails() {
    let mut members = draft().sealed();
    for name in ["Signature.xml", "SignedValue.dat", "Seal.esl"] {
        let bytes = member(&mut members, &format!("Sign_0/{name}")).clone();
        members.push((format!("Doc_0/Signs/Sign_1/{name}"), bytes));
    }
    replace(&mut members, "Signatures.xml", "Sign_0/", "Sign_1/");
    expect_failed(&report(&draft(), &members), &["SIG.PROPERTY_PATH_MISMATCH", "SIG.ORPHANED"]);
}

// References.

#[test]
fn references_that_protect_nothing_fail() {
    let all = vec!["OFD.xml", "Doc_0/Document.xml", "Doc_0/PublicRes.xml", "Doc_0/Pages/Content.xml"];
    let draft = Draft { uncovered: all, ..draft() };
    expect_failed(&report(&draft, &draft.sealed()), &["SIG.NO_REFERENCES"]);
}

#[test]
fn weak_and_missing_digest_methods_fail() {
    for method in
        ["", " CheckMethod=\"\"", " CheckMethod=\"MD5\"", " CheckMethod=\"SHA1\"", " CheckMethod=\"1.3.14.3.2.26\""]
    {
        let draft = Draft { check_method: method, ..draft() };
        expect_failed(&report(&draft, &draft.sealed()), &["POLICY.WEAK_DIGEST"]);
    }
}

#[test]
fn missing_and_doubled_references_fail() {
    let mut members = draft().sealed();
    members.retain(|(name, _)| !name.ends_with("PublicRes.xml"));
    expect_failed(&report(&draft(), &members), &["SIG.REF_MISSING"]);
    let draft = draft();
    let mut members = draft.unsigned();
    members.push(members[1].clone());
    let doubled = draft.signature_file(&members, true);
    let mut members = draft.sealed();
    let seal = draft.seal();
    *member(&mut members, "Sign_0/Signature.xml") = doubled.clone();
    *member(&mut members, "SignedValue.dat") = draft.value(&seal, &doubled);
    expect_failed(&report(&draft, &members), &["SIG.REF_DUPLICATE"]);
}

// The value.

#[test]
fn a_changed_signature_file_fails() {
    let mut members = draft().sealed();
    replace(&mut members, "Sign_0/Signature.xml", "</ofd:SignedInfo>", " </ofd:SignedInfo>");
    expect_failed(&report(&draft(), &members), &["SIG.DATAHASH_MISMATCH"]);
}

#[test]
fn a_value_that_is_none_fails() {
    for (change, code) in [
        ((|value| value.push(0)) as fn(&mut Vec<u8>), "SES.TRAILING_DATA"),
        (|value| value.truncate(100), "SES.MALFORMED"),
        (Vec::clear, "SES.MALFORMED"),
        (|value| *value = vec![0x30, 0x80, 0, 0], "SES.MALFORMED"),
    ] {
        let mut members = draft().sealed();
        change(member(&mut members, "SignedValue.dat"));
        expect_failed(&report(&draft(), &members), &[code]);
    }
}

#[test]
fn wrong_numbers_in_the_value_fail() {
    // The last octet of s.
    let mut members = draft().sealed();
    *member(&mut members, "SignedValue.dat").last_mut().unwrap() ^= 1;
    expect_failed(&report(&draft(), &members), &["SIG.VALUE_INVALID"]);
    // r and s of zero, and of the order of the curve.
    let raw = Draft { is_raw: true, ..draft() };
    let order = [
        0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x72, 0x03,
        0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23,
    ];
    for number in [[0; 32], order] {
        let mut members = raw.sealed();
        let value = member(&mut members, "SignedValue.dat");
        let start = value.len() - 64;
        value[start..start + 32].copy_from_slice(&number);
        expect_failed(&report(&raw, &members), &["SIG.VALUE_INVALID"]);
    }
}

#[test]
fn versions_that_disagree_fail() {
    for (version, told) in [(4, 5), (4, 1), (1, 4), (5, 4)] {
        let draft = Draft { version, told_version: told, ..draft() };
        expect_failed(&report(&draft, &draft.sealed()), &["SES.VERSION_MISMATCH"]);
    }
}

#[test]
fn extensions_that_nobody_knows() {
    let plain = Draft { extension: Some((false, b"x")), ..draft() };
    expect_passed(&report(&plain, &plain.sealed()), &[]);
    let critical = Draft { extension: Some((true, b"x")), ..draft() };
    expect_open(&report(&critical, &critical.sealed()), &["SES.UNKNOWN_CRITICAL_EXT"]);
}

#[test]
fn another_algorithm_in_the_xml_fails() {
    let mut members = draft().sealed();
    replace(&mut members, "Sign_0/Signature.xml", "1.2.156.10197.1.501", "1.2.840.113549.1.1.5");
    expect_failed(&report(&draft(), &members), &["SIG.ALG_MISMATCH"]);
}

#[test]
pub(crate) fn signed_data_forged_without_a_key_fails() {
    let draft = draft();
    let none = draft.signed(|draft, file| signed_data(draft, Some(&jingyue::domain::sm::digest(file)), &[]));
    expect_failed(&report(&draft, &none), &["SIG.NO_SIGNER_INFO"]);
    let nobody = draft.signed(|draft, file| {
        let mut other = draft.clone();
        other.offices.office.certificate = draft.offices.maker.certificate.clone();
        let digest = jingyue::domain::sm::digest(file);
        let value = draft.offices.office.sign(&digest);
        signed_data(&other, Some(&digest), &signer_info(draft, &[], &value))
    });
    expect_failed(&report(&draft, &nobody), &["SIG.NO_SIGNER_CERT"]);
    // A right value over another file's digest.
    let other = draft.signed(|draft, _| content_form(draft, b"another"));
    expect_failed(&report(&draft, &other), &["SIG.DATAHASH_MISMATCH"]);
    let other = draft.signed(|draft, _| attribute_form(draft, b"another"));
    expect_failed(&report(&draft, &other), &["SIG.DATAHASH_MISMATCH"]);
}

// The seal.

#[test]
fn a_stolen_seal_fails() {
    let draft = draft();
    // By a stranger, and by somebody whose certificate has a chain.
    let stranger = certify(&Wanted { number: 9, ..Wanted::default() }, 9, None);
    let insider = Wanted { number: 10, organization: "11421000LAB000001A荆州市测试局", ..Wanted::default() };
    let insider = certify(&insider, 10, Some(&draft.offices.authority));
    for thief in [stranger, insider] {
        let mut stolen = draft.clone();
        stolen.offices.office = thief;
        expect_failed(&report(&draft, &stolen.sealed()), &["SEAL.SIGNER_NOT_LISTED"]);
    }
}

#[test]
fn a_forged_seal_is_not_accepted() {
    let mut draft = draft();
    let maker = Wanted { number: 11, organization: "", common_name: "测试制章系统", ..Wanted::default() };
    let trusted = draft.clone();
    draft.offices.maker = certify(&maker, 11, None);
    expect_open(&report(&trusted, &draft.sealed()), &["SEAL.SEALER_UNTRUSTED", "CERT.NO_TRUSTED_PATH"]);
    // An office that makes its own.
    draft.offices.maker = draft.offices.office.clone();
    expect_open(&report(&trusted, &draft.sealed()), &["SEAL.SEALER_UNTRUSTED"]);
}

#[test]
fn an_altered_seal_fails() {
    let draft = draft();
    let mut members = draft.sealed();
    let file = member(&mut members, "Sign_0/Signature.xml").clone();
    let mut seal = draft.seal();
    let picture = seal.windows(7).position(|window| window == b"picture").unwrap();
    seal[picture] ^= 1;
    *member(&mut members, "SignedValue.dat") = draft.value(&seal, &file);
    *member(&mut members, "Seal.esl") = seal;
    expect_failed(&report(&draft, &members), &["SEAL.SIGNATURE_INVALID"]);
}

#[test]
fn a_swapped_seal_file_fails() {
    let mut members = draft().sealed();
    *member(&mut members, "Seal.esl") = Draft { seal_until: "20380101000000Z", ..draft() }.seal();
    expect_failed(&report(&draft(), &members), &["SEAL.FILE_MISMATCH"]);
}

#[test]
fn a_seal_that_had_ended_fails() {
    let draft = Draft { seal_until: "20240101000000Z", ..draft() };
    expect_failed(&report(&draft, &draft.sealed()), &["SEAL.EXPIRED_AT_SIGNING"]);
    let early = Draft { time: "20191231000000Z", xml_time: "20191231000000Z", ..Draft::new() };
    expect_failed(&report(&early, &early.sealed()), &["SEAL.NOT_YET_VALID", "CERT.NOT_YET_VALID"]);
}

// Time.

#[test]
fn times_that_cannot_be() {
    let future = Draft { time: "20240701000000Z", xml_time: "20240701000000Z", ..draft() };
    expect_failed(&report(&future, &future.sealed()), &["SIG.TIME_IN_FUTURE"]);
    let apart = Draft { xml_time: "20240316120000Z", ..draft() };
    expect_open(&report(&apart, &apart.sealed()), &["SIG.TIME_MISMATCH"]);
}

#[test]
fn what_has_ended_since_needs_a_proof_of_time() {
    let draft = Draft { seal_until: "20240501000000Z", ..draft() };
    expect_open(&report(&draft, &draft.sealed()), &["SIG.NO_POE", "SEAL.EXPIRED_NOW"]);
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let later = verify(&pack(&Draft::new().sealed()), &trust, 2_300_000_000);
    expect_open(&later, &["SIG.NO_POE", "CERT.EXPIRED_NOW"]);
    assert!(later.codes().contains(&"CERT.REVOCATION_STALE"));
}

// The licence.

#[test]
fn licences_that_contradict_themselves_are_rejected() {
    let rejected = |name: &str, value: &str, code: &str| {
        let mut draft = draft();
        draft.set(name, value);
        expect(&report(&draft, &draft.sealed()), Indication::TotalPassed, Decision::Reject, &[code]);
    };
    let identifier = draft().metadata[2].1.clone();
    let wrong = if identifier.ends_with('0') { "1" } else { "0" };
    rejected("ZZBS", &format!("{}{wrong}", &identifier[..identifier.len() - 1]), "LIC.ID_CHECK_CHAR");
    rejected("ZZLXDM", "11100000000013338W011", "LIC.ID_FIELD_MISMATCH");
    rejected("ZZBFJGDM", "11421000LAB000001A", "LIC.SEAL_ORG_MISMATCH");
    rejected("ZZYXQJZRQ", "2024-05-31", "LIC.EXPIRED");
    rejected("ZZYXQQSRQ", "2024-06-02", "LIC.NOT_YET_VALID");
}

#[test]
fn licences_that_cannot_be_judged_are_open() {
    let open = |name: &str, value: &str, code: &str| {
        let mut draft = draft();
        draft.set(name, value);
        expect(&report(&draft, &draft.sealed()), Indication::TotalPassed, Decision::Review, &[code]);
    };
    open("ZZBS", "1.2.156.3003.2.11100000MB0143028R001.11430600LAB0000011.1.001.1", "LIC.ID_SYNTAX");
    open("ZZBS", "1.2.156.3005.2.11100000MB0143028R001.11430600LAB0000011.1_1.001.1", "LIC.ID_UNCOMPUTABLE");
    open("ZZYXQJZRQ", "someday", "LIC.DATE");
    let bare = Draft { metadata: Vec::new(), ..draft() };
    expect(&report(&bare, &bare.sealed()), Indication::TotalPassed, Decision::Review, &["LIC.NO_METADATA"]);
    let mut forever = draft();
    forever.set("ZZYXQJZRQ", "长期");
    expect_passed(&report(&forever, &forever.sealed()), &[]);
}

#[test]
fn a_last_day_counts_until_its_end_in_beijing() {
    let mut draft = draft();
    draft.set("ZZYXQJZRQ", "2024-05-31");
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let file = pack(&draft.sealed());
    assert_eq!(verify(&file, &trust, AT - 1).decision, Decision::Accept);
    assert_eq!(verify(&file, &trust, AT).decision, Decision::Reject);
}

// SignedData.

const GM: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 6, 1, 4, 2];
const SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x11];

fn gm(kind: u8) -> Vec<u8> {
    oid(&[GM, &[kind]].concat())
}

pub(crate) fn signed_data(draft: &Draft, content: Option<&[u8]>, signers: &[u8]) -> Vec<u8> {
    let content = content.map_or(Vec::new(), |content| tlv(0xa0, &[&octets(content)]));
    let data = sequence(&[
        &number(1),
        &tlv(0x31, &[&sequence(&[&oid(SM3)])]),
        &sequence(&[&gm(1), &content]),
        &tlv(0xa0, &[&draft.offices.office.certificate]),
        &tlv(0x31, &[signers]),
    ]);
    sequence(&[&gm(2), &tlv(0xa0, &[&data])])
}

pub(crate) fn signer_info(draft: &Draft, attributes: &[u8], value: &[u8]) -> Vec<u8> {
    let attributes = if attributes.is_empty() { Vec::new() } else { tlv(0xa0, &[attributes]) };
    let sign = oid(&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d, 1]);
    let issuer = &draft.offices.authority.name;
    sequence(&[
        &number(1),
        &sequence(&[issuer, &number(3)]),
        &sequence(&[&oid(SM3)]),
        &attributes,
        &sequence(&[&sign]),
        &octets(value),
    ])
}

pub(crate) fn content_form(draft: &Draft, file: &[u8]) -> Vec<u8> {
    let digest = jingyue::domain::sm::digest(file);
    signed_data(draft, Some(&digest), &signer_info(draft, &[], &draft.offices.office.sign(&digest)))
}

pub(crate) fn attribute_form(draft: &Draft, file: &[u8]) -> Vec<u8> {
    let digest = jingyue::domain::sm::digest(file);
    let attribute = |last: u8, value: &[u8]| {
        sequence(&[&oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, last]), &tlv(0x31, &[value])])
    };
    let attributes = [attribute(3, &gm(1)), attribute(5, &time(SIGNED)), attribute(4, &octets(&digest))].concat();
    let value = draft.offices.office.sign(&tlv(0x31, &[&attributes]));
    signed_data(draft, None, &signer_info(draft, &attributes, &value))
}
