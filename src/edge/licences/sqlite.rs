//! The store in one SQLite file, durable before an answer: one thread writes what is queued as one group.
//!
//! After a failed write nobody can say which pages reached the disk, so the thread ends and no further work is taken
//! until the next start. The file is this process's alone while it is open.

use crate::edge::clock::Milliseconds;
use crate::edge::licences::lists;
use crate::edge::licences::receipts::COLUMNS;
use crate::edge::licences::receipts::insert;
use crate::edge::licences::receipts::page;
use crate::edge::licences::receipts::receipt;
use crate::edge::licences::retention;
use crate::edge::licences::schema::APPLICATION_ID;
use crate::edge::licences::schema::CREATE;
use crate::edge::licences::schema::SECOND;
use crate::edge::licences::schema::VERSION;
use crate::edge::licences::store::Anchor;
use crate::edge::licences::store::CodeState;
use crate::edge::licences::store::CodeUse;
use crate::edge::licences::store::Conclusion;
use crate::edge::licences::store::Digest;
use crate::edge::licences::store::ListSeen;
use crate::edge::licences::store::Page;
use crate::edge::licences::store::Pending;
use crate::edge::licences::store::Receipt;
use crate::edge::licences::store::Store;
use crate::edge::licences::store::StoreFault;
use crate::edge::trouble::in_words;
use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::OptionalExtension;
use rusqlite::config::DbConfig;
use std::fmt;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Calls of one sync to disk.
const GROUP_MAX: usize = 256;
/// Calls that wait for a sync.
const QUEUE_MAX: usize = 4_096;
/// Codes are forgotten that long after their end, in milliseconds: until then a late use is told from an unknown code.
const CODE_KEPT: Milliseconds = 30 * 86_400_000;

/// Why a store file cannot be used. `Display` is Chinese and says what to do.
#[derive(Debug)]
pub enum StoreError {
    Directory(std::io::Error),
    File(rusqlite::Error),
    /// Another program's file, or one of a later version.
    Foreign,
    Damaged(String),
    /// The last receipt is not as it was written.
    ChainBroken(i64),
    Thread(std::io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => write!(formatter, "无法建立，请检查目录的属主和权限：{}", in_words(error)),
            Self::File(error) => write!(formatter, "打不开；可能正被另一个网关使用，或磁盘、权限有问题：{error}"),
            Self::Foreign => formatter.write_str("不是本程序的证照库，或由更新的版本写成"),
            Self::Damaged(report) => write!(formatter, "已损坏（{report}），请先整份备份（连同 -wal 文件）再处理"),
            Self::ChainBroken(sequence) => {
                write!(formatter, "第 {sequence} 号用证凭据被改动过，请先整份备份并查明原因")
            }
            Self::Thread(error) => write!(formatter, "无法启动写入线程：{}", in_words(error)),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

/// Hands an answer over, once it is durable.
type Deliver = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&Connection, &mut Head) -> rusqlite::Result<Deliver> + Send>;

/// Both ends of the chain.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    pub(super) sequence: i64,
    pub(super) digest: Digest,
    pub(super) taken: i64,
    pub(super) anchor: Anchor,
}

impl Head {
    /// Receipts that nobody has taken.
    fn untaken(&self) -> i64 {
        self.sequence - self.taken.max(self.anchor.sequence)
    }
}

#[derive(Default)]
struct Shared {
    refused: AtomicBool,
    waiting: AtomicI64,
}

