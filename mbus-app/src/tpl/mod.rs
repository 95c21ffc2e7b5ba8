//! The transport layer: CI and header, none, short or long (EN 13757-7:2018, clause 7).
//!
//! ```text
//! none   CI
//! short  CI | ACC STS CF(2) [CFE ...]
//! long   CI | ID(4) M(2) V T | ACC STS CF(2) [CFE ...]
//! ```
//!
//! Invariants: the CI alone decides which header follows, the security mode alone how long the
//! configuration is. The address of a long header is that of the meter, whichever way the telegram goes.

pub mod status;

use mbus_link::Address;
use mbus_link::octets::{Reader, Writer};
use oms_security::configuration::Configuration;

use crate::ci::{CiField, HeaderKind};
use crate::{Error, Layer};

pub use status::{PartnerStatus, Status};

/// The transport header; also its builder.
///
/// ```
/// use mbus_app::tpl::Tpl;
/// // OMS Vol. 2 Annex N, N.2.1: short header, security mode 5.
/// let (tpl, body) = Tpl::parse_prefix(&[0x7A, 0x2A, 0x00, 0x20, 0x25, 0x59])?;
/// let header = tpl.header.unwrap();
/// assert_eq!((header.access_number, header.configuration.mode().0, body), (42, 5, &[0x59][..]));
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tpl {
    /// CI.
    pub ci: CiField,
    /// The meter's address, in a long header.
    pub address: Option<Address>,
    /// The rest of a short or long header.
    pub header: Option<Header>,
}

/// What the short and the long header have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// ACC, counts the datagrams of the sender; an answer repeats that of the request.
    pub access_number: u8,
    /// STS. From a meter a [`Status`], to a meter a [`PartnerStatus`].
    pub status: u8,
    /// CF and what belongs to it.
    pub configuration: Configuration,
}

