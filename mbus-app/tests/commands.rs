//! Commands that records say: printed octets first, then every object action, every state, every buffer size.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::ErrorKind;
use mbus_app::command::application::Application;
use mbus_app::command::switch::SwitchValue;
use mbus_app::command::{DataCommand, ObjectAction, Switch, SwitchState};
use mbus_app::date_time::Date;
use mbus_app::decimal::Decimal;
use mbus_app::record::builder::{
    Content, Element, NewDib, NewVib, RecordBuilder, RecordsBuilder, Register, Unbuildable,
};
use mbus_app::record::{DataField, Direction, Qualifier, Record, RecordKind, RecordOptions, Records};
use mbus_app::value::{Digits, Value};
use mbus_app::vif::orthogonal::ACTIONS;
use mbus_app::vif::{Quantity, Unit, fd, primary};
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, IdentificationNumber};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn to_device(octets: &[u8]) -> Records<'_> {
    let options = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
    Records::with_options(octets, options)
}

fn only(octets: &[u8]) -> Record<'_> {
    let mut records = to_device(octets);
    let record = records.next().unwrap().unwrap();
    assert!(records.next().is_none() && records.rest().is_empty());
    record
}

/// Writes into every buffer that is too small, then into one that is not.
fn build(record: &RecordBuilder<'_>) -> Vec<u8> {
    let needed = record.encoded_len().unwrap();
    for size in 0..needed {
        let error = record.encode_into(&mut vec![0; size]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
    }
    record.encode_into(&mut vec![0; needed]).unwrap().to_vec()
}

fn address() -> Address {
    Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03])
}

/// Commands printed in OMS Vol. 2 Annexes M and N and in the public M-Bus documentation.
fn printed() -> Vec<(DataCommand<'static>, &'static str)> {
    let switch = |value, subunit, state| DataCommand::Switch(Switch { subunit, value, state });
    vec![
        (DataCommand::SetPrimaryAddress(PrimaryAddress(5)), "01 7A 05"),
        (DataCommand::SetIdentification(address().identification), "0C 79 78563412"),
        (DataCommand::SetAddress(address()), "07 79 78563412 9315 33 03"),
        (switch(SwitchValue::Commanded, 0, SwitchState::CLOSED), "01 FD 1F 00"),
        (switch(SwitchValue::Commanded, 0, SwitchState::OPEN), "01 FD 1F 01"),
        (switch(SwitchValue::Commanded, 1, SwitchState::RELEASED), "81 40 FD 1F 02"),
        (
            DataCommand::SetNextDueDate { storage: 1, date: Date::new(2024, 1, 1).unwrap() },
            "42 EC FE 00 01 31",
        ),
        (DataCommand::ClearErrorFlags(&[0x01, 0x80]), "02 FD 97 06 01 80"),
        (DataCommand::SelectApplication { application: Application(7), block: 0 }, "01 FD FD 80 00 70"),
    ]
}

#[test]
fn printed_commands_both_ways() {
    for (command, text) in printed() {
        let octets = hex(text);
        assert_eq!(build(&command.record().unwrap()), octets, "{text}");
        assert_eq!(DataCommand::of(&only(&octets)), Some(command), "{text}");
        // From a device the same octets are no command.
        assert_eq!(DataCommand::of(&Records::new(&octets).next().unwrap().unwrap()), None);
    }
}

#[test]
fn write_may_be_said_or_not() {
    for (with, without) in [
        ("01 FA 00 05", "01 7A 05"),
        ("0C F9 00 78563412", "0C 79 78563412"),
        ("01 FD 9F 00 01", "01 FD 1F 01"),
        ("01 FD FD 80 00 70", "01 FD FD 00 70"),
        ("42 EC FE 00 01 31", "42 EC 7E 01 31"),
    ] {
        let (with, without) = (hex(with), hex(without));
        let command = DataCommand::of(&only(&with));
        assert!(command.is_some() && command == DataCommand::of(&only(&without)));
    }
}

#[test]
fn what_is_no_such_command() {
    for text in [
        "02 7A 05 00",        // an address of two octets
        "41 7A 05",           // of storage number 1
        "01 FA 01 05",        // added
        "0E 79 785634129000", // twelve digits
        "0C F9 3B 78563412",  // qualified
        "02 FD 1F 01 00",     // two octets of state
        "41 FD 1F 01",        // the state on a due date
        "01 FD 9F 1D 01",     // the conformance test
        "01 FD 1A 01",        // a physical state cannot be commanded
        "02 FD 97 03 01 80",  // flags to set
        "02 FD 17 01 80",     // flags to write
        "0F 01 02",
        "7F",
    ] {
        let octets = hex(text);
        assert_eq!(DataCommand::of(&only(&octets)), None, "{text}");
    }
}

