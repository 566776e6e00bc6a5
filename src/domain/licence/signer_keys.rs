//! Keys of signers whose chains were found good: those that come again get a table, with which a signature takes a third
//! of the time.
//!
//! A key counts only once its certificate has led to an anchor, so that licences of strangers make no tables.

use crate::domain::sm::sm2;
use crate::domain::sm::sm2::KnownKey;
use crate::domain::sm::sm2::KnownKeys;
use crate::domain::sm::sm2::Look;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Most tables, 86 KiB each.
const TABLES_MAX: usize = 64;
/// Most keys that count.
const TRUSTED_MAX: usize = 4_096;

/// The keys of trusted signers.
pub(super) struct SignerKeys(Mutex<Inner>);

struct Inner {
    trusted: HashSet<[u8; sm2::PUBLIC_KEY_BYTES]>,
    book: KnownKeys,
}

impl Default for SignerKeys {
    fn default() -> Self {
        Self(Mutex::new(Inner { trusted: HashSet::new(), book: KnownKeys::new(TABLES_MAX) }))
    }
}

impl SignerKeys {
    /// From now on `key` counts: its certificate has led to an anchor.
    pub(super) fn trust(&self, key: &PublicKey) {
        let mut inner = self.inner();
        if inner.trusted.len() >= TRUSTED_MAX {
            inner.trusted.clear();
        }
        inner.trusted.insert(key.to_bytes());
    }

    /// Whether `signature` is that of `key` over parts that follow one another, with the usual identity.
    pub(super) fn verify(&self, key: &PublicKey, parts: &[&[u8]], signature: &Signature) -> bool {
        let verified = match self.known(key) {
            Some(known) => known.verify(sm2::DEFAULT_ID, parts, signature),
            None => key.verify(sm2::DEFAULT_ID, parts, signature),
        };
        verified.is_ok()
    }

    /// The key's table, made where the key has come often enough, which takes half a millisecond without the lock.
    fn known(&self, key: &PublicKey) -> Option<Arc<KnownKey>> {
        let look = {
            let mut inner = self.inner();
            if !inner.trusted.contains(&key.to_bytes()) {
                return None;
            }
            inner.book.look(key)
        };
        match look {
            Look::Known(known) => Some(known),
            Look::New => None,
            Look::Worth => {
                let known = Arc::new(KnownKey::new(key));
                self.inner().book.keep(&known);
                Some(known)
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A thread that panicked while it held the lock left whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm::sm2::PrivateKey;

    #[test]
    fn a_trusted_key_that_comes_again_gets_a_table_and_a_strange_one_never() {
        let keys = SignerKeys::default();
        let private = PrivateKey::generate(&[7; 48]);
        let (key, parts): (_, [&[u8]; 2]) = (private.public(), [b"what is ", b"signed"]);
        let good = private.sign(sm2::DEFAULT_ID, &parts, &[8; 32]).unwrap();
        let bad = private.sign(sm2::DEFAULT_ID, &[b"something else"], &[9; 32]).unwrap();
        let tables = |expected: usize| {
            for _ in 0..5 {
                assert!(keys.verify(key, &parts, &good));
                assert!(!keys.verify(key, &parts, &bad));
            }
            assert_eq!(keys.inner().book.len(), expected);
        };
        tables(0);
        keys.trust(key);
        tables(1);
    }
}
