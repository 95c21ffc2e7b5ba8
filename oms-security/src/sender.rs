//! The state of a sender: which counters, sessions and access numbers are used up.
//!
//! A message counter that is used twice under one key gives away the key stream of modes 8, 9 and 10 and makes
//! the MACs of mode 7 replayable; so does a pair of time and session for the cipher of the extended link layer.
//!
//! Invariants: a counter is given out once, and only after a state beyond it was exported: whoever writes the
//! export to storage that survives, and starts from it again, cannot repeat a counter even if the power fails
//! between two telegrams. A state cannot be copied, only exported. Counters do not wrap: after FFFFFFFFh a new
//! key is needed. Frames of others change nothing here but by [`SenderState::raise_above`], which is for
//! counters that were authenticated.
//!
//! EN 13757-7, 7.6.6 and 9.4 (message counter); EN 13757-4, 12.6 (time and session).

use core::fmt;
use core::str::FromStr;

use mbus_link::SessionNumber;

use crate::count::{self, Count, ParseCountError, Words};
use crate::replay::CounterUse;

/// One past the last counter.
const END: u64 = 1 << 32;
/// One past the last pair of time and session, as one number of 29 bits.
const SESSION_END: u32 = 1 << 29;

/// Why nothing may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SenderError {
    /// The state was not exported far enough: a counter given out now could be given out again after a
    /// restart.
    #[error(
        "counter {counter} is not covered by an export of the sender's state: export it, keep it, then send"
    )]
    NotExported {
        /// The counter that would be next.
        counter: u32,
    },
    /// All 2^32 counters of this key are used.
    #[error("all message counters of this key are used: the meter needs a new key")]
    CounterExhausted,
    /// A counter that is not above all that were used.
    #[error("counter {counter} was used before: {next} is the next one")]
    CounterUsed {
        /// The counter asked for.
        counter: u32,
        /// The lowest that is free.
        next: u32,
    },
    /// The pair of time and session is not covered by an export.
    #[error(
        "minute {minutes} is not covered by an export of the sender's state: export it, keep it, then send"
    )]
    SessionNotExported {
        /// The minute asked for.
        minutes: u32,
    },
    /// All sixteen sessions of the minute are used, or the clock went back.
    #[error("no session is left in minute {minutes}: wait, or set the clock right")]
    SessionExhausted {
        /// The minute asked for.
        minutes: u32,
    },
    /// Mode 5 with the access number of the telegram before: the same initialisation vector once more.
    #[error("access number {access_number} was that of the telegram before: count on")]
    AccessNumberUsed {
        /// The access number.
        access_number: u8,
    },
    /// The state is that of another meter, direction or key.
    #[error("the sender's state is that of another meter, direction or key")]
    OtherSender,
    /// A second state of the same count.
    #[error("there is a state of this meter, direction and key already")]
    Known,
    /// No room for one more state.
    #[error("the store of {capacity} senders is full")]
    StoreFull {
        /// States that fit.
        capacity: usize,
    },
}

impl SenderError {
    /// The error as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotExported { .. } => "not_exported",
            Self::CounterExhausted => "counter_exhausted",
            Self::CounterUsed { .. } => "counter_used",
            Self::SessionNotExported { .. } => "session_not_exported",
            Self::SessionExhausted { .. } => "session_exhausted",
            Self::AccessNumberUsed { .. } => "access_number_used",
            Self::OtherSender => "other_sender",
            Self::Known => "known",
            Self::StoreFull { .. } => "store_full",
        }
    }
}

/// What a sender has used up of one count. Not `Clone`: two of them would send the same counter.
///
/// ```
/// use oms_security::count::Count;
/// use oms_security::sender::SenderState;
/// # let meter = mbus_link::Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
/// let count = Count { meter, to_meter: false, key_id: 0, key_version: 0 };
/// let mut state = SenderState::new(count, 2739);
/// assert!(state.take_counter().is_err()); // nothing was kept yet
/// let kept = state.export(100, 0).to_string(); // to be written out before the first telegram
/// assert_eq!(state.take_counter(), Ok(2739));
/// assert_eq!(state.take_counter(), Ok(2740));
/// // The power fails. Counters may be skipped, none comes twice.
/// let mut state: SenderState = kept.parse().unwrap();
/// state.export(100, 0);
/// assert_eq!(state.take_counter(), Ok(2839));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SenderState {
    count: Count,
    /// The lowest counter that is free; [`END`] when none is.
    next: u64,
    /// The lowest counter that no export covers.
    exported_to: u64,
    /// The lowest session that is free, as one number of minutes and session.
    next_session: u32,
    /// The lowest session that no export covers.
    sessions_exported_to: u32,
    access_number: Option<u8>,
}

