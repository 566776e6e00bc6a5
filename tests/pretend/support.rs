//! Sample files, a client without a pool, and cities whose clock stands still.

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use jingyue::domain::masked::Masked;
use jingyue::edge::pretend::Cities;
use jingyue::edge::pretend::Options;
use jingyue::edge::pretend::Signer;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) const SECRET: &[u8] = b"test-secret-yueyang";

/// 2026-11-23 at an hour of Beijing, in milliseconds.
pub(crate) const fn at(hour: i64, minute: i64, second: i64, millisecond: i64) -> i64 {
    let midnight = 1_795_363_200_000;
    midnight + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
}

/// The folder of the sample messages: the project's own copy, or the shared one. `None` says so on standard error.
pub(crate) fn samples() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["mappings/examples", "../shared/domain/samples", "../../shared/domain/samples"];
    let found = places.iter().map(|place| root.join(place)).find(|place| place.join("01-pf-query").is_dir());
    if found.is_none() {
        eprintln!("skipped: sample messages absent");
    }
    found
}

pub(crate) fn sample(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn cities(now: i64) -> Cities {
    Cities::start(Options {
        port_base: None,
        secret: Masked::new(SECRET.to_vec()),
        licence_code: "JZ-LIC-0001".to_owned(),
        clock: Arc::new(move || now),
    })
    .unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Posts on a connection of its own; `Err` when the connection ended without an answer.
pub(crate) async fn post(
    cities: &Cities,
    system: &str,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Answer, hyper::Error> {
    let stream = tokio::net::TcpStream::connect(cities.address(system)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = http::Request::post(path).header("host", "pretend");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await;
    let answer = match response {
        Ok(response) => {
            let status = response.status().as_u16();
            let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
            Ok(Answer { status, content_type, body: response.into_body().collect().await?.to_bytes().to_vec() })
        }
        Err(error) => Err(error),
    };
    drop(sender);
    let _ = connection.await.unwrap();
    answer
}

/// Posts JSON to `yueyang-window`, signed for the time `now`.
pub(crate) async fn signed(
    cities: &Cities,
    path: &str,
    now: i64,
    nonce: &str,
    body: Vec<u8>,
) -> Result<Answer, hyper::Error> {
    let signer = Signer::new("jy-gateway", Masked::new(SECRET.to_vec()));
    let headers = signer.headers("POST", path, now, nonce, &body);
    post(cities, "yueyang-window", path, &headers, body).await
}

pub(crate) fn xml_headers() -> [(&'static str, String); 1] {
    [("content-type", "text/xml;charset=UTF-8".to_owned())]
}

pub(crate) fn form_headers() -> [(&'static str, String); 1] {
    [("content-type", "application/x-www-form-urlencoded;charset=GBK".to_owned())]
}
