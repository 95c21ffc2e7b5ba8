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
use mbus_link::time::{Duration, Instant};
use mbus_link::{Address, CField};
use oms_security::afl::{Afl, AflMessage, Mac, MessageControl};
use oms_security::cipher::BlockCipherEncrypt;
use oms_security::configuration::Configuration;
use oms_security::kdf::{DerivationConstant, cmac, derive};
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, KeySelector, PreparedKey};
use oms_security::profile::{Policy, PolicyError, PolicyTable, Profile};
use oms_security::reassembly::{Channel, Reassembler};
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

/// An application that carries a TLS record, without a MAC.
fn tls(ci: u8, content_type: u8, fragment: &[u8]) -> Vec<u8> {
    let length = u8::try_from(fragment.len()).unwrap();
    [&[ci, 1, 0, 0xFF, 0x0D, 0x01, content_type, 3, 3, 0, length], fragment].concat()
}
/// Keys, and a session with every meter.
struct InSession(PreparedKey<Aes>);

impl KeyProvider for InSession {
    type Cipher = Aes;
    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<Aes>> {
        self.0.candidate(request, n)
    }
    fn in_tls_session(&self, _: &KeyRequest) -> bool {
        true
    }
}

#[test]
fn records_of_tls_are_no_telegram_without_data() {
    let octets = frame(meter(1), &tls(0x7A, 23, &RECORDS));
    for required in [Profile::A, Profile::B, Profile::C, Profile::D] {
        let policy = Policy::require(required);
        let refusal = judge(&octets, &key(1), &policy, &mut ReplayGuard::<1>::new());
        let expected = match required {
            Profile::A => Ok(None),
            Profile::C => Err(PolicyError::NotAuthenticated { required }.into()),
            _ => Err(PolicyError::Downgrade { required, mode: 13 }.into()),
        };
        assert_eq!(refusal, expected, "{required}");
        // A session checks them; that of another profile does not.
        let in_session = InSession(key(1));
        let outcome = judge(&octets, &in_session, &policy, &mut ReplayGuard::<1>::new());
        assert_eq!(outcome.is_ok(), matches!(required, Profile::A | Profile::C), "{required}");
        let telegram = &mut octets.clone();
        assert!(!Telegram::decode_stripped(telegram, &in_session).unwrap().is_authenticated());
    }
}

#[test]
fn a_handshake_and_an_alert_need_a_mac_outside_a_session() {
    for (content_type, fragment) in [(22, &[1, 0, 0, 2, 3, 3][..]), (21, &[2, 40])] {
        let octets = frame(meter(1), &tls(0x9E, content_type, fragment));
        let error = Telegram::decode_stripped(&mut octets.clone(), &key(1)).unwrap_err();
        assert_eq!(error.kind.name(), "mac_missing");
        assert!(Telegram::decode_stripped(&mut octets.clone(), &InSession(key(1))).is_ok());
    }
}

#[test]
fn a_channel_request_opens_one_channel() {
    // TLSCHAN to the meter, by a gateway; the address is that of the long header.
    let message = [0x5F, 1, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x07, 1, 0, 0xFF, 0x0D, 0x00, 0, 0, 0, 0, 0];
    let gateway = Address::from_link_octets([0x24, 0x23, 1, 2, 3, 4, 8, 0x31]);
    let mut message = message.to_vec();
    message[1..5].copy_from_slice(&[1, 0x56, 0x34, 0x12]);
    let request = |counter| {
        let mut octets =
            frame(gateway, &signed(&key(1), DerivationConstant::MAC_TO_METER, counter, &message));
        octets[1] = 0x53;
        octets
    };
    let mut guard = ReplayGuard::<2>::new();
    let policy = Policy::require(Profile::C);
    assert_eq!(judge(&request(7), &key(1), &policy, &mut guard), Ok(Some(Freshness::First)));
    assert_eq!(judge(&request(7), &key(1), &policy, &mut guard), Ok(Some(Freshness::Repetition)));
    let refusal = judge(&request(6), &key(1), &policy, &mut guard).unwrap_err();
    assert_eq!(refusal, TrustError::Replay(ReplayError::Replay { counter: 6, last: 7 }));
    assert_eq!(guard.export().count(), 1);
}