impl SenderState {
    /// A state whose first counter is `first`. For a new key, or with a counter above all that were ever used.
    #[must_use]
    pub const fn new(count: Count, first: u32) -> Self {
        Self {
            count,
            next: first as u64,
            exported_to: 0,
            next_session: 0,
            sessions_exported_to: 0,
            access_number: None,
        }
    }
    /// Which count it is.
    #[must_use]
    pub const fn count(&self) -> &Count {
        &self.count
    }
    /// The counter that comes next; `None` when all are used.
    #[must_use]
    pub fn next_counter(&self) -> Option<u32> {
        u32::try_from(self.next).ok()
    }
    /// What is to be kept before anything is sent: after a restart it begins `counters` further on, and behind
    /// all sessions up to the minute `minutes`. So many may be used before the next export. The access numbers, of
    /// which there are only 256, go on as far (255 at most), so that those used last do not come again at once.
    pub fn export(&mut self, counters: u32, minutes: u32) -> SenderExport {
        self.exported_to = self.exported_to.max(self.next.saturating_add(u64::from(counters)).min(END));
        let sessions = minutes.saturating_add(1).saturating_mul(16).min(SESSION_END);
        // Minute 0 is for senders that use no sessions.
        if minutes > 0 {
            self.sessions_exported_to = self.sessions_exported_to.max(sessions);
        }
        SenderExport {
            count: self.count,
            next: self.exported_to.max(self.next),
            next_session: self.sessions_exported_to.max(self.next_session),
            access_number: match u8::try_from(counters).unwrap_or(u8::MAX) {
                0 => self.access_number,
                ahead => Some(self.access_number.unwrap_or(u8::MAX).wrapping_add(ahead)),
            },
        }
    }
    /// A counter that was never given out, and never will be again.
    ///
    /// # Errors
    /// [`SenderError::CounterExhausted`]; [`SenderError::NotExported`].
    pub fn take_counter(&mut self) -> Result<u32, SenderError> {
        let counter = self.next_counter().ok_or(SenderError::CounterExhausted)?;
        if self.next >= self.exported_to {
            return Err(SenderError::NotExported { counter });
        }
        self.next = self.next.saturating_add(1);
        Ok(counter)
    }
    /// The counter `counter`, which all lower ones are given up for.
    ///
    /// # Errors
    /// [`SenderError::CounterUsed`] when it is not above all that were used; [`SenderError::NotExported`].
    pub fn take_this_counter(&mut self, counter: u32) -> Result<u32, SenderError> {
        let wanted = u64::from(counter);
        if wanted < self.next {
            return Err(match self.next_counter() {
                Some(next) => SenderError::CounterUsed { counter, next },
                None => SenderError::CounterExhausted,
            });
        }
        if wanted >= self.exported_to {
            return Err(SenderError::NotExported { counter });
        }
        self.next = wanted.saturating_add(1);
        Ok(counter)
    }
    /// Counts on above a counter of the other side: a gateway sends above the meter's last counter, and the meter answers
    /// above the gateway's (OMS Vol. 2 Annex N, N.12: 2800, then 2801). Never goes back. `used` is what opening a
    /// telegram gives where its MAC or tag fits; a counter that merely stands in a telegram is anybody's, and FFFFFFFFh
    /// would use all of them up.
    ///
    /// # Errors
    /// [`SenderError::OtherSender`] when it is the counter of another meter, or of none that can be told.
    pub fn raise_above(&mut self, used: &CounterUse) -> Result<(), SenderError> {
        if used.count.identification() != Some(self.count.meter.identification) {
            return Err(SenderError::OtherSender);
        }
        self.next = self.next.max(u64::from(used.counter).saturating_add(1));
        Ok(())
    }
    /// A session number that was never given out: the first free session of the minute.
    ///
    /// # Errors
    /// [`SenderError::SessionExhausted`] when all sixteen are used or the clock went back;
    /// [`SenderError::SessionNotExported`].
    pub fn take_session(&mut self, encryption: u8, minutes: u32) -> Result<SessionNumber, SenderError> {
        let exhausted = SenderError::SessionExhausted { minutes };
        let number = self.next_session.max(minutes.saturating_mul(16));
        let [low, ..] = (number & 0x0F).to_le_bytes();
        if number >> 4 != minutes {
            return Err(exhausted);
        }
        let session = SessionNumber::new(encryption, minutes, low).ok_or(exhausted)?;
        if number >= self.sessions_exported_to {
            return Err(SenderError::SessionNotExported { minutes });
        }
        self.next_session = number.saturating_add(1);
        Ok(session)
    }
    /// The access number that follows the last one.
    #[must_use]
    pub fn next_access_number(&self) -> u8 {
        self.access_number.map_or(0, |last| last.wrapping_add(1))
    }
    /// Uses an access number for a telegram of mode 5, whose initialisation vector it makes. The vectors repeat
    /// after 256 telegrams all the same: mode 5 has no more room. An answer has the number of its request, so
    /// an older one may come again; only the same one twice running is refused.
    ///
    /// # Errors
    /// [`SenderError::AccessNumberUsed`] when it was that of the telegram before.
    pub fn use_access_number(&mut self, access_number: u8) -> Result<(), SenderError> {
        if self.access_number == Some(access_number) {
            return Err(SenderError::AccessNumberUsed { access_number });
        }
        self.access_number = Some(access_number);
        Ok(())
    }
}

