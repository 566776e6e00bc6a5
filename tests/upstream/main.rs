//! The pool against servers written by hand: what was sent, how often, and whether the word on it is honest.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../few/hanging.rs"]
mod hanging;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jingyue::domain::key::file;
use jingyue::edge::clock::Clock;
use jingyue::edge::keys::SoftwareKey;
use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, Versions, client_config, server_config};
use jingyue::edge::upstream::{
    Breaker, BreakerSettings, ClientProtocol, ClientTls, Failure, NotDelivered, Outbound, Pool, Reply, Settings,
    TlcpClient, Unknown,
};
use rustls_pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(60);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(LONG, test).await.expect("the test hangs") });
}

fn key(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)).unwrap()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn settings(address: SocketAddr) -> Settings {
    Settings {
        name: "other".into(),
        host: address.ip().to_string(),
        port: address.port(),
        authority: address.to_string().parse().unwrap(),
        tls: None,
        http2: false,
        connect_timeout: LONG,
        idle_timeout: LONG,
        connections_max: 4,
        answer_bytes_max: 1_000,
    }
}

fn breaker(clock: Clock) -> Arc<Breaker> {
    Arc::new(Breaker::new(BreakerSettings { failures: 3, open: Duration::from_secs(10) }, clock))
}

fn pool(settings: Settings) -> Pool {
    Pool::new(settings, breaker(Clock::System))
}

fn message() -> Outbound {
    let mut headers = HeaderMap::new();
    // Foreign framing must not get through.
    headers.insert("content-length", HeaderValue::from_static("999"));
    headers.insert("connection", HeaderValue::from_static("close"));
    headers.insert("host", HeaderValue::from_static("elsewhere"));
    Outbound { method: Method::POST, path: "/x?y=1".into(), headers, body: Bytes::from_static(b"hello") }
}

/// Reads one request of [`message`]; its head in lower case. `None` at the end of the stream.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"hello") {
        if stream.read_buf(&mut seen).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8(seen).unwrap().to_lowercase())
}

/// A server that gives the same bytes to every request and then goes on, or closes.
fn server(listener: TcpListener, answer: &'static [u8], close: bool) -> Rc<Counts> {
    let counts = Rc::new(Counts::default());
    let counted = Rc::clone(&counts);
    spawn_local(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.connections.set(counted.connections.get() + 1);
            let counted = Rc::clone(&counted);
            spawn_local(async move {
                while let Some(head) = request(&mut stream).await {
                    counted.requests.set(counted.requests.get() + 1);
                    *counted.head.borrow_mut() = head;
                    stream.write_all(answer).await.unwrap();
                    if close {
                        break;
                    }
                }
            });
        }
    });
    counts
}

#[derive(Default)]
struct Counts {
    connections: Cell<usize>,
    requests: Cell<usize>,
    head: RefCell<String>,
}

fn unknown(outcome: Result<Reply, Failure>) -> Unknown {
    match outcome {
        Err(Failure::Unknown(unknown)) => unknown,
        other => panic!("{other:?}"),
    }
}

fn not_delivered(outcome: Result<Reply, Failure>) -> NotDelivered {
    match outcome {
        Err(Failure::NotDelivered(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_connection_serves_many_and_framing_is_the_pools() {
    run(async {
        let (listener, address) = listen().await;
        let counts = server(listener, OK, false);
        let pool = pool(settings(address));
        for _ in 0..5 {
            let reply = pool.send(message(), LONG).await.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (StatusCode::OK, &b"ok"[..]));
        }
        assert_eq!((counts.connections.get(), counts.requests.get()), (1, 5));
        let head = counts.head.borrow();
        assert!(head.starts_with("post /x?y=1 http/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: {address}")) && head.contains("content-length: 5\r\n"), "{head}");
        assert!(!head.contains("999") && !head.contains("elsewhere") && !head.contains("close"), "{head}");
    });
}

#[test]
fn a_connection_closed_between_requests_costs_nothing() {
    run(async {
        let (listener, address) = listen().await;
        let (closed, was_closed) = oneshot::channel();
        let executed = Rc::new(Cell::new(0));
        let counted = Rc::clone(&executed);
        spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            counted.set(counted.get() + 1);
            stream.write_all(OK).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            counted.set(counted.get() + 1);
            stream.write_all(OK).await.unwrap();
            assert!(request(&mut stream).await.is_none());
        });
        let pool = pool(settings(address));
        pool.send(message(), LONG).await.unwrap();
        was_closed.await.unwrap();
        pool.send(message(), LONG).await.unwrap();
        assert_eq!(executed.get(), 2);
    });
}

