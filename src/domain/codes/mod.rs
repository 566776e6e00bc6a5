//! Code tables: what a code of one side is called on the other.
//!
//! A [`Table`] has one row for each canonical code and one column for each *set* of codes in use somewhere. A
//! [`Lookup`] is the composition of reading one set and writing another, made once when mappings are loaded.
//!
//! It deliberately holds no policy: a code without counterpart comes back as such, and the caller refuses it.

mod known;
mod packed;

use crate::domain::value::Date;
use packed::PackedMap;
use rustc_hash::FxHashMap;

/// Which way a cell may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Both,
    /// Only to read that side's code.
    In,
    /// Only to write it: several canonical codes fold into this one.
    Out,
}

/// One side's code for a canonical code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub code: String,
    pub way: Way,
    /// Text of the condition under which the code is read as this row.
    pub condition: Option<String>,
}

/// One canonical code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub canonical: String,
    pub title: String,
    /// One for each set of the table, in their order.
    pub cells: Vec<Option<Cell>>,
    /// The canonical code above this one.
    pub parent: Option<String>,
    pub valid_from: Option<Date>,
    pub valid_to: Option<Date>,
    /// Line in the file.
    pub line: usize,
}

/// A code table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub sets: Vec<String>,
    rows: Vec<Row>,
    /// Rows by canonical code.
    index: FxHashMap<String, usize>,
}

/// What is written for a canonical code that the set has no code for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Otherwise {
    /// Nothing: it is refused.
    #[default]
    Refuse,
    /// That code.
    Code(String),
    /// The code of the row's parent, or of the parent's parent.
    Parent,
    /// The code of the row whose canonical code has the same first four digits and then zeros (county to city).
    Prefix4,
}

/// One reading of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Index into [`Lookup::conditions`]; `None`: always.
    pub condition: Option<usize>,
    /// The canonical code.
    pub canonical: Box<str>,
    /// The row's Chinese name.
    pub title: Box<str>,
    /// What is written; `None`: no counterpart.
    pub out: Option<Box<str>>,
    /// True where the way back would give another code.
    pub lossy: bool,
    /// First and last day on which the row holds.
    pub valid: (Option<Date>, Option<Date>),
    /// Line of the row in the table's file.
    pub line: usize,
}

impl Choice {
    /// True if the row holds on that day.
    pub fn holds(&self, today: Date) -> bool {
        self.valid.0.is_none_or(|from| from <= today) && self.valid.1.is_none_or(|to| today <= to)
    }

    const fn is_plain(&self) -> bool {
        self.condition.is_none() && self.valid.0.is_none() && self.valid.1.is_none()
    }
}

/// Codes of one side to codes of the other.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    map: PackedMap,
    entries: Vec<Vec<Choice>>,
    /// Texts of the conditions that choices name.
    pub conditions: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(name: &str, sets: Vec<String>) -> Self {
        Self { name: name.to_owned(), sets, ..Self::default() }
    }

    /// Adds a row; false, and nothing added, where its canonical code is there already.
    pub fn push(&mut self, row: Row) -> bool {
        if self.index.contains_key(&row.canonical) {
            return false;
        }
        self.index.insert(row.canonical.clone(), self.rows.len());
        self.rows.push(row);
        true
    }

    /// The rows in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn set(&self, name: &str) -> Option<usize> {
        self.sets.iter().position(|set| set == name)
    }

    /// The row of a canonical code.
    pub fn row(&self, canonical: &str) -> Option<&Row> {
        self.index.get(canonical).map(|index| &self.rows[*index])
    }

    /// The code that a set writes for a canonical code, without any default.
    pub fn written(&self, canonical: &str, set: &str) -> Option<&str> {
        let set = self.set(set)?;
        self.row(canonical).and_then(|row| Self::out(row, set))
    }

    fn out(row: &Row, set: usize) -> Option<&str> {
        row.cells.get(set)?.as_ref().filter(|cell| cell.way != Way::In).map(|cell| cell.code.as_str())
    }

    /// The readings of a code in a set: conditional ones first, then the plain one.
    pub fn readings<'a>(&'a self, code: &str, set: &str) -> Vec<(&'a Row, Option<&'a str>)> {
        let Some(set) = self.set(set) else { return Vec::new() };
        let mut found: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| {
                let cell = row.cells.get(set)?.as_ref()?;
                (cell.code == code && cell.way != Way::Out).then_some((row, cell.condition.as_deref()))
            })
            .collect();
        found.sort_by_key(|(_, condition)| condition.is_none());
        found
    }

    /// The canonical code of every code of a set; `None` where several rows or a condition have a say in it.
    pub fn plain_readings(&self, set: &str) -> FxHashMap<String, Option<String>> {
        let mut readings: FxHashMap<String, Option<String>> = FxHashMap::default();
        let Some(set) = self.set(set) else { return readings };
        for row in &self.rows {
            let Some(cell) = row.cells.get(set).and_then(Option::as_ref).filter(|cell| cell.way != Way::Out) else {
                continue;
            };
            let plain = cell.condition.is_none().then(|| row.canonical.clone());
            readings.entry(cell.code.clone()).and_modify(|known| *known = None).or_insert(plain);
        }
        readings
    }

    /// Codes of a set that have two plain readings on the same day: nobody could say which is meant.
    pub fn ambiguous(&self, set: &str) -> Vec<(&Row, &Row)> {
        let Some(index) = self.set(set) else { return Vec::new() };
        let mut seen: FxHashMap<&str, &Row> = FxHashMap::default();
        let mut pairs = Vec::new();
        for row in &self.rows {
            let Some(cell) = row.cells.get(index).and_then(Option::as_ref) else { continue };
            let dated = row.valid_from.is_some() || row.valid_to.is_some();
            if cell.way == Way::Out || cell.condition.is_some() || dated {
                continue;
            }
            if let Some(earlier) = seen.insert(&cell.code, row) {
                pairs.push((earlier, row));
            }
        }
        pairs
    }

    fn otherwise<'a>(&'a self, row: &'a Row, set: usize, otherwise: &'a Otherwise) -> Option<&'a str> {
        match otherwise {
            Otherwise::Refuse => None,
            Otherwise::Code(code) => Some(code),
            Otherwise::Parent => {
                let mut at = row;
                for _ in 0..self.rows.len() {
                    at = self.row(at.parent.as_deref()?)?;
                    if let Some(code) = Self::out(at, set) {
                        return Some(code);
                    }
                }
                None
            }
            Otherwise::Prefix4 => {
                let head = row.canonical.get(..4)?;
                let above = self.row(&format!("{head}{}", "0".repeat(row.canonical.len().saturating_sub(4))))?;
                Self::out(above, set)
            }
        }
    }
}

