//! Documents as lists of leaves, to compare two of them: same places, same order, same values; white space between
//! elements aside. It leans on none of the mapping engine's own readers, so that it is a second opinion.

use encoding_rs::Encoding;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// A place and what stands there.
pub(super) type Leaf = (String, String);

/// The leaves of a document, whatever its form: JSON, XML (documents nested in text included), a form, or lines.
pub(super) fn leaves(bytes: &[u8]) -> Result<Vec<Leaf>, String> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let mut found = Vec::new();
    match bytes.get(start) {
        Some(b'{' | b'[') => {
            let value = serde_json::from_slice(bytes).map_err(|error| format!("不是 JSON：{error}"))?;
            json("", &value, &mut found);
        }
        Some(b'<') => xml(&text_of(bytes), "", &mut found)?,
        _ => form(bytes, &mut found)?,
    }
    Ok(found)
}

/// UTF-8 where it is that, else GB18030: the declarations of these dialects are not to be trusted.
fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| decode(encoding_rs::GB18030, bytes), str::to_owned)
}

fn decode(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn json(path: &str, value: &Value, found: &mut Vec<Leaf>) {
    match value {
        Value::Object(members) => {
            if members.is_empty() {
                found.push((path.to_owned(), "{}".into()));
            }
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                json(&path, member, found);
            }
        }
        Value::Array(items) => {
            if items.is_empty() {
                found.push((path.to_owned(), "[]".into()));
            }
            items.iter().enumerate().for_each(|(index, item)| json(&format!("{path}[{index}]"), item, found));
        }
        other => found.push((path.to_owned(), other.to_string())),
    }
}

struct Open {
    path: String,
    text: String,
    children: usize,
}

fn xml(text: &str, above: &str, found: &mut Vec<Leaf>) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut stack: Vec<Open> = Vec::new();
    let wrong = |error: &dyn std::fmt::Display| format!("不是 XML：{error}");
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(start) => open(&start, above, &mut stack, found)?,
            Event::Empty(start) => {
                open(&start, above, &mut stack, found)?;
                close(&mut stack, found)?;
            }
            Event::End(_) => close(&mut stack, found)?,
            Event::Text(piece) => append(&mut stack, &piece),
            Event::CData(piece) => append(&mut stack, &piece),
            Event::GeneralRef(name) => {
                let character = match &*name {
                    "lt" => "<".to_owned(),
                    "gt" => ">".to_owned(),
                    "amp" => "&".to_owned(),
                    "quot" => "\"".to_owned(),
                    "apos" => "'".to_owned(),
                    _ => name
                        .resolve_char_ref()
                        .map_err(|error| wrong(&error))?
                        .map(String::from)
                        .ok_or("不认识的实体")?,
                };
                append(&mut stack, &character);
            }
            Event::Eof => return Ok(()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn append(stack: &mut [Open], text: &str) {
    if let Some(open) = stack.last_mut() {
        open.text.push_str(text);
    }
}

fn open(
    start: &quick_xml::events::BytesStart<'_>,
    above: &str,
    stack: &mut Vec<Open>,
    found: &mut Vec<Leaf>,
) -> Result<(), String> {
    let name = start.local_name();
    let mut path = format!("{}/{}", stack.last().map_or(above, |open| &open.path), name.as_ref());
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("属性不对：{error}"))?;
        let key = attribute.key.as_ref();
        if !key.starts_with("xmlns") {
            attributes.push((key.to_owned(), attribute.value.to_string()));
        }
    }
    // An element that is known by its `name` has it in its path.
    if let Some((_, name)) = attributes.iter().find(|(key, _)| key == "name") {
        path = format!("{path}#{name}");
    }
    if let Some(parent) = stack.last_mut() {
        parent.children += 1;
    }
    found.extend(attributes.into_iter().map(|(key, value)| (format!("{path}/@{key}"), value)));
    stack.push(Open { path, text: String::new(), children: 0 });
    Ok(())
}

fn close(stack: &mut Vec<Open>, found: &mut Vec<Leaf>) -> Result<(), String> {
    let Some(open) = stack.pop() else { return Err("结束标记多了".into()) };
    let text = open.text.trim();
    if open.children > 0 {
        return Ok(());
    }
    if text.starts_with("<?xml") || (text.starts_with('<') && text.ends_with('>')) {
        return xml(text, &open.path, found);
    }
    found.push((open.path, text.to_owned()));
    Ok(())
}

