//! Data records: DIB, VIB and data, one after the other (EN 13757-3:2018, clause 6).
//!
//! ```text
//! DIF DIFE x 0..10 | VIF VIFE x 0..10 | data        ... 2F fillers ...        0F or 1F: the manufacturer's, to the end
//! ```
//!
//! Invariants: [`Records`] stores nothing and interprets nothing until asked; every step consumes at least
//! one octet; a record whose value cannot be read is still a record; only lost synchronisation ends the
//! walk, with one error, and [`Records::rest`] then shows what is left.

mod action;
pub mod builder;
pub mod dib;
pub mod lvar;
mod meaning;
pub mod vib;

pub use action::ObjectAction;
pub use dib::{DataField, Dib, Function};
pub use lvar::Lvar;
pub use vib::{Qualifier, Qualifiers, Vib};

use core::fmt;

use crate::decimal::Decimal;
use crate::value::{Invalid, Value};
use crate::vif::fb::FB;
use crate::vif::fd::FD;
use crate::vif::primary::PRIMARY;
use crate::vif::{Quantity, Unit};
use crate::vif::{RESERVED, Row};
use crate::{Error, ErrorKind};
use meaning::{Coding, Meaning};
use vib::Parts;

/// Which way a telegram goes: VIFE 00h to 0Fh mean different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// From the meter.
    #[default]
    FromDevice,
    /// To the meter.
    ToDevice,
}

/// Where the text of a text unit stands (VIF FCh).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PlainTextOrder {
    /// Behind all VIFEs (EN 13757-3:2018, Annex C.2).
    Standard,
    /// Directly behind the VIF, as many wired meters send it.
    Legacy,
    /// The standard order if it gives printable text and fits, else the legacy order on the same terms.
    #[default]
    Auto,
}

/// How records are read. The default suits everything that meters send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecordOptions {
    /// Which way the telegram goes.
    pub direction: Direction,
    /// Where text units stand.
    pub plain_text: PlainTextOrder,
    /// Give codes the meaning they had until 2004 (US gallons, Fahrenheit) where they are reserved now.
    pub legacy_tables: bool,
    /// Yield fillers (DIF 2Fh) as records too, to rebuild a telegram octet for octet.
    pub fillers: bool,
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordKind {
    /// DIB, VIB and data.
    Data,
    /// DIF 0Fh or 1Fh: manufacturer specific data to the end. With 1Fh more records follow in the next telegram.
    Manufacturer {
        /// DIF 1Fh.
        more_follow: bool,
    },
    /// DIF 2Fh.
    Filler,
    /// DIF 7Fh: all data are asked for.
    GlobalReadout,
}

/// One data record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    header: Header<'a>,
    data: &'a [u8],
    offset: usize,
}

