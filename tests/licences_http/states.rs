//! Licences that are right and cannot be used: before or past their time, suspended, ended.

use crate::build::Offices;
use crate::desk::Desk;
use crate::desk::KIND;
use crate::desk::Licence;
use crate::desk::NOW;
use crate::desk::identifier;
use crate::desk::nothing_personal;
use crate::desk::post;
use crate::desk::well;
use crate::desk::with;
use crate::share::call;
use crate::share::open;
use crate::share::status;
use serde_json::json;

/// One licence of each state; the numbers are the result of `match` and the status of the sharing platforms.
const LICENCES: [(Licence<'static>, u64, u64); 9] = [
    (("LAB430600000101", &[]), 0, 0),
    (("LAB430600000102", &[("ZZZT", "NOT_ACTIVE")]), 1, 23),
    (("LAB430600000103", &[("ZZYXQQSRQ", "2024-06-02")]), 1, 23),
    (("LAB430600000104", &[("ZZZT", "SUSPENDED")]), 2, 23),
    (("LAB430600000105", &[("ZZZT", "CANCELLED")]), 3, 21),
    (("LAB430600000106", &[("ZZZT", "REVOKED")]), 3, 21),
    (("LAB430600000107", &[("ZZZT", "EXPIRED")]), 3, 22),
    (("LAB430600000108", &[("ZZYXQJZRQ", "2024-05-30")]), 3, 22),
    (("LAB430600000109", &[("ZZYXQJZRQ", "2024-06-01")]), 0, 0),
];

fn desk() -> Desk {
    let licences: Vec<Licence<'_>> = LICENCES.iter().map(|(licence, ..)| *licence).collect();
    open(Desk::of_offices(&Offices::new(), &licences))
}

#[test]
fn each_state_has_its_result_and_its_status() {
    let desk = desk();
    let stand = desk.start();
    let asked = |serial: &str| {
        let fields = json!({ "ZZLXDM": KIND, "fields": { "ZZBH": serial, "CZZT": "岳阳测试有限公司" } });
        well(&post(&stand, "/v1/licences/match", &with(&fields)))["result"].as_u64().unwrap()
    };
    for ((serial, _), result, number) in LICENCES {
        assert_eq!(asked(serial), result, "{serial}");
        let told = call(&stand, "queryCertInfo", &json!({ "certIdentifier": identifier(serial) }));
        assert_eq!(status(&told), number, "{serial}: {told}");
        assert_eq!(told["data"].is_null(), number != 0, "{serial}: {told}");
    }
    // A day later the last of them has ended, and the one that had not begun is good.
    stand.clock.set(NOW + 86_400_000);
    assert_eq!([asked("LAB430600000109"), asked("LAB430600000103")], [3, 0]);
    nothing_personal(&stand, &desk);
}

#[test]
fn one_past_its_time_is_found_and_not_given() {
    let desk = desk();
    let stand = desk.start();
    let licence = json!({ "ZZBS": identifier("LAB430600000108") });
    let found = well(&post(&stand, "/v1/licences/query", &with(&licence)));
    assert_eq!(found["licences"][0]["decision"], "REJECT");
    assert_eq!(found["licences"][0]["reason"][0], "LIC.EXPIRED");
    let code = well(&post(&stand, "/v1/licences/auth", &with(&licence)))["authCode"].clone();
    let mut fetch = with(&licence);
    fetch["authCode"] = code;
    let told = well(&post(&stand, "/v1/licences/fetch", &fetch));
    assert_eq!((&told["decision"], told.get("file")), (&json!("REJECT"), None), "{told}");
    let url = call(&stand, "downloadUrl", &json!({ "certIdentifier": identifier("LAB430600000108") }));
    let ask = json!({ "certIdentifier": licence["ZZBS"], "downloadId": url["data"]["downloadId"] });
    assert_eq!(status(&call(&stand, "downloadFile", &ask)), 22);
}
