//! The ops that write a message, from its places in order.

use super::message::Message;
use super::message::MessageRow;
use super::message::Node as Branch;
use super::message::RowField;
use super::message::is_attribute;
use super::message::is_list;
use super::message::list_name;
use super::notation::CallName;
use super::notation::Convert;
use super::notation::NoEnd;
use super::notation::SegmentKind;
use super::piece::Piece;
use super::plan::Direct;
use super::plan::Escape;
use super::plan::FieldOp;
use super::plan::ListOp;
use super::plan::ListSource;
use super::plan::Op;
use super::plan::Put;
use super::plan::Read;
use super::plan::RowNote;
use super::plan::Source;
use super::profile::Direction;
use super::profile::Format;
use super::profile::Profile;
use super::reader::first_row;
use super::resolve::Resolver;
use super::resolve::row_field;
use super::source::Diagnostic;
use crate::domain::format::escape;
use crate::domain::value::Type;
use std::sync::Arc;

/// What is being written right now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Delimited,
    /// A parameter of a form.
    Form,
    Json,
    Xml,
    /// XML that is escaped inside XML.
    XmlTwice,
}

/// Writes ops for one message.
pub(super) struct Writer<'w, 'r> {
    pub profile: &'w Profile,
    pub direction: &'w Direction,
    pub message: &'w Message,
    pub notes: &'w [Arc<RowNote>],
    pub resolver: &'w mut Resolver<'r>,
    /// True for fault messages, which have no source.
    pub lenient: bool,
}

/// The texts around a value.
struct Around {
    before: Vec<u8>,
    after: Vec<u8>,
    empty: Vec<u8>,
    null: Vec<u8>,
}

impl Writer<'_, '_> {
    /// The ops of the whole document.
    pub(super) fn document(&mut self) -> Vec<Op> {
        let roots = &self.message.roots;
        match self.direction.format {
            Format::Json => {
                let mut ops = vec![literal(&format!("{}{{", self.direction.declaration))];
                ops.extend(self.branches(roots, Style::Json, 0));
                ops.push(literal("}"));
                ops
            }
            Format::Xml => {
                let mut ops = vec![literal(&self.direction.declaration)];
                let spaces = self.namespaces();
                let mut written = self.branches(roots, Style::Xml, 0);
                if let Some(Op::Group { open, .. }) = written.first_mut() {
                    let mut longer = open.to_vec();
                    longer.extend_from_slice(spaces.as_bytes());
                    *open = longer.into();
                }
                ops.append(&mut written);
                ops
            }
            Format::Form => roots.iter().map(|branch| self.parameter(branch)).collect(),
        }
    }

    /// Declarations of the prefixes that this message uses, for its root element.
    fn namespaces(&self) -> String {
        let mut text = String::new();
        for (prefix, name) in &self.profile.namespaces {
            if !prefix.is_empty() && self.message.roots.iter().any(|branch| uses_prefix(branch, prefix)) {
                let mut escaped = Vec::new();
                // A namespace name with a forbidden character is left out; the reader of the other side would refuse it anyway.
                if escape::xml_attribute(&mut escaped, name.as_bytes()).is_ok() {
                    text.push_str(&format!(" xmlns:{prefix}=\"{}\"", String::from_utf8_lossy(&escaped)));
                }
            }
        }
        text
    }

    fn parameter(&mut self, branch: &Branch) -> Op {
        let name = branch.segment.name.as_bytes().into();
        if let Some(nested) = branch.children.iter().find(|child| child.segment.nested) {
            let declaration = if self.profile.nested.declaration.is_empty() {
                &self.direction.declaration
            } else {
                &self.profile.nested.declaration
            };
            let mut ops = vec![literal(declaration)];
            ops.extend(self.branches(std::slice::from_ref(nested), Style::Xml, 0));
            return Op::Parameter { name, ops };
        }
        let ops = branch.row.and_then(|row| self.field(row, branch, Style::Form, "")).map(|op| Op::Field(Box::new(op)));
        Op::Parameter { name, ops: ops.into_iter().collect() }
    }

