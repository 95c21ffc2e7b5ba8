//! General block transfer: one APDU in numbered blocks.
//!
//! ```text
//! E0 | control | number (2) | acknowledged (2) | length | data
//! ```
//!
//! Control: 80h last block, 40h streaming, low six bits the window (IEC 62056-5-3, 7.3.13). Numbers run
//! from 1, most significant octet first.

use mbus_link::octets::{Reader, Writer};

use super::axdr;
use super::fault::CosemFault;
use crate::Error;

/// The tag of a block.
pub const TAG: u8 = 0xE0;

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Block<'a> {
    /// The control octet.
    pub control: u8,
    /// The number of the block, from 1.
    pub number: u16,
    /// The number of the last block acknowledged.
    pub acknowledged: u16,
    /// A part of the APDU.
    pub data: &'a [u8],
}

impl<'a> Block<'a> {
    /// True for the last block.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.control & 0x80 != 0
    }
    /// Reads a block.
    ///
    /// # Errors
    /// [`CosemFault::Apdu`] when it is none, [`ErrorKind::Truncated`](crate::ErrorKind::Truncated), [`CosemFault::Length`],
    /// [`CosemFault::Surplus`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets);
        let tag = reader.u8()?;
        if tag != TAG {
            return Err(CosemFault::Apdu { tag, name: "not a block" }.at(0));
        }
        let control = reader.u8()?;
        let number = u16::from_be_bytes(reader.array()?);
        let acknowledged = u16::from_be_bytes(reader.array()?);
        let length = axdr::length(&mut reader)?;
        let data = reader.take(length)?;
        if !reader.is_empty() {
            return Err(CosemFault::Surplus { octets: reader.remaining() }.at(reader.offset()));
        }
        Ok(Self { control, number, acknowledged, data })
    }
    /// Octets of the block.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        6usize.saturating_add(axdr::length_len(self.data.len())).saturating_add(self.data.len())
    }
    /// Writes the block.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`](crate::ErrorKind::BufferTooSmall).
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put(&[TAG, self.control]);
        writer.put(&self.number.to_be_bytes());
        writer.put(&self.acknowledged.to_be_bytes());
        axdr::put_length(&mut writer, self.data.len());
        writer.put(self.data);
        Ok(writer.finish()?)
    }
}
