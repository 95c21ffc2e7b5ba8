//! Meter identification: the number of DIN 43863-5, server identifications and system titles.
//!
//! ```text
//! DIN 43863-5:2012   S MMM BB NNNNNNNN      medium digit, manufacturer, fabrication block, number
//! server id          01 M M ID ID ID ID V T wireless address     0A S MMM BB N N N N   DIN 43863-5:2012
//! system title       MMM and five octets    DLMS/COSEM
//! ```
//!
//! Invariants: a parsed server id gives the same octets again. The eight octets of the M-Bus address
//! are the lossless key: the DIN number has neither version nor the exact device type, and the M-Bus
//! address has no fabrication block, which therefore is an `Option` and never made up. Prefixes and
//! layouts nobody documented are kept as octets.

use crate::Medium;
use core::fmt;
use core::str::FromStr;
use mbus_link::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};

/// The highest number of eight digits.
const MAX_NUMBER: u32 = 99_999_999;

/// An identification that breaks its own layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum IdentError {
    /// Not fourteen characters in the order S MMM BB NNNNNNNN.
    #[error("expected a medium digit, three letters, two hex digits and eight digits")]
    Form,
    /// The prefix fixes the length, and this is another.
    #[error("a server id that begins with {prefix:02X} has {expected} octets, not {found}")]
    Length {
        /// The first octet.
        prefix: u8,
        /// Octets of this sort of server id.
        expected: usize,
        /// Octets there.
        found: usize,
    },
    /// The server id has no octets.
    #[error("the server id is empty")]
    Empty,
    /// The medium is no single hex digit.
    #[error("medium {0} is no single hex digit")]
    Medium(u8),
    /// The manufacturer is not three upper-case letters.
    #[error("the manufacturer is not three upper-case letters")]
    Manufacturer,
    /// The number has more than eight digits.
    #[error("{0} has more than eight digits")]
    Number(u64),
    /// The number can only be written with its fabrication block.
    #[error("the fabrication block is not known")]
    BlockMissing,
    /// The identification number has digits that are not decimal.
    #[error("the identification number {0} is not decimal")]
    NotDecimal(IdentificationNumber),
    /// The caller's buffer is too small.
    #[error("buffer too small: {needed} octets needed, {available} there")]
    BufferTooSmall {
        /// Octets that the whole needs.
        needed: usize,
        /// Octets the buffer has.
        available: usize,
    },
}

/// The identification number of DIN 43863-5:2012, fourteen characters: `1 EMH 00 10203040`.
///
/// ```
/// use obis_map::MeterNumber;
/// let number: MeterNumber = "1EMH0010203040".parse().unwrap();
/// assert_eq!(std::format!("{number}"), "1 EMH 00 10203040");
/// assert_eq!(std::format!("{number:#}"), "1EMH0010203040");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MeterNumber {
    /// S: the medium, one hex digit.
    pub medium: Medium,
    /// MMM: the manufacturer.
    pub manufacturer: ManufacturerId,
    /// BB: the fabrication block, two hex digits. `None` when the source of the number has none.
    pub block: Option<u8>,
    /// N: eight decimal digits.
    pub number: u32,
}

