//! Codes that nobody knows, from the message that brings them to the row that translates them: counted at the admin
//! listener, drafted, completed by a person, imported, reloaded.

use crate::support::Client;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::sample_text;
use crate::support::withdrawal;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::atomic::Ordering;

const NOW: i64 = at(9, 30, 15, 0);
const HIDDEN: &str = "（可能是个人信息，已隐去）";

/// A stand on mappings of its own.
fn stand() -> (Stand, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    crate::few::copy(&folder.path().join("mappings"));
    let stand = Setup::at(NOW).start();
    *stand.mappings.lock().unwrap() = folder.path().join("mappings");
    stand.app().reload().unwrap();
    (stand, folder)
}

fn drift(stand: &Stand) -> Vec<u8> {
    let mut client = Client::connect(stand.app().admin_address());
    client.send("GET", "/v1/drift", &[], b"");
    let answer = client.receive();
    assert_eq!(answer.status, 200);
    answer.body
}

/// Direction, table, side, code and count of everything that was seen.
fn seen(stand: &Stand) -> Vec<(String, String, String, String, u64)> {
    let report: Value = serde_json::from_slice(&drift(stand)).unwrap();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = report["codes"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let count = line["count"].as_u64().unwrap();
            (text(line, "direction"), text(line, "table"), text(line, "side"), text(line, "code"), count)
        })
        .collect()
}

fn sent(stand: &Stand, number: &str, marker: &str, edits: &[(&str, &str)]) -> crate::support::Answer {
    let mut body = String::from_utf8(withdrawal(number, marker)).unwrap();
    for (from, to) in edits {
        assert!(body.contains(from), "{from}");
        body = body.replacen(from, to, 1);
    }
    stand.ask(WITHDRAW, body.as_bytes())
}

fn jingyue(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jingyue"));
    command.args(arguments).arg("--mappings").arg(folder.join("mappings")).current_dir(folder).output().unwrap()
}

#[test]
fn codes_of_both_sides_and_both_directions_are_counted() {
    let (stand, _folder) = stand();
    // From the caller: two unknown codes, a name in a code's place, and members that nobody declared.
    let edits = [
        ("\"sex\": \"2\"", "\"sex\": \"5\", \"nickname\": \"王小样\", \"hobby\": \"fishing\""),
        ("\"withdrawReason\": \"07\"", "\"withdrawReason\": \"12\""),
        ("\"certType\": \"10\"", "\"certType\": \"刘𬱖\""),
    ];
    for number in ["K1", "K2"] {
        assert_eq!(sent(&stand, number, "", &edits).status, 422);
    }
    // From the answering side: a status, and a return code.
    sent(&stand, "K3", "【模拟:未知代码】", &[]);
    sent(&stand, "K4", "【模拟:错误 -77】", &[]);
    sent(&stand, "K5", "【模拟:错误 王小样】", &edits[..0]);
    // The other direction.
    let query = sample_text("04-bizlic-query/jingzhou.request.soap.xml");
    stand.city_now.store(NOW, Ordering::Release);
    stand.ask_soap("/kstb/ws", query.replace("核验</CXYT>", "核验【模拟:未知代码】</CXYT>").as_bytes());

    let line = |direction: &str, table: &str, side: &str, code: &str, count| {
        (direction.to_owned(), table.to_owned(), side.to_owned(), code.to_owned(), count)
    };
    let (there, back) = ("yueyang_to_jingzhou", "jingzhou_to_yueyang");
    let expected = [
        line(back, "ent-status", "yueyang-window", "77", 1),
        line(there, "case-status", "jingzhou-window", "7", 1),
        line(there, "fault", "jingzhou-window", "-77", 1),
        line(there, "fault", "jingzhou-window", HIDDEN, 1),
        line(there, "id-doc", "yueyang-window", HIDDEN, 2),
        line(there, "pf-withdraw-reason", "yueyang-window", "12", 2),
        line(there, "sex", "yueyang-window", "5", 2),
    ];
    assert_eq!(seen(&stand), expected);
    let misses = |table: &str, direction: &str| {
        let (table, direction) = (format!("table=\"{table}\""), format!("direction=\"{direction}\""));
        stand.metric(&["jingyue_codetable_misses_total", &table, &direction])
    };
    assert_eq!(misses("sex", there), "2");
    assert_eq!(misses("id-doc", there), "2");
    assert_eq!(misses("case-status", there), "1");
    assert_eq!(misses("ent-status", back), "1");
    // Nothing of a person in what is told: the stand looks through log and metrics when it ends.
    let report = String::from_utf8(drift(&stand)).unwrap();
    let told = [report, stand.app().metrics(), crate::support::logged()].concat();
    for personal in ["王小样", "刘𬱖", "nickname", "hobby", "fishing"] {
        assert!(!told.contains(personal), "{personal}");
    }
}

