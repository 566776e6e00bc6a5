//! Both ledgers under one suite, and the SQLite ledger under kills, failed writes and foreign files.

mod child;
mod crash;
mod file;
mod model;
mod suite;
mod support;
