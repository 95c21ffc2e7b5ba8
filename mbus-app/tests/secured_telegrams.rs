//! What the builder of whole secured telegrams refuses, and that what it builds is read again, for every profile, way
//! and carrier.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::secured_telegram::{CounterPlace, NewLink, Padding, SecuredTelegram};
use mbus_app::telegram::BodyState;
use mbus_app::{Error, ErrorKind, Telegram};
use mbus_link::ell::EllSession;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use oms_security::profile::Profile;
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::sealed;
use oms_security::sender::{SenderError, SenderState};
use proptest::prelude::*;
use wmbus_phy::FrameFormat;

const METER: [u8; 8] = [0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03];
const RECORDS: [u8; 12] = [0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15];

fn meter() -> Address {
    Address::from_link_octets(METER)
}
fn gateway() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31])
}
fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([0x5A; 16]))
}
fn count(to_meter: bool) -> Count {
    Count { meter: meter(), to_meter, key_id: 0, key_version: 0 }
}
fn state(to_meter: bool) -> SenderState {
    let mut state = SenderState::new(count(to_meter), 100);
    state.export(1000, 1000);
    state
}
fn up(profile: Profile) -> SecuredTelegram<'static> {
    let link = NewLink::Wireless { c_field: CField::SND_NR, sender: meter(), ell: None };
    SecuredTelegram { body: &RECORDS, ..SecuredTelegram::new(link, 0x7A, meter(), profile) }
}
fn down(profile: Profile) -> SecuredTelegram<'static> {
    let link = NewLink::Wireless { c_field: CField::SND_UD, sender: gateway(), ell: None };
    SecuredTelegram { body: &RECORDS, ..SecuredTelegram::new(link, 0x5B, meter(), profile) }
}

/// The error of sealing, and that it used nothing up.
fn refused(telegram: &SecuredTelegram<'_>) -> Error {
    let to_meter = telegram.direction() == mbus_app::record::Direction::ToDevice;
    let mut state = state(to_meter);
    let error = telegram.seal_into(&key(), &mut state, &mut [0; 1000]).unwrap_err();
    assert_eq!((state.next_counter(), state.next_access_number()), (Some(100), 0), "{error}");
    error
}

#[test]
fn a_receiver_must_be_able_to_know_the_meter() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        // A gateway with a short header would have its own address taken for the meter's.
        let short = SecuredTelegram { ci: mbus_app::ci::CiField(0x5A), ..down(profile) };
        assert_eq!(refused(&short).kind, ErrorKind::MeterNotSent);
        let wired = NewLink::Wired { c_field: CField::RSP_UD, address: PrimaryAddress(1) };
        assert_eq!(refused(&SecuredTelegram { link: wired, ..up(profile) }).kind, ErrorKind::MeterNotSent);
        let headless = SecuredTelegram { ci: mbus_app::ci::CiField(0x78), ..up(profile) };
        assert_eq!(refused(&headless).kind, ErrorKind::MeterNotSent);
    }
}

#[test]
fn what_is_not_published_is_not_built() {
    let not_published = |telegram: SecuredTelegram<'_>| {
        let error = refused(&telegram);
        assert_eq!(error.kind.name(), "not_published", "{error}");
    };
    not_published(up(Profile::C));
    not_published(SecuredTelegram { clear: &RECORDS, ..up(Profile::D) });
    let mut telegram = up(Profile::A);
    telegram.protection.padding = Padding::Counted;
    not_published(telegram);
    let mut telegram = SecuredTelegram { clear: &RECORDS, ..up(Profile::B) };
    telegram.protection.padding = Padding::Counted;
    not_published(telegram);
    let mut telegram = up(Profile::D);
    telegram.protection.tell_key_version = true;
    not_published(telegram);
    for (profile, key_id) in [(Profile::A, 1), (Profile::B, 16), (Profile::D, 0x20)] {
        let mut state = SenderState::new(Count { key_id, ..count(false) }, 1);
        state.export(9, 0);
        let error = up(profile).seal_into(&key(), &mut state, &mut [0; 100]).unwrap_err();
        assert_eq!((error.kind.name(), state.next_counter()), ("not_published", Some(1)));
    }
}