impl<'a> Record<'a> {
    /// What it is.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> RecordKind {
        match self.header.parts.dif() {
            0x0F => RecordKind::Manufacturer { more_follow: false },
            0x1F => RecordKind::Manufacturer { more_follow: true },
            0x2F => RecordKind::Filler,
            0x7F => RecordKind::GlobalReadout,
            // The walk lets no other special function through.
            _ => RecordKind::Data,
        }
    }
    #[inline]
    const fn is_data(&self) -> bool {
        self.header.parts.dif() & 0x0F != 0x0F
    }
    /// The data information block: register and data field.
    #[must_use]
    #[inline]
    pub const fn dib(&self) -> Dib<'a> {
        self.header.dib()
    }
    /// The value information block: quantity, unit, qualifiers. Empty for manufacturer specific data.
    #[must_use]
    #[inline]
    pub const fn vib(&self) -> Vib<'a> {
        self.header.vib()
    }
    /// The data as sent, LVAR included.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }
    /// Where the record begins, counted from the first octet given to [`Records::new`].
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
    /// Octets of the whole record.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.header.octets.len().saturating_add(self.data.len())
    }
    /// Instantaneous, maximum, minimum, or during an error.
    #[must_use]
    #[inline]
    pub const fn function(&self) -> Function {
        Function::from_dif(self.header.parts.dif())
    }
    /// The storage number; 0 is the current value.
    #[must_use]
    #[inline]
    pub fn storage(&self) -> u64 {
        self.dib().storage()
    }
    /// The tariff; 0 is the total.
    #[must_use]
    #[inline]
    pub fn tariff(&self) -> u32 {
        self.dib().tariff()
    }
    /// The subunit.
    #[must_use]
    #[inline]
    pub fn subunit(&self) -> u16 {
        self.dib().subunit()
    }
    /// What is measured.
    #[must_use]
    #[inline]
    pub const fn quantity(&self) -> Quantity {
        if self.is_data() {
            return self.header.row.quantity;
        }
        match self.kind() {
            RecordKind::Manufacturer { .. } => Quantity::ManufacturerSpecific,
            RecordKind::GlobalReadout => Quantity::AnyVif,
            RecordKind::Filler | RecordKind::Data => Quantity::Reserved,
        }
    }
    /// The unit of [`Record::value`], qualifiers that replace it taken into account. Factors such as
    /// "per kWh" come on top, see [`Record::ucum`].
    #[must_use]
    #[inline]
    pub fn unit(&self) -> Unit {
        if self.header.parts.is_qualified() { self.meaning().unit } else { self.header.row.unit }
    }
    /// The whole unit in UCUM, factors included.
    #[must_use]
    pub const fn ucum(&self) -> Ucum<'a> {
        Ucum { record: *self }
    }
    /// What qualifies the value, in the order sent.
    #[must_use]
    pub const fn qualifiers(&self) -> Qualifiers<'a> {
        self.vib().qualifiers(self.header.direction)
    }
    /// The value, exact.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Value<'a> {
        let field = DataField::from_dif(self.header.parts.dif());
        if !self.is_data() {
            return self.special_value();
        }
        if self.header.parts.is_qualified() {
            return self.meaning().value(field, self.data);
        }
        Coding::of(self.header.row).value(field, self.data)
    }
    #[cold]
    fn special_value(&self) -> Value<'a> {
        match self.kind() {
            RecordKind::Manufacturer { .. } => Value::Octets(self.data),
            _ => Value::None,
        }
    }
    /// True when the number is the one that Annex A reserves for "no value": the smallest of type B, the
    /// largest of type C. Many meters use them so, some as plain numbers; [`Record::value`] is the number.
    #[must_use]
    pub fn is_marked_invalid(&self) -> bool {
        self.is_data()
            && self.meaning().is_marked_invalid(DataField::from_dif(self.header.parts.dif()), self.data)
    }
    /// The record error that a qualifier reports (VIFE 01h to 0Fh and 15h to 1Ch from a device).
    #[must_use]
    pub fn record_error(&self) -> Option<u8> {
        self.meaning().error
    }

    /// True for the date, or date and time, of a storage number: VIF 6Ch and 6Dh without a qualifier that
    /// would make it the date of something else.
    #[must_use]
    pub fn is_time_stamp(&self) -> bool {
        matches!(self.quantity(), Quantity::Date | Quantity::DateAndTime)
            && self.is_data()
            && !self.header.parts.is_qualified()
    }
    /// The value of one element of a profile, coded as `field` says.
    pub(crate) fn element(&self, field: DataField, octets: &'a [u8]) -> Value<'a> {
        let meaning = self.meaning();
        if meaning.is_marked_invalid(field, octets) {
            return Value::Invalid(Invalid::NotAvailable);
        }
        meaning.value(field, octets)
    }
    /// The number that an element of a profile says, before exponents.
    pub(crate) fn element_number(
        &self,
        field: DataField,
        octets: &[u8],
        is_unsigned: bool,
    ) -> Result<i128, Invalid> {
        if let Some(code) = self.record_error() {
            return Err(Invalid::RecordError(code));
        }
        meaning::raw_number(field, octets, is_unsigned)
    }
    /// A number times the factors of VIF and VIFEs, without constants that are added.
    pub(crate) fn scaled(&self, raw: i128) -> Option<Decimal> {
        self.meaning().scaled(raw)
    }

    fn meaning(&self) -> Meaning {
        Meaning::of(self.header.row).qualified(self.qualifiers())
    }
}

/// The unit of a record in UCUM: `m3`, `J/(kW.h)`, or the meter's own text.
#[derive(Clone, Copy, Debug)]
pub struct Ucum<'a> {
    record: Record<'a>,
}

impl fmt::Display for Ucum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::vif::orthogonal::Effect;
        match self.record.vib().plain_text() {
            Some(text) if self.record.unit() == Unit::None => write!(f, "{text}")?,
            _ => f.write_str(self.record.unit().ucum())?,
        }
        self.record.qualifiers().try_for_each(|qualifier| match qualifier.effect() {
            Effect::Per(factor) => f.write_str(factor),
            _ => Ok(()),
        })
    }
}

