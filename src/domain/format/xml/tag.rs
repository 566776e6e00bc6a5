//! Start tags: names, attributes, namespace declarations, and the key that an element belongs to.
//!
//! Declarations in scope and the attributes of the tag being read lie on [`Scratch::stack`], so nothing is
//! allocated. It deliberately passes no content.
//!
//! [`Scratch::stack`]: crate::domain::format::Scratch::stack

use crate::domain::fault::Fault;
use crate::domain::format::Action;
use crate::domain::format::Key;
use crate::domain::format::Kind;
use crate::domain::format::Naming;
use crate::domain::format::Node;
use crate::domain::format::Open;
use crate::domain::format::escape;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;
use crate::domain::format::xml::Reader;
use crate::domain::format::xml::names;
use crate::domain::format::xml::names::Name;

/// A start tag that was passed.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) name: Name,
    /// Written as `<a/>`: there is no content and no end tag.
    pub(super) empty: bool,
    /// Has `xsi:nil="true"`.
    pub(super) nil: bool,
    /// Where the tag's attributes begin on the stack; its declarations lie below.
    pub(super) attributes: usize,
}

impl Tag {
    /// A tag without prefix, attributes and declarations.
    #[inline]
    pub(super) const fn plain(off: usize, len: usize, attributes: usize) -> Self {
        Self { name: Name { off, len, prefix: 0 }, empty: false, nil: false, attributes }
    }
}

/// Flags in [`Open::hint`]: the value has references; the entry is a namespace declaration.
const ESCAPED: u16 = 1;
const DECLARATION: u16 = 2;

const SCHEMA_INSTANCE: &[u8] = b"http://www.w3.org/2001/XMLSchema-instance";
const XML_NAMESPACE: &[u8] = b"http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &[u8] = b"http://www.w3.org/2000/xmlns/";

/// The prefix that a key was last found with: it stands for the key's namespace until a declaration comes or goes.
#[derive(Clone, Copy)]
pub(super) struct Usual<'a> {
    /// With its colon; empty where it is the default namespace.
    prefix: &'a [u8],
    namespace: u16,
}

/// The key that is due after the one at `place`: senders keep an order, and items of a list follow one another.
#[inline]
fn due_after(place: usize, key: &Key) -> usize {
    match key.action {
        Action::List { .. } | Action::FirstRest { .. } => place,
        _ => place + 1,
    }
}

impl<'a> Reader<'a> {
    /// Passes the start tag whose `<` is here. Its attributes are left on the stack.
    pub(super) fn start_tag(&mut self) -> Reading<Tag> {
        let mark = self.scratch.stack.len();
        self.at += 1;
        let name = self.name()?;
        let (mut empty, mut nil, mut attributes) = (false, false, mark);
        if self.byte(self.at) == Some(b'>') {
            self.at += 1;
        } else {
            empty = self.attributes(mark)?;
            attributes = self.declare(mark)?;
            nil = self.check_attributes(attributes)?;
        }
        if name.prefix > 0 {
            let prefix = self.bytes(name.off, name.prefix);
            if prefix == b"xmlns" || self.namespace(prefix).is_none() {
                self.at = name.off;
                return Err(self.fault("元素的前缀没有声明"));
            }
        }
        Ok(Tag { name, empty, nil, attributes })
    }

    /// Pushes the attributes up to the end of the tag, which is passed; says whether it is an empty-element tag.
    fn attributes(&mut self, mark: usize) -> Reading<bool> {
        loop {
            let before = self.at;
            self.at = scan::skip_space(self.place.bytes, self.at);
            match self.byte(self.at) {
                Some(b'>') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(b'/') if self.byte(self.at + 1) == Some(b'>') => {
                    self.at += 2;
                    return Ok(true);
                }
                None => return Err(self.fault("标签没有结束")),
                Some(_) if self.at == before => return Err(self.fault("属性之前应有空白")),
                Some(_) => self.attribute()?,
            }
            let limit = self.limits.attributes_max;
            if self.scratch.stack.len() - mark > limit {
                return Err(Fault::LimitExceeded { what: "一个元素的属性数", limit }.into());
            }
        }
    }

