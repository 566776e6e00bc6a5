//! A compiled translation: where the places of one side lie, and what is written for the other.
//!
//! Made by `compile`, carried out by `run`. Nothing in here is looked up by name any more.

use super::notation::AddressPart;
use super::notation::CallName;
use super::notation::Identifier;
use super::notation::Mask;
use super::notation::Write;
use super::piece::Piece;
use super::profile::Format;
use super::source::Place;
use crate::domain::codes::Lookup;
use crate::domain::format::Limits;
use crate::domain::format::NodeId;
use crate::domain::format::SlotNumber;
use crate::domain::format::Tree;
use crate::domain::format::charset::Charset;
use crate::domain::value::AmountUnit;
use crate::domain::value::BoolSet;
use crate::domain::value::Calendar;
use crate::domain::value::DateForm;
use crate::domain::value::DateTimeForm;
use crate::domain::value::MonthForm;
use crate::domain::value::RateUnit;
use crate::domain::value::Type;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Lists inside one another, the root included.
pub(super) const LEVELS: usize = 5;

/// A translation of one message from one profile to another.
#[derive(Debug)]
pub struct Plan {
    pub(super) format: Format,
    pub(super) charset: Charset,
    pub(super) limits: Limits,
    pub(super) tree: Tree,
    pub(super) start: NodeId,
    /// Scope 0 is the root; every list of the source has one.
    pub(super) scopes: Vec<Scope>,
    pub(super) result: Option<ResultCheck>,
    pub(super) checks: Vec<Check>,
    /// What an answer repeats of its request: the answer's word, and the request's.
    pub(super) echoes: Vec<(Source, Source)>,
    pub(super) keeps: Vec<Keep>,
    pub(super) ops: Vec<Op>,
    /// Charset of the target document.
    pub(super) target_charset: Charset,
    /// What is written for characters that it lacks.
    pub(super) substitutes: std::collections::BTreeMap<char, String>,
    /// True where the whole document is encoded at the end (form parameters are encoded one by one).
    pub(super) encode_whole: bool,
    pub(super) content_type: Arc<str>,
    pub(super) divisions: Arc<super::address::Divisions>,
    pub(super) calendar: Arc<Calendar>,
    /// Declared places of the source that the target has no use for.
    pub(super) dropped: Vec<Arc<RowNote>>,
    /// Names of the profiles, for faults: source and target.
    pub(super) sides: (Arc<str>, Arc<str>),
    /// What a message says of licences; none where the target has no place for what they say.
    pub(super) licences: Option<Box<super::carried::Look>>,
    /// By how many bytes an output was longer than its input so far, so that one allocation will do.
    pub(super) growth: AtomicUsize,
}

/// Slots that live and die together.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// The slot of the list in the parent scope.
    pub list: Option<(usize, SlotNumber)>,
    /// Rows by slot number, for faults and explanations.
    pub rows: Vec<Option<Arc<RowNote>>>,
    /// Slots that must hold something and that no op looks at.
    pub required: Vec<SlotNumber>,
    /// Counts to be compared: slot of the number, slot of the list, what is added.
    pub counts: Vec<(SlotNumber, SlotNumber, i64)>,
    pub children: Vec<usize>,
}

/// What a person is told about a row.
#[derive(Debug, Default)]
pub struct RowNote {
    pub path: String,
    pub field: String,
    pub title: String,
    pub convert: String,
    pub privacy: String,
    pub place: Place,
}

/// How an answer says yes or no.
#[derive(Debug)]
pub(super) struct ResultCheck {
    pub codes: Vec<SlotNumber>,
    pub ok: Vec<String>,
    pub texts: Vec<SlotNumber>,
    /// The side's codes to rows of the table `fault`.
    pub lookup: Arc<Lookup>,
}

/// A value that the answer will need.
#[derive(Debug)]
pub(super) struct Keep {
    pub name: String,
    pub source: Option<Source>,
}

