//! The HTTP side of a pretend system: read a request, let the system answer, do what concerns the connection.
//!
//! It deliberately speaks only plain HTTP/1.1, and listens only where it is told (loopback).

use crate::edge::pretend::behaviour::Behaviour;
use crate::edge::pretend::behaviour::early_cut_needles;
use crate::edge::pretend::world::Received;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use memchr::memmem;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

/// A request body, at most.
const BODY_BYTES_MAX: usize = 32 << 20;

/// One system: its name and how it answers.
#[derive(Clone, Copy)]
pub struct System {
    pub name: &'static str,
    pub turn: fn(&Request, &World) -> Turn,
}

/// Closes the connection without an answer.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the message asked for the connection to be closed")
    }
}

impl std::error::Error for Closed {}

/// Accepts connections until the runtime ends.
pub async fn listen(listener: TcpListener, system: System, world: Arc<World>) {
    let needles: Arc<[Vec<u8>]> = early_cut_needles().into();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, system, Arc::clone(&world), Arc::clone(&needles)));
            }
            // No descriptor left, most likely: wait for some to be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, system: System, world: Arc<World>, needles: Arc<[Vec<u8>]>) {
    // Without it small answers wait for the peer's acknowledgement; a failure only costs time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (world, needles) = (Arc::clone(&world), Arc::clone(&needles));
        async move { exchange(request, system, &world, &needles).await }
    });
    // An error here is the peer's going away, or one that a message asked for.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn exchange(
    request: http::Request<Incoming>,
    system: System,
    world: &World,
    needles: &[Vec<u8>],
) -> Result<Response<Full<Bytes>>, Closed> {
    let (parts, body) = request.into_parts();
    let Some(body) = read(body, needles).await? else {
        let text = "请求体超过模拟系统的上限".as_bytes().to_vec();
        return Ok(response(Reply { status: 413, content_type: "text/plain;charset=UTF-8", bytes: text }));
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let request = Request { method: parts.method, path, headers: parts.headers, body };
    let Turn { key, behaviour, reply } = (system.turn)(&request, world);
    world.note(Received { system: system.name, key, bytes: request.body });
    match behaviour {
        Behaviour::Cut | Behaviour::CutEarly => return Err(Closed),
        Behaviour::Slow(delay) => tokio::time::sleep(delay).await,
        Behaviour::Garbage => {
            return Ok(response(Reply { bytes: b"\x81\xFF\x00<\xFE{\x1F\x8B\xFF".to_vec(), ..reply }));
        }
        Behaviour::Status500 => {
            let page = "<html><body><h1>500</h1><p>系统内部错误，请联系管理员</p></body></html>";
            let bytes = page.as_bytes().to_vec();
            return Ok(response(Reply { status: 500, content_type: "text/html;charset=UTF-8", bytes }));
        }
        _ => {}
    }
    Ok(response(reply))
}

/// The body, or `None` when it is too large; closes the connection as soon as the marker 断开前 has arrived.
async fn read(mut body: Incoming, needles: &[Vec<u8>]) -> Result<Option<Bytes>, Closed> {
    let longest = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Closed) };
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        let fresh = read.len().saturating_sub(longest);
        read.extend_from_slice(&data);
        if needles.iter().any(|needle| memmem::find(&read[fresh..], needle).is_some()) {
            return Err(Closed);
        }
    }
    Ok(Some(read.freeze()))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.bytes)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}
