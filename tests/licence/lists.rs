//! Signed trust lists: what they grant, and every way a list is refused.

use super::build::*;
use super::*;
use jingyue::domain::licence::Known;
use jingyue::domain::licence::Memory;
use jingyue::domain::licence::Operator;
use jingyue::domain::licence::TrustFault;
use jingyue::domain::licence::TrustList;
use jingyue::domain::sm;
use serde_json::Value;
use serde_json::json;

pub(crate) type Files = Vec<(String, Vec<u8>)>;

pub(crate) fn operator(seed: u8) -> Holder {
    let wanted = Wanted { number: 20, organization: "", common_name: "测试清单运营者", ..Wanted::default() };
    certify(&wanted, seed, None)
}

pub(crate) fn granted(holder: &Holder) -> Value {
    json!({ "sm3": sm::hex(&sm::digest(&holder.certificate)), "cert": base64(&holder.certificate),
            "status": "granted", "from": "2020-01-01T00:00:00Z", "until": null })
}

/// A right list of the draft's province.
pub(crate) fn list(offices: &Offices) -> Value {
    json!({
        "scheme": "dzzz-trust/1", "province": "430000", "sequence": 12,
        "issued": "2024-05-01T00:00:00+08:00", "nextUpdate": "2024-11-01T00:00:00+08:00",
        "operator": { "name": "测试" },
        "anchors": [granted(&offices.root)], "sealMakers": [granted(&offices.maker)],
        "offices": [{ "uscc": OFFICE, "name": "岳阳市测试局", "sealIds": ["43060000000001"],
                      "types": ["11100000MB0143028R001"], "from": "2020-01-01T00:00:00+08:00", "until": null }],
        "tsas": [],
        "crls": [{ "issuer": sm::hex(&sm::digest(&offices.authority.certificate)), "url": "http://crl.example/a.crl",
                   "maxAgeHours": 24 * 60 }],
        "nextOperatorKey": null,
    })
}

/// The trust folder with `list` signed by `by` under `name`.
pub(crate) fn add(files: &mut Files, name: &str, list: &Value, by: &Holder) {
    let bytes = serde_json::to_vec_pretty(list).unwrap();
    files.push((format!("{name}.sig"), by.sign(&bytes)));
    files.push((format!("{name}.json"), bytes));
}

fn folder(offices: &Offices, list: &Value) -> Files {
    let mut files = offices.files(&[]);
    files.push(("list-operator.cer".to_owned(), operator(20).certificate));
    add(&mut files, "hunan", list, &operator(20));
    files
}

fn report_under(draft: &Draft, list: &Value) -> Report {
    verify(&pack(&draft.sealed()), &Trust::of_files(&folder(&draft.offices, list)).unwrap(), AT)
}

fn codes(faults: &[TrustFault]) -> Vec<String> {
    faults.iter().map(|fault| fault.to_string().split('：').nth(1).unwrap().to_owned()).collect()
}

fn changed(change: impl Fn(&mut Value)) -> Value {
    let mut list = list(&Offices::new());
    change(&mut list);
    list
}

#[test]
fn what_a_list_grants_passes() {
    let draft = Draft::new();
    let report = report_under(&draft, &list(&draft.offices));
    expect_passed(&report, &[]);
    let json = report.json();
    assert_eq!(json["evidence"]["trustList"]["430000"], 12);
    let passed = |code: &str| {
        let all = json["signatures"][0]["checks"].as_array().unwrap().iter().chain(json["checks"].as_array().unwrap());
        all.into_iter().any(|check| check["code"] == code && check["status"] == "PASSED")
    };
    for code in ["POLICY.LIST_EXPIRED", "SIG.OFFICE_NOT_LISTED", "SEAL.SEALER_UNTRUSTED", "SEAL.TYPE_NOT_ALLOWED"] {
        assert!(passed(code), "{code}");
    }
    let members = draft.signed(super::attacks::content_form);
    let trust = Trust::of_files(&folder(&draft.offices, &list(&draft.offices))).unwrap();
    expect_passed(&verify(&pack(&members), &trust, AT), &["W.NO_SEAL"]);
}

