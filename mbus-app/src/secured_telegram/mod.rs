//! Whole secured telegrams to be sent: from plain fields and records to the frame on the line.
//!
//! ```text
//! SecuredTelegram --seal_into--> SealedTelegram --frame_into / frames--> L C M A | [ELL] | [AFL] | TPL | body | CRCs
//! ```
//!
//! Profiles A, B and D of OMS, from the meter and to it, by radio and on the wired bus, whole or in fragments; mode 0
//! too, for what is sent without security. 2F 2F, fillers, padding, NNNN, MAC, tag, ML and AFLL are made here.
//! Invariants: every telegram takes its counter from a [`SenderState`], which gives none twice; mode 5, which has no
//! counter, its access number. Everything that can be refused is refused before a counter is used up. What is built is
//! what [`crate::Telegram`] reads again.
//!
//! OMS Vol. 2, 9.1 (profiles), Annex N (telegrams); EN 13757-7, clauses 6 and 7.

mod frames;

use mbus_link::octets::Writer;
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, Ell, wireless};
use oms_security::afl::{Afl, AflMessage, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::mode5::{BLOCK, CHECK};
use oms_security::profile::Profile;
use oms_security::sealed::{self, SecurityContext};
use oms_security::sender::{SenderError, SenderState};

use crate::ci::{CiField, HeaderKind};
use crate::record::Direction;
use crate::telegram::direction;
use crate::tpl::{Header, Tpl};
use crate::{Error, ErrorKind, Layer};

pub use frames::Frames;

/// Z, P and V of modes 7 and 10, and what CFE of OMS always says: derived keys, a tag of eight octets.
const COUNTER_FOLLOWS: u16 = 0x2000;
const COUNTED_PADDING: u16 = 0x0008;
const KEY_VERSION_FOLLOWS: u16 = 0x0040;
const DERIVED_KEYS: u16 = 0x0010;
const TAG_OF_8: u16 = 0x0100;
const TAG_LEN: usize = 8;
/// The most octets that can be followed by clear ones: NNNN = 15 means all.
const MAX_PARTIAL: usize = 14 * BLOCK;

/// The frame that the message travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NewLink {
    /// A long frame of the wired bus.
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
        sender: Address,
        /// The extended link layer. With a session it is sealed when the frame is built, and its session
        /// number is made then. Its access number is that of the first frame; later fragments count on.
        ell: Option<Ell>,
    },
}

impl NewLink {
    const fn c_field(&self) -> CField {
        match self {
            Self::Wired { c_field, .. } | Self::Wireless { c_field, .. } => *c_field,
        }
    }
    const fn sender(&self) -> Option<Address> {
        match self {
            Self::Wired { .. } => None,
            Self::Wireless { sender, .. } => Some(*sender),
        }
    }
    /// Octets of a message that one frame has room for, when an AFL of `afl` octets stands in front of it.
    fn room(&self, afl: usize) -> usize {
        let (all, ell) = match self {
            Self::Wired { .. } => (mbus_link::wired::frame::MAX_DATA.saturating_add(1), None),
            Self::Wireless { ell, .. } => (wireless::frame::MAX_PAYLOAD, *ell),
        };
        all.saturating_sub(afl).saturating_sub(ell.map_or(0, |ell| ell.encoded_len()))
    }
}

/// What fills the last block of modes 5 and 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Padding {
    /// Idle fillers 2F, for records.
    #[default]
    Fillers,
    /// Octets that each say how many they are, with the flag P of mode 7: for bodies that are no records.
    Counted,
}

/// Where the message counter of profile B stands. That of profile D always stands in the transport header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CounterPlace {
    /// In the AFL.
    #[default]
    Afl,
    /// In the transport header, with the flag Z.
    Transport,
}

/// How the body is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Protection {
    /// The profile: none, A, B or D. Profile C is a TLS session, which this builder has not.
    pub profile: Profile,
    /// The bits of the configuration field that are the sender's choice: B, A, S, R, H and the content CC. Those of
    /// mode, length, counter, padding and content index must be 0.
    pub flags: u16,
    /// The content index of profiles B (0 to 7) and D (0 to 15): 0 unspecified, 1 mobile readout, 2 fixed network, 3
    /// consumer information.
    pub content_index: u8,
    /// What fills the last block.
    pub padding: Padding,
    /// Where the counter of profile B stands.
    pub counter: CounterPlace,
    /// Send the key's version in the transport header (profile B).
    pub tell_key_version: bool,
}

