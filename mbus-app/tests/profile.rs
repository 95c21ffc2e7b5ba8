//! Compact profiles: what EN 13757-3 Annex F and OMS Vol. 2 Annex N print, then every mode and spacing.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::date_time::{Date, DateTime, Time};
use mbus_app::decimal::Decimal;
use mbus_app::moment::Moment;
use mbus_app::profile::{
    Entry, IncrementMode, Point, Profile, ProfileBuilder, ProfileFault, ProfileKind, SeriesBuilder, Spacing,
};
use mbus_app::readings::Readings;
use mbus_app::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register, Unbuildable};
use mbus_app::record::{DataField, Direction, Qualifier, Record, Records};
use mbus_app::value::{Invalid, Value};
use mbus_app::vif::{Quantity, Unit};
use mbus_app::{ErrorKind, value::Real32};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|p| u8::from_str_radix(core::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

fn profiles<'a>(octets: &'a [u8]) -> Vec<Profile<'a>> {
    Records::new(octets).filter_map(|record| Profile::of(&record.unwrap()).ok()).collect()
}

fn shown(entries: impl Iterator<Item = Entry<'static>>) -> Vec<String> {
    entries
        .map(|e| {
            let time = e.time.map_or("-".to_owned(), |time| time.to_string());
            format!("{} {} {}", e.storage, time, e.value)
        })
        .collect()
}

fn entries(octets: &[u8]) -> Vec<Vec<String>> {
    let octets: &'static [u8] = Box::leak(octets.to_vec().into_boxed_slice());
    profiles(octets).iter().map(|profile| shown(profile.entries_in(Records::new(octets)))).collect()
}

const FORWARD: &str = "84 04 6D 00 20 41 11  8B 04 15 00 30 12  8D 04 95 1F 05 69 01 03 02 11";
const INVERSE: &str = "84 04 6D 00 23 41 11  8B 04 15 16 30 12  8D 04 95 13 05 69 01 11 02 03";
const REGISTERS: &str = "86 80 81 00 6D 00 00 A0 41 11 35  84 90 81 00 03 F0 49 02 00 \
    8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00";
/// OMS Vol. 2 Annex N, N.3: a water meter's year.
const YEAR: &str = "0C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010\
    420078310010540030180086190064240003410002FD170000";
/// OMS Vol. 2 Annex N, N.13: import and export of an electricity meter every eight seconds.
const TAF7: &str = "0E026099010000000E823C513000000000CD016DE20330CE0103951900000000CD018313304108010305070908060402\
    00000000000000000000000103050709080604020000000000000000000000010305070908CE01833C050300000000CD\
    0183BC133041080000000000000000000001030507090806040200000000000000000000000103050709080604020000\
    0000000000C101740302FD971D0000";

#[test]
fn annex_f() {
    assert_eq!(
        entries(&hex(FORWARD)),
        [["9 2010-01-01T01:00 12300.3", "10 2010-01-01T02:00 12300.5", "11 2010-01-01T03:00 12301.6"]]
    );
    assert_eq!(
        entries(&hex(INVERSE)),
        [["9 2010-01-01T02:00 12300.5", "10 2010-01-01T01:00 12300.3", "11 2010-01-01T00:00 12300.0"]]
    );
    assert_eq!(
        entries(&hex(REGISTERS)),
        [["33 2010-02-01T00:00:00 100000", "34 2010-03-01T00:00:00 130000"]]
    );
}

#[test]
fn annex_n_a_year_of_months() {
    let octets = hex(YEAR);
    let values = [347950, 351889, 355023, 358491, 362701, 365879, 371289, 373119, 375105, 377569, 381672];
    let expected: Vec<String> = (9..)
        .zip(2..)
        .zip(values)
        .map(|((storage, month), litres)| {
            format!("{storage} 2012-{month:02}-01 {}.{:03}", litres / 1000, litres % 1000)
        })
        .collect();
    assert_eq!(entries(&octets), [expected]);
}

