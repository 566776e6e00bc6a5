//! A key in this process's memory.

use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::sm::sm2::Signature;
use crate::edge::clock;
use std::fmt;
use zeroize::Zeroizing;

/// A key from a file, or one just made.
pub struct SoftwareKey(PrivateKey);

impl SoftwareKey {
    /// Takes the key; it is wiped when this goes.
    pub const fn new(key: PrivateKey) -> Self {
        Self(key)
    }

    /// A new key.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn generate() -> Result<Self, KeyFault> {
        let mut noise = Zeroizing::new([0; 48]);
        fill(&mut noise[..])?;
        Ok(Self(PrivateKey::generate(&noise)))
    }

    /// The private half, to be written into a file.
    pub const fn reveal(&self) -> &PrivateKey {
        &self.0
    }
}

fn fill(noise: &mut [u8]) -> Result<(), KeyFault> {
    clock::random(noise).map_err(|_| KeyFault::Unavailable(0))
}

impl Key for SoftwareKey {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, KeyFault> {
        let mut noise = Zeroizing::new([0; 32]);
        fill(&mut noise[..])?;
        Ok(self.0.sign_digest(digest, &noise))
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.0.decrypt(ciphertext).map_err(|_| KeyFault::Wrong)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        self.0.agree(peer).map_err(|_| KeyFault::Wrong)
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SoftwareKey({})", self.id())
    }
}
