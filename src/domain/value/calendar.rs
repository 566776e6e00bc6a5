//! Working days, from a loaded file: the calendar of a year is announced only late in the year before,
//! so a day past the file's end is never guessed.

use super::Date;
use std::collections::BTreeMap;

/// Days that differ from Monday to Friday, for whole years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// True: a working day though at the weekend; false: free though in the week.
    exceptions: BTreeMap<Date, bool>,
    years: Option<(u16, u16)>,
}

impl Calendar {
    /// A calendar of exceptions (`true`: working). It covers the years from the first to the last exception.
    pub fn new(exceptions: impl IntoIterator<Item = (Date, bool)>) -> Self {
        let exceptions: BTreeMap<_, _> = exceptions.into_iter().collect();
        let years = exceptions.keys().next().zip(exceptions.keys().next_back());
        let years = years.map(|(first, last)| (first.parts().0, last.parts().0));
        Self { exceptions, years }
    }

    /// The last day covered.
    pub fn last(&self) -> Option<Date> {
        self.years.and_then(|(_, last)| Date::new(u32::from(last), 12, 31))
    }

    fn is_working(&self, date: Date) -> bool {
        self.exceptions.get(&date).copied().unwrap_or_else(|| date.weekday() < 5)
    }

    /// The day on which `days` working days are over, the day of acceptance not counted.
    /// `None` where a day on the way is not covered.
    pub fn due(&self, accepted: Date, days: u32) -> Option<Date> {
        let (first, last) = self.years?;
        let mut date = accepted;
        let mut left = days;
        while left > 0 {
            date = Date::from_days(date.days() + 1)?;
            if date.parts().0 < first || date.parts().0 > last {
                return None;
            }
            if self.is_working(date) {
                left -= 1;
            }
        }
        Some(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_and_exceptions_are_stepped_over() {
        let day = |text: &str| Date::read(super::super::DateForm::Dashed, text.as_bytes()).unwrap();
        let calendar =
            Calendar::new([(day("2026-10-01"), false), (day("2026-10-02"), false), (day("2026-10-10"), true)]);
        assert_eq!(calendar.due(day("2026-11-23"), 3), Some(day("2026-11-26")));
        assert_eq!(calendar.due(day("2026-11-20"), 10), Some(day("2026-12-04")));
        assert_eq!(calendar.due(day("2026-09-30"), 1), Some(day("2026-10-05")));
        assert_eq!(calendar.due(day("2026-12-30"), 5), None, "2027 is not loaded");
        assert_eq!(calendar.due(day("2026-12-31"), 0), Some(day("2026-12-31")));
    }

    /// The published schedules, against due dates that were counted by hand.
    #[test]
    fn all_vectors() {
        let day = |text: &str| Date::read(super::super::DateForm::Dashed, text.as_bytes()).unwrap();
        let rows = |text: &'static str| csv::Reader::from_reader(text.as_bytes()).into_records().map(Result::unwrap);
        let calendar = include_str!("../../../mappings/calendar.csv");
        let calendar = Calendar::new(rows(calendar).map(|row| (day(&row[0]), &row[1] == "work")));
        let vectors: Vec<_> = rows(include_str!("../../../tests/vectors/due-date.csv")).collect();
        assert_eq!(vectors.len(), 8);
        for row in vectors {
            let (accepted, due) = (day(&row[0][..10]), day(&row[2]));
            assert_eq!(calendar.due(accepted, row[1].parse().unwrap()), Some(due), "{row:?}");
            assert!(calendar.is_working(due), "{row:?}");
            match &row[3] {
                "" => assert!(calendar.is_working(accepted), "{row:?}"),
                "holiday submission" => assert!(!calendar.is_working(accepted), "{row:?}"),
                "crosses a year" => assert!(accepted.parts().0 < due.parts().0, "{row:?}"),
                note => panic!("no test for {note}"),
            }
        }
    }
}
