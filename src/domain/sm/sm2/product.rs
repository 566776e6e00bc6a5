//! Products of a scalar with a point that has no table.

use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::point::Multiple;
use crate::domain::sm::sm2::scalar::Scalar;

/// Bits of a digit of a secret scalar.
const WIDTH: u32 = 5;

/// Digits of a secret scalar; the uppermost takes the carry of the recoding.
const DIGITS: u32 = 256 / WIDTH + 1;

/// Points of the table for a secret scalar: 1 to 16 times the point.
const MULTIPLES: usize = 1 << (WIDTH - 1);

/// Bits of a digit of a public scalar, its sign included: odd digits up to 15.
const PUBLIC_WIDTH: u32 = 5;

/// Points of the table for a public scalar: 1, 3, ... 15 times the point.
const ODD_MULTIPLES: usize = 1 << (PUBLIC_WIDTH - 2);

/// `scalar * point` in the same time whatever the scalar.
///
/// Why the plain addition serves up to the last digit: the sum is 32 * a * point with a at least 1, and less than
/// n / 32 until the last; a digit is at most 16. At the last digit the sum can equal what is added (only for the
/// scalar n - 6), so that there the double stands ready; opposite they are only for the scalars 0 and n.
pub(super) fn product(scalar: &Scalar, point: &Affine) -> Jacobian {
    fastest!(self::product_by, scalar, point)
}

pub(super) fn product_by<W: Way>(scalar: &Scalar, point: &Affine) -> Jacobian {
    let first = Jacobian::from(point);
    // The table of a public point holds no secret.
    let mut points = [first; MULTIPLES];
    for at in 1..MULTIPLES {
        let number = at + 1;
        let even = number % 2 == 0;
        let before = &points[if even { number / 2 } else { at } - 1];
        points[at] = if even { before.double::<W>() } else { before.add_affine::<W>(point) };
    }
    let multiples = points.map(|point| Multiple::new::<W>(point).to_limbs());
    let mut sum = Jacobian::INFINITY;
    let mut infinite = u64::MAX;
    for index in (0..DIGITS).rev() {
        if index != DIGITS - 1 {
            for _ in 0..WIDTH {
                sum = sum.double::<W>();
            }
        }
        let (magnitude, negative) = comb::digit(scalar.limbs(), index * WIDTH, WIDTH);
        let entry = Multiple::from_limbs(&W::pick(&multiples, magnitude)).negate_if(negative);
        let nothing = limbs::equal(magnitude, 0);
        let mut added = sum.add::<W>(&entry);
        if index == 0 {
            let equal = added.is_infinity() & !infinite & !nothing;
            added = Jacobian::select(equal, &entry.point.double::<W>(), &added);
        }
        let first = Jacobian::select(infinite & !nothing, &entry.point, &added);
        sum = Jacobian::select(nothing, &sum, &first);
        infinite &= nothing;
    }
    sum
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
    let first = Multiple::new::<W>(Jacobian::from(point));
    let double = Multiple::new::<W>(first.point.double::<W>());
    let mut multiples = [first; ODD_MULTIPLES];
    for at in 1..ODD_MULTIPLES {
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