#[test]
fn annex_n_taf7() {
    let octets: &'static [u8] = Box::leak(hex(TAF7).into_boxed_slice());
    let import = [
        1994, 1991, 1986, 1979, 1970, 1962, 1956, 1952, 1950, 1950, 1950, 1950, 1950, 1950, 1950, 1950, 1950,
        1950, 1950, 1950, 1949, 1946, 1941, 1934, 1925, 1917, 1911, 1907, 1905, 1905, 1905, 1905, 1905, 1905,
        1905, 1905, 1905, 1905, 1905, 1905, 1904, 1901, 1896, 1889, 1880, 1872,
    ];
    let export = [
        305, 305, 305, 305, 305, 305, 305, 305, 305, 305, 304, 301, 296, 289, 280, 272, 266, 262, 260, 260,
        260, 260, 260, 260, 260, 260, 260, 260, 260, 260, 259, 256, 251, 244, 235, 227, 221, 217, 215, 215,
        215, 215, 215, 215, 215, 215,
    ];
    let all = profiles(octets);
    assert_eq!(all.len(), 2);
    for (profile, values) in all.iter().zip([import, export]) {
        assert_eq!((profile.kind(), profile.spacing()), (ProfileKind::Inverse, Spacing::Seconds(8)));
        let entries: Vec<_> = profile.entries_in(Records::new(octets)).collect();
        assert_eq!(entries.len(), 46);
        for ((entry, value), k) in entries.iter().zip(values).zip(0i64..) {
            assert_eq!(entry.value, Value::Number(Decimal::new(value, 0)));
            assert_eq!((entry.storage, entry.steps), (4 + k.unsigned_abs(), -1 - k));
            assert_eq!(entry.time, None, "the base is three seconds old, its instant unknown");
        }
    }
}

/// Writes the profile of `record` again from its expanded values.
fn rebuilt(record: &Record<'static>, octets: &'static [u8]) -> Vec<u8> {
    let profile = Profile::of(record).unwrap();
    let records = Records::new(octets);
    let base = profile.base_value(records.clone()).map(|base| match base.value() {
        Value::Number(number) => number,
        other => panic!("{other:?}"),
    });
    let values: Vec<_> = profile
        .entries_in(records)
        .map(|entry| match entry.value {
            Value::Number(number) => Some(number),
            _ => None,
        })
        .collect();
    let builder = ProfileBuilder {
        kind: profile.kind(),
        mode: profile.mode(),
        spacing: profile.spacing(),
        element: profile.element_field(),
        exponent: record.vib().row().exponent.into(),
        base,
        values: &values,
    };
    let mut buffer = [0; 200];
    let needed = builder.encoded_len();
    for size in 0..needed {
        let error = builder.encode_into(&mut buffer[..size]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
    }
    let payload = builder.encode_into(&mut buffer).unwrap().to_vec();
    let qualifiers: Vec<Qualifier<'_>> = record.qualifiers().collect();
    let mut out = [0; 300];
    let new = RecordBuilder {
        dib: NewDib::Register(Register::of(record), None),
        vib: NewVib::Row(record.vib().row(), &qualifiers),
        content: Content::Value(Value::Octets(&payload)),
        direction: Direction::FromDevice,
        action: None,
    };
    new.encode_into(&mut out).unwrap().to_vec()
}

#[test]
fn printed_profiles_are_rebuilt_from_their_series() {
    let mut count = 0;
    for text in [FORWARD, INVERSE, REGISTERS, YEAR, TAF7] {
        let octets: &'static [u8] = Box::leak(hex(text).into_boxed_slice());
        for record in Records::new(octets).map(Result::unwrap) {
            if Profile::of(&record).is_err() {
                continue;
            }
            let begin = record.offset();
            assert_eq!(rebuilt(&record, octets), &octets[begin..begin + record.encoded_len()]);
            count += 1;
        }
    }
    assert_eq!(count, 6);
}

/// A profile of energy in Wh, storage 0, from `control`, `value` and `elements`.
fn profile_of(vife: u8, control: u8, value: u8, elements: &[u8]) -> Record<'static> {
    let mut octets = vec![0x0D, 0x83, vife, (elements.len() + 2) as u8, control, value];
    octets.extend_from_slice(elements);
    let octets: &'static [u8] = Box::leak(octets.into_boxed_slice());
    Records::new(octets).next().unwrap().unwrap()
}

