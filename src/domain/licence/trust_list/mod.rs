//! Trust lists (信任清单): whom the licences of one province are recognised from, signed by the operator of the list.
//!
//! ```text
//! { "scheme": "dzzz-trust/1", "province": "430000", "sequence": 12, "issued": "…", "nextUpdate": "…", "operator": {…},
//!   "anchors": [{ "sm3": "…", "cert": "base64", "status": "granted|withdrawn", "from": "…", "until": null }],
//!   "sealMakers": […], "tsas": […],
//!   "offices": [{ "uscc": "…", "name": "…", "sealIds": ["…"], "types": ["…"], "from": "…", "until": null }],
//!   "crls": [{ "issuer": "sm3", "url": "…", "maxAgeHours": 48 }], "nextOperatorKey": null | { "sm3": "…", "cert": "…" } }
//! ```
//!
//! The signature is SM2 over the raw bytes, in DER, with the usual identity. A list is one province's; a lower sequence
//! number than one that was seen, and another list of the same number, are refused. The operator's certificate is
//! pinned; a list may announce the next one, which then signs the lists that follow. Shape: modelled on ETSI TS 119 612.

mod reading;

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::certificate::usage;
use crate::domain::licence::trust::plain;
use crate::domain::licence::trust_list::reading::Reading;
use crate::domain::licence::trust_list::reading::raw;
use crate::domain::sm;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::Signature;
use std::collections::BTreeMap;
use std::fmt;

/// What lists of this form are called.
pub const SCHEME: &str = "dzzz-trust/1";
/// Largest list in bytes.
pub const LIST_BYTES_MAX: usize = 16 << 20;

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// Not JSON of the form, or a value in it cannot be; what, in Chinese.
    Form(String),
    /// No pinned or announced operator signed these bytes.
    Signature,
    /// There is no certificate of an operator, or it may not sign.
    Operator(&'static str),
    /// A higher number, or another list of this number, was seen before.
    Rollback { known: u64, found: u64 },
    /// Of another province than asked for, or with an office of another one.
    Province(String),
    /// There are two lists of this province.
    Twice(String),
    /// A list without its signature file, or a signature without its list.
    Alone(&'static str),
}

impl ListFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "POLICY.LIST_FORM",
            Self::Signature => "POLICY.LIST_SIGNATURE",
            Self::Operator(_) => "POLICY.LIST_OPERATOR",
            Self::Rollback { .. } => "POLICY.LIST_ROLLBACK",
            Self::Province(_) => "POLICY.LIST_PROVINCE",
            Self::Twice(_) => "POLICY.LIST_TWICE",
            Self::Alone(_) => "POLICY.LIST_ALONE",
        }
    }
}

impl fmt::Display for ListFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}：", self.code())?;
        match self {
            Self::Form(what) | Self::Province(what) => formatter.write_str(what),
            Self::Signature => formatter.write_str("信任清单的签名不正确，或不是清单运营者所签"),
            Self::Operator(what) | Self::Alone(what) => formatter.write_str(what),
            Self::Rollback { known, found } if known == found => {
                write!(formatter, "已见过内容不同的第 {known} 版")
            }
            Self::Rollback { known, found } => write!(formatter, "已见过第 {known} 版，这是旧的第 {found} 版"),
            Self::Twice(province) => write!(formatter, "{province} 有两份信任清单"),
        }
    }
}

/// Who signs lists: a certificate that is known beforehand, or that a list announces.
#[derive(Clone, Debug)]
pub struct Operator(Certificate);

impl Operator {
    /// From a certificate in DER or PEM.
    ///
    /// # Errors
    /// Where it is none, has no SM2 key, or may not sign.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, ListFault> {
        let certificate = Certificate::parse(&plain(bytes)).map_err(|_| ListFault::Operator("运营者证书编码有误"))?;
        if certificate.public().is_none() {
            return Err(ListFault::Operator("运营者证书的公钥不是 SM2 公钥"));
        }
        if certificate.key_usage.is_some_and(|bits| bits & usage::SIGN == 0) {
            return Err(ListFault::Operator("运营者证书不能用于签名"));
        }
        Ok(Self(certificate))
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        self.0.der()
    }

    fn signed(&self, list: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| {
            self.0.public().is_some_and(|public| public.verify(sm2::DEFAULT_ID, &[list], &signature).is_ok())
        })
    }
}

/// What is remembered of the newest list of a province, so that none before it is taken again.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub sequence: u64,
    /// SM3 of that list's bytes.
    pub digest: Option<[u8; sm::DIGEST_BYTES]>,
    /// Who may sign the next: the signer of that list and the one it announces. Empty: the pinned operator.
    pub operators: Vec<Operator>,
}

/// Memories by the code of the province, as in `430000`.
pub type Known = BTreeMap<String, Memory>;

/// From when until when something is granted, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    from: i64,
    until: Option<i64>,
}

impl Span {
    /// Whether it is granted at `time`.
    pub(super) fn holds(self, time: i64) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }

    /// The moment of its end.
    pub(super) fn end(self) -> i64 {
        self.until.unwrap_or(i64::MAX)
    }
}

