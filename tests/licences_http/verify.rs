//! The verdict on a file over HTTP, and calls that get none.

use crate::build::Draft;
use crate::build::OFFICE;
use crate::build::Offices;
use crate::build::pack;
use crate::desk::Desk;
use crate::desk::HOLDER;
use crate::desk::IDENTIFIER;
use crate::desk::KIND;
use crate::desk::common;
use crate::desk::faulty;
use crate::desk::get;
use crate::desk::nothing_personal;
use crate::desk::post;
use crate::desk::refused;
use crate::desk::sample;
use crate::desk::samples;
use crate::desk::send;
use crate::desk::well;
use crate::desk::with;
use crate::desk::with_file;
use crate::support::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jingyue::domain::licence::check_character;
use jingyue::domain::sm;
use serde_json::Value;
use serde_json::json;

const PATH: &str = "/v1/licences/verify";

#[test]
fn every_sample_gets_its_verdict_with_status_200() {
    let desk = Desk::new();
    let stand = desk.start();
    let expected: Value = serde_json::from_slice(&std::fs::read(samples().join("expected.json")).unwrap()).unwrap();
    for line in expected.as_array().unwrap() {
        let name = line["file"].as_str().unwrap();
        let told = well(&post(&stand, PATH, &with_file(name, &json!({}))));
        assert_eq!(told["decision"], line["decision"], "{name}: {told}");
        let codes = told["reason"].as_array().unwrap();
        assert!(line["codes"].as_array().unwrap().iter().all(|code| codes.contains(code)), "{name}: {told}");
        for name in ["reportId", "receipt"] {
            assert_eq!(told[name].as_str().unwrap().len(), 32);
        }
        assert_eq!(told["requestId"], "R-1");
        assert!(told["signatures"].is_array() && told["evidence"]["fileSm3"].is_string());
    }
    // By province and type of the catalogue; a label is never what a file says.
    let known = stand.metric(&["jingyue_licence_kinds_total", "ACCEPT", "\"430000\"", "营业执照"]);
    assert!(known.parse::<u32>().unwrap() >= 1);
    assert!(stand.metric(&["jingyue_licence_kinds_total", "REJECT", "_unknown"]).parse::<u32>().unwrap() >= 1);
    let accepted = stand.metric(&["jingyue_licence_verdicts_total", "ACCEPT", "\"OK\""]);
    assert!(accepted.parse::<u32>().unwrap() >= 1);
    assert_eq!(stand.metric(&["jingyue_licence_receipts_backlog"]), expected.as_array().unwrap().len().to_string());
    nothing_personal(&stand, &desk);
}

#[test]
fn the_same_as_a_form() {
    let desk = Desk::new();
    let stand = desk.start();
    let mut body = Vec::new();
    let mut part = |name: &str, file: &str, bytes: &[u8]| {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(&[head.as_bytes(), bytes, b"\r\n"].concat());
    };
    for (name, value) in common().as_object().unwrap() {
        part(name, "", value.as_str().unwrap().as_bytes());
    }
    part("expect.ZZLXDM", "", KIND.as_bytes());
    part("report", "", b"simple");
    part("file", "; filename=\"a.ofd\"", &sample("v01-ses-v4.ofd"));
    body.extend_from_slice(b"--XX--\r\n");
    let kind = "multipart/form-data; boundary=XX";
    let told = well(&send(&stand, "yy-kstb-01", "POST", PATH, kind, &body));
    assert_eq!(told["decision"], "ACCEPT", "{told}");
    assert_eq!(told["licence"]["ZZBS"], IDENTIFIER);
    assert!(told.get("signatures").is_none() && told.get("evidence").is_none(), "{told}");
    let cut = &body[..body.len() - 200];
    assert_eq!(refused(&send(&stand, "yy-kstb-01", "POST", PATH, kind, cut)), (400, "REQ.SCHEMA".to_owned()));
}

