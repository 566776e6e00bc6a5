//! TLCP on the data listener, beside the others on the same port.

use crate::{INTERNATIONAL, alert_of};
use crate::{LONG, Site, answer, client_of, client_with, hex, key, server_of, site, with_protocols, write};
use jingyue::domain::tlcp;
use jingyue::edge::clock::Clock;
use jingyue::edge::server::Protocols;
use jingyue::edge::tls::{
    ClientCertificate, Family, Key, Own, Pair, Trust, fingerprint, tlcp_client_config, tlcp_server_config,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// PEM texts of a pair of `tests/keys/tlcp`.
pub(crate) struct Texts {
    pub(crate) signing: (Vec<u8>, Vec<u8>),
    pub(crate) encryption: (Vec<u8>, Vec<u8>),
}

impl Texts {
    pub(crate) fn of(name: &str) -> Self {
        let file = |kind: &str, ending: &str| key(&format!("tlcp/{name}-{kind}.{ending}"));
        let chain = [file("sign", "pem"), key("tlcp/sub.pem")].concat();
        Self { signing: (chain, file("sign", "key")), encryption: (file("encrypt", "pem"), file("encrypt", "key")) }
    }

    fn pair(&self) -> Pair<'_> {
        let signing = Own { certificate: &self.signing.0, key: Key::Pem(&self.signing.1) };
        let encryption = Own { certificate: &self.encryption.0, key: Key::Pem(&self.encryption.1) };
        Pair { signing, encryption }
    }
}

fn server(client: ClientCertificate) -> Arc<tlcp::ServerConfig> {
    let issuers = key("tlcp/root.pem");
    let trust = Trust { issuers: &issuers, revocation: None };
    Arc::new(tlcp_server_config(&Texts::of("server").pair(), client, trust).unwrap())
}

fn all_protocols(prefer_tlcp: bool) -> Protocols {
    let client = ClientCertificate::Optional;
    Protocols {
        tlcp: Some(server(client)),
        sm: Some(server_of(Family::Sm, client)),
        international: Some(server_of(INTERNATIONAL, client)),
        prefer_tlcp,
        ..Protocols::default()
    }
}

/// Asks who we are, over TLCP.
pub(crate) fn ask(address: SocketAddr, own: Option<&str>) -> std::io::Result<String> {
    let (texts, issuers) = (own.map(Texts::of), key("tlcp/root.pem"));
    let pair = texts.as_ref().map(Texts::pair);
    let trust = Trust { issuers: &issuers, revocation: None };
    let config = Arc::new(tlcp_client_config(trust, pair.as_ref(), false).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let now = u64::try_from(Clock::System.now() / 1000).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = jingyue::edge::tlcp::connect(stream, config, name, None, now).await?;
        stream.write_all(b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
        let mut text = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut text)).await??;
        Ok(text)
    })
}

#[test]
fn the_signing_certificate_is_the_caller() {
    let site = site(&with_protocols(all_protocols(false)));
    let der = CertificateDer::from_pem_slice(&key("tlcp/client-sign.pem")).unwrap();
    for _ in 0..2 {
        let text = ask(site.running.address(), Some("client")).unwrap();
        assert!(text.ends_with(&format!("/who None 0 {}", hex(fingerprint(&der)))), "{text}");
        assert!(ask(site.running.address(), None).unwrap().ends_with("/who None 0 none"));
        // The same port, the other protocols.
        for family in [Family::Sm, INTERNATIONAL] {
            let mut client = client_with(&site, client_of(family, false));
            write(&mut client, "GET /who HTTP/1.1\r\nhost: x\r\n\r\n");
            assert_eq!(answer(&mut client).0, 200);
        }
    }
    assert!(ask(site.running.address(), Some("stranger")).is_err());
}

#[test]
fn tlcp_alone() {
    let protocols = Protocols { tlcp: Some(server(ClientCertificate::Required)), ..Protocols::default() };
    let site = site(&with_protocols(protocols));
    assert!(ask(site.running.address(), Some("client")).is_ok());
    assert!(ask(site.running.address(), None).is_err());
    for family in [Family::Sm, INTERNATIONAL] {
        let mut client = client_with(&site, client_of(family, false));
        assert_eq!(alert_of(&mut client), Some(rustls::AlertDescription::HandshakeFailure));
    }
}

/// First bytes of the answer to a hello of TLS whose first suite is `suite`.
fn answer_to_suite(site: &Site, suite: [u8; 2]) -> Vec<u8> {
    let mut client = client_with(site, client_of(INTERNATIONAL, false));
    let mut hello = Vec::new();
    client.conn.write_tls(&mut hello).unwrap();
    // Headers, version, random, session id of 32 bytes, length of the suites.
    let at = 5 + 4 + 2 + 32 + 1 + 32 + 2;
    assert_eq!(hello[5 + 4 + 2 + 32], 32);
    hello[at..at + 2].copy_from_slice(&suite);
    client.sock.write_all(&hello).unwrap();
    let mut answer = vec![0; 7];
    client.sock.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn who_could_speak_tlcp_is_sent_back_to_do_so() {
    const REFUSED: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
    for prefer_tlcp in [true, false] {
        let site = site(&with_protocols(all_protocols(prefer_tlcp)));
        for suite in [[0xe0, 0x13], [0xe0, 0x53]] {
            assert_eq!(answer_to_suite(&site, suite) == REFUSED, prefer_tlcp);
        }
        assert_eq!(answer_to_suite(&site, [0xe0, 0x11])[0], 22);
        assert!(ask(site.running.address(), None).is_ok());
    }
}
