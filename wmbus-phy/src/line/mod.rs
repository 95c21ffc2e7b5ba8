//! Line codes: from bits to the chips that the transmitter keys, and back (EN 13757-4).
//!
//! Chips are packed, the first in the air as the most significant bit of the first octet. They begin
//! behind the sync word. Octets of a frame go out most significant bit first.
//!
//! ```
//! use wmbus_phy::LineCode;
//! // Mode T: L-field and C-field of a frame become 24 chips.
//! let mut chips = [0; 3];
//! assert_eq!(LineCode::ThreeOfSix.encode_into(&[0x0F, 0x44], &mut chips)?, [0x5A, 0x97, 0x1C]);
//! let mut octets = [0; 2];
//! assert_eq!(LineCode::ThreeOfSix.decode_into(&chips, &mut octets)?, [0x0F, 0x44]);
//! # Ok::<(), wmbus_phy::Error>(())
//! ```

pub mod manchester;
pub mod three_of_six;

use crate::chips::fetch;
use crate::{Error, ErrorKind, FrameFormat};

/// How bits become chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LineCode {
    /// One chip for one bit: modes C, F and N.
    Nrz,
    /// Two chips for one bit: mode S, mode R, and mode T from the other device to the meter.
    Manchester,
    /// Six chips for four bits: mode T from the meter.
    ThreeOfSix,
}

impl LineCode {
    /// Octets of packed chips for so many octets of a frame; the last one may be filled in part.
    #[must_use]
    pub const fn chips_len(self, octets: usize) -> usize {
        match self {
            Self::Nrz => octets,
            Self::Manchester => octets.saturating_mul(2),
            Self::ThreeOfSix => octets.saturating_mul(3).div_ceil(2),
        }
    }

    /// The chips of one octet.
    #[must_use]
    pub const fn chips_per_octet(self) -> usize {
        self.width() as usize
    }

    pub(crate) const fn width(self) -> u32 {
        match self {
            Self::Nrz => 8,
            Self::Manchester => 16,
            Self::ThreeOfSix => 12,
        }
    }

    /// The chips of a symbol.
    const fn symbol_len(self) -> u8 {
        match self {
            Self::Nrz => 1,
            Self::Manchester => 2,
            Self::ThreeOfSix => 6,
        }
    }

    /// The chips of one octet, the last one as the least significant bit.
    pub(crate) fn chips(self, octet: u8) -> u16 {
        match self {
            Self::Nrz => u16::from(octet),
            Self::Manchester => manchester::chips(octet),
            Self::ThreeOfSix => three_of_six::chips(octet),
        }
    }

    /// Octet number `at` of a frame from its chips, the last one as the least significant bit.
    pub(crate) fn octet(self, at: usize, chips: u16) -> Result<u8, Error> {
        let read = match self {
            Self::Nrz => {
                let [_, octet] = chips.to_be_bytes();
                Ok(octet)
            }
            Self::Manchester => manchester::octet(chips),
            Self::ThreeOfSix => three_of_six::octet(chips),
        };
        read.map_err(|BadSymbol { chip, symbol }| {
            let chip = at.saturating_mul(self.chips_per_octet()).saturating_add(usize::from(chip));
            ErrorKind::InvalidSymbol { chip, symbol, chips: self.symbol_len() }.at(chip / 8)
        })
    }

    /// Chips of these octets. An odd number of octets in 3-of-6 leaves the last four chips zero: the
    /// postamble has to be put there.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; nothing is written then.
    pub fn encode_into<'c>(self, octets: &[u8], chips: &'c mut [u8]) -> Result<&'c mut [u8], Error> {
        let needed = self.chips_len(octets.len());
        let available = chips.len();
        let chips =
            chips.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))?;
        match self {
            Self::Nrz => copy(octets, chips),
            Self::Manchester => manchester::encode(octets, chips),
            Self::ThreeOfSix => three_of_six::encode(octets, chips),
        }
        Ok(chips)
    }

    /// Fills `octets` from the beginning of the chips; what follows in `chips` is not looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when there are too few chips: nothing is written then.
    /// [`ErrorKind::InvalidSymbol`] at the first symbol that the code does not have: the octets in front
    /// of it are written then, which is what a look at a damaged frame needs.
    pub fn decode_into<'o>(self, chips: &[u8], octets: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        let needed = self.chips_len(octets.len());
        let available = chips.len();
        let chips = chips.get(..needed).ok_or(ErrorKind::Truncated { needed, available }.at(available))?;
        match self {
            Self::Nrz => copy(chips, octets),
            Self::Manchester => manchester::decode(chips, octets)?,
            Self::ThreeOfSix => three_of_six::decode(chips, octets)?,
        }
        Ok(octets)
    }

    /// The frame at the beginning of the chips, CRCs included, as long as its L-field says. The rest of
    /// the chips is postamble or noise and is not looked at. The CRCs are not checked here: see
    /// [`FrameFormat::strip_in_place`].
    ///
    /// # Errors
    /// Those of [`decode_into`](Self::decode_into); [`ErrorKind::LengthTooSmall`] and
    /// [`ErrorKind::LengthImpossible`] for an L-field that the format does not have;
    /// [`ErrorKind::BufferTooSmall`] when the frame is longer than the buffer (290 octets always do).
    pub fn decode_frame_into<'o>(
        self,
        chips: &[u8],
        format: FrameFormat,
        octets: &'o mut [u8],
    ) -> Result<&'o mut [u8], Error> {
        let mut length = [0];
        self.decode_into(chips, &mut length)?;
        let [length] = length;
        let needed = format.on_air_len(length)?;
        let available = octets.len();
        let frame = octets.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(0))?;
        self.decode_into(chips, frame)
    }
}

/// Chips of an octet that are no symbol: the first of them, counted from 0, and all of them.
#[derive(Clone, Copy, Debug)]
struct BadSymbol {
    chip: u8,
    symbol: u8,
}

/// Reads the octets from number `from` on, one by one; `packed` has the length for `octets`.
#[inline(never)]
fn octet_by_octet(code: LineCode, packed: &[u8], octets: &mut [u8], from: usize) -> Result<(), Error> {
    let chips = code.chips_per_octet();
    for (at, octet) in octets.iter_mut().enumerate().skip(from) {
        *octet = code.octet(at, fetch(packed, at.saturating_mul(chips), code.width()))?;
    }
    Ok(())
}

/// Copies octets; both have the same length, and a wrong one would be no panic.
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests;
