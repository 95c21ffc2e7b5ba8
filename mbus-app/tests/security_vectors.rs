//! Secured telegrams with what must come out of them: the plaintext and the values on the way, or the reason
//! why they are refused.
//!
//! Printed telegrams and ones made from them stand as they are. Telegrams of real meters are not in here:
//! for each shape of those that other programs test with (CI, header, blocks, trailer, kind of damage) there is one
//! built with made-up keys and numbers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "tests"
)]

#[path = "security/vectors.rs"]
mod vectors;

use mbus_app::telegram::Link;
use mbus_app::{Error, Input, Telegram};
use mbus_link::Address;
use mbus_link::time::{Duration, Instant};
use oms_security::afl::AflMessage;
use oms_security::kdf::{DerivationConstant, derive};
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, PreparedKey};
use oms_security::profile::{Observed, Policy, Profile};
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::{mode5, mode10};

/// What must come out.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// The body, clear trailer included; of an enciphered link layer all behind it.
    Opens(&'static str),
    /// The class of the reason.
    Refused(&'static str),
}

/// One vector.
struct Vector {
    id: &'static str,
    input: Input,
    key: &'static str,
    /// One frame, or fragments in the order heard.
    frames: &'static [&'static str],
    expect: Expect,
    /// Values on the way.
    values: &'static [(&'static str, &'static str)],
    /// The day of transmission, of type G, for mode 3.
    #[cfg_attr(not(feature = "legacy"), expect(dead_code, reason = "mode 3 needs feature legacy"))]
    day: &'static str,
}

/// Vectors that this library answers in another way, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
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
    #[cfg(not(feature = "legacy"))]
    ("built: mode 2", "unsupported", "needs feature legacy"),
    #[cfg(not(feature = "legacy"))]
    ("built: mode 3, 21 November 2029", "unsupported", "needs feature legacy"),
    #[cfg(not(feature = "legacy"))]
    ("des-wrong-key", "unsupported", "needs feature legacy"),
];

