//! Nonces that were used: a signed request is taken once.
//!
//! A request's time must lie within the clock window around now, so a nonce has to be remembered for two windows:
//! later its request is refused for its time. Two generations do that without a clean-up of single entries.
//! When the memory is full new requests are refused; nothing is forgotten early. The memory is one process's own.

use crate::edge::clock::Milliseconds;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Parts of the memory, so that workers seldom wait for one another.
const SHARDS: usize = 16;

/// The nonces of the last two windows.
#[derive(Debug)]
pub struct Nonces {
    shards: Vec<Mutex<Shard>>,
    /// Two keyed hashes make 128 bits that nobody outside can foresee.
    hashers: [RandomState; 2],
    generation_milliseconds: i64,
    shard_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    current: HashSet<u128>,
    previous: HashSet<u128>,
    began_at: Milliseconds,
}

/// What is known of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonce {
    /// No room to remember it.
    Full,
    New,
    Used,
}

impl Nonces {
    /// Remembers up to `nonces_max` nonces, each for at least two windows of `window_seconds`.
    pub fn new(window_seconds: u32, nonces_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashers: [RandomState::new(), RandomState::new()],
            generation_milliseconds: i64::from(window_seconds) * 2_000,
            shard_max: nonces_max.div_ceil(SHARDS),
        }
    }

    /// Takes a caller's nonce at `now`. Callers are told apart by their names: a place in a list may be another's after
    /// a reload, and a nonce stays used then too.
    pub fn take(&self, caller: &str, nonce: &[u8], now: Milliseconds) -> Nonce {
        let [high, low] = [0, 1].map(|number: usize| self.hashers[number].hash_one((caller, nonce)));
        let key = u128::from(high) << 64 | u128::from(low);
        let shard = &self.shards[usize::try_from(low % SHARDS as u64).unwrap_or_default()];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if now - shard.began_at >= self.generation_milliseconds {
            let idle = now - shard.began_at >= 2 * self.generation_milliseconds;
            let current = std::mem::take(&mut shard.current);
            shard.previous = if idle { HashSet::new() } else { current };
            shard.began_at = now;
        }
        if shard.current.contains(&key) || shard.previous.contains(&key) {
            return Nonce::Used;
        }
        if shard.current.len() + shard.previous.len() >= self.shard_max {
            return Nonce::Full;
        }
        shard.current.insert(key);
        Nonce::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_within_two_windows() {
        let nonces = Nonces::new(300, 1000);
        let start = 1_795_397_415_000;
        assert_eq!(nonces.take("x", b"a", start), Nonce::New);
        assert_eq!(nonces.take("x", b"a", start + 1), Nonce::Used);
        assert_eq!(nonces.take("y", b"a", start), Nonce::New, "each caller has its own");
        assert_eq!(nonces.take("x", b"a", start + 600_000), Nonce::Used, "the last moment its time would be taken");
        assert_eq!(nonces.take("x", b"a", start + 3_000_000), Nonce::New);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let nonces = Nonces::new(300, SHARDS);
        let taken: Vec<_> = (0u32..200).filter(|n| nonces.take("x", &n.to_be_bytes(), 1) == Nonce::New).collect();
        assert_eq!(taken.len(), SHARDS);
        assert!(taken.iter().all(|n| nonces.take("x", &n.to_be_bytes(), 2) == Nonce::Used));
        assert!((0u32..200).any(|n| nonces.take("x", &n.to_be_bytes(), 2) == Nonce::Full));
    }
}
