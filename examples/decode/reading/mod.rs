//! From octets to the model: the only place that knows the library.

mod chips;
mod clock;
mod diagnosis;
mod explain;
mod information;
mod problem;
mod push;
mod records;
pub mod trust;

use super::hex;
use super::input::{Crc, Item, Kind};
use super::keys::{Key, Keys};
use super::model::{Compact, Frame, Meter, Reading, Security, Transport};
use clock::LineClock;
use mbus_app::application_error::ApplicationError;
use mbus_app::body::Body;
use mbus_app::ci::{CiField, Content};
use mbus_app::command::{ApplicationSelect, ClockCommand};
use mbus_app::fixed::FixedData;
use mbus_app::frame;
use mbus_app::frame::known::KnownFormats;
use mbus_app::frame::store::{Formats, NoFormats};
use mbus_app::record::{RecordOptions, Records};
use mbus_app::telegram::{BodyState, Input, LaxTelegram, Link, Telegram};
use mbus_app::tpl::{PartnerStatus, Status};
use mbus_app::{Error, ErrorKind, peek};
use mbus_link::time::{Duration, Instant};
use mbus_link::{Address, CField, DeviceType};
use oms_security::key::{Aes, KeyProvider, KeyRequest, PreparedKey};
use oms_security::mode13::HandedOn;
use oms_security::profile::Profile;
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::replay::Freshness;
use oms_security::sealed::{Found, Opening};
use trust::Trust;

/// Messages in fragments that are put together at the same time, and how long one may be.
const PLACES: usize = 16;
const MESSAGE: usize = 16 * 1024;
/// How long the next fragment of a message is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is kept from line to line: keys, learned formats, fragments.
#[derive(Debug)]
pub struct Decoder {
    key: Option<Key>,
    keys: Keys,
    explain: bool,
    formats: (Formats, KnownFormats),
    fragments: Box<Reassembler<PLACES, MESSAGE>>,
    clock: LineClock,
    now: Instant,
    authentication_key: Option<Key>,
    command_key: Option<Key>,
    pushes: push::Pushes,
    trust: Trust,
}

/// The keys of the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct GivenKeys {
    /// For every telegram.
    pub key: Option<Key>,
    /// That of DLMS/COSEM pushes.
    pub authentication_key: Option<Key>,
    /// That of secured commands and wrapped keys.
    pub command_key: Option<Key>,
}

/// The keys that may be those of a telegram, the best first.
struct Candidates(Vec<PreparedKey<Aes>>);

impl Candidates {
    fn of(keys: Vec<Key>, octets: impl Fn([u8; 16]) -> [u8; 16]) -> Self {
        let prepared = |key: Key| PreparedKey::new(&oms_security::key::Key::new(octets(key.octets())));
        Self(keys.into_iter().map(prepared).collect())
    }
}

impl KeyProvider for Candidates {
    type Cipher = Aes;
    fn candidate(&self, _: &KeyRequest, n: usize) -> Option<&PreparedKey<Aes>> {
        self.0.get(n)
    }
}

