//! A-XDR: the data of COSEM, one tag octet in front of each value.
//!
//! ```text
//! 01 array, 02 structure: count, elements      09 octet-string, 0A 0C text: length, octets
//! 04 bit-string: bits, octets                  integers and floats: most significant octet first
//! ```
//!
//! Counts and lengths: one octet below 80h, or 81h to 84h and so many octets (IEC 61334-6, IEC
//! 62056-5-3). Invariants: nothing recurses; at most [`MAX_DEPTH`] structures inside each other; a count
//! is believed only as far as octets are left, each element has at least one. A structure is a view of
//! its elements, whose ends were found when it was parsed.

use core::fmt;
use mbus_link::octets::{Reader, Writer};

use super::clock::Clock;
use super::fault::CosemFault;
use crate::Error;

/// The most structures inside each other.
pub const MAX_DEPTH: usize = 8;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Data<'a> {
    /// 00: nothing.
    Null,
    /// 01: elements of one type.
    Array(Sequence<'a>),
    /// 02: elements of any type.
    Structure(Sequence<'a>),
    /// 03: true for any octet but 0.
    Bool(bool),
    /// 04: so many bits, the first is bit 7 of the first octet.
    BitString(usize, &'a [u8]),
    /// 05: 32 bits with sign.
    Int32(i32),
    /// 06: 32 bits.
    UInt32(u32),
    /// 09: octets.
    Octets(&'a [u8]),
    /// 0A: visible string, ASCII by the standard.
    Visible(&'a [u8]),
    /// 0C: UTF-8 by the standard.
    Utf8(&'a [u8]),
    /// 0D: two BCD digits.
    Bcd(u8),
    /// 0F: 8 bits with sign.
    Int8(i8),
    /// 10: 16 bits with sign.
    Int16(i16),
    /// 11: 8 bits.
    UInt8(u8),
    /// 12: 16 bits.
    UInt16(u16),
    /// 14: 64 bits with sign.
    Int64(i64),
    /// 15: 64 bits.
    UInt64(u64),
    /// 16: one of a list.
    Enum(u8),
    /// 17: the bits of an IEEE 754 number, see [`f32::from_bits`].
    Float32(u32),
    /// 18: the bits of an IEEE 754 number, see [`f64::from_bits`].
    Float64(u64),
    /// 19: date and time.
    DateTime(Clock),
    /// 1A: year (2), month, day, weekday.
    Date([u8; 5]),
    /// 1B: hour, minute, second, hundredths.
    Time([u8; 4]),
    /// FF: not given.
    DontCare,
}

/// The length or count at the reader.
pub(super) fn length(reader: &mut Reader<'_>) -> Result<usize, Error> {
    let at = reader.offset();
    let first = reader.u8()?;
    let mut octets = [0; 4];
    let width = match first {
        0..=0x7F => return Ok(first.into()),
        0x81..=0x84 => usize::from(first & 0x07),
        _ => return Err(CosemFault::LengthForm { octet: first }.at(at)),
    };
    let sent = reader.take(width)?;
    for (place, octet) in octets.iter_mut().rev().zip(sent.iter().rev()) {
        *place = *octet;
    }
    usize::try_from(u32::from_be_bytes(octets))
        .map_err(|_| CosemFault::Length { length: usize::MAX, available: reader.remaining() }.at(at))
}

/// Octets of a length.
#[must_use]
pub(super) const fn length_len(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    }
}

/// Writes a length in its shortest form (three octets are left out).
pub(super) fn put_length(writer: &mut Writer<'_>, length: usize) {
    let Ok(number) = u32::try_from(length) else {
        // No buffer is that large: the writer counts it and refuses.
        return;
    };
    let [a, b, c, d] = number.to_be_bytes();
    match length_len(length) {
        1 => writer.put_u8(d),
        2 => writer.put(&[0x81, d]),
        3 => writer.put(&[0x82, c, d]),
        _ => writer.put(&[0x84, a, b, c, d]),
    }
}

/// So many octets of content, believed only when they are there.
fn counted<'a>(reader: &mut Reader<'a>, length: usize) -> Result<&'a [u8], Error> {
    let (at, available) = (reader.offset(), reader.remaining());
    reader.take(length).map_err(|_| CosemFault::Length { length, available }.at(at))
}

/// The count of a structure or array; each element has an octet at least.
pub(super) fn count(reader: &mut Reader<'_>) -> Result<usize, Error> {
    let count = length(reader)?;
    let available = reader.remaining();
    if count > available {
        return Err(CosemFault::Length { length: count, available }.at(reader.offset()));
    }
    Ok(count)
}

/// Moves behind `elements` values without recursion.
fn skip(reader: &mut Reader<'_>, elements: usize, depth: usize) -> Result<(), Error> {
    let mut open = [0usize; MAX_DEPTH];
    let mut level = depth.saturating_sub(1);
    *open.get_mut(level).ok_or(CosemFault::Nesting { limit: MAX_DEPTH }.at(reader.offset()))? = elements;
    loop {
        let Some(left) = open.get_mut(level) else { return Ok(()) };
        if let Some(less) = left.checked_sub(1) {
            *left = less;
            let at = reader.offset();
            match reader.u8()? {
                0x01 | 0x02 => {
                    let elements = count(reader)?;
                    level = level.saturating_add(1);
                    *open.get_mut(level).ok_or(CosemFault::Nesting { limit: MAX_DEPTH }.at(at))? = elements;
                }
                tag => {
                    scalar(reader, tag, at)?;
                }
            }
        } else if level < depth {
            return Ok(());
        } else {
            level = level.saturating_sub(1);
        }
    }
}

/// The value behind a tag that is no structure.
fn scalar<'a>(reader: &mut Reader<'a>, tag: u8, at: usize) -> Result<Data<'a>, Error> {
    Ok(match tag {
        0x00 => Data::Null,
        0x03 => Data::Bool(reader.u8()? != 0),
        0x04 => {
            let bits = length(reader)?;
            Data::BitString(bits, counted(reader, bits.div_ceil(8))?)
        }
        0x05 => Data::Int32(i32::from_be_bytes(reader.array()?)),
        0x06 => Data::UInt32(u32::from_be_bytes(reader.array()?)),
        0x09 | 0x0A | 0x0C => {
            let length = length(reader)?;
            let octets = counted(reader, length)?;
            match tag {
                0x09 => Data::Octets(octets),
                0x0A => Data::Visible(octets),
                _ => Data::Utf8(octets),
            }
        }
        0x0D => Data::Bcd(reader.u8()?),
        0x0F => Data::Int8(i8::from_be_bytes(reader.array()?)),
        0x10 => Data::Int16(i16::from_be_bytes(reader.array()?)),
        0x11 => Data::UInt8(reader.u8()?),
        0x12 => Data::UInt16(u16::from_be_bytes(reader.array()?)),
        0x14 => Data::Int64(i64::from_be_bytes(reader.array()?)),
        0x15 => Data::UInt64(u64::from_be_bytes(reader.array()?)),
        0x16 => Data::Enum(reader.u8()?),
        0x17 => Data::Float32(u32::from_be_bytes(reader.array()?)),
        0x18 => Data::Float64(u64::from_be_bytes(reader.array()?)),
        0x19 => Data::DateTime(Clock(reader.array()?)),
        0x1A => Data::Date(reader.array()?),
        0x1B => Data::Time(reader.array()?),
        0xFF => Data::DontCare,
        _ => return Err(CosemFault::DataType { tag }.at(at)),
    })
}

