//! The national algorithms against the vectors of the standards, of Wycheproof and of Botan.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod noise;
mod standards;
mod vectors;
mod ways;