/// A store in one SQLite file.
pub struct Sqlite {
    queue: Mutex<Option<SyncSender<Job>>>,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens the file, and makes it (mode 0600) where it is missing.
    ///
    /// # Errors
    /// Where the file cannot be had, is in use, foreign or damaged.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let (connection, head) = start(file)?;
        let (queue, receiver) = sync_channel(QUEUE_MAX);
        let shared = Arc::new(Shared::default());
        shared.waiting.store(head.untaken(), Ordering::Relaxed);
        let seen = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("licences".into())
            .spawn(move || {
                if let Err(error) = serve(&connection, head, &receiver, &seen) {
                    tracing::error!(%error, "the store of licences failed; no further work is taken");
                }
                seen.refused.store(true, Ordering::Release);
                drop(connection.close());
            })
            .map_err(StoreError::Thread)?;
        Ok(Self { queue: Mutex::new(Some(queue)), shared, writer: Mutex::new(Some(writer)) })
    }

    fn ask<T, F>(&self, run: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Head) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone; what was written stays written.
        let queued = self.queued(run, move |value| drop(reply.send(value)));
        Box::pin(async move { if queued { answer.await.map_err(|_| StoreFault) } else { Err(StoreFault) } })
    }

    /// The same, waiting on this thread.
    fn ask_now<T, F>(&self, run: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Head) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        let queued = self.queued(run, move |value| drop(reply.send(value)));
        if queued { answer.recv().map_err(|_| StoreFault) } else { Err(StoreFault) }
    }

    /// Whether there was room for the work.
    fn queued<T, F, D>(&self, run: F, deliver: D) -> bool
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Head) -> rusqlite::Result<T> + Send + 'static,
        D: FnOnce(T) + Send + 'static,
    {
        let job: Job = Box::new(move |connection, head| {
            let value = run(connection, head)?;
            Ok(Box::new(move || deliver(value)) as Deliver)
        });
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.healthy() && queue.as_ref().is_some_and(|queue| queue.try_send(job).is_ok())
    }
}

impl Store for Sqlite {
    fn known_since(&self, file: Digest) -> Pending<Option<Milliseconds>> {
        self.ask(move |connection, _| {
            let mut found = connection.prepare_cached("SELECT known_at FROM proof WHERE file = ?1")?;
            found.query_row([file], |row| row.get(0)).optional()
        })
    }

    fn look(&self, code: CodeUse) -> Pending<CodeState> {
        self.ask(move |connection, _| state(connection, &code))
    }

    fn conclude(&self, conclusion: Conclusion) -> Pending<CodeState> {
        self.ask(move |connection, head| conclude(connection, head, conclusion))
    }

    fn report(&self, id: String, caller: String) -> Pending<Option<String>> {
        self.ask(move |connection, _| {
            let mut found = connection.prepare_cached("SELECT text FROM report WHERE id = ?1 AND caller = ?2")?;
            found.query_row([id, caller], |row| row.get(0)).optional()
        })
    }

    fn receipts(&self, since: i64, most: usize) -> Pending<Page> {
        self.ask(move |connection, head| page(connection, head, since, most))
    }

    fn lists(&self) -> Result<Vec<ListSeen>, StoreFault> {
        self.ask_now(|connection, _| lists::all(connection))
    }

    fn remember(&self, lists: Vec<ListSeen>) -> Result<(), StoreFault> {
        self.ask_now(move |connection, _| lists::remember(connection, &lists))
    }

    fn prune(&self, reports_before: Milliseconds, receipts_before: Milliseconds) {
        // Where the queue is full it is done the next time.
        let _ = self
            .queued(move |connection, head| retention::prune(connection, head, reports_before, receipts_before), drop);
    }

