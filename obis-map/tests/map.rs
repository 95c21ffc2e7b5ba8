//! The whole map of Annex A and B in both directions, and the pairs other programs publish.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "tests")]

use mbus_app::record::builder::{Content, NewDib, NewVib, RecordBuilder};
use mbus_app::record::{DataField, Function, Records};
use mbus_link::DeviceType;
use obis_map::{
    Confidence, Context, Medium, NoCode, ObisCode, Part, RecordKey, Row, Source, StorageNumbers, Tag,
    VIB_TYPES, rows,
};
use std::collections::{BTreeMap, BTreeSet};

fn code(text: &str) -> ObisCode {
    text.parse().unwrap()
}

/// Every context that shows other rows: media with both states of the averaging duration.
fn contexts() -> Vec<Context> {
    let types = [0x00, 0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x0A, 0x0D];
    let mut all: Vec<_> = types.map(|device_type| Context::of(DeviceType(device_type))).into();
    all.push(Context { averaging_duration: true, ..Context::of(DeviceType::GAS) });
    all
}

fn storages(of: StorageNumbers) -> Vec<u8> {
    (0..=255).filter(|n| of.contains((*n).into())).collect()
}

/// The device of a row of the annex.
fn context_of(row: &Row) -> Context {
    let combined =
        row.code.base().a() == 5 && row.tags.iter().any(|tag| tag.name.ends_with('T') || tag.name == "EJ2!");
    let device_type = match row.code.base().a() {
        1 => 0x02,
        4 => 0x08,
        5 if combined => 0x0D,
        5 => 0x0A,
        6 => 0x04,
        7 => 0x03,
        8 => 0x07,
        9 => 0x06,
        _ => 0x0E,
    };
    Context { averaging_duration: row.averaging == Some(true), ..Context::of(DeviceType(device_type)) }
}

#[test]
fn the_annex_is_complete() {
    let mut counts = BTreeMap::new();
    for row in rows().filter(|row| row.is_annex()) {
        *counts.entry(row.code.base().a()).or_insert(0) += 1;
    }
    // 5: 13 lines of cooling and 6 of the combined meter.
    assert_eq!(counts, BTreeMap::from([(0, 9), (1, 59), (4, 6), (5, 19), (6, 13), (7, 26), (8, 8), (9, 8)]));
    let without_tags: Vec<String> =
        rows().filter(|r| r.is_annex() && r.tags.is_empty()).map(|r| r.code.to_string()).collect();
    // Lines whose value is not in a record: from the header, the status or the receiver.
    let expected = [
        "0-0:0.9.1*255",
        "0-0:0.9.2*255",
        "0-0:96.1.1*255",
        "0-0:96.1.2*255",
        "0-0:97.97.0*255",
        "1-0:0.1.2*f",
        "7-0:0.1.2*f",
    ];
    assert_eq!(without_tags, expected);
    assert_eq!(rows().filter(|row| row.is_annex() && !row.tags.is_empty()).count(), 141);
}

#[test]
fn every_row_is_reached_and_maps_back() {
    let (mut reached, mut pairs, mut parsed) = (0, 0, 0);
    for row in rows().filter(|row| row.is_annex() && !row.tags.is_empty()) {
        let context = context_of(row);
        for tag in row.tags.iter().chain(row.also) {
            for line in tag.vib_types {
                for index in 0..line.pattern.count() {
                    let vib = line.pattern.nth(index).unwrap();
                    let last = if row.code.has_tariff() { tag.tariff.1 } else { tag.tariff.0 };
                    for tariff in tag.tariff.0..=last {
                        for storage in storages(tag.storage) {
                            let key = RecordKey {
                                vib: &vib,
                                function: tag.function,
                                storage: storage.into(),
                                tariff: tariff.into(),
                                subunit: 0,
                                register: tag.register,
                            };
                            let mapping =
                                context.lookup(key).unwrap_or_else(|e| panic!("{} {tag}: {e}", row.code));
                            assert_eq!(mapping.confidence(), Confidence::Annex);
                            let [a, b, c, d, e, f] = row.code.base().octets();
                            let e = if row.code.has_tariff() { tariff } else { e };
                            let f = if row.code.has_storage() { storage } else { f };
                            let expected = ObisCode::new(a, b, c, d, e, f);
                            if row.also.contains(tag) {
                                assert_eq!(mapping.also, Some(expected), "{tag}");
                            } else {
                                assert_eq!((mapping.code, mapping.row), (expected, row), "{tag}");
                                assert!(mapping.tag.is_some_and(|t| t.matches(key)));
                            }
                            if index == 0 && (storage < 2 || storage == 124) {
                                let octets = record(key);
                                let mut records = Records::new(&octets);
                                let record = records.next().unwrap().unwrap();
                                assert_eq!(RecordKey::from(&record), key, "{tag} {octets:02X?}");
                                assert_eq!(context.lookup((&record).into()), Ok(mapping));
                                assert!(records.next().is_none());
                                parsed += 1;
                            }
                            pairs += 1;
                        }
                    }
                }
            }
        }
        reached += 1;
    }
    assert_eq!((reached, pairs, parsed), (141, PAIRS, PARSED));
}
/// Records that the annex names, each scaling, tariff and storage number counted.
const PAIRS: usize = 281_709;

