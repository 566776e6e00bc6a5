//! What a verification says: JSON for systems, text for the clerk.
//!
//! It never holds licence content beyond identifier, type, issuing authority and what the policy releases for the
//! matter.

use crate::domain::licence::check::Check;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
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
use crate::domain::licence::signature::Raw;
use crate::domain::licence::signature::office_code;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
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

/// Largest value of a signature in bytes that a report repeats.
const RAW_BYTES_MAX: usize = 64 << 10;

/// Most revocation lists that are named in the evidence.
const CRLS_MAX: usize = 64;

/// The checks of one signature.
#[derive(Debug)]
struct SignatureChecks {
    id: String,
    /// Whether the decision rests on it.
    counts: bool,
    checks: Checks,
    found: Found,
}

/// A signature as it was found, and what it protects.
#[derive(Debug)]
struct Found {
    raw: Option<Raw>,
    covered: BTreeSet<String>,
}

impl Found {
    fn json(&self) -> Value {
        let Some(raw) = &self.raw else { return Value::Null };
        json!({
            "signedFile": raw.signed_file,
            "signedSm3": sm::hex(&raw.signed_digest),
            "valueSm3": sm::hex(&sm::digest(&raw.value)),
            "value": (raw.value.len() <= RAW_BYTES_MAX).then(|| STANDARD.encode(&raw.value)),
            "covered": self.covered,
        })
    }
}

/// The report of one file.
#[derive(Debug)]
pub struct Report {
    pub decision: Decision,
    pub signature: Indication,
    pub at: i64,
    file_digest: [u8; sm::DIGEST_BYTES],
    released: Map<String, Value>,
    facts: Facts,
    state: State,
    signatures: Vec<Value>,
    signature_checks: Vec<SignatureChecks>,
    checks: Checks,
    policy: Option<String>,
    lists: Map<String, Value>,
    crls: Map<String, Value>,
    live: Value,
}

impl Report {
    /// Of the file with that SM3.
    pub(super) fn new(file_digest: [u8; sm::DIGEST_BYTES], question: &Question<'_>) -> Self {
        let trust = question.trust;
        let lists = trust.lists().iter().map(|list| (list.province().to_owned(), json!(list.sequence()))).collect();
        let crls = trust.revocation_lists().take(CRLS_MAX);
        let crls = crls.map(|(issuer, time)| (issuer.to_owned(), json!(time_text(time)))).collect();
        Self {
            decision: Decision::Reject,
            signature: Indication::TotalFailed,
            at: question.at,
            file_digest,
            released: Map::new(),
            facts: Facts::default(),
            state: State::Unknown,
            signatures: Vec::new(),
            signature_checks: Vec::new(),
            checks: Checks::default(),
            policy: question.policy.version().map(str::to_owned),
            lists,
            crls,
            live: json!({ "asked": false }),
        }
    }

    pub(super) fn live(&mut self, answered: Answered) {
        self.live = json!({
            "asked": answered.asked, "result": answered.result, "state": answered.state.map(State::word),
            "time": answered.at.map(time_text),
        });
        if let (Some(state), "differs" | "state" | "incomplete" | live::CONFIRMED) = (answered.state, answered.result) {
            self.state = state;
        }
    }

    pub(super) fn licence(&mut self, metadata: Metadata) {
        self.facts = metadata.into_facts();
    }

