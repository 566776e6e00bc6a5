//! The configuration file, checked: from a TOML text to types that cannot be wrong, or *all* its problems at once.
//!
//! It deliberately knows no defaults that `deploy/jingyue.toml` does not show, reads no environment, and looks into no
//! mapping: whether a profile or matter exists is the mapping compiler's to say.
//!
//! | part | file |
//! | --- | --- |
//! | what is wrong, and how it is told | `problem` |
//! | a TOML text as sections, with places | `reader` |
//! | keys, certificates, secrets on disk | `files` |
//! | `[listen]`, `[listen.tls]` | `listen`, `listen_tls` |
//! | `[[key]]`, `[device.NAME]` | `keys` |
//! | certificates and keys of a section | `credentials` |
//! | `[[caller]]`, `[[relay]]` | `callers` |
//! | `[licences]`, `licences` of a caller | `licences` |
//! | `[[system]]` | `systems` |
//! | which header fields carry a signature | `signatures` |

mod callers;
mod credentials;
mod files;
mod keys;
mod licences;
mod listen;
mod listen_tls;
mod problem;
mod reader;
mod signatures;
mod systems;

pub use crate::edge::config::callers::{Allow, Caller, MatterPattern, Relay};
pub use crate::edge::config::licences::{LicenceAccess, Share};
pub use crate::edge::config::listen::Listen;
pub use crate::edge::config::problem::{Level, NUMBERS, Problem};
pub use crate::edge::config::systems::System;

use crate::edge::config::files::Files;
use crate::edge::config::problem::{Kind, suggest};
use crate::edge::config::reader::{Document, Place, Placed, Section};
use crate::edge::keys::Device;
use crate::edge::licences::Settings as Licences;
use crate::edge::limit::{BytesPolicy, Policy};
use crate::edge::trouble::in_words;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A checked configuration. References are indices: nothing is looked up by name while the gateway works.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: Listen,
    /// Folder of the mappings.
    pub mappings_directory: PathBuf,
    pub ledger: LedgerChoice,
    pub identify: Identify,
    /// In the order of the file; [`Caller::limit`] points into it.
    pub limits: Vec<Policy>,
    pub callers: Vec<Caller>,
    pub systems: Vec<System>,
    pub relays: Vec<Relay>,
    /// `None`: there are no licence calls.
    pub licences: Option<Licences>,
    pub log: Log,
    /// The certificate files in use, each with the second (since 1970) when the first of its certificates ends.
    pub certificates: Vec<(String, i64)>,
    /// The files of keys, passwords and secrets, which nobody else may read: each as it is named, and where it is.
    pub private_files: Vec<(String, PathBuf)>,
    /// The files of revocation lists in use, each with the second for which the first of its lists promises another.
    pub revocation_lists: Vec<(String, i64)>,
    /// The cryptographic devices, by their names in the file.
    pub devices: Vec<(String, Device)>,
}

/// Where entries are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerChoice {
    /// Only for demonstrations and measurements.
    Memory,
    Sqlite {
        file: PathBuf,
        /// Entries of one sync to disk.
        group_max: usize,
        /// Entries waiting for a sync.
        queue_max: usize,
    },
}

/// Bounds on signed requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identify {
    /// Most difference between a signature's time and ours.
    pub clock_window: Duration,
    /// Nonces remembered.
    pub nonces_max: usize,
}

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// JSON lines instead of text.
    pub json: bool,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
}

