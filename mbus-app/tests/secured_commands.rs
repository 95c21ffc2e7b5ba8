//! Commands inside secured application data: printed octets first, then every kind both ways, every refusal, every bit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::ErrorKind;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::application::Application;
use mbus_app::command::image_transfer::ImageFunction;
use mbus_app::command::{ClockCommand, DataCommand, ImageTransfer, SecuredCommand, Switch, SwitchState};
use mbus_app::date_time::{Date, DateTime, Time};
use mbus_app::value::TimeM;
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, IdentificationNumber};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeySelector, PreparedKey};
use oms_security::replay::{CounterUse, Freshness, ReplayGuard};
use oms_security::security_information::{
    Block, Blocks, Function, KeyPurpose, Protocol, SecuredBlock, SecuredData, Status, Structure, TargetTime,
};
use oms_security::sender::SenderState;
use proptest::prelude::*;

/// OMS Vol. 2 Annex N, N.12.2, behind 2F2F: open the breaker's circuit.
const PRINTED: [u8; 30] = [
    0x1C, 0x00, 0x00, 0x20, 0x00, 0x32, 0x20, 0x00, 0x0F, 0, 0, 0, 0, 0, 0, 0, 0x30, 0x01, 0x01, 0xFD, 0x1F,
    0x00, 0xFA, 0x41, 0xE2, 0x81, 0x2D, 0x44, 0x9B, 0x4D,
];
/// Octets of a block in front of what the MAC covers.
const HEADER: usize = 8;

