//! What a device is to do with an object: VIFE 00h to 0Fh on the way to it (EN 13757-3:2018, table 15).
//!
//! Invariants: any code is representable; the words are the rows of [`ACTIONS`]. The action is the last VIFE of a
//! record (OMS Vol. 2 Annex M). Data without an action are written.

use core::fmt;

use super::{DataField, Direction, Qualifier, Record};
use crate::vif::orthogonal::ACTIONS;

/// An object action, four bits.
///
/// ```
/// use mbus_app::record::{Direction, ObjectAction, RecordOptions, Records};
/// // OMS Vol. 2 Annex M: the volume of storage number 1 joins the readout list.
/// let to_device = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
/// let record = Records::with_options(&[0x40, 0x90, 0x0C], to_device).next().unwrap()?;
/// assert_eq!(record.object_action(), Some(ObjectAction::ADD_TO_READOUT_LIST));
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ObjectAction(pub u8);

impl ObjectAction {
    /// The value replaces that of the object.
    pub const WRITE: Self = Self(0x00);
    /// The value is added to that of the object.
    pub const ADD: Self = Self(0x01);
    /// The value is subtracted from that of the object.
    pub const SUBTRACT: Self = Self(0x02);
    /// Bits that are set are set in the object.
    pub const OR: Self = Self(0x03);
    /// Bits that are not set are cleared in the object.
    pub const AND: Self = Self(0x04);
    /// Bits that are set are turned over in the object.
    pub const XOR: Self = Self(0x05);
    /// Bits that are set are cleared in the object.
    pub const AND_NOT: Self = Self(0x06);
    /// The object is set to zero.
    pub const CLEAR: Self = Self(0x07);
    /// An entry joins a list.
    pub const ADD_ENTRY: Self = Self(0x08);
    /// An entry leaves a list.
    pub const DELETE_ENTRY: Self = Self(0x09);
    /// The action is delayed.
    pub const DELAYED: Self = Self(0x0A);
    /// The value is frozen.
    pub const FREEZE: Self = Self(0x0B);
    /// The object joins the list of what is read out.
    pub const ADD_TO_READOUT_LIST: Self = Self(0x0C);
    /// The object leaves the list of what is read out.
    pub const DELETE_FROM_READOUT_LIST: Self = Self(0x0D);
    /// The value is asked for (OMS Vol. 2 Annex M).
    pub const GET: Self = Self(0x0F);

    /// The words of the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        ACTIONS.get(usize::from(self.0)).copied().unwrap_or("reserved")
    }
}

impl fmt::Display for ObjectAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Record<'_> {
    /// What a device is to do with the object: the action VIFE, or "write" for data without one. `None` in records
    /// from a device, in those without data and action (which select for readout), and where DIF is a special
    /// function.
    #[must_use]
    pub fn object_action(&self) -> Option<ObjectAction> {
        if self.header.parts.direction() == Direction::FromDevice || !self.is_data() {
            return None;
        }
        let actions = self.qualifiers().filter_map(|qualifier| match qualifier {
            Qualifier::Action(code) => Some(ObjectAction(code)),
            _ => None,
        });
        let has_data = !matches!(self.dib().data_field(), DataField::NO_DATA | DataField::SELECTION);
        actions.last().or(if has_data { Some(ObjectAction::WRITE) } else { None })
    }
}
