//! A code table or a message file that an operator edited in a spreadsheet: checked, and made mapping text again.
//!
//! What spreadsheets do to codes (full-width digits, lost zeros, powers of ten) is found here; everything else the
//! compiler of the whole set finds. All faults are told at once, each at its cell. Nothing is written here.

use super::grid::CellFault;
use super::grid::Grid;
use super::grid::GridRow;
use super::program::Program;
use super::source::Files;
use super::source::Level;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Columns of code tables that hold text for people.
const TABLE_TEXTS: &[&str] = &["title", "source", "note"];
/// Columns of message files that hold names; the others may hold any text.
const MESSAGE_NAMES: &[&str] =
    &["path", "field", "need", "matter", "step", "service", "operation", "request", "answer"];
/// What spreadsheet programs show for a value that they could not work out.
const ERRORS: &[&str] = &["#NAME?", "#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"];

/// A file that is right, ready to be written.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Path below the mapping directory.
    pub path: String,
    /// Its new text.
    pub text: String,
    pub changes: Changes,
}

/// What the new text changes, by the first column; several rows of one name count as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// False: there was no such file.
    pub known: bool,
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    pub columns_added: Vec<String>,
    pub columns_removed: Vec<String>,
}

/// Checks a spreadsheet as the new text of `path` (`codes/….csv` or `messages/…/….csv`) by compiling the whole set with it.
///
/// # Errors
/// All faults: of cells, and of other files that no longer fit.
pub fn import(files: &Files, path: &str, grid: Grid) -> Result<Imported, Vec<CellFault>> {
    let before = Grid::of_csv(files.text(path).unwrap_or_default()).unwrap_or_default();
    let mut checking = Checking { faults: grid.faults, table: path.starts_with("codes/") };
    let mut rows = grid.rows;
    checking.shape(&mut rows);
    checking.spoilt(&mut rows);
    checking.zeros(&mut rows, &before);
    // Compiled with what was proposed, so that one slip is not told a second time as something else.
    let grid = Grid { rows, faults: Vec::new() };
    let (text, layout) = grid.layout();
    let mut next = files.clone();
    next.0.insert(path.to_owned(), text.clone());
    let Checking { mut faults, .. } = checking;
    if let Err(found) = Program::compile(&next) {
        let errors = found.into_iter().filter(|fault| fault.level == Level::Error);
        faults.extend(errors.map(|fault| {
            let cell = (fault.place.file == path).then(|| layout.cell(&fault.place)).flatten();
            CellFault { cell, fault }
        }));
    }
    if faults.is_empty() {
        let changes = changes(&before, &grid, files.text(path).is_some());
        return Ok(Imported { path: path.to_owned(), text, changes });
    }
    faults.sort_by_key(|fault| (fault.cell.is_none(), fault.cell, fault.fault.number));
    faults.dedup();
    Err(faults)
}

fn is_comment(row: &GridRow) -> bool {
    row.cells.first().is_some_and(|cell| cell.starts_with('#') && !ERRORS.contains(&cell.trim()))
}

struct Checking {
    faults: Vec<CellFault>,
    table: bool,
}

impl Checking {
    /// The header's columns that hold codes or names.
    fn code_columns(&self, header: &GridRow) -> Vec<usize> {
        let is_code = |name: &str| {
            if self.table { !TABLE_TEXTS.contains(&name) } else { MESSAGE_NAMES.contains(&name) }
        };
        (0..header.cells.len()).filter(|column| is_code(&header.cells[*column])).collect()
    }

