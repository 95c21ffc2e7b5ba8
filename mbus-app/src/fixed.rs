//! The fixed data structure: the obsolete answer with two counters (EN 1434-3; CI 73h, wired only).
//!
//! ```text
//! ID(4) | ACC | STATUS | unit 1, medium bits 1..0 | unit 2, medium bits 3..2 | counter 1 (4) | counter 2 (4)
//! ```
//!
//! STATUS: bit 0 counters are signed binary (else BCD), bit 1 counters were stored at a fixed date, bit 2 power
//! low, 3 permanent error, 4 temporary error, 5 to 7 the manufacturer's. Invariants: sixteen octets, least
//! significant first; bits 0 and 1 of STATUS mean something else than in a transport header; units and
//! media without meaning are data.

use mbus_link::octets::Writer;
use mbus_link::{DeviceType, IdentificationNumber};
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::u8 as octet;

use crate::decimal::Decimal;
use crate::value::{Invalid, Value};
use crate::vif::{Quantity, Unit};
use crate::{Error, ErrorKind};

/// Octets of the structure.
pub const LEN: usize = 16;

/// The fixed data structure; also its builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FixedData {
    /// The identification number.
    pub identification: IdentificationNumber,
    /// The access number.
    pub access_number: u8,
    /// STATUS.
    pub status: FixedStatus,
    /// The medium, four bits.
    pub medium: u8,
    /// The units of both counters, six bits each.
    pub units: [FixedUnit; 2],
    /// Both counters as sent.
    pub counters: [[u8; 4]; 2],
}

/// STATUS of the fixed data structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FixedStatus(pub u8);

bitflags::bitflags! {
    impl FixedStatus: u8 {
        /// The counters are signed binary numbers, else BCD.
        const BINARY = 0x01;
        /// The counters were stored at a fixed date, else they are current.
        const STORED = 0x02;
        /// The supply voltage is low.
        const POWER_LOW = 0x04;
        /// The meter needs service.
        const PERMANENT_ERROR = 0x08;
        /// The meter will be well again by itself.
        const TEMPORARY_ERROR = 0x10;
        /// The manufacturer's bits.
        const MANUFACTURER = 0xE0;
    }
}

/// The unit of a counter, six bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FixedUnit(pub u8);

impl FixedUnit {
    /// A time of day: hours, minutes, seconds.
    pub const TIME: Self = Self(0x00);
    /// A date: day, month, year.
    pub const DATE: Self = Self(0x01);
    /// Counter 2 only: the unit of counter 1, and the value is historic.
    pub const HISTORIC: Self = Self(0x3E);
    /// No unit.
    pub const NONE: Self = Self(0x3F);

    /// Quantity, unit and power of ten; `None` for times, dates, [`FixedUnit::HISTORIC`] and reserved codes.
    #[must_use]
    pub fn meaning(self) -> Option<(Quantity, Unit, i8)> {
        // The codes run through the decades of one unit after the other: first code, last code, meaning.
        const TABLE: &[(u8, u8, Quantity, Unit, i8)] = &[
            (0x02, 0x0A, Quantity::Energy, Unit::WattHour, 0),
            (0x0B, 0x13, Quantity::Energy, Unit::Joule, 3),
            (0x14, 0x1C, Quantity::Power, Unit::Watt, 0),
            (0x1D, 0x25, Quantity::Power, Unit::JoulePerHour, 3),
            (0x26, 0x2E, Quantity::Volume, Unit::CubicMetre, -6),
            (0x2F, 0x37, Quantity::VolumeFlow, Unit::CubicMetrePerHour, -6),
            (0x38, 0x38, Quantity::ExternalTemperature, Unit::Celsius, -3),
            (0x39, 0x39, Quantity::HeatCostAllocatorUnits, Unit::HcaUnit, 0),
            (0x3F, 0x3F, Quantity::Dimensionless, Unit::None, 0),
        ];
        let row = TABLE.iter().find(|row| (row.0..=row.1).contains(&self.0))?;
        let (first, _, quantity, unit, exponent) = *row;
        let decades = i8::try_from(self.0.saturating_sub(first)).unwrap_or_default();
        Some((quantity, unit, exponent.saturating_add(decades)))
    }
}

