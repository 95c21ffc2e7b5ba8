//! The alternative application protocols: DLMS/COSEM and SML pushes, whole or on successive lines.

use super::{problem, trust};
use crate::decode::hex;
use crate::decode::keys::Key;
use crate::decode::model::{Frame, Reading, Record, Security};
use mbus_app::cosem::carrier::Reassembler;
use mbus_app::cosem::ciphering::{GeneralGlo, TAG};
use mbus_app::cosem::{self, CosemUnit, Data, Notification, Progress, hdlc};
use mbus_app::{Error, sml};
use obis_map::{ObisCode, ServerId, SystemTitle};
use oms_security::glo::GloKeys;
use std::collections::BTreeMap;

/// More than any push.
const CAPACITY: usize = 4096;
/// The most frames of one push that are kept.
const FRAMES: usize = 64;

/// What is kept of pushes that are not complete.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    /// By wired address: C and the octets from CI on.
    wired: BTreeMap<u8, Vec<(u8, Vec<u8>)>>,
    /// Octets of HDLC frames.
    hdlc: Vec<u8>,
}

/// The keys of a push.
#[derive(Clone, Copy, Debug)]
pub(super) struct PushKeys {
    pub(super) encryption: Option<Key>,
    pub(super) authentication: Option<Key>,
    /// The key file says that the meter sends in clear although it has a key.
    pub(super) may_be_clear: bool,
}

impl Pushes {
    /// One wired frame with CI 00 to 1F: `octets` begin with the CI.
    pub(super) fn wired(&mut self, reading: &mut Reading, c: u8, a: u8, octets: &[u8], keys: PushKeys) {
        let frames = self.wired.entry(a).or_default();
        frames.push((c, octets.to_vec()));
        let mut buffer = [0; CAPACITY];
        let mut push = Reassembler::new(&mut buffer);
        let mut progress = Ok(Progress::Incomplete);
        for (c, octets) in frames.iter() {
            progress = push.push(*c, a, octets);
        }
        match progress {
            Ok(Progress::Complete) => {
                frames.clear();
                if let Some(apdu) = push.apdu() {
                    apdu_into(reading, apdu, keys);
                }
            }
            Ok(_) if frames.len() < FRAMES => reading.facts.push(("fragment", "more follow".to_owned())),
            Ok(_) => frames.clear(),
            Err(error) => {
                frames.clear();
                reading.error = Some(problem::of(error));
            }
        }
    }

    /// A capture of HDLC frames, or a part of one.
    pub(super) fn hdlc(&mut self, reading: &mut Reading, octets: &[u8], keys: PushKeys) {
        reading.frame =
            Some(Frame { kind: "hdlc", crc: "none", octets: octets.to_vec(), ..Frame::default() });
        self.hdlc.extend_from_slice(octets);
        let mut buffer = [0; CAPACITY];
        let mut push = hdlc::Reassembler::new(&mut buffer);
        let mut complete = false;
        for frame in hdlc::Frames::new(&self.hdlc) {
            match frame.and_then(|frame| push.push(&frame)) {
                Ok(Progress::Complete) => {
                    complete = true;
                    if let Some(apdu) = push.apdu() {
                        apdu_into(reading, apdu, keys);
                    }
                }
                Ok(_) => complete = false,
                Err(error) => reading.error = Some(problem::of(error)),
            }
        }
        if complete || reading.error.is_some() || self.hdlc.len() > CAPACITY {
            self.hdlc.clear();
        } else {
            reading.facts.push(("fragment", "more follow".to_owned()));
        }
    }
}

/// What is behind a transport header of CI 60, 61, 7C or 7D.
pub(super) fn cosem_body(reading: &mut Reading, body: &[u8], keys: PushKeys) {
    match cosem::transport_apdu(body) {
        Some(found) => apdu_into(reading, &mut found.apdu.to_vec(), keys),
        None => {
            reading.notes.push("no DLMS message that is known by its first octet".to_owned());
            refuse_clear(reading, keys);
        }
    }
}

/// What is behind a transport header of CI 7E or 7F.
pub(super) fn sml_body(reading: &mut Reading, body: &[u8]) {
    let payload = body.strip_prefix(&[0x2F, 0x2F]).unwrap_or(body);
    if let Some(octets) = sml::server_id(payload) {
        let text = ServerId::parse(octets).map_or_else(|_| hex::upper(octets), |id| id.to_string());
        reading.facts.push(("server_id", text));
    }
    fill(reading, sml::readings(payload));
}

