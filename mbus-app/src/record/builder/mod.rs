//! Writes data records.
//!
//! ```text
//! DIF DIFE x 0..10 | VIF VIFE x 0..10 | data        2F fillers        0F or 1F: the manufacturer's, to the end
//! ```
//!
//! Invariants: DIB and VIB are chosen from the rows that the parser reads, in the shortest form that says
//! exactly what was asked for, or are taken as given. What is written reads back as the same value; what
//! is not settled by the standard (additive corrections, types K and L, the sign of LVAR binary) is refused
//! by name. A failed call leaves a beginning of no meaning in the buffer and says how much is needed.

mod choose;
mod data;
mod records;
mod register;
mod vifes;

pub use records::{Element, RecordsBuilder};
pub use register::{NewDib, Register};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use mbus_link::octets::Writer;

use super::meaning::Meaning;
use super::vib::Qualifier;
use super::{DataField, Direction, Function, ObjectAction, PlainTextOrder, Record, RecordOptions, Vib};
use crate::decimal::Decimal;
use crate::value::Value;
use crate::vif::{Quantity, RESERVED, Row, Unit, primary};
use crate::{Error, ErrorKind};
use choose::{Line, Wish};
use data::Data;
use vifes::{Chain, put_qualifiers, put_reversed, put_unit_text};

/// Why a record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unbuildable {
    /// The tables have no such quantity in such a unit.
    #[error("no VIF has this quantity in this unit")]
    NoVif,
    /// No data field holds the value with an exponent that a VIF has, without rounding.
    #[error("the value does not fit any data field exactly")]
    ValueDoesNotFit,
    /// The kind of value does not go with the VIF or the data field.
    #[error("VIF, data field and kind of value do not fit together")]
    WrongKind,
    /// The standard leaves it open; nothing is written that nobody can read for sure.
    #[error("not settled by the standard: {0}")]
    Unverified(&'static str),
    /// Storage number above 2^41 - 1, tariff above 2^20 - 1, or subunit above 1023.
    #[error("storage number, tariff or subunit too large")]
    RegisterTooLarge,
    /// More than ten VIFE, or qualifiers behind manufacturer specific ones.
    #[error("more VIFEs than a record can have, or some behind manufacturer specific ones")]
    BadQualifiers,
    /// The octets given are not one whole DIB, VIB, or the data of the data field.
    #[error("the octets given are no whole block")]
    NotWhole,
    /// Text above 191 letters, or a text unit above 64.
    #[error("text or octets too long")]
    TooLong,
    /// Text with letters that ISO 8859-1 does not have.
    #[error("text has letters outside ISO 8859-1")]
    NotLatin1,
    /// A series of less than two values, or whose times are not one step apart, or of a step that profiles do not have.
    #[error("the times of the series are not one step apart that a profile can have")]
    UnevenSteps,
    /// Records behind manufacturer specific data, which reach to the end.
    #[error("nothing can follow manufacturer specific data")]
    BehindManufacturer,
}

impl Unbuildable {
    const fn error(self) -> Error {
        ErrorKind::CannotBuild(self).at(0)
    }
}