/// What is kept of a [`SenderState`]: prints as one line of text, and [`SenderState`] is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SenderExport {
    count: Count,
    next: u64,
    next_session: u32,
    access_number: Option<u8>,
}

/// One line: the count, the next counter, the next session, and the last access number or `-`.
impl fmt::Display for SenderExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.count, self.next, self.next_session)?;
        match self.access_number {
            Some(number) => write!(f, "{number:02X}"),
            None => f.write_str("-"),
        }
    }
}

impl FromStr for SenderState {
    type Err = ParseCountError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = Words::of(line);
        let count = words.count()?;
        let next = words.number(END, "a counter of at most 2^32")?;
        let session = words.number(SESSION_END.into(), "a session of at most 2^29")?;
        let access_number = match words.next("an access number or -")? {
            "-" => None,
            word => Some(count::octet(word, "an access number of two hex digits, or -")?),
        };
        words.end()?;
        let next_session = u32::try_from(session).unwrap_or(SESSION_END);
        Ok(Self { next, next_session, access_number, ..Self::new(count, 0) })
    }
}

/// The states of at most `N` counts: of a gateway that talks to many meters.
///
/// Only the caller adds a state; no frame does.
#[derive(Debug)]
pub struct Senders<const N: usize> {
    states: [Option<SenderState>; N],
}

