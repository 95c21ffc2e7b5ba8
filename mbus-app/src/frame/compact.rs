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
    /// The full-frame CRC of the rebuilt records.
    pub crc: u16,
    /// True when that is the CRC which the meter sent. [`CompactFrame::expand_into`] and [`CompactFrame::expand_with`]
    /// give no others.
    pub is_proven: bool,
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
    /// one, or the telegram was altered. Errors of headers (at offset 0, where the signature is) and of data that do not
    /// fit them; [`ErrorKind::BufferTooSmall`].
    pub fn expand_into<'b>(&self, headers: &[u8], buffer: &'b mut [u8]) -> Result<Expanded<'b>, Error> {
        let expanded = self.expand_unchecked(headers, buffer)?;
        if !expanded.is_proven {
            let kind = ErrorKind::FullFrameCrc { found: expanded.crc, expected: self.full_frame_crc };
            return Err(kind.at(2));
        }
        Ok(expanded)
    }
    /// Rebuilds the records and leaves it to the caller to mind [`Expanded::is_proven`]: for telegrams whose values
    /// somebody edited.
    ///
    /// # Errors
    /// As [`CompactFrame::expand_into`], but for the CRC.
    pub fn expand_unchecked<'b>(&self, headers: &[u8], buffer: &'b mut [u8]) -> Result<Expanded<'b>, Error> {
        let mut writer = Writer::new(buffer);
        let (mut headers_left, mut data) = (headers, self.data);
        let mut manufacturer_at = None;
        while let [dif, after @ ..] = headers_left {
            match (dif, after) {
                // A list that counts a filler of its full frame means that one, of which no data are sent.
                (0x2F, after) => {
                    writer.put_u8(*dif);
                    headers_left = after;
                }
                (0x0F | 0x1F, []) => {
                    writer.put_u8(*dif);
                    manufacturer_at = Some(writer.len());
                    writer.put(data);
                    (headers_left, data) = (&[], &[]);
                }
                _ => {
                    // A list that cannot be read is no fault of any octet of the telegram but the signature.
                    let (header, rest) = Header::parse_prefix(headers_left, &RecordOptions::default())
                        .map_err(|error| Error { offset: 0, ..error })?;
                    let at = self.offset_of(data);
                    let (record, left) = header.take_data(data).map_err(|error| error.shifted(at))?;
                    writer.put(header.dib().octets());
                    writer.put(header.vib().octets());
                    writer.put(record.data());
                    (headers_left, data) = (rest, left);
                }
            }
        }
        if let Some(at) = data.iter().position(|octet| *octet != 0x2F) {
            let octets = data.len().saturating_sub(at);
            return Err(ErrorKind::TrailingOctets { octets }.at(self.offset_of(data).saturating_add(at)));
        }
        let records = &*writer.finish()?;
        let (records, crc) = match manufacturer_at {
            Some(at) => self.without_padding(records, at),
            None => (records, crc::checksum(records)),
        };
        Ok(Expanded { records, crc, is_proven: crc == self.full_frame_crc })
    }
    /// Where data that are left begin, counted from the body's first octet.
    const fn offset_of(&self, data: &[u8]) -> usize {
        const DATA_AT: usize = 4;
        self.data.len().saturating_sub(data.len()).saturating_add(DATA_AT)
    }
    /// Manufacturer specific data reach to the end, and the fillers of an enciphered body look like a part of them:
    /// the full-frame CRC tells how many are.
    fn without_padding<'b>(&self, records: &'b [u8], manufacturer_at: usize) -> (&'b [u8], u16) {
        let last = records.iter().rposition(|octet| *octet != 0x2F).map_or(0, |last| last.saturating_add(1));
        let (content, fillers) =
            records.split_at_checked(last.max(manufacturer_at)).unwrap_or((records, &[]));
        let mut crc = crc::Crc::default().update(content);
        let mut len = content.len();
        for filler in fillers.chunks(1) {
            if crc.finish() == self.full_frame_crc {
                break;
            }
            crc = crc.update(filler);
            len = len.saturating_add(filler.len());
        }
        (records.get(..len).unwrap_or_default(), crc.finish())
    }
    /// Rebuilds the records with a format of the store; several candidates are tried, the full-frame CRC decides.
    /// The store is told which one was right.
    ///
    /// # Errors
    /// [`ErrorKind::FormatUnknown`] when the store has no candidate; [`ErrorKind::BufferTooSmall`] when one would
    /// have needed more room; [`ErrorKind::FullFrameCrc`] when the data of one were all there; else the error of the
    /// first candidate.
    pub fn expand_with<'b, S: FormatStore + ?Sized>(
        &self,
        store: &mut S,
        key: &FormatKey,
        buffer: &'b mut [u8],
    ) -> Result<Expanded<'b>, Error> {
        let mut told: Option<Error> = None;
        for n in 0..MAX_CANDIDATES {
            let Some(headers) = store.candidate(key, n) else { break };
            match self.expand_into(headers, buffer) {
                Ok(Expanded { records, crc, is_proven }) => {
                    let len = records.len();
                    store.used(key, n);
                    let records = buffer.get(..len).unwrap_or_default();
                    return Ok(Expanded { records, crc, is_proven });
                }
                Err(error) if told.is_none_or(|told| weight(error.kind) > weight(told.kind)) => {
                    told = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(told.unwrap_or(ErrorKind::FormatUnknown { signature: self.signature }.at(0)))
    }
    /// The same for telegrams whose values somebody edited, as published ones are: where no candidate meets the
    /// full-frame CRC, the first one whose data are all there is taken, and [`Expanded::is_proven`] is false.
    ///
    /// # Errors
    /// As [`CompactFrame::expand_with`], but for the CRC.
    pub fn expand_unproven_with<'b, S: FormatStore + ?Sized>(
        &self,
        store: &mut S,
        key: &FormatKey,
        buffer: &'b mut [u8],
    ) -> Result<Expanded<'b>, Error> {
        let told = match self.expand_with(store, key, buffer) {
            Ok(Expanded { records, crc, is_proven }) => {
                let len = records.len();
                return Ok(Expanded { records: buffer.get(..len).unwrap_or_default(), crc, is_proven });
            }
            Err(error) => error,
        };
        for n in 0..MAX_CANDIDATES {
            let Some(headers) = store.candidate(key, n) else { break };
            if let Ok(Expanded { records, crc, is_proven }) = self.expand_unchecked(headers, buffer) {
                let len = records.len();
                return Ok(Expanded { records: buffer.get(..len).unwrap_or_default(), crc, is_proven });
            }
        }
        Err(told)
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
/// Whether the DIF of manufacturer specific data (0Fh, 1Fh) and the text of a text unit count is not published for
/// sure; they are taken in, as the standard's words have it. A wrong guess does no harm: the signature will not be met,
/// or else the full-frame CRC decides.
///
/// # Errors
/// Errors of the records; [`ErrorKind::BufferTooSmall`].
pub fn headers_into<'b>(records: &[u8], buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    let mut writer = Writer::new(buffer);
    for record in Records::new(records) {
        let record = record?;
        match record.kind() {
            RecordKind::Filler | RecordKind::GlobalReadout => {
                return Err(ErrorKind::NotCompactable.at(record.offset()));
            }
            RecordKind::Data | RecordKind::Manufacturer { .. } => {
                writer.put(record.dib().octets());
                writer.put(record.vib().octets());
            }
        }
    }
    Ok(writer.finish()?)
}