/// In pieces a telegram has the meter, the direction and so the policy that it has whole.
#[test]
fn fragments_do_not_get_round_the_policy() {
    let table = [(bound_to(1), Policy::require(Profile::D))];
    let clear = payload(meter(1), Profile::None, &key(1), 0, &[]);
    let mut whole = frame(meter(1), &clear);
    let refusal = Telegram::decode_stripped(&mut whole, &key(1)).unwrap();
    let refusal = refusal.judge(&table[..], &mut ReplayGuard::<1>::new()).unwrap_err();
    assert_eq!(refusal.name(), "downgrade");
    let mut store = Reassembler::<2, 64>::new(Duration::from_secs(9));
    let channel = Channel::Wireless { sender: meter(1), receiver: None };
    let (front, back) = clear.split_at(6);
    let first = Afl { fragment_id: 1, more_fragments: true, ..Afl::default() };
    let last = Afl { fragment_id: 2, ..Afl::default() };
    assert!(store.push(Instant::ZERO, channel, true, &first, front).unwrap().is_none());
    let message = store.push(Instant::ZERO, channel, true, &last, back).unwrap().unwrap();
    let c_field = Some(CField(0x53));
    let lax = Telegram::decode_message(message.octets, Some(meter(1)), c_field, message.afl, &key(1));
    assert!(lax.stopped.is_none());
    assert_eq!((lax.telegram.meter(), lax.telegram.records().count()), (Some(meter(1)), 1));
    assert_eq!(lax.telegram.judge(&table[..], &mut ReplayGuard::<1>::new()), Err(refusal));
    // A message whose header says no direction has that of its frames.
    let mut select = [0x53, 0x10, 0, 0, 0x93, 0x15, 0x33, 0x07, 1, 0, 0, 0];
    let lax = Telegram::decode_message(&mut select, None, c_field, AflMessage::default(), &key(1));
    assert_eq!(lax.telegram.direction(), mbus_app::record::Direction::ToDevice);
}

#[test]
fn a_meter_with_a_key_and_without_a_row_is_no_open_one() {
    let keys = [(bound_to(1), key(1))];
    let rows = [(bound_to(2), Policy::require(Profile::B))];
    let judged = |number: u8| {
        let mut octets = sent(number, Profile::None, 0);
        let telegram = Telegram::decode_stripped(&mut octets, &keys[..]).unwrap();
        let by_table = telegram.judge(&rows[..], &mut ReplayGuard::<1>::new());
        let policies = PolicyTable { keys: &keys[..], rows: &rows };
        let by_both = telegram.judge(&policies, &mut ReplayGuard::<1>::new());
        (by_table.map_err(TrustError::name), by_both.map_err(TrustError::name))
    };
    assert_eq!(judged(1), (Err("clear_data"), Err("clear_data")));
    assert_eq!(judged(2), (Err("downgrade"), Err("downgrade")));
    assert_eq!(judged(3), (Err("clear_data"), Ok(None)), "no key: the keys say that it may");
    // A message that names nobody is nobody's.
    let mut octets = *b"\x7A\x01\0\0\0\x0C\x13\x35\x67\0\0";
    let telegram = Telegram::decode_wired_payload(&mut octets, None, &keys[..]).unwrap();
    let policies = PolicyTable { keys: &keys[..], rows: &rows };
    assert_eq!(
        telegram.judge(&policies, &mut ReplayGuard::<1>::new()).map_err(TrustError::name),
        Err("clear_data")
    );
}

