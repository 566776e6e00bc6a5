//! One port, several protocols: looks at the first bytes and the hello of a new connection, chooses, and runs the
//! handshake.
//!
//! ```text
//!  22 1 1 ──────────── TLCP
//!  anything else ───── ClientHello of TLS ─┬─ suite 0x00C6, scheme 0x0708 and curveSM2 → RFC 8998
//!                                          └─ else → international TLS
//! ```
//!
//! What is switched off is refused with the alert that says so. It deliberately decides nothing by trial: a client
//! that fails one handshake is not offered another.

use crate::edge::server::replayed::{HEAD_BYTES, Replayed};
use crate::edge::tls::{CURVE_SM2, SM2SIG_SM3, SM4_GCM_SM3, fingerprint};
use rustls::server::{Acceptor, ClientHello};
use rustls::{CipherSuite, NamedGroup, ServerConfig, SignatureScheme};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// What the data listener speaks; a protocol without its part is switched off.
#[derive(Clone, Debug, Default)]
pub struct Protocols {
    /// RFC 8998.
    pub sm: Option<Arc<ServerConfig>>,
    /// International TLS.
    pub international: Option<Arc<ServerConfig>>,
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
        match &self.sm {
            Some(sm) if can_sm => Some(sm),
            _ => self.international.as_ref(),
        }
    }
}

/// A connection after its handshake.
pub(super) type Secured<S> = TlsStream<Replayed<S>>;

/// Runs the handshake. The caller bounds its time.
pub(super) async fn accept<S>(protocols: &Protocols, stream: S) -> io::Result<Secured<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = Replayed::after_head(stream).await?;
    if stream.head() == TLCP_HEAD {
        return refuse(&mut stream, &TLCP_PROTOCOL_VERSION, "TLCP is switched off").await;
    }
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let Some(config) = protocols.choose(&Offer::from(&hello)).cloned() else {
        return refuse(&mut start.io, &TLS_HANDSHAKE_FAILURE, "no protocol for what the client offers").await;
    };
    start.into_stream(config).await
}

async fn refuse<S, T>(stream: &mut S, alert: &[u8], reason: &'static str) -> io::Result<T>
where
    S: AsyncWrite + Unpin,
{
    stream.write_all(alert).await?;
    stream.shutdown().await?;
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// True when HTTP/2 was agreed.
pub(super) fn is_http2<S>(stream: &Secured<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

/// By which the caller is known, where it showed a certificate.
pub(super) fn certificate_sha256<S>(stream: &Secured<S>) -> Option<[u8; 32]> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    Some(fingerprint(certificate))
}
