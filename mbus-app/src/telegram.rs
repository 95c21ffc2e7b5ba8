//! A whole telegram: from the octets received to what they say, in one call.
//!
//! ```text
//! wireless   L C M A | [ELL] | [81 ..] | [AFL] | CI TPL | body
//! wired      68 L L 68 C A |          [AFL]    | CI TPL | body | CS 16
//! ```
//!
//! Invariants: everything happens in the caller's buffer; nothing is copied but the octets that close up
//! when link CRCs are removed, nothing is allocated. The layers come in this order and each at most once;
//! anything else is refused. A body that is enciphered and was not opened is never given out. Strict and lax
//! reading are the same code: [`Telegram::decode`] is [`Telegram::decode_lax`] that minds the error.

pub mod builder;
mod layout;
mod peek;

pub use peek::{Peek, peek};

use layout::{Layout, strip};

use mbus_link::c_field::Sender;
use mbus_link::ell::EllV;
use mbus_link::wired;
use mbus_link::wireless::{self, LengthQuirk};
use mbus_link::{Address, CField, Ell, network_layer};
use oms_security::afl::{self, Afl, AflMessage};
use oms_security::ell_cipher::EllOpening;
use oms_security::key::{KeyProvider, KeyRequest};
use oms_security::mode13::{self, HandedOn};
use oms_security::sealed::Opening;

use crate::ci::{CiDirection, CiField, Content};
use crate::fixed::FixedData;
use crate::record::{Direction, RecordOptions, Records};
use crate::tpl::Tpl;
use crate::{Error, ErrorKind, Layer};

/// What the octets handed in are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Input {
    /// A frame of the wired bus.
    Wired,
    /// A wireless frame of format A, link CRCs inside.
    FormatA,
    /// A wireless frame of format B, link CRCs inside.
    FormatB,
    /// A wireless frame whose link CRCs were removed.
    Stripped,
}

impl Input {
    /// Where octet `offset` of [`Telegram::octets`] stood in what was handed in, which may have had link CRCs.
    #[must_use]
    pub const fn offset_as_received(self, offset: usize) -> usize {
        match self {
            Self::Wired | Self::Stripped => offset,
            Self::FormatA => wmbus_phy::FrameFormat::A.on_air_offset(offset),
            Self::FormatB => wmbus_phy::FrameFormat::B.on_air_offset(offset),
        }
    }
}

/// The frame of the link layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Link<'a> {
    /// Wired.
    Wired(wired::Frame<'a>),
    /// Wireless, link CRCs removed.
    Wireless(wireless::Frame<'a>),
}

impl Link<'_> {
    /// The C-field; `None` for the single character of the wired bus.
    #[must_use]
    pub const fn c_field(&self) -> Option<CField> {
        match self {
            Self::Wired(frame) => frame.c_field(),
            Self::Wireless(frame) => Some(frame.c_field()),
        }
    }
}

/// How the body was protected, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BodyState {
    /// Nothing was announced and nothing was there.
    Clear,
    /// Opened; the details.
    Opened(Opening),
    /// The two octets of the configuration field name a mode that does not exist, on the wired bus: an old
    /// meter that fills them with something else. The body is in clear.
    ReservedMode,
    /// Records of TLS, as sent: see [`Telegram::tls_records`]. The AFL around them, if any, was checked.
    HandedOn(HandedOn),
    /// Not opened: the error says why.
    Closed,
}

/// A telegram that was read as far as it goes.
#[derive(Clone, Copy, Debug)]
pub struct Telegram<'a> {
    octets: &'a [u8],
    link: Option<Link<'a>>,
    /// The address and the C-field of the link layer, also of one that is not here any more.
    sender: Option<Address>,
    c_field: Option<CField>,
    key_id: u8,
    surplus: &'a [u8],
    ell: Option<Ell>,
    ell_opening: Option<EllOpening>,
    network_layer: Option<&'a [u8]>,
    afl: Option<Afl>,
    tpl: Option<Tpl>,
    tpl_at: usize,
    body_at: usize,
    body: &'a [u8],
    state: BodyState,
}

/// A telegram that was read as far as it goes, and why no further.
#[derive(Clone, Copy, Debug)]
pub struct LaxTelegram<'a> {
    /// What was read.
    pub telegram: Telegram<'a>,
    /// What stopped the reading; `None` when all of it was read.
    pub stopped: Option<Error>,
}

