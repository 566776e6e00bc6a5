//! `/CertShare/*`: the calls of the sharing platforms, so that systems that speak to one plug in unchanged.
//!
//! `{"head":{"accessId","accessToken"},"data":{…,"useCause"}}` comes in, `{"head":{"status","message"},"data":…}` goes out,
//! always with HTTP status 200. The platforms know no matter, case or window: what `data` does not say besides
//! (`matter`, `caseNo`, `window`, `operator`, `ground`) comes from the caller's configuration. Here `verifyFile` works.

use super::Called;
use super::asked::Common;
use super::asked::GROUNDS;
use super::fields::Fields;
use super::fields::Form;
use super::fields::QR_CHARACTERS_MAX;
use super::refusal;
use super::refusal::Kind;
use super::refusal::Refusal;
use super::uses::Matched;
use super::uses::state_of;
use super::uses::time_text;
use super::verify::Asked;
use crate::domain::fault::Fault;
use crate::domain::licence::Detail;
use crate::domain::licence::Expect;
use crate::domain::licence::Report;
use crate::domain::masked::Masked;
use crate::domain::recognition::Dialect;
use crate::domain::recognition::State as LicenceState;
use crate::domain::sm;
use crate::domain::sm::sm2::Order;
use crate::domain::sm::sm2::PublicKey;
use crate::edge::clock;
use crate::edge::licences::Conclusion;
use crate::edge::licences::Found;
use crate::edge::licences::Wanted;
use crate::exchange::Answer;
use crate::exchange::state::ShareAccess;
use crate::exchange::state::State;
use http::HeaderValue;
use http::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The dialect whose names the calls use.
const DIALECT: &str = "sharing";
/// Stands for a case or window that a call does not name.
const UNNAMED: &str = "CERTSHARE";

/// Names of the calls.
pub(super) const CALLS: [&str; 8] = [
    "downloadFile",
    "downloadUrl",
    "getCertRemarkInfo",
    "queryCertInfo",
    "queryCertInfoByHolderCode",
    "queryCertInfoByQRcode",
    "verifyCertInfo",
    "verifyFile",
];

/// A call as it comes in.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    head: Head,
    #[serde(default)]
    data: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Head {
    #[serde(default, rename = "accessId")]
    id: String,
    #[serde(default, rename = "accessToken")]
    token: String,
}

impl Envelope {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| {
            Refusal::with(Kind::Schema, format!("报文格式不对（第 {} 行第 {} 列）", error.line(), error.column()))
        })
    }

    /// The caller whose token this is.
    pub(super) fn caller(&self, state: &State) -> Result<usize, Refusal> {
        let given = sm::digest(self.head.token.as_bytes());
        let known = |share: &ShareAccess| {
            share.token.as_ref().is_some_and(|token| sm::verify(&sm::digest(token.reveal()), &given))
        };
        let found = state.callers.iter().position(|caller| {
            *caller.name == *self.head.id
                && caller.licences.as_ref().and_then(|licences| licences.share.as_ref()).is_some_and(known)
        });
        found.ok_or_else(|| Kind::AuthMissing.into())
    }
}

/// A refusal with the platform's number, which may say more than the kind.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) refusal: Refusal,
}

impl<T: Into<Refusal>> From<T> for Refused {
    fn from(refusal: T) -> Self {
        let refusal = refusal.into();
        Self { status: refusal.kind.share_status(), refusal }
    }
}

/// Missing members have numbers of their own.
fn missing(status: u16, field: &str) -> Refused {
    Refused { status, refusal: Refusal::field(field, "必填") }
}