/// The kernel and the reactor know of the close, hyper does not yet: the request is handed over, comes back untouched,
/// and goes out on a new connection. The order is sure since a `LocalSet` polls its own future before its tasks.
#[test]
fn a_request_handed_back_untouched_is_sent_once_more() {
    use std::io::{Read, Write};
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let pool = pool(settings(listener.local_addr().unwrap()));
        let (close, told_to_close) = std::sync::mpsc::channel::<()>();
        let (closed, was_closed) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let serve = |stream: &mut std::net::TcpStream| {
                let mut seen = Vec::new();
                while !seen.ends_with(b"hello") {
                    let mut piece = [0; 512];
                    let length = stream.read(&mut piece).unwrap();
                    assert_ne!(length, 0);
                    seen.extend_from_slice(&piece[..length]);
                }
                stream.write_all(OK).unwrap();
            };
            let (mut first, _) = listener.accept().unwrap();
            serve(&mut first);
            told_to_close.recv().unwrap();
            drop(first);
            closed.send(()).unwrap();
            serve(&mut listener.accept().unwrap().0);
        });
        pool.send(message(), LONG).await.unwrap();
        // Lets the connection's task come to rest.
        tokio::task::yield_now().await;
        close.send(()).unwrap();
        was_closed.recv().unwrap();
        tokio::task::yield_now().await;
        pool.send(message(), LONG).await.unwrap();
        server.join().unwrap();
    });
}

#[test]
fn in_the_race_with_a_closing_server_nothing_runs_twice() {
    run(async {
        let (listener, address) = listen().await;
        let counts = server(listener, OK, true);
        let unbreakable = BreakerSettings { failures: u32::MAX, open: LONG };
        let pool = Pool::new(settings(address), Arc::new(Breaker::new(unbreakable, Clock::System)));
        let mut answered = 0;
        for _ in 0..500 {
            match pool.send(message(), LONG).await {
                Ok(_) => answered += 1,
                Err(failure) => assert_eq!(failure, Failure::Unknown(Unknown::ConnectionLost)),
            }
        }
        assert_eq!(counts.requests.get(), answered);
        assert!(answered > 250, "{answered}");
    });
}

#[test]
fn a_connection_lost_after_the_request_is_unknown_and_not_retried() {
    run(async {
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", b"HTTP/1.1 20"] {
            let (listener, address) = listen().await;
            let counts = server(listener, answer, true);
            let pool = pool(settings(address));
            assert_eq!(unknown(pool.send(message(), LONG).await), Unknown::ConnectionLost);
            assert_eq!((counts.connections.get(), counts.requests.get()), (1, 1));
        }
    });
}

#[test]
fn the_deadline_holds_for_the_head_and_for_the_body() {
    run(async {
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
            let (listener, address) = listen().await;
            let counts = server(listener, answer, false);
            let pool = pool(settings(address));
            assert_eq!(unknown(pool.send(message(), SHORT).await), Unknown::DeadlinePassed);
            assert_eq!(counts.requests.get(), 1);
        }
    });
}

#[test]
fn what_is_not_http_is_unknown() {
    run(async {
        let broken_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
        for answer in [&b"SSH-2.0-OpenSSH_9\r\n\r\n"[..], broken_chunk] {
            let (listener, address) = listen().await;
            server(listener, answer, false);
            assert_eq!(unknown(pool(settings(address)).send(message(), LONG).await), Unknown::BadHttp);
        }
    });
}

