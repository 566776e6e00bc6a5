//! Old reports and receipts go, and the chain of the receipts that stay can still be checked.
//!
//! Receipts go from the beginning only, and only while they fit: what was tampered with stays, and everything behind it.
//! It deliberately keeps proofs of existence, which are needed for as long as the licences may be.

use crate::edge::clock::Milliseconds;
use crate::edge::licences::receipts::COLUMNS;
use crate::edge::licences::receipts::receipt;
use crate::edge::licences::sqlite::Head;
use crate::edge::licences::store::Anchor;
use rusqlite::Connection;

/// Rows of each kind that go at a time, so that no call waits long: more than come in a minute.
const ROWS_MAX: usize = 10_000;

/// Takes away what is from before these moments.
pub(super) fn prune(
    connection: &Connection,
    head: &mut Head,
    reports_before: Milliseconds,
    receipts_before: Milliseconds,
) -> rusqlite::Result<()> {
    let rows_max = i64::try_from(ROWS_MAX).unwrap_or(i64::MAX);
    let reports = connection
        .prepare_cached("DELETE FROM report WHERE id IN (SELECT id FROM report WHERE at < ?1 LIMIT ?2)")?
        .execute((reports_before, rows_max))?;
    let mut oldest = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM receipt ORDER BY sequence LIMIT ?1"))?;
    let mut anchor = head.anchor;
    for row in oldest.query_map([rows_max], receipt)? {
        let row = row?;
        if row.entry.at >= receipts_before {
            break;
        }
        if row.sequence != anchor.sequence + 1 || row.previous != anchor.digest || !row.is_whole() {
            tracing::error!(sequence = row.sequence, "receipts are kept from here on: their chain is broken");
            break;
        }
        anchor = Anchor { sequence: row.sequence, digest: row.digest };
    }
    let receipts = anchor.sequence - head.anchor.sequence;
    let untaken = (anchor.sequence - head.taken.max(head.anchor.sequence)).max(0);
    if receipts > 0 {
        connection
            .prepare_cached("UPDATE anchor SET sequence = ?1, digest = ?2")?
            .execute((anchor.sequence, anchor.digest))?;
        connection.prepare_cached("DELETE FROM receipt WHERE sequence <= ?1")?.execute([anchor.sequence])?;
        head.anchor = anchor;
    }
    if untaken > 0 {
        tracing::warn!(untaken, "usage receipts went that nobody had taken");
    }
    if reports > 0 || receipts > 0 {
        tracing::info!(reports, receipts, "old reports and receipts taken away");
    }
    Ok(())
}