    fn waiting(&self) -> i64 {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    fn healthy(&self) -> bool {
        !self.shared.refused.load(Ordering::Acquire)
    }

    fn shut_down(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // It fails only where the thread panicked, and then the file is free too.
            drop(writer.join());
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn start(file: &Path) -> Result<(Connection, Head), StoreError> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match made {
        Ok(made) => made.sync_all().map_err(StoreError::Directory)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::Directory(error)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_empty = application == 0 && version == 0 && objects == 0;
    if !is_empty && (application != APPLICATION_ID || !(1..=VERSION).contains(&version)) {
        return Err(StoreError::Foreign);
    }
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Damaged(format!("journal_mode = {mode}")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    if is_empty {
        connection.execute_batch(CREATE)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if version < 2 {
        connection.execute_batch(SECOND)?;
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    connection.execute_batch("COMMIT")?;
    let report: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if report != "ok" {
        return Err(StoreError::Damaged(report));
    }
    let last = connection
        .query_row(&format!("SELECT {COLUMNS} FROM receipt ORDER BY sequence DESC LIMIT 1"), [], receipt)
        .optional()?;
    let taken = connection.query_row("SELECT sequence FROM taken", [], |row| row.get(0))?;
    let anchor = connection.query_row("SELECT sequence, digest FROM anchor", [], |row| {
        Ok(Anchor { sequence: row.get(0)?, digest: row.get(1)? })
    })?;
    let head = match last {
        None => Head { sequence: anchor.sequence, digest: anchor.digest, taken, anchor },
        Some(last) if last.is_whole() => Head { sequence: last.sequence, digest: last.digest, taken, anchor },
        Some(last) => return Err(StoreError::ChainBroken(last.sequence)),
    };
    Ok((connection, head))
}

/// Serves the queue until it has no sender left, or a write fails.
fn serve(connection: &Connection, mut head: Head, queue: &Receiver<Job>, shared: &Shared) -> rusqlite::Result<()> {
    let mut answers: Vec<Deliver> = Vec::with_capacity(GROUP_MAX);
    while let Ok(first) = queue.recv() {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut next = Some(first);
        while let Some(job) = next.take() {
            answers.push(job(connection, &mut head)?);
            if answers.len() < GROUP_MAX {
                next = queue.try_recv().ok();
            }
        }
        connection.execute_batch("COMMIT")?;
        shared.waiting.store(head.untaken(), Ordering::Relaxed);
        answers.drain(..).for_each(|deliver| deliver());
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// A code as it lies in the store.
struct Kept {
    caller: String,
    matter: String,
    case_number: String,
    licence: Digest,
    expires_at: Milliseconds,
    used_at: Option<Milliseconds>,
}

fn state(connection: &Connection, code: &CodeUse) -> rusqlite::Result<CodeState> {
    let mut found = connection.prepare_cached(
        "SELECT caller, matter, case_number, licence, expires_at, used_at FROM code WHERE digest = ?1 AND purpose = ?2",
    )?;
    let kept = found
        .query_row((code.digest, code.purpose), |row| {
            Ok(Kept {
                caller: row.get(0)?,
                matter: row.get(1)?,
                case_number: row.get(2)?,
                licence: row.get(3)?,
                expires_at: row.get(4)?,
                used_at: row.get(5)?,
            })
        })
        .optional()?;
    let binding = &code.binding;
    Ok(match kept {
        Some(kept)
            if kept.caller == binding.caller
                && kept.case_number == binding.case_number
                && kept.licence == binding.licence =>
        {
            if kept.matter != binding.matter {
                CodeState::OtherMatter
            } else if kept.used_at.is_some() {
                CodeState::Used
            } else if kept.expires_at < code.now {
                CodeState::Expired
            } else {
                CodeState::Good
            }
        }
        // Whose code it is, is nobody else's business.
        _ => CodeState::Unknown,
    })
}

fn conclude(connection: &Connection, head: &mut Head, conclusion: Conclusion) -> rusqlite::Result<CodeState> {
    let Conclusion { receipt, report, proof, spent, minted } = conclusion;
    if let Some(code) = &spent {
        let state = state(connection, code)?;
        if state != CodeState::Good {
            return Ok(state);
        }
        connection
            .prepare_cached("UPDATE code SET used_at = ?2 WHERE digest = ?1 AND used_at IS NULL")?
            .execute((code.digest, code.now))?;
    }
    if let Some(file) = proof {
        connection
            .prepare_cached("INSERT INTO proof (file, known_at) VALUES (?1, ?2) ON CONFLICT (file) DO NOTHING")?
            .execute((file, receipt.at))?;
    }
    if let Some(code) = minted {
        connection
            .prepare_cached("DELETE FROM code WHERE expires_at < ?1")?
            .execute([receipt.at.saturating_sub(CODE_KEPT)])?;
        connection
            .prepare_cached(
                "INSERT INTO code (digest, purpose, caller, matter, case_number, licence, holder, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                code.digest,
                code.purpose,
                code.binding.caller,
                code.binding.matter,
                code.binding.case_number,
                code.binding.licence,
                code.holder,
                code.expires_at,
            ))?;
    }
    if let Some(report) = report {
        connection.prepare_cached("INSERT INTO report (id, caller, text, at) VALUES (?1, ?2, ?3, ?4)")?.execute((
            report.id,
            &receipt.caller,
            report.text,
            receipt.at,
        ))?;
    }
    let receipt = Receipt::chain(head.sequence + 1, receipt, head.digest);
    insert(connection, &receipt)?;
    (head.sequence, head.digest) = (receipt.sequence, receipt.digest);
    Ok(CodeState::Good)
}
