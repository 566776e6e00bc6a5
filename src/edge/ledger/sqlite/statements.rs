//! What is asked of SQLite, statement by statement, prepared once.
//!
//! It deliberately knows nothing of groups, threads and answers to waiters: every function runs inside the
//! transaction that the writer began.

use crate::domain::masked::Masked;
use crate::edge::clock::Milliseconds;
use crate::edge::ledger::ClosingEntry;
use crate::edge::ledger::Earlier;
use crate::edge::ledger::Entry;
use crate::edge::ledger::Finding;
use crate::edge::ledger::Opened;
use crate::edge::ledger::Opening;
use crate::edge::ledger::OpeningEntry;
use crate::edge::ledger::Outcome;
use crate::edge::ledger::Question;
use crate::edge::ledger::Resolution;
use crate::edge::ledger::StoredAnswer;
use crate::edge::ledger::Summary;
use crate::edge::ledger::judge_earlier;
use crate::edge::ledger::sqlite::schema;
use bytes::Bytes;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, Statement, params};

/// Every statement that the writer runs.
pub(super) struct Statements<'connection> {
    connection: &'connection Connection,
    begin: Statement<'connection>,
    commit: Statement<'connection>,
    insert_entry: Statement<'connection>,
    insert_attempt: Statement<'connection>,
    select_latest: Statement<'connection>,
    supersede: Statement<'connection>,
    select_open: Statement<'connection>,
    close: Statement<'connection>,
    insert_answer: Statement<'connection>,
    select_answer: Statement<'connection>,
    forget_answer: Statement<'connection>,
    find: Statement<'connection>,
    summary: Statement<'connection>,
    unknown: Statement<'connection>,
    resolve: Statement<'connection>,
}

/// What a closing entry has closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) money: bool,
    pub(super) opened_at: Milliseconds,
}

