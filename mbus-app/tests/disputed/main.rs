//! What programs of the field read differently, one named test for each point: how this library decides, and why.
//!
//! [`numbers`]: values that come out wrong elsewhere. [`structure`]: where records and their parts begin and end, and
//! what they are called. [`frames`]: CI fields, commands, compact frames and profiles. [`deviations`]: where this
//! library stands alone, and the clause that it stands on.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod deviations;
mod frames;
mod numbers;
mod structure;

use mbus_app::record::{Direction, PlainTextOrder, Record, RecordOptions, Records};
use mbus_app::value::Value;
use mbus_app::{ErrorKind, Telegram};
use mbus_link::CField;
use mbus_link::wired::{Frame, PrimaryAddress};

const LEGACY: RecordOptions = RecordOptions {
    direction: Direction::FromDevice,
    plain_text: PlainTextOrder::Auto,
    legacy_tables: true,
    fillers: false,
};
const TO_DEVICE: RecordOptions =
    RecordOptions { direction: Direction::ToDevice, legacy_tables: false, ..LEGACY };

/// The octets of a text; they live as long as the test.
fn octets(text: &str) -> &'static [u8] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    Box::leak(digits.chunks(2).map(octet).collect::<Vec<u8>>().into_boxed_slice())
}

fn all(text: &str) -> Vec<Record<'static>> {
    Records::new(octets(text)).map(Result::unwrap).collect()
}

fn with(text: &str, options: RecordOptions) -> Record<'static> {
    let records: Vec<_> = Records::with_options(octets(text), options).map(Result::unwrap).collect();
    assert_eq!(records.len(), 1, "{text}");
    records[0]
}

fn one(text: &str) -> Record<'static> {
    with(text, RecordOptions::default())
}

fn value(text: &str) -> Value<'static> {
    one(text).value()
}

/// Value and unit in one line.
fn shown(text: &str) -> String {
    let record = one(text);
    format!("{} {}", record.value(), record.ucum()).trim_end().to_owned()
}

/// Every text and what it shows.
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(shown(text), *expected, "{text}");
    }
}

/// How many records are read before the walk ends, and the error that ends it.
fn failure(text: &str) -> (usize, ErrorKind, usize) {
    let mut records = Records::new(octets(text));
    let read = records.by_ref().take_while(Result::is_ok).count();
    assert!(records.next().is_none(), "{text}: it is over after an error");
    let error = Records::new(octets(text)).find_map(Result::err).unwrap();
    (read, error.kind, error.offset)
}

/// A wired telegram with this CI and what follows it.
fn wired(ci: u8, behind: &[u8]) -> Vec<u8> {
    let payload = [&[ci], behind].concat();
    let frame = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(1), payload: &payload };
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}

/// A wireless telegram of a made-up water meter, without link CRCs.
fn wireless(ci: u8, behind: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, ci];
    frame.extend_from_slice(behind);
    frame[0] = (frame.len() - 1) as u8;
    frame
}

/// Hands a telegram to `look`.
fn telegram<T>(mut frame: Vec<u8>, look: impl FnOnce(&Telegram<'_>) -> T) -> T {
    look(&Telegram::decode(&mut frame, &oms_security::key::NoKeys).unwrap())
}
