//! Full TLS handshakes in memory on one thread, the time of each side counted apart: `cargo bench --bench handshake`.
//!
//! RFC 8998 beside TLS 1.3 with P-256 and AES-128-GCM on ring, in alternating rounds. Nothing resumes; the server
//! sends its tickets. The mutual rounds are with one client that is known from earlier handshakes, as between two
//! systems. Chains: leaf and intermediate under a root for SM2, a leaf under a root for P-256.

#![allow(clippy::cast_precision_loss, reason = "figures for people to read")]

use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, Versions, client_config, server_config};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rounds of each line; the median of them is printed.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(500);

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Case {
    title: &'static str,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    /// Microseconds a handshake, server and client, one per round.
    rounds: Vec<(f64, f64)>,
}

fn case(title: &'static str, family: Family, mutual: bool) -> Case {
    let (folder, issuer) = if family == Family::Sm { ("sm/", "sm/root.pem") } else { ("", "ca.pem") };
    let pair = |name: &str| (file(&format!("{folder}{name}.pem")), file(&format!("{folder}{name}.key")));
    let (gateway, caller, root) = (pair("gateway"), pair("yueyang-system"), file(issuer));
    let own =
        |pair: &'_ (Vec<u8>, Vec<u8>)| Own { certificate: pair.0.clone().leak(), key: Key::Pem(pair.1.clone().leak()) };
    let trust = Trust { issuers: &root, revocation: None };
    let asks = if mutual { ClientCertificate::Required } else { ClientCertificate::Off };
    let server = server_config(family, &own(&gateway), asks, trust).expect("the tests' certificates");
    let shown = mutual.then(|| own(&caller));
    let mut client = client_config(family, trust, shown.as_ref(), false).expect("the tests' certificates");
    client.resumption = rustls::client::Resumption::disabled();
    if family != Family::Sm {
        let mut provider = (**client.crypto_provider()).clone();
        provider.kx_groups = vec![rustls::crypto::ring::kx_group::SECP256R1];
        provider.cipher_suites = vec![rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
        client = with_provider(provider, &root, shown.as_ref());
    }
    Case { title, client: Arc::new(client), server: Arc::new(server), rounds: Vec::new() }
}

/// A client with fewer choices than ours has, to have P-256 on both sides.
fn with_provider(provider: rustls::crypto::CryptoProvider, root: &[u8], own: Option<&Own<'_>>) -> ClientConfig {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(root).flatten());
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a suite of TLS 1.3")
        .with_root_certificates(roots);
    let mut config = match own {
        Some(Own { certificate, key: Key::Pem(key) }) => {
            let chain = CertificateDer::pem_slice_iter(certificate).flatten().collect();
            let key = PrivateKeyDer::from_pem_slice(key).expect("the tests' key");
            builder.with_client_auth_cert(chain, key).expect("the tests' certificates")
        }
        _ => builder.with_no_client_auth(),
    };
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// One handshake; time of the server and of the client.
fn handshake(case: &Case) -> (Duration, Duration) {
    let (mut at_server, mut at_client) = (Duration::ZERO, Duration::ZERO);
    let begun = Instant::now();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::clone(&case.client), name).expect("a client");
    at_client += begun.elapsed();
    let begun = Instant::now();
    let mut server = ServerConnection::new(Arc::clone(&case.server)).expect("a server");
    at_server += begun.elapsed();
    let mut wire = Vec::with_capacity(8192);
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() || server.wants_write() {
        let begun = Instant::now();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("written to memory");
        }
        at_client += begun.elapsed();
        let begun = Instant::now();
        let mut rest = &wire[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("read from memory");
            server.process_new_packets().expect("a handshake that succeeds");
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("written to memory");
        }
        at_server += begun.elapsed();
        let begun = Instant::now();
        let mut rest = &wire[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).expect("read from memory");
            client.process_new_packets().expect("a handshake that succeeds");
        }
        wire.clear();
        at_client += begun.elapsed();
    }
    (at_server, at_client)
}

fn round(case: &Case) -> (f64, f64) {
    let (mut count, mut at_server, mut at_client) = (0_u32, Duration::ZERO, Duration::ZERO);
    let begun = Instant::now();
    while begun.elapsed() < ROUND {
        let (server, client) = handshake(case);
        at_server += server;
        at_client += client;
        count += 1;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    (each(at_server), each(at_client))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let usual = Family::International(Versions::Tls13);
    let mut cases = [
        case("RFC 8998, one-way", Family::Sm, false),
        case("P-256 (ring), one-way", usual, false),
        case("RFC 8998, mutual, client known", Family::Sm, true),
        case("P-256 (ring), mutual, client known", usual, true),
    ];
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|argument| argument == "--test") {
        for case in &cases {
            handshake(case);
        }
        return;
    }
    for case in &cases {
        // Tables of keys are built after a few handshakes.
        for _ in 0..20 {
            handshake(case);
        }
    }
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let figures = round(case);
            case.rounds.push(figures);
        }
    }
    println!("{:<36} {:>12} {:>12} {:>12} {:>12}", "", "server us", "server/s", "client us", "client/s");
    for case in &cases {
        let server = median(case.rounds.iter().map(|round| round.0));
        let client = median(case.rounds.iter().map(|round| round.1));
        let (title, servers, clients) = (case.title, 1e6 / server, 1e6 / client);
        println!("{title:<36} {server:>12.1} {servers:>12.0} {client:>12.1} {clients:>12.0}");
    }
}
