//! System profiles (系统档案): how one business system writes, read from `profiles/*.toml` and `services.csv`.

use super::notation;
use super::notation::Segment;
use super::source::Diagnostic;
use super::source::Files;
use super::source::Place;
use super::source::Sheet;
use super::source::place_at;
use super::source::read_toml;
use crate::domain::format::Limits;
use crate::domain::format::charset::Charset;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Form,
    Json,
    Xml,
}

/// One direction of a profile: requests or answers.
#[derive(Clone, Debug)]
pub struct Direction {
    pub format: Format,
    pub charset: Charset,
    pub content_type: String,
    /// Text before the document.
    pub declaration: String,
    /// Path of the root, `{operation}` still in it.
    pub root: String,
    pub headers: BTreeMap<String, String>,
    /// What is written for a character that the charset lacks; all others are refused.
    pub substitutes: BTreeMap<char, String>,
}

impl Direction {
    /// What separates the steps of a path.
    pub const fn separator(&self) -> char {
        if matches!(self.format, Format::Json) { '.' } else { '/' }
    }
}

/// How a document nested in text is written.
#[derive(Clone, Debug, Default)]
pub struct Nested {
    /// True: in CDATA; false: escaped.
    pub cdata: bool,
    pub declaration: String,
    /// Separator and trailing flag of delimited lines nested in text.
    pub delimited: Option<(String, bool)>,
}

/// Elements that carry their names in an attribute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamingWords {
    pub leaf: String,
    pub list: String,
    pub attribute: String,
}

/// Where a request says what it is. Paths are absolute.
#[derive(Clone, Debug, Default)]
pub struct Identify {
    pub service: Option<Vec<Segment>>,
    /// The HTTP header field that names the service, in lower case, where no place of the body does.
    pub service_header: Option<String>,
    pub matter: Option<Vec<Segment>>,
    pub variant: Option<Vec<Segment>>,
    pub key: Vec<Vec<Segment>>,
    pub message: Option<Vec<Segment>>,
    pub target: Vec<Vec<Segment>>,
    /// The gateway makes a key of its own where a request has none: for sides that number nothing.
    pub key_made: bool,
    /// The `key` paths as written, for the fault that misses them.
    pub key_text: String,
}

/// How an answer says yes or no at the level of the interface.
#[derive(Clone, Debug)]
pub struct ResultWords {
    pub code: Vec<String>,
    pub ok: Vec<String>,
    pub text: Vec<String>,
    pub set: String,
}

/// A row of `services.csv`.
#[derive(Clone, Debug)]
pub struct Service {
    pub matter: String,
    pub step: String,
    pub service: String,
    pub variant: String,
    pub operation: String,
    pub path: String,
    pub request: String,
    pub answer: String,
    pub place: Place,
}

/// A system profile.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub title: String,
    pub namespaces: BTreeMap<String, String>,
    pub nested: Nested,
    pub index_attributes: BTreeMap<String, String>,
    pub naming: Option<NamingWords>,
    pub request: Direction,
    pub answer: Direction,
    pub identify: Identify,
    pub result: Option<ResultWords>,
    /// Name of the fault message's file.
    pub fault_message: Option<String>,
    /// HTTP status of faults; `None`: the fault table's.
    pub fault_status: Option<u16>,
    pub limits: Limits,
    pub services: Vec<Service>,
    pub file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDirection {
    format: Format,
    #[serde(default = "utf8")]
    charset: String,
    content_type: String,
    #[serde(default)]
    declaration: String,
    #[serde(default)]
    root: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    substitutes: BTreeMap<String, String>,
}

