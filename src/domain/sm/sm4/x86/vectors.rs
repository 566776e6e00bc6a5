//! Registers of 128, 256 and 512 bits, and the substitution on them by AES-NI, VAES or GFNI.
//!
//! Every function is inlined into one that has the instructions; each `unsafe` asks just that of its caller.

#![allow(unsafe_code, reason = "vector instructions, which the caller vouches for")]

use crate::domain::sm::sm4::field;
use crate::domain::sm::sm4::field::Basis;
use crate::domain::sm::sm4::field::Field;
use crate::domain::sm::sm4::field::Matrix;
#[allow(clippy::wildcard_imports, reason = "a page of instructions")]
use std::arch::x86_64::*;

/// What the S-box of AES adds after its linear map (FIPS 197, clause 5.1.1).
pub(super) const AES_CONSTANT: u8 = 0x63;

/// The linear map of the S-box of AES: row i adds bits i, i + 4, i + 5, i + 6 and i + 7.
const AES_MAP: Matrix = {
    let mut rows = [0; 8];
    let mut row = 0;
    while row < 8 {
        rows[row] = 0xf1_u8.rotate_left(row as u32);
        row += 1;
    }
    field::transpose(rows)
};

/// For substitutions by the S-box of AES.
pub(super) const AES: Basis = Basis::of(Field::Aes, &AES_MAP);

/// For substitutions by GFNI.
pub(super) const GFNI: Basis = Basis::plain(Field::Aes);

/// The third map, R = D + G, which a turn by bytes leads to other places (`Narrow`).
const fn sum(left: &Matrix, right: &Matrix) -> Matrix {
    let mut sum = *left;
    let mut bit = 0;
    while bit < 8 {
        sum[bit] ^= right[bit];
        bit += 1;
    }
    sum
}

const AES_R: Matrix = sum(&AES.d, &AES.g);
const GFNI_R: Matrix = sum(&GFNI.d, &GFNI.g);

/// A matrix as GFNI reads it: rows, the first in the most significant byte.
const fn rows(matrix: &Matrix) -> i64 {
    i64::from_be_bytes(field::transpose(*matrix))
}

/// A matrix as two tables of sixteen bytes, for the low and for the high half of a byte.
#[repr(align(16))]
struct Halves([[u8; 16]; 2]);

const fn halves(matrix: &Matrix, constant: u8) -> Halves {
    let mut tables = [[0; 16]; 2];
    let mut half = 0;
    while half < 16 {
        tables[0][half as usize] = field::apply(matrix, half) ^ constant;
        tables[1][half as usize] = field::apply(matrix, half << 4);
        half += 1;
    }
    Halves(tables)
}

static AES_ENTER: Halves = halves(&AES.enter, 0);
static AES_LEAVE: Halves = halves(&AES.leave, 0);
static AES_G_TABLE: Halves = halves(&AES.g, 0);
static AES_D_TABLE: Halves = halves(&AES.d, 0);
static AES_R_TABLE: Halves = halves(&AES_R, 0);
/// Into the S-box of AES and out of it, the constants of SM4's S-box included.
static AES_BEFORE: Halves = halves(&AES.enter, AES.offset);
static AES_AFTER: Halves = halves(&AES.substituted, field::apply(&AES.substituted, AES_CONSTANT) ^ field::CONSTANT);

/// Where ShiftRows takes each byte from, turned back.
static SHIFTED: [u8; 16] = [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];

/// Sixteen registers of one kind hold a batch.
pub(super) trait Wide: Copy {
    unsafe fn load(from: *const u8) -> Self;
    unsafe fn store(self, to: *mut u8);
    /// `word` in every four bytes.
    unsafe fn spread(word: u32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn add_two(self, one: Self, other: Self) -> Self;
    /// Bytes of both in turn, from the first eight of each sixteen.
    unsafe fn interleave_low(self, other: Self) -> Self;
    /// Bytes of both in turn, from the last eight of each sixteen.
    unsafe fn interleave_high(self, other: Self) -> Self;
    /// Into the basis.
    unsafe fn enter(self) -> Self;
    /// Out of the basis.
    unsafe fn leave(self) -> Self;
    /// G and D of S; the key is for who can add one on the way.
    unsafe fn substitute(self, key: Self) -> (Self, Self);
    /// Adds the D of the next byte to the G of this one; the key is for who could not add it before.
    unsafe fn join(self, next: Self, key: Self) -> Self;
}

/// One word in all four columns of a register.
pub(super) trait Narrow {
    /// The S-box on the four bytes of a word.
    unsafe fn word(word: u32) -> u32;
    /// Each map of a register that AES or GFNI offers.
    unsafe fn enter(bytes: __m128i) -> __m128i;
    unsafe fn leave(bytes: __m128i) -> __m128i;
    /// `x0` + L(S(`x3` + `others`)), the key added.
    unsafe fn round(x0: __m128i, x3: __m128i, others: __m128i, key: u32) -> __m128i;

