//! The gateway between the cities, a client over a bare socket, and what was logged.

use jingyue::app::App;
use jingyue::app::Source;
use jingyue::domain::masked::Masked;
use jingyue::edge::clock::Clock;
use jingyue::edge::config::Config;
use jingyue::edge::library::Library;
use jingyue::edge::pretend::Cities;
use jingyue::edge::pretend::Options;
use jingyue::edge::pretend::Signer;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

pub(crate) const WITHDRAW: &str = "/gateway/api/gjj/withdraw";
pub(crate) const ACCOUNT: &str = "/gateway/api/gjj/account";
/// Longest wait for anything that must come.
const LONG: Duration = Duration::from_secs(20);
/// Numbers and secrets that may stand in no log line and no metric.
pub(crate) const NEVER_TOLD: [&str; 5] =
    ["430602199003079989", "421002199105129998", "刘𬱖", "test-secret-yueyang", "test-secret-gateway-0001"];

/// 2026-11-23 at an hour of Beijing, in milliseconds.
pub(crate) const fn at(hour: i64, minute: i64, second: i64, millisecond: i64) -> i64 {
    let midnight = 1_795_363_200_000;
    midnight + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The mapping files that most tests use, made once by this program.
pub(crate) fn mappings() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exchange-{}", std::process::id()));
        crate::few::copy(&folder);
        folder
    })
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("mappings/examples").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn sample_text(name: &str) -> String {
    String::from_utf8(sample(name)).unwrap()
}

/// The withdrawal of the samples with another number and a marker at the end of its remark.
pub(crate) fn withdrawal(number: &str, marker: &str) -> Vec<u8> {
    let text = sample_text("02-pf-withdraw-rent/yueyang.request.json");
    text.replace("YY-GJ12-20261123-000001", number).replace("季付]]>", &format!("季付]]>{marker}")).into_bytes()
}

/// A file of the sample certificates.
fn certificate_file(name: &str) -> PathBuf {
    root().join("certs-sample").join(name)
}

