//! Lines of rtl_wmbus: `[algorithm;]MODE;CRC_OK;3OF6_OK;TIMESTAMP;PACKET_RSSI;CURRENT_RSSI;IDENT;0xHEX[;0xHEX]`.
//!
//! The link CRCs are removed. With CRC_OK = 0 the octets are damaged and the line is left out. Old versions
//! leave the L-field of the radio in format B frames, which is put right. The RSSI columns are amplitudes
//! without a scale and not kept. Both algorithms print what they hear, so a frame may come twice.

use super::{Crc, Entry, Item, Kind, Refusal, repair_length};
use crate::decode::hex;
use chrono::NaiveDateTime;

/// The number of columns before the first telegram, the algorithm not counted.
const COLUMNS: usize = 7;

fn is_mode(field: &str) -> bool {
    // T1, S1-m, N2g; the names of the algorithms are lower case.
    matches!(field.trim().as_bytes(), [b'A'..=b'Z', b'0'..=b'9', ..]) && field.trim().len() <= 4
}

pub(super) fn looks_like(line: &str) -> bool {
    let mut fields = line.split(';');
    let first = fields.next().unwrap_or("");
    let second = fields.next().unwrap_or("");
    line.matches(';').count() >= COLUMNS && (is_mode(first) || is_mode(second))
}

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let mut fields = line.split(';').peekable();
    let mut column = 0;
    // The algorithm stands before the mode when the receiver was asked to show it.
    if let Some(first) = fields.next_if(|first| !is_mode(first)) {
        column += first.chars().count() + 1;
    }
    let head: Vec<&str> = fields.by_ref().take(COLUMNS).collect();
    let [mode, crc_ok, three_of_six_ok, time, _, _, ident] = head.as_slice() else {
        return vec![Entry::Refused(not_a_line(column))];
    };
    if !is_mode(mode) || !matches!(crc_ok.trim(), "0" | "1") {
        return vec![Entry::Refused(not_a_line(column))];
    }
    if crc_ok.trim() == "0" {
        return vec![Entry::Skipped("marked as damaged by the receiver (CRC_OK = 0)")];
    }
    column += head.iter().map(|field| field.chars().count() + 1).sum::<usize>();
    let mut entries = Vec::new();
    for field in fields {
        let start = column;
        column += field.chars().count() + 1;
        if field.trim().is_empty() {
            continue;
        }
        entries.push(match hex::parse(field) {
            Ok(mut octets) => {
                let mut notes = Vec::new();
                repair_length(&mut octets, &mut notes);
                if three_of_six_ok.trim() == "0" && mode.trim().starts_with('T') {
                    notes.push("the receiver saw symbols that are no 3-of-6 code".to_owned());
                }
                check_ident(ident, &octets, &mut notes);
                Entry::telegram(Item {
                    octets,
                    kind: Kind::Wireless,
                    crc: Crc::None,
                    mode: Some(mode.trim().to_owned()),
                    received: Some(time.trim().to_owned()).filter(|t| !t.is_empty()),
                    notes,
                    ..Item::default()
                })
            }
            Err(error) => Entry::Refused(Refusal::hex(&error, start)),
        });
    }
    if entries.is_empty() {
        entries.push(Entry::Refused(Refusal::new(
            "empty",
            column.saturating_sub(1),
            "there is no telegram behind the seventh semicolon",
            "the line was cut short; the telegram is the last column, 0x and hex digits",
        )));
    }
    entries
}

/// The line that rtl_wmbus prints for a telegram without link CRCs: `mode` as it calls the radio mode, the amplitudes of
/// packet and noise.
#[must_use]
pub fn line(mode: &str, now: NaiveDateTime, amplitudes: [u8; 2], telegram: &[u8]) -> String {
    let [packet, current] = amplitudes;
    let time = now.format("%Y-%m-%d %H:%M:%S%.3f");
    let ident = telegram.get(4..8).and_then(|ident| <[u8; 4]>::try_from(ident).ok()).unwrap_or_default();
    let ident = u32::from_le_bytes(ident);
    let hex: String = telegram.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{mode};1;1;{time};{packet};{current};{ident:08X};0x{hex}")
}

