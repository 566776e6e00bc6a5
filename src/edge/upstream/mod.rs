//! The other city's systems: pooled connections, deadlines, a circuit breaker, and an honest word on what was sent.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

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
    /// Surely nothing arrived: no connection, TLS refused, breaker open, connection closed before a byte was written.
    NotDelivered(NotDelivered),
    /// Something was sent and no whole answer came.
    Unknown(Unknown),
}

/// Ways of not having sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDelivered {
    BreakerOpen { retry_after_seconds: u32 },
    ConnectFailed,
    ConnectTimeout,
    PoolFull,
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
