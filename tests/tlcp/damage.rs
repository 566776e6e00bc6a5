//! Handshakes with damage on the way: no panic, and never plain text that was not sent.

use crate::support::*;
use jingyue::domain::tlcp::{ClientConfig, ServerConfig};
use jingyue::domain::tlcp::{Connection, Suite, probe_client, probe_server};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

const QUESTION: &[u8] = b"what the client says";
const ANSWER: &[u8] = b"what the server says, which is longer than a block of the cipher";

/// All bytes that each side sent in one conversation; noise is the same every time, so they can be played again.
struct Recorded {
    client_config: ClientConfig,
    server_config: ServerConfig,
    from_client: Vec<u8>,
    from_server: Vec<u8>,
}

fn recorded(suite: Suite) -> Recorded {
    let client_config = ClientConfig { suites: vec![suite], ..known_client_config() };
    let server_config = mutual_config();
    let (mut client, mut server) = (client(&client_config), server(&server_config));
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let out = output(&mut client);
        feed(&mut server, &out, 999).unwrap();
        from_client.extend(out);
        let back = output(&mut server);
        feed(&mut client, &back, 999).unwrap();
        from_server.extend(back);
    }
    from_client.extend(send(&mut client, QUESTION));
    client.close();
    from_client.extend(output(&mut client));
    from_server.extend(send(&mut server, ANSWER));
    server.close();
    from_server.extend(output(&mut server));
    Recorded { client_config, server_config, from_client, from_server }
}

static RECORDED: LazyLock<[Recorded; 2]> = LazyLock::new(|| Suite::ALL.map(recorded));

/// Plays `bytes` to a fresh connection and gives the plain text, up to a fault if there is one.
fn play(connection: &mut Connection, bytes: &[u8], step: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    for piece in bytes.chunks(step) {
        match feed(connection, piece, step) {
            Ok(more) => plain.extend(more),
            Err(_) => break,
        }
    }
    plain
}

#[derive(Clone, Debug)]
enum Damage {
    Change(prop::sample::Index, u8),
    Cut(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, u8),
    End(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), 1_u8..).prop_map(|(place, change)| Damage::Change(place, change)),
        1 => (place(), 1_u8..40).prop_map(|(place, count)| Damage::Cut(place, count)),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        1 => (place(), 1_u8..).prop_map(|(place, count)| Damage::Repeat(place, count)),
        1 => place().prop_map(Damage::End),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match damage {
            Damage::Change(place, change) => bytes[place.index(length)] ^= change,
            Damage::Cut(place, count) => {
                let place = place.index(length);
                bytes.drain(place..length.min(place + usize::from(*count)));
            }
            Damage::Insert(place, more) => {
                let place = place.index(length);
                bytes.splice(place..place, more.iter().copied());
            }
            Damage::Repeat(place, count) => {
                let place = place.index(length);
                let again = bytes[place..length.min(place + usize::from(*count))].to_vec();
                bytes.splice(place..place, again);
            }
            Damage::End(place) => bytes.truncate(place.index(length)),
        }
    }
    bytes
}

#[test]
fn played_again_undamaged_they_say_the_same() {
    for Recorded { client_config, server_config, from_client, from_server } in RECORDED.iter() {
        assert_eq!(play(&mut server(server_config), from_client, 11), QUESTION);
        assert_eq!(play(&mut client(client_config), from_server, 11), ANSWER);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_other_plain_text(
        damages in prop::collection::vec(damage(), 1..4),
        step in prop_oneof![1_usize..50, Just(4000)],
        which in 0_usize..2,
    ) {
        let Recorded { client_config, server_config, from_client, from_server } = &RECORDED[which];
        let heard = play(&mut server(server_config), &damaged(from_client.clone(), &damages), step);
        prop_assert!(QUESTION.starts_with(&heard));
        let heard = play(&mut client(client_config), &damaged(from_server.clone(), &damages), step);
        prop_assert!(ANSWER.starts_with(&heard));
    }

    #[test]
    fn any_bytes_in_records_of_any_kind(
        step in any::<u8>(),
        pieces in prop::collection::vec((20_u8..24, prop::collection::vec(any::<u8>(), 0..300)), 0..6),
    ) {
        let mut bytes = vec![step];
        for (kind, content) in &pieces {
            bytes.extend(record(*kind, content));
        }
        probe(&bytes);
    }

    #[test]
    fn messages_with_any_body(
        step in any::<u8>(),
        hello in prop::collection::vec(any::<u8>(), 0..200),
        kind in 0_u8..24,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let version_first = [&[1, 1][..], &hello].concat();
        let first = if step % 2 == 0 { record(22, &message(2, &version_first)) } else { record(22, &message(1, &version_first)) };
        probe(&[&[step][..], &first, &record(22, &message(kind, &body))].concat());
    }
}

fn probe(bytes: &[u8]) {
    static CONFIGS: LazyLock<(Arc<ServerConfig>, Arc<ClientConfig>)> =
        LazyLock::new(|| (Arc::new(mutual_config()), Arc::new(known_client_config())));
    probe_server(&CONFIGS.0, NOW, bytes);
    probe_client(&CONFIGS.1, name("localhost"), NOW, bytes);
}

#[test]
fn the_corpus_of_the_fuzz_targets() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tlcp/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        probe(&bytes);
        for length in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            probe(&bytes[..length]);
        }
        count += 1;
    }
    assert!(count >= 8);
}
