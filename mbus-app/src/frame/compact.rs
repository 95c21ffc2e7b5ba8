//! The compact frame: signature, full-frame CRC, and the data of all records (CI 79h, 7Bh, 73h).
//!
//! ```text
//! SIG(2) | FFCRC(2) | data data data ... [2F ...]
//! ```
//!
//! EN 13757-3:2018, Annex G.4. Both go least significant octet first and are CRC-16/EN-13757: SIG over all DIB
//! and VIB of the full frame, FFCRC over its whole records. Invariants: nothing of a compact frame is believed
//! before the full-frame CRC of the rebuilt records fits; data of variable length keep their LVAR; fillers
//! of the full frame count for neither, those behind the data are padding.

use mbus_link::octets::{Reader, Writer};
use wmbus_phy::crc;

use crate::record::{Header, RecordKind, RecordOptions, Records};
use crate::{Error, ErrorKind};

use super::store::{FormatKey, FormatStore, MAX_CANDIDATES};

/// The signature of a header list: all DIB and VIB octets in order.
#[must_use]
pub fn signature(headers: &[u8]) -> u16 {
    crc::checksum(headers)
}

/// A compact frame as sent; also its builder.
///
/// ```
/// use mbus_app::frame::CompactFrame;
/// // EN 13757-3, Annex G.
/// let frame = CompactFrame::parse(&[0x31, 0x3B, 0x42, 0xA6, 0xD2, 0x04, 0x2E, 0x16, 0x34, 0x23])?;
/// assert_eq!((frame.signature, frame.full_frame_crc), (0x3B31, 0xA642));
/// let mut buffer = [0; 12];
/// let expanded = frame.expand_into(&[0x02, 0x02, 0x02, 0x15, 0x02, 0x2A], &mut buffer)?;
/// assert_eq!(expanded.records, [0x02, 0x02, 0xD2, 0x04, 0x02, 0x15, 0x2E, 0x16, 0x02, 0x2A, 0x34, 0x23]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CompactFrame<'a> {
    /// The signature of the format.
    pub signature: u16,
    /// The CRC of the full frame.
    pub full_frame_crc: u16,
    /// The data of all records, and perhaps fillers.
    pub data: &'a [u8],
}

/// The records rebuilt from a compact frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expanded<'b> {
    /// The records of the full frame: DIB, VIB and data of each.
    pub records: &'b [u8],
    /// The full-frame CRC of the rebuilt records. [`CompactFrame::expand_into`] gives only those that fit.
    pub crc: u16,
}