/// Opens a message and takes what it says. Without a verified tag nothing is called authenticated; nothing at all is
/// shown when a tag that should be checked is wrong.
fn apdu_into(reading: &mut Reading, apdu: &mut [u8], keys: PushKeys) {
    if apdu.first() != Some(&TAG) {
        // What the transport layer did about encryption stands, if there is one.
        let none = Security { layer: "cosem", state: "none", ..Security::default() };
        reading.security.get_or_insert(none);
        if !refuse_clear(reading, keys) {
            notification(reading, apdu);
        }
        return;
    }
    let envelope = match GeneralGlo::parse(apdu) {
        Ok(envelope) => envelope,
        Err(error) => return refuse(reading, error, "failed"),
    };
    reading.facts.push(("system_title", SystemTitle(envelope.system_title).to_string()));
    if let Some(counter) = envelope.invocation_counter() {
        reading.facts.push(("invocation_counter", counter.to_string()));
    }
    let Some(key) = keys.encryption.map(|key| key.octets()) else {
        let missing = oms_security::ErrorKind::KeyMissing.at(0);
        return refuse(reading, Error::from_security(missing), "locked");
    };
    let authentication = keys.authentication.map(|key| key.octets());
    // Without the authentication key the tag cannot be checked: the readings are shown as not authenticated.
    let opened = match &authentication {
        None => envelope.decrypt_unverified::<aes::Aes128>(&key),
        Some(authentication) => {
            envelope.open::<aes::Aes128>(GloKeys { encryption: &key, authentication: Some(authentication) })
        }
    };
    match opened {
        Ok(opened) => {
            let authenticated = opened.authenticated;
            reading.security =
                Some(Security { layer: "cosem", state: "decrypted", authenticated, ..Security::default() });
            reading.plaintext = Some(opened.plaintext.to_vec());
            notification(reading, opened.plaintext);
            if !authenticated {
                reading.notes.push(
                    "no tag was checked: --authentication-key does, where the meter sends one".to_owned(),
                );
            }
            if !authenticated && reading.error.is_some() {
                // An unverified message that cannot be read was opened with the wrong key.
                reading.plaintext = None;
                reading.records.clear();
                if let Some(security) = &mut reading.security {
                    security.state = "failed";
                }
            }
        }
        Err(error) => refuse(reading, error, "failed"),
    }
}

/// Refuses what nothing enciphered although there is a key; true when it is so.
fn refuse_clear(reading: &mut Reading, keys: PushKeys) -> bool {
    let outside = reading.security.as_ref().map(|security| security.state);
    let is_clear = keys.encryption.is_some() && !keys.may_be_clear && outside != Some("decrypted");
    if is_clear {
        reading.error = Some(trust::clear_data(0));
    }
    is_clear
}

fn refuse(reading: &mut Reading, error: Error, state: &'static str) {
    reading.security = Some(Security { layer: "cosem", state, ..Security::default() });
    reading.error = Some(problem::of(error));
}

fn notification(reading: &mut Reading, apdu: &[u8]) {
    match Notification::parse(apdu) {
        Ok(push) => {
            if let Some(time) = push.time {
                reading.facts.push(("sent", time.to_string()));
            }
            fill(reading, push.readings());
        }
        Err(error) => reading.error = Some(problem::of(error)),
    }
}

fn fill<'a>(reading: &mut Reading, readings: impl Iterator<Item = Result<cosem::Reading<'a>, Error>>) {
    for found in readings {
        match found {
            Ok(found) => reading.records.push(record(&found)),
            Err(error) => reading.error = Some(problem::of(error)),
        }
    }
}

fn record(found: &cosem::Reading<'_>) -> Record {
    let code = found.name.map(ObisCode::from);
    let (kind, value) = match (found.number(), found.clock()) {
        (Some(number), _) => ("number", number.to_string()),
        (None, Some(clock)) => ("datetime", clock.to_string()),
        (None, None) if matches!(found.value, Data::Octets(_)) => ("octets", found.value.to_string()),
        (None, None) => ("text", found.value.to_string()),
    };
    Record {
        function: "instantaneous",
        quantity: code.and_then(ObisCode::description).unwrap_or_default().to_owned(),
        value: Some(value),
        unit: found
            .unit
            .filter(|unit| *unit != CosemUnit::COUNT)
            .map(|unit| unit.to_string())
            .unwrap_or_default(),
        kind,
        obis: code.map(|code| code.to_string()),
        note: found.time.map(|time| time.to_string()),
        ..Record::default()
    }
}