#[test]
fn only_granted_anchors_are_anchors() {
    let draft = Draft::new();
    for anchors in [
        json!([]),
        json!([granted(&draft.offices.maker)]),
        changed(|list| list["anchors"][0]["status"] = json!("withdrawn"))["anchors"].clone(),
        // Granted since a day after the signature; until a day before it.
        changed(|list| list["anchors"][0]["from"] = json!("2024-03-16T00:00:00Z"))["anchors"].clone(),
        changed(|list| list["anchors"][0]["until"] = json!("2024-03-14T00:00:00Z"))["anchors"].clone(),
    ] {
        let list = changed(|list| list["anchors"] = anchors.clone());
        let report = report_under(&draft, &list);
        assert!(report.codes().contains(&"CERT.NO_TRUSTED_PATH"), "{anchors}\n{}", report.text());
        assert_ne!(report.decision, Decision::Accept);
    }
    // An authority in the middle may be an anchor too.
    let middle = changed(|list| list["anchors"] = json!([granted(&Offices::new().authority)]));
    expect_passed(&report_under(&draft, &middle), &[]);
}

#[test]
fn an_anchor_withdrawn_since_asks_for_proof() {
    let since = changed(|list| {
        list["anchors"][0]["status"] = json!("withdrawn");
        list["anchors"][0]["until"] = json!("2024-05-01T00:00:00Z");
    });
    expect_open(&report_under(&Draft::new(), &since), &["SIG.NO_POE"]);
}

#[test]
fn only_listed_makers_make_seals() {
    let draft = Draft::new();
    let none = changed(|list| list["sealMakers"] = json!([]));
    expect_open(&report_under(&draft, &none), &["SEAL.SEALER_UNTRUSTED"]);
    let late = changed(|list| list["sealMakers"][0]["from"] = json!("2024-03-16T00:00:00Z"));
    expect_open(&report_under(&draft, &late), &["SEAL.SEALER_UNTRUSTED"]);
}

#[test]
fn only_listed_offices_sign() {
    let draft = Draft::new();
    let other = json!([{ "uscc": "11430600LAB0000022", "name": "另一局", "from": "2020-01-01T00:00:00Z" }]);
    for (list, code) in [
        (changed(|list| list["offices"] = other.clone()), "SIG.OFFICE_NOT_LISTED"),
        (changed(|list| list["offices"][0]["from"] = json!("2024-03-16T00:00:00Z")), "SIG.OFFICE_NOT_LISTED"),
        (changed(|list| list["offices"][0]["until"] = json!("2024-03-14T00:00:00Z")), "SIG.OFFICE_NOT_LISTED"),
        (changed(|list| list["offices"][0]["sealIds"] = json!(["43060000000002"])), "SIG.OFFICE_NOT_LISTED"),
        (changed(|list| list["offices"][0]["types"] = json!(["111000000000131433001"])), "SEAL.TYPE_NOT_ALLOWED"),
    ] {
        expect_failed(&report_under(&draft, &list), &[code]);
    }
    let any = changed(|list| {
        list["offices"][0]["types"] = json!([]);
        list["offices"][0]["sealIds"] = json!([]);
    });
    expect_passed(&report_under(&draft, &any), &[]);
}

#[test]
fn no_province_speaks_for_another() {
    let draft = Draft::new();
    // Hubei grants the root and the maker, and Hunan's office stands in a list with other anchors.
    let mut files = folder(&draft.offices, &changed(|list| list["anchors"] = json!([])));
    let hubei = changed(|list| {
        list["province"] = json!("420000");
        list["offices"] = json!([]);
    });
    add(&mut files, "hubei", &hubei, &operator(20));
    let report = verify(&pack(&draft.sealed()), &Trust::of_files(&files).unwrap(), AT);
    expect_failed(&report, &["SIG.OFFICE_NOT_LISTED"]);
}

#[test]
fn a_list_past_its_next_update_is_doubted_and_then_refused() {
    let draft = Draft::new();
    let update = |text: &str| changed(|list| list["nextUpdate"] = json!(text));
    expect_passed(&report_under(&draft, &update("2024-06-01T00:00:00+08:00")), &[]);
    expect_open(&report_under(&draft, &update("2024-05-31T23:59:59+08:00")), &["POLICY.LIST_EXPIRED"]);
    expect_open(&report_under(&draft, &update("2024-05-29T00:00:00+08:00")), &["POLICY.LIST_EXPIRED"]);
    expect_failed(&report_under(&draft, &update("2024-05-28T23:59:59+08:00")), &["POLICY.LIST_EXPIRED"]);
}

