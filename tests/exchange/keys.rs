//! Keys as an operator has them: encrypted files, a device behind the stand-in library, and a change of keys while
//! connections live.
#![allow(unsafe_code, reason = "the stand-in library is told by the environment where its key is, and asked to hang")]

use crate::national::{ask, connect};
use crate::support::Setup;
use crate::support::at;
use crate::support::root;
use crate::support::until;
use jingyue::domain::key::Key;
use jingyue::domain::key::file;
use jingyue::domain::key::file::Stirring;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::edge::clock::Clock;
use jingyue::edge::keys::SoftwareKey;
use jingyue::edge::tls::Key as TlsKey;
use jingyue::edge::tls::{Own, Pair, Trust, tlcp_client_config};
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

const NOW: i64 = at(9, 30, 16, 234);
const PASSWORD: &str = "composed-password-of-a-test";

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/keys").join(name)).unwrap()
}

fn private(name: &str) -> PrivateKey {
    file::read(&sample(name), None).unwrap()
}

/// The key, encrypted as `jingyue sm generate` writes it, with fewer rounds.
fn encrypted(folder: &Path, name: &str, key: &PrivateKey) {
    let der = file::write_encrypted(key, PASSWORD.as_bytes(), &[3; 16], &[4; 16], Stirring::Sm3, 1_000);
    std::fs::write(folder.join(name), file::pem("ENCRYPTED PRIVATE KEY", &der).as_bytes()).unwrap();
}

/// The folder with a chain of signing certificate and its issuer, beside passwords.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let chain = [sample("tlcp/server-sign.pem"), sample("tlcp/sub.pem")].concat();
    std::fs::write(folder.path().join("sign.pem"), chain).unwrap();
    std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    encrypted(folder.path(), "sign.key", &private("tlcp/server-sign.key"));
    encrypted(folder.path(), "encrypt.key", &private("tlcp/server-encrypt.key"));
    folder
}

/// A gateway that speaks national protocols only, its own keys as `own` says.
fn setup(own: &str, declared: &str) -> Setup {
    let sm = format!("[listen.tls.sm]\n{own}client_ca_file = \"../tests/keys/tlcp/root.pem\"\n");
    Setup { tls: true, ..Setup::at(NOW) }
        .edit("client_certificate = \"optional\"\n", &format!("client_certificate = \"optional\"\n{sm}"))
        .edit("[listen.tls]\n", "[listen.tls]\nprotocols = [\"rfc8998\", \"tlcp\"]\n")
        .edit("[ledger]\n", &format!("{declared}[ledger]\n"))
}

fn trust(issuers: &[u8]) -> Trust<'_> {
    Trust { issuers, revocation: None }
}

/// First line of the answer over TLCP, mutual.
fn over_tlcp(address: SocketAddr) -> std::io::Result<String> {
    let chain = [sample("tlcp/client-sign.pem"), sample("tlcp/sub.pem")].concat();
    let (key, issuers) = (sample("tlcp/client-sign.key"), sample("tlcp/root.pem"));
    let (certificate, encrypt_key) = (sample("tlcp/client-encrypt.pem"), sample("tlcp/client-encrypt.key"));
    let signing = Own { certificate: &chain, key: TlsKey::Pem(&key) };
    let pair = Pair { signing, encryption: Own { certificate: &certificate, key: TlsKey::Pem(&encrypt_key) } };
    let config = Arc::new(tlcp_client_config(trust(&issuers), Some(&pair), false).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let now = u64::try_from(Clock::System.now() / 1000).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = jingyue::edge::tlcp::connect(stream, config, name, None, now).await?;
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    })
}

