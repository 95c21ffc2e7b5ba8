//! Security information: what its blocks say, with the commands inside of them.
//!
//! A command is shown when a key at hand fits its MAC, and not before. What may hold a key in clear is shown nowhere.

use super::{Candidates, Decoder};
use crate::decode::anatomy::Walk;
use crate::decode::hex;
use crate::decode::input::Item;
use crate::decode::model::{InformationBlock, Reading};
use mbus_app::body::Body;
use mbus_app::ci::Content;
use mbus_app::command::SecuredCommand;
use mbus_app::telegram::{BodyState, Telegram};
use mbus_link::Address;
use oms_security::security_information::{
    Block, Blocks, Function, KeyActivation, KeyPurpose, KeyTransfer, SecuredData, Structure, key_structure,
};
use std::ops::Range;

/// A MAC or wrap that a key at hand fits.
const VERIFIED: &str = "verified";
/// One that no key at hand fits.
const UNVERIFIED: &str = "unverified";
/// Nothing to verify.
const NONE: &str = "none";

impl Decoder {
    pub(super) fn information(&self, reading: &mut Reading, telegram: &Telegram<'_>, item: &Item) {
        let Some(blocks) = blocks(telegram) else { return };
        let keys = self.command_keys(telegram, item);
        let meter = telegram.meter().unwrap_or_default();
        reading.blocks = blocks.map_while(Result::ok).map(|block| told(&block, meter, &keys)).collect();
    }
}

/// The blocks of an opened body.
fn blocks<'a>(telegram: &Telegram<'a>) -> Option<Blocks<'a>> {
    if telegram.state() == BodyState::Closed || telegram.content() != Some(Content::SecurityInformation) {
        return None;
    }
    match Body::of(telegram) {
        Ok(Body::SecurityInformation(octets)) => Some(Blocks::new(octets)),
        // One of them is cut: those in front of it are whole.
        _ => Some(Blocks::new(telegram.body().get(start(telegram)..).unwrap_or_default())),
    }
}

/// Where the blocks begin in the body: behind 2F2F, which no block begins with.
fn start(telegram: &Telegram<'_>) -> usize {
    if telegram.body().starts_with(&[0x2F, 0x2F]) { 2 } else { 0 }
}

fn purpose(purpose: KeyPurpose) -> String {
    purpose.name().map_or_else(|| format!("key {:02X}", purpose.0), str::to_owned)
}

fn told(block: &Block<'_>, meter: Address, keys: &Candidates) -> InformationBlock {
    let name =
        |name: Option<&str>, code: u8| name.map_or_else(|| format!("reserved {code:02X}"), str::to_owned);
    let asked = block.function.asked();
    let content = if may_hold_a_key(block) { None } else { Some(block.content.to_vec()) };
    let status = block.status();
    let mut told = InformationBlock {
        id: block.id,
        function: name(asked.name(), block.function.0),
        answer: block.function.is_answer(),
        recipient: block.recipient,
        structure: name(block.structure.name(), block.structure.0),
        key_id: block.key_purpose().0,
        key_version: block.key_version(),
        key: block.key_purpose().name(),
        state: NONE,
        status: status.map(|status| name(status.name(), status.0)),
        note: content.is_none().then(|| "not shown: it may hold a key".to_owned()),
        content,
        ..InformationBlock::default()
    };
    match block.structure {
        Structure::CMAC_8 | Structure::CMAC_16 if asked == Function::SECURED_DATA => {
            secured(&mut told, block, meter, keys);
        }
        Structure::KEY_STRUCTURE_1 if told.content.is_some() => wrapped(&mut told, block, keys),
        Structure::KEY_STRUCTURE_3 => wrapped(&mut told, block, keys),
        _ => {}
    }
    told
}

fn secured(told: &mut InformationBlock, block: &Block<'_>, meter: Address, keys: &Candidates) {
    let (data, _) = match SecuredData::open(block, meter, keys) {
        Ok(opened) => opened,
        Err(error) => {
            told.state = UNVERIFIED;
            told.note = Some(match error.kind {
                oms_security::ErrorKind::Mac { .. } | oms_security::ErrorKind::KeyMissing => format!(
                    "no key at hand fits the MAC: give the key \"{}\" of this meter with --command-key, or in a line of its \
                     own with --keys",
                    purpose(block.key_purpose())
                ),
                kind => kind.to_string(),
            });
            return;
        }
    };
    told.state = VERIFIED;
    told.counter = Some(data.key_counter);
    told.target_time = Some(data.target_time.to_string());
    told.protocol =
        Some(data.protocol.name().map_or_else(|| format!("reserved {:02X}", data.protocol.0), str::to_owned));
    match SecuredCommand::of(&data) {
        Ok(command) => {
            told.command = Some(command.to_string());
            told.note = command.check_purpose(block.key_purpose()).err().map(|error| error.kind.to_string());
        }
        Err(error) => told.note = Some(format!("no such command: {}", error.kind)),
    }
}

