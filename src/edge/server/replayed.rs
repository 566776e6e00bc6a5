//! A stream whose first bytes were read to see what it is, and are read again by whom it is for.
//!
//! A peek at the socket would not do: it does not wait for the third byte once the first is there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes that tell TLCP from TLS: the record's type and version.
pub(super) const HEAD_BYTES: usize = 3;

#[derive(Debug)]
pub(super) struct Replayed<S> {
    head: [u8; HEAD_BYTES],
    /// How many bytes of the head were read again.
    given: usize,
    stream: S,
}

impl<S: AsyncRead + Unpin> Replayed<S> {
    /// Waits for the first bytes.
    pub(super) async fn after_head(mut stream: S) -> io::Result<Self> {
        let mut head = [0; HEAD_BYTES];
        stream.read_exact(&mut head).await?;
        Ok(Self { head, given: 0, stream })
    }

    pub(super) const fn head(&self) -> [u8; HEAD_BYTES] {
        self.head
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < HEAD_BYTES {
            let rest = &this.head[this.given..];
            let length = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..length]);
            this.given += length;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
