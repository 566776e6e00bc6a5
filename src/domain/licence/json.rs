//! Licences in JSON with a detached signature (composed form: no standard fixes one).
//!
//! The licence is one JSON object, UTF-8, whose keys are the names of GB/T 36903 (`ZZBS`, `ZZLXDM`, …) or those of the
//! sharing platforms (`certIdentifier`, `certTypeCode`, …); several holders are a list. What is signed are the bytes of
//! the file as they are. A key that comes twice is refused: readers differ in which one they believe.

use crate::domain::licence::Asked;
use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Party;
use crate::domain::licence::judge_licence;
use crate::domain::licence::listing;
use crate::domain::licence::metadata::Metadata;
use crate::domain::licence::report::Report;
use crate::domain::licence::settle_time;
use crate::domain::licence::signature::Judged;
use crate::domain::licence::signature::Raw;
use crate::domain::licence::signature::SignerFacts;
use crate::domain::licence::signature::hold_value;
use crate::domain::licence::signature::unreadable;
use crate::domain::licence::signed_data::SignedData;
use crate::domain::licence::trust::Ground;
use crate::domain::licence::trust::plain;
use crate::domain::licence::value::ValueContext;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use std::collections::BTreeSet;
use std::fmt;

/// Largest licence in JSON, and largest answer, in bytes.
pub const JSON_BYTES_MAX: usize = 1 << 20;
/// Largest signature beside one, in bytes.
const SIGNATURE_BYTES_MAX: usize = 1 << 20;
/// What the file is called in reports.
const FILE: &str = "licence.json";
/// What a plain SM2 signature in JSON says of its form.
const SCHEME: &str = "licence-signature/1";
/// What the reader says where a key comes twice.
const TWICE: &str = "duplicate key";

/// The names of the sharing platforms and those of GB/T 36903.
const NAMES: &[(&str, &str)] = &[
    ("certName", "ZZMC"),
    ("certTypeCode", "ZZLXDM"),
    ("certNo", "ZZBH"),
    ("certIdentifier", "ZZBS"),
    ("cert_identifier", "ZZBS"),
    ("issuAuth", "ZZBFJG"),
    ("issuAuthCode", "ZZBFJGDM"),
    ("issuDate", "ZZBFRQ"),
    ("holder", "CZZT"),
    ("holderCode", "CZZTDM"),
    ("holderTypeCode", "CZZTDMLXDM"),
    ("effectiveDate", "ZZYXQQSRQ"),
    ("expiringDate", "ZZYXQJZRQ"),
    ("certState", "ZZZT"),
];

/// One value of a JSON text.
#[derive(Debug)]
pub(super) enum Node {
    Nothing,
    /// A text, a number or a truth value, as a text.
    Text(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> de::Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(part) = parts.next_element()? {
            list.push(part);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut parts: A) -> Result<Node, A::Error> {
        let mut table = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some((key, value)) = parts.next_entry::<String, Node>()? {
            if !seen.insert(key.clone()) {
                return Err(de::Error::custom(TWICE));
            }
            table.push((key, value));
        }
        Ok(Node::Table(table))
    }
}

impl Node {
    /// Reads a text whose outermost value is an object.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Code> {
        if bytes.len() > JSON_BYTES_MAX {
            return Err(Code::JsonTooLarge);
        }
        match serde_json::from_slice(bytes) {
            Ok(table @ Self::Table(_)) => Ok(table),
            Err(error) if error.to_string().starts_with(TWICE) => Err(Code::JsonDuplicateKey),
            Ok(_) | Err(_) => Err(Code::JsonMalformed),
        }
    }

    /// The value of a key, where this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Table(table) = self else { return None };
        table.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The text, where this is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The values of a licence, by the names of GB/T 36903.
    pub(super) fn values(&self) -> Vec<(String, String)> {
        let mut values = Vec::new();
        let Self::Table(table) = self else { return values };
        for (key, value) in table {
            let known = NAMES.iter().find(|(theirs, _)| theirs == key);
            let name = known.map_or(key.as_str(), |(_, name)| name);
            let parts = if let Self::List(list) = value { list.as_slice() } else { std::slice::from_ref(value) };
            values.extend(parts.iter().filter_map(|part| Some((name.to_owned(), part.text()?.to_owned()))));
        }
        values
    }
}