/// Media, by their four bits; the device type that says the same today.
const MEDIA: [(&str, DeviceType); 16] = [
    ("other", DeviceType::OTHER),
    ("oil", DeviceType::OIL),
    ("electricity", DeviceType::ELECTRICITY),
    ("gas", DeviceType::GAS),
    ("heat", DeviceType::HEAT_OUTLET),
    ("steam", DeviceType::STEAM),
    ("hot water", DeviceType::HOT_WATER),
    ("water", DeviceType::WATER),
    ("heat cost allocator", DeviceType::HEAT_COST_ALLOCATOR),
    ("reserved", DeviceType::UNKNOWN),
    ("gas, mode 2", DeviceType::GAS),
    ("heat, mode 2", DeviceType::HEAT_OUTLET),
    ("hot water, mode 2", DeviceType::HOT_WATER),
    ("water, mode 2", DeviceType::WATER),
    ("heat cost allocator, mode 2", DeviceType::HEAT_COST_ALLOCATOR),
    ("reserved", DeviceType::UNKNOWN),
];

/// The sixteen octets apart: identification, access number, status, the two octets of units and medium, counters.
type Fields<'a> = (&'a [u8], u8, u8, u8, u8, &'a [u8], &'a [u8]);

fn fields(octets: &[u8]) -> nom::IResult<&[u8], Fields<'_>> {
    (take(4usize), octet, octet, octet, octet, take(4usize), take(4usize)).parse(octets)
}

