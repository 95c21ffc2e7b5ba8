//! Records written and read back: printed octets first, then every row, every data type, every refusal.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::date_time::{Date, DateTime, Precision, Time};
use mbus_app::decimal::Decimal;
use mbus_app::record::builder::{
    Content, Element, NewDib, NewVib, RecordBuilder, RecordsBuilder, Register, Unbuildable,
};
use mbus_app::record::{
    DataField, Direction, Function, ObjectAction, Qualifier, Record, RecordOptions, Records,
};
use mbus_app::value::{Bits, Digits, Invalid, Real32, Text, TimeM, Value};
use mbus_app::vif::{Quantity, Rule, Unit, fb, fd, fd_fd, primary};
use mbus_app::{ErrorKind, record::PlainTextOrder};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn build(record: &RecordBuilder<'_>) -> Result<Vec<u8>, ErrorKind> {
    let mut buffer = [0; 600];
    let octets = record.encode_into(&mut buffer).map_err(|error| error.kind)?;
    assert_eq!(record.encoded_len().unwrap(), octets.len());
    Ok(octets.to_vec())
}

fn refusal(record: &RecordBuilder<'_>) -> Unbuildable {
    match build(record) {
        Err(ErrorKind::CannotBuild(reason)) => {
            assert!(record.encoded_len().is_err());
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn wish<'a>(
    quantity: Quantity,
    unit: Unit,
    qualifiers: &'a [Qualifier<'a>],
    value: Value<'a>,
) -> RecordBuilder<'a> {
    RecordBuilder {
        dib: NewDib::Register(Register::default(), None),
        vib: NewVib::Of(quantity, unit, qualifiers),
        content: Content::Value(value),
        direction: Direction::FromDevice,
        action: None,
    }
}

fn number(mantissa: i128, exponent: i16) -> Value<'static> {
    Value::Number(Decimal::new(mantissa, exponent))
}

fn with_field<'a>(mut record: RecordBuilder<'a>, field: DataField) -> RecordBuilder<'a> {
    record.dib = NewDib::Register(Register::default(), Some(field));
    record
}

/// Canonical records, printed in OMS Vol. 2 Annexes M and N and in EN 13757-3 Annexes F and G.
const PRINTED: &[(&str, Direction)] = &[
    ("0C 14 27 04 85 02", Direction::FromDevice),
    ("04 6D 32 37 1F 15", Direction::FromDevice),
    ("02 FD 17 00 00", Direction::FromDevice),
    ("02 02 D2 04", Direction::FromDevice),
    ("02 15 2E 16", Direction::FromDevice),
    ("02 2A 34 23", Direction::FromDevice),
    ("84 04 6D 00 20 41 11", Direction::FromDevice),
    ("8B 04 15 00 30 12", Direction::FromDevice),
    ("8D 04 95 1F 05 69 01 03 02 11", Direction::FromDevice),
    ("8D 04 95 13 05 69 01 11 02 03", Direction::FromDevice),
    ("86 80 81 00 6D 00 00 A0 41 11 35", Direction::FromDevice),
    ("84 90 81 00 03 F0 49 02 00", Direction::FromDevice),
    ("8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00", Direction::FromDevice),
    ("C1 01 74 03", Direction::FromDevice),
    ("02 FD 97 1D 00 00", Direction::FromDevice),
    ("0E 02 60 99 01 00 00 00", Direction::FromDevice),
    ("0E 82 3C 51 30 00 00 00 00", Direction::FromDevice),
    ("CE 01 83 3C 05 03 00 00 00 00", Direction::FromDevice),
    ("8C 04 13 90 45 23 00", Direction::FromDevice),
    ("82 04 6C 81 11", Direction::FromDevice),
    ("01 FD 1F 01", Direction::ToDevice),
    ("0B FD 91 00 56 34 12", Direction::ToDevice),
    ("00 FD 91 0F", Direction::ToDevice),
    ("0A 93 01 67 03", Direction::ToDevice),
    ("40 90 0C", Direction::ToDevice),
    ("01 FD FD 80 00 70", Direction::ToDevice),
    ("01 7A 05", Direction::ToDevice),
    ("0C 79 78 56 34 12", Direction::ToDevice),
    ("0C 78 78 56 34 12", Direction::FromDevice),
    ("08 7E", Direction::ToDevice),
    ("02 7C 09 65 6D 69 74 20 2E 74 61 62 22 0C", Direction::FromDevice),
];

/// Rebuilds a record from what it means, not from its octets.
fn rebuilt(record: &Record<'_>) -> Vec<u8> {
    let qualifiers: Vec<_> = record.qualifiers().filter(|q| !matches!(q, Qualifier::Action(_))).collect();
    let action = record.qualifiers().find_map(|q| match q {
        Qualifier::Action(code) => Some(ObjectAction(code)),
        _ => None,
    });
    let text = record.vib().plain_text().map(|text| text.chars().collect::<String>());
    let field = record.dib().data_field();
    build(&RecordBuilder {
        dib: NewDib::Register(Register::of(record), Some(field)),
        vib: match &text {
            Some(text) => NewVib::PlainText(text, &qualifiers),
            // Octets do not tell with which exponent they are to be read.
            None if matches!(record.value(), Value::Octets(_)) => {
                NewVib::Row(record.vib().row(), &qualifiers)
            }
            None => NewVib::Of(record.quantity(), record.unit(), &qualifiers),
        },
        content: Content::Value(record.value()),
        direction: Direction::FromDevice,
        action,
    })
    .unwrap_or_else(|error| panic!("{error} {record:?}"))
}

