//! One connection: fed with the peer's bytes, it gives plain text and bytes for the peer.
//!
//! ```text
//! loop {
//!     write connection.output() to the peer, connection.sent(written)
//!     if connection.plain() is empty { read into connection.input(), connection.received(read), connection.advance() }
//! }
//! ```
//! After a fault the only thing left to do is to write the output, which ends with the alert, and to close.

use crate::domain::tlcp::client::Client;
use crate::domain::tlcp::config::{ClientConfig, Noise, ServerConfig};
use crate::domain::tlcp::fault::Alert;
use crate::domain::tlcp::handshake::{About, Desk};
use crate::domain::tlcp::message;
use crate::domain::tlcp::record::{CONTENT_BYTES_MAX, Record, Records, kind};
use crate::domain::tlcp::server::Server;
use crate::domain::tlcp::session::Session;
use crate::domain::tlcp::wire::length24;
use crate::domain::tlcp::{Suite, TlcpFault};
use rustls_pki_types::{CertificateDer, ServerName};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroize;

/// Bytes for the peer that may wait; beyond them [`Connection::send`] takes nothing.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Records without content in a row, and warnings in all, that are borne.
const EMPTY_MAX: u8 = 32;
const WARNINGS_MAX: u8 = 4;
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// A connection of either side.
pub struct Connection {
    pub(super) records: Records,
    pub(super) noise: Box<dyn Noise>,
    about: About,
    handshake: Handshake,
    is_server: bool,
    /// Handshake messages that are not whole yet.
    joined: Vec<u8>,
    /// Plain text of the current record that the caller has not taken.
    plain: Range<usize>,
    fault: Option<TlcpFault>,
    /// We have said close_notify; the peer has.
    is_closed: bool,
    is_peer_closed: bool,
    empty_in_row: u8,
    warnings: u8,
}

enum Handshake {
    Server(Box<Server>),
    Client(Box<Client>),
    Over,
}

impl Connection {
    /// Waits for a client. `now` in seconds since 1970.
    pub fn server(config: Arc<ServerConfig>, noise: Box<dyn Noise>, now: u64) -> Self {
        let server = Box::new(Server::new(config, now));
        Self::new(noise, Handshake::Server(server), true)
    }

