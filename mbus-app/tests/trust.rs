//! Policy and replay guard over whole telegrams: what a stranger can send, and that none of it does harm.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::application_error::ErrorCode;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::Input;
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_app::trust::{ANSWER, TrustError};
use mbus_app::{Blame, Telegram};
use mbus_link::{Address, CField};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeySelector, NoKeys, PreparedKey};
use oms_security::profile::{Policy, PolicyError, Profile};
use oms_security::replay::{Freshness, ReplayError, ReplayGuard};
use oms_security::sender::SenderState;

const RECORDS: [u8; 6] = [0x0C, 0x13, 0x35, 0x67, 0x00, 0x00];

/// Bit 15 of the manufacturer.
const SOFT_ADDRESS: usize = 31;

fn meter(number: u8) -> Address {
    Address::from_link_octets([0x93, 0x15, number, 0x56, 0x34, 0x12, 0x33, 0x07])
}
fn key(octet: u8) -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([octet; 16]))
}
/// A telegram of a meter, sealed with a key and a counter.
fn sent(meter: Address, profile: Profile, key: &PreparedKey<Aes>, counter: u32, clear: &[u8]) -> Vec<u8> {
    let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, counter);
    state.export(1, 0);
    let tpl = Tpl::short(CiField(0x7A), Header::default());
    let telegram = TelegramBuilder::wireless(CField::SND_NR, meter, tpl, Body::Records(&RECORDS));
    let protection = Protection { clear, ..Protection::of(profile) };
    let (mut buffer, mut out) = ([0; 200], [0; 200]);
    let sealed = match profile {
        Profile::None => telegram.clear_into(&protection, &mut buffer),
        _ => telegram.seal_into(&protection, key, &mut state, &mut buffer),
    };
    sealed.unwrap().frame_into(&mut out).unwrap().to_vec()
}
fn judge<const N: usize>(
    octets: &[u8],
    policy: &Policy,
    guard: &mut ReplayGuard<N>,
) -> Result<Option<Freshness>, TrustError> {
    let mut octets = octets.to_vec();
    let lax = Telegram::decode_lax(&mut octets, Input::Stripped, &key(1));
    lax.telegram.judge(policy, guard)
}

#[test]
fn every_profile_against_every_policy() {
    let meter = meter(1);
    let mut refused = 0;
    for required in [Profile::None, Profile::A, Profile::B, Profile::C, Profile::D] {
        for found in [Profile::None, Profile::A, Profile::B, Profile::D] {
            let octets = sent(meter, found, &key(1), 9, &[]);
            let outcome = judge(&octets, &Policy::require(required), &mut ReplayGuard::<1>::new());
            let accepted = match required {
                Profile::None => true,
                Profile::A => found != Profile::None,
                required => found == required,
            };
            let mode = found.row().mode;
            match outcome {
                Ok(freshness) => assert_eq!(freshness.is_some(), matches!(found, Profile::B | Profile::D)),
                Err(error) => {
                    refused += 1;
                    assert_eq!(error, TrustError::Policy(PolicyError::Downgrade { required, mode }));
                }
            }
            assert_eq!(outcome.is_ok(), accepted, "{required} {found}");
        }
    }
    assert_eq!(refused, 11);
}

#[test]
fn clear_data_of_a_keyed_meter() {
    let meter = meter(1);
    let guard = &mut ReplayGuard::<1>::new();
    let octets = sent(meter, Profile::None, &key(1), 0, &[]);
    assert_eq!(judge(&octets, &Policy::KEYED, guard), Err(TrustError::Policy(PolicyError::ClearData)));
    assert_eq!(judge(&octets, &Policy { allow_clear: true, ..Policy::KEYED }, guard), Ok(None));
    // Mode 5 announced, 2F 2F in clear: anybody can send that.
    let mut announced = sent(meter, Profile::A, &key(1), 0, &[]);
    let mut clear = [0x2F; 16];
    clear[2..8].copy_from_slice(&RECORDS);
    announced[15..31].copy_from_slice(&clear);
    for policy in [Policy::KEYED, Policy::require(Profile::A)] {
        assert_eq!(judge(&announced, &policy, guard), Err(TrustError::Policy(PolicyError::ClearData)));
    }
    // Without data there is nothing to believe.
    let empty = [0x0E, 0x44, 0x93, 0x15, 1, 0x56, 0x34, 0x12, 0x33, 0x07, 0x7A, 1, 0, 0, 0];
    assert_eq!(judge(&empty, &Policy::require(Profile::D), guard), Ok(None));
}

