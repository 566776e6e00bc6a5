//! Identifiers of the provident fund's national transfer platform, as its messages write them.
//!
//! The rules were read from messages, not from a published standard; the centres' own figures decide.

use super::Fixed;
use super::IdFault;
use super::shown;
use crate::domain::value::Date;

/// 公积金中心代码: the centre's division (6) and nine zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FundCentre(Fixed<15>);

shown!(FundCentre);

impl FundCentre {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "公积金中心代码";

    /// Reads a code.
    ///
    /// # Errors
    /// Length, a character that is no digit, a province that does not exist, or other digits than zeros behind.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let code = Fixed::<15>::take(text)?;
        super::division(&code.0[..6])?;
        super::all_digits(&code.0)?;
        if code.0[6..] == [b'0'; 9] { Ok(Self(code)) } else { Err(IdFault::Shape) }
    }

    /// GB/T 2260 code of the centre's city.
    pub fn division(&self) -> &str {
        &self.as_str()[..6]
    }

    /// The centre's node on the platform.
    pub fn node(&self) -> FundNode {
        let mut node = [b'C'; 6];
        node[1..].copy_from_slice(&self.0.0[..5]);
        FundNode(Fixed(node))
    }
}

/// 公积金节点代码: `C` and the first five digits of the centre's division.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FundNode(Fixed<6>);

shown!(FundNode);

impl FundNode {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "公积金节点代码";

    /// Reads a code.
    ///
    /// # Errors
    /// Length, another letter than `C`, a character that is no digit, or a province that does not exist.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let node = Fixed::<6>::take(text)?;
        if node.0[0] != b'C' {
            return Err(IdFault::Shape);
        }
        super::division(&node.0[1..])?;
        Ok(Self(node))
    }
}

/// 公积金交易流水号: the node's digits (5), yyMMdd, number (9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FundSequence(Fixed<20>);

shown!(FundSequence);

impl FundSequence {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "公积金交易流水号";

    /// Reads a number.
    ///
    /// # Errors
    /// Length, a character that is no digit, a province or a day that does not exist.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let sequence = Fixed::<20>::take(text)?;
        super::division(&sequence.0[..5])?;
        super::all_digits(&sequence.0)?;
        short_date(&sequence.0[5..11])?;
        Ok(Self(sequence))
    }

    /// The node that gave the number.
    pub fn node(&self) -> FundNode {
        let mut node = [b'C'; 6];
        node[1..].copy_from_slice(&self.0.0[..5]);
        FundNode(Fixed(node))
    }
}

/// 联系函编号: division (6), yyMMdd, number (4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterNumber(Fixed<16>);

shown!(LetterNumber);

impl LetterNumber {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "联系函编号";

    /// Reads a number.
    ///
    /// # Errors
    /// Length, a character that is no digit, a province or a day that does not exist.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let letter = Fixed::<16>::take(text)?;
        super::division(&letter.0[..6])?;
        super::all_digits(&letter.0)?;
        short_date(&letter.0[6..12])?;
        Ok(Self(letter))
    }

    /// GB/T 2260 code of the city that asks for the transfer.
    pub fn division(&self) -> &str {
        &self.as_str()[..6]
    }
}

/// yyMMdd of this century: the platform is younger.
fn short_date(digits: &[u8]) -> Result<Date, IdFault> {
    super::date(2000 + super::number(&digits[..2])?, &digits[2..4], &digits[4..6])
}
