//! When nothing can be done now: a source that hangs, no turn, a store that fails, limits that are reached.

use crate::desk::Desk;
use crate::desk::HOLDER;
use crate::desk::IDENTIFIER;
use crate::desk::KIND;
use crate::desk::get;
use crate::desk::nothing_personal;
use crate::desk::post;
use crate::desk::refused;
use crate::desk::sample;
use crate::desk::well;
use crate::desk::with;
use crate::desk::with_file;
use crate::share::call;
use crate::share::open;
use crate::share::status;
use crate::support::Stand;
use rusqlite::Connection;
use serde_json::json;
use std::process::Command;

fn query(stand: &Stand) -> crate::support::Answer {
    post(stand, "/v1/licences/query", &with(&json!({ "ZZBS": IDENTIFIER })))
}

fn verify(stand: &Stand) -> crate::support::Answer {
    post(stand, "/v1/licences/verify", &with_file("v01-ses-v4.ofd", &json!({})))
}

#[test]
fn a_source_that_hangs_ends_at_its_time_and_turns_are_bounded() {
    let mut desk = Desk::new();
    desk.settings += "verifications_max = 1\nturn_seconds = 1\nsource_seconds = 1\n";
    let stand = desk.start();
    // A pipe that nobody writes to, in the place of the file.
    let path = desk.folder.path().join("source/v01-ses-v4.ofd");
    std::fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(refused(&query(&stand)), (504, "SRC.TIMEOUT".to_owned()));
    // The only turn hangs with it.
    assert_eq!(refused(&query(&stand)), (503, "SYS.BUSY".to_owned()));
    assert_eq!(refused(&verify(&stand)), (503, "SYS.BUSY".to_owned()));
    std::fs::write(&path, "").unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, sample("v01-ses-v4.ofd")).unwrap();
    assert_eq!(well(&query(&stand))["licences"][0]["decision"], "ACCEPT");
    for code in ["SRC.TIMEOUT", "SYS.BUSY"] {
        assert!(stand.metric(&["jingyue_licence_calls_total", code]).parse::<u32>().unwrap() >= 1);
    }
    nothing_personal(&stand, &desk);
}

#[test]
fn a_store_that_fails_stops_every_use_until_a_restart() {
    let desk = open(Desk::new());
    drop(desk.start());
    let failing = "CREATE TRIGGER fails BEFORE INSERT ON receipt BEGIN SELECT RAISE(ABORT, 'no space'); END";
    Connection::open(desk.store()).unwrap().execute_batch(failing).unwrap();
    let stand = desk.start();
    assert_eq!(stand.metric(&["jingyue_licence_store_healthy"]), "1");
    let full = (503, "SYS.STORE".to_owned());
    assert_eq!(refused(&verify(&stand)), full, "no verdict without its receipt");
    // Now also what would not have to write.
    assert_eq!(refused(&verify(&stand)), full);
    assert_eq!(refused(&query(&stand)), full);
    assert_eq!(refused(&get(&stand, "/v1/licences/receipts")), full);
    assert_eq!(status(&call(&stand, "queryCertInfo", &json!({ "certIdentifier": IDENTIFIER }))), 99);
    assert_eq!(stand.metric(&["jingyue_licence_store_healthy"]), "0");
    drop(stand);
    Connection::open(desk.store()).unwrap().execute_batch("DROP TRIGGER fails").unwrap();
    let stand = desk.start();
    assert_eq!(well(&verify(&stand))["decision"], "ACCEPT");
    assert_eq!(well(&get(&stand, "/v1/licences/receipts"))["chain"]["intact"], true);
}

/// Each limit is reached by every call that counts against it, and by no other subject's.
#[test]
fn each_limit_holds_for_every_call() {
    let by_holder = |operator: &str| json!({ "operator": operator, "CZZTDM": HOLDER, "ZZLXDM": KIND });
    let by_identifier = |operator: &str| json!({ "operator": operator, "ZZBS": IDENTIFIER });
    let limited = (429, "RATE.LIMITED".to_owned());

    let mut desk = open(Desk::new());
    desk.second = Some("matters = [\"*\"]".to_owned());
    desk.settings += "caller_per_minute = 4\n";
    let stand = desk.start();
    let facade = || call(&stand, "queryCertInfo", &json!({ "certIdentifier": IDENTIFIER }));
    assert_eq!(post(&stand, "/v1/licences/query", &with(&by_holder("a"))).status, 200);
    let compare = json!({ "operator": "b", "ZZLXDM": KIND, "fields": { "ZZBS": IDENTIFIER } });
    assert_eq!(post(&stand, "/v1/licences/match", &with(&compare)).status, 200);
    assert_eq!(post(&stand, "/v1/licences/auth", &with(&by_identifier("c"))).status, 200);
    assert_eq!(status(&facade()), 0);
    let answer = post(&stand, "/v1/licences/query", &with(&by_holder("d")));
    assert_eq!((refused(&answer), answer.header("retry-after")), (limited.clone(), "15"));
    assert_eq!(status(&facade()), 99);
    let body = with(&by_holder("d")).to_string();
    let other = |body: &str| {
        crate::desk::send(&stand, "yy-query-01", "POST", "/v1/licences/query", "application/json", body.as_bytes())
    };
    assert_eq!(other(&body).status, 200, "another caller has a count of its own");
    assert_eq!(stand.metric(&["jingyue_licence_limited_total", "caller"]), "2");
    drop(stand);

    let mut desk = Desk::new();
    desk.settings += "operator_per_minute = 2\n";
    let stand = desk.start();
    let statuses = |operator: &str| {
        [by_identifier(operator), by_holder(operator), by_identifier(operator)]
            .map(|more| post(&stand, "/v1/licences/query", &with(&more)).status)
    };
    assert_eq!(statuses("a"), [200, 200, 429]);
    assert_eq!(statuses("b"), [200, 200, 429]);
    assert_eq!(stand.metric(&["jingyue_licence_limited_total", "operator"]), "2");
    drop(stand);

    // A holder is counted whether the call names him or the licence is his.
    let mut desk = Desk::new();
    desk.settings += "holder_per_day = 3\n";
    let stand = desk.start();
    for (name, more) in [
        ("query", by_holder("a")),
        ("auth", by_identifier("b")),
        ("match", json!({ "operator": "c", "ZZLXDM": KIND, "fields": { "CZZTDM": HOLDER } })),
    ] {
        assert_eq!(post(&stand, &format!("/v1/licences/{name}"), &with(&more)).status, 200, "{name}");
    }
    for more in [by_holder("d"), by_identifier("e")] {
        assert_eq!(refused(&post(&stand, "/v1/licences/query", &with(&more))), limited);
    }
    let none = json!({ "operator": "f", "CZZTDM": "91420000LAB000003X", "ZZLXDM": KIND });
    assert_eq!(post(&stand, "/v1/licences/query", &with(&none)).status, 404, "another holder");
    assert_eq!(stand.metric(&["jingyue_licence_limited_total", "holder"]), "2");
    nothing_personal(&stand, &desk);
}
