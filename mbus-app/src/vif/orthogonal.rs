//! Orthogonal VIFEs: what qualifies a value (EN 13757-3:2018, tables 15 to 18).
//!
//! Invariants: one row per code, name and effect side by side. `0x00` to `0x0F` mean an object action on
//! the way to a device and a record error on the way from it ([`ACTIONS`]). Codes of [`COMBINABLE`] stand
//! behind VIFE FCh and affect only one place; those above its last row are reserved. To add a code, add or
//! edit its row.

use super::Unit;
use Factor as F;

/// What a qualifier does to the value beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Effect {
    /// Nothing to the number.
    Nothing,
    /// Multiplies by ten to this power.
    Multiply(i8),
    /// Adds ten to this power, in the unit of the VIF.
    Add(i8),
    /// The unit is divided or multiplied: appended to the unit in UCUM.
    Per(Factor),
    /// The unit is replaced by its non-metric partner.
    NonMetric,
    /// The data are a date or time; exponent and unit of the VIF do not apply.
    Date,
    /// The data are a number of occurrences; exponent and unit of the VIF do not apply.
    Count,
    /// The data are a duration in this unit; exponent and unit of the VIF do not apply.
    Duration(Unit),
    /// The record has no usable value.
    Error,
    /// Integers are unsigned (type C).
    Unsigned,
    /// Integers are bit arrays (type D).
    Bits,
    /// The data are a compact profile.
    Profile,
    /// The data are a compact profile with register numbers.
    ProfileWithRegisters,
    /// The data are an inverse compact profile.
    InverseProfile,
    /// The next VIFE is one of [`COMBINABLE`].
    Extension,
    /// All that follows is the manufacturer's.
    Manufacturer,
}

macro_rules! factors {
    ($($name:ident $ucum:literal,)*) => {
        /// By what a unit is divided or multiplied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Factor {
            $(#[doc = concat!("`", $ucum, "`, behind the unit.")] $name,)*
        }

        impl Factor {
            /// What stands behind the unit, in UCUM.
            #[must_use]
            pub const fn ucum(self) -> &'static str {
                match self {
                    $(Self::$name => $ucum,)*
                }
            }
        }
    };
}

factors! {
    Second "/s",
    Minute "/min",
    Hour "/h",
    Day "/d",
    Week "/wk",
    Month "/mo",
    Year "/a",
    Revolution "/{rev}",
    Pulse "/{pulse}",
    Litre "/L",
    CubicMetre "/m3",
    Kilogram "/kg",
    Kelvin "/K",
    KilowattHour "/(kW.h)",
    Gigajoule "/GJ",
    Kilowatt "/kW",
    KelvinLitre "/(K.L)",
    Volt "/V",
    Ampere "/A",
    TimesSecond ".s",
    TimesSecondPerVolt ".s/V",
    TimesSecondPerAmpere ".s/A",
}

