//! Handshakes that must succeed, however the bytes come.

use crate::support::*;
use jingyue::domain::tlcp::{ClientAuthentication, ClientConfig, ServerConfig, Suite, TlcpFault};
use std::collections::BTreeMap;

fn exchange(client_config: &ClientConfig, server_config: &ServerConfig, step: usize) {
    let (mut client, mut server) = (client(client_config), server(server_config));
    shake(&mut client, &mut server, step).unwrap();
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert_eq!((client.suite(), client.is_resumed()), (server.suite(), false));
    assert_eq!(client.peer_certificates(), chain("server"));
    for length in [1, 15, 16, 17, 16_385] {
        let plain: Vec<u8> = (0..length).map(|index: usize| index.to_be_bytes()[7]).collect();
        let out = send(&mut client, &plain);
        assert_eq!(feed(&mut server, &out, step).as_ref(), Ok(&plain));
        let back = send(&mut server, &plain);
        assert_eq!(feed(&mut client, &back, step).as_ref(), Ok(&plain));
    }
    client.close();
    assert_eq!(client.send(b"x"), Err(TlcpFault::Unexpected));
    let last = output(&mut client);
    assert_eq!(feed(&mut server, &last, step), Ok(vec![]));
    assert!(server.is_peer_closed() && server.ended() == Ok(()));
    // The other direction stays open until it is closed too.
    let back = send(&mut server, b"last words");
    assert_eq!(feed(&mut client, &back, step).unwrap(), b"last words");
}

#[test]
fn both_suites_one_way_and_mutual_in_pieces_of_any_size() {
    for suite in Suite::ALL {
        for step in [1, 20_000] {
            let suites = vec![suite];
            exchange(&client_config(), &ServerConfig { suites: suites.clone(), ..server_config() }, step);
            exchange(&ClientConfig { suites, ..known_client_config() }, &mutual_config(), step);
        }
    }
}

#[test]
fn the_client_is_known_by_its_certificates() {
    let (_, server) = connected(&known_client_config(), &mutual_config());
    assert_eq!(server.peer_certificates(), chain("client"));
    let (client, server) = connected(&known_client_config(), &server_config());
    assert!(server.peer_certificates().is_empty(), "what was not asked for is not shown");
    assert_eq!(client.peer_certificates(), chain("server"));
}

#[test]
fn an_optional_certificate_may_be_missing() {
    let config = ServerConfig { client: ClientAuthentication::Optional(trust("root", &[])), ..server_config() };
    let (_, server) = connected(&client_config(), &config);
    assert!(server.peer_certificates().is_empty());
    let (_, server) = connected(&known_client_config(), &config);
    assert_eq!(server.peer_certificates(), chain("client"));
}

#[test]
fn the_servers_order_of_suites_counts() {
    for suites in [Suite::ALL.to_vec(), Suite::ALL.into_iter().rev().collect()] {
        let (client, _) = connected(&client_config(), &ServerConfig { suites: suites.clone(), ..server_config() });
        assert_eq!(client.suite(), Some(suites[0]));
    }
    assert_eq!(Suite::ALL.map(Suite::number), [0xe053, 0xe013]);
}

#[test]
fn names_and_application_protocols() {
    let protocols = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
    let asks = ClientConfig { sends_name: true, protocols: protocols(&["http/1.1", "h2"]), ..client_config() };
    let answers = ServerConfig { protocols: protocols(&["h2", "http/1.1"]), ..server_config() };
    let (client, server) = connected(&asks, &answers);
    assert_eq!((client.protocol(), server.protocol()), (Some(&b"h2"[..]), Some(&b"h2"[..])));
    assert_eq!(server.server_name(), Some("localhost"));
    // Neither speaks of what the other leaves out.
    let (client, server) = connected(&asks, &server_config());
    assert_eq!((client.protocol(), server.protocol()), (None, None));
    let (client, server) = connected(&client_config(), &answers);
    assert_eq!((client.protocol(), server.protocol(), server.server_name()), (None, None, None));
    // A client that is asked for nothing sends no extension: the hello ends with the one compression method.
    let hello = &records(&output(&mut crate::support::client(&client_config())))[0].1;
    assert_eq!((hello.len(), &hello[hello.len() - 2..]), (4 + 2 + 32 + 1 + 2 + 4 + 2, &[1, 0][..]));
}

