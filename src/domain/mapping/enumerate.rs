//! Codes of a message that is proved: which have a counterpart, and which must still go through a message.
//!
//! A code table is looked at whole, both ways, for every message. That each of its codes really goes through a message is
//! tried once for each pair of places (the sender's row and the receiver's): hundreds of matters share the row of the
//! applicant's sex, and the plan of each is made from that row by the same steps. A field that a condition or a default
//! of either message looks at is tried with all its codes in every message: there the rest of the message matters.

use super::catalogue::Catalogue;
use super::message::Message;
use super::message::MessageRow;
use super::message::RowField;
use super::notation::ConditionText;
use super::notation::Convert;
use super::notation::Fallback;
use super::prove::Proof;
use super::prove::Question;
use crate::domain::codes::Otherwise;
use crate::domain::codes::Table;
use rustc_hash::FxHashMap;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Most codes of one pair of rows that go through messages; of longer tables the rest is looked at in the tables alone.
const CASES_MAX: usize = 1_024;

/// What was tried already, and the readings of the tables: kept while a whole set is proved.
#[derive(Default)]
pub(super) struct Tried {
    /// Codes by the pair of rows that they went through.
    codes: FxHashMap<String, FxHashSet<String>>,
    readings: FxHashMap<(String, String), Plain>,
    meetings: FxHashMap<MeetingKey, Arc<Meeting>>,
}

/// The sender's table and set, and the receiver's with its default.
type MeetingKey = (String, String, Option<(String, String, Otherwise)>);

/// What becomes of the codes of one set that are written in another.
#[derive(Default)]
struct Meeting {
    /// Canonical codes that both can write and that come back, in order.
    usable: Vec<String>,
    /// Codes that have a counterpart.
    codes: usize,
    conditional: Vec<String>,
    folded: Vec<String>,
    refused: Vec<String>,
}

/// The canonical code that a set's code stands for whatever else the message says; `None`: it depends.
type Plain = FxHashMap<String, Option<String>>;

/// The codes of one message's fields.
#[derive(Default)]
pub(super) struct Codes {
    /// Canonical codes that both sides can write, by field.
    usable: BTreeMap<String, Arc<Meeting>>,
    /// Those of them that must still go through, and the pair of rows.
    fresh: BTreeMap<String, (String, Vec<String>)>,
}

impl Codes {
    /// Messages that are needed so that every code goes through.
    pub(super) fn cases(&self) -> usize {
        self.fresh.values().map(|(_, codes)| codes.len()).max().unwrap_or_default().clamp(1, CASES_MAX)
    }

    /// Messages that would be needed if nothing had been tried before.
    pub(super) fn cases_alone(&self) -> usize {
        self.usable.values().map(|meeting| meeting.usable.len()).max().unwrap_or_default().clamp(1, CASES_MAX)
    }

    /// The codes that a made-up message may use for a field.
    pub(super) fn of(&self, field: &str) -> &[String] {
        let fresh = self.fresh.get(field).map(|(_, codes)| codes).filter(|codes| !codes.is_empty());
        fresh.or_else(|| self.usable.get(field).map(|meeting| &meeting.usable)).map_or(&[], Vec::as_slice)
    }
}

