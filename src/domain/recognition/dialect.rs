//! `licence/dialects/*.toml`: what one side calls fields, states, holder code types and errors, and how it writes days.

use super::NATIONAL;
use super::catalogue::Catalogue;
use super::catalogue::Field;
use super::file::Source;
use super::file::Text;
use crate::domain::licence::State;
use crate::domain::mapping::Diagnostic;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use serde::Deserialize;

/// What is written where a licence does not end.
const FOREVER: &[&str] = &["长期", "长期有效", "永久", "永久有效", "无固定期限", "9999-12-31", "99991231"];
/// Reasons that an error code can stand for: those of the gateway's own calls, and the states that end one.
const REASONS: &[&str] = &[
    "AUTH.CODE_EXPIRED",
    "AUTH.CODE_USED",
    "AUTH.MATTER_NOT_ALLOWED",
    "AUTH.MISSING",
    "LIC.HOLDER_CODE",
    "LIC.STATE_CANCELLED",
    "LIC.STATE_EXPIRED",
    "LIC.STATE_SUSPENDED",
    "LIC.TYPE_UNKNOWN",
    "OK",
    "OTHER",
    "RATE.LIMITED",
    "REQ.SCHEMA",
    "REQ.TOO_LARGE",
    "SRC.AMBIGUOUS",
    "SRC.BAD_ANSWER",
    "SRC.NOT_FOUND",
    "SRC.TIMEOUT",
    "TRUST.LIST_EXPIRED",
];

/// How days are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// `2024-03-15`
    Dashed,
    /// `20240315`
    Compact,
    /// `1710432000000`
    Milliseconds,
    /// `2024年3月15日`
    Chinese,
}

impl DateStyle {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "yyyy-MM-dd" => Self::Dashed,
            "yyyyMMdd" => Self::Compact,
            "epoch-ms" => Self::Milliseconds,
            "yyyy年M月d日" => Self::Chinese,
            _ => return None,
        })
    }

    fn read(self, text: &str) -> Option<Date> {
        match self {
            Self::Dashed => Date::read(DateForm::Dashed, text.as_bytes()),
            Self::Compact => Date::read(DateForm::Compact, text.as_bytes()),
            Self::Milliseconds if text.len() >= 11 => Date::read(DateForm::EpochMilliseconds, text.as_bytes()),
            Self::Milliseconds => None,
            Self::Chinese => {
                let (year, rest) = text.split_once('年')?;
                let (month, rest) = rest.split_once('月')?;
                let day = rest.strip_suffix('日')?;
                let is_number = |part: &str, max: usize| {
                    (1..=max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
                };
                let is_day = year.len() == 4 && is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
                is_day.then(|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)).flatten()
            }
        }
    }

    fn write(self, day: Date) -> String {
        let form = match self {
            Self::Dashed => DateForm::Dashed,
            Self::Compact => DateForm::Compact,
            Self::Milliseconds => DateForm::EpochMilliseconds,
            Self::Chinese => {
                let (year, month, day) = day.parts();
                return format!("{year}年{month}月{day}日");
            }
        };
        let mut out = Vec::new();
        day.write(form, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// A day, or none where the licence does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Day(Date),
    Forever,
}

/// A code and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Coded<T> {
    code: String,
    means: T,
    reads: bool,
    writes: bool,
}

