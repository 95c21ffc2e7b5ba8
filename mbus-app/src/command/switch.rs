//! Valves, breakers and limiters: what they are told, and how they stand (OMS Vol. 2 Annex M, use case of the breaker).
//!
//! ```text
//! 01 FD 1F v     to the device: the command; from it: the commanded state
//! 01 FD 1A v     from the device: the physical state           v: 00 closed or off, 01 open or on, 02 released
//! ```
//!
//! Subunit 1 (`81 40 FD 1F v`) when the switch is a part of a meter. Invariant: any state is representable; bits are
//! one octet.

use core::fmt;

use crate::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register};
use crate::record::{DataField, Function, ObjectAction, Qualifier, Record};
use crate::value::{Bits, Value};
use crate::vif::{Quantity, Unit};

/// The state of a valve, breaker or limiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SwitchState(pub u8);

impl SwitchState {
    /// The valve is closed, the breaker is off: nothing flows.
    pub const CLOSED: Self = Self(0x00);
    /// The valve is open, the breaker is on.
    pub const OPEN: Self = Self(0x01);
    /// Released: the customer may open it by hand.
    pub const RELEASED: Self = Self(0x02);

    /// The table: state and words.
    pub const TABLE: &'static [(Self, &'static str)] =
        &[(Self::CLOSED, "closed or off"), (Self::OPEN, "open or on"), (Self::RELEASED, "released")];
}

impl fmt::Display for SwitchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::TABLE.iter().find(|row| row.0 == *self).map_or("reserved", |row| row.1))
    }
}

/// Which of the two states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SwitchValue {
    /// VIF FD 1Fh: the command, and the state that was commanded.
    #[default]
    Commanded,
    /// VIF FD 1Ah: how the switch stands.
    Physical,
}

/// A record about a valve, breaker or limiter; also its builder.
///
/// ```
/// use mbus_app::command::{Switch, SwitchState};
/// // OMS Vol. 2 Annex N, N.12: open the breaker's circuit.
/// let off = Switch { state: SwitchState::CLOSED, ..Switch::default() };
/// assert_eq!(off.record().encode_into(&mut [0; 4])?, [0x01, 0xFD, 0x1F, 0x00]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Switch {
    /// 0, or 1 for a switch inside a meter.
    pub subunit: u16,
    /// The command or one of the states.
    pub value: SwitchValue,
    /// The state.
    pub state: SwitchState,
}

impl Switch {
    /// The switch that a record is about; `None` for other records, also for those of storage numbers and tariffs, with
    /// qualifiers other than "write" on the way to a device, and with other than one octet.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Option<Self> {
        let value = match record.quantity() {
            Quantity::RemoteControl => SwitchValue::Commanded,
            Quantity::DigitalOutput => SwitchValue::Physical,
            _ => return None,
        };
        let is_plain = record.storage() == 0
            && record.tariff() == 0
            && record.function() == Function::Instantaneous
            && record.qualifiers().all(|qualifier| qualifier == Qualifier::Action(ObjectAction::WRITE.0));
        match record.value() {
            Value::Bits(Bits([state])) if is_plain => {
                Some(Self { subunit: record.subunit(), value, state: SwitchState(*state) })
            }
            _ => None,
        }
    }
    /// The record.
    #[must_use]
    pub fn record(&self) -> RecordBuilder<'static> {
        let register = Register { subunit: self.subunit, ..Register::default() };
        let quantity = match self.value {
            SwitchValue::Commanded => Quantity::RemoteControl,
            SwitchValue::Physical => Quantity::DigitalOutput,
        };
        RecordBuilder {
            dib: NewDib::Register(register, Some(DataField::INTEGER_8)),
            vib: NewVib::Of(quantity, Unit::None, &[]),
            content: Content::Inline([self.state.0].into()),
            ..RecordBuilder::default()
        }
    }
}
