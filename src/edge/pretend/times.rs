//! Times as the pretend cities write them: the day and hour of Beijing, whatever the clock of the machine says.
//!
//! It deliberately knows no public holidays: a promised day that falls on one is not moved.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::civil::Weekday;
use jiff::tz::Offset;
use jiff::tz::TimeZone;

/// The time in Beijing, from milliseconds since 1970; a time that no calendar holds counts as 1970.
pub fn beijing(milliseconds: i64) -> DateTime {
    let zone = TimeZone::fixed(Offset::constant(8));
    zone.to_datetime(Timestamp::from_millisecond(milliseconds).unwrap_or_default())
}

/// Milliseconds since 1970 of the midnight with which `date` begins in Beijing.
pub fn midnight(date: Date) -> i64 {
    let zone = TimeZone::fixed(Offset::constant(8));
    zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).map_or(0, Timestamp::as_millisecond)
}

/// `yyyyMMdd`.
pub fn date8(time: DateTime) -> String {
    time.strftime("%Y%m%d").to_string()
}

/// `yyyy-MM-dd`.
pub fn date10(date: Date) -> String {
    date.strftime("%Y-%m-%d").to_string()
}

/// `HHmmss`.
pub fn clock6(time: DateTime) -> String {
    time.strftime("%H%M%S").to_string()
}

/// `yyyyMMddHHmmss`.
pub fn moment14(time: DateTime) -> String {
    time.strftime("%Y%m%d%H%M%S").to_string()
}

/// `yyyy-MM-dd HH:mm:ss`.
pub fn moment19(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The day `count` working days (Monday to Friday) after `date`.
pub fn after_workdays(date: Date, count: u32) -> Date {
    let mut day = date;
    let mut left = count;
    while left > 0 {
        day = day.tomorrow().unwrap_or(day);
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) || day == Date::MAX {
            left -= 1;
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn beijing_is_eight_hours_ahead() {
        assert_eq!(moment19(beijing(1_795_397_416_234)), "2026-11-23 09:30:16");
        assert_eq!(midnight(date(2020, 5, 6)), 1_588_694_400_000);
        assert_eq!(moment14(beijing(i64::MAX)), "19700101080000");
    }

    #[test]
    fn workdays_skip_the_week_end() {
        assert_eq!(after_workdays(date(2026, 11, 23), 3), date(2026, 11, 26));
        assert_eq!(after_workdays(date(2026, 11, 26), 3), date(2026, 12, 1));
        assert_eq!(after_workdays(Date::MAX, 3), Date::MAX);
    }
}
