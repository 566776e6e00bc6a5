//! What comes in that the mapping files do not know yet: codes without counterpart, return codes without meaning,
//! members that no profile declares. Counted in memory for whoever keeps the tables; a restart forgets it.
//!
//! It deliberately keeps no message, no path and no name, and of what stood in a code's place only what the table lets be
//! shown (`domain::codes`): a code is kept because it is what a table has to learn, anything else is only counted.

use crate::domain::codes::Table;
use crate::domain::fault::Fault;
use crate::domain::fault::FieldFaultKind;
use crate::domain::fault::Refusal;
use crate::domain::fault::may_show_return;
use crate::domain::value::DateTime;
use crate::domain::value::DateTimeForm;
use crate::edge::clock::Milliseconds;
use serde_json::Value;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Most codes that are kept; of further ones only the number of sightings.
pub const CODES_MAX: usize = 1_000;
/// Most profiles whose undeclared members are counted: a set has far fewer.
const PROFILES_MAX: usize = 1_000;
/// What stands for a value that may be of a person.
pub const HIDDEN: &str = "（可能是个人信息，已隐去）";
/// The code table of return codes.
const FAULT_TABLE: &str = "fault";

/// Which code, and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sighted {
    /// `yueyang_to_jingzhou`: from the calling city to the handling one.
    pub direction: String,
    pub table: String,
    /// The profile that sent the code.
    pub side: String,
    pub code: String,
}

/// How often, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    pub first_seen: Milliseconds,
    pub last_seen: Milliseconds,
}

impl Count {
    const fn new(now: Milliseconds) -> Self {
        Self { count: 0, first_seen: now, last_seen: now }
    }

    const fn add(&mut self, count: u64, now: Milliseconds) {
        self.count = self.count.saturating_add(count);
        self.last_seen = now;
    }
}

/// The store. Its lock is held for one look-up, and only where something is at fault.
#[derive(Debug, Default)]
pub struct Drift(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    codes: HashMap<Sighted, Count>,
    undeclared: HashMap<String, Count>,
    /// Sightings of codes for which there was no room.
    left_out: u64,
}

impl Drift {
    /// Counts every unknown code of a fault; `answering` is the profile of the side that was called, `tables` finds a
    /// code table.
    pub fn fault<'t>(
        &self,
        direction: &str,
        answering: &str,
        fault: &Fault,
        tables: impl Fn(&str) -> Option<&'t Table>,
        now: Milliseconds,
    ) {
        if let Some(Refusal { code, known: false, .. }) = fault.refusal() {
            let shown = may_show_return(code).then_some(code.as_str());
            self.code(direction, FAULT_TABLE, answering, shown, now);
        }
        for field in fault.fields() {
            if let FieldFaultKind::NoCounterpart { table, code, from, .. } = &field.what {
                let shown = tables(table).is_some_and(|table| table.may_show(code)).then_some(code.as_str());
                self.code(direction, table, from, shown, now);
            }
        }
    }

    /// Counts one sighting of a code; `None`: of something that must not be kept.
    pub fn code(&self, direction: &str, table: &str, side: &str, code: Option<&str>, now: Milliseconds) {
        let code = code.unwrap_or(HIDDEN).to_owned();
        let sighted = Sighted { direction: direction.into(), table: table.into(), side: side.into(), code };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.codes.len() >= CODES_MAX && !seen.codes.contains_key(&sighted) {
            seen.left_out = seen.left_out.saturating_add(1);
            return;
        }
        seen.codes.entry(sighted).or_insert(Count::new(now)).add(1, now);
    }

    /// Counts members that a profile does not declare.
    pub fn undeclared(&self, profile: &str, count: u64, now: Milliseconds) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.undeclared.get_mut(profile) {
            known.add(count, now);
        } else if seen.undeclared.len() < PROFILES_MAX {
            let mut fresh = Count::new(now);
            fresh.add(count, now);
            seen.undeclared.insert(profile.to_owned(), fresh);
        }
    }

    /// Everything that was seen, in order.
    pub fn codes(&self) -> Vec<(Sighted, Count)> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut codes: Vec<_> = seen.codes.iter().map(|(sighted, count)| (sighted.clone(), *count)).collect();
        codes.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        codes
    }

    /// The store as the admin listener shows it and `jingyue codes propose` reads it.
    pub fn json(&self) -> Value {
        let codes: Vec<Value> = self
            .codes()
            .into_iter()
            .map(|(sighted, count)| {
                json!({
                    "direction": sighted.direction, "table": sighted.table, "side": sighted.side, "code": sighted.code,
                    "count": count.count, "first_seen": time(count.first_seen), "last_seen": time(count.last_seen),
                })
            })
            .collect();
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut profiles: Vec<_> = seen.undeclared.iter().collect();
        profiles.sort_unstable_by_key(|(profile, _)| *profile);
        let undeclared: Vec<Value> = profiles
            .into_iter()
            .map(|(profile, count)| {
                json!({
                    "profile": profile, "count": count.count,
                    "first_seen": time(count.first_seen), "last_seen": time(count.last_seen),
                })
            })
            .collect();
        json!({ "codes": codes, "codes_left_out": seen.left_out, "undeclared": undeclared })
    }
}

