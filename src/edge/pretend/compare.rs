//! Whether two messages are the same, for tests, the demo and vendors: same elements, order and values.
//!
//! White space between XML elements, namespace prefixes, the way a text is escaped and the charset do not count;
//! namespace names, attributes, the order of elements and of JSON members do. A text that is itself an XML document
//! (a PACKAGE in CDATA) is compared as a document.
//!
//! It deliberately reports only the first difference, and shows the two values there: it is for made-up messages,
//! never for real ones.

use crate::edge::pretend::element::Element;
use crate::edge::pretend::json::Json;
use crate::edge::pretend::text::decode;

/// Compares two XML documents; the charset of each is what its declaration says, else UTF-8.
///
/// # Errors
/// The first difference: where, what `left` has and what `right` has; or why one of them is no document.
pub fn same_document(left: &[u8], right: &[u8]) -> Result<(), String> {
    same_document_in(left, None, right, None)
}

/// The same with the charset of each told from outside (as by a `Content-Type`), for declarations that are wrong.
///
/// # Errors
/// As for [`same_document`].
pub fn same_document_in(
    left: &[u8],
    left_charset: Option<&str>,
    right: &[u8],
    right_charset: Option<&str>,
) -> Result<(), String> {
    let left = document(left, left_charset).map_err(|reason| format!("left: {reason}"))?;
    let right = document(right, right_charset).map_err(|reason| format!("right: {reason}"))?;
    same_element(&left, &right, "")
}

/// Compares two JSON documents, the order of members included.
///
/// # Errors
/// As for [`same_document`].
pub fn same_json(left: &[u8], right: &[u8]) -> Result<(), String> {
    let left = Json::parse(left).map_err(|reason| format!("left: {reason}"))?;
    let right = Json::parse(right).map_err(|reason| format!("right: {reason}"))?;
    same_value(&left, &right, "$")
}

fn document(bytes: &[u8], charset: Option<&str>) -> Result<Element, String> {
    Element::parse(&decode(bytes, charset)?)
}

fn same_element(left: &Element, right: &Element, above: &str) -> Result<(), String> {
    let path = format!("{above}/{}", left.name);
    if (&left.namespace, &left.name) != (&right.namespace, &right.name) {
        let title = |element: &Element| format!("{{{}}}{}", element.namespace, element.name);
        return Err(differ(&path, "element", &title(left), &title(right)));
    }
    let sorted = |element: &Element| {
        let mut attributes = element.attributes.clone();
        attributes.sort();
        attributes
    };
    if sorted(left) != sorted(right) {
        return Err(differ(&path, "attributes", &format!("{:?}", sorted(left)), &format!("{:?}", sorted(right))));
    }
    if left.text != right.text {
        return match (nested(&left.text), nested(&right.text)) {
            (Some(left), Some(right)) => same_element(&left, &right, &format!("{path}!")),
            _ => Err(differ(&path, "text", &left.text, &right.text)),
        };
    }
    for (left, right) in left.children.iter().zip(&right.children) {
        same_element(left, right, &path)?;
    }
    let names = |element: &Element| element.children.iter().map(|child| child.name.clone()).collect::<Vec<_>>();
    if left.children.len() != right.children.len() {
        let place = left.children.len().min(right.children.len());
        let name = |element: &Element| names(element).get(place).cloned().unwrap_or_else(|| "(end)".to_owned());
        return Err(differ(&path, &format!("child {}", place + 1), &name(left), &name(right)));
    }
    Ok(())
}

/// The document that a text is, if it is one.
fn nested(text: &str) -> Option<Element> {
    let text = text.trim_start();
    text.starts_with('<').then(|| Element::parse(text).ok())?
}