fn values(record: &Record<'static>, base: Option<i128>) -> Vec<Value<'static>> {
    let profile = Profile::of(record).unwrap();
    profile.entries(base.map(|base| Decimal::new(base, 0)), None).map(|entry| entry.value).collect()
}

fn number(n: i128) -> Value<'static> {
    Value::Number(Decimal::new(n, 0))
}

#[test]
fn every_mode_in_both_directions() {
    let unknown = Value::Invalid(Invalid::BaseUnknown);
    for (vife, control, elements, expected) in [
        (0x1F, 0x01, [5, 0xFB, 7], [5, -5, 7]),
        (0x13, 0x01, [5, 0xFB, 7], [5, -5, 7]),
        (0x1F, 0x41, [5, 0xFB, 7], [105, 356, 363]),
        (0x13, 0x41, [5, 0xFB, 7], [95, -156, -163]),
        (0x1F, 0x81, [5, 0xFB, 7], [95, -156, -163]),
        (0x13, 0x81, [5, 0xFB, 7], [105, 356, 363]),
        (0x1F, 0xC1, [5, 0xFB, 7], [105, 100, 107]),
        (0x13, 0xC1, [5, 0xFB, 7], [95, 100, 93]),
        (0x1E, 0xC9, [0x05, 0xF5, 0x07], [105, 100, 107]),
    ] {
        let record = profile_of(vife, control, 1, &elements);
        assert_eq!(values(&record, Some(100)), expected.map(number), "{vife:02X} {control:02X}");
        // Without a base only absolute values are known.
        let without = values(&record, None);
        if control & 0xC0 == 0 {
            assert_eq!(without, expected.map(number));
        } else {
            assert_eq!(without, [unknown; 3]);
        }
    }
}

#[test]
fn invalid_elements() {
    let unknown = Value::Invalid(Invalid::BaseUnknown);
    let absent = Value::Invalid(Invalid::NotAvailable);
    let error = Value::Invalid(Invalid::ErrorDigits);
    for (control, element, reason) in [
        (0x01, 0x80, absent),
        (0x09, 0xFF, absent),
        (0x09, 0xC1, error),
        (0x41, 0xFF, absent),
        (0x81, 0xFF, absent),
        (0xC1, 0x80, absent),
        (0x49, 0xFF, absent),
        (0x49, 0xF5, error),
        (0xC9, 0xA0, error),
    ] {
        let record = profile_of(0x1F, control, 1, &[1, element, 2]);
        let read = values(&record, Some(10));
        assert_eq!(read[1], reason, "{control:02X} {element:02X}");
        // Absolute values stand alone, differences have lost their base.
        assert_eq!(read[2], if control & 0xC0 == 0 { number(2) } else { unknown });
    }
    // 0xFF is a number where the smallest signed number is the mark, and the other way round.
    assert_eq!(values(&profile_of(0x1F, 0xC1, 1, &[0xFF]), Some(10)), [number(9)]);
    assert_eq!(values(&profile_of(0x1F, 0x41, 1, &[0x80]), Some(10)), [number(138)]);
    // Real elements are read when absolute; their differences have no rule.
    let real = profile_of(0x1F, 0x05, 1, &1.5f32.to_le_bytes());
    assert_eq!(values(&real, None), [Value::Real(Real32 { bits: 1.5f32.to_bits(), exponent: 0 })]);
    let real = profile_of(0x1F, 0x45, 1, &1.5f32.to_le_bytes());
    assert_eq!(values(&real, Some(0)), [Value::Invalid(Invalid::WrongDataField)]);
}

#[test]
fn impossible_profiles() {
    for field in [0x0, 0x8, 0xD, 0xF] {
        let record = profile_of(0x1F, field, 1, &[1, 2, 3]);
        assert_eq!(Profile::of(&record).unwrap_err(), ProfileFault::ElementSize(field));
    }
    for octets in ["04 83 1F 01 02 03 04", "0D 83 1F 00", "0D 83 1F 01 41", "0D 83 1F E2 41 01"] {
        let octets = hex(octets);
        let record = Records::new(&octets).next().unwrap().unwrap();
        assert_eq!(Profile::of(&record).unwrap_err(), ProfileFault::NotVariable);
    }
    let octets = hex("0D 03 02 41 01");
    let record = Records::new(&octets).next().unwrap().unwrap();
    assert_eq!(Profile::of(&record).unwrap_err(), ProfileFault::NotAProfile);
    // Half an element at the end is no element.
    let record = profile_of(0x1F, 0x42, 1, &[1, 0, 2]);
    let profile = Profile::of(&record).unwrap();
    assert_eq!((profile.len(), profile.is_empty(), profile.rest()), (1, false, &[2][..]));
    // A record error leaves nothing to read.
    let octets = hex("0D 83 9F 18 03 41 01 05");
    let record = Records::new(Box::leak(octets.into_boxed_slice())).next().unwrap().unwrap();
    assert_eq!(values(&record, Some(1)), [Value::Invalid(Invalid::RecordError(0x18))]);
}

