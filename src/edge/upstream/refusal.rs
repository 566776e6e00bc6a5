//! Whether a peer refused us after the handshake seemed over.
//!
//! A client of TLS 1.3 is done before the server has looked at its certificate (RFC 8446, section 2), so a refusal comes
//! when the request has left already. A server that refuses a certificate has read nothing of the request: what lies
//! under the keys of the connection is read after the client's Finished only, which comes after its certificate. So a
//! fatal alert about our certificate, before anything else was heard, says that surely nothing arrived. Whatever else
//! ends a connection says nothing of the kind, and neither does such an alert later, or in TLS 1.2, where a server may
//! ask for a certificate when it has read the request.

use rustls::{AlertDescription, Error};
use std::cell::Cell;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was heard of the peer so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// An answer, or an end that is no refusal.
    Something,
    Refusal(AlertDescription),
}

/// Tells of a connection whether the peer refused us; a clone tells of the same.
#[derive(Clone, Debug)]
pub(super) struct Refusal(Rc<Cell<Heard>>);

impl Refusal {
    /// Of a connection on which a refusal may still come.
    pub(super) fn expected() -> Self {
        Self(Rc::new(Cell::new(Heard::Nothing)))
    }

    /// Of any other.
    pub(super) fn settled() -> Self {
        Self(Rc::new(Cell::new(Heard::Something)))
    }

    /// The alert with which the peer refused us.
    pub(super) fn alert(&self) -> Option<AlertDescription> {
        match self.0.get() {
            Heard::Refusal(alert) => Some(alert),
            Heard::Nothing | Heard::Something => None,
        }
    }

    fn is_expected(&self) -> bool {
        self.0.get() == Heard::Nothing
    }

    /// Something was read, or reading failed.
    fn hear(&self, read: Result<usize, &io::Error>) {
        if !self.is_expected() {
            return;
        }
        let alert = match read {
            Ok(0) => return,
            Ok(_) => None,
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(Error::AlertReceived(alert)) if speaks_of_certificates(*alert) => Some(*alert),
                _ => None,
            },
        };
        self.0.set(alert.map_or(Heard::Something, Heard::Refusal));
    }
}

/// Alerts about a certificate (RFC 8446, section 6.2).
const fn speaks_of_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

/// A stream that listens for a refusal.
pub(super) struct Attentive<S> {
    stream: S,
    refusal: Refusal,
}

impl<S> Attentive<S> {
    pub(super) const fn new(stream: S, refusal: Refusal) -> Self {
        Self { stream, refusal }
    }
}

impl<S: AsyncRead + Unpin> Attentive<S> {
    /// A peer that refuses us closes the connection, so writing may fail before its alert was read.
    fn listen<T>(&mut self, written: &Poll<io::Result<T>>, context: &mut Context<'_>) {
        if matches!(written, Poll::Ready(Err(_))) && self.refusal.is_expected() {
            let mut byte = [0];
            // Where there is a byte, it is lost with the connection: it is told no more than that there was one.
            let _ = Pin::new(self).poll_read(context, &mut ReadBuf::new(&mut byte));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Attentive<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Poll::Ready(read) = &polled {
            this.refusal.hear(read.as_ref().map(|()| buffer.filled().len() - before));
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Attentive<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.listen(&written, context);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.listen(&written, context);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.listen(&flushed, context);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Gives what it was told to, then its end; writing fails.
    struct Told(VecDeque<Result<Vec<u8>, AlertDescription>>);

    impl AsyncRead for Told {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            match self.get_mut().0.pop_front() {
                Some(Ok(bytes)) => buffer.put_slice(&bytes),
                Some(Err(alert)) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert))));
                }
                None => {}
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Told {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn only_an_alert_about_our_certificate_that_comes_first_is_a_refusal() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let unknown = AlertDescription::UnknownCA;
        for (heard, refusal, alert) in [
            (vec![Err(unknown)], Refusal::expected(), Some(unknown)),
            (vec![Err(AlertDescription::InternalError), Err(unknown)], Refusal::expected(), None),
            (vec![Err(AlertDescription::HandshakeFailure)], Refusal::expected(), None),
            (vec![Ok(b"H".to_vec()), Err(unknown)], Refusal::expected(), None),
            (vec![Err(unknown)], Refusal::settled(), None),
            (vec![], Refusal::expected(), None),
        ] {
            for is_written in [false, true] {
                let refusal = if refusal.is_expected() { Refusal::expected() } else { Refusal::settled() };
                let mut stream = Attentive::new(Told(heard.clone().into()), refusal.clone());
                runtime.block_on(async {
                    if is_written {
                        stream.write_all(b"request").await.unwrap_err();
                    }
                    for _ in 0..2 {
                        let _ = stream.read(&mut [0; 8]).await;
                    }
                });
                assert_eq!(refusal.alert(), alert, "{heard:?}");
            }
        }
    }
}
