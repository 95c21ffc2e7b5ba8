//! Writes a series of values with their times as a profile: the records of the base time, the base value, and the rest.
//!
//! ```text
//! date, storage n | value, storage n | profile, storage n: the values of n + 1, n + 2, ...
//! ```
//!
//! EN 13757-3:2018, Annex F. Invariants: the records read back as the series given, times included; a series whose times
//! are not one step apart is an error, never rounded.

use mbus_link::octets::Writer;

use super::{IncrementMode, ProfileBuilder, ProfileKind, Spacing};
use crate::decimal::Decimal;
use crate::moment::Moment;
use crate::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register, Unbuildable};
use crate::record::vib::MAX_VIFE;
use crate::record::{DataField, Qualifier, Records};
use crate::value::Value;
use crate::vif::{Quantity, Row, Unit};
use crate::{Error, ErrorKind};

/// One value of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it was taken.
    pub time: Moment,
    /// The value in the unit of the series; `None` where there is none.
    pub value: Option<Decimal>,
}

/// A series to write.
///
/// ```
/// use mbus_app::date_time::Date;
/// use mbus_app::decimal::Decimal;
/// use mbus_app::moment::Moment;
/// use mbus_app::profile::{IncrementMode, Point, ProfileKind, SeriesBuilder};
/// use mbus_app::readings::Readings;
/// use mbus_app::record::builder::Register;
/// use mbus_app::record::{DataField, Records};
/// use mbus_app::vif::{Quantity, Unit};
/// let day = |month| Date::new(2024, month, 1).map(Moment::Date).ok_or("no such day");
/// let litres = |n| Some(Decimal::new(n, -3));
/// let points = [
///     Point { time: day(1)?, value: litres(345_290) },
///     Point { time: day(2)?, value: litres(347_950) },
///     Point { time: day(3)?, value: litres(351_889) },
/// ];
/// let series = SeriesBuilder {
///     register: Register { storage: 8, ..Register::default() },
///     quantity: Quantity::Volume,
///     unit: Unit::CubicMetre,
///     qualifiers: &[],
///     kind: ProfileKind::Compact,
///     mode: IncrementMode::Increments,
///     base: None,
///     element: DataField::INTEGER_16,
///     points: &points,
/// };
/// let mut buffer = [0; 64];
/// let records = series.encode_into(&mut buffer)?;
/// let march = Date::new(2024, 3, 1).ok_or("no such day")?;
/// let reading = Readings::new(Records::new(records)).of(Quantity::Volume, march).ok_or("no reading")?;
/// assert_eq!((reading.value.to_string().as_str(), reading.storage), ("351.889", 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesBuilder<'a> {
    /// The register of the first point; those of the others follow.
    pub register: Register,
    /// What is measured.
    pub quantity: Quantity,
    /// In which unit.
    pub unit: Unit,
    /// What qualifies the values, without the VIFE that makes a profile.
    pub qualifiers: &'a [Qualifier<'a>],
    /// Forward: the oldest point comes first. Inverse: the youngest.
    pub kind: ProfileKind,
    /// What an element says.
    pub mode: IncrementMode,
    /// How the base value is coded; `None` for the shortest.
    pub base: Option<DataField>,
    /// How the elements are coded: an integer or BCD field.
    pub element: DataField,
    /// In the order in which they are sent, the base first; at least two, all one step apart.
    pub points: &'a [Point],
}

