//! CRC-16/EN-13757: the check sequence at the end of every block (EN 13757-4, frame formats A and B;
//! EN 60870-5-1, format class FT3).
//!
//! Polynomial 3D65, register 0 at the start, no reflection, complemented at the end. On the link the CRC
//! goes high octet first, unlike every other field. The ELL payload CRC is the same sum, low octet first.
//!
//! Invariants: the same sum with and without the feature `fast-crc`, which only trades 4 KiB of tables
//! for speed (512 octets without it). In a block of frame format A (at most 144 bits with its CRC) every
//! single and double bit error is found; in the longer blocks of format B two wrong bits that lie a
//! multiple of 151 bits apart are not (the polynomial's order; a test tries all pairs). Other damage slips
//! through once in 65,536 times.

/// The polynomial without its leading term.
pub const POLYNOMIAL: u16 = 0x3D65;

/// The CRC of `octets`.
///
/// ```
/// assert_eq!(wmbus_phy::crc::checksum(b"123456789"), 0xC2B7);
/// assert_eq!(wmbus_phy::crc::checksum(&[]), 0xFFFF);
/// ```
#[must_use]
#[inline]
pub fn checksum(octets: &[u8]) -> u16 {
    Crc::new().update(octets).finish()
}

/// A CRC in the making, for octets that come in pieces.
///
/// ```
/// use wmbus_phy::crc::{Crc, checksum};
/// assert_eq!(Crc::new().update(b"1234").update(b"56789").finish(), checksum(b"123456789"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Crc {
    register: u16,
}

impl Crc {
    /// The sum of no octets yet.
    #[inline]
    pub const fn new() -> Self {
        Self { register: 0 }
    }
    /// The sum with `octets` added.
    #[inline]
    pub fn update(self, octets: &[u8]) -> Self {
        #[cfg(feature = "fast-crc")]
        let register = forms::octet_tables(self.register, octets);
        #[cfg(not(feature = "fast-crc"))]
        let register = forms::nibble_tables(self.register, octets);
        Self { register }
    }
    /// The CRC of all octets so far.
    #[must_use]
    #[inline]
    pub const fn finish(self) -> u16 {
        !self.register
    }
}

/// The CRC of pieces that lie in several places, as if they were one.
#[must_use]
pub fn checksum_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> u16 {
    pieces.into_iter().fold(Crc::new(), Crc::update).finish()
}

/// The register after `bits` more zero bits.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "runs at compile time only, where an overflow is an error"
)]
const fn shifted(mut register: u16, mut bits: usize) -> u16 {
    while bits > 0 {
        register = if register & 0x8000 == 0 { register << 1 } else { (register << 1) ^ POLYNOMIAL };
        bits -= 1;
    }
    register
}

/// The two ways to add octets to a register. Public for the tests and benchmarks that compare them.
#[doc(hidden)]
pub mod forms {
    use super::shifted;

