//! The issuing side's word about a licence: its state, and whether what it holds is what the file says.
//!
//! Only names of fields are told, never what stands in them.

use crate::domain::licence::Asked;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::metadata::Day;
use crate::domain::licence::metadata::Metadata;
use crate::domain::licence::metadata::SEPARATORS;
use crate::domain::licence::policy::LiveRule;
use crate::domain::licence::question::Live;
use crate::domain::licence::question::State;
use crate::domain::licence::question::Word;
use std::collections::BTreeSet;

/// Identifier, state and key fields were confirmed.
pub(super) const CONFIRMED: &str = "live-confirmed";
/// Seconds the issuing side's clock may be ahead of ours.
const AHEAD_MAX: i64 = 300;

/// What came of asking, for the evidence of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) asked: bool,
    pub(super) result: &'static str,
    pub(super) state: Option<State>,
    pub(super) at: Option<i64>,
}

/// Tells `checks` what the issuing side says.
pub(super) fn judge(metadata: &Metadata, asked: Asked<'_>, checks: &mut Checks) -> Answered {
    let none = Answered { asked: true, result: "unavailable", state: None, at: None };
    let word = match asked.question.live {
        Some(Live::Answered(word)) => word,
        Some(Live::Unavailable) => {
            checks.fail(Code::PolicySourceUnavailable, "没有联系上");
            checks.skip(Code::LicState, "没有得到答复");
            return none;
        }
        None if asked.rule.live == LiveRule::Required => {
            checks.fail(Code::PolicySourceUnavailable, "本事项要求联系发证机关，没有联系");
            checks.skip(Code::LicState, "没有联系发证机关");
            return Answered { asked: false, result: "not-asked", ..none };
        }
        None => {
            checks.skip(Code::LicState, "离线验证，没有联系发证机关");
            return Answered { asked: false, result: "not-asked", ..none };
        }
    };
    let answered = Answered { asked: true, result: "stale", state: Some(word.state), at: Some(word.at) };
    let age = asked.question.at.saturating_sub(word.at);
    if age > asked.rule.staleness_seconds || age < -AHEAD_MAX {
        checks.fail(Code::PolicySourceUnavailable, "答复的时间过早或晚于现在");
        checks.skip(Code::LicState, "没有得到现时的答复");
        return answered;
    }
    checks.pass(Code::PolicySourceUnavailable);
    let is_own = metadata.get("ZZBS") == Some(word.identifier.as_str());
    if !is_own {
        checks.fail(Code::LicSourceFieldDiffers, "ZZBS");
        checks.skip(Code::LicState, "答复的不是这一证照");
        return Answered { result: "differs", state: None, ..answered };
    }
    judge_state(word.state, checks);
    let is_complete = judge_fields(metadata, word, checks);
    let result = if checks.told(Code::LicSourceFieldDiffers) {
        "differs"
    } else if word.state != State::Valid {
        "state"
    } else if is_complete {
        CONFIRMED
    } else {
        "incomplete"
    };
    Answered { result, ..answered }
}

fn judge_state(state: State, checks: &mut Checks) {
    let code = match state {
        State::Valid => {
            checks.pass(Code::LicState);
            return;
        }
        State::NotActive => Code::LicStateNotActive,
        State::Suspended => Code::LicStateSuspended,
        State::Expired => Code::LicStateExpired,
        State::Cancelled => Code::LicStateCancelled,
        State::Withdrawn => Code::LicStateWithdrawn,
        State::Revoked => Code::LicStateRevoked,
        State::Transferred => Code::LicStateTransferred,
        State::Superseded => Code::LicStateSuperseded,
        State::Unknown => Code::LicStateUnknown,
    };
    checks.fail(code, "");
}

/// Compares what both say. Whether everything that a forger would change was confirmed: the holder, and the end of
/// validity where the licence has one.
fn judge_fields(metadata: &Metadata, word: &Word, checks: &mut Checks) -> bool {
    let mut confirmed: BTreeSet<&str> = BTreeSet::new();
    for (name, told) in word.fields.reveal() {
        // What is masked on the way says nothing.
        let own = metadata.all(name);
        if told.is_empty() || told.contains('*') || own.is_empty() {
            continue;
        }
        if is_same(name, own, told) {
            confirmed.insert(name.as_str());
        } else {
            checks.fail(Code::LicSourceFieldDiffers, name.escape_debug().to_string());
        }
    }
    checks.pass_rest(&[Code::LicSourceFieldDiffers]);
    let has = |name: &str| metadata.get(name).is_none() || confirmed.contains(name);
    let holder = if metadata.get("CZZTDM").is_some() { has("CZZTDM") } else { has("CZZT") };
    holder && has("ZZYXQJZRQ")
}

fn is_same(name: &str, own: &[String], told: &str) -> bool {
    if name.starts_with("CZZT") {
        let parts = |text: &str| -> BTreeSet<String> {
            text.split(SEPARATORS)
                .map(|part| part.trim().to_ascii_uppercase())
                .filter(|part| !part.is_empty())
                .collect()
        };
        return own.iter().flat_map(|text| parts(text)).collect::<BTreeSet<String>>() == parts(told);
    }
    let Some(own) = own.first() else { return false };
    match (Day::parse(own), Day::parse(told)) {
        (Some(own), Some(told)) if name.ends_with("RQ") || name.ends_with("SJ") => own == told,
        _ => own.trim() == told.trim(),
    }
}