impl MeterNumber {
    /// The number of a device with this M-Bus address.
    ///
    /// `block` is what the caller knows of the fabrication block; some systems use the version octet,
    /// which no standard text confirms. `medium` follows from the device type, other media where the
    /// device type leaves it open.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] when the manufacturer is no letters, [`IdentError::NotDecimal`] when
    /// the identification number has hex digits.
    pub fn from_address(address: Address, block: Option<u8>) -> Result<Self, IdentError> {
        let letters = address.manufacturer.letters().ok_or(IdentError::Manufacturer)?;
        let manufacturer = ManufacturerId::from_letters(letters).ok_or(IdentError::Manufacturer)?;
        let number = address.identification.number().ok_or(IdentError::NotDecimal(address.identification))?;
        let medium = Medium::of(address.device_type).unwrap_or(Medium::OTHER);
        Ok(Self { medium, manufacturer, block, number })
    }
    /// The M-Bus address of this number, with the two fields that the number does not have.
    ///
    /// # Errors
    /// [`IdentError::Number`] when the number has more than eight digits.
    pub fn to_address(self, version: Version, device_type: DeviceType) -> Result<Address, IdentError> {
        let identification =
            IdentificationNumber::from_number(self.number).ok_or(IdentError::Number(self.number.into()))?;
        Ok(Address { manufacturer: self.manufacturer, identification, version, device_type })
    }
    /// S, MMM, BB and N in the nine octets that follow the prefix 09 or 0A.
    ///
    /// # Errors
    /// [`IdentError`] of the field that has no such form.
    pub fn octets(self) -> Result<[u8; 9], IdentError> {
        if self.number > MAX_NUMBER {
            return Err(IdentError::Number(self.number.into()));
        }
        let Some(_) = self.medium.digit() else { return Err(IdentError::Medium(self.medium.0)) };
        let [m, n, o] = self.manufacturer.letters().ok_or(IdentError::Manufacturer)?;
        let block = self.block.ok_or(IdentError::BlockMissing)?;
        let [a, b, c, d] = self.number.to_be_bytes();
        Ok([self.medium.0, m, n, o, block, a, b, c, d])
    }
    /// From the nine octets that follow the prefix 09 or 0A.
    ///
    /// # Errors
    /// [`IdentError::Medium`], [`IdentError::Manufacturer`], [`IdentError::Number`].
    pub const fn from_octets(octets: [u8; 9]) -> Result<Self, IdentError> {
        let [medium, m, n, o, block, a, b, c, d] = octets;
        let number = u32::from_be_bytes([a, b, c, d]);
        if number > MAX_NUMBER {
            return Err(IdentError::Number(number as u64));
        }
        if Medium(medium).digit().is_none() {
            return Err(IdentError::Medium(medium));
        }
        let Some(manufacturer) = ManufacturerId::from_letters([m, n, o]) else {
            return Err(IdentError::Manufacturer);
        };
        Ok(Self { medium: Medium(medium), manufacturer, block: Some(block), number })
    }
}

/// `S MMM BB NNNNNNNN`, with `#` without blanks; an unknown block prints as `--`.
impl fmt::Display for MeterNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if f.alternate() { "" } else { " " };
        let digit = char::from(self.medium.digit().unwrap_or(b'-'));
        write!(f, "{digit}{gap}{}{gap}", self.manufacturer)?;
        match self.block {
            Some(block) => write!(f, "{block:02X}")?,
            None => f.write_str("--")?,
        }
        write!(f, "{gap}{:08}", self.number)
    }
}

/// Fourteen characters, blanks between them are skipped; `--` for an unknown block.
impl FromStr for MeterNumber {
    type Err = IdentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut chars = [0u8; 14];
        let mut found = text.bytes().filter(|c| *c != b' ');
        for place in &mut chars {
            *place = found.next().ok_or(IdentError::Form)?;
        }
        if found.next().is_some() {
            return Err(IdentError::Form);
        }
        let [s, m, n, o, high, low, digits @ ..] = chars;
        let medium = Medium::from_digit(s).ok_or(IdentError::Form)?;
        let letters = [m, n, o].map(|letter| letter.to_ascii_uppercase());
        let manufacturer = ManufacturerId::from_letters(letters).ok_or(IdentError::Manufacturer)?;
        let block = match (high, low) {
            (b'-', b'-') => None,
            (high, low) => {
                let nibble = |c: u8| Medium::from_digit(c).map(|m| m.0).ok_or(IdentError::Form);
                Some(nibble(high)? << 4 | nibble(low)?)
            }
        };
        let number = decimal(&digits)?;
        Ok(Self { medium, manufacturer, block, number })
    }
}

fn decimal(digits: &[u8]) -> Result<u32, IdentError> {
    digits.iter().try_fold(0u32, |number, digit| match digit {
        b'0'..=b'9' => Ok(number.wrapping_mul(10).wrapping_add((digit & 0x0F).into())),
        _ => Err(IdentError::Form),
    })
}

/// The number of the draft DIN 43863-5 of February 2010: manufacturer, medium, four-digit block, number.
///
/// Six octets behind the letters: `S * 10^12 + BBBB * 10^8 + N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DraftNumber {
    /// MMM: the manufacturer.
    pub manufacturer: ManufacturerId,
    /// S: the medium, one digit or, above 9, more.
    pub medium: u16,
    /// BBBB: four decimal digits.
    pub block: u16,
    /// N: eight decimal digits.
    pub number: u32,
}

