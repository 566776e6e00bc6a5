//! What only shows from inside: records and messages that a connection of ours never sends. The handshakes, refusals and
//! damages that can be made from outside stand in `tests/tlcp`.

use crate::domain::sm::sm2::PrivateKey;
use crate::domain::tlcp::config::Counted;
use crate::domain::tlcp::message;
use crate::domain::tlcp::protect::RECORDS_MAX;
use crate::domain::tlcp::record::kind;
use crate::domain::tlcp::{Alert, ClientConfig, Connection, Identity, Noise, ServerConfig, Suite, TlcpFault};
use crate::domain::x509::{Certificate, Trust};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/keys/tlcp/", $name))
    };
}

const NOW: u64 = 1_800_000_000;

fn key(pem: &[u8]) -> Arc<PrivateKey> {
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let marker = [2, 1, 1, 4, 32];
    let at = key.secret_der().windows(5).position(|window| window == marker).unwrap() + 5;
    Arc::new(PrivateKey::from_bytes(key.secret_der()[at..at + 32].try_into().unwrap()).unwrap())
}

fn configs(suite: Suite) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let certificate = |pem: &[u8]| CertificateDer::from_pem_slice(pem).unwrap();
    let chain: [&[u8]; 3] = [file!("server-sign.pem"), file!("server-encrypt.pem"), file!("sub.pem")];
    let (sign, encrypt) = (key(file!("server-sign.key")), key(file!("server-encrypt.key")));
    let identity = Identity::new(&chain.map(certificate), sign, encrypt).unwrap();
    let trust = Trust::of_peers(Certificate::all(file!("root.pem")).unwrap(), Vec::new()).unwrap();
    let client = ClientConfig { suites: vec![suite], ..ClientConfig::new(Arc::new(trust)) };
    (Arc::new(client), Arc::new(ServerConfig::new(Arc::new(identity))))
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), TlcpFault> {
    let bytes = from.output().to_vec();
    from.sent(bytes.len());
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let room = to.input();
        let count = room.len().min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        to.received(count);
        rest = &rest[count..];
        to.advance()?;
    }
    Ok(())
}

