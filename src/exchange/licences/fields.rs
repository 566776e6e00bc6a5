//! The fields of a call, from JSON or from a form with a file, read one by one; all that is wrong is told at once.
//!
//! A member that nobody asks for is a fault: a misspelt `expect` would else compare nothing. No fault holds a value.

use super::refusal::FieldFault;
use super::refusal::Kind;
use super::refusal::Refusal;
use crate::domain::ids::CitizenNumber;
use crate::domain::licence::FILE_BYTES_MAX;
use crate::domain::licence::identifier_of_qr;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

/// Most members of a call.
const MEMBERS_MAX: usize = 64;
/// Longest member of a form that is no file, in bytes.
const MEMBER_BYTES_MAX: u64 = 64 << 10;

/// Longest content of a QR code, in characters.
pub(super) const QR_CHARACTERS_MAX: usize = 2_953;

/// Which texts a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Letters, digits and `-_./:` of ASCII, and no citizen number among them: it is kept in receipts.
    Code,
    /// Anything without control characters.
    Free,
}

/// The members of a call that are left to be read, and what was wrong so far.
pub(super) struct Fields {
    members: Map<String, Value>,
    file: Option<Vec<u8>>,
    asked: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

impl Fields {
    /// Reads a body by its media type.
    ///
    /// # Errors
    /// When it is neither JSON nor a form, is cut short, holds a member twice, or a file that is too large.
    pub(super) fn read(content_type: &str, body: Bytes) -> Result<Self, Refusal> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "multipart/form-data" => Self::form(content_type, body),
            "application/json" | "" => Self::json(&body),
            _ => Err(Refusal::with(Kind::Schema, "应为 application/json 或 multipart/form-data")),
        }
    }

    /// Members that are already there.
    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self { members, file: None, asked: Vec::new(), faults: Vec::new() }
    }

    fn json(body: &[u8]) -> Result<Self, Refusal> {
        let Members { members, file } = serde_json::from_slice(body).map_err(|error| {
            // The text of the error may hold a value; the place says enough.
            Refusal::with(
                Kind::Schema,
                format!("不是正确的 JSON 对象（第 {} 行第 {} 列）", error.line(), error.column()),
            )
        })?;
        let mut fields = Self::of(members);
        if let Some(text) = file {
            fields.decode_file("file", &text.0)?;
        }
        Ok(fields)
    }

    /// Takes a file out of its base64.
    pub(super) fn decode_file(&mut self, field: &str, text: &str) -> Result<(), Refusal> {
        if text.len() / 4 * 3 > FILE_BYTES_MAX + 3 {
            return Err(Kind::TooLarge.into());
        }
        match STANDARD.decode(text) {
            Ok(bytes) if bytes.len() > FILE_BYTES_MAX => return Err(Kind::TooLarge.into()),
            Ok(bytes) => self.file = Some(bytes),
            Err(_) => self.fault(field, "不是正确的 base64"),
        }
        Ok(())
    }

    fn form(content_type: &str, body: Bytes) -> Result<Self, Refusal> {
        let broken = |_| Refusal::with(Kind::Schema, "表单的格式不对，或分界符与内容不符");
        let boundary = multer::parse_boundary(content_type).map_err(broken)?;
        let limits = multer::SizeLimit::new()
            .per_field(MEMBER_BYTES_MAX)
            .for_field("file", FILE_BYTES_MAX as u64)
            .whole_stream(FILE_BYTES_MAX as u64 + (1 << 20));
        let constraints = multer::Constraints::new().size_limit(limits);
        let stream = futures_util::stream::once(async move { Ok::<Bytes, Infallible>(body) });
        let form = multer::Multipart::with_constraints(stream, boundary, constraints);
        // The whole body is there already, so that nothing waits.
        collect(form).now_or_never().unwrap_or_else(|| Err(Kind::Internal.into()))
    }

    pub(super) fn fault(&mut self, field: &str, text: &str) {
        self.faults.push(FieldFault { field: field.to_owned(), text: text.to_owned() });
    }

    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        let value = match name.split_once('.') {
            None => self.members.get_mut(name),
            Some((outer, inner)) => self.members.get_mut(outer)?.as_object_mut()?.get_mut(inner),
        };
        value.map(Value::take).filter(|value| !value.is_null())
    }

    /// A text of at most `most` characters; none where it is missing or wrong.
    pub(super) fn optional(&mut self, name: &'static str, most: usize, form: Form) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if form == Form::Free => number.to_string(),
            _ => {
                self.fault(name, "应为文本");
                return None;
            }
        };
        if text.is_empty() {
            return None;
        }
        if text.chars().count() > most {
            self.fault(name, &format!("最多 {most} 个字符"));
            return None;
        }
        let is_right = match form {
            Form::Code => has_code_letters(&text),
            Form::Free => !text.chars().any(char::is_control),
        };
        if !is_right {
            self.fault(name, if form == Form::Code { "只能含字母、数字和 - _ . / :" } else { "不能含控制字符" });
            return None;
        }
        if form == Form::Code && holds_citizen_number(&text) {
            self.fault(name, "不能含公民身份号码");
            return None;
        }
        Some(text)
    }

    /// A text of any length, as it came.
    pub(super) fn long_text(&mut self, name: &'static str) -> String {
        match self.value(name) {
            Some(Value::String(text)) => text,
            None => String::new(),
            Some(_) => {
                self.fault(name, "应为文本");
                String::new()
            }
        }
    }

    /// A text that must be there; empty where it is not or is wrong.
    pub(super) fn required(&mut self, name: &'static str, most: usize, form: Form) -> String {
        let before = self.faults.len();
        let text = self.optional(name, most, form);
        if text.is_none() && self.faults.len() == before {
            self.fault(name, "必填");
        }
        text.unwrap_or_default()
    }

    /// One of some words; the first where it is missing, unless it must be there.
    pub(super) fn choice(&mut self, name: &'static str, words: &[&'static str], must: bool) -> &'static str {
        let text = if must {
            self.required(name, 32, Form::Free)
        } else {
            self.optional(name, 32, Form::Free).unwrap_or_default()
        };
        let first = words.first().copied().unwrap_or_default();
        if text.is_empty() {
            return first;
        }
        words.iter().find(|word| **word == text).copied().unwrap_or_else(|| {
            self.fault(name, &format!("应为其中之一：{}", words.join("、")));
            first
        })
    }

    /// The identifier in the content of a QR code; a fault where there is not exactly one.
    pub(super) fn of_qr(&mut self, name: &str, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        match identifier_of_qr(text) {
            Ok(identifier) => Some(identifier.to_owned()),
            Err(fault) => {
                self.fault(name, &fault.to_string());
                None
            }
        }
    }

    /// A member that is an object, whole.
    pub(super) fn object(&mut self, name: &'static str) -> Map<String, Value> {
        match self.value(name) {
            None => Map::new(),
            Some(Value::Object(object)) => object,
            Some(_) => {
                self.fault(name, "应为对象");
                Map::new()
            }
        }
    }

    /// The file.
    pub(super) fn file(&mut self) -> Vec<u8> {
        let file = self.file.take().unwrap_or_default();
        if file.is_empty() && !self.faults.iter().any(|fault| fault.field == "file") {
            self.fault("file", "必填，不能为空");
        }
        file
    }

    /// To be called last.
    ///
    /// # Errors
    /// All that was wrong.
    pub(super) fn finish(mut self) -> Result<(), Refusal> {
        if self.file.is_some() {
            self.fault("file", "这个接口不收文件");
        }
        let mut unknown = Vec::new();
        for (name, value) in &self.members {
            if self.asked.contains(&name.as_str()) {
                continue;
            }
            match value.as_object() {
                Some(object) if self.asked.iter().any(|asked| asked.split('.').next() == Some(name)) => {
                    unknown.extend(object.keys().map(|inner| format!("{name}.{inner}")));
                }
                _ => unknown.push(name.clone()),
            }
        }
        unknown.retain(|name| !self.asked.contains(&name.as_str()));
        for name in unknown {
            let name: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
            self.fault(&name, "不认识的字段");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::fields(self.faults)) }
    }
}

