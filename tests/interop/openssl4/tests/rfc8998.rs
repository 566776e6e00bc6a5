//! RFC 8998 both ways between this gateway's configurations and OpenSSL 4.

use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, client_config, fingerprint, server_config};
use jingyue_interop_openssl4::{Context, Session, Setup, Side};
use rustls::{ClientConnection, HandshakeKind, ServerConnection};
use rustls_pki_types::ServerName;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

const AGREED: &str = "TLSv1.3 TLS_SM4_GCM_SM3";
const EVERYTHING: &str = "TLS_AES_128_GCM_SHA256:TLS_SM4_GCM_SM3";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../keys/sm").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// OpenSSL with one of our test certificates.
fn openssl(side: Side, own: Option<&str>, change: impl FnOnce(&mut Setup<'_>)) -> Context {
    let files = own.map(|name| (path(&format!("{name}.pem")), path(&format!("{name}.key"))));
    let trust = path("root.pem");
    let mut setup = Setup {
        side,
        own: files.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path())),
        trust: &trust,
        suites: "TLS_SM4_GCM_SM3",
        groups: "curveSM2",
        signatures: "sm2sig_sm3",
        mutual: false,
    };
    change(&mut setup);
    Context::new(&setup).unwrap()
}

fn our_server(client: ClientCertificate) -> Arc<rustls::ServerConfig> {
    let (certificate, key, root) = (file("gateway.pem"), file("gateway.key"), file("root.pem"));
    let own = Own { certificate: &certificate, key: Key::Pem(&key) };
    let trust = Trust { issuers: &root, revocation: None };
    Arc::new(server_config(Family::Sm, &own, client, trust).unwrap())
}

fn our_client(own: Option<&str>) -> Arc<rustls::ClientConfig> {
    let files = own.map(|name| (file(&format!("{name}.pem")), file(&format!("{name}.key"))));
    let own = files.as_ref().map(|(certificate, key)| Own { certificate, key: Key::Pem(key) });
    let root = file("root.pem");
    let trust = Trust { issuers: &root, revocation: None };
    Arc::new(client_config(Family::Sm, trust, own.as_ref(), false).unwrap())
}

/// What the two sides say to each other: more than one record, and both in turn.
fn bytes() -> Vec<u8> {
    (0..40_000_u32).flat_map(u32::to_be_bytes).collect()
}

/// OpenSSL's side on a thread of its own.
fn beside<T: Send>(openssl: impl FnOnce(UnixStream) -> T + Send, ours: impl FnOnce(UnixStream)) -> T {
    let (here, there) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let openssl = scope.spawn(move || openssl(there));
        ours(here);
        openssl.join().unwrap()
    })
}

/// What our server saw.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    kind: Option<HandshakeKind>,
    caller: Option<[u8; 32]>,
    fault: Option<String>,
}

