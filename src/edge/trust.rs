//! A folder of trust as files: certificates, revocation lists, signed trust lists; read whole and bounded.
//!
//! What they mean is the business of `domain::licence`. Folders inside are not entered.

use crate::edge::trouble::in_words;
use std::collections::BTreeSet;
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
            Self::File(path, error) => write!(formatter, "{} 无法读取：{}", path.display(), in_words(error)),
            Self::TooLarge(path) => write!(formatter, "{} 过大，或文件过多", path.display()),
        }
    }
}

impl std::error::Error for TrustError {}

/// What says that new files are whole and count: their names, one a line. Until it is gone, each stands beside its
/// place as `.NAME.new`, or in its place already.
const COMMIT: &str = ".commit";
/// Largest such file in bytes.
const COMMIT_BYTES_MAX: u64 = 4_096;

/// The `*.cer`, `*.crl`, `*.json` and `*.sig` of `folder` by name, in the order of their names. Files that were being
/// replaced when the program was ended are the new ones, or all of them the old ones.
///
/// # Errors
/// When the folder or a file cannot be read, or is too large.
pub fn read(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, TrustError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| TrustError::File(path, error)
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let is = |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        if ["cer", "crl", "json", "sig"].into_iter().any(is) {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        if names.len() > FILES_MAX {
            return Err(TrustError::TooLarge(folder.to_owned()));
        }
    }
    let committed = committed(folder)?;
    names.extend(committed.iter().cloned());
    let mut files = Vec::new();
    let mut total = 0;
    for name in names {
        let new = committed.contains(&name).then(|| beside(folder, &name)).filter(|path| path.exists());
        let path = new.unwrap_or_else(|| folder.join(&name));
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(failed(&path))?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(&path))?;
        total += bytes.len();
        if bytes.len() as u64 > FILE_BYTES_MAX || total > FOLDER_BYTES_MAX {
            return Err(TrustError::TooLarge(path));
        }
        files.push((name, bytes));
    }
    Ok(files)
}

/// Where a new file stands before it counts.
fn beside(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.new"))
}

/// Names of the files whose replacement was decided and is not done.
fn committed(folder: &Path) -> Result<Vec<String>, TrustError> {
    let path = folder.join(COMMIT);
    let mut text = String::new();
    match fs::File::open(&path).and_then(|file| file.take(COMMIT_BYTES_MAX).read_to_string(&mut text)) {
        Ok(_) => Ok(text.lines().filter(|name| !name.contains('/')).map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(TrustError::File(path, error)),
    }
}

/// The turn of whoever changes the folder, or reads it so that nobody changes it meanwhile; held until dropped.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts files into the folder: all of them, or none, whenever the program ends. Each is on disk beside its place before
/// the one file is renamed that makes them count; [`read`] reads the new ones from then on.
///
/// # Errors
/// When a file cannot be written. Whether the new files count is told by [`read`] alone then.
pub fn replace(folder: &Path, files: &[(&str, &[u8])]) -> Result<(), TrustError> {
    finish(folder)?;
    let write = |path: &Path, bytes: &[u8]| {
        let written = fs::File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| TrustError::File(path.to_owned(), error))
    };
    for (name, bytes) in files {
        write(&beside(folder, name), bytes)?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let (commit, before) = (folder.join(COMMIT), beside(folder, COMMIT));
    write(&before, names.join("\n").as_bytes())?;
    sync(folder)?;
    fs::rename(&before, &commit).map_err(|error| TrustError::File(commit, error))?;
    sync(folder)?;
    finish(folder)
}

/// Puts files in their places whose replacement was decided.
fn finish(folder: &Path) -> Result<(), TrustError> {
    let names = committed(folder)?;
    if names.is_empty() {
        return Ok(());
    }
    for name in names {
        let path = folder.join(&name);
        match fs::rename(beside(folder, &name), &path) {
            Ok(()) => {}
            // In its place already.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrustError::File(path, error)),
        }
    }
    sync(folder)?;
    let commit = folder.join(COMMIT);
    fs::remove_file(&commit).map_err(|error| TrustError::File(commit, error))?;
    sync(folder)
}

fn sync(folder: &Path) -> Result<(), TrustError> {
    let synced = fs::File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|error| TrustError::File(folder.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [(&str, &[u8]); 2] = [("430000.json", b"old list"), ("430000.sig", b"old signature")];
    const NEW: [(&str, &[u8]); 2] = [("430000.json", b"new list"), ("430000.sig", b"new signature")];

    /// Every state that an end of the program can leave, step by step, by the calls that `replace` makes.
    fn left(folder: &Path, steps: usize) {
        for (name, bytes) in OLD {
            fs::write(folder.join(name), bytes).unwrap();
        }
        let write = |name: &str, bytes: &[u8]| fs::write(beside(folder, name), bytes).unwrap();
        let all: [&dyn Fn(); 8] = [
            &|| write(NEW[0].0, b"new"),
            &|| write(NEW[0].0, NEW[0].1),
            &|| write(NEW[1].0, NEW[1].1),
            &|| write(COMMIT, b"430000.json\n430000.sig"),
            &|| fs::rename(beside(folder, COMMIT), folder.join(COMMIT)).unwrap(),
            &|| fs::rename(beside(folder, NEW[0].0), folder.join(NEW[0].0)).unwrap(),
            &|| fs::rename(beside(folder, NEW[1].0), folder.join(NEW[1].0)).unwrap(),
            &|| fs::remove_file(folder.join(COMMIT)).unwrap(),
        ];
        all.iter().take(steps).for_each(|step| step());
    }

    fn told(files: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
        files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
    }

    #[test]
    fn an_end_at_any_step_leaves_the_old_pair_or_the_new_one() {
        for steps in 0..=8 {
            let folder = tempfile::tempdir().unwrap();
            left(folder.path(), steps);
            let expected = told(if steps < 5 { &OLD } else { &NEW });
            assert_eq!(read(folder.path()).unwrap(), expected, "after step {steps}");
            // The next replacement finishes or forgets the one before.
            let third: [(&str, &[u8]); 2] = [("430000.json", b"third"), ("430000.sig", b"of third")];
            replace(folder.path(), &third).unwrap();
            assert_eq!(read(folder.path()).unwrap(), told(&third), "after step {steps}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "after step {steps}");
        }
    }

    #[test]
    fn a_failure_before_the_decision_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        left(folder.path(), 0);
        // A folder where the second new file should be.
        fs::create_dir(beside(folder.path(), NEW[1].0)).unwrap();
        assert!(replace(folder.path(), &NEW).is_err());
        assert_eq!(read(folder.path()).unwrap(), told(&OLD));
    }
}
