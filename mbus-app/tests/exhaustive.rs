//! Small domains tried whole: every head of a record, every configuration field, every octet at every place of whole
//! telegrams, every date of type G. Nothing may fail, loop, lose octets, or name an octet that is not there.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::date_time::{Date, DateTime};
use mbus_app::record::{RecordOptions, Records};
use mbus_app::{Input, Telegram, peek};
use mbus_link::CField;
use mbus_link::wired::{Frame, PrimaryAddress};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

const INPUTS: [Input; 4] = [Input::Wired, Input::FormatA, Input::FormatB, Input::Stripped];

/// Walks over all records, asks each for everything, and minds what was read; gives the records and what ended them.
fn walk(octets: &[u8]) -> (usize, Option<mbus_app::Error>) {
    let options = RecordOptions { fillers: true, ..RecordOptions::default() };
    let mut records = Records::with_options(octets, options);
    let (mut count, mut read) = (0, 0);
    let stopped = loop {
        match records.next() {
            None => break None,
            Some(Err(error)) => break Some(error),
            Some(Ok(record)) => {
                assert!(record.offset() == read && record.encoded_len() > 0, "{octets:02X?}");
                (count, read) = (count + 1, read + record.encoded_len());
                core::hint::black_box((
                    record.value(),
                    record.unit(),
                    record.quantity(),
                    record.is_marked_invalid(),
                ));
                core::hint::black_box((
                    record.storage(),
                    record.tariff(),
                    record.subunit(),
                    record.record_error(),
                ));
            }
        }
    };
    assert!(records.next().is_none(), "it is over: {octets:02X?}");
    assert_eq!(read + records.rest().len(), octets.len(), "{octets:02X?}");
    assert!(stopped.is_none_or(|error| error.offset <= octets.len()), "{octets:02X?}");
    (count, stopped)
}

#[test]
fn all_record_heads_of_three_octets() {
    // Twelve octets behind: data for every field, a text, further VIFEs, another record.
    const TAIL: [u8; 12] = [0x03, 0x2B, 0x81, 0x13, 0x05, 0x00, 0xC2, 0x75, 0x01, 0x13, 0x2F, 0x0F];
    let mut octets = [0; 15];
    octets[3..].copy_from_slice(&TAIL);
    let (mut records, mut errors) = (0u64, 0u64);
    for head in 0..1u32 << 24 {
        octets[..3].copy_from_slice(&head.to_le_bytes()[..3]);
        let (count, stopped) = walk(&octets);
        assert!(count <= octets.len());
        records += count as u64;
        errors += u64::from(stopped.is_some());
    }
    // Most heads are a record; a walk that gave up early would be seen here.
    assert!(records > 1 << 25 && errors < 1 << 24 && errors > 1 << 20, "{records} {errors}");
}

#[test]
fn all_record_heads_of_three_octets_cut_short() {
    for head in 0..1u32 << 24 {
        walk(&head.to_le_bytes()[..3]);
    }
}

/// Made-up telegrams of every shape: wired, wireless with ELL and AFL, commands, frames that are not full.
fn telegrams() -> Vec<(Input, Vec<u8>)> {
    const LONG: [u8; 12] = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x01, 0x07, 0x2A, 0x00, 0x00, 0x00];
    const RECORDS: &[u8] =
        b"\x0C\x13\x67\x35\x00\x00\x04\x6D\x32\x37\x1F\x15\x02\xFC\x03HR%\x74\x34\x12\x0D\xFD\x11\x02ab";
    let wired = |c: u8, payload: &[&[u8]]| {
        let payload = payload.concat();
        let frame = Frame::Long { c_field: CField(c), address: PrimaryAddress(1), payload: &payload };
        (Input::Wired, frame.encode_into(&mut [0; 261]).unwrap().to_vec())
    };
    let wireless = |behind: &[&[u8]]| {
        let mut frame = vec![0, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07];
        frame.extend(behind.concat());
        frame[0] = (frame.len() - 1) as u8;
        frame
    };
    let on_air = |frame: &[u8]| {
        let mut buffer = [0; 300];
        [
            (Input::Stripped, frame.to_vec()),
            (Input::FormatA, wmbus_phy::format_a::encode_into(frame, &mut buffer).unwrap().to_vec()),
            (Input::FormatB, wmbus_phy::format_b::encode_into(frame, &mut buffer).unwrap().to_vec()),
        ]
    };
    let mut all = vec![
        wired(0x08, &[&[0x72], &LONG, RECORDS, &[0x0F, 1, 2, 3]]),
        wired(0x08, &[&[0x73], &[0x11; 16]]),
        wired(0x53, &[&[0x5B], &LONG, &[0x01, 0xFD, 0x1F, 0x01]]),
        (Input::Wired, vec![0xE5]),
        (Input::Wired, vec![0x10, 0x5B, 0x01, 0x5C, 0x16]),
    ];
    for frame in [
        wireless(&[&[0x8C, 0x20, 0x01, 0x7A, 0x2A, 0x00, 0x00, 0x00], RECORDS]),
        wireless(&[&[0x7A, 0x2A, 0x00, 0x20, 0x05], &[0x5A; 32]]),
        wireless(&[
            &[0x8C, 0x20, 0x01, 0x90, 0x0F, 0x00, 0x2C, 0x25, 1, 2, 3, 4],
            &[0x77; 8],
            &[0x7A, 1, 0, 0x10, 0x07, 0x10],
            &[0x33; 16],
        ]),
        wireless(&[&[0x8D, 0x20, 0x01, 1, 2, 3, 0x20], &[0xAB; 20]]),
        wireless(&[&[0x7B, 1, 0, 0, 0, 0x31, 0x3B, 0x42, 0xA6, 0xD2, 0x04, 0x2E, 0x16, 0x34, 0x23]]),
        wireless(&[&[0x69, 0x08, 0x31, 0x3B, 0x02, 0x02, 0x02, 0x15, 0x02, 0x2A]]),
    ] {
        all.extend(on_air(&frame));
    }
    all
}

