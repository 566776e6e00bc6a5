//! The key exchange of GB/T 32918.3-2016: two long-lived keys, two of the moment, a shared key, and a confirmation for
//! each direction if the sides want it.
//!
//! ```text
//! initiator A                                      responder B
//! Ephemeral::new  ── R_A ────────────────────────▶
//!                                                  Ephemeral::new, agree
//!                 ◀──────────── R_B, confirmation ──
//! agree, confirm  ── confirmation ───────────────▶ confirm
//! ```
//!
//! Each computes U = t * (P + x2 * R) with t = d + x1 * r, where d and r are its own private keys, P and R the other's
//! public ones, and x1, x2 the lower half of x of each R with bit 127 set. The key is KDF(x of U, y of U, Z_A, Z_B).

use crate::domain::sm;
use crate::domain::sm::Wrong;
use crate::domain::sm::kdf;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::private::EphemeralKey;
use crate::domain::sm::sm2::private::PrivateKey;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::public::PublicKey;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm3;
use zeroize::Zeroizing;

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that begins, A in the standard.
    Initiator,
    /// The one that answers, B.
    Responder,
}

/// A key pair of the moment. [`agree`] takes it away, so that it serves once.
pub struct Ephemeral(EphemeralKey);

impl Ephemeral {
    /// From 48 bytes of noise that nobody can guess, fresh for each exchange.
    pub fn new(noise: &[u8; 48]) -> Self {
        Self(EphemeralKey::generate(noise))
    }

    /// What the other side is to get, R.
    pub fn public(&self) -> &PublicKey {
        self.0.public()
    }
}

/// One side's long-lived public key and user id.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    /// The key, which must be known to be the other's (by its certificate).
    pub key: &'a PublicKey,
    /// The user id.
    pub id: &'a [u8],
}

/// A shared key that is not yet confirmed.
pub struct Agreed {
    key: Zeroizing<Vec<u8>>,
    own: [u8; 32],
    expected: [u8; 32],
}

impl Agreed {
    /// What the other side is to get to see that this one has the key: S_B of the responder, S_A of the initiator.
    pub fn confirmation(&self) -> &[u8; 32] {
        &self.own
    }

    /// The key, if `theirs` shows that the other side has it.
    ///
    /// # Errors
    /// If it does not; the exchange has failed then.
    pub fn confirm(self, theirs: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        if sm::verify(&self.expected, theirs) { Ok(self.key) } else { Err(Wrong) }
    }

    /// The key, unconfirmed, for protocols that confirm it themselves (as TLCP does with its Finished messages).
    pub fn unconfirmed(self) -> Zeroizing<Vec<u8>> {
        self.key
    }
}

/// 2^127 + the lower 127 bits of the x of a key of the moment.
fn half(point: &PublicKey) -> Scalar {
    let [low, high, ..]: Limbs = point.point.x.to_limbs();
    Scalar::reduce(&[low, high | 1 << 63, 0, 0])
}

/// The shared key of `key_bytes` bytes. `own` is this side's long-lived key with its user id `own_id`, `other` the other
/// side, and `other_ephemeral` what it sent.
///
/// # Errors
/// If the other side chose its keys so that the shared point is infinity.
///
/// # Panics
/// If an id has more than 8,191 bytes, which no caller allows.
pub fn agree(
    side: Side,
    (own, own_id): (&PrivateKey, &[u8]),
    ephemeral: Ephemeral,
    other: Party<'_>,
    other_ephemeral: &PublicKey,
    key_bytes: usize,
) -> Result<Agreed, Wrong> {
    let Ephemeral(ephemeral) = ephemeral;
    // A4, A5: t = d + x1 * r
    let t = own.number.add(&half(ephemeral.public()).multiply(&ephemeral.number));
    let t = Zeroizing::new(t);
    // A6, A7: U = t * (P + x2 * R); what is in the brackets is public. (R is on the curve: it is a public key.)
    let base = product::scale_and_add_public(&half(other_ephemeral), &other_ephemeral.point, &other.key.point);
    let base = base.to_affine().ok_or(Wrong)?;
    let shared = Zeroizing::new(product::product(&t, &base).to_affine().ok_or(Wrong)?);
    let x = Zeroizing::new(shared.x.to_bytes());
    let y = Zeroizing::new(shared.y.to_bytes());

    let (own_z, other_z) = (own.public().z(own_id)?, other.key.z(other.id)?);
    let (own_bytes, other_bytes) = (ephemeral.public().to_bytes(), other_ephemeral.to_bytes());
    let [(first_z, first), (second_z, second)] = match side {
        Side::Initiator => [(own_z, own_bytes), (other_z, other_bytes)],
        Side::Responder => [(other_z, other_bytes), (own_z, own_bytes)],
    };
    // A8
    let mut key = Zeroizing::new(vec![0; key_bytes]);
    kdf::fill(&[x.as_slice(), y.as_slice(), &first_z, &second_z], &mut key);
    // A9, A10
    let inner = sm3::digest_parts(&[x.as_slice(), &first_z, &second_z, &first[1..], &second[1..]]);
    let of_responder = sm3::digest_parts(&[&[2], y.as_slice(), &inner]);
    let of_initiator = sm3::digest_parts(&[&[3], y.as_slice(), &inner]);
    let (own, expected) = match side {
        Side::Initiator => (of_initiator, of_responder),
        Side::Responder => (of_responder, of_initiator),
    };
    Ok(Agreed { key, own, expected })
}