#[test]
fn answers_are_bounded_declared_or_not() {
    run(async {
        let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{}\r\n", "x".repeat(1_001));
        let fits = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}", "x".repeat(1_000));
        for (answer, well) in [
            (b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".to_vec(), false),
            (chunked.into_bytes(), false),
            (fits.into_bytes(), true),
        ] {
            let (listener, address) = listen().await;
            server(listener, answer.leak(), false);
            let outcome = pool(settings(address)).send(message(), LONG).await;
            if well {
                assert_eq!(outcome.unwrap().body.len(), 1_000);
            } else {
                assert_eq!(unknown(outcome), Unknown::AnswerTooLarge { limit: 1_000 });
            }
        }
    });
}

#[test]
fn no_connection_is_not_delivered() {
    run(async {
        let (listener, address) = listen().await;
        drop(listener);
        assert_eq!(not_delivered(pool(settings(address)).send(message(), LONG).await), NotDelivered::ConnectFailed);
        let broken = Outbound { path: "/a b".into(), ..message() };
        assert_eq!(not_delivered(pool(settings(address)).send(broken, LONG).await), NotDelivered::RequestInvalid);
    });
}

#[test]
fn a_full_pool_waits_and_then_says_so() {
    run(async {
        let (listener, address) = listen().await;
        let (release, held) = oneshot::channel::<()>();
        let (reached, has_reached) = oneshot::channel();
        spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            reached.send(()).unwrap();
            held.await.unwrap();
            stream.write_all(OK).await.unwrap();
            request(&mut stream).await.unwrap();
            stream.write_all(OK).await.unwrap();
        });
        let pool = pool(Settings { connections_max: 1, connect_timeout: SHORT, ..settings(address) });
        let first = spawn_local({
            let pool = pool.clone();
            async move { pool.send(message(), LONG).await }
        });
        has_reached.await.unwrap();
        assert_eq!(not_delivered(pool.send(message(), LONG).await), NotDelivered::PoolFull);
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        pool.send(message(), LONG).await.unwrap();
    });
}

#[test]
fn idle_connections_are_closed_in_time() {
    run(async {
        let (listener, address) = listen().await;
        let (closed, was_closed) = oneshot::channel();
        spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            stream.write_all(OK).await.unwrap();
            closed.send(request(&mut stream).await).unwrap();
        });
        let pool = pool(Settings { idle_timeout: SHORT, ..settings(address) });
        pool.send(message(), LONG).await.unwrap();
        assert_eq!(was_closed.await.unwrap(), None);
    });
}

