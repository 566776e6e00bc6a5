//! `jingyue sm`: SM2, SM3 and SM4 at the command line, in the formats that OpenSSL 3 reads and writes.
//!
//! Data comes from a file or standard input and goes to standard output; keys come from files, passwords too. Each
//! command begins with the self-test of the algorithms (`cli::run`).

mod input;
mod key_file;
mod message;
mod private;
mod speed;

pub(super) use crate::cli::sm::input::NewFile;
pub(super) use crate::cli::sm::input::Told;
pub(super) use crate::cli::sm::input::certificates;
pub(super) use crate::cli::sm::input::finish;
pub(super) use crate::cli::sm::input::key_text;
pub(super) use crate::cli::sm::input::private;
pub(super) use crate::cli::sm::input::random;
pub(super) use crate::cli::sm::input::read;
pub(super) use crate::cli::sm::input::sync_folder_of;
pub(super) use crate::cli::sm::input::trusted;
pub(super) use crate::cli::sm::input::write_key;
pub(super) use crate::cli::sm::input::write_new;
pub(super) use crate::cli::sm::key_file::CertifiedKeyFile;
pub(super) use crate::cli::sm::key_file::KeyFile;

use super::check::Format;
use crate::cli::sm::private::PrivateArguments;
use crate::domain::asn;
use crate::domain::envelope::cipher;
use crate::domain::envelope::cipher::Form;
use crate::domain::key;
use crate::domain::key::file;
use crate::domain::sm;
use crate::domain::sm::mac::MacKey;
use crate::domain::sm::sm2::ID_BYTES_MAX;
use crate::domain::sm::sm2::Signature;
use crate::domain::sm::sm4;
use crate::edge::keys;
use crate::edge::keys::Half;
use crate::edge::keys::SoftwareKey;
use crate::edge::trouble::in_words;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Largest input of a command that reads it whole, in bytes.
const INPUT_BYTES_MAX: usize = 1 << 30;

