//! Spreadsheets as files: xlsx and CSV read into a [`Grid`], a grid written as either, and a file replaced whole.
//!
//! Everything is text: a code `01` stays `01`. What a cell means is the business of `domain::mapping`.

use crate::domain::mapping::CELL_CHARACTERS_MAX;
use crate::domain::mapping::COLUMNS_MAX;
use crate::domain::mapping::CellFault;
use crate::domain::mapping::FILE_BYTES_MAX;
use crate::domain::mapping::Grid;
use crate::domain::mapping::GridRow;
use crate::domain::mapping::ROWS_MAX;
use calamine::DataRef;
use calamine::Reader;
use calamine::Xlsx;
use rust_xlsxwriter::Format;
use rust_xlsxwriter::Workbook;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Most bytes of an xlsx file when unpacked: a few kilobytes can unpack to gigabytes.
const UNPACKED_BYTES_MAX: u64 = 512 << 20;
/// Most parts of an xlsx file; one with one sheet has about ten.
const PARTS_MAX: usize = 10_000;
/// Numbers from here on may have lost digits: spreadsheets keep fifteen.
const EXACT_MAX: f64 = 1e15;
/// Widest column, in characters.
const WIDTH_MAX: usize = 48;
/// Names tried for a file that is to replace another.
const NAMES_MAX: u32 = 100;

/// Kind of a spreadsheet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Xlsx,
}

/// Why a spreadsheet cannot be read or written.
#[derive(Debug)]
pub enum SheetError {
    /// There is a file of that name.
    Exists(PathBuf),
    File(PathBuf, io::Error),
    /// The one cell after which nothing can be read.
    Fault(CellFault),
    /// The whole file, or what it unpacks to.
    TooLarge(PathBuf, u64),
    NotUtf8,
    UnknownKind(PathBuf),
    /// What the spreadsheet library says.
    Workbook(String),
}

impl fmt::Display for SheetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(formatter, "{} 已经存在，请换一个文件名", path.display()),
            Self::File(path, error) => write!(formatter, "{} 无法读写：{error}", path.display()),
            Self::Fault(fault) => fault.fmt(formatter),
            Self::TooLarge(path, limit) => write!(formatter, "{} 超过 {limit} 字节", path.display()),
            Self::NotUtf8 => formatter.write_str("CSV 不是 UTF-8 编码，请另存为“CSV UTF-8（逗号分隔）”或 xlsx"),
            Self::UnknownKind(path) => write!(formatter, "{} 的扩展名应为 .xlsx 或 .csv", path.display()),
            Self::Workbook(text) => write!(formatter, "不是可以读写的 xlsx 文件：{text}"),
        }
    }
}

impl std::error::Error for SheetError {}

fn kind(path: &Path) -> Result<Kind, SheetError> {
    let is = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
    match () {
        () if is("csv") => Ok(Kind::Csv),
        () if is("xlsx") => Ok(Kind::Xlsx),
        () => Err(SheetError::UnknownKind(path.to_owned())),
    }
}

/// Reads a CSV file, or the first sheet of an xlsx file.
///
/// # Errors
/// Where the file as a whole cannot be read; cells that cannot be are told in the grid.
pub fn read(path: &Path) -> Result<Grid, SheetError> {
    let kind = kind(path)?;
    let failed = |error| SheetError::File(path.to_owned(), error);
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(SheetError::TooLarge(path.to_owned(), limit));
    }
    match kind {
        Kind::Csv => {
            let text = String::from_utf8(bytes).map_err(|_| SheetError::NotUtf8)?;
            Grid::of_csv(&text).map_err(SheetError::Fault)
        }
        Kind::Xlsx => {
            check_unpacked(path, &bytes, UNPACKED_BYTES_MAX)?;
            read_workbook(bytes)
        }
    }
}

/// Unpacks everything once into nothing, so that a file that unpacks without end is met here and not in memory.
fn check_unpacked(path: &Path, bytes: &[u8], limit: u64) -> Result<(), SheetError> {
    let workbook = |error: &dyn fmt::Display| SheetError::Workbook(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| workbook(&error))?;
    let too_large = || SheetError::TooLarge(path.to_owned(), limit);
    if archive.len() > PARTS_MAX {
        return Err(too_large());
    }
    let mut rest = limit;
    for number in 0..archive.len() {
        let part = archive.by_index(number).map_err(|error| workbook(&error))?;
        let unpacked = io::copy(&mut part.take(rest + 1), &mut io::sink()).map_err(|error| workbook(&error))?;
        rest = rest.checked_sub(unpacked).ok_or_else(too_large)?;
    }
    Ok(())
}

