//! The program of this repository's mappings, and its examples carried out without the command line.

use jingyue::domain::fault::Fault;
use jingyue::domain::mapping::City;
use jingyue::domain::mapping::Context;
use jingyue::domain::mapping::Kept;
use jingyue::domain::mapping::Pair;
use jingyue::domain::mapping::Program;
use jingyue::domain::mapping::Translated;
use jingyue::domain::mapping::Workspace;
use jingyue::edge::library::Library;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

/// 2026-11-23 09:30:15 in Beijing.
pub(crate) const NOW: i64 = 1_795_397_415_000;

pub(crate) fn mappings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings")
}

pub(crate) fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        crate::few::copy(folder.path());
        Program::compile(&Library::load(folder.path()).unwrap().files).unwrap()
    })
}

#[derive(serde::Deserialize)]
pub(crate) struct Example {
    pub(crate) matter: String,
    #[serde(default = "main")]
    pub(crate) step: String,
    pub(crate) message: String,
    pub(crate) from: String,
    pub(crate) to: String,
    from_city: String,
    to_city: String,
    #[serde(default)]
    sequence: u64,
    pub(crate) input: String,
    pub(crate) output: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

fn main() -> String {
    "main".into()
}

impl Example {
    pub(crate) fn load(name: &str) -> Self {
        let text = std::fs::read_to_string(mappings().join("examples").join(format!("{name}.toml")));
        toml::from_str(&text.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
    }

    /// All examples by name.
    pub(crate) fn all() -> Vec<Self> {
        let mut names: Vec<String> = std::fs::read_dir(mappings().join("examples"))
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        names.iter().map(|name| Self::load(name)).collect()
    }

    pub(crate) fn file(name: &str) -> Vec<u8> {
        std::fs::read(mappings().join("examples").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The same message from the other side.
    pub(crate) fn back(mut self) -> Self {
        std::mem::swap(&mut self.from, &mut self.to);
        std::mem::swap(&mut self.from_city, &mut self.to_city);
        std::mem::swap(&mut self.input, &mut self.output);
        self
    }

    pub(crate) fn is_request(&self) -> bool {
        self.message == "request"
    }

    /// What an input becomes at the example's plan; a refusal in the caller's dialect where the other side said no.
    ///
    /// # Errors
    /// The fault, where it is the message's.
    pub(crate) fn translate(&self, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let program = program();
        let (caller, handler) = if self.is_request() { (&self.from, &self.to) } else { (&self.to, &self.from) };
        let pair = program.pair(caller, handler, &self.matter, &self.step).unwrap();
        let city = |name: &str| program.city(name).unwrap();
        let mut with = self.settings.clone();
        with.extend(self.with.clone());
        let kept = kept(pair, |name| with.get(name).cloned());
        let context = Context {
            sequence: self.sequence,
            message: with.get("msg_id").map(String::as_str),
            settings: &with,
            case: Some(&with),
            kept: Some(&kept),
            ..context(city(&self.from_city), city(&self.to_city), &with)
        };
        let plan = if self.is_request() { &pair.request } else { &pair.answer };
        let mut workspace = Workspace::default();
        match plan.translate(input, &context, &mut workspace) {
            Ok(translated) => Ok(translated.bytes),
            Err(fault) if fault.refusal().is_some() => {
                Ok(program.render(program.system(caller).unwrap(), None, &fault, &context, &mut workspace).bytes)
            }
            Err(fault) => Err(fault),
        }
    }
}

/// What an answer needs of a request, from anywhere.
pub(crate) fn kept(pair: &Pair, value: impl Fn(&str) -> Option<String>) -> Kept {
    let mut kept = Kept::default();
    for name in pair.request.kept_names() {
        kept.push(value(name).as_deref().map(str::as_bytes));
    }
    kept
}

pub(crate) fn context<'a>(from: &'a City, to: &'a City, settings: &'a BTreeMap<String, String>) -> Context<'a> {
    Context {
        now: NOW,
        sequence: 1,
        message_id: "JY00000000000000000000",
        message: None,
        from,
        to,
        settings,
        case: None,
        kept: None,
        licences: None,
        fault: None,
    }
}

/// The request of a pair translated, both cities taken from the program in order.
pub(crate) fn request(program: &Program, pair: &Arc<Pair>, input: &[u8], now: i64) -> Result<Translated, Fault> {
    let cities = &program.catalogue().cities;
    let settings = BTreeMap::new();
    let context = Context { now, ..context(&cities[0], &cities[1], &settings) };
    pair.request.translate(input, &context, &mut Workspace::default())
}
