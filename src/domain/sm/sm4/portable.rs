//! SM4 by logic alone: sixteen blocks at a time, bit by bit, without a table and without a branch on data.
//!
//! Eight planes hold one word of each of sixteen blocks: plane k, bit 16·i + b is bit k of byte i (0 the least
//! significant) of the word of block b. The planes are in the basis of [`Field::Tower`], where the inverse takes few
//! gates; to turn a word by bytes is to turn a plane by sixteen bits.

#![allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
#![allow(clippy::inline_always, reason = "the planes are to stay in registers")]

use super::BLOCK_BYTES;
use super::Block;
use super::field;
use super::field::Basis;
use super::field::Field;
use super::field::Matrix;
use super::wipe;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

/// Blocks that are worked on together.
pub(super) const BATCH: usize = 16;

type Planes = [u64; 8];

const BASIS: Basis = Basis::plain(Field::Tower);
const ENTER: Matrix = field::transpose(BASIS.enter);
const LEAVE: Matrix = field::transpose(BASIS.leave);
const G: Matrix = field::transpose(BASIS.g);
const D: Matrix = field::transpose(BASIS.d);
const SUBSTITUTED: Matrix = field::transpose(BASIS.substituted);

/// Round keys as planes, each byte spread over the sixteen blocks.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Schedule {
    rounds: Box<[Planes; 32]>,
}

impl Schedule {
    /// From round keys in the order in which they are used.
    pub(super) fn new(keys: &[u32; 32]) -> Self {
        let mut rounds = Box::new([[0; 8]; 32]);
        for (round, (planes, key)) in rounds.iter_mut().zip(keys).enumerate() {
            // The constant c of the S-box, turned by L, is left out of every round. It stays away from a word for four
            // rounds and is back after four more, so it is wanting here as often as an odd group of words is read.
            let wanting = (1..4).filter(|word| (round + word) / 4 % 2 == 1).count() % 2 == 1;
            let constant = BASIS.offset ^ if wanting { BASIS.turned_offset } else { 0 };
            let bytes = key.to_le_bytes().map(|byte| field::apply(BASIS.enter, byte) ^ constant);
            for (bit, plane) in planes.iter_mut().enumerate() {
                for (index, byte) in bytes.iter().enumerate() {
                    *plane |= u64::from(0u16.wrapping_sub(u16::from(byte >> bit & 1))) << (16 * index);
                }
            }
        }
        Self { rounds }
    }

    /// Puts every block through the cipher.
    pub(super) fn apply(&self, blocks: &mut [Block]) {
        for batch in blocks.chunks_mut(BATCH) {
            if let Ok(batch) = <&mut [Block; BATCH]>::try_from(&mut *batch) {
                self.apply_batch(batch);
            } else {
                let mut whole = [[0; BLOCK_BYTES]; BATCH];
                whole[..batch.len()].copy_from_slice(batch);
                self.apply_batch(&mut whole);
                batch.copy_from_slice(&whole[..batch.len()]);
                wipe(&mut whole);
            }
        }
    }

    fn apply_batch(&self, blocks: &mut [Block; BATCH]) {
        let mut words: [Planes; 4] = [0, 1, 2, 3].map(|word| linear(ENTER, &gather(blocks, word)));
        for keys in self.rounds.as_chunks::<4>().0 {
            let [x0, x1, x2, x3] = &mut words;
            round(x0, x1, x2, x3, &keys[0]);
            round(x1, x2, x3, x0, &keys[1]);
            round(x2, x3, x0, x1, &keys[2]);
            round(x3, x0, x1, x2, &keys[3]);
        }
        // The cipher ends with the words in reverse.
        for (word, planes) in words.iter().rev().enumerate() {
            scatter(blocks, word, &linear(LEAVE, planes));
        }
    }
}

