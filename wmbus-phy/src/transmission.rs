//! A whole transmission, from the first chip of the preamble to the last one of the postamble.
//!
//! ```text
//! | preamble 0101.. | sync word | L C M A .. with CRCs, line coded | postamble |
//! ```
//!
//! Invariants: built from the row of the mode that receivers read with; CRCs are put in on the way, so no second
//! buffer is needed. Nothing is written before all of it was seen to fit.

use crate::block::CRC_LEN;
use crate::chips::ChipWriter;
use crate::crc::Crc;
use crate::mode::AirInterface;
use crate::stripped::{buildable, room};
use crate::{Error, ErrorKind, FrameFormat};

/// A frame and how to send it.
///
/// ```
/// use wmbus_phy::{FrameFormat, Transmission, mode};
/// // The example of EN 13757-4, in mode T.
/// let frame = b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x78\x0B\x13\x43\x65\x87";
/// let transmission = Transmission::new(mode::T1.from_meter, FrameFormat::A, frame);
/// let mut chips = [0; 64];
/// let chips = transmission.encode_into(&mut chips)?;
/// assert_eq!(chips[..9], [0x55, 0x55, 0x55, 0x55, 0x54, 0x3D, 0x5A, 0x97, 0x1C]);
/// assert_eq!((chips.len(), transmission.chips_len()), (37, 296));
/// # Ok::<(), wmbus_phy::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transmission<'a> {
    /// Mode and direction.
    pub air: AirInterface,
    /// The frame format.
    pub format: FrameFormat,
    /// The frame without CRCs, L in the meaning of frame format A.
    pub frame: &'a [u8],
    /// How often the pattern of the preamble is sent.
    pub preamble: u16,
    /// Chips of the postamble.
    pub postamble: u8,
}

impl<'a> Transmission<'a> {
    /// With the shortest preamble that the mode allows, and a postamble that fills the last octet.
    #[must_use]
    pub const fn new(air: AirInterface, format: FrameFormat, frame: &'a [u8]) -> Self {
        let bare = Self { air, format, frame, preamble: air.preamble.minimum, postamble: 0 };
        Self { postamble: air.postamble.filling(bare.chips_len()), ..bare }
    }
    /// How many chips the transmission has.
    #[must_use]
    pub const fn chips_len(&self) -> usize {
        let sync = match self.air.sync_word(self.format) {
            Some(word) => word.len as usize,
            None => 0,
        };
        let octets = self.format.encoded_len(self.frame.len());
        let frame = octets.saturating_mul(self.air.code.chips_per_octet());
        let preamble = self.air.preamble.chips_len(self.preamble);
        preamble.saturating_add(sync).saturating_add(frame).saturating_add(self.postamble as usize)
    }
    /// How many octets its packed chips have; the last one may be filled in part.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.chips_len().div_ceil(8)
    }
    /// How long it takes, in nanoseconds.
    #[must_use]
    pub const fn nanoseconds(&self) -> u64 {
        self.air.chip_rate.nanoseconds(self.chips_len())
    }
    /// Writes the chips, the first one as the most significant bit of the first octet. What is left of the last octet
    /// is zero.
    ///
    /// # Errors
    /// [`ErrorKind::FormatNotInMode`], [`ErrorKind::PreambleLength`], [`ErrorKind::PostambleLength`]; those of
    /// [`crate::format_a::encode_into`] and [`crate::format_b::encode_into`]. Nothing is written then.
    pub fn encode_into<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Error> {
        let format = self.format;
        let word = self.air.sync_word(format).ok_or(ErrorKind::FormatNotInMode { format }.at(0))?;
        self.check()?;
        let out = room(out, self.encoded_len())?;
        let mut chips = ChipWriter::new(out, 0);
        let preamble = self.air.preamble;
        for _ in 0..self.preamble {
            chips.put(u16::from(preamble.pattern), u32::from(preamble.pattern_len));
        }
        let (high, low) = ((word.chips >> 16) as u16, (word.chips & 0xFFFF) as u16);
        chips.put(high, u32::from(word.len).saturating_sub(16));
        chips.put(low, u32::from(word.len).min(16));
        let last = self.put_frame(&mut chips);
        // It begins with the complement of the last chip.
        for chip in 0..u16::from(self.postamble) {
            chips.put((last ^ chip ^ 1) & 1, 1);
        }
        Ok(out)
    }

    fn check(&self) -> Result<(), Error> {
        let (preamble, postamble) = (self.air.preamble, self.air.postamble);
        if !(preamble.minimum..=preamble.maximum).contains(&self.preamble) {
            let (minimum, maximum) = (preamble.minimum, preamble.maximum);
            return Err(ErrorKind::PreambleLength { repetitions: self.preamble, minimum, maximum }.at(0));
        }
        if !(postamble.minimum..=postamble.maximum).contains(&self.postamble) {
            let (minimum, maximum) = (postamble.minimum, postamble.maximum);
            return Err(ErrorKind::PostambleLength { chips: self.postamble, minimum, maximum }.at(0));
        }
        buildable(self.frame, self.format.max_len())
    }
    /// Puts the octets of the frame with their CRCs; gives the last chip.
    fn put_frame(&self, chips: &mut ChipWriter<'_>) -> u16 {
        let code = self.air.code;
        let mut last = 0;
        let mut put = |octet: u8| {
            last = code.chips(octet);
            chips.put(last, code.width());
        };
        let cut = self.format.cut();
        let mut rest = self.frame;
        let mut block = 0_usize;
        while !rest.is_empty() {
            let (data, behind) = rest.split_at_checked(cut.size(block)).unwrap_or((rest, &[]));
            let mut crc = Crc::new();
            for octet in data.iter().enumerate().map(|(at, octet)| match (block, at) {
                (0, 0) => self.length_field(),
                _ => *octet,
            }) {
                crc = crc.update(&[octet]);
                put(octet);
            }
            let crc: [u8; CRC_LEN] = crc.finish().to_be_bytes();
            crc.into_iter().for_each(&mut put);
            rest = behind;
            block = block.saturating_add(1);
        }
        last
    }
    /// The L-field on air: in frame format B it counts the CRCs too.
    fn length_field(&self) -> u8 {
        let octets = match self.format {
            FrameFormat::A => self.frame.len(),
            FrameFormat::B => self.format.encoded_len(self.frame.len()),
        };
        // At most 256, as was checked.
        u8::try_from(octets.saturating_sub(1)).unwrap_or(u8::MAX)
    }
}
