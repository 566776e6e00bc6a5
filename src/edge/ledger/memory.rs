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
}

impl Case {
    fn outcome(&self) -> Option<Outcome> {
        self.closing.as_ref().map(|closing| closing.outcome)
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
            let earlier = judge_earlier(case.opening.request_digest == entry.request_digest, case.outcome());
            match (earlier, &case.closing) {
                (Earlier::Answered, Some(closing)) => return Ok(Opening::Repeat(closing.answer.clone())),
                (Earlier::Unknown, Some(closing)) => return Ok(Opening::Unknown(closing.answer.clone())),
                (Earlier::ContentDiffers { settled }, _) => return Ok(Opening::ContentDiffers { settled }),
                (Earlier::MayOpenAgain, _) => {}
                (Earlier::InProgress | Earlier::Answered | Earlier::Unknown, _) => return Ok(Opening::InProgress),
            }
            entry.key.clear();
            book.sequence_highest = book.sequence_highest.max(entry.sequence);
            *case = Case { opening: entry, closing: None };
        } else {
            if book.cases.len() >= self.entries_max {
                book.refusing = true;
                return Err(Fault::LedgerUnavailable);
            }
            let key = mem::take(&mut entry.key);
            book.places.entry(Arc::clone(&entry.caller)).or_default().insert(key, book.cases.len());
            book.sequence_highest = book.sequence_highest.max(entry.sequence);
            book.cases.push(Case { opening: entry, closing: None });
        }
        book.records += 1;
        let place = place.unwrap_or(book.cases.len() - 1);
        Ok(Opening::New(Opened::proof(id_at(place))))
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

    fn close(&self, opened: Opened, entry: ClosingEntry) -> Pending<()> {
        Box::pin(ready(self.close_now(&opened, entry)))
    }

    fn sequence_highest(&self) -> Result<u64, Fault> {
        Ok(self.book().sequence_highest)
    }

    fn find(&self, caller: &str, key: &str) -> Result<Option<Entry>, Fault> {
        let book = self.working()?;
        let place = book.places.get(caller).and_then(|keys| keys.get(key)).copied();
        Ok(place.and_then(|place| Some((place, book.cases.get(place)?))).map(|(place, case)| Entry {
            id: id_at(place),
            caller: caller.into(),
            key: key.into(),
            matter: case.opening.matter.to_string(),
            step: case.opening.step.to_string(),
            target: case.opening.target.to_string(),
            money: case.opening.money,
            sequence: case.opening.sequence,
            opened_at: case.opening.opened_at,
            closed_at: case.closing.as_ref().map(|closing| closing.closed_at),
            outcome: case.outcome(),
            fault: case.closing.as_ref().map_or(0, |closing| closing.fault),
        }))
    }

    fn summary(&self) -> Result<Vec<Summary>, Fault> {
        let book = self.working()?;
        let mut lines: Vec<Summary> = Vec::new();
        for case in &book.cases {
            let (outcome, money, opened_at) = (case.outcome(), case.opening.money, case.opening.opened_at);
            match lines.iter_mut().find(|line| line.outcome == outcome && line.money == money) {
                Some(line) => {
                    line.count += 1;
                    line.oldest_opened_at = line.oldest_opened_at.min(opened_at);
                }
                None => lines.push(Summary { outcome, money, count: 1, oldest_opened_at: opened_at }),
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
