//! Where a canonical field comes from on the side that is read.

use super::address;
use super::address::address_want;
use super::catalogue::Catalogue;
use super::catalogue::Field;
use super::compile::Lookups;
use super::message::Message;
use super::message::RowField;
use super::notation::AddressPart;
use super::notation::CallName;
use super::notation::ConditionText;
use super::notation::Convert;
use super::notation::Fallback;
use super::notation::NoEnd;
use super::notation::Test;
use super::notation::Who;
use super::plan::AddressFrom;
use super::plan::AddressWant;
use super::plan::Condition;
use super::plan::Read;
use super::plan::RowNote;
use super::plan::Source;
use super::plan::Term;
use super::reader::Layout;
use super::reader::Spot;
use super::source::Diagnostic;
use super::source::Place;
use crate::domain::codes::Otherwise;
use crate::domain::value::DateTimeForm;
use crate::domain::value::Type;
use std::sync::Arc;

/// Everything that resolving looks at.
pub(super) struct Resolver<'a> {
    pub catalogue: &'a Catalogue,
    pub lookups: &'a Lookups,
    pub message: &'a Message,
    pub layout: &'a Layout,
    pub notes: &'a [Arc<RowNote>],
    /// The caller's request, when an answer is translated: what it holds can be kept.
    pub request: Option<&'a Message>,
    /// Names of the values kept so far.
    pub kept: Vec<String>,
    /// True where the message is written for the handling side.
    pub outward: bool,
    /// Rows of the source that something is read from.
    pub used: Vec<bool>,
    /// Texts of the plan's own: matter, service, operation.
    pub words: [String; 3],
    pub faults: Vec<Diagnostic>,
}