impl<const N: usize> Default for Senders<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Senders<N> {
    /// A store without states.
    #[must_use]
    pub const fn new() -> Self {
        Self { states: [const { None }; N] }
    }
    /// The state of a count.
    pub fn of(&mut self, count: &Count) -> Option<&mut SenderState> {
        self.states.iter_mut().flatten().find(|state| state.count == *count)
    }
    /// Adds a state: new, or read from what was kept.
    ///
    /// # Errors
    /// [`SenderError::Known`] when there is a state of this count already, since it may be further on;
    /// [`SenderError::StoreFull`].
    pub fn add(&mut self, state: SenderState) -> Result<(), SenderError> {
        if self.of(&state.count).is_some() {
            return Err(SenderError::Known);
        }
        let free = self.states.iter_mut().find(|place| place.is_none());
        *free.ok_or(SenderError::StoreFull { capacity: N })? = Some(state);
        Ok(())
    }
    /// Exports all states, see [`SenderState::export`].
    pub fn export(&mut self, counters: u32, minutes: u32) -> impl Iterator<Item = SenderExport> {
        self.states.iter_mut().flatten().map(move |state| state.export(counters, minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::ProvenCount;
    use crate::key::KeyIdentity;
    use mbus_link::Address;
    use std::string::ToString;

    fn count() -> Count {
        let meter = Address::from_link_octets([0x93, 0x95, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        Count { meter, to_meter: true, key_id: 0x20, key_version: 3 }
    }

    #[test]
    fn no_counter_without_an_export() {
        let mut state = SenderState::new(count(), 7);
        assert_eq!(state.take_counter(), Err(SenderError::NotExported { counter: 7 }));
        state.export(2, 0);
        assert_eq!((state.take_counter(), state.take_counter()), (Ok(7), Ok(8)));
        assert_eq!(state.take_counter(), Err(SenderError::NotExported { counter: 9 }));
        assert_eq!(state.next_counter(), Some(9), "a refusal uses nothing up");
    }

    #[test]
    fn no_counter_comes_twice_whenever_the_power_fails() {
        let mut used = std::collections::BTreeSet::new();
        let mut kept = SenderState::new(count(), 1).export(0, 0).to_string();
        for step in 0..200u32 {
            let mut state: SenderState = kept.parse().unwrap();
            kept = state.export(step % 7, 0).to_string();
            // The power fails after any number of telegrams, also after none.
            for _ in 0..step % 5 {
                if let Ok(counter) = state.take_counter() {
                    assert!(used.insert(counter), "{counter} twice");
                }
            }
        }
        assert!(used.len() > 100);
    }

    #[test]
    fn the_last_counter_is_the_end() {
        let mut state = SenderState::new(count(), u32::MAX);
        let kept = state.export(u32::MAX, 0).to_string();
        assert_eq!(state.take_counter(), Ok(u32::MAX));
        assert_eq!(state.take_counter(), Err(SenderError::CounterExhausted));
        assert_eq!(state.take_this_counter(0), Err(SenderError::CounterExhausted));
        let mut again: SenderState = kept.parse().unwrap();
        again.export(9, 0);
        assert_eq!((again.next_counter(), again.take_counter()), (None, Err(SenderError::CounterExhausted)));
    }

    #[test]
    fn a_counter_of_ones_own_choice_must_be_new() {
        let mut state = SenderState::new(count(), 10);
        state.export(100, 0);
        assert_eq!(state.take_this_counter(15), Ok(15));
        for counter in [0, 10, 15] {
            assert_eq!(state.take_this_counter(counter), Err(SenderError::CounterUsed { counter, next: 16 }));
        }
        assert_eq!(state.take_this_counter(110), Err(SenderError::NotExported { counter: 110 }));
        assert_eq!(state.take_counter(), Ok(16));
    }

    #[test]
    fn above_the_other_side_and_never_back() {
        let mut state = SenderState::new(count(), 10);
        let heard = |counter| {
            let identification = Some([0x78, 0x56, 0x34, 0x12]);
            let direction = Some(crate::sealed::Direction::FromMeter);
            let count = ProvenCount { key: KeyIdentity([1; 8]), identification, direction };
            CounterUse { count, counter, fingerprint: [0; 8] }
        };
        state.raise_above(&heard(2800)).unwrap();
        state.export(1, 0);
        assert_eq!(state.take_counter(), Ok(2801));
        state.raise_above(&heard(5)).unwrap();
        assert_eq!(state.next_counter(), Some(2802));
        for identification in [None, Some([0x79, 0x56, 0x34, 0x12])] {
            let mut other = heard(u32::MAX);
            other.count.identification = identification;
            assert_eq!(state.raise_above(&other), Err(SenderError::OtherSender));
        }
        assert_eq!(state.next_counter(), Some(2802));
        state.raise_above(&heard(u32::MAX)).unwrap();
        assert_eq!(state.next_counter(), None);
    }

    #[test]
    fn sessions_of_a_minute() {
        let mut state = SenderState::new(count(), 0);
        assert_eq!(state.take_session(1, 5), Err(SenderError::SessionNotExported { minutes: 5 }));
        let kept = state.export(0, 6).to_string();
        for session in 0..16 {
            let number = state.take_session(1, 5).unwrap();
            assert_eq!((number.encryption(), number.minutes(), number.session()), (1, 5, session));
        }
        assert_eq!(state.take_session(1, 5), Err(SenderError::SessionExhausted { minutes: 5 }));
        assert_eq!(state.take_session(1, 6).map(SessionNumber::session), Ok(0));
        assert_eq!(
            state.take_session(1, 4),
            Err(SenderError::SessionExhausted { minutes: 4 }),
            "the clock went back"
        );
        assert_eq!(state.take_session(1, 7), Err(SenderError::SessionNotExported { minutes: 7 }));
        // Behind a restart all of minute 6 counts as used.
        let mut again: SenderState = kept.parse().unwrap();
        again.export(0, 9);
        assert_eq!(again.take_session(1, 6), Err(SenderError::SessionExhausted { minutes: 6 }));
        assert_eq!(again.take_session(1, 7).map(SessionNumber::session), Ok(0));
        assert!(again.take_session(8, 8).is_err(), "no such cipher");
        let last = (1 << 25) - 1;
        again.export(0, last);
        assert!(again.take_session(1, last).is_ok());
        assert_eq!(again.take_session(1, last + 1), Err(SenderError::SessionExhausted { minutes: last + 1 }));
    }

    #[test]
    fn an_access_number_at_once_again() {
        let mut state = SenderState::new(count(), 0);
        assert_eq!(state.next_access_number(), 0);
        assert_eq!(state.use_access_number(255), Ok(()));
        assert_eq!(state.use_access_number(255), Err(SenderError::AccessNumberUsed { access_number: 255 }));
        assert_eq!(state.next_access_number(), 0);
        let again: SenderState = state.export(0, 0).to_string().parse().unwrap();
        assert_eq!(again.next_access_number(), 0);
        assert_eq!(again.access_number, Some(255));
        // After a restart none of those that the export allowed for.
        for used in [None, Some(7), Some(250)] {
            let mut state = SenderState::new(*state.count(), 1);
            if let Some(used) = used {
                state.use_access_number(used).unwrap();
            }
            let kept = state.export(100, 0).to_string();
            let before: std::vec::Vec<u8> = (0..100)
                .map(|_| {
                    let number = state.next_access_number();
                    state.use_access_number(number).unwrap();
                    number
                })
                .collect();
            let again: SenderState = kept.parse().unwrap();
            assert_eq!(Some(again.next_access_number()), before.last().map(|last| last.wrapping_add(1)));
        }
    }

    #[test]
    fn printed_lines() {
        let mut state = SenderState::new(count(), 2800);
        assert_eq!(state.export(1, 0).to_string(), "9395785634123303 down 20 03 2801 0 00");
        state.use_access_number(0x2A).unwrap();
        assert_eq!(state.export(1, 2).to_string(), "9395785634123303 down 20 03 2801 48 2B");
        for line in [
            "",
            "9395785634123303 down 20 03 2801 0",
            "939578563412330 down 20 03 2801 0 -",
            "9395785634123303 sideways 20 03 2801 0 -",
            "9395785634123303 down 2 03 2801 0 -",
            "9395785634123303 down 20 +3 2801 0 -",
            "9395785634123303 down 20 03 4294967297 0 -",
            "9395785634123303 down 20 03 +1 0 -",
            "9395785634123303 down 20 03 1 536870913 -",
            "9395785634123303 down 20 03 1 0 2",
            "9395785634123303 down 20 03 1 0 - more",
        ] {
            assert!(line.parse::<SenderState>().is_err(), "{line}");
        }
    }

    #[test]
    fn a_store_of_states() {
        let mut senders = Senders::<2>::new();
        let other = Count { to_meter: false, ..count() };
        senders.add(SenderState::new(count(), 5)).unwrap();
        assert_eq!(senders.add(SenderState::new(count(), 0)), Err(SenderError::Known));
        senders.add(SenderState::new(other, 1)).unwrap();
        let third = Count { key_version: 4, ..count() };
        assert_eq!(senders.add(SenderState::new(third, 0)), Err(SenderError::StoreFull { capacity: 2 }));
        assert!(senders.of(&third).is_none());
        assert_eq!(senders.export(1, 0).count(), 2);
        assert_eq!(senders.of(&count()).unwrap().take_counter(), Ok(5));
        assert_eq!(senders.of(&other).unwrap().take_counter(), Ok(1));
    }
}
