//! What TLCP asks of its two certificates beyond a good chain: one subject, and each with an SM2 key for its own use.

use crate::domain::sm::sm2;
use crate::domain::tlcp::CertificateFault;
use crate::domain::x509::Certificate;
use rustls_pki_types::CertificateDer;

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Sign,
    Encrypt,
}

impl Use {
    /// Bits of keyUsage of which one must be set, the first bit of the standard highest.
    const fn bits(self) -> u8 {
        match self {
            Self::Sign => 0b1000_0000,    // digitalSignature
            Self::Encrypt => 0b0011_1000, // keyEncipherment, dataEncipherment, keyAgreement
        }
    }

    /// Whether keyUsage allows it. A certificate of the pair must have one: GB/T 20518 demands it, and without it nothing
    /// tells the two apart.
    fn check(self, certificate: &Certificate) -> Result<(), CertificateFault> {
        let is_allowed = certificate.key_usage().is_some_and(|usage| usage & self.bits() != 0);
        if is_allowed { Ok(()) } else { Err(CertificateFault::Usage) }
    }
}

/// All that a peer sent.
pub(super) fn read_all(certificates: &[CertificateDer<'_>]) -> Result<Vec<Certificate>, CertificateFault> {
    certificates.iter().map(|der| Ok(Certificate::from_der(der)?)).collect()
}

/// The SM2 key, if it may be used for `purpose`.
pub(super) fn key(certificate: &Certificate, purpose: Use) -> Result<sm2::PublicKey, CertificateFault> {
    purpose.check(certificate)?;
    certificate.public().copied().ok_or(CertificateFault::Key)
}

/// Whether the two make one pair: the same subject, neither an issuer, and each for its own use.
pub(super) fn check_pair(signing: &Certificate, encryption: &Certificate) -> Result<(), CertificateFault> {
    if signing.subject() != encryption.subject() {
        return Err(CertificateFault::DifferentSubjects);
    }
    if signing.is_authority() || encryption.is_authority() {
        return Err(CertificateFault::Usage);
    }
    Use::Sign.check(signing)?;
    Use::Encrypt.check(encryption)
}
