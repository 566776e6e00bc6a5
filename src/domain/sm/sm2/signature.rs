//! A signature: two numbers from 1 to n - 1, in 64 bytes or in DER.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::der;
use crate::domain::sm::sm2::scalar::Scalar;

/// Bytes of a signature in its plain form.
pub const SIGNATURE_BYTES: usize = 64;

/// A signature (r, s); r and s are not zero and below n. Signatures are public.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub(super) r: Scalar,
    pub(super) s: Scalar,
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Signature({})", crate::domain::sm::hex(&self.to_bytes()))
    }
}

impl Signature {
    /// From two numbers.
    fn new(r: &[u8; 32], s: &[u8; 32]) -> Result<Self, Wrong> {
        let number = |bytes| Scalar::from_bytes(bytes).filter(|scalar| *scalar != Scalar::ZERO).ok_or(Wrong);
        Ok(Self { r: number(r)?, s: number(s)? })
    }

    /// From r and s, 32 bytes each, the most significant first.
    ///
    /// # Errors
    /// If r or s is zero or not below n: no message has such a signature.
    pub fn from_bytes(bytes: &[u8; SIGNATURE_BYTES]) -> Result<Self, Wrong> {
        let (halves, _) = bytes.as_chunks::<32>();
        Self::new(&halves[0], &halves[1])
    }

    /// r and s, 32 bytes each, the most significant first.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes[..32].copy_from_slice(&self.r.to_bytes());
        bytes[32..].copy_from_slice(&self.s.to_bytes());
        bytes
    }

    /// From `SEQUENCE { r INTEGER, s INTEGER }` (GB/T 35276-2017, clause 7.3) in DER and nothing behind it.
    ///
    /// # Errors
    /// If it is anything else, lengths or numbers written longer than they need included, or r or s is out of range.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Wrong> {
        let mut inside = der::only(bytes, der::SEQUENCE)?;
        let r = der::number(&mut inside)?;
        let s = der::number(&mut inside)?;
        if !inside.is_empty() {
            return Err(Wrong);
        }
        Self::new(&r, &s)
    }

    /// `SEQUENCE { r INTEGER, s INTEGER }` in DER: 8 to 72 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        let mut inside = Vec::with_capacity(70);
        der::put_number(&mut inside, &self.r.to_bytes());
        der::put_number(&mut inside, &self.s.to_bytes());
        let mut bytes = Vec::with_capacity(72);
        der::put(&mut bytes, der::SEQUENCE, &inside);
        bytes
    }
}
