//! The tables of the ledger file; `docs/ledger.md` explains them to people.
//!
//! It deliberately holds no query: those stand in `statements`.

use rusqlite::{Connection, Result};

/// `application_id` of a ledger file: "JYLD".
pub(super) const APPLICATION_ID: i32 = 0x4A59_4C44;

/// `user_version` that this program writes and reads.
///
/// 2: an attempt of unknown outcome that moves no money may be superseded; the table `resolution`.
pub(super) const VERSION: i32 = 2;

/// Number of [`crate::edge::ledger::Finding::Done`] in the column `verdict`.
pub(super) const DONE: i64 = 1;
/// Number of [`crate::edge::ledger::Finding::NotDone`] in the column `verdict`.
pub(super) const NOT_DONE: i64 = 2;

/// Number of [`crate::edge::ledger::Outcome::NotDelivered`] in the column `outcome`.
pub(super) const NOT_DELIVERED: i64 = 1;
/// Number of [`crate::edge::ledger::Outcome::Answered`] in the column `outcome`.
pub(super) const ANSWERED: i64 = 2;
/// Number of [`crate::edge::ledger::Outcome::Unknown`] in the column `outcome`.
pub(super) const UNKNOWN: i64 = 3;

/// Makes an empty file a ledger.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(ENTRY)?;
    connection.execute_batch(ATTEMPT)?;
    connection.execute_batch(ANSWER)?;
    connection.execute_batch(RESOLUTION)
}

/// Makes a file of version 1 one of [`VERSION`]. SQLite cannot change a check, so the attempts move to a new table.
pub(super) fn from_version_1(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "DROP TRIGGER attempt_stays;
         DROP TRIGGER attempt_closed_once;
         DROP TRIGGER attempt_opening_unchanged;
         DROP INDEX attempt_unsettled;
         ALTER TABLE attempt RENAME TO attempt_of_version_1;",
    )?;
    connection.execute_batch(ATTEMPT)?;
    connection.execute_batch(
        "INSERT INTO attempt SELECT * FROM attempt_of_version_1;
         DROP TABLE attempt_of_version_1;",
    )?;
    connection.execute_batch(RESOLUTION)
}

/// Numbers of `outcome`: NULL open, 1 not delivered, 2 answered, 3 unknown.
///
/// No check says `IN` with three values or more: SQLite makes a temporary table for it at every row.
/// The triggers are for hands in a SQL shell: the program never tries what they forbid.
const ENTRY: &str = "
CREATE TABLE entry (
    id              INTEGER PRIMARY KEY,
    caller          TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    request_digest  BLOB    NOT NULL CHECK (length(request_digest) = 32),
    UNIQUE (caller, key)
) STRICT;

CREATE TRIGGER entry_stays BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER entry_unchanged BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
";

/// See [`ENTRY`].
const ATTEMPT: &str = "
CREATE TABLE attempt (
    entry           INTEGER NOT NULL REFERENCES entry (id),
    number          INTEGER NOT NULL CHECK (number >= 1),
    superseded      INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),
    matter          TEXT    NOT NULL,
    step            TEXT    NOT NULL,
    target          TEXT    NOT NULL,
    money           INTEGER NOT NULL CHECK (money IN (0, 1)),
    outbound_digest BLOB    NOT NULL CHECK (length(outbound_digest) = 32),
    mapping_version TEXT    NOT NULL,
    sequence        INTEGER NOT NULL,
    opened_at       INTEGER NOT NULL,
    outcome         INTEGER CHECK (outcome BETWEEN 1 AND 3),
    fault           INTEGER NOT NULL DEFAULT 0,
    reply_digest    BLOB    CHECK (length(reply_digest) = 32),
    closed_at       INTEGER,
    interrupted_at  INTEGER,
    PRIMARY KEY (entry, number),
    CHECK ((outcome IS NULL) = (closed_at IS NULL AND interrupted_at IS NULL)),
    CHECK (interrupted_at IS NULL OR (outcome = 3 AND closed_at IS NULL)),
    CHECK (superseded = 0 OR outcome = 1 OR (outcome = 3 AND money = 0))
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_unsettled ON attempt (outcome, money, opened_at)
    WHERE superseded = 0 AND outcome IS NOT 2;

CREATE TRIGGER attempt_stays BEFORE DELETE ON attempt
    BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END;
CREATE TRIGGER attempt_closed_once
    BEFORE UPDATE OF outcome, fault, reply_digest, closed_at, interrupted_at ON attempt
    WHEN OLD.outcome IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'an attempt is closed once'); END;
CREATE TRIGGER attempt_opening_unchanged
    BEFORE UPDATE OF entry, number, matter, step, target, money, outbound_digest, mapping_version, sequence, opened_at
    ON attempt
    BEGIN SELECT RAISE(ABORT, 'what was said at opening is never changed'); END;
";

/// See [`ENTRY`].
const ANSWER: &str = "
CREATE TABLE answer (
    entry           INTEGER PRIMARY KEY REFERENCES entry (id),
    status          INTEGER NOT NULL,
    content_type    TEXT    NOT NULL,
    body            BLOB    NOT NULL
) STRICT;

CREATE TRIGGER answer_unchanged BEFORE UPDATE ON answer
    BEGIN SELECT RAISE(ABORT, 'answers are never changed'); END;
";

/// What was found out of an attempt of unknown outcome. Numbers of `verdict`: 1 done, 2 not done.
const RESOLUTION: &str = "
CREATE TABLE resolution (
    entry           INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    verdict         INTEGER NOT NULL CHECK (verdict IN (1, 2)),
    who             TEXT    NOT NULL,
    why             TEXT    NOT NULL,
    resolved_at     INTEGER NOT NULL,
    PRIMARY KEY (entry, number),
    FOREIGN KEY (entry, number) REFERENCES attempt (entry, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER resolution_stays BEFORE DELETE ON resolution
    BEGIN SELECT RAISE(ABORT, 'resolutions are never deleted'); END;
CREATE TRIGGER resolution_unchanged BEFORE UPDATE ON resolution
    BEGIN SELECT RAISE(ABORT, 'resolutions are never changed'); END;
";
