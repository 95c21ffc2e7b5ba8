//! When a command is to be carried out, or a key to come into force.
//!
//! ```text
//! seconds (4, signed, least significant octet first) | control octet
//! ```
//!
//! Type M without its LVAR, OMS Vol. 2 Annexes F and N. Invariants: any octets are representable; seconds are read only
//! behind the one control octet that printed telegrams show (30h). From when the seconds count is not published: two
//! times of one sender can be compared, a calendar cannot be told.

use core::fmt;

/// The control octet of seconds.
const SECONDS: u8 = 0x30;

/// A time to act.
///
/// ```
/// use oms_security::security_information::TargetTime;
/// assert_eq!(TargetTime::NOW.seconds(), Some(0));
/// assert_eq!(TargetTime::of_seconds(3), TargetTime([3, 0, 0, 0, 0x30]));
/// assert_eq!(TargetTime::of_seconds(3).to_string(), "3 s");
/// assert_eq!((TargetTime::INVALID.seconds(), TargetTime([0; 5]).seconds()), (None, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TargetTime(pub [u8; 5]);

impl TargetTime {
    /// At once.
    pub const NOW: Self = Self([0, 0, 0, 0, SECONDS]);
    /// No valid time: the smallest number.
    pub const INVALID: Self = Self([0, 0, 0, 0x80, SECONDS]);

    /// So many seconds; the smallest number is [`TargetTime::INVALID`].
    #[must_use]
    pub const fn of_seconds(seconds: i32) -> Self {
        let [a, b, c, d] = seconds.to_le_bytes();
        Self([a, b, c, d, SECONDS])
    }
    /// The seconds; `None` for [`TargetTime::INVALID`] and behind control octets whose meaning is not published.
    #[must_use]
    pub const fn seconds(self) -> Option<i32> {
        match self.0 {
            [a, b, c, d, SECONDS] => match i32::from_le_bytes([a, b, c, d]) {
                i32::MIN => None,
                seconds => Some(seconds),
            },
            _ => None,
        }
    }
}

/// `at once`, `no valid time`, seconds, or the octets in hex.
impl fmt::Display for TargetTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.seconds()) {
            (Self::INVALID, _) => f.pad("no valid time"),
            (_, Some(0)) => f.pad("at once"),
            (_, Some(seconds)) => write!(f, "{seconds} s"),
            (Self(octets), None) => octets.iter().try_for_each(|octet| write!(f, "{octet:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn printed_times_and_their_neighbours() {
        // OMS Vol. 2 Annex N, N.12: at once; Annex F: no valid time.
        assert_eq!(TargetTime([0, 0, 0, 0, 0x30]).to_string(), "at once");
        assert_eq!(TargetTime([0, 0, 0, 0x80, 0x30]).to_string(), "no valid time");
        assert_eq!(TargetTime([1, 0, 0, 0x80, 0x30]).seconds(), Some(i32::MIN + 1));
        assert_eq!(TargetTime([0xFF, 0xFF, 0xFF, 0xFF, 0x30]).to_string(), "-1 s");
        assert_eq!(TargetTime([1, 2, 3, 4, 0x31]).to_string(), "0102030431");
        for seconds in [i32::MIN + 1, -1, 0, 1, 0x0403_0201, i32::MAX] {
            assert_eq!(TargetTime::of_seconds(seconds).seconds(), Some(seconds));
        }
        assert_eq!(TargetTime::of_seconds(i32::MIN), TargetTime::INVALID);
        for control in (0..=255).filter(|control| *control != 0x30) {
            assert_eq!(TargetTime([0, 0, 0, 0, control]).seconds(), None);
        }
    }
}
