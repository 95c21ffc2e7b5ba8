//! The units of COSEM and SML, one number for each.
//!
//! Invariants: one row is one line of IEC 62056-6-2, table 4; a number without row is data. Some rows
//! have names because programs ask for them.

use core::fmt;

/// A unit as sent.
///
/// ```
/// use mbus_app::cosem::CosemUnit;
/// assert_eq!(CosemUnit::WATT_HOUR.symbol(), Some("Wh"));
/// assert_eq!(CosemUnit(200).symbol(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CosemUnit(pub u8);

macro_rules! units {
    ($($code:literal $symbol:literal,)*) => {
        impl CosemUnit {
            /// The rows of the table: number and symbol.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $symbol)),*];

            /// The symbol; `None` for a number without row and for a count.
            #[must_use]
            pub const fn symbol(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($symbol),)*
                    _ => None,
                }
            }
        }
    };
}

units! {
    1 "a",
    2 "month",
    3 "week",
    4 "d",
    5 "h",
    6 "min",
    7 "s",
    8 "°",
    9 "°C",
    10 "currency",
    11 "m",
    12 "m/s",
    13 "m³",
    14 "m³ corrected",
    15 "m³/h",
    16 "m³/h corrected",
    17 "m³/d",
    18 "m³/d corrected",
    19 "l",
    20 "kg",
    21 "N",
    22 "Nm",
    23 "Pa",
    24 "bar",
    25 "J",
    26 "J/h",
    27 "W",
    28 "VA",
    29 "var",
    30 "Wh",
    31 "VAh",
    32 "varh",
    33 "A",
    34 "C",
    35 "V",
    36 "V/m",
    37 "F",
    38 "Ω",
    39 "Ω m²/m",
    40 "Wb",
    41 "T",
    42 "A/m",
    43 "H",
    44 "Hz",
    45 "1/Wh",
    46 "1/varh",
    47 "1/VAh",
    48 "V²h",
    49 "A²h",
    50 "kg/s",
    51 "S",
    52 "K",
    53 "1/V²h",
    54 "1/A²h",
    55 "1/m³",
    56 "%",
    57 "Ah",
    60 "Wh/m³",
    61 "J/m³",
    62 "mol %",
    63 "g/m³",
    64 "Pa s",
    65 "J/kg",
    66 "g/cm²",
    67 "atm",
    70 "dBm",
    71 "dBµV",
    72 "dB",
}

impl CosemUnit {
    /// m³.
    pub const CUBIC_METRE: Self = Self(13);
    /// W.
    pub const WATT: Self = Self(27);
    /// Wh.
    pub const WATT_HOUR: Self = Self(30);
    /// varh.
    pub const VAR_HOUR: Self = Self(32);
    /// A.
    pub const AMPERE: Self = Self(33);
    /// V.
    pub const VOLT: Self = Self(35);
    /// Another unit, not in the table.
    pub const OTHER: Self = Self(254);
    /// No unit: a count.
    pub const COUNT: Self = Self(255);
}

/// The symbol; nothing for a count, `unit N` for a number without row.
impl fmt::Display for CosemUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol() {
            Some(symbol) => f.pad(symbol),
            None if *self == Self::COUNT => f.pad(""),
            None => write!(f, "unit {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn rows_stand_in_order_and_once() {
        assert_eq!(CosemUnit::TABLE.len(), 68);
        assert!(CosemUnit::TABLE.windows(2).all(|two| two[0].0.0 < two[1].0.0));
        for (unit, symbol) in CosemUnit::TABLE {
            assert_eq!((unit.symbol(), format!("{unit}").as_str()), (Some(*symbol), *symbol));
        }
    }

    #[test]
    fn named_units_are_those_of_the_table() {
        for (unit, symbol) in [
            (CosemUnit::CUBIC_METRE, "m³"),
            (CosemUnit::WATT, "W"),
            (CosemUnit::WATT_HOUR, "Wh"),
            (CosemUnit::VAR_HOUR, "varh"),
            (CosemUnit::AMPERE, "A"),
            (CosemUnit::VOLT, "V"),
            (CosemUnit::COUNT, ""),
            (CosemUnit::OTHER, "unit 254"),
            (CosemUnit(16), "m³/h corrected"),
        ] {
            assert_eq!(format!("{unit}"), symbol);
        }
    }
}
