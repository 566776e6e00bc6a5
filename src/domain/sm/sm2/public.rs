//! A public key: reading and writing it, the digest Z of its holder, and verifying.
//!
//! Verifying (GB/T 32918.2-2016, clause 7.1): with e = SM3(Z, M) and t = r + s, which must not be zero, the signature
//! is right if r = e + x modulo n for the x of s * G + t * P. No inversion is needed for that: x = r - e is compared with
//! X / Z^2 as x * Z^2 with X.

use crate::domain::sm::Wrong;
use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::comb::KnownTable;
use crate::domain::sm::sm2::field::Field;
use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::point;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm2::signature::Signature;
use crate::domain::sm::sm3;

/// The user id that is used where two sides agreed on none (GM/T 0009-2012, clause 10; certificates, GM/T 0015).
pub const DEFAULT_ID: &[u8] = b"1234567812345678";

/// The user id of both sides of TLS 1.3 (RFC 8998, clause 3.2.1).
pub const TLS13_ID: &[u8] = b"TLSv1.3+GM+Cipher+Suite";

/// Longest user id: the number of its bits stands in two bytes (GB/T 32918.2-2016, clause 5.5).
pub const ID_BYTES_MAX: usize = 8_191;

/// Bytes of a public key in its plain form: 4, x, y.
pub const PUBLIC_KEY_BYTES: usize = 65;

/// A public key: a point of the curve that is not infinity. It is public, and so are the functions here: their time may
/// depend on anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) point: Affine,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PublicKey({})", crate::domain::sm::hex(&self.to_bytes()))
    }
}

impl PublicKey {
    /// From 65 bytes (4, x, y) or 33 bytes (2 or 3 for an even or odd y, x), as in SEC 1 and GB/T 32918.1-2016,
    /// clause 4.2.10.
    ///
    /// # Errors
    /// If the form is another, a coordinate is not below p, or there is no such point on the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Wrong> {
        let (form, coordinates) = bytes.split_first().ok_or(Wrong)?;
        let (coordinates, rest) = coordinates.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(Wrong);
        }
        let point = match (form, coordinates) {
            (4, [x, y]) => Affine::new(Field::from_bytes(x).ok_or(Wrong)?, Field::from_bytes(y).ok_or(Wrong)?),
            (2 | 3, [x]) => Affine::decompress(Field::from_bytes(x).ok_or(Wrong)?, *form == 3),
            _ => None,
        };
        Ok(Self { point: point.ok_or(Wrong)? })
    }

    /// The 65 bytes: 4, x, y.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let mut bytes = [4; PUBLIC_KEY_BYTES];
        bytes[1..33].copy_from_slice(&self.point.x.to_bytes());
        bytes[33..].copy_from_slice(&self.point.y.to_bytes());
        bytes
    }

    /// The digest Z of a holder with the user id `id` and this key (GB/T 32918.2-2016, clause 5.5):
    /// SM3 of the bits of the id (two bytes), the id, the curve, the base point and the key.
    ///
    /// # Errors
    /// If `id` has more than [`ID_BYTES_MAX`] bytes: the number of its bits would not fit.
    pub fn z(&self, id: &[u8]) -> Result<[u8; 32], Wrong> {
        if id.len() > ID_BYTES_MAX {
            return Err(Wrong);
        }
        Ok(self.z_of_short(id))
    }

    /// Z for [`DEFAULT_ID`].
    pub(super) fn z_of_default(&self) -> [u8; 32] {
        self.z_of_short(DEFAULT_ID)
    }

    fn z_of_short(&self, id: &[u8]) -> [u8; 32] {
        debug_assert!(id.len() <= ID_BYTES_MAX);
        let bits = u16::try_from(id.len() * 8).unwrap_or(u16::MAX);
        let [a, b] = point::COEFFICIENTS.map(Field::to_bytes);
        let base = [point::BASE.x.to_bytes(), point::BASE.y.to_bytes()];
        let own = [self.point.x.to_bytes(), self.point.y.to_bytes()];
        sm3::digest_parts(&[&bits.to_be_bytes(), id, &a, &b, base.as_flattened(), own.as_flattened()])
    }

    /// Whether `signature` is this key's over the message whose parts follow one another, made by a holder with the user
    /// id `id`.
    ///
    /// # Errors
    /// If it is not, or `id` is too long to be one.
    pub fn verify(&self, id: &[u8], message: &[&[u8]], signature: &Signature) -> Result<(), Wrong> {
        self.verify_digest(&digest_of(&self.z(id)?, message), signature)
    }

    /// As [`PublicKey::verify`], with `digest` = SM3(Z, M) made already.
    ///
    /// # Errors
    /// If the signature is wrong.
    pub fn verify_digest(&self, digest: &[u8; 32], signature: &Signature) -> Result<(), Wrong> {
        fastest!(self::judge, digest, signature, &Key::New(&self.point))
    }
}

/// What the public key is multiplied with.
pub(super) enum Key<'a> {
    /// A key without a table.
    New(&'a Affine),
    /// The table of a known key.
    Known(&'a KnownTable),
}

/// e: SM3 of `z` and the message.
pub(super) fn digest_of(z: &[u8; 32], message: &[&[u8]]) -> [u8; 32] {
    let mut parts = Vec::with_capacity(message.len() + 1);
    parts.push(z.as_slice());
    parts.extend_from_slice(message);
    sm3::digest_parts(&parts)
}

/// Steps B1 to B7 of verifying.
pub(super) fn judge<W: Way>(digest: &[u8; 32], signature: &Signature, key: &Key<'_>) -> Result<(), Wrong> {
    let Signature { r, s } = signature;
    // B1, B2: a signature has r and s in range.
    // B3, B4
    let e = number_of(digest);
    // B5
    let t = r.add(s);
    if t == Scalar::ZERO {
        return Err(Wrong);
    }
    // B6
    let product = match key {
        Key::New(point) => product::product_public::<W>(&t, point),
        Key::Known(table) => table.add_product_public::<W>(&t, Jacobian::INFINITY),
    };
    let sum = comb::add_base_product_public::<W>(s, product);
    if sum.is_infinity() != 0 {
        return Err(Wrong);
    }
    // B7
    let zz = sum.z.square::<W>();
    let x = r.subtract(&e);
    let matches = |x: Field| x.multiply::<W>(&zz) == sum.x;
    // p is a little more than n: the x of a few points is n or above.
    let right = matches(Field::from_limbs(x.limbs())) || Field::from_scalar_and_order(&x).is_some_and(matches);
    if right { Ok(()) } else { Err(Wrong) }
}

/// A digest as a number modulo n.
pub(super) fn number_of(digest: &[u8; 32]) -> Scalar {
    Scalar::reduce(&crate::domain::sm::sm2::limbs::from_bytes(digest))
}
