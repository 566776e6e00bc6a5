//! Both ledgers under one suite, and the SQLite ledger under kills, failed writes and foreign files.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod child;
mod crash;
mod file;
mod model;
mod suite;
mod support;
