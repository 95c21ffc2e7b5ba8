//! Why a telegram does not open: which check failed, which octets went into it, and what was found by trying.
//!
//! Each cause is tried on a copy of the octets: the mistake is undone, and the telegram opens or it does not. What opens
//! must also be plausible: a MAC or tag fits, or 2F 2F comes out and all records can be read. So a cause that is called
//! proven is none of chance. Invariants: nothing is given out but names and ranges, and the copy is wiped; the work is
//! bounded by the number of causes and of keys. For the operator only, never for the sender ([`crate::trust::ANSWER`]).

use mbus_link::{Address, CField, DeviceType};
use oms_security::afl::AflMessage;
use oms_security::configuration::Configuration;
use oms_security::diagnosis::{key_fits, key_seems_right};
use oms_security::key::KeyProvider;
use oms_security::sealed::{self, Opening, SecurityContext};
use wmbus_phy::crc;

use crate::ci::Content;
use crate::record::{Direction, RecordOptions, Records};
use crate::telegram::{BodyState, Input, Link, Telegram};
use crate::value::Value;
use crate::vif::Quantity;
use crate::{Error, ErrorKind, Layer};

pub use oms_security::diagnosis::{Cause, Check, Part};

/// The most causes that are named.
const CAUSES: usize = 8;
/// The most parts that are named.
const PARTS: usize = 10;
/// Where a long frame of format B has the CRC of its first part.
const CRC_OF_B: usize = 126;

/// What was found out. Prints as one line of text for each thing to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    check: Check,
    causes: [Option<Cause>; CAUSES],
    parts: [Option<Part>; PARTS],
}

impl Diagnosis {
    /// The check that failed.
    #[must_use]
    pub const fn check(&self) -> Check {
        self.check
    }
    /// The causes that a test spoke for, the proven ones first. None: the key is wrong, or octets were changed.
    pub fn causes(&self) -> impl Iterator<Item = Cause> + '_ {
        let proven = self.causes.iter().flatten().filter(|cause| cause.is_proven());
        proven.chain(self.causes.iter().flatten().filter(|cause| !cause.is_proven())).copied()
    }
    /// The octets that went into the check.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.iter().flatten().copied()
    }
    fn add(&mut self, cause: Cause) {
        if self.causes().any(|known| known == cause) {
            return;
        }
        if let Some(place) = self.causes.iter_mut().find(|place| place.is_none()) {
            *place = Some(cause);
        }
    }
    fn part(&mut self, name: &'static str, from: usize, len: usize) {
        if let Some(place) = self.parts.iter_mut().find(|place| place.is_none()) {
            *place = Some(Part { name, from, to: from.saturating_add(len) });
        }
    }
}

/// Finds out why `octets`, as received, do not open with `keys`. `reversed` are the same keys with their octets in
/// reverse order, where the caller has them; `scratch` has at least as many octets. `None`: the telegram can be read,
/// its error has nothing to do with security, or `scratch` is too small.
pub fn diagnose<P: KeyProvider + ?Sized>(
    octets: &[u8],
    input: Input,
    keys: &P,
    reversed: Option<&P>,
    scratch: &mut [u8],
) -> Option<Diagnosis> {
    let scratch = scratch.get_mut(..octets.len())?;
    let mut trial = Trial { octets, input, keys, scratch };
    let diagnosis = trial.diagnose(reversed);
    trial.scratch.fill(0);
    diagnosis
}

