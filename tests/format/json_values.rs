//! JSON compared with serde_json: the same documents are accepted, and the same values found.

use crate::shape::Shape;
use crate::shape::at;
use crate::shape::items;
use jingyue::domain::format::Kind;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::escape;
use jingyue::domain::format::json;
use proptest::prelude::*;
use serde_json::Value;

const NAMES: [&str; 6] = ["a", "name", "姓名", "certificateNumber", "x\"y", "eightchr"];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Eighths, which any parser of doubles gives back exactly.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".{0,24}".prop_map(Value::from),
        "[\\x00-\\x7f𬱖刘\\u{FFFF}]{0,24}".prop_map(Value::from),
    ]
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::hash_map(prop::sample::select(&NAMES[..]), value, 0..6)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

/// Writes `value` in one of many ways: white space and escapes where `style` says so.
fn write(value: &Value, style: &mut impl Iterator<Item = u8>, out: &mut String) {
    let mut pause = |out: &mut String| match style.next().unwrap_or(0) % 8 {
        0 => out.push(' '),
        1 => out.push_str("\r\n\t            "),
        _ => {}
    };
    pause(out);
    match value {
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(&Value::from(name.as_str()), style, out);
                out.push(':');
                write(value, style, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(item, style, out);
            }
            out.push(']');
        }
        Value::String(text) if style.next().unwrap_or(0).is_multiple_of(4) => {
            out.push('"');
            let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            out.push_str(&units.concat());
            out.push('"');
        }
        Value::String(text) => {
            let mut escaped = Vec::new();
            escape::json(&mut escaped, text.as_bytes());
            out.push('"');
            out.push_str(std::str::from_utf8(&escaped).unwrap());
            out.push('"');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// What a place should hold for `value`.
fn expected(value: Option<&Value>) -> (Kind, Option<String>) {
    match value {
        None => (Kind::Missing, None),
        Some(Value::Null) => (Kind::Null, None),
        Some(Value::Bool(true)) => (Kind::True, None),
        Some(Value::Bool(false)) => (Kind::False, None),
        Some(Value::Number(number)) => (Kind::Number, Some(number.to_string())),
        Some(Value::String(text)) => (Kind::Text, Some(text.clone())),
        Some(_) => (Kind::Object, None),
    }
}

fn compare(found: &(Kind, String), value: Option<&Value>) {
    let (kind, text) = expected(value);
    let found_kind = if found.0 == Kind::JsonEscaped { Kind::Text } else { found.0 };
    assert_eq!(found_kind, kind);
    if let Some(text) = text {
        assert_eq!(found.1, text);
    }
}

fn shape() -> Shape {
    let mut shape = Shape::new();
    for name in NAMES {
        shape.leaf(name);
    }
    for name in NAMES {
        shape.leaf(&format!("inner/{name}"));
    }
    shape.list("list", &NAMES);
    shape
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_same_values(
        outer in object(prop_oneof![scalar(), object(scalar()), prop::collection::vec(scalar(), 0..3).prop_map(Value::from)]),
        inner in object(scalar()),
        list in prop::collection::vec(prop_oneof![scalar(), object(scalar())], 0..5),
        style in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut whole = outer.clone();
        whole["inner"] = inner.clone();
        whole["list"] = Value::from(list.clone());
        let mut text = String::new();
        write(&whole, &mut style.into_iter().cycle(), &mut text);
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), whole);

        let shape = shape();
        let mut scratch = Scratch::default();
        json::read(&shape.tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).unwrap();
        let input = text.as_bytes();
        for (number, name) in (1..).zip(NAMES) {
            compare(&at(&scratch, input, 0, number), outer.get(name));
            compare(&at(&scratch, input, 0, number + 7), inner.get(name));
        }
        let frames = items(&scratch, 14);
        prop_assert_eq!(frames.len(), list.len());
        for (frame, item) in frames.into_iter().zip(&list) {
            for (number, name) in (1..).zip(NAMES) {
                compare(&at(&scratch, input, frame, number), item.get(name));
            }
            compare(&at(&scratch, input, frame, 7), Some(item).filter(|item| !item.is_object()));
        }
        prop_assert!(scratch.duplicates.is_empty());
        prop_assert_eq!(scratch.undeclared, 0);
    }

    #[test]
    fn the_same_documents(
        outer in object(prop_oneof![scalar(), object(scalar()), prop::collection::vec(scalar(), 0..3).prop_map(Value::from)]),
        style in prop::collection::vec(any::<u8>(), 1..64),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, prop::sample::select(&b"{}[]\",:\\u0019eE+-.tnfd8 \n\t\x00\x1f\x7f\xe5\x88\xff/'"[..])), 1..4),
    ) {
        let mut text = String::new();
        write(&outer, &mut style.into_iter().cycle(), &mut text);
        let mut bytes = text.into_bytes();
        for (place, how, byte) in cuts {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => { bytes.remove(place); }
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        let theirs = serde_json::from_slice::<Value>(&bytes);
        // Numbers beyond a double are grammar all the same; scalars and arrays as documents are not for this tree.
        let comparable = match &theirs {
            Ok(value) => value.is_object(),
            Err(error) => !error.to_string().contains("out of range"),
        };
        if comparable {
            let ours = json::read(&shape().tree, 0, &bytes, &mut Scratch::default(), &Limits::default());
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?} {:?}", String::from_utf8_lossy(&bytes), ours, theirs);
        }
    }
}
