//! Delimited and fixed-width record files: as texts within messages, and as files of any size.
//!
//! Within a message, lines become items of a list ([`read`]). A file is read and written line by line, never held
//! whole: [`DelimitedReader`], [`FixedReader`] and the `write` of [`Delimited`] and [`Layout`].
//! It deliberately gives columns no meaning beyond their place.

mod delimited;
mod fixed;
mod layout;
mod lines;

pub use delimited::DelimitedReader;
pub use delimited::Row;
pub use fixed::FixedReader;
pub use fixed::Record;
pub use layout::Field;
pub use layout::FieldKind;
pub use layout::Layout;
pub use layout::LayoutFault;
pub use layout::RecordKind;
pub use lines::Lines;

use crate::domain::fault::Fault;
use crate::domain::format::Action;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Node;
use crate::domain::format::NodeId;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::Tree;
use crate::domain::format::nested::Place;
use crate::domain::format::scan;

use std::fmt;
use std::io;

/// How the columns of a line are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    /// Text after every column: `|`, `@|$`.
    pub separator: Box<str>,
    /// True where the last column is followed by the separator too.
    pub trailing: bool,
}

/// What is wrong with a line of a record file. It holds no text of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// Line, counted from 1.
    pub line: u64,
    /// Name or number of the field, or empty where the whole line is meant.
    pub field: Box<str>,
    pub what: RecordFaultKind,
}

/// What is wrong with a line or field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFaultKind {
    /// An empty line with others after it.
    EmptyLine,
    /// The line has more bytes than are allowed.
    LineTooLong { bytes_max: usize },
    /// The line does not have the bytes that its layout demands.
    WrongLength { expected: usize, found: usize },
    /// The line begins like no record of the layout.
    UnknownRecord,
    /// The layout has no such field.
    UnknownField,
    /// The last column is not followed by the separator.
    NoTrailingSeparator,
    /// A number is missing.
    Missing,
    /// A number has other characters than digits.
    NotDigits,
    /// More bytes, after encoding, than the field has.
    TooLong { bytes_max: usize, found: usize },
    /// The text has the separator in it, or would make one together with its neighbour.
    ContainsSeparator,
    /// The text has a line end or another control character in it.
    ContainsControl,
    /// The bytes are not text of the charset; the offset counts in the line.
    WrongCharset { charset: &'static str, offset: usize },
    /// The charset lacks the character.
    Unencodable { character: char, charset: &'static str },
    /// The file could not be read further.
    Unreadable(io::ErrorKind),
}

impl fmt::Display for RecordFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "第 {} 行", self.line)?;
        if !self.field.is_empty() {
            write!(formatter, "字段 {}", self.field)?;
        }
        formatter.write_str("：")?;
        match &self.what {
            RecordFaultKind::EmptyLine => formatter.write_str("空行只能在文件末尾"),
            RecordFaultKind::LineTooLong { bytes_max } => write!(formatter, "超过每行上限 {bytes_max} 字节"),
            RecordFaultKind::WrongLength { expected, found } => {
                write!(formatter, "应有 {expected} 字节，实际 {found} 字节")
            }
            RecordFaultKind::UnknownRecord => formatter.write_str("行首不是版式中的任何记录标识"),
            RecordFaultKind::UnknownField => formatter.write_str("版式中没有这个字段"),
            RecordFaultKind::NoTrailingSeparator => formatter.write_str("最后一栏之后缺少分隔符"),
            RecordFaultKind::Missing => formatter.write_str("数字栏没有内容"),
            RecordFaultKind::NotDigits => formatter.write_str("数字栏只能有数字"),
            RecordFaultKind::TooLong { bytes_max, found } => {
                write!(formatter, "编码后 {found} 字节，超过栏宽 {bytes_max} 字节")
            }
            RecordFaultKind::ContainsSeparator => formatter.write_str("内容中含有分隔符，不能写入"),
            RecordFaultKind::ContainsControl => formatter.write_str("内容中含有换行或控制字符，不能写入"),
            RecordFaultKind::WrongCharset { charset, offset } => {
                write!(formatter, "第 {offset} 字节起不是 {charset} 编码")
            }
            RecordFaultKind::Unencodable { character, charset } => {
                write!(formatter, "字符集 {charset} 中没有“{character}”（U+{:04X}）", u32::from(*character))
            }
            RecordFaultKind::Unreadable(kind) => write!(formatter, "文件读取失败（{kind}）"),
        }
    }
}

