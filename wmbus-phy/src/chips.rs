//! Chips: the smallest symbols on the air, packed eight to an octet.
//!
//! ```text
//! chip    0 1 2 3 4 5 6 7   8 9 ..
//! octet |  first          |  second   |    the first chip is the most significant bit
//! ```
//!
//! Invariants: a run of chips may begin and end within an octet; what lies outside of it is never looked at.

/// A run of packed chips, taken from the front.
///
/// ```
/// use wmbus_phy::Chips;
/// let mut chips = Chips::with_len(&[0b0101_0100, 0b1100_0000], 10);
/// assert_eq!(chips.len(), 10);
/// assert_eq!(chips.next(), Some(false));
/// assert_eq!(chips.next(), Some(true));
/// assert_eq!(chips.count(), 8);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Chips<'a> {
    octets: &'a [u8],
    /// The next chip.
    at: usize,
    /// Behind the last one.
    end: usize,
}

impl<'a> Chips<'a> {
    /// All chips of these octets.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0, end: octets.len().saturating_mul(8) }
    }
    /// The first `len` chips of these octets, or as many as there are.
    #[must_use]
    pub const fn with_len(octets: &'a [u8], len: usize) -> Self {
        let all = Self::new(octets);
        if len < all.end { Self { end: len, ..all } } else { all }
    }
    /// How many chips are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.at)
    }
    /// True when no chip is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Takes up to `most` chips, and up to eight: the chips, the first as the most significant bit, and how many.
    pub(crate) fn take_octet(&mut self, most: usize) -> (u8, u32) {
        let count = u32::try_from(self.len().min(most)).unwrap_or(8).min(8);
        let [_, chips] = fetch(self.octets, self.at, 8).to_be_bytes();
        self.at = self.at.saturating_add(count as usize);
        // What lies behind the run is not told.
        (chips & !0xFF_u8.checked_shr(count).unwrap_or(0), count)
    }
}

impl Iterator for Chips<'_> {
    type Item = bool;

    fn next(&mut self) -> Option<bool> {
        let (chip, count) = self.take_octet(1);
        (count == 1).then_some(chip != 0)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
    fn count(self) -> usize {
        self.len()
    }
}

/// `count` chips (16 at most) from chip `at` on, the last one as the least significant bit; zeros behind the end.
#[inline]
pub(crate) fn fetch(octets: &[u8], at: usize, count: u32) -> u16 {
    let octets = octets.get(at / 8..).unwrap_or_default();
    let word = match octets {
        [a, b, c, ..] => u32::from_be_bytes([*a, *b, *c, 0]),
        [a, b] => u32::from_be_bytes([*a, *b, 0, 0]),
        [a] => u32::from_be_bytes([*a, 0, 0, 0]),
        [] => 0,
    };
    let chips = (word << (at % 8)) >> 16;
    (chips as u16).checked_shr(16_u32.saturating_sub(count)).unwrap_or(0)
}

/// Writes chips into octets, from the front.
#[derive(Debug)]
pub(crate) struct ChipWriter<'a> {
    octets: &'a mut [u8],
    at: usize,
}

impl<'a> ChipWriter<'a> {
    /// Writes behind the first `at` chips of `octets`.
    pub(crate) const fn new(octets: &'a mut [u8], at: usize) -> Self {
        Self { octets, at }
    }
    /// Appends the lowest `count` bits (16 at most) of `chips`, the highest of them first; what has no room is
    /// dropped, what follows in the last octet becomes zero.
    #[inline]
    pub(crate) fn put(&mut self, chips: u16, count: u32) {
        let (octet, offset) = (self.at / 8, self.at % 8);
        let word = u32::from(chips).checked_shl(32_u32.saturating_sub(count)).unwrap_or(0) >> offset;
        let [a, b, c, _] = word.to_be_bytes();
        let kept = !(0xFF_u8 >> offset);
        if let Some(octets) = self.octets.get_mut(octet..) {
            let fresh = [a, b, c];
            let used = offset.saturating_add(count as usize).div_ceil(8);
            for (n, (to, from)) in octets.iter_mut().zip(fresh).take(used).enumerate() {
                *to = if n == 0 { (*to & kept) | from } else { from };
            }
        }
        self.at = self.at.saturating_add(count as usize);
    }
    /// Behind the last chip.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::{ChipWriter, Chips, fetch};
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn chips_come_in_their_order() {
        let octets = [0b1010_0000, 0b1000_0001];
        let chips: Vec<bool> = Chips::new(&octets).collect();
        let ones: Vec<usize> =
            chips.iter().enumerate().filter(|(_, chip)| **chip).map(|(at, _)| at).collect();
        assert_eq!((chips.len(), ones), (16, [0, 2, 8, 15].to_vec()));
        assert_eq!(Chips::with_len(&octets, 40).len(), 16);
        assert!(Chips::with_len(&octets, 0).is_empty());
    }

    #[test]
    fn taken_octets_show_nothing_of_what_follows() {
        let mut chips = Chips::with_len(&[0xFF, 0xFF], 11);
        assert_eq!(chips.take_octet(3), (0b1110_0000, 3));
        assert_eq!(chips.take_octet(99), (0xFF, 8));
        assert_eq!(chips.take_octet(99), (0, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_fetched(words in prop::collection::vec((any::<u16>(), 0_u32..=16), 0..40), before in 0_usize..9) {
            let mut octets = [0xFF; 100];
            let mut writer = ChipWriter::new(&mut octets, before);
            for (chips, count) in &words {
                writer.put(*chips, *count);
            }
            let end = writer.at();
            prop_assert_eq!(end, before + words.iter().map(|(_, count)| *count as usize).sum::<usize>());
            let mut at = before;
            for (chips, count) in words {
                let mask = ((1_u32 << count) - 1) as u16;
                prop_assert_eq!(fetch(&octets, at, count), chips & mask);
                at += count as usize;
            }
            prop_assert_eq!(Chips::new(&octets).take(before).filter(|chip| *chip).count(), before);
            // The octets behind the last one are left alone.
            prop_assert!(octets[end.div_ceil(8)..].iter().all(|octet| *octet == 0xFF));
        }
    }
}