/// Those of them that were built and parsed as records.
const PARSED: usize = 1_806;

/// A record of one octet that has this key.
fn record(key: RecordKey<'_>) -> Vec<u8> {
    let low = u8::from(key.storage & 1 == 1) << 6;
    let mut octets = vec![key.function.dif_bits() | low | 1];
    let (mut storage, mut tariff, mut subunit) = (key.storage >> 1, key.tariff, key.subunit);
    while storage > 0 || tariff > 0 || subunit > 0 {
        *octets.last_mut().unwrap() |= 0x80;
        octets.push((subunit as u8 & 1) << 6 | (tariff as u8 & 3) << 4 | (storage as u8 & 15));
        (storage, tariff, subunit) = (storage >> 4, tariff >> 2, subunit >> 1);
    }
    if key.register {
        *octets.last_mut().unwrap() |= 0x80;
        octets.push(0);
    }
    octets.extend_from_slice(key.vib);
    octets.push(7);
    octets
}

#[test]
fn a_telegram_with_the_averaging_duration_is_seen() {
    let octets = [0x02, 0x3B, 1, 0, 0x01, 0x72, 15];
    let context = Context::of_telegram(DeviceType::GAS, Records::new(&octets));
    assert!(context.averaging_duration);
    assert!(!Context::of_telegram(DeviceType::GAS, Records::new(&octets[..4])).averaging_duration);
    let flow = Records::new(&octets).next().unwrap().unwrap();
    assert_eq!(context.lookup((&flow).into()).unwrap().code, code("7-0:43.64.0"));
    assert_eq!(obis_map::lookup(&flow, DeviceType::GAS).unwrap().code, code("7-0:43.16.0"));
}

#[test]
fn every_code_gives_a_record_that_maps_back() {
    let (mut reversed, mut built, mut outside) = (0, 0, 0);
    for row in rows() {
        if row.is_annex() && row.tags.is_empty() {
            continue;
        }
        for context in contexts() {
            for (e, f, b) in [(0, 0, 0), (1, 1, 0), (15, 99, 1), (2, 124, 64)] {
                let [a, _, c, d, e0, f0] = row.code.base().octets();
                let e = if row.code.has_tariff() { e } else { e0 };
                let f = if row.code.has_storage() { f } else { f0 };
                let wanted = ObisCode::new(a, b, c, d, e, f);
                for template in context.records(wanted) {
                    for index in 0..template.vib.count() {
                        let vib = template.vib.nth(index).unwrap();
                        let mapping = context.lookup(template.key(&vib)).unwrap();
                        assert!(
                            mapping.code == wanted || mapping.also == Some(wanted),
                            "{wanted} {template:?}"
                        );
                        reversed += 1;
                    }
                    let vib = template.vib.nth(0).unwrap();
                    let builder = RecordBuilder {
                        dib: NewDib::Register(template.register(), Some(DataField(1))),
                        vib: NewVib::Octets(&vib),
                        content: Content::Data(&[7]),
                        ..RecordBuilder::default()
                    };
                    let mut buffer = [0; 32];
                    let octets = builder.encode_into(&mut buffer).unwrap();
                    let record = Records::new(octets).next().unwrap().unwrap();
                    assert_eq!(RecordKey::from(&record), template.key(&vib), "{wanted}");
                    built += 1;
                }
            }
        }
        let context = context_of(row);
        let [a, b, c, d, e0, f0] = row.code.base().octets();
        let e = if row.code.has_tariff() { 1 } else { e0 };
        let wanted = ObisCode::new(a, b, c, d, e, f0);
        assert!(context.records(wanted).next().is_some() || !row.is_annex(), "{}", row.code);
        outside += usize::from(!row.is_annex());
    }
    assert!(reversed > 10_000 && built > 1_000, "{reversed} {built}");
    assert_eq!(outside, OUTSIDE);
}
/// Rows outside the annex.
const OUTSIDE: usize = 60;

