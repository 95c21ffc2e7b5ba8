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

use crate::date_time::{Date, DateTime};
use crate::decimal::Decimal;
use crate::value::{Bits, Digits, Invalid, Value};
use crate::vif::fb::FB;
use crate::vif::fd::FD;
use crate::vif::primary::PRIMARY;
use crate::vif::{ANY, MANUFACTURER, RESERVED, Row, Rule};
use crate::vif::{Quantity, Unit};
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

impl From<Direction> for oms_security::sealed::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::FromDevice => Self::FromMeter,
            Direction::ToDevice => Self::ToMeter,
        }
    }
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
    /// The data and all octets behind them: a number is loaded as one word, which may reach beyond it.
    tail: &'a [u8],
    /// Octets of all records together; where this one begins follows from what is left.
    len: usize,
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
    #[inline]
    pub const fn data(&self) -> &'a [u8] {
        match self.kind() {
            RecordKind::Manufacturer { .. } => self.tail,
            _ => match self.tail.split_at_checked(self.header.parts.data_len() as usize) {
                Some((data, _)) => data,
                None => self.tail,
            },
        }
    }
    /// Where the record begins, counted from the first octet given to [`Records::new`].
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.len.saturating_sub(self.tail.len()).saturating_sub(self.header.octets.len())
    }
    /// Octets of the whole record.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.header.octets.len().saturating_add(self.data().len())
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
        if self.header.parts.has_difes() {
            self.dib().storage()
        } else {
            Dib::storage_without_difes(self.header.parts.dif())
        }
    }
    /// The tariff; 0 is the total.
    #[must_use]
    #[inline]
    pub fn tariff(&self) -> u32 {
        if self.header.parts.has_difes() { self.dib().tariff() } else { 0 }
    }
    /// The subunit.
    #[must_use]
    #[inline]
    pub fn subunit(&self) -> u16 {
        if self.header.parts.has_difes() { self.dib().subunit() } else { 0 }
    }
    /// What is measured.
    #[must_use]
    #[inline]
    pub const fn quantity(&self) -> Quantity {
        self.header.row.quantity
    }
    /// The unit of [`Record::value`], qualifiers that replace it taken into account. Factors such as
    /// "per kWh" come on top, see [`Record::ucum`].
    #[must_use]
    #[inline]
    pub fn unit(&self) -> Unit {
        if self.header.parts.is_qualified() { (*self).qualified_unit() } else { self.header.row.unit }
    }
    /// The whole unit in UCUM, factors included.
    #[must_use]
    pub const fn ucum(&self) -> Ucum<'a> {
        Ucum { record: *self }
    }
    /// What qualifies the value, in the order sent.
    #[must_use]
    pub const fn qualifiers(&self) -> Qualifiers<'a> {
        self.vib().qualifiers(self.header.parts.direction())
    }
    /// The value, exact.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Value<'a> {
        match self.plain_value() {
            Some(value) => value,
            None => (*self).other_value(),
        }
    }
    /// The value of most records, in few steps: numbers, dates, flags and identifiers that no VIFE qualifies.
    /// `None` says that [`Record::other_value`] must look at it; where both give a value it is the same.
    #[inline(always)]
    fn plain_value(&self) -> Option<Value<'a>> {
        if self.header.parts.is_qualified() {
            return None;
        }
        let field = DataField::from_dif(self.header.parts.dif());
        match self.header.row.rule {
            Rule::Default | Rule::Signed | Rule::Unsigned => {
                let word = u64::from_le_bytes(*self.tail.first_chunk()?);
                Coding::of(self.header.row).plain_number(field, word).map(Value::Number)
            }
            Rule::Date | Rule::AnyDate if field == DataField::INTEGER_16 => {
                Date::from_type_g(*self.tail.first_chunk()?).map(Value::Date)
            }
            Rule::DateTime | Rule::AnyDate if field == DataField::INTEGER_32 => {
                DateTime::from_type_f(*self.tail.first_chunk()?).map(Value::DateTime)
            }
            Rule::Bits if field.is_integer() => Some(Value::Bits(Bits(self.data()))),
            Rule::Identifier if field.is_bcd() => Some(Value::Digits(Digits(self.data()))),
            _ => None,
        }
    }
    // By value, as the other rare ways: a record that nobody points to stays in registers.
    #[inline(never)]
    fn other_value(self) -> Value<'a> {
        let field = DataField::from_dif(self.header.parts.dif());
        if !self.is_data() {
            return match self.kind() {
                RecordKind::Manufacturer { .. } => Value::Octets(self.data()),
                _ => Value::None,
            };
        }
        if self.header.parts.is_qualified() {
            return self.meaning().value(field, self.data());
        }
        Coding::of(self.header.row).value(field, self.data())
    }
    #[inline(never)]
    fn qualified_unit(self) -> Unit {
        self.meaning().unit
    }
    /// True when the number is the one that Annex A reserves for "no value": the smallest of type B, the
    /// largest of type C. Many meters use them so, some as plain numbers; [`Record::value`] is the number.
    #[must_use]
    pub fn is_marked_invalid(&self) -> bool {
        self.is_data()
            && self.meaning().is_marked_invalid(DataField::from_dif(self.header.parts.dif()), self.data())
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
            Effect::Per(factor) => f.write_str(factor.ucum()),
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
        let (row, data_len) = match dif {
            0x0F | 0x1F => (&MANUFACTURER, rest.len()),
            0x2F => (&RESERVED, 0),
            0x7F => (&ANY, 0),
            _ => return self.stop(ErrorKind::ReservedDif { dif }.at(0)),
        };
        self.rest = rest.get(data_len..).unwrap_or_default();
        let header = Header { octets: first, row, parts: Parts::NONE.behind(dif, 1, self.options.direction) };
        Some(Record { header, tail: rest, len: self.len })
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
    /// The record at the front when it has the shape of most: at most two DIFE, at most one orthogonal VIFE, no
    /// text, data of a fixed length, all of them there.
    #[inline(always)]
    fn plain(&mut self) -> Option<Record<'a>> {
        let &dif = self.rest.first()?;
        let (dib_len, after) = match self.rest {
            [1..=0x7F, after @ ..] => (1u8, after),
            [0x80..=0xFF, 0..=0x7F, after @ ..] => (2, after),
            [0x80..=0xFF, 0x80..=0xFF, 0..=0x7F, after @ ..] => (3, after),
            _ => return None,
        };
        let (vib_len, row, parts) = match *after {
            [0x7C | 0xFC | 0xEF | 0xFF, ..] => return None,
            [code @ 0..=0x7F, ..] => (1u8, PRIMARY.get(usize::from(code))?, Parts::NONE),
            [0xFD, code @ 0..=0x7F, ..] => (2, FD.get(usize::from(code))?, Parts::NONE),
            [0xFB, code @ 0..=0x7F, ..] if !self.options.legacy_tables => {
                (2, FB.get(usize::from(code))?, Parts::NONE)
            }
            [0xFB | 0xFD, ..] => return None,
            [code, 0..=0x7F, ..] => (2, PRIMARY.get(usize::from(code & 0x7F))?, Parts::ONE_VIFE),
            _ => return None,
        };
        let head = usize::from(dib_len).saturating_add(usize::from(vib_len));
        let (octets, tail) = self.rest.split_at_checked(head)?;
        let data_len = DataField::from_dif(dif).data_len()?;
        let after = tail.get(data_len..)?;
        self.rest = after;
        // A number, a date or nothing: eight octets at most.
        let data_len = u16::try_from(data_len).unwrap_or(u16::MAX);
        let parts = parts.behind(dif, dib_len, self.options.direction).with_data_len(data_len);
        Some(Record { header: Header { octets, row, parts }, tail, len: self.len })
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
                record.len = self.len;
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
                    parts: vib.parts().behind(
                        dib.dif(),
                        u8::try_from(dib_len).unwrap_or(u8::MAX),
                        options.direction,
                    ),
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
        let Some(rest) = octets.get(len..) else {
            return Err(ErrorKind::Truncated { needed: len, available: octets.len() }.at(0));
        };
        let len_of_all = self.octets.len().saturating_add(octets.len());
        // At most 256: an LVAR and its octets.
        let parts = self.parts.with_data_len(u16::try_from(len).unwrap_or(u16::MAX));
        let record = Record { header: Self { parts, ..*self }, tail: octets, len: len_of_all };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the two tables and every data field, with eight octets to load and without.
    #[test]
    fn the_short_way_to_a_value_gives_what_the_long_one_gives() {
        let numbers: [u64; 10] = [
            0,
            1,
            0x1234_5678_9012_3456,
            0x0000_0000_2921_1F15,
            0x8080_8080_8080_8080,
            0xFFFF_FFFF_FFFF_FFFF,
            0x9999_9999_9999_9999,
            0xF123_F123_F123_F123,
            0x7FFF_FFFF_7FFF_7F7F,
            0xABCD_EF01_2345_6789,
        ];
        let mut short = 0;
        for code in 0..=0x7Fu8 {
            for vib in [&[code][..], &[0xFD, code], &[0xFB, code]] {
                for (dif, number) in (0..=0x0E).flat_map(|dif| numbers.map(|number| (dif, number))) {
                    let Some(len) = DataField::from_dif(dif).data_len() else { continue };
                    let data = number.to_le_bytes();
                    let octets = [&[dif][..], vib, &data[..len], &[0x2F; 8]].concat();
                    let octets = &octets;
                    for octets in [octets, &octets[..octets.len() - 8]] {
                        let Some(Ok(record)) = Records::new(octets).next() else { continue };
                        let Some(value) = record.plain_value() else { continue };
                        assert_eq!(value, record.other_value(), "{octets:02X?}");
                        short += 1;
                    }
                }
            }
        }
        assert!(short > 20_000, "{short}");
    }
}
