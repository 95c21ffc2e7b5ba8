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

use mbus_link::c_field::Sender;
use mbus_link::ell::EllV;
use mbus_link::wired;
use mbus_link::wireless::{self, LengthQuirk};
use mbus_link::{Address, CField, Ell, NetworkLayer, network_layer};
use oms_security::afl::{self, Afl, AflMessage};
use oms_security::ell_cipher::{self, EllOpening};
use oms_security::key::{KeyProvider, KeyRequest, MAX_CANDIDATES};
use oms_security::mode::{SecurityMode, Support};
use oms_security::mode13::{self, HandedOn};
use oms_security::sealed::{self, Found, Opening, SecurityContext};

use crate::ci::{CiDirection, CiField, Content, HeaderKind};
use crate::fixed::FixedData;
use crate::record::{Direction, RecordOptions, Records};
use crate::tpl::{Header, Tpl};
use crate::value::{Invalid, Value};
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

/// Where the layers of a telegram lie: what reading finds out before the buffer is given back.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// A wired frame that was checked.
    wired: Option<WiredFound>,
    /// Octets of the frame, from its first to its last.
    frame_len: usize,
    /// Where the first CI stands, and where the octets behind it end.
    payload: (usize, usize),
    address: Option<Address>,
    c_field: Option<CField>,
    ell: Option<Ell>,
    ell_opening: Option<EllOpening>,
    /// Where the octets of a network layer lie.
    network_layer: Option<(usize, usize)>,
    afl: Option<Afl>,
    tpl: Option<Tpl>,
    tpl_at: usize,
    body: (usize, usize),
    opening: Option<Opening>,
    handed_on: Option<HandedOn>,
    reserved_mode: bool,
}

/// A wired frame that was checked once and need not be checked again.
#[derive(Clone, Copy, Debug)]
struct WiredFound {
    c_field: Option<CField>,
    address: wired::PrimaryAddress,
    payload: (usize, usize),
}

