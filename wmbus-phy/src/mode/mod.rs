//! Radio modes: what EN 13757-4 lays down for the air, one row for each mode.
//!
//! ```text
//! | preamble 0101.. | sync word | coded frame | postamble |      chips, `chip_rate` of them in a second
//! ```
//!
//! A mode is named by a letter (the family) and a digit: 1 when only the meter sends, 2 when both do. The two
//! directions may differ in everything, so a [`Mode`] has an [`AirInterface`] for each.
//!
//! Invariants: the rows are data and the same ones build and read. They are open: a row for another band or
//! channel is a value like these ([`AirInterface::on`] moves one to another frequency). What the free sources do
//! not state, or only one of them states, is said at its row; nothing here refuses a frame because of it.

mod air_interface;
mod table;

pub use air_interface::{AirInterface, Channels, ChipRate, Deviation, Family, Levels, Postamble, Preamble};
pub use table::*;

use core::fmt;

/// A radio mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mode {
    /// The name in the standard.
    pub name: &'static str,
    /// From the meter to the other device.
    pub from_meter: AirInterface,
    /// From the other device to the meter; nothing in a mode where only the meter sends.
    pub to_meter: Option<AirInterface>,
}

impl Mode {
    /// The mode of this name, upper or lower case.
    ///
    /// ```
    /// use wmbus_phy::mode::{Mode, S1_M};
    /// assert_eq!(Mode::named("s1-M"), Some(&S1_M));
    /// assert_eq!(Mode::named("X1"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        MODES.iter().find(|mode| mode.name.eq_ignore_ascii_case(name))
    }
    /// True when the other device can answer.
    #[must_use]
    pub const fn is_bidirectional(&self) -> bool {
        self.to_meter.is_some()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

#[cfg(test)]
mod tests;
