//! `licence/catalogue.toml`: the types of licences, the fields of their metadata, the types of holder codes.

use super::file::Source;
use super::file::Text;
use crate::domain::ids::CreditCode;
use crate::domain::mapping::Diagnostic;
use crate::domain::mapping::Files;
use crate::domain::mapping::Place;
use crate::domain::value::Date;
use serde::Deserialize;

/// The file.
pub(super) const FILE: &str = "licence/catalogue.toml";
/// Most types, and most fields.
const ROWS_MAX: usize = 10_000;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A day, in the dialect's form.
    Date,
    /// The type code of the licence.
    Kind,
    /// The type of the holder's code (GB/T 36903 annex A).
    HolderType,
    /// The state of the licence.
    State,
    Text,
}

impl FieldKind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "date" => Self::Date,
            "kind" => Self::Kind,
            "holder-type" => Self::HolderType,
            "state" => Self::State,
            "text" => Self::Text,
            _ => return None,
        })
    }
}

/// A field of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the standard, such as `ZZMC`; extensions begin with `KZ_`.
    pub name: String,
    /// Its Chinese name.
    pub title: String,
    pub kind: FieldKind,
    /// Several values are several holders (joint ownership).
    pub is_list: bool,
}

/// Who may hold a licence of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderKind {
    /// 自然人
    Person,
    /// 法人和其他组织
    Organization,
    Either,
}

/// A type of licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceType {
    /// The national code, 18 characters of the defining authority and three digits; none where it is not confirmed.
    pub code: Option<String>,
    pub name: String,
    /// The authority that defines it.
    pub definer: String,
    pub holder: HolderKind,
    /// Extension fields beyond those that every licence has.
    pub fields: Vec<String>,
    /// 无条件共享 `open`, 有条件共享 `conditional`, 不予共享 `none`.
    pub sharing: String,
    /// The sides that issue and share it.
    pub sides: Vec<String>,
    /// Whether the code was seen in use; see `source`.
    pub confirmed: bool,
    pub source: String,
    /// The day on which the source was looked at.
    pub seen: Option<Date>,
}

/// The checked file.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    pub(super) fields: Vec<Field>,
    pub(super) types: Vec<LicenceType>,
    /// Code and title.
    pub(super) holder_types: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    field: Vec<RawField>,
    #[serde(default)]
    holder_type: Vec<RawHolderType>,
    #[serde(default, rename = "type")]
    types: Vec<RawType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: Text,
    title: String,
    kind: Text,
    #[serde(default)]
    list: bool,
    source: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHolderType {
    code: Text,
    title: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawType {
    #[serde(default)]
    code: Option<Text>,
    name: Text,
    definer: String,
    holder: Text,
    #[serde(default)]
    fields: Vec<Text>,
    sharing: Text,
    #[serde(default)]
    sides: Vec<String>,
    confirmed: bool,
    source: Text,
    seen: Text,
    /// For whoever reads the file.
    #[serde(default, rename = "note")]
    _note: String,
}

impl Catalogue {
    pub(super) fn read(files: &Files, faults: &mut Vec<Diagnostic>) -> Self {
        let Some(text) = files.text(FILE) else {
            let place = Place { file: FILE.to_owned(), line: 1, column: 1 };
            faults.push(Diagnostic::error(108, &place, format!("缺少 {FILE}")));
            return Self::default();
        };
        let source = Source { path: FILE, text };
        let Some(raw) = source.read::<Raw>(faults) else { return Self::default() };
        let mut catalogue = Self::default();
        for row in raw.field.into_iter().take(ROWS_MAX) {
            catalogue.field(&source, row, faults);
        }
        for row in raw.holder_type.into_iter().take(ROWS_MAX) {
            let code = row.code.get_ref();
            if catalogue.holder_types.iter().any(|(known, _)| known == code) {
                faults.push(source.fault(202, &row.code, format!("持证主体代码类型“{code}”出现了两次")));
            }
            catalogue.holder_types.push((code.clone(), row.title));
        }
        for row in raw.types.into_iter().take(ROWS_MAX) {
            catalogue.add_type(&source, row, faults);
        }
        catalogue
    }

    pub(super) fn name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn kind(&self, code: &str) -> Option<&LicenceType> {
        self.types.iter().find(|kind| kind.code.as_deref() == Some(code))
    }

    fn field(&mut self, source: &Source<'_>, row: RawField, faults: &mut Vec<Diagnostic>) {
        source.sourced(&row.source, faults);
        let word = row.kind.get_ref();
        let kind = FieldKind::parse(word);
        if kind.is_none() {
            let fault = source.fault(200, &row.kind, format!("字段种类“{word}”看不懂"));
            faults.push(fault.expected("text、date、kind、holder-type、state 之一"));
        }
        if self.name(row.name.get_ref()).is_some() {
            faults.push(source.fault(202, &row.name, format!("字段“{}”出现了两次", row.name.get_ref())));
            return;
        }
        let kind = kind.unwrap_or(FieldKind::Text);
        self.fields.push(Field { name: row.name.into_inner(), title: row.title, kind, is_list: row.list });
    }

    fn add_type(&mut self, source: &Source<'_>, row: RawType, faults: &mut Vec<Diagnostic>) {
        source.sourced(&row.source, faults);
        match &row.code {
            Some(code) if !is_type_code(code.get_ref()) => {
                let found = format!("证照类型代码“{}”不对", code.get_ref());
                faults.push(source.fault(201, code, found).expected("定义机构的统一社会信用代码加三位数字"));
            }
            Some(code) if self.kind(code.get_ref()).is_some() => {
                faults.push(source.fault(202, code, format!("证照类型“{}”出现了两次", code.get_ref())));
            }
            None if row.confirmed => {
                let found = format!("“{}”没有代码，却标成了已确认", row.name.get_ref());
                faults.push(source.fault(209, &row.name, found));
            }
            Some(_) | None => {}
        }
        for field in row.fields.iter().filter(|field| self.name(field.get_ref()).is_none()) {
            let known = self.fields.iter().map(|field| field.name.as_str());
            let found = format!("字段“{}”不在目录中", field.get_ref());
            faults.push(source.fault(203, field, found).near(field.get_ref(), known));
        }
        let holder = match row.holder.get_ref().as_str() {
            "person" => HolderKind::Person,
            "organization" => HolderKind::Organization,
            "either" => HolderKind::Either,
            other => {
                let fault = source.fault(200, &row.holder, format!("持证主体“{other}”看不懂"));
                faults.push(fault.expected("person、organization、either 之一"));
                HolderKind::Either
            }
        };
        if !["open", "conditional", "none"].contains(&row.sharing.get_ref().as_str()) {
            let fault = source.fault(200, &row.sharing, format!("共享属性“{}”看不懂", row.sharing.get_ref()));
            faults.push(fault.expected("open、conditional、none 之一"));
        }
        self.types.push(LicenceType {
            code: row.code.map(Text::into_inner),
            name: row.name.into_inner(),
            definer: row.definer,
            holder,
            fields: row.fields.into_iter().map(Text::into_inner).collect(),
            sharing: row.sharing.into_inner(),
            sides: row.sides,
            confirmed: row.confirmed,
            source: row.source.into_inner(),
            seen: source.day(&row.seen, faults),
        });
    }
}

/// Credit code of the defining authority, its check character right, and three digits.
fn is_type_code(code: &str) -> bool {
    code.split_at_checked(18).is_some_and(|(authority, number)| {
        CreditCode::parse(authority).is_ok() && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
