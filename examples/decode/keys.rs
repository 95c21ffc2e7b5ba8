//! Keys and the files they are kept in.
//!
//! ```text
//! # comment
//! 12345678 000102030405060708090A0B0C0D0E0F
//! KAM.12345678,000102030405060708090A0B0C0D0E0F
//! KAM,12345678,000102030405060708090A0B0C0D0E0F
//! ELS.* 000102030405060708090A0B0C0D0E0F
//! ELS.12345678 000102030405060708090A0B0C0D0E0F D
//! ```
//!
//! Columns are parted by white space, commas, semicolons or tabs; `*` stands for any characters. The last column may
//! name the security profile that the meter must use: A, B, C, D, or none. Of several lines that fit a meter the one
//! with the fewest wildcards is taken first, then the earlier one. A key is never printed, neither in an error nor by
//! `Debug`.

use super::hex;
use oms_security::profile::Profile;
use std::fmt;
use std::path::Path;

/// The most lines with errors that are named; the others are counted.
const NAMED: usize = 20;

/// An AES-128 key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

/// Why a text is no key. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It is not hex.
    NotHex,
    /// It has another length, in hex digits.
    Length(usize),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHex => {
                write!(f, "a key is 32 hex digits, this one has other characters or a half octet")
            }
            Self::Length(digits) => write!(f, "a key is 32 hex digits (16 octets), this one has {digits}"),
        }
    }
}

impl std::error::Error for KeyError {}

impl Key {
    /// The key written as 32 hex digits, separators allowed.
    ///
    /// # Errors
    /// [`KeyError`] when it is not hex or not 16 octets.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let octets = hex::parse(text).map_err(|error| match error.kind {
            hex::HexErrorKind::Odd(digits) => KeyError::Length(digits),
            hex::HexErrorKind::Empty => KeyError::Length(0),
            hex::HexErrorKind::NotHex(_) => KeyError::NotHex,
        })?;
        <[u8; 16]>::try_from(octets.as_slice()).map(Self).map_err(|_| KeyError::Length(octets.len() * 2))
    }
    /// The 16 octets.
    #[must_use]
    pub const fn octets(&self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// One line of a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Upper case, `*` for any.
    manufacturer: String,
    id: String,
    key: Key,
    profile: Option<Profile>,
}

/// A line of a key file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub number: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.message)
    }
}

/// The keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    rules: Vec<Rule>,
}

impl Keys {
    /// The keys of a file that was named with `--keys`.
    ///
    /// # Errors
    /// In words: it cannot be read, or has lines that cannot be used.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let file = std::fs::read(path).map_err(|error| format!("--keys {name}: {error}"))?;
        Self::parse(&file).map_err(|bad| format!("--keys {name}:\n{}", report(&bad)))
    }
    /// The keys of a file's octets.
    ///
    /// # Errors
    /// Every line that cannot be used, by its number.
    pub fn parse(file: &[u8]) -> Result<Self, Vec<BadLine>> {
        let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        let mut rules = Vec::new();
        let mut bad = Vec::new();
        let mut heading_allowed = true;
        for (line, number) in file.split(|octet| *octet == b'\n').zip(1..) {
            let Ok(line) = std::str::from_utf8(line) else {
                bad.push(BadLine { number, message: "this line is not UTF-8 text".to_owned() });
                continue;
            };
            // A comment may follow a key; no part of a line can hold a #.
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let columns = columns(line);
            if std::mem::take(&mut heading_allowed) && is_heading(&columns) {
                continue;
            }
            match rule(&columns) {
                Ok(rule) => rules.push(rule),
                Err(message) => bad.push(BadLine { number, message }),
            }
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        // Stable: the earlier line stays first among equals.
        rules.sort_by_key(|rule| wildcards(&rule.manufacturer) + wildcards(&rule.id));
        Ok(Self { rules })
    }
    /// The keys for a meter, the best first.
    pub fn of<'a>(&'a self, manufacturer: &'a str, id: &'a str) -> impl Iterator<Item = Key> + 'a {
        self.rules_of(manufacturer, id).map(|rule| rule.key)
    }
    /// The profile that a meter must use: that of the best line that names one.
    #[must_use]
    pub fn profile_of(&self, manufacturer: &str, id: &str) -> Option<Profile> {
        self.rules_of(manufacturer, id).find_map(|rule| rule.profile)
    }
    fn rules_of<'a>(&'a self, manufacturer: &'a str, id: &'a str) -> impl Iterator<Item = &'a Rule> + 'a {
        let fits = move |rule: &&Rule| {
            matches(rule.manufacturer.as_bytes(), manufacturer.as_bytes())
                && matches(rule.id.as_bytes(), id.as_bytes())
        };
        self.rules.iter().filter(fits)
    }
    /// The number of lines with a key.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }
    /// True when there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// The bad lines of a file as a text, not more than a screen of them.