#[test]
fn a_command_in_clear_is_a_command_without_octets_too() {
    let long = |ci| [&[ci, 1, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x07, 1, 0][..], &[0, 0]].concat();
    let commands =
        [vec![0x50], vec![0x52, 1], long(0x53), vec![0x57, 1, 0, 0, 0], vec![0x5A, 1, 0, 0, 0], long(0x5B)];
    for command in commands {
        let mut octets = frame(meter(1), &command);
        octets[1] = 0x53;
        for required in [Profile::A, Profile::B, Profile::D] {
            let outcome = judge(&octets, &key(1), &Policy::require(required), &mut ReplayGuard::<1>::new());
            assert_eq!(outcome.map_err(TrustError::name), Err("downgrade"), "{command:02X?}");
        }
    }
    // What asks for nothing but an answer is welcome: a transport header alone, or none.
    for payload in [long(0x80), vec![]] {
        let mut octets = frame(meter(1), &payload);
        octets[1] = 0x5B;
        let outcome = judge(&octets, &key(1), &Policy::require(Profile::D), &mut ReplayGuard::<1>::new());
        assert_eq!(outcome, Ok(None), "{payload:02X?}");
    }
}

/// A heard telegram of profile A cut to its first block, with a record of somebody else behind it.
#[test]
fn a_forged_trailer_in_profile_a() {
    let mut forged = payload(meter(1), Profile::A, &key(1), 0, &[]);
    forged.extend([0x0C, 0x13, 0x99, 0x99, 0x99, 0x99]);
    let forged = frame(meter(1), &forged);
    let trailer = Err(TrustError::Policy(PolicyError::ClearTrailer { octets: 6 }));
    for policy in [Policy::require(Profile::A), Policy::KEYED] {
        assert_eq!(judge(&forged, &key(1), &policy, &mut ReplayGuard::<1>::new()), trailer);
        let lenient = Policy { allow_clear_trailer: true, ..policy };
        assert_eq!(judge(&forged, &key(1), &lenient, &mut ReplayGuard::<1>::new()), Ok(None));
    }
}

/// In profile B the MAC covers the trailer: it is in clear, and the meter's own.
#[test]
fn an_authenticated_trailer_is_believed() {
    let octets = frame(meter(1), &payload(meter(1), Profile::B, &key(1), 5, &RECORDS));
    let policy = Policy::require(Profile::B);
    assert!(!policy.allow_clear_trailer);
    let mut guard = ReplayGuard::<1>::new();
    assert_eq!(judge(&octets, &key(1), &policy, &mut guard), Ok(Some(Freshness::First)));
    let mut octets = octets.clone();
    *octets.last_mut().unwrap() ^= 1;
    assert!(Telegram::decode_stripped(&mut octets, &key(1)).is_err());
}

/// DD = 0: the MAC is made with the message key itself and covers no meter.
#[test]
fn mode_7_without_derivation_is_no_profile_b() {
    let mut block = [0x2F; 16];
    block[2..8].copy_from_slice(&RECORDS);
    let mut block = block.into();
    key(1).cipher().encrypt_block(&mut block);
    let block: [u8; 16] = block.into();
    let message = [&[0x7A, 9, 0, 0x10, 0x07, 0x00][..], &block].concat();
    let afl = Afl { message_control: Some(MessageControl(0x25)), message_counter: Some(7), ..Afl::default() };
    let mac = cmac(&key(1), &[AflMessage::from(afl).mac_input().octets(), &message]);
    let afl = octets(&Afl { mac: Mac::new(&mac[..8]), ..afl });
    let forged = |number| frame(meter(number), &[&afl[..], &message].concat());
    let policy = Policy::require(Profile::B);
    let refusal = judge(&forged(1), &key(1), &policy, &mut ReplayGuard::<1>::new()).unwrap_err();
    assert_eq!(refusal, TrustError::Policy(PolicyError::KeyNotDerived { required: Profile::B }));
    // Where it is accepted all the same, one telegram is one, whichever meter's name it bears.
    let mut guard = ReplayGuard::<2>::new();
    let freshness =
        [1, 1, 2, 3].map(|number| judge(&forged(number), &key(1), &Policy::KEYED, &mut guard).unwrap());
    assert_eq!(
        freshness,
        [Freshness::First, Freshness::Repetition, Freshness::Repetition, Freshness::Repetition].map(Some)
    );
}