/// The value information block to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewVib<'a> {
    /// The shortest block of the tables for a quantity in a unit. Where qualifiers replace the meaning
    /// (a date, a count, a duration), `unit` is that of the result.
    Of(Quantity, Unit, &'a [Qualifier<'a>]),
    /// This line of the tables, which fixes the exponent too.
    Row(&'a Row, &'a [Qualifier<'a>]),
    /// A unit as text (VIF 7Ch; FCh with qualifiers), 1 to 64 letters of ISO 8859-1 in reading order.
    PlainText(&'a str, &'a [Qualifier<'a>]),
    /// These octets: VIF and VIFEs, and the text of a text unit in standard order.
    Octets(&'a [u8]),
}

/// The data to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Content<'a> {
    /// A value. [`crate::value::Invalid::NotAvailable`] writes the mark of the data field for "no value"; the mark of
    /// an integer is a number for [`Record::value`], and one for which [`Record::is_marked_invalid`] is true.
    Value(Value<'a>),
    /// A number as binary of variable length (LVAR E1h to EFh) in the fewest octets. Where the VIF does not fix the
    /// sign its top bit is 0, so that every reader takes it for the same number; negative ones are refused then.
    VariableBinary(Decimal),
    /// Text in reading order, at most 191 letters of ISO 8859-1.
    Text(&'a str),
    /// These octets, LVAR included; only their length is checked.
    Data(&'a [u8]),
    /// The same for octets that the record keeps itself.
    Inline(Inline),
}

/// At most eight octets of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inline {
    octets: [u8; 8],
    len: usize,
}

impl Inline {
    /// These octets; `None` for more than eight.
    #[must_use]
    pub fn new(data: &[u8]) -> Option<Self> {
        let mut octets = [0; 8];
        octets.get_mut(..data.len())?.iter_mut().zip(data).for_each(|(place, octet)| *place = *octet);
        Some(Self { octets, len: data.len() })
    }
    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Octets of a length that fits.
impl<const N: usize> From<[u8; N]> for Inline {
    fn from(data: [u8; N]) -> Self {
        const { assert!(N <= 8, "more octets than a data field has") };
        Self::new(&data).unwrap_or(Self { octets: [0; 8], len: 0 })
    }
}

/// One record to write.
///
/// ```
/// use mbus_app::decimal::Decimal;
/// use mbus_app::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register};
/// use mbus_app::value::Value;
/// use mbus_app::vif::{Quantity, Unit};
/// let record = RecordBuilder {
///     dib: NewDib::Register(Register { storage: 1, ..Register::default() }, None),
///     vib: NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[]),
///     content: Content::Value(Value::Number(Decimal::new(2_850_427, -2))),
///     ..RecordBuilder::default()
/// };
/// let mut buffer = [0; 16];
/// assert_eq!(record.encode_into(&mut buffer)?, [0x43, 0x14, 0x7B, 0x7E, 0x2B]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordBuilder<'a> {
    /// Register and data field.
    pub dib: NewDib<'a>,
    /// Quantity, unit, qualifiers.
    pub vib: NewVib<'a>,
    /// The data.
    pub content: Content<'a>,
    /// Which way the telegram goes: VIFE 00h to 0Fh mean different things. A record with an action goes to a device
    /// whatever this says.
    pub direction: Direction,
    /// What the device is to do with the object: the last VIFE. Without one it writes data that are there.
    pub action: Option<ObjectAction>,
}

/// The reading of all that a device has (DIF 08h, any VIF).
impl Default for RecordBuilder<'_> {
    fn default() -> Self {
        Self {
            dib: NewDib::Register(
                Register {
                    function: Function::Instantaneous,
                    storage: 0,
                    tariff: 0,
                    subunit: 0,
                    is_register: false,
                },
                Some(DataField::SELECTION),
            ),
            vib: NewVib::Of(Quantity::AnyVif, Unit::None, &[]),
            content: Content::Value(Value::None),
            direction: Direction::FromDevice,
            action: None,
        }
    }
}

/// The same record octet for octet, all blocks as they were sent.
impl<'a> From<&Record<'a>> for RecordBuilder<'a> {
    fn from(record: &Record<'a>) -> Self {
        Self {
            dib: NewDib::Octets(record.dib().octets()),
            vib: NewVib::Octets(record.vib().octets()),
            content: Content::Data(record.data()),
            direction: record.header.parts.direction(),
            action: None,
        }
    }
}

impl<'a> RecordBuilder<'a> {
    /// A record of a register: quantity, unit and qualifiers, and a value in the shortest data field.
    #[must_use]
    pub const fn new(register: Register, vib: NewVib<'a>, value: Value<'a>) -> Self {
        Self {
            dib: NewDib::Register(register, None),
            vib,
            content: Content::Value(value),
            direction: Direction::FromDevice,
            action: None,
        }
    }
    /// A record to a device that selects a register for the next readout (DIF 08h and its like).
    #[must_use]
    pub const fn select(register: Register, vib: NewVib<'a>) -> Self {
        Self {
            dib: NewDib::Register(register, Some(DataField::SELECTION)),
            direction: Direction::ToDevice,
            ..Self::new(register, vib, Value::None)
        }
    }
    /// A record to a device without data: what is to be done with an object.
    #[must_use]
    pub const fn act(action: ObjectAction, register: Register, vib: NewVib<'a>) -> Self {
        Self {
            dib: NewDib::Register(register, Some(DataField::NO_DATA)),
            direction: Direction::ToDevice,
            action: Some(action),
            ..Self::new(register, vib, Value::None)
        }
    }
}

impl RecordBuilder<'_> {
    /// Octets of the record.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        let mut writer = Writer::new(&mut []);
        self.write(&mut writer).map_err(Unbuildable::error)?;
        Ok(writer.len())
    }
    /// Writes the record to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer).map_err(Unbuildable::error)?;
        Ok(writer.finish()?)
    }
    /// The record in a vector.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason.
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()?];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        let field = self.dib.data_field()?;
        match self.vib {
            NewVib::Of(quantity, unit, qualifiers) => {
                self.write_chosen(field, Line::Any(quantity, unit), qualifiers, writer)?;
            }
            NewVib::Row(row, qualifiers) => {
                self.write_chosen(field, Line::This(row), qualifiers, writer)?;
            }
            NewVib::PlainText(text, qualifiers) => {
                let row = primary::PRIMARY.get(0x7C).unwrap_or(&RESERVED);
                let meaning = Meaning::of(row).qualified(qualifiers.iter().copied());
                let data = Data::of(&meaning, field, &self.content)?;
                self.dib.write(data.field, writer)?;
                let chain = self.chain(qualifiers);
                writer.put_u8(if chain.is_empty() { 0x7C } else { 0xFC });
                put_qualifiers(1, chain, writer)?;
                put_unit_text(text, writer)?;
                data.write(writer);
            }
            // The octets have their actions inside.
            NewVib::Octets(_) if self.action.is_some() => return Err(Unbuildable::BadQualifiers),
            NewVib::Octets(octets) => {
                let vib = whole_vib(octets, self.direction)?;
                let meaning = Meaning::of(vib.row()).qualified(vib.qualifiers(self.direction));
                let data = Data::of(&meaning, field, &self.content)?;
                self.dib.write(data.field, writer)?;
                writer.put(octets);
                data.write(writer);
            }
        }
        Ok(())
    }
}