#[must_use]
pub fn report(bad: &[BadLine]) -> String {
    let mut text: Vec<String> = bad.iter().take(NAMED).map(BadLine::to_string).collect();
    if let Some(more) = bad.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text.push(format!("and {more} more"));
    }
    text.join("\n")
}

fn columns(line: &str) -> Vec<String> {
    line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .map(|column| column.trim_matches('"').to_ascii_uppercase())
        .filter(|column| !column.is_empty())
        .collect()
}

fn is_heading(columns: &[String]) -> bool {
    columns.iter().any(|column| matches!(column.as_str(), "ID" | "KEY" | "MANUFACTURER" | "PROFILE"))
}

/// The profile that the last column names, and the columns before it.
fn profile(columns: &[String]) -> (Option<Profile>, &[String]) {
    let named = |name: &String| Profile::TABLE.iter().find(|row| name.eq_ignore_ascii_case(row.name));
    match columns.split_last() {
        Some((last, before)) if before.len() >= 2 => match named(last) {
            Some(row) => (Some(row.profile), before),
            None => (None, columns),
        },
        _ => (None, columns),
    }
}

fn rule(columns: &[String]) -> Result<Rule, String> {
    let (profile, columns) = profile(columns);
    let (manufacturer, id, key) = match columns {
        [meter, key] => match meter.split_once('.') {
            Some((manufacturer, id)) => (manufacturer, id, key),
            None => ("*", meter.as_str(), key),
        },
        [manufacturer, id, key] => (manufacturer.as_str(), id.as_str(), key),
        other => {
            return Err(format!(
                "\"ID KEY\" or \"MANUFACTURER.ID KEY\" expected, and perhaps a profile; {} columns found",
                other.len()
            ));
        }
    };
    let is_manufacturer = manufacturer == "*"
        || manufacturer.len() == 3 && manufacturer.bytes().all(|l| l.is_ascii_uppercase() || l == b'*')
        || manufacturer.len() == 6 && manufacturer.starts_with("0X");
    if !is_manufacturer {
        return Err("the manufacturer must be three letters, 0x and four hex digits, or *".to_owned());
    }
    if id.is_empty() || id.len() > 8 || !id.bytes().all(|d| d.is_ascii_hexdigit() || d == b'*') {
        return Err("the meter's number must be up to eight digits, * allowed".to_owned());
    }
    let key = Key::parse(key).map_err(|error| error.to_string())?;
    let id = if id.contains('*') { id.to_owned() } else { format!("{id:0>8}") };
    Ok(Rule { manufacturer: manufacturer.to_owned(), id, key, profile })
}

/// 0 for none, 1 for a part, 2 for a lone `*`.
fn wildcards(pattern: &str) -> usize {
    if pattern == "*" { 2 } else { usize::from(pattern.contains('*')) }
}

