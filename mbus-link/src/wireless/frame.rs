//! The wireless frame without its CRCs.
//!
//! ```text
//! octet  0  1  2 3  4 5 6 7  8  9  10 ..
//!        L  C  M M  ID ... ID V  T  CI and what follows
//! ```
//!
//! EN 13757-4, 11.5. Invariants: L counts what follows it (the format A meaning; the CRC octets that
//! format B counts must be taken out of L before); `parse` accepts only what has exactly L + 1 octets;
//! surplus octets are handed back and never dropped, a wrong L is reported and never repaired in
//! silence. M and A are those of the sender in both directions.

use core::fmt;

use crate::identity::Address;
use crate::octets::Writer;
use crate::{CField, Error, ErrorKind};

/// Octets of the header: L, C, M, A.
pub const HEADER_LEN: usize = 10;
/// The smallest L: C, M and A without a CI.
pub const MIN_L: u8 = 9;
/// The longest payload (CI included) of a frame.
pub const MAX_PAYLOAD: usize = 246;

/// A frame as the receiver has it after the CRCs are checked and removed.
///
/// ```
/// use mbus_link::wireless::Frame;
/// let octets = [0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87];
/// let frame = Frame::parse(&octets)?;
/// assert_eq!(frame.c_field().name(), Some("SND-NR"));
/// assert_eq!(frame.address().identification.number(), Some(12_345_678));
/// assert_eq!(frame.payload(), &octets[10..]);
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame<'a> {
    length: u8,
    c_field: CField,
    address: Address,
    payload: &'a [u8],
}

/// Why L and the number of octets may differ. A hint for the person who looks at the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LengthQuirk {
    /// L is one too large: it seems to count itself.
    CountsItself,
    /// L is two too large: it seems to count one CRC, as in format B up to L = 127.
    CountsOneCrc,
    /// L is four too large: it seems to count two CRCs, as in format B from L = 130.
    CountsTwoCrcs,
    /// There are more octets than L says: so many.
    Surplus(usize),
    /// There are fewer octets than L says, for no known reason: so many are missing.
    Missing(usize),
}

impl LengthQuirk {
    /// The reason for which `octets` octets do not fit the length field `length`; `None` when they fit.
    #[must_use]
    pub const fn of(length: u8, octets: usize) -> Option<Self> {
        let announced = (length as usize).saturating_add(1);
        match announced.checked_sub(octets) {
            Some(0) => None,
            Some(1) => Some(Self::CountsItself),
            Some(2) => Some(Self::CountsOneCrc),
            Some(4) => Some(Self::CountsTwoCrcs),
            Some(missing) => Some(Self::Missing(missing)),
            None => Some(Self::Surplus(octets.saturating_sub(announced))),
        }
    }
}

