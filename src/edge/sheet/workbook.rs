//! Xlsx workbooks: one sheet read cell by cell as text, and a grid written as one sheet of text cells.
//!
//! Whatever a person could not see, or a program would have to work out, is not read: hidden sheets, formulas. Merged
//! cells are told, because all but the first of them are empty underneath.

use super::SheetError;
use crate::domain::mapping::CELL_CHARACTERS_MAX;
use crate::domain::mapping::CELLS_MAX;
use crate::domain::mapping::COLUMNS_MAX;
use crate::domain::mapping::CellFault;
use crate::domain::mapping::Grid;
use crate::domain::mapping::GridRow;
use crate::domain::mapping::ROWS_MAX;
use calamine::DataRef;
use calamine::Reader;
use calamine::SheetType;
use calamine::SheetVisible;
use calamine::Xlsx;
use calamine::XlsxError;
use rust_xlsxwriter::Format;
use rust_xlsxwriter::Workbook;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Cursor;
use std::io::Read;

/// Most bytes of all sheets of a workbook when unpacked: 100,000 rows of 20 columns take about 130 MB.
const SHEETS_BYTES_MAX: u64 = 256 << 20;
/// Most bytes of everything else in it: texts that cells share, styles.
const OTHERS_BYTES_MAX: u64 = 64 << 20;
/// Most parts of an xlsx file; one with one sheet has about ten.
const PARTS_MAX: usize = 1_000;
/// Numbers from here on may have lost digits: spreadsheets keep fifteen.
const EXACT_MAX: f64 = 1e15;
/// Widest column, in characters.
const WIDTH_MAX: usize = 48;
/// Names of sheets that a message shows.
const NAMES_MAX: usize = 5;

type Book = Xlsx<Cursor<Vec<u8>>>;

fn failed(error: &dyn fmt::Display) -> SheetError {
    SheetError::Workbook(error.to_string())
}

/// Reads the only sheet of a workbook that is visible and holds anything.
pub(super) fn read(bytes: Vec<u8>) -> Result<Grid, SheetError> {
    check_unpacked(&bytes, SHEETS_BYTES_MAX, OTHERS_BYTES_MAX)?;
    let mut book: Book = Xlsx::new(Cursor::new(bytes)).map_err(|error| failed(&error))?;
    let visible = book.sheets_metadata().iter();
    let visible = visible.filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    let mut filled = Vec::new();
    for name in visible.map(|sheet| sheet.name.clone()).collect::<Vec<_>>() {
        if !is_blank(&mut book, &name).map_err(|error| failed(&error))? {
            filled.push(name);
        }
    }
    match filled.as_slice() {
        [] => Err(SheetError::Sheets("没有填了内容的可见工作表".into())),
        [name] => read_sheet(&mut book, name),
        several => {
            let shown = several[..several.len().min(NAMES_MAX)].join("、");
            Err(SheetError::Sheets(format!("有 {} 张填了内容的工作表（{shown}），请只留要导入的一张", several.len())))
        }
    }
}

/// Unpacks everything once into nothing, so that a file that unpacks without end is met here and not in memory.
fn check_unpacked(bytes: &[u8], sheets_max: u64, others_max: u64) -> Result<(), SheetError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| failed(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(SheetError::Sheets(format!("压缩包里的部件超过 {PARTS_MAX} 个")));
    }
    let (mut sheets, mut others) = (sheets_max, others_max);
    for number in 0..archive.len() {
        let part = archive.by_index(number).map_err(|error| failed(&error))?;
        let is_sheet = part.name().is_ok_and(|name| name.to_ascii_lowercase().starts_with("xl/worksheets/sheet"));
        let (rest, limit) = if is_sheet { (&mut sheets, sheets_max) } else { (&mut others, others_max) };
        let unpacked = io::copy(&mut part.take(*rest + 1), &mut io::sink()).map_err(|error| failed(&error))?;
        let left = rest.checked_sub(unpacked);
        *rest = left.ok_or_else(|| SheetError::Sheets(format!("解压后超过 {limit} 字节")))?;
    }
    Ok(())
}

