//! Frames in streams of chips: noise, bursts, cut and glued frames, both polarities, every wrong chip.
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
use vectors::heard::{Heard, deframer, frames, hear, owned};
use vectors::on_air::{EXAMPLE_A, EXAMPLE_B};
use vectors::{Numbers, airs, hex, made_up, sent, turned};
use wmbus_phy::mode::{self, Family};
use wmbus_phy::sync::Polarity;
use wmbus_phy::{AirInterface, ChipDeframer, Chips, ErrorKind, FrameFormat, Search, format_a};

const T_AND_C: [AirInterface; 2] = [mode::T1.from_meter, mode::C1.from_meter];

#[test]
fn every_mode_length_and_polarity_comes_back() {
    let mut numbers = Numbers(1);
    let mut seen = Vec::new();
    for (air, format) in airs() {
        // What differs only in frequency or chip rate has the same chips: once with every length is enough.
        let chips = (air.family, air.code, air.levels, air.preamble, format);
        let lengths = if seen.contains(&chips) { vec![10, 26, 251] } else { (10..=255_u8).collect() };
        seen.push(chips);
        for length in lengths {
            if format == FrameFormat::B && length > 251 {
                continue;
            }
            let frame = made_up(length);
            for polarity in [Polarity::Normal, Polarity::Inverted] {
                let chips = sent(air, format, &frame);
                let chips = if polarity == Polarity::Normal { chips } else { turned(&air, &chips) };
                let mut all = numbers.chips(length as usize % 9);
                all.extend(chips);
                let heard = hear(&mut deframer(&[air]), &all, 1 + numbers.below(900));
                match &heard[..] {
                    [Heard::Frame(sync, _, octets)] => {
                        assert_eq!((sync.format, sync.polarity, octets), (format, polarity, &frame));
                    }
                    other => panic!("{air:?} {length} {other:?}"),
                }
            }
        }
    }
}

/// Where one chip is wrong the frame is refused, and told where: at the symbol, or by the CRC of its block.
#[test]
fn every_wrong_chip_is_found_where_it_is() {
    let frame = hex(EXAMPLE_A);
    for air in [mode::T1.from_meter, mode::S2.from_meter, mode::N2A.from_meter] {
        let good = sent(air, FrameFormat::A, &frame);
        let head = good.len() - 20 * air.code.chips_per_octet() - usize::from(air.postamble.maximum);
        let symbol = match air.family {
            Family::T => 6,
            Family::S => 2,
            _ => 1,
        };
        for wrong in head..head + 20 * air.code.chips_per_octet() {
            let mut chips = good.clone();
            chips[wrong] ^= true;
            let heard = hear(&mut deframer(&[air]), &chips, 64);
            // Behind it something in the frame may look like a sync word.
            assert!(frames(&heard).is_empty());
            let [Heard::Broken(sync, chip, octets, error), ..] = &heard[..] else { panic!("{heard:?}") };
            assert_eq!((*chip, sync.errors), (head as u64, 0));
            let at = wrong - head;
            if symbol > 1 {
                // One wrong chip always leaves a symbol with another number of ones.
                assert!(
                    matches!(error.kind, ErrorKind::InvalidSymbol { chip, .. } if chip == at / symbol * symbol),
                    "{at} {error}"
                );
                assert_eq!(error.offset, at / symbol * symbol / 8);
                assert_eq!(octets.len(), at / air.code.chips_per_octet());
            } else if at >= 8 {
                let block = usize::from(at >= 12 * 8);
                assert!(
                    matches!(error.kind, ErrorKind::BlockCrc { block: found, .. } if found == block),
                    "{at}"
                );
                assert_eq!(error.offset, block * 12);
            }
        }
    }
}

