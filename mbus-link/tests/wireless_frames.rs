//! Wireless frames and extended link layers: the example of the standard, every layout, every refusal.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::ell::{Accessibility, EllSession, EllV};
use mbus_link::wireless::frame::{MAX_PAYLOAD, encode_header};
use mbus_link::wireless::{Frame, FrameBuilder, LengthQuirk, Routing};
use mbus_link::{Address, CField, CommunicationControl, Ell, ErrorKind, NetworkLayer, SessionNumber};
use proptest::prelude::*;

/// EN 13757-4, the example of the annex: format A, 876.543 m3 of water, without the CRCs 4447 and 1E6D.
const STANDARD_A: [u8; 16] =
    [0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87];
/// Its twin in format B with ELL I, as on air with the CRC 7AC5 that L counts.
const STANDARD_B: [u8; 19] = [
    0x14, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x8C, 0x20, 0x27, 0x78, 0x0B, 0x13, 0x43,
    0x65, 0x87,
];

fn meter() -> Address {
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03])
}
fn gateway() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31])
}

#[test]
fn the_example_of_the_standard() {
    let frame = Frame::parse(&STANDARD_A).unwrap();
    assert_eq!((frame.length(), frame.c_field(), frame.ci()), (15, CField::SND_NR, Some(0x78)));
    assert_eq!(frame.address().manufacturer.letters(), Some(*b"CEN"));
    assert_eq!(frame.address().identification.number(), Some(12_345_678));
    assert_eq!((frame.address().version.0, frame.address().device_type.0), (1, 7));
    assert_eq!(frame.payload(), &STANDARD_A[10..]);
    let mut buffer = [0; 16];
    assert_eq!(frame.to_builder().encode_into(&mut buffer).unwrap(), STANDARD_A);
    assert_eq!(Ell::parse_optional(frame.payload()).unwrap(), (None, frame.payload()));
}

#[test]
fn l_of_format_b_is_reported_and_not_repaired() {
    let error = Frame::parse(&STANDARD_B).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Truncated { needed: 21, available: 19 });
    let (frame, quirk) = Frame::parse_ignoring_length(&STANDARD_B).unwrap();
    assert_eq!((frame.length(), quirk), (0x14, Some(LengthQuirk::CountsOneCrc)));
    let (ell, rest) = Ell::parse_prefix(frame.payload()).unwrap();
    assert_eq!((ell.control.0, ell.access_number, rest), (0x20, 0x27, &STANDARD_A[10..]));
}

#[test]
fn what_is_wrong_with_l_is_told() {
    for length in 0..=255_u8 {
        for octets in 0..=300_usize {
            let quirk = LengthQuirk::of(length, octets);
            match octets as i64 - i64::from(length) {
                1 => assert_eq!(quirk, None),
                0 => assert_eq!(quirk, Some(LengthQuirk::CountsItself)),
                -1 => assert_eq!(quirk, Some(LengthQuirk::CountsOneCrc)),
                -3 => assert_eq!(quirk, Some(LengthQuirk::CountsTwoCrcs)),
                n if n > 1 => assert_eq!(quirk, Some(LengthQuirk::Surplus(n as usize - 1))),
                n => assert_eq!(quirk, Some(LengthQuirk::Missing((1 - n) as usize))),
            }
        }
    }
    assert_eq!(Frame::parse_ignoring_length(&STANDARD_A[..10]).unwrap().1, Some(LengthQuirk::Missing(6)));
    assert_eq!(Frame::parse_ignoring_length(&STANDARD_A[..9]).unwrap_err().kind.name(), "truncated");
}

#[test]
fn a_small_l_is_refused_and_nine_is_read() {
    let mut octets = STANDARD_A;
    for length in 0..=8 {
        octets[0] = length;
        let error = Frame::parse(&octets).unwrap_err();
        assert_eq!((error.kind, error.offset), (ErrorKind::FrameLengthTooSmall { length, minimum: 9 }, 0));
    }
    octets[0] = 9;
    let frame = Frame::parse(&octets[..10]).unwrap();
    assert_eq!((frame.payload().len(), frame.ci()), (0, None));
    // Read, but not written.
    assert_eq!(
        frame.to_builder().encode_into(&mut [0; 16]).unwrap_err().kind,
        ErrorKind::NoControlInformation
    );
}

