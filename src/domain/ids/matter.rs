//! 政务服务事项编码 (GB/T 39554.1-2020): the basic code and the code of who carries it out.
//!
//! Provinces write other forms besides, with hyphens; those are texts to us and deliberately not read here.

use super::CreditCode;
use super::IdFault;
use super::shown;

/// 事项编码: a basic code (12 characters) or an implementation code (31): credit code of the office (18), level (1),
/// basic code (12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatterCode(String);

shown!(MatterCode);

impl MatterCode {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "事项编码";

    /// Reads a code of 12 or 31 characters. The basic code reads as scope (2: 00 for the State or a province), class
    /// and department (4), main item (3), sub-item (3): twelve digits in every published list that we have seen.
    ///
    /// # Errors
    /// Length, a character at a wrong place, a level that does not exist, or the office's check characters.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let basic = match text.len() {
            12 => text,
            31 => {
                let (office, rest) = text.split_at_checked(18).ok_or(IdFault::Character)?;
                CreditCode::parse(office)?;
                let (level, basic) = rest.split_at_checked(1).ok_or(IdFault::Character)?;
                // GB/T 39046-2020 annex A: 1 State, 2 province, 3 city, 4 county, 5 town, 6 village, 7 by grade.
                if !("1"..="7").contains(&level) {
                    return Err(IdFault::Character);
                }
                basic
            }
            _ => return Err(IdFault::Length),
        };
        super::all_digits(basic.as_bytes())?;
        Ok(Self(text.into()))
    }

    /// The basic code: the same everywhere.
    pub fn basic(&self) -> &str {
        &self.0[self.0.len() - 12..]
    }

    /// The office that carries the matter out, in a code of 31.
    pub fn office(&self) -> Option<&str> {
        (self.0.len() == 31).then(|| &self.0[..18])
    }

    /// The level at which it is carried out, `1` to `7`, in a code of 31.
    pub fn level(&self) -> Option<&str> {
        (self.0.len() == 31).then(|| &self.0[18..19])
    }

    /// The main item within its class and department.
    pub fn main_item(&self) -> &str {
        &self.basic()[6..9]
    }

    /// The sub-item, `000` where there is none.
    pub fn sub_item(&self) -> &str {
        &self.basic()[9..]
    }
}