const ALL: &[&[Vector]] = &[
    vectors::MODE0,
    vectors::MODE5,
    vectors::MODE7,
    vectors::MODE10,
    vectors::ELL_CTR,
    vectors::MODE2_3_DES,
    vectors::MODE7_DERIVED,
    vectors::MODE5_DERIVED,
    vectors::MODE10_DERIVED,
    vectors::ELL_CTR_DERIVED,
    vectors::NEGATIVE,
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

/// The class of an error, as the vectors name it.
fn class(error: Error) -> &'static str {
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

/// The key of a vector: AES, or DES when it has eight octets.
struct Keys {
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

struct Answer {
    outcome: Result<Vec<u8>, Error>,
    values: Vec<(&'static str, Vec<u8>)>,
    authenticated: bool,
    /// What the octets handed in became.
    octets: Vec<u8>,
}

impl Vector {
    fn keys(&self) -> Keys {
        let octets = hex(self.key);
        Keys {
            aes: octets.clone().try_into().ok().map(|octets| PreparedKey::new(&Key::new(octets))),
            #[cfg(feature = "legacy")]
            des: octets.try_into().ok().map(|octets| {
                let day = hex(self.day).try_into().unwrap_or_default();
                (oms_security::legacy::DesKey::new(octets), day)
            }),
        }
    }
    fn open(&self) -> Answer {
        if let [frame] = self.frames { self.open_frame(&hex(frame)) } else { self.open_fragments() }
    }
    fn open_frame(&self, frame: &[u8]) -> Answer {
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
        Answer { outcome, values, authenticated, octets }
    }
    fn open_fragments(&self) -> Answer {
        let mut store = Reassembler::<2, 1024>::new(Duration::from_secs(60));
        let mut last = None;
        for frame in self.frames {
            let mut octets = hex(frame);
            let lax = Telegram::decode_lax(&mut octets, self.input, &self.keys());
            let Some(Link::Wireless(link)) = lax.telegram.link() else { panic!("{}", self.id) };
            let channel = Channel::Wireless {
                sender: link.address(),
                receiver: lax.telegram.ell().and_then(|ell| ell.receiver),
            };
            last = lax.stopped;
            let afl = lax.telegram.afl().unwrap();
            match store.push(Instant::ZERO, channel, true, &afl, lax.telegram.fragment()) {
                Err(error) => {
                    let outcome = Err(Error::from_security(error));
                    return Answer { outcome, values: Vec::new(), authenticated: false, octets: Vec::new() };
                }
                Ok(None) => {}
                Ok(Some(message)) => {
                    let (sender, c) = (Some(link.address()), Some(link.c_field()));
                    let afl = message.afl;
                    let lax = Telegram::decode_message(message.octets, sender, c, afl, &self.keys());
                    let values = self.values(&lax.telegram, Some(afl));
                    let authenticated = lax.telegram.is_authenticated();
                    let outcome = lax.stopped.map_or(Ok(lax.telegram.body().to_vec()), Err);
                    return Answer { outcome, values, authenticated, octets: Vec::new() };
                }
            }
        }
        Answer { outcome: Err(last.unwrap()), values: Vec::new(), authenticated: false, octets: Vec::new() }
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
                let day = hex(self.day).try_into().unwrap_or_default();
                values.push(("iv", oms_security::legacy::initialisation_vector(meter, day).to_vec()));
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

#[test]
fn every_vector_gives_what_it_must() {
    let mut wrong = Vec::new();
    for vector in ALL.iter().copied().flatten() {
        let answer = vector.open();
        let deviation = DEVIATIONS.iter().find(|(id, ..)| *id == vector.id);
        let expect = deviation.map_or(vector.expect, |(_, class, _)| Expect::Refused(class));
        match (answer.outcome, expect) {
            (Ok(body), Expect::Opens(plaintext)) if body == hex(plaintext) => {
                for (name, value) in vector.values {
                    let found = answer.values.iter().find(|(found, _)| found == name);
                    if found.map(|(_, value)| value) != Some(&hex(value)) {
                        wrong.push(format!("{}: {name} is {found:02X?}", vector.id));
                    }
                }
            }
            (Err(error), Expect::Refused(expected)) if class(error) == expected => {}
            (outcome, expect) => wrong.push(format!("{}: {outcome:02X?}, expected {expect:?}", vector.id)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(vectors::NEGATIVE.len(), 63);
    assert_eq!(ALL.iter().copied().flatten().count(), 128);
    for (id, ..) in DEVIATIONS {
        assert!(ALL.iter().copied().flatten().any(|vector| vector.id == *id), "{id} is no vector");
    }
}

#[test]
fn every_flipped_bit_of_an_authenticated_vector_is_refused() {
    let mut telegrams = 0;
    for vector in ALL.iter().copied().flatten().filter(|vector| vector.input == Input::Stripped) {
        let Expect::Opens(plaintext) = vector.expect else { continue };
        let [frame] = vector.frames else { continue };
        let (frame, plaintext) = (hex(frame), hex(plaintext));
        let mut octets = frame.clone();
        let Ok(telegram) = Telegram::decode_stripped(&mut octets, &vector.keys()) else { continue };
        if !telegram.is_authenticated() {
            continue;
        }
        telegrams += 1;
        let mode = telegram.tpl().and_then(|tpl| tpl.header).unwrap().configuration.mode().0;
        let profile = Profile::of_mode(mode).unwrap();
        // The MAC or tag covers the message from its transport CI on. What stands in front decides how it is
        // read: a flipped CI there may hide the AFL, but never pass for authentic with another body.
        let tpl = telegram.tpl_offset();
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let answer = vector.open_frame(&flipped);
            let name = || format!("{}: bit {} of octet {}", vector.id, bit % 8, bit / 8);
            match answer.outcome {
                Err(_) => {}
                Ok(body) if answer.authenticated => {
                    assert!(bit / 8 < tpl, "{} passes", name());
                    assert_eq!(body, plaintext, "{}", name());
                }
                // Read as another kind of telegram, one without security: the meter's policy refuses it.
                Ok(_) => {
                    let observed = Observed {
                        mode: 0,
                        authenticated: false,
                        deciphered: false,
                        without_data: false,
                        clear_octets: 0,
                    };
                    assert!(Policy::require(profile).check(&observed).is_err(), "{}", name());
                    assert!(bit / 8 <= tpl, "{} passes", name());
                    assert!(bit / 8 < tpl || profile == Profile::D, "{} passes", name());
                }
            }
        }
    }
    assert_eq!(telegrams, 17);
}

#[test]
fn a_short_mac_is_checked_and_proves_nothing() {
    for id in ["derived-at4-mac4", "derived-tag4"] {
        let vector = ALL.iter().copied().flatten().find(|vector| vector.id == id).unwrap();
        let frame = hex(vector.frames[0]);
        let mut octets = frame.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &vector.keys()).unwrap();
        assert!(!telegram.is_authenticated() && !telegram.body().is_empty(), "{id}");
        // Behind the CI, which hides the tag of mode 10 when it is another.
        for bit in (telegram.tpl_offset() + 1) * 8..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(vector.open_frame(&flipped).outcome.is_err(), "{id}: bit {bit}");
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for vector in ALL.iter().copied().flatten() {
        let Expect::Opens(_) = vector.expect else { continue };
        let [frame] = vector.frames else { continue };
        let frame = hex(frame);
        for len in 0..frame.len() {
            let answer = vector.open_frame(&frame[..len]);
            let error = answer.outcome.expect_err(vector.id);
            assert!(error.offset <= len, "{}: octet {} of {len}", vector.id, error.offset);
        }
    }
}

#[test]
fn a_refusal_leaves_the_octets_as_they_were() {
    for vector in ALL.iter().copied().flatten() {
        let ([frame], Expect::Refused(_)) = (vector.frames, vector.expect) else { continue };
        assert_eq!(vector.open().octets, hex(frame), "{}", vector.id);
    }
}