#[test]
fn clear_octets_behind_enciphered_ones() {
    let octets = sent(meter(1), Profile::A, &key(1), 0, &RECORDS);
    let guard = &mut ReplayGuard::<1>::new();
    let policy = Policy::require(Profile::A);
    assert_eq!(
        judge(&octets, &policy, guard),
        Err(TrustError::Policy(PolicyError::ClearTrailer { octets: 6 }))
    );
    let lenient = Policy { allow_clear_trailer: true, ..policy };
    assert_eq!(judge(&octets, &lenient, guard), Ok(None));
}

#[test]
fn what_was_not_opened_is_not_judged_by_what_it_announces() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        let sealed = sent(meter(1), profile, &key(2), 9, &[]);
        let guard = &mut ReplayGuard::<1>::new();
        assert_eq!(judge(&sealed, &Policy::OPEN, guard), Err(TrustError::NotOpened), "{profile}");
        let mut octets = sealed.clone();
        let lax = Telegram::decode_lax(&mut octets, Input::Stripped, &NoKeys);
        assert_eq!(lax.telegram.judge(&Policy::OPEN, guard), Err(TrustError::NotOpened));
        assert_eq!(guard.export().count(), 0);
    }
}

#[test]
fn a_stranger_fills_no_store_locks_no_meter_out_and_moves_no_counter() {
    let policy = Policy::require(Profile::B);
    let mut guard = ReplayGuard::<2>::new();
    let genuine = |counter| sent(meter(1), Profile::B, &key(1), counter, &[]);
    assert_eq!(judge(&genuine(100), &policy, &mut guard), Ok(Some(Freshness::First)));
    let before: Vec<_> = guard.export().copied().collect();
    // Under names of its own, and under the meter's, with the highest counter there is.
    for number in 0..=255 {
        for profile in [Profile::None, Profile::A, Profile::B, Profile::D] {
            let forged = sent(meter(number), profile, &key(2), u32::MAX, &[]);
            assert!(judge(&forged, &policy, &mut guard).is_err());
        }
    }
    // And every bit of what the meter itself sent. Manufacturer, version and type of a short header are not covered by the
    // MAC: the key is bound to the whole address. L and C are the link's.
    let next = genuine(101);
    let whole = meter(1);
    let bound = KeySelector {
        manufacturer: Some(whole.manufacturer),
        identification: Some(whole.identification),
        version: Some(whole.version),
        device_type: Some(whole.device_type),
        key_id: None,
    };
    let keys = [(bound, key(1))];
    for bit in (2 * 8..next.len() * 8).filter(|bit| *bit != SOFT_ADDRESS) {
        let mut forged = next.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let lax = Telegram::decode_lax(&mut forged, Input::Stripped, &keys[..]);
        assert!(lax.telegram.judge(&policy, &mut guard).is_err(), "bit {bit}");
        assert!(guard.export().eq(&before));
    }
    // The soft-address bit makes no other meter: an old telegram with it flipped is old.
    let mut old = genuine(99);
    old[SOFT_ADDRESS / 8] ^= 1 << (SOFT_ADDRESS % 8);
    let refusal = judge(&old, &policy, &mut guard).unwrap_err();
    assert_eq!(refusal, TrustError::Replay(ReplayError::Replay { counter: 99, last: 100 }));
    assert!(guard.export().eq(&before));
    assert_eq!(judge(&next, &policy, &mut guard), Ok(Some(Freshness::New { skipped: 0 })));
    assert_eq!(judge(&next, &policy, &mut guard), Ok(Some(Freshness::Repetition)));
    let replayed = judge(&genuine(100), &policy, &mut guard);
    assert_eq!(replayed, Err(TrustError::Replay(ReplayError::Replay { counter: 100, last: 101 })));
    assert_eq!(replayed.map_err(TrustError::name), Err("replay"));
}

