//! Checked identifiers: text that carries a check character or a fixed shape.
//!
//! Sources: GB 11643-1999 (citizen's number), GB 32100-2015 (unified social credit code, with the
//! organisation part of GB 11714-1997), and the provident-fund transfer platform's letter numbers.

/// 公民身份号码 (GB 11643): 17 digits with a real date, and a check digit or `X`.
pub fn is_citizen_number(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    const PROVINCES: &[u8] = &[
        11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
        63, 64, 65, 71, 81, 82, 83,
    ];
    let Some((digits, last)) = text.split_last().map(|(last, digits)| (digits, *last)) else { return false };
    if digits.len() != 17 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number =
        |range: std::ops::Range<usize>| digits[range].iter().fold(0u32, |sum, d| sum * 10 + u32::from(d - b'0'));
    let province = number(0..2);
    let date = crate::domain::value::Date::new(number(6..10), number(10..12), number(12..14));
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
    PROVINCES.iter().any(|known| u32::from(*known) == province)
        && date.is_some()
        && CHECKS[(sum % 11) as usize] == last.to_ascii_uppercase()
}

/// 统一社会信用代码 (GB 32100): 18 characters, both check characters right.
pub fn is_credit_code(text: &[u8]) -> bool {
    const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    if text.len() != 18 {
        return false;
    }
    let mut sum = 0usize;
    let mut weight = 1usize;
    for character in &text[..17] {
        let Some(value) = ALPHABET.iter().position(|known| known == character) else { return false };
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    ALPHABET[(31 - sum % 31) % 31] == text[17] && is_organisation_code(&text[8..17])
}

/// 组织机构代码 (GB 11714): eight characters and a check digit or `X`.
fn is_organisation_code(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let mut sum = 0;
    for (character, weight) in text[..8].iter().zip(WEIGHTS) {
        let value = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A' + 10,
            _ => return false,
        };
        sum += u32::from(value) * weight;
    }
    let check = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or_default(),
    };
    check == text[8]
}

/// 联系函编号: division (6), yyMMdd, four digits.
pub fn is_letter_number(text: &[u8]) -> bool {
    if text.len() != 16 || !text.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |at: usize| u32::from(text[at] - b'0') * 10 + u32::from(text[at + 1] - b'0');
    crate::domain::value::Date::new(2000 + number(6), number(8), number(10)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citizen_numbers() {
        for right in ["430602199003079989", "421023198506309970", "43060219900401997X", "43060219900401997x"] {
            assert!(is_citizen_number(right.as_bytes()), "{right}");
        }
        for wrong in ["430602199003079980", "430602199002309981", "000602199003079989", "43060219900307998", ""] {
            assert!(!is_citizen_number(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn credit_codes() {
        for right in ["91430600MA0000007J", "92421002MA00000T47", "11100000MB0143028R", "11430600006000001A"] {
            assert!(is_credit_code(right.as_bytes()), "{right}");
        }
        for wrong in ["91430600MA0000007A", "9143O600MA0000007J", "91430600MA0000007", "9143060\u{0}MA0000007J"] {
            assert!(!is_credit_code(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn letter_numbers() {
        assert!(is_letter_number(b"4306002611230001"));
        assert!(!is_letter_number(b"4306002613230001"));
    }
}
