//! Trust lists over HTTP: what is in use, and who may put one.

use crate::build::Holder;
use crate::build::OFFICE;
use crate::build::Offices;
use crate::build::Wanted;
use crate::build::certify;
use crate::desk::Desk;
use crate::desk::get;
use crate::desk::refused;
use crate::desk::send;
use crate::desk::well;
use crate::support::Stand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jingyue::domain::sm;
use serde_json::json;

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

#[test]
fn a_new_edition_takes_the_place_of_the_one_before() {
    let desk = Desk::new();
    let trust = desk.folder.path().join("trust");
    let operator = |seed| {
        certify(
            &Wanted { number: 20, organization: "", common_name: "测试清单运营者", ..Wanted::default() },
            seed,
            None,
        )
    };
    let offices = Offices::new();
    std::fs::remove_dir_all(&trust).unwrap();
    std::fs::create_dir(&trust).unwrap();
    for (name, bytes) in offices.files(&[]) {
        std::fs::write(trust.join(name), bytes).unwrap();
    }
    std::fs::write(trust.join("list-operator.cer"), operator(20).certificate).unwrap();
    let stand = desk.start();
    let put = |stand: &Stand, province: &str, list: &[u8], by: &Holder| {
        let path = format!("/v1/trust/lists/{province}");
        let mut headers = crate::desk::signed(stand, "yy-kstb-01", "PUT", &path, list);
        headers.push(("x-list-signature".to_owned(), STANDARD.encode(by.sign(list))));
        let mut client = stand.connect();
        client.send("PUT", &path, &headers, list);
        client.receive()
    };
    let sequence = |stand: &Stand| well(&get(stand, "/v1/trust/lists"))["lists"][0]["sequence"].clone();
    let right = operator(20);
    assert_eq!(well(&put(&stand, "430000", &list(&offices, 12), &right))["sequence"], 12);
    assert_eq!(sequence(&stand), 12);
    let refused_list = (422, "TRUST.LIST_REFUSED".to_owned());
    for (province, number, by) in [
        ("430000", 13, operator(21)),
        ("420000", 13, operator(20)),
        ("430000", 12, operator(20)),
        ("430000", 11, right),
    ] {
        let answer = put(&stand, province, &list(&offices, number), &by);
        assert_eq!(refused(&answer), refused_list, "{province} {number}");
        assert_eq!(sequence(&stand), 12);
        assert_eq!(std::fs::read(trust.join("430000.json")).unwrap(), list(&offices, 12));
    }
    assert_eq!(well(&put(&stand, "430000", &list(&offices, 13), &operator(20)))["sequence"], 13);
    let left: i64 = stand.metric(&["jingyue_licence_trust_list_left_seconds", "430000"]).parse().unwrap();
    assert!(left > 0);
    drop(stand);
    assert_eq!(sequence(&desk.start()), 13);
}
