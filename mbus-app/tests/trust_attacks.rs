//! What a stranger makes of a telegram that he heard, and of octets that no MAC, tag or key covers: none of it is
//! believed, none of it starts a new count. The telegrams are put together here octet by octet, without the builders.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::telegram::BodyState;
use mbus_app::trust::TrustError;
use mbus_app::{ErrorKind, Telegram};
use mbus_link::Address;
use oms_security::afl::{Afl, AflMessage, Mac, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::kdf::{DerivationConstant, cmac, derive};
use oms_security::key::{Aes, Key, KeyProvider, KeySelector, PreparedKey};
use oms_security::profile::{Policy, Profile};
use oms_security::replay::{Freshness, ReplayError, ReplayGuard};
use oms_security::sealed::{SecurityContext, seal};

const RECORDS: [u8; 6] = [0x0C, 0x13, 0x35, 0x67, 0x00, 0x00];

fn meter(number: u8) -> Address {
    Address::from_link_octets([0x93, 0x15, number, 0x56, 0x34, 0x12, 0x33, 0x07])
}
fn key(octet: u8) -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([octet; 16]))
}
fn bound_to(number: u8) -> KeySelector {
    KeySelector { identification: Some(meter(number).identification), ..KeySelector::default() }
}
/// A wireless frame without CRCs.
fn frame(sender: Address, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len() + 9).unwrap();
    [&[length, 0x44][..], &sender.to_link_octets(), payload].concat()
}
fn octets(afl: &Afl) -> Vec<u8> {
    let mut buffer = [0; 40];
    afl.encode_into(&mut buffer).unwrap().to_vec()
}
/// An AFL with a MAC of eight octets over `message`, made with the key for MACs from or to the meter.
fn signed(key: &PreparedKey<Aes>, constant: DerivationConstant, counter: u32, message: &[u8]) -> Vec<u8> {
    let control = Some(MessageControl(0x25));
    let mut afl = Afl { message_control: control, message_counter: Some(counter), ..Afl::default() };
    let key = key.rekeyed(&derive(key, constant, counter, meter(1).identification));
    afl.mac = Mac::new(&cmac(&key, &[AflMessage::from(afl).mac_input().octets(), message])[..8]);
    [&octets(&afl), message].concat()
}
/// The payload of a telegram with a short header: profile A, B or D, sealed with a key and a counter.
fn payload(meter: Address, profile: Profile, key: &PreparedKey<Aes>, counter: u32, clear: &[u8]) -> Vec<u8> {
    let [c0, c1, c2, c3] = counter.to_le_bytes();
    let (configuration, body) = match profile {
        Profile::A => (vec![0x10, 0x05], [&[0x2F, 0x2F][..], &RECORDS, &[0x2F; 8], clear].concat()),
        Profile::B => (vec![0x10, 0x07, 0x10], [&[0x2F, 0x2F][..], &RECORDS, &[0x2F; 8], clear].concat()),
        Profile::D => (vec![0xFF, 0x2A, 0x10, 0x01, c0, c1, c2, c3], [&RECORDS[..], &[0; 8]].concat()),
        _ => (vec![0x00, 0x00], RECORDS.to_vec()),
    };
    let mut message = [&[0x7A, 9, 0][..], &configuration, &body].concat();
    let control = (profile == Profile::B).then_some(MessageControl(0x25));
    let mut afl =
        Afl { message_control: control, message_counter: control.map(|_| counter), ..Afl::default() };
    let (configuration, _) = Configuration::parse_prefix(&message[3..]).unwrap();
    let context = SecurityContext {
        meter,
        access_number: 9,
        configuration,
        afl: control.map(|_| afl.into()),
        ..SecurityContext::default()
    };
    let at = message.len() - body.len();
    afl.mac = seal(&context, &mut message, at, key).unwrap();
    if control.is_some() { [octets(&afl), message].concat() } else { message }
}
fn sent(number: u8, profile: Profile, counter: u32) -> Vec<u8> {
    frame(meter(number), &payload(meter(number), profile, &key(1), counter, &[]))
}
fn judge<P: KeyProvider + ?Sized, const N: usize>(
    octets: &[u8],
    keys: &P,
    policy: &Policy,
    guard: &mut ReplayGuard<N>,
) -> Result<Option<Freshness>, TrustError> {
    Telegram::decode_stripped(&mut octets.to_vec(), keys).unwrap().judge(policy, guard)
}

