//! The record step: an entry before anything leaves, an entry after, and never a second forward.
//!
//! [`Ledger`] is what the exchange sees; SQLite fulfils it now, PostgreSQL will fulfil the same.
//! Guarantees of every implementation:
//!
//! 1. `open` answers [`Opening::New`] only when the opening entry is durable.
//! 2. For one caller and idempotency key there is at most one entry, ever: a second `open` gets the stored answer,
//!    [`Opening::InProgress`], [`Opening::ContentDiffers`] or [`Opening::Unknown`].
//! 3. `close` answers only when the closing entry is durable. An entry is closed once.
//! 4. Entries that a kill left open are [`Outcome::Unknown`] after the next start.
//! 5. After a failed write the ledger refuses all further work until it is opened anew.
//! 6. An entry closed as [`Outcome::NotDelivered`] may be opened again by the same key and content:
//!    nothing was sent, so nothing can be doubled. So may one of unknown outcome that moves no money and whose second
//!    execution changes nothing.
//! 7. What a person finds out of an unknown outcome is written beside the entry, once; the entry stays as it was.

pub mod memory;
pub mod sqlite;

use crate::domain::fault::Fault;
use crate::domain::masked::Masked;
use crate::domain::sm;
use crate::edge::clock::Milliseconds;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What came of an exchange with the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 未送达: surely nothing arrived, or the other side says that it did not take it.
    NotDelivered,
    /// 已答复: an answer that could be read, be it yes or no.
    Answered,
    /// 结果未知: sent, and no readable answer, or one that does not say what was done.
    Unknown,
}

/// What is known before anything leaves.
#[derive(Clone, Debug)]
pub struct OpeningEntry {
    /// Name of the caller, from the configuration. What stands there or in the mapping set is shared, not copied.
    pub caller: Arc<str>,
    /// Idempotency key as the caller sent it, or made from its message number.
    pub key: String,
    /// SM3 of the request body as received.
    pub request_digest: [u8; 32],
    /// SM3 of the message about to be sent.
    pub outbound_digest: [u8; 32],
    /// Matter code.
    pub matter: Arc<str>,
    /// Step of the matter, `main` where there is only one.
    pub step: Arc<str>,
    /// Name of the system that is called.
    pub target: Arc<str>,
    /// True where a second execution would move money twice.
    pub money: bool,
    /// True where a second execution changes nothing, as of a query: then an unknown outcome may be tried again.
    pub repeatable: bool,
    /// Version (hex SM3) of the mapping set.
    pub mapping_version: Arc<str>,
    /// The gateway's own running number of the exchange; see [`Ledger::sequence_highest`].
    pub sequence: u64,
    /// When it was opened.
    pub opened_at: Milliseconds,
}

/// What is known after.
#[derive(Clone, Debug)]
pub struct ClosingEntry {
    /// What came of it.
    pub outcome: Outcome,
    /// Number of the fault, 0 where there was none.
    pub fault: u16,
    /// SM3 of the answer as received, where one was.
    pub reply_digest: Option<[u8; 32]>,
    /// The answer given to the caller, kept for a repeat.
    pub answer: StoredAnswer,
    /// When it was closed.
    pub closed_at: Milliseconds,
}

/// An answer as the caller got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Content type.
    pub content_type: Arc<str>,
    /// Body; it may hold personal data, so it never shows itself.
    pub body: Masked<Bytes>,
}

/// Proof that an opening entry is durable; only a ledger makes one, and forwarding needs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    id: i64,
}

impl Opened {
    /// For implementations of [`Ledger`] only.
    pub(crate) const fn proof(id: i64) -> Self {
        Self { id }
    }

    /// Number of the entry in the ledger.
    pub const fn id(&self) -> i64 {
        self.id
    }
}

/// What a query or a person found out of an entry of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// 已办理: the other side did it.
    Done,
    /// 未办理: it did not.
    NotDone,
}

/// A resolution, appended to an entry of unknown outcome and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Number of the entry, as [`Entry::id`].
    pub entry: i64,
    pub verdict: Finding,
    /// Who found out.
    pub who: String,
    /// How, such as the number of a query or of a call's record.
    pub why: String,
    pub resolved_at: Milliseconds,
}

/// A short mark of a key, by which a log line finds its entry: 16 hexadecimal digits of its SM3. The key itself is a case
/// number, which no log holds.
pub fn mark_of(key: &str) -> String {
    sm::hex(&sm::digest(key.as_bytes())[..8])
}

/// What `open` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// A new entry; go on.
    New(Opened),
    /// The same key and content was answered before: give that answer.
    Repeat(StoredAnswer),
    /// The same key and content is under way.
    InProgress,
    /// The same key with another content. `settled` is false where nobody knows yet what came of the first one: it is
    /// open, or its outcome is unknown.
    ContentDiffers { settled: bool },
    /// The same key and content was sent before and its outcome is not known. After a kill no answer is stored:
    /// the status is 0 and the body empty, and the exchange says J604 itself.
    Unknown(StoredAnswer),
    /// The same, and somebody has found out what came of it; it is not sent again under this key.
    Resolved(Finding),
}