#[test]
fn members_that_no_profile_declares_are_counted_by_profile() {
    let (stand, _folder) = stand();
    let edit = ("\"sex\": \"2\"", "\"sex\": \"2\", \"nickname\": \"王小样\", \"hobby\": \"fishing\"");
    assert_eq!(sent(&stand, "K1", "", &[edit]).status, 200);
    let report: Value = serde_json::from_slice(&drift(&stand)).unwrap();
    let undeclared = &report["undeclared"][0];
    assert_eq!((&undeclared["profile"], &undeclared["count"]), (&Value::from("yueyang-window"), &Value::from(2)));
    assert!(!report.to_string().contains("nickname"));
    assert_eq!(stand.metric(&["jingyue_fields_dropped_total", "profile=\"yueyang-window\""]), "2");
}

#[test]
fn a_draft_completed_and_imported_translates_the_code() {
    let (stand, folder) = stand();
    let refused = sent(&stand, "K1", "【模拟:未知代码】", &[]);
    assert_ne!(refused.status, 200, "{}", refused.text());
    std::fs::write(folder.path().join("drift.json"), drift(&stand)).unwrap();

    let drafted = jingyue(folder.path(), &["codes", "propose", "--from", "drift.json"]);
    assert_eq!(drafted.status.code(), Some(0));
    let drafted = String::from_utf8(drafted.stdout).unwrap();
    let mut lines = drafted.lines();
    assert_eq!(lines.next(), Some("# codes/case-status.csv"));
    let header = lines.next().unwrap();
    let columns: Vec<&str> = header.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    // The window uses two sets of this table: a row for each, of which a person keeps one.
    let rows: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 2, "{drafted}");
    let row = rows.into_iter().find(|row| row.split(',').nth(at("slztdm")) == Some("7")).unwrap();
    let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
    assert_eq!(columns.len(), cells.len(), "{row}");
    assert!(cells[at("note")].contains("该侧用到 jingzhou、slztdm，只留一行"), "{row}");
    assert_eq!((cells[at("slztdm")].as_str(), cells[at("canonical")].as_str()), ("7", ""));
    assert!(cells[at("note")].contains("jingzhou-window") && cells[at("note")].contains("1 次"), "{row}");

    // The table as it stands, with the draft below it.
    let table = folder.path().join("table.csv");
    let exported = jingyue(folder.path(), &["codes", "export", "case-status", "--to", "table.csv"]);
    assert_eq!(exported.status.code(), Some(0));
    let text = std::fs::read_to_string(&table).unwrap();
    assert!(text.contains(header));
    let import = |row: &str| {
        std::fs::write(&table, format!("{text}{row}\r\n")).unwrap();
        jingyue(folder.path(), &["codes", "import", "table.csv", "--table", "case-status"])
    };
    // Unread it is refused, at its cell.
    let unread = import(row);
    let line = text.lines().count() + 1;
    assert_eq!(unread.status.code(), Some(1));
    let told = String::from_utf8(unread.stderr).unwrap();
    assert!(told.contains(&format!("A{line} 错误 M122")), "{told}");

    for (name, text) in [("canonical", "archived"), ("title", "归档"), ("yueyang", "archived"), ("jingzhou", "22")] {
        text.clone_into(&mut cells[at(name)]);
    }
    let done = import(&cells.join(","));
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    stand.app().reload().unwrap();
    let answer = sent(&stand, "K2", "【模拟:未知代码】", &[]);
    assert_eq!((answer.status, &answer.json()["data"]["status"]), (200, &Value::from("archived")), "{}", answer.text());
}