fn is_blank(book: &mut Book, name: &str) -> Result<bool, XlsxError> {
    let mut cells = book.worksheet_cells_reader(name)?;
    while let Some(cell) = cells.next_cell()? {
        if text(cell.get_value()).map_or(true, |text| !text.trim().is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_sheet(book: &mut Book, name: &str) -> Result<Grid, SheetError> {
    let mut faults = merged(book, name)?;
    let mut cells = book.worksheet_cells_reader(name).map_err(|error| failed(&error))?;
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut held = 0;
    // Cell by cell: a range would take memory for every cell between the first and the last.
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|error| failed(&error))? {
        let (row, column) = (cell.pos.0 as usize + 1, cell.pos.1 as usize);
        let text = match text(&cell.value) {
            Ok(text) if text.trim().is_empty() && cell.formula.is_none() => continue,
            Ok(text) => text,
            Err((shown, why)) => {
                faults.push(CellFault::at(row, column, 187, why).hint("把单元格设为文本后重新填写"));
                shown
            }
        };
        if cell.formula.is_some() {
            let fault = CellFault::at(row, column, 188, "单元格是公式");
            faults.push(fault.hint("复制后“选择性粘贴”为数值，或改写为文本"));
        }
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
            held += column + 1 - cells.len();
            cells.resize(column + 1, String::new());
        }
        if held > CELLS_MAX {
            return too_much(format!("超过 {CELLS_MAX} 格"));
        }
        cells[column] = text;
    }
    let rows = rows.into_iter().map(|(number, cells)| GridRow { number, cells }).collect();
    Ok(Grid { rows, faults })
}

fn merged(book: &mut Book, name: &str) -> Result<Vec<CellFault>, SheetError> {
    let regions = book.merge_cells_by_sheet_name(name).map_err(|error| failed(&error))?;
    let fault = |start: (u32, u32), end: (u32, u32)| {
        let end = CellFault::at(end.0 as usize + 1, end.1 as usize, 189, "").name();
        let (row, column) = (start.0 as usize + 1, start.1 as usize);
        let found = CellFault::at(row, column, 189, format!("合并了单元格，直到 {end}"));
        found.hint("取消合并，每格分别填写")
    };
    Ok(regions.iter().map(|region| fault(region.start, region.end)).collect())
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
        // A whole number has no fraction here, whether the file says 1 or 1.0.
        DataRef::Float(number) => number.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) != (0, 0, 0) {
                let shown = format!("{date} {hour:02}:{minute:02}:{second:02}");
                let why = format!("单元格是时刻 {shown}");
                return Err((shown, why));
            }
            date
        }
        DataRef::DateTime(time) => return Err((time.as_f64().to_string(), "单元格是时长，不是文本".into())),
        // Told by its text where the cells are checked, as in a CSV file.
        DataRef::Error(error) => error.to_string(),
    })
}

