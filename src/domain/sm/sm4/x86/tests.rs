//! The rounds for GFNI, computed on every processor.

use super::Way;
use super::here;
use super::kernel;
use super::kernel::Rounds;
use super::vectors;
use super::vectors::Wide;
use crate::domain::sm::sm4::BLOCK_BYTES;
use crate::domain::sm::sm4::field;
use crate::domain::sm::sm4::portable;
use crate::domain::sm::sm4::schedule::round_keys;
use zeroize::Zeroizing;

/// GFNI as Intel's manual describes it (SDM volume 2, GF2P8AFFINEINVQB), in words of the machine: the rounds for
/// GFNI are computed on processors that lack it.
#[derive(Clone, Copy)]
struct Model([u8; 16]);

/// Row i of the matrix is byte 7 − i.
fn affine(byte: u8, matrix: i64) -> u8 {
    let rows = matrix.to_be_bytes();
    (0..8).map(|bit| u8::from((rows[bit] & byte).count_ones() % 2 == 1) << bit).sum()
}

fn inverse(byte: u8) -> u8 {
    (0..=255).find(|other| field::product(field::Field::Aes, byte, *other) == 1).unwrap_or(0)
}

fn pairs(left: Model, right: Model, start: usize) -> Model {
    Model(std::array::from_fn(|at| if at % 2 == 0 { left.0[start + at / 2] } else { right.0[start + at / 2] }))
}

impl Wide for Model {
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller gives sixteen bytes.
        Self(unsafe { from.cast::<[u8; 16]>().read_unaligned() })
    }
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller gives sixteen bytes.
        unsafe { to.cast::<[u8; 16]>().write_unaligned(self.0) }
    }
    unsafe fn spread(word: u32) -> Self {
        Self(std::array::from_fn(|at| word.to_le_bytes()[at % 4]))
    }
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] ^ other.0[at]))
    }
    unsafe fn add_two(self, one: Self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] ^ one.0[at] ^ other.0[at]))
    }
    unsafe fn interleave_low(self, other: Self) -> Self {
        pairs(self, other, 0)
    }
    unsafe fn interleave_high(self, other: Self) -> Self {
        pairs(self, other, 8)
    }
    unsafe fn enter(self) -> Self {
        Self(self.0.map(|byte| affine(byte, vectors::rows(vectors::GFNI.enter))))
    }
    unsafe fn leave(self) -> Self {
        Self(self.0.map(|byte| affine(byte, vectors::rows(vectors::GFNI.leave))))
    }
    unsafe fn substitute(self, _key: Self) -> (Self, Self) {
        let map = |matrix| Self(self.0.map(|byte| affine(inverse(byte), vectors::rows(matrix))));
        (map(vectors::GFNI.g), map(vectors::GFNI.d))
    }
    unsafe fn join(self, next: Self, key: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] ^ next.0[at] ^ key.0[at]))
    }
}

fn keys() -> Zeroizing<[u32; 32]> {
    round_keys(&[0x5a; 16], portable::substitute)
}

#[test]
fn the_rounds_for_gfni_are_right_without_gfni() {
    if !here(Way::Aesni) {
        return;
    }
    // Two batches abreast, one, and one that is not full.
    let mut blocks = [[0; BLOCK_BYTES]; 16 * 3 + 5];
    for (at, byte) in blocks.as_flattened_mut().iter_mut().enumerate() {
        *byte = u8::try_from(at * 29 % 256).unwrap();
    }
    let mut expected = blocks;
    portable::Schedule::new(&keys()).apply(&mut expected);
    // SAFETY: the model needs no instructions, and the processor has those of AES-NI, which are not reached.
    unsafe { kernel::apply::<Model, vectors::Aesni128, 16, true>(&Rounds::gfni(&keys()), &mut blocks) };
    assert_eq!(blocks, expected);
}
