//! The format frame: the headers of all records, and their signature (CI 69h, 6Ah, 6Bh).
//!
//! ```text
//! LEN | SIG(2) | DIB VIB | DIB VIB ...          LEN counts what follows it
//! ```
//!
//! EN 13757-3:2018, Annex G.3. Invariant: a parsed frame's signature is that of its headers.

use mbus_link::octets::{Reader, Writer};

use crate::record::{Header, RecordOptions};
use crate::{Error, ErrorKind};

use super::compact::signature;

/// A format frame; also its builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FormatFrame<'a> {
    /// DIB and VIB octets of all records.
    pub headers: &'a [u8],
}

impl<'a> FormatFrame<'a> {
    /// The format frame of a body, and what follows it (fillers, when the body was enciphered).
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::FormatSignature`] when the signature is not that of the headers;
    /// [`ErrorKind::FormatEmpty`] without headers; errors of the headers.
    pub fn parse_prefix(body: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut reader = Reader::new(body);
        let length = usize::from(reader.u8()?);
        let content = reader.take(length)?;
        let mut fields = Reader::new(content);
        let sent = fields.u16_le().map_err(|end| Error::from(end).shifted(1))?;
        let headers = fields.take_rest();
        if headers.is_empty() {
            return Err(ErrorKind::FormatEmpty.at(3));
        }
        let computed = signature(headers);
        if computed != sent {
            return Err(ErrorKind::FormatSignature { found: sent, expected: computed }.at(1));
        }
        let mut rest = headers;
        while !rest.is_empty() {
            match rest {
                // Manufacturer specific data can only be the last; a filler that the list counts is one octet.
                [0x0F | 0x1F] => break,
                [0x2F, after @ ..] => {
                    rest = after;
                    continue;
                }
                _ => {}
            }
            let offset = headers.len().saturating_sub(rest.len()).saturating_add(3);
            (_, rest) = Header::parse_prefix(rest, &RecordOptions::default())
                .map_err(|error| error.shifted(offset))?;
        }
        Ok((Self { headers }, reader.take_rest()))
    }
    /// The signature of the headers.
    #[must_use]
    pub fn signature(&self) -> u16 {
        signature(self.headers)
    }
    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.headers.len().saturating_add(3)
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::FormatEmpty`]; [`ErrorKind::TooLong`] for more than 253 octets of headers;
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if self.headers.is_empty() {
            return Err(ErrorKind::FormatEmpty.at(0));
        }
        let too_long = ErrorKind::TooLong { length: self.headers.len(), limit: 253 }.at(0);
        let length = u8::try_from(self.headers.len().saturating_add(2)).map_err(|_| too_long)?;
        let mut writer = Writer::new(buffer);
        writer.put_u8(length);
        writer.put_u16_le(self.signature());
        writer.put(self.headers);
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // EN 13757-3, Annex G.
    const PRINTED: [u8; 9] = [0x08, 0x31, 0x3B, 0x02, 0x02, 0x02, 0x15, 0x02, 0x2A];

    #[test]
    fn the_printed_example_both_ways() {
        let (frame, rest) = FormatFrame::parse_prefix(&PRINTED).unwrap();
        assert_eq!((frame.signature(), frame.headers, rest), (0x3B31, &PRINTED[3..], &[][..]));
        for size in 0..PRINTED.len() {
            assert_eq!(FormatFrame::parse_prefix(&PRINTED[..size]).unwrap_err().kind.name(), "truncated");
            assert_eq!(frame.encode_into(&mut [0; 9][..size]).unwrap_err().kind.name(), "buffer_too_small");
        }
        assert_eq!(frame.encode_into(&mut [0; 9]).unwrap(), PRINTED);
    }

    #[test]
    fn special_functions_in_a_list() {
        let parsed = |headers: &[u8]| {
            let mut buffer = [0; 16];
            let body = FormatFrame { headers }.encode_into(&mut buffer).unwrap();
            FormatFrame::parse_prefix(body).map(|(frame, _)| frame.headers.len()).map_err(|error| error.kind)
        };
        assert_eq!(parsed(&[0x2F, 0x02, 0x13, 0x2F, 0x2F]), Ok(5));
        assert_eq!(parsed(&[0x02, 0x13, 0x0F]), Ok(3));
        assert_eq!(parsed(&[0x1F]), Ok(1));
        assert_eq!(parsed(&[0x0F, 0x02, 0x13]), Err(ErrorKind::ReservedDif { dif: 0x0F }));
        assert_eq!(parsed(&[0x7F]), Err(ErrorKind::ReservedDif { dif: 0x7F }));
    }

    #[test]
    fn refusals() {
        let mut wrong = PRINTED;
        wrong[1] ^= 1;
        assert_eq!(FormatFrame::parse_prefix(&wrong).unwrap_err().kind.name(), "format_signature");
        assert_eq!(FormatFrame::parse_prefix(&[2, 0xFF, 0xFF]).unwrap_err().kind, ErrorKind::FormatEmpty);
        assert_eq!(FormatFrame::parse_prefix(&[1, 0xFF]).unwrap_err().kind.name(), "truncated");
        assert_eq!(
            FormatFrame { headers: &[] }.encode_into(&mut [0; 9]).unwrap_err().kind,
            ErrorKind::FormatEmpty
        );
        let long = [0; 254];
        assert_eq!(
            FormatFrame { headers: &long }.encode_into(&mut [0; 300]).unwrap_err().kind.name(),
            "too_long"
        );
    }
}
