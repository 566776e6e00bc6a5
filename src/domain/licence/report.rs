//! What a verification says: JSON for systems, text for the clerk.
//!
//! It never holds licence content beyond identifier, type, issuing authority and what the policy releases for the
//! matter.

use crate::domain::licence::check::Check;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Level;
use crate::domain::licence::check::Status;
use crate::domain::licence::live;
use crate::domain::licence::live::Answered;
use crate::domain::licence::metadata::Metadata;
use crate::domain::licence::policy::Rule;
use crate::domain::licence::question::Facts;
use crate::domain::licence::question::Question;
use crate::domain::licence::question::State;
use crate::domain::licence::signature::Judged;
use crate::domain::sm;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What the signatures are worth (ETSI EN 319 102-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Indication {
    TotalPassed,
    Indeterminate,
    TotalFailed,
}

/// What to do with the licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    Accept,
    Review,
    Reject,
}

impl Decision {
    const fn chinese(self) -> &'static str {
        match self {
            Self::Accept => "可以采信",
            Self::Review => "需要人工核实",
            Self::Reject => "不予采信",
        }
    }
}

/// How much a report tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The verdict and what stands against it, for the clerk.
    Simple,
    /// All checks and the evidence, for operations.
    #[default]
    Detailed,
    /// The values of the signatures as found too, so that another program can verify them again.
    Full,
}

impl Detail {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Simple, Self::Detailed, Self::Full];

    /// The word of requests and of the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Detailed => "detailed",
            Self::Full => "full",
        }
    }
}

/// Most revocation lists that are named in the evidence.
const CRLS_MAX: usize = 64;

/// One signature of the file, as the report has it.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) judged: Judged,
    /// Whether the decision rests on it.
    pub(super) counts: bool,
    /// Files that can be reached from the entry file, and those of them that it does not protect.
    pub(super) reachable: usize,
    pub(super) unsigned: Vec<String>,
}

/// The report of one file.
#[derive(Debug)]
pub struct Report {
    pub decision: Decision,
    pub signature: Indication,
    pub at: i64,
    pub(super) file_digest: [u8; sm::DIGEST_BYTES],
    pub(super) released: Map<String, Value>,
    pub(super) facts: Facts,
    pub(super) state: State,
    pub(super) signatures: Vec<Signed>,
    pub(super) checks: Checks,
    pub(super) policy: Option<String>,
    /// Numbers of the trust lists by province.
    pub(super) lists: BTreeMap<String, u64>,
    /// Times of issue of the revocation lists by issuer.
    pub(super) crls: BTreeMap<String, i64>,
    pub(super) live: Answered,
}

impl Report {
    /// Of the file with that SM3.
    pub(super) fn new(file_digest: [u8; sm::DIGEST_BYTES], question: &Question<'_>) -> Self {
        let trust = question.trust;
        let lists = trust.lists().iter().map(|list| (list.province().to_owned(), list.sequence())).collect();
        let crls = trust.revocation_lists().take(CRLS_MAX);
        let crls = crls.map(|(issuer, time)| (issuer.to_owned(), time)).collect();
        Self {
            decision: Decision::Reject,
            signature: Indication::TotalFailed,
            at: question.at,
            file_digest,
            released: Map::new(),
            facts: Facts::default(),
            state: State::Unknown,
            signatures: Vec::new(),
            checks: Checks::default(),
            policy: question.policy.version().map(str::to_owned),
            lists,
            crls,
            live: Answered { asked: false, result: "", state: None, at: None },
        }
    }

    pub(super) fn live(&mut self, answered: Answered) {
        if let (Some(state), "differs" | "state" | "incomplete" | live::CONFIRMED) = (answered.state, answered.result) {
            self.state = state;
        }
        self.live = answered;
    }

    pub(super) fn licence(&mut self, metadata: Metadata) {
        self.facts = metadata.into_facts();
    }

    pub(super) fn signature(&mut self, judged: Judged, counts: bool, reachable: &BTreeSet<String>) {
        let unsigned = reachable.iter().filter(|name| !judged.covers.contains(*name)).cloned().collect();
        self.signatures.push(Signed { judged, counts, reachable: reachable.len(), unsigned });
    }

    pub(super) fn finish(&mut self, checks: Checks, rule: &Rule) {
        self.checks = checks;
        let is_licence = |check: &&Check| check.code.is_about_use();
        let worst = self.counted().filter_map(Check::weight).max();
        let worst_of_signatures = self.counted().filter(|check| !is_licence(check)).filter_map(Check::weight).max();
        self.signature = indication(worst_of_signatures);
        self.decision = match worst {
            Some(Level::Fail) => Decision::Reject,
            Some(Level::Review) => Decision::Review,
            _ => Decision::Accept,
        };
        if self.decision == Decision::Accept {
            self.released = rule
                .fields
                .iter()
                .filter_map(|name| Some((name.clone(), Self::value(self.facts.all(name))?)))
                .collect();
        }
    }

    /// One value as a text, several as a list.
    fn value(values: &[String]) -> Option<Value> {
        match values {
            [] => None,
            [one] => Some(Value::from(one.as_str())),
            all => Some(Value::from(all.to_vec())),
        }
    }

    fn counted(&self) -> impl Iterator<Item = &Check> {
        let signatures = self.signatures.iter().filter(|signature| signature.counts);
        self.checks.list().iter().chain(signatures.flat_map(|signature| signature.judged.checks.list()))
    }