#[test]
fn no_two_rows_answer_the_same_question() {
    let mut vibs: BTreeSet<Vec<u8>> = BTreeSet::new();
    for row in rows() {
        for pattern in row.pattern.iter().flat_map(|p| p.vibs) {
            vibs.extend((0..pattern.count()).map(|index| pattern.nth(index).unwrap().to_vec()));
        }
    }
    for line in VIB_TYPES {
        vibs.extend((0..line.pattern.count()).map(|index| line.pattern.nth(index).unwrap().to_vec()));
    }
    let mut questions = 0;
    for context in contexts() {
        for vib in &vibs {
            for storage in [0u64, 1, 2, 3, 4, 8, 99, 100, 101, 124, 125, 199, 200, 1 << 40] {
                for tariff in [0u32, 1, 2, 15, 16] {
                    for function in [Function::Instantaneous, Function::Maximum, Function::Minimum] {
                        for register in [false, true] {
                            let key = RecordKey { vib, function, storage, tariff, subunit: 0, register };
                            let (mut annex, mut outside) = (0, 0);
                            for row in context.answers(key) {
                                *(if row.is_annex() { &mut annex } else { &mut outside }) += 1;
                            }
                            assert!(annex <= 1 && outside <= 1, "{key:02X?}");
                            questions += annex + outside;
                        }
                    }
                }
            }
        }
    }
    assert!(questions > 5_000, "{questions}");
}

/// Device type, DIB numbers (function, storage, tariff), VIB, code, confidence at least.
type Pair = (u8, (u8, u64, u32), &'static [u8], &'static str);

/// Pairs of a record and a code that independent programs agree on.
const AGREED: &[Pair] = &[
    (0x02, (0, 0, 0), &[0x03], "1-0:1.8.0"),
    (0x02, (0, 0, 0), &[0x83, 0x3B], "1-0:1.8.0"),
    (0x02, (0, 0, 0), &[0x83, 0x3C], "1-0:2.8.0"),
    (0x02, (0, 0, 0), &[0xAB, 0x3B], "1-0:1.7.0"),
    (0x02, (0, 0, 0), &[0xAB, 0x3C], "1-0:2.7.0"),
    (0x02, (0, 0, 0), &[0x2B], "1-0:1.7.0"),
    (0x02, (0, 0, 1), &[0x03], "1-0:1.8.1"),
    (0x02, (0, 0, 2), &[0x03], "1-0:1.8.2"),
    (0x02, (0, 0, 0), &[0xFD, 0x48], "1-0:32.7.0"),
    (0x02, (0, 0, 0), &[0xFD, 0x58], "1-0:31.7.0"),
    (0x04, (0, 0, 0), &[0x06], "6-0:1.0.0"),
    (0x04, (0, 1, 0), &[0x06], "6-0:1.2.0"),
    (0x04, (0, 0, 0), &[0x2D], "6-0:8.0.0"),
    (0x04, (0, 0, 0), &[0x3B], "6-0:9.0.0"),
    (0x04, (0, 0, 0), &[0x5A], "6-0:10.0.0"),
    (0x04, (0, 0, 0), &[0x5E], "6-0:11.0.0"),
    (0x04, (0, 0, 0), &[0x62], "6-0:12.0.0"),
    (0x0C, (0, 0, 0), &[0x06], "6-0:1.0.0"),
    (0x0C, (0, 1, 0), &[0x06], "6-0:1.2.0"),
    (0x0C, (0, 0, 0), &[0x2D], "6-0:8.0.0"),
    (0x0C, (0, 0, 0), &[0x3B], "6-0:9.0.0"),
    (0x0C, (0, 0, 0), &[0x5A], "6-0:10.0.0"),
    (0x0C, (0, 0, 0), &[0x5E], "6-0:11.0.0"),
    (0x0C, (0, 0, 0), &[0x62], "6-0:12.0.0"),
    (0x07, (0, 0, 0), &[0x13], "8-0:1.0.0"),
    (0x07, (0, 1, 0), &[0x13], "8-0:1.2.0"),
    (0x07, (0, 0, 0), &[0x3B], "8-0:2.0.0"),
    (0x0A, (0, 0, 0), &[0x06], "5-0:1.0.0"),
    (0x03, (0, 0, 0), &[0x13], "7-0:3.1.0"),
    (0x04, (0, 0, 0), &[0x32], "6-0:8.0.0"),
    (0x04, (0, 0, 0), &[0x5B], "6-0:10.0.0"),
    (0x04, (0, 0, 0), &[0x5C], "6-0:11.0.0"),
    (0x04, (0, 0, 0), &[0x13], "6-0:2.0.0"),
    (0x08, (0, 0, 0), &[0x6E], "4-0:1.0.0"),
    (0x04, (0, 0, 0), &[0x78], "0-0:96.1.0"),
    (0x07, (0, 0, 0), &[0x6C], "8-0:0.9.2"),
    (0x07, (0, 0, 0), &[0x6D], "8-0:0.9.1"),
];

