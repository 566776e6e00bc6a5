//! Certificates of `tests/keys/tlcp`, noise that can be repeated, and a wire between two connections.

use jingyue::domain::sm;
use jingyue::domain::sm::Wrong;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::tlcp::{
    ClientAuthentication, ClientConfig, Connection, Identity, Noise, ServerConfig, Session, TlcpFault,
};
use jingyue::domain::x509::{Certificate, Crl, Trust};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;

/// 2027-01-15, within the validity of every certificate.
pub(crate) const NOW: u64 = 1_800_000_000;

/// `tests` of the repository, from the package that is tested or one inside it.
pub(crate) fn tests_folder() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join("tests"));
    folders.find(|folder| folder.join("keys/tlcp").is_dir()).unwrap()
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    std::fs::read(tests_folder().join("keys/tlcp").join(name)).unwrap()
}

pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&file(&format!("{name}.pem"))).unwrap()
}

fn key(name: &str) -> Arc<PrivateKey> {
    let key = PrivateKeyDer::from_pem_slice(&file(&format!("{name}.key"))).unwrap();
    // PKCS#8 as OpenSSL writes it: the scalar stands behind version and length of ECPrivateKey.
    let marker = [2, 1, 1, 4, 32];
    let bytes = key.secret_der();
    let at = bytes.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len();
    Arc::new(PrivateKey::from_bytes(bytes[at..at + 32].try_into().unwrap()).unwrap())
}

pub(crate) fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    [&format!("{name}-sign"), &format!("{name}-encrypt"), "sub"].map(certificate).to_vec()
}

/// The identity `name` of `tests/keys/tlcp` below the sub-CA.
pub(crate) fn identity(name: &str) -> Arc<Identity> {
    let (sign, encrypt) = (key(&format!("{name}-sign")), key(&format!("{name}-encrypt")));
    Arc::new(Identity::new(&chain(name), sign, encrypt).unwrap())
}

pub(crate) fn trust(root: &str, lists: &[&str]) -> Arc<Trust> {
    let lists = lists.iter().flat_map(|name| Crl::all(&file(name)).unwrap()).collect();
    Arc::new(Trust::of_peers(Certificate::all(&file(&format!("{root}.pem"))).unwrap(), lists).unwrap())
}

pub(crate) fn server_config() -> ServerConfig {
    ServerConfig::new(identity("server"))
}

pub(crate) fn mutual_config() -> ServerConfig {
    ServerConfig { client: ClientAuthentication::Required(trust("root", &[])), ..server_config() }
}

pub(crate) fn client_config() -> ClientConfig {
    ClientConfig::new(trust("root", &[]))
}

pub(crate) fn known_client_config() -> ClientConfig {
    ClientConfig { identity: Some(identity("client")), ..client_config() }
}

/// Bytes that follow from a number.
pub(crate) struct Seeded {
    seed: u64,
    count: u64,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }
}

impl Noise for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        for piece in bytes.chunks_mut(sm::DIGEST_BYTES) {
            self.count += 1;
            let block = sm::hmac(&self.seed.to_be_bytes(), &[&self.count.to_be_bytes()]);
            piece.copy_from_slice(&block[..piece.len()]);
        }
        Ok(())
    }
}

pub(crate) fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

pub(crate) fn server(config: &ServerConfig) -> Connection {
    Connection::server(Arc::new(config.clone()), Box::new(Seeded::new(1)), NOW)
}

/// A server with other noise than [`server`], as for a second connection: ids of sessions must not come twice.
pub(crate) fn later_server(config: &ServerConfig) -> Connection {
    Connection::server(Arc::new(config.clone()), Box::new(Seeded::new(3)), NOW)
}

pub(crate) fn client(config: &ClientConfig) -> Connection {
    resuming(config, None)
}

pub(crate) fn resuming(config: &ClientConfig, session: Option<Session>) -> Connection {
    Connection::client(Arc::new(config.clone()), name("localhost"), session, Box::new(Seeded::new(2)), NOW).unwrap()
}

/// Takes all output.
pub(crate) fn output(from: &mut Connection) -> Vec<u8> {
    let bytes = from.output().to_vec();
    from.sent(bytes.len());
    bytes
}

/// Gives `bytes` in pieces of `step`; gives the plain text that came of them.
pub(crate) fn feed(to: &mut Connection, bytes: &[u8], step: usize) -> Result<Vec<u8>, TlcpFault> {
    let mut plain = Vec::new();
    for piece in bytes.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = to.input();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            to.received(count);
            rest = &rest[count..];
            to.advance()?;
            while !to.plain().is_empty() {
                plain.extend_from_slice(to.plain());
                to.consume(to.plain().len());
                to.advance()?;
            }
        }
    }
    Ok(plain)
}

/// Carries bytes both ways until neither has any; `step` bytes at a time.
pub(crate) fn shake(client: &mut Connection, server: &mut Connection, step: usize) -> Result<(), (TlcpFault, Fallen)> {
    loop {
        let (out, back) = (output(client), output(server));
        if out.is_empty() && back.is_empty() {
            return Ok(());
        }
        feed(server, &out, step).map_err(|fault| (fault, Fallen::Server))?;
        feed(client, &back, step).map_err(|fault| (fault, Fallen::Client))?;
    }
}

/// Who found the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallen {
    Client,
    Server,
}

pub(crate) fn send(from: &mut Connection, plain: &[u8]) -> Vec<u8> {
    assert_eq!(from.send(plain), Ok(plain.len()));
    output(from)
}

/// Both sides after their handshake.
pub(crate) fn connected(client_config: &ClientConfig, server_config: &ServerConfig) -> (Connection, Connection) {
    let (mut client, mut server) = (client(client_config), server(server_config));
    shake(&mut client, &mut server, usize::MAX).unwrap();
    assert!(!client.is_handshaking() && !server.is_handshaking());
    (client, server)
}

/// The records in `bytes`: kind and content.
pub(crate) fn records(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
        let (content, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
        records.push((header[0], content.to_vec()));
        bytes = rest;
    }
    records
}

pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 1, 1, length[0], length[1]], content].concat()
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, length[1], length[2], length[3]], body].concat()
}

/// A Certificate message.
pub(crate) fn certificate_message(chain: &[CertificateDer<'_>]) -> Vec<u8> {
    let list: Vec<u8> = chain.iter().flat_map(|one| message(0, one)[1..].to_vec()).collect();
    message(11, &message(0, &list)[1..])
}