    /// The state that the issuing side told of this licence; `Unknown` where it was not asked or did not answer.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The values that the policy releases for the matter, by their names; none unless the licence is accepted.
    pub const fn released(&self) -> &Map<String, Value> {
        &self.released
    }

    /// What did not pass, the weightiest first; each once.
    fn reasons(&self) -> Vec<&Check> {
        let mut reasons: Vec<&Check> = Vec::new();
        for level in [Level::Fail, Level::Review, Level::Warn, Level::Inform] {
            let told =
                |check: &&Check| matches!(check.status, Status::Failed | Status::Warning) && check.level == level;
            for check in self.counted().filter(told) {
                if !reasons.iter().any(|before| before.code == check.code) {
                    reasons.push(check);
                }
            }
        }
        reasons
    }

    /// What the licence says, from files under an intact signature; empty where there are none. Whether it may be
    /// believed is [`Report::decision`].
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The codes that did not pass, warnings among them; the weightiest first.
    pub fn codes(&self) -> Vec<&'static str> {
        self.reasons().into_iter().map(|check| check.code.code()).collect()
    }

    /// The codes that lead to a rejection, each once.
    pub fn failed(&self) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for check in self.counted().filter(|check| check.weight() == Some(Level::Fail)) {
            if !codes.contains(&check.code.code()) {
                codes.push(check.code.code());
            }
        }
        codes
    }

    /// Codes and sentences of what decided against the licence, the weightiest first; warnings are not among them.
    pub fn weighty(&self) -> Vec<(&'static str, &'static str)> {
        let decided = self.reasons().into_iter().filter(|check| check.weight().is_some());
        decided.map(|check| (check.code.code(), check.code.failed())).collect()
    }

    /// What stands against it, as sentences.
    pub(super) fn sentences(&self) -> String {
        let weighty: Vec<&'static str> = self.weighty().into_iter().map(|(_, sentence)| sentence).collect();
        if weighty.is_empty() { "各项检查均通过".to_owned() } else { weighty.join("；") }
    }

    /// The report for a clerk: the verdict, what stands against it, what was checked.
    pub fn text(&self) -> String {
        self.text_at(Detail::Detailed)
    }

    /// The same with as much as `detail` says.
    pub fn text_at(&self, detail: Detail) -> String {
        let mut text = format!("结论：{}\n验证时间：{}\n", self.decision.chinese(), time_text(self.at));
        let reasons = self.reasons();
        let (weighty, rest): (Vec<&Check>, Vec<&Check>) =
            reasons.into_iter().partition(|check| check.weight().is_some());
        for (title, list) in [("原因", weighty), ("提示", rest)] {
            if list.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{title}：");
            for check in list {
                write_check(&mut text, check);
            }
        }
        if detail == Detail::Simple {
            return text;
        }
        for Signed { judged: Judged { id, checks, .. }, counts, .. } in &self.signatures {
            let aside = if *counts { "" } else { "（按策略不计）" };
            let _ = writeln!(text, "签名 {id}：{}{aside}", indication_text(indication(checks.worst())));
            for check in checks.list() {
                write_check(&mut text, check);
            }
        }
        text.push_str("文件与证照：\n");
        for check in self.checks.list() {
            write_check(&mut text, check);
        }
        if detail == Detail::Full {
            self.write_evidence(&mut text);
        }
        text
    }

    fn write_evidence(&self, text: &mut String) {
        let _ = writeln!(text, "证据：\n  文件 SM3：{}", sm::hex(&self.file_digest));
        for Signed { judged: Judged { id, raw, .. }, .. } in &self.signatures {
            let Some(raw) = raw else { continue };
            let _ = writeln!(text, "  签名 {id} 所签文件：{}", raw.signed_file.escape_debug());
            let _ = writeln!(text, "  签名 {id} 所签文件 SM3：{}", sm::hex(&raw.signed_digest));
            let _ = writeln!(text, "  签名 {id} 签名值 SM3：{}", sm::hex(&sm::digest(&raw.value)));
            if let Some(value) = raw.value_text() {
                let _ = writeln!(text, "  签名 {id} 签名值：{value}");
            }
        }
    }
}

fn write_check(text: &mut String, check: &Check) {
    let mark = match (check.status, check.weight()) {
        (Status::Passed, _) => "✔",
        (Status::Skipped, _) => "－",
        (_, Some(Level::Fail)) => "✘",
        (_, Some(_)) => "？",
        (_, None) => "！",
    };
    let party = check.party.map_or("", |party| match party {
        crate::domain::licence::check::Party::Signer => "签章人：",
        crate::domain::licence::check::Party::SealMaker => "制章人：",
        crate::domain::licence::check::Party::TimeStamper => "时间戳：",
    });
    let detail = if check.detail.is_empty() { String::new() } else { format!("（{}）", check.detail) };
    let _ = writeln!(text, "  {mark} {party}{}{detail}  [{}]", check.sentence(), check.code.code());
}

const fn indication_text(indication: Indication) -> &'static str {
    match indication {
        Indication::TotalPassed => "有效",
        Indication::Indeterminate => "不能确定",
        Indication::TotalFailed => "无效",
    }
}

pub(super) fn indication(worst: Option<Level>) -> Indication {
    match worst {
        Some(Level::Fail) => Indication::TotalFailed,
        Some(Level::Review) => Indication::Indeterminate,
        _ => Indication::TotalPassed,
    }
}

/// A moment in Beijing time, as reports write it; empty where no calendar reaches.
pub fn time_text(seconds: i64) -> String {
    let Ok(moment) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(8));
    moment.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string()
}