impl WiredFound {
    fn frame(self, octets: &[u8]) -> wired::Frame<'_> {
        let Self { c_field, address, payload: (from, to) } = self;
        match (c_field, octets.get(from..to)) {
            (Some(c_field), Some(payload @ [_, ..])) => wired::Frame::Long { c_field, address, payload },
            (Some(c_field), _) => wired::Frame::Short { c_field, address },
            (None, _) => wired::Frame::SingleCharacter,
        }
    }
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
    /// The meter: the address of the long transport header, else that of the link layer. A radio converter's
    /// own address is the latter, see [`Telegram::link`].
    #[must_use]
    pub fn meter(&self) -> Option<Address> {
        self.tpl.and_then(|tpl| tpl.address).or(match self.link {
            Some(Link::Wireless(frame)) => Some(frame.address()),
            _ => None,
        })
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
    /// them was checked if there is one; whether there has to be one is for who knows the session, see
    /// [`mode13::Record::demands_mac`].
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
        let c_field = self.link.and_then(|link| link.c_field());
        direction(ci.unwrap_or(CiDirection::Both), c_field)
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

/// Removes link CRCs; on failure gives the octets back as they were.
fn strip(buffer: &mut [u8], input: Input) -> Result<&mut [u8], (Error, &[u8])> {
    let verified = match input {
        Input::FormatA => wmbus_phy::RawFormatA::parse(buffer).and_then(|frame| frame.verify()),
        _ => wmbus_phy::RawFormatB::parse(buffer).and_then(|frame| frame.verify()),
    };
    if let Err(error) = verified {
        return Err((Error::from_phy(error), buffer));
    }
    let stripped = match input {
        Input::FormatA => wmbus_phy::format_a::strip_in_place(buffer).map(|frame| frame.frame.len()),
        _ => wmbus_phy::format_b::strip_in_place(buffer).map(|frame| frame.frame.len()),
    };
    match stripped {
        Ok(len) => Ok(buffer.get_mut(..len).unwrap_or_default()),
        Err(error) => Err((Error::from_phy(error), buffer)),
    }
}

impl Layout {
    /// Reads all layers; what was read before an error stays.
    fn read<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        is_wired: bool,
        keys: &P,
    ) -> Result<(), Error> {
        if is_wired {
            self.read_wired(octets)?
        } else {
            self.read_wireless(octets)?
        }
        self.read_payload(octets, is_wired, keys)
    }
    /// Reads the layers behind that of the link.
    fn read_payload<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        is_wired: bool,
        keys: &P,
    ) -> Result<(), Error> {
        let (at, end) = self.payload;
        if at >= end {
            return Ok(());
        }
        // Nobody knows the layout of ELL V, so nobody can read what is behind it: that is no fault of the telegram.
        if !is_wired && octets.get(at) == Some(&Ell::CI_V) {
            return Ok(());
        }
        let at = self.read_ell(octets, at, end, keys)?;
        let at = self.read_network_layer(octets, at, end);
        let at = self.read_afl(octets, at, end)?;
        self.read_tpl(octets, at, end, is_wired)?;
        self.open(octets, end, is_wired, self.afl.map(AflMessage::from), keys)
    }
    fn read_wired(&mut self, octets: &[u8]) -> Result<(), Error> {
        let (frame, surplus) = match wired::Frame::parse_prefix(octets) {
            Ok(parts) => parts,
            // Says of a wrapped length field what it is.
            Err(error) => return Err(Error::from_link(wired::Frame::parse(octets).err().unwrap_or(error))),
        };
        self.frame_len = octets.len().saturating_sub(surplus.len());
        self.c_field = frame.c_field();
        let end = self.frame_len.saturating_sub(2);
        self.payload = (end.saturating_sub(frame.payload().len()), end);
        if frame.payload().is_empty() {
            self.payload = (0, 0);
        }
        let address = frame.address().unwrap_or_default();
        self.wired = Some(WiredFound { c_field: frame.c_field(), address, payload: self.payload });
        Ok(())
    }
    fn read_wireless(&mut self, octets: &[u8]) -> Result<(), Error> {
        let (frame, surplus) = wireless::Frame::parse_prefix(octets).map_err(Error::from_link)?;
        self.frame_len = octets.len().saturating_sub(surplus.len());
        self.c_field = Some(frame.c_field());
        self.address = Some(frame.address());
        self.payload = (wireless::frame::HEADER_LEN, self.frame_len);
        Ok(())
    }
    fn read_ell<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        at: usize,
        end: usize,
        keys: &P,
    ) -> Result<usize, Error> {
        let in_ell = |error: Error| error.shifted(at).in_layer(Layer::Ell);
        let Some(payload) = octets.get_mut(at..end) else { return Ok(at) };
        let Some(sender) = self.address else { return Ok(at) };
        let (ell, _) = Ell::parse_optional(payload).map_err(|error| in_ell(Error::from_link(error)))?;
        let Some(ell) = ell else { return Ok(at) };
        self.ell = Some(ell);
        let opening = ell_cipher::open_in_place(&ell, sender, payload, keys)
            .map_err(|error| in_ell(Error::from_security(error)))?;
        self.ell_opening = Some(opening);
        Ok(at.saturating_add(ell.encoded_len()))
    }
    fn read_network_layer(&mut self, octets: &[u8], at: usize, end: usize) -> usize {
        let payload = octets.get(at..end).unwrap_or_default();
        let Ok(network) = NetworkLayer::parse(payload) else { return at };
        match network.guess_next() {
            Some((_, next)) => {
                let next_at = end.saturating_sub(next.len());
                self.network_layer = Some((at.saturating_add(1), next_at));
                next_at
            }
            None => at,
        }
    }
    fn read_afl(&mut self, octets: &[u8], at: usize, end: usize) -> Result<usize, Error> {
        let payload = octets.get(at..end).unwrap_or_default();
        if payload.first() != Some(&afl::CI) {
            return Ok(at);
        }
        let (afl, message) = Afl::parse_prefix(payload, None)
            .map_err(|error| Error::from_security(error).shifted(at).in_layer(Layer::Afl))?;
        self.afl = Some(afl);
        if afl.fragment_id != 0 || afl.more_fragments {
            self.body = (end.saturating_sub(message.len()), end);
            let kind = ErrorKind::Fragment { number: afl.fragment_id, more: afl.more_fragments };
            return Err(kind.at(at).in_layer(Layer::Afl));
        }
        Ok(end.saturating_sub(message.len()))
    }
    fn read_tpl(&mut self, octets: &[u8], at: usize, end: usize, is_wired: bool) -> Result<(), Error> {
        let payload = octets.get(at..end).unwrap_or_default();
        self.tpl_at = at;
        let Some((&ci, behind)) = payload.split_first() else { return Ok(()) };
        let ci = CiField(ci);
        if Ell::is_ell(ci.0) || ci.0 == afl::CI {
            return Err(ErrorKind::LayerOutOfOrder { ci: ci.0 }.at(at).in_layer(Layer::Transport));
        }
        let (tpl, body) = if is_wired && ci.is_fixed_data(behind.len()) {
            (Tpl { ci, address: None, header: None }, behind)
        } else {
            Tpl::parse_prefix(payload).map_err(|error| error.shifted(at))?
        };
        self.tpl = Some(tpl);
        self.body = (end.saturating_sub(body.len()), end);
        Ok(())
    }
    fn open<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        end: usize,
        is_wired: bool,
        afl: Option<AflMessage>,
        keys: &P,
    ) -> Result<(), Error> {
        let Some(tpl) = self.tpl else { return Ok(()) };
        let header = match tpl.header {
            Some(header) => header,
            // A MAC around a message without a header is checked as well.
            None if afl.is_some_and(|afl| afl.mac.is_some()) => Header::default(),
            None => return Ok(()),
        };
        let mode = header.configuration.mode();
        if is_wired && mode.row().support == Support::Reserved {
            self.reserved_mode = true;
            return Ok(());
        }
        let direction = match direction(tpl.ci.row().direction, self.c_field) {
            Direction::FromDevice => sealed::Direction::FromMeter,
            Direction::ToDevice => sealed::Direction::ToMeter,
        };
        let context = SecurityContext {
            meter: tpl.address.or(self.address).unwrap_or_default(),
            access_number: header.access_number,
            direction,
            configuration: header.configuration,
            afl,
        };
        let at = self.tpl_at;
        let Some(message) = octets.get_mut(at..end) else { return Ok(()) };
        let body = self.body.0.saturating_sub(at);
        if mode == SecurityMode::TLS {
            let handed_on = mode13::check(&context, message, body, true, keys)
                .map_err(|error| Error::from_security(error).shifted(at))?;
            self.handed_on = Some(handed_on);
            return Ok(());
        }
        let opening = sealed::open(&context, message, body, keys)
            .map_err(|error| Error::from_security(error).shifted(at))?;
        self.body.1 = end.saturating_sub(opening.trailer);
        if opening.found == Found::ClearUnannounced && !self.is_plausible(octets, tpl.ci) {
            // One cipher text in 65 536 begins with the check octets: what cannot be read as records is one.
            let request = KeyRequest {
                meter: context.meter,
                mode,
                key_id: header.configuration.key_id().unwrap_or_default(),
                key_version: header.configuration.key_version,
            };
            let tried = (0..MAX_CANDIDATES).take_while(|n| keys.candidate(&request, *n).is_some()).count();
            let kind = ErrorKind::Security(match tried {
                0 => oms_security::ErrorKind::KeyMissing,
                tried => oms_security::ErrorKind::CheckOctets { tried },
            });
            return Err(Error { layer: Layer::Security, kind, offset: self.body.0 });
        }
        if opening.found != Found::Clear || opening.authenticated {
            self.opening = Some(opening);
        }
        Ok(())
    }
}

impl Layout {
    /// True when the body can be read to its end as what the CI announces, and no value is impossible.
    fn is_plausible(&self, octets: &[u8], ci: CiField) -> bool {
        let body = octets.get(self.body.0..self.body.1).unwrap_or_default();
        match ci.content() {
            Content::FullFrame | Content::Command => Records::new(body).all(|record| match record {
                Ok(record) => !matches!(
                    record.value(),
                    Value::Invalid(Invalid::ErrorDigits | Invalid::NoSuchMoment | Invalid::WrongDataField)
                ),
                Err(_) => false,
            }),
            _ => true,
        }
    }
}

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

/// Why L of a wireless frame does not fit the octets, in words for the person who looks at them.
#[must_use]
pub const fn length_quirk(octets: &[u8]) -> Option<LengthQuirk> {
    match octets {
        [length, ..] => LengthQuirk::of(*length, octets.len()),
        [] => None,
    }
}
