//! A private key: making one, signing, and the plain Diffie-Hellman of TLS 1.3.
//!
//! Signing (GB/T 32918.2-2016, clause 6.1): with e = SM3(Z, M), a nonce k and the x of k * G, r = e + x and
//! s = (k - r * d) / (1 + d) modulo n, which is computed as (k + r) / (1 + d) - r with 1 / (1 + d) kept beside the key.
//!
//! The nonce departs from the standard's plain random number: it is HMAC-SM3 under the key of the digest and of the
//! caller's noise (in the manner of RFC 6979, clause 3.6). So a repeated or guessed noise alone betrays nothing.

use crate::domain::sm::Wrong;
use crate::domain::sm::kdf;
use crate::domain::sm::mac::MacKey;
use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::public;
use crate::domain::sm::sm2::public::DEFAULT_ID;
use crate::domain::sm::sm2::public::PublicKey;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm2::signature::Signature;
use zeroize::Zeroize;
use zeroize::Zeroizing;

/// Bytes of a private key.
pub const PRIVATE_KEY_BYTES: usize = 32;

/// The key of the nonces: room for d, and what says that it is for nonces.
const NONCE_LABEL: &[u8; 49] = b"................................jingyue sm2 nonce";

/// A private key: a number d from 1 to n - 2, with its public key. It is wiped when dropped and never shows itself.
/// What is done with it takes the same time whatever it is.
#[derive(Clone)]
pub struct PrivateKey {
    pub(super) number: Scalar,
    /// 1 / (1 + d).
    inverse: Scalar,
    /// Keys the nonces; made of d, so that it serves nothing else.
    nonce_key: MacKey,
    public: PublicKey,
    /// Z for [`DEFAULT_ID`].
    z: [u8; 32],
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PrivateKey(of {:?})", self.public)
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.number.zeroize();
        self.inverse.zeroize();
    }
}

impl PrivateKey {
    /// From a number of 32 bytes, the most significant first.
    ///
    /// # Errors
    /// If it is zero or above n - 2.
    pub fn from_bytes(bytes: &[u8; PRIVATE_KEY_BYTES]) -> Result<Self, Wrong> {
        let number = Zeroizing::new(Scalar::from_bytes(bytes).ok_or(Wrong)?);
        Self::new(&number).ok_or(Wrong)
    }

    /// A new key from 48 bytes of noise, which must come from a source nobody can guess. The same noise gives the same
    /// key.
    ///
    /// # Panics
    /// Never: noise after noise would have to give a number out of range.
    pub fn generate(noise: &[u8; 48]) -> Self {
        let key = scalars(noise).find_map(|number| Self::new(&number));
        key.expect("a number is out of range with a chance of 2^-254, here for every counter")
    }

    fn new(number: &Scalar) -> Option<Self> {
        let inverse = number.add(&Scalar::ONE).invert();
        if (number.is_zero() | inverse.is_zero()) != 0 {
            return None;
        }
        let point = comb::base_product(number).to_affine()?;
        let mut labelled = Zeroizing::new(*NONCE_LABEL);
        labelled[..32].copy_from_slice(&*Zeroizing::new(number.to_bytes()));
        let nonce_key = MacKey::new(labelled.as_slice());
        let public = PublicKey { point };
        Some(Self { number: *number, inverse, nonce_key, public, z: public.z_of_default() })
    }

    /// The number of 32 bytes, the most significant first.
    pub fn to_bytes(&self) -> Zeroizing<[u8; PRIVATE_KEY_BYTES]> {
        Zeroizing::new(self.number.to_bytes())
    }

    /// The public key of this one.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs the message whose parts follow one another, as a holder with the user id `id`. `noise` should be fresh from
    /// a good source; the same noise again, or bad noise, gives a good signature nevertheless.
    ///
    /// # Errors
    /// If `id` is too long to be one ([`PublicKey::z`]).
    pub fn sign(&self, id: &[u8], message: &[&[u8]], noise: &[u8; 32]) -> Result<Signature, Wrong> {
        let z = if id == DEFAULT_ID { self.z } else { self.public.z(id)? };
        Ok(self.sign_digest(&public::digest_of(&z, message), noise))
    }

