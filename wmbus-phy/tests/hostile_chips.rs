//! Chips as no transmitter should send them: slips, turned spectra, sync words where none belong, carriers that never end.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod vectors;

use vectors::heard::{Heard, deframer, frames, hear};
use vectors::{Numbers, airs, made_up, sent, turned};
use wmbus_phy::mode::{C1, T1};
use wmbus_phy::{AirInterface, ErrorKind, FrameFormat, LineCode};

/// Chips of preamble and sync word.
fn head(air: &AirInterface, format: FrameFormat) -> usize {
    air.preamble.chips_len(air.preamble.minimum) + usize::from(air.sync_word(format).unwrap().len)
}

/// A transmission without what follows the frame.
fn bare(air: AirInterface, format: FrameFormat, frame: &[u8]) -> Vec<bool> {
    let mut chips = sent(air, format, frame);
    let octets = format.encoded_len(frame.len());
    chips.truncate(head(&air, format) + octets * air.code.chips_per_octet());
    chips
}

#[test]
fn the_last_chip_is_missing() {
    for (air, format) in airs() {
        let frame = made_up(30);
        let mut chips = bare(air, format, &frame);
        let whole = hear(&mut deframer(&[air]), &chips, 64);
        assert_eq!(frames(&whole), [&frame[..]], "a frame needs no postamble");
        let last = chips.pop().unwrap();
        let octets = format.encoded_len(frame.len());
        let heard = hear(&mut deframer(&[air]), &chips, 64);
        let truncated = ErrorKind::Truncated { needed: octets, available: octets - 1 }.at(octets - 1);
        assert!(
            matches!(&heard[..], [Heard::Broken(_, _, read, error)] if *error == truncated && read.len() == octets - 1),
            "{air:?} {heard:?}"
        );
        // Whatever takes its place, the next frame is found, and this one only if the chip was the right one.
        let next = sent(air, format, &made_up(20));
        let heard = hear(&mut deframer(&[air]), &[&chips[..], &next].concat(), 64);
        let found = frames(&heard);
        assert_eq!(found.last(), Some(&&made_up(20)[..]), "{air:?}");
        assert_eq!(found.len(), if next[0] == last { 2 } else { 1 }, "{air:?}");
    }
}

#[test]
fn nothing_lies_between_two_frames_but_the_preamble() {
    for (air, format) in airs() {
        let lengths = [10, 26, 27, 100];
        let chips: Vec<bool> =
            lengths.iter().flat_map(|length| bare(air, format, &made_up(*length))).collect();
        let heard = hear(&mut deframer(&[air]), &chips, 50);
        assert_eq!(frames(&heard), lengths.map(made_up), "{air:?}");
    }
}

/// One chip too few or too many, as when the clock of the receiver slips.
#[test]
fn a_slip_costs_one_frame_and_is_told() {
    for (air, format) in airs() {
        let (slipped, next) = (made_up(40), made_up(20));
        let (chips, behind) = (sent(air, format, &slipped), sent(air, format, &next));
        let head = head(&air, format);
        let end = head + format.encoded_len(slipped.len()) * air.code.chips_per_octet();
        for at in (head + 1..end - 32).step_by(13) {
            for more in [false, true] {
                let mut stream = chips.clone();
                if more {
                    stream.insert(at, !chips[at]);
                } else {
                    stream.remove(at);
                }
                stream.extend(&behind);
                let heard = hear(&mut deframer(&[air]), &stream, 40);
                assert_eq!(frames(&heard), [&next[..]], "{air:?} {at} {more}");
                assert!(matches!(heard[0], Heard::Broken(..)));
            }
        }
    }
}

/// The spectrum turns round in the middle of a frame: no chips of the rest are right.
#[test]
fn a_polarity_that_changes_within_a_frame() {
    for (air, format) in airs() {
        let (frame, next) = (made_up(40), made_up(20));
        let chips = sent(air, format, &frame);
        let head = head(&air, format);
        for at in (head + 16..head + 200).step_by(8) {
            let mut stream = chips[..at].to_vec();
            stream.extend(turned(&air, &chips[at..]));
            let behind = sent(air, format, &next);
            stream.extend(turned(&air, &behind));
            stream.extend(behind);
            let heard = hear(&mut deframer(&[air]), &stream, 40);
            assert_eq!(frames(&heard), [&next[..]; 2], "{air:?} {at}");
        }
        // A preamble of one polarity, everything behind it of the other.
        let preamble = air.preamble.chips_len(air.preamble.minimum) - 8;
        let mut stream = chips[..preamble].to_vec();
        stream.extend(turned(&air, &chips[preamble..]));
        assert_eq!(frames(&hear(&mut deframer(&[air]), &stream, 40)), [&frame[..]], "{air:?}");
    }
}

