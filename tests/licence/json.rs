//! Licences in JSON with a signature beside them, answers of the sharing platforms, and codes on paper.

use super::attacks::attribute_form;
use super::attacks::content_form;
use super::attacks::signed_data;
use super::attacks::signer_info;
use super::build::*;
use super::*;
use jingyue::domain::envelope::cipher::Form;
use jingyue::domain::key::Key;
use jingyue::domain::licence::Answer;
use jingyue::domain::licence::AnswerFault;
use jingyue::domain::licence::Policy;
use jingyue::domain::licence::Question;
use jingyue::domain::licence::State;
use jingyue::domain::licence::judge;
use jingyue::domain::licence::judge_detached;
use jingyue::edge::keys::SoftwareKey;
use serde_json::json;

fn licence(draft: &Draft) -> String {
    let values = draft.metadata.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    serde_json::Value::Object(values.collect()).to_string()
}

fn plain(by: &Holder, file: &[u8]) -> Vec<u8> {
    json!({ "scheme": "licence-signature/1", "certificate": base64(&by.certificate), "value": base64(&by.sign(file)) })
        .to_string()
        .into_bytes()
}

fn detached(draft: &Draft, file: &[u8]) -> Vec<u8> {
    signed_data(draft, None, &signer_info(draft, &[], &draft.offices.office.sign(file)))
}

fn asked(draft: &Draft, file: &[u8], signature: &[u8]) -> Report {
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    judge_detached(file, signature, &Question::new(&trust, &Policy::default(), AT))
}

#[test]
fn all_forms_of_detached_signatures_pass() {
    let draft = Draft::new();
    let text = licence(&draft);
    let file = text.as_bytes();
    let pem = |der: &[u8]| format!("-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n", base64(der)).into_bytes();
    for signature in [
        plain(&draft.offices.office, file),
        detached(&draft, file),
        attribute_form(&draft, file),
        content_form(&draft, file),
        pem(&detached(&draft, file)),
        base64(&attribute_form(&draft, file)).into_bytes(),
    ] {
        let report = asked(&draft, file, &signature);
        expect_passed(&report, &["W.NO_SEAL"]);
        assert_eq!(report.facts().kind(), Some("11100000MB0143028R001"));
    }
    // The names of the sharing platforms.
    let mut theirs = text.clone();
    for (own, name) in [("ZZLXDM", "certTypeCode"), ("ZZBS", "certIdentifier"), ("ZZBFJGDM", "issuAuthCode")] {
        theirs = theirs.replace(&format!("\"{own}\""), &format!("\"{name}\""));
    }
    let report = asked(&draft, theirs.as_bytes(), &detached(&draft, theirs.as_bytes()));
    expect_passed(&report, &[]);
    assert_eq!(report.facts().kind(), Some("11100000MB0143028R001"));
}

#[test]
fn a_changed_licence_fails_in_every_form() {
    let draft = Draft::new();
    let text = licence(&draft);
    // Not one byte may differ, not even one that changes no value.
    for changed in [text.replace("2044-03-14", "2045-03-14"), format!("{text} ")] {
        for signature in [
            plain(&draft.offices.office, text.as_bytes()),
            detached(&draft, text.as_bytes()),
            attribute_form(&draft, text.as_bytes()),
            content_form(&draft, text.as_bytes()),
        ] {
            let report = asked(&draft, changed.as_bytes(), &signature);
            assert_eq!(report.decision, Decision::Reject, "{}", report.text());
            assert!(report.facts().identifier().is_none(), "what is not signed is not read");
            assert!(report.codes().contains(&"LIC.NO_METADATA"));
        }
    }
}