impl Tried {
    /// For every code field the canonical codes that both sides can write; counts in `proof` what has no counterpart.
    /// `both` tells the fields that both sides carry.
    pub(super) fn codes(
        &mut self,
        catalogue: &Catalogue,
        question: &Question<'_>,
        both: &FxHashSet<&str>,
        proof: &mut Proof,
    ) -> Codes {
        let named = named(&[question.from.message, question.to.message]);
        let mut codes = Codes::default();
        for row in &question.from.message.rows {
            let (RowField::Canonical(id), Convert::Code { table, set, .. }) = (&row.field, &row.conversion.convert)
            else {
                continue;
            };
            let Some(table) = catalogue.tables.get(table) else { continue };
            let other = both.contains(id.as_str()).then(|| set_of(question.to.message, id)).flatten();
            let meeting = self.meeting(catalogue, (table, set), other);
            proof.codes += meeting.codes;
            proof.conditional.extend_from_slice(&meeting.conditional);
            proof.folded.extend_from_slice(&meeting.folded);
            proof.refused.extend_from_slice(&meeting.refused);
            let key = pair_of_rows(question, id);
            let tried = self.codes.get(&key).filter(|_| !named.contains(id.as_str()));
            // The rows name the sets, so that what was tried for them is among what is usable.
            let room = CASES_MAX.min(meeting.usable.len()).saturating_sub(tried.map_or(0, FxHashSet::len));
            let fresh = meeting.usable.iter().filter(|code| tried.is_none_or(|tried| !tried.contains(*code)));
            let fresh = fresh.take(room).cloned().collect();
            codes.fresh.insert(id.clone(), (key, fresh));
            codes.usable.insert(id.clone(), meeting);
        }
        for list in [&mut proof.conditional, &mut proof.folded, &mut proof.refused] {
            list.sort();
            list.dedup();
        }
        codes
    }

    /// Every code of these went through.
    pub(super) fn went_through(&mut self, codes: Codes) {
        for (key, fresh) in codes.fresh.into_values() {
            self.codes.entry(key).or_default().extend(fresh);
        }
    }

    fn meeting(
        &mut self,
        catalogue: &Catalogue,
        (table, set): (&Table, &str),
        other: Option<(&str, &str, &Otherwise)>,
    ) -> Arc<Meeting> {
        let others = other.map(|(table, set, otherwise)| (table.to_owned(), set.to_owned(), otherwise.clone()));
        let key = (table.name.clone(), set.to_owned(), others);
        if let Some(known) = self.meetings.get(&key) {
            return Arc::clone(known);
        }
        let mut meeting = Meeting::default();
        if let Some((other_table, other_set, otherwise)) = other {
            let target = catalogue.tables.get(other_table).map(|table| (table, other_set));
            self.read(table, set);
            if let Some((table, set)) = target {
                self.read(table, set);
            }
            self.meet((table, set), target, otherwise, &mut meeting);
        } else {
            // The other side does not carry the field: whatever the sender can write will do.
            let rows = table.rows().iter().filter(|row| table.written(&row.canonical, set).is_some());
            meeting.usable = rows.map(|row| row.canonical.clone()).collect();
        }
        meeting.usable.sort_unstable();
        meeting.usable.dedup();
        let meeting = Arc::new(meeting);
        self.meetings.insert(key, Arc::clone(&meeting));
        meeting
    }

    fn meet(
        &self,
        (table, set): (&Table, &str),
        target: Option<(&Table, &str)>,
        otherwise: &Otherwise,
        meeting: &mut Meeting,
    ) {
        let readings = |table: &Table, set: &str| self.readings.get(&(table.name.clone(), set.to_owned()));
        let own = readings(table, set);
        let others = target.and_then(|(table, set)| readings(table, set));
        let read = |readings: Option<&'_ Plain>, code: &str| readings.and_then(|plain| plain.get(code)?.clone());
        for row in table.rows() {
            let Some(written) = table.written(&row.canonical, set) else { continue };
            let told = || format!("{}:{written}", table.name);
            // What the sender's code means when it is read, and what the receiver's means: only readings without a
            // condition can be foretold; the others depend on the rest of the message.
            let Some(meant) = read(own, written) else {
                meeting.conditional.push(told());
                continue;
            };
            match target.and_then(|(table, set)| table.written(&meant, set)) {
                Some(code) => {
                    meeting.codes += 1;
                    match read(others, code) {
                        Some(back) if back == meant => meeting.usable.push(meant),
                        Some(_) => meeting.folded.push(told()),
                        None => meeting.conditional.push(told()),
                    }
                }
                None if *otherwise == Otherwise::Refuse => meeting.refused.push(told()),
                None => meeting.folded.push(told()),
            }
        }
    }

