//! Made-up values for canonical fields: usual ones, longest ones, rare characters, and next to nothing.
//!
//! Persons are made up: citizens' numbers use sequence 996 to 999, kept by an old rule for people over a hundred, and
//! carry right check digits. The same seed gives the same values.

use super::catalogue::Catalogue;
use super::catalogue::Field;
use super::notation::Part;
use super::notation::Rule;
use crate::domain::value::Type;
use serde_json::Map;
use serde_json::Value;

/// What kind of message is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Every field as long as it may be.
    Longest,
    /// Only what is asked for.
    Minimal,
    /// Names with characters outside GBK.
    Rare,
    /// Every field, nothing special.
    Usual,
}

impl Variant {
    /// All variants.
    pub(super) const ALL: [Self; 4] = [Self::Usual, Self::Minimal, Self::Longest, Self::Rare];

    /// The variant as a person reads it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Longest => "最长值",
            Self::Minimal => "最少字段",
            Self::Rare => "生僻字",
            Self::Usual => "一般值",
        }
    }
}

/// What a generator may choose from.
pub(super) struct Choice<'a> {
    pub catalogue: &'a Catalogue,
    pub variant: Variant,
    /// Number of the case: another number, other codes.
    pub number: usize,
    /// The canonical codes that both sides can write, by field.
    pub codes: &'a dyn Fn(&str) -> &'a [String],
    /// True for fields that must have a value.
    pub needed: &'a dyn Fn(&str) -> bool,
}

/// Citizens' numbers of nobody, in two places and of two ages.
const CITIZENS: [&str; 4] = ["430602199003079989", "421002199105129998", "421023198506309970", "430681201602299989"];
const CREDIT_CODES: [&str; 3] = ["91430600MA0000007J", "91421000MA0000015N", "92421002MA00000T47"];
const LICENCE: &str = "1.2.156.3005.2.11100000MB0143028R001.11430600006000001A.20261123000001.001.H";
const NAMES: [&str; 4] = ["李示例", "王样本", "欧阳娜仁·其其格", "陈试用"];
const RARE_NAMES: [&str; 3] = ["刘𬱖", "王㛃", "龑堃喆"];
/// Items of a list.
const ITEMS: usize = 2;
/// The text whose base64 form and digest stand for a file.
const CONTENT: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";

/// A canonical document with values for those fields.
pub(super) fn document(fields: &[(String, Type)], choice: &Choice<'_>) -> Value {
    let mut root = Map::new();
    for (id, kind) in fields {
        if choice.variant == Variant::Minimal && !(choice.needed)(id) {
            continue;
        }
        put(&mut root, id, id, *kind, choice, 0);
    }
    for row in &choice.catalogue.rules {
        if let Rule::Sum { total, parts } = &row.rule {
            balance(&mut root, total, parts);
        }
    }
    Value::Object(root)
}

/// Makes a total what a rule wants it to be, in whatever items it stands.
fn balance(map: &mut Map<String, Value>, total: &str, parts: &[Part]) {
    if let Some((list, rest)) = total.split_once("[].") {
        // All fields of the rule stand in that list or below.
        let inner = |id: &str| id.strip_prefix(list).and_then(|id| id.strip_prefix("[].")).map(str::to_owned);
        let parts = parts.iter().map(|part| {
            Some(match part {
                Part::Count(id) => Part::Count(inner(id)?),
                Part::Each(id) => Part::Each(inner(id)?),
                Part::Field(id) => Part::Field(inner(id)?),
            })
        });
        let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return };
        for item in map.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(item) = item.as_object_mut() {
                balance(item, rest, &parts);
            }
        }
        return;
    }
    let sum = parts.iter().try_fold(0i64, |sum, part| {
        let items = part.list().map(|list| map.get(list).and_then(Value::as_array));
        sum.checked_add(match (part, items) {
            (Part::Count(_), Some(items)) => i64::try_from(items?.len()).ok()?,
            (Part::Each(id), Some(items)) => {
                let own = id.rsplit_once("[].")?.1;
                items?.iter().filter_map(|item| number(item.get(own)?)).sum()
            }
            _ => number(map.get(part.id())?)?,
        })
    });
    if let Some((place, sum)) = map.get_mut(total).zip(sum) {
        *place = if place.is_string() { Value::from(sum.to_string()) } else { Value::from(sum) };
    }
}

