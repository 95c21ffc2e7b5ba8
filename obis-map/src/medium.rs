//! Value group A: the medium of a code, and which device type measures it.
//!
//! Invariants: any value of A is representable, an unknown one is data. The device type decides the
//! medium by the table of OMS Vol. 2, Annex A; where it does not, [`Medium::of`] says so and the caller
//! decides.

use core::fmt;
use mbus_link::DeviceType;

/// Value group A of an OBIS code (EN 62056-6-1, table 1), which is also the first digit of the number
/// of DIN 43863-5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Medium(pub u8);

impl Medium {
    /// 0: no medium, things of the device itself.
    pub const ABSTRACT: Self = Self(0);
    /// 1: electricity.
    pub const ELECTRICITY: Self = Self(1);
    /// 4: heat cost allocators.
    pub const HEAT_COST_ALLOCATOR: Self = Self(4);
    /// 5: cooling.
    pub const COOLING: Self = Self(5);
    /// 6: heat.
    pub const HEAT: Self = Self(6);
    /// 7: gas.
    pub const GAS: Self = Self(7);
    /// 8: cold water.
    pub const COLD_WATER: Self = Self(8);
    /// 9: warm and hot water.
    pub const HOT_WATER: Self = Self(9);
    /// 14, digit `E`: communication devices (in DIN 43863-5).
    pub const COMMUNICATION: Self = Self(14);
    /// 15, digit `F`: other media.
    pub const OTHER: Self = Self(15);

    /// The medium that a device of this type measures; `None` where the type leaves it open (dual
    /// register water meter, unknown, wildcard) and the caller has to say it.
    ///
    /// A combined heat and cooling meter counts as heat; its cooling registers have their own codes.
    ///
    /// ```
    /// use mbus_link::DeviceType;
    /// use obis_map::Medium;
    /// assert_eq!(Medium::of(DeviceType::WARM_WATER), Some(Medium::HOT_WATER));
    /// assert_eq!(Medium::of(DeviceType::DUAL_WATER), None);
    /// ```
    #[must_use]
    pub const fn of(device_type: DeviceType) -> Option<Self> {
        match device_type {
            DeviceType::ELECTRICITY => Some(Self::ELECTRICITY),
            DeviceType::GAS => Some(Self::GAS),
            DeviceType::HEAT_OUTLET | DeviceType::HEAT_INLET | DeviceType::HEAT_COOLING => Some(Self::HEAT),
            DeviceType::COOLING_OUTLET | DeviceType::COOLING_INLET => Some(Self::COOLING),
            DeviceType::WARM_WATER | DeviceType::HOT_WATER => Some(Self::HOT_WATER),
            DeviceType::WATER | DeviceType::COLD_WATER => Some(Self::COLD_WATER),
            DeviceType::HEAT_COST_ALLOCATOR => Some(Self::HEAT_COST_ALLOCATOR),
            DeviceType::COMMUNICATION_CONTROLLER
            | DeviceType::REPEATER_UNIDIRECTIONAL
            | DeviceType::REPEATER_BIDIRECTIONAL => Some(Self::COMMUNICATION),
            DeviceType::DUAL_WATER | DeviceType::UNKNOWN | DeviceType::WILDCARD => None,
            _ => Some(Self::OTHER),
        }
    }
    /// The digit of DIN 43863-5: `0` to `9`, `A` to `F`; `None` above 15.
    #[must_use]
    pub const fn digit(self) -> Option<u8> {
        match self.0 {
            0..=9 => Some(b'0' | self.0),
            10..=15 => Some(self.0.wrapping_add(b'A' - 10)),
            _ => None,
        }
    }
    /// The medium of a digit of DIN 43863-5, in either case.
    #[must_use]
    pub const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'0'..=b'9' => Some(Self(digit & 0x0F)),
            b'A'..=b'F' | b'a'..=b'f' => Some(Self((digit & 0x0F).wrapping_add(9))),
            _ => None,
        }
    }
    /// The name in EN 62056-6-1, `None` for a value without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::ABSTRACT => Some("abstract"),
            Self::ELECTRICITY => Some("electricity"),
            Self::HEAT_COST_ALLOCATOR => Some("heat cost allocator"),
            Self::COOLING => Some("cooling"),
            Self::HEAT => Some("heat"),
            Self::GAS => Some("gas"),
            Self::COLD_WATER => Some("cold water"),
            Self::HOT_WATER => Some("hot water"),
            Self::COMMUNICATION => Some("communication device"),
            Self::OTHER => Some("other medium"),
            _ => None,
        }
    }
}

/// The name, or `medium N`.
impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "medium {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_run_from_0_to_f() {
        for value in 0..=255 {
            match Medium(value).digit() {
                Some(digit) => {
                    assert_eq!(Medium::from_digit(digit), Some(Medium(value)));
                    assert_eq!(Medium::from_digit(digit.to_ascii_lowercase()), Some(Medium(value)));
                }
                None => assert!(value > 15),
            }
        }
        assert_eq!(Medium::from_digit(b'G'), None);
        assert_eq!(Medium::COMMUNICATION.digit(), Some(b'E'));
    }

    #[test]
    fn device_types_have_their_medium() {
        let expected = [
            (2, 1),
            (3, 7),
            (4, 6),
            (6, 9),
            (7, 8),
            (8, 4),
            (10, 5),
            (11, 5),
            (12, 6),
            (13, 6),
            (21, 9),
            (22, 8),
        ];
        for (device_type, medium) in expected {
            assert_eq!(Medium::of(DeviceType(device_type)), Some(Medium(medium)));
        }
        for device_type in [0x31, 0x32, 0x33] {
            assert_eq!(Medium::of(DeviceType(device_type)), Some(Medium::COMMUNICATION));
        }
        for device_type in [0x0F, 0x17, 0xFF] {
            assert_eq!(Medium::of(DeviceType(device_type)), None);
        }
        assert_eq!(Medium::of(DeviceType::BUS_SYSTEM), Some(Medium::OTHER));
    }
}
