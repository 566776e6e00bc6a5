//! One message of one profile: its rows in order, and the tree of places that they make.

use super::catalogue::Catalogue;
use super::catalogue::Matter;
use super::notation;
use super::notation::Absence;
use super::notation::CallName;
use super::notation::ConditionText;
use super::notation::Conversion;
use super::notation::Convert;
use super::notation::Fallback;
use super::notation::Segment;
use super::notation::SegmentKind;
use super::profile::Direction;
use super::profile::Format;
use super::profile::Profile;
use super::profile::absolute;
use super::source::Diagnostic;
use super::source::Files;
use super::source::Place;
use super::source::Sheet;
use super::source::SheetRow;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a message stands for, beside its file.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub catalogue: &'a Catalogue,
    pub sheets: &'a Sheets,
    /// `None` for fault messages.
    pub matter: Option<&'a Matter>,
    pub request: bool,
    pub operation: &'a str,
}

/// Message files as tables, each read once: hundreds of matters share them.
#[derive(Default)]
pub(super) struct Sheets(RefCell<BTreeMap<String, Arc<Indexed>>>);

/// A message file as a table, and its rows by the field that they belong to.
struct Indexed {
    sheet: Sheet,
    by_field: FxHashMap<String, Vec<usize>>,
}

impl Sheets {
    fn read(&self, file: &str, text: &str, required: &[&str], faults: &mut Vec<Diagnostic>) -> Arc<Indexed> {
        if let Some(known) = self.0.borrow().get(file) {
            return Arc::clone(known);
        }
        let sheet = Sheet::read(file, text, required, faults);
        sheet.only_columns(COLUMNS, faults);
        let mut by_field: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (index, row) in sheet.rows.iter().enumerate() {
            by_field.entry(base(sheet.cell(row, "field")).to_owned()).or_default().push(index);
        }
        let indexed = Arc::new(Indexed { sheet, by_field });
        self.0.borrow_mut().insert(file.to_owned(), Arc::clone(&indexed));
        indexed
    }
}

const COLUMNS: &[&str] = &["path", "field", "convert", "need", "absent", "default", "if", "source", "note"];
/// Includes inside includes.
const INCLUDES_MAX: usize = 8;

/// What a place stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowField {
    Call(CallName),
    /// A canonical field, list items written `list[].field`.
    Canonical(String),
    None,
}

/// One row of a message file.
#[derive(Clone, Debug)]
pub(super) struct MessageRow {
    /// Path from the document's root.
    pub path: String,
    pub field: RowField,
    pub conversion: Conversion,
    /// The converter as it is written.
    pub convert: String,
    pub required: bool,
    pub absence: Absence,
    pub fallback: Option<Fallback>,
    pub condition: Option<ConditionText>,
    /// Where the path stands.
    pub place: Place,
    /// Where the field stands.
    pub field_place: Place,
    /// Where the converter stands.
    pub convert_place: Place,
    /// Where the default stands.
    pub default_place: Place,
}

/// One step of the document, with what lies below it in order.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub segment: Segment,
    /// Index of the row that names this very place.
    pub row: Option<usize>,
    pub children: Vec<Node>,
}

/// A message.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub file: String,
    pub rows: Vec<MessageRow>,
    pub roots: Vec<Node>,
}

impl Message {
    /// Reads a message file and its includes for one operation.
    pub(super) fn read(
        files: &Files,
        profile: &Profile,
        direction: &Direction,
        name: &str,
        subject: Subject<'_>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let file = format!("messages/{}/{name}.csv", profile.name);
        let mut message = Self { file: file.clone(), ..Self::default() };
        let root = direction.root.replace("{operation}", subject.operation);
        let mut reading =
            Reading { files, folder: format!("messages/{}", profile.name), direction, root, subject, faults, depth: 0 };
        let mut entries = Vec::new();
        reading.file(&file, &mut entries)?;
        message.rows = reading.expand(entries);
        message.build(direction, faults);
        Some(message)
    }

