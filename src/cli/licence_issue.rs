//! `jingyue licence seal` and `issue`: an electronic seal, and an OFD licence signed with it.
//!
//! What a licence says stands in a TOML file that people keep; the names of its fields are those of the catalogue:
//!
//! ```toml
//! type = "111000000000131433001"
//! authority = "岳阳样例局"
//! authority_code = "11430600MY0000012M"
//! serial = "J430602202000012"
//! version = 1
//! remark = "样例，人物、机构均为虚构"
//! [[field]]
//! name = "CZZT"
//! value = "刘样本"
//! ```

use super::sm::CertifiedKeyFile;
use super::sm::Told;
use super::sm::certificates;
use super::sm::read;
use super::sm::write_new;
use crate::domain::issuing::Draft;
use crate::domain::issuing::Entry;
use crate::domain::issuing::Form;
use crate::domain::issuing::IssueFault;
use crate::domain::issuing::SealDraft;
use crate::domain::issuing::Signer;
use crate::domain::issuing::issue;
use crate::domain::issuing::seal_picture;
use crate::domain::mapping::nearest;
use crate::domain::recognition::Field;
use crate::domain::recognition::FieldKind;
use crate::domain::recognition::Recognition;
use crate::edge::clock::Clock;
use clap::Args;
use clap::ValueEnum;
use serde::Deserialize;
use std::path::PathBuf;

const DRAFT_BYTES_MAX: usize = 1 << 20;
const SEAL_BYTES_MAX: usize = 4 << 20;
const DAY: i64 = 86_400;

impl From<IssueFault> for Told {
    fn from(fault: IssueFault) -> Self {
        match fault {
            IssueFault::Key(fault) => fault.into(),
            other => Self::fault(other),
        }
    }
}

/// How to sign.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Signature {
    /// GM/T 0031-2014 电子签章
    Ses1,
    /// GB/T 38540-2020 电子签章
    Ses4,
    /// 电子签章，结构版本 5
    Ses5,
    /// GB/T 35275 数字签名，摘要在内
    SignContent,
    /// GB/T 35275 数字签名，带属性
    SignAttributes,
}

impl Signature {
    const fn form(self) -> Form {
        match self {
            Self::Ses1 => Form::Seal1,
            Self::Ses4 => Form::Seal4,
            Self::Ses5 => Form::Seal5,
            Self::SignContent => Form::SignContent,
            Self::SignAttributes => Form::SignAttributes,
        }
    }
}

/// A seal to be made.
#[derive(Args, Debug)]
pub(super) struct SealCommand {
    /// 印章编码（政务印章为 14 位数字）
    #[arg(long)]
    id: String,
    /// 印章名称
    #[arg(long)]
    name: String,
    /// 签章人证书，可多次
    #[arg(long = "holder", required = true)]
    holders: Vec<PathBuf>,
    /// 制章人的私钥与证书
    #[command(flatten)]
    maker: CertifiedKeyFile,
    /// 结构版本：1、4、5
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u8).range(1..=5))]
    version: u8,
    /// 有效天数
    #[arg(long, default_value = "365")]
    days: u16,
    /// 图片（PNG）；省略则画一枚圆章
    #[arg(long)]
    picture: Option<PathBuf>,
    /// 输出文件，.esl
    #[arg(long)]
    out: PathBuf,
}

impl SealCommand {
    pub(super) fn run(&self) -> Result<(), Told> {
        let mut holders = Vec::new();
        for path in &self.holders {
            holders.push(certificates(path)?.swap_remove(0));
        }
        let picture = match &self.picture {
            Some(path) => read(Some(path), SEAL_BYTES_MAX)?,
            None => seal_picture(&self.id),
        };
        let now = Clock::System.now().div_euclid(1_000);
        let ders: Vec<&[u8]> = holders.iter().map(crate::domain::x509::Certificate::der).collect();
        let draft = SealDraft {
            version: self.version,
            id: &self.id,
            name: &self.name,
            holders: &ders,
            picture: &picture,
            made: now,
            valid_from: now,
            valid_until: now + i64::from(self.days) * DAY,
        };
        let (key, certificates) = self.maker.open()?;
        write_new(&self.out, &draft.make(&*key, certificates[0].der())?, false)
    }
}

