//! Electronic licences: samples with expected verdicts, the attacks one by one, and damage of every kind.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::format_collect, reason = "some hundred bytes, once")]

mod attacks;
mod build;
mod certificates;
mod command;
mod containers;
mod damage;
mod lists;