fn form(bytes: &[u8], found: &mut Vec<Leaf>) -> Result<(), String> {
    for pair in bytes.split(|byte| *byte == b'&') {
        let at = pair.iter().position(|byte| *byte == b'=').ok_or("不是表单")?;
        let name = String::from_utf8_lossy(&pair[..at]).into_owned();
        let mut value = Vec::new();
        let mut rest = &pair[at + 1..];
        while let Some((first, more)) = rest.split_first() {
            let hex = more
                .get(..2)
                .and_then(|hex| std::str::from_utf8(hex).ok())
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            match (first, hex) {
                (b'%', Some(byte)) => {
                    value.push(byte);
                    rest = &more[2..];
                }
                (b'+', _) => {
                    value.push(b' ');
                    rest = more;
                }
                (byte, _) => {
                    value.push(*byte);
                    rest = more;
                }
            }
        }
        let text = text_of(&value);
        if text.trim_start().starts_with('<') {
            xml(&text, &name, found)?;
        } else {
            found.push((name, text));
        }
    }
    Ok(())
}

/// The first difference of two documents, places below `ignored` left out; `None` where there is none.
pub(super) fn difference(expected: &[u8], found: &[u8], ignored: &[String]) -> Result<Option<String>, String> {
    let keep = |list: Vec<Leaf>| {
        list.into_iter().filter(|(path, _)| !ignored.iter().any(|ignored| below(path, ignored))).collect::<Vec<_>>()
    };
    let (expected, found) = (keep(leaves(expected)?), keep(leaves(found)?));
    for (index, leaf) in expected.iter().enumerate() {
        match found.get(index) {
            None => return Ok(Some(format!("缺少 {} = {}", leaf.0, leaf.1))),
            Some(other) if other != leaf => {
                return Ok(Some(format!("应为 {} = {}，得到 {} = {}", leaf.0, leaf.1, other.0, other.1)));
            }
            Some(_) => {}
        }
    }
    Ok(found.get(expected.len()).map(|leaf| format!("多出 {} = {}", leaf.0, leaf.1)))
}

/// True where a path is an ignored one or lies below it; positions in lists do not count, and `/` begins anywhere.
fn below(path: &str, ignored: &str) -> bool {
    let (plain, ignored) = (without_positions(path), without_positions(ignored));
    let rest = |rest: &str| rest.is_empty() || rest.starts_with(['.', '/', '#']);
    plain.strip_prefix(&ignored).is_some_and(rest)
        || plain.match_indices(&format!("/{ignored}")).any(|(at, found)| rest(&plain[at + found.len()..]))
        || plain
            .match_indices(&format!("#{}", ignored.rsplit('/').next().unwrap_or_default()))
            .any(|(at, found)| rest(&plain[at + found.len()..]))
}

fn without_positions(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_elements_does_not_count_and_order_does() {
        let same = |left: &str, right: &str| difference(left.as_bytes(), right.as_bytes(), &[]).unwrap();
        assert_eq!(same("<a>\n<b>1</b><c/></a>", "<a><b>1</b><c></c></a>"), None);
        assert!(same("<a><b>1</b><c/></a>", "<a><c/><b>1</b></a>").is_some());
        assert!(same(r#"{"a":1,"b":null}"#, r#"{"b":null,"a":1}"#).is_some());
        assert!(same(r#"{"a":1}"#, r#"{"a":"1"}"#).is_some());
        assert_eq!(
            same(
                "<x><![CDATA[<?xml version=\"1.0\"?><p><q>&lt;</q></p>]]></x>",
                "<x>&lt;p&gt;&lt;q&gt;&amp;lt;&lt;/q&gt;&lt;/p&gt;</x>"
            ),
            None
        );
    }

    #[test]
    fn ignored_places() {
        let ignored = ["data.b".to_owned()];
        assert_eq!(difference(br#"{"data":{"a":1,"b":{"c":2}}}"#, br#"{"data":{"a":1}}"#, &ignored).unwrap(), None);
        assert!(difference(br#"{"data":{"a":1,"bb":2}}"#, br#"{"data":{"a":1}}"#, &ignored).unwrap().is_some());
    }
}