#[test]
fn a_payload_fits_or_is_refused() {
    for len in 1..=MAX_PAYLOAD {
        assert_eq!(usize::from(encode_header(CField::SND_NR, meter(), len).unwrap()[0]), len + 9);
    }
    for len in [247, 248, 65_536, usize::MAX] {
        let kind = ErrorKind::PayloadTooLong { octets: len, maximum: 246 };
        assert_eq!(encode_header(CField::SND_NR, meter(), len).unwrap_err().kind, kind);
    }
}

#[test]
fn every_c_field_survives() {
    for c in 0..=255 {
        let builder = FrameBuilder { c_field: CField(c), address: meter(), payload: &[0x7A] };
        let mut buffer = [0; 11];
        let octets = builder.encode_into(&mut buffer).unwrap();
        assert_eq!(Frame::parse(octets).unwrap().c_field(), CField(c));
    }
}

/// Each layout written out by hand, with all fields different from one another.
const LAYOUTS: [(&[u8], bool, bool); 4] = [
    (&[0x8C, 0xA0, 0x51], false, false),
    (&[0x8D, 0xA0, 0x51, 0x21, 0x43, 0x65, 0x27, 0xC5, 0x7A], false, true),
    (&[0x8E, 0xA0, 0x51, 0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31], true, false),
    (
        &[
            0x8F, 0xA0, 0x51, 0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31, 0x21, 0x43, 0x65, 0x27, 0xC5,
            0x7A,
        ],
        true,
        true,
    ),
];

#[test]
fn the_four_layouts_are_read_and_built_again() {
    for (octets, with_receiver, with_session) in LAYOUTS {
        let mut long = octets.to_vec();
        long.push(0x7A);
        let (ell, rest) = Ell::parse_prefix(&long).unwrap();
        assert_eq!((ell.ci(), ell.encoded_len(), rest), (octets[0], octets.len(), &[0x7A][..]));
        assert_eq!((ell.control.0, ell.access_number), (0xA0, 0x51));
        assert_eq!(ell.receiver, with_receiver.then(gateway));
        let session = EllSession { number: SessionNumber(0x2765_4321), payload_crc: 0x7AC5 };
        assert_eq!(ell.session, with_session.then_some(session));
        assert_eq!(ell.is_encrypted(), with_session);
        assert_eq!(ell.enciphered_from(), with_session.then_some(octets.len() - 2));
        for size in 0..=octets.len() {
            match ell.encode_into(&mut vec![0; size]) {
                Ok(built) => assert_eq!(built, octets),
                Err(e) => {
                    assert_eq!(e.kind, ErrorKind::BufferTooSmall { needed: octets.len(), available: size });
                }
            }
        }
        for end in 0..octets.len() {
            let error = Ell::parse_prefix(&octets[..end]).unwrap_err();
            assert_eq!(error.kind.name(), "truncated");
            assert!(error.offset <= end);
        }
    }
}

#[test]
fn every_ci_is_an_ell_or_is_not() {
    for ci in 0..=255_u8 {
        let mut octets = [0; 20];
        octets[0] = ci;
        let result = Ell::parse_prefix(&octets);
        match ci {
            0x8C..=0x8F => assert_eq!(result.unwrap().0.ci(), ci),
            0x86 => assert_eq!(result.unwrap_err().kind, ErrorKind::UnsupportedEll { ci }),
            _ => {
                assert_eq!(result.unwrap_err().kind, ErrorKind::NotAnEll { ci });
                assert_eq!(Ell::parse_optional(&octets).unwrap(), (None, &octets[..]));
            }
        }
    }
    assert_eq!(Ell::parse_optional(&[]).unwrap(), (None, &[][..]));
}

#[test]
fn ell_v_is_known_by_name_only() {
    let octets = [0x86, 0x20, 0x27, 0x01, 0x02, 0x03];
    let ell = EllV::parse(&octets).unwrap();
    assert_eq!((ell.control_guess.0, ell.access_number_guess, ell.rest), (0x20, 0x27, &octets[3..]));
    assert_eq!(Ell::parse_optional(&octets).unwrap_err().kind.name(), "unsupported_ell");
    assert_eq!(EllV::parse(&octets[..2]).unwrap_err().kind.name(), "truncated");
    assert_eq!(EllV::parse(&[0x8C, 0, 0]).unwrap_err().kind.name(), "not_an_ell");
}

