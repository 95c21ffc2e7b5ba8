//! Lines of a CUL stick: `bHEX` is a frame of format A, `bYHEX` one of format B, both with their link CRCs.
//!
//! After `X21` the stick appends LQI and RSSI, two octets that nothing announces: they are taken off when
//! the frame is exactly two octets longer than its L-field says. Long frames are cut by some firmware, even
//! in the middle of an octet; such lines are refused. Lines that do not begin with `b` are text.

use super::{Crc, Entry, Item, Kind, Refusal};
use crate::decode::hex;
use wmbus_phy::FrameFormat;

pub(super) fn looks_like(line: &str) -> bool {
    if matches!(line, "TMODE" | "CMODE" | "SMODE") || line.starts_with("V ") {
        return true;
    }
    let Some(digits) = line.strip_prefix('b') else { return false };
    // `b` is a hex digit too: as the first digit of an octet it makes the number of digits even.
    digits.starts_with('Y') || digits.bytes().all(|d| d.is_ascii_hexdigit()) && digits.len().is_multiple_of(2)
}

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let trimmed = line.trim();
    let Some(rest) = trimmed.strip_prefix('b') else {
        return vec![Entry::Skipped("text of the receiver")];
    };
    let (digits, crc, start) = match rest.strip_prefix('Y') {
        Some(digits) => (digits, Crc::B, 2),
        None => (rest, Crc::A, 1),
    };
    vec![match hex::parse(digits) {
        Ok(octets) => Entry::telegram(with_signal(octets, crc)),
        Err(error) => Entry::Refused(Refusal::hex(&error, start)),
    }]
}

/// The line of a stick for a frame with its link CRCs; link quality and signal strength behind it after `X21`.
#[must_use]
pub fn line(format: FrameFormat, frame: &[u8], signal: Option<[u8; 2]>) -> String {
    let prefix = match format {
        FrameFormat::A => "b",
        FrameFormat::B => "bY",
    };
    let signal = signal.map(|signal| hex::upper(&signal)).unwrap_or_default();
    format!("{prefix}{}{signal}\r\n", hex::upper(frame))
}

fn with_signal(mut octets: Vec<u8>, crc: Crc) -> Item {
    let format = if crc == Crc::B { FrameFormat::B } else { FrameFormat::A };
    let expected = octets.first().and_then(|length| format.on_air_len(*length).ok()).unwrap_or(0);
    let mut item = Item { kind: Kind::Wireless, crc, ..Item::default() };
    if octets.len() == expected + 2
        && let Some(&[lqi, rssi]) = octets.last_chunk()
    {
        octets.truncate(expected);
        item.rssi_dbm = Some(i16::from(rssi.cast_signed()) / 2 - 74);
        item.notes.push(format!("the last two octets are link quality {} and signal strength", lqi >> 1));
    }
    item.octets = octets;
    item
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    fn frame(octets: usize, length: u8) -> String {
        let mut all = vec![0x11; octets];
        all[0] = length;
        hex::upper(&all)
    }

    #[test]
    fn formats_a_and_b() {
        let item = one(parse(&format!("b{}\r", frame(12 + 3, 10))));
        assert_eq!(
            (item.crc, item.kind, item.octets.len(), item.rssi_dbm),
            (Crc::A, Kind::Wireless, 15, None)
        );
        let item = one(parse(&format!("bY{}", frame(20, 19))));
        assert_eq!((item.crc, item.octets.len()), (Crc::B, 20));
    }

    #[test]
    fn link_quality_and_signal_strength_are_taken_off() {
        for (prefix, octets, length) in [("b", 12 + 18 + 3, 26), ("bY", 20, 19)] {
            for (rssi, dbm) in [("00", -74), ("7F", -11), ("80", -138), ("FE", -75), ("F0", -82)] {
                let item = one(parse(&format!("{prefix}{}32{rssi}", frame(octets, length))));
                assert_eq!((item.octets.len(), item.rssi_dbm), (octets, Some(dbm)));
            }
        }
    }

    #[test]
    fn a_line_of_a_stick_is_read_as_it_was_made() {
        let octets = [&[0x0A][..], &[0x44; 14]].concat();
        assert_eq!(line(FrameFormat::A, &octets, None), format!("b0A{}\r\n", "44".repeat(14)));
        let with_signal = line(FrameFormat::B, &octets[..11], Some([0x2A, 0x8B]));
        assert_eq!(with_signal, format!("bY0A{}2A8B\r\n", "44".repeat(10)));
        let item = one(parse(&line(FrameFormat::A, &octets, Some([0x2A, 0x8B]))));
        assert_eq!((item.octets, item.rssi_dbm), (octets, Some(-132)));
    }

    #[test]
    fn cut_frames_are_refused_or_kept_as_they_are() {
        assert_eq!(refusal(parse("b1A4")).kind, "odd_digits");
        assert_eq!(refusal(parse("bY")).kind, "empty");
        assert_eq!(refusal(parse("bYx")).column, 2);
        assert_eq!(one(parse(&format!("b{}", frame(13, 26)))).octets.len(), 13);
    }

    #[test]
    fn text_is_left_out() {
        for line in ["V 1.67 nanoCUL868", "TMODE", "hello"] {
            assert!(matches!(parse(line).as_slice(), [Entry::Skipped(_)]));
        }
    }

    #[test]
    fn a_hex_line_that_begins_with_b_is_no_line_of_a_stick() {
        assert!(!looks_like("b1b2"));
        assert!(looks_like("b1b"));
        assert!(looks_like("bY12"));
        assert!(!looks_like("68030368"));
    }
}