/// Where a value comes from.
#[derive(Debug)]
pub(super) enum Source {
    Address {
        from: Box<AddressFrom>,
        want: AddressWant,
    },
    Call(CallName),
    Choose {
        choices: Vec<(Condition, Box<str>)>,
        otherwise: Option<Box<str>>,
        kind: Type,
    },
    Const {
        text: Box<str>,
        kind: Type,
    },
    Count {
        level: u8,
        slot: SlotNumber,
        plus: i64,
        filter: Option<Condition>,
    },
    Due {
        accepted: Box<Source>,
        days: Box<Source>,
    },
    /// A moment from a place with the day and a place with the time of day.
    Joined {
        level: u8,
        date: SlotNumber,
        time: SlotNumber,
    },
    /// No place on the other side.
    Nothing,
    /// The calling city's letters, the matter, and the day and number of a case number.
    Serial {
        case: Box<Source>,
        matter: Box<str>,
    },
    Index {
        base: i64,
    },
    Is {
        source: Box<Source>,
        value: Box<str>,
    },
    Kept {
        number: usize,
        kind: Type,
    },
    /// What the licence with that identifier says, where it was fetched and verified.
    Licence {
        identifier: Box<Source>,
        name: Box<str>,
    },
    Slot {
        level: u8,
        slot: SlotNumber,
        read: Read,
        text_null: bool,
    },
}

/// How a text is read into a canonical value.
#[derive(Debug)]
pub(super) enum Read {
    Amount(AmountUnit),
    Bool(BoolSet),
    Code { lookup: Arc<Lookup>, conditions: Vec<Condition>, table: Arc<str> },
    Date(Vec<DateForm>),
    DateTime(Vec<DateTimeForm>),
    Identifier(Identifier),
    Int,
    Month(Vec<MonthForm>),
    Name,
    Rate(RateUnit),
    Text,
    Validity { form: DateForm, no_end: Option<Box<str>> },
}

/// How a canonical value is written.
#[derive(Debug)]
pub(super) enum Put {
    Amount {
        unit: AmountUnit,
        decimals: Option<u32>,
    },
    Bool(BoolSet),
    Code {
        lookup: Arc<Lookup>,
        table: Arc<str>,
    },
    Date(DateForm),
    DateTime(DateTimeForm),
    Identifier(Identifier),
    Int,
    Mask(Mask),
    Month(MonthForm),
    Name,
    Rate {
        unit: RateUnit,
        decimals: Option<u32>,
    },
    /// Numbered by the calling city, or by the answering one.
    Sequence {
        answering: bool,
    },
    Text {
        trim: bool,
        strip_codes: bool,
    },
    Validity {
        form: DateForm,
        no_end: Option<Box<str>>,
    },
}

/// The short ways for what most fields are.
#[derive(Debug)]
pub(super) enum Direct {
    /// Code to code by one composed look-up; the general way stands in where a condition has a say.
    Code { level: u8, slot: SlotNumber, lookup: Arc<Lookup>, text_null: bool },
    /// Text to text.
    Text { level: u8, slot: SlotNumber, text_null: bool },
}

/// How dynamic text is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// A column between separators: the op's `separator` must not occur.
    Delimited,
    Json,
    /// Nothing to escape: form parameters are encoded afterwards.
    None,
    Xml,
    XmlAttribute,
    /// XML text inside XML text.
    XmlTwice,
}

/// Writes one value.
#[derive(Debug)]
pub(super) struct FieldOp {
    pub before: Piece,
    pub after: Piece,
    /// What is written for an empty value.
    pub empty: Piece,
    /// What is written for null.
    pub null: Piece,
    pub escape: Escape,
    /// For [`Escape::Delimited`].
    pub separator: Box<str>,
    pub missing_as: Write,
    pub null_as: Write,
    pub empty_as: Write,
    pub required: bool,
    pub condition: Option<Condition>,
    pub source: Option<Source>,
    pub fallback: Option<Source>,
    pub direct: Option<Direct>,
    pub put: Put,
    pub characters_max: Option<usize>,
    pub bytes_max: Option<usize>,
    /// The row of the source, where there is one.
    pub from: Option<Arc<RowNote>>,
    /// The row of the target.
    pub to: Arc<RowNote>,
}

