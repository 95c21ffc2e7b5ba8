//! `data-notification`: the push of a smart meter, as readings.
//!
//! ```text
//! 0F | invoke id (4) | date-time (length, octets) | body
//! body  a) 02 n: clock, then OBIS, value, {scaler, unit} one behind the other
//!       b) 02 n: {OBIS, value} or {OBIS, value, {scaler, unit}}
//!       c) 02 n: [{class, OBIS, attribute, index} ..], then the values in the same order
//!       d) 02 n: values alone
//! ```
//!
//! Invariants: nothing is searched for, everything is read in its order; elements are read one at a time,
//! so what stands in front of a fault or of a cut end is still given out. Shapes may be mixed. Values of
//! shape c have neither scaler nor unit, values of shape d no name: nothing is added.

use core::fmt;
use mbus_link::octets::Reader;

use super::axdr::{self, Data, Elements, Sequence};
use super::ciphering::apdu_name;
use super::clock::Clock;
use super::fault::CosemFault;
use super::unit::CosemUnit;
use crate::Error;
use crate::decimal::Decimal;

/// The tag of the APDU.
pub const TAG: u8 = 0x0F;

/// The logical name of a COSEM object: the six octets of its OBIS code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LogicalName(pub [u8; 6]);

/// `A-B:C.D.E*F`.
impl fmt::Display for LogicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, period] = self.0;
        write!(f, "{a}-{b}:{c}.{d}.{e}*{period}")
    }
}

/// Which attribute of which object a push list names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attribute {
    /// The interface class: 1 data, 3 register, 8 clock, 40 push setup.
    pub class: u16,
    /// The number of the attribute; 2 is the value of most classes, 1 the logical name.
    pub attribute: i8,
    /// The data index.
    pub index: u16,
}

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reading<'a> {
    /// What it is; `None` when the push does not say it.
    pub name: Option<LogicalName>,
    /// Which attribute, when a push list says it.
    pub attribute: Option<Attribute>,
    /// The value as sent.
    pub value: Data<'a>,
    /// The power of ten, 0 when none was sent.
    pub scaler: i8,
    /// The unit, when one was sent.
    pub unit: Option<CosemUnit>,
    /// The time of the reading: its own, that of the list, or that of the notification.
    pub time: Option<ReadingTime>,
    /// The status word that SML sends with a value; its meaning is the manufacturer's.
    pub status: Option<u64>,
}

/// When a reading was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReadingTime {
    /// A clock of COSEM.
    Clock(Clock),
    /// Seconds since the meter began to count (SML).
    SecondIndex(u32),
}

/// As [`Clock`] prints, or `second N`.
impl fmt::Display for ReadingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(clock) => fmt::Display::fmt(clock, f),
            Self::SecondIndex(seconds) => write!(f, "second {seconds}"),
        }
    }
}

impl Reading<'_> {
    /// The value times its power of ten, when it is an integer.
    #[must_use]
    pub fn number(&self) -> Option<Decimal> {
        self.value.integer().map(|digits| Decimal::new(digits, self.scaler.into()))
    }
    /// The value as a clock: tagged as one, or of an object that the push or its name (`0-b:1.0.0`) says
    /// to be the clock.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        let tagged = matches!(self.value, Data::DateTime(_));
        let class = matches!(self.attribute, Some(Attribute { class: 8, attribute: 2, .. }));
        let named = matches!(self.name, Some(LogicalName([0, _, 1, 0, 0, 255])));
        self.value.clock().filter(|_| tagged || class || named)
    }
}

/// Name, value and unit.
impl fmt::Display for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            write!(f, "{name} ")?;
        }
        match (self.number(), self.clock()) {
            (Some(number), _) => fmt::Display::fmt(&number, f)?,
            (None, Some(clock)) => fmt::Display::fmt(&clock, f)?,
            (None, None) => fmt::Display::fmt(&self.value, f)?,
        }
        match self.unit {
            Some(unit) if unit != CosemUnit::COUNT => write!(f, " {unit}"),
            _ => Ok(()),
        }
    }
}