/// The records of a telegram, one after the other.
///
/// ```
/// use mbus_app::record::Records;
/// // OMS Vol. 2 Annex N: a gas meter's volume and its date.
/// let octets = [0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15];
/// for record in Records::new(&octets) {
///     let record = record?;
///     println!("{} {} {}", record.quantity(), record.value(), record.ucum());
/// }
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    len: usize,
    options: RecordOptions,
    stopped: bool,
    /// The error that has stopped the walk, until it is handed out.
    error: Option<Error>,
}

impl<'a> Records<'a> {
    /// The records of `octets`, which begin with a DIF.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self::with_options(
            octets,
            RecordOptions {
                direction: Direction::FromDevice,
                plain_text: PlainTextOrder::Auto,
                legacy_tables: false,
                fillers: false,
            },
        )
    }
    /// The same, read as `options` say.
    #[must_use]
    pub const fn with_options(octets: &'a [u8], options: RecordOptions) -> Self {
        Self { rest: octets, len: octets.len(), options, stopped: false, error: None }
    }
    /// What was not read: all that follows the last record or, after an error, from the bad record on.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
    /// How the records are read.
    #[must_use]
    pub const fn options(&self) -> RecordOptions {
        self.options
    }

    const fn offset(&self) -> usize {
        self.len.saturating_sub(self.rest.len())
    }
    #[cold]
    fn stop(&mut self, error: Error) -> Option<Record<'a>> {
        self.stopped = true;
        self.error = Some(error.shifted(self.offset()));
        None
    }
    /// DIF xFh, with all its octets.
    fn special(&mut self, dif: u8) -> Option<Record<'a>> {
        let (first, rest) = self.rest.split_at_checked(1)?;
        let offset = self.offset();
        let (data, rest) = match dif {
            0x0F | 0x1F => (rest, &[] as &[u8]),
            0x2F | 0x7F => (&[] as &[u8], rest),
            _ => return self.stop(ErrorKind::ReservedDif { dif }.at(0)),
        };
        self.rest = rest;
        let header = Header {
            octets: first,
            row: &RESERVED,
            parts: Parts::NONE.behind(dif, 1),
            direction: self.options.direction,
        };
        Some(Record { header, data, offset })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        if let Some(record) = self.plain() {
            return Some(Ok(record));
        }
        match self.general() {
            Some(record) => Some(Ok(record)),
            None => self.error.take().map(Err),
        }
    }
}

impl core::iter::FusedIterator for Records<'_> {}

impl<'a> Records<'a> {
    /// The record at the front when it has the shape of most: at most one DIFE, no orthogonal VIFE, no text,
    /// data of a fixed length, all of them there.
    #[inline(always)]
    fn plain(&mut self) -> Option<Record<'a>> {
        let &dif = self.rest.first()?;
        let (dib_len, after) = match self.rest {
            [1..=0x7F, after @ ..] => (1u8, after),
            [0x80..=0xFF, 0..=0x7F, after @ ..] => (2, after),
            _ => return None,
        };
        let (vib_len, row) = match *after {
            [0x7C, ..] => return None,
            [code @ 0..=0x7F, ..] => (1u8, PRIMARY.get(usize::from(code))?),
            [0xFD, code @ 0..=0x7F, ..] => (2, FD.get(usize::from(code))?),
            [0xFB, code @ 0..=0x7F, ..] if !self.options.legacy_tables => (2, FB.get(usize::from(code))?),
            _ => return None,
        };
        let head = usize::from(dib_len).saturating_add(usize::from(vib_len));
        let (octets, after) = self.rest.split_at_checked(head)?;
        let (data, after) = after.split_at_checked(DataField::from_dif(dif).data_len()?)?;
        let offset = self.offset();
        self.rest = after;
        let direction = self.options.direction;
        let header = Header { octets, row, parts: Parts::NONE.behind(dif, dib_len), direction };
        Some(Record { header, data, offset })
    }
    /// Every other record. `None` at the end and after an error, which is kept.
    #[inline(never)]
    fn general(&mut self) -> Option<Record<'a>> {
        let dif = loop {
            let (&dif, after) = self.rest.split_first()?;
            if dif == 0x2F && !self.options.fillers {
                self.rest = after;
                continue;
            }
            if dif & 0x0F == 0x0F {
                return self.special(dif);
            }
            break dif;
        };
        // Zeros to the end are padding of meters that fill up with them, and no records without data.
        if dif == 0 && self.rest.iter().all(|octet| *octet == 0) {
            return None;
        }
        let header = match Header::parse_prefix(self.rest, &self.options) {
            Ok((header, _)) => header,
            Err(error) => return self.stop(error),
        };
        let head = header.encoded_len();
        let rest = self.rest.get(head..).unwrap_or_default();
        match header.take_data(rest) {
            Ok((mut record, rest)) => {
                record.offset = self.offset();
                self.rest = rest;
                Some(record)
            }
            Err(error) => self.stop(error.shifted(head)),
        }
    }
}