#[test]
fn states_of_a_switch() {
    for state in 0..=0xFF {
        for (value, code) in [(SwitchValue::Commanded, 0x1F), (SwitchValue::Physical, 0x1A)] {
            for subunit in [0, 1, 1023] {
                let switch = Switch { subunit, value, state: SwitchState(state) };
                let octets = build(&switch.record());
                assert_eq!(octets[octets.len() - 2..], [code, state]);
                assert_eq!(Switch::of(&Records::new(&octets).next().unwrap().unwrap()), Some(switch));
            }
        }
        assert_eq!(SwitchState(state).to_string() == "reserved", state > 2);
    }
}

#[test]
fn applications_that_lists_disagree_on_are_not_written() {
    for code in 0..=0xFFu8 {
        let command = DataCommand::SelectApplication { application: Application(code), block: 3 };
        assert_eq!(command.record().is_ok(), code <= 0xA, "{code:02X}");
    }
    let command = DataCommand::SelectApplication { application: Application(1), block: 16 };
    assert_eq!(command.record().unwrap_err().kind.name(), "not_published");
    // They are read.
    assert!(DataCommand::of(&only(&hex("01 FD FD 80 00 B0"))).is_some());
}

#[test]
fn printed_actions() {
    let storage = |storage| Register { storage, ..Register::default() };
    let customer = NewVib::Of(Quantity::Customer, Unit::None, &[]);
    let any = |code: usize| NewVib::Row(&primary::PRIMARY[code], &[]);
    let write = RecordBuilder {
        action: Some(ObjectAction::WRITE),
        ..RecordBuilder::new(storage(0), customer, Value::Digits(Digits(&[0x56, 0x34, 0x12])))
    };
    let add = RecordBuilder {
        dib: NewDib::Register(storage(0), Some(DataField::BCD_4)),
        action: Some(ObjectAction::ADD),
        ..RecordBuilder::new(storage(0), any(0x13), Value::Number(Decimal::new(367, -3)))
    };
    let readout = |action| RecordBuilder::act(action, storage(1), any(0x10));
    for (record, text) in [
        (write, "0B FD 91 00 563412"),
        (RecordBuilder::act(ObjectAction::GET, storage(0), customer), "00 FD 91 0F"),
        (add, "0A 93 01 6703"),
        (readout(ObjectAction::ADD_TO_READOUT_LIST), "40 90 0C"),
        (readout(ObjectAction::DELETE_FROM_READOUT_LIST), "40 90 0D"),
        // The quantity alone does as well: the first line of the table stands for all of them.
        (
            RecordBuilder::act(
                ObjectAction::ADD_TO_READOUT_LIST,
                storage(1),
                NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[]),
            ),
            "40 90 0C",
        ),
        (RecordBuilder::select(storage(0), NewVib::Of(Quantity::AnyVif, Unit::None, &[])), "08 7E"),
        (RecordBuilder::select(storage(1), any(0x13)), "48 13"),
        // All storage numbers, tariffs and subunits: every bit of two DIFE.
        (
            RecordBuilder {
                dib: NewDib::Octets(&[0xC8, 0xFF, 0x7F]),
                ..RecordBuilder::select(storage(0), NewVib::Of(Quantity::AnyVif, Unit::None, &[]))
            },
            "C8 FF 7F 7E",
        ),
    ] {
        let octets = hex(text);
        assert_eq!(build(&record), octets, "{text}");
        let read = only(&octets);
        assert_eq!(read.object_action(), record.action, "{text}");
        assert_eq!(build(&RecordBuilder::from(&read)), octets);
    }
}

