//! From a path to a connection that may be trusted: locked, checked, of our schema, nothing left open.
//!
//! It deliberately repairs nothing: a damaged or foreign file is refused and left as it is.

use crate::edge::clock::Milliseconds;
use crate::edge::ledger::sqlite::schema;
use crate::edge::ledger::sqlite::statements::unsigned;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{error, fmt};

/// Oldest SQLite that is used: earlier ones can lose a checkpoint's pages when two connections meet
/// (fixed in 3.51.3), and the build may one day be linked to another library than the bundled one.
const LIBRARY_MIN: i32 = 3_051_003;

/// What the page cache may hold, in KiB; the minus sign is SQLite's way to say KiB. More does not help: after a
/// commit that balanced an index SQLite walks the whole cache, and the system's own cache is behind it anyway.
const CACHE_KIB: i32 = -4_096;

/// The write-ahead log is cut back to this many bytes after a burst.
const LOG_BYTES_MAX: i64 = 64 * 1024 * 1024;

/// Why a ledger file was not opened. `Display` is Chinese and says what to do.
#[derive(Debug)]
pub enum OpenError {
    /// The file could not be made or looked at.
    CannotCreate { file: PathBuf, error: io::Error },
    /// The file does not pass SQLite's own check.
    Damaged { file: PathBuf, report: String },
    /// The directory of the file is not there.
    DirectoryMissing { directory: PathBuf },
    /// Any other error of SQLite.
    Failed { file: PathBuf, error: rusqlite::Error },
    /// Another gateway holds the file.
    InUse { file: PathBuf },
    /// The SQLite library is too old to be trusted.
    LibraryTooOld { found: &'static str },
    /// A later version of this program wrote the file.
    Newer { file: PathBuf, found: i32, known: i32 },
    /// A file of something else.
    NotALedger { file: PathBuf },
    /// The writer thread could not be started.
    NoThread { error: io::Error },
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotCreate { file, .. } => {
                write!(formatter, "无法建立台账文件 {}，请检查目录的属主和权限", file.display())
            }
            Self::Damaged { file, report } => write!(
                formatter,
                "台账文件 {} 已损坏（{report}），网关不会使用也不会修改它；请先整份备份（连同 -wal 文件），再按 docs/ledger.md 的修复一节处理",
                file.display()
            ),
            Self::DirectoryMissing { directory } => {
                write!(formatter, "台账目录 {} 不存在，请先建立（属主为网关用户，权限 0700）", directory.display())
            }
            Self::Failed { file, .. } => {
                write!(formatter, "台账文件 {} 打不开，请检查磁盘空间、属主和权限", file.display())
            }
            Self::InUse { file } => write!(
                formatter,
                "台账文件 {} 正被另一个网关进程使用；一个台账只能由一个网关使用，请先停掉那个进程，或在 [ledger] file 中换一个文件",
                file.display()
            ),
            Self::LibraryTooOld { found } => {
                write!(formatter, "SQLite 库版本 {found} 过旧，至少需要 3.51.3，请使用随程序编译的版本")
            }
            Self::Newer { file, found, known } => write!(
                formatter,
                "台账文件 {} 的结构版本是 {found}，本程序只认识到 {known}；请使用写它的新版程序，不要退回旧版",
                file.display()
            ),
            Self::NotALedger { file } => {
                write!(formatter, "{} 不是荆岳通办网关的台账文件，请核对 [ledger] file 的路径", file.display())
            }
            Self::NoThread { .. } => write!(formatter, "无法启动台账线程，请检查系统的线程数限制"),
        }
    }
}

