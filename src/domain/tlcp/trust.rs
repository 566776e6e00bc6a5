//! Who judges the certificates of peers.
//!
//! TLCP asks a [`Judge`] and judges no chain itself; [`crate::domain::x509::Trust`] is one, the same that judges the
//! peers of RFC 8998 and signed messages.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2;
use crate::domain::tlcp::CertificateFault;
use crate::domain::x509;
use crate::domain::x509::{Certificate, Purpose, Trust, When};

/// Judges certificates of peers.
pub trait Judge: Send + Sync {
    /// Whether `certificate` may be used for `purpose` at `now` (seconds since 1970). `others` came with it and may lead
    /// to a trusted issuer.
    ///
    /// # Errors
    /// What is wrong with it.
    fn judge(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        purpose: Purpose,
        now: u64,
    ) -> Result<(), CertificateFault>;

    /// Whether `signature` is that of a peer with `key`, whose certificate passed, over the parts of `message` joined. A
    /// judge that remembers keys may do it faster.
    ///
    /// # Errors
    /// If it is not.
    fn verify(&self, key: &sm2::PublicKey, message: &[&[u8]], signature: &sm2::Signature) -> Result<(), Wrong> {
        key.verify(sm2::DEFAULT_ID, message, signature)
    }

    /// Names (DER) of the issuers whose certificates pass; a server sends them when it asks for a certificate.
    fn names(&self) -> Vec<Vec<u8>>;
}

impl Judge for Trust {
    fn judge(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        purpose: Purpose,
        now: u64,
    ) -> Result<(), CertificateFault> {
        let now = When::now(i64::try_from(now).unwrap_or(i64::MAX));
        self.verify(certificate, others, purpose, now)?;
        Ok(())
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.anchors().iter().map(|anchor| anchor.subject().to_vec()).collect()
    }
}

impl From<x509::CertificateFault> for CertificateFault {
    fn from(fault: x509::CertificateFault) -> Self {
        use crate::domain::x509::CertificateFault as Fault;
        match fault {
            Fault::BadPublicKey => Self::Key,
            Fault::Expired | Fault::NotYetValid => Self::Expired,
            Fault::IssuerNotAuthority | Fault::KeyUsage => Self::Usage,
            Fault::Malformed | Fault::PathLength | Fault::UnknownCritical => Self::Broken,
            Fault::NoTrustedPath => Self::UnknownIssuer,
            Fault::RevocationEarly | Fault::RevocationStale | Fault::RevocationUnknown | Fault::Revoked => {
                Self::Revoked
            }
            Fault::SignatureInvalid | Fault::WeakAlgorithm => Self::Signature,
        }
    }
}