impl<'a> Data<'a> {
    /// Reads the value at the start of `octets`, and gives the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated); [`CosemFault::Length`], [`CosemFault::LengthForm`],
    /// [`CosemFault::DataType`], [`CosemFault::Nesting`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut reader = Reader::new(octets);
        let data = Self::read(&mut reader, 1, 0)?;
        Ok((data, reader.take_rest()))
    }
    /// Reads one value that is all of `octets`.
    ///
    /// # Errors
    /// As [`parse_prefix`](Self::parse_prefix); [`CosemFault::Surplus`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (data, rest) = Self::parse_prefix(octets)?;
        if rest.is_empty() {
            return Ok(data);
        }
        let at = octets.len().saturating_sub(rest.len());
        Err(CosemFault::Surplus { octets: rest.len() }.at(at))
    }
    /// The value at the reader, whose structures are `depth` deep and whose octet 0 is `base`.
    pub(super) fn read(reader: &mut Reader<'a>, depth: usize, base: usize) -> Result<Self, Error> {
        let at = reader.offset();
        let tag = reader.u8()?;
        if tag != 0x01 && tag != 0x02 {
            return scalar(reader, tag, at);
        }
        let count = count(reader)?;
        let (content, offset) = (reader.peek_rest(), base.saturating_add(reader.offset()));
        let start = reader.offset();
        skip(reader, count, depth)?;
        let length = reader.offset().saturating_sub(start);
        let octets = content.get(..length).unwrap_or_default();
        let sequence = Sequence { octets, count, offset, depth };
        Ok(if tag == 0x01 { Self::Array(sequence) } else { Self::Structure(sequence) })
    }
    /// The tag.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::Array(_) => 0x01,
            Self::Structure(_) => 0x02,
            Self::Bool(_) => 0x03,
            Self::BitString(..) => 0x04,
            Self::Int32(_) => 0x05,
            Self::UInt32(_) => 0x06,
            Self::Octets(_) => 0x09,
            Self::Visible(_) => 0x0A,
            Self::Utf8(_) => 0x0C,
            Self::Bcd(_) => 0x0D,
            Self::Int8(_) => 0x0F,
            Self::Int16(_) => 0x10,
            Self::UInt8(_) => 0x11,
            Self::UInt16(_) => 0x12,
            Self::Int64(_) => 0x14,
            Self::UInt64(_) => 0x15,
            Self::Enum(_) => 0x16,
            Self::Float32(_) => 0x17,
            Self::Float64(_) => 0x18,
            Self::DateTime(_) => 0x19,
            Self::Date(_) => 0x1A,
            Self::Time(_) => 0x1B,
            Self::DontCare => 0xFF,
        }
    }
    /// The integer, whatever its width; `None` for everything else.
    #[must_use]
    pub fn integer(&self) -> Option<i128> {
        Some(match *self {
            Self::Int8(n) => n.into(),
            Self::Int16(n) => n.into(),
            Self::Int32(n) => n.into(),
            Self::Int64(n) => n.into(),
            Self::UInt8(n) => n.into(),
            Self::UInt16(n) => n.into(),
            Self::UInt32(n) => n.into(),
            Self::UInt64(n) => n.into(),
            _ => return None,
        })
    }
    /// The octets of a string of any sort.
    #[must_use]
    pub const fn octets(&self) -> Option<&'a [u8]> {
        match self {
            Self::Octets(octets) | Self::Visible(octets) | Self::Utf8(octets) => Some(octets),
            _ => None,
        }
    }
    /// The text of a string, when it is text: printable ASCII in an octet-string, UTF-8 in the others.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        let text = core::str::from_utf8(self.octets()?).ok()?;
        let plain = text.bytes().all(|c| c == b' ' || c.is_ascii_graphic());
        let printable =
            if matches!(self, Self::Octets(_)) { plain } else { !text.chars().any(char::is_control) };
        if printable && !text.is_empty() { Some(text) } else { None }
    }
    /// The clock of a date-time, tagged as one or in an octet-string of twelve octets.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        match self {
            Self::DateTime(clock) => Some(*clock),
            Self::Octets(octets) => {
                octets.first_chunk().filter(|_| octets.len() == Clock::LEN).map(|o| Clock(*o))
            }
            _ => None,
        }
    }
    /// Octets of the value with its tag.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Null | Self::DontCare => 1,
            Self::Bool(_) | Self::Bcd(_) | Self::Int8(_) | Self::UInt8(_) | Self::Enum(_) => 2,
            Self::Int16(_) | Self::UInt16(_) => 3,
            Self::Int32(_) | Self::UInt32(_) | Self::Float32(_) | Self::Time(_) => 5,
            Self::Date(_) => 6,
            Self::Int64(_) | Self::UInt64(_) | Self::Float64(_) => 9,
            Self::DateTime(_) => 13,
            Self::Octets(octets) | Self::Visible(octets) | Self::Utf8(octets) => {
                length_len(octets.len()).saturating_add(octets.len()).saturating_add(1)
            }
            Self::BitString(bits, octets) => length_len(*bits).saturating_add(octets.len()).saturating_add(1),
            Self::Array(elements) | Self::Structure(elements) => {
                length_len(elements.count).saturating_add(elements.octets.len()).saturating_add(1)
            }
        }
    }
    pub(super) fn put(&self, writer: &mut Writer<'_>) {
        writer.put_u8(self.tag());
        match self {
            Self::Null | Self::DontCare => {}
            Self::Bool(bit) => writer.put_u8((*bit).into()),
            Self::Bcd(octet) | Self::UInt8(octet) | Self::Enum(octet) => writer.put_u8(*octet),
            Self::Int8(n) => writer.put(&n.to_be_bytes()),
            Self::Int16(n) => writer.put(&n.to_be_bytes()),
            Self::UInt16(n) => writer.put(&n.to_be_bytes()),
            Self::Int32(n) => writer.put(&n.to_be_bytes()),
            Self::UInt32(n) | Self::Float32(n) => writer.put(&n.to_be_bytes()),
            Self::Int64(n) => writer.put(&n.to_be_bytes()),
            Self::UInt64(n) | Self::Float64(n) => writer.put(&n.to_be_bytes()),
            Self::DateTime(clock) => writer.put(&clock.0),
            Self::Date(octets) => writer.put(octets),
            Self::Time(octets) => writer.put(octets),
            Self::Octets(octets) | Self::Visible(octets) | Self::Utf8(octets) => {
                put_length(writer, octets.len());
                writer.put(octets);
            }
            Self::BitString(bits, octets) => {
                put_length(writer, *bits);
                writer.put(octets);
            }
            Self::Array(elements) | Self::Structure(elements) => {
                put_length(writer, elements.count);
                writer.put(elements.octets);
            }
        }
    }
    /// Writes the value with its tag.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`](crate::ErrorKind::BufferTooSmall); [`CosemFault::Unwritable`] for a bit string whose octets are not
    /// those of its bits.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if matches!(self, Self::BitString(bits, octets) if bits.div_ceil(8) != octets.len()) {
            return Err(CosemFault::Unwritable("a bit string has the octets of its bits").at(0));
        }
        let mut writer = Writer::new(buffer);
        self.put(&mut writer);
        Ok(writer.finish()?)
    }
}

