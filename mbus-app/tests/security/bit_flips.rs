//! Every bit of every authenticated telegram, flipped, against what a program does that has the meter's key and nothing
//! else: decode, then judge by [`KeyedMeters`].
use mbus_app::telegram::{Link, Telegram};
use mbus_app::{ErrorKind, Input};
use mbus_link::time::{Duration, Instant};
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::KeyedMeters;
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::replay::ReplayGuard;

use crate::printed::PRINTED;
use crate::table::{self, hex};

/// A message that opens and is authentic.
struct Authentic {
    name: String,
    wired: bool,
    key: PreparedKey<Aes>,
    /// Link CRCs removed; more than one frame when the message comes in fragments.
    frames: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Authentic {
    const fn input(&self) -> Input {
        if self.wired { Input::Wired } else { Input::Stripped }
    }
}

/// The body, when the telegram is read and believed.
fn believed(telegram: &Telegram<'_>, key: &PreparedKey<Aes>) -> Option<(Vec<u8>, bool)> {
    telegram.judge(&KeyedMeters(key), &mut ReplayGuard::<1>::new()).ok()?;
    Some((telegram.body().to_vec(), telegram.is_authenticated()))
}

/// What a receiver with the key takes from frames that come one after the other: the first body that it believes.
fn receive(frames: &[Vec<u8>], input: Input, key: &PreparedKey<Aes>) -> Option<(Vec<u8>, bool)> {
    let mut store = Reassembler::<2, 1024>::new(Duration::from_secs(60));
    for frame in frames {
        let mut octets = frame.clone();
        let lax = Telegram::decode_lax(&mut octets, input, key);
        let telegram = lax.telegram;
        match lax.stopped.map(|error| error.kind) {
            None if telegram.surplus().is_empty() => {
                if let Some(body) = believed(&telegram, key) {
                    return Some(body);
                }
            }
            Some(ErrorKind::Fragment { .. }) => {
                let (channel, sender, c_field) = match telegram.link().unwrap() {
                    Link::Wireless(frame) => {
                        let receiver = telegram.ell().and_then(|ell| ell.receiver);
                        let channel = Channel::Wireless { sender: frame.address(), receiver };
                        (channel, Some(frame.address()), Some(frame.c_field()))
                    }
                    Link::Wired(frame) => (Channel::Wired(frame.address().unwrap().0), None, frame.c_field()),
                };
                let afl = telegram.afl().unwrap();
                let Ok(Some(message)) = store.push(Instant::ZERO, channel, true, &afl, telegram.fragment())
                else {
                    continue;
                };
                let lax = Telegram::decode_message(message.octets, sender, c_field, message.afl, key);
                if lax.stopped.is_none() {
                    return believed(&lax.telegram, key);
                }
            }
            _ => {}
        }
    }
    None
}

/// All authenticated messages: of the table, and of Annex N.
fn all() -> Vec<Authentic> {
    let rows =
        table::all().into_iter().filter(|vector| vector.case.input != Input::FormatA).filter_map(|vector| {
            Some(Authentic {
                name: vector.id.to_owned(),
                wired: vector.case.input == Input::Wired,
                key: PreparedKey::new(&Key::new(vector.case.key.try_into().ok()?)),
                frames: vector.case.frames,
                body: Vec::new(),
            })
        });
    let mut printed: Vec<Authentic> = Vec::new();
    let mut pieces = Vec::new();
    for frame in PRINTED.iter().filter(|frame| frame.key.is_some()) {
        let mut octets = hex(frame.frame);
        if !frame.wired {
            let len = wmbus_phy::format_a::strip_in_place(&mut octets).unwrap().frame.len();
            octets.truncate(len);
        }
        let body = frame.plaintext.filter(|_| !frame.fragment).map(hex);
        pieces.push(octets);
        let mut last = pieces.last().unwrap().clone();
        let input = if frame.wired { Input::Wired } else { Input::Stripped };
        let lax = Telegram::decode_lax(&mut last, input, &oms_security::key::NoKeys);
        let more =
            matches!(lax.stopped.map(|error| error.kind), Some(ErrorKind::Fragment { more: true, .. }));
        if !more {
            printed.push(Authentic {
                name: frame.section.split(' ').next().unwrap().to_owned(),
                wired: frame.wired,
                key: PreparedKey::new(&frame.key.unwrap().parse::<Key>().unwrap()),
                frames: core::mem::take(&mut pieces),
                body: body.unwrap_or_default(),
            });
        }
    }
    assert!(pieces.is_empty());
    let mut all: Vec<Authentic> = rows.chain(printed).collect();
    all.retain_mut(|message| match receive(&message.frames, message.input(), &message.key) {
        Some((body, true)) => {
            // Annex N prints the padding of some with the body.
            assert!(message.body.starts_with(&body) || message.body.is_empty(), "{}", message.name);
            message.body = body;
            true
        }
        _ => false,
    });
    all
}

/// The bits of a frame that may be flipped and the message is believed all the same, as `octet:mask` in hex; panics when
/// another body or one that is not authentic is believed.
fn passing(message: &Authentic, n: usize) -> String {
    let frame = &message.frames[n];
    let mut passing = Vec::new();
    for octet in 0..frame.len() {
        let mut mask = 0;
        for bit in 0..8 {
            let mut frames = message.frames.clone();
            frames[n][octet] ^= 1 << bit;
            if message.wired && octet != frame.len() - 2 {
                let end = frame.len() - 2;
                frames[n][end] = frames[n][4..end].iter().fold(0, |sum: u8, octet| sum.wrapping_add(*octet));
            }
            if let Some((body, authentic)) = receive(&frames, message.input(), &message.key) {
                assert!(
                    authentic && body == message.body,
                    "{}, frame {n}: bit {bit} of octet {octet} gives {body:02X?}, authentic {authentic}",
                    message.name
                );
                mask |= 1 << bit;
            }
        }
        if mask != 0 {
            passing.push(format!("{octet}:{mask:02X}"));
        }
    }
    passing.join(" ")
}

/// The octets of a frame that neither MAC nor tag covers, with the bits of them that can be flipped unseen, and why.
/// Written from the standard's figures, apart from the library: L C M(2) A(6) | [ELL] | [90 AFLL FCL(2) ..] | CI ..
fn uncovered(message: &Authentic, n: usize) -> Vec<(usize, u8, &'static str)> {
    let (frame, in_pieces) = (&message.frames[n], message.frames.len() > 1);
    let mut free = Vec::new();
    let mut all_of =
        |octets: core::ops::Range<usize>, why| free.extend(octets.map(|octet| (octet, 0xFF, why)));
    let mut at = 10;
    if message.wired {
        at = 6;
        all_of(4..6, "C and A: the secured message begins behind them");
    } else {
        all_of(1..2, "C: the secured message begins behind the link layer");
        match frame[10] {
            0x8C => {
                at += 3;
                all_of(11..13, "ELL, control field and access number");
            }
            0x8E => {
                at += 11;
                all_of(11..13, "ELL, control field and access number");
                if !in_pieces {
                    all_of(13..21, "ELL, the receiver; of fragments it tells which belong together");
                }
            }
            _ => {}
        }
    }
    let afl = (frame[at] == 0x90).then_some(at);
    if afl.is_some() {
        at += 2 + usize::from(frame[at + 1]);
    }
    if !message.wired && !in_pieces {
        let has_address = matches!(frame[at], 0x72 | 0x5B | 0xC3);
        let is_mode_7 = frame[at + if has_address { 12 } else { 4 }] & 0x1F == 7;
        if has_address {
            all_of(2..10, "address of the link layer: the long header names the meter");
        } else if is_mode_7 {
            all_of(2..4, "manufacturer: only the identification number goes into the keys of mode 7");
            all_of(8..10, "version and device type: as the manufacturer");
        }
    }
    if let (Some(afl), false) = (afl, in_pieces) {
        free.push((afl + 2, 0x01, "FID 0 or 1 without MF: one message in one piece, either way"));
    }
    free.sort_unstable();
    free
}

#[test]
fn every_flipped_bit_is_refused_but_where_no_mac_covers_it() {
    let all = all();
    let (mut frames, mut bits, mut unseen) = (0, 0, 0);
    for message in &all {
        for (n, frame) in message.frames.iter().enumerate() {
            let free = uncovered(message, n);
            assert!(free.iter().all(|(.., why)| !why.is_empty()));
            let expected: Vec<_> =
                free.iter().map(|(octet, mask, _)| format!("{octet}:{mask:02X}")).collect();
            assert_eq!(passing(message, n), expected.join(" "), "{}, frame {n}: {frame:02X?}", message.name);
            frames += 1;
            bits += frame.len() * 8;
            unseen += free.iter().map(|(_, mask, _)| mask.count_ones()).sum::<u32>();
        }
    }
    // Whoever adds a vector counts it here; none is lost without notice.
    assert_eq!((all.len(), frames, bits, unseen), (30, 36, 20_080, 1_957));
}

#[test]
fn on_the_air_every_flipped_bit_is_refused() {
    for message in all().iter().filter(|message| !message.wired) {
        for frame in &message.frames {
            for input in [Input::FormatA, Input::FormatB] {
                let mut buffer = [0; 300];
                let on_air = match input {
                    Input::FormatA => wmbus_phy::format_a::encode_into(frame, &mut buffer),
                    _ => wmbus_phy::format_b::encode_into(frame, &mut buffer),
                };
                let on_air = on_air.unwrap().to_vec();
                let stopped = |octets: &[u8]| {
                    let kind = Telegram::decode_lax(&mut octets.to_vec(), input, &message.key).stopped?.kind;
                    (!matches!(kind, ErrorKind::Fragment { .. })).then_some(kind)
                };
                assert_eq!(stopped(&on_air), None, "{}", message.name);
                for bit in 0..on_air.len() * 8 {
                    let mut flipped = on_air.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    let name = || format!("{}, {input:?}: bit {bit}", message.name);
                    assert!(stopped(&flipped).is_some(), "{}", name());
                    // Nor does it pass for a frame of another kind when nobody says what it is.
                    let guessed = Telegram::decode(&mut flipped, &message.key);
                    assert!(
                        !guessed.is_ok_and(|telegram| believed(&telegram, &message.key).is_some()),
                        "{}",
                        name()
                    );
                }
            }
        }
    }
}

#[test]
fn on_the_wired_bus_every_flipped_bit_is_refused() {
    let mut frames = 0;
    for message in all().iter().filter(|message| message.wired) {
        for frame in &message.frames {
            frames += 1;
            for bit in 0..frame.len() * 8 {
                let mut flipped = frame.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    Telegram::decode_wired(&mut flipped, &message.key).is_err(),
                    "{}: bit {bit}",
                    message.name
                );
            }
        }
    }
    assert_eq!(frames, 2);
}
