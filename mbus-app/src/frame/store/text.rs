//! A header list as a line of text, so that a gateway keeps its formats over a restart.
//!
//! ```text
//! 9593 33 03 3B31 02020215022A        manufacturer, version, device type, signature, headers; all in hex
//! ```
//!
//! Invariants: a line that is read has the signature that it names; blank lines and those that begin with `#` say
//! nothing.

use core::fmt;
use core::str::FromStr;

use mbus_link::{DeviceType, ManufacturerId, Version};

use super::{FormatKey, FormatStore, check};
use crate::{Error, ErrorKind};

/// A header list with its key; prints as one line of text and is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StoredFormat<const SIZE: usize> {
    /// What it is kept under.
    pub key: FormatKey,
    len: usize,
    octets: [u8; SIZE],
}

impl<const SIZE: usize> StoredFormat<SIZE> {
    pub(super) fn new(key: FormatKey, headers: &[u8]) -> Result<Self, Error> {
        let mut octets = [0; SIZE];
        let too_long = ErrorKind::TooLong { length: headers.len(), limit: SIZE }.at(0);
        octets.get_mut(..headers.len()).ok_or(too_long)?.copy_from_slice(headers);
        Ok(Self { key, len: headers.len(), octets })
    }
    /// DIB and VIB octets of all records.
    #[must_use]
    pub fn headers(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Manufacturer (four hex digits), version, device type, signature, headers; all in hex. The line of
/// [`StoredFormat`], for stores of one's own.
///
/// # Errors
/// Those of the formatter.
pub fn write_line(f: &mut dyn fmt::Write, key: &FormatKey, headers: &[u8]) -> fmt::Result {
    let FormatKey { manufacturer, version, device_type, signature } = key;
    write!(f, "{:04X} {:02X} {:02X} {signature:04X} ", manufacturer.raw(), version.0, device_type.0)?;
    headers.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

impl<const SIZE: usize> fmt::Display for StoredFormat<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.key, self.headers())
    }
}

/// A line that is not what [`StoredFormat`] prints, or whose signature is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseFormatError {
    expected: &'static str,
}

impl<const SIZE: usize> FromStr for StoredFormat<SIZE> {
    type Err = ParseFormatError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split_ascii_whitespace();
        let mut number = |digits: usize, expected| {
            let word = words.next().filter(|word| word.len() == digits && is_hex(word));
            word.and_then(|word| u16::from_str_radix(word, 16).ok()).ok_or(ParseFormatError { expected })
        };
        let manufacturer = number(4, "a manufacturer of four hex digits")?;
        let [version, _] = number(2, "a version of two hex digits")?.to_le_bytes();
        let [device_type, _] = number(2, "a device type of two hex digits")?.to_le_bytes();
        let signature = number(4, "a signature of four hex digits")?;
        let key = FormatKey {
            manufacturer: ManufacturerId::from_raw(manufacturer),
            version: Version(version),
            device_type: DeviceType(device_type),
            signature,
        };
        let text = words
            .next()
            .filter(|word| is_hex(word))
            .ok_or(ParseFormatError { expected: "headers in hex" })?;
        let mut octets = [0; SIZE];
        let mut len = 0usize;
        let mut digits = text.as_bytes();
        while let ([high, low, rest @ ..], Some(place)) = (digits, octets.get_mut(len)) {
            let pair = [*high, *low];
            let pair = core::str::from_utf8(&pair).unwrap_or_default();
            *place = u8::from_str_radix(pair, 16).unwrap_or_default();
            len = len.saturating_add(1);
            digits = rest;
        }
        if len.saturating_mul(2) != text.len() || words.next().is_some() {
            return Err(ParseFormatError {
                expected: "whole octets that fit the store, and the end of the line",
            });
        }
        let format = Self { key, len, octets };
        check(&key, format.headers())
            .map_err(|_| ParseFormatError { expected: "headers with that signature" })?;
        Ok(format)
    }
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// What became of the lines of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Lists that the store has learned.
    pub learned: usize,
    /// Lines that were left out.
    pub refused: usize,
    /// The number of the first line that was left out, from 1, and why.
    pub first_refused: Option<(usize, RefusedLine)>,
}