/// The S-box on the four bytes of `word`.
pub(super) fn substitute(word: u32) -> u32 {
    let mut planes = [0; 8];
    for (index, byte) in word.to_le_bytes().into_iter().enumerate() {
        for (bit, plane) in planes.iter_mut().enumerate() {
            *plane |= u64::from(byte >> bit & 1) << (16 * index);
        }
    }
    let mut entered = linear(ENTER, &planes);
    for (bit, plane) in entered.iter_mut().enumerate() {
        *plane ^= 0u64.wrapping_sub(u64::from(BASIS.offset >> bit & 1));
    }
    let left = linear(SUBSTITUTED, &invert(&entered));
    let byte = |index: usize| {
        let bits = left.iter().enumerate().map(|(bit, plane)| ((plane >> (16 * index) & 1) as u8) << bit);
        bits.sum::<u8>() ^ field::CONSTANT
    };
    u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
}

/// One round: `x0` becomes the new word.
#[inline(always)]
fn round(x0: &mut Planes, x1: &Planes, x2: &Planes, x3: &Planes, key: &Planes) {
    let mut sum = [0; 8];
    for bit in 0..8 {
        sum[bit] = x1[bit] ^ x2[bit] ^ x3[bit] ^ key[bit];
    }
    let inverse = invert(&sum);
    let (g, d) = (linear(G, &inverse), linear(D, &inverse));
    for bit in 0..8 {
        let near = g[bit] ^ d[bit].rotate_right(16);
        let half = near ^ near.rotate_right(32);
        x0[bit] ^= near ^ half ^ half.rotate_right(16);
    }
}

/// A map given by its rows.
#[inline(always)]
fn linear(rows: Matrix, planes: &Planes) -> Planes {
    let mut image = [0; 8];
    for (sum, row) in image.iter_mut().zip(rows) {
        for (bit, plane) in planes.iter().enumerate() {
            if row >> bit & 1 == 1 {
                *sum ^= plane;
            }
        }
    }
    image
}

/// The inverse in [`Field::Tower`]; zero stays zero. With x = a·Y + b and n = z³a² + ab + b² it is
/// (a·Y + a + b)·n⁻¹.
#[inline(always)]
fn invert(x: &Planes) -> Planes {
    let [b0, b1, b2, b3, a0, a1, a2, a3] = *x;
    let (a, b) = ([a0, a1, a2, a3], [b0, b1, b2, b3]);
    let ab = multiply(a, b);
    // Squares: (x0 + x2, x2, x1 + x3, x3); z³ times the square of a: (a2, a1 + a2 + a3, a1, a0 + a2 + a3)
    let square_b = [b0 ^ b2, b2, b1 ^ b3, b3];
    let square_a = times_cube([a0 ^ a2, a2, a1 ^ a3, a3]);
    let norm = [0, 1, 2, 3].map(|bit| ab[bit] ^ square_b[bit] ^ square_a[bit]);
    let turned = invert_nibble(norm);
    let [c0, c1, c2, c3] = multiply(a, turned);
    let [d0, d1, d2, d3] = multiply([a0 ^ b0, a1 ^ b1, a2 ^ b2, a3 ^ b3], turned);
    [d0, d1, d2, d3, c0, c1, c2, c3]
}

/// Times z³ in GF(2⁴).
#[inline(always)]
fn times_cube([x0, x1, x2, x3]: [u64; 4]) -> [u64; 4] {
    [x1, x1 ^ x2, x2 ^ x3, x0 ^ x3]
}

/// The product in GF(2⁴), z⁴ = z + 1, by halves (Karatsuba).
#[inline(always)]
fn multiply(x: [u64; 4], y: [u64; 4]) -> [u64; 4] {
    let pair = |x: [u64; 2], y: [u64; 2]| {
        let (low, high) = (x[0] & y[0], x[1] & y[1]);
        [low, (x[0] ^ x[1]) & (y[0] ^ y[1]) ^ low ^ high, high]
    };
    let low = pair([x[0], x[1]], [y[0], y[1]]);
    let high = pair([x[2], x[3]], [y[2], y[3]]);
    let both = pair([x[0] ^ x[2], x[1] ^ x[3]], [y[0] ^ y[2], y[1] ^ y[3]]);
    let middle = [0, 1, 2].map(|bit| both[bit] ^ low[bit] ^ high[bit]);
    // z⁴ = 1 + z, z⁵ = z + z², z⁶ = z² + z³
    let (z2, z3) = (low[2] ^ middle[0], middle[1]);
    let (z4, z5, z6) = (middle[2] ^ high[0], high[1], high[2]);
    [low[0] ^ z4, low[1] ^ z4 ^ z5, z2 ^ z5 ^ z6, z3 ^ z6]
}