impl<'a> CompactFrame<'a> {
    /// The compact frame of a body: what is behind the transport header, in clear.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`].
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let signature = reader.u16_le()?;
        let full_frame_crc = reader.u16_le()?;
        Ok(Self { signature, full_frame_crc, data: reader.take_rest() })
    }
    /// Rebuilds the records with a header list, and checks them.
    ///
    /// # Errors
    /// [`ErrorKind::FullFrameCrc`] when the records are not those that the meter meant: the list is the wrong
    /// one, or the telegram was altered. Errors of headers and data that do not fit together;
    /// [`ErrorKind::BufferTooSmall`].
    pub fn expand_into<'b>(&self, headers: &[u8], buffer: &'b mut [u8]) -> Result<Expanded<'b>, Error> {
        let expanded = self.expand_unchecked(headers, buffer)?;
        if expanded.crc != self.full_frame_crc {
            let kind = ErrorKind::FullFrameCrc { found: expanded.crc, expected: self.full_frame_crc };
            return Err(kind.at(2));
        }
        Ok(expanded)
    }
    /// Rebuilds the records and leaves it to the caller to compare the CRC: for telegrams whose values
    /// somebody edited.
    ///
    /// # Errors
    /// As [`CompactFrame::expand_into`], but for the CRC.
    pub fn expand_unchecked<'b>(&self, headers: &[u8], buffer: &'b mut [u8]) -> Result<Expanded<'b>, Error> {
        const DATA_AT: usize = 4;
        let mut writer = Writer::new(buffer);
        let (mut headers_left, mut data) = (headers, self.data);
        while let Some(dif) = headers_left.first() {
            let offset = DATA_AT.saturating_add(self.data.len().saturating_sub(data.len()));
            if matches!(dif, 0x0F | 0x1F) {
                writer.put_u8(*dif);
                writer.put(data);
                data = &[];
                break;
            }
            let (header, rest) = Header::parse_prefix(headers_left, &RecordOptions::default())?;
            let (record, left) = header.take_data(data).map_err(|error| error.shifted(offset))?;
            writer.put(header.dib().octets());
            writer.put(header.vib().octets());
            writer.put(record.data());
            (headers_left, data) = (rest, left);
        }
        if let Some(at) = data.iter().position(|octet| *octet != 0x2F) {
            let offset =
                self.data.len().saturating_sub(data.len()).saturating_add(DATA_AT).saturating_add(at);
            return Err(ErrorKind::TrailingOctets { octets: data.len().saturating_sub(at) }.at(offset));
        }
        let records = writer.finish()?;
        Ok(Expanded { crc: crc::checksum(records), records })
    }
    /// Rebuilds the records with a format of the store; several candidates are tried, the full-frame CRC decides.
    /// The store is told which one was right.
    ///
    /// # Errors
    /// [`ErrorKind::FormatUnknown`] when the store has no candidate; else the error of the last candidate.
    pub fn expand_with<'b, S: FormatStore + ?Sized>(
        &self,
        store: &mut S,
        key: &FormatKey,
        buffer: &'b mut [u8],
    ) -> Result<Expanded<'b>, Error> {
        let mut last = ErrorKind::FormatUnknown { signature: self.signature }.at(0);
        let mut found = None;
        let candidates = (0..MAX_CANDIDATES).map_while(|n| Some((n, store.candidate(key, n)?)));
        for (n, headers) in candidates {
            match self.expand_into(headers, buffer) {
                Ok(expanded) => {
                    found = Some((n, expanded.records.len(), expanded.crc));
                    break;
                }
                Err(error) => last = error,
            }
        }
        let (n, len, crc) = found.ok_or(last)?;
        store.used(key, n);
        Ok(Expanded { records: buffer.get(..len).unwrap_or_default(), crc })
    }

    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.data.len().saturating_add(4)
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put_u16_le(self.signature);
        writer.put_u16_le(self.full_frame_crc);
        writer.put(self.data);
        Ok(writer.finish()?)
    }
}

/// Writes the body of the compact frame for a full frame's records to the front of `buffer`.
///
/// # Errors
/// Errors of the records; [`ErrorKind::NotCompactable`] for records that no published telegram has in compact
/// form: manufacturer specific data, units as text; [`ErrorKind::BufferTooSmall`].
pub fn compact_into<'b>(records: &[u8], buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    let mut list = Crcs::default();
    for record in Records::new(records) {
        let record = record?;
        let compactable = record.kind() == RecordKind::Data && record.vib().plain_text().is_none();
        if !compactable {
            return Err(ErrorKind::NotCompactable.at(record.offset()));
        }
        list.signature = list.signature.update(record.dib().octets()).update(record.vib().octets());
        list.full =
            list.full.update(record.dib().octets()).update(record.vib().octets()).update(record.data());
    }
    let mut writer = Writer::new(buffer);
    writer.put_u16_le(list.signature.finish());
    writer.put_u16_le(list.full.finish());
    for record in Records::new(records) {
        writer.put(record?.data());
    }
    Ok(writer.finish()?)
}

/// Writes the header list of a full frame's records to the front of `buffer`: what its signature covers.
///
/// # Errors
/// As [`compact_into`].
pub fn headers_into<'b>(records: &[u8], buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    let mut writer = Writer::new(buffer);
    for record in Records::new(records) {
        let record = record?;
        if record.kind() != RecordKind::Data || record.vib().plain_text().is_some() {
            return Err(ErrorKind::NotCompactable.at(record.offset()));
        }
        writer.put(record.dib().octets());
        writer.put(record.vib().octets());
    }
    Ok(writer.finish()?)
}

#[derive(Default)]
struct Crcs {
    signature: crc::Crc,
    full: crc::Crc,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::store::BoundedFormats;

    // EN 13757-3, Annex G: three records, their headers, their compact frame.
    const RECORDS: [u8; 12] = [0x02, 0x02, 0xD2, 0x04, 0x02, 0x15, 0x2E, 0x16, 0x02, 0x2A, 0x34, 0x23];
    const HEADERS: [u8; 6] = [0x02, 0x02, 0x02, 0x15, 0x02, 0x2A];
    const COMPACT: [u8; 10] = [0x31, 0x3B, 0x42, 0xA6, 0xD2, 0x04, 0x2E, 0x16, 0x34, 0x23];

