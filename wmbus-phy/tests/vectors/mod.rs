//! Frames printed in standards, and frames and chips of our own, cut into blocks with their CRCs.
#![allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "not every test uses all of it"
)]

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

/// Data and CRC of each block.
pub(crate) type Blocks = &'static [(&'static str, &'static str)];

/// Frame format A.
pub(crate) const FORMAT_A: &[Blocks] = &[
    // EN 13757-4, example of a SND-NR in frame format A.
    &[("0F44AE0C785634120107", "4447"), ("780B13436587", "1E6D")],
    // OMS Specification Volume 2, Annex N: gas meter, security profile A.
    &[
        ("2E449315785634123303", "3363"),
        ("7A2A0020255923C95AAA26D1B2E7493B", "C2AD"),
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
