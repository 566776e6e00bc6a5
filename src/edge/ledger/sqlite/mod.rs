//! The ledger in one SQLite file: what runs by default, durable after every answer.
//!
//! One writer thread owns the one connection; callers queue commands and wait. The queue gathers while the
//! thread syncs, so that many exchanges share one sync. `docs/ledger.md` has tables, order of writes and crashes.
//! It deliberately shares the file with nobody: several gateways on one ledger are PostgreSQL's business.

mod schema;
mod start;
mod statements;
mod waiter;
mod writer;

pub use start::OpenError;

use crate::domain::fault::Fault;
use crate::edge::clock::Milliseconds;
use crate::edge::ledger::ClosingEntry;
use crate::edge::ledger::Entry;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::Opened;
use crate::edge::ledger::Opening;
use crate::edge::ledger::OpeningEntry;
use crate::edge::ledger::Pending;
use crate::edge::ledger::Question;
use crate::edge::ledger::Resolution;
use crate::edge::ledger::Stats;
use crate::edge::ledger::Summary;
use std::future::ready;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use waiter::Giver;
use writer::{Command, Shared};

/// What the ledger is told by the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file; its directory must exist. SQLite keeps `-wal` beside it while it is open.
    pub file: PathBuf,
    /// Most commands that are written as one group; at least 1.
    pub group_max: usize,
    /// Most commands that wait; beyond it a call is refused at once. At least 1.
    pub queue_max: usize,
}

/// A ledger in one SQLite file.
pub struct Sqlite {
    queue: SyncSender<Command>,
    shared: Arc<Shared>,
    /// Set by [`Ledger::shut_down`] before its command is queued, so that the queue comes to an end.
    closing: AtomicBool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens the file, makes it where it is missing, and marks what a kill left open as unknown, found at `now`.
    /// It reads the whole file once to check it.
    ///
    /// # Errors
    /// Where the file cannot be had, is held by another gateway, damaged, foreign, or of a later version.
    pub fn open(settings: &Settings, now: Milliseconds) -> Result<Self, OpenError> {
        let started = start::start(&settings.file, now)?;
        let shared = Arc::new(Shared::default());
        shared.sequence_highest.store(started.sequence_highest, Ordering::Release);
        let (queue, receiver) = sync_channel(settings.queue_max.max(1));
        let group_max = settings.group_max.max(1);
        let seen = Arc::clone(&shared);
        let writer = Builder::new()
            .name("ledger".into())
            .spawn(move || writer::run(started, &receiver, group_max, &seen))
            .map_err(|error| OpenError::NoThread { error })?;
        Ok(Self { queue, shared, closing: AtomicBool::new(false), writer: Mutex::new(Some(writer)) })
    }

    /// Queues `command`, or refuses at once: a full queue means that the disk does not follow.
    fn queue(&self, command: Command) -> Result<(), Fault> {
        if !self.healthy() {
            return Err(Fault::LedgerUnavailable);
        }
        self.queue.try_send(command).map_err(|_| Fault::LedgerUnavailable)
    }

    fn pending<T, F>(&self, command: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(Giver<T>) -> Command,
    {
        let (reply, answer) = waiter::pair();
        match self.queue(command(reply)) {
            Ok(()) => Box::pin(answer),
            Err(fault) => Box::pin(ready(Err(fault))),
        }
    }

    fn wait<T, F>(&self, command: F) -> Result<T, Fault>
    where
        F: FnOnce(SyncSender<Result<T, Fault>>) -> Command,
    {
        let (reply, answer) = sync_channel(1);
        self.queue(command(reply))?;
        answer.recv().unwrap_or(Err(Fault::LedgerUnavailable))
    }
}

impl Ledger for Sqlite {
    fn open(&self, entry: OpeningEntry) -> Pending<Opening> {
        if i64::try_from(entry.sequence).is_err() {
            return Box::pin(ready(Err(Fault::Internal { reason: "the running number does not fit the ledger" })));
        }
        self.pending(|reply| Command::Open { entry, reply })
    }

    fn look(&self, question: Question) -> Pending<Option<Opening>> {
        self.pending(|reply| Command::Look { question, reply })
    }

    fn close(&self, opened: Opened, entry: ClosingEntry) -> Pending<()> {
        self.pending(|reply| Command::Close { id: opened.id(), entry, reply })
    }

    fn sequence_highest(&self) -> Result<u64, Fault> {
        Ok(self.shared.sequence_highest.load(Ordering::Acquire))
    }

    fn find(&self, caller: &str, key: &str) -> Result<Option<Entry>, Fault> {
        self.wait(|reply| Command::Find { caller: caller.into(), key: key.into(), reply })
    }

    fn unknown(&self, most: usize) -> Result<Vec<Entry>, Fault> {
        self.wait(|reply| Command::Unknown { most, reply })
    }

    fn resolve(&self, resolution: Resolution) -> Result<bool, Fault> {
        self.wait(|reply| Command::Resolve { resolution, reply })
    }

    fn summary(&self) -> Result<Vec<Summary>, Fault> {
        self.wait(|reply| Command::Summary { reply })
    }

    fn shut_down(&self) {
        // The lock is held until the thread has ended: a second caller returns only when the file is free.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.closing.store(true, Ordering::Release);
        if let Some(writer) = writer.take() {
            // Both fail only where the thread has ended already, and then the file is free.
            drop(self.queue.send(Command::ShutDown));
            drop(writer.join());
        }
    }

    fn healthy(&self) -> bool {
        !self.closing.load(Ordering::Acquire) && !self.shared.refused.load(Ordering::Acquire)
    }

    fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    fn stats(&self) -> Stats {
        self.shared.stats()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.shut_down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::masked::Masked;
    use crate::edge::ledger::Outcome;
    use crate::edge::ledger::StoredAnswer;

    fn closing() -> ClosingEntry {
        ClosingEntry {
            outcome: Outcome::Answered,
            fault: 0,
            reply_digest: None,
            answer: StoredAnswer { status: 200, content_type: "".into(), body: Masked::new(bytes::Bytes::new()) },
            closed_at: 2,
        }
    }

    #[tokio::test]
    async fn an_entry_that_is_not_open_is_not_closed_and_the_ledger_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings { file: directory.path().join("ledger.db"), group_max: 8, queue_max: 8 };
        let ledger = Sqlite::open(&settings, 1).unwrap();
        let entry = OpeningEntry {
            caller: "yy".into(),
            key: "a".into(),
            request_digest: [1; 32],
            outbound_digest: [2; 32],
            matter: "GJ07".into(),
            step: "main".into(),
            target: "jingzhou-window".into(),
            money: false,
            repeatable: false,
            mapping_version: "00".into(),
            sequence: 1,
            opened_at: 1,
        };
        let Ok(Opening::New(opened)) = ledger.open(entry).await else { panic!("not new") };
        // Only code of this crate can make a proof twice; the ledger does not rely on that.
        let twice = Opened::proof(opened.id());
        assert_eq!(ledger.close(opened, closing()).await, Ok(()));
        for wrong in [twice, Opened::proof(99)] {
            assert!(matches!(ledger.close(wrong, closing()).await, Err(Fault::Internal { .. })));
        }
        assert!(ledger.healthy());
        assert_eq!(ledger.stats().records, 2);
    }
}
