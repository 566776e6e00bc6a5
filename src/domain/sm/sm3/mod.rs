//! SM3, the hash of GB/T 32905-2016 (GM/T 0004-2012): one message in pieces, or many messages at once.
//!
//! It deliberately holds no key; HMAC is `mac`, the derivation of keys is `kdf`. A state that has hashed something
//! secret is wiped when it is dropped.

#![allow(clippy::cast_possible_truncation, reason = "what is cut has been divided by a block, or counts up to 2³²")]

#[cfg(target_arch = "x86_64")]
mod assembly;
mod lanes;
mod stream;
#[cfg(target_arch = "x86_64")]
mod x86;

use lanes::Task;
use zeroize::Zeroize;

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 64;

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;

/// The chaining value: eight words.
pub(crate) type State = [u32; 8];

/// The initial value (clause 4.1).
pub(crate) const INITIAL: State =
    [0x7380_166f, 0x4914_b2b9, 0x1724_42d7, 0xda8a_0600, 0xa96f_30bc, 0x1631_38aa, 0xe38d_ee4d, 0xb0fb_0e4e];

/// A message that is being hashed, given in pieces of any length.
#[derive(Clone)]
pub struct Sm3 {
    state: State,
    /// What has come after the last whole block; the first `length % 64` bytes count.
    rest: [u8; BLOCK_BYTES],
    /// Bytes so far. The standard ends at 2⁶⁴ bits; 2⁶¹ bytes are out of reach.
    length: u64,
}

impl Sm3 {
    /// An empty message.
    pub fn new() -> Self {
        Self { state: INITIAL, rest: [0; BLOCK_BYTES], length: 0 }
    }

    /// Adds `bytes`, which are read where they lie.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let held = self.held();
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if held > 0 {
            let taken = bytes.len().min(BLOCK_BYTES - held);
            let (head, tail) = bytes.split_at(taken);
            self.rest[held..held + taken].copy_from_slice(head);
            if held + taken < BLOCK_BYTES {
                return;
            }
            stream::compress(&mut self.state, &[self.rest]);
            bytes = tail;
        }
        let (blocks, tail) = bytes.as_chunks();
        stream::compress(&mut self.state, blocks);
        self.rest[..tail.len()].copy_from_slice(tail);
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; DIGEST_BYTES] {
        let (blocks, count) = last_blocks(&self.rest[..self.held()], self.length);
        stream::compress(&mut self.state, &blocks[..count]);
        bytes_of(&self.state)
    }

    fn held(&self) -> usize {
        (self.length % BLOCK_BYTES as u64) as usize
    }
}

impl Default for Sm3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sm3 {
    fn drop(&mut self) {
        // At once, and not a byte at a time: codes and key derivation drop many of these.
        self.state.fill(0);
        self.rest.fill(0);
        zeroize::optimization_barrier(self);
    }
}

/// SM3 of the concatenation of `parts`, which is never built.
pub fn digest_parts(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut message = Sm3::new();
    for part in parts {
        message.update(part);
    }
    message.finish()
}

/// Ways of hashing many messages at once, from the slowest to the fastest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[doc(hidden)]
pub enum Way {
    /// Four messages in words of the machine.
    Portable,
    /// Eight messages.
    Avx2,
    /// Sixteen messages.
    Avx512,
}

impl Way {
    /// All ways, from the slowest.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

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

/// SM3 of each of `messages`, of any lengths, into the place of the same index.
///
/// # Panics
/// When there are not as many places as messages.
pub fn digest_many(messages: &[&[u8]], digests: &mut [[u8; DIGEST_BYTES]]) {
    digest_many_with(Way::best(), messages, digests);
}

/// The same in one way, for tests and measurements.
///
/// # Panics
/// When there are not as many places as messages, and when this processor lacks `way`.
#[doc(hidden)]
pub fn digest_many_with(way: Way, messages: &[&[u8]], digests: &mut [[u8; DIGEST_BYTES]]) {
    assert!(way.is_here(), "a way of this processor");
    assert_eq!(messages.len(), digests.len(), "one place for each message");
    side_by_side(way, &INITIAL, |index| Task::of(messages[index]), digests);
}

/// SM3 of what `start` has hashed and a counter behind it, four bytes, from `first` up.
pub(super) fn digest_counters(start: &Sm3, first: u32, digests: &mut [[u8; DIGEST_BYTES]]) {
    let held = start.held();
    let length = start.length.wrapping_add(4);
    let mut ending = [0; BLOCK_BYTES + 4];
    ending[..held].copy_from_slice(&start.rest[..held]);
    let task = |index: usize| {
        let counter = first.wrapping_add(index as u32);
        ending[held..held + 4].copy_from_slice(&counter.to_be_bytes());
        Task::ending(&ending[..held + 4], length)
    };
    side_by_side(Way::best(), &start.state, task, digests);
    ending.zeroize();
}

fn side_by_side<'message>(
    way: Way,
    start: &State,
    task: impl FnMut(usize) -> Task<'message>,
    digests: &mut [[u8; DIGEST_BYTES]],
) {
    match way {
        #[cfg(target_arch = "x86_64")]
        Way::Avx512 => lanes::digests::<16>(start, task, digests, x86::compress_sixteen),
        #[cfg(target_arch = "x86_64")]
        Way::Avx2 => lanes::digests::<8>(start, task, digests, x86::compress_eight),
        _ => lanes::digests::<4>(start, task, digests, lanes::compress_four),
    }
}

/// Takes whole `blocks` into `state`: for records whose length is a secret (`domain::tlcp`), where the padding must be
/// laid and the last state be picked without a branch. Everybody else takes [`Sm3`].
pub(crate) fn compress(state: &mut State, blocks: &[[u8; BLOCK_BYTES]]) {
    stream::compress(state, blocks);
}

/// The padding of clause 5.2 after `rest`, the last bytes of a message of `length` bytes: one block or two, for which
/// `rest` is at most 119 bytes long.
fn last_blocks(rest: &[u8], length: u64) -> ([[u8; BLOCK_BYTES]; 2], usize) {
    let mut blocks = [[0; BLOCK_BYTES]; 2];
    let bytes = blocks.as_flattened_mut();
    bytes[..rest.len()].copy_from_slice(rest);
    bytes[rest.len()] = 0x80;
    let count = (rest.len() + 8) / BLOCK_BYTES + 1;
    blocks[count - 1][BLOCK_BYTES - 8..].copy_from_slice(&length.wrapping_mul(8).to_be_bytes());
    (blocks, count)
}

fn bytes_of(state: &State) -> [u8; DIGEST_BYTES] {
    let mut bytes = [0; DIGEST_BYTES];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    bytes
}
