//! Opens a secured telegram through the public functions and tells what came out. Shared by the tests of the vectors
//! and by `.ci/vectors`, which does the same with a file of vectors from elsewhere.

use mbus_app::telegram::Link;
use mbus_app::{Error, Input, Telegram};
use mbus_link::Address;
use mbus_link::time::{Duration, Instant};
use oms_security::afl::AflMessage;
use oms_security::kdf::{DerivationConstant, derive};
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, PreparedKey};
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::{mode5, mode10};

/// Vectors that this library answers with another reason of refusal, which one, and why.
pub(crate) const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("m7-afl-removed", "mac", "without the AFL both counter and MAC are missing; the MAC is named first"),
    (
        "m7-afll-short",
        "afl",
        "AFLL lies within the frame; it is the fields that do not fill it, so the AFL is to blame and no end of data",
    ),
    #[cfg(feature = "legacy")]
    (
        "mode4-unsupported",
        "check_bytes",
        "with feature legacy mode 4 is AES-128, and this key does not open it",
    ),
];

/// The class of an error, as the vectors name it.
pub(crate) fn class(error: Error) -> &'static str {
    match error.kind.name() {
        "check_octets" => "check_bytes",
        "mac" | "mac_missing" => "mac",
        "tag" => "tag",
        "payload_crc" => "payload_crc",
        "truncated" | "ciphertext_truncated" => "truncated",
        "afl_fields" | "unsupported_mac" | "fragment" | "fragment_gap" | "message_length" => "afl",
        "unsupported_mode" | "unsupported_field" => "unsupported",
        "block_crc" | "crc" => "link_crc",
        name => name,
    }
}

/// What is opened.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) input: Input,
    /// AES; DES when it has eight octets.
    pub(crate) key: Vec<u8>,
    /// The day of transmission, of type G, for mode 3.
    #[cfg_attr(not(feature = "legacy"), expect(dead_code, reason = "mode 3 needs feature legacy"))]
    pub(crate) day: [u8; 2],
    /// One frame, or fragments in the order heard.
    pub(crate) frames: Vec<Vec<u8>>,
}

/// The key of a case.
pub(crate) struct Keys {
    aes: Option<PreparedKey<Aes>>,
    #[cfg(feature = "legacy")]
    des: Option<(oms_security::legacy::DesKey, [u8; 2])>,
}

impl KeyProvider for Keys {
    type Cipher = Aes;
    fn candidate(&self, _: &KeyRequest, n: usize) -> Option<&PreparedKey<Aes>> {
        self.aes.as_ref().filter(|_| n == 0)
    }
    #[cfg(feature = "legacy")]
    fn des_candidate(&self, _: &KeyRequest, n: usize) -> Option<oms_security::legacy::DesCandidate<'_>> {
        let (key, day) = self.des.as_ref().filter(|_| n == 0)?;
        Some(oms_security::legacy::DesCandidate { key, day: *day })
    }
}

