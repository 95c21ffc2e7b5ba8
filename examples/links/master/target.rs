//! Whom the user means: a primary address or a secondary one.

use mbus_link::wired::{PrimaryAddress, Selection};
use mbus_link::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};
use std::fmt;
use std::str::FromStr;

/// A meter on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// By primary address, 0 to 250, or 254 for the only meter on the line.
    Primary(PrimaryAddress),
    /// By secondary address; F stands for any digit, FF or FFFF for any of the rest.
    Secondary(Address),
}

const EXPECTED: &str = "a meter is a primary address (0 to 250, or 254), the eight digits of its number, all \
                        sixteen hex digits of its secondary address, or MAKER.NUMBER[.VERSION.TYPE]";

impl FromStr for Target {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| EXPECTED.to_owned())
    }
}

impl Target {
    fn read(text: &str) -> Option<Self> {
        if text.contains('.') {
            return Some(Self::Secondary(dotted(text)?));
        }
        if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        match text.len() {
            1..=3 => match text.parse().ok()? {
                address @ (0..=250 | 254) => Some(Self::Primary(PrimaryAddress(address))),
                _ => None,
            },
            8 => {
                let identification: IdentificationNumber = text.parse().ok()?;
                Some(Self::Secondary(Address { identification, ..Address::WILDCARD }))
            }
            // As other programs write it: the number as printed, then manufacturer, version and type as sent.
            16 => {
                let (number, rest) = text.split_at_checked(8)?;
                let [m0, m1, version, device_type] = u32::from_str_radix(rest, 16).ok()?.to_be_bytes();
                Some(Self::Secondary(Address {
                    manufacturer: ManufacturerId::from_raw(u16::from_le_bytes([m0, m1])),
                    identification: number.parse().ok()?,
                    version: Version(version),
                    device_type: DeviceType(device_type),
                }))
            }
            _ => None,
        }
    }
    /// The selection of a secondary address.
    #[must_use]
    pub const fn selection(&self) -> Option<Selection<'static>> {
        match self {
            Self::Primary(_) => None,
            Self::Secondary(address) => Some(Selection::of(*address)),
        }
    }
    /// True when digits of the number are left open.
    #[must_use]
    pub fn means_several(&self) -> bool {
        matches!(self, Self::Secondary(address) if address.identification.digits().contains(&b'F'))
    }
    /// The address that requests go to once it is selected.
    #[must_use]
    pub const fn address(&self) -> PrimaryAddress {
        match self {
            Self::Primary(address) => *address,
            Self::Secondary(_) => PrimaryAddress::SELECTED,
        }
    }
}

/// `ELS.12345678` or `ELS.12345678.01.07`, as `decode` prints it.
fn dotted(text: &str) -> Option<Address> {
    let parts: Vec<&str> = text.split('.').collect();
    let octet = |text: &str| u8::from_str_radix(text, 16).ok();
    let (maker, number, version, device_type) = match parts.as_slice() {
        [maker, number] => (maker, number, 0xFF, 0xFF),
        [maker, number, version, device_type] => (maker, number, octet(version)?, octet(device_type)?),
        _ => return None,
    };
    let manufacturer = if *maker == "*" { ManufacturerId::WILDCARD } else { maker.parse().ok()? };
    Some(Address {
        manufacturer,
        identification: number.parse().ok()?,
        version: Version(version),
        device_type: DeviceType(device_type),
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary(address) => write!(f, "the meter at address {address}"),
            Self::Secondary(address)
                if *address == (Address { identification: address.identification, ..Address::WILDCARD }) =>
            {
                write!(f, "the meter {}", address.identification)
            }
            Self::Secondary(address) => write!(f, "the meter {address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_named_as_the_user_did() {
        for (text, name) in [("7", "the meter at address 7"), ("12345678", "the meter 12345678")] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), name);
        }
        assert_eq!("1234567893150107".parse::<Target>().unwrap().to_string(), "the meter ELS.12345678.01.07");
    }

    #[test]
    fn open_digits_mean_several() {
        for (text, several) in [
            ("254", false),
            ("12345678", false),
            ("ELS.12345678", false),
            ("*.12345678", false),
            ("1234567F", true),
            ("FFFFFFFF93150107", true),
            ("ELS.F2345678.01.07", true),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().means_several(), several, "{text}");
        }
    }

    #[test]
    fn all_ways_to_name_a_meter() {
        let octets = |text: &str| match text.parse().unwrap() {
            Target::Secondary(address) => address.to_transport_octets(),
            Target::Primary(address) => [address.0; 8],
        };
        assert_eq!((octets("7"), octets("250"), octets("254")), ([7; 8], [250; 8], [254; 8]));
        assert_eq!(octets("12345678"), [0x78, 0x56, 0x34, 0x12, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(octets("123FFFFF")[..4], [0xFF, 0xFF, 0x3F, 0x12]);
        let whole = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x01, 0x07];
        assert_eq!((octets("1234567893150107"), octets("ELS.12345678.01.07")), (whole, whole));
        assert_eq!(octets("els.12345678")[4..], [0x93, 0x15, 0xFF, 0xFF]);
        assert_eq!(octets("*.00000001")[4..6], [0xFF, 0xFF]);
        for text in ["", "251", "253", "255", "1234", "1234567G", "ELS", "ELS.1.2", "ELS.123456789", "ÄÖÜÄ"]
        {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
