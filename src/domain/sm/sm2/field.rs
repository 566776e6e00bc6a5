//! The field of the SM2 curve: numbers modulo p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5-2017, clause 2).
//!
//! An element is kept as a * 2^256 mod p (Montgomery's form), always below p, so that equal elements have equal limbs.
//! Because p = -1 modulo 2^64 and is a sum of five powers of two, reducing needs shifts and carries but no product.
//! There are two ways to compute, which give the same limbs: [`Portable`], and `Mulx` where the processor has the
//! instructions. Functions that compute much take the way as a type; [`fastest`] chooses it, once for each product of
//! a scalar with a point.
//!
//! All of it takes the same time whatever the values; the exponent of [`Field::square_root`] is public.

#![allow(clippy::inline_always, reason = "a few instructions each, or the assembly that must not be called")]

use crate::domain::sm::sm2::inverse;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::scalar;
use crate::domain::sm::sm2::scalar::Scalar;
use std::hint::black_box;
use zeroize::DefaultIsZeroes;

#[cfg(target_arch = "x86_64")]
use crate::domain::sm::sm2::assembly;

/// The prime p.
pub(super) const PRIME: Limbs =
    [0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_fffe_ffff_ffff];

/// 2^512 mod p, which brings a number into Montgomery's form.
const SQUARE_OF_RADIX: Limbs =
    [0x0000_0002_0000_0003, 0x0000_0002_ffff_ffff, 0x0000_0001_0000_0001, 0x0000_0004_0000_0002];

/// 2^768 mod p.
const CUBE_OF_RADIX: Limbs =
    [0x0000_0012_0000_0016, 0x0000_000e_ffff_fff8, 0x0000_000a_0000_000c, 0x0000_001b_0000_0009];

/// How elements are computed with; limbs in Montgomery's form, below p.
pub(super) trait Way {
    /// `a * b / 2^256` modulo p.
    fn multiply(a: &Limbs, b: &Limbs) -> Limbs;

    /// `a * a / 2^256` modulo p.
    fn square(a: &Limbs) -> Limbs;

    /// `a + b` modulo p.
    fn add(a: &Limbs, b: &Limbs) -> Limbs;

    /// `a - b` modulo p.
    fn subtract(a: &Limbs, b: &Limbs) -> Limbs;

    /// The entry at `number - 1` of `table`, or zeros for the number 0; every entry is read.
    fn pick<const N: usize>(table: &[[u64; N]], number: u64) -> [u64; N];
}

/// For every processor.
pub(super) struct Portable;

impl Way for Portable {
    #[inline(always)]
    fn multiply(a: &Limbs, b: &Limbs) -> Limbs {
        reduce(limbs::multiply(a, b))
    }

    #[inline(always)]
    fn square(a: &Limbs) -> Limbs {
        reduce(limbs::square(a))
    }

    #[inline(always)]
    fn add(a: &Limbs, b: &Limbs) -> Limbs {
        limbs::add_modulo(a, b, &PRIME)
    }

    #[inline(always)]
    fn subtract(a: &Limbs, b: &Limbs) -> Limbs {
        limbs::subtract_modulo(a, b, &PRIME)
    }

    #[inline(always)]
    fn pick<const N: usize>(table: &[[u64; N]], number: u64) -> [u64; N] {
        let number = black_box(number);
        let mut picked = [0; N];
        for (entry, at) in table.iter().zip(1..) {
            // Without a barrier of its own, so that the loop can be done with vectors.
            let mask = u64::from(at == number).wrapping_neg();
            for (limb, from) in picked.iter_mut().zip(entry) {
                *limb |= from & mask;
            }
        }
        picked
    }
}

/// For processors with BMI2, ADX and AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) struct Mulx;

#[cfg(target_arch = "x86_64")]
impl Way for Mulx {
    #[inline(always)]
    fn multiply(a: &Limbs, b: &Limbs) -> Limbs {
        assembly::multiply(a, b)
    }

    #[inline(always)]
    fn square(a: &Limbs) -> Limbs {
        assembly::square(a)
    }

    #[inline(always)]
    fn add(a: &Limbs, b: &Limbs) -> Limbs {
        assembly::add(a, b)
    }

    #[inline(always)]
    fn subtract(a: &Limbs, b: &Limbs) -> Limbs {
        assembly::subtract(a, b)
    }

    #[inline(always)]
    fn pick<const N: usize>(table: &[[u64; N]], number: u64) -> [u64; N] {
        assembly::pick(table, number)
    }
}