/// The inverse in GF(2⁴), its bits as sums of products.
#[inline(always)]
fn invert_nibble([x0, x1, x2, x3]: [u64; 4]) -> [u64; 4] {
    let (x01, x02, x03, x12, x13, x23) = (x0 & x1, x0 & x2, x0 & x3, x1 & x2, x1 & x3, x2 & x3);
    let x123 = x12 & x3;
    [
        x0 ^ x1 ^ x2 ^ x3 ^ x02 ^ x12 ^ (x01 & x2) ^ x123,
        x3 ^ x01 ^ x02 ^ x12 ^ x13 ^ (x01 & x3),
        x2 ^ x3 ^ x01 ^ x02 ^ x03 ^ (x02 & x3),
        x1 ^ x2 ^ x3 ^ x03 ^ x13 ^ x23 ^ x123,
    ]
}

/// One word of each block as planes.
fn gather(blocks: &[Block; BATCH], word: usize) -> Planes {
    let read = |block: &Block| spread(u32::from_be_bytes(block.as_chunks().0[word]));
    let (near, far) = blocks.split_at(8);
    let mut bytes = [0; 8];
    for ((bytes, near), far) in bytes.iter_mut().zip(near).zip(far) {
        *bytes = read(near) | read(far) << 8;
    }
    turn(&mut bytes);
    bytes
}

/// The other way.
fn scatter(blocks: &mut [Block; BATCH], word: usize, planes: &Planes) {
    let mut bytes = *planes;
    turn(&mut bytes);
    let (near, far) = blocks.split_at_mut(8);
    for ((bytes, near), far) in bytes.iter().zip(near).zip(far) {
        near.as_chunks_mut().0[word] = collect(*bytes).to_be_bytes();
        far.as_chunks_mut().0[word] = collect(*bytes >> 8).to_be_bytes();
    }
}

/// Four bytes into every other byte, from the lowest.
#[inline(always)]
fn spread(word: u32) -> u64 {
    let halves = (u64::from(word) | u64::from(word) << 16) & 0x0000_ffff_0000_ffff;
    (halves | halves << 8) & 0x00ff_00ff_00ff_00ff
}

/// The other way.
#[inline(always)]
fn collect(bytes: u64) -> u32 {
    let apart = bytes & 0x00ff_00ff_00ff_00ff;
    let halves = (apart | apart >> 8) & 0x0000_ffff_0000_ffff;
    (halves | halves >> 16) as u32
}

/// Bit k of byte m of word j changes places with bit j of byte m of word k.
#[inline(always)]
fn turn(words: &mut [u64; 8]) {
    for (distance, mask) in [(1, 0x5555_5555_5555_5555_u64), (2, 0x3333_3333_3333_3333), (4, 0x0f0f_0f0f_0f0f_0f0f)] {
        for low in (0..8).filter(|low| low & distance == 0) {
            let high = low + distance;
            let swapped = (words[low] >> distance ^ words[high]) & mask;
            words[high] ^= swapped;
            words[low] ^= swapped << distance;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB/T 32907-2016, table of the S-box, first and last row.
    const FIRST: [u8; 16] =
        [0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05];

    #[test]
    fn substitutes_as_the_table_of_the_standard() {
        for (byte, expected) in (0u8..).zip(FIRST) {
            assert_eq!(substitute(u32::from_le_bytes([byte; 4])), u32::from_le_bytes([expected; 4]));
        }
    }

    #[test]
    fn planes_go_back_to_blocks() {
        let mut blocks = [[0; BLOCK_BYTES]; BATCH];
        for (index, byte) in blocks.as_flattened_mut().iter_mut().enumerate() {
            *byte = (index * 37 % 251) as u8;
        }
        let before = blocks;
        for word in 0..4 {
            let planes = gather(&blocks, word);
            scatter(&mut blocks, word, &planes);
        }
        assert_eq!(blocks, before);
    }
}