/// All one chip errors in all symbols of 3-of-6 and Manchester, by octet, without a frame around them.
#[test]
fn no_wrong_chip_makes_another_octet() {
    for air in [mode::T1.from_meter, mode::S1.from_meter] {
        let code = air.code;
        let width = code.chips_per_octet();
        for octet in 0..=255_u8 {
            let mut chips = [0; 2];
            code.encode_into(&[octet], &mut chips).unwrap();
            for wrong in 0..width {
                let mut damaged = chips;
                damaged[wrong / 8] ^= 0x80 >> (wrong % 8);
                let error = code.decode_into(&damaged, &mut [0]).unwrap_err();
                let symbol = if width == 12 { 6 } else { 2 };
                assert!(
                    matches!(error.kind, ErrorKind::InvalidSymbol { chip, .. } if chip == wrong / symbol * symbol)
                );
            }
        }
    }
}

#[test]
fn a_radio_for_modes_t_and_c_tells_them_apart() {
    let (a, b) = (hex(EXAMPLE_A), hex(EXAMPLE_B));
    let mut chips = Vec::new();
    let mut expected = Vec::new();
    let mut numbers = Numbers(7);
    for _ in 0..40 {
        let (air, format, frame) = match numbers.below(3) {
            0 => (T_AND_C[0], FrameFormat::A, &a),
            1 => (T_AND_C[1], FrameFormat::A, &a),
            _ => (T_AND_C[1], FrameFormat::B, &b),
        };
        expected.push((air.family, format, frame.clone()));
        chips.extend(sent(air, format, frame));
    }
    for cut in [1, 8, 13, 100_000] {
        let heard = hear(&mut deframer(&T_AND_C), &chips, cut);
        let found: Vec<_> = heard
            .iter()
            .map(|heard| match heard {
                Heard::Frame(sync, _, octets) => (sync.family, sync.format, octets.clone()),
                Heard::Broken(..) => panic!("{heard:?}"),
            })
            .collect();
        assert_eq!(found, expected);
    }
    // Each alone hears only its own. The second half of the word of format B looks like mode T, so mode T alone reports
    // it as broken; the first half never does.
    let own = expected.iter().filter(|(family, ..)| *family == Family::T).count();
    let heard = hear(&mut deframer(&T_AND_C[..1]), &chips, 64);
    let b_frames = expected.iter().filter(|(_, format, _)| *format == FrameFormat::B).count();
    assert_eq!((frames(&heard).len(), heard.len()), (own, own + b_frames));
    let heard = hear(&mut deframer(&T_AND_C[1..]), &chips, 64);
    assert_eq!((frames(&heard).len(), heard.len()), (40 - own, 40 - own));
}

#[test]
fn half_the_sync_word_of_mode_c_is_enough() {
    // The receiver came too late for all but the second half: no 543D543D, only 543D.
    let chips = sent(mode::C1.from_meter, FrameFormat::B, &hex(EXAMPLE_B));
    let late = &chips[48..];
    let heard = hear(&mut deframer(&T_AND_C), late, 16);
    let [.., Heard::Frame(sync, 16, octets)] = &heard[..] else { panic!("{heard:?}") };
    assert!(sync.late);
    assert_eq!((sync.family, sync.format, octets), (Family::C, FrameFormat::B, &hex(EXAMPLE_B)));
}

#[test]
fn frames_that_follow_each_other_are_all_found() {
    for (air, format) in airs() {
        let frames_sent: Vec<Vec<u8>> = [10, 40, 200, 11, 98].map(made_up).to_vec();
        let chips: Vec<bool> = frames_sent.iter().flat_map(|frame| sent(air, format, frame)).collect();
        let heard = hear(&mut deframer(&[air]), &chips, 77);
        assert_eq!(frames(&heard), frames_sent, "{air:?}");
        assert_eq!(heard.len(), frames_sent.len());
    }
}

#[test]
fn a_frame_behind_a_cut_one_is_found_wherever_it_was_cut() {
    for (air, format) in airs() {
        let (long, short) = (made_up(60), made_up(20));
        let (first, second) = (sent(air, format, &long), sent(air, format, &short));
        for cut in (0..first.len()).step_by(7) {
            let mut chips = first[..cut].to_vec();
            chips.extend(&second);
            let heard = hear(&mut deframer(&[air]), &chips, 99);
            let found = frames(&heard);
            assert_eq!(found.last(), Some(&&short[..]), "{air:?} cut at {cut}: {heard:?}");
        }
    }
}

