//! A policy file to rules: all faults at once, each with its place.

use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::check::Levels;
use crate::domain::licence::identifier::is_kind;
use crate::domain::licence::policy::Coverage;
use crate::domain::licence::policy::FORMAT;
use crate::domain::licence::policy::LiveRule;
use crate::domain::licence::policy::POLICY_BYTES_MAX;
use crate::domain::licence::policy::PolicyFault;
use crate::domain::licence::policy::PolicyFaultKind;
use crate::domain::licence::policy::Rule;
use std::collections::BTreeMap;
use std::ops::Range;
use std::ops::RangeInclusive;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

/// Most matters, and most entries of a list.
const ENTRIES_MAX: usize = 10_000;
/// Longest grace, in hours, and longest staleness, in minutes.
const GRACE_HOURS_MAX: i64 = 24 * 30;
const STALENESS_MINUTES_MAX: i64 = 60 * 24 * 30;

/// The words for levels.
const LEVELS: &[(&str, Level)] = &[
    ("fail", Level::Fail),
    ("review", Level::Review),
    ("warn", Level::Warn),
    ("inform", Level::Inform),
    ("ignore", Level::Ignore),
];
const LIVE: &[(&str, LiveRule)] =
    &[("required", LiveRule::Required), ("preferred", LiveRule::Preferred), ("off", LiveRule::Off)];
const COVERAGE: &[(&str, Coverage)] = &[("all", Coverage::All), ("any_complete", Coverage::AnyComplete)];

/// Keys of `[default]`, and what a matter has besides.
const USUAL: &[&str] = &["live", "max_staleness_minutes", "grace_hours", "coverage"];
const MATTER: &[&str] =
    &["name", "types", "fields", "copy_purposes", "levels", "live", "max_staleness_minutes", "grace_hours", "coverage"];

type Value<'t> = Spanned<DeValue<'t>>;

/// Gathers the faults of a file.
pub(super) struct Reading<'t> {
    file: &'t str,
    text: &'t str,
    faults: Vec<PolicyFault>,
}

