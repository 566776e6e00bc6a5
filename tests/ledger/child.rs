//! The part of the test binary that is killed, starved or merely holds the file, started by `crash` and `file`.

use crate::support::{CALLER, RESTARTED_AT, closing, open_new, opening, sqlite};
use futures_util::future::join_all;
use jingyue::domain::fault::Fault;
use jingyue::edge::ledger::{Ledger, Opening, Outcome};
use std::env;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

const PART: &str = "LEDGER_TEST_PART";
const FILE: &str = "LEDGER_TEST_FILE";
const ROUND: &str = "LEDGER_TEST_ROUND";

/// Tasks that a stream keeps going at the same time.
const TASKS: usize = 16;

/// A child process and what it says.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) lines: BufReader<ChildStdout>,
}

impl Running {
    /// The next line that begins with `word`, without it; `None` at the end.
    pub(crate) fn next(&mut self, words: &[&str]) -> Option<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.ends_with('\n') && words.iter().any(|word| line.starts_with(word)) {
                return Some(line.trim_end().into());
            }
            line.clear();
        }
        None
    }
}

/// Starts `part` in a child. With `file_blocks` no file of the child may grow beyond that many blocks of `ulimit`.
pub(crate) fn start(part: &str, file: &Path, round: usize, file_blocks: Option<u32>) -> Running {
    let limit = file_blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    let mut process = Command::new("sh")
        .arg("-c")
        .arg(format!("{limit}exec \"$0\" --exact child::part --nocapture"))
        .arg(env::current_exe().unwrap())
        .env(PART, part)
        .env(FILE, file)
        .env(ROUND, round.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap());
    Running { process, lines }
}

fn say(line: &str) {
    // One write for the whole line: a kill leaves all of it or nothing.
    let mut out = stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Does nothing unless `start` has set its part.
#[test]
fn part() {
    let Ok(part) = env::var(PART) else { return };
    let file = env::var_os(FILE).unwrap();
    let round = env::var(ROUND).unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite(Path::new(&file)));
    match part.as_str() {
        "hold" => {
            say("holding");
            drop(stdin().read(&mut [0]));
        }
        "stream" => stream(&ledger, &round),
        "fill" => crate::support::block_on(fill(&*ledger, &round)),
        other => panic!("no part {other}"),
    }
}

/// Opens without end and closes every second entry; says each only after the ledger has.
fn stream(ledger: &Arc<dyn Ledger>, round: &str) {
    crate::support::block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (ledger, round) = (Arc::clone(ledger), round.to_owned());
                tokio::spawn(async move {
                    for number in 0.. {
                        let key = format!("{round}-{task}-{number}");
                        let opened = open_new(&*ledger, &key).await;
                        say(&format!("opened {key}"));
                        if number % 2 == 0 {
                            ledger.close(opened, closing(Outcome::Answered, &key)).await.unwrap();
                            say(&format!("closed {key}"));
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Opens and closes at the same time until a write fails; then all must hear of it, and everything is refused.
async fn fill(ledger: &dyn Ledger, round: &str) {
    join_all((0..TASKS).map(|task| fill_until_refused(ledger, format!("{round}-{task}")))).await;
    assert!(!ledger.healthy());
    assert!(ledger.failure().is_some());
    assert_eq!(ledger.open(opening("after", 1)).await, Err(Fault::LedgerUnavailable));
    assert_eq!(ledger.find(CALLER, "after"), Err(Fault::LedgerUnavailable));
    assert_eq!(ledger.summary(), Err(Fault::LedgerUnavailable));
    say(&format!("refused {RESTARTED_AT}"));
}

async fn fill_until_refused(ledger: &dyn Ledger, name: String) {
    for number in 0.. {
        let key = format!("{name}-{number}");
        let opened = match ledger.open(opening(&key, 1)).await {
            Ok(Opening::New(opened)) => opened,
            Err(Fault::LedgerUnavailable) => return,
            other => panic!("{other:?}"),
        };
        say(&format!("opened {key}"));
        match ledger.close(opened, closing(Outcome::Answered, &"汉".repeat(100))).await {
            Ok(()) => say(&format!("closed {key}")),
            Err(Fault::LedgerUnavailable) => return,
            Err(other) => panic!("{other:?}"),
        }
    }
}
