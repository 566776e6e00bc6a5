//! `licence/equivalence.toml`: what was agreed between two sides, and which type of one is which of the other.

use super::catalogue::Catalogue;
use super::dialect::Dialect;
use super::file::Source;
use super::file::Text;
use crate::domain::licence::State;
use crate::domain::mapping::Diagnostic;
use crate::domain::mapping::Files;
use crate::domain::value::Date;
use serde::Deserialize;

const FILE: &str = "licence/equivalence.toml";
/// Conditions that an equivalence can carry.
const QUALIFIERS: &[(&str, &str)] = &[
    ("COPY_FOR_PURPOSE", "只交付注明用途的加注件"),
    ("DUTY_ONLY", "只供依职能查询"),
    ("LIVE_CONFIRMATION", "须经发证方当场确认"),
    ("ORIGINAL_ON_REQUEST", "对方要求时出示原件"),
];

/// Whether an equivalence is in force at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Enacted,
    Repealed,
}

/// What two sides agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub name: String,
    pub title: String,
    /// Names of the sides.
    pub left: String,
    pub right: String,
    /// Fields that are handed on for every type, under their national names.
    pub fields: Vec<String>,
    /// States that mean the same on both sides.
    pub states: Vec<State>,
    pub source: String,
    /// Made up for tests and the demo (自拟).
    pub composed: bool,
}

/// A pair of values, and in which directions it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair<T> {
    left: T,
    right: T,
    rightward: bool,
    leftward: bool,
}

/// One type of the left side and one of the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivalence {
    pub agreement: String,
    pub status: Status,
    pub from: Option<Date>,
    /// Its last day.
    pub until: Option<Date>,
    pub left: String,
    pub right: String,
    fields: Vec<Pair<String>>,
    states: Vec<Pair<State>>,
    pub qualifiers: Vec<String>,
}

/// What a type is on the other side.
#[derive(Clone, Copy, Debug)]
pub struct Counterpart<'a> {
    /// The other side's type, by its national code.
    pub kind: &'a str,
    pub agreement: &'a Agreement,
    pub equivalence: &'a Equivalence,
    rightward: bool,
}

impl Counterpart<'_> {
    /// What a field is called there, by national names; none: it is not handed on.
    pub fn field<'b>(&'b self, name: &'b str) -> Option<&'b str> {
        let own = self.equivalence.fields.iter().find_map(|pair| {
            if self.rightward {
                (pair.rightward && pair.left == name).then_some(pair.right.as_str())
            } else {
                (pair.leftward && pair.right == name).then_some(pair.left.as_str())
            }
        });
        own.or_else(|| self.agreement.fields.iter().any(|field| field == name).then_some(name))
    }

    /// The state there.
    pub fn state(&self, state: State) -> Option<State> {
        let own = self.equivalence.states.iter().find_map(|pair| {
            if self.rightward {
                (pair.rightward && pair.left == state).then_some(pair.right)
            } else {
                (pair.leftward && pair.right == state).then_some(pair.left)
            }
        });
        own.or_else(|| self.agreement.states.contains(&state).then_some(state))
    }

    /// The conditions in words.
    pub fn qualifiers(&self) -> impl Iterator<Item = &'static str> {
        let has = |word: &str| self.equivalence.qualifiers.iter().any(|one| one == word);
        QUALIFIERS.iter().filter(move |(word, _)| has(word)).map(|(_, title)| *title)
    }
}

