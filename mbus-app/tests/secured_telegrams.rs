//! What the builder of whole secured telegrams refuses, and that what it builds is read again, for every profile, way
//! and carrier.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::BodyState;
use mbus_app::telegram::builder::{
    CounterPlace, NewFrame, Padding, Protection, SealedTelegram, TelegramBuilder,
};
use mbus_app::tpl::{Header, Tpl};
use mbus_app::{Error, ErrorKind, Telegram};
use mbus_link::ell::EllSession;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::configuration::Configuration;
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, NoKeys, PreparedKey};
use oms_security::mode13::{ContentType, Protocol, Record};
use oms_security::profile::Profile;
use oms_security::reassembly::{Channel, Reassembler};
use oms_security::sealed::Direction;
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
/// The receiver: the key, and whether it has a session of TLS with the meter.
struct Receiver {
    key: PreparedKey<Aes>,
    in_session: bool,
}

impl KeyProvider for Receiver {
    type Cipher = Aes;
    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<Aes>> {
        self.key.candidate(request, n)
    }
    fn in_tls_session(&self, _: &KeyRequest) -> bool {
        self.in_session
    }
}

fn receiver(in_session: bool) -> Receiver {
    Receiver { key: key(), in_session }
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
/// Application data as a TLS session of somebody makes them.
const APPLICATION_DATA: Record<'static> =
    Record { content_type: ContentType::APPLICATION_DATA, version: [3, 3], fragment: &[0xA5; 40] };
const CLIENT_HELLO: Record<'static> =
    Record { content_type: ContentType::HANDSHAKE, version: [3, 3], fragment: &[1, 0, 0, 2, 3, 3] };
const ALERT: Record<'static> =
    Record { content_type: ContentType::ALERT, version: [3, 3], fragment: &[2, 40] };

/// A telegram and how it is to be protected.
#[derive(Clone, Copy)]
struct Wish<'a> {
    telegram: TelegramBuilder<'a>,
    protection: Protection<'a>,
}

impl<'a> Wish<'a> {
    fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(self.telegram.tpl.as_mut().unwrap().header.as_mut().unwrap());
        self
    }
    fn flags(self, field: u16) -> Self {
        self.header(|header| header.configuration.field = field)
    }
    fn ci(mut self, ci: u8) -> Self {
        let header = self.telegram.tpl.unwrap().header.unwrap();
        self.telegram.tpl = Some(Tpl::of(CiField(ci), meter(), header));
        self
    }
    fn body(mut self, octets: &'a [u8]) -> Self {
        self.telegram.body = Body::Octets(octets);
        self
    }
    fn frame(mut self, frame: NewFrame, ell: Option<Ell>) -> Self {
        (self.telegram.frame, self.telegram.ell) = (frame, ell);
        self
    }
    fn crcs(mut self, format: Option<FrameFormat>) -> Self {
        if let NewFrame::Wireless { crcs, .. } = &mut self.telegram.frame {
            *crcs = format;
        }
        self
    }
    fn protection(mut self, change: impl FnOnce(&mut Protection<'a>)) -> Self {
        change(&mut self.protection);
        self
    }
    fn seal<'b>(&self, state: &mut SenderState, buffer: &'b mut [u8]) -> Result<SealedTelegram<'b>, Error> {
        self.telegram.seal_into(&self.protection, &key(), state, buffer)
    }
}