#[test]
fn every_spacing_code() {
    let base = Moment::DateTime(DateTime {
        date: Date::new(2024, 1, 31).unwrap(),
        time: Time { hour: Some(23), minute: Some(30), second: None },
        ..DateTime::default()
    });
    for unit in 0..4u8 {
        for value in 0..=255u8 {
            let spacing = Spacing::from_codes(unit, value);
            assert_eq!(spacing.codes(), Some((unit, value)));
            let timed = !matches!(spacing, Spacing::Column(_) | Spacing::Reserved(..) | Spacing::HalfMonth);
            assert_eq!(spacing.at(base, 1).is_some(), timed, "{spacing:?}");
            assert_eq!(spacing.at(base, -1).is_some(), timed, "{spacing:?}");
            // Seconds, minutes and hours from a day without a time are nothing.
            let day = Moment::Date(base.date());
            let by_day =
                timed && !matches!(spacing, Spacing::Seconds(_) | Spacing::Minutes(_) | Spacing::Hours(_));
            assert_eq!(spacing.at(day, 1).is_some(), by_day);
        }
    }
    let at = |unit, value, steps| Spacing::from_codes(unit, value).at(base, steps).unwrap().to_string();
    assert_eq!(at(0, 8, 1), "2024-01-31T23:30:08");
    assert_eq!(at(1, 15, 2), "2024-02-01T00:00");
    assert_eq!(at(2, 1, -24), "2024-01-30T23:30");
    assert_eq!(at(3, 1, 30), "2024-03-01T23:30");
    assert_eq!(at(3, 254, 1), "2024-02-29T23:30");
    assert_eq!(at(3, 254, 2), "2024-03-31T23:30", "clamped days come back");
    assert_eq!(at(2, 254, 1), "2024-04-30T23:30");
    assert_eq!(at(1, 254, -1), "2023-07-31T23:30");
    let half = |day, steps| {
        let base = Moment::Date(Date::new(2024, 1, day).unwrap());
        Spacing::HalfMonth.at(base, steps).map(|moment| moment.to_string())
    };
    assert_eq!(half(1, 1).as_deref(), Some("2024-01-16"));
    assert_eq!(half(1, 2).as_deref(), Some("2024-02-01"));
    assert_eq!(half(16, 1).as_deref(), Some("2024-02-01"));
    assert_eq!(half(16, -1).as_deref(), Some("2024-01-01"));
    assert_eq!(half(1, -1).as_deref(), Some("2023-12-16"));
    assert_eq!(half(5, 1), None);
}

