//! Mapping files from a directory, or those that the program carries for the demo.

use crate::domain::mapping::Files;
use crate::edge::trouble::in_words;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

/// Most files of a mapping directory.
const FILES_MAX: usize = 100_000;
/// Largest file in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Folders inside one another.
const DEPTH_MAX: usize = 16;

/// The mapping files of this repository, examples included.
#[derive(rust_embed::RustEmbed)]
#[folder = "mappings/"]
struct Carried;

/// Sample certificates and secrets, for the demo and tests only.
#[derive(rust_embed::RustEmbed)]
#[folder = "certs-sample/"]
struct Samples;

/// A sample certificate, key or secret by its file name.
pub fn sample(name: &str) -> Option<Vec<u8>> {
    Samples::get(name).map(|file| file.data.into_owned())
}

/// Why a directory cannot be read.
#[derive(Debug)]
pub enum LoadError {
    NotUtf8(PathBuf),
    Read(PathBuf, std::io::Error),
    TooLarge(PathBuf),
    TooMany(PathBuf),
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(path) => write!(formatter, "{} 不是 UTF-8 编码，请另存为 UTF-8", path.display()),
            Self::Read(path, error) => write!(formatter, "{} 无法读取：{}", path.display(), in_words(error)),
            Self::TooLarge(path) => write!(formatter, "{} 超过 {} 字节", path.display(), FILE_BYTES_MAX),
            Self::TooMany(path) => write!(formatter, "{} 中的文件超过 {FILES_MAX} 个或目录过深", path.display()),
        }
    }
}

impl std::error::Error for LoadError {}

/// Mapping files, and beside them example files as bytes.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// TOML and CSV files.
    pub files: Files,
    /// Everything below `examples/` that is no TOML file: inputs and expected outputs.
    pub examples: BTreeMap<String, Vec<u8>>,
}

impl Library {
    /// Reads a directory.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn load(directory: &Path) -> Result<Self, LoadError> {
        let mut library = Self::default();
        library.walk(directory, directory, 0)?;
        Ok(library)
    }

    /// What the program carries.
    ///
    /// # Errors
    /// When a carried file is not UTF-8.
    pub fn carried() -> Result<Self, LoadError> {
        let mut library = Self::default();
        for path in Carried::iter() {
            if let Some(file) = Carried::get(&path) {
                library.add(&path, file.data.into_owned())?;
            }
        }
        Ok(library)
    }

    fn walk(&mut self, root: &Path, directory: &Path, depth: usize) -> Result<(), LoadError> {
        let read = |error| LoadError::Read(directory.to_owned(), error);
        for entry in std::fs::read_dir(directory).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            let kind = std::fs::metadata(&path).map_err(|error| LoadError::Read(path.clone(), error))?;
            if kind.is_dir() {
                if depth >= DEPTH_MAX {
                    return Err(LoadError::TooMany(root.to_owned()));
                }
                self.walk(root, &path, depth + 1)?;
            } else {
                if kind.len() > FILE_BYTES_MAX {
                    return Err(LoadError::TooLarge(path));
                }
                let bytes = std::fs::read(&path).map_err(|error| LoadError::Read(path.clone(), error))?;
                let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                self.add(&relative, bytes)?;
            }
            if self.files.0.len() + self.examples.len() > FILES_MAX {
                return Err(LoadError::TooMany(root.to_owned()));
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), LoadError> {
        let table = |ending: &str| Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        let example = path.starts_with("examples/");
        if table("toml") || (table("csv") && !example) {
            let text = String::from_utf8(bytes).map_err(|_| LoadError::NotUtf8(PathBuf::from(path)))?;
            self.files.0.insert(path.to_owned(), text);
        } else if example {
            self.examples.insert(path.to_owned(), bytes);
        }
        Ok(())
    }
}