impl Decoder {
    /// A decoder that has heard nothing yet.
    #[must_use]
    pub fn new(given: GivenKeys, keys: Keys, explain: bool) -> Self {
        let formats = (Formats::new(), KnownFormats);
        let fragments = Box::new(Reassembler::new(PATIENCE));
        let GivenKeys { key, authentication_key, command_key } = given;
        let pushes = push::Pushes::default();
        let trust = Trust::default();
        let (clock, now) = (LineClock::new(), Instant::ZERO);
        Self {
            key,
            keys,
            explain,
            formats,
            fragments,
            clock,
            now,
            authentication_key,
            command_key,
            pushes,
            trust,
        }
    }
    /// The same for a gateway: no counter is taken twice, and no meter that has a key sends in clear.
    #[must_use]
    pub fn guarded(self) -> Self {
        Self { trust: Trust::Guarded(Box::default()), ..self }
    }
    /// What is asked of telegrams beyond that they open.
    pub const fn trust(&mut self) -> &mut Trust {
        &mut self.trust
    }
    /// The formats learned.
    pub const fn formats(&mut self) -> &mut Formats {
        &mut self.formats.0
    }
    /// True when there is a key for this meter.
    #[must_use]
    pub fn has_key_of(&self, meter: Address) -> bool {
        let (manufacturer, id) = (meter.manufacturer.to_string(), meter.identification.to_string());
        self.key.is_some() || self.keys.of(&manufacturer, &id).next().is_some()
    }
    /// Decodes one telegram.
    pub fn read(&mut self, item: Item, line: usize) -> Reading {
        let mut reading = Reading {
            line,
            id: item.id.clone(),
            input: item.octets.clone(),
            rssi_dbm: item.rssi_dbm,
            received: item.received.clone(),
            notes: item.notes.clone(),
            ..Reading::default()
        };
        self.now = self.clock.next(item.received.as_deref());
        let are_chips = item.kind == Kind::Chips;
        let item = if are_chips {
            match chips::frame(&item) {
                Ok(chips::Found { octets, crc, notes }) => {
                    // Offsets count the octets that the chips stand for.
                    reading.input.clone_from(&octets);
                    reading.notes.extend(notes);
                    Item { octets, crc, kind: Kind::Wireless, ..item }
                }
                Err(error) => {
                    reading.error = Some(error);
                    return reading;
                }
            }
        } else {
            item
        };
        if item.kind == Kind::Hdlc {
            let keys = self.push_keys(&item, None);
            self.pushes.hdlc(&mut reading, &item.octets, keys);
            return reading;
        }
        let mut octets = item.octets.clone();
        let input = input(&item, &mut octets, &mut reading);
        let keys = self.candidates(&item, &octets);
        let received = octets.clone();
        let lax = Telegram::decode_lax(&mut octets, input, &keys);
        self.fill(&mut reading, &lax, input, &item, &keys);
        let is_fragment = matches!(lax.stopped.map(|error| error.kind), Some(ErrorKind::Fragment { .. }));
        if reading.error.is_some() && !is_fragment {
            let reversed = self.reversed(&item, &received);
            diagnosis::add(&mut reading, &received, input, &keys, &reversed);
        }
        if let (true, Some(frame)) = (are_chips, &mut reading.frame) {
            frame.kind = "chips";
        }
        reading
    }

    fn candidates(&self, item: &Item, octets: &[u8]) -> Candidates {
        Candidates::of(self.keys_of(item, octets), |key| key)
    }
    /// The same keys, each with its octets in reverse order.
    fn reversed(&self, item: &Item, octets: &[u8]) -> Candidates {
        Candidates::of(self.keys_of(item, octets), |mut octets| {
            octets.reverse();
            octets
        })
    }
    /// The keys of what is inside security information.
    fn command_keys(&self, telegram: &Telegram<'_>, item: &Item) -> Candidates {
        let mut keys: Vec<Key> = self.command_key.into_iter().chain(item.key).chain(self.key).collect();
        if let Some(meter) = telegram.meter() {
            keys.extend(self.keys.of(&meter.manufacturer.to_string(), &meter.identification.to_string()));
        }
        Candidates::of(keys, |key| key)
    }
    fn keys_of(&self, item: &Item, octets: &[u8]) -> Vec<Key> {
        let mut keys: Vec<Key> = item.key.into_iter().chain(self.key).collect();
        if let Ok(peek) = peek(octets) {
            for address in [peek.transport_address, peek.link_address].into_iter().flatten() {
                let (manufacturer, id) =
                    (address.manufacturer.to_string(), address.identification.to_string());
                keys.extend(self.keys.of(&manufacturer, &id));
            }
        }
        keys
    }

    /// The keys of a push, of the meter that is known or of the only one there is.
    fn push_keys(&self, item: &Item, meter: Option<Address>) -> push::PushKeys {
        let name = meter.map(|meter| (meter.manufacturer.to_string(), meter.identification.to_string()));
        let of_meter = name.as_ref().and_then(|(manufacturer, id)| self.keys.of(manufacturer, id).next());
        let stated = name.as_ref().and_then(|(manufacturer, id)| self.keys.profile_of(manufacturer, id));
        push::PushKeys {
            encryption: item.key.or(self.key).or(of_meter),
            authentication: self.authentication_key,
            may_be_clear: stated == Some(Profile::None),
        }
    }

