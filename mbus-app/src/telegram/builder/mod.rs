//! A whole telegram to be sent: the mirror image of reading one.
//!
//! ```text
//! wireless   L C M A | [ELL] | [AFL] | CI TPL | body [tag]        CRCs on request
//! wired      68 L L 68 C A |   [AFL] | CI TPL | body [tag] | CS 16
//! ```
//!
//! One type, [`TelegramBuilder`], and three ways to octets:
//!
//! | | the security layers are | counters | for |
//! |---|---|---|---|
//! | [`TelegramBuilder::encode_into`] | absent, or octets that were sealed before | as given | telegrams in clear |
//! | [`TelegramBuilder::seal_into`] | made from a [`Protection`] | taken from a sender's state, none twice | everything that is sent |
//! | [`TelegramBuilder::reseal_into`] | those of the fields | as given, also twice | what was read ([`TelegramBuilder::of`]), tests |
//!
//! Invariants: everything is written into the caller's buffer and sealed in place, CRCs put in from the back; nothing
//! is allocated. What follows from the rest is computed: L, checksum, CRCs, the payload CRC of the ELL, ML and MAC of
//! the AFL, tag. A body in clear is not written behind a header that announces encryption. Layers whose layout is not
//! published (network layer, ELL V) are refused by name.

mod envelope;
mod protection;
mod sealed;

