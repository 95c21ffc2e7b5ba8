//! Points and spans of time as the state machines see them.
//!
//! Invariants: nothing here reads a clock. An [`Instant`] counts microseconds since any moment the
//! caller likes, as long as it is the same one for one state machine. All arithmetic saturates, so a
//! clock that goes backwards yields a span of zero and never an overflow.

/// A span of time in microseconds, 0 to 584 000 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(u64::MAX);

    /// `n` microseconds.
    #[must_use]
    pub const fn from_micros(n: u64) -> Self {
        Self(n)
    }
    /// `n` milliseconds; saturates.
    #[must_use]
    pub const fn from_millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }
    /// `n` seconds; saturates.
    #[must_use]
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }
    /// `bits` bit times at `baud` bits per second, rounded up; zero baud gives [`Duration::MAX`].
    ///
    /// EN 13757-2 states its timing in bit times, so that it holds at every rate.
    #[must_use]
    pub const fn from_bit_times(bits: u32, baud: u32) -> Self {
        match (bits as u64)
            .saturating_mul(1_000_000)
            .saturating_add((baud as u64).saturating_sub(1))
            .checked_div(baud as u64)
        {
            Some(micros) => Self(micros),
            None => Self::MAX,
        }
    }
    /// The span in microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// The span in whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
    /// Both spans one after the other; saturates.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
    /// This span without `other`, not below zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
    /// This span `n` times; saturates.
    #[must_use]
    pub const fn saturating_mul(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

/// A point in time: microseconds since a moment of the caller's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The moment everything is counted from.
    pub const ZERO: Self = Self(0);

    /// `n` microseconds after [`Instant::ZERO`].
    #[must_use]
    pub const fn from_micros(n: u64) -> Self {
        Self(n)
    }
    /// Microseconds since [`Instant::ZERO`].
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// The moment `span` later; saturates.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
    /// The span since `earlier`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

/// Makes a clock that may go backwards into one that does not.
///
/// A state machine that keeps deadlines would wait for the lost time once more after its clock was set
/// back. This keeps the spans: a step back counts as no time at all, and what comes after it counts from
/// there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SteadyClock {
    last: Instant,
    lead: Duration,
}

impl SteadyClock {
    /// A clock that was not read yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: Instant::ZERO, lead: Duration::ZERO }
    }
    /// The steady time at which the caller's clock shows `now`; never less than the one before.
    pub const fn read(&mut self, now: Instant) -> Instant {
        let steady = now.after(self.lead);
        let back = self.last.since(steady);
        self.lead = self.lead.saturating_add(back);
        self.last = steady.after(back);
        self.last
    }
    /// What the caller's clock will show at the steady time `steady`.
    #[must_use]
    pub const fn caller_time(&self, steady: Instant) -> Instant {
        Instant(steady.0.saturating_sub(self.lead.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_times_of_the_standard() {
        // 330 bit times + 50 ms at 2400 Bd is the longest wait for an answer: 187.5 ms.
        let wait = Duration::from_bit_times(330, 2400).saturating_add(Duration::from_millis(50));
        assert_eq!(wait.as_micros(), 187_500);
        assert_eq!(Duration::from_bit_times(11, 300).as_micros(), 36_667);
        assert_eq!(Duration::from_bit_times(11, 0), Duration::MAX);
    }

    #[test]
    fn a_clock_that_goes_backwards_is_no_time_at_all() {
        assert_eq!(Instant::from_micros(5).since(Instant::from_micros(9)), Duration::ZERO);
        assert_eq!(Instant::from_micros(u64::MAX).after(Duration::from_secs(1)).as_micros(), u64::MAX);
    }

    #[test]
    fn a_steady_clock_keeps_the_spans() {
        let mut clock = SteadyClock::default();
        let at = Instant::from_micros;
        assert_eq!(clock.read(at(100)), at(100));
        assert_eq!(clock.read(at(40)), at(100));
        assert_eq!(clock.read(at(50)), at(110));
        assert_eq!(clock.caller_time(at(200)), at(140));
        assert_eq!(clock.read(at(140)), at(200));
        assert_eq!(clock.read(at(0)), at(200));
        assert_eq!(clock.read(at(u64::MAX)), at(u64::MAX));
    }
}
