//! The ops that write a message, from its places in order.

mod field;

use super::message::Message;
use super::message::Node as Branch;
use super::message::is_attribute;
use super::message::is_list;
use super::message::list_name;
use super::notation::Convert;
use super::notation::SegmentKind;
use super::piece::Piece;
use super::plan::ListOp;
use super::plan::ListSource;
use super::plan::Op;
use super::plan::RowNote;
use super::profile::Direction;
use super::profile::Format;
use super::profile::Profile;
use super::reader::first_row;
use super::resolve::Resolver;
use super::source::Diagnostic;
use crate::domain::format::escape;
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
                    for part in [" xmlns:", prefix, "=\"", &String::from_utf8_lossy(&escaped), "\""] {
                        text.push_str(part);
                    }
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
        let (open, open_end, mut close) = if style == Style::Json {
            (format!(",\"{}\":{{", branch.segment.name), String::new(), "}".to_owned())
        } else {
            let name = element(branch);
            let (open, close) = self.tags(branch, &name);
            (open, ">".to_owned(), close)
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
            keep: keep || constant || nested || self.is_envelope(branch),
            condition,
        }
    }

    /// Whether `branch` lies on the way to the message's root: it is written even when nothing is in it, since a document
    /// without its root element is none.
    fn is_envelope(&self, branch: &Branch) -> bool {
        let [_, _, operation] = &self.resolver.words;
        let root = self.direction.root.replace("{operation}", operation);
        let mut level = &self.message.roots;
        for step in root.split(['/', '!']) {
            let name = step.rsplit_once(':').map_or(step, |(_, name)| name);
            let Some(found) = level.iter().find(|child| child.segment.name == name) else { return false };
            if std::ptr::eq(found, branch) {
                return true;
            }
            level = &found.children;
        }
        false
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
        if let Some(row) = row.filter(|row| row.required)
            && source == ListSource::Nothing
        {
            self.resolver.faults.push(Diagnostic::error(162, &row.place, format!("必填的列表“{name}”没有来源")));
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
