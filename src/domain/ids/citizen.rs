//! 公民身份号码 (GB 11643-1999): 18 characters, and the 15 digits in use before it.

use super::Fixed;
use super::IdFault;
use super::shown;
use crate::domain::value::Date;

/// 公民身份号码: division (6), birthday (8), sequence (3), check digit or `X`.
///
/// The division is the one of the first registration and may be retired since; it is never rewritten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CitizenNumber(Fixed<18>);

shown!(CitizenNumber, "***");

impl CitizenNumber {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "公民身份号码";

    /// Reads a number. A lower-case `x` becomes `X`; 15 digits become 18 with the century 19 and a check digit
    /// (GB 11643-1999, 4 and annex A).
    ///
    /// # Errors
    /// Length, a character at a wrong place, a province or birthday that does not exist, or the check digit.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let text = text.as_bytes();
        let mut full = [0; 18];
        match text.len() {
            18 => full.copy_from_slice(text),
            15 => {
                super::all_digits(text)?;
                full[..6].copy_from_slice(&text[..6]);
                full[6..8].copy_from_slice(b"19");
                full[8..17].copy_from_slice(&text[6..]);
                full[17] = check(&full[..17]);
            }
            _ => return Err(IdFault::Length),
        }
        super::division(&full[..6])?;
        super::all_digits(&full[6..17])?;
        super::date(super::number(&full[6..10])?, &full[10..12], &full[12..14])?;
        full[17] = full[17].to_ascii_uppercase();
        if !full[17].is_ascii_digit() && full[17] != b'X' {
            return Err(IdFault::Character);
        }
        if full[17] == check(&full[..17]) { Ok(Self(Fixed(full))) } else { Err(IdFault::Check) }
    }

    /// GB/T 2260 code of the county of the first registration.
    pub fn division(&self) -> &str {
        &self.as_str()[..6]
    }

    /// The birthday.
    pub fn birthday(&self) -> Option<Date> {
        Date::read(crate::domain::value::DateForm::Compact, &self.0.0[6..14])
    }
}

/// ISO 7064 MOD 11-2 over 17 digits, written with the standard's weights.
fn check(digits: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHECKS[(sum % 11) as usize]
}
