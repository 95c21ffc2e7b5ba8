//! CI fields, commands, compact frames and compact profiles.

use super::{octets, telegram, wired, wireless};
use mbus_app::ErrorKind;
use mbus_app::ci::{CiDirection, CiField, Content, HeaderKind};
use mbus_app::command::ApplicationSelect;
use mbus_app::command::application::Application;
use mbus_app::frame::{BoundedFormats, CompactFrame, FormatKey, FormatStore, compact_frame};
use mbus_app::profile::{Profile, Spacing};
use mbus_app::record::Records;
use mbus_app::value::Value;
use mbus_link::{Address, IdentificationNumber};

/// A flow record and a volume record, and their headers.
const RECORDS: &[u8] = &[0x02, 0x3B, 0x10, 0x00, 0x04, 0x13, 0x10, 0x27, 0x00, 0x00];
const HEADERS: &[u8] = &[0x02, 0x3B, 0x04, 0x13];

fn row(ci: u8) -> (HeaderKind, CiDirection, Content) {
    let row = CiField(ci).row();
    (row.header, row.direction, row.content)
}

fn compact(frame: &[u8]) -> CompactFrame<'_> {
    CompactFrame::parse(frame).unwrap()
}

/// What a profile says, an entry a line: storage number, time, value.
fn entries(text: &str) -> Vec<String> {
    let records = Records::new(octets(text));
    let profile = records.clone().find_map(|record| Profile::of(&record.unwrap()).ok()).unwrap();
    let line = |entry: mbus_app::profile::Entry<'_>| {
        let time = entry.time.map_or_else(String::new, |time| time.to_string());
        format!("{} {time} {}", entry.storage, entry.value)
    };
    profile.entries_in(records).map(line).collect()
}

/// On the wired bus with exactly sixteen octets the fixed data structure, else a compact frame.
#[test]
fn ci_73_is_one_thing_or_the_other() {
    telegram(wired(0x73, &[0; 16]), |telegram| {
        assert!(telegram.fixed_data().is_some());
        assert_eq!(compact_frame(telegram), Ok(None));
    });
    for frame in [wired(0x73, &[0; 17]), wireless(0x73, &[0; 16]), wireless(0x73, &[0; 20])] {
        telegram(frame, |telegram| {
            assert!(telegram.fixed_data().is_none());
            assert!(compact_frame(telegram).unwrap().is_some());
        });
    }
}

/// Their fields go the other way round, all of them or none: none is guessed here.
#[test]
fn ci_76_and_77_are_reserved() {
    for ci in [0x76, 0x77] {
        assert_eq!(row(ci), (HeaderKind::NotTransport, CiDirection::Both, Content::Reserved));
        let body = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 1, 7, 1, 0, 0, 0, 0x01, 0x13, 0x05];
        telegram(wired(ci, &body), |telegram| {
            assert_eq!((telegram.meter(), telegram.records().count()), (None, 0), "{ci:02X}");
        });
    }
}

#[test]
fn ci_a0_to_b7_are_the_manufacturers() {
    for ci in 0xA0..=0xB7 {
        assert_eq!(row(ci), (HeaderKind::NotTransport, CiDirection::Both, Content::ManufacturerSpecific));
        telegram(wireless(ci, &[1, 2, 3, 4, 0x01, 0x13, 0x05]), |telegram| {
            assert_eq!(
                (telegram.body(), telegram.records().count()),
                (&[1, 2, 3, 4, 0x01, 0x13, 0x05][..], 0)
            );
        });
    }
}

#[test]
fn ci_90_is_the_fragmentation_layer() {
    assert_eq!(CiField(0x90).content(), Content::Afl);
    assert!((0x91..=0x97).all(|ci| CiField(ci).content() == Content::Reserved));
}

#[test]
fn ci_54_and_55_ask_for_the_application() {
    assert_eq!(row(0x54), (HeaderKind::None, CiDirection::ToDevice, Content::SelectedApplicationRequest));
    assert_eq!(row(0x55), (HeaderKind::Long, CiDirection::ToDevice, Content::SelectedApplicationRequest));
}

#[test]
fn ci_fields_that_are_younger_than_most_programs() {
    for (ci, content) in [
        (0x53, Content::ApplicationSelect),
        (0x5C, Content::SynchroniseAction),
        (0x66, Content::SelectedApplication),
        (0x67, Content::SelectedApplication),
        (0x68, Content::SelectedApplication),
        (0x86, Content::Ell),
        (0x87, Content::NetworkManagement),
        (0x88, Content::NetworkManagement),
        (0x8F, Content::Ell),
        (0xC0, Content::ImageTransfer),
        (0xC1, Content::ImageTransfer),
        (0xC2, Content::ImageTransfer),
        (0xC3, Content::SecurityInformation),
        (0xC4, Content::SecurityInformation),
        (0xC5, Content::SecurityInformation),
    ] {
        assert_eq!(CiField(ci).content(), content, "{ci:02X}");
    }
}

