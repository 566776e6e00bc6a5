//! What must not pass, with the fault that says why and the alert that the peer sees.

use crate::support::*;
use jingyue::domain::tlcp::{
    Alert, CertificateFault, ClientAuthentication, ClientConfig, Connection, Identity, ServerConfig, Suite, TlcpFault,
};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

fn falls(client: &mut Connection, server: &mut Connection) -> (TlcpFault, Fallen) {
    let (fault, who) = shake(client, server, 999).unwrap_err();
    // The other side learns the alert, and nothing else.
    let (from, to) = match who {
        Fallen::Client => (client, server),
        Fallen::Server => (server, client),
    };
    if let Some(alert) = fault.alert() {
        assert_eq!(feed(to, &output(from), 999), Err(TlcpFault::Alerted(alert)));
    }
    (fault, who)
}

/// Carries the first two flights, with the Certificate message of the one side replaced.
fn with_chain(chain: &[CertificateDer<'_>], from_server: bool, server_config: &ServerConfig) -> TlcpFault {
    let (mut client, mut server) = (client(&known_client_config()), server(server_config));
    let replaced = |bytes: &[u8]| -> Vec<u8> {
        let replace = |(kind, content): (u8, Vec<u8>)| match (kind, content[0]) {
            (22, 11) => record(22, &certificate_message(chain)),
            _ => record(kind, &content),
        };
        records(bytes).into_iter().flat_map(replace).collect()
    };
    feed(&mut server, &output(&mut client), 999).unwrap();
    let flight = output(&mut server);
    if from_server {
        return feed(&mut client, &replaced(&flight), 999).unwrap_err();
    }
    feed(&mut client, &flight, 999).unwrap();
    feed(&mut server, &replaced(&output(&mut client)), 999).unwrap_err()
}

fn named(names: &[&str]) -> Vec<CertificateDer<'static>> {
    names.iter().map(|name| certificate(name)).collect()
}

#[test]
fn certificates_of_the_server() {
    use CertificateFault::*;
    let broken = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
    for (chain, fault) in [
        (named(&["server-sign", "other-encrypt", "sub"]), DifferentSubjects),
        (named(&["swapped-sign", "swapped-encrypt", "sub"]), Usage),
        (named(&["server-encrypt", "server-sign", "sub"]), Usage),
        (named(&["server-sign", "server-sign", "sub"]), Usage),
        (named(&["server-sign", "server-encrypt"]), UnknownIssuer),
        (named(&["client-sign", "client-encrypt", "sub"]), Usage),
        (named(&["server-sign"]), Missing),
        (named(&["sub", "server-encrypt"]), DifferentSubjects),
        (vec![], Missing),
        (vec![certificate("server-sign"), broken], Broken),
    ] {
        assert_eq!(with_chain(&chain, true, &mutual_config()), fault.into());
    }
}

#[test]
fn certificates_of_the_client() {
    use CertificateFault::*;
    for (chain, fault) in [
        (named(&["client-sign", "other-encrypt", "sub"]), DifferentSubjects),
        (named(&["client-encrypt", "client-sign", "sub"]), Usage),
        (named(&["client-encrypt", "sub"]), Usage),
        (named(&["client-sign"]), UnknownIssuer),
        (named(&["stranger-sign", "stranger-encrypt"]), UnknownIssuer),
        (named(&["server-sign", "server-encrypt", "sub"]), Usage),
        (named(&["sub", "root"]), Usage),
    ] {
        assert_eq!(with_chain(&chain, false, &mutual_config()), fault.into());
    }
    assert_eq!(with_chain(&[], false, &mutual_config()), TlcpFault::NoCertificate);
}

/// Without the encryption certificate the client passes too; here the signature shows that the chain was not ours.
#[test]
fn a_client_may_send_its_signing_certificate_alone() {
    for chain in [named(&["client-sign", "sub"]), named(&["client-sign", "sub", "root"])] {
        assert_eq!(with_chain(&chain, false, &mutual_config()), TlcpFault::Signature);
    }
}

#[test]
fn a_pair_that_peers_would_refuse_is_no_identity() {
    let key = || Arc::new(jingyue::domain::sm::sm2::PrivateKey::from_bytes(&[7; 32]).unwrap());
    let made = |names: &[&str]| Identity::new(&named(names), key(), key()).err();
    assert_eq!(made(&["server-sign", "other-encrypt"]), Some(CertificateFault::DifferentSubjects));
    assert_eq!(made(&["server-encrypt", "server-sign"]), Some(CertificateFault::Usage));
    assert_eq!(made(&["server-sign"]), Some(CertificateFault::Missing));
    assert_eq!(made(&["server-sign", "server-encrypt"]), Some(CertificateFault::Key));
    assert_eq!(made(&["sub", "sub"]), Some(CertificateFault::Usage));
}

