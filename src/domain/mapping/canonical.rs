//! The canonical message as a profile of its own: a JSON document whose members are the canonical fields.
//!
//! It is made from the rows of a real message, so whatever that message carries can be written from canonical values and
//! read back into them. Proofs and generated examples stand on it; no exchange ever does.

use super::catalogue::Catalogue;
use super::message::Message;
use super::message::MessageRow;
use super::message::RowField;
use super::notation;
use super::notation::Absence;
use super::notation::Conversion;
use super::notation::Convert;
use super::notation::NoEnd;
use super::profile::Direction;
use super::profile::Format;
use super::profile::Identify;
use super::profile::Nested;
use super::profile::Profile;
use super::profile::Service;
use super::source::Diagnostic;
use super::source::Place;
use crate::domain::format::Limits;
use crate::domain::format::charset::Charset;
use crate::domain::value::AmountUnit;
use crate::domain::value::BoolSet;
use crate::domain::value::DateForm;
use crate::domain::value::DateTimeForm;
use crate::domain::value::MonthForm;
use crate::domain::value::RateUnit;
use crate::domain::value::Type;
use std::collections::BTreeMap;

/// Name of the profile; no real one can have it.
pub(super) const NAME: &str = "@canonical";

/// The profile.
pub(super) fn profile() -> Profile {
    let direction = || Direction {
        format: Format::Json,
        charset: Charset::Utf8,
        content_type: "application/json".into(),
        declaration: String::new(),
        root: String::new(),
        headers: BTreeMap::new(),
        substitutes: BTreeMap::new(),
    };
    Profile {
        name: NAME.into(),
        title: "规范报文".into(),
        namespaces: BTreeMap::new(),
        nested: Nested::default(),
        index_attributes: BTreeMap::new(),
        naming: None,
        request: direction(),
        answer: direction(),
        identify: Identify::default(),
        result: None,
        fault_message: None,
        fault_status: None,
        limits: Limits::default(),
        services: Vec::new(),
        file: NAME.into(),
    }
}

/// A row of `services.csv` for the profile.
pub(super) fn service(matter: &str) -> Service {
    Service {
        matter: matter.to_owned(),
        step: String::new(),
        service: String::new(),
        variant: String::new(),
        operation: String::new(),
        path: String::new(),
        request: String::new(),
        answer: String::new(),
        place: Place::default(),
    }
}

/// The canonical fields that a message carries, each once, those of a list together.
pub(super) fn fields(message: &Message, catalogue: &Catalogue) -> Vec<(String, Type)> {
    let mut fields: Vec<(String, Type)> = Vec::new();
    for row in &message.rows {
        let RowField::Canonical(id) = &row.field else { continue };
        let carried = !matches!(
            row.conversion.convert,
            Convert::Container | Convert::Count { .. } | Convert::Index { .. } | Convert::List | Convert::Sequence
        );
        let Some(field) = catalogue.field(id).filter(|_| carried) else { continue };
        let mut add = |id: String| {
            if !fields.iter().any(|(known, _)| *known == id) {
                fields.push((id, field.kind));
            }
        };
        if field.kind == Type::Address {
            // However a side writes an address, its parts are what is meant.
            let base = super::resolve::base(id);
            for part in super::address::PARTS {
                add(format!("{base}.{part}"));
            }
        } else {
            add(id.clone());
        }
    }
    // Members of one list or address must stand together; the order is of no other interest.
    let container = |id: &str| {
        id.rsplit_once("[].").map_or_else(|| id.split('.').next().unwrap_or(id).to_owned(), |(list, _)| list.to_owned())
    };
    let order: Vec<String> = fields.iter().map(|(id, _)| container(id)).collect();
    let first = |name: &String| order.iter().position(|known| known == name);
    fields.sort_by_key(|(id, _)| first(&container(id)));
    fields
}

/// The canonical message of those fields.
pub(super) fn message(fields: &[(String, Type)], faults: &mut Vec<Diagnostic>) -> Message {
    let rows = fields.iter().map(|(id, kind)| row(id, *kind)).collect();
    let mut message = Message { file: NAME.into(), rows, roots: Vec::new() };
    message.build(&profile().request, faults);
    message
}

fn row(id: &str, kind: Type) -> MessageRow {
    let place = Place { file: NAME.into(), line: 1, column: 1 };
    MessageRow {
        path: id.to_owned(),
        field: RowField::Canonical(id.to_owned()),
        conversion: Conversion { convert: convert(kind), literal: None },
        convert: String::new(),
        required: false,
        absence: Absence {
            missing: notation::Write::Omit,
            null: notation::Write::Omit,
            empty: notation::Write::Omit,
            text_null: false,
            keep: false,
        },
        fallback: None,
        condition: None,
        place: place.clone(),
        field_place: place.clone(),
        convert_place: place.clone(),
        default_place: place,
    }
}

fn convert(kind: Type) -> Convert {
    match kind {
        Type::Amount => Convert::Amount { unit: AmountUnit::Fen, decimals: None },
        Type::Bool => Convert::Bool(BoolSet::Json),
        Type::Date => Convert::Date(vec![DateForm::Compact]),
        Type::DateTime => Convert::DateTime(vec![DateTimeForm::Compact]),
        Type::Int => Convert::Int,
        Type::Month => Convert::Month(vec![MonthForm::Compact]),
        Type::Rate => Convert::Rate { unit: RateUnit::Fraction, decimals: None },
        Type::Validity => Convert::Validity { form: DateForm::Compact, no_end: NoEnd::Text("99991231".into()) },
        Type::Address | Type::Code | Type::List | Type::Text => {
            Convert::Text { characters_max: None, bytes_max: None, trim: false, strip_codes: false }
        }
    }
}