/// Finds out why a message that was put together from fragments does not open: as [`diagnose`], for the octets and the AFL
/// of [`oms_security::reassembly::Message`]. `sender` and `c_field` are those of the link layer. The parts are counted in
/// the message, from its transport CI on; those of the AFL, which is not in it, are named with no octets.
///
/// A fragment that is missing never comes this far: the reassembler names it
/// ([`oms_security::ErrorKind::FragmentGap`], [`oms_security::ErrorKind::MessageLength`]).
pub fn diagnose_message<P: KeyProvider + ?Sized>(
    message: &[u8],
    (sender, c_field): (Option<Address>, Option<CField>),
    afl: AflMessage,
    keys: &P,
    reversed: Option<&P>,
    scratch: &mut [u8],
) -> Option<Diagnosis> {
    let scratch = scratch.get_mut(..message.len())?;
    scratch.copy_from_slice(message);
    let lax = Telegram::decode_message(scratch, sender, c_field, afl, keys);
    let ErrorKind::Security(kind) = lax.stopped?.kind else { return None };
    let closed = Closed::of_message(&lax.telegram, (sender, c_field), afl, message.len());
    let check = Check::of(kind).unwrap_or(Check::Content);
    let mut found = Diagnosis { check, causes: [None; CAUSES], parts: [None; PARTS] };
    if let Some(closed) = &closed {
        closed.name_parts(&mut found);
    }
    if check != Check::Key {
        if let Some(reversed) = reversed {
            scratch.copy_from_slice(message);
            let lax = Telegram::decode_message(scratch, sender, c_field, afl, reversed);
            if lax.stopped.is_none() && is_convincing(&lax.telegram) {
                found.add(Cause::ReversedKey);
            }
        }
        if let Some(closed) = closed {
            let mut trial = Trial { octets: message, input: Input::Stripped, keys, scratch: &mut *scratch };
            trial.try_message(&closed, &mut found);
        }
    }
    scratch.fill(0);
    Some(found)
}

/// The octets and a copy of them that may be spoiled.
struct Trial<'t, P: ?Sized> {
    octets: &'t [u8],
    input: Input,
    keys: &'t P,
    scratch: &'t mut [u8],
}

/// What is known of a telegram that did not open.
#[derive(Clone, Copy)]
struct Closed {
    context: SecurityContext,
    /// The message from its CI on, and its end, in the frame without CRCs.
    message: (usize, usize),
    body: usize,
    link: Option<Address>,
    has_long_header: bool,
    link_access: Option<u8>,
    receiver: Option<Address>,
    direction: Direction,
    afl_len: usize,
}