/// The keys that come, and which of them come into force; never the keys themselves.
fn wrapped(told: &mut InformationBlock, block: &Block<'_>, keys: &Candidates) {
    told.state = UNVERIFIED;
    for key in &keys.0 {
        // Unwrapping wipes the copy.
        let mut copy = block.content.to_vec();
        let command = if block.structure == Structure::KEY_STRUCTURE_1 {
            KeyTransfer::unwrap(key, &mut copy).ok().map(|transfer| {
                told.target_time = Some(transfer.target_time.to_string());
                format!("new key: {}, version {}", purpose(transfer.purpose), transfer.version)
            })
        } else {
            KeyActivation::unwrap(key, &mut copy).ok().map(|order| {
                told.target_time = Some(order.target_time.to_string());
                let text = |(of, version): (KeyPurpose, u8)| format!("{}, version {version}", purpose(of));
                format!(
                    "activate {}; deactivate {} (option {:02X})",
                    text(order.activate),
                    text(order.deactivate),
                    order.option
                )
            })
        };
        if command.is_some() {
            told.state = VERIFIED;
            told.command = command;
            return;
        }
    }
    told.note = Some(format!(
        "no key at hand unwraps it: give the key \"{}\" of this meter with --command-key",
        purpose(block.key_purpose())
    ));
}

/// A key structure that is not wrapped, one that nobody knows the layout of, or a private key.
fn may_hold_a_key(block: &Block<'_>) -> bool {
    match block.structure {
        Structure::KEY_STRUCTURE_1 => !key_structure::is_wrapped(block.content),
        Structure::KEY_STRUCTURE_0 | Structure::KEY_STRUCTURE_2 | Structure::KEY_PAIR => {
            !block.content.is_empty()
        }
        _ => false,
    }
}

/// Where in the body may be keys in clear.
fn secrets(telegram: &Telegram<'_>) -> Vec<Range<usize>> {
    let mut at = start(telegram);
    let mut secrets = Vec::new();
    for block in blocks(telegram).into_iter().flatten().map_while(Result::ok) {
        let end = at + block.encoded_len();
        if may_hold_a_key(&block) {
            secrets.push(end - block.content.len()..end);
        }
        at = end;
    }
    secrets
}

/// Blanks what may be a key in everything that was deciphered. `frame_too`: the frame holds the whole body.
pub(super) fn hide(reading: &mut Reading, telegram: &Telegram<'_>, frame_too: bool) {
    let blank = |octets: &mut Vec<u8>, secret: &Range<usize>, from: usize| {
        for (place, octet) in (from..).zip(octets.iter_mut()) {
            if secret.contains(&place) {
                *octet = 0;
            }
        }
    };
    for secret in secrets(telegram) {
        if let Some(plaintext) = &mut reading.plaintext {
            blank(plaintext, &secret, 0);
        }
        let at = telegram.body_offset();
        let in_frame = secret.start + at..secret.end + at;
        if let (Some(frame), true) = (&mut reading.frame, frame_too) {
            blank(&mut frame.octets, &in_frame, 0);
        }
        for span in reading.spans.iter_mut().filter(|_| frame_too) {
            blank(&mut span.octets, &in_frame, span.start);
        }
        reading.notes.push(format!(
            "{} octets that may be a key in clear are shown as 00 (from octet {} of the body)",
            secret.len(),
            secret.start
        ));
    }
}

/// The fields of the blocks, for the ruler.
pub(super) fn walk(walk: &mut Walk, telegram: &Telegram<'_>, end: usize) {
    walk.take(start(telegram), "check octets", "2F2F: deciphered with the right key");
    for block in blocks(telegram).into_iter().flatten().map_while(Result::ok) {
        let name = |name: Option<&'static str>| name.unwrap_or("reserved");
        let answer = if block.function.is_answer() { ", answer" } else { "" };
        walk.take(2, "BL", format!("{} octets follow", block.encoded_len() - 2));
        walk.take(1, "BID", "number of the block");
        walk.take(1, "BCF", format!("{}{answer}", name(block.function.asked().name())));
        walk.take(1, "recipient", "");
        walk.take(1, "DSI", name(block.structure.name()));
        walk.take(2, "DSH", format!("{}, version {}", purpose(block.key_purpose()), block.key_version()));
        let mac = match block.structure {
            Structure::CMAC_8 => 8,
            Structure::CMAC_16 => 16,
            _ => 0,
        };
        match (block.status(), block.content.len().checked_sub(SecuredData::HEADER_LEN + mac)) {
            (Some(status), _) => walk.take(1, "status", name(status.name())),
            (None, Some(message)) if mac > 0 => {
                walk.take(4, "key counter", "");
                walk.take(5, "target time", "");
                walk.read::<1>("PID", |[protocol]| {
                    name(oms_security::security_information::Protocol(protocol).name()).to_owned()
                });
                walk.take(
                    message,
                    "message",
                    hex::upper(block.content.get(10..10 + message).unwrap_or_default()),
                );
                walk.take(mac, "MAC", "made with the key of DSH");
            }
            _ => walk.take(block.content.len(), "content", ""),
        }
    }
    walk.take_until(end, "padding", "");
}
