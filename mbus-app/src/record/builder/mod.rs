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

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use mbus_link::octets::Writer;

use super::dib::MAX_DIFE;
use super::meaning::Meaning;
use super::vib::{MAX_VIFE, Qualifier};
use super::{DataField, Direction, Function, PlainTextOrder, Record, RecordKind, RecordOptions, Vib};
use crate::value::Value;
use crate::vif::{Quantity, RESERVED, Row, Unit, primary};
use crate::{Error, ErrorKind};
use choose::{Line, Wish};
use data::Data;

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
    /// Records behind manufacturer specific data, which reach to the end.
    #[error("nothing can follow manufacturer specific data")]
    BehindManufacturer,
}

impl Unbuildable {
    const fn error(self) -> Error {
        ErrorKind::CannotBuild(self).at(0)
    }
}

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
    /// A value. [`crate::value::Invalid::NotAvailable`] writes the mark of the data field for "no value".
    Value(Value<'a>),
    /// Text in reading order, at most 191 letters of ISO 8859-1.
    Text(&'a str),
    /// These octets, LVAR included; only their length is checked.
    Data(&'a [u8]),
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
    /// Which way the telegram goes: object actions are for the way to a device.
    pub direction: Direction,
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
        }
    }
}

/// The same record octet for octet, all blocks as they were sent.
impl<'a> From<&Record<'a>> for RecordBuilder<'a> {
    fn from(record: &Record<'a>) -> Self {
        Self {
            dib: NewDib::Octets(record.dib().octets()),
            vib: NewVib::Octets(record.vib().octets()),
            content: Content::Data(record.data),
            direction: record.header.direction,
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
                writer.put_u8(if qualifiers.is_empty() { 0x7C } else { 0xFC });
                put_qualifiers(1, qualifiers, self.direction, writer)?;
                put_unit_text(text, writer)?;
                data.write(writer);
            }
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
        let choice = Wish { line, qualifiers }.choose(field, &self.content)?;
        self.dib.write(choice.data.field, writer)?;
        writer.put(choice.octets());
        put_qualifiers(choice.len, qualifiers, self.direction, writer)?;
        choice.data.write(writer);
        Ok(())
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

impl NewDib<'_> {
    /// The data field, where it is fixed.
    fn data_field(&self) -> Result<Option<DataField>, Unbuildable> {
        let field = match self {
            Self::Register(_, field) => *field,
            Self::Octets(octets) => match super::Dib::parse_prefix(octets) {
                Some((dib, [])) => Some(dib.data_field()),
                _ => return Err(Unbuildable::NotWhole),
            },
        };
        match field {
            Some(DataField(field)) if field > 0x0E => Err(Unbuildable::WrongKind),
            field => Ok(field),
        }
    }
    fn write(&self, field: DataField, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
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

/// Writes VIFEs behind a VIF (or a true VIF in an extension table) of `head` octets, whose extension bit
/// the caller has set when there are any.
fn put_qualifiers(
    head: usize,
    qualifiers: &[Qualifier<'_>],
    direction: Direction,
    writer: &mut Writer<'_>,
) -> Result<(), Unbuildable> {
    let mut left = MAX_VIFE.saturating_add(1).saturating_sub(head);
    let mut put = |octet: u8, last: bool| {
        left = left.checked_sub(1).ok_or(Unbuildable::BadQualifiers)?;
        writer.put_u8(if last { octet & 0x7F } else { octet | 0x80 });
        Ok(())
    };
    let mut rest = qualifiers.iter();
    while let Some(qualifier) = rest.next() {
        let last = rest.as_slice().is_empty();
        match *qualifier {
            Qualifier::Orthogonal(0x3F) => return Err(Unbuildable::Unverified("the OBIS declaration")),
            Qualifier::Orthogonal(code) if is_plain_vife(code, direction) => put(code, last)?,
            Qualifier::Action(code @ 0..=0x0F) if direction == Direction::ToDevice => put(code, last)?,
            Qualifier::Combinable(code @ 0..=0x7F) => {
                put(0x7C, false)?;
                put(code, last)?;
            }
            Qualifier::Manufacturer([0x7F | 0xFF, others @ ..]) if last => {
                put(0x7F, others.is_empty())?;
                let mut others = others.iter();
                while let Some(octet) = others.next() {
                    put(*octet, others.as_slice().is_empty())?;
                }
            }
            _ => return Err(Unbuildable::BadQualifiers),
        }
    }
    Ok(())
}

/// Codes that stand for themselves: 7Ch and 7Fh do not, 00h to 0Fh to a device are actions.
const fn is_plain_vife(code: u8, direction: Direction) -> bool {
    match code {
        0x00..=0x0F => matches!(direction, Direction::FromDevice),
        0x7C | 0x7F.. => false,
        _ => true,
    }
}

fn put_unit_text(text: &str, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
    let letters = text.chars().count();
    match u8::try_from(letters) {
        Ok(letters @ 1..=64) => writer.put_u8(letters),
        _ => return Err(Unbuildable::TooLong),
    }
    put_reversed(text, writer)
}

/// Text in ISO 8859-1, last letter first.
fn put_reversed(text: &str, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
    text.chars().rev().try_for_each(|letter| {
        writer.put_u8(u8::try_from(u32::from(letter)).map_err(|_| Unbuildable::NotLatin1)?);
        Ok(())
    })
}

/// What a telegram's payload consists of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Element<'a> {
    /// A record.
    Record(RecordBuilder<'a>),
    /// DIF 2Fh, so many times.
    Fillers(usize),
    /// DIF 7Fh: all data are asked for.
    GlobalReadout,
    /// DIF 0Fh, or 1Fh when more records follow in the next telegram, and octets to the end.
    Manufacturer {
        /// DIF 1Fh.
        more_follow: bool,
        /// The octets.
        octets: &'a [u8],
    },
}

/// The same element octet for octet.
impl<'a> From<&Record<'a>> for Element<'a> {
    fn from(record: &Record<'a>) -> Self {
        match record.kind() {
            RecordKind::Data => Self::Record(record.into()),
            RecordKind::Filler => Self::Fillers(1),
            RecordKind::GlobalReadout => Self::GlobalReadout,
            RecordKind::Manufacturer { more_follow } => {
                Self::Manufacturer { more_follow, octets: record.data() }
            }
        }
    }
}

/// The records of a telegram, to be written one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordsBuilder<'a> {
    /// In the order in which they are sent.
    pub elements: &'a [Element<'a>],
}

impl RecordsBuilder<'_> {
    /// Octets of all records.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`]; the offset is the octet where the record would begin.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        let mut writer = Writer::new(&mut []);
        self.write(&mut writer)?;
        Ok(writer.len())
    }
    /// Writes the records to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`]; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)?;
        Ok(writer.finish()?)
    }
    /// The records in a vector.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`].
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()?];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        let mut elements = self.elements.iter();
        while let Some(element) = elements.next() {
            let begin = writer.len();
            let refuse = |reason: Unbuildable| reason.error().shifted(begin);
            match element {
                Element::Record(record) => record.write(writer).map_err(refuse)?,
                Element::Fillers(n) => (0..*n).for_each(|_| writer.put_u8(0x2F)),
                Element::GlobalReadout => writer.put_u8(0x7F),
                Element::Manufacturer { .. } if !elements.as_slice().is_empty() => {
                    return Err(refuse(Unbuildable::BehindManufacturer));
                }
                Element::Manufacturer { more_follow, octets } => {
                    writer.put_u8(if *more_follow { 0x1F } else { 0x0F });
                    writer.put(octets);
                }
            }
        }
        Ok(())
    }
}