#[test]
fn printed_records_are_rebuilt_from_their_meaning() {
    for (text, direction) in PRINTED {
        let octets = hex(text);
        let options = RecordOptions { direction: *direction, ..RecordOptions::default() };
        let records: Vec<_> = Records::with_options(&octets, options).collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), 1, "{text}");
        assert_eq!(rebuilt(&records[0]), octets, "{text}");
        // And octet for octet from its blocks.
        assert_eq!(build(&RecordBuilder::from(&records[0])).unwrap(), octets, "{text}");
    }
}

#[test]
fn every_buffer_size_is_an_error_or_enough() {
    let records: Vec<Vec<u8>> = PRINTED.iter().map(|(text, _)| hex(text)).collect();
    let parsed: Vec<_> = records.iter().flat_map(|r| Records::new(r).map(Result::unwrap)).collect();
    let mut elements: Vec<Element<'_>> = parsed.iter().map(Element::from).collect();
    elements.push(Element::Fillers(3));
    elements.push(Element::Manufacturer { more_follow: true, octets: &[1, 2, 3] });
    let builder = RecordsBuilder { elements: &elements };
    let needed = builder.encoded_len().unwrap();
    let mut expected = records.concat();
    expected.extend_from_slice(&[0x2F, 0x2F, 0x2F, 0x1F, 1, 2, 3]);
    assert_eq!(needed, expected.len());
    let mut buffer = vec![0; needed + 1];
    for size in 0..=needed + 1 {
        match builder.encode_into(&mut buffer[..size]) {
            Ok(octets) => assert_eq!((size >= needed, &*octets), (true, &expected[..])),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
                assert!(size < needed);
            }
        }
    }
    for record in &parsed {
        let one = RecordBuilder::from(record);
        let needed = one.encoded_len().unwrap();
        for size in 0..needed {
            assert_eq!(
                one.encode_into(&mut buffer[..size]).unwrap_err().kind,
                ErrorKind::BufferTooSmall { needed, available: size }
            );
        }
    }
}

/// A value that goes with a rule, and how it must read back.
fn sample(rule: Rule, exponent: i8) -> Option<Value<'static>> {
    Some(match rule {
        Rule::Default | Rule::Unsigned | Rule::Signed => number(123, exponent.into()),
        Rule::Hca => number(123 * if exponent == -12 { 244_140_625 } else { 1 }, exponent.into()),
        Rule::Bits => Value::Bits(Bits(&[0x01, 0x80])),
        Rule::Identifier => Value::Digits(Digits(&[0x78, 0x56, 0x34, 0x02])),
        Rule::Address => number(5, 0),
        Rule::Date | Rule::AnyDate => Value::Date(Date::new(2024, 2, 29).unwrap()),
        Rule::DateTime => Value::DateTime(DateTime {
            date: Date::new(2024, 2, 29).unwrap(),
            time: Time { hour: Some(23), minute: Some(59), second: None },
            hundred_year_bits: 1,
            ..DateTime::default()
        }),
        Rule::Container => Value::Octets(&[1, 2, 3]),
        _ => return None,
    })
}

#[test]
fn every_row_of_every_table_is_written_and_read() {
    let mut written = 0;
    for row in primary::PRIMARY.iter().chain(&fb::FB).chain(&fd::FD).chain(&fd_fd::FD_FD) {
        let unnamed = matches!(
            row.quantity,
            Quantity::Reserved
                | Quantity::Extension1Pointer
                | Quantity::Extension2Pointer
                | Quantity::ExtensionPointer
                | Quantity::PlainTextUnit
        );
        let Some(value) = sample(row.rule, row.exponent) else { continue };
        let record = wish(row.quantity, row.unit, &[], value);
        if unnamed {
            assert_eq!(refusal(&record), Unbuildable::NoVif);
            continue;
        }
        let octets = build(&record).unwrap();
        let read = Records::new(&octets).next().unwrap().unwrap();
        assert_eq!((read.quantity(), read.unit()), (row.quantity, row.unit), "{row:?}");
        assert_eq!(read.value(), value, "{row:?} {octets:02X?}");
        assert_eq!(read.encoded_len(), octets.len());
        written += 1;
    }
    assert!(written > 250, "{written}");
}