    fn fill(
        &mut self,
        reading: &mut Reading,
        lax: &LaxTelegram<'_>,
        input: Input,
        item: &Item,
        keys: &Candidates,
    ) {
        let telegram = &lax.telegram;
        reading.frame = Some(frame(telegram, input));
        reading.layers = telegram.layers().map(|ci| ci.0).collect();
        reading.meter = link_meter(telegram).map(meter);
        note_surplus(reading, telegram, input);
        let unreadable = telegram.link().is_none();
        if let Some(ErrorKind::Fragment { .. }) = lax.stopped.map(|error| error.kind) {
            self.fragment(reading, telegram, item, keys);
        } else {
            self.body(reading, telegram, input, item, lax.stopped);
        }
        if unreadable {
            reading.frame = None;
        }
        if self.explain {
            reading.spans = explain::spans(telegram, input);
        }
        information::hide(reading, telegram, true);
    }

    /// One fragment of a longer message: kept, and with the last one all of it is read.
    fn fragment(&mut self, reading: &mut Reading, telegram: &Telegram<'_>, item: &Item, keys: &Candidates) {
        let Some(afl) = telegram.afl() else { return };
        let (channel, sender, c_field) = match telegram.link() {
            Some(Link::Wireless(frame)) => {
                let receiver = telegram.ell().and_then(|ell| ell.receiver);
                let channel = Channel::Wireless { sender: frame.address(), receiver };
                (channel, Some(frame.address()), Some(frame.c_field()))
            }
            Some(Link::Wired(frame)) => {
                (Channel::Wired(frame.address().unwrap_or_default().0), None, frame.c_field())
            }
            None => return,
        };
        reading.facts.push(("fragment", fragment_text(afl.fragment_id, afl.more_fragments)));
        let pushed = self.fragments.push(self.now, channel, !keys.0.is_empty(), &afl, telegram.fragment());
        let (mut message, afl) = match pushed {
            Ok(Some(message)) => (message.octets.to_vec(), message.afl),
            Ok(None) => return,
            Err(error) => {
                reading.error = Some(problem::of(Error::from_security(error).in_layer(mbus_app::Layer::Afl)));
                return;
            }
        };
        let keys = self.keys_of_message(item, keys, &message);
        // Whatever is wrong from here on is wrong in the message and not in its last fragment.
        reading.input.clone_from(&message);
        let sealed = message.clone();
        let lax = Telegram::decode_message(&mut message, sender, c_field, afl, &keys);
        reading.layers.extend(lax.telegram.layers().map(|ci| ci.0));
        self.body(reading, &lax.telegram, Input::Stripped, item, lax.stopped);
        information::hide(reading, &lax.telegram, false);
        if lax.stopped.is_some() {
            let reversed = self.reversed(item, &[]);
            diagnosis::add_of_message(reading, &sealed, (sender, c_field), afl, &keys, &reversed);
        }
    }
    /// A long transport header is known only when the message is whole.
    fn keys_of_message(&self, item: &Item, keys: &Candidates, message: &[u8]) -> Candidates {
        let Ok((tpl, _)) = mbus_app::tpl::Tpl::parse_prefix(message) else {
            return Candidates(keys.0.clone());
        };
        let mut all = keys.0.clone();
        if let (Some(address), None) = (tpl.address, item.key) {
            let (manufacturer, id) = (address.manufacturer.to_string(), address.identification.to_string());
            let key = |key: Key| PreparedKey::new(&oms_security::key::Key::new(key.octets()));
            all.extend(self.keys.of(&manufacturer, &id).map(key));
        }
        Candidates(all)
    }

