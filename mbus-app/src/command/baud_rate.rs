//! The baud rate of a wired slave (CI B8h to BFh, no data; EN 13757-3:2018, clause 8).
//!
//! The slave answers E5 at the old rate and changes over then.

use crate::ci::CiField;

/// A rate that a CI can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BaudRate {
    ci: u8,
}

/// The rates in the order of their CIs, from B8h on.
const RATES: [u32; 8] = [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400];

impl BaudRate {
    /// The rate of a CI; `None` for other CIs.
    #[must_use]
    pub const fn from_ci(ci: CiField) -> Option<Self> {
        match ci.0 {
            0xB8..=0xBF => Some(Self { ci: ci.0 }),
            _ => None,
        }
    }
    /// The rate of so many baud; `None` for rates that no CI sets.
    #[must_use]
    pub fn from_baud(baud: u32) -> Option<Self> {
        (0xB8..=0xBF).map(|ci| Self { ci }).find(|rate| rate.baud() == baud)
    }
    /// The CI that sets it.
    #[must_use]
    pub const fn ci(self) -> CiField {
        CiField(self.ci)
    }
    /// Baud.
    #[must_use]
    pub fn baud(self) -> u32 {
        RATES.get(usize::from(self.ci & 7)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate() {
        let printed = [
            (0xB8, 300),
            (0xB9, 600),
            (0xBA, 1200),
            (0xBB, 2400),
            (0xBC, 4800),
            (0xBD, 9600),
            (0xBE, 19_200),
            (0xBF, 38_400),
        ];
        for (ci, baud) in printed {
            assert_eq!(BaudRate::from_ci(CiField(ci)).unwrap().baud(), baud);
            assert_eq!(BaudRate::from_baud(baud).unwrap().ci(), CiField(ci));
        }
        assert_eq!((0..=255).filter(|ci| BaudRate::from_ci(CiField(*ci)).is_some()).count(), 8);
        assert_eq!(BaudRate::from_baud(115_200), None);
    }
}
