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

use mbus_link::octets::Writer;
use mbus_link::time::Duration;

use crate::decimal::Decimal;
use crate::moment::Moment;
use crate::record::builder::Unbuildable;
use crate::record::{DataField, Qualifier, Record, Records};
use crate::value::{Invalid, Value};
use crate::vif::orthogonal::Effect;
use crate::{Error, ErrorKind};

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

/// How far the values lie apart (spacing unit and spacing value).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Spacing {
    /// Not in time: column 1 to 4 of an array.
    Column(u8),
    /// 1 to 250 seconds.
    Seconds(u8),
    /// 1 to 250 minutes.
    Minutes(u8),
    /// 1 to 250 hours.
    Hours(u8),
    /// 1 to 250 days.
    Days(u8),
    /// Half a month. Only its name is known; read as the 1st and 16th of a month, never written.
    HalfMonth,
    /// 1, 3 or 6 months.
    Months(u8),
    /// Reserved: unit 0 to 3 and value.
    Reserved(u8, u8),
}

impl Spacing {
    /// The spacing of a unit (two bits) and a value.
    #[must_use]
    pub const fn from_codes(unit: u8, value: u8) -> Self {
        match (unit & 3, value) {
            (unit, 0) => Self::Column(unit.wrapping_add(1)),
            (0, 1..=250) => Self::Seconds(value),
            (1, 1..=250) => Self::Minutes(value),
            (2, 1..=250) => Self::Hours(value),
            (3, 1..=250) => Self::Days(value),
            (3, 253) => Self::HalfMonth,
            (1, 254) => Self::Months(6),
            (2, 254) => Self::Months(3),
            (3, 254) => Self::Months(1),
            (unit, value) => Self::Reserved(unit, value),
        }
    }
    /// Unit and value; `None` for steps that have no code.
    #[must_use]
    pub const fn codes(self) -> Option<(u8, u8)> {
        match self {
            Self::Column(column @ 1..=4) => Some((column.wrapping_sub(1), 0)),
            Self::Seconds(n @ 1..=250) => Some((0, n)),
            Self::Minutes(n @ 1..=250) => Some((1, n)),
            Self::Hours(n @ 1..=250) => Some((2, n)),
            Self::Days(n @ 1..=250) => Some((3, n)),
            Self::HalfMonth => Some((3, 253)),
            Self::Months(6) => Some((1, 254)),
            Self::Months(3) => Some((2, 254)),
            Self::Months(1) => Some((3, 254)),
            Self::Reserved(unit @ 0..=3, value @ 251..) => Some((unit, value)),
            _ => None,
        }
    }
    /// The span of a step, where all steps are of the same length: not for months.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        let (n, unit) = match self {
            Self::Seconds(n) => (n, 1),
            Self::Minutes(n) => (n, 60),
            Self::Hours(n) => (n, 3600),
            Self::Days(n) => (n, 86_400),
            Self::HalfMonth | Self::Months(_) | Self::Column(_) | Self::Reserved(..) => return None,
        };
        Some(Duration::from_secs(unit).saturating_mul(n.into()))
    }
    /// The moment `steps` steps after `base`, or before it. `None` where the spacing is not one in time, or
    /// the base has no time of day for steps below a day.
    #[must_use]
    pub fn at(self, base: Moment, steps: i64) -> Option<Moment> {
        let times = |n: u8, unit: i64| i64::from(n).checked_mul(unit)?.checked_mul(steps);
        match self {
            Self::Seconds(n) => base.plus_seconds(times(n, 1)?),
            Self::Minutes(n) => base.plus_seconds(times(n, 60)?),
            Self::Hours(n) => base.plus_seconds(times(n, 3600)?),
            Self::Days(n) => base.plus_days(times(n, 1)?),
            Self::Months(n) => base.plus_months(times(n, 1)?),
            Self::HalfMonth => half_months(base, steps),
            Self::Column(_) | Self::Reserved(..) => None,
        }
    }
}

/// Between the 1st and the 16th; from any other day nobody knows.
fn half_months(base: Moment, steps: i64) -> Option<Moment> {
    let halves = match base.date().day {
        Some(1) => steps,
        Some(16) => steps.checked_add(1)?,
        _ => return None,
    };
    let first = if base.date().day == Some(16) { base.plus_days(-15)? } else { base };
    first.plus_months(halves.div_euclid(2))?.plus_days(halves.rem_euclid(2).checked_mul(15)?)
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

/// Writes spacing and elements of a profile: the octets behind LVAR, for
/// [`Content::Value`](crate::record::builder::Content::Value) with [`Value::Octets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileBuilder<'a> {
    /// Forward or inverse.
    pub kind: ProfileKind,
    /// What an element says.
    pub mode: IncrementMode,
    /// How far the values lie apart.
    pub spacing: Spacing,
    /// How an element is coded: an integer or BCD field.
    pub element: DataField,
    /// The power of ten of the VIB, corrections included, with which the elements are read.
    pub exponent: i16,
    /// The base value; needed in all modes but the absolute.
    pub base: Option<Decimal>,
    /// The values in the order in which they are sent; `None` is written as invalid, and in a difference
    /// mode all later ones must be `None` too.
    pub values: &'a [Option<Decimal>],
}

