//! What stands around a message on the wire: link layer, extended link layer, AFL.
//!
//! ```text
//! wireless   L C M A | [ELL] | [AFL] | message           CRCs on request
//! wired      68 L L 68 C A |   [AFL] | message | CS 16
//! ```
//!
//! Invariants: the message stands where it will be sent before anything is put around it; nothing is written into a
//! buffer that has no room for all of it.

use mbus_link::wired::{self, PrimaryAddress};
use mbus_link::wireless;
use mbus_link::{Address, CField, Ell};
use oms_security::afl::Afl;
use oms_security::ell_cipher;
use oms_security::key::{BlockCipher128, PreparedKey};
use wmbus_phy::{FrameFormat, format_a, format_b};

use crate::{Error, ErrorKind, Layer};

/// The frame to send a telegram in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NewFrame {
    /// E5, which carries nothing.
    SingleCharacter,
    /// A wired frame: short when nothing is in it, else a control or long frame.
    Wired {
        /// What it asks for or answers.
        c_field: CField,
        /// The slave.
        address: PrimaryAddress,
    },
    /// A wireless frame.
    Wireless {
        /// What it asks for or answers.
        c_field: CField,
        /// The sender: meter, radio converter or gateway.
        address: Address,
        /// With the CRCs of a frame format, or without.
        crcs: Option<FrameFormat>,
    },
}

impl NewFrame {
    pub(super) const fn c_field(&self) -> Option<CField> {
        match self {
            Self::SingleCharacter => None,
            Self::Wired { c_field, .. } | Self::Wireless { c_field, .. } => Some(*c_field),
        }
    }
    /// The sender, where the frame names it.
    pub(super) const fn sender(&self) -> Option<Address> {
        match self {
            Self::SingleCharacter | Self::Wired { .. } => None,
            Self::Wireless { address, .. } => Some(*address),
        }
    }
    const fn header_len(&self) -> usize {
        match self {
            Self::SingleCharacter => 0,
            Self::Wired { .. } => wired::frame::HEADER_LEN,
            Self::Wireless { .. } => wireless::frame::HEADER_LEN,
        }
    }
    const fn max_payload(&self) -> usize {
        match self {
            Self::SingleCharacter => 0,
            Self::Wired { .. } => wired::frame::MAX_DATA.saturating_add(1),
            Self::Wireless { .. } => wireless::frame::MAX_PAYLOAD,
        }
    }
}

/// The layers around a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) frame: NewFrame,
    pub(super) ell: Option<Ell>,
    pub(super) afl: Option<Afl>,
}

