//! What hostile bytes are thrown at: one body for each reader. The tests run them, and so can a fuzzer; none of them may
//! panic, whatever it is given, and what a reader notes lies within its input.

use crate::domain::format::Action;
use crate::domain::format::Key;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Naming;
use crate::domain::format::NestedFormat;
use crate::domain::format::Node;
use crate::domain::format::Scratch;
use crate::domain::format::SlotNumber;
use crate::domain::format::Tree;
use crate::domain::format::charset::Charset;
use crate::domain::format::escape;
use crate::domain::format::form;
use crate::domain::format::json;
use crate::domain::format::records;
use crate::domain::format::records::Delimited;
use crate::domain::format::records::FixedReader;
use crate::domain::format::records::Layout;
use crate::domain::format::xml;

/// Reads bytes as something.
pub type Body = fn(&[u8]);

/// Every reader, with its name.
pub const BODIES: &[(&str, Body)] =
    &[("delimited", delimited), ("fixed", fixed), ("form", form), ("json", json), ("xml", xml)];

/// A layout like that of files between banks: a record of data and one that counts them (composed).
const LAYOUT: &str = "record,field,start,bytes,type,rule\nD,type,1,1,char,D\nD,name,2,8,char,\nD,amount,10,5,number,\n\
                      D,day,15,8,date,\nT,type,1,1,char,T\nT,count,2,3,number,\n";

/// A tree with every kind of place; a document begins at node 0.
fn tree() -> Tree {
    let key = |name: &str, action| Key { name: name.as_bytes().into(), namespace: None, action };
    let leaf = |name: &str, slot: SlotNumber| key(name, Action::Leaf(slot));
    let item = Node { keys: vec![leaf("x", 1), leaf("1", 2)], text: Some(3), ..Node::default() };
    let inner = Node { keys: vec![leaf("inner", 6), leaf("name", 7)], ..Node::default() };
    let body = Node {
        keys: vec![
            leaf("msgId", 1),
            leaf("name", 2),
            key("list", Action::List { slot: 3, node: 2, frame: 4 }),
            key("ROW", Action::List { slot: 4, node: 2, frame: 4 }),
            key("doc", Action::Nested { slot: 5, format: NestedFormat::Xml, node: 1 }),
            key("json", Action::Nested { slot: 8, format: NestedFormat::Json, node: 1 }),
            key("head", Action::Enter { slot: 9, node: 0 }),
            key("data", Action::Enter { slot: 10, node: 0 }),
        ],
        ..Node::default()
    };
    Tree { nodes: vec![body, inner, item], frame: 11, ..Tree::default() }
}

/// Every slot lies within its buffer and, if escaped, can be decoded.
fn check(scratch: &Scratch, input: &[u8]) {
    for slot in &scratch.slots {
        let raw = scratch.raw(input, *slot);
        if !matches!(slot.kind, Kind::Missing | Kind::List) {
            assert_eq!(raw.len(), slot.len as usize);
            assert!(escape::unescape(slot.kind, raw, &mut Vec::new()).is_ok());
            assert!(std::str::from_utf8(raw).is_ok());
        }
    }
}

/// JSON.
///
/// # Panics
/// When what was read is not in the input.
pub fn json(bytes: &[u8]) {
    let mut scratch = Scratch::default();
    if json::read(&tree(), 0, bytes, &mut scratch, &Limits::default()).is_ok() {
        check(&scratch, bytes);
    }
}

/// XML, names by element and by attribute.
///
/// # Panics
/// As [`json()`].
pub fn xml(bytes: &[u8]) {
    let (mut tree, mut scratch) = (tree(), Scratch::default());
    let by_attribute = Naming::Attribute { elements: vec![b"field"[..].into()], attribute: b"name"[..].into() };
    for naming in [Naming::Element, by_attribute] {
        tree.naming = naming;
        if xml::read(&tree, 0, bytes, &mut scratch, &Limits::default()).is_ok() {
            check(&scratch, bytes);
        }
    }
}

/// The fields of a form.
///
/// # Panics
/// As [`json()`].
pub fn form(bytes: &[u8]) {
    let mut scratch = Scratch::default();
    for charset in [Charset::Utf8, Charset::Gbk, Charset::Gb18030] {
        if form::read(&tree(), 0, charset, bytes, &mut scratch, &Limits::default()).is_ok() {
            check(&scratch, bytes);
        }
    }
}

/// Records of fixed width.
///
/// # Panics
/// When a record has fewer fields than any of the layout has.
pub fn fixed(bytes: &[u8]) {
    let Ok(layout) = Layout::parse(LAYOUT) else { return };
    for charset in [Charset::Utf8, Charset::Gb18030] {
        let mut reader = FixedReader::new(bytes, &layout, charset);
        while let Ok(Some(record)) = reader.next_record() {
            assert!(record.fields().count() >= 2);
        }
    }
}

/// Lines of delimited columns.
///
/// # Panics
/// As [`json()`].
pub fn delimited(bytes: &[u8]) {
    let (spec, mut scratch) = (Delimited { separator: "@|$".into(), trailing: true }, Scratch::default());
    if records::read(&tree(), 0, &spec, bytes, &mut scratch, &Limits::default()).is_ok() {
        check(&scratch, bytes);
    }
}
