//! The guard against replayed telegrams: the last message counter of every meter.
//!
//! Invariants: a counter moves only forward, and only by a telegram whose MAC or tag was verified; a
//! stranger's frames neither create nor change an entry, not even a heard telegram with other octets where nothing
//! covers them, since a count is made of what was proved ([`ProvenCount`]). The store is bounded and belongs to the
//! caller; when it is full a new meter is refused with an error and no known meter is forgotten. The
//! counters survive a restart as lines of text. Mode 5 has no counter; nothing here can protect it.
//!
//! The entries lie sorted by their count, free places behind them: of 10,000 counts one is found by 15 comparisons at most, and a
//! telegram of a known meter moves nothing. A new one moves those behind it up by a place; an import in the order of the
//! export moves none.
//!
//! Neither MAC nor key derivation of mode 7 covers manufacturer, version and type of a short header: a heard telegram
//! with others opens with the same key and is a repetition. Whoever looks at these three binds each key to its whole
//! address.
//!
//! EN 13757-7, 7.6.6 (message counter); OMS Vol. 2, 9.3.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use mbus_link::IdentificationNumber;

use crate::count::{ParseCountError, ProvenCount, Words};
use crate::key::KeyIdentity;

/// The counter that one authenticated telegram used.
///
/// The fingerprint is the MAC or tag, its first eight octets: equal counters are a repetition if and
/// only if it is equal too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CounterUse {
    /// Which count the counter belongs to.
    pub count: ProvenCount,
    /// The message counter.
    pub counter: u32,
    /// The first eight octets of the MAC or tag, zero-filled where there are fewer.
    pub fingerprint: [u8; 8],
}

/// What the guard found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Freshness {
    /// The first telegram of this meter and key.
    First,
    /// A higher counter than ever before; `skipped` counters were never seen.
    New {
        /// Counters between the last and this one.
        skipped: u32,
    },
    /// The last telegram once more, octet for octet: heard twice, or sent again.
    Repetition,
}

/// Why the guard refuses a telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReplayError {
    /// A counter that is not above the last one: an old telegram sent again by somebody, or a meter
    /// whose counter was lost.
    #[error("replay: counter {counter} after {last}")]
    Replay {
        /// The telegram's counter.
        counter: u32,
        /// The highest one accepted so far.
        last: u32,
    },
    /// No room for one more meter.
    #[error("the store of {capacity} counters is full")]
    StoreFull {
        /// Counters that fit.
        capacity: usize,
    },
}

impl ReplayError {
    /// The error as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::StoreFull { .. } => "store_full",
        }
    }
}

/// The last counters of at most `N` meters, keys and directions.
///
/// ```
/// use oms_security::count::ProvenCount;
/// use oms_security::key::KeyIdentity;
/// use oms_security::replay::{CounterUse, Freshness, ReplayGuard};
/// use oms_security::sealed::Direction;
/// // As opening a telegram gives it.
/// let count = ProvenCount {
///     key: KeyIdentity([0xA5; 8]),
///     identification: Some([0x78, 0x56, 0x34, 0x12]),
///     direction: Some(Direction::FromMeter),
/// };
/// let used = CounterUse { count, counter: 2739, fingerprint: [7; 8] };
/// let mut guard = ReplayGuard::<100>::new();
/// assert_eq!(guard.accept(&used), Ok(Freshness::First));
/// assert_eq!(guard.accept(&used), Ok(Freshness::Repetition));
/// assert!(guard.accept(&CounterUse { counter: 2738, ..used }).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct ReplayGuard<const N: usize> {
    /// Sorted by count; the free ones are the last.
    entries: [Option<CounterUse>; N],
}

