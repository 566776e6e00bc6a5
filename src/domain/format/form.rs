//! Bodies of `application/x-www-form-urlencoded`: parameters to slots, and percent-encoding.
//!
//! `%` and two digits is a byte, `+` a space; the bytes are text in the peer's charset, which is decoded only after
//! that. It deliberately gives a repeated parameter no meaning unless a list is declared for it.

use crate::domain::fault::Fault;
use crate::domain::format::Action;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Node;
use crate::domain::format::NodeId;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::Tree;
use crate::domain::format::Wanted;
use crate::domain::format::charset::Charset;
use crate::domain::format::nested;
use crate::domain::format::nested::Place;
use crate::domain::format::scan;

/// Side buffer of bytes after percent-decoding, and of text after charset decoding. UTF-8 needs only the first.
const BYTES: usize = 0;
const TEXT: usize = 1;

/// Reads the whole body `input` as buffer 0. Parameters are keys of `node`; a parameter that is a document of its own
/// is read in place of its text ([`Action::Nested`]).
///
/// # Errors
/// [`Fault::WrongCharset`], [`Fault::Malformed`] and [`Fault::LimitExceeded`], also those of nested documents;
/// the scratch is then of no use.
pub fn read(
    tree: &Tree,
    node: NodeId,
    charset: Charset,
    input: &[u8],
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    scratch.begin(tree);
    Place::whole(input, 0).check_size(limits)?;
    let node = tree.nodes.get(usize::from(node)).ok_or(Fault::Internal { reason: "no such node" })?;
    let mut reader = Reader { tree, charset, input, scratch, limits };
    let mut start = 0;
    while start < input.len() {
        let rest = input.get(start..).unwrap_or_default();
        let end = start + memchr::memchr(b'&', rest).unwrap_or(rest.len());
        if end > start {
            reader.parameter(node, start, end)?;
        }
        start = end + 1;
    }
    Ok(())
}

struct Reader<'a> {
    tree: &'a Tree,
    charset: Charset,
    input: &'a [u8],
    scratch: &'a mut Scratch,
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    fn parameter(&mut self, node: &'a Node, start: usize, end: usize) -> Result<(), Fault> {
        self.scratch.count_member(self.limits)?;
        let bytes = self.input.get(start..end).unwrap_or_default();
        let equals = memchr::memchr(b'=', bytes).unwrap_or(bytes.len());
        let name = self.text(start, start + equals)?;
        let name = self.scratch.raw(self.input, name);
        let named = |wanted: &[u8]| node.keys.iter().find(|key| *key.name == *wanted);
        let Some(key) = named(name).or_else(|| named(b"")) else {
            self.scratch.undeclared += 1;
            return self.text((start + equals + 1).min(end), end).map(|_| ());
        };
        let value = self.text((start + equals + 1).min(end), end)?;
        self.value(&key.action, value, 0)
    }

    fn value(&mut self, action: &'a Action, value: Slot, frame: u32) -> Result<(), Fault> {
        match action {
            Action::Skip => {}
            Action::Leaf(slot) => {
                self.scratch.note(frame, *slot, value);
            }
            Action::Enter { slot, .. } => self.scratch.note_misfit(frame, *slot, value, Wanted::Object),
            Action::List { slot, node, frame: size } => {
                let item = self.scratch.append_item(frame, *slot, *size, self.limits)?;
                if let Some(text) = self.tree.nodes.get(usize::from(*node)).and_then(|node| node.text) {
                    self.scratch.note(item, text, value);
                }
            }
            Action::FirstRest { slot, first, rest } => {
                if self.scratch.is_free(frame, *slot) {
                    self.scratch.note(frame, *slot, Slot { kind: Kind::Object, len: 0, ..value });
                    return self.value(first, value, frame);
                }
                return self.value(rest, value, frame);
            }
            Action::Nested { slot, format, node } => {
                if !self.scratch.note(frame, *slot, value) {
                    return Ok(());
                }
                let read = (self.tree, *node);
                let Some(level) = usize::from(value.buffer).checked_sub(1) else {
                    let within = Place { frame, ..Place::whole(self.input, 0) };
                    return nested::read(read, format, value, within, self.scratch, self.limits);
                };
                let side = std::mem::take(&mut self.scratch.sides[level]);
                let within = Place { frame, ..Place::whole(&side, value.buffer) };
                let outcome = nested::read(read, format, value, within, self.scratch, self.limits);
                self.scratch.sides[level] = side;
                return outcome;
            }
        }
        Ok(())
    }

    /// The text of a name or value: where it stands, if it stands for itself, or decoded into a side buffer.
    fn text(&mut self, start: usize, end: usize) -> Result<Slot, Fault> {
        let raw = self.input.get(start..end).unwrap_or_default();
        if raw.is_ascii() && memchr::memchr2(b'%', b'+', raw).is_none() {
            return Ok(Slot { off: scan::narrow(start), len: scan::narrow(raw.len()), kind: Kind::Text, buffer: 0 });
        }
        let [bytes, text, ..] = &mut self.scratch.sides;
        let first = bytes.len();
        if let Some(offset) = percent_decode(raw, bytes) {
            return Err(Fault::Malformed {
                format: "表单",
                offset: start + offset,
                reason: "百分号之后应为两位十六进制数",
            });
        }
        let decoded = bytes.get(first..).unwrap_or_default();
        let (level, off, len) = if self.charset.is_utf8() {
            scan::check_utf8(decoded).map(|()| (BYTES, first, decoded.len()))
        } else {
            let second = text.len();
            self.charset.decode(decoded, text).map(|()| (TEXT, second, text.len() - second))
        }
        .map_err(|fault| match fault {
            // Counted in the body, as far as that can be told: from where the parameter begins.
            Fault::WrongCharset { charset, .. } => Fault::WrongCharset { charset, offset: start },
            other => other,
        })?;
        let buffer = if level == BYTES { 1 } else { 2 };
        Ok(Slot { off: scan::narrow(off), len: scan::narrow(len), kind: Kind::Text, buffer })
    }
}