    fn body(
        &mut self,
        reading: &mut Reading,
        telegram: &Telegram<'_>,
        input: Input,
        item: &Item,
        stopped: Option<Error>,
    ) {
        if let Some(tpl) = telegram.tpl() {
            reading.transport = Some(transport(telegram, tpl));
            reading.meter = reading.meter.take().or(tpl.address.map(meter));
        }
        reading.security = security(telegram, stopped);
        if let Some(error) = stopped {
            reading.error = Some(problem::of(error));
            return;
        }
        if let BodyState::Opened(opening) = telegram.state() {
            reading.plaintext = Some(telegram.body().to_vec());
            note_clear_part(reading, &opening, telegram.body());
        } else if telegram.ell_opening().is_some_and(|opening| opening.found == Found::Deciphered) {
            reading.plaintext = Some(telegram.body().to_vec());
        }
        if let BodyState::HandedOn(handed_on) = telegram.state() {
            hand_on(reading, handed_on, telegram);
            return;
        }
        if let BodyState::ReservedMode = telegram.state() {
            reading
                .notes
                .push("the configuration field names a reserved security mode; the data are in clear".into());
        }
        match self.trust.judge(telegram, &self.keys, self.key.is_some() || item.key.is_some()) {
            Ok(freshness) => {
                if let Some(security) = &mut reading.security {
                    security.repeated = freshness == Some(Freshness::Repetition);
                }
            }
            Err(refusal) => {
                // What is not believed is not shown, and teaches nothing.
                reading.plaintext = None;
                let offset = input.offset_as_received(telegram.body_offset());
                reading.error = Some(trust::problem(refusal, offset));
                return;
            }
        }
        self.content(reading, telegram, item);
        // The body lies where the frame without link CRCs has it; people count in what they gave.
        let record_errors = reading.records.iter_mut().filter_map(|record| record.error.as_mut());
        for problem in reading.error.iter_mut().chain(record_errors) {
            problem.offset = input.offset_as_received(problem.offset);
        }
    }

    fn content(&mut self, reading: &mut Reading, telegram: &Telegram<'_>, item: &Item) {
        let body = telegram.body();
        let Some(tpl) = telegram.tpl() else { return };
        match tpl.ci.content() {
            Content::FullFrame | Content::Command => {
                let device = telegram.meter().map_or(DeviceType::UNKNOWN, |meter| meter.device_type);
                reading.error = records::fill(reading, telegram.records(), device, telegram.body_offset());
                // A telegram that teaches nothing is none the worse for it; two formats under one signature are told.
                if self.may_teach(telegram, item)
                    && let Err(Error { kind: kind @ ErrorKind::FormatConflict { .. }, .. }) =
                        frame::learn(telegram, &mut self.formats)
                {
                    reading.notes.push(kind.to_string());
                }
            }
            Content::CompactFrame => match telegram.fixed_data() {
                Some(data) => fixed(reading, &data),
                None => self.compact(reading, telegram, item),
            },
            Content::FormatFrame => self.format(reading, telegram, item),
            Content::ApplicationError
            | Content::Alarm
            | Content::ApplicationSelect
            | Content::SelectedApplication => {
                // Without the check octets and fillers of the security mode.
                match Body::of(telegram) {
                    Ok(Body::ApplicationError(ApplicationError { code, .. })) => {
                        reading.facts.push(("application_error", format!("{code} ({:02X})", code.0)));
                    }
                    Ok(Body::Alarm(alarm)) => reading.facts.push(("alarm", format!("{:02X}", alarm.0))),
                    Ok(Body::ApplicationSelect(select)) => {
                        reading.facts.push(("application_select", application(select)));
                    }
                    Ok(_) => {}
                    Err(error) => reading.error = Some(problem::of(error)),
                }
            }
            Content::ManufacturerSpecific => reading.proprietary = true,
            Content::Selection => {
                if let Ok(selection) = mbus_app::command::Selection::parse(body) {
                    reading.facts.push(("selection", selection.address.to_string()));
                }
            }
            Content::ClockSynchronisation => reading.facts.push(("clock", clock(body))),
            Content::SecurityInformation => {
                self.information(reading, telegram, item);
                reading.error = Body::of(telegram).err().map(problem::of);
            }
            Content::DlmsCarrier => {
                if let Some(Link::Wired(frame)) = telegram.link() {
                    let (c, a) = (frame.c_field().map_or(0, |c| c.0), frame.address().unwrap_or_default().0);
                    let keys = self.push_keys(item, None);
                    self.pushes.wired(reading, c, a, frame.payload(), keys);
                }
            }
            Content::Cosem => push::cosem_body(reading, body, self.push_keys(item, telegram.meter())),
            Content::ObisTyped => push::sml_body(reading, body),
            Content::NoApplication => {}
            _ => reading.notes.push(format!("{} is told by name only here", tpl.ci.name())),
        }
    }