/// The meter that calls itself a bus component, read as electricity.
const AMIS: &[Pair] = &[
    (0x0E, (0, 0, 0), &[0x03], "1-0:1.8.0"),
    (0x0E, (0, 0, 0), &[0x83, 0x3C], "1-0:2.8.0"),
    (0x0E, (0, 0, 1), &[0xFB, 0x82, 0x73], "1-0:3.8.1"),
    (0x0E, (0, 0, 1), &[0xFB, 0x82, 0xF3, 0x3C], "1-0:4.8.1"),
    (0x0E, (0, 0, 0), &[0x2B], "1-0:1.7.0"),
    (0x0E, (0, 0, 0), &[0xAB, 0x3C], "1-0:2.7.0"),
    (0x0E, (0, 0, 0), &[0xFB, 0x14], "1-0:3.7.0"),
    (0x0E, (0, 0, 0), &[0xFB, 0x94, 0x3C], "1-0:4.7.0"),
    (0x0E, (0, 0, 0), &[0x83, 0xFF, 0x04], "1-0:1.128.0"),
];

fn key<'a>((function, storage, tariff): (u8, u64, u32), vib: &'a [u8]) -> RecordKey<'a> {
    let function = Function::from_dif(function << 4);
    RecordKey { vib, function, storage, tariff, ..RecordKey::default() }
}

#[test]
fn agreeing_pairs_map_as_listed() {
    for (device_type, numbers, vib, expected) in AGREED {
        let mapping = Context::of(DeviceType(*device_type)).lookup(key(*numbers, vib)).unwrap();
        assert_eq!(mapping.code, code(expected), "{device_type:02X} {vib:02X?}");
    }
    for (device_type, numbers, vib, expected) in AMIS {
        let context = Context { medium: Some(Medium::ELECTRICITY), ..Context::of(DeviceType(*device_type)) };
        assert_eq!(context.lookup(key(*numbers, vib)).unwrap().code, code(expected), "{vib:02X?}");
        let plain = Context::of(DeviceType(*device_type));
        assert_eq!(plain.lookup(key(*numbers, vib)), Err(NoCode::MediumWithoutRows(Medium::OTHER)));
    }
    assert_eq!(AGREED.len() + AMIS.len(), 46);
}