impl<'connection> Statements<'connection> {
    pub(super) fn prepare(connection: &'connection Connection) -> Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            insert_entry: connection.prepare(
                "INSERT INTO entry (caller, key, request_digest) VALUES (?1, ?2, ?3)
                 ON CONFLICT (caller, key) DO NOTHING",
            )?,
            insert_attempt: connection.prepare(
                "INSERT INTO attempt (entry, number, matter, step, target, money, outbound_digest, mapping_version,
                                      sequence, opened_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            select_latest: connection.prepare(
                "SELECT entry.id, entry.request_digest, attempt.number, attempt.outcome, attempt.money,
                        resolution.verdict
                 FROM entry JOIN attempt ON attempt.entry = entry.id AND attempt.superseded = 0
                      LEFT JOIN resolution ON resolution.entry = attempt.entry AND resolution.number = attempt.number
                 WHERE entry.caller = ?1 AND entry.key = ?2",
            )?,
            supersede: connection.prepare("UPDATE attempt SET superseded = 1 WHERE entry = ?1 AND number = ?2")?,
            // Not one UPDATE ... RETURNING, nor one that leaves the number open: for both SQLite makes a temporary
            // table each time, which took more processor time than all the rest of an exchange.
            select_open: connection
                .prepare("SELECT number, money, opened_at FROM attempt WHERE entry = ?1 AND outcome IS NULL")?,
            close: connection.prepare(
                "UPDATE attempt SET outcome = ?3, fault = ?4, reply_digest = ?5, closed_at = ?6
                 WHERE entry = ?1 AND number = ?2",
            )?,
            insert_answer: connection
                .prepare("INSERT INTO answer (entry, status, content_type, body) VALUES (?1, ?2, ?3, ?4)")?,
            select_answer: connection.prepare("SELECT status, content_type, body FROM answer WHERE entry = ?1")?,
            forget_answer: connection.prepare("DELETE FROM answer WHERE entry = ?1")?,
            find: connection.prepare(
                "SELECT entry.id, matter, step, target, money, sequence, opened_at, closed_at, outcome, fault, caller, key
                 FROM entry JOIN attempt ON attempt.entry = entry.id AND attempt.superseded = 0
                 WHERE entry.caller = ?1 AND entry.key = ?2",
            )?,
            summary: connection.prepare(
                "SELECT outcome, money, count(*), min(opened_at), verdict IS NOT NULL AS resolved
                 FROM attempt LEFT JOIN resolution ON outcome = 3 AND resolution.entry = attempt.entry
                                                      AND resolution.number = attempt.number
                 WHERE superseded = 0 AND outcome IS NOT 2 GROUP BY outcome, money, resolved",
            )?,
            unknown: connection.prepare(
                "SELECT entry.id, matter, step, target, money, sequence, opened_at, closed_at, outcome, fault, caller, key
                 FROM attempt JOIN entry ON entry.id = attempt.entry
                      LEFT JOIN resolution ON resolution.entry = attempt.entry AND resolution.number = attempt.number
                 WHERE superseded = 0 AND outcome IS NOT 2 AND outcome = 3 AND verdict IS NULL
                 ORDER BY money DESC, opened_at, entry.id LIMIT ?1",
            )?,
            resolve: connection.prepare(
                "INSERT INTO resolution (entry, number, verdict, who, why, resolved_at)
                 SELECT entry, number, ?2, ?3, ?4, ?5 FROM attempt WHERE entry = ?1 AND superseded = 0 AND outcome = 3
                 ON CONFLICT (entry, number) DO NOTHING",
            )?,
        })
    }

    pub(super) fn begin(&mut self) -> Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        self.commit.execute([]).map(drop)
    }

    /// Writes a new entry with its first attempt, or says what the earlier one means.
    pub(super) fn open(&mut self, entry: &OpeningEntry) -> Result<Opening> {
        if self.insert_entry.execute(params![entry.caller, entry.key, entry.request_digest])? == 1 {
            let id = self.connection.last_insert_rowid();
            self.insert_attempt(id, 1, entry)?;
            return Ok(Opening::New(Opened::proof(id)));
        }
        let latest = self.latest(&entry.caller, &entry.key, &entry.request_digest, entry.repeatable)?;
        let (id, number, earlier) = latest.ok_or(Error::QueryReturnedNoRows)?;
        if let Some(said) = self.says(id, earlier)? {
            return Ok(said);
        }
        self.supersede.execute([id, number])?;
        // Of an unknown outcome there is an answer; another one will take its place.
        self.forget_answer.execute([id])?;
        self.insert_attempt(id, number + 1, entry)?;
        Ok(Opening::New(Opened::proof(id)))
    }

    /// What the earlier entry says, where there is one and nothing may be sent.
    pub(super) fn look(&mut self, question: &Question) -> Result<Option<Opening>> {
        match self.latest(&question.caller, &question.key, &question.request_digest, question.repeatable)? {
            Some((id, _, earlier)) => self.says(id, earlier),
            None => Ok(None),
        }
    }

    /// Entry, number of its latest attempt, and what that means for another request.
    fn latest(
        &mut self,
        caller: &str,
        key: &str,
        request_digest: &[u8; 32],
        repeatable: bool,
    ) -> Result<Option<(i64, i64, Earlier)>> {
        let latest = self.select_latest.query_row((caller, key), |row| {
            let content_equal = row.get_ref(1)?.as_blob()? == request_digest;
            let repeatable = repeatable && !row.get::<_, bool>(4)?;
            let earlier = judge_earlier(content_equal, outcome(row, 3)?, verdict(row, 5)?, repeatable);
            Ok((row.get(0)?, row.get(2)?, earlier))
        });
        latest.optional()
    }

    fn says(&mut self, id: i64, earlier: Earlier) -> Result<Option<Opening>> {
        Ok(Some(match earlier {
            Earlier::Answered => Opening::Repeat(self.answer(id)?),
            Earlier::ContentDiffers { settled } => Opening::ContentDiffers { settled },
            Earlier::InProgress => Opening::InProgress,
            Earlier::MayOpenAgain => return Ok(None),
            Earlier::Resolved(verdict) => Opening::Resolved(verdict),
            Earlier::Unknown => Opening::Unknown(self.answer(id)?),
        }))
    }

    fn insert_attempt(&mut self, id: i64, number: i64, entry: &OpeningEntry) -> Result<()> {
        // `Sqlite::open` has refused larger numbers already.
        let sequence = i64::try_from(entry.sequence).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        self.insert_attempt
            .execute(params![
                id,
                number,
                entry.matter,
                entry.step,
                entry.target,
                entry.money,
                entry.outbound_digest,
                entry.mapping_version,
                sequence,
                entry.opened_at,
            ])
            .map(drop)
    }

    /// The stored answer; after a kill there is none, and status 0 says so.
    fn answer(&mut self, id: i64) -> Result<StoredAnswer> {
        let stored = self.select_answer.query_row([id], |row| {
            let body: Vec<u8> = row.get(2)?;
            Ok(StoredAnswer { status: row.get(0)?, content_type: row.get(1)?, body: Masked::new(body.into()) })
        });
        Ok(stored.optional()?.unwrap_or_else(|| StoredAnswer {
            status: 0,
            content_type: "".into(),
            body: Masked::new(Bytes::new()),
        }))
    }

    /// Closes the open attempt of entry `id`; `None` where it has none. The answer is kept only where a repeat
    /// gets it: what was not delivered is opened again instead.
    pub(super) fn close(&mut self, id: i64, entry: &ClosingEntry) -> Result<Option<Closed>> {
        let open = self
            .select_open
            .query_row([id], |row| Ok((row.get::<_, i64>(0)?, Closed { money: row.get(1)?, opened_at: row.get(2)? })));
        let Some((number, closed)) = open.optional()? else { return Ok(None) };
        let outcome = match entry.outcome {
            Outcome::NotDelivered => schema::NOT_DELIVERED,
            Outcome::Answered => schema::ANSWERED,
            Outcome::Unknown => schema::UNKNOWN,
        };
        self.close.execute(params![id, number, outcome, entry.fault, entry.reply_digest, entry.closed_at])?;
        if entry.outcome != Outcome::NotDelivered {
            let answer = &entry.answer;
            self.insert_answer.execute(params![id, answer.status, answer.content_type, &answer.body.reveal()[..]])?;
        }
        Ok(Some(closed))
    }

    pub(super) fn find(&mut self, caller: &str, key: &str) -> Result<Option<Entry>> {
        self.find.query_row([caller, key], entry).optional()
    }

    /// Entries of unknown outcome without resolution.
    pub(super) fn unknown(&mut self, most: usize) -> Result<Vec<Entry>> {
        self.unknown.query_map([i64::try_from(most).unwrap_or(i64::MAX)], entry)?.collect()
    }

    /// False where the entry is not of unknown outcome, or resolved already.
    pub(super) fn resolve(&mut self, resolution: &Resolution) -> Result<bool> {
        let verdict = match resolution.verdict {
            Finding::Done => schema::DONE,
            Finding::NotDone => schema::NOT_DONE,
        };
        let Resolution { entry, who, why, resolved_at, .. } = resolution;
        Ok(self.resolve.execute(params![entry, verdict, who, why, resolved_at])? == 1)
    }

    /// All lines of the summary but those of answered entries, which the writer counts itself.
    pub(super) fn summary(&mut self) -> Result<Vec<Summary>> {
        self.summary
            .query_map([], |row| {
                Ok(Summary {
                    outcome: outcome(row, 0)?,
                    resolved: row.get(4)?,
                    money: row.get(1)?,
                    count: unsigned(row, 2)?,
                    oldest_opened_at: row.get(3)?,
                })
            })?
            .collect()
    }
}