impl<P: KeyProvider + ?Sized> Trial<'_, P> {
    fn diagnose(&mut self, reversed: Option<&P>) -> Option<Diagnosis> {
        let (error, closed) = self.read(self.keys)?;
        let kind = error.map(|error| error.kind);
        let check = match kind {
            Some(ErrorKind::Security(kind)) => Check::of(kind).unwrap_or(Check::Content),
            Some(ErrorKind::Link(mbus_link::ErrorKind::Truncated { .. })) => Check::Length,
            _ => Check::Content,
        };
        let mut found = Diagnosis { check, causes: [None; CAUSES], parts: [None; PARTS] };
        if let Some(closed) = &closed {
            closed.name_parts(&mut found);
        } else if let Some(error) = error.filter(|_| check == Check::PayloadCrc) {
            found.part("address of the link layer", 2, 8);
            found.part("CC", 11, 1);
            found.part("enciphered octets from the payload CRC on", error.offset, self.end(error.offset));
        }
        if let Some(Closed { context, .. }) = closed {
            if context.configuration.mode().0 >= 16 {
                found.add(Cause::Scrambled);
            }
        }
        if check == Check::Key {
            return Some(found);
        }
        self.try_frame(kind, &mut found);
        if let Some(reversed) = reversed {
            if self.opens(reversed, self.octets.len(), |_| self_is_unchanged()) {
                found.add(Cause::ReversedKey);
            }
        }
        if let Some(closed) = closed {
            self.try_message(&closed, &mut found);
        }
        // What has nothing to do with security is told only when a cause was found.
        let is_security = matches!(kind, Some(ErrorKind::Security(_)));
        Some(found).filter(|found| is_security || found.causes().next().is_some())
    }
    fn end(&self, from: usize) -> usize {
        let length = self.octets.first().map_or(0, |length| usize::from(*length).saturating_add(1));
        length.min(self.octets.len()).saturating_sub(from)
    }
    /// Reads a copy; gives the error and what is needed to try the message alone. `None` when all of it was read and makes
    /// sense.
    fn read(&mut self, keys: &P) -> Option<(Option<Error>, Option<Closed>)> {
        self.scratch.iter_mut().zip(self.octets).for_each(|(place, octet)| *place = *octet);
        let lax = Telegram::decode_lax(self.scratch, self.input, keys);
        let telegram = &lax.telegram;
        let evidence = wmbus_phy::classify(self.octets);
        let has_crcs = self.input == Input::Stripped
            && (evidence.format_a.is_verified() || evidence.format_b.is_verified());
        if lax.stopped.is_none() && !has_crcs && (is_convincing(telegram) || is_clear(telegram)) {
            return None;
        }
        Some((lax.stopped, Closed::of(telegram)))
    }
    /// True when a copy of the first `len` octets opens once `undo` has changed it.
    fn opens(
        &mut self,
        keys: &P,
        len: usize,
        undo: impl FnOnce(&mut [u8]) -> Option<(usize, Input)>,
    ) -> bool {
        let Some(copy) = self.scratch.get_mut(..len) else { return false };
        copy.iter_mut().zip(self.octets).for_each(|(place, octet)| *place = *octet);
        let (len, input) = undo(copy).unwrap_or((len, self.input));
        let Some(copy) = copy.get_mut(..len) else { return false };
        let lax = Telegram::decode_lax(copy, input, keys);
        lax.stopped.is_none() && is_convincing(&lax.telegram)
    }

    /// What may be wrong with the frame around the message.
    fn try_frame(&mut self, error: Option<ErrorKind>, found: &mut Diagnosis) {
        if self.input != Input::Stripped || self.octets.len() < mbus_link::wireless::frame::HEADER_LEN {
            return;
        }
        let (all, keys) = (self.octets.len(), self.keys);
        for (input, cause) in [(Input::FormatA, Cause::CrcOfFormatA), (Input::FormatB, Cause::CrcOfFormatB)] {
            if self.opens(keys, all, |copy| Some((copy.len(), input))) {
                found.add(cause);
            }
        }
        if self.opens(keys, all, without_crc_at_126) {
            found.add(Cause::CrcAt126);
        }
        let announced = self.octets.first().map_or(0, |length| usize::from(*length).saturating_add(1));
        let resized = |copy: &mut [u8]| {
            let length = u8::try_from(copy.len().checked_sub(1)?).ok()?;
            *copy.first_mut()? = length;
            Some((copy.len(), Input::Stripped))
        };
        if announced > all {
            let cause =
                if self.opens(keys, all, resized) { Cause::LengthCountsCrcs } else { Cause::OctetsMissing };
            found.add(cause);
        }
        // A few octets more or fewer than L says.
        for octets in 1..=4usize {
            let longer = announced.saturating_add(octets);
            if longer <= all && self.opens(keys, longer, resized) {
                found.add(Cause::LengthTooSmall);
            }
            let shorter = announced.saturating_sub(octets);
            if announced <= all && self.opens(keys, shorter, resized) {
                found.add(Cause::SurplusOctets);
            }
        }
        let truncated = |kind| matches!(kind, oms_security::ErrorKind::CiphertextTruncated { .. });
        let is_short = matches!(error, Some(ErrorKind::Security(kind)) if truncated(kind));
        if is_short && found.causes().next().is_none() {
            found.add(Cause::OctetsMissing);
        }
    }

    /// What may be wrong with what went into the cipher beside the message.
    fn try_message(&mut self, closed: &Closed, found: &mut Diagnosis) {
        let context = closed.context;
        let mut attempt = |cause: Cause, context: Option<SecurityContext>| {
            if context.is_some_and(|context| self.message_opens(closed, &context)) {
                found.add(cause);
            }
        };
        let of = |meter: Option<Address>| {
            meter.filter(|meter| *meter != context.meter).map(|meter| SecurityContext { meter, ..context })
        };
        attempt(Cause::LinkAddress, of(closed.link.filter(|_| closed.has_long_header)));
        attempt(Cause::ReceiverAddress, of(closed.receiver));
        attempt(
            Cause::AddressOrder,
            of(Some(Address::from_link_octets(context.meter.to_transport_octets()))),
        );
        let access = closed.link_access.filter(|number| *number != context.access_number);
        attempt(
            Cause::LinkAccessNumber,
            access.map(|access_number| SecurityContext { access_number, ..context }),
        );
        let direction = match context.direction {
            sealed::Direction::FromMeter => sealed::Direction::ToMeter,
            sealed::Direction::ToMeter => sealed::Direction::FromMeter,
        };
        attempt(Cause::OtherDirection, Some(SecurityContext { direction, ..context }));
        attempt(
            Cause::MacWithoutFields,
            context.afl.map(|afl| SecurityContext { afl: Some(bare(afl)), ..context }),
        );
        let field = context.configuration.field | 0x00F0;
        let all = Configuration { field, ..context.configuration };
        let is_mode5 = context.configuration.mode().0 == 5;
        let announces_nothing = is_mode5 && context.configuration.encrypted_blocks() == Some(0);
        let nothing = SecurityContext { configuration: all, ..context };
        attempt(Cause::NothingAnnounced, Some(nothing).filter(|_| announces_nothing));
        if found.check == Check::Mac && self.key_fits(closed) {
            found.add(Cause::KeyFits);
        }
        if found.check == Check::Tag && self.key_seems_right(closed) {
            found.add(Cause::KeySeemsRight);
        }
        let is_converter = closed.link.is_some_and(|link| {
            matches!(link.device_type, DeviceType::RADIO_CONVERTER_METER | DeviceType::RADIO_CONVERTER_SYSTEM)
        });
        if is_converter && !closed.has_long_header && closed.direction == Direction::FromDevice {
            found.add(Cause::ConverterAddress);
        }
    }
    /// The message in a copy, link CRCs removed.
    fn message(&mut self, closed: &Closed) -> Option<&mut [u8]> {
        self.scratch.iter_mut().zip(self.octets).for_each(|(place, octet)| *place = *octet);
        let frame = match self.input {
            Input::FormatA => wmbus_phy::format_a::strip_in_place(self.scratch).ok()?.frame,
            Input::FormatB => wmbus_phy::format_b::strip_in_place(self.scratch).ok()?.frame,
            Input::Wired | Input::Stripped => &mut *self.scratch,
        };
        frame.get_mut(closed.message.0..closed.message.1)
    }
    fn message_opens(&mut self, closed: &Closed, context: &SecurityContext) -> bool {
        let keys = self.keys;
        let (body, direction) = (closed.body, closed.direction);
        let Some(message) = self.message(closed) else { return false };
        let Ok(opening) = sealed::open(context, message, body, keys) else { return false };
        let end = message.len().saturating_sub(opening.trailer);
        let records = message.get(body..end).unwrap_or_default();
        opening.authenticated || (opening.enciphered > 0 && are_records(records, direction))
    }
    fn key_fits(&mut self, closed: &Closed) -> bool {
        let keys = self.keys;
        self.message(closed).is_some_and(|message| key_fits(&closed.context, message, closed.body, keys))
    }
    fn key_seems_right(&mut self, closed: &Closed) -> bool {
        let (keys, direction) = (self.keys, closed.direction);
        let plausible = |octets: &[u8]| are_readings(octets, direction);
        self.message(closed)
            .is_some_and(|message| key_seems_right(&closed.context, message, closed.body, keys, plausible))
    }
}

