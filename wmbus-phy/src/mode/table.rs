//! The rows: EN 13757-4, the tables of modes S, T, R, C, N and F; limits of rate and deviation of modes S, T and C
//! as in OMS Vol. 2 Annex O.
//!
//! Channels of mode N are named by letters, as in the edition of 2013. The edition of 2019 counts channels from 1 to 13 and
//! adds 6.4 kbit/s (3,200 symbols a second with four levels): free sources agree neither on all of its frequencies nor on its
//! deviation, so it has no rows; [`AirInterface::on`] and the fields of a row make one.

use super::Mode;
use super::air_interface::{
    AirInterface, Channels, ChipRate, Deviation, Family, Levels, Postamble, Preamble,
};
use crate::LineCode;
use crate::sync::SyncWord;

/// 2 to 8 chips. The range is that of mode S; that the first chip is the complement of the last one before was
/// seen on the air in mode T.
const POSTAMBLE: Postamble = Postamble { minimum: 2, maximum: 8 };

/// Mode S with the short header.
const S: AirInterface = AirInterface {
    family: Family::S,
    channels: Channels::one(868_300_000),
    chip_rate: ChipRate { nominal: 32_768, transmitter_ppm: Some(15_000), receiver_ppm: Some(20_000) },
    levels: Levels::Two,
    deviation: Deviation { nominal: 50_000, limits: Some((40_000, 80_000)) },
    code: LineCode::Manchester,
    preamble: Preamble::at_least(15),
    sync_a: Some(SyncWord::S),
    sync_b: None,
    postamble: POSTAMBLE,
};

/// Mode S with the long header, which wakes receivers that sleep most of the time.
const S_LONG: AirInterface = AirInterface { preamble: Preamble::at_least(279), ..S };

/// Mode T from the meter.
const T: AirInterface = AirInterface {
    family: Family::T,
    channels: Channels::one(868_950_000),
    chip_rate: ChipRate { nominal: 100_000, transmitter_ppm: Some(100_000), receiver_ppm: Some(120_000) },
    levels: Levels::Two,
    deviation: Deviation { nominal: 50_000, limits: Some((40_000, 80_000)) },
    code: LineCode::ThreeOfSix,
    preamble: Preamble::at_least(19),
    sync_a: Some(SyncWord::T),
    sync_b: None,
    postamble: POSTAMBLE,
};

/// Mode T to the meter: all but the letter is that of mode S.
const T_TO_METER: AirInterface = AirInterface { family: Family::T, ..S };

/// Mode R2. Raster and deviation rest on one source; no limits were found.
const R: AirInterface = AirInterface {
    family: Family::R,
    channels: Channels { first: 868_030_000, spacing: 60_000, count: 10, default: 5 },
    chip_rate: ChipRate { nominal: 4_800, transmitter_ppm: None, receiver_ppm: None },
    deviation: Deviation { nominal: 6_000, limits: None },
    preamble: Preamble::at_least(39),
    ..S
};

/// Mode C from the meter.
const C: AirInterface = AirInterface {
    family: Family::C,
    channels: Channels::one(868_950_000),
    chip_rate: ChipRate { nominal: 100_000, transmitter_ppm: Some(100), receiver_ppm: None },
    levels: Levels::Two,
    deviation: Deviation { nominal: 45_000, limits: Some((33_750, 56_250)) },
    code: LineCode::Nrz,
    preamble: Preamble::exactly(16),
    sync_a: Some(SyncWord::C_A),
    sync_b: Some(SyncWord::C_B),
    postamble: Postamble::NONE,
};

/// Mode C to the meter; Gaussian filter, BT 0.5.
const C_TO_METER: AirInterface = AirInterface {
    channels: Channels::one(869_525_000),
    chip_rate: ChipRate { nominal: 50_000, transmitter_ppm: Some(100), receiver_ppm: None },
    deviation: Deviation { nominal: 25_000, limits: Some((18_750, 31_250)) },
    ..C
};

/// Mode N on a channel of 12.5 kHz; Gaussian filter.
const fn n(frequency: u32, chip_rate: u32) -> AirInterface {
    AirInterface {
        family: Family::N,
        channels: Channels::one(frequency),
        chip_rate: ChipRate { nominal: chip_rate, transmitter_ppm: None, receiver_ppm: None },
        levels: Levels::Two,
        deviation: Deviation { nominal: 2_400, limits: None },
        code: LineCode::Nrz,
        preamble: Preamble::at_least(8),
        sync_a: Some(SyncWord::N_A),
        sync_b: Some(SyncWord::N_B),
        postamble: Postamble::NONE,
    }
}

