//! Reports and receipts: whose they are, what they do not hold, and that a changed row is found.

use crate::desk::Desk;
use crate::desk::NEVER_KEPT;
use crate::desk::NOW;
use crate::desk::get;
use crate::desk::nothing_personal;
use crate::desk::post;
use crate::desk::refused;
use crate::desk::send;
use crate::desk::well;
use crate::desk::with_file;
use jingyue::domain::sm;
use rusqlite::Connection;
use serde_json::Value;
use serde_json::json;

const PATH: &str = "/v1/licences/verify";

#[test]
fn a_report_is_for_the_caller_who_had_it_made() {
    let mut desk = Desk::new();
    desk.second = Some("matters = [\"*\"]".to_owned());
    let stand = desk.start();
    let told = well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    let path = format!("/v1/licences/reports/{}", told["reportId"].as_str().unwrap());
    let report = get(&stand, &path);
    let kept = well(&report);
    assert_eq!(kept["decision"], "ACCEPT");
    assert_eq!(kept["signatures"], told["signatures"]);
    assert_eq!(kept["licence"]["ZZLXDM"], told["licence"]["ZZLXDM"]);
    for text in NEVER_KEPT {
        assert!(!report.text().contains(text), "{text}");
    }
    let not_found = (404, "SRC.NOT_FOUND".to_owned());
    assert_eq!(refused(&send(&stand, "yy-query-01", "GET", &path, "application/json", b"")), not_found);
    assert_eq!(refused(&get(&stand, "/v1/licences/reports/0123")), not_found);
    nothing_personal(&stand, &desk);
}

fn receipts(stand: &crate::support::Stand, since: i64) -> Value {
    well(&get(stand, &format!("/v1/licences/receipts?since={since}")))
}

#[test]
fn receipts_are_chained_and_a_changed_row_is_found() {
    let desk = Desk::new();
    let stand = desk.start();
    let mut told = Vec::new();
    for name in ["v01-ses-v4.ofd", "a10-stolen-seal.ofd", "v18-hubei-licence.ofd", "v01-ses-v4.ofd"] {
        told.push(well(&post(&stand, PATH, &with_file(name, &json!({})))));
    }
    let page = receipts(&stand, 0);
    assert_eq!(page["chain"], json!({ "intact": true, "brokenAt": null }));
    let list = page["receipts"].as_array().unwrap();
    assert_eq!((list.len(), &page["next"], &page["last"]), (4, &json!(4), &json!(4)));
    for (receipt, told) in list.iter().zip(&told) {
        assert_eq!(receipt["receipt"], told["receipt"]);
        assert_eq!(receipt["decision"], told["decision"]);
        assert_eq!((&receipt["caseNo"], &receipt["ground"]), (&json!(crate::desk::CASE), &json!("consent")));
    }
    // The report is the one the receipt tells of.
    let text = get(&stand, &format!("/v1/licences/reports/{}", told[0]["reportId"].as_str().unwrap())).text();
    assert_eq!(list[0]["reportSm3"], sm::hex(&sm::digest(text.as_bytes())));
    assert_eq!(list[0]["previous"], "0".repeat(64));
    assert!((1..4).all(|index| list[index]["previous"] == list[index - 1]["digest"]));
    // One licence, one holder: the same values, which nobody without the key can work out.
    assert_eq!(list[0]["identifierHmac"], list[3]["identifierHmac"]);
    assert_eq!(list[0]["holderHmac"], list[2]["holderHmac"]);
    assert_ne!(list[0]["identifierHmac"], list[2]["identifierHmac"]);
    assert_eq!(receipts(&stand, 3)["receipts"].as_array().unwrap().len(), 1);
    assert_eq!(stand.metric(&["jingyue_licence_receipts_backlog"]), "1");
    for since in ["-1", "x"] {
        assert_eq!(refused(&get(&stand, &format!("/v1/licences/receipts?since={since}"))).0, 400);
    }
    nothing_personal(&stand, &desk);
    drop(stand);

    for (change, broken_at) in [
        ("UPDATE receipt SET decision = 'ACCEPT' WHERE sequence = 2", 2),
        ("DELETE FROM receipt WHERE sequence = 3", 3),
        ("UPDATE receipt SET digest = previous WHERE sequence = 1", 1),
    ] {
        let copy = Desk::new();
        std::fs::copy(desk.store(), copy.store()).unwrap();
        Connection::open(copy.store()).unwrap().execute_batch(change).unwrap();
        let stand = copy.start();
        let chain = receipts(&stand, 0)["chain"].clone();
        assert_eq!(chain, json!({ "intact": false, "brokenAt": broken_at }), "{change}");
        assert_eq!(stand.metric(&["jingyue_licence_chain_breaks_total"]), "1");
        // Also for a reader who has what is before it.
        let chain = receipts(&stand, broken_at - 1)["chain"].clone();
        assert_eq!(chain["intact"], false, "{change}");
    }
}

