//! Reports and receipts: whose they are, what they do not hold, and that a changed row is found.

use crate::desk::Desk;
use crate::desk::NEVER_KEPT;
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
