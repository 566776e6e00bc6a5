//! Bytes to slots in one pass, and text back to bytes.
//!
//! A [`Tree`] says which places of a document matter. A reader ([`json`], [`xml`], [`form`], [`records`])
//! walks the input once and notes, for each such place, where its text lies: a [`Slot`] of 12 bytes.
//! Nothing is copied or unescaped until a value is asked for, and no document tree is built.
//!
//! Slots of one scope stand side by side in a *frame*. The root frame begins at index 0. A list slot holds the
//! index of its first item's frame and the number of items; slot 0 of every frame is its header and holds the
//! index of the next item's frame (0: last). So a place is `frame + slot number`, and slot numbers begin at 1.
//!
//! It deliberately knows nothing of fields, codes or profiles.

#![allow(
    clippy::inline_always,
    reason = "measured: a slot handed over in memory is written by fields and read by words, and the processor waits"
)]

pub mod charset;
pub mod damage;
pub mod escape;
pub mod form;
pub mod json;
pub mod records;
pub mod xml;

mod frames;
mod name;
mod nested;
mod scan;

use crate::domain::fault::Fault;

pub use name::Name;

/// What bounds a document. Every reader holds to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one document, after charset decoding.
    pub bytes_max: usize,
    /// Objects, arrays or elements inside one another.
    pub depth_max: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes_max: usize,
    /// Members, items, elements or records of one document.
    pub members_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 16 << 20, depth_max: 64, attributes_max: 32, members_max: 1_000_000 }
    }
}

/// What lies at a place. Missing, null, empty and the text "null" are four different things:
/// `Missing`, `Null`, `Text` of length 0, and `Text` of length 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The place does not occur.
    #[default]
    Missing,
    /// JSON `null`, or an element with `xsi:nil="true"`.
    Null,
    /// Text that stands in the buffer as it is.
    Text,
    /// A JSON string with at least one escape.
    JsonEscaped,
    /// XML text with a reference, a CDATA section or a comment in it.
    XmlEscaped,
    /// A JSON number.
    Number,
    /// JSON `true`.
    True,
    /// JSON `false`.
    False,
    /// A list: `off` is the index of the first item's frame, `len` the number of items (an empty list has 0).
    List,
    /// An object or element that was present, for places that ask only for presence.
    Object,
}

/// Where the text of one place lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Byte offset into the buffer (or frame index, see [`Kind::List`]).
    pub off: u32,
    /// Bytes (or items).
    pub len: u32,
    /// What it is.
    pub kind: Kind,
    /// 0: the input itself; 1 and up: [`Scratch::sides`] number `buffer - 1`.
    pub buffer: u8,
}

/// Number of side buffers: a decoded charset, and documents nested in text, each level one.
pub const SIDES: usize = 4;

/// Memory of a reader, kept and used again from message to message.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The frames.
    pub slots: Vec<Slot>,
    /// Texts that had to be decoded before they could be read.
    pub sides: [Vec<u8>; SIDES],
    /// Places (frame + slot) that occurred again although they are no list.
    pub duplicates: Vec<u32>,
    /// Places that found another kind of thing than they want, in the order of the document.
    pub misfits: Vec<Misfit>,
    /// Texts that stood beside the members of an element so far and that nobody asked for.
    pub strays: u32,
    /// Members or elements that no key of the tree names; they are dropped.
    pub undeclared: u32,
    /// Stack of the readers; empty between messages.
    pub stack: Vec<Open>,
    /// Members counted so far against [`Limits::members_max`].
    pub members: usize,
    /// What of [`Tree::awaited`] is still to come. Once nothing is, reading has ended, and the reader's fault is none.
    pub awaited: u64,
}

/// Something was wanted at a place, and something else was there. Null and nothing are no misfits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Frame + slot; with slot number 0 the item itself that the frame belongs to.
    pub place: u32,
    pub wanted: Wanted,
}

/// What was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    List,
    /// An element of that name in the namespace with that number in [`Tree::namespaces`]; the place may have got one
    /// before or after.
    Namespace(u16),
    /// Members.
    Object,
    /// Text with a document in it.
    Text,
}

/// An element or object that a reader has open. Readers may use the fields as they like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    pub name_off: u32,
    pub name_len: u32,
    pub node: u16,
    pub hint: u16,
    pub frame: u32,
    pub extra: u32,
}

/// Number of a node in its tree.
pub type NodeId = u16;

/// Number of a slot in its frame; 0 is the header.
pub type SlotNumber = u16;

