//! The readers and writers of `domain::format` as others use them: grammar tables, sample messages, comparison with
//! other parsers, and random damage.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod damage;
mod grammar;
mod json_values;
mod samples;
mod shape;
mod xml_texts;