    /// Every row as long as the header, cells trimmed; what stands beside the header's columns is a fault.
    fn shape(&mut self, rows: &mut [GridRow]) {
        let Some(first) = rows.iter().position(|row| !is_comment(row)) else { return };
        let header = &mut rows[first];
        for cell in &mut header.cells {
            *cell = cell.trim().to_owned();
        }
        header.cells.truncate(header.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
        let number = header.number;
        for (column, _) in header.cells.iter().enumerate().filter(|(_, cell)| cell.is_empty()) {
            self.faults.push(CellFault::at(number, column, 182, "表头为空").hint("写上列名，或删去此列"));
        }
        let width = header.cells.len();
        for row in rows.iter_mut().skip(first) {
            for cell in &mut row.cells {
                *cell = cell.trim().to_owned();
            }
            let used = row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            if is_comment(row) {
                row.cells.truncate(used);
                continue;
            }
            for column in width..used {
                if !row.cells[column].is_empty() {
                    let found = format!("“{}”在表头之外", shown(&row.cells[column]));
                    self.faults.push(CellFault::at(row.number, column, 182, found).hint("补上列名，或删去此格"));
                }
            }
            row.cells.resize(width, String::new());
        }
    }

    /// Full-width and invisible characters, powers of ten and error values; the first two are put right.
    fn spoilt(&mut self, rows: &mut [GridRow]) {
        let Some(first) = rows.iter().position(|row| !is_comment(row)) else { return };
        let codes = self.code_columns(&rows[first]);
        for row in rows.iter_mut().skip(first).filter(|row| !is_comment(row)) {
            for (column, cell) in row.cells.iter_mut().enumerate() {
                if ERRORS.contains(&cell.as_str()) {
                    let fault = CellFault::at(row.number, column, 183, format!("单元格是错误值“{cell}”"));
                    self.faults
                        .push(fault.hint("以 =、+、-、@ 开头的内容会被当作公式；请用 xlsx 导出，单元格设为文本"));
                    continue;
                }
                if !codes.contains(&column) {
                    continue;
                }
                let right: String = cell.chars().filter_map(half_width).collect();
                if right != *cell {
                    let found = format!("“{}”含有全角或不可见字符", shown(cell));
                    self.faults.push(CellFault::at(row.number, column, 184, found).expected(format!("“{right}”")));
                    *cell = right;
                }
                if self.table && is_power_of_ten(cell) {
                    let fault = CellFault::at(row.number, column, 185, format!("代码“{cell}”被表格软件改成了科学记数"));
                    self.faults.push(fault.hint("把单元格设为文本后重新填写"));
                }
            }
        }
    }

    /// Codes whose leading zeros a spreadsheet took away: the table as it stands has them.
    fn zeros(&mut self, rows: &mut [GridRow], before: &Grid) {
        let Some(first) = rows.iter().position(|row| !is_comment(row)).filter(|_| self.table) else { return };
        let header = rows[first].cells.clone();
        let codes = self.code_columns(&rows[first]);
        let known = columns_of(before);
        for column in codes {
            let name = if header[column] == "parent" { "canonical" } else { &header[column] };
            let Some(known) = known.get(name) else { continue };
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let bare = |text: &str| text.trim_start_matches('0').to_owned();
            let padded = known.iter().filter(|code| digits(code) && code.starts_with('0'));
            let padded: BTreeMap<String, &str> = padded.map(|code| (bare(code), *code)).collect();
            let now: BTreeSet<String> =
                rows[first + 1..].iter().filter_map(|row| row.cells.get(column).cloned()).collect();
            for row in rows[first + 1..].iter_mut().filter(|row| !is_comment(row)) {
                let cell = &mut row.cells[column];
                if !digits(cell) || known.contains(cell.as_str()) {
                    continue;
                }
                let lost = padded.get(&bare(cell)).filter(|code| code.len() > cell.len() && !now.contains(**code));
                if let Some(code) = lost {
                    let found = format!("代码“{cell}”似乎丢了前导零");
                    let fault = CellFault::at(row.number, column, 186, found).expected(format!("“{code}”"));
                    self.faults.push(fault.hint("把单元格设为文本；若确是新代码，请先改掉原代码再导入"));
                    *cell = (*code).to_owned();
                }
            }
        }
    }
}

/// The first characters of a cell, for a message.
fn shown(cell: &str) -> String {
    cell.chars().take(40).collect()
}

/// The character that belongs in a code for the one that an input method put there; `None`: nothing belongs there.
fn half_width(character: char) -> Option<char> {
    match character {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '－' | '．' | '＿' => {
            char::from_u32(u32::from(character) - 0xFEE0)
        }
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => None,
        '\u{3000}' | '\u{A0}' => Some(' '),
        other => Some(other),
    }
}

/// `4.21002E+11`.
fn is_power_of_ten(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    power.strip_prefix('+').is_some_and(digits)
        && number.split_once('.').map_or_else(|| digits(number), |(whole, part)| digits(whole) && digits(part))
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

fn changes(before: &Grid, after: &Grid, known: bool) -> Changes {
    let (old, new) = (named(before), named(after));
    let missing = |these: &BTreeMap<&str, String>, in_those: &BTreeMap<&str, String>| {
        these.keys().filter(|name| !in_those.contains_key(*name)).map(|name| (*name).to_owned()).collect()
    };
    let (old_columns, new_columns) = (header(before), header(after));
    let unknown = |these: &[&str], in_those: &[&str]| {
        these.iter().filter(|name| !in_those.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    let differs = |name: &&&str| old.get(**name).is_some_and(|was| *was != new[**name]);
    Changes {
        known,
        added: missing(&new, &old),
        changed: new.keys().filter(differs).map(|name| (*name).to_owned()).collect(),
        removed: missing(&old, &new),
        columns_added: unknown(&new_columns, &old_columns),
        columns_removed: unknown(&old_columns, &new_columns),
    }
}

fn header(grid: &Grid) -> Vec<&str> {
    let header = grid.rows.iter().find(|row| !is_comment(row));
    header.map_or(Vec::new(), |row| row.cells.iter().map(|cell| cell.trim()).collect())
}

/// Rows by their first cell: the other cells by column name, so that moving a column changes nothing.
fn named(grid: &Grid) -> BTreeMap<&str, String> {
    let header = header(grid);
    let mut named: BTreeMap<&str, String> = BTreeMap::new();
    for row in grid.rows.iter().filter(|row| !is_comment(row)).skip(1) {
        let mut cells: Vec<String> = header
            .iter()
            .zip(&row.cells)
            .skip(1)
            .filter(|(_, cell)| !cell.trim().is_empty())
            .map(|(name, cell)| format!("{name}={}", cell.trim()))
            .collect();
        cells.sort_unstable();
        let text = named.entry(row.cells.first().map_or("", |cell| cell.trim())).or_default();
        text.push_str(&cells.join("\u{1f}"));
        text.push('\u{1e}');
    }
    named
}
