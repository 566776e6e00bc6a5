//! Points of the curve y^2 = x^3 - 3x + b, affine and in Jacobian coordinates, and how they are added.
//!
//! Two ways of adding stand side by side. The plain ones are for points that are never equal, opposite or infinite,
//! and take the same time whatever the points; who calls them says why that holds. The ones whose names end in
//! `public` branch on such cases and are for public points only.
//!
//! Formulas: Bernstein and Lange, Explicit-Formulas Database, short Weierstrass curves with a = -3, Jacobian
//! coordinates: madd and add-1998-cmo-2 (8 products and 3 squares; 10 and 3 with the powers of a z at hand). Doubling
//! is dbl-2001-b with 2yz as a product, which saves additions (4 products and 4 squares). Products that do not wait for
//! one another stand side by side, so that a processor can overlap them.

#![allow(clippy::inline_always, reason = "selections in the inner loops")]
#![allow(clippy::many_single_char_names, reason = "the names of the formulas")]

use crate::domain::sm::sm2::field::Field;
use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use zeroize::DefaultIsZeroes;

/// The coefficient a = -3, times 2^256 mod p as all elements.
const A: Field =
    Field::from_inner([0xffff_ffff_ffff_fffc, 0xffff_fffc_0000_0003, 0xffff_ffff_ffff_ffff, 0xffff_fffb_ffff_ffff]);

/// The coefficient b.
const B: Field =
    Field::from_inner([0x90d2_3063_2bc0_dd42, 0x71cf_379a_e9b5_37ab, 0x5279_8150_5ea5_1c3c, 0x240f_e188_ba20_e2c8]);

/// The base point G.
pub(super) const BASE: Affine = Affine {
    x: Field::from_inner([0x6132_8990_f418_029e, 0x3e79_81ed_dca6_c050, 0xd6a1_ed99_ac24_c3c3, 0x9116_7a5e_e1c1_3b05]),
    y: Field::from_inner([0xc135_4e59_3c2d_0ddd, 0xc1f5_e578_8d32_95fa, 0x8d4c_fb06_6e2a_48f8, 0x63cd_65d4_81d7_35bd]),
};

/// Limbs of an affine point.
pub(super) const AFFINE_LIMBS: usize = 8;

/// Limbs of a [`Multiple`].
pub(super) const MULTIPLE_LIMBS: usize = 20;

/// Elements one after another.
#[inline(always)]
fn join<const N: usize>(elements: &[&Field]) -> [u64; N] {
    let mut joined = [0; N];
    for (four, element) in joined.as_chunks_mut::<4>().0.iter_mut().zip(elements) {
        *four = *element.inner();
    }
    joined
}

/// A point that is not at infinity.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Affine {
    pub(super) x: Field,
    pub(super) y: Field,
}

impl DefaultIsZeroes for Affine {}

/// The point (x / z^2, y / z^3), or infinity where z is zero.
#[derive(Clone, Copy, Default)]
pub(super) struct Jacobian {
    pub(super) x: Field,
    pub(super) y: Field,
    pub(super) z: Field,
}

impl DefaultIsZeroes for Jacobian {}

/// The coefficients a = -3 and b.
pub(super) const COEFFICIENTS: [Field; 2] = [A, B];

/// x^3 - 3x + b.
fn right_side<W: Way>(x: &Field) -> Field {
    let three = x.double::<W>().add::<W>(x);
    x.square::<W>().multiply::<W>(x).subtract::<W>(&three).add::<W>(&B)
}

fn new<W: Way>(x: Field, y: Field) -> Option<Affine> {
    (y.square::<W>() == right_side::<W>(&x)).then_some(Affine { x, y })
}

fn decompress<W: Way>(x: Field, odd: bool) -> Option<Affine> {
    let y = right_side::<W>(&x).square_root::<W>()?;
    let y = if (y.is_odd() != 0) == odd { y } else { y.negate() };
    // No point of this curve has y = 0, whose opposite would have the same parity.
    Some(Affine { x, y })
}

impl Affine {
    /// The point, or `None` if it is not on the curve.
    pub(super) fn new(x: Field, y: Field) -> Option<Self> {
        fastest!(self::new, x, y)
    }

    /// The point with this x whose y is odd or even, or `None` if there is none.
    pub(super) fn decompress(x: Field, odd: bool) -> Option<Self> {
        fastest!(self::decompress, x, odd)
    }

    /// For a table.
    #[inline(always)]
    pub(super) fn to_limbs(self) -> [u64; AFFINE_LIMBS] {
        join(&[&self.x, &self.y])
    }