/// `fastest!(function(arguments))` calls `function::<W>(arguments)` with the best [`Way`] of this processor.
macro_rules! fastest {
    ($function:path, $($argument:expr),*) => {{
        use $function as function;
        #[cfg(target_arch = "x86_64")]
        if crate::domain::sm::sm2::assembly::available() {
            function::<crate::domain::sm::sm2::field::Mulx>($($argument),*)
        } else {
            function::<crate::domain::sm::sm2::field::Portable>($($argument),*)
        }
        #[cfg(not(target_arch = "x86_64"))]
        function::<crate::domain::sm::sm2::field::Portable>($($argument),*)
    }};
}
pub(super) use fastest;

/// An element of the field.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Field(Limbs);

impl DefaultIsZeroes for Field {}

/// Half of a reduction: `low + m * p`, divided by 2^128, where `m` is the multiple of p (below 2^128) that clears the
/// two lower limbs. `low` is below 2^256 and so is the result.
///
/// With m = m1 * 2^64 + m0 the limbs to add are, from the third on, `[m1, 0, m0, m1]` with a carry from below, and to
/// subtract `[m * 2^32 (middle), m * 2^32 (low and high part), m * 2^32 (middle), m >> 96]`.
#[inline(always)]
fn clear_two(low: &Limbs) -> Limbs {
    let m0 = low[0];
    let (sum, carry) = low[1].carrying_add(m0, false);
    let (m1, borrow) = sum.borrowing_sub(m0 << 32, false);
    let middle = m1 << 32 | m0 >> 32;
    let outer = m0 << 32 | m1 >> 32;
    let (r0, carry) = low[2].carrying_add(m1, carry);
    let (r1, carry) = low[3].carrying_add(0, carry);
    let (r2, carry) = m0.carrying_add(0, carry);
    let (r3, _) = m1.carrying_add(0, carry);
    let (r0, borrow) = r0.borrowing_sub(middle, borrow);
    let (r1, borrow) = r1.borrowing_sub(outer, borrow);
    let (r2, borrow) = r2.borrowing_sub(middle, borrow);
    let (r3, _) = r3.borrowing_sub(m1 >> 32, borrow);
    [r0, r1, r2, r3]
}

/// `wide / 2^256` modulo p, for `wide` below p * 2^256.
#[inline(always)]
fn reduce(wide: [u64; 8]) -> Limbs {
    let [z0, z1, z2, z3, z4, z5, z6, z7] = wide;
    let low = clear_two(&clear_two(&[z0, z1, z2, z3]));
    let (sum, carry) = limbs::add(&low, &[z4, z5, z6, z7]);
    limbs::reduce_once(&sum, carry, &PRIME)
}

impl Field {
    /// Zero.
    pub(super) const ZERO: Self = Self([0; 4]);

    /// One: 2^256 mod p.
    pub(super) const ONE: Self = Self([1, 0xffff_ffff, 0, 0x1_0000_0000]);

    /// The number of `limbs`, which is below p, as an element.
    pub(super) fn from_limbs(limbs: &Limbs) -> Self {
        Self(Portable::multiply(limbs, &SQUARE_OF_RADIX))
    }

