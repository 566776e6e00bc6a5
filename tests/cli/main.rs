//! The command line: what goes to standard output and what to standard error, and the exit codes.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../few/mod.rs"]
mod few;

use serde_json::Value;
use std::io::BufRead;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::OnceLock;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The mapping files of the scenarios, made once by this program.
fn mappings() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", std::process::id()));
        few::copy(&folder);
        folder.to_str().unwrap().to_owned()
    })
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("mappings/examples").join(name)).unwrap()
}

/// Runs the program in the repository's folder, with `input` on standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let translate = arguments.len() > 1 && arguments[0] == "translate";
    let mut child = Command::new(env!("CARGO_BIN_EXE_jingyue"))
        .args(arguments)
        .args(if translate { vec!["--mappings", mappings()] } else { Vec::new() })
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const WITHDRAW: [&str; 14] = [
    "translate",
    "--matter",
    "GJ12",
    "--from",
    "yueyang-window",
    "--to",
    "jingzhou-window",
    "--message",
    "request",
    "--at",
    "2026-11-23T09:30:15+08:00",
    "--with",
    "licence_code=JZ-LIC-0001",
    "--explain",
];
/// The same without the last argument.
const SILENT: usize = WITHDRAW.len() - 1;

fn with(change: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let mut arguments = WITHDRAW[..SILENT].to_vec();
    for (from, to) in change {
        let place = arguments.iter().position(|argument| argument == from).unwrap();
        arguments[place] = to;
    }
    arguments
}

#[test]
fn a_translation_alone_on_standard_output() {
    let body = sample("02-pf-withdraw-rent/yueyang.request.json");
    let output = run(&WITHDRAW[..SILENT], &body);
    assert_eq!((code(&output), error(&output).as_str()), (0, ""));
    let expected = sample("02-pf-withdraw-rent/jingzhou.request.soap.xml");
    jingyue::edge::pretend::compare::same_document(&output.stdout, &expected).unwrap();
    // From a file it is the same.
    let file = "mappings/examples/02-pf-withdraw-rent/yueyang.request.json";
    let from_file = run(&[&WITHDRAW[..SILENT], &[file]].concat(), b"");
    assert_eq!((code(&from_file), from_file.stdout), (0, output.stdout));
}

#[test]
fn an_explanation_on_standard_error() {
    let body = sample("02-pf-withdraw-rent/yueyang.request.json");
    let silent = run(&WITHDRAW[..SILENT], &body);
    let output = run(&WITHDRAW, &body);
    assert_eq!(code(&output), 0);
    assert_eq!(output.stdout, silent.stdout, "the document alone");
    let told = error(&output);
    let line = |part: &str| told.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}\n{told}"));
    // Source, canonical value, table row, result, place of the rule.
    let reason = line("TQYY");
    let table = std::fs::read_to_string(root().join("mappings/codes/pf-withdraw-reason.csv")).unwrap();
    let row = table.lines().position(|line| line.starts_with("rent,")).unwrap() + 1;
    for part in [
        "提取原因",
        "data.withdrawReason = 07",
        "006",
        &format!("codes/pf-withdraw-reason.csv:{row}，"),
        "messages/jingzhou-window/gj12-request.csv:",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("（有损）"), "{reason}");
    let marital = line("HYZKDM");
    assert!(marital.contains("= 21") && marital.contains("= 20") && marital.contains("（有损）"), "{marital}");
    let amount = line("TQJE");
    assert!(amount.contains("8400.00") && amount.contains("840000"), "{amount}");
    assert!(line("BBH").contains("常量"));
    assert!(line("FSSJ").contains("20261123093015"));
    // One line a place, the items of a list each.
    assert_eq!(told.lines().filter(|line| line.contains("CLMC")).count(), 2);
}

#[test]
fn a_message_at_fault_is_told_and_nothing_is_written() {
    let body = String::from_utf8(sample("02-pf-withdraw-rent/yueyang.request.json")).unwrap();
    for (body, number, part) in [
        (body[..400].to_owned(), "J101", "JSON"),
        (body.replace("\"07\"", "\"77\""), "J200", "“77”"),
        (body.replace("\"8400.00\"", "null"), "J200", "提取金额"),
    ] {
        let output = run(&WITHDRAW, body.as_bytes());
        assert_eq!((code(&output), output.stdout.len()), (1, 0));
        assert!(error(&output).contains(number) && error(&output).contains(part), "{}", error(&output));
        assert!(!error(&output).contains("430602199003079989"));
    }
    let missing = run(&[&WITHDRAW[..SILENT], &["no-such-file.json"]].concat(), b"");
    assert_eq!((code(&missing), missing.stdout.len()), (1, 0));
    assert!(error(&missing).contains("no-such-file.json"));
}

