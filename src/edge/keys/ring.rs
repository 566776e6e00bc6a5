//! Several keys of one purpose: one in use, older ones kept to open what was sealed for them.
//!
//! Rotation: add the new key as the current one, keep the old one beside it until nothing is under way any more that
//! was made with it, then leave it out. Records name the key by its id, which is computed from the key itself.

use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::key::KeyId;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keys of one purpose.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<dyn Key>,
    older: Vec<Arc<dyn Key>>,
}

impl KeyRing {
    /// `current` signs; `older` only open.
    pub fn new(current: Arc<dyn Key>, older: Vec<Arc<dyn Key>>) -> Self {
        Self { current, older }
    }

    /// The key that signs, and whose certificate is shown.
    pub fn current(&self) -> &Arc<dyn Key> {
        &self.current
    }

    /// The key of that id, current or older.
    pub fn find(&self, id: KeyId) -> Option<&Arc<dyn Key>> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id() == id)
    }

    /// The ids, that of the current key first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        std::iter::once(&self.current).chain(&self.older).map(|key| key.id())
    }

    /// Opens a ciphertext (GM/T 0009) that does not say for which key it is.
    ///
    /// # Errors
    /// When no key opens it: the fault of the current key.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<(KeyId, Zeroizing<Vec<u8>>), KeyFault> {
        let open = |key: &Arc<dyn Key>| key.decrypt(ciphertext).map(|plain| (key.id(), plain));
        open(&self.current).or_else(|fault| self.older.iter().find_map(|key| open(key).ok()).ok_or(fault))
    }
}
