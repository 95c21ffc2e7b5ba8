//! A date, with or without time of day, and steps along the calendar from it.
//!
//! Invariants: all arithmetic is that of the calendar in the time frame of the starting point; whether summer
//! time began in between is not known and not guessed. A step from a moment with open parts, or beyond the
//! years 0 to 9999, is `None`. A day that a month does not have becomes its last day.

use core::fmt;

use crate::date_time::{Calendar, Date, DateTime, Precision, Time};
use crate::value::Value;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A date, or a date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Moment {
    /// A day (type G).
    Date(Date),
    /// A minute or second of a day (types F and I).
    DateTime(DateTime),
}

impl Moment {
    /// The moment that a value is, if it is one.
    #[must_use]
    pub const fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Date(date) => Some(Self::Date(*date)),
            Value::DateTime(moment) => Some(Self::DateTime(*moment)),
            _ => None,
        }
    }
    /// The day.
    #[must_use]
    pub const fn date(&self) -> Date {
        match self {
            Self::Date(date) => *date,
            Self::DateTime(moment) => moment.date,
        }
    }
    fn with_date(self, date: Date) -> Self {
        match self {
            Self::Date(_) => Self::Date(date),
            // Day of the week and week would be those of another day.
            Self::DateTime(moment) => Self::DateTime(DateTime {
                date,
                calendar: Calendar::default(),
                hundred_year_bits: 0,
                ..moment
            }),
        }
    }
    /// So many days later, or earlier.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Option<Self> {
        let date = self.date();
        Some(self.with_date(date_of_day(day_number(date)?.checked_add(days)?)?))
    }
    /// So many calendar months later, or earlier.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Option<Self> {
        let Date { year: Some(year), month: Some(month), day: Some(day) } = self.date() else { return None };
        let count = i64::from(year).checked_mul(12)?.checked_add(i64::from(month).checked_sub(1)?)?;
        let count = count.checked_add(months)?;
        let year = u16::try_from(count.div_euclid(12)).ok().filter(|year| *year <= 9999)?;
        let month = u8::try_from(count.rem_euclid(12)).ok()?.checked_add(1)?;
        // The last days of long months do not exist in short ones.
        let date = (0..4).find_map(|short| Date::new(year, month, day.checked_sub(short)?))?;
        Some(self.with_date(date))
    }
    /// True for the same day and the same time of day; seconds that are not told are zero, and day of the week or
    /// summer time do not count.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        self.date() == other.date() && self.time_of_day() == other.time_of_day()
    }
    /// How many days lie between the days of the two, negative when `self` is earlier. `None` where they are not told.
    #[must_use]
    pub fn days_since(self, other: Self) -> Option<i64> {
        day_number(self.date())?.checked_sub(day_number(other.date())?)
    }
    /// How many seconds lie between the two, negative when `self` is earlier. `None` where one has no time of day.
    #[must_use]
    pub fn seconds_since(self, other: Self) -> Option<i64> {
        let of_day = self.time_of_day()?.checked_sub(other.time_of_day()?)?;
        self.days_since(other)?.checked_mul(DAY)?.checked_add(of_day)
    }
    /// Seconds since midnight. `None` for a day without a time, and for open parts.
    fn time_of_day(self) -> Option<i64> {
        let Self::DateTime(moment) = self else { return None };
        let Time { hour: Some(hour), minute: Some(minute), second } = moment.time else { return None };
        // Type F has no seconds: its moments are full minutes.
        let second = match (second, moment.precision) {
            (Some(second), _) => second,
            (None, Precision::Minutes) => 0,
            (None, Precision::Seconds) => return None,
        };
        i64::from(hour)
            .checked_mul(3600)?
            .checked_add(i64::from(minute).checked_mul(60)?)?
            .checked_add(i64::from(second))
    }
    /// So many seconds later, or earlier. `None` for a day without a time.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Option<Self> {
        let of_day = self.time_of_day()?.checked_add(seconds)?;
        let Self::DateTime(moment) = self.plus_days(of_day.div_euclid(DAY))? else { return None };
        let of_day = of_day.rem_euclid(DAY);
        let part = |part: i64| u8::try_from(part).ok();
        let second = part(of_day % 60)?;
        let full_minute = moment.precision == Precision::Minutes && second == 0;
        let time = Time {
            hour: Some(part(of_day / 3600)?),
            minute: Some(part(of_day / 60 % 60)?),
            second: if full_minute { None } else { Some(second) },
        };
        let precision = if full_minute { Precision::Minutes } else { Precision::Seconds };
        Some(Self::DateTime(DateTime { time, precision, ..moment }))
    }
}

/// ISO 8601 without offset.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{date}"),
            Self::DateTime(moment) => write!(f, "{moment}"),
        }
    }
}

