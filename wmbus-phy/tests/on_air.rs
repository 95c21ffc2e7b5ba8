//! Whole transmissions of every mode: against chips worked out by another program, every length, every refusal.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod vectors;

use vectors::on_air::{EXAMPLE_A, EXAMPLE_B, ON_AIR, OnAir, S_SHORT};
use vectors::{airs, directions, hex, made_up};
use wmbus_phy::mode::{self, AirInterface, Family, Mode, Postamble};
use wmbus_phy::{
    ChipDeframer, ChipEvent, Chips, ErrorKind, FrameFormat, LineCode, Transmission, format_a, format_b,
};

fn transmission<'a>(row: &OnAir, frame: &'a [u8]) -> Transmission<'a> {
    let (name, direction, format, _, preamble, postamble, ..) = *row;
    let mode = Mode::named(name).unwrap();
    let air = if direction == 'm' { mode.from_meter } else { mode.to_meter.unwrap() };
    let format = if format == 'A' { FrameFormat::A } else { FrameFormat::B };
    let built = Transmission::new(air, format, frame);
    assert_eq!(built.preamble, preamble, "the shortest preamble of {name}");
    Transmission { postamble, ..built }
}

#[test]
fn every_mode_sends_these_chips_and_every_buffer_size_is_told() {
    for row in ON_AIR {
        let (name, _, _, frame, _, _, chips, expected) = *row;
        let (frame, expected) = (hex(frame), hex(&format!("{expected}0")));
        let built = transmission(row, &frame);
        assert_eq!((built.chips_len(), built.encoded_len()), (chips, chips.div_ceil(8)), "{name}");
        let expected = &expected[..built.encoded_len()];
        for size in 0..expected.len() + 2 {
            let mut buffer = vec![0xEE; size];
            match built.encode_into(&mut buffer) {
                Ok(chips) => {
                    assert_eq!(chips, expected, "{name}");
                    assert!(buffer[expected.len()..].iter().all(|octet| *octet == 0xEE));
                }
                Err(error) => {
                    let kind = ErrorKind::BufferTooSmall { needed: expected.len(), available: size };
                    assert_eq!(error, kind.at(0), "{name}");
                    assert!(size < expected.len() && buffer.iter().all(|octet| *octet == 0xEE));
                }
            }
        }
    }
    let named: Vec<(&str, char)> = ON_AIR.iter().map(|row| (row.0, row.1)).collect();
    for (mode, air) in directions() {
        let direction = if air == mode.from_meter { 'm' } else { 'o' };
        // The chips of the long header are in the next test.
        assert!(mode == &mode::S1 || named.contains(&(mode.name, direction)), "{mode}");
    }
}

#[test]
fn the_long_header_is_more_of_the_same() {
    let frame = hex(EXAMPLE_A);
    let long = Transmission::new(mode::S1.from_meter, FrameFormat::A, &frame);
    let mut buffer = [0; 200];
    let chips = long.encode_into(&mut buffer).unwrap();
    // 264 repetitions more are 66 octets.
    assert_eq!(chips[..66], [0x55; 66]);
    assert_eq!(chips[66..], hex(S_SHORT));
    // Mode S2 may use it too, and any receiver bears more preamble than the least.
    let s2 = Transmission { preamble: 279, ..Transmission::new(mode::S2.from_meter, FrameFormat::A, &frame) };
    assert_eq!(s2.encode_into(&mut [0; 200]).unwrap(), chips);
}