#[test]
fn encrypted_keys_serve_and_are_changed_while_connections_live() {
    let folder = folder();
    let at = folder.path().display().to_string();
    let own = format!(
        "certificate_file = \"{at}/sign.pem\"\nkeys = [\"sign\"]\n\
         encryption_certificate_file = \"../tests/keys/tlcp/server-encrypt.pem\"\n\
         encryption_key_file = \"{at}/encrypt.key\"\nencryption_key_password_file = \"{at}/password\"\n"
    );
    let id = SoftwareKey::new(private("tlcp/server-sign.key")).id();
    let declared = format!(
        "[[key]]\nname = \"sign\"\nfile = \"{at}/sign.key\"\npassword_file = \"{at}/password\"\nid = \"{id}\"\n"
    );
    let stand = setup(&own, &declared).start();
    assert!(over_tlcp(stand.address()).unwrap().starts_with("HTTP/1.1 "));
    let root = "tlcp/root.pem";
    let mut kept = connect(stand.address(), None, root).unwrap();
    let first = ask(&mut kept);

    // The new certificate and its key; the old key stays listed until the change is over.
    let new = PrivateKey::generate(&[9; 48]);
    encrypted(folder.path(), "next.key", &new);
    let next = format!(
        "[[key]]\nname = \"next\"\nfile = \"{at}/next.key\"\npassword_file = \"{at}/password\"\n[[key]]\nname = \"sign\""
    );
    stand.edit_config("[[key]]\nname = \"sign\"", &next);
    stand.edit_config("keys = [\"sign\"]", "keys = [\"next\", \"sign\"]");
    stand.app().reload().unwrap();
    assert!(over_tlcp(stand.address()).is_ok(), "the certificate says that the old key is still in use");
    std::fs::copy(root_of("sm/gateway.pem"), folder.path().join("sign.pem")).unwrap();
    let problems = stand.app().reload().unwrap_err().join("\n");
    assert!(problems.contains("没有证书的那一把密钥") && problems.contains("C021"), "{problems}");
    encrypted(folder.path(), "next.key", &private("sm/gateway.key"));
    stand.edit_config("[\"rfc8998\", \"tlcp\"]", "[\"rfc8998\"]");
    stand.edit_config(
        "client_ca_file = \"../tests/keys/tlcp/root.pem\"",
        "client_ca_file = \"../tests/keys/sm/root.pem\"",
    );
    stand.app().reload().unwrap();
    // Who was connected stays so; who comes now sees the new certificate.
    assert_eq!(ask(&mut kept).0, first.0);
    assert!(connect(stand.address(), None, root).is_err());
    let mut fresh = connect(stand.address(), None, "sm/root.pem").unwrap();
    assert_eq!(ask(&mut fresh).0, first.0);
    assert!(over_tlcp(stand.address()).is_err());
    // The server counts a handshake after the client has seen its end.
    for (outcome, protocol) in [("full", "tlcp"), ("full", "rfc8998"), ("failed", "tlcp")] {
        let series = format!("jingyue_tls_handshakes_total{{outcome=\"{outcome}\",protocol=\"{protocol}\"}}");
        until(&series, || stand.app().metrics().contains(&series));
    }
    let text = stand.app().metrics();
    assert!(!problems.contains(PASSWORD) && !text.contains(PASSWORD));
}

fn root_of(name: &str) -> PathBuf {
    root().join("tests/keys").join(name)
}

/// The stand-in of `tests/pki/sdf`; its decryption takes session, index, algorithm.
fn stand_in(folder: &Path) -> PathBuf {
    let library = folder.join("stand-in.so");
    let source = root().join("tests/pki/sdf/stand_in.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-DDECRYPT=1", "-o"])
        .args([&library, &source])
        .arg("-l:libcrypto.so.3")
        .status();
    assert!(built.unwrap().success());
    library
}

/// How many calls hang in the stand-in now.
fn waiting(library: &Path) -> i32 {
    // SAFETY: as below; the function takes nothing and gives an int.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let call: libloading::Symbol<'_, unsafe extern "C" fn() -> i32> = library.get("stand_in_waiting").unwrap();
        call()
    }
}

fn hang(library: &Path, is_hanging: bool) {
    // SAFETY: the device holds the library open; the function takes an int.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let call: libloading::Symbol<'_, unsafe extern "C" fn(i32)> = library.get("stand_in_hang").unwrap();
        call(i32::from(is_hanging));
    }
}