    pub(super) fn build(&mut self, direction: &Direction, faults: &mut Vec<Diagnostic>) {
        for (index, row) in self.rows.iter().enumerate() {
            match notation::path(&row.path, direction.separator()) {
                Ok(segments) => insert(&mut self.roots, &segments, index, &self.rows, faults),
                Err(expected) => {
                    faults.push(
                        Diagnostic::error(140, &row.place, format!("路径“{}”看不懂", row.path)).expected(expected),
                    );
                }
            }
        }
        if direction.format == Format::Xml && self.roots.len() > 1 {
            let place = Place { file: self.file.clone(), line: 1, column: 1 };
            faults
                .push(Diagnostic::error(141, &place, "XML 文档有不止一个根元素").hint("检查路径开头与系统档案的 root"));
        }
    }

    /// Adds a place that is only read, the answer's own word on how it went, and gives its row. A place that carries
    /// a field already stays what it is; what is only written there is read under the new name instead.
    pub(super) fn watch(
        &mut self,
        path: &str,
        field: &str,
        separator: char,
        place: &Place,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<usize> {
        let conversion = Conversion {
            convert: Convert::Text { characters_max: None, bytes_max: None, trim: false, strip_codes: false },
            literal: None,
        };
        let field = RowField::Canonical(field.to_owned());
        if let Some(index) = self.rows.iter().position(|row| row.path == path) {
            let row = &mut self.rows[index];
            if !matches!(row.field, RowField::Canonical(_)) {
                (row.field, row.conversion) = (field, conversion);
            }
            return Some(index);
        }
        let segments = match notation::path(path, separator) {
            Ok(segments) => segments,
            Err(expected) => {
                faults.push(Diagnostic::error(133, place, format!("路径“{path}”看不懂")).expected(expected));
                return None;
            }
        };
        let here = || place.clone();
        self.rows.push(MessageRow {
            path: path.to_owned(),
            field,
            conversion,
            convert: String::new(),
            required: false,
            absence: Absence::usual(true),
            fallback: None,
            condition: None,
            place: here(),
            field_place: here(),
            convert_place: here(),
            default_place: here(),
        });
        let row = self.rows.len() - 1;
        let mut nodes = &mut self.roots;
        for (step, segment) in segments.iter().enumerate() {
            let index = nodes.iter().position(|node| node.segment == *segment).unwrap_or_else(|| {
                nodes.push(Node { segment: segment.clone(), row: None, children: Vec::new() });
                nodes.len() - 1
            });
            if step + 1 == segments.len() {
                nodes[index].row = Some(row);
                break;
            }
            nodes = &mut nodes[index].children;
        }
        Some(row)
    }

    /// The first row of a canonical field.
    pub(super) fn row_of(&self, field: &str) -> Option<usize> {
        self.rows.iter().position(|row| {
            matches!(&row.field, RowField::Canonical(id) if id == field)
                && !matches!(row.conversion.convert, Convert::Licence(_) | Convert::List)
        })
    }
}

fn insert(nodes: &mut Vec<Node>, segments: &[Segment], row: usize, rows: &[MessageRow], faults: &mut Vec<Diagnostic>) {
    let Some((segment, rest)) = segments.split_first() else { return };
    let place = &rows[row].place;
    let position = nodes.iter().position(|node| node.segment == *segment);
    let index = match position {
        Some(index) if index + 1 == nodes.len() || rest.is_empty() => index,
        Some(_) => {
            let found = format!("“{}”的各行没有放在一起", segment.name);
            faults.push(Diagnostic::error(142, place, found).hint("同一容器内的行必须相邻，次序即目标报文的次序"));
            return;
        }
        None => {
            nodes.push(Node { segment: segment.clone(), row: None, children: Vec::new() });
            nodes.len() - 1
        }
    };
    let node = &mut nodes[index];
    if !rest.is_empty() {
        insert(&mut node.children, rest, row, rows, faults);
    } else if node.row.is_some() {
        faults.push(Diagnostic::error(143, place, format!("路径“{}”重复", rows[row].path)));
    } else {
        node.row = Some(row);
    }
}

struct Reading<'a> {
    files: &'a Files,
    folder: String,
    direction: &'a Direction,
    root: String,
    subject: Subject<'a>,
    faults: &'a mut Vec<Diagnostic>,
    depth: usize,
}

/// A row, or the place of a matter's own fields.
enum Entry {
    Row(Box<MessageRow>),
    Star { prefix: String, place: Place },
}