    pub(super) fn signature(&mut self, judged: Judged, counts: bool, reachable: &BTreeSet<String>) {
        let indication = indication(judged.checks.worst());
        let unsigned: Vec<&String> = reachable.iter().filter(|name| !judged.covers.contains(*name)).collect();
        self.signatures.push(json!({
            "id": judged.id,
            "type": judged.kind,
            "counts": counts,
            "format": judged.format,
            "indication": indication,
            "subIndication": sub_indication(&judged.checks, indication),
            "claimedTime": judged.claimed.map(time_text),
            "bestTime": judged.best.map(|(time, _)| time_text(time)),
            "bestTimeSource": judged.best.map(|(_, source)| source),
            "seal": judged.seal.map(|seal| json!({ "esID": seal.id, "name": seal.name, "maker": seal.maker })),
            "signer": judged.signer.map(|signer| json!({
                "uscc": office_code(&signer.organization),
                "name": office_code(&signer.organization).map_or(signer.organization.as_str(), |code| {
                    &signer.organization[code.len()..]
                }),
                "cn": signer.common_name,
                "sn": signer.serial,
                "issuer": signer.issuer,
            })),
            "coverage": {
                "covered": judged.covers.len(),
                "reachable": reachable.len(),
                "unsignedReachable": unsigned,
            },
            "checks": judged.checks.list().iter().map(check_value).collect::<Vec<_>>(),
        }));
        let found = Found { raw: judged.raw, covered: judged.covers };
        self.signature_checks.push(SignatureChecks { id: judged.id, counts, checks: judged.checks, found });
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
            [one] => Some(json!(one)),
            all => Some(json!(all)),
        }
    }

    fn counted(&self) -> impl Iterator<Item = &Check> {
        let signatures = self.signature_checks.iter().filter(|signature| signature.counts);
        self.checks.list().iter().chain(signatures.flat_map(|signature| signature.checks.list()))
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

    /// The report for systems, with as much as `detail` says.
    pub fn json_at(&self, detail: Detail) -> Value {
        self.at_detail(self.json(), detail)
    }

    /// `told`, which is the report of [`Report::json`], with as much as `detail` says.
    pub fn at_detail(&self, mut told: Value, detail: Detail) -> Value {
        let Some(members) = told.as_object_mut() else { return told };
        match detail {
            Detail::Simple => ["signatures", "checks", "evidence"].iter().for_each(|name| drop(members.remove(*name))),
            Detail::Detailed => {}
            Detail::Full => {
                let signatures = members.get_mut("signatures").and_then(Value::as_array_mut);
                for (signature, of) in signatures.into_iter().flatten().zip(&self.signature_checks) {
                    signature["raw"] = of.found.json();
                }
                members.insert("reportZh".to_owned(), json!(self.text()));
            }
        }
        told
    }

    /// Codes and sentences of what decided against the licence, the weightiest first; warnings are not among them.
    pub fn weighty(&self) -> Vec<(&'static str, &'static str)> {
        let decided = self.reasons().into_iter().filter(|check| check.weight().is_some());
        decided.map(|check| (check.code.code(), check.code.failed())).collect()
    }

    /// The report for systems.
    pub fn json(&self) -> Value {
        let weighty: Vec<&'static str> = self.weighty().into_iter().map(|(_, sentence)| sentence).collect();
        json!({
            "reportId": &sm::hex(&sm::digest(format!("{}/{}", sm::hex(&self.file_digest), self.at).as_bytes()))[..32],
            "decision": self.decision,
            "signature": self.signature,
            "reason": self.codes(),
            "textZh": if weighty.is_empty() { "各项检查均通过".to_owned() } else { weighty.join("；") },
            "licence": {
                "ZZBS": self.facts.identifier(), "ZZLXDM": self.facts.kind(), "ZZBFJGDM": self.facts.authority(),
                "state": self.state.word(), "fields": self.released,
            },
            "signatures": self.signatures,
            "checks": self.checks.list().iter().map(check_value).collect::<Vec<_>>(),
            "evidence": {
                "fileSm3": sm::hex(&self.file_digest),
                "validationTime": time_text(self.at),
                "policy": self.policy,
                "trustList": self.lists,
                "crl": self.crls,
                "live": self.live,
            },
        })
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
        for SignatureChecks { id, counts, checks, .. } in &self.signature_checks {
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
            let _ = writeln!(text, "证据：\n  文件 SM3：{}", sm::hex(&self.file_digest));
            for SignatureChecks { id, found, .. } in &self.signature_checks {
                let raw = found.json();
                for (title, name) in [
                    ("所签文件", "signedFile"),
                    ("所签文件 SM3", "signedSm3"),
                    ("签名值 SM3", "valueSm3"),
                    ("签名值", "value"),
                ] {
                    if let Some(value) = raw.get(name).and_then(Value::as_str) {
                        let _ = writeln!(text, "  签名 {id} {title}：{value}");
                    }
                }
            }
        }
        text
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

fn indication(worst: Option<Level>) -> Indication {
    match worst {
        Some(Level::Fail) => Indication::TotalFailed,
        Some(Level::Review) => Indication::Indeterminate,
        _ => Indication::TotalPassed,
    }
}

/// The sub-indication of ETSI EN 319 102-1 for the weightiest check that failed.
fn sub_indication(checks: &Checks, indication: Indication) -> Option<&'static str> {
    let level = match indication {
        Indication::TotalPassed => return None,
        Indication::Indeterminate => Level::Review,
        Indication::TotalFailed => Level::Fail,
    };
    let check = checks.list().iter().find(|check| check.weight() == Some(level))?;
    Some(match check.code {
        Code::SigRefDigestMismatch | Code::SigDatahashMismatch | Code::SealFileMismatch => "HASH_FAILURE",
        Code::SigValueInvalid | Code::SealSignatureInvalid | Code::CertSignatureInvalid => "SIG_CRYPTO_FAILURE",
        Code::SigRefMissing | Code::OfdMissingFile => "SIGNED_DATA_NOT_FOUND",
        Code::CertRevoked if level == Level::Review => "REVOKED_NO_POE",
        Code::CertRevoked => "REVOKED",
        Code::CertExpiredAtSigning => "EXPIRED",
        Code::CertNotYetValid => "NOT_YET_VALID",
        Code::CertNoTrustedPath => "NO_CERTIFICATE_CHAIN_FOUND",
        Code::CertIssuerNotCa | Code::CertPathlen | Code::CertKeyUsage => "CHAIN_CONSTRAINTS_FAILURE",
        Code::CertUnknownCriticalExt | Code::CertMalformed => "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        Code::CertRevocationUnknown | Code::CertRevocationStale => "TRY_LATER",
        Code::CertWeakAlg | Code::PolicyWeakDigest | Code::CertBadPublicKey => "CRYPTO_CONSTRAINTS_FAILURE",
        Code::SigNoSignerCert | Code::SigNoSignerInfo => "NO_SIGNING_CERTIFICATE_FOUND",
        Code::SigNoPoe => "NO_POE",
        Code::TspOrder => "TIMESTAMP_ORDER_FAILURE",
        Code::SesMalformed | Code::SesTrailingData | Code::XmlMalformed | Code::XmlDtdForbidden => "FORMAT_FAILURE",
        _ => "SIG_CONSTRAINTS_FAILURE",
    })
}

fn check_value(check: &Check) -> Value {
    json!({
        "code": check.code.code(),
        "status": check.status,
        "level": check.level,
        "party": check.party,
        "textZh": check.sentence(),
        "detail": check.detail,
    })
}

/// A moment in Beijing time, as reports write it; empty where no calendar reaches.
pub fn time_text(seconds: i64) -> String {
    let Ok(moment) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(8));
    moment.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string()
}