/// The chips of each row come back as the frame, wherever the octets of the receiver begin.
#[test]
fn every_mode_hears_these_chips() {
    for row in ON_AIR {
        let (name, _, _, frame, preamble, _, len, chips) = *row;
        let frame = hex(frame);
        let built = transmission(row, &frame);
        for shift in 0..8 {
            let chips = hex(&format!("{chips}0"));
            let mut all = vec![false; shift];
            all.extend(Chips::with_len(&chips, len));
            let packed = vectors::pack(&all);
            let mut input = Chips::with_len(&packed, all.len());
            let mut deframer = <ChipDeframer>::new(&[built.air]).unwrap();
            let word = usize::from(built.air.sync_word(built.format).unwrap().len);
            let behind = shift + built.air.preamble.chips_len(preamble) + word;
            match deframer.handle_input(&mut input) {
                Some(ChipEvent::Frame { sync, chip, octets }) => {
                    assert_eq!((sync.format, sync.code), (built.format, built.air.code), "{name}");
                    assert_eq!((chip, sync.errors), (behind as u64, 0), "{name}");
                    assert_eq!(sync.format.strip_in_place(octets).unwrap().frame, frame, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(deframer.handle_input(&mut input), None);
        }
    }
}

/// Every length that a frame can have, in every mode, against the two layers it is made of.
#[test]
fn every_length_in_every_mode() {
    for (air, format) in airs() {
        for length in 10..=255_u8 {
            let frame = made_up(length);
            let built = Transmission::new(air, format, &frame);
            let mut encoded = [0; 290];
            let encoded = match format {
                FrameFormat::A => format_a::encode_into(&frame, &mut encoded),
                FrameFormat::B => format_b::encode_into(&frame, &mut encoded),
            };
            let mut chips = [0; 700];
            let encoded = match encoded {
                Ok(encoded) => encoded,
                Err(error) => {
                    assert!(length > 251 && format == FrameFormat::B);
                    assert_eq!(built.encode_into(&mut chips).unwrap_err(), error);
                    continue;
                }
            };
            let mut coded = [0; 580];
            let coded = air.code.encode_into(encoded, &mut coded).unwrap();
            let len = encoded.len() * air.code.chips_per_octet();
            built.encode_into(&mut chips).unwrap();
            let head =
                air.preamble.chips_len(built.preamble) + usize::from(air.sync_word(format).unwrap().len);
            let mut sent = Chips::with_len(&chips, built.chips_len()).skip(head);
            assert!(Chips::with_len(coded, len).all(|chip| Some(chip) == sent.next()));
            // The postamble goes on with the complement and alternates.
            let last = Chips::with_len(coded, len).last().unwrap();
            let tail: Vec<bool> = sent.collect();
            assert_eq!(tail.len(), usize::from(built.postamble));
            assert!(tail.iter().enumerate().all(|(at, chip)| *chip == last ^ (at % 2 == 0)));
            if air.postamble != Postamble::NONE {
                assert_eq!(built.chips_len() % 8, 0);
                assert!((2..=8).contains(&tail.len()));
                if air.family == Family::T && air.code == LineCode::ThreeOfSix {
                    assert_eq!(tail.len(), if encoded.len() % 2 == 0 { 8 } else { 4 });
                }
            }
        }
    }
}

#[test]
fn what_no_mode_has_is_refused_and_nothing_written() {
    let frame = hex(EXAMPLE_A);
    let refused = |transmission: Transmission<'_>, kind: ErrorKind| {
        let mut buffer = [0xEE; 700];
        assert_eq!(transmission.encode_into(&mut buffer).unwrap_err().kind, kind);
        assert_eq!(buffer, [0xEE; 700]);
    };
    for (_, air) in directions() {
        let built = Transmission::new(air, FrameFormat::A, &frame);
        let (minimum, maximum) = (air.preamble.minimum, air.preamble.maximum);
        let short = minimum - 1;
        let kind = ErrorKind::PreambleLength { repetitions: short, minimum, maximum };
        refused(Transmission { preamble: short, ..built }, kind);
        if maximum == minimum {
            let kind = ErrorKind::PreambleLength { repetitions: 17, minimum, maximum };
            refused(Transmission { preamble: 17, ..built }, kind);
        }
        let (minimum, maximum) = (air.postamble.minimum, air.postamble.maximum);
        let kind = ErrorKind::PostambleLength { chips: 9, minimum, maximum };
        refused(Transmission { postamble: 9, ..built }, kind);
        if minimum > 0 {
            let kind = ErrorKind::PostambleLength { chips: 1, minimum, maximum };
            refused(Transmission { postamble: 1, ..built }, kind);
        }
        if air.sync_b.is_none() {
            let kind = ErrorKind::FormatNotInMode { format: FrameFormat::B };
            refused(Transmission { format: FrameFormat::B, ..built }, kind);
        }
        let cut = &frame[..15];
        refused(
            Transmission { frame: cut, ..built },
            ErrorKind::LengthMismatch { length: 15, following: 14 },
        );
        refused(Transmission { frame: &made_up(9), ..built }, ErrorKind::NoCiField);
        let short = &[8, 0, 0, 0, 0, 0, 0, 0, 0];
        refused(Transmission { frame: short, ..built }, ErrorKind::LengthTooSmall { length: 8, minimum: 9 });
        refused(Transmission { frame: &[], ..built }, ErrorKind::Truncated { needed: 1, available: 0 });
        let mut small = [0xEE; 4];
        assert!(built.encode_into(&mut small).is_err());
        assert_eq!(small, [0xEE; 4]);
    }
}

#[test]
fn transmissions_take_their_time() {
    let frame = hex(EXAMPLE_B);
    let time = |air: AirInterface, format| Transmission::new(air, format, &frame).nanoseconds();
    // 232 chips at 100 kchip/s.
    assert_eq!(time(mode::C1.from_meter, FrameFormat::B), 2_320_000);
    assert_eq!(time(mode::C2.to_meter.unwrap(), FrameFormat::B), 4_640_000);
}
