//! GHASH with carry-less multiplication, on registers of 128 or 256 bits.
//!
//! A block, its bytes in reverse, is a polynomial whose lowest bit is the coefficient of x¹²⁷. The product of two of
//! them lies one bit too low; the key is multiplied by x beforehand to make up for that, as is known from POLYVAL
//! (RFC 8452, appendix A). The sum of several products, each with its own power of the key, is reduced once, by
//! adding the multiple of x¹²⁸ + x¹²⁷ + x¹²⁶ + x¹²¹ + 1 that makes its low half zero.

#![allow(unsafe_code, reason = "vector instructions; each block says why it is sound")]

use super::Product;
use crate::domain::sm::sm4::Block;
#[allow(clippy::wildcard_imports, reason = "a page of instructions")]
use std::arch::x86_64::*;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

/// Powers of the key that are kept, which is how many blocks share a reduction at most.
const POWERS: usize = 16;

/// The upper terms of the polynomial, x¹²⁷ + x¹²⁶ + x¹²¹, less x⁶⁴.
const UPPER_TERMS: u64 = 0xc200_0000_0000_0000;

/// The powers of the key, the highest first, and the sum of the halves of each.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
#[repr(align(32))]
pub(super) struct HashKey {
    powers: [[u64; 2]; POWERS],
    halves: [[u64; 2]; POWERS],
    #[zeroize(skip)]
    wide: bool,
}

/// Whether this processor has what `product` needs.
pub(super) fn here(product: Product) -> bool {
    let narrow = is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("ssse3");
    match product {
        Product::Portable => true,
        Product::Pclmulqdq => narrow,
        Product::Vpclmulqdq => narrow && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("vpclmulqdq"),
    }
}

impl HashKey {
    /// Nothing when `product` is not a way of this file or not here.
    pub(super) fn new(product: Product, block: &Block) -> Option<Self> {
        if product == Product::Portable || !here(product) {
            return None;
        }
        let mut key = Self { powers: [[0; 2]; POWERS], halves: [[0; 2]; POWERS], wide: product == Product::Vpclmulqdq };
        // SAFETY: `here` has found the instructions.
        unsafe { fill(&mut key, block) };
        Some(key)
    }

    /// Takes `blocks` into `sum`.
    pub(super) fn absorb(&self, sum: &mut Block, blocks: &[Block]) {
        // SAFETY: a key is made only after `here` has found the instructions of its way.
        unsafe {
            if self.wide {
                absorb_wide(self, sum, blocks);
            } else {
                absorb_narrow(self, sum, blocks);
            }
        }
    }
}

/// Products that are not reduced yet: low, middle and high.
#[derive(Clone, Copy)]
struct Sums<Register> {
    low: Register,
    middle: Register,
    high: Register,
}

#[target_feature(enable = "pclmulqdq,ssse3")]
fn fill(key: &mut HashKey, block: &Block) {
    // Times x, which is a turn to the left; what falls over the end comes back as the polynomial's terms.
    let element = u128::from_be_bytes(*block);
    let over = 0u128.wrapping_sub(element >> 127) & (u128::from(UPPER_TERMS) << 64 | 1);
    let first = element << 1 ^ over;
    let first = [first as u64, (first >> 64) as u64];
    let mut power = first;
    for index in (0..POWERS).rev() {
        key.powers[index] = power;
        key.halves[index] = [power[0] ^ power[1], 0];
        // SAFETY: the arrays have sixteen bytes each, which are read and written unaligned.
        unsafe {
            let product = multiply(load(&power), load(&key.powers[POWERS - 1]), load(&key.halves[POWERS - 1]));
            _mm_storeu_si128(power.as_mut_ptr().cast(), reduce(product));
        }
    }
    power.zeroize();
}

#[target_feature(enable = "sse2")]
fn load(words: &[u64; 2]) -> __m128i {
    // SAFETY: sixteen bytes, read unaligned.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[target_feature(enable = "ssse3")]
fn load_reversed(block: &Block) -> __m128i {
    // SAFETY: sixteen bytes, read unaligned.
    reverse(unsafe { _mm_loadu_si128(block.as_ptr().cast()) })
}

#[target_feature(enable = "ssse3")]
fn reverse(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
}

/// One product by halves (Karatsuba), its middle part still without low and high.
#[target_feature(enable = "pclmulqdq,sse2")]
fn multiply(element: __m128i, power: __m128i, halves: __m128i) -> Sums<__m128i> {
    let both = _mm_xor_si128(element, _mm_shuffle_epi32::<0x4e>(element));
    Sums {
        low: _mm_clmulepi64_si128::<0x00>(element, power),
        middle: _mm_clmulepi64_si128::<0x00>(both, halves),
        high: _mm_clmulepi64_si128::<0x11>(element, power),
    }
}

#[target_feature(enable = "sse2")]
fn add(left: Sums<__m128i>, right: Sums<__m128i>) -> Sums<__m128i> {
    Sums {
        low: _mm_xor_si128(left.low, right.low),
        middle: _mm_xor_si128(left.middle, right.middle),
        high: _mm_xor_si128(left.high, right.high),
    }
}

#[target_feature(enable = "pclmulqdq,sse2")]
fn reduce(sums: Sums<__m128i>) -> __m128i {
    let middle = _mm_xor_si128(sums.middle, _mm_xor_si128(sums.low, sums.high));
    let low = _mm_xor_si128(sums.low, _mm_slli_si128::<8>(middle));
    let high = _mm_xor_si128(sums.high, _mm_srli_si128::<8>(middle));
    // Twice the low word is made zero; its upper terms go to the word above, x¹²⁸ two words up.
    let terms = _mm_set_epi64x(0, UPPER_TERMS.cast_signed());
    let once = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), _mm_clmulepi64_si128::<0x00>(low, terms));
    let twice = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(once), _mm_clmulepi64_si128::<0x00>(once, terms));
    _mm_xor_si128(high, twice)
}

