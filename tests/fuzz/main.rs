//! Every fuzz target over its kept corpus and over damaged copies of it: a fault, never a panic, and always an end.
//!
//! The corpus lies in `fuzz/corpus`, one folder a target; `fuzz/README.md` says how to add to it. The damage follows from
//! a fixed number, so that every run does the same.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub, reason = "a library of its own for the fuzzer")]
mod targets;

use jingyue::domain::envelope::cipher::{FORMS, Form};
use jingyue::domain::key::file;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use targets::{Body, TARGETS};

/// Damaged inputs for each target.
const DAMAGED: usize = 2_000;
/// A body takes longer than that for no input of the corpus's size, even in a debug build on a busy machine.
const LONG: Duration = Duration::from_secs(10);

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Splitmix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % end.max(1) as u64).unwrap()
    }
}

/// One to four damages: a bit, a byte with a meaning, an end cut off, a piece twice, a piece left out, one of another.
fn damaged(bytes: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        if bytes.is_empty() {
            return other.to_vec();
        }
        let at = chance.below(bytes.len());
        let end = (at + 1 + chance.below(64)).min(bytes.len());
        match chance.below(7) {
            0 | 1 => bytes[at] ^= 1 << chance.below(8),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, b'<', b'"'][chance.below(9)],
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.drain(at..end)),
            _ => {
                let start = chance.below(other.len());
                let piece = other[start..(start + 64).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
        }
    }
    bytes
}

fn check(target: &str, body: Body, what: &str, bytes: &[u8]) {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| body(bytes)));
    assert!(ended.is_ok(), "{target} panics at {what}: {:02x?}", &bytes[..bytes.len().min(4096)]);
    assert!(began.elapsed() < LONG, "{target} takes {:?} for {what}", began.elapsed());
}

#[test]
fn no_target_breaks_on_its_corpus_or_on_damaged_copies() {
    for (index, (target, body)) in TARGETS.iter().enumerate() {
        let corpus = corpus(target);
        assert!(corpus.len() >= 2, "{target} has a corpus");
        for (name, bytes) in &corpus {
            check(target, *body, name, bytes);
        }
        let mut chance = Chance(index as u64);
        // A licence of some ten kilobytes takes milliseconds in a debug build.
        let count = if matches!(*target, "licence" | "zip") { DAMAGED / 6 } else { DAMAGED };
        for number in 0..count {
            let (name, bytes) = &corpus[chance.below(corpus.len())];
            let other = &corpus[chance.below(corpus.len())].1;
            check(target, *body, &format!("damage {number} of {name}"), &damaged(bytes, other, &mut chance));
        }
        check(target, *body, "nothing", b"");
    }
}

/// The files that only a key or a password opens are opened with those that the targets have: damage to them reaches what
/// stands behind.
#[test]
fn what_is_locked_in_the_corpus_is_opened() {
    let keys = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys/sm");
    let password = std::fs::read(keys.join("key.password")).unwrap();
    let locked: Vec<_> = corpus("key").into_iter().filter(|(name, _)| name.contains("few-rounds")).collect();
    assert_eq!(locked.len(), 2);
    for (name, bytes) in locked {
        assert_eq!(file::read(&bytes, None).unwrap_err(), file::FileFault::NeedsPassword, "{name}");
        assert!(file::read_within(&bytes, Some(password.trim_ascii_end()), 64).is_ok(), "{name}");
        assert_eq!(file::read_within(&bytes, Some(b"x"), 1).unwrap_err(), file::FileFault::Unsupported, "{name}");
    }
    let key = file::read(&std::fs::read(keys.join("gateway.key")).unwrap(), None).unwrap();
    for (name, bytes) in corpus("ciphertext") {
        let opens = |form: &Form| form.to_der(&bytes).is_ok_and(|der| key.decrypt(&der).is_ok());
        assert!(FORMS.iter().any(|(_, form)| opens(form)), "{name}");
    }
}

/// Each target has its own file for the fuzzer and its own folder, and no folder is without a target.
#[test]
fn targets_files_and_folders_fit_together() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let mut names: Vec<String> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let expected: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names("fuzz_targets"), expected);
    assert_eq!(names("corpus"), expected);
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in expected {
        let text = std::fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("run(\"{name}\", bytes)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
