//! Public keys that are seen again and again, with a table that makes verifying several times as fast.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::comb::KnownTable;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::public;
use crate::domain::sm::sm2::public::DEFAULT_ID;
use crate::domain::sm::sm2::public::Key;
use crate::domain::sm::sm2::public::PublicKey;
use crate::domain::sm::sm2::signature::Signature;

/// A public key with its table. Making one takes about as long as ten verifications without one, less than 1 ms.
pub struct KnownKey {
    public: PublicKey,
    /// Z for [`DEFAULT_ID`].
    z: [u8; 32],
    table: KnownTable,
}

impl KnownKey {
    /// Makes the table.
    pub fn new(public: &PublicKey) -> Self {
        Self { public: *public, z: public.z_of_default(), table: KnownTable::new(&public.point) }
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As [`PublicKey::verify`].
    ///
    /// # Errors
    /// If the signature is wrong.
    pub fn verify(&self, id: &[u8], message: &[&[u8]], signature: &Signature) -> Result<(), Wrong> {
        let z = if id == DEFAULT_ID { self.z } else { self.public.z(id)? };
        self.verify_digest(&public::digest_of(&z, message), signature)
    }

    /// As [`PublicKey::verify_digest`].
    ///
    /// # Errors
    /// If the signature is wrong.
    pub fn verify_digest(&self, digest: &[u8; 32], signature: &Signature) -> Result<(), Wrong> {
        fastest!(public::judge, digest, signature, &Key::Known(&self.table))
    }
}
