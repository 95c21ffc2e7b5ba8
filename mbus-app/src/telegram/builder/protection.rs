//! Securing a telegram that is to be sent: from plain fields and a profile to the sealed message.
//!
//! ```text
//! TelegramBuilder + Protection --seal_into--> SealedTelegram --frame_into / frames--> frames on the line
//!
//! A, B   CI TPL | 2F 2F body fillers | clear          C   CI TPL | TLS records          D   CI TPL | body | tag
//! ```
//!
//! Profiles A to D of OMS, from the meter and to it, by radio and on the wired bus, whole or in fragments; mode 0 too,
//! for what is sent without security. 2F 2F, fillers, padding, NNNN, MAC, tag, ML and AFLL are made here.
//! Invariants: every telegram takes its counter from a [`SenderState`], which gives none twice; mode 5, which has no
//! counter, its access number. Everything that can be refused is refused before a counter is used up. What is built is
//! what [`crate::Telegram`] reads again.
//!
//! OMS Vol. 2, 9.1 (profiles), Annex F (TLS), Annex N (telegrams); EN 13757-7, clauses 6 and 7.

use mbus_link::Address;
use mbus_link::octets::Writer;
use oms_security::afl::{Afl, AflMessage, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::count::Count;
use oms_security::key::{BlockCipher128, PreparedKey};
use oms_security::mode5::{BLOCK, CHECK};
use oms_security::mode13::{self, Protocol};
use oms_security::profile::Profile;
use oms_security::sealed::SecurityContext;
use oms_security::sender::{SenderError, SenderState};

use super::envelope::Envelope;
use super::sealed::SealedTelegram;
use super::{TelegramBuilder, context, seal_message};
use crate::body::Body;
use crate::ci::HeaderKind;
use crate::record::Direction;
use crate::tpl::{Header, Tpl};
use crate::{Error, ErrorKind, Layer};

/// Z, P and V of modes 7 and 10, and what CFE of OMS always says: derived keys, a tag of eight octets.
const COUNTER_FOLLOWS: u16 = 0x2000;
const COUNTED_PADDING: u16 = Configuration::PADDED;
const KEY_VERSION_FOLLOWS: u16 = 0x0040;
const DERIVED_KEYS: u16 = 0x0010;
const TAG_OF_8: u16 = 0x0100;
const TAG_LEN: usize = 8;
/// AT of the CMAC of eight octets.
const CMAC_8: MessageControl = MessageControl(5);
/// The most octets that can be followed by clear ones: NNNN = 15 means all.
const MAX_PARTIAL: usize = 14 * BLOCK;

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

/// How a telegram is protected when [`TelegramBuilder::seal_into`] seals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Protection<'a> {
    /// The profile.
    pub profile: Profile,
    /// The content index of profiles B (0 to 7) and D (0 to 15): 0 unspecified, 1 mobile readout, 2 fixed network, 3
    /// consumer information.
    pub content_index: u8,
    /// What fills the last block of profiles A and B.
    pub padding: Padding,
    /// Where the counter of profile B stands.
    pub counter: CounterPlace,
    /// Send the key's version in the transport header (profile B).
    pub tell_key_version: bool,
    /// Records behind the enciphered ones that stay in clear (partial encryption, profiles A and B).
    pub clear: &'a [u8],
    /// The protocol of profile C.
    pub protocol: Protocol,
    /// Profile C: there is a TLS session, so that its alerts and handshakes need no CMAC around them.
    pub in_session: bool,
    /// True when the message is to be sent in fragments: its AFL tells the length of the whole.
    pub fragmented: bool,
}

impl Protection<'_> {
    /// A profile, and nothing special.
    #[must_use]
    pub const fn of(profile: Profile) -> Self {
        Self {
            profile,
            content_index: 0,
            padding: Padding::Fillers,
            counter: CounterPlace::Afl,
            tell_key_version: false,
            clear: &[],
            protocol: Protocol::TLS,
            in_session: false,
            fragmented: false,
        }
    }
}

/// What a protected telegram comes to on the wire, before a counter is used.
#[derive(Clone, Copy, Debug)]
struct Plan<'a> {
    protection: Protection<'a>,
    tpl: Tpl,
    afl: Option<AflMessage>,
    /// Octets of the body alone.
    body: usize,
    /// Octets of 2F 2F, body and padding.
    enciphered: usize,
    padding: u8,
    /// Octets of the tag.
    tag: usize,
    /// Octets of the message.
    len: usize,
}

