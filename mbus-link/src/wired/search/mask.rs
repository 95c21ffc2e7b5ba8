//! The selection of a search: which fields are fixed.
//!
//! Invariants: fields 0 to 7 are the digits of the identification number from the left, 8 the manufacturer, 9 the version,
//! 10 the device type, 11 to 18 the digits of the fabrication number. A selection asks for a fabrication number only when
//! a digit of it is fixed.

use crate::wired::selection::Selection;
use crate::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};

use super::known;

/// Fields that can be fixed.
pub(super) const FIELDS: usize = 19;

/// What kind of field it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Digit(u8),
    Manufacturer,
    Version,
    DeviceType,
    FabricationDigit(u8),
}

impl Field {
    /// The field at this place; `None` behind the last.
    pub(super) fn at(place: usize) -> Option<Self> {
        Some(match u8::try_from(place).ok()? {
            n @ 0..=7 => Self::Digit(n),
            8 => Self::Manufacturer,
            9 => Self::Version,
            10 => Self::DeviceType,
            n @ 11..=18 => Self::FabricationDigit(n.saturating_sub(11)),
            _ => return None,
        })
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Digit(u8),
    Manufacturer(ManufacturerId),
    Version(Version),
    DeviceType(DeviceType),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    address: Address,
    number: IdentificationNumber,
}

impl Mask {
    /// Nothing is fixed.
    pub(super) const ALL: Self = Self { address: Address::WILDCARD, number: IdentificationNumber::WILDCARD };

    /// The digits of this number are fixed, as far as they are digits.
    pub(super) const fn of(number: IdentificationNumber) -> Self {
        Self { address: Address { identification: number, ..Address::WILDCARD }, ..Self::ALL }
    }
    /// Whether a digit of the number is fixed; false for all other fields.
    pub(super) fn fixes(&self, field: Field) -> bool {
        let Field::Digit(n) = field else { return false };
        self.address.identification.digits().get(usize::from(n)).is_some_and(|digit| *digit != b'F')
    }
    /// Fixes a field, or frees it.
    pub(super) fn set(&mut self, field: Field, value: Option<Value>) {
        let digit = match value {
            Some(Value::Digit(digit)) => digit,
            _ => 0xF,
        };
        match field {
            Field::Digit(n) => {
                self.address.identification = with_digit(self.address.identification, n, digit)
            }
            Field::FabricationDigit(n) => self.number = with_digit(self.number, n, digit),
            Field::Manufacturer => {
                self.address.manufacturer = match value {
                    Some(Value::Manufacturer(manufacturer)) => manufacturer,
                    _ => ManufacturerId::WILDCARD,
                }
            }
            Field::Version => {
                self.address.version = match value {
                    Some(Value::Version(version)) => version,
                    _ => Version::WILDCARD,
                }
            }
            Field::DeviceType => {
                self.address.device_type = match value {
                    Some(Value::DeviceType(device_type)) => device_type,
                    _ => DeviceType::WILDCARD,
                }
            }
        }
    }
    pub(super) fn selection(&self) -> Selection<'static> {
        let number = (self.number != IdentificationNumber::WILDCARD).then_some(self.number);
        Selection { address: self.address, fabrication_number: number, rest: &[] }
    }
    pub(super) fn fits(&self, identity: Address) -> bool {
        self.address.matches(identity)
    }
}

/// The same number with this digit, counted from the left.
fn with_digit(number: IdentificationNumber, n: u8, digit: u8) -> IdentificationNumber {
    let number = known::with_digit(u32::from_le_bytes(number.octets()), n, digit);
    IdentificationNumber::from_octets(number.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_fixed_and_freed() {
        let mut mask = Mask::ALL;
        let values = |place| match Field::at(place).unwrap() {
            Field::Digit(n) | Field::FabricationDigit(n) => Value::Digit(n + 1),
            Field::Manufacturer => Value::Manufacturer(ManufacturerId::from_raw(0x1593)),
            Field::Version => Value::Version(Version(0x33)),
            Field::DeviceType => Value::DeviceType(DeviceType::GAS),
        };
        for place in 0..FIELDS {
            mask.set(Field::at(place).unwrap(), Some(values(place)));
            assert_eq!(mask.selection().fabrication_number.is_some(), place >= 11);
        }
        assert_eq!(Field::at(FIELDS), None);
        let selection = mask.selection();
        assert_eq!(selection.address.to_transport_octets(), [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03]);
        assert_eq!(selection.fabrication_number, IdentificationNumber::from_number(12_345_678));
        for place in 0..FIELDS {
            mask.set(Field::at(place).unwrap(), None);
        }
        assert_eq!(mask.selection(), Selection::of(Address::WILDCARD));
    }
}