#[test]
fn the_shortest_form_and_the_resolution() {
    // An exponent that a row has is kept: 1.000 m3 keeps its litres.
    let volume = |m, e| build(&wish(Quantity::Volume, Unit::CubicMetre, &[], number(m, e))).unwrap();
    assert_eq!(volume(1000, -3), hex("02 13 E8 03"));
    assert_eq!(volume(1, 0), hex("01 16 01"));
    // One that no row has is shifted to the shortest record: 5000 m3 are 5 x 10^3, FB 11h, or 5000 x 10^0.
    assert_eq!(volume(5, 5), hex("02 FB 11 F4 01"));
    // 10^3 m3 stands in the first extension table only.
    assert_eq!(volume(7, 3), hex("01 FB 11 07"));
    // The number that means "no value" is written in a longer field.
    assert_eq!(volume(-128, 0), hex("02 16 80 FF"));
    assert_eq!(volume(-127, 0), hex("01 16 81"));
    assert_eq!(volume(128, 0), hex("02 16 80 00"));
    assert_eq!(volume(i64::MAX.into(), 0), hex("07 16 FFFFFFFFFFFFFF7F"));
    let age = |m| build(&wish(Quantity::DurationSinceLastReadout, Unit::Second, &[], number(m, 0)));
    assert_eq!(age(254).unwrap(), hex("01 FD 2C FE"));
    assert_eq!(age(255).unwrap(), hex("02 FD 2C FF 00"));
    assert_eq!(age(i128::from(u64::MAX) - 1).unwrap(), hex("07 FD 2C FEFFFFFFFFFFFFFF"));
    assert_eq!(age(u64::MAX.into()), Err(ErrorKind::CannotBuild(Unbuildable::ValueDoesNotFit)));
    assert_eq!(age(-1), Err(ErrorKind::CannotBuild(Unbuildable::ValueDoesNotFit)));
}

#[test]
fn decimal_digits() {
    let energy =
        |m, field| build(&with_field(wish(Quantity::Energy, Unit::WattHour, &[], number(m, 0)), field));
    assert_eq!(energy(-123, DataField::BCD_4).unwrap(), hex("0A 03 23 F1"));
    assert_eq!(energy(9999, DataField::BCD_4).unwrap(), hex("0A 03 99 99"));
    assert_eq!(energy(10000, DataField::BCD_4).unwrap(), hex("0A 04 00 10"), "the next exponent");
    assert_eq!(energy(-9, DataField::BCD_2).unwrap(), hex("09 03 F9"));
    assert_eq!(energy(-1001, DataField::BCD_4), Err(ErrorKind::CannotBuild(Unbuildable::ValueDoesNotFit)));
    assert_eq!(energy(10001, DataField::BCD_4), Err(ErrorKind::CannotBuild(Unbuildable::ValueDoesNotFit)));
    assert_eq!(energy(123, DataField::VARIABLE).unwrap(), hex("0D 03 C2 23 01"));
    assert_eq!(energy(-123, DataField::VARIABLE).unwrap(), hex("0D 03 D2 23 01"));
    assert_eq!(
        energy(10i128.pow(18) + 1, DataField::VARIABLE),
        Err(ErrorKind::CannotBuild(Unbuildable::ValueDoesNotFit))
    );
    for field in [DataField::BCD_2, DataField::BCD_4, DataField::BCD_6, DataField::BCD_8, DataField::BCD_12] {
        let absent = wish(Quantity::Energy, Unit::WattHour, &[], Value::Invalid(Invalid::NotAvailable));
        let octets = build(&with_field(absent, field)).unwrap();
        let read = Records::new(&octets).next().unwrap().unwrap();
        assert_eq!(read.value(), Value::Invalid(Invalid::NotAvailable));
    }
}

#[test]
fn qualifiers_change_the_number_and_replace_the_meaning() {
    // x 10^3, at phase L1, then the manufacturer's.
    let chain = [
        Qualifier::Orthogonal(0x7D),
        Qualifier::Combinable(0x01),
        Qualifier::Manufacturer(&[0xFF, 0xF2, 0x00]),
    ];
    let octets = build(&wish(Quantity::Voltage, Unit::Volt, &chain, number(230, 2))).unwrap();
    assert_eq!(octets, hex("02 FD C8 FD FC 81 FF F2 00 E6 00"));
    let read = Records::new(&octets).next().unwrap().unwrap();
    assert_eq!(read.value(), number(230, 2));
    assert_eq!(read.qualifiers().collect::<Vec<_>>()[..2], chain[..2]);
    // A date about a volume.
    let start = [Qualifier::Orthogonal(0x39)];
    let date = Value::Date(Date::new(2010, 1, 1).unwrap());
    assert_eq!(build(&wish(Quantity::Volume, Unit::None, &start, date)).unwrap(), hex("02 90 39 41 11"));
    // How long a flow exceeded its limit, and how often.
    let duration = [Qualifier::Orthogonal(0x59)];
    let minutes = wish(Quantity::VolumeFlow, Unit::Minute, &duration, number(90, 0));
    assert_eq!(build(&minutes).unwrap(), hex("01 B8 59 5A"));
    let times = wish(Quantity::VolumeFlow, Unit::None, &[Qualifier::Orthogonal(0x49)], number(3, 0));
    assert_eq!(build(&times).unwrap(), hex("01 B8 49 03"));
    // US gallons.
    let gallons = wish(Quantity::Volume, Unit::UsGallon, &[Qualifier::Orthogonal(0x3D)], number(77, -1));
    assert_eq!(build(&gallons).unwrap(), hex("01 92 3D 4D"));
    // Unsigned.
    let pulses = wish(Quantity::Dimensionless, Unit::None, &[Qualifier::Combinable(0x11)], number(254, 0));
    assert_eq!(build(&pulses).unwrap(), hex("01 FD BA FC 11 FE"));
}