impl DraftNumber {
    /// From the nine octets that follow the prefix 06.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] when the first three octets are no letters.
    pub fn from_octets(octets: [u8; 9]) -> Result<Self, IdentError> {
        let [m, n, o, a, b, c, d, e, f] = octets;
        let manufacturer = ManufacturerId::from_letters([m, n, o]).ok_or(IdentError::Manufacturer)?;
        let all = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let number = u32::try_from(all % 100_000_000).map_err(|_| IdentError::Number(all))?;
        let block = u16::try_from(all / 100_000_000 % 10_000).map_err(|_| IdentError::Number(all))?;
        let medium = u16::try_from(all / 1_000_000_000_000).map_err(|_| IdentError::Number(all))?;
        Ok(Self { manufacturer, medium, block, number })
    }
    /// The nine octets that follow the prefix 06.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] or [`IdentError::Number`] when a field has no such form.
    pub fn octets(self) -> Result<[u8; 9], IdentError> {
        let [m, n, o] = self.manufacturer.letters().ok_or(IdentError::Manufacturer)?;
        if self.number > MAX_NUMBER || self.block > 9999 {
            return Err(IdentError::Number(self.number.into()));
        }
        let all = u64::from(self.medium)
            .saturating_mul(1_000_000_000_000)
            .saturating_add(u64::from(self.block).saturating_mul(100_000_000))
            .saturating_add(self.number.into());
        match all.to_be_bytes() {
            [0, 0, a, b, c, d, e, f] => Ok([m, n, o, a, b, c, d, e, f]),
            _ => Err(IdentError::Medium(self.medium.to_be_bytes()[1])),
        }
    }
}

/// `S MMM BBBB NNNNNNNN`, with `#` without blanks.
impl fmt::Display for DraftNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if f.alternate() { "" } else { " " };
        write!(f, "{}{gap}{}{gap}{:04}{gap}{:08}", self.medium, self.manufacturer, self.block, self.number)
    }
}

/// A server id as SML, smart meter gateways and German meters use it: the first octet says which sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ServerId<'a> {
    /// 01: the address of a wireless M-Bus device, in the order of the link layer.
    Wireless(Address),
    /// 02: the address of a wired M-Bus device, in the order of the link layer.
    Wired(Address),
    /// 03: eighteen decimal digits, BCD.
    Digits18([u8; 9]),
    /// 04: sixteen decimal digits as a number in seven octets.
    Digits16(u64),
    /// 05: the MAC address of a gateway.
    Mac([u8; 6]),
    /// 06: draft DIN 43863-5 of February 2010.
    Draft(DraftNumber),
    /// 07: IMEI; how the digits sit in the seven octets is not published.
    Imei([u8; 7]),
    /// 08: a number of seven octets, `xxxxxx-yyyyyyy`; its split is not published.
    Utility([u8; 7]),
    /// 09: draft DIN 43863-5 of July 2010, laid out as 0A.
    Din2010(MeterNumber),
    /// 0A: DIN 43863-5:2012.
    Din2012(MeterNumber),
    /// Anything else: text, an address without prefix, a prefix nobody documented.
    Other(&'a [u8]),
}

