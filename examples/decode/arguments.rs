//! What the user asks for.

use super::input::{Crc, Format, Kind};
use clap::Parser;
use std::path::PathBuf;

/// How the readings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Tables for people.
    Text,
    /// One JSON array of all telegrams, indented.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// One row per record.
    Csv,
}

/// A key as typed. Parsed later, since a wrong value would be repeated in the message of the parser.
#[derive(Clone)]
pub struct KeyText(pub String);

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText(..)")
    }
}

impl From<&str> for KeyText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Decodes M-Bus and wireless M-Bus telegrams.
///
/// Exit status: 0 all decoded, 1 some failed (the others are still printed), 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "decode", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    decode 68:03:03:68:08:0B:72:85:16\n  \
    decode 1244AE0C7856341201078C2027780B13436587 --explain\n  \
    decode --keys keys.txt --file telegrams.txt --format csv > readings.csv\n  \
    rtl_433 -F json ... | decode --keys keys.txt")]
pub struct Arguments {
    /// Telegrams as hex (spaces, colons, dashes, 0x, | and _ allowed) or lines of a receiver; octets given
    /// one by one make one telegram; none: read stdin, one per line
    #[arg(value_name = "TELEGRAM", conflicts_with = "file")]
    pub telegrams: Vec<String>,
    /// AES-128 key for every telegram
    #[arg(short, long, value_name = "HEX")]
    pub key: Option<KeyText>,
    /// Authentication key of DLMS/COSEM pushes; without it their tag cannot be checked, with it a push without a tag is
    /// refused
    #[arg(long, value_name = "HEX")]
    pub authentication_key: Option<KeyText>,
    /// Key of commands inside secured application data, or of wrapped keys (CI C3 to C6); those of --key and --keys are
    /// tried too
    #[arg(long, value_name = "HEX")]
    pub command_key: Option<KeyText>,
    /// File with lines "ID KEY" or "MANUFACTURER.ID KEY" (wildcards * allowed) or the same as CSV; # comments; the
    /// profile (A, B, C, D) that a meter must use may stand behind its key
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// How the lines are to be read
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub input: Format,
    /// How the readings are printed [default: text on a terminal, jsonl otherwise]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub format: Option<Output>,
    /// Print every octet with its meaning, as a ruler
    #[arg(long)]
    pub explain: bool,
    /// Read from a file, one telegram per line ('-' = stdin)
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What the octets are, where the line does not say so
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    pub kind: Kind,
    /// Where the link CRCs of wireless frames are, where the line does not say so
    #[arg(long, value_name = "CRC", value_enum, default_value_t)]
    pub crc: Crc,
}

impl Arguments {
    /// The telegrams of the command line: each argument is one, unless they are single octets.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let is_octet = |text: &String| text.len() == 2 && text.bytes().all(|d| d.is_ascii_hexdigit());
        if self.telegrams.len() > 1 && self.telegrams.iter().all(is_octet) {
            return vec![self.telegrams.concat()];
        }
        self.telegrams.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["decode"].iter().chain(arguments))
    }

    #[test]
    fn clap_finds_no_fault() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn octets_one_by_one_make_one_telegram() {
        assert_eq!(parse(&["10", "7B", "01", "7C", "16"]).unwrap().lines(), ["107B017C16"]);
        assert_eq!(parse(&["E5"]).unwrap().lines(), ["E5"]);
        assert_eq!(parse(&["107B017C16", "E5"]).unwrap().lines(), ["107B017C16", "E5"]);
    }

    #[test]
    fn formats_have_the_names_of_the_help() {
        for format in
            ["auto", "hex", "jsonl", "rtl-wmbus", "rtl-433", "cul", "wmbusmeters", "esphome", "hdlc"]
        {
            assert!(parse(&["--input", format]).is_ok(), "{format}");
        }
        for format in ["text", "json", "jsonl", "csv"] {
            assert!(parse(&["-f", format]).is_ok(), "{format}");
        }
    }

    #[test]
    fn wrong_usage_is_refused_without_showing_a_key() {
        assert!(parse(&["--format", "xml"]).is_err());
        assert!(parse(&["E5", "--file", "x"]).is_err());
        assert!(parse(&["--nothing"]).is_err());
        assert!(!format!("{:?}", parse(&["--key", "0123"]).unwrap()).contains("0123"));
    }
}
