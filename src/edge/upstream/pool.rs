//! The connections of one worker thread to one system, and the one way to send over them.
//!
//! It deliberately shares nothing with other threads but the breaker: no lock, no wake-up across cores.

use crate::edge::upstream::breaker::Breaker;
use crate::edge::upstream::connect::{self, Line, Link};
use crate::edge::upstream::refusal::Refusal;
use crate::edge::upstream::{Failure, NotDelivered, Outbound, Reply, Settings, Unknown};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

/// Connections of one worker to one system. A clone is the same pool.
///
/// To be used inside a `LocalSet` or local runtime: connections run as local tasks.
#[derive(Clone)]
pub struct Pool(Rc<Inner>);

struct Inner {
    settings: Settings,
    host: HeaderValue,
    breaker: Arc<Breaker>,
    /// One place per HTTP/1 connection in use.
    places: Semaphore,
    /// Newest last. Kept connections plus places taken never exceed `connections_max`.
    idle: RefCell<Vec<Idle>>,
    sweeping: Cell<bool>,
    shared: RefCell<Option<Http2>>,
    /// Held while the shared HTTP/2 connection is being made, so that it is made once.
    connecting: Mutex<()>,
}

struct Idle {
    line: Http1,
    since: Instant,
}

type Http1 = Line<http1::SendRequest<Full<Bytes>>>;
type Http2 = Line<http2::SendRequest<Full<Bytes>>>;
type Sent = Result<Response<Incoming>, (hyper::Error, Option<Request<Full<Bytes>>>)>;

impl Pool {
    /// An empty pool; nothing is connected before the first request.
    pub fn new(settings: Settings, breaker: Arc<Breaker>) -> Self {
        let host =
            HeaderValue::from_str(settings.authority.as_str()).unwrap_or_else(|_| HeaderValue::from_static("invalid")); // an authority is always a field value
        let places = Semaphore::new(settings.connections_max);
        Self(Rc::new(Inner {
            settings,
            host,
            breaker,
            places,
            idle: RefCell::default(),
            sweeping: Cell::new(false),
            shared: RefCell::default(),
            connecting: Mutex::new(()),
        }))
    }

    /// Sends once and reads the whole answer within `deadline`, connecting included.
    ///
    /// # Errors
    /// [`Failure::NotDelivered`] only when surely not a byte of the request was written, else [`Failure::Unknown`].
    pub async fn send(&self, outbound: Outbound, deadline: Duration) -> Result<Reply, Failure> {
        let inner = &self.0;
        let permission = inner
            .breaker
            .admit()
            .map_err(|retry_after_seconds| Failure::NotDelivered(NotDelivered::BreakerOpen { retry_after_seconds }))?;
        let handed_over = Cell::new(false);
        let outcome = match timeout(deadline, inner.exchange(outbound, &handed_over)).await {
            Ok(outcome) => outcome,
            Err(_) if handed_over.get() => Err(Failure::Unknown(Unknown::DeadlinePassed)),
            Err(_) => Err(Failure::NotDelivered(NotDelivered::ConnectTimeout)),
        };
        if let Some(well) = speaks_well(&outcome)
            && inner.breaker.report(permission, well)
        {
            tracing::warn!(system = %inner.settings.name, open = !well, "circuit breaker moved");
        }
        outcome
    }
}

/// What an outcome says about the other system's health; `None` where it says nothing.
fn speaks_well(outcome: &Result<Reply, Failure>) -> Option<bool> {
    match outcome {
        Ok(reply) => Some(!reply.status.is_server_error()),
        Err(Failure::Unknown(Unknown::AnswerTooLarge { .. })) => Some(true),
        Err(Failure::NotDelivered(
            NotDelivered::PoolFull | NotDelivered::RequestInvalid | NotDelivered::BreakerOpen { .. },
        )) => None,
        Err(_) => Some(false),
    }
}

impl Inner {
    async fn exchange(self: &Rc<Self>, outbound: Outbound, handed_over: &Cell<bool>) -> Result<Reply, Failure> {
        if self.settings.http2
            && let Some(line) = self.shared_link().await?
        {
            return self.over_http2(line, outbound, handed_over).await;
        }
        let _place = timeout(self.settings.connect_timeout, self.places.acquire())
            .await
            .map_err(|_| Failure::NotDelivered(NotDelivered::PoolFull))?;
        let mut request = self.request(outbound, false)?;
        if let Some(mut line) = self.kept().await {
            handed_over.set(true);
            match try_http1(&mut line.sender, request).await {
                Ok(response) => return self.finish(line, response).await,
                Err((_, Some(untouched))) => request = untouched,
                Err((error, None)) => return Err(self.failed(&error, &line.refusal)),
            }
            handed_over.set(false);
        }
        let mut line = match self.connect().await? {
            Link::Http1(line) => line,
            // Only reached when a peer changes its mind about ALPN between two connections.
            Link::Http2(_) => return Err(Failure::NotDelivered(NotDelivered::ConnectFailed)),
        };
        handed_over.set(true);
        match try_http1(&mut line.sender, request).await {
            Ok(response) => self.finish(line, response).await,
            Err((_, Some(_))) if line.refusal.alert().is_none() => {
                Err(Failure::NotDelivered(NotDelivered::ConnectFailed))
            }
            Err((error, _)) => Err(self.failed(&error, &line.refusal)),
        }
    }

