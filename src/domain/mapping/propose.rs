//! Drafts of table rows for codes that came in and that no table knows.
//!
//! A draft is for a person: nothing is guessed, and what the tables lack stays empty, so that a draft that is taken over
//! unread is refused by the compiler.

use super::grid::Grid;
use super::grid::GridRow;
use super::program::Program;
use super::source::Files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

/// One line of the drift counts, as `GET /v1/drift` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Seen {
    pub direction: String,
    pub table: String,
    /// The profile that sent the code.
    pub side: String,
    pub code: String,
    pub count: u64,
    /// `yyyy-MM-dd HH:mm:ss`.
    pub first_seen: String,
    pub last_seen: String,
}

/// Drafted rows, and what no row was drafted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// CSV, a part for each table, its file named in a comment line before it.
    pub text: String,
    pub rows: usize,
    /// Table, side and reason, without the code.
    pub left_out: Vec<(String, String, &'static str)>,
}

/// The same code of the same side, whichever way it went.
struct Sum {
    count: u64,
    first: String,
    last: String,
    directions: BTreeSet<String>,
}

const SOURCE: &str = "实际来文，待核";

impl Program {
    /// Drafts rows for codes that were seen.
    pub fn propose(&self, files: &Files, seen: &[Seen]) -> Proposal {
        let mut proposal = Proposal::default();
        let mut sums: BTreeMap<&str, BTreeMap<(&str, &str), Sum>> = BTreeMap::new();
        for line in seen {
            if let Some(reason) = self.unfit(line) {
                proposal.left_out.push((line.table.clone(), line.side.clone(), reason));
                continue;
            }
            let blank = || Sum {
                count: 0,
                first: day(&line.first_seen),
                last: day(&line.last_seen),
                directions: BTreeSet::new(),
            };
            let sum = sums.entry(&line.table).or_default().entry((&line.side, &line.code)).or_insert_with(blank);
            sum.count = sum.count.saturating_add(line.count);
            sum.first = day(&line.first_seen).min(std::mem::take(&mut sum.first));
            sum.last = day(&line.last_seen).max(std::mem::take(&mut sum.last));
            sum.directions.insert(line.direction.clone());
        }
        let mut sets: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for place in self.uses(files).into_iter().filter(|place| !place.set.is_empty()) {
            sets.entry((place.table, place.profile)).or_default().insert(place.set);
        }
        for (table, codes) in &sums {
            let path = format!("codes/{table}.csv");
            let now = Grid::of_csv(files.text(&path).unwrap_or_default()).unwrap_or_default();
            let mut draft = Draft::new(&now);
            for ((side, code), sum) in codes {
                let sets = sets.get(&((*table).to_owned(), (*side).to_owned())).cloned().unwrap_or_default();
                self.draft(table, side, code, sum, &sets, &now, &mut draft);
            }
            proposal.rows += draft.grid.rows.len() - 1;
            // Writing into a string cannot fail.
            let _ = writeln!(proposal.text, "# {path}");
            proposal.text.push_str(&draft.grid.csv());
            proposal.text.push('\n');
        }
        proposal
    }

    /// Why no row can be drafted for a line.
    fn unfit(&self, line: &Seen) -> Option<&'static str> {
        if !self.catalogue().tables.contains_key(&line.table) {
            return Some("没有这个码表");
        }
        if line.code.trim().is_empty() || line.code.starts_with('（') {
            return Some("代码为空或已隐去");
        }
        is_formula(&line.code).then_some("代码会被表格软件当作公式")
    }

    #[expect(clippy::too_many_arguments, reason = "one fact each, called once")]
    fn draft(
        &self,
        table: &str,
        side: &str,
        code: &str,
        sum: &Sum,
        sets: &BTreeSet<String>,
        now: &Grid,
        draft: &mut Draft,
    ) {
        let directions: Vec<&str> = sum.directions.iter().map(String::as_str).collect();
        let note = format!(
            "{}：{side} 的代码“{code}”见 {} 次，{} 至 {}",
            directions.join("、"),
            sum.count,
            sum.first,
            sum.last
        );
        let known = self.catalogue().tables.get(table).and_then(|table| {
            let read =
                sets.iter().find_map(|set| table.readings(code, set).first().map(|(row, _)| row.canonical.clone()));
            read.or_else(|| table.row(code).map(|row| row.canonical.clone()))
        });
        if let Some(canonical) = known {
            let row = now.rows.iter().find(|row| row.cells.first().is_some_and(|cell| cell.trim() == canonical));
            let number = row.map_or(0, |row| row.number);
            let cells = row.map(|row| row.cells.clone()).unwrap_or_default();
            draft.row(cells, &[("note", &format!("{note}；第 {number} 行已有此码，对方一侧没有对应代码或已过有效期"))]);
            return;
        }
        if sets.is_empty() {
            draft.row(Vec::new(), &[("source", SOURCE), ("note", &format!("{note}；该侧在本表没有代码列"))]);
        }
        let several: Vec<&str> = sets.iter().map(String::as_str).collect();
        let more = if sets.len() > 1 {
            format!("；该侧用到 {}，只留一行", several.join("、"))
        } else {
            String::new()
        };
        for set in sets {
            draft.row(Vec::new(), &[(set, code), ("source", SOURCE), ("note", &format!("{note}{more}"))]);
        }
    }
}

/// Rows under the header of a table's file.
struct Draft {
    grid: Grid,
}

impl Draft {
    fn new(now: &Grid) -> Self {
        let mut header =
            now.rows.iter().find(|row| !row.cells[0].starts_with('#')).map(|row| row.cells.clone()).unwrap_or_default();
        for column in ["source", "note"] {
            if !header.iter().any(|known| known == column) {
                header.push(column.to_owned());
            }
        }
        Self { grid: Grid { rows: vec![GridRow { number: 1, cells: header }], faults: Vec::new() } }
    }

    fn row(&mut self, mut cells: Vec<String>, filled: &[(&str, &str)]) {
        let header = &self.grid.rows[0].cells;
        cells.resize(header.len(), String::new());
        for (column, text) in filled {
            if let Some(index) = header.iter().position(|known| known == column) {
                (*text).clone_into(&mut cells[index]);
            }
        }
        let number = self.grid.rows.len() + 1;
        self.grid.rows.push(GridRow { number, cells });
    }
}

fn day(time: &str) -> String {
    time.chars().take(10).collect()
}

/// True where a spreadsheet program would work the text out instead of showing it. Return codes such as `-10` are none.
fn is_formula(code: &str) -> bool {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    code.starts_with(['=', '@', '\t']) || code.strip_prefix(['+', '-']).is_some_and(|rest| !number(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told_from_codes() {
        for code in ["=1+1", "@SUM(1)", "+cmd", "-1+1", "-"] {
            assert!(is_formula(code), "{code}");
        }
        for code in ["-10", "+86", "01", "completed", "存续"] {
            assert!(!is_formula(code), "{code}");
        }
    }
}
