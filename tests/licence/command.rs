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

#[test]
fn identifiers_and_codes_on_paper_are_checked() {
    let right = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
    for (text, code) in [
        (right.to_owned(), 0),
        (format!("https://zwfw.example/c?id={right}"), 0),
        (right.replace("001.U", "001.V"), 1),
        (right.replace("1.2.156.3005", "1.2.156.3003"), 1),
        (right.replace("20230000403", "2023_0000403"), 2),
        ("1.2.156.3005.2.1".to_owned(), 1),
    ] {
        let output = run(&["licence", "id", &text]);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{text}");
    }
}

#[test]
fn policies_and_known_lists_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write(
        "good.toml",
        "format = \"licence-policy/1\"\n[matters.M1]\nname = \"x\"\ntypes = []\nfields = [\"ZZMC\"]\n",
    );
    let bad = write("bad.toml", "format = \"licence-policy/1\"\n[levels]\n\"SIG.NONE\" = \"warn\"\n");
    let verify = |more: &[&str]| {
        let usual = ["licence", "verify", "v01-ses-v4.ofd", "--trust", "pki", "--at", "2024-06-01T00:00:00+08:00"];
        run(&[&usual[..], &["--format", "json"], more].concat())
    };
    let output = verify(&["--policy", &good, "--matter", "M1"]);
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["licence"]["fields"]["ZZMC"].is_string() && report["evidence"]["policy"].is_string());
    assert_eq!(verify(&["--policy", &good, "--matter", "M2"]).status.code(), Some(2));
    let refused = verify(&["--policy", &bad]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("bad.toml:3:"));
    assert_eq!(verify(&["--matter", "M1"]).status.code(), Some(64));
    assert_eq!(verify(&["--known", "430000"]).status.code(), Some(64));
    // A signature beside an OFD file says nothing.
    assert_eq!(verify(&["--signature", "v01-ses-v4.ofd"]).status.code(), Some(64));
}

#[test]
fn the_level_says_how_much() {
    let usual = ["licence", "verify", "v01-ses-v4.ofd", "--trust", "pki", "--at", "2024-06-01T00:00:00+08:00"];
    let told = |more: &[&str]| String::from_utf8(run(&[&usual[..], more].concat()).stdout).unwrap();
    let (simple, detailed, full) =
        (told(&["--level", "simple"]), told(&["--level", "detailed"]), told(&["--level", "full"]));
    assert_eq!(detailed, told(&[]));
    assert!(detailed.starts_with(&simple) && full.starts_with(&detailed));
    assert!(!simple.contains("SIG.VALUE_INVALID") && detailed.contains("SIG.VALUE_INVALID"));
    assert!(!detailed.contains("签名值 SM3") && full.contains("签名值 SM3"));
    let json = |level: &str| -> serde_json::Value {
        serde_json::from_str(&told(&["--format", "json", "--level", level])).unwrap()
    };
    assert!(json("simple").get("evidence").is_none() && json("simple")["decision"] == "ACCEPT");
    assert!(json("full")["signatures"][0]["raw"]["value"].is_string() && json("full")["reportZh"].is_string());
    assert_eq!(run(&[&usual[..], &["--level", "all"]].concat()).status.code(), Some(64));
}
