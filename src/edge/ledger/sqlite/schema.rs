//! The tables of the ledger file; `docs/ledger.md` explains them to people.
//!
//! It deliberately holds no query: those stand in `statements`.

/// `application_id` of a ledger file: "JYLD".
pub(super) const APPLICATION_ID: i32 = 0x4A59_4C44;

/// `user_version` that this program writes and reads.
pub(super) const VERSION: i32 = 1;

/// Number of [`crate::edge::ledger::Outcome::NotDelivered`] in the column `outcome`.
pub(super) const NOT_DELIVERED: i64 = 1;
/// Number of [`crate::edge::ledger::Outcome::Answered`] in the column `outcome`.
pub(super) const ANSWERED: i64 = 2;
/// Number of [`crate::edge::ledger::Outcome::Unknown`] in the column `outcome`.
pub(super) const UNKNOWN: i64 = 3;

/// Makes an empty file a ledger. Numbers of `outcome`: NULL open, 1 not delivered, 2 answered, 3 unknown.
///
/// No check says `IN` with three values or more: SQLite makes a temporary table for it at every row.
/// The triggers are for hands in a SQL shell: the program never tries what they forbid.
pub(super) const CREATE: &str = "
CREATE TABLE entry (
    id              INTEGER PRIMARY KEY,
    caller          TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    request_digest  BLOB    NOT NULL CHECK (length(request_digest) = 32),
    UNIQUE (caller, key)
) STRICT;

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
    CHECK (superseded = 0 OR outcome = 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_unsettled ON attempt (outcome, money, opened_at)
    WHERE superseded = 0 AND outcome IS NOT 2;

CREATE TABLE answer (
    entry           INTEGER PRIMARY KEY REFERENCES entry (id),
    status          INTEGER NOT NULL,
    content_type    TEXT    NOT NULL,
    body            BLOB    NOT NULL
) STRICT;

CREATE TRIGGER entry_stays BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER entry_unchanged BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
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
CREATE TRIGGER answer_unchanged BEFORE UPDATE ON answer
    BEGIN SELECT RAISE(ABORT, 'answers are never changed'); END;
";
