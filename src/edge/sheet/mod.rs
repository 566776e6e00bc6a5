//! Spreadsheets as files: xlsx and CSV read into a [`Grid`], a grid written as either, and a file replaced whole.
//!
//! Everything is text: a code `01` stays `01`. What a cell means is the business of `domain::mapping`.

mod workbook;

use crate::domain::format::charset::Charset;
use crate::domain::mapping::CellFault;
use crate::domain::mapping::FILE_BYTES_MAX;
use crate::domain::mapping::Grid;
use crate::edge::trouble::in_words;
use std::fmt;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

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
    /// It begins like a file of another kind; what that is.
    OtherKind(&'static str),
    /// Its sheets, or what it unpacks to.
    Sheets(String),
    TooLarge(PathBuf, u64),
    UnknownCharset,
    UnknownKind(PathBuf),
    /// What the spreadsheet library says.
    Workbook(String),
}

impl fmt::Display for SheetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(formatter, "{} 已经存在，请换一个文件名", path.display()),
            Self::File(path, error) => write!(formatter, "{} 无法读写：{}", path.display(), in_words(error)),
            Self::Fault(fault) => fault.fmt(formatter),
            Self::TooLarge(path, limit) => write!(formatter, "{} 超过 {limit} 字节", path.display()),
            Self::OtherKind(kind) => write!(formatter, "文件内容是{kind}，请另存为 xlsx 或“CSV UTF-8（逗号分隔）”"),
            Self::Sheets(text) => write!(formatter, "xlsx 不能导入：{text}"),
            Self::UnknownCharset => {
                formatter.write_str("CSV 既不是 UTF-8 也不是 GBK 编码，请另存为“CSV UTF-8（逗号分隔）”或 xlsx")
            }
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

/// What a spreadsheet file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub grid: Grid,
    /// The charset of a CSV file, where it is not UTF-8: a text in another one may still be readable in this, so somebody
    /// should look.
    pub charset: Option<Charset>,
}

/// Reads a CSV file (UTF-8, or GBK as older programs write it), or the only filled sheet of an xlsx file.
///
/// # Errors
/// Where the file as a whole cannot be read; cells that cannot be are told in the grid.
pub fn read(path: &Path) -> Result<Read, SheetError> {
    let kind = kind(path)?;
    let failed = |error| SheetError::File(path.to_owned(), error);
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let file = fs::File::open(path).map_err(failed)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut bytes).map_err(failed)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(SheetError::TooLarge(path.to_owned(), limit));
    }
    match (kind, other_kind(&bytes)) {
        (Kind::Xlsx, None | Some(XLSX)) => Ok(Read { grid: workbook::read(bytes)?, charset: None }),
        (_, Some(other)) => Err(SheetError::OtherKind(other)),
        (Kind::Csv, None) => {
            let (text, charset) = decoded(bytes)?;
            Ok(Read { grid: Grid::of_csv(&text).map_err(SheetError::Fault)?, charset })
        }
    }
}

const XLSX: &str = "xlsx";

/// What a file is by its first bytes, where that is no text.
fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'K', 3 | 5 | 7, ..] => Some(XLSX),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Some("旧版 xls、et 表格或加了密码的表格"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16 的“Unicode 文本”"),
        _ => None,
    }
}

/// Valid UTF-8 of some length is hardly ever meant as anything else; the charset is told where it is another.
fn decoded(bytes: Vec<u8>) -> Result<(String, Option<Charset>), SheetError> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok((text, None)),
        Err(error) => error.into_bytes(),
    };
    let mut text = Vec::new();
    // GB 18030 reads every GBK text.
    Charset::Gb18030.decode(&bytes, &mut text).map_err(|_| SheetError::UnknownCharset)?;
    let text = String::from_utf8(text).map_err(|_| SheetError::UnknownCharset)?;
    // Texts of other charsets often read as characters that nobody writes.
    let odd = |character| matches!(character, '\u{80}'..='\u{9F}' | '\u{E000}'..='\u{F8FF}' | '\u{FFFD}');
    if text.contains(odd) { Err(SheetError::UnknownCharset) } else { Ok((text, Some(Charset::Gbk))) }
}

/// Writes a grid to a new file. In xlsx all cells are text, those that are still empty too.
///
/// # Errors
/// [`SheetError::Exists`], or where the file cannot be made.
pub fn write(path: &Path, grid: &Grid) -> Result<(), SheetError> {
    let bytes = match kind(path)? {
        Kind::Csv => grid.csv_for_spreadsheets().into_bytes(),
        Kind::Xlsx => workbook::write(grid).map_err(|error| SheetError::Workbook(error.to_string()))?,
    };
    if path.exists() {
        return Err(SheetError::Exists(path.to_owned()));
    }
    replace(path, &bytes).map_err(|error| SheetError::File(path.to_owned(), error))
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
    use crate::domain::mapping::GridRow;

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
            assert_eq!(read(&path).unwrap(), Read { grid: grid(), charset: None }, "{name}");
            assert!(matches!(write(&path, &grid()), Err(SheetError::Exists(_))));
        }
        let csv = fs::read(folder.path().join("t.csv")).unwrap();
        assert!(csv.starts_with("\u{feff}canonical,title,a\r\n01,男,007\r\n".as_bytes()));
        assert!(matches!(read(Path::new("t.xls")), Err(SheetError::UnknownKind(_))));
    }

    #[test]
    fn gbk_of_older_programs_is_read_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        // "canonical,title / 1,男", GBK.
        fs::write(&path, b"canonical,title\r\n1,\xc4\xd0\r\n").unwrap();
        let found = read(&path).unwrap();
        assert_eq!((found.grid.rows[1].cells[1].as_str(), found.charset), ("男", Some(Charset::Gbk)));
        // A byte that no charset has, and a character that nobody writes.
        for bytes in [&b"a,\xff\n"[..], b"a,\xaa\xa1\n"] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(read(&path), Err(SheetError::UnknownCharset)), "{bytes:?}");
        }
    }

    #[test]
    fn files_of_other_kinds_are_told_apart() {
        type Case<'c> = (&'c str, &'c [u8], fn(&SheetError) -> bool);
        let folder = tempfile::tempdir().unwrap();
        let cases: [Case<'_>; 7] = [
            ("a.xlsx", b"PK\x03\x04rubbish", |error| matches!(error, SheetError::Workbook(_))),
            ("b.xlsx", b"", |error| matches!(error, SheetError::Workbook(_))),
            ("c.xlsx", b"canonical,title\n", |error| matches!(error, SheetError::Workbook(_))),
            ("d.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1", |error| matches!(error, SheetError::OtherKind(_))),
            ("e.csv", b"\xff\xfea\0", |error| matches!(error, SheetError::OtherKind(_))),
            ("f.csv", b"PK\x03\x04rubbish", |error| matches!(error, SheetError::OtherKind(XLSX))),
            ("g.xls", b"", |error| matches!(error, SheetError::UnknownKind(_))),
        ];
        for (name, bytes, is_right) in cases {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err();
            assert!(is_right(&error), "{name}: {error:?}");
        }
        let path = folder.path().join("h.csv");
        fs::File::create(&path).unwrap().set_len(u64::try_from(FILE_BYTES_MAX).unwrap() + 1).unwrap();
        assert!(matches!(read(&path), Err(SheetError::TooLarge(..))));
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