impl Protection {
    /// A profile, and nothing special.
    #[must_use]
    pub const fn of(profile: Profile) -> Self {
        Self {
            profile,
            flags: 0,
            content_index: 0,
            padding: Padding::Fillers,
            counter: CounterPlace::Afl,
            tell_key_version: false,
        }
    }
}

/// A telegram to be secured and sent.
///
/// Profile B from a meter; it is OMS Vol. 2 Annex N, N.2.3:
///
/// ```
/// use mbus_app::secured_telegram::{NewLink, Protection, SecuredTelegram};
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
/// let ell = Ell { control: CommunicationControl(0x20), access_number: 0x75, ..Ell::default() };
/// let telegram = SecuredTelegram {
///     access_number: 0x75,
///     body: &[0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15, 0x02, 0xFD, 0x17, 0, 0],
///     ..SecuredTelegram::new(NewLink::Wireless { c_field: CField::SND_NR, sender: meter, ell: Some(ell) }, 0x7A, meter, Profile::B)
/// };
/// let mut buffer = [0; 256];
/// let sealed = telegram.seal_into(&key, &mut state, &mut buffer)?;
/// let mut frame = [0; 256];
/// let frame = sealed.frame_into(None, &mut frame)?;
/// assert_eq!(frame[13..30], *b"\x90\x0F\x00\x2C\x25\xB3\x0A\x00\x00\x21\x92\x4D\x4F\x2F\xB6\x6E\x01");
/// assert!(mbus_app::Telegram::decode_stripped(frame, &key)?.is_authenticated());
/// // The counter is used up: the same telegram cannot be sealed again.
/// let mut buffer = [0; 256];
/// assert_eq!(telegram.seal_into(&key, &mut state, &mut buffer).unwrap_err().kind.name(), "not_exported");
/// # Ok::<(), mbus_app::Error>(())
/// ```
///
/// Profile D, and with it everything is one field:
///
/// ```
/// # use mbus_app::secured_telegram::{NewLink, SecuredTelegram};
/// # use mbus_link::{Address, CField};
/// # use oms_security::{count::Count, profile::Profile, sender::SenderState};
/// # use oms_security::key::{Aes, Key, PreparedKey};
/// # let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
/// # let key = PreparedKey::<Aes>::new(&Key::new([7; 16]));
/// # let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, 1);
/// # let _line = state.export(1, 0);
/// let link = NewLink::Wireless { c_field: CField::SND_NR, sender: meter, ell: None };
/// let telegram = SecuredTelegram { body: &[0x0C, 0x13, 0x35, 0x67, 0, 0], ..SecuredTelegram::new(link, 0x7A, meter, Profile::D) };
/// let (mut buffer, mut frame) = ([0; 256], [0; 300]);
/// let sealed = telegram.seal_into(&key, &mut state, &mut buffer)?;
/// let frame = sealed.frame_into(Some(wmbus_phy::FrameFormat::A), &mut frame)?;
/// let volume = mbus_app::Telegram::decode_format_a(frame, &key)?.records().next().unwrap()?;
/// assert_eq!(volume.value().to_string(), "6.735");
/// # Ok::<(), mbus_app::Error>(())
/// ```
///
/// Profile A to a meter, from a gateway: the long header names the meter (Annex N, N.8.2, set the clock on by 1 min 50 s).
///
/// ```
/// # use mbus_app::secured_telegram::{NewLink, SecuredTelegram};
/// # use mbus_link::{Address, CField, CommunicationControl, Ell};
/// # use oms_security::{count::Count, profile::Profile, sender::SenderState};
/// # use oms_security::key::{Aes, Key, PreparedKey};
/// let meter = Address::from_transport_octets([0x44, 0x22, 0x75, 0x92, 0x93, 0x44, 0x00, 0x07]);
/// let gateway = Address::from_link_octets([0x24, 0x23, 0x56, 0x34, 0x12, 0x90, 0x08, 0x31]);
/// let key = PreparedKey::<Aes>::new(&"82B0551191F51D66EFCDAB8967452301".parse::<Key>().unwrap());
/// let mut state = SenderState::new(Count { meter, to_meter: true, key_id: 0, key_version: 0 }, 0);
/// let ell = Ell { control: CommunicationControl(0x84), access_number: 0x51, ..Ell::default() };
/// let link = NewLink::Wireless { c_field: CField::SND_UD, sender: gateway, ell: Some(ell) };
/// let command = [0x01, 0x32, 0x01, 0, 0, 0, 0, 0, 0, 0, 0x2F, 0x2F, 0x2F, 0x2F];
/// let telegram =
///     SecuredTelegram { access_number: 0x7D, body: &command, ..SecuredTelegram::new(link, 0x6C, meter, Profile::A) };
/// let (mut buffer, mut frame) = ([0; 256], [0; 256]);
/// let frame = telegram.seal_into(&key, &mut state, &mut buffer)?.frame_into(None, &mut frame)?;
/// assert_eq!(frame[frame.len() - 4..], [0xB6, 0xA9, 0x08, 0xD7]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecuredTelegram<'a> {
    /// The frame.
    pub link: NewLink,
    /// The CI of the transport layer.
    pub ci: CiField,
    /// The meter, whichever way the telegram goes. It is written when the CI has a long header.
    pub meter: Address,
    /// The access number of the transport layer.
    pub access_number: u8,
    /// STS.
    pub status: u8,
    /// How the body is protected.
    pub protection: Protection,
    /// The body: records, a command, blocks of security information. Without 2F 2F and fillers.
    pub body: &'a [u8],
    /// Records behind the enciphered ones that stay in clear (partial encryption, profiles A and B).
    pub clear: &'a [u8],
    /// True when the message is to be sent in fragments: its AFL tells the length of the whole.
    pub fragmented: bool,
}