/// Why a line was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedLine {
    /// It is no list.
    #[error(transparent)]
    Text(#[from] ParseFormatError),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Puts the lists of a text into a store: lines as the stores print them, the newest first. One bad line does not cost
/// the others. Lists of up to 255 octets, which is more than one frame can have.
///
/// ```
/// use mbus_app::frame::{BoundedFormats, store};
/// let mut formats = BoundedFormats::<8, 64>::new();
/// let told = store::import(&mut formats, "# of the water meters\n1593 33 03 3B31 02020215022A\nnonsense\n");
/// assert_eq!((told.learned, told.refused, told.first_refused.map(|(line, _)| line)), (1, 1, Some(3)));
/// assert_eq!(formats.to_string(), "1593 33 03 3B31 02020215022A\n");
/// ```
pub fn import<S: FormatStore + ?Sized>(store: &mut S, text: &str) -> Import {
    let mut told = Import::default();
    let lines = || text.as_bytes().rsplit(|octet| *octet == b'\n');
    let mut number = lines().count().saturating_add(1);
    // What is learned last is the newest.
    for line in lines() {
        number = number.saturating_sub(1);
        let line = core::str::from_utf8(line.trim_ascii()).unwrap_or_default();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match take_line(store, line) {
            Ok(()) => told.learned = told.learned.saturating_add(1),
            Err(reason) => {
                told.refused = told.refused.saturating_add(1);
                told.first_refused = Some((number, reason));
            }
        }
    }
    told
}

fn take_line<S: FormatStore + ?Sized>(store: &mut S, line: &str) -> Result<(), RefusedLine> {
    let format: StoredFormat<255> = line.parse()?;
    Ok(store.learn(&format.key, format.headers())?)
}

#[cfg(test)]
mod tests {
    use super::super::BoundedFormats;
    use super::super::annex_g::{HEADERS, key};
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    #[test]
    fn a_text_with_bad_lines() {
        let mut store = BoundedFormats::<2, 6>::new();
        for version in [1, 2] {
            store.learn(&key(version), &HEADERS).unwrap();
        }
        let text = store.to_string();
        assert_eq!(text, "9593 02 03 3B31 02020215022A\n9593 01 03 3B31 02020215022A\n");
        let mut restored = BoundedFormats::<2, 6>::new();
        let all = Import { learned: 2, refused: 0, first_refused: None };
        assert_eq!(import(&mut restored, &text.replace('\n', "\r\n")), all);
        assert_eq!(restored.to_string(), text, "in the same order");
        // Longer than the store takes; no list at all; neither costs the good ones.
        let seven = format!(
            "0001 01 01 {:04X} 02130213021300",
            crate::frame::compact::signature(b"\x02\x13\x02\x13\x02\x13\0")
        );
        let told = import(&mut restored, &format!("# kept\n\n{seven}\nx\n{text}"));
        assert_eq!((told.learned, told.refused), (2, 2));
        let (line, reason) = told.first_refused.unwrap();
        assert_eq!((line, reason.to_string().contains("too long")), (3, true));
        assert_eq!(restored.to_string(), text);
        assert_eq!(import(&mut restored, ""), Import::default());
    }

    #[test]
    fn lists_survive_a_restart() {
        let mut store = BoundedFormats::<3, 8>::new();
        store.learn(&key(1), &HEADERS).unwrap();
        store.learn(&key(0x33), &HEADERS).unwrap();
        let text: String = store.export().map(|format| format.to_string() + "\n").collect();
        assert_eq!(text.lines().next(), Some("9593 33 03 3B31 02020215022A"));
        let mut restored = BoundedFormats::<3, 8>::new();
        for line in text.lines().rev() {
            let format: StoredFormat<8> = line.parse().unwrap();
            restored.learn(&format.key, format.headers()).unwrap();
        }
        assert!(restored.export().eq(store.export()));
        for line in [
            "",
            "9593 33 03 3B31",
            "9593 33 03 3B31 0202021502",
            "9593 33 03 3B31 02020215022",
            "9593 33 03 3B31 02020215022A 00",
            "9593 33 03 3B32 02020215022A",
            "ELS 33 03 3B31 02020215022A",
            "9593 33 03 3B31 020202150202020202020202",
        ] {
            assert!(line.parse::<StoredFormat<8>>().is_err(), "{line}");
        }
    }
}
