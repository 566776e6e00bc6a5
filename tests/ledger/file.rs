//! The SQLite file itself: who may have it, what is refused, what it holds after closing.

use crate::child;
use crate::support::{
    CALLER, RESTARTED_AT, answer, ask, block_on, closing, directory, exchange, file_in, no_answer, open, open_new,
    opening, settings, sqlite,
};
use futures_util::future::join_all;
use jingyue::domain::fault::Fault;
use jingyue::edge::ledger::sqlite::{OpenError, Settings, Sqlite};
use jingyue::edge::ledger::{Finding, Ledger, Opening, Outcome, Resolution};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn refusal(file: &Path) -> OpenError {
    match Sqlite::open(&settings(file), RESTARTED_AT) {
        Ok(_) => panic!("{} was opened", file.display()),
        Err(error) => error,
    }
}

#[test]
fn everything_survives_closing_and_opening() {
    let directory = directory();
    let file = file_in(&directory);
    let first = sqlite(&file);
    block_on(async {
        exchange(&first, "answered", Outcome::Answered, "yes").await;
        exchange(&first, "unknown", Outcome::Unknown, "late").await;
        exchange(&first, "not delivered", Outcome::NotDelivered, "no").await;
        let mut entry = opening("open", 1);
        (entry.sequence, entry.money) = (41, true);
        assert!(matches!(first.open(entry).await, Ok(Opening::New(_))));
    });
    let keys = ["answered", "unknown", "not delivered"];
    let before: Vec<_> = keys.iter().map(|key| first.find(CALLER, key).unwrap()).collect();
    let mut lines = first.summary().unwrap();
    first.shut_down();

    let second = sqlite(&file);
    assert_eq!(keys.map(|key| second.find(CALLER, key).unwrap()).to_vec(), before);
    assert_eq!(second.sequence_highest(), Ok(41));
    // The one difference: what was open is unknown now, with no time of closing.
    for line in lines.iter_mut().filter(|line| line.outcome.is_none()) {
        line.outcome = Some(Outcome::Unknown);
    }
    let order = |lines: &mut Vec<_>| lines.sort_by_key(|line| format!("{line:?}"));
    let mut lines_now = second.summary().unwrap();
    order(&mut lines);
    order(&mut lines_now);
    assert_eq!(lines_now, lines);
    let interrupted = second.find(CALLER, "open").unwrap().unwrap();
    assert_eq!((interrupted.outcome, interrupted.closed_at, interrupted.fault), (Some(Outcome::Unknown), None, 0));
    block_on(async {
        assert_eq!(open(&second, "answered", 1).await, Ok(Opening::Repeat(answer("yes"))));
        assert_eq!(open(&second, "answered", 2).await, Ok(Opening::ContentDiffers { settled: true }));
        assert_eq!(open(&second, "unknown", 1).await, Ok(Opening::Unknown(answer("late"))));
        assert_eq!(open(&second, "open", 1).await, Ok(Opening::Unknown(no_answer())));
        let _opened = open_new(&second, "not delivered").await;
    });
}

#[test]
fn every_attempt_stays_in_the_file() {
    let directory = directory();
    let file = file_in(&directory);
    let ledger = sqlite(&file);
    block_on(async {
        exchange(&ledger, "a", Outcome::NotDelivered, "no").await;
        exchange(&ledger, "a", Outcome::Answered, "yes").await;
    });
    drop(ledger);
    assert_eq!(ask(&file, "SELECT count(*) FROM entry"), 1);
    assert_eq!(ask(&file, "SELECT fault FROM attempt WHERE number = 1 AND superseded = 1 AND outcome = 1"), 504);
    assert_eq!(ask(&file, "SELECT fault FROM attempt WHERE number = 2 AND superseded = 0 AND outcome = 2"), 0);
}

