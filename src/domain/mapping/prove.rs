//! What can be proved of the translations: codes enumerated both ways, generated messages there and back.
//!
//! For a pair A → B and a message: canonical values C are written as A's message, translated into B's, and read back into
//! canonical values. What both sides carry must come back as it was, or be a declared loss. A refusal of a generated value
//! is told with its reason; nothing is taken on trust.

use super::address::PARTS;
use super::canonical;
use super::catalogue::Catalogue;
use super::catalogue::City;
use super::compile::MessageKind;
use super::compile::Order;
use super::compile::Shared;
use super::compile::Side;
use super::compile::compile;
use super::context::Context;
use super::context::Kept;
use super::enumerate::Tried;
use super::generate;
use super::generate::Variant;
use super::message::Message;
use super::message::RowField;
use super::notation::Convert;
use super::plan::Plan;
use super::profile::Profile;
use super::profile::Service;
use super::run::Workspace;
use crate::domain::fault::Fault;
use crate::domain::fault::FieldFaultKind;
use crate::domain::value::Type;
use rustc_hash::FxHashSet;
use serde_json::Value;
use std::collections::BTreeMap;

/// What was found of one message of one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Fields that go through.
    pub carried: usize,
    /// Declared places that the other side has no use for.
    pub dropped: Vec<String>,
    /// Codes that have a counterpart, over all code fields.
    pub codes: usize,
    /// Of these, codes that come back as another.
    pub folded: Vec<String>,
    /// Codes whose meaning depends on other fields: their readings are conditional.
    pub conditional: Vec<String>,
    /// Codes without counterpart: they are refused by policy, `table:code`.
    pub refused: Vec<String>,
    /// Generated messages that went there and back unharmed.
    pub generated: usize,
    /// Messages that were not made again: their codes went through the same pair of rows in another line.
    pub shared: usize,
    /// What must not be: a value that came back wrong, or a message that was refused without a declared reason.
    pub faults: Vec<String>,
}

/// Colour of a line of the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Everything goes through and comes back.
    Green,
    /// It works; something is dropped, folded or refused by policy.
    Amber,
    /// It does not work.
    Red,
}

impl Proof {
    /// The colour.
    pub fn grade(&self) -> Grade {
        if !self.faults.is_empty() {
            Grade::Red
        } else if self.dropped.is_empty() && self.folded.is_empty() && self.refused.is_empty() {
            Grade::Green
        } else {
            Grade::Amber
        }
    }
}

/// One side of a message that is proved.
#[derive(Clone, Copy)]
pub(super) struct Party<'a> {
    pub profile: &'a Profile,
    pub service: &'a Service,
    pub message: &'a Message,
}

impl Party<'_> {
    const fn side(&self, kind: MessageKind) -> Side<'_> {
        let direction = if matches!(kind, MessageKind::Request) { &self.profile.request } else { &self.profile.answer };
        Side { profile: self.profile, direction, message: self.message, service: self.service }
    }
}

/// What is proved.
pub(super) struct Question<'a> {
    pub kind: MessageKind,
    /// The side that sends this message, and the one that gets it.
    pub from: Party<'a>,
    pub to: Party<'a>,
    /// Calling and handling city.
    pub cities: (&'a City, &'a City),
    /// The translation itself.
    pub plan: &'a Plan,
    /// Names of what the answer keeps of the request.
    pub kept: Vec<String>,
}

/// A moment at which the calendar surely is loaded: proofs must not depend on the day.
const NOW: i64 = 1_767_576_615_000;

