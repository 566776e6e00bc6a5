//! A load client and a fixed upstream for measuring the gateway; `benches/gateway/run.py` drives both.
//!
//! An example and not a bench, because it is a program with arguments that runs beside another process: `cargo bench`
//! would start it without one. It deliberately speaks only the HTTP/1.1 that the measured servers answer with.

use clap::Parser;
use clap::Subcommand;
use jingyue::domain::sm;
use std::cell::Cell;
use std::cell::RefCell;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Largest message in bytes, head included.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Sends requests one after another on each of some kept connections and checks every answer.
    Client(Client),
    /// Answers GET with a JSON text of 1 KiB and POST of XML with a file.
    Upstream(Upstream),
}

#[derive(clap::Args, Clone)]
struct Client {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long, default_value = "/")]
    path: String,
    /// What the answer must be: equal as JSON the first time, and equal to the first answer byte by byte after that.
    #[arg(long)]
    expect: PathBuf,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds before the measuring begins.
    #[arg(long, default_value_t = 0.7)]
    warm: f64,
    /// A JSON body to be posted; without it the client gets.
    #[arg(long)]
    body: Option<PathBuf>,
    /// The member of the body whose text becomes another number in every request.
    #[arg(long, default_value = "bizNo")]
    key: String,
    /// The first of those numbers.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// The application key: requests are signed then.
    #[arg(long, requires = "secret")]
    app_key: Option<String>,
    #[arg(long)]
    secret: Option<String>,
}

#[derive(clap::Args)]
struct Upstream {
    #[arg(long)]
    address: SocketAddr,
    /// The answer to POST.
    #[arg(long)]
    answer: PathBuf,
}

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    match Arguments::parse().part {
        Part::Client(client) => local.block_on(&runtime, run(client)),
        Part::Upstream(upstream) => local.block_on(&runtime, serve(upstream)),
    }
}

// ---------------------------------------------------------------- client

/// What all connections share.
struct Load {
    client: Client,
    template: Option<Template>,
    number: Cell<u64>,
    measuring: Cell<bool>,
    ended: Cell<bool>,
    expected: Vec<u8>,
    microseconds: RefCell<Vec<u32>>,
    wrong: Cell<u64>,
}

/// A body with the place of the text that changes.
struct Template {
    body: Vec<u8>,
    start: usize,
    length: usize,
}

impl Template {
    fn new(body: Vec<u8>, key: &str) -> io::Result<Self> {
        let mark = format!("\"{key}\":\"");
        let start = memchr::memmem::find(&body, mark.as_bytes()).map(|at| at + mark.len());
        let start = start.ok_or_else(|| io::Error::other("the body has no such member"))?;
        let length = memchr::memchr(b'"', &body[start..]).unwrap_or_default();
        Ok(Self { body, start, length })
    }

    /// The body of request `number`. Its length stays the same.
    fn fill(&self, number: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&self.body);
        let text = format!("{number:0width$}", width = self.length);
        let text = &text.as_bytes()[text.len() - self.length..];
        out[begin + self.start..begin + self.start + self.length].copy_from_slice(text);
    }
}

impl Load {
    /// The next request.
    fn request(&self, body: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.clear();
        body.clear();
        let Client { path, address, .. } = &self.client;
        let Some(template) = &self.template else {
            out.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes());
            return;
        };
        let number = self.number.get();
        self.number.set(number + 1);
        template.fill(number, body);
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        if let (Some(key), Some(secret)) = (&self.client.app_key, &self.client.secret) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
            let (timestamp, nonce) = (now.to_string(), format!("{number:016x}"));
            let digest = sm::digest(body);
            let signature = sm::header_signature(secret.as_bytes(), "POST", path, &timestamp, &nonce, &digest);
            // Writing into a string cannot fail.
            let _ = write!(
                head,
                "x-app-key: {key}\r\nx-timestamp: {timestamp}\r\nx-nonce: {nonce}\r\nx-sign: {}\r\n",
                sm::hex(&signature)
            );
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    }

    async fn connection(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.client.address).await?;
        stream.set_nodelay(true)?;
        let (mut body, mut request, mut answer) = (Vec::new(), Vec::new(), Vec::new());
        while !self.ended.get() {
            self.request(&mut body, &mut request);
            let began = Instant::now();
            stream.write_all(&request).await?;
            let found = receive(&mut stream, &mut answer).await?;
            let taken = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
            if self.measuring.get() && !self.ended.get() {
                if found.status == 200 && found.body == self.expected {
                    self.microseconds.borrow_mut().push(taken);
                } else {
                    self.wrong.set(self.wrong.get() + 1);
                }
            }
        }
        Ok(())
    }
}

