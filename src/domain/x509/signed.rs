//! What certificates, requests and revocation lists have in common: content, algorithm, signature.

use crate::domain::asn::Algorithm;
use crate::domain::asn::Malformed;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::domain::x509::CertificateFault;

/// SM2 with SM3 (GM/T 0006).
pub(super) const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

/// The three parts, as slices of what came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What is signed, identifier and length included.
    pub content: &'a [u8],
    /// The algorithm that the outside names.
    pub algorithm: Algorithm<'a>,
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Splits the one SEQUENCE that `der` must be.
    ///
    /// # Errors
    /// When it is not one, or holds something else.
    pub fn split(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut inside = Reader::of_sequence(der)?;
        let content = inside.raw_of(tag::SEQUENCE)?;
        let algorithm = inside.algorithm()?;
        let signature = inside.bits()?;
        inside.finish()?;
        Ok(Self { content, algorithm, signature })
    }

    /// Checks the signature of an issuer with `public`, over the content as it came.
    ///
    /// # Errors
    /// When it is wrong, or of another algorithm. NULL and absent parameters are the same.
    pub fn verify(&self, public: &PublicKey) -> Result<(), CertificateFault> {
        if self.algorithm.oid != SM2_WITH_SM3 || !self.algorithm.is_plain() {
            return Err(CertificateFault::WeakAlgorithm);
        }
        let signature = Signature::from_der(self.signature).map_err(|_| CertificateFault::SignatureInvalid)?;
        public.verify(sm2::DEFAULT_ID, &[self.content], &signature).map_err(|_| CertificateFault::SignatureInvalid)
    }
}