/// The answer for a refusal.
pub(super) fn refused(refused: &Refused) -> Answer {
    let Refused { status, refusal } = refused;
    let fields: Vec<String> = refusal.faults.iter().map(|fault| format!("{}：{}", fault.field, fault.text)).collect();
    let message =
        if fields.is_empty() { refusal.text() } else { format!("{}：{}", refusal.text(), fields.join("；")) };
    let body = json!({ "head": { "status": status, "message": message }, "data": null });
    let mut answer = refusal::json_answer(200, &body);
    if let Some(seconds) = refusal.retry_after {
        answer.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

impl Called<'_> {
    /// Answers the call of that name.
    pub(super) async fn share(&self, name: &str, envelope: Envelope) -> Result<Value, Refused> {
        let share = self.access.share.as_ref();
        let share = share.ok_or_else(|| Refusal::with(Kind::Matter, "没有为本系统开通共享平台式接口"))?;
        if !CALLS.contains(&name) {
            return Err(Kind::Path.into());
        }
        let mut fields = Fields::of(envelope.data);
        let common = self.share_common(&mut fields, share);
        let data = match name {
            "queryCertInfo" => {
                let identifier = fields.required("certIdentifier", 128, Form::Free);
                self.share_query(fields, common, Wanted { identifier: Some(identifier), ..Wanted::default() }).await?
            }
            "queryCertInfoByQRcode" => {
                let text = fields.required("qrcode", QR_CHARACTERS_MAX, Form::Free);
                let wanted = Wanted { identifier: fields.of_qr("qrcode", &text), ..Wanted::default() };
                self.share_query(fields, common, wanted).await?
            }
            "queryCertInfoByHolderCode" => {
                let wanted = self.by_holder(&mut fields)?;
                self.share_query(fields, common, wanted).await?
            }
            "verifyCertInfo" => self.share_match(fields, common).await?,
            "verifyFile" => self.share_file(fields, common).await?,
            "downloadUrl" => {
                let identifier = fields.required("certIdentifier", 128, Form::Free);
                let _ = fields.optional("expiryTime", 32, Form::Free);
                fields.finish()?;
                self.may_use(&common)?;
                let found = self.find_one(Wanted { identifier: Some(identifier), ..Wanted::default() }).await?;
                let (id, expires_at, _) = self.mint(&common, &found, "download", "CertShare/downloadUrl").await?;
                json!({ "downloadId": id.into_inner(), "expiringTime": time_text(expires_at) })
            }
            "downloadFile" => {
                let identifier = fields.required("certIdentifier", 128, Form::Free);
                let id = Masked::new(fields.required("downloadId", 64, Form::Code));
                for name in ["certificateCopyCause", "certificateCopyExpiringTime"] {
                    let _ = fields.optional(name, 200, Form::Free);
                }
                fields.finish()?;
                self.may_use(&common)?;
                let told = self.fetched(common, identifier, id, "download", "CertShare/downloadFile").await?;
                let Some(content) = told.get("file").cloned() else {
                    let codes: Vec<&str> =
                        told["reason"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    let status = if codes.first() == Some(&"LIC.EXPIRED") { 22 } else { 99 };
                    return Err(Refused { status, refusal: Refusal::with(Kind::BadAnswer, codes.join("、")) });
                };
                json!({ "contentType": "base64", "content": content })
            }
            "getCertRemarkInfo" => {
                let kind = fields.required("certTypeCode", 21, Form::Code);
                fields.finish()?;
                self.may_use(&common)?;
                self.remarks(&kind)?
            }
            _ => return Err(Kind::Path.into()),
        };
        let data = match &share.encrypt_to {
            None => data,
            Some(key) => self.sealed(*key, data).await?,
        };
        Ok(json!({ "head": { "status": 0, "message": "成功" }, "data": data }))
    }

    fn share_common(&self, fields: &mut Fields, share: &ShareAccess) -> Common {
        let mut or = |name, default: &str| fields.optional(name, 64, Form::Code).unwrap_or_else(|| default.to_owned());
        let (matter, case_number, window) = (or("matter", &share.matter), or("caseNo", UNNAMED), or("window", UNNAMED));
        let operator = fields.optional("operator", 128, Form::Free).unwrap_or_else(|| self.caller.to_owned());
        let ground = fields.optional("ground", 16, Form::Code).unwrap_or_else(|| "duty".to_owned());
        let ground = GROUNDS.into_iter().find(|known| *known == ground).unwrap_or_else(|| {
            fields.fault("ground", "应为 consent、entrust、duty 之一");
            "duty"
        });
        let _ = fields.required("useCause", 200, Form::Free);
        Common { request_id: None, matter, case_number, window, operator: Masked::new(operator), ground }
    }

    fn by_holder(&self, fields: &mut Fields) -> Result<Wanted, Refused> {
        let wanted = Wanted {
            identifier: None,
            holder: fields.optional("holderCode", 64, Form::Free),
            kind: Some(fields.required("certTypeCode", 21, Form::Code)),
            number: fields.optional("certNo", 64, Form::Free),
            cause: None,
            even_rejected: false,
        };
        let holder_kind = fields.required("holderTypeCode", 8, Form::Code);
        if wanted.holder.is_none() {
            return Err(missing(110, "holderCode"));
        }
        if !holder_kind.is_empty() && self.desk.recognition.holder_type(&holder_kind).is_none() {
            return Err(Refused {
                status: 103, refusal: Refusal::field("holderTypeCode", "不认识的持证主体代码类型")
            });
        }
        Ok(wanted)
    }

    /// The fields of one licence that the matter may see, in the words of the platforms.
    async fn share_query(&self, fields: Fields, common: Common, wanted: Wanted) -> Result<Value, Refused> {
        fields.finish()?;
        self.may_use(&common)?;
        let found = self.find_one(wanted).await?;
        let report = self.read(&found, &common.matter).await?;
        let status = status_of(&report);
        let decision = status.map_or_else(|| "FOUND".to_owned(), |status| format!("STATUS_{status}"));
        let mut receipt = self.receipt(&common, "CertShare/query", &decision)?;
        self.about_found(&mut receipt, &found);
        let receipt_id = receipt.id.clone();
        self.conclude(Conclusion { receipt, report: None, proof: None, spent: None, minted: None }).await?;
        if let Some(status) = status {
            let refusal = Refusal::with(Kind::BadAnswer, report.codes().join("、"));
            return Err(Refused { status, refusal });
        }
        Ok(json!({ "certData": self.told(&found, &report), "receipt": receipt_id }))
    }

    fn told(&self, found: &Arc<Found>, report: &Report) -> Map<String, Value> {
        let dialect = self.desk.recognition.dialect(DIALECT);
        let own = |name: &str| dialect.and_then(|dialect| dialect.own_name(name)).unwrap_or(name).to_owned();
        let mut told = Map::new();
        told.insert(own("ZZBS"), json!(found.identifier));
        told.insert(own("ZZLXDM"), json!(found.kind));
        let json = report.json();
        let released = json.pointer("/licence/fields").and_then(Value::as_object);
        for (name, value) in released.into_iter().flatten() {
            told.insert(own(name), value.clone());
        }
        told
    }

    async fn share_match(&self, mut fields: Fields, common: Common) -> Result<Value, Refused> {
        let kind = fields.required("certTypeCode", 21, Form::Code);
        let given = fields.object("certData");
        fields.finish()?;
        self.may_use(&common)?;
        let dialect = self.desk.recognition.dialect(DIALECT);
        let mut national = Map::new();
        for (name, value) in given {
            let Some(name) = dialect.and_then(|dialect: &Dialect| dialect.national_name(&name)) else {
                return Err(Refusal::field("certData", "含有不认识的字段").into());
            };
            national.insert(name.to_owned(), value);
        }
        let (result, receipt) = self.matched(&common, &kind, &national, "CertShare/verifyCertInfo").await?;
        Ok(json!({ "result": result as u8, "receipt": receipt }))
    }

    /// The verdict on a file: what the platforms leave out.
    async fn share_file(&self, mut fields: Fields, common: Common) -> Result<Value, Refused> {
        let kind = fields.optional("certTypeCode", 21, Form::Code);
        let form = fields.required("contentType", 16, Form::Code);
        let content = fields.long_text("content");
        if !form.is_empty() && form != "base64" {
            return Err(Refused { status: 102, refusal: Refusal::field("contentType", "应为 base64") });
        }
        let mut fields = self
            .turn(move || {
                fields.decode_file("content", &content)?;
                Ok::<_, Refusal>(fields)
            })
            .await??;
        let file = fields.file();
        fields.finish()?;
        self.may_use(&common)?;
        let asked = Asked {
            common,
            file,
            expect: Expect { kind, ..Expect::default() },
            at: None,
            live: "off",
            level: Detail::Simple,
            code: None,
            purpose: "use",
            word: None,
        };
        let told = self.judged(asked, "CertShare/verifyFile").await?;
        let codes: Vec<&str> = told["reason"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let result = match told["decision"].as_str() {
            Some("ACCEPT") => Matched::Valid,
            Some("REVIEW") => Matched::Several,
            _ if codes.first() == Some(&"LIC.EXPIRED") => Matched::Ended,
            _ => Matched::PartlyWrong,
        };
        Ok(json!({
            "result": result as u8,
            "decision": told["decision"],
            "reason": told["reason"],
            "message": told["textZh"],
            "reportId": told["reportId"],
            "receipt": told["receipt"],
        }))
    }

    /// The fields of a type.
    fn remarks(&self, kind: &str) -> Result<Value, Refused> {
        let recognition = &self.desk.recognition;
        let dialect = recognition.dialect(DIALECT);
        let unknown =
            || Refused { status: 13, refusal: Refusal::with(Kind::NotFound, "目录中没有这个证照类型") };
        let kind = recognition.kind(kind).ok_or_else(unknown)?;
        let own = |name: &str| dialect.and_then(|dialect| dialect.own_name(name)).unwrap_or(name).to_owned();
        let all = recognition.fields().iter();
        let fields: Vec<Value> = all
            .filter(|field| !field.name.starts_with("KZ_") || kind.fields.contains(&field.name))
            .map(|field| json!({ "name": own(&field.name), "code": field.name, "remark": field.title }))
            .collect();
        Ok(json!({ "certTypeCode": kind.code, "certName": kind.name, "fields": fields }))
    }

    /// `data` as hexadecimal SM2 ciphertext (C1 C3 C2, the point with its leading 04).
    async fn sealed(&self, key: PublicKey, data: Value) -> Result<Value, Refused> {
        let mut noise = Zeroizing::new([0; 48]);
        clock::random(&mut noise[..]).map_err(|_| Fault::Internal { reason: "no randomness" })?;
        let sealed = self.turn(move || {
            let sealed = key.encrypt_raw(data.to_string().as_bytes(), &noise, Order::C1C3C2);
            sealed.map(|bytes| sm::hex(&bytes))
        });
        let sealed = sealed.await?.map_err(|_| Fault::Internal { reason: "an answer could not be encrypted" })?;
        Ok(Value::String(sealed))
    }
}

/// The platforms' number for a licence that cannot be used: 21 ended, 22 expired, 23 restricted or not yet active, 99
/// anything else; none for one that can.
fn status_of(report: &Report) -> Option<u16> {
    let stated = report.facts().get("ZZZT").and_then(LicenceState::of_word);
    match state_of(report) {
        Some(Matched::Valid) => None,
        Some(Matched::NotActive | Matched::Suspended) => Some(23),
        Some(Matched::Ended) if report.failed() == ["LIC.EXPIRED"] || stated == Some(LicenceState::Expired) => Some(22),
        Some(Matched::Ended) => Some(21),
        _ => Some(99),
    }
}
