//! Encryption key pairs in an envelope for the signing key: against OpenSSL, at the command line, and damaged.

use crate::support::jingyue;
use crate::support::jingyue_ok;
use crate::support::key;
use crate::support::one_bit_of_each_byte;
use crate::support::openssl_ok;
use jingyue::domain::asn;
use jingyue::domain::asn::ObjectIdentifier;
use jingyue::domain::asn::Reader;
use jingyue::domain::asn::tag;
use jingyue::domain::envelope::EnvelopeFault;
use jingyue::domain::envelope::KeyPairSecrets;
use jingyue::domain::envelope::SealedKeyPair;
use jingyue::domain::envelope::seal_key_pair;
use jingyue::domain::key::Key;
use jingyue::domain::key::file;
use jingyue::domain::sm::hex;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm4;
use jingyue::edge::keys::SoftwareKey;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

const CONTENT_KEY: [u8; 16] = [0x5a; 16];

fn sealed(recipient: &SoftwareKey, pair: &SoftwareKey) -> Vec<u8> {
    let secrets = KeyPairSecrets { content_key: Zeroizing::new(CONTENT_KEY), noise: Zeroizing::new([3; 48]) };
    seal_key_pair(recipient.public(), pair.reveal(), &secrets).unwrap()
}

fn open(der: &[u8], key: &dyn Key) -> Result<PrivateKey, EnvelopeFault> {
    SealedKeyPair::read(der)?.open(key)
}

/// An envelope from its parts.
fn assemble(algorithm: &[u8], sealed: &[u8], point: &[u8], hidden: &[u8]) -> Vec<u8> {
    asn::sequence(&[algorithm, sealed, &asn::bits(point), &asn::bits(hidden)])
}

fn algorithm(oid: &str) -> Vec<u8> {
    asn::sequence(&[&asn::oid(ObjectIdentifier::new_unwrap(oid))])
}

fn hidden(number: &[u8; 32]) -> [u8; 32] {
    let mut hidden = *number;
    sm4::ecb_encrypt(&sm4::Key::new(&CONTENT_KEY), &mut hidden).unwrap();
    hidden
}

#[test]
fn a_pair_opens_for_its_signing_key_only() {
    let (signing, pair) = (key(1), key(2));
    let der = sealed(&signing, &pair);
    let opened = open(&der, &signing).unwrap();
    assert_eq!(opened.to_bytes(), pair.reveal().to_bytes());
    assert_eq!(SealedKeyPair::read(&der).unwrap().public(), pair.public());
    assert_eq!(open(&der, &key(3)).unwrap_err(), EnvelopeFault::NotOpened);
    assert_eq!(open(&der, &pair).unwrap_err(), EnvelopeFault::NotOpened);
    // Where SM4 is named without its mode, and without parameters.
    let ciphertext = signing.public().encrypt(&CONTENT_KEY, &[7; 48]).unwrap();
    let (point, number) = (pair.public().to_bytes(), hidden(&pair.reveal().to_bytes()));
    for oid in ["1.2.156.10197.1.104", "1.2.156.10197.1.104.1"] {
        let other = assemble(&algorithm(oid), &ciphertext, &point, &number);
        assert_eq!(open(&other, &signing).unwrap().to_bytes(), pair.reveal().to_bytes(), "{oid}");
    }
}

#[test]
fn what_is_not_as_it_should_be_is_a_fault() {
    let (signing, pair) = (key(1), key(2));
    let der = sealed(&signing, &pair);
    for bit in one_bit_of_each_byte(&der) {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = open(&changed, &signing);
        // NULL turned into another element is a parameter; whatever opens must be the pair that was sent.
        assert!(opened.is_err(), "bit {bit}: opened");
    }
    for length in 0..der.len() {
        assert!(open(&der[..length], &signing).is_err(), "{length} bytes");
    }
    assert_eq!(open(&[&der[..], &[0]].concat(), &signing).unwrap_err(), EnvelopeFault::Malformed);
    assert_eq!(open(&vec![0x30; 5000], &signing).unwrap_err(), EnvelopeFault::TooLarge);

    let ciphertext = signing.public().encrypt(&CONTENT_KEY, &[7; 48]).unwrap();
    let short = signing.public().encrypt(&CONTENT_KEY[..15], &[7; 48]).unwrap();
    let (ecb, cbc) = (algorithm("1.2.156.10197.1.104.1"), algorithm("1.2.156.10197.1.104.2"));
    let (point, number) = (pair.public().to_bytes(), pair.reveal().to_bytes());
    let other = key(4).public().to_bytes();
    let order = [
        0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x72, 0x03,
        0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23,
    ];
    let mut off_the_curve = point;
    off_the_curve[64] ^= 1;
    for (what, der, expected) in [
        ("CBC", assemble(&cbc, &ciphertext, &point, &hidden(&number)), EnvelopeFault::Unsupported),
        ("a short key of SM4", assemble(&ecb, &short, &point, &hidden(&number)), EnvelopeFault::NotOpened),
        ("zero", assemble(&ecb, &ciphertext, &point, &hidden(&[0; 32])), EnvelopeFault::NotOpened),
        ("the order", assemble(&ecb, &ciphertext, &point, &hidden(&order)), EnvelopeFault::NotOpened),
        ("another public half", assemble(&ecb, &ciphertext, &other, &hidden(&number)), EnvelopeFault::NotOpened),
        ("no point", assemble(&ecb, &ciphertext, &off_the_curve, &hidden(&number)), EnvelopeFault::Malformed),
        ("padding", assemble(&ecb, &ciphertext, &point, &[0; 48]), EnvelopeFault::Unsupported),
        ("no private half", assemble(&ecb, &ciphertext, &point, &[]), EnvelopeFault::Unsupported),
    ] {
        assert_eq!(open(&der, &signing).unwrap_err(), expected, "{what}");
    }
}

