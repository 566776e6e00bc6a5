//! RFC 8998 both ways between this gateway's configurations and Tongsuo: one-way, mutual, resumption, a change of keys
//! by many bytes, HelloRetryRequest, and refusals.

use crate::peer::{Asks, Line, Peer, sorted, tls13_context};
use crate::support::file;
use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, client_config, fingerprint, server_config};
use rustls::{ClientConnection, Connection, HandshakeKind, ServerConnection};
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use std::io::{Read, Write};
use std::sync::Arc;
use tongsuo::ssl::{Ssl, SslContext, SslMethod, SslSession, SslStream};

/// Round trips that a handshake and its farewells never need.
const ROUNDS_MAX: usize = 8;

fn identity(name: &str) -> (Vec<u8>, Vec<u8>) {
    ([file(&format!("{name}-sign.pem")), file("sub.pem")].concat(), file(&format!("{name}-sign.key")))
}

fn our_server(client: ClientCertificate) -> Arc<rustls::ServerConfig> {
    let ((certificate, key), issuers) = (identity("server"), file("root.pem"));
    let own = Own { certificate: &certificate, key: Key::Pem(&key) };
    Arc::new(server_config(Family::Sm, &own, client, Trust { issuers: &issuers, revocation: None }).unwrap())
}

fn our_client(own: Option<&str>, root: &str) -> Arc<rustls::ClientConfig> {
    let texts = own.map(identity);
    let own = texts.as_ref().map(|(certificate, key)| Own { certificate, key: Key::Pem(key) });
    let issuers = file(root);
    let trust = Trust { issuers: &issuers, revocation: None };
    Arc::new(client_config(Family::Sm, trust, own.as_ref(), false).unwrap())
}

fn accepting(config: &Arc<rustls::ServerConfig>) -> Connection {
    ServerConnection::new(Arc::clone(config)).unwrap().into()
}

fn connecting(config: &Arc<rustls::ClientConfig>, name: &'static str) -> Connection {
    ClientConnection::new(Arc::clone(config), ServerName::try_from(name).unwrap()).unwrap().into()
}

/// Gives the peer all that we have to say.
fn speak(ours: &mut Connection, line: &Line) {
    let mut bytes = Vec::new();
    while ours.wants_write() {
        ours.write_tls(&mut bytes).unwrap();
    }
    line.give(&bytes);
}

/// Takes in all that the peer has said; gives the plain text that came of it.
fn listen(ours: &mut Connection, line: &Line) -> Result<Vec<u8>, String> {
    let (said, mut plain) = (line.said(), Vec::new());
    let mut rest = &said[..];
    while !rest.is_empty() {
        ours.read_tls(&mut rest).unwrap();
        let state = ours.process_new_packets().map_err(|error| error.to_string())?;
        let old = plain.len();
        plain.resize(old + state.plaintext_bytes_to_read(), 0);
        ours.reader().read_exact(&mut plain[old..]).unwrap();
    }
    Ok(plain)
}

/// Carries bytes until both have shaken hands. A client of TLS 1.3 is done before the server has judged it, so what
/// the server then says is heard too.
fn shake(ours: &mut Connection, mut peer: Peer, line: &Line) -> Result<SslStream<Line>, String> {
    for _ in 0..ROUNDS_MAX {
        let heard = listen(ours, line);
        // An alert of ours goes out before we give up.
        speak(ours, line);
        heard?;
        peer = match peer {
            Peer::Shaking(mid) => sorted(mid.handshake())?,
            ready => ready,
        };
        if let (Peer::Ready(_), false) = (&peer, ours.is_handshaking()) {
            let Peer::Ready(stream) = peer else { unreachable!() };
            listen(ours, line)?;
            return Ok(stream);
        }
    }
    Err("the handshake does not end".to_owned())
}

fn their_client(context: &SslContext, line: &Line, resume: Option<&SslSession>) -> Peer {
    let mut ssl = Ssl::new(context).unwrap();
    if let Some(session) = resume {
        // SAFETY: the session comes from a connection of the same context.
        unsafe { ssl.set_session(session).unwrap() };
    }
    sorted(ssl.connect(line.clone())).unwrap()
}

fn their_server(context: &SslContext, line: &Line) -> Peer {
    sorted(Ssl::new(context).unwrap().accept(line.clone())).unwrap()
}