impl<'a> Frame<'a> {
    /// The frame that `octets` are, from the first to the last.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] (at 0, counting the whole frame) when L announces more octets than there are or the header is not
    /// complete, [`ErrorKind::FrameLengthTooSmall`] when L leaves no room for the header,
    /// [`ErrorKind::SurplusOctets`] when octets follow the frame.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (frame, surplus) = Self::parse_prefix(octets)?;
        if surplus.is_empty() {
            Ok(frame)
        } else {
            let offset = octets.len().saturating_sub(surplus.len());
            Err(ErrorKind::SurplusOctets { octets: surplus.len() }.at(offset))
        }
    }
    /// The frame at the beginning of `octets`, and the octets behind it.
    ///
    /// # Errors
    /// As [`Frame::parse`], without [`ErrorKind::SurplusOctets`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let Some((&length, _)) = octets.split_first() else {
            return Err(ErrorKind::Truncated { needed: HEADER_LEN, available: 0 }.at(0));
        };
        if length < MIN_L {
            return Err(ErrorKind::FrameLengthTooSmall { length, minimum: MIN_L }.at(0));
        }
        let needed = usize::from(length).saturating_add(1);
        match octets.split_at_checked(needed) {
            Some((whole, surplus)) => Ok((Self::of_whole(whole)?, surplus)),
            None => Err(ErrorKind::Truncated { needed, available: octets.len() }.at(0)),
        }
    }
    /// The frame that `octets` are whatever L says, and in what L differs.
    ///
    /// For dumps whose L is known to be wrong. The caller decides what to make of the quirk.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when there are fewer octets than a header has.
    pub fn parse_ignoring_length(octets: &'a [u8]) -> Result<(Self, Option<LengthQuirk>), Error> {
        let frame = Self::of_whole(octets)?;
        Ok((frame, LengthQuirk::of(frame.length, octets.len())))
    }

    fn of_whole(octets: &'a [u8]) -> Result<Self, Error> {
        let Some((&[length, c, m0, m1, a, b, c2, d, version, device_type], payload)) =
            octets.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(ErrorKind::Truncated { needed: HEADER_LEN, available: octets.len() }.at(0));
        };
        let address = Address::from_link_octets([m0, m1, a, b, c2, d, version, device_type]);
        Ok(Self { length, c_field: CField(c), address, payload })
    }

    /// L as received.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }
    /// What the frame asks for or answers.
    #[must_use]
    pub const fn c_field(&self) -> CField {
        self.c_field
    }
    /// The sender.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }
    /// Everything from the first CI on. Empty in a frame without CI.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
    /// The first CI, if there is one.
    #[must_use]
    pub const fn ci(&self) -> Option<u8> {
        match self.payload {
            [ci, ..] => Some(*ci),
            [] => None,
        }
    }
    /// The same fields as a builder.
    #[must_use]
    pub const fn to_builder(&self) -> FrameBuilder<'a> {
        FrameBuilder { c_field: self.c_field, address: self.address, payload: self.payload }
    }
}

/// A frame to be sent: L is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameBuilder<'a> {
    /// What the frame asks for or answers.
    pub c_field: CField,
    /// The sender.
    pub address: Address,
    /// Everything from the first CI on, 1 to 246 octets.
    pub payload: &'a [u8],
}

impl FrameBuilder<'_> {
    /// Octets of the frame without CRCs.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.payload.len())
    }
    /// Writes the frame without CRCs to the front of `buffer`.
    ///
    /// # Errors
    /// As [`encode_header`], and [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let header = encode_header(self.c_field, self.address, self.payload.len())?;
        let mut writer = Writer::new(buffer);
        writer.put(&header);
        writer.put(self.payload);
        Ok(writer.finish()?)
    }
    /// The frame without CRCs.
    ///
    /// # Errors
    /// As [`encode_header`].
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
}

/// The ten octets before a payload of `payload_len` octets (CI included), for payloads that are built
/// in place.
///
/// # Errors
/// [`ErrorKind::NoControlInformation`] when the payload is empty: frames without CI are read but not
/// written, since no known edition asks for them. [`ErrorKind::PayloadTooLong`] above 246 octets.
pub fn encode_header(
    c_field: CField,
    address: Address,
    payload_len: usize,
) -> Result<[u8; HEADER_LEN], Error> {
    if payload_len == 0 {
        return Err(ErrorKind::NoControlInformation.at(HEADER_LEN));
    }
    let too_long = ErrorKind::PayloadTooLong { octets: payload_len, maximum: MAX_PAYLOAD };
    let length = payload_len.checked_add(usize::from(MIN_L)).and_then(|l| u8::try_from(l).ok());
    let length = length.ok_or(too_long.at(0))?;
    let [m0, m1, a, b, c, d, version, device_type] = address.to_link_octets();
    Ok([length, c_field.0, m0, m1, a, b, c, d, version, device_type])
}

impl fmt::Display for LengthQuirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountsItself => f.write_str("L is one too large, it seems to count itself"),
            Self::CountsOneCrc => f.write_str("L is two too large, it seems to count a CRC (format B)"),
            Self::CountsTwoCrcs => f.write_str("L is four too large, it seems to count two CRCs (format B)"),
            Self::Surplus(octets) => write!(f, "{octets} octets more than L says"),
            Self::Missing(octets) => write!(f, "{octets} octets fewer than L says"),
        }
    }
}
