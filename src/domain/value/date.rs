//! Days and moments, in the forms that the systems write.
//!
//! Moments are local time of Asia/Shanghai, as every message has it. Epoch numbers are turned by the zone's own
//! history: between 1986 and 1991 it had summer time, so a day of 1988 does not begin at 16:00 UTC.

use jiff::tz::TimeZone;
use std::sync::OnceLock;

const MILLISECONDS_A_DAY: i64 = 86_400_000;
/// From here on Asia/Shanghai is UTC+8 without exception (1992-01-01T00:00:00Z).
const PLAIN_SINCE: i64 = 694_224_000_000;
const OFFSET: i64 = 8 * 3_600_000;

/// A day that exists, years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A moment, local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    /// The day.
    pub date: Date,
    /// Seconds since midnight.
    pub seconds: u32,
}

/// How a day is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// `yyyyMMdd`
    Compact,
    /// `yyyy-MM-dd`
    Dashed,
    /// Milliseconds since the epoch at local midnight.
    EpochMilliseconds,
    /// Seconds since the epoch at local midnight.
    EpochSeconds,
    /// `yyyyMM`; the day is the first.
    MonthOnly,
    /// `yyyy/MM/dd`
    Slashed,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTimeForm {
    /// `yyyyMMddHHmmss`
    Compact,
    /// `yyyyMMddHH:mm:ss`
    CompactColons,
    /// `yyyyMMddTHHmmss`
    CompactT,
    /// `yyyyMMdd`: the day's part, written only.
    DatePart,
    EpochMilliseconds,
    EpochSeconds,
    /// `yyyy-MM-ddTHH:mm:ss+08:00`
    Offset,
    /// `yyyy-MM-dd HH:mm:ss`
    Spaced,
    /// `HHmmss`: the time's part, written only.
    TimePart,
}

pub(super) fn digits(text: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(byte - b'0');
    }
    Some(value)
}

/// Appends the last `WIDTH` digits of a number; an even width, as all of days and moments have.
#[inline]
pub(super) fn push_digits<const WIDTH: usize>(out: &mut Vec<u8>, value: u32) {
    let mut digits = [b'0'; WIDTH];
    let mut rest = value;
    for pair in digits.as_rchunks_mut::<2>().1.iter_mut().rev() {
        *pair = [b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8];
        rest /= 100;
    }
    out.extend_from_slice(&digits);
}

impl Date {
    /// The day, if it exists.
    pub fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            _ => return None,
        };
        if year == 0 || year > 9999 || day == 0 || day > last {
            return None;
        }
        Some(Self { year: u16::try_from(year).ok()?, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
    }

    /// Days since 1970-01-01 (proleptic Gregorian).
    pub fn days(self) -> i64 {
        let (year, month, day) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let shifted = if month <= 2 { year - 1 } else { year };
        let era = shifted.div_euclid(400);
        let of_era = shifted - era * 400;
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day that many days after 1970-01-01, if it lies in the years 1 to 9999.
    pub fn from_days(days: i64) -> Option<Self> {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted - era * 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(u32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
    }

    /// 0 for Monday to 6 for Sunday.
    pub fn weekday(self) -> u8 {
        u8::try_from((self.days() + 3).rem_euclid(7)).unwrap_or_default()
    }

    /// Year, month and day.
    pub const fn parts(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// Milliseconds since the epoch at local midnight.
    pub fn epoch_milliseconds(self) -> i64 {
        DateTime { date: self, seconds: 0 }.epoch_milliseconds()
    }

    /// The local day of a moment.
    pub fn from_epoch_milliseconds(milliseconds: i64) -> Option<Self> {
        DateTime::from_epoch_milliseconds(milliseconds).map(|moment| moment.date)
    }

    /// The form's number, where the form is a number.
    fn epoch(self, form: DateForm) -> i64 {
        let milliseconds = self.epoch_milliseconds();
        if form == DateForm::EpochSeconds { milliseconds / 1000 } else { milliseconds }
    }

    /// Reads a day in that form. Epoch numbers need not lie at midnight; the local day counts.
    pub fn read(form: DateForm, text: &[u8]) -> Option<Self> {
        match form {
            DateForm::Compact if text.len() == 8 => {
                Self::new(digits(&text[..4])?, digits(&text[4..6])?, digits(&text[6..])?)
            }
            DateForm::Dashed | DateForm::Slashed if text.len() == 10 => {
                let mark = if form == DateForm::Dashed { b'-' } else { b'/' };
                if text[4] != mark || text[7] != mark {
                    return None;
                }
                Self::new(digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..])?)
            }
            DateForm::MonthOnly if text.len() == 6 => Self::new(digits(&text[..4])?, digits(&text[4..])?, 1),
            DateForm::EpochMilliseconds => Self::from_epoch_milliseconds(super::read_integer(text)?),
            DateForm::EpochSeconds => Self::from_epoch_milliseconds(super::read_integer(text)?.checked_mul(1000)?),
            _ => None,
        }
    }

    /// Writes the day in that form.
    pub fn write(self, form: DateForm, out: &mut Vec<u8>) {
        let (year, month, day) = (u32::from(self.year), u32::from(self.month), u32::from(self.day));
        match form {
            DateForm::Compact => push_digits::<8>(out, year * 10_000 + month * 100 + day),
            DateForm::MonthOnly => push_digits::<6>(out, year * 100 + month),
            DateForm::Dashed | DateForm::Slashed => {
                let mark = if form == DateForm::Dashed { b'-' } else { b'/' };
                push_digits::<4>(out, year);
                out.push(mark);
                push_digits::<2>(out, month);
                out.push(mark);
                push_digits::<2>(out, day);
            }
            DateForm::EpochMilliseconds | DateForm::EpochSeconds => super::write_integer(self.epoch(form), out),
        }
    }
}

impl DateForm {
    /// The form by its words in a mapping file.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "yyyyMMdd" => Self::Compact,
            "yyyy-MM-dd" => Self::Dashed,
            "yyyy/MM/dd" => Self::Slashed,
            "yyyyMM" => Self::MonthOnly,
            "epoch_ms" => Self::EpochMilliseconds,
            "epoch_s" => Self::EpochSeconds,
            _ => return None,
        })
    }

    /// The form as the clerk reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Compact => "日期 20261123",
            Self::Dashed => "日期 2026-11-23",
            Self::EpochMilliseconds => "毫秒时间戳",
            Self::EpochSeconds => "秒时间戳",
            Self::MonthOnly => "年月 202611",
            Self::Slashed => "日期 2026/11/23",
        }
    }
}