#[test]
fn a_revocation_list_older_than_the_trust_list_allows_is_stale() {
    let draft = Draft::new();
    let hours = |hours: u32| changed(|list| list["crls"][0]["maxAgeHours"] = json!(hours));
    // The list is of 2024-05-01T00:00:00Z; 736 hours before the check, and good for years by its own word.
    expect_passed(&report_under(&draft, &hours(736)), &[]);
    expect_open(&report_under(&draft, &hours(735)), &["CERT.REVOCATION_STALE"]);
}

#[test]
fn only_listed_stampers_stamp() {
    let draft = super::stamps::lapsed_with_a_good_stamp();
    expect_open(&report_under(&draft, &list(&draft.offices)), &["TSP.UNTRUSTED", "SIG.NO_POE"]);
    let stamper = json!([granted(&super::stamps::stamper(true))]);
    expect_passed(&report_under(&draft, &changed(|list| list["tsas"] = stamper.clone())), &[]);
}

#[test]
fn lists_that_are_wrong_are_refused() {
    for (list, code) in [
        (changed(|list| list["scheme"] = json!("dzzz-trust/2")), "POLICY.LIST_FORM"),
        (changed(|list| list["province"] = json!("430600")), "POLICY.LIST_FORM"),
        (changed(|list| list["nextUpdate"] = json!("2024-05-01T00:00:00+08:00")), "POLICY.LIST_FORM"),
        (changed(|list| list["nextUpdate"] = json!("soon")), "POLICY.LIST_FORM"),
        (changed(|list| list["anchors"][0]["sm3"] = json!("00")), "POLICY.LIST_FORM"),
        (changed(|list| list["anchors"][0]["cert"] = json!("AA==")), "POLICY.LIST_FORM"),
        (changed(|list| list["anchors"][0]["status"] = json!("maybe")), "POLICY.LIST_FORM"),
        (changed(|list| list["crls"][0]["maxAgeHours"] = json!(0)), "POLICY.LIST_FORM"),
        (changed(|list| list["offices"][0]["types"] = json!(["1"])), "POLICY.LIST_FORM"),
        (changed(|list| list["unknown"] = json!(1)), "POLICY.LIST_FORM"),
        // The operator's certificate begins in 2020.
        (changed(|list| list["issued"] = json!("2019-05-01T00:00:00Z")), "POLICY.LIST_OPERATOR"),
        // Yueyang is no office of Hubei.
        (changed(|list| list["province"] = json!("420000")), "POLICY.LIST_PROVINCE"),
    ] {
        let faults = Trust::of_files(&folder(&Offices::new(), &list)).unwrap_err();
        assert_eq!(codes(&faults), [code], "{faults:?}");
    }
}

#[test]
fn a_list_must_be_signed_by_its_operator() {
    let offices = Offices::new();
    let good = folder(&offices, &list(&offices));
    let without =
        |ending: &str| -> Files { good.iter().filter(|(name, _)| !name.ends_with(ending)).cloned().collect() };
    let refused = |files: &Files| codes(&Trust::of_files(files).unwrap_err());
    assert_eq!(refused(&without(".sig")), ["POLICY.LIST_ALONE"]);
    assert_eq!(refused(&without(".json")), ["POLICY.LIST_ALONE"]);
    assert_eq!(refused(&without("operator.cer")), ["POLICY.LIST_OPERATOR"]);
    let mut changed = good.clone();
    let list_file = changed.iter_mut().find(|(name, _)| name == "hunan.json").unwrap();
    list_file.1.push(b' ');
    assert_eq!(refused(&changed), ["POLICY.LIST_SIGNATURE"]);
    let mut other = without(".sig");
    other.retain(|(name, _)| name != "hunan.json");
    add(&mut other, "hunan", &list(&offices), &operator(21));
    assert_eq!(refused(&other), ["POLICY.LIST_SIGNATURE"]);
    let mut twice = good.clone();
    add(&mut twice, "again", &list(&offices), &operator(20));
    assert_eq!(refused(&twice), ["POLICY.LIST_TWICE"]);
    // A pin of the province goes before the common one.
    let mut pinned = good.clone();
    pinned.push(("list-operator-430000.cer".to_owned(), operator(21).certificate));
    assert_eq!(refused(&pinned), ["POLICY.LIST_SIGNATURE"]);
    let usage = Wanted { number: 20, common_name: "测试清单运营者", usage: 0x20, ..Wanted::default() };
    let mut unfit = without("operator.cer");
    unfit.push(("list-operator.cer".to_owned(), certify(&usage, 20, None).certificate));
    assert!(refused(&unfit).contains(&"POLICY.LIST_OPERATOR".to_owned()));
}

