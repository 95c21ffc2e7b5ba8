//! What a message counter belongs to. A sender's state keeps its counter by what the sender says of itself
//! ([`Count`]), the replay guard by what a received message proved ([`ProvenCount`]): nothing that anybody can change
//! may start a new count. Both write it at the beginning of the lines that they are kept in.
//!
//! ```text
//! 9315785634123303 up 00 00        address (order of the link layer), direction, key id, key version
//! 0123456789ABCDEF 12345678 up     identity of the key, identification number or -, direction or -
//! ```
//!
//! Invariants: hex for the address, since letters would lose the soft-address bit; a line is read only if it
//! is exactly what was written.

use core::fmt;
use core::str::SplitAsciiWhitespace;

use mbus_link::{Address, IdentificationNumber};

use crate::key::KeyIdentity;
use crate::sealed::Direction;

/// Which count of a sender: of one meter, one direction, and one key.
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

/// Which count of a receiver: made of what was proved, and of nothing else.
///
/// The key that fitted, and what the MAC, the tag or the derivation of the key covers of the meter and the direction.
/// Key numbers, versions and the rest of an address stand in octets that anybody can change, in one mode or another, so
/// they are no part of it. A new key is another key and starts a new count by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ProvenCount {
    /// The key that fitted.
    pub key: KeyIdentity,
    /// The octets of the meter's identification number as sent; `None` where nothing covers it.
    pub identification: Option<[u8; 4]>,
    /// Which way the messages go; `None` where nothing covers it.
    pub direction: Option<Direction>,
}

impl ProvenCount {
    /// The identification number of the meter; `None` where nothing covers it.
    #[must_use]
    pub const fn identification(&self) -> Option<IdentificationNumber> {
        match self.identification {
            Some(octets) => Some(IdentificationNumber::from_octets(octets)),
            None => None,
        }
    }
}

impl fmt::Display for ProvenCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.key)?;
        match self.identification {
            Some(octets) => write!(f, "{:08X} ", u32::from_le_bytes(octets))?,
            None => f.write_str("- ")?,
        }
        f.write_str(match self.direction {
            Some(Direction::FromMeter) => "up",
            Some(Direction::ToMeter) => "down",
            None => "-",
        })
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
    pub(crate) fn proven_count(&mut self) -> Result<ProvenCount, ParseCountError> {
        let key = KeyIdentity(self.hex(16, "the identity of a key of 16 hex digits")?.to_be_bytes());
        const IDENTIFICATION: &str = "an identification number of eight digits, or -";
        let identification = match self.next(IDENTIFICATION)? {
            "-" => None,
            word => {
                let [.., a, b, c, d] = hex(word, 8, IDENTIFICATION)?.to_be_bytes();
                Some([d, c, b, a])
            }
        };
        let direction = match self.next("up, down or -")? {
            "up" => Some(Direction::FromMeter),
            "down" => Some(Direction::ToMeter),
            "-" => None,
            _ => return Err(ParseCountError { expected: "up, down or -" }),
        };
        Ok(ProvenCount { key, identification, direction })
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

    #[test]
    fn proven_counts_printed_and_read() {
        let key = KeyIdentity([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]);
        for (identification, id) in [(None, "-"), (Some([0x78, 0x56, 0x34, 0xF2]), "F2345678")] {
            for (direction, way) in
                [(None, "-"), (Some(Direction::FromMeter), "up"), (Some(Direction::ToMeter), "down")]
            {
                let count = ProvenCount { key, identification, direction };
                assert_eq!(count.to_string(), std::format!("0123456789ABCDEF {id} {way}"));
                assert_eq!(Words::of(&count.to_string()).proven_count(), Ok(count));
                assert_eq!(count.identification().map(|id| id.octets()), identification);
            }
        }
        for line in [
            "",
            "0123456789ABCDE - -",
            "0123456789ABCDEF",
            "0123456789ABCDEF 1234567 up",
            "0123456789ABCDEF 12345678 Up",
        ] {
            assert!(Words::of(line).proven_count().is_err(), "{line}");
        }
    }
}
