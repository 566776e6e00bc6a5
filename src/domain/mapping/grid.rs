//! Rows and cells as a spreadsheet holds them, and CSV text to and from that form.
//!
//! It deliberately opens no file and knows no meaning of a column; `import` does.

use super::source::Diagnostic;
use super::source::Place;
use std::fmt;

/// Most rows of a spreadsheet, blank ones not counted.
pub const ROWS_MAX: usize = 200_000;
/// Most columns.
pub const COLUMNS_MAX: usize = 256;
/// Most cells, empty ones between others counted.
pub const CELLS_MAX: usize = 5_000_000;
/// Most characters of one cell: what spreadsheet programs hold.
pub const CELL_CHARACTERS_MAX: usize = 32_767;

/// A spreadsheet: its rows that hold anything, and the cells that could not be read as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    pub rows: Vec<GridRow>,
    pub faults: Vec<CellFault>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridRow {
    /// Its number in the spreadsheet, from 1.
    pub number: usize,
    pub cells: Vec<String>,
}

/// What is wrong, at the cell of the spreadsheet where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// Row and column of the spreadsheet, from 1 and 0; `None` where the fault lies in another mapping file.
    pub cell: Option<(usize, usize)>,
    pub fault: Diagnostic,
}

impl CellFault {
    /// An error at a cell.
    pub fn at(row: usize, column: usize, number: u16, found: impl Into<String>) -> Self {
        Self { cell: Some((row, column)), fault: Diagnostic::error(number, &Place::default(), found) }
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.fault = self.fault.expected(expected);
        self
    }

    /// Says what could be done.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.fault = self.fault.hint(hint);
        self
    }

    /// The cell's name, such as `B12`, or empty.
    pub fn name(&self) -> String {
        self.cell.map_or(String::new(), |(row, column)| cell_name(row, column))
    }
}

impl fmt::Display for CellFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cell.is_none() {
            return self.fault.fmt(formatter);
        }
        let text = self.fault.to_string();
        // The place in a file that the operator never sees is replaced by the cell.
        let after = text.split_once(' ').map_or(text.as_str(), |(_, after)| after);
        write!(formatter, "{} {after}", self.name())
    }
}

/// The name of a cell as spreadsheet programs write it; `row` from 1, `column` from 0.
pub(super) fn cell_name(row: usize, column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or_default());
        rest /= 26;
    }
    letters.reverse();
    format!("{}{row}", String::from_utf8_lossy(&letters))
}

impl Grid {
    /// Reads CSV text (RFC 4180; LF, CRLF or CR, with or without a byte order mark). Blank rows are counted and left out.
    ///
    /// # Errors
    /// An unclosed quote, at the cell where it opens; more than [`ROWS_MAX`] rows or [`COLUMNS_MAX`] columns.
    pub fn of_csv(text: &str) -> Result<Self, CellFault> {
        let mut reading = Reading::default();
        let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
        while let Some(character) = characters.next() {
            match (character, reading.quoted) {
                ('"', true) if characters.peek() == Some(&'"') => {
                    characters.next();
                    reading.cell.push('"');
                }
                ('"', true) => reading.quoted = false,
                ('"', false) if reading.cell.is_empty() => reading.open(),
                (',', false) => reading.end_cell()?,
                ('\r', false) if characters.peek() == Some(&'\n') => {}
                ('\n' | '\r', false) => reading.end_row()?,
                (_, true | false) => reading.cell.push(character),
            }
        }
        if reading.quoted {
            let (row, column) = reading.opened;
            return Err(CellFault::at(row, column, 180, "引号没有配对").hint("单元格内的引号写成两个"));
        }
        if !reading.cell.is_empty() || !reading.cells.is_empty() {
            reading.end_row()?;
        }
        Ok(reading.grid)
    }

    /// CSV text as the mapping directory keeps it: UTF-8, LF, quotes only where they are needed.
    pub fn csv(&self) -> String {
        self.layout().0
    }

    /// CSV text as spreadsheet programs want it: with a byte order mark and CRLF.
    pub fn csv_for_spreadsheets(&self) -> String {
        let mut out = String::from('\u{feff}');
        for row in &self.rows {
            write_row(&row.cells, &mut out, &mut Vec::new());
            out.push_str("\r\n");
        }
        out
    }

    /// The text of [`Grid::csv`], and where its cells lie in it.
    pub(super) fn layout(&self) -> (String, Layout) {
        let mut out = String::new();
        let mut layout = Layout::default();
        let mut line = 1;
        for row in &self.rows {
            let mut columns = Vec::with_capacity(row.cells.len());
            let start = out.len();
            write_row(&row.cells, &mut out, &mut columns);
            layout.0.push((line, row.number, columns));
            line += 1 + out[start..].matches('\n').count();
            out.push('\n');
        }
        (out, layout)
    }
}

