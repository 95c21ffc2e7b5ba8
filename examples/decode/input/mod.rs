//! Lines of text to telegrams: what dongles, tools and people hand over.
//!
//! Every format gives the same [`Item`]; what a format knows about its telegrams (wired or wireless, link
//! CRCs removed or not, RSSI) is kept, what it repairs is said in a note. A line gives any number of
//! entries: `rtl_wmbus` puts several telegrams on one.

pub mod cul;
mod esphome;
mod jsonl;
pub mod lines;
mod plain;
mod rtl_433;
pub mod rtl_wmbus;
mod wmbusmeters;

use super::hex::HexError;
use super::keys::Key;
use super::model::{Place, Problem};
use lines::Line;
use serde_json::Value;

/// How the lines are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Find out for each line.
    #[default]
    Auto,
    /// Hex digits.
    Hex,
    /// JSON Lines with a field "hex".
    Jsonl,
    /// Lines of rtl_wmbus: MODE;CRC_OK;...;0xHEX.
    RtlWmbus,
    /// JSON or CSV lines of rtl_433.
    #[value(name = "rtl-433")]
    Rtl433,
    /// Lines of a CUL stick: bHEX, bYHEX.
    Cul,
    /// Lines of wmbusmeters: telegram=|HEX|+seconds.
    Wmbusmeters,
    /// Log lines of ESPHome: DRIVER [0xID] RSSI: -44dBm T: HEX (79) T1 A.
    Esphome,
    /// Hex of HDLC frames, as a smart meter's customer port sends them.
    Hdlc,
}

/// What the octets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Find out.
    #[default]
    Auto,
    /// A frame of the wired bus.
    Wired,
    /// A frame from the air.
    Wireless,
    /// Chips from the air: from behind the sync word, or with it.
    Chips,
    /// HDLC frames.
    Hdlc,
}

/// Where the link CRCs of a wireless frame are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Crc {
    /// Find out.
    #[default]
    Auto,
    /// Removed.
    None,
    /// Still there, frame format A.
    #[value(name = "A", alias = "a")]
    A,
    /// Still there, frame format B.
    #[value(name = "B", alias = "b")]
    B,
}

/// How the chips of a telegram are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Six chips for four bits.
    ThreeOfSix,
    /// Two chips for one bit.
    Manchester,
    /// One chip for one bit.
    Nrz,
}

/// One telegram as it was handed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// The name the sender gave it; null when there is none.
    pub id: Value,
    /// The octets (or packed chips).
    pub octets: Vec<u8>,
    /// What they are.
    pub kind: Kind,
    /// Where the link CRCs are.
    pub crc: Crc,
    /// The key that came with the telegram.
    pub key: Option<Key>,
    /// DIB and VIB octets of the full frame that a compact frame refers to.
    pub format_headers: Option<Vec<u8>>,
    /// The radio mode as the receiver names it.
    pub mode: Option<String>,
    /// How the chips are coded.
    pub coding: Option<Coding>,
    /// Received signal strength, where the format has a defined scale.
    pub rssi_dbm: Option<i16>,
    /// When the receiver heard it, as written by the receiver.
    pub received: Option<String>,
    /// What was found out or changed on the way in.
    pub notes: Vec<String>,
}

/// A line that is no telegram although it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    /// The name the sender gave the telegram, if that much could be read.
    pub id: Value,
    /// One lower-case word.
    pub kind: &'static str,
    /// The character of the line to blame, from 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to try next.
    pub hint: String,
}

/// What came out of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A telegram.
    Telegram(Box<Item>),
    /// Something that should be a telegram and is none.
    Refused(Box<Refusal>),
    /// A line that is rightly left out, and why (one of a few fixed texts, so that they can be counted).
    Skipped(&'static str),
}

impl Entry {
    fn telegram(item: Item) -> Self {
        Self::Telegram(Box::new(item))
    }
}

impl Refusal {
    fn new(
        kind: &'static str,
        column: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self { id: Value::Null, kind, column, message: message.into(), hint: hint.into() })
    }
    fn hex(error: &HexError, start: usize) -> Box<Self> {
        Self::new(error.kind.name(), start + error.column, error.kind.to_string(), error.kind.hint())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            layer: "phy",
            kind: refusal.kind.to_owned(),
            offset: refusal.column,
            place: Place::Character,
            message: refusal.message,
            hint: refusal.hint,
        }
    }
}

/// The telegrams of one line as it was read.
#[must_use]
pub fn entries(format: Format, line: &Line) -> Vec<Entry> {
    let refusal = match line {
        Line::Text(text) => return parse(format, text),
        Line::NotText(at) => Refusal::new(
            "not_utf8",
            *at,
            "this line is not UTF-8 text",
            "telegrams are read as text; turn a binary stream into hex first, for example with xxd -p",
        ),
        Line::TooLong(octets) => Refusal::new(
            "line_too_long",
            lines::LONGEST,
            format!("this line has {octets} octets, no telegram is that long"),
            "write one telegram per line",
        ),
    };
    vec![Entry::Refused(refusal)]
}