impl<const N: usize> Default for ReplayGuard<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> ReplayGuard<N> {
    /// A guard that knows no meter.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: [None; N] }
    }
    /// Judges a telegram without learning from it. Cheap enough to be asked before deciphering.
    ///
    /// # Errors
    /// [`ReplayError::Replay`]; [`ReplayError::StoreFull`] when the meter is new and there is no room.
    pub fn check(&self, used: &CounterUse) -> Result<Freshness, ReplayError> {
        match self.entries.get(self.place_of(&used.count, Ord::cmp)) {
            Some(Some(known)) if known.count == used.count => judge(known, used),
            _ if self.entries.last().is_none_or(Option::is_some) => {
                Err(ReplayError::StoreFull { capacity: N })
            }
            _ => Ok(Freshness::First),
        }
    }
    /// Judges a telegram and remembers its counter. To be called only once its MAC or tag was verified.
    ///
    /// # Errors
    /// As [`ReplayGuard::check`]; nothing is remembered then.
    pub fn accept(&mut self, used: &CounterUse) -> Result<Freshness, ReplayError> {
        let freshness = self.check(used)?;
        let place = self.place_of(&used.count, Ord::cmp);
        let Some(places @ [_, ..]) = self.entries.get_mut(place..) else {
            return Err(ReplayError::StoreFull { capacity: N });
        };
        if freshness == Freshness::First {
            // The last place is free: it comes to the front.
            places.rotate_right(1);
        }
        if let Some(entry) = places.first_mut() {
            *entry = Some(*used);
        }
        Ok(freshness)
    }
    /// Where the entry of a count is, or would be.
    fn place_of(
        &self,
        count: &ProvenCount,
        mut compare: impl FnMut(&ProvenCount, &ProvenCount) -> Ordering,
    ) -> usize {
        let mut is_before = |known: &CounterUse| compare(&known.count, count).is_lt();
        self.entries.partition_point(|entry| entry.as_ref().is_some_and(&mut is_before))
    }
    /// Forgets a meter: it was taken away, or its counter was lost and an operator says so. Counts that nothing binds
    /// to a meter stay, see [`ReplayGuard::forget_key`].
    pub fn forget(&mut self, meter: IdentificationNumber) {
        self.forget_where(|count| count.identification == Some(meter.octets()));
    }
    /// Forgets a key: it was replaced.
    pub fn forget_key(&mut self, key: KeyIdentity) {
        self.forget_where(|count| count.key == key);
    }
    fn forget_where(&mut self, forgotten: impl Fn(&ProvenCount) -> bool) {
        let mut kept = 0usize;
        for n in 0..N {
            let entry = self.entries.get_mut(n).and_then(Option::take);
            let Some(entry) = entry.filter(|known| !forgotten(&known.count)) else { continue };
            if let Some(place) = self.entries.get_mut(kept) {
                *place = Some(entry);
            }
            kept = kept.saturating_add(1);
        }
    }
    /// All counters, sorted, to be written out: each prints as one line of text ([`CounterUse`]'s `Display`).
    pub fn export(&self) -> impl Iterator<Item = &CounterUse> {
        self.entries.iter().flatten()
    }
    /// Takes one counter back that was written out. A counter never moves backwards by this.
    ///
    /// # Errors
    /// [`ReplayError::StoreFull`].
    pub fn import(&mut self, used: &CounterUse) -> Result<(), ReplayError> {
        match self.accept(used) {
            Ok(_) | Err(ReplayError::Replay { .. }) => Ok(()),
            Err(full) => Err(full),
        }
    }
}

fn judge(known: &CounterUse, used: &CounterUse) -> Result<Freshness, ReplayError> {
    match used.counter.checked_sub(known.counter) {
        Some(0) if used.fingerprint == known.fingerprint => Ok(Freshness::Repetition),
        Some(0) | None => Err(ReplayError::Replay { counter: used.counter, last: known.counter }),
        Some(ahead) => Ok(Freshness::New { skipped: ahead.saturating_sub(1) }),
    }
}

/// One line: the count, the counter, the fingerprint.
impl fmt::Display for CounterUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = u64::from_be_bytes(self.fingerprint);
        write!(f, "{} {} {fingerprint:016X}", self.count, self.counter)
    }
}

