//! Frame format B: one CRC for up to 126 octets, a second one for the rest (EN 13757-4).
//!
//! ```text
//! | L | C | M (2) | A (6) |              block 1: 10 octets, no CRC of its own
//! | CI | up to 115 octets | CRC (2) |    block 2; its CRC covers block 1 too
//! | up to 126 octets      | CRC (2) |    block 3, only in long frames
//! ```
//!
//! Invariants: L counts everything after itself, CRCs too, so a frame has L + 1 octets on air. L = 128 and
//! 129 are impossible: the last block would have no octet. A frame without CRCs has L in the meaning of
//! frame format A, lower by 2 or 4. Nothing moves before every CRC has been checked; octets after the
//! frame are handed back. Frames without CI-field (L = 11) are read but not built.

use crate::block::{Block, Blocks, CRC_LEN, Cut, put_in, take_out};
use crate::stripped::{Stripped, StrippedMut};
use crate::stripped::{at_least, buildable, length_field, no_surplus, room, split, split_mut};
use crate::{Error, ErrorKind, FrameFormat};

/// The octets of the longest frame with its CRCs.
pub const MAX_ENCODED_LEN: usize = 256;
/// The octets of the longest frame without CRCs.
pub const MAX_LEN: usize = 252;
/// The smallest L-field on air: a header without CI-field, and its CRC.
pub const MIN_LENGTH: u8 = 11;

pub(crate) const CUT: Cut = Cut { first: 126, further: 126 };

/// The octets on air of a frame with this L-field, CRCs counted: L + 1.
///
/// # Errors
/// [`ErrorKind::LengthTooSmall`] below 11, [`ErrorKind::LengthImpossible`] at 128 and 129.
pub const fn on_air_len(length: u8) -> Result<usize, Error> {
    match at_least(length, MIN_LENGTH) {
        Err(error) => Err(error),
        Ok(()) if matches!(length, 128 | 129) => Err(ErrorKind::LengthImpossible { length }.at(0)),
        // `From` is not const.
        Ok(()) => Ok((length as usize).saturating_add(1)),
    }
}

/// The octets that a frame of `octets` octets without CRCs has with them.
#[must_use]
pub const fn encoded_len(octets: usize) -> usize {
    octets.saturating_add(CUT.blocks(octets).saturating_mul(CRC_LEN))
}

/// A frame of format B with its CRCs in place, complete by its L-field. The CRCs need not fit:
/// [`RawFormatB::verify`] and [`RawFormatB::blocks`] tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RawFormatB<'a> {
    octets: &'a [u8],
}

impl<'a> RawFormatB<'a> {
    /// The frame format of this type.
    pub const FORMAT: FrameFormat = FrameFormat::B;

    /// The frame that `octets` are.
    ///
    /// # Errors
    /// Those of [`RawFormatB::parse_prefix`]; [`ErrorKind::Surplus`] when octets follow the frame.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (frame, surplus) = Self::parse_prefix(octets)?;
        no_surplus(frame.octets.len(), surplus)?;
        Ok(frame)
    }
    /// The frame at the start of `octets`, and what follows it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`ErrorKind::LengthTooSmall`], [`ErrorKind::LengthImpossible`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (octets, surplus) = split(octets, on_air_len(length_field(octets)?)?)?;
        Ok((Self { octets }, surplus))
    }
    /// All octets, CRCs included.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The one or two runs of octets that a CRC covers, each with its verdict.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        Blocks::new(self.octets, CUT)
    }
    /// Checks every CRC.
    ///
    /// # Errors
    /// [`ErrorKind::BlockCrc`] of the first block that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        self.blocks().try_for_each(|block| block.check())
    }
    /// Checks every CRC and writes the frame without them to the start of `out`, L lowered.
    ///
    /// # Errors
    /// [`ErrorKind::BlockCrc`] of the first block that is damaged, then nothing is written;
    /// [`ErrorKind::BufferTooSmall`].
    pub fn strip_into<'o>(&self, out: &'o mut [u8]) -> Result<Stripped<'o>, Error> {
        self.verify()?;
        let len = self.blocks().fold(0usize, |len, block| len.saturating_add(block.data.len()));
        let out = room(out, len)?;
        let octets = self.blocks().flat_map(|block| block.data.iter());
        out.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        set_length(out);
        Stripped::parse(out)
    }
}

/// Gives a frame without CRCs the L-field of frame format A.
fn set_length(frame: &mut [u8]) {
    let following = frame.len().saturating_sub(1);
    if let (Some(length), Ok(following)) = (frame.first_mut(), u8::try_from(following)) {
        *length = following;
    }
}

/// Checks the frame at the start of `buffer`, takes its CRCs out where it lies and lowers L.
///
/// # Errors
/// Those of [`RawFormatB::parse_prefix`] and [`RawFormatB::verify`]. The buffer is as it was then.
pub fn strip_in_place(buffer: &mut [u8]) -> Result<StrippedMut<'_>, Error> {
    let (raw, _) = RawFormatB::parse_prefix(buffer)?;
    raw.verify()?;
    let on_air = raw.octets.len();
    let (frame, surplus) = split_mut(buffer, on_air)?;
    let len = take_out(frame, CUT);
    let frame = room(frame, len)?;
    set_length(frame);
    Ok(StrippedMut { frame, surplus })
}

/// Writes `frame`, which has no CRCs and an L-field in the meaning of format A, with its CRCs to the start
/// of `out`, L raised.
///
/// # Errors
/// [`ErrorKind::LengthMismatch`] when L does not count the octets of the frame,
/// [`ErrorKind::LengthTooSmall`], [`ErrorKind::NoCiField`], [`ErrorKind::FrameTooLong`] above 252 octets,
/// [`ErrorKind::BufferTooSmall`].
pub fn encode_into<'o>(frame: &[u8], out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
    buildable(frame, MAX_LEN)?;
    let out = room(out, encoded_len(frame.len()))?;
    room(out, frame.len())?.copy_from_slice(frame);
    insert_in_place(out, frame.len())
}

/// Puts the CRCs into the frame that the first `len` octets of `buffer` are, from the back, and raises
/// L; gives the frame with its CRCs. The buffer is as it was after an error.
///
/// # Errors
/// Those of [`encode_into`]; [`ErrorKind::Truncated`] when the buffer is shorter than `len`.
pub fn insert_in_place(buffer: &mut [u8], len: usize) -> Result<&mut [u8], Error> {
    buildable(split(buffer, len)?.0, MAX_LEN)?;
    let out = room(buffer, encoded_len(len))?;
    set_length(out);
    let available = out.len();
    match put_in(out, len, CUT) {
        Some(needed) => room(out, needed),
        None => Err(ErrorKind::BufferTooSmall { needed: encoded_len(len), available }.at(0)),
    }
}