/// Proves one message of one pair; `tried` is what was proved before it.
pub(super) fn prove(shared: &Shared<'_>, question: &Question<'_>, tried: &mut Tried) -> Proof {
    let catalogue = shared.catalogue;
    let mut proof = Proof::default();
    let (there, back) =
        (canonical::fields(question.from.message, catalogue), canonical::fields(question.to.message, catalogue));
    let back: FxHashSet<&str> = back.iter().map(|(id, _)| id.as_str()).collect();
    let both: Vec<(String, Type)> = there.iter().filter(|(id, _)| back.contains(id.as_str())).cloned().collect();
    proof.carried = both.len();
    proof.dropped = question.plan.dropped().iter().map(|note| note.path.clone()).collect();
    let codes = tried.codes(catalogue, question, &both.iter().map(|(id, _)| id.as_str()).collect(), &mut proof);
    let (writer, reader) = ends(shared, question, &there, &both);
    let cases = codes.cases();
    let mut usual = 0;
    for variant in Variant::ALL {
        let cases = if variant == Variant::Usual { cases } else { 1 };
        for number in 0..cases {
            let choice = generate::Choice {
                catalogue,
                variant,
                number,
                codes: &|id: &str| codes.of(id),
                needed: &|id: &str| needed(question.from.message, id) || needed(question.to.message, id),
            };
            let document = generate::document(&there, &choice);
            match round(question, variant, &writer, &reader, &document, &both, catalogue) {
                Ok(()) => {
                    proof.generated += 1;
                    usual += usize::from(variant == Variant::Usual);
                }
                Err(found) if found.is_empty() => {}
                Err(found) => proof.faults.push(format!("{}：{found}", variant.title())),
            }
            if proof.faults.len() >= 5 {
                return proof;
            }
        }
    }
    if usual == cases {
        proof.shared = codes.cases_alone().saturating_sub(cases);
        tried.went_through(codes);
    }
    proof
}

/// Plans from the canonical message to the sender's, and from the receiver's to the canonical one.
fn ends(
    shared: &Shared<'_>,
    question: &Question<'_>,
    there: &[(String, Type)],
    both: &[(String, Type)],
) -> (Plan, Plan) {
    let mut faults = Vec::new();
    let profile = canonical::profile();
    let service = canonical::service(&question.from.service.matter);
    let all = canonical::message(there, &mut faults);
    let shared_fields = canonical::message(both, &mut faults);
    let plain = |message| Side { profile: &profile, direction: &profile.request, message, service: &service };
    let write = Order {
        kind: question.kind,
        source: Some(plain(&all)),
        target: question.from.side(question.kind),
        request: None,
        keeps: Vec::new(),
    };
    let (writer, _) = compile(shared, &write, &mut faults);
    let read = Order {
        kind: question.kind,
        source: Some(question.to.side(question.kind)),
        target: plain(&shared_fields),
        request: None,
        keeps: Vec::new(),
    };
    let (reader, _) = compile(shared, &read, &mut faults);
    // A required place that the canonical fields cannot fill is the sender's own affair: constants, numbers of the call.
    (writer, reader)
}

fn needed(message: &Message, id: &str) -> bool {
    let base = super::resolve::base(id);
    message.rows.iter().any(|row| {
        row.required
            && matches!(&row.field, RowField::Canonical(field) if field == id || super::resolve::base(field) == base)
    })
}

/// Writes, translates, reads back, compares. An empty error: the generated values cannot be written by the sender at all.
fn round(
    question: &Question<'_>,
    variant: Variant,
    writer: &Plan,
    reader: &Plan,
    document: &Value,
    both: &[(String, Type)],
    catalogue: &Catalogue,
) -> Result<(), String> {
    let settings: BTreeMap<String, String> = BTreeMap::new();
    let case = case_of(document);
    let kept = kept_of(&question.kept, &case);
    let context = Context {
        now: NOW,
        sequence: 1,
        message_id: "JY1",
        message: Some("JY1"),
        from: question.cities.0,
        to: question.cities.1,
        settings: &settings,
        case: Some(&case),
        kept: Some(&kept),
        licences: None,
        fault: None,
    };
    let mut workspace = Workspace::default();
    let bytes = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    let told = |what: &str, fault: &Fault| format!("{what}：{}", reasons(fault));
    let sent = match writer.translate(&bytes, &context, &mut workspace) {
        Ok(sent) => sent,
        // A character that the sender's own charset lacks cannot arrive from there.
        Err(fault) if unencodable(&fault) => return Err(String::new()),
        Err(fault) => return Err(told("写出来文", &fault)),
    };
    let arrived = match question.plan.translate(&sent.bytes, &context, &mut workspace) {
        Ok(arrived) => arrived,
        Err(fault) if unencodable(&fault) => return Err(String::new()),
        // Next to nothing may be too little for the receiver; that it is refused is right.
        Err(fault) if variant == Variant::Minimal && missing(&fault) => return Err(String::new()),
        Err(fault) => return Err(told("翻译", &fault)),
    };
    let back = reader.translate(&arrived.bytes, &context, &mut workspace).map_err(|fault| told("读回", &fault))?;
    let back: Value = serde_json::from_slice(&back.bytes).map_err(|error| error.to_string())?;
    compare(document, &back, both, question, catalogue)
}