fn shanghai() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        TimeZone::get("Asia/Shanghai").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::Offset::constant(8)))
    })
}

impl DateTime {
    /// The local moment of an epoch number.
    pub fn from_epoch_milliseconds(milliseconds: i64) -> Option<Self> {
        let offset = if milliseconds >= PLAIN_SINCE {
            OFFSET
        } else {
            let timestamp = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
            i64::from(shanghai().to_offset(timestamp).seconds()) * 1000
        };
        let local = milliseconds.checked_add(offset)?;
        let date = Date::from_days(local.div_euclid(MILLISECONDS_A_DAY))?;
        let seconds = u32::try_from(local.rem_euclid(MILLISECONDS_A_DAY) / 1000).ok()?;
        Some(Self { date, seconds })
    }

    /// Milliseconds since the epoch.
    pub fn epoch_milliseconds(self) -> i64 {
        let local = self.date.days() * MILLISECONDS_A_DAY + i64::from(self.seconds) * 1000;
        if local - OFFSET >= PLAIN_SINCE {
            return local - OFFSET;
        }
        let (year, month, day) = self.date.parts();
        let clock = |value: u32| i8::try_from(value).unwrap_or_default();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(year).unwrap_or(i16::MAX),
            clock(u32::from(month)),
            clock(u32::from(day)),
            clock(self.seconds / 3600),
            clock(self.seconds / 60 % 60),
            clock(self.seconds % 60),
            0,
        );
        civil
            .ok()
            .and_then(|civil| shanghai().to_timestamp(civil).ok())
            .map_or(local - OFFSET, jiff::Timestamp::as_millisecond)
    }

    fn new(date: Option<Date>, hour: u32, minute: u32, second: u32) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self { date: date?, seconds: hour * 3600 + minute * 60 + second })
    }

    fn read_colons(date: Option<Date>, text: &[u8]) -> Option<Self> {
        if text.len() != 8 || text[2] != b':' || text[5] != b':' {
            return None;
        }
        Self::new(date, digits(&text[..2])?, digits(&text[3..5])?, digits(&text[6..])?)
    }

    fn read_compact(date: Option<Date>, text: &[u8]) -> Option<Self> {
        if text.len() != 6 {
            return None;
        }
        Self::new(date, digits(&text[..2])?, digits(&text[2..4])?, digits(&text[4..])?)
    }

    /// Reads a moment in that form.
    pub fn read(form: DateTimeForm, text: &[u8]) -> Option<Self> {
        match form {
            DateTimeForm::Compact if text.len() == 14 => {
                Self::read_compact(Date::read(DateForm::Compact, &text[..8]), &text[8..])
            }
            DateTimeForm::CompactT if text.len() == 15 && text[8] == b'T' => {
                Self::read_compact(Date::read(DateForm::Compact, &text[..8]), &text[9..])
            }
            DateTimeForm::CompactColons if text.len() == 16 => {
                Self::read_colons(Date::read(DateForm::Compact, &text[..8]), &text[8..])
            }
            DateTimeForm::Spaced if text.len() == 19 && text[10] == b' ' => {
                Self::read_colons(Date::read(DateForm::Dashed, &text[..10]), &text[11..])
            }
            DateTimeForm::Offset if text.len() == 25 && text[10] == b'T' && &text[19..] == b"+08:00" => {
                Self::read_colons(Date::read(DateForm::Dashed, &text[..10]), &text[11..19])
            }
            DateTimeForm::EpochMilliseconds => Self::from_epoch_milliseconds(super::read_integer(text)?),
            DateTimeForm::EpochSeconds => Self::from_epoch_milliseconds(super::read_integer(text)?.checked_mul(1000)?),
            _ => None,
        }
    }

    /// Writes the moment in that form.
    pub fn write(self, form: DateTimeForm, out: &mut Vec<u8>) {
        let compact = self.seconds / 3600 * 10_000 + self.seconds / 60 % 60 * 100 + self.seconds % 60;
        let colons = |out: &mut Vec<u8>| {
            push_digits::<2>(out, compact / 10_000);
            out.push(b':');
            push_digits::<2>(out, compact / 100 % 100);
            out.push(b':');
            push_digits::<2>(out, compact % 100);
        };
        match form {
            DateTimeForm::Compact => {
                self.date.write(DateForm::Compact, out);
                push_digits::<6>(out, compact);
            }
            DateTimeForm::CompactT => {
                self.date.write(DateForm::Compact, out);
                out.push(b'T');
                push_digits::<6>(out, compact);
            }
            DateTimeForm::CompactColons => {
                self.date.write(DateForm::Compact, out);
                colons(out);
            }
            DateTimeForm::Spaced => {
                self.date.write(DateForm::Dashed, out);
                out.push(b' ');
                colons(out);
            }
            DateTimeForm::Offset => {
                self.date.write(DateForm::Dashed, out);
                out.push(b'T');
                colons(out);
                out.extend_from_slice(b"+08:00");
            }
            DateTimeForm::DatePart => self.date.write(DateForm::Compact, out),
            DateTimeForm::TimePart => push_digits::<6>(out, compact),
            DateTimeForm::EpochMilliseconds => super::write_integer(self.epoch_milliseconds(), out),
            DateTimeForm::EpochSeconds => super::write_integer(self.epoch_milliseconds() / 1000, out),
        }
    }
}

