//! Electronic licences: samples with expected verdicts, the attacks one by one, and damage of every kind.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::format_collect, reason = "some hundred bytes, once")]

mod attacks;
mod build;
mod certificates;
mod command;
mod containers;
mod damage;
mod issued;
mod json;
mod ladder;
mod limits;
mod lists;
mod policy;
mod samples;
mod several;
mod stamps;

use build::AT;
use build::Draft;
use build::Members;
use build::pack;
use jingyue::domain::licence::Decision;
use jingyue::domain::licence::Indication;
use jingyue::domain::licence::Report;
use jingyue::domain::licence::Trust;
use jingyue::domain::licence::verify;

/// Verifies a container under the offices of a draft.
fn report_of(draft: &Draft, file: &[u8]) -> Report {
    verify(file, &Trust::of_files(&draft.offices.files(&[])).unwrap(), AT)
}

fn report(draft: &Draft, members: &Members) -> Report {
    report_of(draft, &pack(members))
}

#[track_caller]
fn expect(report: &Report, signature: Indication, decision: Decision, codes: &[&str]) {
    let told = report.codes();
    assert!(codes.iter().all(|code| told.contains(code)), "{codes:?} in {told:?}\n{}", report.text());
    assert_eq!((report.signature, report.decision), (signature, decision), "{}", report.text());
}

#[track_caller]
fn expect_passed(report: &Report, codes: &[&str]) {
    expect(report, Indication::TotalPassed, Decision::Accept, codes);
}

#[track_caller]
fn expect_failed(report: &Report, codes: &[&str]) {
    expect(report, Indication::TotalFailed, Decision::Reject, codes);
}

#[track_caller]
fn expect_open(report: &Report, codes: &[&str]) {
    expect(report, Indication::Indeterminate, Decision::Review, codes);
}