#[test]
fn names_that_nobody_asks_for_are_told() {
    let body = sample("02-pf-withdraw-rent/yueyang.request.json");
    let misspelt = run(&with(&[("licence_code=JZ-LIC-0001", "licence_cod=JZ-LIC-0001")]), &body);
    assert_eq!((code(&misspelt), misspelt.stdout.len()), (64, 0));
    assert!(
        error(&misspelt).contains("licence_cod") && error(&misspelt).contains("“licence_code”"),
        "{}",
        error(&misspelt)
    );
    // Without the setting a place stays empty, which is said.
    let arguments: Vec<&str> =
        with(&[]).into_iter().filter(|one| !one.starts_with("licence") && *one != "--with").collect();
    let without = run(&arguments, &body);
    assert_eq!(code(&without), 0);
    assert!(error(&without).contains("licence_code"), "{}", error(&without));
}

#[test]
fn settings_of_a_system_are_those_that_its_messages_are_written_with() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, parts) in [
        ("settings = {}", &["缺少设置“licence_code”"][..]),
        (
            "settings = { licence_cod = \"x\" }",
            &["缺少设置“licence_code”", "没有设置“licence_cod”", "是否想写“licence_code”"],
        ),
    ] {
        let file = configuration(folder.path(), &[("settings = { licence_code = \"JZ-LIC-0001\" }", settings)]);
        let output = run(&["check", "--config", file.to_str().unwrap()], b"");
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(code(&output), 1, "{text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
        let serve = run(&["serve", "--config", file.to_str().unwrap()], b"");
        assert_eq!(code(&serve), 1);
        assert!(parts.iter().all(|part| error(&serve).contains(part)), "{}", error(&serve));
    }
}

#[test]
fn a_reader_who_has_seen_enough_of_the_demonstration_is_no_fault() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jingyue"))
        .args(["demo", "--once"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("演示"), "{first}");
    let output = child.wait_with_output().unwrap();
    let told = error(&output);
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(code(&output), 0, "{told}");
}

#[test]
fn check_says_which_mappings_it_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_jingyue")).arg("check").current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("程序内置"), "{text}");
    std::fs::create_dir(folder.path().join("mappings")).unwrap();
    std::fs::write(folder.path().join("mappings/fields.csv"), "id\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_jingyue")).arg("check").current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(code(&output) == 1 && text.contains("检查未通过（映射：当前目录的 mappings）"), "{text}");
}