/// Judges a licence in JSON; without `signature` it is unsigned.
pub(super) fn judge(file: &[u8], signature: Option<&[u8]>, asked: Asked<'_>) -> Report {
    let digest = sm::digest(file);
    let mut report = Report::new(digest, asked.question);
    let mut checks = Checks::under(&asked.rule.levels);
    let node = Node::read(file);
    if let Err(code) = node {
        checks.fail(code, "");
    }
    checks.pass_rest(&[Code::JsonTooLarge, Code::JsonMalformed, Code::JsonDuplicateKey]);
    let Ok(node) = node else {
        report.finish(checks, asked.rule);
        return report;
    };
    checks.hold(Code::SigNone, signature.is_some());
    let mut judged = signature.map(|signature| judge_signature(file, digest, signature, asked));
    let is_intact = judged.as_ref().is_some_and(|judged| judged.is_intact);
    // What no intact signature is over is not looked at.
    let values = if is_intact { node.values() } else { Vec::new() };
    let metadata = Metadata::of_values(FILE, &values);
    let over: Vec<&Judged> = judged.iter().filter(|judged| judged.is_intact).collect();
    let confirmed = judge_licence(&metadata, &over, asked, &mut checks, &mut report);
    if let Some(judged) = &mut judged {
        settle_time(judged, confirmed);
    }
    report.licence(metadata);
    if let Some(judged) = judged {
        report.signature(judged, true, &BTreeSet::from([FILE.to_owned()]));
    }
    report.finish(checks, asked.rule);
    report
}

fn judge_signature(file: &[u8], digest: [u8; sm::DIGEST_BYTES], signature: &[u8], asked: Asked<'_>) -> Judged {
    let mut judged = Judged {
        id: "1".to_owned(),
        kind: "Sign",
        format: String::new(),
        claimed: None,
        best: None,
        seal: None,
        signer: None,
        covers: BTreeSet::new(),
        is_intact: false,
        needs_proof: false,
        ground: Ground::Nowhere,
        raw: None,
        checks: Checks::under(&asked.rule.levels),
    };
    judged.checks.fail(Code::NoSeal, "");
    let context = ValueContext::new(asked, file, digest, None);
    judged.raw = Some(Raw { signed_file: FILE.to_owned(), signed_digest: context.digest, value: signature.to_vec() });
    judged.is_intact = if signature.len() > SIGNATURE_BYTES_MAX {
        judged.checks.fail(Code::SesMalformed, "签名文件过大");
        false
    } else if signature.trim_ascii_start().first() == Some(&b'{') {
        judge_plain(&context, signature, &mut judged)
    } else {
        let der = plain(signature);
        let text = std::str::from_utf8(&der).ok().map(|text| text.split_ascii_whitespace().collect::<String>());
        let decoded = text.and_then(|text| STANDARD.decode(text).ok());
        match SignedData::parse(decoded.as_deref().unwrap_or(&der)) {
            Ok(data) => context.judge_signed_data(&data, &mut judged),
            Err(why) => unreadable(why, &mut judged.checks),
        }
    };
    if judged.is_intact {
        judged.covers.insert(FILE.to_owned());
    }
    judged
}

/// An SM2 value with the certificate of its signer.
fn judge_plain(context: &ValueContext<'_>, signature: &[u8], judged: &mut Judged) -> bool {
    "SM2".clone_into(&mut judged.format);
    let node = Node::read(signature).ok().filter(|node| node.get("scheme").and_then(Node::text) == Some(SCHEME));
    let part = |name: &str| STANDARD.decode(node.as_ref()?.get(name)?.text()?).ok();
    let (Some(certificate), Some(value)) = (part("certificate"), part("value")) else {
        judged.checks.fail(Code::SesMalformed, "签名文件");
        return false;
    };
    judged.checks.pass(Code::SesMalformed);
    let signer = Certificate::parse(&certificate).ok();
    judged.ground = signer.as_ref().map_or(Ground::Nowhere, |signer| context.trust.ground(signer, &[]));
    let end = |ground| signer.as_ref().map_or(i64::MAX, |signer| signer.end(context.trust, &[], ground, context.at));
    let when = context.judge_time(None, None, end, judged);
    listing::judge_age(context.trust, judged.ground, context.asked, &mut judged.checks);
    let checks = &mut judged.checks;
    checks.about(Some(Party::Signer));
    let Some(signer) = signer else {
        checks.fail(Code::CertMalformed, "");
        checks.fail(Code::SigValueInvalid, "没有可用的签章人证书");
        checks.about(None);
        return false;
    };
    checks.pass(Code::CertMalformed);
    let is_right = hold_value(Code::SigValueInvalid, (context.trust, &signer), &[context.signed], &value, checks);
    let lapsed = signer.judge(context.trust, &[], when, checks);
    listing::judge_office(context.trust, &signer, None, when, checks);
    judged.signer = Some(SignerFacts::of(&signer));
    checks.about(None);
    judged.needs_proof |= lapsed && !when.is_proved;
    is_right
}