fn not_a_line(column: usize) -> Box<Refusal> {
    Refusal::new(
        "not_rtl_wmbus",
        column,
        "this is no line of rtl_wmbus: MODE;CRC_OK;3OF6_OK;TIMESTAMP;RSSI;RSSI;IDENT;0xHEX expected",
        "use --input auto, or name the format of the line with --input",
    )
}

/// The identification number stands twice in the line; if they differ, somebody edited one of them.
fn check_ident(ident: &str, octets: &[u8], notes: &mut Vec<String>) {
    let Ok(stated) = u32::from_str_radix(ident.trim(), 16) else { return };
    if let Some(id) = octets.get(4..8).and_then(|id| <[u8; 4]>::try_from(id).ok()) {
        let id = u32::from_le_bytes(id);
        if stated != id {
            notes.push(format!("the line names meter {stated:08X}, the telegram {id:08X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    const LINE: &str = "T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x0744AE0C78563412";

    #[test]
    fn a_line_gives_its_telegram() {
        let item = one(parse(LINE));
        assert_eq!(item.octets, [0x07, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12]);
        assert_eq!((item.kind, item.crc), (Kind::Wireless, Crc::None));
        assert_eq!(item.mode.as_deref(), Some("T1"));
        assert_eq!(item.received.as_deref(), Some("2019-04-03 19:00:42.000"));
        assert!(item.notes.is_empty(), "{:?}", item.notes);
    }

    #[test]
    fn a_line_is_made_as_it_is_read() {
        let now = NaiveDateTime::parse_from_str("2019-04-03 19:00:42", "%Y-%m-%d %H:%M:%S").unwrap();
        assert_eq!(line("T1", now, [97, 148], &one(parse(LINE)).octets), LINE.replace("AE0C", "ae0c"));
    }

    #[test]
    fn the_algorithm_may_stand_in_front() {
        for algorithm in ["rla", "t2a"] {
            assert_eq!(one(parse(&format!("{algorithm};{LINE}"))), one(parse(LINE)));
        }
    }

    #[test]
    fn several_telegrams_on_a_line() {
        let entries = parse(&format!("{LINE};0xE5;\r"));
        assert_eq!(entries.len(), 2);
        assert!(matches!(&entries[1], Entry::Telegram(item) if item.octets == [0xE5]));
    }

    #[test]
    fn damaged_telegrams_are_left_out() {
        let line = LINE.replacen(";1;1;", ";0;1;", 1);
        assert!(matches!(parse(&line).as_slice(), [Entry::Skipped(_)]));
    }

    #[test]
    fn the_length_of_the_radio_is_put_right_and_told() {
        let item = one(parse("C1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x0944AE0C78563412"));
        assert_eq!(item.octets.first(), Some(&7));
        assert_eq!(item.notes.len(), 1);
    }

    #[test]
    fn cut_lines_are_refused() {
        assert_eq!(refusal(parse("T1;1;1;2019-04-03")).kind, "not_rtl_wmbus");
        assert_eq!(refusal(parse("T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;")).kind, "empty");
        assert_eq!(refusal(parse("T1;1;1;x;97;148;12345678;0x0F4")).kind, "odd_digits");
        assert_eq!(refusal(parse("T1;2;1;x;97;148;12345678;0x0F")).kind, "not_rtl_wmbus");
        assert_eq!(refusal(parse("hello")).kind, "not_rtl_wmbus");
    }

    #[test]
    fn another_identification_number_is_told() {
        let item = one(parse(&LINE.replace(";12345678;", ";87654321;")));
        assert_eq!(item.notes.len(), 1);
    }
}
