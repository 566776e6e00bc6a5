//! TLCP over any byte stream of tokio: a handshake to wait for, then a stream as hyper uses it.
//!
//! It deliberately sets no time-outs (the caller puts one around [`accept`] or [`connect`]) and knows no sockets. Who
//! the peer is, [`TlcpStream::connection`] tells.

use crate::domain::sm::Wrong;
use crate::domain::tlcp::{ClientConfig, Connection, Noise, ServerConfig, Session, TlcpFault};
use crate::edge::clock;
use rustls_pki_types::ServerName;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Pieces of a vectored write that go into one record.
const PIECES_MAX: usize = 64;

/// Randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNoise;

impl Noise for SystemNoise {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Wrong> {
        clock::random(bytes).map_err(|_| Wrong)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum HandshakeFault {
    /// The stream below failed.
    Stream(io::Error),
    /// The protocol did.
    Protocol(TlcpFault),
}

impl fmt::Display for HandshakeFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(_) => formatter.write_str("TLCP握手时网络中断 (network failed during the TLCP handshake)"),
            Self::Protocol(fault) => write!(formatter, "TLCP握手失败: {fault}"),
        }
    }
}

impl std::error::Error for HandshakeFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stream(error) => Some(error),
            Self::Protocol(_) => None,
        }
    }
}

impl From<HandshakeFault> for io::Error {
    fn from(fault: HandshakeFault) -> Self {
        match fault {
            HandshakeFault::Stream(error) => error,
            HandshakeFault::Protocol(fault) => told(fault),
        }
    }
}

/// A stream that speaks TLCP. Reading gives an end only after the peer's close_notify; an end without one is
/// [`io::ErrorKind::UnexpectedEof`].
#[derive(Debug)]
pub struct TlcpStream<Io> {
    io: Io,
    connection: Connection,
    /// Shutting down, with nothing left to write but close_notify when that began.
    is_only_farewell: Option<bool>,
}

/// Answers a client on `io`. `now` in seconds since 1970.
///
/// # Errors
/// When the handshake fails; the alert is written then.
pub async fn accept<Io>(io: Io, config: Arc<ServerConfig>, now: u64) -> Result<TlcpStream<Io>, HandshakeFault>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let connection = Connection::server(config, Box::new(SystemNoise), now);
    TlcpStream::new(io, connection).handshake().await
}

/// Calls the server `name` on `io`, perhaps resuming a session of it. `now` in seconds since 1970.
///
/// # Errors
/// When the handshake fails; the alert is written then.
pub async fn connect<Io>(
    io: Io,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    resume: Option<Session>,
    now: u64,
) -> Result<TlcpStream<Io>, HandshakeFault>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let connection = Connection::client(config, name, resume, Box::new(SystemNoise), now);
    TlcpStream::new(io, connection.map_err(HandshakeFault::Protocol)?).handshake().await
}

impl<Io> TlcpStream<Io> {
    const fn new(io: Io, connection: Connection) -> Self {
        Self { io, connection, is_only_farewell: None }
    }

    /// What was agreed, and the peer's certificates.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The stream below.
    pub const fn get_ref(&self) -> &Io {
        &self.io
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> TlcpStream<Io> {
    async fn handshake(mut self) -> Result<Self, HandshakeFault> {
        poll_fn(|context| self.poll_handshake(context)).await?;
        Ok(self)
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<Result<(), HandshakeFault>> {
        loop {
            if let Err(fault) = self.connection.advance() {
                // The alert goes out as far as the peer takes it; the fault is what counts.
                let _ = ready!(self.poll_output(context));
                return Poll::Ready(Err(HandshakeFault::Protocol(fault)));
            }
            ready!(self.poll_output(context)).map_err(HandshakeFault::Stream)?;
            if !self.connection.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_input(context)).map_err(HandshakeFault::Stream)? == 0 {
                let fault = self.connection.ended().err().unwrap_or(TlcpFault::Truncated);
                return Poll::Ready(Err(HandshakeFault::Protocol(fault)));
            }
        }
    }

    /// Reads once and gives the number of bytes: 0 at the end.
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(self.connection.input());
        ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        self.connection.received(count);
        Poll::Ready(Ok(count))
    }

    /// Writes all output and flushes it, if there was any.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.connection.output().is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(context, self.connection.output()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.connection.sent(count),
            }
        }
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        mut send: impl FnMut(&mut Connection) -> Result<usize, TlcpFault>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match send(&mut self.connection) {
                Ok(0) => ready!(self.poll_output(context))?,
                Ok(count) => {
                    // What cannot be written now waits for the next call; the bytes are taken either way.
                    if let Poll::Ready(Err(error)) = self.poll_output(context) {
                        return Poll::Ready(Err(error));
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(fault) => {
                    let _ = self.poll_output(context);
                    return Poll::Ready(Err(told(fault)));
                }
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlcpStream<Io> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            while !this.connection.plain().is_empty() && buffer.remaining() > 0 {
                let plain = this.connection.plain();
                let count = plain.len().min(buffer.remaining());
                buffer.put_slice(&plain[..count]);
                this.connection.consume(count);
                // A fault that comes here is told by the next call: what came before it is right.
                let _ = this.connection.advance();
            }
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let step = this.connection.advance();
            // An answer to what was read (a refusal, an alert) leaves when the stream takes it.
            if !this.connection.output().is_empty() {
                let _ = this.poll_output(context);
            }
            step.map_err(told)?;
            if !this.connection.plain().is_empty() {
                continue;
            }
            if this.connection.is_peer_closed() {
                return Poll::Ready(Ok(()));
            }
            if ready!(this.poll_input(context))? == 0 {
                return Poll::Ready(this.connection.ended().map_err(told));
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlcpStream<Io> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().poll_send(context, |connection| connection.send(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let parts: Vec<&[u8]> =
            slices.iter().map(|slice| &**slice).filter(|part| !part.is_empty()).take(PIECES_MAX).collect();
        if parts.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().poll_send(context, |connection| connection.send_parts(&parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_output(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let is_only_farewell = *this.is_only_farewell.get_or_insert(this.connection.output().is_empty());
        this.connection.close();
        match ready!(this.poll_output(context)) {
            // Who has said farewell need not wait for ours, and nothing else is lost.
            Err(_) if is_only_farewell && this.connection.is_peer_closed() => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) => Pin::new(&mut this.io).poll_shutdown(context),
        }
    }
}

fn told(fault: TlcpFault) -> io::Error {
    let kind = match fault {
        TlcpFault::Truncated => io::ErrorKind::UnexpectedEof,
        TlcpFault::Alerted(_) => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, fault)
}