#[test]
fn every_type() {
    let second = DateTime {
        date: Date::new(2024, 12, 31).unwrap(),
        time: Time { hour: Some(1), minute: Some(2), second: Some(3) },
        precision: Precision::Seconds,
        ..DateTime::default()
    };
    let values = [
        (Quantity::DateAndTime, Value::DateTime(second), "06 6D 03 02 01 1F 3C 00"),
        (Quantity::DateAndTime, Value::Time(second.time), "03 6D 03 02 01"),
        (Quantity::DateAndTime, Value::TimeM(TimeM(&[3, 0x30])), "0D 6D E2 03 30"),
        (Quantity::Customer, Value::Text(Text(b"knalB")), "0D FD 11 05 6B 6E 61 6C 42"),
        (Quantity::ContainerManufacturerProtocol, Value::Octets(&[1, 2]), "0D FD 76 02 01 02"),
        (Quantity::Address, Value::Octets(&[1, 2, 3, 4, 5, 6]), "06 7A 01 02 03 04 05 06"),
        (Quantity::FabricationNumber, Value::Digits(Digits(&[1, 2, 3, 4, 5])), "0D 78 C5 01 02 03 04 05"),
        (Quantity::Retry, Value::None, "00 FD 1E"),
    ];
    for (quantity, value, octets) in values {
        let written = build(&wish(quantity, Unit::None, &[], value)).unwrap();
        assert_eq!(written, hex(octets));
        assert_eq!(Records::new(&written).next().unwrap().unwrap().value(), value);
    }
    let real = Real32 { bits: 21.5f32.to_bits(), exponent: 0 };
    let octets = build(&wish(Quantity::FlowTemperature, Unit::Celsius, &[], Value::Real(real))).unwrap();
    assert_eq!(octets, hex("05 5B 00 00 AC 41"));
    let text = RecordBuilder {
        content: Content::Text("Küche 3°"),
        ..wish(Quantity::CustomerLocation, Unit::None, &[], Value::None)
    };
    assert_eq!(build(&text).unwrap(), hex("0D FD 10 08 B0 33 20 65 68 63 FC 4B"));
    let humidity = RecordBuilder {
        vib: NewVib::PlainText("%RH", &[Qualifier::Orthogonal(0x74)]),
        ..wish(Quantity::PlainTextUnit, Unit::None, &[], number(5, -2))
    };
    assert_eq!(build(&humidity).unwrap(), hex("01 FC 74 03 48 52 25 05"), "standard order");
    for (field, octets) in [
        (DataField::INTEGER_16, "02 6C FF FF"),
        (DataField::INTEGER_32, "04 6D 80 00 00 00"),
        (DataField::INTEGER_48, "06 6D 00 80 00 00 00 00"),
        (DataField::INTEGER_24, "03 6D FF FF FF"),
    ] {
        let quantity = if field == DataField::INTEGER_16 { Quantity::Date } else { Quantity::DateAndTime };
        let absent = wish(quantity, Unit::None, &[], Value::Invalid(Invalid::NotAvailable));
        let written = build(&with_field(absent, field)).unwrap();
        assert_eq!(written, hex(octets));
        let read = Records::new(&written).next().unwrap().unwrap();
        assert_eq!(read.value(), Value::Invalid(Invalid::NotAvailable));
    }
}

