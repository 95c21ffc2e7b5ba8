//! The times of the wired bus, in bit times (EN 13757-2, 5.5 to 5.7).
//!
//! ```text
//! character   11 bit times: start, 8 data bits, even parity, stop
//! answer      begins 11 bit times to 330 bit times + 50 ms behind the request
//! rest        33 bit times of idle line behind an error
//! ```
//!
//! Invariants: everything follows from the baud rate and one allowance for what stands between the bus and the
//! program; all arithmetic saturates.

use crate::time::Duration;

/// Bit times of one character on the line.
pub const CHARACTER_BITS: u32 = 11;
/// Bit times that the line rests behind an error.
pub const REST_BITS: u32 = 33;
/// Bit times from a request to the earliest answer.
pub const EARLIEST_ANSWER_BITS: u32 = 11;
/// Bit times from a request to the latest answer, apart from [`LATEST_ANSWER_EXTRA`].
pub const LATEST_ANSWER_BITS: u32 = 330;
/// What comes on top of [`LATEST_ANSWER_BITS`] at every rate.
pub const LATEST_ANSWER_EXTRA: Duration = Duration::from_millis(50);
/// An allowance that covers the usual converters from USB or Ethernet.
pub const CONVERTER_ALLOWANCE: Duration = Duration::from_millis(100);
/// The local bus is switched on at most this long before the master talks (EN 13757-6).
pub const LOCAL_BUS_WAKE_UP: Duration = Duration::from_secs(10);

/// The rate of a line, and what its times are then.
///
/// ```
/// use mbus_link::time::Duration;
/// use mbus_link::wired::LineTiming;
/// let line = LineTiming::new(2400);
/// assert_eq!(line.latest_answer(), Duration::from_micros(187_500));
/// assert_eq!(line.gap(), Duration::from_micros(13_750));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineTiming {
    /// Bits per second.
    pub baud: u32,
    /// Time that converters between the bus and the program, and repeaters, may add to a gap and to an answer.
    pub allowance: Duration,
    /// Idle line before each request, on top of what the standard asks for: for converters that keep whole frames.
    pub pause: Duration,
    /// Idle line before the first request after the line was switched on, so that the slaves can wake up.
    pub wake_up: Duration,
}

impl LineTiming {
    /// A line at this rate with nothing in between.
    #[must_use]
    pub const fn new(baud: u32) -> Self {
        Self { baud, allowance: Duration::ZERO, pause: Duration::ZERO, wake_up: Duration::ZERO }
    }
    /// The local bus of EN 13757-6: one to five meters and a master that runs on a battery and switches the line on
    /// `wake_up` before it talks, at most [`LOCAL_BUS_WAKE_UP`].
    #[must_use]
    pub const fn local_bus(baud: u32, wake_up: Duration) -> Self {
        let most = LOCAL_BUS_WAKE_UP;
        let wake_up = if wake_up.as_micros() > most.as_micros() { most } else { wake_up };
        Self { wake_up, ..Self::new(baud) }
    }
    /// The same line at another rate.
    #[must_use]
    pub const fn with_baud(self, baud: u32) -> Self {
        Self { baud, ..self }
    }
    /// The same line behind `repeaters` of which each takes up to `delay` to pass a frame on, once for the request and
    /// once for the answer.
    #[must_use]
    pub const fn with_repeaters(self, repeaters: u8, delay: Duration) -> Self {
        let both_ways = delay.saturating_mul(2).saturating_mul(repeaters as u64);
        Self { allowance: self.allowance.saturating_add(both_ways), ..self }
    }
    /// The same line with this pause.
    #[must_use]
    pub const fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
    /// The same line with this allowance.
    #[must_use]
    pub const fn with_allowance(self, allowance: Duration) -> Self {
        Self { allowance, ..self }
    }
    /// How long `octets` take on the line.
    #[must_use]
    pub const fn air_time(self, octets: usize) -> Duration {
        Duration::from_bit_times(CHARACTER_BITS, self.baud).saturating_mul(octets as u64)
    }
    /// An idle line of this length within a frame ends it. FT1.2 allows no gap at all, but real senders leave
    /// small ones; a line that rests is the end for certain.
    #[must_use]
    pub const fn gap(self) -> Duration {
        self.rest().saturating_add(self.allowance)
    }
    /// How long the line rests behind an error.
    #[must_use]
    pub const fn rest(self) -> Duration {
        Duration::from_bit_times(REST_BITS, self.baud)
    }
    /// From the end of a request to the earliest beginning of its answer.
    #[must_use]
    pub const fn earliest_answer(self) -> Duration {
        Duration::from_bit_times(EARLIEST_ANSWER_BITS, self.baud)
    }
    /// From the end of a request to the latest beginning of its answer, the allowance included.
    #[must_use]
    pub const fn latest_answer(self) -> Duration {
        Duration::from_bit_times(LATEST_ANSWER_BITS, self.baud)
            .saturating_add(LATEST_ANSWER_EXTRA)
            .saturating_add(self.allowance)
    }
}

/// 2400 baud, the rate that every wired meter of today has, with nothing in between.
impl Default for LineTiming {
    fn default() -> Self {
        Self::new(2400)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_standard_at_every_rate() {
        // Latest answers: 330 bit times + 50 ms, in microseconds, rounded up.
        let latest = [
            (300, 1_150_000),
            (600, 600_000),
            (1200, 325_000),
            (2400, 187_500),
            (4800, 118_750),
            (9600, 84_375),
            (19_200, 67_188),
            (38_400, 58_594),
        ];
        for (baud, micros) in latest {
            let line = LineTiming::new(baud);
            assert_eq!(line.latest_answer(), Duration::from_micros(micros), "{baud}");
            assert_eq!(line.earliest_answer(), Duration::from_bit_times(11, baud));
            assert_eq!(line.gap(), Duration::from_bit_times(33, baud));
            assert_eq!(line.air_time(1), Duration::from_bit_times(11, baud));
            let slow = line.with_allowance(CONVERTER_ALLOWANCE);
            assert_eq!(slow.latest_answer(), Duration::from_micros(micros + 100_000));
            assert_eq!(slow.gap(), line.gap().saturating_add(CONVERTER_ALLOWANCE));
        }
        let ms = Duration::from_millis;
        let repeated = LineTiming::new(2400).with_repeaters(2, ms(5)).with_pause(ms(7)).with_baud(300);
        assert_eq!((repeated.allowance, repeated.pause, repeated.baud), (ms(20), ms(7), 300));
        assert_eq!(LineTiming::local_bus(2400, ms(3000)).wake_up, ms(3000));
        assert_eq!(LineTiming::local_bus(2400, ms(30_000)).wake_up, LOCAL_BUS_WAKE_UP);
        assert_eq!(LineTiming::default().baud, 2400);
        assert_eq!(LineTiming::new(0).latest_answer(), Duration::MAX);
    }
}