#[test]
fn a_device_serves_and_a_hanging_one_does_not_hang_the_gateway() {
    let folder = folder();
    let at = folder.path().display().to_string();
    let library = stand_in(folder.path());
    // One key for both certificates: the stand-in has only one. The encryption half comes from a file.
    // SAFETY: nextest gives each test a process of its own, and nothing else reads or writes the environment yet.
    unsafe { std::env::set_var("STAND_IN_KEY", root_of("tlcp/server-sign.key")) };
    std::fs::write(folder.path().join("pin"), "device-password\n").unwrap();
    let own = format!(
        "certificate_file = \"{at}/sign.pem\"\nkeys = [\"device-sign\"]\n\
         encryption_certificate_file = \"../tests/keys/tlcp/server-encrypt.pem\"\n\
         encryption_key_file = \"{at}/encrypt.key\"\nencryption_key_password_file = \"{at}/password\"\n"
    );
    let declared = format!(
        "[device.hsm]\nlibrary = \"{}\"\ndecrypt_call = \"index-algorithm\"\nsessions_max = 2\ndeadline_ms = 1500\n\
         [[key]]\nname = \"device-sign\"\ndevice = \"hsm\"\nindex = 1\npin_file = \"{at}/pin\"\n",
        library.display()
    );
    let stand = setup(&own, &declared).start();
    assert!(over_tlcp(stand.address()).is_ok());
    let mut kept = connect(stand.address(), None, "tlcp/root.pem").unwrap();
    let status = ask(&mut kept).0;
    let calls = |outcome: &str| {
        let outcome = format!("outcome=\"{outcome}\"");
        stand.metric(&["jingyue_device_calls_total", "device=\"hsm\"", "operation=\"sign\"", &outcome])
    };
    assert_eq!((calls("ok").as_str(), calls("timeout").as_str()), ("2", "0"));

    hang(&library, true);
    let mut slowest = std::time::Duration::ZERO;
    // Whoever is connected is served while the device hangs, on the same worker.
    let address = stand.address();
    std::thread::scope(|scope| {
        let held_up = scope.spawn(move || connect(address, None, "tlcp/root.pem").is_err());
        until("the device hangs", || waiting(&library) > 0);
        assert_eq!(ask(&mut kept).0, status);
        assert_eq!(calls("timeout"), "0");
        assert!(held_up.join().unwrap());
    });
    for _ in 0..4 {
        let before = std::time::Instant::now();
        assert!(connect(stand.address(), None, "tlcp/root.pem").is_err());
        slowest = slowest.max(before.elapsed());
        assert_eq!(ask(&mut kept).0, status);
    }
    assert!(slowest < std::time::Duration::from_secs(5), "{slowest:?}");
    assert_eq!((calls("timeout").as_str(), calls("refused").as_str()), ("3", "2"));
    // A reload meets the same device, which rests: it is refused, and everything stays.
    let problems = stand.app().reload().unwrap_err().join("\n");
    assert!(problems.contains("密钥 device-sign 不能用：密码设备连续失败"), "{problems}");

    hang(&library, false);
    until("the device is tried again", || connect(stand.address(), None, "tlcp/root.pem").is_ok());
    assert!(over_tlcp(stand.address()).is_ok());
    stand.app().reload().unwrap();
    assert!(over_tlcp(stand.address()).is_ok());
}

/// Both keys of TLCP in the device: the client's secret is opened there, over the listener and a real socket.
#[test]
fn a_device_opens_the_secrets_of_tlcp() {
    let folder = folder();
    let at = folder.path().display().to_string();
    let library = stand_in(folder.path());
    // SAFETY: nextest gives each test a process of its own, and nothing else reads or writes the environment yet.
    unsafe {
        std::env::set_var("STAND_IN_KEY", root_of("tlcp/server-sign.key"));
        std::env::set_var("STAND_IN_ENCRYPTION_KEY", root_of("tlcp/server-encrypt.key"));
    }
    std::fs::write(folder.path().join("pin"), "device-password\n").unwrap();
    let own = format!(
        "certificate_file = \"{at}/sign.pem\"\nkeys = [\"inside\"]\n\
         encryption_certificate_file = \"../tests/keys/tlcp/server-encrypt.pem\"\nencryption_keys = [\"inside\"]\n"
    );
    let declared = format!(
        "[device.hsm]\nlibrary = \"{}\"\ndecrypt_call = \"index-algorithm\"\ndeadline_ms = 300\n\
         [[key]]\nname = \"inside\"\ndevice = \"hsm\"\nindex = 1\npin_file = \"{at}/pin\"\n",
        library.display()
    );
    let stand = setup(&own, &declared).start();
    let calls = |operation: &str, outcome: &str| {
        let (operation, outcome) = (format!("operation=\"{operation}\""), format!("outcome=\"{outcome}\""));
        stand.metric(&["jingyue_device_calls_total", "device=\"hsm\"", &operation, &outcome])
    };
    for count in ["1", "2", "3"] {
        assert!(over_tlcp(stand.address()).unwrap().starts_with("HTTP/1.1 "));
        assert_eq!((calls("sign", "ok").as_str(), calls("decrypt", "ok").as_str()), (count, count));
    }
    // Whoever comes while the device hangs is turned away in time, and whoever comes later is not.
    hang(&library, true);
    let before = std::time::Instant::now();
    assert!(over_tlcp(stand.address()).is_err());
    assert!(before.elapsed() < std::time::Duration::from_secs(5));
    hang(&library, false);
    until("the device answers again", || over_tlcp(stand.address()).is_ok());
    // A certificate for another key than the one inside is told, and everything stays.
    stand.edit_config("server-encrypt.pem", "client-encrypt.pem");
    let problems = stand.app().reload().unwrap_err().join("\n");
    assert!(problems.contains("没有证书的那一把密钥"), "{problems}");
    assert!(over_tlcp(stand.address()).is_ok());
}
