//! The air: who hears what, when it ends, and what is lost.
//!
//! Invariants: a frame takes the time that mode T gives it; two frames that overlap where both are heard are lost there;
//! whoever sends hears nothing; a meter hears only what begins in its window.

use crate::random::Random;
use mbus_link::relay::DutyCycle;
use mbus_link::time::Instant;

/// Who is on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// One of the meters.
    Meter(usize),
    /// The gateway that talks to the meters.
    Roof,
    /// The gateway that only listens.
    Cellar,
    /// The repeater.
    Repeater,
    /// Somebody else.
    Attacker,
}

/// A frame on the air, or just sent.
#[derive(Clone, Debug)]
pub struct Sent {
    until: Instant,
    /// Who sent it.
    pub who: Who,
    /// The frame without CRCs.
    pub octets: Vec<u8>,
    /// The meters whose window was open when it began.
    pub ready: Vec<usize>,
    /// Who sent at the same time.
    over: Vec<Who>,
}

/// What happened on the air.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Frames sent.
    pub frames: u32,
    /// Receptions lost by chance.
    pub lost: u32,
    /// Receptions lost because two sent at the same time.
    pub collided: u32,
}

/// The air of one house.
#[derive(Clone, Debug)]
pub struct Air {
    on: Vec<Sent>,
    random: Random,
    lost_per_mille: u32,
    /// Meters that only the repeater hears.
    far: Vec<usize>,
    traffic: Traffic,
}

impl Air {
    /// An air on which nobody sends. `far` are the meters that the gateways do not hear.
    #[must_use]
    pub const fn new(random: Random, lost_per_mille: u32, far: Vec<usize>) -> Self {
        let traffic = Traffic { frames: 0, lost: 0, collided: 0 };
        Self { on: Vec::new(), random, lost_per_mille, far, traffic }
    }
    /// Begins a transmission.
    pub fn send(&mut self, now: Instant, who: Who, octets: Vec<u8>, ready: Vec<usize>) {
        // Mode T: 3-of-6 at 100 kcps from the meter, Manchester at 32.768 kcps to it; 48 or 24 bits before and behind.
        let air = match who {
            Who::Meter(_) => DutyCycle::new(1000, 66_667, 48),
            _ => DutyCycle::new(1000, 16_384, 24),
        };
        let over = self.on.iter().map(|other| other.who).collect();
        for other in &mut self.on {
            other.over.push(who);
        }
        self.traffic.frames += 1;
        let until = now.after(air.air_time(octets.len()));
        self.on.push(Sent { until, who, octets, ready, over });
    }
    /// True while this one sends.
    #[must_use]
    pub fn is_sending(&self, who: Who) -> bool {
        self.on.iter().any(|sent| sent.who == who)
    }
    /// When the next transmission ends.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.on.iter().map(|sent| sent.until).min()
    }
    /// A transmission that has ended.
    pub fn poll_sent(&mut self, now: Instant) -> Option<Sent> {
        let place = self.on.iter().position(|sent| sent.until <= now)?;
        Some(self.on.remove(place))
    }
    /// True when `listener` receives it.
    pub fn reaches(&mut self, sent: &Sent, listener: Who) -> bool {
        if sent.who == listener || !self.is_near(sent.who, listener) {
            return false;
        }
        let disturbed = sent.over.iter().any(|other| *other == listener || self.is_near(*other, listener));
        if disturbed {
            self.traffic.collided += 1;
            return false;
        }
        let lost = self.random.below(1000) < self.lost_per_mille;
        self.traffic.lost += u32::from(lost);
        !lost
    }
    fn is_near(&self, one: Who, other: Who) -> bool {
        let is_far = |who| matches!(who, Who::Meter(n) if self.far.contains(&n));
        let is_gateway = |who| matches!(who, Who::Roof | Who::Cellar);
        !(is_far(one) && is_gateway(other) || is_gateway(one) && is_far(other))
    }
    /// What happened so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_overlap_are_lost_where_both_are_heard() {
        let mut air = Air::new(Random::new(1), 0, vec![1]);
        let now = Instant::from_micros(1000);
        air.send(now, Who::Meter(0), vec![0; 30], vec![]);
        air.send(now.after(mbus_link::time::Duration::from_micros(10)), Who::Meter(1), vec![0; 90], vec![]);
        assert!(air.is_sending(Who::Meter(1)) && air.poll_sent(now).is_none());
        let end = air.poll_timeout().unwrap();
        let first = air.poll_sent(end).unwrap();
        // The gateway does not hear the far one, the repeater hears both.
        assert!(air.reaches(&first, Who::Roof) && !air.reaches(&first, Who::Repeater));
        assert!(!air.reaches(&first, Who::Meter(0)) && !air.reaches(&first, Who::Meter(1)));
        let second = air.poll_sent(Instant::from_micros(u64::MAX)).unwrap();
        assert!(!air.reaches(&second, Who::Roof) && !air.reaches(&second, Who::Repeater));
        assert_eq!((air.traffic().frames, air.traffic().collided), (2, 3));
        assert_eq!(air.poll_timeout(), None);
    }

    #[test]
    fn what_is_lost_by_chance_is_counted() {
        let mut air = Air::new(Random::new(1), 1000, vec![]);
        air.send(Instant::ZERO, Who::Roof, vec![0; 30], vec![]);
        let sent = air.poll_sent(Instant::from_micros(u64::MAX)).unwrap();
        assert!(!air.reaches(&sent, Who::Meter(0)));
        assert_eq!(air.traffic().lost, 1);
    }
}