    #[inline(always)]
    unsafe fn spread(word: u32) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_set1_epi32(word.cast_signed()) }
    }

    /// The four words of a block, in the basis.
    #[inline(always)]
    unsafe fn enter_words(block: __m128i) -> [__m128i; 4] {
        // SAFETY: handed on to the caller.
        unsafe {
            let words = Self::enter(_mm_shuffle_epi8(block, reversed()));
            [
                _mm_shuffle_epi32::<0x00>(words),
                _mm_shuffle_epi32::<0x55>(words),
                _mm_shuffle_epi32::<0xaa>(words),
                _mm_shuffle_epi32::<0xff>(words),
            ]
        }
    }

    /// A block of four words.
    #[inline(always)]
    unsafe fn leave_words([x0, x1, x2, x3]: [__m128i; 4]) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe {
            let words = _mm_unpacklo_epi64(_mm_unpacklo_epi32(x0, x1), _mm_unpacklo_epi32(x2, x3));
            _mm_shuffle_epi8(Self::leave(words), reversed())
        }
    }
}

/// The bytes of each word in reverse.
#[inline(always)]
unsafe fn reversed() -> __m128i {
    // SAFETY: handed on to the caller.
    unsafe { _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3) }
}

/// Byte i from byte i − 1, i − 2 or i − 3 of the word.
#[inline(always)]
unsafe fn turned<const BY: i32>(words: __m128i) -> __m128i {
    // SAFETY: handed on to the caller.
    unsafe {
        let from = match BY {
            1 => _mm_set_epi8(14, 13, 12, 15, 10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3),
            2 => _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2),
            _ => _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1),
        };
        _mm_shuffle_epi8(words, from)
    }
}

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Aesni128(__m128i);

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Aesni256(__m256i);

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Vaes256(__m256i);

/// GFNI on one block only.
pub(super) struct Gfni128;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Gfni256(__m256i);

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Gfni512(__m512i);

/// What all kinds of one width have in common.
macro_rules! common {
    ($load:ident, $store:ident, $spread:ident, $low:ident, $high:ident) => {
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            // SAFETY: the caller gives as many bytes as the register has, aligned or not.
            unsafe { Self($load(from.cast())) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut u8) {
            // SAFETY: as for `load`.
            unsafe { $store(to.cast(), self.0) }
        }

        #[inline(always)]
        unsafe fn spread(word: u32) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($spread(word.cast_signed())) }
        }

        #[inline(always)]
        unsafe fn interleave_low(self, other: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($low(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn interleave_high(self, other: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($high(self.0, other.0)) }
        }
    };
}

/// Sums with two operands.
macro_rules! sums {
    ($xor:ident) => {
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($xor(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn add_two(self, one: Self, other: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($xor($xor(self.0, one.0), other.0)) }
        }
    };
}

/// Maps by two look-ups in a register, and the substitution by AES's last round.
macro_rules! by_aes {
    ($map:ident, $last_round:ident, $shuffle:ident, $table:ident) => {
        #[inline(always)]
        unsafe fn enter(self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($map(self.0, &AES_ENTER)) }
        }

        #[inline(always)]
        unsafe fn leave(self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($map(self.0, &AES_LEAVE)) }
        }

        #[inline(always)]
        unsafe fn substitute(self, key: Self) -> (Self, Self) {
            // SAFETY: handed on to the caller.
            unsafe {
                let bytes = $last_round($shuffle(self.0, $table(&SHIFTED)), key.0);
                (Self($map(bytes, &AES_G_TABLE)), Self($map(bytes, &AES_D_TABLE)))
            }
        }

        #[inline(always)]
        unsafe fn join(self, next: Self, _key: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { self.add(next) }
        }
    };
}

