//! Compact profiles: a row of values in one record (EN 13757-3:2018, Annex F).
//!
//! ```text
//! LVAR | spacing control | spacing value | element | element | ...
//!         mode(2) unit(2) element size(4)
//! ```
//!
//! Invariants: element k belongs to storage number base + k + 1. With VIFE 1Fh and 1Eh it is (k + 1) steps
//! younger than the base, with 13h (inverse) older. In a difference mode one invalid element makes all later
//! ones unknown, in absolute mode only itself. Months are calendar months. Without a base there is no value
//! and no time, and none is made up.

mod builder;
mod series;
mod spacing;

use crate::decimal::Decimal;
use crate::moment::Moment;
use crate::record::{DataField, Qualifier, Record, Records};
use crate::value::{Invalid, Value};
use crate::vif::orthogonal::Effect;

pub use builder::ProfileBuilder;
pub use series::{Point, SeriesBuilder};
pub use spacing::Spacing;

/// Which VIFE makes a record a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ProfileKind {
    /// 1Fh: from the oldest value on.
    #[default]
    Compact,
    /// 1Eh: the same, storage numbers are register numbers.
    WithRegisters,
    /// 13h: from the youngest value back.
    Inverse,
}

impl ProfileKind {
    /// The VIFE.
    #[must_use]
    pub const fn vife(self) -> u8 {
        match self {
            Self::Compact => 0x1F,
            Self::WithRegisters => 0x1E,
            Self::Inverse => 0x13,
        }
    }
    /// The qualifier for a builder.
    #[must_use]
    pub const fn qualifier(self) -> Qualifier<'static> {
        Qualifier::Orthogonal(self.vife())
    }
    const fn of(effect: Effect) -> Option<Self> {
        match effect {
            Effect::Profile => Some(Self::Compact),
            Effect::ProfileWithRegisters => Some(Self::WithRegisters),
            Effect::InverseProfile => Some(Self::Inverse),
            _ => None,
        }
    }
}

/// What an element says (bits 7 and 6 of the spacing control octet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum IncrementMode {
    /// 00: the value itself, signed.
    #[default]
    Absolute,
    /// 01: by how much the younger value is greater, unsigned.
    Increments,
    /// 10: by how much the younger value is less, unsigned.
    Decrements,
    /// 11: younger minus older, signed.
    Differences,
}

impl IncrementMode {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Absolute,
            1 => Self::Increments,
            2 => Self::Decrements,
            _ => Self::Differences,
        }
    }
    const fn bits(self) -> u8 {
        match self {
            Self::Absolute => 0,
            Self::Increments => 1,
            Self::Decrements => 2,
            Self::Differences => 3,
        }
    }
    const fn is_unsigned(self) -> bool {
        matches!(self, Self::Increments | Self::Decrements)
    }
}

/// Why a record is no profile that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProfileFault {
    /// No VIFE 13h, 1Eh or 1Fh.
    #[error("the record is no compact profile")]
    NotAProfile,
    /// The data are not of variable length, LVAR 02h to BFh.
    #[error("a compact profile needs LVAR 02 to BF")]
    NotVariable,
    /// Elements without length: no data, selection, variable length, special function.
    #[error("elements cannot have data field {0:X}")]
    ElementSize(u8),
}

/// A compact profile.
///
/// ```
/// use mbus_app::profile::Profile;
/// use mbus_app::record::Records;
/// // EN 13757-3 Annex F: 12300.0 m3 on 1 January 2010, then 0.3, 0.2 and 1.1 m3 in one hour each.
/// let octets = [
///     0x84, 0x04, 0x6D, 0x00, 0x20, 0x41, 0x11, 0x8B, 0x04, 0x15, 0x00, 0x30, 0x12, 0x8D, 0x04, 0x95, 0x1F,
///     0x05, 0x69, 0x01, 0x03, 0x02, 0x11,
/// ];
/// let records = Records::new(&octets);
/// let record = records.clone().flatten().last().ok_or("no record")?;
/// let profile = Profile::of(&record).map_err(|_| "no profile")?;
/// let last = profile.entries_in(records).last().ok_or("no entry")?;
/// assert_eq!(last.value.to_string(), "12301.6");
/// assert_eq!(last.time.map(|time| time.to_string()).as_deref(), Some("2010-01-01T03:00"));
/// assert_eq!(last.storage, 11);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    record: Record<'a>,
    kind: ProfileKind,
    mode: IncrementMode,
    spacing: Spacing,
    field: DataField,
    element_len: usize,
    elements: &'a [u8],
}