fn same_value(left: &Json, right: &Json, path: &str) -> Result<(), String> {
    match (left, right) {
        (Json::List(left), Json::List(right)) => {
            for (place, (left, right)) in left.iter().zip(right).enumerate() {
                same_value(left, right, &format!("{path}[{place}]"))?;
            }
            if left.len() != right.len() {
                return Err(differ(path, "items", &left.len().to_string(), &right.len().to_string()));
            }
            Ok(())
        }
        (Json::Object(left), Json::Object(right)) => {
            for ((left_name, left), (right_name, right)) in left.iter().zip(right) {
                if left_name != right_name {
                    return Err(differ(path, "member", left_name, right_name));
                }
                same_value(left, right, &format!("{path}.{left_name}"))?;
            }
            if left.len() != right.len() {
                let place = left.len().min(right.len());
                let name = |members: &[(String, Json)]| {
                    members.get(place).map_or_else(|| "(end)".to_owned(), |(name, _)| name.clone())
                };
                return Err(differ(path, "member", &name(left), &name(right)));
            }
            Ok(())
        }
        _ if left == right => Ok(()),
        _ => {
            let shown = |value: &Json| String::from_utf8_lossy(&value.write()).into_owned();
            Err(differ(path, "value", &shown(left), &shown(right)))
        }
    }
}

fn differ(path: &str, what: &str, left: &str, right: &str) -> String {
    let short = |text: &str| match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    format!("{path}: {what} differs: left “{}”, right “{}”", short(left), short(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::pretend::text::gb18030;

    #[test]
    fn what_does_not_count() {
        same_document(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><p:a xmlns:p='urn:1' y='2' x='1'><b>刘</b></p:a>".as_bytes(),
            &gb18030(
                "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<a xmlns='urn:1' x='1' y='2'>\n<b xmlns=''>刘</b>\n</a>\n",
            ),
        )
        .unwrap();
        same_document(
            b"<a><![CDATA[<?xml version=\"1.0\" encoding=\"GBK\"?>\n<P>\n<X>&lt;</X></P>]]></a>",
            b"<a>&lt;P>&lt;X>&amp;#60;&lt;/X>&lt;/P></a>",
        )
        .unwrap();
        same_document_in(
            b"<?xml version='1.0' encoding='GBK'?><a>\xE5\x88\x98</a>",
            Some("utf-8"),
            "<a>刘</a>".as_bytes(),
            None,
        )
        .unwrap();
    }

    #[test]
    fn what_counts_is_told_with_its_place() {
        for (left, right, place) in [
            ("<a><b>1</b></a>", "<a><b>2</b></a>", "/a/b: text"),
            ("<a><b/><c/></a>", "<a><c/><b/></a>", "/a/b: element"),
            ("<a><b/></a>", "<a><b/><b/></a>", "/a: child 2"),
            ("<a><b/></a>", "<a xmlns='urn:1'><b/></a>", "/a: element"),
            ("<a><b n='1'/></a>", "<a><b n='2'/></a>", "/a/b: attributes"),
            ("<a>1</a>", "<a> 1</a>", "/a: text"),
            ("<a>&lt;P>1&lt;/P></a>", "<a>&lt;P>2&lt;/P></a>", "/a!/P: text"),
            ("<a", "<a/>", "left: "),
        ] {
            let difference = same_document(left.as_bytes(), right.as_bytes()).unwrap_err();
            assert!(difference.starts_with(place), "{difference}");
        }
    }

    #[test]
    fn json_with_member_order() {
        same_json(b"{\"a\": [1, {\"b\": null}]}", b"{\"a\":[1,{\"b\":null}]}").unwrap();
        for (left, right, place) in [
            ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "$: member"),
            ("{\"a\":1}", "{\"a\":1,\"b\":2}", "$: member differs: left “(end)”, right “b”"),
            ("{\"a\":[1]}", "{\"a\":[1,2]}", "$.a: items"),
            ("{\"a\":[1]}", "{\"a\":[\"1\"]}", "$.a[0]: value"),
            ("{\"a\":null}", "{\"a\":\"\"}", "$.a: value"),
            ("{\"a\":1,\"a\":1}", "{\"a\":1}", "left: "),
        ] {
            let difference = same_json(left.as_bytes(), right.as_bytes()).unwrap_err();
            assert!(difference.starts_with(place), "{difference}");
        }
    }
}
