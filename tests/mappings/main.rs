//! The mapping files of this repository, and the engine on sets of its own: examples, arrivals, planted faults, damaged
//! messages, absence, codes and days.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod arrival;
mod damage;
mod equivalence;
#[path = "../few/mod.rs"]
mod few;
mod files;
mod shapes;
mod sums;
mod support;
mod tiny;
