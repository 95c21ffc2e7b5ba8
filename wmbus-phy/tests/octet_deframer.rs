//! Frames in streams of octets: noise, cut and glued frames, frames in broken ones, with and without a radio that says
//! where a frame begins.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod vectors;

use proptest::prelude::*;
use vectors::{Blocks, FORMAT_A, FORMAT_B, Numbers, hex, made_up};
use wmbus_phy::{Error, ErrorKind, FrameFormat, OctetDeframer, OctetEvent, format_a, format_b};

use FrameFormat::{A, B};

#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Frame(FrameFormat, Vec<u8>),
    Broken(FrameFormat, Error, usize),
    Noise(usize),
}

fn owned(event: OctetEvent<'_>) -> Heard {
    match event {
        OctetEvent::Frame { format, octets } => Heard::Frame(format, octets.to_vec()),
        OctetEvent::Broken { format, error, octets } => Heard::Broken(format, error, octets),
        OctetEvent::Noise { octets } => Heard::Noise(octets),
    }
}

fn hear<const N: usize>(deframer: &mut OctetDeframer<N>, octets: &[u8], cut: usize) -> Vec<Heard> {
    let mut heard = Vec::new();
    for mut piece in octets.chunks(cut) {
        while let Some(event) = deframer.handle_input(&mut piece) {
            heard.push(owned(event));
        }
        assert!(piece.is_empty());
    }
    deframer.gap();
    while let Some(event) = deframer.poll_event() {
        heard.push(owned(event));
    }
    assert!(deframer.is_empty());
    heard
}

fn deframer(formats: &[FrameFormat]) -> OctetDeframer {
    OctetDeframer::new(formats)
}

/// Every octet is in exactly one event.
fn octets_of(heard: &[Heard]) -> usize {
    let octets = |heard: &Heard| match heard {
        Heard::Frame(_, octets) => octets.len(),
        Heard::Broken(_, _, octets) | Heard::Noise(octets) => *octets,
    };
    heard.iter().map(octets).sum()
}

fn frames(heard: &[Heard]) -> Vec<(FrameFormat, &[u8])> {
    heard
        .iter()
        .filter_map(|heard| match heard {
            Heard::Frame(format, octets) => Some((*format, &octets[..])),
            _ => None,
        })
        .collect()
}

fn on_air(format: FrameFormat, frame: &[u8]) -> Vec<u8> {
    let mut out = [0; 290];
    match format {
        A => format_a::encode_into(frame, &mut out).unwrap().to_vec(),
        B => format_b::encode_into(frame, &mut out).unwrap().to_vec(),
    }
}

fn printed() -> Vec<(FrameFormat, Vec<u8>)> {
    let join =
        |blocks: &Blocks| blocks.iter().flat_map(|(data, crc)| [hex(data), hex(crc)].concat()).collect();
    let a = FORMAT_A.iter().map(|blocks| (A, join(blocks)));
    a.chain(FORMAT_B.iter().map(|blocks| (B, join(blocks)))).collect()
}

#[test]
fn printed_frames_glued_together() {
    let all = printed();
    let stream: Vec<u8> = all.iter().flat_map(|(_, octets)| octets.clone()).collect();
    let expected: Vec<Heard> =
        all.iter().map(|(format, octets)| Heard::Frame(*format, octets.clone())).collect();
    for cut in [1, 2, 7, 64, 10_000] {
        assert_eq!(hear(&mut deframer(&[A, B]), &stream, cut), expected);
    }
    // One format alone does not take the other one's frames.
    for format in [A, B] {
        let heard = hear(&mut deframer(&[format]), &stream, 50);
        assert!(frames(&heard).iter().all(|(found, _)| *found == format));
        assert_eq!(frames(&heard).len(), all.iter().filter(|(found, _)| *found == format).count());
        assert_eq!(octets_of(&heard), stream.len());
    }
}

#[test]
fn every_length_of_both_formats() {
    for format in [A, B] {
        for length in 10..=if format == A { 255 } else { 251_u8 } {
            let octets = on_air(format, &made_up(length));
            assert_eq!(
                hear(&mut deframer(&[A, B]), &octets, 100),
                [Heard::Frame(format, octets.clone())],
                "{format} {length}"
            );
        }
    }
}

#[test]
fn a_frame_is_told_with_its_last_octet() {
    for (format, octets) in printed() {
        let mut deframer = deframer(&[format]);
        let (last, rest) = octets.split_last().unwrap();
        assert_eq!(deframer.handle_input(&mut &rest[..]), None);
        assert_eq!(deframer.handle_input(&mut &[*last][..]).map(owned), Some(Heard::Frame(format, octets)));
    }
}

