//! XML 1.0 with namespaces to slots in one pass.
//!
//! Well-formedness is checked everywhere, also in elements that nobody asks for. The bytes are UTF-8 already; an
//! encoding declared inside is ignored, the charset is decided outside. A DOCTYPE is refused, so there are no
//! entities but the five predefined ones and nothing is ever fetched or expanded. It deliberately keeps line ends
//! in attribute values as they are, and reports no comments and no processing instructions.

mod content;
mod misfits;
mod names;
mod prolog;
mod tag;

use crate::domain::fault::Fault;
use crate::domain::format::Action;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Node;
use crate::domain::format::NodeId;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::Tree;
use crate::domain::format::nested;
use crate::domain::format::nested::Place;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;
use crate::domain::format::xml::tag::Tag;
use crate::domain::format::xml::tag::Usual;

/// Reads the whole of `input` as buffer 0. The root element is looked up among the keys of `node`.
///
/// # Errors
/// [`Fault::WrongCharset`], [`Fault::Malformed`], [`Fault::DoctypeRefused`] and [`Fault::LimitExceeded`];
/// the scratch is then of no use.
pub fn read(tree: &Tree, node: NodeId, input: &[u8], scratch: &mut Scratch, limits: &Limits) -> Result<(), Fault> {
    scratch.begin(tree);
    let place = Place::whole(input, 0);
    place.check_size(limits)?;
    scan::check_utf8(input)?;
    read_place(tree, node, place, scratch, limits)
}

/// Reads the document that lies in side buffer `level`, as buffer `level + 1`. For use after
/// [`Scratch::begin`] and decoding; the scratch is not cleared.
///
/// # Errors
/// As [`read`].
pub fn read_side(tree: &Tree, node: NodeId, level: usize, scratch: &mut Scratch, limits: &Limits) -> Result<(), Fault> {
    nested::with_side(level, scratch, |place, scratch| read_place(tree, node, place, scratch, limits))
}

/// Reads the document at `place`.
pub(super) fn read_place(
    tree: &Tree,
    node: NodeId,
    place: Place<'_>,
    scratch: &mut Scratch,
    limits: &Limits,
) -> Result<(), Fault> {
    place.check_size(limits)?;
    let node = tree.nodes.get(usize::from(node)).ok_or(Fault::Internal { reason: "no such node" })?;
    let base = scratch.stack.len();
    let (at, depth, mixed) = (place.after_mark(), place.depth, Slot::default());
    let mut reader = Reader { tree, place, at, depth, base, mixed, usual: None, scratch, limits };
    reader.document(node).map_err(|fault| *fault)
}

