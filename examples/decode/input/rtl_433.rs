//! Lines of rtl_433, JSON or CSV. Only the field `data` is used, everything else is decoded again.
//!
//! The link CRCs are removed; the L-field of a format B frame is still that of the radio and is put right.
//! The CSV columns depend on the other decoders that run, so the telegram is found by its form: the longest
//! field of hex digits in a line of this decoder. A 3-of-6 error is shown by rtl_433 as zeros and left to the CRC.

use super::{Crc, Entry, Item, Kind, Refusal, repair_length};
use crate::decode::hex;
use serde_json::Value;

/// The shortest field taken for a telegram: L, C, M, ID, version, type and a CI-field as hex digits.
const SHORTEST: usize = 22;

const OTHER_MODEL: &str = "from another rtl_433 decoder";

/// The heading of a CSV file.
pub(super) fn looks_like_heading(line: &str) -> bool {
    line.starts_with("time,") && line.contains(",model")
}

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let trimmed = line.trim();
    vec![if trimmed.starts_with('{') { json(trimmed) } else { csv(trimmed) }]
}

fn json(line: &str) -> Entry {
    let value: Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return Entry::Refused(super::jsonl::bad_json(&error)),
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if text("model").is_some_and(|model| !model.starts_with("Wireless-MBus")) {
        return Entry::Skipped(OTHER_MODEL);
    }
    let Some(data) = text("data") else {
        return Entry::Refused(Refusal::new(
            "empty",
            0,
            "the object has no field \"data\"",
            "run rtl_433 with its Wireless-MBus decoders switched on",
        ));
    };
    let start = line.find(data).unwrap_or(0);
    telegram(data, start, text("mode"), text("time"))
}

fn csv(line: &str) -> Entry {
    if looks_like_heading(line) {
        return Entry::Skipped("heading of a CSV file");
    }
    if !line.contains("Wireless-MBus") {
        return Entry::Skipped(OTHER_MODEL);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
    let Some(Ok(row)) = reader.records().next() else {
        return Entry::Refused(no_data());
    };
    let is_hex = |field: &&str| field.len() >= SHORTEST && field.bytes().all(|d| d.is_ascii_hexdigit());
    // `max_by_key` would take the last of equals; the telegram stands before its decrypted payload.
    let longest = row.iter().filter(is_hex).map(str::len).max();
    let Some(data) = row.iter().find(|field| is_hex(field) && Some(field.len()) == longest) else {
        return Entry::Refused(no_data());
    };
    let mode = row.iter().find(|field| matches!(*field, "T" | "C" | "S" | "R" | "F" | "N"));
    telegram(data, line.find(data).unwrap_or(0), mode, row.get(0))
}

fn no_data() -> Box<Refusal> {
    Refusal::new(
        "empty",
        0,
        "no column of this CSV line holds a telegram",
        "use the JSON output of rtl_433 (-F json), whose fields have names",
    )
}

fn telegram(data: &str, start: usize, mode: Option<&str>, time: Option<&str>) -> Entry {
    match hex::parse(data) {
        Ok(mut octets) => {
            let mut notes = Vec::new();
            repair_length(&mut octets, &mut notes);
            Entry::telegram(Item {
                octets,
                kind: Kind::Wireless,
                crc: Crc::None,
                mode: mode.map(str::to_owned),
                received: time.filter(|t| !t.is_empty()).map(str::to_owned),
                notes,
                ..Item::default()
            })
        }
        Err(error) => Entry::Refused(Refusal::hex(&error, start)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    #[test]
    fn json_gives_its_data() {
        let item = one(parse(
            r#"{"time":"2021-02-03 01:02:03","model":"Wireless-MBus","mode":"C","id":12345678,"data":"0744ae0c78563412","mic":"CRC"}"#,
        ));
        assert_eq!(item.octets, [0x07, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12]);
        assert_eq!(item.mode.as_deref(), Some("C"));
        assert_eq!(item.received.as_deref(), Some("2021-02-03 01:02:03"));
    }

    #[test]
    fn json_without_data() {
        assert_eq!(refusal(parse(r#"{"model":"Wireless-MBus"}"#)).kind, "empty");
        assert_eq!(refusal(parse(r#"{"model":"Wireless-MBus","data":"1"}"#)).kind, "odd_digits");
        assert_eq!(refusal(parse(r#"{"model":"#)).kind, "bad_json");
        assert!(matches!(parse(r#"{"model":"KNX-RF","data":"00"}"#).as_slice(), [Entry::Skipped(_)]));
    }

    #[test]
    fn csv_gives_the_column_that_is_a_telegram() {
        let item = one(parse(
            "2021-02-03 01:02:03,,,Wireless-MBus,C,KAM,12345678,\"a, b\",0e44ae0c7856341201077a00000000",
        ));
        assert_eq!(item.octets.len(), 15);
        assert_eq!(item.mode.as_deref(), Some("C"));
        // The C-field is not looked at: a meter that wants to be installed sends 46.
        assert_eq!(one(parse("t,Wireless-MBus,0e46ae0c7856341201077a00000000")).octets.get(1), Some(&0x46));
        assert_eq!(refusal(parse("t,Wireless-MBus,12")).kind, "empty");
        assert!(matches!(parse("time,msg,model,data").as_slice(), [Entry::Skipped(_)]));
        assert!(matches!(parse("t,Oil-SonicStd,17").as_slice(), [Entry::Skipped(_)]));
    }

    #[test]
    fn the_length_of_the_radio_is_put_right() {
        for surplus in [2, 4] {
            let item = one(parse(&format!(
                r#"{{"model":"Wireless-MBus","data":"{:02x}44ae0c78563412"}}"#,
                7 + surplus
            )));
            assert_eq!(item.octets.first(), Some(&7));
            assert_eq!(item.notes.len(), 1);
        }
    }
}
