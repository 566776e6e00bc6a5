//! The compression of one stream of blocks (GB/T 32905-2016, clause 5.3).
//!
//! The rounds hang on each other and go through the words of the machine. The expansion of a block does not hang on
//! the block before, so that of eight blocks is done side by side, in a form a compiler turns into vectors.

#![allow(clippy::cast_possible_truncation, reason = "the numbers of rounds are small")]
#![allow(clippy::many_single_char_names, reason = "the names of the standard")]
#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]

use super::BLOCK_BYTES;
use super::State;

/// Blocks that are expanded side by side.
const ABREAST: usize = 8;

/// The constants T_j, each already turned by j (clause 4.2).
pub(super) const ROUND: [u32; 64] = {
    let mut constants = [0; 64];
    let mut j = 0;
    while j < 64 {
        let base: u32 = if j < 16 { 0x79cc_4519 } else { 0x7a87_9d8a };
        constants[j] = base.rotate_left(j as u32 % 32);
        j += 1;
    }
    constants
};

/// Takes `blocks` into `state`, one after the other.
pub(super) fn compress(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) {
    #[cfg(target_arch = "x86_64")]
    if super::x86::compress(state, blocks) {
        return;
    }
    compress_inline(state, blocks);
}

/// The same, to be compiled into functions with more instructions.
#[inline(always)]
fn compress_inline(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) {
    for block in compress_batches::<Plain>(state, blocks) {
        let mut expanded = Expanded::<1>::new();
        expanded.fill(std::array::from_ref(block));
        rounds::<Plain, 1>(state, &expanded, 0);
    }
}

/// Takes as many `blocks` into `state` as are expanded side by side, and gives the rest.
#[inline(always)]
pub(super) fn compress_batches<'blocks, R: Rounds>(
    state: &mut State,
    blocks: &'blocks [[u8; BLOCK_BYTES]],
) -> &'blocks [[u8; BLOCK_BYTES]] {
    let (batches, rest) = blocks.as_chunks::<ABREAST>();
    if !batches.is_empty() {
        let mut expanded = Expanded::<ABREAST>::new();
        for blocks in batches {
            expanded.fill(blocks);
            for lane in 0..ABREAST {
                rounds::<R, ABREAST>(state, &expanded, lane);
            }
        }
    }
    rest
}

/// The words W_j and W'_j of several blocks (clause 5.3.2).
#[repr(C)]
pub(super) struct Expanded<const COUNT: usize> {
    pub(super) words: [[u32; COUNT]; 68],
    pub(super) sums: [[u32; COUNT]; 64],
}

impl<const COUNT: usize> Expanded<COUNT> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { words: [[0; COUNT]; 68], sums: [[0; COUNT]; 64] }
    }

    #[inline(always)]
    fn fill(&mut self, blocks: &[[u8; BLOCK_BYTES]; COUNT]) {
        let words = &mut self.words;
        for (lane, block) in blocks.iter().enumerate() {
            for (words, bytes) in words.iter_mut().zip(block.as_chunks().0) {
                words[lane] = u32::from_be_bytes(*bytes);
            }
        }
        for j in 16..68 {
            let mut next = [0; COUNT];
            for (lane, next) in next.iter_mut().enumerate() {
                let mixed = words[j - 16][lane] ^ words[j - 9][lane] ^ words[j - 3][lane].rotate_left(15);
                let mixed = mixed ^ mixed.rotate_left(15) ^ mixed.rotate_left(23);
                *next = mixed ^ words[j - 13][lane].rotate_left(7) ^ words[j - 6][lane];
            }
            words[j] = next;
        }
        for j in 0..64 {
            for (lane, sum) in self.sums[j].iter_mut().enumerate() {
                *sum = words[j][lane] ^ words[j + 4][lane];
            }
        }
    }
}

/// How four rounds are computed, from the round `first` up, after which every word is in its place again.
pub(super) trait Rounds {
    /// With the functions FF and GG of the first sixteen.
    fn early<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize);

    /// With those of the others.
    fn late<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize);
}

