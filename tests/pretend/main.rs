//! The pretend cities over real sockets: the sample requests get the sample answers, byte for byte, wrong requests
//! are refused in the right shape, and markers in a message bring about what they say.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod behaviour;
mod mutations;
mod refusals;
mod samples;
mod support;
