//! Handshakes recorded from Tongsuo 8.4 (`tests/interop/tongsuo` with `JINGYUE_RECORD=1`), played again: with the same
//! noise we must say the same bytes, and understand what it said.

use crate::support::*;
use jingyue::domain::tlcp::{Connection, Suite};

const LENGTHS: [usize; 5] = [1, 15, 16, 17, 100];

/// What was heard from the peer, and what was answered.
fn read(name: &str) -> (Vec<u8>, Vec<u8>) {
    let text = std::fs::read_to_string(tests_folder().join("tlcp/transcripts").join(name)).unwrap();
    let (heard, answered) = text.strip_prefix("heard\n").unwrap().split_once("answered\n").unwrap();
    let bytes = |text: &str| {
        let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high * 16 + low).unwrap()).collect()
    };
    (bytes(heard), bytes(answered))
}

fn play(mut ours: Connection, name: &str, step: usize) -> Connection {
    let (heard, answered) = read(name);
    let plain: Vec<u8> = LENGTHS.iter().flat_map(|length| 0..*length).map(|index| index.to_be_bytes()[7]).collect();
    assert_eq!(feed(&mut ours, &heard, step).as_ref(), Ok(&plain), "{name}");
    for length in LENGTHS {
        let plain: Vec<u8> = (0..length).map(|index| index.to_be_bytes()[7]).collect();
        assert_eq!(ours.send(&plain), Ok(length));
    }
    assert!(output(&mut ours) == answered, "{name}: other bytes than then");
    ours
}

#[test]
fn tongsuo_as_client() {
    for (label, suite) in [("gcm", Suite::EccSm4GcmSm3), ("cbc", Suite::EccSm4CbcSm3)] {
        for step in [1, 700, 100_000] {
            let ours = play(server(&server_config()), &format!("tongsuo-client-one-way-{label}"), step);
            assert_eq!((ours.suite(), ours.peer_certificates()), (Some(suite), &[][..]));
            let ours = play(server(&mutual_config()), &format!("tongsuo-client-mutual-{label}"), step);
            assert_eq!(ours.peer_certificates()[..2], chain("client")[..2]);
        }
    }
}

#[test]
fn tongsuo_as_server() {
    for (label, suite) in [("gcm", Suite::EccSm4GcmSm3), ("cbc", Suite::EccSm4CbcSm3)] {
        for step in [1, 700, 100_000] {
            let ours = play(client(&client_config()), &format!("tongsuo-server-one-way-{label}"), step);
            assert_eq!(ours.suite(), Some(suite));
            let ours = play(client(&known_client_config()), &format!("tongsuo-server-mutual-{label}"), step);
            assert_eq!(ours.peer_certificates()[..2], chain("server")[..2]);
        }
    }
}