impl Reading<'_> {
    fn file(&mut self, file: &str, entries: &mut Vec<Entry>) -> Option<()> {
        let Some(text) = self.files.text(file) else {
            let place = Place { file: file.to_owned(), line: 1, column: 1 };
            let known: Vec<&str> = self.files.0.keys().map(String::as_str).collect();
            self.faults.push(Diagnostic::error(144, &place, "报文文件不存在").near(file, known));
            return None;
        };
        let indexed = self.subject.sheets.read(file, text, &["path", "field", "convert"], self.faults);
        let sheet = &indexed.sheet;
        for row in &sheet.rows {
            let path = sheet.cell(row, "path");
            if let Some(name) = path.strip_prefix('+') {
                self.include(name, &sheet.place(row, "path"), entries);
            } else if let Some(prefix) = path.strip_suffix('*').filter(|_| sheet.cell(row, "field") == "*") {
                entries.push(Entry::Star { prefix: prefix.to_owned(), place: sheet.place(row, "path") });
            } else if let Some(row) = self.row(sheet, row, "") {
                entries.push(Entry::Row(Box::new(row)));
            }
        }
        Some(())
    }

    fn include(&mut self, name: &str, place: &Place, entries: &mut Vec<Entry>) {
        if self.depth == INCLUDES_MAX {
            self.faults.push(Diagnostic::error(145, place, format!("引用“+{name}”层次过深或成环")));
            return;
        }
        self.depth += 1;
        let file = format!("{}/{name}.csv", self.folder);
        self.file(&file, entries);
        self.depth -= 1;
    }

    /// Puts the matter's own fields, under the profile's names, where the file leaves them a place.
    fn expand(&mut self, entries: Vec<Entry>) -> Vec<MessageRow> {
        let named: Vec<String> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Row(row) => match &row.field {
                    RowField::Canonical(field) => Some(base(field).to_owned()),
                    _ => None,
                },
                Entry::Star { .. } => None,
            })
            .collect();
        let mut rows = Vec::new();
        for entry in entries {
            match entry {
                Entry::Row(row) => rows.push(*row),
                Entry::Star { prefix, place } => self.fields(&prefix, &place, &named, &mut rows),
            }
        }
        rows
    }

    fn fields(&mut self, prefix: &str, place: &Place, named: &[String], rows: &mut Vec<MessageRow>) {
        let Some(matter) = self.subject.matter else { return };
        let file = format!("{}/names.csv", self.folder);
        let Some(text) = self.files.text(&file) else {
            self.faults.push(Diagnostic::error(154, place, format!("用了“*”，却没有 {file}")));
            return;
        };
        let indexed = self.subject.sheets.read(&file, text, &["field", "path", "convert"], self.faults);
        let sheet = &indexed.sheet;
        let catalogue = self.subject.catalogue;
        for id in catalogue.fields_of(matter, self.subject.request) {
            if named.iter().any(|known| known == id) {
                continue;
            }
            let own = indexed.by_field.get(id).map_or(&[][..], Vec::as_slice).iter().map(|index| &sheet.rows[*index]);
            let own: Vec<&SheetRow> = own.collect();
            if own.is_empty() {
                let found = format!("事项“{}”的字段“{id}”在 {file} 中没有名称", matter.code);
                self.faults
                    .push(Diagnostic::error(155, place, found).hint("加一行名称；不传的字段写空路径并在 note 说明"));
            }
            for row in own.into_iter().filter(|row| !sheet.cell(row, "path").is_empty()) {
                let required = self.subject.request && sheet.cell(row, "field") == id && catalogue.requires(matter, id);
                if let Some(mut row) = self.row(sheet, row, prefix) {
                    row.required |= required;
                    rows.push(row);
                }
            }
        }
    }

    fn row(&mut self, sheet: &Sheet, row: &SheetRow, prefix: &str) -> Option<MessageRow> {
        let json = self.direction.format == Format::Json;
        let field = match sheet.cell(row, "field") {
            "" => Ok(RowField::None),
            call if call.starts_with('@') => notation::call(call).map(RowField::Call),
            field => Ok(RowField::Canonical(field.to_owned())),
        };
        let field = self.take(field, 146, sheet, row, "field");
        let conversion = self.take(notation::conversion(sheet.cell(row, "convert")), 147, sheet, row, "convert");
        let absence = self.take(notation::absence(sheet.cell(row, "absent"), json), 148, sheet, row, "absent");
        let optional = |text: &str| !text.is_empty();
        let fallback =
            Some(sheet.cell(row, "default")).filter(|text| optional(text)).map(notation::fallback).transpose();
        let fallback = self.take(fallback, 149, sheet, row, "default");
        let condition = Some(sheet.cell(row, "if")).filter(|text| optional(text)).map(notation::condition).transpose();
        let condition = self.take(condition, 150, sheet, row, "if");
        let required = match sheet.cell(row, "need") {
            "required" | "必填" => true,
            "" | "optional" | "选填" => false,
            other => {
                let found = format!("“{other}”不认识");
                self.faults.push(Diagnostic::error(151, &sheet.place(row, "need"), found).expected("required 或留空"));
                false
            }
        };
        let note = sheet.cell(row, "note");
        if note.is_empty() && conversion.as_ref().is_some_and(|conversion| is_lossy(&conversion.convert)) {
            let found = format!("“{}”会丢失信息，却没有说明", sheet.cell(row, "convert"));
            let fault = Diagnostic::error(153, &sheet.place(row, "convert"), found).expected("note 列写明原因和来源");
            self.faults.push(fault);
        }
        let path = format!("{prefix}{}", sheet.cell(row, "path")).replace("{operation}", self.subject.operation);
        let path = absolute(&self.root, &path, self.direction.separator());
        Some(MessageRow {
            path,
            field: field?,
            conversion: conversion?,
            convert: sheet.cell(row, "convert").to_owned(),
            required,
            absence: absence?,
            fallback: fallback?,
            condition: condition?,
            place: sheet.place(row, "path"),
            field_place: sheet.place(row, "field"),
            convert_place: sheet.place(row, "convert"),
            default_place: sheet.place(row, "default"),
        })
    }

    fn take<T>(
        &mut self,
        parsed: Result<T, notation::Expected>,
        number: u16,
        sheet: &Sheet,
        row: &SheetRow,
        column: &str,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(expected) => {
                let text = sheet.cell(row, column);
                let word = text.split(' ').next().unwrap_or_default();
                let fault =
                    Diagnostic::error(number, &sheet.place(row, column), format!("“{text}”看不懂")).expected(expected);
                let known: &[&str] = if column == "convert" { notation::CONVERTERS } else { &[] };
                self.faults.push(fault.near(word, known.iter().copied()));
                None
            }
        }
    }
}