    fn attribute(&mut self) -> Reading<()> {
        let name = self.name()?;
        self.at = scan::skip_space(self.place.bytes, self.at);
        if self.byte(self.at) != Some(b'=') {
            return Err(self.fault("属性名之后应为等号"));
        }
        self.at = scan::skip_space(self.place.bytes, self.at + 1);
        let Some(quote @ (b'"' | b'\'')) = self.byte(self.at) else {
            return Err(self.fault("属性值应有引号"));
        };
        let start = self.at + 1;
        self.at = start;
        let mut escaped = false;
        loop {
            self.at = scan::value_stop(self.place.bytes, self.at, quote);
            match self.byte(self.at) {
                Some(byte) if byte == quote => break,
                Some(b'&') => {
                    self.reference()?;
                    escaped = true;
                }
                Some(b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'<') => return Err(self.fault("属性值中不能有 <")),
                Some(_) => return Err(self.fault("有不允许的控制字符")),
                None => return Err(self.fault("属性值没有结束")),
            }
        }
        self.scratch.stack.push(Open {
            name_off: scan::narrow(name.off),
            name_len: scan::narrow(name.len),
            node: name.prefix_short(),
            hint: if escaped { ESCAPED } else { 0 },
            frame: scan::narrow(start),
            extra: scan::narrow(self.at - start),
        });
        self.at += 1;
        Ok(())
    }

    /// Moves the declarations among the attributes from `mark` to the front, names them by their prefix alone and
    /// checks them. Returns where the attributes proper begin.
    fn declare(&mut self, mark: usize) -> Reading<usize> {
        let mut kept = mark;
        for place in mark..self.scratch.stack.len() {
            let open = self.scratch.stack[place];
            let name = self.name_of(open);
            let prefix = match name.strip_prefix(b"xmlns") {
                Some([]) => 0,
                Some([b':', prefix @ ..]) => prefix.len(),
                _ => continue,
            };
            let skipped = scan::narrow(name.len() - prefix);
            let declaration = Open {
                name_off: open.name_off + skipped,
                name_len: open.name_len - skipped,
                hint: open.hint | DECLARATION,
                ..open
            };
            let (prefix, space) = (self.name_of(declaration), self.value_of(declaration));
            // Namespaces in XML 1.0, section 3: reserved prefixes and names; a prefix cannot be taken back.
            let sane = match prefix {
                b"xml" => space == XML_NAMESPACE,
                b"xmlns" => false,
                b"" => space != XML_NAMESPACE && space != XMLNS_NAMESPACE,
                _ => !space.is_empty() && space != XML_NAMESPACE && space != XMLNS_NAMESPACE,
            };
            if !sane || self.scratch.stack[mark..kept].iter().any(|other| self.name_of(*other) == prefix) {
                return Err(self.fault("命名空间声明不正确或重复"));
            }
            self.scratch.stack[place] = self.scratch.stack[kept];
            self.scratch.stack[kept] = declaration;
            kept += 1;
            self.usual = None;
        }
        Ok(kept)
    }

    /// Checks prefixes and doubles of the attributes from `first` on. Says whether one is `xsi:nil="true"`.
    fn check_attributes(&mut self, first: usize) -> Reading<bool> {
        let mut nil = false;
        for place in first..self.scratch.stack.len() {
            let open = self.scratch.stack[place];
            let name = self.name_of(open);
            let prefix = usize::from(open.node);
            let space = if prefix > 0 { self.namespace(&name[..prefix]) } else { None };
            if prefix > 0 && space.is_none() {
                return Err(self.fault("属性的前缀没有声明"));
            }
            for other in &self.scratch.stack[first..place] {
                let other_name = self.name_of(*other);
                let other_prefix = usize::from(other.node);
                let double = name == other_name
                    || (prefix > 0
                        && other_prefix > 0
                        && name[prefix + 1..] == other_name[other_prefix + 1..]
                        && space == self.namespace(&other_name[..other_prefix]));
                if double {
                    return Err(self.fault("属性重复"));
                }
            }
            nil |= space == Some(SCHEMA_INSTANCE)
                && name[prefix + 1..] == *b"nil"
                && matches!(self.value_of(open), b"true" | b"1");
        }
        Ok(nil)
    }

