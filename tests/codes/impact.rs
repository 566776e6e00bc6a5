//! `jingyue matters impact`.

use crate::support::Copy;
use serde_json::Value;

fn impact(copy: &Copy, arguments: &[&str]) -> (i32, Value) {
    let output = copy.run(&[&["matters", "impact", "--format", "json"], arguments].concat(), b"");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

#[test]
fn a_table_shows_every_matter_and_side_it_touches() {
    let copy = Copy::new();
    let (code, shown) = impact(&copy, &["--table", "sex"]);
    assert_eq!(code, 0);
    let uses = shown["uses"].as_array().unwrap();
    let has = |profile: &str, path: &str| {
        uses.iter().any(|place| place["profile"] == profile && place["path"].as_str().unwrap().ends_with(path))
    };
    assert!(has("yueyang-window", "data.applicant.sex") && has("jingzhou-window", "XBDM"), "{shown:#}");
    for place in uses.iter().filter(|place| place["role"] == "code") {
        // The place is where it says: the row of that line names the table.
        let file = copy.text(place["file"].as_str().unwrap());
        let line = file.lines().nth(usize::try_from(place["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
        assert!(line.contains("sex"), "{line}");
    }
}

#[test]
fn one_code_leads_to_the_places_that_can_hold_it() {
    let copy = Copy::new();
    let (code, shown) = impact(&copy, &["--table", "pf-person-status", "--code", "06"]);
    assert_eq!((code, &shown["rows"][0]["title"]), (0, &Value::from("冻结")));
    let uses = shown["uses"].as_array().unwrap();
    // A condition names the frozen account, no other code of the table.
    assert!(uses.iter().any(|place| place["role"] == "named" && place["code"] == "06"), "{shown:#}");
    let (_, other) = impact(&copy, &["--table", "pf-person-status", "--code", "02"]);
    assert!(!other["uses"].as_array().unwrap().iter().any(|place| place["role"] == "named"), "{other:#}");
    // A return code of one side: the row is found by it, and the answers that bring it.
    let (code, shown) = impact(&copy, &["--table", "fault", "--code=-10"]);
    assert_eq!((code, &shown["rows"][0]["canonical"]), (0, &Value::from("bad_format")));
    assert!(shown["uses"].as_array().unwrap().iter().any(|place| place["role"] == "result" && place["set"] == "hb"));
}

#[test]
fn what_there_is_not_is_said() {
    let copy = Copy::new();
    assert_eq!(impact(&copy, &["--table", "sexx"]).0, 1);
    assert_eq!(impact(&copy, &["--table", "sex", "--code", "77"]).0, 1);
    let output = copy.run(&["matters", "impact", "--table", "sexx"], b"");
    assert!(String::from_utf8(output.stderr).unwrap().contains("是否想写“sex”"));
}
