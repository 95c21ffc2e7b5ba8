//! Every sync word at every place, in both polarities, with wrong chips, and what looks like one.

use super::*;
use crate::mode::{C1, MODES, N2A, N2G, S2, T1};
use proptest::prelude::*;
use std::vec::Vec;

/// Preamble and sync word, as chips.
fn on_air(air: &AirInterface, format: FrameFormat, preamble: u16) -> Vec<bool> {
    let word = air.sync_word(format).unwrap();
    let pattern = air.preamble;
    let repeated =
        (0..preamble).flat_map(|_| (0..pattern.pattern_len).rev().map(|at| pattern.pattern >> at & 1));
    let repeated = repeated.map(|chip| chip == 1);
    repeated.chain((0..word.len).rev().map(|at| word.chips >> at & 1 == 1)).collect()
}

/// All hits and behind which chip they are.
fn hits(mut search: Search, chips: &[bool]) -> Vec<(usize, Sync)> {
    let mut found = Vec::new();
    for (at, chip) in chips.iter().enumerate() {
        search.handle_chip(*chip);
        while let Some(sync) = search.poll_sync() {
            found.push((at + 1, sync));
        }
    }
    found
}

/// All directions of all modes, with each format they have.
fn all() -> impl Iterator<Item = (AirInterface, FrameFormat)> {
    let airs = MODES.iter().flat_map(|mode| [Some(mode.from_meter), mode.to_meter]).flatten();
    airs.flat_map(|air| [FrameFormat::A, FrameFormat::B].map(|format| (air, format)))
        .filter(|(air, format)| air.sync_word(*format).is_some())
}

/// Turns chips over as the other sideband does.
fn turned(air: &AirInterface, chips: &[bool]) -> Vec<bool> {
    // The sync words are whole symbols, so the last chip is the second one of its symbol.
    let four = air.levels.inversion() != u32::MAX;
    chips.iter().rev().enumerate().map(|(at, chip)| chip ^ (!four || at % 2 == 1)).rev().collect()
}

#[test]
fn every_word_is_found_in_both_polarities_with_one_wrong_chip() {
    for (air, format) in all() {
        for before in 0..3_u16 {
            let good = on_air(&air, format, air.preamble.minimum.min(16) + before);
            let word = usize::from(air.sync_word(format).unwrap().len);
            for polarity in [Polarity::Normal, Polarity::Inverted] {
                for wrong in [None].into_iter().chain((good.len() - word..good.len()).map(Some)) {
                    let mut chips =
                        if polarity == Polarity::Normal { good.clone() } else { turned(&air, &good) };
                    if let Some(wrong) = wrong {
                        chips[wrong] ^= true;
                    }
                    let search = Search::new(&[air]).unwrap();
                    let found = hits(search.clone(), &chips);
                    let (at, sync) =
                        found.iter().rfind(|(_, sync)| sync.code == air.code && !sync.late).unwrap();
                    assert_eq!(*at, chips.len());
                    assert_eq!((sync.family, sync.format, sync.polarity), (air.family, format, polarity));
                    assert_eq!(sync.errors, u8::from(wrong.is_some()));
                    let strict = hits(search.with_tolerance(0), &chips);
                    let whole = strict.iter().any(|(_, sync)| !sync.late);
                    assert_eq!(whole, wrong.is_none(), "{air:?}");
                }
            }
        }
    }
}

#[test]
fn tolerance_counts_wrong_chips_and_no_more() {
    let good = on_air(&S2.from_meter, FrameFormat::A, 15);
    for tolerance in 0..4_u8 {
        for first in good.len() - 24..good.len() - 6 {
            let mut chips = good.clone();
            for wrong in 0..=tolerance {
                let search = Search::new(&[S2.from_meter]).unwrap().with_tolerance(tolerance);
                let found = hits(search, &chips);
                assert!(found.iter().any(|(at, sync)| *at == chips.len() && sync.errors == wrong));
                chips[first + usize::from(wrong)] ^= true;
            }
            let search = Search::new(&[S2.from_meter]).unwrap().with_tolerance(tolerance);
            assert!(hits(search, &chips).iter().all(|(at, _)| *at != chips.len()), "one too many");
        }
    }
}

#[test]
fn modes_t_and_c_are_told_apart_behind_the_word_they_share() {
    let airs = [T1.from_meter, C1.from_meter];
    let found = hits(Search::new(&airs).unwrap(), &on_air(&T1.from_meter, FrameFormat::A, 19));
    let names = |found: &[(usize, Sync)]| -> Vec<_> {
        found.iter().map(|(at, sync)| (*at, sync.family, sync.format, sync.late)).collect()
    };
    let (a, b) = (FrameFormat::A, FrameFormat::B);
    // The second half of format B's word may have come without its first half.
    assert_eq!(names(&found), [(48, Family::T, a, false), (48, Family::C, b, true)]);
    let found = hits(Search::new(&airs).unwrap(), &on_air(&C1.from_meter, a, 16));
    assert_eq!(
        names(&found),
        [(48, Family::T, a, false), (48, Family::C, b, true), (64, Family::C, a, false)]
    );
    let found = hits(Search::new(&airs).unwrap(), &on_air(&C1.from_meter, b, 16));
    assert_eq!(
        names(&found)[2..],
        [(64, Family::C, b, false), (64, Family::T, a, false), (64, Family::C, b, true)]
    );
    // In which order they were named makes no difference.
    let airs = [C1.from_meter, T1.from_meter];
    assert_eq!(hits(Search::new(&airs).unwrap(), &on_air(&C1.from_meter, b, 16)), found);
}

