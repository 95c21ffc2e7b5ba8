//! Hostile octets judged, diagnosed and unwrapped: what a gateway does with a telegram before it believes it. A refusal
//! leaves no trace, nothing is given out that no MAC or wrap spoke for, the work is bounded and the copies are wiped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_app::ci::Content;
use mbus_app::diagnosis::{Check, diagnose};
use mbus_app::telegram::BodyState;
use mbus_app::{Input, Telegram};
use mbus_link::Address;
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, PreparedKey};
use oms_security::mode::SecurityMode;
use oms_security::profile::{Policy, Profile};
use oms_security::replay::{Freshness, ReplayGuard};
use oms_security::security_information::{
    Block, Blocks, Function, KeyActivation, KeyPurpose, KeyRing, KeyTransfer, SecuredBlock, SecuredData,
    Structure, TargetTime, key_wrap,
};
use oms_security::sender::SenderState;

const INPUTS: [Input; 4] = [Input::Stripped, Input::Wired, Input::FormatA, Input::FormatB];
const POLICIES: [Policy; 4] = [
    Policy::OPEN,
    Policy::KEYED,
    Policy::require(Profile::B),
    Policy { allow_clear_trailer: true, ..Policy::require(Profile::A) },
];

/// The keys that open Annex N, and those octets in reverse order.
fn keys() -> (PreparedKey<Aes>, PreparedKey<Aes>) {
    let octets = core::array::from_fn(|n| n as u8);
    let mut reversed = octets;
    reversed.reverse();
    (PreparedKey::new(&Key::new(octets)), PreparedKey::new(&Key::new(reversed)))
}

fn judge(data: &[u8], input: Input, key: &PreparedKey<Aes>) {
    let mut octets = data.to_vec();
    let telegram = Telegram::decode_lax(&mut octets, input, key).telegram;
    for policy in POLICIES {
        let mut guard = ReplayGuard::<2>::new();
        let first = telegram.judge(&policy, &mut guard);
        let again = telegram.judge(&policy, &mut guard);
        match (first, again) {
            (Ok(Some(_)), again) => {
                assert!(telegram.is_authenticated(), "a counter without a MAC");
                assert_eq!(again, Ok(Some(Freshness::Repetition)), "the same telegram twice");
            }
            (first, again) => {
                assert_eq!(first, again, "a refusal or a telegram without counter left a trace")
            }
        }
        if first.is_ok() && policy.required == Profile::B {
            // What nobody vouches for says nothing: no octet but fillers, no record of TLS, no command.
            let says_nothing = telegram.body().iter().all(|octet| *octet == 0x2F)
                && telegram.tls_records().next().is_none()
                && telegram
                    .content()
                    .is_none_or(|content| matches!(content, Content::NoApplication | Content::FullFrame));
            assert!(telegram.is_authenticated() || says_nothing);
            assert!(!matches!(telegram.state(), BodyState::HandedOn(_)), "another profile");
        }
    }
}

fn closed(data: &[u8], input: Input, (key, reversed): &(PreparedKey<Aes>, PreparedKey<Aes>)) {
    let mut scratch = vec![0xA5; data.len() + 3];
    let found = diagnose(data, input, key, Some(reversed), &mut scratch);
    assert!(scratch[..data.len()].iter().all(|octet| *octet == 0), "the copy was not wiped");
    assert!(scratch[data.len()..].iter().all(|octet| *octet == 0xA5), "more was written than the copy");
    assert!(
        diagnose(data, input, key, None, &mut scratch[..data.len().saturating_sub(1)]).is_none()
            || data.is_empty()
    );
    let Some(found) = found else { return };
    assert!(found.causes().count() <= 8 && found.parts().count() <= 10);
    assert!(found.parts().all(|part| part.from <= part.to));
    assert!(found.to_string().len() < 4000);
    let mut octets = data.to_vec();
    let lax = Telegram::decode_lax(&mut octets, input, key);
    let is_open = matches!(lax.telegram.state(), BodyState::Opened(opening) if opening.authenticated);
    assert!(
        !is_open || lax.stopped.is_some() || found.check() == Check::Content,
        "authentic and yet refused"
    );
}

fn unwrap(content: &[u8], key: &PreparedKey<Aes>) {
    let mut octets = content.to_vec();
    let transfer = KeyTransfer::unwrap(key, &mut octets);
    assert!(octets.iter().all(|octet| *octet == 0), "a key stayed in the buffer");
    if let Ok(transfer) = transfer {
        let mut again = [0; KeyTransfer::WRAPPED_LEN];
        assert_eq!(transfer.wrap_into(key, &mut again).unwrap(), content);
    }
    octets.copy_from_slice(content);
    if let Ok(activation) = KeyActivation::unwrap(key, &mut octets) {
        let mut again = [0; KeyActivation::WRAPPED_LEN];
        assert_eq!(activation.wrap_into(key, &mut again).unwrap(), content);
    }
    octets.copy_from_slice(content);
    if key_wrap::unwrap_in_place(key.cipher(), &mut octets).is_err()
        && octets.len() >= 16
        && octets.len() % 8 == 0
    {
        assert!(octets.iter().all(|octet| *octet == 0), "half-opened secrets stayed");
    }
}

fn open(block: &Block<'_>, key: &PreparedKey<Aes>) {
    let meter = Address::default();
    if let Ok((data, used)) = SecuredData::open(block, meter, key) {
        assert_eq!((data.key_counter, key.identity()), (used.counter, used.count.key));
        assert!(data.message.len() + SecuredData::HEADER_LEN < block.content.len());
    }
}

