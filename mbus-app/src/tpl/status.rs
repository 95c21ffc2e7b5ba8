//! The status octet STS of the transport header.
//!
//! ```text
//! from the meter   MMM T P L AA      manufacturer, temporary error, permanent error, power low, application
//! to the meter     00 LLLLLL         reception level of the meter's last telegram
//! ```
//!
//! EN 13757-7:2018, 7.5.6 and 7.5.7. Invariant: bits 1 and 0 from the meter are one number and no flags (in the
//! obsolete fixed data structure the same bits mean something else).

use core::fmt;

/// STS from a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(pub u8);

bitflags::bitflags! {
    impl Status: u8 {
        /// The supply voltage is low.
        const POWER_LOW = 0x04;
        /// The meter needs service.
        const PERMANENT_ERROR = 0x08;
        /// The meter will be well again by itself.
        const TEMPORARY_ERROR = 0x10;
        /// The manufacturer's first bit.
        const MANUFACTURER_1 = 0x20;
        /// The manufacturer's second bit.
        const MANUFACTURER_2 = 0x40;
        /// The manufacturer's third bit.
        const MANUFACTURER_3 = 0x80;
        /// The two bits of the application status.
        const APPLICATION = 0x03;
    }
}

/// The application status, bits 1 and 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ApplicationStatus {
    /// 00.
    NoError,
    /// 01.
    Busy,
    /// 10: any application error.
    AnyError,
    /// 11: abnormal condition or alarm.
    Abnormal,
}

impl Status {
    /// The application status.
    #[must_use]
    pub const fn application(self) -> ApplicationStatus {
        match self.0 & 3 {
            0 => ApplicationStatus::NoError,
            1 => ApplicationStatus::Busy,
            2 => ApplicationStatus::AnyError,
            _ => ApplicationStatus::Abnormal,
        }
    }
    /// The words for everything that is set, lowest bits first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let application = match self.application() {
            ApplicationStatus::NoError => None,
            ApplicationStatus::Busy => Some("application busy"),
            ApplicationStatus::AnyError => Some("application error"),
            ApplicationStatus::Abnormal => Some("abnormal condition"),
        };
        const FLAGS: [(Status, &str); 6] = [
            (Status::POWER_LOW, "power low"),
            (Status::PERMANENT_ERROR, "permanent error"),
            (Status::TEMPORARY_ERROR, "temporary error"),
            (Status::MANUFACTURER_1, "manufacturer specific 1"),
            (Status::MANUFACTURER_2, "manufacturer specific 2"),
            (Status::MANUFACTURER_3, "manufacturer specific 3"),
        ];
        let flags = FLAGS.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, word)| word);
        application.into_iter().chain(flags)
    }
}

/// All words, `ok` when nothing is set.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for word in self.words() {
            if !first {
                f.write_str(", ")?;
            }
            f.write_str(word)?;
            first = false;
        }
        if first { f.write_str("ok") } else { Ok(()) }
    }
}

/// STS to a meter: how well it was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PartnerStatus(pub u8);

impl PartnerStatus {
    /// The reception level in dBm, -128 to -4 in steps of two; `None` when none is given.
    #[must_use]
    pub const fn reception_level(self) -> Option<i16> {
        match self.0 & 0x3F {
            0 => None,
            n => Some((n as i16).wrapping_mul(2).wrapping_sub(130)),
        }
    }
    /// The status for a level in dBm, rounded towards the weaker step and held within the range.
    #[must_use]
    pub const fn from_reception_level(dbm: i16) -> Self {
        let clamped = if dbm < -128 {
            -128
        } else if dbm > -4 {
            -4
        } else {
            dbm
        };
        let [low, _] = (clamped.wrapping_add(130) / 2).to_le_bytes();
        Self(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn application_status_is_a_number() {
        assert_eq!(Status(0).to_string(), "ok");
        assert_eq!(Status(3).application(), ApplicationStatus::Abnormal);
        assert_eq!(Status(0x03).to_string(), "abnormal condition");
        assert_eq!(Status(0x15).to_string(), "application busy, power low, temporary error");
        for raw in 0..=255u8 {
            assert_eq!(
                Status(raw).words().count() as u32,
                (raw & 0xFC).count_ones() + u32::from(raw & 3 != 0)
            );
        }
    }

    #[test]
    fn reception_levels() {
        // OMS Vol. 2 Annex M: 17h is -84 dBm, 20h is -66 dBm, 00h is no value.
        assert_eq!(PartnerStatus(0x17).reception_level(), Some(-84));
        assert_eq!(PartnerStatus(0x20).reception_level(), Some(-66));
        assert_eq!(PartnerStatus(0x00).reception_level(), None);
        for raw in 1..=0x3F {
            let level = PartnerStatus(raw).reception_level().unwrap();
            assert_eq!(PartnerStatus::from_reception_level(level), PartnerStatus(raw));
        }
        assert_eq!(PartnerStatus::from_reception_level(-200).reception_level(), Some(-128));
        assert_eq!(PartnerStatus::from_reception_level(20).reception_level(), Some(-4));
    }
}
