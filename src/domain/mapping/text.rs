//! What happens to texts on the way: names made regular, codes in brackets dropped, masks.

use super::notation::Mask;

/// Private-use characters of old GB18030 tables and the characters that took their place (GB18030-2022).
const PRIVATE: [(char, char); 8] = [
    ('\u{E81E}', '\u{9FB4}'),
    ('\u{E826}', '\u{9FB5}'),
    ('\u{E82B}', '\u{9FB6}'),
    ('\u{E82C}', '\u{9FB7}'),
    ('\u{E832}', '\u{9FB8}'),
    ('\u{E843}', '\u{9FB9}'),
    ('\u{E854}', '\u{9FBA}'),
    ('\u{E864}', '\u{9FBB}'),
];

/// A person's name made regular: trimmed (U+3000 too), middle dots made U+00B7, private-use characters made standard.
/// Compatibility ideographs stay as they are: they are different characters in a name.
pub(super) fn name<'s>(raw: &'s [u8], made: &'s mut Vec<u8>) -> &'s [u8] {
    let Ok(text) = std::str::from_utf8(raw) else { return raw };
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{3000}' || c == '\u{a0}');
    let regular = |c: char| match c {
        '\u{2022}' | '\u{2027}' | '\u{30FB}' | '\u{FF0E}' | '\u{FF65}' => Some('\u{B7}'),
        '\u{E81E}'..='\u{E864}' => PRIVATE.iter().find(|(old, _)| *old == c).map(|(_, new)| *new),
        _ => None,
    };
    if !trimmed.chars().any(|c| regular(c).is_some()) {
        return trimmed.as_bytes();
    }
    made.clear();
    for c in trimmed.chars() {
        let mut buffer = [0; 4];
        made.extend_from_slice(regular(c).unwrap_or(c).encode_utf8(&mut buffer).as_bytes());
    }
    made
}

/// True where there is nothing but blanks, U+3000 included: no value, whatever it looks like.
#[inline]
pub(super) fn is_blank(text: &[u8]) -> bool {
    // The first byte tells almost always: it is ASCII below `!`, or one that blanks outside ASCII begin with.
    matches!(text.first(), None | Some(0..=b' ' | 0xC2 | 0xE1..=0xE3)) && trim(text).is_empty()
}

/// Trims blanks, U+3000 included.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    std::str::from_utf8(text).map_or(text, |text| text.trim_matches(|c: char| c.is_whitespace()).as_bytes())
}

/// Drops codes in brackets (`（06）`, `(06)`): the other side's digits mean something else here. True where any was.
pub(super) fn strip_codes(text: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        out.extend_from_slice(text);
        return false;
    };
    let mut rest = text;
    let mut dropped = false;
    while let Some(open) = rest.find(['（', '(']) {
        let bracket = rest[open..].chars().next().map_or(1, char::len_utf8);
        let inside = &rest[open + bracket..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        let close = inside[digits..].chars().next().filter(|c| matches!(c, '）' | ')'));
        match close {
            Some(close) if (1..=4).contains(&digits) => {
                out.extend_from_slice(&rest.as_bytes()[..open]);
                rest = &inside[digits + close.len_utf8()..];
                dropped = true;
            }
            _ => {
                out.extend_from_slice(&rest.as_bytes()[..open + bracket]);
                rest = inside;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    dropped
}

/// Writes a text hidden.
pub(super) fn mask(mask: Mask, text: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(text);
    let characters: Vec<char> = text.chars().collect();
    let (front, back) = match mask {
        Mask::Hide => {
            out.extend_from_slice(b"******");
            return;
        }
        Mask::Account => (0, 4),
        Mask::IdNumber => (6, 4),
        Mask::Name => (1, 0),
        Mask::Phone => (3, 4),
    };
    let count = characters.len();
    for (index, c) in characters.into_iter().enumerate() {
        let shown =
            count > front + back && (index < front || index + back >= count) || (mask == Mask::Name && index == 0);
        let mut buffer = [0; 4];
        out.extend_from_slice(if shown { c } else { '*' }.encode_utf8(&mut buffer).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_regular() {
        let mut made = Vec::new();
        assert_eq!(name("　欧阳娜仁•其其格 ".as_bytes(), &mut made), "欧阳娜仁·其其格".as_bytes());
        assert_eq!(name("\u{E81E}".as_bytes(), &mut made), "龴".as_bytes());
        assert_eq!(name("﨑凉".as_bytes(), &mut made), "﨑凉".as_bytes());
    }

    #[test]
    fn blank_is_nothing_to_be_seen() {
        for text in ["", " ", "\u{3000}", " \t\r\n", "\u{a0}", "\u{2003}\u{3000}"] {
            assert!(is_blank(text.as_bytes()), "{text:?}");
        }
        for text in ["a", " a", "\u{3000}甲", "，", "\u{feff}", "－", "é"] {
            assert!(!is_blank(text.as_bytes()), "{text:?}");
        }
        assert!(!is_blank(b" \xff"));
    }

    #[test]
    fn codes_in_brackets_are_dropped() {
        let mut out = Vec::new();
        assert!(strip_codes("个人账户状态为冻结（06），不能提取（见附件）".as_bytes(), &mut out));
        assert_eq!(out, "个人账户状态为冻结，不能提取（见附件）".as_bytes());
        out.clear();
        assert!(!strip_codes("（12345）(a".as_bytes(), &mut out));
        assert_eq!(out, "（12345）(a".as_bytes());
    }

    #[test]
    fn masks() {
        let masked = |kind, text: &str| {
            let mut out = Vec::new();
            mask(kind, text.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(masked(Mask::Hide, "482913"), "******");
        assert_eq!(masked(Mask::Name, "刘𬱖"), "刘*");
        assert_eq!(masked(Mask::IdNumber, "430602199003079989"), "430602********9989");
        assert_eq!(masked(Mask::Account, "123"), "***");
        assert_eq!(masked(Mask::Phone, "13900000001"), "139****0001");
    }
}
