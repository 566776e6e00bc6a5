//! A code table, a message file or another list that an operator edited in a spreadsheet: checked, and made mapping text
//! again.
//!
//! What spreadsheets do to codes (`spoilt`) is found here; everything else the compiler of the whole set finds. All faults
//! are told at once, each at its cell. Nothing is written here.

use super::grid::CellFault;
use super::grid::Grid;
use super::grid::GridRow;
use super::program::Program;
use super::source::Diagnostic;
use super::source::Files;
use super::source::Level;
use super::source::nearest;
use super::spoilt;
use std::collections::BTreeMap;

/// Lists at the top of the mapping directory that can be edited in a spreadsheet.
pub const LISTS: &[&str] = &["archetypes", "calendar", "fields", "matters", "rules"];

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

/// A spreadsheet as mapping rows: what a program put in that can only be meant one way is put right, the rest is a fault
/// of the grid.
pub fn tidied(files: &Files, path: &str, grid: Grid) -> Grid {
    let before = before(files, path);
    let Grid { mut rows, mut faults } = grid;
    shape(&mut rows, &mut faults);
    if path.starts_with("codes/") {
        mistyped(&rows, &before, &mut faults);
    }
    spoilt::check(&mut rows, &before, path, &mut faults);
    Grid { rows, faults }
}

/// Checks a spreadsheet as the new text of `path` (a `.csv` file of the mapping directory) by compiling the whole set with
/// it.
///
/// # Errors
/// All faults: of cells, and of other files that no longer fit.
pub fn import(files: &Files, path: &str, grid: Grid) -> Result<Imported, Vec<CellFault>> {
    // Compiled with what was proposed, so that one slip is not told a second time as something else.
    let grid = tidied(files, path, grid);
    let before = before(files, path);
    let (text, layout) = grid.layout();
    let mut next = files.clone();
    next.0.insert(path.to_owned(), text.clone());
    let mut faults = grid.faults.clone();
    if let Err(found) = Program::compile(&next) {
        let mut errors: Vec<Diagnostic> = found.into_iter().filter(|fault| fault.level == Level::Error).collect();
        faults.extend(lost_sets(path, &before, &grid, &mut errors));
        faults.extend(errors.into_iter().map(|fault| {
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

fn before(files: &Files, path: &str) -> Grid {
    Grid::of_csv(files.text(path).unwrap_or_default()).unwrap_or_default()
}

/// Index of the header: the first row that is no comment.
pub(super) fn header_index(rows: &[GridRow]) -> Option<usize> {
    rows.iter().position(|row| !is_comment(row))
}

pub(super) fn is_comment(row: &GridRow) -> bool {
    row.cells.first().is_some_and(|cell| cell.starts_with('#') && !spoilt::is_error(cell.trim()))
}

/// Every row as long as the header, cells trimmed; what stands beside the header's columns is a fault.
fn shape(rows: &mut [GridRow], faults: &mut Vec<CellFault>) {
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        // A line break inside a cell is the same whichever program wrote it.
        *cell = cell.trim().replace("\r\n", "\n");
    }
    let Some(first) = header_index(rows) else { return };
    let header = &mut rows[first];
    header.cells.truncate(header.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
    let number = header.number;
    if let [only] = header.cells.as_slice()
        && only.contains(['\t', ';', '，'])
    {
        let fault = CellFault::at(number, 0, 101, "各列没有用逗号分开").expected("逗号分隔的 CSV");
        faults.push(fault.hint("请另存为“CSV UTF-8（逗号分隔）”或 xlsx"));
    }
    for (column, _) in header.cells.iter().enumerate().filter(|(_, cell)| cell.is_empty()) {
        faults.push(CellFault::at(number, column, 182, "表头为空").hint("写上列名，或删去此列"));
    }
    let width = header.cells.len();
    for row in rows.iter_mut().skip(first + 1) {
        let used = row.cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if is_comment(row) {
            row.cells.truncate(used);
            continue;
        }
        for column in width..used {
            if !row.cells[column].is_empty() {
                let found = format!("“{}”在表头之外", spoilt::shown(&row.cells[column]));
                faults.push(CellFault::at(row.number, column, 182, found).hint("补上列名，或删去此格"));
            }
        }
        row.cells.resize(width, String::new());
    }
}

/// A new column of a code table is a new set of codes, so a mistyped name would be taken as one.
fn mistyped(rows: &[GridRow], before: &Grid, faults: &mut Vec<CellFault>) {
    const FIXED: &[&str] = &["canonical", "title", "parent", "valid_from", "valid_to", "source", "note"];
    let Some(header) = header_index(rows).map(|index| &rows[index]) else { return };
    let old = header_of(before);
    let gone = old.iter().copied().filter(|name| !header.cells.iter().any(|cell| cell == name));
    let missed: Vec<&str> = FIXED.iter().copied().chain(gone).collect();
    for (column, name) in header.cells.iter().enumerate() {
        if name.is_empty() || old.contains(&name.as_str()) || FIXED.contains(&name.as_str()) {
            continue;
        }
        if let Some(near) =
            nearest(name, missed.iter().copied().filter(|near| !header.cells.iter().any(|cell| cell == near)))
        {
            let fault = CellFault::at(header.number, column, 191, format!("不认识的列“{name}”"));
            faults.push(fault.hint(format!("是否想写“{near}”？确要新增代码集，请换一个不易混淆的列名")));
        }
    }
}

/// One fault at the header for each set of codes that was taken out while messages use it, in place of one at each of
/// their rows.
fn lost_sets(path: &str, before: &Grid, after: &Grid, errors: &mut Vec<Diagnostic>) -> Vec<CellFault> {
    let Some(table) = path.strip_prefix("codes/").and_then(|name| name.strip_suffix(".csv")) else {
        return Vec::new();
    };
    let Some(number) = header_index(&after.rows).map(|index| after.rows[index].number) else { return Vec::new() };
    let now = header_of(after);
    let mut faults = Vec::new();
    for set in header_of(before).into_iter().filter(|name| !now.contains(name)) {
        let found = format!("码表“{table}”没有代码集“{set}”");
        let uses = errors.iter().filter(|fault| fault.number == 165 && fault.found == found).count();
        if uses > 0 {
            errors.retain(|fault| fault.number != 165 || fault.found != found);
            let fault = CellFault::at(number, 0, 192, format!("缺少列“{set}”，报文文件有 {uses} 处用到它"));
            faults.push(fault.hint("恢复这一列，或先改报文文件"));
        }
    }
    faults
}

fn changes(before: &Grid, after: &Grid, known: bool) -> Changes {
    let (old, new) = (named(before), named(after));
    let missing = |these: &BTreeMap<&str, String>, in_those: &BTreeMap<&str, String>| {
        these.keys().filter(|name| !in_those.contains_key(*name)).map(|name| (*name).to_owned()).collect()
    };
    let (old_columns, new_columns) = (header_of(before), header_of(after));
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

fn header_of(grid: &Grid) -> Vec<&str> {
    let header = grid.rows.iter().find(|row| !is_comment(row));
    header.map_or(Vec::new(), |row| row.cells.iter().map(|cell| cell.trim()).collect())
}

/// Rows by their first cell: the other cells by column name, so that moving a column changes nothing.
fn named(grid: &Grid) -> BTreeMap<&str, String> {
    let header = header_of(grid);
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
