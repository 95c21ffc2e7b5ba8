//! Who a device is: manufacturer, identification number, version, device type, and the address made of them.
//!
//! ```text
//! link layer, ELL      M M  ID ID ID ID  V  T        EN 13757-4, 11.5 and 12.5
//! long TPL, selection  ID ID ID ID  M M  V  T        EN 13757-7, 7.3 and 12.1
//! ```
//!
//! Invariants: every number is kept as sent, nothing is normalised, so that an address that was parsed
//! gives the same octets again and the same initialisation vector. The two orders above differ; only
//! the four functions of [`Address`] know them. Hex digits in an identification number, manufacturers
//! that are no letters and unknown device types are data and never an error.

use core::fmt;
use core::str::FromStr;

/// Text that is not an address part, with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseIdentityError {
    expected: &'static str,
}

/// The manufacturer: three letters in 15 bits (FLAG association), and the soft-address bit.
///
/// `(l1 - 64) << 10 | (l2 - 64) << 5 | (l3 - 64)`; bit 15 set means that the address is unique only
/// within radio range (EN 13757-7, 7.5.2). Sent least significant octet first.
///
/// ```
/// use mbus_link::ManufacturerId;
/// let elster = ManufacturerId::from_raw(0x1593);
/// assert_eq!(elster.letters(), Some(*b"ELS"));
/// assert_eq!(ManufacturerId::from_letters(*b"ELS"), Some(elster));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ManufacturerId(u16);

impl ManufacturerId {
    /// Matches any manufacturer in a selection (EN 13757-7, 12.1).
    pub const WILDCARD: Self = Self(0xFFFF);

    /// The manufacturer of these 16 bits, the soft-address bit included.
    #[must_use]
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }
    /// The manufacturer of three upper-case letters; `None` when one is not `A` to `Z`.
    #[must_use]
    pub const fn from_letters(letters: [u8; 3]) -> Option<Self> {
        let [a, b, c] = letters;
        if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_uppercase() {
            let code = ((a & 0x1F) as u16) << 10 | ((b & 0x1F) as u16) << 5 | (c & 0x1F) as u16;
            Some(Self(code))
        } else {
            None
        }
    }
    /// All 16 bits.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }
    /// The three letters, whatever the soft-address bit; `None` when the bits are no letters.
    #[must_use]
    pub const fn letters(self) -> Option<[u8; 3]> {
        let [high, low] = self.0.to_be_bytes();
        let a = (high >> 2) & 0x1F;
        let b = (high & 0x03) << 3 | low >> 5;
        let c = low & 0x1F;
        if a == 0 || a > 26 || b == 0 || b > 26 || c == 0 || c > 26 {
            return None;
        }
        Some([0x40 | a, 0x40 | b, 0x40 | c])
    }
    /// True when the address is unique only within radio range (bit 15).
    #[must_use]
    pub const fn is_soft(self) -> bool {
        self.0 & 0x8000 != 0
    }
}

/// Three letters, or `0xNNNN` where the bits are none.
impl fmt::Display for ManufacturerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.letters() {
            Some(letters) => letters.iter().try_for_each(|l| fmt::Write::write_char(f, char::from(*l))),
            None => write!(f, "0x{:04X}", self.0),
        }
    }
}

/// Three letters in either case, or `0xNNNN`.
impl FromStr for ManufacturerId {
    type Err = ParseIdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: ParseIdentityError =
            ParseIdentityError { expected: "three letters or 0x and four hex digits" };
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            if digits.len() != 4 || !digits.bytes().all(|d| d.is_ascii_hexdigit()) {
                return Err(EXPECTED);
            }
            return u16::from_str_radix(digits, 16).map(Self).map_err(|_| EXPECTED);
        }
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| EXPECTED)?;
        Self::from_letters(letters.map(|l| l.to_ascii_uppercase())).ok_or(EXPECTED)
    }
}

/// The identification number: eight BCD digits, least significant octet first.
///
/// Kept as the four octets sent. Some meters send hex digits; they are printed as such. Nibble F is the
/// wildcard of a selection.
///
/// ```
/// use mbus_link::IdentificationNumber;
/// let id = IdentificationNumber::from_octets([0x78, 0x56, 0x34, 0x12]);
/// assert_eq!(id.digits(), *b"12345678");
/// assert_eq!(id.number(), Some(12_345_678));
/// assert_eq!(IdentificationNumber::from_number(12_345_678), Some(id));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IdentificationNumber([u8; 4]);

impl IdentificationNumber {
    /// Matches any number in a selection.
    pub const WILDCARD: Self = Self([0xFF; 4]);

