//! SM3 of many messages side by side: each lane of a vector is a message of its own.
//!
//! A lane whose message ends takes the next one. When the messages run out and few lanes are still at work, the rest
//! goes through `stream`.

#![allow(clippy::many_single_char_names, reason = "the names of the standard")]
#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of its caller")]

use super::BLOCK_BYTES;
use super::DIGEST_BYTES;
use super::State;
use super::bytes_of;
use super::last_blocks;
use super::stream;
use super::stream::ROUND;
use zeroize::Zeroize;

type Bytes = [u8; BLOCK_BYTES];

/// The chaining values of all lanes, word by word.
pub(super) type States<const LANES: usize> = [[u32; LANES]; 8];

/// As long as more lanes than this are at work, a step of all of them is cheaper than one lane after the other.
const FEW: usize = 2;

/// What is left of a message from a block's start: whole blocks that lie in it, then one or two that end it.
pub(super) struct Task<'message> {
    whole: &'message [Bytes],
    last: [Bytes; 2],
    last_count: usize,
}

impl<'message> Task<'message> {
    /// A message of its own.
    pub(super) fn of(message: &'message [u8]) -> Self {
        let (whole, rest) = message.as_chunks();
        let mut task = Self::ending(rest, message.len() as u64);
        task.whole = whole;
        task
    }

    /// The last `rest`, at most 119 bytes, of a message of `length` bytes.
    pub(super) fn ending(rest: &[u8], length: u64) -> Self {
        let (last, last_count) = last_blocks(rest, length);
        Self { whole: &[], last, last_count }
    }

    fn finish(&self, mut state: State) -> State {
        stream::compress(&mut state, self.whole);
        stream::compress(&mut state, &self.last[..self.last_count]);
        state
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.last.as_flattened_mut().fill(0);
        zeroize::optimization_barrier(&self.last);
    }
}

/// A lane's message: what is left of it and where its digest goes.
struct Lane<'message> {
    task: Task<'message>,
    ended: usize,
    place: usize,
}

impl Lane<'_> {
    fn next(&self) -> &[Bytes] {
        if self.task.whole.is_empty() { &self.task.last[self.ended..self.task.last_count] } else { self.task.whole }
    }

    /// Whether the message is at its end after `count` more blocks of [`Lane::next`].
    fn ends_after(&mut self, count: usize) -> bool {
        if self.task.whole.is_empty() {
            self.ended += count;
            self.ended == self.task.last_count
        } else {
            self.task.whole = &self.task.whole[count..];
            false
        }
    }
}

