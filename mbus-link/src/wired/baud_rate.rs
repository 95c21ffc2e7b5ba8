//! The rates of the wired bus, and the CI that changes a slave over to each (CI B8h to BFh, no data).
//!
//! The slave answers E5 at the old rate and changes over then; a broadcast changes it over without an answer.
//! Invariants: a [`BaudRate`] is one of the rows of [`BaudRate::TABLE`]; other rates have no CI.

/// A rate that a CI can set.
///
/// ```
/// use mbus_link::wired::BaudRate;
/// assert_eq!(BaudRate::from_ci(0xBB).map(BaudRate::baud), Some(2400));
/// assert_eq!(BaudRate::from_baud(9600).map(BaudRate::ci), Some(0xBD));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BaudRate {
    ci: u8,
    baud: u32,
}

impl BaudRate {
    /// The rates in the order of their CIs.
    pub const TABLE: [Self; 8] = [
        Self { ci: 0xB8, baud: 300 },
        Self { ci: 0xB9, baud: 600 },
        Self { ci: 0xBA, baud: 1_200 },
        Self { ci: 0xBB, baud: 2_400 },
        Self { ci: 0xBC, baud: 4_800 },
        Self { ci: 0xBD, baud: 9_600 },
        Self { ci: 0xBE, baud: 19_200 },
        Self { ci: 0xBF, baud: 38_400 },
    ];

    /// The rate of a CI; `None` for other CIs.
    #[must_use]
    pub fn from_ci(ci: u8) -> Option<Self> {
        Self::TABLE.into_iter().find(|rate| rate.ci == ci)
    }
    /// The rate of so many baud; `None` for rates that no CI sets.
    #[must_use]
    pub fn from_baud(baud: u32) -> Option<Self> {
        Self::TABLE.into_iter().find(|rate| rate.baud == baud)
    }
    /// The CI that sets it.
    #[must_use]
    pub const fn ci(self) -> u8 {
        self.ci
    }
    /// Bits per second.
    #[must_use]
    pub const fn baud(self) -> u32 {
        self.baud
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate() {
        let printed = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400];
        for (ci, baud) in (0xB8u8..).zip(printed) {
            assert_eq!(BaudRate::from_ci(ci).unwrap().baud(), baud);
            assert_eq!(BaudRate::from_baud(baud).unwrap().ci(), ci);
        }
        assert_eq!((0..=255).filter(|ci| BaudRate::from_ci(*ci).is_some()).count(), 8);
        assert_eq!(BaudRate::from_baud(115_200), None);
    }
}
