//! The other city's systems: pooled connections, deadlines, a circuit breaker, and an honest word on what was sent.
//!
//! It deliberately never sends a message a second time once a byte of it may have left: a request goes out again only
//! when hyper hands it back untouched, because the kept connection was found closed before anything was written.
//! What the answer means is not its business either.
//!
//! ```text
//!  send ── breaker open? ── NotDelivered::BreakerOpen
//!    │
//!    ├─ kept connection (newest first) ─┬─ request handed back: closed meanwhile ─ once more, on a new connection
//!    ├─ new connection: TCP, TLS        ├─ TLS 1.3: our certificate refused before anything else → NotDelivered
//!    │    fails → NotDelivered          └─ anything else after the first byte → Unknown
//!    └─ answer read whole, within bounds → Reply, connection kept
//! ```

mod breaker;
mod connect;
mod pool;
mod refusal;

pub use crate::edge::upstream::breaker::{Breaker, BreakerSettings};
pub use crate::edge::upstream::pool::Pool;

use crate::domain::tlcp;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls_pki_types::ServerName;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How to reach one system. Limits of connections count per worker thread.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the system, for log lines.
    pub name: String,
    /// Host to connect to: a name or an address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Host and port as the `Host` field says them.
    pub authority: http::uri::Authority,
    /// `None`: without TLS.
    pub tls: Option<ClientTls>,
    /// HTTP/2: over TLS negotiated by ALPN, without TLS by prior knowledge.
    pub http2: bool,
    /// Time for TCP, TLS and the wait for a free place among `connections_max`.
    pub connect_timeout: Duration,
    /// A kept connection is closed after that long; shorter than the other side's own limit.
    pub idle_timeout: Duration,
    /// Connections at one time per worker thread; over HTTP/2 all share one connection.
    pub connections_max: usize,
    /// Bound on the body of an answer, in bytes.
    pub answer_bytes_max: usize,
}

impl Settings {
    /// True where both lead to the same place in the same way.
    pub fn leads_to(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port && self.tls.is_some() == other.tls.is_some()
    }
}

/// What TLS towards a system needs.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Trust and, where wanted, our own certificate.
    pub config: ClientProtocol,
    /// Name that the other side's certificate must bear.
    pub server_name: ServerName<'static>,
    /// Whether our own key may wait for a device: then the handshake is made aside from the worker's thread.
    pub may_wait: bool,
}

/// How to secure a connection.
#[derive(Clone, Debug)]
pub enum ClientProtocol {
    /// RFC 8998 or international TLS.
    Tls(Arc<rustls::ClientConfig>),
    Tlcp(Arc<TlcpClient>),
}

/// TLCP, and what the last connection left to resume.
#[derive(Debug)]
pub struct TlcpClient {
    config: Arc<tlcp::ClientConfig>,
    session: Mutex<Option<tlcp::Session>>,
}

impl TlcpClient {
    /// With nothing to resume yet.
    pub fn new(config: tlcp::ClientConfig) -> Self {
        Self { config: Arc::new(config), session: Mutex::new(None) }
    }
}

/// A message ready to leave.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// HTTP method.
    pub method: http::Method,
    /// Path and query on the other system.
    pub path: String,
    /// Headers beside host, length and connection, which the pool writes.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An answer, read whole and within bounds.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer, and what that says about the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Surely nothing arrived: no connection, TLS refused, breaker open, connection closed before a byte was written,
    /// our certificate refused before a byte was read.
    NotDelivered(NotDelivered),
    /// Something was sent and no whole answer came.
    Unknown(Unknown),
}

/// Ways of not having sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDelivered {
    BreakerOpen {
        retry_after_seconds: u32,
    },
    ConnectFailed,
    ConnectTimeout,
    /// All connections of this worker stayed busy for the whole connect timeout.
    PoolFull,
    /// The path or a header cannot be written as HTTP.
    RequestInvalid,
    TlsFailed,
}

/// Ways of not knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    AnswerTooLarge { limit: usize },
    BadHttp,
    ConnectionLost,
    DeadlinePassed,
}
