//! Where licences are fetched from: a folder of licence files, as a city has them before its platform is connected, and
//! what a platform gives.

use crate::domain::licence;
use crate::domain::licence::Live;
use crate::domain::licence::Policy;
use crate::domain::licence::Question;
use crate::domain::licence::Report;
use crate::domain::licence::Trust;
use crate::domain::sm;
use crate::edge::licences::store::Digest;
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// Most files of a folder.
const FILES_MAX: usize = 20_000;

/// Which licences are wanted; what is none is not asked for.
#[derive(Clone, Default)]
pub struct Wanted {
    /// 证照标识 (ZZBS).
    pub identifier: Option<String>,
    /// 持证主体代码 (CZZTDM).
    pub holder: Option<String>,
    /// 证照类型代码 (ZZLXDM).
    pub kind: Option<String>,
    /// 证照编号 (ZZBH).
    pub number: Option<String>,
    /// What it is for (用证事由), in words that a copy may bear.
    pub cause: Option<String>,
    /// True: by its identifier also one that was rejected when it was indexed, so that the verdict can say why.
    pub even_rejected: bool,
}

/// One licence at its source. It never shows itself.
pub struct Found {
    pub identifier: String,
    pub holder: String,
    pub kind: String,
    pub number: String,
    /// The issuing side's word, where the source is the issuing side.
    pub live: Option<Live>,
    /// What it is fetched for.
    cause: Option<String>,
    /// The file and its SM3, where it lies in a folder.
    file: Option<(PathBuf, Digest)>,
}

impl Found {
    /// One that a platform has.
    pub const fn remote(identifier: String, holder: String, kind: String, number: String, live: Live) -> Self {
        Self { identifier, holder, kind, number, live: Some(live), cause: None, file: None }
    }

    /// The same, fetched for `cause`.
    #[must_use]
    pub fn for_cause(mut self, cause: Option<String>) -> Self {
        self.cause = cause;
        self
    }

    /// What it is fetched for.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Found")
    }
}

/// Why a source does not give what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFault {
    /// What came is not what was promised.
    BadAnswer,
    /// It could not be reached, did not answer in time, or did not want to.
    Unavailable,
}

/// Gives licences. Called where waiting blocks no event loop.
pub trait LicenceSource: Send + Sync {
    /// The licences that fit. Without identifier, holder and number there are none: a source is not to be
    /// listed.
    ///
    /// # Errors
    /// See [`SourceFault`].
    fn find(&self, wanted: &Wanted) -> Result<Vec<Arc<Found>>, SourceFault>;

    /// The licence's file.
    ///
    /// # Errors
    /// [`SourceFault::BadAnswer`] when it is gone or not the file that was found to be good.
    fn fetch(&self, found: &Found) -> Result<Vec<u8>, SourceFault>;

    /// Whether it can ask the issuing side.
    fn can_confirm(&self) -> bool {
        false
    }

    /// The issuing side's word about a licence; none where this source cannot ask it.
    fn confirm(&self, _identifier: &str) -> Option<Live> {
        None
    }
}

/// A folder before a platform: what lies in the folder is fetched from there, and all else, and every word of the
/// issuing side, comes from the platform.
pub struct Both {
    pub folder: Arc<dyn LicenceSource>,
    pub platform: Arc<dyn LicenceSource>,
}

impl LicenceSource for Both {
    fn find(&self, wanted: &Wanted) -> Result<Vec<Arc<Found>>, SourceFault> {
        let found = self.folder.find(&Wanted { even_rejected: false, ..wanted.clone() })?;
        if !found.is_empty() {
            return Ok(found);
        }
        let found = self.platform.find(wanted)?;
        if found.is_empty() { self.folder.find(wanted) } else { Ok(found) }
    }

    fn fetch(&self, found: &Found) -> Result<Vec<u8>, SourceFault> {
        if found.file.is_some() { self.folder.fetch(found) } else { self.platform.fetch(found) }
    }

    fn can_confirm(&self) -> bool {
        self.platform.can_confirm()
    }

    fn confirm(&self, identifier: &str) -> Option<Live> {
        self.platform.confirm(identifier)
    }
}

/// A folder of `*.ofd`, each verified when it is indexed.
pub struct Folder {
    licences: Vec<Arc<Found>>,
    by_identifier: HashMap<String, Vec<usize>>,
    by_holder: HashMap<String, Vec<usize>>,
    by_number: HashMap<String, Vec<usize>>,
    rejected: HashMap<String, Arc<Found>>,
    refused: usize,
}

