//! Products of a scalar with a point that has no table.

use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::point::Multiple;
use crate::domain::sm::sm2::scalar;
use crate::domain::sm::sm2::scalar::Scalar;
use std::hint::black_box;
use zeroize::Zeroize;

#[cfg(target_arch = "x86_64")]
use crate::domain::sm::sm2::four;
#[cfg(target_arch = "x86_64")]
use crate::domain::sm::sm2::parallel;

/// Bits of a digit of a secret scalar.
pub(super) const WIDTH: u32 = 5;

/// Digits of a secret scalar but for the uppermost, which is 1.
const DIGITS: u32 = 255 / WIDTH;

/// Points of the table for a secret scalar: 1, 3, ... 31 times the point.
pub(super) const MULTIPLES: usize = 1 << (WIDTH - 1);

/// Bits of a digit of a public scalar, its sign included: odd digits up to 15.
const PUBLIC_WIDTH: u32 = 5;

/// Points of the table for a public scalar: 1, 3, ... 15 times the point.
const PUBLIC_MULTIPLES: usize = 1 << (PUBLIC_WIDTH - 2);

/// A scalar k, or n - k where k is even, in odd digits from -31 to 31. So no digit is zero, no sum is infinity, and the
/// plain addition serves: a sum is 32 * a times the point with a at least 1, what is added at most 31 times, and they
/// are equal only where 32 * a - 3 is the scalar n - 6. The product is known there beforehand. They are opposite only for
/// the scalar n, which stands for 0, and the addition gives infinity then.
pub(super) struct OddScalar {
    limbs: Limbs,
    /// The mask of n - k.
    opposite: u64,
}

/// A digit: 2 * number + 1, or its opposite where the mask is ones.
pub(super) struct Digit {
    pub(super) number: u64,
    pub(super) negative: u64,
}

impl Drop for OddScalar {
    fn drop(&mut self) {
        self.limbs.zeroize();
        self.opposite.zeroize();
    }
}

impl OddScalar {
    pub(super) fn new(scalar: &Scalar) -> Self {
        let opposite = limbs::equal(scalar.limbs()[0] & 1, 0);
        let (negated, _) = limbs::subtract(&scalar::ORDER, scalar.limbs());
        Self { limbs: limbs::select(opposite, &negated, scalar.limbs()), opposite }
    }

    /// The digits below the uppermost, the most significant first.
    ///
    /// What stands from a digit up, made odd, is 32 times what stands from the next digit up, made odd, and the digit:
    /// its five bits, less 32 where the next bit is zero and the next digit had to be made odd.
    pub(super) fn digits(&self) -> impl Iterator<Item = Digit> {
        (0..DIGITS).rev().map(|index| {
            let at = index * WIDTH;
            let (limb, shift) = ((at / 64) as usize, at % 64);
            let low = self.limbs[limb] >> shift;
            let high = self.limbs.get(limb + 1).map_or(0, |limb| limb << 1 << (63 - shift));
            let bits = low | high;
            let negative = black_box((bits >> WIDTH & 1).wrapping_sub(1));
            Digit { number: (bits ^ negative) >> 1 & (MULTIPLES as u64 - 1), negative }
        })
    }

    /// The product with k, from the `sum` of the digits' multiples and 6 times the point.
    pub(super) fn finish(&self, sum: &Jacobian, six: &Jacobian) -> Jacobian {
        let (rest, _) = limbs::subtract(&scalar::ORDER, &self.limbs);
        let exception = limbs::is_zero(&[rest[0] ^ 6, rest[1], rest[2], rest[3]]);
        Jacobian::select(exception, &six.negate_if(u64::MAX), sum).negate_if(self.opposite)
    }
}

/// `scalar * point` in the same time whatever the scalar.
pub(super) fn product(scalar: &Scalar, point: &Affine) -> Jacobian {
    let scalar = OddScalar::new(scalar);
    #[cfg(target_arch = "x86_64")]
    if four::available() {
        return parallel::product(&scalar, point);
    }
    fastest!(self::product_by, &scalar, point)
}