fn wish(c_field: CField, sender: Address, ci: u8, profile: Profile) -> Wish<'static> {
    let tpl = Tpl::of(CiField(ci), meter(), Header::default());
    let telegram = TelegramBuilder::wireless(c_field, sender, tpl, Body::Octets(&RECORDS));
    Wish { telegram, protection: Protection::of(profile) }
}
fn up(profile: Profile) -> Wish<'static> {
    wish(CField::SND_NR, meter(), 0x7A, profile)
}
fn down(profile: Profile) -> Wish<'static> {
    wish(CField::SND_UD, gateway(), 0x5B, profile)
}
fn wired() -> NewFrame {
    NewFrame::Wired { c_field: CField::RSP_UD, address: PrimaryAddress(1) }
}
/// Records of TLS as octets.
fn tls(records: &[Record<'_>]) -> Vec<u8> {
    let mut octets = Vec::new();
    for record in records {
        octets.extend_from_slice(record.encode_into(&mut [0; 300]).unwrap());
    }
    octets
}

/// The error of sealing, and that it used nothing up.
fn refused(wish: &Wish<'_>) -> Error {
    let to_meter = wish.telegram.direction() == mbus_app::record::Direction::ToDevice;
    let mut state = state(to_meter);
    let error = wish.seal(&mut state, &mut [0; 1000]).unwrap_err();
    assert_eq!((state.next_counter(), state.next_access_number()), (Some(100), 0), "{error}");
    error
}

#[test]
fn a_receiver_must_be_able_to_know_the_meter() {
    let data = tls(&[APPLICATION_DATA]);
    for profile in [Profile::A, Profile::B, Profile::C, Profile::D] {
        let (up, down) = (up(profile), down(profile));
        let (up, down) = if profile == Profile::C { (up.body(&data), down.body(&data)) } else { (up, down) };
        // A gateway with a short header would have its own address taken for the meter's.
        assert_eq!(refused(&down.ci(0x5A)).kind.name(), "other_sender");
        assert_eq!(refused(&up.frame(wired(), None)).kind, ErrorKind::MeterNotSent);
        assert_eq!(refused(&up.ci(0x78)).kind, ErrorKind::MeterNotSent);
        let other = Wish { telegram: TelegramBuilder { tpl: None, ..up.telegram }, ..up };
        assert_eq!(refused(&other).kind.name(), "no_control_information");
        let tpl = Tpl { header: None, ..up.telegram.tpl.unwrap() };
        let other = Wish { telegram: TelegramBuilder { tpl: Some(tpl), ..up.telegram }, ..up };
        assert_eq!(refused(&other).kind.name(), "header_mismatch");
    }
}

#[test]
fn what_is_not_published_is_not_built() {
    let not_published = |wish: Wish<'_>| {
        let error = refused(&wish);
        assert_eq!(error.kind.name(), "not_published", "{error}");
    };
    let data = tls(&[APPLICATION_DATA]);
    let with_clear = |wish: Wish<'static>| wish.protection(|protection| protection.clear = &RECORDS);
    let counted = |wish: Wish<'static>| wish.protection(|protection| protection.padding = Padding::Counted);
    not_published(up(Profile::C).body(&data).protection(|protection| protection.clear = &RECORDS));
    not_published(with_clear(up(Profile::D)));
    not_published(counted(up(Profile::A)));
    not_published(counted(with_clear(up(Profile::B))));
    for profile in [Profile::None, Profile::A, Profile::D] {
        not_published(up(profile).protection(|protection| protection.tell_key_version = true));
    }
    let network = TelegramBuilder { network_layer: Some(&[0x1D]), ..up(Profile::A).telegram };
    not_published(Wish { telegram: network, ..up(Profile::A) });
    for (profile, key_id) in [(Profile::A, 1), (Profile::B, 16), (Profile::C, 1), (Profile::D, 0x20)] {
        let mut state = SenderState::new(Count { key_id, ..count(false) }, 1);
        state.export(9, 0);
        let error = up(profile).body(&data).seal(&mut state, &mut [0; 100]).unwrap_err();
        assert_eq!((error.kind.name(), state.next_counter()), ("not_published", Some(1)));
    }
}

#[test]
fn layers_that_sealing_makes_are_not_the_callers() {
    use oms_security::afl::Afl;
    let given = TelegramBuilder { afl: Some(Afl::default()), ..up(Profile::B).telegram };
    let error = refused(&Wish { telegram: given, ..up(Profile::B) });
    assert_eq!((error.kind.name(), error.layer.name()), ("layer_out_of_order", "afl"));
    let ell = Some(Ell::default());
    assert_eq!(refused(&up(Profile::A).ci(0x72).frame(wired(), ell)).kind.name(), "layer_out_of_order");
    // A body that its CI does not announce is refused before a counter is used.
    let alarm = TelegramBuilder { body: Body::Alarm(mbus_app::alarm::Alarm(0)), ..up(Profile::B).telegram };
    assert_eq!(refused(&Wish { telegram: alarm, ..up(Profile::B) }).kind.name(), "body_mismatch");
}