#[test]
fn every_cc_has_its_bits() {
    for value in 0..=255_u8 {
        let cc = CommunicationControl(value);
        let bits = [
            (CommunicationControl::BIDIRECTIONAL, 7),
            (CommunicationControl::FAST_RESPONSE, 6),
            (CommunicationControl::SYNCHRONOUS, 5),
            (CommunicationControl::HOP, 4),
            (CommunicationControl::PRIORITY, 3),
            (CommunicationControl::ACCESSIBILITY, 2),
            (CommunicationControl::REPEATED_ACCESS, 1),
            (CommunicationControl::EXTENDED_DELAY, 0),
        ];
        for (bit, place) in bits {
            assert_eq!(cc.contains(bit), value >> place & 1 == 1);
        }
        assert_eq!(cc.without_repeater_bits().0, value & 0xED);
        let access = match value & 0x84 {
            0x00 => Accessibility::None,
            0x04 => Accessibility::TemporarilyNone,
            0x80 => Accessibility::Limited,
            _ => Accessibility::Unlimited,
        };
        assert_eq!(cc.accessibility(), access);
        let ell = Ell { control: cc, ..Ell::default() };
        assert_eq!(ell.counter_block_control(), value & 0xED);
        assert_eq!(ell.encode_into(&mut [0; 3]).unwrap(), [0x8C, value, 0]);
    }
}

#[test]
fn what_people_read() {
    assert_eq!(CommunicationControl(0xA0).to_string(), "BS");
    assert_eq!(CommunicationControl(0xFF).to_string(), "BDSHPARX");
    assert_eq!(CommunicationControl(0).to_string(), "-");
    assert_eq!(CommunicationControl(0x84).accessibility().to_string(), "unlimited access");
    assert_eq!(SessionNumber(0x2123_4567).to_string(), "encryption 1, minute 1193046, session 7");
    let quirk = LengthQuirk::of(STANDARD_B[0], STANDARD_B.len()).unwrap();
    assert_eq!(quirk.to_string(), "L is two too large, it seems to count a CRC (format B)");
    assert_eq!(LengthQuirk::of(15, 24).unwrap().to_string(), "8 octets more than L says");
}

#[test]
#[cfg(feature = "alloc")]
fn vectors_hold_the_same_octets() {
    let frame = Frame::parse(&STANDARD_A).unwrap();
    assert_eq!(frame.to_builder().to_vec().unwrap(), STANDARD_A);
    for (octets, _, _) in LAYOUTS {
        assert_eq!(Ell::parse_prefix(octets).unwrap().0.to_vec(), octets);
    }
}

#[test]
fn session_numbers_hold_three_fields() {
    let number = SessionNumber::new(1, 0x0012_3456, 7).unwrap();
    assert_eq!(number.octets(), [0x67, 0x45, 0x23, 0x21]);
    assert_eq!((number.encryption(), number.minutes(), number.session()), (1, 0x0012_3456, 7));
    assert_eq!(SessionNumber::new(7, 0x01FF_FFFF, 15), Some(SessionNumber(u32::MAX)));
    assert_eq!(SessionNumber::new(8, 0, 0), None);
    assert_eq!(SessionNumber::new(0, 1 << 25, 0), None);
    assert_eq!(SessionNumber::new(0, 0, 16), None);
    assert!(!SessionNumber(0x1FFF_FFFF).is_encrypted());
}

