//! A whole telegram to be sent: the mirror image of reading one.
//!
//! ```text
//! wireless   L C M A | [ELL] | [AFL] | CI TPL | body [tag]        CRCs on request
//! wired      68 L L 68 C A |   [AFL] | CI TPL | body [tag] | CS 16
//! ```
//!
//! Invariants: everything is written once into the caller's buffer, sealed in place, its CRCs put in from the back;
//! nothing is allocated. What follows from the rest is computed: L, checksum, CRCs, the payload CRC of the ELL, ML
//! and MAC of the AFL, the number of enciphered blocks or octets, tag. A body in clear is not written behind a header
//! that announces encryption. Layers whose layout is not published (network layer, ELL V) are refused by name.

use mbus_link::ell::EllSession;
use mbus_link::wired::{self, PrimaryAddress};
use mbus_link::wireless;
use mbus_link::{Address, CField, Ell};
use oms_security::afl::{Afl, AflMessage, Mac};
use oms_security::configuration::Configuration;
use oms_security::ell_cipher;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::mode::{SecurityMode, Support};
use oms_security::mode10;
use oms_security::sealed::{self, SecurityContext};
use wmbus_phy::{FrameFormat, format_a, format_b};

use super::{BodyState, Link, Telegram, direction};
use crate::body::Body;
use crate::record::Direction;
use crate::tpl::Tpl;
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
        /// The sender.
        address: Address,
        /// With the CRCs of a frame format, or without.
        crcs: Option<FrameFormat>,
    },
}

/// A telegram to be sent.
///
/// ```
/// use mbus_app::body::Body;
/// use mbus_app::ci::CiField;
/// use mbus_app::command::{Switch, SwitchState};
/// use mbus_app::record::builder::Element;
/// use mbus_app::telegram::builder::TelegramBuilder;
/// use mbus_app::tpl::Tpl;
/// use mbus_link::{CField, wired::PrimaryAddress};
/// // Close the valve of slave 5.
/// let close = Switch { state: SwitchState::CLOSED, ..Switch::default() };
/// let records = [Element::Record(close.record())];
/// let command = TelegramBuilder::wired(CField::SND_UD, PrimaryAddress(5), Tpl::none(CiField(0x51)), Body::Elements(&records));
/// let mut buffer = [0; 16];
/// let octets = command.encode_into(&mut buffer)?;
/// assert_eq!(octets, [0x68, 7, 7, 0x68, 0x53, 5, 0x51, 0x01, 0xFD, 0x1F, 0x00, 0xC6, 0x16]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TelegramBuilder<'a> {
    /// The frame.
    pub frame: NewFrame,
    /// The extended link layer (wireless). Its payload CRC is computed.
    pub ell: Option<Ell>,
    /// Octets of the network layer. They are here because reading finds them; they are not written.
    pub network_layer: Option<&'a [u8]>,
    /// The authentication and fragmentation layer. ML is computed where there is one; MAC where the body is sealed.
    pub afl: Option<Afl>,
    /// CI and transport header. `None` in a frame without CI and in fragments behind the first.
    pub tpl: Option<Tpl>,
    /// What stands behind the header.
    pub body: Body<'a>,
}

