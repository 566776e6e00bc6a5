//! What every ledger must do, run on each.

use crate::support::{CALLER, CLOSED_AT, OPENED_AT, answer, block_on, closing, exchange, open, open_new, opening};
use futures_util::future::join_all;
use jingyue::domain::fault::Fault;
use jingyue::edge::ledger::{Finding, Ledger, Opening, Outcome, Question, Resolution, Summary};
use std::thread;

/// Runs each named function on a fresh ledger of each kind, as its own test.
macro_rules! on_both {
    ($($case:ident)*) => {
        mod memory {
            $(#[test]
            fn $case() {
                super::$case(&jingyue::edge::ledger::memory::Memory::new());
            })*
        }
        mod sqlite {
            use crate::support::{directory, file_in, sqlite};
            $(#[test]
            fn $case() {
                let directory = directory();
                super::$case(&sqlite(&file_in(&directory)));
            })*
        }
    };
}

on_both! {
    a_repeat_gets_the_stored_answer
    a_second_open_while_under_way_is_in_progress
    another_content_is_refused_in_every_state
    not_delivered_may_be_opened_again
    unknown_is_never_opened_again
    unknown_is_opened_again_where_that_changes_nothing
    what_somebody_found_out_stands_beside_the_entry
    a_look_says_what_an_opening_would_and_writes_nothing
    callers_do_not_share_keys
    simultaneous_opens_give_exactly_one_new
    entries_are_found_as_written
    the_summary_counts_entries_by_their_latest_attempt
    the_highest_sequence_is_kept
    after_shut_down_everything_is_refused
    records_are_counted
}

fn a_repeat_gets_the_stored_answer(ledger: &dyn Ledger) {
    block_on(async {
        exchange(ledger, "a", Outcome::Answered, "first").await;
        exchange(ledger, "b", Outcome::Answered, "second").await;
        assert_eq!(open(ledger, "a", 1).await, Ok(Opening::Repeat(answer("first"))));
        assert_eq!(open(ledger, "b", 1).await, Ok(Opening::Repeat(answer("second"))));
        assert_eq!(open(ledger, "a", 1).await, Ok(Opening::Repeat(answer("first"))));
    });
}

fn a_second_open_while_under_way_is_in_progress(ledger: &dyn Ledger) {
    block_on(async {
        let _opened = open_new(ledger, "a").await;
        assert_eq!(open(ledger, "a", 1).await, Ok(Opening::InProgress));
    });
}

fn another_content_is_refused_in_every_state(ledger: &dyn Ledger) {
    block_on(async {
        let _opened = open_new(ledger, "open").await;
        exchange(ledger, "answered", Outcome::Answered, "yes").await;
        exchange(ledger, "unknown", Outcome::Unknown, "late").await;
        exchange(ledger, "not delivered", Outcome::NotDelivered, "no").await;
        for (key, settled) in [("open", false), ("answered", true), ("unknown", false), ("not delivered", true)] {
            assert_eq!(open(ledger, key, 2).await, Ok(Opening::ContentDiffers { settled }), "{key}");
        }
    });
}

fn not_delivered_may_be_opened_again(ledger: &dyn Ledger) {
    block_on(async {
        let first = open_new(ledger, "a").await;
        let id = first.id();
        ledger.close(first, closing(Outcome::NotDelivered, "no")).await.unwrap();
        let second = open_new(ledger, "a").await;
        assert_eq!(second.id(), id, "it is the same entry");
        assert_eq!(open(ledger, "a", 1).await, Ok(Opening::InProgress));
        ledger.close(second, closing(Outcome::NotDelivered, "no again")).await.unwrap();
        let third = open_new(ledger, "a").await;
        ledger.close(third, closing(Outcome::Answered, "yes")).await.unwrap();
        assert_eq!(open(ledger, "a", 1).await, Ok(Opening::Repeat(answer("yes"))));
    });
}

fn unknown_is_never_opened_again(ledger: &dyn Ledger) {
    block_on(async {
        exchange(ledger, "a", Outcome::Unknown, "timeout").await;
        for _ in 0..2 {
            assert_eq!(open(ledger, "a", 1).await, Ok(Opening::Unknown(answer("timeout"))));
        }
    });
}

fn unknown_is_opened_again_where_that_changes_nothing(ledger: &dyn Ledger) {
    let query = |key: &str, content| {
        let mut entry = opening(key, content);
        entry.repeatable = true;
        ledger.open(entry)
    };
    block_on(async {
        for text in ["late", "late again"] {
            let Ok(Opening::New(opened)) = query("a", 1).await else { panic!("not new") };
            assert_eq!(query("a", 1).await, Ok(Opening::InProgress));
            ledger.close(opened, closing(Outcome::Unknown, text)).await.unwrap();
        }
        assert_eq!(query("a", 2).await, Ok(Opening::ContentDiffers { settled: true }));
        let Ok(Opening::New(opened)) = query("a", 1).await else { panic!("not new") };
        ledger.close(opened, closing(Outcome::Answered, "yes")).await.unwrap();
        assert_eq!(query("a", 1).await, Ok(Opening::Repeat(answer("yes"))));
        // What moved money stays closed, whatever is said of it later.
        let mut money = opening("money", 1);
        money.money = true;
        let Ok(Opening::New(opened)) = ledger.open(money).await else { panic!("not new") };
        ledger.close(opened, closing(Outcome::Unknown, "late")).await.unwrap();
        assert_eq!(query("money", 1).await, Ok(Opening::Unknown(answer("late"))));
        assert_eq!(query("money", 2).await, Ok(Opening::ContentDiffers { settled: false }));
    });
    assert!(ledger.healthy());
}

