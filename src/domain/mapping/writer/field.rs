//! The ops that write a single place: what stands around its value, where the value comes from, how it is put.

use super::Style;
use super::Writer;
use super::element;
use super::twice_bytes;
use crate::domain::mapping::message::MessageRow;
use crate::domain::mapping::message::Node as Branch;
use crate::domain::mapping::message::RowField;
use crate::domain::mapping::notation::CallName;
use crate::domain::mapping::notation::Convert;
use crate::domain::mapping::notation::NoEnd;
use crate::domain::mapping::plan::Direct;
use crate::domain::mapping::plan::Escape;
use crate::domain::mapping::plan::FieldOp;
use crate::domain::mapping::plan::Put;
use crate::domain::mapping::plan::Read;
use crate::domain::mapping::plan::Source;
use crate::domain::mapping::resolve::row_field;
use crate::domain::mapping::source::Diagnostic;
use crate::domain::value::Type;

/// The texts around a value.
pub(super) struct Around {
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    pub empty: Vec<u8>,
    pub null: Vec<u8>,
}

impl Writer<'_, '_> {
    /// The texts around a value at a branch; `form` is `@` for attributes and `[]` for items that are plain values.
    pub(super) fn around(&self, branch: &Branch, style: Style, form: &str, is_literal: bool) -> Around {
        let name = &branch.segment.name;
        let around = |before: String, after: &str, empty: String, null: String| Around {
            before: before.into_bytes(),
            after: after.as_bytes().to_vec(),
            empty: empty.into_bytes(),
            null: null.into_bytes(),
        };
        match style {
            Style::Json => {
                let key = if form == "[]" { String::new() } else { format!(",\"{name}\":") };
                let quote = if is_literal { "" } else { "\"" };
                around(format!("{key}{quote}"), quote, format!("{key}\"\""), format!("{key}null"))
            }
            Style::Delimited | Style::Form => around(String::new(), "", String::new(), String::new()),
            Style::Xml | Style::XmlTwice if form == "@" => {
                around(format!(" {name}=\""), "\"", format!(" {name}=\"\""), String::new())
            }
            Style::Xml | Style::XmlTwice => {
                if let Some(naming) = &self.profile.naming {
                    let open = format!("<{} {}=\"{name}\">", naming.leaf, naming.attribute);
                    let close = format!("</{}>", naming.leaf);
                    let empty = format!("{open}{close}");
                    return around(open, &close, empty, String::new());
                }
                let name = element(branch);
                around(format!("<{name}>"), &format!("</{name}>"), format!("<{name}/>"), String::new())
            }
        }
    }

    pub(super) fn field(&mut self, index: usize, branch: &Branch, style: Style, form: &str) -> Option<FieldOp> {
        let row = self.message.rows[index].clone();
        let around = self.around(branch, style, form, row.conversion.is_literal());
        let prefix =
            row_field(&row.field).rfind("[].").map_or(String::new(), |at| row_field(&row.field)[..at + 3].to_owned());
        let (kind, length_max) = self.kind(&row)?;
        let (source, from) = self.source(&row, kind);
        let fallback =
            row.fallback.as_ref().map(|fallback| self.resolver.fallback(fallback, kind, &prefix, &row.default_place));
        let fallback = match fallback {
            Some(None) => return None,
            Some(Some(source)) => Some(source),
            None => None,
        };
        if row.required && matches!(source, None | Some(Source::Nothing)) && fallback.is_none() && !self.lenient {
            let found = format!("必填的“{}”（{}）没有来源", self.notes[index].title, row_field(&row.field));
            self.resolver.faults.push(
                Diagnostic::error(162, &row.place, found).hint("在对方报文中加上这个字段，或在 default 列写明缺省"),
            );
        }
        let condition = row.condition.as_ref().map(|condition| self.resolver.condition(condition, &prefix, &row.place));
        let put = self.put(&row)?;
        let (characters_max, bytes_max) = match &row.conversion.convert {
            Convert::Text { characters_max, bytes_max, .. } => (characters_max.or(length_max), *bytes_max),
            Convert::Name => (length_max, None),
            _ => (None, None),
        };
        // Parts of an address are made of several places, so none of them speaks for the part.
        // Nor does a licence's number, where its facts are not handed on.
        let source_required = !matches!(source, Some(Source::Address { .. } | Source::Licence { .. }))
            && from.is_some_and(|from| self.resolver.message.rows[from].required);
        let from_note = from.and_then(|from| self.resolver.notes.get(from).cloned());
        Some(FieldOp {
            before: twice_bytes(style, around.before),
            after: twice_bytes(style, around.after),
            empty: twice_bytes(style, around.empty),
            null: twice_bytes(style, around.null),
            escape: match (style, form) {
                (Style::Json, _) => Escape::Json,
                (Style::Delimited, _) => Escape::Delimited,
                (Style::Form, _) => Escape::None,
                (Style::Xml, "@") => Escape::XmlAttribute,
                (Style::Xml, _) => Escape::Xml,
                (Style::XmlTwice, _) => Escape::XmlTwice,
            },
            separator: self.profile.nested.delimited.as_ref().map_or("", |(separator, _)| separator).into(),
            missing_as: row.absence.missing,
            null_as: row.absence.null,
            empty_as: row.absence.empty,
            required: row.required || source_required,
            condition: match condition {
                Some(None) => return None,
                Some(Some(condition)) => Some(condition),
                None => None,
            },
            direct: self.direct(&row, from, source.as_ref()),
            source,
            fallback,
            put,
            characters_max,
            bytes_max,
            from: from_note,
            to: self.notes[index].clone(),
        })
    }

