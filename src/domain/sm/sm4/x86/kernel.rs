//! The rounds of SM4 over registers of any width, and over one block.
//!
//! Everything here is inlined into a function that has the instructions; each `unsafe` asks just that of its caller.
//! There are no closures: what is not inlined for sure would be compiled without the instructions.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]
#![allow(unsafe_code, reason = "generic over vector instructions, which the caller vouches for")]

use super::vectors::Narrow;
use super::vectors::Wide;
use crate::domain::sm::sm4::BLOCK_BYTES;
use crate::domain::sm::sm4::Block;
use crate::domain::sm::sm4::field;
use crate::domain::sm::sm4::field::Basis;
use crate::domain::sm::sm4::field::Matrix;
use crate::domain::sm::sm4::wipe;
use std::arch::x86_64::__m128i;
use std::arch::x86_64::_mm_loadu_si128;
use std::arch::x86_64::_mm_storeu_si128;
use std::arch::x86_64::_mm_xor_si128;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;
use zeroize::Zeroizing;

/// Round keys of one direction. A byte of a wide key stands four times, so that it is read as a word.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Rounds {
    wide: [[u32; 4]; 32],
    narrow: [u32; 32],
    /// κ_3.
    first: u32,
    /// κ_32, κ_33, κ_34.
    last: [u32; 3],
}

impl Rounds {
    /// For substitutions by GFNI, which give the inverse itself.
    pub(super) fn gfni(keys: &[u32; 32]) -> Self {
        let (mut rounds, left) = Self::start(&super::vectors::GFNI, keys);
        for (wide, left) in rounds.wide.iter_mut().zip(*left) {
            // A wide key is added to the first term of L, of which every byte goes into every other as well.
            let half = left ^ left.rotate_left(16);
            *wide = spread_bytes(left ^ half ^ half.rotate_left(8));
        }
        rounds.narrow = *left;
        rounds
    }

    /// For substitutions by AES's last round, which give the S-box of AES and add a key of their own: what L and the
    /// maps before it make the right sum.
    pub(super) fn aes(keys: &[u32; 32]) -> Self {
        let basis = &super::vectors::AES;
        let (mut rounds, mut left) = Self::start(basis, keys);
        map_words(basis.leave, &mut left);
        for word in left.iter_mut() {
            // L is a polynomial in the turn by one bit, and 32 of it are the identity: 31 of it are its inverse.
            for step in [1, 2, 4, 8, 16] {
                let before = *word;
                for by in [2, 10, 18, 24] {
                    *word ^= before.rotate_left(by * step % 32);
                }
            }
        }
        map_words(const { field::inverse(super::vectors::AES.substituted) }, &mut left);
        for ((wide, narrow), left) in rounds.wide.iter_mut().zip(&mut rounds.narrow).zip(*left) {
            *narrow = left ^ u32::from_ne_bytes([super::vectors::AES_CONSTANT; 4]);
            *wide = spread_bytes(*narrow);
        }
        rounds
    }

    /// The κ that are kept, and the ρ.
    fn start(basis: &Basis, keys: &[u32; 32]) -> (Self, Zeroizing<[u32; 32]>) {
        let offset = u32::from_ne_bytes([basis.offset; 4]);
        let turned_offset = u32::from_ne_bytes([basis.turned_offset; 4]);
        let mut keys = Zeroizing::new(*keys);
        map_words(basis.enter, &mut keys);
        let mut added = Zeroizing::new([0u32; 36]);
        for (round, key) in keys.iter().enumerate() {
            added[round + 3] = key ^ offset ^ added[round + 1] ^ added[round + 2];
        }
        for (round, left) in keys.iter_mut().enumerate() {
            *left = added[round] ^ added[round + 4] ^ turned_offset;
        }
        let last = [added[32], added[33], added[34]];
        (Self { wide: [[0; 4]; 32], narrow: [0; 32], first: added[3], last }, keys)
    }
}

