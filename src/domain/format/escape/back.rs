//! From escaped text back to text: JSON escapes, XML references, CDATA sections, comments.
//!
//! The readers check every escape when they note a slot, so on a noted slot nothing here fails.
//! It deliberately knows no entity but the five predefined ones.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;

/// The text of a slot, given its kind and raw bytes. Plain text costs nothing; escaped text is decoded into `spare`,
/// whose earlier content is lost. Of raw bytes that no reader has noted and that are broken, the part before the
/// first broken escape is given.
pub fn text<'a>(kind: Kind, raw: &'a [u8], spare: &'a mut Vec<u8>) -> &'a [u8] {
    match kind {
        Kind::JsonEscaped | Kind::XmlEscaped => {
            spare.clear();
            let outcome = unescape(kind, raw, spare);
            debug_assert!(outcome.is_ok(), "a noted slot holds only checked escapes");
            spare
        }
        _ => raw,
    }
}

/// Appends the text that `raw` stands for. Kinds other than the two escaped ones are copied.
///
/// # Errors
/// [`Fault::Malformed`] at the first broken escape, with the offset in `raw`.
pub fn unescape(kind: Kind, raw: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    match kind {
        Kind::JsonEscaped => json(raw, out),
        Kind::XmlEscaped => xml(raw, out),
        _ => {
            out.extend_from_slice(raw);
            Ok(())
        }
    }
}

fn json(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut run = 0;
    while let Some(length) = memchr::memchr(b'\\', &raw[run..]) {
        let at = run + length;
        out.extend_from_slice(&raw[run..at]);
        let (character, taken) =
            json_escape(raw, at).ok_or(Fault::Malformed { format: "JSON", offset: at, reason: "转义不正确" })?;
        push(out, character);
        run = at + taken;
    }
    out.extend_from_slice(&raw[run..]);
    Ok(())
}

fn xml(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut run = 0;
    while let Some(length) = memchr::memchr3(b'&', b'<', b'\r', &raw[run..]) {
        let at = run + length;
        out.extend_from_slice(&raw[run..at]);
        let fault = |reason| Fault::Malformed { format: "XML", offset: at, reason };
        let rest = &raw[at..];
        run = if rest.starts_with(b"&") {
            let (character, taken) = xml_reference(raw, at).ok_or_else(|| fault("引用不正确"))?;
            push(out, character);
            at + taken
        } else if rest.starts_with(b"\r") {
            out.push(b'\n');
            at + if rest.starts_with(b"\r\n") { 2 } else { 1 }
        } else if let Some(inside) = rest.strip_prefix(b"<![CDATA[") {
            let length = memchr::memmem::find(inside, b"]]>").ok_or_else(|| fault("CDATA 没有结束"))?;
            push_lines(out, &inside[..length]);
            at + 9 + length + 3
        } else {
            // A comment or a processing instruction: no part of the text.
            let (opening, closing): (usize, &[u8]) = if rest.starts_with(b"<!--") { (4, b"-->") } else { (2, b"?>") };
            if opening == 2 && !rest.starts_with(b"<?") {
                return Err(fault("文本中有标签"));
            }
            let length =
                memchr::memmem::find(&rest[opening..], closing).ok_or_else(|| fault("注释或处理指令没有结束"))?;
            at + opening + length + closing.len()
        };
    }
    out.extend_from_slice(&raw[run..]);
    Ok(())
}

/// Line ends as XML reads them: a carriage return, alone or before a line feed, is a line feed.
fn push_lines(out: &mut Vec<u8>, mut text: &[u8]) {
    while let Some(at) = memchr::memchr(b'\r', text) {
        out.extend_from_slice(&text[..at]);
        out.push(b'\n');
        text = &text[at + 1..];
        text = text.strip_prefix(b"\n").unwrap_or(text);
    }
    out.extend_from_slice(text);
}

fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The JSON escape whose backslash is at `at`: its character and the bytes it takes. A surrogate counts only as the
/// first of a pair.
pub(in crate::domain::format) fn json_escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let simple = |character| Some((character, 2));
    match bytes.get(at + 1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{C}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let first = four_digits(bytes, at + 2)?;
            if !(0xD800..0xDC00).contains(&first) {
                return Some((char::from_u32(first)?, 6));
            }
            if bytes.get(at + 6..at + 8)? != b"\\u" {
                return None;
            }
            let second = four_digits(bytes, at + 8)?;
            if !(0xDC00..0xE000).contains(&second) {
                return None;
            }
            let character = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Some((char::from_u32(character)?, 12))
        }
        _ => None,
    }
}

fn four_digits(bytes: &[u8], at: usize) -> Option<u32> {
    let mut number = 0;
    for byte in bytes.get(at..at + 4)? {
        number = number * 16 + char::from(*byte).to_digit(16)?;
    }
    Some(number)
}

/// The XML reference whose `&` is at `at`: its character and the bytes it takes. Only the five predefined entities
/// and characters that XML 1.0 allows.
pub(in crate::domain::format) fn xml_reference(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let rest = bytes.get(at..)?;
    for (name, character) in [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\'')] {
        if rest.starts_with(name.as_bytes()) {
            return Some((character, name.len()));
        }
    }
    let (radix, digits_at) = if rest.starts_with(b"&#x") { (16, 3) } else { (10, 2) };
    if !rest.starts_with(b"&#") {
        return None;
    }
    let mut number = 0_u32;
    for (place, byte) in rest.iter().enumerate().skip(digits_at) {
        if *byte == b';' && place > digits_at {
            return char::from_u32(number).filter(|character| is_xml_character(*character)).map(|c| (c, place + 1));
        }
        number = number.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?)?;
    }
    None
}

/// Whether XML 1.0 allows the character (production 2, Char).
const fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(kind: Kind, raw: &str) -> Option<String> {
        let mut out = Vec::new();
        unescape(kind, raw.as_bytes(), &mut out).ok().map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn json_escapes() {
        let all = r#"\"\\\/\b\f\n\r\t\u0041\u5218\uD873\uDC56甲"#;
        assert_eq!(back(Kind::JsonEscaped, all).as_deref(), Some("\"\\/\u{8}\u{C}\n\r\tA刘𬱖甲"));
        for broken in [r"\", r"\x", r"\u12", r"\u12g4", r"\uD800", r"\uD800\u0041", r"\uDC00", r"\u+123", r"\ud800\n"] {
            assert_eq!(back(Kind::JsonEscaped, broken), None, "{broken}");
        }
    }

    #[test]
    fn xml_references_sections_and_comments() {
        let all = "a&lt;&gt;&amp;&quot;&apos;&#65;&#x5218;&#x2CC56;<!-- -- 乙 --><![CDATA[<&amp;]]><?p q?>z\r\n\r&#13;";
        // Two hyphens in a comment are refused by the reader, not here.
        assert_eq!(back(Kind::XmlEscaped, all).as_deref(), Some("a<>&\"'A刘𬱖<&amp;z\n\n\r"));
        assert_eq!(back(Kind::XmlEscaped, "<![CDATA[a\r\nb\rc]]>").as_deref(), Some("a\nb\nc"));
        for broken in [
            "&",
            "&nbsp;",
            "&lt",
            "&#;",
            "&#x;",
            "&#xD800;",
            "&#0;",
            "&#x110000;",
            "&#99999999999;",
            "&#xFFFE;",
            "&#-1;",
            "&#+1;",
            "<![CDATA[",
            "<!--",
            "<?",
            "<b>",
            "&# 65;",
            "&#X41;",
            "&LT;",
        ] {
            assert_eq!(back(Kind::XmlEscaped, broken), None, "{broken}");
        }
    }

    #[test]
    fn plain_text_costs_nothing() {
        let mut spare = Vec::new();
        let raw = b"&amp;\\n";
        assert!(std::ptr::eq(text(Kind::Text, raw, &mut spare), raw));
        assert_eq!(text(Kind::XmlEscaped, b"&amp;", &mut spare), b"&");
        assert_eq!(text(Kind::JsonEscaped, b"\\n", &mut spare), b"\n");
    }
}
