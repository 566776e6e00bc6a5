//! Points of the curve y^2 = x^3 - 3x + b, affine and in Jacobian coordinates, and how they are added.
//!
//! Two ways of adding stand side by side. The plain ones are for points that are never equal, opposite or infinite,
//! and take the same time whatever the points; who calls them says why that holds. The ones whose names end in
//! `public` branch on such cases and are for public points only.
//!
//! Formulas: Bernstein and Lange, Explicit-Formulas Database, short Weierstrass curves with a = -3, Jacobian
//! coordinates: dbl-2001-b, madd and add-1998-cmo-2, counted there.

use crate::domain::sm::sm2::field::Field;
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
fn right_side(x: &Field) -> Field {
    let three = x.double().add(x);
    x.square().multiply(x).subtract(&three).add(&B)
}

impl Affine {
    /// The point, or `None` if it is not on the curve.
    pub(super) fn new(x: Field, y: Field) -> Option<Self> {
        (y.square() == right_side(&x)).then_some(Self { x, y })
    }

    /// The point with this x whose y is odd or even, or `None` if there is none.
    pub(super) fn decompress(x: Field, odd: bool) -> Option<Self> {
        let y = right_side(&x).square_root()?;
        let y = if (y.is_odd() != 0) == odd { y } else { y.negate() };
        ((y.is_odd() != 0) == odd).then_some(Self { x, y })
    }

    /// The opposite point.
    pub(super) fn negate(&self) -> Self {
        Self { x: self.x, y: self.y.negate() }
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

    /// `2 * self`; right for every point, infinity included (the curve has no point of order two).
    #[inline]
    pub(super) fn double(&self) -> Self {
        let delta = self.z.square();
        let gamma = self.y.square();
        let beta = self.x.multiply(&gamma);
        let product = self.x.subtract(&delta).multiply(&self.x.add(&delta));
        let alpha = product.double().add(&product);
        let beta4 = beta.double().double();
        let x = alpha.square().subtract(&beta4.double());
        let z = self.y.add(&self.z).square().subtract(&gamma).subtract(&delta);
        let gamma_squared8 = gamma.square().double().double().double();
        let y = alpha.multiply(&beta4.subtract(&x)).subtract(&gamma_squared8);
        Self { x, y, z }
    }

    /// `self + other`, where both are finite, neither equal nor opposite.
    #[inline]
    pub(super) fn add_affine(&self, other: &Affine) -> Self {
        let zz = self.z.square();
        let h = other.x.multiply(&zz).subtract(&self.x);
        let r = other.y.multiply(&self.z.multiply(&zz)).subtract(&self.y);
        self.finish_addition(&self.x, &self.y, &self.z, &h, &r)
    }

    /// `self + other`, where both are finite, neither equal nor opposite. (Of equal or opposite points z becomes zero.)
    #[inline]
    pub(super) fn add(&self, other: &Self) -> Self {
        let z1 = self.z.square();
        let z2 = other.z.square();
        let u1 = self.x.multiply(&z2);
        let s1 = self.y.multiply(&z2.multiply(&other.z));
        let h = other.x.multiply(&z1).subtract(&u1);
        let r = other.y.multiply(&z1.multiply(&self.z)).subtract(&s1);
        self.finish_addition(&u1, &s1, &self.z.multiply(&other.z), &h, &r)
    }

    /// The common end of the additions: `u` and `s` are x and y of the first point over the common denominator `z`,
    /// `h` and `r` what is between the two points there.
    #[inline(always)]
    fn finish_addition(&self, u: &Field, s: &Field, z: &Field, h: &Field, r: &Field) -> Self {
        let hh = h.square();
        let hhh = hh.multiply(h);
        let v = u.multiply(&hh);
        let x = r.square().subtract(&hhh).subtract(&v.double());
        let y = r.multiply(&v.subtract(&x)).subtract(&s.multiply(&hhh));
        Self { x, y, z: z.multiply(h) }
    }

    /// `self + other` for public points, whatever they are.
    pub(super) fn add_public(&self, other: &Self) -> Self {
        if self.is_infinity() != 0 {
            return *other;
        }
        if other.is_infinity() != 0 {
            return *self;
        }
        let sum = self.add(other);
        if sum.is_infinity() == 0 { sum } else { self.double_or_infinity(other) }
    }

    /// `self + other` for public points, whatever they are.
    #[inline]
    pub(super) fn add_affine_public(&self, other: &Affine) -> Self {
        if self.is_infinity() != 0 {
            return other.into();
        }
        let sum = self.add_affine(other);
        if sum.is_infinity() == 0 { sum } else { self.double_or_infinity(&other.into()) }
    }

    /// The sum of two finite points with the same x: the double if they are equal, infinity if they are opposite.
    #[cold]
    fn double_or_infinity(&self, other: &Self) -> Self {
        let left = self.y.multiply(&other.z.square().multiply(&other.z));
        let right = other.y.multiply(&self.z.square().multiply(&self.z));
        if left == right { self.double() } else { Self::INFINITY }
    }

    /// x and y, or `None` at infinity, which may show in the time; one inversion.
    pub(super) fn to_affine(self) -> Option<Affine> {
        if self.is_infinity() != 0 {
            return None;
        }
        let inverse = self.z.invert();
        let inverse_squared = inverse.square();
        Some(Affine { x: self.x.multiply(&inverse_squared), y: self.y.multiply(&inverse_squared.multiply(&inverse)) })
    }
}

/// The affine forms of finite points, with one inversion for all of them; three products for each beside.
pub(super) fn to_affine_all(points: &[Jacobian]) -> Vec<Affine> {
    let mut products = Vec::with_capacity(points.len());
    let mut product = Field::ONE;
    for point in points {
        products.push(product);
        product = product.multiply(&point.z);
    }
    let mut inverse = product.invert();
    let mut affine = vec![Affine::default(); points.len()];
    for ((point, before), affine) in points.iter().zip(products).zip(&mut affine).rev() {
        let own = inverse.multiply(&before);
        inverse = inverse.multiply(&point.z);
        let own_squared = own.square();
        affine.x = point.x.multiply(&own_squared);
        affine.y = point.y.multiply(&own_squared.multiply(&own));
    }
    affine
}