impl Config {
    /// Checks `text`. Relative paths start at `directory`; `read` reads the files that the text names.
    /// With the configuration come its warnings.
    ///
    /// # Errors
    /// All problems, warnings among them, when at least one is an error.
    pub fn parse(
        text: &str,
        file_name: &str,
        directory: &Path,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let document = Document::new(text, file_name);
        let table = document.parse();
        let (certificates, lists, private) = (RefCell::default(), RefCell::default(), RefCell::default());
        let files = Files { directory, read, certificates, lists, private, keys: OnceCell::new() };
        let config = Self::check(Section::root(&document, &table), &files);
        let problems = document.into_problems();
        match config {
            Some(config) if problems.iter().all(|problem| problem.level == Level::Warning) => Ok((config, problems)),
            _ => Err(problems),
        }
    }

    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// As [`Config::parse`], or one problem when the file cannot be read as UTF-8 text.
    pub fn load(path: &Path) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![Problem {
                file: name.clone(),
                line: 1,
                column: 1,
                level: Level::Error,
                number: Kind::FileUnreadable as u16,
                found: "读不出配置文件".into(),
                expected: "可读的 UTF-8 文本文件".into(),
                hint: in_words(&error),
            }]
        })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, &name, directory, &|path: &Path| std::fs::read(path))
    }

    fn check(mut root: Section<'_, '_>, files: &Files<'_>) -> Option<Self> {
        let devices = files.keys.get_or_init(|| keys::Store::check(&mut root, files)).devices();
        let listen = listen::check(root.section_or_empty("listen"), files);
        let mut mappings = root.section_or_empty("mappings");
        let directory = mappings.text("directory").map_or_else(|| "mappings".to_owned(), |text| text.value);
        mappings.finish();
        let ledger = check_ledger(root.section_or_empty("ledger"), files);
        let identify = check_identify(root.section_or_empty("identify"));
        let log = check_log(root.section_or_empty("log"));

        let body_bytes_max = listen.as_ref().map_or(0, |listen| listen.server.body_bytes_max);
        let mut names = Names::new("limit");
        let limits: Vec<_> =
            root.sections("limit").into_iter().map(|limit| check_limit(limit, &mut names, body_bytes_max)).collect();

        let mut system_names = Names::new("system");
        let mut cities = Vec::new();
        let systems: Vec<_> = root
            .sections("system")
            .into_iter()
            .map(|system| systems::check(system, files, &mut system_names, &mut cities))
            .collect();
        let cities: Vec<&str> = cities.iter().map(String::as_str).collect();

        let asks_for_certificates = listen.as_ref().is_none_or(|listen| listen.asks_for_certificates);
        let mut seen = callers::Seen::new(&names, &cities, asks_for_certificates);
        let callers: Vec<_> =
            root.sections("caller").into_iter().map(|caller| callers::check(caller, files, &mut seen)).collect();
        let caller_names = seen.into_names();
        let relays: Vec<_> = root
            .sections("relay")
            .into_iter()
            .map(|relay| callers::check_relay(relay, &system_names, &caller_names))
            .collect();
        let licences =
            root.section("licences").map(|licences| licences::check(licences, files, body_bytes_max, &system_names));
        root.finish();
        Some(Self {
            listen: listen?,
            mappings_directory: files.path(&directory),
            ledger,
            identify,
            limits: limits.into_iter().collect::<Option<_>>()?,
            callers: callers.into_iter().collect::<Option<_>>()?,
            systems: systems.into_iter().collect::<Option<_>>()?,
            relays: relays.into_iter().collect::<Option<_>>()?,
            licences: match licences {
                None => None,
                Some(licences) => Some(licences?),
            },
            log,
            certificates: files.certificates.take(),
            private_files: files.private.take().into_iter().map(|name| (name.clone(), files.path(&name))).collect(),
            revocation_lists: files.lists.take(),
            devices,
        })
    }
}

fn check_ledger(mut section: Section<'_, '_>, files: &Files<'_>) -> LedgerChoice {
    let sqlite = section.choice("kind", &[("sqlite", true), ("memory", false)], true);
    let file = section.text("file").map_or_else(|| "/var/lib/jingyue/ledger.db".to_owned(), |text| text.value);
    let group_max = size(section.number("group_max", 1..65_537, 256));
    let queue_max = size(section.number("queue_max", 1..1_048_577, 4_096));
    section.finish();
    if sqlite { LedgerChoice::Sqlite { file: files.path(&file), group_max, queue_max } } else { LedgerChoice::Memory }
}

