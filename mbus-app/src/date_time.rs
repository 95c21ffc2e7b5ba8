//! Dates and times: types F, G, I, J, and the observed form of M (EN 13757-3:2018, Annex A).
//!
//! Invariants: the meter's local time as sent, no time zone and no offset is ever invented. What a field
//! leaves open ("every day", "not specified") is `None`; what cannot be (31 February, hour 25, the
//! invalid flag) is no date at all. A date that is read can be written back with the same octets.

use core::fmt;

/// A date; `None` is "every" or, in type I, "not specified".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Date {
    /// The year with its century.
    pub year: Option<u16>,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to 31.
    pub day: Option<u8>,
}

/// A time of day; `None` is "every".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Time {
    /// 0 to 23.
    pub hour: Option<u8>,
    /// 0 to 59.
    pub minute: Option<u8>,
    /// 0 to 59; `None` also where the type has no seconds.
    pub second: Option<u8>,
}

/// How a date and time was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Precision {
    /// Type F: minutes.
    #[default]
    Minutes,
    /// Type I: seconds, with day of the week, week and daylight saving.
    Seconds,
}

/// What type I adds to a date and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Calendar {
    /// 1 Monday to 7 Sunday; `None` not specified.
    pub day_of_week: Option<u8>,
    /// 1 to 53; `None` not specified.
    pub week: Option<u8>,
    /// The year is a leap year.
    pub leap_year: bool,
    /// Deviation of daylight saving, -3 to 3 hours. Minus zero is kept apart by `deviation_sign`.
    pub deviation_hours: u8,
    /// True when the deviation is added.
    pub deviation_sign: bool,
}

/// A date and time, type F or I.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DateTime {
    /// The date.
    pub date: Date,
    /// The time of day.
    pub time: Time,
    /// The meter says that summer time is in force.
    pub summer_time: bool,
    /// How it was sent.
    pub precision: Precision,
    /// The hundred-year bits of type F: 0 in old meters, whose century follows from the year.
    pub hundred_year_bits: u8,
    /// The rest of type I.
    pub calendar: Calendar,
}

const fn days(year: Option<u16>, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => match year {
            Some(year) if year % 4 != 0 || (year % 100 == 0 && year % 400 != 0) => 28,
            _ => 29,
        },
        _ => 31,
    }
}

impl Date {
    /// A date with all its parts; `None` when there is no such day.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if month < 1 || month > 12 || day < 1 || day > days(Some(year), month) {
            return None;
        }
        Some(Self { year: Some(year), month: Some(month), day: Some(day) })
    }
    /// True when no part is left open.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.year.is_some() && self.month.is_some() && self.day.is_some()
    }
    const fn exists(&self) -> bool {
        match (self.month, self.day) {
            (Some(month), Some(day)) => day <= days(self.year, month),
            _ => true,
        }
    }

    /// Type G (CP16): `YYYDDDDD YYYYMMMM`. `None` for FFFFh and for days that do not exist.
    ///
    /// Years 0 to 80 are 2000 to 2080, 81 to 99 are 1981 to 1999 (compatibility rule of Annex A).
    #[must_use]
    pub const fn from_type_g(octets: [u8; 2]) -> Option<Self> {
        let [low, high] = octets;
        if low == 0xFF && high == 0xFF {
            return None;
        }
        let year = match (low >> 5) | (high >> 4) << 3 {
            year @ 0..=80 => Some(2000u16.wrapping_add(year as u16)),
            year @ 81..=99 => Some(1900u16.wrapping_add(year as u16)),
            127 => None,
            _ => return None,
        };
        let month = match high & 0x0F {
            month @ 1..=12 => Some(month),
            15 => None,
            _ => return None,
        };
        let day = match low & 0x1F {
            0 => None,
            day => Some(day),
        };
        let date = Self { year, month, day };
        if date.exists() { Some(date) } else { None }
    }
    /// The octets of type G; `None` for years outside 1981 to 2080.
    #[must_use]
    pub const fn to_type_g(&self) -> Option<[u8; 2]> {
        let year = match self.year {
            Some(year @ 2000..=2080) => low_octet(year.wrapping_sub(2000)),
            Some(year @ 1981..=1999) => low_octet(year.wrapping_sub(1900)),
            Some(_) => return None,
            None => 127,
        };
        let (Some(month), Some(day)) = (self.month_bits(), self.day_bits()) else { return None };
        if !self.exists() {
            return None;
        }
        Some([day | year << 5, month | (year >> 3) << 4])
    }
    const fn month_bits(&self) -> Option<u8> {
        match self.month {
            Some(month @ 1..=12) => Some(month),
            Some(_) => None,
            None => Some(15),
        }
    }
    const fn day_bits(&self) -> Option<u8> {
        match self.day {
            Some(day @ 1..=31) => Some(day),
            Some(_) => None,
            None => Some(0),
        }
    }
}

