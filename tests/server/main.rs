//! The data listener against raw sockets: limits of time and size, callers that leave, drain.

#![allow(clippy::unwrap_used, reason = "a test")]

mod device;
#[path = "../few/hanging.rs"]
mod hanging;
mod tlcp;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Full};
use jingyue::domain::fault::Fault;
use jingyue::edge::clock::Clock;
use jingyue::edge::metrics::Metrics;
use jingyue::edge::server::{Answer, Arrived, Handler, Head, Listeners, Protocols, Running, Settings, start};
use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, Versions, client_config, server_config};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(80);

/// What the handler does is said by the path.
struct Probe {
    arrivals: Mutex<mpsc::Sender<String>>,
    finished: Mutex<mpsc::Sender<String>>,
    gate: Arc<Notify>,
}

impl Handler for Probe {
    fn before_body(&self, head: Head<'_>) -> Result<(), Fault> {
        if head.uri.path() == "/closed" { Err(Fault::UnknownCaller) } else { Ok(()) }
    }

    fn handle(self: Rc<Self>, arrived: Arrived) -> LocalBoxFuture<'static, Answer> {
        Box::pin(async move {
            let path = arrived.path().to_owned();
            self.arrivals.lock().unwrap().send(path.clone()).unwrap();
            assert_ne!(path, "/panic", "as asked for");
            if path == "/gate" {
                self.gate.notified().await;
            }
            let certificate = arrived.certificate_sha256.map_or("none".into(), hex);
            let (status, text) = match &arrived.body {
                Ok(body) => (200, format!("{path} {:?} {} {certificate}", arrived.query(), body.len())),
                Err(fault) => (fault.entry().status, fault.to_string()),
            };
            self.finished.lock().unwrap().send(path).unwrap();
            Answer { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::from(text) }
        })
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

struct Site {
    running: Running,
    arrivals: mpsc::Receiver<String>,
    finished: mpsc::Receiver<String>,
    gate: Arc<Notify>,
}

fn settings() -> Settings {
    Settings {
        workers: 1,
        header_timeout: LONG,
        body_timeout: LONG,
        idle_timeout: LONG,
        body_bytes_max: 100_000,
        bodies_bytes_max: 150_000,
        connections_max: 100,
        exchanges_max: 100,
        drain: LONG,
        tls: None,
        clock: Clock::System,
        metrics: None,
    }
}

fn site(settings: &Settings) -> Site {
    let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap(), settings.workers).unwrap();
    let (arrivals, has_arrived) = mpsc::channel();
    let (finished, has_finished) = mpsc::channel();
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let channels = Mutex::new((arrivals, finished));
    let running = start(settings, listeners, move |_| {
        let (arrivals, finished) = channels.lock().unwrap().clone();
        let (arrivals, finished) = (Mutex::new(arrivals), Mutex::new(finished));
        Rc::new(Probe { arrivals, finished, gate: Arc::clone(&opened) })
    })
    .unwrap();
    Site { running, arrivals: has_arrived, finished: has_finished, gate }
}

impl Site {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.running.address()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }
}