/// Both say much, in several records, and hear it whole.
fn talk(ours: &mut Connection, peer: &mut SslStream<Line>, line: &Line) {
    let ssl = peer.ssl();
    assert_eq!((ssl.version_str(), ssl.current_cipher().unwrap().name()), ("TLSv1.3", "TLS_SM4_GCM_SM3"));
    let plain: Vec<u8> = (0..40_000_u32).flat_map(u32::to_be_bytes).collect();
    for length in [1, 15, 16, 17, 16_384, 40_000] {
        ours.writer().write_all(&plain[..length]).unwrap();
        speak(ours, line);
        let mut read = vec![0; length];
        peer.read_exact(&mut read).unwrap();
        assert!(read == plain[..length]);
        peer.write_all(&plain[..length]).unwrap();
        assert!(listen(ours, line).unwrap() == plain[..length]);
    }
}

fn caller(ours: &Connection) -> Option<[u8; 32]> {
    ours.peer_certificates().map(|chain| fingerprint(&chain[0]))
}

#[test]
fn their_client_and_our_server() {
    for asks in [ClientCertificate::Off, ClientCertificate::Optional, ClientCertificate::Required] {
        let config = our_server(asks);
        let is_mutual = asks == ClientCertificate::Required;
        let shown = is_mutual.then_some("client");
        let context = tls13_context(SslMethod::tls_client(), shown, Asks::Certificate, false);
        let mut session: Option<SslSession> = None;
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (mut ours, line) = (accepting(&config), Line::default());
            let peer = their_client(&context, &line, session.as_ref());
            let mut peer = shake(&mut ours, peer, &line).unwrap();
            assert_eq!(ours.handshake_kind(), Some(kind), "{asks:?}");
            assert_eq!(peer.ssl().session_reused(), kind == HandshakeKind::Resumed);
            let expected = is_mutual.then(|| {
                fingerprint(&rustls_pki_types::CertificateDer::from_pem_slice(&file("client-sign.pem")).unwrap())
            });
            assert_eq!(caller(&ours), expected);
            talk(&mut ours, &mut peer, &line);
            session = peer.ssl().session().map(ToOwned::to_owned);
            // A session whose connection just breaks off is not resumed.
            peer.shutdown().unwrap();
        }
    }
}

#[test]
fn our_client_and_their_server() {
    for asks in [Asks::Nothing, Asks::Certificate] {
        let config = our_client((asks == Asks::Certificate).then_some("client"), "root.pem");
        let context = tls13_context(SslMethod::tls_server(), Some("server"), asks, false);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (mut ours, line) = (connecting(&config, "localhost"), Line::default());
            speak(&mut ours, &line);
            let peer = their_server(&context, &line);
            let mut peer = shake(&mut ours, peer, &line).unwrap();
            assert_eq!(ours.handshake_kind(), Some(kind), "{asks:?}");
            assert_eq!(peer.ssl().session_reused(), kind == HandshakeKind::Resumed);
            talk(&mut ours, &mut peer, &line);
        }
    }
}

#[test]
fn their_client_that_offers_everything() {
    let context = tls13_context(SslMethod::tls_client(), None, Asks::Certificate, true);
    let (mut ours, line) = (accepting(&our_server(ClientCertificate::Off)), Line::default());
    let peer = their_client(&context, &line, None);
    let mut peer = shake(&mut ours, peer, &line).unwrap();
    assert_eq!(ours.handshake_kind(), Some(HandshakeKind::FullWithHelloRetryRequest));
    talk(&mut ours, &mut peer, &line);
}

#[test]
fn refusals() {
    // No certificate where we require one.
    let context = tls13_context(SslMethod::tls_client(), None, Asks::Certificate, false);
    let (mut ours, line) = (accepting(&our_server(ClientCertificate::Required)), Line::default());
    let peer = their_client(&context, &line, None);
    assert_eq!(shake(&mut ours, peer, &line).unwrap_err(), "peer sent no certificates");
    // And where they do: we have finished when they look for it.
    let context = tls13_context(SslMethod::tls_server(), Some("server"), Asks::Certificate, false);
    let (mut ours, line) = (connecting(&our_client(None, "root.pem"), "localhost"), Line::default());
    speak(&mut ours, &line);
    let peer = their_server(&context, &line);
    let said = shake(&mut ours, peer, &line).unwrap_err();
    assert!(said.contains("peer did not return a certificate"), "{said}");
    // A name that is not in the certificate, and a root that we do not know.
    for (name, root, expected) in
        [("elsewhere.example", "root.pem", "not valid for name"), ("localhost", "stranger.pem", "UnknownIssuer")]
    {
        let context = tls13_context(SslMethod::tls_server(), Some("server"), Asks::Nothing, false);
        let (mut ours, line) = (connecting(&our_client(None, root), name), Line::default());
        speak(&mut ours, &line);
        let peer = their_server(&context, &line);
        let said = shake(&mut ours, peer, &line).unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}