impl Time {
    /// Type J (CP24): second, minute, hour. `None` for FFFFFFh and for times that do not exist.
    #[must_use]
    pub const fn from_type_j(octets: [u8; 3]) -> Option<Self> {
        let [second, minute, hour] = octets;
        match (sixty(second & 0x3F), sixty(minute & 0x3F), hours(hour & 0x1F)) {
            (Some(second), Some(minute), Some(hour)) if is_not_all_ones(octets) => {
                Some(Self { hour, minute, second })
            }
            _ => None,
        }
    }
    /// The octets of type J; `None` when a part is out of its range.
    #[must_use]
    pub const fn to_type_j(&self) -> Option<[u8; 3]> {
        match (put_sixty(self.second), put_sixty(self.minute), put_hours(self.hour)) {
            (Some(second), Some(minute), Some(hour)) => Some([second, minute, hour]),
            _ => None,
        }
    }
}

/// A year within its century fits one octet.
const fn low_octet(number: u16) -> u8 {
    let [low, _] = number.to_le_bytes();
    low
}

/// All ones mean that there is no time.
const fn is_not_all_ones(octets: [u8; 3]) -> bool {
    let [second, minute, hour] = octets;
    !(second == 0xFF && minute == 0xFF && hour == 0xFF)
}

const fn sixty(bits: u8) -> Option<Option<u8>> {
    match bits {
        0..=59 => Some(Some(bits)),
        63 => Some(None),
        _ => None,
    }
}
const fn hours(bits: u8) -> Option<Option<u8>> {
    match bits {
        0..=23 => Some(Some(bits)),
        31 => Some(None),
        _ => None,
    }
}
const fn put_sixty(part: Option<u8>) -> Option<u8> {
    match part {
        Some(part @ 0..=59) => Some(part),
        Some(_) => None,
        None => Some(63),
    }
}
const fn put_hours(part: Option<u8>) -> Option<u8> {
    match part {
        Some(part @ 0..=23) => Some(part),
        Some(_) => None,
        None => Some(31),
    }
}