impl Tpl {
    /// A CI and no header.
    #[must_use]
    pub const fn none(ci: CiField) -> Self {
        Self { ci, address: None, header: None }
    }
    /// A CI and the short header.
    #[must_use]
    pub const fn short(ci: CiField, header: Header) -> Self {
        Self { ci, address: None, header: Some(header) }
    }
    /// A CI and the long header.
    #[must_use]
    pub const fn long(ci: CiField, meter: Address, header: Header) -> Self {
        Self { ci, address: Some(meter), header: Some(header) }
    }
    /// A CI and the header that it asks for: none, short or long.
    #[must_use]
    pub fn of(ci: CiField, meter: Address, header: Header) -> Self {
        match ci.header() {
            HeaderKind::None | HeaderKind::NotTransport => Self::none(ci),
            HeaderKind::Short => Self::short(ci, header),
            HeaderKind::Long => Self::long(ci, meter, header),
        }
    }
    /// The header at the beginning of `octets`, which start with the CI, and what is behind it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`]. A CI that opens no transport layer gives a header of one octet.
    pub fn parse_prefix(octets: &[u8]) -> Result<(Self, &[u8]), Error> {
        Self::parse(octets).map_err(|error| error.in_layer(Layer::Transport))
    }
    fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(octets);
        let ci = CiField(reader.u8()?);
        let address = match ci.header() {
            HeaderKind::None | HeaderKind::NotTransport => {
                return Ok((Self { ci, address: None, header: None }, reader.take_rest()));
            }
            HeaderKind::Short => None,
            HeaderKind::Long => Some(Address::from_transport_octets(reader.array()?)),
        };
        let [access_number, status] = reader.array()?;
        let at = reader.offset();
        let (configuration, body) = Configuration::parse_prefix(reader.take_rest())
            .map_err(|error| Error::from_security(error).shifted(at))?;
        let header = Header { access_number, status, configuration };
        Ok((Self { ci, address, header: Some(header) }, body))
    }

    /// Octets of CI and header.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let address = if self.address.is_some() { Address::LEN } else { 0 };
        let header = self.header.map_or(0, |header| header.configuration.encoded_len().saturating_add(2));
        1usize.saturating_add(address).saturating_add(header)
    }
    /// CI and header in a vector.
    ///
    /// # Errors
    /// [`crate::ErrorKind::HeaderMismatch`].
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
    /// Writes CI and header to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`]; [`crate::ErrorKind::HeaderMismatch`] when the CI asks for
    /// another header than the one given.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let given = match (self.address, self.header) {
            (None, None) => HeaderKind::None,
            (None, Some(_)) => HeaderKind::Short,
            (Some(_), _) => HeaderKind::Long,
        };
        let fits = match self.ci.header() {
            HeaderKind::None | HeaderKind::NotTransport => given == HeaderKind::None,
            kind => given == kind && self.header.is_some(),
        };
        if !fits {
            return Err(crate::ErrorKind::HeaderMismatch { ci: self.ci.0 }.at(0).in_layer(Layer::Transport));
        }
        let available = buffer.len();
        let needed = self.encoded_len();
        let mut writer = Writer::new(buffer);
        writer.put_u8(self.ci.0);
        if let Some(address) = self.address {
            writer.put(&address.to_transport_octets());
        }
        if let Some(header) = self.header {
            writer.put(&[header.access_number, header.status]);
            let mut configuration = [0; 9];
            let written =
                header.configuration.encode_into(&mut configuration).map_err(Error::from_security)?;
            writer.put(written);
        }
        writer.finish().map_err(|_| {
            crate::ErrorKind::BufferTooSmall { needed, available }.at(available).in_layer(Layer::Transport)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    // OMS Vol. 2 Annex N: N.2.1 (short, mode 5), N.2.2 (long, mode 0), N.2.3 (short, mode 7), N.2.6 (short, mode 10).
    const PRINTED: [&[u8]; 4] = [
        &[0x7A, 0x2A, 0x00, 0x20, 0x25],
        &[0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x2A, 0x00, 0x00, 0x00],
        &[0x7A, 0x75, 0x00, 0x20, 0x07, 0x10],
        &[0x7A, 0x75, 0x00, 0x11, 0x2A, 0x10, 0x01, 0xB3, 0x0A, 0x00, 0x00],
    ];

    #[test]
    fn printed_headers_both_ways() {
        for octets in PRINTED {
            let mut with_body = octets.to_vec();
            with_body.push(0x2F);
            let (tpl, body) = Tpl::parse_prefix(&with_body).unwrap();
            assert_eq!((body, tpl.encoded_len()), (&[0x2F][..], octets.len()));
            let mut buffer = [0; 16];
            assert_eq!(tpl.encode_into(&mut buffer).unwrap(), octets);
            for size in 0..octets.len() {
                let error = tpl.encode_into(&mut buffer[..size]).unwrap_err();
                assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: octets.len(), available: size });
                let error = Tpl::parse_prefix(&octets[..size]).unwrap_err();
                assert_eq!((error.kind.name(), error.layer), ("truncated", Layer::Transport));
                assert!(error.offset <= size);
            }
        }
        let (tpl, _) = Tpl::parse_prefix(PRINTED[1]).unwrap();
        assert_eq!(std::format!("{}", tpl.address.unwrap()), "ELS.12345678.33.03");
    }

    #[test]
    fn every_ci_with_every_length() {
        for ci in 0..=255u8 {
            let octets = [&[ci][..], &[0; 40]].concat();
            let needed = match CiField(ci).header() {
                HeaderKind::None | HeaderKind::NotTransport => 1,
                HeaderKind::Short => 5,
                HeaderKind::Long => 13,
            };
            for len in 0..=40 {
                let parsed = Tpl::parse_prefix(&octets[..len]);
                assert_eq!(parsed.is_ok(), len >= needed, "{ci:02X} {len}");
            }
        }
    }

    #[test]
    fn a_header_that_the_ci_does_not_have() {
        let short = Tpl { ci: CiField(0x78), address: None, header: Some(Header::default()) };
        let error = short.encode_into(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::HeaderMismatch { ci: 0x78 });
        let none = Tpl { ci: CiField(0x72), address: None, header: None };
        assert!(none.encode_into(&mut [0; 16]).is_err());
    }
}