const N_A: AirInterface = n(169_406_250, 4_800);
const N_B: AirInterface = n(169_418_750, 4_800);
const N_C: AirInterface = n(169_431_250, 2_400);
const N_D: AirInterface = n(169_443_750, 2_400);
const N_E: AirInterface = n(169_456_250, 4_800);
const N_F: AirInterface = n(169_468_750, 4_800);

/// Mode N on the channel of 50 kHz: 9,600 symbols in a second, two bits each. Preamble and sync word keep to the
/// outer frequencies.
const N_G: AirInterface = AirInterface {
    levels: Levels::Four,
    deviation: Deviation { nominal: 7_200, limits: None },
    preamble: Preamble { pattern: 0b0111, pattern_len: 4, minimum: 8, maximum: u16::MAX },
    sync_a: Some(SyncWord::N2G_A),
    sync_b: Some(SyncWord::N2G_B),
    ..n(169_437_500, 19_200)
};

/// Mode F. The numbers rest on one source.
const F: AirInterface = AirInterface {
    family: Family::F,
    channels: Channels::one(433_820_000),
    chip_rate: ChipRate { nominal: 2_400, transmitter_ppm: None, receiver_ppm: None },
    deviation: Deviation { nominal: 5_500, limits: None },
    preamble: Preamble::at_least(39),
    ..n(433_820_000, 2_400)
};

const fn one_way(name: &'static str, from_meter: AirInterface) -> Mode {
    Mode { name, from_meter, to_meter: None }
}

const fn both_ways(name: &'static str, from_meter: AirInterface, to_meter: AirInterface) -> Mode {
    Mode { name, from_meter, to_meter: Some(to_meter) }
}

/// Stationary, long header.
pub const S1: Mode = one_way("S1", S_LONG);
/// Stationary, short header, for mobile receivers.
pub const S1_M: Mode = one_way("S1-m", S);
/// Stationary, both ways. A long header is allowed too.
pub const S2: Mode = both_ways("S2", S, S);
/// Frequent transmission.
pub const T1: Mode = one_way("T1", T);
/// Frequent transmission, both ways: answered in the manner of mode S.
pub const T2: Mode = both_ways("T2", T, T_TO_METER);
/// Compact.
pub const C1: Mode = one_way("C1", C);
/// Compact, both ways.
pub const C2: Mode = both_ways("C2", C, C_TO_METER);
/// Frequent receive.
pub const R2: Mode = both_ways("R2", R, R);
/// Narrowband, 169.40625 MHz.
pub const N1A: Mode = one_way("N1a", N_A);
/// Narrowband, 169.41875 MHz.
pub const N1B: Mode = one_way("N1b", N_B);
/// Narrowband, 169.43125 MHz.
pub const N1C: Mode = one_way("N1c", N_C);
/// Narrowband, 169.44375 MHz.
pub const N1D: Mode = one_way("N1d", N_D);
/// Narrowband, 169.45625 MHz.
pub const N1E: Mode = one_way("N1e", N_E);
/// Narrowband, 169.46875 MHz.
pub const N1F: Mode = one_way("N1f", N_F);
/// Narrowband, 169.4375 MHz, four levels.
pub const N1G: Mode = one_way("N1g", N_G);
/// Narrowband, both ways, 169.40625 MHz.
pub const N2A: Mode = both_ways("N2a", N_A, N_A);
/// Narrowband, both ways, 169.41875 MHz.
pub const N2B: Mode = both_ways("N2b", N_B, N_B);
/// Narrowband, both ways, 169.43125 MHz.
pub const N2C: Mode = both_ways("N2c", N_C, N_C);
/// Narrowband, both ways, 169.44375 MHz.
pub const N2D: Mode = both_ways("N2d", N_D, N_D);
/// Narrowband, both ways, 169.45625 MHz.
pub const N2E: Mode = both_ways("N2e", N_E, N_E);
/// Narrowband, both ways, 169.46875 MHz.
pub const N2F: Mode = both_ways("N2f", N_F, N_F);
/// Narrowband, both ways, 169.4375 MHz, four levels.
pub const N2G: Mode = both_ways("N2g", N_G, N_G);
/// 433 MHz: the meter listens after each transmission of its own.
pub const F2: Mode = both_ways("F2", F, F);
/// 433 MHz: the meter listens and is woken by the other device.
pub const F2_M: Mode = both_ways("F2-m", F, F);

/// All modes.
pub const MODES: &[Mode] = &[
    S1, S1_M, S2, T1, T2, C1, C2, R2, N1A, N1B, N1C, N1D, N1E, N1F, N1G, N2A, N2B, N2C, N2D, N2E, N2F, N2G,
    F2, F2_M,
];
