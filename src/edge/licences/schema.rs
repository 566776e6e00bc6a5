//! The tables of the store's file. It deliberately holds no query: those stand in `sqlite`.

/// `application_id`: "JYLC".
pub(super) const APPLICATION_ID: i32 = 0x4A59_4C43;
/// `user_version` that this program writes and reads.
pub(super) const VERSION: i32 = 2;
/// Makes an empty file a store.
pub(super) const CREATE: &str = "
CREATE TABLE proof (
    file      BLOB    NOT NULL PRIMARY KEY CHECK (length(file) = 32),
    known_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE code (
    digest      BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    purpose     TEXT    NOT NULL,
    caller      TEXT    NOT NULL,
    matter      TEXT    NOT NULL,
    case_number TEXT    NOT NULL,
    licence     BLOB    NOT NULL CHECK (length(licence) = 32),
    holder      BLOB    CHECK (length(holder) = 32),
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX code_end ON code (expires_at);

CREATE TABLE report (
    id      TEXT NOT NULL PRIMARY KEY,
    caller  TEXT NOT NULL,
    text    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    sequence    INTEGER NOT NULL PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    at          INTEGER NOT NULL,
    caller      TEXT    NOT NULL,
    operator    BLOB    NOT NULL CHECK (length(operator) = 32),
    window      TEXT    NOT NULL,
    matter      TEXT    NOT NULL,
    case_number TEXT    NOT NULL,
    ground      TEXT    NOT NULL,
    licence     BLOB    CHECK (length(licence) = 32),
    kind        TEXT    NOT NULL,
    holder      BLOB    CHECK (length(holder) = 32),
    call        TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    report      BLOB    CHECK (length(report) = 32),
    previous    BLOB    NOT NULL CHECK (length(previous) = 32),
    digest      BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE TABLE taken (
    only        INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    sequence    INTEGER NOT NULL
) STRICT;
INSERT INTO taken VALUES (1, 0);
";

/// Makes a store of version 1 one of version 2: lists that were seen, the anchor of the chain where receipts were
/// pruned, and when reports were made. Those that are there already count as made with the last receipt.
pub(super) const SECOND: &str = "
CREATE TABLE trust_list (
    province    TEXT    NOT NULL PRIMARY KEY,
    sequence    INTEGER NOT NULL,
    digest      BLOB    NOT NULL CHECK (length(digest) = 32),
    pins        BLOB    NOT NULL CHECK (length(pins) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE trust_operator (
    province    TEXT    NOT NULL,
    place       INTEGER NOT NULL,
    certificate BLOB    NOT NULL,
    PRIMARY KEY (province, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE anchor (
    only        INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    sequence    INTEGER NOT NULL,
    digest      BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;
INSERT INTO anchor VALUES (1, 0, zeroblob(32));

ALTER TABLE report ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
UPDATE report SET at = (SELECT coalesce(max(at), 0) FROM receipt);
CREATE INDEX report_at ON report (at);
";
