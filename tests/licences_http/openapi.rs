//! `docs/openapi.yaml` against the program: its routes, and every answer that a test gets.

use jingyue::exchange::licence_routes;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.yaml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    })
}

/// Follows `$ref`.
fn followed(mut value: &'static Value) -> &'static Value {
    while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        let pointer = reference.strip_prefix('#').unwrap();
        value = document().pointer(pointer).unwrap_or_else(|| panic!("no {reference}"));
    }
    value
}

/// The path of the document that a path of a request is one of.
fn template(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (given, wanted): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        given.len() == wanted.len()
            && given.iter().zip(&wanted).all(|(given, wanted)| given == wanted || wanted.starts_with('{'))
    };
    let paths = document()["paths"].as_object().unwrap();
    paths.keys().map(String::as_str).find(|template| fits(template))
}

/// Checks an answer of the program; what is no licence call, and what the program has no route for, is left alone.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, status: u16, body: &[u8]) {
    let Some(template) = template(path) else { return };
    let Some(operation) = document()["paths"][template].get(method.to_ascii_lowercase()) else { return };
    let responses = &operation["responses"];
    let response = followed(responses.get(status.to_string()).unwrap_or(&responses["default"]));
    let schema = &response["content"]["application/json"]["schema"];
    let told: Value = serde_json::from_slice(body).unwrap();
    let mut faults = Vec::new();
    compare(&told, schema, "$", &mut faults);
    assert!(faults.is_empty(), "{method} {path} {status}: {faults:?}\n{told}");
}

/// The part of JSON Schema that the document uses; an object has no members but those that are named.
fn compare(told: &Value, schema: &'static Value, place: &str, faults: &mut Vec<String>) {
    let schema = followed(schema);
    let is = |word: &str| match word {
        "object" => told.is_object(),
        "array" => told.is_array(),
        "string" => told.is_string(),
        "integer" => told.is_i64() || told.is_u64(),
        "boolean" => told.is_boolean(),
        "null" => told.is_null(),
        other => panic!("no type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(word) => is(word),
        Value::Array(words) => words.iter().any(|word| is(word.as_str().unwrap())),
        _ => panic!("{place} has no type"),
    };
    if !fits || schema.get("enum").is_some_and(|values| !values.as_array().unwrap().contains(told)) {
        faults.push(format!("{place}: {told}"));
        return;
    }
    if let Some(members) = told.as_object() {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        faults.extend(required.filter(|name| !members.contains_key(*name)).map(|name| format!("{place} lacks {name}")));
        for (name, value) in members {
            match schema["properties"].get(name) {
                Some(schema) => compare(value, schema, &format!("{place}.{name}"), faults),
                None if schema["additionalProperties"] == true => {}
                None => faults.push(format!("{place}.{name} is not in the document")),
            }
        }
    }
    for (index, value) in told.as_array().into_iter().flatten().enumerate() {
        compare(value, &schema["items"], &format!("{place}[{index}]"), faults);
    }
}

#[test]
fn the_document_has_the_routes_of_the_program() {
    let ours: BTreeSet<(String, String)> =
        licence_routes().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    let paths = document()["paths"].as_object().unwrap();
    let told: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    assert_eq!(told, ours);
    // Every reference leads somewhere.
    let mut open = vec![document()];
    let mut references = 0;
    while let Some(value) = open.pop() {
        if value.get("$ref").is_some() {
            followed(value);
            references += 1;
        }
        open.extend(value.as_object().into_iter().flat_map(|members| members.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    assert!(references > 20);
}

#[test]
fn an_answer_that_differs_is_seen() {
    let schema = &document()["components"]["schemas"]["Matched"];
    let faults = |told: Value| {
        let mut faults = Vec::new();
        compare(&told, schema, "$", &mut faults);
        faults.len()
    };
    let right = serde_json::json!({ "requestId": null, "result": 0, "textZh": "", "receipt": "" });
    assert_eq!(faults(right.clone()), 0);
    for (name, value) in [("result", serde_json::json!(8)), ("receipt", Value::Null), ("more", serde_json::json!(1))] {
        let mut wrong = right.clone();
        wrong[name] = value;
        assert_eq!(faults(wrong), 1, "{name}");
    }
    assert_eq!(faults(serde_json::json!({})), 4);
}
