//! Numbers of 256 bits as four limbs, the least significant first: carries, products, masks and bytes.
//!
//! Nothing here branches on a value or uses one as an index.
//! A mask is all ones (true) or all zeros (false).

#![allow(clippy::inline_always, reason = "a few instructions each, in every inner loop")]

use std::hint::black_box;

/// Four limbs of 64 bits, the least significant first.
pub(super) type Limbs = [u64; 4];

/// `a + b` and the carry.
#[inline(always)]
pub(super) fn add(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (r0, carry) = a[0].carrying_add(b[0], false);
    let (r1, carry) = a[1].carrying_add(b[1], carry);
    let (r2, carry) = a[2].carrying_add(b[2], carry);
    let (r3, carry) = a[3].carrying_add(b[3], carry);
    ([r0, r1, r2, r3], carry)
}

/// `a - b` and the borrow.
#[inline(always)]
pub(super) fn subtract(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (r0, borrow) = a[0].borrowing_sub(b[0], false);
    let (r1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (r2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (r3, borrow) = a[3].borrowing_sub(b[3], borrow);
    ([r0, r1, r2, r3], borrow)
}

/// One row of a product: `row + a * factor`, where `row` has four limbs, and the fifth limb.
#[inline(always)]
fn row(row: Limbs, a: &Limbs, factor: u64) -> (Limbs, u64) {
    let (r0, carry) = a[0].carrying_mul_add(factor, row[0], 0);
    let (r1, carry) = a[1].carrying_mul_add(factor, row[1], carry);
    let (r2, carry) = a[2].carrying_mul_add(factor, row[2], carry);
    let (r3, carry) = a[3].carrying_mul_add(factor, row[3], carry);
    ([r0, r1, r2, r3], carry)
}

/// `a * b` in full.
#[inline(always)]
pub(super) fn multiply(a: &Limbs, b: &Limbs) -> [u64; 8] {
    let ([z0, s1, s2, s3], s4) = row([0; 4], a, b[0]);
    let ([z1, s2, s3, s4], s5) = row([s1, s2, s3, s4], a, b[1]);
    let ([z2, s3, s4, s5], s6) = row([s2, s3, s4, s5], a, b[2]);
    let ([z3, z4, z5, z6], z7) = row([s3, s4, s5, s6], a, b[3]);
    [z0, z1, z2, z3, z4, z5, z6, z7]
}

/// `a * a` in full: the six mixed products once, doubled, and the four squares.
#[inline(always)]
pub(super) fn square(a: &Limbs) -> [u64; 8] {
    let (z1, carry) = a[0].carrying_mul(a[1], 0);
    let (z2, carry) = a[0].carrying_mul(a[2], carry);
    let (z3, z4) = a[0].carrying_mul(a[3], carry);
    let (z3, carry) = a[1].carrying_mul_add(a[2], z3, 0);
    let (z4, z5) = a[1].carrying_mul_add(a[3], z4, carry);
    let (z5, z6) = a[2].carrying_mul_add(a[3], z5, 0);

    let (z1, carry) = z1.carrying_add(z1, false);
    let (z2, carry) = z2.carrying_add(z2, carry);
    let (z3, carry) = z3.carrying_add(z3, carry);
    let (z4, carry) = z4.carrying_add(z4, carry);
    let (z5, carry) = z5.carrying_add(z5, carry);
    let (z6, carry) = z6.carrying_add(z6, carry);
    let z7 = u64::from(carry);

    let (z0, high0) = a[0].carrying_mul(a[0], 0);
    let (low1, high1) = a[1].carrying_mul(a[1], 0);
    let (low2, high2) = a[2].carrying_mul(a[2], 0);
    let (low3, high3) = a[3].carrying_mul(a[3], 0);
    let (z1, carry) = z1.carrying_add(high0, false);
    let (z2, carry) = z2.carrying_add(low1, carry);
    let (z3, carry) = z3.carrying_add(high1, carry);
    let (z4, carry) = z4.carrying_add(low2, carry);
    let (z5, carry) = z5.carrying_add(high2, carry);
    let (z6, carry) = z6.carrying_add(low3, carry);
    let (z7, _) = z7.carrying_add(high3, carry);
    [z0, z1, z2, z3, z4, z5, z6, z7]
}

/// The mask of a carry or borrow.
#[inline(always)]
pub(super) fn mask(bit: bool) -> u64 {
    u64::from(bit).wrapping_neg()
}

/// The mask of `a == b`. The compiler is kept from turning what is made of it into a branch.
#[inline(always)]
pub(super) fn equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    let differs = (difference | difference.wrapping_neg()) >> 63;
    black_box(differs.wrapping_sub(1))
}

/// The mask of `a == 0`.
#[inline(always)]
pub(super) fn is_zero(a: &Limbs) -> u64 {
    equal(a[0] | a[1] | a[2] | a[3], 0)
}

/// `a` where the mask is ones, else `b`.
#[inline(always)]
pub(super) fn select(mask: u64, a: &Limbs, b: &Limbs) -> Limbs {
    [
        b[0] ^ (mask & (a[0] ^ b[0])),
        b[1] ^ (mask & (a[1] ^ b[1])),
        b[2] ^ (mask & (a[2] ^ b[2])),
        b[3] ^ (mask & (a[3] ^ b[3])),
    ]
}

/// The mask of `a < b`.
#[inline(always)]
pub(super) fn less(a: &Limbs, b: &Limbs) -> u64 {
    black_box(mask(subtract(a, b).1))
}

/// `a` (with `carry` as a fifth limb, below twice `modulus`) brought below `modulus`.
#[inline(always)]
pub(super) fn reduce_once(a: &Limbs, carry: bool, modulus: &Limbs) -> Limbs {
    let (reduced, borrow) = subtract(a, modulus);
    let keep = mask(!carry & borrow);
    select(keep, a, &reduced)
}

/// `a + b` modulo `modulus`; both are below it. As `a - (modulus - b)`, which needs no fifth limb.
#[inline(always)]
pub(super) fn add_modulo(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let (opposite, _) = subtract(modulus, b);
    subtract_modulo(a, &opposite, modulus)
}

/// `a - b` modulo `modulus`; both are below it.
#[inline(always)]
pub(super) fn subtract_modulo(a: &Limbs, b: &Limbs, modulus: &Limbs) -> Limbs {
    let (difference, borrow) = subtract(a, b);
    let fill = mask(borrow);
    let back = [modulus[0] & fill, modulus[1] & fill, modulus[2] & fill, modulus[3] & fill];
    add(&difference, &back).0
}

/// The number that 32 bytes write, the most significant first.
#[inline]
pub(super) fn from_bytes(bytes: &[u8; 32]) -> Limbs {
    let mut limbs = [0; 4];
    for (limb, eight) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*eight);
    }
    limbs
}

/// The 32 bytes of a number, the most significant first.
#[inline]
pub(super) fn to_bytes(limbs: &Limbs) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (eight, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(limbs.iter().rev()) {
        *eight = limb.to_be_bytes();
    }
    bytes
}
