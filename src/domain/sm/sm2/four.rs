//! Four field elements side by side with AVX-512 IFMA, whose products cost little more than one by MULX.
//!
//! Why: the formulas for points have up to four products at a time that do not wait for one another ([`parallel`]).
//! The instructions multiply numbers of 52 bits in four lanes, two a cycle, so four products take about as long as one
//! and a half by `assembly`.
//!
//! A lane holds a * 2^260 mod p as five limbs of 52 bits, the least significant first. [`Lanes`] are settled or not.
//! Settled ones may be multiplied: their limbs are from 0 to 2^52 - 1 and the number is above 0 and below 2^257 + 2^232,
//! a little more than 2p. What is not settled is a sum from -7 * 2^256 to 8 * 2^256 whose limbs are below 2^60 in absolute
//! value, of either sign. Equal elements may thus have different limbs until they are taken out.
//!
//! The code has no branch and no memory access that depends on a value.
//!
//! [`parallel`]: super::parallel

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]
#![allow(clippy::many_single_char_names, reason = "five limbs in their order")]
#![allow(unsafe_code, reason = "vector instructions, which the caller vouches for")]

use crate::domain::sm::sm2::field::Field;
use crate::domain::sm::sm2::field::PRIME;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use std::arch::x86_64::__m256i;
use std::arch::x86_64::_mm256_add_epi64;
use std::arch::x86_64::_mm256_and_si256;
use std::arch::x86_64::_mm256_cmpeq_epi64_mask;
use std::arch::x86_64::_mm256_extract_epi64;
use std::arch::x86_64::_mm256_madd52hi_epu64;
use std::arch::x86_64::_mm256_madd52lo_epu64;
use std::arch::x86_64::_mm256_mask_mov_epi64;
use std::arch::x86_64::_mm256_mask_sub_epi64;
use std::arch::x86_64::_mm256_permutexvar_epi64;
use std::arch::x86_64::_mm256_set1_epi64x;
use std::arch::x86_64::_mm256_setr_epi64x;
use std::arch::x86_64::_mm256_setzero_si256;
use std::arch::x86_64::_mm256_slli_epi64;
use std::arch::x86_64::_mm256_sllv_epi64;
use std::arch::x86_64::_mm256_srai_epi64;
use std::arch::x86_64::_mm256_sub_epi64;

/// Bits of a limb.
const BITS: u32 = 52;

/// The lower 52 bits.
const LIMB: i64 = (1 << BITS) - 1;

/// 2^264 mod p = 2^8 * (2^224 + 2^96 - 2^64 + 1): makes a * 2^260 of a * 2^256 in a product.
const ENTER: Limbs = [1 << 8, (1 << 40) - (1 << 8), 0, 1 << 40];

/// 2^260 mod p: one.
const ONE: Limbs = [1 << 4, (1 << 36) - (1 << 4), 0, 1 << 36];

/// Whether this processor has the instructions.
#[inline]
pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512ifma")
}

/// Four elements: register i holds limb i of each.
#[derive(Clone, Copy)]
pub(super) struct Lanes<const SETTLED: bool>([__m256i; 5]);

/// Elements to multiply.
pub(super) type Four = Lanes<true>;

/// Sums and products.
pub(super) type Sum = Lanes<false>;

/// The limbs of a number.
const fn split(limbs: &Limbs) -> [i64; 5] {
    let [a, b, c, d] = *limbs;
    let limbs = [a, a >> 52 | b << 12, b >> 40 | c << 24, c >> 28 | d << 36, d >> 16];
    let mut split = [0; 5];
    let mut at = 0;
    while at < 5 {
        split[at] = limbs[at].cast_signed() & LIMB;
        at += 1;
    }
    split
}