/// Integers as they are, text as text, other strings as hex, structures as `[..]`, dates as ISO 8601.
impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::DontCare => f.write_str("not given"),
            Self::Array(elements) | Self::Structure(elements) => write!(f, "[{} elements]", elements.count),
            Self::Bool(bit) => fmt::Display::fmt(bit, f),
            Self::Enum(n) => fmt::Display::fmt(n, f),
            Self::Bcd(n) => write!(f, "{n:02X}"),
            Self::Float32(bits) => fmt::Display::fmt(&f32::from_bits(*bits), f),
            Self::Float64(bits) => fmt::Display::fmt(&f64::from_bits(*bits), f),
            Self::DateTime(clock) => fmt::Display::fmt(clock, f),
            Self::BitString(_, octets) => hex(f, octets),
            Self::Date(octets) => hex(f, octets),
            Self::Time(octets) => hex(f, octets),
            Self::Octets(octets) | Self::Visible(octets) | Self::Utf8(octets) => match self.text() {
                Some(text) => f.write_str(text),
                None => hex(f, octets),
            },
            _ => match self.integer() {
                Some(n) => fmt::Display::fmt(&n, f),
                None => Ok(()),
            },
        }
    }
}

fn hex(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

/// The elements of an array or a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sequence<'a> {
    octets: &'a [u8],
    count: usize,
    /// Where `octets` begin in what the caller handed in.
    offset: usize,
    depth: usize,
}

impl<'a> Sequence<'a> {
    /// How many elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }
    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// The elements, in their order.
    #[must_use]
    pub const fn iter(&self) -> Elements<'a> {
        Elements {
            reader: Reader::new(self.octets),
            offset: self.offset,
            left: self.count,
            depth: self.depth,
        }
    }
    /// The elements when there are exactly `N`.
    pub(super) fn exactly<const N: usize>(&self) -> Option<[Data<'a>; N]> {
        if self.count != N {
            return None;
        }
        let mut found = [Data::Null; N];
        for (place, element) in found.iter_mut().zip(self.iter()) {
            *place = element.ok()?;
        }
        Some(found)
    }
}

impl<'a> IntoIterator for Sequence<'a> {
    type Item = Result<Data<'a>, Error>;
    type IntoIter = Elements<'a>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over the elements of a [`Sequence`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    reader: Reader<'a>,
    offset: usize,
    left: usize,
    depth: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Data<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let depth = self.depth.saturating_add(1);
        let data = Data::read(&mut self.reader, depth, self.offset);
        if data.is_err() {
            self.left = 0;
        }
        Some(data.map_err(|error| error.shifted(self.offset)))
    }
}

#[cfg(test)]
mod tests;
