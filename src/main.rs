//! Hands the command line to [`jingyue::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    jingyue::cli::run()
}