#[test]
fn the_breaker_opens_spares_the_other_side_and_recovers() {
    run(async {
        let (listener, address) = listen().await;
        let status = Rc::new(Cell::new("500 Broken"));
        let requests = Rc::new(Cell::new(0));
        let (shown, counted) = (Rc::clone(&status), Rc::clone(&requests));
        spawn_local(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                while request(&mut stream).await.is_some() {
                    counted.set(counted.get() + 1);
                    let answer = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", shown.get());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let clock = Clock::manual(1_000);
        let breaker = breaker(clock.clone());
        let pools = [Pool::new(settings(address), breaker.clone()), Pool::new(settings(address), breaker.clone())];
        pools[0].send(message(), LONG).await.unwrap();
        pools[0].send(message(), LONG).await.unwrap();
        assert!(!breaker.is_open());
        // The connection of the other pool waits for the first to be closed: the server serves one at a time.
        pools[0].send(message(), LONG).await.unwrap();
        for pool in &pools {
            let refused = not_delivered(pool.send(message(), LONG).await);
            assert_eq!(refused, NotDelivered::BreakerOpen { retry_after_seconds: 10 });
        }
        assert_eq!(requests.get(), 3);
        clock.set(11_000);
        status.set("200 OK");
        pools[0].send(message(), LONG).await.unwrap();
        assert!(!breaker.is_open());
        pools[0].send(message(), LONG).await.unwrap();
        assert_eq!(requests.get(), 5);
    });
}

#[test]
fn refused_connections_open_the_breaker_too() {
    run(async {
        let (listener, address) = listen().await;
        drop(listener);
        let pool = pool(settings(address));
        for _ in 0..3 {
            assert_eq!(not_delivered(pool.send(message(), LONG).await), NotDelivered::ConnectFailed);
        }
        assert!(matches!(not_delivered(pool.send(message(), LONG).await), NotDelivered::BreakerOpen { .. }));
    });
}

/// Serves HTTP/2 on each accepted stream; counts connections.
fn server_http2(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> Rc<Cell<usize>> {
    let connections = Rc::new(Cell::new(0));
    let counted = Rc::clone(&connections);
    spawn_local(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.set(counted.get() + 1);
            match &tls {
                None => drop(spawn_local(serve_http2(stream))),
                Some(tls) => {
                    let stream = tokio_rustls::TlsAcceptor::from(tls.clone()).accept(stream).await.unwrap();
                    assert!(stream.get_ref().1.peer_certificates().is_some());
                    drop(spawn_local(serve_http2(stream)));
                }
            }
        }
    });
    connections
}

async fn serve_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    use http_body_util::{BodyExt, Full};
    let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
        assert_eq!(request.uri().path(), "/x");
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(http::Response::new(Full::new(body)))
    });
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    drop(hyper::server::conn::http2::Builder::new(executor).serve_connection(io, service).await);
}

#[test]
fn http2_shares_one_connection() {
    run(async {
        let (listener, address) = listen().await;
        let connections = server_http2(listener, None);
        let pool = pool(Settings { http2: true, ..settings(address) });
        let replies = futures_util::future::join_all((0..8).map(|_| pool.send(message(), LONG))).await;
        for reply in replies {
            assert_eq!(&reply.unwrap().body[..], b"hello");
        }
        assert_eq!(connections.get(), 1);
    });
}

const INTERNATIONAL: Family = Family::International(Versions::Tls12And13);

/// The folder of a family's keys, and its issuer.
fn keys_of(family: Family) -> (&'static str, &'static str) {
    if family == Family::Sm { ("sm/", "sm/root.pem") } else { ("", "ca.pem") }
}

fn tls_of(family: Family, http2: bool, own: bool) -> ClientTls {
    let (folder, issuer) = keys_of(family);
    let pair = ["pem", "key"].map(|ending| key(&format!("{folder}gateway.{ending}")));
    let own = own.then_some(Own { certificate: &pair[0], key: Key::Pem(&pair[1]) });
    let trust = key(issuer);
    let config = client_config(family, Trust { issuers: &trust, revocation: None }, own.as_ref(), http2).unwrap();
    ClientTls {
        config: ClientProtocol::Tls(Arc::new(config)),
        server_name: ServerName::try_from("localhost").unwrap(),
        may_wait: false,
    }
}

fn tls(http2: bool, own: bool) -> ClientTls {
    tls_of(INTERNATIONAL, http2, own)
}

fn tls_server_of(family: Family, client: ClientCertificate) -> Arc<rustls::ServerConfig> {
    let (folder, issuer) = keys_of(family);
    let pair = ["pem", "key"].map(|ending| key(&format!("{folder}gateway.{ending}")));
    let own = Own { certificate: &pair[0], key: Key::Pem(&pair[1]) };
    let trust = key(issuer);
    Arc::new(server_config(family, &own, client, Trust { issuers: &trust, revocation: None }).unwrap())
}

fn tls_server(client: ClientCertificate) -> Arc<rustls::ServerConfig> {
    tls_server_of(INTERNATIONAL, client)
}

