//! What all messages lean on: fields, matters, cities, rules, the calendar and the code tables, read from their files.

mod tables;

use super::notation;
use super::source::Diagnostic;
use super::source::Files;
use super::source::Place;
use super::source::Sheet;
use super::source::SheetRow;
use super::source::place_at;
use super::source::read_toml;
use crate::domain::codes::Table;
use crate::domain::value::Calendar;
use crate::domain::value::Date;
use crate::domain::value::DateForm;
use crate::domain::value::Type;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A canonical field.
#[derive(Clone, Debug)]
pub struct Field {
    pub id: String,
    pub title: String,
    pub kind: Type,
    /// Most characters.
    pub length_max: Option<usize>,
    /// Code table that its canonical codes come from.
    pub table: Option<String>,
    /// Privacy level, `L0` to `L3`.
    pub privacy: String,
    pub place: Place,
}

/// 事项: a matter of the catalogue.
#[derive(Clone, Debug)]
pub struct Matter {
    /// Shared by everything that is written down of an exchange.
    pub code: Arc<str>,
    pub title: String,
    pub department: String,
    pub archetype: String,
    pub mode: String,
    /// A second execution would move money twice.
    pub money: bool,
    /// A second execution changes nothing.
    pub idempotent: bool,
    pub promised_workdays: String,
    pub source: String,
    /// Its own fields, beside its archetype's, in order.
    pub fields: Vec<String>,
    /// Fields that a request cannot do without, beside its archetype's.
    pub required: Vec<String>,
    /// Its own fields of the answer.
    pub answer_fields: Vec<String>,
    pub place: Place,
}

/// 原型: what matters of one kind have in common.
#[derive(Clone, Debug, Default)]
pub struct Archetype {
    pub code: String,
    pub title: String,
    pub interaction: String,
    pub fields: Vec<String>,
    pub required: Vec<String>,
    pub answer_fields: Vec<String>,
}

/// A city and the systems it runs.
#[derive(Clone, Debug)]
pub struct City {
    pub name: String,
    pub title: String,
    /// GB/T 2260 code of the city.
    pub division: String,
    /// Names of its system profiles; where two serve a matter, the first is taken.
    pub profiles: Vec<String>,
    /// Everything else that messages use, `name`, `title` and `division` included.
    pub keys: BTreeMap<String, String>,
}

/// A rule across fields, and where it holds.
#[derive(Clone, Debug)]
pub struct RuleRow {
    pub matter: String,
    pub step: String,
    pub message: String,
    pub rule: notation::Rule,
    pub text: String,
    pub place: Place,
}

/// Everything that is no message and no profile.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    pub fields: BTreeMap<String, Field>,
    pub archetypes: BTreeMap<String, Archetype>,
    pub matters: BTreeMap<String, Matter>,
    pub cities: Vec<City>,
    pub rules: Vec<RuleRow>,
    pub calendar: Calendar,
    pub tables: BTreeMap<String, Table>,
}

impl Catalogue {
    /// Reads all files, gathering all faults.
    pub fn read(files: &Files, faults: &mut Vec<Diagnostic>) -> Self {
        let mut catalogue = Self::default();
        for (path, read) in [
            ("fields.csv", Self::read_fields as fn(&mut Self, &str, &str, &mut Vec<Diagnostic>)),
            ("matters.csv", Self::read_matters),
            ("rules.csv", Self::read_rules),
            ("calendar.csv", Self::read_calendar),
        ] {
            match files.text(path) {
                Some(text) => read(&mut catalogue, path, text, faults),
                None => faults.push(
                    Diagnostic::error(108, &at(path), "文件不存在")
                        .hint("映射目录须有 fields.csv、matters.csv、rules.csv、calendar.csv"),
                ),
            }
        }
        if let Some(text) = files.text("archetypes.csv") {
            catalogue.read_archetypes("archetypes.csv", text, faults);
        }
        for (path, name) in files.below("cities/", ".toml") {
            catalogue.read_city(path, name, files.text(path).unwrap_or_default(), faults);
        }
        for (path, name) in files.below("codes/", ".csv") {
            let table = tables::read_table(path, name, files.text(path).unwrap_or_default(), faults);
            catalogue.tables.insert(name.to_owned(), table);
        }
        catalogue.check_fields(faults);
        catalogue.check_matters(faults);
        catalogue
    }

    /// The fields that a matter has in a request or an answer: its archetype's, then its own, each once.
    pub fn fields_of<'f>(&'f self, matter: &'f Matter, request: bool) -> Vec<&'f str> {
        let archetype = self.archetypes.get(&matter.archetype);
        let (common, own) = if request {
            (archetype.map(|archetype| &archetype.fields), &matter.fields)
        } else {
            (archetype.map(|archetype| &archetype.answer_fields), &matter.answer_fields)
        };
        let mut fields: Vec<&'f str> = Vec::new();
        for field in common.into_iter().flatten().chain(own) {
            if !fields.contains(&field.as_str()) {
                fields.push(field);
            }
        }
        fields
    }

