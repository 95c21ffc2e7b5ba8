//! Frames of the wired bus: FT1.2 of IEC 60870-5-1 (EN 13757-2, 5.5).
//!
//! ```text
//! single character  E5
//! short             10 C A CS 16
//! control           68 03 03 68 C A CI CS 16
//! long              68 L L 68 C A CI data CS 16          L = 3 + octets of data, at most 255
//! ```
//!
//! CS is the sum of C, A, CI and data modulo 256. Invariants: a [`Frame`] was checked from its start octet to its
//! stop octet; control and long frames are one variant, since only their length differs. A length field that
//! wrapped round at 256 is an error of its own ([`ErrorKind::LengthWrapped`]) and is read only on request.

use crate::c_field::CField;
use crate::octets::Writer;
use crate::{Error, ErrorKind};

use super::address::PrimaryAddress;

/// The single character: acknowledged.
pub const ACK: u8 = 0xE5;
/// The start octet of a short frame.
pub const START_SHORT: u8 = 0x10;
/// The start octet of a control and a long frame, which they repeat in the fourth place.
pub const START_LONG: u8 = 0x68;
/// The last octet of all frames but the single character.
pub const STOP: u8 = 0x16;
/// The most octets of data behind CI.
pub const MAX_DATA: usize = 252;
/// Octets in front of the payload of a control or long frame.
pub const HEADER_LEN: usize = 6;
/// Octets of the longest frame.
pub const MAX_LEN: usize = 261;

/// A frame of the wired bus; also its builder.
///
/// ```
/// use mbus_link::CField;
/// use mbus_link::wired::{Frame, PrimaryAddress};
/// let request = Frame::Short { c_field: CField(0x7B), address: PrimaryAddress(1) };
/// let mut buffer = [0; 5];
/// assert_eq!(request.encode_into(&mut buffer)?, [0x10, 0x7B, 0x01, 0x7C, 0x16]);
/// assert_eq!(Frame::parse(&buffer)?, request);
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frame<'a> {
    /// E5.
    SingleCharacter,
    /// A frame without CI.
    Short {
        /// What it asks for or answers.
        c_field: CField,
        /// The slave.
        address: PrimaryAddress,
    },
    /// A frame with CI: a control frame when nothing follows it, else a long frame.
    Long {
        /// What it asks for or answers.
        c_field: CField,
        /// The slave.
        address: PrimaryAddress,
        /// CI and data, 1 to 253 octets.
        payload: &'a [u8],
    },
}

/// The four formats of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameType {
    /// E5.
    Ack,
    /// 10.
    Short,
    /// 68 with L = 3.
    Control,
    /// 68 with L above 3.
    Long,
}

impl FrameType {
    /// The format as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Short => "short",
            Self::Control => "control",
            Self::Long => "long",
        }
    }
}

fn checksum(octets: &[u8]) -> u8 {
    octets.iter().fold(0, |sum, octet| sum.wrapping_add(*octet))
}

/// Octets of the control or long frame around a payload of `payload_len` octets (CI included).
///
/// # Errors
/// [`ErrorKind::NoControlInformation`] for an empty payload; [`ErrorKind::PayloadTooLong`] above 253 octets.
pub fn long_len(payload_len: usize) -> Result<usize, Error> {
    length_field(payload_len)?;
    Ok(payload_len.saturating_add(HEADER_LEN).saturating_add(2))
}

fn length_field(payload_len: usize) -> Result<u8, Error> {
    if payload_len == 0 {
        return Err(ErrorKind::NoControlInformation.at(0));
    }
    let too_long = ErrorKind::PayloadTooLong { octets: payload_len, maximum: MAX_DATA.saturating_add(1) };
    u8::try_from(payload_len.saturating_add(2)).map_err(|_| too_long.at(0))
}

/// The control or long frame around a payload of `payload_len` octets that was built in place: at octet
/// [`HEADER_LEN`] of `buffer`.
///
/// # Errors
/// As [`long_len`]; [`ErrorKind::BufferTooSmall`].
pub fn encode_around(
    c_field: CField,
    address: PrimaryAddress,
    payload_len: usize,
    buffer: &mut [u8],
) -> Result<&mut [u8], Error> {
    let length = length_field(payload_len)?;
    let (needed, available) = (long_len(payload_len)?, buffer.len());
    let frame =
        buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))?;
    let head = [START_LONG, length, length, START_LONG, c_field.0, address.0];
    frame.iter_mut().zip(head).for_each(|(place, octet)| *place = octet);
    if let Some((covered, [sum, stop])) = frame.split_last_chunk_mut::<2>() {
        *sum = checksum(covered.get(4..).unwrap_or_default());
        *stop = STOP;
    }
    Ok(frame)
}