impl Envelope {
    fn afl_at(&self) -> usize {
        self.frame.header_len().saturating_add(self.ell.map_or(0, |ell| ell.encoded_len()))
    }
    /// Where the message begins.
    pub(super) fn message_at(&self) -> usize {
        self.afl_at().saturating_add(self.afl.map_or(0, |afl| afl.encoded_len()))
    }
    /// Octets of a message that the frame has room for.
    pub(super) fn message_room(&self) -> usize {
        let around = self.message_at().saturating_sub(self.frame.header_len());
        self.frame.max_payload().saturating_sub(around)
    }
    /// The extended link layer is one of radio.
    pub(super) fn check(&self) -> Result<(), Error> {
        match (self.ell, self.frame) {
            (Some(ell), NewFrame::Wired { .. } | NewFrame::SingleCharacter) => {
                let kind = ErrorKind::LayerOutOfOrder { ci: ell.ci() };
                Err(kind.at(self.frame.header_len()).in_layer(Layer::Ell))
            }
            _ => Ok(()),
        }
    }
    /// Octets of the whole telegram with a message of `len` octets.
    pub(super) fn on_air(&self, len: usize) -> Result<usize, Error> {
        let end = self.message_at().saturating_add(len);
        let payload_len = end.saturating_sub(self.frame.header_len());
        match self.frame {
            NewFrame::SingleCharacter if payload_len == 0 => Ok(1),
            NewFrame::SingleCharacter => Err(Error::from_link(
                mbus_link::ErrorKind::PayloadTooLong { octets: payload_len, maximum: 0 }.at(1),
            )),
            NewFrame::Wired { .. } if payload_len == 0 => Ok(5),
            NewFrame::Wired { .. } => wired::frame::long_len(payload_len).map_err(Error::from_link),
            NewFrame::Wireless { c_field, address, crcs } => {
                wireless::frame::encode_header(c_field, address, payload_len).map_err(Error::from_link)?;
                match crcs {
                    None => Ok(end),
                    Some(FrameFormat::A) => Ok(format_a::encoded_len(end)),
                    Some(FrameFormat::B) if end > format_b::MAX_LEN => {
                        let kind =
                            wmbus_phy::ErrorKind::FrameTooLong { octets: end, maximum: format_b::MAX_LEN };
                        Err(Error::from_phy(kind.at(0)))
                    }
                    Some(FrameFormat::B) => Ok(format_b::encoded_len(end)),
                }
            }
        }
    }
    /// The front of the buffer that the telegram fills.
    pub(super) fn room<'b>(&self, len: usize, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let (needed, available) = (self.on_air(len)?, buffer.len());
        buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))
    }

    /// Puts everything around the message of `len` octets that stands in its place, the extended link layer in clear:
    /// its payload CRC is computed, unless the payload is said to be enciphered already.
    pub(super) fn close<'b>(&self, len: usize, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        self.write_afl(buffer)?;
        if let Some(mut ell) = self.ell {
            let end = self.message_at().saturating_add(len);
            let payload = buffer.get(self.afl_at()..end).unwrap_or_default();
            if let Some(session) = ell.session.as_mut().filter(|session| !session.number.is_encrypted()) {
                session.payload_crc = wmbus_phy::crc::checksum(payload);
            }
            self.write_ell(ell, buffer)?;
        }
        self.close_frame(len, buffer)
    }
    /// The same, the extended link layer sealed with `key` if its session number says so.
    pub(super) fn seal<'b, C: BlockCipher128>(
        &self,
        len: usize,
        key: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        self.write_afl(buffer)?;
        if let Some(ell) = self.ell {
            self.write_ell(ell, buffer)?;
            let (at, end) = (self.frame.header_len(), self.message_at().saturating_add(len));
            let octets = buffer.get_mut(at..end).unwrap_or_default();
            ell_cipher::seal_in_place(&ell, self.frame.sender().unwrap_or_default(), octets, key)
                .map_err(|error| Error::from_security(error).shifted(at).in_layer(Layer::Ell))?;
        }
        self.close_frame(len, buffer)
    }
    fn write_afl(&self, buffer: &mut [u8]) -> Result<(), Error> {
        let Some(afl) = self.afl else { return Ok(()) };
        let at = self.afl_at();
        let written = afl.encode_into(buffer.get_mut(at..self.message_at()).unwrap_or_default());
        written.map(|_| ()).map_err(|error| Error::from_security(error).shifted(at).in_layer(Layer::Afl))
    }
    fn write_ell(&self, ell: Ell, buffer: &mut [u8]) -> Result<(), Error> {
        let at = self.frame.header_len();
        let written = ell.encode_into(buffer.get_mut(at..self.afl_at()).unwrap_or_default());
        written.map(|_| ()).map_err(|error| Error::from_link(error).shifted(at).in_layer(Layer::Ell))
    }
    /// The frame around the payload.
    fn close_frame<'b>(&self, len: usize, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let end = self.message_at().saturating_add(len);
        let payload_len = end.saturating_sub(self.frame.header_len());
        match self.frame {
            NewFrame::SingleCharacter => {
                wired::Frame::SingleCharacter.encode_into(buffer).map_err(Error::from_link)
            }
            NewFrame::Wired { c_field, address } if payload_len == 0 => {
                wired::Frame::Short { c_field, address }.encode_into(buffer).map_err(Error::from_link)
            }
            NewFrame::Wired { c_field, address } => {
                wired::frame::encode_around(c_field, address, payload_len, buffer).map_err(Error::from_link)
            }
            NewFrame::Wireless { c_field, address, crcs } => {
                let header = wireless::frame::encode_header(c_field, address, payload_len)
                    .map_err(Error::from_link)?;
                buffer.iter_mut().zip(header).for_each(|(place, octet)| *place = octet);
                match crcs {
                    None => Ok(buffer),
                    Some(FrameFormat::A) => format_a::insert_in_place(buffer, end).map_err(Error::from_phy),
                    Some(FrameFormat::B) => format_b::insert_in_place(buffer, end).map_err(Error::from_phy),
                }
            }
        }
    }
}