#[test]
fn the_operators_certificate_is_no_anchor() {
    let draft = Draft::new();
    let mut files: Files = vec![("list-operator.cer".to_owned(), operator(20).certificate)];
    assert_eq!(Trust::of_files(&files).unwrap_err()[0].file, ".");
    files.push(("root.cer".to_owned(), draft.offices.root.certificate.clone()));
    assert!(Trust::of_files(&files).is_ok());
}

#[test]
fn older_lists_than_one_known_are_refused() {
    let offices = Offices::new();
    let files = folder(&offices, &list(&offices));
    let known =
        |sequence, digest| Known::from([("430000".to_owned(), Memory { sequence, digest, ..Memory::default() })]);
    assert!(
        Trust::of_folder(&files, &known(12, None)).is_ok()
            && Trust::of_folder(&files, &known(11, Some([0; 32]))).is_ok()
    );
    for known in [known(13, None), known(12, Some([0; 32]))] {
        assert_eq!(codes(&Trust::of_folder(&files, &known).unwrap_err()), ["POLICY.LIST_ROLLBACK"]);
    }
    let trust = Trust::of_files(&files).unwrap();
    let memory = trust.lists()[0].memory();
    assert_eq!((memory.sequence, memory.digest), (12, Some(*trust.lists()[0].digest())));
    assert!(Trust::of_folder(&files, &Known::from([("430000".to_owned(), memory)])).is_ok());
}

#[test]
fn an_announced_operator_signs_what_follows_and_the_old_one_no_more() {
    let (old, new) = (operator(20), operator(21));
    let read = |list: &Value, by: &Holder, memory: Option<&Memory>| {
        let bytes = serde_json::to_vec(list).unwrap();
        let pinned = [Operator::of_bytes(&old.certificate).unwrap()];
        TrustList::read(&bytes, &by.sign(&bytes), &pinned, memory, Some("430000"))
    };
    let announcing = changed(|list| {
        let key = json!({ "sm3": sm::hex(&sm::digest(&new.certificate)), "cert": base64(&new.certificate) });
        list["nextOperatorKey"] = key;
    });
    let numbered = |number: u64| changed(|list| list["sequence"] = json!(number));
    let first = read(&announcing, &old, None).unwrap().memory();
    assert!(read(&numbered(13), &new, None).is_err(), "not announced yet");
    assert!(read(&numbered(13), &old, Some(&first)).is_ok(), "the change may come later");
    let second = read(&numbered(13), &new, Some(&first)).unwrap().memory();
    assert!(read(&numbered(14), &new, Some(&second)).is_ok());
    assert!(read(&numbered(14), &old, Some(&second)).is_err(), "the old key was given up");
    let other = TrustList::read(b"{}", &new.sign(b"{}"), &[Operator::of_bytes(&new.certificate).unwrap()], None, None);
    assert!(other.is_err());
}

#[test]
fn damaged_lists_never_panic() {
    let offices = Offices::new();
    let bytes = serde_json::to_vec(&list(&offices)).unwrap();
    let pinned = [Operator::of_bytes(&operator(20).certificate).unwrap()];
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let right = operator(20).sign(&damaged);
        drop(TrustList::read(&damaged, &right, &pinned, None, None));
        let stale = operator(20).sign(&bytes);
        assert!(TrustList::read(&damaged, &stale, &pinned, None, None).is_err());
    }
}
