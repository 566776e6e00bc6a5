//! The compression of one stream of blocks (GB/T 32905-2016, clause 5.3), in words of the machine.

use super::BLOCK_BYTES;
use super::State;

/// The constants T_j, each already rotated by j (clause 4.2).
const ROUND: [u32; 64] = {
    let mut constants = [0; 64];
    let mut j = 0;
    while j < 64 {
        let base: u32 = if j < 16 { 0x79cc_4519 } else { 0x7a87_9d8a };
        constants[j] = base.rotate_left(j as u32 % 32);
        j += 1;
    }
    constants
};

/// The permutation P0.
#[inline(always)]
fn p0(x: u32) -> u32 {
    x ^ x.rotate_left(9) ^ x.rotate_left(17)
}

/// The permutation P1.
#[inline(always)]
fn p1(x: u32) -> u32 {
    x ^ x.rotate_left(15) ^ x.rotate_left(23)
}

/// Takes `blocks` into `state`, one after the other.
pub(super) fn compress(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) {
    for block in blocks {
        let mut words = [0; 68];
        for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for j in 16..68 {
            let mixed = p1(words[j - 16] ^ words[j - 9] ^ words[j - 3].rotate_left(15));
            words[j] = mixed ^ words[j - 13].rotate_left(7) ^ words[j - 6];
        }
        rounds(state, &words);
    }
}

#[inline(always)]
fn rounds(state: &mut State, words: &[u32; 68]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for j in 0..64 {
        let turned = a.rotate_left(12);
        let ss1 = turned.wrapping_add(e).wrapping_add(ROUND[j]).rotate_left(7);
        let (ff, gg) = if j < 16 { (a ^ b ^ c, e ^ f ^ g) } else { ((a & b) | (c & (a | b)), g ^ (e & (f ^ g))) };
        let tt1 = ff.wrapping_add(d).wrapping_add(ss1 ^ turned).wrapping_add(words[j] ^ words[j + 4]);
        let tt2 = gg.wrapping_add(h).wrapping_add(ss1).wrapping_add(words[j]);
        (d, c, b, a) = (c, b.rotate_left(9), a, tt1);
        (h, g, f, e) = (g, f.rotate_left(19), e, p0(tt2));
    }
    for (word, mixed) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word ^= mixed;
    }
}
