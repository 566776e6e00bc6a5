//! Against OpenSSL's command line, which `tests/tools.sh` installs.

use crate::noise::Noise;
use jingyue::domain::sm::hex;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;

/// What OpenSSL writes when it reads `input`.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let child = Command::new("openssl").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("openssl, which tests/tools.sh installs");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

#[test]
fn sm3_of_openssl() {
    let mut noise = Noise::new("sm3_of_openssl");
    for length in [0, 1, 55, 56, 64, 1000, 20_000] {
        let message = noise.bytes(length);
        assert_eq!(openssl(&["dgst", "-sm3", "-binary"], &message), sm3::digest_parts(&[&message]), "{length}");
    }
}

#[test]
fn sm4_of_openssl() {
    let mut noise = Noise::new("sm4_of_openssl");
    for length in [0, 1, 15, 16, 17, 500, 20_000] {
        let (key_bytes, mut iv) = (noise.array(), noise.array());
        iv[9..].fill(0xff);
        let (key_text, iv_text) = (hex(&key_bytes), hex(&iv));
        let arguments = |mode| ["enc", mode, "-K", &key_text, "-iv", &iv_text];
        let key = sm4::Key::new(&key_bytes);
        let plain = noise.bytes(length);
        let sealed = openssl(&arguments("-sm4-cbc"), &plain);
        assert_eq!(sealed, sm4::cbc_seal(&key, &iv, &plain), "CBC {length}");
        assert_eq!(sm4::cbc_open(&key, &iv, &sealed).unwrap(), plain, "CBC back {length}");
        let mut data = plain.clone();
        sm4::ctr(&key, &iv, &mut data);
        assert_eq!(openssl(&arguments("-sm4-ctr"), &plain), data, "CTR {length}");
    }
}
