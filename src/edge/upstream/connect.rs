//! One new connection: TCP, then TLS where wanted, then the HTTP version that was agreed.
//!
//! It deliberately writes no byte of a request: whatever fails here is surely not delivered.

use crate::edge::aside;
use crate::edge::aside::Gone;
use crate::edge::clock::Clock;
use crate::edge::metrics::{HandshakeReason, brief};
use crate::edge::tlcp;
use crate::edge::tlcp::TlcpStream;
use crate::edge::upstream::refusal::{Attentive, Refusal};
use crate::edge::upstream::{ClientProtocol, ClientTls, NotDelivered, Settings, TlcpClient};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection.
pub(super) enum Link {
    Http1(Line<http1::SendRequest<Full<Bytes>>>),
    Http2(Line<http2::SendRequest<Full<Bytes>>>),
}

/// The sending end of a connection, and whether the peer refused us.
#[derive(Clone)]
pub(super) struct Line<S> {
    pub(super) sender: S,
    pub(super) refusal: Refusal,
}

/// Runs hyper's own tasks on the worker's thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// A new connection; the caller bounds the time.
pub(super) async fn connect(settings: &Settings) -> Result<Link, NotDelivered> {
    let stream = match settings.host.parse::<IpAddr>() {
        Ok(address) => TcpStream::connect((address, settings.port)).await,
        Err(_) => TcpStream::connect((settings.host.as_str(), settings.port)).await,
    }
    .map_err(|_| NotDelivered::ConnectFailed)?;
    // Requests are written whole; waiting for more to send only adds delay.
    stream.set_nodelay(true).map_err(|_| NotDelivered::ConnectFailed)?;
    let Some(tls) = &settings.tls else {
        return handshake(stream, settings.http2, Refusal::settled()).await;
    };
    match &tls.config {
        ClientProtocol::Tls(config) => {
            let (config, name) = (Arc::clone(config), tls.server_name.clone());
            let secured = async move { TlsConnector::from(config).connect(name, stream).await };
            let stream = ended(settings, made(tls.may_wait, secured).await)?;
            let session = stream.get_ref().1;
            let http2 = session.alpn_protocol() == Some(b"h2");
            // TLS 1.2 ends when the server has judged us, TLS 1.3 before.
            let is_judged = session.protocol_version() != Some(ProtocolVersion::TLSv1_3);
            let refusal = if is_judged { Refusal::settled() } else { Refusal::expected() };
            handshake(stream, http2, refusal).await
        }
        ClientProtocol::Tlcp(client) => {
            let stream = connect_tlcp(settings, client, tls, stream).await?;
            let http2 = stream.connection().protocol() == Some(b"h2");
            handshake(stream, http2, Refusal::settled()).await
        }
    }
}

/// A refused session costs nothing: the peer does a full handshake then.
async fn connect_tlcp(
    settings: &Settings,
    client: &TlcpClient,
    tls: &ClientTls,
    stream: TcpStream,
) -> Result<TlcpStream<TcpStream>, NotDelivered> {
    let session = || client.session.lock().unwrap_or_else(PoisonError::into_inner);
    let resume = session().clone();
    // As rustls does, by the machine's clock.
    let now = u64::try_from(Clock::System.now() / 1000).unwrap_or(0);
    let secured = tlcp::connect(stream, Arc::clone(&client.config), tls.server_name.clone(), resume, now);
    let stream = ended(settings, made(tls.may_wait, secured).await);
    *session() = stream.as_ref().ok().and_then(|stream| stream.connection().session().cloned());
    stream
}

/// Makes a handshake, aside from this thread where our own key may wait for a device.
async fn made<F>(may_wait: bool, handshake: F) -> Result<F::Output, Gone>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    if may_wait { aside::run(handshake).await } else { Ok(handshake.await) }
}

/// What came of it. Why it failed is told here, since nobody beyond can do anything about it but the operator.
fn ended<T, E: Into<io::Error>>(settings: &Settings, handshake: Result<Result<T, E>, Gone>) -> Result<T, NotDelivered> {
    let error = match handshake {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => error.into(),
        Err(Gone) => io::Error::other("the handshake was given up"),
    };
    let reason = HandshakeReason::of(&error);
    tracing::warn!(system = %settings.name, %reason, cause = brief(&error), "tls handshake with a system failed");
    Err(NotDelivered::TlsFailed)
}

async fn handshake<S>(stream: S, http2: bool, refusal: Refusal) -> Result<Link, NotDelivered>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let io = TokioIo::new(Attentive::new(stream, refusal.clone()));
    // A connection's own end is told to whoever waits on it for an answer; here it only needs to run.
    if http2 {
        let (sender, connection) = http2::Builder::new(LocalExecutor)
            .adaptive_window(true)
            .handshake(io)
            .await
            .map_err(|_| NotDelivered::ConnectFailed)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Link::Http2(Line { sender, refusal }))
    } else {
        let (sender, connection) =
            http1::Builder::new().handshake(io).await.map_err(|_| NotDelivered::ConnectFailed)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Link::Http1(Line { sender, refusal }))
    }
}