/// SHA-256 of a sample certificate, as the configuration names it.
pub(crate) fn print_of(name: &str) -> String {
    let certificate = CertificateDer::from_pem_file(certificate_file(name)).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
    digest.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// How a stand is set up.
pub(crate) struct Setup {
    pub(crate) now: i64,
    pub(crate) tls: bool,
    /// Replacements in the configuration text.
    pub(crate) edits: Vec<(String, String)>,
}

impl Setup {
    pub(crate) fn at(now: i64) -> Self {
        Self { now, tls: false, edits: Vec::new() }
    }

    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    pub(crate) fn start(self) -> Stand {
        Stand::start(&self)
    }
}

/// The configuration text: every system at its pretend address.
pub(crate) fn config(cities: &Cities, tls: bool) -> String {
    let system = |name: &str, city: &str, profile: &str, at: &str, more: &str| {
        format!(
            "[[system]]\nname = \"{name}\"\ncity = \"{city}\"\nprofile = \"{profile}\"\nurl = \"http://{}\"\n\
             deadline_ms = 15000\nbreaker_failures = 1000\n{more}\n",
            cities.address(at)
        )
    };
    let licence = "settings = { licence_code = \"JZ-LIC-0001\" }";
    let sign = "[system.sign]\napp_key = \"jy-gateway\"\nsecret_file = \"jy-gateway.secret\"";
    let (listen, print) = if tls {
        let listen = "[listen.tls]\ncertificate_file = \"gateway.pem\"\nkey_file = \"gateway.key\"\n\
                      client_ca_file = \"ca.pem\"\nclient_certificate = \"optional\"\n";
        (listen, format!("certificate_sha256 = [\"{}\"]\n", print_of("jingzhou-system.pem")))
    } else {
        ("", String::new())
    };
    let mut text = format!(
        r#"[listen]
data = "127.0.0.1:0"
admin = "127.0.0.1:0"
workers = 1
body_bytes_max = 100000
{listen}
[ledger]
kind = "memory"
[[limit]]
name = "window"
per_second = 1000
burst = 1000
[[caller]]
name = "yy-kstb-01"
city = "yueyang"
profile = "yueyang-window"
app_key = "yy-kstb-01"
secret_file = "yy-kstb-01.secret"
limit = "window"
allow = [{{ matters = ["*"], to = ["jingzhou"] }}]
[[caller]]
name = "yy-query-01"
city = "yueyang"
profile = "yueyang-window"
app_key = "yy-query-01"
secret_file = "yy-kstb-01.secret"
limit = "window"
allow = [{{ matters = ["GJ01"], to = ["jingzhou"] }}]
[[caller]]
name = "jz-kstb-01"
city = "jingzhou"
profile = "jingzhou-window"
app_key = "jz-kstb-01"
secret_file = "yy-kstb-01.secret"
{print}limit = "window"
allow = [{{ matters = ["SC014", "GJ*"], to = ["yueyang"] }}]
"#
    );
    text += &system("jingzhou-window", "jingzhou", "jingzhou-window", "jingzhou-window", licence);
    text += &system("jingzhou-police", "jingzhou", "jingzhou-police", "jingzhou-police", licence);
    text += &system("jingzhou-fund", "jingzhou", "jingzhou-fund", "jingzhou-fund", "");
    text += &system("jingzhou-transfer", "jingzhou", "fund-national", "fund-national", "");
    text + &system("yueyang-window", "yueyang", "yueyang-window", "yueyang-window", sign)
}

/// The gateway between the cities.
pub(crate) struct Stand {
    pub(crate) cities: Cities,
    /// Taken by a drain.
    pub(crate) app: Option<App>,
    pub(crate) clock: Clock,
    /// What the next reload reads.
    pub(crate) config: Arc<Mutex<String>>,
    pub(crate) mappings: Arc<Mutex<PathBuf>>,
    /// The cities' time.
    pub(crate) city_now: Arc<AtomicI64>,
    /// Where the gateway's clock is moved to as soon as a city reads its own; 0: it is left alone.
    pub(crate) answer_at: Arc<AtomicI64>,
    nonce: AtomicU64,
}

impl Stand {
    fn start(setup: &Setup) -> Self {
        log();
        let clock = Clock::manual(setup.now);
        let (city_now, answer_at) = (Arc::new(AtomicI64::new(setup.now)), Arc::new(AtomicI64::new(0)));
        let cities = {
            let (clock, city_now, answer_at) = (clock.clone(), Arc::clone(&city_now), Arc::clone(&answer_at));
            Cities::start(Options {
                port_base: None,
                secret: Masked::new(b"test-secret-gateway-0001".to_vec()),
                licence_code: "JZ-LIC-0001".to_owned(),
                clock: Arc::new(move || {
                    match answer_at.load(Ordering::Acquire) {
                        0 => {}
                        time => clock.set(time),
                    }
                    city_now.load(Ordering::Acquire)
                }),
            })
            .unwrap()
        };
        let mut text = config(&cities, setup.tls);
        for (from, to) in &setup.edits {
            assert!(text.contains(from.as_str()), "{from}");
            text = text.replace(from.as_str(), to);
        }
        text = text.replace("{licence-sharing}", &cities.address("licence-sharing").to_string());
        let config = Arc::new(Mutex::new(text));
        let mappings = Arc::new(Mutex::new(mappings().to_owned()));
        let app = match App::start(source(&config, &mappings), clock.clone()) {
            Ok(app) => app,
            Err(problems) => panic!("{}", problems.join("\n")),
        };
        Self { cities, app: Some(app), clock, config, mappings, city_now, answer_at, nonce: AtomicU64::new(0) }
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.app().data_address().unwrap()
    }

    pub(crate) fn edit_config(&self, from: &str, to: &str) {
        let mut text = self.config.lock().unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replace(from, to);
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Header fields of a request of an application, signed now with a new nonce.
    pub(crate) fn sign(&self, key: &str, path: &str, body: &[u8]) -> Vec<(String, String)> {
        let nonce = format!("n{}", self.nonce.fetch_add(1, Ordering::Relaxed));
        signed(key, "POST", path, self.clock.now(), &nonce, body)
    }

    /// A signed request of Yueyang's window on a connection of its own.
    pub(crate) fn ask(&self, path: &str, body: &[u8]) -> Answer {
        let mut client = self.connect();
        client.send("POST", path, &self.with_type("yy-kstb-01", path, body), body);
        client.receive()
    }

    /// The same of Jingzhou's window.
    pub(crate) fn ask_soap(&self, path: &str, body: &[u8]) -> Answer {
        let mut headers = self.sign("jz-kstb-01", path, body);
        headers.push(("content-type".into(), "text/xml;charset=UTF-8".into()));
        let mut client = self.connect();
        client.send("POST", path, &headers, body);
        client.receive()
    }

    pub(crate) fn with_type(&self, key: &str, path: &str, body: &[u8]) -> Vec<(String, String)> {
        let mut headers = self.sign(key, path, body);
        headers.push(("content-type".into(), "application/json;charset=UTF-8".into()));
        headers
    }

    /// Requests that reached a city.
    pub(crate) fn forwarded(&self) -> usize {
        self.cities.received().len()
    }

    /// Waits until that many requests have reached a city.
    pub(crate) fn until_forwarded(&self, count: usize) {
        until("a request reaches a city", || self.forwarded() >= count);
    }

    /// The entry of a withdrawal.
    pub(crate) fn entry(&self, number: &str) -> Option<jingyue::edge::ledger::Entry> {
        self.app().ledger().find("yy-kstb-01", &format!("GJ12/main/{number}")).unwrap()
    }

    /// Value of the first series that holds all the parts.
    pub(crate) fn metric(&self, parts: &[&str]) -> String {
        let text = self.app().metrics();
        let mut series = text.lines().filter(|line| !line.starts_with('#'));
        let line = series.find(|line| parts.iter().all(|part| line.contains(part)));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or_else(|| panic!("no series {parts:?}")).to_owned()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            let metrics = app.metrics();
            app.drain();
            if !std::thread::panicking() {
                assert!(logged().contains("mapping set in force"), "somebody listens to the log");
                for text in NEVER_TOLD {
                    assert!(!metrics.contains(text), "in the metrics: {text}");
                    assert!(!logged().contains(text), "in the log: {text}");
                }
            }
        }
    }
}

pub(crate) fn source(config: &Arc<Mutex<String>>, mappings: &Arc<Mutex<PathBuf>>) -> Source {
    let (config, mappings) = (Arc::clone(config), Arc::clone(mappings));
    Box::new(move || {
        let text = config.lock().unwrap().clone();
        let read = |path: &Path| std::fs::read(path);
        let parsed = Config::parse(&text, "test.toml", &root().join("certs-sample"), &read);
        let (config, _) = parsed.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let library = Library::load(&mappings.lock().unwrap()).map_err(|error| vec![error.to_string()])?;
        Ok((config, library))
    })
}

pub(crate) fn signed(
    key: &str,
    method: &str,
    path: &str,
    time: i64,
    nonce: &str,
    body: &[u8],
) -> Vec<(String, String)> {
    let signer = Signer::new(key, Masked::new(b"test-secret-yueyang".to_vec()));
    signer.headers(method, path, time, nonce, body).map(|(name, value)| (name.to_lowercase(), value)).into()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// A kept connection.
pub(crate) struct Client {
    wire: BufReader<Box<dyn Wire>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { wire: BufReader::new(Box::new(stream)) }
    }

    /// Over TLS, showing a sample certificate.
    pub(crate) fn connect_tls(address: SocketAddr, certificate: Option<&str>) -> Self {
        let mut trust = rustls::RootCertStore::empty();
        trust.add(CertificateDer::from_pem_file(certificate_file("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(trust);
        let config = match certificate {
            Some(name) => {
                let chain = CertificateDer::from_pem_file(certificate_file(&format!("{name}.pem"))).unwrap();
                let key = PrivateKeyDer::from_pem_file(certificate_file(&format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let name = "localhost".try_into().unwrap();
        let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        Self { wire: BufReader::new(Box::new(rustls::StreamOwned::new(connection, stream))) }
    }

    /// Over a stream that was set up elsewhere.
    pub(crate) fn over(stream: impl Read + Write + 'static) -> Self {
        Self { wire: BufReader::new(Box::new(stream)) }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap();
    }

    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.get_mut().write_all(bytes)?;
        self.wire.get_mut().flush()
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        self.write(&[head.as_bytes(), b"\r\n", body].concat());
    }

    pub(crate) fn receive(&mut self) -> Answer {
        self.try_receive().unwrap()
    }

    pub(crate) fn try_receive(&mut self) -> io::Result<Answer> {
        let line = self.line()?;
        let status = line.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        answer.body = vec![0; answer.header("content-length").parse().unwrap_or(0)];
        self.wire.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.wire.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The number of the fault in the shape of Yueyang's dialect, checked for that shape.
    #[track_caller]
    pub(crate) fn number(&self) -> String {
        let json = self.json();
        let members: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["code", "msg", "msgId", "timestamp", "number", "faults", "data"]
                .map(String::from)
                .iter()
                .filter(|name| members.contains(name))
                .collect::<Vec<_>>(),
            "{json}"
        );
        assert!(json["code"].is_number() && json["faults"].is_array() && json["data"].is_null(), "{json}");
        for text in NEVER_TOLD {
            assert!(!self.text().contains(text), "in the answer: {text}");
        }
        json["number"].as_str().unwrap().to_owned()
    }

    /// Code and message of a refusal in the shape of Jingzhou's dialect.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (String, String) {
        let text = self.text();
        assert!(text.contains("<soap:Envelope") && !text.contains("<FHDM>"), "{text}");
        let inside = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {text}"));
            rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
        };
        (inside("CODE"), inside("MSG"))
    }
}

/// Lines logged by any test of this program.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logging;

impl Write for Logging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let filter = tracing_subscriber::EnvFilter::new("trace");
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Logging).init();
    });
}

/// What was logged so far.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}
