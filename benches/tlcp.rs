//! TLCP on one core: full handshakes a second as the server sees them, one-way and mutual, both suites; resumed ones;
//! and bulk data through records of 16 KiB.
//!
//! Both sides run in this process over memory; the time of each side is counted apart, around the calls that give it
//! bytes. What the server spends on making the configuration (certificates read, keys checked) is not part of it.

#![allow(clippy::unwrap_used, reason = "a bench that panics has failed")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../tests/tlcp/support.rs"]
#[allow(dead_code, reason = "shared with tests/tlcp")]
mod support;

use jingyue::domain::tlcp::{ClientConfig, Connection, RememberedSessions, ServerConfig, Suite};
use jingyue::edge::tlcp::SystemNoise;
use jingyue::edge::tls::{ClientCertificate, Key, Own, Pair, Trust, tlcp_client_config, tlcp_server_config};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{NOW, client_config, feed, known_client_config, mutual_config, name, output, server_config};

const SECONDS: Duration = Duration::from_secs(3);
const BULK_BYTES: usize = 16 * 1024;

struct Sides {
    client: Duration,
    server: Duration,
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = work();
    *total += begin.elapsed();
    result
}

fn handshake(
    client_config: &Arc<ClientConfig>,
    server_config: &Arc<ServerConfig>,
    name: &ServerName<'static>,
    resume: Option<&Connection>,
    sides: &mut Sides,
) -> (Connection, Connection) {
    let session = resume.and_then(Connection::session).cloned();
    let mut server =
        timed(&mut sides.server, || Connection::server(Arc::clone(server_config), Box::new(SystemNoise), NOW));
    let mut client = timed(&mut sides.client, || {
        Connection::client(Arc::clone(client_config), name.clone(), session, Box::new(SystemNoise), NOW).unwrap()
    });
    while client.is_handshaking() || server.is_handshaking() {
        let out = output(&mut client);
        timed(&mut sides.server, || feed(&mut server, &out, usize::MAX).unwrap());
        let back = output(&mut server);
        timed(&mut sides.client, || feed(&mut client, &back, usize::MAX).unwrap());
    }
    (client, server)
}

fn handshakes(what: &str, client_config: ClientConfig, server_config: ServerConfig, is_resumed: bool) {
    let (client_config, server_config) = (Arc::new(client_config), Arc::new(server_config));
    let name = name("localhost");
    let mut sides = Sides { client: Duration::ZERO, server: Duration::ZERO };
    let (first, _) = handshake(&client_config, &server_config, &name, None, &mut sides);
    sides = Sides { client: Duration::ZERO, server: Duration::ZERO };
    let mut count = 0_u32;
    while sides.client + sides.server < SECONDS {
        let resume = is_resumed.then_some(&first);
        let (client, _) = handshake(&client_config, &server_config, &name, resume, &mut sides);
        assert_eq!(client.is_resumed(), is_resumed);
        count += 1;
    }
    let per_second = |side: Duration| f64::from(count) / side.as_secs_f64();
    let micros = |side: Duration| side.as_secs_f64() * 1e6 / f64::from(count);
    println!(
        "{what:<28} server {:7.1} us {:8.0}/s    client {:7.1} us {:8.0}/s",
        micros(sides.server),
        per_second(sides.server),
        micros(sides.client),
        per_second(sides.client),
    );
}

fn bulk(suite: Suite) {
    let client_config = Arc::new(ClientConfig { suites: vec![suite], ..client_config() });
    let mut sides = Sides { client: Duration::ZERO, server: Duration::ZERO };
    let (mut client, mut server) =
        handshake(&client_config, &Arc::new(server_config()), &name("localhost"), None, &mut sides);
    let plain = vec![7; BULK_BYTES];
    let (mut sealing, mut opening, mut count) = (Duration::ZERO, Duration::ZERO, 0_u32);
    while sealing + opening < SECONDS {
        timed(&mut sealing, || assert_eq!(client.send(&plain), Ok(BULK_BYTES)));
        let mut rest = client.output();
        timed(&mut opening, || {
            let mut heard = 0;
            while !rest.is_empty() {
                let room = server.input();
                let size = room.len().min(rest.len());
                room[..size].copy_from_slice(&rest[..size]);
                server.received(size);
                rest = &rest[size..];
                server.advance().unwrap();
                heard += server.plain().len();
                server.consume(server.plain().len());
            }
            assert_eq!(heard, BULK_BYTES);
        });
        client.sent(client.output().len());
        count += 1;
    }
    let rate = |time: Duration| f64::from(count) * BULK_BYTES as f64 / time.as_secs_f64() / 1e6;
    println!("{:<28} seal {:6.0} MB/s    open {:6.0} MB/s", format!("{suite:?}, 16 KiB"), rate(sealing), rate(opening));
}

/// Both sides as the gateway makes them: keys that come again have a table, good chains are remembered.
fn remembered() {
    let file = |name: &str| std::fs::read(format!("{}/tests/keys/tlcp/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let issuers = file("root.pem");
    let trust = Trust { issuers: &issuers, revocation: None };
    let texts = ["server", "client"].map(|name| {
        let chain = [file(&format!("{name}-sign.pem")), file("sub.pem")].concat();
        let [key, certificate, opening] =
            ["sign.key", "encrypt.pem", "encrypt.key"].map(|end| file(&format!("{name}-{end}")));
        (chain, key, certificate, opening)
    });
    let [server, client] = texts.each_ref().map(|(chain, key, certificate, opening)| Pair {
        signing: Own { certificate: chain, key: Key::Pem(key) },
        encryption: Own { certificate, key: Key::Pem(opening) },
    });
    let asks = tlcp_server_config(&server, ClientCertificate::Required, trust).unwrap();
    let client = tlcp_client_config(trust, Some(&client), false).unwrap();
    handshakes("E053, mutual, both known", client, asks, false);
}

fn main() {
    for suite in Suite::ALL {
        let suites = vec![suite];
        let one_way = ServerConfig { suites: suites.clone(), ..server_config() };
        let mutual = ServerConfig { suites, ..mutual_config() };
        let remembering =
            ServerConfig { sessions: Some(Arc::new(RememberedSessions::new(1 << 16))), ..one_way.clone() };
        handshakes(&format!("{suite:?}, one-way"), client_config(), one_way, false);
        handshakes(&format!("{suite:?}, mutual"), known_client_config(), mutual, false);
        handshakes(&format!("{suite:?}, resumed"), client_config(), remembering, true);
    }
    remembered();
    Suite::ALL.into_iter().for_each(bulk);
}