#[test]
fn words_of_the_standard_stay_apart() {
    let words: Vec<(Family, FrameFormat, SyncWord)> =
        all().map(|(air, format)| (air.family, format, air.sync_word(format).unwrap())).collect();
    for (_, format, word) in &words {
        for (_, other_format, other) in &words {
            if word.len == other.len && format != other_format {
                let distance = (word.chips ^ other.chips).count_ones();
                assert!(distance > 2 * u32::from(Search::TOLERANCE), "{word:X?} {other:X?}");
            }
        }
    }
}

#[test]
fn the_preamble_makes_up_the_words_that_radio_chips_look_for() {
    let pattern = |air: AirInterface| {
        let target = Search::new(&[air]).unwrap().targets[0];
        (target.pattern & target.mask, target.mask.count_ones())
    };
    assert_eq!(pattern(T1.from_meter), (0x543D, 16));
    assert_eq!(pattern(S2.from_meter), (0x54_7696, 24));
    assert_eq!(pattern(N2A.from_meter), (0b01_0101 << 16 | 0xF68D, 22));
    assert_eq!(pattern(N2G.from_meter), (0xFF7D_D5F7, 32));
    // Without the preamble the word alone is enough, with more of it less is found.
    let short = &on_air(&T1.from_meter, FrameFormat::A, 19)[38..];
    let found = |preamble| hits(Search::new(&[T1.from_meter]).unwrap().with_preamble(preamble), short).len();
    assert_eq!((found(0), found(1), found(6)), (1, 0, 0));
    let long = on_air(&T1.from_meter, FrameFormat::A, 11);
    let found = |preamble| hits(Search::new(&[T1.from_meter]).unwrap().with_preamble(preamble), &long).len();
    assert_eq!((found(22), found(99)), (1, 1), "32 chips in all at most");
}

#[test]
fn too_many_words_are_refused_and_equal_ones_counted_once() {
    let everything: Vec<AirInterface> = all().map(|(air, _)| air).collect();
    let search = Search::new(&everything).unwrap();
    assert_eq!(search.count, 9, "S, T, C-A, C-B and its half, N-A, N-B, N2g-A, N2g-B");
    let many: Vec<AirInterface> = (0..13)
        .map(|chips| AirInterface { sync_a: Some(SyncWord { chips, len: 20 }), ..T1.from_meter })
        .collect();
    assert!(Search::new(&many[..12]).is_ok());
    assert_eq!(Search::new(&many).unwrap_err().kind, ErrorKind::TooManySyncWords { maximum: 12 });
}

#[test]
fn a_reset_forgets_half_a_word() {
    let chips = on_air(&S2.from_meter, FrameFormat::A, 15);
    let mut search = Search::new(&[S2.from_meter]).unwrap();
    for (at, chip) in chips.iter().enumerate() {
        search.handle_chip(*chip);
        if at == chips.len() - 4 {
            search.reset();
        }
        assert_eq!(search.poll_sync(), None);
    }
    search.begin(SyncWord::S);
    assert_eq!(search.poll_sync().map(|sync| sync.errors), Some(0));
    // Chips that never came are no part of a word.
    let search =
        Search::new(&[AirInterface { sync_a: Some(SyncWord { chips: 0, len: 8 }), ..T1.from_meter }]);
    let search = search.unwrap().with_preamble(0);
    assert_eq!(hits(search, &[false; 7]).len(), 0);
}

proptest! {
    /// A word is found wherever it stands, whatever was in front of it, however the chips are cut.
    #[test]
    fn noise_hides_no_word(noise in prop::collection::vec(any::<bool>(), 0..200), cut in 1_usize..40, turn: bool) {
        for (air, format) in all() {
            let mut chips = noise.clone();
            let word = on_air(&air, format, 8);
            chips.extend(if turn { turned(&air, &word) } else { word });
            let packed: Vec<u8> = chips
                .chunks(8)
                .map(|octet| octet.iter().enumerate().fold(0, |sum, (at, chip)| sum | u8::from(*chip) << (7 - at)))
                .collect();
            let mut search = Search::new(&[air]).unwrap();
            let expected = hits(search.clone(), &chips);
            let mut all = Chips::with_len(&packed, chips.len());
            let mut found = Vec::new();
            let mut taken = 0;
            while !all.is_empty() {
                let piece: Vec<bool> = all.by_ref().take(cut).collect();
                let octets: Vec<u8> = piece.iter().map(|chip| u8::from(*chip) << 7).collect();
                for octet in octets {
                    taken += 1;
                    let mut chip = Chips::with_len(core::slice::from_ref(&octet), 1);
                    while let Some(sync) = search.find(&mut chip) {
                        found.push((taken, sync));
                    }
                }
            }
            prop_assert_eq!(&found, &expected);
            let polarity = if turn { Polarity::Inverted } else { Polarity::Normal };
            prop_assert!(found.iter().any(|(at, sync)| *at == chips.len()
                && (sync.format, sync.polarity, sync.errors, sync.late) == (format, polarity, 0, false)));
        }
    }
}
