//! SML in a telegram and on a serial line; sml-rs's own transport decoder as a second opinion.
#![cfg(feature = "sml")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::cosem::ReadingTime;
use mbus_app::sml::message::Frames;
use mbus_app::sml::transport::unwrap_in_place;
use mbus_app::sml::{SmlFault, readings, server_id};
use mbus_app::{Blame, Error, ErrorKind};
use proptest::prelude::*;
use sml_rs::transport::Decoder;
use sml_rs::util::ArrayBuf;

const TELEGRAM: &str = "2F2F7602E2620062007263070177010A01A81578563412010201017777070100010800FF6402024001621E52FF5600000038B90177070100020800FF6402024001621E52FF560000086E210177070100010801FF0101621E52FF5600000000000177070100020801FF0101621E52FF5600000000000177070100010802FF0101621E52FF5600000038B90177070100020802FF0101621E52FF560000086E210177070100100700FF0101621B52FF55FFFFFFFE010101630970002F2F2F2F2F2F2F";
const FILE: &str = "760501020304620062007263010176010105050607080B0A01585858000000001172620165000102030163164E00760501020307620062007263070177010B0A015858580000000011017262016500000E107577070100600100FF010101010B0A0158585800000000110177070100010800FF650001010401621E52FF5600001B1B1B01770701000F0700FF017262016500000E0F621B52FF5300FE0177070100600500FF0101010142010177070100240700FF0101621B5200691B1B1B1B1B1B1B1B0101016396D000760501020306620062007263FF0174050203040507060102030405010163E5FB00760501020305620062007263020171016381E100";
const TRANSMISSION: &str = "1B1B1B1B01010101760501020304620062007263010176010105050607080B0A01585858000000001172620165000102030163164E00760501020307620062007263070177010B0A015858580000000011017262016500000E107577070100600100FF010101010B0A0158585800000000110177070100010800FF650001010401621E52FF5600001B1B1B01770701000F0700FF017262016500000E0F621B52FF5300FE0177070100600500FF0101010142010177070100240700FF0101621B5200691B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B0101016396D000760501020306620062007263FF0174050203040507060102030405010163E5FB00760501020305620062007263020171016381E100001B1B1B1B1A015FD2";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn lines(payload: &[u8]) -> Vec<String> {
    readings(payload).map(|reading| reading.unwrap().to_string()).collect()
}

fn fault(error: Error) -> SmlFault {
    match error.kind {
        ErrorKind::Sml(fault) => fault,
        kind => panic!("{kind}"),
    }
}

#[test]
fn a_telegram_with_fillers_is_read() {
    let payload = hex(TELEGRAM);
    assert_eq!(
        lines(&payload),
        [
            "1-0:1.8.0*255 1452.1 Wh",
            "1-0:2.8.0*255 55248.1 Wh",
            "1-0:1.8.1*255 0.0 Wh",
            "1-0:2.8.1*255 0.0 Wh",
            "1-0:1.8.2*255 1452.1 Wh",
            "1-0:2.8.2*255 55248.1 Wh",
            "1-0:16.7.0*255 -0.2 W",
        ]
    );
    assert_eq!(server_id(&payload), Some(&hex("01A815785634120102")[..]));
    let first = readings(&payload).next().unwrap().unwrap();
    assert_eq!((first.status, first.time), (Some(0x02_0240), None));
}

#[test]
fn a_file_gives_its_list_and_names_what_it_does_not_read() {
    let file = hex(FILE);
    let found: Vec<_> = readings(&file).collect();
    let texts: Vec<_> = found.iter().filter_map(|reading| reading.ok().map(|r| r.to_string())).collect();
    assert_eq!(
        texts,
        [
            "1-0:96.1.0*255 0A015858580000000011",
            "1-0:1.8.0*255 177641.1 Wh",
            "1-0:15.7.0*255 25.4 W",
            "1-0:96.5.0*255 true",
            "1-0:36.7.0*255 1953184666628070171 W",
        ]
    );
    let errors: Vec<_> = found.iter().filter_map(|reading| reading.err()).collect();
    assert_eq!((errors.len(), fault(errors[0])), (1, SmlFault::MessageTag { tag: 0xFF01 }));
    assert_eq!(errors[0].kind.blame(), Blame::Unsupported);
    let times: Vec<_> = found.iter().filter_map(|reading| reading.ok()).map(|reading| reading.time).collect();
    assert_eq!(times[0], Some(ReadingTime::SecondIndex(3600)));
    assert_eq!(times[2], Some(ReadingTime::SecondIndex(3599)));
    assert_eq!(server_id(&file), Some(&hex("0A015858580000000011")[..]));
}

#[test]
fn a_transmission_is_unwrapped_in_place() {
    let octets = hex(TRANSMISSION);
    let mut noisy = [&[0x00, 0x1B, 0x1B][..], &octets, &[0xAA]].concat();
    let transmission = unwrap_in_place(&mut noisy).unwrap();
    assert_eq!((&*transmission.messages, transmission.consumed), (&hex(FILE)[..], octets.len() + 3));
    for length in 0..octets.len() {
        let mut cut = octets[..length].to_vec();
        assert!(matches!(fault(unwrap_in_place(&mut cut).unwrap_err()), SmlFault::Transport(_)), "{length}");
        assert_eq!(cut, octets[..length]);
    }
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let before = damaged.clone();
        assert!(unwrap_in_place(&mut damaged).is_err(), "{bit}");
        assert_eq!(damaged, before);
    }
}