/// Reads octets in every way, with a key and without.
fn read(octets: &[u8], input: Input) {
    let key = PreparedKey::<Aes>::new(&Key::new([0x2F; 16]));
    let mut buffer = octets.to_vec();
    let lax = Telegram::decode_lax(&mut buffer, input, &key);
    assert!(lax.stopped.is_none_or(|error| error.offset <= octets.len()), "{octets:02X?} {:?}", lax.stopped);
    walk(lax.telegram.body());
    let mut buffer = octets.to_vec();
    let lax = Telegram::decode_lax(&mut buffer, input, &NoKeys);
    assert!(lax.telegram.body_offset() <= octets.len());
    let _ = (peek(octets), Telegram::guess(octets));
}

#[test]
fn every_octet_at_every_place_of_whole_telegrams() {
    for (input, telegram) in telegrams() {
        for place in 0..telegram.len() {
            for octet in 0..=255 {
                let mut changed = telegram.clone();
                changed[place] = octet;
                read(&changed, input);
            }
        }
    }
}

#[test]
fn every_prefix_of_whole_telegrams() {
    for (input, telegram) in telegrams() {
        for len in 0..telegram.len() {
            for read_as in INPUTS {
                read(&telegram[..len], read_as);
            }
            let mut cut = telegram[..len].to_vec();
            let lax = Telegram::decode_lax(&mut cut, input, &NoKeys);
            let error = lax.stopped.unwrap();
            assert!(error.offset <= len, "{input:?} {len} {error}");
        }
    }
}

#[test]
fn every_configuration_field() {
    for field in 0..=u16::MAX {
        let [low, high] = field.to_le_bytes();
        let mut octets =
            vec![52, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x7A, 0x01, 0x00, low, high];
        octets.resize(53, 0x2F);
        read(&octets, Input::Stripped);
    }
}

#[test]
fn every_date_of_type_g() {
    let mut dates = 0;
    for raw in 0..=u16::MAX {
        let octets = raw.to_le_bytes();
        let record = [0x02, 0x6C, octets[0], octets[1]];
        assert_eq!(walk(&record), (1, None));
        if let Some(date) = Date::from_type_g(octets) {
            dates += 1;
            assert_eq!(date.to_type_g(), Some(octets), "{raw:04X}");
            assert!(date.month.is_none_or(|month| (1..=12).contains(&month)));
            assert!(date.year.is_none_or(|year| (1981..=2080).contains(&year)));
        }
    }
    // A hundred years and "every year", each with its days, "every day" of each month and "every month".
    let leap_years = (1981..=2080).filter(|year| year % 4 == 0).count();
    assert_eq!(dates, 100 * (365 + 12 + 32) + leap_years + (366 + 12 + 32) - 1, "FFFF is none");
}

/// A long run: `cargo test --release --test exhaustive -- --ignored`, about a minute.
#[test]
#[ignore = "a long run: all 2^32 moments of type F"]
fn every_moment_of_type_f() {
    let mut moments = 0u64;
    for raw in 0..=u32::MAX {
        let octets = raw.to_le_bytes();
        let Some(moment) = DateTime::from_type_f(octets) else { continue };
        moments += 1;
        assert!(octets[0] & 0x80 == 0, "{raw:08X}");
        let again = moment.to_type_f().unwrap();
        // Bit 6 of the first octet is reserved and not kept.
        assert_eq!(DateTime::from_type_f(again), Some(moment), "{raw:08X}");
    }
    assert!(moments > 100_000_000, "{moments}");
}
