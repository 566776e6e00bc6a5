//! The mapping files as text, and what is wrong with them.
//!
//! Files are handed in as a map from relative path to text, so compiling touches no disk.

use super::numbers::NUMBERS;
use crate::domain::sm;
use std::collections::BTreeMap;
use std::fmt;

/// Largest mapping file in bytes.
pub const FILE_BYTES_MAX: usize = 32 << 20;
/// Most diagnostics that are kept; further ones are counted by the caller's reader anyway.
pub(super) const DIAGNOSTICS_MAX: usize = 1000;

/// All files of a mapping directory: relative path with `/` to text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, String>);

impl Files {
    /// The text of a file without a byte order mark.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// SM3 of all files in their canonical form, in hex: what receipts and proofs name.
    pub fn version(&self) -> String {
        let mut text = Vec::new();
        for (path, content) in &self.0 {
            // Examples are tests: they change nothing that is translated.
            if path.starts_with("examples/") {
                continue;
            }
            let content = content.strip_prefix('\u{feff}').unwrap_or(content).replace("\r\n", "\n");
            text.extend_from_slice(format!("{}\n{}\n", path, content.len()).as_bytes());
            text.extend_from_slice(content.as_bytes());
        }
        sm::hex(&sm::digest(&text))
    }

    /// Paths below `folder` that end with `ending`, and the name between.
    pub fn below<'a>(&'a self, folder: &'a str, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.keys().filter_map(move |path| {
            let name = path.strip_prefix(folder)?.strip_suffix(ending)?;
            (!name.contains('/') && !name.is_empty()).then_some((path.as_str(), name))
        })
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The set is refused.
    Error,
    /// The set works; somebody should look.
    Warning,
}

/// Where something stands. Lines and columns begin at 1; columns count characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// One thing that is wrong with the mapping files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub level: Level,
    /// Stable number, shown as `M` and three digits; see `docs/faults.md`.
    pub number: u16,
    pub place: Place,
    /// What was found, in Chinese.
    pub found: String,
    /// What is expected, or empty.
    pub expected: String,
    /// A suggestion, or empty.
    pub hint: String,
}

impl Diagnostic {
    /// An error.
    pub fn error(number: u16, place: &Place, found: impl Into<String>) -> Self {
        debug_assert!(NUMBERS.iter().any(|(known, _)| *known == number), "M{number:03} is not in NUMBERS");
        let (expected, hint) = (String::new(), String::new());
        Self { level: Level::Error, number, place: place.clone(), found: found.into(), expected, hint }
    }

    /// A warning.
    pub fn warning(number: u16, place: &Place, found: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(number, place, found) }
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Says what could be done.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Suggests the nearest of the known words, where one is near.
    #[must_use]
    pub fn near<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, known) {
            Some(near) if self.hint.is_empty() => self.hint(format!("是否想写“{near}”？")),
            _ => self,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column } = &self.place;
        let level = match self.level {
            Level::Error => "错误",
            Level::Warning => "提醒",
        };
        write!(formatter, "{file}:{line}:{column} {level} M{:03}：{}", self.number, self.found)?;
        if !self.expected.is_empty() {
            write!(formatter, "；应为{}", self.expected)?;
        }
        if !self.hint.is_empty() {
            write!(formatter, "；{}", self.hint)?;
        }
        Ok(())
    }
}

/// The known word that is at most a third of its letters away from `word`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.chars().count() / 3 + 1;
    known
        .into_iter()
        .map(|near| (distance(word, near), near))
        .filter(|(far, _)| *far <= limit)
        .min()
        .map(|(_, near)| near)
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let change = corner + usize::from(from != *to);
            corner = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(corner + 1);
        }
    }
    row[right.len()]
}

/// A table file: named columns, and for each cell where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub file: String,
    pub columns: Vec<String>,
    pub rows: Vec<SheetRow>,
    /// Line of the header, and where its columns begin.
    header: (usize, Vec<usize>),
}

/// One line of a [`Sheet`].
#[derive(Clone, Debug)]
pub(super) struct SheetRow {
    pub line: usize,
    cells: Vec<(String, usize)>,
}

