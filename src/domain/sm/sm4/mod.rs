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
mod schedule;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use ccm::Ccm;
pub use gcm::Gcm;
pub use gcm::TAG_BYTES;
#[doc(hidden)]
pub use ghash::Product;
pub use modes::cbc_decrypt;
pub use modes::cbc_encrypt;
pub use modes::cbc_open;
pub use modes::cbc_seal;
pub use modes::ctr;
pub use modes::ecb_decrypt;
pub use modes::ecb_encrypt;
#[doc(hidden)]
pub use schedule::Way;

use schedule::Schedule;
use std::fmt;

/// Bytes of a key.
pub const KEY_BYTES: usize = 16;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 16;

type Block = [u8; BLOCK_BYTES];

/// A key, made ready for both directions. Wiped when dropped.
#[derive(Clone)]
pub struct Key {
    encrypt: Schedule,
    decrypt: Schedule,
}

impl Key {
    /// Expands `key` for the fastest way of this processor.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self::with_way(key, Way::best()).expect("the best way is chosen among those the processor has")
    }

    /// Expands `key` for one way of computing, for tests and measurements; nothing when this processor lacks it.
    #[doc(hidden)]
    pub fn with_way(key: &[u8; KEY_BYTES], way: Way) -> Option<Self> {
        let (encrypt, decrypt) = Schedule::both(way, key)?;
        Some(Self { encrypt, decrypt })
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