/// Each byte of a word four times.
fn spread_bytes(word: u32) -> [u32; 4] {
    word.to_le_bytes().map(|byte| u32::from_ne_bytes([byte; 4]))
}

/// A map of each byte of the words, in a time that does not depend on them.
fn map_words(matrix: Matrix, words: &mut [u32; 32]) {
    let mut sums = [0; 32];
    for (bit, column) in matrix.into_iter().enumerate() {
        for (sum, word) in sums.iter_mut().zip(&*words) {
            // Ones in the bytes that have the bit, then all bits of those bytes.
            let ones = *word >> bit & 0x0101_0101;
            *sum ^= (ones << 8).wrapping_sub(ones) & u32::from_ne_bytes([column; 4]);
        }
    }
    *words = sums;
    sums.zeroize();
}

/// Puts blocks through the cipher in batches of `BLOCKS`, two at a time if `PAIRS` says so: one has work while the other
/// waits. What is left over fills up a batch, or goes alone if it is one.
///
/// # Safety
/// The processor has the instructions of `W` and `N`.
#[inline(always)]
pub(super) unsafe fn apply<W: Wide, N: Narrow, const BLOCKS: usize, const PAIRS: bool>(
    rounds: &Rounds,
    blocks: &mut [Block],
) {
    // SAFETY: handed on to the caller.
    unsafe {
        let (batches, rest) = blocks.as_chunks_mut::<BLOCKS>();
        let pairs = if PAIRS { batches.len() / 2 } else { 0 };
        let (pairs, batches) = batches.split_at_mut(2 * pairs);
        for [one, other] in pairs.as_chunks_mut::<2>().0 {
            let (mut x, mut y) = (load_batch::<W, BLOCKS>(rounds, one), load_batch::<W, BLOCKS>(rounds, other));
            rounds_of_two(rounds, &mut x, &mut y);
            store_batch(rounds, x, one);
            store_batch(rounds, y, other);
        }
        for blocks in batches {
            batch::<W, BLOCKS>(rounds, blocks);
        }
        if let [block] = rest {
            one::<N>(rounds, block);
        } else if !rest.is_empty() {
            let mut blocks = [[0; BLOCK_BYTES]; BLOCKS];
            blocks[..rest.len()].copy_from_slice(rest);
            batch::<W, BLOCKS>(rounds, &mut blocks);
            rest.copy_from_slice(&blocks[..rest.len()]);
            wipe(&mut blocks);
        }
    }
}