fn write(stream: &mut (impl Write + ?Sized), text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

/// One answer: status and body.
fn answer(stream: &mut (impl Read + ?Sized)) -> (u16, String) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(length) => length == 0,
        Err(error) => matches!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn keeps_alive_pipelines_and_hands_over_what_arrived() {
    let site = site(&settings());
    let mut stream = site.connect();
    write(&mut stream, "GET /a?b=c HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut stream), (200, "/a Some(\"b=c\") 0 none".into()));
    let chunked = "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let declared = "POST /d HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nabcd";
    write(&mut stream, &format!("{chunked}{declared}{chunked}"));
    assert_eq!(answer(&mut stream), (200, "/c None 5 none".into()));
    assert_eq!(answer(&mut stream), (200, "/d None 4 none".into()));
    assert_eq!(answer(&mut stream), (200, "/c None 5 none".into()));
    assert_eq!(site.running.connections(), 1);
}

#[test]
fn a_slow_head_is_cut_off() {
    let site = site(&Settings { header_timeout: SHORT, ..settings() });
    // Nothing at all; half a head; one byte at a time; half a head after a whole request.
    let mut silent = site.connect();
    let mut half = site.connect();
    write(&mut half, "GET / HTTP/1.1\r\nhost:");
    let mut second = site.connect();
    write(&mut second, "GET /first HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut second).0, 200);
    write(&mut second, "GET /second HTTP/1.1\r\n");
    let mut dripping = site.connect();
    let begun = Instant::now();
    for _ in 0.. {
        if dripping.write_all(b"G").is_err() {
            break;
        }
        assert!(begun.elapsed() < LONG);
        std::thread::yield_now();
    }
    for stream in [&mut silent, &mut half, &mut second] {
        assert!(is_closed(stream));
    }
}

#[test]
fn an_idle_connection_outlives_the_header_timeout_and_ends_at_the_idle_timeout() {
    let idle_timeout = SHORT * 4;
    let site = site(&Settings { header_timeout: SHORT, idle_timeout, ..settings() });
    let mut stream = site.connect();
    write(&mut stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
    assert_eq!(answer(&mut stream).0, 200);
    let answered = Instant::now();
    assert!(is_closed(&mut stream));
    assert!(answered.elapsed() > idle_timeout / 2, "{:?}", answered.elapsed());
}

#[test]
fn an_exchange_in_hand_is_not_idle() {
    let site = site(&Settings { header_timeout: SHORT, idle_timeout: SHORT, ..settings() });
    let mut stream = site.connect();
    write(&mut stream, "GET /gate HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/gate");
    stream.set_read_timeout(Some(SHORT * 4)).unwrap();
    assert!(matches!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(LONG)).unwrap();
    site.gate.notify_one();
    assert_eq!(answer(&mut stream).0, 200);
}

#[test]
fn a_slow_body_is_the_handlers_to_refuse() {
    let site = site(&Settings { body_timeout: SHORT, ..settings() });
    let mut stream = site.connect();
    write(&mut stream, "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
    assert_eq!(answer(&mut stream), (408, "J108 body_timeout".into()));
    assert!(is_closed(&mut stream));
}

#[test]
fn a_large_body_is_refused_unread_and_the_answer_arrives() {
    let site = site(&settings());
    let mut stream = site.connect();
    write(&mut stream, "POST /large HTTP/1.1\r\nhost: x\r\ncontent-length: 100001\r\n\r\n");
    // The answer comes though not a byte of the body was sent.
    assert_eq!(answer(&mut stream), (413, "J103 limit_exceeded: 正文字节数 over 100000".into()));

    let mut stream = site.connect();
    write(&mut stream, "POST /chunks HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("2710\r\n{}\r\n", "x".repeat(10_000));
    // A caller that sends all before it reads must still get its answer, not a reset.
    for _ in 0..350 {
        write(&mut stream, &chunk);
    }
    assert_eq!(answer(&mut stream).0, 413);
    drop(stream);

    let mut stream = site.connect();
    write(&mut stream, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
    write(&mut stream, &"x".repeat(100_000));
    assert_eq!(answer(&mut stream), (200, "/ None 100000 none".into()));
}

#[test]
fn broken_bodies_are_told_apart() {
    let site = site(&settings());
    let mut stream = site.connect();
    write(&mut stream, "POST /chunks HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let (status, text) = answer(&mut stream);
    assert_eq!(status, 400, "{text}");
    assert!(text.starts_with("J101"), "{text}");

    let mut stream = site.connect();
    write(&mut stream, "POST /short HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(site.finished.recv_timeout(LONG).unwrap(), "/chunks");
    assert_eq!(site.finished.recv_timeout(LONG).unwrap(), "/short");
}

#[test]
fn a_length_beside_chunks_counts_for_nothing_and_ends_the_connection() {
    let site = site(&settings());
    for fields in ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"]
    {
        let mut stream = site.connect();
        let smuggled = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
        write(&mut stream, &format!("POST /x HTTP/1.1\r\nhost: x\r\n{fields}\r\n\r\n0\r\n\r\n{smuggled}"));
        assert_eq!(answer(&mut stream), (200, "/x None 0 none".into()));
        assert!(is_closed(&mut stream));
        assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/x");
    }
    assert!(site.arrivals.try_recv().is_err(), "the smuggled request must not arrive");
}

#[test]
fn open_connections_show_in_the_metrics() {
    let metrics = Metrics::new();
    let site = site(&Settings { metrics: Some(metrics.clone()), ..settings() });
    let shown = |count: usize| metrics.encode().lines().any(|line| line == format!("jingyue_connections {count}"));
    let mut streams = [site.connect(), site.connect()];
    for stream in &mut streams {
        write(stream, "GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
        answer(stream);
    }
    assert!(shown(2), "{}", metrics.encode());
    drop(streams);
    let began = Instant::now();
    while !shown(0) {
        assert!(began.elapsed() < LONG, "{}", metrics.encode());
        std::thread::yield_now();
    }
}

#[test]
fn a_caller_that_leaves_does_not_stop_its_exchange() {
    let site = site(&settings());
    let mut stream = site.connect();
    write(&mut stream, "POST /gate HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab");
    assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/gate");
    drop(stream);
    // Its connection is gone, the exchange is not.
    while site.running.connections() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(site.running.exchanges(), 1);
    site.gate.notify_one();
    assert_eq!(site.finished.recv_timeout(LONG).unwrap(), "/gate");
}

#[test]
fn a_panic_is_answered_and_the_worker_lives() {
    let site = site(&settings());
    let mut stream = site.connect();
    write(&mut stream, "GET /panic HTTP/1.1\r\nhost: x\r\n\r\n");
    let (status, text) = answer(&mut stream);
    assert_eq!(status, 500);
    assert!(text.contains("网关内部错误"), "{text}");
    write(&mut stream, "GET /next HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut stream).0, 200);
    assert_eq!(site.running.exchanges(), 0);
}

#[test]
fn too_many_exchanges_reach_the_handler_as_overload() {
    let site = site(&Settings { exchanges_max: 1, ..settings() });
    let (mut first, mut second) = (site.connect(), site.connect());
    write(&mut first, "GET /gate HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/gate");
    write(&mut second, "GET /over HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut second), (503, "J403 overloaded".into()));
    site.gate.notify_one();
    assert_eq!(answer(&mut first).0, 200);
}

#[test]
fn too_many_connections_are_closed_at_once() {
    let site = site(&Settings { connections_max: 1, ..settings() });
    let mut first = site.connect();
    write(&mut first, "GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut first).0, 200);
    assert!(is_closed(&mut site.connect()));
    write(&mut first, "GET /b HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut first).0, 200);
}

#[test]
fn a_drain_finishes_what_is_in_hand_and_takes_nothing_new() {
    let site = site(&Settings { workers: 2, ..settings() });
    let mut idle = site.connect();
    write(&mut idle, "GET /idle HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut idle).0, 200);
    let mut busy = site.connect();
    write(&mut busy, "GET /gate HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!((site.arrivals.recv_timeout(LONG).unwrap().as_str()), "/idle");
    assert_eq!((site.arrivals.recv_timeout(LONG).unwrap().as_str()), "/gate");
    site.running.drain();
    assert!(is_closed(&mut idle));
    let begun = Instant::now();
    while TcpStream::connect(site.running.address()).is_ok() {
        assert!(begun.elapsed() < LONG, "still accepting");
        std::thread::yield_now();
    }
    site.gate.notify_one();
    assert_eq!(answer(&mut busy).0, 200);
    assert!(is_closed(&mut busy));
    assert_eq!(site.running.join(), 0);
}

#[test]
fn a_drain_ends_in_time_and_says_what_it_left() {
    let site = site(&Settings { drain: SHORT, ..settings() });
    let mut stream = site.connect();
    write(&mut stream, "GET /gate HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/gate");
    site.running.drain();
    assert_eq!(site.running.join(), 1);
}

fn key(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)).unwrap()
}

const INTERNATIONAL: Family = Family::International(Versions::Tls12And13);

/// The folder of a family's keys, and its issuer.
fn keys_of(family: Family) -> (&'static str, &'static str) {
    if family == Family::Sm { ("sm/", "sm/root.pem") } else { ("", "ca.pem") }
}

fn server_of(family: Family, client: ClientCertificate) -> Arc<rustls::ServerConfig> {
    let (folder, issuer) = keys_of(family);
    let (certificate, key_bytes) = (key(&format!("{folder}gateway.pem")), key(&format!("{folder}gateway.key")));
    let (own, issuers) = (Own { certificate: &certificate, key: Key::Pem(&key_bytes) }, key(issuer));
    Arc::new(server_config(family, &own, client, Trust { issuers: &issuers, revocation: None }).unwrap())
}

fn with_protocols(protocols: Protocols) -> Settings {
    Settings { tls: Some(Arc::new(ArcSwap::from_pointee(protocols))), ..settings() }
}

fn tls_settings(client: ClientCertificate) -> Settings {
    let (sm, international) = (Some(server_of(Family::Sm, client)), Some(server_of(INTERNATIONAL, client)));
    with_protocols(Protocols { sm, international, ..Protocols::default() })
}

fn client_of(family: Family, own: bool) -> rustls::ClientConfig {
    let (folder, issuer) = keys_of(family);
    let pair = ["pem", "key"].map(|ending| key(&format!("{folder}yueyang-system.{ending}")));
    let own = own.then_some(Own { certificate: &pair[0], key: Key::Pem(&pair[1]) });
    client_config(family, Trust { issuers: &key(issuer), revocation: None }, own.as_ref(), false).unwrap()
}

type Client = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

fn client_with(site: &Site, config: rustls::ClientConfig) -> Client {
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    rustls::StreamOwned::new(rustls::ClientConnection::new(Arc::new(config), name).unwrap(), site.connect())
}

fn tls_client(site: &Site, own: bool) -> Client {
    client_with(site, client_of(INTERNATIONAL, own))
}

#[test]
fn the_callers_certificate_is_handed_over_whatever_the_protocol() {
    use rustls_pki_types::pem::PemObject;
    let site = site(&tls_settings(ClientCertificate::Optional));
    let versions = [Versions::Tls12, Versions::Tls13, Versions::Tls12And13].map(Family::International);
    for family in [Family::Sm].into_iter().chain(versions) {
        let name = format!("{}yueyang-system.pem", keys_of(family).0);
        let der = rustls_pki_types::CertificateDer::from_pem_slice(&key(&name)).unwrap();
        let expected = ring::digest::digest(&ring::digest::SHA256, &der);
        let expected = hex(expected.as_ref().try_into().unwrap());
        for (own, shown) in [(true, expected.as_str()), (false, "none"), (true, expected.as_str())] {
            let mut stream = client_with(&site, client_of(family, own));
            write(&mut stream, "GET /who HTTP/1.1\r\nhost: x\r\n\r\n");
            assert_eq!(answer(&mut stream), (200, format!("/who None 0 {shown}")), "{family:?}");
        }
    }
}

/// The alert that ends the handshake, or `None` where it succeeds.
fn alert_of(client: &mut Client) -> Option<rustls::AlertDescription> {
    let error = client.conn.complete_io(&mut client.sock).err()?;
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
        _ => panic!("{error:?}"),
    }
}

#[test]
fn each_protocol_can_be_switched_off() {
    use rustls::AlertDescription::{HandshakeFailure, ProtocolVersion};
    let (tls12, tls13) = (Family::International(Versions::Tls12), Family::International(Versions::Tls13));
    let server = |family| Some(server_of(family, ClientCertificate::Off));
    // Per listener: the alerts for clients of RFC 8998, TLS 1.2 and TLS 1.3.
    for (protocols, alerts) in [
        (
            Protocols { sm: server(Family::Sm), international: server(INTERNATIONAL), ..Protocols::default() },
            [None, None, None],
        ),
        (
            Protocols { sm: server(Family::Sm), international: None, ..Protocols::default() },
            [None, Some(HandshakeFailure), Some(HandshakeFailure)],
        ),
        (
            Protocols { sm: None, international: server(INTERNATIONAL), ..Protocols::default() },
            [Some(HandshakeFailure), None, None],
        ),
        (
            Protocols { sm: server(Family::Sm), international: server(tls13), ..Protocols::default() },
            [None, Some(ProtocolVersion), None],
        ),
        (
            Protocols { sm: server(Family::Sm), international: server(tls12), ..Protocols::default() },
            [None, None, Some(ProtocolVersion)],
        ),
    ] {
        let site = site(&with_protocols(protocols));
        for (family, expected) in [Family::Sm, tls12, tls13].into_iter().zip(alerts) {
            let mut client = client_with(&site, client_of(family, false));
            assert_eq!(alert_of(&mut client), expected, "{family:?}");
            if expected.is_none() {
                write(&mut client, "GET /in HTTP/1.1\r\nhost: x\r\n\r\n");
                assert_eq!(answer(&mut client).0, 200);
            }
        }
    }
}

/// A client that offers RFC 8998 and international TLS at once, but for one part, and trusts both CAs.
fn client_of_both(leave_out: &str) -> rustls::ClientConfig {
    use rustls_pki_types::pem::PemObject;
    let (sm, ring) = (jingyue::edge::tls::sm_provider(), rustls::crypto::ring::default_provider());
    let mut provider = ring.clone();
    if leave_out != "suite" {
        provider.cipher_suites.extend(sm.cipher_suites.clone());
    }
    if leave_out != "group" {
        provider.kx_groups.extend(sm.kx_groups.clone());
    }
    if leave_out != "scheme" {
        let (sm, ring) = (sm.signature_verification_algorithms, ring.signature_verification_algorithms);
        provider.signature_verification_algorithms = rustls::crypto::WebPkiSupportedAlgorithms {
            all: [sm.all, ring.all].concat().leak(),
            mapping: [ring.mapping, sm.mapping].concat().leak(),
        };
    }
    let mut roots = rustls::RootCertStore::empty();
    for issuer in ["sm/root.pem", "ca.pem"] {
        roots.add(rustls_pki_types::CertificateDer::from_pem_slice(&key(issuer)).unwrap()).unwrap();
    }
    rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn who_offers_all_of_rfc_8998_gets_it_and_who_lacks_a_part_gets_the_other() {
    let site = site(&tls_settings(ClientCertificate::Off));
    for (leave_out, sm) in [("", true), ("suite", false), ("scheme", false), ("group", false)] {
        let mut client = client_with(&site, client_of_both(leave_out));
        write(&mut client, "GET /in HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(answer(&mut client).0, 200);
        let suite = client.conn.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite == jingyue::edge::tls::SM4_GCM_SM3, sm, "without {leave_out}: {suite:?}");
    }
}

#[test]
fn a_hello_in_crumbs_is_read_all_the_same() {
    let site = site(&tls_settings(ClientCertificate::Off));
    let mut client = client_with(&site, client_of(Family::Sm, false));
    let mut hello = Vec::new();
    client.conn.write_tls(&mut hello).unwrap();
    client.sock.set_nodelay(true).unwrap();
    for byte in hello {
        client.sock.write_all(&[byte]).unwrap();
    }
    write(&mut client, "GET /crumbs HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut client).0, 200);
}

#[test]
fn what_is_no_tls_is_refused() {
    let site = site(&tls_settings(ClientCertificate::Off));
    // A hello of TLCP, which is not spoken here: fatal alert protocol_version in a record of its version.
    let mut stream = site.connect();
    stream.write_all(&[22, 1, 1]).unwrap();
    let mut alert = Vec::new();
    stream.read_to_end(&mut alert).unwrap();
    assert_eq!(alert, [21, 1, 1, 0, 2, 2, 70]);
    for opening in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], &[0x80, 0x2e, 0x01, 0x00, 0x02], &[22, 3, 1, 255, 255]] {
        let mut stream = site.connect();
        stream.write_all(opening).unwrap();
        let mut said = Vec::new();
        // Reset instead of end when bytes were left unread.
        let _ = stream.read_to_end(&mut said);
        assert!(said.is_empty() || said[0] == 21, "{said:?}");
    }
}

#[test]
fn a_required_certificate_is_required() {
    let site = site(&tls_settings(ClientCertificate::Required));
    let mut stream = tls_client(&site, true);
    write(&mut stream, "GET /who HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(answer(&mut stream).0, 200);
    let mut stream = tls_client(&site, false);
    let sent = stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(sent.is_err() || stream.read(&mut [0]).is_err());
}

#[test]
fn a_failed_handshake_is_counted_with_its_reason() {
    let metrics = Metrics::new();
    let (sm, issuers) = (server_of(Family::Sm, ClientCertificate::Required), key("tlcp/root.pem"));
    let site = site(&Settings {
        metrics: Some(metrics.clone()),
        ..with_protocols(Protocols { sm: Some(sm), ..Protocols::default() })
    });
    // No certificate; an issuer that the client does not trust; no protocol in common; bytes that are no TLS; an end.
    let _ = client_with(&site, client_of(Family::Sm, false)).read(&mut [0]);
    let trust = Trust { issuers: &issuers, revocation: None };
    let _ = client_with(&site, client_config(Family::Sm, trust, None, false).unwrap()).read(&mut [0]);
    let _ = client_with(&site, client_of(INTERNATIONAL, false)).read(&mut [0]);
    write(&mut site.connect(), "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    drop(site.connect());
    let began = Instant::now();
    for (protocol, reason) in [
        ("rfc8998", "no_certificate"),
        ("rfc8998", "peer_alert"),
        ("_unknown", "nothing_in_common"),
        ("_unknown", "misbehaved"),
        ("_unknown", "network"),
    ] {
        let name = "jingyue_tls_handshake_failures_total";
        let series = format!("{name}{{protocol=\"{protocol}\",reason=\"{reason}\"}} 1");
        // The server counts a handshake after the client has seen its end.
        while !metrics.encode().contains(&series) {
            assert!(began.elapsed() < LONG, "{series}\n{}", metrics.encode());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_silent_handshake_is_cut_off() {
    let site = site(&Settings { header_timeout: SHORT, ..tls_settings(ClientCertificate::Off) });
    assert!(is_closed(&mut site.connect()));
}

async fn http2(address: SocketAddr) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn post(address: SocketAddr, path: &str, body: &'static str) -> http::Request<Full<Bytes>> {
    let uri = format!("http://{address}{path}");
    http::Request::post(uri).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

#[test]
fn http2_carries_many_at_once_and_drains() {
    let site = site(&settings());
    let address = site.running.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut sender = http2(address).await;
        let gated = tokio::spawn(sender.send_request(post(address, "/gate", "")));
        let quick: Vec<_> =
            (0..20).map(|_| tokio::spawn(sender.send_request(post(address, "/quick", "body")))).collect();
        for answer in quick {
            let body = answer.await.unwrap().unwrap().into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "/quick None 4 none");
        }
        assert_eq!(site.running.connections(), 1);
        while site.arrivals.recv_timeout(LONG).unwrap() != "/gate" {}
        site.running.drain();
        site.gate.notify_one();
        assert_eq!(gated.await.unwrap().unwrap().status(), 200);
    });
    assert_eq!(site.running.join(), 0);
}

#[test]
fn an_idle_http2_connection_ends() {
    let site = site(&Settings { header_timeout: SHORT, idle_timeout: SHORT, ..settings() });
    let address = site.running.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut sender = http2(address).await;
        assert_eq!(sender.send_request(post(address, "/", "")).await.unwrap().status(), 200);
        let begun = Instant::now();
        while !sender.is_closed() {
            assert!(begun.elapsed() < LONG);
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_large_body_of_nobody_is_not_read() {
    let site = site(&settings());
    let mut stream = site.connect();
    // Nothing of the body is sent: the answer does not wait for it.
    write(&mut stream, "POST /closed HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\n\r\n");
    assert_eq!(answer(&mut stream).0, 401);
    let mut stream = site.connect();
    write(&mut stream, "POST /closed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(answer(&mut stream).0, 401, "of no known size");
    // A small one is cheaper read than judged twice.
    let mut stream = site.connect();
    write(&mut stream, "POST /closed HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab");
    assert_eq!(answer(&mut stream).0, 200);
    site.running.drain();
    site.running.join();
}

#[test]
fn bodies_in_hand_are_bounded_together() {
    let site = site(&settings());
    let body = "x".repeat(90_000);
    let request = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{}", &body[..length])
    };
    let mut first = site.connect();
    write(&mut first, &request("/gate", 90_000));
    assert_eq!(site.arrivals.recv_timeout(LONG).unwrap(), "/gate");
    let mut second = site.connect();
    write(&mut second, &request("/a", 90_000));
    assert_eq!(answer(&mut second).0, 503, "180 000 bytes are more than 150 000");
    let mut third = site.connect();
    write(&mut third, &request("/b", 60_000));
    assert_eq!(answer(&mut third).0, 200, "small bodies do not count");
    site.gate.notify_one();
    assert_eq!(answer(&mut first).0, 200);
    let mut fourth = site.connect();
    write(&mut fourth, &request("/c", 90_000));
    assert_eq!(answer(&mut fourth).0, 200, "what was held is given back");
    site.running.drain();
    site.running.join();
}

#[test]
fn a_head_has_its_bound_to_the_byte() {
    let site = site(&settings());
    let head = |bytes: usize| format!("GET /a HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(bytes));
    let mut stream = site.connect();
    write(&mut stream, &head(60_000));
    assert_eq!(answer(&mut stream).0, 200);
    let mut stream = site.connect();
    write(&mut stream, &head(65_536));
    assert!(matches!(answer(&mut stream).0, 413 | 431));
    site.running.drain();
    site.running.join();
}
