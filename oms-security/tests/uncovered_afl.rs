//! What an attacker can do with the fields of the AFL that no MAC covers: nothing that passes for authentic.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use oms_security::ErrorKind;
use oms_security::afl::{Afl, AflMessage, FragmentationControl, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::diagnosis::Check;
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use oms_security::replay::{Freshness, ReplayGuard};
use oms_security::sealed::{Opening, SecurityContext, open, seal};

fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new([0x2F; 16]))
}

/// A message of mode 0, 7 or 10, sealed, with its AFL; its body begins at octet 7.
fn sealed(field: u16, afl: AflMessage) -> (SecurityContext, Vec<u8>) {
    let counter = if field >> 8 & 0x1F == 10 { Some(9) } else { None };
    let configuration = Configuration { field, extension: 0x0110, counter, key_version: None };
    let mut context = SecurityContext { configuration, afl: Some(afl), ..SecurityContext::default() };
    let mut message = vec![0x2F; 7 + 32 + 8];
    let mac = seal(&context, &mut message, 7, &key()).unwrap();
    context.afl = Some(AflMessage { mac: mac.or(afl.mac), ..afl });
    (context, message)
}

fn opened(context: &SecurityContext, message: &[u8]) -> Result<Opening, ErrorKind> {
    open(context, &mut message.to_vec(), 7, &key()).map_err(|error| error.kind)
}

const B: AflMessage = AflMessage {
    message_control: Some(MessageControl(0x25)),
    message_counter: Some(9),
    key_information: None,
    mac: None,
    message_length: None,
    reserved: 0,
};
const D: AflMessage = AflMessage { message_control: None, message_counter: None, ..B };
const MODE_7: u16 = 0x0720;
const MODE_10: u16 = 0x2AFF;

#[test]
fn reserved_bits_parse_and_are_never_authentic() {
    for bits in [0x0100, 0x8000, 0x8100] {
        let control = FragmentationControl(0x2C00 | bits);
        let [low, high] = control.0.to_le_bytes();
        let octets = [0x90, 15, low, high, 0x25, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let (afl, rest) = Afl::parse_prefix(&octets, None).unwrap();
        assert_eq!((afl.reserved, afl.fragmentation_control(), rest), (bits, control, &[][..]));
        assert_eq!(afl.encode_into(&mut [0; 20]).unwrap(), octets);
        assert_eq!(AflMessage::from(afl).with(&Afl::default()).reserved, bits);

        let refusal = ErrorKind::ReservedAflBits { bits };
        assert_eq!((refusal.name(), Check::of(refusal)), ("unsupported_afl_bits", Some(Check::Unsupported)));
        for (field, afl) in [(MODE_7, B), (MODE_10, D)] {
            let (mut context, message) = sealed(field, afl);
            assert!(opened(&context, &message).unwrap().authenticated);
            context.afl.as_mut().unwrap().reserved = bits;
            let mut untouched = message.clone();
            assert_eq!(open(&context, &mut untouched, 7, &key()).unwrap_err().kind, refusal);
            assert_eq!(untouched, message);
        }
        // Clear data with a MAC: refused by who could check it, and nobody's data for others.
        let (mut context, message) = sealed(MODE_7, B);
        context.configuration = Configuration::default();
        context.afl.as_mut().unwrap().reserved = bits;
        assert_eq!(opened(&context, &message), Err(refusal));
        let opening = open(&context, &mut message.clone(), 7, &NoKeys).unwrap();
        assert!(!opening.authenticated);
    }
}

#[test]
fn an_mcl_that_nothing_covers_must_fit() {
    let (mut context, message) = sealed(MODE_10, D);
    for control in 0..=u8::MAX {
        context.afl = Some(AflMessage { message_control: Some(MessageControl(control)), ..D });
        let expected = if control == 0 { Ok(true) } else { Err(ErrorKind::MessageControl { control }) };
        assert_eq!(opened(&context, &message).map(|opening| opening.authenticated), expected);
    }
    let afl = AflMessage { key_information: Some(0x0010), message_counter: Some(9), ..D };
    let afl = AflMessage { message_length: u16::try_from(message.len()).ok(), ..afl };
    for control in 0..=u8::MAX {
        context.afl = Some(AflMessage { message_control: Some(MessageControl(control)), ..afl });
        assert_eq!(opened(&context, &message).is_ok(), control == 0x70, "{control:02X}");
    }
}

#[test]
fn a_mac_beside_a_tag_is_checked_too() {
    let (mut context, message) = sealed(MODE_10, D);
    let afl = AflMessage { message_control: Some(MessageControl(0x05)), ..D };
    context.afl = Some(AflMessage { mac: oms_security::afl::Mac::new(&[7; 8]), ..afl });
    assert_eq!(opened(&context, &message), Err(ErrorKind::Mac { tried: 1 }));
}

/// An AFL in front of a recorded telegram of profile D, with a key number and version that were never used: the tag
/// does not cover it, so it must not start a new count.
#[test]
fn an_afl_put_in_front_opens_no_second_count() {
    let (context, message) = sealed(MODE_10, D);
    let bare = SecurityContext { afl: None, ..context };
    let mut guard = ReplayGuard::<8>::new();
    let used = opened(&bare, &message).unwrap().counter.unwrap();
    assert_eq!(guard.accept(&used), Ok(Freshness::First));
    for information in [0x0010, 0x0110, 0x7710, 0x0015, 0x7715, 0x0000] {
        let afl = AflMessage { key_information: Some(information), ..D };
        let forged = SecurityContext { afl: Some(afl), ..context };
        match opened(&forged, &message) {
            // Key 0 and KDF-A, as the header says.
            Ok(opening) if information & 0x3F == 0x10 => {
                let used = opening.counter.unwrap();
                assert_eq!(guard.accept(&used), Ok(Freshness::Repetition), "{information:04X}");
            }
            outcome => assert_eq!(outcome, Err(ErrorKind::KeyInformation), "{information:04X}"),
        }
    }
    assert_eq!(guard.export().count(), 1);
}

#[test]
fn the_mac_of_a_lone_fragment_has_a_length_that_macs_have() {
    for len in 0..=20 {
        let octets = [&[0x90, 2 + len, 3, 0x04][..], &vec![0xAB; usize::from(len)]].concat();
        let parsed = Afl::parse_prefix(&octets, None).map(|(afl, _)| afl.mac.unwrap().octets().len());
        if [2, 4, 8, 12, 16].contains(&len) {
            assert_eq!(parsed.unwrap(), usize::from(len));
        } else {
            let announced = usize::from(len) + 2;
            assert_eq!(parsed.unwrap_err().kind, ErrorKind::AflFields { announced });
        }
    }
}
