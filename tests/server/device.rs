//! A device that hangs holds up the handshakes that need it, and nobody else.

use crate::hanging::{Device, Hanging};
use crate::tlcp::Texts;
use crate::{INTERNATIONAL, LONG, answer, client_of, client_with, key, server_of, site, with_protocols, write};
use jingyue::domain::key::file;
use jingyue::edge::keys::SoftwareKey;
use jingyue::edge::server::Protocols;
use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Pair, Trust, server_config, tlcp_server_config};
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

const REQUEST: &str = "GET /x HTTP/1.1\r\nhost: x\r\n\r\n";

fn hanging(pem: &[u8]) -> (Key<'static>, Device) {
    let (key, device) = Hanging::new(SoftwareKey::new(file::read(pem, None).unwrap()));
    (Key::Handle(Arc::new(key)), device)
}

/// The gateway with one worker; `protocols` with a device's key beside international TLS. While each call of `devices`
/// hangs, an open connection and a new one are served; then the one that waited, which `call` makes, is.
fn others_are_served(protocols: Protocols, devices: &[Device], call: impl FnOnce(SocketAddr) + Send) {
    let international = Some(server_of(INTERNATIONAL, ClientCertificate::Off));
    let site = site(&with_protocols(Protocols { international, may_wait: true, ..protocols }));
    let address = site.running.address();
    let mut open = client_with(&site, client_of(INTERNATIONAL, false));
    let mut ask = || {
        write(&mut open, REQUEST);
        assert_eq!(answer(&mut open).0, 200);
    };
    ask();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || call(address));
        for device in devices {
            device.asked.recv_timeout(LONG).unwrap();
            ask();
            let mut new = client_with(&site, client_of(INTERNATIONAL, false));
            write(&mut new, REQUEST);
            assert_eq!(answer(&mut new).0, 200);
            device.answer.send(()).unwrap();
        }
        waiting.join().unwrap();
    });
}

#[test]
fn rfc_8998() {
    let (certificate, issuers) = (key("sm/gateway.pem"), key("sm/root.pem"));
    let (own_key, device) = hanging(&key("sm/gateway.key"));
    let own = Own { certificate: &certificate, key: own_key };
    let trust = Trust { issuers: &issuers, revocation: None };
    let sm = server_config(Family::Sm, &own, ClientCertificate::Off, trust).unwrap();
    let protocols = Protocols { sm: Some(Arc::new(sm)), ..Protocols::default() };
    others_are_served(protocols, &[device], |address| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(client_of(Family::Sm, false)), name).unwrap();
        let mut client = StreamOwned::new(connection, stream);
        write(&mut client, REQUEST);
        assert_eq!(answer(&mut client).0, 200);
    });
}

/// Both of its keys: the one that signs, then the one that decrypts.
#[test]
fn tlcp() {
    let (texts, issuers) = (Texts::of("server"), key("tlcp/root.pem"));
    let (sign, signs) = hanging(&texts.signing.1);
    let (decrypt, decrypts) = hanging(&texts.encryption.1);
    let pair = Pair {
        signing: Own { certificate: &texts.signing.0, key: sign },
        encryption: Own { certificate: &texts.encryption.0, key: decrypt },
    };
    let trust = Trust { issuers: &issuers, revocation: None };
    let config = tlcp_server_config(&pair, ClientCertificate::Optional, trust).unwrap();
    let protocols = Protocols { tlcp: Some(Arc::new(config)), ..Protocols::default() };
    others_are_served(protocols, &[signs, decrypts], |address| {
        let text = crate::tlcp::ask(address, Some("client")).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    });
}
