//! The duty cycle: how long a transmitter may be on the air.
//!
//! Invariants: what was not allowed costs nothing; a clock that goes backwards gives no air time away.

use crate::time::{Duration, Instant, SteadyClock};

/// Says whether a frame may be sent now. Implemented for [`Unlimited`] and [`DutyCycle`]; a radio that
/// keeps its own books implements it for itself.
pub trait AirTime {
    /// True when a frame of so many octets (without CRCs) may be sent at `now`; it then is sent.
    fn may_send(&mut self, now: Instant, octets: usize) -> bool;
}

/// No limit: for tests, and where the radio itself watches the duty cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlimited;

impl AirTime for Unlimited {
    fn may_send(&mut self, _now: Instant, _octets: usize) -> bool {
        true
    }
}

/// A duty cycle in thousandths: 1 for 0.1 %, 10 for 1 %, 100 for 10 %.
///
/// A budget that fills at that share of the time, up to the share of one hour, and that every frame
/// draws on.
#[derive(Clone, Copy, Debug)]
pub struct DutyCycle {
    per_mille: u16,
    bits_per_second: u32,
    overhead_bits: u32,
    budget: Duration,
    clock: SteadyClock,
    filled: Option<Instant>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl DutyCycle {
    /// A full budget. `bits_per_second` is the data rate after line decoding, `overhead_bits` what
    /// preamble, sync and postamble take at that rate.
    #[must_use]
    pub const fn new(per_mille: u16, bits_per_second: u32, overhead_bits: u32) -> Self {
        let per_mille = if per_mille > 1000 { 1000 } else { per_mille };
        let mut new = Self {
            per_mille,
            bits_per_second,
            overhead_bits,
            budget: Duration::ZERO,
            clock: SteadyClock::new(),
            filled: None,
        };
        new.budget = new.share_of(HOUR);
        new
    }
    /// The time on air of a frame of so many octets without CRCs, those of format A added.
    #[must_use]
    pub fn air_time(&self, octets: usize) -> Duration {
        let blocks = octets.saturating_sub(10).div_ceil(16).saturating_add(1);
        let octets = octets.saturating_add(blocks.saturating_mul(2));
        let bits = u32::try_from(octets.saturating_mul(8)).unwrap_or(u32::MAX);
        Duration::from_bit_times(bits.saturating_add(self.overhead_bits), self.bits_per_second)
    }
    /// The air time left at the last call of [`AirTime::may_send`].
    #[must_use]
    pub const fn budget(&self) -> Duration {
        self.budget
    }

    const fn share_of(&self, span: Duration) -> Duration {
        Duration::from_micros((span.as_micros() / 1000).saturating_mul(self.per_mille as u64))
    }
}

impl AirTime for DutyCycle {
    fn may_send(&mut self, now: Instant, octets: usize) -> bool {
        let now = self.clock.read(now);
        let passed = self.filled.map_or(Duration::ZERO, |filled| now.since(filled)).min(HOUR);
        self.filled = Some(now);
        self.budget = self.budget.saturating_add(self.share_of(passed)).min(self.share_of(HOUR));
        let needed = self.air_time(octets);
        if needed > self.budget {
            return false;
        }
        self.budget = self.budget.saturating_sub(needed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_mille_of_an_hour_is_three_and_a_half_seconds() {
        // Mode T: 3-of-6 at 100 kcps is 66 667 bit/s; 54 chips before the frame, 4 behind.
        let mut duty = DutyCycle::new(1, 66_667, 40);
        assert_eq!(duty.budget(), Duration::from_millis(3600));
        let frame = duty.air_time(47);
        assert_eq!(frame, Duration::from_bit_times((47 + 8) * 8 + 40, 66_667));
        let now = Instant::from_micros(5_000_000);
        let mut sent = 0;
        while duty.may_send(now, 47) {
            sent += 1;
        }
        assert_eq!(sent, 3_600_000 / frame.as_micros());
        // Set back: nothing is given away. Seven seconds later there is room for one frame.
        assert!(!duty.may_send(Instant::ZERO, 47));
        assert!(!duty.may_send(Instant::from_micros(1_000_000), 47));
        assert!(duty.may_send(Instant::from_micros(8_000_000), 47));
        assert!(!duty.may_send(Instant::from_micros(8_000_000), 47));
        // The budget never exceeds that of an hour.
        assert!(duty.may_send(Instant::from_micros(u64::MAX), 47));
        assert_eq!(duty.budget(), Duration::from_millis(3600).saturating_sub(frame));
    }

    #[test]
    fn without_rate_or_share_nothing_is_sent() {
        assert!(!DutyCycle::new(0, 66_667, 0).may_send(Instant::ZERO, 20));
        assert!(!DutyCycle::new(1000, 0, 0).may_send(Instant::ZERO, 20));
        assert!(Unlimited.may_send(Instant::ZERO, usize::MAX));
    }
}
