//! `POST /v1/licences/verify`: the verdict on a file that the caller holds.

use super::Called;
use super::asked;
use super::asked::Common;
use super::fields::Fields;
use super::fields::Form;
use super::refusal::Kind;
use super::refusal::Refusal;
use crate::domain::licence;
use crate::domain::licence::Decision;
use crate::domain::licence::Expect;
use crate::domain::licence::Indication;
use crate::domain::licence::Live;
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

/// A file and what is asked about it.
pub(super) struct Asked {
    pub(super) common: Common,
    pub(super) file: Vec<u8>,
    pub(super) expect: Expect,
    /// Seconds since 1970; none for now.
    pub(super) at: Option<i64>,
    pub(super) live: &'static str,
    pub(super) level: &'static str,
    pub(super) code: Option<Masked<String>>,
    /// What the code is good for.
    pub(super) purpose: &'static str,
}

/// How much of the report is answered.
const LEVELS: [&str; 3] = ["detailed", "simple", "full"];
const LIVE: [&str; 3] = ["off", "preferred", "required"];

impl Asked {
    fn read(content_type: &str, body: Bytes) -> Result<Self, Refusal> {
        let mut fields = Fields::read(content_type, body)?;
        let mut asked = Self {
            common: Common::read(&mut fields),
            expect: asked::expect(&mut fields),
            at: None,
            live: fields.choice("live", &LIVE, false),
            level: fields.choice("report", &LEVELS, false),
            code: asked::code(&mut fields, false),
            purpose: "use",
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
        let asked = Arc::new(asked);
        let mut report = self.judge(&asked, None).await?;
        let digest = file_digest(&report);
        if report.codes().iter().any(|code| matches!(*code, "SIG.NO_POE" | "CERT.REVOKED"))
            && let Some(digest) = digest
            && let Some(known_at) = self.desk.store.known_since(digest).await?
        {
            report = self.judge(&asked, Some(known_at.div_euclid(1000))).await?;
        }
        self.answer(&asked, call, &report, digest).await
    }

    async fn judge(&self, asked: &Arc<Asked>, proof: Option<i64>) -> Result<Report, Refusal> {
        let (trust, policy) = (self.desk.trust.load_full(), Arc::clone(&self.desk.policy));
        let at = asked.at.unwrap_or(self.now.div_euclid(1000));
        let (asked, desk) = (Arc::clone(asked), Arc::clone(self.desk));
        self.turn(move || {
            // No platform is connected that could be asked.
            let live = (asked.live == "required").then_some(Live::Unavailable);
            let question = Question {
                trust: &trust,
                policy: &policy,
                at,
                matter: desk.matter(&asked.common.matter),
                proof,
                live: live.as_ref(),
                expect: asked.expect.clone(),
            };
            licence::judge(&asked.file, &question)
        })
        .await
    }

    async fn answer(
        &self,
        asked: &Asked,
        call: &'static str,
        report: &Report,
        digest: Option<Digest>,
    ) -> Result<Value, Refusal> {
        let facts = report.facts();
        let mut body = report.json();
        let id = super::random_id()?;
        let identifier = facts.get("ZZBS").map(|text| self.desk.pseudonym("licence", text));
        let mut kept = body.clone();
        if let (Some(body), Some(kept)) = (body.as_object_mut(), kept.as_object_mut()) {
            for object in [&mut *body, &mut *kept] {
                object.insert("reportId".to_owned(), json!(id));
            }
            // What is kept holds no licence content: the identifier may be a person's number.
            let licence = json!({
                "identifierHmac": identifier.map(|digest| sm::hex(&digest)),
                "ZZLXDM": facts.get("ZZLXDM"),
            });
            kept.insert("licence".to_owned(), licence);
        }
        let kept = kept.to_string();
        let mut receipt = self.receipt(&asked.common, call, decision_word(report.decision))?;
        receipt.licence = identifier;
        receipt.kind = kind_of(facts.get("ZZLXDM"));
        receipt.holder = facts.get("CZZTDM").map(|text| self.desk.pseudonym("holder", text));
        receipt.report = Some(sm::digest(kept.as_bytes()));
        let receipt_id = receipt.id.clone();
        let spent = match (&asked.code, identifier) {
            (None, _) => None,
            (Some(code), Some(identifier)) => Some(self.code_use(code, &asked.common, identifier, asked.purpose)),
            (Some(_), None) => return Err(Refusal::with(Kind::AuthMissing, "文件中没有证照标识，用证码无从核对")),
        };
        // A proof is for now: a file that is good as of another time may be good no longer.
        let is_proof = asked.at.is_none() && report.signature == Indication::TotalPassed;
        let conclusion = Conclusion {
            receipt,
            report: Some(ReportEntry { id, text: kept }),
            proof: digest.filter(|_| is_proof),
            spent,
            minted: None,
        };
        self.conclude(conclusion).await?;
        let reason = report.codes().first().copied().filter(|_| report.decision != Decision::Accept);
        self.metrics.licence_judged(decision_word(report.decision), reason.unwrap_or("OK"));
        if let Some(body) = body.as_object_mut() {
            let left_out: &[&str] = if asked.level == "simple" { &["signatures", "checks", "evidence"] } else { &[] };
            for name in left_out {
                body.remove(*name);
            }
            if asked.level == "full" {
                body.insert("reportZh".to_owned(), json!(report.text()));
            }
            body.insert("requestId".to_owned(), json!(asked.common.request_id));
            body.insert("receipt".to_owned(), json!(receipt_id));
        }
        Ok(body)
    }
}

/// SM3 of the file, which the report has worked out.
pub(super) fn file_digest(report: &Report) -> Option<Digest> {
    report.json().pointer("/evidence/fileSm3").and_then(Value::as_str).and_then(sm::unhex)
}

/// The word of a decision.
pub(super) const fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "ACCEPT",
        Decision::Review => "REVIEW",
        Decision::Reject => "REJECT",
    }
}

/// A type code as receipts keep it: what is none may be anything, and is left out.
pub(super) fn kind_of(kind: Option<&str>) -> String {
    let is_kind = |kind: &&str| kind.len() == 21 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    kind.filter(is_kind).unwrap_or_default().to_owned()
}