/// Functions that are inlined into others with the instructions; each asks just them of its caller.
macro_rules! inlined {
    ($(
        $(#[$note:meta])*
        $visible:vis fn $name:ident$(<$(const $constant:ident: $type:ty),*>)?($($argument:tt)*) -> $result:ty $body:block
    )*) => {
        $(
            $(#[$note])*
            #[inline(always)]
            $visible unsafe fn $name$(<$(const $constant: $type),*>)?($($argument)*) -> $result {
                // SAFETY: the caller has the instructions.
                unsafe { $body }
            }
        )*
    };
}
pub(super) use inlined;

/// An array of five values, written out: the compiler leaves some loops over registers loops, and keeps them in memory.
macro_rules! five {
    ($index:ident => $value:expr) => {
        five!($index => $value; 0 1 2 3 4)
    };
    ($index:ident => $value:expr; $($number:literal)*) => {
        [$({
            const $index: usize = $number;
            $value
        }),*]
    };
}

impl<const SETTLED: bool> Lanes<SETTLED> {
    /// As terms of a sum.
    #[inline(always)]
    pub(super) fn terms(&self) -> Sum {
        Lanes(self.0)
    }

    inlined! {
        /// The lanes of these numbers.
        pub(super) fn pick<const A: i64, const B: i64, const C: i64, const D: i64>(&self) -> Self {
            let from = _mm256_setr_epi64x(A, B, C, D);
            Self(five!(AT => _mm256_permutexvar_epi64(from, self.0[AT])))
        }

        /// One lane in all places.
        pub(super) fn all<const LANE: i64>(&self) -> Self {
            self.pick::<LANE, LANE, LANE, LANE>()
        }

        /// With the lanes of `other` where `mask` has a bit, the first lane the lowest.
        pub(super) fn merge(&self, mask: u8, other: &Self) -> Self {
            Self(five!(AT => _mm256_mask_mov_epi64(self.0[AT], mask, other.0[AT])))
        }
    }
}

impl Sum {
    inlined! {
        /// `self + other`.
        pub(super) fn add(&self, other: &Self) -> Self {
            Lanes(five!(AT => _mm256_add_epi64(self.0[AT], other.0[AT])))
        }

        /// `self - other`.
        pub(super) fn subtract(&self, other: &Self) -> Self {
            Lanes(five!(AT => _mm256_sub_epi64(self.0[AT], other.0[AT])))
        }

        /// `-self` in the lanes of `mask`.
        pub(super) fn negate(&self, mask: u8) -> Self {
            let zero = _mm256_setzero_si256();
            Lanes(five!(AT => _mm256_mask_sub_epi64(self.0[AT], mask, zero, self.0[AT])))
        }

        /// Each lane times 2 to this power.
        pub(super) fn scale<const A: i64, const B: i64, const C: i64, const D: i64>(&self) -> Self {
            let by = _mm256_setr_epi64x(A, B, C, D);
            Lanes(five!(AT => _mm256_sllv_epi64(self.0[AT], by)))
        }

        fn lane<const LANE: i32>(&self) -> [i64; 5] {
            five!(AT => _mm256_extract_epi64::<LANE>(self.0[AT]))
        }

        /// Takes h * p away, for which h is one less than what stands above bit 256, and carries. The carries that come
        /// up from below are left out of h; they are less than 2^9 * 2^208, so that the result is above 0 all the same.
        pub(super) fn settle(&self) -> Four {
            let [a, b, c, d, e] = self.0;
            // h + 8, which is not negative.
            let e = _mm256_add_epi64(e, _mm256_set1_epi64x(7 << 48));
            let g = _mm256_srai_epi64::<48>(e);
            // h * p = h * (2^256 - 2^224 - 2^96 + 2^64 - 1)
            let a = _mm256_add_epi64(a, _mm256_sub_epi64(g, _mm256_set1_epi64x(8)));
            let of_second = (1 << 44) - (1 << 12);
            let b = _mm256_sub_epi64(b, _mm256_set1_epi64x(8 * of_second));
            let b = _mm256_madd52lo_epu64(b, g, _mm256_set1_epi64x(of_second));
            let e = _mm256_and_si256(e, _mm256_set1_epi64x((1 << 48) - 1));
            let e = _mm256_add_epi64(e, _mm256_set1_epi64x((1 << 48) - (8 << 16)));
            let e = _mm256_add_epi64(e, _mm256_slli_epi64::<16>(g));
            let limb = _mm256_set1_epi64x(LIMB);
            let b = _mm256_add_epi64(b, _mm256_srai_epi64::<BITS>(a));
            let c = _mm256_add_epi64(c, _mm256_srai_epi64::<BITS>(b));
            let d = _mm256_add_epi64(d, _mm256_srai_epi64::<BITS>(c));
            let e = _mm256_add_epi64(e, _mm256_srai_epi64::<BITS>(d));
            Lanes([
                _mm256_and_si256(a, limb),
                _mm256_and_si256(b, limb),
                _mm256_and_si256(c, limb),
                _mm256_and_si256(d, limb),
                e,
            ])
        }
    }
}

/// A product on its way: the lower and the upper halves of the products of limbs.
struct Product {
    low: [__m256i; 10],
    high: [__m256i; 10],
    carry: __m256i,
}

impl Product {
    inlined! {
        fn new() -> Self {
            let zero = _mm256_setzero_si256();
            Self { low: [zero; 10], high: [zero; 10], carry: zero }
        }

        fn add_row(&mut self, row: usize, one: &Four, other: &Four) -> () {
            five!(AT => {
                self.low[row + AT] = _mm256_madd52lo_epu64(self.low[row + AT], one.0[row], other.0[AT]);
                self.high[row + AT + 1] = _mm256_madd52hi_epu64(self.high[row + AT + 1], one.0[row], other.0[AT]);
            });
        }

        /// Clears the limb `at`. Of m the instructions read the lower 52 bits.
        fn clear(&mut self, at: usize) -> () {
            let Self { low, high, carry } = self;
            let second = _mm256_set1_epi64x((1 << 52) - (1 << 44) + (1 << 12));
            let fifth = _mm256_set1_epi64x((1 << 48) - (1 << 16));
            let m = _mm256_add_epi64(low[at], _mm256_add_epi64(high[at], *carry));
            *carry = _mm256_srai_epi64::<BITS>(m);
            low[at + 1] = _mm256_madd52lo_epu64(low[at + 1], m, second);
            high[at + 2] = _mm256_madd52hi_epu64(high[at + 2], m, second);
            high[at + 2] = _mm256_sub_epi64(high[at + 2], _mm256_and_si256(m, _mm256_set1_epi64x(LIMB)));
            low[at + 4] = _mm256_madd52lo_epu64(low[at + 4], m, fifth);
            high[at + 5] = _mm256_madd52hi_epu64(high[at + 5], m, fifth);
        }
    }
}

impl Four {
    inlined! {
        /// A number below 2^256 in each lane.
        fn repeat(limbs: &Limbs) -> Self {
            let limbs = split(limbs);
            Lanes(five!(AT => _mm256_set1_epi64x(limbs[AT])))
        }

        /// One in each lane.
        pub(super) fn one() -> Self {
            Self::repeat(&ONE)
        }

        /// The products of the lanes, divided by 2^260: below 1.3 * 2^256.
        ///
        /// Row after row of the product is added, and one row behind, so that none waits for it, m * p with the m that
        /// clears the lowest limb. That is the limb itself, since p is -1 modulo 2^52. With p = -1 - (2^44 - 2^12) * 2^52
        /// + (2^48 - 2^16) * 2^208 two products of m are due; the first is made of 2^52 - 2^44 + 2^12, and m taken away
        /// one limb further up.
        pub(super) fn multiply(&self, other: &Self) -> Sum {
            let mut product = Product::new();
            product.add_row(0, self, other);
            product.add_row(1, self, other);
            product.clear(0);
            product.add_row(2, self, other);
            product.clear(1);
            product.add_row(3, self, other);
            product.clear(2);
            product.add_row(4, self, other);
            product.clear(3);
            product.clear(4);
            let Product { low, high, carry } = product;
            let low5 = _mm256_add_epi64(low[5], carry);
            Lanes(five!(AT => _mm256_add_epi64(if AT == 0 { low5 } else { low[AT + 5] }, high[AT + 5])))
        }

        /// Two elements in the first lanes.
        pub(super) fn from_two(one: &Field, other: &Field) -> Self {
            let (one, other) = (split(one.inner()), split(other.inner()));
            let both = five!(AT => _mm256_setr_epi64x(one[AT], other[AT], 0, 0));
            Lanes::<true>(both).multiply(&Self::repeat(&ENTER)).settle()
        }

        /// The elements in the first three lanes.
        pub(super) fn to_three(self) -> [Field; 3] {
            // A product with 2^256 is a * 2^256 of a * 2^260, and below 2p.
            let zero = _mm256_setzero_si256();
            let product = self.multiply(&Lanes([zero, zero, zero, zero, _mm256_set1_epi64x(1 << 48)]));
            [join(product.lane::<0>()), join(product.lane::<1>()), join(product.lane::<2>())]
        }

        /// `mine` if the numbers are equal, else `other`: for tables, of which every entry is read.
        pub(super) fn if_equal(number: u64, wanted: u64, mine: &Self, other: &Self) -> Self {
            let numbers = [number, wanted].map(u64::cast_signed);
            let mask = _mm256_cmpeq_epi64_mask(_mm256_set1_epi64x(numbers[0]), _mm256_set1_epi64x(numbers[1]));
            other.merge(mask, mine)
        }
    }
}

/// A number below 2p of limbs that are not settled.
fn join(mut limbs: [i64; 5]) -> Field {
    for at in 0..4 {
        limbs[at + 1] += limbs[at] >> BITS;
        limbs[at] &= LIMB;
    }
    let [a, b, c, d, e] = limbs.map(i64::cast_unsigned);
    let number = [a | b << 52, b >> 12 | c << 40, c >> 24 | d << 28, d >> 36 | e << 16];
    Field::from_inner(limbs::reduce_once(&number, e >> 48 != 0, &PRIME))
}