#[test]
fn what_a_builder_refuses() {
    let good = ProfileBuilder {
        kind: ProfileKind::Compact,
        mode: IncrementMode::Increments,
        spacing: Spacing::Hours(1),
        element: DataField::INTEGER_8,
        exponent: 0,
        base: Some(Decimal::new(100, 0)),
        values: &[Some(Decimal::new(105, 0)), None, None],
    };
    let mut buffer = [0; 300];
    assert_eq!(good.encode_into(&mut buffer).unwrap(), hex("61 01 05 FF FF"));
    let mut refused = |builder: ProfileBuilder<'_>| match builder.encode_into(&mut buffer).unwrap_err().kind {
        ErrorKind::CannotBuild(reason) => reason,
        other => panic!("{other:?}"),
    };
    let n = |n| Some(Decimal::new(n, 0));
    use Unbuildable as U;
    assert_eq!(refused(ProfileBuilder { values: &[n(99)], ..good }), U::ValueDoesNotFit, "it falls");
    assert_eq!(refused(ProfileBuilder { values: &[n(355)], ..good }), U::ValueDoesNotFit, "the mark");
    assert_eq!(refused(ProfileBuilder { values: &[None, n(101)], ..good }), U::ValueDoesNotFit);
    assert_eq!(refused(ProfileBuilder { base: None, ..good }), U::ValueDoesNotFit);
    assert_eq!(refused(ProfileBuilder { exponent: 1, ..good }), U::ValueDoesNotFit, "digits would be lost");
    assert_eq!(refused(ProfileBuilder { element: DataField::REAL_32, ..good }), U::WrongKind);
    assert_eq!(refused(ProfileBuilder { element: DataField::VARIABLE, ..good }), U::WrongKind);
    assert_eq!(refused(ProfileBuilder { spacing: Spacing::Hours(0), ..good }), U::ValueDoesNotFit);
    assert_eq!(refused(ProfileBuilder { spacing: Spacing::Months(2), ..good }), U::ValueDoesNotFit);
    assert!(matches!(refused(ProfileBuilder { spacing: Spacing::HalfMonth, ..good }), U::Unverified(_)));
    assert!(matches!(
        refused(ProfileBuilder { spacing: Spacing::Reserved(0, 251), ..good }),
        U::Unverified(_)
    ));
    assert_eq!(refused(ProfileBuilder { values: &[None; 190], ..good }), U::TooLong);
    let bcd = ProfileBuilder { element: DataField::BCD_2, mode: IncrementMode::Differences, ..good };
    assert_eq!(refused(ProfileBuilder { values: &[n(200)], ..bcd }), U::ValueDoesNotFit);
    assert_eq!(
        refused(ProfileBuilder { values: &[n(90)], ..bcd }),
        U::ValueDoesNotFit,
        "no place for the sign"
    );
    assert!(ProfileBuilder { values: &[n(91)], ..bcd }.encode_into(&mut buffer).is_ok());
}

/// The points that the readings of records with one profile tell, the base first.
fn points(octets: &[u8]) -> Vec<Point> {
    let profile = profiles(octets)[0];
    let base = profile.base_value(Records::new(octets)).unwrap();
    Readings::new(Records::new(octets))
        .filter(|reading| reading.record.offset() == base.offset() || Profile::of(&reading.record).is_ok())
        .map(|reading| Point {
            time: reading.time.unwrap(),
            value: match reading.value {
                Value::Number(number) => Some(number),
                _ => None,
            },
        })
        .collect()
}

#[test]
fn printed_profiles_are_built_from_series() {
    // Annex F, the three of them, and the middle of N.3; the base value is BCD in some.
    let year = hex(YEAR);
    for (octets, base) in [
        (hex(FORWARD), Some(DataField::BCD_6)),
        (hex(INVERSE), Some(DataField::BCD_6)),
        (hex(REGISTERS), Some(DataField::INTEGER_32)),
        (year[16..year.len() - 5].to_vec(), Some(DataField::BCD_8)),
    ] {
        let series = points(&octets);
        let profile = profiles(&octets)[0];
        let record = profile.record();
        let builder = SeriesBuilder {
            register: Register::of(record),
            quantity: record.quantity(),
            unit: record.unit(),
            qualifiers: &[],
            kind: profile.kind(),
            mode: profile.mode(),
            base,
            element: profile.element_field(),
            points: &series,
        };
        let len = octets.len();
        assert_eq!(builder.encoded_len(), Ok(len));
        let mut buffer = [0; 100];
        for size in 0..len {
            let error = builder.encode_into(&mut buffer[..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: len, available: size });
        }
        assert_eq!(builder.encode_into(&mut buffer[..len]).unwrap(), octets);
    }
}

fn minute(day: u8, hour: u8, minute: u8) -> Moment {
    Moment::DateTime(DateTime {
        date: Date::new(2024, 1, day).unwrap(),
        time: Time { hour: Some(hour), minute: Some(minute), second: None },
        ..DateTime::default()
    })
}