/// True when all of it are plain records: quantities of the standard's tables, numbers, digits or moments of two octets and
/// more, hardly an extension. Stricter than the standard, since octets of chance often are records of some kind: twelve of
/// them pass six times in a thousand.
fn are_readings(octets: &[u8], direction: Direction) -> bool {
    let mut readings = 0usize;
    let options = RecordOptions { direction, ..RecordOptions::default() };
    let all_are = Records::with_options(octets, options).all(|record| {
        let Ok(record) = record else { return false };
        readings = readings.saturating_add(1);
        let is_plain = matches!(
            record.value(),
            Value::Number(_) | Value::Digits(_) | Value::Date(_) | Value::DateTime(_) | Value::Bits(_)
        );
        is_plain
            && !matches!(record.quantity(), Quantity::Reserved | Quantity::ManufacturerSpecific)
            && record.dib().octets().len() <= 2
            && record.vib().octets().len() <= 2
            && record.data().len() >= 2
    });
    all_are && readings > 1
}

/// Nothing to undo: the keys are others.
const fn self_is_unchanged() -> Option<(usize, Input)> {
    None
}

/// Takes the CRC behind the first 126 octets out, if it is one.
fn without_crc_at_126(copy: &mut [u8]) -> Option<(usize, Input)> {
    let none = Some((0, Input::Stripped));
    let (first, rest) = copy.split_at_checked(CRC_OF_B)?;
    let sum = u16::from_be_bytes(*rest.first_chunk::<2>()?);
    // L may have been set to what is left of the frame: it counts both CRCs, one, or none.
    let length = *first.first()?;
    let fits = [0u8, 2, 4].iter().any(|counted| {
        let length = [length.wrapping_add(*counted)];
        crc::checksum_of([&length[..], first.get(1..).unwrap_or_default()]) == sum
    });
    if !fits {
        return none;
    }
    let left = copy.len().saturating_sub(2);
    copy.copy_within(CRC_OF_B.saturating_add(2).., CRC_OF_B);
    *copy.first_mut()? = u8::try_from(left.saturating_sub(1)).ok()?;
    Some((left, Input::Stripped))
}

