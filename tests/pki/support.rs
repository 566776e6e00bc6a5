//! Authorities and keys made on the spot, and the programs that the tests run.

use jingyue::domain::key::Key;
use jingyue::domain::key::file;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::x509;
use jingyue::domain::x509::Certificate;
use jingyue::domain::x509::Crl;
use jingyue::domain::x509::Issue;
use jingyue::domain::x509::Kind;
use jingyue::domain::x509::ListIssue;
use jingyue::domain::x509::Revoked;
use jingyue::domain::x509::SM2_SM3_ALGORITHM;
use jingyue::edge::keys::SoftwareKey;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::Once;

/// 2026-11-24T00:00:00Z, the "now" of the tests that have one of their own.
pub(crate) const NOW: i64 = 1_795_478_400;
pub(crate) const DAY: i64 = 86_400;

/// SM2-SM3 with NULL parameters.
pub(crate) const WITH_NULL: &[u8] =
    &[0x30, 0x0c, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00];

/// A key with its certificate.
pub(crate) struct Party {
    pub(crate) key: SoftwareKey,
    pub(crate) certificate: Certificate,
}

/// What is asked for; change what a test is about.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) serial: u8,
    pub(crate) validity: (i64, i64),
    pub(crate) algorithm: &'a [u8],
}

impl<'a> Wish<'a> {
    pub(crate) fn new(kind: Kind, name: &'a str) -> Self {
        Self { kind, name, serial: 7, validity: (NOW - DAY, NOW + 365 * DAY), algorithm: SM2_SM3_ALGORITHM }
    }
}

/// A key from a number.
pub(crate) fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::new(PrivateKey::generate(&[seed; 48]))
}

/// Issued by `issuer`, or by itself.
pub(crate) fn issue(issuer: Option<&Party>, wish: Wish<'_>) -> Party {
    issue_for(issuer, wish, SoftwareKey::generate().unwrap())
}

/// The same for a key that is there.
pub(crate) fn issue_for(issuer: Option<&Party>, wish: Wish<'_>, own: SoftwareKey) -> Party {
    let subject = x509::name(wish.name).unwrap();
    let (signer, name) = issuer.map_or((&own, subject.clone()), |one| (&one.key, one.certificate.subject().to_vec()));
    let (point, issuer_point) = (own.public().to_bytes(), signer.public().to_bytes());
    let issue = Issue {
        kind: wish.kind,
        algorithm: wish.algorithm,
        issuer: &name,
        issuer_point: &issuer_point,
        subject: &subject,
        point: &point,
        point_algorithm: &file::public_algorithm(),
        serial: &[0x40, wish.serial],
        not_before: wish.validity.0,
        not_after: wish.validity.1,
        names: &[],
        list_point: None,
    };
    let content = issue.to_be_signed();
    let signature = jingyue::domain::key::sign(signer, jingyue::domain::sm::sm2::DEFAULT_ID, &[&content]).unwrap();
    let der = x509::assemble(&content, wish.algorithm, &signature.to_der());
    let certificate = Certificate::from_der(&der).unwrap();
    Party { key: own, certificate }
}

pub(crate) fn root() -> Party {
    issue(None, Wish::new(Kind::Authority { path_length: Some(1) }, "CN=Root,O=Test,C=CN"))
}

pub(crate) fn below(issuer: &Party) -> Party {
    issue(Some(issuer), Wish::new(Kind::Authority { path_length: Some(0) }, "CN=Below,O=Test,C=CN"))
}

/// A list of `issuer` that is good for a week from now.
pub(crate) fn list(issuer: &Party, revoked: &[(&Certificate, i64)], this_update: i64) -> Vec<u8> {
    let revoked: Vec<_> =
        revoked.iter().map(|(one, since)| (one.serial().to_vec(), Revoked { since: *since, reason: 1 })).collect();
    let point = issuer.key.public().to_bytes();
    let list = ListIssue {
        algorithm: SM2_SM3_ALGORITHM,
        issuer: issuer.certificate.subject(),
        issuer_point: &point,
        number: 3,
        this_update,
        next_update: this_update + 7 * DAY,
        revoked: &revoked,
    };
    x509::sign(&issuer.key, &list.to_be_signed()).unwrap()
}

pub(crate) fn crl(der: &[u8]) -> Crl {
    Crl::from_der(der).unwrap()
}

/// OpenSSL, with the arguments of one line. It is installed where it is missing.
pub(crate) fn openssl(folder: &Path, line: &str) -> Output {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools.sh");
        let script = format!(". '{}' && need openssl openssl", tools.display());
        assert!(Command::new("bash").args(["-c", &script]).status().expect("bash runs").success());
    });
    Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output().expect("openssl runs")
}

/// The same, which must succeed.
pub(crate) fn openssl_ok(folder: &Path, line: &str) -> Vec<u8> {
    let output = openssl(folder, line);
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// This program, with the arguments of one line.
pub(crate) fn jingyue(folder: &Path, line: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_jingyue");
    Command::new(program).args(line.split_whitespace()).current_dir(folder).output().expect("jingyue runs")
}

/// The same, which must succeed.
pub(crate) fn jingyue_ok(folder: &Path, line: &str) -> Vec<u8> {
    let output = jingyue(folder, line);
    assert!(output.status.success(), "jingyue {line}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The number of one bit in each byte, every time another of the eight.
pub(crate) fn one_bit_of_each_byte(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    (0..bytes.len()).map(|byte| byte * 8 + byte % 8)
}
