//! TLS after RFC 8998 with itself: what must connect connects, and what must not is refused with the right alert.
//! Other implementations are tried in `tests/interop`.

#![allow(clippy::unwrap_used, reason = "a test")]

mod judged;
mod refusals;
mod support;
#[path = "../tlcp/support.rs"]
#[allow(dead_code, reason = "shared with tests/tlcp")]
mod tlcp;
mod transcript;

use crate::support::{Both, Pair, Server, client, connect, file};
use jingyue::edge::tls::{CURVE_SM2, ClientCertificate, SM4_GCM_SM3, fingerprint, sm_provider};
use jingyue::edge::tls::{Family, Fault, Key, Own, Trust, Versions, client_config, server_config};
use rustls::{HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::Arc;

/// Who the client is to the server.
fn caller(both: &Both) -> Option<[u8; 32]> {
    both.server.peer_certificates().map(|chain| fingerprint(&chain[0]))
}

fn print_of(name: &str) -> [u8; 32] {
    fingerprint(&CertificateDer::from_pem_slice(&file(name)).unwrap())
}

#[test]
fn one_way_and_mutual() {
    let server = Server::default().config();
    for (own, known) in [(None, None), (Some("sm/yueyang-system"), Some(print_of("sm/yueyang-system.pem")))] {
        let mut both = connect(&Arc::new(client(own)), &server).unwrap();
        assert_eq!(caller(&both), known);
        assert_eq!(both.server.negotiated_cipher_suite().unwrap().suite(), SM4_GCM_SM3);
        assert_eq!(both.server.negotiated_key_exchange_group().unwrap().name(), CURVE_SM2);
        assert_eq!(both.client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(both.client.handshake_kind(), Some(HandshakeKind::Full));
        both.exchange(&vec![0x5a; 70_001]);
    }
}

#[test]
fn the_same_peers_again_and_again() {
    // Past the number of handshakes after which a table of the client's key is used, and its chain is remembered.
    let server = Server { client: ClientCertificate::Required, ..Server::default() }.config();
    for _ in 0..12 {
        let config = Arc::new(client(Some("sm/yueyang-system")));
        let mut both = connect(&config, &server).unwrap();
        assert_eq!(caller(&both), Some(print_of("sm/yueyang-system.pem")));
        both.exchange(b"again");
    }
}

#[test]
fn a_resumed_session_keeps_its_caller_until_a_reload() {
    let client = Arc::new(client(Some("sm/yueyang-system")));
    let server = Server::default().config();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let mut both = connect(&client, &server).unwrap();
        assert_eq!(both.server.handshake_kind(), Some(kind));
        assert_eq!(caller(&both), Some(print_of("sm/yueyang-system.pem")));
        both.exchange(b"resumed");
    }
    // Another worker has the same configuration; after a reload there is another one, with other ticket keys.
    let reloaded = Server::default().config();
    assert_eq!(connect(&client, &reloaded).unwrap().server.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn a_client_that_guesses_another_group_is_asked_again() {
    let mut provider = sm_provider();
    provider.kx_groups.insert(0, rustls::crypto::ring::kx_group::X25519);
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots())
        .with_no_client_auth();
    let mut both = connect(&Arc::new(config), &Server::default().config()).unwrap();
    assert_eq!(both.client.handshake_kind(), Some(HandshakeKind::FullWithHelloRetryRequest));
    both.exchange(b"after all");
}

pub(crate) fn roots() -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&file("sm/root.pem")).map(Result::unwrap));
    roots
}

#[test]
fn either_side_renews_its_keys() {
    let mut both = connect(&Arc::new(client(None)), &Server::default().config()).unwrap();
    for _ in 0..3 {
        both.client.refresh_traffic_keys().unwrap();
        both.exchange(b"new keys of the client");
        both.server.refresh_traffic_keys().unwrap();
        both.exchange(b"new keys of the server");
    }
}

#[test]
fn the_older_form_of_a_key() {
    let (certificate, key, root) =
        (file("sm/yueyang-system.pem"), file("sm/yueyang-system.sec1.key"), file("sm/root.pem"));
    let own = Own { certificate: &certificate, key: Key::Pem(&key) };
    let trust = Trust { issuers: &root, revocation: None };
    let client = client_config(Family::Sm, trust, Some(&own), false).unwrap();
    let both = connect(&Arc::new(client), &Server::default().config()).unwrap();
    assert_eq!(caller(&both), Some(print_of("sm/yueyang-system.pem")));
}

#[test]
fn what_makes_no_configuration_is_told() {
    let root = file("sm/root.pem");
    let usual = file("ca.pem");
    let trust = Trust { issuers: &root, revocation: None };
    let international = Family::International(Versions::Tls12And13);
    let fault = |family, certificate: &str, key: &str, trust| {
        let (certificate, key) = (file(certificate), file(key));
        let own = Own { certificate: &certificate, key: Key::Pem(&key) };
        server_config(family, &own, ClientCertificate::Required, trust).unwrap_err()
    };
    let lists = |revocation| Trust { issuers: &root, revocation: Some(revocation) };
    for (expected, found) in [
        (Fault::Mismatch, fault(Family::Sm, "sm/gateway.pem", "sm/yueyang-system.key", trust)),
        (Fault::Mismatch, fault(Family::Sm, "gateway.pem", "gateway.key", trust)),
        (Fault::Mismatch, fault(Family::Sm, "sm/gateway.pem", "gateway.key", trust)),
        (Fault::Mismatch, fault(international, "sm/gateway.pem", "sm/gateway.key", trust)),
        (Fault::NotForSigning, fault(Family::Sm, "sm/encryption.pem", "sm/encryption.key", trust)),
        (Fault::NoCertificate, fault(Family::Sm, "sm/gateway.key", "sm/gateway.key", trust)),
        (Fault::NoKey, fault(Family::Sm, "sm/gateway.pem", "sm/gateway.pem", trust)),
        (Fault::NoTrust, fault(Family::Sm, "sm/gateway.pem", "sm/gateway.key", Trust { issuers: b"", ..trust })),
        (Fault::NoRevocation, fault(Family::Sm, "sm/gateway.pem", "sm/gateway.key", lists(b""))),
        (Fault::NoRevocation, fault(Family::Sm, "sm/gateway.pem", "sm/gateway.key", lists(&usual))),
    ] {
        assert_eq!(found, [expected]);
    }
    assert!(server_config(international, &Pair::of("gateway").own(), ClientCertificate::Off, trust).is_ok());
}