impl<'a> ServerId<'a> {
    /// Reads a server id.
    ///
    /// ```
    /// use obis_map::ServerId;
    /// let octets = [0x0A, 0x01, 0x45, 0x4D, 0x48, 0x00, 0x00, 0x9B, 0xAF, 0xA0];
    /// let id = ServerId::parse(&octets).unwrap();
    /// assert_eq!(std::format!("{id}"), "1 EMH 00 10203040");
    /// ```
    ///
    /// # Errors
    /// [`IdentError`] when the prefix is one of the documented ones and the rest does not fit it. A caller
    /// that only wants a key takes the octets then.
    pub fn parse(octets: &'a [u8]) -> Result<Self, IdentError> {
        let (prefix, rest) = octets.split_first().ok_or(IdentError::Empty)?;
        // Without prefix, eight octets are a bare M-Bus address whose first octet may be anything.
        let expected = match prefix {
            1 | 2 => 9,
            4 | 7 | 8 => 8,
            5 => 7,
            3 | 6 | 9 | 10 => 10,
            _ => return Ok(Self::Other(octets)),
        };
        let wrong = IdentError::Length { prefix: *prefix, expected, found: octets.len() };
        Ok(match prefix {
            1 => Self::Wireless(Address::from_link_octets(rest.try_into().map_err(|_| wrong)?)),
            2 => Self::Wired(Address::from_link_octets(rest.try_into().map_err(|_| wrong)?)),
            3 => Self::Digits18(rest.try_into().map_err(|_| wrong)?),
            4 => {
                let [a, b, c, d, e, f, g]: [u8; 7] = rest.try_into().map_err(|_| wrong)?;
                let number = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
                if number > 9_999_999_999_999_999 {
                    return Err(IdentError::Number(number));
                }
                Self::Digits16(number)
            }
            5 => Self::Mac(rest.try_into().map_err(|_| wrong)?),
            6 => Self::Draft(DraftNumber::from_octets(rest.try_into().map_err(|_| wrong)?)?),
            7 => Self::Imei(rest.try_into().map_err(|_| wrong)?),
            8 => Self::Utility(rest.try_into().map_err(|_| wrong)?),
            9 => Self::Din2010(MeterNumber::from_octets(rest.try_into().map_err(|_| wrong)?)?),
            _ => Self::Din2012(MeterNumber::from_octets(rest.try_into().map_err(|_| wrong)?)?),
        })
    }
    /// The first octet; `None` for a server id of no documented sort.
    #[must_use]
    pub const fn prefix(self) -> Option<u8> {
        match self {
            Self::Wireless(_) => Some(1),
            Self::Wired(_) => Some(2),
            Self::Digits18(_) => Some(3),
            Self::Digits16(_) => Some(4),
            Self::Mac(_) => Some(5),
            Self::Draft(_) => Some(6),
            Self::Imei(_) => Some(7),
            Self::Utility(_) => Some(8),
            Self::Din2010(_) => Some(9),
            Self::Din2012(_) => Some(10),
            Self::Other(_) => None,
        }
    }
    /// The M-Bus address, when the server id is one: the lossless key of the device.
    #[must_use]
    pub const fn address(self) -> Option<Address> {
        match self {
            Self::Wireless(address) | Self::Wired(address) => Some(address),
            _ => None,
        }
    }
    /// The DIN 43863-5 number, directly or from the address (then without block). `None` when the server
    /// id has none, or its address has no letters or digits.
    #[must_use]
    pub fn meter_number(self) -> Option<MeterNumber> {
        match self {
            Self::Din2010(number) | Self::Din2012(number) => Some(number),
            Self::Wireless(address) | Self::Wired(address) => MeterNumber::from_address(address, None).ok(),
            _ => None,
        }
    }
    /// Writes the server id.
    ///
    /// # Errors
    /// [`IdentError::BufferTooSmall`]; the error of a number that has no octet form.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], IdentError> {
        match self {
            Self::Wireless(address) => put(buffer, &[1], &address.to_link_octets()),
            Self::Wired(address) => put(buffer, &[2], &address.to_link_octets()),
            Self::Digits18(digits) => put(buffer, &[3], digits),
            Self::Digits16(number) => match number.to_be_bytes() {
                [0, rest @ ..] if *number <= 9_999_999_999_999_999 => put(buffer, &[4], &rest),
                _ => Err(IdentError::Number(*number)),
            },
            Self::Mac(mac) => put(buffer, &[5], mac),
            Self::Draft(number) => put(buffer, &[6], &number.octets()?),
            Self::Imei(octets) => put(buffer, &[7], octets),
            Self::Utility(octets) => put(buffer, &[8], octets),
            Self::Din2010(number) => put(buffer, &[9], &number.octets()?),
            Self::Din2012(number) => put(buffer, &[10], &number.octets()?),
            Self::Other(octets) => put(buffer, &[], octets),
        }
    }
}

fn put<'b>(buffer: &'b mut [u8], prefix: &[u8], rest: &[u8]) -> Result<&'b mut [u8], IdentError> {
    let mut writer = mbus_link::octets::Writer::new(buffer);
    writer.put(prefix);
    writer.put(rest);
    writer
        .finish()
        .map_err(|small| IdentError::BufferTooSmall { needed: small.needed, available: small.available })
}

/// As people write it: addresses as `M ID version type`, numbers as numbers, the rest as text when it is
/// printable, else as hex.
impl fmt::Display for ServerId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex =
            |f: &mut fmt::Formatter<'_>, octets: &[u8]| octets.iter().try_for_each(|o| write!(f, "{o:02X}"));
        match self {
            Self::Wireless(address) | Self::Wired(address) => write!(
                f,
                "{} {} {:02X} {:02X}",
                address.manufacturer, address.identification, address.version.0, address.device_type.0
            ),
            Self::Digits18(octets) => hex(f, octets),
            Self::Digits16(number) => write!(f, "{number:016}"),
            Self::Mac([first, rest @ ..]) => {
                write!(f, "{first:02X}")?;
                rest.iter().try_for_each(|octet| write!(f, ":{octet:02X}"))
            }
            Self::Draft(number) => fmt::Display::fmt(number, f),
            Self::Imei(octets) | Self::Utility(octets) => hex(f, octets),
            Self::Din2010(number) | Self::Din2012(number) => fmt::Display::fmt(number, f),
            Self::Other(octets) => match core::str::from_utf8(octets) {
                Ok(text) if text.bytes().all(|c| c.is_ascii_graphic()) => f.write_str(text),
                _ => hex(f, octets),
            },
        }
    }
}

