//! SM4 with the vector instructions of x86-64.
//!
//! The blocks of a batch are held byte by byte: a register holds byte i of one word of sixteen, thirty-two or sixty-four
//! blocks. To turn a word by bytes is then to name another register, and a round costs two small linear maps of each
//! byte (`field`). The inverse is that of AES: the last round of AES-NI, or GFNI, which does the maps as well.
//!
//! Round keys cost nothing or next to nothing. Word j is held with κ_j added to it, and the κ are chosen so that
//! κ_{i+1} + κ_{i+2} + κ_{i+3} is the round key of round i and the constant before the inverse. The sum of the three
//! words is then what the inverse wants, and ρ_i = κ_i + κ_{i+4} + L(c) is what is left to add after it: by the key of
//! AES's last round, or as a third operand. Only words 3, 32, 33 and 34 have to be corrected.

#![allow(unsafe_code, reason = "vector instructions; each block says why it is sound")]

mod kernel;
mod vectors;

use self::kernel::Rounds;
use self::vectors::Aesni128;
use self::vectors::Aesni256;
use self::vectors::Gfni128;
use self::vectors::Gfni256;
use self::vectors::Gfni512;
use self::vectors::Vaes256;
use super::Block;
use super::KEY_BYTES;
use super::schedule::Direction;
use super::schedule::Way;
use super::schedule::round_keys;
use zeroize::Zeroizing;

/// Round keys for one direction, and the way they are meant for.
#[derive(Clone)]
pub(super) struct Schedule {
    way: Way,
    rounds: Rounds,
}

/// Whether this processor has what `way` needs.
pub(super) fn here(way: Way) -> bool {
    let aes = is_x86_feature_detected!("aes") && is_x86_feature_detected!("ssse3");
    let avx2 = aes && is_x86_feature_detected!("avx2");
    let gfni = avx2 && is_x86_feature_detected!("gfni");
    match way {
        Way::Portable => true,
        Way::Aesni => aes,
        Way::AesniAvx2 => avx2,
        Way::VaesAvx2 => avx2 && is_x86_feature_detected!("vaes"),
        Way::GfniAvx2 => gfni,
        Way::GfniAvx512 => gfni && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
    }
}

impl Schedule {
    /// Nothing when `way` is not a way of this file or not here.
    pub(super) fn new(way: Way, key: &[u8; KEY_BYTES], direction: Direction) -> Option<Self> {
        if way == Way::Portable || !here(way) {
            return None;
        }
        let gfni = matches!(way, Way::GfniAvx2 | Way::GfniAvx512);
        // SAFETY: `here` has found the instructions.
        let mut keys = if gfni { unsafe { keys_gfni(key) } } else { unsafe { keys_aesni(key) } };
        direction.order(&mut keys);
        Some(Self { way, rounds: if gfni { Rounds::gfni(&keys) } else { Rounds::aes(&keys) } })
    }

    /// Puts every block through the cipher.
    #[inline]
    pub(super) fn apply(&self, blocks: &mut [Block]) {
        // SAFETY: a schedule is made by `new` only, after `here` has found the instructions of its way.
        unsafe {
            match self.way {
                Way::GfniAvx512 => apply_gfni_avx512(&self.rounds, blocks),
                Way::GfniAvx2 => apply_gfni_avx2(&self.rounds, blocks),
                Way::VaesAvx2 => apply_vaes_avx2(&self.rounds, blocks),
                Way::AesniAvx2 => apply_aesni_avx2(&self.rounds, blocks),
                Way::Aesni | Way::Portable => apply_aesni(&self.rounds, blocks),
            }
        }
    }

    /// CBC: adds what came out before to each block and puts it through the cipher; `before` is the last one in the end.
    pub(super) fn chain(&self, before: &mut Block, blocks: &mut [Block]) {
        // SAFETY: as in `apply`.
        unsafe {
            match self.way {
                Way::GfniAvx512 | Way::GfniAvx2 => chain_gfni(&self.rounds, before, blocks),
                Way::VaesAvx2 | Way::AesniAvx2 | Way::Aesni | Way::Portable => {
                    chain_aesni(&self.rounds, before, blocks);
                }
            }
        }
    }

    /// CBC-MAC: the same without keeping what comes out.
    pub(super) fn absorb(&self, sum: &mut Block, blocks: &[Block]) {
        // SAFETY: as in `apply`.
        unsafe {
            match self.way {
                Way::GfniAvx512 | Way::GfniAvx2 => absorb_gfni(&self.rounds, sum, blocks),
                Way::VaesAvx2 | Way::AesniAvx2 | Way::Aesni | Way::Portable => absorb_aesni(&self.rounds, sum, blocks),
            }
        }
    }
}

#[target_feature(enable = "aes,ssse3")]
fn keys_aesni(key: &[u8; KEY_BYTES]) -> Zeroizing<[u32; 32]> {
    // SAFETY: this function has the instructions.
    round_keys(key, |word| unsafe { kernel::substitute::<Aesni128>(word) })
}

#[target_feature(enable = "gfni,ssse3")]
fn keys_gfni(key: &[u8; KEY_BYTES]) -> Zeroizing<[u32; 32]> {
    // SAFETY: this function has the instructions.
    round_keys(key, |word| unsafe { kernel::substitute::<Gfni128>(word) })
}

#[target_feature(enable = "avx512f,avx512bw,avx2,gfni")]
fn apply_gfni_avx512(rounds: &Rounds, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::apply::<Gfni512, Gfni128, 64, true>(rounds, blocks) }
}

#[target_feature(enable = "avx2,gfni")]
fn apply_gfni_avx2(rounds: &Rounds, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::apply::<Gfni256, Gfni128, 32, false>(rounds, blocks) }
}

#[target_feature(enable = "avx2,aes,vaes")]
fn apply_vaes_avx2(rounds: &Rounds, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::apply::<Vaes256, Aesni128, 32, false>(rounds, blocks) }
}

#[target_feature(enable = "avx2,aes")]
fn apply_aesni_avx2(rounds: &Rounds, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::apply::<Aesni256, Aesni128, 32, false>(rounds, blocks) }
}

#[target_feature(enable = "ssse3,aes")]
fn apply_aesni(rounds: &Rounds, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::apply::<Aesni128, Aesni128, 16, false>(rounds, blocks) }
}

#[target_feature(enable = "avx2,gfni")]
fn chain_gfni(rounds: &Rounds, before: &mut Block, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::chain::<Gfni128>(rounds, before, blocks) }
}

#[target_feature(enable = "ssse3,aes")]
fn chain_aesni(rounds: &Rounds, before: &mut Block, blocks: &mut [Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::chain::<Aesni128>(rounds, before, blocks) }
}

#[target_feature(enable = "avx2,gfni")]
fn absorb_gfni(rounds: &Rounds, sum: &mut Block, blocks: &[Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::absorb::<Gfni128>(rounds, sum, blocks) }
}

#[target_feature(enable = "ssse3,aes")]
fn absorb_aesni(rounds: &Rounds, sum: &mut Block, blocks: &[Block]) {
    // SAFETY: this function has the instructions.
    unsafe { kernel::absorb::<Aesni128>(rounds, sum, blocks) }
}

#[cfg(test)]
mod tests;