/// A licence to be issued.
#[derive(Args, Debug)]
pub(super) struct IssueCommand {
    /// 证照内容，TOML
    #[arg(long)]
    from: PathBuf,
    /// 签章人的私钥与证书
    #[command(flatten)]
    signer: CertifiedKeyFile,
    /// 签名形式
    #[arg(long, value_enum, default_value = "ses4")]
    form: Signature,
    /// 电子印章文件 .esl；数字签名不用
    #[arg(long, required_if_eq_any = [("form", "ses1"), ("form", "ses4"), ("form", "ses5")])]
    seal: Option<PathBuf>,
    /// 签署时间，如 2026-11-23T09:30:15+08:00；省略为现在
    #[arg(long)]
    at: Option<jiff::Timestamp>,
    /// 映射目录；省略则为当前目录的 mappings，或程序所带的
    #[arg(long)]
    mappings: Option<PathBuf>,
    /// 输出文件，.ofd
    #[arg(long)]
    out: PathBuf,
}

impl IssueCommand {
    pub(super) fn run(&self) -> Result<(), Told> {
        let library = super::load(self.mappings.as_deref()).map_err(Told::fault)?;
        let recognition = Recognition::compile(&library.files)
            .map_err(|faults| Told::fault(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        let text = String::from_utf8(read(Some(&self.from), DRAFT_BYTES_MAX)?)
            .map_err(|_| Told::fault(format_args!("{}：不是 UTF-8 编码", self.from.display())))?;
        let wrong = |found: String| Told::fault(format_args!("{}：{found}", self.from.display()));
        let (draft, number) = draft(&text, &recognition).map_err(|faults| wrong(faults.join("；")))?;
        let seal = match &self.seal {
            Some(path) => read(Some(path), SEAL_BYTES_MAX)?,
            None => Vec::new(),
        };
        let (key, all) = self.signer.open()?;
        let at = self.at.map_or_else(|| Clock::System.now().div_euclid(1_000), jiff::Timestamp::as_second);
        let signer = Signer {
            key: &*key,
            certificates: &all,
            form: self.form.form(),
            seal: &seal,
            picture: &seal_picture(&number),
            at,
        };
        write_new(&self.out, &issue(&draft, &signer)?, false)?;
        tell!("{}", draft.identifier()?);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    authority: String,
    authority_code: String,
    serial: String,
    #[serde(default = "first")]
    version: u16,
    #[serde(default)]
    remark: String,
    /// The number of the seal, drawn where the signature has none.
    #[serde(default)]
    seal_number: String,
    #[serde(default, rename = "field")]
    fields: Vec<RawField>,
}

const fn first() -> u16 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: String,
    value: String,
}

/// What the TOML text says, and the number of the seal.
///
/// # Errors
/// All types and fields that the catalogue does not have.
pub(super) fn draft(text: &str, recognition: &Recognition) -> Result<(Draft, String), Vec<String>> {
    let raw: Raw = toml::from_str(text).map_err(|error| vec![error.message().to_owned()])?;
    let mut faults = Vec::new();
    let near = |word: &str, known: Vec<&str>| {
        nearest(word, known).map_or_else(String::new, |near| format!("（是否想写“{near}”？）"))
    };
    let name = recognition.kind(&raw.kind).map(|kind| kind.name.clone());
    if name.is_none() {
        let known = recognition.catalogue().iter().filter_map(|kind| kind.code.as_deref()).collect();
        faults.push(format!("证照类型“{}”不在目录中{}", raw.kind, near(&raw.kind, known)));
    }
    let mut entries = Vec::new();
    for field in raw.fields {
        // Codes are for machines: the page shows what they stand for, where it is a field of its own.
        let is_shown = |known: &Field| matches!(known.kind, FieldKind::Date | FieldKind::Text);
        let title = recognition
            .fields()
            .iter()
            .find(|known| known.name == field.name)
            .map(|known| if is_shown(known) { known.title.clone() } else { String::new() });
        if let Some(title) = title {
            entries.push(Entry { name: field.name, title, value: field.value });
        } else {
            let known = recognition.fields().iter().map(|field| field.name.as_str()).collect();
            faults.push(format!("字段“{}”不在目录中{}", field.name, near(&field.name, known)));
        }
    }
    let Some(name) = name.filter(|_| faults.is_empty()) else { return Err(faults) };
    let draft = Draft {
        name,
        kind: raw.kind,
        authority: raw.authority,
        authority_code: raw.authority_code,
        serial: raw.serial,
        version: raw.version,
        entries,
        remark: raw.remark,
    };
    Ok((draft, raw.seal_number))
}
