//! Trust lists over HTTP: what is in use, and who may put one.

use crate::build::Holder;
use crate::build::OFFICE;
use crate::build::Offices;
use crate::build::Wanted;
use crate::build::certify;
use crate::desk::Desk;
use crate::desk::KIND;
use crate::desk::get;
use crate::desk::identifier;
use crate::desk::post;
use crate::desk::refused;
use crate::desk::send;
use crate::desk::well;
use crate::desk::with;
use crate::support::Answer;
use crate::support::Stand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jingyue::domain::sm;
use serde_json::Value;
use serde_json::json;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

#[test]
fn a_list_that_its_operator_did_not_sign_is_refused_and_changes_nothing() {
    let mut desk = Desk::new();
    desk.second = Some("matters = [\"*\"]".to_owned());
    let stand = desk.start();
    let before = well(&get(&stand, "/v1/trust/lists"));
    assert!(before["lists"].as_array().unwrap().is_empty());
    assert_eq!(before["crls"].as_array().unwrap().len(), 3);
    let put = |key: &str, province: &str| {
        send(&stand, key, "PUT", &format!("/v1/trust/lists/{province}"), "application/json", b"{}")
    };
    assert_eq!(refused(&put("yy-query-01", "430000")), (403, "AUTH.MATTER_NOT_ALLOWED".to_owned()));
    assert_eq!(refused(&put("yy-kstb-01", "43")), (400, "REQ.SCHEMA".to_owned()));
    assert_eq!(refused(&put("yy-kstb-01", "430000")), (400, "REQ.SCHEMA".to_owned()), "without a signature");
    assert_eq!(well(&get(&stand, "/v1/trust/lists")), before);
    assert!(!desk.folder.path().join("trust/430000.json").exists());
}

/// A list of Hunan with that number; composed.
fn list(offices: &Offices, sequence: u64) -> Vec<u8> {
    let granted = |holder: &Holder| {
        json!({ "sm3": sm::hex(&sm::digest(&holder.certificate)), "cert": STANDARD.encode(&holder.certificate),
                "status": "granted", "from": "2020-01-01T00:00:00Z", "until": null })
    };
    let list = json!({
        "scheme": "dzzz-trust/1", "province": "430000", "sequence": sequence,
        "issued": "2024-05-01T00:00:00+08:00", "nextUpdate": "2024-11-01T00:00:00+08:00", "operator": { "name": "测试" },
        "anchors": [granted(&offices.root)], "sealMakers": [granted(&offices.maker)],
        "offices": [{ "uscc": OFFICE, "name": "岳阳市测试局", "sealIds": [], "types": [],
                      "from": "2020-01-01T00:00:00+08:00", "until": null }],
        "tsas": [], "crls": [], "nextOperatorKey": null,
    });
    serde_json::to_vec(&list).unwrap()
}

fn operator(seed: u8) -> Holder {
    let wanted = Wanted { number: 20, organization: "", common_name: "测试清单运营者", ..Wanted::default() };
    certify(&wanted, seed, None)
}

/// A desk whose folder of trust names the operator 20, and has no list yet.
fn desk(offices: &Offices) -> Desk {
    let desk = Desk::of_offices(offices, &[("LAB430600000201", &[])]);
    std::fs::write(trust(&desk).join("list-operator.cer"), operator(20).certificate).unwrap();
    desk
}

fn trust(desk: &Desk) -> PathBuf {
    desk.folder.path().join("trust")
}

fn put(stand: &Stand, province: &str, list: &[u8], by: &Holder) -> Answer {
    let path = format!("/v1/trust/lists/{province}");
    let mut headers = crate::desk::signed(stand, "yy-kstb-01", "PUT", &path, list);
    headers.push(("x-list-signature".to_owned(), STANDARD.encode(by.sign(list))));
    let mut client = stand.connect();
    client.send("PUT", &path, &headers, list);
    let answer = client.receive();
    crate::openapi::check("PUT", &path, answer.status, &answer.body);
    answer
}

fn sequence(stand: &Stand) -> Value {
    well(&get(stand, "/v1/trust/lists"))["lists"][0]["sequence"].clone()
}

