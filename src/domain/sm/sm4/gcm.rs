//! GCM, counter mode with authentication (NIST SP 800-38D; for TLS RFC 8998).
//!
//! A nonce that comes twice under one key gives the hash key away. Tags are whole, 16 bytes.

use super::BLOCK_BYTES;
use super::Block;
use super::KEY_BYTES;
use super::Key;
use super::Way;
use super::ghash::HashKey;
use super::ghash::Product;
use super::modes;
use crate::domain::sm::Wrong;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// The longest message in bytes: 2³⁹ − 256 bits (clause 5.2.1.1).
const DATA_BYTES_MAX: u64 = (1 << 36) - 32;

/// A key for GCM. Wiped when dropped.
#[derive(Clone)]
pub struct Gcm {
    key: Key,
    hash: HashKey,
}

impl Gcm {
    /// Expands `key` for the fastest ways of this processor.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let here = Self::with_ways(key, Way::best(), Product::best());
        here.expect("the best ways are chosen among those the processor has")
    }

    /// Expands `key` for one way of computing, for tests and measurements; nothing when this processor lacks it.
    #[doc(hidden)]
    pub fn with_ways(key: &[u8; KEY_BYTES], way: Way, product: Product) -> Option<Self> {
        let key = Key::with_way(key, way)?;
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        key.encrypt_block(&mut block);
        Some(Self { hash: HashKey::new(product, &block)?, key })
    }

    /// Encrypts `data` where it lies and gives the tag of it and of `aad`. The nonce has 12 bytes for all who can
    /// choose; any other length but zero works too.
    ///
    /// # Panics
    /// When the nonce, which is the caller's own, is empty, and when `data` is longer than 2³⁶ − 32 bytes.
    pub fn seal(&self, nonce: &[u8], aad: &[u8], data: &mut [u8]) -> [u8; TAG_BYTES] {
        let first = self.first_counter(nonce, data.len()).expect("a nonce, and a message within the limit of GCM");
        self.add_stream(&first, data);
        self.tag(&first, aad, data)
    }

    /// Decrypts `data` where it lies if `tag` is right for it and for `aad`; else `data` is left as it was.
    ///
    /// # Errors
    /// When the tag is wrong, when the nonce is empty, and when `data` is longer than 2³⁶ − 32 bytes.
    pub fn open(&self, nonce: &[u8], aad: &[u8], data: &mut [u8], tag: &[u8; TAG_BYTES]) -> Result<(), Wrong> {
        let first = self.first_counter(nonce, data.len())?;
        if !bool::from(self.tag(&first, aad, data).ct_eq(tag)) {
            return Err(Wrong);
        }
        self.add_stream(&first, data);
        Ok(())
    }

    /// The counter block J₀ (clause 7.1, step 2).
    fn first_counter(&self, nonce: &[u8], data_bytes: usize) -> Result<Block, Wrong> {
        if nonce.is_empty() || data_bytes as u64 > DATA_BYTES_MAX {
            return Err(Wrong);
        }
        if nonce.len() == 12 {
            let mut block = [0; BLOCK_BYTES];
            block[..12].copy_from_slice(nonce);
            block[15] = 1;
            return Ok(block);
        }
        let mut hash = self.hash.start();
        hash.update_padded(nonce);
        Ok(hash.finish(0, nonce.len()))
    }

    /// Counter mode from the block after `first`; only the last 32 bits count (clause 6.5, inc₃₂).
    fn add_stream(&self, first: &Block, data: &mut [u8]) {
        let (fixed, count) = first.split_at(12);
        let count = u32::from_be_bytes([count[0], count[1], count[2], count[3]]).wrapping_add(1);
        let at = |count: u32| {
            let mut block = [0; BLOCK_BYTES];
            block[..12].copy_from_slice(fixed);
            block[12..].copy_from_slice(&count.to_be_bytes());
            block
        };
        // Up to the turn of the 32 bits, and from it.
        let left = (u64::from(u32::MAX - count) + 1) * BLOCK_BYTES as u64;
        let (before, after) = data.split_at_mut(usize::try_from(left).map_or(data.len(), |left| left.min(data.len())));
        modes::ctr(&self.key, &at(count), before);
        modes::ctr(&self.key, &at(0), after);
    }

    fn tag(&self, first: &Block, aad: &[u8], sealed: &[u8]) -> [u8; TAG_BYTES] {
        let mut hash = self.hash.start();
        hash.update_padded(aad);
        hash.update_padded(sealed);
        let mut tag = hash.finish(aad.len(), sealed.len());
        let mut mask = *first;
        self.key.encrypt_block(&mut mask);
        modes::add(&mut tag, &mask);
        tag
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gcm(…)")
    }
}
