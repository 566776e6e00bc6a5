//! The SM2-SM3 signature, as rustls-webpki asks for it.
//!
//! It compares algorithm identifiers byte by byte, and issuers disagree whether the parameters are absent or NULL, so
//! there are two algorithms that differ in nothing else. The identity is the one of GM/T 0009; the handshake of TLS 1.3
//! signs with another and is not checked with these.

use crate::domain::sm::sm2;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use rustls_pki_types::AlgorithmIdentifier;
use rustls_pki_types::InvalidSignature;
use rustls_pki_types::SignatureVerificationAlgorithm;

#[derive(Debug)]
struct Sm2Sm3 {
    signature: AlgorithmIdentifier,
}

/// id-ecPublicKey with the SM2 curve, without the outer SEQUENCE.
const SM2_KEY: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
]);

/// 1.2.156.10197.1.501, parameters absent.
const ABSENT: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);

/// 1.2.156.10197.1.501, parameters NULL.
const NULL: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00]);

impl SignatureVerificationAlgorithm for Sm2Sm3 {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let public = PublicKey::from_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        public.verify(sm2::DEFAULT_ID, &[message], &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        SM2_KEY
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// SM2-SM3 in certificates and revocation lists, in both of its spellings.
pub static SM2_SM3: &[&dyn SignatureVerificationAlgorithm] =
    &[&Sm2Sm3 { signature: ABSENT }, &Sm2Sm3 { signature: NULL }];