#[test]
fn ci_80_to_89_have_their_directions() {
    use CiDirection::{FromDevice, ToDevice};
    for (ci, direction, content) in [
        (0x80, ToDevice, Content::NoApplication),
        (0x82, ToDevice, Content::NetworkManagement),
        (0x83, ToDevice, Content::NetworkManagement),
        (0x84, ToDevice, Content::CompactFrameRequest),
        (0x85, ToDevice, Content::FormatFrameRequest),
        (0x87, FromDevice, Content::NetworkManagement),
        (0x88, FromDevice, Content::NetworkManagement),
        (0x89, FromDevice, Content::NetworkManagement),
    ] {
        assert_eq!((row(ci).1, row(ci).2), (direction, content), "{ci:02X}");
    }
}

/// 82 and 83 mirror 87, 88 and 89.
#[test]
fn ci_82_has_the_long_header() {
    let headers = [0x82, 0x83, 0x87, 0x88, 0x89].map(|ci| row(ci).0);
    use HeaderKind::{Long, None, Short};
    assert_eq!(headers, [Long, None, Long, Short, None]);
}

#[test]
fn ci_52_selects_a_slave() {
    assert_eq!(row(0x52), (HeaderKind::None, CiDirection::ToDevice, Content::Selection));
}

/// `50 10` is application 1, block 0; `50` alone resets.
#[test]
fn the_upper_digit_of_a_sub_code_is_the_application() {
    let select = |code: &'static [u8]| ApplicationSelect::parse(code);
    assert_eq!(select(&[0x10]), ApplicationSelect::Select { application: Application(1), block: 0 });
    assert_eq!(select(&[0x2F]), ApplicationSelect::Select { application: Application(2), block: 15 });
    assert_eq!(select(&[]), ApplicationSelect::Reset);
    telegram(wired(0x50, &[]), |telegram| {
        assert_eq!(ApplicationSelect::parse(telegram.body()), ApplicationSelect::Reset);
    });
}

/// Two lists name Bh to Eh differently and nobody can say which is right: the number is what counts.
#[test]
fn applications_b_to_f_keep_their_numbers() {
    for code in 0xB..=0xF {
        let octet = [code << 4 | 1];
        let parsed = ApplicationSelect::parse(&octet);
        assert_eq!(parsed, ApplicationSelect::Select { application: Application(code), block: 1 });
    }
}

/// A base of 100 litres and three steps of 1, 2 and 3 litres in an hour each: from the first on, summed up.
const FORWARD: &str = "84 04 6D 00 20 41 11  8B 04 13 00 01 00  8D 04 93 1F 05 69 01 01 02 03";

#[test]
fn a_compact_profile_runs_forward_and_adds_up() {
    assert_eq!(
        entries(FORWARD),
        ["9 2010-01-01T01:00 0.101", "10 2010-01-01T02:00 0.103", "11 2010-01-01T03:00 0.106"]
    );
}

/// Only the storage number: the time of type I and of another tariff dates the same values.
#[test]
fn the_base_time_needs_the_storage_number_only() {
    for time in ["84 04 6D 00 20 41 11", "84 14 6D 00 20 41 11", "86 44 6D 00 00 A0 41 11 35"] {
        let text = FORWARD.replace("84 04 6D 00 20 41 11", time);
        assert_eq!(entries(&text)[0].split('.').next().unwrap()[..15], *"9 2010-01-01T01", "{time}");
    }
    let other = FORWARD.replace("84 04 6D", "84 05 6D");
    assert_eq!(entries(&other)[0], "9  0.101", "the time of another storage number");
}

/// Only its name is published: read as the 1st and the 16th.
#[test]
fn half_months_are_the_first_and_the_sixteenth() {
    assert_eq!(Spacing::from_codes(3, 253), Spacing::HalfMonth);
    let text = "82 04 6C 41 11  8B 04 13 00 01 00  8D 04 93 1F 05 79 FD 01 02 03";
    assert_eq!(entries(text), ["9 2010-01-16 0.101", "10 2010-02-01 0.103", "11 2010-02-16 0.106"]);
}

/// An unknown step makes all later values unknown; of values in full only itself is missing.
#[test]
fn an_element_without_value_is_never_added() {
    let steps = "8B 04 13 00 01 00  8D 04 93 1F 05 E1 01 01 80 03";
    assert_eq!(entries(steps), ["9  0.101", "10  not available", "11  the value before it is not known"]);
    let values = "8D 04 93 1F 05 21 01 01 80 03";
    assert_eq!(entries(values), ["9  0.001", "10  not available", "11  0.003"]);
}