/// True when `text` is `pattern`, where `*` stands for any number of characters.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', pattern @ ..], _) => {
            (0..=text.len()).any(|n| text.get(n..).is_some_and(|rest| matches(pattern, rest)))
        }
        ([p, pattern @ ..], [t, text @ ..]) => p.eq_ignore_ascii_case(t) && matches(pattern, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "000102030405060708090A0B0C0D0E0F";
    const B: &str = "0F0E0D0C0B0A09080706050403020100";

    fn keys(file: &str) -> Keys {
        Keys::parse(file.as_bytes()).unwrap_or_else(|bad| panic!("{}", report(&bad)))
    }

    fn first(keys: &Keys, manufacturer: &str, id: &str) -> Option<u8> {
        keys.of(manufacturer, id).next().map(|key| key.octets()[0])
    }

    #[test]
    fn all_forms_of_a_line() {
        for line in [
            format!("12345678 {A}"),
            format!("12345678,{A}\r"),
            format!("KAM.12345678 {A}"),
            format!("kam.12345678;{A}"),
            format!("KAM,12345678,{A}"),
            format!("\"KAM.12345678\",\"{A}\"   # why"),
            format!("KAM.*\t{A}"),
            format!("*.12345678 {A}"),
            format!("*.* {A}"),
            format!("* {A}"),
            format!("1234* {A}"),
            format!("K*M.*678 {A}"),
            format!("\u{FEFF}# comment\n\nid,key\n12345678,{A}\n"),
        ] {
            let keys = keys(&line);
            assert_eq!(keys.len(), 1, "{line}");
            assert_eq!(first(&keys, "KAM", "12345678"), Some(0), "{line}");
        }
    }

    #[test]
    fn short_numbers_have_leading_zeros_and_hex_digits_are_kept() {
        assert_eq!(first(&keys(&format!("5678 {A}")), "KAM", "00005678"), Some(0));
        assert_eq!(first(&keys(&format!("1234567a {A}")), "KAM", "1234567A"), Some(0));
        assert_eq!(first(&keys(&format!("0x1C08.00000001 {A}")), "0x1C08", "00000001"), Some(0));
    }

    #[test]
    fn other_meters_have_no_key() {
        let keys = keys(&format!("KAM.1234* {A}"));
        assert_eq!(first(&keys, "ELS", "12345678"), None);
        assert_eq!(first(&keys, "KAM", "01234567"), None);
        assert!(!keys.is_empty());
    }

    #[test]
    fn the_line_with_fewer_wildcards_wins() {
        let keys = keys(&format!("* {A}\nKAM.* {A}\n12345678 {A}\nKAM.12345678 {B}\n"));
        assert_eq!(first(&keys, "KAM", "12345678"), Some(0x0F));
        assert_eq!(keys.of("KAM", "12345678").count(), 4);
        assert_eq!(first(&keys, "ELS", "1"), Some(0));
    }

    #[test]
    fn the_last_column_may_name_the_profile() {
        let file = format!("* {A} none\nKAM.* {A} b\nKAM,1234*,{A},D\n12345678;{B}\n99999999 {A} A # why\n");
        let keys = keys(&file);
        for (manufacturer, id, profile) in [
            ("KAM", "12345678", Profile::D),
            ("KAM", "55555555", Profile::B),
            ("ELS", "99999999", Profile::A),
            ("ELS", "12345678", Profile::None),
        ] {
            assert_eq!(keys.profile_of(manufacturer, id), Some(profile), "{manufacturer}.{id}");
        }
        assert_eq!(first(&keys, "KAM", "12345678"), Some(0));
        assert_eq!(Keys::default().profile_of("KAM", "12345678"), None);
        for line in [format!("1 {A} E"), format!("{A} A"), format!("1 {A} A A")] {
            assert!(Keys::parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn every_bad_line_is_named() {
        let file =
            format!("1 {A}\n\nKAM 1\n123456789 {A}\nKAMS.1 {A}\n1 {A}00\n1 {A}0\nx {A}\n1 zz\na b c d\n");
        let bad = Keys::parse(file.as_bytes()).unwrap_err();
        assert_eq!(bad.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8, 9, 10]);
        assert!(bad[3].message.contains("34"), "{}", bad[3]);
        let bad = Keys::parse(b"1 \xFF\n").unwrap_err();
        assert_eq!(bad.len(), 1);
        let bad = Keys::parse("x\n".repeat(50).as_bytes()).unwrap_err();
        assert_eq!((bad.len(), report(&bad).lines().count()), (50, NAMED + 1));
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::parse(A).unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert!(!format!("{:?}", keys(&format!("1 {A}"))).contains("0102"));
        for text in [A.to_owned() + "77", A.to_owned() + "x", A[1..].to_owned()] {
            let error = Key::parse(&text).unwrap_err();
            assert!(!error.to_string().contains(&A[..8]));
        }
    }
}
