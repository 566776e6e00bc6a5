//! `jingyue demo`: two pretend cities, the gateway between them, exchanges both ways, told field by field.
//!
//! Everything is on loopback and in memory; certificates, secrets and mappings are those that the program carries.
//! What is shown is checked: the message that reached the other city, and the answer, must be the sample's own.

mod carried;
mod licences;
mod scenes;

use super::AT_FAULT;
use super::OURS;
use super::leaves::difference;
use super::translate::explain;
use crate::app::App;
use crate::app::Source;
use crate::domain::mapping::Context;
use crate::domain::mapping::Program;
use crate::domain::mapping::Trace;
use crate::domain::mapping::Workspace;
use crate::domain::masked::Masked;
use crate::edge::clock;
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::library;
use crate::edge::library::Library;
use crate::edge::pretend::Cities;
use crate::edge::pretend::Options;
use crate::edge::pretend::Signer;
use crate::edge::pretend::licence_sharing;
use crate::edge::tls::Family;
use crate::edge::tls::Key;
use crate::edge::tls::Own;
use crate::edge::tls::Trust;
use crate::edge::tls::Versions;
use crate::edge::tls::client_config;
use crate::edge::upstream::Breaker;
use crate::edge::upstream::BreakerSettings;
use crate::edge::upstream::ClientProtocol;
use crate::edge::upstream::ClientTls;
use crate::edge::upstream::Outbound;
use crate::edge::upstream::Pool;
use crate::edge::upstream::Settings;
use bytes::Bytes;
use clap::Args;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use scenes::Expected;
use scenes::SCENES;
use scenes::Scene;
use scenes::Side;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Licence code that the pretend Jingzhou issued to us.
const LICENCE_CODE: &str = "JZ-LIC-0001";

/// How to show it.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// 演示完即退出；全部正确为 0
    #[arg(long)]
    once: bool,
    /// 端口从这里数起（业务、管理，然后是六个模拟系统）；省略则任取空闲端口
    #[arg(long, value_name = "N")]
    port_base: Option<u16>,
    /// 只报每一步的结果，不逐字段说明
    #[arg(long)]
    brief: bool,
}

impl Demo {
    pub(super) fn run(&self) -> u8 {
        match self.show() {
            Ok(true) => 0,
            Ok(false) => AT_FAULT,
            Err(problems) => {
                for problem in &problems {
                    eprintln!("{problem}");
                }
                OURS
            }
        }
    }

    fn show(&self) -> Result<bool, Vec<String>> {
        let one = |error: String| vec![error];
        let options = Options {
            port_base: self.port_base.map(|base| base.saturating_add(2)),
            secret: Masked::new(secret("jy-gateway.secret")?),
            licence_code: LICENCE_CODE.to_owned(),
            clock: Arc::new(|| Clock::System.now()),
        };
        let cities = Cities::start(options).map_err(|error| one(format!("模拟城市无法启动：{error}")))?;
        let app = App::start(self.source(&cities), Clock::System)?;
        let data = app.data_address().ok_or_else(|| one("业务入口没有启动".into()))?;
        tell!("荆岳通办网关演示：两座模拟城市在本机，全部人物、单位均为虚构\n");
        let right = self.scenes(&cities, data)?;
        let right = licences::show()? && right;
        let right = self.carried(&cities)? && right;
        tell!("{}", if right { "全部正确。" } else { "有步骤不符，见上。" });
        if !self.once {
            stay(&cities, &app, data)?;
        }
        app.drain();
        Ok(right)
    }

    /// The gateway's configuration: what `deploy/jingyue.toml` shows, on loopback.
    fn source(&self, cities: &Cities) -> Source {
        source_of(self.text(cities))
    }