impl error::Error for OpenError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::CannotCreate { error, .. } | Self::NoThread { error } => Some(error),
            Self::Failed { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Entries answered so far, for one value of `money`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answered {
    pub(super) count: u64,
    pub(super) oldest_opened_at: Milliseconds,
}

impl Answered {
    /// Counts one more.
    pub(super) fn add(&mut self, opened_at: Milliseconds) {
        self.oldest_opened_at = if self.count == 0 { opened_at } else { self.oldest_opened_at.min(opened_at) };
        self.count += 1;
    }
}

/// A ledger file ready for work.
pub(super) struct Started {
    pub(super) connection: Connection,
    pub(super) sequence_highest: u64,
    /// Index 0: without money, 1: with money. Counted once here, so that a summary never walks the whole table.
    pub(super) answered: [Answered; 2],
}

/// Opens, locks and checks `file`, and marks what a kill left open.
pub(super) fn start(file: &Path, now: Milliseconds) -> Result<Started, OpenError> {
    if rusqlite::version_number() < LIBRARY_MIN {
        return Err(OpenError::LibraryTooOld { found: rusqlite::version() });
    }
    create_if_missing(file)?;
    let opened = connect(file).and_then(|connection| {
        let held = hold(&connection)?;
        Ok((connection, held))
    });
    let (connection, held) = opened.map_err(|error| explain(file, error))?;
    match held {
        Held::Ledger => {}
        Held::Other => return Err(OpenError::NotALedger { file: file.into() }),
        Held::Newer(found) => return Err(OpenError::Newer { file: file.into(), found, known: schema::VERSION }),
    }
    check(&connection, file)?;
    interrupt_open(&connection, now).and_then(|()| count(connection)).map_err(|error| explain(file, error))
}

/// An empty file that only its owner may read, so that SQLite gives its log the same mode.
fn create_if_missing(file: &Path) -> Result<(), OpenError> {
    let cannot = |error| OpenError::CannotCreate { file: file.into(), error };
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(OpenError::DirectoryMissing { directory: directory.into() });
    }
    // A file that exists is not opened here: closing it again would drop the locks that another
    // connection of this process holds on it (POSIX locks belong to the process).
    if fs::exists(file).map_err(cannot)? {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(created) => created.sync_all().map_err(cannot)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(cannot(error)),
    }
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(cannot)
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_MAX, |_| Ok(()))?;
    Ok(connection)
}

/// Whose file it is.
enum Held {
    Ledger,
    Newer(i32),
    Other,
}

/// Takes the lock that is kept until the end, and makes an empty file a ledger. Writes to no other file.
fn hold(connection: &Connection) -> rusqlite::Result<Held> {
    let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = application_id == 0 && version == 0 && objects == 0;
    if !empty && application_id != schema::APPLICATION_ID {
        return Ok(Held::Other);
    }
    if version > schema::VERSION {
        return Ok(Held::Newer(version));
    }
    if !empty && version < 1 {
        return Ok(Held::Other);
    }
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
            Some(format!("journal mode is {mode} instead of wal")),
        ));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // An empty write transaction: from here on no other connection gets in, whatever it wants.
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    if empty {
        schema::create(connection)?;
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    } else if version == 1 {
        schema::from_version_1(connection)?;
    }
    if version != schema::VERSION {
        connection.pragma_update(None, "user_version", schema::VERSION)?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(Held::Ledger)
}

/// SQLite's quick check: structure of every page, not the order of every index.
fn check(connection: &Connection, file: &Path) -> Result<(), OpenError> {
    let report: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| explain(file, error))?;
    if report == "ok" { Ok(()) } else { Err(OpenError::Damaged { file: file.into(), report }) }
}

/// Guarantee 4. `closed_at` stays empty: nobody closed it; `interrupted_at` says when that was found.
fn interrupt_open(connection: &Connection, now: Milliseconds) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE attempt SET outcome = ?1, interrupted_at = ?2
             WHERE superseded = 0 AND outcome IS NOT 2 AND outcome IS NULL",
            (schema::UNKNOWN, now),
        )
        .map(drop)
}

fn count(connection: Connection) -> rusqlite::Result<Started> {
    let highest: Option<i64> = connection.query_row("SELECT max(sequence) FROM attempt", [], |row| row.get(0))?;
    let mut answered = [Answered::default(); 2];
    connection
        .prepare("SELECT money, count(*), min(opened_at) FROM attempt WHERE outcome = ?1 GROUP BY money")?
        .query_map([schema::ANSWERED], |row| {
            let counted = Answered { count: unsigned(row, 1)?, oldest_opened_at: row.get(2)? };
            answered[usize::from(row.get::<_, bool>(0)?)] = counted;
            Ok(())
        })?
        .collect::<rusqlite::Result<()>>()?;
    let sequence_highest = highest.and_then(|found| u64::try_from(found).ok()).unwrap_or(0);
    Ok(Started { connection, sequence_highest, answered })
}

fn explain(file: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { file: file.into() },
        Some(ErrorCode::NotADatabase) => OpenError::NotALedger { file: file.into() },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { file: file.into(), report: error.to_string() },
        _ => OpenError::Failed { file: file.into(), error },
    }
}