#[test]
fn a_refused_telegram_uses_no_counter_up() {
    let mut guard = ReplayGuard::<1>::new();
    let octets = sent(meter(1), Profile::B, &key(1), 500, &[]);
    assert!(judge(&octets, &Policy::require(Profile::D), &mut guard).is_err());
    assert_eq!(guard.export().count(), 0);
    let earlier = sent(meter(1), Profile::D, &key(1), 400, &[]);
    assert_eq!(judge(&earlier, &Policy::require(Profile::D), &mut guard), Ok(Some(Freshness::First)));
}

#[test]
fn the_guard_survives_a_restart() {
    let policy = Policy::require(Profile::D);
    let octets = sent(meter(1), Profile::D, &key(1), 7, &[]);
    let mut guard = ReplayGuard::<4>::new();
    judge(&octets, &policy, &mut guard).unwrap();
    let lines: Vec<String> = guard.export().map(ToString::to_string).collect();
    let mut guard = ReplayGuard::<4>::new();
    for line in lines {
        guard.import(&line.parse().unwrap()).unwrap();
    }
    let old = sent(meter(1), Profile::D, &key(1), 6, &[]);
    assert_eq!(
        judge(&old, &policy, &mut guard),
        Err(TrustError::Replay(ReplayError::Replay { counter: 6, last: 7 }))
    );
}

#[test]
fn each_meter_has_its_own_policy() {
    let row = |number, policy| {
        let identification = Some(meter(number).identification);
        (KeySelector { identification, ..KeySelector::default() }, policy)
    };
    let table = [row(1, Policy::require(Profile::B)), row(2, Policy::require(Profile::D))];
    let judge = |number: u8, profile| {
        let mut octets = sent(meter(number), profile, &key(1), 7, &[]);
        let telegram = Telegram::decode_stripped(&mut octets, &key(1)).unwrap();
        telegram.judge(&table[..], &mut ReplayGuard::<4>::new()).map_err(TrustError::name)
    };
    assert_eq!(judge(1, Profile::B), Ok(Some(Freshness::First)));
    assert_eq!(judge(1, Profile::D), Err("downgrade"));
    assert_eq!(judge(2, Profile::D), Ok(Some(Freshness::First)));
    assert_eq!(judge(2, Profile::A), Err("downgrade"));
    assert_eq!(judge(3, Profile::None), Err("clear_data"), "no row: nobody said that it may send in clear");
}

#[test]
fn an_attacker_is_told_one_and_the_same() {
    // Wrong key, no key, changed octets, another mode, a replay: the operator reads five reasons.
    let mut reasons = std::collections::BTreeSet::new();
    for profile in [Profile::A, Profile::B, Profile::D] {
        let octets = sent(meter(1), profile, &key(2), 9, &[]);
        let error = Telegram::decode_stripped(&mut octets.clone(), &key(1)).unwrap_err();
        assert_eq!(
            (error.kind.blame(), mbus_app::trust::answer(&error)),
            (Blame::NotAuthentic, Some(ANSWER))
        );
        reasons.insert(error.kind.name());
        let error = Telegram::decode_stripped(&mut octets.clone(), &NoKeys).unwrap_err();
        assert_eq!(mbus_app::trust::answer(&error), Some(ANSWER));
        reasons.insert(error.kind.name());
    }
    let mut reserved = sent(meter(1), Profile::A, &key(1), 9, &[]);
    reserved[14] = 0x06;
    let error = Telegram::decode_stripped(&mut reserved, &key(1)).unwrap_err();
    assert_eq!(mbus_app::trust::answer(&error), Some(ANSWER));
    reasons.insert(error.kind.name());
    assert_eq!(reasons.len(), 5, "{reasons:?}");
    assert_eq!(ANSWER, ErrorCode::DECRYPTION_FAILED);
    // What has nothing to do with keys is answered by nobody here.
    let error = Telegram::decode_stripped(&mut [0x44; 5], &NoKeys).unwrap_err();
    assert_eq!(mbus_app::trust::answer(&error), None);
}
