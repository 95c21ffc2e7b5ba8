//! Every row against the numbers of the standard, written down once more and apart from the table.

use super::*;
use crate::sync::SyncWord;
use crate::{FrameFormat, LineCode};

/// Name, direction, hertz, chips a second, bits a second, deviation, code, preamble repetitions, sync words (A, B) as
/// strings of chips.
type Row = (&'static str, char, u32, u32, u32, u32, LineCode, u16, &'static str, &'static str);

use LineCode::{Manchester, Nrz, ThreeOfSix};

const S: &str = "000111011010010110";
const CA: &str = "01010100001111010101010011001101";
const CB: &str = "01010100001111010101010000111101";
const NA: &str = "1111011010001101";
const NB: &str = "1111011001110010";
const GA: &str = "11111111011111011101010111110111";
const GB: &str = "11111111011111010111111101011101";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("S1",   'm', 868_300_000,  32_768, 16_384, 50_000, Manchester, 279, S, ""),
    ("S1-m", 'm', 868_300_000,  32_768, 16_384, 50_000, Manchester,  15, S, ""),
    ("S2",   'm', 868_300_000,  32_768, 16_384, 50_000, Manchester,  15, S, ""),
    ("S2",   'o', 868_300_000,  32_768, 16_384, 50_000, Manchester,  15, S, ""),
    ("T1",   'm', 868_950_000, 100_000, 66_666, 50_000, ThreeOfSix,  19, "0000111101", ""),
    ("T2",   'm', 868_950_000, 100_000, 66_666, 50_000, ThreeOfSix,  19, "0000111101", ""),
    ("T2",   'o', 868_300_000,  32_768, 16_384, 50_000, Manchester,  15, S, ""),
    ("C1",   'm', 868_950_000, 100_000, 100_000, 45_000, Nrz, 16, CA, CB),
    ("C2",   'm', 868_950_000, 100_000, 100_000, 45_000, Nrz, 16, CA, CB),
    ("C2",   'o', 869_525_000,  50_000,  50_000, 25_000, Nrz, 16, CA, CB),
    ("R2",   'm', 868_330_000,   4_800,   2_400,  6_000, Manchester, 39, S, ""),
    ("R2",   'o', 868_330_000,   4_800,   2_400,  6_000, Manchester, 39, S, ""),
    ("N1a",  'm', 169_406_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N1b",  'm', 169_418_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N1c",  'm', 169_431_250,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N1d",  'm', 169_443_750,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N1e",  'm', 169_456_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N1f",  'm', 169_468_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N1g",  'm', 169_437_500,  19_200,  19_200,  7_200, Nrz, 8, GA, GB),
    ("N2a",  'm', 169_406_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2a",  'o', 169_406_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2b",  'm', 169_418_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2b",  'o', 169_418_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2c",  'm', 169_431_250,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N2c",  'o', 169_431_250,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N2d",  'm', 169_443_750,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N2d",  'o', 169_443_750,   2_400,   2_400,  2_400, Nrz, 8, NA, NB),
    ("N2e",  'm', 169_456_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2e",  'o', 169_456_250,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2f",  'm', 169_468_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2f",  'o', 169_468_750,   4_800,   4_800,  2_400, Nrz, 8, NA, NB),
    ("N2g",  'm', 169_437_500,  19_200,  19_200,  7_200, Nrz, 8, GA, GB),
    ("N2g",  'o', 169_437_500,  19_200,  19_200,  7_200, Nrz, 8, GA, GB),
    ("F2",   'm', 433_820_000,   2_400,   2_400,  5_500, Nrz, 39, NA, NB),
    ("F2",   'o', 433_820_000,   2_400,   2_400,  5_500, Nrz, 39, NA, NB),
    ("F2-m", 'm', 433_820_000,   2_400,   2_400,  5_500, Nrz, 39, NA, NB),
    ("F2-m", 'o', 433_820_000,   2_400,   2_400,  5_500, Nrz, 39, NA, NB),
];

fn word(chips: &str) -> Option<SyncWord> {
    let len = chips.len() as u8;
    (len > 0).then(|| SyncWord { chips: u32::from_str_radix(chips, 2).unwrap(), len })
}

#[test]
fn every_row_has_the_numbers_of_the_standard() {
    let directions = MODES.iter().map(|mode| 1 + usize::from(mode.is_bidirectional())).sum::<usize>();
    assert_eq!((MODES.len(), directions), (24, ROWS.len()), "a row that no line of the test holds");
    for (name, direction, frequency, chips, bits, deviation, code, preamble, a, b) in ROWS {
        let mode = Mode::named(name).unwrap();
        let air = if *direction == 'm' { mode.from_meter } else { mode.to_meter.unwrap() };
        assert_eq!(air.channels.frequency(air.channels.default), Some(*frequency), "{name}");
        assert_eq!((air.chip_rate.nominal, air.bit_rate(), air.code), (*chips, *bits, *code), "{name}");
        assert_eq!((air.deviation.nominal, air.preamble.minimum), (*deviation, *preamble), "{name}");
        assert_eq!(
            (air.sync_word(FrameFormat::A), air.sync_word(FrameFormat::B)),
            (word(a), word(b)),
            "{name}"
        );
        let letter = std::format!("{}", air.family);
        assert!(name.starts_with(&letter), "{name}");
        let postamble = if *code == Nrz { (0, 0) } else { (2, 8) };
        assert_eq!((air.postamble.minimum, air.postamble.maximum), postamble, "{name}");
        let exact = name.starts_with('C');
        assert_eq!(
            air.preamble.maximum == air.preamble.minimum,
            exact,
            "only mode C has a fixed preamble: {name}"
        );
    }
}

#[test]
fn a_digit_1_sends_and_a_digit_2_answers() {
    for mode in MODES {
        assert_eq!(mode.is_bidirectional(), mode.name.as_bytes()[1] == b'2', "{mode}");
    }
    assert_eq!(std::format!("[{S1_M:>6}]"), "[  S1-m]");
}

#[test]
fn tolerances_are_those_of_modes_s_t_and_c() {
    let ppm = |mode: &Mode| {
        let rate = mode.from_meter.chip_rate;
        (rate.transmitter_ppm, rate.receiver_ppm)
    };
    for mode in MODES {
        let expected = match mode.from_meter.family {
            Family::S => (Some(15_000), Some(20_000)),
            Family::T => (Some(100_000), Some(120_000)),
            Family::C => (Some(100), None),
            _ => (None, None),
        };
        assert_eq!(ppm(mode), expected, "{mode}");
    }
    let answers = T2.to_meter.unwrap();
    assert_eq!(answers.chip_rate, S2.to_meter.unwrap().chip_rate);
    let limits = |air: AirInterface| air.deviation.limits;
    assert_eq!(limits(T1.from_meter), Some((40_000, 80_000)));
    assert_eq!(limits(C2.from_meter), Some((33_750, 56_250)));
    assert_eq!(limits(C2.to_meter.unwrap()), Some((18_750, 31_250)));
}

#[test]
fn channels_of_mode_r_lie_60_khz_apart() {
    let channels = R2.from_meter.channels;
    for channel in 0..10 {
        assert_eq!(channels.frequency(channel), Some(868_030_000 + 60_000 * u32::from(channel)));
    }
    assert_eq!(channels.frequency(10), None);
    let moved = T1.from_meter.on(Channels::one(433_500_000));
    assert_eq!(moved.channels.frequency(0), Some(433_500_000));
    assert_eq!(AirInterface { channels: T1.from_meter.channels, ..moved }, T1.from_meter);
}

#[test]
fn four_levels_are_the_outer_ones_in_preamble_and_sync_word() {
    // A chip 1 of the words of the other channels becomes 11, a chip 0 becomes 01.
    let outer = |word: SyncWord| {
        (0..word.len).rev().fold(0, |chips: u32, at| chips << 2 | 0b01 | (word.chips >> at & 1) << 1)
    };
    assert_eq!(outer(SyncWord::N_A), SyncWord::N2G_A.chips);
    assert_eq!(outer(SyncWord::N_B), SyncWord::N2G_B.chips);
    assert_eq!(N2G.from_meter.preamble.chips_len(8), 32);
    assert_eq!(N2G.from_meter.levels, Levels::Four);
    // Two chips a symbol.
    assert_eq!(N2G.from_meter.chip_rate.nominal / 2, 9_600);
}

#[test]
fn postambles_fill_the_octet() {
    let postamble = T1.from_meter.postamble;
    let filled: std::vec::Vec<u8> = (0..8).map(|chips| postamble.filling(chips)).collect();
    assert_eq!(filled, [8, 7, 6, 5, 4, 3, 2, 8]);
    assert_eq!(Postamble::NONE.filling(3), 0);
}

#[test]
fn chips_take_their_time() {
    assert_eq!(T1.from_meter.chip_rate.nanoseconds(100_000), 1_000_000_000);
    assert_eq!(S1.from_meter.chip_rate.nanoseconds(1), 30_518);
    let stopped = ChipRate { nominal: 0, ..S1.from_meter.chip_rate };
    assert_eq!(stopped.nanoseconds(5), 0);
}