/// A certificate that is granted for a time.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) certificate: Certificate,
    pub(super) span: Span,
}

/// An office that may sign licences.
#[derive(Clone, Debug)]
pub(super) struct Office {
    pub(super) credit_code: String,
    pub(super) name: String,
    /// Numbers of its seals; any, where there are none.
    pub(super) seals: Vec<String>,
    /// Type codes of licences; any, where there are none.
    pub(super) kinds: Vec<String>,
    pub(super) span: Span,
}

/// How old a revocation list may be.
#[derive(Clone, Debug)]
struct Freshness {
    issuer: String,
    seconds: i64,
}

/// A list whose signature and form are right.
#[derive(Clone, Debug)]
pub struct TrustList {
    province: String,
    sequence: u64,
    next_update: i64,
    digest: [u8; sm::DIGEST_BYTES],
    signer: Operator,
    next_operator: Option<Operator>,
    pub(super) anchors: Vec<Granted>,
    pub(super) seal_makers: Vec<Granted>,
    pub(super) time_stampers: Vec<Granted>,
    pub(super) offices: Vec<Office>,
    freshness: Vec<Freshness>,
}

impl TrustList {
    /// Reads the list `bytes` that `signature` stands beside. It must be signed by one of `pinned`, or by those whom
    /// `memory` names. With `province`, it must be that province's.
    ///
    /// # Errors
    /// Everything that is wrong with it; about the form only where the signature is right.
    pub fn read(
        bytes: &[u8],
        signature: &[u8],
        pinned: &[Operator],
        memory: Option<&Memory>,
        province: Option<&str>,
    ) -> Result<Self, Vec<ListFault>> {
        if bytes.len() > LIST_BYTES_MAX {
            return Err(vec![ListFault::Form("信任清单过大".to_owned())]);
        }
        // Once the key was changed, the pinned one signs no more: its loss may have been the reason.
        let operators = memory.map_or(pinned, |memory| match memory.operators.as_slice() {
            [] => pinned,
            operators => operators,
        });
        if operators.is_empty() {
            return Err(vec![ListFault::Operator("没有清单运营者的证书 list-operator.cer")]);
        }
        let signer = operators.iter().find(|operator| operator.signed(bytes, signature));
        let signer = signer.ok_or_else(|| vec![ListFault::Signature])?;
        let raw: raw::List =
            serde_json::from_slice(bytes).map_err(|error| vec![ListFault::Form(format!("不合格式：{error}"))])?;
        let mut reading = Reading::default();
        let list = reading.list(raw, bytes, signer);
        if let (Some(list), Some(memory)) = (&list, memory) {
            let is_other =
                list.sequence == memory.sequence && memory.digest.is_some_and(|digest| digest != list.digest);
            if list.sequence < memory.sequence || is_other {
                reading.faults.push(ListFault::Rollback { known: memory.sequence, found: list.sequence });
            }
        }
        if let (Some(list), Some(province)) = (&list, province)
            && list.province != province
        {
            reading.faults.push(ListFault::Province(format!("是 {} 的信任清单，不是 {province} 的", list.province)));
        }
        match list {
            Some(list) if reading.faults.is_empty() => Ok(list),
            _ => Err(reading.faults),
        }
    }

    /// The province that a list says it is of, before anything in it is believed.
    pub(super) fn told_province(bytes: &[u8]) -> Option<String> {
        let bytes = bytes.get(..LIST_BYTES_MAX.min(bytes.len()))?;
        serde_json::from_slice::<raw::Told>(bytes).ok().map(|told| told.province)
    }

    /// The province's code, as in `430000`.
    pub fn province(&self) -> &str {
        &self.province
    }

    /// The number of this edition.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the next one is due, in seconds since 1970-01-01T00:00:00Z.
    pub const fn next_update(&self) -> i64 {
        self.next_update
    }

    /// SM3 of its bytes.
    pub const fn digest(&self) -> &[u8; sm::DIGEST_BYTES] {
        &self.digest
    }

    /// What to remember of it.
    pub fn memory(&self) -> Memory {
        let operators = [Some(self.signer.clone()), self.next_operator.clone()].into_iter().flatten().collect();
        Memory { sequence: self.sequence, digest: Some(self.digest), operators }
    }

    /// The entries of an office, by the credit code or, where the certificate tells none, by the whole name.
    pub(super) fn offices_of<'a>(&'a self, code: Option<&'a str>, name: &'a str) -> impl Iterator<Item = &'a Office> {
        self.offices.iter().filter(move |office| match code {
            Some(code) => office.credit_code == code,
            None => office.name == name,
        })
    }

    /// For how many seconds a revocation list of the issuer with that SM3 (in hexadecimal) is new enough.
    pub(super) fn freshness(&self, issuer: &str) -> Option<i64> {
        self.freshness.iter().filter(|rule| rule.issuer == issuer).map(|rule| rule.seconds).min()
    }
}