    /// From a table.
    #[inline(always)]
    pub(super) fn from_limbs(limbs: &[u64; AFFINE_LIMBS]) -> Self {
        let [x0, x1, x2, x3, y0, y1, y2, y3] = *limbs;
        Self { x: Field::from_inner([x0, x1, x2, x3]), y: Field::from_inner([y0, y1, y2, y3]) }
    }

    /// The opposite point where the mask is ones.
    #[inline(always)]
    pub(super) fn negate_if(&self, mask: u64) -> Self {
        Self { x: self.x, y: Field::select(mask, &self.y.negate(), &self.y) }
    }
}

impl From<&Affine> for Jacobian {
    #[inline(always)]
    fn from(point: &Affine) -> Self {
        Self { x: point.x, y: point.y, z: Field::ONE }
    }
}

impl Jacobian {
    /// The point at infinity.
    pub(super) const INFINITY: Self = Self { x: Field::ONE, y: Field::ONE, z: Field::ZERO };

    /// The mask of infinity.
    pub(super) fn is_infinity(&self) -> u64 {
        self.z.is_zero()
    }

    /// `a` where the mask is ones, else `b`.
    #[inline(always)]
    pub(super) fn select(mask: u64, a: &Self, b: &Self) -> Self {
        Self {
            x: Field::select(mask, &a.x, &b.x),
            y: Field::select(mask, &a.y, &b.y),
            z: Field::select(mask, &a.z, &b.z),
        }
    }

    /// The opposite point where the mask is ones.
    #[inline(always)]
    pub(super) fn negate_if(&self, mask: u64) -> Self {
        Self { y: Field::select(mask, &self.y.negate(), &self.y), ..*self }
    }

    /// `2 * self`; right for every point, infinity included (the curve has no point of order two).
    #[inline]
    pub(super) fn double<W: Way>(&self) -> Self {
        let delta = self.z.square::<W>();
        let y2 = self.y.double::<W>();
        let gamma4 = y2.square::<W>();
        let product = self.x.subtract::<W>(&delta).multiply::<W>(&self.x.add::<W>(&delta));
        let beta4 = gamma4.multiply::<W>(&self.x);
        let alpha = product.double::<W>().add::<W>(&product);
        let z = y2.multiply::<W>(&self.z);
        let alpha_squared = alpha.square::<W>();
        let gamma_squared8 = gamma4.square::<W>().halve();
        let x = alpha_squared.subtract::<W>(&beta4).subtract::<W>(&beta4);
        let y = alpha.multiply::<W>(&beta4.subtract::<W>(&x)).subtract::<W>(&gamma_squared8);
        Self { x, y, z }
    }

    /// `self + other`, where both are finite, neither equal nor opposite.
    #[inline]
    pub(super) fn add_affine<W: Way>(&self, other: &Affine) -> Self {
        let zz = self.z.square::<W>();
        let zzz = self.z.multiply::<W>(&zz);
        let h = other.x.multiply::<W>(&zz).subtract::<W>(&self.x);
        let r = other.y.multiply::<W>(&zzz).subtract::<W>(&self.y);
        finish_addition::<W>(&self.x, &self.y, &self.z, &h, &r)
    }

    /// `self + other`, where both are finite, neither equal nor opposite. (Of equal or opposite points z becomes zero.)
    #[inline]
    pub(super) fn add<W: Way>(&self, other: &Multiple) -> Self {
        let zz = self.z.square::<W>();
        let u = self.x.multiply::<W>(&other.zz);
        let zzz = zz.multiply::<W>(&self.z);
        let s = self.y.multiply::<W>(&other.zzz);
        let h = other.point.x.multiply::<W>(&zz).subtract::<W>(&u);
        let z = self.z.multiply::<W>(&other.point.z);
        let r = other.point.y.multiply::<W>(&zzz).subtract::<W>(&s);
        finish_addition::<W>(&u, &s, &z, &h, &r)
    }

    /// `self + other` for public points, whatever they are.
    #[inline]
    pub(super) fn add_public<W: Way>(&self, other: &Multiple) -> Self {
        if self.is_infinity_public() {
            return other.point;
        }
        if other.point.is_infinity_public() {
            return *self;
        }
        let sum = self.add::<W>(other);
        if sum.is_infinity_public() { self.double_or_infinity::<W>(&other.point) } else { sum }
    }

    /// `self + other` for public points, whatever they are.
    #[inline]
    pub(super) fn add_affine_public<W: Way>(&self, other: &Affine) -> Self {
        if self.is_infinity_public() {
            return other.into();
        }
        let sum = self.add_affine::<W>(other);
        if sum.is_infinity_public() { self.double_or_infinity::<W>(&other.into()) } else { sum }
    }