/// One side's names and codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub name: String,
    pub title: String,
    /// False: composed (自拟), to be replaced when the side's own text is at hand.
    pub confirmed: bool,
    pub source: String,
    /// What is written first, then what is read too.
    dates: Vec<DateStyle>,
    /// What is written where a licence does not end.
    forever: Option<String>,
    /// Several holders in one value, with this between; none: the name comes several times.
    separator: Option<String>,
    /// National name and the dialect's own.
    fields: Vec<(String, String)>,
    states: Vec<Coded<State>>,
    holder_types: Vec<Coded<String>>,
    types: Vec<Coded<String>>,
    errors: Vec<Coded<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Text,
    title: String,
    confirmed: bool,
    source: Text,
    seen: Text,
    dates: RawDates,
    #[serde(default)]
    separator: Option<Text>,
    #[serde(default)]
    field: Vec<RawField>,
    #[serde(default)]
    state: Vec<RawCode>,
    #[serde(default)]
    holder_type: Vec<RawCode>,
    #[serde(default, rename = "type")]
    types: Vec<RawCode>,
    #[serde(default)]
    error: Vec<RawCode>,
    #[serde(default, rename = "note")]
    _note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDates {
    write: Text,
    #[serde(default)]
    read: Vec<Text>,
    #[serde(default)]
    forever: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: Text,
    #[serde(rename = "as")]
    own: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCode {
    code: Text,
    means: Text,
    /// `both`, `read` or `write`.
    #[serde(default)]
    way: Option<Text>,
    #[serde(default, rename = "note")]
    _note: String,
}

impl Dialect {
    /// The names of the standard, every form of a day read.
    pub(super) fn national(catalogue: &Catalogue) -> Self {
        let same = |code: &str| Coded { code: code.to_owned(), means: code.to_owned(), reads: true, writes: true };
        let state = |state: State| Coded { code: state.word().to_owned(), means: state, reads: true, writes: true };
        Self {
            name: NATIONAL.to_owned(),
            title: "国家标准".to_owned(),
            confirmed: true,
            source: "GB/T 36903-2018".to_owned(),
            dates: vec![DateStyle::Dashed, DateStyle::Compact, DateStyle::Milliseconds, DateStyle::Chinese],
            forever: Some("长期".to_owned()),
            separator: None,
            fields: catalogue.fields.iter().map(|field| (field.name.clone(), field.name.clone())).collect(),
            states: State::ALL.into_iter().map(state).collect(),
            holder_types: catalogue.holder_types.iter().map(|(code, _)| same(code)).collect(),
            types: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Reads one file; its faults are told.
    pub(super) fn read(
        path: &str,
        name: &str,
        text: &str,
        catalogue: &Catalogue,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let source = Source { path, text };
        let raw: Raw = source.read(faults)?;
        source.sourced(&raw.source, faults);
        source.day(&raw.seen, faults);
        if raw.name.get_ref() != name || name == NATIONAL {
            faults.push(source.fault(205, &raw.name, format!("name 是“{}”，文件名是“{name}”", raw.name.get_ref())));
        }
        let mut dates = Vec::new();
        for word in std::iter::once(&raw.dates.write).chain(&raw.dates.read) {
            let style = DateStyle::parse(word.get_ref());
            if style.is_none() {
                let fault = source.fault(200, word, format!("日期写法“{}”看不懂", word.get_ref()));
                faults.push(fault.expected("yyyy-MM-dd、yyyyMMdd、epoch-ms、yyyy年M月d日 之一"));
            }
            dates.extend(style);
        }
        let separator = raw.separator.map(|separator| {
            if separator.get_ref().is_empty() {
                faults.push(source.fault(200, &separator, "separator 是空的"));
            }
            separator.into_inner()
        });
        let fields = read_fields(&source, raw.field, catalogue, faults);
        let states = codes(&source, "状态", raw.state, faults, State::of_word, &State::ALL.map(State::word));
        let known: Vec<&str> = catalogue.holder_types.iter().map(|(code, _)| code.as_str()).collect();
        let holder_types = codes(&source, "持证主体代码类型", raw.holder_type, faults, one_of(&known), &known);
        let known: Vec<&str> = catalogue.types.iter().filter_map(|kind| kind.code.as_deref()).collect();
        let types = codes(&source, "证照类型", raw.types, faults, one_of(&known), &known);
        let errors = codes(&source, "错误", raw.error, faults, one_of(REASONS), REASONS);
        Some(Self {
            name: name.to_owned(),
            title: raw.title,
            confirmed: raw.confirmed,
            source: raw.source.into_inner(),
            dates,
            forever: raw.dates.forever,
            separator,
            fields,
            states,
            holder_types,
            types,
            errors,
        })
    }

    /// What this side calls a field of the standard.
    pub fn own_name(&self, national: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == national).map(|(_, own)| own.as_str())
    }

    /// Which field of the standard a name of this side is.
    pub fn national_name(&self, own: &str) -> Option<&str> {
        self.fields.iter().find(|(_, name)| name == own).map(|(name, _)| name.as_str())
    }

    /// The state that a code of this side stands for.
    pub fn state(&self, code: &str) -> Option<State> {
        read_code(&self.states, code)
    }

    /// This side's code for a state.
    pub fn state_code(&self, state: State) -> Option<&str> {
        written_code(&self.states, &state)
    }

    /// This side's error code for a reason such as `SRC.NOT_FOUND`.
    pub fn error_code(&self, reason: &str) -> Option<&str> {
        written_code(&self.errors, &reason.to_owned())
    }

    /// The reason that an error code of this side stands for.
    pub fn reason(&self, code: &str) -> Option<&str> {
        self.errors.iter().find(|one| one.reads && one.code == code).map(|one| one.means.as_str())
    }

    /// The national code of a holder code type.
    pub fn holder_type(&self, code: &str) -> Option<&str> {
        self.holder_types.iter().find(|one| one.reads && one.code == code).map(|one| one.means.as_str())
    }

    /// This side's code of a holder code type.
    pub fn holder_type_code(&self, national: &str) -> Option<&str> {
        written_code(&self.holder_types, &national.to_owned())
    }

    /// The national code of a licence type; a side without codes of its own has the national ones.
    pub fn kind<'a>(&'a self, code: &'a str) -> Option<&'a str> {
        if self.types.is_empty() {
            return Some(code);
        }
        self.types.iter().find(|one| one.reads && one.code == code).map(|one| one.means.as_str())
    }

    /// This side's code of a licence type.
    pub fn kind_code<'a>(&'a self, national: &'a str) -> Option<&'a str> {
        if self.types.is_empty() { Some(national) } else { written_code(&self.types, &national.to_owned()) }
    }

    pub(super) fn read_day(&self, text: &str) -> Option<End> {
        if self.forever.as_deref() == Some(text) || FOREVER.contains(&text) {
            return Some(End::Forever);
        }
        self.dates.iter().find_map(|style| style.read(text)).map(End::Day)
    }

    pub(super) fn write_day(&self, end: End) -> Option<String> {
        match end {
            End::Day(day) => self.dates.first().map(|style| style.write(day)),
            End::Forever => self.forever.clone(),
        }
    }

    /// The values of one that may hold several.
    pub(super) fn split<'a>(&self, text: &'a str, field: &Field) -> Vec<&'a str> {
        match &self.separator {
            Some(separator) if field.is_list => {
                text.split(separator.as_str()).map(str::trim).filter(|part| !part.is_empty()).collect()
            }
            _ => vec![text],
        }
    }

    /// What stands between several values of one field; none: the field comes several times.
    pub(super) fn separator(&self) -> Option<&str> {
        self.separator.as_deref()
    }
}

