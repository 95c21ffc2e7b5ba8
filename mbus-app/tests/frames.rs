//! Full, compact and format frames as whole telegrams: whose format is meant, what is learned, and when CI 73h is
//! something else. The records are those of EN 13757-3:2018, Annex G; the meters are made up.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::body::Body;
use mbus_app::ci::{CiField, Content};
use mbus_app::frame::compact::{compact_into, headers_into, signature};
use mbus_app::frame::{
    BoundedFormats, CompactFrame, FormatFrame, FormatKey, FormatStore, compact_frame, expand, learn,
};
use mbus_app::record::builder::{Element, RecordsBuilder};
use mbus_app::record::{Direction, Records};
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_app::{Blame, ErrorKind, Telegram};
use mbus_link::wired::{Frame, PrimaryAddress};
use mbus_link::{Address, CField};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;
use proptest::prelude::*;

const RECORDS: &[u8] = b"\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23";
const COMPACT: &[u8] = b"\x31\x3B\x42\xA6\xD2\x04\x2E\x16\x34\x23";
const FORMAT: &[u8] = b"\x08\x31\x3B\x02\x02\x02\x15\x02\x2A";
/// Link addresses: a water meter, a radio converter; and the heat meter behind the converter as a long header has it.
const WATER: &[u8] = b"\x93\x15\x78\x56\x34\x12\x01\x07";
const CONVERTER: &[u8] = b"\x2D\x2C\x01\x00\x00\x00\x05\x37";
const HEAT: &[u8] = b"\x99\x88\x77\x66\x2D\x2C\x08\x04";
const SHORT: &[u8] = &[0x01, 0x00, 0x00, 0x00];

fn wireless(link: &[u8], ci: u8, header: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut octets = [&[0, 0x44], link, &[ci], &header.concat(), body].concat();
    octets[0] = u8::try_from(octets.len() - 1).unwrap();
    octets
}

fn wired(payload: &[u8]) -> Vec<u8> {
    let frame = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(1), payload };
    let mut buffer = [0; 261];
    frame.encode_into(&mut buffer).unwrap().to_vec()
}

fn kept(store: &BoundedFormats<4, 32>) -> Vec<FormatKey> {
    store.export().map(|format| format.key).collect()
}

#[test]
fn the_address_of_the_meter_is_the_key() {
    let water = Address::from_link_octets(WATER.try_into().unwrap());
    let heat = Address::from_transport_octets(HEAT.try_into().unwrap());
    for (link, full, compact, format, header, meter) in [
        // Without a header and with the short one the link address is the meter's.
        (WATER, 0x78, 0x79, 0x69, &[][..], water),
        (WATER, 0x7A, 0x7B, 0x6A, &[SHORT], water),
        // A long header says whose telegram a converter sends.
        (CONVERTER, 0x72, 0x73, 0x6B, &[HEAT, SHORT], heat),
    ] {
        let mut buffer = [0; 64];
        for (ci, body) in [(full, RECORDS), (format, FORMAT)] {
            let mut store = BoundedFormats::<4, 32>::new();
            let mut octets = wireless(link, compact, header, COMPACT);
            let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
            let error = expand(&telegram, &mut store, &mut buffer).unwrap_err();
            assert_eq!(error.kind, ErrorKind::FormatUnknown { signature: 0x3B31 });
            assert_eq!(learn(&telegram, &mut store), Ok(None), "a compact frame teaches nothing");

            let mut octets = wireless(link, ci, header, body);
            let teacher = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
            let key = FormatKey::new(meter, 0x3B31);
            assert_eq!(learn(&teacher, &mut store), Ok(Some(key)), "{ci:02X}");
            assert_eq!(kept(&store), [key]);
            assert!(expand(&teacher, &mut store, &mut buffer).unwrap().is_none(), "not compact");

            let expanded = expand(&telegram, &mut store, &mut buffer).unwrap().unwrap();
            assert_eq!(expanded.records, RECORDS, "{compact:02X}");
        }
    }
}

#[test]
fn a_format_of_another_kind_of_meter_is_not_taken() {
    let mut store = BoundedFormats::<4, 32>::new();
    let mut octets = wireless(WATER, 0x7A, &[SHORT], RECORDS);
    learn(&Telegram::decode_stripped(&mut octets, &NoKeys).unwrap(), &mut store).unwrap();
    // Manufacturer, version and device type count, the identification number does not.
    for (at, same) in [(0, false), (6, false), (7, false), (2, true), (5, true)] {
        let mut link = WATER.to_vec();
        link[at] ^= 1;
        let mut octets = wireless(&link, 0x7B, &[SHORT], COMPACT);
        let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
        assert_eq!(expand(&telegram, &mut store, &mut [0; 64]).is_ok(), same, "{at}");
    }
}