/// The digest of each task, all of which go on from `start`. `compress` takes as many blocks as every lane has.
pub(super) fn digests<'message, const LANES: usize>(
    start: &State,
    mut task: impl FnMut(usize) -> Task<'message>,
    digests: &mut [[u8; DIGEST_BYTES]],
    compress: impl Fn(&mut States<LANES>, &[&[Bytes]; LANES]),
) {
    let count = digests.len();
    let mut states = [[0; LANES]; 8];
    let mut lanes: [Option<Lane<'message>>; LANES] = [const { None }; LANES];
    let mut next = 0;
    loop {
        for (index, lane) in lanes.iter_mut().enumerate() {
            if lane.is_none() && next < count {
                *lane = Some(Lane { task: task(next), ended: 0, place: next });
                next += 1;
                for (words, word) in states.iter_mut().zip(start) {
                    words[index] = *word;
                }
            }
        }
        let mut at_work = lanes.iter().flatten();
        let Some(first) = at_work.next() else { break };
        if at_work.count() < FEW {
            break;
        }
        // A lane without a message computes along with another one's blocks.
        let spare = first.next();
        let mut inputs = [spare; LANES];
        for (input, lane) in inputs.iter_mut().zip(&lanes) {
            *input = lane.as_ref().map_or(spare, Lane::next);
        }
        let steps = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        compress(&mut states, &inputs.map(|input| &input[..steps]));
        for (index, lane) in lanes.iter_mut().enumerate() {
            if let Some(place) = lane.as_mut().and_then(|lane| lane.ends_after(steps).then_some(lane.place)) {
                digests[place] = bytes_of(&states.map(|words| words[index]));
                *lane = None;
            }
        }
    }
    for (index, lane) in lanes.into_iter().enumerate() {
        if let Some(mut lane) = lane {
            lane.task.last.copy_within(lane.ended.., 0);
            lane.task.last_count -= lane.ended;
            digests[lane.place] = bytes_of(&lane.task.finish(states.map(|words| words[index])));
        }
    }
    states.zeroize();
}

/// Words of all lanes in one register, or a few.
///
/// The functions are inlined into one that has the instructions; each `unsafe` asks just that of its caller.
#[allow(unsafe_code, reason = "the vectors of `x86` fulfil it, which need instructions the caller vouches for")]
pub(super) trait Words<const LANES: usize>: Copy {
    unsafe fn load(words: &[u32; LANES]) -> Self;
    /// The sixteen words of a block of each lane, word by word.
    #[inline(always)]
    unsafe fn load_blocks(blocks: [&Bytes; LANES]) -> [Self; 16] {
        let mut words = [[0; LANES]; 16];
        for (lane, block) in blocks.into_iter().enumerate() {
            for (words, bytes) in words.iter_mut().zip(block.as_chunks().0) {
                words[lane] = u32::from_be_bytes(*bytes);
            }
        }
        // SAFETY: handed on to the caller.
        unsafe {
            let mut loaded = [Self::all(0); 16];
            for (word, lanes) in loaded.iter_mut().zip(&words) {
                *word = Self::load(lanes);
            }
            // At once, and not a byte at a time.
            words = [[0; LANES]; 16];
            zeroize::optimization_barrier(&words);
            loaded
        }
    }
    unsafe fn store(self, words: &mut [u32; LANES]);
    unsafe fn all(word: u32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn xor_two(self, one: Self, other: Self) -> Self;
    /// Bits of which two or three are set.
    unsafe fn majority(self, one: Self, other: Self) -> Self;
    /// `one` where this has a bit, else `other`.
    unsafe fn choose(self, one: Self, other: Self) -> Self;
    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(self) -> Self;
    /// By eight bits.
    unsafe fn turn_byte(self) -> Self;
}

/// Four words of the machine's own; a compiler may make a vector of them.
#[derive(Clone, Copy)]
pub(super) struct Plain([u32; 4]);

#[allow(unsafe_code, reason = "the trait asks for it; nothing here is unsafe")]
impl Words<4> for Plain {
    unsafe fn load(words: &[u32; 4]) -> Self {
        Self(*words)
    }

    unsafe fn store(self, words: &mut [u32; 4]) {
        *words = self.0;
    }

    unsafe fn all(word: u32) -> Self {
        Self([word; 4])
    }

    unsafe fn add(self, other: Self) -> Self {
        Self([0, 1, 2, 3].map(|lane| self.0[lane].wrapping_add(other.0[lane])))
    }

    unsafe fn xor(self, other: Self) -> Self {
        Self([0, 1, 2, 3].map(|lane| self.0[lane] ^ other.0[lane]))
    }

    unsafe fn xor_two(self, one: Self, other: Self) -> Self {
        Self([0, 1, 2, 3].map(|lane| self.0[lane] ^ one.0[lane] ^ other.0[lane]))
    }

    unsafe fn majority(self, one: Self, other: Self) -> Self {
        Self([0, 1, 2, 3].map(|lane| self.0[lane] & one.0[lane] | (self.0[lane] | one.0[lane]) & other.0[lane]))
    }

    unsafe fn choose(self, one: Self, other: Self) -> Self {
        Self([0, 1, 2, 3].map(|lane| self.0[lane] & (one.0[lane] ^ other.0[lane]) ^ other.0[lane]))
    }

    unsafe fn turn<const LEFT: i32, const RIGHT: i32>(self) -> Self {
        Self(self.0.map(|word| word.rotate_left(LEFT.cast_unsigned())))
    }

    unsafe fn turn_byte(self) -> Self {
        Self(self.0.map(|word| word.rotate_left(8)))
    }
}

/// [`compress`] in words of the machine.
#[allow(unsafe_code, reason = "`Plain` needs no instructions of its own")]
pub(super) fn compress_four(states: &mut States<4>, inputs: &[&[Bytes]; 4]) {
    // SAFETY: `Plain` needs no instructions of its own.
    unsafe { compress::<Plain, 4>(states, inputs) }
}

/// Takes a row of blocks for each lane, all of the same length, into the states.
///
/// # Safety
/// The processor has the instructions of `W`.
#[allow(unsafe_code, reason = "generic over vector instructions, which the caller vouches for")]
#[inline(always)]
pub(super) unsafe fn compress<W: Words<LANES>, const LANES: usize>(
    states: &mut States<LANES>,
    inputs: &[&[Bytes]; LANES],
) {
    for step in 0..inputs[0].len() {
        let mut blocks = [&inputs[0][step]; LANES];
        for (block, input) in blocks.iter_mut().zip(inputs) {
            *block = &input[step];
        }
        // SAFETY: handed on to the caller.
        unsafe { compress_block::<W, LANES>(states, W::load_blocks(blocks)) };
    }
}

#[allow(unsafe_code, reason = "generic over vector instructions, which the caller vouches for")]
#[inline(always)]
unsafe fn compress_block<W: Words<LANES>, const LANES: usize>(states: &mut States<LANES>, mut words: [W; 16]) {
    // SAFETY: handed on to the caller.
    unsafe {
        let mut before = [W::all(0); 8];
        for (word, lanes) in before.iter_mut().zip(&*states) {
            *word = W::load(lanes);
        }
        let mut state = before;
        sixteen_rounds::<W, LANES, true>(&mut state, &mut words, 0);
        sixteen_rounds::<W, LANES, false>(&mut state, &mut words, 16);
        sixteen_rounds::<W, LANES, false>(&mut state, &mut words, 32);
        sixteen_rounds::<W, LANES, false>(&mut state, &mut words, 48);
        for ((lanes, word), before) in states.iter_mut().zip(state).zip(before) {
            word.xor(before).store(lanes);
        }
    }
}

/// Sixteen rounds on a window of sixteen words. A word that has been used gives way to the one sixteen further on, so
/// that the word four further on is there when W'_j is made.
#[allow(unsafe_code, reason = "generic over vector instructions, which the caller vouches for")]
#[inline(always)]
unsafe fn sixteen_rounds<W: Words<LANES>, const LANES: usize, const EARLY: bool>(
    state: &mut [W; 8],
    words: &mut [W; 16],
    first: usize,
) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for j in 0..16 {
        // SAFETY: handed on to the caller.
        unsafe {
            let turned = a.turn::<12, 20>();
            let ss1 = turned.add(W::all(ROUND[first + j])).add(e).turn::<7, 25>();
            let (ff, gg) = if EARLY { (a.xor_two(b, c), e.xor_two(f, g)) } else { (a.majority(b, c), e.choose(f, g)) };
            let sum = words[j].xor(words[(j + 4) % 16]);
            let next_a = ff.add(d).add(sum).add(ss1.xor(turned));
            let tt2 = gg.add(h).add(words[j]).add(ss1);
            // x + x«9 + x«17 = x + (x + x«8)«9, and the same with 15 for the words
            let next_e = tt2.xor(tt2.xor(tt2.turn_byte()).turn::<9, 23>());
            if first + j < 52 {
                let mixed = words[j].xor_two(words[(j + 7) % 16], words[(j + 13) % 16].turn::<15, 17>());
                let mixed = mixed.xor(mixed.xor(mixed.turn_byte()).turn::<15, 17>());
                words[j] = mixed.xor_two(words[(j + 3) % 16].turn::<7, 25>(), words[(j + 10) % 16]);
            }
            (d, c, b, a) = (c, b.turn::<9, 23>(), a, next_a);
            (h, g, f, e) = (g, f.turn::<19, 13>(), e, next_e);
        }
    }
    *state = [a, b, c, d, e, f, g, h];
}