    /// The raw name of a declaration (its prefix) or attribute.
    fn name_of(&self, open: Open) -> &'a [u8] {
        self.bytes(open.name_off as usize, open.name_len as usize)
    }

    /// The raw value of a declaration or attribute.
    fn value_of(&self, open: Open) -> &'a [u8] {
        self.bytes(open.frame as usize, open.extra as usize)
    }

    /// The raw namespace name that `prefix` stands for here; an empty prefix asks for the default.
    pub(super) fn namespace(&self, prefix: &[u8]) -> Option<&'a [u8]> {
        if prefix == b"xml" {
            return Some(XML_NAMESPACE);
        }
        // Attributes of tags that are being read lie among the declarations.
        let open = self.scratch.stack.get(self.base..).unwrap_or_default();
        let declared = open.iter().rev().find(|open| open.hint & DECLARATION != 0 && self.name_of(**open) == prefix);
        declared.map(|open| self.value_of(*open))
    }

    /// Notes the attributes that `node` asks for.
    pub(super) fn note_attributes(&mut self, node: &'a Node, tag: &Tag, frame: u32) {
        if node.attributes.is_empty() {
            return;
        }
        for place in tag.attributes..self.scratch.stack.len() {
            let open = self.scratch.stack[place];
            let local = self.local_name(open);
            if let Some((_, number)) = node.attributes.iter().find(|(name, _)| **name == *local) {
                let kind = if open.hint & ESCAPED == 0 { Kind::Text } else { Kind::XmlEscaped };
                let start = open.frame as usize;
                let slot = self.slot(kind, start, start + open.extra as usize);
                self.scratch.note(frame, *number, slot);
            }
        }
    }

    fn local_name(&self, open: Open) -> &'a [u8] {
        let name = self.name_of(open);
        let prefix = usize::from(open.node);
        if prefix > 0 { name.get(prefix + 1..).unwrap_or_default() } else { name }
    }

    /// The usual case: the tag is that of the key that is due or of the one after it, with the usual prefix and no
    /// further attributes.
    #[inline]
    pub(super) fn expected(&mut self, node: &'a Node, hint: &mut usize) -> Option<(Tag, &'a Action)> {
        for place in *hint..*hint + 2 {
            let key = node.keys.get(place)?;
            if let Some(tag) = self.plain_tag(key) {
                *hint = due_after(place, key);
                return Some((tag, &key.action));
            }
        }
        None
    }

    /// The start tag here, passed, if it is the key's, with the usual prefix and no further attributes.
    #[inline(always)]
    fn plain_tag(&mut self, key: &Key) -> Option<Tag> {
        if key.name.is_empty() {
            return None;
        }
        let prefix = match key.namespace {
            None => &[][..],
            Some(namespace) => self.usual.filter(|usual| usual.namespace == namespace)?.prefix,
        };
        let start = self.at + 1;
        let (length, end) = match &self.tree.naming {
            Naming::Element => {
                let length = prefix.len() + key.name.len();
                let (first, rest) = self.place.bytes.get(start..start + length)?.split_at(prefix.len());
                // A key's name is an XML name, so what is like it and followed by `>` is the whole name.
                if !scan::same(rest, &key.name) || !scan::same(first, prefix) {
                    return None;
                }
                (length, start + length)
            }
            Naming::Attribute { elements, attribute } => {
                // Other actions may ask for the attributes.
                if !prefix.is_empty() || !matches!(key.action, Action::Leaf(_)) {
                    return None;
                }
                let length = elements.iter().find(|name| self.has(start, name))?.len();
                (length, self.named_by(attribute, &key.name, start + length)?)
            }
        };
        let empty = self.byte(end) == Some(b'/');
        let end = end + usize::from(empty);
        if self.byte(end) != Some(b'>') {
            return None;
        }
        self.at = end + 1;
        Some(Tag { empty, ..Tag::plain(start, length, self.scratch.stack.len()) })
    }

    /// Where the attribute at `at` ends, if it is a blank, `attribute`, and `name` between double quotes.
    fn named_by(&self, attribute: &[u8], name: &[u8], at: usize) -> Option<usize> {
        let value = at + 1 + attribute.len() + 2;
        let named = self.byte(at) == Some(b' ') && self.has(at + 1, attribute) && self.has(value - 2, b"=\"");
        // The scan also tells that the value stands for itself.
        let end = scan::value_stop(self.place.bytes, value, b'"');
        let whole = named && end == value + name.len() && self.has(value, name) && self.byte(end) == Some(b'"');
        whole.then_some(end + 1)
    }

    /// Whether `text` stands at `at`.
    #[inline]
    pub(super) fn has(&self, at: usize, text: &[u8]) -> bool {
        scan::same(self.bytes(at, text.len()), text)
    }

    /// The action of the element with that tag, or none if no key names it.
    pub(super) fn action_of(&mut self, node: &'a Node, tag: &Tag, hint: &mut usize) -> Option<&'a Action> {
        let key = self.key_of(node, tag, hint)?;
        if let Some(namespace) = key.namespace {
            let colon = usize::from(tag.name.prefix > 0);
            let prefix = self.bytes(tag.name.off, tag.name.prefix + colon);
            self.usual = Some(Usual { prefix, namespace });
        }
        Some(&key.action)
    }

    /// The key of the element with that tag, or none if no key names it.
    fn key_of(&self, node: &'a Node, tag: &Tag, hint: &mut usize) -> Option<&'a Key> {
        let prefix = self.bytes(tag.name.off, tag.name.prefix);
        let (local_off, local_len) = tag.name.local();
        let local = self.bytes(local_off, local_len);
        let known_as = match &self.tree.naming {
            Naming::Attribute { elements, attribute } if elements.iter().any(|name| scan::same(name, local)) => {
                let attributes = self.scratch.stack.get(tag.attributes..).unwrap_or_default();
                // Without that attribute the element has no name, and only a nameless key takes it.
                attributes
                    .iter()
                    .find(|open| self.name_of(**open) == &**attribute)
                    .map_or((&[][..], false), |open| (self.value_of(*open), open.hint & ESCAPED != 0))
            }
            _ => (local, false),
        };
        let fits = |key: &Key| {
            let named = if known_as.1 {
                let mut spare = Vec::new();
                *escape::text(Kind::XmlEscaped, known_as.0, &mut spare) == *key.name
            } else {
                scan::same(&key.name, known_as.0)
            };
            named && !key.name.is_empty() && self.in_namespace(key, prefix)
        };
        let due = node.keys.get(*hint).filter(|key| fits(key)).map(|key| (*hint, key));
        if let Some((place, key)) = due.or_else(|| node.keys.iter().enumerate().find(|(_, key)| fits(key))) {
            *hint = due_after(place, key);
            return Some(key);
        }
        node.keys.iter().find(|key| key.name.is_empty() && self.in_namespace(key, prefix))
    }

    fn in_namespace(&self, key: &Key, prefix: &[u8]) -> bool {
        let Some(wanted) = key.namespace else { return true };
        let wanted = self.tree.namespaces.get(usize::from(wanted)).map_or("", |name| name);
        let found = self.namespace(prefix).unwrap_or_default();
        if memchr::memchr(b'&', found).is_none() {
            return found == wanted.as_bytes();
        }
        let mut spare = Vec::new();
        escape::text(Kind::XmlEscaped, found, &mut spare) == wanted.as_bytes()
    }

    /// Passes the reference whose `&` is here.
    pub(super) fn reference(&mut self) -> Reading<()> {
        match escape::xml_reference(self.place.bytes, self.at) {
            Some((_, taken)) => {
                self.at += taken;
                Ok(())
            }
            None => Err(self.fault("引用不正确，或不是五个预定义实体之一")),
        }
    }

    /// Passes the qualified name here.
    pub(super) fn name(&mut self) -> Reading<Name> {
        match names::qualified(self.place.bytes, self.at) {
            Some(name) => {
                self.at = name.off + name.len;
                Ok(name)
            }
            None => Err(self.fault("名称不正确")),
        }
    }
}