#[test]
fn disagreements_are_decided() {
    let electricity = Context::of(DeviceType::ELECTRICITY);
    let heat = Context::of(DeviceType::HEAT_OUTLET);
    // jMBus writes 1.7.6 for the maximum: D and E swapped; the annex has PW1!A at 1.6.0.
    assert_eq!(electricity.lookup(key((1, 0, 0), &[0x2B])).unwrap().code, code("1-0:1.6.0"));
    // jMBus names the volume of a heat meter 8-0:1.0.0; the annex has VM1! at 6-0:2.0.0, both types.
    for device_type in [DeviceType::HEAT_OUTLET, DeviceType::HEAT_INLET] {
        let volume = Context::of(device_type).lookup(key((0, 0, 0), &[0x13])).unwrap();
        assert_eq!((volume.code, volume.is_annex()), (code("6-0:2.0.0"), true));
    }
    // solosTec names energy in joule of any medium x.1.0.0; for electricity no row has joule.
    assert_eq!(electricity.lookup(key((0, 0, 0), &[0x0E])), Err(NoCode::Quantity(Medium::ELECTRICITY)));
    assert_eq!(heat.lookup(key((0, 0, 0), &[0x0E])).unwrap().code, code("6-0:1.0.0"));
    // solosTec has 96.6.1 (charge) for the remaining battery time; 96.6.6 is the remaining time of use.
    let battery = heat.lookup(key((0, 0, 0), &[0xFD, 0x74])).unwrap();
    assert_eq!((battery.code, battery.confidence()), (code("0-0:96.6.6"), Confidence::Low));
    // solosTec names exported power 1.7.0; the annex has PW3! at 2.7.0.
    assert_eq!(electricity.lookup(key((0, 0, 0), &[0xAB, 0x3C])).unwrap().code, code("1-0:2.7.0"));
}

#[test]
fn storage_numbers_stay_beside_the_code() {
    let water = Context::of(DeviceType::WATER);
    for storage in [2u64, 4, 8, 31, 1 << 40] {
        let mapping = water.lookup(key((0, storage, 0), &[0x13])).unwrap();
        assert_eq!((mapping.code, mapping.storage), (code("8-0:1.2.0"), storage));
        assert_eq!((mapping.confidence(), mapping.tag), (Confidence::Low, None));
    }
    let electricity = Context::of(DeviceType::ELECTRICITY);
    let past = electricity.lookup(key((0, 5, 0), &[0x03])).unwrap();
    assert_eq!((past.code, past.storage, past.is_annex()), (code("1-0:1.8.0*255"), 5, false));
    let register = RecordKey { register: true, ..key((0, 5, 1), &[0x03]) };
    let past = electricity.lookup(register).unwrap();
    assert_eq!((past.code, past.is_annex()), (code("1-0:1.8.1*5"), true));
    // Water has no line with register numbers.
    let register = RecordKey { register: true, ..key((0, 5, 0), &[0x13]) };
    assert!(matches!(water.lookup(register), Err(NoCode::Numbers { storage: 5, .. })));
}

#[test]
fn times_of_maxima_share_the_code_of_the_maximum() {
    let electricity = Context::of(DeviceType::ELECTRICITY);
    let time = electricity.lookup(key((1, 0, 3), &[0x6D])).unwrap();
    assert_eq!((time.code, time.part), (code("1-0:1.6.3"), Part::Time));
    assert_eq!(time.to_string(), "1-0:1.6.3*255 (time)");
    let value = electricity.lookup(key((1, 0, 3), &[0x2B])).unwrap();
    assert_eq!(
        (value.code, value.part, value.to_string().as_str()),
        (time.code, Part::Value, "1-0:1.6.3*255")
    );
    let now = electricity.lookup(key((0, 0, 0), &[0x6D])).unwrap();
    assert_eq!((now.code, now.also, now.part), (code("1-0:0.9.1"), Some(code("1-0:0.9.2")), Part::Value));
}

#[test]
fn combined_meters_have_two_media() {
    let combined = Context::of(DeviceType::HEAT_COOLING);
    for (numbers, vib, expected) in [
        ((0, 0, 0), &[0x06][..], "6-0:1.0.0"),
        ((0, 0, 0), &[0x86, 0x3C], "5-0:1.0.0"),
        ((0, 0, 1), &[0x06], "5-0:1.0.0"),
        ((0, 1, 0), &[0x86, 0x3C], "5-0:1.2.0"),
        ((0, 0, 1), &[0x13], "5-0:2.0.0"),
        ((0, 0, 1), &[0x2D], "5-0:8.0.0"),
        ((0, 0, 2), &[0x06], "6-0:1.0.2"),
    ] {
        assert_eq!(combined.lookup(key(numbers, vib)).unwrap().code, code(expected), "{vib:02X?}");
    }
    assert!(Context::of(DeviceType::HEAT_OUTLET).lookup(key((0, 0, 0), &[0x86, 0x3C])).is_err());
}