#[test]
fn damage_is_told_with_its_block_and_the_next_frame_is_found() {
    let octets = on_air(A, &made_up(60));
    let next = on_air(A, &made_up(20));
    for bit in 8..octets.len() * 8 {
        let mut stream = octets.clone();
        stream[bit / 8] ^= 0x80 >> (bit % 8);
        stream.extend(&next);
        let heard = hear(&mut deframer(&[A]), &stream, 33);
        assert_eq!(frames(&heard), [(A, &next[..])]);
        assert_eq!(octets_of(&heard), stream.len());
        let block = (bit / 8).checked_sub(12).map_or(0, |behind| 1 + behind / 18);
        if block == 0 {
            // The header does not fit, so it is no more than noise.
            assert!(heard.iter().all(|heard| !matches!(heard, Heard::Broken(..))), "{heard:?}");
        } else {
            let [Heard::Broken(A, error, broken), Heard::Frame(..)] = &heard[..] else { panic!("{heard:?}") };
            assert!(matches!(error.kind, ErrorKind::BlockCrc { block: found, .. } if found == block));
            assert_eq!(*broken, octets.len());
        }
        // A radio that found the sync word knows that it was a frame.
        let mut known = deframer(&[A]);
        known.begin();
        let heard = hear(&mut known, &stream, 33);
        assert!(
            matches!(&heard[..], [Heard::Broken(A, error, _), Heard::Frame(..)]
                if matches!(error.kind, ErrorKind::BlockCrc { block: found, .. } if found == block)),
            "{heard:?}"
        );
    }
}

#[test]
fn what_cannot_begin_a_frame_is_told_when_the_radio_says_it_does() {
    for (format, length, kind) in [
        (A, 8, ErrorKind::LengthTooSmall { length: 8, minimum: 9 }),
        (B, 10, ErrorKind::LengthTooSmall { length: 10, minimum: 11 }),
        (B, 128, ErrorKind::LengthImpossible { length: 128 }),
        (B, 129, ErrorKind::LengthImpossible { length: 129 }),
    ] {
        let mut known = deframer(&[format]);
        known.begin();
        let heard = hear(&mut known, &[length, 0, 0, 0], 9);
        assert_eq!(heard, [Heard::Broken(format, kind.at(0), 1), Heard::Noise(3)]);
        assert_eq!(hear(&mut known, &[length, 0, 0, 0], 9), [Heard::Noise(4)]);
    }
}

#[test]
fn a_frame_behind_a_cut_one_is_found() {
    for (format, octets) in printed() {
        let next = on_air(format, &made_up(20));
        for cut in 1..octets.len() {
            // Where a last block of ten octets is missing, the header behind it fits in its place.
            if format == A && cut + 12 == octets.len() {
                continue;
            }
            let mut stream = octets[..cut].to_vec();
            stream.extend(&next);
            let heard = hear(&mut deframer(&[format]), &stream, 19);
            assert_eq!(frames(&heard).last(), Some(&(format, &next[..])), "{heard:?}");
            assert_eq!(octets_of(&heard), stream.len());
            // With a gap in between the cut one is told for what it is.
            let mut known = deframer(&[format]);
            known.begin();
            let heard = hear(&mut known, &octets[..cut], 19);
            let truncated = ErrorKind::Truncated { needed: octets.len(), available: cut }.at(cut);
            assert_eq!(heard, [Heard::Broken(format, truncated, cut)]);
            known.begin();
            assert_eq!(hear(&mut known, &next, 19), [Heard::Frame(format, next.clone())]);
        }
    }
}

#[test]
fn a_sync_word_with_nothing_behind_it_is_told() {
    let mut known = deframer(&[A]);
    known.begin();
    assert_eq!(known.poll_event(), None);
    let error = ErrorKind::Truncated { needed: 1, available: 0 }.at(0);
    known.begin();
    assert_eq!(known.poll_event().map(owned), Some(Heard::Broken(A, error, 0)));
    assert_eq!(known.poll_event(), None);
    known.gap();
    assert_eq!(known.poll_event().map(owned), Some(Heard::Broken(A, error, 0)));
    assert_eq!(known.poll_event(), None);
}