    fn branches(&mut self, branches: &[Branch], style: Style, depth: usize) -> Vec<Op> {
        let mut ops = Vec::new();
        for branch in branches.iter().filter(|branch| !is_attribute(branch)) {
            if is_list(branch) {
                ops.extend(self.list(branch, style, depth));
            } else if branch.children.is_empty() {
                ops.extend(self.leaf(branch, style));
            } else {
                ops.push(self.group(branch, style, depth));
            }
        }
        ops
    }

    fn leaf(&mut self, branch: &Branch, style: Style) -> Option<Op> {
        let index = branch.row?;
        let row = &self.message.rows[index];
        if row.conversion.convert == Convert::Container {
            if !row.absence.keep {
                return None;
            }
            let text = if style == Style::Json {
                format!(",\"{}\":{{}}", branch.segment.name)
            } else {
                format!("<{}/>", element(branch))
            };
            return Some(Op::Group {
                open: twice(style, &text),
                attributes: Vec::new(),
                open_end: Piece::default(),
                close: Piece::default(),
                ops: Vec::new(),
                keep: true,
                condition: None,
            });
        }
        self.field(index, branch, style, "").map(|op| Op::Field(Box::new(op)))
    }

    fn group(&mut self, branch: &Branch, style: Style, depth: usize) -> Op {
        let row = branch.row.map(|row| &self.message.rows[row]);
        let keep = row.is_some_and(|row| row.absence.keep);
        let condition = row.and_then(|row| Some((row.condition.clone()?, row.place.clone())));
        let condition = condition.and_then(|(condition, place)| self.resolver.condition(&condition, "", &place));
        let (open, open_end, mut close) = match style {
            Style::Json => (format!(",\"{}\":{{", branch.segment.name), String::new(), "}".to_owned()),
            _ => {
                let name = element(branch);
                let (open, close) = self.tags(branch, &name);
                (open, ">".to_owned(), close)
            }
        };
        let mut attributes = Vec::new();
        for child in branch.children.iter().filter(|child| is_attribute(child)) {
            attributes.extend(child.row.and_then(|row| self.field(row, child, style, "@")));
        }
        let nested = branch.children.iter().any(|child| child.segment.nested);
        let (ops, open_end) = if nested {
            let (inner, start, end) = self.nested(branch);
            close = format!("{end}{close}");
            (self.branches(&branch.children, inner, depth), format!("{open_end}{start}"))
        } else {
            (self.branches(&branch.children, style, depth), open_end)
        };
        let constant = ops.iter().all(|op| {
            matches!(op, Op::Field(op) if op.is_constant())
                || matches!(op, Op::Group { keep: true, .. } | Op::Literal(_))
        });
        Op::Group {
            open: twice(style, &open),
            attributes,
            open_end: twice(style, &open_end),
            close: twice(style, &close),
            ops,
            keep: keep || constant || nested,
            condition,
        }
    }

    /// How a nested document is written, and the texts before and after it.
    fn nested(&self, branch: &Branch) -> (Style, String, String) {
        let delimited =
            self.profile.nested.delimited.is_some() && branch.children.iter().any(|child| child.segment.name == "ROW");
        if delimited {
            return (Style::Delimited, String::new(), String::new());
        }
        let declaration = &self.profile.nested.declaration;
        if self.profile.nested.cdata {
            return (Style::Xml, format!("<![CDATA[{declaration}"), "]]>".to_owned());
        }
        let mut escaped = Vec::new();
        let _ = escape::xml_text(&mut escaped, declaration.as_bytes());
        (Style::XmlTwice, String::from_utf8_lossy(&escaped).into_owned(), String::new())
    }

    /// Beginning and end tag without the closing `>` of the first; numbering of a single `NAME[1]` included.
    fn tags(&self, branch: &Branch, name: &str) -> (String, String) {
        let number = self
            .profile
            .index_attributes
            .get(&branch.segment.name)
            .filter(|_| branch.segment.kind == SegmentKind::First);
        let number = number.map_or(String::new(), |attribute| format!(" {attribute}=\"1\""));
        if let Some(naming) = self.profile.naming.as_ref().filter(|_| branch.segment.named_list) {
            let open = format!("<{} {}=\"{}\"", naming.list, naming.attribute, branch.segment.name);
            return (open, format!("</{}>", naming.list));
        }
        // An element that holds a document in its text is a leaf.
        if let Some(naming) =
            self.profile.naming.as_ref().filter(|_| branch.children.iter().any(|child| child.segment.nested))
        {
            let open = format!("<{} {}=\"{}\"", naming.leaf, naming.attribute, branch.segment.name);
            return (open, format!("</{}>", naming.leaf));
        }
        let default = if branch.segment.prefix.is_empty() && !self.default_declared(branch) {
            self.default_namespace()
        } else {
            String::new()
        };
        (format!("<{name}{default}{number}"), format!("</{name}>"))
    }