#[test]
fn a_spacing_is_found_or_the_series_is_refused() {
    let day = |month, day| Moment::Date(Date::new(2024, month, day).unwrap());
    let between = |moments: &[Moment]| Spacing::between(moments.iter().copied());
    for (moments, expected) in [
        (vec![day(1, 31), day(2, 29), day(3, 31)], Some(Spacing::Months(1))),
        (vec![day(1, 1), day(4, 1), day(7, 1)], Some(Spacing::Months(3))),
        (vec![day(7, 1), day(1, 1)], Some(Spacing::Months(6))),
        (vec![day(1, 1), day(2, 1), day(3, 3)], Some(Spacing::Days(31))),
        (vec![day(1, 1), day(3, 1)], Some(Spacing::Days(60))),
        (vec![minute(1, 0, 0), minute(2, 0, 0), minute(3, 0, 0)], Some(Spacing::Days(1))),
        (vec![minute(3, 5, 0), minute(2, 0, 0)], Some(Spacing::Hours(29))),
        (vec![minute(1, 23, 45), minute(2, 0, 0)], Some(Spacing::Minutes(15))),
        (vec![minute(1, 0, 0), minute(1, 0, 0).plus_seconds(8).unwrap()], Some(Spacing::Seconds(8))),
        (vec![day(1, 1)], None),
        (vec![day(1, 1), day(1, 1)], None),
        (vec![day(1, 1), day(1, 2), day(1, 4)], None),
        (vec![day(1, 1), day(1, 2), day(1, 1)], None),
        (vec![day(1, 1), minute(2, 0, 0)], None),
        (vec![minute(1, 0, 0), minute(1, 4, 11)], None), // 251 minutes
        (vec![day(1, 1), Moment::Date(Date::new(2025, 1, 1).unwrap())], None), // 366 days
        (vec![], None),
    ] {
        assert_eq!(between(&moments), expected, "{moments:?}");
    }
    let n = |n| Some(Decimal::new(n, 0));
    let up = [
        Point { time: minute(1, 0, 0), value: n(5) },
        Point { time: minute(1, 0, 15), value: n(7) },
        Point { time: minute(1, 0, 30), value: n(7) },
    ];
    let good = SeriesBuilder {
        register: Register { storage: 3, ..Register::default() },
        quantity: Quantity::Energy,
        unit: Unit::WattHour,
        qualifiers: &[],
        kind: ProfileKind::Compact,
        mode: IncrementMode::Increments,
        base: None,
        element: DataField::INTEGER_8,
        points: &up,
    };
    let refused = |series: SeriesBuilder<'_>| match series.encode_into(&mut [0; 99]).unwrap_err().kind {
        ErrorKind::CannotBuild(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert!(good.encode_into(&mut [0; 99]).is_ok());
    use Unbuildable as U;
    assert_eq!(
        refused(SeriesBuilder { kind: ProfileKind::Inverse, ..good }),
        U::UnevenSteps,
        "it runs forward"
    );
    assert_eq!(refused(SeriesBuilder { points: &up[..1], ..good }), U::UnevenSteps);
    assert_eq!(refused(SeriesBuilder { points: &[], ..good }), U::UnevenSteps);
    assert_eq!(refused(SeriesBuilder { points: &[up[0], up[2], up[1]], ..good }), U::UnevenSteps);
    assert_eq!(refused(SeriesBuilder { unit: Unit::Celsius, ..good }), U::NoVif);
    assert_eq!(refused(SeriesBuilder { mode: IncrementMode::Decrements, ..good }), U::ValueDoesNotFit);
    let lost = [Point { value: None, ..up[0] }, up[1]];
    assert_eq!(refused(SeriesBuilder { points: &lost, ..good }), U::ValueDoesNotFit, "no base");
    let many: Vec<Point> = (0..200)
        .map(|k| Point { time: minute(1, 0, 0).plus_seconds(k).unwrap(), value: n(k.into()) })
        .collect();
    assert_eq!(refused(SeriesBuilder { points: &many, ..good }), U::TooLong);
    let eleven = [Qualifier::Orthogonal(0x3B); 10];
    assert_eq!(refused(SeriesBuilder { qualifiers: &eleven, ..good }), U::BadQualifiers);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_series_is_written_and_read(
        kind in prop::sample::select(vec![ProfileKind::Compact, ProfileKind::WithRegisters, ProfileKind::Inverse]),
        mode in prop::sample::select(vec![
            IncrementMode::Absolute, IncrementMode::Increments, IncrementMode::Decrements, IncrementMode::Differences,
        ]),
        element in prop::sample::select(vec![1u8, 2, 3, 4, 6, 7, 9, 10, 11, 12, 14]),
        base in -100_000i128..100_000,
        values in prop::collection::vec(prop::option::weighted(0.9, -100_000i128..100_000), 0..20),
    ) {
        let values: Vec<_> = values.into_iter().map(|v| v.map(|v| Decimal::new(v, 0))).collect();
        let builder = ProfileBuilder {
            kind, mode, spacing: Spacing::Minutes(15), element: DataField(element), exponent: 0,
            base: Some(Decimal::new(base, 0)), values: &values,
        };
        let mut buffer = [0; 200];
        if let Ok(payload) = builder.encode_into(&mut buffer) {
            let mut octets = [0; 220];
            let record = RecordBuilder {
                dib: NewDib::Register(Register::default(), None),
                vib: NewVib::Of(Quantity::Energy, Unit::WattHour, &[kind.qualifier()]),
                content: Content::Value(Value::Octets(payload)),
                direction: Direction::FromDevice,
                action: None,
            };
            // Octets go with every exponent: the first row is mWh.
            let octets = record.encode_into(&mut octets).unwrap();
            let read = Records::new(octets).next().unwrap().unwrap();
            let profile = Profile::of(&read).unwrap();
            let base = read.vib().row().exponent;
            let scaled = Decimal::new(builder.base.unwrap().mantissa, base.into());
            let back: Vec<_> = profile.entries(Some(scaled), None).map(|entry| match entry.value {
                Value::Number(number) => Some(Decimal::new(number.mantissa, 0)),
                _ => None,
            }).collect();
            prop_assert_eq!(back, values);
        }
    }

    /// Any series of any spacing, with a factor among the qualifiers: the readings of what is built are the series.
    #[test]
    fn a_series_with_times_is_written_and_read(
        kind in prop::sample::select(vec![ProfileKind::Compact, ProfileKind::WithRegisters, ProfileKind::Inverse]),
        absolute: bool,
        (unit, value) in (0u8..4, 1u8..=250).prop_map(|(unit, n)| if n > 240 { (1 + unit % 3, 254) } else { (unit, n) }),
        storage in 0u64..1000,
        tariff in 0u32..4,
        exponent in -3i16..3,
        scaled: bool,
        values in prop::collection::vec(0i128..1_000_000, 2..20),
        start in 1u8..=31,
    ) {
        let spacing = Spacing::from_codes(unit, value);
        let base = minute(start, 6, 30);
        let back = kind == ProfileKind::Inverse;
        // From mWh on; the factor shifts all lines of the table.
        let exponent = if scaled { exponent + 3 } else { exponent };
        let points: Vec<Point> = values.iter().zip(0i64..).map(|(value, n)| Point {
            time: spacing.at(base, if back { -n } else { n }).unwrap(),
            value: Some(Decimal::new(*value, exponent)),
        }).collect();
        let times_thousand = [Qualifier::Orthogonal(0x7D)];
        let series = SeriesBuilder {
            register: Register { storage, tariff, is_register: kind == ProfileKind::WithRegisters, ..Register::default() },
            quantity: Quantity::Energy,
            unit: Unit::WattHour,
            qualifiers: if scaled { &times_thousand } else { &[] },
            kind,
            mode: if absolute { IncrementMode::Absolute } else { IncrementMode::Differences },
            base: None,
            element: DataField::INTEGER_32,
            points: &points,
        };
        let mut buffer = [0; 300];
        let octets = series.encode_into(&mut buffer).unwrap();
        let readings: Vec<_> = Readings::new(Records::new(octets)).collect();
        prop_assert_eq!(readings.len(), points.len());
        for ((reading, point), n) in readings.iter().zip(&points).zip(0u64..) {
            prop_assert_eq!(reading.storage, storage + n);
            prop_assert!(reading.time.unwrap().is_same(point.time));
            let Value::Number(number) = reading.value else { panic!("{:?}", reading.value) };
            prop_assert_eq!(number.cmp_value(&point.value.unwrap()), core::cmp::Ordering::Equal);
        }
    }
}