#[test]
fn variable_binary_and_bits() {
    let binary = |quantity, unit, m: i128| {
        build(&RecordBuilder {
            content: Content::VariableBinary(Decimal::new(m, 0)),
            ..wish(quantity, unit, &[], Value::None)
        })
    };
    // Type C is fixed by the VIF: all bits count. Elsewhere the top bit is 0 for every reader.
    let retry = |m| binary(Quantity::Retry, Unit::None, m);
    let volume = |m| binary(Quantity::Volume, Unit::CubicMetre, m);
    for (octets, expected) in [
        (retry(0), "0D FD 1E E1 00"),
        (retry(0xFF), "0D FD 1E E1 FF"),
        (retry((1 << 120) - 1), "0D FD 1E EF FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
        (volume(0x7F), "0D 16 E1 7F"),
        (volume(0x80), "0D 16 E2 80 00"),
        (volume((1 << 63) - 1), "0D 16 E8 FFFFFFFFFFFFFF7F"),
    ] {
        let octets = octets.unwrap();
        assert_eq!(octets, hex(expected));
        let read = Records::new(&octets).next().unwrap().unwrap();
        assert!(matches!(read.value(), Value::Number(_)), "{expected}");
    }
    for (outcome, reason) in [
        (retry(-1), Unbuildable::ValueDoesNotFit),
        (retry(1 << 120), Unbuildable::ValueDoesNotFit),
        (volume(1 << 63), Unbuildable::ValueDoesNotFit),
        (volume(-1), Unbuildable::Unverified("the sign of binary numbers behind LVAR")),
        (binary(Quantity::Date, Unit::None, 1), Unbuildable::WrongKind),
    ] {
        assert_eq!(outcome, Err(ErrorKind::CannotBuild(reason)));
    }
    // Sixteen octets and more of an unsigned VIF are octets: a key.
    let key = [0xA5; 16];
    let written = build(&wish(Quantity::SecurityKey, Unit::None, &[], Value::Octets(&key))).unwrap();
    assert_eq!(written[..5], hex("0D FD 19 F0 A5"));
    assert_eq!(Records::new(&written).next().unwrap().unwrap().value(), Value::Octets(&key));
    // Bits: the data field of their length, LVAR where there is none.
    for (len, head) in
        [(1, "01"), (2, "02"), (3, "03"), (4, "04"), (6, "06"), (8, "07"), (5, "0D"), (32, "0D")]
    {
        let bits = vec![0x81; len];
        let record = wish(Quantity::ErrorFlags, Unit::None, &[], Value::Bits(Bits(&bits)));
        let written = build(&record).unwrap();
        assert_eq!(written[..1], hex(head));
        assert_eq!(Records::new(&written).next().unwrap().unwrap().value(), Value::Bits(Bits(&bits)));
        let variable = build(&with_field(record, DataField::VARIABLE)).unwrap();
        assert_eq!(Records::new(&variable).next().unwrap().unwrap().value(), Value::Bits(Bits(&bits)));
    }
    let none = wish(Quantity::ErrorFlags, Unit::None, &[], Value::Bits(Bits(&[])));
    assert_eq!(refusal(&none), Unbuildable::ValueDoesNotFit);
    let seventeen = [0; 17];
    let odd = wish(Quantity::ErrorFlags, Unit::None, &[], Value::Bits(Bits(&seventeen)));
    assert_eq!(refusal(&odd), Unbuildable::TooLong, "LVAR has no code for 17 octets");
}

#[test]
fn integers_without_value() {
    for (field, signed, unsigned) in [
        (DataField::INTEGER_8, "01 16 80", "01 FD 1E FF"),
        (DataField::INTEGER_16, "02 16 0080", "02 FD 1E FFFF"),
        (DataField::INTEGER_24, "03 16 000080", "03 FD 1E FFFFFF"),
        (DataField::INTEGER_32, "04 16 00000080", "04 FD 1E FFFFFFFF"),
        (DataField::INTEGER_48, "06 16 000000000080", "06 FD 1E FFFFFFFFFFFF"),
        (DataField::INTEGER_64, "07 16 0000000000000080", "07 FD 1E FFFFFFFFFFFFFFFF"),
    ] {
        let rows = [(&primary::PRIMARY[0x16], signed), (&fd::FD[0x1E], unsigned)];
        for (row, expected) in rows {
            let absent = Content::Value(Value::Invalid(Invalid::NotAvailable));
            let record = RecordBuilder {
                dib: NewDib::Register(Register::default(), Some(field)),
                vib: NewVib::Row(row, &[]),
                content: absent,
                ..RecordBuilder::default()
            };
            let octets = build(&record).unwrap();
            assert_eq!(octets, hex(expected));
            assert!(Records::new(&octets).next().unwrap().unwrap().is_marked_invalid());
        }
    }
}

#[test]
fn every_refusal() {
    use Unbuildable as U;
    let litre = |value| wish(Quantity::Volume, Unit::CubicMetre, &[], value);
    assert_eq!(refusal(&wish(Quantity::Volume, Unit::Volt, &[], number(1, 0))), U::NoVif);
    assert_eq!(refusal(&wish(Quantity::Reserved, Unit::None, &[], number(1, 0))), U::NoVif);
    assert_eq!(refusal(&litre(number(1, -7))), U::ValueDoesNotFit);
    assert_eq!(refusal(&litre(Value::Date(Date::new(2024, 1, 1).unwrap()))), U::WrongKind);
    assert_eq!(refusal(&litre(Value::Bits(Bits(&[1])))), U::WrongKind);
    assert_eq!(refusal(&litre(Value::Digits(Digits(&[1])))), U::WrongKind);
    assert_eq!(refusal(&litre(Value::Invalid(Invalid::Infinite))), U::WrongKind);
    assert_eq!(refusal(&litre(Value::Invalid(Invalid::NotAvailable))), U::WrongKind, "in which field?");
    let address = wish(Quantity::Address, Unit::None, &[], Value::Invalid(Invalid::NotAvailable));
    assert_eq!(refusal(&with_field(address, DataField::INTEGER_8)), U::WrongKind, "FFh is all stations");
    assert_eq!(refusal(&with_field(litre(number(1, 0)), DataField::NO_DATA)), U::WrongKind);
    assert_eq!(refusal(&with_field(litre(number(1, 0)), DataField::SPECIAL)), U::WrongKind);
    assert_eq!(refusal(&with_field(litre(number(301, 0)), DataField::INTEGER_8)), U::ValueDoesNotFit);
    // A bus address is one octet, in more of them where the data field is given.
    let bus = |value| wish(Quantity::Address, Unit::None, &[], number(value, 0));
    assert_eq!(build(&bus(255)).unwrap(), hex("01 7A FF"));
    assert_eq!(build(&with_field(bus(256), DataField::INTEGER_16)).unwrap(), hex("02 7A 00 01"));
    assert_eq!(refusal(&with_field(bus(1), DataField::INTEGER_48)), U::ValueDoesNotFit);
    for value in [number(1, 0), Value::Text(Text(b"1")), Value::Invalid(Invalid::NotAvailable)] {
        let window = wish(Quantity::ListeningWindowManagement, Unit::None, &[], value);
        assert_eq!(refusal(&with_field(window, DataField::INTEGER_8)), U::Unverified("the layout of type L"));
    }
    let infinite = Real32 { bits: f32::INFINITY.to_bits(), exponent: 0 };
    assert_eq!(refusal(&litre(Value::Real(infinite))), U::ValueDoesNotFit);
    assert_eq!(refusal(&wish(Quantity::Date, Unit::None, &[], number(1, 0))), U::WrongKind);
    let old = Value::Date(Date { year: Some(1970), month: Some(1), day: Some(1) });
    assert_eq!(refusal(&wish(Quantity::Date, Unit::None, &[], old)), U::ValueDoesNotFit);
    let long = "x".repeat(192);
    let text = |text| RecordBuilder {
        content: Content::Text(text),
        ..wish(Quantity::Customer, Unit::None, &[], Value::None)
    };
    assert_eq!(refusal(&text(&long)), U::TooLong);
    assert_eq!(refusal(&text("€")), U::NotLatin1);
    for (quantity, value) in [
        (Quantity::DaylightSavingBeginEndDeviation, Value::Octets(&[0; 4])),
        (Quantity::ListeningWindowManagement, Value::Octets(&[0; 11])),
        (Quantity::DateAndTime, Value::TimeM(TimeM(&[0, 0x31]))),
        (Quantity::Volume, Value::Octets(&[0; 12])),
    ] {
        let unit = if quantity == Quantity::Volume { Unit::CubicMetre } else { Unit::None };
        assert!(matches!(refusal(&wish(quantity, unit, &[], value)), U::Unverified(_)), "{quantity}");
    }
    let added = [Qualifier::Orthogonal(0x7B)];
    let record = wish(Quantity::Volume, Unit::CubicMetre, &added, number(2, 0));
    assert!(matches!(refusal(&record), U::Unverified(_)));
    let declared = [Qualifier::Orthogonal(0x3F)];
    let record = wish(Quantity::Volume, Unit::CubicMetre, &declared, number(2, 0));
    assert!(matches!(refusal(&record), U::Unverified(_)));
    for bad in [
        &[Qualifier::Orthogonal(0x7C)][..],
        &[Qualifier::Orthogonal(0x7F)],
        &[Qualifier::Action(0)],
        &[Qualifier::Manufacturer(&[0xFF, 0]), Qualifier::Orthogonal(0x3B)],
        &[Qualifier::Manufacturer(&[0x12])],
        &[Qualifier::Combinable(0x80)],
        &[Qualifier::Orthogonal(0x3B); 11],
    ] {
        let record = wish(Quantity::Volume, Unit::CubicMetre, bad, number(2, 0));
        assert_eq!(refusal(&record), U::BadQualifiers, "{bad:?}");
    }
    assert!(
        build(&wish(Quantity::Volume, Unit::CubicMetre, &[Qualifier::Orthogonal(0x3B); 10], number(2, 0)))
            .is_ok()
    );
    // A voltage has one VIFE already.
    let ten = [Qualifier::Orthogonal(0x3B); 10];
    assert_eq!(refusal(&wish(Quantity::Voltage, Unit::Volt, &ten, number(2, 0))), U::BadQualifiers);
    for register in [
        Register { storage: 1 << 41, ..Register::default() },
        Register { tariff: 1 << 20, ..Register::default() },
        Register { subunit: 1 << 10, ..Register::default() },
        Register { storage: (1 << 41) - 1, is_register: true, ..Register::default() },
    ] {
        let record = RecordBuilder { dib: NewDib::Register(register, None), ..litre(number(1, 0)) };
        assert_eq!(refusal(&record), U::RegisterTooLarge);
    }
    for dib in [&[][..], &[0x84], &[0x04, 0x00]] {
        let record = RecordBuilder { dib: NewDib::Octets(dib), ..litre(number(1, 0)) };
        assert_eq!(refusal(&record), U::NotWhole);
    }
    for vib in [&[][..], &[0x93], &[0x13, 0x13], &[0x7C, 2, 3]] {
        let record = RecordBuilder { vib: NewVib::Octets(vib), ..litre(number(1, 0)) };
        assert_eq!(refusal(&record), U::NotWhole);
    }
    let data = |field, octets| RecordBuilder {
        content: Content::Data(octets),
        ..with_field(litre(Value::None), field)
    };
    assert_eq!(refusal(&data(DataField::INTEGER_16, &[1])), U::NotWhole);
    assert_eq!(refusal(&data(DataField::VARIABLE, &[2, 1])), U::NotWhole);
    assert_eq!(refusal(&data(DataField::VARIABLE, &[])), U::NotWhole);
    let elements = [Element::Manufacturer { more_follow: false, octets: &[1] }, Element::GlobalReadout];
    let error = RecordsBuilder { elements: &elements }.encoded_len().unwrap_err();
    assert_eq!(error.kind, ErrorKind::CannotBuild(U::BehindManufacturer));
    let elements = [Element::Fillers(2), Element::Record(litre(number(1, -9)))];
    let error = RecordsBuilder { elements: &elements }.encoded_len().unwrap_err();
    assert_eq!((error.kind, error.offset), (ErrorKind::CannotBuild(U::ValueDoesNotFit), 2));
}

#[test]
fn extremes_of_every_type_are_written_exactly_or_refused() {
    let mantissas = [i128::MIN, i128::MIN + 1, i128::from(i64::MIN), -1, 0, 1, u64::MAX.into(), i128::MAX];
    let exponents = [i16::MIN, i16::MIN + 1, -128, -39, 0, 39, 127, i16::MAX];
    let fields = || core::iter::once(None).chain((0..16).map(|field| Some(DataField(field))));
    let mut written = 0;
    for row in primary::PRIMARY.iter().chain(&fb::FB).chain(&fd::FD).chain(&fd_fd::FD_FD) {
        for (mantissa, exponent) in mantissas.iter().flat_map(|m| exponents.iter().map(move |e| (*m, *e))) {
            let wished = Decimal::new(mantissa, exponent);
            for field in fields() {
                let record = RecordBuilder {
                    dib: NewDib::Register(Register::default(), field),
                    ..wish(row.quantity, row.unit, &[], Value::Number(wished))
                };
                let Ok(octets) = build(&record) else { continue };
                let read = Records::new(&octets).next().unwrap().unwrap();
                let Value::Number(number) = read.value() else { panic!("{read:?}") };
                assert!(number.cmp_value(&wished).is_eq(), "{wished:?} {octets:02X?}");
                written += 1;
            }
        }
    }
    assert!(written > 5_000, "{written}");
    // Corrections up to the end of a chain: each multiplies by 10^3.
    let ten = [Qualifier::Orthogonal(0x7D); 10];
    let huge = wish(Quantity::Volume, Unit::CubicMetre, &ten, number(7, 31));
    assert_eq!(build(&huge).unwrap(), hex("01 97 FD FD FD FD FD FD FD FD FD 7D 07"));
    let tiny = [Qualifier::Orthogonal(0x70); 10];
    let small = wish(Quantity::Volume, Unit::CubicMetre, &tiny, number(-7, -66));
    let octets = build(&small).unwrap();
    assert_eq!(Records::new(&octets).next().unwrap().unwrap().value(), number(-7, -66));
    // Registers up to their last number, and one beyond.
    for register in [
        Register { storage: (1 << 41) - 1, ..Register::default() },
        Register { tariff: (1 << 20) - 1, ..Register::default() },
        Register { subunit: (1 << 10) - 1, ..Register::default() },
        Register {
            storage: (1 << 41) - 1,
            tariff: (1 << 20) - 1,
            subunit: (1 << 10) - 1,
            ..Register::default()
        },
    ] {
        let octets = build(&RecordBuilder::new(
            register,
            NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[]),
            number(1, 0),
        ))
        .unwrap();
        assert_eq!(Register::of(&Records::new(&octets).next().unwrap().unwrap()), register);
    }
    for register in [
        Register { storage: u64::MAX, ..Register::default() },
        Register { tariff: u32::MAX, ..Register::default() },
        Register { subunit: u16::MAX, ..Register::default() },
    ] {
        let record =
            RecordBuilder::new(register, NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[]), number(1, 0));
        assert_eq!(refusal(&record), Unbuildable::RegisterTooLarge);
    }
}