    /// Notes the readings of a set, once: a look-up for each code would walk over the whole table.
    fn read(&mut self, table: &Table, set: &str) {
        let key = (table.name.clone(), set.to_owned());
        self.readings.entry(key).or_insert_with(|| table.plain_readings(set));
    }
}

fn set_of<'m>(message: &'m Message, id: &str) -> Option<(&'m str, &'m str, &'m Otherwise)> {
    message.rows.iter().find_map(|row| match (&row.field, &row.conversion.convert) {
        (RowField::Canonical(field), Convert::Code { table, set, otherwise }) if field == id => {
            Some((table.as_str(), set.as_str(), otherwise))
        }
        _ => None,
    })
}

/// All that decides how a field goes from one message to the other.
fn pair_of_rows(question: &Question<'_>, id: &str) -> String {
    let mut key = format!("{:?} {} {}", question.kind, question.from.profile.name, question.to.profile.name);
    for message in [question.from.message, question.to.message] {
        let rows = message.rows.iter().filter(|row| matches!(&row.field, RowField::Canonical(field) if field == id));
        for MessageRow { path, convert, required, absence, fallback, condition, .. } in rows {
            // Writing into a string cannot fail.
            let _ = write!(key, "\n{path} {convert} {required} {absence:?} {fallback:?} {condition:?}");
        }
        key.push('\n');
    }
    key
}

/// Fields that conditions and defaults look at.
fn named<'m>(messages: &[&'m Message]) -> FxHashSet<&'m str> {
    let mut named = FxHashSet::default();
    let mut add = |condition: &'m ConditionText| named.extend(condition.0.iter().map(|(field, _)| field.as_str()));
    let rows = || messages.iter().flat_map(|message| &message.rows);
    for row in rows() {
        if let Some(condition) = &row.condition {
            add(condition);
        }
        if let Some(Fallback::Choose { choices, .. }) = &row.fallback {
            for (condition, _) in choices {
                add(condition);
            }
        }
    }
    named.extend(rows().filter_map(|row| match &row.fallback {
        Some(Fallback::Is { field, .. } | Fallback::Field(field)) => Some(field.as_str()),
        _ => None,
    }));
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mapping::canonical;
    use crate::domain::mapping::notation;
    use crate::domain::value::Type;

    fn codes(usable: &[&str], fresh: &[&str]) -> Codes {
        let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        Codes {
            usable: [("sex".to_owned(), Arc::new(Meeting { usable: owned(usable), ..Meeting::default() }))].into(),
            fresh: [("sex".to_owned(), ("rows".to_owned(), owned(fresh)))].into(),
        }
    }

    #[test]
    fn only_what_was_not_tried_needs_messages() {
        let mut tried = Tried::default();
        let first = codes(&["1", "2", "9"], &["1", "2", "9"]);
        assert_eq!((first.cases(), first.cases_alone()), (3, 3));
        tried.went_through(first);
        assert_eq!(tried.codes["rows"].len(), 3);
        let second = codes(&["1", "2", "9"], &["9"]);
        assert_eq!((second.cases(), second.of("sex")), (1, &["9".to_owned()][..]));
        let third = codes(&["1", "2", "9"], &[]);
        assert_eq!((third.cases(), third.cases_alone(), third.of("sex").len()), (1, 3, 3));
        assert_eq!(third.of("marital"), [] as [String; 0]);
    }

    #[test]
    fn fields_that_conditions_look_at_are_known() {
        let row = |fallback: &str, condition: &str| {
            let mut message = canonical::message(&[("status".into(), Type::Code)], &mut Vec::new());
            message.rows[0].fallback = Some(notation::fallback(fallback).unwrap());
            message.rows[0].condition = Some(notation::condition(condition).unwrap());
            message
        };
        let message = row("choose(transfer_result = refused: not_accepted; else: accepted)", "close_acct = true");
        let other = row("is(pf_status, 06)", "leave_date present");
        let mut found: Vec<&str> = named(&[&message, &other]).into_iter().collect();
        found.sort_unstable();
        assert_eq!(found, ["close_acct", "leave_date", "pf_status", "transfer_result"]);
    }
}
