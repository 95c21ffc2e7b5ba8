//! When an answer may begin, and how often a meter repeats its last one.
//!
//! Invariants: one row per radio mode; all spans count from the end of the frame that is answered to the
//! begin of the answer. The rows hold for both directions: the meter listens in these windows after a
//! transmission of its own and answers in them.

use core::fmt;

use crate::CommunicationControl;
use crate::time::{Duration, Instant};

/// From and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Window {
    /// Not before.
    pub from: Duration,
    /// Not after.
    pub to: Duration,
}

impl Window {
    /// The window after `end`, the end of the frame that is answered.
    #[must_use]
    pub const fn after(self, end: Instant) -> (Instant, Instant) {
        (end.after(self.from), end.after(self.to))
    }
}

/// The times of a radio mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AccessTiming {
    /// The mode; for N with its data rate in bit/s.
    pub mode: &'static str,
    /// The fast response delay, or the only one.
    pub fast: Window,
    /// The slow response delay.
    pub slow: Option<Window>,
    /// The factors N that a meter chooses one of: it repeats its last answer every N seconds. Primes,
    /// so that several meters do not collide for ever.
    pub repeat_factors: [u8; 3],
}

const fn window(from_micros: u64, to_micros: u64) -> Window {
    Window { from: Duration::from_micros(from_micros), to: Duration::from_micros(to_micros) }
}

const FAST: Window = window(99_500, 100_500);
const SLOW: Window = window(999_500, 1_000_500);
const SLOW_N: Window = window(1_099_500, 1_100_500);
const SLOW_N_2400: Window = window(2_099_500, 2_100_500);

const fn row(
    mode: &'static str,
    fast: Window,
    slow: Option<Window>,
    repeat_factors: [u8; 3],
) -> AccessTiming {
    AccessTiming { mode, fast, slow, repeat_factors }
}

impl AccessTiming {
    /// Mode S2.
    pub const S2: Self = row("S2", window(3_000, 50_000), None, [2, 3, 5]);
    /// Mode T2.
    pub const T2: Self = row("T2", window(2_000, 3_000), None, [2, 3, 5]);
    /// Mode R2.
    pub const R2: Self = row("R2", window(3_000, 50_000), None, [5, 7, 13]);
    /// Mode C2.
    pub const C2: Self = row("C2", FAST, Some(SLOW), [2, 3, 5]);
    /// Mode F2.
    pub const F2: Self = row("F2", FAST, Some(SLOW), [5, 7, 13]);
    /// Mode N2 on the channels of 2.4 kbit/s.
    pub const N2_2400: Self = row("N2 2400", FAST, Some(SLOW_N_2400), [5, 7, 13]);
    /// Mode N2 on the channels of 4.8 kbit/s.
    pub const N2_4800: Self = row("N2 4800", FAST, Some(SLOW_N), [5, 7, 13]);
    /// Mode N2 on the channels of 19.2 kbit/s.
    pub const N2_19200: Self = row("N2 19200", FAST, Some(SLOW_N), [2, 3, 5]);

    /// All rows. A mode is added here and nowhere else.
    pub const TABLE: &'static [Self] =
        &[Self::S2, Self::T2, Self::R2, Self::C2, Self::F2, Self::N2_2400, Self::N2_4800, Self::N2_19200];

    /// The window for an answer to a frame with this CC: fast with the bit D, slow without it. A frame
    /// without CC (`None`) has no such bit, so the slow one holds.
    #[must_use]
    pub const fn window(&self, control: Option<CommunicationControl>) -> Window {
        let fast = match control {
            Some(control) => control.contains(CommunicationControl::FAST_RESPONSE),
            None => false,
        };
        match self.slow {
            Some(slow) if !fast => slow,
            _ => self.fast,
        }
    }
}

impl fmt::Display for AccessTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_printed_numbers() {
        // Mode, fast, slow in units of 0.1 ms, N.
        let printed = [
            ("S2", (30, 500), None, [2, 3, 5]),
            ("T2", (20, 30), None, [2, 3, 5]),
            ("R2", (30, 500), None, [5, 7, 13]),
            ("C2", (995, 1005), Some((9995, 10005)), [2, 3, 5]),
            ("F2", (995, 1005), Some((9995, 10005)), [5, 7, 13]),
            ("N2 2400", (995, 1005), Some((20995, 21005)), [5, 7, 13]),
            ("N2 4800", (995, 1005), Some((10995, 11005)), [5, 7, 13]),
            ("N2 19200", (995, 1005), Some((10995, 11005)), [2, 3, 5]),
        ];
        assert_eq!(AccessTiming::TABLE.len(), printed.len());
        for (row, (mode, fast, slow, factors)) in AccessTiming::TABLE.iter().zip(printed) {
            let tenths = |w: Window| (w.from.as_micros() / 100, w.to.as_micros() / 100);
            assert_eq!((row.mode, tenths(row.fast), row.slow.map(tenths)), (mode, fast, slow));
            assert_eq!(row.repeat_factors, factors);
            assert_eq!(row.window(Some(CommunicationControl::FAST_RESPONSE)), row.fast);
            let slow = row.slow.unwrap_or(row.fast);
            assert_eq!(row.window(Some(CommunicationControl::BIDIRECTIONAL)), slow);
            assert_eq!(row.window(None), slow);
        }
    }
}