/// The parts of an envelope: ciphertext of the key of SM4, hidden private half.
fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut inside = Reader::of_sequence(der).unwrap();
    inside.algorithm().unwrap();
    let sealed = inside.raw_of(tag::SEQUENCE).unwrap().to_vec();
    inside.bits().unwrap();
    (sealed, inside.bits().unwrap().to_vec())
}

#[test]
fn openssl_reads_ours_and_we_read_openssls() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (signing, pair) = (key(1), key(2));
    fs::write(at.join("sign.pem"), file::pem("PRIVATE KEY", &file::write(signing.reveal())).as_bytes()).unwrap();
    fs::write(at.join("sign.pub"), openssl_ok(at, "pkey -in sign.pem -pubout")).unwrap();
    let (ciphertext, number) = parts(&sealed(&signing, &pair));
    fs::write(at.join("ciphertext"), ciphertext).unwrap();
    fs::write(at.join("hidden"), number).unwrap();
    let content_key = openssl_ok(at, "pkeyutl -decrypt -in ciphertext -inkey sign.pem");
    let plain = openssl_ok(at, &format!("enc -d -sm4-ecb -nopad -K {} -in hidden", hex(&content_key)));
    assert_eq!(plain, pair.reveal().to_bytes().as_slice());

    fs::write(at.join("key"), [0x77; 16]).unwrap();
    fs::write(at.join("number"), pair.reveal().to_bytes().as_slice()).unwrap();
    let ciphertext = openssl_ok(at, "pkeyutl -encrypt -in key -pubin -inkey sign.pub");
    let number = openssl_ok(at, &format!("enc -sm4-ecb -nopad -K {} -in number", hex(&[0x77; 16])));
    let der = assemble(&algorithm("1.2.156.10197.1.104.1"), &ciphertext, &pair.public().to_bytes(), &number);
    assert_eq!(open(&der, &signing).unwrap().to_bytes(), pair.reveal().to_bytes());
}

fn code(at: &Path, line: &str) -> Option<i32> {
    jingyue(at, line).status.code()
}

/// One request of the signing key gives two certificates, and the second key in its envelope.
#[test]
fn a_request_for_a_pair_is_served_and_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("password"), "composed-password-of-a-test\n").unwrap();
    jingyue_ok(at, "pki root --out root --name CN=Root,O=Test,C=CN");
    jingyue_ok(at, "sm generate --out sign.key");
    fs::write(at.join("sign.csr"), jingyue_ok(at, "pki request --key sign.key --name CN=gateway,C=CN")).unwrap();
    jingyue_ok(at, "pki issue --ca root --kind pair --request sign.csr --out gw --host gateway.example");
    for (purpose, name) in [("tls-server", "gw-sign.pem"), ("tls-server-encryption", "gw-encrypt.pem")] {
        jingyue_ok(at, &format!("pki verify --trust root/ca.pem --purpose {purpose} {name}"));
    }
    assert!(!at.join("gw-encrypt.key").exists(), "the authority keeps nothing in the clear");

    let import = "pki import-envelope --key sign.key";
    let whole = format!("{import} --certificate gw-encrypt.pem");
    jingyue_ok(at, &format!("{whole} --out encrypt.key --out-password-file password gw-encrypt.envelope"));
    fs::write(at.join("sealed"), jingyue_ok(at, "sm encrypt --certificate gw-encrypt.pem sign.csr")).unwrap();
    let opened = jingyue_ok(at, "sm decrypt --key encrypt.key --password-file password sealed");
    assert_eq!(opened, fs::read(at.join("sign.csr")).unwrap());
    // As text, which portals send; and a file that is there stays.
    let base64 = openssl_ok(at, "base64 -in gw-encrypt.envelope");
    fs::write(at.join("text"), base64).unwrap();
    jingyue_ok(at, &format!("{whole} --out plain.key text"));
    openssl_ok(at, "pkey -in plain.key -noout -check");
    assert_eq!(code(at, &format!("{whole} --out plain.key text")), Some(1));

    // The wrong certificate, the wrong key, and what is no envelope.
    assert_eq!(code(at, &format!("{import} --certificate gw-sign.pem --out no.key text")), Some(1));
    jingyue_ok(at, "sm generate --out other.key");
    let other = "pki import-envelope --key other.key --certificate gw-encrypt.pem --out no.key text";
    let output = jingyue(at, other);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("MSG.NOT_OPENED"), "{told}");
    assert_eq!(code(at, &format!("{whole} --out no.key sign.csr")), Some(1));
    assert!(!at.join("no.key").exists());
}
