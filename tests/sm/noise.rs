//! Random cases that can be had again: SM3 of a seed and a counter.

use jingyue::domain::sm::sm3;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

pub(crate) struct Noise {
    seed: Vec<u8>,
    count: u64,
    rest: Vec<u8>,
}

impl Noise {
    /// The seed is `SM_SEED` of the environment, else `name`; it is printed, and shown when the test fails.
    pub(crate) fn new(name: &str) -> Self {
        let seed = std::env::var("SM_SEED").unwrap_or_else(|_| name.to_owned());
        println!("SM_SEED={seed}");
        Self::of(&seed)
    }

    fn of(seed: &str) -> Self {
        Self { seed: seed.as_bytes().to_vec(), count: 0, rest: Vec::new() }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.rest.len() < length {
            let block = sm3::digest_parts(&[&self.seed, &self.count.to_le_bytes()]);
            self.rest.extend_from_slice(&block);
            self.count += 1;
        }
        let kept = self.rest.len() - length;
        self.rest.split_off(kept)
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        self.bytes(LENGTH).try_into().unwrap()
    }

    /// One of `all`.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(u64::from_le_bytes(self.array()) % end as u64).unwrap()
    }
}

/// Cases of one piece of work, all from one noise.
const PIECE: usize = 250;

/// Runs `one` `count` times on all processors. Which cases these are depends on the seed alone (see [`Noise::new`]) and
/// not on the number of processors: each piece has a noise of its own.
pub(crate) fn spread(count: usize, name: &str, one: impl Fn(&mut Noise) + Sync) {
    let (begin, seed) = (Instant::now(), Noise::new(name).seed);
    let seed = String::from_utf8(seed).unwrap();
    let pieces = AtomicUsize::new(0);
    let work = || {
        loop {
            let piece = pieces.fetch_add(1, Ordering::Relaxed);
            let cases = PIECE.min(count.saturating_sub(piece * PIECE));
            let mut noise = Noise::of(&format!("{seed}/{name}/{piece}"));
            (0..cases).for_each(|_| one(&mut noise));
            if cases < PIECE {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(count.div_ceil(PIECE));
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            thread.join().unwrap();
        }
    });
    println!("{name}: {count} cases in {:.0} s", begin.elapsed().as_secs_f64());
}
