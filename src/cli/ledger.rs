//! `jingyue ledger`: entries of unknown outcome, and what somebody found out of them.
//!
//! It asks the running gateway at its admin listener. Where none runs it opens the ledger's file itself, as the gateway
//! would at its start: what a kill left open is unknown from then on.

use super::AT_FAULT;
use crate::app::unknown;
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::config::LedgerChoice;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::sqlite::Settings;
use crate::edge::ledger::sqlite::Sqlite;
use crate::edge::trouble::in_words;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use std::fmt::Write as _;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

/// The longest wait for the gateway's word.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What to do with the ledger.
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(subcommand)]
    what: What,
    /// 网关的配置文件：从中取管理端口与台账文件
    #[arg(long, global = true, default_value = "/etc/jingyue/jingyue.toml")]
    config: PathBuf,
    /// 管理端口的地址，不写则按配置
    #[arg(long, global = true)]
    admin: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 列出结果未知而尚未核实的记录，涉及资金的在前
    Unknown {
        /// 输出格式
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// 记下一条结果未知的记录的核实结果；只添记，不改写，不重发
    Resolve {
        /// 记录编号，见 unknown
        entry: i64,
        /// 核实结果
        #[arg(value_enum)]
        verdict: Word,
        /// 核实人
        #[arg(long)]
        who: String,
        /// 依据，如查询号、电话记录号
        #[arg(long)]
        why: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Json,
    Text,
}

#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
enum Word {
    /// 对方已办理
    Done,
    /// 对方未办理
    NotDone,
}

impl Command {
    pub(super) fn run(&self) -> u8 {
        match self.told() {
            Ok(text) => {
                super::put(&text);
                0
            }
            Err(reason) => {
                eprintln!("{reason}");
                AT_FAULT
            }
        }
    }

    fn told(&self) -> Result<String, String> {
        let (config, _) = Config::load(&self.config)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        let admin = self.admin.unwrap_or(config.listen.admin);
        match &self.what {
            What::Unknown { format } => {
                let list = match asked(admin, "GET", "/v1/ledger/unknown", "")? {
                    Some(list) => list,
                    None => unknown::list(&open(&config)?)?,
                };
                match format {
                    Format::Json => Ok(list + "\n"),
                    Format::Text => lines(&list).ok_or_else(|| "网关的答复看不懂，请核对版本".to_owned()),
                }
            }
            What::Resolve { entry, verdict, who, why } => {
                let said = json!({ "entry": entry, "verdict": verdict, "who": who, "why": why }).to_string();
                if asked(admin, "POST", "/v1/ledger/resolve", &said)?.is_none() {
                    unknown::resolve(&open(&config)?, said.as_bytes(), Clock::System.now())?;
                }
                Ok(format!("已记下记录 {entry} 的核实结果\n"))
            }
        }
    }
}

/// The ledger of a gateway that does not run.
fn open(config: &Config) -> Result<impl Ledger, String> {
    let LedgerChoice::Sqlite { file, group_max, queue_max } = &config.ledger else {
        return Err("网关没有运行，而台账在内存中（[ledger] kind），没有可看的记录".to_owned());
    };
    let settings = Settings { file: file.clone(), group_max: *group_max, queue_max: *queue_max };
    if !file.is_file() {
        return Err(format!("台账文件 {} 不存在，请核对 [ledger] file", file.display()));
    }
    Sqlite::open(&settings, Clock::System.now()).map_err(|error| error.to_string())
}

/// The gateway's answer; `None` where nobody listens.
///
/// # Errors
/// Its refusal, or that it cannot be reached or understood.
fn asked(admin: SocketAddr, method: &str, path: &str, body: &str) -> Result<Option<String>, String> {
    let cannot = |error: io::Error| format!("管理端口 {admin} 没有答复：{}", in_words(&error));
    let mut stream = match TcpStream::connect_timeout(&admin, PATIENCE) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(cannot)?;
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).map_err(cannot)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).map_err(cannot)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| cannot(io::ErrorKind::UnexpectedEof.into()))?;
    if head.starts_with("HTTP/1.1 200") {
        return Ok(Some(body.to_owned()));
    }
    let reason = serde_json::from_str::<Value>(body).ok();
    let reason = reason.as_ref().and_then(|reason| reason["error"].as_str());
    Err(reason.map_or_else(|| format!("网关的答复：{}", head.lines().next().unwrap_or_default()), str::to_owned))
}

/// A list for people, one entry a line.
fn lines(list: &str) -> Option<String> {
    let list: Value = serde_json::from_str(list).ok()?;
    let entries = list["entries"].as_array()?;
    if entries.is_empty() {
        return Some("没有结果未知的记录\n".to_owned());
    }
    let mut text = String::new();
    for entry in entries {
        let word = |name: &str| entry[name].as_str().unwrap_or("—").to_owned();
        let money = if entry["money"] == true { "资金" } else { "    " };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:>6}  {money}  {}  {} → {}  {}  {}  mark={}",
            entry["entry"],
            word("key"),
            word("caller"),
            word("target"),
            word("openedAt"),
            word("fault"),
            word("mark")
        );
    }
    if list["more"] == true {
        text += "（还有更多，核实这些之后再列）\n";
    }
    Some(text)
}
