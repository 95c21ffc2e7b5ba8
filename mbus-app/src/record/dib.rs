//! The data information block: how long the data are, and to which register they belong.
//!
//! ```text
//! DIF  | E  storage bit 0 | function(2) | data field(4)
//! DIFE | E  subunit bit | tariff(2) | storage(4)           0 to 10 times
//! ```
//!
//! EN 13757-3:2018, 6.3. Invariants: a [`Dib`] is a view over octets that were checked to be one whole
//! block, at most ten DIFE; the number of DIFE is kept, since a final DIFE 00h has a meaning of its own.

use core::fmt;

/// The most DIFE of a block.
pub const MAX_DIFE: usize = 10;

/// The function field of a DIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Function {
    /// 00: instantaneous value.
    #[default]
    Instantaneous,
    /// 01: maximum value.
    Maximum,
    /// 10: minimum value.
    Minimum,
    /// 11: value during error state.
    Error,
}

impl Function {
    /// The function of a DIF.
    #[must_use]
    pub const fn from_dif(dif: u8) -> Self {
        match dif >> 4 & 3 {
            0 => Self::Instantaneous,
            1 => Self::Maximum,
            2 => Self::Minimum,
            _ => Self::Error,
        }
    }
    /// The two bits where they stand in the DIF.
    #[must_use]
    pub const fn dif_bits(self) -> u8 {
        match self {
            Self::Instantaneous => 0x00,
            Self::Maximum => 0x10,
            Self::Minimum => 0x20,
            Self::Error => 0x30,
        }
    }
    /// The function as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instantaneous => "instantaneous",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The data field of a DIF, 0 to 15 (EN 13757-3:2018, table 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DataField(pub u8);

macro_rules! data_fields {
    ($($code:literal $name:ident $length:literal $text:literal,)*) => {
        impl DataField {
            $(#[doc = concat!("In words: ", $text, ".")] pub const $name: Self = Self($code);)*

            /// Octets of data per code; `0xFF` where the data say themselves.
            const LENGTHS: [u8; 16] = [$($length),*];

            /// The words of the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 & 0x0F {
                    $($code => $text,)*
                    _ => "",
                }
            }
        }
    };
}

data_fields! {
    0x0 NO_DATA 0 "no data",
    0x1 INTEGER_8 1 "8 bit integer",
    0x2 INTEGER_16 2 "16 bit integer",
    0x3 INTEGER_24 3 "24 bit integer",
    0x4 INTEGER_32 4 "32 bit integer",
    0x5 REAL_32 4 "32 bit real",
    0x6 INTEGER_48 6 "48 bit integer",
    0x7 INTEGER_64 8 "64 bit integer",
    0x8 SELECTION 0 "selection for readout",
    0x9 BCD_2 1 "2 digit BCD",
    0xA BCD_4 2 "4 digit BCD",
    0xB BCD_6 3 "6 digit BCD",
    0xC BCD_8 4 "8 digit BCD",
    0xD VARIABLE 0xFF "variable length",
    0xE BCD_12 6 "12 digit BCD",
    0xF SPECIAL 0xFF "special function",
}

impl DataField {
    /// The data field of a DIF.
    #[must_use]
    pub const fn from_dif(dif: u8) -> Self {
        Self(dif & 0x0F)
    }
    /// Octets of data; `None` for variable length and special functions.
    #[must_use]
    #[inline]
    pub const fn data_len(self) -> Option<usize> {
        // The table in one word, a digit for each code: no memory is read on the way from record to record.
        let len = Self::PACKED_LENGTHS >> ((self.0 & 0x0F) << 2) & 0x0F;
        if len == 0x0F { None } else { Some(len as usize) }
    }
    const PACKED_LENGTHS: u64 = {
        let mut rest: &[u8] = &Self::LENGTHS;
        let mut packed = 0u64;
        while let [others @ .., last] = rest {
            packed = packed << 4 | (*last & 0x0F) as u64;
            rest = others;
        }
        packed
    };
    /// Bits of an integer or BCD field, 8 to 64; 0 for all others.
    #[inline]
    pub(super) const fn number_bits(self) -> u32 {
        let [octets, ..] = (Self::PACKED_NUMBER_LENGTHS >> ((self.0 & 0x0F) << 2)).to_le_bytes();
        ((octets & 0x0F) as u32) << 3
    }
    const PACKED_NUMBER_LENGTHS: u64 = {
        let (mut packed, mut code) = (0u64, 0x0Fu8);
        loop {
            let field = Self(code);
            let octets = match field.data_len() {
                Some(octets) if field.is_bcd() || field.is_integer() => octets as u64,
                _ => 0,
            };
            packed = packed << 4 | octets;
            code = match code.checked_sub(1) {
                Some(code) => code,
                None => break packed,
            };
        }
    };
    /// True for the five BCD fields.
    #[must_use]
    #[inline]
    pub const fn is_bcd(self) -> bool {
        matches!(self, Self::BCD_2 | Self::BCD_4 | Self::BCD_6 | Self::BCD_8 | Self::BCD_12)
    }
    /// True for the six integer fields.
    #[must_use]
    #[inline]
    pub const fn is_integer(self) -> bool {
        matches!(self.0, 1..=4 | 6 | 7)
    }
}

/// A whole data information block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dib<'a> {
    octets: &'a [u8],
    dif: u8,
}