impl std::error::Error for RecordFault {}

/// Reads the whole of `input`, which is UTF-8, as buffer 0: every line is an item of the list at the key `ROW` of
/// `node`, and its columns are the keys `1`, `2`, … of the item's node. Empty lines at the end are ignored.
///
/// # Errors
/// [`Fault::WrongCharset`], [`Fault::Malformed`] and [`Fault::LimitExceeded`]; the scratch is then of no use.
pub fn read(
    tree: &Tree,
    node: NodeId,
    spec: &Delimited,
    input: &[u8],
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    scratch.begin(tree);
    let place = Place::whole(input, 0);
    place.check_size(limits)?;
    scan::check_utf8(input)?;
    read_place((tree, node), spec, place, scratch, limits)
}

/// Reads the lines that lie in side buffer `level`, as buffer `level + 1`. For use after [`Scratch::begin`] and
/// decoding; the scratch is not cleared.
///
/// # Errors
/// As [`read`].
pub fn read_side(
    tree: &Tree,
    node: NodeId,
    spec: &Delimited,
    level: usize,
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    crate::domain::format::nested::with_side(level, scratch, |place, scratch| {
        read_place((tree, node), spec, place, scratch, limits)
    })
}

/// Reads the lines at `place`.
pub(super) fn read_place(
    (tree, node): (&Tree, NodeId),
    spec: &Delimited,
    place: Place<'_>,
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    place.check_size(limits)?;
    let node = tree.nodes.get(usize::from(node)).ok_or(Fault::Internal { reason: "no such node" })?;
    let row = node.keys.iter().find(|key| *key.name == *b"ROW").map(|key| &key.action);
    let mut end = place.bytes.len();
    while end > place.start && matches!(place.bytes[end - 1], b'\n' | b'\r') {
        end -= 1;
    }
    let mut start = place.after_mark();
    while start < end {
        let stop = memchr::memchr(b'\n', &place.bytes[start..end]).map_or(end, |length| start + length);
        let line = place.bytes[start..stop].strip_suffix(b"\r").unwrap_or(&place.bytes[start..stop]);
        let fault = |reason| Fault::Malformed { format: "分隔文本", offset: start - place.start, reason };
        if line.is_empty() {
            return Err(fault("空行只能在末尾"));
        }
        scratch.count_member(limits)?;
        let separator = spec.separator.as_bytes();
        let columns = if spec.trailing {
            line.strip_suffix(separator).ok_or_else(|| fault("行尾缺少分隔符"))?
        } else {
            line
        };
        match row {
            Some(Action::List { slot, node, frame: size }) => {
                let item = scratch.append_item(place.frame, *slot, *size, limits)?;
                let node = tree.nodes.get(usize::from(*node)).ok_or(Fault::Internal { reason: "no such node" })?;
                read_columns(node, Place { frame: item, ..place }, start, columns, separator, scratch);
            }
            Some(Action::Skip) => {}
            _ => scratch.undeclared += 1,
        }
        start = stop + 1;
    }
    Ok(())
}

