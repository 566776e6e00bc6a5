//! Months, in the forms that the systems write.

use super::date::Date;
use super::date::DateForm;
use super::date::digits;
use super::date::push_digits;

/// A month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: u16,
    month: u8,
}

/// How a month is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthForm {
    /// `yyyyMM`
    Compact,
    /// `yyyy-MM`
    Dashed,
    /// `yyyyMMdd`; written with day 01.
    WithDay,
}

impl Month {
    /// The month, if it exists.
    pub fn new(year: u32, month: u32) -> Option<Self> {
        Date::new(year, month, 1).map(Self::of)
    }

    /// The month of a day.
    pub const fn of(date: Date) -> Self {
        let (year, month, _) = date.parts();
        Self { year, month }
    }

    /// Reads a month in that form.
    pub fn read(form: MonthForm, text: &[u8]) -> Option<Self> {
        match form {
            MonthForm::Compact if text.len() == 6 => Self::new(digits(&text[..4])?, digits(&text[4..])?),
            MonthForm::Dashed if text.len() == 7 && text[4] == b'-' => {
                Self::new(digits(&text[..4])?, digits(&text[5..])?)
            }
            MonthForm::WithDay => Date::read(DateForm::Compact, text).map(Self::of),
            _ => None,
        }
    }

    /// Writes the month in that form.
    pub fn write(self, form: MonthForm, out: &mut Vec<u8>) {
        push_digits::<4>(out, u32::from(self.year));
        if form == MonthForm::Dashed {
            out.push(b'-');
        }
        push_digits::<2>(out, u32::from(self.month));
        if form == MonthForm::WithDay {
            out.extend_from_slice(b"01");
        }
    }
}

impl MonthForm {
    /// The form by its words in a mapping file.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "yyyyMM" => Self::Compact,
            "yyyy-MM" => Self::Dashed,
            "yyyyMMdd" => Self::WithDay,
            _ => return None,
        })
    }

    /// The form as the clerk reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Compact => "年月 202611",
            Self::Dashed => "年月 2026-11",
            Self::WithDay => "日期 20261101",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months() {
        let month = Month::read(MonthForm::WithDay, b"20150408").unwrap();
        let mut out = Vec::new();
        month.write(MonthForm::Dashed, &mut out);
        assert_eq!(out, b"2015-04");
        assert_eq!(Month::read(MonthForm::Compact, b"201513"), None);
    }
}