impl DateTime {
    /// Type F (CP32), minutes. `None` with the invalid flag and for moments that do not exist.
    ///
    /// ```text
    /// IV 0 minute(6) | SU hundred(2) hour(5) | year(3 low) day(5) | year(4 high) month(4)
    /// ```
    ///
    /// With hundred-year bits 0 the years 0 to 80 are 2000 to 2080; else 1900 + 100 x bits + year.
    #[must_use]
    pub const fn from_type_f(octets: [u8; 4]) -> Option<Self> {
        let [a, b, c, d] = octets;
        let hundred = (b >> 5) & 3;
        let year = match (c >> 5) | (d >> 4) << 3 {
            year @ 0..=80 if hundred == 0 => Some(2000u16.wrapping_add(year as u16)),
            year @ 0..=99 => {
                Some(1900u16.wrapping_add(100u16.wrapping_mul(hundred as u16)).wrapping_add(year as u16))
            }
            127 => None,
            _ => return None,
        };
        let month = match d & 0x0F {
            month @ 1..=12 => Some(month),
            15 => None,
            _ => return None,
        };
        let day = match c & 0x1F {
            0 => None,
            day => Some(day),
        };
        let (Some(minute), Some(hour)) = (sixty(a & 0x3F), hours(b & 0x1F)) else { return None };
        let date = Date { year, month, day };
        if a & 0x80 != 0 || !date.exists() {
            return None;
        }
        Some(Self {
            date,
            time: Time { hour, minute, second: None },
            summer_time: b & 0x80 != 0,
            precision: Precision::Minutes,
            hundred_year_bits: hundred,
            calendar: Calendar {
                day_of_week: None,
                week: None,
                leap_year: false,
                deviation_hours: 0,
                deviation_sign: false,
            },
        })
    }
    /// The octets of type F; `None` for years outside 1900 to 2299 and parts out of range. The
    /// hundred-year bits are those that were read if they fit the year, else those of the year.
    #[must_use]
    pub const fn to_type_f(&self) -> Option<[u8; 4]> {
        let (hundred, year) = match self.date.year {
            Some(year @ 2000..=2080) if self.hundred_year_bits == 0 => {
                (0, low_octet(year.wrapping_sub(2000)))
            }
            Some(year @ 1981..=1999) => (0, low_octet(year.wrapping_sub(1900))),
            Some(year @ 2000..=2299) => {
                let hundreds = year.wrapping_sub(1900) / 100;
                (low_octet(hundreds), low_octet(year % 100))
            }
            Some(_) => return None,
            None => (self.hundred_year_bits & 3, 127),
        };
        let (Some(month), Some(day)) = (self.date.month_bits(), self.date.day_bits()) else { return None };
        let (Some(minute), Some(hour)) = (put_sixty(self.time.minute), put_hours(self.time.hour)) else {
            return None;
        };
        if !self.date.exists() {
            return None;
        }
        let summer = if self.summer_time { 0x80 } else { 0 };
        Some([minute, hour | hundred << 5 | summer, day | year << 5, month | (year >> 3) << 4])
    }

    /// Type I (CP48), seconds. `None` with the invalid flag and for moments that do not exist.
    ///
    /// ```text
    /// LY SU second(6) | IV sign minute(6) | weekday(3) hour(5) | year(3) day(5) | year(4) month(4) | dev(2) week(6)
    /// ```
    ///
    /// The year has no century: 2000 to 2099.
    #[must_use]
    pub const fn from_type_i(octets: [u8; 6]) -> Option<Self> {
        let [a, b, c, d, e, f] = octets;
        let year = match (d >> 5) | (e >> 4) << 3 {
            year @ 0..=99 => Some(2000u16.wrapping_add(year as u16)),
            127 => None,
            _ => return None,
        };
        let month = match e & 0x0F {
            0 => None,
            month @ 1..=12 => Some(month),
            _ => return None,
        };
        let day = match d & 0x1F {
            0 => None,
            day => Some(day),
        };
        let (Some(second), Some(minute), Some(hour)) = (sixty(a & 0x3F), sixty(b & 0x3F), hours(c & 0x1F))
        else {
            return None;
        };
        let day_of_week = match c >> 5 {
            0 => None,
            day => Some(day),
        };
        let week = match f & 0x3F {
            0 => None,
            week @ 1..=53 => Some(week),
            _ => return None,
        };
        let date = Date { year, month, day };
        if b & 0x80 != 0 || !date.exists() {
            return None;
        }
        Some(Self {
            date,
            time: Time { hour, minute, second },
            summer_time: a & 0x40 != 0,
            precision: Precision::Seconds,
            hundred_year_bits: 0,
            calendar: Calendar {
                day_of_week,
                week,
                leap_year: a & 0x80 != 0,
                deviation_hours: f >> 6,
                deviation_sign: b & 0x40 != 0,
            },
        })
    }
    /// The octets of type I; `None` for years outside 2000 to 2099 and parts out of range.
    #[must_use]
    pub const fn to_type_i(&self) -> Option<[u8; 6]> {
        let year = match self.date.year {
            Some(year @ 2000..=2099) => low_octet(year.wrapping_sub(2000)),
            Some(_) => return None,
            None => 127,
        };
        let month = match self.date.month {
            Some(month @ 1..=12) => month,
            Some(_) => return None,
            None => 0,
        };
        let Some(day) = self.date.day_bits() else { return None };
        let (Some(second), Some(minute), Some(hour)) =
            (put_sixty(self.time.second), put_sixty(self.time.minute), put_hours(self.time.hour))
        else {
            return None;
        };
        let day_of_week = match self.calendar.day_of_week {
            Some(day @ 1..=7) => day,
            Some(_) => return None,
            None => 0,
        };
        let week = match self.calendar.week {
            Some(week @ 1..=53) => week,
            Some(_) => return None,
            None => 0,
        };
        if !self.date.exists() || self.calendar.deviation_hours > 3 {
            return None;
        }
        let leap = if self.calendar.leap_year { 0x80 } else { 0 };
        let summer = if self.summer_time { 0x40 } else { 0 };
        let sign = if self.calendar.deviation_sign { 0x40 } else { 0 };
        Some([
            second | summer | leap,
            minute | sign,
            hour | day_of_week << 5,
            day | year << 5,
            month | (year >> 3) << 4,
            week | self.calendar.deviation_hours << 6,
        ])
    }
}