struct Reader<'a> {
    tree: &'a Tree,
    place: Place<'a>,
    at: usize,
    depth: usize,
    /// Where the declarations of this document begin on [`Scratch::stack`]; earlier ones belong to other documents.
    base: usize,
    /// Text that was not simply text, as `mixed_text` leaves it.
    mixed: Slot,
    usual: Option<Usual<'a>>,
    scratch: &'a mut Scratch,
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    #[cold]
    #[expect(clippy::unnecessary_box_returns, reason = "as `Reading` wants it")]
    fn fault(&self, reason: &'static str) -> Box<Fault> {
        Fault::Malformed { format: "XML", offset: self.at - self.place.start, reason }.into()
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.place.bytes.get(at).copied()
    }

    #[inline]
    fn starts_with(&self, text: &[u8]) -> bool {
        self.place.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    #[inline]
    fn bytes(&self, off: usize, len: usize) -> &'a [u8] {
        self.place.bytes.get(off..off + len).unwrap_or_default()
    }

    #[inline]
    fn slot(&self, kind: Kind, start: usize, end: usize) -> Slot {
        Slot { off: scan::narrow(start), len: scan::narrow(end - start), kind, buffer: self.place.buffer }
    }

    fn node(&self, number: NodeId) -> Reading<&'a Node> {
        self.tree.nodes.get(usize::from(number)).ok_or_else(|| Fault::Internal { reason: "no such node" }.into())
    }

    /// The element whose `<` is here, a child of an element read with `node` (nobody asks for the children if there
    /// is none). `hint` is the key after the last one found.
    #[inline]
    fn child(&mut self, node: Option<&'a Node>, hint: &mut usize, frame: u32) -> Reading<()> {
        self.scratch.count_member(self.limits)?;
        self.depth += 1;
        let limit = nested::depth_max(self.limits);
        if self.depth > limit {
            return Err(Fault::LimitExceeded { what: "嵌套层数", limit }.into());
        }
        match node.and_then(|node| self.expected(node, hint)) {
            Some((tag, Action::Leaf(number))) => {
                let slot = self.text(tag)?;
                self.scratch.note_leaf(frame, *number, slot)?;
            }
            Some((tag, action)) => self.structure(action, tag, frame)?,
            None => self.any_child(node, hint, frame)?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// The element whose `<` is here, whatever its tag.
    #[inline(never)]
    fn any_child(&mut self, node: Option<&'a Node>, hint: &mut usize, frame: u32) -> Reading<()> {
        let mark = self.scratch.stack.len();
        let tag = self.start_tag()?;
        let action = match node {
            Some(node) => self.action_of(node, &tag, hint),
            None => Some(&Action::Skip),
        };
        if let Some(action) = action {
            self.perform(action, tag, frame)?;
        } else {
            self.scratch.undeclared += 1;
            self.note_foreign(node, &tag, frame);
            self.skip_content(tag)?;
        }
        if self.scratch.stack.len() > mark {
            // Its declarations go with it.
            self.scratch.stack.truncate(mark);
            self.usual = None;
        }
        Ok(())
    }

    /// Does what `action` says with the element whose start tag was just passed, and passes its end.
    fn perform(&mut self, action: &'a Action, tag: Tag, frame: u32) -> Reading<()> {
        match action {
            Action::Leaf(number) => {
                let slot = self.text_or_null(tag)?;
                self.scratch.note_leaf(frame, *number, slot)
            }
            Action::Skip => self.skip_content(tag),
            other => self.structure(other, tag, frame),
        }
    }

    fn structure(&mut self, action: &'a Action, tag: Tag, frame: u32) -> Reading<()> {
        match action {
            Action::Enter { slot, node } => {
                let node = self.node(*node)?;
                let kind = if tag.nil { Kind::Null } else { Kind::Object };
                let here = self.slot(kind, self.at, self.at);
                if self.scratch.note(frame, *slot, here) && !tag.nil {
                    let strays = self.scratch.strays;
                    self.inside(node, tag, frame)?;
                    self.tell_strays(strays, frame + u32::from(*slot));
                    Ok(())
                } else {
                    self.skip_content(tag)
                }
            }
            Action::List { slot, node, frame: size } => {
                let node = self.node(*node)?;
                let item = self.scratch.append_item(frame, *slot, *size, self.limits)?;
                if tag.nil {
                    if let Some(number) = node.text.or(node.presence) {
                        let null = self.slot(Kind::Null, self.at, self.at);
                        self.scratch.note(item, number, null);
                    }
                    return self.skip_content(tag);
                }
                let strays = self.scratch.strays;
                self.inside(node, tag, item)?;
                self.tell_strays(strays, item);
                Ok(())
            }
            Action::FirstRest { slot, first, rest } => {
                if self.scratch.is_free(frame, *slot) {
                    let here = self.slot(Kind::Object, self.at, self.at);
                    self.scratch.note(frame, *slot, here);
                    self.perform(first, tag, frame)
                } else {
                    self.perform(rest, tag, frame)
                }
            }
            Action::Nested { slot, format, node } => {
                let text = self.text_or_null(tag)?;
                if self.scratch.note(frame, *slot, text) {
                    let within = Place { frame, depth: self.depth, ..self.place };
                    nested::read((self.tree, *node), format, text, within, self.scratch, self.limits)?;
                }
                Ok(())
            }
            Action::Leaf(_) | Action::Skip => self.perform(action, tag, frame),
        }
    }

    /// Attributes, text and children of an element read with `node`.
    fn inside(&mut self, node: &'a Node, tag: Tag, frame: u32) -> Reading<()> {
        if let Some(presence) = node.presence {
            let here = self.slot(Kind::Object, self.at, self.at);
            self.scratch.note(frame, presence, here);
        }
        self.note_attributes(node, &tag, frame);
        self.scratch.stack.truncate(tag.attributes);
        let Some(text) = node.text else {
            return self.children(Some(node), tag, frame);
        };
        if node.keys.is_empty() {
            let slot = self.text(tag)?;
            self.scratch.note(frame, text, slot);
            return Ok(());
        }
        // Text or children: text only where no child is found.
        let slot = self.text_without_children(tag)?;
        if slot.kind == Kind::Missing {
            return self.children(Some(node), tag, frame);
        }
        self.scratch.note(frame, text, slot);
        Ok(())
    }

    fn text_or_null(&mut self, tag: Tag) -> Reading<Slot> {
        if !tag.nil {
            return self.text(tag);
        }
        let null = self.slot(Kind::Null, self.at, self.at);
        self.skip_content(tag)?;
        Ok(null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::Key;
    use crate::domain::format::Naming;
    use crate::domain::format::NestedFormat;
    use crate::domain::format::escape;
    use crate::domain::format::records::Delimited;

    fn key(name: &str, action: Action) -> Key {
        Key { name: name.as_bytes().into(), namespace: None, action }
    }

    /// Root `R`. Slots: 1 a, 2 b, 3 object o, 4 o/c, 5 list l (items: 1 x, 2 own text, 3 attribute no), 6 first and
    /// rest f, 7 first's x, 8 rest, 9 nested n, 10 nested `N/leaf`, 11 e's text, 12 e's attribute id, 13 o's
    /// presence, 14 rows d.
    fn tree() -> Tree {
        let delimited = NestedFormat::Delimited(Delimited { separator: "|".into(), trailing: true });
        let keys = vec![
            key("a", Action::Leaf(1)),
            key("b", Action::Leaf(2)),
            key("o", Action::Enter { slot: 3, node: 2 }),
            key("l", Action::List { slot: 5, node: 3, frame: 4 }),
            key(
                "f",
                Action::FirstRest {
                    slot: 6,
                    first: Action::Enter { slot: 15, node: 4 }.into(),
                    rest: Action::List { slot: 8, node: 3, frame: 4 }.into(),
                },
            ),
            key("n", Action::Nested { slot: 9, format: NestedFormat::Xml, node: 5 }),
            key("e", Action::Enter { slot: 16, node: 7 }),
            key("s", Action::Skip),
            key("d", Action::Nested { slot: 17, format: delimited, node: 8 }),
        ];
        let item = Node {
            keys: vec![key("x", Action::Leaf(1))],
            attributes: vec![(b"no"[..].into(), 3)],
            text: Some(2),
            presence: None,
        };
        let nodes = vec![
            Node { keys: vec![key("R", Action::Enter { slot: 0, node: 1 })], ..Node::default() },
            Node { keys, ..Node::default() },
            Node { keys: vec![key("c", Action::Leaf(4))], presence: Some(13), ..Node::default() },
            item,
            Node { keys: vec![key("x", Action::Leaf(7))], ..Node::default() },
            Node { keys: vec![key("N", Action::Enter { slot: 0, node: 6 })], ..Node::default() },
            Node { keys: vec![key("leaf", Action::Leaf(10))], ..Node::default() },
            Node { text: Some(11), attributes: vec![(b"id"[..].into(), 12)], ..Node::default() },
            Node { keys: vec![key("ROW", Action::List { slot: 14, node: 9, frame: 2 })], ..Node::default() },
            Node { keys: vec![key("2", Action::Leaf(1))], ..Node::default() },
        ];
        Tree { nodes, frame: 18, ..Tree::default() }
    }

    fn read_text(text: &str) -> Result<Scratch, Fault> {
        let mut scratch = Scratch::default();
        read(&tree(), 0, text.as_bytes(), &mut scratch, &Limits::default()).map(|()| scratch)
    }

    fn at(scratch: &Scratch, text: &str, frame: u32, number: u16) -> (Kind, String) {
        let slot = scratch.slot(frame, number);
        if slot.kind == Kind::List {
            return (slot.kind, slot.len.to_string());
        }
        let mut spare = Vec::new();
        let decoded = escape::text(slot.kind, scratch.raw(text.as_bytes(), slot), &mut spare);
        (slot.kind, String::from_utf8(decoded.to_vec()).unwrap())
    }

    fn items(scratch: &Scratch, number: u16) -> Vec<u32> {
        let first = scratch.slot(0, number).off;
        let next = |frame: &u32| Some(scratch.slot(*frame, 0).off);
        std::iter::successors(Some(first), next).take_while(|frame| *frame != 0).collect()
    }

    /// Reads `<R>inside</R>` and compares places.
    fn check(inside: &str, expected: &[(u16, Kind, &str)]) {
        let text = format!("<R>{inside}</R>");
        let scratch = read_text(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        for (number, kind, content) in expected {
            assert_eq!(at(&scratch, &text, 0, *number), (*kind, (*content).to_string()), "{text} {number}");
        }
        assert!(scratch.stack.is_empty());
    }

    #[test]
    fn texts_of_every_kind() {
        check("<a>刘</a>\n <b/>", &[(1, Kind::Text, "刘"), (2, Kind::Text, ""), (3, Kind::Missing, "")]);
        check("<b></b><a x='1'> t\n</a >", &[(1, Kind::Text, " t\n"), (2, Kind::Text, "")]);
        check("<a>1&lt;&#x5218;]</a><b>]]</b>", &[(1, Kind::XmlEscaped, "1<刘]"), (2, Kind::Text, "]]")]);
        check("<a><![CDATA[<x>&]]></a>", &[(1, Kind::Text, "<x>&")]);
        check("<a>p<![CDATA[<x>&]]>q<!-- c --><?p i?>r</a>", &[(1, Kind::XmlEscaped, "p<x>&qr")]);
        check("<a><![CDATA[1]]><![CDATA[2]]></a>", &[(1, Kind::XmlEscaped, "12")]);
        check("<a>1\r\n2</a><b><![CDATA[1\r2]]></b>", &[(1, Kind::XmlEscaped, "1\n2"), (2, Kind::XmlEscaped, "1\n2")]);
        check("<a>t<c>u</c></a>", &[(1, Kind::Object, "t<c>u</c>")]);
    }

    #[test]
    fn nil_is_null() {
        let xsi = "xmlns:i='http://www.w3.org/2001/XMLSchema-instance'";
        check(&format!("<a {xsi} i:nil='true'/>"), &[(1, Kind::Null, "")]);
        check(&format!("<o {xsi} i:nil='1'><c>1</c></o>"), &[(3, Kind::Null, ""), (4, Kind::Missing, "")]);
        check(&format!("<a {xsi} i:nil='false'/>"), &[(1, Kind::Text, "")]);
        check("<a nil='true'/>", &[(1, Kind::Text, "")]);
    }

    #[test]
    fn objects_attributes_and_presence() {
        check("t<o>u<c>1</c>v</o>", &[(3, Kind::Object, ""), (4, Kind::Text, "1"), (13, Kind::Object, "")]);
        check("<e id='7&amp;' p=''>t</e>", &[(11, Kind::Text, "t"), (12, Kind::XmlEscaped, "7&")]);
        check("<e id = \"7\"><q/></e>", &[(11, Kind::Object, "<q/>"), (12, Kind::Text, "7")]);
        check("<o/>", &[(3, Kind::Object, ""), (13, Kind::Object, "")]);
    }

    #[test]
    fn repeated_elements_also_with_others_between() {
        let text = "<R><l no='1'><x>1</x></l><a/><l>t</l><f><x>2</x></f><f><x>3</x></f><l/><f/></R>";
        let scratch = read_text(text).unwrap();
        let list: Vec<_> = items(&scratch, 5)
            .iter()
            .map(|frame| [1, 2, 3].map(|number| at(&scratch, text, *frame, number).1))
            .collect();
        assert_eq!(list, [["1", "", "1"], ["", "t", ""], ["", "", ""]]);
        assert_eq!(at(&scratch, text, 0, 7).1, "2");
        let rest: Vec<_> = items(&scratch, 8).iter().map(|frame| at(&scratch, text, *frame, 1).1).collect();
        assert_eq!(rest, ["3", ""]);
    }

    #[test]
    fn the_first_of_two_elements_stands_and_the_undeclared_are_counted() {
        let text = "<R><a>1</a><o><c>2</c></o><z><y/></z><a>3</a><o><c>4</c></o><s><y/></s></R>";
        let scratch = read_text(text).unwrap();
        assert_eq!((scratch.duplicates.as_slice(), scratch.undeclared), (&[1, 3][..], 1));
        assert_eq!((at(&scratch, text, 0, 1).1, at(&scratch, text, 0, 4).1), ("1".into(), "2".into()));
        assert_eq!(read_text("<Q/>").unwrap().undeclared, 1);
    }

    #[test]
    fn documents_in_texts() {
        let inner = "<?xml version=\"1.0\" encoding=\"GBK\"?><N><leaf>1&amp;2</leaf></N>";
        let section = format!("<n><![CDATA[{inner}]]></n>");
        check(&section, &[(9, Kind::Text, inner), (10, Kind::XmlEscaped, "1&2")]);
        let mut escaped = b"<n>".to_vec();
        escape::xml_text(&mut escaped, inner.as_bytes()).unwrap();
        let escaped = String::from_utf8(escaped).unwrap() + "</n>";
        check(&escaped, &[(9, Kind::XmlEscaped, inner), (10, Kind::XmlEscaped, "1&2")]);
        let spaced = format!("<n>\n  <![CDATA[{inner}]]>\n</n>");
        check(&spaced, &[(9, Kind::XmlEscaped, &format!("\n  {inner}\n")), (10, Kind::XmlEscaped, "1&2")]);
        check("<n/>", &[(9, Kind::Text, ""), (10, Kind::Missing, "")]);
        assert!(read_text("<R><n>x</n></R>").is_err());
        assert!(read_text("<R xmlns:p='u'><n><![CDATA[<p:N/>]]></n></R>").is_err(), "scopes end at the document");
        let text = "<R><d>1|甲|&#10;2|&lt;|\n\n</d></R>";
        let scratch = read_text(text).unwrap();
        let cells: Vec<_> = items(&scratch, 14).iter().map(|frame| at(&scratch, text, *frame, 1).1).collect();
        assert_eq!(cells, ["甲", "<"]);
    }

    #[test]
    fn namespaces() {
        let mut tree = tree();
        tree.namespaces = vec!["urn:u".into(), "urn:a&b".into()];
        tree.nodes[1].keys[0].namespace = Some(0);
        tree.nodes[1].keys[1].namespace = Some(1);
        let found = |text: &str| {
            let mut scratch = Scratch::default();
            read(&tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).unwrap();
            [at(&scratch, text, 0, 1).1, at(&scratch, text, 0, 2).1]
        };
        assert_eq!(found("<R xmlns='urn:u'><a>1</a></R>"), ["1", ""]);
        assert_eq!(found("<p:R xmlns:p='urn:u'><p:a>1</p:a><a>2</a></p:R>"), ["1", ""]);
        assert_eq!(found("<R xmlns:p='urn:u'><p:a xmlns:p='v'>1</p:a><p:a>2</p:a></R>"), ["2", ""]);
        assert_eq!(found("<R xmlns='urn:u'><a xmlns=''>1</a><b xmlns='urn:a&amp;b'>2</b></R>"), ["", "2"]);
    }

    #[test]
    fn a_prefix_means_what_was_declared_last() {
        let mut tree = tree();
        tree.namespaces = vec!["urn:u".into()];
        let one = |name: &str, action| Key { namespace: Some(0), ..key(name, action) };
        tree.nodes[1].keys = vec![one("a", Action::Leaf(1)), one("o", Action::Enter { slot: 3, node: 2 })];
        tree.nodes[1].keys.extend([one("b", Action::Leaf(2)), key("e", Action::Leaf(11))]);
        tree.nodes[2].keys[0].namespace = Some(0);
        let found = |inside: &str| {
            let text = format!("<R xmlns:p='urn:u' xmlns:q='urn:v'>{inside}</R>");
            let mut scratch = Scratch::default();
            read(&tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).unwrap();
            [1, 4, 2].map(|number| at(&scratch, &text, 0, number).1)
        };
        assert_eq!(found("<p:a>1</p:a><p:o><p:c>2</p:c></p:o><p:b>3</p:b>"), ["1", "2", "3"]);
        assert_eq!(found("<p:a>1</p:a><p:o><p:c/></p:o><p:b/>"), ["1", "", ""]);
        assert_eq!(found("<p:a>1</p:a><p:o xmlns:p='urn:v'><p:c>2</p:c></p:o><p:b>3</p:b>"), ["1", "", "3"]);
        assert_eq!(found("<p:a>1</p:a><p:o><p:c xmlns:p='urn:v'>2</p:c><p:c>4</p:c></p:o>"), ["1", "4", ""]);
        assert_eq!(found("<p:a>1</p:a><q:o xmlns:q='urn:u'><q:c>2</q:c></q:o><q:b>3</q:b>"), ["1", "2", ""]);
        assert_eq!(found("<o xmlns='urn:u'><c>2</c></o><b>3</b><p:b>4</p:b>"), ["", "2", "4"]);
    }

    #[test]
    fn fields_named_by_an_attribute() {
        let naming = Naming::Attribute {
            elements: vec![b"field"[..].into(), b"field-list"[..].into()],
            attribute: b"name"[..].into(),
        };
        let nodes = vec![
            Node { keys: vec![key("message", Action::Enter { slot: 0, node: 1 })], ..Node::default() },
            Node {
                keys: vec![
                    key("A", Action::Leaf(1)),
                    key("&", Action::Leaf(2)),
                    key("L", Action::Enter { slot: 0, node: 2 }),
                    key("field", Action::Leaf(4)),
                ],
                ..Node::default()
            },
            Node { keys: vec![key("", Action::List { slot: 3, node: 3, frame: 2 })], ..Node::default() },
            Node { keys: vec![key("N", Action::Leaf(1))], ..Node::default() },
        ];
        let tree = Tree { nodes, frame: 5, naming, ..Tree::default() };
        let text = "<message><field name='A'>1</field><field name='&amp;'>2</field><A>no</A><field>no</field>\
            <field-list name='L'><field-list name='0'><field name='N'>3</field></field-list></field-list></message>";
        let mut scratch = Scratch::default();
        read(&tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).unwrap();
        assert_eq!((at(&scratch, text, 0, 1).1, at(&scratch, text, 0, 2).1), ("1".into(), "2".into()));
        assert_eq!((scratch.slot(0, 4).kind, scratch.undeclared, scratch.duplicates.len()), (Kind::Missing, 1, 1));
        assert_eq!(at(&scratch, text, items(&scratch, 3)[0], 1).1, "3");
    }
}
