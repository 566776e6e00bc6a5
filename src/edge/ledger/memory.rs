//! The ledger in memory, for the demo and for measuring: the same answers as SQLite's, gone with the process.
//!
//! It deliberately holds guarantees 1, 3 and 4 only as long as the process lives; never use it for real cases.

use crate::domain::fault::Fault;
use crate::domain::masked::Masked;
use crate::edge::ledger::ClosingEntry;
use crate::edge::ledger::Earlier;
use crate::edge::ledger::Entry;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::Opened;
use crate::edge::ledger::Opening;
use crate::edge::ledger::OpeningEntry;
use crate::edge::ledger::Outcome;
use crate::edge::ledger::Pending;
use crate::edge::ledger::Question;
use crate::edge::ledger::Resolution;
use crate::edge::ledger::Stats;
use crate::edge::ledger::StoredAnswer;
use crate::edge::ledger::Summary;
use crate::edge::ledger::judge_earlier;
use bytes::Bytes;
use std::collections::HashMap;
use std::future::ready;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries that a ledger in memory holds at most, some hundred bytes each and the answers: beyond, it refuses as a
/// full disk would.
pub const ENTRIES_MAX: usize = 2_000_000;

/// A ledger that forgets everything at the end.
pub struct Memory {
    book: Mutex<Book>,
    entries_max: usize,
}

/// What is behind the lock.
#[derive(Default)]
struct Book {
    /// Caller, then key, to the place in `cases`; two maps, so that looking up needs no joined text.
    places: HashMap<Arc<str>, HashMap<String, usize>>,
    cases: Vec<Case>,
    sequence_highest: u64,
    records: u64,
    refusing: bool,
}

/// One entry. The key of `opening` is empty, since `places` holds it.
struct Case {
    opening: OpeningEntry,
    closing: Option<ClosingEntry>,
    resolution: Option<Resolution>,
}

impl Case {
    fn outcome(&self) -> Option<Outcome> {
        self.closing.as_ref().map(|closing| closing.outcome)
    }

    fn entry(&self, place: usize, caller: &str, key: &str) -> Entry {
        Entry {
            id: id_at(place),
            caller: caller.into(),
            key: key.into(),
            matter: self.opening.matter.to_string(),
            step: self.opening.step.to_string(),
            target: self.opening.target.to_string(),
            money: self.opening.money,
            sequence: self.opening.sequence,
            opened_at: self.opening.opened_at,
            closed_at: self.closing.as_ref().map(|closing| closing.closed_at),
            outcome: self.outcome(),
            fault: self.closing.as_ref().map_or(0, |closing| closing.fault),
        }
    }