/// One thing to write.
#[derive(Debug)]
pub(super) enum Op {
    Field(Box<FieldOp>),
    /// A container: dropped again where nothing was written inside, unless it is kept.
    Group {
        open: Piece,
        attributes: Vec<FieldOp>,
        open_end: Piece,
        close: Piece,
        ops: Vec<Op>,
        keep: bool,
        condition: Option<Condition>,
    },
    List(Box<ListOp>),
    Literal(Piece),
    /// A form parameter: what the ops write is encoded as a whole.
    Parameter {
        name: Piece,
        ops: Vec<Op>,
    },
}

/// Where the items of a list come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListSource {
    /// The field faults of the fault that is being told.
    FaultFields,
    /// No list of that name on the other side.
    Nothing,
    Slot {
        level: u8,
        slot: SlotNumber,
    },
}

/// Writes one list.
#[derive(Debug)]
pub(super) struct ListOp {
    pub source: ListSource,
    /// Around the whole list: `"name":[` and `]`; empty in XML.
    pub open: Piece,
    pub close: Piece,
    /// Around each item; between the two halves of the beginning stands the item's number, where `numbered_from` says so.
    pub item_open: Piece,
    pub item_attributes: Vec<FieldOp>,
    pub item_open_end: Piece,
    pub item_close: Piece,
    /// Between two items.
    pub between: Piece,
    pub numbered_from: Option<i64>,
    pub ops: Vec<Op>,
    pub keep: bool,
    pub required: bool,
    pub filter: Option<Condition>,
    pub from: Option<Arc<RowNote>>,
    pub to: Arc<RowNote>,
}

/// A condition: all terms must hold.
#[derive(Debug)]
pub(super) struct Condition {
    pub terms: Vec<(Source, Term)>,
}

/// One term's test, on the canonical text.
#[derive(Debug)]
pub(super) enum Term {
    Absent,
    Differs(Box<str>),
    Equals(Box<str>),
    Present,
}

/// What is checked across fields before anything is written.
#[derive(Debug)]
pub(super) struct Check {
    pub scope: usize,
    pub rule: CheckRule,
    pub text: String,
    pub note: Arc<RowNote>,
}

/// A rule, resolved.
#[derive(Debug)]
pub(super) enum CheckRule {
    Digest {
        digest: Source,
        content: (u8, SlotNumber),
    },
    /// Where the condition holds, the text is an identifier of that kind.
    Identifier {
        source: Source,
        kind: Identifier,
        condition: Condition,
    },
    Order {
        before: Source,
        after: Source,
    },
    /// More than nothing.
    Positive(Source),
    Required {
        source: Source,
        condition: Condition,
    },
    /// Checked where the total stands; the lists lie one level below.
    Sum {
        total: Source,
        parts: Vec<SumPart>,
    },
    /// Checked in the list's parent scope, over the list's items.
    Total {
        item: Source,
        list: (u8, SlotNumber),
        value: i64,
    },
}

/// A part of a sum, resolved. Lists are slots of the scope in which the rule is checked.
#[derive(Debug)]
pub(super) enum SumPart {
    Count(SlotNumber),
    Each { item: Source, list: SlotNumber },
    Field(Source),
}

/// How the other side holds an address.
#[derive(Debug)]
pub(super) enum AddressFrom {
    DivisionRest {
        division: Option<Source>,
        rest: Option<Source>,
    },
    /// Province, city, county, street, detail.
    Parts([Option<Source>; 5]),
    Text(Source),
}

/// What of an address is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressWant {
    /// One of the five parts by number.
    Part(usize),
    Whole(AddressPart),
}

impl Plan {
    /// Names of the values that the answer needs from the request, in the order of [`super::Kept`].
    pub fn kept_names(&self) -> impl Iterator<Item = &str> {
        self.keeps.iter().map(|keep| keep.name.as_str())
    }

    /// Declared places of the source that are not handed on.
    pub fn dropped(&self) -> &[Arc<RowNote>] {
        &self.dropped
    }

    /// Content type of what the plan writes.
    pub fn content_type(&self) -> &Arc<str> {
        &self.content_type
    }
}