    fn text(&self, cities: &Cities) -> String {
        let port = |step: u16| self.port_base.map_or(0, |base| base.saturating_add(step));
        let mut text = format!(
            r#"[listen]
data = "127.0.0.1:{}"
admin = "127.0.0.1:{}"
workers = 1
[listen.tls]
certificate_file = "gateway.pem"
key_file = "gateway.key"
client_ca_file = "ca.pem"
client_certificate = "optional"
[ledger]
kind = "memory"
[[limit]]
name = "window"
per_second = 50
[[caller]]
name = "yy-kstb-01"
city = "yueyang"
profile = "yueyang-window"
app_key = "yy-kstb-01"
secret_file = "yy-kstb-01.secret"
limit = "window"
allow = [{{ matters = ["*"], to = ["jingzhou"] }}]
[[caller]]
name = "jz-kstb-01"
city = "jingzhou"
profile = "jingzhou-window"
certificate_sha256 = ["{}"]
limit = "window"
allow = [{{ matters = ["SC014", "GJ*"], to = ["yueyang"] }}]
"#,
            port(0),
            port(1),
            fingerprint("jingzhou-system.pem")
        );
        for (name, city) in [
            ("jingzhou-window", "jingzhou"),
            ("jingzhou-police", "jingzhou"),
            ("jingzhou-fund", "jingzhou"),
            ("fund-national", "jingzhou"),
            ("yueyang-window", "yueyang"),
        ] {
            // Jingzhou's systems want the licence code that it gave us.
            let settings = if matches!(name, "jingzhou-window" | "jingzhou-police") {
                format!("settings = {{ licence_code = \"{LICENCE_CODE}\" }}\n")
            } else {
                String::new()
            };
            let system = format!(
                "[[system]]\nname = \"{name}\"\ncity = \"{city}\"\nprofile = \"{name}\"\nurl = \"http://{}\"\n{settings}",
                cities.address(name)
            );
            text.push_str(&system);
        }
        text.push_str("[system.sign]\napp_key = \"jy-gateway\"\nsecret_file = \"jy-gateway.secret\"\n");
        text
    }

    fn scenes(&self, cities: &Cities, data: SocketAddr) -> Result<bool, Vec<String>> {
        let library = Library::carried().map_err(|error| vec![error.to_string()])?;
        let program = Program::compile(&library.files)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default());
        let runtime = runtime.map_err(|error| vec![error.to_string()])?;
        runtime.block_on(async {
            let callers = Callers::new(data)?;
            let mut right = true;
            for (number, scene) in SCENES.iter().enumerate() {
                tell!("━━ {}. {}", number + 1, scene.title);
                match self.scene(scene, &program, &library, cities, &callers).await {
                    Ok(()) => tell!("   ✔ 符合预期\n"),
                    Err(found) => {
                        right = false;
                        tell!("   ✘ {found}\n");
                    }
                }
            }
            Ok(right)
        })
    }

    async fn scene(
        &self,
        scene: &Scene,
        program: &Program,
        library: &Library,
        cities: &Cities,
        callers: &Callers,
    ) -> Result<(), String> {
        let example =
            |file: &str| library.examples.get(&format!("examples/{file}")).ok_or_else(|| format!("样例 {file} 不存在"));
        let mut input = String::from_utf8(example(scene.input)?.clone()).map_err(|_| "样例不是 UTF-8")?;
        for (from, to) in scene.edits {
            if !input.contains(from) {
                return Err(format!("样例 {} 中没有“{from}”", scene.input));
            }
            input = input.replace(from, to);
        }
        if !self.brief && scene.forwarded.is_some() {
            tell(scene, program, input.as_bytes());
        }
        let before = cities.received().len();
        let (status, headers, answer) = callers.call(scene, Bytes::from(input)).await?;
        let repeat = if headers.contains_key("x-jingyue-repeat") { "（台账中的答复）" } else { "" };
        tell!("   答复 {} {repeat}{}", status.as_u16(), shortened(&answer));
        let received = cities.received();
        let received = &received[before..];
        match (scene.forwarded, received) {
            (None, []) => tell!("   没有转发"),
            (Some(file), [message]) if message.system == scene.target => {
                let ignored: Vec<String> = scene.forwarded_ignored.iter().map(|path| (*path).to_owned()).collect();
                if let Some(found) = difference(example(file)?, &message.bytes, &ignored)? {
                    return Err(format!("送达 {} 的报文与样例不同：{found}", scene.target));
                }
                tell!("   {} 收到 {} 字节，与样例一致", scene.target, message.bytes.len());
            }
            (expected, found) => {
                return Err(format!(
                    "应转发 {} 次到 {}，实际 {} 次",
                    usize::from(expected.is_some()),
                    scene.target,
                    found.len()
                ));
            }
        }
        match scene.answer {
            Expected::Fault { status: wanted, words } => {
                let text = String::from_utf8_lossy(&answer);
                if status.as_u16() != wanted || !text.contains(words) {
                    return Err(format!("应答复 {wanted} 并含“{words}”，实际 {status}：{text}"));
                }
            }
            Expected::Document { file, ignored } => {
                let ignored: Vec<String> = ignored.iter().map(|path| (*path).to_owned()).collect();
                if let Some(found) = difference(example(file)?, &answer, &ignored)? {
                    return Err(format!("答复与样例不同：{found}"));
                }
            }
        }
        Ok(())
    }
}