#[test]
fn a_shell_cannot_change_what_is_written() {
    let directory = directory();
    let file = file_in(&directory);
    let ledger = sqlite(&file);
    block_on(exchange(&ledger, "a", Outcome::Answered, "yes"));
    block_on(exchange(&ledger, "b", Outcome::Unknown, "late"));
    let entry = ledger.find(CALLER, "b").unwrap().unwrap().id;
    let resolution =
        Resolution { entry, verdict: Finding::Done, who: "赵六".into(), why: "电话".into(), resolved_at: 1 };
    assert_eq!(ledger.resolve(resolution), Ok(true));
    drop(ledger);
    let shell = rusqlite::Connection::open(&file).unwrap();
    for statement in [
        "DELETE FROM entry",
        "DELETE FROM attempt",
        "UPDATE entry SET key = 'b'",
        "UPDATE attempt SET outcome = 1",
        "UPDATE attempt SET outcome = NULL, closed_at = NULL",
        "UPDATE attempt SET outbound_digest = zeroblob(32)",
        "UPDATE answer SET body = x''",
        "INSERT INTO entry (caller, key, request_digest) SELECT caller, key, request_digest FROM entry",
        "INSERT INTO answer VALUES (99, 200, '', x'')",
        "DELETE FROM resolution",
        "UPDATE resolution SET verdict = 2",
        "INSERT INTO resolution VALUES (99, 1, 1, '', '', 0)",
    ] {
        assert!(shell.execute_batch(statement).is_err(), "{statement}");
    }
}

#[test]
fn only_the_owner_may_read_the_files() {
    let directory = directory();
    let file = file_in(&directory);
    let ledger = sqlite(&file);
    block_on(exchange(&ledger, "a", Outcome::Answered, "yes"));
    for found in fs::read_dir(directory.path()).unwrap() {
        let found = found.unwrap();
        assert_eq!(found.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", found.path().display());
    }
    drop(ledger);
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|found| found.unwrap().file_name()).collect();
    assert_eq!(left, ["ledger.db"], "after closing the file alone is the ledger");
}

#[test]
fn a_second_gateway_is_refused() {
    let directory = directory();
    let file = file_in(&directory);
    let first = sqlite(&file);
    let error = refusal(&file);
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("另一个网关进程"));
    block_on(exchange(&first, "a", Outcome::Answered, "yes"));
    first.shut_down();

    let mut running = child::start("hold", &file, 0, None);
    running.next(&["holding"]).unwrap();
    let error = refusal(&file);
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    drop(running.process.stdin.take());
    assert!(running.process.wait().unwrap().success());
    assert_eq!(block_on(open(&sqlite(&file), "a", 1)), Ok(Opening::Repeat(answer("yes"))));
}

