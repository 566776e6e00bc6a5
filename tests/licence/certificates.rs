//! Attacks on certificates and their chains.

use super::build::*;
use super::*;
use base64::Engine as _;

/// A draft whose office has another certificate, listed in its seal.
fn with_office(wanted: &Wanted<'_>) -> Draft {
    let mut draft = Draft::new();
    draft.offices.office = certify(wanted, 3, Some(&draft.offices.authority));
    draft.listed = vec![draft.offices.office.certificate.clone()];
    draft
}

fn office() -> Wanted<'static> {
    Wanted { number: 3, ..Wanted::default() }
}

#[test]
fn certificates_of_an_unknown_authority_are_open() {
    let trusted = Draft::new();
    let mut rogue = Draft::new();
    let seed = |wanted: &Wanted<'_>, seed, issuer: Option<&Holder>| certify(wanted, seed, issuer);
    let authority = Wanted {
        number: 2,
        organization: "",
        common_name: "测试印章机构",
        authority: Some((true, None)),
        usage: 6,
        ..office()
    };
    rogue.offices.authority = seed(&authority, 50, Some(&rogue.offices.root));
    rogue.offices.office = seed(&office(), 51, Some(&rogue.offices.authority));
    rogue.listed = vec![rogue.offices.office.certificate.clone()];
    expect_open(&report(&trusted, &rogue.sealed()), &["CERT.NO_TRUSTED_PATH"]);
}

#[test]
fn certificates_outside_their_time_fail() {
    let ended = with_office(&Wanted { until: "20211231235959Z", ..office() });
    expect_failed(&report(&ended, &ended.sealed()), &["CERT.EXPIRED_AT_SIGNING"]);
    let early = with_office(&Wanted { from: "20240401000000Z", ..office() });
    expect_failed(&report(&early, &early.sealed()), &["CERT.NOT_YET_VALID"]);
}

#[test]
fn certificates_for_other_uses_fail() {
    for usage in [0x20, 0x38, 0x06] {
        let draft = with_office(&Wanted { usage, ..office() });
        expect_failed(&report(&draft, &draft.sealed()), &["CERT.KEY_USAGE"]);
    }
    for usage in [0x80, 0x40, 0xf0, 0xf8] {
        let draft = with_office(&Wanted { usage, ..office() });
        expect_passed(&report(&draft, &draft.sealed()), &[]);
    }
}

#[test]
fn keys_off_the_curve_and_other_algorithms_fail() {
    let bad = with_office(&Wanted { is_off_curve: true, ..office() });
    expect_failed(&report(&bad, &bad.sealed()), &["CERT.BAD_PUBLIC_KEY", "SIG.VALUE_INVALID"]);
    let weak = with_office(&Wanted { algorithm: &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], ..office() });
    let report = report(&weak, &weak.sealed());
    expect_failed(&report, &["CERT.WEAK_ALG"]);
}

#[test]
fn an_unknown_critical_extension_is_open() {
    let draft = with_office(&Wanted { has_unknown_critical: true, ..office() });
    expect_open(&report(&draft, &draft.sealed()), &["CERT.UNKNOWN_CRITICAL_EXT"]);
}

#[test]
fn a_leaf_that_issues_fails() {
    let mut draft = Draft::new();
    let leaf = draft.offices.office.clone();
    draft.offices.office = certify(&Wanted { number: 7, common_name: "43060000000007", ..office() }, 7, Some(&leaf));
    draft.listed = vec![draft.offices.office.certificate.clone()];
    let mut files = draft.offices.files(&[]);
    files.push(("leaf.cer".to_owned(), leaf.certificate.clone()));
    let report = verify(&pack(&draft.sealed()), &Trust::of_files(&files).unwrap(), AT);
    expect_failed(&report, &["CERT.ISSUER_NOT_CA"]);
    // Also where the leaf comes with the file.
    draft.listed.push(leaf.certificate);
    expect_failed(&super::report(&draft, &draft.sealed()), &["CERT.ISSUER_NOT_CA"]);
}

#[test]
fn a_path_that_is_too_long_fails() {
    let mut draft = Draft::new();
    let authority = |number, name| Wanted {
        number,
        organization: "",
        common_name: name,
        authority: Some((true, Some(0))),
        usage: 6,
        ..Wanted::default()
    };
    draft.offices.authority = certify(&authority(2, "测试印章机构"), 2, Some(&draft.offices.root));
    let below = certify(&authority(20, "下级机构"), 20, Some(&draft.offices.authority));
    draft.offices.maker =
        certify(&Wanted { number: 4, organization: "", ..office() }, 4, Some(&draft.offices.authority));
    draft.offices.office = certify(&office(), 3, Some(&below));
    draft.listed = vec![draft.offices.office.certificate.clone()];
    let mut files = draft.offices.files(&[]);
    files.push(("below.cer".to_owned(), below.certificate.clone()));
    files.push(("below.crl".to_owned(), revoke(&below, &[], "20391231235959Z")));
    let report = verify(&pack(&draft.sealed()), &Trust::of_files(&files).unwrap(), AT);
    expect_failed(&report, &["CERT.PATHLEN"]);
}

#[test]
fn revocation() {
    let draft = Draft::new();
    let file = pack(&draft.sealed());
    let at = |revoked: &[(u8, &str)]| verify(&file, &Trust::of_files(&draft.offices.files(revoked)).unwrap(), AT);
    expect_failed(&at(&[(3, "20240101000000Z")]), &["CERT.REVOKED"]);
    expect_failed(&at(&[(4, "20240101000000Z")]), &["CERT.REVOKED"]);
    expect_passed(&at(&[(9, "20240101000000Z")]), &[]);
    // After the claimed time, which nobody proves.
    expect_open(&at(&[(3, "20240401000000Z")]), &["CERT.REVOKED", "SIG.NO_POE"]);
    let mut files = draft.offices.files(&[]);
    files.retain(|(name, _)| name != "authority.crl");
    expect_open(&verify(&file, &Trust::of_files(&files).unwrap(), AT), &["CERT.REVOCATION_UNKNOWN"]);
    files.push(("authority.crl".to_owned(), revoke(&draft.offices.authority, &[], "20240515000000Z")));
    expect_open(&verify(&file, &Trust::of_files(&files).unwrap(), AT), &["CERT.REVOCATION_STALE"]);
}

#[test]
fn a_trust_folder_tells_all_its_faults() {
    let draft = Draft::new();
    let mut files = draft.offices.files(&[]);
    files[0].1[200] ^= 1;
    files[1].1.push(0);
    let faults = Trust::of_files(&files).unwrap_err();
    assert!(faults.len() >= 3, "{faults:?}");
    assert!(Trust::of_files(&[]).is_err());
    let text = base64::engine::general_purpose::STANDARD.encode(&draft.offices.root.certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    assert!(Trust::of_files(&[("root.cer".to_owned(), pem.into_bytes())]).is_ok());
}

#[test]
fn a_chain_that_is_remembered_is_judged_anew() {
    let draft = with_office(&Wanted { until: "20240501000000Z", ..office() });
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let file = pack(&draft.sealed());
    assert_eq!(verify(&file, &trust, 1_711_000_000).decision, Decision::Accept);
    assert_eq!(verify(&file, &trust, AT).decision, Decision::Review);
    assert_eq!(verify(&file, &trust, 1_711_000_000).decision, Decision::Accept);
}