fn utf8() -> String {
    "utf-8".into()
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawIdentify {
    service: Option<String>,
    matter: Option<String>,
    variant: Option<String>,
    key: Vec<String>,
    message: Option<String>,
    target: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNested {
    style: String,
    #[serde(default)]
    declaration: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDelimited {
    separator: String,
    #[serde(default)]
    trailing: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResult {
    code: Vec<String>,
    ok: Vec<String>,
    #[serde(default)]
    text: Vec<String>,
    set: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFault {
    message: String,
    #[serde(default = "table")]
    http_status: toml::Value,
}

fn table() -> toml::Value {
    toml::Value::String("table".into())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the names are the keys of the file")]
struct RawLimits {
    bytes_max: Option<usize>,
    depth_max: Option<usize>,
    attributes_max: Option<usize>,
    members_max: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    title: String,
    #[serde(default)]
    namespaces: BTreeMap<String, String>,
    nested: Option<RawNested>,
    nested_delimited: Option<RawDelimited>,
    #[serde(default)]
    index_attributes: BTreeMap<String, String>,
    naming: Option<NamingWords>,
    request: RawDirection,
    answer: RawDirection,
    #[serde(default)]
    identify: RawIdentify,
    result: Option<RawResult>,
    fault: Option<RawFault>,
    #[serde(default)]
    limits: RawLimits,
}

/// Reads all profiles, gathering all faults.
pub(super) fn read_all(files: &Files, faults: &mut Vec<Diagnostic>) -> Vec<Profile> {
    let mut profiles = Vec::new();
    for (path, name) in files.below("profiles/", ".toml") {
        let text = files.text(path).unwrap_or_default();
        let Some(raw) = read_toml::<RawProfile>(path, text, faults) else { continue };
        if raw.name != name {
            let place = place_at(path, text, text.find("name").unwrap_or_default());
            faults.push(Diagnostic::error(130, &place, format!("name 为“{}”，与文件名不同", raw.name)).expected(name));
        }
        let mut reading = Reading { path, text, faults };
        if let Some(mut profile) = reading.profile(raw) {
            profile.services = read_services(files, name, faults);
            profiles.push(profile);
        }
    }
    profiles
}

/// In front of the name of an HTTP header field, where a path could stand.
const HEADER: &str = "header:";
/// The last of the places of a key: none was found, and the gateway makes one.
const MADE: &str = "@message_id";

struct Reading<'a> {
    path: &'a str,
    text: &'a str,
    faults: &'a mut Vec<Diagnostic>,
}

impl Reading<'_> {
    /// The place of a word; a profile file is short, so its first occurrence will do.
    fn place(&self, word: &str) -> Place {
        place_at(self.path, self.text, self.text.find(word).unwrap_or_default())
    }

    fn direction(&mut self, raw: RawDirection) -> Option<Direction> {
        let RawDirection { format, charset, content_type, declaration, root, headers, substitutes } = raw;
        let Some(charset) = Charset::parse(&charset) else {
            let place = self.place(&charset);
            self.faults.push(
                Diagnostic::error(131, &place, format!("字符集“{charset}”不认识")).expected("utf-8、gbk 或 gb18030"),
            );
            return None;
        };
        let mut declared = BTreeMap::new();
        for (from, to) in substitutes {
            let mut characters = from.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) if charset.can_encode(&to).is_ok() => {
                    declared.insert(character, to);
                }
                _ => {
                    let place = self.place(&from);
                    let fault = Diagnostic::error(138, &place, format!("替代写法“{from}” = “{to}”不对"));
                    self.faults.push(fault.expected("左边一个字，右边是目标字符集里有的文字"));
                }
            }
        }
        Some(Direction { format, charset, content_type, declaration, root, headers, substitutes: declared })
    }

    fn profile(&mut self, raw: RawProfile) -> Option<Profile> {
        let (request, answer) = (self.direction(raw.request), self.direction(raw.answer));
        let (request, answer) = request.zip(answer)?;
        let identify = self.identify(&raw.identify, &request);
        let fault_status = raw.fault.as_ref().and_then(|fault| self.status(&fault.http_status));
        let usual = Limits::default();
        let limits = Limits {
            bytes_max: raw.limits.bytes_max.unwrap_or(usual.bytes_max),
            depth_max: raw.limits.depth_max.unwrap_or(usual.depth_max),
            attributes_max: raw.limits.attributes_max.unwrap_or(usual.attributes_max),
            members_max: raw.limits.members_max.unwrap_or(usual.members_max),
        };
        let nested = Nested {
            cdata: raw.nested.as_ref().is_none_or(|nested| nested.style == "cdata"),
            declaration: raw.nested.map(|nested| nested.declaration).unwrap_or_default(),
            delimited: raw.nested_delimited.map(|raw| (raw.separator, raw.trailing)),
        };
        let result = raw.result.map(|raw| ResultWords { code: raw.code, ok: raw.ok, text: raw.text, set: raw.set });
        Some(Profile {
            name: raw.name,
            title: raw.title,
            namespaces: raw.namespaces,
            nested,
            index_attributes: raw.index_attributes,
            naming: raw.naming,
            request,
            answer,
            identify,
            result,
            fault_message: raw.fault.map(|fault| fault.message),
            fault_status,
            limits,
            services: Vec::new(),
            file: self.path.to_owned(),
        })
    }

    fn status(&mut self, value: &toml::Value) -> Option<u16> {
        match value {
            toml::Value::Integer(status) if (200..600).contains(status) => u16::try_from(*status).ok(),
            toml::Value::String(word) if word == "table" => None,
            _ => {
                let place = self.place("http_status");
                self.faults.push(
                    Diagnostic::error(132, &place, "http_status 的值不对").expected("\"table\" 或 200 到 599 的数字"),
                );
                None
            }
        }
    }

    fn identify(&mut self, raw: &RawIdentify, request: &Direction) -> Identify {
        // The operation is not known yet, so any name will do in its place.
        let root = request.root.split('!').map(|part| {
            part.split('/')
                .map(|step| if step.contains("{operation}") { "*" } else { step })
                .collect::<Vec<_>>()
                .join("/")
        });
        let root = root.collect::<Vec<_>>().join("!");
        let mut path =
            |text: &String| match notation::path(&absolute(&root, text, request.separator()), request.separator()) {
                Ok(segments) => Some(segments),
                Err(expected) => {
                    let place = self.place(text);
                    self.faults.push(Diagnostic::error(133, &place, format!("路径“{text}”看不懂")).expected(expected));
                    None
                }
            };
        let service_header = raw.service.as_ref().and_then(|service| service.strip_prefix(HEADER));
        Identify {
            service_header: service_header.map(|name| name.trim().to_ascii_lowercase()),
            key_made: raw.key.iter().any(|key| key == MADE),
            service: raw.service.as_ref().filter(|_| service_header.is_none()).and_then(&mut path),
            matter: raw.matter.as_ref().and_then(&mut path),
            variant: raw.variant.as_ref().and_then(&mut path),
            key: raw.key.iter().filter(|key| *key != MADE).filter_map(&mut path).collect(),
            message: raw.message.as_ref().and_then(&mut path),
            target: raw.target.iter().filter_map(&mut path).collect(),
            key_text: raw.key.join("、"),
        }
    }
}

/// A path below the root, or itself where it begins with `/`.
pub(super) fn absolute(root: &str, path: &str, separator: char) -> String {
    match path.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None if root.is_empty() => path.to_owned(),
        None if path.is_empty() => root.to_owned(),
        None if root.ends_with('!') => format!("{root}{path}"),
        None => format!("{root}{separator}{path}"),
    }
}

fn read_services(files: &Files, profile: &str, faults: &mut Vec<Diagnostic>) -> Vec<Service> {
    let path = format!("messages/{profile}/services.csv");
    let Some(text) = files.text(&path) else {
        let place = Place { file: path, line: 1, column: 1 };
        faults.push(Diagnostic::error(134, &place, format!("系统档案“{profile}”没有 services.csv")));
        return Vec::new();
    };
    let sheet = Sheet::read(&path, text, &["matter", "step", "service", "path", "request", "answer"], faults);
    sheet.only_columns(
        &["matter", "step", "service", "variant", "operation", "path", "request", "answer", "source", "note"],
        faults,
    );
    let mut services: Vec<Service> = Vec::new();
    for row in &sheet.rows {
        let cell = |column| sheet.cell(row, column).to_owned();
        let service = Service {
            matter: cell("matter"),
            step: cell("step"),
            service: cell("service"),
            variant: cell("variant"),
            operation: cell("operation"),
            path: cell("path"),
            request: cell("request"),
            answer: cell("answer"),
            place: sheet.place(row, "matter"),
        };
        if services.iter().any(|known| known.matter == service.matter && known.step == service.step) {
            let found = format!("事项“{}”的步骤“{}”重复", service.matter, service.step);
            faults.push(Diagnostic::error(135, &service.place, found));
        } else {
            services.push(service);
        }
    }
    services
}
