//! Certificates, and client and server in one thread without a socket.

use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, Trust, client_config, server_config};
use rustls::{ClientConfig, ClientConnection, ConnectionCommon, Error, ServerConfig, ServerConnection, SideData};
use rustls_pki_types::ServerName;
use std::io::{Read, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

/// A file of `tests/keys`.
pub(crate) fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)).unwrap()
}

/// PEM texts of one certificate with its key, by their path without ending.
pub(crate) struct Pair(Vec<u8>, Vec<u8>);

impl Pair {
    pub(crate) fn of(name: &str) -> Self {
        Self(file(&format!("{name}.pem")), file(&format!("{name}.key")))
    }

    pub(crate) fn own(&self) -> Own<'_> {
        Own { certificate: &self.0, key: Key::Pem(&self.1) }
    }
}

/// How a server is set up; the family is RFC 8998.
pub(crate) struct Server {
    pub(crate) own: &'static str,
    pub(crate) client: ClientCertificate,
    /// With revocation lists.
    pub(crate) lists: Option<Vec<u8>>,
}

impl Default for Server {
    fn default() -> Self {
        Self { own: "sm/gateway", client: ClientCertificate::Optional, lists: None }
    }
}

impl Server {
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let root = file("sm/root.pem");
        let trust = Trust { issuers: &root, revocation: self.lists.as_deref() };
        Arc::new(server_config(Family::Sm, &Pair::of(self.own).own(), self.client, trust).unwrap())
    }
}

/// A client of RFC 8998, with a certificate or without.
pub(crate) fn client(own: Option<&str>) -> ClientConfig {
    let (root, own) = (file("sm/root.pem"), own.map(Pair::of));
    let trust = Trust { issuers: &root, revocation: None };
    client_config(Family::Sm, trust, own.as_ref().map(Pair::own).as_ref(), false).unwrap()
}

/// Who gave up, and why.
#[derive(Debug)]
pub(crate) enum Failed {
    Client(Error),
    Server(Error),
}

pub(crate) struct Both {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// Runs a handshake to its end, tickets included.
pub(crate) fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<Both, Failed> {
    connect_to("localhost", client, server)
}

pub(crate) fn connect_to(
    name: &'static str,
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<Both, Failed> {
    let client = ClientConnection::new(Arc::clone(client), ServerName::try_from(name).unwrap());
    let mut both = Both {
        client: client.map_err(Failed::Client)?,
        server: ServerConnection::new(Arc::clone(server)).map_err(Failed::Server)?,
    };
    both.settle()?;
    assert!(!both.client.is_handshaking() && !both.server.is_handshaking());
    Ok(both)
}

impl Both {
    /// Carries bytes to and fro until neither side has more.
    pub(crate) fn settle(&mut self) -> Result<(), Failed> {
        loop {
            let there = carry(&mut self.client, &mut self.server).map_err(Failed::Server)?;
            let back = carry(&mut self.server, &mut self.client).map_err(Failed::Client)?;
            if there + back == 0 {
                return Ok(());
            }
        }
    }

    /// Sends `bytes` from the client to the server and from the server to the client.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(10_000).chain([&[][..]]) {
            self.client.writer().write_all(piece).unwrap();
            self.server.writer().write_all(piece).unwrap();
            self.settle().unwrap();
            let mut read = vec![0; piece.len()];
            self.server.reader().read_exact(&mut read).unwrap();
            assert_eq!(read, piece);
            read.fill(0);
            self.client.reader().read_exact(&mut read).unwrap();
            assert_eq!(read, piece);
        }
    }
}

/// Bytes carried.
fn carry<A, B, D, E>(from: &mut A, to: &mut B) -> Result<usize, Error>
where
    A: DerefMut + Deref<Target = ConnectionCommon<D>>,
    B: DerefMut + Deref<Target = ConnectionCommon<E>>,
    D: SideData,
    E: SideData,
{
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut rest = &wire[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        if let Err(error) = to.process_new_packets() {
            // A fault of its own ends a side without a word; a fault of the peer is told by an alert.
            if matches!(error, Error::General(_)) {
                return Err(error);
            }
            let mut alert = Vec::new();
            while to.wants_write() {
                to.write_tls(&mut alert).unwrap();
            }
            from.read_tls(&mut &alert[..]).unwrap();
            let heard = from.process_new_packets().unwrap_err();
            assert!(matches!(heard, Error::AlertReceived(_)), "{heard:?}");
            return Err(error);
        }
    }
    Ok(wire.len())
}