#[test]
fn computed_bits_are_not_the_callers() {
    let data = tls(&[APPLICATION_DATA]);
    for profile in [Profile::None, Profile::A, Profile::B, Profile::C, Profile::D] {
        for bit in 0..16 {
            let mut wish = up(profile).flags(1 << bit);
            if profile == Profile::C {
                wish = wish.body(&data);
            }
            let free: u16 = if matches!(profile, Profile::None | Profile::A) { 0xE00F } else { 0xC000 };
            let mut buffer = [0; 100];
            let outcome = wish.seal(&mut state(false), &mut buffer).map(|_| ());
            let expected = ErrorKind::ConfigurationBits { flags: 1 << bit, content_index: 0 };
            match free & 1 << bit {
                0 => assert_eq!(outcome.unwrap_err().kind, expected, "{profile} {bit}"),
                _ => outcome.unwrap(),
            }
        }
        let wish = up(profile).protection(|protection| {
            protection.content_index = match profile {
                Profile::None | Profile::A | Profile::C => 1,
                Profile::B => 8,
                Profile::D => 16,
            };
        });
        assert_eq!(refused(&wish).kind.name(), "configuration_bits");
        for configuration in [
            Configuration { extension: 0x10, ..Configuration::default() },
            Configuration { counter: Some(7), ..Configuration::default() },
            Configuration { key_version: Some(7), ..Configuration::default() },
        ] {
            let wish = up(profile).header(|header| header.configuration = configuration);
            assert_eq!(refused(&wish).kind.name(), "configuration_bits");
        }
    }
}

#[test]
fn modes_that_no_profile_has_are_refused_by_every_way() {
    for mode in (0..32u16).filter(|mode| !matches!(mode, 0 | 5 | 7 | 10 | 13)) {
        for profile in [Profile::None, Profile::A, Profile::B, Profile::D] {
            let error = refused(&up(profile).flags(mode << 8));
            assert_eq!(error.kind.name(), "configuration_bits", "{mode}");
        }
        let given = up(Profile::None).flags(mode << 8 | 0x10).telegram;
        let given = TelegramBuilder { body: Body::Octets(&[0x2F; 16]), ..given };
        let error = given.reseal_into(&key(), &mut [0; 100]).unwrap_err();
        assert_eq!(error.kind.name(), "unsupported_mode", "{mode}");
    }
}