#[test]
fn the_check_octets_and_fillers_of_a_deciphered_body_do_not_count() {
    let mut store = BoundedFormats::<4, 32>::new();
    for (ci, body) in [
        (0x6A, [b"\x2F\x2F", FORMAT, b"\x2F\x2F"].concat()),
        (0x7B, [b"\x2F\x2F", COMPACT, b"\x2F"].concat()),
    ] {
        let mut octets = wireless(WATER, ci, &[SHORT], &body);
        let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
        match learn(&telegram, &mut store).unwrap() {
            Some(key) => assert_eq!(key.signature, 0x3B31),
            None => {
                let expanded =
                    expand(&telegram, &mut store, &mut [0; 64]).unwrap().map(|it| it.records.len());
                assert_eq!(expanded, Some(RECORDS.len()));
            }
        }
    }
}

#[test]
fn what_cannot_be_compact_is_not_learned() {
    let mut store = BoundedFormats::<4, 32>::new();
    for body in [&b""[..], b"\x2F\x2F\x2F"] {
        let mut octets = wireless(WATER, 0x7A, &[SHORT], body);
        let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
        assert_eq!(learn(&telegram, &mut store), Ok(None), "{body:02X?}");
    }
    // A record cut short, with its place in the telegram; a format frame that contradicts itself.
    let mut octets = wireless(WATER, 0x7A, &[SHORT], b"\x01\x13\x05\x04\x13\x05");
    let error = learn(&Telegram::decode_stripped(&mut octets, &NoKeys).unwrap(), &mut store).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Truncated { .. }) && error.offset >= 15 + 3, "{error:?}");
    let mut wrong = FORMAT.to_vec();
    wrong[1] ^= 1;
    let mut octets = wireless(WATER, 0x6A, &[SHORT], &wrong);
    let error = learn(&Telegram::decode_stripped(&mut octets, &NoKeys).unwrap(), &mut store).unwrap_err();
    assert_eq!((error.kind.name(), error.offset), ("format_signature", 16));
    assert!(kept(&store).is_empty());
}

#[test]
fn a_wired_telegram_without_address() {
    // Nobody knows whose format it is: nothing is learned. What the caller put in under no address is found.
    let mut store = BoundedFormats::<4, 32>::new();
    let mut octets = wired(&[&[0x78], RECORDS].concat());
    assert_eq!(learn(&Telegram::decode(&mut octets, &NoKeys).unwrap(), &mut store), Ok(None));
    let key = FormatKey::new(Address::default(), 0x3B31);
    store.learn(&key, b"\x02\x02\x02\x15\x02\x2A").unwrap();
    let mut octets = wired(&[&[0x79], COMPACT].concat());
    let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
    assert_eq!(expand(&telegram, &mut store, &mut [0; 64]).unwrap().unwrap().records, RECORDS);
}

/// Another list with the signature of Annex G, made by trying: the manufacturer's own VIFE in front of two octets.
const COLLIDING: &[u8] = b"\x02\xFF\x82\xF6\x19\x34\x12";

#[test]
fn what_nothing_proves_stands_against_no_known_format() {
    assert_eq!(signature(&COLLIDING[..5]), 0x3B31);
    let meter = Address::from_link_octets(WATER.try_into().unwrap());
    let key = FormatKey::new(meter, 0x3B31);
    let conflict = |store: &mut dyn FormatStore, body: &[u8]| {
        let mut octets = wireless(WATER, 0x7A, &[SHORT], body);
        learn(&Telegram::decode(&mut octets, &NoKeys).unwrap(), store)
    };
    let refusal = ErrorKind::FormatConflict { signature: 0x3B31 };
    // Learned before, whichever came first; in a second store, as those known beforehand are.
    for (first, second) in [(RECORDS, COLLIDING), (COLLIDING, RECORDS)] {
        let mut store = BoundedFormats::<4, 32>::new();
        assert_eq!(conflict(&mut store, first), Ok(Some(key)));
        let error = conflict(&mut store, second).unwrap_err();
        assert_eq!((error.kind, error.kind.blame()), (refusal, Blame::NotAuthentic));
        assert_eq!(conflict(&mut store, first), Ok(Some(key)));
        assert_eq!(store.export().count(), 1);
    }
    let mut both = (BoundedFormats::<4, 32>::new(), BoundedFormats::<4, 32>::new());
    both.1.learn(&key, b"\x02\x02\x02\x15\x02\x2A").unwrap();
    assert_eq!(conflict(&mut both, COLLIDING).unwrap_err().kind, refusal);
    assert_eq!(conflict(&mut both, RECORDS), Ok(Some(key)));

    // With a MAC it is the meter's own word, and is tried first; what was known before is not forgotten.
    let sealing = PreparedKey::<Aes>::new(&Key::new([0x13; 16]));
    let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, 1);
    state.export(1, 0);
    let tpl = Tpl::short(CiField(0x7A), Header::default());
    let telegram = TelegramBuilder::wireless(CField::SND_NR, meter, tpl, Body::Records(COLLIDING));
    let (mut buffer, mut out) = ([0; 200], [0; 200]);
    let protection = Protection::of(Profile::B);
    let sealed = telegram.seal_into(&protection, &sealing, &mut state, &mut buffer).unwrap();
    let mut octets = sealed.frame_into(&mut out).unwrap().to_vec();
    let telegram = Telegram::decode_stripped(&mut octets, &sealing).unwrap();
    assert!(telegram.is_authenticated());
    assert_eq!(learn(&telegram, &mut both), Ok(Some(key)));
    assert_eq!(both.candidate(&key, 0), Some(&COLLIDING[..5]));
    let mut octets = wireless(WATER, 0x7B, &[SHORT], COMPACT);
    let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
    assert_eq!(expand(&telegram, &mut both, &mut [0; 64]).unwrap().unwrap().records, RECORDS);
}

