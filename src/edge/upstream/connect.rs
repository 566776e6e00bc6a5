//! One new connection: TCP, then TLS where wanted, then the HTTP version that was agreed.
//!
//! It deliberately writes no byte of a request: whatever fails here is surely not delivered.

use crate::edge::upstream::{NotDelivered, Settings};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The sending end of a connection.
pub(super) enum Link {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
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
        return handshake(stream, settings.http2).await;
    };
    let stream = TlsConnector::from(tls.config.clone())
        .connect(tls.server_name.clone(), stream)
        .await
        .map_err(|_| NotDelivered::TlsFailed)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    handshake(stream, http2).await
}

async fn handshake<S>(stream: S, http2: bool) -> Result<Link, NotDelivered>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    // A connection's own end is told to whoever waits on it for an answer; here it only needs to run.
    if http2 {
        let (sender, connection) = http2::Builder::new(LocalExecutor)
            .adaptive_window(true)
            .handshake(io)
            .await
            .map_err(|_| NotDelivered::ConnectFailed)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Link::Http2(sender))
    } else {
        let (sender, connection) =
            http1::Builder::new().handshake(io).await.map_err(|_| NotDelivered::ConnectFailed)?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Link::Http1(sender))
    }
}
