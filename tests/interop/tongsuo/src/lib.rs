//! TLCP and RFC 8998 of jingyue against Tongsuo, in one process over memory: both roles, both suites of TLCP, one-way
//! and mutual, resumption and refusals. `cargo test` in this folder; it compiles the C library first (about four minutes on two cores).
//!
//! Tongsuo is used with its own methods for NTLS (its word for TLCP) only: its detection of the protocol breaks with buffered input and output
//! of our making.
//!
//! With `JINGYUE_RECORD=1` the handshakes are written to `tests/tlcp/transcripts`, for the tests that run without this
//! peer: what it sent, and what we answered with noise that can be repeated.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod peer;
mod rfc8998;
#[path = "../../../tlcp/support.rs"]
#[allow(dead_code, reason = "shared with tests/tlcp")]
mod support;

use jingyue::domain::tlcp::{ClientConfig, Connection, RememberedSessions, ServerConfig, Suite};
use peer::{Line, Peer, peer_client, peer_server, sorted};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::Arc;
use support::*;
use tongsuo::ssl::{ErrorCode, Ssl, SslSession, SslStream};

/// What passed between us and the peer, in our order.
#[derive(Default)]
struct Said {
    heard: Vec<u8>,
    answered: Vec<u8>,
}

/// Carries bytes between `ours` and the peer until both are done.
fn shake(ours: &mut Connection, mut peer: Peer, line: &Line, said: &mut Said) -> Result<SslStream<Line>, String> {
    for _ in 0..8 {
        let out = output(ours);
        said.answered.extend_from_slice(&out);
        line.give(&out);
        peer = match peer {
            Peer::Shaking(mid) => sorted(mid.handshake())?,
            ready => ready,
        };
        let back = line.said();
        said.heard.extend_from_slice(&back);
        feed(ours, &back, 4096).map_err(|fault| fault.to_string())?;
        if let (Peer::Ready(_), false) = (&peer, ours.is_handshaking()) {
            let out = output(ours);
            said.answered.extend_from_slice(&out);
            line.give(&out);
            let Peer::Ready(stream) = peer else { unreachable!() };
            return Ok(stream);
        }
    }
    Err("the handshake does not end".to_owned())
}

fn talk(ours: &mut Connection, peer: &mut SslStream<Line>, line: &Line, said: &mut Said) {
    let plain: Vec<u8> = (0..40_000_usize).map(|index| index.to_be_bytes()[7]).collect();
    for length in [1, 15, 16, 17, 100, 16_384, 40_000] {
        let out = send(ours, &plain[..length]);
        if length <= 100 {
            said.answered.extend_from_slice(&out);
        }
        line.give(&out);
        let mut read = vec![0; length];
        peer.read_exact(&mut read).unwrap();
        assert!(read == plain[..length]);
        peer.write_all(&plain[..length]).unwrap();
        let back = line.said();
        if length <= 100 {
            said.heard.extend_from_slice(&back);
        }
        assert!(feed(ours, &back, 4096).unwrap() == plain[..length]);
    }
    // Both say farewell and hear it.
    ours.close();
    let last = output(ours);
    line.give(&last);
    assert_eq!(peer.ssl_read(&mut [0; 8]).unwrap_err().code(), ErrorCode::ZERO_RETURN);
    peer.shutdown().unwrap();
    assert_eq!(feed(ours, &line.said(), 4096), Ok(vec![]));
    assert_eq!(ours.ended(), Ok(()));
}

fn record(name: &str, said: &Said) {
    if std::env::var_os("JINGYUE_RECORD").is_none() {
        return;
    }
    let folder = tests_folder().join("tlcp/transcripts");
    std::fs::create_dir_all(&folder).unwrap();
    let mut text = String::new();
    for (label, bytes) in [("heard", &said.heard), ("answered", &said.answered)] {
        writeln!(text, "{label}").unwrap();
        for line in bytes.chunks(60) {
            writeln!(text, "{}", jingyue::domain::sm::hex(line)).unwrap();
        }
    }
    std::fs::write(folder.join(name), text).unwrap();
}

fn label(suite: Suite, is_mutual: bool) -> String {
    let suite = if suite == Suite::EccSm4GcmSm3 { "gcm" } else { "cbc" };
    format!("{}-{suite}", if is_mutual { "mutual" } else { "one-way" })
}

fn each(mut run: impl FnMut(Suite, bool)) {
    for suite in Suite::ALL {
        [false, true].into_iter().for_each(|is_mutual| run(suite, is_mutual));
    }
}

#[test]
fn their_client_and_our_server() {
    each(|suite, is_mutual| {
        let mut ours = server(&if is_mutual { mutual_config() } else { server_config() });
        let (line, mut said) = (Line::default(), Said::default());
        let context = peer_client(suite, Some("client"));
        let peer = sorted(Ssl::new(&context).unwrap().connect(line.clone())).unwrap();
        // The peer has spoken first.
        let first = line.said();
        said.heard.extend_from_slice(&first);
        feed(&mut ours, &first, 4096).unwrap();
        let mut peer = shake(&mut ours, peer, &line, &mut said).unwrap();
        assert_eq!(ours.suite(), Some(suite));
        if is_mutual {
            assert_eq!(ours.peer_certificates()[..2], chain("client")[..2]);
        }
        talk(&mut ours, &mut peer, &line, &mut said);
        record(&format!("tongsuo-client-{}", label(suite, is_mutual)), &said);
    });
}

