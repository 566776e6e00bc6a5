//! Full handshakes: the time our server and Tongsuo's server take, with our client for both, in alternating rounds of
//! one run. Chain of leaf and sub-CA, over memory, one thread.

#![allow(clippy::unwrap_used, reason = "a bench that panics has failed")]

#[path = "../src/peer.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod peer;
#[path = "../../../tlcp/support.rs"]
#[allow(dead_code, reason = "shared with tests/tlcp")]
mod support;

use jingyue::domain::tlcp::{ClientConfig, Connection, ServerConfig, Suite};
use jingyue::edge::tlcp::SystemNoise;
use peer::{Line, Peer, peer_server, sorted};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{NOW, client_config, feed, known_client_config, mutual_config, name, output, server_config};
use tongsuo::ssl::Ssl;

const ROUNDS: usize = 6;
const ROUND: Duration = Duration::from_secs(1);

fn our_client(config: &Arc<ClientConfig>) -> Connection {
    Connection::client(Arc::clone(config), name("localhost"), None, Box::new(SystemNoise), NOW).unwrap()
}

/// Time of one handshake on our server.
fn ours(client_config: &Arc<ClientConfig>, server_config: &Arc<ServerConfig>) -> Duration {
    let mut client = our_client(client_config);
    let begin = Instant::now();
    let mut server = Connection::server(Arc::clone(server_config), Box::new(SystemNoise), NOW);
    let mut time = begin.elapsed();
    while client.is_handshaking() {
        let out = output(&mut client);
        let begin = Instant::now();
        feed(&mut server, &out, usize::MAX).unwrap();
        time += begin.elapsed();
        feed(&mut client, &output(&mut server), usize::MAX).unwrap();
    }
    time
}

/// Time of one handshake on theirs.
fn theirs(client_config: &Arc<ClientConfig>, context: &tongsuo::ssl::SslContext) -> Duration {
    let mut client = our_client(client_config);
    let line = Line::default();
    line.give(&output(&mut client));
    let begin = Instant::now();
    let mut server = sorted(Ssl::new(context).unwrap().accept(line.clone())).unwrap();
    let mut time = begin.elapsed();
    loop {
        feed(&mut client, &line.said(), usize::MAX).unwrap();
        if !client.is_handshaking() {
            return time;
        }
        line.give(&output(&mut client));
        let Peer::Shaking(mid) = server else { panic!("the server is ahead") };
        let begin = Instant::now();
        server = sorted(mid.handshake()).unwrap();
        time += begin.elapsed();
    }
}

fn mean(mut one: impl FnMut() -> Duration) -> Duration {
    let (mut total, mut count) = (Duration::ZERO, 0);
    let begin = Instant::now();
    while begin.elapsed() < ROUND {
        total += one();
        count += 1;
    }
    total / count
}

fn main() {
    for (suite, is_mutual) in Suite::ALL.into_iter().flat_map(|suite| [(suite, false), (suite, true)]) {
        let suites = vec![suite];
        let server = if is_mutual { mutual_config() } else { server_config() };
        let client = if is_mutual { known_client_config() } else { client_config() };
        let (server, client) = (Arc::new(ServerConfig { suites, ..server }), Arc::new(client));
        let context = peer_server(suite, is_mutual);
        let (mut best_ours, mut best_theirs, mut ratios) = (Duration::MAX, Duration::MAX, Vec::new());
        for _ in 0..ROUNDS {
            let (us, them) = (mean(|| ours(&client, &server)), mean(|| theirs(&client, &context)));
            ratios.push(them.as_secs_f64() / us.as_secs_f64());
            (best_ours, best_theirs) = (best_ours.min(us), best_theirs.min(them));
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "{suite:?}, {}: ours {:.1} us ({:.0}/s), Tongsuo {:.1} us ({:.0}/s); median ratio {:.2}",
            if is_mutual { "mutual" } else { "one-way" },
            best_ours.as_secs_f64() * 1e6,
            1.0 / best_ours.as_secs_f64(),
            best_theirs.as_secs_f64() * 1e6,
            1.0 / best_theirs.as_secs_f64(),
            ratios[ROUNDS / 2],
        );
    }
}