pub(super) fn product_by<W: Way>(scalar: &OddScalar, point: &Affine) -> Jacobian {
    let once = Jacobian::from(point);
    let twice = Multiple::new::<W>(once.double::<W>());
    // The table of a public point holds no secret.
    let mut multiples = [once; MULTIPLES];
    for at in 1..MULTIPLES {
        multiples[at] = multiples[at - 1].add::<W>(&twice);
    }
    let table = multiples.map(|point| Multiple::new::<W>(point).to_limbs());
    let mut sum = once;
    for digit in scalar.digits() {
        for _ in 0..WIDTH {
            sum = sum.double::<W>();
        }
        let entry = Multiple::from_limbs(&W::pick(&table, digit.number + 1));
        sum = sum.add::<W>(&entry.negate_if(digit.negative));
    }
    scalar.finish(&sum, &multiples[1].double::<W>())
}

/// The digits of a public scalar in its width-5 non-adjacent form, the least significant first, and how many there are.
fn non_adjacent_form(scalar: &Limbs) -> ([i8; 257], usize) {
    let mut digits = [0; 257];
    let mut length = 0;
    let mut carry = 0;
    let mut at = 0;
    while at < 257 {
        let (limb, shift) = (at / 64, at % 64);
        let low = scalar.get(limb).map_or(0, |limb| limb >> shift);
        let high = scalar.get(limb + 1).map_or(0, |limb| limb << 1 << (63 - shift));
        let window = ((low | high) & ((1 << PUBLIC_WIDTH) - 1)) + carry;
        if window & 1 == 0 {
            at += 1;
            continue;
        }
        carry = window >> (PUBLIC_WIDTH - 1);
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 2^PUBLIC_WIDTH")]
        let digit = window as i8 - ((carry as i8) << PUBLIC_WIDTH);
        digits[at] = digit;
        length = at + 1;
        at += PUBLIC_WIDTH as usize;
    }
    (digits, length)
}

/// `scalar * point` for public values.
pub(super) fn product_public<W: Way>(scalar: &Scalar, point: &Affine) -> Jacobian {
    #[cfg(target_arch = "x86_64")]
    if four::available() {
        // Four products at a time save more than the zeros among the digits.
        return parallel::product(&OddScalar::new(scalar), point);
    }
    product_public_by::<W>(scalar, point)
}

pub(super) fn product_public_by<W: Way>(scalar: &Scalar, point: &Affine) -> Jacobian {
    let first = Multiple::new::<W>(Jacobian::from(point));
    let double = Multiple::new::<W>(first.point.double::<W>());
    let mut multiples = [first; PUBLIC_MULTIPLES];
    for at in 1..PUBLIC_MULTIPLES {
        multiples[at] = Multiple::new::<W>(multiples[at - 1].point.add::<W>(&double));
    }
    let (digits, length) = non_adjacent_form(scalar.limbs());
    let mut sum = Jacobian::INFINITY;
    for digit in digits[..length].iter().rev() {
        sum = sum.double::<W>();
        if *digit != 0 {
            let negative = if *digit < 0 { u64::MAX } else { 0 };
            sum = sum.add_public::<W>(&multiples[usize::from(digit.unsigned_abs() / 2)].negate_if(negative));
        }
    }
    sum
}

/// `scalar * point + other` for public values.
pub(super) fn scale_and_add_public(scalar: &Scalar, point: &Affine, other: &Affine) -> Jacobian {
    fastest!(self::scale_and_add_public_by, scalar, point, other)
}

fn scale_and_add_public_by<W: Way>(scalar: &Scalar, point: &Affine, other: &Affine) -> Jacobian {
    product_public::<W>(scalar, point).add_affine_public::<W>(other)
}