fn unencodable(fault: &Fault) -> bool {
    !fault.fields().is_empty()
        && fault.fields().iter().all(|field| matches!(field.what, FieldFaultKind::Unencodable { .. }))
}

fn missing(fault: &Fault) -> bool {
    !fault.fields().is_empty() && fault.fields().iter().all(|field| field.what == FieldFaultKind::Missing)
}

fn reasons(fault: &Fault) -> String {
    let fields: Vec<String> =
        fault.fields().iter().take(3).map(|field| format!("J{} {}", field.number(), field.path)).collect();
    if fields.is_empty() { fault.to_string() } else { fields.join("，") }
}

/// Values of the top of a document, for what is kept of a request or correlated with a case.
fn case_of(document: &Value) -> BTreeMap<String, String> {
    let members = document.as_object().into_iter().flatten();
    let mut case: BTreeMap<String, String> =
        members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    case.entry("case_no".into()).or_insert_with(|| "YJ20261123430602000001U".into());
    case.entry("msg_id".into()).or_insert_with(|| "JY1".into());
    case
}

fn kept_of(names: &[String], case: &BTreeMap<String, String>) -> Kept {
    let mut kept = Kept::default();
    for name in names {
        kept.push(case.get(name).map(String::as_bytes));
    }
    kept
}

/// What both sides carry must be what it was. Masked and code-stripped fields are lossy by declaration.
fn compare(
    sent: &Value,
    back: &Value,
    both: &[(String, Type)],
    question: &Question<'_>,
    catalogue: &Catalogue,
) -> Result<(), String> {
    for (id, kind) in both {
        if lossy(question, id) || filtered(question, id) {
            continue;
        }
        let (before, after) = if *kind == Type::Address {
            (address(sent, id), address(back, id))
        } else {
            (leaves(sent, id), leaves(back, id))
        };
        if before != after && !before.iter().all(String::is_empty) {
            let title = catalogue.field(id).map_or("", |field| field.title.as_str());
            return Err(format!("{title}（{id}）：{} → {}", before.join("|"), after.join("|")));
        }
    }
    Ok(())
}

/// True where a row of either side declares that something is lost.
fn lossy(question: &Question<'_>, id: &str) -> bool {
    [question.from.message, question.to.message].iter().flat_map(|message| &message.rows).any(|row| {
        let own = matches!(&row.field, RowField::Canonical(field) if field == id);
        let one_way = matches!(
            row.conversion.convert,
            Convert::Mask(_) | Convert::Text { strip_codes: true, .. } | Convert::Sequence | Convert::Const(_)
        );
        own && (one_way || row.fallback.is_some())
    })
}

/// True where the items of the field's list are only partly handed on.
fn filtered(question: &Question<'_>, id: &str) -> bool {
    let Some((list, _)) = id.rsplit_once("[].") else { return false };
    [question.from.message, question.to.message].iter().flat_map(|message| &message.rows).any(|row| {
        row.conversion.convert == Convert::List
            && row.condition.is_some()
            && super::resolve::row_field(&row.field).trim_end_matches("[]") == list
    })
}

fn leaves(value: &Value, path: &str) -> Vec<String> {
    if let Some((list, rest)) = path.split_once("[].") {
        let items = value.get(list).and_then(Value::as_array);
        return items.into_iter().flatten().flat_map(|item| leaves(item, rest)).collect();
    }
    if let Some((object, rest)) = path.split_once('.') {
        return value.get(object).map_or_else(|| vec![String::new()], |value| leaves(value, rest));
    }
    vec![match value.get(path) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }]
}

/// Division and the rest in one: where street and detail part is not kept by every side.
fn address(value: &Value, id: &str) -> Vec<String> {
    let base = super::resolve::base(id);
    let parts: Vec<String> = PARTS.iter().map(|part| leaves(value, &format!("{base}.{part}")).concat()).collect();
    let smallest = parts[..3].iter().rev().find(|code| !code.is_empty()).cloned().unwrap_or_default();
    vec![smallest, format!("{}{}", parts[3], parts[4])]
}