/// A question about an earlier entry.
#[derive(Clone, Debug)]
pub struct Question {
    pub caller: Arc<str>,
    pub key: String,
    /// SM3 of the request body as received.
    pub request_digest: [u8; 32],
    /// As in [`OpeningEntry::repeatable`].
    pub repeatable: bool,
}

/// What an earlier entry of the same caller and key means for a second `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Earlier {
    Answered,
    ContentDiffers { settled: bool },
    InProgress,
    MayOpenAgain,
    Resolved(Finding),
    Unknown,
}

/// The one rule behind guarantees 2, 6 and 7, for every implementation. `outcome` is `None` while open; `repeatable`: a
/// second execution changes nothing, and the earlier attempt moved no money.
const fn judge_earlier(
    content_equal: bool,
    outcome: Option<Outcome>,
    resolved: Option<Finding>,
    repeatable: bool,
) -> Earlier {
    match (content_equal, outcome) {
        (true, Some(Outcome::Unknown)) if repeatable => Earlier::MayOpenAgain,
        (false, Some(Outcome::Unknown)) if repeatable => Earlier::ContentDiffers { settled: true },
        (false, Some(Outcome::Unknown)) if resolved.is_some() => Earlier::ContentDiffers { settled: true },
        (false, None | Some(Outcome::Unknown)) => Earlier::ContentDiffers { settled: false },
        (false, Some(Outcome::Answered | Outcome::NotDelivered)) => Earlier::ContentDiffers { settled: true },
        (true, None) => Earlier::InProgress,
        (true, Some(Outcome::Answered)) => Earlier::Answered,
        (true, Some(Outcome::NotDelivered)) => Earlier::MayOpenAgain,
        (true, Some(Outcome::Unknown)) => match resolved {
            Some(verdict) => Earlier::Resolved(verdict),
            None => Earlier::Unknown,
        },
    }
}

/// An entry as a person or a test looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    pub caller: String,
    pub key: String,
    pub matter: String,
    pub step: String,
    pub target: String,
    pub money: bool,
    pub sequence: u64,
    pub opened_at: Milliseconds,
    pub closed_at: Option<Milliseconds>,
    /// `None` while open.
    pub outcome: Option<Outcome>,
    pub fault: u16,
}

/// A future that a ledger gives.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

/// The ledger as the exchange sees it. `find` and `summary` may wait for the group that is being written, some
/// milliseconds. Errors are [`Fault::LedgerUnavailable`] or [`Fault::Internal`].
pub trait Ledger: Send + Sync {
    /// Writes the opening entry, or finds the earlier one with that caller and key. The call itself hands the
    /// entry over; dropping the future does not take it back, so await it in a task that nobody cancels.
    fn open(&self, entry: OpeningEntry) -> Pending<Opening>;

    /// What an `open` would find, other than [`Opening::New`]; nothing is written. `None`: it would go on.
    fn look(&self, question: Question) -> Pending<Option<Opening>>;

    /// Writes the closing entry.
    fn close(&self, opened: Opened, entry: ClosingEntry) -> Pending<()>;

    /// The highest `sequence` ever written, 0 in a new ledger. Numbers above it were never sent.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn sequence_highest(&self) -> Result<u64, Fault>;

    /// The entry of a caller and key.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn find(&self, caller: &str, key: &str) -> Result<Option<Entry>, Fault>;

    /// Entries of unknown outcome of which nobody has found out more: those that move money first, then the oldest
    /// first, `most` of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn unknown(&self, most: usize) -> Result<Vec<Entry>, Fault>;

    /// Appends a resolution, durable when this returns. False: the entry is not of unknown outcome, or is resolved.
    ///
    /// # Errors
    /// When it cannot be written.
    fn resolve(&self, resolution: Resolution) -> Result<bool, Fault>;

    /// Number of entries by outcome, and of open ones, with the opening time of the oldest in each group.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn summary(&self) -> Result<Vec<Summary>, Fault>;

    /// Writes what is queued and lets go of the file. Later calls are refused.
    fn shut_down(&self);

    /// False once a write has failed or the ledger was shut down.
    fn healthy(&self) -> bool;

    /// Why a write failed, in the words of the storage; it holds no content of an entry.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Counters since the ledger was opened; all zero where an implementation has no commits.
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

/// Counters of a ledger since it was opened, as one look at them found them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Groups that were committed, those that only read not counted.
    pub commits: u64,
    /// Commands in those groups; divided by `commits` it is the mean size of a group.
    pub commands: u64,
    /// Openings and closings that became durable.
    pub records: u64,
    /// How long the last COMMIT took, in microseconds.
    pub last_commit_microseconds: u64,
    /// How long all COMMITs took together, in microseconds.
    pub all_commits_microseconds: u64,
}

/// One line of [`Ledger::summary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `None`: still open.
    pub outcome: Option<Outcome>,
    /// True for entries of unknown outcome of which somebody has found out more.
    pub resolved: bool,
    pub money: bool,
    pub count: u64,
    pub oldest_opened_at: Milliseconds,
}