macro_rules! qualifiers {
    ($(#[$meta:meta])* $effects:ident $names:ident [$len:literal]: $($code:literal $name:literal => $effect:expr,)*) => {
        $(#[$meta])*
        pub static $effects: [Effect; $len] = {
            use Effect::*;
            [$($effect),*]
        };
        /// The words for the codes of the table above, in the same order.
        pub static $names: [&str; $len] = [$($name),*];
        const _: () = {
            let codes: [u8; $len] = [$($code),*];
            let mut rest: &[u8] = &codes;
            let mut expected = 0u8;
            while let [code, others @ ..] = rest {
                assert!(*code == expected, "a row is out of place");
                expected = expected.wrapping_add(1);
                rest = others;
            }
        };
    };
}

qualifiers! {
    /// The table of VIFEs; `0x00` to `0x0F` from a device.
    MAIN MAIN_NAMES [128]:
    0x00 "no error" => Nothing,
    0x01 "too many DIFEs" => Error,
    0x02 "storage number not implemented" => Error,
    0x03 "unit (subunit) number not implemented" => Error,
    0x04 "tariff number not implemented" => Error,
    0x05 "function not implemented" => Error,
    0x06 "data class not implemented" => Error,
    0x07 "data size not implemented" => Error,
    0x08 "reserved" => Nothing,
    0x09 "reserved" => Nothing,
    0x0A "reserved" => Nothing,
    0x0B "too many VIFEs" => Error,
    0x0C "illegal VIF group" => Error,
    0x0D "illegal VIF exponent" => Error,
    0x0E "VIF/DIF mismatch" => Error,
    0x0F "unimplemented action" => Error,
    0x10 "reserved" => Nothing,
    0x11 "reserved" => Nothing,
    0x12 "average value" => Nothing,
    0x13 "inverse compact profile" => InverseProfile,
    0x14 "relative deviation" => Nothing,
    0x15 "no data available (undefined value)" => Error,
    0x16 "data overflow" => Error,
    0x17 "data underflow" => Error,
    0x18 "data error" => Error,
    0x19 "reserved (record error)" => Error,
    0x1A "reserved (record error)" => Error,
    0x1B "reserved (record error)" => Error,
    0x1C "premature end of record" => Error,
    0x1D "standard conform data content" => Nothing,
    0x1E "compact profile with register numbers" => ProfileWithRegisters,
    0x1F "compact profile" => Profile,
    0x20 "per second" => Per(F::Second),
    0x21 "per minute" => Per(F::Minute),
    0x22 "per hour" => Per(F::Hour),
    0x23 "per day" => Per(F::Day),
    0x24 "per week" => Per(F::Week),
    0x25 "per month" => Per(F::Month),
    0x26 "per year" => Per(F::Year),
    0x27 "per revolution / measurement" => Per(F::Revolution),
    0x28 "increment per input pulse, input channel 0" => Per(F::Pulse),
    0x29 "increment per input pulse, input channel 1" => Per(F::Pulse),
    0x2A "increment per output pulse, output channel 0" => Per(F::Pulse),
    0x2B "increment per output pulse, output channel 1" => Per(F::Pulse),
    0x2C "per litre" => Per(F::Litre),
    0x2D "per m3" => Per(F::CubicMetre),
    0x2E "per kg" => Per(F::Kilogram),
    0x2F "per K" => Per(F::Kelvin),
    0x30 "per kWh" => Per(F::KilowattHour),
    0x31 "per GJ" => Per(F::Gigajoule),
    0x32 "per kW" => Per(F::Kilowatt),
    0x33 "per (K*l)" => Per(F::KelvinLitre),
    0x34 "per V" => Per(F::Volt),
    0x35 "per A" => Per(F::Ampere),
    0x36 "multiplied by s" => Per(F::TimesSecond),
    0x37 "multiplied by s/V" => Per(F::TimesSecondPerVolt),
    0x38 "multiplied by s/A" => Per(F::TimesSecondPerAmpere),
    0x39 "start date or time" => Date,
    0x3A "uncorrected unit or value at metering conditions" => Nothing,
    0x3B "accumulation of positive contributions" => Nothing,
    0x3C "accumulation of negative contributions, absolute" => Nothing,
    0x3D "non-metric unit system" => NonMetric,
    0x3E "value at base conditions" => Nothing,
    0x3F "OBIS declaration" => Unsigned,
    0x40 "lower limit value" => Nothing,
    0x41 "number of exceeds of the lower limit" => Count,
    0x42 "date or time of begin of first lower limit exceed" => Date,
    0x43 "date or time of end of first lower limit exceed" => Date,
    0x44 "reserved" => Nothing,
    0x45 "reserved" => Nothing,
    0x46 "date or time of begin of last lower limit exceed" => Date,
    0x47 "date or time of end of last lower limit exceed" => Date,
    0x48 "upper limit value" => Nothing,
    0x49 "number of exceeds of the upper limit" => Count,
    0x4A "date or time of begin of first upper limit exceed" => Date,
    0x4B "date or time of end of first upper limit exceed" => Date,
    0x4C "reserved" => Nothing,
    0x4D "reserved" => Nothing,
    0x4E "date or time of begin of last upper limit exceed" => Date,
    0x4F "date or time of end of last upper limit exceed" => Date,
    0x50 "duration of first lower limit exceed" => Duration(Unit::Second),
    0x51 "duration of first lower limit exceed" => Duration(Unit::Minute),
    0x52 "duration of first lower limit exceed" => Duration(Unit::Hour),
    0x53 "duration of first lower limit exceed" => Duration(Unit::Day),
    0x54 "duration of last lower limit exceed" => Duration(Unit::Second),
    0x55 "duration of last lower limit exceed" => Duration(Unit::Minute),
    0x56 "duration of last lower limit exceed" => Duration(Unit::Hour),
    0x57 "duration of last lower limit exceed" => Duration(Unit::Day),
    0x58 "duration of first upper limit exceed" => Duration(Unit::Second),
    0x59 "duration of first upper limit exceed" => Duration(Unit::Minute),
    0x5A "duration of first upper limit exceed" => Duration(Unit::Hour),
    0x5B "duration of first upper limit exceed" => Duration(Unit::Day),
    0x5C "duration of last upper limit exceed" => Duration(Unit::Second),
    0x5D "duration of last upper limit exceed" => Duration(Unit::Minute),
    0x5E "duration of last upper limit exceed" => Duration(Unit::Hour),
    0x5F "duration of last upper limit exceed" => Duration(Unit::Day),
    0x60 "duration of first event" => Duration(Unit::Second),
    0x61 "duration of first event" => Duration(Unit::Minute),
    0x62 "duration of first event" => Duration(Unit::Hour),
    0x63 "duration of first event" => Duration(Unit::Day),
    0x64 "duration of last event" => Duration(Unit::Second),
    0x65 "duration of last event" => Duration(Unit::Minute),
    0x66 "duration of last event" => Duration(Unit::Hour),
    0x67 "duration of last event" => Duration(Unit::Day),
    0x68 "value during lower limit exceed" => Nothing,
    0x69 "leakage values" => Nothing,
    0x6A "date or time of begin of first event" => Date,
    0x6B "date or time of end of first event" => Date,
    0x6C "value during upper limit exceed" => Nothing,
    0x6D "overflow values" => Nothing,
    0x6E "date or time of begin of last event" => Date,
    0x6F "date or time of end of last event" => Date,
    0x70 "multiplicative correction factor for value" => Multiply(-6),
    0x71 "multiplicative correction factor for value" => Multiply(-5),
    0x72 "multiplicative correction factor for value" => Multiply(-4),
    0x73 "multiplicative correction factor for value" => Multiply(-3),
    0x74 "multiplicative correction factor for value" => Multiply(-2),
    0x75 "multiplicative correction factor for value" => Multiply(-1),
    0x76 "multiplicative correction factor for value" => Multiply(0),
    0x77 "multiplicative correction factor for value" => Multiply(1),
    0x78 "additive correction constant" => Add(-3),
    0x79 "additive correction constant" => Add(-2),
    0x7A "additive correction constant" => Add(-1),
    0x7B "additive correction constant" => Add(0),
    0x7C "extension of the table" => Extension,
    0x7D "multiplicative correction factor for value" => Multiply(3),
    0x7E "future value" => Nothing,
    0x7F "manufacturer specific from here on" => Manufacturer,
}

qualifiers! {
    /// The table behind VIFE FCh.
    COMBINABLE COMBINABLE_NAMES [22]:
    0x00 "reserved" => Nothing,
    0x01 "at phase L1" => Nothing,
    0x02 "at phase L2" => Nothing,
    0x03 "at phase L3" => Nothing,
    0x04 "at neutral N" => Nothing,
    0x05 "between phases L1 and L2" => Nothing,
    0x06 "between phases L2 and L3" => Nothing,
    0x07 "between phases L3 and L1" => Nothing,
    0x08 "at quadrant Q1" => Nothing,
    0x09 "at quadrant Q2" => Nothing,
    0x0A "at quadrant Q3" => Nothing,
    0x0B "at quadrant Q4" => Nothing,
    0x0C "delta between import and export" => Nothing,
    0x0D "alternative non-metric units" => Nothing,
    0x0E "secondary sensor measurement" => Nothing,
    0x0F "higher resolution register" => Nothing,
    0x10 "accumulation of the absolute value of positive and negative contributions" => Nothing,
    0x11 "data presented with type C (unsigned)" => Unsigned,
    0x12 "data presented with type D (bit array)" => Bits,
    0x13 "end date or time" => Date,
    0x14 "direction: from communication partner to meter" => Nothing,
    0x15 "direction: from meter to communication partner" => Nothing,
}

macro_rules! actions {
    ($($code:literal $name:literal,)*) => {
        /// The words for VIFE 00h to 0Fh to a device: what is to be done with the object.
        pub static ACTIONS: [&str; 16] = [$($name),*];
        const _: () = assert!(matches!([$($code),*], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    };
}

actions! {
    0x00 "write (replace)",
    0x01 "add value",
    0x02 "subtract value",
    0x03 "OR (set bits)",
    0x04 "AND",
    0x05 "XOR (toggle bits)",
    0x06 "AND NOT (clear bits)",
    0x07 "clear",
    0x08 "add entry",
    0x09 "delete entry",
    0x0A "delayed action",
    0x0B "freeze data",
    0x0C "add to readout list",
    0x0D "delete from readout list",
    0x0E "reserved",
    0x0F "get",
}