#[test]
fn usage() {
    for (arguments, part) in [
        (vec!["translate"], "--matter"),
        (vec![], "jingyue"),
        (vec!["no-such-command"], "no-such-command"),
        (vec!["check", "--format", "yaml"], "yaml"),
        (vec!["serve"], "--config"),
        (with(&[("yueyang-window", "yueyang-windows")]), "是否想写“yueyang-window”"),
        (with(&[("GJ12", "GJ99")]), "GJ99"),
        (with(&[("request", "question")]), "question"),
        (with(&[("2026-11-23T09:30:15+08:00", "yesterday")]), "2026-11-23T09:30:15+08:00"),
        (with(&[("licence_code=JZ-LIC-0001", "licence_code")]), "名=值"),
    ] {
        let output = run(&arguments, b"{}");
        assert_eq!((code(&output), output.stdout.len()), (64, 0), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains(part), "{arguments:?}: {}", error(&output));
    }
    for arguments in [["--help"], ["--version"]] {
        let output = run(&arguments, b"");
        assert_eq!((code(&output), error(&output).as_str()), (0, ""));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn check_of_the_deployed_configuration() {
    let more = ["--mappings", mappings()];
    let output = run(&[&["check", "--config", "deploy/jingyue.toml", "--format", "json"], &more[..]].concat(), b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code(&output), &report["ok"]), (0, &Value::Bool(true)), "{report:#}");
}

#[test]
fn check_tells_files_of_secrets_that_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("own.secret");
    std::fs::write(&secret, "0123456789abcdef").unwrap();
    let named = format!("\"{}\"", secret.display());
    let file = configuration(folder.path(), &[]);
    let text = std::fs::read_to_string(&file).unwrap();
    let some = text.split('"').find(|part| part.ends_with("certs-sample/jy-gateway.secret")).unwrap().to_owned();
    std::fs::write(&file, text.replace(&format!("\"{some}\""), &named)).unwrap();
    for (mode, told) in [(0o600, false), (0o640, false), (0o400, false), (0o644, true), (0o660, true), (0o666, true)] {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let arguments =
            ["check", "--config", file.to_str().unwrap(), "--mappings", "no-such-folder", "--format", "json"];
        let report: Value = serde_json::from_slice(&run(&arguments, b"").stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found: Vec<&Value> =
            findings.iter().filter(|one| one["file"].as_str() == secret.to_str() && one["number"] == "K007").collect();
        assert_eq!(found.len(), usize::from(told), "{mode:o}: {report:#}");
        assert!(found.iter().all(|one| one["level"] == "warning"
            && one["found"].as_str().unwrap().contains(&format!("{mode:04o}"))));
    }
}

/// A configuration file with these replacements in the deployed one, in a folder of its own.
fn configuration(folder: &Path, edits: &[(&str, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(root().join("deploy/jingyue.toml")).unwrap();
    text = text.replace("\"../mappings\"", &format!("\"{}\"", mappings()));
    text = text.replace("\"../", &format!("\"{}/", root().display()));
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = folder.join("jingyue.toml");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn check_tells_configuration_and_mappings_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(
        folder.path(),
        &[("burst = 100 ", "burst = 0 "), ("profile = \"yueyang-window\"\nurl", "profil = \"yueyang-window\"\nurl")],
    );
    let output = run(&["check", "--config", file.to_str().unwrap(), "--mappings", mappings(), "--format", "json"], b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&output), 1, "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    for part in ["burst", "profil"] {
        let found = findings.iter().find(|finding| finding["found"].as_str().unwrap().contains(part));
        let found = found.unwrap_or_else(|| panic!("{part}: {report:#}"));
        assert!(found["line"].as_u64().unwrap() > 1 && found["file"].as_str().unwrap().ends_with("jingyue.toml"));
    }

    // What only both together can show: a caller's profile that no mapping has.
    let file = configuration(
        folder.path(),
        &[(
            "name = \"jz-kstb-01\"\ncity = \"jingzhou\"\nprofile = \"jingzhou-window\"",
            "name = \"jz-kstb-01\"\ncity = \"jingzhou\"\nprofile = \"jingzhou-counter\"",
        )],
    );
    let output = run(&["check", "--config", file.to_str().unwrap()], b"");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 1);
    assert!(text.contains("jingzhou-counter") && text.contains("检查未通过"), "{text}");

    let none = run(&["check", "--config", "no-such-file.toml", "--mappings", mappings()], b"");
    assert_eq!(code(&none), 1);
    let nowhere = run(&["check", "--mappings", "no-such-folder"], b"");
    assert_eq!(code(&nowhere), 1);
}

#[test]
fn serve_does_not_start_on_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (edits, part) in [
        (vec![("workers = 2 ", "worker = 2 ")], "worker"),
        (vec![(mappings(), "/no-such-folder")], "no-such-folder"),
        (vec![("gateway.key", "no-such.key")], "no-such.key"),
        (vec![("file = \"/var/lib/jingyue/ledger.db\"", "file = \"/no/such/folder/ledger.db\"")], "/no/such/folder"),
        (
            vec![("kind = \"sqlite\"", "kind = \"memory\""), ("data = \"127.0.0.1:8443\"", "data = \"192.0.2.1:1\"")],
            "192.0.2.1",
        ),
    ] {
        let file = configuration(folder.path(), &edits);
        let output = run(&["serve", "--config", file.to_str().unwrap()], b"");
        assert_eq!((code(&output), output.stdout.len()), (1, 0), "{part}: {}", error(&output));
        assert!(error(&output).contains(part) && error(&output).contains("网关没有启动"), "{}", error(&output));
    }
}

#[test]
fn a_hang_up_while_it_starts_reloads_it_afterwards_and_an_expired_certificate_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let keys = root().join("tests/keys/sm");
    let with_expired = format!(
        "[listen.tls.sm]\ncertificate_file = \"{0}/expired.pem\"\nkey_file = \"{0}/expired.key\"\n\
         client_ca_file = \"{0}/root.pem\"\n[mappings]\n",
        keys.display()
    );
    let ledger = format!("file = \"{}\"", folder.path().join("ledger.db").display());
    let edits = [
        ("data = \"127.0.0.1:8443\"", "data = \"127.0.0.1:0\""),
        ("admin = \"127.0.0.1:9443\"", "admin = \"127.0.0.1:0\""),
        ("file = \"/var/lib/jingyue/ledger.db\"", &ledger),
        ("[mappings]\n", &with_expired),
    ];
    let file = configuration(folder.path(), &edits);
    let mut child = Command::new(env!("CARGO_BIN_EXE_jingyue"))
        .args(["serve", "--config", file.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id().to_string();
    let send = |signal: &str| {
        let sent = Command::new("kill").args([signal, &process]).status().unwrap();
        assert!(sent.success());
    };
    let mut seen = Vec::new();
    for line in std::io::BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("mapping set proved") && seen.is_empty() {
            send("-HUP");
            seen.push("proved");
        } else if line.contains("WARN") && line.contains("expired.pem") && line.contains("has expired") {
            seen.push("warned");
        } else if line.contains("gateway started") {
            seen.push("started");
        } else if line.contains(": reloaded") {
            seen.push("reloaded");
            send("-TERM");
        }
    }
    assert_eq!(seen, ["proved", "warned", "started", "warned", "reloaded"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
