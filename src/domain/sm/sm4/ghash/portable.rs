//! GHASH by ordinary multiplication.
//!
//! The processor's multiplication of whole numbers has to take the same time whatever it multiplies; that holds for
//! every 64-bit processor this gateway is meant for.

use crate::domain::sm::sm4::Block;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

/// The hash key: its first bit is the coefficient of x⁰.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct HashKey {
    /// The bits in the usual order, x⁰ the lowest.
    element: u128,
}

impl HashKey {
    pub(super) fn new(block: &Block) -> Self {
        Self { element: u128::from_be_bytes(*block).reverse_bits() }
    }

    /// Takes `blocks` into `sum`.
    pub(super) fn absorb(&self, sum: &mut Block, blocks: &[Block]) {
        let mut element = u128::from_be_bytes(*sum).reverse_bits();
        for block in blocks {
            element = multiply(element ^ u128::from_be_bytes(*block).reverse_bits(), self.element);
        }
        *sum = element.reverse_bits().to_be_bytes();
    }
}

/// The product modulo x¹²⁸ + x⁷ + x² + x + 1.
fn multiply(left: u128, right: u128) -> u128 {
    let halves = |element: u128| (element as u64, (element >> 64) as u64);
    let ((left_low, left_high), (right_low, right_high)) = (halves(left), halves(right));
    let low = product(left_low, right_low);
    let high = product(left_high, right_high);
    let middle = product(left_low ^ left_high, right_low ^ right_high) ^ low ^ high;
    let (low, high) = (low ^ middle << 64, high ^ middle >> 64);
    // x¹²⁸ = x⁷ + x² + x + 1: what the first step pushes over the end is taken back in the same way.
    let over = high >> 127 ^ high >> 126 ^ high >> 121;
    let fold = |part: u128| part ^ part << 1 ^ part << 2 ^ part << 7;
    low ^ fold(high) ^ fold(over)
}

/// The product of two polynomials over GF(2): the lower half, and the upper half as the lower one of the mirror images.
fn product(left: u64, right: u64) -> u128 {
    let low = lower_half(left, right);
    let high = lower_half(left.reverse_bits(), right.reverse_bits()).reverse_bits() >> 1;
    u128::from(high) << 64 | u128::from(low)
}

/// Every fourth bit at a time: at most sixteen ones meet in a place, and what they carry into the three places above is
/// cut away. Only the topmost place can overflow, and that leaves the word.
fn lower_half(left: u64, right: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let apart = |word: u64| [0, 1, 2, 3].map(|place| word & EVERY_FOURTH << place);
    let (left, right) = (apart(left), apart(right));
    let mut sum = 0;
    for place in 0..4 {
        let mut met = 0;
        for from in 0..4 {
            met ^= left[from].wrapping_mul(right[(4 + place - from) % 4]);
        }
        sum |= met & EVERY_FOURTH << place;
    }
    sum
}