#[test]
fn all_faults_of_fields_at_once() {
    let desk = Desk::new();
    let stand = desk.start();
    let body = json!({ "matter": "S C", "ground": "x", "expect": { "ZZLXDN": "1" }, "at": "yesterday", "surprise": 1 });
    let answer = post(&stand, PATH, &body);
    assert_eq!(refused(&answer), (400, "REQ.SCHEMA".to_owned()));
    assert_eq!(
        faulty(&answer),
        ["matter", "caseNo", "window", "operator", "ground", "useCause", "file", "at", "expect.ZZLXDN", "surprise"]
    );
    let personal = post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({ "caseNo": "A-11010519491231002X" })));
    assert_eq!(faulty(&personal), ["caseNo"]);
    assert_eq!(refused(&send(&stand, "yy-kstb-01", "POST", PATH, "application/json", b"[")).0, 400);
    assert_eq!(refused(&send(&stand, "yy-kstb-01", "POST", PATH, "text/xml", b"<a/>")).0, 400);
    // What does not stand in a receipt may say anything, and is not told back.
    assert_eq!(refused(&send(&stand, "yy-kstb-01", "POST", PATH, "application/json", br#"{"a":1,"a":2}"#)).0, 400);
}

#[test]
fn who_may_not() {
    let desk = Desk::new();
    let stand = desk.start();
    let body = with_file("v01-ses-v4.ofd", &json!({}));
    let bytes = body.to_string();
    // Not signed, a stranger, a caller without its line, another matter, another method, another path.
    let mut client = stand.connect();
    client.send("POST", PATH, &[], bytes.as_bytes());
    assert_eq!(refused(&client.receive()), (401, "AUTH.MISSING".to_owned()));
    let json = "application/json";
    assert_eq!(
        refused(&send(&stand, "nobody", "POST", PATH, json, bytes.as_bytes())),
        (401, "AUTH.MISSING".to_owned())
    );
    let not_allowed = (403, "AUTH.MATTER_NOT_ALLOWED".to_owned());
    assert_eq!(refused(&send(&stand, "yy-query-01", "POST", PATH, json, bytes.as_bytes())), not_allowed);
    let other = with_file("v01-ses-v4.ofd", &json!({ "matter": "PJ001" }));
    assert_eq!(refused(&post(&stand, PATH, &other)), not_allowed);
    assert_eq!(refused(&get(&stand, PATH)), (405, "REQ.METHOD".to_owned()));
    assert_eq!(refused(&post(&stand, "/v1/licences/nothing", &body)), (404, "REQ.PATH".to_owned()));
    assert_eq!(stand.metric(&["jingyue_licence_receipts_backlog"]), "0");
}

#[test]
fn without_the_section_there_is_no_call() {
    let stand = Setup::at(crate::desk::NOW).start();
    let body = common().to_string();
    let mut client = stand.connect();
    client.send(
        "POST",
        PATH,
        &crate::desk::signed(&stand, "yy-kstb-01", "POST", PATH, body.as_bytes()),
        body.as_bytes(),
    );
    let answer = client.receive();
    assert!(answer.status != 200 && !answer.text().contains("REQ."), "{}", answer.text());
}

#[test]
fn too_large_is_said_so() {
    let desk = Desk::new();
    let stand = desk.start();
    let mut body = with(&json!({}));
    body["file"] = json!("A".repeat(29_000_000));
    assert_eq!(refused(&post(&stand, PATH, &body)), (413, "REQ.TOO_LARGE".to_owned()));
    let form = [&b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"[..], &vec![0; 21 << 20]].concat();
    let kind = "multipart/form-data; boundary=XX";
    let answer = send(&stand, "yy-kstb-01", "POST", PATH, kind, &form);
    assert_eq!(refused(&answer), (413, "REQ.TOO_LARGE".to_owned()));
}

#[test]
fn another_time_only_for_those_allowed_and_a_proof_from_before() {
    let mut desk = Desk::new();
    let stand = desk.start();
    let at = |time: &str| with_file("v01-ses-v4.ofd", &json!({ "at": time }));
    // Years on the certificates have ended, and there is no proof yet.
    let late = "2040-06-01T00:00:00+08:00";
    let told = well(&post(&stand, PATH, &at(late)));
    assert!(told["reason"].as_array().unwrap().contains(&json!("SIG.NO_POE")), "{told}");
    // The verdict as of now leaves a proof of existence.
    assert_eq!(well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))))["decision"], "ACCEPT");
    let told = well(&post(&stand, PATH, &at(late)));
    assert!(!told["reason"].as_array().unwrap().contains(&json!("SIG.NO_POE")), "{told}");
    drop(stand);
    desk.access = "matters = [\"*\"]".to_owned();
    let stand = desk.start();
    assert_eq!(refused(&post(&stand, PATH, &at(late))), (403, "AUTH.MATTER_NOT_ALLOWED".to_owned()));
}