impl SeriesBuilder<'_> {
    /// Octets of the three records.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        let mut writer = Writer::new(&mut []);
        self.write(&mut writer)?;
        Ok(writer.len())
    }
    /// Writes the three records to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason: [`Unbuildable::UnevenSteps`] for times that are not one step apart;
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)?;
        Ok(writer.finish()?)
    }
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        let refuse = |reason: Unbuildable| ErrorKind::CannotBuild(reason).at(0);
        let [base, others @ ..] = self.points else { return Err(refuse(Unbuildable::UnevenSteps)) };
        let spacing = self.spacing().map_err(refuse)?;
        let exponent = self.points.iter().filter_map(|point| point.value).map(|value| value.exponent).min();
        let value = base.value.zip(exponent).and_then(|(value, exponent)| value.with_exponent(exponent));
        let value = value.ok_or(refuse(Unbuildable::ValueDoesNotFit))?;

        put(&self.base_time(base.time), writer)?;
        let vib = NewVib::Of(self.quantity, self.unit, self.qualifiers);
        let row = put(&self.record(vib, self.base, Content::Value(Value::Number(value))), writer)?;

        let profile = ProfileBuilder {
            kind: self.kind,
            mode: self.mode,
            spacing,
            element: self.element,
            exponent: factor(row, self.qualifiers),
            base: Some(value),
            values: &[],
        };
        let mut data = [0; 0xBF];
        let mut elements = Writer::new(&mut data);
        profile.write(others.iter().map(|point| point.value), &mut elements).map_err(refuse)?;
        let elements = elements.finish()?;
        let mut qualifiers = [self.kind.qualifier(); MAX_VIFE];
        let own = qualifiers.get_mut(..self.qualifiers.len()).ok_or(refuse(Unbuildable::BadQualifiers))?;
        own.iter_mut().zip(self.qualifiers).for_each(|(place, qualifier)| *place = *qualifier);
        let len = self.qualifiers.len().saturating_add(1);
        let qualifiers = qualifiers.get(..len).ok_or(refuse(Unbuildable::BadQualifiers))?;
        let content = Content::Value(Value::Octets(elements));
        put(&self.record(NewVib::Row(row, qualifiers), None, content), writer)?;
        Ok(())
    }
    /// The step from point to point, in the direction of the kind.
    fn spacing(&self) -> Result<Spacing, Unbuildable> {
        let spacing = Spacing::between(self.points.iter().map(|point| point.time));
        let spacing = spacing.ok_or(Unbuildable::UnevenSteps)?;
        let step = if self.kind == ProfileKind::Inverse { -1 } else { 1 };
        match self.points {
            [base, next, ..] if spacing.at(base.time, step).is_some_and(|time| time.is_same(next.time)) => {
                Ok(spacing)
            }
            _ => Err(Unbuildable::UnevenSteps),
        }
    }
    /// The date of the register, of whatever tariff.
    fn base_time(&self, time: Moment) -> RecordBuilder<'static> {
        let (quantity, value) = match time {
            Moment::Date(date) => (Quantity::Date, Value::Date(date)),
            Moment::DateTime(moment) => (Quantity::DateAndTime, Value::DateTime(moment)),
        };
        let register = Register { storage: self.register.storage, ..Register::default() };
        RecordBuilder {
            dib: NewDib::Register(self.marked(register), None),
            vib: NewVib::Of(quantity, Unit::None, &[]),
            content: Content::Value(value),
            ..RecordBuilder::default()
        }
    }
    fn record<'r>(
        &self,
        vib: NewVib<'r>,
        field: Option<DataField>,
        content: Content<'r>,
    ) -> RecordBuilder<'r> {
        let dib = NewDib::Register(self.marked(self.register), field);
        RecordBuilder { dib, vib, content, ..RecordBuilder::default() }
    }
    /// Storage numbers of a profile with registers are register numbers.
    fn marked(&self, register: Register) -> Register {
        let is_register = register.is_register || self.kind == ProfileKind::WithRegisters;
        Register { is_register, ..register }
    }
}

/// Writes a record, and says which line of the tables was chosen.
fn put(record: &RecordBuilder<'_>, writer: &mut Writer<'_>) -> Result<&'static Row, Error> {
    // DIB and VIB of 11 octets each at most, LVAR, and its longest data.
    let mut octets = [0; 0xBF + 23];
    let octets = record.encode_into(&mut octets)?;
    writer.put(octets);
    let written = Records::new(octets).next().and_then(Result::ok);
    written.map(|record| record.vib().row()).ok_or(ErrorKind::CannotBuild(Unbuildable::NoVif).at(0))
}

/// The power of ten of an element: that of the row and of the factors among the qualifiers.
fn factor(row: &Row, qualifiers: &[Qualifier<'_>]) -> i16 {
    use crate::vif::orthogonal::Effect;
    qualifiers.iter().fold(i16::from(row.exponent), |exponent, qualifier| match qualifier.effect() {
        Effect::Multiply(power) => exponent.saturating_add(power.into()),
        _ => exponent,
    })
}
