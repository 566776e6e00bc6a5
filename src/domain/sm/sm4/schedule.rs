//! The round keys of SM4, and the ways of computing with them.
//!
//! A way is chosen when a key is expanded, among those the processor has; nothing is asked again afterwards.

use super::Block;
use super::KEY_BYTES;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::x86;
use zeroize::Zeroizing;

/// Added to the key (GB/T 32907-2016, clause 7.3, FK).
const FAMILY: [u32; 4] = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];

/// Ways of computing SM4, from the slowest to the fastest. All are constant in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Logic alone, sixteen blocks at a time.
    Portable,
    /// AES-NI on 128 bits, sixteen blocks at a time.
    Aesni,
    /// AES-NI beside AVX2, thirty-two blocks at a time.
    AesniAvx2,
    /// AES on 256 bits (VAES), thirty-two blocks at a time.
    VaesAvx2,
    /// GFNI on 256 bits, thirty-two blocks at a time.
    GfniAvx2,
    /// GFNI on 512 bits, sixty-four blocks at a time.
    GfniAvx512,
}

impl Way {
    /// All ways, from the slowest.
    pub const ALL: [Self; 6] =
        [Self::Portable, Self::Aesni, Self::AesniAvx2, Self::VaesAvx2, Self::GfniAvx2, Self::GfniAvx512];

    /// The fastest way of this processor.
    pub fn best() -> Self {
        Self::here().last().unwrap_or(Self::Portable)
    }

    /// The ways of this processor, from the slowest.
    pub fn here() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|way| way.is_here())
    }

    #[cfg(target_arch = "x86_64")]
    fn is_here(self) -> bool {
        x86::here(self)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_here(self) -> bool {
        self == Self::Portable
    }
}

/// Round keys for one direction, laid out for one way.
#[derive(Clone)]
pub(super) enum Schedule {
    Portable(portable::Schedule),
    #[cfg(target_arch = "x86_64")]
    Vector(Box<x86::Schedule>),
}

impl Schedule {
    /// For encrypting and for decrypting; nothing when this processor lacks `way`.
    pub(super) fn both(way: Way, key: &[u8; KEY_BYTES]) -> Option<(Self, Self)> {
        if way == Way::Portable {
            let mut keys = round_keys(key, portable::substitute);
            let encrypt = portable::Schedule::new(&keys);
            keys.reverse();
            return Some((Self::Portable(encrypt), Self::Portable(portable::Schedule::new(&keys))));
        }
        #[cfg(target_arch = "x86_64")]
        return x86::schedules(way, key)
            .map(|(encrypt, decrypt)| (Self::Vector(Box::new(encrypt)), Self::Vector(Box::new(decrypt))));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Puts every block through the cipher.
    #[inline]
    pub(super) fn apply(&self, blocks: &mut [Block]) {
        match self {
            Self::Portable(schedule) => schedule.apply(blocks),
            #[cfg(target_arch = "x86_64")]
            Self::Vector(schedule) => schedule.apply(blocks),
        }
    }

    /// CBC: adds what came out before to each block and puts it through the cipher. `before` is the initial vector at
    /// first and the last block in the end.
    pub(super) fn chain(&self, before: &mut Block, blocks: &mut [Block]) {
        match self {
            Self::Portable(schedule) => {
                for block in blocks {
                    super::modes::add(block, before);
                    schedule.apply(std::slice::from_mut(block));
                    *before = *block;
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Vector(schedule) => schedule.chain(before, blocks),
        }
    }

    /// CBC-MAC: the same without keeping what comes out.
    pub(super) fn absorb(&self, sum: &mut Block, blocks: &[Block]) {
        match self {
            Self::Portable(schedule) => {
                for block in blocks {
                    super::modes::add(sum, block);
                    schedule.apply(std::slice::from_mut(sum));
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Vector(schedule) => schedule.absorb(sum, blocks),
        }
    }
}

/// The thirty-two round keys (GB/T 32907-2016, clause 7.3) with an S-box of the caller's.
#[inline(always)]
pub(super) fn round_keys(key: &[u8; KEY_BYTES], substitute: impl Fn(u32) -> u32) -> Zeroizing<[u32; 32]> {
    let mut words = Zeroizing::new([0; 4]);
    for ((word, bytes), family) in words.iter_mut().zip(key.as_chunks().0).zip(FAMILY) {
        *word = u32::from_be_bytes(*bytes) ^ family;
    }
    let mut keys = Zeroizing::new([0; 32]);
    for (round, key) in keys.iter_mut().enumerate() {
        // The constant CK of the round: its bytes, from the first, are 7·(4·round + j) modulo 256.
        let constant = u32::from_be_bytes([0, 1, 2, 3].map(|byte| (7 * (4 * round + byte) % 256) as u8));
        let [first, second, third, last] = *words;
        let substituted = substitute(second ^ third ^ last ^ constant);
        *key = first ^ substituted ^ substituted.rotate_left(13) ^ substituted.rotate_left(23);
        *words = [second, third, last, *key];
    }
    keys
}