#[test]
fn a_client_without_certificate_where_one_is_required() {
    let end = falls(&mut client(&client_config()), &mut server(&mutual_config()));
    assert_eq!(end, (TlcpFault::NoCertificate, Fallen::Server));
}

#[test]
fn unknown_issuers_and_other_names() {
    let strange = ClientConfig::new(trust("stranger", &[]));
    let end = falls(&mut client(&strange), &mut server(&server_config()));
    assert_eq!(end, (CertificateFault::UnknownIssuer.into(), Fallen::Client));
    let strange = ServerConfig { client: ClientAuthentication::Required(trust("stranger", &[])), ..server_config() };
    let end = falls(&mut client(&known_client_config()), &mut server(&strange));
    assert_eq!(end, (CertificateFault::UnknownIssuer.into(), Fallen::Server));
    for (called, passes) in
        [("gateway.example", true), ("127.0.0.1", true), ("other.example", false), ("127.0.0.2", false)]
    {
        let mut client =
            Connection::client(Arc::new(client_config()), name(called), None, Box::new(Seeded::new(2)), NOW).unwrap();
        let end = shake(&mut client, &mut server(&server_config()), 999);
        let fault = (TlcpFault::Certificate(CertificateFault::Name), Fallen::Client);
        assert_eq!(end.err(), (!passes).then_some(fault), "{called}");
    }
}

#[test]
fn outside_its_validity() {
    for now in [1_000_000_000, 9_000_000_000] {
        let mut client =
            Connection::client(Arc::new(client_config()), name("localhost"), None, Box::new(Seeded::new(2)), now)
                .unwrap();
        let end = falls(&mut client, &mut server(&server_config()));
        assert_eq!(end, (CertificateFault::Expired.into(), Fallen::Client));
    }
}

#[test]
fn revoked() {
    let lists = trust("root", &["sub.crl", "root.crl"]);
    let config = ServerConfig { client: ClientAuthentication::Required(lists.clone()), ..server_config() };
    let end = falls(&mut client(&known_client_config()), &mut server(&config));
    assert_eq!(end, (CertificateFault::Revoked.into(), Fallen::Server));
    // The server's certificates stand under the same lists and are not on them.
    connected(&ClientConfig::new(lists), &server_config());
    // A list that says nothing about an issuer is no word for its certificates.
    let end = falls(&mut client(&ClientConfig::new(trust("root", &["root.crl"]))), &mut server(&server_config()));
    assert_eq!(end, (CertificateFault::Revoked.into(), Fallen::Client));
}

#[test]
fn no_suite_and_no_protocol_in_common() {
    let only = |suite| vec![suite];
    let end = falls(
        &mut client(&ClientConfig { suites: only(Suite::EccSm4CbcSm3), ..client_config() }),
        &mut server(&ServerConfig { suites: only(Suite::EccSm4GcmSm3), ..server_config() }),
    );
    assert_eq!(end, (TlcpFault::NoSuite, Fallen::Server));
    let end = falls(
        &mut client(&ClientConfig { protocols: vec![b"h2".to_vec()], ..client_config() }),
        &mut server(&ServerConfig { protocols: vec![b"http/1.1".to_vec()], ..server_config() }),
    );
    assert_eq!(end, (TlcpFault::NoProtocol, Fallen::Server));
}

/// Whoever changes the hello on the way, such as to have the weaker suite chosen, is seen by the Finished message.
#[test]
fn a_changed_hello_does_not_finish() {
    let (mut client, mut server) = (client(&client_config()), server(&server_config()));
    let hello = records(&output(&mut client)).remove(0).1;
    let at = hello.windows(2).position(|window| window == [0xe0, 0x53]).unwrap();
    let mut changed = hello.clone();
    changed[at..at + 2].copy_from_slice(&[0xe0, 0x11]);
    feed(&mut server, &record(22, &changed), 999).unwrap();
    feed(&mut client, &output(&mut server), 999).unwrap();
    assert_eq!(client.suite(), Some(Suite::EccSm4CbcSm3));
    assert_eq!(feed(&mut server, &output(&mut client), 999), Err(TlcpFault::Finished));
    assert_eq!(feed(&mut client, &output(&mut server), 999), Err(TlcpFault::Alerted(Alert::DECRYPT_ERROR)));
}

/// A cipher text that holds no premaster secret goes on as if it did, and falls where a wrong key falls.
#[test]
fn a_wrong_premaster_secret_shows_only_in_the_finished_record() {
    for suite in Suite::ALL {
        let config = ServerConfig { suites: vec![suite], ..server_config() };
        for place in [20, 60, 90, 120, 140] {
            let (mut client, mut server) = (client(&client_config()), server(&config));
            feed(&mut server, &output(&mut client), 999).unwrap();
            feed(&mut client, &output(&mut server), 999).unwrap();
            let mut flight = records(&output(&mut client));
            flight[0].1[place] ^= 1;
            let carry = |records: &[(u8, Vec<u8>)]| -> Vec<u8> {
                records.iter().flat_map(|(kind, content)| record(*kind, content)).collect()
            };
            assert_eq!(feed(&mut server, &carry(&flight[..2]), 999), Ok(vec![]));
            assert_eq!(feed(&mut server, &carry(&flight[2..]), 999), Err(TlcpFault::RecordMac));
        }
    }
}