/// What to do.
#[derive(Args, Debug)]
pub(super) struct Sm {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// SM3 摘要；给出 --mac-key-file 则为 HMAC-SM3
    Digest {
        /// HMAC 密钥文件，每个字节都是密钥
        #[arg(long)]
        mac_key_file: Option<PathBuf>,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// 生成 SM2 私钥（PKCS#8，PEM）
    Generate {
        /// 写到哪里，不得已存在
        #[arg(long)]
        out: PathBuf,
        /// 用此文件中的口令加密（PBES2，SM4-CBC）
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// 由私钥得公钥（SubjectPublicKeyInfo，PEM）
    Public(PrivateArguments),
    /// SM2 签名（DER，到标准输出）
    Sign {
        #[command(flatten)]
        key: PrivateArguments,
        /// 签名者标识
        #[arg(long, default_value = "1234567812345678")]
        id: String,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// SM2 验签：对则退出码 0，不对则 1
    Verify {
        #[command(flatten)]
        key: PublicArguments,
        /// 签名文件（DER）
        #[arg(long)]
        signature: PathBuf,
        /// 签名者标识
        #[arg(long, default_value = "1234567812345678")]
        id: String,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// SM2 加密
    Encrypt {
        #[command(flatten)]
        key: PublicArguments,
        /// 密文形式：der、c1c3c2、c1c2c3、c1c3c2-unmarked、c1c2c3-unmarked（unmarked 没有 04 前缀）
        #[arg(long, default_value = "der", value_parser = form)]
        form: Form,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// SM2 解密
    Decrypt {
        #[command(flatten)]
        key: PrivateArguments,
        /// 密文形式，同 encrypt
        #[arg(long, default_value = "der", value_parser = form)]
        form: Form,
        /// 输入是十六进制文本，如电子证照共享平台的应答
        #[arg(long)]
        hex: bool,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// SM4 加解密
    Cipher {
        /// 工作模式
        #[arg(long, value_enum, default_value = "cbc")]
        mode: Mode,
        /// 密钥文件：16 字节
        #[arg(long)]
        key_file: PathBuf,
        /// 初始向量或计数器，32 位十六进制
        #[arg(long, value_parser = block)]
        iv: [u8; 16],
        /// 解密
        #[arg(long)]
        decrypt: bool,
        /// 文件，省略为标准输入
        file: Option<PathBuf>,
    },
    /// GB/T 35275 消息：签名、验签、数字信封
    Message(message::MessageCommand),
    /// 速度，单核
    Speed {
        /// 每项测多久，秒
        #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..61))]
        seconds: u32,
        /// 报告格式
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// 算法自检
    SelfTest,
}

/// Where a public key is.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct PublicArguments {
    /// SM2 公钥文件（SubjectPublicKeyInfo，PEM 或 DER）
    #[arg(long)]
    key: Option<PathBuf>,
    /// 证书文件
    #[arg(long)]
    certificate: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Cbc,
    Ctr,
}

fn form(name: &str) -> Result<Form, String> {
    Form::named(name).ok_or_else(|| {
        let names: Vec<&str> = cipher::FORMS.iter().map(|(name, _)| *name).collect();
        format!("没有这种形式；可用 {}", names.join("、"))
    })
}

fn block(text: &str) -> Result<[u8; 16], String> {
    // Sixteen bytes are read as the first half of thirty-two.
    let whole = sm::unhex(&format!("{text}{}", "0".repeat(32))).ok_or("应为 32 位十六进制")?;
    whole.first_chunk().copied().ok_or_else(|| "应为 32 位十六进制".into())
}

impl Sm {
    pub(super) fn run(&self) -> u8 {
        input::finish(self.what.run())
    }
}

impl What {
    fn run(&self) -> Result<(), Told> {
        match self {
            Self::Digest { mac_key_file, file } => digest(mac_key_file.as_ref(), file.as_ref()),
            Self::Generate { out, password_file } => {
                write_key(out, &SoftwareKey::generate()?, password_file.as_deref())
            }
            Self::Public(key) => {
                let key = key.open(Half::Sign)?;
                let info = asn::sequence(&[&file::public_algorithm(), &asn::bits(&key.public().to_bytes())]);
                super::put(&file::pem("PUBLIC KEY", &info));
                Ok(())
            }
            Self::Sign { key, id, file } => {
                let key = key.open(Half::Sign)?;
                let signature = key::sign(&*key, identity(id)?, &[&read(file.as_deref(), INPUT_BYTES_MAX)?])?;
                input::put_bytes(&signature.to_der())
            }
            Self::Verify { key, signature, id, file } => {
                let public = key.open()?;
                let signature = read(Some(signature), 1024)?;
                let signature =
                    Signature::from_der(&signature).map_err(|_| Told::fault("签名不是 DER 编码的 SM2 签名"))?;
                let message = read(file.as_deref(), INPUT_BYTES_MAX)?;
                let verified = public.verify(identity(id)?, &[&message], &signature);
                verified.map_err(|_| Told::fault("签名不正确"))?;
                tell!("签名正确");
                Ok(())
            }
            Self::Encrypt { key, form, file } => {
                let public = key.open()?;
                let plain = Zeroizing::new(read(file.as_deref(), INPUT_BYTES_MAX)?);
                let noise = Zeroizing::new(random::<48>()?);
                input::put_bytes(&cipher::seal(&public, *form, &plain, &noise).map_err(Told::fault)?)
            }
            Self::Decrypt { key, form, hex, file } => {
                let key = key.open(Half::Encrypt)?;
                let bytes = read(file.as_deref(), INPUT_BYTES_MAX)?;
                let opened = if *hex {
                    let text = std::str::from_utf8(&bytes).map_err(|_| Told::fault("不是十六进制文本"))?;
                    cipher::open_hex(&*key, *form, text.trim())
                } else {
                    cipher::open(&*key, *form, &bytes)
                };
                input::put_bytes(&opened.map_err(Told::fault)?)
            }
            Self::Cipher { mode, key_file, iv, decrypt, file } => {
                let key = keys::secret(key_file, 16)
                    .map_err(|error| Told::fault(format_args!("密钥文件：{}", in_words(&error))))?;
                let key: &[u8; 16] = key.as_slice().try_into().map_err(|_| Told::fault("密钥文件应为 16 字节"))?;
                let mut data = Zeroizing::new(read(file.as_deref(), INPUT_BYTES_MAX)?);
                let key = sm4::Key::new(key);
                match (mode, decrypt) {
                    (Mode::Ctr, _) => {
                        sm4::ctr(&key, iv, &mut data);
                        input::put_bytes(&data)
                    }
                    (Mode::Cbc, false) => input::put_bytes(&sm4::cbc_seal(&key, iv, &data)),
                    (Mode::Cbc, true) => {
                        let opened = sm4::cbc_open(&key, iv, &data).map(Zeroizing::new);
                        input::put_bytes(&opened.map_err(|_| Told::fault("密钥不对，或密文已损坏"))?)
                    }
                }
            }
            Self::Message(command) => command.run(),
            Self::Speed { seconds, format } => {
                speed::run(*seconds, *format);
                Ok(())
            }
            Self::SelfTest => {
                tell!("SM2、SM3、SM4 自检通过");
                Ok(())
            }
        }
    }
}

impl PublicArguments {
    fn open(&self) -> Result<sm::sm2::PublicKey, Told> {
        match (&self.key, &self.certificate) {
            (Some(path), _) => input::public(path),
            (None, Some(path)) => {
                let first = certificates(path)?.swap_remove(0);
                first.public().copied().ok_or_else(|| Told::fault("证书中不是 SM2 公钥"))
            }
            (None, None) => Err(Told::fault("须给出 --key 或 --certificate")),
        }
    }
}

fn digest(mac_key_file: Option<&PathBuf>, file: Option<&PathBuf>) -> Result<(), Told> {
    let key = match mac_key_file {
        Some(path) => Some(
            keys::secret(path, 64 << 10)
                .map_err(|error| Told::fault(format_args!("密钥文件：{}", in_words(&error))))?,
        ),
        None => None,
    };
    let mut plain = sm::sm3::Sm3::new();
    let mut keyed = key.map(|key| MacKey::new(&key).start());
    input::chunks(file.map(PathBuf::as_path), |chunk| match &mut keyed {
        Some(keyed) => keyed.update(chunk),
        None => plain.update(chunk),
    })?;
    let digest = keyed.map_or_else(|| plain.finish(), sm::mac::Mac::finish);
    let name = file.map_or_else(|| "-".into(), |file| file.display().to_string());
    tell!("{}  {name}", sm::hex(&digest));
    Ok(())
}

/// The bytes of a user id that is short enough to be one.
fn identity(id: &str) -> Result<&[u8], Told> {
    let fits = id.len() <= ID_BYTES_MAX;
    let fault = || Told::fault(format_args!("用户标识有 {} 字节，至多 {ID_BYTES_MAX} 字节", id.len()));
    fits.then_some(id.as_bytes()).ok_or_else(fault)
}