#[test]
fn json_that_is_wrong_has_its_code() {
    let draft = Draft::new();
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let text = licence(&draft);
    let twice = text.replacen('{', "{\"ZZBH\":\"1\",\"ZZBH\":\"2\",", 1);
    let within = text.replacen('{', "{\"KZ_A\":{\"a\":1,\"a\":2},", 1);
    let large = text.replacen('{', &format!("{{\"KZ_A\":\"{}\",", "a".repeat(1 << 20)), 1);
    let deep = text.replacen('{', &format!("{{\"KZ_A\":{}{},", "[".repeat(200), "]".repeat(200)), 1);
    for (file, code) in [
        (twice, "JSON.DUPLICATE_KEY"),
        (within, "JSON.DUPLICATE_KEY"),
        (large, "JSON.TOO_LARGE"),
        (deep, "JSON.MALFORMED"),
        ("{".to_owned(), "JSON.MALFORMED"),
        (format!("{text}{text}"), "JSON.MALFORMED"),
    ] {
        expect_failed(&asked(&draft, file.as_bytes(), &detached(&draft, file.as_bytes())), &[code]);
    }
    let unsigned = judge(text.as_bytes(), &Question::new(&trust, &Policy::default(), AT));
    expect_failed(&unsigned, &["SIG.NONE"]);
    for signature in [&b""[..], b"{}", b"AA==", b"{\"scheme\":\"licence-signature/2\"}"] {
        expect_failed(&asked(&draft, text.as_bytes(), signature), &["SES.MALFORMED"]);
    }
}

#[test]
fn chains_lists_and_times_are_judged_as_in_ofd() {
    let mut draft = Draft::new();
    let text = licence(&draft);
    let file = text.as_bytes();
    let trust = |revoked: &[(u8, &str)]| Trust::of_files(&draft.offices.files(revoked)).unwrap();
    let policy = Policy::default();
    let ask = |trust: &Trust, signature: &[u8]| judge_detached(file, signature, &Question::new(trust, &policy, AT));
    // Without a time in it, the time of the check decides.
    expect_failed(&ask(&trust(&[(3, "20240401000000Z")]), &plain(&draft.offices.office, file)), &["CERT.REVOKED"]);
    expect_open(
        &ask(&trust(&[(3, "20240401000000Z")]), &attribute_form(&draft, file)),
        &["CERT.REVOKED", "SIG.NO_POE"],
    );
    let mut files = draft.offices.files(&[]);
    files.push(("list-operator.cer".to_owned(), super::lists::operator(20).certificate));
    let mut list = super::lists::list(&draft.offices);
    super::lists::add(&mut files, "hunan", &list, &super::lists::operator(20));
    expect_passed(&ask(&Trust::of_files(&files).unwrap(), &plain(&draft.offices.office, file)), &[]);
    list["offices"] = json!([]);
    files.truncate(files.len() - 2);
    super::lists::add(&mut files, "hunan", &list, &super::lists::operator(20));
    let unlisted = ask(&Trust::of_files(&files).unwrap(), &plain(&draft.offices.office, file));
    expect_failed(&unlisted, &["SIG.OFFICE_NOT_LISTED"]);
    // The right signature by an office that is not the issuing authority.
    let other = Wanted { number: 5, organization: "11430600LAB0000022另一局", ..Wanted::default() };
    draft.offices.office = certify(&other, 5, Some(&draft.offices.authority));
    let report = asked(&draft, file, &plain(&draft.offices.office, file));
    expect(&report, Indication::TotalPassed, Decision::Reject, &["LIC.SEAL_ORG_MISMATCH"]);
}

fn encrypted(key: &SoftwareKey, text: &str) -> String {
    let der = key.public().encrypt(text.as_bytes(), &[7; 48]).unwrap();
    jingyue::domain::sm::hex(&Form::named("c1c3c2").unwrap().of_der(&der).unwrap())
}

