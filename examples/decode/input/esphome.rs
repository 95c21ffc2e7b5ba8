//! Log lines of the ESPHome component for wireless M-Bus: `DRIVER [0xID] RSSI: -44dBm T: HEX (79) T1 A`, anything before
//! it ignored: telegram, its octets, radio mode, frame format on the air.
//!
//! The link CRCs are removed, whatever the frame format was. The component also sends plain hex and lines of rtl_wmbus.

use super::{Crc, Entry, Item, Kind, Refusal, repair_length};
use crate::decode::hex;

const RSSI: &str = "RSSI:";
const TELEGRAM: &str = " T: ";

pub(super) fn looks_like(line: &str) -> bool {
    line.find(RSSI).is_some_and(|at| line.get(at..).is_some_and(|rest| rest.contains(TELEGRAM)))
}

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let parts = line.split_once(RSSI).and_then(|(before, after)| {
        let (rssi, telegram) = after.split_once(TELEGRAM)?;
        Some((before, rssi, telegram))
    });
    let Some((before, rssi, telegram)) = parts else {
        return vec![Entry::Skipped("text of the receiver")];
    };
    let start = [before, RSSI, rssi, TELEGRAM].iter().map(|part| part.chars().count()).sum::<usize>();
    let mut words = telegram.split_whitespace();
    let digits = words.next().unwrap_or("");
    vec![match hex::parse(digits) {
        Ok(mut octets) => {
            let mut notes = Vec::new();
            let stated = words.next().and_then(|count| count.trim_matches(['(', ')']).parse::<usize>().ok());
            if let Some(stated) = stated.filter(|stated| *stated != octets.len()) {
                notes.push(format!("the line says {stated} octets, {} are there", octets.len()));
            }
            repair_length(&mut octets, &mut notes);
            Entry::telegram(Item {
                octets,
                kind: Kind::Wireless,
                crc: Crc::None,
                mode: words.next().map(str::to_owned),
                rssi_dbm: rssi.trim().trim_end_matches("dBm").trim().parse().ok(),
                notes,
                ..Item::default()
            })
        }
        Err(error) => Entry::Refused(Refusal::hex(&error, start)),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    const LINE: &str =
        "[18:20:01][I][wmbus:040]: izar [0x12345678] RSSI: -44dBm T: 0744AE0C78563412 (8) T1 A";

    #[test]
    fn a_line_gives_its_telegram() {
        assert!(looks_like(LINE));
        let item = one(parse(LINE));
        assert_eq!(item.octets, [0x07, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12]);
        assert_eq!((item.kind, item.crc, item.rssi_dbm), (Kind::Wireless, Crc::None, Some(-44)));
        assert_eq!((item.mode.as_deref(), item.notes.len()), (Some("T1"), 0));
    }

    #[test]
    fn cut_lines_are_told_or_refused() {
        assert_eq!(one(parse(&LINE.replace("3412 ", "34 "))).notes.len(), 1);
        assert_eq!(refusal(parse(&LINE.replace("3412 ", "341 "))).kind, "odd_digits");
        let refused = refusal(parse("x RSSI: -1dBm T: 07Z4 (2) T1 A"));
        assert_eq!((refused.kind, refused.column), ("not_hex", 19));
        assert_eq!(refusal(parse("x RSSI: -1dBm T: ")).kind, "empty");
        assert!(matches!(parse("x RSSI: -1dBm").as_slice(), [Entry::Skipped(_)]));
        assert!(!looks_like("T: 07 RSSI: 1"));
    }
}
