//! Code tables as an operator keeps them: what a table touches, codes that came in and nobody knows, and tables out to a
//! spreadsheet and back.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../few/mod.rs"]
mod few;
mod impact;
mod sheets;
mod support;