impl Folder {
    /// Reads and verifies the files at the time `at`. What is not genuine, or has no identifier, is left out and
    /// counted. One that is before or past its time stays, so that whoever asks is told so.
    ///
    /// # Errors
    /// When the folder cannot be read or holds too many files.
    pub fn read(folder: &Path, trust: &Trust, policy: &Policy, at: i64) -> io::Result<Self> {
        let mut read = Self {
            licences: Vec::new(),
            by_identifier: HashMap::new(),
            by_holder: HashMap::new(),
            by_number: HashMap::new(),
            rejected: HashMap::new(),
            refused: 0,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ofd")) {
                paths.push(path);
            }
            if paths.len() > FILES_MAX {
                return Err(io::Error::other(format!("文件过多，最多 {FILES_MAX} 个")));
            }
        }
        paths.sort();
        for path in paths {
            let bytes = bounded(&path)?;
            let report = licence::judge(&bytes, &Question::new(trust, policy, at));
            let facts = report.facts();
            let value = |name: &str| facts.get(name).unwrap_or_default().to_owned();
            let found = Found {
                identifier: value("ZZBS"),
                holder: value("CZZTDM"),
                kind: value("ZZLXDM"),
                number: value("ZZBH"),
                live: None,
                cause: None,
                file: Some((path, sm::digest(&bytes))),
            };
            if !is_genuine(&report) || found.identifier.is_empty() {
                read.refused += 1;
                if !found.identifier.is_empty() {
                    read.rejected.insert(found.identifier.clone(), Arc::new(found));
                }
                continue;
            }
            let index = read.licences.len();
            read.by_identifier.entry(found.identifier.clone()).or_default().push(index);
            for (index_of, key) in [(&mut read.by_holder, &found.holder), (&mut read.by_number, &found.number)] {
                if !key.is_empty() {
                    index_of.entry(key.clone()).or_default().push(index);
                }
            }
            read.licences.push(Arc::new(found));
        }
        Ok(read)
    }

    /// Licences that can be asked for.
    pub const fn len(&self) -> usize {
        self.licences.len()
    }

    /// True when there is none.
    pub const fn is_empty(&self) -> bool {
        self.licences.is_empty()
    }

    /// Files that were left out.
    pub const fn refused(&self) -> usize {
        self.refused
    }
}

impl LicenceSource for Folder {
    fn find(&self, wanted: &Wanted) -> Result<Vec<Arc<Found>>, SourceFault> {
        let of = |index: &HashMap<String, Vec<usize>>, key: &str| index.get(key).cloned().unwrap_or_default();
        if let Some(identifier) = wanted.identifier.as_ref().filter(|_| wanted.even_rejected)
            && !self.by_identifier.contains_key(identifier)
        {
            return Ok(self.rejected.get(identifier).cloned().into_iter().collect());
        }
        let candidates = match (&wanted.identifier, &wanted.holder, &wanted.number) {
            (Some(identifier), _, _) => of(&self.by_identifier, identifier),
            (None, Some(holder), _) => of(&self.by_holder, holder),
            (None, None, Some(number)) => of(&self.by_number, number),
            (None, None, None) => Vec::new(),
        };
        let fits = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        let found = candidates
            .into_iter()
            .filter_map(|index| self.licences.get(index))
            .filter(|found| {
                fits(&wanted.holder, &found.holder)
                    && fits(&wanted.kind, &found.kind)
                    && fits(&wanted.number, &found.number)
            })
            .cloned()
            .collect();
        Ok(found)
    }

    fn fetch(&self, found: &Found) -> Result<Vec<u8>, SourceFault> {
        let (file, digest) = found.file.as_ref().ok_or(SourceFault::BadAnswer)?;
        let bytes = bounded(file).map_err(|_| SourceFault::BadAnswer)?;
        if sm::digest(&bytes) == *digest { Ok(bytes) } else { Err(SourceFault::BadAnswer) }
    }
}

/// Whether nothing speaks against a licence but its own dates.
fn is_genuine(report: &Report) -> bool {
    report.failed().iter().all(|code| matches!(*code, "LIC.EXPIRED" | "LIC.NOT_YET_VALID"))
}

/// A file, up to one byte more than a licence may have: the verification says so then.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(licence::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