    /// Canonical type and length of a row's value; faults where the converter does not fit.
    fn kind(&mut self, row: &MessageRow) -> Option<(Type, Option<usize>)> {
        match &row.field {
            RowField::Canonical(id) => {
                let field = self.resolver.field(id, &row.field_place)?;
                if !fits(field.kind, &row.conversion.convert) {
                    let found = format!("字段“{id}”的类型与转换器不合");
                    let fault = Diagnostic::error(161, &row.convert_place, found).expected(converters_of(field.kind));
                    self.resolver.faults.push(fault);
                    return None;
                }
                Some((field.kind, field.length_max))
            }
            RowField::Call(CallName::Now) => Some((Type::DateTime, None)),
            RowField::Call(CallName::Sequence) => Some((Type::Int, None)),
            RowField::Call(CallName::Fault(crate::domain::mapping::notation::FaultPart::Code)) => {
                Some((Type::Code, None))
            }
            RowField::Call(_) | RowField::None => Some((Type::Text, None)),
        }
    }

    fn source(&mut self, row: &MessageRow, kind: Type) -> (Option<Source>, Option<usize>) {
        match (&row.conversion.convert, &row.field) {
            (Convert::Const(text), _) => (Some(Source::Const { text: text.as_str().into(), kind: Type::Text }), None),
            (Convert::Index { base }, _) => (Some(Source::Index { base: *base }), None),
            (Convert::Count { list, plus }, _) => (Some(self.count(list, *plus, row)), None),
            (Convert::Address(part), RowField::Canonical(id)) => {
                let found = self.resolver.source(
                    crate::domain::mapping::resolve::base(id),
                    kind,
                    Some(*part),
                    &row.field_place,
                );
                found.map_or((None, None), |(source, row)| (Some(source), row))
            }
            (Convert::Sequence, _) => (Some(self.resolver.call(&CallName::Sequence)), None),
            (Convert::Licence(name), RowField::Canonical(id)) => {
                let Some((identifier, row)) = self.resolver.source(id, kind, None, &row.field_place) else {
                    return (None, None);
                };
                (Some(Source::Licence { identifier: Box::new(identifier), name: name.as_str().into() }), row)
            }
            (_, RowField::Call(call)) => (Some(self.resolver.call(call)), None),
            (_, RowField::Canonical(id)) => {
                let found = self.resolver.source(id, kind, None, &row.field_place);
                found.map_or((None, None), |(source, row)| (Some(source), row))
            }
            (_, RowField::None) => {
                let fault = Diagnostic::error(163, &row.place, "本行既没有字段，也不是常量")
                    .expected("field 列写字段，或 convert 列写 const、count、index");
                self.resolver.faults.push(fault);
                (None, None)
            }
        }
    }

    fn count(&mut self, list: &str, plus: i64, row: &MessageRow) -> Source {
        let condition = self.message.rows.iter().find(|other| {
            other.conversion.convert == Convert::List && row_field(&other.field).trim_end_matches("[]") == list
        });
        let condition = condition.and_then(|other| other.condition.clone());
        let filter = condition.and_then(|condition| self.resolver.condition(&condition, "", &row.place));
        match self.resolver.layout.lists.get(list) {
            Some((spot, _)) => Source::Count { level: spot.level, slot: spot.slot, plus, filter },
            None => Source::Const { text: plus.to_string().into(), kind: Type::Int },
        }
    }

