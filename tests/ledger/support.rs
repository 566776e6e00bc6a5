//! Entries to write and places to write them, for all tests of the ledger.

use bytes::Bytes;
use jingyue::domain::fault::Fault;
use jingyue::domain::masked::Masked;
use jingyue::edge::ledger::sqlite::{Settings, Sqlite};
use jingyue::edge::ledger::{ClosingEntry, Ledger, Opened, Opening, OpeningEntry, Outcome, StoredAnswer};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const CALLER: &str = "yy-kstb-01";
pub(crate) const OPENED_AT: i64 = 1_000;
pub(crate) const CLOSED_AT: i64 = 2_000;
pub(crate) const RESTARTED_AT: i64 = 3_000;

/// An opening entry; `content` stands for the request body.
pub(crate) fn opening(key: &str, content: u8) -> OpeningEntry {
    OpeningEntry {
        caller: CALLER.into(),
        key: key.into(),
        request_digest: [content; 32],
        outbound_digest: [content ^ 0xFF; 32],
        matter: "GJ07".into(),
        step: "main".into(),
        target: "jingzhou-window".into(),
        money: false,
        repeatable: false,
        mapping_version: "5a".repeat(32).into(),
        sequence: 1,
        opened_at: OPENED_AT,
    }
}

/// A closing entry whose answer can be told from others by `text`.
pub(crate) fn closing(outcome: Outcome, text: &str) -> ClosingEntry {
    ClosingEntry {
        outcome,
        fault: if outcome == Outcome::Answered { 0 } else { 504 },
        reply_digest: (outcome == Outcome::Answered).then_some([7; 32]),
        answer: answer(text),
        closed_at: CLOSED_AT,
    }
}

pub(crate) fn answer(text: &str) -> StoredAnswer {
    StoredAnswer { status: 200, content_type: "application/json".into(), body: Masked::new(text.to_owned().into()) }
}

/// What the answer is after a kill.
pub(crate) fn no_answer() -> StoredAnswer {
    StoredAnswer { status: 0, content_type: "".into(), body: Masked::new(Bytes::new()) }
}

pub(crate) async fn open(ledger: &dyn Ledger, key: &str, content: u8) -> Result<Opening, Fault> {
    ledger.open(opening(key, content)).await
}

/// Opens what must be new.
pub(crate) async fn open_new(ledger: &dyn Ledger, key: &str) -> Opened {
    match open(ledger, key, 1).await {
        Ok(Opening::New(opened)) => opened,
        other => panic!("{key}: {other:?} instead of a new entry"),
    }
}

pub(crate) async fn exchange(ledger: &dyn Ledger, key: &str, outcome: Outcome, text: &str) {
    let opened = open_new(ledger, key).await;
    ledger.close(opened, closing(outcome, text)).await.unwrap();
}

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn file_in(directory: &TempDir) -> PathBuf {
    directory.path().join("ledger.db")
}

pub(crate) fn settings(file: &Path) -> Settings {
    Settings { file: file.into(), group_max: 256, queue_max: 4096 }
}

pub(crate) fn sqlite(file: &Path) -> Sqlite {
    Sqlite::open(&settings(file), RESTARTED_AT).unwrap()
}

/// One number out of a ledger file that nobody holds.
pub(crate) fn ask(file: &Path, query: &str) -> i64 {
    rusqlite::Connection::open(file).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