    async fn over_http2(
        &self,
        mut line: Http2,
        outbound: Outbound,
        handed_over: &Cell<bool>,
    ) -> Result<Reply, Failure> {
        let mut request = self.request(outbound, true)?;
        for attempt in 0..2 {
            handed_over.set(true);
            let sent: Sent = line.sender.try_send_request(request).await.map_err(|mut error| {
                let untouched = error.take_message();
                (error.into_error(), untouched)
            });
            match sent {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = read(body, self.settings.answer_bytes_max).await.map_err(Failure::Unknown)?;
                    return Ok(Reply { status: head.status, headers: head.headers, body });
                }
                Err((_, Some(untouched))) if line.refusal.alert().is_none() => request = untouched,
                Err((error, _)) => return Err(self.failed(&error, &line.refusal)),
            }
            handed_over.set(false);
            self.shared.borrow_mut().take();
            if attempt == 0 {
                match self.shared_link().await? {
                    Some(fresh) => line = fresh,
                    None => break,
                }
            }
        }
        Err(Failure::NotDelivered(NotDelivered::ConnectFailed))
    }

    /// The shared HTTP/2 connection, made where there is none; `None` when the other side chose HTTP/1, whose
    /// connection then waits among the kept ones.
    async fn shared_link(&self) -> Result<Option<Http2>, Failure> {
        let alive = || self.shared.borrow().as_ref().filter(|line| !line.sender.is_closed()).cloned();
        if let Some(line) = alive() {
            return Ok(Some(line));
        }
        if !self.idle.borrow().is_empty() {
            return Ok(None);
        }
        let _turn = self.connecting.lock().await;
        if let Some(line) = alive() {
            return Ok(Some(line));
        }
        match self.connect().await? {
            Link::Http2(line) => {
                *self.shared.borrow_mut() = Some(line.clone());
                Ok(Some(line))
            }
            Link::Http1(line) => {
                self.idle.borrow_mut().push(Idle { line, since: Instant::now() });
                Ok(None)
            }
        }
    }

    async fn connect(&self) -> Result<Link, Failure> {
        // In a box of its own: a handshake takes kilobytes, which every exchange would have to carry about otherwise.
        let connecting = Box::pin(connect::connect(&self.settings));
        match timeout(self.settings.connect_timeout, connecting).await {
            Ok(link) => link.map_err(Failure::NotDelivered),
            Err(_) => Err(Failure::NotDelivered(NotDelivered::ConnectTimeout)),
        }
    }

    /// The newest kept connection that is still open and within the idle time.
    async fn kept(&self) -> Option<Http1> {
        loop {
            let Idle { mut line, since } = self.idle.borrow_mut().pop()?;
            if since.elapsed() >= self.settings.idle_timeout {
                // All others are older.
                self.idle.borrow_mut().clear();
                return None;
            }
            if line.sender.ready().await.is_ok() {
                return Some(line);
            }
        }
    }

    /// Reads the answer, then keeps the connection. Where the answer is cut short or too large, dropping the sender
    /// and the half-read body closes it.
    async fn finish(self: &Rc<Self>, line: Http1, response: Response<Incoming>) -> Result<Reply, Failure> {
        let (head, body) = response.into_parts();
        let body = read(body, self.settings.answer_bytes_max).await.map_err(Failure::Unknown)?;
        if !line.sender.is_closed() {
            self.idle.borrow_mut().push(Idle { line, since: Instant::now() });
            if !self.sweeping.replace(true) {
                tokio::task::spawn_local(sweep(Rc::downgrade(self), self.settings.idle_timeout));
            }
        }
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    /// What a request is told that was sent, or begun, and got no answer.
    fn failed(&self, error: &hyper::Error, refusal: &Refusal) -> Failure {
        let Some(alert) = refusal.alert() else { return Failure::Unknown(lost(error)) };
        tracing::warn!(system = %self.settings.name, ?alert, "the other system refused our certificate");
        Failure::NotDelivered(NotDelivered::TlsFailed)
    }

    fn request(&self, outbound: Outbound, http2: bool) -> Result<Request<Full<Bytes>>, Failure> {
        let invalid = Failure::NotDelivered(NotDelivered::RequestInvalid);
        let Outbound { method, path, mut headers, body } = outbound;
        let path = PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(|_| invalid)?;
        // Framing is the pool's: a foreign length or connection field would break it.
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let uri = if http2 {
            headers.remove(HOST);
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(if self.settings.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP });
            parts.authority = Some(self.settings.authority.clone());
            parts.path_and_query = Some(path);
            Uri::from_parts(parts).map_err(|_| invalid)?
        } else {
            headers.insert(HOST, self.host.clone());
            Uri::from(path)
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

async fn try_http1(sender: &mut http1::SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Sent {
    sender.try_send_request(request).await.map_err(|mut error| {
        let untouched = error.take_message();
        (error.into_error(), untouched)
    })
}

/// Closes kept connections as they come of age; ends when none is left.
async fn sweep(pool: Weak<Inner>, idle_timeout: Duration) {
    loop {
        let next = {
            let Some(inner) = pool.upgrade() else { return };
            let mut idle = inner.idle.borrow_mut();
            idle.retain(|kept| !kept.line.sender.is_closed() && kept.since.elapsed() < idle_timeout);
            let Some(oldest) = idle.first() else {
                inner.sweeping.set(false);
                return;
            };
            oldest.since + idle_timeout
        };
        tokio::time::sleep_until(next).await;
    }
}

/// The whole body, at most `limit` bytes. One piece, the usual case, is not copied.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Unknown> {
    let too_large = Unknown::AnswerTooLarge { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| lost(&error))?.into_data() else { continue };
        if whole.len() + pieces.len() + data.len() > limit {
            return Err(too_large);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = data;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&data);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// An answer that is not HTTP, or none at all.
fn lost(error: &hyper::Error) -> Unknown {
    let invalid = |error: &(dyn Error + 'static)| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput))
    };
    if error.is_parse() || error.source().is_some_and(invalid) { Unknown::BadHttp } else { Unknown::ConnectionLost }
}