/// Appends the bytes that `raw` stands for, or says where a wrong `%` is.
fn percent_decode(raw: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let digit = |at: usize| {
        raw.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut run = 0;
    while let Some(length) = memchr::memchr2(b'%', b'+', &raw[run..]) {
        let at = run + length;
        out.extend_from_slice(&raw[run..at]);
        if raw[at] == b'+' {
            out.push(b' ');
            run = at + 1;
            continue;
        }
        let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else { return Some(at) };
        out.push(high << 4 | low);
        run = at + 3;
    }
    out.extend_from_slice(&raw[run..]);
    None
}

/// Appends `bytes` percent-encoded: all but letters, digits, `-`, `_`, `.` and `~`, with upper-case digits.
/// Encode text in the peer's charset first.
pub fn encode_component(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::Key;
    use crate::domain::format::NestedFormat;

    fn tree() -> Tree {
        let key = |name: &str, action| Key { name: name.as_bytes().into(), namespace: None, action };
        let nodes = vec![
            Node {
                keys: vec![
                    key("jydm", Action::Leaf(1)),
                    key("姓名", Action::Leaf(2)),
                    key("xml", Action::Nested { slot: 3, format: NestedFormat::Xml, node: 1 }),
                    key("more", Action::List { slot: 4, node: 3, frame: 2 }),
                ],
                ..Node::default()
            },
            Node { keys: vec![key("ROOT", Action::Enter { slot: 5, node: 2 })], ..Node::default() },
            Node { keys: vec![key("XINGMING", Action::Leaf(6)), key("BZ", Action::Leaf(7))], ..Node::default() },
            Node { text: Some(1), ..Node::default() },
        ];
        Tree { nodes, frame: 8, ..Tree::default() }
    }

    fn read_form(charset: Charset, body: &[u8]) -> Result<Scratch, Fault> {
        let mut scratch = Scratch::default();
        read(&tree(), 0, charset, body, &mut scratch, &Limits::default()).map(|()| scratch)
    }

    fn text(scratch: &Scratch, body: &[u8], number: u16) -> String {
        String::from_utf8(scratch.raw(body, scratch.slot(0, number)).to_vec()).unwrap()
    }

    #[test]
    fn values_names_and_spaces() {
        let body = "jydm=a+b%2Bc%26&&%E5%A7%93%E5%90%8D=%e5%88%98&other=%41&more=1&more=2".as_bytes();
        let scratch = read_form(Charset::Utf8, body).unwrap();
        assert_eq!(text(&scratch, body, 1), "a b+c&");
        assert_eq!(text(&scratch, body, 2), "刘");
        assert_eq!(scratch.undeclared, 1);
        assert_eq!((scratch.slot(0, 4).kind, scratch.slot(0, 4).len), (Kind::List, 2));
        assert_eq!(scratch.slot(0, 3).kind, Kind::Missing);
    }

    #[test]
    fn a_parameter_without_text_is_empty_and_plain_text_stays_in_place() {
        let scratch = read_form(Charset::Utf8, b"jydm").unwrap();
        assert_eq!((scratch.slot(0, 1).kind, scratch.slot(0, 1).len), (Kind::Text, 0));
        assert_eq!(read_form(Charset::Gbk, b"jydm=GJJ1001").unwrap().slot(0, 1).buffer, 0);
    }

    #[test]
    fn gbk_document_in_a_parameter() {
        let xml = "<?xml version=\"1.0\" encoding=\"GBK\"?><ROOT><XINGMING>刘𬱖</XINGMING><BZ>a&amp;b</BZ></ROOT>";
        let mut encoded = Vec::new();
        Charset::Gb18030.encode(xml, &mut encoded).unwrap();
        let mut body = b"jydm=%C1%F5&xml=".to_vec();
        encode_component(&mut body, &encoded);
        let scratch = read_form(Charset::Gbk, &body).unwrap();
        assert_eq!(text(&scratch, &body, 1), "刘");
        assert_eq!(text(&scratch, &body, 3), xml);
        assert_eq!(text(&scratch, &body, 6), "刘𬱖");
        assert_eq!((scratch.slot(0, 7).kind, text(&scratch, &body, 7).as_str()), (Kind::XmlEscaped, "a&amp;b"));
    }

    #[test]
    fn the_first_of_two_stands() {
        let body = b"jydm=1&jydm=%32&xml=%3CROOT/%3E&xml=%3C";
        let scratch = read_form(Charset::Utf8, body).unwrap();
        assert_eq!(text(&scratch, body, 1), "1");
        assert_eq!(scratch.duplicates, [1, 3]);
    }

    #[test]
    fn wrong_escapes_and_wrong_text() {
        for body in ["jydm=%", "jydm=%4", "jydm=%zz", "%=1", "other=%4g"] {
            assert!(matches!(read_form(Charset::Utf8, body.as_bytes()), Err(Fault::Malformed { .. })), "{body}");
        }
        let wrong = read_form(Charset::Gbk, b"a=1&jydm=%FF").err();
        assert_eq!(wrong, Some(Fault::WrongCharset { charset: "GBK", offset: 9 }));
        assert!(matches!(read_form(Charset::Utf8, b"jydm=%C1%F5"), Err(Fault::WrongCharset { .. })));
    }

    #[test]
    fn limits_hold() {
        let mut scratch = Scratch::default();
        let limits = Limits { members_max: 2, ..Limits::default() };
        assert!(read(&tree(), 0, Charset::Utf8, b"a&b", &mut scratch, &limits).is_ok());
        assert!(read(&tree(), 0, Charset::Utf8, b"a&b&c", &mut scratch, &limits).is_err());
    }

    #[test]
    fn encoding_keeps_only_unreserved_bytes() {
        let mut out = Vec::new();
        encode_component(&mut out, "aZ09-_.~ +&=刘/".as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), "aZ09-_.~%20%2B%26%3D%E5%88%98%2F");
    }
}
