//! The canonical values, and the texts that stand for them.
//!
//! A canonical value is what both sides mean: a day, an amount in fen, a yes. A *form* is how one side writes it.
//! Reading and writing never go through floating point, and a form refuses what it cannot hold.
//!
//! It deliberately knows no fields and no codes.

mod calendar;
mod date;
mod decimal;
mod month;

pub use calendar::Calendar;
pub use date::{Date, DateForm, DateTime, DateTimeForm};
pub use decimal::{
    AmountUnit, RateUnit, read_amount, read_integer, read_rate, write_amount, write_integer, write_rate,
};
pub use month::{Month, MonthForm};

/// Type of a canonical field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Address,
    Amount,
    Bool,
    Code,
    Date,
    DateTime,
    Int,
    List,
    Month,
    Rate,
    Text,
    /// A date that may mean "no end".
    Validity,
}

impl Type {
    /// The type by its word in `fields.csv`.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "address" => Self::Address,
            "amount" => Self::Amount,
            "bool" => Self::Bool,
            "code" => Self::Code,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "int" => Self::Int,
            "list" => Self::List,
            "month" => Self::Month,
            "rate" => Self::Rate,
            "text" => Self::Text,
            "validity" => Self::Validity,
            _ => return None,
        })
    }
}

/// A canonical value; texts are borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Fen.
    Amount(i64),
    Bool(bool),
    Date(Date),
    DateTime(DateTime),
    Int(i64),
    Month(Month),
    /// 长期: a validity without end.
    NoEnd,
    /// Hundred-millionths: 0.12 is 12,000,000.
    Rate(i64),
    /// Text, or a canonical code.
    Text(&'a [u8]),
}

/// Sets of two texts for yes and no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoolSet {
    /// JSON `true` and `false`.
    Json,
    /// `1` and `0`.
    OneZero,
    /// `1` and `2`, as the provident-fund transfer messages have it.
    OneTwo,
    /// `Y` and `N`.
    YesNo,
    /// 是 and 否.
    Chinese,
}

impl BoolSet {
    /// The set by its word in a mapping file.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "json" => Self::Json,
            "1_0" => Self::OneZero,
            "1_2" => Self::OneTwo,
            "Y_N" => Self::YesNo,
            "是_否" => Self::Chinese,
            _ => return None,
        })
    }

    /// The texts for yes and for no.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("true", "false"),
            Self::OneZero => ("1", "0"),
            Self::OneTwo => ("1", "2"),
            Self::YesNo => ("Y", "N"),
            Self::Chinese => ("是", "否"),
        }
    }

    /// Reads one of the two texts.
    pub fn read(self, text: &[u8]) -> Option<bool> {
        let (yes, no) = self.words();
        if text == yes.as_bytes() {
            Some(true)
        } else if text == no.as_bytes() {
            Some(false)
        } else {
            None
        }
    }
}