/// The telegrams of one line. Empty lines and lines that begin with `#` have none.
#[must_use]
pub fn parse(format: Format, line: &str) -> Vec<Entry> {
    let text = line.trim_start_matches('\u{FEFF}').trim_end_matches(['\r', '\n']);
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Vec::new();
    }
    match format {
        Format::Auto => parse(recognise(trimmed), text),
        Format::Hex => plain::parse(text),
        Format::Jsonl => jsonl::parse(text),
        Format::RtlWmbus => rtl_wmbus::parse(text),
        Format::Rtl433 => rtl_433::parse(text),
        Format::Cul => cul::parse(text),
        Format::Wmbusmeters => wmbusmeters::parse(text),
        Format::Esphome => esphome::parse(text),
        Format::Hdlc => plain::parse_as(text, Kind::Hdlc),
    }
}

/// The format of a line that is neither empty nor a comment.
fn recognise(line: &str) -> Format {
    if line.starts_with('{') {
        return if line.contains("\"hex\"") || !line.contains("\"model\"") {
            Format::Jsonl
        } else {
            Format::Rtl433
        };
    }
    if line.contains("telegram=") {
        return Format::Wmbusmeters;
    }
    if rtl_wmbus::looks_like(line) {
        return Format::RtlWmbus;
    }
    if esphome::looks_like(line) {
        return Format::Esphome;
    }
    if line.contains("Wireless-MBus") || line.contains("KNX-RF") || rtl_433::looks_like_heading(line) {
        return Format::Rtl433;
    }
    if cul::looks_like(line) { Format::Cul } else { Format::Hex }
}

/// Some sources leave the L-field of the radio although they removed the CRCs of a format B frame: it is
/// then 2 (one CRC) or 4 (two CRCs) too large. Puts the count right and says so.
fn repair_length(octets: &mut [u8], notes: &mut Vec<String>) {
    let follow = octets.len().saturating_sub(1);
    if let Some(length) = octets.first_mut() {
        let surplus = usize::from(*length).wrapping_sub(follow);
        if let (2 | 4, Ok(right)) = (surplus, u8::try_from(follow)) {
            notes.push(format!(
                "the L-field {length:02X} counts {surplus} CRC octets that the receiver removed; read as {right:02X}"
            ));
            *length = right;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn one(entries: Vec<Entry>) -> Item {
        match <[Entry; 1]>::try_from(entries) {
            Ok([Entry::Telegram(item)]) => *item,
            other => panic!("one telegram expected: {other:?}"),
        }
    }

    pub(super) fn refusal(entries: Vec<Entry>) -> Refusal {
        match <[Entry; 1]>::try_from(entries) {
            Ok([Entry::Refused(refusal)]) => *refusal,
            other => panic!("a refusal expected: {other:?}"),
        }
    }

    #[test]
    fn lines_without_telegrams_are_left_out() {
        for line in ["", "   ", "# a comment", "\u{FEFF}", "\r\n", "\t#"] {
            assert_eq!(parse(Format::Auto, line), [], "{line:?}");
        }
    }

    #[test]
    fn the_format_of_a_line_is_recognised() {
        for (line, format) in [
            ("1244AE0C7856341201078C2027780B13436587", Format::Hex),
            ("68 03 03 68 08 0B 72 85 16", Format::Hex),
            ("b1b2", Format::Hex),
            (r#"{"id":1,"hex":"E5"}"#, Format::Jsonl),
            (r#"{"time":"x","model":"Wireless-MBus","data":"1244"}"#, Format::Rtl433),
            ("2024-01-01 00:00:00,,,Wireless-MBus,T,KAM,1244ae0c", Format::Rtl433),
            ("T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x0f44ae0c", Format::RtlWmbus),
            ("rla;T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x0f44ae0c", Format::RtlWmbus),
            ("telegram=|1244AE0C|+12", Format::Wmbusmeters),
            ("izar [0x12345678] RSSI: -44dBm T: 1244AE0C (4) T1 A", Format::Esphome),
            ("bY1444", Format::Cul),
            ("V 1.67 nanoCUL868", Format::Cul),
        ] {
            assert_eq!(recognise(line), format, "{line}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_a_carriage_return_do_no_harm() {
        assert_eq!(one(parse(Format::Auto, "\u{FEFF}E5\r\n")).octets, [0xE5]);
    }

    #[test]
    fn the_length_is_put_right_only_for_removed_crcs() {
        for (length, repaired) in [(3, 3), (4, 4), (5, 3), (7, 3), (8, 8), (2, 2), (0, 0)] {
            let mut octets = [length, 0x44, 0, 0];
            let mut notes = Vec::new();
            repair_length(&mut octets, &mut notes);
            assert_eq!(octets[0], repaired);
            assert_eq!(notes.is_empty(), length == repaired);
        }
    }
}