/// Which places of a document matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// All nodes; a document begins at the node that it is read with.
    pub nodes: Vec<Node>,
    /// Slots of the root frame, header included.
    pub frame: u16,
    /// Bit `n` for slot `n` of the root frame: once all of these hold text, reading ends without a look at the rest.
    /// 0: everything is read.
    pub awaited: u64,
    /// Namespace names that keys refer to by number.
    pub namespaces: Vec<Box<str>>,
    /// How XML elements carry their names.
    pub naming: Naming,
}

/// How XML elements carry their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// By the element name.
    #[default]
    Element,
    /// `<field name="X">`: elements of these names are known by that attribute's value, all others by element name.
    Attribute { elements: Vec<Box<[u8]>>, attribute: Box<[u8]> },
}

/// One object or element whose members matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Members by name, in the order of the declaration. A reader tries the key after the last match first.
    pub keys: Vec<Key>,
    /// Attributes that matter (XML only): local name and slot.
    pub attributes: Vec<(Box<[u8]>, SlotNumber)>,
    /// The slot of the node's own text, for list items that are plain values and for elements with attributes.
    pub text: Option<SlotNumber>,
    /// The slot that notes presence ([`Kind::Object`]).
    pub presence: Option<SlotNumber>,
}

/// One member of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Local name; empty matches any name and is tried last.
    pub name: Name,
    /// The namespace that the name must be in, an index into [`Tree::namespaces`]; `None`: any.
    pub namespace: Option<u16>,
    /// What to do there.
    pub action: Action,
}

/// What a reader does at a member. All slots are numbers in the current frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Declared, but nobody asks: skip it without counting it as undeclared.
    Skip,
    /// Note the text. A second occurrence goes to [`Scratch::duplicates`].
    Leaf(SlotNumber),
    /// Go on inside, in the same frame. A second occurrence is a duplicate (`slot` notes the first).
    Enter { slot: SlotNumber, node: NodeId },
    /// A repeated member (XML) or an array (JSON): each item gets a new frame of `frame` slots, read with `node`.
    List { slot: SlotNumber, node: NodeId, frame: u16 },
    /// XML: the first occurrence and the later ones are different things (`RECORD[1]`, `RECORD[2..]`).
    FirstRest { slot: SlotNumber, first: Box<Action>, rest: Box<Action> },
    /// The member's text is a document of its own, read with `node` in the same frame.
    /// CDATA and escaped text are the same thing here; an encoding declared inside is ignored.
    Nested { slot: SlotNumber, format: NestedFormat, node: NodeId },
}

/// What a nested document is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NestedFormat {
    Json,
    Xml,
    /// Lines of delimited columns: every line is an item of the list at the node's key `ROW`,
    /// and its columns are keys `1`, `2`, ….
    Delimited(records::Delimited),
}

impl Scratch {
    /// Makes ready for a document that is read with `tree`.
    pub fn begin(&mut self, tree: &Tree) {
        self.slots.clear();
        self.slots.resize(usize::from(tree.frame).max(1), Slot::default());
        for side in &mut self.sides {
            side.clear();
        }
        self.duplicates.clear();
        self.misfits.clear();
        self.strays = 0;
        self.undeclared = 0;
        self.stack.clear();
        self.members = 0;
        self.awaited = tree.awaited;
    }

    /// The slot `number` of the frame at `frame`.
    #[inline]
    pub fn slot(&self, frame: u32, number: SlotNumber) -> Slot {
        self.slots.get(frame as usize + usize::from(number)).copied().unwrap_or_default()
    }

    /// The raw bytes of a slot, escapes not resolved. `input` is what was read as buffer 0.
    #[inline]
    pub fn raw<'a>(&'a self, input: &'a [u8], slot: Slot) -> &'a [u8] {
        let buffer = match slot.buffer {
            0 => input,
            number => self.sides.get(usize::from(number) - 1).map_or(&[][..], Vec::as_slice),
        };
        buffer.get(slot.off as usize..slot.off as usize + slot.len as usize).unwrap_or_default()
    }

    /// Counts one more member, item or element.
    ///
    /// # Errors
    /// When the document has more than `limits.members_max`.
    #[inline]
    pub fn count_member(&mut self, limits: &Limits) -> Result<(), Fault> {
        self.members += 1;
        if self.members > limits.members_max {
            return Err(Fault::LimitExceeded { what: "成员数", limit: limits.members_max });
        }
        Ok(())
    }
}