fn a_look_says_what_an_opening_would_and_writes_nothing(ledger: &dyn Ledger) {
    let look = |key: &str, content| {
        let request_digest = [content; 32];
        ledger.look(Question { caller: CALLER.into(), key: key.into(), request_digest, repeatable: false })
    };
    block_on(async {
        let _opened = open_new(ledger, "open").await;
        exchange(ledger, "answered", Outcome::Answered, "yes").await;
        exchange(ledger, "unknown", Outcome::Unknown, "late").await;
        exchange(ledger, "not delivered", Outcome::NotDelivered, "no").await;
        let records = ledger.stats().records;
        assert_eq!(look("new", 1).await, Ok(None));
        assert_eq!(look("new", 1).await, Ok(None), "a look leaves nothing");
        assert_eq!(look("not delivered", 1).await, Ok(None));
        for (key, content) in
            [("open", 1), ("open", 2), ("answered", 1), ("answered", 2), ("unknown", 1), ("unknown", 2)]
        {
            assert_eq!(look(key, content).await.map(Option::unwrap), open(ledger, key, content).await, "{key}");
        }
        assert_eq!(ledger.stats().records, records);
        ledger.shut_down();
        assert_eq!(look("answered", 1).await, Err(Fault::LedgerUnavailable));
    });
}

fn what_somebody_found_out_stands_beside_the_entry(ledger: &dyn Ledger) {
    let resolve = |entry, verdict| {
        let (who, why) = ("赵六".to_owned(), "查询号 Q-7".to_owned());
        ledger.resolve(Resolution { entry, verdict, who, why, resolved_at: 9_000 })
    };
    let waiting = |most| ledger.unknown(most).unwrap().into_iter().map(|entry| entry.key).collect::<Vec<_>>();
    let ids = block_on(async {
        exchange(ledger, "answered", Outcome::Answered, "yes").await;
        let mut ids = Vec::new();
        for (key, money, opened_at) in [("late", false, 500), ("money", true, 900), ("more money", true, 800)] {
            let mut entry = opening(key, 1);
            (entry.money, entry.opened_at) = (money, opened_at);
            let Ok(Opening::New(opened)) = ledger.open(entry).await else { panic!("not new") };
            ids.push(opened.id());
            ledger.close(opened, closing(Outcome::Unknown, "late")).await.unwrap();
        }
        let _open = open_new(ledger, "open").await;
        ids
    });
    assert_eq!(waiting(9), ["more money", "money", "late"], "money first, then the oldest");
    assert_eq!(waiting(1), ["more money"]);
    assert_eq!(resolve(ids[1], Finding::Done), Ok(true));
    assert_eq!(resolve(ids[2], Finding::NotDone), Ok(true));
    assert_eq!(resolve(ids[1], Finding::NotDone), Ok(false), "what was found out is never written over");
    assert_eq!(resolve(ids[0] - 1, Finding::Done), Ok(false), "answered");
    assert_eq!(resolve(ids[2] + 1, Finding::Done), Ok(false), "open");
    assert_eq!(resolve(99, Finding::Done), Ok(false), "no entry");
    assert_eq!(waiting(9), ["late"]);
    block_on(async {
        assert_eq!(open(ledger, "money", 1).await, Ok(Opening::Resolved(Finding::Done)));
        assert_eq!(open(ledger, "more money", 1).await, Ok(Opening::Resolved(Finding::NotDone)));
        assert_eq!(open(ledger, "money", 2).await, Ok(Opening::ContentDiffers { settled: true }));
        assert_eq!(open(ledger, "late", 1).await, Ok(Opening::Unknown(answer("late"))));
    });
    let mut lines: Vec<_> = ledger.summary().unwrap().into_iter().map(|line| (line.resolved, line.count)).collect();
    lines.sort_unstable();
    assert_eq!(lines, [(false, 1), (false, 1), (false, 1), (true, 2)], "open, answered, unknown; resolved");
}

fn callers_do_not_share_keys(ledger: &dyn Ledger) {
    block_on(async {
        exchange(ledger, "a", Outcome::Answered, "yes").await;
        let mut other = opening("a", 2);
        other.caller = "jz-kstb-01".into();
        assert!(matches!(ledger.open(other).await, Ok(Opening::New(_))));
    });
}

