//! The meters found so far, so that nobody is told twice and that masks which none of them has can be chosen.
//!
//! Invariants: at most [`MOST`] meters; [`Known::is_short`] says that there were more. Numbers are eight BCD digits,
//! the most significant in the uppermost four bits, and Fh in place of a digit stands for any.

use crate::wired::selection::Selection;
use crate::{Address, IdentificationNumber};

/// One segment of the wired bus has at most 250 slaves.
pub(super) const MOST: usize = 256;
/// Digits of an identification number.
pub(super) const DIGITS: u8 = 8;

/// How many of the known meters a mask means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holders {
    None,
    One,
    /// Or not known, when the number of one of them is not.
    Several,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    meters: [Address; MOST],
    /// What told meters apart whose addresses are equal.
    fabrication_numbers: [IdentificationNumber; MOST],
    len: usize,
    is_short: bool,
    /// Meters with each digit at each place, from the left.
    digits: [[u16; 10]; DIGITS as usize],
}

impl Known {
    pub(super) const EMPTY: Self = Self {
        meters: [Address::WILDCARD; MOST],
        fabrication_numbers: [IdentificationNumber::WILDCARD; MOST],
        len: 0,
        is_short: false,
        digits: [[0; 10]; DIGITS as usize],
    };

    /// Adds the meter that answers to this selection alone.
    pub(super) fn add(&mut self, selection: &Selection<'_>) {
        let slots = self.meters.get_mut(self.len).zip(self.fabrication_numbers.get_mut(self.len));
        let Some((meter, fabrication_number)) = slots else {
            self.is_short = true;
            return;
        };
        *meter = selection.address;
        *fabrication_number = selection.fabrication_number.unwrap_or(IdentificationNumber::WILDCARD);
        self.len = self.len.saturating_add(1);
        let number = u32::from_le_bytes(selection.address.identification.octets());
        for (place, digits) in (0..DIGITS).zip(&mut self.digits) {
            if let Some(meters) = digits.get_mut(usize::from(digit_at(number, place))) {
                *meters = meters.saturating_add(1);
            }
        }
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = Address> + Clone {
        self.meters.iter().take(self.len).copied()
    }
    /// Whether the meter that answers to this selection is known. Where no fabrication number was asked for, it is one
    /// of those with the address.
    pub(super) fn contains(&self, selection: &Selection<'_>) -> bool {
        let numbers = self.fabrication_numbers.iter();
        self.iter().zip(numbers).any(|(meter, number)| {
            meter == selection.address && selection.fabrication_number.is_none_or(|asked| asked == *number)
        })
    }
    pub(super) const fn len(&self) -> usize {
        self.len
    }
    pub(super) const fn is_short(&self) -> bool {
        self.is_short
    }
    /// The number of the meter at this place.
    pub(super) fn number(&self, n: usize) -> Option<u32> {
        self.numbers().nth(n)
    }
    fn numbers(&self) -> impl Iterator<Item = u32> + Clone {
        self.iter().map(|meter| u32::from_le_bytes(meter.identification.octets()))
    }
    /// How many meters have the digits of this number that are given.
    pub(super) fn holders(&self, number: u32) -> Holders {
        let given = !any_digits(number);
        let mut found = Holders::None;
        for known in self.numbers() {
            let unknown = any_digits(known) & given;
            if (known ^ number) & given & !unknown == 0 {
                if found == Holders::One || unknown != 0 {
                    return Holders::Several;
                }
                found = Holders::One;
            }
        }
        found
    }
    /// Whether the first `digits` digits of the meter at this place are those of a later one as well, and of none
    /// before: so each prefix that several have counts once.
    pub(super) fn is_first_of_several(&self, n: usize, digits: u8) -> bool {
        let prefix = prefix(digits);
        let Some(number) = self.number(n).filter(|number| any_digits(*number) & prefix == 0) else {
            return false;
        };
        let mut same = self.numbers().enumerate().filter(|(_, other)| (other ^ number) & prefix == 0);
        same.next().is_some_and(|(first, _)| first == n) && same.next().is_some()
    }
    /// How many meters share their first `digits` digits with another.
    pub(super) fn in_lots(&self, digits: u8) -> usize {
        let prefix = prefix(digits);
        let known = |number: &u32| any_digits(*number) & prefix == 0;
        let shared =
            |number: &u32| self.numbers().filter(|other| (other ^ number) & prefix == 0).nth(1).is_some();
        self.numbers().filter(known).filter(shared).count()
    }
    /// How many meters have this digit at this place, from the left.
    pub(super) fn with_digit(&self, place: u8, digit: u8) -> u64 {
        let digits = self.digits.get(usize::from(place));
        digits.and_then(|digits| digits.get(usize::from(digit))).map_or(0, |meters| u64::from(*meters))
    }
}

/// Ones where the number has no digit but Fh.
const fn any_digits(number: u32) -> u32 {
    let pairs = number & number >> 1;
    (pairs & pairs >> 2 & 0x1111_1111).wrapping_mul(0xF)
}
/// Ones in place of the first digits.
fn prefix(digits: u8) -> u32 {
    u32::MAX.checked_shl(32u32.saturating_sub(u32::from(digits).saturating_mul(4))).unwrap_or(0)
}
/// Where the digit at this place begins: at bit 28 for the first.
fn shift(place: u8) -> u32 {
    28u32.saturating_sub(u32::from(place).saturating_mul(4))
}
fn digit_at(number: u32, place: u8) -> u8 {
    u8::try_from(number >> shift(place) & 0xF).unwrap_or(0xF)
}
/// No digit given.
pub(super) const ANY: u32 = u32::MAX;
/// The first `digits` digits of a number, and none behind.
pub(super) fn beginning(number: u32, digits: u8) -> u32 {
    number | !prefix(digits)
}
/// The number with another digit at this place.
pub(super) fn with_digit(number: u32, place: u8, digit: u8) -> u32 {
    number & !(0xF << shift(place)) | u32::from(digit & 0xF) << shift(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(numbers: &[u32]) -> Known {
        let mut known = Known::EMPTY;
        for number in numbers {
            let identification = IdentificationNumber::from_octets(number.to_le_bytes());
            known.add(&Selection::of(Address { identification, ..Address::WILDCARD }));
        }
        known
    }

    #[test]
    fn masks_are_held_by_none_one_or_several() {
        let known = known(&[0x1234_5678, 0x1234_9999, 0x77FF_FFFF]);
        let rows = [
            (ANY, Holders::Several),
            (0x1FFF_FFFF, Holders::Several),
            (0xFFFF_5FFF, Holders::Several),
            (0x1FFF_5FFF, Holders::One),
            (0x1FFF_FFF9, Holders::One),
            (0x77FF_FFFF, Holders::One),
            (0x777F_FFFF, Holders::Several),
            (0x2FFF_FFFF, Holders::None),
            (0x1234_5679, Holders::None),
        ];
        for (mask, holders) in rows {
            assert_eq!(known.holders(mask), holders, "{mask:08X}");
        }
        assert_eq!((known.with_digit(0, 1), known.with_digit(7, 9), known.with_digit(7, 1)), (2, 1, 0));
    }

    #[test]
    fn prefixes_count_once_and_digits_are_set_at_their_places() {
        let known = known(&[0x1234_5678, 0x1234_9999, 0x77FF_FFFF, 0x1200_0000]);
        let firsts: std::vec::Vec<_> = (0..5)
            .flat_map(|n| (0..=8).map(move |digits| (n, digits)))
            .filter(|(n, digits)| known.is_first_of_several(*n, *digits))
            .collect();
        assert_eq!(firsts, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]);
        assert_eq!(beginning(0x1234_5678, 0), ANY);
        assert_eq!(beginning(0x1234_5678, 3), 0x123F_FFFF);
        assert_eq!(beginning(0x1234_5678, 8), 0x1234_5678);
        assert_eq!(with_digit(ANY, 0, 3), 0x3FFF_FFFF);
        assert_eq!(with_digit(ANY, 7, 0), 0xFFFF_FFF0);
    }

    #[test]
    fn more_than_there_is_room_for_is_said() {
        let mut known = Known::EMPTY;
        for n in 0..=256 {
            assert!(!known.is_short());
            let identification = IdentificationNumber::from_number(n).unwrap();
            known.add(&Selection::of(Address { identification, ..Address::WILDCARD }));
        }
        assert_eq!((known.is_short(), known.len(), known.iter().count()), (true, 256, 256));
    }

    #[test]
    fn equal_addresses_are_told_apart_by_the_fabrication_number_that_was_asked_for() {
        let twins = Selection::of(Address { version: crate::Version(1), ..Address::WILDCARD });
        let number = |n| Selection { fabrication_number: IdentificationNumber::from_number(n), ..twins };
        let mut known = Known::EMPTY;
        assert!(!known.contains(&twins));
        known.add(&number(1));
        assert!(known.contains(&twins) && known.contains(&number(1)) && !known.contains(&number(2)));
    }
}