#[test]
fn a_name_chooses_the_identity() {
    let named = BTreeMap::from([("localhost".to_owned(), identity("server"))]);
    // The identity for callers without a name is one whose use the client refuses.
    let config = ServerConfig { named, ..ServerConfig::new(identity("client")) };
    let (client, _) = connected(&ClientConfig { sends_name: true, ..client_config() }, &config);
    assert_eq!(client.peer_certificates(), chain("server"));
    let nameless = shake(&mut crate::support::client(&client_config()), &mut server(&config), 999);
    assert!(nameless.is_err());
}

#[test]
fn one_message_in_a_record_and_one_write_in_a_flight() {
    let (mut client, mut server) = (client(&known_client_config()), server(&mutual_config()));
    feed(&mut server, &output(&mut client), 999).unwrap();
    let flight = records(&output(&mut server));
    assert_eq!(
        flight.iter().map(|(kind, content)| (*kind, content[0])).collect::<Vec<_>>(),
        [(22, 2), (22, 11), (22, 12), (22, 13), (22, 14)]
    );
    for (_, content) in &flight {
        assert_eq!(content.len(), 4 + usize::from(u16::from_be_bytes([content[2], content[3]])));
    }
    // The request names our CA.
    let root = certificate("root");
    let request = &flight[3].1;
    let name_bytes = usize::from(u16::from_be_bytes([request[9], request[10]]));
    let name = &request[11..];
    assert_eq!(name.len(), name_bytes);
    assert!(root.windows(name.len()).any(|window| window == name));
}

#[test]
fn messages_may_come_joined_or_torn_apart() {
    for torn in [true, false] {
        let (mut client, mut server) = (client(&known_client_config()), server(&mutual_config()));
        let again = |bytes: &[u8]| -> Vec<u8> {
            let records = records(bytes);
            let plain = records.iter().take_while(|(kind, _)| *kind == 22).count();
            let joined: Vec<u8> = records[..plain].iter().flat_map(|(_, content)| content.clone()).collect();
            let size = if torn { 1 } else { joined.len().max(1) };
            let head = joined.chunks(size).flat_map(|piece| record(22, piece));
            head.chain(records[plain..].iter().flat_map(|(kind, content)| record(*kind, content))).collect()
        };
        for _ in 0..2 {
            feed(&mut server, &again(&output(&mut client)), 4000).unwrap();
            feed(&mut client, &again(&output(&mut server)), 4000).unwrap();
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
    }
}

#[test]
fn unknown_extensions_are_passed_over() {
    let (mut client, mut server) = (client(&client_config()), server(&server_config()));
    let hello = records(&output(&mut client)).remove(0).1;
    let body = [&hello[4..], &[0, 10, 0xab, 0xcd, 0, 2, 1, 2, 0, 23, 0, 0]].concat();
    feed(&mut server, &record(22, &message(1, &body)), 999).unwrap();
    let flight = records(&output(&mut server));
    // Nothing is answered to them: the ServerHello ends with its compression method.
    assert_eq!((flight.len(), flight[0].1.len()), (4, 4 + 2 + 32 + 1 + 2 + 1));
}

#[test]
fn output_that_nobody_takes_is_bounded() {
    let (mut client, mut server) = connected(&client_config(), &server_config());
    let plain = vec![7; 1 << 20];
    let taken = client.send(&plain).unwrap();
    assert!(taken < 1 << 17 && client.send(&plain[taken..]) == Ok(0));
    let out = output(&mut client);
    assert_eq!(feed(&mut server, &out, 5000).unwrap().len(), taken);
    assert!(client.send(&plain[taken..]).unwrap() > 0);
}