#[test]
fn computed_bits_are_not_the_callers() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        for bit in 0..16 {
            let mut telegram = up(profile);
            telegram.protection.flags = 1 << bit;
            let free: u16 = if profile == Profile::A { 0xE00F } else { 0xC000 };
            let outcome = telegram.seal_into(&key(), &mut state(false), &mut [0; 100]).map(|_| ());
            let expected = ErrorKind::ConfigurationBits { flags: 1 << bit, content_index: 0 };
            match free & 1 << bit {
                0 => assert_eq!(outcome.unwrap_err().kind, expected, "{profile} {bit}"),
                _ => outcome.unwrap(),
            }
        }
        let mut telegram = up(profile);
        telegram.protection.content_index = match profile {
            Profile::A => 1,
            Profile::B => 8,
            _ => 16,
        };
        assert_eq!(refused(&telegram).kind.name(), "configuration_bits");
    }
}

#[test]
fn lengths() {
    let long = [0x2F; 70_000];
    for profile in [Profile::A, Profile::B, Profile::D] {
        let telegram = SecuredTelegram { body: &long[..240], ..up(profile) };
        assert_eq!(refused(&telegram).kind.name(), "too_long", "{profile}: one frame");
        let telegram = SecuredTelegram { body: &long, fragmented: true, ..up(profile) };
        assert_eq!(refused(&telegram).kind.name(), "too_long", "{profile}: ML");
        let telegram = up(profile);
        let needed = telegram.encoded_len().unwrap();
        for size in 0..needed {
            let mut state = state(false);
            let error = telegram.seal_into(&key(), &mut state, &mut [0; 100][..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
            assert_eq!(state.next_counter(), Some(100));
        }
        let mut buffer = [0; 100];
        let sealed = telegram.seal_into(&key(), &mut state(false), &mut buffer).unwrap();
        for crc in [None, Some(FrameFormat::A), Some(FrameFormat::B)] {
            let whole = sealed.frame_into(crc, &mut [0; 300]).unwrap().len();
            for size in 0..whole {
                assert!(sealed.frame_into(crc, &mut [0; 300][..size]).is_err(), "{crc:?} {size}");
            }
        }
    }
    // NNNN tells at most fourteen blocks when clear octets follow.
    let telegram =
        SecuredTelegram { body: &long[..223], clear: &RECORDS, fragmented: true, ..up(Profile::A) };
    assert_eq!(refused(&telegram).kind, ErrorKind::TooLong { length: 240, limit: 224 });
    let telegram = SecuredTelegram { body: &long[..222], ..telegram };
    assert!(telegram.seal_into(&key(), &mut state(false), &mut [0; 300]).is_ok());
}

#[test]
fn a_state_of_another_meter_direction_or_of_no_counters_is_refused() {
    let other = Address::from_link_octets([1, 2, 3, 4, 5, 6, 7, 8]);
    for profile in [Profile::A, Profile::B, Profile::D] {
        for wrong in [count(true), Count { meter: other, ..count(false) }] {
            let mut state = SenderState::new(wrong, 1);
            state.export(9, 0);
            let error = up(profile).seal_into(&key(), &mut state, &mut [0; 100]).unwrap_err();
            let kind = oms_security::ErrorKind::Sender(SenderError::OtherSender);
            assert_eq!((error.kind, state.next_counter()), (ErrorKind::Security(kind), Some(1)));
        }
        let mut state = SenderState::new(count(false), u32::MAX);
        state.export(9, 0);
        let mut seal = |telegram: &SecuredTelegram<'_>| {
            telegram
                .seal_into(&key(), &mut state, &mut [0; 100])
                .map(|_| ())
                .map_err(|error| error.kind.name())
        };
        let telegram = up(profile);
        let again = if profile == Profile::A { "access_number_used" } else { "counter_exhausted" };
        assert_eq!((seal(&telegram), seal(&telegram)), (Ok(()), Err(again)));
    }
    assert_eq!(up(Profile::B).clear_into(&mut [0; 100]).unwrap_err().kind, ErrorKind::ProtectionMissing);
}

#[test]
fn no_counter_is_ever_on_the_air_twice() {
    // With restarts in between and small exports, over profiles B and D, which share the count.
    let mut kept = SenderState::new(count(false), 7).export(0, 0).to_string();
    let mut counters = std::collections::BTreeSet::new();
    for run in 0..50u32 {
        let mut state: SenderState = kept.parse().unwrap();
        kept = state.export(3, 0).to_string();
        for n in 0..run % 5 {
            let profile = if n % 2 == 0 { Profile::B } else { Profile::D };
            let mut buffer = [0; 100];
            let Ok(sealed) = up(profile).seal_into(&key(), &mut state, &mut buffer) else {
                assert!(n >= 3);
                continue;
            };
            let mut frame = [0; 100];
            let frame = sealed.frame_into(None, &mut frame).unwrap();
            assert!(counters.insert(mbus_app::peek(frame).unwrap().counter.unwrap()));
        }
    }
    assert!(counters.len() > 80, "{}", counters.len());
}

#[test]
fn sessions_of_the_extended_link_layer() {
    let number = SessionNumber::new(SessionNumber::ENC_AES_128_CTR, 0, 0).unwrap();
    let session = Some(EllSession { number, payload_crc: 0 });
    let ell = Some(Ell { control: CommunicationControl(0x20), access_number: 3, receiver: None, session });
    let link = NewLink::Wireless { c_field: CField::SND_NR, sender: meter(), ell };
    let telegram =
        SecuredTelegram { body: &RECORDS, ..SecuredTelegram::new(link, 0x7A, meter(), Profile::None) };
    let mut buffer = [0; 100];
    let sealed = telegram.clear_into(&mut buffer).unwrap();
    let mut out = [0; 100];
    assert_eq!(sealed.frame_into(None, &mut out).unwrap_err().kind, ErrorKind::SessionMissing);
    let mut state = state(false);
    let error = sealed.frame_enciphered_into(None, &key(), &mut state, 5, &mut [0; 20]).unwrap_err();
    assert_eq!(error.kind.name(), "buffer_too_small");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..16 {
        let frame = sealed.frame_enciphered_into(None, &key(), &mut state, 5, &mut out).unwrap();
        let telegram = Telegram::decode_stripped(frame, &key()).unwrap();
        assert!(seen.insert(telegram.ell().unwrap().session.unwrap().number));
        assert_eq!(telegram.records().count(), 2);
    }
    let error = sealed.frame_enciphered_into(None, &key(), &mut state, 5, &mut out).unwrap_err();
    assert_eq!((error.kind.name(), error.layer.name()), ("session_exhausted", "ell"));
    assert!(sealed.frame_enciphered_into(None, &key(), &mut state, 6, &mut out).is_ok());
    // Nor from any other state, which would give the sessions a second time.
    for other in [
        Count { meter: gateway(), ..count(false) },
        count(true),
        Count { key_id: 1, ..count(false) },
        Count { key_version: 1, ..count(false) },
    ] {
        let mut other = SenderState::new(other, 0);
        other.export(0, 9);
        let error = sealed.frame_enciphered_into(None, &key(), &mut other, 5, &mut out).unwrap_err();
        assert_eq!(error.kind.name(), "other_sender");
    }
}

#[test]
fn a_fragmented_message_is_no_single_frame() {
    let telegram = SecuredTelegram { fragmented: true, ..up(Profile::B) };
    let mut buffer = [0; 100];
    let sealed = telegram.seal_into(&key(), &mut state(false), &mut buffer).unwrap();
    assert_eq!(sealed.frame_into(None, &mut [0; 100]).unwrap_err().kind.name(), "fragment");
    assert_eq!(sealed.frames(0).unwrap_err().kind.name(), "too_long");
    let mut frames = sealed.frames(20).unwrap();
    // A frame that found no room comes again.
    assert!(frames.next_into(20, None, &mut [0; 10]).is_err());
    let mut out = [0; 100];
    let first = frames.next_into(20, None, &mut out).unwrap().unwrap();
    assert_eq!(first[12..14], [0x01, 0x78], "FID 1, more follow");
}

fn carried(telegram: &SecuredTelegram<'_>, carrier: u8) -> NewLink {
    let NewLink::Wireless { c_field, sender, .. } = telegram.link else { panic!() };
    let control = CommunicationControl(0x84);
    let ell = Ell { control, access_number: 9, receiver: None, session: None };
    match carrier {
        0 => NewLink::Wired { c_field, address: PrimaryAddress(7) },
        1 => NewLink::Wireless { c_field, sender, ell: None },
        2 => NewLink::Wireless { c_field, sender, ell: Some(ell) },
        _ => NewLink::Wireless { c_field, sender, ell: Some(Ell { receiver: Some(gateway()), ..ell }) },
    }
}

/// Puts fragments together and opens; gives the body.
fn open_fragments(frames: &[Vec<u8>], wired: bool, records: &[u8]) {
    let mut store = Reassembler::<2, 4096>::new(Duration::from_secs(9));
    let mut opened = 0;
    for frame in frames {
        let mut frame = frame.clone();
        let input = if wired { mbus_app::Input::Wired } else { mbus_app::Input::Stripped };
        let lax = Telegram::decode_lax(&mut frame, input, &NoKeys);
        assert_eq!(lax.stopped.unwrap().kind.name(), "fragment");
        let c_field = lax.telegram.link().and_then(|link| link.c_field());
        let sender = match lax.telegram.link().unwrap() {
            mbus_app::Link::Wireless(frame) => Some(frame.address()),
            mbus_app::Link::Wired(_) => None,
        };
        let afl = lax.telegram.afl().unwrap();
        let fragment = lax.telegram.fragment().to_vec();
        if let Some(message) = store.push(Instant::ZERO, Channel::Wired(1), true, &afl, &fragment).unwrap() {
            let lax = Telegram::decode_message(message.octets, sender, c_field, message.afl, &key());
            assert!(lax.stopped.is_none(), "{:?}", lax.stopped);
            check_body(&lax.telegram, records);
            opened += 1;
        }
    }
    assert_eq!(opened, 1);
}

fn check_body(telegram: &Telegram<'_>, records: &[u8]) {
    let body = telegram.body();
    let body = body.strip_prefix(&[0x2F, 0x2F]).unwrap_or(body);
    assert_eq!(&body[..records.len()], records);
    assert!(body[records.len()..].iter().all(|octet| *octet == 0x2F));
}

proptest! {
    #[test]
    fn what_is_built_is_read_again(
        profile in prop::sample::select(vec![Profile::A, Profile::B, Profile::D]),
        to_meter: bool,
        carrier in 0u8..4,
        fragmented: bool,
        in_transport: bool,
        access_number: u8,
        content in 0u8..4,
        len in 0u8..30,
        limit in 1usize..60,
    ) {
        // Records of five octets each, so that they end where they should.
        let records: Vec<u8> = (0..len).flat_map(|n| [0x04, 0x13, n, 1, 2, 3]).collect();
        let base = if to_meter { down(profile) } else { up(profile) };
        let ci = if to_meter { 0x5B } else if carrier == 0 { 0x72 } else { 0x7A };
        let mut telegram = SecuredTelegram {
            link: carried(&base, carrier),
            ci: mbus_app::ci::CiField(ci),
            access_number,
            fragmented,
            body: &records,
            ..base
        };
        telegram.protection.flags = if profile == Profile::A { u16::from(content) << 2 } else { u16::from(content) << 14 };
        telegram.protection.counter = if in_transport { CounterPlace::Transport } else { CounterPlace::Afl };
        let mut buffer = [0; 600];
        let mut state = state(to_meter);
        let sealed = telegram.seal_into(&key(), &mut state, &mut buffer).unwrap();
        prop_assert_eq!(sealed.message().len(), telegram.encoded_len().unwrap());
        let mut out = [0; 300];
        let wired = carrier == 0;
        if fragmented {
            let mut frames = sealed.frames(limit).unwrap();
            let mut all = Vec::new();
            while let Some(frame) = frames.next_into(limit, None, &mut out).unwrap() {
                all.push(frame.to_vec());
            }
            open_fragments(&all, wired, &records);
            return Ok(());
        }
        let crcs: &[_] = if wired { &[None] } else { &[None, Some(FrameFormat::A), Some(FrameFormat::B)] };
        for crc in crcs {
            let frame = sealed.frame_into(*crc, &mut out).unwrap();
            let read = match (wired, crc) {
                (true, _) => Telegram::decode_wired(frame, &key()),
                (false, None) => Telegram::decode_stripped(frame, &key()),
                (false, Some(FrameFormat::A)) => Telegram::decode_format_a(frame, &key()),
                (false, Some(FrameFormat::B)) => Telegram::decode_format_b(frame, &key()),
            }.unwrap();
            prop_assert_eq!(read.meter(), Some(meter()));
            prop_assert_eq!(read.is_authenticated(), profile != Profile::A);
            prop_assert_eq!(read.tpl().unwrap().header.unwrap().access_number, access_number);
            check_body(&read, &records);
            prop_assert_eq!(read.records().filter(Result::is_ok).count(), records.len() / 6);
            if let BodyState::Opened(opening) = read.state() {
                let direction = if to_meter { sealed::Direction::ToMeter } else { sealed::Direction::FromMeter };
                prop_assert_eq!(opening.counter.map(|used| (used.counter, used.count.direction)),
                    (profile != Profile::A).then_some((100, Some(direction))));
            }
        }
    }
}
