//! What may be resumed, and what must not.

use crate::support::*;
use jingyue::domain::tlcp::{
    ClientAuthentication, ClientConfig, RememberedSessions, ServerConfig, Session, Suite, TlcpFault,
};
use std::sync::Arc;

fn remembering(config: ServerConfig) -> ServerConfig {
    ServerConfig { sessions: Some(Arc::new(RememberedSessions::new(8))), ..config }
}

fn first(client_config: &ClientConfig, server_config: &ServerConfig) -> Session {
    let (client, _) = connected(client_config, server_config);
    client.session().expect("the server gave a session id").clone()
}

/// Whether the second connection resumed the first.
fn resumes(client_config: &ClientConfig, server_config: &ServerConfig, session: Session) -> bool {
    let (mut client, mut server) = (resuming(client_config, Some(session)), later_server(server_config));
    shake(&mut client, &mut server, 50).unwrap();
    assert_eq!(client.is_resumed(), server.is_resumed());
    let out = send(&mut client, b"question");
    assert_eq!(feed(&mut server, &out, 3).unwrap(), b"question");
    let back = send(&mut server, b"answer");
    assert_eq!(feed(&mut client, &back, 3).unwrap(), b"answer");
    client.is_resumed()
}

#[test]
fn both_suites_one_way_and_mutual() {
    for suite in Suite::ALL {
        let known = ClientConfig { suites: vec![suite], ..known_client_config() };
        for (client_config, server_config) in
            [(&known, remembering(mutual_config())), (&known, remembering(server_config()))]
        {
            let session = first(client_config, &server_config);
            assert!(resumes(client_config, &server_config, session.clone()));
            assert!(resumes(client_config, &server_config, session), "more than once");
        }
    }
}

#[test]
fn the_identity_comes_back_with_the_session() {
    let (known, config) = (known_client_config(), remembering(mutual_config()));
    let session = first(&known, &config);
    let (mut client, mut server) = (resuming(&known, Some(session)), server(&config));
    shake(&mut client, &mut server, 999).unwrap();
    assert!(client.is_resumed());
    assert_eq!((client.peer_certificates(), server.peer_certificates()), (&chain("server")[..], &chain("client")[..]));
    assert!(client.session().is_some());
}

#[test]
fn a_server_without_memory_gives_no_session() {
    let (client, _) = connected(&client_config(), &server_config());
    assert!(client.session().is_none());
}

#[test]
fn an_unknown_session_is_a_full_handshake() {
    let config = remembering(server_config());
    let session = first(&client_config(), &config);
    assert!(!resumes(&client_config(), &remembering(server_config()), session.clone()));
    assert!(!resumes(&client_config(), &server_config(), session));
}

#[test]
fn what_no_longer_holds_is_not_resumed() {
    let config = remembering(server_config());
    let session = first(&client_config(), &config);
    // Its time is over for the server.
    assert!(!resumes(&client_config(), &ServerConfig { session_seconds: 0, ..config.clone() }, session.clone()));
    // Its time is over for the client, or the client no longer wants its suite: it offers nothing.
    assert!(!resumes(&ClientConfig { session_seconds: 0, ..client_config() }, &config, session.clone()));
    let cbc = vec![Suite::EccSm4CbcSm3];
    assert!(!resumes(&ClientConfig { suites: cbc.clone(), ..client_config() }, &config, session.clone()));
    // The server no longer wants its suite.
    assert!(!resumes(&client_config(), &ServerConfig { suites: cbc, ..config.clone() }, session.clone()));
    // Another name than the session was made for.
    assert!(!resumes(&ClientConfig { sends_name: true, ..client_config() }, &config, session.clone()));
    // A certificate is required now, and the session has none behind it.
    let required = ServerConfig { client: ClientAuthentication::Required(trust("root", &[])), ..config.clone() };
    assert!(!resumes(&known_client_config(), &required, session.clone()));
    assert!(resumes(&client_config(), &config, session), "and nothing of that harmed the session");
}

#[test]
fn a_session_with_a_client_is_not_resumed_where_none_is_asked_for() {
    let config = remembering(mutual_config());
    let session = first(&known_client_config(), &config);
    let off = ServerConfig { client: ClientAuthentication::Off, ..config };
    assert!(!resumes(&known_client_config(), &off, session));
}

#[test]
fn a_failed_resumption_forgets_the_session() {
    let config = remembering(server_config());
    let session = first(&client_config(), &config);
    let (mut client, mut server) = (resuming(&client_config(), Some(session.clone())), server(&config));
    feed(&mut server, &output(&mut client), 999).unwrap();
    feed(&mut client, &output(&mut server), 999).unwrap();
    let mut finished = output(&mut client);
    *finished.last_mut().unwrap() ^= 1;
    assert_eq!(feed(&mut server, &finished, 999), Err(TlcpFault::RecordMac));
    assert!(!resumes(&client_config(), &config, session));
}
