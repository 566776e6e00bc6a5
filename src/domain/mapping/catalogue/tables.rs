//! Code tables: `codes/<name>.csv` to a [`Table`], and what is wrong with one.

use super::at;
use crate::domain::codes::Cell;
use crate::domain::codes::Row;
use crate::domain::codes::Table;
use crate::domain::codes::Way;
use crate::domain::mapping::notation;
use crate::domain::mapping::source::Diagnostic;
use crate::domain::mapping::source::Sheet;
use crate::domain::mapping::source::SheetRow;
use crate::domain::mapping::wide::narrowed;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use rustc_hash::FxHashSet;

const TABLE_COLUMNS: &[&str] = &["canonical", "title", "parent", "valid_from", "valid_to", "source", "note"];

pub(super) fn read_table(path: &str, name: &str, text: &str, faults: &mut Vec<Diagnostic>) -> Table {
    let sheet = Sheet::read(path, text, &["canonical", "title"], faults);
    let side = |column: &str| {
        column
            .strip_suffix(".way")
            .or_else(|| column.strip_suffix(".if"))
            .or_else(|| column.strip_suffix(".relation"))
            .map(str::to_owned)
    };
    let sets: Vec<String> = sheet
        .columns
        .iter()
        .filter(|column| !TABLE_COLUMNS.contains(&column.as_str()) && side(column).is_none())
        .cloned()
        .collect();
    for (index, column) in sheet.columns.iter().enumerate() {
        if let Some(set) = side(column).filter(|set| !sets.contains(set)) {
            faults.push(
                Diagnostic::error(120, &sheet.heading(index), format!("列“{column}”没有对应的代码列“{set}”"))
                    .near(&set, sets.iter().map(String::as_str)),
            );
        }
    }
    let mut table = Table::new(name, sets);
    if !sheet.has(&["canonical"]) {
        // Told already; every row would tell it again.
        return table;
    }
    for row in &sheet.rows {
        let date = |column: &str, faults: &mut Vec<Diagnostic>| {
            let text = sheet.cell(row, column);
            let date = Date::read(DateForm::Dashed, text.as_bytes());
            if date.is_none() && !text.is_empty() {
                faults.push(
                    Diagnostic::error(121, &sheet.place(row, column), format!("“{text}”不是日期"))
                        .expected("yyyy-MM-dd"),
                );
            }
            date
        };
        let (valid_from, valid_to) = (date("valid_from", faults), date("valid_to", faults));
        let cells = table.sets.iter().map(|set| read_cell(&sheet, row, set, faults)).collect();
        let canonical = sheet.cell(row, "canonical").to_owned();
        check_narrow(&sheet, row, "canonical", faults);
        if canonical.is_empty() || table.row(&canonical).is_some() {
            let found = if canonical.is_empty() {
                "canonical 为空".to_owned()
            } else {
                format!("代码“{canonical}”重复")
            };
            faults.push(Diagnostic::error(122, &sheet.place(row, "canonical"), found));
            continue;
        }
        let parent = Some(sheet.cell(row, "parent").to_owned()).filter(|parent| !parent.is_empty());
        table.push(Row {
            canonical,
            title: sheet.cell(row, "title").to_owned(),
            cells,
            parent,
            valid_from,
            valid_to,
            line: row.line,
        });
    }
    check_table(&table, &sheet, faults);
    table
}

fn read_cell(sheet: &Sheet, row: &SheetRow, set: &str, faults: &mut Vec<Diagnostic>) -> Option<Cell> {
    let code = sheet.cell(row, set);
    if code.is_empty() {
        return None;
    }
    check_narrow(sheet, row, set, faults);
    let column = format!("{set}.way");
    let way = match sheet.cell(row, &column) {
        "" | "both" => Way::Both,
        "in" => Way::In,
        "out" => Way::Out,
        other => {
            faults.push(
                Diagnostic::error(123, &sheet.place(row, &column), format!("方向“{other}”不认识"))
                    .expected("in、out 或留空"),
            );
            Way::Both
        }
    };
    let column = format!("{set}.if");
    let text = sheet.cell(row, &column);
    let condition = Some(text.to_owned()).filter(|text| !text.is_empty());
    if let Some(Err(expected)) = condition.as_deref().map(notation::condition) {
        faults.push(
            Diagnostic::error(124, &sheet.place(row, &column), format!("看不懂的条件“{text}”")).expected(expected),
        );
        return Some(Cell { code: code.to_owned(), way, condition: None });
    }
    Some(Cell { code: code.to_owned(), way, condition })
}

