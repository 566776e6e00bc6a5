//! `jingyue pki`: certification authorities, certificates, revocation lists and trust lists with SM2 keys.
//!
//! For a city that has no authority of its own yet, for tests, and for looking at what others issued. An authority that
//! the public relies on is run by a licensed body (电子认证服务机构), not by this.

mod authority;
mod enveloped;
mod issue;
mod sample;
mod trust_list;

use super::sm::KeyFile;
use super::sm::Told;
use super::sm::certificates;
use super::sm::trusted;
use super::sm::write_key;
use crate::cli::pki::authority::Authority;
use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::EARLIER_SECONDS;
use crate::cli::pki::authority::moment;
use crate::cli::pki::issue::Job;
use crate::domain::key::file;
use crate::domain::sm;
use crate::domain::x509;
use crate::domain::x509::Certificate;
use crate::domain::x509::Kind;
use crate::domain::x509::Purpose;
use crate::domain::x509::When;
use crate::edge::clock::Clock;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use std::path::Path;
use std::path::PathBuf;

/// What to do.
#[derive(Args, Debug)]
pub(super) struct Pki {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 建立根机构（如省级根）
    Root {
        #[command(flatten)]
        new: NewAuthority,
    },
    /// 建立下级机构
    Authority {
        #[command(flatten)]
        parent: Parent,
        #[command(flatten)]
        new: NewAuthority,
    },
    /// 签发证书；pair 一次发签名、加密两张，主体相同
    Issue {
        #[command(flatten)]
        parent: Parent,
        /// 用途
        #[arg(long, value_enum)]
        kind: Usage,
        /// 主体名称，如 "CN=gateway,O=岳阳市行政审批服务局,C=CN"；有 --request 时取自请求
        #[arg(long, required_unless_present = "request")]
        name: Option<String>,
        /// 证书请求文件（PKCS#10）；省略则连同私钥一起生成。pair 的请求是签名公钥的：加密密钥对由本机构生成，
        /// 加密给签名公钥，写到后缀 -encrypt.envelope 的文件，对方用 import-envelope 取出
        #[arg(long)]
        request: Option<PathBuf>,
        /// 域名或 IP，可多次
        #[arg(long)]
        host: Vec<String>,
        /// 有效天数
        #[arg(long, default_value = "365")]
        days: u16,
        /// 吊销列表的下载地址，写进证书
        #[arg(long)]
        crl_address: Option<String>,
        /// 输出文件名的前缀，如 certs/gateway：得 gateway.pem、gateway.key；pair 得 gateway-sign、gateway-encrypt
        #[arg(long)]
        out: PathBuf,
        /// 用此文件中的口令加密私钥
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// 生成证书请求（PKCS#10，PEM，到标准输出）
    Request {
        #[command(flatten)]
        key: KeyFile,
        /// 主体名称
        #[arg(long)]
        name: String,
    },
    /// 取出机构下发的加密密钥对（GB/T 35276 第 7.4 条的密钥对保护结构）：用签名私钥打开，写成私钥文件
    ImportEnvelope {
        #[command(flatten)]
        signing: KeyFile,
        /// 加密证书文件：其中的公钥须与取出的私钥相配
        #[arg(long)]
        certificate: PathBuf,
        /// 写到哪个文件，不得已有
        #[arg(long)]
        out: PathBuf,
        /// 用此文件中的口令加密取出的私钥
        #[arg(long)]
        out_password_file: Option<PathBuf>,
        /// 密钥对保护结构，DER 或 Base64；省略为标准输入
        file: Option<PathBuf>,
    },
    /// 吊销证书；随后用 crl 发布
    Revoke {
        #[command(flatten)]
        parent: Parent,
        #[command(flatten)]
        which: Which,
        /// 原因代码（RFC 5280）：1 私钥泄露，3 变更，4 被替换，5 停用
        #[arg(long, default_value = "0", value_parser = clap::value_parser!(u8).range(0..=6))]
        reason: u8,
    },
    /// 生成吊销列表（机构目录中的 crl.pem，并到标准输出）
    Crl {
        #[command(flatten)]
        parent: Parent,
        /// 多少天内发布下一份
        #[arg(long, default_value = "7")]
        days: u16,
    },
    /// 显示证书或证书链
    Show {
        /// 证书文件
        file: PathBuf,
    },
    /// 验证证书链：可信则退出码 0，否则 1
    Verify {
        /// 受信任机构的证书文件，可多次
        #[arg(long, required = true)]
        trust: Vec<PathBuf>,
        /// 吊销列表文件，可多次；给出则必须能确认未吊销
        #[arg(long)]
        crl: Vec<PathBuf>,
        /// 用途
        #[arg(long, value_enum, default_value = "sign")]
        purpose: Use,
        /// 按什么时间判断（RFC 3339），省略为现在
        #[arg(long)]
        at: Option<jiff::Timestamp>,
        /// 证书文件：本证书在前，上级在后
        file: PathBuf,
    },
    /// 省级信任列表：生成、验证
    TrustList(trust_list::TrustList),
    /// 重新生成 certs-sample 的全部样例；齐全且匹配时什么也不改
    Sample {
        /// 目录
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Args, Debug)]
struct NewAuthority {
    /// 机构目录，不得已有机构
    #[arg(long)]
    out: PathBuf,
    /// 名称，如 "CN=湖南样例根,O=样例,C=CN"
    #[arg(long)]
    name: String,
    /// 有效天数；省略时根为 7300，下级为 3650
    #[arg(long)]
    days: Option<u16>,
    /// 之下最多还有几级机构；省略时为上级机构所允许的最多级数
    #[arg(long)]
    path_length: Option<u8>,
    /// 用此文件中的口令加密私钥
    #[arg(long)]
    password_file: Option<PathBuf>,
}

/// A certificate that was issued.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// 序列号，十六进制
    #[arg(long)]
    serial: Option<String>,
    /// 证书文件：签发记录（issued.csv）里没有的也能吊销
    #[arg(long)]
    certificate: Option<PathBuf>,
}

