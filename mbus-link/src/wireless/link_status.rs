//! How well one meter is heard.
//!
//! Invariants: counters saturate; a repetition by a repeater or of the same frame is no new frame; the
//! number of frames missed follows from the access numbers of synchronous frames alone, since only
//! they count up one by one.

use crate::CommunicationControl;
use crate::time::{Duration, Instant, SteadyClock};

/// What a receiver knows of the link to one meter.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkStatus {
    clock: SteadyClock,
    last_heard: Option<Instant>,
    last_number: Option<u8>,
    /// A number that lies behind the last one: a late copy, or a meter that began anew.
    behind: Option<u8>,
    direct: u32,
    repeated: u32,
    missed: u32,
}

/// An access number that is further ahead lies behind.
const LATE: u8 = 127;

impl LinkStatus {
    /// Nothing heard yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            clock: SteadyClock::new(),
            last_heard: None,
            last_number: None,
            behind: None,
            direct: 0,
            repeated: 0,
            missed: 0,
        }
    }
    /// Takes a frame heard at `now`.
    pub fn observe(&mut self, now: Instant, control: CommunicationControl, access_number: u8) {
        self.last_heard = Some(self.clock.read(now));
        if control.contains(CommunicationControl::HOP) {
            self.repeated = self.repeated.saturating_add(1);
            return;
        }
        if !control.contains(CommunicationControl::SYNCHRONOUS) {
            self.direct = self.direct.saturating_add(1);
            return;
        }
        let ahead = self.last_number.map_or(1, |last| access_number.wrapping_sub(last));
        match ahead {
            0 => return,
            1..=LATE => self.missed = self.missed.saturating_add(u32::from(ahead.saturating_sub(1))),
            // One behind is a copy that came late; two in a row are a meter that began anew.
            _ if self.behind != Some(access_number.wrapping_sub(1)) => {
                self.behind = Some(access_number);
                return;
            }
            _ => {}
        }
        self.direct = self.direct.saturating_add(1);
        self.last_number = Some(access_number);
        self.behind = None;
    }
    /// Frames heard from the meter itself.
    #[must_use]
    pub const fn direct(&self) -> u32 {
        self.direct
    }
    /// Frames heard through a repeater.
    #[must_use]
    pub const fn repeated(&self) -> u32 {
        self.repeated
    }
    /// Synchronous frames that were sent but not heard directly, modulo whole rounds of 256.
    #[must_use]
    pub const fn missed(&self) -> u32 {
        self.missed
    }
    /// True when the meter is heard through a repeater only.
    #[must_use]
    pub const fn needs_repeater(&self) -> bool {
        self.direct == 0 && self.repeated > 0
    }
    /// How long the meter has been silent; `None` when it was never heard.
    #[must_use]
    pub fn silent_for(&mut self, now: Instant) -> Option<Duration> {
        let now = self.clock.read(now);
        Some(now.since(self.last_heard?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_by_how_they_came() {
        let mut status = LinkStatus::new();
        let at = |s: u64| Instant::from_micros(s * 1_000_000);
        let sync = CommunicationControl::SYNCHRONOUS;
        assert_eq!(status.silent_for(at(9)), None);
        status.observe(at(10), sync.union(CommunicationControl::HOP), 254);
        assert!(status.needs_repeater());
        for (second, control, number) in [
            (20, sync, 254),
            (21, sync, 254),
            (30, CommunicationControl::BIDIRECTIONAL, 77),
            (36, sync, 255),
            (68, sync, 2),
        ] {
            status.observe(at(second), control, number);
        }
        assert_eq!((status.direct(), status.repeated(), status.missed()), (4, 1, 2));
        assert!(!status.needs_repeater());
        assert_eq!(status.silent_for(at(70)), Some(Duration::from_secs(2)));
        assert_eq!(status.silent_for(at(0)), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_late_copy_is_no_gap_and_a_meter_may_begin_anew() {
        let mut status = LinkStatus::new();
        let mut heard = |numbers: &[u8]| {
            for number in numbers {
                status.observe(Instant::ZERO, CommunicationControl::SYNCHRONOUS, *number);
            }
            (status.direct(), status.missed())
        };
        assert_eq!(heard(&[5, 6, 5, 7]), (3, 0));
        assert_eq!(heard(&[10, 9, 9, 11]), (5, 2));
        // The battery was changed: the second frame from 0 on is believed.
        assert_eq!(heard(&[0, 1, 2, 3]), (8, 2), "one is lost to caution");
        assert_eq!(heard(&[3 + 127]), (9, 2 + 126));
    }
}
