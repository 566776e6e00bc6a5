//! A scalar times a point, with the products of each formula side by side ([`four`]).
//!
//! The formulas are those of `point`, arranged so that a doubling takes three steps of products and an addition four:
//! four lanes have room for Z^2 and Z^4 of the next operation beside what is due.
//!
//! [`four`]: super::four

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]
#![allow(unsafe_code, reason = "instructions that the caller vouches for")]

use crate::domain::sm::sm2::four::Four;
use crate::domain::sm::sm2::four::inlined;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::product::OddScalar;

/// The point (X / Z^2, Y / Z^3) with some powers of Z. `_` is anything.
#[derive(Clone, Copy)]
struct Point {
    /// Z^4, Y, 2Y, 2Y.
    y: Four,
    /// X, X, X, Z^2.
    x: Four,
    /// _, _, Z, _.
    z: Four,
}

/// A point that is added several times.
#[derive(Clone, Copy)]
struct Multiple {
    /// Z^2, Z^3, Y, X.
    first: Four,
    /// Z, Z^2, _, _.
    second: Four,
}

impl Point {
    inlined! {
        fn new(point: &Affine) -> Self {
            let (both, one) = (Four::from_two(&point.x, &point.y), Four::one());
            let y = both.all::<1>().terms().scale::<0, 0, 1, 1>().settle();
            Self { y: y.merge(0b0001, &one), x: both.all::<0>().merge(0b1000, &one), z: one }
        }

        fn jacobian(&self) -> Jacobian {
            let [x, y, z] = self.x.merge(0b0010, &self.y).merge(0b0100, &self.z).to_three();
            Jacobian { x, y, z }
        }

        fn multiple(&self) -> Multiple {
            let zzz = self.z.all::<2>().multiply(&self.x.all::<3>()).settle();
            let zz_x = self.x.pick::<3, 3, 0, 0>();
            Multiple {
                first: zz_x.merge(0b0010, &zzz).merge(0b0100, &self.y.all::<1>()),
                second: zz_x.merge(0b0001, &self.z.all::<2>()),
            }
        }

        /// `2 * self`.
        ///
        /// With A = 3 * (X^2 - Z^4) and B = 4XY^2 it is A^2 - 2B, A * (B - that) - 8Y^4 and 2YZ, its Z^4 being
        /// 16Y^4 * Z^4.
        fn double(&self) -> Self {
            let xy = self.y.merge(0b0001, &self.x);
            // X^2, Y^2, 2YZ, 4Y^2
            let first = xy.merge(0b0100, &self.z).multiply(&xy);
            let third = first.subtract(&self.y.terms());
            // A, Y^2, 2YZ, 4Y^2
            let first = first.merge(0b0001, &third.add(&third).add(&third)).settle();
            let others = first.pick::<1, 0, 0, 2>().merge(0b0010, &self.x);
            // 4Y^4, B, A^2, 4Y^2Z^2
            let second = first.pick::<3, 3, 0, 2>().multiply(&others);
            let (y4, b) = (second.all::<0>(), second.all::<1>());
            let x = second.all::<2>().subtract(&b).subtract(&b);
            let others = self.y.merge(0b1110, &first.all::<0>());
            // 4Y^4 * Z^4, then A * (B - X) three times
            let third = b.subtract(&x).merge(0b0001, &second).settle().multiply(&others);
            let y = third.merge(0b1110, &third.subtract(&y4).subtract(&y4)).scale::<2, 0, 1, 1>();
            Self { y: y.settle(), x: x.merge(0b1000, &second).settle(), z: first }
        }

        /// `self + other`, or `self - other` where the mask is ones. Both are finite, neither equal nor opposite. (Of
        /// equal or opposite points Z becomes zero.)
        ///
        /// With U and S the x and y over the common denominator, H = U2 - U1 and R = S2 - S1, it is R^2 - H^3 - 2V with
        /// V = U1 * H^2, R * (V - that) - S1 * H^3 and Z1 * Z2 * H.
        fn add(&self, other: &Multiple, opposite: u64) -> Self {
            let own = self.x.merge(0b0010, &self.y).merge(0b0100, &self.z);
            // U1, S1, Z1 * Y2, U2
            let first = own.multiply(&other.first);
            // U1, S1, Z1 * Y2, H
            let first = first.merge(0b1000, &first.subtract(&first.all::<0>())).settle();
            let others = other.second.merge(0b0100, &own.all::<3>()).merge(0b1000, &first);
            // Z1 * Z2, Z1^2 * Z2^2, S2, H^2
            let second = first.merge(0b0011, &own.pick::<2, 3, 2, 3>()).multiply(&others);
            let [lane, ..] = opposite.to_le_bytes();
            let second = second.negate(0b0100 & lane);
            // Z1 * Z2, Z1^2 * Z2^2, R, H^2
            let second = second.merge(0b0100, &second.subtract(&first.all::<1>().terms())).settle();
            // V, Z^2, R^2, H^3
            let third = second.pick::<3, 3, 2, 3>().multiply(&first.merge(0b0110, &second));
            let (v, zz) = (third.all::<0>(), third.all::<1>());
            let x = third.all::<2>().subtract(&third.all::<3>()).subtract(&v).subtract(&v);
            let factors = third.merge(0b0001, &zz).merge(0b0010, &v.subtract(&x)).settle();
            // Z^2, V - X, Z1 * Z2, H^3
            let factors = factors.merge(0b0100, &second.all::<0>());
            let others = factors.merge(0b0010, &second.all::<2>()).merge(0b1100, &first.pick::<3, 3, 3, 1>());
            // Z^4, R * (V - X), Z, S1 * H^3
            let fourth = factors.multiply(&others);
            let y = fourth.all::<1>().subtract(&fourth.all::<3>()).scale::<0, 0, 1, 1>();
            Self { y: fourth.merge(0b1110, &y).settle(), x: x.merge(0b1000, &zz).settle(), z: fourth.settle() }
        }
    }
}

inlined! {
    /// The entry with this number; every entry is read.
    fn pick(table: &[Multiple; product::MULTIPLES], number: u64) -> Multiple {
        let mut picked = table[0];
        for (entry, at) in table.iter().zip(0..) {
            picked.first = Four::if_equal(at, number, &entry.first, &picked.first);
            picked.second = Four::if_equal(at, number, &entry.second, &picked.second);
        }
        picked
    }
}

#[target_feature(enable = "avx512f,avx512vl,avx512ifma")]
fn product_with_instructions(scalar: &OddScalar, point: &Affine) -> Jacobian {
    // SAFETY: this function has the instructions.
    unsafe {
        let once = Point::new(point);
        let twice = once.double().multiple();
        let thrice = once.add(&twice, 0);
        let mut table = [once.multiple(); product::MULTIPLES];
        let mut multiple = thrice;
        for entry in &mut table[1..] {
            *entry = multiple.multiple();
            multiple = multiple.add(&twice, 0);
        }
        let mut sum = once;
        for digit in scalar.digits() {
            let entry = pick(&table, digit.number);
            for _ in 0..product::WIDTH {
                sum = sum.double();
            }
            sum = sum.add(&entry, digit.negative);
        }
        scalar.finish(&sum.jacobian(), &thrice.double().jacobian())
    }
}

/// `scalar * point` in the same time whatever the scalar. Only where [`four::available`].
///
/// [`four::available`]: super::four::available
pub(super) fn product(scalar: &OddScalar, point: &Affine) -> Jacobian {
    debug_assert!(super::four::available());
    // SAFETY: the processor has the instructions, as the caller has made sure.
    unsafe { product_with_instructions(scalar, point) }
}