#[test]
fn our_client_and_their_server() {
    each(|suite, is_mutual| {
        let config = if is_mutual { known_client_config() } else { client_config() };
        let mut ours = client(&config);
        let (line, mut said) = (Line::default(), Said::default());
        let peer = sorted(Ssl::new(&peer_server(suite, is_mutual)).unwrap().accept(line.clone())).unwrap();
        let mut peer = shake(&mut ours, peer, &line, &mut said).unwrap();
        assert_eq!(
            (ours.suite(), ours.peer_certificates()[..2].to_vec()),
            (Some(suite), chain("server")[..2].to_vec())
        );
        talk(&mut ours, &mut peer, &line, &mut said);
        record(&format!("tongsuo-server-{}", label(suite, is_mutual)), &said);
    });
}

#[test]
fn their_client_resumes_at_our_server() {
    each(|suite, is_mutual| {
        let config = if is_mutual { mutual_config() } else { server_config() };
        let config = ServerConfig { sessions: Some(Arc::new(RememberedSessions::new(4))), ..config };
        let context = peer_client(suite, Some("client"));
        let mut session: Option<SslSession> = None;
        for is_second in [false, true] {
            let mut ours = if is_second { later_server(&config) } else { server(&config) };
            let (line, mut said) = (Line::default(), Said::default());
            let mut ssl = Ssl::new(&context).unwrap();
            if let Some(session) = &session {
                // SAFETY: the session comes from a connection of the same context.
                unsafe { ssl.set_session(session).unwrap() };
            }
            let peer = sorted(ssl.connect(line.clone())).unwrap();
            feed(&mut ours, &line.said(), 4096).unwrap();
            let mut peer = shake(&mut ours, peer, &line, &mut said).unwrap();
            assert_eq!((ours.is_resumed(), peer.ssl().session_reused()), (is_second, is_second));
            session = peer.ssl().session().map(ToOwned::to_owned);
            talk(&mut ours, &mut peer, &line, &mut said);
        }
    });
}

#[test]
fn our_client_resumes_at_their_server() {
    each(|suite, is_mutual| {
        let config = if is_mutual { known_client_config() } else { client_config() };
        let context = peer_server(suite, is_mutual);
        let mut session = None;
        for is_second in [false, true] {
            let mut ours = resuming(&config, session.take());
            let (line, mut said) = (Line::default(), Said::default());
            let peer = sorted(Ssl::new(&context).unwrap().accept(line.clone())).unwrap();
            let mut peer = shake(&mut ours, peer, &line, &mut said).unwrap();
            assert_eq!((ours.is_resumed(), peer.ssl().session_reused()), (is_second, is_second));
            session = ours.session().cloned();
            talk(&mut ours, &mut peer, &line, &mut said);
        }
    });
}

#[test]
fn names_and_application_protocols() {
    let config = ServerConfig { protocols: vec![b"http/1.1".to_vec()], ..server_config() };
    let mut ours = server(&config);
    let line = Line::default();
    let mut ssl = Ssl::new(&peer_client(Suite::EccSm4GcmSm3, None)).unwrap();
    ssl.set_hostname("gateway.example").unwrap();
    ssl.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    let peer = sorted(ssl.connect(line.clone())).unwrap();
    feed(&mut ours, &line.said(), 4096).unwrap();
    let peer = shake(&mut ours, peer, &line, &mut Said::default()).unwrap();
    assert_eq!(ours.server_name(), Some("gateway.example"));
    assert_eq!(
        (ours.protocol(), peer.ssl().selected_alpn_protocol()),
        (Some(&b"http/1.1"[..]), Some(&b"http/1.1"[..]))
    );
    // And the other way: a name and a protocol that the peer may pass over.
    let asks = ClientConfig { sends_name: true, protocols: vec![b"h2".to_vec()], ..client_config() };
    let mut ours = client(&asks);
    let line = Line::default();
    let peer = sorted(Ssl::new(&peer_server(Suite::EccSm4CbcSm3, false)).unwrap().accept(line.clone())).unwrap();
    let peer = shake(&mut ours, peer, &line, &mut Said::default()).unwrap();
    assert_eq!(peer.ssl().servername(tongsuo::ssl::NameType::HOST_NAME), Some("localhost"));
}

#[test]
fn refusals() {
    // No client certificate where we require one.
    let mut ours = server(&mutual_config());
    let line = Line::default();
    let peer = sorted(Ssl::new(&peer_client(Suite::EccSm4GcmSm3, None)).unwrap().connect(line.clone())).unwrap();
    feed(&mut ours, &line.said(), 4096).unwrap();
    assert!(shake(&mut ours, peer, &line, &mut Said::default()).is_err());
    // And where they do.
    let mut ours = client(&client_config());
    let line = Line::default();
    let peer = sorted(Ssl::new(&peer_server(Suite::EccSm4GcmSm3, true)).unwrap().accept(line.clone())).unwrap();
    assert!(shake(&mut ours, peer, &line, &mut Said::default()).is_err());
    // A root that we do not know.
    let mut ours = client(&ClientConfig::new(trust("stranger", &[])));
    let line = Line::default();
    let peer = sorted(Ssl::new(&peer_server(Suite::EccSm4GcmSm3, false)).unwrap().accept(line.clone())).unwrap();
    assert!(shake(&mut ours, peer, &line, &mut Said::default()).is_err());
}
