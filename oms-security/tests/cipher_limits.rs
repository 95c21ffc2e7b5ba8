//! Tries to reach the panic paths that the cipher crates keep (`.ci/probe/ciphers.txt`): every number of blocks, every
//! split of octets, and more octets than a mode can take.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_link::ell::EllSession;
use mbus_link::{CommunicationControl, Ell, SessionNumber};
use oms_security::afl::{AflMessage, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::ell_cipher;
use oms_security::kdf::cmac;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::sealed::{Direction, SecurityContext, open, seal};

fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([0x2F; 16]))
}

fn context(field: u16, extension: u16) -> SecurityContext {
    // Mode 10 has no MAC in the AFL, and its MCL must not announce one.
    let control = if field >> 8 & 0x1F == 10 { 0x20 } else { 0x25 };
    let afl = AflMessage {
        message_control: Some(MessageControl(control)),
        message_counter: Some(7),
        ..AflMessage::default()
    };
    let configuration = Configuration { field, extension, ..Configuration::default() };
    SecurityContext { configuration, afl: Some(afl), ..SecurityContext::default() }
}

/// Seals and opens a body of this length; `None` when sealing refuses it.
fn there_and_back(mut context: SecurityContext, body: usize) -> Option<()> {
    let message = vec![0x2F; 7 + body];
    let mut sealed = message.clone();
    let mac = seal(&context, &mut sealed, 7, &key()).ok()?;
    context.afl = context.afl.map(|afl| AflMessage { mac, ..afl });
    let opening = open(&context, &mut sealed, 7, &key()).unwrap();
    assert_eq!(sealed[..sealed.len() - opening.trailer], message[..message.len() - opening.trailer]);
    Some(())
}

#[test]
fn every_number_of_blocks() {
    for blocks in 1..=70 {
        for field in [0x05F0, 0x07F0] {
            there_and_back(context(field, 0x10), blocks * 16).unwrap();
        }
        for trailer in 1..16 {
            if blocks < 15 {
                there_and_back(context(0x0500 | (blocks as u16) << 4, 0), blocks * 16 + trailer).unwrap();
            }
        }
    }
    for len in [65_536, 1 << 20] {
        for field in [0x05F0, 0x07F0] {
            there_and_back(context(field, 0x10), len).unwrap();
        }
    }
}

#[test]
fn every_length_of_ccm() {
    for direction in [Direction::FromMeter, Direction::ToMeter] {
        for code in 0..4u16 {
            for len in 0..600 {
                let context = SecurityContext { direction, ..context(0x0AFF, 0x10 | code << 8) };
                let is_there = there_and_back(context, len).is_some();
                assert_eq!(is_there, len >= 4 + 4 * usize::from(code));
            }
        }
    }
    // The counter of mode 10 has two octets, its length field as well.
    for (len, fits) in [(65_535 + 8, true), (65_536 + 8, false), (1 << 20, false), ((1 << 20) + 16, false)] {
        assert_eq!(there_and_back(context(0x0AFF, 0x110), len).is_some(), fits, "{len}");
        let mut octets = vec![0; len + 7];
        assert_eq!(open(&context(0x0AFF, 0x110), &mut octets, 7, &key()).unwrap_err().kind.name(), "tag");
        assert!(octets.iter().all(|octet| *octet == 0), "a failed opening changed the octets");
    }
    // A header as long as it gets, and longer.
    for body in 0..40 {
        let _ = open(&context(0x0AFF, 0x110), &mut [0; 40], body, &key());
        let _ = seal(&context(0x0AFF, 0x110), &mut [0; 40], body, &key());
    }
}

#[test]
fn every_split_of_cmac() {
    let octets: Vec<u8> = (0..100).collect();
    for len in 0..=octets.len() {
        let whole = cmac(&key(), &[&octets[..len]]);
        for first in 0..=len {
            assert_eq!(*cmac(&key(), &[&octets[..first], &octets[first..len]]), *whole);
            for second in [first, (first + len) / 2, len] {
                let parts = [&octets[..first], &octets[first..second], &[], &octets[second..len]];
                assert_eq!(*cmac(&key(), &parts), *whole);
            }
        }
    }
    let single: Vec<&[u8]> = octets.chunks(1).collect();
    assert_eq!(*cmac(&key(), &single), *cmac(&key(), &[&octets]));
}

#[test]
fn every_length_of_an_extended_link_layer() {
    let number = SessionNumber::new(1, 7, 0).unwrap();
    let session = Some(EllSession { number, payload_crc: 0 });
    let ell = Ell { control: CommunicationControl(0x20), access_number: 7, receiver: None, session };
    let sender = mbus_link::Address::default();
    for len in (0..300).chain([65_536, 1 << 20]) {
        let mut octets = vec![0x78; ell.encoded_len() + len];
        ell.encode_into(&mut octets).unwrap();
        ell_cipher::seal_in_place(&ell, sender, &mut octets, &key()).unwrap();
        ell_cipher::open_in_place(&ell, sender, &mut octets, &key()).unwrap();
        assert!(octets[ell.encoded_len()..].iter().all(|octet| *octet == 0x78));
        for cut in 0..octets.len().min(12) {
            let _ = ell_cipher::open_in_place(&ell, sender, &mut octets[..cut], &key());
            let _ = ell_cipher::seal_in_place(&ell, sender, &mut octets[..cut], &key());
        }
    }
}
