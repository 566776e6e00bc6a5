//! What spreadsheet programs do to the cells of mapping files: full-width and invisible characters, error values, powers
//! of ten and fractions, dates, lost zeros.
//!
//! A fault says what the cell should be where that can be told, and the cell is given that for the checks that follow. The
//! one thing that is put right without a word is the form of a date.

use super::grid::CellFault;
use super::grid::Grid;
use super::grid::GridRow;
use super::import::header_index;
use super::import::is_comment;
use super::wide::narrowed;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Columns of code tables that hold text for people or dates.
const TABLE_TEXTS: &[&str] = &["title", "source", "note", "valid_from", "valid_to"];
/// Columns of message files that hold names; the others may hold any text.
const MESSAGE_NAMES: &[&str] =
    &["path", "field", "need", "matter", "step", "service", "operation", "request", "answer"];
/// Columns of the lists at the top of the mapping directory that hold codes or names.
const LIST_NAMES: &[&str] = &[
    "id",
    "type",
    "length_max",
    "table",
    "privacy",
    "mask",
    "code",
    "archetype",
    "money",
    "idempotent",
    "promised_workdays",
    "item_type",
    "licences",
    "fields",
    "required",
    "answer_fields",
    "interaction",
    "kind",
    "matter",
    "step",
    "message",
];
/// Columns that hold dates as `yyyy-MM-dd`.
const DATES: &[&str] = &["valid_from", "valid_to", "date"];
/// What spreadsheet programs show for a value that they could not work out.
const ERRORS: &[&str] = &["#NAME?", "#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"];
/// Characters of a cell that a message shows.
const SHOWN_MAX: usize = 40;
/// Day numbers of spreadsheets that are taken for dates, 1954 to 2119.
const SERIALS: std::ops::RangeInclusive<i64> = 20_000..=80_000;
/// Days from 1899-12-30, which spreadsheets count from, to 1970-01-01.
const SERIAL_OF_EPOCH: i64 = 25_569;

/// True for a value that a spreadsheet program could not work out.
pub(super) fn is_error(cell: &str) -> bool {
    ERRORS.contains(&cell)
}

/// The first characters of a cell, for a message.
pub(super) fn shown(cell: &str) -> String {
    cell.chars().take(SHOWN_MAX).collect()
}

/// Finds everything; `before` is the file as it stands.
pub(super) fn check(rows: &mut [GridRow], before: &Grid, path: &str, faults: &mut Vec<CellFault>) {
    let Some(first) = header_index(rows) else { return };
    let header = rows[first].cells.clone();
    let known = columns_of(before);
    let none = BTreeSet::new();
    for (column, name) in header.iter().enumerate() {
        let is_code = match path.split_once('/') {
            Some(("codes", _)) => !TABLE_TEXTS.contains(&name.as_str()),
            Some(_) => MESSAGE_NAMES.contains(&name.as_str()),
            None => LIST_NAMES.contains(&name.as_str()),
        };
        // A code above stands in the first column of its own row.
        let own = if name == "parent" { "canonical" } else { name };
        let known = known.get(own).unwrap_or(&none);
        let is_date = DATES.contains(&name.as_str());
        for row in rows[first..].iter_mut().filter(|row| !is_comment(row)) {
            let Some(cell) = row.cells.get_mut(column).filter(|cell| !cell.is_empty()) else { continue };
            let at = |number, found: String| CellFault::at(row.number, column, number, found);
            if is_error(cell) {
                let fault = at(183, format!("单元格是错误值“{cell}”"));
                faults.push(fault.hint("以 =、+、-、@ 开头的内容会被当作公式；请用 xlsx 导出，单元格设为文本"));
            } else if is_date {
                date(cell, &at, faults);
            } else if is_code && !known.contains(cell.as_str()) {
                code(cell, known, &at, faults);
            }
        }
        if is_code && path.contains('/') {
            zeros(&mut rows[first + 1..], column, known, faults);
        }
    }
}

