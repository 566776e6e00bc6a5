//! Random cases that can be had again: SM3 of a seed and a counter.

use jingyue::domain::sm::sm3;

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
        Self { seed: seed.into_bytes(), count: 0, rest: Vec::new() }
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

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(u64::from_le_bytes(self.array()) % end as u64).unwrap()
    }
}