/// Maps and the substitution by GFNI.
macro_rules! by_gfni {
    ($affine:ident, $inverse_affine:ident, $matrix:ident) => {
        #[inline(always)]
        unsafe fn enter(self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($affine::<0>(self.0, $matrix(const { rows(&GFNI.enter) }))) }
        }

        #[inline(always)]
        unsafe fn leave(self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { Self($affine::<0>(self.0, $matrix(const { rows(&GFNI.leave) }))) }
        }

        #[inline(always)]
        unsafe fn substitute(self, _key: Self) -> (Self, Self) {
            // SAFETY: handed on to the caller.
            unsafe {
                let g = $inverse_affine::<0>(self.0, $matrix(const { rows(&GFNI.g) }));
                let d = $inverse_affine::<0>(self.0, $matrix(const { rows(&GFNI.d) }));
                (Self(g), Self(d))
            }
        }

        #[inline(always)]
        unsafe fn join(self, next: Self, key: Self) -> Self {
            // SAFETY: handed on to the caller.
            unsafe { self.add_two(next, key) }
        }
    };
}

impl Wide for Aesni128 {
    common!(_mm_loadu_si128, _mm_storeu_si128, _mm_set1_epi32, _mm_unpacklo_epi8, _mm_unpackhi_epi8);
    sums!(_mm_xor_si128);
    by_aes!(map128, _mm_aesenclast_si128, _mm_shuffle_epi8, table128);
}

impl Wide for Aesni256 {
    common!(_mm256_loadu_si256, _mm256_storeu_si256, _mm256_set1_epi32, _mm256_unpacklo_epi8, _mm256_unpackhi_epi8);
    sums!(_mm256_xor_si256);
    by_aes!(map256, last_round256, _mm256_shuffle_epi8, table256);
}

impl Wide for Vaes256 {
    common!(_mm256_loadu_si256, _mm256_storeu_si256, _mm256_set1_epi32, _mm256_unpacklo_epi8, _mm256_unpackhi_epi8);
    sums!(_mm256_xor_si256);
    by_aes!(map256, _mm256_aesenclast_epi128, _mm256_shuffle_epi8, table256);
}

impl Wide for Gfni256 {
    common!(_mm256_loadu_si256, _mm256_storeu_si256, _mm256_set1_epi32, _mm256_unpacklo_epi8, _mm256_unpackhi_epi8);
    sums!(_mm256_xor_si256);
    by_gfni!(_mm256_gf2p8affine_epi64_epi8, _mm256_gf2p8affineinv_epi64_epi8, _mm256_set1_epi64x);
}

