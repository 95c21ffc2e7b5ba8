//! Frame format A: a CRC after the header and after every 16 octets (EN 13757-4).
//!
//! ```text
//! | L | C | M (2) | A (6) | CRC (2) |   block 1: 12 octets
//! | CI | up to 15 octets | CRC (2) |    block 2
//! | up to 16 octets      | CRC (2) |    every further block; only the last may be shorter
//! ```
//!
//! Invariants: L counts everything after itself except the CRCs, so L alone says where each block ends.
//! Nothing moves before every CRC has been checked; octets after the frame are handed back. Frames
//! without CI-field (L = 9) are read but not built.

use crate::block::{Block, Blocks, CRC_LEN, Cut, put_in, take_out};
use crate::stripped::{HEADER_LEN, MAX_LEN, MIN_LENGTH, Stripped, StrippedMut};
use crate::stripped::{at_least, buildable, length_field, no_surplus, room, split, split_mut};
use crate::{Error, FrameFormat};

/// The octets of the longest frame with its CRCs.
pub const MAX_ENCODED_LEN: usize = 290;
/// The octets of block 1 with its CRC.
pub const BLOCK_1_LEN: usize = 12;

pub(crate) const CUT: Cut = Cut { first: HEADER_LEN, further: 16 };

/// The octets on air of a frame with this L-field, CRCs counted.
///
/// # Errors
/// [`crate::ErrorKind::LengthTooSmall`] below 9.
pub fn on_air_len(length: u8) -> Result<usize, Error> {
    at_least(length, MIN_LENGTH)?;
    Ok(encoded_len(usize::from(length).saturating_add(1)))
}

/// The octets that a frame of `octets` octets without CRCs has with them.
#[must_use]
pub const fn encoded_len(octets: usize) -> usize {
    octets.saturating_add(CUT.blocks(octets).saturating_mul(CRC_LEN))
}

/// A frame of format A with its CRCs in place, complete by its L-field. The CRCs need not fit:
/// [`RawFormatA::verify`] and [`RawFormatA::blocks`] tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RawFormatA<'a> {
    octets: &'a [u8],
}

impl<'a> RawFormatA<'a> {
    /// The frame format of this type.
    pub const FORMAT: FrameFormat = FrameFormat::A;

    /// The frame that `octets` are.
    ///
    /// # Errors
    /// Those of [`RawFormatA::parse_prefix`]; [`crate::ErrorKind::Surplus`] when octets follow the frame.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (frame, surplus) = Self::parse_prefix(octets)?;
        no_surplus(frame.octets.len(), surplus)?;
        Ok(frame)
    }
    /// The frame at the start of `octets`, and what follows it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`], [`crate::ErrorKind::LengthTooSmall`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (octets, surplus) = split(octets, on_air_len(length_field(octets)?)?)?;
        Ok((Self { octets }, surplus))
    }
    /// All octets, CRCs included.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The blocks, each with its verdict.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        Blocks::new(self.octets, CUT)
    }
    /// Checks every CRC.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BlockCrc`] of the first block that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        self.blocks().try_for_each(|block| block.check())
    }
    /// Checks every CRC and writes the frame without them to the start of `out`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BlockCrc`] of the first block that is damaged, then nothing is written;
    /// [`crate::ErrorKind::BufferTooSmall`].
    pub fn strip_into<'o>(&self, out: &'o mut [u8]) -> Result<Stripped<'o>, Error> {
        self.verify()?;
        let len = usize::from(length_field(self.octets)?).saturating_add(1);
        let out = room(out, len)?;
        let octets = self.blocks().flat_map(|block| block.data.iter());
        out.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        Stripped::parse(out)
    }
}

/// Checks the frame at the start of `buffer` and takes its CRCs out where it lies.
///
/// ```
/// // The example of EN 13757-4, with two octets of a receiver behind it.
/// let mut buffer = *b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x44\x47\x78\x0B\x13\x43\x65\x87\x1E\x6D\x2A\x8B";
/// let found = wmbus_phy::format_a::strip_in_place(&mut buffer)?;
/// assert_eq!(found.frame, b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x78\x0B\x13\x43\x65\x87");
/// assert_eq!(found.surplus, b"\x2A\x8B");
/// # Ok::<(), wmbus_phy::Error>(())
/// ```
///
/// # Errors
/// Those of [`RawFormatA::parse_prefix`] and [`RawFormatA::verify`]. The buffer is as it was then.
pub fn strip_in_place(buffer: &mut [u8]) -> Result<StrippedMut<'_>, Error> {
    let (raw, _) = RawFormatA::parse_prefix(buffer)?;
    raw.verify()?;
    let on_air = raw.octets.len();
    let (frame, surplus) = split_mut(buffer, on_air)?;
    let len = take_out(frame, CUT);
    Ok(StrippedMut { frame: room(frame, len)?, surplus })
}

/// Writes `frame`, which has no CRCs, with its CRCs to the start of `out`.
///
/// # Errors
/// [`crate::ErrorKind::LengthMismatch`] when L does not count the octets of the frame,
/// [`crate::ErrorKind::LengthTooSmall`], [`crate::ErrorKind::NoCiField`],
/// [`crate::ErrorKind::BufferTooSmall`].
pub fn encode_into<'o>(frame: &[u8], out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
    buildable(frame, MAX_LEN)?;
    let out = room(out, encoded_len(frame.len()))?;
    room(out, frame.len())?.copy_from_slice(frame);
    insert_in_place(out, frame.len())
}

/// Puts the CRCs into the frame that the first `len` octets of `buffer` are, from the back; gives the
/// frame with its CRCs. The buffer is as it was after an error.
///
/// # Errors
/// Those of [`encode_into`]; [`crate::ErrorKind::Truncated`] when the buffer is shorter than `len`.
pub fn insert_in_place(buffer: &mut [u8], len: usize) -> Result<&mut [u8], Error> {
    buildable(split(buffer, len)?.0, MAX_LEN)?;
    let out = room(buffer, encoded_len(len))?;
    let available = out.len();
    match put_in(out, len, CUT) {
        Some(needed) => room(out, needed),
        None => Err(crate::ErrorKind::BufferTooSmall { needed: encoded_len(len), available }.at(0)),
    }
}
