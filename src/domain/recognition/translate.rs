//! The facts of a licence of one side in the words of the other.
//!
//! ```text
//!  names, codes, days of a dialect ─► canonical ─► type, fields, state of the other side ─► its dialect
//! ```

use super::Recognition;
use super::catalogue::Field;
use super::catalogue::FieldKind;
use super::dialect::Dialect;
use super::dialect::End;
use super::equivalence::Counterpart;
use crate::domain::licence::State;
use crate::domain::value::Date;
use std::fmt;

/// Most facts of a licence.
const FACTS_MAX: usize = 1_000;

/// Facts of a licence: names of some dialect and values, in order. Several holders: the name several times, or one value
/// with the dialect's separator. `Debug` shows names only: the values are personal data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Facts(pub Vec<(String, String)>);

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Facts {
    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whose licence it is, and in which words it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side<'a> {
    /// The side of the agreement, such as `hunan`.
    pub province: &'a str,
    /// The dialect, such as `hunan`, `sharing`, [`super::NATIONAL`].
    pub dialect: &'a str,
}

impl<'a> Side<'a> {
    /// A province in its own dialect.
    pub const fn own(province: &'a str) -> Self {
        Self { province, dialect: province }
    }
}

/// What was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Date,
    Dialect,
    Field,
    HolderType,
    State,
    Type,
}

impl Table {
    /// Its Chinese name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Date => "日期写法",
            Self::Dialect => "方言",
            Self::Field => "字段名称",
            Self::HolderType => "持证主体代码类型",
            Self::State => "证照状态",
            Self::Type => "证照类型",
        }
    }
}

/// A value that the other side has no counterpart for. The value is a code or a name, never personal data: of a day that
/// cannot be read it is the name of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCounterpart {
    pub table: Table,
    pub value: String,
    pub from: String,
    pub to: String,
}

impl fmt::Display for NoCounterpart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, value, from, to } = self;
        write!(formatter, "{}“{value}”（{from}）在 {to} 没有对应", table.title())
    }
}

/// What the other side gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// The type there, by its national code.
    pub kind: String,
    pub facts: Facts,
    pub state: Option<State>,
    /// National names of what was not handed on, because nothing was agreed about it or the dialect has no name for it.
    pub dropped: Vec<String>,
    /// Conditions, in words.
    pub qualifiers: Vec<&'static str>,
}

/// A value read: canonical.
enum Canonical {
    Day(End),
    State(State),
    Text(String),
}

impl Recognition {
    /// The facts of a licence of `from` in the words of `to` on that day: the type's counterpart, its field map, its state
    /// map, then names, days and codes of the target's dialect. Within one province only the dialect changes.
    ///
    /// # Errors
    /// Everything that has no counterpart.
    pub fn translate(
        &self,
        facts: &Facts,
        from: Side<'_>,
        to: Side<'_>,
        day: Date,
    ) -> Result<Translated, Vec<NoCounterpart>> {
        let refused = |table, value: &str| NoCounterpart {
            table,
            value: value.chars().take(64).collect(),
            from: from.province.to_owned(),
            to: to.province.to_owned(),
        };
        let dialect = |name: &str| self.dialect(name).ok_or_else(|| refused(Table::Dialect, name));
        let (source, target) = match (dialect(from.dialect), dialect(to.dialect)) {
            (Ok(source), Ok(target)) => (source, target),
            (source, target) => return Err([source.err(), target.err()].into_iter().flatten().collect()),
        };
        let mut faults = Vec::new();
        let mut dropped: Vec<String> = Vec::new();
        let mut read: Vec<(&Field, Canonical)> = Vec::new();
        let mut kind = None;
        for (own, value) in facts.0.iter().take(FACTS_MAX) {
            let Some(field) = source.national_name(own).and_then(|name| self.catalogue.name(name)) else {
                dropped.push(own.clone());
                continue;
            };
            if field.kind == FieldKind::Kind {
                kind = source.kind(value.trim());
                if kind.is_none() {
                    faults.push(refused(Table::Type, value));
                }
                continue;
            }
            for value in source.split(value.trim(), field) {
                match read_value(source, field, value) {
                    Ok(value) => read.push((field, value)),
                    Err((table, value)) => faults.push(refused(table, value)),
                }
            }
        }
        let counterpart = match kind {
            Some(kind) if from.province == to.province => Some((kind, None)),
            Some(kind) => match self.equivalent(kind, from.province, to.province, day) {
                Ok(counterpart) => Some((counterpart.kind, Some(counterpart))),
                Err(fault) => {
                    faults.push(fault);
                    None
                }
            },
            None if faults.is_empty() => {
                faults.push(refused(Table::Field, "ZZLXDM"));
                None
            }
            None => None,
        };
        let Some((kind, counterpart)) = counterpart else { return Err(faults) };
        let mut writing = Writing { target, out: Vec::new(), dropped, faults: Vec::new(), state: None };
        writing.put_kind(self, kind, counterpart.is_some());
        for (field, value) in read {
            writing.put(self, field, value, counterpart.as_ref());
        }
        faults.extend(writing.faults.into_iter().map(|(table, value)| refused(table, &value)));
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut dropped = writing.dropped;
        dropped.sort();
        dropped.dedup();
        Ok(Translated {
            kind: kind.to_owned(),
            facts: Facts(writing.out),
            state: writing.state,
            dropped,
            qualifiers: counterpart.map(|one| one.qualifiers().collect()).unwrap_or_default(),
        })
    }
}