/// A workbook of one sheet in which all cells are text, those that are still empty too.
pub(super) fn write(grid: &Grid) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rust_xlsxwriter::ExcelDateTime;
    use std::io::Write;

    fn names(grid: &Grid) -> Vec<(String, u16)> {
        grid.faults.iter().map(|fault| (fault.name(), fault.fault.number)).collect()
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
        let noon = ExcelDateTime::from_ymd(2026, 11, 23).unwrap().and_hms(12, 0, 0).unwrap();
        sheet.write_datetime_with_format(2, 2, noon, &day).unwrap();
        let found = read(book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(found.rows[0].cells[0], "421002");
        assert_eq!(found.rows[0].cells[2], "0.5");
        assert_eq!(found.rows[1].number, 3);
        assert_eq!(found.rows[1].cells[..2], ["2026-11-23", "TRUE"]);
        assert_eq!(names(&found), [("B1".into(), 187), ("C3".into(), 187)]);
    }

    #[test]
    fn formulas_and_merged_cells_are_told() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "a").unwrap().write_formula(1, 0, "=A1").unwrap();
        sheet.write_string(1, 1, "=A1").unwrap();
        sheet.merge_range(2, 1, 4, 2, "x", &Format::new()).unwrap();
        let found = read(book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(names(&found), [("B3".into(), 189), ("A2".into(), 188)]);
        assert!(found.faults[0].to_string().contains("C5"));
    }

    #[test]
    fn only_one_visible_sheet_that_holds_anything_is_read() {
        let book = |sheets: &[(&str, bool)]| {
            let mut book = Workbook::new();
            for (text, hidden) in sheets {
                let sheet = book.add_worksheet();
                sheet.set_hidden(*hidden);
                if !text.is_empty() {
                    sheet.write_string(0, 0, *text).unwrap();
                }
            }
            read(book.save_to_buffer().unwrap())
        };
        let found = book(&[("", false), ("hidden", true), ("seen", false), (" ", false)]).unwrap();
        assert_eq!(found.rows[0].cells, ["seen"]);
        for refused in [book(&[("a", false), ("b", false)]), book(&[("", false), ("b", true)])] {
            assert!(matches!(refused, Err(SheetError::Sheets(_))));
        }
    }

    #[test]
    fn a_far_cell_takes_no_memory() {
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 0, "x").unwrap().write_string(0, 16_383, "y").unwrap();
        let found = read(book.save_to_buffer().unwrap());
        assert!(matches!(found, Err(SheetError::Fault(fault)) if fault.name() == "XFD1"));
    }

    #[test]
    fn what_unpacks_without_end_is_refused() {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"] {
            out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            out.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let bytes = out.finish().unwrap().into_inner();
        assert!(bytes.len() < 1 << 14);
        check_unpacked(&bytes, 1 << 20, 1 << 20).unwrap();
        for (sheets, others) in [((1 << 20) - 1, 1 << 20), (1 << 20, (1 << 20) - 1)] {
            assert!(matches!(check_unpacked(&bytes, sheets, others), Err(SheetError::Sheets(_))));
        }
    }

    /// Whatever is wrong inside, it is told, not fallen over: every part with every stretch of bytes spoilt.
    #[test]
    fn spoilt_workbooks_never_panic() {
        let grid = Grid::of_csv("canonical,title\n1,男\n2,女\n").unwrap();
        let good = write(&grid).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&good)).unwrap();
        let mut parts = Vec::new();
        for number in 0..archive.len() {
            let mut part = archive.by_index(number).unwrap();
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes).unwrap();
            parts.push((part.name().unwrap().into_owned(), bytes));
        }
        let packed = |parts: &[(String, Vec<u8>)]| {
            let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for (name, bytes) in parts {
                out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                out.write_all(bytes).unwrap();
            }
            out.finish().unwrap().into_inner()
        };
        assert_eq!(read(packed(&parts)).unwrap(), grid);
        for index in 0..parts.len() {
            let step = parts[index].1.len() / 6 + 1;
            for start in (0..parts[index].1.len()).step_by(step) {
                let mut spoilt = parts.clone();
                spoilt[index].1.truncate(start);
                let _ = read(packed(&spoilt));
                let mut spoilt = parts.clone();
                spoilt[index].1.splice(start..start, *b"\"9</>&#x0;9");
                let _ = read(packed(&spoilt));
                let mut spoilt = parts.clone();
                for byte in spoilt[index].1.iter_mut().skip(start).filter(|byte| byte.is_ascii_digit()) {
                    *byte = b'9';
                }
                let _ = read(packed(&spoilt));
            }
            let mut without = parts.clone();
            without.remove(index);
            let _ = read(packed(&without));
        }
    }
}
