//! SM4, the block cipher of GB/T 32907-2016 (GM/T 0002-2012), and its modes of operation.
//!
//! ECB, CBC and CTR follow GB/T 17964-2021, GCM NIST SP 800-38D, CCM NIST SP 800-38C; for TLS RFC 8998 uses the last
//! two. The module deliberately makes no nonce and no initial vector: they are arguments, and that none comes twice
//! under one key is the caller's duty.
//!
//! No way of computing looks into a table at a place that depends on a secret, or branches on one.

mod ccm;
mod field;
mod gcm;
mod ghash;
mod modes;
mod portable;

pub use ccm::Ccm;
pub use gcm::Gcm;
pub use gcm::TAG_BYTES;
pub use modes::cbc_decrypt;
pub use modes::cbc_encrypt;
pub use modes::cbc_open;
pub use modes::cbc_seal;
pub use modes::ctr;
pub use modes::ecb_decrypt;
pub use modes::ecb_encrypt;

use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 16;

type Block = [u8; BLOCK_BYTES];

/// Added to the key (clause 7.3, FK).
const FAMILY: [u32; 4] = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];

/// A key, made ready for both directions. Wiped when dropped.
#[derive(Clone)]
pub struct Key {
    encrypt: portable::Schedule,
    decrypt: portable::Schedule,
}

impl Key {
    /// Expands `key`.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mut keys = round_keys(key);
        let encrypt = portable::Schedule::new(&keys);
        keys.reverse();
        Self { encrypt, decrypt: portable::Schedule::new(&keys) }
    }

    fn encrypt_blocks(&self, blocks: &mut [Block]) {
        self.encrypt.apply(blocks);
    }

    fn encrypt_block(&self, block: &mut Block) {
        self.encrypt.apply(std::slice::from_mut(block));
    }

    fn decrypt_blocks(&self, blocks: &mut [Block]) {
        self.decrypt.apply(blocks);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(…)")
    }
}

/// The thirty-two round keys (clause 7.3).
fn round_keys(key: &[u8; KEY_BYTES]) -> Zeroizing<[u32; 32]> {
    let mut words = Zeroizing::new([0; 4]);
    for ((word, bytes), family) in words.iter_mut().zip(key.as_chunks().0).zip(FAMILY) {
        *word = u32::from_be_bytes(*bytes) ^ family;
    }
    let mut keys = Zeroizing::new([0; 32]);
    for (round, key) in keys.iter_mut().enumerate() {
        // The constant CK of the round: its bytes, from the first, are 7·(4·round + j) modulo 256.
        let constant = u32::from_be_bytes([0, 1, 2, 3].map(|byte| (7 * (4 * round + byte) % 256) as u8));
        let [first, .., last] = [words[0], words[1], words[2], words[3]];
        let substituted = portable::substitute(words[1] ^ words[2] ^ last ^ constant);
        *key = first ^ substituted ^ substituted.rotate_left(13) ^ substituted.rotate_left(23);
        words.rotate_left(1);
        words[3] = *key;
    }
    keys
}