fn read_value<'a>(source: &Dialect, field: &'a Field, value: &'a str) -> Result<Canonical, (Table, &'a str)> {
    match field.kind {
        FieldKind::Date => source.read_day(value).map(Canonical::Day).ok_or((Table::Date, field.name.as_str())),
        FieldKind::State => source.state(value).map(Canonical::State).ok_or((Table::State, value)),
        FieldKind::HolderType => {
            let code = source.holder_type(value).ok_or((Table::HolderType, value))?;
            Ok(Canonical::Text(code.to_owned()))
        }
        FieldKind::Kind | FieldKind::Text => Ok(Canonical::Text(value.to_owned())),
    }
}

/// The target's side of it.
struct Writing<'a> {
    target: &'a Dialect,
    out: Vec<(String, String)>,
    dropped: Vec<String>,
    faults: Vec<(Table, String)>,
    state: Option<State>,
}

impl Writing<'_> {
    /// The type's code, and its name where it is another type than before.
    fn put_kind(&mut self, recognition: &Recognition, kind: &str, is_other: bool) {
        match (self.target.own_name("ZZLXDM"), self.target.kind_code(kind)) {
            (Some(own), Some(code)) => self.out.push((own.to_owned(), code.to_owned())),
            (None, _) => self.faults.push((Table::Field, "ZZLXDM".to_owned())),
            (_, None) => self.faults.push((Table::Type, kind.to_owned())),
        }
        if let Some((own, kind)) = self.target.own_name("ZZMC").zip(recognition.kind(kind))
            && is_other
        {
            self.out.push((own.to_owned(), kind.name.clone()));
        }
    }

    fn put(
        &mut self,
        recognition: &Recognition,
        field: &Field,
        value: Canonical,
        counterpart: Option<&Counterpart<'_>>,
    ) {
        if counterpart.is_some() && field.name == "ZZMC" {
            return;
        }
        let name = counterpart.map_or(Some(field.name.as_str()), |counterpart| counterpart.field(&field.name));
        let own = name.and_then(|name| self.target.own_name(name).zip(recognition.catalogue.name(name)));
        let Some((own, field)) = own else {
            self.dropped.push(field.name.clone());
            return;
        };
        let written = match value {
            Canonical::Day(end) => self.target.write_day(end).ok_or((Table::Date, field.name.clone())),
            Canonical::State(state) => {
                let there = counterpart.map_or(Some(state), |counterpart| counterpart.state(state));
                self.state = there;
                let code = there.and_then(|state| self.target.state_code(state));
                code.map(str::to_owned).ok_or((Table::State, state.word().to_owned()))
            }
            Canonical::Text(code) if field.kind == FieldKind::HolderType => {
                self.target.holder_type_code(&code).map(str::to_owned).ok_or((Table::HolderType, code))
            }
            Canonical::Text(text) => Ok(text),
        };
        let value = match written {
            Ok(value) => value,
            Err(fault) => return self.faults.push(fault),
        };
        let before = self.out.iter_mut().find(|(known, _)| known == own);
        match (self.target.separator(), before) {
            (Some(separator), Some((_, before))) if field.is_list => {
                before.push_str(separator);
                before.push_str(&value);
            }
            (_, Some(_)) if !field.is_list => {}
            _ => self.out.push((own.to_owned(), value)),
        }
    }
}