/// The checked file.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreements {
    pub(super) agreements: Vec<Agreement>,
    pub(super) rows: Vec<Equivalence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    agreement: Vec<RawAgreement>,
    #[serde(default)]
    equivalence: Vec<RawEquivalence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgreement {
    name: Text,
    title: String,
    left: Text,
    right: Text,
    fields: Vec<Text>,
    states: Vec<Text>,
    composed: bool,
    source: Text,
    seen: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEquivalence {
    agreement: Text,
    status: Text,
    from: Text,
    #[serde(default)]
    until: Option<Text>,
    left: Text,
    right: Text,
    #[serde(default)]
    field: Vec<RawPair>,
    #[serde(default)]
    state: Vec<RawPair>,
    #[serde(default)]
    qualifiers: Vec<Text>,
    source: Text,
    #[serde(default, rename = "note")]
    _note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPair {
    left: Text,
    right: Text,
    /// `both`, `right` or `left`.
    #[serde(default)]
    way: Option<Text>,
}

impl Agreements {
    pub(super) fn read(
        files: &Files,
        catalogue: &Catalogue,
        dialects: &[Dialect],
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let Some(text) = files.text(FILE) else { return Self::default() };
        let source = Source { path: FILE, text };
        let Some(raw) = source.read::<Raw>(faults) else { return Self::default() };
        let mut read = Self::default();
        for row in raw.agreement {
            read.agree(&source, row, catalogue, dialects, faults);
        }
        for row in raw.equivalence {
            read.equate(&source, row, catalogue, faults);
        }
        read
    }

    /// The one that holds on that day.
    pub(super) fn find(&self, code: &str, from: &str, to: &str, day: Date) -> Option<Counterpart<'_>> {
        self.rows.iter().filter(|row| row.holds(day)).find_map(|row| {
            let agreement = self.agreements.iter().find(|agreement| agreement.name == row.agreement)?;
            if agreement.left == from && agreement.right == to && row.left == code {
                Some(Counterpart { kind: &row.right, agreement, equivalence: row, rightward: true })
            } else if agreement.right == from && agreement.left == to && row.right == code {
                Some(Counterpart { kind: &row.left, agreement, equivalence: row, rightward: false })
            } else {
                None
            }
        })
    }

    fn agree(
        &mut self,
        source: &Source<'_>,
        row: RawAgreement,
        catalogue: &Catalogue,
        dialects: &[Dialect],
        faults: &mut Vec<Diagnostic>,
    ) {
        source.sourced(&row.source, faults);
        source.day(&row.seen, faults);
        if self.agreements.iter().any(|known| known.name == *row.name.get_ref()) {
            faults.push(source.fault(202, &row.name, format!("协议“{}”出现了两次", row.name.get_ref())));
        }
        for side in [&row.left, &row.right] {
            if !dialects.iter().any(|dialect| dialect.name == *side.get_ref()) {
                let known = dialects.iter().map(|dialect| dialect.name.as_str());
                let found = format!("没有“{}”的方言文件", side.get_ref());
                faults.push(source.fault(203, side, found).near(side.get_ref(), known));
            }
        }
        let states = row.states.iter().filter_map(|word| state(source, word, faults)).collect();
        row.fields.iter().for_each(|name| field(source, name, catalogue, faults));
        self.agreements.push(Agreement {
            name: row.name.into_inner(),
            title: row.title,
            left: row.left.into_inner(),
            right: row.right.into_inner(),
            fields: row.fields.into_iter().map(Text::into_inner).collect(),
            states,
            source: row.source.into_inner(),
            composed: row.composed,
        });
    }

    fn equate(
        &mut self,
        source: &Source<'_>,
        row: RawEquivalence,
        catalogue: &Catalogue,
        faults: &mut Vec<Diagnostic>,
    ) {
        source.sourced(&row.source, faults);
        if !self.agreements.iter().any(|known| known.name == *row.agreement.get_ref()) {
            let known = self.agreements.iter().map(|agreement| agreement.name.as_str());
            let found = format!("没有协议“{}”", row.agreement.get_ref());
            faults.push(source.fault(203, &row.agreement, found).near(row.agreement.get_ref(), known));
        }
        for kind in [&row.left, &row.right].into_iter().filter(|kind| catalogue.kind(kind.get_ref()).is_none()) {
            let known = catalogue.types.iter().filter_map(|kind| kind.code.as_deref());
            let found = format!("证照类型“{}”不在目录中", kind.get_ref());
            faults.push(source.fault(203, kind, found).near(kind.get_ref(), known));
        }
        let status = match row.status.get_ref().as_str() {
            "ENACTED" => Status::Enacted,
            "REPEALED" => Status::Repealed,
            other => {
                let fault = source.fault(200, &row.status, format!("status“{other}”看不懂"));
                faults.push(fault.expected("ENACTED 或 REPEALED"));
                Status::Repealed
            }
        };
        for word in &row.qualifiers {
            if !QUALIFIERS.iter().any(|(known, _)| known == word.get_ref()) {
                let found = format!("附加条件“{}”看不懂", word.get_ref());
                let known = QUALIFIERS.iter().map(|(known, _)| *known);
                faults.push(source.fault(200, word, found).near(word.get_ref(), known));
            }
        }
        for name in row.field.iter().flat_map(|pair| [&pair.left, &pair.right]) {
            field(source, name, catalogue, faults);
        }
        let fields = pairs(source, "字段", &row.field, |text, _| Some(text.get_ref().clone()), faults);
        let states = pairs(source, "状态", &row.state, |text, faults| state(source, text, faults), faults);
        let equivalence = Equivalence {
            agreement: row.agreement.get_ref().clone(),
            status,
            from: source.day(&row.from, faults),
            until: row.until.as_ref().and_then(|until| source.day(until, faults)),
            left: row.left.get_ref().clone(),
            right: row.right.get_ref().clone(),
            fields,
            states,
            qualifiers: row.qualifiers.into_iter().map(Text::into_inner).collect(),
        };
        if equivalence.until.is_some_and(|until| equivalence.from.is_some_and(|from| until < from)) {
            faults.push(source.fault(207, &row.from, "等价关系的起止日期相反"));
        }
        if self.rows.iter().any(|known| known.collides(&equivalence)) {
            let found = format!("{} ⇄ {} 同时有两条等价关系", equivalence.left, equivalence.right);
            faults.push(source.fault(208, &row.left, found).hint("废止其一，或错开起止日期"));
        }
        self.rows.push(equivalence);
    }
}

impl Equivalence {
    /// Whether it is in force on that day.
    pub fn holds(&self, day: Date) -> bool {
        self.status == Status::Enacted
            && self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
    }

    /// Whether a day exists on which a type would have two counterparts.
    fn collides(&self, other: &Self) -> bool {
        let is_apart =
            |first: &Self, second: &Self| first.until.zip(second.from).is_some_and(|(end, start)| end < start);
        self.agreement == other.agreement
            && self.status == Status::Enacted
            && other.status == Status::Enacted
            && (self.left == other.left || self.right == other.right)
            && !is_apart(self, other)
            && !is_apart(other, self)
    }
}

fn state(source: &Source<'_>, word: &Text, faults: &mut Vec<Diagnostic>) -> Option<State> {
    let state = State::of_word(word.get_ref());
    if state.is_none() {
        let known = State::ALL.into_iter().map(State::word);
        let found = format!("状态“{}”不存在", word.get_ref());
        faults.push(source.fault(203, word, found).near(word.get_ref(), known));
    }
    state
}

fn field(source: &Source<'_>, name: &Text, catalogue: &Catalogue, faults: &mut Vec<Diagnostic>) {
    if catalogue.name(name.get_ref()).is_none() {
        let known = catalogue.fields.iter().map(|field| field.name.as_str());
        let found = format!("字段“{}”不在目录中", name.get_ref());
        faults.push(source.fault(203, name, found).near(name.get_ref(), known));
    }
}

fn pairs<T: PartialEq>(
    source: &Source<'_>,
    table: &str,
    rows: &[RawPair],
    parse: impl Fn(&Text, &mut Vec<Diagnostic>) -> Option<T>,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Pair<T>> {
    let mut pairs: Vec<Pair<T>> = Vec::new();
    for row in rows {
        let (rightward, leftward) = match row.way.as_ref().map(|way| way.get_ref().as_str()) {
            None | Some("both") => (true, true),
            Some("right") => (true, false),
            Some("left") => (false, true),
            Some(other) => {
                if let Some(way) = &row.way {
                    faults.push(
                        source.fault(200, way, format!("方向“{other}”看不懂")).expected("both、right、left 之一"),
                    );
                }
                continue;
            }
        };
        let Some((left, right)) = parse(&row.left, faults).zip(parse(&row.right, faults)) else { continue };
        let is_twice = |known: &Pair<T>| {
            (rightward && known.rightward && known.left == left) || (leftward && known.leftward && known.right == right)
        };
        if pairs.iter().any(is_twice) {
            faults.push(source.fault(204, &row.left, format!("{table}“{}”有两个对应", row.left.get_ref())));
        }
        pairs.push(Pair { left, right, rightward, leftward });
    }
    pairs
}
