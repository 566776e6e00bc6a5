//! One connection: TLS, the HTTP version, then requests until it ends, idles too long or drains.
//!
//! It deliberately leaves hyper's own timers off; see `watched`.

use crate::edge::metrics::{HandshakeOutcome, HandshakeReason, ProtocolLabel};
use crate::edge::server::intake::{self, Origin};
use crate::edge::server::router;
use crate::edge::server::watched::{Activity, Watched};
use crate::edge::server::worker::Shared;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Bound on a request head, in bytes: the dialects' longest signature headers need less than 2 KiB.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Requests at one time over one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// An HTTP/2 peer that is gone without a word is found out by a ping at that interval.
const PING_INTERVAL: Duration = Duration::from_secs(20);

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

/// Serves `stream` to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, shared: Rc<Shared>) {
    // Answers are written whole; waiting for more to send only adds delay. Without it the connection still works.
    let _ = stream.set_nodelay(true);
    let head_by = Instant::now() + shared.settings.header_timeout;
    let Some(slot) = &shared.settings.tls else {
        if let Ok(http2) = timeout_at(head_by, prefers_http2(&stream)).await {
            drive(stream, http2, Caller { peer, certificate_sha256: None, head_by }, shared).await;
        }
        return;
    };
    let protocols = slot.load_full();
    let spoken = Cell::new(ProtocolLabel::Unknown);
    let failed = |reason, cause: &dyn fmt::Display| {
        if let Some(metrics) = &shared.settings.metrics {
            metrics.handshake_failed(peer, spoken.get(), reason, cause);
        }
    };
    let stream = match timeout_at(head_by, router::accept(&protocols, stream, &spoken)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return failed(HandshakeReason::of(&error), &error),
        Err(late) => return failed(HandshakeReason::Timeout, &late),
    };
    if let Some(metrics) = &shared.settings.metrics {
        let is_resumed = stream.is_resumed();
        let outcome = if is_resumed { HandshakeOutcome::Resumed } else { HandshakeOutcome::Full };
        metrics.handshake_ended(spoken.get(), outcome);
    }
    let http2 = stream.is_http2();
    let caller = Caller { peer, certificate_sha256: stream.certificate_sha256(), head_by };
    drive(stream, http2, caller, shared).await;
}

struct Caller {
    peer: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    head_by: Instant,
}

/// True when the first bytes are those of HTTP/2 by prior knowledge. Every client sends its preface in one write.
async fn prefers_http2(stream: &TcpStream) -> bool {
    let mut first = [0; 3];
    matches!(stream.peek(&mut first).await, Ok(3)) && &first == b"PRI"
}

async fn drive<S>(stream: S, http2: bool, caller: Caller, shared: Rc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Activity::new();
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&activity)));
    let origin = Rc::new(Origin {
        shared: Rc::clone(&shared),
        activity: Rc::clone(&activity),
        peer: caller.peer,
        certificate_sha256: caller.certificate_sha256,
    });
    let service = service_fn(move |request: Request<Incoming>| intake::take(Rc::clone(&origin), request));
    if http2 {
        let connection = http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .serve_connection(io, service);
        run(connection, &activity, &shared, true, caller.head_by).await;
    } else {
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES_MAX)
            // With it, hyper closes without flushing when unread bytes are left, and the answer is lost.
            .pipeline_flush(false)
            .serve_connection(io, service);
        run(connection, &activity, &shared, false, caller.head_by).await;
    }
}

/// What the connection's only timer stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The rest of the request head with that running number.
    Head(u64),
    /// Anything at all. The timer may stand too early; when it fires the true moment is worked out.
    Anything,
}

/// Polls the connection, and looks at the timer only when it fires or when half a request head is waiting: a request
/// that arrives in one piece touches no timer.
async fn run<C: GracefulConnection>(
    connection: C,
    activity: &Activity,
    shared: &Shared,
    http2: bool,
    head_by: Instant,
) {
    let settings = &shared.settings;
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(head_by));
    let mut timer_polled = false;
    let mut awaiting = Awaiting::Head(0);
    let mut bell = pin!(shared.drain_bell.notified());
    let mut bell_polled = false;
    let mut leaving = false;
    poll_fn(|cx| {
        loop {
            if shared.draining.get() && !leaving {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !bell_polled {
                bell_polled = true;
                if bell.as_mut().poll(cx).is_ready() {
                    continue;
                }
            }
            let requests = activity.requests();
            let half_a_head = activity.is_idle() && (requests == 0 || !http2 && activity.bytes_seen());
            if !half_a_head {
                awaiting = Awaiting::Anything;
            } else if awaiting != Awaiting::Head(requests) {
                awaiting = Awaiting::Head(requests);
                timer.as_mut().reset(Instant::now() + settings.header_timeout);
                timer_polled = false;
            }
            if timer_polled && !timer.is_elapsed() {
                return Poll::Pending;
            }
            timer_polled = true;
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            timer_polled = false;
            let now = Instant::now();
            let idle_at = activity.last_write() + settings.idle_timeout;
            if matches!(awaiting, Awaiting::Head(_)) {
                return Poll::Ready(());
            } else if !activity.is_idle() {
                timer.as_mut().reset(now + settings.idle_timeout);
            } else if idle_at > now {
                timer.as_mut().reset(idle_at);
            } else if leaving {
                return Poll::Ready(());
            } else {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                timer.as_mut().reset(now + settings.header_timeout);
            }
        }
    })
    .await;
}
