//! A folder of trust as files: certificates, revocation lists, signed trust lists; read whole and bounded.
//!
//! What they mean is the business of `domain::licence`. Folders inside are not entered.

use std::fmt;
use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Most files of a folder.
const FILES_MAX: usize = 10_000;
/// Largest file in bytes: a revocation list of a province has a few hundred thousand entries.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// Largest folder in bytes.
const FOLDER_BYTES_MAX: usize = 256 << 20;

/// Why a folder cannot be used.
#[derive(Debug)]
pub enum TrustError {
    File(PathBuf, io::Error),
    TooLarge(PathBuf),
}

impl fmt::Display for TrustError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(formatter, "{} 无法读取：{error}", path.display()),
            Self::TooLarge(path) => write!(formatter, "{} 过大，或文件过多", path.display()),
        }
    }
}

impl std::error::Error for TrustError {}

/// The `*.cer`, `*.crl`, `*.json` and `*.sig` of `folder` by name, in the order of their names.
///
/// # Errors
/// When the folder or a file cannot be read, or is too large.
pub fn read(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, TrustError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| TrustError::File(path, error)
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        paths.push(entry.map_err(failed(folder))?.path());
        if paths.len() > FILES_MAX {
            return Err(TrustError::TooLarge(folder.to_owned()));
        }
    }
    paths.sort();
    let mut files = Vec::new();
    let mut total = 0;
    for path in paths {
        let is = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        if !["cer", "crl", "json", "sig"].into_iter().any(is) {
            continue;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(&path))?;
        total += bytes.len();
        if bytes.len() as u64 > FILE_BYTES_MAX || total > FOLDER_BYTES_MAX {
            return Err(TrustError::TooLarge(path));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((name, bytes));
    }
    Ok(files)
}

/// The turn of whoever reads the folder in order to change it; held until dropped.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts files into the folder, each whole or not at all, in that order. Everything is on disk before the first takes
/// its place, so that only a crash between two of them can leave the first without the second; the next start says so.
///
/// # Errors
/// When a file cannot be written; those that took their place stay.
pub fn replace(folder: &Path, files: &[(&str, &[u8])]) -> Result<(), TrustError> {
    let mut written = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let (path, new) = (folder.join(name), folder.join(format!(".{name}.new")));
        let write = || {
            let mut file = fs::File::create(&new)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error| TrustError::File(new.clone(), error))?;
        written.push((new, path));
    }
    for (new, path) in written {
        fs::rename(&new, &path).map_err(|error| TrustError::File(path, error))?;
    }
    let synced = fs::File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|error| TrustError::File(folder.to_owned(), error))
}
