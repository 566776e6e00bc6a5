//! 办件编号: the gateway's own case numbers.
//!
//! No national form was found (GB/T 39046-2020 allows any text up to 50), so this one is ours. The other city's number
//! is kept beside it, never in its place.

use super::Fixed;
use super::IdFault;
use super::check::mod_37_36;
use super::shown;
use crate::domain::value::Date;
use crate::domain::value::DateForm;

/// 办件编号: `YJ`, yyyyMMdd, accepting division (6), number of the day (6), check character.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber(Fixed<23>);

shown!(CaseNumber);

impl CaseNumber {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "办件编号";

    /// Reads a number. The check character is ISO/IEC 7064 MOD 37,36 over all before it.
    ///
    /// # Errors
    /// Length, another prefix, a character at a wrong place, a day or province that does not exist, or the check.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let case = Fixed::<23>::take(text)?;
        let characters = &case.0;
        if !characters.starts_with(b"YJ") {
            return Err(IdFault::Shape);
        }
        super::all_digits(&characters[2..22])?;
        super::date(super::number(&characters[2..6])?, &characters[6..8], &characters[8..10])?;
        super::division(&characters[10..16])?;
        let expected = mod_37_36(characters[..22].iter().copied())?;
        if characters[22] == expected { Ok(Self(case)) } else { Err(IdFault::Check) }
    }

    /// The day of acceptance.
    pub fn accepted(&self) -> Option<Date> {
        Date::read(DateForm::Compact, &self.0.0[2..10])
    }

    /// GB/T 2260 code of the division that accepted the case.
    pub fn division(&self) -> &str {
        &self.as_str()[10..16]
    }
}
