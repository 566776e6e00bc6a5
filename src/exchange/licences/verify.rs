//! `POST /v1/licences/verify`: the verdict on a file that the caller holds.

use super::Called;
use super::asked;
use super::asked::Common;
use super::fields::Fields;
use super::fields::Form;
use super::refusal::Kind;
use super::refusal::Refusal;
use super::sides::province_digits;
use crate::domain::licence;
use crate::domain::licence::Decision;
use crate::domain::licence::Detail;
use crate::domain::licence::Expect;
use crate::domain::licence::Indication;
use crate::domain::licence::Live;
use crate::domain::licence::LiveRule;
use crate::domain::licence::Question;
use crate::domain::licence::Report;
use crate::domain::masked::Masked;
use crate::domain::sm;
use crate::edge::licences::Conclusion;
use crate::edge::licences::Digest;
use crate::edge::licences::ReportEntry;
use bytes::Bytes;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// A file and what is asked about it.
pub(super) struct Asked {
    pub(super) common: Common,
    pub(super) file: Vec<u8>,
    pub(super) expect: Expect,
    /// Seconds since 1970; none for now.
    pub(super) at: Option<i64>,
    pub(super) live: &'static str,
    pub(super) level: Detail,
    pub(super) code: Option<Masked<String>>,
    /// What the code is good for.
    pub(super) purpose: &'static str,
    /// The issuing side's word, where it came with the file.
    pub(super) word: Option<Live>,
}

/// How much of the report is answered; the first is meant where nothing is said.
const LEVELS: [&str; 3] = [Detail::Detailed.word(), Detail::Simple.word(), Detail::Full.word()];
const LIVE: [&str; 3] = ["off", "preferred", "required"];

impl Asked {
    fn read(content_type: &str, body: Bytes) -> Result<Self, Refusal> {
        let mut fields = Fields::read(content_type, body)?;
        let mut asked = Self {
            common: Common::read(&mut fields),
            expect: asked::expect(&mut fields),
            at: None,
            live: fields.choice("live", &LIVE, false),
            level: level(fields.choice("report", &LEVELS, false)),
            code: asked::code(&mut fields, false),
            purpose: "use",
            word: None,
            file: fields.file(),
        };
        if let Some(text) = fields.optional("at", 64, Form::Free) {
            match text.parse::<jiff::Timestamp>() {
                Ok(time) => asked.at = Some(time.as_second()),
                Err(_) => fields.fault("at", "应为带时区的时间，如 2026-03-01T09:00:00+08:00"),
            }
        }
        fields.finish()?;
        Ok(asked)
    }
}

fn level(word: &str) -> Detail {
    Detail::ALL.into_iter().find(|detail| detail.word() == word).unwrap_or_default()
}