impl ProfileBuilder<'_> {
    /// Octets behind LVAR.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.values.len().saturating_mul(self.element.data_len().unwrap_or(0)).saturating_add(2)
    }
    /// Writes the octets behind LVAR to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer).map_err(|reason| ErrorKind::CannotBuild(reason).at(0))?;
        Ok(writer.finish()?)
    }
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        let (unit, value) = match self.spacing {
            Spacing::HalfMonth => return Err(Unbuildable::Unverified("steps of half a month")),
            Spacing::Reserved(..) => return Err(Unbuildable::Unverified("reserved spacing values")),
            spacing => spacing.codes().ok_or(Unbuildable::ValueDoesNotFit)?,
        };
        if !self.element.is_integer() && !self.element.is_bcd() {
            return Err(Unbuildable::WrongKind);
        }
        if self.encoded_len() > 0xBF {
            return Err(Unbuildable::TooLong);
        }
        writer.put_u8(self.mode.bits() << 6 | unit << 4 | self.element.0 & 0x0F);
        writer.put_u8(value);
        let mut last = match self.base {
            Some(base) => Some(self.raw(base)?),
            None => None,
        };
        for value in self.values {
            let raw = match value {
                Some(value) => Some(self.raw(*value)?),
                None => None,
            };
            let element = match (self.mode, raw, last) {
                (_, None, _) => None,
                (IncrementMode::Absolute, Some(raw), _) => Some(raw),
                // Nothing can follow what is not known.
                (_, Some(_), None) => return Err(Unbuildable::ValueDoesNotFit),
                (_, Some(raw), Some(last)) => Some(self.change(raw, last)?),
            };
            last = raw;
            self.put(element, writer)?;
        }
        Ok(())
    }
    fn raw(&self, value: Decimal) -> Result<i128, Unbuildable> {
        value.with_exponent(self.exponent).map(|value| value.mantissa).ok_or(Unbuildable::ValueDoesNotFit)
    }
    /// What an element says about the step from `last`, the value sent before, to `raw`.
    fn change(&self, raw: i128, last: i128) -> Result<i128, Unbuildable> {
        let grows = (self.mode != IncrementMode::Decrements) == (self.kind != ProfileKind::Inverse);
        let change = if grows { raw.checked_sub(last) } else { last.checked_sub(raw) };
        change.ok_or(Unbuildable::ValueDoesNotFit)
    }
    fn put(&self, element: Option<i128>, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        let len = self.element.data_len().unwrap_or(0);
        let mut octets = [0; 8];
        let octets = octets.get_mut(..len).ok_or(Unbuildable::WrongKind)?;
        let is_unsigned = self.mode.is_unsigned();
        match element {
            None if self.element.is_integer() && !is_unsigned => {
                if let Some(top) = octets.last_mut() {
                    *top = 0x80;
                }
            }
            None => octets.fill(0xFF),
            Some(element) if is_unsigned && element < 0 => return Err(Unbuildable::ValueDoesNotFit),
            Some(element) if self.element.is_bcd() => put_bcd(element, octets)?,
            Some(element) => put_binary(element, is_unsigned, octets)?,
        }
        writer.put(octets);
        Ok(())
    }
}

fn put_bcd(number: i128, octets: &mut [u8]) -> Result<(), Unbuildable> {
    let mut rest = number.unsigned_abs();
    for octet in octets.iter_mut() {
        let [pair, ..] = (rest % 100).to_le_bytes();
        *octet = ((pair / 10) << 4) | (pair % 10);
        rest /= 100;
    }
    if rest != 0 {
        return Err(Unbuildable::ValueDoesNotFit);
    }
    match octets.last_mut() {
        Some(top) if number < 0 && *top < 0x10 => *top |= 0xF0,
        _ if number < 0 => return Err(Unbuildable::ValueDoesNotFit),
        _ => {}
    }
    Ok(())
}

/// The largest unsigned and the smallest signed number mean "no value" and are refused.
fn put_binary(number: i128, is_unsigned: bool, octets: &mut [u8]) -> Result<(), Unbuildable> {
    let bits = u32::try_from(octets.len().saturating_mul(8)).map_err(|_| Unbuildable::WrongKind)?;
    let limit = 1i128.checked_shl(bits).ok_or(Unbuildable::WrongKind)?;
    let fits = if is_unsigned {
        number < limit.saturating_sub(1)
    } else {
        number < limit / 2 && number > (limit / 2).saturating_neg()
    };
    if !fits {
        return Err(Unbuildable::ValueDoesNotFit);
    }
    octets.iter_mut().zip(number.to_le_bytes()).for_each(|(place, octet)| *place = octet);
    Ok(())
}