impl<'a> TelegramBuilder<'a> {
    /// A telegram without extended link layer and AFL.
    #[must_use]
    pub const fn new(frame: NewFrame, tpl: Tpl, body: Body<'a>) -> Self {
        Self { frame, ell: None, network_layer: None, afl: None, tpl: Some(tpl), body }
    }
    /// A telegram of the wired bus.
    #[must_use]
    pub const fn wired(c_field: CField, address: PrimaryAddress, tpl: Tpl, body: Body<'a>) -> Self {
        Self::new(NewFrame::Wired { c_field, address }, tpl, body)
    }
    /// A telegram by radio, without CRCs.
    #[must_use]
    pub const fn wireless(c_field: CField, sender: Address, tpl: Tpl, body: Body<'a>) -> Self {
        Self::new(NewFrame::Wireless { c_field, address: sender, crcs: None }, tpl, body)
    }
    /// A telegram that was read, to be built again: with [`TelegramBuilder::encode_into`] when it came in clear, with
    /// [`TelegramBuilder::seal_into`] when it was opened; its body is then the octets with everything that the
    /// security mode put around them but the tag. `None` when it was not read to its end, unless it is a fragment.
    /// Wireless ones are built without CRCs.
    ///
    /// The octets are the same when the sender wrote them in canonical form: reserved bits 0, nothing behind a body of
    /// fixed length.
    #[must_use]
    pub fn of(telegram: &Telegram<'a>) -> Option<Self> {
        let link = telegram.link()?;
        let frame = match link {
            Link::Wired(frame) => match (frame.c_field(), frame.address()) {
                (Some(c_field), Some(address)) => NewFrame::Wired { c_field, address },
                _ => NewFrame::SingleCharacter,
            },
            Link::Wireless(frame) => {
                NewFrame::Wireless { c_field: frame.c_field(), address: frame.address(), crcs: None }
            }
        };
        let body = match (telegram.state(), telegram.tpl()) {
            (BodyState::Closed, Some(_)) => return None,
            // A fragment, a header that was not read, or a frame without CI.
            (_, None) if !telegram.fragment().is_empty() => Body::Octets(telegram.fragment()),
            (_, None) if has_unread(telegram, link) => return None,
            (_, None) => Body::None,
            (BodyState::Opened(_) | BodyState::HandedOn(_), Some(tpl)) => {
                Body::Octets(whole(telegram, link, tpl))
            }
            _ => Body::of(telegram).unwrap_or(Body::Octets(telegram.body())),
        };
        Some(Self {
            frame,
            ell: telegram.ell(),
            network_layer: telegram.network_layer(),
            afl: telegram.afl(),
            tpl: telegram.tpl(),
            body,
        })
    }

    /// Octets of the telegram in clear.
    ///
    /// # Errors
    /// As [`TelegramBuilder::encode_into`], but for the buffer.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        self.plan_clear()?.on_air(self.frame)
    }
    /// Octets of the telegram when it is sealed.
    ///
    /// # Errors
    /// As [`TelegramBuilder::seal_into`], but for buffer and sealing.
    pub fn sealed_len(&self) -> Result<usize, Error> {
        self.plan(true)?.on_air(self.frame)
    }
    /// Writes the telegram in clear to the front of `buffer`. [`Body::Octets`] is written as it is, whatever the
    /// header announces.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], with the octets that the whole telegram needs; [`ErrorKind::NotSealed`];
    /// [`ErrorKind::HeaderMismatch`], [`ErrorKind::BodyMismatch`]; those of the body ([`Body::encode_into`]); those of
    /// the link layer, when the telegram is longer than a frame or has no CI; [`ErrorKind::NotPublished`] for a network
    /// layer; [`ErrorKind::LayerOutOfOrder`] for an extended link layer on the wired bus.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let plan = self.plan_clear()?;
        let buffer = plan.room(self.frame, buffer)?;
        self.write_message(&plan, buffer)?;
        self.write_afl(&plan, self.afl, buffer)?;
        if let Some(ell) = self.ell {
            let payload = buffer.get(plan.afl_at..plan.end).unwrap_or_default();
            let payload_crc = wmbus_phy::crc::checksum(payload);
            let session = ell.session.map(|session| EllSession {
                payload_crc: if session.number.is_encrypted() { session.payload_crc } else { payload_crc },
                ..session
            });
            write_ell(&plan, Ell { session, ..ell }, buffer)?;
        }
        self.close(&plan, buffer)
    }
    /// Writes the telegram to the front of `buffer` and seals it with `key`: body, MAC or tag as the header says, and
    /// the extended link layer if its session number says so. The mirror of opening, for simulators and for telegrams
    /// that were read: counter, session, number of enciphered blocks or octets are those of the header, and the
    /// body has its check octets and fillers. To send with counters that are never used twice, and all that made
    /// for you, see [`crate::secured_telegram`].
    ///
    /// # Errors
    /// As [`TelegramBuilder::encode_into`]; those of sealing ([`sealed::seal`]).
    pub fn seal_into<'b, C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let plan = self.plan(true)?;
        let buffer = plan.room(self.frame, buffer)?;
        self.write_message(&plan, buffer)?;
        let mut afl = plan.afl;
        if let (Some(tpl), Some(header)) = (plan.tpl, plan.tpl.and_then(|tpl| tpl.header)) {
            let context = SecurityContext {
                meter: tpl.address.or(self.sender()).unwrap_or_default(),
                access_number: header.access_number,
                direction: self.direction(tpl),
                configuration: header.configuration,
                afl: afl.map(AflMessage::from),
            };
            let message = buffer.get_mut(plan.tpl_at..plan.end).unwrap_or_default();
            let body = plan.body_at.saturating_sub(plan.tpl_at);
            let mac = sealed::seal(&context, message, body, key)
                .map_err(|error| Error::from_security(error).shifted(plan.tpl_at))?;
            afl = afl.map(|afl| Afl { mac: mac.or(afl.mac), ..afl });
        }
        self.write_afl(&plan, afl, buffer)?;
        if let Some(ell) = self.ell {
            write_ell(&plan, ell, buffer)?;
            let octets = buffer.get_mut(plan.ell_at..plan.end).unwrap_or_default();
            ell_cipher::seal_in_place(&ell, self.sender().unwrap_or_default(), octets, key)
                .map_err(|error| Error::from_security(error).shifted(plan.ell_at).in_layer(Layer::Ell))?;
        }
        self.close(&plan, buffer)
    }
    /// The telegram in clear in a vector.
    ///
    /// # Errors
    /// As [`TelegramBuilder::encode_into`], but for the buffer.
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()?];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
    /// The sealed telegram in a vector.
    ///
    /// # Errors
    /// As [`TelegramBuilder::seal_into`], but for the buffer.
    #[cfg(feature = "alloc")]
    pub fn seal_to_vec<C: BlockCipher128>(&self, key: &PreparedKey<C>) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.sealed_len()?];
        self.seal_into(key, &mut octets)?;
        Ok(octets)
    }
}