/// Beijing time, as everywhere in texts for operators.
fn time(now: Milliseconds) -> String {
    let mut out = Vec::new();
    if let Some(time) = DateTime::from_epoch_milliseconds(now) {
        time.write(DateTimeForm::Spaced, &mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::Cell;
    use crate::domain::codes::Row;
    use crate::domain::codes::Way;
    use crate::domain::fault::FieldFault;

    const DIRECTION: &str = "yueyang_to_jingzhou";

    fn table(code: &str) -> Table {
        let mut table = Table::new("t", vec!["a".into()]);
        let cell = Cell { code: code.into(), way: Way::Both, condition: None };
        table.push(Row {
            canonical: code.into(),
            title: String::new(),
            cells: vec![Some(cell)],
            parent: None,
            valid_from: None,
            valid_to: None,
            line: 2,
        });
        table
    }

    fn gap(table: &str, code: &str) -> FieldFault {
        let what = FieldFaultKind::NoCounterpart {
            table: table.into(),
            code: code.into(),
            from: "yueyang-window".into(),
            to: "jingzhou-window".into(),
        };
        FieldFault { path: "data.certNo".into(), title: String::new(), what }
    }

    #[test]
    fn faults_are_counted_by_code() {
        let drift = Drift::default();
        let (sex, document) = (table("1"), table("10"));
        let tables = |name: &str| match name {
            "sex" => Some(&sex),
            "id-doc" => Some(&document),
            _ => None,
        };
        let see = |fault: &Fault, second: i64| {
            drift.fault(DIRECTION, "jingzhou-window", fault, tables, 1_795_363_200_000 + second * 1000);
        };
        see(&Fault::Fields { faults: vec![gap("sex", "9"), gap("id-doc", "77"), gap("gone", "1")], more: 0 }, 0);
        see(&Fault::AnswerWrong { faults: vec![gap("sex", "9"), gap("sex", "张三")], more: 0 }, 1);
        let refused = |code: &str, known| {
            let (code, text) = (code.to_owned(), "张三".into());
            Refusal { canonical: "peer_error", code, text, known }.fault()
        };
        see(&refused("-77", false), 2);
        see(&refused("张三", false), 2);
        see(&refused("-77", true), 3);
        see(&Fault::UnknownPath, 4);
        let found: Vec<_> = drift
            .codes()
            .into_iter()
            .map(|(sighted, count)| (sighted.table, sighted.side, sighted.code, count.count))
            .collect();
        let expected = [
            ("fault", "jingzhou-window", "-77", 1),
            ("fault", "jingzhou-window", HIDDEN, 1),
            ("gone", "yueyang-window", HIDDEN, 1),
            ("id-doc", "yueyang-window", "77", 1),
            ("sex", "yueyang-window", "9", 2),
            ("sex", "yueyang-window", HIDDEN, 1),
        ];
        assert_eq!(found, expected.map(|(table, side, code, count)| (table.into(), side.into(), code.into(), count)));
        drift.undeclared("yueyang-window", 3, 1_795_363_200_000);
        drift.undeclared("yueyang-window", 1, 1_795_363_260_000);
        let shown = drift.json();
        assert_eq!(shown["codes"][4]["first_seen"], "2026-11-23 00:00:00");
        assert_eq!(shown["codes"][4]["last_seen"], "2026-11-23 00:00:01");
        assert_eq!(shown["undeclared"][0]["count"], 4);
        assert_eq!(shown["undeclared"][0]["last_seen"], "2026-11-23 00:01:00");
        assert!(!shown.to_string().contains("张三") && !shown.to_string().contains("certNo"));
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let drift = Drift::default();
        for number in 0..CODES_MAX + 7 {
            drift.code(DIRECTION, "sex", "yueyang-window", Some(&number.to_string()), 0);
        }
        drift.code(DIRECTION, "sex", "yueyang-window", Some("3"), 5);
        assert_eq!(drift.codes().len(), CODES_MAX);
        assert_eq!(drift.json()["codes_left_out"], 7);
        assert!(drift.codes().iter().any(|(sighted, count)| sighted.code == "3" && count.count == 2));
    }
}