fn read_workbook(bytes: Vec<u8>) -> Result<Grid, SheetError> {
    let workbook = |error: calamine::XlsxError| SheetError::Workbook(error.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(workbook)?;
    let name = book.sheet_names().first().cloned().ok_or_else(|| SheetError::Workbook("没有工作表".into()))?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(workbook)?;
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    // Cell by cell: a range would take memory for every cell between the first and the last.
    while let Some(cell) = cells.next_cell().map_err(workbook)? {
        let (row, column) = cell.get_position();
        let (row, column) = (row as usize + 1, column as usize);
        let text = match text(cell.get_value()) {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => text,
            Err((shown, why)) => {
                faults.push(CellFault::at(row, column, 187, why).hint("把单元格设为文本后重新填写"));
                shown
            }
        };
        let too_much = |found: String| Err(SheetError::Fault(CellFault::at(row, column, 181, found)));
        if column >= COLUMNS_MAX {
            return too_much(format!("超过 {COLUMNS_MAX} 列"));
        }
        if text.len() > CELL_CHARACTERS_MAX && text.chars().count() > CELL_CHARACTERS_MAX {
            return too_much(format!("单元格超过 {CELL_CHARACTERS_MAX} 个字"));
        }
        if rows.len() >= ROWS_MAX && !rows.contains_key(&row) {
            return too_much(format!("超过 {ROWS_MAX} 行"));
        }
        let cells = rows.entry(row).or_default();
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
    }
    let rows = rows.into_iter().map(|(number, cells)| GridRow { number, cells }).collect();
    Ok(Grid { rows, faults })
}

/// The text of a cell, or what stands for it and why it is none.
fn text(value: &DataRef<'_>) -> Result<String, (String, String)> {
    Ok(match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => (if *value { "TRUE" } else { "FALSE" }).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) if number.abs() >= EXACT_MAX => {
            let shown = format!("{number:.0}");
            let why = format!("数字 {shown} 超过 15 位，末位已被表格软件舍去");
            return Err((shown, why));
        }
        DataRef::Float(number) => number.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTime(time) => return Err((time.as_f64().to_string(), "单元格是时长，不是文本".into())),
        // Told by its text where the cells are checked, as in a CSV file.
        DataRef::Error(error) => error.to_string(),
    })
}

/// Writes a grid to a new file. In xlsx all cells are text, those that are still empty too.
///
/// # Errors
/// [`SheetError::Exists`], or where the file cannot be made.
pub fn write(path: &Path, grid: &Grid) -> Result<(), SheetError> {
    let bytes = match kind(path)? {
        Kind::Csv => grid.csv_for_spreadsheets().into_bytes(),
        Kind::Xlsx => workbook(grid).map_err(|error| SheetError::Workbook(error.to_string()))?,
    };
    if path.exists() {
        return Err(SheetError::Exists(path.to_owned()));
    }
    replace(path, &bytes).map_err(|error| SheetError::File(path.to_owned(), error))
}

fn workbook(grid: &Grid) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let text = Format::new().set_num_format("@");
    let bold = Format::new().set_num_format("@").set_bold();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let mut widths: Vec<usize> = Vec::new();
    for (line, row) in grid.rows.iter().enumerate() {
        let number = u32::try_from(line).unwrap_or(u32::MAX);
        widths.resize(widths.len().max(row.cells.len()), 0);
        for (column, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let format = if line == 0 { &bold } else { &text };
            sheet.write_string_with_format(number, u16::try_from(column).unwrap_or(u16::MAX), cell, format)?;
            let wide = cell.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum::<usize>();
            widths[column] = widths[column].max(wide.min(WIDTH_MAX));
        }
    }
    for (column, width) in widths.iter().enumerate() {
        let column = u16::try_from(column).unwrap_or(u16::MAX);
        sheet.set_column_format(column, &text)?;
        sheet.set_column_width(column, f64::from(u32::try_from(width + 2).unwrap_or_default()))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    book.save_to_buffer()
}