    fn key() -> FormatKey {
        FormatKey { signature: 0x3B31, ..FormatKey::default() }
    }

    #[test]
    fn the_printed_example_both_ways() {
        assert_eq!(signature(&HEADERS), 0x3B31);
        let mut buffer = [0; 16];
        assert_eq!(compact_into(&RECORDS, &mut buffer).unwrap(), COMPACT);
        assert_eq!(headers_into(&RECORDS, &mut buffer).unwrap(), HEADERS);
        let frame = CompactFrame::parse(&COMPACT).unwrap();
        assert_eq!(frame.encode_into(&mut buffer).unwrap(), COMPACT);
        assert_eq!(frame.expand_into(&HEADERS, &mut buffer).unwrap().records, RECORDS);
        for size in 0..RECORDS.len() {
            let error = frame.expand_into(&HEADERS, &mut buffer[..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 12, available: size });
            assert!(headers_into(&RECORDS, &mut buffer[..size.min(5)]).is_err());
            assert!(compact_into(&RECORDS, &mut buffer[..size.min(9)]).is_err());
            assert!(frame.encode_into(&mut buffer[..size.min(9)]).is_err());
        }
        for size in 0..4 {
            assert!(CompactFrame::parse(&COMPACT[..size]).is_err());
        }
    }

    #[test]
    fn fillers_behind_the_data_are_padding() {
        let mut padded = COMPACT.to_vec();
        padded.extend_from_slice(&[0x2F; 6]);
        let frame = CompactFrame::parse(&padded).unwrap();
        assert_eq!(frame.expand_into(&HEADERS, &mut [0; 16]).unwrap().records, RECORDS);
        padded.push(0x00);
        let error = CompactFrame::parse(&padded).unwrap().expand_into(&HEADERS, &mut [0; 16]).unwrap_err();
        assert_eq!((error.kind, error.offset), (ErrorKind::TrailingOctets { octets: 1 }, 16));
    }

    #[test]
    fn an_edited_value_is_told() {
        let mut edited = COMPACT;
        edited[4] ^= 1;
        let frame = CompactFrame::parse(&edited).unwrap();
        let error = frame.expand_into(&HEADERS, &mut [0; 16]).unwrap_err();
        assert_eq!(error.kind.name(), "full_frame_crc");
        assert!(frame.expand_unchecked(&HEADERS, &mut [0; 16]).is_ok());
    }

    #[test]
    fn colliding_signatures_are_decided_by_the_crc() {
        // Two lists under one signature: the first cannot be the one.
        let mut store = BoundedFormats::<4, 32>::new();
        store.insert_unchecked(key(), &[0x02, 0x06, 0x02, 0x06, 0x02, 0x06]).unwrap();
        store.insert_unchecked(key(), &HEADERS).unwrap();
        let frame = CompactFrame::parse(&COMPACT).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(frame.expand_with(&mut store, &key(), &mut buffer).unwrap().records, RECORDS);
        let unknown = CompactFrame { signature: 0x1234, ..frame };
        let key = FormatKey { signature: 0x1234, ..key() };
        let error = unknown.expand_with(&mut store, &key, &mut buffer).unwrap_err();
        assert_eq!(error.kind, ErrorKind::FormatUnknown { signature: 0x1234 });
        let text = std::format!("{error}");
        assert!(text.contains("1234") && text.contains("34 12"), "{text}");
    }

    #[test]
    fn records_without_compact_form() {
        for records in [&[0x0F, 1, 2][..], &[0x02, 0x7C, 0x01, b'x', 1, 2]] {
            assert_eq!(compact_into(records, &mut [0; 16]).unwrap_err().kind, ErrorKind::NotCompactable);
            assert_eq!(headers_into(records, &mut [0; 16]).unwrap_err().kind, ErrorKind::NotCompactable);
        }
    }

    #[test]
    fn hostile_lists() {
        let frame = CompactFrame::parse(&COMPACT).unwrap();
        for headers in
            [&[0x82][..], &[0x02], &[0x3F], &[0x0D, 0x13, 0x0D], &[0xFF; 12], &[0x07, 0x06, 0x07, 0x06]]
        {
            assert!(frame.expand_unchecked(headers, &mut [0; 64]).is_err(), "{headers:02X?}");
        }
    }
}
