//! What is left after a kill and after a failed write.

use crate::child;
use crate::support::{
    CALLER, RESTARTED_AT, answer, ask, block_on, directory, exchange, file_in, no_answer, open, sqlite,
};
use jingyue::domain::masked::Masked;
use jingyue::edge::ledger::{Ledger, Opening, Outcome, StoredAnswer};
use std::collections::HashSet;
use std::path::Path;

/// Keys that a child said were durable.
#[derive(Default)]
struct Said {
    opened: HashSet<String>,
    closed: HashSet<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        if let Some(key) = line.strip_prefix("opened ") {
            assert!(self.opened.insert(key.into()), "{key} opened twice");
        } else if let Some(key) = line.strip_prefix("closed ") {
            assert!(self.closed.insert(key.into()), "{key} closed twice");
        }
    }
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_doubles_nothing() {
    let directory = directory();
    let file = file_in(&directory);
    let mut said = Said::default();
    // Each round kills at another moment of the stream, on top of what the rounds before have left.
    for (round, lines) in [(0, 200), (1, 1), (2, 977)] {
        let mut running = child::start("stream", &file, round, None);
        for _ in 0..lines {
            said.hear(&running.next(&["opened", "closed"]).expect("the child ended by itself"));
        }
        running.process.kill().unwrap();
        while let Some(line) = running.next(&["opened", "closed"]) {
            said.hear(&line);
        }
        running.process.wait().unwrap();
        check_after_kill(&sqlite(&file), &said);
        check_no_doubles(&file);
    }
    assert!(said.closed.len() > 100 && said.opened.len() > said.closed.len());
}

fn check_after_kill(ledger: &dyn Ledger, said: &Said) {
    for key in &said.opened {
        let entry = ledger.find(CALLER, key).unwrap().expect("an acknowledged opening is lost");
        let second = block_on(open(ledger, key, 1)).unwrap();
        match entry.outcome {
            // Closed, whether or not the child came to say so.
            Some(Outcome::Answered) => {
                assert_eq!(
                    second,
                    Opening::Repeat(StoredAnswer { body: Masked::new(key.clone().into()), ..answer("") })
                );
            }
            Some(Outcome::Unknown) => {
                assert!(!said.closed.contains(key), "{key}: an acknowledged closing is lost");
                assert_eq!((entry.closed_at, entry.fault), (None, 0));
                assert_eq!(second, Opening::Unknown(no_answer()));
            }
            other => panic!("{key}: {other:?}"),
        }
    }
}

fn check_no_doubles(file: &Path) {
    assert_eq!(ask(file, "SELECT count(*) FROM entry"), ask(file, "SELECT count(*) FROM attempt"));
    assert_eq!(ask(file, "SELECT count(*) FROM attempt WHERE outcome IS NULL"), 0);
    let interrupted = ask(file, "SELECT count(*) FROM attempt WHERE outcome = 3");
    assert_eq!(ask(file, &format!("SELECT count(*) FROM attempt WHERE interrupted_at = {RESTARTED_AT}")), interrupted);
}

#[test]
fn a_failed_write_ends_all_work_until_the_next_start() {
    let directory = directory();
    let file = file_in(&directory);
    drop(sqlite(&file));
    // The log may not grow beyond some hundred KiB: well below the size at which it is folded into the file.
    let mut running = child::start("fill", &file, 0, Some(512));
    let mut said = Said::default();
    let mut refused = false;
    while let Some(line) = running.next(&["opened", "closed", "refused"]) {
        refused |= line.starts_with("refused");
        said.hear(&line);
    }
    assert!(refused, "the child met no failed write, or went on after it");
    assert!(running.process.wait().unwrap().success());
    assert!(said.closed.len() > 3);

    let ledger = sqlite(&file);
    for key in &said.opened {
        let entry = ledger.find(CALLER, key).unwrap().expect("an acknowledged opening is lost");
        // A group that was refused may yet be found in the log: refused means not known, never not written.
        let expected: &[_] =
            if said.closed.contains(key) { &[Outcome::Answered] } else { &[Outcome::Answered, Outcome::Unknown] };
        assert!(entry.outcome.is_some_and(|outcome| expected.contains(&outcome)), "{key}: {entry:?}");
    }
    assert!(ledger.healthy());
    block_on(exchange(&ledger, "after the restart", Outcome::Answered, "yes"));
}