#[target_feature(enable = "pclmulqdq,ssse3")]
fn absorb_narrow(key: &HashKey, sum: &mut Block, blocks: &[Block]) {
    let mut element = load_reversed(sum);
    for blocks in blocks.chunks(POWERS / 2) {
        element = absorb_few(key, element, blocks);
    }
    // SAFETY: sixteen bytes, written unaligned.
    unsafe { _mm_storeu_si128(sum.as_mut_ptr().cast(), reverse(element)) };
}

/// At most [`POWERS`] blocks, with one reduction.
#[target_feature(enable = "pclmulqdq,ssse3")]
fn absorb_few(key: &HashKey, element: __m128i, blocks: &[Block]) -> __m128i {
    let start = POWERS - blocks.len();
    let mut waiting = element;
    let mut sums = Sums { low: _mm_setzero_si128(), middle: _mm_setzero_si128(), high: _mm_setzero_si128() };
    for ((block, power), halves) in blocks.iter().zip(&key.powers[start..]).zip(&key.halves[start..]) {
        let block = _mm_xor_si128(load_reversed(block), waiting);
        waiting = _mm_setzero_si128();
        sums = add(sums, multiply(block, load(power), load(halves)));
    }
    reduce(sums)
}

#[target_feature(enable = "pclmulqdq,ssse3,avx2,vpclmulqdq")]
fn absorb_wide(key: &HashKey, sum: &mut Block, blocks: &[Block]) {
    let mut element = load_reversed(sum);
    let (batches, rest) = blocks.as_chunks::<POWERS>();
    for blocks in batches {
        element = absorb_batch(key, element, blocks);
    }
    if !rest.is_empty() {
        element = absorb_few(key, element, rest);
    }
    // SAFETY: sixteen bytes, written unaligned.
    unsafe { _mm_storeu_si128(sum.as_mut_ptr().cast(), reverse(element)) };
}

#[target_feature(enable = "pclmulqdq,ssse3,avx2,vpclmulqdq")]
fn absorb_batch(key: &HashKey, element: __m128i, blocks: &[Block; POWERS]) -> __m128i {
    let reversed = _mm256_broadcastsi128_si256(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    let zero = _mm256_setzero_si256();
    let mut sums = Sums { low: zero, middle: zero, high: zero };
    let mut waiting = _mm256_zextsi128_si256(element);
    for index in (0..POWERS).step_by(2) {
        // SAFETY: two blocks, two powers and two sums of halves follow each other from `index`, even below `POWERS`.
        let (pair, powers, halves) = unsafe {
            (
                _mm256_loadu_si256(blocks.as_ptr().add(index).cast()),
                _mm256_loadu_si256(key.powers.as_ptr().add(index).cast()),
                _mm256_loadu_si256(key.halves.as_ptr().add(index).cast()),
            )
        };
        let pair = _mm256_xor_si256(_mm256_shuffle_epi8(pair, reversed), waiting);
        waiting = zero;
        let both = _mm256_xor_si256(pair, _mm256_shuffle_epi32::<0x4e>(pair));
        sums.low = _mm256_xor_si256(sums.low, _mm256_clmulepi64_epi128::<0x00>(pair, powers));
        sums.middle = _mm256_xor_si256(sums.middle, _mm256_clmulepi64_epi128::<0x00>(both, halves));
        sums.high = _mm256_xor_si256(sums.high, _mm256_clmulepi64_epi128::<0x11>(pair, powers));
    }
    reduce(Sums { low: halved(sums.low), middle: halved(sums.middle), high: halved(sums.high) })
}

/// The sum of both halves of a register.
#[target_feature(enable = "avx2")]
fn halved(register: __m256i) -> __m128i {
    _mm_xor_si128(_mm256_castsi256_si128(register), _mm256_extracti128_si256::<1>(register))
}