/// A push.
///
/// ```
/// use mbus_app::cosem::Notification;
/// let push = [
///     0x0F, 0, 0, 0, 1, 0, 0x02, 1, 0x02, 3, 0x09, 6, 1, 0, 32, 7, 0, 255, 0x12, 0x09, 0x21, //
///     0x02, 2, 0x0F, 0xFF, 0x16, 35,
/// ];
/// let voltage = Notification::parse(&push)?.readings().next().unwrap()?;
/// assert_eq!(std::format!("{voltage}"), "1-0:32.7.0*255 233.7 V");
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Notification<'a> {
    /// The long invoke id: 24 bits count, bit 31 is high priority.
    pub invoke_id: u32,
    /// When it was sent.
    pub time: Option<Clock>,
    body: &'a [u8],
    offset: usize,
}

impl<'a> Notification<'a> {
    /// Reads the header of a push.
    ///
    /// # Errors
    /// [`CosemFault::Apdu`] for another APDU, [`ErrorKind::Truncated`](crate::ErrorKind::Truncated),
    /// [`CosemFault::Clock`].
    pub fn parse(apdu: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(apdu);
        let tag = reader.u8()?;
        if tag != TAG {
            return Err(CosemFault::Apdu { tag, name: apdu_name(tag) }.at(0));
        }
        let invoke_id = u32::from_be_bytes(reader.array()?);
        let at = reader.offset();
        let time = match axdr::length(&mut reader)? {
            0 => None,
            Clock::LEN => Some(Clock(reader.array()?)),
            length => return Err(CosemFault::Clock { length }.at(at)),
        };
        Ok(Self { invoke_id, time, offset: reader.offset(), body: reader.take_rest() })
    }
    /// The octets of the body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
    /// The readings. The first error ends them.
    #[must_use]
    pub fn readings(&self) -> Readings<'a> {
        self.named_readings(&[])
    }
    /// The readings of a push of shape d, whose values have these names in their order: the caller knows
    /// the list by the meter and the number of its values.
    #[must_use]
    pub fn named_readings(&self, names: &'a [LogicalName]) -> Readings<'a> {
        Readings {
            reader: Reader::new(self.body),
            base: self.offset,
            state: State::Body,
            left: 1,
            pending: None,
            plan: None,
            names: names.iter(),
            time: self.time,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The tag of the body comes next.
    Body,
    /// The first element comes next.
    First,
    /// Later elements.
    Elements,
    /// All elements were read, or an error was found.
    Ended,
}

/// Iterates over the readings of a push.
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    reader: Reader<'a>,
    base: usize,
    state: State,
    left: usize,
    /// An element read too far.
    pending: Option<Data<'a>>,
    plan: Option<Elements<'a>>,
    names: core::slice::Iter<'a, LogicalName>,
    time: Option<Clock>,
}

impl<'a> Readings<'a> {
    /// How many elements the body has, before the first was read; a body that is no structure has one.
    fn begin(&mut self) -> Result<(), Error> {
        self.state = State::First;
        if matches!(self.reader.peek(), Some(0x01 | 0x02)) {
            self.reader.u8()?;
            self.left = axdr::length(&mut self.reader)?;
        }
        Ok(())
    }
    fn element(&mut self) -> Result<Option<Data<'a>>, Error> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Data::read(&mut self.reader, 2, self.base).map(Some)
            }
            // Behind a transport header of security mode 5 fillers end the last block.
            None if self.reader.peek_rest().iter().all(|octet| *octet == 0x2F) => Ok(None),
            None => Err(CosemFault::Surplus { octets: self.reader.remaining() }.at(self.reader.offset())),
        }
    }
    fn reading(&mut self) -> Result<Option<Reading<'a>>, Error> {
        if self.state == State::Body {
            self.begin()?;
        }
        loop {
            let Some(element) = self.element()? else { return Ok(None) };
            let first = self.state == State::First;
            self.state = State::Elements;
            if first && self.header(&element) {
                continue;
            }
            if self.plan.is_some() {
                return Ok(Some(self.planned(element)));
            }
            if let Data::Structure(parts) | Data::Array(parts) = element {
                if let Some(reading) = self.structured(parts) {
                    return Ok(Some(reading));
                }
            } else if let Some(name) = name(&element) {
                return self.flat(name, element);
            }
            let name = self.names.next().copied();
            return Ok(Some(self.plain(name, element)));
        }
    }
    /// The first element may be the time of the list, or the list of what is pushed.
    fn header(&mut self, element: &Data<'a>) -> bool {
        if let Data::Array(entries) | Data::Structure(entries) = element {
            let mut plan = entries.iter();
            let first = plan.next().and_then(Result::ok).and_then(|entry| attribute(&entry));
            let Some((_, first)) = first else { return false };
            // The list of the push object is the array itself: its value has already been sent.
            let sent = first.class == 40 && first.attribute == 2;
            self.plan = Some(if sent { plan } else { entries.iter() });
            return true;
        }
        match element.clock() {
            Some(clock) if self.left > 0 => {
                self.time = Some(clock);
                true
            }
            _ => false,
        }
    }
    fn plain(&self, name: Option<LogicalName>, value: Data<'a>) -> Reading<'a> {
        Reading {
            name,
            attribute: None,
            value,
            scaler: 0,
            unit: None,
            time: self.time.map(ReadingTime::Clock),
            status: None,
        }
    }
    /// Shape c.
    fn planned(&mut self, value: Data<'a>) -> Reading<'a> {
        let entry = self.plan.as_mut().and_then(Iterator::next).and_then(Result::ok);
        let entry = entry.and_then(|entry| attribute(&entry));
        let reading = self.plain(entry.map(|(name, _)| name), value);
        let mut reading = Reading { attribute: entry.map(|(_, attribute)| attribute), ..reading };
        // The clock of the list is the time of what follows.
        self.time = reading.clock().or(self.time);
        reading.time = self.time.map(ReadingTime::Clock);
        reading
    }
    /// Shape b.
    fn structured(&self, parts: Sequence<'a>) -> Option<Reading<'a>> {
        let mut elements = parts.iter().filter_map(Result::ok);
        let name = name(&elements.next()?)?;
        let value = elements.next()?;
        let reading = self.plain(Some(name), value);
        let (scaler, unit) = match (parts.len(), elements.next(), elements.next()) {
            (2, None, None) => return Some(reading),
            (3, Some(third), None) => scaler_unit(&third)?,
            (4, Some(Data::Int8(scaler)), Some(Data::Enum(unit))) => (scaler, CosemUnit(unit)),
            _ => return None,
        };
        Some(Reading { scaler, unit: Some(unit), ..reading })
    }
    /// Shape a.
    fn flat(&mut self, name: LogicalName, element: Data<'a>) -> Result<Option<Reading<'a>>, Error> {
        // The last element cannot be a name without value.
        if self.left == 0 {
            return Ok(Some(self.plain(None, element)));
        }
        let Some(value) = self.element()? else { return Ok(Some(self.plain(None, element))) };
        let reading = self.plain(Some(name), value);
        if self.left == 0 {
            return Ok(Some(reading));
        }
        // A fault behind the value is found again by the next call: the value is given out first.
        let (reader, left) = (self.reader, self.left);
        match self.element() {
            Ok(Some(next)) => {
                if let Some((scaler, unit)) = scaler_unit(&next) {
                    return Ok(Some(Reading { scaler, unit: Some(unit), ..reading }));
                }
                self.pending = Some(next);
            }
            Ok(None) => {}
            Err(_) => {
                self.reader = reader;
                self.left = left;
            }
        }
        Ok(Some(reading))
    }
}

impl<'a> Iterator for Readings<'a> {
    type Item = Result<Reading<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let reading = self.reading();
        if !matches!(reading, Ok(Some(_))) {
            self.state = State::Ended;
        }
        reading.map_err(|error| error.shifted(self.base)).transpose()
    }
}

fn name(data: &Data<'_>) -> Option<LogicalName> {
    match data {
        Data::Octets(octets) => <[u8; 6]>::try_from(*octets).ok().map(LogicalName),
        _ => None,
    }
}

fn scaler_unit(data: &Data<'_>) -> Option<(i8, CosemUnit)> {
    let Data::Structure(parts) = data else { return None };
    match parts.exactly::<2>()? {
        [Data::Int8(scaler), Data::Enum(unit)] => Some((scaler, CosemUnit(unit))),
        _ => None,
    }
}

fn attribute(data: &Data<'_>) -> Option<(LogicalName, Attribute)> {
    let Data::Structure(parts) = data else { return None };
    match parts.exactly::<4>()? {
        [Data::UInt16(class), octets, Data::Int8(attribute), Data::UInt16(index)] => {
            Some((name(&octets)?, Attribute { class, attribute, index }))
        }
        _ => None,
    }
}
