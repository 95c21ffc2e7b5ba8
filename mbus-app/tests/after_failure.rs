//! What the buffer holds when a telegram could not be read, so that it can be tried again with another key.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use mbus_app::Telegram;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::Input;
use mbus_app::telegram::builder::{NewFrame, Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::ell::EllSession;
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, CommunicationControl, Ell, SessionNumber};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;
use wmbus_phy::FrameFormat;

const RECORDS: [u8; 12] = [0x0C, 0x13, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x35];

fn key(n: u8) -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([n; 16]))
}
fn meter() -> Address {
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x07])
}
/// A telegram sealed with key 1, the link layer enciphered with key 2 if at all.
fn sent(profile: Profile, ell: bool, crc: Option<FrameFormat>, wired: bool) -> Vec<u8> {
    let mut state = SenderState::new(Count { meter: meter(), to_meter: false, key_id: 0, key_version: 0 }, 1);
    state.export(9, 9);
    let number = SessionNumber::new(SessionNumber::ENC_AES_128_CTR, 0, 0).unwrap();
    let ell = ell.then_some(Ell {
        control: CommunicationControl(0x20),
        access_number: 3,
        receiver: None,
        session: Some(EllSession { number, payload_crc: 0 }),
    });
    let frame = match wired {
        true => NewFrame::Wired { c_field: CField::RSP_UD, address: PrimaryAddress(1) },
        false => NewFrame::Wireless { c_field: CField::SND_NR, address: meter(), crcs: crc },
    };
    let tpl = Tpl::of(CiField(if wired { 0x72 } else { 0x7A }), meter(), Header::default());
    let ell = ell.filter(|_| !wired);
    let telegram = TelegramBuilder { ell, ..TelegramBuilder::new(frame, tpl, Body::Records(&RECORDS)) };
    let protection = Protection::of(profile);
    let (mut buffer, mut out) = ([0; 200], [0; 200]);
    let sealed = match profile {
        Profile::None => telegram.clear_into(&protection, &mut buffer).unwrap(),
        _ => telegram.seal_into(&protection, &key(1), &mut state, &mut buffer).unwrap(),
    };
    match ell {
        Some(_) => sealed.frame_enciphered_into(&key(2), &mut state, 5, &mut out).unwrap().to_vec(),
        None => sealed.frame_into(&mut out).unwrap().to_vec(),
    }
}

/// The frame that the docs of `Telegram::decode` say is left over.
fn left_over(input: Input, buffer: &mut [u8]) -> &mut [u8] {
    match input {
        Input::Wired | Input::Stripped => buffer,
        Input::FormatA | Input::FormatB => {
            let len = usize::from(buffer[0]) + 1;
            &mut buffer[..len]
        }
    }
}

#[test]
fn the_next_key_can_be_tried_on_what_is_left() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        for (crc, wired, input) in [
            (None, true, Input::Wired),
            (None, false, Input::Stripped),
            (Some(FrameFormat::A), false, Input::FormatA),
            (Some(FrameFormat::B), false, Input::FormatB),
        ] {
            let original = sent(profile, false, crc, wired);
            let mut buffer = original.clone();
            // No key, a wrong one, then the right one: in the same buffer.
            Telegram::decode_lax(&mut buffer, input, &NoKeys).stopped.unwrap();
            let is_stripped = matches!(input, Input::FormatA | Input::FormatB);
            assert!(is_stripped || buffer == original, "nothing is changed but CRCs");
            let rest = left_over(input, &mut buffer);
            let input = if wired { Input::Wired } else { Input::Stripped };
            Telegram::decode_lax(rest, input, &key(9)).stopped.unwrap();
            assert_eq!(read(rest, input, &key(1)), 2, "{profile} {crc:?}");
        }
    }
}

#[test]
fn a_link_layer_that_was_opened_stays_open() {
    // The key of the link layer fits, that of the telegram inside does not.
    for crc in [None, Some(FrameFormat::A), Some(FrameFormat::B)] {
        let mut buffer = sent(Profile::A, true, crc, false);
        let input = match crc {
            None => Input::Stripped,
            Some(FrameFormat::A) => Input::FormatA,
            Some(FrameFormat::B) => Input::FormatB,
        };
        let stopped = Telegram::decode_lax(&mut buffer, input, &key(2)).stopped.unwrap();
        assert_eq!(stopped.layer.name(), "security", "{stopped}");
        let rest = left_over(input, &mut buffer);
        assert_eq!(read(rest, Input::Stripped, &key(1)), 2);
    }
}

/// The records read.
fn read(octets: &mut [u8], input: Input, key: &PreparedKey<Aes>) -> usize {
    let lax = Telegram::decode_lax(octets, input, key);
    assert_eq!(lax.stopped, None);
    lax.telegram.records().flatten().count()
}