impl Wide for Gfni512 {
    common!(_mm512_loadu_si512, _mm512_storeu_si512, _mm512_set1_epi32, _mm512_unpacklo_epi8, _mm512_unpackhi_epi8);
    by_gfni!(_mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8affineinv_epi64_epi8, _mm512_set1_epi64);

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: handed on to the caller.
        unsafe { Self(_mm512_xor_si512(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn add_two(self, one: Self, other: Self) -> Self {
        // SAFETY: handed on to the caller.
        unsafe { Self(_mm512_ternarylogic_epi32::<0x96>(self.0, one.0, other.0)) }
    }
}

#[inline(always)]
unsafe fn table128(table: &[u8; 16]) -> __m128i {
    // SAFETY: sixteen bytes.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

#[inline(always)]
unsafe fn table256(table: &[u8; 16]) -> __m256i {
    // SAFETY: handed on to the caller.
    unsafe { _mm256_broadcastsi128_si256(table128(table)) }
}

#[inline(always)]
unsafe fn map128(bytes: __m128i, halves: &Halves) -> __m128i {
    // SAFETY: handed on to the caller.
    unsafe {
        let mask = _mm_set1_epi8(15);
        let low = _mm_and_si128(bytes, mask);
        let high = _mm_and_si128(_mm_srli_epi32::<4>(bytes), mask);
        let [low_table, high_table] = &halves.0;
        _mm_xor_si128(_mm_shuffle_epi8(table128(low_table), low), _mm_shuffle_epi8(table128(high_table), high))
    }
}

#[inline(always)]
unsafe fn map256(bytes: __m256i, halves: &Halves) -> __m256i {
    // SAFETY: handed on to the caller.
    unsafe {
        let mask = _mm256_set1_epi8(15);
        let low = _mm256_and_si256(bytes, mask);
        let high = _mm256_and_si256(_mm256_srli_epi32::<4>(bytes), mask);
        let [low_table, high_table] = &halves.0;
        let low = _mm256_shuffle_epi8(table256(low_table), low);
        _mm256_xor_si256(low, _mm256_shuffle_epi8(table256(high_table), high))
    }
}

/// AES's last round on both halves, for processors without VAES.
#[inline(always)]
unsafe fn last_round256(bytes: __m256i, key: __m256i) -> __m256i {
    // SAFETY: handed on to the caller.
    unsafe {
        let low = _mm_aesenclast_si128(_mm256_castsi256_si128(bytes), _mm256_castsi256_si128(key));
        let high = _mm_aesenclast_si128(_mm256_extracti128_si256::<1>(bytes), _mm256_castsi256_si128(key));
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
    }
}

impl Narrow for Aesni128 {
    #[inline(always)]
    unsafe fn word(word: u32) -> u32 {
        // SAFETY: handed on to the caller.
        unsafe {
            let entered = map128(Self::spread_word(word), &AES_BEFORE);
            let substituted = _mm_aesenclast_si128(entered, _mm_setzero_si128());
            _mm_cvtsi128_si32(map128(substituted, &AES_AFTER)).cast_unsigned()
        }
    }

    #[inline(always)]
    unsafe fn enter(bytes: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { map128(bytes, &AES_ENTER) }
    }

    #[inline(always)]
    unsafe fn leave(bytes: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { map128(bytes, &AES_LEAVE) }
    }

    #[inline(always)]
    unsafe fn round(x0: __m128i, x3: __m128i, others: __m128i, key: u32) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe {
            let bytes = _mm_aesenclast_si128(_mm_xor_si128(x3, others), Self::spread_word(key));
            let (d, r, g) = (map128(bytes, &AES_D_TABLE), map128(bytes, &AES_R_TABLE), map128(bytes, &AES_G_TABLE));
            gathered(x0, d, r, g)
        }
    }
}

impl Aesni128 {
    #[inline(always)]
    unsafe fn spread_word(word: u32) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_set1_epi32(word.cast_signed()) }
    }
}

/// L(B)_i = D·B_i + R·B_{i−1} + R·B_{i−2} + G·B_{i−3}, added to `x0`: the same as in `field`, with a short chain.
#[inline(always)]
unsafe fn gathered(x0: __m128i, d: __m128i, r: __m128i, g: __m128i) -> __m128i {
    // SAFETY: handed on to the caller.
    unsafe {
        let near = _mm_xor_si128(_mm_xor_si128(x0, d), turned::<3>(g));
        _mm_xor_si128(near, _mm_xor_si128(turned::<1>(r), turned::<2>(r)))
    }
}

impl Narrow for Gfni128 {
    #[inline(always)]
    unsafe fn word(word: u32) -> u32 {
        // SAFETY: handed on to the caller.
        unsafe {
            let before = _mm_set1_epi64x(const { rows(&GFNI.enter) });
            let after = _mm_set1_epi64x(const { rows(&GFNI.substituted) });
            let entered = _mm_gf2p8affine_epi64_epi8::<{ GFNI.offset as i32 }>(Self::spread(word), before);
            let substituted = _mm_gf2p8affineinv_epi64_epi8::<{ field::CONSTANT as i32 }>(entered, after);
            _mm_cvtsi128_si32(substituted).cast_unsigned()
        }
    }

    #[inline(always)]
    unsafe fn enter(bytes: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_gf2p8affine_epi64_epi8::<0>(bytes, _mm_set1_epi64x(const { rows(&GFNI.enter) })) }
    }

    #[inline(always)]
    unsafe fn leave(bytes: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_gf2p8affine_epi64_epi8::<0>(bytes, _mm_set1_epi64x(const { rows(&GFNI.leave) })) }
    }

    #[inline(always)]
    unsafe fn round(x0: __m128i, x3: __m128i, others: __m128i, key: u32) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe {
            let bytes = _mm_xor_si128(x3, others);
            let d = _mm_gf2p8affineinv_epi64_epi8::<0>(bytes, _mm_set1_epi64x(const { rows(&GFNI.d) }));
            let r = _mm_gf2p8affineinv_epi64_epi8::<0>(bytes, _mm_set1_epi64x(const { rows(&GFNI_R) }));
            let g = _mm_gf2p8affineinv_epi64_epi8::<0>(bytes, _mm_set1_epi64x(const { rows(&GFNI.g) }));
            gathered(_mm_xor_si128(x0, Self::spread(key)), d, r, g)
        }
    }
}