/// Which of two errors tells the caller more about what to do.
const fn weight(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::BufferTooSmall { .. } => 2,
        ErrorKind::FullFrameCrc { .. } => 1,
        _ => 0,
    }
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
        }
        type Build<'a> = &'a dyn Fn(&mut [u8]) -> Result<usize, Error>;
        let builders: [(usize, Build<'_>); 3] = [
            (6, &|buffer| headers_into(&RECORDS, buffer).map(|octets| octets.len())),
            (10, &|buffer| compact_into(&RECORDS, buffer).map(|octets| octets.len())),
            (10, &|buffer| frame.encode_into(buffer).map(|octets| octets.len())),
        ];
        for (needed, build) in builders {
            for size in 0..needed {
                let error = build(&mut [0; 10][..size]).unwrap_err();
                assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
            }
            assert_eq!(build(&mut [0; 10][..needed]), Ok(needed));
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
        }
        assert_eq!(headers_into(&[0x7F], &mut [0; 16]).unwrap_err().kind, ErrorKind::NotCompactable);
    }

    /// A compact frame of a list that `compact_into` does not write, made from the records.
    fn compacted(headers: &[u8], records: &[u8], data: &[u8]) -> std::vec::Vec<u8> {
        let frame =
            CompactFrame { signature: signature(headers), full_frame_crc: crc::checksum(records), data };
        frame.encode_into(&mut [0; 64]).unwrap().to_vec()
    }

    #[test]
    fn manufacturer_data_and_the_padding_behind_them() {
        for (content, padding) in
            [(&[1u8, 2][..], 0), (&[1, 0x2F, 2], 9), (&[], 3), (&[0x2F, 0x2F], 4), (&[0x2F], 0)]
        {
            for dif in [0x0F, 0x1F] {
                let headers = [0x01, 0x13, dif];
                let records = [&[0x01, 0x13, 0x05, dif], content].concat();
                let padded = [&[0x05], content, &[0x2F; 9][..padding]].concat();
                let body = compacted(&headers, &records, &padded);
                let mut buffer = [0; 32];
                assert_eq!(headers_into(&records, &mut buffer).unwrap(), headers);
                let expanded =
                    CompactFrame::parse(&body).unwrap().expand_into(&headers, &mut buffer).unwrap();
                assert_eq!(expanded.records, records, "{padding}");
            }
        }
        // An altered octet is found, with and without padding.
        let body = compacted(&[0x0F], &[0x0F, 1, 2], &[1, 3, 0x2F, 0x2F]);
        let error = CompactFrame::parse(&body).unwrap().expand_into(&[0x0F], &mut [0; 32]).unwrap_err();
        assert_eq!(error.kind.name(), "full_frame_crc");
        let more =
            CompactFrame::parse(&body).unwrap().expand_into(&[0x0F, 0x01, 0x13], &mut [0; 32]).unwrap_err();
        assert_eq!(more.kind, ErrorKind::ReservedDif { dif: 0x0F }, "nothing can follow them");
    }

    #[test]
    fn fillers_and_text_units_in_a_list() {
        let (headers, records) = ([0x01, 0x13, 0x2F, 0x01, 0x13], [0x01, 0x13, 0x05, 0x2F, 0x01, 0x13, 0x06]);
        let body = compacted(&headers, &records, &[0x05, 0x06, 0x2F]);
        let frame = CompactFrame::parse(&body).unwrap();
        assert_eq!(frame.expand_into(&headers, &mut [0; 16]).unwrap().records, records);
        let records = [0x01, 0x7C, 0x02, b'b', b'a', 0x05];
        let mut buffer = [0; 16];
        let headers = headers_into(&records, &mut buffer).unwrap();
        let body = compacted(headers, &records, &[0x05]);
        let frame = CompactFrame::parse(&body).unwrap();
        assert_eq!(frame.expand_into(headers, &mut [0; 16]).unwrap().records, records);
    }

    #[test]
    fn of_several_errors_the_helpful_one_is_told() {
        // The right list wants 12 octets, the wrong ones do not fit the data.
        let frame = CompactFrame::parse(&COMPACT).unwrap();
        let wrong: [&[u8]; 3] = [&[0x02, 0x06, 0x02, 0x06, 0x02, 0x06], &[0x01, 0x13], &[0x07, 0x13]];
        for at in 0..=wrong.len() {
            let mut lists = wrong.to_vec();
            lists.insert(at, &HEADERS);
            let mut store = BoundedFormats::<4, 8>::new();
            lists.iter().for_each(|list| store.insert_unchecked(key(), list).unwrap());
            for size in 0..12 {
                let error = frame.expand_with(&mut store, &key(), &mut [0; 12][..size]).unwrap_err();
                assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 12, available: size });
            }
            assert!(frame.expand_with(&mut store, &key(), &mut [0; 12]).unwrap().is_proven);
        }
        let mut store = BoundedFormats::<4, 8>::new();
        wrong.iter().for_each(|list| store.insert_unchecked(key(), list).unwrap());
        let error = frame.expand_with(&mut store, &key(), &mut [0; 12]).unwrap_err();
        assert_eq!(error.kind.name(), "full_frame_crc");
    }

    #[test]
    fn an_edited_telegram_is_shown_on_demand() {
        let mut edited = COMPACT;
        edited[4] ^= 1;
        let frame = CompactFrame::parse(&edited).unwrap();
        let mut store = BoundedFormats::<4, 8>::new();
        let mut buffer = [0; 16];
        let error = frame.expand_unproven_with(&mut store, &key(), &mut buffer).unwrap_err();
        assert_eq!(error.kind.name(), "format_unknown");
        store.insert_unchecked(key(), &HEADERS).unwrap();
        store.insert_unchecked(key(), &[0x01, 0x13]).unwrap();
        let shown = frame.expand_unproven_with(&mut store, &key(), &mut buffer).unwrap();
        assert_eq!((shown.records[2], shown.is_proven), (0xD3, false));
        let proven = CompactFrame::parse(&COMPACT).unwrap();
        let shown = proven.expand_unproven_with(&mut store, &key(), &mut buffer).unwrap();
        assert_eq!((shown.records, shown.is_proven), (&RECORDS[..], true));
        for size in 0..12 {
            let error = frame.expand_unproven_with(&mut store, &key(), &mut buffer[..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 12, available: size });
        }
    }

    #[test]
    fn hostile_lists() {
        let frame = CompactFrame::parse(&COMPACT).unwrap();
        for headers in
            [&[0x82][..], &[0x02], &[0x3F], &[0x0D, 0x13, 0x0D], &[0xFF; 12], &[0x07, 0x06, 0x07, 0x06]]
        {
            let error = frame.expand_unchecked(headers, &mut [0; 64]).unwrap_err();
            assert!(error.offset <= COMPACT.len(), "{headers:02X?}");
        }
    }
}