impl Sheet {
    /// Reads a CSV file (RFC 4180; LF or CRLF). Lines with too few or too many cells and missing columns are faults;
    /// empty lines and lines whose first cell begins with `#` are passed over.
    pub(super) fn read(file: &str, text: &str, required: &[&str], faults: &mut Vec<Diagnostic>) -> Self {
        let mut sheet = Self { file: file.to_owned(), ..Self::default() };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let (mut line, mut counted) = (1, 0);
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    let place = sheet.at(1, 1);
                    faults.push(
                        Diagnostic::error(101, &place, "不是可以读取的 CSV 文件").expected("UTF-8 编码、逗号分隔"),
                    );
                    return sheet;
                }
            }
            // The reader's own line numbers lag behind CRLF and quoted line breaks, so lines are counted here.
            let offset = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or_default());
            let rest = text.get(offset..).unwrap_or_default();
            let start = offset + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
            line += text.get(counted..start).map_or(0, |between| between.matches('\n').count());
            counted = start;
            let starts = cell_columns(text.get(start..).unwrap_or_default());
            let cells: Vec<(String, usize)> = record
                .iter()
                .enumerate()
                .map(|(index, cell)| (cell.trim().to_owned(), starts.get(index).copied().unwrap_or(1)))
                .collect();
            if cells.iter().all(|(cell, _)| cell.is_empty()) || cells[0].0.starts_with('#') {
                continue;
            }
            if sheet.columns.is_empty() {
                sheet.header = (line, cells.iter().map(|(_, column)| *column).collect());
                sheet.columns = cells.into_iter().map(|(cell, _)| cell).collect();
                sheet.check_columns(required, faults);
            } else {
                if cells.len() != sheet.columns.len() {
                    let place = sheet.at(line, 1);
                    let found = format!("本行有 {} 格", cells.len());
                    faults.push(
                        Diagnostic::error(102, &place, found)
                            .expected(format!("{} 格，与表头相同", sheet.columns.len())),
                    );
                }
                sheet.rows.push(SheetRow { line, cells });
            }
        }
        if sheet.columns.is_empty() {
            faults.push(Diagnostic::error(103, &sheet.at(1, 1), "文件没有表头"));
        }
        sheet
    }

    fn check_columns(&self, required: &[&str], faults: &mut Vec<Diagnostic>) {
        for column in required {
            if !self.columns.iter().any(|known| known == column) {
                let fault = Diagnostic::error(104, &self.at(self.header.0, 1), format!("缺少列“{column}”"));
                let others = self.columns.iter().map(String::as_str).filter(|other| !required.contains(other));
                let near = nearest(column, others);
                faults.push(near.map_or_else(
                    || fault.clone(),
                    |near| fault.clone().hint(format!("表头中的“{near}”是否应为“{column}”？")),
                ));
            }
        }
        for (index, column) in self.columns.iter().enumerate() {
            if !column.is_empty() && self.columns[..index].contains(column) {
                faults.push(Diagnostic::error(105, &self.heading(index), format!("列“{column}”出现了两次")));
            }
        }
    }

    /// Reports columns that nobody knows.
    pub(super) fn only_columns(&self, known: &[&str], faults: &mut Vec<Diagnostic>) {
        for (index, column) in self.columns.iter().enumerate() {
            if !known.contains(&column.as_str()) {
                let found = format!("不认识的列“{column}”");
                faults.push(Diagnostic::error(106, &self.heading(index), found).near(column, known.iter().copied()));
            }
        }
    }

    /// Where the name of a column stands.
    pub(super) fn heading(&self, index: usize) -> Place {
        self.at(self.header.0, self.header.1.get(index).copied().unwrap_or(1))
    }

    /// True where all these columns are there.
    pub(super) fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.column(column).is_some())
    }

    fn column(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == column)
    }

    /// The text of a cell; empty where the column or the cell is not there.
    pub(super) fn cell<'a>(&self, row: &'a SheetRow, column: &str) -> &'a str {
        self.column(column).and_then(|index| row.cells.get(index)).map_or("", |(cell, _)| cell)
    }

    /// Where a cell stands.
    pub(super) fn place(&self, row: &SheetRow, column: &str) -> Place {
        let cell = self.column(column).and_then(|index| row.cells.get(index));
        self.at(row.line, cell.map_or(1, |(_, column)| *column))
    }

    fn at(&self, line: usize, column: usize) -> Place {
        Place { file: self.file.clone(), line, column }
    }
}

/// Columns (from 1, in characters) at which the cells of the first record of `text` begin.
fn cell_columns(text: &str) -> Vec<usize> {
    let mut columns = vec![1];
    let mut quoted = false;
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(index + 2),
            '\n' if !quoted => break,
            _ => {}
        }
    }
    columns
}

/// Line and column of a byte offset.
pub fn place_at(file: &str, text: &str, offset: usize) -> Place {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { file: file.to_owned(), line, column }
}

/// Reads a TOML file into `T`; its first fault, with place, otherwise.
pub(super) fn read_toml<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    match toml::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let place = place_at(file, text, error.span().map_or(0, |span| span.start));
            faults.push(Diagnostic::error(107, &place, format!("TOML 内容不对：{}", error.message())));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_know_their_place() {
        let text = "路径,field,note\r\n# 注释,,\r\ndata.a,\"x,y\",备注\r\n";
        let mut faults = Vec::new();
        let sheet = Sheet::read("m.csv", text, &["field"], &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let row = &sheet.rows[0];
        assert_eq!(sheet.cell(row, "field"), "x,y");
        assert_eq!(sheet.place(row, "note"), Place { file: "m.csv".into(), line: 3, column: 14 });
    }

    #[test]
    fn every_byte_and_every_name_has_a_part_in_the_version() {
        let files = |pairs: &[(&str, &str)]| {
            Files(pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()).version()
        };
        let version = files(&[("a.csv", "x\ny\n"), ("b.csv", "z")]);
        let same = [("a.csv", "\u{feff}x\r\ny\r\n"), ("b.csv", "z"), ("examples/e.toml", "1")];
        assert_eq!(files(&same), version, "neither how lines end nor an example changes a translation");
        for others in [
            [("a.csv", "x\ny\n"), ("b.csv", "Z")],
            [("a.csv", "x\ny\nz"), ("b.csv", "")],
            [("a.csv", "x\ny\n"), ("c.csv", "z")],
        ] {
            assert_ne!(files(&others), version);
        }
    }

    #[test]
    fn all_faults_of_a_sheet_are_told() {
        let mut faults = Vec::new();
        Sheet::read("m.csv", "a,b,b\n1,2\n1,2,3,4\n", &["c"], &mut faults);
        let numbers: Vec<u16> = faults.iter().map(|fault| fault.number).collect();
        assert_eq!(numbers, [104, 105, 102, 102]);
    }

    #[test]
    fn nearest_word() {
        assert_eq!(nearest("applicant_nme", ["applicant_name", "agent_name"]), Some("applicant_name"));
        assert_eq!(nearest("xyz", ["applicant_name"]), None);
    }
}