    fn put(&mut self, row: &MessageRow) -> Option<Put> {
        Some(match &row.conversion.convert {
            Convert::Amount { unit, decimals } => Put::Amount { unit: *unit, decimals: *decimals },
            Convert::Bool(set) => Put::Bool(*set),
            Convert::Code { table, set, otherwise } => {
                let lookups = self.resolver.lookups;
                let known = self.table(row, table, set)?;
                Put::Code { lookup: lookups.compose(None, Some((known, set)), otherwise), table: table.as_str().into() }
            }
            Convert::Date(forms) => Put::Date(forms[0]),
            Convert::DateTime(forms) => Put::DateTime(forms[0]),
            Convert::Count { .. } | Convert::Index { .. } | Convert::Int => Put::Int,
            Convert::Mask(mask) => Put::Mask(*mask),
            Convert::Month(forms) => Put::Month(forms[0]),
            Convert::Name => Put::Name,
            Convert::Rate { unit, decimals } => Put::Rate { unit: *unit, decimals: *decimals },
            Convert::Sequence => Put::Sequence { answering: !self.resolver.outward },
            Convert::Identifier(kind) => Put::Identifier(*kind),
            Convert::Text { trim, strip_codes, .. } => Put::Text { trim: *trim, strip_codes: *strip_codes },
            Convert::Validity { form, no_end } => {
                let no_end = if let NoEnd::Text(text) = no_end { Some(text.as_str().into()) } else { None };
                Put::Validity { form: *form, no_end }
            }
            Convert::Address(_) | Convert::Const(_) | Convert::Container | Convert::Licence(_) | Convert::List => {
                Put::Text { trim: false, strip_codes: false }
            }
        })
    }

    fn table(&mut self, row: &MessageRow, table: &str, set: &str) -> Option<&crate::domain::codes::Table> {
        let catalogue = self.resolver.catalogue;
        let Some(known) = catalogue.tables.get(table) else {
            let fault = Diagnostic::error(164, &row.convert_place, format!("码表“{table}”不存在"));
            self.resolver.faults.push(fault.near(table, catalogue.tables.keys().map(String::as_str)));
            return None;
        };
        if !known.sets.iter().any(|known| known == set) {
            let fault = Diagnostic::error(165, &row.convert_place, format!("码表“{table}”没有代码集“{set}”"));
            self.resolver.faults.push(fault.near(set, known.sets.iter().map(String::as_str)));
            return None;
        }
        Some(known)
    }

    /// The short way, where both sides write the same kind of text or each a code.
    fn direct(&self, row: &MessageRow, from: Option<usize>, source: Option<&Source>) -> Option<Direct> {
        let from = &self.resolver.message.rows[from?];
        let Some(Source::Slot { level, slot, read, text_null }) = source else { return None };
        let (level, slot, text_null) = (*level, *slot, *text_null);
        match (read, &row.conversion.convert) {
            (Read::Text, Convert::Text { trim: false, strip_codes: false, .. })
                if matches!(from.conversion.convert, Convert::Text { .. }) =>
            {
                Some(Direct::Text { level, slot, text_null })
            }
            (Read::Code { .. }, Convert::Code { table, set, otherwise }) => {
                let Convert::Code { table: from_table, set: from_set, .. } = &from.conversion.convert else {
                    return None;
                };
                let tables = &self.resolver.catalogue.tables;
                let lookup = self.resolver.lookups.compose(
                    Some((tables.get(from_table)?, from_set)),
                    Some((tables.get(table)?, set)),
                    otherwise,
                );
                Some(Direct::Code { level, slot, lookup, text_null })
            }
            _ => None,
        }
    }
}

/// True where a converter can stand for a canonical type.
fn fits(kind: Type, convert: &Convert) -> bool {
    match convert {
        Convert::Address(_) => kind == Type::Address,
        Convert::Amount { .. } => kind == Type::Amount,
        Convert::Bool(_) => kind == Type::Bool,
        Convert::Code { .. } => matches!(kind, Type::Code | Type::Text | Type::Address),
        Convert::Date(_) => matches!(kind, Type::Date | Type::DateTime),
        Convert::DateTime(_) => kind == Type::DateTime,
        Convert::Identifier(_) | Convert::Licence(_) | Convert::Name => kind == Type::Text,
        Convert::Int => kind == Type::Int,
        Convert::List => kind == Type::List,
        Convert::Month(_) => matches!(kind, Type::Month | Type::Date),
        Convert::Rate { .. } => kind == Type::Rate,
        Convert::Text { .. } => matches!(kind, Type::Text | Type::Code | Type::Address),
        Convert::Validity { .. } => matches!(kind, Type::Validity | Type::Date),
        Convert::Const(_)
        | Convert::Container
        | Convert::Count { .. }
        | Convert::Index { .. }
        | Convert::Mask(_)
        | Convert::Sequence => true,
    }
}

fn converters_of(kind: Type) -> &'static str {
    match kind {
        Type::Address => "address、text 或 code",
        Type::Amount => "amount",
        Type::Bool => "bool",
        Type::Code => "code 或 text",
        Type::Date => "date、month 或 validity",
        Type::DateTime => "datetime 或 date",
        Type::Int => "int",
        Type::List => "list",
        Type::Month => "month",
        Type::Rate => "rate",
        Type::Text => "text、name、identifier、code 或 mask",
        Type::Validity => "validity",
    }
}
