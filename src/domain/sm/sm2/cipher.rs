//! Encrypting to a public key and decrypting (GB/T 32918.4-2016, clauses 6 and 7).
//!
//! With a nonce k and the other's key P: C1 = k * G, (x, y) = k * P, C2 = M xor KDF(x, y), C3 = SM3(x, M, y). Departing
//! from nothing: a mask of zeros only is refused on both sides, as the standard wants, and so is an empty message, for
//! which it defines none.

use crate::domain::sm::Wrong;
use crate::domain::sm::kdf;
use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::der;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::private;
use crate::domain::sm::sm2::private::PrivateKey;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::public::PublicKey;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm3;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How the parts of a plain ciphertext follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Point, digest, masked text: GB/T 32918.4-2016.
    C1C3C2,
    /// Point, masked text, digest: the drafts before 2012, still met.
    C1C2C3,
}

/// C1, C2 and C3.
struct Parts {
    point: PublicKey,
    masked: Vec<u8>,
    digest: [u8; 32],
}

/// The digest C3, and C2 made from `text` (or back).
fn mask(shared: &Affine, text: &mut [u8]) -> Result<Zeroizing<[[u8; 32]; 2]>, Wrong> {
    let coordinates = Zeroizing::new([shared.x.to_bytes(), shared.y.to_bytes()]);
    let mut mask = Zeroizing::new(vec![0; text.len()]);
    kdf::fill(&[coordinates.as_flattened()], &mut mask);
    let mut any = 0;
    for (byte, mask) in text.iter_mut().zip(mask.iter()) {
        *byte ^= mask;
        any |= mask;
    }
    if std::hint::black_box(any) == 0 { Err(Wrong) } else { Ok(coordinates) }
}

impl PublicKey {
    /// Steps A1 to A7 with the nonce `k`, or `None` if the standard wants another.
    fn encrypt_with(&self, plain: &[u8], k: &Scalar) -> Option<Parts> {
        let point = PublicKey { point: comb::base_product(k).to_affine()? };
        let shared = Zeroizing::new(product::product(k, &self.point).to_affine()?);
        let mut masked = plain.to_vec();
        let coordinates = mask(&shared, &mut masked).ok()?;
        let digest = sm3::digest_parts(&[&coordinates[0], plain, &coordinates[1]]);
        Some(Parts { point, masked, digest })
    }

    fn encrypt_parts(&self, plain: &[u8], noise: &[u8; 48]) -> Result<Parts, Wrong> {
        private::scalars(noise).find_map(|nonce| self.encrypt_with(plain, &nonce)).ok_or(Wrong)
    }

    /// Encrypts `plain` to the holder of this key: `SEQUENCE { x INTEGER, y INTEGER, C3 OCTET STRING, C2 OCTET STRING }`
    /// (GM/T 0009-2012, clause 7.2) in DER. `noise` must come from a source nobody can guess and be fresh.
    ///
    /// # Errors
    /// If `plain` is empty.
    pub fn encrypt(&self, plain: &[u8], noise: &[u8; 48]) -> Result<Vec<u8>, Wrong> {
        let Parts { point, masked, digest } = self.encrypt_parts(plain, noise)?;
        let mut inside = Vec::with_capacity(masked.len() + 110);
        der::put_number(&mut inside, &point.point.x.to_bytes());
        der::put_number(&mut inside, &point.point.y.to_bytes());
        der::put(&mut inside, der::OCTETS, &digest);
        der::put(&mut inside, der::OCTETS, &masked);
        let mut bytes = Vec::with_capacity(inside.len() + 6);
        der::put(&mut bytes, der::SEQUENCE, &inside);
        Ok(bytes)
    }

    /// As [`PublicKey::encrypt`], but as plain bytes: the point (4, x, y), then C2 and C3 as `order` says.
    ///
    /// # Errors
    /// If `plain` is empty.
    pub fn encrypt_raw(&self, plain: &[u8], noise: &[u8; 48], order: Order) -> Result<Vec<u8>, Wrong> {
        let Parts { point, masked, digest } = self.encrypt_parts(plain, noise)?;
        let point = point.to_bytes();
        let parts: [&[u8]; 3] = match order {
            Order::C1C3C2 => [&point, &digest, &masked],
            Order::C1C2C3 => [&point, &masked, &digest],
        };
        Ok(parts.concat())
    }
}

impl PrivateKey {
    /// Steps B1 to B7.
    fn decrypt_parts(&self, point: &PublicKey, digest: &[u8], masked: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let shared = product::product(&self.number, &point.point).to_affine().ok_or(Wrong)?;
        let shared = Zeroizing::new(shared);
        let mut plain = Zeroizing::new(masked.to_vec());
        let coordinates = mask(&shared, &mut plain)?;
        let computed = sm3::digest_parts(&[&coordinates[0], &plain, &coordinates[1]]);
        if bool::from(computed.as_slice().ct_eq(digest)) { Ok(plain) } else { Err(Wrong) }
    }

    /// Decrypts what [`PublicKey::encrypt`] makes.
    ///
    /// # Errors
    /// If it is not such a ciphertext in DER or was not made for this key, was changed, or is longer or shorter than it
    /// says. Which of them is not told.
    pub fn decrypt(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let mut inside = der::only(bytes, der::SEQUENCE)?;
        let mut point = [4; 65];
        point[1..33].copy_from_slice(&der::number(&mut inside)?);
        point[33..].copy_from_slice(&der::number(&mut inside)?);
        let digest = der::take(&mut inside, der::OCTETS)?;
        let masked = der::take(&mut inside, der::OCTETS)?;
        if !inside.is_empty() {
            return Err(Wrong);
        }
        self.decrypt_parts(&PublicKey::from_bytes(&point)?, digest, masked)
    }

    /// Decrypts what [`PublicKey::encrypt_raw`] makes in the same order; the point may also be compressed.
    ///
    /// # Errors
    /// As [`PrivateKey::decrypt`].
    pub fn decrypt_raw(&self, bytes: &[u8], order: Order) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let point_bytes = match bytes.first() {
            Some(4) => 65,
            Some(2 | 3) => 33,
            _ => return Err(Wrong),
        };
        let (point, rest) = bytes.split_at_checked(point_bytes).ok_or(Wrong)?;
        let point = PublicKey::from_bytes(point)?;
        let masked_bytes = rest.len().checked_sub(32).ok_or(Wrong)?;
        let (digest, masked) = match order {
            Order::C1C3C2 => rest.split_at(32),
            Order::C1C2C3 => {
                let (masked, digest) = rest.split_at(masked_bytes);
                (digest, masked)
            }
        };
        self.decrypt_parts(&point, digest, masked)
    }
}
