//! SM3 with the instructions of x86-64: turns that keep their argument for one stream (BMI2), and vectors for many
//! messages.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]
#![allow(unsafe_code, reason = "vector instructions; each block says why it is sound")]

use super::BLOCK_BYTES;
use super::State;
use super::Way;
use super::assembly::Bmi;
use super::lanes;
use super::lanes::States;
use super::lanes::Words;
use super::stream;
use super::stream::Expanded;
#[allow(clippy::wildcard_imports, reason = "a page of instructions")]
use std::arch::x86_64::*;

type Bytes = [u8; BLOCK_BYTES];

/// Whether this processor has what `way` needs.
pub(super) fn here(way: Way) -> bool {
    match way {
        Way::Portable => true,
        Way::Avx2 => is_x86_feature_detected!("avx2"),
        Way::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
    }
}

/// Takes `blocks` into `state`, if this processor has more than every one has.
pub(super) fn compress(state: &mut State, blocks: &[Bytes]) -> bool {
    let here = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2");
    if here && here_to_turn() {
        // SAFETY: the instructions have just been found.
        unsafe { compress_avx512_bmi2(state, blocks) };
    } else if here {
        // SAFETY: the instructions have just been found.
        unsafe { compress_bmi2(state, blocks) };
    }
    here
}

/// Whether vectors of this processor turn words in one instruction, which halves the work of expanding a block.
fn here_to_turn() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2")]
fn compress_avx512_bmi2(state: &mut State, blocks: &[Bytes]) {
    for block in stream::compress_batches::<Bmi>(state, blocks) {
        // SAFETY: this function has the instructions.
        let expanded = unsafe { expand_one::<Turning>(block) };
        stream::rounds::<Bmi, 1>(state, &expanded, 0);
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn compress_bmi2(state: &mut State, blocks: &[Bytes]) {
    for block in stream::compress_batches::<Bmi>(state, blocks) {
        // SAFETY: this function has the instructions.
        let expanded = unsafe { expand_one::<Shifting>(block) };
        stream::rounds::<Bmi, 1>(state, &expanded, 0);
    }
}

/// How four words are turned and added.
trait Four {
    /// To the left by `LEFT` bits, which is to the right by `RIGHT`.
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(words: __m128i) -> __m128i;
    unsafe fn xor_two(words: __m128i, one: __m128i, other: __m128i) -> __m128i;
}

/// By AVX-512VL.
struct Turning;

impl Four for Turning {
    #[inline(always)]
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(words: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_rol_epi32::<LEFT>(words) }
    }

    #[inline(always)]
    unsafe fn xor_two(words: __m128i, one: __m128i, other: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_ternarylogic_epi32::<0x96>(words, one, other) }
    }
}

/// By what every processor with SSSE3 has.
struct Shifting;

impl Four for Shifting {
    #[inline(always)]
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(words: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_or_si128(_mm_slli_epi32::<LEFT>(words), _mm_srli_epi32::<RIGHT>(words)) }
    }

    #[inline(always)]
    unsafe fn xor_two(words: __m128i, one: __m128i, other: __m128i) -> __m128i {
        // SAFETY: handed on to the caller.
        unsafe { _mm_xor_si128(_mm_xor_si128(words, one), other) }
    }
}

/// The words of one block, four at a time (GB/T 32905-2016, clause 5.3.2).
///
/// The fourth word of a step hangs on the first one of the same step. What it lacks is added behind: P1 is linear, and
/// of the first word turned by 15 it gives the word turned by 15, by 30 and by 38.
///
/// # Safety
/// The processor has SSSE3 and the instructions of `F`.
#[inline(always)]
unsafe fn expand_one<F: Four>(block: &Bytes) -> Expanded<1> {
    let mut expanded = Expanded::<1>::new();
    // SAFETY: of 64 bytes sixteen are read at each quarter; of 68 words and 64 sums four are written at 16 + 4 * 12 and
    // 4 * 15 the furthest. No alignment is asked for. The instructions are the caller's.
    unsafe {
        let words = expanded.words.as_mut_ptr().cast::<u32>();
        let sums = expanded.sums.as_mut_ptr().cast::<u32>();
        let from = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
        let bytes = block.as_ptr();
        let mut x0 = _mm_shuffle_epi8(_mm_loadu_si128(bytes.cast()), from);
        let mut x1 = _mm_shuffle_epi8(_mm_loadu_si128(bytes.add(16).cast()), from);
        let mut x2 = _mm_shuffle_epi8(_mm_loadu_si128(bytes.add(32).cast()), from);
        let mut x3 = _mm_shuffle_epi8(_mm_loadu_si128(bytes.add(48).cast()), from);
        _mm_storeu_si128(words.cast(), x0);
        _mm_storeu_si128(words.add(4).cast(), x1);
        _mm_storeu_si128(words.add(8).cast(), x2);
        _mm_storeu_si128(words.add(12).cast(), x3);
        for step in 0..13 {
            // Words 3, 7, 10 and 13 further on; the fourth of the last is not there yet.
            let third = _mm_alignr_epi8::<12>(x1, x0);
            let seventh = _mm_alignr_epi8::<12>(x2, x1);
            let tenth = _mm_alignr_epi8::<8>(x3, x2);
            let thirteenth = F::turn::<15, 17>(_mm_srli_si128::<4>(x3));
            let mixed = F::xor_two(x0, seventh, thirteenth);
            let mixed = F::xor_two(mixed, F::turn::<15, 17>(mixed), F::turn::<23, 9>(mixed));
            let next = F::xor_two(mixed, F::turn::<7, 25>(third), tenth);
            let lacking = F::xor_two(F::turn::<15, 17>(next), F::turn::<30, 2>(next), F::turn::<6, 26>(next));
            let next = _mm_xor_si128(next, _mm_slli_si128::<12>(lacking));
            _mm_storeu_si128(words.add(16 + 4 * step).cast(), next);
            _mm_storeu_si128(sums.add(4 * step).cast(), _mm_xor_si128(x0, x1));
            (x0, x1, x2, x3) = (x1, x2, x3, next);
        }
        _mm_storeu_si128(sums.add(52).cast(), _mm_xor_si128(x0, x1));
        _mm_storeu_si128(sums.add(56).cast(), _mm_xor_si128(x1, x2));
        _mm_storeu_si128(sums.add(60).cast(), _mm_xor_si128(x2, x3));
    }
    expanded
}

