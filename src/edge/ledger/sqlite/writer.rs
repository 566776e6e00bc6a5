//! The one thread that touches the ledger file: takes what is queued, writes it as one group, then wakes all.
//!
//! It deliberately tries nothing a second time. After a failed write or commit nobody can say which pages
//! reached the disk, so the thread ends and the ledger is refused until it is opened anew.

use crate::domain::fault::Fault;
use crate::edge::ledger::ClosingEntry;
use crate::edge::ledger::Entry;
use crate::edge::ledger::Opening;
use crate::edge::ledger::OpeningEntry;
use crate::edge::ledger::Outcome;
use crate::edge::ledger::Question;
use crate::edge::ledger::Resolution;
use crate::edge::ledger::Stats;
use crate::edge::ledger::Summary;
use crate::edge::ledger::sqlite::start::Answered;
use crate::edge::ledger::sqlite::start::Started;
use crate::edge::ledger::sqlite::statements::Statements;
use crate::edge::ledger::sqlite::waiter::Giver;
use crate::edge::ledger::sqlite::waiter::Group;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What a caller of the ledger wants, and where the answer goes.
pub(super) enum Command {
    Open { entry: OpeningEntry, reply: Giver<Opening> },
    Look { question: Question, reply: Giver<Option<Opening>> },
    Close { id: i64, entry: ClosingEntry, reply: Giver<()> },
    Find { caller: String, key: String, reply: SyncSender<Result<Option<Entry>, Fault>> },
    Unknown { most: usize, reply: SyncSender<Result<Vec<Entry>, Fault>> },
    Resolve { resolution: Resolution, reply: SyncSender<Result<bool, Fault>> },
    Summary { reply: SyncSender<Result<Vec<Summary>, Fault>> },
    ShutDown,
}

/// An answer that waits for the commit.
enum Answer {
    Open(Giver<Opening>, Opening),
    Look(Giver<Option<Opening>>, Option<Opening>),
    Close(Giver<()>, Result<(), Fault>),
    Find(SyncSender<Result<Option<Entry>, Fault>>, Option<Entry>),
    Unknown(SyncSender<Result<Vec<Entry>, Fault>>, Vec<Entry>),
    Resolve(SyncSender<Result<bool, Fault>>, bool),
    Summary(SyncSender<Result<Vec<Summary>, Fault>>, Vec<Summary>),
}

impl Answer {
    /// Gives the answer away. A waiter that has gone is no fault: what was written stays written.
    fn give(self, group: &Arc<Group>) {
        match self {
            Self::Open(reply, opening) => reply.give(Ok(opening), group),
            Self::Look(reply, found) => reply.give(Ok(found), group),
            Self::Close(reply, closed) => reply.give(closed, group),
            Self::Find(reply, found) => drop(reply.send(Ok(found))),
            Self::Unknown(reply, found) => drop(reply.send(Ok(found))),
            Self::Resolve(reply, written) => drop(reply.send(Ok(written))),
            Self::Summary(reply, lines) => drop(reply.send(Ok(lines))),
        }
    }
}

/// What the thread and the handle both see.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) refused: AtomicBool,
    pub(super) failure: OnceLock<String>,
    pub(super) sequence_highest: AtomicU64,
    commits: AtomicU64,
    commands: AtomicU64,
    records: AtomicU64,
    last_commit_microseconds: AtomicU64,
    all_commits_microseconds: AtomicU64,
}

impl Shared {
    pub(super) fn stats(&self) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            commands: self.commands.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            last_commit_microseconds: self.last_commit_microseconds.load(Ordering::Relaxed),
            all_commits_microseconds: self.all_commits_microseconds.load(Ordering::Relaxed),
        }
    }
}

/// Refuses further work when the thread ends, also when it ends by a panic.
struct RefuseAtEnd<'shared>(&'shared Shared);

impl Drop for RefuseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.refused.store(true, Ordering::Release);
    }
}

/// Serves `queue` until it is told to stop, has no sender left, or a write fails. What is still queued after a
/// failure is dropped, and its waiters read that as a refusal.
pub(super) fn run(started: Started, queue: &Receiver<Command>, group_max: usize, shared: &Shared) {
    let _refuse = RefuseAtEnd(shared);
    let Started { connection, answered, .. } = started;
    let served = Statements::prepare(&connection).and_then(|statements| {
        Writer { statements, answered, answers: Vec::with_capacity(group_max), shared }.serve(queue, group_max)
    });
    match served {
        Ok(()) => close(connection, shared),
        Err(error) => abandon(connection, &error, shared),
    }
}

/// Folds the log into the file, so that the file alone is the whole ledger.
fn close(connection: Connection, shared: &Shared) {
    let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = folded.and_then(|()| connection.close().map_err(|(_, error)| error)) {
        // Everything acknowledged is in the log; the next start reads it from there.
        shared.failure.get_or_init(|| error.to_string());
    }
}