fn two(f: &mut fmt::Formatter<'_>, part: Option<u8>) -> fmt::Result {
    match part {
        Some(part) => write!(f, "{part:02}"),
        None => f.write_str("XX"),
    }
}

/// ISO 8601, `XX` for a part that is left open (ISO 8601-2): `2008-05-31`, `XXXX-01-01`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}-")?,
            None => f.write_str("XXXX-")?,
        }
        two(f, self.month)?;
        f.write_str("-")?;
        two(f, self.day)
    }
}

/// ISO 8601: `23:50:00`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        two(f, self.hour)?;
        f.write_str(":")?;
        two(f, self.minute)?;
        f.write_str(":")?;
        two(f, self.second)
    }
}

/// ISO 8601 local time without offset: `2008-05-31T23:50`, with seconds for type I.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T", self.date)?;
        two(f, self.time.hour)?;
        f.write_str(":")?;
        two(f, self.time.minute)?;
        if let Precision::Seconds = self.precision {
            f.write_str(":")?;
            two(f, self.time.second)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn printed_type_f() {
        // OMS Vol. 2 Annex N: 04 6D 32 37 1F 15.
        let moment = DateTime::from_type_f([0x32, 0x37, 0x1F, 0x15]).unwrap();
        assert_eq!((moment.to_string().as_str(), moment.hundred_year_bits), ("2008-05-31T23:50", 1));
        // Century rule: hundred-year 0 and year 99 is 1999.
        let old = DateTime::from_type_f([0x1E, 0x0C, 0x7F, 0xC1]).unwrap();
        assert_eq!(old.to_string(), "1999-01-31T12:30");
        assert_eq!(DateTime::from_type_f([0x80, 0, 0, 0]), None);
        // 2010 with and without hundred-year bits.
        for (bits, octet) in [(1u8, 0x20u8), (0, 0)] {
            let octets = [0, octet, 0x41, 0x11];
            let moment = DateTime::from_type_f(octets).unwrap();
            assert_eq!((moment.to_string().as_str(), moment.hundred_year_bits), ("2010-01-01T00:00", bits));
            assert_eq!(moment.to_type_f(), Some(octets));
        }
    }

    #[test]
    fn printed_type_g() {
        assert_eq!(Date::from_type_g([0xFF, 0xFF]), None);
        assert_eq!(Date::from_type_g([0xE1, 0xF1]).unwrap().to_string(), "XXXX-01-01");
        assert_eq!(Date::from_type_g([0, 0]), None, "month 0");
        assert_eq!(
            Date::from_type_g([0x1F, 0x0C]).unwrap().to_string(),
            "2000-12-31",
            "31 is a day, not every day"
        );
        assert_eq!(Date::from_type_g([0x20, 0x0C]).unwrap().to_string(), "2001-12-XX");
        assert_eq!(Date::from_type_g([0x3F, 0xA5]).unwrap().to_string(), "1981-05-31");
    }

    #[test]
    fn printed_type_i_and_j() {
        // EN 13757-3 Annex F: 00 00 A0 41 11 35 is 2010-01-01, a Friday in week 53.
        let moment = DateTime::from_type_i([0, 0, 0xA0, 0x41, 0x11, 0x35]).unwrap();
        assert_eq!(moment.to_string(), "2010-01-01T00:00:00");
        assert_eq!((moment.calendar.day_of_week, moment.calendar.week), (Some(5), Some(53)));
        assert_eq!(DateTime::from_type_i([0, 0x80, 0xA0, 0x41, 0x11, 0x35]), None);
        // OMS Vol. 2 Annex N, N.8.2: one minute and fifty seconds.
        assert_eq!(Time::from_type_j([0x32, 0x01, 0x00]).unwrap().to_string(), "00:01:50");
        assert_eq!(Time::from_type_j([0xFF; 3]), None);
        assert_eq!(Time::from_type_j([63, 63, 31]).unwrap().to_string(), "XX:XX:XX");
    }

    #[test]
    fn every_type_g() {
        let mut valid = 0;
        for raw in 0..=u16::MAX {
            let octets = raw.to_le_bytes();
            if let Some(date) = Date::from_type_g(octets) {
                valid += 1;
                assert_eq!(date.to_type_g(), Some(octets), "{raw:04X}");
                assert!(date.day.is_none_or(|d| (1..=31).contains(&d)));
            }
        }
        // 100 years and "every year"; the days of each, "every day" of each month, 31 days and "every day" of
        // every month; without FFFFh, which would be day 31 of every month in every year.
        let common = 365 + 12 + 32;
        let leap_years = 25;
        assert_eq!(valid, 75 * common + leap_years * (common + 1) + (common + 1) - 1);
    }

    #[test]
    fn every_type_j_round_trips() {
        for second in 0..=255u8 {
            for minute in 0..=255u8 {
                for hour in [0, 23, 24, 31, 0xFF] {
                    if let Some(time) = Time::from_type_j([second, minute, hour]) {
                        let written = time.to_type_j().unwrap();
                        assert_eq!(Time::from_type_j(written), Some(time));
                    }
                }
            }
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        assert_eq!(Date::new(2023, 2, 29), None);
        assert!(Date::new(2024, 2, 29).is_some());
        assert_eq!(Date::new(1900, 2, 29), None);
        assert!(Date::new(2000, 2, 29).is_some());
        assert_eq!(Date::new(2024, 4, 31), None);
        assert_eq!(Date::new(2024, 0, 1), None);
        assert_eq!(Date::new(2024, 13, 1), None);
        assert_eq!(Date { year: Some(2024), month: Some(2), day: Some(30) }.to_type_g(), None);
    }

    #[test]
    fn type_f_round_trips_where_it_is_valid() {
        let mut n = 1u32;
        for _ in 0..400_000 {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let octets = (n & 0x9FFF_FFBF & !0x80).to_le_bytes();
            if let Some(moment) = DateTime::from_type_f(octets) {
                let written = moment.to_type_f().unwrap();
                assert_eq!(DateTime::from_type_f(written).unwrap().to_string(), moment.to_string());
            }
        }
    }
}
