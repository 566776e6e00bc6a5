//! SM2 signatures of peers: on certificates and CRLs, and on the handshake.
//!
//! The two differ in one thing, the identity that goes into the digest (RFC 8998, section 3.2.1): certificates take
//! the default of GB/T 32918, the handshake a text of its own, so that a signature of one kind is never one of the
//! other. rustls keeps the algorithms of certificates and of the handshake apart, so each gets its own object.
//!
//! Keys that verify again and again (issuers, and systems that reconnect) get a table that makes verifying about
//! four times as fast. A key has to have verified well a few times first, so strangers cannot make us build tables.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::{DEFAULT_ID, KnownKey, PublicKey, Signature, TLS13_ID};
use crate::edge::tls::recent::Recent;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// sm2sig_sm3 (IANA, TLS SignatureScheme, value 0x0708).
pub const SM2SIG_SM3: SignatureScheme = SignatureScheme::Unknown(0x0708);

/// id-ecPublicKey (RFC 5480) with the curve 1.2.156.10197.1.301 (GM/T 0006), without the outer SEQUENCE.
pub(super) const SM2_PUBLIC_KEY: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
]);
/// SM2 with SM3, 1.2.156.10197.1.501 (GM/T 0006), without parameters.
const SM2_WITH_SM3: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);
/// The same with NULL for parameters, as some issuers write it.
const SM2_WITH_SM3_NULL: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00]);

#[derive(Debug)]
struct Sm2Verification {
    identity: &'static [u8],
    signature_algorithm: AlgorithmIdentifier,
}

static CERTIFICATES: Sm2Verification = Sm2Verification { identity: DEFAULT_ID, signature_algorithm: SM2_WITH_SM3 };
static CERTIFICATES_NULL: Sm2Verification =
    Sm2Verification { identity: DEFAULT_ID, signature_algorithm: SM2_WITH_SM3_NULL };
static HANDSHAKE: Sm2Verification = Sm2Verification { identity: TLS13_ID, signature_algorithm: SM2_WITH_SM3 };

/// What verifies certificates, and what verifies the handshake.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms =
    WebPkiSupportedAlgorithms { all: &[&CERTIFICATES, &CERTIFICATES_NULL], mapping: &[(SM2SIG_SM3, &[&HANDSHAKE])] };

impl SignatureVerificationAlgorithm for Sm2Verification {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        let public_key = PublicKey::from_bytes(public_key).map_err(|_| InvalidSignature)?;
        KNOWN.verify(&public_key, self.identity, message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        SM2_PUBLIC_KEY
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature_algorithm
    }
}

/// Keys with a table: 86 KiB each, so about 6 MB in all.
const TABLES_MAX: usize = 64;
/// Keys whose signatures are counted.
const COUNTED_MAX: usize = 1024;
/// Good signatures after which a table is built, which costs as much as some twenty verifications without one.
const SEEN_BEFORE_TABLE: u32 = 4;

static KNOWN: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys {
    tables: Mutex::new(Recent::new(TABLES_MAX)),
    counts: Mutex::new(Recent::new(COUNTED_MAX)),
});

type Point = [u8; 65];

struct KnownKeys {
    tables: Mutex<Recent<Point, Arc<KnownKey>>>,
    counts: Mutex<Recent<Point, u32>>,
}

impl KnownKeys {
    fn verify(
        &self,
        public_key: &PublicKey,
        identity: &[u8],
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Wrong> {
        let point = public_key.to_bytes();
        let known = lock(&self.tables).find(&point).cloned();
        if let Some(known) = known {
            return known.verify(identity, &[message], signature);
        }
        public_key.verify(identity, &[message], signature)?;
        if self.seen_often(&point) {
            // Built outside of the lock: other connections need not wait for it.
            let known = Arc::new(KnownKey::new(public_key));
            lock(&self.tables).store(point, known);
        }
        Ok(())
    }

    /// Counts one more good signature; true when a table is due.
    fn seen_often(&self, point: &Point) -> bool {
        let mut counts = lock(&self.counts);
        let Some(count) = counts.find(point) else {
            counts.store(*point, 1);
            return false;
        };
        *count += 1;
        let due = *count >= SEEN_BEFORE_TABLE;
        if due {
            counts.forget(point);
        }
        due
    }
}

/// What these maps hold is right at every moment, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm::sm2::PrivateKey;

    #[test]
    fn a_key_gets_its_table_after_good_signatures_only() {
        let keys = KnownKeys { tables: Mutex::new(Recent::new(2)), counts: Mutex::new(Recent::new(8)) };
        let private = PrivateKey::generate(&[7; 48]);
        let point = private.public().to_bytes();
        let signature = private.sign(TLS13_ID, &[b"message"], &[3; 32]);
        let verify = |identity, message: &[u8]| keys.verify(private.public(), identity, message, &signature);
        for _ in 0..SEEN_BEFORE_TABLE * 2 {
            assert_eq!(verify(TLS13_ID, b"massage"), Err(Wrong));
            assert_eq!(verify(DEFAULT_ID, b"message"), Err(Wrong));
        }
        for _ in 0..SEEN_BEFORE_TABLE {
            assert!(lock(&keys.tables).find(&point).is_none());
            assert_eq!(verify(TLS13_ID, b"message"), Ok(()));
        }
        assert!(lock(&keys.tables).find(&point).is_some());
        assert_eq!(verify(TLS13_ID, b"message"), Ok(()));
        assert_eq!(verify(TLS13_ID, b"massage"), Err(Wrong));
        assert_eq!(verify(DEFAULT_ID, b"message"), Err(Wrong));
    }
}