/// The sixty-four rounds (clause 5.3.3) over W_j and W'_j.
#[inline(always)]
pub(super) fn rounds<R: Rounds, const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, lane: usize) {
    let mut turned = *state;
    for four in 0..4 {
        R::early(&mut turned, expanded, 4 * four, lane);
    }
    for four in 4..16 {
        R::late(&mut turned, expanded, 4 * four, lane);
    }
    for (word, mixed) in state.iter_mut().zip(turned) {
        *word ^= mixed;
    }
}

/// For every processor.
struct Plain;

impl Rounds for Plain {
    #[inline(always)]
    fn early<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize) {
        four_rounds::<true, COUNT>(state, expanded, first, lane);
    }

    #[inline(always)]
    fn late<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize) {
        four_rounds::<false, COUNT>(state, expanded, first, lane);
    }
}

#[inline(always)]
fn four_rounds<const EARLY: bool, const COUNT: usize>(
    state: &mut State,
    expanded: &Expanded<COUNT>,
    j: usize,
    lane: usize,
) {
    let [a, b, c, d, e, f, g, h] = state;
    let (words, sums) = (&expanded.words, &expanded.sums);
    round::<EARLY>((*a, b, *c, d), (*e, f, *g, h), ROUND[j], words[j][lane], sums[j][lane]);
    round::<EARLY>((*d, a, *b, c), (*h, e, *f, g), ROUND[j + 1], words[j + 1][lane], sums[j + 1][lane]);
    round::<EARLY>((*c, d, *a, b), (*g, h, *e, f), ROUND[j + 2], words[j + 2][lane], sums[j + 2][lane]);
    round::<EARLY>((*b, c, *d, a), (*f, g, *h, e), ROUND[j + 3], words[j + 3][lane], sums[j + 3][lane]);
}

/// A round without moving words: D becomes the new A, H the new E.
#[inline(always)]
fn round<const EARLY: bool>(
    (a, b, c, d): (u32, &mut u32, u32, &mut u32),
    (e, f, g, h): (u32, &mut u32, u32, &mut u32),
    constant: u32,
    word: u32,
    sum: u32,
) {
    let turned = a.rotate_left(12);
    let ss1 = turned.wrapping_add(constant).wrapping_add(e).rotate_left(7);
    let (ff, gg) = if EARLY {
        (a ^ *b ^ c, e ^ *f ^ g)
    } else {
        // The terms have no bit in common, so they may be added.
        ((a & *b).wrapping_add((a ^ *b) & c), (e & *f).wrapping_add(!e & g))
    };
    *d = ff.wrapping_add(*d).wrapping_add(sum).wrapping_add(ss1 ^ turned);
    let tt2 = gg.wrapping_add(*h).wrapping_add(word).wrapping_add(ss1);
    *h = tt2 ^ tt2.rotate_left(9) ^ tt2.rotate_left(17);
    *b = b.rotate_left(9);
    *f = f.rotate_left(19);
}

#[cfg(test)]
mod tests {
    use super::BLOCK_BYTES;
    use super::compress;
    use super::compress_inline;
    use crate::domain::sm::sm3::INITIAL;

    /// A million blocks in a release build, alone and side by side.
    #[test]
    fn the_way_of_this_processor_is_that_of_every_one() {
        let rows = if cfg!(debug_assertions) { 40 } else { 50_000 };
        let (mut here, mut plain) = (INITIAL, INITIAL);
        let mut blocks = [[0; BLOCK_BYTES]; 40];
        for row in 0..rows {
            // What comes out goes in again.
            for (word, bytes) in here.iter().zip(blocks[row % 40].as_chunks_mut().0.iter_mut().skip(row % 9)) {
                *bytes = word.wrapping_mul(0x9e37_79b1).to_le_bytes();
            }
            compress(&mut here, &blocks[..=row % 40]);
            compress_inline(&mut plain, &blocks[..=row % 40]);
            assert_eq!(here, plain, "{row}");
        }
    }
}