/// Puts `bytes` in the place of a file, whole or not at all: a reader, and whoever comes after a crash, finds either the
/// old or the new content.
///
/// # Errors
/// Where the folder cannot be written; the old file is untouched then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let (beside, mut file) = new_file(folder, &name)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| match fs::metadata(path) {
            Ok(old) => file.set_permissions(old.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it is hidden and belongs to nobody; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written?;
    // The new name itself must be on disk too.
    fs::File::open(folder)?.sync_all()
}

/// A hidden file in the same folder: a rename is atomic only within one file system.
fn new_file(folder: &Path, name: &str) -> io::Result<(PathBuf, fs::File)> {
    let process = std::process::id();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 0..NAMES_MAX {
        let path = folder.join(format!(".{name}.{process}.{number}.new"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_xlsxwriter::ExcelDateTime;

    fn grid() -> Grid {
        let row =
            |number, cells: &[&str]| GridRow { number, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() };
        let rows = vec![
            row(1, &["canonical", "title", "a"]),
            row(2, &["01", "男", "007"]),
            row(3, &["=1+1", "多\n行", "+86"]),
        ];
        Grid { rows, faults: Vec::new() }
    }

    #[test]
    fn both_kinds_come_back_as_they_went() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["t.xlsx", "t.csv", "T.XLSX"] {
            let path = folder.path().join(name);
            write(&path, &grid()).unwrap();
            assert_eq!(read(&path).unwrap(), grid(), "{name}");
            assert!(matches!(write(&path, &grid()), Err(SheetError::Exists(_))));
        }
        let csv = fs::read(folder.path().join("t.csv")).unwrap();
        assert!(csv.starts_with("\u{feff}canonical,title,a\r\n01,男,007\r\n".as_bytes()));
        assert!(matches!(read(Path::new("t.xls")), Err(SheetError::UnknownKind(_))));
    }

    #[test]
    fn numbers_dates_and_errors_of_a_workbook() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_number(0, 0, 421_002.0).unwrap();
        sheet.write_number(0, 1, 12_345_678_901_234_567.0).unwrap();
        sheet.write_number(0, 2, 0.5).unwrap();
        sheet.write_datetime_with_format(2, 0, ExcelDateTime::from_ymd(2026, 11, 23).unwrap(), &day).unwrap();
        sheet.write_boolean(2, 1, true).unwrap();
        let found = read_workbook(book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(found.rows[0].cells[0], "421002");
        assert_eq!(found.rows[0].cells[2], "0.5");
        assert_eq!(found.rows[1], GridRow { number: 3, cells: vec!["2026-11-23".into(), "TRUE".into()] });
        let told: Vec<String> = found.faults.iter().map(CellFault::name).collect();
        assert_eq!(told, ["B1"]);
    }

    #[test]
    fn a_far_cell_takes_no_memory_and_rubbish_is_refused() {
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 0, "x").unwrap().write_string(0, 16_383, "y").unwrap();
        let found = read_workbook(book.save_to_buffer().unwrap());
        assert!(matches!(found, Err(SheetError::Fault(fault)) if fault.name() == "XFD1"));
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("a.xlsx", &b"PK\x03\x04rubbish"[..]), ("b.xlsx", b""), ("c.csv", b"canonical\n\xb0\xa1\n")]
        {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err();
        }
    }

    #[test]
    fn what_unpacks_without_end_is_refused() {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        out.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(&vec![0; 1 << 20]).unwrap();
        let bytes = out.finish().unwrap().into_inner();
        assert!(bytes.len() < 1 << 14);
        check_unpacked(Path::new("a.xlsx"), &bytes, 1 << 20).unwrap();
        let found = check_unpacked(Path::new("a.xlsx"), &bytes, (1 << 20) - 1);
        assert!(matches!(found, Err(SheetError::TooLarge(_, 1_048_575))));
    }

    #[test]
    fn replacing_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, "old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // A folder of that name cannot be replaced: the old state stays, and nothing beside it.
        let blocked = folder.path().join("dir");
        fs::create_dir_all(blocked.join("inside")).unwrap();
        replace(&blocked, b"x").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
