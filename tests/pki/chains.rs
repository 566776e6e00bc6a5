//! Chains and revocation: what is good, and each thing that makes it bad.

use crate::support::DAY;
use crate::support::NOW;
use crate::support::Party;
use crate::support::WITH_NULL;
use crate::support::Wish;
use crate::support::below;
use crate::support::crl;
use crate::support::issue;
use crate::support::list;
use crate::support::one_bit_of_each_byte;
use crate::support::root;
use jingyue::domain::x509::Certificate;
use jingyue::domain::x509::CertificateFault;
use jingyue::domain::x509::Crl;
use jingyue::domain::x509::Kind;
use jingyue::domain::x509::Level;
use jingyue::domain::x509::Purpose;
use jingyue::domain::x509::Revocation;
use jingyue::domain::x509::Trust;
use jingyue::domain::x509::When;
use jingyue::domain::x509::is_pair;
use std::sync::Arc;

fn trust(root: &Party, lists: Vec<Crl>, level: Level) -> Trust {
    Trust::new(vec![root.certificate.clone()], lists, Revocation { level, age_max: Some(7 * DAY) }).unwrap()
}

fn plain(root: &Party) -> Trust {
    trust(root, Vec::new(), Level::Off)
}

fn judge(trust: &Trust, chain: &[&Party], purpose: Purpose, when: When) -> Result<(), CertificateFault> {
    let others: Vec<Certificate> = chain[1..].iter().map(|party| party.certificate.clone()).collect();
    trust.verify(&chain[0].certificate, &others, purpose, when).map(|_| ())
}

fn signer(issuer: &Party) -> Party {
    issue(Some(issuer), Wish::new(Kind::Signer, "CN=Office,O=Test,C=CN"))
}

#[test]
fn a_chain_is_found_whatever_its_order_and_whoever_writes_null() {
    let root = root();
    let wish = Wish::new(Kind::Authority { path_length: Some(0) }, "CN=Below,O=Test,C=CN");
    let below = issue(Some(&root), Wish { algorithm: WITH_NULL, ..wish });
    let leaf = signer(&below);
    let with_null = issue(Some(&below), Wish { algorithm: WITH_NULL, ..Wish::new(Kind::Signer, "CN=Null") });
    let trust = plain(&root);
    let when = When::now(NOW);
    judge(&trust, &[&leaf, &below], Purpose::Sign, when).unwrap();
    judge(&trust, &[&leaf, &root, &with_null, &below], Purpose::Sign, when).unwrap();
    judge(&trust, &[&with_null, &below], Purpose::Sign, when).unwrap();
    let path = trust.verify(&leaf.certificate, std::slice::from_ref(&below.certificate), Purpose::Sign, when).unwrap();
    assert_eq!(path.certificates, [&leaf, &below, &root].map(|party| party.certificate.clone()));
}

#[test]
fn each_fault_has_its_name() {
    let root = root();
    let below = below(&root);
    let leaf = signer(&below);
    let trust = plain(&root);
    let now = When::now(NOW);
    let says = |chain: &[&Party], purpose, when, fault: CertificateFault| {
        assert_eq!(judge(&trust, chain, purpose, when), Err(fault), "{}", fault.code());
    };
    says(&[&leaf], Purpose::Sign, now, CertificateFault::NoTrustedPath);
    says(&[&leaf, &below], Purpose::Sign, When::now(NOW + 366 * DAY), CertificateFault::Expired);
    says(&[&leaf, &below], Purpose::Sign, When::now(NOW - 2 * DAY), CertificateFault::NotYetValid);
    says(&[&leaf, &below], Purpose::Decrypt, now, CertificateFault::KeyUsage);
    says(&[&leaf, &below], Purpose::StampTime, now, CertificateFault::KeyUsage);
    let stranger = self::root();
    let strange = signer(&stranger);
    says(&[&strange, &stranger], Purpose::Sign, now, CertificateFault::SignatureInvalid);
    // A leaf that issues, and one authority too many.
    says(&[&signer(&leaf), &leaf, &below], Purpose::Sign, now, CertificateFault::IssuerNotAuthority);
    let third = issue(Some(&below), Wish::new(Kind::Authority { path_length: None }, "CN=Third"));
    says(&[&signer(&third), &third, &below], Purpose::Sign, now, CertificateFault::PathLength);
    let encrypting = issue(Some(&below), Wish::new(Kind::TlsEncryption, "CN=Encrypt"));
    says(&[&encrypting, &below], Purpose::Sign, now, CertificateFault::KeyUsage);
    says(&[&encrypting, &below], Purpose::TlsServerSign, now, CertificateFault::KeyUsage);
    judge(&trust, &[&encrypting, &below], Purpose::TlsServerEncryption, now).unwrap();
    let pair = issue(Some(&below), Wish::new(Kind::TlsSign, "CN=Encrypt"));
    assert!(is_pair(&pair.certificate, &encrypting.certificate));
    assert!(!is_pair(&encrypting.certificate, &pair.certificate));
    assert!(!is_pair(&leaf.certificate, &encrypting.certificate));
    let crowd: Vec<&Party> = std::iter::once(&leaf).chain(std::iter::repeat_n(&below, 7)).collect();
    says(&crowd, Purpose::Sign, now, CertificateFault::PathLength);
}