/// The field that a row's field belongs to: `materials` of `materials[].name`, `house_addr` of `house_addr.county`.
fn base(field: &str) -> &str {
    field.split(['[', '.']).next().unwrap_or(field)
}

/// True where what is written cannot be read back.
fn is_lossy(convert: &Convert) -> bool {
    use crate::domain::codes::Otherwise;
    match convert {
        Convert::Mask(_) | Convert::Text { strip_codes: true, .. } => true,
        Convert::Code { otherwise, .. } => *otherwise != Otherwise::Refuse,
        _ => false,
    }
}

/// The canonical list that the items of a list node stand for, `depth` lists deep: `accounts` or `a[].b`.
pub(super) fn list_name(node: &Node, rows: &[MessageRow], depth: usize) -> Option<String> {
    let own = node.row.into_iter().chain(node.children.iter().filter_map(|child| child.row));
    let own = own.filter_map(|row| match &rows[row].field {
        RowField::Canonical(field) => nth_list(field, depth),
        RowField::Call(CallName::FaultField(_)) => Some("@fault.fields".into()),
        _ => None,
    });
    own.chain(node.children.iter().filter_map(|child| list_name(child, rows, depth))).next()
}

fn nth_list(field: &str, depth: usize) -> Option<String> {
    let (at, _) = field.match_indices("[]").nth(depth - 1)?;
    Some(field[..at].to_owned())
}

/// True where the node is a place of its own in a list.
pub(super) const fn is_list(node: &Node) -> bool {
    node.segment.kind.is_list()
}

/// True where the node is an attribute.
pub(super) fn is_attribute(node: &Node) -> bool {
    node.segment.kind == SegmentKind::Attribute
}