/// What the gateway starts from: configuration text, files that the program carries, and its own mappings.
fn source_of(text: String) -> Source {
    Box::new(move || {
        let library = Library::carried().map_err(|error| vec![error.to_string()])?;
        let read = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let carried = match &*name {
                "licence-token" => Some(licence_sharing::ACCESS_TOKEN.as_bytes().to_vec()),
                "policy.toml" => library.files.text("licence/policy.toml").map(|text| text.as_bytes().to_vec()),
                _ => library::sample(&path.to_string_lossy()).or_else(|| library::sample(&name)),
            };
            carried.ok_or_else(|| std::io::ErrorKind::NotFound.into())
        };
        let told =
            |problems: Vec<crate::edge::config::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (config, _) = Config::parse(&text, "演示配置", Path::new(""), &read).map_err(told)?;
        Ok((config, library))
    })
}

/// Stays up until it is interrupted.
fn stay(cities: &Cities, app: &App, data: SocketAddr) -> Result<(), Vec<String>> {
    tell!("\n网关仍在运行，按 Ctrl-C 结束：");
    tell!("  业务入口  https://{data}");
    tell!("  存活      http://{}/livez", app.admin_address());
    tell!("  就绪      http://{}/readyz", app.admin_address());
    tell!("  指标      http://{}/metrics", app.admin_address());
    for name in Cities::systems() {
        tell!("  模拟系统  http://{}  {name}", cities.address(name));
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| vec![error.to_string()])?;
    runtime.block_on(tokio::signal::ctrl_c()).map_err(|error| vec![error.to_string()])
}

/// Tells the translation of a request field by field.
fn tell(scene: &Scene, program: &Program, input: &[u8]) {
    let (caller, from, to) = match scene.side {
        Side::Yueyang => ("yueyang-window", "yueyang", "jingzhou"),
        Side::Jingzhou => ("jingzhou-window", "jingzhou", "yueyang"),
    };
    let settings = BTreeMap::from([("licence_code".to_owned(), LICENCE_CODE.to_owned())]);
    let Some((pair, (from, to))) =
        program.pair(caller, scene.target, scene.matter, "main").zip(program.city(from).zip(program.city(to)))
    else {
        return;
    };
    let context = Context {
        now: Clock::System.now(),
        sequence: 1,
        message_id: "",
        message: None,
        from,
        to,
        settings: &settings,
        case: None,
        kept: None,
        licences: None,
        fault: None,
    };
    let mut trace = Trace::default();
    if pair.request.translate_traced(input, &context, &mut Workspace::default(), Some(&mut trace)).is_ok() {
        for line in trace.lines.iter().filter(|line| !line.constant && line.from.is_some()) {
            tell!("   {}", explain(line));
        }
        let others = trace.lines.iter().filter(|line| line.constant || line.from.is_none()).count();
        tell!("   （另有 {others} 处常量和网关给出的值）");
    }
}

