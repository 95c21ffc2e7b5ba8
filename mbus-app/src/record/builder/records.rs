//! The records of a telegram one after the other, with fillers, readout requests and manufacturer specific data.
//!
//! Invariants: nothing follows manufacturer specific data, which reach to the end; the offset of an error is the
//! octet where the record that cannot be written would begin.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use mbus_link::octets::Writer;

use super::{RecordBuilder, Unbuildable};
use crate::Error;
use crate::record::{Record, RecordKind};

/// What a telegram's payload consists of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Element<'a> {
    /// A record.
    Record(RecordBuilder<'a>),
    /// DIF 2Fh, so many times.
    Fillers(usize),
    /// DIF 7Fh: all data are asked for.
    GlobalReadout,
    /// DIF 0Fh, or 1Fh when more records follow in the next telegram, and octets to the end.
    Manufacturer {
        /// DIF 1Fh.
        more_follow: bool,
        /// The octets.
        octets: &'a [u8],
    },
}

/// The same element octet for octet.
impl<'a> From<&Record<'a>> for Element<'a> {
    fn from(record: &Record<'a>) -> Self {
        match record.kind() {
            RecordKind::Data => Self::Record(record.into()),
            RecordKind::Filler => Self::Fillers(1),
            RecordKind::GlobalReadout => Self::GlobalReadout,
            RecordKind::Manufacturer { more_follow } => {
                Self::Manufacturer { more_follow, octets: record.data() }
            }
        }
    }
}

/// The records of a telegram, to be written one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordsBuilder<'a> {
    /// In the order in which they are sent.
    pub elements: &'a [Element<'a>],
}

impl RecordsBuilder<'_> {
    /// Octets of all records.
    ///
    /// # Errors
    /// [`crate::ErrorKind::CannotBuild`]; the offset is the octet where the record would begin.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        let mut writer = Writer::new(&mut []);
        self.write(&mut writer)?;
        Ok(writer.len())
    }
    /// Writes the records to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::CannotBuild`]; [`crate::ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)?;
        Ok(writer.finish()?)
    }
    /// The records in a vector.
    ///
    /// # Errors
    /// [`crate::ErrorKind::CannotBuild`].
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()?];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        let mut elements = self.elements.iter();
        while let Some(element) = elements.next() {
            let begin = writer.len();
            let refuse = |reason: Unbuildable| reason.error().shifted(begin);
            match element {
                Element::Record(record) => record.write(writer).map_err(refuse)?,
                Element::Fillers(n) => (0..*n).for_each(|_| writer.put_u8(0x2F)),
                Element::GlobalReadout => writer.put_u8(0x7F),
                Element::Manufacturer { .. } if !elements.as_slice().is_empty() => {
                    return Err(refuse(Unbuildable::BehindManufacturer));
                }
                Element::Manufacturer { more_follow, octets } => {
                    writer.put_u8(if *more_follow { 0x1F } else { 0x0F });
                    writer.put(octets);
                }
            }
        }
        Ok(())
    }
}
