//! JSON to slots in one pass, RFC 8259 to the letter, also where nobody asks for the value.
//!
//! No tree and no copies: strings are noted where they lie. Lone surrogates in escapes are refused, as no text can
//! hold them. It deliberately judges no value: a place that finds another kind than it wants is noted with what was
//! found, and the mapping makes the fault.

mod grammar;

use crate::domain::fault::Fault;
use crate::domain::format::Action;
use crate::domain::format::Key;
use crate::domain::format::Kind;
use crate::domain::format::Limits;
use crate::domain::format::Node;
use crate::domain::format::NodeId;
use crate::domain::format::Scratch;
use crate::domain::format::Slot;
use crate::domain::format::SlotNumber;
use crate::domain::format::Tree;
use crate::domain::format::Wanted;
use crate::domain::format::nested;
use crate::domain::format::nested::Place;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;

/// Reads the whole of `input` as buffer 0. The outermost value is an object read with `node`; an array is read as
/// the list at the node's nameless key, and a scalar goes to the node's text slot, where it has one.
///
/// # Errors
/// [`Fault::WrongCharset`], [`Fault::Malformed`] and [`Fault::LimitExceeded`]; the scratch is then of no use.
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
    let mut reader = Reader { tree, place, at: place.after_mark(), depth: place.depth, scratch, limits };
    reader.document(node).map_err(|fault| *fault)
}

