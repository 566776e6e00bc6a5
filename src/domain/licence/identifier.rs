//! Check characters: licence identifiers (GB/T 36904), credit codes (GB 32100), citizen numbers (GB 11643).

use crate::domain::licence::check::Code;

/// Root of licence identifiers.
pub(super) const ROOT: &str = "1.2.156.3005.2.";

/// A licence identifier (证照标识), taken apart: `root.type.authority.serial.version.check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identifier<'a> {
    pub(super) kind: &'a str,
    pub(super) authority: &'a str,
    pub(super) serial: &'a str,
    pub(super) version: &'a str,
    pub(super) check: char,
}

/// The parts of an identifier, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// 证照类型代码.
    pub kind: &'a str,
    /// 证照颁发机构代码.
    pub authority: &'a str,
    /// 流水号.
    pub serial: &'a str,
    /// 版本号.
    pub version: &'a str,
    pub check: char,
    /// What did not pass: [`Code::LicIdCheckChar`], [`Code::LicIdUncomputable`] or [`Code::LicTypeUnknown`]; none is right.
    pub codes: Vec<Code>,
}

/// Takes an identifier apart and checks it; none where it is not of that form ([`Code::LicIdSyntax`]).
pub fn check_identifier(text: &str) -> Option<Parts<'_>> {
    let identifier = Identifier::parse(text)?;
    let Identifier { kind, authority, serial, version, check } = identifier;
    let mut codes = Vec::new();
    match identifier.checked() {
        Checked::Right => {}
        Checked::Wrong => codes.push(Code::LicIdCheckChar),
        Checked::Uncomputable => codes.push(Code::LicIdUncomputable),
    }
    if !is_kind(kind) {
        codes.push(Code::LicTypeUnknown);
    }
    Some(Parts { kind, authority, serial, version, check, codes })
}

/// Whether `kind` is a type code: the credit code of the authority that defines it, and three digits.
pub(super) fn is_kind(kind: &str) -> bool {
    kind.split_at_checked(18).is_some_and(|(authority, number)| {
        is_credit_code(authority) && number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What its check character says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    Right,
    Wrong,
    /// There are characters the scheme has no value for.
    Uncomputable,
}

impl<'a> Identifier<'a> {
    /// Takes one apart; none when it is not of that form.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix(ROOT)?.split('.');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let (kind, authority, serial, version, check) = (next()?, next()?, next()?, next()?, next()?);
        let mut check = check.chars();
        let identifier = Self { kind, authority, serial, version, check: check.next()? };
        let is_version = version.len() == 3 && version.bytes().all(|byte| byte.is_ascii_digit());
        (check.next().is_none() && parts.next().is_none() && is_version && kind.len() == 21).then_some(identifier)
    }

    /// Compares the check character with the one computed.
    pub(super) fn checked(&self) -> Checked {
        let text = [self.kind, self.authority, self.serial, self.version].concat();
        match check_character(&text) {
            None => Checked::Uncomputable,
            Some(right) if right == self.check => Checked::Right,
            Some(_) => Checked::Wrong,
        }
    }
}

/// The check character of ISO 7064 MOD 37,36 (GB/T 17710) behind `text`; none when a character has no value.
pub fn check_character(text: &str) -> Option<char> {
    let mut product = 36;
    for character in text.chars() {
        let value = if character.is_ascii_lowercase() { None } else { character.to_digit(36) };
        product = (product + value?) % 36;
        product = if product == 0 { 36 } else { product } * 2 % 37;
    }
    char::from_digit((37 - product) % 36, 36).map(|digit| digit.to_ascii_uppercase())
}

/// Whether `text` is a credit code (统一社会信用代码) with the right check character.
pub(super) fn is_credit_code(text: &str) -> bool {
    const DIGITS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let values: Option<Vec<usize>> = text.chars().map(|character| DIGITS.find(character)).collect();
    let Some(values) = values.filter(|values| values.len() == 18) else { return false };
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    values[17] == (31 - sum % 31) % 31
}

/// Whether `text` is a citizen number (公民身份号码) with the right check character.
pub(super) fn is_citizen_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    // ISO 7064 MOD 11-2: the weight of a digit is 2 to the power of its distance from the end.
    let sum = bytes[..17].iter().fold(0, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    b"10X98765432"[(sum % 11) as usize] == bytes[17].to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Identifiers of licences on public display; the last is an invented sample of a documentation.
    #[test]
    fn check_characters_of_real_identifiers() {
        for (text, checked) in [
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U", Checked::Right),
            ("1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0", Checked::Right),
            ("1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9", Checked::Right),
            ("1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F", Checked::Right),
            (
                "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M",
                Checked::Wrong,
            ),
            ("1.2.156.3005.2.11100000000013338W032.11220000013544541J.24_30599.001.F", Checked::Uncomputable),
        ] {
            assert_eq!(Identifier::parse(text).unwrap().checked(), checked, "{text}");
        }
        for text in [
            "1.2.156.3003.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.UU",
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.1.U",
            "1.2.156.3005.2.11100000000013338W011..20230000403.001.U",
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U.1",
            "",
        ] {
            assert_eq!(Identifier::parse(text), None, "{text}");
        }
    }

    #[test]
    fn credit_codes_and_citizen_numbers() {
        for code in ["11100000000013338W", "11100000MB0143028R", "11430000006122244L", "11100000MB03271699"] {
            assert!(is_credit_code(code), "{code}");
        }
        assert!(!is_credit_code("11100000000013338X") && !is_credit_code("I1100000000013338W") && !is_credit_code(""));
        // Composed: sequence number 997.
        let made = |check: char| format!("43060019900101997{check}");
        let right = ('0'..='9').chain(['X']).filter(|check| is_citizen_number(&made(*check))).count();
        assert_eq!(right, 1);
        // The example of GB 11643-1999.
        assert!(is_citizen_number("11010519491231002X") && is_citizen_number("440524188001010014"));
    }
}
