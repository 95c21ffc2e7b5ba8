//! HDLC frames of format type 3, as meters push them on the two wires of the M-Bus.
//!
//! ```text
//! 7E | 1010 S LLL LLLLLLLL | destination | source | control | HCS (2) | information | FCS (2) | 7E
//! ```
//!
//! L counts everything between the flags; S: more segments follow; an address ends with the octet whose
//! bit 0 is set (1, 2 or 4 octets); HCS and FCS are CRC-16/X.25, least significant octet first; HCS is
//! there only in front of information (IEC 62056-46). The information of the first segment begins with
//! the LLC octets E6 E7 00, and may be a block of general block transfer. Invariants: both check
//! sequences are verified; segments and blocks are joined in their order only.

use mbus_link::octets::{Reader, Writer};

use super::assembly::{Assembly, Progress};
use super::block::{self, Block};
use super::fault::CosemFault;
use crate::{Error, ErrorKind};

/// The flag in front of and behind a frame.
pub const FLAG: u8 = 0x7E;
/// LLC octets of what a server sends.
const LLC: [u8; 3] = [0xE6, 0xE7, 0x00];

/// CRC-16/X.25 of HDLC and SML.
#[must_use]
pub fn crc16_x25(octets: &[u8]) -> u16 {
    let mut crc = 0xFFFFu16;
    for octet in octets {
        crc ^= u16::from(*octet);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 };
        }
    }
    !crc
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame<'a> {
    /// True when more segments follow.
    pub segmented: bool,
    /// The destination address, 1, 2 or 4 octets as sent.
    pub destination: &'a [u8],
    /// The source address, 1, 2 or 4 octets as sent.
    pub source: &'a [u8],
    /// The control octet; 13h and 03h are unnumbered information.
    pub control: u8,
    /// The information, LLC included.
    pub information: &'a [u8],
}

fn address<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let rest = reader.peek_rest();
    let length = rest.iter().take(4).position(|octet| octet & 1 == 1).map(|at| at.saturating_add(1));
    match length {
        Some(length @ (1 | 2 | 4)) => Ok(reader.take(length)?),
        _ => Err(CosemFault::HdlcFrame("an address has 1, 2 or 4 octets").at(reader.offset())),
    }
}

