//! The report for systems, written from the report itself without a tree between: there are a hundred checks and more in
//! one.

use crate::domain::licence::check::Check;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::check::Party;
use crate::domain::licence::check::Status;
use crate::domain::licence::question::State;
use crate::domain::licence::report::Decision;
use crate::domain::licence::report::Detail;
use crate::domain::licence::report::Indication;
use crate::domain::licence::report::Report;
use crate::domain::licence::report::Signed;
use crate::domain::licence::report::indication;
use crate::domain::licence::report::time_text;
use crate::domain::licence::signature::office_code;
use crate::domain::sm;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a, L> {
    report_id: &'a str,
    decision: Decision,
    signature: Indication,
    reason: Vec<&'static str>,
    text_zh: String,
    licence: L,
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<Vec<SignatureTold<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<CheckTold<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_zh: Option<String>,
}

#[derive(Serialize)]
struct Licence<'a> {
    #[serde(rename = "ZZBS")]
    identifier: Option<&'a str>,
    #[serde(rename = "ZZLXDM")]
    kind: Option<&'a str>,
    #[serde(rename = "ZZBFJGDM")]
    authority: Option<&'a str>,
    state: &'static str,
    fields: &'a Map<String, Value>,
}

/// What stands in place of the licence where the report is kept: the identifier may be a person's number.
#[derive(Serialize)]
struct Hidden<'a> {
    #[serde(rename = "identifierHmac")]
    identifier: Option<String>,
    #[serde(rename = "ZZLXDM")]
    kind: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignatureTold<'a> {
    id: &'a str,
    r#type: &'static str,
    counts: bool,
    format: &'a str,
    indication: Indication,
    sub_indication: Option<&'static str>,
    claimed_time: Option<String>,
    best_time: Option<String>,
    best_time_source: Option<&'static str>,
    seal: Option<Seal<'a>>,
    signer: Option<Signer<'a>>,
    coverage: Coverage<'a>,
    checks: Vec<CheckTold<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<RawTold<'a>>,
}

#[derive(Serialize)]
struct Seal<'a> {
    #[serde(rename = "esID")]
    id: &'a str,
    name: &'a str,
    maker: &'a str,
}

#[derive(Serialize)]
struct Signer<'a> {
    uscc: Option<&'a str>,
    name: &'a str,
    cn: &'a str,
    sn: &'a str,
    issuer: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Coverage<'a> {
    covered: usize,
    reachable: usize,
    unsigned_reachable: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawTold<'a> {
    signed_file: &'a str,
    signed_sm3: String,
    value_sm3: String,
    value: Option<String>,
    covered: &'a BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckTold<'a> {
    code: &'static str,
    status: Status,
    level: Level,
    party: Option<Party>,
    text_zh: Cow<'static, str>,
    detail: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evidence<'a> {
    file_sm3: String,
    validation_time: String,
    policy: Option<&'a str>,
    trust_list: &'a BTreeMap<String, u64>,
    crl: BTreeMap<&'a str, String>,
    live: LiveTold,
}

#[derive(Serialize)]
struct LiveTold {
    asked: bool,
    result: Option<&'static str>,
    state: Option<&'static str>,
    time: Option<String>,
}

impl Report {
    /// The report for systems.
    pub fn json(&self) -> Value {
        self.json_at(Detail::Detailed)
    }

    /// The same with as much as `detail` says. The number of the report follows from file and time.
    pub fn json_at(&self, detail: Detail) -> Value {
        let id = sm::hex(&sm::digest(format!("{}/{}", sm::hex(&self.file_digest), self.at).as_bytes()));
        self.json_as(&id[..32], detail)
    }

    /// The same with a number of one's own.
    pub fn json_as(&self, id: &str, detail: Detail) -> Value {
        let facts = &self.facts;
        let licence = Licence {
            identifier: facts.identifier(),
            kind: facts.kind(),
            authority: facts.authority(),
            state: self.state.word(),
            fields: &self.released,
        };
        // It holds nothing that JSON cannot.
        serde_json::to_value(self.told(id, licence, detail)).unwrap_or_default()
    }