fn has_code_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
}

/// Whether a text may stand in a receipt as a code.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && has_code_letters(text) && !holds_citizen_number(text)
}

/// Whether a right citizen number (公民身份号码) stands in `text`.
fn holds_citizen_number(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    (0..upper.len()).any(|at| upper.get(at..at + 18).is_some_and(|part| CitizenNumber::parse(part).is_ok()))
}

async fn collect(mut form: multer::Multipart<'_>) -> Result<Fields, Refusal> {
    let mut fields = Fields::of(Map::new());
    let refuse = |error: multer::Error| match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => Kind::TooLarge.into(),
        _ => Refusal::with(Kind::Schema, "表单的格式不对，或没有收完"),
    };
    while let Some(field) = form.next_field().await.map_err(refuse)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(refuse)?;
        let twice = |fields: &mut Fields| fields.fault(&name, "出现了不止一次");
        if name == "file" {
            if fields.file.replace(bytes.into()).is_some() {
                twice(&mut fields);
            }
            continue;
        }
        if fields.members.len() >= MEMBERS_MAX {
            return Err(Refusal::with(Kind::Schema, "字段过多"));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            fields.fault(&name, "不是 UTF-8 文本");
            continue;
        };
        let text = || Value::String(text.to_owned());
        let before = match name.split_once('.') {
            Some((outer, inner)) => match fields.members.entry(outer).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(object) => object.insert(inner.to_owned(), text()),
                _ => Some(Value::Null),
            },
            None if name == "expect" => {
                let object = serde_json::from_slice(&bytes).ok().filter(Value::is_object);
                if object.is_none() && !bytes.is_empty() {
                    fields.fault(&name, "应为 JSON 对象");
                }
                object.and_then(|object| fields.members.insert(name.clone(), object))
            }
            None => fields.members.insert(name.clone(), text()),
        };
        if before.is_some() {
            twice(&mut fields);
        }
    }
    Ok(fields)
}