/// Days since 1 March of the year 0, Gregorian calendar. Years begin in March, so that the leap day is the last.
fn day_number(date: Date) -> Option<i64> {
    let Date { year: Some(year), month: Some(month), day: Some(day) } = date else { return None };
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = month.checked_add(9)? % 12;
    let of_year = month.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(day.checked_sub(1)?)?;
    let leap_days =
        year.div_euclid(4).checked_sub(year.div_euclid(100))?.checked_add(year.div_euclid(400))?;
    year.checked_mul(365)?.checked_add(leap_days)?.checked_add(of_year)
}

/// The inverse of [`day_number`].
fn date_of_day(number: i64) -> Option<Date> {
    let era = number.div_euclid(146_097);
    let of_era = number.rem_euclid(146_097);
    let leap_days = (of_era / 1460).checked_sub(of_era / 36_524)?.checked_add(of_era / 146_096)?;
    let year_of_era = of_era.checked_sub(leap_days)? / 365;
    let before =
        year_of_era.checked_mul(365)?.checked_add(year_of_era / 4)?.checked_sub(year_of_era / 100)?;
    let of_year = of_era.checked_sub(before)?;
    let month = of_year.checked_mul(5)?.checked_add(2)? / 153;
    let day = of_year.checked_sub(month.checked_mul(153)?.checked_add(2)? / 5)?.checked_add(1)?;
    let year = era.checked_mul(400)?.checked_add(year_of_era)?;
    let (year, month) = if month < 10 {
        (year, month.checked_add(3)?)
    } else {
        (year.checked_add(1)?, month.checked_sub(9)?)
    };
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999)?;
    Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn date(year: u16, month: u8, day: u8) -> Moment {
        Moment::Date(Date::new(year, month, day).unwrap())
    }
    fn minute(hour: u8, minute: u8) -> Moment {
        Moment::DateTime(DateTime {
            date: Date::new(2024, 2, 28).unwrap(),
            time: Time { hour: Some(hour), minute: Some(minute), second: None },
            ..DateTime::default()
        })
    }

    #[test]
    fn days_follow_one_another() {
        // Day by day over 800 years, against the calendar counted by hand.
        let (mut year, mut month, mut day) = (1800u16, 1u8, 1u8);
        let mut number = day_number(Date::new(1800, 1, 1).unwrap()).unwrap();
        while year < 2600 {
            let expected = Date::new(year, month, day).unwrap();
            assert_eq!(day_number(expected), Some(number));
            assert_eq!(date_of_day(number), Some(expected));
            number += 1;
            day += 1;
            if Date::new(year, month, day).is_none() {
                (month, day) = (month + 1, 1);
            }
            if month == 13 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn months_end_where_they_end() {
        let end = date(2023, 12, 31);
        let ends: std::vec::Vec<_> = (1..=6).map(|n| end.plus_months(n).unwrap().to_string()).collect();
        assert_eq!(
            ends,
            ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]
        );
        assert_eq!(end.plus_months(-10).unwrap().to_string(), "2023-02-28");
        assert_eq!(end.plus_months(i64::MAX), None);
        assert_eq!(end.plus_months(12 * 8000), None);
        assert_eq!(Moment::Date(Date { day: None, ..end.date() }).plus_months(1), None);
    }

    #[test]
    fn seconds_cross_midnight_and_leap_days() {
        assert_eq!(minute(23, 45).plus_seconds(900).unwrap().to_string(), "2024-02-29T00:00");
        assert_eq!(minute(0, 0).plus_seconds(-8).unwrap().to_string(), "2024-02-27T23:59:52");
        assert_eq!(minute(12, 0).plus_seconds(2 * 86_400).unwrap().to_string(), "2024-03-01T12:00");
        assert_eq!(minute(12, 0).plus_seconds(i64::MAX), None);
        assert_eq!(date(2024, 1, 1).plus_seconds(60), None, "at which time?");
        assert_eq!(date(2024, 1, 1).plus_days(-1).unwrap().to_string(), "2023-12-31");
        assert_eq!(date(9999, 12, 31).plus_days(1), None);
        assert_eq!(date(0, 1, 1).plus_days(-1), None);
    }

    #[test]
    fn distances() {
        let later = minute(0, 0).plus_seconds(3 * 86_400 + 61).unwrap();
        assert_eq!(later.seconds_since(minute(0, 0)), Some(3 * 86_400 + 61));
        assert_eq!(minute(0, 0).seconds_since(later), Some(-3 * 86_400 - 61));
        assert_eq!((later.days_since(minute(23, 0)), minute(23, 0).days_since(later)), (Some(3), Some(-3)));
        assert_eq!(
            (date(2024, 1, 2).seconds_since(date(2024, 1, 1)), later.seconds_since(date(2024, 1, 1))),
            (None, None)
        );
        assert_eq!(Moment::Date(Date { day: None, ..later.date() }).days_since(later), None);
        assert!(
            later.is_same(later) && !later.is_same(minute(0, 0)) && !date(2024, 2, 28).is_same(minute(0, 0))
        );
        assert!(
            later.plus_seconds(-61).unwrap().is_same(minute(0, 0).plus_days(3).unwrap()),
            "with and without seconds"
        );
    }
}
