//! GCM, counter mode with authentication (NIST SP 800-38D; for TLS RFC 8998).
//!
//! A nonce that comes twice under one key gives the hash key away. Tags are whole, 16 bytes.

#![allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]

use super::BLOCK_BYTES;
use super::Block;
use super::KEY_BYTES;
use super::Way;
use super::ghash::HashKey;
use super::ghash::Product;
use super::modes;
use super::modes::STREAM_BLOCKS;
use super::schedule::Direction;
use super::schedule::Schedule;
use super::wipe;
use crate::domain::sm::Wrong;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// The longest message in bytes: 2³⁹ − 256 bits (clause 5.2.1.1).
const DATA_BYTES_MAX: u64 = (1 << 36) - 32;

type Stream = [Block; STREAM_BLOCKS];

/// A counter block: what stays, and the 32 bits that count.
struct Counter {
    fixed: u128,
    count: u32,
}

/// A key for GCM. Wiped when dropped.
#[derive(Clone)]
pub struct Gcm {
    schedule: Schedule,
    hash: HashKey,
}

impl Gcm {
    /// Expands `key` for the fastest ways of this processor.
    ///
    /// # Panics
    /// Never: the ways are chosen among those the processor has.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let here = Self::with_ways(key, Way::best(), Product::best());
        here.expect("the best ways are chosen among those the processor has")
    }

    /// Expands `key` for one way of computing, for tests and measurements; nothing when this processor lacks it.
    #[doc(hidden)]
    pub fn with_ways(key: &[u8; KEY_BYTES], way: Way, product: Product) -> Option<Self> {
        let schedule = Schedule::new(way, key, Direction::Encrypt)?;
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        schedule.apply(std::slice::from_mut(&mut *block));
        Some(Self { hash: HashKey::new(product, &block)?, schedule })
    }

    /// Encrypts `data` where it lies and gives the tag of it and of `aad`. The nonce has 12 bytes for all who can
    /// choose; any other length but zero works too.
    ///
    /// # Panics
    /// When the nonce, which is the caller's own, is empty, and when `data` is longer than 2³⁶ − 32 bytes.
    pub fn seal(&self, nonce: &[u8], aad: &[u8], data: &mut [u8]) -> [u8; TAG_BYTES] {
        let counter = self.first_counter(nonce, data.len()).expect("a nonce, and a message within the limit of GCM");
        let mut hash = self.hash.start();
        hash.update_padded(aad);
        let mut stream = [[0; BLOCK_BYTES]; STREAM_BLOCKS];
        let mask = self.begin(&counter, data.len(), &mut stream);
        self.add_stream(&counter, &mut stream, data);
        hash.update_padded(data);
        let mut tag = hash.finish(aad.len(), data.len());
        modes::add(&mut tag, &mask);
        tag
    }

    /// Decrypts `data` where it lies if `tag` is right for it and for `aad`; else `data` is left as it was.
    ///
    /// # Errors
    /// When the tag is wrong, when the nonce is empty, and when `data` is longer than 2³⁶ − 32 bytes.
    pub fn open(&self, nonce: &[u8], aad: &[u8], data: &mut [u8], tag: &[u8; TAG_BYTES]) -> Result<(), Wrong> {
        let counter = self.first_counter(nonce, data.len())?;
        let mut hash = self.hash.start();
        hash.update_padded(aad);
        hash.update_padded(data);
        let mut computed = hash.finish(aad.len(), data.len());
        let mut stream = [[0; BLOCK_BYTES]; STREAM_BLOCKS];
        let mask = self.begin(&counter, data.len(), &mut stream);
        modes::add(&mut computed, &mask);
        if !bool::from(computed.ct_eq(tag)) {
            wipe(&mut stream);
            return Err(Wrong);
        }
        self.add_stream(&counter, &mut stream, data);
        Ok(())
    }

    /// The counter block J₀ (clause 7.1, step 2).
    fn first_counter(&self, nonce: &[u8], data_bytes: usize) -> Result<Counter, Wrong> {
        if nonce.is_empty() || data_bytes as u64 > DATA_BYTES_MAX {
            return Err(Wrong);
        }
        let mut block = [0; BLOCK_BYTES];
        if nonce.len() == 12 {
            block[..12].copy_from_slice(nonce);
            block[15] = 1;
        } else {
            let mut hash = self.hash.start();
            hash.update_padded(nonce);
            block = hash.finish(0, nonce.len());
        }
        let [.., fourth, third, second, first] = block;
        let count = u32::from_be_bytes([fourth, third, second, first]);
        Ok(Counter { fixed: u128::from_be_bytes(block) ^ u128::from(count), count })
    }

    /// The first piece of the key stream, its first block the mask of the tag. The message's share follows it.
    fn begin(&self, counter: &Counter, data_bytes: usize, stream: &mut Stream) -> Zeroizing<Block> {
        let blocks = (1 + data_bytes.div_ceil(BLOCK_BYTES)).min(STREAM_BLOCKS);
        self.fill(counter, 0, &mut stream[..blocks]);
        Zeroizing::new(stream[0])
    }

    /// Adds the first piece of the key stream, then the others. `stream` is wiped.
    fn add_stream(&self, counter: &Counter, stream: &mut Stream, data: &mut [u8]) {
        let (head, rest) = data.split_at_mut(data.len().min((STREAM_BLOCKS - 1) * BLOCK_BYTES));
        modes::add_bytes(head, &stream[1..]);
        let mut behind = STREAM_BLOCKS;
        for data in rest.chunks_mut(STREAM_BLOCKS * BLOCK_BYTES) {
            let stream = &mut stream[..data.len().div_ceil(BLOCK_BYTES)];
            self.fill(counter, behind, stream);
            modes::add_bytes(data, stream);
            behind += STREAM_BLOCKS;
        }
        wipe(stream);
    }

    /// The key stream from `behind` blocks after the counter; only the last 32 bits count (clause 6.2, inc₃₂).
    fn fill(&self, counter: &Counter, behind: usize, stream: &mut [Block]) {
        // A message has fewer than 2³² blocks, and what is cut off would turn around in the sum as well.
        let mut count = counter.count.wrapping_add((behind & 0xffff_ffff) as u32);
        for block in stream.iter_mut() {
            *block = (counter.fixed | u128::from(count)).to_be_bytes();
            count = count.wrapping_add(1);
        }
        self.schedule.apply(stream);
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gcm(…)")
    }
}
