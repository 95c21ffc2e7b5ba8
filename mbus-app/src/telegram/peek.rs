//! A look at a telegram without a key: for looking up keys, filtering, and spreading telegrams over machines.

use mbus_link::wired;
use mbus_link::wireless;
use mbus_link::{Address, CField, Ell, NetworkLayer};
use oms_security::afl::{self, Afl};
use oms_security::mode::SecurityMode;

use crate::ci::{CiField, HeaderKind};
use crate::tpl::Tpl;
use crate::{Error, Layer};

/// What can be known about a telegram without a key, at next to no cost: for looking up keys, filtering,
/// and spreading telegrams over machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Peek {
    /// The address of the link layer; wired frames have none.
    pub link_address: Option<Address>,
    /// The address of the long transport header.
    pub transport_address: Option<Address>,
    /// The C-field.
    pub c_field: Option<CField>,
    /// The extended link layer.
    pub ell: Option<Ell>,
    /// The CI of the transport layer, unless the extended link layer hides it.
    pub ci: Option<CiField>,
    /// The access number of the transport layer.
    pub access_number: Option<u8>,
    /// The security mode of the transport layer.
    pub mode: Option<SecurityMode>,
    /// The message counter, of the configuration or of the AFL.
    pub counter: Option<u32>,
}

impl Peek {
    /// The meter: the address of the transport layer, else that of the link layer.
    #[must_use]
    pub fn meter(&self) -> Option<Address> {
        self.transport_address.or(self.link_address)
    }
}

/// Looks at a telegram without a key: wired, or wireless with its CRCs removed. Nothing is checked but
/// what is needed to find the fields; no checksum, no CRC.
///
/// ```
/// // OMS Vol. 2 Annex N, N.2.1.
/// let octets = [0x2E, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03, 0x7A, 0x2A, 0x00, 0x20, 0x25];
/// let peek = mbus_app::telegram::peek(&octets)?;
/// assert_eq!(peek.meter().unwrap().to_string(), "ELS.12345678.33.03");
/// assert_eq!(peek.mode.unwrap().0, 5);
/// # Ok::<(), mbus_app::Error>(())
/// ```
///
/// # Errors
/// Malformed headers, with layer and octet.
pub fn peek(octets: &[u8]) -> Result<Peek, Error> {
    let mut peek = Peek {
        link_address: None,
        transport_address: None,
        c_field: None,
        ell: None,
        ci: None,
        access_number: None,
        mode: None,
        counter: None,
    };
    let (payload, at) = match octets {
        [wired::frame::START_LONG, _, _, wired::frame::START_LONG, c, _, payload @ ..] => {
            peek.c_field = Some(CField(*c));
            (payload, 6usize)
        }
        [wired::frame::START_SHORT, c, _, _, _] => {
            peek.c_field = Some(CField(*c));
            return Ok(peek);
        }
        _ => {
            let (frame, _) = wireless::Frame::parse_ignoring_length(octets).map_err(Error::from_link)?;
            (peek.c_field, peek.link_address) = (Some(frame.c_field()), Some(frame.address()));
            (frame.payload(), wireless::frame::HEADER_LEN)
        }
    };
    if payload.is_empty() {
        return Ok(peek);
    }
    if peek.link_address.is_some() && payload.first() == Some(&Ell::CI_V) {
        return Ok(peek);
    }
    let (ell, rest) = if peek.link_address.is_some() {
        Ell::parse_optional(payload)
            .map_err(|error| Error::from_link(error).shifted(at).in_layer(Layer::Ell))?
    } else {
        (None, payload)
    };
    peek.ell = ell;
    if ell.is_some_and(|ell| ell.is_encrypted()) {
        return Ok(peek);
    }
    let mut rest = rest;
    if let Some((_, next)) = NetworkLayer::parse(rest).ok().and_then(|network| network.guess_next()) {
        rest = next;
    }
    let start = octets.len();
    if rest.first() == Some(&afl::CI) {
        let offset = start.saturating_sub(rest.len());
        let (afl, message) = Afl::parse_prefix(rest, None)
            .map_err(|error| Error::from_security(error).shifted(offset).in_layer(Layer::Afl))?;
        peek.counter = afl.message_counter;
        if afl.fragment_id > 1 {
            return Ok(peek);
        }
        rest = message;
    }
    if let Some(ci) = rest.first() {
        peek.ci = Some(CiField(*ci));
        if CiField(*ci).header() != HeaderKind::NotTransport {
            let offset = start.saturating_sub(rest.len());
            let (tpl, _) = Tpl::parse_prefix(rest).map_err(|error| error.shifted(offset))?;
            peek.transport_address = tpl.address;
            peek.access_number = tpl.header.map(|header| header.access_number);
            peek.mode = tpl.header.map(|header| header.configuration.mode());
            peek.counter = tpl.header.and_then(|header| header.configuration.counter).or(peek.counter);
        }
    }
    Ok(peek)
}