impl DateTimeForm {
    /// The form by its words in a mapping file.
    pub fn parse(words: &str) -> Option<Self> {
        Some(match words {
            "yyyyMMddHHmmss" => Self::Compact,
            "yyyyMMddTHHmmss" => Self::CompactT,
            "yyyyMMddHH:mm:ss" => Self::CompactColons,
            "yyyy-MM-dd HH:mm:ss" => Self::Spaced,
            "yyyy-MM-ddTHH:mm:ss+08:00" => Self::Offset,
            "epoch_ms" => Self::EpochMilliseconds,
            "epoch_s" => Self::EpochSeconds,
            "yyyyMMdd" => Self::DatePart,
            "HHmmss" => Self::TimePart,
            _ => return None,
        })
    }

    /// The form as the clerk reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Compact => "时间 20261123093015",
            Self::CompactColons => "时间 2026112309:30:15",
            Self::CompactT => "时间 20261123T093015",
            Self::DatePart => "日期 20261123",
            Self::EpochMilliseconds => "毫秒时间戳",
            Self::EpochSeconds => "秒时间戳",
            Self::Offset => "时间 2026-11-23T09:30:15+08:00",
            Self::Spaced => "时间 2026-11-23 09:30:15",
            Self::TimePart => "时刻 093015",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(date: Date, form: DateForm) -> String {
        let mut out = Vec::new();
        date.write(form, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn epoch_is_shanghai_midnight() {
        let date = Date::read(DateForm::EpochMilliseconds, b"1588694400000").unwrap();
        assert_eq!(written(date, DateForm::Compact), "20200506");
        assert_eq!(written(date, DateForm::EpochMilliseconds), "1588694400000");
    }

    #[test]
    fn summer_time_of_1988_is_kept() {
        let date = Date::new(1988, 6, 1).unwrap();
        assert_eq!(date.epoch_milliseconds(), 581_094_000_000, "15:00 UTC of the day before: UTC+9");
        assert_eq!(Date::from_epoch_milliseconds(581_094_000_000), Some(date));
    }

    #[test]
    fn days_go_round() {
        for days in (-719_000..2_900_000).step_by(97) {
            assert_eq!(Date::from_days(days).unwrap().days(), days);
        }
        assert_eq!(Date::new(2026, 11, 24).unwrap().weekday(), 1);
    }

    #[test]
    fn wrong_days_are_refused() {
        for wrong in ["20260229", "20261301", "2026112", "2026-1-23", "00000101", "2026112a"] {
            assert_eq!(Date::read(DateForm::Compact, wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn moments_go_round_in_every_form() {
        let moment = DateTime::read(DateTimeForm::Spaced, b"2026-11-23 09:30:15").unwrap();
        assert_eq!(moment.epoch_milliseconds(), 1_795_397_415_000);
        for (form, text) in [
            (DateTimeForm::Compact, "20261123093015"),
            (DateTimeForm::CompactT, "20261123T093015"),
            (DateTimeForm::CompactColons, "2026112309:30:15"),
            (DateTimeForm::Spaced, "2026-11-23 09:30:15"),
            (DateTimeForm::Offset, "2026-11-23T09:30:15+08:00"),
            (DateTimeForm::EpochMilliseconds, "1795397415000"),
            (DateTimeForm::EpochSeconds, "1795397415"),
        ] {
            let mut out = Vec::new();
            moment.write(form, &mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(DateTime::read(form, text.as_bytes()), Some(moment), "{text}");
        }
    }
}