    /// True where a request of the matter cannot do without a field.
    pub fn requires(&self, matter: &Matter, field: &str) -> bool {
        let archetype = self.archetypes.get(&matter.archetype);
        matter
            .required
            .iter()
            .chain(archetype.into_iter().flat_map(|archetype| &archetype.required))
            .any(|id| id == field)
    }

    /// The field with that id; parts of addresses (`house_addr.county`) are found by their address.
    pub fn field(&self, id: &str) -> Option<&Field> {
        let own = id.rsplit("[].").next().unwrap_or(id);
        self.fields.get(own).or_else(|| own.split_once('.').and_then(|(head, _)| self.fields.get(head)))
    }

    fn read_fields(&mut self, path: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let sheet = Sheet::read(path, text, &["id", "title", "type"], faults);
        sheet
            .only_columns(&["id", "title", "type", "length_max", "table", "privacy", "mask", "source", "note"], faults);
        for row in &sheet.rows {
            let cell = |column| sheet.cell(row, column).to_owned();
            let id = cell("id");
            let Some(kind) = Type::parse(sheet.cell(row, "type")) else {
                let found = format!("字段“{id}”的类型“{}”不认识", sheet.cell(row, "type"));
                let kinds = "text、code、date、validity、month、datetime、amount、rate、bool、int、address、list";
                faults.push(Diagnostic::error(110, &sheet.place(row, "type"), found).expected(kinds));
                continue;
            };
            let length_max = number(&sheet, row, "length_max", faults);
            let table = Some(cell("table")).filter(|table| !table.is_empty());
            let field = Field {
                id: id.clone(),
                title: cell("title"),
                kind,
                length_max,
                table,
                privacy: cell("privacy"),
                place: sheet.place(row, "id"),
            };
            if self.fields.insert(id.clone(), field).is_some() {
                faults.push(Diagnostic::error(111, &sheet.place(row, "id"), format!("字段“{id}”重复")));
            }
        }
    }

    fn check_fields(&self, faults: &mut Vec<Diagnostic>) {
        for field in self.fields.values() {
            if let Some(table) = field.table.as_ref().filter(|table| !self.tables.contains_key(*table)) {
                let found = format!("字段“{}”的码表“{table}”不存在", field.id);
                faults.push(
                    Diagnostic::error(112, &field.place, found).near(table, self.tables.keys().map(String::as_str)),
                );
            }
        }
    }

    /// Every field of an archetype or matter exists, and every archetype.
    fn check_matters(&self, faults: &mut Vec<Diagnostic>) {
        let known = |id: &String| self.fields.contains_key(id);
        let mut check = |owner: &str, fields: &mut dyn Iterator<Item = &String>, place: &Place| {
            for id in fields.filter(|id| !known(id)) {
                let found = format!("{owner} 的字段“{id}”不在 fields.csv 中");
                faults.push(Diagnostic::error(160, place, found).near(id, self.fields.keys().map(String::as_str)));
            }
        };
        for archetype in self.archetypes.values() {
            let mut fields = archetype.fields.iter().chain(&archetype.required).chain(&archetype.answer_fields);
            check(&archetype.code, &mut fields, &at("archetypes.csv"));
        }
        for matter in self.matters.values() {
            let mut fields = matter.fields.iter().chain(&matter.required).chain(&matter.answer_fields);
            check(&matter.code, &mut fields, &matter.place);
        }
        if self.archetypes.is_empty() {
            return;
        }
        for matter in self.matters.values().filter(|matter| !self.archetypes.contains_key(&matter.archetype)) {
            let found = format!("事项“{}”的类型“{}”不在 archetypes.csv 中", matter.code, matter.archetype);
            let fault = Diagnostic::error(136, &matter.place, found);
            faults.push(fault.near(&matter.archetype, self.archetypes.keys().map(String::as_str)));
        }
    }

    fn read_archetypes(&mut self, path: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let sheet = Sheet::read(path, text, &["code", "title", "fields"], faults);
        let columns = ["code", "title", "interaction", "fields", "required", "answer_fields", "source", "note"];
        sheet.only_columns(&columns, faults);
        for row in &sheet.rows {
            let cell = |column| sheet.cell(row, column).to_owned();
            let archetype = Archetype {
                code: cell("code"),
                title: cell("title"),
                interaction: cell("interaction"),
                fields: list(sheet.cell(row, "fields")),
                required: list(sheet.cell(row, "required")),
                answer_fields: list(sheet.cell(row, "answer_fields")),
            };
            if self.archetypes.insert(archetype.code.clone(), archetype).is_some() {
                let found = format!("类型“{}”重复", cell("code"));
                faults.push(Diagnostic::error(137, &sheet.place(row, "code"), found));
            }
        }
    }