/// Leaves the files as they are: after a failure the log is the truth and must not be touched again.
fn abandon(connection: Connection, error: &rusqlite::Error, shared: &Shared) {
    shared.failure.get_or_init(|| error.to_string());
    if !connection.is_autocommit() {
        drop(connection.execute_batch("ROLLBACK"));
    }
    drop(connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true));
    drop(connection.close());
}

struct Writer<'connection> {
    statements: Statements<'connection>,
    answered: [Answered; 2],
    /// Answers of the group that is being written.
    answers: Vec<Answer>,
    shared: &'connection Shared,
}

impl Writer<'_> {
    fn serve(&mut self, queue: &Receiver<Command>, group_max: usize) -> rusqlite::Result<()> {
        let mut group = Vec::with_capacity(group_max);
        let mut stop = false;
        loop {
            // Waits only for the first command of a group. While a commit syncs, the next group gathers by itself.
            let first = if stop { queue.try_recv().ok() } else { queue.recv().ok() };
            let Some(first) = first else { return Ok(()) };
            group.push(first);
            while group.len() < group_max {
                match queue.try_recv() {
                    Ok(command) => group.push(command),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            stop |= group.iter().any(|command| matches!(command, Command::ShutDown));
            if let Err(error) = self.write(&mut group) {
                // Refuse first, so that whoever hears of the failure finds the ledger refusing.
                self.shared.failure.get_or_init(|| error.to_string());
                self.shared.refused.store(true, Ordering::Release);
                self.answers.clear();
                return Err(error);
            }
            let waiting = Arc::default();
            for answer in self.answers.drain(..) {
                answer.give(&waiting);
            }
            waiting.wake_first_of_each_thread();
        }
    }

    /// Writes one group in one transaction. Answers are kept back until the commit has returned.
    fn write(&mut self, group: &mut Vec<Command>) -> rusqlite::Result<()> {
        let commands = group.len();
        let is_write = |command: &Command| {
            matches!(command, Command::Open { .. } | Command::Close { .. } | Command::Resolve { .. })
        };
        let writes = group.iter().any(is_write);
        if writes {
            self.statements.begin()?;
        }
        let mut records = 0;
        let mut highest = 0;
        for command in group.drain(..) {
            let answer = match command {
                Command::Open { entry, reply } => {
                    let opening = self.statements.open(&entry)?;
                    if matches!(opening, Opening::New(_)) {
                        records += 1;
                        highest = highest.max(entry.sequence);
                    }
                    Answer::Open(reply, opening)
                }
                Command::Look { question, reply } => Answer::Look(reply, self.statements.look(&question)?),
                Command::Close { id, entry, reply } => {
                    let closed = self.close(id, &entry)?;
                    records += u64::from(closed.is_ok());
                    Answer::Close(reply, closed)
                }
                Command::Find { caller, key, reply } => Answer::Find(reply, self.statements.find(&caller, &key)?),
                Command::Unknown { most, reply } => Answer::Unknown(reply, self.statements.unknown(most)?),
                Command::Resolve { resolution, reply } => Answer::Resolve(reply, self.statements.resolve(&resolution)?),
                Command::Summary { reply } => {
                    let lines = self.summary()?;
                    Answer::Summary(reply, lines)
                }
                Command::ShutDown => continue,
            };
            self.answers.push(answer);
        }
        if writes {
            let began = Instant::now();
            self.statements.commit()?;
            self.count(commands, records, began);
            self.shared.sequence_highest.fetch_max(highest, Ordering::AcqRel);
        }
        Ok(())
    }

    fn close(&mut self, id: i64, entry: &ClosingEntry) -> rusqlite::Result<Result<(), Fault>> {
        let Some(closed) = self.statements.close(id, entry)? else {
            return Ok(Err(Fault::Internal { reason: "the ledger entry to close is not open" }));
        };
        if entry.outcome == Outcome::Answered {
            self.answered[usize::from(closed.money)].add(closed.opened_at);
        }
        Ok(Ok(()))
    }

    fn summary(&mut self) -> rusqlite::Result<Vec<Summary>> {
        let mut lines = self.statements.summary()?;
        for (money, answered) in [false, true].into_iter().zip(self.answered) {
            if answered.count > 0 {
                let (count, oldest_opened_at) = (answered.count, answered.oldest_opened_at);
                lines.push(Summary {
                    outcome: Some(Outcome::Answered),
                    resolved: false,
                    money,
                    count,
                    oldest_opened_at,
                });
            }
        }
        Ok(lines)
    }

    fn count(&self, commands: usize, records: u64, began: Instant) {
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.commands.fetch_add(u64::try_from(commands).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.shared.records.fetch_add(records, Ordering::Relaxed);
        self.shared.last_commit_microseconds.store(took, Ordering::Relaxed);
        self.shared.all_commits_microseconds.fetch_add(took, Ordering::Relaxed);
    }
}