/// True when the telegram is in clear and can be read.
fn is_clear(telegram: &Telegram<'_>) -> bool {
    let content = telegram.content();
    let opened = matches!(telegram.state(), BodyState::Opened(_));
    !opened
        && content.is_none_or(|content| content != Content::Reserved)
        && telegram.records().all(|r| r.is_ok())
}

/// True when the telegram was opened and is no accident.
fn is_convincing(telegram: &Telegram<'_>) -> bool {
    match telegram.state() {
        BodyState::Opened(Opening { authenticated: true, .. }) => true,
        BodyState::Opened(Opening { enciphered, .. }) if enciphered > 0 => {
            are_records(telegram.body(), telegram.direction())
        }
        _ => telegram.ell_opening().is_some_and(|opening| opening.found == sealed::Found::Deciphered),
    }
}

fn are_records(octets: &[u8], direction: Direction) -> bool {
    let options = RecordOptions { direction, ..RecordOptions::default() };
    Records::with_options(octets, options).all(|record| record.is_ok())
}

/// Without what some senders leave out of the MAC.
fn bare(afl: AflMessage) -> AflMessage {
    AflMessage { key_information: None, message_length: None, ..afl }
}

impl Closed {
    fn of_message(
        telegram: &Telegram<'_>,
        (link, c_field): (Option<Address>, Option<CField>),
        afl: AflMessage,
        end: usize,
    ) -> Option<Self> {
        let tpl = telegram.tpl()?;
        let header = tpl.header?;
        let direction = crate::telegram::direction(tpl.ci.row().direction, c_field);
        let context = SecurityContext {
            meter: tpl.address.or(link).unwrap_or_default(),
            access_number: header.access_number,
            direction: direction.into(),
            configuration: header.configuration,
            afl: Some(afl),
        };
        Some(Self {
            context,
            message: (0, end),
            body: telegram.body_offset(),
            link,
            has_long_header: tpl.address.is_some(),
            link_access: None,
            receiver: None,
            direction,
            afl_len: 0,
        })
    }
    fn of(telegram: &Telegram<'_>) -> Option<Self> {
        let tpl = telegram.tpl()?;
        let header = tpl.header?;
        let (link, checksum) = match telegram.link()? {
            Link::Wireless(frame) => (Some(frame.address()), 0),
            Link::Wired(_) => (None, 2),
        };
        let frame = telegram.octets().len().saturating_sub(telegram.surplus().len());
        let direction = telegram.direction();
        let context = SecurityContext {
            meter: tpl.address.or(link).unwrap_or_default(),
            access_number: header.access_number,
            direction: direction.into(),
            configuration: header.configuration,
            afl: telegram.afl().map(AflMessage::from),
        };
        Some(Self {
            context,
            message: (telegram.tpl_offset(), frame.saturating_sub(checksum)),
            body: telegram.body_offset().saturating_sub(telegram.tpl_offset()),
            link,
            has_long_header: tpl.address.is_some(),
            link_access: telegram.ell().map(|ell| ell.access_number),
            receiver: telegram.ell().and_then(|ell| ell.receiver),
            direction,
            afl_len: telegram.afl().map_or(0, |afl| afl.encoded_len()),
        })
    }
    /// Names the octets that the check of the mode works on.
    fn name_parts(&self, found: &mut Diagnosis) {
        let (from, to) = self.message;
        let body = from.saturating_add(self.body);
        let whole = to.saturating_sub(from);
        let rest = to.saturating_sub(body);
        let configuration = &self.context.configuration;
        let (address, access) = if self.has_long_header {
            (("address of the long header", from.saturating_add(1), 8), from.saturating_add(9))
        } else {
            // A message put together from fragments begins behind it.
            (("address of the link layer", 2, if from == 0 { 0 } else { 8 }), from.saturating_add(1))
        };
        match configuration.mode().0 {
            5 => {
                found.part(address.0, address.1, address.2);
                found.part("access number", access, 1);
                let blocks =
                    configuration.encrypted_blocks().map_or(rest, |n| usize::from(n).saturating_mul(16));
                found.part("enciphered blocks", body, if blocks == 240 { rest } else { blocks.min(rest) });
            }
            7 => {
                // The long header has the number first, the link layer the manufacturer.
                let id = if self.has_long_header { address.1 } else { address.1.saturating_add(2) };
                found.part("identification number, for the keys", id, address.2.min(4));
                if configuration.counter.is_some() {
                    found.part("message counter, for the keys", body.saturating_sub(4), 4);
                }
                let afl = from.saturating_sub(self.afl_len);
                found.part(
                    "MCL, KI, MCR and ML of the AFL, as far as they are there, and the MAC",
                    afl.saturating_add(4),
                    self.afl_len.saturating_sub(4),
                );
                found.part("message from its CI on", from, whole);
            }
            10 => {
                found.part(address.0, address.1, address.2);
                let counter = if configuration.announces_counter() { 4 } else { 0 };
                found.part("header from its CI on", from, self.body.saturating_sub(counter));
                found.part("message counter", body.saturating_sub(counter), counter);
                found.part("enciphered octets", body, rest.saturating_sub(8));
                found.part("tag", to.saturating_sub(rest.min(8)), rest.min(8));
            }
            _ => found.part("body", body, rest),
        }
    }
}

impl core::fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "failed: {} ({} layer)", self.check.name(), Layer::Security.name())?;
        for part in self.parts() {
            writeln!(f, "checked: {part}")?;
        }
        for cause in self.causes() {
            writeln!(f, "{}: {cause}", if cause.is_proven() { "found" } else { "likely" })?;
        }
        Ok(())
    }
}