    /// The number of these four octets, least significant first, as sent.
    #[must_use]
    pub const fn from_octets(octets: [u8; 4]) -> Self {
        Self(octets)
    }
    /// The number with these decimal digits; `None` above 99 999 999.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number > 99_999_999 {
            return None;
        }
        let mut rest = number;
        let mut n = 0u32;
        let mut bcd = 0u32;
        while n < 32 {
            bcd |= (rest % 10) << n;
            rest /= 10;
            n = n.saturating_add(4);
        }
        Some(Self(bcd.to_le_bytes()))
    }
    /// The four octets as sent.
    #[must_use]
    pub const fn octets(self) -> [u8; 4] {
        self.0
    }
    /// The number, if all digits are decimal.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        let bcd = u32::from_le_bytes(self.0);
        let mut shift = 32u32;
        let mut number = 0u32;
        while shift > 0 {
            shift = shift.saturating_sub(4);
            let digit = bcd >> shift & 0xF;
            if digit > 9 {
                return None;
            }
            number = number.saturating_mul(10).saturating_add(digit);
        }
        Some(number)
    }
    /// Eight digits as printed on the meter, upper-case hex where they are not decimal.
    #[must_use]
    pub const fn digits(self) -> [u8; 8] {
        const fn digit(nibble: u8) -> u8 {
            if nibble < 10 { b'0' | nibble } else { nibble.wrapping_add(b'A' - 10) }
        }
        let [a, b, c, d] = self.0;
        [
            digit(d >> 4),
            digit(d & 15),
            digit(c >> 4),
            digit(c & 15),
            digit(b >> 4),
            digit(b & 15),
            digit(a >> 4),
            digit(a & 15),
        ]
    }
    /// True when every digit equals that of `other` or is the wildcard F in `self`.
    #[must_use]
    pub fn matches(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(mask, octet)| {
            (mask >> 4 == 15 || mask >> 4 == octet >> 4) && (mask & 15 == 15 || mask & 15 == octet & 15)
        })
    }
}

/// Eight digits as printed on the meter.
impl fmt::Display for IdentificationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", u32::from_le_bytes(self.0))
    }
}

/// Up to eight hex digits, leading zeros may be missing.
impl FromStr for IdentificationNumber {
    type Err = ParseIdentityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: ParseIdentityError = ParseIdentityError { expected: "one to eight digits" };
        if text.is_empty() || text.len() > 8 || !text.bytes().all(|d| d.is_ascii_hexdigit()) {
            return Err(EXPECTED);
        }
        u32::from_str_radix(text, 16).map(|n| Self(n.to_le_bytes())).map_err(|_| EXPECTED)
    }
}

/// The version (generation) of a device, assigned by its manufacturer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Version(pub u8);

