//! XML compared with quick-xml: of every document that we accept, it finds the same texts.

use crate::shape::Shape;
use crate::shape::at;
use jingyue::domain::format::Kind;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::escape;
use jingyue::domain::format::xml;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::HashMap;

const NAMES: [&str; 5] = ["a", "XINGMING", "姓名", "certificateNumber", "x-1.y"];

/// The texts of the root's children by name, the first of each; none for those with children of their own.
fn theirs(text: &str) -> Result<HashMap<String, Option<String>>, String> {
    let mut reader = Reader::from_str(text);
    let (mut found, mut open) = (HashMap::new(), Vec::<(String, Option<String>)>::new());
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let piece = match event {
            Event::Eof => return Ok(found),
            Event::Start(tag) => {
                if let Some((_, text)) = open.last_mut() {
                    *text = None;
                }
                open.push((tag.name().as_ref().to_string(), Some(String::new())));
                continue;
            }
            Event::Empty(tag) => {
                if let Some((_, text)) = open.last_mut() {
                    *text = None;
                }
                if open.len() == 1 {
                    let name = tag.name().as_ref().to_string();
                    found.entry(name).or_insert(Some(String::new()));
                }
                continue;
            }
            Event::End(_) => {
                let (name, text) = open.pop().ok_or("end without start")?;
                if open.len() == 1 {
                    found.entry(name).or_insert(text);
                }
                continue;
            }
            Event::Text(text) => text.xml10_content().into_owned(),
            Event::CData(text) => text.xml10_content().into_owned(),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                let name = reference.xml10_content();
                match character {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name).ok_or("unknown entity")?.to_string(),
                }
            }
            _ => continue,
        };
        if let Some((_, Some(text))) = open.last_mut() {
            text.push_str(&piece);
        }
    }
}

fn compare(text: &str) -> Result<bool, TestCaseError> {
    let mut shape = Shape::new();
    let slots = NAMES.map(|name| shape.leaf(&format!("R/{name}")));
    let mut scratch = Scratch::default();
    if xml::read(&shape.tree, 0, text.as_bytes(), &mut scratch, &Limits::default()).is_err() {
        return Ok(false);
    }
    if scratch.slot(0, 1).kind != Kind::Object {
        return Ok(true);
    }
    let theirs = theirs(text).map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
    for (slot, name) in slots.into_iter().zip(NAMES) {
        let (kind, found) = at(&scratch, text.as_bytes(), 0, slot);
        match theirs.get(name) {
            None => prop_assert_eq!(kind, Kind::Missing, "{:?}", text),
            Some(None) => prop_assert_eq!(kind, Kind::Object, "{:?}", text),
            Some(Some(expected)) => prop_assert_eq!(&found, expected, "{:?}", text),
        }
    }
    Ok(true)
}

/// One child of the root: name, text, style, and how it is closed.
fn child() -> impl Strategy<Value = String> {
    let text = "[ -~\\n\\r\\t刘𬱖\\]>&<]{0,20}";
    (prop::sample::select(&NAMES[..]), text, 0_u8..6).prop_map(|(name, text, style)| {
        let mut escaped = Vec::new();
        escape::xml_text(&mut escaped, text.as_bytes()).unwrap();
        let escaped = String::from_utf8(escaped).unwrap();
        let section = text.replace("]]>", "]]]]><![CDATA[>");
        match style {
            0 => format!("<{name}/>"),
            1 => format!("<{name} id='1' x=\"&lt;\"><![CDATA[{section}]]></{name}\n>"),
            2 => format!("<{name}>{escaped}<!-- c --><![CDATA[{section}]]><?p i?>{escaped}</{name}>"),
            3 => format!("\n    <{name}><child>{escaped}</child></{name}>\n"),
            4 => format!("<other><{name}>{escaped}</{name}></other>"),
            _ => format!("<{name}>{escaped}</{name}>"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_same_texts(children in prop::collection::vec(child(), 0..8)) {
        let text = format!("<?xml version=\"1.0\"?>\n<R>{}</R>\n", children.concat());
        prop_assert!(compare(&text)?, "{:?}", text);
    }

    #[test]
    fn the_same_texts_after_damage(
        children in prop::collection::vec(child(), 1..4),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, prop::sample::select("<>/&;!?[]-='\" \n\raR#x刘".chars().collect::<Vec<_>>())), 1..3),
    ) {
        let mut text: Vec<char> = format!("<R>{}</R>", children.concat()).chars().collect();
        for (place, how, character) in cuts {
            let place = place.index(text.len());
            match how {
                0 => text[place] = character,
                1 => text.insert(place, character),
                _ => { text.remove(place); }
            }
        }
        compare(&text.into_iter().collect::<String>())?;
    }
}