/// An array of sixteen values, written out: the compiler leaves a loop over this many registers a loop, and keeps them
/// in memory, which costs a quarter of the time.
macro_rules! sixteen {
    ($index:ident => $value:expr) => {
        sixteen!($index => $value; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($index:ident => $value:expr; $($number:literal)*) => {
        [$({
            const $index: usize = $number;
            $value
        }),*]
    };
}

/// The words of a batch, each as four registers of bytes, the least significant first.
type Words<W> = [[W; 4]; 4];

/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn batch<W: Wide, const BLOCKS: usize>(rounds: &Rounds, blocks: &mut [Block; BLOCKS]) {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut x = load_batch::<W, BLOCKS>(rounds, blocks);
        for keys in rounds.wide.as_chunks::<4>().0 {
            let [x0, x1, x2, x3] = &mut x;
            round(x0, x1, x2, x3, keys[0]);
            round(x1, x2, x3, x0, keys[1]);
            round(x2, x3, x0, x1, keys[2]);
            round(x3, x0, x1, x2, keys[3]);
        }
        store_batch(rounds, x, blocks);
    }
}

/// The rounds of two batches, in turn.
///
/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn rounds_of_two<W: Wide>(rounds: &Rounds, x: &mut Words<W>, y: &mut Words<W>) {
    // SAFETY: handed on to the caller.
    unsafe {
        for keys in rounds.wide.as_chunks::<4>().0 {
            let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (&mut *x, &mut *y);
            round(x0, x1, x2, x3, keys[0]);
            round(y0, y1, y2, y3, keys[0]);
            round(x1, x2, x3, x0, keys[1]);
            round(y1, y2, y3, y0, keys[1]);
            round(x2, x3, x0, x1, keys[2]);
            round(y2, y3, y0, y1, keys[2]);
            round(x3, x0, x1, x2, keys[3]);
            round(y3, y0, y1, y2, keys[3]);
        }
    }
}

/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn load_batch<W: Wide, const BLOCKS: usize>(rounds: &Rounds, blocks: &[Block; BLOCKS]) -> Words<W> {
    // SAFETY: a register holds `BLOCKS` bytes, and there are sixteen of them; the instructions are the caller's.
    unsafe {
        const { assert!(BLOCKS == size_of::<W>()) };
        let start = blocks.as_ptr().cast::<u8>();
        enter(rounds, turn(sixteen!(INDEX => W::load(start.add(INDEX * BLOCKS)))))
    }
}

/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn store_batch<W: Wide, const BLOCKS: usize>(rounds: &Rounds, x: Words<W>, blocks: &mut [Block; BLOCKS]) {
    // SAFETY: as for `load_batch`.
    unsafe {
        const { assert!(BLOCKS == size_of::<W>()) };
        let start = blocks.as_mut_ptr().cast::<u8>();
        let turned = turn(leave(rounds, x));
        sixteen!(INDEX => turned[INDEX].store(start.add(INDEX * BLOCKS)));
    }
}

/// From the bytes of blocks to the words the rounds want: word w of a block begins with its most significant byte.
///
/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn enter<W: Wide>(rounds: &Rounds, bytes: [W; 16]) -> Words<W> {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut x = [[W::spread(0); 4]; 4];
        for (word, x) in x.iter_mut().enumerate() {
            for (byte, x) in x.iter_mut().enumerate() {
                *x = bytes[4 * word + 3 - byte].enter();
            }
        }
        add_word(&mut x[3], rounds.first);
        x
    }
}

/// Back to bytes: the cipher ends with the words in reverse.
///
/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn leave<W: Wide>(rounds: &Rounds, mut x: Words<W>) -> [W; 16] {
    // SAFETY: handed on to the caller.
    unsafe {
        for (x, last) in x.iter_mut().zip(rounds.last) {
            add_word(x, last);
        }
        let mut bytes = [W::spread(0); 16];
        for (word, x) in x.iter().rev().enumerate() {
            for (byte, x) in x.iter().enumerate() {
                bytes[4 * word + 3 - byte] = x.leave();
            }
        }
        bytes
    }
}

/// One round: `x0` becomes the new word.
///
/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn round<W: Wide>(x0: &mut [W; 4], x1: &[W; 4], x2: &[W; 4], x3: &[W; 4], keys: [u32; 4]) {
    // SAFETY: handed on to the caller.
    unsafe {
        let keys = [W::spread(keys[0]), W::spread(keys[1]), W::spread(keys[2]), W::spread(keys[3])];
        let (g0, d0) = x1[0].add_two(x2[0], x3[0]).substitute(keys[0]);
        let (g1, d1) = x1[1].add_two(x2[1], x3[1]).substitute(keys[1]);
        let (g2, d2) = x1[2].add_two(x2[2], x3[2]).substitute(keys[2]);
        let (g3, d3) = x1[3].add_two(x2[3], x3[3]).substitute(keys[3]);
        let near = [g0.join(d1, keys[0]), g1.join(d2, keys[1]), g2.join(d3, keys[2]), g3.join(d0, keys[3])];
        let all = near[0].add_two(near[1], near[2]).add(near[3]);
        for (x, near) in x0.iter_mut().zip(near) {
            *x = x.add_two(near, all);
        }
    }
}

#[inline(always)]
unsafe fn add_word<W: Wide>(x: &mut [W; 4], word: u32) {
    for (x, byte) in x.iter_mut().zip(word.to_le_bytes()) {
        // SAFETY: handed on to the caller.
        *x = unsafe { x.add(W::spread(u32::from_ne_bytes([byte; 4]))) };
    }
}

