//! From a request head to an answer: read the body within its limits, then ask the handler, as a task of its own.
//!
//! It deliberately answers nothing itself but a panic; every other fault is the handler's to put into words.

use crate::domain::fault::Fault;
use crate::edge::server::connection::HEAD_BYTES_MAX;
use crate::edge::server::watched::Activity;
use crate::edge::server::worker::{HeldBytes, Shared};
use crate::edge::server::{Answer, Arrived, Head, SMALL_BODY_BYTES};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::time::timeout;

/// What all requests of one connection share.
pub(super) struct Origin {
    pub(super) shared: Rc<Shared>,
    pub(super) activity: Rc<Activity>,
    pub(super) peer: SocketAddr,
    pub(super) certificate_sha256: Option<[u8; 32]>,
}

/// Takes one request in. Dropping the returned future, as hyper does when the caller leaves, leaves the exchange
/// running.
pub(super) fn take(
    origin: Rc<Origin>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> {
    let in_hand = origin.activity.begin();
    let task = tokio::task::spawn_local(exchange(origin, request));
    async move {
        let answer = task.await.unwrap_or_else(|_| after_panic());
        drop(in_hand);
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        // The length is hyper's to write; a foreign one would break the framing.
        response.headers_mut().remove(CONTENT_LENGTH);
        Ok(response)
    }
}

async fn exchange(origin: Rc<Origin>, request: Request<Incoming>) -> Answer {
    let shared = &origin.shared;
    let entered = shared.enter_exchange();
    let received_at = shared.settings.clock.now();
    let (head, body) = request.into_parts();
    let mut held = None;
    let look = Head { uri: &head.uri, headers: &head.headers, certificate_sha256: origin.certificate_sha256.as_ref() };
    let body = if entered.over_limit {
        Err(Fault::Overloaded)
    } else if head_bytes(look) > HEAD_BYTES_MAX {
        // hyper bounds its buffer, which may hold somewhat more.
        Err(Fault::LimitExceeded { what: "请求头字节数", limit: HEAD_BYTES_MAX })
    } else if !is_small(&body)
        && let Err(fault) = shared.handler.before_body(look)
    {
        Err(fault)
    } else {
        read(body, shared, &mut held).await
    };
    if body.is_err() {
        origin.activity.refuse_body();
    }
    let arrived = Arrived {
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
        peer: origin.peer,
        certificate_sha256: origin.certificate_sha256,
        received_at,
    };
    let answer = Rc::clone(&shared.handler).handle(arrived).await;
    drop(held);
    answer
}

/// Bytes of a request head, as HTTP/1.1 writes it.
fn head_bytes(head: Head<'_>) -> usize {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + target
}

/// A body that is known to be small costs next to nothing, whoever sends it.
fn is_small(body: &Incoming) -> bool {
    body.size_hint().upper().is_some_and(|upper| upper <= SMALL_BODY_BYTES as u64)
}

/// The whole body, within its limits of size and time. One piece, the usual case, is not copied.
async fn read(body: Incoming, shared: &Rc<Shared>, held: &mut Option<HeldBytes>) -> Result<Bytes, Fault> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit = shared.settings.body_bytes_max;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    // No timer is armed where the whole body came along with the head.
    let whole = timeout(shared.settings.body_timeout, collect(body, shared, held)).await;
    whole.unwrap_or(Err(Fault::BodyTimeout))
}

async fn collect(mut body: Incoming, shared: &Rc<Shared>, held: &mut Option<HeldBytes>) -> Result<Bytes, Fault> {
    let limit = shared.settings.body_bytes_max;
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
        if whole.len() + pieces.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        // What came so far is counted once it is no small body any more, then piece by piece.
        let before = whole.len() + pieces.len();
        let counted = if before > SMALL_BODY_BYTES { before } else { 0 };
        let after = before + data.len();
        if after > SMALL_BODY_BYTES && !shared.hold_bytes(held, after - counted) {
            return Err(Fault::Overloaded);
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

const fn too_large(limit: usize) -> Fault {
    Fault::LimitExceeded { what: "正文字节数", limit }
}

fn broken(error: &hyper::Error) -> Fault {
    let badly_framed = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput));
    if badly_framed {
        Fault::Malformed { format: "HTTP", offset: 0, reason: "分块传输的格式不对" }
    } else {
        Fault::BodyIncomplete
    }
}

/// The panic itself was told on standard error by the panic hook; no detail of it goes outside.
fn after_panic() -> Answer {
    tracing::error!("an exchange ended by a panic");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let body = Bytes::from(Fault::Internal { reason: "panic" }.window_text());
    Answer { status: StatusCode::INTERNAL_SERVER_ERROR, headers, body }
}
