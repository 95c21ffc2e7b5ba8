//! Records one after the other: what ends a telegram and what does not, and records cut short everywhere. What a single
//! record says is in `disputed`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::ErrorKind;
use mbus_app::record::{Direction, Record, RecordKind, RecordOptions, Records};
use mbus_app::value::Value;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|p| u8::from_str_radix(core::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

fn with<'a>(text: &str, options: RecordOptions) -> Vec<Record<'a>> {
    let octets: &'a [u8] = Box::leak(hex(text).into_boxed_slice());
    Records::with_options(octets, options).map(Result::unwrap).collect()
}

fn all<'a>(text: &str) -> Vec<Record<'a>> {
    with(text, RecordOptions::default())
}

#[test]
fn fillers_are_skipped_or_shown() {
    let fillers = RecordOptions { fillers: true, ..RecordOptions::default() };
    let kinds: Vec<RecordKind> = with("2F 2F 01 13 05 2F", fillers).iter().map(Record::kind).collect();
    assert_eq!(kinds, [RecordKind::Filler, RecordKind::Filler, RecordKind::Data, RecordKind::Filler]);
    assert_eq!(all("2F 2F 01 13 05 2F").len(), 1);
}

#[test]
fn a_bad_value_does_not_end_the_telegram() {
    let records =
        all("0A 03 1B 00  02 6C FF FF  07 6D 0102030405060708  01 93 18 05  05 5B 0000C07F  01 13 05");
    assert_eq!(records.len(), 6);
    assert!(records[..5].iter().all(|record| matches!(record.value(), Value::Invalid(_))));
    assert_eq!(records[5].value().to_string(), "0.005");
}

#[test]
fn every_prefix_of_a_telegram() {
    let text =
        "0C 78 56341200 04 6D 32371F15 84 10 93 3B 05000000 0D FD 11 03 636261 02 7C 02 6162 0500 01 13 05";
    let octets = hex(text);
    let whole: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
    let begins: Vec<usize> = whole.iter().map(Record::offset).chain([octets.len()]).collect();
    for len in 0..octets.len() {
        let mut records = Records::new(&octets[..len]);
        let read = records.by_ref().take_while(Result::is_ok).count();
        assert_eq!(read, begins.iter().filter(|begin| **begin <= len).count() - 1, "{len}");
        let is_boundary = begins.contains(&len);
        let mut again = Records::new(&octets[..len]);
        let error = again.find_map(Result::err);
        assert_eq!(error.is_none(), is_boundary, "{len}");
        if let Some(error) = error {
            assert!(matches!(error.kind, ErrorKind::Truncated { .. }));
            assert!(error.offset <= len);
            assert_eq!(again.rest().len(), len - begins[read], "the bad record is left");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_end(octets in prop::collection::vec(any::<u8>(), 0..300), to_device in any::<bool>(), legacy in any::<bool>()) {
        let options = RecordOptions {
            direction: if to_device { Direction::ToDevice } else { Direction::FromDevice },
            legacy_tables: legacy,
            fillers: true,
            ..RecordOptions::default()
        };
        let mut at = 0;
        let mut records = Records::with_options(&octets, options);
        while let Some(Ok(record)) = records.next() {
            prop_assert_eq!(record.offset(), at);
            prop_assert!(record.encoded_len() > 0);
            at += record.encoded_len();
            // Printing walks every part.
            let _ = format!("{:?} {} {} {:?}", record, record.value(), record.ucum(), record.qualifiers().collect::<Vec<_>>());
            let _ = (record.is_marked_invalid(), record.record_error());
        }
        prop_assert_eq!(records.rest().len(), octets.len() - at);
    }
}