/// Where everything will stand, and the headers as they will be sent.
#[derive(Clone, Copy, Debug)]
struct Plan {
    ell_at: usize,
    afl_at: usize,
    tpl_at: usize,
    body_at: usize,
    /// Where the payload ends, tag included.
    end: usize,
    afl: Option<Afl>,
    tpl: Option<Tpl>,
}

impl Plan {
    /// Octets of the whole telegram.
    fn on_air(&self, frame: NewFrame) -> Result<usize, Error> {
        let payload_len = self.end.saturating_sub(self.ell_at);
        match frame {
            NewFrame::SingleCharacter if payload_len == 0 => Ok(1),
            NewFrame::SingleCharacter => Err(Error::from_link(
                mbus_link::ErrorKind::PayloadTooLong { octets: payload_len, maximum: 0 }.at(1),
            )),
            NewFrame::Wired { .. } if payload_len == 0 => Ok(5),
            NewFrame::Wired { .. } => wired::frame::long_len(payload_len).map_err(Error::from_link),
            NewFrame::Wireless { c_field, address, crcs } => {
                wireless::frame::encode_header(c_field, address, payload_len).map_err(Error::from_link)?;
                match crcs {
                    None => Ok(self.end),
                    Some(FrameFormat::A) => Ok(format_a::encoded_len(self.end)),
                    Some(FrameFormat::B) if self.end > format_b::MAX_LEN => {
                        let kind = wmbus_phy::ErrorKind::FrameTooLong {
                            octets: self.end,
                            maximum: format_b::MAX_LEN,
                        };
                        Err(Error::from_phy(kind.at(0)))
                    }
                    Some(FrameFormat::B) => Ok(format_b::encoded_len(self.end)),
                }
            }
        }
    }
    /// The front of the buffer that the telegram fills.
    fn room<'b>(&self, frame: NewFrame, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let (needed, available) = (self.on_air(frame)?, buffer.len());
        buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))
    }
}

