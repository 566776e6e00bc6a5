//! Policy files: what they change, what they cannot change, and how their faults are told.

use super::build::*;
use super::*;
use jingyue::domain::licence::Expect;
use jingyue::domain::licence::Policy;
use jingyue::domain::licence::Question;
use jingyue::domain::licence::judge;
use jingyue::domain::masked::Masked;

const HEAD: &str = "format = \"licence-policy/1\"\n";
const MATTER: &str =
    "[matters.M1]\nname = \"测试事项\"\ntypes = [\"11100000MB0143028R001\"]\nfields = [\"ZZMC\", \"CZZT\"]\n";

fn policy(text: &str) -> Policy {
    Policy::read("policy.toml", &format!("{HEAD}{text}")).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn holder() -> Draft {
    let mut draft = Draft::new();
    draft.metadata.push(("CZZT", "测试有限公司".to_owned()));
    draft.metadata.push(("CZZTDM", "91430600LAB0000012".to_owned()));
    draft.metadata.push(("CZZTDMLXDM", "099".to_owned()));
    draft
}

fn answer(draft: &Draft, policy: &Policy, matter: Option<&str>, expect: Expect) -> Report {
    let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
    judge(&pack(&draft.sealed()), &Question { matter, expect, ..Question::new(&trust, policy, AT) })
}

fn plain(draft: &Draft, text: &str) -> Report {
    answer(draft, &policy(text), Some("M1"), Expect::default())
}

#[track_caller]
fn decided(report: &Report, decision: Decision, code: &str) {
    assert_eq!(report.signature, Indication::TotalPassed, "{}", report.text());
    assert!(report.decision == decision && report.codes().contains(&code), "{code}\n{}", report.text());
}

#[test]
fn a_matter_releases_its_fields_and_no_others() {
    let report = plain(&holder(), MATTER);
    expect_passed(&report, &[]);
    let fields = report.json()["licence"]["fields"].clone();
    assert_eq!(fields, serde_json::json!({ "ZZMC": "营业执照", "CZZT": "测试有限公司" }));
    assert_eq!(report.json()["evidence"]["policy"], policy(MATTER).version().unwrap());
    assert_eq!(report.facts().holder_code(), Some("91430600LAB0000012"));
    assert!(!format!("{report:?}").contains("91430600LAB0000012"));
    assert_eq!(answer(&holder(), &policy(MATTER), None, Expect::default()).released().len(), 0);
    let rejected = plain(&holder(), &MATTER.replace("11100000MB0143028R001", "111000000000131433001"));
    decided(&rejected, Decision::Reject, "POLICY.TYPE_NOT_ACCEPTED");
    assert_eq!(rejected.released().len(), 0);
}

#[test]
fn an_unknown_matter_is_left_to_a_person() {
    let report = answer(&holder(), &policy(MATTER), Some("M2"), Expect::default());
    decided(&report, Decision::Review, "POLICY.MATTER_UNKNOWN");
    assert_eq!(report.released().len(), 0);
}

#[test]
fn what_the_caller_expects_is_compared() {
    let rule = policy(MATTER);
    let expect = |kind: &str, holder: &str, holder_kind: &str| Expect {
        kind: Some(kind.to_owned()),
        holder: Some(Masked::new(holder.to_owned())),
        holder_kind: Some(holder_kind.to_owned()),
    };
    let kind = "11100000MB0143028R001";
    let ask = |draft: &Draft, wanted: Expect| answer(draft, &rule, Some("M1"), wanted);
    expect_passed(&ask(&holder(), expect(kind, "91430600LAB0000012", "099")), &[]);
    for (wanted, code) in [
        (expect("111000000000131433001", "91430600LAB0000012", "099"), "POLICY.TYPE_NOT_ACCEPTED"),
        (expect(kind, "91430600LAB0000013", "099"), "LIC.HOLDER_MISMATCH"),
        (expect(kind, "91430600LAB0000012", "111"), "LIC.HOLDER_MISMATCH"),
    ] {
        decided(&ask(&holder(), wanted), Decision::Reject, code);
    }
    let mut two = holder();
    two.set("CZZTDM", "91430600LAB0000077,91430600LAB0000012");
    expect_passed(&ask(&two, expect(kind, "91430600LAB0000012", "099")), &[]);
    two.set("CZZTDM", "9143****0012");
    decided(&ask(&two, expect(kind, "91430600LAB0000012", "099")), Decision::Review, "LIC.HOLDER_MISMATCH");
    decided(&ask(&Draft::new(), expect(kind, "91430600LAB0000012", "099")), Decision::Review, "LIC.HOLDER_MISMATCH");
}

#[test]
fn a_copy_is_for_its_purpose_and_its_time() {
    let copy = |purpose: &str, until: &str| {
        let mut draft = holder();
        draft.metadata.push(("JZJZZSY", purpose.to_owned()));
        draft.metadata.push(("JZJYXQJZSJ", until.to_owned()));
        draft
    };
    let rule = format!("{MATTER}copy_purposes = [\"提取公积金\"]\n");
    expect_passed(&plain(&copy("仅用于提取公积金", "2024-12-31"), &rule), &[]);
    expect_passed(&plain(&copy("办理测试事项", "2024-12-31"), &rule), &[]);
    decided(&plain(&copy("租房", "2024-12-31"), &rule), Decision::Reject, "LIC.COPY_PURPOSE");
    decided(&plain(&copy("办理测试事项", "2024-05-30"), &rule), Decision::Reject, "LIC.COPY_EXPIRED");
    let mut silent = copy("", "2024-12-31");
    silent.metadata.retain(|(name, _)| *name != "JZJZZSY");
    decided(&plain(&silent, &rule), Decision::Review, "LIC.COPY_PURPOSE");
}

#[test]
fn levels_are_set_for_all_and_for_one_matter() {
    let mut ended = holder();
    ended.set("ZZYXQJZRQ", "2024-03-31");
    for (level, decision) in [
        ("fail", Decision::Reject),
        ("review", Decision::Review),
        ("warn", Decision::Accept),
        ("inform", Decision::Accept),
    ] {
        let line = format!("[levels]\n\"LIC.EXPIRED\" = \"{level}\"\n");
        decided(&plain(&ended, &format!("{line}{MATTER}")), decision, "LIC.EXPIRED");
        let line = format!("{MATTER}[matters.M1.levels]\n\"LIC.EXPIRED\" = \"{level}\"\n");
        decided(&plain(&ended, &line), decision, "LIC.EXPIRED");
    }
    let ignored = plain(&ended, &format!("[levels]\n\"LIC.EXPIRED\" = \"ignore\"\n{MATTER}"));
    assert!(ignored.decision == Decision::Accept && !ignored.codes().contains(&"LIC.EXPIRED"));
    let json = ignored.json();
    let check = json["checks"].as_array().unwrap().iter().find(|check| check["code"] == "LIC.EXPIRED").unwrap();
    assert_eq!((check["status"].as_str(), check["level"].as_str()), (Some("SKIPPED"), Some("ignore")));
    let heavier = plain(&holder(), &format!("[levels]\n\"W.NO_TIMESTAMP\" = \"fail\"\n{MATTER}"));
    assert_eq!(heavier.decision, Decision::Reject);
}

#[test]
fn a_matter_may_require_the_issuing_sides_word() {
    let required = plain(&holder(), &format!("{MATTER}live = \"required\"\n"));
    decided(&required, Decision::Review, "POLICY.SOURCE_UNAVAILABLE");
    expect_passed(&plain(&holder(), &format!("[default]\nlive = \"required\"\n{MATTER}live = \"off\"\n")), &[]);
}

#[test]
fn any_complete_signature_may_be_enough() {
    // The first signature is over the list, which was extended for the second.
    let (first, second) = (Draft::new(), super::several::over_everything());
    let members = super::several::with_a_broken_first(&first, &second);
    let trust = Trust::of_files(&first.offices.files(&[])).unwrap();
    let file = pack(&members);
    let under = |text: &str| judge(&file, &Question::new(&trust, &policy(text), AT));
    expect_failed(&under(""), &["SIG.REF_DIGEST_MISMATCH"]);
    let report = under("[default]\ncoverage = \"any_complete\"\n");
    expect_passed(&report, &[]);
    assert_eq!(report.json()["signatures"][0]["counts"], false);
    // Where none is complete, every one counts.
    let mut open = members;
    open.push(("Doc_0/late.xml".to_owned(), b"<a/>".to_vec()));
    super::build::replace(&mut open, "Doc_0/PublicRes.xml", "Res", "Ser");
    let under = judge(&pack(&open), &Question::new(&trust, &policy("[default]\ncoverage = \"any_complete\"\n"), AT));
    expect_failed(&under, &["SIG.REF_DIGEST_MISMATCH"]);
}

#[test]
fn what_decides_about_the_bytes_cannot_be_made_milder() {
    for code in [
        "SIG.VALUE_INVALID",
        "SIG.REF_DIGEST_MISMATCH",
        "SIG.DATAHASH_MISMATCH",
        "SIG.COVERAGE_RENDERED_UNSIGNED",
        "SIG.COVERAGE_ENTRY_POINT",
        "CERT.REVOKED",
        "CERT.NO_TRUSTED_PATH",
        "SEAL.SIGNER_NOT_LISTED",
        "SIG.OFFICE_NOT_LISTED",
        "SIG.NO_POE",
        "POLICY.LIST_EXPIRED",
        "POLICY.TYPE_NOT_ACCEPTED",
        "LIC.SEAL_ORG_MISMATCH",
        "LIC.SOURCE_FIELD_DIFFERS",
        "ZIP.DUPLICATE_ENTRY",
    ] {
        let text = format!("{HEAD}[levels]\n\"{code}\" = \"warn\"\n");
        let faults = Policy::read("p.toml", &text).unwrap_err();
        let told = faults[0].to_string();
        assert!(told.starts_with("p.toml:3:") && told.contains(&format!("V008：{code} 不可放宽")), "{told}");
    }
    // Heavier is allowed.
    assert!(Policy::read("p.toml", &format!("{HEAD}[levels]\n\"CERT.NO_TRUSTED_PATH\" = \"fail\"\n")).is_ok());
}

#[test]
fn all_faults_are_told_with_their_places() {
    let text = "format = \"licence-policy/2\"\nunknown = 1\n[levels]\n\"LIC.NOVEL\" = \"warn\"\n\"LIC.EXPIRED\" = \"mild\"\n\
        [default]\ngrace_hours = 100000\nlive = 1\n[matters.M1]\ntypes = [\"1\"]\nfields = [\"证照名称\"]\n";
    let faults = Policy::read("p.toml", text).unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let places: Vec<String> = told
        .iter()
        .map(|fault| fault.split(' ').next().unwrap().to_owned() + &fault[fault.find('V').unwrap()..][..4])
        .collect();
    assert_eq!(
        places,
        [
            "p.toml:1:10V006",
            "p.toml:2:1V002",
            "p.toml:4:1V007",
            "p.toml:5:17V006",
            "p.toml:7:15V005",
            "p.toml:8:8V004",
            "p.toml:9:10V003",
            "p.toml:10:10V009",
            "p.toml:11:11V010"
        ],
        "{told:#?}"
    );
    let broken = Policy::read("p.toml", "format = \n").unwrap_err();
    assert!(broken.iter().any(|fault| fault.to_string().contains("V001")), "{broken:?}");
    assert!(Policy::read("p.toml", &"#".repeat((1 << 20) + 1)).is_err());
}

#[test]
fn the_shipped_policy_is_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("mappings/licence/policy.toml")).unwrap();
    let shipped = Policy::read("policy.toml", &text).unwrap_or_else(|faults| panic!("{faults:?}"));
    let matters = std::fs::read_to_string(root.join("mappings/matters.csv")).unwrap();
    for (code, rule) in shipped.matters() {
        assert!(matters.contains(&format!("\n{code},{},", rule.name)), "{code} {}", rule.name);
    }
    assert!(shipped.matters().count() > 3);
}