    #[inline(always)]
    fn is_infinity_public(&self) -> bool {
        self.z == Field::ZERO
    }

    /// The sum of two finite points with the same x: the double if they are equal, infinity if they are opposite.
    #[cold]
    fn double_or_infinity<W: Way>(&self, other: &Self) -> Self {
        let cube = |z: &Field| z.square::<W>().multiply::<W>(z);
        let left = self.y.multiply::<W>(&cube(&other.z));
        let right = other.y.multiply::<W>(&cube(&self.z));
        if left == right { self.double::<W>() } else { Self::INFINITY }
    }

    /// x and y, or `None` at infinity, which may show in the time; one inversion.
    pub(super) fn to_affine(self) -> Option<Affine> {
        fastest!(self::to_affine, &self)
    }
}

/// The common end of the additions: `u` and `s` are x and y of the first point over the common denominator `z`, `h` and
/// `r` what is between the two points there.
#[inline(always)]
fn finish_addition<W: Way>(u: &Field, s: &Field, z: &Field, h: &Field, r: &Field) -> Jacobian {
    let hh = h.square::<W>();
    let z = z.multiply::<W>(h);
    let hhh = hh.multiply::<W>(h);
    let v = u.multiply::<W>(&hh);
    let rr = r.square::<W>();
    let shhh = s.multiply::<W>(&hhh);
    let x = rr.subtract::<W>(&hhh).subtract::<W>(&v).subtract::<W>(&v);
    let y = r.multiply::<W>(&v.subtract::<W>(&x)).subtract::<W>(&shhh);
    Jacobian { x, y, z }
}

/// A point that is added several times, with z^2 and z^3.
#[derive(Clone, Copy, Default)]
pub(super) struct Multiple {
    pub(super) point: Jacobian,
    zz: Field,
    zzz: Field,
}

impl DefaultIsZeroes for Multiple {}

impl Multiple {
    /// With the powers of z.
    #[inline]
    pub(super) fn new<W: Way>(point: Jacobian) -> Self {
        let zz = point.z.square::<W>();
        Self { point, zz, zzz: zz.multiply::<W>(&point.z) }
    }

    /// For a table.
    #[inline(always)]
    pub(super) fn to_limbs(self) -> [u64; MULTIPLE_LIMBS] {
        join(&[&self.point.x, &self.point.y, &self.point.z, &self.zz, &self.zzz])
    }

    /// From a table.
    #[inline(always)]
    pub(super) fn from_limbs(limbs: &[u64; MULTIPLE_LIMBS]) -> Self {
        let [x, y, z, zz, zzz] = std::array::from_fn(|at| {
            let four = at * 4;
            Field::from_inner([limbs[four], limbs[four + 1], limbs[four + 2], limbs[four + 3]])
        });
        Self { point: Jacobian { x, y, z }, zz, zzz }
    }

    /// The opposite point where the mask is ones.
    #[inline(always)]
    pub(super) fn negate_if(&self, mask: u64) -> Self {
        Self { point: self.point.negate_if(mask), ..*self }
    }
}

fn to_affine<W: Way>(point: &Jacobian) -> Option<Affine> {
    if point.is_infinity() != 0 {
        return None;
    }
    let inverse = point.z.invert::<W>();
    let inverse_squared = inverse.square::<W>();
    let x = point.x.multiply::<W>(&inverse_squared);
    let y = point.y.multiply::<W>(&inverse_squared.multiply::<W>(&inverse));
    Some(Affine { x, y })
}

/// The affine forms of finite points, with one inversion for all of them; three products for each beside.
pub(super) fn to_affine_all<W: Way>(points: &[Jacobian]) -> Vec<Affine> {
    let mut products = Vec::with_capacity(points.len());
    let mut product = Field::ONE;
    for point in points {
        products.push(product);
        product = product.multiply::<W>(&point.z);
    }
    let mut inverse = product.invert::<W>();
    let mut affine = vec![Affine::default(); points.len()];
    for ((point, before), affine) in points.iter().zip(products).zip(&mut affine).rev() {
        let own = inverse.multiply::<W>(&before);
        inverse = inverse.multiply::<W>(&point.z);
        let own_squared = own.square::<W>();
        affine.x = point.x.multiply::<W>(&own_squared);
        affine.y = point.y.multiply::<W>(&own_squared.multiply::<W>(&own));
    }
    affine
}