fn meter() -> Address {
    Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x3A, 0x63, 0x55, 0x20])
}
fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&"08154711081547110815471108154711".parse::<Key>().unwrap())
}
fn first(octets: &[u8]) -> Block<'_> {
    Blocks::new(octets).next().unwrap().unwrap()
}
fn seal(command: &SecuredCommand<'_>, purpose: KeyPurpose, counter: u32, structure: Structure) -> Vec<u8> {
    let needed = command.encoded_len().unwrap();
    let mut message = vec![0; needed];
    for size in 0..needed {
        let error = command.encode_into(&mut message[..size]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
    }
    let message = command.encode_into(&mut message).unwrap();
    let count = Count { meter: meter(), to_meter: true, key_id: purpose.0, key_version: 0 };
    let mut state = SenderState::new(count, counter);
    let _kept = state.export(1, 0);
    let block = SecuredBlock { protocol: command.protocol(), message, structure, ..SecuredBlock::default() };
    let mut buffer = vec![0; block.encoded_len()];
    block.seal_into(&key(), &mut state, &mut buffer).unwrap().to_vec()
}
fn open(octets: &[u8]) -> Result<(SecuredData<'_>, CounterUse), oms_security::Error> {
    SecuredData::open(&Blocks::new(octets).next().unwrap()?, meter(), &key())
}

/// The octets of each kind of command, what they say, which key they need.
const COMMANDS: &[(u8, &[u8], &str, Option<KeyPurpose>)] = &[
    // N.12.2; the two other states, and the switch inside a meter.
    (0x01, &[0x01, 0xFD, 0x1F, 0x00], "switch: closed or off", Some(KeyPurpose::BREAKER)),
    (0x01, &[0x01, 0xFD, 0x1F, 0x01], "switch: open or on", Some(KeyPurpose::BREAKER)),
    (0x01, &[0x01, 0xFD, 0x1F, 0x02], "switch: released", Some(KeyPurpose::BREAKER)),
    (0x01, &[0x81, 0x40, 0xFD, 0x1F, 0x00], "switch of subunit 1: closed or off", Some(KeyPurpose::BREAKER)),
    // N.8.2, TC and time alone; then the other TCs.
    (0x04, &[0x01, 0x32, 0x01, 0x00], "clock: go forward by 00:01:50", Some(KeyPurpose::CLOCK_ADJUST)),
    (0x04, &[0x02, 0x1E, 0x00, 0x00], "clock: go back by 00:00:30", Some(KeyPurpose::CLOCK_ADJUST)),
    (0x04, &[0x03, 0x00, 0x1E, 0x0C], "clock: it is 12:30:00", Some(KeyPurpose::CLOCK_ADJUST)),
    (
        0x04,
        &[0x00, 0x0F, 0x1E, 0x0C, 0x5A, 0x3B, 0x00],
        "clock: set to 2026-11-26T12:30:15",
        Some(KeyPurpose::CLOCK_SET),
    ),
    (0x04, &[0x05, 0xE2, 0x03, 0x30], "clock: set (TC 05) to 3", Some(KeyPurpose::CLOCK_SET)),
    (0x04, &[0x07, 0xAB], "clock: TC 07: AB", None),
    // Records of Annex M.
    (0x01, &[0x01, 0x7A, 0x05], "set the primary address to 5", Some(KeyPurpose::CONFIGURATION)),
    (
        0x01,
        &[0x42, 0xEC, 0xFE, 0x00, 0x7F, 0x2C],
        "set the next due date of storage number 1 to 2019-12-31",
        Some(KeyPurpose::CONFIGURATION),
    ),
    (
        0x01,
        &[0x02, 0xFD, 0x97, 0x06, 0x03, 0x00],
        "clear the error flags 0300",
        Some(KeyPurpose::ERROR_RESET),
    ),
    (
        0x01,
        &[0x01, 0xFD, 0xFD, 0x80, 0x00, 0x10],
        "select the application: user data",
        Some(KeyPurpose::DATA_SELECTION),
    ),
    // Two of one kind, two of two kinds, others, and what is no record.
    (
        0x01,
        &[0x01, 0xFD, 0x1F, 0x00, 0x81, 0x40, 0xFD, 0x1F, 0x01],
        "switch: closed or off; switch of subunit 1: open or on",
        Some(KeyPurpose::BREAKER),
    ),
    (
        0x01,
        &[0x01, 0xFD, 0x1F, 0x00, 0x01, 0x7A, 0x05],
        "switch: closed or off; set the primary address to 5",
        None,
    ),
    (0x01, &[0x0C, 0x93, 0x01, 0x67, 0x03, 0x00, 0x00], "add value: volume 0.367 m3", None),
    (0x01, &[0x08, 0x13], "read out volume", None),
    (0x01, &[0x7F], "read out all", None),
    (0x01, &[0x0F, 0xAB], "manufacturer specific data AB", None),
    (0x01, &[0x01], "truncated: 1 octets needed, 0 there", None),
    (0x01, &[], "", None),
    (0x06, &[0x06, 0x01, 0x02], "image transfer: activate 0102", Some(KeyPurpose::FIRMWARE_UPDATE)),
    (0x06, &[0x86], "image transfer: activate, answer ", Some(KeyPurpose::FIRMWARE_UPDATE)),
    (0x55, &[0xAB, 0xCD], "protocol 55: ABCD", None),
];

#[test]
fn every_kind_both_ways() {
    for (n, (protocol, message, words, purpose)) in COMMANDS.iter().enumerate() {
        let command = SecuredCommand::parse(Protocol(*protocol), message).unwrap();
        assert_eq!(command.to_string(), *words);
        assert_eq!(command.purpose(), *purpose, "{words}");
        assert_eq!(command.protocol(), Protocol(*protocol));
        if matches!(command, SecuredCommand::Clock(ClockCommand::SetM { .. } | ClockCommand::Unknown { .. }))
        {
            let refusals =
                [command.encoded_len().unwrap_err(), command.encode_into(&mut [0; 20]).unwrap_err()];
            assert!(refusals.iter().all(|error| error.kind.name() == "not_published"));
            continue;
        }
        let used = purpose.unwrap_or(KeyPurpose::ADAPTER);
        for (structure, mac) in [(Structure::CMAC_8, 8), (Structure::CMAC_16, 16)] {
            let octets = seal(&command, used, n as u32, structure);
            assert_eq!(octets.len(), HEADER + 10 + message.len() + mac);
            let (data, counter) = open(&octets).unwrap();
            assert_eq!((data.message, data.protocol), (*message, Protocol(*protocol)));
            assert_eq!(counter.counter, n as u32);
            let read = SecuredCommand::of(&data).unwrap();
            assert_eq!((read, read.check_purpose(first(&octets).key_purpose())), (command, Ok(())));
        }
    }
}

#[test]
fn the_printed_block_is_what_the_command_gives() {
    let off = DataCommand::Switch(Switch::default());
    let mut record = [0; 8];
    let command = SecuredCommand::Records(off.record().unwrap().encode_into(&mut record).unwrap());
    assert_eq!(seal(&command, KeyPurpose::BREAKER, 15, Structure::CMAC_8), PRINTED);
    let (data, _) = open(&PRINTED).unwrap();
    let read = SecuredCommand::of(&data).unwrap();
    assert_eq!((read, data.target_time), (command, TargetTime::NOW));
    assert_eq!(read.data_commands().collect::<Vec<_>>(), [Ok(Some(off))]);
    assert!(SecuredCommand::Clock(ClockCommand::Add(Time::default())).data_commands().next().is_none());
}

#[test]
fn typed_commands_are_what_was_built() {
    let time = Time { hour: Some(23), minute: Some(59), second: Some(59) };
    let moment = DateTime::from_type_i([0x0F, 0x1E, 0x0C, 0x5A, 0x3B, 0x00]).unwrap();
    let due = Date::from_type_g([0x7F, 0x2C]).unwrap();
    for command in [
        SecuredCommand::Clock(ClockCommand::Set(moment)),
        SecuredCommand::Clock(ClockCommand::Add(time)),
        SecuredCommand::Clock(ClockCommand::Subtract(time)),
        SecuredCommand::Clock(ClockCommand::Expected(time)),
        SecuredCommand::ImageTransfer(ImageTransfer { function: ImageFunction::PREPARE, octets: &[1, 2] }),
        SecuredCommand::Other { protocol: Protocol(0x80), message: &[] },
    ] {
        let octets = seal(&command, KeyPurpose::CLOCK_SET, 3, Structure::CMAC_8);
        assert_eq!(SecuredCommand::of(&open(&octets).unwrap().0), Ok(command));
    }
    let switch = Switch { subunit: 1, state: SwitchState::RELEASED, ..Switch::default() };
    for command in [
        DataCommand::Switch(switch),
        DataCommand::SetPrimaryAddress(PrimaryAddress(250)),
        DataCommand::SetIdentification(IdentificationNumber::from_octets([0x78, 0x56, 0x34, 0x12])),
        DataCommand::SetAddress(meter()),
        DataCommand::SetNextDueDate { storage: 3, date: due },
        DataCommand::ClearErrorFlags(&[1, 2, 0, 0]),
        DataCommand::SelectApplication { application: Application::TESTING, block: 2 },
    ] {
        let mut record = [0; 20];
        let message = command.record().unwrap().encode_into(&mut record).unwrap();
        let octets = seal(&SecuredCommand::Records(message), command.key_purpose(), 3, Structure::CMAC_16);
        let (data, _) = open(&octets).unwrap();
        let read = SecuredCommand::of(&data).unwrap();
        assert_eq!(read.data_commands().collect::<Vec<_>>(), [Ok(Some(command))]);
        assert_eq!(read.purpose(), Some(command.key_purpose()));
        assert!(!read.to_string().is_empty());
    }
}

#[test]
fn what_is_no_command_is_refused() {
    let refused = |protocol, message: &[u8]| SecuredCommand::parse(protocol, message).unwrap_err().kind;
    for (tc, needed) in [(0, 6), (1, 3), (2, 3), (3, 3)] {
        for len in 0..=needed {
            let message = [&[tc][..], &[0x01, 0x01, 0x01, 0x21, 0x01, 0x00][..len]].concat();
            let parsed = SecuredCommand::parse(Protocol::CLOCK, &message);
            assert_eq!(parsed.is_ok(), len == needed, "{message:02X?}");
            if let Err(error) = parsed {
                assert_eq!((error.kind, error.offset), (ErrorKind::Truncated { needed, available: len }, 1));
            }
        }
    }
    assert_eq!(refused(Protocol::CLOCK, &[]), ErrorKind::Truncated { needed: 1, available: 0 });
    assert_eq!(refused(Protocol::CLOCK, &[0x01, 60, 0, 0]), ErrorKind::NoSuchMoment);
    assert_eq!(refused(Protocol::CLOCK, &[0x05, 0x10, 0]), ErrorKind::ReservedLvar { lvar: 0x10 });
    assert_eq!(refused(Protocol::IMAGE_TRANSFER, &[]), ErrorKind::Truncated { needed: 1, available: 0 });
    // Unreadable records say which command was read and where the rest is bad.
    let half = SecuredCommand::Records(&[0x01, 0xFD, 0x1F, 0x00, 0x01]);
    let mut commands = half.data_commands();
    assert!(matches!(commands.next(), Some(Ok(Some(DataCommand::Switch(_))))));
    assert_eq!(commands.next().unwrap().unwrap_err().offset, 5);
    assert_eq!((commands.next(), half.purpose()), (None, None));
    assert!(matches!(TimeM(&[3, 0x30]).seconds(), Some(3)));
}

#[test]
fn a_command_needs_the_key_of_its_kind() {
    for (protocol, message, words, purpose) in COMMANDS {
        let command = SecuredCommand::parse(Protocol(*protocol), message).unwrap();
        for (used, _) in KeyPurpose::TABLE {
            let allowed = command.check_purpose(*used);
            let expected = match *purpose {
                Some(needed) if needed != *used => Err(ErrorKind::KeyPurpose { needed, used: *used }),
                _ => Ok(()),
            };
            assert_eq!(allowed.map_err(|error| error.kind), expected, "{words}");
        }
    }
    let error = SecuredCommand::Records(&PRINTED[18..22]).check_purpose(KeyPurpose(0x99)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a command for the key \"breaker or valve control\" came with the key \"of an unknown purpose\" \
         (security layer, octet 0)"
    );
    assert_eq!(error.kind.blame(), mbus_app::Blame::NotAuthentic);
}

/// Blocks of each kind, with MACs of both lengths.
fn blocks() -> Vec<Vec<u8>> {
    let commands = COMMANDS.iter().filter(|(protocol, message, ..)| {
        SecuredCommand::parse(Protocol(*protocol), message).is_ok_and(|command| command.encoded_len().is_ok())
    });
    commands
        .flat_map(|(protocol, message, _, purpose)| {
            let command = SecuredCommand::parse(Protocol(*protocol), message).unwrap();
            let purpose = purpose.unwrap_or(KeyPurpose::ADAPTER);
            [Structure::CMAC_8, Structure::CMAC_16].map(|structure| seal(&command, purpose, 9, structure))
        })
        .collect()
}

#[test]
fn every_flipped_bit_under_the_mac_is_refused() {
    for block in blocks() {
        for bit in HEADER * 8..block.len() * 8 {
            let mut octets = block.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            let error = open(&octets).unwrap_err();
            assert_eq!(error.kind, oms_security::ErrorKind::Mac { tried: 1 }, "bit {bit}");
        }
    }
}

/// The MAC covers nothing of the header; what its bits do is this, and the MAC of the telegram around it covers all.
#[test]
fn every_flipped_bit_of_the_header() {
    let selector = KeySelector { key_id: Some(0x20), ..KeySelector::default() };
    let keys = [(selector, key())];
    let sent = first(&PRINTED);
    let used = open(&PRINTED).unwrap().1;
    for bit in 0..HEADER * 8 {
        let mut octets = PRINTED.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        let outcome = match Blocks::new(&octets).next() {
            Some(Ok(block)) => SecuredData::open(&block, meter(), &keys[..]).map(|opened| (block, opened.1)),
            Some(Err(error)) => Err(error),
            None => panic!("bit {bit}"),
        };
        let name = outcome.map_err(|error| error.kind.name());
        match bit / 8 {
            // A shorter block: its last octets are no MAC; a longer one, or none at all.
            0 | 1 => {
                assert!(matches!(name, Err("mac" | "truncated" | "block_too_short")), "bit {bit} {name:?}")
            }
            // Block number and recipient say nothing of what is commanded.
            2 | 4 => {
                let (block, again) = name.unwrap();
                let restored = Block { id: sent.id, recipient: sent.recipient, ..block };
                assert_eq!((restored, again), (sent, used));
            }
            // An answer is no command, and its block says so; its counter is that of the command.
            3 if bit % 8 == 7 => {
                let (block, again) = name.unwrap();
                assert_eq!((block.function.is_answer(), again), (true, used));
            }
            3 => assert_eq!(name.unwrap_err(), "unsupported_field", "bit {bit}"),
            // 32h becomes 33h, whose MAC is longer; the others are no structures with a MAC.
            5 if bit % 8 == 0 => assert!(matches!(name, Err("truncated" | "mac")), "{name:?}"),
            5 => assert_eq!(name.unwrap_err(), "unsupported_field", "bit {bit}"),
            // The id of another key, for which this one does not serve.
            6 => assert_eq!(name.unwrap_err(), "key_missing", "bit {bit}"),
            // A table that knows no versions gives its key all the same; nothing covers the version, so it is one count.
            _ => assert_eq!(name.unwrap().1, used),
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    for block in blocks() {
        for len in 0..block.len() {
            // As sent, and with the length field repaired.
            let cut = Blocks::new(&block[..len]).next();
            assert!(cut.is_none_or(|block| block.is_err()), "{len}");
            let Some(length) = len.checked_sub(2).filter(|length| *length > 0) else { continue };
            let mut repaired = block[..len].to_vec();
            repaired[..2].copy_from_slice(&(length as u16).to_le_bytes());
            let name = open(&repaired).unwrap_err().kind.name();
            assert!(matches!(name, "mac" | "truncated" | "block_too_short"), "{len} {name}");
        }
    }
}

#[test]
fn a_command_is_obeyed_once() {
    let mut guard = ReplayGuard::<4>::new();
    let command = SecuredCommand::parse(Protocol::CLOCK, &[0x01, 0x32, 0x01, 0x00]).unwrap();
    let octets = |counter| seal(&command, KeyPurpose::CLOCK_ADJUST, counter, Structure::CMAC_8);
    let used = |octets: &[u8]| open(octets).unwrap().1;
    let (old, new) = (octets(15), octets(16));
    assert_eq!(guard.accept(&used(&old)), Ok(Freshness::First));
    assert_eq!(
        guard.accept(&used(&old)),
        Ok(Freshness::Repetition),
        "the same once more, as radio repeats it"
    );
    assert_eq!(guard.accept(&used(&new)), Ok(Freshness::New { skipped: 0 }));
    assert_eq!(guard.accept(&used(&old)).unwrap_err().name(), "replay");
    // Another command with the counter that was used: somebody's state was lost.
    let other = SecuredCommand::parse(Protocol::CLOCK, &[0x01, 0x33, 0x01, 0x00]).unwrap();
    let other = seal(&other, KeyPurpose::CLOCK_ADJUST, 16, Structure::CMAC_8);
    assert_eq!(guard.accept(&used(&other)).unwrap_err().name(), "replay");
    // The number of a key makes no other key; another key has a count of its own.
    let breaker = seal(&SecuredCommand::Records(&[0x7F]), KeyPurpose::BREAKER, 1, Structure::CMAC_8);
    assert_eq!(guard.accept(&used(&breaker)).unwrap_err().name(), "replay");
    let other = PreparedKey::<Aes>::new(&Key::new([0x5A; 16]));
    let count = Count { meter: meter(), to_meter: true, key_id: KeyPurpose::BREAKER.0, key_version: 0 };
    let mut state = SenderState::new(count, 1);
    let _kept = state.export(1, 0);
    let mut buffer = [0; 64];
    let block = SecuredBlock { message: &[0x7F], ..SecuredBlock::default() };
    let breaker = block.seal_into(&other, &mut state, &mut buffer).unwrap();
    let (_, breaker) = SecuredData::open(&first(breaker), meter(), &other).unwrap();
    assert_eq!(guard.accept(&breaker), Ok(Freshness::First));
    // The answer has the counter and the MAC of the command, and nothing that tells them apart is covered.
    let mut answer = vec![0; new.len()];
    first(&new).done().encode_into(&mut answer).unwrap();
    assert_eq!(guard.accept(&used(&answer)), Ok(Freshness::Repetition));
}

fn written(body: &Body<'_>, ci: u8) -> Vec<u8> {
    let mut octets = vec![0; body.encoded_len().unwrap()];
    body.encode_into(CiField(ci), &mut octets).unwrap();
    octets
}

#[test]
fn several_blocks_are_one_body() {
    let commands = [
        seal(&SecuredCommand::Records(&[0x01, 0xFD, 0x1F, 0x01]), KeyPurpose::BREAKER, 1, Structure::CMAC_8),
        seal(&SecuredCommand::Records(&[0x01, 0x7A, 0x05]), KeyPurpose::CONFIGURATION, 1, Structure::CMAC_16),
    ];
    let list = Block::request(7, Function::LIST_ALL, Structure::STATUS_0, [0; 2]);
    let blocks = [first(&commands[0]), first(&commands[1]), list];
    let body = Body::Blocks(&blocks);
    for ci in [0xC3, 0xC4, 0xC5, 0xC6] {
        let octets = written(&body, ci);
        assert_eq!(octets.len(), body.encoded_len().unwrap());
        let read = Body::parse(CiField(ci), &octets).unwrap();
        assert_eq!(read, Body::SecurityInformation(&octets));
        assert!(Blocks::new(&octets).map(Result::unwrap).eq(blocks));
        assert_eq!(written(&read, ci), octets);
        for size in 0..octets.len() {
            let error = body.encode_into(CiField(ci), &mut vec![0; size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: octets.len(), available: size });
        }
        // An end mark, and fillers, are no part of the body; a half block is an error.
        for behind in [&[0, 0, 0xAB, 0xCD][..], &[0x2F; 5], &[0x2F]] {
            let padded = [&octets[..], behind].concat();
            assert_eq!(Body::parse(CiField(ci), &padded), Ok(Body::SecurityInformation(&octets)));
        }
        let error = Body::parse(CiField(ci), &octets[..octets.len() - 1]).unwrap_err();
        assert_eq!((error.kind.name(), error.layer.name()), ("truncated", "security"));
        let error = Body::parse(CiField(ci), &[3, 0, 1, 2, 3]).unwrap_err();
        assert_eq!((error.kind.name(), error.offset), ("block_too_short", 0));
    }
    for body in [body, Body::SecurityInformation(&[])] {
        assert_eq!(body.encode_into(CiField(0x5B), &mut [0; 99]).unwrap_err().kind.name(), "body_mismatch");
    }
    assert_eq!(first(&commands[0]).answered(&[Status::OK.0]).status(), Some(Status::OK));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_comes_back(
        protocol in prop_oneof![Just(1u8), Just(4), Just(6), any::<u8>()],
        message in prop::collection::vec(any::<u8>(), 0..40),
        counter: u32,
        flip in any::<prop::sample::Index>(),
    ) {
        if let Ok(command) = SecuredCommand::parse(Protocol(protocol), &message) {
            if let Ok(needed) = command.encoded_len() {
                let octets = seal(&command, KeyPurpose::ADAPTER, counter, Structure::CMAC_8);
                prop_assert_eq!(octets.len(), HEADER + 10 + needed + 8);
                let (data, used) = open(&octets).unwrap();
                // Reserved bits of a time, and what follows it, are not read and so not written.
                prop_assert!(data.message == message || protocol == 4);
                prop_assert_eq!(SecuredCommand::of(&data), Ok(command));
                prop_assert_eq!(used.counter, counter);
                let mut spoiled = octets.clone();
                let bit = HEADER * 8 + flip.index((octets.len() - HEADER) * 8);
                spoiled[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(open(&spoiled).is_err());
            }
        }
    }
}
