//! The admin listener: is it alive, is it ready, what does it count, take the configuration anew.
//!
//! It deliberately checks no identity (it listens on an address of its own that only the ops network reaches) and says
//! nothing about the other city: a neighbour's fault must not take this gateway out of service.
//!
//! | route | answer |
//! | --- | --- |
//! | `GET /livez` | 200 while the process turns over |
//! | `GET /readyz` | 200 when every check is well, else 503; one line per check |
//! | `GET /healthz` | the same as JSON, for people and dashboards |
//! | `GET /metrics` | Prometheus text format |
//! | `GET /v1/drift` | codes and members that the mapping files do not know, counted, as JSON |
//! | `GET /v1/ledger/unknown` | entries of unknown outcome that nobody has resolved, as JSON |
//! | `POST /v1/ledger/resolve` | what somebody found out of one: 200, or 422 and why not |
//! | `POST /v1/reload` | 200 and what was taken, or 422 and all problems; the old configuration stays then |
//!
//! `HEAD` is answered like `GET`, without the body. Other methods get 405, other paths 404.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// Time for a request head, and for an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections at one time: a few scrapers and probes, and some people.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of what is posted.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// One condition of being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Short stable name, such as `ledger`.
    pub name: &'static str,
    /// Why not, in Chinese, with what to do.
    pub outcome: Result<(), String>,
}

/// What the admin listener can ask of the rest. Methods are called on the admin thread; [`Operations::reload`] on a
/// thread of its own, one at a time.
pub trait Operations: Send + Sync + 'static {
    /// The conditions of being ready. Only this gateway's own: ledger, configuration, draining.
    fn checks(&self) -> Vec<Check>;

    /// The metrics in Prometheus text format.
    fn metrics(&self) -> String;

    /// What came in that the mapping files do not know, as JSON.
    fn drift(&self) -> String;

    /// Entries of unknown outcome that wait for somebody, as JSON, or why not. It may wait for a write.
    fn unknown(&self) -> Result<String, String>;

    /// Writes what somebody found out of such an entry, or why not. It waits for the disk.
    fn resolve(&self, body: &[u8]) -> Result<String, String>;

    /// Reads the configuration and mappings anew, all or nothing: a summary of what was taken, or all problems.
    fn reload(&self) -> Result<String, Vec<String>>;
}

/// The running admin listener. Dropping it closes the listener.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Listens on `address` with one thread.
    ///
    /// # Errors
    /// When the address cannot be bound or the thread not be made.
    pub fn start(address: SocketAddr, operations: Arc<dyn Operations>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread();
        let thread = std::thread::Builder::new().name("admin".into()).spawn(move || {
            if let Err(error) = run(runtime, listener, &operations, stopped) {
                tracing::error!(%error, "admin listener ended");
            }
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that is listened on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was told on standard error.
            let _ = thread.join();
        }
    }
}

fn run(
    mut builder: Builder,
    listener: TcpListener,
    operations: &Arc<dyn Operations>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = builder.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            _ = stopped => {}
            () = accept(&listener, operations) => {}
        }
        Ok(())
    })
}

async fn accept(listener: &tokio::net::TcpListener, operations: &Arc<dyn Operations>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let reloading = Arc::new(Semaphore::new(1));
    loop {
        // Ours is never closed, so there is always a place in the end.
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (operations, reloading) = (Arc::clone(operations), Arc::clone(&reloading));
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let (operations, reloading) = (Arc::clone(&operations), Arc::clone(&reloading));
                async move { Ok::<_, Infallible>(answer(request, operations, reloading).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // How a scraper's connection ends is of no interest.
            let _ = connection.await;
            drop(place);
        });
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

async fn answer(
    request: Request<Incoming>,
    operations: Arc<dyn Operations>,
    reloading: Arc<Semaphore>,
) -> Response<Full<Bytes>> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/livez" | "/readyz" | "/healthz" | "/metrics" | "/v1/drift" | "/v1/ledger/unknown" if !reads => {
            not_allowed("GET, HEAD")
        }
        "/livez" => respond(StatusCode::OK, TEXT, "运行中\n".into()),
        "/readyz" => {
            let checks = operations.checks();
            respond(status_of(&checks), TEXT, checks.iter().map(line).collect())
        }
        "/healthz" => {
            let checks = operations.checks();
            respond(status_of(&checks), JSON, health(&checks))
        }
        "/metrics" => respond(StatusCode::OK, METRICS, operations.metrics()),
        "/v1/drift" => respond(StatusCode::OK, JSON, operations.drift()),
        "/v1/ledger/unknown" => apart(move || operations.unknown()).await,
        "/v1/reload" | "/v1/ledger/resolve" if request.method() != Method::POST => not_allowed("POST"),
        "/v1/ledger/resolve" => {
            let body = timeout(HEADER_TIMEOUT, Limited::new(request.into_body(), BODY_BYTES_MAX).collect()).await;
            match body {
                Ok(Ok(body)) => apart(move || operations.resolve(&body.to_bytes())).await,
                _ => refused("内容没有收全或太长"),
            }
        }
        "/v1/reload" => reload(operations, &reloading).await,
        _ => respond(StatusCode::NOT_FOUND, TEXT, "没有这个地址\n".into()),
    }
}