#[test]
fn every_action_with_data_and_without() {
    assert_eq!((ACTIONS[0x0E], ACTIONS[0x0F]), ("reserved", "get"));
    for code in 0..=0x0F {
        let action = ObjectAction(code);
        assert_eq!(action.name(), ACTIONS[usize::from(code)]);
        let flags = NewVib::Row(&fd::FD[0x18], &[Qualifier::Orthogonal(0x1D)]);
        let none = RecordBuilder::act(action, Register::default(), flags);
        let mask = RecordBuilder {
            action: Some(action),
            content: Content::Inline([0x55].into()),
            ..RecordBuilder::new(Register::default(), flags, Value::None)
        };
        for (record, expected) in
            [(none, vec![0x00, 0xFD, 0x98, 0x9D, code]), (mask, vec![0x01, 0xFD, 0x98, 0x9D, code, 0x55])]
        {
            assert_eq!(build(&record), expected);
            let read = only(&expected);
            assert_eq!(read.object_action(), Some(action));
            // From a device the same VIFE is no action.
            assert_eq!(Records::new(&expected).next().unwrap().unwrap().object_action(), None);
        }
    }
    let beyond = RecordBuilder::act(ObjectAction(0x10), Register::default(), NewVib::Octets(&[0x13]));
    for vib in [NewVib::Octets(&[0x13]), NewVib::Row(&primary::PRIMARY[0x13], &[])] {
        let error = RecordBuilder { vib, ..beyond }.encoded_len().unwrap_err();
        assert_eq!(error.kind, ErrorKind::CannotBuild(Unbuildable::BadQualifiers));
    }
    // Behind the manufacturer's VIF every VIFE is the manufacturer's.
    let hidden = RecordBuilder { vib: NewVib::Row(&primary::PRIMARY[0x7F], &[]), ..beyond };
    assert!(hidden.encoded_len().is_err());
    // An action counts as a VIFE.
    let ten = [Qualifier::Orthogonal(0x3B); 10];
    let full = RecordBuilder::act(
        ObjectAction::CLEAR,
        Register::default(),
        NewVib::Row(&primary::PRIMARY[0x13], &ten),
    );
    assert_eq!(full.encoded_len().unwrap_err().kind, ErrorKind::CannotBuild(Unbuildable::BadQualifiers));
    let nine = RecordBuilder { vib: NewVib::Row(&primary::PRIMARY[0x13], &ten[..9]), ..full };
    assert_eq!(only(&build(&nine)).object_action(), Some(ObjectAction::CLEAR));
    // Nothing may stand behind an action, and a unit as text takes one too.
    let early = [Qualifier::Action(0), Qualifier::Orthogonal(0x3B)];
    let wrong = RecordBuilder { vib: NewVib::Row(&primary::PRIMARY[0x13], &early), ..nine };
    assert!(wrong.encoded_len().is_err());
    let text = RecordBuilder { vib: NewVib::PlainText("#UI", &[]), ..nine };
    assert_eq!(build(&text), hex("00 FC 07 03 49 55 23"));
}

#[test]
fn a_list_of_what_is_read_out() {
    let volume = RecordBuilder::select(Register::default(), NewVib::Row(&primary::PRIMARY[0x13], &[]));
    let due = RecordBuilder::select(
        Register { storage: 1, ..Register::default() },
        NewVib::Row(&primary::PRIMARY[0x6C], &[]),
    );
    let elements = [Element::Record(volume), Element::Record(due)];
    let octets = RecordsBuilder { elements: &elements }.encode_into(&mut [0; 8]).unwrap().to_vec();
    assert_eq!(octets, hex("08 13 48 6C"));
    for record in to_device(&octets) {
        let record = record.unwrap();
        assert_eq!((record.dib().data_field(), record.value()), (DataField::SELECTION, Value::None));
        assert_eq!(record.object_action(), None);
    }
    let octets =
        RecordsBuilder { elements: &[Element::GlobalReadout] }.encode_into(&mut [0; 8]).unwrap().to_vec();
    assert_eq!((octets.as_slice(), only(&octets).kind()), (&[0x7F][..], RecordKind::GlobalReadout));
}

fn commands() -> impl Strategy<Value = DataCommand<'static>> {
    static FLAGS: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];
    prop_oneof![
        any::<u8>().prop_map(|a| DataCommand::SetPrimaryAddress(PrimaryAddress(a))),
        any::<[u8; 4]>().prop_map(|id| DataCommand::SetIdentification(IdentificationNumber::from_octets(id))),
        any::<[u8; 8]>().prop_map(|a| DataCommand::SetAddress(Address::from_transport_octets(a))),
        (0u16..1024, any::<u8>()).prop_map(|(subunit, state)| DataCommand::Switch(Switch {
            subunit,
            value: SwitchValue::Commanded,
            state: SwitchState(state)
        })),
        (0u64..1 << 41, 2000u16..2081, 1u8..13, 1u8..29).prop_map(|(storage, y, m, d)| {
            DataCommand::SetNextDueDate { storage, date: Date::new(y, m, d).unwrap() }
        }),
        prop::sample::select(vec![1usize, 2, 3, 4, 6, 8])
            .prop_map(|len| DataCommand::ClearErrorFlags(&FLAGS[..len])),
        (0u8..0xB, 0u8..16).prop_map(|(application, block)| DataCommand::SelectApplication {
            application: Application(application),
            block
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_commanded_is_understood(command in commands()) {
        let octets = build(&command.record().unwrap());
        prop_assert_eq!(DataCommand::of(&only(&octets)), Some(command));
    }
}
