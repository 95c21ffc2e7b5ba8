//! The printed frame A1 in both codes, every symbol, every refusal.

use super::*;
use crate::format_a;
use proptest::prelude::*;
use std::vec::Vec;

/// The example of EN 13757-4 in frame format A.
const FRAME: [u8; 20] = *b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x44\x47\x78\x0B\x13\x43\x65\x87\x1E\x6D";
/// Its chips, worked out outside this crate.
const THREE_OF_SIX: &str = "5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B1";
const MANCHESTER: &str = "AA559A9A6656AA5A956A9996A59AA9A6AAA9AA959A9A9A95956AAA65A9A59AA596996A95A9569659";
const CODES: [LineCode; 3] = [LineCode::Nrz, LineCode::Manchester, LineCode::ThreeOfSix];

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// `count` chips of a packed sequence, as a number.
fn chips(packed: &[u8], at: usize, count: usize) -> u8 {
    (at..at + count).fold(0, |chips, at| chips << 1 | packed[at / 8] >> (7 - at % 8) & 1)
}

#[test]
fn the_printed_frame_has_these_chips() {
    for (code, expected) in [(LineCode::ThreeOfSix, THREE_OF_SIX), (LineCode::Manchester, MANCHESTER)] {
        let expected = hex(expected);
        for size in 0..=expected.len() {
            let mut buffer = std::vec![0; size];
            match code.encode_into(&FRAME, &mut buffer) {
                Ok(found) => assert_eq!(found, expected),
                Err(error) => {
                    let kind = ErrorKind::BufferTooSmall { needed: expected.len(), available: size };
                    assert_eq!(error.kind, kind);
                    assert!(size < expected.len() && buffer.iter().all(|octet| *octet == 0));
                }
            }
        }
        // Postamble and noise follow.
        let mut received = expected.clone();
        received.extend([0x55, 0xFF, 0x00]);
        let mut buffer = [0; 290];
        let frame = code.decode_frame_into(&received, FrameFormat::A, &mut buffer).unwrap();
        assert_eq!(frame, FRAME);
        assert_eq!(format_a::strip_in_place(frame).unwrap().frame.len(), 16);
        for length in 0..expected.len() {
            let error = code.decode_frame_into(&expected[..length], FrameFormat::A, &mut buffer).unwrap_err();
            let needed = if length < code.chips_len(1) { code.chips_len(1) } else { expected.len() };
            assert_eq!(error.kind, ErrorKind::Truncated { needed, available: length });
        }
        let error = code.decode_frame_into(&expected, FrameFormat::A, &mut [0; 19]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 20, available: 19 });
    }
}

#[test]
fn an_l_field_that_the_format_does_not_have_is_refused() {
    let mut packed = [0; 2];
    for code in CODES {
        let packed = code.encode_into(&[0x05], &mut packed).unwrap();
        for format in [FrameFormat::A, FrameFormat::B] {
            let error = code.decode_frame_into(packed, format, &mut [0; 290]).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::LengthTooSmall { length: 5, .. }));
        }
    }
}

#[test]
fn symbols_have_three_ones_and_show_the_outer_bits_of_the_nibble() {
    for (nibble, symbol) in three_of_six::SYMBOLS.into_iter().enumerate() {
        assert_eq!(symbol.count_ones(), 3);
        assert_eq!((usize::from(symbol >> 5), usize::from(symbol & 1)), (nibble >> 3, nibble & 1));
    }
}

/// Every pattern in every place is the symbol it is, or the error that names it.
#[test]
fn every_pattern_of_chips_is_read_or_named() {
    for (code, width, octets) in [(LineCode::ThreeOfSix, 6, 5), (LineCode::Manchester, 2, 3)] {
        let data = &[0xA5, 0x0F, 0x3C, 0x96, 0x71][..octets];
        let mut good = [0; 8];
        let good = code.encode_into(data, &mut good).unwrap().to_vec();
        let per_octet = code.chips_len(2) * 8 / 2;
        for at in (0..octets * per_octet).step_by(width) {
            for pattern in 0..1_u8 << width {
                let mut packed = good.clone();
                for chip in 0..width {
                    let place = at + chip;
                    let bit = pattern >> (width - 1 - chip) & 1;
                    packed[place / 8] = packed[place / 8] & !(0x80 >> (place % 8)) | bit << (7 - place % 8);
                }
                assert_eq!(chips(&packed, at, width), pattern);
                let known = match code {
                    LineCode::ThreeOfSix => three_of_six::SYMBOLS.contains(&pattern),
                    _ => pattern == 1 || pattern == 2,
                };
                let mut out = [0; 5];
                match code.decode_into(&packed, &mut out[..octets]) {
                    Ok(read) => {
                        assert!(known);
                        let mut again = [0; 8];
                        assert_eq!(code.encode_into(read, &mut again).unwrap(), packed);
                    }
                    Err(error) => {
                        assert!(!known);
                        let kind = ErrorKind::InvalidSymbol { chip: at, symbol: pattern, chips: width as u8 };
                        assert_eq!((error.kind, error.offset), (kind, at / 8));
                        let whole = at / per_octet;
                        assert_eq!(out[..whole], data[..whole], "octets in front of it are there");
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn octets_come_back(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        for code in CODES {
            let mut packed = std::vec![0; code.chips_len(octets.len())];
            code.encode_into(&octets, &mut packed).unwrap();
            let mut again = std::vec![0; octets.len()];
            prop_assert_eq!(&*code.decode_into(&packed, &mut again).unwrap(), &octets[..]);
        }
    }
    #[test]
    fn any_chips_are_survived(packed: Vec<u8>, size in 0_usize..300) {
        for code in CODES {
            let mut buffer = std::vec![0; size];
            for format in [FrameFormat::A, FrameFormat::B] {
                let _ = code.decode_frame_into(&packed, format, &mut buffer);
            }
        }
    }
}
