//! `jingyue sm` and `jingyue pki` against OpenSSL, both ways, and what they exit with.

use crate::support::jingyue;
use crate::support::jingyue_ok;
use crate::support::openssl;
use crate::support::openssl_ok;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

const ID: &str = "-pkeyopt distid:1234567812345678";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("message"), "岳阳 荆州\n".repeat(50)).unwrap();
    fs::write(folder.path().join("password"), "口令 one\n").unwrap();
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn digests_are_those_of_openssl() {
    let folder = folder();
    let at = folder.path();
    let first = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().next().unwrap_or_default().to_owned();
    let last = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().last().unwrap_or_default().to_owned();
    assert_eq!(first(&jingyue_ok(at, "sm digest message")), last(&openssl_ok(at, "dgst -sm3 message")));
    write(at, "mac", b"secret");
    let ours = jingyue_ok(at, "sm digest --mac-key-file mac message");
    assert_eq!(first(&ours), last(&openssl_ok(at, "dgst -sm3 -hmac secret message")));
}

#[test]
fn signatures_and_ciphertexts_go_both_ways() {
    let folder = folder();
    let at = folder.path();
    jingyue_ok(at, "sm generate --out key.pem");
    write(at, "public.pem", &jingyue_ok(at, "sm public --key key.pem"));
    assert_eq!(fs::read(at.join("public.pem")).unwrap(), openssl_ok(at, "pkey -in key.pem -pubout"));

    write(at, "ours.sig", &jingyue_ok(at, "sm sign --key key.pem message"));
    openssl_ok(
        at,
        &format!("pkeyutl -verify -rawin -digest sm3 -in message -sigfile ours.sig -pubin -inkey public.pem {ID}"),
    );
    openssl_ok(at, &format!("pkeyutl -sign -rawin -digest sm3 -in message -out theirs.sig -inkey key.pem {ID}"));
    jingyue_ok(at, "sm verify --key public.pem --signature theirs.sig message");
    let other = jingyue(at, "sm verify --key public.pem --id other --signature theirs.sig message");
    assert_eq!(other.status.code(), Some(1), "another identity is another signature");
    assert_eq!(jingyue(at, "sm verify --key public.pem --signature message message").status.code(), Some(1));

    write(at, "ours.enc", &jingyue_ok(at, "sm encrypt --key public.pem message"));
    let message = fs::read(at.join("message")).unwrap();
    assert_eq!(openssl_ok(at, "pkeyutl -decrypt -in ours.enc -inkey key.pem"), message);
    openssl_ok(at, "pkeyutl -encrypt -in message -out theirs.enc -pubin -inkey public.pem");
    assert_eq!(jingyue_ok(at, "sm decrypt --key key.pem theirs.enc"), message);
    for form in ["c1c3c2", "c1c2c3", "c1c3c2-unmarked", "c1c2c3-unmarked"] {
        write(at, "bare", &jingyue_ok(at, &format!("sm encrypt --key public.pem --form {form} message")));
        assert_eq!(jingyue_ok(at, &format!("sm decrypt --key key.pem --form {form} bare")), message);
        assert_eq!(jingyue(at, "sm decrypt --key key.pem bare").status.code(), Some(1));
    }
}

#[test]
fn nothing_is_written_that_would_not_be_read() {
    let folder = folder();
    let at = folder.path();
    jingyue_ok(at, "sm generate --out key.pem");
    write(at, "public.pem", &jingyue_ok(at, "sm public --key key.pem"));
    fs::File::create(at.join("large")).unwrap().set_len(17 << 20).unwrap();
    let refused = jingyue(at, "sm encrypt --key public.pem large");
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty() && String::from_utf8_lossy(&refused.stderr).contains("16 MiB"));
}

/// Whoever reads a process's memory, or finds it in a file after a crash, has its keys: both are forbidden before a key is
/// opened. More is written to the command than a pipe holds, so when it is written the command has begun to read.
#[test]
fn commands_with_keys_keep_their_memory_to_themselves() {
    let folder = folder();
    let at = folder.path();
    jingyue_ok(at, "sm generate --out key.pem");
    let trust = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/licence/samples/pki");
    for line in [
        "check --config /dev/stdin",
        &format!("licence verify --trust {trust} -"),
        "pki show /dev/stdin",
        "serve --config /dev/stdin",
        "sm sign --key key.pem",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jingyue"));
        let command = command.args(line.split_whitespace()).current_dir(at).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(&vec![b'x'; 128 << 10]).unwrap();
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{line}");
        drop(input);
        assert!(!child.wait().unwrap().success() || line.starts_with("sm"), "{line}");
    }
}