impl FromStr for CounterUse {
    type Err = ParseCountError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = Words::of(line);
        let count = words.proven_count()?;
        let counter = words.number(u32::MAX.into(), "a counter below 2^32")?;
        let fingerprint = words.hex(16, "a fingerprint of 16 hex digits")?.to_be_bytes();
        words.end()?;
        let counter = u32::try_from(counter).unwrap_or(u32::MAX);
        Ok(Self { count, counter, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::Direction;
    use std::string::{String, ToString};

    fn used(number: u32, counter: u32) -> CounterUse {
        let count = ProvenCount {
            key: KeyIdentity([0xA5; 8]),
            identification: Some(number.to_le_bytes()),
            direction: Some(Direction::FromMeter),
        };
        CounterUse { count, counter, fingerprint: u64::from(counter).to_be_bytes() }
    }
    fn with(count: impl Fn(&mut ProvenCount), counter: u32) -> CounterUse {
        let mut other = used(1, counter);
        count(&mut other.count);
        other
    }

    #[test]
    fn counters_only_grow() {
        let mut guard = ReplayGuard::<4>::new();
        assert_eq!(guard.accept(&used(1, 2739)), Ok(Freshness::First));
        assert_eq!(guard.accept(&used(1, 2740)), Ok(Freshness::New { skipped: 0 }));
        assert_eq!(guard.accept(&used(1, 2750)), Ok(Freshness::New { skipped: 9 }));
        assert_eq!(guard.accept(&used(1, 2749)), Err(ReplayError::Replay { counter: 2749, last: 2750 }));
        assert_eq!(guard.accept(&used(1, u32::MAX)), Ok(Freshness::New { skipped: u32::MAX - 2751 }));
        // The counter never wraps: from here on a new key is needed.
        assert_eq!(guard.accept(&used(1, 0)), Err(ReplayError::Replay { counter: 0, last: u32::MAX }));
    }

    #[test]
    fn a_repetition_is_the_same_telegram() {
        let mut guard = ReplayGuard::<1>::new();
        guard.accept(&used(1, 5)).unwrap();
        assert_eq!(guard.accept(&used(1, 5)), Ok(Freshness::Repetition));
        let other = CounterUse { fingerprint: [9; 8], ..used(1, 5) };
        assert_eq!(guard.accept(&other), Err(ReplayError::Replay { counter: 5, last: 5 }));
    }

    #[test]
    fn directions_and_keys_count_for_themselves() {
        let mut guard = ReplayGuard::<4>::new();
        guard.accept(&used(1, 100)).unwrap();
        for other in [
            with(|count| count.direction = Some(Direction::ToMeter), 3),
            with(|count| count.key = KeyIdentity([1; 8]), 3),
            with(|count| count.identification = None, 3),
        ] {
            assert_eq!(guard.accept(&other), Ok(Freshness::First));
        }
    }

    #[test]
    fn a_meter_or_a_key_is_forgotten_whole() {
        let mut guard = ReplayGuard::<4>::new();
        let nameless = with(|count| count.identification = None, 9);
        for entry in [used(1, 9), with(|count| count.direction = Some(Direction::ToMeter), 9), nameless] {
            guard.accept(&entry).unwrap();
        }
        guard.accept(&used(2, 9)).unwrap();
        guard.forget(IdentificationNumber::from_octets([1, 0, 0, 0]));
        assert!(guard.export().eq(&[nameless, used(2, 9)]));
        assert_eq!(guard.accept(&used(1, 1)), Ok(Freshness::First));
        guard.forget_key(KeyIdentity([0xA4; 8]));
        assert_eq!(guard.export().count(), 3);
        guard.forget_key(KeyIdentity([0xA5; 8]));
        assert_eq!(guard.export().count(), 0);
    }

    #[test]
    fn a_full_store_forgets_nobody() {
        let mut guard = ReplayGuard::<2>::new();
        guard.accept(&used(1, 1)).unwrap();
        guard.accept(&used(2, 1)).unwrap();
        assert_eq!(guard.accept(&used(3, 1)), Err(ReplayError::StoreFull { capacity: 2 }));
        assert_eq!(guard.accept(&used(1, 2)), Ok(Freshness::New { skipped: 0 }));
        guard.forget(IdentificationNumber::from_octets([2, 0, 0, 0]));
        assert_eq!(guard.accept(&used(3, 1)), Ok(Freshness::First));
        assert_eq!(ReplayGuard::<0>::new().check(&used(1, 1)), Err(ReplayError::StoreFull { capacity: 0 }));
    }

    /// The meters of a head-end, in no order.
    #[test]
    fn ten_thousand_meters() {
        use std::collections::BTreeMap;
        const METERS: u32 = 10_000;
        let mut guard = std::boxed::Box::new(ReplayGuard::<10_000>::new());
        let mut known = BTreeMap::new();
        for n in 0..METERS {
            // 7,919 is prime: each number once, hardly one behind its neighbour.
            let mut entry = used(n * 7_919 % METERS, n);
            entry.count.key = KeyIdentity([(n % 3) as u8; 8]);
            assert_eq!(guard.accept(&entry), Ok(Freshness::First));
            known.insert(entry.count, entry);
        }
        assert_eq!(guard.check(&used(1, 1)), Err(ReplayError::StoreFull { capacity: 10_000 }));
        assert!(guard.export().eq(known.values()));
        let mut most = 0;
        for entry in known.values() {
            let mut comparisons = 0;
            let place = guard.place_of(&entry.count, |known, count| {
                comparisons += 1;
                known.cmp(count)
            });
            assert_eq!(guard.entries[place].as_ref(), Some(entry));
            most = comparisons.max(most);
            assert_eq!(guard.check(entry), Ok(Freshness::Repetition));
        }
        assert!((10..=15).contains(&most), "{most} comparisons");
        guard.forget_key(KeyIdentity([1; 8]));
        known.retain(|count, _| count.key != KeyIdentity([1; 8]));
        assert!(guard.export().eq(known.values()));
        assert!(guard.entries[known.len()..].iter().all(Option::is_none));
        // There is room again, between the others too.
        for n in 0..METERS - known.len() as u32 {
            let mut entry = used(n, 1);
            entry.count.direction = None;
            assert_eq!(guard.accept(&entry), Ok(Freshness::First));
            known.insert(entry.count, entry);
        }
        assert!(guard.export().eq(known.values()));
    }

    #[test]
    fn checking_learns_nothing() {
        let guard = ReplayGuard::<2>::new();
        assert_eq!(guard.check(&used(1, 1)), Ok(Freshness::First));
        assert_eq!(guard.export().count(), 0);
    }

    #[test]
    fn counters_survive_a_restart() {
        let mut guard = ReplayGuard::<3>::new();
        guard.accept(&used(0x1234_5678, 2739)).unwrap();
        guard
            .accept(&with(|count| (count.identification, count.direction) = (None, None), u32::MAX))
            .unwrap();
        let text: String = guard.export().map(|entry| entry.to_string() + "\n").collect();
        assert_eq!(text.lines().last(), Some("A5A5A5A5A5A5A5A5 12345678 up 2739 0000000000000AB3"));
        let mut restored = ReplayGuard::<3>::new();
        for line in text.lines() {
            restored.import(&line.parse().unwrap()).unwrap();
        }
        assert!(restored.export().eq(guard.export()));
        restored.import(&used(0x1234_5678, 1)).unwrap();
        assert!(restored.export().eq(guard.export()), "an old export must not turn a counter back");
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            "A5A5A5A5A5A5A5A5",
            "A5A5A5A5A5A5A5A 12345678 up 1 0000000000000000",
            "A5A5A5A5A5A5A5A5 12345678 sideways 1 0000000000000000",
            "A5A5A5A5A5A5A5A5 1234567 up 1 0000000000000000",
            "A5A5A5A5A5A5A5A5 +2345678 up 1 0000000000000000",
            "A5A5A5A5A5A5A5A5 12345678 up 4294967296 0000000000000000",
            "A5A5A5A5A5A5A5A5 12345678 up 1 00",
            "A5A5A5A5A5A5A5A5 12345678 up 1 0000000000000000 more",
            // As the address was written once.
            "9395785634123303 up 00 00 1 0000000000000000",
        ] {
            assert!(line.parse::<CounterUse>().is_err(), "{line}");
        }
    }
}
