//! Characters that an input method or a copied page puts into a code: full-width ones and invisible ones.

/// The text that a code should have been; `None` where it is as it should be.
pub(super) fn narrowed(code: &str) -> Option<String> {
    if code.is_ascii() {
        return None;
    }
    let narrow: String = code.chars().filter_map(narrow).collect();
    let narrow = narrow.trim();
    (narrow != code).then(|| narrow.to_owned())
}

/// The character that belongs in a code for the one that was put there; `None`: nothing belongs there. Punctuation
/// stays: some codes are Chinese words.
fn narrow(character: char) -> Option<char> {
    match character {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '－' | '．' | '＿' => {
            char::from_u32(u32::from(character) - 0xFEE0)
        }
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => None,
        '\u{3000}' | '\u{A0}' => Some(' '),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_belong_in_a_code_is_changed() {
        for (code, right) in [("１０", "10"), ("Ａ－１", "A-1"), ("1\u{200B}", "1"), ("\u{3000}1\u{A0}", "1")] {
            assert_eq!(narrowed(code).as_deref(), Some(right));
        }
        for code in ["10", "", "存续（在营、开业、在册）"] {
            assert_eq!(narrowed(code), None);
        }
    }
}
