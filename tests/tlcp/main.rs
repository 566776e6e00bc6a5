//! TLCP against itself: handshakes, resumption, refusals, damage; recorded handshakes of another implementation; and
//! the stream under hyper. The peer in one process stands in `tests/interop/tongsuo`.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod damage;
mod handshake;
mod refusals;
mod resumption;
mod stream;
mod support;
mod transcripts;
