//! Primary addresses on the wired bus (EN 13757-2, 5.7.5). One octet.

use core::fmt;

/// A primary address, any value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PrimaryAddress(pub u8);

impl PrimaryAddress {
    /// 0: a slave that was not given an address yet.
    pub const UNCONFIGURED: Self = Self(0);
    /// 250: the last address a slave can be given.
    pub const LAST: Self = Self(250);
    /// 251: management of a repeater that is a primary master.
    pub const REPEATER: Self = Self(251);
    /// 252: reserved.
    pub const RESERVED: Self = Self(252);
    /// 253: the slave that was selected by its secondary address.
    pub const SELECTED: Self = Self(253);
    /// 254: every slave, and every one answers. For one slave alone on the line.
    pub const TEST: Self = Self(254);
    /// 255: every slave, and none answers.
    pub const BROADCAST: Self = Self(255);

    /// True for addresses that a slave can be given, 0 to 250.
    #[must_use]
    pub const fn is_slave(self) -> bool {
        self.0 <= Self::LAST.0
    }
    /// True when a request to this address is answered at all.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        self.0 != Self::BROADCAST.0
    }
}

impl fmt::Display for PrimaryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::PrimaryAddress;

    #[test]
    fn every_address() {
        for n in 0..=255 {
            assert_eq!(PrimaryAddress(n).is_slave(), n <= 250);
            assert_eq!(PrimaryAddress(n).is_answered(), n != 255);
        }
    }
}