    /// What it says to a second request; `None`: that may be sent.
    fn says(&self, request_digest: [u8; 32], repeatable: bool) -> Option<Opening> {
        let repeatable = repeatable && !self.opening.money;
        let resolved = self.resolution.as_ref().map(|resolution| resolution.verdict);
        let content_equal = self.opening.request_digest == request_digest;
        let earlier = judge_earlier(content_equal, self.outcome(), resolved, repeatable);
        match (earlier, &self.closing) {
            (Earlier::Answered, Some(closing)) => Some(Opening::Repeat(closing.answer.clone())),
            (Earlier::Unknown, Some(closing)) => Some(Opening::Unknown(closing.answer.clone())),
            (Earlier::ContentDiffers { settled }, _) => Some(Opening::ContentDiffers { settled }),
            (Earlier::Resolved(verdict), _) => Some(Opening::Resolved(verdict)),
            (Earlier::MayOpenAgain, _) => None,
            (Earlier::InProgress | Earlier::Answered | Earlier::Unknown, _) => Some(Opening::InProgress),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty ledger for [`ENTRIES_MAX`] entries.
    pub fn new() -> Self {
        Self::with_entries_max(ENTRIES_MAX)
    }

    /// An empty ledger that refuses all work once it should hold more than `entries_max` entries.
    pub fn with_entries_max(entries_max: usize) -> Self {
        Self { book: Mutex::new(Book::default()), entries_max }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing under this lock can panic half-way through a change.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book, while work is taken.
    fn working(&self) -> Result<MutexGuard<'_, Book>, Fault> {
        let book = self.book();
        if book.refusing { Err(Fault::LedgerUnavailable) } else { Ok(book) }
    }

    fn open_now(&self, mut entry: OpeningEntry) -> Result<Opening, Fault> {
        let mut guard = self.working()?;
        let book = &mut *guard;
        let place = book.places.get(&entry.caller).and_then(|keys| keys.get(&entry.key)).copied();
        if let Some(case) = place.and_then(|place| book.cases.get_mut(place)) {
            if let Some(said) = case.says(entry.request_digest, entry.repeatable) {
                return Ok(said);
            }
            entry.key.clear();
            book.sequence_highest = book.sequence_highest.max(entry.sequence);
            *case = Case { opening: entry, closing: None, resolution: None };
        } else {
            if book.cases.len() >= self.entries_max {
                book.refusing = true;
                return Err(Fault::LedgerUnavailable);
            }
            let key = mem::take(&mut entry.key);
            book.places.entry(Arc::clone(&entry.caller)).or_default().insert(key, book.cases.len());
            book.sequence_highest = book.sequence_highest.max(entry.sequence);
            book.cases.push(Case { opening: entry, closing: None, resolution: None });
        }
        book.records += 1;
        let place = place.unwrap_or(book.cases.len() - 1);
        Ok(Opening::New(Opened::proof(id_at(place))))
    }

    fn look_now(&self, question: &Question) -> Result<Option<Opening>, Fault> {
        let book = self.working()?;
        let place = book.places.get(&question.caller).and_then(|keys| keys.get(&question.key));
        let case = place.and_then(|place| book.cases.get(*place));
        Ok(case.and_then(|case| case.says(question.request_digest, question.repeatable)))
    }

    fn close_now(&self, opened: &Opened, entry: ClosingEntry) -> Result<(), Fault> {
        let mut book = self.working()?;
        let place = usize::try_from(opened.id() - 1).ok();
        match place.and_then(|place| book.cases.get_mut(place)) {
            Some(case) if case.closing.is_none() => {
                // A copy of its own: the message's own memory has room to spare, which would be held for ever.
                let body = Masked::new(Bytes::copy_from_slice(entry.answer.body.reveal()));
                case.closing = Some(ClosingEntry { answer: StoredAnswer { body, ..entry.answer }, ..entry });
            }
            _ => return Err(Fault::Internal { reason: "the ledger entry to close is not open" }),
        }
        book.records += 1;
        Ok(())
    }
}

/// Entries count from 1, as in SQLite.
fn id_at(place: usize) -> i64 {
    i64::try_from(place + 1).unwrap_or(i64::MAX)
}

impl Ledger for Memory {
    fn open(&self, entry: OpeningEntry) -> Pending<Opening> {
        Box::pin(ready(self.open_now(entry)))
    }

    fn look(&self, question: Question) -> Pending<Option<Opening>> {
        Box::pin(ready(self.look_now(&question)))
    }

    fn close(&self, opened: Opened, entry: ClosingEntry) -> Pending<()> {
        Box::pin(ready(self.close_now(&opened, entry)))
    }

    fn sequence_highest(&self) -> Result<u64, Fault> {
        Ok(self.book().sequence_highest)
    }

    fn find(&self, caller: &str, key: &str) -> Result<Option<Entry>, Fault> {
        let book = self.working()?;
        let place = book.places.get(caller).and_then(|keys| keys.get(key)).copied();
        Ok(place.and_then(|place| Some(book.cases.get(place)?.entry(place, caller, key))))
    }

    fn unknown(&self, most: usize) -> Result<Vec<Entry>, Fault> {
        let book = self.working()?;
        let keys =
            book.places.iter().flat_map(|(caller, keys)| keys.iter().map(move |(key, place)| (caller, key, *place)));
        let mut found: Vec<Entry> = keys
            .filter_map(|(caller, key, place)| {
                let case = book.cases.get(place)?;
                let wanted = case.outcome() == Some(Outcome::Unknown) && case.resolution.is_none();
                wanted.then(|| case.entry(place, caller, key))
            })
            .collect();
        found.sort_by_key(|entry| (!entry.money, entry.opened_at, entry.id));
        found.truncate(most);
        Ok(found)
    }

    fn resolve(&self, resolution: Resolution) -> Result<bool, Fault> {
        let mut book = self.working()?;
        let place = usize::try_from(resolution.entry - 1).ok();
        let case = place.and_then(|place| book.cases.get_mut(place));
        let open = |case: &&mut Case| case.outcome() == Some(Outcome::Unknown) && case.resolution.is_none();
        Ok(case.filter(open).map(|case| case.resolution = Some(resolution)).is_some())
    }

    fn summary(&self) -> Result<Vec<Summary>, Fault> {
        let book = self.working()?;
        let mut lines: Vec<Summary> = Vec::new();
        for case in &book.cases {
            let (outcome, money, opened_at) = (case.outcome(), case.opening.money, case.opening.opened_at);
            let resolved = case.resolution.is_some();
            let alike = |line: &&mut Summary| (line.outcome, line.resolved, line.money) == (outcome, resolved, money);
            match lines.iter_mut().find(alike) {
                Some(line) => {
                    line.count += 1;
                    line.oldest_opened_at = line.oldest_opened_at.min(opened_at);
                }
                None => lines.push(Summary { outcome, resolved, money, count: 1, oldest_opened_at: opened_at }),
            }
        }
        Ok(lines)
    }

    fn shut_down(&self) {
        self.book().refusing = true;
    }

    fn healthy(&self) -> bool {
        !self.book().refusing
    }

    /// Only `records` counts here: there are no commits.
    fn stats(&self) -> Stats {
        Stats { records: self.book().records, ..Stats::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_refuses_as_a_full_disk_does() {
        let ledger = Memory::with_entries_max(1);
        let entry = |key: &str| OpeningEntry {
            caller: "yy".into(),
            key: key.into(),
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
        assert!(matches!(ledger.open_now(entry("a")), Ok(Opening::New(_))));
        assert!(matches!(ledger.open_now(entry("a")), Ok(Opening::InProgress)));
        assert!(ledger.healthy());
        assert_eq!(ledger.open_now(entry("b")), Err(Fault::LedgerUnavailable));
        assert_eq!(ledger.open_now(entry("a")), Err(Fault::LedgerUnavailable));
        assert!(!ledger.healthy());
    }
}
