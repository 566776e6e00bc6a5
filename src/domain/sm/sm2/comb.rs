//! Tables of multiples of a fixed point: its product with a scalar then takes additions only, no doublings.
//!
//! A scalar is cut into signed digits of `WIDTH` bits (Booth's recoding): digit i, between -2^(WIDTH-1) and
//! 2^(WIDTH-1), counts 2^(WIDTH * i). The table holds 1 to 2^(WIDTH-1) times 2^(WIDTH * i) * point for each i.

#![allow(clippy::inline_always, reason = "selections in the inner loops")]

use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::point;
use crate::domain::sm::sm2::point::AFFINE_LIMBS;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::BASE;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::point::Multiple;
use crate::domain::sm::sm2::scalar::Scalar;
use std::hint::black_box;
use std::sync::LazyLock;

/// Bits of a digit of the table of the base point: 37 rows of 64 points, 148 KiB.
const BASE_WIDTH: u32 = 7;

/// Bits of a digit of the table of a known key: 43 rows of 32 points, 86 KiB.
const KNOWN_WIDTH: u32 = 6;

/// The table of a known key.
pub(super) type KnownTable = Comb<KNOWN_WIDTH>;

/// The table of the base point, made when it is first used.
static BASE_TABLE: LazyLock<Comb<BASE_WIDTH>> = LazyLock::new(|| Comb::new(&BASE));

/// A digit of a scalar: its absolute value, and the mask of being negative. Takes the same time whatever the scalar.
///
/// Booth's recoding: the digit at bit `at` is made of `width` bits from there and the bit below them.
#[inline(always)]
pub(super) fn digit(scalar: &Limbs, at: u32, width: u32) -> (u64, u64) {
    // One more bit below the lowest is zero.
    let bits = if at == 0 {
        scalar[0] << 1
    } else {
        let (limb, shift) = ((at - 1) / 64, (at - 1) % 64);
        let low = scalar.get(limb as usize).map_or(0, |limb| limb >> shift);
        let high = scalar.get(limb as usize + 1).map_or(0, |limb| limb << 1 << (63 - shift));
        low | high
    };
    let bits = bits & ((2 << width) - 1);
    let negative = black_box((bits >> width).wrapping_neg());
    let magnitude = (bits ^ negative) & ((2 << width) - 1);
    (magnitude.div_ceil(2), negative)
}

/// A table with digits of `WIDTH` bits.
pub(super) struct Comb<const WIDTH: u32> {
    /// Row after row; 2^(WIDTH-1) points each.
    points: Vec<[u64; AFFINE_LIMBS]>,
}

impl<const WIDTH: u32> Comb<WIDTH> {
    /// Digits of a scalar; the uppermost takes the carry of the recoding.
    const ROWS: u32 = 256 / WIDTH + 1;

    /// Points of a row.
    const ROW: usize = 1 << (WIDTH - 1);

    /// The table of `point`: some 1,400 (2,400 for the base point) additions and one inversion, less than 1 ms.
    pub(super) fn new(point: &Affine) -> Self {
        Self { points: fastest!(self::build, point, Self::ROWS as usize, Self::ROW) }
    }

    /// The row of the digit `index`.
    #[inline(always)]
    fn row(&self, index: u32) -> &[[u64; AFFINE_LIMBS]] {
        &self.points[index as usize * Self::ROW..][..Self::ROW]
    }

    /// Adds `scalar * point` to `sum`; for public scalars and points only.
    pub(super) fn add_product_public<W: Way>(&self, scalar: &Scalar, mut sum: Jacobian) -> Jacobian {
        for index in 0..Self::ROWS {
            let (magnitude, negative) = digit(scalar.limbs(), index * WIDTH, WIDTH);
            if let Some(entry) = usize::try_from(magnitude).ok().and_then(|magnitude| magnitude.checked_sub(1)) {
                sum = sum.add_affine_public::<W>(&Affine::from_limbs(&self.row(index)[entry]).negate_if(negative));
            }
        }
        sum
    }

    /// `scalar * point` in the same time whatever the scalar.
    ///
    /// Why the plain addition serves: before digit i the sum is s * point with |s| < 2^(WIDTH * i), a little over half
    /// of the digit's unit, and what is added is a whole multiple t of that unit. So s = t or s = -t modulo n only if
    /// s is zero, which is looked after, or if t - s or t + s is n. The latter is the scalar itself (below n), and
    /// the former needs t > n - 2^(WIDTH * i), which leaves t = 2^256 with s = 2^256 - n, a scalar above n.
    pub(super) fn product<W: Way>(&self, scalar: &Scalar) -> Jacobian {
        let mut sum = Jacobian::INFINITY;
        let mut infinite = u64::MAX;
        for index in 0..Self::ROWS {
            let (magnitude, negative) = digit(scalar.limbs(), index * WIDTH, WIDTH);
            let entry = Affine::from_limbs(&W::pick(self.row(index), magnitude)).negate_if(negative);
            let added = sum.add_affine::<W>(&entry);
            let nothing = limbs::equal(magnitude, 0);
            let first = Jacobian::select(infinite & !nothing, &Jacobian::from(&entry), &added);
            sum = Jacobian::select(nothing, &sum, &first);
            infinite &= nothing;
        }
        sum
    }
}

/// The points of a table.
fn build<W: Way>(point: &Affine, rows: usize, row: usize) -> Vec<[u64; AFFINE_LIMBS]> {
    let mut points = Vec::with_capacity(rows * row);
    let mut first = Jacobian::from(point);
    for _ in 0..rows {
        // Even multiples by doubling and odd ones by adding: no addition of equal points.
        let start = points.len();
        let unit = Multiple::new::<W>(first);
        points.push(first);
        for multiple in 2..=row {
            let half: &Jacobian = &points[start + multiple / 2 - 1];
            let even = multiple % 2 == 0;
            let next = if even { half.double::<W>() } else { points[start + multiple - 2].add::<W>(&unit) };
            points.push(next);
        }
        first = points[points.len() - 1].double::<W>();
    }
    point::to_affine_all::<W>(&points).into_iter().map(Affine::to_limbs).collect()
}

/// `scalar * G` in the same time whatever the scalar.
pub(super) fn base_product(scalar: &Scalar) -> Jacobian {
    fastest!(self::base_product_by, scalar)
}

pub(super) fn base_product_by<W: Way>(scalar: &Scalar) -> Jacobian {
    BASE_TABLE.product::<W>(scalar)
}

/// `sum + scalar * G` for public values.
pub(super) fn add_base_product_public<W: Way>(scalar: &Scalar, sum: Jacobian) -> Jacobian {
    BASE_TABLE.add_product_public::<W>(scalar, sum)
}
