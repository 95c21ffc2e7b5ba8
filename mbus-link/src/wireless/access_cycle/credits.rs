//! The credits that keep a battery meter from being talked to death.
//!
//! OMS Specification: a command (SND-UD) costs 2, a request (REQ-UD) 1, a response (RSP-UD) 1; a meter
//! offers at least 240 and fills them up at least every two hours. Invariants: what is not granted costs
//! nothing; never more than the capacity.

use crate::CField;
use crate::time::{Duration, Instant, SteadyClock};

/// Credits of one meter.
#[derive(Clone, Copy, Debug)]
pub struct Credits {
    available: u16,
    capacity: u16,
    refill_every: Duration,
    clock: SteadyClock,
    refilled: Option<Instant>,
}

impl Credits {
    /// The least that a meter offers.
    pub const MINIMUM: u16 = 240;
    /// The longest time between two refills.
    pub const LONGEST_REFILL: Duration = Duration::from_secs(2 * 3600);

    /// `capacity` credits, filled up every `refill_every`.
    #[must_use]
    pub const fn new(capacity: u16, refill_every: Duration) -> Self {
        Self { available: capacity, capacity, refill_every, clock: SteadyClock::new(), refilled: None }
    }
    /// What receiving or sending such a frame costs the meter.
    #[must_use]
    pub fn price(c_field: CField) -> u16 {
        match c_field.name() {
            Some("SND-UD" | "SND-UD2" | "SND-UD3") => 2,
            Some("REQ-UD1" | "REQ-UD2" | "RSP-UD") => 1,
            _ => 0,
        }
    }
    /// Credits left.
    #[must_use]
    pub const fn available(&self) -> u16 {
        self.available
    }
    /// Fills up when it is time to. The first call starts the time.
    pub fn refill(&mut self, now: Instant) {
        let now = self.clock.read(now);
        let Some(last) = self.refilled else {
            self.refilled = Some(now);
            return;
        };
        if now.since(last) >= self.refill_every {
            self.available = self.capacity;
            self.refilled = Some(now);
        }
    }
    /// Takes the price of such a frame; false, and nothing taken, when there are not enough.
    pub fn spend(&mut self, c_field: CField) -> bool {
        match self.available.checked_sub(Self::price(c_field)) {
            Some(left) => {
                self.available = left;
                true
            }
            None => false,
        }
    }
}

/// 240 credits, filled up every two hours.
impl Default for Credits {
    fn default() -> Self {
        Self::new(Self::MINIMUM, Self::LONGEST_REFILL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_and_refill() {
        let mut credits = Credits::default();
        let at = |s: u64| Instant::from_micros(s * 1_000_000);
        credits.refill(at(100));
        for _ in 0..80 {
            assert!(credits.spend(CField(0x53)) && credits.spend(CField(0x08)));
        }
        assert_eq!(credits.available(), 0);
        assert!(
            !credits.spend(CField(0x7B)) && !credits.spend(CField(0x28)) && credits.spend(CField::SND_NKE)
        );
        credits.refill(at(100 + 7199));
        assert_eq!(credits.available(), 0);
        // The clock is set back by an hour: the refill is not put off.
        credits.refill(at(3700));
        credits.refill(at(3701));
        assert_eq!(credits.available(), 240);
        assert!(credits.spend(CField(0x7A)));
        credits.refill(at(3702));
        assert_eq!(credits.available(), 239);
        let mut one = Credits::new(1, Duration::ZERO);
        assert!(!one.spend(CField::SND_UD) && one.available() == 1);
    }
}