#[test]
fn encrypted_keys_and_sm4_go_both_ways() {
    let folder = folder();
    let at = folder.path();
    jingyue_ok(at, "sm generate --out key.pem --password-file password");
    let text = fs::read_to_string(at.join("key.pem")).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    openssl_ok(at, "pkey -in key.pem -passin file:password -noout -check");
    let refused = jingyue(at, "sm sign --key key.pem message");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("口令"));
    let again = jingyue(at, "sm generate --out key.pem");
    assert_eq!(again.status.code(), Some(1), "a key is never overwritten");
    assert_eq!(String::from_utf8_lossy(&again.stderr), "key.pem：已经有这个文件，不覆盖\n");
    assert_eq!(jingyue(at, "sm sign").status.code(), Some(64));

    write(at, "sm4.key", b"0123456789abcdef");
    let key = "30313233343536373839616263646566";
    let vector = "000102030405060708090a0b0c0d0e0f";
    let message = fs::read(at.join("message")).unwrap();
    for mode in ["cbc", "ctr"] {
        let line = format!("sm cipher --mode {mode} --key-file sm4.key --iv {vector}");
        let ours = jingyue_ok(at, &format!("{line} message"));
        assert_eq!(ours, openssl_ok(at, &format!("enc -sm4-{mode} -K {key} -iv {vector} -in message")), "{mode}");
        write(at, "hidden", &ours);
        assert_eq!(jingyue_ok(at, &format!("{line} --decrypt hidden")), message);
    }
}

/// Makes a root, an authority below it, and a pair for a gateway.
fn authority(at: &Path) {
    jingyue_ok(at, "pki root --out root --name CN=样例根,O=样例,C=CN --path-length 1");
    jingyue_ok(at, "pki authority --ca root --out hunan --name CN=湖南,O=样例,C=CN --path-length 0");
    jingyue_ok(
        at,
        "pki issue --ca hunan --kind pair --name CN=gateway,O=样例,C=CN --host localhost --host 127.0.0.1 --out gateway",
    );
}

#[test]
fn openssl_accepts_our_certificates_and_lists() {
    let folder = folder();
    let at = folder.path();
    authority(at);
    // OpenSSL 3.0 takes the identity for the first certificate of a chain only, so each is checked under its issuer.
    let verify = "verify -vfyopt distid:1234567812345678 -x509_strict";
    openssl_ok(at, &format!("{verify} -CAfile root/ca.pem hunan/ca.pem"));
    for (purpose, file) in [("sslserver", "gateway-sign.pem"), ("sslclient", "gateway-sign.pem")] {
        openssl_ok(at, &format!("{verify} -partial_chain -trusted hunan/ca.pem -purpose {purpose} {file}"));
    }
    openssl_ok(at, &format!("{verify} -partial_chain -trusted hunan/ca.pem gateway-encrypt.pem"));
    assert!(!openssl(at, &format!("{verify} -partial_chain -trusted root/ca.pem gateway-sign.pem")).status.success());
    let text = String::from_utf8(openssl_ok(at, "x509 -in gateway-encrypt.pem -noout -text")).unwrap();
    assert!(text.contains("Key Encipherment, Data Encipherment, Key Agreement"), "{text}");
    assert!(text.contains("DNS:localhost, IP Address:127.0.0.1") && text.contains("SM2-with-SM3"));
    let subject = |file: &str| openssl_ok(at, &format!("x509 -in {file} -noout -subject"));
    assert_eq!(subject("gateway-sign.pem"), subject("gateway-encrypt.pem"));
    let chain = "pki verify --trust root/ca.pem --purpose";
    jingyue_ok(at, &format!("{chain} tls-server gateway-sign.pem"));
    jingyue_ok(at, &format!("{chain} tls-server-encryption gateway-encrypt.pem"));
    let wrong = jingyue(at, &format!("{chain} tls-server gateway-encrypt.pem"));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("CERT.KEY_USAGE"));

    jingyue_ok(at, "pki crl --ca root");
    jingyue_ok(at, "pki crl --ca hunan");
    let lists = "--crl root/crl.pem --crl hunan/crl.pem";
    jingyue_ok(at, &format!("{chain} tls-server {lists} gateway-sign.pem"));
    let serial = openssl_ok(at, "x509 -in gateway-sign.pem -noout -serial");
    let serial = String::from_utf8(serial).unwrap().trim().trim_start_matches("serial=").to_owned();
    jingyue_ok(at, &format!("pki revoke --ca hunan --serial {serial} --reason 1"));
    assert_eq!(jingyue(at, &format!("pki revoke --ca hunan --serial {serial}")).status.code(), Some(1));
    jingyue_ok(at, "pki crl --ca hunan");
    let text = String::from_utf8(openssl_ok(at, "crl -in hunan/crl.pem -noout -text")).unwrap();
    assert!(text.contains(&serial) && text.contains("Key Compromise") && text.contains("CRL Number"), "{text}");
    let revoked = jingyue(at, &format!("{chain} tls-server {lists} gateway-sign.pem"));
    assert!(String::from_utf8_lossy(&revoked.stderr).contains("CERT.REVOKED"));
}