#[test]
fn an_old_root_is_no_root() {
    let wish = Wish::new(Kind::Authority { path_length: None }, "CN=Old");
    let old = issue(None, Wish { validity: (NOW - 10 * DAY, NOW - DAY), ..wish });
    let leaf = signer(&old);
    assert_eq!(judge(&plain(&old), &[&leaf], Purpose::Sign, When::now(NOW)), Err(CertificateFault::Expired));
}

#[test]
fn a_changed_bit_in_any_byte_of_a_certificate_is_seen() {
    let root = root();
    let leaf = signer(&root);
    let trust = plain(&root);
    let der = leaf.certificate.der();
    for bit in one_bit_of_each_byte(der) {
        let mut changed = der.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(certificate) = Certificate::from_der(&changed) {
            let judged = trust.verify(&certificate, &[], Purpose::Sign, When::now(NOW));
            assert!(judged.is_err(), "bit {bit}");
        }
    }
}

#[test]
fn revocation_has_a_time_and_a_freshness() {
    let (root, now) = (root(), When::now(NOW));
    let below = below(&root);
    let leaf = signer(&below);
    let chain = [&leaf, &below];
    let of_root = || crl(&list(&root, &[], NOW - DAY));
    let with = |of_below: Vec<u8>| trust(&root, vec![of_root(), crl(&of_below)], Level::Required);
    judge(&with(list(&below, &[], NOW - DAY)), &chain, Purpose::Sign, now).unwrap();

    let revoked = with(list(&below, &[(&leaf.certificate, NOW - DAY / 2)], NOW - DAY / 4));
    assert_eq!(judge(&revoked, &chain, Purpose::Sign, now), Err(CertificateFault::Revoked));
    // What was signed before that stays signed, and the path says that the certificate was revoked later.
    let earlier = When { at: NOW - DAY * 3 / 4, now: NOW };
    let path =
        revoked.verify(&leaf.certificate, std::slice::from_ref(&below.certificate), Purpose::Sign, earlier).unwrap();
    assert_eq!(path.revoked_later, Some(NOW - DAY / 2));

    let stale = with(list(&below, &[], NOW - 8 * DAY));
    assert_eq!(judge(&stale, &chain, Purpose::Sign, now), Err(CertificateFault::RevocationStale));
    // A clock may be a little late; a list of tomorrow is a mistake, or somebody's plan.
    let ahead = |by| with(list(&below, &[], NOW + by));
    judge(&ahead(300), &chain, Purpose::Sign, now).unwrap();
    assert_eq!(judge(&ahead(301), &chain, Purpose::Sign, now), Err(CertificateFault::RevocationEarly));
    let lists = vec![of_root(), crl(&list(&below, &[], NOW + DAY)), crl(&list(&below, &[], NOW - DAY))];
    judge(&trust(&root, lists, Level::Required), &chain, Purpose::Sign, now).unwrap();
    let none = trust(&root, vec![of_root()], Level::Required);
    assert_eq!(judge(&none, &chain, Purpose::Sign, now), Err(CertificateFault::RevocationUnknown));
    let tolerant = trust(&root, vec![of_root()], Level::IfKnown);
    let path =
        tolerant.verify(&leaf.certificate, std::slice::from_ref(&below.certificate), Purpose::Sign, now).unwrap();
    assert!(path.revocation_unknown);
    // Another's list says nothing, even under the same name.
    let stranger = self::below(&root);
    let forged = with(list(&stranger, &[], NOW - DAY));
    assert_eq!(judge(&forged, &chain, Purpose::Sign, now), Err(CertificateFault::RevocationUnknown));
    // The authority itself.
    let lists = vec![crl(&list(&root, &[(&below.certificate, NOW - DAY)], NOW - DAY)), crl(&list(&below, &[], NOW))];
    let gone = trust(&root, lists, Level::IfKnown);
    assert_eq!(judge(&gone, &chain, Purpose::Sign, now), Err(CertificateFault::Revoked));
}

#[test]
fn what_was_verified_is_kept_only_as_long_as_it_is_good() {
    let root = root();
    let leaf = signer(&root);
    let trust = trust(&root, vec![crl(&list(&root, &[], NOW - DAY))], Level::Required);
    let verify = |purpose, now| trust.verify(&leaf.certificate, &[], purpose, When::now(now));
    let first = verify(Purpose::Sign, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &verify(Purpose::Sign, NOW + DAY).unwrap()));
    assert_eq!(verify(Purpose::Decrypt, NOW).unwrap_err(), CertificateFault::KeyUsage);
    assert_eq!(verify(Purpose::Sign, NOW + 7 * DAY).unwrap_err(), CertificateFault::RevocationStale);
    assert_eq!(verify(Purpose::Sign, NOW - 2 * DAY).unwrap_err(), CertificateFault::NotYetValid);
}
