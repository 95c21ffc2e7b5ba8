//! Hostile formats and profiles: lists, compact data and records from the same octets. Whatever comes out was there:
//! lengths are bounded, unproven records are flagged, what is built from the output reads back.
#![no_main]

use std::collections::BTreeSet;
use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use mbus_app::ErrorKind;
use mbus_app::frame::compact::{compact_into, headers_into, signature};
use mbus_app::frame::store::{Formats, StoredFormat, import};
use mbus_app::frame::{BoundedFormats, CompactFrame, FormatFrame, FormatKey, FormatStore};
use mbus_app::moment::Moment;
use mbus_app::profile::{Point, Profile, SeriesBuilder, Spacing};
use mbus_app::readings::Readings;
use mbus_app::record::builder::Register;
use mbus_app::record::{DataField, Records};
use mbus_app::value::Value;

/// The octets cut in two by the first one.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((at, rest)) = data.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(*at).min(rest.len()))
}

fn expand(headers: &[u8], body: &[u8]) {
    let Ok(frame) = CompactFrame::parse(body) else { return };
    let mut buffer = [0; 700];
    if let Ok(expanded) = frame.expand_unchecked(headers, &mut buffer) {
        assert!(expanded.records.len() <= headers.len() + frame.data.len());
        assert_eq!(expanded.is_proven, expanded.crc == frame.full_frame_crc);
    }
    // The signature made to fit, as a colliding one would: only proven records come out of a store.
    let frame = CompactFrame { signature: signature(headers), ..frame };
    let key = FormatKey { signature: frame.signature, ..FormatKey::default() };
    let mut store = (BoundedFormats::<2, 64>::new(), Formats::with_limit(2));
    let _ = store.0.learn(&key, headers);
    let _ = store.1.learn(&key, headers);
    match frame.expand_with(&mut store, &key, &mut buffer) {
        Ok(expanded) => {
            assert!(expanded.is_proven);
            assert_eq!(wmbus_phy::crc::checksum(expanded.records), frame.full_frame_crc);
        }
        Err(error) => assert!(
            error.offset <= frame.data.len() + 4 || matches!(error.kind, ErrorKind::BufferTooSmall { .. })
        ),
    }
    let _ = frame.expand_unproven_with(&mut store, &key, &mut buffer);
}

fn compact(records: &[u8]) {
    let (mut headers, mut body, mut out) = ([0; 700], [0; 700], [0; 700]);
    let (Ok(headers), Ok(body)) = (headers_into(records, &mut headers), compact_into(records, &mut body))
    else {
        return;
    };
    let frame = CompactFrame::parse(body).expect("four octets at least");
    let expanded = frame.expand_into(headers, &mut out).expect("what was made compact is rebuilt");
    let kept: Vec<u8> = Records::new(records)
        .flatten()
        .flat_map(|record| [record.dib().octets(), record.vib().octets(), record.data()].concat())
        .collect();
    assert_eq!(expanded.records, kept);
}

fn stores(text: &str) {
    let mut bounded = BoundedFormats::<4, 32>::new();
    let told = import(&mut bounded, text);
    assert!(bounded.export().count() <= 4.min(told.learned));
    let line = bounded.to_string();
    let mut again = BoundedFormats::<4, 32>::new();
    assert_eq!(import(&mut again, &line).refused, 0);
    assert_eq!(again.to_string(), line);
    let _ = text.parse::<StoredFormat<16>>();
}

fn profiles(octets: &[u8]) {
    let mut out = String::new();
    let records = Records::new(octets);
    for record in records.clone().flatten() {
        let Ok(profile) = Profile::of(&record) else { continue };
        let entries: Vec<_> = profile.entries_in(records.clone()).collect();
        assert_eq!(entries.len(), profile.len());
        assert!(
            profile.len() * profile.element_field().data_len().unwrap_or(0) + profile.rest().len() + 3
                == record.data().len()
        );
        for entry in &entries {
            let _ = write!(
                out,
                "{} {} {:?} {}",
                entry.storage,
                entry.steps,
                entry.time.map(|t| t.to_string()),
                entry.value
            );
            if matches!(profile.spacing(), Spacing::Column(_) | Spacing::Reserved(..)) {
                assert!(entry.time.is_none(), "a time out of nothing");
            }
        }
        rebuild(&profile, &records);
    }
    let readings: Vec<_> = Readings::new(records.clone()).collect();
    let days: BTreeSet<String> =
        readings.iter().filter_map(|r| r.time).map(|t| t.date().to_string()).collect();
    assert!(days.len() <= readings.len());
    if let Some(time) = readings.iter().find_map(|reading| reading.time) {
        assert!(Readings::new(records).on(time.date()).count() >= 1);
    }
}

/// A series with all its values and times is written again, and reads as the same.
fn rebuild(profile: &Profile<'_>, records: &Records<'_>) {
    let number = |value: &Value<'_>| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    };
    let Some(base) = profile.base_value(records.clone()) else { return };
    let Some(time) = profile.base_time(records.clone()) else { return };
    let mut points = vec![Point { time, value: number(&base.value()) }];
    for entry in profile.entries_in(records.clone()) {
        let Some(time) = entry.time else { return };
        points.push(Point { time, value: number(&entry.value) });
    }
    let record = profile.record();
    let series = SeriesBuilder {
        register: Register::of(record),
        quantity: record.quantity(),
        unit: record.unit(),
        qualifiers: &[],
        kind: profile.kind(),
        mode: profile.mode(),
        base: None,
        element: DataField::INTEGER_64,
        points: &points,
    };
    let mut buffer = [0; 400];
    let Ok(octets) = series.encode_into(&mut buffer) else { return };
    let built: Vec<_> = Readings::new(Records::new(octets)).collect();
    assert_eq!(built.len(), points.len());
    for (reading, point) in built.iter().zip(&points) {
        assert!(reading.time.is_some_and(|time: Moment| time.is_same(point.time)));
        match (number(&reading.value), point.value) {
            (Some(found), Some(wanted)) => assert!(found.cmp_value(&wanted).is_eq()),
            (found, wanted) => assert_eq!(found, wanted),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (first, second) = cut(data);
    expand(first, second);
    if let Ok((format, _)) = FormatFrame::parse_prefix(data) {
        expand(format.headers, second);
        let mut buffer = [0; 300];
        let body = format.encode_into(&mut buffer).expect("what was read is written");
        assert_eq!(FormatFrame::parse_prefix(body).map(|(again, _)| again), Ok(format));
    }
    compact(data);
    if let Ok(text) = std::str::from_utf8(data) {
        stores(text);
    }
    profiles(data);
});