#[test]
fn we_accept_the_certificates_and_lists_of_openssl() {
    let folder = folder();
    let at = folder.path();
    let config = "[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:true\n\
        keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n[leaf]\nkeyUsage=critical,digitalSignature\n\
        extendedKeyUsage=clientAuth\n[issuer]\ndatabase=index\ncrlnumber=number\ndefault_md=sm3\n";
    write(at, "c.cnf", config.as_bytes());
    write(at, "index", b"");
    write(at, "number", b"01");
    let generate = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out";
    let distid = "-sigopt distid:1234567812345678";
    openssl_ok(at, &format!("{generate} root.key"));
    openssl_ok(
        at,
        &format!(
            "req -x509 -new -config c.cnf -extensions ca -key root.key -sm3 {distid} -days 30 -subj /C=CN/CN=Root -out root.pem"
        ),
    );
    openssl_ok(at, &format!("{generate} leaf.key"));
    openssl_ok(at, &format!("req -new -config c.cnf -key leaf.key -sm3 {distid} -subj /C=CN/CN=leaf -out leaf.csr"));
    openssl_ok(
        at,
        &format!(
            "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -set_serial 0x1234 -days 20 -sm3 {distid} \
             -vfyopt distid:1234567812345678 -extfile c.cnf -extensions leaf -out leaf.pem"
        ),
    );
    jingyue_ok(at, "pki verify --trust root.pem --purpose tls-client leaf.pem");
    assert_eq!(jingyue(at, "pki verify --trust root.pem --purpose tls-server leaf.pem").status.code(), Some(1));
    openssl_ok(
        at,
        &format!(
            "ca -config c.cnf -name issuer -gencrl -keyfile root.key -cert root.pem -crldays 5 {distid} -out crl.pem"
        ),
    );
    jingyue_ok(at, "pki verify --trust root.pem --crl crl.pem --purpose tls-client leaf.pem");

    // Their request, our certificate; our request, read by them.
    authority(at);
    jingyue_ok(at, "pki issue --ca hunan --kind signer --request leaf.csr --out asked");
    jingyue_ok(at, "pki verify --trust root/ca.pem asked.pem");
    write(at, "ours.csr", &jingyue_ok(at, "pki request --key leaf.key --name CN=ours,C=CN"));
    openssl_ok(at, "req -in ours.csr -noout -verify -vfyopt distid:1234567812345678");
    // Signed for nobody in particular, as OpenSSL does unless it is told: the one who asked can see what to do.
    openssl_ok(at, "req -new -config c.cnf -key leaf.key -sm3 -subj /C=CN/CN=leaf -out nobody.csr");
    let refused = jingyue(at, "pki issue --ca hunan --kind signer --request nobody.csr --out no");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("distid:1234567812345678") && !told.contains("证书链"), "{told}");
    let mut damaged = fs::read(at.join("leaf.csr")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] = if damaged[middle] == b'A' { b'B' } else { b'A' };
    write(at, "damaged.csr", &damaged);
    assert_eq!(jingyue(at, "pki issue --ca hunan --kind signer --request damaged.csr --out no").status.code(), Some(1));
}

