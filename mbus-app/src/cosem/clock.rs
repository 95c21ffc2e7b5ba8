//! The date-time of COSEM: twelve octets.
//!
//! ```text
//! year (2) | month | day | weekday | hour | minute | second | hundredths | deviation (2) | status
//! ```
//!
//! Every part may be unspecified (FFh, year FFFFh, deviation 8000h). Deviation is in minutes and counts
//! from local time to UTC: UTC = local time + deviation, central European time has -60 (IEC 62056-6-2,
//! 4.1.6.1). Invariants: the octets are kept as sent; a part that is no date is data.

use core::fmt;

/// A date-time as sent.
///
/// ```
/// use mbus_app::cosem::Clock;
/// let clock = Clock([0x07, 0xE6, 2, 4, 5, 16, 43, 20, 0, 0xFF, 0xC4, 0]);
/// assert_eq!((clock.year(), clock.deviation()), (Some(2022), Some(-60)));
/// assert_eq!(std::format!("{clock}"), "2022-02-04T16:43:20+01:00");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clock(pub [u8; 12]);

const fn specified(octet: u8) -> Option<u8> {
    if octet == 0xFF { None } else { Some(octet) }
}

impl Clock {
    /// Octets of a date-time.
    pub const LEN: usize = 12;

    /// The year.
    #[must_use]
    pub const fn year(self) -> Option<u16> {
        let [high, low, ..] = self.0;
        match u16::from_be_bytes([high, low]) {
            0xFFFF => None,
            year => Some(year),
        }
    }
    /// The month, 1 to 12; FDh and FEh are the end and the begin of daylight saving time.
    #[must_use]
    pub const fn month(self) -> Option<u8> {
        specified(self.0[2])
    }
    /// The day of the month, 1 to 31; FDh and FEh are the second last and the last day.
    #[must_use]
    pub const fn day(self) -> Option<u8> {
        specified(self.0[3])
    }
    /// The day of the week, 1 Monday to 7 Sunday.
    #[must_use]
    pub const fn weekday(self) -> Option<u8> {
        specified(self.0[4])
    }
    /// The hour, 0 to 23.
    #[must_use]
    pub const fn hour(self) -> Option<u8> {
        specified(self.0[5])
    }
    /// The minute, 0 to 59.
    #[must_use]
    pub const fn minute(self) -> Option<u8> {
        specified(self.0[6])
    }
    /// The second, 0 to 59.
    #[must_use]
    pub const fn second(self) -> Option<u8> {
        specified(self.0[7])
    }
    /// Hundredths of a second, 0 to 99.
    #[must_use]
    pub const fn hundredths(self) -> Option<u8> {
        specified(self.0[8])
    }
    /// Minutes from local time to UTC, -840 to 720.
    #[must_use]
    pub const fn deviation(self) -> Option<i16> {
        let [_, _, _, _, _, _, _, _, _, high, low, _] = self.0;
        match i16::from_be_bytes([high, low]) {
            i16::MIN => None,
            minutes => Some(minutes),
        }
    }
    /// The status octet: 01h invalid, 02h doubtful, 04h other clock base, 08h invalid clock status,
    /// 80h daylight saving time; `None` for FFh, unspecified.
    #[must_use]
    pub const fn status(self) -> Option<u8> {
        specified(self.0[11])
    }
    /// True when daylight saving time is in force.
    #[must_use]
    pub const fn is_daylight_saving(self) -> bool {
        matches!(self.status(), Some(status) if status & 0x80 != 0)
    }
    /// True when the status says neither invalid nor doubtful.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        match self.status() {
            Some(status) => status & 0x0B == 0,
            None => true,
        }
    }
}

/// Date and time as ISO 8601 has them, `-` for parts that are not specified.
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year() {
            Some(year) => write!(f, "{year:04}")?,
            None => f.write_str("----")?,
        }
        let parts = [
            ("-", self.month()),
            ("-", self.day()),
            ("T", self.hour()),
            (":", self.minute()),
            (":", self.second()),
        ];
        for (separator, part) in parts {
            match part {
                Some(part) => write!(f, "{separator}{part:02}")?,
                None => write!(f, "{separator}--")?,
            }
        }
        match self.hundredths() {
            Some(0) | None => {}
            Some(part) => write!(f, ".{part:02}")?,
        }
        let Some(deviation) = self.deviation() else { return Ok(()) };
        let sign = if deviation > 0 { '-' } else { '+' };
        let minutes = deviation.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn clocks_of_pushes_are_read() {
        let clock = Clock([0x07, 0xE5, 9, 27, 1, 9, 47, 15, 0, 0xFF, 0x88, 0x80]);
        assert_eq!(format!("{clock}"), "2021-09-27T09:47:15+02:00");
        assert!(clock.is_daylight_saving() && clock.is_valid());
        assert_eq!((clock.weekday(), clock.hundredths()), (Some(1), Some(0)));
        let doubtful = Clock([0x07, 0xE6, 7, 9, 5, 8, 57, 55, 0, 0xFF, 0x88, 0x82]);
        assert!(!doubtful.is_valid());
    }

    #[test]
    fn unspecified_parts_are_dashes() {
        let mut octets = [0xFF; 12];
        octets[9] = 0x80;
        octets[10] = 0;
        let clock = Clock(octets);
        assert_eq!(format!("{clock}"), "----------T--:--:--");
        assert_eq!((clock.year(), clock.deviation(), clock.status()), (None, None, None));
        let west = Clock([0x07, 0xE6, 2, 4, 5, 16, 43, 20, 5, 0x01, 0x2C, 0]);
        assert_eq!(format!("{west}"), "2022-02-04T16:43:20.05-05:00");
    }
}
