//! What comes in that the mapping files do not know yet: codes without counterpart, return codes without meaning,
//! members that no profile declares. Counted in memory for whoever keeps the tables; a restart forgets it.
//!
//! It deliberately keeps no message, no path and no name, and hides what looks like a person's number in a code's
//! place: a code is kept because it is what a table has to learn, nothing else is.

use crate::domain::fault::Fault;
use crate::domain::fault::FieldFaultKind;
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
/// Most characters of a code.
const CODE_CHARACTERS_MAX: usize = 32;
/// What stands for a code that looks like a person's number.
pub const HIDDEN: &str = "（疑似个人信息，已隐去）";
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
    /// Counts every unknown code of a fault; `answering` is the profile of the side that was called.
    pub fn fault(&self, direction: &str, answering: &str, fault: &Fault, now: Milliseconds) {
        if let Fault::Refused { code, known: false, .. } = fault {
            self.code(direction, FAULT_TABLE, answering, code, now);
        }
        for field in fault.fields() {
            if let FieldFaultKind::NoCounterpart { table, code, from, .. } = &field.what {
                self.code(direction, table, from, code, now);
            }
        }
    }

    /// Counts one sighting of a code.
    pub fn code(&self, direction: &str, table: &str, side: &str, code: &str, now: Milliseconds) {
        let code = presentable(code);
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

/// A code as it may be shown: printable, short, and no person's number.
fn presentable(code: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{E000}'..='\u{F8FF}')
    };
    let code: String = code.chars().map(|c| if invisible(c) { '?' } else { c }).take(CODE_CHARACTERS_MAX).collect();
    if is_personal(&code) { HIDDEN.to_owned() } else { code }
}

/// Citizen numbers, bank cards and accounts (13 digits and more in a row), mobile numbers, mail addresses. The longest
/// codes of the tables have twelve digits.
fn is_personal(code: &str) -> bool {
    let mut runs = code.split(|c: char| !c.is_ascii_digit());
    code.contains('@') || runs.any(|run| run.len() >= 13 || (run.len() == 11 && run.starts_with('1')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::FieldFault;

    const DIRECTION: &str = "yueyang_to_jingzhou";

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
        let fields = Fault::Fields { faults: vec![gap("sex", "9"), gap("id-doc", "77")], more: 0 };
        drift.fault(DIRECTION, "jingzhou-window", &fields, 1_795_363_200_000);
        drift.fault(
            DIRECTION,
            "jingzhou-window",
            &Fault::AnswerWrong { faults: vec![gap("sex", "9")], more: 0 },
            1_795_363_201_000,
        );
        let refused =
            |known| Fault::Refused { canonical: "peer_error", code: "-77".into(), text: "张三".into(), known };
        drift.fault(DIRECTION, "jingzhou-window", &refused(false), 1_795_363_202_000);
        drift.fault(DIRECTION, "jingzhou-window", &refused(true), 1_795_363_203_000);
        drift.fault(DIRECTION, "jingzhou-window", &Fault::UnknownPath, 1_795_363_204_000);
        let found: Vec<_> = drift
            .codes()
            .into_iter()
            .map(|(sighted, count)| (sighted.table, sighted.side, sighted.code, count.count))
            .collect();
        let expected = [
            ("fault", "jingzhou-window", "-77", 1),
            ("id-doc", "yueyang-window", "77", 1),
            ("sex", "yueyang-window", "9", 2),
        ];
        assert_eq!(found, expected.map(|(table, side, code, count)| (table.into(), side.into(), code.into(), count)));
        drift.undeclared("yueyang-window", 3, 1_795_363_200_000);
        drift.undeclared("yueyang-window", 1, 1_795_363_260_000);
        let shown = drift.json();
        assert_eq!(shown["codes"][2]["first_seen"], "2026-11-23 00:00:00");
        assert_eq!(shown["codes"][2]["last_seen"], "2026-11-23 00:00:01");
        assert_eq!(shown["undeclared"][0]["count"], 4);
        assert_eq!(shown["undeclared"][0]["last_seen"], "2026-11-23 00:01:00");
        assert!(!shown.to_string().contains("张三") && !shown.to_string().contains("certNo"));
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let drift = Drift::default();
        for number in 0..CODES_MAX + 7 {
            drift.code(DIRECTION, "sex", "yueyang-window", &number.to_string(), 0);
        }
        drift.code(DIRECTION, "sex", "yueyang-window", "3", 5);
        assert_eq!(drift.codes().len(), CODES_MAX);
        assert_eq!(drift.json()["codes_left_out"], 7);
        assert!(drift.codes().iter().any(|(sighted, count)| sighted.code == "3" && count.count == 2));
    }

    #[test]
    fn codes_are_short_printable_and_nobodys() {
        assert_eq!(presentable("4210\n02\u{202e}"), "4210?02?");
        assert_eq!(presentable(&"长".repeat(40)), "长".repeat(32));
        for personal in ["430602199003079989", "13907301234", "a@b.cn", "6222020200112233445", "号13907301234"] {
            assert_eq!(presentable(personal), HIDDEN, "{personal}");
        }
        for code in ["421002000000", "02", "-10", "存续（在营、开业、在册）", "91420100", "21000000001"] {
            assert_eq!(presentable(code), code);
        }
    }
}