/// What a start says that takes nothing.
fn start_fails(desk: &Desk) -> String {
    let failed = std::panic::catch_unwind(AssertUnwindSafe(|| drop(desk.start())));
    *failed.unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn a_new_edition_takes_the_place_of_the_one_before() {
    let offices = Offices::new();
    let desk = desk(&offices);
    let stand = desk.start();
    assert_eq!(well(&put(&stand, "430000", &list(&offices, 12), &operator(20)))["sequence"], 12);
    assert_eq!(sequence(&stand), 12);
    let refused_list = (422, "TRUST.LIST_REFUSED".to_owned());
    for (province, number, by) in [
        ("430000", 13, operator(21)),
        ("420000", 13, operator(20)),
        ("430000", 12, operator(20)),
        ("430000", 11, operator(20)),
    ] {
        let answer = put(&stand, province, &list(&offices, number), &by);
        assert_eq!(refused(&answer), refused_list, "{province} {number}");
        assert_eq!(sequence(&stand), 12);
        assert_eq!(std::fs::read(trust(&desk).join("430000.json")).unwrap(), list(&offices, 12));
    }
    assert_eq!(well(&put(&stand, "430000", &list(&offices, 13), &operator(20)))["sequence"], 13);
    let left: i64 = stand.metric(&["jingyue_licence_trust_list_left_seconds", "430000"]).parse().unwrap();
    assert!(left > 0);
    drop(stand);
    assert_eq!(sequence(&desk.start()), 13);
}

/// A list in the folder, as an administrator lays it there.
fn lay(desk: &Desk, list: &[u8], by: &Holder) {
    std::fs::write(trust(desk).join("430000.json"), list).unwrap();
    std::fs::write(trust(desk).join("430000.sig"), by.sign(list)).unwrap();
}

#[test]
fn no_start_takes_an_older_list() {
    let offices = Offices::new();
    let desk = desk(&offices);
    let stand = desk.start();
    well(&put(&stand, "430000", &list(&offices, 12), &operator(20)));
    drop(stand);
    lay(&desk, &list(&offices, 11), &operator(20));
    assert!(start_fails(&desk).contains("POLICY.LIST_ROLLBACK"));
    // Nor after a start without any.
    for name in ["430000.json", "430000.sig"] {
        std::fs::remove_file(trust(&desk).join(name)).unwrap();
    }
    let stand = desk.start();
    let older = put(&stand, "430000", &list(&offices, 11), &operator(20));
    assert_eq!(refused(&older), (422, "TRUST.LIST_REFUSED".to_owned()));
    drop(stand);
    // One laid into the folder counts as seen too.
    lay(&desk, &list(&offices, 14), &operator(20));
    assert_eq!(sequence(&desk.start()), 14);
    lay(&desk, &list(&offices, 13), &operator(20));
    assert!(start_fails(&desk).contains("POLICY.LIST_ROLLBACK"));
    lay(&desk, &list(&offices, 15), &operator(20));
    let stand = desk.start();
    assert_eq!(sequence(&stand), 15);
    lay(&desk, &list(&offices, 14), &operator(20));
    assert!(stand.app().reload().unwrap_err().join("").contains("POLICY.LIST_ROLLBACK"));
    assert_eq!(sequence(&stand), 15, "what is in use stays");
}

#[test]
fn a_changed_key_of_the_operator_outlives_a_restart() {
    let offices = Offices::new();
    let desk = desk(&offices);
    let stand = desk.start();
    let mut announcing: Value = serde_json::from_slice(&list(&offices, 12)).unwrap();
    let next = operator(21).certificate;
    announcing["nextOperatorKey"] = json!({ "sm3": sm::hex(&sm::digest(&next)), "cert": STANDARD.encode(&next) });
    well(&put(&stand, "430000", announcing.to_string().as_bytes(), &operator(20)));
    drop(stand);
    let stand = desk.start();
    well(&put(&stand, "430000", &list(&offices, 13), &operator(21)));
    drop(stand);
    // The pinned key has signed its last list, also for the next start.
    let stand = desk.start();
    assert_eq!(sequence(&stand), 13);
    let old = put(&stand, "430000", &list(&offices, 14), &operator(20));
    assert_eq!(refused(&old), (422, "TRUST.LIST_REFUSED".to_owned()));
    drop(stand);
    // Whoever pins another by hand is believed; the numbers go on.
    std::fs::write(trust(&desk).join("list-operator.cer"), operator(22).certificate).unwrap();
    lay(&desk, &list(&offices, 12), &operator(22));
    assert!(start_fails(&desk).contains("POLICY.LIST_ROLLBACK"));
    lay(&desk, &list(&offices, 15), &operator(22));
    assert_eq!(sequence(&desk.start()), 15);
}

#[test]
fn an_end_in_the_middle_of_a_put_keeps_no_gateway_from_starting() {
    let offices = Offices::new();
    let (old, new) = (list(&offices, 12), list(&offices, 13));
    let (old_signature, new_signature) = (operator(20).sign(&old), operator(20).sign(&new));
    // Decided: the list in its place, the signature beside its own. Not decided: both beside.
    for (decided, expected) in [(true, 13), (false, 12)] {
        let desk = desk(&offices);
        lay(&desk, if decided { &new } else { &old }, &operator(20));
        std::fs::write(trust(&desk).join("430000.sig"), &old_signature).unwrap();
        std::fs::write(trust(&desk).join(".430000.sig.new"), &new_signature).unwrap();
        if decided {
            std::fs::write(trust(&desk).join(".commit"), "430000.json\n430000.sig").unwrap();
        } else {
            std::fs::write(trust(&desk).join(".430000.json.new"), &new).unwrap();
        }
        let stand = desk.start();
        assert_eq!(sequence(&stand), expected);
        assert_eq!(well(&put(&stand, "430000", &list(&offices, 14), &operator(20)))["sequence"], 14);
        drop(stand);
        assert_eq!(sequence(&desk.start()), 14);
        let hidden =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().starts_with('.');
        assert_eq!(std::fs::read_dir(trust(&desk)).unwrap().filter_map(|entry| hidden(entry).then_some(())).count(), 0);
    }
}

#[test]
fn with_a_list_past_its_time_no_licence_can_be_judged() {
    let offices = Offices::new();
    let mut desk = desk(&offices);
    desk.settings += "holder_per_day = 1000\n";
    lay(&desk, &list(&offices, 12), &operator(20));
    let stand = desk.start();
    let licence = json!({ "ZZBS": identifier("LAB430600000201") });
    let query = || post(&stand, "/v1/licences/query", &with(&licence));
    assert_eq!(well(&query())["licences"][0]["decision"], "ACCEPT");
    // Due on 2024-11-01 in Beijing; three days of grace.
    let due = 1_730_390_400_000;
    stand.clock.set(due + 3_600_000);
    assert_eq!(well(&query())["licences"][0]["decision"], "REVIEW");
    stand.clock.set(due + 73 * 3_600_000);
    let expired = (503, "TRUST.LIST_EXPIRED".to_owned());
    assert_eq!(refused(&query()), expired);
    let compare = json!({ "ZZLXDM": KIND, "fields": { "ZZBS": identifier("LAB430600000201") } });
    assert_eq!(refused(&post(&stand, "/v1/licences/match", &with(&compare))), expired);
    // A file in hand gets its verdict.
    let mut verify = with(&json!({}));
    let file = std::fs::read(desk.folder.path().join("source/LAB430600000201.ofd")).unwrap();
    verify["file"] = json!(STANDARD.encode(file));
    let told = well(&post(&stand, "/v1/licences/verify", &verify));
    assert_eq!(told["decision"], "REJECT");
    assert!(told["reason"].as_array().unwrap().contains(&json!("POLICY.LIST_EXPIRED")), "{told}");
    // With a new list everything goes on.
    let mut newer: Value = serde_json::from_slice(&list(&offices, 13)).unwrap();
    newer["nextUpdate"] = json!("2025-11-01T00:00:00+08:00");
    well(&put(&stand, "430000", newer.to_string().as_bytes(), &operator(20)));
    assert_eq!(query().status, 200);
}