/// Takes a row of blocks into each of eight states.
///
/// # Panics
/// Without AVX2.
pub(super) fn compress_eight(states: &mut States<8>, inputs: &[&[Bytes]; 8]) {
    assert!(here(Way::Avx2), "AVX2");
    // SAFETY: the instructions have just been found.
    unsafe { compress_avx2(states, inputs) }
}

#[target_feature(enable = "avx2")]
fn compress_avx2(states: &mut States<8>, inputs: &[&[Bytes]; 8]) {
    // SAFETY: this function has the instructions.
    unsafe { lanes::compress::<Words256, 8>(states, inputs) }
}

/// Takes a row of blocks into each of sixteen states.
///
/// # Panics
/// Without AVX-512.
pub(super) fn compress_sixteen(states: &mut States<16>, inputs: &[&[Bytes]; 16]) {
    assert!(here(Way::Avx512), "AVX-512");
    // SAFETY: the instructions have just been found.
    unsafe { compress_avx512(states, inputs) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compress_avx512(states: &mut States<16>, inputs: &[&[Bytes]; 16]) {
    // SAFETY: this function has the instructions.
    unsafe { lanes::compress::<Words512, 16>(states, inputs) }
}

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Words256(__m256i);

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Words512(__m512i);

/// Functions of one body, inlined into a caller that has the instructions.
macro_rules! inlined {
    ($($(#[$note:meta])* fn $name:ident($($argument:tt)*) -> $result:ty $body:block)*) => {
        $(
            $(#[$note])*
            #[inline(always)]
            unsafe fn $name($($argument)*) -> $result {
                // SAFETY: the caller has the instructions, and an array is as long as the register.
                unsafe { $body }
            }
        )*
    };
}

impl Words<8> for Words256 {
    inlined! {
        fn load(words: &[u32; 8]) -> Self { Self(_mm256_loadu_si256(words.as_ptr().cast())) }
        fn store(self, words: &mut [u32; 8]) -> () { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
        fn all(word: u32) -> Self { Self(_mm256_set1_epi32(word.cast_signed())) }
        fn add(self, other: Self) -> Self { Self(_mm256_add_epi32(self.0, other.0)) }
        fn xor(self, other: Self) -> Self { Self(_mm256_xor_si256(self.0, other.0)) }
        fn xor_two(self, one: Self, other: Self) -> Self { self.xor(one).xor(other) }
        fn majority(self, one: Self, other: Self) -> Self {
            let either = _mm256_and_si256(_mm256_or_si256(self.0, one.0), other.0);
            Self(_mm256_or_si256(_mm256_and_si256(self.0, one.0), either))
        }
        fn choose(self, one: Self, other: Self) -> Self {
            Self(_mm256_xor_si256(other.0, _mm256_and_si256(self.0, _mm256_xor_si256(one.0, other.0))))
        }
        fn turn_byte(self) -> Self {
            let from = _mm_set_epi8(14, 13, 12, 15, 10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3);
            Self(_mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(from)))
        }
    }

    #[inline(always)]
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        // SAFETY: handed on to the caller.
        unsafe { Self(_mm256_or_si256(_mm256_slli_epi32::<LEFT>(self.0), _mm256_srli_epi32::<RIGHT>(self.0))) }
    }
}

impl Words<16> for Words512 {
    #[inline(always)]
    unsafe fn load_blocks(blocks: [&Bytes; 16]) -> [Self; 16] {
        // SAFETY: the caller has the instructions, and a block is as long as a register.
        unsafe {
            let from = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
            let from = _mm512_broadcast_i32x4(from);
            let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = blocks;
            // Sixteen bytes of the result hold the same word of four blocks.
            let [a0, a1, a2, a3] = turn_four([b0, b1, b2, b3], from);
            let [c0, c1, c2, c3] = turn_four([b4, b5, b6, b7], from);
            let [d0, d1, d2, d3] = turn_four([b8, b9, b10, b11], from);
            let [e0, e1, e2, e3] = turn_four([b12, b13, b14, b15], from);
            let [w0, w4, w8, w12] = turn_quarters([a0, c0, d0, e0]);
            let [w1, w5, w9, w13] = turn_quarters([a1, c1, d1, e1]);
            let [w2, w6, w10, w14] = turn_quarters([a2, c2, d2, e2]);
            let [w3, w7, w11, w15] = turn_quarters([a3, c3, d3, e3]);
            [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15]
        }
    }

    inlined! {
        fn load(words: &[u32; 16]) -> Self { Self(_mm512_loadu_si512(words.as_ptr().cast())) }
        fn store(self, words: &mut [u32; 16]) -> () { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
        fn all(word: u32) -> Self { Self(_mm512_set1_epi32(word.cast_signed())) }
        fn add(self, other: Self) -> Self { Self(_mm512_add_epi32(self.0, other.0)) }
        fn xor(self, other: Self) -> Self { Self(_mm512_xor_si512(self.0, other.0)) }
        fn xor_two(self, one: Self, other: Self) -> Self {
            Self(_mm512_ternarylogic_epi32::<0x96>(self.0, one.0, other.0))
        }
        fn majority(self, one: Self, other: Self) -> Self {
            Self(_mm512_ternarylogic_epi32::<0xe8>(self.0, one.0, other.0))
        }
        fn choose(self, one: Self, other: Self) -> Self {
            Self(_mm512_ternarylogic_epi32::<0xca>(self.0, one.0, other.0))
        }
        fn turn_byte(self) -> Self { Self(_mm512_rol_epi32::<8>(self.0)) }
    }

    #[inline(always)]
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        // SAFETY: handed on to the caller.
        unsafe { Self(_mm512_rol_epi32::<LEFT>(self.0)) }
    }
}

/// Four blocks, their words as numbers: quarter q of register k holds word 4q + k of each.
#[inline(always)]
unsafe fn turn_four(blocks: [&Bytes; 4], from: __m512i) -> [__m512i; 4] {
    // SAFETY: the caller has the instructions, and a block is as long as a register.
    unsafe {
        let [b0, b1, b2, b3] = blocks;
        let b0 = _mm512_shuffle_epi8(_mm512_loadu_si512(b0.as_ptr().cast()), from);
        let b1 = _mm512_shuffle_epi8(_mm512_loadu_si512(b1.as_ptr().cast()), from);
        let b2 = _mm512_shuffle_epi8(_mm512_loadu_si512(b2.as_ptr().cast()), from);
        let b3 = _mm512_shuffle_epi8(_mm512_loadu_si512(b3.as_ptr().cast()), from);
        let (low, low_too) = (_mm512_unpacklo_epi32(b0, b1), _mm512_unpacklo_epi32(b2, b3));
        let (high, high_too) = (_mm512_unpackhi_epi32(b0, b1), _mm512_unpackhi_epi32(b2, b3));
        [
            _mm512_unpacklo_epi64(low, low_too),
            _mm512_unpackhi_epi64(low, low_too),
            _mm512_unpacklo_epi64(high, high_too),
            _mm512_unpackhi_epi64(high, high_too),
        ]
    }
}

/// Quarter q of register r changes places with quarter r of register q.
#[inline(always)]
unsafe fn turn_quarters([r0, r1, r2, r3]: [__m512i; 4]) -> [Words512; 4] {
    // SAFETY: the caller has the instructions.
    unsafe {
        let (low, low_too) = (_mm512_shuffle_i32x4::<0x44>(r0, r1), _mm512_shuffle_i32x4::<0x44>(r2, r3));
        let (high, high_too) = (_mm512_shuffle_i32x4::<0xee>(r0, r1), _mm512_shuffle_i32x4::<0xee>(r2, r3));
        [
            Words512(_mm512_shuffle_i32x4::<0x88>(low, low_too)),
            Words512(_mm512_shuffle_i32x4::<0xdd>(low, low_too)),
            Words512(_mm512_shuffle_i32x4::<0x88>(high, high_too)),
            Words512(_mm512_shuffle_i32x4::<0xdd>(high, high_too)),
        ]
    }
}
