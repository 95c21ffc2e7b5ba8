//! The data information block: register and data field in the fewest octets, or octets as given.

use mbus_link::octets::Writer;

use super::Unbuildable;
use crate::record::dib::MAX_DIFE;
use crate::record::{DataField, Dib, Function, Record};

/// The register that a record belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Register {
    /// Instantaneous, maximum, minimum, or during an error.
    pub function: Function,
    /// The storage number, at most 2^41 - 1.
    pub storage: u64,
    /// The tariff, at most 2^20 - 1.
    pub tariff: u32,
    /// The subunit, at most 1023.
    pub subunit: u16,
    /// A final DIFE 00h says that the storage number is a register number.
    pub is_register: bool,
}

/// The data information block to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewDib<'a> {
    /// The shortest block for a register. The data field is the one given, or the shortest that holds the value.
    Register(Register, Option<DataField>),
    /// These octets: DIF and DIFE.
    Octets(&'a [u8]),
}

impl NewDib<'_> {
    /// The data field, where it is fixed.
    pub(super) fn data_field(&self) -> Result<Option<DataField>, Unbuildable> {
        let field = match self {
            Self::Register(_, field) => *field,
            Self::Octets(octets) => match Dib::parse_prefix(octets) {
                Some((dib, [])) => Some(dib.data_field()),
                _ => return Err(Unbuildable::NotWhole),
            },
        };
        match field {
            Some(DataField(field)) if field > 0x0E => Err(Unbuildable::WrongKind),
            field => Ok(field),
        }
    }
    pub(super) fn write(&self, field: DataField, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        match self {
            Self::Octets(octets) => {
                writer.put(octets);
                Ok(())
            }
            Self::Register(register, _) => register.write(field, writer),
        }
    }
}

impl Register {
    /// The register of a record.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Self {
        Self {
            function: record.function(),
            storage: record.storage(),
            tariff: record.tariff(),
            subunit: record.subunit(),
            is_register: record.dib().is_register(),
        }
    }
    /// The shortest block: DIF, as many DIFE as the numbers need, and the final 00h of a register.
    fn write(&self, field: DataField, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        if self.storage >= 1 << 41 || self.tariff >= 1 << 20 || self.subunit >= 1 << 10 {
            return Err(Unbuildable::RegisterTooLarge);
        }
        let [low, ..] = self.storage.to_le_bytes();
        let mut octet = field.0 & 0x0F | self.function.dif_bits() | (low & 1) << 6;
        let (mut storage, mut tariff, mut subunit) = (self.storage >> 1, self.tariff, self.subunit);
        let mut difes = 0;
        while storage != 0 || tariff != 0 || subunit != 0 {
            writer.put_u8(octet | 0x80);
            let ([s, ..], [t, ..], [u, ..]) =
                (storage.to_le_bytes(), tariff.to_le_bytes(), subunit.to_le_bytes());
            octet = s & 0x0F | (t & 3) << 4 | (u & 1) << 6;
            (storage, tariff, subunit) = (storage >> 4, tariff >> 2, subunit >> 1);
            difes = usize::saturating_add(difes, 1);
        }
        if self.is_register {
            if difes >= MAX_DIFE {
                return Err(Unbuildable::RegisterTooLarge);
            }
            writer.put_u8(octet | 0x80);
            octet = 0;
        }
        writer.put_u8(octet);
        Ok(())
    }
}