/// The two windows, as clients of the gateway.
struct Callers {
    signed: Pool,
    certified: Pool,
    signer: Signer,
    authority: String,
}

impl Callers {
    fn new(data: SocketAddr) -> Result<Self, Vec<String>> {
        let trust = file("ca.pem")?;
        let own = (file("jingzhou-system.pem")?, file("jingzhou-system.key")?);
        let pool = |own: Option<(&[u8], &[u8])>| {
            let trust = Trust { issuers: &trust, revocation: None };
            let own = own.map(|(certificate, key)| Own { certificate, key: Key::Pem(key) });
            let config = client_config(Family::International(Versions::Tls12And13), trust, own.as_ref(), false)
                .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            let name = rustls_pki_types::ServerName::IpAddress(data.ip().into());
            let settings = Settings {
                name: "demo".into(),
                host: data.ip().to_string(),
                port: data.port(),
                authority: data.to_string().parse().map_err(|_| vec!["地址不对".to_owned()])?,
                tls: Some(ClientTls {
                    config: ClientProtocol::Tls(Arc::new(config)),
                    server_name: name,
                    may_wait: false,
                }),
                http2: false,
                connect_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(20),
                connections_max: 4,
                answer_bytes_max: 16 << 20,
            };
            // A demo asks on whatever it was answered.
            let breaker =
                Breaker::new(BreakerSettings { failures: u32::MAX, open: Duration::from_secs(1) }, Clock::System);
            Ok::<_, Vec<String>>(Pool::new(settings, Arc::new(breaker)))
        };
        Ok(Self {
            signed: pool(None)?,
            certified: pool(Some((&own.0, &own.1)))?,
            signer: Signer::new("yy-kstb-01", Masked::new(secret("yy-kstb-01.secret")?)),
            authority: data.to_string(),
        })
    }

    async fn call(&self, scene: &Scene, body: Bytes) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(scene.content_type));
        if scene.side == Side::Yueyang {
            let mut nonce = [0u8; 16];
            clock::random(&mut nonce).map_err(|error| error.to_string())?;
            let nonce = crate::domain::sm::hex(&nonce);
            for (name, value) in self.signer.headers("POST", scene.path, Clock::System.now(), &nonce, &body) {
                let name = http::HeaderName::try_from(name).map_err(|error| error.to_string())?;
                headers.insert(name, HeaderValue::from_str(&value).map_err(|error| error.to_string())?);
            }
        }
        let outbound = Outbound { method: Method::POST, path: scene.path.to_owned(), headers, body };
        let pool = if scene.side == Side::Yueyang { &self.signed } else { &self.certified };
        let reply = pool.send(outbound, Duration::from_secs(30)).await;
        let reply = reply.map_err(|failure| format!("网关 {} 没有答复：{failure:?}", self.authority))?;
        Ok((reply.status, reply.headers, reply.body))
    }
}

fn file(name: &str) -> Result<Vec<u8>, Vec<String>> {
    library::sample(name).ok_or_else(|| vec![format!("程序没有携带 {name}")])
}

fn secret(name: &str) -> Result<Vec<u8>, Vec<String>> {
    Ok(file(name)?.trim_ascii().to_vec())
}

/// SHA-256 of a certificate in hex.
fn fingerprint(name: &str) -> String {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let pem = library::sample(name).unwrap_or_default();
    let certificate = CertificateDer::from_pem_slice(&pem);
    certificate
        .map_or(String::new(), |der| crate::domain::sm::hex(ring::digest::digest(&ring::digest::SHA256, &der).as_ref()))
}

fn shortened(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 160;
    let text: String = String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > SHOWN_MAX {
        format!("{}…", text.chars().take(SHOWN_MAX).collect::<String>())
    } else {
        text
    }
}
