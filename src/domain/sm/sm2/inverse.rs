//! Inverses modulo p and n by division steps, in the same time whatever the number.
//!
//! Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (CHES 2019), in the variant that halves
//! from delta = 1/2, for which 590 steps are enough for 256 bits (Wuille's proof, 2021). The steps are made 59 at a time
//! on the lowest 64 bits of f and g, and their matrix then applied to the whole numbers. It takes a third of the time of
//! Fermat's power.
//!
//! Numbers are five limbs of 62 bits, the least significant first; all but the uppermost are from 0 to 2^62 - 1, and the
//! uppermost carries the sign.

#![allow(clippy::many_single_char_names, reason = "the names of the paper")]

use crate::domain::sm::sm2::limbs::Limbs;

/// A number with a sign.
type Signed = [i64; 5];

/// The bits of a limb.
const LIMB: i64 = (1 << 62) - 1;

/// Steps of one matrix.
const STEPS: u32 = 59;

/// Matrices: 590 steps.
const ROUNDS: u32 = 10;

/// An odd modulus of 256 bits.
pub(super) struct Modulus {
    limbs: Signed,
    /// 1 / modulus modulo 2^62.
    inverse: i64,
}

/// The prime p.
pub(super) const PRIME: Modulus = Modulus {
    limbs: [0x3fff_ffff_ffff_ffff, 0x3fff_fffc_0000_0003, 0x3fff_ffff_ffff_ffff, 0x3fff_ffbf_ffff_ffff, 0x00ff],
    inverse: 0x3fff_ffff_ffff_ffff,
};

/// The order n.
pub(super) const ORDER: Modulus = Modulus {
    limbs: [0x13bb_f409_39d5_4123, 0x080f_7dac_8718_14ad, 0x3fff_ffff_ffff_fff7, 0x3fff_ffbf_ffff_ffff, 0x00ff],
    inverse: 0x0d80_6177_8dca_f68b,
};