/// Byte b of register r changes places with byte r of register b, in every sixteen bytes. Each of the four steps turns
/// the eight bits of (r, b) by one.
///
/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn turn<W: Wide>(registers: [W; 16]) -> [W; 16] {
    // SAFETY: handed on to the caller.
    unsafe { turn_step(turn_step(turn_step(turn_step(registers)))) }
}

/// # Safety
/// The processor has the instructions of `W`.
#[inline(always)]
unsafe fn turn_step<W: Wide>(before: [W; 16]) -> [W; 16] {
    // SAFETY: handed on to the caller.
    unsafe {
        sixteen!(INDEX => if INDEX.is_multiple_of(2) {
            before[INDEX / 2].interleave_low(before[INDEX / 2 + 8])
        } else {
            before[INDEX / 2].interleave_high(before[INDEX / 2 + 8])
        })
    }
}

/// The S-box on the four bytes of `word`.
///
/// # Safety
/// The processor has the instructions of `N`.
#[inline(always)]
pub(super) unsafe fn substitute<N: Narrow>(word: u32) -> u32 {
    // SAFETY: handed on to the caller.
    unsafe { N::word(word) }
}

/// CBC with one block at a time.
///
/// # Safety
/// The processor has the instructions of `N`.
#[inline(always)]
pub(super) unsafe fn chain<N: Narrow>(rounds: &Rounds, before: &mut Block, blocks: &mut [Block]) {
    // SAFETY: a block is sixteen bytes; the instructions are the caller's.
    unsafe {
        let mut sum = load(before);
        for block in blocks {
            sum = through::<N>(rounds, _mm_xor_si128(sum, load(block)));
            _mm_storeu_si128(block.as_mut_ptr().cast(), sum);
        }
        _mm_storeu_si128(before.as_mut_ptr().cast(), sum);
    }
}

/// CBC-MAC.
///
/// # Safety
/// The processor has the instructions of `N`.
#[inline(always)]
pub(super) unsafe fn absorb<N: Narrow>(rounds: &Rounds, before: &mut Block, blocks: &[Block]) {
    // SAFETY: a block is sixteen bytes; the instructions are the caller's.
    unsafe {
        let mut sum = load(before);
        for block in blocks {
            sum = through::<N>(rounds, _mm_xor_si128(sum, load(block)));
        }
        _mm_storeu_si128(before.as_mut_ptr().cast(), sum);
    }
}

#[inline(always)]
unsafe fn one<N: Narrow>(rounds: &Rounds, block: &mut Block) {
    // SAFETY: a block is sixteen bytes; the instructions are the caller's.
    unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), through::<N>(rounds, load(block))) }
}

#[inline(always)]
unsafe fn load(block: &Block) -> __m128i {
    // SAFETY: a block is sixteen bytes.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

/// One block. Each word stands in all four columns of a register: ShiftRows then moves nothing.
///
/// # Safety
/// The processor has the instructions of `N`.
#[inline(always)]
unsafe fn through<N: Narrow>(rounds: &Rounds, block: __m128i) -> __m128i {
    // SAFETY: handed on to the caller.
    unsafe {
        let [mut x0, mut x1, mut x2, mut x3] = N::enter_words(block);
        x3 = _mm_xor_si128(x3, N::spread(rounds.first));
        for keys in rounds.narrow.as_chunks::<4>().0 {
            x0 = N::round(x0, x3, _mm_xor_si128(x1, x2), keys[0]);
            x1 = N::round(x1, x0, _mm_xor_si128(x2, x3), keys[1]);
            x2 = N::round(x2, x1, _mm_xor_si128(x3, x0), keys[2]);
            x3 = N::round(x3, x2, _mm_xor_si128(x0, x1), keys[3]);
        }
        x0 = _mm_xor_si128(x0, N::spread(rounds.last[0]));
        x1 = _mm_xor_si128(x1, N::spread(rounds.last[1]));
        x2 = _mm_xor_si128(x2, N::spread(rounds.last[2]));
        N::leave_words([x3, x2, x1, x0])
    }
}