    fn default_namespace(&self) -> String {
        self.profile.namespaces.get("").map_or(String::new(), |name| format!(" xmlns=\"{name}\""))
    }

    /// The default namespace is declared once: at the first element without prefix on the way down.
    fn default_declared(&self, branch: &Branch) -> bool {
        fn walk(branches: &[Branch], target: &Branch, below: bool) -> Option<bool> {
            branches.iter().find_map(|branch| {
                if std::ptr::eq(branch, target) {
                    return Some(below || branch.segment.nested);
                }
                walk(&branch.children, target, below || branch.segment.prefix.is_empty())
            })
        }
        walk(&self.message.roots, branch, false).unwrap_or(true)
    }

    fn list(&mut self, branch: &Branch, style: Style, depth: usize) -> Option<Op> {
        let first = first_row(branch)?;
        let row = branch.row.map(|row| &self.message.rows[row]);
        let name = list_name(branch, &self.message.rows, depth + 1)?;
        let source = if name == "@fault.fields" {
            ListSource::FaultFields
        } else {
            self.resolver
                .layout
                .lists
                .get(&name)
                .map_or(ListSource::Nothing, |(spot, _)| ListSource::Slot { level: spot.level, slot: spot.slot })
        };
        let place = self.message.rows[first].place.clone();
        if let Some(row) = row.filter(|row| row.required) {
            if source == ListSource::Nothing {
                self.resolver.faults.push(Diagnostic::error(162, &row.place, format!("必填的列表“{name}”没有来源")));
            }
        }
        let filter = row
            .and_then(|row| row.condition.clone())
            .and_then(|condition| self.resolver.condition(&condition, "", &place));
        let plain = branch.children.is_empty();
        let naming = self.profile.naming.as_ref().filter(|_| branch.segment.named_list);
        let mut numbered_from = None;
        let (open, close, item_open, item_open_end, item_close) = match style {
            Style::Json if plain => {
                (format!(",\"{}\":[", branch.segment.name), "]", ",".to_owned(), String::new(), String::new())
            }
            Style::Json => {
                (format!(",\"{}\":[", branch.segment.name), "]", ",{".to_owned(), String::new(), "}".to_owned())
            }
            Style::Delimited => (String::new(), "", String::new(), String::new(), String::new()),
            _ if plain => (String::new(), "", String::new(), String::new(), String::new()),
            _ => {
                let name = element(branch);
                if let Some(naming) = naming {
                    numbered_from = Some(0);
                    let open = format!("<{} {}=\"", naming.list, naming.attribute);
                    (String::new(), "", open, ">".to_owned(), format!("</{}>", naming.list))
                } else if let Some(attribute) = self.profile.index_attributes.get(&branch.segment.name) {
                    numbered_from = Some(if branch.segment.kind == SegmentKind::Rest { 2 } else { 1 });
                    (String::new(), "", format!("<{name} {attribute}=\""), ">".to_owned(), format!("</{name}>"))
                } else {
                    (String::new(), "", format!("<{name}"), ">".to_owned(), format!("</{name}>"))
                }
            }
        };
        let mut item_attributes = Vec::new();
        for child in branch.children.iter().filter(|child| is_attribute(child)) {
            item_attributes.extend(child.row.and_then(|row| self.field(row, child, style, "@")));
        }
        let ops = match style {
            Style::Delimited => self.columns(branch),
            _ if plain => {
                let index = branch.row?;
                self.field(index, branch, style, "[]").map(|op| Op::Field(Box::new(op))).into_iter().collect()
            }
            _ => self.branches(&branch.children, style, depth + 1),
        };
        let between = if style == Style::Delimited { Piece::from(b"\n".as_slice()) } else { Piece::default() };
        let from = match source {
            ListSource::Slot { .. } => self.resolver.layout.lists.get(&name).and_then(|(spot, _)| {
                self.resolver.layout.scopes[spot.scope].rows.get(usize::from(spot.slot))?.clone()
            }),
            _ => None,
        };
        Some(Op::List(Box::new(ListOp {
            source,
            open: twice(style, &open),
            close: twice(style, close),
            item_open: twice(style, &item_open),
            item_attributes,
            item_open_end: twice(style, &item_open_end),
            item_close: twice(style, &item_close),
            between,
            numbered_from,
            ops,
            keep: row.is_some_and(|row| row.absence.keep),
            required: row.is_some_and(|row| row.required),
            filter,
            from,
            to: self.notes[first].clone(),
        })))
    }