/// What a number of steps does to f and g, times 2^62: the new f is (u * f + v * g), the new g (q * f + r * g).
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// [`STEPS`] division steps on the lowest bits of f and g. `zeta` is -(delta + 1/2).
#[expect(clippy::many_single_char_names, reason = "the names of the division steps in their paper")]
fn steps(zeta: &mut i64, f: i64, g: i64) -> Matrix {
    // The matrix starts as 8 times the unit, since 59 steps double it 59 times and 2^62 is wanted.
    let (mut u, mut v, mut q, mut r) = (8_i64, 0_i64, 0_i64, 8_i64);
    let (mut f, mut g) = (f, g);
    for _ in 0..STEPS {
        let negative = *zeta >> 63;
        let odd = -(g & 1);
        // f, u and v, negated where zeta is negative, are added to an odd g.
        g = g.wrapping_add(((f ^ negative).wrapping_sub(negative)) & odd);
        q += ((u ^ negative) - negative) & odd;
        r += ((v ^ negative) - negative) & odd;
        let swap = negative & odd;
        *zeta = (*zeta ^ swap) - 1;
        // Where they swap, the new f is the old g: g - f + f.
        f = f.wrapping_add(g & swap);
        u += q & swap;
        v += r & swap;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    Matrix { u, v, q, r }
}

fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// The lowest 62 bits.
#[allow(clippy::cast_possible_truncation, reason = "the bits above are cut off on purpose")]
fn low(wide: i128) -> i64 {
    wide as i64 & LIMB
}

/// The number, which fits.
#[allow(clippy::cast_possible_truncation, reason = "numbers stay within 2^257")]
fn narrow(wide: i128) -> i64 {
    wide as i64
}

impl Matrix {
    /// f and g after the steps: the products divided by 2^62, which is exact.
    fn apply(&self, f: &mut Signed, g: &mut Signed) {
        let mut next_f = product(self.u, f[0]) + product(self.v, g[0]);
        let mut next_g = product(self.q, f[0]) + product(self.r, g[0]);
        next_f >>= 62;
        next_g >>= 62;
        for at in 1..5 {
            let (limb_f, limb_g) = (f[at], g[at]);
            next_f += product(self.u, limb_f) + product(self.v, limb_g);
            next_g += product(self.q, limb_f) + product(self.r, limb_g);
            f[at - 1] = low(next_f);
            g[at - 1] = low(next_g);
            next_f >>= 62;
            next_g >>= 62;
        }
        f[4] = narrow(next_f);
        g[4] = narrow(next_g);
    }

    /// d and e after the steps, modulo `modulus`: as many times the modulus are added as make the division by 2^62
    /// exact. They stay between -2 and 1 times the modulus.
    fn apply_modulo(&self, d: &mut Signed, e: &mut Signed, modulus: &Modulus) {
        let (sign_d, sign_e) = (d[4] >> 63, e[4] >> 63);
        let mut times_d = (self.u & sign_d) + (self.v & sign_e);
        let mut times_e = (self.q & sign_d) + (self.r & sign_e);
        let mut next_d = product(self.u, d[0]) + product(self.v, e[0]);
        let mut next_e = product(self.q, d[0]) + product(self.r, e[0]);
        times_d -= modulus.inverse.wrapping_mul(low(next_d)).wrapping_add(times_d) & LIMB;
        times_e -= modulus.inverse.wrapping_mul(low(next_e)).wrapping_add(times_e) & LIMB;
        next_d += product(modulus.limbs[0], times_d);
        next_e += product(modulus.limbs[0], times_e);
        next_d >>= 62;
        next_e >>= 62;
        for at in 1..5 {
            let (limb_d, limb_e) = (d[at], e[at]);
            next_d += product(self.u, limb_d) + product(self.v, limb_e) + product(modulus.limbs[at], times_d);
            next_e += product(self.q, limb_d) + product(self.r, limb_e) + product(modulus.limbs[at], times_e);
            d[at - 1] = low(next_d);
            e[at - 1] = low(next_e);
            next_d >>= 62;
            next_e >>= 62;
        }
        d[4] = narrow(next_d);
        e[4] = narrow(next_e);
    }
}

/// Limbs brought back between 0 and [`LIMB`].
fn carry(number: &mut Signed) {
    for at in 0..4 {
        number[at + 1] += number[at] >> 62;
        number[at] &= LIMB;
    }
}

/// Adds the modulus to a negative number.
fn add_if_negative(number: &mut Signed, modulus: &Modulus) {
    let negative = number[4] >> 63;
    for (limb, of_modulus) in number.iter_mut().zip(modulus.limbs) {
        *limb += of_modulus & negative;
    }
}

fn to_signed(limbs: &Limbs) -> Signed {
    let [a, b, c, d] = *limbs;
    let mask = LIMB.cast_unsigned();
    [a & mask, (a >> 62 | b << 2) & mask, (b >> 60 | c << 4) & mask, (c >> 58 | d << 6) & mask, d >> 56]
        .map(u64::cast_signed)
}

#[expect(clippy::many_single_char_names, reason = "five limbs in their order")]
fn to_limbs(number: Signed) -> Limbs {
    let [a, b, c, d, e] = number.map(i64::cast_unsigned);
    [a | b << 62, b >> 2 | c << 60, c >> 4 | d << 58, d >> 6 | e << 56]
}

/// `1 / number` modulo `modulus`, and zero for zero; both below it.
pub(super) fn invert(number: &Limbs, modulus: &Modulus) -> Limbs {
    let (mut f, mut g) = (modulus.limbs, to_signed(number));
    // f = d * number and g = e * number modulo the modulus, but for the factor that the steps divide by.
    let (mut d, mut e): (Signed, Signed) = ([0; 5], [1, 0, 0, 0, 0]);
    let mut zeta = -1;
    for _ in 0..ROUNDS {
        let matrix = steps(&mut zeta, f[0], g[0]);
        matrix.apply_modulo(&mut d, &mut e, modulus);
        matrix.apply(&mut f, &mut g);
    }
    // g is zero now and f is 1 or -1 (or the modulus, for zero): d is the inverse or its opposite.
    let opposite = f[4] >> 63;
    add_if_negative(&mut d, modulus);
    for limb in &mut d {
        *limb = (*limb ^ opposite) - opposite;
    }
    carry(&mut d);
    add_if_negative(&mut d, modulus);
    carry(&mut d);
    to_limbs(d)
}