impl<'a> Telegram<'a> {
    /// Reads a telegram without being told what it is: wired if it begins like a wired frame and is one, else
    /// wireless in the state of CRCs for which [`wmbus_phy::classify()`] finds the best evidence.
    ///
    /// After an error the buffer holds what was received, but for two things. Link CRCs that were right are gone: the
    /// first `1 + L` octets, L being the first octet, are the frame as [`Telegram::decode_stripped`] reads it, and those
    /// behind it mean nothing. An enciphered link layer whose key was found stays open, and is taken for open the next
    /// time. Ciphertext is never changed by a key that does not fit, so all can be tried again with other keys. The
    /// candidates of one [`KeyProvider`] are tried without any of that.
    ///
    /// # Errors
    /// The first error of any layer. An error of a single record is no error here: see [`Telegram::records`].
    pub fn decode<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], keys: &P) -> Result<Self, Error> {
        let input = Self::guess(buffer);
        Self::strict(buffer, input, keys)
    }
    /// Reads a frame of the wired bus.
    ///
    /// # Errors
    /// As [`Telegram::decode`].
    pub fn decode_wired<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], keys: &P) -> Result<Self, Error> {
        Self::strict(buffer, Input::Wired, keys)
    }
    /// Reads a wireless frame of format A with its CRCs, which are checked and removed in the buffer.
    ///
    /// # Errors
    /// As [`Telegram::decode`].
    pub fn decode_format_a<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], keys: &P) -> Result<Self, Error> {
        Self::strict(buffer, Input::FormatA, keys)
    }
    /// Reads a wireless frame of format B with its CRCs, which are checked and removed in the buffer.
    ///
    /// # Errors
    /// As [`Telegram::decode`].
    pub fn decode_format_b<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], keys: &P) -> Result<Self, Error> {
        Self::strict(buffer, Input::FormatB, keys)
    }
    /// Reads a wireless frame whose CRCs were removed.
    ///
    /// # Errors
    /// As [`Telegram::decode`].
    pub fn decode_stripped<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], keys: &P) -> Result<Self, Error> {
        Self::strict(buffer, Input::Stripped, keys)
    }
    /// Reads as far as it goes and never fails: says how far it got and what stopped it. Octets behind the end of
    /// the frame stop nothing here, see [`Telegram::surplus`].
    pub fn decode_lax<P: KeyProvider + ?Sized>(
        buffer: &'a mut [u8],
        input: Input,
        keys: &P,
    ) -> LaxTelegram<'a> {
        Self::read(buffer, input, keys)
    }
    /// Reads a message that was put together from fragments: `message` from its transport CI on, `sender` the
    /// address of the wireless link layer, `afl` what all fragments said. The telegram has no link layer then.
    pub fn decode_message<P: KeyProvider + ?Sized>(
        message: &'a mut [u8],
        sender: Option<Address>,
        c_field: Option<CField>,
        afl: AflMessage,
        keys: &P,
    ) -> LaxTelegram<'a> {
        let end = message.len();
        let mut layout =
            Layout { frame_len: end, payload: (0, end), address: sender, c_field, ..Layout::default() };
        let is_wired = sender.is_none();
        let stopped = layout
            .read_tpl(message, 0, end, is_wired)
            .and_then(|()| layout.open(message, end, is_wired, Some(afl), keys))
            .err();
        let telegram = Self::of_layout(message, Input::Stripped, &layout, stopped.is_some());
        LaxTelegram { telegram: Telegram { link: None, ..telegram }, stopped }
    }
    /// Reads the payload of a wired frame, from its first CI on: what a wired master hands over. `c_field` is that of
    /// the frame. The telegram has no link layer then.
    ///
    /// # Errors
    /// As [`Telegram::decode`]; offsets count from the CI.
    pub fn decode_wired_payload<P: KeyProvider + ?Sized>(
        payload: &'a mut [u8],
        c_field: Option<CField>,
        keys: &P,
    ) -> Result<Self, Error> {
        let end = payload.len();
        let mut layout = Layout { frame_len: end, payload: (0, end), c_field, ..Layout::default() };
        layout.read_payload(payload, true, keys)?;
        Ok(Self { link: None, ..Self::of_layout(payload, Input::Stripped, &layout, false) })
    }
    /// What [`Telegram::decode`] takes octets for.
    #[must_use]
    pub fn guess(octets: &[u8]) -> Input {
        let is_wired = match octets {
            [wired::frame::START_LONG, length, again, wired::frame::START_LONG, ..] => length == again,
            [wired::frame::START_SHORT, _, _, _, wired::frame::STOP] | [wired::frame::ACK] => true,
            _ => false,
        };
        if is_wired {
            return Input::Wired;
        }
        match wmbus_phy::classify(octets).state {
            wmbus_phy::State::FormatA => Input::FormatA,
            wmbus_phy::State::FormatB => Input::FormatB,
            _ => Input::Stripped,
        }
    }

    fn strict<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], input: Input, keys: &P) -> Result<Self, Error> {
        let LaxTelegram { telegram, stopped } = Self::read(buffer, input, keys);
        match stopped {
            Some(error) => Err(error),
            None if !telegram.surplus.is_empty() => {
                let surplus = telegram.surplus.len();
                let kind = ErrorKind::Link(mbus_link::ErrorKind::SurplusOctets { octets: surplus });
                let offset = telegram.octets.len().saturating_sub(surplus);
                Err(Error { layer: Layer::Link, kind, offset })
            }
            None => Ok(telegram),
        }
    }
    fn read<P: KeyProvider + ?Sized>(buffer: &'a mut [u8], input: Input, keys: &P) -> LaxTelegram<'a> {
        let mut layout = Layout::default();
        let mut stopped = None;
        let buffer: &'a mut [u8] = match input {
            Input::Wired | Input::Stripped => buffer,
            Input::FormatA | Input::FormatB => match strip(buffer, input) {
                Ok(frame) => frame,
                Err((error, octets)) => {
                    let telegram = Self::of_layout(octets, input, &Layout::default(), true);
                    return LaxTelegram { telegram, stopped: Some(error) };
                }
            },
        };
        if let Err(error) = layout.read(buffer, input == Input::Wired, keys) {
            stopped = Some(Error { offset: input.offset_as_received(error.offset), ..error });
        }
        let telegram = Self::of_layout(buffer, input, &layout, stopped.is_some());
        LaxTelegram { telegram, stopped }
    }
    fn of_layout(octets: &'a [u8], input: Input, layout: &Layout, stopped: bool) -> Self {
        let frame = octets.get(..layout.frame_len).unwrap_or_default();
        let link = match input {
            Input::Wired => layout.wired.map(|found| Link::Wired(found.frame(octets))),
            _ => wireless::Frame::parse(frame).ok().map(Link::Wireless),
        };
        let slice = |(from, to): (usize, usize)| octets.get(from..to).unwrap_or_default();
        let state = match (layout.opening, layout.handed_on) {
            (Some(opening), _) => BodyState::Opened(opening),
            (None, Some(handed_on)) => BodyState::HandedOn(handed_on),
            (None, None) if layout.reserved_mode => BodyState::ReservedMode,
            (None, None) if stopped || layout.tpl.is_none() => BodyState::Closed,
            (None, None) => BodyState::Clear,
        };
        Self {
            octets,
            link,
            sender: layout.address,
            c_field: layout.c_field,
            key_id: layout.key_id,
            surplus: octets.get(layout.frame_len..).unwrap_or_default(),
            ell: layout.ell,
            ell_opening: layout.ell_opening,
            network_layer: layout.network_layer.map(slice),
            afl: layout.afl,
            tpl: layout.tpl,
            tpl_at: layout.tpl_at,
            body_at: layout.body.0,
            // A fragment without its fellows is sealed octets, shown to the reassembler only.
            body: if matches!(state, BodyState::Closed) && layout.tpl.is_some() {
                &[]
            } else {
                slice(layout.body)
            },
            state,
        }
    }

    /// All octets handed in, link CRCs removed and opened parts in clear.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The frame of the link layer; `None` when it could not be read.
    #[must_use]
    pub const fn link(&self) -> Option<Link<'a>> {
        self.link
    }
    /// Octets behind the end of the frame.
    #[must_use]
    pub const fn surplus(&self) -> &'a [u8] {
        self.surplus
    }
    /// The meter: the address of the long transport header, else that of the link layer, also of the fragments that a
    /// message was put together from. A radio converter's own address is the latter, see [`Telegram::link`].
    #[must_use]
    pub fn meter(&self) -> Option<Address> {
        self.tpl.and_then(|tpl| tpl.address).or(self.sender)
    }
    /// What keys were asked for, and what a policy is to be asked for.
    pub(crate) fn request(&self) -> KeyRequest {
        let header = self.tpl.and_then(|tpl| tpl.header).unwrap_or_default();
        KeyRequest {
            meter: self.meter().unwrap_or_default(),
            mode: header.configuration.mode(),
            key_id: self.key_id,
            key_version: header.configuration.key_version,
        }
    }
    /// The extended link layer.
    #[must_use]
    pub const fn ell(&self) -> Option<Ell> {
        self.ell
    }
    /// The extended link layer V, whose layout is not published: nothing behind its CI is read. Then there is neither
    /// transport header nor body.
    #[must_use]
    pub fn ell_v(&self) -> Option<EllV<'a>> {
        match self.link {
            Some(Link::Wireless(frame)) => EllV::parse(frame.payload()).ok(),
            _ => None,
        }
    }
    /// What opening the extended link layer found out.
    #[must_use]
    pub const fn ell_opening(&self) -> Option<EllOpening> {
        self.ell_opening
    }
    /// The octets of the network layer in front of the next CI (EN 13757-5).
    #[must_use]
    pub const fn network_layer(&self) -> Option<&'a [u8]> {
        self.network_layer
    }
    /// The authentication and fragmentation layer.
    #[must_use]
    pub const fn afl(&self) -> Option<Afl> {
        self.afl
    }
    /// The transport header.
    #[must_use]
    pub const fn tpl(&self) -> Option<Tpl> {
        self.tpl
    }
    /// Where the transport header begins.
    #[must_use]
    pub const fn tpl_offset(&self) -> usize {
        self.tpl_at
    }
    /// How the body was protected.
    #[must_use]
    pub const fn state(&self) -> BodyState {
        self.state
    }
    /// True when a MAC or tag was there and fits.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        match self.state {
            BodyState::Opened(Opening { authenticated, .. })
            | BodyState::HandedOn(HandedOn { authenticated, .. }) => authenticated,
            _ => false,
        }
    }
    /// What is behind the transport header, in clear; empty when it was not opened.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        if self.tpl.is_some() && !matches!(self.state, BodyState::HandedOn(_)) { self.body } else { &[] }
    }
    /// The records of a telegram of mode 13, for a TLS session of the caller; none for all others. A MAC around
    /// them was checked if there is one, and is there where OMS demands it outside a session, unless the caller has one
    /// ([`KeyProvider::in_tls_session`]).
    #[must_use]
    pub const fn tls_records(&self) -> mode13::Records<'a> {
        mode13::Records::new(self.sealed_records())
    }
    const fn sealed_records(&self) -> &'a [u8] {
        if matches!(self.state, BodyState::HandedOn(_)) { self.body } else { &[] }
    }
    /// Where the body begins.
    #[must_use]
    pub const fn body_offset(&self) -> usize {
        self.body_at
    }
    /// The octets behind the AFL of a fragment: what [`oms_security::reassembly`] puts together. Empty for a
    /// telegram in one piece.
    #[must_use]
    pub fn fragment(&self) -> &'a [u8] {
        match self.afl {
            Some(afl) if self.tpl.is_none() && (afl.fragment_id != 0 || afl.more_fragments) => self.body,
            _ => &[],
        }
    }
    /// What the body is.
    #[must_use]
    pub fn content(&self) -> Option<Content> {
        self.tpl.map(|tpl| tpl.ci.content())
    }
    /// Which way the telegram goes, by its CI, else by its C-field.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let ci = self.tpl.map(|tpl| tpl.ci.row().direction);
        direction(ci.unwrap_or(CiDirection::Both), self.c_field)
    }
    /// The CIs of the layers, in the order sent.
    pub fn layers(&self) -> impl Iterator<Item = CiField> + 'a {
        let ell = self.ell.map(|ell| CiField(ell.ci()));
        let network = self.network_layer.map(|_| CiField(network_layer::CI));
        let afl = self.afl.map(|_| CiField(afl::CI));
        let tpl = self.tpl.map(|tpl| tpl.ci);
        [ell, network, afl, tpl].into_iter().flatten()
    }
    /// The fixed data structure, for the wired telegrams that carry it: CI 73h and 16 octets, which otherwise
    /// begins a compact frame.
    #[must_use]
    pub fn fixed_data(&self) -> Option<FixedData> {
        let is_headless =
            self.tpl.is_some_and(|tpl| tpl.header.is_none() && tpl.ci.is_fixed_data(self.body.len()));
        if is_headless { FixedData::parse(self.body).ok() } else { None }
    }
    /// The records, for telegrams that carry some; none for all others. Read with the right direction and
    /// the text order found by itself.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        self.records_with(RecordOptions { direction: self.direction(), ..RecordOptions::default() })
    }
    /// The records, read as `options` say.
    #[must_use]
    pub fn records_with(&self, options: RecordOptions) -> Records<'a> {
        let body = match self.content() {
            Some(Content::FullFrame | Content::Command) => self.body(),
            _ => &[],
        };
        Records::with_options(body, options)
    }
}

pub(crate) fn direction(ci: CiDirection, c_field: Option<CField>) -> Direction {
    match (ci, c_field.and_then(CField::row).map(|row| row.sender)) {
        (CiDirection::ToDevice, _) | (CiDirection::Both, Some(Sender::OtherDevice)) => Direction::ToDevice,
        _ => Direction::FromDevice,
    }
}

/// Why L of a wireless frame does not fit the octets, in words for the person who looks at them.
#[must_use]
pub const fn length_quirk(octets: &[u8]) -> Option<LengthQuirk> {
    match octets {
        [length, ..] => LengthQuirk::of(*length, octets.len()),
        [] => None,
    }
}
