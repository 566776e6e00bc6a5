//! The stream of tokio: large texts both ways, ends and cuts, hyper on top.

use crate::support::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jingyue::domain::tlcp::{CertificateFault, ClientConfig, ServerConfig, Suite, TlcpFault};
use jingyue::edge::tlcp::{HandshakeFault, TlcpStream, accept, connect};
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

type Pair = (TlcpStream<DuplexStream>, TlcpStream<DuplexStream>);

async fn pair(client_config: ClientConfig, server_config: ServerConfig, room: usize) -> Pair {
    let (near, far) = duplex(room);
    let (client, server) = tokio::join!(
        connect(near, Arc::new(client_config), name("localhost"), None, NOW),
        accept(far, Arc::new(server_config), NOW),
    );
    (client.unwrap(), server.unwrap())
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 % 251).to_be_bytes()[7]).collect()
}

#[tokio::test]
async fn large_texts_both_ways_through_a_narrow_pipe() {
    for suite in Suite::ALL {
        let config = ServerConfig { suites: vec![suite], ..mutual_config() };
        let (client, server) = pair(known_client_config(), config, 1000).await;
        assert_eq!(server.connection().peer_certificates(), chain("client"));
        let plain = text(70_000);
        let side = |stream: TlcpStream<DuplexStream>| {
            let plain = plain.clone();
            async move {
                let (mut reader, mut writer) = tokio::io::split(stream);
                let mut read = Vec::new();
                let (written, _) = tokio::join!(
                    async {
                        writer.write_all(&plain).await.unwrap();
                        writer.shutdown().await
                    },
                    async { reader.read_to_end(&mut read).await.unwrap() },
                );
                written.unwrap();
                assert!(read == plain);
            }
        };
        tokio::join!(side(client), side(server));
    }
}

#[tokio::test]
async fn pieces_of_a_vectored_write_share_a_record() {
    let (mut client, mut server) = pair(client_config(), server_config(), 100_000).await;
    let slices = [IoSlice::new(b"head, "), IoSlice::new(b""), IoSlice::new(b"body")];
    assert_eq!(client.write_vectored(&slices).await.unwrap(), 10);
    let mut read = [0; 64];
    assert_eq!(server.read(&mut read).await.unwrap(), 10);
    assert_eq!(&read[..10], b"head, body");
}

#[tokio::test]
async fn an_end_is_an_end_only_after_close_notify() {
    let (mut client, mut server) = pair(client_config(), server_config(), 100_000).await;
    client.write_all(b"whole").await.unwrap();
    client.shutdown().await.unwrap();
    let mut read = Vec::new();
    assert_eq!(server.read_to_end(&mut read).await.unwrap(), 5);
    let (mut client, mut server) = pair(client_config(), server_config(), 100_000).await;
    client.write_all(b"cut").await.unwrap();
    drop(client);
    assert_eq!(server.read_to_end(&mut read).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(read, b"wholecut");
}

#[tokio::test]
async fn a_failed_handshake_tells_both_sides() {
    let (near, far) = duplex(100_000);
    let stranger = ClientConfig::new(trust("stranger", &[]));
    let (client, server) = tokio::join!(
        connect(near, Arc::new(stranger), name("localhost"), None, NOW),
        accept(far, Arc::new(server_config()), NOW),
    );
    let unknown = TlcpFault::Certificate(CertificateFault::UnknownIssuer);
    assert!(matches!(client, Err(HandshakeFault::Protocol(fault)) if fault == unknown));
    assert!(matches!(server, Err(HandshakeFault::Protocol(TlcpFault::Alerted(alert))) if alert.0 == 48));
}

#[tokio::test]
async fn who_leaves_during_the_handshake_is_a_fault() {
    let (near, far) = duplex(100_000);
    drop(near);
    let end = accept(far, Arc::new(server_config()), NOW).await;
    assert!(matches!(end, Err(HandshakeFault::Protocol(TlcpFault::Truncated))));
}

#[tokio::test]
async fn hyper_on_top() {
    let (client, server) = pair(known_client_config(), mutual_config(), 5000).await;
    let echo = service_fn(|request: Request<Incoming>| async move {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::new(Full::new(body)))
    });
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), echo);
    let calling = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
        let asking = async move {
            for length in [0, 10, 50_000] {
                let body = Full::new(Bytes::from(text(length)));
                let request = Request::post("/").header("host", "localhost").body(body).unwrap();
                let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
                assert!(answer.to_bytes() == text(length));
            }
        };
        tokio::join!(asking, connection).1.unwrap();
    };
    tokio::join!(serving, calling).0.unwrap();
}