#[test]
fn http2_is_negotiated_with_our_certificate() {
    run(async {
        for family in [INTERNATIONAL, Family::Sm] {
            let (listener, address) = listen().await;
            let connections = server_http2(listener, Some(tls_server_of(family, ClientCertificate::Required)));
            let pool = pool(Settings { http2: true, tls: Some(tls_of(family, true, true)), ..settings(address) });
            for _ in 0..3 {
                assert_eq!(&pool.send(message(), LONG).await.unwrap().body[..], b"hello");
            }
            assert_eq!(connections.get(), 1);
        }
    });
}

#[test]
fn tlcp_is_spoken_and_resumed() {
    use jingyue::edge::tls::{Pair, tlcp_client_config, tlcp_server_config};
    run(async {
        let text = |name: &str| key(&format!("tlcp/{name}"));
        let chain = |name: &str| [text(&format!("{name}-sign.pem")), text("sub.pem")].concat();
        let keys = |name: &str| ["sign.key", "encrypt.pem", "encrypt.key"].map(|end| text(&format!("{name}-{end}")));
        let (server_chain, [server_key, server_encrypt, server_encrypt_key]) = (chain("server"), keys("server"));
        let (client_chain, [client_key, client_encrypt, client_encrypt_key]) = (chain("client"), keys("client"));
        let issuers = text("root.pem");
        let trust = Trust { issuers: &issuers, revocation: None };
        let signing = Own { certificate: &server_chain, key: Key::Pem(&server_key) };
        let pair =
            Pair { signing, encryption: Own { certificate: &server_encrypt, key: Key::Pem(&server_encrypt_key) } };
        let server = Arc::new(tlcp_server_config(&pair, ClientCertificate::Required, trust).unwrap());
        let (listener, address) = listen().await;
        let resumed = Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = Rc::clone(&resumed);
        spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let now = u64::try_from(Clock::System.now() / 1000).unwrap();
                let mut stream = jingyue::edge::tlcp::accept(stream, Arc::clone(&server), now).await.unwrap();
                assert!(!stream.connection().peer_certificates().is_empty());
                seen.borrow_mut().push(stream.connection().is_resumed());
                // One request a connection.
                request(&mut stream).await.unwrap();
                stream.write_all(OK).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        let signing = Own { certificate: &client_chain, key: Key::Pem(&client_key) };
        let pair =
            Pair { signing, encryption: Own { certificate: &client_encrypt, key: Key::Pem(&client_encrypt_key) } };
        let config = tlcp_client_config(trust, Some(&pair), false).unwrap();
        let config = ClientProtocol::Tlcp(Arc::new(TlcpClient::new(config)));
        let tls = ClientTls { config, server_name: ServerName::try_from("localhost").unwrap(), may_wait: false };
        let pool = pool(Settings { tls: Some(tls), ..settings(address) });
        for _ in 0..3 {
            assert_eq!(&pool.send(message(), LONG).await.unwrap().body[..], b"ok");
        }
        assert_eq!(*resumed.borrow(), [false, true, true]);
    });
}

#[test]
fn a_peer_without_http2_is_spoken_to_in_http1() {
    run(async {
        let (listener, address) = listen().await;
        let mut config = (*tls_server(ClientCertificate::Off)).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
            while request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
        });
        let pool = pool(Settings { http2: true, tls: Some(tls(true, false)), ..settings(address) });
        for _ in 0..3 {
            assert_eq!(&pool.send(message(), LONG).await.unwrap().body[..], b"ok");
        }
    });
}

