//! `jingyue pki trust-list`: whom the licences of one province are recognised from, signed by the operator of the list.
//!
//! The list is JSON; the signature, over its bytes, is a file beside it (SM2, DER, identity 1234567812345678). What goes
//! in stands in a TOML file that people keep:
//!
//! ```toml
//! province = "430000"
//! sequence = 1
//! days = 180
//! anchors = ["ca/hunan.pem"]
//! seal_makers = ["seals/hunan-maker.pem"]
//! next_operator = "next/list-operator.pem"      # 可省略：下一任运营者
//! [[anchors_dated]]                              # 可省略：另写期间的根；seal_makers、time_stampers 也可这样写
//! certificate = "ca/hunan-old.pem"
//! status = "withdrawn"
//! until = "2026-06-30T00:00:00+08:00"
//! [[offices]]
//! uscc = "11430600006000000X"
//! name = "岳阳市行政审批服务局"
//! seal_ids = ["43060000000001"]
//! types = ["11100000MB0143028R001"]
//! from = "2020-01-01T00:00:00+08:00"             # 可省略：缺省为现在；until 缺省为没有截止
//! [[crls]]
//! issuer = "ca/hunan.pem"
//! url = "http://crl.example/hunan.crl"
//! max_age_hours = 48
//! ```

use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::moment;
use crate::cli::pki::now;
use crate::cli::sm::CertifiedKeyFile;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::read;
use crate::cli::sm::write_new;
use crate::domain::key;
use crate::domain::key::Key;
use crate::domain::licence;
use crate::domain::sm;
use crate::domain::sm::sm2::DEFAULT_ID;
use crate::domain::x509::Certificate;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use std::path::Path;
use std::path::PathBuf;

/// What to do with a trust list.
#[derive(Args, Debug)]
pub(super) struct TrustList {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 由 TOML 生成列表（JSON）和签名（同名 .sig）
    Make {
        /// 列表内容，TOML；其中的证书文件相对于它
        #[arg(long)]
        from: PathBuf,
        /// 列表运营者的私钥与证书
        #[command(flatten)]
        operator: CertifiedKeyFile,
        /// 输出文件，.json
        #[arg(long)]
        out: PathBuf,
    },
    /// 验证列表的签名和期限
    Verify {
        /// 列表运营者的证书
        #[arg(long)]
        certificate: PathBuf,
        /// 列表文件；签名在同名 .sig
        file: PathBuf,
    },
}

/// What goes into a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) province: String,
    pub(super) sequence: u64,
    pub(super) days: u16,
    pub(super) anchors: Vec<PathBuf>,
    #[serde(default)]
    pub(super) seal_makers: Vec<PathBuf>,
    #[serde(default)]
    pub(super) time_stampers: Vec<PathBuf>,
    #[serde(default)]
    pub(super) anchors_dated: Vec<Dated>,
    #[serde(default)]
    pub(super) seal_makers_dated: Vec<Dated>,
    #[serde(default)]
    pub(super) time_stampers_dated: Vec<Dated>,
    #[serde(default)]
    pub(super) next_operator: Option<PathBuf>,
    #[serde(default)]
    pub(super) offices: Vec<Office>,
    #[serde(default)]
    pub(super) crls: Vec<Crl>,
}

/// A certificate with a time of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dated {
    certificate: PathBuf,
    status: Option<Status>,
    from: Option<String>,
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Granted,
    Withdrawn,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Office {
    pub(super) uscc: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) seal_ids: Vec<String>,
    #[serde(default)]
    pub(super) types: Vec<String>,
    pub(super) from: Option<String>,
    pub(super) until: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crl {
    pub(super) issuer: PathBuf,
    pub(super) url: String,
    pub(super) max_age_hours: u32,
}

impl TrustList {
    pub(super) fn run(&self) -> Result<(), Told> {
        match &self.what {
            What::Make { from, operator, out } => {
                let text = read(Some(from), 1 << 20)?;
                let text = std::str::from_utf8(&text).map_err(|_| Told::fault("列表内容不是 UTF-8"))?;
                let content: Content =
                    toml::from_str(text).map_err(|error| Told::fault(format_args!("{}：{error}", from.display())))?;
                let (key, certificates) = operator.open()?;
                make(&content, from.parent().unwrap_or(Path::new(".")), &*key, &certificates[0], out, now())
            }
            What::Verify { certificate, file } => verify(certificate, file),
        }
    }
}

