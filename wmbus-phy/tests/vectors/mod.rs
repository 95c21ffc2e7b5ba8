//! Frames printed in standards, and frames and chips of our own, cut into blocks with their CRCs.
#![allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "not every test uses all of it"
)]

use wmbus_phy::mode::{Levels, MODES};
use wmbus_phy::{AirInterface, Chips, FrameFormat, Mode, Transmission};

pub(crate) mod heard;
pub(crate) mod on_air;

/// The octets that hex digits say.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A frame without CRCs whose L-field is `length`, numbers made up.
pub(crate) fn made_up(length: u8) -> Vec<u8> {
    let mut frame = vec![length, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x07];
    frame.extend((frame.len()..=usize::from(length)).map(|n| (n * 37 + usize::from(length)) as u8));
    frame.truncate(usize::from(length) + 1);
    frame
}

/// All modes with each direction they have.
pub(crate) fn directions() -> impl Iterator<Item = (&'static Mode, AirInterface)> {
    MODES.iter().flat_map(|mode| {
        [Some(mode.from_meter), mode.to_meter].into_iter().flatten().map(move |air| (mode, air))
    })
}

/// All modes with each direction and each frame format they have.
pub(crate) fn airs() -> impl Iterator<Item = (AirInterface, FrameFormat)> {
    directions()
        .flat_map(|(_, air)| [FrameFormat::A, FrameFormat::B].map(|format| (air, format)))
        .filter(|(air, format)| air.sync_word(*format).is_some())
}

/// The transmission of a frame.
pub(crate) fn sent(air: AirInterface, format: FrameFormat, frame: &[u8]) -> Vec<bool> {
    let transmission = Transmission::new(air, format, frame);
    let mut packed = vec![0; transmission.encoded_len()];
    transmission.encode_into(&mut packed).unwrap();
    Chips::with_len(&packed, transmission.chips_len()).collect()
}

/// Chips one by one, packed.
pub(crate) fn pack(chips: &[bool]) -> Vec<u8> {
    let octet = |octet: &[bool]| octet.iter().zip((0..8).rev()).map(|(chip, at)| u8::from(*chip) << at).sum();
    chips.chunks(8).map(octet).collect()
}

/// Chips as the other sideband has them; they begin with a whole symbol.
pub(crate) fn turned(air: &AirInterface, chips: &[bool]) -> Vec<bool> {
    let four = air.levels == Levels::Four;
    chips.iter().enumerate().map(|(at, chip)| chip ^ (!four || at % 2 == 0)).collect()
}

/// A deterministic source of numbers (xorshift64*).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
    pub(crate) fn chips(&mut self, count: usize) -> Vec<bool> {
        (0..count).map(|_| self.below(2) == 1).collect()
    }
}

/// Data and CRC of each block.
pub(crate) type Blocks = &'static [(&'static str, &'static str)];

/// Frame format A.
pub(crate) const FORMAT_A: &[Blocks] = &[
    // EN 13757-4, example of a SND-NR in frame format A.
    &[("0F44AE0C785634120107", "4447"), ("780B13436587", "1E6D")],
    // The same header with other data, printed in the help of a radio stick's firmware.
    &[("0F44AE0C785634120107", "4447"), ("780B12436587", "255D")],
    // OMS Specification Volume 2, Annex N: gas meter, security profile A.
    &[
        ("2E449315785634123303", "3363"),
        ("7A2A0020255923C95AAA26D1B2E7493B", "C2AD"),
        ("013EC4A6F6D3529B520EDFF0EA6DEFC9", "55B2"),
        ("9D6D69EBF3", "EC8A"),
    ],
    // The same with configuration field 0520h: another CRC in one block only.
    &[
        ("2E449315785634123303", "3363"),
        ("7A2A0020055923C95AAA26D1B2E7493B", "2A8B"),
        ("013EC4A6F6D3529B520EDFF0EA6DEFC9", "55B2"),
        ("9D6D69EBF3", "EC8A"),
    ],
    // Annex N: security profile B, integrated radio.
    &[
        ("43449315785634123303", "7AC9"),
        ("8C2075900F002C25B30A000021924D4F", "BA37"),
        ("2FB66E017A75002007109058475F4BC9", "D128"),
        ("1DF878B80A1B0F98B629024AAC727942", "9398"),
        ("BFC549233C0140829B93", "BAA1"),
    ],
    // Annex N: security profile B, radio adapter, RSP-UD.
    &[
        ("53082448443322110337", "D046"),
        ("8E80753A63665544330A31900F002C25", "E00A"),
        ("B30A0000AF5D74DF73A600D972785634", "C027"),
        ("129315330375002007109058475F4BC9", "55CF"),
        ("1DF878B80A1B0F98B629024AAC727942", "9398"),
        ("BFC549233C0140829B93", "BAA1"),
    ],
    // Annex N: partial encryption.
    &[
        ("2D449344443322115537", "69EF"),
        ("7288776655934455080004100500DFE2", "27F9"),
        ("A782146D1513581CD2F83F39040CFD10", "40C4"),
        ("78563412", "8134"),
    ],
    // Made up: six blocks, the last one short. CRCs computed by another program.
    &[
        ("4E449315785634123307", "BB7F"),
        ("C0E50A2F54799EC3E80D32577CA1C6EB", "BC64"),
        ("10355A7FA4C9EE13385D82A7CCF1163B", "15C8"),
        ("6085AACFF4193E6388ADD2F71C41668B", "EFC5"),
        ("B0D5FA1F44698EB3D8FD22476C91B6DB", "ADCA"),
        ("00254A6F94", "D1A8"),
    ],
];

/// Frame format B, L as on air.
pub(crate) const FORMAT_B: &[Blocks] = &[
    // The example of EN 13757-4 with an extended link layer, frame format B.
    &[("1444AE0C7856341201078C2027780B13436587", "7AC5")],
    // A data block of a manufacturer's own, number made up.
    &[("13442D2C785634120132A000010203040506", "C3C0")],
    // The header of the example in a frame of two CRCs; CRCs by another program.
    &[
        (
            "8644AE0C7856341201078C2027780B134365877AC5111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
            "E678",
        ),
        ("1234567890", "F4EE"),
    ],
    // Made up: one CRC. CRCs computed by another program.
    &[("1344931578563412330783A8CDF2173C6186", "BD0C")],
    // Made up: two CRCs. CRCs computed by another program.
    &[
        (
            "86449315785634123307F4193E6388ADD2F71C41668BB0D5FA1F44698EB3D8FD22476C91B6DB00254A6F94B9DE03284D7297BCE1062B50759ABFE4092E53789DC2E70C31567BA0C5EA0F34597EA3C8ED12375C81A6CBF0153A5F84A9CEF3183D6287ACD1F61B40658AAFD4F91E43688DB2D7FC21466B90B5DAFF24496E93",
            "9061",
        ),
        ("B8DD02274C", "16EF"),
    ],
];