/// Our own key is in a device that hangs: what else this thread has to do goes on.
#[test]
fn a_hanging_device_holds_up_its_own_handshake_only() {
    run(async {
        let (listener, address) = listen().await;
        server_http2(listener, Some(tls_server_of(Family::Sm, ClientCertificate::Required)));
        let (certificate, issuers) = (key("sm/gateway.pem"), key("sm/root.pem"));
        let own_key = SoftwareKey::new(file::read(&key("sm/gateway.key"), None).unwrap());
        let (own_key, device) = hanging::Hanging::new(own_key);
        let own = Own { certificate: &certificate, key: Key::Handle(Arc::new(own_key)) };
        let trust = Trust { issuers: &issuers, revocation: None };
        let config = client_config(Family::Sm, trust, Some(&own), true).unwrap();
        let config = ClientProtocol::Tls(Arc::new(config));
        let tls = ClientTls { config, server_name: ServerName::try_from("localhost").unwrap(), may_wait: true };
        let pool = pool(Settings { http2: true, tls: Some(tls), ..settings(address) });
        let sent = spawn_local(async move { pool.send(message(), LONG).await });
        while device.asked.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!sent.is_finished());
        device.answer.send(()).unwrap();
        assert_eq!(&sent.await.unwrap().unwrap().body[..], b"hello");
    });
}

#[test]
fn a_refused_handshake_is_not_delivered() {
    run(async {
        // A server without TLS, and one whose certificate bears another name.
        let (listener, address) = listen().await;
        spawn_local(async move {
            let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        });
        let mut client = tls(false, false);
        let pool_plain = pool(Settings { tls: Some(client.clone()), ..settings(address) });
        assert_eq!(not_delivered(pool_plain.send(message(), LONG).await), NotDelivered::TlsFailed);

        let (listener, address) = listen().await;
        let config = tls_server(ClientCertificate::Off);
        spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap_err();
        });
        client.server_name = ServerName::try_from("elsewhere.example").unwrap();
        let pool_named = pool(Settings { tls: Some(client), ..settings(address) });
        assert_eq!(not_delivered(pool_named.send(message(), LONG).await), NotDelivered::TlsFailed);
    });
}

/// A server of TLS 1.3 looks at our certificate when our side of the handshake is over and the request may have left. A
/// request that it refuses so was not read.
#[test]
fn a_refusal_of_our_certificate_is_not_delivered_though_it_comes_late() {
    run(async {
        for (family, others) in [(Family::International(Versions::Tls13), "sm/root.pem"), (Family::Sm, "tlcp/root.pem")]
        {
            for (http2, own) in [(false, true), (false, false), (true, true), (true, false)] {
                let (listener, address) = listen().await;
                let issuers = key(others);
                let pair = ["pem", "key"].map(|ending| key(&format!("{}gateway.{ending}", keys_of(family).0)));
                let server_own = Own { certificate: &pair[0], key: Key::Pem(&pair[1]) };
                let trust = Trust { issuers: &issuers, revocation: None };
                let config = server_config(family, &server_own, ClientCertificate::Required, trust).unwrap();
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
                spawn_local(async move {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        acceptor.accept(stream).await.unwrap_err();
                    }
                });
                for _ in 0..4 {
                    let tls = Some(tls_of(family, http2, own));
                    let pool = pool(Settings { http2, tls, ..settings(address) });
                    assert_eq!(not_delivered(pool.send(message(), LONG).await), NotDelivered::TlsFailed);
                }
            }
        }
    });
}

/// The same server once it has read the request: whatever it says then, the outcome is not known.
#[test]
fn an_end_after_the_request_was_read_stays_unknown() {
    run(async {
        let (listener, address) = listen().await;
        let acceptor = tokio_rustls::TlsAcceptor::from(tls_server_of(Family::Sm, ClientCertificate::Required));
        spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            request(&mut stream).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let pool = pool(Settings { tls: Some(tls_of(Family::Sm, false, true)), ..settings(address) });
        assert_eq!(unknown(pool.send(message(), LONG).await), Unknown::ConnectionLost);
    });
}

#[test]
fn a_silent_handshake_ends_at_the_connect_timeout() {
    run(async {
        let (listener, address) = listen().await;
        let pool = pool(Settings { tls: Some(tls(false, false)), connect_timeout: SHORT, ..settings(address) });
        assert_eq!(not_delivered(pool.send(message(), LONG).await), NotDelivered::ConnectTimeout);
        drop(listener);
    });
}
