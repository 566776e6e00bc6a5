//! The whole gateway over RFC 8998, mutual: the SM2 certificate is who asks, as any other certificate is.

use crate::support::Client;
use crate::support::Setup;
use crate::support::at;
use crate::support::print_of;
use crate::support::root;
use crate::support::sample;
use jingyue::edge::pretend::compare::same_document;
use jingyue::edge::tls::Family;
use jingyue::edge::tls::Key;
use jingyue::edge::tls::Own;
use jingyue::edge::tls::SM4_GCM_SM3;
use jingyue::edge::tls::Trust;
use jingyue::edge::tls::client_config;
use std::io;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Near the clock of the city that is asked: the gateway signs to it.
const ANSWERED: i64 = at(9, 30, 16, 234);

fn key(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/keys/sm").join(name)).unwrap()
}

/// A handshake after RFC 8998 with the certificate of that name.
fn reach(address: SocketAddr, certificate: Option<&str>) -> io::Result<Client> {
    connect(address, certificate, "sm/root.pem")
}

/// The same, trusting the issuer in that file of `tests/keys`.
pub(crate) fn connect(address: SocketAddr, certificate: Option<&str>, issuer: &str) -> io::Result<Client> {
    let pair = certificate.map(|name| ["pem", "key"].map(|ending| key(&format!("{name}.{ending}"))));
    let own = pair.as_ref().map(|[certificate, key]| Own { certificate, key: Key::Pem(key) });
    let issuers = std::fs::read(root().join("tests/keys").join(issuer)).unwrap();
    let trust = Trust { issuers: &issuers, revocation: None };
    let config = client_config(Family::Sm, trust, own.as_ref(), false).unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.conn.complete_io(&mut stream.sock)?;
    assert_eq!(stream.conn.negotiated_cipher_suite().unwrap().suite(), SM4_GCM_SM3);
    Ok(Client::over(stream))
}

pub(crate) fn ask(client: &mut Client) -> (u16, String) {
    let body = sample("04-bizlic-query/jingzhou.request.soap.xml");
    client.send("POST", "/kstb/ws", &[("content-type".into(), "text/xml;charset=UTF-8".into())], &body);
    let answer = client.receive();
    (answer.status, answer.text())
}

#[test]
fn the_certificate_is_the_caller_whatever_the_protocol() {
    let usual = print_of("jingzhou-system.pem");
    let national = print_of("../tests/keys/sm/yueyang-system.pem");
    let sm = "[listen.tls.sm]\ncertificate_file = \"../tests/keys/sm/gateway.pem\"\n\
              key_file = \"../tests/keys/sm/gateway.key\"\nclient_ca_file = \"../tests/keys/sm/root.pem\"\n";
    let stand = Setup { tls: true, ..Setup::at(ANSWERED) }
        .edit("client_certificate = \"optional\"\n", &format!("client_certificate = \"optional\"\n{sm}"))
        .edit(&format!("[\"{usual}\"]"), &format!("[\"{usual}\", \"{national}\"]"))
        .start();
    stand.answer_at.store(at(9, 45, 2, 0), Ordering::Release);
    // One port, both families, one caller.
    let first = ask(&mut reach(stand.address(), Some("yueyang-system")).unwrap());
    let second = ask(&mut Client::connect_tls(stand.address(), Some("jingzhou-system")));
    let right = sample("04-bizlic-query/jingzhou.response.soap.xml");
    for (status, text) in [&first, &second] {
        assert_eq!(*status, 200, "{text}");
        same_document(text.as_bytes(), &right).unwrap();
    }
    let forwarded = stand.forwarded();
    // Good certificates of nobody's, and none.
    for nobody in [Some("revoked"), None] {
        let answer = ask(&mut reach(stand.address(), nobody).unwrap());
        assert!(answer.1.contains("-50"), "{}", answer.1);
    }
    assert_eq!(stand.forwarded(), forwarded);
    // A reload switches international TLS off and brings revocation lists.
    stand.edit_config("[listen.tls]\n", "[listen.tls]\nprotocols = [\"rfc8998\"]\n");
    stand.edit_config(
        "client_ca_file = \"../tests/keys/sm/root.pem\"\n",
        "client_ca_file = \"../tests/keys/sm/root.pem\"\nclient_crl_file = \"../tests/keys/sm/lists.pem\"\n",
    );
    stand.app().reload().unwrap();
    assert_eq!(ask(&mut reach(stand.address(), Some("yueyang-system")).unwrap()).1, first.1);
    let mut client = Client::connect_tls(stand.address(), Some("jingzhou-system"));
    assert!(client.try_write(b"GET / HTTP/1.1\r\n\r\n").and_then(|()| client.try_receive().map(drop)).is_err());
    let revoked = reach(stand.address(), Some("revoked"));
    let refused = revoked.and_then(|mut client| {
        client.try_write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")?;
        client.try_receive().map(drop)
    });
    assert!(refused.is_err());
}