    /// The text that is kept: all checks and the evidence, and of the licence its type and what stands for its identifier.
    pub fn kept_text(&self, id: &str, identifier: Option<&[u8; sm::DIGEST_BYTES]>) -> String {
        let hidden = Hidden { identifier: identifier.map(|digest| sm::hex(digest)), kind: self.facts.kind() };
        // As above.
        serde_json::to_string(&self.told(id, hidden, Detail::Detailed)).unwrap_or_default()
    }

    /// SM3 of the file.
    pub const fn file_digest(&self) -> &[u8; sm::DIGEST_BYTES] {
        &self.file_digest
    }

    fn told<'a, L>(&'a self, id: &'a str, licence: L, detail: Detail) -> Told<'a, L> {
        let is_more = detail != Detail::Simple;
        Told {
            report_id: id,
            decision: self.decision,
            signature: self.signature,
            reason: self.codes(),
            text_zh: self.sentences(),
            licence,
            signatures: is_more.then(|| self.signatures.iter().map(|signed| signature_told(signed, detail)).collect()),
            checks: is_more.then(|| checks_told(&self.checks)),
            evidence: is_more.then(|| self.evidence()),
            report_zh: (detail == Detail::Full).then(|| self.text()),
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            file_sm3: sm::hex(&self.file_digest),
            validation_time: time_text(self.at),
            policy: self.policy.as_deref(),
            trust_list: &self.lists,
            crl: self.crls.iter().map(|(issuer, time)| (issuer.as_str(), time_text(*time))).collect(),
            live: LiveTold {
                asked: self.live.asked,
                result: Some(self.live.result).filter(|result| !result.is_empty()),
                state: self.live.state.map(State::word),
                time: self.live.at.map(time_text),
            },
        }
    }
}

fn signature_told(signed: &Signed, detail: Detail) -> SignatureTold<'_> {
    let judged = &signed.judged;
    let indication = indication(judged.checks.worst());
    SignatureTold {
        id: &judged.id,
        r#type: judged.kind,
        counts: signed.counts,
        format: &judged.format,
        indication,
        sub_indication: sub_indication(&judged.checks, indication),
        claimed_time: judged.claimed.map(time_text),
        best_time: judged.best.map(|(time, _)| time_text(time)),
        best_time_source: judged.best.map(|(_, source)| source),
        seal: judged.seal.as_ref().map(|seal| Seal { id: &seal.id, name: &seal.name, maker: &seal.maker }),
        signer: judged.signer.as_ref().map(|signer| {
            let code = office_code(&signer.organization);
            Signer {
                uscc: code,
                name: code.map_or(signer.organization.as_str(), |code| &signer.organization[code.len()..]),
                cn: &signer.common_name,
                sn: &signer.serial,
                issuer: &signer.issuer,
            }
        }),
        coverage: Coverage {
            covered: judged.covers.len(),
            reachable: signed.reachable,
            unsigned_reachable: &signed.unsigned,
        },
        checks: checks_told(&judged.checks),
        raw: judged.raw.as_ref().filter(|_| detail == Detail::Full).map(|raw| RawTold {
            signed_file: &raw.signed_file,
            signed_sm3: sm::hex(&raw.signed_digest),
            value_sm3: sm::hex(&sm::digest(&raw.value)),
            value: raw.value_text(),
            covered: &judged.covers,
        }),
    }
}

fn checks_told(checks: &Checks) -> Vec<CheckTold<'_>> {
    checks
        .list()
        .iter()
        .map(|check: &Check| CheckTold {
            code: check.code.code(),
            status: check.status,
            level: check.level,
            party: check.party,
            text_zh: check.sentence(),
            detail: &check.detail,
        })
        .collect()
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