#[test]
fn an_ml_that_lies_is_refused_everywhere() {
    let ml = |announced: u8, message: &[u8]| {
        [&[0x90, 0x05, 0x00, 0x30, 0x40, announced, 0x00][..], message].concat()
    };
    for message in [
        tls(0x7A, 23, &[9, 9]),
        vec![0x78, 0x0C, 0x13, 1, 2, 3, 4],
        [&[0x7A, 1, 0, 0, 0][..], &RECORDS].concat(),
    ] {
        let length = u8::try_from(message.len()).unwrap();
        assert!(Telegram::decode_stripped(&mut frame(meter(1), &ml(length, &message)), &key(1)).is_ok());
        for announced in [0, length - 1, length + 1, 255] {
            let mut octets = frame(meter(1), &ml(announced, &message));
            let error = Telegram::decode_stripped(&mut octets, &key(1)).unwrap_err();
            let (announced, available) = (usize::from(announced), message.len());
            let kind = oms_security::ErrorKind::MessageLength { announced, available };
            assert_eq!((error.kind, error.offset), (ErrorKind::Security(kind), 17), "{message:02X?}");
        }
    }
}

/// OMS Vol. 2 Annex N, N.2.5 as a wired frame: a flipped bit in the configuration field names a mode that does not exist.
/// Behind an AFL that is no old meter, and the octets are no records.
#[test]
fn ciphertext_behind_an_afl_is_never_shown_as_records() {
    let printed = b"\x68\x31\x31\x68\x08\x03\x90\x0F\x00\x2C\x25\xB3\x0A\x00\x00\xA0\x85\x18\xCC\xB0\x22\xC5\xFD\x72\x78\
        \x56\x34\x12\x93\x15\x33\x03\x75\x00\x10\x07\x10\xD3\x71\xC8\x01\xD4\x09\xB0\xD9\x28\xD5\x65\x97\x59\xC2\xEC\x93\
        \x5B\x16";
    let key = PreparedKey::<Aes>::new(&Key::new(core::array::from_fn(|n| u8::try_from(n).unwrap())));
    assert!(Telegram::decode(&mut printed.to_vec(), &key).unwrap().is_authenticated());
    let end = printed.len() - 2;
    for bit in 6 * 8..end * 8 {
        let mut octets = printed.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        octets[end] = octets[4..end].iter().fold(0, |sum, octet| u8::wrapping_add(sum, *octet));
        if let Ok(telegram) = Telegram::decode(&mut octets, &key) {
            let shown = telegram.records().filter(Result::is_ok).count();
            assert!(telegram.is_authenticated() || shown == 0, "bit {bit}");
            // Another CI than that of the AFL is no AFL.
            assert!(bit / 8 == 6 || !matches!(telegram.state(), BodyState::ReservedMode), "bit {bit}");
        }
    }
}

/// Without a MAC 2F 2F is all there is. Of two keys that give it, the one is right whose records can be read.
#[test]
fn of_two_keys_that_give_2f_2f_the_readable_one_is_right() {
    let octets = frame(meter(1), &payload(meter(1), Profile::A, &key(1), 0, &[]));
    let fits = |key: &PreparedKey<Aes>| Telegram::decode_stripped(&mut octets.clone(), key).is_ok();
    let mut wrong = (0u32..)
        .map(|n| {
            let mut octets = [0xEE; 16];
            octets[..4].copy_from_slice(&n.to_le_bytes());
            PreparedKey::<Aes>::new(&Key::new(octets))
        })
        .filter(fits);
    let wrong = [wrong.next().unwrap(), wrong.next().unwrap()];
    for table in [
        vec![wrong[0].clone(), key(1)],
        vec![key(1), wrong[0].clone()],
        vec![wrong[0].clone(), wrong[1].clone(), key(9), key(1)],
    ] {
        let table: Vec<_> = table.into_iter().map(|key| (KeySelector::default(), key)).collect();
        let mut octets = octets.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &table[..]).unwrap();
        assert_eq!(telegram.body()[2..8], RECORDS);
    }
    // Two keys of strangers: neither is believed, and the octets are as they were.
    let table = wrong.map(|key| (KeySelector::default(), key));
    let mut forged = octets.clone();
    let error = Telegram::decode_stripped(&mut forged, &table[..]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Security(oms_security::ErrorKind::CheckOctets { tried: 2 }));
    assert_eq!(forged, octets);
}
