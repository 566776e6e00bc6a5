//! The monitoring files against the program: a name that the program does not have must not be drawn or alerted on.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

mod alerts;
mod dashboards;
mod docs;
mod log;
mod promql;
mod promtool;
mod rules;

use std::path::{Path, PathBuf};

/// A path from the root of the repository.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// A file from the root of the repository.
fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The files of a folder with that extension, by name; never none.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(path(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
        .filter(|name| Path::new(name).extension().is_some_and(|found| found == extension))
        .collect();
    assert!(!files.is_empty(), "no *.{extension} in {folder}");
    files.sort();
    files
}

/// Fails with all faults at once.
#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn is_chinese(text: &str, least: usize) -> bool {
    text.chars().filter(|character| ('\u{4e00}'..='\u{9fff}').contains(character)).count() >= least
}