/// Whether the text of a unit counts is not published. It is a part of the VIB, so it is learned with it, and the
/// full-frame CRC tells; no compact frame is built on a guess.
#[test]
fn text_units_are_learned_with_their_format_and_not_built() {
    let records = octets("02 7C 02 48 52 34 12");
    let mut buffer = [0; 32];
    let headers = mbus_app::frame::compact::headers_into(records, &mut buffer).unwrap();
    assert_eq!(headers, &records[..5]);
    let error = mbus_app::frame::compact::compact_into(records, &mut [0; 32]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotCompactable);
}

/// A compact frame of the records above; the signature and CRC are those of its headers and records.
fn frame() -> Vec<u8> {
    let mut buffer = [0; 32];
    mbus_app::frame::compact::compact_into(RECORDS, &mut buffer).unwrap().to_vec()
}

#[test]
fn the_full_frame_crc_is_checked() {
    let mut buffer = [0; 32];
    let frame = frame();
    assert_eq!(compact(&frame).expand_into(HEADERS, &mut buffer).unwrap().records, RECORDS);
    for at in 2..frame.len() {
        let mut damaged = frame.clone();
        damaged[at] ^= 1;
        let error = compact(&damaged).expand_into(HEADERS, &mut buffer).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::FullFrameCrc { .. }), "{at}");
    }
}

#[test]
fn compact_frames_are_read() {
    let frame = frame();
    assert_eq!(frame[4..], [0x10, 0x00, 0x10, 0x27, 0x00, 0x00], "data only");
    let mut store = BoundedFormats::<2, 8>::new();
    let key = FormatKey::new(Address::default(), compact(&frame).signature);
    store.learn(&key, HEADERS).unwrap();
    let mut buffer = [0; 32];
    assert_eq!(compact(&frame).expand_with(&mut store, &key, &mut buffer).unwrap().records, RECORDS);
}

/// With a long header the meter is the one named there, else the one of the link layer.
#[test]
fn formats_are_looked_up_under_the_address_of_the_meter() {
    let long = [&[0x88, 0x77, 0x66, 0x55, 0x2D, 0x2C, 0x08, 0x04, 1, 0, 0, 0][..], &frame()].concat();
    let of_long = telegram(wireless(0x73, &long), |telegram| compact_frame(telegram).unwrap().unwrap().1);
    let short = [&[1, 0, 0, 0][..], &frame()].concat();
    let of_short = telegram(wireless(0x7B, &short), |telegram| compact_frame(telegram).unwrap().unwrap().1);
    assert_eq!((of_long.manufacturer.to_string(), of_long.version.0), ("KAM".into(), 8));
    assert_eq!((of_short.manufacturer.to_string(), of_short.version.0), ("ELS".into(), 1));
}

/// Two kinds of meters may have formats of one signature.
#[test]
fn formats_are_kept_by_kind_of_meter_and_signature() {
    let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07]);
    let key = FormatKey::new(meter, compact(&frame()).signature);
    let mut store = BoundedFormats::<2, 8>::new();
    store.learn(&key, HEADERS).unwrap();
    for (same, meter) in [
        (true, Address { identification: IdentificationNumber::from_octets([9; 4]), ..meter }),
        (false, Address { version: mbus_link::Version(2), ..meter }),
        (false, Address { device_type: mbus_link::DeviceType(6), ..meter }),
        (false, Address { manufacturer: mbus_link::ManufacturerId::from_raw(0x2C2D), ..meter }),
    ] {
        assert_eq!(store.candidate(&FormatKey::new(meter, key.signature), 0).is_some(), same);
    }
}

#[test]
fn hex_digits_in_an_identification_number_are_kept() {
    let body = [0x0B, 0xFE, 0x34, 0xA2, 0x93, 0x15, 0x01, 0x07, 1, 0, 0, 0, 0x01, 0x13, 0x05];
    telegram(wired(0x72, &body), |telegram| {
        let number = telegram.meter().unwrap().identification;
        assert_eq!((number.to_string().as_str(), number.number()), ("A234FE0B", None));
        assert_eq!(telegram.records().next().unwrap().unwrap().value().to_string(), "0.005");
    });
}

/// 88 bits, not 88 octets.
#[test]
fn the_listening_window_has_eleven_octets() {
    let records: Vec<_> =
        Records::new(octets("0D FD 73 EB 0102030405060708090A0B 01 13 05")).map(Result::unwrap).collect();
    assert_eq!(records[0].value(), Value::Octets(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    assert_eq!(records.len(), 2);
}
