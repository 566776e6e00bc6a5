//! `jingyue check` on the repository's own mappings, and on a copy with planted faults.

use crate::support::mappings;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::process::Output;

fn check(directory: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jingyue"));
    command.args(["check", "--mappings"]).arg(directory).args(more).output().unwrap()
}

#[test]
fn every_example_passes() {
    let folder = copy();
    let output = check(folder.path(), &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!((&report["ok"], &report["errors"]), (&Value::Bool(true), &0.into()));
    let examples = std::fs::read_dir(mappings().join("examples")).unwrap();
    let count =
        examples.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "toml"));
    let summary = report["summary"].as_str().unwrap();
    assert!(summary.contains(&format!("样例 {} 对", count.count())), "{summary}");

    let text = check(folder.path(), &[]);
    assert_eq!(text.status.code(), Some(0));
    assert!(String::from_utf8(text.stdout).unwrap().contains("检查通过"));
}

#[test]
fn an_example_that_does_not_fit_is_told() {
    let folder = copy();
    edit(folder.path(), "examples/02-pf-withdraw-rent/jingzhou.request.soap.xml", "<TQJE>840000<", "<TQJE>84000<");
    let output = check(folder.path(), &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["errors"]), (Some(1), &1.into()), "{report:#}");
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["level"] == "error").unwrap();
    assert_eq!((&finding["number"], &finding["file"]), (&"E001".into(), &"examples/02-request.toml".into()));
    assert!(finding["found"].as_str().unwrap().contains("TQJE"), "{finding}");
}

#[test]
fn what_a_message_may_not_take_from_a_licence_is_told() {
    let folder = copy();
    let file = "messages/jingzhou-window/gj12-request.csv";
    let unreleased = edit(folder.path(), file, "licence CZZT,", "licence CZZTDM,");
    let unknown = edit(folder.path(), file, "licence ZZMC,", "licence ZZMD,");
    // Hubei has no name for the reason of a change, and the matter does not see it either.
    let nameless = edit(folder.path(), file, "licence ZZBH,", "licence ZZBGYY,");
    let output = check(folder.path(), &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found: Vec<(&str, u64)> = Vec::new();
    for finding in report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "error") {
        assert_eq!(finding["file"], file, "{finding}");
        found.push((finding["number"].as_str().unwrap(), finding["line"].as_u64().unwrap()));
    }
    let mut expected =
        [("M210", unreleased), ("M210", unknown), ("M211", unknown), ("M210", nameless), ("M211", nameless)];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{report:#}");
}

#[derive(serde::Deserialize)]
struct Planted {
    fault: Vec<Fault>,
}

#[derive(serde::Deserialize)]
struct Fault {
    file: String,
    from: String,
    to: String,
    /// Number of the finding.
    number: String,
    /// What the finding says, among other things.
    says: String,
    /// The line that it names, where it is not the line of the edit.
    line: Option<u64>,
    /// The file that it names, where it is not the edited one.
    seen_in: Option<String>,
}

#[test]
fn planted_faults_are_told_all_at_once() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mappings/bad/faults.toml"));
    let planted: Planted = toml::from_str(&text.unwrap()).unwrap();
    assert!(planted.fault.len() >= 10);
    let folder = copy();
    let mut expected = Vec::new();
    for fault in &planted.fault {
        let line = edit(folder.path(), &fault.file, &fault.from, &fault.to);
        let file = fault.seen_in.as_ref().unwrap_or(&fault.file);
        expected.push((fault, file, fault.line.unwrap_or(line)));
    }
    let output = check(folder.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let lines: Vec<String> =
        String::from_utf8(check(folder.path(), &[]).stdout).unwrap().lines().map(str::to_owned).collect();
    for (fault, file, line) in expected {
        let found = findings.iter().find(|finding| {
            finding["number"] == fault.number.as_str() && finding["file"] == file.as_str() && finding["line"] == line
        });
        let found = found.unwrap_or_else(|| panic!("not told: {} {file}:{line}\n{}", fault.number, lines.join("\n")));
        let said = format!("{} {} {}", found["found"], found["expected"], found["hint"]);
        assert!(said.contains(&fault.says), "{said}");
        assert!(found["column"].as_u64().unwrap() >= 1);
        let place = format!("{file}:{line}:{}", found["column"]);
        assert!(lines.iter().any(|line| line.starts_with(&place) && line.contains(&fault.number)), "{place}");
    }
    let errors = findings.iter().filter(|finding| finding["level"] == "error").count();
    assert!(errors >= planted.fault.len());
    assert_eq!(report["errors"], errors);
    assert!(lines.last().unwrap().contains(&format!("{errors} 处错误")));
}

/// A copy of the mappings that may be changed.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::few::copy(folder.path());
    folder
}

/// Replaces the only occurrence of a text; gives its line.
fn edit(folder: &Path, file: &str, from: &str, to: &str) -> u64 {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
    let before = text.split(from).next().unwrap();
    // The fault stands where the texts begin to differ.
    let common = from.bytes().zip(to.bytes()).take_while(|(from, to)| from == to).count();
    let common = (0..=common).rev().find(|end| from.is_char_boundary(*end)).unwrap();
    let line = before.matches('\n').count() + from[..common].matches('\n').count() + 1;
    std::fs::write(&path, text.replace(from, to)).unwrap();
    line as u64
}
