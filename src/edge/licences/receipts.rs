//! Receipts as rows, and their pages.

use crate::edge::licences::sqlite::Head;
use crate::edge::licences::store::Page;
use crate::edge::licences::store::Receipt;
use crate::edge::licences::store::ReceiptEntry;
use rusqlite::Connection;
use rusqlite::Row;

/// Columns of a receipt in the order in which they are read.
pub(super) const COLUMNS: &str = "sequence, id, at, caller, operator, window, matter, case_number, ground, licence, kind, holder, \
                       call, decision, report, previous, digest";

/// Puts a receipt behind the others.
pub(super) fn insert(connection: &Connection, receipt: &Receipt) -> rusqlite::Result<()> {
    let Receipt { sequence, entry, previous, digest } = receipt;
    connection
        .prepare_cached(&format!(
            "INSERT INTO receipt ({COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        ))?
        .execute(rusqlite::params![
            sequence,
            entry.id,
            entry.at,
            entry.caller,
            entry.operator,
            entry.window,
            entry.matter,
            entry.case_number,
            entry.ground,
            entry.licence,
            entry.kind,
            entry.holder,
            entry.call,
            entry.decision,
            entry.report,
            previous,
            digest,
        ])
        .map(drop)
}

/// The receipt of a row with [`COLUMNS`].
pub(super) fn receipt(row: &Row<'_>) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        sequence: row.get(0)?,
        entry: ReceiptEntry {
            id: row.get(1)?,
            at: row.get(2)?,
            caller: row.get(3)?,
            operator: row.get(4)?,
            window: row.get(5)?,
            matter: row.get(6)?,
            case_number: row.get(7)?,
            ground: row.get(8)?,
            licence: row.get(9)?,
            kind: row.get(10)?,
            holder: row.get(11)?,
            call: row.get(12)?,
            decision: row.get(13)?,
            report: row.get(14)?,
        },
        previous: row.get(15)?,
        digest: row.get(16)?,
    })
}

/// Up to `most` receipts behind number `since`, or behind the anchor, where those after `since` were pruned.
pub(super) fn page(connection: &Connection, head: &mut Head, since: i64, most: usize) -> rusqlite::Result<Page> {
    let since = since.clamp(0, head.sequence);
    if since > head.taken {
        connection.prepare_cached("UPDATE taken SET sequence = ?1")?.execute([since])?;
        head.taken = since;
    }
    let mut found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM receipt WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2"))?;
    let most = i64::try_from(most).unwrap_or(i64::from(u16::MAX));
    // The receipt before the page is read too, unless it is the anchor: the first of the page must be behind it.
    let is_at_anchor = since <= head.anchor.sequence;
    let begin = if is_at_anchor { head.anchor.sequence + 1 } else { since };
    let limit = most + i64::from(!is_at_anchor);
    let rows = found.query_map((begin, limit), receipt)?.collect::<rusqlite::Result<Vec<Receipt>>>()?;
    let mut broken_at = None;
    let mut next = begin;
    let mut previous = is_at_anchor.then_some(head.anchor.digest);
    for row in &rows {
        let follows = row.sequence == next && previous.is_none_or(|previous| row.previous == previous);
        if broken_at.is_none() && !(follows && row.is_whole()) {
            broken_at = Some(next.min(row.sequence));
        }
        (next, previous) = (row.sequence + 1, Some(row.digest));
    }
    // Rows were taken away at the end.
    let reaches_end = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
    if broken_at.is_none() && reaches_end && next <= head.sequence {
        broken_at = Some(next);
    }
    let receipts = rows.into_iter().filter(|row| row.sequence > since).collect();
    Ok(Page { receipts, broken_at, last: head.sequence, anchor: head.anchor })
}