#[test]
fn every_ci_has_the_transport_header_of_the_standard() {
    // EN 13757-7, table 2: l long, s short, - none, one row for 16 CIs.
    let printed = concat!(
        "----------------", // 00
        "----------------", // 10
        "----------------", // 20
        "----------------", // 30
        "----------------", // 40
        "---l-l-s--sl---l", // 50
        "lss-ls-sl-slllsl", // 60
        "--llsl----sslsls", // 70
        "l-l-ll-ls-sl----", // 80
        "--------------sl", // 90
        "----------------", // A0
        "----------------", // B0
        "lsllslss--------", // C0
        "----------------", // D0
        "----------------", // E0
        "----------------", // F0
    );
    assert_eq!(printed.len(), 256);
    for (ci, header) in (0..=255_u8).zip(printed.chars()) {
        let fields = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x2A, 0x00, 0x23, 0xE5];
        let octets = |c| {
            let mut octets = vec![0x16, c, 0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31, ci];
            octets.extend_from_slice(if header == 's' { &fields[8..] } else { &fields });
            octets
        };
        if matches!(ci, 0x8C..=0x90) {
            continue;
        }
        let routing = Routing::of(&octets(0x53));
        assert_eq!(routing.addressee, (header == 'l').then(meter), "{ci:02X}");
        assert_eq!(Routing::of(&octets(0x08)).addressee, None, "{ci:02X}");
        // E523h: B, A, S, mode 5, H, R.
        let known = header != '-';
        assert_eq!(routing.control.map(|c| c.0), known.then_some(0xB6), "{ci:02X}");
        assert_eq!(routing.access_number, known.then_some(0x2A), "{ci:02X}");
        let place = if header == 'l' { 21 } else { 13 };
        assert_eq!(routing.repeater_bits.map(|b| b.octet), known.then_some(place), "{ci:02X}");
    }
}

#[test]
fn nothing_is_read_from_enciphered_octets() {
    for (ci, enciphered) in [(0x8D_u8, true), (0x8D, false)] {
        let mut octets = vec![0x1F, 0x53, 0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31, ci, 0x84, 0x01];
        octets.extend_from_slice(&[0, 0, 0, if enciphered { 0x20 } else { 0 }, 0xAA, 0xBB]);
        octets.extend_from_slice(&[0x80, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x2A, 0, 0, 5]);
        let routing = Routing::of(&octets);
        assert_eq!(routing.addressee, (!enciphered).then(meter));
        assert_eq!((routing.control.map(|c| c.0), routing.access_number), (Some(0x84), Some(1)));
    }
}

#[test]
fn the_network_layer_is_recognised() {
    let octets = [0x81, 0x1D, 0x7A, 0x51, 0x00, 0x00, 0x00];
    let layer = NetworkLayer::parse(&octets).unwrap();
    assert_eq!(layer.raw, &octets[1..]);
    assert_eq!(layer.guess_next(), Some((0x1D, &octets[2..])));
    assert_eq!(NetworkLayer::parse(&[0x81]).unwrap().guess_next(), None);
    assert_eq!(NetworkLayer::parse(&[0x81, 0x1D]).unwrap().guess_next(), None);
    assert_eq!(NetworkLayer::parse(&[0x81, 0x1D, 0x00]).unwrap().guess_next(), None);
    assert_eq!(NetworkLayer::parse(&[]).unwrap_err().kind.name(), "truncated");
    assert_eq!(NetworkLayer::parse(&[0x7A]).unwrap_err().kind, ErrorKind::NotANetworkLayer { ci: 0x7A });
}

proptest! {
    #[test]
    fn any_octets_parse_or_are_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        match Frame::parse_prefix(&octets) {
            Ok((frame, surplus)) => {
                prop_assert_eq!(usize::from(frame.length()) + 1 + surplus.len(), octets.len());
                if !frame.payload().is_empty() {
                    let mut buffer = [0; 256];
                    let built = frame.to_builder().encode_into(&mut buffer).unwrap();
                    prop_assert_eq!(&*built, &octets[..built.len()]);
                }
            }
            Err(error) => prop_assert!(error.offset <= octets.len()),
        }
        let _ = Ell::parse_optional(&octets);
        let _ = EllV::parse(&octets);
        let _ = NetworkLayer::parse(&octets).map(|layer| layer.guess_next());
    }

    #[test]
    fn any_ell_is_built_and_read(
        ci in 0x8C..=0x8F_u8,
        octets in prop::collection::vec(any::<u8>(), 20..40),
    ) {
        let mut octets = octets;
        octets[0] = ci;
        let (ell, rest) = Ell::parse_prefix(&octets).unwrap();
        let mut buffer = [0; 17];
        let built = ell.encode_into(&mut buffer).unwrap();
        prop_assert_eq!(&*built, &octets[..octets.len() - rest.len()]);
    }

    #[test]
    fn any_session_number_is_its_fields(raw in any::<u32>()) {
        let number = SessionNumber(raw);
        let again = SessionNumber::new(number.encryption(), number.minutes(), number.session());
        prop_assert_eq!(again, Some(number));
    }
}