/// A code in full-width digits looks right to everybody and equals nothing that ever comes in.
fn check_narrow(sheet: &Sheet, row: &SheetRow, column: &str, faults: &mut Vec<Diagnostic>) {
    if let Some(right) = narrowed(sheet.cell(row, column)) {
        let found = format!("“{}”含有全角或不可见字符", sheet.cell(row, column));
        faults.push(Diagnostic::error(184, &sheet.place(row, column), found).expected(format!("“{right}”")));
    }
}

fn check_table(table: &Table, sheet: &Sheet, faults: &mut Vec<Diagnostic>) {
    let place = |line: usize, column: &str| {
        let row = sheet.rows.binary_search_by_key(&line, |row| row.line);
        row.map_or_else(|_| at(&sheet.file), |index| sheet.place(&sheet.rows[index], column))
    };
    for set in &table.sets {
        for (first, second) in table.ambiguous(set) {
            let found = format!("代码集“{set}”中同一代码有两种读法：{} 与 {}", first.canonical, second.canonical);
            faults.push(
                Diagnostic::error(125, &place(second.line, set), found)
                    .hint(format!("其中一行写 {set}.way = out，或用 {set}.if 写明条件")),
            );
        }
    }
    for row in table.rows() {
        if row.valid_from.zip(row.valid_to).is_some_and(|(from, to)| from > to) {
            let found = format!("代码“{}”的生效日期晚于失效日期", row.canonical);
            faults.push(Diagnostic::error(128, &place(row.line, "valid_to"), found));
        }
        // A code that a retired row had, unless this row took it over later, or the set numbers otherwise than the table.
        let retired = |set: usize, code: &str| {
            code != row.canonical
                && table.row(code).is_some_and(|other| {
                    other.valid_to.is_some_and(|to| row.valid_from.is_none_or(|from| from <= to))
                        && other.cells[set].as_ref().is_none_or(|own| own.code == code)
                })
        };
        let mut cells = row.cells.iter().enumerate().filter_map(|(set, cell)| Some((set, cell.as_ref()?)));
        if let Some((set, cell)) = cells.find(|(set, cell)| cell.way != Way::In && retired(*set, &cell.code)) {
            let found = format!("代码“{}”要写成“{}”，而它已经停用", row.canonical, cell.code);
            faults.push(Diagnostic::error(129, &place(row.line, &table.sets[set]), found).expected("现行代码"));
        }
    }
    let looped = looped(table);
    for row in table.rows() {
        let Some(parent) = &row.parent else { continue };
        if table.row(parent).is_none() {
            faults.push(Diagnostic::error(126, &place(row.line, "parent"), format!("上级代码“{parent}”不在本表中")));
        } else if looped.contains(row.canonical.as_str()) {
            let found = format!("代码“{}”的上级成环", row.canonical);
            faults.push(Diagnostic::error(127, &place(row.line, "parent"), found));
        }
    }
}

/// Canonical codes whose way up never ends. Every row is walked over once, so that a long table costs no more than its
/// length, whatever its parents are.
fn looped(table: &Table) -> FxHashSet<&str> {
    let (mut ends, mut looped) = (FxHashSet::default(), FxHashSet::default());
    for row in table.rows() {
        let mut walked: FxHashSet<&str> = FxHashSet::default();
        let mut at = row;
        let circles = loop {
            let code = at.canonical.as_str();
            if ends.contains(code) {
                break false;
            }
            if looped.contains(code) || !walked.insert(code) {
                break true;
            }
            match at.parent.as_deref().and_then(|parent| table.row(parent)) {
                Some(above) => at = above,
                None => break false,
            }
        };
        if circles { looped.extend(walked) } else { ends.extend(walked) }
    }
    looped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reports_all_its_faults() {
        let mut faults = Vec::new();
        let text = "canonical,title,a,a.way,b.if,valid_to\n1,一,01,,,2026-13-01\n1,又一,02,,,\n2,二,01,sideways,,\n3,三,04,,,\n";
        read_table("codes/t.csv", "t", text, &mut faults);
        let mut numbers: Vec<u16> = faults.iter().map(|fault| fault.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [120, 121, 122, 123, 125]);
    }
}