impl<'a> Dib<'a> {
    /// The block at the beginning of `octets`: a DIF and its DIFE. `None` when the octets end within
    /// it, or there are more than ten DIFE.
    #[must_use]
    pub fn parse_prefix(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&dif, _) = octets.split_first()?;
        let (octets, rest) = octets.split_at_checked(chain_len(octets, MAX_DIFE)?)?;
        Some((Self { octets, dif }, rest))
    }
    pub(crate) const fn from_checked(octets: &'a [u8], dif: u8) -> Self {
        Self { octets, dif }
    }
    /// The octets as sent.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The DIF.
    #[must_use]
    pub const fn dif(&self) -> u8 {
        self.dif
    }
    /// The DIFE, none to ten.
    #[must_use]
    pub const fn difes(&self) -> &'a [u8] {
        match self.octets {
            [_, difes @ ..] => difes,
            [] => &[],
        }
    }
    /// Instantaneous, maximum, minimum, or during an error.
    #[must_use]
    pub const fn function(&self) -> Function {
        Function::from_dif(self.dif)
    }
    /// How the data are coded.
    #[must_use]
    pub const fn data_field(&self) -> DataField {
        DataField::from_dif(self.dif)
    }
    /// The storage number of a DIF alone, 0 or 1.
    #[inline]
    pub(super) const fn storage_without_difes(dif: u8) -> u64 {
        (dif >> 6 & 1) as u64
    }
    /// The storage number, 0 (current) to 2^41 - 1.
    #[must_use]
    #[inline]
    pub fn storage(&self) -> u64 {
        let low = Self::storage_without_difes(self.dif);
        match self.octets {
            [] | [_] => low,
            [_, dife] => u64::from(dife & 0x0F) << 1 | low,
            _ => {
                self.difes().iter().rev().fold(0, |storage, dife| storage << 4 | u64::from(dife & 0x0F)) << 1
                    | low
            }
        }
    }
    /// The tariff, 0 (total) to 2^20 - 1.
    #[must_use]
    #[inline]
    pub fn tariff(&self) -> u32 {
        match self.octets {
            [] | [_] => 0,
            [_, dife] => u32::from(dife >> 4 & 3),
            _ => self.difes().iter().rev().fold(0, |tariff, dife| tariff << 2 | u32::from(dife >> 4 & 3)),
        }
    }
    /// The subunit, 0 to 1023.
    #[must_use]
    #[inline]
    pub fn subunit(&self) -> u16 {
        match self.octets {
            [] | [_] => 0,
            [_, dife] => u16::from(dife >> 6 & 1),
            _ => self.difes().iter().rev().fold(0, |subunit, dife| subunit << 1 | u16::from(dife >> 6 & 1)),
        }
    }
    /// True when a final DIFE 00h says that the storage number is a register number (it then is the F
    /// of the OBIS code).
    #[must_use]
    pub const fn is_register(&self) -> bool {
        matches!(self.difes(), [.., 0x00])
    }
}

/// Octets of a chain: the first and all that follow while bit 7 is set. `None` when the octets end
/// within it or more than `limit` follow.
pub(crate) fn chain_len(octets: &[u8], limit: usize) -> Option<usize> {
    // One or two octets, as nearly all chains have.
    match octets {
        [first, ..] if first & 0x80 == 0 => return Some(1),
        [_, second, ..] if second & 0x80 == 0 && limit > 0 => return Some(2),
        _ => {}
    }
    let last = octets.iter().take(limit.saturating_add(1)).position(|octet| octet & 0x80 == 0)?;
    Some(last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dib(octets: &[u8]) -> Dib<'_> {
        Dib::parse_prefix(octets).unwrap().0
    }

    #[test]
    fn printed_blocks() {
        let block = dib(&[0x84, 0x80, 0x40]);
        assert_eq!((block.storage(), block.tariff(), block.subunit()), (0, 0, 2));
        let block = dib(&[0x86, 0x80, 0x81, 0x00]);
        assert_eq!((block.storage(), block.is_register()), (32, true));
        let block = dib(&[0xDA, 0x02]);
        assert_eq!(
            (block.storage(), block.function(), block.data_field()),
            (5, Function::Maximum, DataField::BCD_4)
        );
    }

    #[test]
    fn the_longest_block() {
        let octets = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x00];
        let (block, rest) = Dib::parse_prefix(&octets).unwrap();
        assert_eq!((block.storage(), block.tariff(), block.subunit()), ((1 << 41) - 1, (1 << 20) - 1, 1023));
        assert_eq!((block.difes().len(), rest), (10, &[0][..]));
        assert_eq!(Dib::parse_prefix(&[0xFF; 12]), None, "eleven DIFE");
        assert_eq!(Dib::parse_prefix(&[0x84]), None);
        assert_eq!(Dib::parse_prefix(&[]), None);
    }

    #[test]
    fn every_dif_and_dife() {
        for dif in 0x80..=0xFFu8 {
            for dife in 0..=0x7Fu8 {
                let octets = [dif, dife];
                let block = dib(&octets);
                assert_eq!(block.storage(), u64::from(dif >> 6 & 1) + (u64::from(dife & 15) << 1));
                assert_eq!(block.tariff(), u32::from(dife >> 4 & 3));
                assert_eq!(block.subunit(), u16::from(dife >> 6));
                assert_eq!(block.function().dif_bits(), dif & 0x30);
                assert_eq!(block.is_register(), dife == 0);
            }
        }
    }

    #[test]
    fn every_data_field() {
        let lengths = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 255, 6, 255]
            .map(|n| if n == 255 { None } else { Some(n) });
        for (code, length) in (0u8..).zip(lengths) {
            assert_eq!(DataField(code).data_len(), length);
            assert_eq!(DataField(code).is_bcd(), matches!(code, 9..=12 | 14));
            assert_eq!(DataField(code).is_integer(), matches!(code, 1..=4 | 6 | 7));
            assert!(!DataField(code).name().is_empty());
        }
    }
}