/// Writes a list and its signature.
pub(super) fn make(
    content: &Content,
    folder: &Path,
    key: &dyn Key,
    operator: &Certificate,
    out: &Path,
    now: i64,
) -> Result<(), Told> {
    let list = list(content, folder, operator, now)?;
    let bytes = format!("{list:#}\n");
    let signature = key::sign(key, DEFAULT_ID, &[bytes.as_bytes()])?;
    let signature_der = signature.to_der();
    // What the gateway would refuse is not written.
    let own = licence::Operator::of_bytes(operator.der()).map_err(Told::fault)?;
    licence::TrustList::read(bytes.as_bytes(), &signature_der, &[own], None, Some(&content.province))
        .map_err(|faults| told(&faults))?;
    write_new(out, bytes.as_bytes(), false)?;
    write_new(&out.with_extension("sig"), &signature_der, false)
}

fn list(content: &Content, folder: &Path, operator: &Certificate, now: i64) -> Result<Value, Told> {
    if content.province.len() != 6 || !content.province.ends_with("0000") {
        return Err(Told::fault(format_args!("province = \"{}\"：应为省级行政区划代码，如 430000", content.province)));
    }
    let entries = |files: &[PathBuf], dated: &[Dated]| -> Result<Vec<Value>, Told> {
        let plain = files.iter().map(|file| Ok(entry(&certificates(&folder.join(file))?.swap_remove(0))));
        plain.chain(dated.iter().map(|dated| dated_entry(dated, folder))).collect()
    };
    let offices: Vec<Value> = content
        .offices
        .iter()
        .map(|office| {
            json!({ "uscc": office.uscc, "name": office.name, "sealIds": office.seal_ids, "types": office.types,
                    "from": office.from.clone().unwrap_or_else(|| moment(now)), "until": office.until })
        })
        .collect();
    let mut crls = Vec::new();
    for crl in &content.crls {
        let issuer = certificates(&folder.join(&crl.issuer))?.swap_remove(0);
        crls.push(
            json!({ "issuer": sm::hex(&issuer.fingerprint()), "url": crl.url, "maxAgeHours": crl.max_age_hours }),
        );
    }
    let next = content.next_operator.as_ref().map(|file| -> Result<Value, Told> {
        let certificate = certificates(&folder.join(file))?.swap_remove(0);
        Ok(json!({ "sm3": sm::hex(&certificate.fingerprint()), "cert": STANDARD.encode(certificate.der()) }))
    });
    Ok(json!({
        "scheme": licence::SCHEME,
        "province": content.province,
        "sequence": content.sequence,
        "issued": moment(now),
        "nextUpdate": moment(now + i64::from(content.days) * DAY_SECONDS),
        "operator": { "name": operator.subject_text(), "sm3": sm::hex(&operator.fingerprint()) },
        "anchors": entries(&content.anchors, &content.anchors_dated)?,
        "sealMakers": entries(&content.seal_makers, &content.seal_makers_dated)?,
        "offices": offices,
        "tsas": entries(&content.time_stampers, &content.time_stampers_dated)?,
        "crls": crls,
        "nextOperatorKey": next.transpose()?,
    }))
}

fn entry(certificate: &Certificate) -> Value {
    json!({
        "sm3": sm::hex(&certificate.fingerprint()),
        "cert": STANDARD.encode(certificate.der()),
        "status": "granted",
        "from": moment(certificate.not_before()),
        "until": null,
    })
}

fn dated_entry(dated: &Dated, folder: &Path) -> Result<Value, Told> {
    let mut value = entry(&certificates(&folder.join(&dated.certificate))?.swap_remove(0));
    if let Some(from) = &dated.from {
        value["from"] = json!(from);
    }
    value["until"] = json!(dated.until);
    if matches!(dated.status, Some(Status::Withdrawn)) {
        value["status"] = json!("withdrawn");
    }
    Ok(value)
}

fn verify(certificate: &Path, file: &Path) -> Result<(), Told> {
    let operator = certificates(certificate)?.swap_remove(0);
    let bytes = read(Some(file), licence::LIST_BYTES_MAX)?;
    let signature = read(Some(&file.with_extension("sig")), 1024)?;
    let operator = licence::Operator::of_bytes(operator.der()).map_err(Told::fault)?;
    let list = licence::TrustList::read(&bytes, &signature, &[operator], None, None).map_err(|faults| told(&faults))?;
    let until = moment(list.next_update());
    if list.next_update() < now() {
        return Err(Told::fault(format_args!("信任列表已于 {until} 过期")));
    }
    tell!("签名正确：{} 第 {} 版，{until} 前有效", list.province(), list.sequence());
    Ok(())
}

fn told(faults: &[licence::ListFault]) -> Told {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Told::fault(faults.join("\n"))
}
