//! The modes that keep a message secret but do not authenticate it: ECB, CBC and CTR (GB/T 17964-2021).
//!
//! CBC needs an initial vector that nobody can foretell, CTR a counter that never comes again under the key. Who uses
//! one of them authenticates the message in another way, or does not trust what comes out.

#![allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]

use super::BLOCK_BYTES;
use super::Block;
use super::Key;
use super::schedule::Schedule;
use super::wipe;
use crate::domain::sm::Wrong;
use subtle::ConstantTimeEq;
use subtle::ConstantTimeGreater;
use zeroize::Zeroize;

/// Blocks of key stream made at a time: two batches of the widest way.
pub(super) const STREAM_BLOCKS: usize = 128;

/// Encrypts whole blocks, each alone.
///
/// # Errors
/// When `data` does not end with a block.
pub fn ecb_encrypt(key: &Key, data: &mut [u8]) -> Result<(), Wrong> {
    key.encrypt.apply(whole_blocks(data)?);
    Ok(())
}

/// Decrypts whole blocks, each alone.
///
/// # Errors
/// When `data` does not end with a block.
pub fn ecb_decrypt(key: &Key, data: &mut [u8]) -> Result<(), Wrong> {
    key.decrypt.apply(whole_blocks(data)?);
    Ok(())
}

/// Encrypts whole blocks, chained.
///
/// # Errors
/// When `data` does not end with a block.
pub fn cbc_encrypt(key: &Key, iv: &Block, data: &mut [u8]) -> Result<(), Wrong> {
    key.encrypt.chain(&mut { *iv }, whole_blocks(data)?);
    Ok(())
}

/// Decrypts whole blocks, chained.
///
/// # Errors
/// When `data` does not end with a block.
pub fn cbc_decrypt(key: &Key, iv: &Block, data: &mut [u8]) -> Result<(), Wrong> {
    let mut before = *iv;
    let mut kept = [[0; BLOCK_BYTES]; STREAM_BLOCKS];
    for blocks in whole_blocks(data)?.chunks_mut(STREAM_BLOCKS) {
        let kept = &mut kept[..blocks.len()];
        kept.copy_from_slice(blocks);
        key.decrypt.apply(blocks);
        for (block, kept) in blocks.iter_mut().zip(kept) {
            add(block, &before);
            before = *kept;
        }
    }
    Ok(())
}

/// CBC of `plain` with the padding of PKCS #7: 1 to 16 bytes, each of which tells how many they are.
///
/// # Panics
/// Never: the padding is made to fit.
pub fn cbc_seal(key: &Key, iv: &Block, plain: &[u8]) -> Vec<u8> {
    let padding = BLOCK_BYTES - plain.len() % BLOCK_BYTES;
    let byte = u8::try_from(padding).expect("a block is shorter than 256 bytes");
    let mut data = Vec::with_capacity(plain.len() + padding);
    data.extend_from_slice(plain);
    data.resize(plain.len() + padding, byte);
    cbc_encrypt(key, iv, &mut data).expect("the padding ends with a block");
    data
}

/// What [`cbc_seal`] has sealed. The padding is looked at in a time that does not depend on it; that a result or an
/// error comes out tells it all the same, so authenticate `sealed` before.
///
/// # Errors
/// When `sealed` is empty or does not end with a block, and when the padding is wrong.
pub fn cbc_open(key: &Key, iv: &Block, sealed: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut data = sealed.to_vec();
    cbc_decrypt(key, iv, &mut data)?;
    let padding = data.last_chunk().and_then(padding_of);
    let Some(padding) = padding else {
        data.zeroize();
        return Err(Wrong);
    };
    data.truncate(data.len() - padding);
    Ok(data)
}

/// Adds the key stream that starts at `counter`, a number of 128 bits that goes up by one for each block and returns
/// to zero. It encrypts and decrypts.
pub fn ctr(key: &Key, counter: &Block, data: &mut [u8]) {
    add_stream(&key.encrypt, counter, data);
}

/// [`ctr`] with what is needed of the key.
pub(super) fn add_stream(schedule: &Schedule, counter: &Block, data: &mut [u8]) {
    let mut counter = u128::from_be_bytes(*counter);
    let mut stream = [[0; BLOCK_BYTES]; STREAM_BLOCKS];
    for data in data.chunks_mut(STREAM_BLOCKS * BLOCK_BYTES) {
        let stream = &mut stream[..data.len().div_ceil(BLOCK_BYTES)];
        let (high, low) = ((counter >> 64) as u64, counter as u64);
        for (block, behind) in stream.iter_mut().zip(0..) {
            // Without a chain of carries from block to block.
            let (low, carry) = low.overflowing_add(behind);
            let high = high.wrapping_add(u64::from(carry));
            *block = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        }
        counter = counter.wrapping_add(stream.len() as u128);
        schedule.apply(stream);
        add_bytes(data, stream);
    }
    wipe(&mut stream);
}

/// Adds as many bytes of `stream` as `data` has.
pub(super) fn add_bytes(data: &mut [u8], stream: &[Block]) {
    for (byte, key) in data.iter_mut().zip(stream.as_flattened()) {
        *byte ^= key;
    }
}

/// How many bytes of padding the last block ends with, if they are as they should be.
fn padding_of(last: &Block) -> Option<usize> {
    let count = last[BLOCK_BYTES - 1];
    let mut right = !count.ct_eq(&0) & !count.ct_gt(&16);
    for (behind, byte) in (0u8..).zip(last.iter().rev()) {
        right &= !count.ct_gt(&behind) | byte.ct_eq(&count);
    }
    bool::from(right).then_some(usize::from(count))
}

fn whole_blocks(data: &mut [u8]) -> Result<&mut [Block], Wrong> {
    let (blocks, rest) = data.as_chunks_mut();
    if rest.is_empty() { Ok(blocks) } else { Err(Wrong) }
}

pub(super) fn add(block: &mut Block, other: &Block) {
    *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(*other)).to_ne_bytes();
}
