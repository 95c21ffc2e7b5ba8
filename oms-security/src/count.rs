//! What a message counter belongs to: one meter, one direction, one key. Replay guard and sender's state keep
//! their counters by it, and write it at the beginning of the lines that they are kept in.
//!
//! ```text
//! 9315785634123303 up 00 00        address (order of the link layer), direction, key id, key version
//! ```
//!
//! Invariants: hex for the address, since letters would lose the soft-address bit; a line is read only if it
//! is exactly what was written.

use core::fmt;
use core::str::SplitAsciiWhitespace;

use mbus_link::Address;

/// Which count: of one meter, one direction, and one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Count {
    /// The meter, whichever way the telegrams go.
    pub meter: Address,
    /// True when the meter is the receiver.
    pub to_meter: bool,
    /// The key's number, 0 for the master key.
    pub key_id: u8,
    /// The key's version, 0 where none is sent. A new key starts a new count.
    pub key_version: u8,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.to_meter { "down" } else { "up" };
        let address = u64::from_be_bytes(self.meter.to_link_octets());
        write!(f, "{address:016X} {direction} {:02X} {:02X}", self.key_id, self.key_version)
    }
}

/// A line of a kept counter that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseCountError {
    expected: &'static str,
}

/// The words of a line, each told what it must be.
pub(crate) struct Words<'a>(SplitAsciiWhitespace<'a>);

impl<'a> Words<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        Self(line.split_ascii_whitespace())
    }
    pub(crate) fn next(&mut self, expected: &'static str) -> Result<&'a str, ParseCountError> {
        self.0.next().ok_or(ParseCountError { expected })
    }
    pub(crate) fn hex(&mut self, digits: usize, expected: &'static str) -> Result<u64, ParseCountError> {
        hex(self.next(expected)?, digits, expected)
    }
    pub(crate) fn octet(&mut self, expected: &'static str) -> Result<u8, ParseCountError> {
        octet(self.next(expected)?, expected)
    }
    pub(crate) fn number(&mut self, limit: u64, expected: &'static str) -> Result<u64, ParseCountError> {
        let word = self.next(expected)?;
        let is_number = word.bytes().all(|digit| digit.is_ascii_digit());
        let number = word.parse().ok().filter(|number| is_number && *number <= limit);
        number.ok_or(ParseCountError { expected })
    }
    pub(crate) fn count(&mut self) -> Result<Count, ParseCountError> {
        let meter = self.hex(16, "an address of 16 hex digits")?.to_be_bytes();
        let to_meter = match self.next("up or down")? {
            "up" => false,
            "down" => true,
            _ => return Err(ParseCountError { expected: "up or down" }),
        };
        let key_id = self.octet("a key id of two hex digits")?;
        let key_version = self.octet("a key version of two hex digits")?;
        Ok(Count { meter: Address::from_link_octets(meter), to_meter, key_id, key_version })
    }
    pub(crate) fn end(mut self) -> Result<(), ParseCountError> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(ParseCountError { expected: "the end of the line" }),
        }
    }
}

fn hex(word: &str, digits: usize, expected: &'static str) -> Result<u64, ParseCountError> {
    if word.len() != digits || !word.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(ParseCountError { expected });
    }
    u64::from_str_radix(word, 16).map_err(|_| ParseCountError { expected })
}

pub(crate) fn octet(word: &str, expected: &'static str) -> Result<u8, ParseCountError> {
    let [.., octet] = hex(word, 2, expected)?.to_be_bytes();
    Ok(octet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn printed_and_read() {
        let meter = Address::from_link_octets([0x93, 0x95, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        let count = Count { meter, to_meter: true, key_id: 0x20, key_version: 3 };
        assert_eq!(count.to_string(), "9395785634123303 down 20 03");
        assert_eq!(Words::of(&count.to_string()).count(), Ok(count));
        for line in [
            "",
            "9395785634123303",
            "939578563412330 up 00 00",
            "9395785634123303 Up 00 00",
            "+395785634123303 up 00 00",
        ] {
            assert!(Words::of(line).count().is_err(), "{line}");
        }
        let error = Words::of("9395785634123303 up").count().unwrap_err();
        assert_eq!(error.to_string(), "expected a key id of two hex digits");
    }
}
