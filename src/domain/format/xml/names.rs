//! Names as Namespaces in XML 1.0 has them: `local` or `prefix:local`.
//!
//! It deliberately resolves no prefix.

use crate::domain::format::scan;

/// A name that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) off: usize,
    /// Bytes, prefix and colon included.
    pub(super) len: usize,
    /// Bytes of the prefix; 0: none.
    pub(super) prefix: usize,
}

/// Bytes that a name may have; the prefix of an attribute is kept as 16 bits.
const NAME_BYTES_MAX: usize = 1024;

impl Name {
    /// Offset and length of the local part.
    #[inline]
    pub(super) const fn local(&self) -> (usize, usize) {
        match self.prefix {
            0 => (self.off, self.len),
            prefix => (self.off + prefix + 1, self.len - prefix - 1),
        }
    }

    /// The prefix length as the readers' stack holds it.
    pub(super) fn prefix_short(&self) -> u16 {
        u16::try_from(self.prefix).unwrap_or(u16::MAX)
    }
}

/// What a byte can be in a name.
const START: u8 = 1;
const LATER: u8 = 2;
const COLON: u8 = 4;
/// Part of a character outside ASCII.
const WIDE: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => START,
            b'0'..=b'9' | b'-' | b'.' => LATER,
            b':' => COLON,
            0x80.. => WIDE,
            _ => 0,
        };
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

/// The class of the byte at `at`; 0 at the end.
#[inline]
fn class(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).map_or(0, |byte| CLASSES[usize::from(*byte)])
}

/// The qualified name that begins at `off`, or none if there is no sane one.
#[inline]
pub(super) fn qualified(bytes: &[u8], off: usize) -> Option<Name> {
    let mut prefix = 0;
    let mut part = off;
    loop {
        let end = part_end(bytes, part)?;
        if class(bytes, end) == COLON {
            if prefix > 0 {
                return None;
            }
            prefix = end - off;
            part = end + 1;
            continue;
        }
        let whole = end < bytes.len() && end - off <= NAME_BYTES_MAX;
        return whole.then_some(Name { off, len: end - off, prefix });
    }
}

/// The end of the prefix or local part that begins at `part`.
#[inline]
fn part_end(bytes: &[u8], part: usize) -> Option<usize> {
    let mut at = part;
    if class(bytes, at) & (START | WIDE) == 0 {
        return None;
    }
    loop {
        while class(bytes, at) & (START | LATER) != 0 {
            at += 1;
        }
        if class(bytes, at) != WIDE {
            return Some(at);
        }
        let character = scan::character_at(bytes, at)?;
        if !(is_start(character) || (at > part && is_later(character))) {
            return None;
        }
        at += character.len_utf8();
    }
}

/// NameStartChar of XML 1.0 (production 4) outside ASCII.
const fn is_start(character: char) -> bool {
    matches!(character,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// What NameChar (production 4a) adds outside ASCII.
const fn is_later(character: char) -> bool {
    matches!(character, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<(usize, usize)> {
        qualified(text.as_bytes(), 0).map(|name| (name.len, name.prefix))
    }

    #[test]
    fn sane_names() {
        assert_eq!(name("a>"), Some((1, 0)));
        assert_eq!(name("soap:Body "), Some((9, 4)));
        assert_eq!(name("_x-1.2/"), Some((6, 0)));
        assert_eq!(name("姓名·甲="), Some(("姓名·甲".len(), 0)));
    }

    #[test]
    fn names_that_are_none() {
        for wrong in ["", ">", "1a>", "-a>", ":a>", "a:>", "a:b:c>", "a:1>", "·a>", "a", "×>", "a\u{2000}>", ".a>"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        assert_eq!(name(&format!("{}>", "a".repeat(1025))), None);
    }
}