#[test]
fn lengths() {
    let long = [0x2F; 70_000];
    let fragmented = |wish: Wish<'static>| wish.protection(|protection| protection.fragmented = true);
    for profile in [Profile::A, Profile::B, Profile::D] {
        assert_eq!(refused(&up(profile).body(&long[..240])).kind.name(), "too_long", "{profile}: one frame");
        assert_eq!(refused(&fragmented(up(profile)).body(&long)).kind.name(), "too_long", "{profile}: ML");
        let wish = up(profile);
        let needed = wish.telegram.message_len(&wish.protection).unwrap();
        for size in 0..needed {
            let mut state = state(false);
            let error = wish.seal(&mut state, &mut [0; 100][..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
            assert_eq!(state.next_counter(), Some(100));
        }
        for crc in [None, Some(FrameFormat::A), Some(FrameFormat::B)] {
            let mut buffer = [0; 100];
            let sealed = wish.crcs(crc).seal(&mut state(false), &mut buffer).unwrap();
            let whole = sealed.frame_into(&mut [0; 300]).unwrap().len();
            for size in 0..whole {
                assert!(sealed.frame_into(&mut [0; 300][..size]).is_err(), "{crc:?} {size}");
            }
        }
    }
    // NNNN tells at most fourteen blocks when clear octets follow.
    let wish = up(Profile::A).protection(|protection| {
        (protection.clear, protection.fragmented) = (&RECORDS, true);
    });
    assert_eq!(refused(&wish.body(&long[..223])).kind, ErrorKind::TooLong { length: 240, limit: 224 });
    assert!(wish.body(&long[..222]).seal(&mut state(false), &mut [0; 300]).is_ok());
}

#[test]
fn a_state_of_another_meter_direction_or_of_no_counters_is_refused() {
    let other = Address::from_link_octets([1, 2, 3, 4, 5, 6, 7, 8]);
    let hello = tls(&[CLIENT_HELLO]);
    for profile in [Profile::A, Profile::B, Profile::C, Profile::D] {
        let wish = if profile == Profile::C { up(profile).body(&hello) } else { up(profile) };
        for wrong in [count(true), Count { meter: other, ..count(false) }] {
            let mut state = SenderState::new(wrong, 1);
            state.export(9, 0);
            let error = wish.seal(&mut state, &mut [0; 100]).unwrap_err();
            let kind = oms_security::ErrorKind::Sender(SenderError::OtherSender);
            assert_eq!((error.kind, state.next_counter()), (ErrorKind::Security(kind), Some(1)));
        }
        let mut state = SenderState::new(count(false), u32::MAX);
        state.export(9, 0);
        let mut seal = || wish.seal(&mut state, &mut [0; 100]).map(|_| ()).map_err(|error| error.kind.name());
        let again = if profile == Profile::A { "access_number_used" } else { "counter_exhausted" };
        assert_eq!((seal(), seal()), (Ok(()), Err(again)));
    }
    let b = up(Profile::B);
    let error = b.telegram.clear_into(&b.protection, &mut [0; 100]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ProtectionMissing);
}

#[test]
fn tls_is_wrapped_as_oms_demands() {
    // Records, in a session or not: with an AFL and a counter, or without.
    for (ci, protocol, record, in_session, with_mac) in [
        (0x9E, Protocol::CHANNEL, Record::CHANNEL_REQUEST, false, true),
        (0x9E, Protocol::TLS, CLIENT_HELLO, false, true),
        (0x9E, Protocol::TLS, ALERT, false, true),
        (0x9E, Protocol::TLS, ALERT, true, false),
        (0x7A, Protocol::TLS, APPLICATION_DATA, true, false),
        (0x7A, Protocol::TLS, APPLICATION_DATA, false, false),
    ] {
        let octets = tls(&[record]);
        let wish = up(Profile::C).ci(ci).body(&octets).protection(|protection| {
            (protection.protocol, protection.in_session) = (protocol, in_session);
        });
        let (mut buffer, mut out, mut state) = ([0; 100], [0; 100], state(false));
        let sealed = wish.seal(&mut state, &mut buffer).unwrap();
        assert_eq!(state.next_counter(), Some(if with_mac { 101 } else { 100 }));
        let configuration = [0xFF, 0x0D, protocol.0];
        assert_eq!(sealed.message(), [&[ci, 0, 0][..], &configuration, &octets].concat());
        let frame = sealed.frame_into(&mut out).unwrap().to_vec();
        let of_a_stranger = Telegram::decode_stripped(&mut out[..frame.len()], &receiver(false)).err();
        // What needs no MAC in a session needs one without.
        let refused = in_session && record == ALERT;
        assert_eq!(of_a_stranger.map(|error| error.kind.name()), refused.then_some("mac_missing"));
        out[..frame.len()].copy_from_slice(&frame);
        let read = Telegram::decode_stripped(&mut out[..frame.len()], &receiver(in_session)).unwrap();
        assert_eq!((read.is_authenticated(), read.afl().is_some()), (with_mac, with_mac));
        assert_eq!(read.tls_records().next(), Some(Ok(record)));
        // What was read is built again, by either way.
        let again = TelegramBuilder::of(&read).unwrap();
        assert_eq!(again.encode_into(&mut [0; 100]).unwrap(), frame);
        assert_eq!(again.reseal_into(&key(), &mut [0; 100]).unwrap(), frame);
    }
    let octets = tls(&[APPLICATION_DATA]);
    assert_eq!(refused(&up(Profile::C).body(&octets[..20])).kind.name(), "truncated");
    let records = TelegramBuilder { body: Body::Records(&RECORDS), ..up(Profile::C).telegram };
    let error = refused(&Wish { telegram: records, ..up(Profile::C) });
    assert_eq!(error.kind.name(), "body_mismatch", "records in clear are no TLS");
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
            let Ok(sealed) = up(profile).seal(&mut state, &mut buffer) else {
                assert!(n >= 3);
                continue;
            };
            let mut frame = [0; 100];
            let frame = sealed.frame_into(&mut frame).unwrap();
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
    let bare = up(Profile::None);
    let telegram = TelegramBuilder { ell, ..bare.telegram };
    let mut buffer = [0; 100];
    let sealed = telegram.clear_into(&bare.protection, &mut buffer).unwrap();
    let mut out = [0; 100];
    assert_eq!(sealed.frame_into(&mut out).unwrap_err().kind, ErrorKind::SessionMissing);
    let mut state = state(false);
    let error = sealed.frame_enciphered_into(&key(), &mut state, 5, &mut [0; 20]).unwrap_err();
    assert_eq!(error.kind.name(), "buffer_too_small");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..16 {
        let frame = sealed.frame_enciphered_into(&key(), &mut state, 5, &mut out).unwrap();
        let telegram = Telegram::decode_stripped(frame, &key()).unwrap();
        assert!(seen.insert(telegram.ell().unwrap().session.unwrap().number));
        assert_eq!(telegram.records().count(), 2);
    }
    let error = sealed.frame_enciphered_into(&key(), &mut state, 5, &mut out).unwrap_err();
    assert_eq!((error.kind.name(), error.layer.name()), ("session_exhausted", "ell"));
    assert!(sealed.frame_enciphered_into(&key(), &mut state, 6, &mut out).is_ok());
    // Nor from any other state, which would give the sessions a second time.
    for other in [
        Count { meter: gateway(), ..count(false) },
        count(true),
        Count { key_id: 1, ..count(false) },
        Count { key_version: 1, ..count(false) },
    ] {
        let mut other = SenderState::new(other, 0);
        other.export(0, 9);
        let error = sealed.frame_enciphered_into(&key(), &mut other, 5, &mut out).unwrap_err();
        assert_eq!(error.kind.name(), "other_sender");
    }
}

#[test]
fn a_fragmented_message_is_no_single_frame() {
    let wish = up(Profile::B).protection(|protection| protection.fragmented = true);
    let mut buffer = [0; 100];
    let sealed = wish.seal(&mut state(false), &mut buffer).unwrap();
    assert_eq!(sealed.frame_into(&mut [0; 100]).unwrap_err().kind.name(), "fragment");
    assert_eq!(sealed.frames(0).unwrap_err().kind.name(), "too_long");
    let mut frames = sealed.frames(20).unwrap();
    // A frame that found no room comes again.
    assert!(frames.next_into(20, &mut [0; 10]).is_err());
    let mut out = [0; 100];
    let first = frames.next_into(20, &mut out).unwrap().unwrap();
    assert_eq!(first[12..14], [0x01, 0x78], "FID 1, more follow");
}

fn carried(wish: Wish<'_>, carrier: u8) -> Wish<'_> {
    let c_field = match wish.telegram.frame {
        NewFrame::Wireless { c_field, .. } => c_field,
        _ => panic!(),
    };
    let control = CommunicationControl(0x84);
    let ell = Ell { control, access_number: 9, receiver: None, session: None };
    let radio = wish.telegram.frame;
    match carrier {
        0 => wish.frame(NewFrame::Wired { c_field, address: PrimaryAddress(7) }, None),
        1 => wish.frame(radio, None),
        2 => wish.frame(radio, Some(ell)),
        _ => wish.frame(radio, Some(Ell { receiver: Some(gateway()), ..ell })),
    }
}

/// Puts fragments together and opens; gives the body.
fn open_fragments(frames: &[Vec<u8>], wired: bool, in_session: bool, check: impl Fn(&Telegram<'_>)) {
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
            let keys = receiver(in_session);
            let lax = Telegram::decode_message(message.octets, sender, c_field, message.afl, &keys);
            assert!(lax.stopped.is_none(), "{:?}", lax.stopped);
            check(&lax.telegram);
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

fn way(to_meter: bool) -> Direction {
    if to_meter { Direction::ToMeter } else { Direction::FromMeter }
}
fn profiles(of: &'static [Profile]) -> impl Strategy<Value = Profile> {
    prop::sample::select(of)
}
/// Each frame, or each form of CRCs of the only one: built, and read by `check`.
fn there_and_back(wish: Wish<'_>, to_meter: bool, carrier: u8, limit: usize, check: impl Fn(&Telegram<'_>)) {
    let wish = carried(wish, carrier);
    let (mut buffer, mut out) = ([0; 600], [0; 300]);
    let wired = carrier == 0;
    if wish.protection.fragmented {
        let sealed = wish.seal(&mut state(to_meter), &mut buffer).unwrap();
        let mut frames = sealed.frames(limit).unwrap();
        let mut all = Vec::new();
        while let Some(frame) = frames.next_into(limit, &mut out).unwrap() {
            all.push(frame.to_vec());
        }
        open_fragments(&all, wired, wish.protection.in_session, check);
        return;
    }
    let crcs: &[_] = if wired { &[None] } else { &[None, Some(FrameFormat::A), Some(FrameFormat::B)] };
    for crc in crcs {
        let sealed = wish.crcs(*crc).seal(&mut state(to_meter), &mut buffer).unwrap();
        assert_eq!(sealed.message().len(), wish.telegram.message_len(&wish.protection).unwrap());
        let frame = sealed.frame_into(&mut out).unwrap();
        let keys = receiver(wish.protection.in_session);
        let read = match (wired, crc) {
            (true, _) => Telegram::decode_wired(frame, &keys),
            (false, None) => Telegram::decode_stripped(frame, &keys),
            (false, Some(FrameFormat::A)) => Telegram::decode_format_a(frame, &keys),
            (false, Some(FrameFormat::B)) => Telegram::decode_format_b(frame, &keys),
        };
        check(&read.unwrap());
    }
}

proptest! {
    #[test]
    fn what_is_built_is_read_again(
        profile in profiles(&[Profile::None, Profile::A, Profile::B, Profile::D]),
        to_meter: bool,
        carrier in 0u8..4,
        fragmented: bool,
        in_transport: bool,
        access_number: u8,
        content in 0u16..4,
        len in 0u8..30,
        limit in 1usize..60,
    ) {
        // Records of six octets each, so that they end where they should.
        let records: Vec<u8> = (0..len).flat_map(|n| [0x04, 0x13, n, 1, 2, 3]).collect();
        let base = if to_meter { down(profile) } else { up(profile) };
        let is_plain = matches!(profile, Profile::None | Profile::A);
        let wish = base
            .ci(if to_meter { 0x5B } else if carrier == 0 { 0x72 } else { 0x7A })
            .header(|header| header.access_number = access_number)
            .flags(if is_plain { content << 2 } else { content << 14 })
            .body(&records)
            .protection(|protection| {
                protection.fragmented = fragmented;
                protection.counter = if in_transport { CounterPlace::Transport } else { CounterPlace::Afl };
            });
        there_and_back(wish, to_meter, carrier, limit, |read| {
            check_body(read, &records);
            assert_eq!(read.tpl().unwrap().header.unwrap().access_number, access_number);
            assert_eq!(read.is_authenticated(), !is_plain);
            assert_eq!(read.records().filter(Result::is_ok).count(), records.len() / 6);
            // Fragments leave the link behind, and with it the address of a short header.
            assert!(fragmented || carrier == 0 && profile == Profile::None || read.meter() == Some(meter()));
            if let BodyState::Opened(opening) = read.state() {
                assert_eq!(opening.counter.map(|used| (used.counter, used.count.direction)),
                    (!is_plain).then_some((100, Some(way(to_meter)))));
            }
        });
    }

    #[test]
    fn profile_c_hands_on_what_a_session_made(
        to_meter: bool,
        carrier in 0u8..4,
        fragmented: bool,
        in_session: bool,
        access_number: u8,
        content in 0u16..4,
        types in prop::collection::vec(20u8..24, 1..4),
        fragment in prop::collection::vec(any::<u8>(), 1..50),
        limit in 1usize..60,
    ) {
        let records: Vec<_> = types
            .iter()
            .map(|content_type| Record { content_type: ContentType(*content_type), version: [3, 3], fragment: &fragment })
            .collect();
        let octets = tls(&records);
        let with_mac = records.iter().any(|record| record.demands_mac(in_session));
        let base = if to_meter { down(Profile::C) } else { up(Profile::C) };
        let wish = base
            .ci(if to_meter { 0x5F } else if carrier == 0 { 0x9F } else { 0x9E })
            .header(|header| header.access_number = access_number)
            .flags(content << 14)
            .body(&octets)
            .protection(|protection| (protection.fragmented, protection.in_session) = (fragmented, in_session));
        there_and_back(wish, to_meter, carrier, limit, |read| {
            assert_eq!(read.is_authenticated(), with_mac);
            assert!(read.tls_records().map(Result::unwrap).eq(records.iter().copied()));
            assert!(read.body().is_empty() && read.records().next().is_none());
            let header = read.tpl().unwrap().header.unwrap();
            assert_eq!((header.access_number, u16::from(header.configuration.content())), (access_number, content));
            let BodyState::HandedOn(handed_on) = read.state() else { panic!() };
            let used = handed_on.counter.map(|used| (used.counter, used.count.direction));
            assert_eq!(used, with_mac.then_some((100, Some(way(to_meter)))));
        });
    }
}
