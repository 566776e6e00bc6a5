//! XML as OFD uses it: UTF-8, no document type, bounded, read once from front to back.
//!
//! quick-xml does the reading; added is what it leaves to its user: a single root that is closed, declared prefixes,
//! no unknown entity, a limit to the depth. No canonical form is ever made: digests are over the bytes as found.

use crate::domain::licence::check::Code;
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// Largest document, in bytes.
pub(super) const BYTES_MAX: usize = 16 << 20;
/// Elements inside one another.
pub(super) const DEPTH_MAX: usize = 64;
/// Elements of a document that is kept as a tree: five thousand references and what stands around them.
const TREE_MAX: usize = 20_000;

const NAMESPACE: &str = "http://www.ofdspec.org/2016";
/// Written by producers of one province.
const NAMESPACE_OLD: &str = "http://www.ofdspec.org";

/// Which namespace a name is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Space {
    /// OFD's.
    Current,
    /// OFD's, without the year.
    Old,
    /// Another one, or none.
    #[default]
    Other,
}

/// A document that must not be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub Code);

const MALFORMED: Refused = Refused(Code::XmlMalformed);

/// What is met on the way.
pub(super) enum Met<'a> {
    /// A tag opens.
    Open { space: Space, name: &'a str, attributes: Vec<(String, String)> },
    /// A piece of text.
    Text(&'a str),
    /// A tag closes.
    Close,
}

/// Reads a document and hands what it meets to `visit`.
pub(super) fn walk(bytes: &[u8], mut visit: impl FnMut(Met<'_>) -> Result<(), Refused>) -> Result<(), Refused> {
    if bytes.len() > BYTES_MAX {
        return Err(Refused(Code::XmlDepth));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| Refused(Code::XmlEncoding))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0_usize;
    let mut had_root = false;
    loop {
        match reader.read_event().map_err(|_| MALFORMED)? {
            Event::Start(start) => {
                if depth >= DEPTH_MAX {
                    return Err(Refused(Code::XmlDepth));
                }
                if depth == 0 && std::mem::replace(&mut had_root, true) {
                    return Err(MALFORMED);
                }
                depth += 1;
                let (space, attributes) = opened(&reader, &start)?;
                let local = start.local_name();
                visit(Met::Open { space, name: local.into_inner(), attributes })?;
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(MALFORMED)?;
                visit(Met::Close)?;
            }
            Event::Empty(_) => return Err(MALFORMED),
            Event::Text(text) => {
                let text = text.xml10_content();
                if depth == 0 && !text.trim().is_empty() {
                    return Err(MALFORMED);
                }
                visit(Met::Text(&text))?;
            }
            Event::CData(text) => {
                if depth == 0 {
                    return Err(MALFORMED);
                }
                visit(Met::Text(&text.xml10_content()))?;
            }
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|_| MALFORMED)?;
                if depth == 0 {
                    return Err(MALFORMED);
                }
                match resolved {
                    Some(character) => visit(Met::Text(character.encode_utf8(&mut [0; 4])))?,
                    None => visit(Met::Text(resolve_predefined_entity(&reference.into_inner()).ok_or(MALFORMED)?))?,
                }
            }
            Event::DocType(_) => return Err(Refused(Code::XmlDtdForbidden)),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding();
                let encoding = encoding.transpose().map_err(|_| MALFORMED)?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err(Refused(Code::XmlEncoding));
                }
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if depth == 0 && had_root { Ok(()) } else { Err(MALFORMED) }
}

fn opened(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<(Space, Vec<(String, String)>), Refused> {
    let (namespace, _) = reader.resolver().resolve_element(start.name());
    let space = match namespace {
        ResolveResult::Bound(bound) if bound.0 == NAMESPACE => Space::Current,
        ResolveResult::Bound(bound) if bound.0 == NAMESPACE_OLD => Space::Old,
        ResolveResult::Unknown(_) => return Err(MALFORMED),
        _ => Space::Other,
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| MALFORMED)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| MALFORMED)?;
        attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok((space, attributes))
}

/// An element of a small document.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) space: Space,
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Its own text, all pieces joined.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a small document.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let mut open: Vec<Self> = vec![Self::default()];
        let mut count = 0;
        walk(bytes, |met| {
            match met {
                Met::Open { space, name, attributes } => {
                    count += 1;
                    if count > TREE_MAX {
                        return Err(Refused(Code::XmlDepth));
                    }
                    open.push(Self { space, name: name.to_owned(), attributes, ..Self::default() });
                }
                Met::Text(text) => open.last_mut().ok_or(MALFORMED)?.text.push_str(text),
                Met::Close => {
                    let closed = open.pop().ok_or(MALFORMED)?;
                    open.last_mut().ok_or(MALFORMED)?.children.push(closed);
                }
            }
            Ok(())
        })?;
        open.pop().and_then(|mut document| document.children.pop()).ok_or(MALFORMED)
    }

    /// Whether it is OFD's element of that name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.space != Space::Other && self.name == name
    }

    /// OFD's children of that name.
    pub(super) fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    /// The only child of that name: none where there are several, so that no two readers take different ones.
    pub(super) fn only(&self, name: &str) -> Option<&Self> {
        let mut all = self.children.iter().filter(|child| child.is(name));
        let first = all.next();
        if all.next().is_some() { None } else { first }
    }

    /// The text, without the white space around it.
    pub(super) fn trimmed(&self) -> &str {
        self.text.trim()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Code> {
        Element::parse(text.as_bytes()).err().map(|refused| refused.0)
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(code("<a/>"), None);
        assert_eq!(code("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>&amp;&#20013;<![CDATA[<]]></a>"), None);
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<a>&x;</a>",
            "<p:a/>",
            "<a b='1' b='2'/>",
            "</a>",
            "<a/>x",
            "<a b='&x;'/>",
        ] {
            assert_eq!(code(text), Some(Code::XmlMalformed), "{text}");
        }
        assert_eq!(code("<!DOCTYPE a><a/>"), Some(Code::XmlDtdForbidden));
        assert_eq!(code("<?xml version=\"1.0\" encoding=\"GBK\"?><a/>"), Some(Code::XmlEncoding));
        assert_eq!(Element::parse(b"<a>\xff</a>").unwrap_err().0, Code::XmlEncoding);
        let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert_eq!(code(&deep(DEPTH_MAX)), None);
        assert_eq!(code(&deep(DEPTH_MAX + 1)), Some(Code::XmlDepth));
    }

    #[test]
    fn namespaces() {
        let space = |uri: &str| Element::parse(format!("<o:a xmlns:o='{uri}'/>").as_bytes()).unwrap().space;
        assert_eq!(space("http://www.ofdspec.org/2016"), Space::Current);
        assert_eq!(space("http://www.ofdspec.org"), Space::Old);
        assert_eq!(space("http://www.ofdspec.org/2017"), Space::Other);
    }
}