impl Version {
    /// Matches any version in a selection.
    pub const WILDCARD: Self = Self(0xFF);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The device type, once called medium (EN 13757-7, table 13). Any value is representable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeviceType(pub u8);

macro_rules! device_types {
    ($($code:literal $name:ident $text:literal: $doc:literal,)*) => {
        impl DeviceType {
            $(#[doc = $doc] pub const $name: Self = Self($code);)*

            /// The table of the standard: code and name. Codes that are not here are reserved.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $text)),*];

            /// The name of the standard's table, `None` for a reserved code.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

device_types! {
    0x00 OTHER "other": "Other.",
    0x01 OIL "oil": "Oil meter.",
    0x02 ELECTRICITY "electricity": "Electricity meter.",
    0x03 GAS "gas": "Gas meter.",
    0x04 HEAT_OUTLET "heat": "Heat meter (volume measured in the return/outlet pipe).",
    0x05 STEAM "steam": "Steam meter.",
    0x06 WARM_WATER "warm water": "Warm water meter (30..90 degC).",
    0x07 WATER "water": "Water meter.",
    0x08 HEAT_COST_ALLOCATOR "heat cost allocator": "Heat cost allocator.",
    0x09 COMPRESSED_AIR "compressed air": "Compressed air meter.",
    0x0A COOLING_OUTLET "cooling, outlet": "Cooling meter (volume measured in the return/outlet pipe).",
    0x0B COOLING_INLET "cooling, inlet": "Cooling meter (volume measured in the flow/inlet pipe).",
    0x0C HEAT_INLET "heat, inlet": "Heat meter (volume measured in the flow/inlet pipe).",
    0x0D HEAT_COOLING "heat and cooling": "Combined heat/cooling meter.",
    0x0E BUS_SYSTEM "bus or system component": "Bus/system component.",
    0x0F UNKNOWN "unknown": "Unknown device type.",
    0x14 CALORIFIC_VALUE "calorific value": "Calorific value.",
    0x15 HOT_WATER "hot water": "Hot water meter (>= 90 degC).",
    0x16 COLD_WATER "cold water": "Cold water meter.",
    0x17 DUAL_WATER "dual register water": "Dual register (hot/cold) water meter.",
    0x18 PRESSURE "pressure": "Pressure meter.",
    0x19 AD_CONVERTER "A/D converter": "A/D converter.",
    0x1A SMOKE_DETECTOR "smoke detector": "Smoke detector.",
    0x1B ROOM_SENSOR "room sensor": "Room sensor (temperature, humidity).",
    0x1C GAS_DETECTOR "gas detector": "Gas detector.",
    0x20 BREAKER "breaker": "Breaker (electricity).",
    0x21 VALVE "valve": "Valve (gas or water).",
    0x25 CUSTOMER_UNIT "customer unit": "Customer unit (display).",
    0x28 WASTE_WATER "waste water": "Waste water meter.",
    0x29 GARBAGE "garbage": "Garbage.",
    0x2A CARBON_DIOXIDE "carbon dioxide": "Carbon dioxide.",
    0x31 COMMUNICATION_CONTROLLER "communication controller": "Communication controller / gateway.",
    0x32 REPEATER_UNIDIRECTIONAL "unidirectional repeater": "Unidirectional repeater.",
    0x33 REPEATER_BIDIRECTIONAL "bidirectional repeater": "Bidirectional repeater.",
    0x36 RADIO_CONVERTER_SYSTEM "radio converter, system side": "Radio converter, system side.",
    0x37 RADIO_CONVERTER_METER "radio converter, meter side": "Radio converter, meter side.",
    0x38 WIRED_ADAPTER "wired adapter": "Wired adapter (bus converter), meter side.",
    0xFF WILDCARD "wildcard": "Wildcard / placeholder.",
}

impl DeviceType {
    /// What editions before 2004 or other programs call a code that is reserved in the table; `None` for all others.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self.0 {
            0x10 => Some("irrigation water"),
            0x11 => Some("water data logger"),
            0x12 => Some("gas data logger"),
            0x13 => Some("gas converter"),
            0x30 => Some("service tool"),
            _ => None,
        }
    }
}

/// The name of the table, or `reserved`.
impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name().unwrap_or("reserved"))
    }
}

/// The address of a device, eight octets on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Address {
    /// Who made it.
    pub manufacturer: ManufacturerId,
    /// Its number.
    pub identification: IdentificationNumber,
    /// Its generation.
    pub version: Version,
    /// What it measures or does.
    pub device_type: DeviceType,
}

impl Address {
    /// Octets of an address on the wire.
    pub const LEN: usize = 8;
    /// Matches every device in a selection.
    pub const WILDCARD: Self = Self {
        manufacturer: ManufacturerId::WILDCARD,
        identification: IdentificationNumber::WILDCARD,
        version: Version::WILDCARD,
        device_type: DeviceType::WILDCARD,
    };

    /// From the order of the link layer and the ELL: M, ID, V, T.
    #[must_use]
    pub const fn from_link_octets(octets: [u8; 8]) -> Self {
        let [m0, m1, a, b, c, d, version, device_type] = octets;
        Self {
            manufacturer: ManufacturerId(u16::from_le_bytes([m0, m1])),
            identification: IdentificationNumber([a, b, c, d]),
            version: Version(version),
            device_type: DeviceType(device_type),
        }
    }
    /// From the order of the long transport header and the selection: ID, M, V, T.
    #[must_use]
    pub const fn from_transport_octets(octets: [u8; 8]) -> Self {
        let [a, b, c, d, m0, m1, version, device_type] = octets;
        Self::from_link_octets([m0, m1, a, b, c, d, version, device_type])
    }
    /// In the order of the link layer and the ELL, which is also that of the initialisation vectors.
    #[must_use]
    pub const fn to_link_octets(self) -> [u8; 8] {
        let [m0, m1] = self.manufacturer.0.to_le_bytes();
        let [a, b, c, d] = self.identification.0;
        [m0, m1, a, b, c, d, self.version.0, self.device_type.0]
    }
    /// In the order of the long transport header and the selection.
    #[must_use]
    pub const fn to_transport_octets(self) -> [u8; 8] {
        let [m0, m1, a, b, c, d, version, device_type] = self.to_link_octets();
        [a, b, c, d, m0, m1, version, device_type]
    }
    /// True when `other` is one of the devices that this address with its wildcards selects
    /// (EN 13757-7, 12.1: digit-wise for the identification number, whole for the other fields).
    #[must_use]
    pub fn matches(self, other: Self) -> bool {
        self.identification.matches(other.identification)
            && (self.manufacturer == ManufacturerId::WILDCARD || self.manufacturer == other.manufacturer)
            && (self.version == Version::WILDCARD || self.version == other.version)
            && (self.device_type == DeviceType::WILDCARD || self.device_type == other.device_type)
    }
}