#[test]
fn messages_and_trust_lists_at_the_command_line() {
    let folder = folder();
    let at = folder.path();
    authority(at);
    jingyue_ok(at, "pki issue --ca hunan --kind signer --name CN=office,C=CN --out office");
    let message = fs::read(at.join("message")).unwrap();
    let sign = "sm message sign --key office.key --certificate office.pem";
    write(at, "signed", &jingyue_ok(at, &format!("{sign} --attributes message")));
    // OpenSSL knows the structure though not the numbers of GM/T 0010.
    let parsed = String::from_utf8(openssl_ok(at, "asn1parse -inform DER -in signed")).unwrap();
    assert!(parsed.contains("1.2.156.10197.6.1.4.2.2") && parsed.contains("messageDigest"), "{parsed}");
    assert_eq!(jingyue_ok(at, "sm message verify --trust root/ca.pem signed"), message);
    assert_eq!(jingyue(at, "sm message verify --trust gateway-sign.pem signed").status.code(), Some(1));
    write(at, "detached", &jingyue_ok(at, &format!("{sign} --detached message")));
    jingyue_ok(at, "sm message verify --trust root/ca.pem --content message detached");
    assert_eq!(jingyue(at, "sm message verify --content password detached").status.code(), Some(1));
    jingyue_ok(at, "pki crl --ca root");
    jingyue_ok(at, "pki crl --ca hunan");
    let lists = "--crl root/crl.pem --crl hunan/crl.pem";
    assert_eq!(jingyue_ok(at, &format!("sm message verify --trust root/ca.pem {lists} signed")), message);
    let unknown = jingyue(at, "sm message verify --trust root/ca.pem --crl root/crl.pem signed");
    assert_eq!(unknown.status.code(), Some(1), "a list that is missing is no list that says nothing");
    jingyue_ok(at, "pki revoke --ca hunan --certificate office.pem");
    jingyue_ok(at, "pki crl --ca hunan");
    let revoked = jingyue(at, &format!("sm message verify --trust root/ca.pem {lists} signed"));
    assert_eq!(revoked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&revoked.stderr).contains("吊销"));
    assert_eq!(jingyue(at, &format!("sm message verify {lists} signed")).status.code(), Some(64), "lists of whom?");

    // Neither do signing keys open, nor encryption keys sign; the chain beside an encryption certificate is no recipient.
    for line in [
        "sm message sign --key gateway-encrypt.key --certificate gateway-encrypt.pem message",
        "sm message seal --certificate office.pem message",
        "sm message seal --certificate gateway-encrypt.pem message",
    ] {
        let refused = jingyue(at, line);
        assert_eq!(refused.status.code(), Some(1), "{line}");
        assert!(refused.stdout.is_empty() && String::from_utf8_lossy(&refused.stderr).contains("密钥用途"), "{line}");
    }
    for profile in ["gbt35275", "cfca", "cfca-legacy"] {
        let seal = format!("sm message seal --profile {profile} --certificate gateway-encrypt.pem message");
        // The file holds the chain too; only the first certificate has an encryption key that is asked for.
        let leaf = openssl_ok(at, "x509 -in gateway-encrypt.pem");
        write(at, "leaf.pem", &leaf);
        write(at, "sealed", &jingyue_ok(at, &seal.replace("gateway-encrypt.pem", "leaf.pem")));
        let open =
            format!("sm message open --profile {profile} --key gateway-encrypt.key --certificate leaf.pem sealed");
        assert_eq!(jingyue_ok(at, &open), message, "{profile}");
    }

    let list = "province = \"430000\"\nsequence = 3\ndays = 30\nanchors = [\"root/ca.pem\"]\n\
        [[offices]]\nuscc = \"11430600MY0000012M\"\nname = \"样例局\"\nseal_ids = [\"43060000009991\"]\n\
        [[crls]]\nissuer = \"hunan/ca.pem\"\nurl = \"http://crl.example/hunan.crl\"\nmax_age_hours = 48\n";
    write(at, "list.toml", list.as_bytes());
    jingyue_ok(at, "pki trust-list make --from list.toml --key office.key --certificate office.pem --out hunan.json");
    jingyue_ok(at, "pki trust-list verify --certificate office.pem hunan.json");
    let verify = "pkeyutl -verify -rawin -digest sm3 -in hunan.json -sigfile hunan.sig -certin -inkey office.pem";
    openssl_ok(at, &format!("{verify} {ID}"));
    let text = fs::read_to_string(at.join("hunan.json")).unwrap();
    write(at, "hunan.json", text.replace("43060000009991", "43060000009992").as_bytes());
    assert_eq!(jingyue(at, "pki trust-list verify --certificate office.pem hunan.json").status.code(), Some(1));
    assert!(!openssl(at, &format!("{verify} {ID}")).status.success());
}

#[test]
fn speed_has_the_agreed_names() {
    let folder = folder();
    let report = jingyue_ok(folder.path(), "sm speed --seconds 1 --format json");
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let names: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        "sm2_sign sm2_verify sm2_verify_known_key sm2_decrypt sm3_16k sm4_ctr_16k sm4_cbc_decrypt_16k sm4_gcm_16k";
    assert_eq!(names.join(" "), expected);
    assert!(report.as_object().unwrap().values().all(|value| value.as_f64().is_some_and(|value| value > 0.0)));
}
