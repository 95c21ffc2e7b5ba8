//! Prints any octets as a telegram, in every form, with and without a key: the printer walks every layer.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use mbus_app::record::{Direction, PlainTextOrder, RecordOptions, Records};
use mbus_app::telegram::builder::{NewFrame, TelegramBuilder};
use mbus_app::value::Value;
use mbus_app::{Input, Telegram};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

fn print(telegram: &Telegram<'_>, out: &mut String) {
    let _ = write!(out, "{:?} {:?} {:?}", telegram.link(), telegram.ell(), telegram.afl());
    let _ = write!(out, "{:?} {:?} {:?}", telegram.tpl(), telegram.state(), telegram.meter());
    telegram.layers().for_each(|ci| {
        let _ = write!(out, "{ci} {}", ci.name());
    });
    print_records(telegram.records(), telegram.body().len(), out);
    rebuild(telegram, out);
}

/// What was read can be built or is refused; what is built in clear reads back as it was built.
fn rebuild(telegram: &Telegram<'_>, out: &mut String) {
    let Some(builder) = TelegramBuilder::of(telegram) else { return };
    let _ = write!(out, "{builder:?}");
    let mut buffer = [0; 600];
    match builder.encode_into(&mut buffer) {
        Ok(octets) => {
            assert_eq!(builder.encoded_len().ok(), Some(octets.len()));
            let input = if matches!(builder.frame, NewFrame::Wireless { .. }) {
                Input::Stripped
            } else {
                Input::Wired
            };
            let sent = octets.to_vec();
            let again = Telegram::decode_lax(octets, input, &NoKeys);
            let Some(again) = TelegramBuilder::of(&again.telegram) else { return };
            let mut buffer = [0; 600];
            if let Ok(octets) = again.encode_into(&mut buffer) {
                assert_eq!(octets, sent);
            }
        }
        Err(error) => {
            let _ = write!(out, "{error}");
        }
    }
}

fn print_records(mut records: Records<'_>, octets: usize, out: &mut String) {
    let mut steps = 0;
    let mut consumed = 0;
    while let Some(record) = records.next() {
        steps += 1;
        assert!(steps <= octets, "a step that consumes nothing");
        match record {
            Ok(record) => {
                assert!(record.offset() >= consumed, "records overlap");
                consumed = record.offset() + record.encoded_len();
                assert!(consumed <= octets, "a record ends behind the octets");
                let value = record.value();
                let _ = write!(out, "{} {} {value} {}", record.function(), record.quantity(), record.ucum());
                let _ = write!(out, "{}.{}.{}", record.storage(), record.tariff(), record.subunit());
                record.qualifiers().for_each(|qualifier| out.push_str(qualifier.name()));
                if let Value::Real(real) = value {
                    let _ = write!(out, "{:?}", real.to_decimal());
                }
            }
            Err(error) => {
                assert!(error.offset <= octets, "an error behind the octets");
                let _ = write!(out, "{error}");
                assert!(records.next().is_none(), "the walk goes on after it lost synchronisation");
                return;
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let key = PreparedKey::<Aes>::new(&Key::new([0x2F; 16]));
    let mut out = String::new();
    for input in [Input::Wired, Input::FormatA, Input::FormatB, Input::Stripped] {
        let mut octets = data.to_vec();
        let lax = Telegram::decode_lax(&mut octets, input, &key);
        if let Some(error) = lax.stopped {
            assert!(error.offset <= data.len(), "an error behind the octets");
            let _ = write!(out, "{error} {}", error.kind.name());
        }
        print(&lax.telegram, &mut out);
        let mut octets = data.to_vec();
        print(&Telegram::decode_lax(&mut octets, input, &NoKeys).telegram, &mut out);
    }
    let mut octets = data.to_vec();
    let _ = Telegram::decode(&mut octets, &key).map(|telegram| print(&telegram, &mut out));
    let _ = write!(out, "{:?}", mbus_app::peek(data));
    for direction in [Direction::FromDevice, Direction::ToDevice] {
        for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Legacy, PlainTextOrder::Auto] {
            let options = RecordOptions { direction, plain_text, legacy_tables: true, fillers: true };
            print_records(Records::with_options(data, options), data.len(), &mut out);
        }
    }
});