impl<'a> Profile<'a> {
    /// The profile that a record holds.
    ///
    /// # Errors
    /// [`ProfileFault`] says why it is none.
    pub fn of(record: &Record<'a>) -> Result<Self, ProfileFault> {
        let kind = record.qualifiers().find_map(|qualifier| ProfileKind::of(qualifier.effect()));
        let kind = kind.ok_or(ProfileFault::NotAProfile)?;
        let (control, value, elements) = match (record.dib().data_field(), record.data()) {
            (DataField::VARIABLE, [0x02..=0xBF, control, value, elements @ ..]) => {
                (*control, *value, elements)
            }
            _ => return Err(ProfileFault::NotVariable),
        };
        let field = DataField::from_dif(control);
        let element_len =
            field.data_len().filter(|len| *len > 0).ok_or(ProfileFault::ElementSize(control & 0x0F))?;
        Ok(Self {
            record: *record,
            kind,
            mode: IncrementMode::from_bits(control >> 6),
            spacing: Spacing::from_codes(control >> 4, value),
            field,
            element_len,
            elements,
        })
    }
    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record<'a> {
        &self.record
    }
    /// Forward, with registers, or inverse.
    #[must_use]
    pub const fn kind(&self) -> ProfileKind {
        self.kind
    }
    /// What an element says.
    #[must_use]
    pub const fn mode(&self) -> IncrementMode {
        self.mode
    }
    /// How far the values lie apart.
    #[must_use]
    pub const fn spacing(&self) -> Spacing {
        self.spacing
    }
    /// How an element is coded.
    #[must_use]
    pub const fn element_field(&self) -> DataField {
        self.field
    }
    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.chunks_exact(self.element_len.max(1)).len()
    }
    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Octets behind the last whole element: none in a proper profile.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.elements.chunks_exact(self.element_len.max(1)).remainder()
    }

    /// The record with the base value: same register, function included, same VIB but for the profile's own VIFE.
    #[must_use]
    pub fn base_value(&self, records: Records<'a>) -> Option<Record<'a>> {
        let mine = || self.record.qualifiers().filter(|q| ProfileKind::of(q.effect()).is_none());
        records.map_while(Result::ok).find(|record| {
            record.storage() == self.record.storage()
                && record.function() == self.record.function()
                && record.tariff() == self.record.tariff()
                && record.subunit() == self.record.subunit()
                && record.vib().row() == self.record.vib().row()
                && record.vib().plain_text() == self.record.vib().plain_text()
                && !record.vib().octets().is_empty()
                && record.qualifiers().eq(mine())
        })
    }
    /// The base time: the date, or date and time, of the same storage number, of whatever tariff.
    #[must_use]
    pub fn base_time(&self, records: Records<'a>) -> Option<Moment> {
        let mut times = records
            .map_while(Result::ok)
            .filter(|record| record.storage() == self.record.storage() && record.is_time_stamp());
        times.find_map(|record| Moment::of(&record.value()))
    }
    /// The values in the order sent, with base value and base time looked for in `records`, the records of
    /// the same telegram.
    #[must_use]
    pub fn entries_in(&self, records: Records<'a>) -> Entries<'a> {
        let base = self.base_value(records.clone()).and_then(|record| exact(&record));
        self.entries(base, self.base_time(records))
    }
    /// The values in the order sent, seen from a base. In absolute mode no base value is needed.
    #[must_use]
    pub fn entries(&self, base: Option<Decimal>, time: Option<Moment>) -> Entries<'a> {
        Entries {
            profile: *self,
            rest: self.elements,
            count: 0,
            last: base.ok_or(Invalid::BaseUnknown),
            time,
        }
    }
    /// The value of the next element, seen from the one before it.
    fn step(&self, last: Result<Decimal, Invalid>, element: &'a [u8]) -> Value<'a> {
        if self.mode == IncrementMode::Absolute {
            return self.record.element(self.field, element);
        }
        let next = last.and_then(|last| {
            let raw = self.record.element_number(self.field, element, self.mode.is_unsigned())?;
            let grows = (self.mode != IncrementMode::Decrements) == (self.kind != ProfileKind::Inverse);
            let raw = if grows { Some(raw) } else { raw.checked_neg() };
            let change = raw.and_then(|raw| self.record.scaled(raw)).ok_or(Invalid::OutOfRange)?;
            last.checked_add(change).ok_or(Invalid::OutOfRange)
        });
        next.map_or_else(Value::Invalid, Value::Number)
    }
}

/// The exact number of a record that is valid.
fn exact(record: &Record<'_>) -> Option<Decimal> {
    match record.value() {
        Value::Number(number) if !record.is_marked_invalid() => Some(number),
        Value::Real(real) => real.to_decimal(),
        _ => None,
    }
}

/// One value of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Its storage number.
    pub storage: u64,
    /// How many steps it is younger than the base; negative for older.
    pub steps: i64,
    /// When it was taken, where the base time is known and the spacing is one in time.
    pub time: Option<Moment>,
    /// The value in the unit of the profile's record.
    pub value: Value<'a>,
}

/// The values of a profile, in the order sent.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    profile: Profile<'a>,
    rest: &'a [u8],
    count: u64,
    last: Result<Decimal, Invalid>,
    time: Option<Moment>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let profile = &self.profile;
        let (element, rest) = self.rest.split_at_checked(profile.element_len)?;
        let value = profile.step(self.last, element);
        // The reason stands at the element itself, the later ones have no base.
        self.last = match value {
            Value::Number(number) => Ok(number),
            _ => Err(Invalid::BaseUnknown),
        };
        self.rest = rest;
        self.count = self.count.saturating_add(1);
        let steps = i64::try_from(self.count).unwrap_or(i64::MAX);
        let steps = if profile.kind == ProfileKind::Inverse { steps.wrapping_neg() } else { steps };
        Some(Entry {
            storage: profile.record.storage().saturating_add(self.count),
            steps,
            time: self.time.and_then(|time| profile.spacing.at(time, steps)),
            value,
        })
    }
}
