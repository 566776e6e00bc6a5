//! A TOML text as sections whose keys are asked for one by one; whatever is not asked for is reported in the end.
//!
//! It deliberately is not serde: that stops at the first fault, and an operator wants all of them with their places.

use crate::edge::config::problem::{Kind, Level, Problem, suggest};
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something stands: bytes of the text.
pub(super) type Place = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The text, and the problems found so far.
pub(super) struct Document<'t> {
    text: &'t str,
    file_name: &'t str,
    /// Stands in for a section that is not there.
    empty: DeTable<'t>,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str, file_name: &'t str) -> Self {
        Self { text, file_name, empty: DeTable::new(), problems: RefCell::new(Vec::new()) }
    }

    /// The text as a table, with all faults of its syntax reported.
    pub(super) fn parse(&self) -> Spanned<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let place = error.span().unwrap_or(0..0);
            self.error(&place, Kind::Syntax, "此处不合 TOML 语法", "合法的 TOML", error.message());
        }
        table
    }

    pub(super) fn error(
        &self,
        place: &Place,
        kind: Kind,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report(place, Level::Error, kind, found.into(), expected.into(), hint.into());
    }

    pub(super) fn warning(
        &self,
        place: &Place,
        kind: Kind,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report(place, Level::Warning, kind, found.into(), expected.into(), hint.into());
    }

    fn report(&self, place: &Place, level: Level, kind: Kind, found: String, expected: String, hint: String) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.problems.borrow_mut().push(Problem {
            file: self.file_name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            level,
            number: kind as u16,
            found,
            expected,
            hint,
        });
    }

    /// All problems, in the order of the text.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        // What a line with broken syntax seems to say is no news.
        let broken: Vec<_> =
            problems.iter().filter(|p| p.number == Kind::Syntax as u16).map(|problem| problem.line).collect();
        problems.retain(|p| p.number == Kind::Syntax as u16 || !broken.contains(&p.line));
        problems.sort_by_key(|problem| (problem.line, problem.column, problem.number));
        problems
    }
}

/// One table of the document. Each method reports what is wrong with its key and gives the default then.
pub(super) struct Section<'d, 't> {
    document: &'d Document<'t>,
    table: &'d DeTable<'t>,
    place: Place,
    /// Keys from the root, joined by dots.
    path: String,
    /// The path as it stands in the file.
    title: String,
    asked: Vec<&'static str>,
}

impl<'d, 't> Section<'d, 't> {
    pub(super) fn root(document: &'d Document<'t>, table: &'d Spanned<DeTable<'t>>) -> Self {
        let (path, title) = (String::new(), "文件中".to_owned());
        Self { document, table: table.get_ref(), place: 0..0, path, title, asked: Vec::new() }
    }

