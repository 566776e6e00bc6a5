//! JSON as the pretend cities read and write it: member order kept, a member that stands twice refused.
//!
//! It deliberately uses serde_json and none of `domain::format`, so that it is a second opinion.

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::ser::SerializeMap;
use serde_json::Number;
use std::fmt;

/// Members of one object.
const MEMBERS_MAX: usize = 1_000;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document.
    ///
    /// # Errors
    /// With the reason, in English, when it is not one JSON value, a member stands twice, or there are too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// Writes the value as the samples do: a line for each member, indented by one space.
    ///
    /// # Panics
    /// Never: member names are texts, and a `Vec` takes all bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, layout);
        self.serialize(&mut serializer).expect("the names are texts, and a Vec takes all bytes");
        bytes
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A whole number.
    pub fn whole(number: i64) -> Self {
        Self::Number(number.into())
    }

    /// An object.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The member at the end of `path` (names joined by `.`).
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, name| match value {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        })
    }

    /// The text at the end of `path`, or an empty text.
    pub fn text_at(&self, path: &str) -> &str {
        match self.at(path) {
            Some(Self::Text(text)) => text,
            _ => "",
        }
    }

    /// The first member of that name, at any depth, in document order.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => {
                if let Some(place) = members.iter().position(|(known, _)| known == name) {
                    return Some(&mut members[place].1);
                }
                members.iter_mut().find_map(|(_, value)| value.find_mut(name))
            }
            Self::List(items) => items.iter_mut().find_map(|item| item.find_mut(name)),
            _ => None,
        }
    }

    /// Takes out the first member of that name, at any depth. Whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        match self {
            Self::Object(members) => {
                if let Some(place) = members.iter().position(|(known, _)| known == name) {
                    members.remove(place);
                    return true;
                }
                members.iter_mut().any(|(_, value)| value.remove(name))
            }
            Self::List(items) => items.iter_mut().any(|item| item.remove(name)),
            _ => false,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("a number without a finite value"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, Json>()? {
            if members.len() >= MEMBERS_MAX {
                return Err(A::Error::custom("an object with too many members"));
            }
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("member {name} stands twice")));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_refuses_a_second_member() {
        let json = Json::parse(b"{\"b\":[1,null,true],\"a\":{\"c\":\"x\"}}").unwrap();
        assert_eq!(json.write(), b"{\n \"b\": [\n  1,\n  null,\n  true\n ],\n \"a\": {\n  \"c\": \"x\"\n }\n}");
        assert_eq!(json.text_at("a.c"), "x");
        assert!(Json::parse(b"{\"a\":1,\"a\":1}").unwrap_err().contains("twice"));
        assert!(Json::parse(b"{\"a\":1} 2").is_err());
    }

    #[test]
    fn finds_and_removes_at_any_depth() {
        let mut json = Json::parse(b"{\"list\":[{\"x\":1},{\"x\":2}]}").unwrap();
        *json.find_mut("x").unwrap() = Json::whole(3);
        assert!(json.remove("x"));
        assert_eq!(json, Json::parse(b"{\"list\":[{},{\"x\":2}]}").unwrap());
        assert!(!json.remove("y"));
    }
}