    /// With keys at hand only telegrams that one of them opened teach, and none with a clear part that no MAC covers:
    /// strangers do not push the formats of the user's meters out. Without any key nothing tells a stranger, and on the
    /// wired bus there is none.
    fn may_teach(&self, telegram: &Telegram<'_>, item: &Item) -> bool {
        let has_keys = item.key.is_some() || self.key.is_some() || !self.keys.is_empty();
        let observed = telegram.observed();
        let is_wired = matches!(telegram.link(), Some(Link::Wired(_)));
        !has_keys || is_wired || observed.authenticated || (observed.deciphered && observed.clear_octets == 0)
    }
    fn format(&mut self, reading: &mut Reading, telegram: &Telegram<'_>, item: &Item) {
        let learned = if self.may_teach(telegram, item) {
            frame::learn(telegram, &mut self.formats)
        } else {
            reading.notes.push("the format was not learned: no key opened the telegram".into());
            frame::learn(telegram, &mut NoFormats)
        };
        match learned {
            Ok(Some(key)) => reading.facts.push(("format_signature", format!("{:04X}", key.signature))),
            Ok(None) => {}
            Err(error) => reading.error = Some(problem::of(error)),
        }
    }
    fn compact(&mut self, reading: &mut Reading, telegram: &Telegram<'_>, item: &Item) {
        let (frame, key) = match frame::compact_frame(telegram) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                reading.error = Some(problem::of(error));
                return;
            }
        };
        let mut buffer = vec![0; 1024];
        let outcome = match item.format_headers.as_deref() {
            Some(headers) => frame.expand_into(headers, &mut buffer),
            None => frame.expand_with(&mut self.formats, &key, &mut buffer),
        };
        let state = match &outcome {
            Ok(_) => "expanded",
            Err(Error { kind: ErrorKind::FormatUnknown { .. }, .. }) => "format_unknown",
            Err(_) => "crc_mismatch",
        };
        reading.compact = Some(Compact {
            format_signature: frame.signature,
            full_frame_crc: Some(frame.full_frame_crc),
            state,
        });
        match outcome {
            Ok(expanded) => {
                let options = RecordOptions { direction: telegram.direction(), ..RecordOptions::default() };
                let records = Records::with_options(expanded.records, options);
                reading.error = records::fill(reading, records, key.device_type, telegram.body_offset());
            }
            Err(error) if state == "crc_mismatch" => {
                reading.error = Some(problem::of(error.shifted(telegram.body_offset())));
            }
            Err(_) => {}
        }
    }
}

/// The frame of a wireless telegram without link CRCs, as far as it is one: what tells a telegram from its repetition
/// before anything else is done about it.
#[must_use]
pub fn wireless_frame(item: &Item) -> Option<Vec<u8>> {
    let mut octets = item.octets.clone();
    let (kind, crc) = match item.kind {
        Kind::Hdlc | Kind::Wired => return None,
        Kind::Chips => {
            let found = chips::frame(item).ok()?;
            octets = found.octets;
            (Kind::Wireless, found.crc)
        }
        kind => (kind, item.crc),
    };
    let item = Item { octets: Vec::new(), kind, crc, ..item.clone() };
    let frame = match input(&item, &mut octets, &mut Reading::default()) {
        Input::Wired => return None,
        Input::FormatA => &*wmbus_phy::format_a::strip_in_place(&mut octets).ok()?.frame,
        Input::FormatB => &*wmbus_phy::format_b::strip_in_place(&mut octets).ok()?.frame,
        Input::Stripped => &octets,
    };
    let whole = usize::from(*frame.first()?) + 1;
    Some(frame.get(..whole).unwrap_or(frame).to_vec())
}