    fn child(&self, key: &str, table: &'d DeTable<'t>, place: Place, repeated: bool) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let title = if repeated { format!("[[{path}]] ") } else { format!("[{path}] ") };
        Self { document: self.document, table, place, path, title, asked: Vec::new() }
    }

    pub(super) const fn document(&self) -> &'d Document<'t> {
        self.document
    }

    /// Where the section begins.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Where the value of `key` stands, or the section.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place.clone(), Spanned::span)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn ask(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'t>>> {
        self.note_asked(key);
        self.table.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = format!("{key} 是{}", type_title(value.get_ref()));
        self.document.error(&value.span(), Kind::WrongType, found, expected, "");
    }

    /// A text, or nothing.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let value = self.ask(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "带引号的文本");
            return None;
        };
        Some(Placed { value: text.to_owned(), place: value.span() })
    }

    /// A text that must be there.
    pub(super) fn text_required(&mut self, key: &'static str) -> Option<Placed<String>> {
        if !self.has(key) {
            self.note_asked(key);
            self.missing(key, "");
        }
        self.text(key)
    }

    /// Reports that `key` is not there.
    pub(super) fn missing(&self, key: &str, hint: &str) {
        self.document.error(&self.place, Kind::MissingKey, format!("{}缺少 {key}", self.title), "写明此键", hint);
    }

    /// A whole number within `range`, or `default`.
    pub(super) fn number(&mut self, key: &'static str, range: Range<u64>, default: u64) -> u64 {
        self.number_optional(key, range).unwrap_or(default)
    }

    /// A whole number within `range`, or nothing.
    pub(super) fn number_optional(&mut self, key: &'static str, range: Range<u64>) -> Option<u64> {
        let value = self.ask(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "整数");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| range.contains(n));
        if number.is_none() {
            let expected = format!("{} 到 {} 之间的整数", range.start, range.end - 1);
            self.document.error(&value.span(), Kind::OutOfRange, format!("{key} = {}", integer.as_str()), expected, "");
        }
        number
    }

    /// True or false, or `default`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.ask(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true 或 false");
            default
        })
    }

    /// One of the words of `choices`, or `default`.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(key) else { return default };
        if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == text.value) {
            return *chosen;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.document.error(
            &text.place,
            Kind::NotAChoice,
            format!("{key} = \"{}\"", text.value),
            format!("其中之一：{}", words.join("、")),
            suggest(&text.value, words.iter().copied()),
        );
        default
    }

    /// A list of texts; empty where the key is not there.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<Placed<String>> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "文本的列表，如 [\"…\"]");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text.to_owned(), place: item.span() }),
                None => self.wrong_type(key, item, "带引号的文本"),
            }
        }
        texts
    }

    /// A table, or nothing.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Self> {
        let value = self.ask(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "一节（表）");
            return None;
        };
        Some(self.child(key, table, value.span(), false))
    }

    /// A table, or an empty one in its place, so that defaults come from one code.
    pub(super) fn section_or_empty(&mut self, key: &'static str) -> Self {
        self.section(key).unwrap_or_else(|| self.child(key, &self.document.empty, self.place.clone(), false))
    }

    /// A list of tables; empty where the key is not there.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("若干节，每节以 [[{key}]] 开头"));
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(array.len());
        for item in array {
            match item.get_ref().as_table() {
                Some(table) => sections.push(self.child(key, table, item.span(), true)),
                None => self.wrong_type(key, item, "一节（表）"),
            }
        }
        sections
    }

    /// The tables of this section, whose names may be any that stand in metrics.
    pub(super) fn tables(self) -> Vec<(String, Self)> {
        let mut all = Vec::with_capacity(self.table.len());
        for (key, value) in self.table {
            let name = key.get_ref().to_string();
            let is_name = !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            match value.get_ref().as_table() {
                _ if !is_name => {
                    let found = format!("名称 {name}");
                    self.document.error(&key.span(), Kind::BadName, found, "1 到 64 个小写字母、数字、连字符", "");
                }
                Some(table) => {
                    let section = self.child(&name, table, value.span(), false);
                    all.push((name, section));
                }
                None => self.wrong_type(&name, value, "一节（表）"),
            }
        }
        all
    }

    /// All keys of the section, which may be any, with their texts.
    pub(super) fn any_texts(self) -> Vec<(String, Placed<String>)> {
        let mut all = Vec::with_capacity(self.table.len());
        for (key, value) in self.table {
            match value.get_ref().as_str() {
                Some(text) => {
                    let placed = Placed { value: text.to_owned(), place: value.span() };
                    all.push((key.get_ref().to_string(), placed));
                }
                None => self.wrong_type(key.get_ref(), value, "带引号的文本"),
            }
        }
        all
    }

    /// Notes that a key is known; some are asked for twice.
    fn note_asked(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    /// Reports the keys that nobody asked for. To be called last.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                self.document.error(
                    &key.span(),
                    Kind::UnknownKey,
                    format!("{}不认识的键 {name}", self.title),
                    format!("其中之一：{}", self.asked.join("、")),
                    suggest(name, self.asked.iter().copied()),
                );
            }
        }
    }
}

fn type_title(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "文本",
        DeValue::Integer(_) => "整数",
        DeValue::Float(_) => "小数",
        DeValue::Boolean(_) => "真假值",
        DeValue::Datetime(_) => "日期时间",
        DeValue::Array(_) => "列表",
        DeValue::Table(_) => "表",
    }
}