    /// Row k: what a nibble does to the register when k nibbles follow it in the same step. 512 octets.
    static NIBBLES: [[u16; 16]; 16] = nibbles();
    /// Row k: what an octet does to the register when k octets follow it in the same step. 4 KiB.
    static OCTETS: [[u16; 256]; 8] = octets();

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "runs at compile time only, where an overflow is an error; values stay below 16"
    )]
    const fn nibbles() -> [[u16; 16]; 16] {
        let mut table = [[0; 16]; 16];
        let mut following = 0;
        while following < 16 {
            let mut value = 0;
            while value < 16 {
                table[following][value] = shifted((value as u16) << 12, 4 + 4 * following);
                value += 1;
            }
            following += 1;
        }
        table
    }

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "runs at compile time only, where an overflow is an error; values stay below 256"
    )]
    const fn octets() -> [[u16; 256]; 8] {
        let mut table = [[0; 256]; 8];
        let mut following = 0;
        while following < 8 {
            let mut value = 0;
            while value < 256 {
                table[following][value] = shifted((value as u16) << 8, 8 + 8 * following);
                value += 1;
            }
            following += 1;
        }
        table
    }

    /// What `octet` does when FOLLOWING octets follow it in the step.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the row is a constant, the column an octet of 256")]
    fn octet<const FOLLOWING: usize>(octet: u8) -> u16 {
        OCTETS[FOLLOWING][usize::from(octet)]
    }

    /// The same from the nibble tables: HIGH = 2 x octets that follow + 1, LOW = HIGH - 1.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "the rows are constants, the columns nibbles of 16")]
    fn nibble<const HIGH: usize, const LOW: usize>(octet: u8) -> u16 {
        NIBBLES[HIGH][usize::from(octet >> 4)] ^ NIBBLES[LOW][usize::from(octet & 0x0F)]
    }

    /// Eight octets at a step, eight look-ups each: 4 KiB of tables.
    #[must_use]
    #[inline]
    pub fn octet_tables(mut register: u16, mut octets: &[u8]) -> u16 {
        while let Some((&[a, b, c, d, e, f, g, h], rest)) = octets.split_first_chunk() {
            let [high, low] = register.to_be_bytes();
            register = octet::<7>(a ^ high)
                ^ octet::<6>(b ^ low)
                ^ octet::<5>(c)
                ^ octet::<4>(d)
                ^ (octet::<3>(e) ^ octet::<2>(f) ^ octet::<1>(g) ^ octet::<0>(h));
            octets = rest;
        }
        while let Some((&[a, b], rest)) = octets.split_first_chunk() {
            let [high, low] = register.to_be_bytes();
            register = octet::<1>(a ^ high) ^ octet::<0>(b ^ low);
            octets = rest;
        }
        if let [last] = octets {
            let [high, _] = register.to_be_bytes();
            register = (register << 8) ^ octet::<0>(last ^ high);
        }
        register
    }

    /// Eight octets at a step, sixteen look-ups each: 512 octets of tables.
    #[must_use]
    #[inline]
    pub fn nibble_tables(mut register: u16, mut octets: &[u8]) -> u16 {
        while let Some((&[a, b, c, d, e, f, g, h], rest)) = octets.split_first_chunk() {
            let [high, low] = register.to_be_bytes();
            register = nibble::<15, 14>(a ^ high)
                ^ nibble::<13, 12>(b ^ low)
                ^ (nibble::<11, 10>(c) ^ nibble::<9, 8>(d))
                ^ (nibble::<7, 6>(e) ^ nibble::<5, 4>(f))
                ^ (nibble::<3, 2>(g) ^ nibble::<1, 0>(h));
            octets = rest;
        }
        while let Some((&[a, b], rest)) = octets.split_first_chunk() {
            let [high, low] = register.to_be_bytes();
            register = nibble::<3, 2>(a ^ high) ^ nibble::<1, 0>(b ^ low);
            octets = rest;
        }
        if let [last] = octets {
            let [high, _] = register.to_be_bytes();
            register = (register << 8) ^ nibble::<1, 0>(last ^ high);
        }
        register
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Crc, POLYNOMIAL, checksum, checksum_of, forms};

    /// The definition, bit by bit.
    fn bitwise(octets: &[u8]) -> u16 {
        let mut register = 0u16;
        for octet in octets {
            register ^= u16::from(*octet) << 8;
            for _ in 0..8 {
                let carry = register & 0x8000 != 0;
                register <<= 1;
                if carry {
                    register ^= POLYNOMIAL;
                }
            }
        }
        !register
    }

    #[test]
    fn check_values_of_the_catalogue_and_of_the_standard() {
        assert_eq!(checksum(b"123456789"), 0xC2B7);
        assert_eq!(checksum(&[]), 0xFFFF);
        assert_eq!(checksum(&[0; 10]), 0xFFFF);
        assert_eq!(checksum(&[0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07]), 0x4447);
        assert_eq!(checksum(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]), 0x1E6D);
    }

    #[test]
    fn every_single_and_double_bit_error_of_a_block_is_found() {
        /// The polynomial divides x^151 - 1: wrong bits 151 apart cancel each other.
        const ORDER: usize = 151;
        // Linear: an error pattern goes unseen when its own sum, without the final complement, is 0.
        for octets in [12, 18, 128] {
            let bits = octets * 8;
            // What one wrong bit does, the CRC itself being the last two octets.
            let single: std::vec::Vec<u16> = (0..bits)
                .map(|bit| {
                    let mut pattern = std::vec![0u8; octets];
                    pattern[bit / 8] = 0x80 >> (bit % 8);
                    let (data, crc) = pattern.split_at(octets - 2);
                    !bitwise(data) ^ u16::from_be_bytes([crc[0], crc[1]])
                })
                .collect();
            for (n, one) in single.iter().enumerate() {
                assert_ne!(*one, 0, "bit {n} of {bits}");
                for (m, other) in single.iter().enumerate().skip(n + 1) {
                    let unseen = (m - n) % ORDER == 0;
                    assert_eq!(one ^ other == 0, unseen, "bits {n} and {m} of {bits}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_forms_agree(octets in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let expected = bitwise(&octets);
            prop_assert_eq!(!forms::octet_tables(0, &octets), expected);
            prop_assert_eq!(!forms::nibble_tables(0, &octets), expected);
            let (one, two) = octets.split_at(cut.min(octets.len()));
            prop_assert_eq!(Crc::new().update(one).update(two).finish(), expected);
            prop_assert_eq!(checksum_of([one, two]), expected);
        }
    }
}