impl FixedData {
    /// The structure that `octets` are.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] below sixteen octets, [`ErrorKind::TrailingOctets`] above.
    pub fn parse(octets: &[u8]) -> Result<Self, Error> {
        let truncated = ErrorKind::Truncated { needed: LEN, available: octets.len() }.at(0);
        let (rest, (id, access_number, status, first, second, one, two)) =
            fields(octets).map_err(|_| truncated)?;
        if !rest.is_empty() {
            return Err(ErrorKind::TrailingOctets { octets: rest.len() }.at(LEN));
        }
        let four = |octets: &[u8]| <[u8; 4]>::try_from(octets).map_err(|_| truncated);
        Ok(Self {
            identification: IdentificationNumber::from_octets(four(id)?),
            access_number,
            status: FixedStatus(status),
            medium: first >> 6 | (second >> 6) << 2,
            units: [FixedUnit(first & 0x3F), FixedUnit(second & 0x3F)],
            counters: [four(one)?, four(two)?],
        })
    }
    /// The medium in words.
    #[must_use]
    pub fn medium_name(&self) -> &'static str {
        MEDIA.get(usize::from(self.medium)).map_or("reserved", |medium| medium.0)
    }
    /// The device type that stands for the medium today.
    #[must_use]
    pub fn device_type(&self) -> DeviceType {
        MEDIA.get(usize::from(self.medium)).map_or(DeviceType::UNKNOWN, |medium| medium.1)
    }
    /// The unit code of counter `n` (0 or 1), [`FixedUnit::HISTORIC`] resolved.
    #[must_use]
    pub fn unit(&self, n: usize) -> FixedUnit {
        let [first, second] = self.units;
        match n {
            0 => first,
            _ if second == FixedUnit::HISTORIC => first,
            _ => second,
        }
    }
    /// True when counter `n` (0 or 1) is not the current value.
    #[must_use]
    pub fn is_historic(&self, n: usize) -> bool {
        let [_, second] = self.units;
        self.status.contains(FixedStatus::STORED) || (n > 0 && second == FixedUnit::HISTORIC)
    }
    /// The value of counter `n` (0 or 1), exact, in the unit of [`FixedUnit::meaning`]. Times and dates are
    /// given as the octets sent.
    #[must_use]
    pub fn value(&self, n: usize) -> Value<'_> {
        let Some(counter) = self.counters.get(n) else { return Value::None };
        let exponent = match self.unit(n) {
            FixedUnit::TIME | FixedUnit::DATE => return Value::Octets(counter),
            unit => unit.meaning().map_or(0, |(_, _, exponent)| i16::from(exponent)),
        };
        if self.status.contains(FixedStatus::BINARY) {
            return Value::Number(Decimal::new(i128::from(i32::from_le_bytes(*counter)), exponent));
        }
        let mut digits = IdentificationNumber::from_octets(*counter);
        let [a, b, c, d] = *counter;
        // F in the top digit is a minus sign, as in every BCD number.
        let negative = d >> 4 == 0xF;
        if negative {
            digits = IdentificationNumber::from_octets([a, b, c, d & 0x0F]);
        }
        match digits.number() {
            Some(number) if negative => {
                Value::Number(Decimal::new(i128::from(number).saturating_neg(), exponent))
            }
            Some(number) => Value::Number(Decimal::new(i128::from(number), exponent)),
            None => Value::Invalid(Invalid::ErrorDigits),
        }
    }
    /// Writes the structure to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let [first, second] = self.units;
        let mut writer = Writer::new(buffer);
        writer.put(&self.identification.octets());
        writer.put(&[self.access_number, self.status.0]);
        writer.put(&[first.0 & 0x3F | self.medium << 6, second.0 & 0x3F | (self.medium >> 2) << 6]);
        self.counters.iter().for_each(|counter| writer.put(counter));
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    // The public M-Bus documentation, 6.2: a water meter with 1 l and, historic, 135 l.
    const PRINTED: [u8; 16] =
        [0x78, 0x56, 0x34, 0x12, 0x0A, 0x00, 0xE9, 0x7E, 0x01, 0, 0, 0, 0x35, 0x01, 0, 0];

    #[test]
    fn the_printed_structure() {
        let fixed = FixedData::parse(&PRINTED).unwrap();
        assert_eq!((fixed.identification.number(), fixed.access_number), (Some(12_345_678), 10));
        assert_eq!((fixed.medium_name(), fixed.device_type()), ("water", DeviceType::WATER));
        assert_eq!(fixed.unit(0).meaning(), Some((Quantity::Volume, Unit::CubicMetre, -3)));
        assert_eq!(
            (fixed.value(0).to_string(), fixed.value(1).to_string()),
            ("0.001".into(), "0.135".into())
        );
        assert_eq!((fixed.is_historic(0), fixed.is_historic(1)), (false, true));
        assert_eq!(fixed.value(2), Value::None);
        // The same octets with bit 0 of STATUS: signed binary.
        let mut binary = PRINTED;
        binary[5] = 1;
        assert_eq!(FixedData::parse(&binary).unwrap().value(1).to_string(), "0.309");
    }

    #[test]
    fn every_size_both_ways() {
        let fixed = FixedData::parse(&PRINTED).unwrap();
        for size in 0..LEN {
            let error = FixedData::parse(&PRINTED[..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Truncated { needed: LEN, available: size });
            let error = fixed.encode_into(&mut [0; LEN][..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: LEN, available: size });
        }
        assert_eq!(fixed.encode_into(&mut [0; LEN]).unwrap(), PRINTED);
        let error = FixedData::parse(&[0; 17]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TrailingOctets { octets: 1 });
    }

    #[test]
    fn every_unit() {
        // Code 0Dh is 100 kJ and 0Eh is MJ; both have been mixed up before.
        let exponents =
            [(0x0D, 5), (0x0E, 6), (0x02, 0), (0x0A, 8), (0x13, 11), (0x25, 11), (0x2E, 2), (0x37, 2)];
        for (code, exponent) in exponents {
            assert_eq!(FixedUnit(code).meaning().unwrap().2, exponent, "{code:02X}");
        }
        for code in 0..=0x3F {
            let none = matches!(code, 0x00 | 0x01 | 0x3A..=0x3E);
            assert_eq!(FixedUnit(code).meaning().is_none(), none, "{code:02X}");
        }
    }

    #[test]
    fn digits_and_signs() {
        let with = |counter: [u8; 4]| FixedData {
            counters: [counter; 2],
            units: [FixedUnit::NONE; 2],
            ..FixedData::default()
        };
        assert_eq!(with([0x23, 0x01, 0, 0xF0]).value(0).to_string(), "-123");
        assert_eq!(with([0x2A, 0x01, 0, 0]).value(0), Value::Invalid(Invalid::ErrorDigits));
    }
}