impl TelegramBuilder<'_> {
    /// Octets of the message that [`TelegramBuilder::seal_into`] makes: transport header, body, padding and tag. Its
    /// buffer needs so many.
    ///
    /// # Errors
    /// As [`TelegramBuilder::seal_into`], without those of the state.
    pub fn message_len(&self, protection: &Protection<'_>) -> Result<usize, Error> {
        Ok(Plan::new(self, protection, 0)?.len)
    }
    /// Seals the message in `buffer` as `protection` says, with the next counter of `state`; profile A uses the access
    /// number up. AFL, configuration field, check octets, padding, MAC and tag are made here: `afl` is `None`, and of
    /// the configuration only those bits are set that are the sender's choice: B, A, S, R, H and the content CC.
    ///
    /// The body of profile C is what a TLS session of the caller made: its records, as [`Body::Octets`].
    ///
    /// # Errors
    /// [`ErrorKind::MeterNotSent`] when the receiver could not know the meter; [`ErrorKind::NotPublished`] for what has
    /// no published layout; [`ErrorKind::TooLong`] when the body does not fit its length field, or the frame;
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::ConfigurationBits`] when a bit is not the sender's to set; those of
    /// [`TelegramBuilder::encode_into`] for header and body; in profile C also those of [`mode13::seal`]. Nothing is
    /// used up then. [`ErrorKind::Security`] with [`oms_security::ErrorKind::Sender`] when the state is of another
    /// meter, direction or key, or has no counter left.
    pub fn seal_into<'b, C: BlockCipher128>(
        &self,
        protection: &Protection<'_>,
        key: &PreparedKey<C>,
        state: &mut SenderState,
        buffer: &'b mut [u8],
    ) -> Result<SealedTelegram<'b>, Error> {
        let count = *state.count();
        let mut plan = Plan::new(self, protection, count.key_id)?;
        let message = plan.room(buffer)?;
        plan.write(self, message)?;
        let refusal = |refusal| Error::from_security(oms_security::ErrorKind::Sender(refusal).at(0));
        let context = self.count_up(&mut plan, &count, state).map_err(refusal)?;
        let body = plan.tpl.encode_into(message)?.len();
        let mac = seal_message(&context, message, body, protection.in_session, key)?;
        plan.afl = plan.afl.map(|afl| AflMessage { mac, ..afl });
        Ok(self.sealed(&plan, message))
    }
    /// Writes a message of mode 0 to be put into frames, which needs no key and no counter: for fragments, and for
    /// sessions of the extended link layer. [`TelegramBuilder::encode_into`] builds a frame at once.
    ///
    /// # Errors
    /// As [`TelegramBuilder::seal_into`], and [`ErrorKind::ProtectionMissing`] for any profile but none.
    pub fn clear_into<'b>(
        &self,
        protection: &Protection<'_>,
        buffer: &'b mut [u8],
    ) -> Result<SealedTelegram<'b>, Error> {
        if protection.profile != Profile::None {
            return Err(in_security(ErrorKind::ProtectionMissing));
        }
        let plan = Plan::new(self, protection, 0)?;
        let message = plan.room(buffer)?;
        plan.write(self, message)?;
        Ok(self.sealed(&plan, message))
    }
    /// The meter: that of a long header, else the sender of a wireless frame.
    #[must_use]
    pub fn meter(&self) -> Option<Address> {
        self.tpl.and_then(|tpl| tpl.address).or(self.frame.sender())
    }
    /// Takes what is to be used once from the state, and says what goes into the ciphers.
    fn count_up(
        &self,
        plan: &mut Plan<'_>,
        count: &Count,
        state: &mut SenderState,
    ) -> Result<SecurityContext, SenderError> {
        let meter = self.meter().unwrap_or_default();
        let is_other = count.meter != meter || count.to_meter != (self.direction() == Direction::ToDevice);
        let mut header = plan.tpl.header.unwrap_or_default();
        let protection = plan.protection;
        if is_other && protection.profile != Profile::None {
            return Err(SenderError::OtherSender);
        }
        if protection.profile == Profile::A {
            state.use_access_number(header.access_number)?;
        }
        if protection.tell_key_version {
            header.configuration.key_version = Some(count.key_version);
        }
        if header.configuration.announces_counter() {
            header.configuration.counter = Some(state.take_counter()?);
        } else if let Some(afl) = plan.afl.as_mut().filter(|afl| counts(afl)) {
            afl.message_counter = Some(state.take_counter()?);
        }
        plan.tpl.header = plan.tpl.header.map(|_| header);
        Ok(context(meter, self.direction(), header, plan.afl))
    }
    fn sealed<'b>(&self, plan: &Plan<'_>, message: &'b [u8]) -> SealedTelegram<'b> {
        let (frame, ell, afl) = (self.frame, self.ell, plan.afl);
        SealedTelegram { frame, ell, afl, fragmented: plan.protection.fragmented, message }
    }
}

/// True when the AFL announces a message counter.
fn counts(afl: &AflMessage) -> bool {
    afl.message_control.is_some_and(|control| control.contains(MessageControl::MCR))
}

fn in_security(kind: ErrorKind) -> Error {
    kind.at(0).in_layer(Layer::Security)
}

impl<'a> Plan<'a> {
    /// Everything that can be refused without the state and before the body is written.
    fn new(telegram: &TelegramBuilder<'_>, protection: &Protection<'a>, key_id: u8) -> Result<Self, Error> {
        telegram.check_layers()?;
        if telegram.afl.is_some() {
            // It is made here.
            return Err(ErrorKind::LayerOutOfOrder { ci: oms_security::afl::CI }.at(0).in_layer(Layer::Afl));
        }
        let Some(tpl) = telegram.tpl else {
            return Err(Error::from_link(mbus_link::ErrorKind::NoControlInformation.at(0)));
        };
        refuse_what_nobody_could_read(telegram, tpl, protection, key_id)?;
        let body = telegram.body.encoded_len()?;
        let (afl, padding) = (None, 0x2F);
        let mut plan =
            Self { protection: *protection, tpl, afl, body, enciphered: body, padding, tag: 0, len: 0 };
        let mut header = tpl.header.unwrap_or_default();
        plan.check_choices(&header.configuration)?;
        match protection.profile {
            Profile::None => {}
            Profile::A => plan.fill_blocks(&mut header.configuration)?,
            Profile::B => {
                plan.fill_blocks(&mut header.configuration)?;
                plan.authenticate(&mut header.configuration, key_id);
            }
            Profile::C => plan.hand_on(&mut header.configuration, &telegram.body)?,
            Profile::D => plan.seal_whole(&mut header.configuration, key_id),
        }
        plan.tpl.header = tpl.header.map(|given| Header { configuration: header.configuration, ..given });
        let header_len = plan.tpl.encoded_len();
        plan.len = [plan.enciphered, protection.clear.len(), plan.tag]
            .iter()
            .fold(header_len, |sum, n| sum.saturating_add(*n));
        plan.fit(telegram)?;
        Ok(plan)
    }
    /// The bits that the caller chose must be none of those that are computed.
    fn check_choices(&self, given: &Configuration) -> Result<(), Error> {
        let Protection { profile, content_index, .. } = self.protection;
        let (free, indices) = match profile {
            Profile::None | Profile::A => (0xE00F, 0),
            Profile::B => (0xC000, 7),
            Profile::C => (0xC000, 0),
            Profile::D => (0xC000, 15),
        };
        let is_computed = given.extension != 0 || given.counter.is_some() || given.key_version.is_some();
        if given.field & !free != 0 || is_computed || content_index > indices {
            return Err(in_security(ErrorKind::ConfigurationBits { flags: given.field, content_index }));
        }
        Ok(())
    }
    /// 2F 2F, body and padding in whole blocks.
    fn fill_blocks(&mut self, configuration: &mut Configuration) -> Result<(), Error> {
        configuration.field |= u16::from(self.protection.profile.row().mode) << 8;
        if self.body == 0 {
            return Ok(());
        }
        let with_check = self.body.saturating_add(CHECK.len());
        self.enciphered = with_check.div_ceil(BLOCK).saturating_mul(BLOCK);
        let blocks = self.enciphered.checked_div(BLOCK).unwrap_or_default();
        if blocks > 14 && !self.protection.clear.is_empty() {
            return Err(in_security(ErrorKind::TooLong { length: self.enciphered, limit: MAX_PARTIAL }));
        }
        configuration.field |= u16::try_from(blocks.min(15)).unwrap_or(15) << 4;
        let fill = u8::try_from(self.enciphered.saturating_sub(with_check)).unwrap_or_default();
        if self.protection.padding == Padding::Counted && fill > 0 {
            self.padding = fill;
            configuration.field |= COUNTED_PADDING;
        }
        Ok(())
    }
    /// The configuration and the AFL of profile B.
    fn authenticate(&mut self, configuration: &mut Configuration, key_id: u8) {
        configuration.field |= u16::from(self.protection.content_index & 7);
        configuration.extension = DERIVED_KEYS | u16::from(key_id);
        if self.protection.tell_key_version {
            configuration.extension |= KEY_VERSION_FOLLOWS;
        }
        let mut control = CMAC_8;
        match self.protection.counter {
            CounterPlace::Afl => control |= MessageControl::MCR,
            CounterPlace::Transport => configuration.field |= COUNTER_FOLLOWS,
        }
        self.afl = Some(AflMessage { message_control: Some(control), ..AflMessage::default() });
    }
    /// The configuration of profile C, and its AFL where OMS demands one.
    fn hand_on(&mut self, configuration: &mut Configuration, body: &Body<'_>) -> Result<(), Error> {
        let (Body::Octets(records) | Body::Opaque(records)) = body else {
            return Err(ErrorKind::BodyMismatch { ci: self.tpl.ci.0 }.at(0).in_layer(Layer::Security));
        };
        let protocol = self.protection.protocol;
        let [_, high] = configuration.field.to_le_bytes();
        *configuration = mode13::configuration(protocol, high >> 6);
        let demands_mac = mode13::demands_mac(protocol, records, self.protection.in_session);
        if demands_mac.map_err(Error::from_security)? {
            let control = CMAC_8 | MessageControl::MCR;
            self.afl = Some(AflMessage { message_control: Some(control), ..AflMessage::default() });
        }
        Ok(())
    }
    /// The configuration of profile D.
    fn seal_whole(&mut self, configuration: &mut Configuration, key_id: u8) {
        let length = u16::try_from(self.enciphered.min(255)).unwrap_or(255);
        configuration.field |= 10 << 8 | length | COUNTER_FOLLOWS;
        configuration.extension = DERIVED_KEYS
            | TAG_OF_8
            | u16::from(self.protection.content_index & 0x0F) << 10
            | u16::from(key_id);
        self.tag = TAG_LEN;
    }
    /// ML of a message in fragments; and whether a whole one fits its frame.
    fn fit(&mut self, telegram: &TelegramBuilder<'_>) -> Result<(), Error> {
        let length = self.len;
        if self.protection.fragmented {
            let limit = usize::from(u16::MAX);
            let too_long = ErrorKind::TooLong { length, limit }.at(0).in_layer(Layer::Afl);
            let mut afl = self.afl.unwrap_or_default();
            afl.message_control = Some(afl.message_control.unwrap_or_default() | MessageControl::ML);
            afl.message_length = Some(u16::try_from(length).map_err(|_| too_long)?);
            self.afl = Some(afl);
            return Ok(());
        }
        let afl = self.afl.map(|afl| Afl {
            message_control: afl.message_control,
            message_counter: counts(&afl).then_some(0),
            mac: afl.message_control.and_then(super::mac_room),
            ..Afl::default()
        });
        let limit = Envelope { frame: telegram.frame, ell: telegram.ell, afl }.message_room();
        if length > limit {
            return Err(ErrorKind::TooLong { length, limit }.at(0).in_layer(Layer::Link));
        }
        Ok(())
    }
    fn room<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let (needed, available) = (self.len, buffer.len());
        buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))
    }
    /// Writes the message in clear: header without counter, 2F 2F, body, padding, clear records, room for the tag.
    fn write(&self, telegram: &TelegramBuilder<'_>, message: &mut [u8]) -> Result<(), Error> {
        let header = self.tpl.encode_into(message)?.len();
        let place = message.get_mut(header..).unwrap_or_default();
        let has_check = self.enciphered > self.body;
        let check = if has_check { CHECK.len() } else { 0 };
        if let (true, Some(octets)) = (has_check, place.first_chunk_mut()) {
            *octets = CHECK;
        }
        let (_, behind) = place.split_at_mut_checked(check).unwrap_or_default();
        telegram.body.encode_into(self.tpl.ci, behind).map_err(|error| error.shifted(header))?;
        let (_, behind) = behind.split_at_mut_checked(self.body).unwrap_or_default();
        let mut writer = Writer::new(behind);
        for _ in self.body.saturating_add(check)..self.enciphered {
            writer.put_u8(self.padding);
        }
        writer.put(self.protection.clear);
        for _ in 0..self.tag {
            writer.put_u8(0);
        }
        writer.finish()?;
        Ok(())
    }
}

fn refuse_what_nobody_could_read(
    telegram: &TelegramBuilder<'_>,
    tpl: Tpl,
    protection: &Protection<'_>,
    key_id: u8,
) -> Result<(), Error> {
    let Protection { profile, padding, tell_key_version, clear, .. } = *protection;
    let tells_meter = match tpl.ci.header() {
        HeaderKind::Long => true,
        HeaderKind::Short => telegram.frame.sender().is_some(),
        HeaderKind::None | HeaderKind::NotTransport => false,
    };
    if profile != Profile::None && !tells_meter {
        return Err(in_security(ErrorKind::MeterNotSent));
    }
    let what = match profile {
        Profile::C | Profile::D if !clear.is_empty() => "clear octets in profiles C and D",
        Profile::None | Profile::A | Profile::C | Profile::D if tell_key_version => {
            "the key version in another profile than B"
        }
        Profile::A if padding == Padding::Counted => "counted padding of mode 5",
        Profile::B if padding == Padding::Counted && !clear.is_empty() => {
            "counted padding in front of clear octets"
        }
        Profile::A | Profile::None if key_id != 0 => "a key id in modes 0 and 5",
        Profile::C if key_id != 0 => "another key than the master key around TLS",
        _ if key_id > 0x0F => "a key id above 15 in the configuration field",
        _ => return Ok(()),
    };
    Err(in_security(ErrorKind::NotPublished { what }))
}