    /// The element that 32 bytes write, the most significant first, or `None` for p and above. Whether there is one
    /// may show in the time.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = limbs::from_bytes(bytes);
        (limbs::less(&limbs, &PRIME) != 0).then(|| Self::from_limbs(&limbs))
    }

    /// The number `scalar` + n as an element, or `None` if it is not below p; for public scalars.
    pub(super) fn from_scalar_and_order(scalar: &Scalar) -> Option<Self> {
        let (sum, carry) = limbs::add(scalar.limbs(), &scalar::ORDER);
        (!carry && limbs::less(&sum, &PRIME) != 0).then(|| Self::from_limbs(&sum))
    }

    /// The number that the element stands for, below p.
    pub(super) fn to_limbs(self) -> Limbs {
        let [z0, z1, z2, z3] = self.0;
        reduce([z0, z1, z2, z3, 0, 0, 0, 0])
    }

    /// 32 bytes, the most significant first.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        limbs::to_bytes(&self.to_limbs())
    }

    /// The mask of being zero.
    pub(super) fn is_zero(&self) -> u64 {
        limbs::is_zero(&self.0)
    }

    /// The mask of an odd number.
    pub(super) fn is_odd(self) -> u64 {
        (self.to_limbs()[0] & 1).wrapping_neg()
    }

    /// `a` where the mask is ones, else `b`.
    #[inline(always)]
    pub(super) fn select(mask: u64, a: &Self, b: &Self) -> Self {
        Self(limbs::select(mask, &a.0, &b.0))
    }

    /// The limbs of Montgomery's form, for tables.
    #[inline(always)]
    pub(super) fn inner(&self) -> &Limbs {
        &self.0
    }

    /// From the limbs of Montgomery's form, which [`Field::inner`] gave.
    #[inline(always)]
    pub(super) const fn from_inner(limbs: Limbs) -> Self {
        Self(limbs)
    }

    /// `self + other`.
    #[inline(always)]
    pub(super) fn add<W: Way>(&self, other: &Self) -> Self {
        Self(W::add(&self.0, &other.0))
    }

    /// `self - other`.
    #[inline(always)]
    pub(super) fn subtract<W: Way>(&self, other: &Self) -> Self {
        Self(W::subtract(&self.0, &other.0))
    }

    /// `2 * self`.
    #[inline(always)]
    pub(super) fn double<W: Way>(&self) -> Self {
        self.add::<W>(self)
    }

    /// `self / 2`.
    #[inline(always)]
    pub(super) fn halve(&self) -> Self {
        let odd = (self.0[0] & 1).wrapping_neg();
        let (sum, carry) = limbs::add(&self.0, &PRIME.map(|limb| limb & odd));
        let [r0, r1, r2, r3] = sum;
        Self([r0 >> 1 | r1 << 63, r1 >> 1 | r2 << 63, r2 >> 1 | r3 << 63, r3 >> 1 | u64::from(carry) << 63])
    }

    /// `-self`.
    #[inline(always)]
    pub(super) fn negate(&self) -> Self {
        Self(limbs::subtract_modulo(&[0; 4], &self.0, &PRIME))
    }

    /// `self * other`.
    #[inline(always)]
    pub(super) fn multiply<W: Way>(&self, other: &Self) -> Self {
        Self(W::multiply(&self.0, &other.0))
    }

    /// `self * self`.
    #[inline(always)]
    pub(super) fn square<W: Way>(&self) -> Self {
        Self(W::square(&self.0))
    }

    /// `self` squared `times` times.
    fn square_times<W: Way>(&self, times: u32) -> Self {
        let mut power = *self;
        for _ in 0..times {
            power = power.square::<W>();
        }
        power
    }

    /// `self` to the powers 2^31 - 1 and 2^32 - 1.
    fn powers_of_ones<W: Way>(&self) -> [Self; 2] {
        let two = self.square::<W>().multiply::<W>(self);
        let four = two.square_times::<W>(2).multiply::<W>(&two);
        let six = four.square_times::<W>(2).multiply::<W>(&two);
        let twelve = six.square_times::<W>(6).multiply::<W>(&six);
        let twenty_four = twelve.square_times::<W>(12).multiply::<W>(&twelve);
        let thirty = twenty_four.square_times::<W>(6).multiply::<W>(&six);
        let thirty_one = thirty.square::<W>().multiply::<W>(self);
        let thirty_two = thirty_one.square::<W>().multiply::<W>(self);
        [thirty_one, thirty_two]
    }

    /// `1 / self`, and zero for zero.
    pub(super) fn invert<W: Way>(&self) -> Self {
        // Of a * 2^256 the inverse is 1 / a / 2^256; the product with 2^768 makes 2^256 / a of it.
        Self(W::multiply(&inverse::invert(&self.0, &inverse::PRIME), &CUBE_OF_RADIX))
    }

    /// A root of `self`, or `None` if it is no square: the power (p + 1) / 4 =
    /// 3fffffff bfffffff ffffffff ffffffff ffffffff c0000000 40000000 00000000, which is
    /// 2^62 * ((2^31 - 1) * 2^161 + (2^128 - 1) * 2^32 + 1). Whether there is one may show in the time.
    pub(super) fn square_root<W: Way>(&self) -> Option<Self> {
        let [thirty_one, thirty_two] = self.powers_of_ones::<W>();
        let mut power = thirty_one.square::<W>();
        for _ in 0..4 {
            power = power.square_times::<W>(32).multiply::<W>(&thirty_two);
        }
        power = power.square_times::<W>(32).multiply::<W>(self).square_times::<W>(62);
        (power.square::<W>() == *self).then_some(power)
    }
}
