//! The whole gateway between the two pretend cities, over real sockets, the time moved by the test: the samples come
//! out as the samples say, nothing is ever forwarded twice, and whatever is wrong is refused in the caller's dialect.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod crash;
mod drift;
mod exchange_family;
#[path = "../few/mod.rs"]
mod few;
mod keys;
mod national;
mod once;
mod outcomes;
mod refusals;
mod relay;
mod reload;
mod samples;
mod support;
mod upstream;
mod wording;