fn one_of<'a>(known: &'a [&'a str]) -> impl Fn(&str) -> Option<String> + 'a {
    move |word| known.contains(&word).then(|| word.to_owned())
}

fn read_code<T: Copy>(codes: &[Coded<T>], code: &str) -> Option<T> {
    codes.iter().find(|one| one.reads && one.code == code).map(|one| one.means)
}

fn written_code<'a, T: PartialEq>(codes: &'a [Coded<T>], means: &T) -> Option<&'a str> {
    codes.iter().find(|one| one.writes && one.means == *means).map(|one| one.code.as_str())
}

fn read_fields(
    source: &Source<'_>,
    rows: Vec<RawField>,
    catalogue: &Catalogue,
    faults: &mut Vec<Diagnostic>,
) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for row in rows {
        let (name, own) = (row.name.get_ref(), row.own.get_ref());
        if catalogue.name(name).is_none() {
            let known = catalogue.fields.iter().map(|field| field.name.as_str());
            faults.push(source.fault(203, &row.name, format!("字段“{name}”不在目录中")).near(name, known));
        }
        if fields.iter().any(|(known, _)| known == name) {
            faults.push(source.fault(202, &row.name, format!("字段“{name}”出现了两次")));
        }
        if fields.iter().any(|(_, known)| known == own) {
            faults.push(source.fault(202, &row.own, format!("名称“{own}”用了两次")));
        }
        fields.push((row.name.into_inner(), row.own.into_inner()));
    }
    fields
}

fn codes<T: PartialEq>(
    source: &Source<'_>,
    table: &str,
    rows: Vec<RawCode>,
    faults: &mut Vec<Diagnostic>,
    parse: impl Fn(&str) -> Option<T>,
    known: &[&str],
) -> Vec<Coded<T>> {
    let mut codes: Vec<Coded<T>> = Vec::new();
    for row in rows {
        let (code, word) = (row.code.get_ref(), row.means.get_ref());
        let Some(means) = parse(word) else {
            let fault = source.fault(203, &row.means, format!("{table}“{word}”不存在"));
            faults.push(fault.near(word, known.iter().copied()));
            continue;
        };
        let (reads, writes) = match row.way.as_ref().map(|way| way.get_ref().as_str()) {
            None | Some("both") => (true, true),
            Some("read") => (true, false),
            Some("write") => (false, true),
            Some(other) => {
                if let Some(way) = &row.way {
                    faults.push(
                        source.fault(200, way, format!("方向“{other}”看不懂")).expected("both、read、write 之一"),
                    );
                }
                continue;
            }
        };
        if reads && codes.iter().any(|one| one.reads && one.code == *code) {
            faults.push(source.fault(204, &row.code, format!("{table}代码“{code}”有两种读法")));
        }
        if writes && codes.iter().any(|one| one.writes && one.means == means) {
            let fault = source.fault(204, &row.code, format!("{table}“{word}”有两种写法"));
            faults.push(fault.hint("除一行外都写 way = \"read\""));
        }
        codes.push(Coded { code: row.code.into_inner(), means, reads, writes });
    }
    codes
}
