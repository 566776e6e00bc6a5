//! Hands the command line to [`jingyue::cli`].

fn main() {}
