//! `jingyue licence`: making one is in `licence_issue`; here `verify`, an electronic licence in OFD or JSON, verified
//! offline against a folder of trust, and `id`, an identifier or the content of a two-dimensional code, checked.
//!
//! Exits with 0 where the licence can be accepted, 1 where it must be rejected, 2 where a person has to look.

use super::AT_FAULT;
use super::OURS;
use super::USAGE;
use super::licence_issue::IssueCommand;
use super::licence_issue::SealCommand;
use crate::domain::licence::Code;
use crate::domain::licence::Decision;
use crate::domain::licence::Detail;
use crate::domain::licence::FILE_BYTES_MAX;
use crate::domain::licence::Level as Weight;
use crate::domain::licence::Memory;
use crate::domain::licence::POLICY_BYTES_MAX;
use crate::domain::licence::Policy;
use crate::domain::licence::QrFault;
use crate::domain::licence::Question;
use crate::domain::licence::Trust;
use crate::domain::licence::check_identifier;
use crate::domain::licence::identifier_of_qr;
use crate::domain::licence::is_json;
use crate::domain::licence::judge;
use crate::domain::licence::judge_detached;
use crate::edge::clock::Clock;
use crate::edge::trouble::in_words;
use crate::edge::trust;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

/// It cannot be decided here.
const UNDECIDED: u8 = 2;

/// What to do with a licence.
#[derive(Args, Debug)]
pub(super) struct Licence {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 签发 OFD 电子证照（样例与测试，或自有发证系统）
    Issue(IssueCommand),
    /// 制作电子印章（.esl）
    Seal(SealCommand),
    /// 验证电子证照（OFD，或 JSON 与签名文件）：0 可以采信，1 不予采信，2 需要人工核实
    Verify(Verify),
    /// 校验证照标识或二维码内容：0 正确，1 不正确，2 无法计算校验位
    Id {
        /// 证照标识，或二维码内容（含标识的网址不会被访问）
        text: String,
    },
}

#[derive(Args, Debug)]
struct Verify {
    /// OFD 或 JSON 文件；“-”为标准输入
    file: PathBuf,
    /// JSON 证照的签名文件：GB/T 35275 SignedData，或 licence-signature/1
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// 信任目录：自签 *.cer 为根证书，其余 *.cer 为中间证书，*.crl 为吊销列表，*.json 与 *.sig 为签名的信任清单
    #[arg(long, value_name = "DIR")]
    trust: PathBuf,
    /// 验证时间，如 2026-11-23T09:30:15+08:00；缺省为现在
    #[arg(long, value_parser = moment)]
    at: Option<i64>,
    /// 策略文件；缺省为内置策略
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// 事项编码，须在策略文件中
    #[arg(long, requires = "policy", value_name = "CODE")]
    matter: Option<String>,
    /// 已见过的信任清单最高版号，如 430000=12；可重复，低于它的清单不用
    #[arg(long, value_parser = known, value_name = "PROVINCE=N")]
    known: Vec<(String, u64)>,
    /// 报告格式
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// 报告详略
    #[arg(long, value_enum, default_value = "detailed")]
    level: Level,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// 只有结论与原因
    Simple,
    /// 另有各项检查与证据
    Detailed,
    /// 再加签名值原文，可供另行验证
    Full,
}

