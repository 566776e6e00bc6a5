//! CCM, counter mode with a CBC-MAC (NIST SP 800-38C; for TLS RFC 8998).
//!
//! It runs twice over the message, one block after the other: who can choose takes GCM.

#![allow(clippy::cast_possible_truncation, reason = "lengths of tags and nonces are at most 16")]

use super::BLOCK_BYTES;
use super::Block;
use super::KEY_BYTES;
use super::Way;
use super::modes;
use super::schedule::Direction;
use super::schedule::Schedule;
use crate::domain::sm::Wrong;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A key for CCM with tags of one length. Wiped when dropped.
#[derive(Clone)]
pub struct Ccm {
    schedule: Schedule,
    tag_bytes: usize,
}

impl Ccm {
    /// Expands `key`.
    ///
    /// # Errors
    /// When a tag is not to have 4, 6, 8, 10, 12, 14 or 16 bytes.
    pub fn new(key: &[u8; KEY_BYTES], tag_bytes: usize) -> Result<Self, Wrong> {
        Self::with_way(key, tag_bytes, Way::best())
    }

    /// Expands `key` for one way of computing, for tests.
    ///
    /// # Errors
    /// As [`Ccm::new`], and when this processor lacks `way`.
    #[doc(hidden)]
    pub fn with_way(key: &[u8; KEY_BYTES], tag_bytes: usize, way: Way) -> Result<Self, Wrong> {
        if !(4..=16).contains(&tag_bytes) || tag_bytes % 2 == 1 {
            return Err(Wrong);
        }
        let schedule = Schedule::new(way, key, Direction::Encrypt).ok_or(Wrong)?;
        Ok(Self { schedule, tag_bytes })
    }

    /// Encrypts `data` where it lies and gives the tag of it and of `aad`; the tag's first bytes count, as many as were
    /// said to [`Ccm::new`]. The rest are zero.
    ///
    /// # Errors
    /// When the nonce has less than 7 or more than 13 bytes, and when `data` is too long for it: 15 bytes less those
    /// of the nonce write its length.
    pub fn seal(&self, nonce: &[u8], aad: &[u8], data: &mut [u8]) -> Result<[u8; BLOCK_BYTES], Wrong> {
        let first = first_counter(nonce, data.len())?;
        let mut tag = self.tag(&first, aad, data);
        self.add_stream(&first, &mut tag, data);
        tag[self.tag_bytes..].fill(0);
        Ok(tag)
    }

    /// Decrypts `data` where it lies if `tag`, of the length that was said to [`Ccm::new`], is right for it and for
    /// `aad`; else `data` is wiped.
    ///
    /// # Errors
    /// When the tag is wrong, and when the nonce or `data` has a length that [`Ccm::seal`] refuses.
    pub fn open(&self, nonce: &[u8], aad: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), Wrong> {
        let first = first_counter(nonce, data.len()).inspect_err(|_| data.zeroize())?;
        let mut given = [0; BLOCK_BYTES];
        let whole = tag.len() == self.tag_bytes;
        if whole {
            given[..tag.len()].copy_from_slice(tag);
        }
        self.add_stream(&first, &mut given, data);
        let computed = self.tag(&first, aad, data);
        let right = computed[..self.tag_bytes].ct_eq(&given[..self.tag_bytes]);
        if !whole || !bool::from(right) {
            data.zeroize();
            return Err(Wrong);
        }
        Ok(())
    }

    /// Counter mode: block 0 for the tag, the others for the data (clauses 6.1 and 6.2).
    fn add_stream(&self, first: &Block, tag: &mut Block, data: &mut [u8]) {
        modes::add_stream(&self.schedule, first, tag);
        let next = u128::from_be_bytes(*first).wrapping_add(1).to_be_bytes();
        modes::add_stream(&self.schedule, &next, data);
    }

    /// The CBC-MAC of the formatted input (appendix A.2).
    fn tag(&self, first: &Block, aad: &[u8], data: &[u8]) -> Block {
        let length_bytes = usize::from(first[0]) + 1;
        let mut sum = *first;
        sum[0] |= ((self.tag_bytes - 2) / 2 * 8) as u8 | if aad.is_empty() { 0 } else { 0x40 };
        let length = (data.len() as u64).to_be_bytes();
        for (place, byte) in sum.iter_mut().rev().take(length_bytes).zip(length.iter().rev()) {
            *place = *byte;
        }
        self.schedule.apply(std::slice::from_mut(&mut sum));
        if !aad.is_empty() {
            self.add_additional(&mut sum, aad);
        }
        self.add_padded(&mut sum, data);
        sum
    }

    /// The additional data behind its length (appendix A.2.2).
    fn add_additional(&self, sum: &mut Block, aad: &[u8]) {
        let length = aad.len() as u64;
        let mut head = [0; BLOCK_BYTES];
        let written = if length < 0xff00 {
            head[..2].copy_from_slice(&length.to_be_bytes()[6..]);
            2
        } else if u32::try_from(length).is_ok() {
            head[..2].copy_from_slice(&[0xff, 0xfe]);
            head[2..6].copy_from_slice(&length.to_be_bytes()[4..]);
            6
        } else {
            head[..2].copy_from_slice(&[0xff, 0xff]);
            head[2..10].copy_from_slice(&length.to_be_bytes());
            10
        };
        let taken = aad.len().min(BLOCK_BYTES - written);
        head[written..written + taken].copy_from_slice(&aad[..taken]);
        self.add_padded(sum, &head);
        self.add_padded(sum, &aad[taken..]);
    }

    /// Takes `bytes`, filled up with zeros to a whole block, into the CBC-MAC.
    fn add_padded(&self, sum: &mut Block, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        self.schedule.absorb(sum, blocks);
        if !rest.is_empty() {
            let mut block = [0; BLOCK_BYTES];
            block[..rest.len()].copy_from_slice(rest);
            self.schedule.absorb(sum, &[block]);
        }
    }
}

impl fmt::Debug for Ccm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ccm(…)")
    }
}

/// The counter block 0: how many bytes write the length, less one; the nonce; a counter of zero (appendix A.3).
fn first_counter(nonce: &[u8], data_bytes: usize) -> Result<Block, Wrong> {
    if !(7..=13).contains(&nonce.len()) {
        return Err(Wrong);
    }
    let length_bytes = 15 - nonce.len();
    if length_bytes < 8 && data_bytes as u64 >> (8 * length_bytes) > 0 {
        return Err(Wrong);
    }
    let mut block = [0; BLOCK_BYTES];
    block[0] = (length_bytes - 1) as u8;
    block[1..=nonce.len()].copy_from_slice(nonce);
    Ok(block)
}
