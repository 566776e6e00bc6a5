//! Why a message cannot be opened or is not what it claims.

use crate::domain::asn::Malformed;
use crate::domain::envelope::MESSAGE_BYTES_MAX;
use crate::domain::envelope::PARTIES_MAX;
use crate::domain::envelope::cipher::CIPHERTEXT_BYTES_MAX;
use crate::domain::key::KeyFault;
use crate::domain::x509::CertificateFault;
use std::fmt;

/// Each has a [`EnvelopeFault::code`] that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeFault {
    /// The signer's certificate is not good.
    Certificate(CertificateFault),
    /// The digest among the signed attributes is not that of the content.
    ContentChanged,
    /// Our own key does not answer.
    Key(KeyFault),
    /// Not in strict DER, or not such a message.
    Malformed,
    /// Neither in the message nor beside it is a content; or there is nothing to seal.
    NoContent,
    /// No signer: nobody signed anything.
    NoSigner,
    /// The certificate of a signer is not there.
    NoSignerCertificate,
    /// Sealed for others.
    NotForUs,
    /// It does not open, or was changed. It does not say how.
    NotOpened,
    /// The key of a certificate may not be used for this: to sign, or to open what is sealed.
    Purpose,
    /// A signature is wrong.
    SignatureInvalid,
    /// Larger than is read, and so than is written.
    TooLarge,
    /// An algorithm or a form that is not read.
    Unsupported,
}

impl EnvelopeFault {
    /// The stable code, as in the reports of licence verification.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Certificate(fault) => fault.code(),
            Self::ContentChanged => "SIG.DATAHASH_MISMATCH",
            Self::Key(_) => "MSG.KEY_UNAVAILABLE",
            Self::Malformed => "MSG.MALFORMED",
            Self::NoContent => "MSG.NO_CONTENT",
            Self::NoSigner => "SIG.NO_SIGNER_INFO",
            Self::NoSignerCertificate => "SIG.NO_SIGNER_CERT",
            Self::NotForUs => "MSG.NOT_FOR_US",
            Self::NotOpened => "MSG.NOT_OPENED",
            Self::Purpose => "CERT.KEY_USAGE",
            Self::SignatureInvalid => "SIG.VALUE_INVALID",
            Self::TooLarge => "MSG.TOO_LARGE",
            Self::Unsupported => "MSG.UNSUPPORTED",
        }
    }
}

impl fmt::Display for EnvelopeFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(fault) => write!(formatter, "签名者的证书不可信：{fault}"),
            Self::ContentChanged => formatter.write_str("内容与签名时的摘要不符"),
            Self::Key(fault) => write!(formatter, "本方密钥无法使用：{fault}"),
            Self::Malformed => formatter.write_str("不是 GB/T 35275 消息，或编码有误"),
            Self::NoContent => formatter.write_str("没有内容：签名与内容分离时须另外给出，SM2 不能加密空的内容"),
            Self::NoSigner => formatter.write_str("消息中没有任何签名者"),
            Self::NoSignerCertificate => formatter.write_str("找不到签名者的证书"),
            Self::NotForUs => formatter.write_str("数字信封不是封给本方证书的"),
            Self::NotOpened => formatter.write_str("数字信封打不开，或已被改动"),
            Self::Purpose => formatter
                .write_str("证书的密钥用途不允许这样使用：签名用签名证书，封、拆数字信封用加密证书（不带上级证书）"),
            Self::SignatureInvalid => formatter.write_str("签名不正确"),
            Self::TooLarge => write!(
                formatter,
                "消息过大：连同签名、证书至多 {} MiB，SM2 密文至多 {} MiB，签名者、接收者至多各 {PARTIES_MAX} 个",
                MESSAGE_BYTES_MAX >> 20,
                CIPHERTEXT_BYTES_MAX >> 20,
            ),
            Self::Unsupported => formatter.write_str("消息使用了不支持的算法或形式"),
        }
    }
}

impl std::error::Error for EnvelopeFault {}

impl From<Malformed> for EnvelopeFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<CertificateFault> for EnvelopeFault {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificate(fault)
    }
}

impl From<KeyFault> for EnvelopeFault {
    fn from(fault: KeyFault) -> Self {
        if fault == KeyFault::Wrong { Self::NotOpened } else { Self::Key(fault) }
    }
}
