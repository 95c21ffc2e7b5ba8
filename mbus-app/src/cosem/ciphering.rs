//! `general-glo-ciphering`: the envelope of a protected APDU.
//!
//! ```text
//! DB | 08 system title (8) | length | SC | IC (4) | octets | tag (12)
//! ```
//!
//! Invariants: the APDU is opened in the buffer it came in; a tag that is there is verified before an
//! octet of the plaintext is given out, and on an error the buffer is unchanged. What was not verified is
//! marked: [`Opened::authenticated`] is false.

use mbus_link::octets::{Reader, Writer};
use oms_security::glo::{self, Cipher128, GloKeys, HEADER_LEN, Message, SecurityControl};

use super::axdr;
use super::fault::CosemFault;
use crate::{Error, ErrorKind, Layer};

/// The tag of the envelope.
pub const TAG: u8 = 0xDB;

/// What was opened.
pub use oms_security::glo::Opened;

/// The envelope, still closed.
#[derive(Debug)]
pub struct GeneralGlo<'b> {
    /// Who sent it: three letters and five octets.
    pub system_title: [u8; 8],
    /// SC to tag.
    octets: &'b mut [u8],
    /// Where `octets` begin in the APDU.
    offset: usize,
    /// Octets that the length announced and that are missing.
    missing: usize,
}

/// The names of APDUs by tag.
#[must_use]
pub const fn apdu_name(tag: u8) -> &'static str {
    match tag {
        0x0F => "data-notification",
        0x2F => "text of IEC 62056-21",
        0x60..=0x63 => "association",
        0xC0..=0xC7 => "get, set or action",
        0xC8..=0xCF => "service with global ciphering",
        0xD0..=0xD7 => "service with dedicated ciphering",
        0xDB => "general-glo-ciphering",
        0xDC => "general-ded-ciphering",
        0xDD => "general-ciphering",
        0xDF => "general-signing",
        0xE0 => "general-block-transfer",
        _ => "unknown",
    }
}

impl<'b> GeneralGlo<'b> {
    /// Reads the envelope.
    ///
    /// # Errors
    /// [`CosemFault::Apdu`] for another APDU, [`CosemFault::SystemTitle`], [`CosemFault::Length`] when
    /// the length is more than the octets that are there, [`CosemFault::Surplus`].
    pub fn parse(apdu: &'b mut [u8]) -> Result<Self, Error> {
        let envelope = Self::parse_beginning(apdu)?;
        if envelope.missing > 0 {
            let available = envelope.octets.len();
            let length = available.saturating_add(envelope.missing);
            return Err(CosemFault::Length { length, available }.at(envelope.offset));
        }
        Ok(envelope)
    }
    /// Reads the envelope of an APDU whose end may be missing; such a one can only be
    /// [looked at](Self::decrypt_unverified).
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but a length above what is there is none.
    pub fn parse_beginning(apdu: &'b mut [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(apdu);
        let tag = reader.u8()?;
        if tag != TAG {
            return Err(CosemFault::Apdu { tag, name: apdu_name(tag) }.at(0));
        }
        let title = axdr::length(&mut reader)?;
        if title != 8 {
            return Err(CosemFault::SystemTitle { length: title }.at(1));
        }
        let system_title = reader.array::<8>()?;
        let length = axdr::length(&mut reader)?;
        let (offset, available) = (reader.offset(), reader.remaining());
        if length < available {
            let octets = available.saturating_sub(length);
            return Err(CosemFault::Surplus { octets }.at(offset.saturating_add(length)));
        }
        let octets = apdu.get_mut(offset..).unwrap_or_default();
        Ok(Self { system_title, octets, offset, missing: length.saturating_sub(available) })
    }
    /// The security control octet: which protection there is.
    #[must_use]
    pub fn security_control(&self) -> Option<SecurityControl> {
        self.octets.first().map(|octet| SecurityControl(*octet))
    }
    /// The invocation counter, not verified yet.
    #[must_use]
    pub fn invocation_counter(&self) -> Option<u32> {
        self.octets.get(1..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
    }
    /// Verifies the tag, where there is one, and decrypts in place.
    ///
    /// # Errors
    /// [`ErrorKind::Security`] with what [`glo::open_in_place`] says; the buffer is unchanged then.
    pub fn open<C: Cipher128>(self, keys: GloKeys<'_>) -> Result<Opened<'b>, Error> {
        let offset = self.offset;
        glo::open_in_place::<C>(keys, self.system_title, self.octets).map_err(|error| security(error, offset))
    }
    /// Decrypts in place without looking at the tag: for a meter whose authentication key nobody knows,
    /// or an APDU whose end is missing. The result may be anything.
    ///
    /// # Errors
    /// As [`open`](Self::open), without those of the tag.
    pub fn decrypt_unverified<C: Cipher128>(self, encryption: &[u8; 16]) -> Result<Opened<'b>, Error> {
        let offset = self.offset;
        let opened = if self.missing > 0 {
            glo::decrypt_beginning_in_place::<C>(encryption, self.system_title, self.octets)
        } else {
            glo::decrypt_unverified_in_place::<C>(encryption, self.system_title, self.octets)
        };
        opened.map_err(|error| security(error, offset))
    }
}

fn security(error: oms_security::Error, offset: usize) -> Error {
    let kind = match error.kind {
        oms_security::ErrorKind::Truncated { needed, available } => {
            ErrorKind::Truncated { needed, available }
        }
        oms_security::ErrorKind::BufferTooSmall { needed, available } => {
            ErrorKind::BufferTooSmall { needed, available }
        }
        kind => ErrorKind::Security(kind),
    };
    kind.at(error.offset).shifted(offset).in_layer(Layer::Security)
}

/// Octets of the envelope around `message`.
#[must_use]
pub const fn sealed_len(message: &Message<'_>) -> usize {
    let inner = message.sealed_len();
    10usize.saturating_add(axdr::length_len(inner)).saturating_add(inner)
}

/// Writes the envelope around `message`.
///
/// # Errors
/// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::Security`] with what [`Message::seal_into`] says.
pub fn seal_into<'b, C: Cipher128>(
    message: &Message<'_>,
    keys: GloKeys<'_>,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], Error> {
    let (needed, available) = (sealed_len(message), buffer.len());
    let Some(octets) = buffer.get_mut(..needed) else {
        return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
    };
    let inner = message.sealed_len().max(HEADER_LEN);
    let header = needed.saturating_sub(inner);
    let (front, back) = octets.split_at_mut_checked(header).unwrap_or_default();
    let mut writer = Writer::new(front);
    writer.put(&[TAG, 8]);
    writer.put(&message.system_title);
    axdr::put_length(&mut writer, inner);
    writer.finish()?;
    message.seal_into::<C>(keys, back).map_err(|error| security(error, header))?;
    Ok(octets)
}