/// One side of a [`Lookup`]: a table and the name of one of its sets.
pub type Side<'a> = Option<(&'a Table, &'a str)>;

impl Lookup {
    /// Composes reading one set with writing another. `None` stands for the canonical codes themselves.
    /// The tables may differ: they meet in their canonical codes.
    pub fn compose(read: Side<'_>, write: Side<'_>, otherwise: &Otherwise) -> Self {
        let mut lookup = Self::default();
        let Some((table, _)) = read.or(write) else { return lookup };
        for row in &table.rows {
            match read {
                None => lookup.add(&row.canonical, row, None, write, otherwise),
                Some((table, set)) => {
                    let Some(cell) = table.set(set).and_then(|set| row.cells[set].as_ref()) else { continue };
                    if cell.way != Way::Out {
                        lookup.add(&cell.code, row, cell.condition.as_deref(), write, otherwise);
                    }
                }
            }
        }
        for entry in &mut lookup.entries {
            entry.sort_by_key(|choice| choice.condition.is_none());
        }
        lookup.mark_losses(write);
        lookup
    }

    fn add(&mut self, code: &str, row: &Row, condition: Option<&str>, write: Side<'_>, otherwise: &Otherwise) {
        let condition = condition.map(|text| {
            self.conditions.iter().position(|known| known == text).unwrap_or_else(|| {
                self.conditions.push(text.to_owned());
                self.conditions.len() - 1
            })
        });
        let (out, defaulted) = match write {
            None => (Some(row.canonical.as_str()), false),
            Some((table, set)) => {
                let own = table.row(&row.canonical);
                let set = table.set(set);
                let direct = own.zip(set).and_then(|(own, set)| Table::out(own, set));
                match direct {
                    Some(code) => (Some(code), false),
                    None => match own.zip(set) {
                        Some((own, set)) => (table.otherwise(own, set, otherwise), true),
                        None if let Otherwise::Code(code) = otherwise => (Some(code.as_str()), true),
                        None => (None, true),
                    },
                }
            }
        };
        let choice = Choice {
            condition,
            canonical: row.canonical.as_str().into(),
            title: row.title.as_str().into(),
            lossy: defaulted && out.is_some(),
            out: out.map(Into::into),
            valid: (row.valid_from, row.valid_to),
            line: row.line,
        };
        if let Some(index) = self.map.find(code.as_bytes()) {
            self.entries[index as usize].push(choice);
        } else {
            let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
            self.map.insert(code.as_bytes(), index);
            self.entries.push(vec![choice]);
        }
    }

    /// A choice is lossy where the written code is read back as another canonical code.
    fn mark_losses(&mut self, write: Side<'_>) {
        let Some((table, set)) = write else { return };
        let Some(index) = table.set(set) else { return };
        let mut readings: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
        for row in &table.rows {
            if let Some(cell) = row.cells.get(index).and_then(Option::as_ref).filter(|cell| cell.way != Way::Out) {
                readings.entry(&cell.code).or_default().push(&row.canonical);
            }
        }
        for choice in self.entries.iter_mut().flatten() {
            let Some(out) = &choice.out else { continue };
            choice.lossy |=
                !readings.get(&**out).is_some_and(|back| back.iter().any(|code| **code == *choice.canonical));
        }
    }

