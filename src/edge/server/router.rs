//! One port, several protocols: looks at the first bytes and the hello of a new connection, chooses, and runs the
//! handshake.
//!
//! ```text
//!  22 1 1 ──────────── TLCP
//!  anything else ───── ClientHello of TLS ─┬─ lists suites of TLCP, and we prefer it → refused, to come back so
//!                                          ├─ suite 0x00C6, scheme 0x0708 and curveSM2 → RFC 8998
//!                                          └─ else → international TLS
//! ```
//!
//! What is switched off is refused with the alert that says so. It deliberately decides nothing by trial: a client
//! that fails one handshake is not offered another.

use crate::domain::tlcp;
use crate::edge::aside;
use crate::edge::clock::Clock;
use crate::edge::metrics::ProtocolLabel;
use crate::edge::server::replayed::{HEAD_BYTES, Replayed};
use crate::edge::tlcp::TlcpStream;
use crate::edge::tls::{CURVE_SM2, SM2SIG_SM3, SM4_GCM_SM3, fingerprint};
use rustls::server::{Acceptor, ClientHello};
use rustls::{CipherSuite, HandshakeKind, NamedGroup, ProtocolVersion, ServerConfig, SignatureScheme};
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// What the data listener speaks; a protocol without its part is switched off.
#[derive(Clone, Debug, Default)]
pub struct Protocols {
    /// TLCP.
    pub tlcp: Option<Arc<tlcp::ServerConfig>>,
    /// RFC 8998.
    pub sm: Option<Arc<ServerConfig>>,
    /// International TLS.
    pub international: Option<Arc<ServerConfig>>,
    /// Refuse a TLS hello that also lists suites of TLCP. Some browsers try TLS first and come back with TLCP only
    /// when that fails. Without TLCP it means nothing.
    pub prefer_tlcp: bool,
    /// Whether the keys of TLCP and RFC 8998 may wait for a device: then their handshakes are made aside from the
    /// worker's thread.
    pub may_wait: bool,
}

/// A handshake record of version 1.1, which TLCP has and TLS never had.
const TLCP_HEAD: [u8; HEAD_BYTES] = [22, 1, 1];
/// Fatal alert 40, handshake_failure, in a record of TLS 1.2, and fatal alert 70, protocol_version, in one of TLCP.
const TLS_HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
const TLCP_PROTOCOL_VERSION: [u8; 7] = [21, 1, 1, 0, 2, 2, 70];

/// What a hello of TLS offers, as far as the choice depends on it.
struct Offer<'h> {
    suites: &'h [CipherSuite],
    schemes: &'h [SignatureScheme],
    /// `None`: not said, so any.
    groups: Option<&'h [NamedGroup]>,
}

impl<'h> From<&'h ClientHello<'h>> for Offer<'h> {
    fn from(hello: &'h ClientHello<'h>) -> Self {
        Self { suites: hello.cipher_suites(), schemes: hello.signature_schemes(), groups: hello.named_groups() }
    }
}

impl Protocols {
    /// The configuration for a hello; `None`: refuse.
    fn choose(&self, offer: &Offer<'_>) -> Option<&Arc<ServerConfig>> {
        let can_sm = offer.suites.contains(&SM4_GCM_SM3)
            && offer.schemes.contains(&SM2SIG_SM3)
            && offer.groups.is_none_or(|groups| groups.contains(&CURVE_SM2));
        let can_tlcp = offer.suites.iter().any(|suite| tlcp::Suite::of(u16::from(*suite)).is_some());
        if self.prefer_tlcp && self.tlcp.is_some() && can_tlcp {
            return None;
        }
        match &self.sm {
            Some(sm) if can_sm => Some(sm),
            _ => self.international.as_ref(),
        }
    }
}

/// Runs the handshake. The caller bounds its time. `spoken` tells the protocol as soon as it is known, so that a
/// handshake that fails or is too slow is counted with its own.
pub(super) async fn accept<S>(protocols: &Protocols, stream: S, spoken: &Cell<ProtocolLabel>) -> io::Result<Secured<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = Replayed::after_head(stream).await?;
    if stream.head() == TLCP_HEAD {
        spoken.set(ProtocolLabel::Tlcp);
        if let Some(config) = &protocols.tlcp {
            // As rustls does, by the machine's clock.
            let now = u64::try_from(Clock::System.now() / 1000).unwrap_or(0);
            let handshake = crate::edge::tlcp::accept(stream, Arc::clone(config), now);
            let stream = if protocols.may_wait { made_aside(handshake).await?? } else { handshake.await? };
            return Ok(Secured::Tlcp(Box::new(stream)));
        }
        return refuse(&mut stream, &TLCP_PROTOCOL_VERSION, "TLCP is switched off").await;
    }
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let Some(config) = protocols.choose(&Offer::from(&hello)).cloned() else {
        return refuse(&mut start.io, &TLS_HANDSHAKE_FAILURE, "no protocol for what the client offers").await;
    };
    let is_national = protocols.sm.as_ref().is_some_and(|sm| Arc::ptr_eq(sm, &config));
    if is_national {
        spoken.set(ProtocolLabel::Rfc8998);
    }
    // The first half of the handshake is made as soon as the stream is asked for.
    let handshake = async move { start.into_stream(config).await };
    let stream = if is_national && protocols.may_wait { made_aside(handshake).await?? } else { handshake.await? };
    match stream.get_ref().1.protocol_version() {
        _ if is_national => {}
        Some(ProtocolVersion::TLSv1_3) => spoken.set(ProtocolLabel::Tls13),
        Some(ProtocolVersion::TLSv1_2) => spoken.set(ProtocolLabel::Tls12),
        _ => {}
    }
    Ok(Secured::Tls(Box::new(stream)))
}

async fn made_aside<F>(handshake: F) -> io::Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    aside::run(handshake).await.map_err(|_| io::Error::other("the handshake was given up"))
}

async fn refuse<S, T>(stream: &mut S, alert: &[u8], reason: &'static str) -> io::Result<T>
where
    S: AsyncWrite + Unpin,
{
    stream.write_all(alert).await?;
    stream.shutdown().await?;
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}

/// A connection after its handshake.
pub(super) enum Secured<S> {
    Tls(Box<TlsStream<Replayed<S>>>),
    Tlcp(Box<TlcpStream<Replayed<S>>>),
}

impl<S> Secured<S> {
    /// True when HTTP/2 was agreed.
    pub(super) fn is_http2(&self) -> bool {
        let agreed = match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            Self::Tlcp(stream) => stream.connection().protocol(),
        };
        agreed == Some(b"h2")
    }

    /// True when a session was resumed.
    pub(super) fn is_resumed(&self) -> bool {
        match self {
            Self::Tls(stream) => stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed),
            Self::Tlcp(stream) => stream.connection().is_resumed(),
        }
    }

    /// By which the caller is known, where it showed a certificate: with TLCP the signing certificate.
    pub(super) fn certificate_sha256(&self) -> Option<[u8; 32]> {
        let chain = match self {
            Self::Tls(stream) => stream.get_ref().1.peer_certificates()?,
            Self::Tlcp(stream) => stream.connection().peer_certificates(),
        };
        chain.first().map(|certificate| fingerprint(certificate))
    }
}

/// Calls the stream that is there.
macro_rules! either {
    ($secured:expr, $stream:ident => $call:expr) => {
        match $secured.get_mut() {
            Secured::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
            Secured::Tlcp($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
        }
    };
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Tlcp(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