/// The system title of a DLMS/COSEM device: three letters and five octets.
///
/// ```
/// use obis_map::SystemTitle;
/// let title = SystemTitle([0x4C, 0x47, 0x5A, 0x67, 0x73, 0x71, 0x23, 0x45]);
/// assert_eq!(title.serial(), 0x0371_2345);
/// assert_eq!(std::format!("{title}"), "LGZ6773712345");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SystemTitle(pub [u8; 8]);

impl SystemTitle {
    /// The title of this manufacturer, device type octet, function (four bits) and serial (28 bits), as
    /// IDIS lays it out.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] when the manufacturer has no letters, [`IdentError::Number`] when the
    /// serial needs more than 28 bits or the function more than four.
    pub fn new(
        manufacturer: ManufacturerId,
        kind: u8,
        function: u8,
        serial: u32,
    ) -> Result<Self, IdentError> {
        let [m, n, o] = manufacturer.letters().ok_or(IdentError::Manufacturer)?;
        let [a, b, c, d] = serial.to_be_bytes();
        if a > 0x0F || function > 0x0F {
            return Err(IdentError::Number(serial.into()));
        }
        Ok(Self([m, n, o, kind, function << 4 | a, b, c, d]))
    }
    /// The manufacturer; `None` when the first three octets are no letters.
    #[must_use]
    pub const fn manufacturer(self) -> Option<ManufacturerId> {
        let [m, n, o, ..] = self.0;
        ManufacturerId::from_letters([m, n, o])
    }
    /// The octet behind the letters, the device type in IDIS.
    #[must_use]
    pub const fn kind(self) -> u8 {
        self.0[3]
    }
    /// The four bits above the serial, the functions of the device in IDIS.
    #[must_use]
    pub const fn function(self) -> u8 {
        self.0[4] >> 4
    }
    /// The last 28 bits, the serial number.
    #[must_use]
    pub const fn serial(self) -> u32 {
        let [_, _, _, _, a, b, c, d] = self.0;
        u32::from_be_bytes([a & 0x0F, b, c, d])
    }
    /// The DIN 43863-5 number with the serial as number. The title has no fabrication block, and its
    /// maker may count otherwise than the plate: a display form, no key.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] when there are no letters, [`IdentError::Number`] when the serial has
    /// more than eight digits.
    pub fn meter_number(self, medium: Medium, block: Option<u8>) -> Result<MeterNumber, IdentError> {
        let manufacturer = self.manufacturer().ok_or(IdentError::Manufacturer)?;
        let number = self.serial();
        if number > MAX_NUMBER {
            return Err(IdentError::Number(number.into()));
        }
        Ok(MeterNumber { medium, manufacturer, block, number })
    }
    /// The M-Bus address with the serial as identification number and what the title does not have.
    ///
    /// # Errors
    /// As [`meter_number`](Self::meter_number).
    pub fn to_address(self, version: Version, device_type: DeviceType) -> Result<Address, IdentError> {
        self.meter_number(Medium::OTHER, None)?.to_address(version, device_type)
    }
    /// The title of a device with this M-Bus address: its number becomes the serial.
    ///
    /// # Errors
    /// [`IdentError::Manufacturer`] or [`IdentError::NotDecimal`] when the address has no letters or digits.
    pub fn from_address(address: Address, kind: u8, function: u8) -> Result<Self, IdentError> {
        let number = MeterNumber::from_address(address, None)?;
        Self::new(number.manufacturer, kind, function, number.number)
    }
}

/// Three letters and ten hex digits; sixteen hex digits where there are no letters.
impl fmt::Display for SystemTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [m, n, o, rest @ ..] = self.0;
        match self.manufacturer() {
            Some(manufacturer) => write!(f, "{manufacturer}")?,
            None => write!(f, "{m:02X}{n:02X}{o:02X}")?,
        }
        rest.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

#[cfg(test)]
mod tests;