/// `2026/1/5` is `2026-01-05`; `46349` may be one.
fn date(cell: &mut String, at: &dyn Fn(u16, String) -> CellFault, faults: &mut Vec<CellFault>) {
    if let Some(right) = slashed(cell) {
        *cell = right;
    } else if let Some(right) = cell.parse().ok().filter(|day| SERIALS.contains(day)).and_then(of_serial) {
        let fault = at(190, format!("日期被表格软件改成了序号“{cell}”")).expected(format!("“{right}”"));
        faults.push(fault.hint("把单元格设为文本后重新填写"));
        *cell = right;
    }
}

/// A code that is not in the table yet.
fn code(cell: &mut String, known: &BTreeSet<&str>, at: &dyn Fn(u16, String) -> CellFault, faults: &mut Vec<CellFault>) {
    let hint = "把单元格设为文本后重新填写";
    if let Some(right) = narrowed(cell) {
        let found = format!("“{}”含有全角或不可见字符", shown(cell));
        faults.push(at(184, found).expected(format!("“{right}”")));
        *cell = right;
    }
    if is_power_of_ten(cell) {
        faults.push(at(185, format!("代码“{cell}”被表格软件改成了科学记数")).hint(hint));
    } else if let Some(whole) = whole(cell) {
        let fault = at(185, format!("代码“{cell}”被表格软件改成了小数"));
        faults.push(fault.expected(format!("“{whole}”")).hint(hint));
        *cell = whole;
    } else if is_date(cell) && !known.iter().any(|code| is_date(code)) {
        let fault = at(190, format!("代码“{}”似乎被表格软件改成了日期", shown(cell)));
        faults.push(fault.hint("如代码 1-2 会变成 1 月 2 日；把单元格设为文本后重新填写"));
    }
}