    /// Columns of a delimited line: every separator is written, whether the column holds something or not.
    fn columns(&mut self, branch: &Branch) -> Vec<Op> {
        let (separator, trailing) = self.profile.nested.delimited.clone().unwrap_or_default();
        let column = |child: &Branch| child.segment.name.parse::<usize>().unwrap_or(1);
        let last = branch.children.iter().map(column).max().unwrap_or(0);
        let mut ops = Vec::new();
        for number in 1..=last {
            if let Some(child) = branch.children.iter().find(|child| column(child) == number) {
                ops.extend(
                    child
                        .row
                        .and_then(|row| self.field(row, child, Style::Delimited, ""))
                        .map(|op| Op::Field(Box::new(op))),
                );
            }
            if number < last || trailing {
                ops.push(literal(&separator));
            }
        }
        ops
    }

    /// The texts around a value at a branch; `form` is `@` for attributes and `[]` for items that are plain values.
    fn around(&self, branch: &Branch, style: Style, form: &str, is_literal: bool) -> Around {
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

    fn field(&mut self, index: usize, branch: &Branch, style: Style, form: &str) -> Option<FieldOp> {
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
        let source_required = !matches!(source, Some(Source::Address { .. }))
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
            RowField::Call(CallName::Fault(super::notation::FaultPart::Code)) => Some((Type::Code, None)),
            RowField::Call(_) | RowField::None => Some((Type::Text, None)),
        }
    }

    fn source(&mut self, row: &MessageRow, kind: Type) -> (Option<Source>, Option<usize>) {
        match (&row.conversion.convert, &row.field) {
            (Convert::Const(text), _) => (Some(Source::Const { text: text.as_str().into(), kind: Type::Text }), None),
            (Convert::Index { base }, _) => (Some(Source::Index { base: *base }), None),
            (Convert::Count { list, plus }, _) => (Some(self.count(list, *plus, row)), None),
            (Convert::Address(part), RowField::Canonical(id)) => {
                let found = self.resolver.source(super::resolve::base(id), kind, Some(*part), &row.field_place);
                found.map_or((None, None), |(source, row)| (Some(source), row))
            }
            (Convert::Sequence, _) => (Some(self.resolver.call(&CallName::Sequence)), None),
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
            Convert::Address(_) | Convert::Const(_) | Convert::Container | Convert::List => {
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

fn literal(text: &str) -> Op {
    Op::Literal(text.as_bytes().to_vec().into())
}

fn twice(style: Style, text: &str) -> Piece {
    twice_bytes(style, text.as_bytes().to_vec())
}

/// Literals of a document that is escaped inside another are escaped once more.
fn twice_bytes(style: Style, text: Vec<u8>) -> Piece {
    if style != Style::XmlTwice {
        return text.into();
    }
    let mut out = Vec::new();
    let _ = escape::xml_text(&mut out, &text);
    out.into()
}

fn element(branch: &Branch) -> String {
    let segment = &branch.segment;
    if segment.prefix.is_empty() { segment.name.clone() } else { format!("{}:{}", segment.prefix, segment.name) }
}

fn uses_prefix(branch: &Branch, prefix: &str) -> bool {
    branch.segment.prefix == prefix || branch.children.iter().any(|child| uses_prefix(child, prefix))
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
        Convert::Identifier(_) | Convert::Name => kind == Type::Text,
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