/// A JSON object whose member `file` is not copied before it is decoded.
struct Members<'a> {
    members: Map<String, Value>,
    file: Option<Text<'a>>,
}

struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut read = Members { members: Map::new(), file: None };
                while let Some(name) = access.next_key::<Text<'de>>()? {
                    let twice = if name.0 == "file" {
                        read.file.replace(access.next_value()?).is_some()
                    } else {
                        read.members.insert(name.0.into_owned(), access.next_value()?).is_some()
                    };
                    if twice || read.members.len() > MEMBERS_MAX {
                        return Err(A::Error::custom("a member twice, or too many"));
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_and_no_value() {
        let body = br#"{"matter":"43060019900307999X/a","caseNo":"a b","ground":"duty2","expect":{"ZZLXDM":5,"X":"y"},
            "typo":1,"file":"%%"}"#;
        let mut fields = Fields::read("application/json; charset=utf-8", Bytes::from_static(body)).unwrap();
        let _ = fields.optional("matter", 64, Form::Code);
        let _ = fields.required("caseNo", 64, Form::Code);
        let _ = fields.required("window", 64, Form::Code);
        let _ = fields.choice("ground", &["consent", "duty"], true);
        let _ = fields.optional("expect.ZZLXDM", 21, Form::Code);
        let _ = fields.file();
        let refusal = fields.finish().unwrap_err();
        let names: Vec<&str> = refusal.faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(names, ["file", "caseNo", "window", "ground", "expect.ZZLXDM", "expect.X", "typo"]);
    }

    #[test]
    fn a_member_twice_is_refused() {
        let twice = Fields::read("application/json", Bytes::from_static(br#"{"a":1,"a":2}"#));
        assert_eq!(twice.err().map(|refusal| refusal.kind), Some(Kind::Schema));
    }

    #[test]
    fn citizen_numbers_are_found_inside_other_texts() {
        // The example of GB 11643-1999.
        assert!(holds_citizen_number("case-11010519491231002x-1"));
        assert!(!holds_citizen_number("2024-430600-000123") && !holds_citizen_number("110105194912310021"));
    }
}
