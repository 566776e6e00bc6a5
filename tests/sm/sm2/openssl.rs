//! OpenSSL 3 on the command line, both directions. `tests/tools.sh` installs it.

use super::key;
use super::noise;
use jingyue::domain::sm::hex;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::Signature;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

fn openssl(folder: &Path, line: &str) -> Output {
    let output = Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output();
    output.expect("openssl is missing: run tests/tools.sh")
}

fn must(folder: &Path, line: &str) {
    let output = openssl(folder, line);
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// RFC 5915 without its optional parts being left out, in DER: what `openssl ec` reads.
fn sec1(key: &PrivateKey) -> Vec<u8> {
    let number = key.to_bytes();
    let parts = [
        b"\x30\x77\x02\x01\x01\x04\x20".as_slice(),
        number.as_slice(),
        // The curve: 1.2.156.10197.1.301.
        b"\xa0\x0a\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d\xa1\x44\x03\x42\x00",
        &key.public().to_bytes(),
    ];
    parts.concat()
}

/// A folder with the key as `private.pem` and `public.pem`.
fn folder(key: &PrivateKey) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key.der"), sec1(key)).unwrap();
    must(folder.path(), "pkey -inform DER -in key.der -out private.pem");
    must(folder.path(), "pkey -in private.pem -pubout -out public.pem");
    folder
}

#[test]
fn signatures_both_ways() {
    let own = key(11);
    let folder = folder(&own);
    let path = folder.path();
    for (number, id) in [(1, DEFAULT_ID), (2, b"ALICE123@YAHOO.COM".as_slice())] {
        let options = format!("-pkeyopt distid:{}", std::str::from_utf8(id).unwrap());
        let text = format!("message {number}");
        fs::write(path.join("text"), &text).unwrap();
        let signature = own.sign(id, &[text.as_bytes()], &noise("nonce", number)).unwrap().to_der();
        fs::write(path.join("signature"), signature).unwrap();
        let verify = format!(
            "pkeyutl -verify -pubin -inkey public.pem -rawin -digest sm3 -in text -sigfile signature {options}"
        );
        must(path, &verify);
        fs::write(path.join("text"), "another").unwrap();
        assert!(!openssl(path, &verify).status.success());
        must(path, &format!("pkeyutl -sign -inkey private.pem -rawin -digest sm3 -in text -out signature {options}"));
        let made = Signature::from_der(&fs::read(path.join("signature")).unwrap()).unwrap();
        assert!(own.public().verify(id, &[b"another"], &made).is_ok());
        assert!(own.public().verify(id, &[b"message"], &made).is_err());
    }
}

#[test]
fn encryption_both_ways() {
    let own = key(12);
    let folder = folder(&own);
    let path = folder.path();
    for number in 1..=5 {
        let text = hex(&noise::<40>("text", number));
        fs::write(path.join("sealed"), own.public().encrypt(text.as_bytes(), &noise("nonce", number)).unwrap())
            .unwrap();
        must(path, "pkeyutl -decrypt -inkey private.pem -in sealed -out opened");
        assert_eq!(fs::read_to_string(path.join("opened")).unwrap(), text);
        fs::write(path.join("text"), &text).unwrap();
        must(path, "pkeyutl -encrypt -pubin -inkey public.pem -in text -out sealed");
        let sealed = fs::read(path.join("sealed")).unwrap();
        assert_eq!(own.decrypt(&sealed).unwrap().as_slice(), text.as_bytes());
    }
}
