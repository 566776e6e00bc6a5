//! Escaping text for JSON and XML, and the way back.
//!
//! Runs without special characters are copied whole. Text that cannot be carried at all is an error that names the
//! character; it is never replaced or dropped. It deliberately does not know where in a document it writes.

mod back;

pub use back::text;
pub use back::unescape;

pub(super) use back::json_escape;
pub(super) use back::xml_reference;

use crate::domain::format::scan;

/// Appends `text` as the inside of a JSON string. Only what JSON demands is escaped; other characters stay UTF-8.
pub fn json(out: &mut Vec<u8>, text: &[u8]) {
    let mut run = 0;
    loop {
        let stop = scan::json_stop(text, run);
        out.extend_from_slice(&text[run..stop]);
        let Some(byte) = text.get(stop) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(DIGITS[usize::from(other >> 4)]);
                out.push(DIGITS[usize::from(other & 15)]);
            }
        }
        run = stop + 1;
    }
}

/// Appends `text`, which is UTF-8, as XML text. `>` is always escaped, so `]]>` can never appear; a carriage return
/// is written as a reference, or it would be read as a line feed.
///
/// # Errors
/// The first character that XML 1.0 cannot carry in any form. What was appended so far stays in `out`.
pub fn xml_text(out: &mut Vec<u8>, text: &[u8]) -> Result<(), char> {
    xml(out, text, scan::xml_stop, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#13;"),
        _ => None,
    })
}

/// Appends `text` as an attribute value that stands in double quotes. Tabs and line ends are written as references,
/// or they would be read as spaces.
///
/// # Errors
/// As [`xml_text`].
pub fn xml_attribute(out: &mut Vec<u8>, text: &[u8]) -> Result<(), char> {
    xml(out, text, scan::attribute_stop, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'"' => Some(b"&quot;"),
        b'\r' => Some(b"&#13;"),
        b'\n' => Some(b"&#10;"),
        b'\t' => Some(b"&#9;"),
        _ => None,
    })
}

/// Appends `text` as XML text of a document that itself stands, escaped, in XML text.
///
/// # Errors
/// As [`xml_text`].
pub fn xml_text_twice(out: &mut Vec<u8>, text: &[u8]) -> Result<(), char> {
    xml(out, text, scan::xml_stop, |byte| match byte {
        b'&' => Some(b"&amp;amp;"),
        b'<' => Some(b"&amp;lt;"),
        b'>' => Some(b"&amp;gt;"),
        b'\r' => Some(b"&amp;#13;"),
        _ => None,
    })
}

/// Copies runs up to what `stop` finds and writes the byte there as `replace` says, or as it is.
#[inline]
fn xml(
    out: &mut Vec<u8>,
    text: &[u8],
    stop: impl Fn(&[u8], usize) -> usize,
    replace: impl Fn(u8) -> Option<&'static [u8]>,
) -> Result<(), char> {
    let mut run = 0;
    let mut at = 0;
    loop {
        at = stop(text, at);
        let Some(byte) = text.get(at) else {
            out.extend_from_slice(&text[run..]);
            return Ok(());
        };
        if let Some(replacement) = replace(*byte) {
            out.extend_from_slice(&text[run..at]);
            out.extend_from_slice(replacement);
            run = at + 1;
        } else if *byte == 0xEF {
            if let Some(character @ ('\u{FFFE}' | '\u{FFFF}')) = scan::character_at(text, at) {
                return Err(character);
            }
        } else if !matches!(byte, b'\t' | b'\n') {
            return Err(char::from(*byte));
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>, &[u8]) -> Result<(), char>, text: &str) -> Result<String, char> {
        let mut out = Vec::new();
        write(&mut out, text.as_bytes()).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn json_escapes_what_it_must_and_nothing_else() {
        let mut out = Vec::new();
        json(&mut out, "引\"\\\n\r\t\u{1}\u{1f}\u{7f}/𬱖".as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), "引\\\"\\\\\\n\\r\\t\\u0001\\u001f\u{7f}/𬱖");
    }

    #[test]
    fn cdata_end_can_never_appear() {
        assert_eq!(
            written(xml_text, "租金含税<8400元&按季付]]>\r\n").as_deref(),
            Ok("租金含税&lt;8400元&amp;按季付]]&gt;&#13;\n")
        );
        assert_eq!(written(xml_text_twice, "a<b&c>d\r").as_deref(), Ok("a&amp;lt;b&amp;amp;c&amp;gt;d&amp;#13;"));
    }

    #[test]
    fn attributes_keep_quotes_and_line_ends() {
        assert_eq!(written(xml_attribute, "\"a'\n\t\r<").as_deref(), Ok("&quot;a'&#10;&#9;&#13;&lt;"));
    }

    #[test]
    fn what_xml_cannot_carry_is_named() {
        assert_eq!(written(xml_text, "12345678\u{0}"), Err('\u{0}'));
        assert_eq!(written(xml_text, "甲\u{B}"), Err('\u{B}'));
        assert_eq!(written(xml_attribute, "（甲）\u{FFFE}"), Err('\u{FFFE}'));
        assert_eq!(written(xml_text, "\u{FFFF}"), Err('\u{FFFF}'));
        assert_eq!(written(xml_text, "（￥）\u{FFFD}").as_deref(), Ok("（￥）\u{FFFD}"));
    }
}