#[test]
fn ci_73_is_the_fixed_data_structure_or_a_compact_frame() {
    // The public M-Bus documentation, 6.2: 16 octets on the wire are the fixed structure.
    let fixed = b"\x73\x78\x56\x34\x12\x0A\x00\xE9\x7E\x01\0\0\0\x35\x01\0\0";
    let mut octets = wired(fixed);
    let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
    assert_eq!(telegram.fixed_data().unwrap().value(0).to_string(), "0.001");
    assert_eq!(compact_frame(&telegram), Ok(None));
    // More or fewer octets, or the air: a compact frame with its long header.
    let compact = [HEAT, SHORT, COMPACT].concat();
    for mut octets in [wired(&[&[0x73], &compact[..]].concat()), wireless(CONVERTER, 0x73, &[], &compact)] {
        let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
        assert!(telegram.fixed_data().is_none());
        let (frame, key) = compact_frame(&telegram).unwrap().unwrap();
        assert_eq!((frame.signature, key.device_type.0), (0x3B31, 0x04));
    }
    let mut octets = wireless(CONVERTER, 0x73, &[], &fixed[1..]);
    let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
    assert!(telegram.fixed_data().is_none(), "never on the air");
}

/// EN 13757-3:2018, Annex G as printed: CI, header, body; read, and written again from what was read.
#[test]
fn annex_g_both_ways() {
    let no_header = Tpl { ci: CiField(0), address: None, header: None };
    let short = Header { access_number: 1, ..Header::default() };
    for (payload, ci, header) in [
        (&b"\x78\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23"[..], 0x78, None),
        (b"\x69\x08\x31\x3B\x02\x02\x02\x15\x02\x2A", 0x69, None),
        (b"\x79\x31\x3B\x42\xA6\xD2\x04\x2E\x16\x34\x23", 0x79, None),
        (b"\x7A\x01\0\0\0\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23", 0x7A, Some(short)),
        (b"\x6A\x01\0\0\0\x08\x31\x3B\x02\x02\x02\x15\x02\x2A", 0x6A, Some(short)),
        (b"\x7B\x01\0\0\0\x31\x3B\x42\xA6\xD2\x04\x2E\x16\x34\x23", 0x7B, Some(short)),
    ] {
        let (tpl, body) = Tpl::parse_prefix(payload).unwrap();
        assert_eq!((tpl.ci.0, tpl.header), (ci, header));
        let mut buffer = [0; 32];
        let head = Tpl { ci: CiField(ci), header, ..no_header }.encode_into(&mut buffer).unwrap().len();
        let rest = &mut buffer[head..];
        let len = match tpl.ci.content() {
            Content::FullFrame => {
                let values = Records::new(body).map(|record| record.unwrap().value().to_string());
                assert_eq!(values.collect::<Vec<_>>(), ["123.4", "567.8", "901.2"]);
                let records: Vec<Element<'_>> =
                    Records::new(body).map(|record| Element::from(&record.unwrap())).collect();
                RecordsBuilder { elements: &records }.encode_into(rest).unwrap().len()
            }
            Content::FormatFrame => {
                let (frame, []) = FormatFrame::parse_prefix(body).unwrap() else {
                    panic!("octets behind it")
                };
                assert_eq!(frame.signature(), 0x3B31);
                frame.encode_into(rest).unwrap().len()
            }
            Content::CompactFrame => {
                let frame = CompactFrame::parse(body).unwrap();
                assert_eq!((frame.signature, frame.full_frame_crc), (0x3B31, 0xA642));
                compact_into(RECORDS, rest).unwrap().len()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(buffer[..head + len], *payload);
    }
}

#[test]
fn compact_and_format_frames_are_asked_for() {
    let heat = Address::from_transport_octets(HEAT.try_into().unwrap());
    let header = Header { access_number: 7, ..Header::default() };
    for (ci, content) in [(0x84, Content::CompactFrameRequest), (0x85, Content::FormatFrameRequest)] {
        // To a meter by radio (REQ-UD2, 5Bh) behind its own address; the header has no body.
        let request = Tpl { ci: CiField(ci), address: Some(heat), header: Some(header) };
        let mut buffer = [0; 16];
        for size in 0..13 {
            let error = request.encode_into(&mut buffer[..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 13, available: size });
        }
        let built = request.encode_into(&mut buffer).unwrap().to_vec();
        assert_eq!(built, [&[ci], HEAT, &[7, 0, 0, 0]].concat());
        let mut octets = wireless(CONVERTER, ci, &[HEAT, &[7, 0, 0, 0]], b"");
        octets[1] = 0x5B;
        let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
        assert_eq!((telegram.content(), telegram.direction()), (Some(content), Direction::ToDevice));
        assert_eq!(
            (telegram.meter(), telegram.tpl(), telegram.body()),
            (Some(heat), Some(request), &b""[..])
        );
        assert!(compact_frame(&telegram).unwrap().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Full frames of any records: learned, sent compact with fillers behind, rebuilt; and one wrong bit is found.
    #[test]
    fn a_compact_frame_gives_its_full_frame_again(
        parts in prop::collection::vec((0usize..9, any::<[u8; 8]>(), 0u8..4), 1..20),
        fillers in 0usize..16,
        flip in any::<prop::sample::Index>(),
    ) {
        let mut records = Vec::new();
        for (kind, data, storage) in parts {
            let (dif, len, vib): (u8, usize, &[u8]) = [
                (0x01, 1, &b"\xFD\x17"[..]), (0x02, 2, b"\x6C"), (0x03, 3, b"\x13"), (0x04, 4, b"\x6D"), (0x06, 6, b"\x03"),
                (0x07, 8, b"\x95\x3B"), (0x0C, 4, b"\x14"), (0x0D, 0, b"\xFF\x23"), (0x00, 0, b"\x13"),
            ][kind];
            match storage {
                0 => records.push(dif),
                n => records.extend([dif | 0x80, n]),
            }
            records.extend(vib);
            if dif == 0x0D {
                records.extend([data[0] & 7]);
                records.extend(&data[1..1 + usize::from(data[0] & 7)]);
            }
            records.extend(&data[..len]);
        }
        prop_assume!(records.iter().any(|octet| *octet != 0));
        let mut buffer = [0; 400];
        let mut headers = [0; 400];
        let headers = &*headers_into(&records, &mut headers).unwrap();
        let mut body = compact_into(&records, &mut buffer).unwrap().to_vec();
        body.resize(body.len() + fillers, 0x2F);
        let frame = CompactFrame::parse(&body).unwrap();
        prop_assert_eq!(frame.signature, signature(headers));
        let expanded = frame.expand_into(headers, &mut buffer).unwrap();
        // What the walk over records leaves unread (zeros to the end) is in no compact frame.
        prop_assert_eq!(expanded.records, &records[..expanded.records.len()]);
        prop_assert!(records[expanded.records.len()..].iter().all(|octet| *octet == 0));
        // An altered octet in the data or the CRC.
        let mut altered = body.clone();
        let at = 2 + flip.index(body.len() - 2);
        altered[at] ^= 0x10;
        let frame = CompactFrame::parse(&altered).unwrap();
        prop_assert!(frame.expand_into(headers, &mut buffer).is_err());
    }

    /// Hostile lists and data: an error or records that are no longer than what they are made of.
    #[test]
    fn hostile_formats_are_survived(
        headers in prop::collection::vec(prop::sample::select(vec![0x00u8, 0x01, 0x0D, 0x0F, 0x1F, 0x2F, 0x7C, 0x80, 0x84, 0xFC, 0xFD, 0xFF]), 0..60),
        data in prop::collection::vec(any::<u8>(), 4..60),
    ) {
        let frame = CompactFrame::parse(&data).unwrap();
        let mut buffer = [0; 128];
        if let Ok(expanded) = frame.expand_unchecked(&headers, &mut buffer) {
            prop_assert!(expanded.records.len() <= headers.len() + data.len() - 4);
            prop_assert_eq!(expanded.is_proven, expanded.crc == frame.full_frame_crc);
        }
    }
}