/// OpenSSL's client to our server.
fn to_our_server(
    context: &Context,
    config: &Arc<rustls::ServerConfig>,
    resume: Option<&Session>,
    update_keys: bool,
) -> (Result<Session, String>, Seen) {
    let mut seen = Seen::default();
    // A session is only looked at by one thread at a time.
    struct Lent<T>(T);
    unsafe impl<T> Send for Lent<T> {}
    let resume = Lent(resume);
    let said = beside(
        |stream| {
            let resume = resume;
            let mut connection = context.handshake(stream, resume.0)?;
            assert_eq!(connection.agreed(), AGREED);
            assert_eq!(connection.is_resumed(), resume.0.is_some());
            for _ in 0..2 {
                connection.write(&bytes())?;
                let mut answer = vec![0; bytes().len()];
                connection.read(&mut answer)?;
                assert!(answer == bytes());
                if update_keys {
                    connection.update_keys()?;
                }
            }
            Ok::<_, String>(Lent(connection.session()))
        },
        |stream| {
            let session = ServerConnection::new(Arc::clone(config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            for _ in 0..2 {
                let mut read = vec![0; bytes().len()];
                if let Err(error) = stream.read_exact(&mut read) {
                    seen.fault = Some(error.to_string());
                    break;
                }
                stream.write_all(&read).unwrap();
            }
            seen.kind = stream.conn.handshake_kind();
            seen.caller = stream.conn.peer_certificates().map(|chain| fingerprint(&chain[0]));
        },
    );
    (said.map(|session| session.0), seen)
}

#[test]
fn openssl_as_client() {
    let server = our_server(ClientCertificate::Optional);
    let context = openssl(Side::Client, None, |_| {});
    let (said, seen) = to_our_server(&context, &server, None, true);
    said.map(drop).unwrap();
    assert_eq!(seen, Seen { kind: Some(HandshakeKind::Full), ..Seen::default() });
}

#[test]
fn openssl_as_client_with_a_certificate_and_again() {
    let server = our_server(ClientCertificate::Required);
    let context = openssl(Side::Client, Some("yueyang-system"), |_| {});
    let (said, seen) = to_our_server(&context, &server, None, false);
    let session = said.unwrap();
    assert_eq!((seen.kind, seen.fault), (Some(HandshakeKind::Full), None));
    let caller = seen.caller.unwrap();
    let (said, seen) = to_our_server(&context, &server, Some(&session), false);
    said.map(drop).unwrap();
    assert_eq!(seen, Seen { kind: Some(HandshakeKind::Resumed), caller: Some(caller), fault: None });
}

#[test]
fn openssl_as_client_that_offers_everything() {
    let server = our_server(ClientCertificate::Off);
    let context = openssl(Side::Client, None, |setup| {
        setup.suites = EVERYTHING;
        setup.groups = "X25519:curveSM2";
        setup.signatures = "ecdsa_secp256r1_sha256:sm2sig_sm3";
    });
    let (said, seen) = to_our_server(&context, &server, None, false);
    said.map(drop).unwrap();
    assert_eq!(seen.kind, Some(HandshakeKind::FullWithHelloRetryRequest));
}

#[test]
fn openssl_as_client_is_refused() {
    // The client has finished when the server looks for its certificate: it hears of it only later, if at all.
    let without = openssl(Side::Client, None, |_| {});
    let (said, seen) = to_our_server(&without, &our_server(ClientCertificate::Required), None, false);
    assert!(said.is_err());
    assert_eq!(seen.fault.as_deref(), Some("peer sent no certificates"));
    for change in [
        |setup: &mut Setup<'_>| setup.suites = "TLS_AES_128_GCM_SHA256",
        |setup: &mut Setup<'_>| setup.groups = "X25519",
        |setup: &mut Setup<'_>| setup.signatures = "ecdsa_secp256r1_sha256",
    ] {
        let context = openssl(Side::Client, None, change);
        let (said, _) = to_our_server(&context, &our_server(ClientCertificate::Off), None, false);
        let said = said.err().unwrap();
        assert!(said.contains("handshake failure"), "{said}");
    }
}

/// Our client to OpenSSL's server; gives the kind of handshake.
fn to_openssl(
    context: &Context,
    config: &Arc<rustls::ClientConfig>,
    name: &'static str,
) -> (Result<(), String>, std::io::Result<Option<HandshakeKind>>) {
    let mut seen = Ok(None);
    let said = beside(
        |stream| {
            let mut connection = context.handshake(stream, None)?;
            assert_eq!(connection.agreed(), AGREED);
            for _ in 0..2 {
                let mut read = vec![0; bytes().len()];
                connection.read(&mut read)?;
                connection.update_keys()?;
                connection.write(&read)?;
            }
            Ok(())
        },
        |stream| {
            let name = ServerName::try_from(name).unwrap();
            let session = ClientConnection::new(Arc::clone(config), name).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            let mut talk = || {
                for _ in 0..2 {
                    stream.write_all(&bytes())?;
                    let mut answer = vec![0; bytes().len()];
                    stream.read_exact(&mut answer)?;
                    assert!(answer == bytes());
                }
                Ok(stream.conn.handshake_kind())
            };
            seen = talk();
        },
    );
    (said, seen)
}

#[test]
fn openssl_as_server() {
    let context = openssl(Side::Server, Some("gateway"), |_| {});
    let client = our_client(None);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (said, seen) = to_openssl(&context, &client, "localhost");
        assert_eq!((said, seen.unwrap()), (Ok(()), Some(kind)));
    }
    let (_, seen) = to_openssl(&context, &our_client(None), "elsewhere.example");
    assert!(seen.unwrap_err().to_string().contains("not valid for name"));
}

#[test]
fn openssl_as_server_that_wants_a_certificate() {
    let context = openssl(Side::Server, Some("gateway"), |setup| setup.mutual = true);
    let (said, seen) = to_openssl(&context, &our_client(Some("yueyang-system")), "localhost");
    assert_eq!((said, seen.unwrap()), (Ok(()), Some(HandshakeKind::Full)));
    let (said, seen) = to_openssl(&context, &our_client(None), "localhost");
    assert!(said.unwrap_err().contains("peer did not return a certificate"));
    assert!(seen.is_err());
}

#[test]
fn openssl_as_server_with_a_certificate_of_no_use() {
    for (own, expected) in
        [("expired", "Expired"), ("unknown", "BadSignature"), ("yueyang-system", "server authentication")]
    {
        let context = openssl(Side::Server, Some(own), |_| {});
        let (_, seen) = to_openssl(&context, &our_client(None), "localhost");
        let error = seen.unwrap_err().to_string();
        assert!(error.to_lowercase().contains(&expected.to_lowercase()), "{own}: {error}");
    }
}
