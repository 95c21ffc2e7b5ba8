//! Telling a frame from its repetition.
//!
//! The same frame is heard again when a repeater sends it (5 to 25 s later, hop bit set) and when a meter
//! repeats its last answer. Invariants: the key covers C, M, A and the whole payload, access numbers
//! included, without the bits that a repeater changes; the filter holds at most `N` keys, the oldest
//! goes first; a clock that goes backwards makes no frame immortal.

use crate::time::{Duration, Instant, SteadyClock};
use crate::wireless::{Frame, Routing};
use crate::{Address, CField};

/// What is the same in a frame and its repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DuplicateKey {
    /// The sender.
    pub address: Address,
    /// C.
    pub c_field: CField,
    /// A hash of the payload without hop bit and repeated access bit.
    pub payload_hash: u64,
}

impl DuplicateKey {
    /// The key of the frame `octets` without CRCs.
    ///
    /// # Errors
    /// Those of [`Frame::parse`].
    pub fn of(octets: &[u8]) -> Result<Self, crate::Error> {
        let frame = Frame::parse(octets)?;
        let bits = Routing::of(octets).repeater_bits;
        let hashed = octets.iter().enumerate().skip(crate::wireless::frame::HEADER_LEN);
        let payload_hash = hashed.fold(FNV_OFFSET, |hash, (at, octet)| {
            let masked = match bits {
                Some(bits) if bits.octet == at => octet & !(bits.hop | bits.repeated_access),
                _ => *octet,
            };
            (hash ^ u64::from(masked)).wrapping_mul(FNV_PRIME)
        });
        Ok(Self { address: frame.address(), c_field: frame.c_field(), payload_hash })
    }
}

// FNV-1a, 64 bits.
const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

/// What the filter says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// Not heard before, as far as the filter remembers.
    New,
    /// Heard before.
    Duplicate {
        /// How long ago it was heard first.
        age: Duration,
    },
}

/// Remembers the last `N` frames.
#[derive(Clone, Copy, Debug)]
pub struct DuplicateFilter<const N: usize> {
    entries: [Option<(DuplicateKey, Instant)>; N],
    next: usize,
    keep: Duration,
    clock: SteadyClock,
    /// Frames that were new.
    new: u32,
    /// Frames heard before.
    duplicates: u32,
}

impl<const N: usize> DuplicateFilter<N> {
    /// An empty filter that remembers a frame for `keep`. With 30 s the repetition by a repeater is found
    /// in any case.
    #[must_use]
    pub const fn new(keep: Duration) -> Self {
        Self { entries: [None; N], next: 0, keep, clock: SteadyClock::new(), new: 0, duplicates: 0 }
    }
    /// Looks for the frame and remembers it if it is new.
    pub fn check(&mut self, now: Instant, key: DuplicateKey) -> Verdict {
        let now = self.clock.read(now);
        let known = self.entries.iter().flatten().find(|(known, _)| *known == key);
        if let Some((_, first)) = known {
            let age = now.since(*first);
            if age <= self.keep {
                self.duplicates = self.duplicates.saturating_add(1);
                return Verdict::Duplicate { age };
            }
        }
        self.new = self.new.saturating_add(1);
        self.entries.iter_mut().filter(|e| e.is_some_and(|(known, _)| known == key)).for_each(|e| *e = None);
        if let Some(slot) = self.entries.get_mut(self.next) {
            *slot = Some((key, now));
        }
        self.next = self.next.saturating_add(1).checked_rem(N).unwrap_or(0);
        Verdict::New
    }
    /// Frames that were new.
    #[must_use]
    pub const fn new_frames(&self) -> u32 {
        self.new
    }
    /// Frames that were heard before.
    #[must_use]
    pub const fn duplicates(&self) -> u32 {
        self.duplicates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{set_hop, set_repeated_access};

    const WITH_ELL: [u8; 19] = [
        0x12, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x8C, 0x20, 0x27, 0x78, 0x0B, 0x13, 0x43,
        0x65, 0x87,
    ];
    /// Mode 5, hop bit in the configuration field.
    const WITHOUT_ELL: [u8; 15] =
        [0x0E, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03, 0x7A, 0x2A, 0x00, 0x20, 0x25];

    #[test]
    fn the_repeater_bits_are_ignored_and_nothing_else_is() {
        for original in [&WITH_ELL[..], &WITHOUT_ELL[..]] {
            let key = DuplicateKey::of(original).unwrap();
            let mut repeated = original.to_vec();
            set_hop(&mut repeated).unwrap();
            set_repeated_access(&mut repeated).unwrap();
            assert_ne!(repeated, original);
            assert_eq!(DuplicateKey::of(&repeated), Ok(key));
            let place = Routing::of(original).repeater_bits.unwrap();
            for at in 1..original.len() {
                for bit in 0..8 {
                    let mut other = original.to_vec();
                    other[at] ^= 1 << bit;
                    let mask = place.hop | place.repeated_access;
                    let same = at == place.octet && mask >> bit & 1 == 1;
                    assert_eq!(DuplicateKey::of(&other) == Ok(key), same, "octet {at} bit {bit}");
                }
            }
        }
    }

    #[test]
    fn a_frame_is_forgotten_in_time_and_the_oldest_first() {
        let key = |n| DuplicateKey { payload_hash: n, ..DuplicateKey::of(&WITH_ELL).unwrap() };
        let at = |s: u64| Instant::from_micros(s * 1_000_000);
        let mut filter = DuplicateFilter::<2>::new(Duration::from_secs(30));
        assert_eq!(filter.check(at(0), key(1)), Verdict::New);
        assert_eq!(filter.check(at(25), key(1)), Verdict::Duplicate { age: Duration::from_secs(25) });
        assert_eq!(filter.check(at(31), key(1)), Verdict::New);
        assert_eq!(filter.check(at(32), key(2)), Verdict::New);
        assert_eq!(filter.check(at(33), key(3)), Verdict::New);
        assert_eq!(filter.check(at(34), key(1)), Verdict::New);
        assert_eq!(filter.check(at(1), key(1)), Verdict::Duplicate { age: Duration::ZERO });
        assert_eq!(filter.check(at(40), key(1)), Verdict::New);
        assert_eq!((filter.new_frames(), filter.duplicates()), (6, 2));
        let mut none = DuplicateFilter::<0>::new(Duration::MAX);
        assert_eq!((none.check(at(0), key(1)), none.check(at(0), key(1))), (Verdict::New, Verdict::New));
    }
}