#[test]
fn a_frame_inside_a_broken_one_is_found() {
    let inner = on_air(A, &made_up(20));
    let mut outer = made_up(90);
    outer[30..30 + inner.len()].copy_from_slice(&inner);
    // In frame format B the inner one stands in one piece.
    let mut octets = on_air(B, &outer);
    *octets.last_mut().unwrap() ^= 1;
    let heard = hear(&mut deframer(&[A, B]), &octets, 21);
    assert_eq!(frames(&heard), [(A, &inner[..])]);
    assert_eq!(octets_of(&heard), octets.len());
    // While the outer one is right, the inner one is its data.
    *octets.last_mut().unwrap() ^= 1;
    assert_eq!(hear(&mut deframer(&[A, B]), &octets, 21), [Heard::Frame(B, octets.clone())]);
}

#[test]
fn a_frame_longer_than_the_room_is_told() {
    let (long, short) = (on_air(A, &made_up(200)), on_air(A, &made_up(20)));
    let stream = [long.clone(), short.clone()].concat();
    let heard = hear(&mut OctetDeframer::<40>::new(&[A]), &stream, 30);
    let error = ErrorKind::BufferTooSmall { needed: long.len(), available: 40 }.at(0);
    assert_eq!(heard, [Heard::Broken(A, error, long.len()), Heard::Frame(A, short)]);
}

#[test]
fn noise_is_told_in_bounded_pieces() {
    let heard = hear(&mut deframer(&[A]), &[0; 1_000], 100);
    assert_eq!(heard, [Heard::Noise(256), Heard::Noise(256), Heard::Noise(256), Heard::Noise(232)]);
    assert!(size_of::<OctetDeframer>() < 450, "{}", size_of::<OctetDeframer>());
}

/// One octet over and over, every octet: each is told once, and none of it is a frame.
#[test]
fn every_octet_without_end() {
    for octet in 0..=255 {
        for formats in [&[A][..], &[B], &[A, B]] {
            for begin in [false, true] {
                let mut deframer = deframer(formats);
                if begin {
                    deframer.begin();
                }
                let heard = hear(&mut deframer, &[octet; 1_000], 77);
                assert!(frames(&heard).is_empty(), "{octet:02X}");
                assert_eq!(octets_of(&heard), 1_000, "{octet:02X}");
            }
        }
    }
}

/// L-field FF: 290 octets of format A, 256 of format B, behind octets that look like longer frames.
#[test]
fn the_longest_frames_behind_each_other() {
    for format in [A, B] {
        let octets = on_air(format, &made_up(if format == A { 255 } else { 251 }));
        assert_eq!((octets[0], octets.len()), (0xFF, if format == A { 290 } else { 256 }));
        let stream = [&[0xFF; 3], &octets[..], &octets[..]].concat();
        let heard = hear(&mut deframer(&[format]), &stream, 19);
        let frame = Heard::Frame(format, octets);
        assert_eq!(heard, [Heard::Noise(3), frame.clone(), frame]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_come_through_noise(
        mut frame in prop::collection::vec(any::<u8>(), 11..=252),
        seed in 1_u64..,
        cut in 1_usize..300,
        b: bool,
    ) {
        frame[0] = (frame.len() - 1) as u8;
        let format = if b { B } else { A };
        let octets = on_air(format, &frame);
        let mut numbers = Numbers(seed);
        let mut noise = || (0..numbers.below(60)).map(|_| numbers.below(256) as u8).collect::<Vec<u8>>();
        let mut stream = noise();
        stream.extend(&octets);
        stream.extend(noise());
        let heard = hear(&mut deframer(&[format]), &stream, cut);
        // Noise may pass for a frame once in 65,536 times; then it is not this one that is lost by 2^-16 more.
        prop_assert_eq!(frames(&heard), [(format, &octets[..])]);
        prop_assert_eq!(octets_of(&heard), stream.len());
        prop_assert_eq!(&hear(&mut deframer(&[format]), &stream, 1), &heard);
        // With both formats looked for, too, unless noise looks like the other one.
        let both = hear(&mut deframer(&[A, B]), &stream, cut);
        prop_assert!(frames(&both).contains(&(format, &octets[..])));
    }

    #[test]
    fn any_octets_are_told_once(octets in prop::collection::vec(any::<u8>(), 0..2_000), cut in 1_usize..300, begin: bool) {
        for formats in [&[A][..], &[B], &[A, B]] {
            let mut deframer = deframer(formats);
            if begin {
                deframer.begin();
            }
            let heard = hear(&mut deframer, &octets, cut);
            prop_assert_eq!(octets_of(&heard), octets.len());
        }
    }
}
