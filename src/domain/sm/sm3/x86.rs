//! SM3 with the instructions of x86-64: turns that keep their argument for one stream (BMI2), and vectors for many
//! messages.

#![allow(unsafe_code, reason = "vector instructions; each block says why it is sound")]

use super::BLOCK_BYTES;
use super::State;
use super::Way;
use super::lanes;
use super::lanes::States;
use super::lanes::Words;
use super::stream;
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
    if here {
        // SAFETY: the instructions have just been found.
        unsafe { compress_bmi2(state, blocks) };
    }
    here
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn compress_bmi2(state: &mut State, blocks: &[Bytes]) {
    stream::compress_inline(state, blocks);
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