#[test]
fn a_signature_over_something_else() {
    let (mut client, mut server) = (client(&client_config()), server(&server_config()));
    feed(&mut server, &output(&mut client), 999).unwrap();
    let mut flight = records(&output(&mut server));
    let last = flight[2].1.len() - 1;
    flight[2].1[last] ^= 1;
    let bytes: Vec<u8> = flight.iter().flat_map(|(kind, content)| record(*kind, content)).collect();
    assert_eq!(feed(&mut client, &bytes, 999), Err(TlcpFault::Signature));
}

#[test]
fn every_changed_byte_of_a_record_is_bad_record_mac() {
    for suite in Suite::ALL {
        let config = ServerConfig { suites: vec![suite], ..server_config() };
        let (mut sample, _) = connected(&client_config(), &config);
        let length = send(&mut sample, b"a message of thirty-one letters").len();
        // Every field of the record, nonce or IV, content, code and padding, has changed bytes among these.
        for place in (5..length).step_by(4).chain([length - 1]) {
            let (mut client, mut server) = connected(&client_config(), &config);
            let mut bytes = send(&mut client, b"a message of thirty-one letters");
            bytes[place] ^= 0x80;
            assert_eq!(feed(&mut server, &bytes, 999), Err(TlcpFault::RecordMac), "byte {place}");
            assert_eq!(feed(&mut client, &output(&mut server), 999), Err(TlcpFault::Alerted(Alert::BAD_RECORD_MAC)));
            assert_eq!(server.send(b"x"), Err(TlcpFault::RecordMac));
        }
    }
}

#[test]
fn records_out_of_turn_or_twice() {
    let (mut client, mut server) = connected(&client_config(), &server_config());
    let (first, second) = (send(&mut client, b"first"), send(&mut client, b"second"));
    assert_eq!(feed(&mut server, &second, 999), Err(TlcpFault::RecordMac));
    let (mut client, mut server) = connected(&client_config(), &server_config());
    let again = send(&mut client, b"first");
    assert_eq!(again, first, "the noise is the same");
    assert_eq!(feed(&mut server, &again, 999).unwrap(), b"first");
    assert_eq!(feed(&mut server, &again, 999), Err(TlcpFault::RecordMac));
}

#[test]
fn an_end_without_close_notify() {
    let (mut client, mut server) = connected(&client_config(), &server_config());
    let out = send(&mut client, b"question");
    assert_eq!(feed(&mut server, &out, 999).unwrap(), b"question");
    assert_eq!(server.ended(), Err(TlcpFault::Truncated));
    assert!(server.output().is_empty() && server.ended() == Err(TlcpFault::Truncated));
    let mut fresh = crate::support::server(&server_config());
    assert_eq!(fresh.ended(), Err(TlcpFault::Truncated));
}

#[test]
fn other_protocols_on_the_line() {
    for (bytes, fault) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], TlcpFault::Unexpected),
        (&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3], TlcpFault::Version),
        (&[22, 1, 1, 0, 6, 1, 0, 0, 2, 3, 3], TlcpFault::Version),
        (&[23, 1, 1, 0, 1, 0], TlcpFault::Unexpected),
        (&[20, 1, 1, 0, 1, 1], TlcpFault::Unexpected),
        (&[22, 1, 1, 0, 0], TlcpFault::Unexpected),
        (&[22, 1, 1, 0, 4, 16, 0, 0, 0], TlcpFault::Unexpected),
        (&[22, 1, 1, 0, 4, 1, 0, 0x40, 1], TlcpFault::MessageSize),
        (&[22, 1, 1, 0, 4, 11, 1, 0, 1], TlcpFault::MessageSize),
        (&[22, 1, 1, 0, 4, 1, 0, 0, 0], TlcpFault::Decode),
        (&[21, 1, 1, 0, 2, 2, 40], TlcpFault::Alerted(Alert::HANDSHAKE_FAILURE)),
        (&[21, 1, 1, 0, 2, 1, 0], TlcpFault::Alerted(Alert::CLOSE_NOTIFY)),
        (&[21, 1, 1, 0, 1, 2], TlcpFault::Decode),
        (&[21, 1, 1, 0, 2, 3, 40], TlcpFault::Illegal),
    ] {
        let mut server = server(&server_config());
        assert_eq!(feed(&mut server, bytes, 999), Err(fault), "{bytes:?}");
        let alert = fault.alert().map(|alert| (21, vec![2, alert.0]));
        assert_eq!(records(&output(&mut server)), alert.into_iter().collect::<Vec<_>>());
    }
}
