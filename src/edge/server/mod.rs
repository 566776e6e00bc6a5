//! The data listener: connections, TLS, limits of time and size, and each exchange as a task of its own.
//!
//! It deliberately knows no path, no dialect and no fault text: whatever is wrong with a body is handed to the
//! [`Handler`], which answers in the caller's own words. And it never stops an exchange because its caller left:
//! hyper drops a request's future then, so the exchange runs beside it and the drain waits for it.
//!
//! ```text
//!  worker thread (one per core, own listener on the same address by SO_REUSEPORT, own runtime)
//!    accept ── connections_max? ── router ── TLS ── HTTP/1 or HTTP/2 ──┬─ request ── own task: read body, Handler::handle
//!                                  └ header_timeout          ├─ request ── …
//!                                                            └─ idle_timeout, drain
//! ```

mod connection;
mod intake;
mod replayed;
mod router;
mod watched;
mod worker;

pub use crate::edge::server::router::Protocols;
pub use crate::edge::server::worker::{Listeners, Running, start};

use crate::domain::fault::Fault;
use crate::edge::clock::{Clock, Milliseconds};
use crate::edge::metrics::Metrics;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, Method, StatusCode, Uri};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The protocols in use with their certificates and trust; a reload stores others, which new connections get.
pub type TlsSlot = Arc<ArcSwap<Protocols>>;

/// How to listen. Numbers of connections and exchanges are of the whole process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads; at least 1.
    pub workers: usize,
    /// Time for the TLS handshake and for a request head, from its first byte (on a new connection: from accepting).
    pub header_timeout: Duration,
    /// Time for a request body.
    pub body_timeout: Duration,
    /// A connection on which nothing is in hand and nothing was written for that long is closed.
    pub idle_timeout: Duration,
    /// Bound on a request body, in bytes.
    pub body_bytes_max: usize,
    /// Connections at one time; further ones are closed at once.
    pub connections_max: usize,
    /// Bytes of request bodies in hand at one time, those up to [`SMALL_BODY_BYTES`] not counted; what would be over
    /// reaches the handler with [`Fault::Overloaded`] in place of a body.
    pub bodies_bytes_max: usize,
    /// Exchanges at one time; further ones reach the handler with [`Fault::Overloaded`] in place of a body.
    pub exchanges_max: usize,
    /// How long a drain waits for what is in hand.
    pub drain: Duration,
    /// `None`: without TLS.
    pub tls: Option<TlsSlot>,
    /// Source of [`Arrived::received_at`].
    pub clock: Clock,
    /// Where handshakes are counted.
    pub metrics: Option<Metrics>,
}

/// A request as it arrived.
#[derive(Debug)]
pub struct Arrived {
    pub method: Method,
    /// The request target; see [`Arrived::path`] and [`Arrived::query`].
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The whole body, or why there is none: too large, too slow, cut short, badly framed, or too much in hand.
    pub body: Result<Bytes, Fault>,
    pub peer: SocketAddr,
    /// SHA-256 of the DER form of the client certificate, where one was shown and verified.
    pub certificate_sha256: Option<[u8; 32]>,
    /// When the head was complete.
    pub received_at: Milliseconds,
}

impl Arrived {
    /// Path without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Query without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

/// What the caller gets. Length, date and connection fields are written by the server.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Bodies up to this size are bounded by the number of exchanges alone.
pub const SMALL_BODY_BYTES: usize = 64 << 10;

/// A request of which the body was not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    pub uri: &'h Uri,
    pub headers: &'h HeaderMap,
    /// As in [`Arrived`].
    pub certificate_sha256: Option<&'h [u8; 32]>,
}

/// What is done with a request. Built once per worker; it never leaves its thread.
pub trait Handler {
    /// Whether the body is worth reading, by the head alone: nobody who does not say who it is needs to be listened to.
    /// The fault stands in place of the body then.
    ///
    /// # Errors
    /// Why not.
    fn before_body(&self, head: Head<'_>) -> Result<(), Fault>;

    /// Answers one request. A panic inside is answered with status 500 and logged.
    fn handle(self: Rc<Self>, arrived: Arrived) -> LocalBoxFuture<'static, Answer>;
}