#[test]
fn every_prefix_ends_in_an_error_behind_what_was_whole() {
    let payload = hex(TELEGRAM);
    let end = payload.len() - 7;
    for length in 3..end {
        let found: Vec<_> = readings(&payload[..length]).collect();
        assert!(found.len() == 1 && found[0].is_err(), "{length}");
    }
    for length in end..=payload.len() {
        assert_eq!(lines(&payload[..length]).len(), 7);
    }
    assert_eq!(lines(&[0x2F, 0x2F]), Vec::<String>::new());
}

#[test]
fn every_bit_flip_is_refused() {
    let payload = hex(TELEGRAM);
    for bit in 2 * 8..(payload.len() - 7) * 8 {
        let mut damaged = payload.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let found: Vec<_> = readings(&damaged).collect();
        assert!(found.iter().all(Result::is_err) && !found.is_empty(), "{bit}");
    }
}

#[test]
fn a_damaged_message_does_not_hide_the_next() {
    let message = hex(TELEGRAM)[2..].to_vec();
    let mut damaged = message.clone();
    damaged[40] ^= 1;
    let both = [damaged, message].concat();
    let found: Vec<_> = readings(&both).collect();
    assert!(matches!(fault(found[0].unwrap_err()), SmlFault::CheckSequence { .. }));
    assert_eq!(found[1..].iter().filter(|reading| reading.is_ok()).count(), 7);
}

#[test]
fn lies_and_nesting_are_refused() {
    let first = |octets: &[u8]| fault(readings(octets).next().unwrap().unwrap_err());
    assert_eq!(first(&[0x75, 1]), SmlFault::NoMessage { octet: 0x75 });
    assert_eq!(first(&[0x76, 0x05, 1]), SmlFault::Length { length: 4, available: 1 });
    // A list of 65 534 elements, and one of more octets of length than any.
    let start = hex("7602E262006200726307017701040102030101");
    let lie = [&start[..], &hex("FF8F8F0E")].concat();
    assert_eq!(first(&lie), SmlFault::Length { length: 0xFFFE, available: 0 });
    assert!(matches!(first(&[&start[..], &hex("FF8F8F8F0E")].concat()), SmlFault::Type { .. }));
    assert_eq!(first(&[0x76, 0x10]), SmlFault::Type { octet: 0x10 });
    assert_eq!(first(&[0x76, 0x00]), SmlFault::Type { octet: 0x00 });
    let deep = [&[0x76][..], &[0x71; 1000]].concat();
    assert_eq!(first(&deep), SmlFault::Nesting { limit: 8 });
    let ends = |octets: &[u8]| {
        let errors: Vec<_> = readings(octets).filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1);
    };
    ends(&deep);
    ends(&lie);
}

#[test]
fn frames_know_their_tags() {
    let file = hex(FILE);
    let tags: Vec<_> = Frames::new(&file).map(|frame| frame.unwrap().tag.unwrap()).collect();
    assert_eq!(tags, [0x0101, 0x0701, 0xFF01, 0x0201]);
}

proptest! {
    #[test]
    fn any_octets_are_survived(octets: Vec<u8>) {
        let _ = readings(&octets).count();
        let _ = server_id(&octets);
        let message = [&[0x76][..], &octets].concat();
        prop_assert!(readings(&message).count() <= message.len());
    }
    #[test]
    fn damaged_lists_are_survived(at in 0usize..184, octet: u8) {
        // With a check sequence that fits the damage, so that the reader behind it is reached.
        let mut message = hex(TELEGRAM)[2..].to_vec();
        message.truncate(184);
        message[at] = octet;
        let sequence = mbus_app::cosem::hdlc::crc16_x25(&message[..180]).to_le_bytes();
        message[181..183].copy_from_slice(&sequence);
        readings(&message).for_each(|reading| drop(reading.map(|r| r.to_string())));
    }
    #[test]
    fn transmissions_agree_with_another_decoder(data in proptest::collection::vec(
        prop_oneof![3 => Just(0x1Bu8), 1 => any::<u8>()], 0..64,
    )) {
        let mut octets = sml_rs::transport::encode::<ArrayBuf<256>>(&data).unwrap().to_vec();
        let mut decoder = Decoder::<ArrayBuf<256>>::new();
        let mut theirs = None;
        for octet in &octets {
            if let Ok(Some(found)) = decoder.push_byte(*octet) {
                theirs = Some(found.to_vec());
            }
        }
        prop_assert_eq!(theirs.as_deref(), Some(&data[..]));
        let ours = unwrap_in_place(&mut octets).unwrap();
        prop_assert_eq!(&*ours.messages, &data[..]);
    }
}