/// What the octets are; frames with CRCs lose what follows them, which is told.
fn input(item: &Item, octets: &mut Vec<u8>, reading: &mut Reading) -> Input {
    let input = match (item.kind, item.crc) {
        (Kind::Wired, _) => Input::Wired,
        (_, Crc::A) => Input::FormatA,
        (_, Crc::B) => Input::FormatB,
        (Kind::Wireless, Crc::None) => Input::Stripped,
        (Kind::Wireless, Crc::Auto) => match Telegram::guess(octets) {
            Input::Wired => Input::Stripped,
            guessed => guessed,
        },
        (_, Crc::None) if Telegram::guess(octets) != Input::Wired => Input::Stripped,
        _ => Telegram::guess(octets),
    };
    let found = wmbus_phy::classify(octets);
    let evidence = match input {
        Input::FormatA => found.format_a,
        Input::FormatB => found.format_b,
        _ => return input,
    };
    if let Some(surplus) =
        evidence.on_air.and_then(|on_air| octets.len().checked_sub(on_air)).filter(|n| *n > 0)
    {
        octets.truncate(octets.len() - surplus);
        reading.notes.push(format!("{surplus} octets behind the end of the frame were left out"));
    }
    input
}

fn note_surplus(reading: &mut Reading, telegram: &Telegram<'_>, input: Input) {
    let surplus = telegram.surplus().len();
    if telegram.link().is_none() || surplus == 0 {
        return;
    }
    if input == Input::Wired {
        let kind = ErrorKind::Link(mbus_link::ErrorKind::SurplusOctets { octets: surplus });
        let offset = telegram.octets().len() - surplus;
        reading.error = Some(problem::of(Error { layer: mbus_app::Layer::Link, kind, offset }));
    }
    reading.notes.push(format!("{surplus} octets follow the end that L announces"));
}

fn note_clear_part(reading: &mut Reading, opening: &Opening, body: &[u8]) {
    let clear = body.len().saturating_sub(opening.enciphered);
    if opening.found == Found::Deciphered && clear > 0 {
        reading
            .notes
            .push(format!("the last {clear} octets were not enciphered: anybody could have sent them"));
    }
}

fn fragment_text(number: u8, more: bool) -> String {
    let more = if more { ", more follow" } else { ", the last one" };
    format!("{number}{more}")
}

fn frame(telegram: &Telegram<'_>, input: Input) -> Frame {
    let whole = telegram.octets().len() - telegram.surplus().len();
    let octets = telegram.octets().get(..whole).unwrap_or_default().to_vec();
    let crc = match input {
        Input::FormatA => "A",
        Input::FormatB => "B",
        Input::Wired | Input::Stripped => "none",
    };
    let c_field = telegram.link().and_then(|link| link.c_field());
    let function = c_field.and_then(CField::name).map(str::to_owned);
    let frame = Frame { crc, octets, c: c_field.map(|c| c.0), function, ..Frame::default() };
    match telegram.link() {
        Some(Link::Wired(wired)) => Frame {
            kind: "wired",
            form: Some(wired.frame_type().name()),
            address: wired.address().map(|address| address.0),
            ..frame
        },
        _ => Frame { kind: if input == Input::Wired { "wired" } else { "wireless" }, ..frame },
    }
}

/// The address of the link layer; the wired bus has none.
fn link_meter(telegram: &Telegram<'_>) -> Option<Address> {
    match telegram.link() {
        Some(Link::Wireless(frame)) => Some(frame.address()),
        _ => None,
    }
}

fn meter(address: Address) -> Meter {
    Meter {
        manufacturer: address.manufacturer.to_string(),
        id: address.identification.to_string(),
        version: address.version.0,
        device_type: address.device_type.0,
        medium: medium(address.device_type),
    }
}

fn transport(telegram: &Telegram<'_>, tpl: mbus_app::tpl::Tpl) -> Transport {
    let to_device = telegram.direction() == mbus_app::record::Direction::ToDevice;
    let flags = |status: u8| -> Vec<String> {
        if to_device {
            let level = PartnerStatus(status).reception_level();
            return level.map(|dbm| format!("heard at {dbm} dBm")).into_iter().collect();
        }
        Status(status).words().map(str::to_owned).collect()
    };
    Transport {
        ci: tpl.ci.0,
        name: tpl.ci.name().to_owned(),
        access: tpl.header.map(|header| header.access_number),
        status: tpl.header.map(|header| header.status),
        status_flags: tpl.header.map(|header| flags(header.status)).unwrap_or_default(),
        meter: tpl.address.map(meter),
    }
}

