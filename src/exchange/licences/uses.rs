//! Licences at their source: find (`query`), ask leave (`auth`), fetch once (`fetch`), compare (`match`).

use super::Called;
use super::asked;
use super::asked::Common;
use super::fields::Fields;
use super::fields::Form;
use super::fields::QR_CHARACTERS_MAX;
use super::refusal::Kind;
use super::refusal::Refusal;
use super::verify::Asked;
use super::verify::decision_word;
use crate::domain::fault::Fault;
use crate::domain::licence;
use crate::domain::licence::Decision;
use crate::domain::licence::Detail;
use crate::domain::licence::Expect;
use crate::domain::licence::Question;
use crate::domain::licence::Report;
use crate::domain::masked::Masked;
use crate::domain::recognition::State;
use crate::domain::sm;
use crate::edge::clock;
use crate::edge::licences::Conclusion;
use crate::edge::licences::Found;
use crate::edge::licences::LicenceSource;
use crate::edge::licences::NewCode;
use crate::edge::licences::SourceFault;
use crate::edge::licences::Wanted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Most licences of one answer.
const FOUND_MAX: usize = 20;
/// Bytes of a one-time code: 160 bits.
const CODE_BYTES: usize = 20;

/// What `match` comes to (verifyCertInfo of the sharing platforms).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Matched {
    Valid = 0,
    NotActive = 1,
    Suspended = 2,
    Ended = 3,
    Several = 4,
    NoneFound = 5,
    NothingGiven = 6,
    PartlyWrong = 7,
}

impl Matched {
    const fn text(self) -> &'static str {
        match self {
            Self::Valid => "信息正确，证照有效",
            Self::NotActive => "信息正确，证照未激活或尚未生效",
            Self::Suspended => "信息正确，证照暂扣、冻结或受限",
            Self::Ended => "信息正确，证照已失效",
            Self::Several => "有多个证照相符，不能确定",
            Self::NoneFound => "没有相符的证照",
            Self::NothingGiven => "没有给出可比对的信息",
            Self::PartlyWrong => "部分信息不符",
        }
    }
}

/// Reads which licence is meant.
fn wanted(fields: &mut Fields) -> Wanted {
    let qr = fields.optional("qrCode", QR_CHARACTERS_MAX, Form::Free);
    let named = fields.optional("ZZBS", 128, Form::Free);
    let pointed = qr.as_deref().and_then(|text| fields.of_qr("qrCode", text));
    if let (Some(named), Some(pointed)) = (&named, &pointed)
        && named != pointed
    {
        fields.fault("qrCode", "与 ZZBS 不是同一证照");
    }
    let wanted = Wanted {
        identifier: named.or(pointed),
        holder: fields.optional("CZZTDM", 64, Form::Free),
        kind: fields.optional("ZZLXDM", 21, Form::Code),
        number: fields.optional("ZZBH", 64, Form::Free),
        cause: None,
        even_rejected: false,
    };
    if wanted.identifier.is_none() && wanted.holder.is_none() && qr.is_none() {
        fields.fault("ZZBS", "请给出证照标识、二维码内容，或持证主体代码");
    } else if wanted.identifier.is_none() && wanted.kind.is_none() && qr.is_none() {
        fields.fault("ZZLXDM", "按持证主体查询时必填");
    }
    wanted
}