#[test]
fn a_false_sync_word_hides_nothing() {
    // A sync word, and right behind it a whole transmission: the first one reads the second one's preamble.
    for (air, format) in airs() {
        let frame = made_up(30);
        let chips = sent(air, format, &frame);
        let head =
            air.preamble.chips_len(air.preamble.minimum) + usize::from(air.sync_word(format).unwrap().len);
        for between in 0..20 {
            let mut all = chips[..head].to_vec();
            all.extend(Numbers(between as u64 + 1).chips(between));
            all.extend(&chips);
            let heard = hear(&mut deframer(&[air]), &all, 33);
            assert_eq!(frames(&heard), [&frame[..]], "{air:?} {between} {heard:?}");
        }
    }
}

#[test]
fn a_gap_ends_what_was_begun_and_tells_how_far_it_came() {
    let air = mode::T1.from_meter;
    let chips = sent(air, FrameFormat::A, &hex(EXAMPLE_A));
    let mut deframer = deframer(&[air]);
    // Sync word and five and a half octets.
    let heard = hear(&mut deframer, &chips[..48 + 66], 8);
    let error = ErrorKind::Truncated { needed: 20, available: 5 }.at(5);
    let [Heard::Broken(_, 48, octets, found)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((&octets[..], *found), (&hex(EXAMPLE_A)[..5], error));
    // The other half does not count as the rest of it, and the next one is found; positions go on.
    assert!(hear(&mut deframer, &chips[48 + 66..], 8).is_empty());
    let heard = hear(&mut deframer, &chips, 8);
    let [Heard::Frame(_, at, _)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(*at, chips.len() as u64 + 48);
    assert_eq!(deframer.taken(), 2 * chips.len() as u64);
}

/// A radio chip that finds the sync word itself delivers only what follows.
#[test]
fn chips_from_behind_the_sync_word() {
    for (air, format) in airs() {
        let frame = made_up(50);
        let chips = sent(air, format, &frame);
        let head =
            air.preamble.chips_len(air.preamble.minimum) + usize::from(air.sync_word(format).unwrap().len);
        let mut deframer = deframer(&[air]);
        // The half of a frame before does not disturb.
        let mut half = Chips::with_len(&[0x55, 0x55, 0x55], 21);
        assert!(deframer.handle_input(&mut half).is_none());
        deframer.begin(&air, format).unwrap();
        let heard = hear(&mut deframer, &chips[head..], 8);
        assert_eq!((frames(&heard), heard.len()), (vec![&frame[..]], 1), "{air:?}");
    }
    // It looks for 543D and cannot know yet that it is mode C.
    let chips = sent(T_AND_C[1], FrameFormat::B, &hex(EXAMPLE_B));
    let mut deframer = deframer(&T_AND_C);
    deframer.begin(&T_AND_C[0], FrameFormat::A).unwrap();
    let heard = hear(&mut deframer, &chips[48..], 8);
    assert_eq!(frames(&heard), [hex(EXAMPLE_B)]);
    let error = deframer.begin(&T_AND_C[0], FrameFormat::B).unwrap_err();
    assert_eq!(error.kind, ErrorKind::FormatNotInMode { format: FrameFormat::B });
}

#[test]
fn a_frame_longer_than_the_room_is_told_and_the_next_one_found() {
    let air = mode::S2.from_meter;
    let mut chips = sent(air, FrameFormat::A, &made_up(200));
    chips.extend(sent(air, FrameFormat::A, &made_up(20)));
    let mut small = ChipDeframer::<64>::new(&[air]).unwrap();
    let heard = hear(&mut small, &chips, 500);
    let needed = format_a::encoded_len(201) * 2 + 1;
    assert!(matches!(&heard[..], [Heard::Broken(_, _, _, error), Heard::Frame(_, _, frame)]
        if error.kind == ErrorKind::BufferTooSmall { needed, available: 64 } && *frame == made_up(20)));
    // The ordinary one holds the longest frame of the code with the most chips, wherever its first chip lies.
    for shift in 0..8 {
        let mut chips = vec![false; shift];
        chips.extend(sent(air, FrameFormat::A, &made_up(255)));
        assert_eq!(frames(&hear(&mut deframer(&[air]), &chips, 10_000)), [made_up(255)]);
    }
    assert!(size_of::<ChipDeframer>() < 1_400, "{}", size_of::<ChipDeframer>());
}

#[test]
fn single_chips_do_as_well() {
    let chips = sent(mode::T1.from_meter, FrameFormat::A, &hex(EXAMPLE_A));
    let mut deframer = deframer(&T_AND_C);
    let mut found = Vec::new();
    for chip in chips {
        found.extend(deframer.handle_chip(chip).map(owned));
        while let Some(event) = deframer.poll_event() {
            found.push(owned(event));
        }
    }
    assert_eq!(frames(&found), [hex(EXAMPLE_A)]);
    assert_eq!(found.len(), 1);
}

/// Ten minutes of noise in every mode: no frame, and the work stays within bounds of the chips that came.
#[test]
fn noise_is_no_frame() {
    let mut numbers = Numbers(99);
    let everything: Vec<AirInterface> = airs().map(|(air, _)| air).collect();
    for search in [Search::new(&everything).unwrap(), Search::new(&everything).unwrap().with_tolerance(3)] {
        let mut deframer = ChipDeframer::<584>::with_search(search);
        let mut broken = 0;
        for _ in 0..400 {
            let heard = hear(&mut deframer, &numbers.chips(1_000), 256);
            assert!(frames(&heard).is_empty(), "{heard:?}");
            broken += heard.len();
        }
        assert!(broken > 0, "sync words stand in noise too");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any frame in any mode comes through between noise, upside down or not, however the chips are cut.
    #[test]
    fn frames_come_through_noise(
        mut frame in prop::collection::vec(any::<u8>(), 11..=252),
        seed in 1_u64..,
        turn: bool,
        cut in 1_usize..700,
    ) {
        frame[0] = (frame.len() - 1) as u8;
        let mut numbers = Numbers(seed);
        let all: Vec<_> = airs().collect();
        let (air, format) = all[numbers.below(all.len())];
        let count = numbers.below(300);
        let mut chips = numbers.chips(count);
        let transmission = sent(air, format, &frame);
        chips.extend(if turn { turned(&air, &transmission) } else { transmission });
        let count = numbers.below(300);
        chips.extend(numbers.chips(count));
        let heard = hear(&mut deframer(&[air]), &chips, cut);
        prop_assert_eq!(frames(&heard), [&frame[..]]);
        // Where the chips are cut changes nothing.
        prop_assert_eq!(hear(&mut deframer(&[air]), &chips, 1), heard);
    }

    /// A burst destroys one frame of three, and only that one.
    #[test]
    fn a_burst_costs_one_frame(seed in 1_u64.., from in 0_usize..600, len in 8_usize..64) {
        let mut numbers = Numbers(seed);
        let all: Vec<_> = airs().collect();
        let (air, format) = all[numbers.below(all.len())];
        let sent_frames = [made_up(30), made_up(31), made_up(32)];
        let mut chips: Vec<Vec<bool>> = sent_frames.iter().map(|frame| sent(air, format, frame)).collect();
        // Never the last chips, which may be the postamble, nor the preamble of the next.
        let word = usize::from(air.sync_word(format).unwrap().len);
        let head = air.preamble.chips_len(air.preamble.minimum) + word;
        let from = head + from % (chips[1].len() - head - len - 8);
        for chip in &mut chips[1][from..from + len] {
            *chip = numbers.below(2) == 1;
        }
        let intact = chips[1] == sent(air, format, &sent_frames[1]);
        let heard = hear(&mut deframer(&[air]), &chips.concat(), 64);
        let found = frames(&heard);
        prop_assert!(found.contains(&&sent_frames[0][..]) && found.contains(&&sent_frames[2][..]));
        prop_assert_eq!(found.contains(&&sent_frames[1][..]), intact);
        prop_assert!(intact || heard.iter().any(|heard| matches!(heard, Heard::Broken(..))));
    }
}