/// `ELS.12345678.33.03`: manufacturer, identification number, version and device type in hex.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{:02X}.{:02X}",
            self.manufacturer, self.identification, self.version.0, self.device_type.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn printed_manufacturers() {
        for (raw, letters) in [(0x1593, "ELS"), (0x2C2D, "KAM"), (0x1596, "ELV"), (0x0CAE, "CEN")] {
            assert_eq!(ManufacturerId::from_raw(raw).to_string(), letters);
            assert_eq!(letters.parse(), Ok(ManufacturerId::from_raw(raw)));
            assert_eq!(letters.to_lowercase().parse(), Ok(ManufacturerId::from_raw(raw)));
        }
        let soft = ManufacturerId::from_raw(0x9593);
        assert!(soft.is_soft());
        assert_eq!((soft.to_string(), soft.raw()), ("ELS".to_string(), 0x9593));
        for none in [0u16, 0x03FF, 0xFFFF] {
            assert_eq!(ManufacturerId::from_raw(none).letters(), None);
            assert_eq!(
                ManufacturerId::from_raw(none).to_string().parse(),
                Ok(ManufacturerId::from_raw(none))
            );
        }
        for text in ["", "AB", "ABCD", "A1B", "0x", "0x12345", "0x+123", "ÄB"] {
            assert!(text.parse::<ManufacturerId>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_manufacturer_comes_back() {
        let lettered =
            (0..=u16::MAX).filter_map(|raw| ManufacturerId::from_raw(raw).letters().map(|l| (raw, l)));
        let lettered: Vec<_> = lettered.collect();
        assert_eq!(lettered.len(), 2 * 26 * 26 * 26);
        for (raw, letters) in lettered {
            assert_eq!(ManufacturerId::from_letters(letters).map(ManufacturerId::raw), Some(raw & 0x7FFF));
        }
    }

    #[test]
    fn identification_numbers() {
        let id = IdentificationNumber::from_octets([0x78, 0x56, 0x34, 0x12]);
        assert_eq!((id.to_string().as_str(), id.number()), ("12345678", Some(12_345_678)));
        let hex = IdentificationNumber::from_octets([0x0A, 0, 0, 0xFE]);
        assert_eq!((hex.to_string().as_str(), hex.digits(), hex.number()), ("FE00000A", *b"FE00000A", None));
        assert_eq!("42".parse::<IdentificationNumber>().map(|i| i.number()), Ok(Some(42)));
        assert_eq!(IdentificationNumber::from_number(100_000_000), None);
        for number in [0, 1, 9, 10, 99_999_999, 12_345_678, 80_000_001] {
            assert_eq!(
                IdentificationNumber::from_number(number).and_then(IdentificationNumber::number),
                Some(number)
            );
        }
        for text in ["", "123456789", "12 4", "+1", "xyz"] {
            assert!(text.parse::<IdentificationNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn both_orders_of_an_address() {
        // OMS Vol. 2 Annex N, N.2.1 (link layer) and N.2.4 (long transport header): the same meter.
        let link = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        let transport = Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03]);
        assert_eq!(link, transport);
        assert_eq!(link.to_string(), "ELS.12345678.33.03");
        assert_eq!(link.to_link_octets(), [0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        assert_eq!(link.to_transport_octets(), [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03]);
        assert_eq!(link.device_type.name(), Some("gas"));
    }

    #[test]
    fn wildcards() {
        let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        assert!(Address::WILDCARD.matches(meter));
        let mask = |text: &str| Address { identification: text.parse().unwrap(), ..Address::WILDCARD };
        assert!(mask("1FFFFFFF").matches(meter));
        assert!(mask("F2F4F6F8").matches(meter));
        assert!(!mask("2FFFFFFF").matches(meter));
        assert!(!Address { version: Version(0x34), ..Address::WILDCARD }.matches(meter));
        assert!(!Address { device_type: DeviceType::WATER, ..Address::WILDCARD }.matches(meter));
        assert!(
            !Address { manufacturer: ManufacturerId::from_raw(0x1594), ..Address::WILDCARD }.matches(meter)
        );
    }

    #[test]
    fn device_types() {
        for (device_type, name) in DeviceType::TABLE {
            assert_eq!(device_type.name(), Some(*name));
        }
        assert_eq!(DeviceType::TABLE.len(), 38);
        assert_eq!(DeviceType(0x40).to_string(), "reserved");
    }
}