struct Reader<'a> {
    tree: &'a Tree,
    place: Place<'a>,
    at: usize,
    depth: usize,
    scratch: &'a mut Scratch,
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    fn document(&mut self, node: &'a Node) -> Reading<()> {
        let frame = self.place.frame;
        match self.next()? {
            b'{' => self.object(node, frame)?,
            b'[' => {
                let list = node.keys.iter().find(|key| key.name.is_empty()).map(|key| &key.action);
                match list {
                    Some(action @ (Action::List { .. } | Action::FirstRest { .. })) => self.value(action, frame)?,
                    _ => return Err(self.fault("最外层应为对象")),
                }
            }
            _ => match node.text {
                Some(text) => {
                    let slot = self.any()?;
                    self.scratch.note(frame, text, slot);
                }
                None => return Err(self.fault("最外层应为对象")),
            },
        }
        self.at = scan::skip_space(self.place.bytes, self.at);
        if self.at < self.place.bytes.len() {
            return Err(self.fault("结尾之后还有内容"));
        }
        Ok(())
    }

    /// Members of the object whose `{` is here.
    fn object(&mut self, node: &'a Node, frame: u32) -> Reading<()> {
        if let Some(presence) = node.presence {
            let slot = self.slot(Kind::Object, self.at, self.at);
            self.scratch.note(frame, presence, slot);
        }
        self.deeper()?;
        self.at += 1;
        if self.next()? == b'}' {
            return self.close();
        }
        let mut hint = 0;
        loop {
            self.scratch.count_member(self.limits)?;
            match self.due(&node.keys, &mut hint)? {
                Some(action) => self.value(action, frame)?,
                None => self.any_member(&node.keys, &mut hint, frame)?,
            }
            if self.ends(b'}')? {
                return self.close();
            }
        }
    }

    /// The usual case: the member is that of the key after the last one found, as senders keep an order, or of the
    /// one after it, and its name is written plainly. Passes the name and its colon.
    #[inline(always)]
    fn due(&mut self, keys: &'a [Key], hint: &mut usize) -> Reading<Option<&'a Action>> {
        self.next()?;
        for place in *hint..*hint + 2 {
            let Some(key) = keys.get(place) else { break };
            if self.is_member(&key.name) {
                *hint = place + 1;
                return Ok(Some(&key.action));
            }
        }
        Ok(None)
    }

    /// The member that begins here, whatever its name.
    #[inline(never)]
    fn any_member(&mut self, keys: &'a [Key], hint: &mut usize, frame: u32) -> Reading<()> {
        let name = self.member_name()?;
        let start = name.off as usize;
        let raw = self.place.bytes.get(start..start + name.len as usize).unwrap_or_default();
        if let Some(action) = find(keys, hint, raw, name.kind == Kind::JsonEscaped) {
            return self.value(action, frame);
        }
        self.scratch.undeclared += 1;
        self.skip()
    }

    /// The value that begins here, at a member with that action.
    #[inline(always)]
    fn value(&mut self, action: &'a Action, frame: u32) -> Reading<()> {
        match action {
            Action::Leaf(number) => {
                let slot = self.any()?;
                self.scratch.note_leaf(frame, *number, slot)
            }
            Action::Skip => self.skip(),
            other => self.structure(other, frame),
        }
    }

    #[inline(never)]
    fn structure(&mut self, action: &'a Action, frame: u32) -> Reading<()> {
        let first = self.next()?;
        match action {
            Action::Enter { slot, node } if first == b'{' => {
                let (node, here) = (self.node(*node)?, self.slot(Kind::Object, self.at, self.at));
                if self.scratch.note(frame, *slot, here) { self.object(node, frame) } else { self.skip() }
            }
            Action::List { slot, .. } if first == b'[' => {
                let empty = Slot { kind: Kind::List, ..Slot::default() };
                if self.scratch.note(frame, *slot, empty) { self.array(action, action, frame) } else { self.skip() }
            }
            Action::FirstRest { slot, first: one, rest } if first == b'[' => {
                let here = self.slot(Kind::Object, self.at, self.at);
                if self.scratch.note(frame, *slot, here) { self.array(one, rest, frame) } else { self.skip() }
            }
            Action::Nested { slot, format, node } => {
                let text = self.any()?;
                if !matches!(text.kind, Kind::Text | Kind::JsonEscaped) {
                    self.scratch.note_misfit(frame, *slot, text, Wanted::Text);
                } else if self.scratch.note(frame, *slot, text) {
                    let within = Place { frame, depth: self.depth, ..self.place };
                    nested::read((self.tree, *node), format, text, within, self.scratch, self.limits)?;
                }
                Ok(())
            }
            Action::Enter { slot, .. } => self.misfit(frame, *slot, Wanted::Object),
            Action::List { slot, .. } | Action::FirstRest { slot, .. } => self.misfit(frame, *slot, Wanted::List),
            Action::Leaf(_) | Action::Skip => self.value(action, frame),
        }
    }

    /// Items of the array whose `[` is here: the first with `one`, the others with `rest`.
    fn array(&mut self, one: &'a Action, rest: &'a Action, frame: u32) -> Reading<()> {
        self.deeper()?;
        self.at += 1;
        if self.next()? == b']' {
            return self.close();
        }
        let mut action = one;
        loop {
            self.scratch.count_member(self.limits)?;
            match action {
                Action::List { slot, node, frame: size } => {
                    let node = self.node(*node)?;
                    let item = self.scratch.append_item(frame, *slot, *size, self.limits)?;
                    self.item(node, item)?;
                }
                other => self.value(other, frame)?,
            }
            if self.ends(b']')? {
                return self.close();
            }
            action = rest;
        }
    }

    /// One item of a list, in its own frame.
    fn item(&mut self, node: &'a Node, frame: u32) -> Reading<()> {
        let only_text = node.text.is_some() && node.keys.is_empty() && node.presence.is_none();
        if self.next()? == b'{' && !only_text {
            return self.object(node, frame);
        }
        match node.text.or(node.presence) {
            Some(number) => {
                let found = self.any()?;
                self.scratch.note(frame, number, found);
                Ok(())
            }
            None => self.misfit(frame, 0, Wanted::Object),
        }
    }

    /// The value that begins here, where something else was wanted.
    #[cold]
    fn misfit(&mut self, frame: u32, number: SlotNumber, wanted: Wanted) -> Reading<()> {
        let found = self.any()?;
        self.scratch.note_misfit(frame, number, found, wanted);
        Ok(())
    }

    fn node(&self, number: NodeId) -> Reading<&'a Node> {
        self.tree.nodes.get(usize::from(number)).ok_or_else(|| Fault::Internal { reason: "no such node" }.into())
    }
}