/// Codes whose leading zeros a spreadsheet took away: the table as it stands has them.
fn zeros(rows: &mut [GridRow], column: usize, known: &BTreeSet<&str>, faults: &mut Vec<CellFault>) {
    let padded = known.iter().filter(|code| is_digits(code) && code.starts_with('0'));
    let padded: BTreeMap<&str, &str> = padded.map(|code| (code.trim_start_matches('0'), *code)).collect();
    if padded.is_empty() {
        return;
    }
    let now: BTreeSet<String> = rows.iter().filter_map(|row| row.cells.get(column).cloned()).collect();
    for row in rows.iter_mut().filter(|row| !is_comment(row)) {
        let Some(cell) = row.cells.get_mut(column) else { continue };
        if !is_digits(cell) || known.contains(cell.as_str()) {
            continue;
        }
        let lost = padded.get(cell.trim_start_matches('0'));
        if let Some(code) = lost.filter(|code| code.len() > cell.len() && !now.contains(**code)) {
            let found = format!("代码“{cell}”似乎丢了前导零");
            let fault = CellFault::at(row.number, column, 186, found).expected(format!("“{code}”"));
            faults.push(fault.hint("把单元格设为文本；若确是新代码，请先改掉原代码再导入"));
            *cell = (*code).to_owned();
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `4.21002E+11`.
fn is_power_of_ten(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['E', 'e']) else { return false };
    power.strip_prefix('+').is_some_and(is_digits)
        && number.split_once('.').map_or_else(|| is_digits(number), |(whole, part)| is_digits(whole) && is_digits(part))
}

/// `12` for `12.0`.
fn whole(text: &str) -> Option<String> {
    let (whole, part) = text.split_once('.')?;
    let zeros = !part.is_empty() && part.bytes().all(|byte| byte == b'0');
    (zeros && is_digits(whole)).then(|| whole.to_owned())
}

/// The ways in which spreadsheet programs write a date that they took a code for.
fn is_date(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = |text: &str| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(text));
    let short = |text: &str| is_digits(text) && text.len() <= 2;
    let english = text
        .split_once('-')
        .is_some_and(|(left, right)| (month(left) && short(right)) || (short(left) && month(right)));
    let chinese = text
        .strip_suffix('日')
        .and_then(|text| text.split_once('月'))
        .is_some_and(|(month, day)| short(month.rsplit('年').next().unwrap_or_default()) && short(day));
    english || chinese || (text.starts_with(['1', '2']) && slashed(text).is_some())
}

/// `yyyy-MM-dd` for that date with dashes or strokes, zeros or not.
fn slashed(text: &str) -> Option<String> {
    let mark = if text.contains('/') { '/' } else { '-' };
    let parts: Vec<&str> = text.split(mark).collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let fits = |text: &str, most: usize| is_digits(text) && text.len() <= most;
    if year.len() != 4 || !fits(year, 4) || !fits(month, 2) || !fits(day, 2) {
        return None;
    }
    let date = format!("{year}-{month:0>2}-{day:0>2}");
    Date::read(DateForm::Dashed, date.as_bytes()).map(|_| date)
}

fn of_serial(day: i64) -> Option<String> {
    let date = Date::from_days(day - SERIAL_OF_EPOCH)?;
    let mut out = Vec::new();
    date.write(DateForm::Dashed, &mut out);
    String::from_utf8(out).ok()
}

/// What stands in each column, by the column's name.
fn columns_of(grid: &Grid) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut rows = grid.rows.iter().filter(|row| !is_comment(row));
    let Some(header) = rows.next() else { return columns };
    for row in rows {
        for (name, cell) in header.cells.iter().zip(&row.cells) {
            columns.entry(name.trim()).or_default().insert(cell.trim());
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(before: &str, after: &str) -> (Vec<String>, Vec<(String, u16)>) {
        let before = Grid::of_csv(before).unwrap();
        let mut grid = Grid::of_csv(after).unwrap();
        let mut faults = Vec::new();
        check(&mut grid.rows, &before, "codes/t.csv", &mut faults);
        let names = faults.iter().map(|fault| (fault.name(), fault.fault.number)).collect();
        (grid.csv().lines().map(str::to_owned).collect(), names)
    }

    #[test]
    fn what_spreadsheets_do_to_codes_is_found_by_cell() {
        let before = "canonical,title,a,valid_to\n01,一,1-2,\n02,二,2026-01-03,\n";
        let after = "canonical,title,a,valid_to\n1,一,1-2,2026/1/5\n02,二,2026-01-03,46349\n\
                     ３,三,1.0,2026-1-5\n4,#REF!,4.2E+11,\n5,1.0,5,x\n";
        let (rows, faults) = checked(before, after);
        let expected = [("A4", 184), ("A2", 186), ("B5", 183), ("C4", 185), ("C5", 185), ("D3", 190)];
        assert_eq!(faults, expected.map(|(cell, number)| (cell.to_owned(), number)));
        assert_eq!(rows[1..4], ["01,一,1-2,2026-01-05", "02,二,2026-01-03,2026-11-23", "3,三,1,2026-01-05"]);
        assert_eq!(rows[5], "5,1.0,5,x", "texts for people and what the compiler will tell are left alone");
    }

    #[test]
    fn codes_that_became_dates_are_found() {
        let before = "canonical,title,a\n1,一,1-2\n";
        for date in ["2026-01-02", "2026/1/2", "1月2日", "2026年1月2日", "2-Jan", "Jan-02"] {
            let (_, faults) = checked(before, &format!("canonical,title,a\n1,一,{date}\n"));
            assert_eq!(faults, [("C2".to_owned(), 190)], "{date}");
        }
        for code in ["1-2", "a-1", "10-20", "2026", "3026-01-02", "月日"] {
            assert_eq!(checked(before, &format!("canonical,title,a\n1,一,{code}\n")).1, [], "{code}");
        }
    }

    #[test]
    fn day_numbers_are_dates() {
        assert_eq!(of_serial(46_349).as_deref(), Some("2026-11-23"));
        assert_eq!(of_serial(25_569).as_deref(), Some("1970-01-01"));
    }
}
