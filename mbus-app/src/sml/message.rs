//! Where SML messages begin and end.
//!
//! ```text
//! type and length: bit 7 more length follows, bits 6 to 4 type, low nibble length
//!   0 octets, 4 bool, 5 signed, 6 unsigned: the length counts its own octets; 7 list: the number of elements
//! ```
//!
//! Invariants: nothing recurses, at most [`MAX_DEPTH`] lists are inside each other; a list has not more
//! elements than octets are left; the check sequence (CRC-16/X.25 over all in front of it, least
//! significant octet first) is verified before a message is given out.

use mbus_link::octets::Reader;

use super::SmlFault;
use crate::Error;
use crate::cosem::hdlc::crc16_x25;

/// The most lists inside each other.
pub const MAX_DEPTH: usize = 8;
/// A list of six: the parts of a message.
const MESSAGE: u8 = 0x76;
/// The filler of records, in front of and behind messages.
const FILLER: u8 = 0x2F;

/// One message, its check sequence verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message from 76 to 00.
    pub octets: &'a [u8],
    /// Where it begins in the payload.
    pub offset: usize,
    /// The tag of its body, when it is a number.
    pub tag: Option<u32>,
}

/// The type and the length of an element: octets of content, or the elements of a list.
fn type_length(reader: &mut Reader<'_>) -> Result<(bool, usize), Error> {
    let at = reader.offset();
    let first = reader.u8()?;
    let mut length = usize::from(first & 0x0F);
    let mut own = 1usize;
    let mut octet = first;
    while octet & 0x80 != 0 {
        octet = reader.u8()?;
        own = own.saturating_add(1);
        if octet & 0x70 != 0 || own > 4 {
            return Err(SmlFault::Type { octet }.at(at));
        }
        length = length << 4 | usize::from(octet & 0x0F);
    }
    let list = match first >> 4 & 0x07 {
        0 | 4 | 5 | 6 => false,
        7 => true,
        _ => return Err(SmlFault::Type { octet: first }.at(at)),
    };
    // 00 is the end of a message, not a value, and no value has less than its own octets.
    let content = if list { Some(length) } else { length.checked_sub(own) };
    let Some(content) = content else { return Err(SmlFault::Type { octet: first }.at(at)) };
    let available = reader.remaining();
    if content > available {
        return Err(SmlFault::Length { length: content, available }.at(at));
    }
    Ok((list, content))
}

/// Moves behind one element without recursion.
fn skip(reader: &mut Reader<'_>) -> Result<(), Error> {
    let mut open = [0usize; MAX_DEPTH];
    let mut level = 0usize;
    loop {
        let at = reader.offset();
        let (list, content) = type_length(reader)?;
        if list {
            let place = open.get_mut(level).ok_or(SmlFault::Nesting { limit: MAX_DEPTH }.at(at))?;
            *place = content;
            level = level.saturating_add(1);
        } else {
            reader.take(content)?;
        }
        // Close the lists that are complete, and count the element that comes next.
        loop {
            let Some(last) = level.checked_sub(1) else { return Ok(()) };
            match open.get_mut(last).and_then(|left| left.checked_sub(1).map(|less| (left, less))) {
                Some((left, less)) => {
                    *left = less;
                    break;
                }
                None => level = last,
            }
        }
    }
}

/// An unsigned number of up to four octets.
fn number(element: &[u8]) -> Option<u32> {
    let (first, content) = element.split_first()?;
    if first & 0xF0 != 0x60 || content.is_empty() || content.len() > 4 {
        return None;
    }
    Some(content.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

/// The message at the reader.
fn frame<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Error> {
    let (whole, offset) = (reader.peek_rest(), reader.offset());
    let length = |reader: &Reader<'_>| reader.offset().saturating_sub(offset);
    reader.take(1)?;
    for _ in 0..3 {
        skip(reader)?;
    }
    // The body is a choice: a list of two, tag and content.
    let at = reader.offset();
    if reader.peek() != Some(0x72) {
        return Err(SmlFault::Layout("its body is no choice").at(at));
    }
    reader.take(1)?;
    let (rest, before) = (reader.peek_rest(), reader.remaining());
    skip(reader)?;
    let tag = rest.get(..before.saturating_sub(reader.remaining())).and_then(number);
    skip(reader)?;
    let covered = whole.get(..length(reader)).unwrap_or_default();
    let (rest, before, at) = (reader.peek_rest(), reader.remaining(), reader.offset());
    skip(reader)?;
    let sent = rest.get(..before.saturating_sub(reader.remaining())).and_then(number);
    let Some(found) = sent.and_then(|n| u16::try_from(n).ok()).map(u16::swap_bytes) else {
        return Err(SmlFault::NoEnd.at(at));
    };
    if reader.u8()? != 0 {
        return Err(SmlFault::NoEnd.at(reader.offset().saturating_sub(1)));
    }
    let computed = crc16_x25(covered);
    if found != computed {
        return Err(SmlFault::CheckSequence { found, computed }.at(at));
    }
    Ok(Frame { octets: whole.get(..length(reader)).unwrap_or_default(), offset, tag })
}

/// The messages of a payload. A message whose end is known but whose check sequence is wrong gives an
/// error, and the next one follows; where the end is not known, the error is the last.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    reader: Reader<'a>,
}

impl<'a> Frames<'a> {
    /// The messages of `payload`.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { reader: Reader::new(payload) }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        // 00 pads a transmission to a multiple of four octets.
        while matches!(self.reader.peek(), Some(FILLER | 0x00)) {
            self.reader.take(1).ok()?;
        }
        let octet = self.reader.peek()?;
        if octet != MESSAGE {
            let at = self.reader.offset();
            self.reader.take_rest();
            return Some(Err(SmlFault::NoMessage { octet }.at(at)));
        }
        let found = frame(&mut self.reader);
        if let Err(error) = found {
            let ended = matches!(error.kind, crate::ErrorKind::Sml(SmlFault::CheckSequence { .. }));
            if !ended {
                self.reader.take_rest();
            }
        }
        Some(found)
    }
}