/// A generated number: amounts are texts.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn put(map: &mut Map<String, Value>, rest: &str, id: &str, kind: Type, choice: &Choice<'_>, item: usize) {
    if let Some((list, rest)) = rest.split_once("[].") {
        let entry = map.entry(list.to_owned()).or_insert_with(|| Value::Array(vec![Value::Object(Map::new()); ITEMS]));
        for (number, member) in entry.as_array_mut().into_iter().flatten().enumerate() {
            if let Some(member) = member.as_object_mut() {
                put(member, rest, id, kind, choice, number);
            }
        }
    } else if let Some((object, rest)) = rest.split_once('.') {
        let entry = map.entry(object.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if let Some(member) = entry.as_object_mut() {
            put(member, rest, id, kind, choice, item);
        }
    } else if let Some(value) = value(id, rest, kind, choice, item) {
        map.insert(rest.to_owned(), value);
    }
}

fn value(id: &str, own: &str, kind: Type, choice: &Choice<'_>, item: usize) -> Option<Value> {
    let field = choice.catalogue.field(id)?;
    let number = choice.number + item;
    let text = |text: &str| Some(Value::from(text));
    match kind {
        Type::Amount => Some(Value::from((840_000 + i64::try_from(item).unwrap_or_default() * 100).to_string())),
        Type::Bool => Some(Value::from(number.is_multiple_of(2))),
        Type::Code => {
            let codes = (choice.codes)(id);
            codes.get(number.checked_rem(codes.len())?).map(|code| Value::from(code.as_str()))
        }
        Type::Date => text(if own.ends_with("_to") { "20261123" } else { "20260105" }),
        Type::DateTime => text("20261123093015"),
        Type::Int => Some(Value::from(if choice.variant == Variant::Longest { 9 } else { 3 })),
        Type::Month => text(if own.ends_with("_to") { "202612" } else { "202601" }),
        Type::Rate => Some(Value::from(if item == 0 { "0.6" } else { "0.4" })),
        Type::Validity => text(if number.is_multiple_of(2) { "99991231" } else { "20300630" }),
        Type::Address => text(match own {
            "province" => "430000",
            "city" => "430600",
            "county" => "430602",
            "street" => "",
            _ => "南湖大道100号A栋12层",
        })
        .filter(|value| value != ""),
        Type::List => None,
        Type::Text => Some(Value::from(words(field, own, choice, number))),
    }
}

fn words(field: &Field, own: &str, choice: &Choice<'_>, number: usize) -> String {
    let id = field.id.as_str();
    let ends = |endings: &[&str]| endings.iter().any(|ending| own.ends_with(ending));
    let usual = if ends(&["digest"]) {
        crate::domain::sm::hex(&crate::domain::sm::digest(CONTENT))
    } else if ends(&["content"]) && id != "cert_content" {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(CONTENT)
    } else if ends(&["id_no"]) {
        CITIZENS[number % CITIZENS.len()].to_owned()
    } else if ends(&["uscc"]) {
        CREDIT_CODES[number % CREDIT_CODES.len()].to_owned()
    } else if ends(&["licence_id"]) {
        LICENCE.to_owned()
    } else if id == "letter_no" {
        "4306002611230001".to_owned()
    } else if id == "case_no" {
        "YJ20261123430602000001U".to_owned()
    } else if ends(&["mobile", "phone"]) {
        "13900000001".to_owned()
    } else if ends(&["_name", "legal_person", "name"]) {
        let names: &[&str] = if choice.variant == Variant::Rare { &RARE_NAMES } else { &NAMES };
        names[number % names.len()].to_owned()
    } else if ends(&["post_code"]) {
        "414000".to_owned()
    } else if ends(&["_no", "_id", "account", "code", "number"]) {
        format!(
            "{}{:04}",
            id.chars().filter(char::is_ascii_alphabetic).take(2).collect::<String>().to_uppercase(),
            1001 + number
        )
    } else if choice.variant == Variant::Rare {
        format!("{}𬱖㛃", field.title)
    } else {
        format!("{}示例", field.title)
    };
    let Some(max) = field.length_max else { return usual };
    let checked = ends(&["id_no", "uscc", "letter_no", "licence_id", "digest", "content", "case_no"]);
    if choice.variant == Variant::Longest && !checked {
        return "长".repeat(max.min(2_000));
    }
    usual.chars().take(max).collect()
}
