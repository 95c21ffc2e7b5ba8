//! Writes COSEM data and notifications, for simulators and tests.
//!
//! Invariants: what is written is what the readers of this module read; lengths are in their shortest
//! form. The caller says how many elements a structure has and puts as many; [`Encoder::finish`] refuses
//! when they do not fit.

use mbus_link::octets::Writer;

use super::axdr::{Data, MAX_DEPTH, put_length};
use super::clock::Clock;
use super::fault::CosemFault;
use super::notification::{LogicalName, TAG};
use super::unit::CosemUnit;
use crate::Error;

/// Writes values one behind the other.
///
/// ```
/// use mbus_app::cosem::{CosemUnit, Data, LogicalName, encode::Encoder};
/// let mut buffer = [0; 32];
/// let mut encoder = Encoder::new(&mut buffer);
/// encoder.structure(3);
/// encoder.name(LogicalName([1, 0, 1, 8, 0, 255]));
/// encoder.data(&Data::UInt32(12937));
/// encoder.scaler_unit(0, CosemUnit::WATT_HOUR);
/// assert_eq!(encoder.finish()?.len(), 21);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder<'b> {
    writer: Writer<'b>,
    /// Elements still to come, for each structure that is open.
    open: [usize; MAX_DEPTH],
    level: usize,
    fault: Option<CosemFault>,
}

impl<'b> Encoder<'b> {
    /// An encoder at the start of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { writer: Writer::new(buffer), open: [0; MAX_DEPTH], level: 0, fault: None }
    }
    /// Begins a data-notification: its invoke id and its time. One value follows.
    pub fn notification(&mut self, invoke_id: u32, time: Option<Clock>) {
        self.writer.put_u8(TAG);
        self.writer.put(&invoke_id.to_be_bytes());
        match time {
            Some(clock) => {
                self.writer.put_u8(12);
                self.writer.put(&clock.0);
            }
            None => self.writer.put_u8(0),
        }
    }
    /// Begins a structure of `count` elements.
    pub fn structure(&mut self, count: usize) {
        self.sequence(0x02, count);
    }
    /// Begins an array of `count` elements.
    pub fn array(&mut self, count: usize) {
        self.sequence(0x01, count);
    }
    fn sequence(&mut self, tag: u8, count: usize) {
        self.count_one();
        self.writer.put_u8(tag);
        put_length(&mut self.writer, count);
        match self.open.get_mut(self.level) {
            Some(place) => {
                *place = count;
                self.level = self.level.saturating_add(1);
                self.close();
            }
            None => self.fault = Some(CosemFault::Nesting { limit: MAX_DEPTH }),
        }
    }
    /// One element of the innermost structure.
    fn count_one(&mut self) {
        let Some(place) = self.level.checked_sub(1).and_then(|level| self.open.get_mut(level)) else {
            return;
        };
        match place.checked_sub(1) {
            Some(less) => *place = less,
            None => self.fault = Some(CosemFault::Unwritable("a structure has more elements than it said")),
        }
    }
    fn close(&mut self) {
        while let Some(level) = self.level.checked_sub(1) {
            if self.open.get(level) != Some(&0) {
                return;
            }
            self.level = level;
        }
    }
    /// Puts a value.
    pub fn data(&mut self, data: &Data<'_>) {
        self.count_one();
        data.put(&mut self.writer);
        self.close();
    }
    /// Puts a logical name as octet-string.
    pub fn name(&mut self, name: LogicalName) {
        self.data(&Data::Octets(&name.0));
    }
    /// Puts a clock as octet-string, the way meters push it.
    pub fn clock(&mut self, clock: Clock) {
        self.data(&Data::Octets(&clock.0));
    }
    /// Puts a scaler_unit structure.
    pub fn scaler_unit(&mut self, scaler: i8, unit: CosemUnit) {
        self.structure(2);
        self.data(&Data::Int8(scaler));
        self.data(&Data::Enum(unit.0));
    }
    /// Puts an entry of a push list: class, logical name, attribute, data index.
    pub fn attribute(&mut self, class: u16, name: LogicalName, attribute: i8, index: u16) {
        self.structure(4);
        self.data(&Data::UInt16(class));
        self.name(name);
        self.data(&Data::Int8(attribute));
        self.data(&Data::UInt16(index));
    }
    /// The octets written.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`](crate::ErrorKind::BufferTooSmall); [`CosemFault::Unwritable`] when
    /// a structure has not as many elements as it said, [`CosemFault::Nesting`].
    pub fn finish(self) -> Result<&'b mut [u8], Error> {
        let at = self.writer.len();
        if let Some(fault) = self.fault {
            return Err(fault.at(at));
        }
        if self.level > 0 {
            return Err(CosemFault::Unwritable("a structure has fewer elements than it said").at(at));
        }
        Ok(self.writer.finish()?)
    }
}