impl TelegramBuilder<'_> {
    fn sender(&self) -> Option<Address> {
        match self.frame {
            NewFrame::Wireless { address, .. } => Some(address),
            _ => None,
        }
    }
    fn direction(&self, tpl: Tpl) -> sealed::Direction {
        let c_field = match self.frame {
            NewFrame::Wired { c_field, .. } | NewFrame::Wireless { c_field, .. } => Some(c_field),
            NewFrame::SingleCharacter => None,
        };
        match direction(tpl.ci.row().direction, c_field) {
            Direction::FromDevice => sealed::Direction::FromMeter,
            Direction::ToDevice => sealed::Direction::ToMeter,
        }
    }
    /// The plan for a telegram in clear, which must announce nothing else.
    fn plan_clear(&self) -> Result<Plan, Error> {
        let is_enciphered = self.ell.is_some_and(|ell| ell.is_encrypted())
            || self.tpl.and_then(|tpl| tpl.header).is_some_and(|header| announces(&header.configuration));
        if is_enciphered && !matches!(self.body, Body::Octets(_)) {
            return Err(ErrorKind::NotSealed.at(0));
        }
        self.plan(false)
    }
    fn plan(&self, sealing: bool) -> Result<Plan, Error> {
        if self.network_layer.is_some() {
            return Err(ErrorKind::NotPublished { what: "the network layer" }.at(0).in_layer(Layer::Link));
        }
        let ell_at = match self.frame {
            NewFrame::SingleCharacter => 0,
            NewFrame::Wired { .. } => wired::frame::HEADER_LEN,
            NewFrame::Wireless { .. } => wireless::frame::HEADER_LEN,
        };
        if let (Some(ell), NewFrame::Wired { .. } | NewFrame::SingleCharacter) = (self.ell, self.frame) {
            return Err(ErrorKind::LayerOutOfOrder { ci: ell.ci() }.at(ell_at).in_layer(Layer::Ell));
        }
        let afl_at = ell_at.saturating_add(self.ell.map_or(0, |ell| ell.encoded_len()));
        let tpl_len = match (self.tpl, self.body) {
            // The fixed data structure stands behind a CI that has a long header otherwise.
            (Some(_), Body::FixedData(_)) => 1,
            (Some(tpl), _) => tpl.encoded_len(),
            (None, _) => 0,
        };
        let configuration =
            self.tpl.and_then(|tpl| tpl.header).map(|header| header.configuration).filter(|_| sealing);
        let tag_len =
            configuration.and_then(|configuration| configuration.tag_code()).map_or(0, mode10::tag_len);
        let message_len = tpl_len.saturating_add(self.body.encoded_len()?).saturating_add(tag_len);
        let has_mac =
            configuration.is_some_and(|configuration| configuration.mode() == SecurityMode::AES_CBC_KDF);
        let afl = self.afl.map(|afl| Afl {
            message_length: match afl.message_length {
                // A first fragment says how long the whole message is.
                Some(_) if !afl.more_fragments => u16::try_from(message_len).ok(),
                given => given,
            },
            mac: if has_mac { mac_room(&afl).or(afl.mac) } else { afl.mac },
            ..afl
        });
        let tpl_at = afl_at.saturating_add(afl.map_or(0, |afl| afl.encoded_len()));
        Ok(Plan {
            ell_at,
            afl_at,
            tpl_at,
            body_at: tpl_at.saturating_add(tpl_len),
            end: tpl_at.saturating_add(message_len),
            afl,
            tpl: self.tpl,
        })
    }

    /// Transport header and body; zeros where the tag will stand.
    fn write_message(&self, plan: &Plan, buffer: &mut [u8]) -> Result<(), Error> {
        let message = buffer.get_mut(plan.tpl_at..plan.end).unwrap_or_default();
        message.fill(0);
        let Some(tpl) = plan.tpl else {
            return match self.body {
                Body::None => Ok(()),
                Body::Octets(octets) => {
                    message.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
                    Ok(())
                }
                // A body of a kind needs the CI that announces it.
                _ => Err(Error::from_link(mbus_link::ErrorKind::NoControlInformation.at(plan.tpl_at))),
            };
        };
        if let (Body::FixedData(_), Some(first)) = (self.body, message.first_mut()) {
            if tpl.header.is_some() || tpl.address.is_some() {
                return Err(ErrorKind::HeaderMismatch { ci: tpl.ci.0 }
                    .at(plan.tpl_at)
                    .in_layer(Layer::Transport));
            }
            *first = tpl.ci.0;
        } else {
            tpl.encode_into(message).map_err(|error| error.shifted(plan.tpl_at))?;
        }
        let body = buffer.get_mut(plan.body_at..plan.end).unwrap_or_default();
        self.body.encode_into(tpl.ci, body).map_err(|error| error.shifted(plan.body_at))?;
        Ok(())
    }
    fn write_afl(&self, plan: &Plan, afl: Option<Afl>, buffer: &mut [u8]) -> Result<(), Error> {
        let Some(afl) = afl else { return Ok(()) };
        let afl = Afl { message_length: plan.afl.and_then(|planned| planned.message_length), ..afl };
        let place = buffer.get_mut(plan.afl_at..plan.tpl_at).unwrap_or_default();
        let written = afl.encode_into(place);
        written
            .map(|_| ())
            .map_err(|error| Error::from_security(error).shifted(plan.afl_at).in_layer(Layer::Afl))
    }
    /// The frame around the payload.
    fn close<'b>(&self, plan: &Plan, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let payload_len = plan.end.saturating_sub(plan.ell_at);
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
                    Some(FrameFormat::A) => {
                        format_a::insert_in_place(buffer, plan.end).map_err(Error::from_phy)
                    }
                    Some(FrameFormat::B) => {
                        format_b::insert_in_place(buffer, plan.end).map_err(Error::from_phy)
                    }
                }
            }
        }
    }
}

