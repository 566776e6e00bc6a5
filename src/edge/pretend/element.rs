//! A small element tree of the pretend cities: read with quick-xml, written in the layout of the sample messages.
//!
//! It deliberately shares nothing with `domain::format`, so that it is a second opinion on what the gateway writes.
//! A document type, an unknown entity, an undeclared prefix or text between elements is refused, and so is a
//! document that is nested too deeply.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// Elements inside one another.
const DEPTH_MAX: usize = 64;

/// Elements of one document.
const ELEMENTS_MAX: usize = 200_000;

/// An element: name, namespace, attributes, and either text or elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Namespace name (the URI), or empty.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// Attributes in the order of the document, namespace declarations left out; `{uri}name` where one has a prefix.
    pub attributes: Vec<(String, String)>,
    /// The text of an element without children, CDATA sections and references resolved.
    pub text: String,
    /// The elements inside.
    pub children: Vec<Element>,
}

impl Element {
    /// An element with text and no namespace.
    pub fn leaf(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), ..Self::default() }
    }

    /// An element with `children` and no namespace.
    pub fn branch(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.to_owned(), children, ..Self::default() }
    }

    /// An element with a leaf for each pair.
    pub fn leaves(name: &str, leaves: &[(&str, &str)]) -> Self {
        Self::branch(name, leaves.iter().map(|(name, text)| Self::leaf(name, text)).collect())
    }

    /// The same with one attribute more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first child of that local name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of `path` (names joined by `/`).
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of `path`, or an empty text.
    pub fn text_at(&self, path: &str) -> &str {
        self.at(path).map_or("", |element| element.text.as_str())
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first descendant of that name, this element included, in document order.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter_mut().find_map(|child| child.find_mut(name))
    }

    /// Takes out the first descendant of that name. Whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if let Some(place) = self.children.iter().position(|child| child.name == name) {
            self.children.remove(place);
            return true;
        }
        self.children.iter_mut().any(|child| child.remove(name))
    }

    /// Reads a document. An XML declaration may stand in front; its encoding is not looked at.
    ///
    /// # Errors
    /// With the reason, in English, when the text is not one well-formed document within the bounds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut count = 0;
        loop {
            let event = reader.read_event().map_err(|error| format!("not well-formed: {error}"))?;
            match event {
                Event::Start(start) => {
                    count += 1;
                    if open.len() >= DEPTH_MAX || count > ELEMENTS_MAX {
                        return Err("nested too deeply, or too many elements".to_owned());
                    }
                    if root.is_some() {
                        return Err("a second root element".to_owned());
                    }
                    open.push(element(&reader, &start)?);
                }
                Event::End(_) => {
                    let mut closed = open.pop().ok_or("a close tag too many")?;
                    closed.settle()?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(closed),
                        None => root = Some(closed),
                    }
                }
                Event::Text(text) => append(&mut open, &text.xml10_content())?,
                Event::CData(text) => append(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    match character {
                        Some(character) => append(&mut open, character.encode_utf8(&mut [0; 4]))?,
                        None => append(
                            &mut open,
                            resolve_predefined_entity(&reference.into_inner()).ok_or("an unknown entity")?,
                        )?,
                    }
                }
                Event::DocType(_) => return Err("a document type".to_owned()),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
                Event::Eof => break,
            }
        }
        if !open.is_empty() {
            return Err("the end came inside an element".to_owned());
        }
        root.ok_or_else(|| "no element at all".to_owned())
    }

    /// White space between elements is layout; anything else there is a fault.
    fn settle(&mut self) -> Result<(), String> {
        if !self.children.is_empty() {
            if !self.text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
                return Err(format!("text between the elements of {}", self.name));
            }
            self.text.clear();
        }
        Ok(())
    }

    /// Writes the element as the samples do: a line for each tag, no indentation, `<NAME/>` for what is empty.
    pub fn write(&self, into: &mut String) {
        into.push('<');
        into.push_str(&self.name);
        for (name, value) in &self.attributes {
            into.push(' ');
            into.push_str(name);
            into.push_str("=\"");
            escape(value, into);
            into.push('"');
        }
        // The national platform writes its empty fields with two tags.
        let two_tags = self.name == "field" || self.name == "body" || self.name == "BODY";
        if self.children.is_empty() && self.text.is_empty() && !two_tags {
            into.push_str("/>");
            return;
        }
        into.push('>');
        escape(&self.text, into);
        if self.name == "body" || self.name == "BODY" || !self.children.is_empty() {
            into.push('\n');
        }
        for child in &self.children {
            child.write(into);
            into.push('\n');
        }
        into.push_str("</");
        into.push_str(&self.name);
        into.push('>');
    }
}

