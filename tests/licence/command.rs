//! The command line: exit codes and both reports.

use std::path::Path;
use std::process::Command;
use std::process::Output;

fn run(arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/licence/samples");
    Command::new(env!("CARGO_BIN_EXE_jingyue")).current_dir(folder).args(arguments).output().unwrap()
}

fn verified(file: &str) -> Output {
    run(&["licence", "verify", file, "--trust", "pki", "--at", "2024-06-01T00:00:00+08:00", "--format", "json"])
}

#[test]
fn the_exit_code_is_the_decision() {
    for (file, code, decision) in
        [("v01-ses-v4.ofd", 0, "ACCEPT"), ("a01-page-changed.ofd", 1, "REJECT"), ("a09-rogue-ca.ofd", 2, "REVIEW")]
    {
        let output = verified(file);
        assert_eq!(output.status.code(), Some(code), "{file}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["decision"], decision);
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_clerk_reads_chinese() {
    let output = run(&["licence", "verify", "v01-ses-v4.ofd", "--trust", "pki", "--at", "2024-06-01T00:00:00+08:00"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("结论：可以采信\n"), "{text}");
    assert!(text.contains("✔ 签章人：签名值验证通过  [SIG.VALUE_INVALID]"), "{text}");
}

#[test]
fn wrong_command_lines_are_told() {
    for arguments in [
        &["licence", "verify", "absent.ofd", "--trust", "pki"][..],
        &["licence", "verify", "v01-ses-v4.ofd"],
        &["licence", "verify", "v01-ses-v4.ofd", "--trust", "absent"],
        &["licence", "verify", "v01-ses-v4.ofd", "--trust", "."],
        &["licence", "verify", "v01-ses-v4.ofd", "--trust", "pki", "--at", "yesterday"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