fn write_ell(plan: &Plan, ell: Ell, buffer: &mut [u8]) -> Result<(), Error> {
    let place = buffer.get_mut(plan.ell_at..plan.afl_at).unwrap_or_default();
    let written = ell.encode_into(place);
    written.map(|_| ()).map_err(|error| Error::from_link(error).shifted(plan.ell_at).in_layer(Layer::Ell))
}

/// True when a body in clear must not stand behind this configuration.
fn announces(configuration: &Configuration) -> bool {
    let mode = configuration.mode();
    let is_sealed = matches!(mode.row().support, Support::Full | Support::Experimental | Support::Legacy);
    // Mode 10 with nothing enciphered has a tag all the same.
    let says_none = configuration.encrypted_blocks() == Some(0)
        || (mode != SecurityMode::AES_CCM && configuration.encrypted_octets() == Some(0));
    mode != SecurityMode::NONE && is_sealed && !says_none
}

/// What stands behind the link layer, and where.
const fn payload<'a>(link: Link<'a>) -> (&'a [u8], usize) {
    match link {
        Link::Wired(frame) => (frame.payload(), wired::frame::HEADER_LEN),
        Link::Wireless(frame) => (frame.payload(), wireless::frame::HEADER_LEN),
    }
}

/// True when a telegram without transport header has octets where one would stand.
fn has_unread(telegram: &Telegram<'_>, link: Link<'_>) -> bool {
    let (payload, at) = payload(link);
    !payload.is_empty() && telegram.tpl_offset() < at.saturating_add(payload.len())
}

/// The body of a telegram that was opened, with padding and without tag.
fn whole<'a>(telegram: &Telegram<'a>, link: Link<'a>, tpl: Tpl) -> &'a [u8] {
    let (payload, at) = payload(link);
    let body = payload.get(telegram.body_offset().saturating_sub(at)..).unwrap_or_default();
    let tag_len = tpl.header.and_then(|header| header.configuration.tag_code()).map_or(0, mode10::tag_len);
    body.get(..body.len().saturating_sub(tag_len)).unwrap_or_default()
}

/// Room for the MAC that MCL announces.
fn mac_room(afl: &Afl) -> Option<Mac> {
    let len = afl.message_control.and_then(|control| control.mac_len())?;
    [0; oms_security::afl::MAX_MAC].get(..len).and_then(Mac::new)
}
