//! Licences from their source: found, granted by a one-time code, fetched once, compared.

use crate::desk::CASE;
use crate::desk::Desk;
use crate::desk::HOLDER;
use crate::desk::IDENTIFIER;
use crate::desk::KIND;
use crate::desk::NOW;
use crate::desk::get;
use crate::desk::nothing_personal;
use crate::desk::post;
use crate::desk::refused;
use crate::desk::sample;
use crate::desk::send;
use crate::desk::well;
use crate::desk::with;
use crate::support::Stand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

fn call(stand: &Stand, name: &str, more: &Value) -> crate::support::Answer {
    post(stand, &format!("/v1/licences/{name}"), &with(more))
}

fn granted(stand: &Stand) -> String {
    let told = well(&call(stand, "auth", &json!({ "ZZBS": IDENTIFIER })));
    assert_eq!((&told["ZZLXDM"], &told["expiresAt"]), (&json!(KIND), &json!("2024-06-01T00:10:00+08:00")));
    let code = told["authCode"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 40);
    code
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn query_tells_what_there_is_and_no_content() {
    let desk = Desk::new();
    let stand = desk.start();
    let by_holder = json!({ "CZZTDM": HOLDER, "ZZLXDM": KIND });
    let answer = call(&stand, "query", &by_holder);
    let told = well(&answer);
    let list = told["licences"].as_array().unwrap();
    // The file that was changed is not among them.
    assert_eq!(list.len(), 2, "{told}");
    assert!(list.iter().all(|one| one["decision"] == "ACCEPT") && list[0]["ZZBS"] == IDENTIFIER);
    assert!(!answer.text().contains(HOLDER) && !answer.text().contains("岳阳测试有限公司"));
    let told = well(&call(&stand, "query", &json!({ "ZZBS": IDENTIFIER })));
    assert_eq!(told["licences"].as_array().unwrap().len(), 1);
    assert_eq!(refused(&call(&stand, "query", &json!({ "ZZBS": "1.2.3" }))), code(404, "SRC.NOT_FOUND"));
    assert_eq!(refused(&call(&stand, "query", &json!({}))), code(400, "REQ.SCHEMA"));
    assert_eq!(refused(&call(&stand, "query", &json!({ "CZZTDM": HOLDER }))), code(400, "REQ.SCHEMA"));
    // One that is not there leaves a receipt too.
    assert_eq!(stand.metric(&["jingyue_licence_receipts_backlog"]), "3");
}

#[test]
fn a_code_is_for_one_use_of_one_licence_in_one_case() {
    let mut desk = Desk::new();
    desk.second = Some("matters = [\"*\"]".to_owned());
    let stand = desk.start();
    let several = json!({ "CZZTDM": HOLDER, "ZZLXDM": KIND });
    assert_eq!(refused(&call(&stand, "auth", &several)), code(409, "SRC.AMBIGUOUS"));
    let given = granted(&stand);
    let fetch = |more: &Value| {
        let mut body = json!({ "ZZBS": IDENTIFIER, "authCode": given });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        call(&stand, "fetch", &body)
    };
    let missing = code(401, "AUTH.MISSING");
    assert_eq!(refused(&fetch(&json!({ "caseNo": "2024-430600-000124" }))), missing);
    assert_eq!(refused(&fetch(&json!({ "matter": "GJ12" }))), code(403, "AUTH.MATTER_NOT_ALLOWED"));
    assert_eq!(refused(&fetch(&json!({ "authCode": "0".repeat(40) }))), missing);
    let hubei = "1.2.156.3005.2.11100000MB0143028R001.11421000LAB000001A.LAB421000000001.001.1";
    assert_eq!(refused(&fetch(&json!({ "ZZBS": hubei }))), missing);
    let body = with(&json!({ "ZZBS": IDENTIFIER, "authCode": given })).to_string();
    let stranger = send(&stand, "yy-query-01", "POST", "/v1/licences/fetch", "application/json", body.as_bytes());
    assert_eq!(refused(&stranger), missing);
    let mut without = with(&json!({ "ZZBS": IDENTIFIER }));
    without["authCode"] = Value::Null;
    assert_eq!(refused(&post(&stand, "/v1/licences/fetch", &without)), code(400, "REQ.SCHEMA"));
    // None of these has used it up.
    let told = well(&fetch(&json!({})));
    assert_eq!(told["decision"], "ACCEPT");
    assert_eq!(STANDARD.decode(told["file"].as_str().unwrap()).unwrap(), sample("v01-ses-v4.ofd"));
    assert_eq!(refused(&fetch(&json!({}))), code(409, "AUTH.CODE_USED"));
    let page = well(&get(&stand, "/v1/licences/receipts"));
    let calls: Vec<&str> =
        page["receipts"].as_array().unwrap().iter().map(|receipt| receipt["call"].as_str().unwrap()).collect();
    assert_eq!((calls, &page["chain"]["intact"]), (vec!["auth", "fetch"], &json!(true)));
    nothing_personal(&stand, &desk);
}

#[test]
fn a_code_also_goes_with_a_file() {
    let desk = Desk::new();
    let stand = desk.start();
    let given = granted(&stand);
    let body = crate::desk::with_file("v01-ses-v4.ofd", &json!({ "authCode": given }));
    assert_eq!(well(&post(&stand, "/v1/licences/verify", &body))["decision"], "ACCEPT");
    assert_eq!(refused(&post(&stand, "/v1/licences/verify", &body)), code(409, "AUTH.CODE_USED"));
}

#[test]
fn of_many_at_once_one_gets_the_licence() {
    let desk = Desk::new();
    let stand = desk.start();
    let given = granted(&stand);
    let body = json!({ "ZZBS": IDENTIFIER, "authCode": given });
    let mut codes: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| call(&stand, "fetch", &body).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    codes.sort_unstable();
    assert_eq!(codes, [200, 409, 409, 409, 409, 409, 409, 409]);
}

#[test]
fn codes_end_and_a_restart_forgets_none() {
    let desk = Desk::new();
    let stand = desk.start();
    let (used, unused, late) = (granted(&stand), granted(&stand), granted(&stand));
    let fetch = |stand: &Stand, given: &str| call(stand, "fetch", &json!({ "ZZBS": IDENTIFIER, "authCode": given }));
    assert_eq!(fetch(&stand, &used).status, 200);
    drop(stand);
    let stand = desk.start();
    assert_eq!(refused(&fetch(&stand, &used)), code(409, "AUTH.CODE_USED"));
    assert_eq!(fetch(&stand, &unused).status, 200);
    stand.clock.set(NOW + 600_001);
    assert_eq!(refused(&fetch(&stand, &late)), code(410, "AUTH.CODE_EXPIRED"));
    let page = well(&get(&stand, "/v1/licences/receipts"));
    assert_eq!((&page["last"], &page["chain"]["intact"]), (&json!(5), &json!(true)));
}

#[test]
fn a_file_that_changed_at_its_source_is_not_given() {
    let desk = Desk::new();
    let stand = desk.start();
    let given = granted(&stand);
    let path = desk.folder.path().join("source/v01-ses-v4.ofd");
    std::fs::write(&path, sample("a10-stolen-seal.ofd")).unwrap();
    let answer = call(&stand, "fetch", &json!({ "ZZBS": IDENTIFIER, "authCode": given }));
    assert_eq!(refused(&answer), code(502, "SRC.BAD_ANSWER"));
    assert_eq!(refused(&call(&stand, "query", &json!({ "ZZBS": IDENTIFIER }))), code(502, "SRC.BAD_ANSWER"));
    // The code is still good when the source is.
    std::fs::write(&path, sample("v01-ses-v4.ofd")).unwrap();
    assert_eq!(call(&stand, "fetch", &json!({ "ZZBS": IDENTIFIER, "authCode": given })).status, 200);
}

#[test]
fn without_a_source_it_is_said() {
    let mut desk = Desk::new();
    desk.settings = desk
        .settings
        .lines()
        .filter(|line| !line.starts_with("source_"))
        .fold(String::new(), |text, line| text + line + "\n");
    let stand = desk.start();
    for name in ["query", "auth"] {
        assert_eq!(refused(&call(&stand, name, &json!({ "ZZBS": IDENTIFIER }))), code(501, "SRC.NOT_PROVIDED"));
    }
}

#[test]
fn what_was_told_is_compared() {
    let mut desk = Desk::new();
    desk.settings += "holder_per_day = 1000\n";
    let stand = desk.start();
    let result = |fields: Value| {
        let told = well(&call(&stand, "match", &json!({ "ZZLXDM": KIND, "fields": fields })));
        assert!(!told["textZh"].as_str().unwrap().is_empty());
        told["result"].as_u64().unwrap()
    };
    let number = "LAB430600000001";
    assert_eq!(result(json!({ "ZZBS": IDENTIFIER, "CZZT": "岳阳测试有限公司" })), 0);
    assert_eq!(result(json!({ "ZZBH": number, "CZZTDM": HOLDER })), 0);
    assert_eq!(result(json!({ "CZZTDM": HOLDER })), 4);
    assert_eq!(result(json!({ "CZZTDM": "91430600LAB000003X" })), 5);
    assert_eq!(result(json!({})), 6);
    assert_eq!(result(json!({ "ZZBH": number, "CZZT": "别的公司" })), 7);
    // The licence ends on 2044-03-14, and its certificates before that.
    stand.clock.set(NOW - 86_400_000 * 365);
    assert_eq!(refused(&call(&stand, "match", &json!({ "ZZLXDM": KIND, "fields": { "ZZBH": number } }))).0, 502);
    nothing_personal(&stand, &desk);
}

#[test]
fn types_equivalences_and_identifiers() {
    let desk = Desk::new();
    let stand = desk.start();
    let types = well(&get(&stand, "/v1/licences/types?side=hunan"));
    let marriage = types["types"].as_array().unwrap().iter().find(|one| one["name"] == "结婚证").unwrap().clone();
    let told = well(&get(&stand, &format!("/v1/licences/equivalence/{}", marriage["ZZLXDM"].as_str().unwrap())));
    assert!(told["equivalences"].as_array().unwrap().iter().any(|row| row["to"] == "hubei"), "{told}");
    let not_found = code(404, "SRC.NOT_FOUND");
    assert_eq!(refused(&get(&stand, "/v1/licences/types?side=mars")), not_found);
    assert_eq!(refused(&get(&stand, "/v1/licences/equivalence/1")), not_found);
    let told = well(&post(&stand, "/v1/licences/id/check", &json!({ "ZZBS": IDENTIFIER, "requestId": "a" })));
    assert_eq!((&told["valid"], &told["requestId"]), (&json!(true), &json!("a")));
    let told = well(&post(&stand, "/v1/licences/id/check", &json!({ "ZZBS": IDENTIFIER.replace(".H", ".I") })));
    assert_eq!((&told["valid"], &told["computed"]), (&json!(false), &json!("H")));
    assert!(!CASE.is_empty());
}
