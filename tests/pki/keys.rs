//! Key files: ours, OpenSSL's and GmSSL's way; with wrong passwords and damage.

use crate::support::key;
use crate::support::one_bit_of_each_byte;
use crate::support::openssl_ok;
use jingyue::domain::key::Key;
use jingyue::domain::key::KeyId;
use jingyue::domain::key::file;
use jingyue::domain::key::file::FileFault;
use jingyue::domain::key::file::Stirring;
use jingyue::edge::keys::KeyRing;
use std::sync::Arc;

#[test]
fn openssl_reads_what_we_write_and_we_read_what_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let own = key(1);
    std::fs::write(at("own.pem"), file::pem("PRIVATE KEY", &file::write(own.reveal())).as_bytes()).unwrap();
    openssl_ok(folder.path(), "pkey -in own.pem -check -noout");
    let der = openssl_ok(folder.path(), "pkey -in own.pem -outform DER");
    assert_eq!(file::read(&der, None).unwrap().public(), own.public());

    openssl_ok(folder.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out theirs.pem");
    let theirs = file::read(&std::fs::read(at("theirs.pem")).unwrap(), None).unwrap();
    std::fs::write(at("password"), "国密 secret").unwrap();
    for (name, line) in [
        ("sec1", "ec -in theirs.pem"),
        ("sec1 of DER", "ec -in theirs.pem -outform DER"),
        ("parameters first", "ec -in theirs.pem -param_enc named_curve"),
        ("SM4, SHA-256", "pkcs8 -topk8 -in theirs.pem -v2 sm4-cbc -passout file:password"),
        ("SM4, SHA-1", "pkcs8 -topk8 -in theirs.pem -v2 sm4-cbc -v2prf hmacWithSHA1 -passout file:password"),
        ("SM4, rounds", "pkcs8 -topk8 -in theirs.pem -v2 sm4-cbc -iter 5000 -passout file:password"),
        ("AES-256", "pkcs8 -topk8 -in theirs.pem -v2 aes-256-cbc -passout file:password -outform DER"),
        ("AES-192", "pkcs8 -topk8 -in theirs.pem -v2 aes-192-cbc -passout file:password"),
        ("AES-128", "pkcs8 -topk8 -in theirs.pem -v2 aes-128-cbc -passout file:password"),
    ] {
        let bytes = openssl_ok(folder.path(), line);
        let read = file::read(&bytes, Some("国密 secret".as_bytes()));
        assert_eq!(read.map(|key| *key.public()), Ok(*theirs.public()), "{name}");
        if !name.starts_with("sec1") && name != "parameters first" {
            assert_eq!(file::read(&bytes, None).unwrap_err(), FileFault::NeedsPassword, "{name}");
            assert_eq!(file::read(&bytes, Some(b"wrong")).unwrap_err(), FileFault::WrongPassword, "{name}");
        }
    }
    let sealed =
        file::write_encrypted(own.reveal(), "国密 secret".as_bytes(), &[1; 16], &[2; 16], Stirring::Sha256, 2048);
    std::fs::write(at("sealed.der"), sealed).unwrap();
    let opened = openssl_ok(folder.path(), "pkey -in sealed.der -inform DER -passin file:password -outform DER");
    assert_eq!(file::read(&opened, None).unwrap().public(), own.public());
}

/// GmSSL writes HMAC-SM3 under a number of its own; the standard has another. Both are read.
#[test]
fn hmac_sm3_stirs_under_both_of_its_numbers() {
    let own = key(2);
    for stirring in [Stirring::Sm3, Stirring::Sm3OfStandard, Stirring::Sha256, Stirring::Sha1] {
        let sealed = file::write_encrypted(own.reveal(), b"password", &[1; 16], &[2; 16], stirring, 1000);
        let read = file::read(&sealed, Some(b"password")).unwrap();
        assert_eq!(read.public(), own.public(), "{stirring:?}");
        assert_eq!(file::read(&sealed, Some(b"passwort")).unwrap_err(), FileFault::WrongPassword);
    }
}

/// See `tests/vectors/README.md`: an error in our own derivation cannot hide behind itself.
#[test]
fn a_file_that_we_did_not_make_opens() {
    let bytes = include_bytes!("../vectors/sm2-key-pbes2-hmac-sm3.pem");
    let read = file::read(bytes, Some(b"password")).unwrap();
    assert_eq!(KeyId::of(read.public()).to_string(), include_str!("../vectors/sm2-key-pbes2-hmac-sm3.id").trim());
}

#[test]
fn damaged_key_files_are_refused_and_nothing_panics() {
    let own = key(3);
    let der = file::write(own.reveal());
    for cut in 0..der.len() {
        assert!(file::read(&der[..cut], None).is_err(), "cut at {cut}");
    }
    for bit in one_bit_of_each_byte(&der) {
        let mut changed = der.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The version may change from 0 to 1; everything else is seen, the scalar by the public key beside it.
        if let Ok(read) = file::read(&changed, None) {
            assert_eq!(read.public(), own.public(), "bit {bit}");
        }
    }
    let sealed = file::write_encrypted(own.reveal(), b"password", &[1; 16], &[2; 16], Stirring::Sm3, 1);
    for bit in one_bit_of_each_byte(&sealed) {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let _ = file::read(&changed, Some(b"password"));
    }
    for text in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "密钥"]
    {
        assert_eq!(file::read(text.as_bytes(), None).unwrap_err(), FileFault::NotAKey, "{text}");
    }
    assert_eq!(file::read(&vec![0x30; file::FILE_BYTES_MAX + 1], None).unwrap_err(), FileFault::NotAKey);
    let many = file::write_encrypted(own.reveal(), b"p", &[1; 16], &[2; 16], Stirring::Sha256, 1);
    let rounds = many.windows(3).position(|window| window == [2, 1, 1]).unwrap();
    let mut greedy = many.clone();
    greedy.splice(rounds..rounds + 3, [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    assert!(file::read(&greedy, Some(b"p")).is_err(), "it must not take years to say so");
}

#[test]
fn the_wrong_kind_of_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let line = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    assert_eq!(file::read(&openssl_ok(folder.path(), line), None).unwrap_err(), FileFault::NotSm2);
}

#[test]
fn keys_rotate_under_ids_and_show_nothing() {
    let (old, new) = (Arc::new(key(4)), Arc::new(key(5)));
    let sealed = old.public().encrypt(b"before", &[6; 48]).unwrap();
    let ring = KeyRing::new(new.clone(), vec![old.clone()]);
    let (by, plain) = ring.decrypt(&sealed).unwrap();
    assert_eq!((by, plain.as_slice()), (old.id(), &b"before"[..]));
    assert_eq!(ring.current().id(), new.id());
    assert_eq!(ring.ids().collect::<Vec<_>>(), [new.id(), old.id()]);
    assert!(ring.find(old.id()).is_some());
    assert!(KeyRing::new(new.clone(), Vec::new()).decrypt(&sealed).is_err());
    assert_eq!(KeyId::parse(&old.id().to_string()), Some(old.id()));
    assert_eq!(format!("{old:?}"), format!("SoftwareKey({})", old.id()));
}
