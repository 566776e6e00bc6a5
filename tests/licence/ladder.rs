//! The ladder of time where something has ended since: our own archive's word, the issuing side's word, and nobody's.

use super::build::*;
use super::*;
use jingyue::domain::licence::Live;
use jingyue::domain::licence::Policy;
use jingyue::domain::licence::Question;
use jingyue::domain::licence::State;
use jingyue::domain::licence::Word;
use jingyue::domain::licence::judge;
use jingyue::domain::masked::Masked;

/// 2024-05-01T00:00:00Z, when the seal of these drafts ended.
const ENDED: i64 = 1_714_521_600;

fn lapsed() -> Draft {
    let mut draft = Draft { seal_until: "20240501000000Z", ..Draft::new() };
    draft.metadata.push(("CZZT", "测试有限公司".to_owned()));
    draft.metadata.push(("CZZTDM", "91430600LAB0000012".to_owned()));
    draft
}

fn asked(draft: &Draft, revoked: &[(u8, &str)], proof: Option<i64>, live: Option<&Live>) -> Report {
    let trust = Trust::of_files(&draft.offices.files(revoked)).unwrap();
    let policy = Policy::default();
    judge(&pack(&draft.sealed()), &Question { proof, live, ..Question::new(&trust, &policy, AT) })
}

fn word(draft: &Draft) -> Word {
    let value = |name: &str| draft.metadata.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let fields = ["CZZT", "CZZTDM", "ZZYXQJZRQ"].into_iter().map(|name| (name.to_owned(), value(name))).collect();
    Word { state: State::Valid, identifier: value("ZZBS"), fields: Masked::new(fields), at: AT - 60 }
}

fn with(draft: &Draft, change: impl Fn(&mut Word)) -> Report {
    let mut word = word(draft);
    change(&mut word);
    asked(draft, &[], None, Some(&Live::Answered(word)))
}

#[test]
fn our_archive_proves_an_earlier_day() {
    let draft = lapsed();
    expect_open(&asked(&draft, &[], None, None), &["SIG.NO_POE"]);
    let report = asked(&draft, &[], Some(ENDED - 1), None);
    expect_passed(&report, &[]);
    assert_eq!(report.json()["signatures"][0]["bestTimeSource"], "poe");
    // After the end, and after the moment that is asked about, an archive proves nothing.
    for late in [ENDED + 1, AT + 1] {
        let report = asked(&draft, &[], Some(late), None);
        expect_open(&report, &["SIG.NO_POE"]);
        assert_eq!(report.json()["signatures"][0]["bestTimeSource"], "claimed");
    }
    // 2024-03-15T02:00:00Z is when it says it was signed.
    expect_failed(&asked(&draft, &[], Some(1_710_468_000 - 3_600), None), &["SIG.TIME_IN_FUTURE"]);
}

#[test]
fn our_archive_outweighs_a_later_revocation() {
    let mut draft = lapsed();
    draft.seal_until = "20391231235959Z";
    let revoked = [(3, "20240401000000Z")];
    expect_open(&asked(&draft, &revoked, None, None), &["CERT.REVOKED", "SIG.NO_POE"]);
    // 2024-03-31T00:00:00Z, then 2024-04-02T00:00:00Z.
    expect_passed(&asked(&draft, &revoked, Some(1_711_843_200), None), &[]);
    expect_open(&asked(&draft, &revoked, Some(1_712_016_000), None), &["CERT.REVOKED", "SIG.NO_POE"]);
}