impl Called<'_> {
    /// Answers the call.
    pub(super) async fn verify(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let asked = self.turn(move || Asked::read(&content_type, body)).await??;
        self.note(&asked.common);
        self.may_use(&asked.common)?;
        if asked.at.is_some() && !self.access.other_times {
            return Err(Refusal::with(Kind::Matter, "at：本系统只能按现在的时间核验"));
        }
        if let Some(holder) = &asked.expect.holder {
            self.count_holder(holder.reveal())?;
        }
        self.judged(asked, "verify").await
    }

    /// Judges the file, keeps what is to be kept, and makes the answer.
    pub(super) async fn judged(&self, asked: Asked, call: &'static str) -> Result<Value, Refusal> {
        Ok(self.judged_whole(asked, call).await?.0)
    }

    /// The same with the report.
    pub(super) async fn judged_whole(&self, asked: Asked, call: &'static str) -> Result<(Value, Report), Refusal> {
        let asked = Arc::new(asked);
        let mut word = asked.word.clone();
        let mut proof = None;
        let mut judged = self.judge(&asked, None, word.clone()).await?;
        if judged.report.codes().iter().any(|code| matches!(*code, "SIG.NO_POE" | "CERT.REVOKED"))
            && let Some(known_at) = self.desk.store.known_since(judged.file).await?
        {
            proof = Some(known_at.div_euclid(1000));
            judged = self.judge(&asked, proof, word.clone()).await?;
        }
        if word.is_none() && self.asks_the_issuer(&asked, &judged.report) {
            let identifier = judged.report.facts().identifier().unwrap_or_default().to_owned();
            word = self.confirmed(identifier).await?.or(Some(Live::Unavailable));
            judged = self.judge(&asked, proof, word).await?;
        }
        self.answer(&asked, call, judged).await
    }

    /// Whether the issuing side has a say: because the caller or the policy wants it, or because only its word can stand
    /// in for a proof of the signing time. A file that is wrong in itself needs none.
    fn asks_the_issuer(&self, asked: &Asked, report: &Report) -> bool {
        let can_ask = self.desk.source.as_ref().is_some_and(|source| source.can_confirm());
        // The word is about now.
        if !can_ask || asked.at.is_some() || report.facts().identifier().is_none() {
            return false;
        }
        let policy = &self.desk.policy;
        let rule = self.desk.matter(&asked.common.matter).and_then(|code| policy.matter(code));
        let needs_proof = report.codes().iter().any(|code| matches!(*code, "SIG.NO_POE" | "CERT.REVOKED"));
        let is_wanted = match (rule.unwrap_or(policy.usual()).live, asked.live) {
            (LiveRule::Required, _) | (_, "required") | (LiveRule::Preferred, "preferred") => {
                report.decision != Decision::Reject
            }
            _ => false,
        };
        is_wanted || needs_proof
    }

    /// The issuing side's word; none where there is no platform that could be asked.
    async fn confirmed(&self, identifier: String) -> Result<Option<Live>, Refusal> {
        let Some(source) = self.desk.source.clone() else { return Ok(None) };
        spawn_blocking(move || source.confirm(&identifier)).await.map_err(|_| Kind::Internal.into())
    }

    /// Everything that costs time is done in the turn, beside the event loop: the texts too.
    async fn judge(&self, asked: &Arc<Asked>, proof: Option<i64>, word: Option<Live>) -> Result<Judged, Refusal> {
        let (trust, policy) = (self.desk.trust.load_full(), Arc::clone(&self.desk.policy));
        let at = asked.at.unwrap_or(self.now.div_euclid(1000));
        let (asked, desk, id) = (Arc::clone(asked), Arc::clone(self.desk), super::random_id()?);
        self.turn(move || {
            let live = word.or_else(|| (asked.live == "required").then_some(Live::Unavailable));
            let question = Question {
                trust: &trust,
                policy: &policy,
                at,
                matter: desk.matter(&asked.common.matter),
                proof,
                live: live.as_ref(),
                expect: asked.expect.clone(),
                kinds: Some(&desk.kinds),
            };
            let report = licence::judge(&asked.file, &question);
            let identifier = report.facts().get("ZZBS").map(|text| desk.pseudonym("licence", text));
            Judged::new(report, id, identifier, asked.level)
        })
        .await
    }

    async fn answer(&self, asked: &Asked, call: &'static str, judged: Judged) -> Result<(Value, Report), Refusal> {
        let Judged { report, mut body, file, identifier, kept, digest } = judged;
        let facts = report.facts();
        let mut receipt = self.receipt(&asked.common, call, decision_word(report.decision))?;
        self.about(&mut receipt, facts.get("ZZBS"), facts.get("ZZLXDM"), facts.get("CZZTDM"));
        receipt.report = Some(digest);
        let receipt_id = receipt.id.clone();
        let spent = match (&asked.code, identifier) {
            (None, _) => None,
            (Some(code), Some(identifier)) => Some(self.code_use(code, &asked.common, identifier, asked.purpose)),
            (Some(_), None) => return Err(Refusal::with(Kind::AuthMissing, "文件中没有证照标识，用证码无从核对")),
        };
        // A proof is for now: a file that is good as of another time may be good no longer.
        let is_proof = asked.at.is_none() && report.signature == Indication::TotalPassed;
        let proof = is_proof.then_some(file);
        self.conclude(Conclusion { receipt, report: Some(kept), proof, spent, minted: None }).await?;
        let reason = report.codes().first().copied().filter(|_| report.decision != Decision::Accept);
        self.metrics.licence_judged(decision_word(report.decision), reason.unwrap_or("OK"));
        let kind = facts.kind().and_then(|code| self.desk.recognition.kind(code)).map(|kind| kind.name.as_str());
        let province = facts.authority().and_then(province_of);
        self.metrics.licence_kind_judged(province, kind, decision_word(report.decision));
        if let Some(body) = body.as_object_mut() {
            body.insert("requestId".to_owned(), json!(asked.common.request_id));
            body.insert("receipt".to_owned(), json!(receipt_id));
            let equivalent = self.equivalent(facts.identifier().and(facts.kind()), facts.authority());
            if let Some(licence) = body.get_mut("licence").and_then(Value::as_object_mut) {
                licence.insert("equivalentType".to_owned(), json!(equivalent));
            }
        }
        Ok((body, report))
    }
}

/// A verdict, ready to be kept and answered.
struct Judged {
    report: Report,
    /// The answer but for the receipt.
    body: Value,
    /// SM3 of the file.
    file: Digest,
    /// What stands for the licence identifier.
    identifier: Option<Digest>,
    kept: ReportEntry,
    /// SM3 of the text that is kept.
    digest: Digest,
}

impl Judged {
    fn new(report: Report, id: String, identifier: Option<Digest>, level: Detail) -> Self {
        let text = report.kept_text(&id, identifier.as_ref());
        let digest = sm::digest(text.as_bytes());
        let (body, file) = (report.json_as(&id, level), *report.file_digest());
        Self { report, body, file, identifier, kept: ReportEntry { id, text }, digest }
    }
}

/// The provinces (GB/T 2260), as metrics name them.
const PROVINCES: [&str; 34] = [
    "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000", "320000", "330000",
    "340000", "350000", "360000", "370000", "410000", "420000", "430000", "440000", "450000", "460000", "500000",
    "510000", "520000", "530000", "540000", "610000", "620000", "630000", "640000", "650000", "710000", "810000",
    "820000",
];

/// The province of an authority, by its credit code or its division code.
fn province_of(authority: &str) -> Option<&'static str> {
    let digits = province_digits(authority).filter(|_| matches!(authority.len(), 6 | 18))?;
    PROVINCES.into_iter().find(|province| province.starts_with(digits))
}

/// The word of a decision.
pub(super) const fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "ACCEPT",
        Decision::Review => "REVIEW",
        Decision::Reject => "REJECT",
    }
}
