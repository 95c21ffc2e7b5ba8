//! Frame format C of OMS-LPWAN: the printed frames of Annex Q and every combination of optional fields.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::lpwan::{LpwanFrame, RunTimeDelay};
use mbus_link::time::Duration;
use mbus_link::{CField, ErrorKind};
use proptest::prelude::*;

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Section of Annex Q; C; who is named; ACC; the first CI; the frame without MAC header and CRC-32.
#[expect(clippy::type_complexity, reason = "a table")]
const PRINTED: &[(&str, Option<&str>, bool, bool, Option<u8>, Option<u8>, &str)] = &[
    (
        "Q.K.2 SND-NR",
        Some("SND-NR"),
        true,
        false,
        Some(0x75),
        Some(0x90),
        "5B44A73D78563412150375900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
    ),
    ("Q.K.3 MERR", None, true, false, None, None, "02A73D785634121503"),
    ("Q.K.3 MCMD", None, false, true, None, None, "04A73D785634121503"),
    (
        "Q.K.4 REQ-UD2",
        Some("REQ-UD2"),
        false,
        true,
        Some(0x08),
        Some(0x93),
        "1D7BA73D785634121503089375170000",
    ),
    (
        "Q.K.4 RSP-UD",
        Some("RSP-UD"),
        true,
        false,
        Some(0x08),
        Some(0x90),
        "1B08A73D78563412150308900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
    ),
];

#[test]
fn the_printed_frames_are_read_and_built_again() {
    for (section, word, sender, receiver, access_number, ci, hex) in PRINTED {
        let octets = octets(hex);
        let frame = LpwanFrame::parse(&octets).unwrap();
        assert_eq!(frame.c_field.and_then(CField::name), *word, "{section}");
        assert_eq!((frame.sender.is_some(), frame.receiver.is_some()), (*sender, *receiver), "{section}");
        let address = frame.sender.or(frame.receiver).unwrap();
        assert_eq!(address.identification.number(), Some(12_345_678), "{section}");
        assert_eq!(address.manufacturer.letters(), Some(*b"OMG"), "{section}");
        assert_eq!(frame.access_number, *access_number, "{section}");
        assert_eq!(frame.upper_layer.and_then(<[u8]>::first).copied(), *ci, "{section}");
        assert_eq!(frame.is_synchronous_or_rrx(), *section == "Q.K.2 SND-NR", "{section}");
        assert_eq!(frame.encoded_len(), octets.len(), "{section}");
        for size in 0..=octets.len() {
            match frame.encode_into(&mut vec![0; size]) {
                Ok(built) => assert_eq!(built, octets, "{section}"),
                Err(e) => {
                    assert_eq!(e.kind, ErrorKind::BufferTooSmall { needed: octets.len(), available: size });
                }
            }
        }
        // Everything before the CI is needed; the upper layer ends where the octets do.
        let header = octets.len() - frame.upper_layer.map_or(0, |upper| upper.len() - 1);
        for end in 0..header {
            assert_eq!(LpwanFrame::parse(&octets[..end]).unwrap_err().kind.name(), "truncated", "{section}");
        }
    }
}

#[test]
fn every_combination_of_control_octets_survives() {
    let tail: Vec<u8> = (1..=64).collect();
    for first in 0..=255_u8 {
        for second in 0..=255_u8 {
            let mut octets = vec![first];
            if first & 0x80 != 0 {
                octets.push(second);
                if second & 0x80 != 0 {
                    octets.push(0x55);
                }
            } else if second != 0 {
                continue;
            }
            octets.extend_from_slice(&tail);
            let frame = match LpwanFrame::parse(&octets) {
                Ok(frame) => frame,
                Err(error) => {
                    // No upper layer announced: the error tells where the frame ends.
                    assert!(first & 0x10 == 0 && error.kind.name() == "surplus_octets");
                    octets.truncate(error.offset);
                    LpwanFrame::parse(&octets).unwrap()
                }
            };
            assert_eq!(frame.encode_into(&mut [0; 128]).unwrap(), octets, "{first:02X} {second:02X}");
            assert_eq!(frame.is_repeated(), first & 0x80 != 0 && second & 4 != 0);
        }
    }
}

#[test]
fn what_the_header_cannot_say_is_refused() {
    let frame = LpwanFrame::default();
    assert_eq!(frame.encode_into(&mut [0; 4]).unwrap(), [0]);
    let delay = |resolution| LpwanFrame {
        run_time_delay: Some(RunTimeDelay { resolution, count: 1 }),
        ..LpwanFrame::default()
    };
    for resolution in 0..=255 {
        let written = delay(resolution).encode_into(&mut [0; 8]).is_ok();
        assert_eq!(written, matches!(resolution, 1..=3));
    }
    let third = LpwanFrame { third: Some(0x80), ..frame };
    assert_eq!(third.encode_into(&mut [0; 8]).unwrap_err().kind, ErrorKind::UnsupportedLinkControl);
    let empty = LpwanFrame { upper_layer: Some(&[]), ..frame };
    assert_eq!(empty.encode_into(&mut [0; 8]).unwrap_err().kind, ErrorKind::NoControlInformation);
    let four = LpwanFrame::parse(&[0x80, 0x80, 0x80, 0x00]).unwrap_err();
    assert_eq!(four, ErrorKind::UnsupportedLinkControl.at(2));
}

#[test]
fn the_run_time_delay_has_two_resolutions() {
    let delay = |resolution, count| RunTimeDelay { resolution, count }.duration();
    assert_eq!(delay(1, 256), Some(Duration::from_secs(1)));
    assert_eq!(delay(1, 1), Some(Duration::from_micros(3906)));
    assert_eq!(delay(2, 65_535), Some(Duration::from_secs(131_070)));
    assert_eq!((delay(0, 1), delay(3, 1)), (None, None));
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..80)) {
        match LpwanFrame::parse(&octets) {
            Ok(frame) => {
                let mut buffer = [0; 80];
                prop_assert_eq!(&*frame.encode_into(&mut buffer).unwrap(), &octets[..]);
            }
            Err(error) => prop_assert!(error.offset <= octets.len()),
        }
    }
}