#[test]
fn the_issuing_side_confirms() {
    let draft = lapsed();
    let report = with(&draft, |_| {});
    expect_passed(&report, &[]);
    let json = report.json();
    assert_eq!(json["evidence"]["live"]["result"], "live-confirmed");
    assert_eq!(json["licence"]["state"], "VALID");
    assert_eq!(json["signatures"][0]["bestTimeSource"], "claimed");
    assert!(!json.to_string().contains("91430600LAB0000012"), "the report holds no licence content");
    // Other spellings of the same are the same.
    expect_passed(
        &with(&draft, |word| {
            let mut fields = word.fields.reveal().clone();
            fields.insert("ZZYXQJZRQ".to_owned(), "20440314".to_owned());
            fields.insert("CZZTDM".to_owned(), " 91430600lab0000012".to_owned());
            word.fields = Masked::new(fields);
        }),
        &[],
    );
    let mut revoked = lapsed();
    revoked.seal_until = "20391231235959Z";
    let live = Live::Answered(word(&revoked));
    expect_passed(&asked(&revoked, &[(3, "20240401000000Z")], None, Some(&live)), &["CERT.REVOKED"]);
    // What was revoked before the signature stays wrong whatever anybody says.
    expect_failed(&asked(&revoked, &[(3, "20240301000000Z")], None, Some(&live)), &["CERT.REVOKED"]);
}

#[test]
fn half_an_answer_confirms_nothing() {
    let draft = lapsed();
    for name in ["CZZTDM", "ZZYXQJZRQ"] {
        for masked in [None, Some("91****12")] {
            let report = with(&draft, |word| {
                let mut fields = word.fields.reveal().clone();
                fields.remove(name);
                if let Some(masked) = masked {
                    fields.insert(name.to_owned(), masked.to_owned());
                }
                word.fields = Masked::new(fields);
            });
            expect_open(&report, &["SIG.NO_POE"]);
            assert_eq!(report.json()["evidence"]["live"]["result"], "incomplete");
        }
    }
}

#[test]
fn another_answer_rejects() {
    let draft = lapsed();
    for (name, value) in [("CZZT", "另一公司"), ("CZZTDM", "91430600LAB0000099"), ("ZZYXQJZRQ", "2034-03-14")] {
        let report = with(&draft, |word| {
            let mut fields = word.fields.reveal().clone();
            fields.insert(name.to_owned(), value.to_owned());
            word.fields = Masked::new(fields);
        });
        expect(&report, Indication::Indeterminate, Decision::Reject, &["LIC.SOURCE_FIELD_DIFFERS", "SIG.NO_POE"]);
        assert!(!report.text().contains(value));
    }
    let other = with(&draft, |word| "1.2".clone_into(&mut word.identifier));
    expect(&other, Indication::Indeterminate, Decision::Reject, &["LIC.SOURCE_FIELD_DIFFERS"]);
}

#[test]
fn every_other_state_has_its_code() {
    for state in State::ALL.into_iter().filter(|state| *state != State::Valid) {
        for draft in [lapsed(), Draft { seal_until: "20391231235959Z", ..lapsed() }] {
            let report = with(&draft, |word| word.state = state);
            let code = format!("LIC.STATE_{}", state.word());
            assert!(report.codes().contains(&code.as_str()), "{code}\n{}", report.text());
            let decision = if state == State::Unknown { Decision::Review } else { Decision::Reject };
            assert_eq!(report.decision, decision, "{code}");
            assert_eq!(report.state(), state);
        }
        assert_eq!(State::of_word(&state.word().to_lowercase()), Some(state));
    }
}

#[test]
fn a_source_that_is_down_or_late_leaves_it_to_a_person() {
    let whole = Draft { seal_until: "20391231235959Z", ..lapsed() };
    expect(
        &asked(&whole, &[], None, Some(&Live::Unavailable)),
        Indication::TotalPassed,
        Decision::Review,
        &["POLICY.SOURCE_UNAVAILABLE"],
    );
    for at in [AT - 3_601, AT + 301] {
        let report = with(&lapsed(), |word| word.at = at);
        expect_open(&report, &["POLICY.SOURCE_UNAVAILABLE", "SIG.NO_POE"]);
        assert_eq!(report.json()["evidence"]["live"]["result"], "stale");
    }
}