fn connected(suite: Suite) -> (Connection, Connection) {
    let (client_config, server_config) = configs(suite);
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = Connection::client(client_config, name, None, Box::new(Counted::new(1)), NOW).unwrap();
    let mut server = Connection::server(server_config, Box::new(Counted::new(2)), NOW);
    for _ in 0..2 {
        carry(&mut client, &mut server).unwrap();
        carry(&mut server, &mut client).unwrap();
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    (client, server)
}

/// What `to` makes of one record that `from` protects rightly.
fn given(from: &mut Connection, to: &mut Connection, kind: u8, content: &[u8]) -> Result<(), TlcpFault> {
    from.records.put_one(kind, &[content], from.noise.as_mut()).unwrap();
    carry(from, to)
}

#[test]
fn another_handshake_is_refused_with_a_warning_and_then_for_good() {
    for suite in Suite::ALL {
        let (mut client, mut server) = connected(suite);
        let mut hello = Vec::new();
        message::write(&mut hello, message::kind::CLIENT_HELLO, |out| {
            message::write_client_hello(out, &[0; 32], &[], &[0xe053], None, &[]);
        });
        for _ in 0..4 {
            assert_eq!(given(&mut client, &mut server, kind::HANDSHAKE, &hello), Ok(()));
            assert_eq!(carry(&mut server, &mut client), Ok(()), "the warning harms nothing");
        }
        assert_eq!(server.send(b"goes on"), Ok(7));
        carry(&mut server, &mut client).unwrap();
        assert_eq!(client.plain(), b"goes on");
        client.consume(7);
        assert_eq!(given(&mut client, &mut server, kind::HANDSHAKE, &hello), Err(TlcpFault::Renegotiation));
        assert_eq!(carry(&mut server, &mut client), Err(TlcpFault::Alerted(Alert::NO_RENEGOTIATION)));
    }
    let (mut client, mut server) = connected(Suite::EccSm4GcmSm3);
    for _ in 0..4 {
        assert_eq!(given(&mut server, &mut client, kind::HANDSHAKE, &[0, 0, 0, 0]), Ok(()));
    }
    assert_eq!(given(&mut server, &mut client, kind::HANDSHAKE, &[0, 0, 0, 0]), Err(TlcpFault::Renegotiation));
}

#[test]
fn other_messages_after_the_handshake() {
    for (kind, content, fault) in [
        (kind::HANDSHAKE, &[0, 0, 0, 0][..], TlcpFault::Unexpected),
        (kind::HANDSHAKE, &[20, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], TlcpFault::Unexpected),
        (kind::HANDSHAKE, &[], TlcpFault::Unexpected),
        (kind::HANDSHAKE, &[1, 0, 0x40, 1], TlcpFault::MessageSize),
        (kind::CHANGE_CIPHER_SPEC, &[1], TlcpFault::Unexpected),
        (kind::ALERT, &[], TlcpFault::Decode),
        (kind::ALERT, &[1, 0, 1, 0], TlcpFault::Decode),
        (kind::ALERT, &[0, 0], TlcpFault::Illegal),
        (kind::ALERT, &[2, 80], TlcpFault::Alerted(Alert::INTERNAL_ERROR)),
    ] {
        let (mut client, mut server) = connected(Suite::EccSm4CbcSm3);
        assert_eq!(given(&mut client, &mut server, kind, content), Err(fault), "{kind} {content:?}");
    }
}

#[test]
fn nothing_may_stand_between_the_parts_of_a_message() {
    let (mut client, mut server) = connected(Suite::EccSm4GcmSm3);
    assert_eq!(given(&mut client, &mut server, kind::HANDSHAKE, &[1, 0]), Ok(()));
    assert_eq!(given(&mut client, &mut server, kind::APPLICATION_DATA, b"x"), Err(TlcpFault::Unexpected));
}

#[test]
fn empty_records_and_warnings_are_borne_up_to_a_bound() {
    let (mut client, mut server) = connected(Suite::EccSm4GcmSm3);
    for _ in 0..3 {
        for _ in 0..32 {
            assert_eq!(given(&mut client, &mut server, kind::APPLICATION_DATA, &[]), Ok(()));
        }
        assert_eq!(given(&mut client, &mut server, kind::APPLICATION_DATA, b"x"), Ok(()));
        server.consume(1);
    }
    for _ in 0..32 {
        assert_eq!(given(&mut client, &mut server, kind::APPLICATION_DATA, &[]), Ok(()));
    }
    assert_eq!(given(&mut client, &mut server, kind::APPLICATION_DATA, &[]), Err(TlcpFault::Flood));
    let (mut client, mut server) = connected(Suite::EccSm4GcmSm3);
    for _ in 0..4 {
        assert_eq!(given(&mut client, &mut server, kind::ALERT, &[1, 90]), Ok(()));
    }
    assert_eq!(given(&mut client, &mut server, kind::ALERT, &[1, 90]), Err(TlcpFault::Flood));
}

#[test]
fn a_record_longer_than_its_limit() {
    for suite in Suite::ALL {
        let (mut client, mut server) = connected(suite);
        let end = given(&mut client, &mut server, kind::APPLICATION_DATA, &vec![0; (1 << 14) + 1]);
        assert_eq!(end, Err(TlcpFault::RecordSize));
        assert_eq!(carry(&mut server, &mut client), Err(TlcpFault::Alerted(Alert::RECORD_OVERFLOW)));
    }
}

/// ChangeCipherSpec before the keys are there, or twice, would have records pass that nothing protects.
#[test]
fn change_cipher_spec_out_of_turn() {
    let (client_config, server_config) = configs(Suite::EccSm4GcmSm3);
    let start = || {
        let name = ServerName::try_from("localhost").unwrap();
        let client = Connection::client(client_config.clone(), name, None, Box::new(Counted::new(1)), NOW).unwrap();
        (client, Connection::server(server_config.clone(), Box::new(Counted::new(2)), NOW))
    };
    let (mut client, mut server) = start();
    carry(&mut client, &mut server).unwrap();
    assert_eq!(given(&mut client, &mut server, kind::CHANGE_CIPHER_SPEC, &[1]), Err(TlcpFault::Unexpected));
    // Finished in the clear.
    let (mut client, mut server) = start();
    carry(&mut client, &mut server).unwrap();
    carry(&mut server, &mut client).unwrap();
    let flight = client.output().to_vec();
    client.sent(flight.len());
    let key_exchange = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
    let finished = [&[22, 1, 1, 0, 16, 20, 0, 0, 12][..], &[0; 12]].concat();
    let bytes = [&flight[..key_exchange], &finished].concat();
    server.input()[..bytes.len()].copy_from_slice(&bytes);
    server.received(bytes.len());
    assert_eq!(server.advance(), Err(TlcpFault::Unexpected));
}

#[test]
fn a_worn_key_carries_a_farewell_and_nothing_more() {
    let (mut client, mut server) = connected(Suite::EccSm4GcmSm3);
    client.records.sealer.as_mut().unwrap().count = RECORDS_MAX - 1;
    assert_eq!(client.send(b"x"), Err(TlcpFault::KeyWorn));
    assert_eq!(kinds(client.output()), [kind::ALERT]);
    assert!(client.records.put_one(kind::ALERT, &[&[2, 80]], client.noise.as_mut()).is_err());
    assert!(server.send(b"the other key is as good as new").is_ok());
}

fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        kinds.push(*kind);
        bytes = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    kinds
}

/// Without randomness there is no connection, and no panic.
#[test]
fn no_randomness() {
    struct Empty;
    impl Noise for Empty {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), crate::domain::sm::Wrong> {
            Err(crate::domain::sm::Wrong)
        }
    }
    let (client_config, server_config) = configs(Suite::EccSm4CbcSm3);
    let name = ServerName::try_from("localhost").unwrap();
    let end = Connection::client(client_config.clone(), name.clone(), None, Box::new(Empty), NOW);
    assert_eq!(end.err(), Some(TlcpFault::Internal));
    let mut client = Connection::client(client_config, name, None, Box::new(Counted::new(1)), NOW).unwrap();
    let mut server = Connection::server(server_config, Box::new(Empty), NOW);
    assert_eq!(carry(&mut client, &mut server), Err(TlcpFault::Internal));
}
