//! The example frames of EN 13757-4 as they go on air, worked out by another program.

/// The example in frame format A, and with an extended link layer in frame format B; no CRCs, L as in format A.
pub(crate) const EXAMPLE_A: &str = "0F44AE0C785634120107780B13436587";
pub(crate) const EXAMPLE_B: &str = "1244AE0C7856341201078C2027780B13436587";
/// Made up: 21 octets with CRCs, an odd number.
pub(crate) const ODD: &str = "10449315785634123307782F2F2F2F2F2F";

/// Mode, direction (m from the meter, o from the other device), frame format, frame, repetitions of the preamble,
/// chips of the postamble, chips in all, and the chips packed.
pub(crate) type OnAir = (&'static str, char, char, &'static str, u16, u8, usize, &'static str);

/// The long header is 70 octets of preamble and the chips of the short one behind.
pub(crate) const S_SHORT: &str =
    "555555547696AA559A9A6656AA5A956A9996A59AA9A6AAA9AA959A9A9A95956AAA65A9A59AA596996A95A956965955";
const T: &str = "55555555543D5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B155";
const T_4: &str = "55555555543D5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B15";
const T_ODD: &str = "55555555543D35671C94B3594EC65A2DC34E2CB593B1699C4EC3A93A93A93A93A93A939A59CA";
const R: &str = "555555555555555555547696AA559A9A6656AA5A956A9996A59AA9A6AAA9AA959A9A9A95956AAA65A9A59AA596996A95A956965955";
const C_A: &str = "55555555543D54CD0F44AE0C7856341201074447780B134365871E6D";
const C_B: &str = "55555555543D543D1444AE0C7856341201078C2027780B134365877AC5";
const N_A: &str = "5555F68D0F44AE0C7856341201074447780B134365871E6D";
const N_B: &str = "5555F6721444AE0C7856341201078C2027780B134365877AC5";
const G_A: &str = "77777777FF7DD5F70F44AE0C7856341201074447780B134365871E6D";
const G_B: &str = "77777777FF7D7F5D1444AE0C7856341201078C2027780B134365877AC5";
const F_A: &str = "55555555555555555557DA343D12B831E158D048041D111DE02C4D0D961C79B4";
const F_B: &str = "55555555555555555557D9C85112B831E158D048041E30809DE02C4D0D961DEB14";

#[rustfmt::skip]
pub(crate) const ON_AIR: &[OnAir] = &[
    ("S1-m", 'm', 'A', EXAMPLE_A, 15, 8, 376, S_SHORT),
    ("S2",   'm', 'A', EXAMPLE_A, 15, 8, 376, S_SHORT),
    ("S2",   'o', 'A', EXAMPLE_A, 15, 8, 376, S_SHORT),
    ("T1",   'm', 'A', EXAMPLE_A, 19, 8, 296, T),
    ("T1",   'm', 'A', EXAMPLE_A, 19, 4, 292, T_4),
    ("T1",   'm', 'A', ODD,       19, 4, 304, T_ODD),
    ("T2",   'm', 'A', EXAMPLE_A, 19, 8, 296, T),
    ("T2",   'o', 'A', EXAMPLE_A, 15, 8, 376, S_SHORT),
    ("C1",   'm', 'A', EXAMPLE_A, 16, 0, 224, C_A),
    ("C1",   'm', 'B', EXAMPLE_B, 16, 0, 232, C_B),
    ("C2",   'm', 'A', EXAMPLE_A, 16, 0, 224, C_A),
    ("C2",   'm', 'B', EXAMPLE_B, 16, 0, 232, C_B),
    ("C2",   'o', 'A', EXAMPLE_A, 16, 0, 224, C_A),
    ("C2",   'o', 'B', EXAMPLE_B, 16, 0, 232, C_B),
    ("R2",   'm', 'A', EXAMPLE_A, 39, 8, 424, R),
    ("R2",   'o', 'A', EXAMPLE_A, 39, 8, 424, R),
    ("N1a",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N1b",  'm', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N1c",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N1d",  'm', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N1e",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N1f",  'm', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N1g",  'm', 'A', EXAMPLE_A,  8, 0, 224, G_A),
    ("N2a",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2a",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2b",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2b",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2c",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2c",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2d",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2d",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2e",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2e",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2f",  'm', 'A', EXAMPLE_A,  8, 0, 192, N_A),
    ("N2f",  'o', 'B', EXAMPLE_B,  8, 0, 200, N_B),
    ("N2g",  'm', 'A', EXAMPLE_A,  8, 0, 224, G_A),
    ("N2g",  'm', 'B', EXAMPLE_B,  8, 0, 232, G_B),
    ("N2g",  'o', 'A', EXAMPLE_A,  8, 0, 224, G_A),
    ("F2",   'm', 'A', EXAMPLE_A, 39, 0, 254, F_A),
    ("F2",   'm', 'B', EXAMPLE_B, 39, 0, 262, F_B),
    ("F2",   'o', 'A', EXAMPLE_A, 39, 0, 254, F_A),
    ("F2-m", 'm', 'B', EXAMPLE_B, 39, 0, 262, F_B),
    ("F2-m", 'o', 'A', EXAMPLE_A, 39, 0, 254, F_A),
];