use mbus_link::wired::{self, PrimaryAddress};
use mbus_link::wireless;
use mbus_link::{Address, CField, Ell};
use oms_security::afl::{Afl, AflMessage, Mac, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::mode::{SecurityMode, Support};
use oms_security::sealed::SecurityContext;
use oms_security::{mode10, mode13};

use super::{BodyState, Link, Telegram, direction};
use crate::body::Body;
use crate::ci::CiDirection;
use crate::record::Direction;
use crate::tpl::{Header, Tpl};
use crate::{Error, ErrorKind, Layer};

use envelope::Envelope;
pub use envelope::NewFrame;
pub use protection::{CounterPlace, Padding, Protection};
pub use sealed::{Frames, SealedTelegram};

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
///
/// Profile B from a meter; it is OMS Vol. 2 Annex N, N.2.3:
///
/// ```
/// use mbus_app::body::Body;
/// use mbus_app::ci::CiField;
/// use mbus_app::telegram::builder::{Protection, TelegramBuilder};
/// use mbus_app::tpl::{Header, Tpl};
/// use mbus_link::{Address, CField, CommunicationControl, Ell};
/// use oms_security::{count::Count, profile::Profile, sender::SenderState};
/// use oms_security::key::{Aes, Key, PreparedKey};
///
/// let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
/// let key: Key = "000102030405060708090A0B0C0D0E0F".parse().unwrap();
/// let key = PreparedKey::<Aes>::new(&key);
/// // The counter continues where it stood, and what is kept is kept before anything is sent.
/// let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, 2739);
/// let _line = state.export(1, 0);
///
/// let records = [0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15, 0x02, 0xFD, 0x17, 0, 0];
/// let tpl = Tpl::short(CiField(0x7A), Header { access_number: 0x75, ..Header::default() });
/// let telegram = TelegramBuilder {
///     ell: Some(Ell { control: CommunicationControl(0x20), access_number: 0x75, ..Ell::default() }),
///     ..TelegramBuilder::wireless(CField::SND_NR, meter, tpl, Body::Records(&records))
/// };
/// let (mut buffer, mut frame) = ([0; 256], [0; 256]);
/// let sealed = telegram.seal_into(&Protection::of(Profile::B), &key, &mut state, &mut buffer)?;
/// let frame = sealed.frame_into(&mut frame)?;
/// assert_eq!(frame[13..30], *b"\x90\x0F\x00\x2C\x25\xB3\x0A\x00\x00\x21\x92\x4D\x4F\x2F\xB6\x6E\x01");
/// assert!(mbus_app::Telegram::decode_stripped(frame, &key)?.is_authenticated());
/// // The counter is used up: the same telegram cannot be sealed again.
/// let refused = telegram.seal_into(&Protection::of(Profile::B), &key, &mut state, &mut buffer).unwrap_err();
/// assert_eq!(refused.kind.name(), "not_exported");
/// # Ok::<(), mbus_app::Error>(())
/// ```
///
/// Profile A to a meter, from a gateway: the long header names the meter (Annex N, N.8.2, set the clock on by 1 min 50 s).
///
/// ```
/// # use mbus_app::body::Body;
/// # use mbus_app::ci::CiField;
/// use mbus_app::command::ClockCommand;
/// use mbus_app::date_time::Time;
/// # use mbus_app::telegram::builder::{Protection, TelegramBuilder};
/// # use mbus_app::tpl::{Header, Tpl};
/// # use mbus_link::{Address, CField, CommunicationControl, Ell};
/// # use oms_security::{count::Count, profile::Profile, sender::SenderState};
/// # use oms_security::key::{Aes, Key, PreparedKey};
/// let meter = Address::from_transport_octets([0x44, 0x22, 0x75, 0x92, 0x93, 0x44, 0x00, 0x07]);
/// let gateway = Address::from_link_octets([0x24, 0x23, 0x56, 0x34, 0x12, 0x90, 0x08, 0x31]);
/// let key = PreparedKey::<Aes>::new(&"82B0551191F51D66EFCDAB8967452301".parse::<Key>().unwrap());
/// let mut state = SenderState::new(Count { meter, to_meter: true, key_id: 0, key_version: 0 }, 0);
/// let forward = ClockCommand::Add(Time { hour: Some(0), minute: Some(1), second: Some(50) });
/// let tpl = Tpl::long(CiField(0x6C), meter, Header { access_number: 0x7D, ..Header::default() });
/// let telegram = TelegramBuilder {
///     ell: Some(Ell { control: CommunicationControl(0x84), access_number: 0x51, ..Ell::default() }),
///     ..TelegramBuilder::wireless(CField::SND_UD, gateway, tpl, Body::Clock(forward))
/// };
/// let (mut buffer, mut frame) = ([0; 256], [0; 256]);
/// let sealed = telegram.seal_into(&Protection::of(Profile::A), &key, &mut state, &mut buffer)?;
/// let frame = sealed.frame_into(&mut frame)?;
/// assert_eq!(frame[frame.len() - 4..], [0xB6, 0xA9, 0x08, 0xD7]);
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
    /// [`TelegramBuilder::seal_into`] makes all of it.
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
    /// [`TelegramBuilder::reseal_into`] when it was opened; its body is then the octets with everything that the
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
        self.plan_clear()?.on_air()
    }
    /// Octets of the telegram when it is sealed again.
    ///
    /// # Errors
    /// As [`TelegramBuilder::reseal_into`], but for buffer and sealing.
    pub fn resealed_len(&self) -> Result<usize, Error> {
        self.plan(true)?.on_air()
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
        let buffer = plan.envelope.room(plan.message_len, buffer)?;
        self.write_message(&plan, buffer)?;
        plan.envelope.close(plan.message_len, buffer)
    }
    /// Writes the telegram to the front of `buffer` and seals it with `key` as its fields say: body, MAC or tag as the
    /// header announces, and the extended link layer if its session number says so. The mirror of opening, for
    /// telegrams that were read and for tests: counter, session, number of enciphered blocks or octets are those of the
    /// fields, and the body has its check octets and fillers. **Two telegrams with one counter give their contents
    /// away**; whatever is to be sent is sealed by [`TelegramBuilder::seal_into`].
    ///
    /// # Errors
    /// As [`TelegramBuilder::encode_into`]; those of sealing ([`oms_security::sealed::seal`], [`mode13::seal`]).
    pub fn reseal_into<'b, C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let plan = self.plan(true)?;
        let buffer = plan.envelope.room(plan.message_len, buffer)?;
        self.write_message(&plan, buffer)?;
        let mut afl = plan.envelope.afl;
        if let (Some(tpl), Some(header)) = (self.tpl, self.tpl.and_then(|tpl| tpl.header)) {
            let meter = tpl.address.or(self.frame.sender()).unwrap_or_default();
            let context = context(meter, self.direction(), header, afl.map(AflMessage::from));
            let at = plan.envelope.message_at();
            let message = plan.message(buffer);
            let mac = seal_message(&context, message, plan.header_len, true, key)
                .map_err(|error| error.shifted(at))?;
            let given = self.afl.and_then(|afl| afl.mac);
            afl = afl.map(|afl| Afl { mac: mac.or(given), ..afl });
        }
        Envelope { afl, ..plan.envelope }.seal(plan.message_len, key, buffer)
    }
    /// Which way the telegram goes, by its CI, else by its C-field.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let ci = self.tpl.map_or(CiDirection::Both, |tpl| tpl.ci.row().direction);
        direction(ci, self.frame.c_field())
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
    /// The telegram that was sealed again in a vector.
    ///
    /// # Errors
    /// As [`TelegramBuilder::reseal_into`], but for the buffer.
    #[cfg(feature = "alloc")]
    pub fn reseal_to_vec<C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
    ) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.resealed_len()?];
        self.reseal_into(key, &mut octets)?;
        Ok(octets)
    }
}

