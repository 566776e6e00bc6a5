//! Verifies a licence over HTTP again and again against a gateway of its own: verifications a second, and CPU time each.
//!
//! `cargo run --release --example licence_load -- --file a.ofd --trust DIR [--connections 8] [--seconds 5]`. It starts a
//! gateway from a configuration with the repository's mappings and a store in a temporary folder, signs each request
//! as a window does, and counts an answer only where the decision is the expected one. Its own CPU time is part of
//! what it tells: client and gateway are one process.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use jingyue::app::App;
use jingyue::app::from_file;
use jingyue::domain::sm;
use jingyue::edge::clock::Clock;
use rustix::process::getpid;
use std::fmt::Write as _;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

const PATH: &str = "/v1/licences/verify";
const SECRET: &str = "composed-load-secret-0001";

#[derive(Parser)]
struct Arguments {
    /// The licence.
    #[arg(long)]
    file: PathBuf,
    /// Folder of trust.
    #[arg(long)]
    trust: PathBuf,
    /// The decision that each answer must have.
    #[arg(long, default_value = "ACCEPT")]
    decision: String,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 2)]
    workers: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The folder of the store; by default in the system's folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let folder = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = folder.join(format!("licence-load-{}", getpid().as_raw_nonzero()));
    std::fs::create_dir_all(&folder)?;
    let done = run(&arguments, &folder);
    std::fs::remove_dir_all(&folder)?;
    done
}

fn run(arguments: &Arguments, folder: &Path) -> io::Result<()> {
    let config = configuration(arguments, folder)?;
    let app = App::start(from_file(config), Clock::System).map_err(|problems| io::Error::other(problems.join("\n")))?;
    let address = app.data_address().ok_or_else(|| io::Error::other("no address"))?;
    let file = std::fs::read(&arguments.file)?;
    let body = serde_json::json!({
        "matter": "LOAD", "caseNo": "LOAD-1", "window": "LOAD", "operator": "load", "ground": "duty",
        "useCause": "load", "report": "simple", "file": STANDARD.encode(&file),
    })
    .to_string();
    let load = Load {
        address,
        expected: format!("\"decision\":\"{}\"", arguments.decision),
        body,
        number: AtomicU64::new(0),
        right: AtomicU64::new(0),
        wrong: AtomicU64::new(0),
        ended: AtomicBool::new(false),
    };
    let (seconds, cpu) = std::thread::scope(|scope| {
        for _ in 0..arguments.connections {
            scope.spawn(|| {
                if let Err(error) = load.connection() {
                    eprintln!("{error}");
                }
            });
        }
        std::thread::sleep(Duration::from_millis(700));
        let (right, began, cpu) = (load.right.load(Ordering::Relaxed), Instant::now(), cpu_milliseconds());
        std::thread::sleep(Duration::from_secs_f64(arguments.seconds));
        let measured = (began.elapsed().as_secs_f64(), cpu_milliseconds() - cpu);
        load.right.fetch_sub(right, Ordering::Relaxed);
        load.ended.store(true, Ordering::Relaxed);
        measured
    });
    let (right, wrong) = (load.right.load(Ordering::Relaxed), load.wrong.load(Ordering::Relaxed));
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds of work")]
    let count = right as f64;
    println!(
        "{}",
        serde_json::json!({
            "bytes": file.len(), "verifications": right, "wrong": wrong, "seconds": seconds,
            "per_second": count / seconds, "cpu_ms_each": cpu / count,
        })
    );
    app.drain();
    Ok(())
}

/// Writes the configuration beside the store.
fn configuration(arguments: &Arguments, folder: &Path) -> io::Result<PathBuf> {
    std::fs::write(folder.join("load.secret"), SECRET)?;
    let trust = std::fs::canonicalize(&arguments.trust)?;
    let mappings = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let text = format!(
        "[listen]\ndata = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nworkers = {}\nbody_bytes_max = 31000000\n\
         [mappings]\ndirectory = \"{}\"\n[ledger]\nkind = \"memory\"\n\
         [licences]\ntrust_directory = \"{}\"\nstore_file = \"licences.db\"\ndigest_key_file = \"load.secret\"\n\
         caller_per_minute = 1000000\noperator_per_minute = 1000000\nholder_per_day = 1000000\n\
         [[limit]]\nname = \"load\"\nper_second = 1000000\n\
         [[caller]]\nname = \"load\"\ncity = \"yueyang\"\nprofile = \"yueyang-window\"\napp_key = \"load\"\n\
         secret_file = \"load.secret\"\nlimit = \"load\"\nallow = []\nlicences = {{ matters = [\"LOAD\"] }}\n",
        arguments.workers,
        mappings.display(),
        trust.display()
    );
    let path = folder.join("load.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}

struct Load {
    address: SocketAddr,
    body: String,
    expected: String,
    number: AtomicU64,
    right: AtomicU64,
    wrong: AtomicU64,
    ended: AtomicBool,
}

impl Load {
    /// Requests one after another until the end.
    fn connection(&self) -> io::Result<()> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let digest = sm::digest(self.body.as_bytes());
        let mut answer = Vec::new();
        while !self.ended.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let (time, nonce) = (Clock::System.now().to_string(), format!("{number:016x}"));
            let signature = sm::header_signature(SECRET.as_bytes(), "POST", PATH, &time, &nonce, &digest);
            let mut head = String::new();
            // Writing into a string cannot fail.
            let _ = write!(
                head,
                "POST {PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 x-app-key: load\r\nx-timestamp: {time}\r\nx-nonce: {nonce}\r\nx-sign: {}\r\n\r\n",
                self.body.len(),
                sm::hex(&signature)
            );
            stream.get_mut().write_all(head.as_bytes())?;
            stream.get_mut().write_all(self.body.as_bytes())?;
            let is_right = receive(&mut stream, &mut answer)? == 200
                && memchr::memmem::find(&answer, self.expected.as_bytes()).is_some();
            let count = if is_right { &self.right } else { &self.wrong };
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Status and body of one answer.
fn receive(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<u16> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None => break,
        }
    }
    body.resize(length, 0);
    stream.read_exact(body)?;
    Ok(status)
}

/// CPU time of this process, user and system, in milliseconds: fields 14 and 15 of its stat file, in hundredths.
fn cpu_milliseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * 10.0
}
