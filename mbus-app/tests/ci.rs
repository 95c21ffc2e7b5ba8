//! The CI fields, all 256, as EN 13757-7:2018, table 2 and OMS Vol. 2 (issue 5.0.1) Annex F and M have them.
//!
//! The lines are written down apart from the table in `src/ci.rs`.
#![allow(clippy::enum_glob_use, reason = "tests")]

use mbus_app::ci::Content::*;
use mbus_app::ci::{CiDirection, CiField, Content, HeaderKind};

/// First and last code; header `n`one, `s`hort, `l`ong, `-` no transport layer; `>` to the meter, `<` from it, `=` both.
const EXPECTED: &[(u8, u8, char, char, Content)] = &[
    (0x00, 0x1F, 'n', '=', DlmsCarrier),
    (0x20, 0x4F, '-', '=', Reserved),
    (0x50, 0x50, 'n', '>', ApplicationSelect),
    (0x51, 0x51, 'n', '>', Command),
    (0x52, 0x52, 'n', '>', Selection),
    (0x53, 0x53, 'l', '>', ApplicationSelect),
    (0x54, 0x54, 'n', '>', SelectedApplicationRequest),
    (0x55, 0x55, 'l', '>', SelectedApplicationRequest),
    (0x56, 0x56, '-', '=', Reserved),
    (0x57, 0x57, 's', '>', ApplicationSelect),
    (0x58, 0x59, '-', '=', Reserved),
    (0x5A, 0x5A, 's', '>', Command),
    (0x5B, 0x5B, 'l', '>', Command),
    (0x5C, 0x5C, 'n', '>', SynchroniseAction),
    (0x5D, 0x5E, '-', '=', Reserved),
    (0x5F, 0x5F, 'l', '>', Tls),
    (0x60, 0x60, 'l', '>', Cosem),
    (0x61, 0x61, 's', '>', Cosem),
    (0x62, 0x62, 's', '>', ClockSynchronisation),
    (0x63, 0x63, '-', '=', Reserved),
    (0x64, 0x64, 'l', '>', ObisTyped),
    (0x65, 0x65, 's', '>', ObisTyped),
    (0x66, 0x66, 'n', '<', SelectedApplication),
    (0x67, 0x67, 's', '<', SelectedApplication),
    (0x68, 0x68, 'l', '<', SelectedApplication),
    (0x69, 0x69, 'n', '<', FormatFrame),
    (0x6A, 0x6A, 's', '<', FormatFrame),
    (0x6B, 0x6B, 'l', '<', FormatFrame),
    (0x6C, 0x6D, 'l', '>', ClockSynchronisation),
    (0x6E, 0x6E, 's', '<', ApplicationError),
    (0x6F, 0x6F, 'l', '<', ApplicationError),
    (0x70, 0x70, 'n', '<', ApplicationError),
    (0x71, 0x71, 'n', '<', Alarm),
    (0x72, 0x72, 'l', '<', FullFrame),
    (0x73, 0x73, 'l', '<', CompactFrame),
    (0x74, 0x74, 's', '<', Alarm),
    (0x75, 0x75, 'l', '<', Alarm),
    (0x76, 0x77, '-', '=', Reserved),
    (0x78, 0x78, 'n', '<', FullFrame),
    (0x79, 0x79, 'n', '<', CompactFrame),
    (0x7A, 0x7A, 's', '<', FullFrame),
    (0x7B, 0x7B, 's', '<', CompactFrame),
    (0x7C, 0x7C, 'l', '<', Cosem),
    (0x7D, 0x7D, 's', '<', Cosem),
    (0x7E, 0x7E, 'l', '<', ObisTyped),
    (0x7F, 0x7F, 's', '<', ObisTyped),
    (0x80, 0x80, 'l', '>', NoApplication),
    (0x81, 0x81, '-', '=', NetworkLayer),
    (0x82, 0x82, 'l', '>', NetworkManagement),
    (0x83, 0x83, 'n', '>', NetworkManagement),
    (0x84, 0x84, 'l', '>', CompactFrameRequest),
    (0x85, 0x85, 'l', '>', FormatFrameRequest),
    (0x86, 0x86, '-', '=', Ell),
    (0x87, 0x87, 'l', '<', NetworkManagement),
    (0x88, 0x88, 's', '<', NetworkManagement),
    (0x89, 0x89, 'n', '<', NetworkManagement),
    (0x8A, 0x8A, 's', '<', NoApplication),
    (0x8B, 0x8B, 'l', '<', NoApplication),
    (0x8C, 0x8F, '-', '=', Ell),
    (0x90, 0x90, '-', '=', Afl),
    (0x91, 0x9D, '-', '=', Reserved),
    (0x9E, 0x9E, 's', '<', Tls),
    (0x9F, 0x9F, 'l', '<', Tls),
    (0xA0, 0xB7, '-', '=', ManufacturerSpecific),
    (0xB8, 0xBF, 'n', '>', BaudRate),
    (0xC0, 0xC0, 'l', '>', ImageTransfer),
    (0xC1, 0xC1, 's', '<', ImageTransfer),
    (0xC2, 0xC2, 'l', '<', ImageTransfer),
    (0xC3, 0xC3, 'l', '>', SecurityInformation),
    (0xC4, 0xC4, 's', '<', SecurityInformation),
    (0xC5, 0xC5, 'l', '<', SecurityInformation),
    (0xC6, 0xC6, 's', '>', SecurityInformation),
    (0xC7, 0xC7, 's', '>', ImageTransfer),
    (0xC8, 0xFF, '-', '=', Reserved),
];

#[test]
fn every_code() {
    let mut next = 0u16;
    for (first, last, header, direction, content) in EXPECTED {
        assert_eq!(u16::from(*first), next, "a gap or an overlap in the lines above");
        next = u16::from(*last) + 1;
        let header = match header {
            'n' => HeaderKind::None,
            's' => HeaderKind::Short,
            'l' => HeaderKind::Long,
            _ => HeaderKind::NotTransport,
        };
        let direction = match direction {
            '>' => CiDirection::ToDevice,
            '<' => CiDirection::FromDevice,
            _ => CiDirection::Both,
        };
        for code in *first..=*last {
            let row = CiField(code).row();
            assert!((row.first..=row.last).contains(&code), "{code:02X}");
            let found = (row.header, row.direction, row.content);
            assert_eq!(found, (header, direction, *content), "{code:02X}");
        }
    }
    assert_eq!(next, 256);
}