/// A number that is never below zero in a ledger that we wrote.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let found: i64 = row.get(column)?;
    u64::try_from(found).map_err(|_| Error::IntegralValueOutOfRange(column, found))
}

/// A row of `find` or `unknown`.
fn entry(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        caller: row.get(10)?,
        key: row.get(11)?,
        matter: row.get(1)?,
        step: row.get(2)?,
        target: row.get(3)?,
        money: row.get(4)?,
        sequence: unsigned(row, 5)?,
        opened_at: row.get(6)?,
        closed_at: row.get(7)?,
        outcome: outcome(row, 8)?,
        fault: row.get(9)?,
    })
}

fn verdict(row: &Row<'_>, column: usize) -> Result<Option<Finding>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(schema::DONE) => Ok(Some(Finding::Done)),
        Some(schema::NOT_DONE) => Ok(Some(Finding::NotDone)),
        Some(_) => Err(Error::InvalidColumnType(column, "verdict".into(), Type::Integer)),
    }
}

fn outcome(row: &Row<'_>, column: usize) -> Result<Option<Outcome>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(schema::NOT_DELIVERED) => Ok(Some(Outcome::NotDelivered)),
        Some(schema::ANSWERED) => Ok(Some(Outcome::Answered)),
        Some(schema::UNKNOWN) => Ok(Some(Outcome::Unknown)),
        Some(_) => Err(Error::InvalidColumnType(column, "outcome".into(), Type::Integer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary table costs more than the row it helps to write. SQLite makes one for `RETURNING`, for `IN` with
    /// three values in a check, and for an update whose key is not given in full.
    #[test]
    fn nothing_that_an_exchange_runs_makes_a_temporary_table() {
        let connection = Connection::open_in_memory().unwrap();
        schema::create(&connection).unwrap();
        let all = Statements::prepare(&connection).unwrap();
        let of_an_exchange = [
            &all.insert_entry,
            &all.insert_attempt,
            &all.select_latest,
            &all.supersede,
            &all.select_open,
            &all.close,
            &all.insert_answer,
            &all.select_answer,
            &all.forget_answer,
        ];
        for statement in of_an_exchange {
            let text = statement.expanded_sql().unwrap();
            let mut plan = connection.prepare(&format!("EXPLAIN {text}")).unwrap();
            let steps: Vec<String> = plan.query_map([], |row| row.get(1)).unwrap().map(Result::unwrap).collect();
            assert!(steps.len() > 5 && !steps.iter().any(|step| step == "OpenEphemeral"), "{text}: {steps:?}");
        }
    }
}