/// Neither MAC nor derivation of mode 7 covers manufacturer, version and type of a short header.
#[test]
fn a_heard_telegram_under_other_names_is_a_repetition() {
    let original = sent(1, Profile::B, 100);
    let keys = [(bound_to(1), key(1)), (bound_to(2), key(2))];
    let mut guard = ReplayGuard::<2>::new();
    let mut first = 0;
    for octet in 0..=255 {
        for at in [2, 3, 8, 9] {
            let mut forged = original.clone();
            forged[at] = octet;
            let freshness = judge(&forged, &keys[..], &Policy::require(Profile::B), &mut guard).unwrap();
            first += usize::from(freshness == Some(Freshness::First));
        }
    }
    assert_eq!((first, guard.export().count()), (1, 1));
    // An old one under another name is old.
    let mut old = sent(1, Profile::B, 99);
    old[8] ^= 1;
    let refusal = judge(&old, &keys[..], &Policy::require(Profile::B), &mut guard).unwrap_err();
    assert_eq!(refusal, TrustError::Replay(ReplayError::Replay { counter: 99, last: 100 }));
    // There is room for the next meter.
    let next = frame(meter(2), &payload(meter(2), Profile::B, &key(2), 5, &[]));
    let freshness = judge(&next, &keys[..], &Policy::require(Profile::B), &mut guard).unwrap();
    assert_eq!(freshness, Some(Freshness::First));
    guard.forget(meter(1).identification);
    assert_eq!(guard.export().count(), 1);
}

/// The tag of mode 10 covers nothing of an AFL: KI in it names no other count.
#[test]
fn a_ki_in_front_of_mode_10_starts_no_count() {
    let original = payload(meter(1), Profile::D, &key(1), 100, &[]);
    let mut guard = ReplayGuard::<64>::new();
    let mut first = 0;
    for version in 0..=255 {
        let octets = frame(meter(1), &[&[0x90, 0x04, 0x00, 0x02, 0x10, version][..], &original].concat());
        let freshness = judge(&octets, &key(1), &Policy::require(Profile::D), &mut guard).unwrap();
        first += usize::from(freshness == Some(Freshness::First));
    }
    assert_eq!((first, guard.export().count()), (1, 1));
}

#[test]
fn a_ki_that_contradicts_the_header_of_mode_10_is_refused() {
    let original = payload(meter(1), Profile::D, &key(1), 100, &[]);
    let selector = |key_id| KeySelector { key_id: Some(key_id), ..KeySelector::default() };
    let keys = [(selector(0), key(1)), (selector(5), key(1))];
    // Another key number; no derivation.
    for information in [0x15, 0x05, 0x00] {
        let mut octets =
            frame(meter(1), &[&[0x90, 0x04, 0x00, 0x02, information, 0][..], &original].concat());
        let error = Telegram::decode_stripped(&mut octets, &keys[..]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Security(oms_security::ErrorKind::KeyInformation));
    }
}

#[test]
fn an_afl_mac_in_mode_10_is_checked() {
    let original = payload(meter(1), Profile::D, &key(1), 100, &[]);
    let wrong = [&[0x90, 0x0B, 0x00, 0x24, 0x05, 0, 0, 0, 0, 0, 0, 0, 0][..], &original].concat();
    let error = Telegram::decode_stripped(&mut frame(meter(1), &wrong), &key(1)).unwrap_err();
    assert_eq!(error.kind.name(), "mac");
    // A right one opens, and counts as the tag alone does.
    let right = signed(&key(1), DerivationConstant::MAC_FROM_METER, 100, &original);
    let mut guard = ReplayGuard::<2>::new();
    let policy = Policy::require(Profile::D);
    assert_eq!(judge(&frame(meter(1), &right), &key(1), &policy, &mut guard), Ok(Some(Freshness::First)));
    assert_eq!(
        judge(&frame(meter(1), &original), &key(1), &policy, &mut guard).unwrap(),
        Some(Freshness::Repetition)
    );
}

/// Mode 5 is checked by two octets only: one key in 65 536 gives them as well. Where a MAC says whose key it is, no other
/// one deciphers.
#[test]
fn the_mac_and_the_cipher_use_one_key() {
    let message = payload(meter(1), Profile::A, &key(1), 0, &[]);
    let signed = signed(&key(1), DerivationConstant::MAC_FROM_METER, 7, &message);
    let octets = frame(meter(1), &signed);
    let fits = |key: &PreparedKey<Aes>| {
        let mut octets = frame(meter(1), &message);
        let telegram = Telegram::decode_stripped(&mut octets, key);
        telegram.is_ok_and(|telegram| matches!(telegram.state(), BodyState::Opened(_)))
    };
    let wrong = (0u32..).map(|n| {
        let mut octets = [0xEE; 16];
        octets[..4].copy_from_slice(&n.to_le_bytes());
        PreparedKey::<Aes>::new(&Key::new(octets))
    });
    let wrong = wrong.into_iter().find(fits).unwrap();
    for table in [[wrong.clone(), key(1)], [key(1), wrong]] {
        let table = table.map(|key| (KeySelector::default(), key));
        let mut octets = octets.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &table[..]).unwrap();
        assert!(telegram.is_authenticated());
        assert_eq!(telegram.body()[2..8], RECORDS);
    }
}
