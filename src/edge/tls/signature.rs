//! SM2 signatures of peers: on certificates and CRLs, and on the handshake.
//!
//! The two differ in one thing, the identity that goes into the digest (RFC 8998, section 3.2.1): certificates take
//! the default of GB/T 32918, the handshake a text of its own, so that a signature of one kind is never one of the
//! other. rustls keeps the algorithms of certificates and of the handshake apart, so each gets its own object.
//!
//! Keys that verify again and again (issuers, and systems that reconnect) get a table that makes verifying about
//! four times as fast. A key has to have verified well a few times first, so strangers cannot make us build tables.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::{DEFAULT_ID, KnownKey, KnownKeys, Look, PublicKey, Signature, TLS13_ID};
use crate::domain::x509::Sm2Sm3;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// sm2sig_sm3 (IANA, TLS SignatureScheme, value 0x0708).
pub const SM2SIG_SM3: SignatureScheme = SignatureScheme::Unknown(0x0708);

static CERTIFICATES: Sm2Sm3 = Sm2Sm3::absent(of_certificate);
static CERTIFICATES_NULL: Sm2Sm3 = Sm2Sm3::null(of_certificate);
static HANDSHAKE: Sm2Sm3 = Sm2Sm3::absent(of_handshake);

/// What verifies certificates, and what verifies the handshake.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms =
    WebPkiSupportedAlgorithms { all: &[&CERTIFICATES, &CERTIFICATES_NULL], mapping: &[(SM2SIG_SM3, &[&HANDSHAKE])] };

fn of_certificate(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), Wrong> {
    verify(key, DEFAULT_ID, &[message], signature)
}

fn of_handshake(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), Wrong> {
    verify(key, TLS13_ID, &[message], signature)
}

/// Keys with a table: 86 KiB each, so about 6 MB in all.
const TABLES_MAX: usize = 64;

/// Shared by all protocols: an issuer is the same to TLCP and to RFC 8998.
static KNOWN: LazyLock<Book> = LazyLock::new(|| Book(Mutex::new(KnownKeys::new(TABLES_MAX))));

/// As [`PublicKey::verify`], faster for keys whose signatures were right before.
pub(super) fn verify(key: &PublicKey, identity: &[u8], message: &[&[u8]], signature: &Signature) -> Result<(), Wrong> {
    KNOWN.verify(key, identity, message, signature)
}

struct Book(Mutex<KnownKeys>);

impl Book {
    /// What the book holds is right at every moment, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, KnownKeys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify(&self, key: &PublicKey, identity: &[u8], message: &[&[u8]], signature: &Signature) -> Result<(), Wrong> {
        let known = self.lock().find(key);
        if let Some(known) = known {
            return known.verify(identity, message, signature);
        }
        key.verify(identity, message, signature)?;
        let look = self.lock().look(key);
        if let Look::Worth = look {
            // Built outside of the lock: other connections need not wait for it.
            let known = Arc::new(KnownKey::new(key));
            self.lock().keep(&known);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm::sm2::PrivateKey;

    #[test]
    fn a_key_gets_its_table_after_good_signatures_only() {
        let book = Book(Mutex::new(KnownKeys::new(2)));
        let private = PrivateKey::generate(&[7; 48]);
        let signature = private.sign(TLS13_ID, &[b"message"], &[3; 32]).unwrap();
        let verify = |identity, message: &[u8]| book.verify(private.public(), identity, &[message], &signature);
        for _ in 0..9 {
            assert_eq!(verify(TLS13_ID, b"massage"), Err(Wrong));
            assert_eq!(verify(DEFAULT_ID, b"message"), Err(Wrong));
        }
        for _ in 0..3 {
            assert!(book.lock().is_empty());
            assert_eq!(verify(TLS13_ID, b"message"), Ok(()));
        }
        assert_eq!(book.lock().len(), 1);
        assert_eq!(verify(TLS13_ID, b"message"), Ok(()));
        assert_eq!(verify(TLS13_ID, b"massage"), Err(Wrong));
        assert_eq!(verify(DEFAULT_ID, b"message"), Err(Wrong));
    }
}
