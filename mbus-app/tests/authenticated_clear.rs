//! Telegrams whose MAC stands in the AFL although their mode demands none, and TLS records handed on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::Telegram;
use mbus_app::telegram::BodyState;
use mbus_link::Address;
use oms_security::afl::{Afl, AflMessage, Mac, MessageControl};
use oms_security::kdf::{DerivationConstant, cmac, derive};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use oms_security::mode13::{ContentType, Protocol, Record};

const METER: [u8; 8] = [0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03];

fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([0x13; 16]))
}

/// A stripped frame around `message`, with an AFL and its MAC of counter 7 in between.
fn frame(message: &[u8], with_mac: bool) -> Vec<u8> {
    let mut afl =
        Afl { message_control: Some(MessageControl(0x25)), message_counter: Some(7), ..Afl::default() };
    let meter = Address::from_link_octets(METER);
    let derived = derive(&key(), DerivationConstant::MAC_FROM_METER, 7, meter.identification);
    let mac =
        cmac(&PreparedKey::<Aes>::new(&derived), &[AflMessage::from(afl).mac_input().octets(), message]);
    afl.mac = Mac::new(&mac[..8]);
    let mut header = [0; 40];
    let header = if with_mac { afl.encode_into(&mut header).unwrap() } else { &mut [] };
    let behind = [&[0x44][..], &METER, header, message].concat();
    [&[behind.len() as u8][..], &behind].concat()
}

#[test]
fn a_mac_around_clear_data_is_checked() {
    // Short header and mode 0, no header at all.
    for message in [&b"\x7A\x07\x00\x00\x00\x02\xFD\x17\x00\x00"[..], b"\x78\x02\xFD\x17\x00\x00"] {
        let sent = frame(message, true);
        let mut octets = sent.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &key()).unwrap();
        assert!(telegram.is_authenticated());
        assert_eq!(telegram.records().count(), 1);
        let BodyState::Opened(opening) = telegram.state() else { panic!() };
        assert_eq!((opening.enciphered, opening.counter.unwrap().counter), (0, 7));
        for bit in telegram.tpl_offset() * 8..sent.len() * 8 {
            let mut flipped = sent.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Telegram::decode_stripped(&mut flipped, &key()).is_err(), "bit {bit}");
        }
        // Without a key it is what it is: readable, and nobody's.
        let mut octets = sent.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
        assert!(!telegram.is_authenticated());
        assert_eq!(telegram.records().count(), 1);
    }
}

#[test]
fn records_of_tls_are_handed_on() {
    let hello = Record { content_type: ContentType::HANDSHAKE, version: [3, 3], fragment: &[1, 0, 0, 0] };
    let data = Record { content_type: ContentType::APPLICATION_DATA, version: [3, 3], fragment: &[0xA5; 30] };
    for (ci, protocol, records, with_mac) in [
        // A handshake and an alert have a CI of their own; application data that of what they carry.
        (0x9E, 1, &[hello][..], true),
        (0x7A, 1, &[data][..], false),
        (0x7A, 1, &[data, data][..], true),
        (0x9E, 0, &[Record::CHANNEL_REQUEST][..], true),
    ] {
        let mut message = vec![ci, 0x07, 0x00, 0xFF, 0x0D, protocol];
        for record in records {
            message.extend_from_slice(record.encode_into(&mut [0; 60]).unwrap());
        }
        let sent = frame(&message, with_mac);
        let mut octets = sent.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &key()).unwrap();
        let BodyState::HandedOn(handed_on) = telegram.state() else { panic!("CI {ci:02X}") };
        assert_eq!((handed_on.protocol, handed_on.authenticated), (Protocol(protocol), with_mac));
        assert_eq!(telegram.is_authenticated(), with_mac);
        let found: Result<Vec<_>, _> = telegram.tls_records().collect();
        assert_eq!(found.unwrap(), records);
        // What is enciphered is no body.
        assert!(telegram.body().is_empty() && telegram.records().next().is_none());
        assert_eq!(octets, sent);
        if with_mac {
            let mut damaged = sent.clone();
            *damaged.last_mut().unwrap() ^= 1;
            let lax = Telegram::decode_lax(&mut damaged, mbus_app::Input::Stripped, &key());
            assert!(lax.stopped.is_some() && lax.telegram.tls_records().next().is_none());
        }
    }
    // A channel request without a MAC is nobody's.
    let request = [&[0x9E, 7, 0, 0xFF, 0x0D, 0][..], &[0; 5]].concat();
    let error = Telegram::decode_stripped(&mut frame(&request, false), &key()).unwrap_err();
    assert_eq!(error.kind.name(), "mac_missing");
}
