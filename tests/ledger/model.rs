//! Both ledgers side by side: any course of openings and closings gets the same answers from each.

use crate::support::{CALLER, closing, directory, file_in, opening, sqlite};
use jingyue::edge::ledger::memory::Memory;
use jingyue::edge::ledger::{Finding, Ledger, Opened, Opening, Outcome, Resolution};
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Clone, Debug)]
enum Act {
    Open { key: u8, content: u8, money: bool, repeatable: bool },
    Close { key: u8, outcome: Outcome },
    Resolve { entry: u8, done: bool },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let outcome = prop_oneof![Just(Outcome::NotDelivered), Just(Outcome::Answered), Just(Outcome::Unknown)];
    let open = (0..4_u8, prop_oneof![4 => Just(1_u8), 1 => Just(2_u8)], any::<bool>(), any::<bool>());
    let act = prop_oneof![
        3 => open.prop_map(|(key, content, money, repeatable)| Act::Open { key, content, money, repeatable }),
        2 => (0..4_u8, outcome).prop_map(|(key, outcome)| Act::Close { key, outcome }),
        1 => (1..5_u8, any::<bool>()).prop_map(|(entry, done)| Act::Resolve { entry, done }),
    ];
    prop::collection::vec(act, 1..40)
}

/// Everything a ledger said, in order.
fn play(ledger: &dyn Ledger, acts: &[Act]) -> Vec<String> {
    let mut open: HashMap<u8, Opened> = HashMap::new();
    let mut said = Vec::new();
    for (number, act) in acts.iter().enumerate() {
        match act {
            Act::Open { key, content, money, repeatable } => {
                let mut entry = opening(&key.to_string(), *content);
                entry.money = *money;
                entry.repeatable = *repeatable;
                entry.sequence = number as u64;
                let found = crate::support::block_on(ledger.open(entry));
                said.push(match &found {
                    Ok(Opening::Repeat(answer) | Opening::Unknown(answer)) => {
                        format!("{found:?} {:?}", answer.body.reveal())
                    }
                    _ => format!("{found:?}"),
                });
                if let Ok(Opening::New(opened)) = found {
                    assert!(open.insert(*key, opened).is_none(), "opened twice");
                }
            }
            Act::Close { key, outcome } => {
                if let Some(opened) = open.remove(key) {
                    let closed = ledger.close(opened, closing(*outcome, &number.to_string()));
                    said.push(format!("{:?}", crate::support::block_on(closed)));
                }
            }
            Act::Resolve { entry, done } => {
                let verdict = if *done { Finding::Done } else { Finding::NotDone };
                let (entry, who, why) = (i64::from(*entry), "a".to_owned(), "b".to_owned());
                let resolved = ledger.resolve(Resolution { entry, verdict, who, why, resolved_at: 5 });
                said.push(format!("{resolved:?}"));
            }
        }
    }
    said.push(format!("{:?}", ledger.unknown(3)));
    let mut lines = ledger.summary().unwrap();
    lines.sort_by_key(|line| (line.outcome.map(|outcome| outcome as u8), line.money, line.resolved));
    said.push(format!("{lines:?} {:?}", ledger.sequence_highest()));
    said.extend((0..4).map(|key| format!("{:?}", ledger.find(CALLER, &key.to_string()))));
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_say_the_same(acts in acts()) {
        let directory = directory();
        prop_assert_eq!(play(&Memory::new(), &acts), play(&sqlite(&file_in(&directory)), &acts));
    }
}