/// What came out.
pub(crate) struct Answer {
    /// The body, clear trailer included; of an enciphered link layer all behind it.
    pub(crate) outcome: Result<Vec<u8>, Error>,
    /// Values on the way, by name.
    pub(crate) values: Vec<(&'static str, Vec<u8>)>,
    pub(crate) authenticated: bool,
    /// True when every record in it can be read.
    pub(crate) records: bool,
    /// What the octets handed in became.
    pub(crate) octets: Vec<u8>,
}

impl Answer {
    fn of(outcome: Result<Vec<u8>, Error>) -> Self {
        Self { outcome, values: Vec::new(), authenticated: false, records: false, octets: Vec::new() }
    }
}

impl Case {
    pub(crate) fn keys(&self) -> Keys {
        Keys {
            aes: self.key.clone().try_into().ok().map(|octets| PreparedKey::new(&Key::new(octets))),
            #[cfg(feature = "legacy")]
            des: self
                .key
                .clone()
                .try_into()
                .ok()
                .map(|octets| (oms_security::legacy::DesKey::new(octets), self.day)),
        }
    }
    pub(crate) fn open(&self) -> Answer {
        if let [frame] = &self.frames[..] { self.open_frame(frame) } else { self.open_fragments() }
    }
    pub(crate) fn open_frame(&self, frame: &[u8]) -> Answer {
        let mut octets = frame.to_vec();
        let keys = self.keys();
        let lax = Telegram::decode_lax(&mut octets, self.input, &keys);
        let telegram = lax.telegram;
        let outcome = match lax.stopped {
            Some(error) => Err(error),
            None if telegram.ell().is_some_and(|ell| ell.session.is_some()) => {
                Ok(telegram.octets()[telegram.tpl_offset()..].to_vec())
            }
            None => Ok(telegram.body().to_vec()),
        };
        let values = self.values(&telegram, telegram.afl().map(AflMessage::from));
        let authenticated = telegram.is_authenticated();
        let records = telegram.records().all(|record| record.is_ok());
        Answer { outcome, values, authenticated, records, octets }
    }
    fn open_fragments(&self) -> Answer {
        let mut store = Reassembler::<2, 1024>::new(Duration::from_secs(60));
        let mut last = None;
        for frame in &self.frames {
            let mut octets = frame.clone();
            let lax = Telegram::decode_lax(&mut octets, self.input, &self.keys());
            last = lax.stopped;
            let (Some(Link::Wireless(link)), Some(afl)) = (lax.telegram.link(), lax.telegram.afl()) else {
                return Answer::of(Err(last.unwrap()));
            };
            let channel = Channel::Wireless {
                sender: link.address(),
                receiver: lax.telegram.ell().and_then(|ell| ell.receiver),
            };
            match store.push(Instant::ZERO, channel, true, &afl, lax.telegram.fragment()) {
                Err(error) => return Answer::of(Err(Error::from_security(error))),
                Ok(None) => {}
                Ok(Some(message)) => {
                    let (sender, c) = (Some(link.address()), Some(link.c_field()));
                    let afl = message.afl;
                    let lax = Telegram::decode_message(message.octets, sender, c, afl, &self.keys());
                    let telegram = lax.telegram;
                    return Answer {
                        values: self.values(&telegram, Some(afl)),
                        authenticated: telegram.is_authenticated(),
                        records: telegram.records().all(|record| record.is_ok()),
                        ..Answer::of(lax.stopped.map_or(Ok(telegram.body().to_vec()), Err))
                    };
                }
            }
        }
        Answer::of(Err(last.unwrap()))
    }
    /// The values on the way, as the public functions give them.
    fn values(&self, telegram: &Telegram<'_>, afl: Option<AflMessage>) -> Vec<(&'static str, Vec<u8>)> {
        let mut values = Vec::new();
        let Some((tpl, header)) = telegram.tpl().and_then(|tpl| Some((tpl, tpl.header?))) else {
            return values;
        };
        let configuration = header.configuration;
        let meter: Address = tpl.address.or(telegram.meter()).unwrap_or_default();
        let mode = configuration.mode().0;
        let amount = configuration.encrypted_blocks().or(configuration.encrypted_octets());
        values.extend([("mode", vec![mode]), ("n", vec![amount.unwrap_or_default()])]);
        match mode {
            5 => {
                let vector = mode5::initialisation_vector(meter, header.access_number);
                values.push(("iv", vector.to_vec()));
            }
            7 => values.push(("iv", vec![0; 16])),
            #[cfg(feature = "legacy")]
            2 => values.push(("iv", vec![0; 8])),
            #[cfg(feature = "legacy")]
            3 => {
                values.push(("iv", oms_security::legacy::initialisation_vector(meter, self.day).to_vec()));
            }
            _ => {}
        }
        let counter = configuration.counter.or(afl.and_then(|afl| afl.message_counter));
        if let (7 | 10, Some(counter), Some(key)) = (mode, counter, self.keys().aes) {
            let to_meter = telegram.direction() == mbus_app::record::Direction::ToDevice;
            for (name, constant) in [("kenc", 0x00), ("kmac", 0x01)] {
                let constant = DerivationConstant(if to_meter { constant | 0x10 } else { constant });
                values.push((name, derive(&key, constant, counter, meter.identification).octets().to_vec()));
            }
            if mode == 10 {
                values.push(("nonce", mode10::nonce(meter, counter).to_vec()));
                let message = &telegram.octets()[telegram.tpl_offset()..];
                let body = telegram.body_offset() - telegram.tpl_offset();
                let additional = mode10::additional_data(&configuration, message, body);
                values.push(("aad", additional.to_vec()));
            }
        }
        values
    }
}