/// In the codes without redundancy data may be a whole transmission. It is data as long as the frame around it is right, and
/// a frame when that one is broken.
#[test]
fn a_transmission_inside_a_frame() {
    for (air, format) in airs().filter(|(air, _)| air.code == LineCode::Nrz) {
        let inner = made_up(20);
        // Frame format B has one CRC behind all of it, so that the chips stay together.
        let chips = bare(air, format, &inner);
        let packed = vectors::pack(&chips);
        let mut outer = made_up(125);
        if format == FrameFormat::B {
            outer.truncate(124);
            outer[0] = 123;
        }
        outer[12..12 + packed.len()].copy_from_slice(&packed);
        let mut stream = sent(air, format, &outer);
        assert_eq!(frames(&hear(&mut deframer(&[air]), &stream, 31)), [&outer[..]], "{air:?}");
        if format == FrameFormat::B {
            let last = stream.len() - 1;
            stream[last] ^= true;
            let heard = hear(&mut deframer(&[air]), &stream, 31);
            assert_eq!(frames(&heard), [&inner[..]], "{air:?}");
            assert!(matches!(heard[0], Heard::Broken(..)));
        }
    }
}

#[test]
fn carriers_that_never_end_say_nothing() {
    let everything: Vec<AirInterface> = airs().map(|(air, _)| air).collect();
    let patterns: [&[bool]; 6] = [
        &[false],
        &[true],
        &[false, true],
        &[false, true, true, true],
        &[false, false, true, true],
        &[true, true, true, true, false, false, false, false],
    ];
    for pattern in patterns {
        let chips: Vec<bool> = pattern.iter().copied().cycle().take(60_000).collect();
        assert!(hear(&mut deframer(&everything), &chips, 977).is_empty(), "{pattern:?}");
    }
}

/// Sync words without end: each is told at most once, and a frame behind them is found.
#[test]
fn sync_words_without_end() {
    for (air, format) in airs() {
        let word = air.sync_word(format).unwrap();
        let one: Vec<bool> = (0..word.len).rev().map(|at| word.chips >> at & 1 == 1).collect();
        let preamble = &sent(air, format, &made_up(10))[..12];
        let many: Vec<bool> = (0..500).flat_map(|_| [preamble, &one].concat()).collect();
        let frame = made_up(50);
        let stream = [many, sent(air, format, &frame)].concat();
        let heard = hear(&mut deframer(&[air]), &stream, 100);
        assert_eq!(frames(&heard), [&frame[..]], "{air:?}");
        assert!(heard.len() <= 502, "{air:?} {}", heard.len());
    }
}

/// The longest frames, at any place in an octet, behind noise, both formats.
#[test]
fn the_longest_frames() {
    let mut numbers = Numbers(5);
    for (air, format) in airs() {
        let frame = made_up(if format == FrameFormat::A { 255 } else { 251 });
        assert_eq!(format.encoded_len(frame.len()), if format == FrameFormat::A { 290 } else { 256 });
        let noise = numbers.below(40);
        let mut stream = numbers.chips(noise);
        stream.extend(sent(air, format, &frame));
        stream.extend(sent(air, format, &frame));
        let heard = hear(&mut deframer(&[air]), &stream, 1 + numbers.below(5_000));
        assert_eq!(frames(&heard), [&frame[..]; 2], "{air:?}");
    }
}

/// As captured off the air: a preamble of 35 repetitions, and a carrier that goes two or three chips behind the frame.
#[test]
fn more_preamble_and_less_postamble_than_the_standard_has() {
    for format in [FrameFormat::A, FrameFormat::B] {
        for air in [T1.from_meter, C1.from_meter] {
            if air.sync_word(format).is_none() {
                continue;
            }
            let frame = made_up(41);
            for behind in 0..4 {
                let mut stream: Vec<bool> = [false, true].repeat(16);
                stream.extend(bare(air, format, &frame));
                let last = *stream.last().unwrap();
                stream.extend((0..behind).map(|at| last ^ (at % 2 == 0)));
                stream.extend([false; 40]);
                let heard = hear(&mut deframer(&[T1.from_meter, C1.from_meter]), &stream, 64);
                assert_eq!((frames(&heard), heard.len()), (vec![&frame[..]], 1));
            }
        }
    }
}