    /// The choices for a code, conditional ones first; `None`: no such code.
    #[inline]
    pub fn choices(&self, code: &[u8]) -> Option<&[Choice]> {
        self.map.find(code).and_then(|index| self.entries.get(index as usize)).map(Vec::as_slice)
    }

    /// The only choice for a code, where it depends on nothing: what nearly every look-up needs.
    #[inline]
    pub fn plain(&self, code: &[u8]) -> Option<&Choice> {
        match self.choices(code) {
            Some([choice]) if choice.is_plain() => Some(choice),
            _ => None,
        }
    }

    /// All choices, for listings and proofs.
    pub fn all(&self) -> impl Iterator<Item = &Choice> {
        self.entries.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Option<Cell> {
        if text.is_empty() {
            return None;
        }
        let (text, condition) = text.split_once('?').map_or((text, None), |(code, when)| (code, Some(when.to_owned())));
        let (way, code) = match text.strip_prefix('>') {
            Some(code) => (Way::Out, code),
            None => (Way::Both, text),
        };
        Some(Cell { code: code.into(), way, condition })
    }

    fn table(sets: &[&str], rows: &[(&str, &[&str], Option<&str>)]) -> Table {
        let mut table = Table::new("t", sets.iter().map(|set| (*set).into()).collect());
        for (line, (canonical, cells, parent)) in rows.iter().enumerate() {
            let row = Row {
                canonical: (*canonical).into(),
                title: format!("名{canonical}"),
                cells: cells.iter().map(|text| cell(text)).collect(),
                parent: parent.map(Into::into),
                valid_from: None,
                valid_to: None,
                line: line + 2,
            };
            assert!(table.push(row));
        }
        table
    }

    fn out(lookup: &Lookup, code: &str) -> Option<(String, bool)> {
        lookup.plain(code.as_bytes()).and_then(|choice| Some((choice.out.as_deref()?.to_owned(), choice.lossy)))
    }

    #[test]
    fn sets_are_composed_through_the_canonical_codes() {
        let documents = table(
            &["platform", "fund"],
            &[("idcard", &["10", "01"], None), ("temporary", &[">10", ">01"], None), ("pass", &["50", ""], None)],
        );
        let there = Lookup::compose(Some((&documents, "platform")), Some((&documents, "fund")), &Otherwise::Refuse);
        assert_eq!(out(&there, "10"), Some(("01".into(), false)));
        assert_eq!(out(&there, "50"), None, "no counterpart is never passed through");
        assert!(there.choices(b"50").is_some());
        assert!(there.choices(b"77").is_none());
        let with_default =
            Lookup::compose(Some((&documents, "platform")), Some((&documents, "fund")), &Otherwise::Code("99".into()));
        assert_eq!(out(&with_default, "50"), Some(("99".into(), true)));
    }

    #[test]
    fn folding_is_marked_as_a_loss() {
        let marital = table(&["full", "short"], &[("20", &["20", "20"], None), ("21", &["21", ">20"], Some("20"))]);
        let there = Lookup::compose(Some((&marital, "full")), Some((&marital, "short")), &Otherwise::Refuse);
        assert_eq!(out(&there, "21"), Some(("20".into(), true)));
        assert_eq!(out(&there, "20"), Some(("20".into(), false)));
        let back = Lookup::compose(Some((&marital, "short")), Some((&marital, "full")), &Otherwise::Refuse);
        assert_eq!(out(&back, "20"), Some(("20".into(), false)));
    }

    #[test]
    fn parents_and_prefixes_stand_in_when_declared() {
        let places =
            table(&["a", "b"], &[("430600", &["430600", "Y"], None), ("430602", &["430602", ""], Some("430600"))]);
        for otherwise in [Otherwise::Parent, Otherwise::Prefix4] {
            let there = Lookup::compose(Some((&places, "a")), Some((&places, "b")), &otherwise);
            assert_eq!(out(&there, "430602"), Some(("Y".into(), true)));
        }
    }

    #[test]
    fn conditional_readings_come_first_and_two_plain_ones_are_ambiguous() {
        let status =
            table(&["x"], &[("01", &["01"], None), ("06", &["01?frozen = true"], None), ("07", &["01"], None)]);
        let lookup = Lookup::compose(Some((&status, "x")), None, &Otherwise::Refuse);
        let choices = lookup.choices(b"01").unwrap();
        assert_eq!(&*choices[0].canonical, "06");
        assert_eq!(lookup.conditions, ["frozen = true"]);
        assert_eq!(status.ambiguous("x").len(), 1);
    }
}