impl Resolver<'_> {
    /// The field's declaration; a fault where there is none.
    pub(super) fn field(&mut self, id: &str, place: &Place) -> Option<Field> {
        let found = self.catalogue.field(id).cloned();
        if found.is_none() {
            let own = id.rsplit("[].").next().unwrap_or(id);
            let known = self.catalogue.fields.keys().map(String::as_str);
            self.faults.push(Diagnostic::error(160, place, format!("字段“{own}”不在 fields.csv 中")).near(own, known));
        }
        found
    }

    /// Where the value of a canonical field comes from, and the row it stands in.
    pub(super) fn source(
        &mut self,
        id: &str,
        kind: Type,
        want: Option<AddressPart>,
        place: &Place,
    ) -> Option<(Source, Option<usize>)> {
        if let Some(row) = self.readable(id, want) {
            return self.slot_source(row, place).map(|source| (source, Some(row)));
        }
        if let Some(source) = self.joined(id) {
            return Some((source, None));
        }
        if kind == Type::Address
            && let Some(found) = self.address(id, want, place)
        {
            return Some(found);
        }
        if let Some(kept) = self.kept(id, kind) {
            return Some((kept, None));
        }
        (id == "msg_id").then_some((Source::Call(CallName::MessageId), None))
    }

    /// What the request says of a field, for its answer.
    pub(super) fn kept(&mut self, id: &str, kind: Type) -> Option<Source> {
        let is_it = |field: &RowField| matches!(field, RowField::Canonical(field) if field == id);
        let known = self.request?.rows.iter().any(|row| is_it(&row.field));
        (known && !id.contains("[]")).then(|| self.keep(id, kind))
    }

    fn keep(&mut self, id: &str, kind: Type) -> Source {
        let number = self.kept.iter().position(|name| name == id).unwrap_or_else(|| {
            self.kept.push(id.to_owned());
            self.kept.len() - 1
        });
        Source::Kept { number, kind }
    }

    /// The row from which a field can be read as it stands.
    fn readable(&self, id: &str, want: Option<AddressPart>) -> Option<usize> {
        self.message.rows.iter().enumerate().position(|(index, row)| {
            let readable = match &row.conversion.convert {
                Convert::Address(part) => Some(*part) == want && base(row_field(&row.field)) == base(id),
                Convert::DateTime(forms) => {
                    row_field(&row.field) == id && !matches!(forms[0], DateTimeForm::DatePart | DateTimeForm::TimePart)
                }
                Convert::Mask(_) | Convert::Licence(_) | Convert::List | Convert::Container => false,
                _ => row_field(&row.field) == id && want.is_none(),
            };
            readable && self.layout.rows.contains_key(&index)
        })
    }

    fn spot(&mut self, row: usize) -> Option<Spot> {
        if let Some(used) = self.used.get_mut(row) {
            *used = true;
        }
        self.layout.rows.get(&row).copied()
    }

    /// The source that reads one row.
    pub(super) fn slot_source(&mut self, row: usize, place: &Place) -> Option<Source> {
        let Spot { level, slot, .. } = self.spot(row)?;
        let declared = &self.message.rows[row];
        let text_null = declared.absence.text_null;
        let (convert, field) = (declared.conversion.convert.clone(), row_field(&declared.field).to_owned());
        let read = self.read(&convert, &field, place)?;
        Some(Source::Slot { level, slot, read, text_null })
    }

    fn read(&mut self, convert: &Convert, field: &str, place: &Place) -> Option<Read> {
        Some(match convert {
            Convert::Amount { unit, .. } => Read::Amount(*unit),
            Convert::Bool(set) => Read::Bool(*set),
            Convert::Code { table, set, .. } => {
                let known = self.catalogue.tables.get(table)?;
                let lookup = self.lookups.compose(Some((known, set)), None, &Otherwise::Refuse);
                let conditions = lookup.conditions.clone();
                let conditions =
                    conditions.iter().map(|text| self.table_condition(text, field, place)).collect::<Option<_>>()?;
                Read::Code { lookup, conditions, table: table.as_str().into() }
            }
            Convert::Date(forms) => Read::Date(forms.clone()),
            Convert::DateTime(forms) => Read::DateTime(forms.clone()),
            Convert::Identifier(kind) => Read::Identifier(*kind),
            Convert::Count { .. } | Convert::Index { .. } | Convert::Int => Read::Int,
            Convert::Month(forms) => Read::Month(forms.clone()),
            Convert::Name => Read::Name,
            Convert::Rate { unit, .. } => Read::Rate(*unit),
            Convert::Validity { form, no_end } => {
                let no_end = if let NoEnd::Text(text) = no_end { Some(text.as_str().into()) } else { None };
                Read::Validity { form: *form, no_end }
            }
            Convert::Address(_)
            | Convert::Const(_)
            | Convert::Container
            | Convert::Licence(_)
            | Convert::List
            | Convert::Mask(_)
            | Convert::Sequence
            | Convert::Text { .. } => Read::Text,
        })
    }

    /// A condition in a code table names fields beside the one that is read: first in its own list, then outside.
    fn table_condition(&mut self, text: &str, field: &str, place: &Place) -> Option<Condition> {
        // Its form was checked with the table.
        let parsed = super::notation::condition(text).ok()?;
        let prefix = field.rfind("[].").map_or("", |at| &field[..at + 3]).to_owned();
        self.condition(&parsed, &prefix, place)
    }

    /// A condition, its fields looked for with `prefix` first.
    pub(super) fn condition(&mut self, parsed: &ConditionText, prefix: &str, place: &Place) -> Option<Condition> {
        let mut terms = Vec::new();
        for (field, test) in &parsed.0 {
            let kind = self.field(field, place)?.kind;
            let inside = format!("{prefix}{field}");
            let found = self.source(&inside, kind, None, place).or_else(|| self.source(field, kind, None, place));
            let source = found.map_or(Source::Nothing, |(source, _)| source);
            terms.push((
                source,
                match test {
                    Test::Absent => Term::Absent,
                    Test::Differs(value) => Term::Differs(value.as_str().into()),
                    Test::Equals(value) => Term::Equals(value.as_str().into()),
                    Test::Present => Term::Present,
                },
            ));
        }
        Some(Condition { terms })
    }

    fn joined(&mut self, id: &str) -> Option<Source> {
        let part = |wanted: DateTimeForm| {
            self.message.rows.iter().enumerate().position(|(index, row)| {
                row_field(&row.field) == id
                    && matches!(&row.conversion.convert, Convert::DateTime(forms) if forms[0] == wanted)
                    && self.layout.rows.contains_key(&index)
            })
        };
        let (date, time) = part(DateTimeForm::DatePart).zip(part(DateTimeForm::TimePart))?;
        let (date, time) = self.spot(date).zip(self.spot(time))?;
        Some(Source::Joined { level: date.level, date: date.slot, time: time.slot })
    }

    fn address(&mut self, id: &str, want: Option<AddressPart>, place: &Place) -> Option<(Source, Option<usize>)> {
        let base = base(id).to_owned();
        let want = match want {
            Some(part) => AddressWant::Whole(part),
            None => address_want(id.strip_prefix(&base)?.strip_prefix('.')?)?,
        };
        if let Some(row) = self.readable(&base, Some(AddressPart::Text)) {
            let from = Box::new(AddressFrom::Text(self.slot_source(row, place)?));
            return Some((Source::Address { from, want }, Some(row)));
        }
        let division = self.readable(&base, Some(AddressPart::Division));
        let rest = self.readable(&base, Some(AddressPart::Rest));
        if division.is_some() || rest.is_some() {
            let row = division.or(rest);
            let division = division.and_then(|row| self.slot_source(row, place));
            let rest = rest.and_then(|row| self.slot_source(row, place));
            return Some((Source::Address { from: Box::new(AddressFrom::DivisionRest { division, rest }), want }, row));
        }
        let rows = address::PARTS.map(|part| self.readable(&format!("{base}.{part}"), None));
        // A fault of the division is the smallest division's, one of the rest the last part's.
        let (divisions, rest) = rows.split_at(3);
        let first = match want {
            AddressWant::Whole(AddressPart::Division) => divisions.iter().rev().chain(rest).flatten().next().copied(),
            _ => rows.iter().rev().flatten().next().copied(),
        };
        first?;
        let parts = rows.map(|row| row.and_then(|row| self.slot_source(row, place)));
        Some((Source::Address { from: Box::new(AddressFrom::Parts(parts)), want }, first))
    }

    /// Something of the call; the written profile belongs to the handling city where the message goes outward.
    pub(super) fn call(&self, call: &CallName) -> Source {
        let word = |number: usize| Source::Const { text: self.words[number].as_str().into(), kind: Type::Text };
        match call {
            CallName::Matter => word(0),
            CallName::Service => word(1),
            CallName::Operation => word(2),
            CallName::City { who, key } => {
                let to = matches!((who, self.outward), (Who::To, _) | (Who::Own, true) | (Who::Peer, false));
                Source::Call(CallName::City { who: if to { Who::To } else { Who::From }, key: key.clone() })
            }
            other => Source::Call(other.clone()),
        }
    }

    /// What stands in for a field without value.
    pub(super) fn fallback(&mut self, fallback: &Fallback, kind: Type, prefix: &str, place: &Place) -> Option<Source> {
        Some(match fallback {
            Fallback::Text(text) => Source::Const { text: text.as_str().into(), kind },
            Fallback::Call(call) => self.call(call),
            Fallback::Field(id) => {
                let other = self.field(id, place)?;
                self.either(prefix, id, other.kind, place)
            }
            Fallback::Due { accepted, days } => {
                let (accepted_kind, days_kind) = (self.field(accepted, place)?.kind, self.field(days, place)?.kind);
                let accepted = Box::new(self.either(prefix, accepted, accepted_kind, place));
                Source::Due { accepted, days: Box::new(self.either(prefix, days, days_kind, place)) }
            }
            Fallback::Is { field, value } => {
                let kind = self.field(field, place)?.kind;
                Source::Is { source: Box::new(self.either(prefix, field, kind, place)), value: value.as_str().into() }
            }
            Fallback::Serial { field } => {
                let kind = self.field(field, place)?.kind;
                let matter = self.words[0].as_str().into();
                Source::Serial { case: Box::new(self.either(prefix, field, kind, place)), matter }
            }
            Fallback::Choose { choices, otherwise } => {
                let mut resolved = Vec::new();
                for (condition, value) in choices {
                    resolved.push((self.condition(condition, prefix, place)?, value.as_str().into()));
                }
                Source::Choose { choices: resolved, otherwise: otherwise.as_deref().map(Into::into), kind }
            }
        })
    }

    fn either(&mut self, prefix: &str, id: &str, kind: Type, place: &Place) -> Source {
        let inside = format!("{prefix}{id}");
        let found = self.source(&inside, kind, None, place).or_else(|| self.source(id, kind, None, place));
        found.map_or(Source::Nothing, |(source, _)| source)
    }
}

/// The canonical field of a row, or empty.
pub(super) fn row_field(field: &RowField) -> &str {
    if let RowField::Canonical(id) = field { id } else { "" }
}

/// The address that a part belongs to: `house_addr` of `house_addr.county`.
pub(super) fn base(id: &str) -> &str {
    let own = id.rfind("[].").map_or(0, |at| at + 3);
    id[own..].find('.').map_or(id, |at| &id[..own + at])
}