#[test]
fn a_file_of_a_later_version_is_refused_and_left_alone() {
    let directory = directory();
    let file = file_in(&directory);
    drop(sqlite(&file));
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = fs::read(&file).unwrap();
    let error = refusal(&file);
    assert!(matches!(error, OpenError::Newer { found: 3, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("新版程序"));
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// What version 1 made of an empty file.
const VERSION_1: &str = include_str!("version_1.sql");

#[test]
fn a_file_of_version_1_is_taken_over_with_all_that_it_holds() {
    let directory = directory();
    let file = file_in(&directory);
    rusqlite::Connection::open(&file).unwrap().execute_batch(VERSION_1).unwrap();
    for _ in 0..2 {
        let ledger = sqlite(&file);
        block_on(async {
            assert_eq!(open(&ledger, "answered", 1).await, Ok(Opening::Repeat(answer("yes"))));
            assert_eq!(open(&ledger, "unknown", 1).await, Ok(Opening::Unknown(answer("late"))));
            assert_eq!(open(&ledger, "answered", 2).await, Ok(Opening::ContentDiffers { settled: true }));
        });
        assert_eq!(ledger.sequence_highest(), Ok(9));
    }
    assert_eq!(ask(&file, "PRAGMA user_version"), 2);
    assert_eq!(ask(&file, "SELECT count(*) FROM attempt"), 3);
    assert_eq!(ask(&file, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%version_1%'"), 0);
    let shell = rusqlite::Connection::open(&file).unwrap();
    for statement in ["DELETE FROM attempt", "UPDATE attempt SET outcome = 1", "UPDATE attempt SET sequence = 7"] {
        assert!(shell.execute_batch(statement).is_err(), "{statement}");
    }
    drop(shell);
    // The new rule holds in the file that was taken over: a query may be asked again.
    let ledger = sqlite(&file);
    let mut entry = opening("unknown", 1);
    entry.repeatable = true;
    assert!(matches!(block_on(ledger.open(entry)), Ok(Opening::New(_))));
}

#[test]
fn files_of_something_else_are_refused_and_left_alone() {
    let directory = directory();
    let text = directory.path().join("text");
    fs::write(&text, "这不是台账".repeat(1_000)).unwrap();
    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE something (else_ TEXT)").unwrap();
    for file in [text, foreign] {
        let before = fs::read(&file).unwrap();
        let error = refusal(&file);
        assert!(matches!(error, OpenError::NotALedger { .. }), "{error:?}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let directory = directory();
    let file = file_in(&directory);
    let ledger = sqlite(&file);
    block_on(async {
        for number in 0..50 {
            exchange(&ledger, &number.to_string(), Outcome::Answered, &"x".repeat(500)).await;
        }
    });
    drop(ledger);
    let mut bytes = fs::read(&file).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0x55);
    fs::write(&file, &bytes).unwrap();
    let error = refusal(&file);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("备份"));
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_missing_directory_is_named() {
    let directory = directory();
    let error = refusal(&directory.path().join("missing/ledger.db"));
    assert!(matches!(error, OpenError::DirectoryMissing { .. }), "{error:?}");
    assert!(error.to_string().contains("missing") && error.to_string().contains("请先建立"));
}

#[test]
fn an_empty_file_left_by_a_kill_at_the_first_start_becomes_a_ledger() {
    let directory = directory();
    let file = file_in(&directory);
    fs::write(&file, "").unwrap();
    block_on(exchange(&sqlite(&file), "a", Outcome::Answered, "yes"));
}

#[test]
fn a_full_queue_refuses_at_once_and_nothing_else_breaks() {
    let directory = directory();
    let file = file_in(&directory);
    let ledger = Sqlite::open(&Settings { file, group_max: 1, queue_max: 1 }, RESTARTED_AT).unwrap();
    // Calls queue without being awaited, faster than a disk can sync one by one.
    let answers = block_on(join_all((0..2_000).map(|number| ledger.open(opening(&number.to_string(), 1)))));
    let refused = answers.iter().filter(|answer| **answer == Err(Fault::LedgerUnavailable)).count();
    assert!(refused > 0 && refused < 2_000, "{refused}");
    assert!(ledger.healthy());
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(ledger.find(CALLER, &number.to_string()).unwrap().is_some(), answer.is_ok(), "{number}");
    }
    block_on(exchange(&ledger, "later", Outcome::Answered, "yes"));
}

#[test]
fn exchanges_share_commits() {
    let directory = directory();
    let ledger = sqlite(&file_in(&directory));
    let one = |number: usize| {
        let ledger = &ledger;
        async move {
            let opened = open_new(ledger, &number.to_string()).await;
            ledger.close(opened, closing(Outcome::Answered, "yes")).await.unwrap();
        }
    };
    block_on(join_all((0..200).map(one)));
    let stats = ledger.stats();
    assert_eq!((stats.records, stats.commands), (400, 400));
    assert!(stats.commits < 200, "{stats:?}");
    assert!(stats.last_commit_microseconds <= stats.all_commits_microseconds);
}

#[test]
fn a_running_number_that_does_not_fit_is_no_failed_write() {
    let directory = directory();
    let ledger = sqlite(&file_in(&directory));
    let mut entry = opening("a", 1);
    entry.sequence = u64::MAX;
    assert!(matches!(block_on(ledger.open(entry)), Err(Fault::Internal { .. })));
    assert!(ledger.healthy());
    block_on(exchange(&ledger, "a", Outcome::Answered, "yes"));
}