impl<'t> Reading<'t> {
    pub(super) const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, faults: Vec::new() }
    }

    pub(super) fn into_faults(mut self) -> Vec<PolicyFault> {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self.faults
    }

    fn fault(
        &mut self,
        place: &Range<usize>,
        kind: PolicyFaultKind,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        self.faults.push(PolicyFault {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            kind,
            found: found.into(),
            expected: expected.into(),
        });
    }

    /// The rule where no matter is named, and those of the matters.
    pub(super) fn whole(&mut self) -> (Rule, BTreeMap<String, Rule>) {
        let mut matters = BTreeMap::new();
        if self.text.len() > POLICY_BYTES_MAX {
            self.fault(&(0..0), PolicyFaultKind::TooLarge, "策略文件过大", "不超过 1 MiB");
            return (Rule::default(), matters);
        }
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let place = error.span().unwrap_or(0..0);
            self.fault(&place, PolicyFaultKind::Syntax, "此处不合 TOML 语法", error.message());
        }
        let root = root.get_ref();
        self.known(root, &["format", "levels", "default", "matters"], "文件中");
        match root.get("format") {
            Some(value) if value.get_ref().as_str() == Some(FORMAT) => {}
            Some(value) => {
                self.fault(&value.span(), PolicyFaultKind::NotAChoice, "format", format!("\"{FORMAT}\""));
            }
            None => {
                let expected = format!("format = \"{FORMAT}\"");
                self.fault(&(0..0), PolicyFaultKind::MissingKey, "文件中缺少 format", expected);
            }
        }
        let levels = self.levels(root.get("levels"), &Levels::new());
        let mut usual = Rule { levels: Arc::new(levels), ..Rule::default() };
        if let Some(table) = self.table("default", root.get("default")) {
            self.known(table, USUAL, "[default] ");
            self.common(table, &mut usual);
        }
        if let Some(table) = self.table("matters", root.get("matters")) {
            for (code, value) in table {
                if matters.len() >= ENTRIES_MAX {
                    self.fault(&code.span(), PolicyFaultKind::TooLarge, "事项过多", "不超过 10000 个");
                    break;
                }
                let name = code.get_ref().as_ref();
                if let Some(table) = self.table(name, Some(value)) {
                    let rule = self.matter(name, table, &code.span(), &usual);
                    matters.insert(name.to_owned(), rule);
                }
            }
        }
        (usual, matters)
    }

    fn matter(&mut self, code: &str, table: &DeTable<'_>, place: &Range<usize>, usual: &Rule) -> Rule {
        let title = format!("[matters.{code}] ");
        self.known(table, MATTER, &title);
        let mut rule = usual.clone();
        self.common(table, &mut rule);
        match table.get("name").map(|value| (value, value.get_ref().as_str())) {
            Some((_, Some(name))) => name.clone_into(&mut rule.name),
            Some((value, None)) => self.wrong_type("name", value, "带引号的文本"),
            None => self.fault(place, PolicyFaultKind::MissingKey, format!("{title}缺少 name"), "事项名称"),
        }
        // What a matter takes and sees is said, not left out: an empty list of types is any type.
        for key in ["types", "fields"] {
            if table.get(key).is_none() {
                self.fault(place, PolicyFaultKind::MissingKey, format!("{title}缺少 {key}"), "写明此键，可以是 []");
            }
        }
        for (kind, place) in self.texts("types", table) {
            if !is_kind(&kind) {
                let expected = "定义机关的统一社会信用代码加 3 位数字";
                self.fault(&place, PolicyFaultKind::BadKind, format!("types 中的 {}", kind.escape_debug()), expected);
            }
            rule.kinds.push(kind);
        }
        for (field, place) in self.texts("fields", table) {
            let is_name = !field.is_empty()
                && field.len() <= 64
                && field.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            if !is_name {
                let expected = "GB/T 36903 的大写字段名，如 ZZMC，扩展字段以 KZ_ 开头";
                self.fault(
                    &place,
                    PolicyFaultKind::BadField,
                    format!("fields 中的 {}", field.escape_debug()),
                    expected,
                );
            }
            rule.fields.push(field);
        }
        rule.copy_purposes = self.texts("copy_purposes", table).into_iter().map(|(text, _)| text).collect();
        rule.levels = Arc::new(self.levels(table.get("levels"), &usual.levels));
        rule
    }

    /// What `[default]` and matters both may have.
    fn common(&mut self, table: &DeTable<'_>, rule: &mut Rule) {
        rule.live = self.choice("live", table, LIVE).unwrap_or(rule.live);
        rule.coverage = self.choice("coverage", table, COVERAGE).unwrap_or(rule.coverage);
        if let Some(hours) = self.number("grace_hours", table, 0..=GRACE_HOURS_MAX) {
            rule.grace_seconds = hours * 3_600;
        }
        if let Some(minutes) = self.number("max_staleness_minutes", table, 1..=STALENESS_MINUTES_MAX) {
            rule.staleness_seconds = minutes * 60;
        }
    }

    /// Levels of a table, over those that hold already.
    fn levels(&mut self, value: Option<&Value<'_>>, usual: &Levels) -> Levels {
        let mut levels = usual.clone();
        let Some(table) = self.table("levels", value) else { return levels };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(code) = Code::ALL.iter().copied().find(|code| code.code() == name) else {
                let found = format!("不认识的检查代码 {}", name.escape_debug());
                self.fault(&key.span(), PolicyFaultKind::UnknownCode, found, "docs/licences.md 所列的代码之一");
                continue;
            };
            let Some(level) = self.chosen(name, value, LEVELS) else { continue };
            if level < code.level() && !code.is_adjustable() {
                let found = format!("{name} 不可放宽");
                let expected = format!("{}，或不写这一行", word(code.level()));
                self.fault(&value.span(), PolicyFaultKind::Fixed, found, expected);
            }
            levels.insert(code, level);
        }
        levels
    }

    fn known(&mut self, table: &DeTable<'_>, known: &[&str], title: &str) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let found = format!("{title}不认识的键 {}", key.get_ref().escape_debug());
            self.fault(&key.span(), PolicyFaultKind::UnknownKey, found, format!("其中之一：{}", known.join("、")));
        }
    }

    fn wrong_type(&mut self, key: &str, value: &Value<'_>, expected: &str) {
        self.fault(&value.span(), PolicyFaultKind::WrongType, format!("{} 的类型不对", key.escape_debug()), expected);
    }

    fn table<'v, 'x>(&mut self, key: &str, value: Option<&'v Value<'x>>) -> Option<&'v DeTable<'x>> {
        let value = value?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, value, "一节（表）");
        }
        table
    }

    fn choice<T: Copy>(&mut self, key: &str, table: &DeTable<'_>, choices: &[(&str, T)]) -> Option<T> {
        self.chosen(key, table.get(key)?, choices)
    }

    fn chosen<T: Copy>(&mut self, key: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "带引号的文本");
            return None;
        };
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, chosen)| *chosen);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let found = format!("{key} = \"{}\"", text.escape_debug());
            self.fault(&value.span(), PolicyFaultKind::NotAChoice, found, format!("其中之一：{}", words.join("、")));
        }
        chosen
    }

    fn number(&mut self, key: &str, table: &DeTable<'_>, range: RangeInclusive<i64>) -> Option<i64> {
        let value = table.get(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "整数");
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| range.contains(n));
        if number.is_none() {
            let expected = format!("{} 到 {} 之间的整数", range.start(), range.end());
            self.fault(&value.span(), PolicyFaultKind::OutOfRange, format!("{key} = {}", integer.as_str()), expected);
        }
        number
    }

    fn texts(&mut self, key: &str, table: &DeTable<'_>) -> Vec<(String, Range<usize>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array().filter(|array| array.len() <= ENTRIES_MAX) else {
            self.wrong_type(key, value, "文本的列表，如 [\"…\"]");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text.to_owned(), item.span())),
                None => self.wrong_type(key, item, "带引号的文本"),
            }
        }
        texts
    }
}

fn word(level: Level) -> &'static str {
    LEVELS.iter().find(|(_, known)| *known == level).map_or("", |(word, _)| *word)
}