impl Called<'_> {
    pub(super) fn source(&self) -> Result<Arc<dyn LicenceSource>, Refusal> {
        self.desk.source.clone().ok_or_else(|| Kind::NotProvided.into())
    }

    /// The licences that are wanted, counted against their holder.
    pub(super) async fn find(&self, wanted: Wanted) -> Result<Vec<Arc<Found>>, Refusal> {
        let source = self.source()?;
        if let Some(holder) = &wanted.holder {
            self.count_holder(holder)?;
        }
        let named = wanted.holder.is_some();
        let found = spawn_blocking(move || source.find(&wanted)).await.map_err(|_| Kind::Internal)?;
        let found = found.map_err(kind_of_fault)?;
        if !named && let Some(first) = found.first().filter(|first| !first.holder.is_empty()) {
            self.count_holder(&first.holder)?;
        }
        Ok(found)
    }

    /// The only licence that fits.
    pub(super) async fn find_one(&self, wanted: Wanted) -> Result<Arc<Found>, Refusal> {
        let mut found = self.find(wanted).await?;
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(Kind::NotFound.into()),
            (Some(found), true) => Ok(found),
            (Some(_), false) => Err(Kind::Ambiguous.into()),
        }
    }

    /// The file of a licence from its source, or a refusal at the deadline; what hangs keeps its turn until it ends.
    async fn file_of(&self, found: &Arc<Found>) -> Result<Vec<u8>, Refusal> {
        let (source, found) = (self.source()?, Arc::clone(found));
        let fetched = self.turn_until(self.desk.waits.source, move || source.fetch(&found)).await?;
        fetched.ok_or(Kind::SourceTimeout)?.map_err(|fault| kind_of_fault(fault).into())
    }

    /// The file of a licence and what it is worth now, for a matter.
    pub(super) async fn read(&self, found: &Arc<Found>, matter: &str) -> Result<Report, Refusal> {
        let (file, matter) = (self.file_of(found).await?, matter.to_owned());
        let (trust, policy, at) =
            (self.desk.trust.load_full(), Arc::clone(&self.desk.policy), self.now.div_euclid(1000));
        let desk = Arc::clone(self.desk);
        let live = found.live.clone();
        let read = self.turn(move || {
            let question = Question {
                matter: desk.matter(&matter),
                kinds: Some(&desk.kinds),
                live: live.as_ref(),
                ..Question::new(&trust, &policy, at)
            };
            licence::judge(&file, &question)
        });
        let report = read.await?;
        // Then nothing can be said about any licence, which is no word about this one.
        let is_expired = report.decision == Decision::Reject && report.codes().contains(&"POLICY.LIST_EXPIRED");
        if is_expired { Err(Kind::ListExpired.into()) } else { Ok(report) }
    }

    /// `query`: what there is, without its content.
    pub(super) async fn query(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let mut fields = self.turn(move || Fields::read(&content_type, body)).await??;
        let common = Common::read(&mut fields);
        let wanted = wanted(&mut fields);
        self.note(&common);
        fields.finish()?;
        self.may_use(&common)?;
        let holder = wanted.holder.clone();
        let kind = wanted.kind.clone();
        let found = self.find(wanted).await?;
        let mut list = Vec::new();
        for found in found.iter().take(FOUND_MAX) {
            let report = self.read(found, &common.matter).await?;
            list.push(json!({
                "ZZBS": found.identifier,
                "ZZLXDM": found.kind,
                "ZZBFJGDM": report.facts().get("ZZBFJGDM"),
                "equivalentType": self.equivalent(Some(&found.kind), report.facts().authority()),
                "decision": report.decision,
                "reason": report.codes(),
            }));
        }
        let word = if found.is_empty() { Kind::NotFound.code() } else { "FOUND" };
        let mut receipt = self.receipt(&common, "query", word)?;
        match found.as_slice() {
            [only] => self.about_found(&mut receipt, only),
            _ => self.about(&mut receipt, None, kind.as_deref(), holder.as_deref()),
        }
        let id = receipt.id.clone();
        self.conclude(Conclusion { receipt, report: None, proof: None, spent: None, minted: None }).await?;
        if found.is_empty() {
            return Err(Kind::NotFound.into());
        }
        let more = found.len().saturating_sub(FOUND_MAX);
        Ok(json!({ "requestId": common.request_id, "licences": list, "more": more, "receipt": id }))
    }

    /// `auth`: a one-time code (用证码) for one licence, bound to caller, matter and case.
    pub(super) async fn auth(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let mut fields = self.turn(move || Fields::read(&content_type, body)).await??;
        let common = Common::read(&mut fields);
        let wanted = wanted(&mut fields);
        self.note(&common);
        fields.finish()?;
        self.may_use(&common)?;
        let found = self.find_one(wanted).await?;
        let (code, expires_at, receipt) = self.mint(&common, &found, "use", "auth").await?;
        Ok(json!({
            "requestId": common.request_id,
            "authCode": code.into_inner(),
            "ZZBS": found.identifier,
            "ZZLXDM": found.kind,
            "expiresAt": time_text(expires_at),
            "receipt": receipt,
        }))
    }

    /// A new code for a licence: the code, its end, and the receipt of its making.
    pub(super) async fn mint(
        &self,
        common: &Common,
        found: &Found,
        purpose: &'static str,
        call: &str,
    ) -> Result<(Masked<String>, i64, String), Refusal> {
        let mut bytes = [0; CODE_BYTES];
        clock::random(&mut bytes).map_err(|_| Fault::Internal { reason: "no randomness" })?;
        let code = Masked::new(sm::hex(&bytes));
        let lasts = i64::try_from(self.desk.code_lasts.as_millis()).unwrap_or(i64::MAX);
        let expires_at = self.now.saturating_add(lasts);
        let licence = self.desk.pseudonym("licence", &found.identifier);
        let used = self.code_use(&code, common, licence, purpose);
        let mut receipt = self.receipt(common, call, "GRANTED")?;
        self.about_found(&mut receipt, found);
        let (id, holder) = (receipt.id.clone(), receipt.holder);
        let minted = NewCode { digest: used.digest, purpose, binding: used.binding, holder, expires_at };
        self.conclude(Conclusion { receipt, report: None, proof: None, spent: None, minted: Some(minted) }).await?;
        Ok((code, expires_at, id))
    }

    /// `fetch`: the file, once, for a code.
    pub(super) async fn fetch(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let mut fields = self.turn(move || Fields::read(&content_type, body)).await??;
        let common = Common::read(&mut fields);
        let identifier = fields.required("ZZBS", 128, Form::Free);
        let code = asked::code(&mut fields, true);
        self.note(&common);
        fields.finish()?;
        self.may_use(&common)?;
        let code = code.ok_or(Kind::AuthMissing)?;
        self.fetched(common, identifier, code, "use", "fetch").await
    }

    /// The file of a licence and its verdict, for a code that is used up by it.
    pub(super) async fn fetched(
        &self,
        common: Common,
        identifier: String,
        code: Masked<String>,
        purpose: &'static str,
        call: &'static str,
    ) -> Result<Value, Refusal> {
        let licence = self.desk.pseudonym("licence", &identifier);
        // Looked at first, so that a wrong code costs the source nothing; it is used up with the receipt.
        Refusal::of_code(self.desk.store.look(self.code_use(&code, &common, licence, purpose)).await?)?;
        let found = self.find_one(Wanted { identifier: Some(identifier), ..Wanted::default() }).await?;
        let word = found.live.clone();
        let file = self.file_of(&found).await?;
        let (file, text) = self
            .turn(move || {
                let text = STANDARD.encode(&file);
                (file, text)
            })
            .await?;
        let asked = Asked {
            common,
            file,
            expect: Expect::default(),
            at: None,
            live: "off",
            level: Detail::Detailed,
            code: Some(code),
            purpose,
            word,
        };
        let mut told = self.judged(asked, call).await?;
        let is_usable = told.get("decision").and_then(Value::as_str) != Some(decision_word(Decision::Reject));
        if is_usable && let Some(told) = told.as_object_mut() {
            told.insert("file".to_owned(), Value::String(text));
        }
        Ok(told)
    }

    /// `match`: whether what the caller was told about a licence is so.
    pub(super) async fn matches(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let mut fields = self.turn(move || Fields::read(&content_type, body)).await??;
        let common = Common::read(&mut fields);
        let kind = fields.required("ZZLXDM", 21, Form::Code);
        let given = fields.object("fields");
        self.note(&common);
        fields.finish()?;
        self.may_use(&common)?;
        let (result, receipt) = self.matched(&common, &kind, &given, "match").await?;
        Ok(json!({
            "requestId": common.request_id,
            "result": result as u8,
            "textZh": result.text(),
            "receipt": receipt,
        }))
    }

    /// Compares the members of `given`, under their names of GB/T 36903, and leaves a receipt.
    pub(super) async fn matched(
        &self,
        common: &Common,
        kind: &str,
        given: &Map<String, Value>,
        call: &str,
    ) -> Result<(Matched, String), Refusal> {
        let mut values: Vec<(&str, &str)> = Vec::with_capacity(given.len());
        for (name, value) in given {
            match value.as_str() {
                Some(text) if text.trim().is_empty() => {}
                Some(text) => values.push((name, text.trim())),
                None => return Err(Refusal::field("fields", "各项的值应为文本")),
            }
        }
        let value = |name: &str| values.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned());
        let mut licence = None;
        let result = if values.is_empty() {
            Matched::NothingGiven
        } else {
            // By the first key that is given; the other values are compared, so that a wrong one is told from none.
            let mut wanted = Wanted { kind: Some(kind.to_owned()), ..Wanted::default() };
            match (value("ZZBS"), value("ZZBH"), value("CZZTDM")) {
                (Some(identifier), _, _) => wanted.identifier = Some(identifier),
                (None, Some(number), _) => wanted.number = Some(number),
                (None, None, holder) => wanted.holder = holder,
            }
            if let Some(holder) = value("CZZTDM").filter(|_| wanted.holder.is_none()) {
                self.count_holder(&holder)?;
            }
            let found = self.find(wanted).await?;
            let mut right = Vec::new();
            for found in &found {
                let report = self.read(found, &common.matter).await?;
                if values.iter().all(|(name, value)| report.facts().get(name) == Some(*value)) {
                    right.push((found, report));
                }
            }
            match (found.len(), right.as_slice()) {
                (0, _) => Matched::NoneFound,
                (_, []) => Matched::PartlyWrong,
                (_, [(found, report)]) => {
                    licence = Some(Arc::clone(found));
                    state_of(report).ok_or(Kind::BadAnswer)?
                }
                _ => Matched::Several,
            }
        };
        let mut receipt = self.receipt(common, call, &format!("RESULT_{}", result as u8))?;
        match licence {
            Some(found) => self.about_found(&mut receipt, &found),
            None => self.about(&mut receipt, None, Some(kind), value("CZZTDM").as_deref()),
        }
        let id = receipt.id.clone();
        self.conclude(Conclusion { receipt, report: None, proof: None, spent: None, minted: None }).await?;
        Ok((result, id))
    }

    /// Makes it durable.
    pub(super) async fn conclude(&self, conclusion: Conclusion) -> Result<(), Refusal> {
        let concluded = self.desk.store.conclude(conclusion).await;
        self.desk.prune(self.now);
        Refusal::of_code(concluded?)
    }
}

/// Why a source gave nothing, as a refusal.
pub(super) const fn kind_of_fault(fault: SourceFault) -> Kind {
    match fault {
        SourceFault::BadAnswer => Kind::BadAnswer,
        SourceFault::Unavailable => Kind::SourceTimeout,
    }
}

/// The state of a licence whose values are right; none where its file proves nothing now.
pub(super) fn state_of(report: &Report) -> Option<Matched> {
    let stated = report.facts().get("ZZZT").and_then(State::of_word);
    match (report.failed().as_slice(), stated) {
        ([], Some(State::NotActive)) | (["LIC.NOT_YET_VALID"], _) => Some(Matched::NotActive),
        ([], Some(State::Suspended)) => Some(Matched::Suspended),
        ([], Some(State::Valid | State::Unknown) | None) => Some(Matched::Valid),
        ([] | ["LIC.EXPIRED"], _) => Some(Matched::Ended),
        _ => None,
    }
}

/// A moment in Beijing time; `milliseconds` since 1970.
pub(super) fn time_text(milliseconds: i64) -> String {
    licence::time_text(milliseconds.div_euclid(1000))
}