async fn run(client: Client) -> io::Result<()> {
    let template = match &client.body {
        Some(path) => Some(Template::new(std::fs::read(path)?, &client.key)?),
        None => None,
    };
    let mut load = Load {
        number: Cell::new(client.first),
        measuring: Cell::new(false),
        ended: Cell::new(false),
        expected: Vec::new(),
        microseconds: RefCell::default(),
        wrong: Cell::new(0),
        template,
        client,
    };
    load.expected = first_answer(&load).await?;
    let load = Rc::new(load);
    let connections: Vec<_> = (0..load.client.connections)
        .map(|_| {
            let load = Rc::clone(&load);
            tokio::task::spawn_local(async move { load.connection().await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(load.client.warm)).await;
    println!("measuring");
    load.measuring.set(true);
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(load.client.seconds)).await;
    load.ended.set(true);
    let seconds = began.elapsed().as_secs_f64();
    let mut times = load.microseconds.take();
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 1000).min(times.len().saturating_sub(1))).copied();
    println!(
        "{}",
        serde_json::json!({
            "answers": times.len(),
            "wrong": load.wrong.get(),
            "seconds": seconds,
            "p50_us": at(500),
            "p99_us": at(990),
        })
    );
    for connection in connections {
        connection.await??;
    }
    Ok(())
}

/// One request before the load: its answer must be the expected one.
async fn first_answer(load: &Load) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(load.client.address).await?;
    let (mut body, mut request, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    load.request(&mut body, &mut request);
    stream.write_all(&request).await?;
    let found = receive(&mut stream, &mut answer).await?;
    let expected = std::fs::read(&load.client.expect)?;
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let same = found.body == expected || value(&found.body).is_some_and(|found| value(&expected) == Some(found));
    if found.status != 200 || !same {
        let text = String::from_utf8_lossy(&found.body).into_owned();
        return Err(io::Error::other(format!("wrong answer, status {}: {text}", found.status)));
    }
    Ok(found.body)
}

// ---------------------------------------------------------------- upstream

async fn serve(upstream: Upstream) -> io::Result<()> {
    let head = |kind: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let to_get: Rc<[u8]> = head("application/json", &json_of_1_kib()).into();
    let to_post: Rc<[u8]> = head("text/xml; charset=utf-8", &std::fs::read(&upstream.answer)?).into();
    let listener = TcpListener::bind(upstream.address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answers = (Rc::clone(&to_get), Rc::clone(&to_post));
        // A caller that leaves ends its own connection only.
        tokio::task::spawn_local(async move { answer(stream, &answers.0, &answers.1).await });
    }
}

/// 1024 bytes.
fn json_of_1_kib() -> Vec<u8> {
    let mut text = b"{\"text\":\"".to_vec();
    text.resize(1024 - 2, b'x');
    text.extend_from_slice(b"\"}");
    text
}

async fn answer(mut stream: TcpStream, to_get: &[u8], to_post: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let length = message(&mut stream, &mut buffer).await?;
        let Some(length) = length else { return Ok(()) };
        let is_get = buffer.starts_with(b"GET ");
        let body = memchr::memmem::find(&buffer, b"\r\n\r\n").map_or(&[][..], |at| &buffer[at + 4..length]);
        let answer = match is_get {
            true => to_get,
            false if body.starts_with(b"<?xml") => to_post,
            false => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        };
        stream.write_all(answer).await?;
        buffer.drain(..length);
    }
}

// ---------------------------------------------------------------- HTTP/1.1

struct Found {
    status: u16,
    body: Vec<u8>,
}

/// Takes one answer from the stream.
async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Found> {
    let length = message(stream, buffer).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = memchr::memmem::find(buffer, b"\r\n\r\n").unwrap_or_default() + 4;
    let status = buffer.get(9..12).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).unwrap_or(0);
    let body = &buffer[head..length];
    let body = if is_chunked(&buffer[..head]) { unchunked(body) } else { body.to_vec() };
    buffer.drain(..length);
    Ok(Found { status, body })
}

/// Reads until the buffer holds a whole message; its length, or none where the stream ended before one began.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(length) = whole(buffer) {
            return Ok(Some(length));
        }
        if buffer.len() > MESSAGE_BYTES_MAX {
            return Err(io::Error::other("message too large"));
        }
        buffer.reserve(16 << 10);
        if stream.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

/// The length of the message at the beginning of the buffer, where it is whole.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    if is_chunked(&buffer[..head]) {
        return memchr::memmem::find(&buffer[head - 2..], b"\r\n0\r\n\r\n").map(|at| head - 2 + at + 7);
    }
    let length = field(&buffer[..head], "content-length").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    (buffer.len() >= head + length).then_some(head + length)
}

fn is_chunked(head: &[u8]) -> bool {
    field(head, "transfer-encoding").is_some_and(|text| text.eq_ignore_ascii_case("chunked"))
}

fn field<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    while let Some(end) = memchr::memmem::find(body, b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = size.and_then(|size| body.get(end + 2..end + 2 + size)) else { break };
        out.extend_from_slice(chunk);
        body = body.get(end + 2 + chunk.len() + 2..).unwrap_or_default();
    }
    out
}
