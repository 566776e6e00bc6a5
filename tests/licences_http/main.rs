//! The licence calls over real sockets: every call, every refusal, codes under concurrency, the chain of receipts,
//! restarts, and that nothing personal is left behind.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[allow(dead_code, clippy::format_collect, reason = "shared with other test programs")]
#[path = "../licence/build.rs"]
mod build;
mod carried;
mod desk;
#[path = "../few/mod.rs"]
mod few;
mod kept;
mod lists;
mod openapi;
mod share;
mod states;
mod stops;
#[allow(dead_code, reason = "shared with other test programs")]
#[path = "../exchange/support.rs"]
mod support;
mod uses;
mod verify;