/// Where the cells of a grid lie in its CSV text: line, row of the spreadsheet, character column of each cell.
#[derive(Debug, Default)]
pub(super) struct Layout(Vec<(usize, usize, Vec<usize>)>);

impl Layout {
    /// The cell at a place of the text.
    pub(super) fn cell(&self, place: &Place) -> Option<(usize, usize)> {
        let index = self.0.partition_point(|(line, ..)| *line <= place.line).checked_sub(1)?;
        let (_, number, columns) = &self.0[index];
        let column = columns.partition_point(|column| *column <= place.column).saturating_sub(1);
        Some((*number, column))
    }
}

#[derive(Default)]
struct Reading {
    grid: Grid,
    cells: Vec<String>,
    cell: String,
    quoted: bool,
    opened: (usize, usize),
    /// Rows that have ended, blank ones included.
    ended: usize,
    /// Cells of the rows that are kept.
    held: usize,
}

impl Reading {
    fn open(&mut self) {
        self.quoted = true;
        self.opened = (self.ended + 1, self.cells.len());
    }

    fn end_cell(&mut self) -> Result<(), CellFault> {
        let at = |number, found: String| CellFault::at(self.ended + 1, self.cells.len(), number, found);
        if self.cells.len() == COLUMNS_MAX {
            return Err(at(181, format!("超过 {COLUMNS_MAX} 列")));
        }
        if self.cell.len() > CELL_CHARACTERS_MAX && self.cell.chars().count() > CELL_CHARACTERS_MAX {
            return Err(at(181, format!("单元格超过 {CELL_CHARACTERS_MAX} 个字")));
        }
        self.cells.push(std::mem::take(&mut self.cell));
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), CellFault> {
        self.end_cell()?;
        self.ended += 1;
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        if self.grid.rows.len() == ROWS_MAX {
            return Err(CellFault::at(self.ended, 0, 181, format!("超过 {ROWS_MAX} 行")));
        }
        self.held += cells.len();
        if self.held > CELLS_MAX {
            return Err(CellFault::at(self.ended, 0, 181, format!("超过 {CELLS_MAX} 格")));
        }
        self.grid.rows.push(GridRow { number: self.ended, cells });
        Ok(())
    }
}

/// Writes one row without its line end; `columns` gets the character column (from 1) at which each cell begins.
fn write_row(cells: &[String], out: &mut String, columns: &mut Vec<usize>) {
    let mut column = 1;
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
            column += 1;
        }
        columns.push(column);
        let start = out.len();
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
        column += out[start..].chars().count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
        Grid::of_csv(text).unwrap().rows.into_iter().map(|row| (row.number, row.cells)).collect()
    }

    #[test]
    fn csv_of_every_make_is_read() {
        let expected =
            vec![(1, vec!["代码".to_owned(), "a,\"b\"".to_owned()]), (3, vec!["01".into(), "两\n行".into()])];
        assert_eq!(cells("\u{feff}代码,\"a,\"\"b\"\"\"\r\n,\r\n01,\"两\n行\"\r\n"), expected);
        assert_eq!(cells("代码,\"a,\"\"b\"\"\"\n\n01,\"两\n行\""), expected);
        assert_eq!(cells("代码,\"a,\"\"b\"\"\"\r\r01,\"两\n行\"\r"), expected);
        assert_eq!(Grid::of_csv("a,b\n1,\"x\n2,y\n").unwrap_err().name(), "B2");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let rows = vec![
            GridRow { number: 1, cells: vec!["a".into(), String::new(), "，全\"角\"".into()] },
            GridRow { number: 2, cells: vec!["x,y".into(), "1\r\n2".into(), "007".into()] },
        ];
        let grid = Grid { rows, faults: Vec::new() };
        assert_eq!(Grid::of_csv(&grid.csv_for_spreadsheets()).unwrap(), grid);
        assert_eq!(Grid::of_csv(&grid.csv()).unwrap(), grid);
    }

    #[test]
    fn cells_have_names() {
        let names = [(1, 0, "A1"), (12, 1, "B12"), (3, 25, "Z3"), (3, 26, "AA3"), (9, 701, "ZZ9"), (9, 702, "AAA9")];
        for (row, column, name) in names {
            assert_eq!(cell_name(row, column), name);
        }
    }

    #[test]
    fn places_in_the_text_lead_back_to_cells() {
        let grid = Grid::of_csv("a,b\n\n\"1\n2\",\"x,y\"\n3,四,5\n").unwrap();
        let (text, layout) = grid.layout();
        assert_eq!(text, "a,b\n\"1\n2\",\"x,y\"\n3,四,5\n");
        let cell = |line, column| layout.cell(&Place { file: String::new(), line, column });
        assert_eq!(cell(1, 3), Some((1, 1)));
        assert_eq!(cell(2, 1), Some((3, 0)));
        assert_eq!(cell(2, 7), Some((3, 1)));
        assert_eq!(cell(4, 3), Some((4, 1)));
        assert_eq!(cell(4, 5), Some((4, 2)));
    }
}