/// Escapes for text, attribute values and text inside CDATA alike: `>` too, so that `]]>` cannot arise.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '&' => into.push_str("&amp;"),
            '"' => into.push_str("&quot;"),
            other => into.push(other),
        }
    }
}

fn append(open: &mut [Element], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => {
            element.text.push_str(text);
            Ok(())
        }
        None if text.trim().is_empty() => Ok(()),
        None => Err("text outside the root element".to_owned()),
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Element, String> {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    let namespace = match namespace {
        ResolveResult::Unbound => String::new(),
        ResolveResult::Bound(uri) => uri.0.to_owned(),
        ResolveResult::Unknown(prefix) => return Err(format!("prefix {prefix} is not declared")),
    };
    let name = name.into_inner().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
        let name = match namespace {
            ResolveResult::Unbound => name.into_inner().to_owned(),
            ResolveResult::Bound(uri) => format!("{{{}}}{}", uri.0, name.into_inner()),
            ResolveResult::Unknown(prefix) => return Err(format!("prefix {prefix} is not declared")),
        };
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
        attributes.push((name, value.into_owned()));
    }
    Ok(Element { namespace, name, attributes, ..Element::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cdata_references_and_plain_text_are_the_same() {
        let one = Element::parse("<a>x&lt;&#x79;&gt;</a>").unwrap();
        assert_eq!(one, Element::parse("<?xml version=\"1.0\" encoding=\"GBK\"?>\n<a><![CDATA[x<y>]]></a>\n").unwrap());
        assert_eq!(one.text, "x<y>");
    }

    #[test]
    fn prefixes_do_not_matter_and_namespaces_do() {
        let one = Element::parse("<p:a xmlns:p='urn:1'><b/></p:a>").unwrap();
        assert_eq!(one, Element::parse("<q:a xmlns:q=\"urn:1\">\n<b></b>\n</q:a>").unwrap());
        assert_ne!(one, Element::parse("<a><b/></a>").unwrap());
        assert!(Element::parse("<p:a/>").unwrap_err().contains("not declared"));
    }

    #[test]
    fn refuses_what_is_no_document() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>x<b/></a>",
            "<a>&nbsp;</a>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<a b='1' b='2'/>",
            "<a/>after",
        ] {
            assert!(Element::parse(text).is_err(), "{text}");
        }
        assert!(Element::parse(&format!("{}{}", "<a>".repeat(65), "</a>".repeat(65))).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut written = String::new();
        let element = Element::branch("A", vec![Element::leaf("B", "<&]]>\"").with("no", "1"), Element::leaf("C", "")]);
        element.write(&mut written);
        assert_eq!(written, "<A>\n<B no=\"1\">&lt;&amp;]]&gt;&quot;</B>\n<C/>\n</A>");
        assert_eq!(Element::parse(&written).unwrap(), element);
    }

    #[test]
    fn finds_and_removes() {
        let mut element = Element::parse("<A><B><C>1</C></B><C>2</C></A>").unwrap();
        assert_eq!(element.text_at("B/C"), "1");
        element.find_mut("C").unwrap().text = "3".to_owned();
        assert_eq!(element.text_at("B/C"), "3");
        assert!(element.remove("B"));
        assert!(!element.remove("B"));
    }
}