#[test]
fn answers_of_platforms_are_opened_with_our_key() {
    let key = SoftwareKey::generate().unwrap();
    let text = json!({ "certIdentifier": "1.2", "holder": ["甲", "乙"], "holderCode": "H1", "expiringDate": "长期" });
    let hidden = encrypted(&key, &text.to_string());
    assert!(hidden.starts_with("04"));
    for data in [json!(hidden), json!({ "certData": hidden }), json!(hidden.to_uppercase())] {
        let answer = json!({ "head": { "status": 0, "message": "ok" }, "data": data }).to_string();
        let answer = Answer::open(&key, answer.as_bytes()).unwrap();
        assert_eq!(
            (answer.state(), answer.get("CZZT"), answer.get("CZZTDM")),
            (State::Valid, Some("甲,乙"), Some("H1"))
        );
        assert!(!format!("{answer:?}").contains("甲"));
        let word = answer.word("9.9", AT);
        assert_eq!((word.identifier.as_str(), word.state, word.at), ("1.2", State::Valid, AT));
    }
    for (number, state) in [("-4", State::Expired), ("-8", State::Cancelled), ("12", State::Suspended)] {
        let hidden = encrypted(&key, &json!({ "certState": number }).to_string());
        let answer = json!({ "head": { "status": 0 }, "data": hidden }).to_string();
        assert_eq!(Answer::open(&key, answer.as_bytes()).unwrap().state(), state);
    }
    for (status, state) in [(10, State::Unknown), (21, State::Cancelled), (22, State::Expired), (23, State::Suspended)]
    {
        let answer = json!({ "head": { "status": status } }).to_string();
        let answer = Answer::open(&key, answer.as_bytes()).unwrap();
        assert_eq!((answer.state(), answer.word("9.9", AT).identifier.as_str()), (state, "9.9"));
    }
}

#[test]
fn wrong_answers_have_their_codes() {
    let key = SoftwareKey::generate().unwrap();
    let other = SoftwareKey::generate().unwrap();
    let with = |data: serde_json::Value| json!({ "head": { "status": 0 }, "data": data }).to_string();
    let twice = encrypted(&key, "{\"holder\":\"a\",\"holder\":\"b\"}");
    let mut changed = encrypted(&key, "{\"holder\":\"a\"}");
    let last = if changed.ends_with('0') { "1" } else { "0" };
    changed.replace_range(changed.len() - 1.., last);
    for (answer, fault) in [
        ("{".to_owned(), AnswerFault::Malformed),
        ("{}".to_owned(), AnswerFault::Malformed),
        (json!({ "head": { "status": 11 } }).to_string(), AnswerFault::Refused(11)),
        (with(json!(null)), AnswerFault::Malformed),
        // Anybody could have put values there that are not encrypted.
        (with(json!({ "holder": "a" })), AnswerFault::Malformed),
        (with(json!("no hex")), AnswerFault::Unreadable),
        (with(json!(encrypted(&other, "{}"))), AnswerFault::Unreadable),
        (with(json!(changed)), AnswerFault::Unreadable),
        (with(json!(encrypted(&key, "[]"))), AnswerFault::Malformed),
        (with(json!(twice)), AnswerFault::DuplicateKey),
        ("{\"head\":{\"status\":0,\"status\":10}}".to_owned(), AnswerFault::DuplicateKey),
        (with(json!("0".repeat(1 << 20))), AnswerFault::TooLarge),
    ] {
        assert_eq!(Answer::open(&key, answer.as_bytes()).unwrap_err(), fault, "{}", &answer[..answer.len().min(80)]);
    }
}

#[test]
fn damage_never_panics_and_is_never_accepted() {
    let draft = Draft::new();
    let text = licence(&draft);
    let good = detached(&draft, text.as_bytes());
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    let policy = Policy::default();
    let question = Question::new(&trust, &policy, AT);
    for at in 0..text.len() {
        let mut bad = text.clone().into_bytes();
        bad[at] ^= 1 << (at % 8);
        assert_ne!(judge_detached(&bad, &good, &question).decision, Decision::Accept);
    }
    for at in (0..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let report = judge_detached(text.as_bytes(), &bad, &question);
        // A bit in a part that nothing is read from, such as the version, may leave it as good as it was.
        drop((report.json(), report.text()));
        assert!(judge_detached(text.as_bytes(), &good[..at], &question).decision == Decision::Reject);
    }
}
