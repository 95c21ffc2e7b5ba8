//! Lines of a CUL stick: `bHEX` is a frame of format A, `bYHEX` one of format B, both with their link CRCs.
//!
//! After `X21` the stick appends LQI and RSSI, two octets that nothing announces: they are taken off when
//! the frame is exactly two octets longer than its L-field says. Long frames are cut by some firmware, even
//! in the middle of an octet; such lines are refused. Lines that do not begin with `b` are text.

use super::{Crc, Entry, Item, Kind, Refusal};
use crate::decode::hex;

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

/// The octets on the air for this L-field.
fn on_air(length: u8, crc: Crc) -> usize {
    let length = usize::from(length);
    match crc {
        // L, then 9 more octets and a CRC, then blocks of up to 16 octets and a CRC.
        Crc::A => 12 + length.saturating_sub(9) + length.saturating_sub(9).div_ceil(16) * 2,
        _ => length + 1,
    }
}

fn with_signal(mut octets: Vec<u8>, crc: Crc) -> Item {
    let expected = octets.first().map_or(0, |length| on_air(*length, crc));
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