#[test]
fn gas_flow_depends_on_the_averaging_duration() {
    let gas = Context::of(DeviceType::GAS);
    let told = Context { averaging_duration: true, ..gas };
    for (vib, plain, averaged) in [
        (&[0xBB, 0x3A][..], "7-0:43.15.0", "7-0:43.63.0"),
        (&[0x3B], "7-0:43.16.0", "7-0:43.64.0"),
        (&[0xBB, 0x3E], "7-0:43.17.0", "7-0:43.65.0"),
    ] {
        assert_eq!(gas.lookup(key((0, 0, 0), vib)).unwrap().code, code(plain));
        assert_eq!(told.lookup(key((0, 0, 0), vib)).unwrap().code, code(averaged));
        assert!(gas.records(code(averaged)).next().is_none());
        assert!(told.records(code(averaged)).next().is_some());
    }
}

#[test]
fn refusals_say_why() {
    let dual = Context::of(DeviceType::DUAL_WATER);
    assert_eq!(dual.lookup(key((0, 0, 0), &[0x13])), Err(NoCode::MediumOpen(DeviceType::DUAL_WATER)));
    let cold = Context { medium: Some(Medium::COLD_WATER), ..dual };
    assert_eq!(cold.lookup(key((0, 0, 0), &[0x13])).unwrap().code, code("8-0:1.0.0"));
    let water = Context::of(DeviceType::WATER);
    assert_eq!(water.lookup(key((3, 0, 0), &[0x13])), Err(NoCode::ErrorState));
    assert_eq!(water.lookup(key((0, 0, 0), &[0x06])), Err(NoCode::Quantity(Medium::COLD_WATER)));
    assert_eq!(water.lookup(key((0, 0, 0), &[])), Err(NoCode::Quantity(Medium::COLD_WATER)));
    let maximum =
        NoCode::Numbers { medium: Medium::COLD_WATER, function: Function::Maximum, storage: 0, tariff: 0 };
    assert_eq!(water.lookup(key((1, 0, 0), &[0x13])), Err(maximum));
    let far = RecordKey { subunit: 65, ..key((0, 0, 0), &[0x13]) };
    assert_eq!(water.lookup(far), Err(NoCode::DoesNotFit { subunit: 65, tariff: 0 }));
    let channel = RecordKey { subunit: 2, ..key((0, 0, 0), &[0x13]) };
    assert_eq!(water.lookup(channel).unwrap().code, code("8-2:1.0.0"));
    // Things of the device itself are named whatever the medium.
    for device_type in [0x0E, 0x17, 0x1A, 0x31] {
        let mapping = Context::of(DeviceType(device_type)).lookup(key((0, 0, 0), &[0x78])).unwrap();
        assert_eq!(mapping.code, code("0-0:96.1.0"));
    }
}

#[test]
fn tags_name_records_in_both_directions() {
    let volume = Tag::named("VM1!D").unwrap();
    assert!(volume.matches(key((0, 1, 0), &[0x13])));
    let names: Vec<_> = Tag::of(key((0, 0, 0), &[0x6D])).map(|tag| tag.name).collect();
    assert_eq!(names, ["DT1!", "DT5!"]);
    assert!(Tag::of(key((0, 0, 0), &[0x7F])).next().is_none());
}

#[test]
fn rows_outside_the_annex_say_so() {
    for row in rows() {
        match row.source {
            Source::AnnexA { .. } => {
                assert!(row.pattern.is_none() && row.confidence() == Confidence::Annex);
                assert!(row.also.iter().all(|tag| tag.is_time()));
            }
            Source::Outside { witness, confidence } => {
                assert!(!witness.is_empty() && confidence < Confidence::Annex && row.tags.is_empty());
            }
        }
    }
}
