//! The bodies of the fuzz targets: any bytes as the peer, in pieces of any size.
//!
//! What must hold for every input: no panic, bounded output, no plain text before the handshake is over or after a
//! fault, and a fault that stays the same.

use crate::domain::sm;
use crate::domain::sm::Wrong;
use crate::domain::sm::sm4;
use crate::domain::tlcp::cbc::Cbc;
use crate::domain::tlcp::config::{ClientConfig, Counted, ServerConfig};
use crate::domain::tlcp::connection::Connection;
use crate::domain::tlcp::protect;
use crate::domain::tlcp::protect::Protection;
use crate::domain::tlcp::record::PROTECTED_BYTES_MAX;
use crate::domain::tlcp::record::kind;
use rustls_pki_types::ServerName;
use std::sync::Arc;

/// More than any answer to hostile bytes may be: our own flight with its certificates, and alerts.
const OUTPUT_BYTES_MAX: usize = 128 * 1024;

/// `bytes`: the size of the pieces (first byte plus one), then what the client sends.
pub fn probe_server(config: &Arc<ServerConfig>, now: u64, bytes: &[u8]) {
    feed(Connection::server(Arc::clone(config), Box::new(Counted::new(1)), now), bytes);
}

/// `bytes`: the size of the pieces (first byte plus one), then what the server sends.
pub fn probe_client(config: &Arc<ClientConfig>, name: ServerName<'static>, now: u64, bytes: &[u8]) {
    let client = Connection::client(Arc::clone(config), name, None, Box::new(Counted::new(2)), now);
    if let Ok(connection) = client {
        feed(connection, bytes);
    }
}

/// `bytes`: which cipher and which kind of record (first byte), then what is protected under a key that is always the
/// same, as the first record of a connection.
///
/// # Panics
/// When the content is told to lie outside the record.
pub fn probe_record(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let mut body = body[..body.len().min(PROTECTED_BYTES_MAX)].to_vec();
    let (mut opener, kind) = record_of(*choice);
    if let Ok(content) = opener.open(kind, &mut body) {
        assert!(content.start <= content.end && content.end <= body.len());
    }
    assert_eq!(opener.count, 1);
}

/// The cipher and the kind of record that a number stands for.
fn record_of(choice: u8) -> (Protection, u8) {
    let protection =
        if choice & 1 == 0 { Protection::gcm(&[1; 16], [2; 4]) } else { Protection::cbc(&[1; 16], &[2; 32]) };
    (protection, kind::CHANGE_CIPHER_SPEC + (choice >> 1) % 4)
}

/// The opening of records under SM4-CBC, for whoever measures whether its time tells why a record was refused.
pub struct RecordProbe {
    cbc: Cbc,
    key: sm4::Key,
}

impl RecordProbe {
    /// With a key of the cipher and one of the code.
    pub fn new(key: &[u8; 16], mac: &[u8; 32]) -> Self {
        Self { cbc: Cbc::new(key, mac), key: sm4::Key::new(key) }
    }

    /// A record whose content, code and padding are `text`, right or wrong; a whole number of blocks.
    ///
    /// # Errors
    /// When it is none.
    pub fn record(&self, text: &[u8]) -> Result<Vec<u8>, Wrong> {
        let (iv, mut text) = ([3; 16], text.to_vec());
        sm4::cbc_encrypt(&self.key, &iv, &mut text)?;
        Ok([&iv[..], &text].concat())
    }

    /// Opens the record in place, as the first one of a connection that carries data; true when it is right.
    pub fn opens(&self, record: &mut [u8]) -> bool {
        self.cbc.open(0, 23, record).is_ok()
    }

    /// The code of such a record.
    pub fn code(&self, mac: &[u8; 32], content: &[u8]) -> [u8; 32] {
        sm::hmac(mac, &[&protect::header(0, 23, content.len()), content])
    }
}

fn feed(mut connection: Connection, bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    for piece in bytes.chunks(usize::from(*size) + 1) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = connection.input();
            assert!(!room.is_empty(), "there is room while no plain text waits");
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            connection.received(count);
            rest = &rest[count..];
            loop {
                if let Err(fault) = connection.advance() {
                    assert_eq!(connection.advance(), Err(fault));
                    assert!(connection.plain().is_empty() && connection.send(b"x") == Err(fault));
                    return check_output(&connection);
                }
                assert!(connection.plain().is_empty() || !connection.is_handshaking());
                if connection.plain().is_empty() {
                    break;
                }
                connection.consume(connection.plain().len());
            }
            check_output(&connection);
        }
    }
    let end = connection.ended();
    assert_eq!(end.is_ok(), connection.is_peer_closed());
    check_output(&connection);
}

fn check_output(connection: &Connection) {
    assert!(connection.output().len() <= OUTPUT_BYTES_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a fuzzer begins with opens: without the right key it would never get behind the code of a record.
    /// `UPDATE_EXPECTED=1` writes it anew.
    #[test]
    fn the_corpus_of_records_opens() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/record");
        for (name, choice) in [("gcm-alert", 2), ("gcm-data", 6), ("cbc-handshake", 5), ("cbc-data", 7)] {
            let (mut sealer, kind) = record_of(choice);
            let mut record = vec![choice];
            sealer.seal(kind, &[b"composed ", b"content"], &mut record, &mut Counted::new(3)).unwrap();
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                std::fs::write(folder.join(name), &record).unwrap();
            }
            assert_eq!(std::fs::read(folder.join(name)).unwrap(), record, "{name}");
            let mut body = record[1..].to_vec();
            let content = record_of(choice).0.open(kind, &mut body).unwrap();
            assert_eq!(&body[content], b"composed content", "{name}");
            probe_record(&record);
        }
        probe_record(&[]);
    }
}
