//! Keeps the house in order: where code may stand, what it may use, how long it may get.
//!
//! It reads the sources as text and prints every fault as `file:line what to do`. What rustc or clippy can see is
//! left to them. Reading stops at `#[cfg(test)]`, which stands last in a file.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 500;

/// Each module and its line. A module uses modules of lower lines only, never its own line, never above.
const ORDER: &[(u8, &[&str])] = &[
    (0, &["domain::fault"]),
    (1, &["domain::masked"]),
    (2, &["domain::value"]),
    (3, &["domain::asn", "domain::ids", "domain::format", "domain::codes", "domain::sm"]),
    (4, &["domain::headers", "domain::key", "domain::mapping"]),
    (5, &["domain::x509"]),
    (6, &["domain::envelope", "domain::tlcp"]),
    (7, &["domain::licence", "edge::aside", "edge::clock", "edge::trouble"]),
    (8, &["domain::issuing", "domain::recognition", "edge::keys", "edge::metrics", "edge::tlcp", "edge::tls"]),
    (
        9,
        &[
            "edge::drift",
            "edge::ledger",
            "edge::library",
            "edge::licences",
            "edge::limit",
            "edge::nonces",
            "edge::sheet",
            "edge::trust",
            "edge::upstream",
        ],
    ),
    (10, &["edge::platform", "exchange"]),
    (11, &["edge::server", "edge::admin", "edge::pretend"]),
    (12, &["edge::config"]),
    (13, &["app"]),
    (14, &["cli"]),
];

/// Files that only list modules or hand over to one.
const MAPS: &[&str] = &["src/lib.rs", "src/main.rs", "src/domain/mod.rs", "src/edge/mod.rs"];

/// What `domain` never touches.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "rusqlite",
    "getrandom",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "Instant::now",
    "SystemTime",
    "OsRng",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
];

/// The line and the name of the module of the table that holds `path`, as in `edge::metrics::timing`.
fn place(path: &str) -> Option<(u8, &'static str)> {
    let holds =
        |module: &&&str| path.strip_prefix(**module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    ORDER.iter().find_map(|(line, modules)| modules.iter().find(holds).map(|module| (*line, *module)))
}

/// `edge::metrics::timing` for `src/edge/metrics/timing.rs`, `edge::metrics` for `src/edge/metrics/mod.rs`.
fn module_of(file: &str) -> String {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
    path.strip_suffix("::mod").unwrap_or(&path).to_owned()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Byte offsets of `word` in `text` where it is not part of a longer word or path.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let stands_alone = move |at: &usize| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !(before.is_some_and(is_word) || word.ends_with(is_word) && after.is_some_and(is_word))
    };
    text.match_indices(word).map(|(at, _)| at).filter(stands_alone)
}

/// The path that follows, up to the first character that cannot belong to it.
fn path_at(text: &str) -> &str {
    let end = text.find(|character| !is_word(character) && character != ':').unwrap_or(text.len());
    text[..end].trim_end_matches(':')
}