/// Notes the columns of one line, which begins at `start`, in the frame of `place`.
fn read_columns(node: &Node, place: Place<'_>, start: usize, columns: &[u8], separator: &[u8], scratch: &mut Scratch) {
    let note = |scratch: &mut Scratch, number, off: usize, length: usize, kind| {
        let slot = Slot { off: scan::narrow(off), len: scan::narrow(length), kind, buffer: place.buffer };
        scratch.note(place.frame, number, slot);
    };
    if let Some(number) = node.presence {
        note(scratch, number, start, 0, Kind::Object);
    }
    if let Some(number) = node.text {
        note(scratch, number, start, columns.len(), Kind::Text);
    }
    let (mut at, mut hint) = (0, 0);
    for column in 1_usize.. {
        let rest = &columns[at..];
        let length = memchr::memmem::find(rest, separator).filter(|_| !separator.is_empty());
        let fits = |key: &crate::domain::format::Key| column_number(&key.name) == Some(column);
        let found = match node.keys.get(hint) {
            Some(key) if fits(key) => Some(hint),
            _ => node.keys.iter().position(fits),
        };
        match found.map(|place| (place, &node.keys[place].action)) {
            Some((place, Action::Leaf(number))) => {
                note(scratch, *number, start + at, length.unwrap_or(rest.len()), Kind::Text);
                hint = place + 1;
            }
            Some((place, Action::Skip)) => hint = place + 1,
            _ => scratch.undeclared += 1,
        }
        match length {
            Some(length) => at += length + separator.len(),
            None => return,
        }
    }
}

/// The column that a key's name means.
fn column_number(name: &[u8]) -> Option<usize> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::Key;

    fn tree() -> Tree {
        let key = |name: &str, action| Key { name: name.as_bytes().into(), namespace: None, action };
        let nodes = vec![
            Node { keys: vec![key("ROW", Action::List { slot: 1, node: 1, frame: 4 })], ..Node::default() },
            Node {
                keys: vec![key("1", Action::Leaf(1)), key("3", Action::Leaf(2)), key("12", Action::Leaf(3))],
                ..Node::default()
            },
        ];
        Tree { nodes, frame: 2, ..Tree::default() }
    }

    fn rows(text: &str, separator: &str, trailing: bool) -> Result<Vec<Vec<Option<String>>>, Fault> {
        let spec = Delimited { separator: separator.into(), trailing };
        let mut scratch = Scratch::default();
        read(&tree(), 0, &spec, text.as_bytes(), &mut scratch, &Limits::default())?;
        let mut rows = Vec::new();
        let mut frame = scratch.slot(0, 1).off;
        while frame != 0 {
            let cell = |number| {
                let slot = scratch.slot(frame, number);
                let raw = scratch.raw(text.as_bytes(), slot).to_vec();
                (slot.kind == Kind::Text).then(|| String::from_utf8(raw).unwrap())
            };
            rows.push((1..4).map(cell).collect());
            frame = scratch.slot(frame, 0).off;
        }
        Ok(rows)
    }

    fn cells(cells: [Option<&str>; 3]) -> Vec<Option<String>> {
        cells.into_iter().map(|cell| cell.map(String::from)).collect()
    }

    #[test]
    fn columns_go_to_their_places() {
        let found = rows("甲@|$b@|$含|和@@|$\r\n1@|$2@|$@|$\n\n\r\n", "@|$", true).unwrap();
        assert_eq!(found, [cells([Some("甲"), Some("含|和@"), None]), cells([Some("1"), Some(""), None])]);
        let found = rows("1|2|3|4|5|6|7|8|9|10|11|12|13", "|", false).unwrap();
        assert_eq!(found, [cells([Some("1"), Some("3"), Some("12")])]);
        assert_eq!(rows("1|2", "|", false).unwrap(), [cells([Some("1"), None, None])]);
        assert!(rows("", "|", true).unwrap().is_empty());
    }

    #[test]
    fn broken_lines_are_refused() {
        assert!(matches!(rows("a|b\n", "|", true), Err(Fault::Malformed { offset: 0, .. })));
        assert!(matches!(rows("a|\n\nb|\n", "|", true), Err(Fault::Malformed { offset: 3, .. })));
    }
}
