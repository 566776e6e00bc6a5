//! The SM2-SM3 signature, as rustls and rustls-webpki ask for it.
//!
//! They compare algorithm identifiers byte by byte, and issuers disagree whether the parameters are absent or NULL, so
//! there are two algorithms that differ in nothing else. What verifies is given: with the identity of GM/T 0009 for
//! certificates and lists, with another for the handshake of TLS 1.3, and with or without a memory for keys.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use rustls_pki_types::AlgorithmIdentifier;
use rustls_pki_types::InvalidSignature;
use rustls_pki_types::SignatureVerificationAlgorithm;

/// Verifies a signature over a message.
pub type Verify = fn(&PublicKey, &[u8], &Signature) -> Result<(), Wrong>;

/// SM2 with SM3 in one of its two spellings.
#[derive(Debug)]
pub struct Sm2Sm3 {
    signature: AlgorithmIdentifier,
    verify: Verify,
}

/// id-ecPublicKey (RFC 5480) with the curve 1.2.156.10197.1.301 (GM/T 0006), without the outer SEQUENCE.
pub const SM2_KEY: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
]);

/// 1.2.156.10197.1.501 (GM/T 0006), parameters absent.
const ABSENT: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);

/// The same with NULL for parameters, as some issuers write it.
const NULL: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00]);

impl Sm2Sm3 {
    /// Without parameters.
    pub const fn absent(verify: Verify) -> Self {
        Self { signature: ABSENT, verify }
    }

    /// With NULL for parameters.
    pub const fn null(verify: Verify) -> Self {
        Self { signature: NULL, verify }
    }
}

impl SignatureVerificationAlgorithm for Sm2Sm3 {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let public = PublicKey::from_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        (self.verify)(&public, message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        SM2_KEY
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), Wrong> {
    key.verify(sm2::DEFAULT_ID, &[message], signature)
}

/// SM2-SM3 in certificates and revocation lists, in both of its spellings.
pub(super) static SM2_SM3: &[&dyn SignatureVerificationAlgorithm] = &[&Sm2Sm3::absent(verify), &Sm2Sm3::null(verify)];