/// DIB and VIB without data, as the header list of a compact frame has them.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    octets: &'a [u8],
    row: &'static Row,
    parts: Parts,
    direction: Direction,
}

impl<'a> Header<'a> {
    /// The header at the beginning of `octets`, which begin with a DIF that is no special function.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`ErrorKind::TooManyDife`], [`ErrorKind::TooManyVife`],
    /// [`ErrorKind::ReservedDif`].
    #[inline]
    pub fn parse_prefix(octets: &'a [u8], options: &RecordOptions) -> Result<(Self, &'a [u8]), Error> {
        let Some((dib, after_dib)) = Dib::parse_prefix(octets) else {
            return Err(bad_dib(octets));
        };
        if dib.dif() & 0x0F == 0x0F {
            return Err(ErrorKind::ReservedDif { dif: dib.dif() }.at(0));
        }
        match Vib::parse_prefix(after_dib, dib.data_field().data_len(), options) {
            Ok((vib, rest)) => {
                let dib_len = dib.octets().len();
                let len = dib_len.saturating_add(vib.octets().len());
                let header = Self {
                    octets: octets.get(..len).unwrap_or_default(),
                    row: vib.row(),
                    // A DIF and ten DIFE at most.
                    parts: vib.parts().behind(dib.dif(), u8::try_from(dib_len).unwrap_or(u8::MAX)),
                    direction: options.direction,
                };
                Ok((header, rest))
            }
            Err(error) => Err(bad_vib(error, octets, dib)),
        }
    }
    #[inline]
    const fn blocks(&self) -> (&'a [u8], &'a [u8]) {
        match self.octets.split_at_checked(self.parts.dib_len() as usize) {
            Some(blocks) => blocks,
            None => (self.octets, &[]),
        }
    }
    /// The data information block.
    #[must_use]
    #[inline]
    pub const fn dib(&self) -> Dib<'a> {
        Dib::from_checked(self.blocks().0, self.parts.dif())
    }
    /// The value information block.
    #[must_use]
    #[inline]
    pub const fn vib(&self) -> Vib<'a> {
        Vib::from_checked(self.blocks().1, self.row, self.parts)
    }
    /// Octets of the header.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        self.octets.len()
    }
    /// The record of this header with the data at the beginning of `octets`, and what follows them.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::ReservedLvar`].
    #[inline]
    pub fn take_data(&self, octets: &'a [u8]) -> Result<(Record<'a>, &'a [u8]), Error> {
        let len = match DataField::from_dif(self.parts.dif()).data_len() {
            Some(len) => len,
            None => variable_len(octets)?,
        };
        let Some((data, rest)) = octets.split_at_checked(len) else {
            return Err(ErrorKind::Truncated { needed: len, available: octets.len() }.at(0));
        };
        let record = Record { header: *self, data, offset: 0 };
        Ok((record, rest))
    }
}

fn variable_len(octets: &[u8]) -> Result<usize, Error> {
    let Some(&code) = octets.first() else {
        return Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0));
    };
    match Lvar::from_code(code).data_len() {
        Some(len) => Ok(usize::from(len).saturating_add(1)),
        None => Err(ErrorKind::ReservedLvar { lvar: code }.at(0)),
    }
}

#[cold]
fn bad_dib(octets: &[u8]) -> Error {
    if octets.len() > dib::MAX_DIFE {
        return ErrorKind::TooManyDife.at(dib::MAX_DIFE.saturating_add(1));
    }
    ErrorKind::Truncated { needed: octets.len().saturating_add(1), available: octets.len() }.at(0)
}

#[cold]
fn bad_vib(error: vib::VibError, octets: &[u8], dib: Dib<'_>) -> Error {
    let at = dib.octets().len();
    match error {
        vib::VibError::TooManyVife => ErrorKind::TooManyVife.at(at.saturating_add(vib::MAX_VIFE)),
        vib::VibError::Truncated => {
            let available = octets.len().saturating_sub(at);
            ErrorKind::Truncated { needed: available.saturating_add(1), available }.at(at)
        }
    }
}