#[test]
fn harvesting_is_limited_by_operator_and_holder() {
    let mut desk = Desk::new();
    desk.settings += "operator_per_minute = 3\nholder_per_day = 2\n";
    let stand = desk.start();
    let ask = |operator: &str, holder: &str| {
        let expect = json!({ "operator": operator, "expect": { "CZZTDM": holder } });
        post(&stand, PATH, &with_file("v01-ses-v4.ofd", &expect))
    };
    assert_eq!([ask("a", HOLDER).status, ask("b", HOLDER).status], [200, 200]);
    let limited = ask("c", HOLDER);
    assert_eq!(refused(&limited), (429, "RATE.LIMITED".to_owned()));
    assert_eq!(limited.header("retry-after"), "43200");
    assert_eq!(ask("d", "91420000LAB000003X").status, 200);
    assert_eq!([ask("d", "x1").status, ask("d", "x2").status, ask("d", "x3").status], [200, 200, 429]);
    assert_eq!(stand.metric(&["jingyue_licence_limited_total", "holder"]), "1");
    assert_eq!(stand.metric(&["jingyue_licence_limited_total", "operator"]), "1");
    nothing_personal(&stand, &desk);
}

#[test]
fn the_policy_releases_fields_for_its_matters_only() {
    let mut desk = Desk::new();
    let policy = desk.folder.path().join("policy.toml");
    let text = "format = \"licence-policy/1\"\n[matters.SC014]\nname = \"测试\"\ntypes = []\nfields = [\"ZZMC\"]\n";
    std::fs::write(&policy, text).unwrap();
    desk.settings = format!("{}policy_file = \"{}\"\n", desk.settings, policy.display());
    let stand = desk.start();
    let told = well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    assert_eq!(told["licence"]["fields"], json!({ "ZZMC": "营业执照" }), "{told}");
    let told = well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({ "matter": "GJ12" }))));
    assert_eq!((&told["decision"], &told["reason"][0]), (&json!("REVIEW"), &json!("POLICY.MATTER_UNKNOWN")));
    nothing_personal(&stand, &desk);
    // A reload takes all or nothing.
    std::fs::write(&policy, text.replace("fields", "feelds")).unwrap();
    assert!(stand.app().reload().is_err());
    std::fs::write(&policy, text.replace("ZZMC", "ZZBFRQ")).unwrap();
    stand.app().reload().unwrap();
    let told = well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({}))));
    assert_eq!(told["licence"]["fields"], json!({ "ZZBFRQ": "2024-03-15" }), "{told}");
}

#[test]
fn a_report_tells_as_much_as_was_asked_for() {
    let desk = Desk::new();
    let stand = desk.start();
    let told = |level: &str| well(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({ "report": level }))));
    let members = |told: &Value| told.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (simple, detailed, full) = (told("simple"), told("detailed"), told("full"));
    let clerk = ["reportId", "decision", "signature", "reason", "textZh", "licence", "requestId", "receipt"];
    assert_eq!(members(&simple), clerk);
    assert!(["signatures", "checks", "evidence"].iter().all(|name| !detailed[name].is_null()));
    assert!(detailed["signatures"][0].get("raw").is_none() && detailed.get("reportZh").is_none());
    assert!(full["reportZh"].as_str().unwrap().contains("SIG.VALUE_INVALID"));
    // The value is the one in the file, and over what it says.
    let raw = &full["signatures"][0]["raw"];
    let mut file = zip::ZipArchive::new(std::io::Cursor::new(sample("v01-ses-v4.ofd"))).unwrap();
    let mut member = |name: &str| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let signed = raw["signedFile"].as_str().unwrap();
    assert_eq!(raw["signedSm3"], sm::hex(&sm::digest(&member(signed))));
    let value = signed.replace("Signature.xml", "SignedValue.dat");
    assert_eq!(raw["value"], STANDARD.encode(member(&value)));
    assert!(raw["covered"].as_array().unwrap().contains(&json!("OFD.xml")));
    assert_eq!(refused(&post(&stand, PATH, &with_file("v01-ses-v4.ofd", &json!({ "report": "raw" })))).0, 400);
}

#[test]
fn a_type_that_is_not_in_the_catalogue_is_for_a_person() {
    let desk = Desk::of_offices(&Offices::new(), &[]);
    let stand = desk.start();
    // Well formed, and in no catalogue.
    let kind = "11100000MB0143028R998";
    let serial = "LAB430600000301";
    let check = check_character(&format!("{kind}{OFFICE}{serial}001")).unwrap();
    let mut draft = Draft::new();
    draft.set("ZZLXDM", kind);
    draft.set("ZZBS", &format!("1.2.156.3005.2.{kind}.{OFFICE}.{serial}.001.{check}"));
    let mut body = with(&json!({}));
    body["file"] = json!(STANDARD.encode(pack(&draft.sealed())));
    let told = well(&post(&stand, PATH, &body));
    assert_eq!((&told["decision"], &told["reason"][0]), (&json!("REVIEW"), &json!("LIC.TYPE_UNKNOWN")), "{told}");
    assert_eq!(stand.metric(&["jingyue_licence_kinds_total", "REVIEW", "_unknown"]), "1");
}