/// Checks stop octet and checksum of the octets behind the head of a frame, and gives what they protect.
fn unwrap_tail(octets: &[u8], at: usize) -> Result<&[u8], Error> {
    let Some((covered, [sum, stop])) = octets.split_last_chunk::<2>() else {
        return Err(ErrorKind::Truncated { needed: 2, available: octets.len() }.at(at));
    };
    let end = at.saturating_add(covered.len());
    if *stop != STOP {
        return Err(ErrorKind::StopOctet { found: *stop }.at(end.saturating_add(1)));
    }
    let expected = checksum(covered);
    if *sum != expected {
        return Err(ErrorKind::Checksum { found: *sum, expected }.at(end));
    }
    Ok(covered)
}

impl<'a> Frame<'a> {
    /// The frame that `octets` are, from the first to the last.
    ///
    /// # Errors
    /// [`ErrorKind::StartOctet`], [`ErrorKind::LengthsDiffer`], [`ErrorKind::WiredLength`],
    /// [`ErrorKind::Truncated`], [`ErrorKind::StopOctet`], [`ErrorKind::Checksum`],
    /// [`ErrorKind::SurplusOctets`]; [`ErrorKind::LengthWrapped`] when the frame is longer than its length
    /// field can say and right in all else.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let outcome = Self::parse_prefix(octets);
        if !matches!(outcome, Ok((_, []))) {
            if let Ok((_, length, actual)) = Self::parse_wrapped(octets) {
                return Err(ErrorKind::LengthWrapped { length, actual }.at(1));
            }
        }
        match outcome? {
            (frame, []) => Ok(frame),
            (_, surplus) => {
                let offset = octets.len().saturating_sub(surplus.len());
                Err(ErrorKind::SurplusOctets { octets: surplus.len() }.at(offset))
            }
        }
    }
    /// The frame at the beginning of `octets`, and the octets behind it.
    ///
    /// # Errors
    /// As [`Frame::parse`] without the last two.
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let truncated = |needed: usize| ErrorKind::Truncated { needed, available: octets.len() }.at(0);
        match octets {
            [ACK, rest @ ..] => Ok((Self::SingleCharacter, rest)),
            [START_SHORT, ..] => {
                let (frame, rest) = octets.split_at_checked(5).ok_or(truncated(5))?;
                let covered = unwrap_tail(frame.get(1..).unwrap_or_default(), 1)?;
                match covered {
                    [c, a] => Ok((Self::Short { c_field: CField(*c), address: PrimaryAddress(*a) }, rest)),
                    _ => Err(truncated(5)),
                }
            }
            [START_LONG, length, again, start, ..] => {
                if length != again {
                    return Err(ErrorKind::LengthsDiffer { first: *length, second: *again }.at(2));
                }
                if *start != START_LONG {
                    return Err(ErrorKind::StartOctet { found: *start }.at(3));
                }
                if *length < 3 {
                    return Err(ErrorKind::WiredLength { length: *length }.at(1));
                }
                let len = usize::from(*length).saturating_add(6);
                let (frame, rest) = octets.split_at_checked(len).ok_or(truncated(len))?;
                Ok((Self::of_covered(unwrap_tail(frame.get(4..).unwrap_or_default(), 4)?)?, rest))
            }
            [START_LONG, ..] => Err(truncated(9)),
            [other, ..] => Err(ErrorKind::StartOctet { found: *other }.at(0)),
            [] => Err(truncated(1)),
        }
    }
    fn of_covered(covered: &'a [u8]) -> Result<Self, Error> {
        match covered {
            [c, a, payload @ ..] => {
                Ok(Self::Long { c_field: CField(*c), address: PrimaryAddress(*a), payload })
            }
            _ => Err(ErrorKind::Truncated { needed: 3, available: covered.len() }.at(4)),
        }
    }
    /// The frame that `octets` are although their length field wrapped round: some slaves send more than
    /// 252 octets of data and put the length modulo 256 into both length fields. Gives the frame, the length
    /// field, and the length it should say.
    ///
    /// # Errors
    /// [`ErrorKind::NotWrapped`] when the octets are no such frame, with start octets, stop octet and
    /// checksum as they must be.
    pub fn parse_wrapped(octets: &'a [u8]) -> Result<(Self, u8, usize), Error> {
        let not_wrapped = ErrorKind::NotWrapped.at(0);
        let [START_LONG, length, again, START_LONG, tail @ ..] = octets else { return Err(not_wrapped) };
        let actual = tail.len().saturating_sub(2);
        if length != again || actual < 256 || actual % 256 != usize::from(*length) {
            return Err(not_wrapped);
        }
        let covered = unwrap_tail(tail, 4).map_err(|_| not_wrapped)?;
        Ok((Self::of_covered(covered)?, *length, actual))
    }

    /// Which of the four formats it is.
    #[must_use]
    pub const fn frame_type(&self) -> FrameType {
        match self {
            Self::SingleCharacter => FrameType::Ack,
            Self::Short { .. } => FrameType::Short,
            Self::Long { payload: [_], .. } => FrameType::Control,
            Self::Long { .. } => FrameType::Long,
        }
    }
    /// The C-field; `None` for the single character.
    #[must_use]
    pub const fn c_field(&self) -> Option<CField> {
        match self {
            Self::SingleCharacter => None,
            Self::Short { c_field, .. } | Self::Long { c_field, .. } => Some(*c_field),
        }
    }
    /// The slave's address; `None` for the single character.
    #[must_use]
    pub const fn address(&self) -> Option<PrimaryAddress> {
        match self {
            Self::SingleCharacter => None,
            Self::Short { address, .. } | Self::Long { address, .. } => Some(*address),
        }
    }
    /// CI and data; empty for the single character and short frames.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        match self {
            Self::SingleCharacter | Self::Short { .. } => &[],
            Self::Long { payload, .. } => payload,
        }
    }

    /// Octets of the frame.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::SingleCharacter => 1,
            Self::Short { .. } => 5,
            Self::Long { payload, .. } => payload.len().saturating_add(8),
        }
    }
    /// Writes the frame to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::NoControlInformation`] for a long frame without CI;
    /// [`ErrorKind::PayloadTooLong`] for one of more than 253 octets behind A.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        match self {
            Self::SingleCharacter => writer.put_u8(ACK),
            Self::Short { c_field, address } => {
                let covered = [c_field.0, address.0];
                writer.put_u8(START_SHORT);
                writer.put(&covered);
                writer.put(&[checksum(&covered), STOP]);
            }
            Self::Long { c_field, address, payload } => {
                let length = length_field(payload.len())?;
                writer.put(&[START_LONG, length, length, START_LONG, c_field.0, address.0]);
                writer.put(payload);
                let sum = checksum(&[c_field.0, address.0]).wrapping_add(checksum(payload));
                writer.put(&[sum, STOP]);
            }
        }
        Ok(writer.finish()?)
    }
    /// The frame in a vector of its own.
    ///
    /// # Errors
    /// As [`Frame::encode_into`], but for the buffer.
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    // OMS Vol. 2 Annex N, N.2.2: RSP-UD of a selected gas meter.
    const RESPONSE: [u8; 38] = [
        0x68, 0x20, 0x20, 0x68, 0x08, 0xFD, 0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x2A, 0x00,
        0x00, 0x00, 0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15, 0x02, 0xFD, 0x17,
        0x00, 0x00, 0x89, 0x16,
    ];

    #[test]
    fn printed_frames_both_ways() {
        let printed: [(&[u8], FrameType); 6] = [
            (&[0xE5], FrameType::Ack),
            (&[0x10, 0x40, 0xFD, 0x3D, 0x16], FrameType::Short),
            (&[0x10, 0x7B, 0xFD, 0x78, 0x16], FrameType::Short),
            (&[0x68, 0x03, 0x03, 0x68, 0x53, 0xFE, 0xBD, 0x0E, 0x16], FrameType::Control),
            (&[0x68, 0x06, 0x06, 0x68, 0x53, 0xFE, 0x51, 0x01, 0x7A, 0x08, 0x25, 0x16], FrameType::Long),
            (&RESPONSE, FrameType::Long),
        ];
        for (octets, frame_type) in printed {
            let frame = Frame::parse(octets).unwrap();
            assert_eq!(frame.frame_type(), frame_type);
            for size in 0..=octets.len() {
                let mut buffer = [0; MAX_LEN];
                match frame.encode_into(&mut buffer[..size]) {
                    Ok(written) => {
                        assert_eq!((size, &*written), (octets.len(), octets));
                        in_place(&frame, written);
                    }
                    Err(error) => {
                        assert_eq!(
                            error.kind,
                            ErrorKind::BufferTooSmall { needed: octets.len(), available: size }
                        );
                    }
                }
            }
        }
        let Frame::Long { c_field, address, payload } = Frame::parse(&RESPONSE).unwrap() else { panic!() };
        assert_eq!((c_field.name(), address, payload[0]), (Some("RSP-UD"), PrimaryAddress::SELECTED, 0x72));
    }

    /// The payload at its place, and the frame put around it.
    fn in_place(frame: &Frame<'_>, octets: &[u8]) {
        let Frame::Long { c_field, address, payload } = *frame else { return };
        for size in 0..=octets.len() {
            let mut buffer = [0xAA; MAX_LEN];
            buffer[HEADER_LEN..][..payload.len()].copy_from_slice(payload);
            match encode_around(c_field, address, payload.len(), &mut buffer[..size]) {
                Ok(written) => assert_eq!((size, &*written), (octets.len(), octets)),
                Err(error) => assert_eq!(
                    error.kind,
                    ErrorKind::BufferTooSmall { needed: octets.len(), available: size }
                ),
            }
        }
        for len in [0, 254] {
            assert!(encode_around(c_field, address, len, &mut [0; 300]).is_err());
        }
    }

    #[test]
    fn every_prefix_is_truncated() {
        for octets in [&RESPONSE[..], &[0x10, 0x7B, 0xFD, 0x78, 0x16]] {
            for len in 0..octets.len() {
                let error = Frame::parse(&octets[..len]).unwrap_err();
                assert_eq!((error.kind.name(), error.offset), ("truncated", 0), "{len}");
            }
        }
    }

    #[test]
    fn every_octet_that_is_wrong_is_named() {
        let expected = |position: usize| match position {
            0 | 3 => "start_octet",
            1 | 2 => "lengths_differ",
            37 => "stop_octet",
            _ => "checksum",
        };
        for position in 0..RESPONSE.len() {
            for bit in 0..8 {
                let mut octets = RESPONSE;
                octets[position] ^= 1 << bit;
                let error = Frame::parse(&octets).unwrap_err();
                assert_eq!(error.kind.name(), expected(position), "{position}");
                assert!(error.offset < octets.len());
            }
        }
    }

    #[test]
    fn lengths_below_three() {
        for length in 0..3u8 {
            let error =
                Frame::parse(&[0x68, length, length, 0x68, 0x08, 0x01, 0x09, 0x16, 0x16]).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::WiredLength { length }, 1));
        }
    }

    #[test]
    fn surplus_octets_are_told() {
        let mut octets = RESPONSE.to_vec();
        octets.extend_from_slice(&[0xE5, 0xE5]);
        let error = Frame::parse(&octets).unwrap_err();
        assert_eq!((error.kind, error.offset), (ErrorKind::SurplusOctets { octets: 2 }, 38));
        assert_eq!(Frame::parse_prefix(&octets).unwrap().1, [0xE5, 0xE5]);
    }

    #[test]
    fn every_length_round_trips() {
        let data: Vec<u8> = (0..=255).collect();
        for len in 1..=253 {
            let frame =
                Frame::Long { c_field: CField(0x08), address: PrimaryAddress(7), payload: &data[..len] };
            let mut buffer = [0; MAX_LEN];
            let written = frame.encode_into(&mut buffer).unwrap();
            assert_eq!((written.len(), Frame::parse(written)), (len + 8, Ok(frame)));
        }
        let long = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(7), payload: &data[..254] };
        assert_eq!(long.encode_into(&mut [0; 300]).unwrap_err().kind.name(), "payload_too_long");
        let empty = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(7), payload: &[] };
        assert_eq!(empty.encode_into(&mut [0; 300]).unwrap_err().kind, ErrorKind::NoControlInformation);
    }

    #[test]
    fn a_length_that_wrapped_is_told_and_read_on_request() {
        for data in [254usize, 300, 509] {
            let mut octets = Vec::from([0x68, 0, 0, 0x68, 0x08, 0x01]);
            octets.resize(6 + data, 0x2F);
            let length = ((data + 2) % 256) as u8;
            (octets[1], octets[2]) = (length, length);
            let sum = checksum(&octets[4..]);
            octets.extend_from_slice(&[sum, 0x16]);
            let error = Frame::parse(&octets).unwrap_err();
            assert_eq!(error.kind, ErrorKind::LengthWrapped { length, actual: data + 2 });
            let (frame, ..) = Frame::parse_wrapped(&octets).unwrap();
            assert_eq!(frame.payload().len(), data);
            octets[20] ^= 1;
            assert!(Frame::parse_wrapped(&octets).is_err());
        }
        assert_eq!(Frame::parse_wrapped(&RESPONSE).unwrap_err().kind, ErrorKind::NotWrapped);
    }
}