    fn read_matters(&mut self, path: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let sheet = Sheet::read(path, text, &["code", "title", "money"], faults);
        for row in &sheet.rows {
            let cell = |column| sheet.cell(row, column).to_owned();
            let flag = |column| matches!(sheet.cell(row, column), "yes" | "true" | "1" | "是");
            let code = cell("code");
            let matter = Matter {
                code: code.as_str().into(),
                title: cell("title"),
                department: cell("department"),
                archetype: cell("archetype"),
                mode: cell("mode"),
                money: flag("money"),
                idempotent: flag("idempotent"),
                promised_workdays: cell("promised_workdays"),
                source: cell("source"),
                fields: list(sheet.cell(row, "fields")),
                required: list(sheet.cell(row, "required")),
                answer_fields: list(sheet.cell(row, "answer_fields")),
                place: sheet.place(row, "code"),
            };
            if self.matters.insert(code.clone(), matter).is_some() {
                faults.push(Diagnostic::error(113, &sheet.place(row, "code"), format!("事项“{code}”重复")));
            }
        }
    }

    fn read_rules(&mut self, path: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let sheet = Sheet::read(path, text, &["matter", "step", "message", "rule"], faults);
        for row in &sheet.rows {
            let cell = |column| sheet.cell(row, column).to_owned();
            match notation::rule(sheet.cell(row, "rule")) {
                Ok(rule) => self.rules.push(RuleRow {
                    matter: cell("matter"),
                    step: cell("step"),
                    message: cell("message"),
                    rule,
                    text: cell("rule"),
                    place: sheet.place(row, "rule"),
                }),
                Err(expected) => {
                    let found = format!("看不懂的规则“{}”", sheet.cell(row, "rule"));
                    faults.push(Diagnostic::error(114, &sheet.place(row, "rule"), found).expected(expected));
                }
            }
        }
    }

    fn read_calendar(&mut self, path: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let sheet = Sheet::read(path, text, &["date", "kind"], faults);
        let mut days = Vec::new();
        for row in &sheet.rows {
            let date = Date::read(DateForm::Dashed, sheet.cell(row, "date").as_bytes());
            let working = match sheet.cell(row, "kind") {
                "work" => Some(true),
                "off" => Some(false),
                _ => None,
            };
            match date.zip(working) {
                Some(day) => days.push(day),
                None => faults.push(
                    Diagnostic::error(115, &sheet.place(row, "date"), "日历行看不懂")
                        .expected("日期 yyyy-MM-dd 与 work 或 off"),
                ),
            }
        }
        self.calendar = Calendar::new(days);
    }

    fn read_city(&mut self, path: &str, name: &str, text: &str, faults: &mut Vec<Diagnostic>) {
        let Some(raw) = read_toml::<toml::Table>(path, text, faults) else { return };
        let mut keys = BTreeMap::new();
        let mut profiles = Vec::new();
        for (key, value) in &raw {
            match value {
                toml::Value::String(value) => {
                    keys.insert(key.clone(), value.clone());
                }
                toml::Value::Array(values) if key == "profiles" => {
                    profiles = values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
                }
                _ => {
                    let place = place_at(path, text, text.find(key.as_str()).unwrap_or_default());
                    faults.push(
                        Diagnostic::error(116, &place, format!("键“{key}”的值不对"))
                            .expected("文字；profiles 为文字列表"),
                    );
                }
            }
        }
        for key in ["name", "title", "division"] {
            if !keys.contains_key(key) {
                faults.push(Diagnostic::error(117, &at(path), format!("缺少键“{key}”")));
            }
        }
        let key = |key: &str| keys.get(key).cloned().unwrap_or_default();
        if key("name") != name && keys.contains_key("name") {
            faults.push(
                Diagnostic::error(118, &at(path), format!("name 为“{}”，与文件名不同", key("name"))).expected(name),
            );
        }
        self.cities.push(City {
            name: name.to_owned(),
            title: key("title"),
            division: key("division"),
            profiles,
            keys,
        });
    }
}

/// The words of a cell that lists them.
fn list(text: &str) -> Vec<String> {
    text.split('|').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn at(path: &str) -> Place {
    Place { file: path.to_owned(), line: 1, column: 1 }
}

fn number(sheet: &Sheet, row: &SheetRow, column: &str, faults: &mut Vec<Diagnostic>) -> Option<usize> {
    let text = sheet.cell(row, column);
    if text.is_empty() {
        return None;
    }
    let number = text.parse().ok();
    if number.is_none() {
        faults.push(Diagnostic::error(119, &sheet.place(row, column), format!("“{text}”不是数字")));
    }
    number
}
