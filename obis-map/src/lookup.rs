//! From a record to its code.
//!
//! Invariants: a code is never guessed: where no row fits, the answer is a [`NoCode`] with the reason.
//! Annex rows answer before all others, the medium of the device before the device itself. Scaling never
//! changes the code. The storage number stands beside the code and becomes group F only where the annex
//! says so (DIB ending with a DIFE of 00); group B is the subunit, group E the tariff.

use crate::table::{Confidence, Row, tables};
use crate::tag::Tag;
use crate::{Medium, ObisCode};
use core::fmt;
use mbus_app::record::{Function, Record, Records};
use mbus_link::DeviceType;

/// What a record is about: the numbers of its DIB and the octets of its VIB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecordKey<'a> {
    /// VIF and VIFEs with their extension bits; a text VIF with its length and characters.
    pub vib: &'a [u8],
    /// The function field.
    pub function: Function,
    /// The storage number.
    pub storage: u64,
    /// The tariff.
    pub tariff: u32,
    /// The subunit.
    pub subunit: u16,
    /// True when the DIB ends with a DIFE of 00: the storage number is a register number.
    pub register: bool,
}

impl<'a> From<&Record<'a>> for RecordKey<'a> {
    fn from(record: &Record<'a>) -> Self {
        let (dib, vib) = (record.dib(), record.vib());
        Self {
            vib: vib.octets(),
            function: dib.function(),
            storage: dib.storage(),
            tariff: dib.tariff(),
            subunit: dib.subunit(),
            register: dib.is_register(),
        }
    }
}

/// The code of a record of a device of this type, in a telegram without averaging duration. For
/// everything else there is [`Context`].
///
/// ```
/// use mbus_app::record::Records;
/// use mbus_link::DeviceType;
/// // Volume of the due date, 2 850 427 * 10^-2 m3.
/// let octets = [0x4C, 0x14, 0x27, 0x04, 0x85, 0x02];
/// let record = Records::new(&octets).next().unwrap().unwrap();
/// let code = obis_map::lookup(&record, DeviceType::WATER).map(|mapping| mapping.code);
/// assert_eq!(code, Ok("8-0:1.2.0*255".parse().unwrap()));
/// ```
///
/// # Errors
/// [`NoCode`] says why there is none.
pub fn lookup(record: &Record<'_>, device_type: DeviceType) -> Result<Mapping, NoCode> {
    Context::of(device_type).lookup(record.into())
}

/// What the record does not say itself.
///
/// ```
/// use mbus_link::DeviceType;
/// use obis_map::{Context, Medium, RecordKey};
/// // The Austrian AMIS meter calls itself a bus component.
/// let context = Context { medium: Some(Medium::ELECTRICITY), ..Context::of(DeviceType::BUS_SYSTEM) };
/// let mapping = context.lookup(RecordKey { vib: &[0x03], ..RecordKey::default() }).unwrap();
/// assert_eq!(mapping.code, "1-0:1.8.0*255".parse().unwrap());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Context {
    /// The device type of the meter, from its address.
    pub device_type: DeviceType,
    /// Set to override the medium that follows from the device type.
    pub medium: Option<Medium>,
    /// True when the telegram has a record with the averaging duration (VIF 70 to 73, `DP2!`): gas flow
    /// then has another code.
    pub averaging_duration: bool,
}

/// A code found for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mapping {
    /// The code.
    pub code: ObisCode,
    /// What of the code's object the record gives.
    pub part: Part,
    /// A second code that the annex gives the same record: a point in time is also its date.
    pub also: Option<ObisCode>,
    /// The storage number of the record. Where group F is 255 and this is above 1, several records of a
    /// telegram have the same code and this number tells them apart.
    pub storage: u64,
    /// The tag of the annex, `None` outside it.
    pub tag: Option<&'static Tag>,
    /// The row that answered.
    pub row: &'static Row,
}

impl Mapping {
    /// How sure the code is.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        self.row.confidence()
    }
    /// True when the code is from OMS Vol. 2, Annex A.
    #[must_use]
    pub const fn is_annex(&self) -> bool {
        self.row.is_annex()
    }
}

/// What of an object a record gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// The value.
    Value,
    /// The time at which the value, for instance a maximum, was reached.
    Time,
}

/// Why a record has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NoCode {
    /// The device type leaves the medium open; the caller may set it.
    #[error("device type {:02X}h leaves the medium open", .0.0)]
    MediumOpen(DeviceType),
    /// No table for this medium, and no row of the device itself fits.
    #[error("no OBIS rows are known for {0}")]
    MediumWithoutRows(Medium),
    /// Values during an error state have no code.
    #[error("a value during error state has no OBIS code")]
    ErrorState,
    /// No row of the medium has the quantity.
    #[error("no OBIS row of {0} has this quantity")]
    Quantity(Medium),
    /// A row has the quantity, but not with this function, storage number or tariff.
    #[error("no OBIS row of {medium} has this quantity as {} value with storage {storage}, tariff {tariff}", .function.name())]
    Numbers {
        /// The medium.
        medium: Medium,
        /// The function field.
        function: Function,
        /// The storage number.
        storage: u64,
        /// The tariff.
        tariff: u32,
    },
    /// Group B or E cannot hold the subunit or the tariff.
    #[error("subunit {subunit} or tariff {tariff} does not fit an OBIS code")]
    DoesNotFit {
        /// The subunit.
        subunit: u16,
        /// The tariff.
        tariff: u32,
    },
}