/// Where everything will stand, and the layers as they will be sent.
#[derive(Clone, Copy, Debug)]
struct Plan {
    envelope: Envelope,
    /// Octets of the transport header.
    header_len: usize,
    /// Octets of header, body and tag.
    message_len: usize,
}

impl Plan {
    fn on_air(&self) -> Result<usize, Error> {
        self.envelope.on_air(self.message_len)
    }
    /// The message in the telegram.
    fn message<'b>(&self, buffer: &'b mut [u8]) -> &'b mut [u8] {
        let at = self.envelope.message_at();
        buffer.get_mut(at..at.saturating_add(self.message_len)).unwrap_or_default()
    }
}

impl TelegramBuilder<'_> {
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
        self.check_layers()?;
        let header_len = match (self.tpl, self.body) {
            // The fixed data structure stands behind a CI that has a long header otherwise.
            (Some(_), Body::FixedData(_)) => 1,
            (Some(tpl), _) => tpl.encoded_len(),
            (None, _) => 0,
        };
        let configuration =
            self.tpl.and_then(|tpl| tpl.header).map(|header| header.configuration).filter(|_| sealing);
        let tag_len =
            configuration.and_then(|configuration| configuration.tag_code()).map_or(0, mode10::tag_len);
        let message_len = header_len.saturating_add(self.body.encoded_len()?).saturating_add(tag_len);
        // Mode 10 has its tag instead.
        let is_signed =
            configuration.is_some_and(|configuration| configuration.mode() != SecurityMode::AES_CCM);
        let afl = self.afl.map(|afl| Afl {
            message_length: match afl.message_length {
                // A first fragment says how long the whole message is.
                Some(_) if !afl.more_fragments => u16::try_from(message_len).ok(),
                given => given,
            },
            mac: afl.message_control.filter(|_| is_signed).and_then(mac_room).or(afl.mac),
            ..afl
        });
        let envelope = Envelope { frame: self.frame, ell: self.ell, afl };
        Ok(Plan { envelope, header_len, message_len })
    }
    /// The layers that can be written, where they can stand.
    fn check_layers(&self) -> Result<(), Error> {
        if self.network_layer.is_some() {
            return Err(ErrorKind::NotPublished { what: "the network layer" }.at(0).in_layer(Layer::Link));
        }
        Envelope { frame: self.frame, ell: self.ell, afl: self.afl }.check()
    }

    /// Transport header and body; zeros where the tag will stand.
    fn write_message(&self, plan: &Plan, buffer: &mut [u8]) -> Result<(), Error> {
        let at = plan.envelope.message_at();
        let message = plan.message(buffer);
        message.fill(0);
        let Some(tpl) = self.tpl else {
            return match self.body {
                Body::None => Ok(()),
                Body::Octets(octets) => {
                    message.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
                    Ok(())
                }
                // A body of a kind needs the CI that announces it.
                _ => Err(Error::from_link(mbus_link::ErrorKind::NoControlInformation.at(at))),
            };
        };
        if let (Body::FixedData(_), Some(first)) = (self.body, message.first_mut()) {
            if tpl.header.is_some() || tpl.address.is_some() {
                return Err(ErrorKind::HeaderMismatch { ci: tpl.ci.0 }.at(at).in_layer(Layer::Transport));
            }
            *first = tpl.ci.0;
        } else {
            tpl.encode_into(message).map_err(|error| error.shifted(at))?;
        }
        let body = message.get_mut(plan.header_len..).unwrap_or_default();
        let body_at = at.saturating_add(plan.header_len);
        self.body.encode_into(tpl.ci, body).map_err(|error| error.shifted(body_at))?;
        Ok(())
    }
}

/// What goes into the ciphers.
fn context(meter: Address, direction: Direction, header: Header, afl: Option<AflMessage>) -> SecurityContext {
    SecurityContext {
        meter,
        access_number: header.access_number,
        direction: direction.into(),
        configuration: header.configuration,
        afl,
    }
}

/// Seals a message whose body begins at octet `body`.
fn seal_message<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    in_session: bool,
    key: &PreparedKey<C>,
) -> Result<Option<Mac>, Error> {
    let sealed = match context.configuration.mode() {
        SecurityMode::TLS => mode13::seal(context, message, body, in_session, key),
        _ => oms_security::sealed::seal(context, message, body, key),
    };
    sealed.map_err(Error::from_security)
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

/// Room for the CMAC that MCL announces.
fn mac_room(control: MessageControl) -> Option<Mac> {
    let len = if control.is_cmac() { control.mac_len()? } else { return None };
    [0; oms_security::afl::MAX_MAC].get(..len).and_then(Mac::new)
}