/// Many threads, each with an event loop of its own as the gateway has them, and all after the same keys.
fn simultaneous_opens_give_exactly_one_new(ledger: &dyn Ledger) {
    const KEYS: usize = 16;
    let keys: Vec<_> = (0..KEYS).flat_map(|key| [key; 4]).collect();
    let one_thread = || block_on(join_all(keys.iter().map(|key| ledger.open(opening(&key.to_string(), 1)))));
    let found: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one_thread)).collect();
        threads.into_iter().flat_map(|thread| keys.iter().zip(thread.join().unwrap())).collect()
    });
    let mut new = [0; KEYS];
    for (&key, opening) in found {
        match opening.unwrap() {
            Opening::New(_) => new[key] += 1,
            Opening::InProgress => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(new, [1; KEYS]);
}

fn entries_are_found_as_written(ledger: &dyn Ledger) {
    assert_eq!(ledger.find(CALLER, "a"), Ok(None));
    let opened = block_on(open_new(ledger, "a"));
    let id = opened.id();
    let open = ledger.find(CALLER, "a").unwrap().unwrap();
    assert_eq!((open.id, open.outcome, open.closed_at, open.fault), (id, None, None, 0));
    assert_eq!((open.caller.as_str(), open.key.as_str(), open.opened_at), (CALLER, "a", OPENED_AT));
    assert_eq!((open.matter.as_str(), open.step.as_str(), open.target.as_str()), ("GJ07", "main", "jingzhou-window"));
    block_on(ledger.close(opened, closing(Outcome::Unknown, "late"))).unwrap();
    let closed = ledger.find(CALLER, "a").unwrap().unwrap();
    assert_eq!((closed.outcome, closed.closed_at, closed.fault), (Some(Outcome::Unknown), Some(CLOSED_AT), 504));
    assert_eq!(ledger.find("nobody", "a"), Ok(None));
    assert_eq!(ledger.find(CALLER, "A"), Ok(None));
}

fn the_summary_counts_entries_by_their_latest_attempt(ledger: &dyn Ledger) {
    assert_eq!(ledger.summary(), Ok(Vec::new()));
    block_on(async {
        let mut older = opening("answered 1", 1);
        older.opened_at = 500;
        exchange(ledger, "answered 2", Outcome::Answered, "yes").await;
        let Ok(Opening::New(opened)) = ledger.open(older).await else { panic!("not new") };
        ledger.close(opened, closing(Outcome::Answered, "yes")).await.unwrap();
        exchange(ledger, "not delivered", Outcome::NotDelivered, "no").await;
        exchange(ledger, "again", Outcome::NotDelivered, "no").await;
        exchange(ledger, "again", Outcome::Unknown, "late").await;
        let mut money = opening("money", 1);
        money.money = true;
        assert!(matches!(ledger.open(money).await, Ok(Opening::New(_))));
    });
    let mut lines = ledger.summary().unwrap();
    lines.sort_by_key(|line| line.outcome.map(|outcome| outcome as u8));
    let line =
        |outcome, money, count, oldest_opened_at| Summary { outcome, resolved: false, money, count, oldest_opened_at };
    let expected = [
        line(None, true, 1, OPENED_AT),
        line(Some(Outcome::NotDelivered), false, 1, OPENED_AT),
        line(Some(Outcome::Answered), false, 2, 500),
        line(Some(Outcome::Unknown), false, 1, OPENED_AT),
    ];
    assert_eq!(lines, expected);
}

fn the_highest_sequence_is_kept(ledger: &dyn Ledger) {
    assert_eq!(ledger.sequence_highest(), Ok(0));
    block_on(async {
        for (key, sequence) in [("a", 5), ("b", 9), ("c", 7)] {
            let mut entry = opening(key, 1);
            entry.sequence = sequence;
            assert!(matches!(ledger.open(entry).await, Ok(Opening::New(_))));
        }
        let mut unwritten = opening("b", 1);
        unwritten.sequence = 100;
        assert_eq!(ledger.open(unwritten).await, Ok(Opening::InProgress));
    });
    assert_eq!(ledger.sequence_highest(), Ok(9));
}

fn after_shut_down_everything_is_refused(ledger: &dyn Ledger) {
    block_on(async {
        let opened = open_new(ledger, "a").await;
        assert!(ledger.healthy());
        ledger.shut_down();
        ledger.shut_down();
        assert!(!ledger.healthy());
        assert_eq!(ledger.failure(), None);
        assert_eq!(open(ledger, "b", 1).await, Err(Fault::LedgerUnavailable));
        assert_eq!(ledger.close(opened, closing(Outcome::Answered, "yes")).await, Err(Fault::LedgerUnavailable));
        assert_eq!(ledger.find(CALLER, "a"), Err(Fault::LedgerUnavailable));
        assert_eq!(ledger.summary(), Err(Fault::LedgerUnavailable));
    });
}

fn records_are_counted(ledger: &dyn Ledger) {
    block_on(async {
        exchange(ledger, "a", Outcome::Answered, "yes").await;
        open(ledger, "a", 1).await.unwrap();
        let _opened = open_new(ledger, "b").await;
    });
    assert_eq!(ledger.stats().records, 3);
}