fn check(covered: &[u8], found: [u8; 2], offset: usize) -> Result<(), Error> {
    let (found, computed) = (u16::from_le_bytes(found), crc16_x25(covered));
    if found == computed { Ok(()) } else { Err(CosemFault::CheckSequence { found, computed }.at(offset)) }
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `octets`, its first flag included, and gives the rest. One flag
    /// may end this frame and begin the next: it is still in the rest when no other flag follows it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`CosemFault::HdlcFrame`], [`CosemFault::CheckSequence`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let available = octets.len();
        let Some(([FLAG, high, low], _)) = octets.split_first_chunk::<3>() else {
            if available < 3 {
                return Err(ErrorKind::Truncated { needed: 3, available }.at(0));
            }
            return Err(CosemFault::HdlcFrame("it begins with 7E").at(0));
        };
        if high & 0xF0 != 0xA0 {
            return Err(CosemFault::HdlcFrame("its format is not A").at(1));
        }
        let length = usize::from(u16::from_be_bytes([high & 0x07, *low]));
        let needed = length.saturating_add(2);
        let truncated = ErrorKind::Truncated { needed, available }.at(0);
        let inner = octets.get(1..length.saturating_add(1)).ok_or(truncated)?;
        let behind = octets.get(length.saturating_add(1)..).unwrap_or_default();
        match behind.split_first() {
            Some((&FLAG, rest)) => {
                let rest = if matches!(rest, [] | [FLAG, ..]) { rest } else { behind };
                Ok((Self::between_flags(inner, high & 0x08 != 0).map_err(|e| e.shifted(1))?, rest))
            }
            Some(_) => Err(CosemFault::HdlcFrame("no flag stands at its end").at(needed.saturating_sub(1))),
            None => Err(truncated),
        }
    }
    fn between_flags(inner: &'a [u8], segmented: bool) -> Result<Self, Error> {
        let short = CosemFault::HdlcFrame("its length leaves no room for the header").at(0);
        let (covered, fcs) = inner.split_last_chunk::<2>().ok_or(short)?;
        check(covered, *fcs, covered.len())?;
        let mut reader = Reader::new(covered);
        reader.take(2)?;
        let destination = address(&mut reader)?;
        let source = address(&mut reader)?;
        let control = reader.u8()?;
        if reader.is_empty() {
            return Ok(Self { segmented, destination, source, control, information: &[] });
        }
        let at = reader.offset();
        let hcs = reader.array::<2>()?;
        check(covered.get(..at).unwrap_or_default(), hcs, at)?;
        Ok(Self { segmented, destination, source, control, information: reader.take_rest() })
    }
    /// Octets of the frame with both flags.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let addresses = self.destination.len().saturating_add(self.source.len());
        let information =
            if self.information.is_empty() { 0 } else { self.information.len().saturating_add(2) };
        7usize.saturating_add(addresses).saturating_add(information)
    }
    /// Writes the frame with both flags.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`CosemFault::Unwritable`] for a frame of more than 2047 octets or
    /// an address that is none.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        for octets in [self.destination, self.source] {
            let ends = octets.iter().position(|octet| octet & 1 == 1).map(|at| at.saturating_add(1));
            if ends != Some(octets.len()) || !matches!(octets.len(), 1 | 2 | 4) {
                return Err(
                    CosemFault::Unwritable("an address has 1, 2 or 4 octets, bit 0 set in the last").at(0)
                );
            }
        }
        let length = self.encoded_len().saturating_sub(2);
        let Some(length) = u16::try_from(length).ok().filter(|length| *length < 0x0800) else {
            return Err(CosemFault::Unwritable("a frame has at most 2047 octets").at(0));
        };
        let format = 0xA000 | u16::from(self.segmented) << 11 | length;
        let mut writer = Writer::new(buffer);
        writer.put_u8(FLAG);
        writer.put(&format.to_be_bytes());
        writer.put(self.destination);
        writer.put(self.source);
        writer.put_u8(self.control);
        let header = writer.len();
        if !self.information.is_empty() {
            writer.put(&[0; 2]);
            writer.put(self.information);
        }
        writer.put(&[0, 0, FLAG]);
        let octets = writer.finish()?;
        if !self.information.is_empty() {
            let hcs = crc16_x25(octets.get(1..header).unwrap_or_default());
            if let Some(place) = octets.get_mut(header..).and_then(|rest| rest.first_chunk_mut()) {
                *place = hcs.to_le_bytes();
            }
        }
        if let Some((_, [covered @ .., a, b, _])) = octets.split_first_mut() {
            [*a, *b] = crc16_x25(covered).to_le_bytes();
        }
        Ok(octets)
    }
}

/// The frames of a capture: what lies between them is skipped, a damaged frame gives its error and the
/// search goes on behind its first flag.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    /// The frames in `octets`.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.octets.get(self.at..)?;
        let skip = rest.windows(2).position(|two| matches!(two, [FLAG, format] if format & 0xF0 == 0xA0))?;
        let start = self.at.saturating_add(skip);
        match Frame::parse_prefix(self.octets.get(start..)?) {
            Ok((frame, behind)) => {
                self.at = self.octets.len().saturating_sub(behind.len());
                Some(Ok(frame))
            }
            Err(error) => {
                self.at = start.saturating_add(1);
                Some(Err(error.shifted(start)))
            }
        }
    }
}

/// Joins segments and blocks to an APDU.
#[derive(Debug)]
pub struct Reassembler<'b> {
    assembly: Assembly<'b>,
    /// Where the information of the current segments begins.
    start: usize,
    segments: bool,
    /// The block that has to come next, 0 when no blocks are collected.
    block: u16,
    complete: bool,
}