    /// As [`PrivateKey::sign`], with `digest` = SM3(Z, M) made already.
    ///
    /// # Panics
    /// Never: nonce after nonce would have to fail.
    pub fn sign_digest(&self, digest: &[u8; 32], noise: &[u8; 32]) -> Signature {
        let signature = (0..=u8::MAX).find_map(|counter| {
            let bytes = Zeroizing::new(self.nonce_key.tag(&[digest, noise, &[counter]]));
            // Only one of 2^32 candidates is n or above; the ones below are evenly spread.
            let nonce = Zeroizing::new(Scalar::from_bytes(&bytes)?);
            self.sign_with(digest, &nonce)
        });
        signature.expect("a nonce fails with a chance of 2^-32, here for every counter")
    }

    /// Steps A4 to A7 of signing with the nonce `k`, or `None` if the standard wants another.
    pub(super) fn sign_with(&self, digest: &[u8; 32], k: &Scalar) -> Option<Signature> {
        // A4; zero times the point has no x.
        let point = Zeroizing::new(comb::base_product(k).to_affine()?);
        // A5
        let x = Scalar::reduce(&point.x.to_limbs());
        let r = public::number_of(digest).add(&x);
        let r_and_k = Zeroizing::new(r.add(k));
        if (r.is_zero() | r_and_k.is_zero()) != 0 {
            return None;
        }
        // A6
        let s = self.inverse.multiply(&r_and_k).subtract(&r);
        (s.is_zero() == 0).then_some(Signature { r, s })
    }

    /// The x of this key times `other`: the shared secret of an ephemeral Diffie-Hellman exchange as TLS 1.3 makes it
    /// (RFC 8446, clause 7.4.2, with curveSM2 of RFC 8998).
    ///
    /// # Errors
    /// Never with keys of this curve, whose order is prime; the caller need not rely on that.
    pub fn agree(&self, other: &PublicKey) -> Result<Zeroizing<[u8; 32]>, Wrong> {
        agree(&self.number, other)
    }
}

fn agree(number: &Scalar, other: &PublicKey) -> Result<Zeroizing<[u8; 32]>, Wrong> {
    let point = product::product(number, &other.point).to_affine().ok_or(Wrong)?;
    let point = Zeroizing::new(point);
    Ok(Zeroizing::new(point.x.to_bytes()))
}

/// A private key for one agreement (RFC 8446, clause 4.2.8): without what signing makes ready. It is wiped when dropped
/// and never shows itself.
pub struct EphemeralKey {
    pub(super) number: Scalar,
    public: PublicKey,
}

impl std::fmt::Debug for EphemeralKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EphemeralKey(of {:?})", self.public)
    }
}

impl Drop for EphemeralKey {
    fn drop(&mut self) {
        self.number.zeroize();
    }
}

impl EphemeralKey {
    /// A new key from 48 bytes of noise, which must come from a source nobody can guess and be fresh.
    ///
    /// # Panics
    /// Never: noise after noise would have to give zero.
    pub fn generate(noise: &[u8; 48]) -> Self {
        let new = |number: Zeroizing<Scalar>| {
            let point = comb::base_product(&number).to_affine()?;
            Some(Self { number: *number, public: PublicKey { point } })
        };
        let key = scalars(noise).find_map(new);
        key.expect("a number is zero with a chance of 2^-256, here for every counter")
    }

    /// The public key of this one.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As [`PrivateKey::agree`]; the key serves once.
    ///
    /// # Errors
    /// Never with keys of this curve, whose order is prime; the caller need not rely on that.
    pub fn agree(self, other: &PublicKey) -> Result<Zeroizing<[u8; 32]>, Wrong> {
        agree(&self.number, other)
    }
}

/// Numbers modulo n from noise: the first is the noise itself, further ones are derived from it.
pub(super) fn scalars(noise: &[u8; 48]) -> impl Iterator<Item = Zeroizing<Scalar>> {
    (0..=u8::MAX).map(move |counter| {
        let mut bytes = Zeroizing::new(*noise);
        if counter > 0 {
            kdf::fill(&[noise, &[counter]], bytes.as_mut_slice());
        }
        Zeroizing::new(Scalar::reduce_wide(&bytes))
    })
}