/// The action of the member `name`; the nameless key takes what no other does.
fn find<'a>(keys: &'a [Key], hint: &mut usize, name: &[u8], escaped: bool) -> Option<&'a Action> {
    let mut any = None;
    for (place, key) in keys.iter().enumerate() {
        if key.name.is_empty() {
            any = any.or(Some(&key.action));
        } else if if escaped { grammar::stands_for(name, &key.name) } else { scan::same(&key.name, name) } {
            *hint = place + 1;
            return Some(&key.action);
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::NestedFormat;
    use crate::domain::format::escape;

    fn key(name: &str, action: Action) -> Key {
        Key { name: name.as_bytes().into(), namespace: None, action }
    }

    /// Slots: 1 a, 2 b, 3 object o, 4 o.c, 5 list l (items: 1 x, 2 own text), 6 first and rest f, 7 first's x,
    /// 8 rest, 9 nested n, 10 nested root's leaf, 11 o's presence.
    fn tree() -> Tree {
        let rest = Action::List { slot: 8, node: 2, frame: 3 };
        let nodes = vec![
            Node {
                keys: vec![
                    key("a", Action::Leaf(1)),
                    key("b", Action::Leaf(2)),
                    key("o", Action::Enter { slot: 3, node: 1 }),
                    key("l", Action::List { slot: 5, node: 2, frame: 3 }),
                    key(
                        "f",
                        Action::FirstRest {
                            slot: 6,
                            first: Action::Enter { slot: 0, node: 3 }.into(),
                            rest: rest.into(),
                        },
                    ),
                    key("n", Action::Nested { slot: 9, format: NestedFormat::Json, node: 4 }),
                    key("s", Action::Skip),
                ],
                ..Node::default()
            },
            Node { keys: vec![key("c", Action::Leaf(4))], presence: Some(11), ..Node::default() },
            Node { keys: vec![key("x", Action::Leaf(1))], text: Some(2), ..Node::default() },
            Node { keys: vec![key("x", Action::Leaf(7))], ..Node::default() },
            Node {
                keys: vec![
                    key("leaf", Action::Leaf(10)),
                    key("deeper", Action::Nested { slot: 0, format: NestedFormat::Json, node: 4 }),
                ],
                ..Node::default()
            },
        ];
        Tree { nodes, frame: 13, ..Tree::default() }
    }

    fn read_text(text: &str) -> Result<Scratch, Fault> {
        let mut scratch = Scratch::default();
        read(&tree(), 0, text.as_bytes(), &mut scratch, &Limits::default()).map(|()| scratch)
    }

    /// Kind and decoded text of a place.
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
        let mut next = scratch.slot(0, number).off;
        std::iter::from_fn(|| {
            let frame = (next != 0).then_some(next)?;
            next = scratch.slot(frame, 0).off;
            Some(frame)
        })
        .collect()
    }

    fn check(text: &str, expected: &[(u16, Kind, &str)]) {
        let scratch = read_text(text).unwrap();
        for (number, kind, content) in expected {
            assert_eq!(at(&scratch, text, 0, *number), (*kind, (*content).to_string()), "{text} {number}");
        }
    }

    #[test]
    fn values_of_every_kind() {
        check(r#"{"a":"刘","b":""}"#, &[(1, Kind::Text, "刘"), (2, Kind::Text, ""), (3, Kind::Missing, "")]);
        check(r#" { "b" : -1.50e+2 , "a" : null } "#, &[(1, Kind::Null, "null"), (2, Kind::Number, "-1.50e+2")]);
        check(r#"{"a":true,"b":"null"}"#, &[(1, Kind::True, "true"), (2, Kind::Text, "null")]);
        check("\u{FEFF}{\"a\":\"\\u5218\\n\"}", &[(1, Kind::JsonEscaped, "刘\n")]);
    }

    #[test]
    fn another_kind_than_wanted_is_noted() {
        check(r#"{"a":{"x":[1,{}]},"b":[1]}"#, &[(1, Kind::Object, r#"{"x":[1,{}]}"#), (2, Kind::Object, "[1]")]);
        check(r#"{"o":"t","l":null}"#, &[(3, Kind::Text, "t"), (5, Kind::Null, "null"), (11, Kind::Missing, "")]);
        check(r#"{"o":null,"l":{"x":1}}"#, &[(3, Kind::Null, "null"), (5, Kind::Object, r#"{"x":1}"#)]);
        check(r#"{"o":[{"c":1}],"f":7,"n":false}"#, &[(3, Kind::Object, r#"[{"c":1}]"#), (4, Kind::Missing, "")]);
        check(r#"{"o":{}}"#, &[(3, Kind::Object, ""), (11, Kind::Object, "")]);
    }

    #[test]
    fn members_in_any_order_and_with_gaps() {
        for text in [r#"{"a":1,"l":[],"n":""}"#, r#"{"n":"","b":2,"a":1}"#, r#"{"b" :2, "a" : 1 ,"ab":3,"n":""}"#] {
            let scratch = read_text(text).unwrap();
            assert_eq!(at(&scratch, text, 0, 1), (Kind::Number, "1".into()), "{text}");
            assert_eq!(at(&scratch, text, 0, 9).0, Kind::Text, "{text}");
        }
    }

    #[test]
    fn escaped_member_names_match() {
        check(r#"{"\u0061":1,"\u006f":{"\u0063":2}}"#, &[(1, Kind::Number, "1"), (4, Kind::Number, "2")]);
        assert_eq!(read_text(r#"{"\u0061b":1,"\n":2,"a\u0062":3}"#).unwrap().undeclared, 3);
    }

    #[test]
    fn a_quote_ends_a_name_whatever_the_tree_is_called() {
        let nodes = vec![Node { keys: vec![key("x\"y", Action::Leaf(1))], ..Node::default() }];
        let tree = Tree { nodes, frame: 2, ..Tree::default() };
        let mut scratch = Scratch::default();
        let mut read_text = |text: &str| read(&tree, 0, text.as_bytes(), &mut scratch, &Limits::default());
        assert!(matches!(read_text(r#"{"x"y":1}"#), Err(Fault::Malformed { .. })));
        assert_eq!(read_text(r#"{"x\"y":1}"#), Ok(()));
    }

    #[test]
    fn members_that_nobody_declared_are_counted_once() {
        let scratch = read_text(r#"{"z":{"y":{"x":1}},"s":{"q":1},"o":{"d":[1,2]}}"#).unwrap();
        assert_eq!(scratch.undeclared, 2);
    }

    #[test]
    fn the_nameless_key_takes_what_is_left() {
        let mut tree = tree();
        tree.nodes[0].keys.insert(0, key("", Action::Leaf(12)));
        let (text, mut scratch) = (r#"{"z":1,"a":2}"#, Scratch::default());
        read(&tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).unwrap();
        assert_eq!(at(&scratch, text, 0, 12).1, "1");
        assert_eq!(at(&scratch, text, 0, 1).1, "2");
    }

    #[test]
    fn lists_and_their_items() {
        let text = r#"{"l":[{"x":1},"t",null,[],{"x":2,"y":3}],"a":0}"#;
        let scratch = read_text(text).unwrap();
        assert_eq!(at(&scratch, text, 0, 5), (Kind::List, "5".into()));
        let found: Vec<_> = items(&scratch, 5)
            .iter()
            .map(|frame| (at(&scratch, text, *frame, 1), at(&scratch, text, *frame, 2).0))
            .collect();
        let nothing = || (Kind::Missing, String::new());
        assert_eq!(found[0], ((Kind::Number, "1".into()), Kind::Missing));
        assert_eq!(found[1], (nothing(), Kind::Text));
        assert_eq!(found[2], (nothing(), Kind::Null));
        assert_eq!(found[3], (nothing(), Kind::Object));
        assert_eq!(found[4], ((Kind::Number, "2".into()), Kind::Missing));
        check(r#"{"l":[]}"#, &[(5, Kind::List, "0")]);
    }

    #[test]
    fn the_first_item_and_the_others() {
        let text = r#"{"f":[{"x":1},{"x":2},{"x":3}]}"#;
        let scratch = read_text(text).unwrap();
        assert_eq!(at(&scratch, text, 0, 7).1, "1");
        let rest: Vec<_> = items(&scratch, 8).iter().map(|frame| at(&scratch, text, *frame, 1).1).collect();
        assert_eq!(rest, ["2", "3"]);
    }

    #[test]
    fn the_first_of_two_members_stands() {
        let text = r#"{"a":1,"o":{"c":2},"l":[{"x":4}],"a":"5","o":{"c":6},"l":[{}],"z":1,"z":2}"#;
        let scratch = read_text(text).unwrap();
        assert_eq!(scratch.duplicates, [1, 3, 5]);
        assert_eq!((at(&scratch, text, 0, 1).1, at(&scratch, text, 0, 4).1), ("1".into(), "2".into()));
        assert_eq!(at(&scratch, text, 0, 5).1, "1");
    }

    #[test]
    fn documents_in_texts() {
        let (inner, outer) = (r#"{"leaf":"q\"t"}"#, r#"{"n":"{\"leaf\":\"q\\\"t\"}","a":"z"}"#);
        check(outer, &[(9, Kind::JsonEscaped, inner), (10, Kind::JsonEscaped, "q\"t"), (1, Kind::Text, "z")]);
        check(r#"{"n":"{}"}"#, &[(9, Kind::Text, "{}"), (10, Kind::Missing, "")]);
        check(r#"{"n":""}"#, &[(9, Kind::Text, "")]);
        check(r#"{"n":" "}"#, &[(9, Kind::Text, " ")]);
        check(r#"{"n":null}"#, &[(9, Kind::Null, "null")]);
        assert!(matches!(read_text(r#"{"n":"{"}"#), Err(Fault::Malformed { offset: 1, .. })));
    }

    #[test]
    fn escaped_documents_end_at_the_last_side_buffer() {
        for levels in 1..=6 {
            let mut text = r#"{"leaf":"\n"}"#.to_string();
            for level in 0..levels {
                let member = if level + 1 == levels { "n" } else { "deeper" };
                let mut wrapped = format!("{{\"{member}\":\"").into_bytes();
                escape::json(&mut wrapped, text.as_bytes());
                wrapped.extend_from_slice(b"\"}");
                text = String::from_utf8(wrapped).unwrap();
            }
            match read_text(&text) {
                Ok(scratch) => assert_eq!((at(&scratch, &text, 0, 10).1.as_str(), levels <= 4), ("\n", true)),
                Err(fault) => assert!(levels > 4 && matches!(fault, Fault::LimitExceeded { .. }), "{fault}"),
            }
        }
    }

    #[test]
    fn outermost_values() {
        for text in ["[]", "1", "\"a\"", "null", "", "  ", "{", "{}x", "{}{}", "{},"] {
            assert!(read_text(text).is_err(), "{text}");
        }
        let nodes = vec![
            Node { keys: vec![key("", Action::List { slot: 1, node: 1, frame: 2 })], ..Node::default() },
            Node { text: Some(1), ..Node::default() },
        ];
        let tree = Tree { nodes, frame: 2, ..Tree::default() };
        let mut scratch = Scratch::default();
        read(&tree, 0, b"[1,[2],3]", &mut scratch, &Limits::default()).unwrap();
        assert_eq!(scratch.slot(0, 1).len, 3);
        read(&tree, 1, b" 7 ", &mut scratch, &Limits::default()).unwrap();
        assert_eq!(scratch.slot(0, 1).kind, Kind::Number);
    }

    #[test]
    fn wrong_utf8_is_located() {
        let outcome = read(&tree(), 0, b"{\"a\":\"\xE5\x88\"}", &mut Scratch::default(), &Limits::default());
        assert_eq!(outcome, Err(Fault::WrongCharset { charset: "UTF-8", offset: 6 }));
    }
}
