//! Character sets and form bodies as the pretend cities read them, by hand and strictly.
//!
//! It deliberately never substitutes: bytes that are not text in the declared charset are refused.

use encoding_rs::Encoding;
use encoding_rs::GB18030;
use encoding_rs::UTF_8;

/// The text of a document. The charset is `hint` if given, else what the XML declaration says, else UTF-8;
/// all GB charsets are read as GB18030, which contains them.
///
/// # Errors
/// When the charset is not known, or some bytes are no text in it.
pub fn decode(bytes: &[u8], hint: Option<&str>) -> Result<String, String> {
    let declared = declared_charset(bytes);
    let label = hint.or(declared.as_deref()).unwrap_or("utf-8");
    let encoding = match Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding == UTF_8 => UTF_8,
        Some(encoding) if encoding == GB18030 || encoding.name() == "GBK" => GB18030,
        _ => return Err(format!("charset {label} is not spoken here")),
    };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| encoding == UTF_8).unwrap_or(bytes);
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| format!("bytes that are no {}", encoding.name()))
}

/// `text` in GB18030, which has every character.
pub fn gb18030(text: &str) -> Vec<u8> {
    GB18030.encode(text).0.into_owned()
}

/// What stands after `encoding=` in the XML declaration, if there is one.
fn declared_charset(bytes: &[u8]) -> Option<String> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.iter().position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let after = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    after[1..].split_once(quote).map(|(label, _)| label.to_owned())
}

/// Name and value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// The pairs of a form body, percent-decoded to bytes; a plus sign is a space.
///
/// # Errors
/// When a percent sign is not followed by two hexadecimal digits, or a pair has no equals sign.
pub fn form(body: &[u8]) -> Result<Vec<Pair>, String> {
    body.split(|byte| *byte == b'&')
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').ok_or("a pair without an equals sign")?;
            Ok((percent_decoded(&pair[..equals])?, percent_decoded(&pair[equals + 1..])?))
        })
        .collect()
}

fn percent_decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or("a percent sign at the end")?;
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                bytes.push(value.ok_or("a percent sign without two digits")?);
                rest = after;
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_four_bytes_in_every_dress() {
        let pairs = form(b"a=%C1%F5%993%C36&b=+%2b").unwrap();
        assert_eq!(decode(&pairs[0].1, Some("GBK")).unwrap(), "刘𬱖");
        assert_eq!(pairs[1].1, b" +");
        assert_eq!(gb18030("刘𬱖"), b"\xC1\xF5\x993\xC36");
        let declared = [b"<?xml version='1.0' encoding = 'gbk' ?><a>", &gb18030("刘𬱖")[..], b"</a>"].concat();
        assert!(decode(&declared, None).unwrap().contains("刘𬱖"));
        assert!(decode(&declared, Some("utf-8")).is_err());
    }

    #[test]
    fn refuses_what_is_no_text() {
        assert!(decode(b"\xFF", None).is_err());
        assert!(decode(b"\xC1", Some("GB18030")).is_err());
        assert!(decode(b"a", Some("Shift_JIS")).is_err());
        assert!(form(b"a=%4").is_err());
        assert!(form(b"a=%zz").is_err());
        assert!(form(b"a").is_err());
    }
}