fn check_identify(mut section: Section<'_, '_>) -> Identify {
    let clock_window = Duration::from_secs(section.number("clock_window_seconds", 1..3_601, 300));
    let nonces_max = size(section.number("nonces_max", 1_000..100_000_001, 1_000_000));
    section.finish();
    Identify { clock_window, nonces_max }
}

fn check_log(mut section: Section<'_, '_>) -> Log {
    let json = section.choice("format", &[("text", false), ("json", true)], false);
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
    let level = section.choice("level", &levels, "info");
    section.finish();
    Log { json, level }
}

fn check_limit(mut section: Section<'_, '_>, names: &mut Names, body_bytes_max: usize) -> Option<Policy> {
    let name = names.declare(&mut section);
    let per_second = section.number_optional("per_second", 1..1_000_001);
    if !section.has("per_second") {
        section.missing("per_second", "");
    }
    let burst = section.number_optional("burst", 1..1_000_001);
    let per_day = section.number_optional("per_day", 1..u64::from(u32::MAX) + 1);
    let bytes = section.number_optional("bytes_per_second", 1_024..(1 << 40) + 1).map(|per_second| {
        // A body of the greatest size allowed must be able to pass.
        BytesPolicy { per_second, burst: per_second.max(body_bytes_max as u64) }
    });
    section.finish();
    let number = |number: u64| u32::try_from(number).ok().and_then(NonZeroU32::new);
    let per_second = number(per_second?)?;
    let burst = burst.map_or(Some(per_second), number)?;
    let per_day = per_day.and_then(|per_day| u32::try_from(per_day).ok());
    Some(Policy { name: name?, per_second, burst, per_day, bytes })
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn milliseconds(section: &mut Section<'_, '_>, key: &'static str, default: u64) -> Duration {
    Duration::from_millis(section.number(key, 1..3_600_001, default))
}

/// The names of one kind of section, for duplicates and references.
struct Names {
    kind: &'static str,
    declared: HashMap<String, (usize, Place)>,
    count: usize,
}

impl Names {
    fn new(kind: &'static str) -> Self {
        Self { kind, declared: HashMap::new(), count: 0 }
    }

    /// Takes the key `name` of the next section of this kind.
    fn declare(&mut self, section: &mut Section<'_, '_>) -> Option<String> {
        let index = self.count;
        self.count += 1;
        let name = identifier(section, "name")?;
        if self.declared.contains_key(&name.value) {
            section.document().error(
                &name.place,
                Kind::Duplicate,
                format!("[[{}]] 中名称 {} 已经用过", self.kind, name.value),
                "不重复的名称",
                "",
            );
            return None;
        }
        self.declared.insert(name.value.clone(), (index, name.place));
        Some(name.value)
    }

    /// Index of the section that `name` names.
    fn resolve(&self, document: &Document<'_>, name: &Placed<String>) -> Option<usize> {
        let found = self.declared.get(&name.value).map(|(index, _)| *index);
        if found.is_none() {
            let hint = suggest(&name.value, self.declared.keys().map(String::as_str));
            undeclared(document, name, &format!("[[{}]]", self.kind), &hint);
        }
        found
    }
}

fn undeclared(document: &Document<'_>, name: &Placed<String>, place: &str, hint: &str) {
    let found = format!("{} 没有在 {place} 中声明", name.value);
    document.error(&name.place, Kind::Undeclared, found, format!("已声明的 {place} 名称"), hint);
}

/// A name as it may stand in metrics, header fields and file names.
fn identifier(section: &mut Section<'_, '_>, key: &'static str) -> Option<Placed<String>> {
    let text = section.text_required(key)?;
    let well = (1..=64).contains(&text.value.len())
        && text.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.value.starts_with('-');
    if !well {
        let found = format!("{key} = \"{}\"", text.value);
        section.document().error(
            &text.place,
            Kind::BadName,
            found,
            "1 到 64 个小写字母、数字、连字符，不以连字符开头",
            "",
        );
        return None;
    }
    Some(text)
}
