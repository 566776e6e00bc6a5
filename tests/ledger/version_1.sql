-- A ledger file of version 1: its tables, and three attempts of two entries (composed).
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

INSERT INTO entry VALUES (1, 'yy-kstb-01', 'answered', x'0101010101010101010101010101010101010101010101010101010101010101'), (2, 'yy-kstb-01', 'unknown', x'0101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO attempt VALUES
    (1, 1, 1, 'GJ07', 'main', 'jingzhou-window', 0, x'fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe', '5a', 4, 1000, 1, 501, NULL, 2000, NULL),
    (1, 2, 0, 'GJ07', 'main', 'jingzhou-window', 0, x'fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe', '5a', 5, 1000, 2, 0, x'0707070707070707070707070707070707070707070707070707070707070707', 2000, NULL),
    (2, 1, 0, 'GJ01', 'main', 'jingzhou-window', 0, x'fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe', '5a', 9, 1000, 3, 504, NULL, 2000, NULL);
INSERT INTO answer VALUES
    (1, 200, 'application/json', CAST('yes' AS BLOB)), (2, 200, 'application/json', CAST('late' AS BLOB));
PRAGMA application_id = 1247366212;
PRAGMA user_version = 1;