    /// Calls the server `name`; the first output is there at once. `resume` must come from [`Connection::session`] of a
    /// connection to the same server with the same configuration. `now` in seconds since 1970.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        resume: Option<Session>,
        noise: Box<dyn Noise>,
        now: u64,
    ) -> Result<Self, TlcpFault> {
        let mut connection = Self::new(noise, Handshake::Over, false);
        let client = Client::start(&mut connection.desk(), config, name, resume, now)?;
        connection.handshake = Handshake::Client(Box::new(client));
        Ok(connection)
    }

    fn new(noise: Box<dyn Noise>, handshake: Handshake, is_server: bool) -> Self {
        Self {
            records: Records::default(),
            noise,
            about: About::default(),
            handshake,
            is_server,
            joined: Vec::new(),
            plain: 0..0,
            fault: None,
            is_closed: false,
            is_peer_closed: false,
            empty_in_row: 0,
            warnings: 0,
        }
    }

    fn desk(&mut self) -> Desk<'_> {
        Desk { records: &mut self.records, noise: self.noise.as_mut(), about: &mut self.about }
    }

    /// Where the next bytes of the peer go; empty while plain text waits to be taken.
    pub fn input(&mut self) -> &mut [u8] {
        if self.plain.is_empty() { self.records.room() } else { &mut [] }
    }

    /// `count` bytes have been written to the start of [`Connection::input`].
    pub fn received(&mut self, count: usize) {
        self.records.received(count);
    }

    /// Works on what was received, until there is plain text or more bytes are needed. Call it again when the plain
    /// text is taken: the next record may be there already.
    ///
    /// # Errors
    /// The fault that ended the connection, each time from then on.
    pub fn advance(&mut self) -> Result<(), TlcpFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.steps().map_err(|fault| self.fail(fault))
    }

    /// The peer's bytes are at their end.
    ///
    /// # Errors
    /// When the end may have been cut off, for no close_notify came; or the fault that ended the connection before.
    pub fn ended(&mut self) -> Result<(), TlcpFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.is_peer_closed => Ok(()),
            None => Err(self.fail(TlcpFault::Truncated)),
        }
    }

    /// Plain text from the peer.
    pub fn plain(&self) -> &[u8] {
        self.records.content(&self.plain)
    }

    /// `count` bytes of the plain text are taken.
    pub fn consume(&mut self, count: usize) {
        let taken = self.plain.start..self.plain.end.min(self.plain.start + count);
        self.plain.start = taken.end;
        self.records.wipe(&taken);
    }

    /// Takes plain text for the peer and tells how many bytes of it: 0 while the handshake runs or too much output
    /// waits.
    ///
    /// # Errors
    /// The fault that ended the connection; [`TlcpFault::Unexpected`] after [`Connection::close`].
    pub fn send(&mut self, plain: &[u8]) -> Result<usize, TlcpFault> {
        let mut taken = 0;
        while taken < plain.len() {
            let piece = &plain[taken..];
            match self.send_parts(&[&piece[..piece.len().min(CONTENT_BYTES_MAX)]])? {
                0 => break,
                count => taken += count,
            }
        }
        Ok(taken)
    }

    /// As [`Connection::send`] for the concatenation of `parts`, of which it takes at most one record's worth.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_parts(&mut self, parts: &[&[u8]]) -> Result<usize, TlcpFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.is_closed {
            return Err(TlcpFault::Unexpected);
        }
        if self.is_handshaking() || self.records.output().len() >= OUTPUT_BYTES_MAX {
            return Ok(0);
        }
        if self.records.is_worn() {
            return Err(self.fail(TlcpFault::KeyWorn));
        }
        let mut left = CONTENT_BYTES_MAX;
        let fitting: Vec<&[u8]> = parts
            .iter()
            .map(|part| {
                let part = &part[..part.len().min(left)];
                left -= part.len();
                part
            })
            .collect();
        let count = CONTENT_BYTES_MAX - left;
        if count > 0 {
            let noise = self.noise.as_mut();
            self.records.put_one(kind::APPLICATION_DATA, &fitting, noise).map_err(|fault| self.fail(fault))?;
        }
        Ok(count)
    }

    /// Says close_notify, once; nothing can be sent afterwards. In the middle of a handshake it ends that too.
    pub fn close(&mut self) {
        if !self.is_closed && self.fault.is_none() {
            self.is_closed = true;
            // Without randomness for the alert the peer sees a cut connection, which is what it then is.
            let _ = self.alert(WARNING, Alert::CLOSE_NOTIFY);
        }
    }

    /// Bytes for the peer.
    pub fn output(&self) -> &[u8] {
        self.records.output()
    }

    /// `count` bytes of the output are written.
    pub fn sent(&mut self, count: usize) {
        self.records.sent(count);
    }

    /// Whether the handshake is still to be finished.
    pub const fn is_handshaking(&self) -> bool {
        !matches!(self.handshake, Handshake::Over)
    }

    /// Whether the peer said close_notify: no more plain text comes.
    pub const fn is_peer_closed(&self) -> bool {
        self.is_peer_closed
    }

    /// The suite, once it is agreed.
    pub const fn suite(&self) -> Option<Suite> {
        self.about.suite
    }

    /// The peer's certificates as they came, the signing certificate first: who is there. Empty where none was shown.
    /// To be relied upon when the handshake is over.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.about.peer
    }

    /// The server's name: as the client gave it by SNI, or as it was called.
    pub fn server_name(&self) -> Option<&str> {
        self.about.server_name.as_deref()
    }

    /// The application protocol agreed upon.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.about.protocol.as_deref()
    }

    /// Whether an earlier session was resumed.
    pub const fn is_resumed(&self) -> bool {
        self.about.is_resumed
    }

    /// On the client's side: what the next connection to this server may resume.
    pub const fn session(&self) -> Option<&Session> {
        self.about.session.as_ref()
    }

    fn alert(&mut self, level: u8, alert: Alert) -> Result<(), TlcpFault> {
        self.records.put_one(kind::ALERT, &[&[level, alert.0]], self.noise.as_mut())
    }

    /// Ends the connection with the fault's alert.
    fn fail(&mut self, fault: TlcpFault) -> TlcpFault {
        self.fault = Some(fault);
        self.plain = 0..0;
        self.about.session = None;
        if let Handshake::Server(server) = &self.handshake {
            server.failed();
        }
        if let Some(alert) = fault.alert().filter(|_| !self.is_closed) {
            let level = if alert == Alert::CLOSE_NOTIFY { WARNING } else { FATAL };
            // The fault counts; the alert is a courtesy that may fail for the same reason.
            let _ = self.alert(level, alert);
        }
        fault
    }

    fn steps(&mut self) -> Result<(), TlcpFault> {
        while self.plain.is_empty() && !self.is_peer_closed {
            let Some(record) = self.records.next()? else { break };
            self.record(record)?;
        }
        Ok(())
    }

    fn record(&mut self, Record { kind, content }: Record) -> Result<(), TlcpFault> {
        match kind {
            kind::HANDSHAKE if content.is_empty() => Err(TlcpFault::Unexpected),
            kind::HANDSHAKE => {
                self.joined.extend_from_slice(self.records.content(&content));
                self.messages()
            }
            // No other kind may stand between the parts of a message.
            kind::ALERT => self.alerted(&content),
            _ if !self.joined.is_empty() => Err(TlcpFault::Unexpected),
            kind::CHANGE_CIPHER_SPEC => {
                if self.records.content(&content) != [1] {
                    return Err(TlcpFault::Decode);
                }
                let mut desk = Desk { records: &mut self.records, noise: self.noise.as_mut(), about: &mut self.about };
                match &mut self.handshake {
                    Handshake::Server(server) => server.change_cipher(&mut desk),
                    Handshake::Client(client) => client.change_cipher(&mut desk),
                    Handshake::Over => Err(TlcpFault::Unexpected),
                }
            }
            _ if self.is_handshaking() => Err(TlcpFault::Unexpected),
            _ if content.is_empty() => {
                self.empty_in_row += 1;
                if self.empty_in_row > EMPTY_MAX { Err(TlcpFault::Flood) } else { Ok(()) }
            }
            _ => {
                self.empty_in_row = 0;
                self.plain = content;
                Ok(())
            }
        }
    }

    fn alerted(&mut self, content: &Range<usize>) -> Result<(), TlcpFault> {
        let &[level, alert] = self.records.content(content) else { return Err(TlcpFault::Decode) };
        let alert = Alert(alert);
        match level {
            WARNING | FATAL if alert == Alert::CLOSE_NOTIFY && !self.is_handshaking() => {
                self.is_peer_closed = true;
                Ok(())
            }
            WARNING if alert != Alert::CLOSE_NOTIFY => self.warned(),
            WARNING | FATAL => Err(TlcpFault::Alerted(alert)),
            _ => Err(TlcpFault::Illegal),
        }
    }

    fn warned(&mut self) -> Result<(), TlcpFault> {
        self.warnings += 1;
        if self.warnings > WARNINGS_MAX { Err(TlcpFault::Flood) } else { Ok(()) }
    }

    /// Takes the whole messages out of `joined`.
    fn messages(&mut self) -> Result<(), TlcpFault> {
        let mut joined = std::mem::take(&mut self.joined);
        let mut used = 0;
        while let Some(&[kind, high, middle, low]) = joined[used..].first_chunk() {
            let length = length24([high, middle, low]);
            if length > message::body_bytes_max(kind) {
                return Err(TlcpFault::MessageSize);
            }
            let Some(message) = joined[used..].get(..message::HEADER_BYTES + length) else { break };
            self.message(kind, message)?;
            used += message.len();
        }
        joined.drain(..used);
        self.joined = joined;
        Ok(())
    }

    fn message(&mut self, kind: u8, message: &[u8]) -> Result<(), TlcpFault> {
        let mut desk = Desk { records: &mut self.records, noise: self.noise.as_mut(), about: &mut self.about };
        let is_over = match &mut self.handshake {
            Handshake::Server(server) => server.message(&mut desk, kind, message)?,
            // RFC 5246 clause 7.4.1.1: passed over while a handshake runs, and no part of it.
            Handshake::Client(_) if kind == message::kind::HELLO_REQUEST && message.len() == 4 => {
                return self.warned();
            }
            Handshake::Client(client) => client.message(&mut desk, kind, message)?,
            Handshake::Over => return self.refuse_renegotiation(kind),
        };
        if is_over {
            self.handshake = Handshake::Over;
        }
        Ok(())
    }

    /// A second handshake is answered with a warning and goes no further; who insists is let go.
    fn refuse_renegotiation(&mut self, kind: u8) -> Result<(), TlcpFault> {
        let asks = if self.is_server { message::kind::CLIENT_HELLO } else { message::kind::HELLO_REQUEST };
        if kind != asks {
            return Err(TlcpFault::Unexpected);
        }
        self.warned().map_err(|_| TlcpFault::Renegotiation)?;
        if self.is_closed { Ok(()) } else { self.alert(WARNING, Alert::NO_RENEGOTIATION) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.joined.zeroize();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("suite", &self.about.suite)
            .field("is_handshaking", &self.is_handshaking())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