impl Which {
    fn revoke(&self, authority: &Authority, reason: u8) -> Result<(), Told> {
        match (&self.serial, &self.certificate) {
            (Some(serial), _) => authority.revoke(serial, reason, now()),
            (None, Some(file)) => authority.revoke_certificate(&certificates(file)?.swap_remove(0), reason, now()),
            (None, None) => Err(Told::fault("须给出 --serial 或 --certificate")),
        }
    }
}

#[derive(Args, Debug)]
struct Parent {
    /// 签发机构的目录
    #[arg(long = "ca")]
    directory: PathBuf,
    /// 签发机构的私钥口令文件
    #[arg(long = "ca-password-file")]
    ca_password_file: Option<PathBuf>,
}

impl Parent {
    fn open(&self) -> Result<Authority, Told> {
        Authority::open(&self.directory, self.ca_password_file.as_deref())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Usage {
    /// 加密
    Encrypt,
    /// 签名、加密两张（TLCP）
    Pair,
    /// 制章人
    SealMaker,
    /// 签名（TLS、TLCP）
    Sign,
    /// 签章、签名消息
    Signer,
    /// 时间戳
    TimeStamp,
}

impl Usage {
    /// The certificates that are made, with what their files are called.
    const fn kinds(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Encrypt => &[("", Kind::TlsEncryption)],
            Self::Pair => &[("-sign", Kind::TlsSign), ("-encrypt", Kind::TlsEncryption)],
            Self::Sign => &[("", Kind::TlsSign)],
            Self::SealMaker | Self::Signer => &[("", Kind::Signer)],
            Self::TimeStamp => &[("", Kind::TimeStamp)],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Use {
    Decrypt,
    Sign,
    TimeStamp,
    TlsClient,
    TlsClientEncryption,
    TlsServer,
    TlsServerEncryption,
}

impl Use {
    const fn purpose(self) -> Purpose {
        match self {
            Self::Decrypt => Purpose::Decrypt,
            Self::Sign => Purpose::Sign,
            Self::TimeStamp => Purpose::StampTime,
            Self::TlsClient => Purpose::TlsClientSign,
            Self::TlsClientEncryption => Purpose::TlsClientEncryption,
            Self::TlsServer => Purpose::TlsServerSign,
            Self::TlsServerEncryption => Purpose::TlsServerEncryption,
        }
    }
}

pub(super) fn now() -> i64 {
    Clock::System.now() / 1000
}

fn name(text: &str) -> Result<Vec<u8>, Told> {
    x509::name(text).map_err(|_| Told::fault(format_args!("名称“{text}”看不懂；写作 CN=…,O=…,C=CN")))
}

impl Pki {
    pub(super) fn run(&self) -> u8 {
        super::sm::finish(self.what.run())
    }
}

impl What {
    fn run(&self) -> Result<(), Told> {
        match self {
            Self::Root { new } => new.make(None),
            Self::Authority { parent, new } => new.make(Some(&parent.open()?)),
            Self::Issue { parent, kind, name, request, host, days, crl_address, out, password_file } => {
                let job = Job {
                    authority: &parent.open()?,
                    out,
                    host,
                    days: *days,
                    list_point: crl_address.as_deref(),
                    password_file: password_file.as_deref(),
                };
                match (request, name) {
                    (Some(request), _) => job.requested(*kind, request),
                    (None, Some(text)) => job.with_keys(*kind, &self::name(text)?),
                    (None, None) => Err(Told::fault("须给出 --name 或 --request")),
                }
            }
            Self::Request { key, name: text } => {
                let der = x509::request(&*key.open()?, &name(text)?)?;
                super::put(&file::pem("CERTIFICATE REQUEST", &der));
                Ok(())
            }
            Self::ImportEnvelope { signing, certificate, out, out_password_file, file } => {
                let pair = enveloped::open(file.as_deref(), &*signing.open()?, certificate)?;
                write_key(out, &pair, out_password_file.as_deref())
            }
            Self::Revoke { parent, which, reason } => which.revoke(&parent.open()?, *reason),
            Self::Crl { parent, days } => {
                let der = parent.open()?.list(now(), i64::from(*days) * DAY_SECONDS)?;
                super::put(&file::pem("X509 CRL", &der));
                Ok(())
            }
            Self::Show { file } => {
                certificates(file)?.iter().for_each(show);
                Ok(())
            }
            Self::Verify { trust, crl, purpose, at, file } => verify(trust, crl, *purpose, *at, file),
            Self::TrustList(command) => command.run(),
            Self::Sample { out } => sample::make(out),
        }
    }
}

impl NewAuthority {
    fn make(&self, parent: Option<&Authority>) -> Result<(), Told> {
        let now = now();
        let days = self.days.unwrap_or(if parent.is_none() { 7_300 } else { 3_650 });
        let validity = (now - EARLIER_SECONDS, now + i64::from(days) * DAY_SECONDS);
        let password_file = self.password_file.as_deref();
        let made = Authority::make(&self.out, parent, &name(&self.name)?, self.path_length, validity, password_file)?;
        show(made.certificate());
        Ok(())
    }
}

fn show(certificate: &Certificate) {
    tell!("主体    {}", certificate.subject_text());
    tell!("签发者  {}", certificate.issuer_text());
    tell!("序列号  {}", sm::hex(certificate.serial()));
    tell!("有效期  {} 至 {}", moment(certificate.not_before()), moment(certificate.not_after()));
    tell!("SM3     {}", sm::hex(&certificate.fingerprint()));
    match certificate.public() {
        Some(public) => tell!("密钥    SM2，标识 {}", crate::domain::key::KeyId::of(public)),
        None => tell!("密钥    不是 SM2"),
    }
    let uses: Vec<&str> = [
        (certificate.is_authority(), "签发证书"),
        (Purpose::Sign.allowed_by(certificate), "签名"),
        (Purpose::Decrypt.allowed_by(certificate), "加密"),
        (Purpose::TlsServerSign.allowed_by(certificate), "TLS 服务端"),
        (Purpose::TlsClientSign.allowed_by(certificate), "TLS 客户端"),
        (Purpose::StampTime.allowed_by(certificate), "时间戳"),
    ]
    .into_iter()
    .filter_map(|(allowed, what)| allowed.then_some(what))
    .collect();
    tell!("用途    {}", uses.join("、"));
}

fn verify(
    trust: &[PathBuf],
    crl: &[PathBuf],
    purpose: Use,
    at: Option<jiff::Timestamp>,
    file: &Path,
) -> Result<(), Told> {
    let trust = trusted(trust, crl)?;
    let mut chain = certificates(file)?;
    let leaf = chain.remove(0);
    let now = now();
    let when = When { at: at.map_or(now, jiff::Timestamp::as_second), now };
    let told = |fault: x509::CertificateFault| Told::fault(format_args!("{} {fault}", fault.code()));
    let path = trust.verify(&leaf, &chain, purpose.purpose(), when).map_err(told)?;
    for certificate in &path.certificates {
        tell!("{}", certificate.subject_text());
    }
    Ok(())
}