impl<'b> Reassembler<'b> {
    /// An empty reassembler; 2048 octets are plenty.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { assembly: Assembly::new(buffer), start: 0, segments: false, block: 0, complete: false }
    }
    /// Drops what was collected.
    pub const fn reset(&mut self) {
        self.assembly.clear();
        self.start = 0;
        self.segments = false;
        self.block = 0;
        self.complete = false;
    }
    /// Takes a frame.
    ///
    /// # Errors
    /// [`CosemFault::FragmentLost`], [`ErrorKind::BufferTooSmall`] and the errors of [`Block::parse`] drop
    /// what was collected.
    pub fn push(&mut self, frame: &Frame<'_>) -> Result<Progress, Error> {
        let result = self.take(frame);
        if result.is_err() {
            self.reset();
        }
        result
    }
    fn take(&mut self, frame: &Frame<'_>) -> Result<Progress, Error> {
        let begins = frame.information.strip_prefix(&LLC);
        if self.complete || (begins.is_some() && self.block == 0 && !self.segments) {
            self.reset();
        }
        if self.segments && begins.is_some() {
            // A first segment where a later one had to come: the rest was lost, this begins anew.
            self.reset();
        }
        if begins.is_none()
            && !self.segments
            && self.block == 0
            && frame.information.first() != Some(&block::TAG)
        {
            return Err(CosemFault::FragmentLost { expected: 0, found: 1 }.at(0));
        }
        let information = begins.unwrap_or(frame.information);
        if frame.segmented && self.segments && self.assembly.last() == information {
            return Ok(Progress::Repeated);
        }
        self.assembly.append(information)?;
        self.segments = frame.segmented;
        if frame.segmented {
            return Ok(Progress::Incomplete);
        }
        self.finish_information()
    }
    /// All segments are there: an APDU, or one of its blocks.
    fn finish_information(&mut self) -> Result<Progress, Error> {
        let information = self.assembly.from(self.start);
        if information.first() != Some(&block::TAG) {
            if self.block != 0 {
                return Err(CosemFault::FragmentLost { expected: self.block, found: 0 }.at(0));
            }
            self.complete = true;
            return Ok(Progress::Complete);
        }
        let total = information.len();
        let block = Block::parse(information)?;
        let (number, last, length) = (block.number, block.is_last(), block.data.len());
        let expected = self.block.max(1);
        if number == 1 && self.block != 0 && !self.is_first_block(length) {
            // A new push begins: keep this block alone.
            self.assembly.remove(0, self.start, total);
            self.start = 0;
            self.block = 0;
            return self.finish_information().map(|progress| match progress {
                Progress::Incomplete => Progress::Restarted,
                progress => progress,
            });
        }
        if self.block != 0 && number == expected.wrapping_sub(1) {
            self.assembly.remove(self.start, total, 0);
            return Ok(Progress::Repeated);
        }
        if number != expected {
            return Err(CosemFault::FragmentLost { expected, found: number }.at(0));
        }
        self.assembly.remove(self.start, total.saturating_sub(length), length);
        self.start = self.assembly.len();
        self.block = expected.wrapping_add(1);
        self.complete = last;
        Ok(if last { Progress::Complete } else { Progress::Incomplete })
    }
    /// True when the block just appended, number 1, is the only one collected, once more.
    fn is_first_block(&mut self, length: usize) -> bool {
        let octets = self.assembly.octets();
        self.block == 2
            && length == self.start
            && octets.get(..length) == octets.len().checked_sub(length).and_then(|at| octets.get(at..))
    }
    /// The APDU, when all of it is there.
    pub fn apdu(&mut self) -> Option<&mut [u8]> {
        if self.complete { Some(self.assembly.octets()) } else { None }
    }
    /// What was collected of an APDU that did not come to its end. It can be looked at, not verified.
    pub fn beginning(&mut self) -> &mut [u8] {
        self.assembly.octets()
    }
}