fn security(telegram: &Telegram<'_>, stopped: Option<Error>) -> Option<Security> {
    let failed = stopped.and_then(|error| match error.kind {
        ErrorKind::Security(oms_security::ErrorKind::KeyMissing) => Some("locked"),
        ErrorKind::Security(_) => Some("failed"),
        _ => None,
    });
    let enciphered_link = telegram.ell().is_some_and(|ell| ell.is_encrypted());
    let mode = telegram.tpl().and_then(|tpl| tpl.header).map(|header| header.configuration.mode().0);
    if enciphered_link && mode.unwrap_or_default() == 0 {
        let found = match telegram.ell_opening().map(|opening| opening.found) {
            Some(Found::Deciphered) => "decrypted",
            Some(Found::ClearUnannounced) => "plain",
            Some(Found::Clear) => "none",
            None => failed.unwrap_or("failed"),
        };
        return Some(Security {
            mode: mode.unwrap_or_default(),
            layer: "ell",
            state: found,
            ..Security::default()
        });
    }
    telegram.tpl()?;
    let state = match telegram.state() {
        BodyState::Opened(Opening { found: Found::Deciphered, .. }) => "decrypted",
        BodyState::Opened(Opening { found: Found::ClearUnannounced, .. }) => "plain",
        BodyState::Closed => failed.unwrap_or("none"),
        BodyState::HandedOn(_) => "locked",
        _ => "none",
    };
    Some(Security {
        mode: mode.unwrap_or_default(),
        layer: "transport",
        state,
        authenticated: telegram.is_authenticated(),
        counter: telegram.counter(),
        repeated: false,
    })
}

/// The records of TLS go to whoever has the session.
fn hand_on(reading: &mut Reading, handed_on: HandedOn, telegram: &Telegram<'_>) {
    let (mut octets, mut names) = (Vec::new(), Vec::new());
    for record in telegram.tls_records().flatten() {
        let mut encoded = vec![0; record.encoded_len()];
        octets.extend_from_slice(record.encode_into(&mut encoded).unwrap_or_default());
        names.push(record.content_type.to_string());
    }
    let (protocol, names) = (handed_on.protocol, names.join(", "));
    reading.notes.push(format!("{protocol}: {names}; only the session of TLS opens that"));
    reading.facts.push(("tls", hex::upper(&octets)));
}

fn fixed(reading: &mut Reading, data: &FixedData) {
    reading.meter = Some(Meter {
        id: data.identification.to_string(),
        device_type: data.device_type().0,
        medium: data.medium_name().to_owned(),
        ..Meter::default()
    });
    if let Some(transport) = &mut reading.transport {
        transport.name = "fixed data structure".to_owned();
        (transport.access, transport.status) = (Some(data.access_number), Some(data.status.0));
    }
    reading.records = (0..2).map(|n| records::counter(data, n)).collect();
}

/// The name of the table; for a reserved code what other lists call it, marked as such.
fn medium(device: DeviceType) -> String {
    match device.hint() {
        Some(hint) => format!("{device} ({hint} in some lists)"),
        None => device.to_string(),
    }
}

/// An application and its block, or the reset.
fn application(select: ApplicationSelect<'_>) -> String {
    match select {
        ApplicationSelect::Reset => "reset".to_owned(),
        ApplicationSelect::Select { application, block: 0 } => application.to_string(),
        ApplicationSelect::Select { application, block } => format!("{application}, block {block}"),
        ApplicationSelect::Extended(octets) => {
            format!("of more than one octet: {}", hex::upper(octets))
        }
    }
}

/// What a clock is told to do.
fn clock(body: &[u8]) -> String {
    match ClockCommand::parse(body.strip_prefix(&[0x2F, 0x2F]).unwrap_or(body)) {
        Ok(command) => command.to_string(),
        Err(error) => error.kind.to_string(),
    }
}

/// The words for a CI.
fn ci_text(ci: u8) -> &'static str {
    CiField(ci).name()
}
