//! Numbers modulo n, the order of the base point (GB/T 32918.5-2017, clause 2).
//!
//! A scalar is kept as it is, below n; products go through Montgomery's form and back. All of it takes the same time
//! whatever the values, save where a comment says that a result is public.

use crate::domain::sm::sm2::inverse;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use zeroize::DefaultIsZeroes;

/// The order n, a prime.
pub(super) const ORDER: Limbs =
    [0x53bb_f409_39d5_4123, 0x7203_df6b_21c6_052b, 0xffff_ffff_ffff_ffff, 0xffff_fffe_ffff_ffff];

/// 2^512 mod n.
const SQUARE_OF_RADIX: Limbs =
    [0x9011_92af_7c11_4f20, 0x3464_504a_de6f_a2fa, 0x620f_c84c_3aff_e0d4, 0x1eb5_e412_a22b_3d3b];

/// -1 / n modulo 2^64.
const NEGATED_INVERSE: u64 = 0x327f_9e88_7235_0975;

/// A number below n.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scalar(Limbs);

impl DefaultIsZeroes for Scalar {}

/// `wide / 2^256` modulo n, for `wide` below n * 2^256.
fn reduce(wide: [u64; 8]) -> Limbs {
    let mut sum = wide;
    let mut overflow = false;
    let mut at = 0;
    while at < 4 {
        let factor = sum[at].wrapping_mul(NEGATED_INVERSE);
        let (_, carry) = factor.carrying_mul_add(ORDER[0], sum[at], 0);
        let (r1, carry) = factor.carrying_mul_add(ORDER[1], sum[at + 1], carry);
        let (r2, carry) = factor.carrying_mul_add(ORDER[2], sum[at + 2], carry);
        let (r3, carry) = factor.carrying_mul_add(ORDER[3], sum[at + 3], carry);
        sum[at + 1] = r1;
        sum[at + 2] = r2;
        sum[at + 3] = r3;
        (sum[at + 4], overflow) = sum[at + 4].carrying_add(carry, overflow);
        at += 1;
    }
    limbs::reduce_once(&[sum[4], sum[5], sum[6], sum[7]], overflow, &ORDER)
}

/// `a * b / 2^256` modulo n.
fn multiply_montgomery(a: &Limbs, b: &Limbs) -> Limbs {
    reduce(limbs::multiply(a, b))
}

impl Scalar {
    /// Zero.
    pub(super) const ZERO: Self = Self([0; 4]);

    /// One.
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    /// The number that 32 bytes write, the most significant first, or `None` for n and above. Whether there is one may
    /// show in the time.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = limbs::from_bytes(bytes);
        (limbs::less(&limbs, &ORDER) != 0).then_some(Self(limbs))
    }

    /// `limbs` modulo n.
    pub(super) fn reduce(limbs: &Limbs) -> Self {
        // 2^256 is below 2n, so that taking n away once is enough.
        Self(limbs::reduce_once(limbs, false, &ORDER))
    }

    /// The number of 48 bytes, the most significant first, modulo n: as good as evenly spread if the bytes are.
    pub(super) fn reduce_wide(bytes: &[u8; 48]) -> Self {
        let (eights, _) = bytes.as_chunks::<8>();
        let eight = |at: usize| u64::from_be_bytes(eights[at]);
        let high = multiply_montgomery(&[eight(1), eight(0), 0, 0], &SQUARE_OF_RADIX);
        Self(high).add(&Self::reduce(&[eight(5), eight(4), eight(3), eight(2)]))
    }

    /// The limbs, the least significant first.
    pub(super) fn limbs(&self) -> &Limbs {
        &self.0
    }

    /// 32 bytes, the most significant first.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        limbs::to_bytes(&self.0)
    }

    /// The mask of being zero.
    pub(super) fn is_zero(&self) -> u64 {
        limbs::is_zero(&self.0)
    }

    /// `self + other`.
    pub(super) fn add(&self, other: &Self) -> Self {
        Self(limbs::add_modulo(&self.0, &other.0, &ORDER))
    }

    /// `self - other`.
    pub(super) fn subtract(&self, other: &Self) -> Self {
        Self(limbs::subtract_modulo(&self.0, &other.0, &ORDER))
    }

    /// `self * other`.
    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self(multiply_montgomery(&multiply_montgomery(&self.0, &other.0), &SQUARE_OF_RADIX))
    }

    /// `1 / self`, and zero for zero.
    pub(super) fn invert(&self) -> Self {
        Self(inverse::invert(&self.0, &inverse::ORDER))
    }
}