/// Puts any octets into good wraps and MACs, so that what lies behind them is reached, and spoils one bit.
fn sealed(data: &[u8], key: &PreparedKey<Aes>) {
    let any = data.iter().map(|octet| usize::from(*octet)).sum::<usize>();
    let flip = |octets: &mut [u8], from: usize| {
        let bit = from * 8 + any % ((octets.len() - from) * 8);
        octets[bit / 8] ^= 1 << (bit % 8);
    };
    let mut wrapped = vec![0; key_wrap::wrapped_len(data.len())];
    wrapped[..data.len()].copy_from_slice(data);
    if key_wrap::wrap_in_place(key.cipher(), &mut wrapped, data.len()).is_ok() {
        unwrap(&wrapped, key);
        assert_eq!(key_wrap::unwrap_in_place(key.cipher(), &mut wrapped.clone()).unwrap(), data);
        flip(&mut wrapped, 0);
        assert!(key_wrap::unwrap_in_place(key.cipher(), &mut wrapped).is_err(), "a spoiled wrap opened");
    }
    let count = Count { meter: Address::default(), to_meter: true, key_id: 0x20, key_version: 0 };
    let mut state = SenderState::new(count, any as u32);
    let _line = state.export(2, 0);
    let structure = if data.len() % 2 == 0 { Structure::CMAC_8 } else { Structure::CMAC_16 };
    let block = SecuredBlock { structure, message: data, ..SecuredBlock::default() };
    let mut buffer = vec![0; block.encoded_len()];
    let octets = block.seal_into(key, &mut state, &mut buffer).unwrap();
    let read = Blocks::new(octets).next().unwrap().unwrap();
    assert_eq!(SecuredData::open(&read, Address::default(), key).unwrap().0.message, data);
    // From the content on: the MAC covers nothing in front of it.
    flip(octets, 8);
    let read = Blocks::new(octets).next().unwrap().unwrap();
    assert!(SecuredData::open(&read, Address::default(), key).is_err(), "a spoiled block opened");
}

/// Any orders to a ring of keys: versions only grow, a master key stays, and only keys in force are candidates.
fn ring(data: &[u8], key: &PreparedKey<Aes>) {
    let mut ring = KeyRing::<Aes, 3>::new(Address::default());
    ring.install(KeyPurpose::MASTER, 0, key.clone()).unwrap();
    let mut newest = [Some(0u8), None, None];
    for order in data.chunks_exact(4) {
        let [what, a, b, time] = order else { unreachable!() };
        let of = |octet: u8| (KeyPurpose([0x00, 0x20, 0x22][usize::from(octet >> 6) % 3]), octet & 0x3F);
        let times = [TargetTime::INVALID, TargetTime([1, 2, 3, 4, *b])];
        let at = |octet: u8| {
            times.get(usize::from(octet)).copied().unwrap_or(TargetTime::of_seconds(octet.into()))
        };
        let (purpose, version) = of(*a);
        let _ = match what % 5 {
            0 => ring.install(purpose, version, key.clone()).is_ok(),
            1 => {
                let new = KeyTransfer { key: Key::new([*b; 16]), target_time: at(*time), purpose, version };
                ring.take(&new, key).is_ok()
            }
            2 => {
                let target_time = at(*time);
                let order = KeyActivation { target_time, activate: of(*a), deactivate: of(*b), option: 0 };
                ring.activate(&order, at(what >> 3)).is_ok()
            }
            3 => ring.handle_timeout(at(*time)).is_ok(),
            _ => ring.deactivate(purpose, version).is_ok(),
        };
        assert!(ring.version_in_force(KeyPurpose::MASTER).is_some(), "no master key left");
        for (purpose, newest) in [0x00, 0x20, 0x22].map(KeyPurpose).into_iter().zip(&mut newest) {
            let in_force = ring.version_in_force(purpose);
            // One in force may go for good, but no older one takes its place unless it was in force beside it.
            let request = KeyRequest {
                meter: Address::default(),
                mode: SecurityMode::NONE,
                key_id: purpose.0,
                key_version: in_force,
            };
            assert_eq!(ring.candidate(&request, 0).is_some(), in_force.is_some());
            assert!(ring.candidate(&request, 1).is_none() || in_force.is_none(), "two keys of one version");
            *newest = (*newest).max(in_force);
            if let Some(newest) = *newest {
                assert!(ring.install(purpose, newest, key.clone()).is_err(), "a version came twice");
            }
        }
        assert!(ring.poll_timeout().is_none_or(|due| due.seconds().is_some()));
    }
}

fuzz_target!(|data: &[u8]| {
    let both = keys();
    for input in INPUTS {
        judge(data, input, &both.0);
        closed(data, input, &both);
    }
    unwrap(data, &both.0);
    for block in Blocks::new(data).flatten() {
        open(&block, &both.0);
        unwrap(block.content, &both.0);
    }
    for structure in [Structure::CMAC_8, Structure::CMAC_16, Structure(data.len() as u8)] {
        let block = Block {
            id: 0,
            function: Function::SECURED_DATA,
            recipient: 0,
            structure,
            structure_header: [0x20, 0],
            content: data,
        };
        open(&block, &both.0);
    }
    sealed(data, &both.0);
    ring(data, &both.0);
});