#[test]
fn receipts_are_for_those_allowed() {
    let mut desk = Desk::new();
    desk.access = "matters = [\"*\"]".to_owned();
    let stand = desk.start();
    let answer = get(&stand, "/v1/licences/receipts");
    assert_eq!(refused(&answer), (403, "AUTH.MATTER_NOT_ALLOWED".to_owned()));
}

const DAY: i64 = 86_400_000;

#[test]
fn what_is_old_goes_and_the_chain_of_the_rest_holds() {
    let mut desk = Desk::new();
    desk.settings += "reports_days = 10\nreceipts_days = 30\n";
    let stand = desk.start();
    let verify = |stand: &crate::support::Stand| {
        let told = well(&post(stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
        format!("/v1/licences/reports/{}", told["reportId"].as_str().unwrap())
    };
    let first = verify(&stand);
    stand.clock.set(NOW + 5 * DAY);
    let second = verify(&stand);
    assert_eq!(receipts(&stand, 0)["anchor"], json!({ "sequence": 0, "digest": "0".repeat(64) }));
    // The reports of the first day, and not those of the sixth.
    stand.clock.set(NOW + 11 * DAY);
    let third = verify(&stand);
    let not_found = (404, "SRC.NOT_FOUND".to_owned());
    assert_eq!(refused(&get(&stand, &first)), not_found);
    assert_eq!([get(&stand, &second).status, get(&stand, &third).status], [200, 200]);
    let before = receipts(&stand, 0);
    assert_eq!(before["receipts"].as_array().unwrap().len(), 3, "receipts stay longer");
    // The first two receipts go; nobody but the metrics asks.
    stand.clock.set(NOW + 36 * DAY);
    stand.app().metrics();
    let page = receipts(&stand, 0);
    assert_eq!(page["anchor"], json!({ "sequence": 2, "digest": before["receipts"][1]["digest"] }));
    assert_eq!(page["receipts"], json!([before["receipts"][2]]));
    assert_eq!((&page["chain"]["intact"], &page["next"], &page["last"]), (&json!(true), &json!(3), &json!(3)));
    for since in [1, 2] {
        assert_eq!(receipts(&stand, since)["receipts"], page["receipts"], "{since}");
    }
    drop(stand);
    // Without a receipt left, the chain goes on from the anchor, also after a restart.
    let mut stand = desk.start();
    stand.clock.set(NOW + 90 * DAY);
    stand.app().metrics();
    assert_eq!(receipts(&stand, 0)["receipts"], json!([]));
    assert_eq!(stand.metric(&["jingyue_licence_receipts_backlog"]), "0");
    drop(stand);
    stand = desk.start();
    verify(&stand);
    let page = receipts(&stand, 0);
    assert_eq!(page["receipts"][0]["previous"], before["receipts"][2]["digest"]);
    assert_eq!((&page["receipts"][0]["sequence"], &page["chain"]["intact"]), (&json!(4), &json!(true)));
    nothing_personal(&stand, &desk);
    drop(stand);

    // An anchor that was changed is a break.
    Connection::open(desk.store()).unwrap().execute_batch("UPDATE anchor SET digest = zeroblob(32)").unwrap();
    assert_eq!(receipts(&desk.start(), 0)["chain"], json!({ "intact": false, "brokenAt": 4 }));
}

#[test]
fn what_was_tampered_with_stays() {
    let mut desk = Desk::new();
    let stand = desk.start();
    for _ in 0..3 {
        well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    }
    drop(stand);
    let change = "UPDATE receipt SET decision = 'REJECT' WHERE sequence = 2";
    Connection::open(desk.store()).unwrap().execute_batch(change).unwrap();
    desk.settings += "receipts_days = 1\n";
    let stand = desk.start();
    stand.clock.set(NOW + 9 * DAY);
    stand.app().metrics();
    let page = receipts(&stand, 0);
    assert_eq!((&page["anchor"]["sequence"], &page["chain"]["brokenAt"]), (&json!(1), &json!(2)));
    assert_eq!(page["receipts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_store_of_the_first_version_is_taken_on() {
    let desk = Desk::new();
    let stand = desk.start();
    let told = well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    drop(stand);
    let back = "DROP INDEX report_at; ALTER TABLE report DROP COLUMN at; DROP TABLE trust_list; \
                DROP TABLE trust_operator; DROP TABLE anchor; PRAGMA user_version = 1";
    Connection::open(desk.store()).unwrap().execute_batch(back).unwrap();
    let stand = desk.start();
    let path = format!("/v1/licences/reports/{}", told["reportId"].as_str().unwrap());
    assert_eq!(well(&get(&stand, &path))["decision"], "ACCEPT");
    well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    let page = receipts(&stand, 0);
    assert_eq!((&page["last"], &page["chain"]["intact"]), (&json!(2), &json!(true)));
}