impl Level {
    const fn detail(self) -> Detail {
        match self {
            Self::Simple => Detail::Simple,
            Self::Detailed => Detail::Detailed,
            Self::Full => Detail::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// 供窗口人员阅读
    Text,
    /// 供系统读取
    Json,
}

fn moment(text: &str) -> Result<i64, String> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed.map(jiff::Timestamp::as_second).map_err(|_| "应写成 2026-11-23T09:30:15+08:00".to_owned())
}

fn known(text: &str) -> Result<(String, u64), String> {
    let pair = text.split_once('=').and_then(|(province, number)| Some((province.to_owned(), number.parse().ok()?)));
    pair.ok_or_else(|| "应写成 430000=12".to_owned())
}

impl Licence {
    pub(super) fn run(&self) -> u8 {
        match &self.what {
            What::Issue(command) => super::sm::finish(command.run()),
            What::Seal(command) => super::sm::finish(command.run()),
            What::Verify(command) => command.run().unwrap_or_else(|code| code),
            What::Id { text } => identify(text),
        }
    }
}

/// Checks an identifier and tells its parts.
fn identify(text: &str) -> u8 {
    let identifier = match identifier_of_qr(text) {
        Ok(identifier) => identifier,
        Err(QrFault::None) => {
            eprintln!("{}：{}", Code::LicIdSyntax.code(), Code::LicIdSyntax.failed());
            return AT_FAULT;
        }
        Err(fault) => {
            eprintln!("{fault}");
            return AT_FAULT;
        }
    };
    let Some(parts) = check_identifier(identifier) else {
        eprintln!("{}：{}", Code::LicIdSyntax.code(), Code::LicIdSyntax.failed());
        return AT_FAULT;
    };
    super::put(&format!(
        "证照标识：{identifier}\n证照类型代码：{}\n颁发机构代码：{}\n流水号：{}\n版本号：{}\n校验位：{}\n",
        parts.kind, parts.authority, parts.serial, parts.version, parts.check
    ));
    for code in &parts.codes {
        eprintln!("{}：{}", code.code(), code.failed());
    }
    match parts.codes.iter().map(|code| code.level()).max() {
        None => 0,
        Some(Weight::Fail) => AT_FAULT,
        Some(_) => UNDECIDED,
    }
}

impl Verify {
    fn run(&self) -> Result<u8, u8> {
        let trust = self.trusted()?;
        let policy = self.policy.as_deref().map_or_else(|| Ok(Policy::default()), read_policy)?;
        let open = |path: &PathBuf| {
            read(path).map_err(|error| {
                eprintln!("{} 无法读取：{}", path.display(), in_words(&error));
                USAGE
            })
        };
        let file = open(&self.file)?;
        let signature = self.signature.as_ref().map(open).transpose()?;
        if signature.is_some() && !is_json(&file) {
            eprintln!("--signature 只用于 JSON 证照；OFD 的签名在文件之内");
            return Err(USAGE);
        }
        let at = self.at.unwrap_or_else(|| Clock::System.now().div_euclid(1_000));
        let question = Question { matter: self.matter.as_deref(), ..Question::new(&trust, &policy, at) };
        let report = match &signature {
            Some(signature) => judge_detached(&file, signature, &question),
            None => judge(&file, &question),
        };
        match self.format {
            Format::Text => super::put(&report.text_at(self.level.detail())),
            Format::Json => {
                let text = serde_json::to_string_pretty(&report.json_at(self.level.detail())).map_err(|error| {
                    eprintln!("报告无法写出：{error}");
                    OURS
                })?;
                super::put(&(text + "\n"));
            }
        }
        Ok(match report.decision {
            Decision::Accept => 0,
            Decision::Reject => AT_FAULT,
            Decision::Review => UNDECIDED,
        })
    }

    fn trusted(&self) -> Result<Trust, u8> {
        let files = trust::read(&self.trust).map_err(|error| {
            eprintln!("{error}");
            USAGE
        })?;
        let memory = |(province, sequence): &(String, u64)| {
            (province.clone(), Memory { sequence: *sequence, ..Memory::default() })
        };
        Trust::of_folder(&files, &self.known.iter().map(memory).collect()).map_err(|faults| {
            for fault in &faults {
                eprintln!("{fault}");
            }
            eprintln!("信任目录 {} 有 {} 处错误，没有验证", self.trust.display(), faults.len());
            USAGE
        })
    }
}

fn read_policy(path: &Path) -> Result<Policy, u8> {
    let failed = |what: &dyn std::fmt::Display| {
        eprintln!("{} 无法读取：{what}", path.display());
        USAGE
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    let limit = u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Policy::read(&path.display().to_string(), &text).map_err(|faults| {
        for fault in &faults {
            eprintln!("{fault}");
        }
        eprintln!("策略文件有 {} 处错误，没有验证", faults.len());
        USAGE
    })
}

/// One byte more than allowed is read, so that a file that is too large is told as such.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
