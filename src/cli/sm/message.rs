//! `jingyue sm message`: signed and sealed messages of GB/T 35275, in the way of one partner.

use crate::cli::sm::INPUT_BYTES_MAX;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::input::put_bytes;
use crate::cli::sm::private::PrivateArguments;
use crate::cli::sm::random;
use crate::cli::sm::read;
use crate::cli::sm::trusted;
use crate::domain::envelope;
use crate::domain::envelope::Message;
use crate::domain::envelope::PROFILES;
use crate::domain::envelope::Profile;
use crate::domain::envelope::Secrets;
use crate::domain::envelope::Signing;
use crate::domain::x509::Trust;
use crate::domain::x509::When;
use crate::edge::clock::Clock;
use crate::edge::keys::Half;
use clap::Args;
use clap::Subcommand;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What to do with a message.
#[derive(Args, Debug)]
pub(super) struct MessageCommand {
    #[command(subcommand)]
    what: What,
    /// 对方的做法：gbt35275、gmssl、cfca、cfca-legacy、seal-raw
    #[arg(long, global = true, default_value = "gbt35275", value_parser = profile)]
    profile: &'static Profile,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 签名（SignedData，DER，到标准输出）
    Sign {
        #[command(flatten)]
        key: PrivateArguments,
        /// 签名证书文件，可带上级证书
        #[arg(long)]
        certificate: PathBuf,
        /// 内容不放进消息
        #[arg(long)]
        detached: bool,
        /// 带签名属性（内容类型、摘要、签名时间）
        #[arg(long)]
        attributes: bool,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// 验签：输出内容；不对则退出码 1
    Verify {
        /// 受信任机构的证书文件；省略则只验签名值，不判断证书
        #[arg(long)]
        trust: Option<PathBuf>,
        /// 吊销列表文件，可多次；给出则必须能确认签名者的证书未吊销
        #[arg(long, requires = "trust")]
        crl: Vec<PathBuf>,
        /// 与签名分离的内容
        #[arg(long)]
        content: Option<PathBuf>,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// 封数字信封（EnvelopedData，DER，到标准输出）
    Seal {
        /// 接收者的加密证书文件，可有多张
        #[arg(long)]
        certificate: PathBuf,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// 拆数字信封
    Open {
        #[command(flatten)]
        key: PrivateArguments,
        /// 本方加密证书文件
        #[arg(long)]
        certificate: PathBuf,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
}

fn profile(name: &str) -> Result<&'static Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let all: Vec<String> = PROFILES.iter().map(|one| format!("{}（{}）", one.name, one.meaning)).collect();
        format!("没有这种做法；可用 {}", all.join("、"))
    })
}

impl MessageCommand {
    pub(super) fn run(&self) -> Result<(), Told> {
        match &self.what {
            What::Sign { key, certificate, detached, attributes, file } => {
                let certificates = certificates(certificate)?;
                let key = key.open(Half::Sign)?;
                if certificates[0].public() != Some(key.public()) {
                    return Err(Told::fault("私钥与证书不是一对"));
                }
                let time = attributes.then(|| Clock::System.now() / 1000);
                let content = read(file.as_deref(), INPUT_BYTES_MAX)?;
                let signing = Signing { profile: self.profile, certificates: &certificates, attached: !detached, time };
                put_bytes(&envelope::sign(&*key, signing, &content).map_err(Told::fault)?)
            }
            What::Verify { trust, crl, content, file } => {
                let trust = trust.as_ref().map(|path| trusted(std::slice::from_ref(path), crl)).transpose()?;
                self.verify(trust.as_ref(), content.as_ref(), file.as_ref())
            }
            What::Seal { certificate, file } => {
                let recipients = certificates(certificate)?;
                let noise = recipients.iter().map(|_| random().map(Zeroizing::new)).collect::<Result<_, _>>()?;
                let content_key = Zeroizing::new(random()?);
                let secrets = Secrets { content_key, initial_vector: random()?, noise };
                let content = Zeroizing::new(read(file.as_deref(), INPUT_BYTES_MAX)?);
                put_bytes(&envelope::seal(self.profile, &recipients, &content, &secrets).map_err(Told::fault)?)
            }
            What::Open { key, certificate, file } => {
                let own = certificates(certificate)?.swap_remove(0);
                let message = read(file.as_deref(), INPUT_BYTES_MAX)?;
                put_bytes(
                    &envelope::open(self.profile, &*key.open(Half::Encrypt)?, &own, &message).map_err(Told::fault)?,
                )
            }
        }
    }

    fn verify(&self, trust: Option<&Trust>, content: Option<&PathBuf>, file: Option<&PathBuf>) -> Result<(), Told> {
        let bytes = read(file.map(PathBuf::as_path), INPUT_BYTES_MAX)?;
        let beside = content.map(|path| read(Some(path), INPUT_BYTES_MAX)).transpose()?;
        let message = Message::read(&bytes).map_err(Told::fault)?;
        let signers = match trust {
            None => message.check(self.profile, beside.as_deref(), &[]).map_err(Told::fault)?,
            Some(trust) => {
                let when = When::now(Clock::System.now() / 1000);
                let verified =
                    message.verify(self.profile, beside.as_deref(), &[], trust, when).map_err(Told::fault)?;
                verified.into_iter().map(|(signer, _)| signer).collect()
            }
        };
        for signer in signers {
            eprintln!("签名正确：{}", signer.certificate.subject_text());
        }
        if trust.is_none() {
            eprintln!("提醒：没有给出 --trust，签名者的证书未经判断");
        }
        put_bytes(message.content().or(beside.as_deref()).unwrap_or_default())
    }
}