fn registers() -> impl Strategy<Value = Register> {
    (0u8..4, 0u64..1 << 41, 0u32..1 << 20, 0u16..1 << 10, any::<(u8, u8, u8)>(), any::<bool>()).prop_map(
        |(function, storage, tariff, subunit, (a, b, c), is_register)| Register {
            function: Function::from_dif(function << 4),
            storage: storage >> (a % 42).max(u8::from(is_register) * 4),
            tariff: tariff >> (b % 21).max(u8::from(is_register) * 2),
            subunit: subunit >> (c % 11).max(u8::from(is_register)),
            is_register,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_built_reads_back(
        register in registers(),
        row in prop::sample::select(primary::PRIMARY.iter().chain(&fb::FB).chain(&fd::FD).collect::<Vec<_>>()),
        mantissa in any::<i64>(),
        shift in 0u32..64,
        codes in prop::collection::vec((any::<bool>(), 0u8..0x7F), 0..4),
        field in prop::option::of(0u8..15),
    ) {
        let qualifiers: Vec<_> = codes
            .iter()
            .map(|(extended, code)| if *extended { Qualifier::Combinable(*code) } else { Qualifier::Orthogonal(*code) })
            .collect();
        let value = number((mantissa >> shift).into(), row.exponent.into());
        let record = RecordBuilder {
            dib: NewDib::Register(register, field.map(DataField)),
            ..wish(row.quantity, row.unit, &qualifiers, value)
        };
        if let Ok(octets) = build(&record) {
            let mut records = Records::new(&octets);
            let read = records.next().unwrap().unwrap();
            prop_assert_eq!(Register::of(&read), register);
            prop_assert_eq!((read.quantity(), read.unit()), (row.quantity, row.unit));
            prop_assert_eq!(read.qualifiers().collect::<Vec<_>>(), qualifiers);
            match read.value() {
                Value::Number(n) => prop_assert!(n.cmp_value(&Decimal::new((mantissa >> shift).into(), row.exponent.into())).is_eq()),
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert!(!read.is_marked_invalid());
            prop_assert_eq!(build(&RecordBuilder::from(&read)).unwrap(), octets.clone());
            prop_assert!(records.next().is_none());
        }
    }

    #[test]
    fn every_kind_of_value_reads_back(
        row in prop::sample::select(primary::PRIMARY.iter().chain(&fb::FB).chain(&fd::FD).chain(&fd_fd::FD_FD).collect::<Vec<_>>()),
        kind in 0u8..14,
        octets in prop::collection::vec(any::<u8>(), 0..70),
        moment in any::<[u8; 6]>(),
        mantissa in any::<i128>(),
        shift in 0u32..128,
        field in prop::option::of(0u8..15),
        qualifier in prop::option::of(0u8..0x7F),
    ) {
        let qualifiers: Vec<_> = qualifier.map(Qualifier::Orthogonal).into_iter().collect();
        let [a, b, c, d, ..] = moment;
        let number = Decimal::new(mantissa >> shift, row.exponent.into());
        let digits: Vec<u8> = octets.iter().map(|octet| (octet % 10) | (((octet >> 4) % 10) << 4)).collect();
        let value = match kind {
            0 => Value::None,
            1 => Value::Number(number),
            2 => Value::Real(Real32 { bits: u32::from_le_bytes([a, b, c, d]), exponent: row.exponent.into() }),
            3 => Value::Digits(Digits(&digits)),
            4 => Date::from_type_g([a, b]).map_or(Value::None, Value::Date),
            5 => DateTime::from_type_f([a & 0x3F, b, c, d]).map_or(Value::None, Value::DateTime),
            6 => DateTime::from_type_i(moment).map_or(Value::None, Value::DateTime),
            7 => Time::from_type_j([a, b, c]).map_or(Value::None, Value::Time),
            8 => Value::TimeM(TimeM(&octets)),
            9 => Value::Text(Text(&octets)),
            10 => Value::Bits(Bits(&octets)),
            11 => Value::Octets(&octets),
            _ => Value::Invalid(Invalid::NotAvailable),
        };
        let content = if kind == 13 { Content::VariableBinary(number) } else { Content::Value(value) };
        let record = RecordBuilder {
            dib: NewDib::Register(Register::default(), field.map(DataField)),
            vib: NewVib::Row(row, &qualifiers),
            content,
            ..RecordBuilder::default()
        };
        if let Ok(octets) = build(&record) {
            let mut records = Records::new(&octets);
            // A lone `00 00` is padding and no record without data.
            let Some(read) = records.next() else {
                prop_assert_eq!(octets, [0, 0]);
                return Ok(());
            };
            let read = read.unwrap();
            prop_assert_eq!((read.quantity(), read.encoded_len()), (row.quantity, octets.len()));
            match (content, read.value()) {
                (Content::VariableBinary(wished) | Content::Value(Value::Number(wished)), Value::Number(n)) => {
                    prop_assert!(n.cmp_value(&wished).is_eq());
                }
                (Content::Value(Value::Invalid(Invalid::NotAvailable)), Value::Number(_)) => {
                    prop_assert!(read.is_marked_invalid());
                }
                // A record that reports an error, without data.
                (Content::Value(Value::None), Value::Invalid(Invalid::RecordError(code))) => {
                    prop_assert_eq!(read.record_error(), Some(code));
                }
                (Content::Value(wished), found) => prop_assert_eq!(wished, found),
                (wished, found) => prop_assert!(false, "{wished:?} {found:?}"),
            }
            prop_assert!(records.next().is_none());
            prop_assert_eq!(build(&RecordBuilder::from(&read)).unwrap(), octets);
        }
    }

    #[test]
    fn any_octets_are_rebuilt(octets in prop::collection::vec(any::<u8>(), 0..120), order in 0u8..3) {
        let plain_text = [PlainTextOrder::Standard, PlainTextOrder::Legacy, PlainTextOrder::Auto][usize::from(order)];
        let options = RecordOptions { fillers: true, plain_text, ..RecordOptions::default() };
        let mut records = Records::with_options(&octets, options);
        let elements: Vec<_> = records.by_ref().map_while(Result::ok).map(|record| Element::from(&record)).collect();
        let mut buffer = [0; 256];
        let mut written = RecordsBuilder { elements: &elements }.encode_into(&mut buffer).unwrap().to_vec();
        written.extend_from_slice(records.rest());
        prop_assert_eq!(written, octets);
    }
}
