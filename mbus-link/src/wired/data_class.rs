//! The two classes of data that a master asks for (IEC 60870-5-2; EN 13757-2, 5.7.3).

use crate::CField;

/// A class of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DataClass {
    /// Class 1: alarms.
    One,
    /// Class 2: readings.
    Two,
}

impl DataClass {
    /// The C-field of the request, FCB 0.
    #[must_use]
    pub const fn request(self) -> CField {
        match self {
            Self::One => CField::REQ_UD1,
            Self::Two => CField::REQ_UD2,
        }
    }
}
