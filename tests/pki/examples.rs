//! Certificates, lists and signed values that other programs made (see `tests/vectors/README.md`).

use jingyue::domain::envelope::EnvelopeFault;
use jingyue::domain::envelope::Message;
use jingyue::domain::envelope::Profile;
use jingyue::domain::sm;
use jingyue::domain::x509::Certificate;
use jingyue::domain::x509::CertificateFault;
use jingyue::domain::x509::Crl;
use jingyue::domain::x509::Level;
use jingyue::domain::x509::Purpose;
use jingyue::domain::x509::Revocation;
use jingyue::domain::x509::Trust;
use jingyue::domain::x509::When;
use std::path::Path;

/// 2024-05-31T16:00:00Z, when the examples are judged.
const AT: i64 = 1_717_171_200;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/licence-pki").join(name)).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&file(name)).unwrap()
}

fn trust() -> Trust {
    let lists = ["root.crl", "hn.crl", "hb.crl"].map(|name| Crl::from_der(&file(name)).unwrap()).into();
    Trust::new(vec![certificate("root.cer")], lists, Revocation { level: Level::Required, age_max: None }).unwrap()
}

#[test]
fn signers_and_seal_makers_of_both_provinces_are_good() {
    let trust = trust();
    for (leaf, authority) in [
        ("yy.cer", "hn_ca.cer"),
        ("jz.cer", "hb_ca.cer"),
        ("sealer_hn.cer", "hn_ca.cer"),
        ("sealer_hb.cer", "hb_ca.cer"),
    ] {
        let judge = |purpose, authority| {
            trust.verify(&certificate(leaf), &[certificate(authority)], purpose, When::now(AT)).map(|_| ())
        };
        assert_eq!(judge(Purpose::Sign, authority), Ok(()), "{leaf}");
        assert_eq!(judge(Purpose::Decrypt, authority), Err(CertificateFault::KeyUsage), "{leaf}");
        let other = if authority == "hn_ca.cer" { "hb_ca.cer" } else { "hn_ca.cer" };
        assert_eq!(judge(Purpose::Sign, other), Err(CertificateFault::NoTrustedPath), "{leaf}");
    }
    assert!(certificate("yy.cer").subject_text().contains("岳阳"));
    let hunan = Crl::from_der(&file("hn.crl")).unwrap();
    assert_eq!(hunan.len(), 1, "one signer was revoked");
}

#[test]
fn signed_values_of_licences_verify_with_and_without_attributes() {
    let trust = trust();
    // The content is the SM3 of the signed list: inside the one, beside the other.
    for (name, inside) in [("sign-content", true), ("sign-attrs", false)] {
        let (value, list) = (file(&format!("{name}.dat")), file(&format!("{name}.xml")));
        let message = Message::read(&value).unwrap();
        let digest = sm::digest(&list);
        assert_eq!(message.content().is_some(), inside);
        let contents: [&[u8]; 2] = [&digest, &list];
        let beside = contents.into_iter().find(|one| message.check(Profile::STANDARD, Some(one), &[]).is_ok());
        let beside = beside.unwrap_or_else(|| panic!("{name} covers neither the list nor its digest"));
        let known = [certificate("hn_ca.cer"), certificate("hb_ca.cer")];
        let signers = message.verify(Profile::STANDARD, Some(beside), &known, &trust, When::now(AT)).unwrap();
        assert_eq!(signers.len(), 1);
        let other = message.check(Profile::STANDARD, Some(b"another list"), &[]);
        assert_eq!(other.unwrap_err(), EnvelopeFault::ContentChanged, "{name}");
    }
}
