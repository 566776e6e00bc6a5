//! Why a certificate or a chain is not good enough.

use std::fmt;

/// Each has a [`CertificateFault::code`] that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// The public key is no point of the curve, or not of SM2.
    BadPublicKey,
    /// The validity has ended.
    Expired,
    /// An issuer in the chain is not allowed to issue.
    IssuerNotAuthority,
    /// The key may not be used for this.
    KeyUsage,
    /// Not a certificate, or not in strict DER, or too large.
    Malformed,
    /// No chain to a trusted certificate.
    NoTrustedPath,
    /// The validity has not begun.
    NotYetValid,
    /// More certification authorities in the chain than one of them allows.
    PathLength,
    /// A revocation list claims to be made later than now.
    RevocationEarly,
    /// A revocation list is too old to say anything.
    RevocationStale,
    /// No revocation list says anything.
    RevocationUnknown,
    /// Revoked before the time in question.
    Revoked,
    /// A signature in the chain is wrong.
    SignatureInvalid,
    /// An extension that is critical and not known.
    UnknownCritical,
    /// Signed by an algorithm that is not accepted.
    WeakAlgorithm,
}

impl CertificateFault {
    /// The stable code, as in the reports of licence verification.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadPublicKey => "CERT.BAD_PUBLIC_KEY",
            Self::Expired => "CERT.EXPIRED",
            Self::IssuerNotAuthority => "CERT.ISSUER_NOT_CA",
            Self::KeyUsage => "CERT.KEY_USAGE",
            Self::Malformed => "CERT.MALFORMED",
            Self::NoTrustedPath => "CERT.NO_TRUSTED_PATH",
            Self::NotYetValid => "CERT.NOT_YET_VALID",
            Self::PathLength => "CERT.PATHLEN",
            Self::RevocationEarly => "CERT.REVOCATION_NOT_YET_VALID",
            Self::RevocationStale => "CERT.REVOCATION_STALE",
            Self::RevocationUnknown => "CERT.REVOCATION_UNKNOWN",
            Self::Revoked => "CERT.REVOKED",
            Self::SignatureInvalid => "CERT.SIGNATURE_INVALID",
            Self::UnknownCritical => "CERT.UNKNOWN_CRITICAL_EXT",
            Self::WeakAlgorithm => "CERT.WEAK_ALG",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BadPublicKey => "证书中的公钥不是有效的 SM2 公钥",
            Self::Expired => "证书已过期",
            Self::IssuerNotAuthority => "签发者的证书不允许签发证书",
            Self::KeyUsage => "证书的密钥用途不允许这样使用",
            Self::Malformed => "不是证书，或编码有误",
            Self::NoTrustedPath => "找不到通向受信任机构的证书链",
            Self::NotYetValid => "证书尚未生效",
            Self::PathLength => "证书链的级数超过上级机构的限制",
            Self::RevocationEarly => "吊销列表的签发时间晚于现在",
            Self::RevocationStale => "吊销列表已过时，请更新",
            Self::RevocationUnknown => "没有该签发者的吊销列表，无法确认证书是否已吊销",
            Self::Revoked => "证书已被吊销",
            Self::SignatureInvalid => "证书链中有签名不正确",
            Self::UnknownCritical => "证书含有不认识的关键扩展",
            Self::WeakAlgorithm => "证书的签名算法不被接受，应为 SM2-SM3",
        })
    }
}

impl std::error::Error for CertificateFault {}

impl From<crate::domain::asn::Malformed> for CertificateFault {
    fn from(_: crate::domain::asn::Malformed) -> Self {
        Self::Malformed
    }
}

impl From<webpki::Error> for CertificateFault {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::CertExpired { .. } | E::InvalidCertValidity => Self::Expired,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::CaUsedAsEndEntity | E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Self::KeyUsage,
            E::EndEntityUsedAsCa => Self::IssuerNotAuthority,
            E::PathLenConstraintViolated | E::MaximumPathDepthExceeded => Self::PathLength,
            E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => Self::SignatureInvalid,
            E::UnsupportedCriticalExtension => Self::UnknownCritical,
            E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                Self::WeakAlgorithm
            }
            E::UnknownIssuer
            | E::NameConstraintViolation
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumSignatureChecksExceeded
            | E::MaximumNameConstraintComparisonsExceeded => Self::NoTrustedPath,
            _ => Self::Malformed,
        }
    }
}