impl Context {
    /// A device of this type, nothing overridden.
    #[must_use]
    pub const fn of(device_type: DeviceType) -> Self {
        Self { device_type, medium: None, averaging_duration: false }
    }
    /// A device of this type whose telegram has these records.
    #[must_use]
    pub fn of_telegram(device_type: DeviceType, records: Records<'_>) -> Self {
        let told =
            records.filter_map(Result::ok).any(|record| crate::tag::DP2.matches(RecordKey::from(&record)));
        Self { averaging_duration: told, ..Self::of(device_type) }
    }
    /// The medium: the one that was set, or that of the device type.
    #[must_use]
    pub const fn medium(&self) -> Option<Medium> {
        match self.medium {
            Some(medium) => Some(medium),
            None => Medium::of(self.device_type),
        }
    }
    /// The code of a record.
    ///
    /// # Errors
    /// [`NoCode`] says why there is none.
    pub fn lookup(&self, key: RecordKey<'_>) -> Result<Mapping, NoCode> {
        if key.function == Function::Error {
            return Err(NoCode::ErrorState);
        }
        // Without medium the rows of the device itself are still asked.
        let medium = self.medium().unwrap_or(Medium::ABSTRACT);
        let tables = tables(medium, self.device_type);
        let rows = || tables.iter().copied().flatten().filter(|row| self.holds(row));
        let Some((row, tag)) = rows().find_map(|row| answer(row, key)) else {
            return Err(self.reason(key, rows()));
        };
        let code = row
            .code
            .code(key.subunit, key.tariff, key.storage)
            .ok_or(NoCode::DoesNotFit { subunit: key.subunit, tariff: key.tariff })?;
        // Only a point in time has a second code: it is also its date.
        let point = tag.is_some_and(Tag::is_time);
        let also = if point { rows().find(|row| row.tag_of(row.also, key).is_some()) } else { None };
        let also = also.and_then(|row| row.code.code(key.subunit, key.tariff, key.storage));
        let part = if point && row.tags.iter().any(|tag| !tag.is_time()) { Part::Time } else { Part::Value };
        Ok(Mapping { code, part, also, storage: key.storage, tag, row })
    }
    /// Every row that has an answer, in the order they are asked; [`lookup`](Self::lookup) takes the first.
    pub fn answers<'a>(&self, key: RecordKey<'a>) -> impl Iterator<Item = &'static Row> + 'a {
        let context = *self;
        let medium = self.medium().unwrap_or(Medium::ABSTRACT);
        let rows = tables(medium, self.device_type).into_iter().flatten();
        rows.filter(move |row| context.holds(row) && answer(row, key).is_some())
    }
    /// True when the row's condition holds.
    pub(crate) fn holds(&self, row: &Row) -> bool {
        row.averaging.is_none_or(|told| told == self.averaging_duration)
    }
    fn reason(&self, key: RecordKey<'_>, mut rows: impl Iterator<Item = &'static Row>) -> NoCode {
        let Some(medium) = self.medium() else { return NoCode::MediumOpen(self.device_type) };
        let known = rows.any(|row| {
            row.tags.iter().any(|tag| tag.vib_types.iter().any(|line| line.pattern.matches(key.vib)))
                || row.pattern.is_some_and(|pattern| pattern.vibs.iter().any(|vib| vib.matches(key.vib)))
        });
        if known {
            let RecordKey { function, storage, tariff, .. } = key;
            NoCode::Numbers { medium, function, storage, tariff }
        } else if has_rows(medium) {
            NoCode::Quantity(medium)
        } else {
            NoCode::MediumWithoutRows(medium)
        }
    }
}

fn has_rows(medium: Medium) -> bool {
    matches!(medium.0, 1 | 4..=9)
}

/// The row and, in the annex, the tag with which it answers.
fn answer(row: &'static Row, key: RecordKey<'_>) -> Option<(&'static Row, Option<&'static Tag>)> {
    match row.tag_of(row.tags, key) {
        Some(tag) => Some((row, Some(tag))),
        None if row.matches_outside(key) => Some((row, None)),
        None => None,
    }
}

/// The code, `(time)` behind it when the record gives the time of the value.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.code, f)?;
        match self.part {
            Part::Value => Ok(()),
            Part::Time => f.write_str(" (time)"),
        }
    }
}