impl RecordBuilder<'_> {
    fn write_chosen(
        &self,
        field: Option<DataField>,
        line: Line<'_>,
        qualifiers: &[Qualifier<'_>],
        writer: &mut Writer<'_>,
    ) -> Result<(), Unbuildable> {
        let chain = self.chain(qualifiers);
        let choice = Wish { line, chain }.choose(field, &self.content)?;
        self.dib.write(choice.data.field, writer)?;
        writer.put(choice.octets());
        put_qualifiers(choice.len, chain, writer)?;
        choice.data.write(writer);
        Ok(())
    }
    const fn chain<'q>(&self, qualifiers: &'q [Qualifier<'q>]) -> Chain<'q> {
        let direction = if self.action.is_some() { Direction::ToDevice } else { self.direction };
        Chain { qualifiers, action: self.action, direction }
    }
}

/// The block that `octets` are, the text of a text unit in either order.
fn whole_vib(octets: &[u8], direction: Direction) -> Result<Vib<'_>, Unbuildable> {
    for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Legacy] {
        let options = RecordOptions { direction, plain_text, ..RecordOptions::default() };
        if let Ok((vib, [])) = Vib::parse_prefix(octets, None, &options) {
            return Ok(vib);
        }
    }
    Err(Unbuildable::NotWhole)
}