/// Asks on a thread of its own what may wait for the disk.
async fn apart(ask: impl FnOnce() -> Result<String, String> + Send + 'static) -> Response<Full<Bytes>> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(body)) => respond(StatusCode::OK, JSON, body),
        Ok(Err(reason)) => refused(&reason),
        Err(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "程序出错，详见日志\n".into()),
    }
}

fn refused(reason: &str) -> Response<Full<Bytes>> {
    respond(StatusCode::UNPROCESSABLE_ENTITY, JSON, json!({ "error": reason }).to_string())
}

async fn reload(operations: Arc<dyn Operations>, reloading: &Semaphore) -> Response<Full<Bytes>> {
    // Ours is never closed. A second reload waits for the first, then sees what is on disk by then.
    let _turn = reloading.acquire().await;
    match tokio::task::spawn_blocking(move || operations.reload()).await {
        Ok(Ok(summary)) => respond(StatusCode::OK, JSON, json!({"reloaded": true, "summary": summary}).to_string()),
        Ok(Err(problems)) => {
            let body = json!({"reloaded": false, "problems": problems, "hint": "原配置继续使用，请更正后再次重载"});
            respond(StatusCode::UNPROCESSABLE_ENTITY, JSON, body.to_string())
        }
        Err(_) => {
            let body = json!({"reloaded": false, "problems": ["重载时程序出错，详见日志"], "hint": "原配置继续使用"});
            respond(StatusCode::INTERNAL_SERVER_ERROR, JSON, body.to_string())
        }
    }
}

fn status_of(checks: &[Check]) -> StatusCode {
    if checks.iter().all(|check| check.outcome.is_ok()) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn line(check: &Check) -> String {
    match &check.outcome {
        Ok(()) => format!("[正常] {}\n", check.name),
        Err(reason) => format!("[异常] {}：{reason}\n", check.name),
    }
}

fn health(checks: &[Check]) -> String {
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({"name": check.name, "ok": check.outcome.is_ok(), "reason": check.outcome.as_ref().err()}))
        .collect();
    json!({"ready": status_of(checks) == StatusCode::OK, "checks": list}).to_string()
}

fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("请使用 {allowed}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake {
        broken: Mutex<bool>,
    }

    impl Operations for Fake {
        fn checks(&self) -> Vec<Check> {
            let broken = *self.broken.lock().unwrap();
            let ledger = if broken { Err("台账不可写，请检查磁盘".to_owned()) } else { Ok(()) };
            vec![Check { name: "config", outcome: Ok(()) }, Check { name: "ledger", outcome: ledger }]
        }

        fn metrics(&self) -> String {
            "jingyue_connections 1\n".into()
        }

        fn unknown(&self) -> Result<String, String> {
            Ok(r#"{"entries":[]}"#.into())
        }

        fn resolve(&self, body: &[u8]) -> Result<String, String> {
            Err(format!("{} 字节", body.len()))
        }

        fn drift(&self) -> String {
            r#"{"codes":[]}"#.into()
        }

        fn reload(&self) -> Result<String, Vec<String>> {
            let mut broken = self.broken.lock().unwrap();
            *broken = !*broken;
            if *broken { Err(vec!["jingyue.toml:1:1 错误 C002".into()]) } else { Ok("2 个来文系统".into()) }
        }
    }

    fn ask(admin: &Admin, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(admin.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        (text[9..12].parse().unwrap(), text)
    }

    #[test]
    fn every_route_and_what_is_none() {
        let admin = Admin::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fake::default())).unwrap();
        for (method, path, status, says) in [
            ("GET", "/livez", 200, "运行中"),
            ("GET", "/readyz", 200, "[正常] ledger"),
            ("GET", "/healthz", 200, r#"{"ready":true,"#),
            ("GET", "/metrics", 200, "version=0.0.4"),
            ("HEAD", "/metrics", 200, "content-length: 22"),
            ("POST", "/metrics", 405, "allow: GET, HEAD"),
            ("GET", "/v1/drift", 200, r#"{"codes":[]}"#),
            ("DELETE", "/v1/drift", 405, "allow: GET, HEAD"),
            ("GET", "/v1/ledger/unknown", 200, r#"{"entries":[]}"#),
            ("POST", "/v1/ledger/unknown", 405, "allow: GET, HEAD"),
            ("GET", "/v1/ledger/resolve", 405, "allow: POST"),
            ("POST", "/v1/ledger/resolve", 422, r#"{"error":"0 字节"}"#),
            ("GET", "/v1/reload", 405, "allow: POST"),
            ("GET", "/elsewhere", 404, "没有这个地址"),
            ("POST", "/v1/reload", 422, "jingyue.toml:1:1 错误 C002"),
            ("GET", "/livez", 200, "运行中"),
            ("GET", "/readyz", 503, "[异常] ledger：台账不可写，请检查磁盘"),
            ("GET", "/healthz", 503, r#""reason":"台账不可写，请检查磁盘""#),
            ("POST", "/v1/reload", 200, "2 个来文系统"),
            ("GET", "/readyz", 200, "[正常] ledger"),
        ] {
            let (found, text) = ask(&admin, method, path);
            assert_eq!(found, status, "{method} {path}: {text}");
            assert!(text.contains(says), "{method} {path}: {text}");
        }
    }

    #[test]
    fn dropping_it_closes_the_listener() {
        let admin = Admin::start("127.0.0.1:0".parse().unwrap(), Arc::new(Fake::default())).unwrap();
        let address = admin.address();
        drop(admin);
        TcpStream::connect(address).unwrap_err();
    }
}
