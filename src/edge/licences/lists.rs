//! What is kept of trust lists, so that no start takes one from before.

use crate::edge::licences::store::ListSeen;
use rusqlite::Connection;

/// All that were seen.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<ListSeen>> {
    let mut lists = connection.prepare_cached("SELECT province, sequence, digest, pins FROM trust_list")?;
    let seen = lists.query_map([], |row| {
        Ok(ListSeen {
            province: row.get(0)?,
            sequence: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
            digest: row.get(2)?,
            operators: Vec::new(),
            pins: row.get(3)?,
        })
    })?;
    let mut seen = seen.collect::<rusqlite::Result<Vec<ListSeen>>>()?;
    let mut operators =
        connection.prepare_cached("SELECT certificate FROM trust_operator WHERE province = ?1 ORDER BY place")?;
    for list in &mut seen {
        list.operators = operators.query_map([&list.province], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    }
    Ok(seen)
}

/// Keeps those that are not below what is kept.
pub(super) fn remember(connection: &Connection, lists: &[ListSeen]) -> rusqlite::Result<()> {
    for list in lists {
        // A number beyond the range of the column is kept as its end: no lower one is taken after that.
        let sequence = i64::try_from(list.sequence).unwrap_or(i64::MAX);
        let is_kept = connection
            .prepare_cached(
                "INSERT INTO trust_list (province, sequence, digest, pins) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (province) DO UPDATE
                 SET sequence = excluded.sequence, digest = excluded.digest, pins = excluded.pins
                 WHERE excluded.sequence >= trust_list.sequence",
            )?
            .execute((&list.province, sequence, list.digest, list.pins))?;
        if is_kept == 0 {
            continue;
        }
        connection.prepare_cached("DELETE FROM trust_operator WHERE province = ?1")?.execute([&list.province])?;
        for (place, certificate) in (0_i64..).zip(&list.operators) {
            connection
                .prepare_cached("INSERT INTO trust_operator (province, place, certificate) VALUES (?1, ?2, ?3)")?
                .execute((&list.province, place, certificate))?;
        }
    }
    Ok(())
}