/// All faults of one file.
fn check(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: String| faults.push(format!("{file}:{line} {what}"));
    let module = module_of(file);
    let own = place(&module);
    if own.is_none() && !MAPS.contains(&file) {
        fault(1, format!("give the module {module} a place in ORDER of tests/tidy.rs"));
    }
    if !text.starts_with("//!") {
        fault(1, "begin with //! and say what the module is for".to_owned());
    }
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > LINES_MAX {
        fault(lines.len(), format!("split the file: {} lines, at most {LINES_MAX}", lines.len()));
    }
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        if line.trim() == "#[cfg(test)]" {
            let next = lines.get(index + 1).unwrap_or(&"");
            if line.starts_with('#') && next.starts_with("mod ") {
                break;
            }
            fault(number, "let #[cfg(test)] stand last, before a module of tests".to_owned());
        }
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code.contains("super::super") {
            fault(number, "write the full path from crate:: instead of super::super".to_owned());
        }
        if code.contains("crate::{") {
            fault(number, "write one full path per line instead of braces behind crate::".to_owned());
        }
        if module.starts_with("domain") {
            if code.contains("std::{") {
                fault(number, "write one full path per line instead of braces behind std::".to_owned());
            }
            for word in IMPURE.iter().filter(|word| words(code, word).next().is_some()) {
                fault(number, format!("take {word} out of domain: what it gives is an argument"));
            }
        }
        let Some((own_line, own_module)) = own else { continue };
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let absolute = words(code, "crate::").map(|at| path_at(&code[at + 7..]).to_owned());
        let relative = words(code, "super::").filter(|at| !code[..*at].ends_with(':'));
        let relative = relative.map(|at| format!("{parent}::{}", path_at(&code[at + 7..])));
        for path in absolute.chain(relative).filter(|path| !path.is_empty() && !path.contains("super")) {
            match place(path.trim_start_matches("::")) {
                Some((_, used)) if used == own_module => {}
                Some((used_line, _)) if used_line < own_line => {}
                Some((used_line, used)) => {
                    fault(number, format!("do not use {used} (line {used_line}) in {own_module} (line {own_line})"));
                }
                None => fault(number, format!("name a module of ORDER of tests/tidy.rs, not {path}")),
            }
        }
    }
    faults
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(!files.is_empty());
    files.sort();
    let faults: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            check(&name, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_fault_is_seen_with_its_line() {
    let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX));
    for (file, text, expected) in [
        ("src/app.rs", "use std::fmt;\n", "src/app.rs:1 begin with //!"),
        ("src/edge/novelty.rs", "//! New.\n", "src/edge/novelty.rs:1 give the module edge::novelty a place"),
        ("src/app.rs", &long, "src/app.rs:501 split the file"),
        ("src/edge/admin/mod.rs", "//! A.\nuse super::super::app;\n", ":2 write the full path"),
        ("src/app.rs", "//! A.\nuse crate::{cli, edge};\n", ":2 write one full path per line"),
        (
            "src/edge/limit.rs",
            "//! L.\n\nuse crate::exchange::Step;\n",
            ":3 do not use exchange (line 10) in edge::limit",
        ),
        ("src/edge/limit.rs", "//! L.\nuse crate::edge::ledger::Ledger;\n", ":2 do not use edge::ledger (line 9)"),
        ("src/edge/limit.rs", "//! L.\nuse super::config::Limit;\n", ":2 do not use edge::config (line 12)"),
        ("src/edge/limit.rs", "//! L.\nfn f(c: crate::app::App) {}\n", ":2 do not use app"),
        ("src/edge/limit.rs", "//! L.\nuse crate::edge::{clock, config};\n", ":2 name a module of ORDER"),
        ("src/domain/ids.rs", "//! I.\nfn f() { std::fs::read(\"a\"); }\n", ":2 take std::fs out of domain"),
        ("src/domain/ids.rs", "//! I.\nuse std::{fmt, fs};\n", ":2 write one full path per line"),
        ("src/domain/mod.rs", "//! D.\nuse tokio::time;\n", ":2 take tokio out of domain"),
        ("src/domain/ids.rs", "//! I.\n#[cfg(test)]\nfn f() {}\n", ":2 let #[cfg(test)] stand last"),
    ] {
        let faults = check(file, text);
        assert!(faults.len() == 1 && faults[0].contains(expected), "{expected}: {faults:?}");
    }
}

#[test]
fn what_is_right_passes() {
    for (file, text) in [
        (
            "src/edge/limit.rs",
            "//! L.\nuse crate::edge::metrics::{ClientHandles, Metrics};\nuse super::clock::Clock;\n",
        ),
        ("src/edge/metrics/handles.rs", "//! H.\nuse super::labels;\nuse crate::edge::metrics::timing::Timing;\n"),
        ("src/edge/ledger/sqlite.rs", "//! S.\nuse super::Ledger;\npub(super) fn f() {}\n"),
        (
            "src/domain/ids.rs",
            "//! I.\n// not tokio\nfn hyperbola() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
        ),
        ("src/lib.rs", "//! L.\npub mod app;\n"),
    ] {
        assert_eq!(check(file, text), Vec::<String>::new(), "{file}");
    }
}
