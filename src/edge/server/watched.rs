//! A stream that notes what happens on it, for the timers of its connection, and that closes politely.
//!
//! It deliberately keeps no timer of its own while a connection works: per request it costs one reading of the clock.
//! (hyper's own header timeout arms a new timer for every request and also runs while a kept connection is idle.)

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// After a body was refused unread, what the caller still sends is read and thrown away for that long at most …
const LINGER: Duration = Duration::from_secs(2);
/// … and that far at most: closing on unread bytes would reset the connection and often destroy the answer.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// What happened on one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// Requests of which the answer is not yet handed to hyper.
    in_hand: Cell<usize>,
    /// Requests so far.
    requests: Cell<u64>,
    /// Bytes came in since the last request head was complete.
    bytes_seen: Cell<bool>,
    last_write: Cell<Instant>,
    body_refused: Cell<bool>,
}

impl Activity {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            in_hand: Cell::new(0),
            requests: Cell::new(0),
            bytes_seen: Cell::new(false),
            last_write: Cell::new(Instant::now()),
            body_refused: Cell::new(false),
        })
    }

    /// A request head is complete; the guard lasts until its answer is handed over or given up.
    pub(super) fn begin(self: &Rc<Self>) -> InHand {
        self.in_hand.set(self.in_hand.get() + 1);
        self.requests.set(self.requests.get() + 1);
        self.bytes_seen.set(false);
        InHand(Rc::clone(self))
    }

    pub(super) fn refuse_body(&self) {
        self.body_refused.set(true);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_hand.get() == 0
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.get()
    }

    pub(super) fn bytes_seen(&self) -> bool {
        self.bytes_seen.get()
    }

    pub(super) fn last_write(&self) -> Instant {
        self.last_write.get()
    }
}

/// One request in hand on its connection.
pub(super) struct InHand(Rc<Activity>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.set(self.0.in_hand.get() - 1);
        // What came in until now was this request's body.
        self.0.bytes_seen.set(false);
    }
}

/// See the module comment.
pub(super) struct Watched<S> {
    stream: S,
    activity: Rc<Activity>,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, activity: Rc<Activity>) -> Self {
        Self { stream, activity, linger: None }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.activity.last_write.set(Instant::now());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready() {
            self.activity.bytes_seen.set(true);
        }
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.activity.body_refused.get() {
                return Poll::Ready(Ok(()));
            }
        }
        let (until, discarded) = this.linger.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), 0));
        let mut scratch = [0; 16 * 1024];
        while *discarded < LINGER_BYTES_MAX && until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                length => *discarded += length,
            }
        }
        Poll::Ready(Ok(()))
    }
}
