//! Hands the command line to [`jingyue::cli`].

use std::process::ExitCode;

/// Messages of some kilobytes come and go all the time, which glibc's allocator serves from its slow lists: 13 % of an
/// exchange's time was saved with this one (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    jingyue::cli::run()
}