/// A message that is sealed, and what is needed to put it into frames.
#[derive(Clone, Copy, Debug)]
pub struct SealedTelegram<'b> {
    link: NewLink,
    afl: Option<AflMessage>,
    fragmented: bool,
    message: &'b [u8],
}

/// What [`SecuredTelegram`] comes to on the wire, before a counter is used.
#[derive(Clone, Copy, Debug)]
struct Plan {
    configuration: Configuration,
    afl: Option<AflMessage>,
    /// Octets of 2F 2F, body and padding.
    enciphered: usize,
    padding: u8,
    /// Octets of the tag.
    tag: usize,
    /// Octets of the message.
    len: usize,
}

impl<'a> SecuredTelegram<'a> {
    /// A telegram without records, its other fields 0.
    #[must_use]
    pub const fn new(link: NewLink, ci: u8, meter: Address, profile: Profile) -> Self {
        Self {
            link,
            ci: CiField(ci),
            meter,
            access_number: 0,
            status: 0,
            protection: Protection::of(profile),
            body: &[],
            clear: &[],
            fragmented: false,
        }
    }
    /// Octets of the message: transport header, body, padding and tag. The buffer for sealing needs so many.
    ///
    /// # Errors
    /// As [`SecuredTelegram::seal_into`], without those of the state.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        Ok(self.plan(0)?.len)
    }
    /// Seals the message in `buffer`, with the next counter of `state`; profile A uses the access number up.
    ///
    /// # Errors
    /// [`ErrorKind::MeterNotSent`] when the receiver could not know the meter; [`ErrorKind::NotPublished`] for what has
    /// no published layout; [`ErrorKind::TooLong`] when the body does not fit its length field, or the frame;
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::ConfigurationBits`] when a flag is not the sender's to set. Nothing
    /// is used up then. [`ErrorKind::Security`] with [`oms_security::ErrorKind::Sender`] when the state is of another
    /// meter, direction or key, or has no counter left.
    pub fn seal_into<'b, C: BlockCipher128>(
        &self,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        buffer: &'b mut [u8],
    ) -> Result<SealedTelegram<'b>, Error> {
        let count = *state.count();
        let mut plan = self.plan(count.key_id)?;
        let message = self.room(&plan, buffer)?;
        let refusal = |refusal| Error::from_security(oms_security::ErrorKind::Sender(refusal).at(0));
        if count.meter != self.meter || count.to_meter != (self.direction() == Direction::ToDevice) {
            return Err(refusal(SenderError::OtherSender));
        }
        match self.protection.profile {
            Profile::A => state.use_access_number(self.access_number).map_err(refusal)?,
            Profile::B | Profile::D => {
                let counter = state.take_counter().map_err(refusal)?;
                plan.set_counter(counter);
            }
            Profile::None | Profile::C => {}
        }
        plan.configuration.key_version =
            if self.protection.tell_key_version { Some(count.key_version) } else { None };
        let body = self.write(&plan, message)?;
        let context = SecurityContext {
            meter: self.meter,
            access_number: self.access_number,
            direction: match self.direction() {
                Direction::FromDevice => sealed::Direction::FromMeter,
                Direction::ToDevice => sealed::Direction::ToMeter,
            },
            configuration: plan.configuration,
            afl: plan.afl,
        };
        let mac = sealed::seal(&context, message, body, key).map_err(Error::from_security)?;
        let afl = plan.afl.map(|afl| AflMessage { mac, ..afl });
        Ok(SealedTelegram { link: self.link, afl, fragmented: self.fragmented, message })
    }
    /// Writes a message of mode 0, which needs no key and no counter.
    ///
    /// # Errors
    /// As [`SecuredTelegram::seal_into`], and [`ErrorKind::ProtectionMissing`] for any profile but none.
    pub fn clear_into<'b>(&self, buffer: &'b mut [u8]) -> Result<SealedTelegram<'b>, Error> {
        if self.protection.profile != Profile::None {
            return Err(ErrorKind::ProtectionMissing.at(0).in_layer(Layer::Security));
        }
        let plan = self.plan(0)?;
        let message = self.room(&plan, buffer)?;
        self.write(&plan, message)?;
        Ok(SealedTelegram { link: self.link, afl: plan.afl, fragmented: self.fragmented, message })
    }

    /// Which way the telegram goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        direction(self.ci.row().direction, Some(self.link.c_field()))
    }
    fn room<'b>(&self, plan: &Plan, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let available = buffer.len();
        let small = ErrorKind::BufferTooSmall { needed: plan.len, available }.at(available);
        buffer.get_mut(..plan.len).ok_or(small)
    }
    fn header(&self, configuration: Configuration) -> Tpl {
        let header = Header { access_number: self.access_number, status: self.status, configuration };
        match self.ci.header() {
            HeaderKind::Long => Tpl { ci: self.ci, address: Some(self.meter), header: Some(header) },
            HeaderKind::Short => Tpl { ci: self.ci, address: None, header: Some(header) },
            HeaderKind::None | HeaderKind::NotTransport => Tpl { ci: self.ci, address: None, header: None },
        }
    }
    /// Everything that can be refused without the state.
    fn plan(&self, key_id: u8) -> Result<Plan, Error> {
        let refuse = |kind: ErrorKind| kind.at(0).in_layer(Layer::Security);
        let Protection { profile, padding, counter, tell_key_version, .. } = self.protection;
        let tells_meter = match self.ci.header() {
            HeaderKind::Long => true,
            HeaderKind::Short => self.link.sender() == Some(self.meter),
            HeaderKind::None | HeaderKind::NotTransport => false,
        };
        if profile != Profile::None && !tells_meter {
            return Err(refuse(ErrorKind::MeterNotSent));
        }
        let what = match profile {
            Profile::C => Some("a telegram of profile C (TLS)"),
            Profile::D if !self.clear.is_empty() => Some("partial encryption of profile D"),
            Profile::D if tell_key_version => Some("the key version of profile D"),
            Profile::A if padding == Padding::Counted => Some("counted padding of mode 5"),
            Profile::B if padding == Padding::Counted && !self.clear.is_empty() => {
                Some("counted padding in front of clear octets")
            }
            Profile::A | Profile::None if key_id != 0 => Some("a key id in modes 0 and 5"),
            _ if key_id > 0x0F => Some("a key id above 15 in the configuration field"),
            _ => None,
        };
        if let Some(what) = what {
            return Err(refuse(ErrorKind::NotPublished { what }));
        }
        let mut plan = Plan {
            configuration: Configuration { field: self.protection.flags, ..Configuration::default() },
            afl: None,
            enciphered: self.body.len(),
            padding: 0x2F,
            tag: 0,
            len: 0,
        };
        match profile {
            Profile::A | Profile::B => {
                plan.fill_blocks(self, padding)?;
                if profile == Profile::B {
                    plan.authenticate(self, counter, key_id);
                }
            }
            Profile::D => plan.seal_whole(self, key_id),
            Profile::None | Profile::C => {}
        }
        plan.check_flags(self)?;
        let header = self.header(plan.configuration).encoded_len();
        plan.len = [plan.enciphered, self.clear.len(), plan.tag]
            .iter()
            .fold(header, |sum, n| sum.saturating_add(*n));
        self.plan_afl(&mut plan)?;
        Ok(plan)
    }
    /// ML of a message in fragments; and whether a whole one fits its frame.
    fn plan_afl(&self, plan: &mut Plan) -> Result<(), Error> {
        let length = plan.len;
        if self.fragmented {
            let limit = usize::from(u16::MAX);
            let too_long = ErrorKind::TooLong { length, limit }.at(0).in_layer(Layer::Afl);
            let mut afl = plan.afl.unwrap_or_default();
            let control = afl.message_control.unwrap_or_default() | MessageControl::ML;
            afl.message_control = Some(control);
            afl.message_length = Some(u16::try_from(length).map_err(|_| too_long)?);
            plan.afl = Some(afl);
            return Ok(());
        }
        let room = self.link.room(plan.afl_len());
        if length > room {
            return Err(ErrorKind::TooLong { length, limit: room }.at(0).in_layer(Layer::Link));
        }
        Ok(())
    }
    /// Writes the message; gives where its body begins.
    fn write(&self, plan: &Plan, message: &mut [u8]) -> Result<usize, Error> {
        let body = self.header(plan.configuration).encode_into(message)?.len();
        let mut writer = Writer::new(message.get_mut(body..).unwrap_or_default());
        if plan.enciphered > self.body.len() {
            writer.put(&CHECK);
        }
        writer.put(self.body);
        while writer.len() < plan.enciphered {
            writer.put_u8(plan.padding);
        }
        writer.put(self.clear);
        writer.finish()?;
        Ok(body)
    }
}

impl Plan {
    /// 2F 2F, body and padding in whole blocks.
    fn fill_blocks(&mut self, telegram: &SecuredTelegram<'_>, padding: Padding) -> Result<(), Error> {
        let mode = telegram.protection.profile.row().mode;
        self.configuration.field |= u16::from(mode) << 8;
        let body = telegram.body.len();
        if body == 0 {
            return Ok(());
        }
        let with_check = body.saturating_add(CHECK.len());
        self.enciphered = with_check.div_ceil(BLOCK).saturating_mul(BLOCK);
        let blocks = self.enciphered.checked_div(BLOCK).unwrap_or_default();
        if blocks > 14 && !telegram.clear.is_empty() {
            let kind = ErrorKind::TooLong { length: self.enciphered, limit: MAX_PARTIAL };
            return Err(kind.at(0).in_layer(Layer::Security));
        }
        let blocks = u16::try_from(blocks.min(15)).unwrap_or(15);
        self.configuration.field |= blocks << 4;
        let fill = u8::try_from(self.enciphered.saturating_sub(with_check)).unwrap_or_default();
        if padding == Padding::Counted && fill > 0 {
            self.padding = fill;
            self.configuration.field |= COUNTED_PADDING;
        }
        Ok(())
    }
    /// The configuration and the AFL of profile B.
    fn authenticate(&mut self, telegram: &SecuredTelegram<'_>, counter: CounterPlace, key_id: u8) {
        let protection = &telegram.protection;
        self.configuration.field |= u16::from(protection.content_index & 7);
        self.configuration.extension = DERIVED_KEYS | u16::from(key_id);
        if protection.tell_key_version {
            self.configuration.extension |= KEY_VERSION_FOLLOWS;
        }
        let mut control = MessageControl(5);
        match counter {
            CounterPlace::Afl => control |= MessageControl::MCR,
            CounterPlace::Transport => self.configuration.field |= COUNTER_FOLLOWS,
        }
        self.afl = Some(AflMessage { message_control: Some(control), ..AflMessage::default() });
    }
    /// The configuration of profile D.
    fn seal_whole(&mut self, telegram: &SecuredTelegram<'_>, key_id: u8) {
        let length = u16::try_from(self.enciphered.min(255)).unwrap_or(255);
        self.configuration.field |= 10 << 8 | length | COUNTER_FOLLOWS;
        self.configuration.extension = DERIVED_KEYS
            | TAG_OF_8
            | u16::from(telegram.protection.content_index & 0x0F) << 10
            | u16::from(key_id);
        self.tag = TAG_LEN;
    }
    /// The flags that the caller chose must be none of those that are computed.
    fn check_flags(&self, telegram: &SecuredTelegram<'_>) -> Result<(), Error> {
        let Protection { profile, flags, content_index, .. } = telegram.protection;
        let (free, indices) = match profile {
            Profile::None | Profile::A => (0xE00F, 0),
            Profile::B => (0xC000, 7),
            Profile::C | Profile::D => (0xC000, 15),
        };
        if flags & !free != 0 || content_index > indices {
            return Err(ErrorKind::ConfigurationBits { flags, content_index }
                .at(0)
                .in_layer(Layer::Security));
        }
        Ok(())
    }
    fn set_counter(&mut self, counter: u32) {
        match &mut self.afl {
            Some(afl) if !self.configuration.announces_counter() => afl.message_counter = Some(counter),
            _ => self.configuration.counter = Some(counter),
        }
    }
    /// Octets of the AFL of a message in one piece.
    fn afl_len(&self) -> usize {
        let Some(afl) = self.afl else { return 0 };
        let control = afl.message_control.unwrap_or_default();
        let counter = if control.contains(MessageControl::MCR) { 4 } else { 0 };
        let mac = control.mac_len().unwrap_or_default();
        let whole = Afl { message_control: afl.message_control, ..Afl::default() };
        whole.encoded_len().saturating_add(counter).saturating_add(mac)
    }
}
