//! The M-Bus tags of OMS Vol. 2, Annex B: data points with a name, such as `VM1!D`.
//!
//! Invariants: one row is one line of the standard's table: tariff, function, storage number, whether
//! the DIB ends with a DIFE of 00 (the storage number then is a register number), and the VIB types. Some
//! lines ask the same of a record and differ in what the record is for (`DT1!` and `DT5!`, `DC1!` and
//! the command `XDC1!`); [`Tag::of`] gives them in the order of the table.
//!
//! To add a line, add a row to the table at its place; [`TAGS`] and the constant follow from it.

use crate::RecordKey;
use crate::vib_type::{self, VibType};
use core::fmt;
use mbus_app::record::Function;

pub(crate) const INSTANTANEOUS: Function = Function::Instantaneous;
pub(crate) const MAXIMUM: Function = Function::Maximum;
pub(crate) const MINIMUM: Function = Function::Minimum;
const ERROR: Function = Function::Error;

/// The storage numbers of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StorageNumbers {
    /// From the first to the second, both included.
    Range(u8, u8),
    /// 0 to 99 and 101 to 124: the numbers of group F for past values (EN 62056-6-1, 4.2.7).
    Past,
}

/// Exactly this storage number.
pub(crate) const fn at(number: u8) -> StorageNumbers {
    StorageNumbers::Range(number, number)
}
/// These storage numbers.
pub(crate) const fn from(first: u8, last: u8) -> StorageNumbers {
    StorageNumbers::Range(first, last)
}
const PAST: StorageNumbers = StorageNumbers::Past;

impl StorageNumbers {
    /// True when `storage` is one of them.
    #[must_use]
    pub const fn contains(self, storage: u64) -> bool {
        match self {
            Self::Range(first, last) => storage >= first as u64 && storage <= last as u64,
            Self::Past => storage <= 124 && storage != 100,
        }
    }
    /// The lowest of them.
    #[must_use]
    pub const fn first(self) -> u8 {
        match self {
            Self::Range(first, _) => first,
            Self::Past => 0,
        }
    }
}

/// One line of the table of M-Bus tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tag {
    /// The name, such as `EW1!T`.
    pub name: &'static str,
    /// The lowest and the highest tariff.
    pub tariff: (u8, u8),
    /// The function field.
    pub function: Function,
    /// The storage numbers.
    pub storage: StorageNumbers,
    /// True when the DIB ends with a DIFE of 00.
    pub register: bool,
    /// The VIB types that the data point may have.
    pub vib_types: &'static [&'static VibType],
}

impl Tag {
    /// The line with this name.
    ///
    /// ```
    /// use obis_map::Tag;
    /// assert_eq!(Tag::named("VM1!D").unwrap().storage.first(), 1);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TAGS.iter().find(|tag| tag.name == name)
    }
    /// The lines that this record is an instance of, in the order of the table.
    pub fn of(key: RecordKey<'_>) -> impl Iterator<Item = &'static Self> {
        TAGS.iter().filter(move |tag| tag.matches(key))
    }
    /// True when the record is an instance of this line.
    #[must_use]
    pub fn matches(&self, key: RecordKey<'_>) -> bool {
        self.fits(key) && self.vib_types.iter().any(|line| line.pattern.matches(key.vib))
    }
    /// True when everything but the VIB fits.
    pub(crate) const fn fits(&self, key: RecordKey<'_>) -> bool {
        let (first, last) = self.tariff;
        key.function.dif_bits() == self.function.dif_bits()
            && key.tariff >= first as u32
            && key.tariff <= last as u32
            && key.register == self.register
            && self.storage.contains(key.storage)
    }
    /// True for the points in time of something else: date, date and time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        self.name.starts_with("DT")
    }
}

/// The name.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

macro_rules! tags {
    ($($id:ident $name:literal ($t0:literal, $t1:literal) $function:ident $storage:expr, $register:literal [$($vib:ident)*];)*) => {
        $(
            #[doc = concat!("`", $name, "`.")]
            pub const $id: Tag = Tag {
                name: $name,
                tariff: ($t0, $t1),
                function: $function,
                storage: $storage,
                register: $register,
                vib_types: &[$(&vib_type::$vib),*],
            };
        )*
        /// Every line of the table.
        pub const TAGS: &[Tag] = &[$($id),*];
    };
}

tags! {
    AD4 "AD4!" (0, 0) INSTANTANEOUS at(4), false [AD04 AD14];
    AD5 "AD5!" (0, 0) INSTANTANEOUS at(5), false [AD05 AD15];
    AD6 "AD6!" (0, 0) INSTANTANEOUS at(6), false [AD06 AD16];
    AD7 "AD7!" (0, 0) INSTANTANEOUS at(7), false [AD07 AD17];
    AD8 "AD8!" (0, 0) INSTANTANEOUS at(8), false [AD08 AD18];
    AD9 "AD9!" (0, 0) INSTANTANEOUS at(9), false [AD09 AD19];
    AD10 "AD10!" (0, 0) INSTANTANEOUS at(10), false [AD10 AD20];
    AD11 "AD11!" (0, 0) INSTANTANEOUS at(11), false [AD11 AD21];
    AD12 "AD12!" (0, 0) INSTANTANEOUS at(12), false [AD12 AD22];
    AD13 "AD13!" (0, 0) INSTANTANEOUS at(13), false [AD13 AD23];
    AD14 "AD14!" (0, 0) INSTANTANEOUS at(14), false [DI01 DI02 DI03];
    CA1 "CA1!" (0, 0) INSTANTANEOUS at(0), false [CA01];
    CA2 "CA2!" (0, 0) INSTANTANEOUS at(0), false [CA02];
    CA3 "CA3!" (0, 0) INSTANTANEOUS at(0), false [CA03];
    CA4 "CA4!" (0, 0) INSTANTANEOUS at(0), false [CA04];
    CC1 "CC1!" (0, 0) INSTANTANEOUS at(0), false [CC01 CC03];
    CC2 "CC2!" (0, 0) INSTANTANEOUS at(0), false [CC02 CC04];
    CD1 "CD1!" (0, 0) INSTANTANEOUS at(0), false [CD01];
    CT1 "CT1!" (0, 0) INSTANTANEOUS at(0), false [CT01];
    DC1 "DC1!" (0, 0) INSTANTANEOUS at(0), false [CL01];
    DC2 "DC2!" (0, 0) INSTANTANEOUS at(0), false [CL02];
    DP1 "DP1!" (0, 0) INSTANTANEOUS at(0), false [DP01];
    DP1_B "DP1!B" (0, 0) INSTANTANEOUS at(3), false [DP01];
    DP2 "DP2!" (0, 0) INSTANTANEOUS at(0), false [DP02];
    DP3 "DP3!" (0, 0) INSTANTANEOUS at(0), false [DP03];
    DP5 "DP5!" (0, 0) INSTANTANEOUS at(0), false [DP05];
    DP6 "DP6!" (0, 0) INSTANTANEOUS at(0), false [DP06];
    DT1 "DT1!" (0, 0) INSTANTANEOUS at(0), false [DT01];
    DT1_B "DT1!B" (0, 0) INSTANTANEOUS at(3), false [DT01];
    DT1_R "DT1!R" (0, 0) INSTANTANEOUS PAST, true [DT01];
    DT1_P "DT1!P" (0, 0) INSTANTANEOUS from(8, 199), false [DT01];
    DT1_A "DT1!A" (0, 0) MAXIMUM at(0), false [DT01];
    DT1_AR "DT1!AR" (0, 0) MAXIMUM PAST, true [DT01];
    DT1_AT "DT1!AT" (1, 15) MAXIMUM at(0), false [DT01];
    DT1_ART "DT1!ART" (1, 15) MAXIMUM PAST, true [DT01];
    DT1_XN "DT1!Xn" (0, 0) INSTANTANEOUS from(3, 31), false [DT01];
    DT2_R "DT2!R" (0, 0) INSTANTANEOUS PAST, true [DT02];
    DT2 "DT2!" (0, 0) INSTANTANEOUS at(0), false [DT02];
    DT2_D "DT2!D" (0, 0) INSTANTANEOUS at(1), false [DT02];
    DT2_N "DT2!N" (0, 0) INSTANTANEOUS at(1), false [DT05];
    DT2_A "DT2!A" (0, 0) MAXIMUM at(0), false [DT02];
    DT2_AR "DT2!AR" (0, 0) MAXIMUM PAST, true [DT02];
    DT2_AT "DT2!AT" (1, 15) MAXIMUM at(0), false [DT02];
    DT2_ART "DT2!ART" (1, 15) MAXIMUM PAST, true [DT02];
    DT2_XN "DT2!Xn" (0, 0) INSTANTANEOUS from(3, 31), false [DT02];
    DT3_A "DT3!A" (0, 0) MAXIMUM at(0), false [DT03];
    DT3_AR "DT3!AR" (0, 0) MAXIMUM PAST, true [DT03];
    DT3_AT "DT3!AT" (1, 15) MAXIMUM at(0), false [DT03];
    DT3_ART "DT3!ART" (1, 15) MAXIMUM PAST, true [DT03];
    DT4_A "DT4!A" (0, 0) MAXIMUM at(0), false [DT04];
    DT4_AR "DT4!AR" (0, 0) MAXIMUM PAST, true [DT04];
    DT4_AT "DT4!AT" (1, 15) MAXIMUM at(0), false [DT04];
    DT4_ART "DT4!ART" (1, 15) MAXIMUM PAST, true [DT04];
    DT5 "DT5!" (0, 0) INSTANTANEOUS at(0), false [DT01];
    DT5_B "DT5!B" (0, 0) INSTANTANEOUS at(3), false [DT01];
    EC1 "EC1!" (0, 0) INSTANTANEOUS at(0), false [EC01];
    EC1_D "EC1!D" (0, 0) INSTANTANEOUS at(1), false [EC01];
    EC1_P "EC1!P" (0, 0) INSTANTANEOUS from(8, 199), false [EC01];
    EC2 "EC2!" (0, 0) INSTANTANEOUS at(0), false [EC02];
    EC2_D "EC2!D" (0, 0) INSTANTANEOUS at(1), false [EC02];
    EC2_P "EC2!P" (0, 0) INSTANTANEOUS from(8, 199), false [EC02];
    EJ1 "EJ1!" (0, 0) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    EJ1_B "EJ1!B" (0, 0) INSTANTANEOUS at(3), false [EJ01 EJ02 EJ03];
    EJ1_T "EJ1!T" (1, 1) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    EJ1_P "EJ1!P" (0, 0) INSTANTANEOUS from(8, 199), false [EJ01 EJ02 EJ03];
    EJ1_D "EJ1!D" (0, 0) INSTANTANEOUS at(1), false [EJ01 EJ02 EJ03];
    EJ1_DT "EJ1!DT" (1, 1) INSTANTANEOUS at(1), false [EJ01 EJ02 EJ03];
    EJ2 "EJ2!" (0, 0) INSTANTANEOUS at(0), false [EJ04 EJ05 EJ06];
    EJ2_B "EJ2!B" (0, 0) INSTANTANEOUS at(3), false [EJ04 EJ05 EJ06];
    EJ2_D "EJ2!D" (0, 0) INSTANTANEOUS at(1), false [EJ04 EJ05 EJ06];
    EJ2_P "EJ2!P" (0, 0) INSTANTANEOUS from(8, 199), false [EJ04 EJ05 EJ06];
    ER1 "ER1!" (0, 0) INSTANTANEOUS at(0), false [ER01];
    EW1 "EW1!" (0, 0) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    EW1_B "EW1!B" (0, 0) INSTANTANEOUS at(3), false [EW01 EW02 EW03];
    EW1_D "EW1!D" (0, 0) INSTANTANEOUS at(1), false [EW01 EW02 EW03];
    EW1_T "EW1!T" (1, 15) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    EW1_DT "EW1!DT" (1, 1) INSTANTANEOUS at(1), false [EW01 EW02 EW03];
    EW1_P "EW1!P" (0, 0) INSTANTANEOUS from(8, 199), false [EW01 EW02 EW03];
    EW1_R "EW1!R" (0, 0) INSTANTANEOUS PAST, true [EW01 EW02 EW03];
    EW1_RT "EW1!RT" (1, 15) INSTANTANEOUS PAST, true [EW01 EW02 EW03];
    EW2 "EW2!" (0, 0) INSTANTANEOUS at(0), false [EW04 EW05 EW06];
    EW2_B "EW2!B" (0, 0) INSTANTANEOUS at(3), false [EW04 EW05 EW06];
    EW2_D "EW2!D" (0, 0) INSTANTANEOUS at(1), false [EW04 EW05 EW06];
    EW2_T "EW2!T" (1, 15) INSTANTANEOUS at(0), false [EW04 EW05 EW06];
    EW2_P "EW2!P" (0, 0) INSTANTANEOUS from(8, 199), false [EW04 EW05 EW06];
    EW2_R "EW2!R" (0, 0) INSTANTANEOUS PAST, true [EW04 EW05 EW06];
    EW2_RT "EW2!RT" (1, 15) INSTANTANEOUS PAST, true [EW04 EW05 EW06];
    EW3 "EW3!" (0, 0) INSTANTANEOUS at(0), false [EW07 EW08 EW09];
    EW3_B "EW3!B" (0, 0) INSTANTANEOUS at(3), false [EW07 EW08 EW09];
    EW3_T "EW3!T" (1, 15) INSTANTANEOUS at(0), false [EW07 EW08 EW09];
    EW3_P "EW3!P" (0, 0) INSTANTANEOUS from(8, 199), false [EW07 EW08 EW09];
    EW3_R "EW3!R" (0, 0) INSTANTANEOUS PAST, true [EW07 EW08 EW09];
    EW3_RT "EW3!RT" (1, 15) INSTANTANEOUS PAST, true [EW07 EW08 EW09];
    FR1 "FR1!" (0, 0) INSTANTANEOUS at(0), false [FR01];
    HC1 "HC1!" (0, 0) INSTANTANEOUS at(0), false [HC01 HC02];
    HC1_D "HC1!D" (0, 0) INSTANTANEOUS at(1), false [HC01];
    HC1_P "HC1!P" (0, 0) INSTANTANEOUS from(8, 199), false [HC01 HC02];
    ID1 "ID1!" (0, 0) INSTANTANEOUS at(0), false [ID01];
    ID2 "ID2!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    ID3 "ID3!" (0, 0) INSTANTANEOUS at(0), false [ID03];
    ID4 "ID4!" (0, 0) INSTANTANEOUS at(0), false [ID04];
    ID5 "ID5!" (0, 0) INSTANTANEOUS at(0), false [ID05];
    ID6 "ID6!" (0, 0) INSTANTANEOUS at(0), false [ID06];
    ID7 "ID7!" (0, 0) INSTANTANEOUS at(0), false [ID01];
    ID8 "ID8!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    ID10 "ID10!" (0, 0) INSTANTANEOUS at(0), false [ID09];
    ID11 "ID11!" (0, 0) INSTANTANEOUS at(0), false [ID10];
    IR1 "IR1!" (0, 0) INSTANTANEOUS at(0), false [IR01 IR02];
    LT1 "LT1!" (0, 0) INSTANTANEOUS at(0), false [LT01 LT03];
    LT2 "LT2!" (0, 0) INSTANTANEOUS at(0), false [LT02 LT04];
    MM1 "MM1!" (0, 0) INSTANTANEOUS at(0), false [MM01];
    MM1_I "MM1!I" (0, 0) MINIMUM at(0), false [MM01];
    MM1_E "MM1!E" (0, 0) ERROR at(0), false [MM01];
    MM2 "MM2!" (0, 0) INSTANTANEOUS at(0), false [MM02];
    MM3 "MM3!" (0, 0) INSTANTANEOUS at(0), false [MM03];
    MM4 "MM4!" (0, 0) INSTANTANEOUS at(0), false [MM04];
    MM6 "MM6!" (0, 0) INSTANTANEOUS at(0), false [MM17];
    MM7 "MM7!" (0, 0) INSTANTANEOUS at(0), false [MM06];
    MM8 "MM8!" (0, 0) INSTANTANEOUS at(0), false [MM09 MM10];
    MM12 "MM12!" (0, 0) INSTANTANEOUS at(0), false [MM12 MM18];
    MM13 "MM13!" (0, 0) INSTANTANEOUS at(0), false [MM13 MM19];
    MM14 "MM14!" (0, 0) INSTANTANEOUS at(0), false [MM14 MM20];
    MM15 "MM15!" (0, 0) INSTANTANEOUS at(0), false [MM15 MM21];
    MM16 "MM16!" (0, 0) INSTANTANEOUS at(0), false [MM16 MM22];
    MM17 "MM17!" (0, 0) INSTANTANEOUS at(0), false [MM23];
    MO1 "MO1!" (0, 0) INSTANTANEOUS at(0), false [RH02 RH03];
    ND1 "ND1!" (0, 0) INSTANTANEOUS at(0), false [ND01 ND02];
    PD1 "PD1!" (0, 0) INSTANTANEOUS at(0), false [PD01];
    PD2 "PD2!" (0, 0) INSTANTANEOUS at(0), false [PD02];
    PD3 "PD3!" (0, 0) INSTANTANEOUS at(0), false [PD03];
    PD4 "PD4!" (0, 0) INSTANTANEOUS at(0), false [PD04];
    PD5 "PD5!" (0, 0) INSTANTANEOUS at(0), false [PD05];
    PD6 "PD6!" (0, 0) INSTANTANEOUS at(0), false [PD06];
    PH1 "PH1!" (0, 0) INSTANTANEOUS at(0), false [PH01 PH02];
    PJ1 "PJ1!" (0, 0) INSTANTANEOUS at(0), false [PJ01];
    PJ1_T "PJ1!T" (1, 1) INSTANTANEOUS at(0), false [PJ01];
    PR1 "PR1!" (0, 0) INSTANTANEOUS at(0), false [PR01 PR02];
    PR2 "PR2!" (0, 0) INSTANTANEOUS at(0), false [PR03 PR04];
    PR3 "PR3!" (0, 0) INSTANTANEOUS at(0), false [PR05 PR06];
    PR4 "PR4!" (0, 0) INSTANTANEOUS at(0), false [PR07 PR08];
    PT1 "PT1!" (0, 0) INSTANTANEOUS at(0), false [PT01 PT09];
    PT2 "PT2!" (0, 0) INSTANTANEOUS at(0), false [PT02 PT10];
    PT3 "PT3!" (0, 0) INSTANTANEOUS at(0), false [PT03 PT11];
    PT4 "PT4!" (0, 0) INSTANTANEOUS at(0), false [PT04 PT12];
    PT5 "PT5!" (0, 0) INSTANTANEOUS at(0), false [PT05 PT13];
    PT6 "PT6!" (0, 0) INSTANTANEOUS at(0), false [PT06 PT14];
    PT7 "PT7!" (0, 0) INSTANTANEOUS at(0), false [PT07 PT15];
    PT8 "PT8!" (0, 0) INSTANTANEOUS at(0), false [PT08 PT16];
    PW1 "PW1!" (0, 0) INSTANTANEOUS at(0), false [PW01];
    PW1_T "PW1!T" (1, 1) INSTANTANEOUS at(0), false [PW01];
    PW1_A "PW1!A" (0, 0) MAXIMUM at(0), false [PW01];
    PW1_AT "PW1!AT" (1, 15) MAXIMUM at(0), false [PW01];
    PW1_AR "PW1!AR" (0, 0) MAXIMUM PAST, true [PW01];
    PW1_ART "PW1!ART" (1, 15) MAXIMUM PAST, true [PW01];
    PW3 "PW3!" (0, 0) INSTANTANEOUS at(0), false [PW03];
    PW3_A "PW3!A" (0, 0) MAXIMUM at(0), false [PW03];
    PW3_AT "PW3!AT" (1, 15) MAXIMUM at(0), false [PW03];
    PW3_AR "PW3!AR" (0, 0) MAXIMUM PAST, true [PW03];
    PW3_ART "PW3!ART" (1, 15) MAXIMUM PAST, true [PW03];
    PW4_AC "PW4!AC" (0, 0) MAXIMUM at(0), false [PW04];
    PW4_ACT "PW4!ACT" (1, 15) MAXIMUM at(0), false [PW04];
    PW6_AC "PW6!AC" (0, 0) MAXIMUM at(0), false [PW06];
    PW6_ACT "PW6!ACT" (1, 15) MAXIMUM at(0), false [PW06];
    PW7 "PW7!" (0, 0) INSTANTANEOUS at(0), false [PW07 PW08];
    PW8 "PW8!" (0, 0) INSTANTANEOUS at(0), false [PW09 PW10];
    RE1 "RE1!" (0, 0) INSTANTANEOUS at(0), false [RE01 RE02];
    RE1_T "RE1!T" (1, 15) INSTANTANEOUS at(0), false [RE01 RE02];
    RE1_R "RE1!R" (0, 0) INSTANTANEOUS PAST, true [RE01 RE02];
    RE1_RT "RE1!RT" (1, 15) INSTANTANEOUS PAST, true [RE01 RE02];
    RE2 "RE2!" (0, 0) INSTANTANEOUS at(0), false [RE03 RE04];
    RE2_T "RE2!T" (1, 15) INSTANTANEOUS at(0), false [RE03 RE04];
    RE2_R "RE2!R" (0, 0) INSTANTANEOUS PAST, true [RE03 RE04];
    RE2_RT "RE2!RT" (1, 15) INSTANTANEOUS PAST, true [RE03 RE04];
    RF1 "RF1!" (0, 0) INSTANTANEOUS at(0), false [DI01 DI03 DI04];
    RH1 "RH1!" (0, 0) INSTANTANEOUS at(0), false [RH01];
    RP1 "RP1!" (0, 0) INSTANTANEOUS at(0), false [RP01];
    RP2 "RP2!" (0, 0) INSTANTANEOUS at(0), false [RP02];
    TB1 "TB1!" (0, 0) INSTANTANEOUS at(0), false [TB01 TB02];
    TC1 "TC1!" (0, 0) INSTANTANEOUS at(0), false [TC01];
    TC2 "TC2!" (0, 0) INSTANTANEOUS at(0), false [TC02];
    TC3 "TC3!" (0, 0) INSTANTANEOUS at(0), false [TC03];
    TC4 "TC4!" (0, 0) INSTANTANEOUS at(0), false [TC04];
    TC5 "TC5!" (0, 0) MINIMUM at(0), false [TC05];
    TC6 "TC6!" (0, 0) MAXIMUM at(0), false [TC05];
    TS1 "TS1!" (0, 0) INSTANTANEOUS at(0), false [TS01];
    VC1 "VC1!" (0, 0) INSTANTANEOUS at(0), false [VC01 VC03];
    VC2 "VC2!" (0, 0) INSTANTANEOUS at(0), false [VC02 VC04];
    VF1 "VF1!" (0, 0) INSTANTANEOUS at(0), false [VF01];
    VF1_T "VF1!T" (1, 1) INSTANTANEOUS at(0), false [VF01];
    VF2 "VF2!" (0, 0) INSTANTANEOUS at(0), false [VF02];
    VF3 "VF3!" (0, 0) INSTANTANEOUS at(0), false [VF03];
    VM1 "VM1!" (0, 0) INSTANTANEOUS at(0), false [VM01 VM02];
    VM1_B "VM1!B" (0, 0) INSTANTANEOUS at(3), false [VM01 VM02];
    VM1_D "VM1!D" (0, 0) INSTANTANEOUS at(1), false [VM01 VM02];
    VM1_T "VM1!T" (1, 15) INSTANTANEOUS at(0), false [VM01 VM02];
    VM1_DT "VM1!DT" (1, 1) INSTANTANEOUS at(1), false [VM01 VM02];
    VM1_P "VM1!P" (0, 0) INSTANTANEOUS from(8, 199), false [VM01 VM02];
    VM1_R "VM1!R" (0, 0) INSTANTANEOUS PAST, true [VM01 VM02];
    VM1_RT "VM1!RT" (1, 15) INSTANTANEOUS PAST, true [VM01 VM02];
    VM2 "VM2!" (0, 0) INSTANTANEOUS at(0), false [VM03 VM04];
    VM2_B "VM2!B" (0, 0) INSTANTANEOUS at(3), false [VM03 VM04];
    VM2_T "VM2!T" (1, 15) INSTANTANEOUS at(0), false [VM03 VM04];
    VM2_P "VM2!P" (0, 0) INSTANTANEOUS from(8, 199), false [VM03 VM04];
    VM2_R "VM2!R" (0, 0) INSTANTANEOUS PAST, true [VM03 VM04];
    VM2_RT "VM2!RT" (1, 15) INSTANTANEOUS PAST, true [VM03 VM04];
    VM3 "VM3!" (0, 0) INSTANTANEOUS at(0), false [VM05 VM06];
    VM3_B "VM3!B" (0, 0) INSTANTANEOUS at(3), false [VM05 VM06];
    VM3_T "VM3!T" (1, 15) INSTANTANEOUS at(0), false [VM05 VM06];
    VM3_P "VM3!P" (0, 0) INSTANTANEOUS from(8, 199), false [VM05 VM06];
    VM3_R "VM3!R" (0, 0) INSTANTANEOUS PAST, true [VM05 VM06];
    VM3_RT "VM3!RT" (1, 15) INSTANTANEOUS PAST, true [VM05 VM06];
    VM4 "VM4!" (0, 0) INSTANTANEOUS at(0), false [VM07 VM08];
    VM5 "VM5!" (0, 0) INSTANTANEOUS at(0), false [VM09 VM10];
    VV1 "VV1!" (0, 0) INSTANTANEOUS at(0), false [VV01];
    VV2 "VV2!" (0, 0) INSTANTANEOUS at(0), false [VV02];
    VV3 "VV3!" (0, 0) INSTANTANEOUS at(0), false [VV03];
    WS1 "WS1!" (0, 0) INSTANTANEOUS at(0), false [WS01 WS02];
    YD1 "YD1!" (0, 0) INSTANTANEOUS at(0), false [YD01];
    YD1_T "YD1!T" (1, 15) INSTANTANEOUS at(0), false [YD01];
    YD2_P "YD2!P" (0, 0) INSTANTANEOUS from(1, 199), false [YD02 YD03 YD04];
    YD3_P "YD3!P" (0, 0) INSTANTANEOUS from(1, 199), false [YD05 YD06 YD07];
    XCT1 "XCT1!" (0, 0) INSTANTANEOUS at(0), false [CT01];
    XDC1 "XDC1!" (0, 0) INSTANTANEOUS at(0), false [CL01];
    GET_DT2_D "getDT2!D" (0, 0) INSTANTANEOUS at(1), false [DT02];
    GET_DT2_N "getDT2!N" (0, 0) INSTANTANEOUS at(1), false [DT05];
    SET_DT2_N "setDT2!N" (0, 0) INSTANTANEOUS at(1), false [DT05];
    ADD_EJ1 "addEJ1!" (0, 0) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    GET_EJ1 "getEJ1!" (0, 0) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    SET_EJ1 "setEJ1!" (0, 0) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    SUB_EJ1 "subEJ1!" (0, 0) INSTANTANEOUS at(0), false [EJ01 EJ02 EJ03];
    ADD_EW1 "addEW1!" (0, 0) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    GET_EW1 "getEW1!" (0, 0) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    SET_EW1 "setEW1!" (0, 0) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    SUB_EW1 "subEW1!" (0, 0) INSTANTANEOUS at(0), false [EW01 EW02 EW03];
    SET_ID2 "setID2!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    XID2 "XID2!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    XID3 "XID3!" (0, 0) INSTANTANEOUS at(0), false [ID03];
    GET_ID4 "getID4!" (0, 0) INSTANTANEOUS at(0), false [ID04];
    SET_ID4 "setID4!" (0, 0) INSTANTANEOUS at(0), false [ID04];
    SET_ID10 "setID10!" (0, 0) INSTANTANEOUS at(0), false [ID09];
    XID10 "XID10!" (0, 0) INSTANTANEOUS at(0), false [ID09];
    SET_ID11 "setID11!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    XID11 "XID11!" (0, 0) INSTANTANEOUS at(0), false [ID02];
    NOT_MM2 "notMM2!" (0, 0) INSTANTANEOUS at(0), false [MM02];
    NOT_MM3 "notMM3!" (0, 0) INSTANTANEOUS at(0), false [MM03];
    CLR_MM3 "clrMM3!" (0, 0) INSTANTANEOUS at(0), false [MM03];
    GET_MM6 "getMM6!" (0, 0) INSTANTANEOUS at(0), false [MM17];
    SET_MM6 "setMM6!" (0, 0) INSTANTANEOUS at(0), false [MM17];
    ADD_VM1 "addVM1!" (0, 0) INSTANTANEOUS at(0), false [VM01 VM02];
    GET_VM1 "getVM1!" (0, 0) INSTANTANEOUS at(0), false [VM01 VM02];
    SET_VM1 "setVM1!" (0, 0) INSTANTANEOUS at(0), false [VM01 VM02];
    SUB_VM1 "subVM1!" (0, 0) INSTANTANEOUS at(0), false [VM01 VM02];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_stands_once_and_is_found() {
        let names: BTreeSet<_> = TAGS.iter().map(|tag| tag.name).collect();
        assert_eq!((names.len(), TAGS.len()), (252, 252));
        for tag in TAGS {
            assert_eq!(Tag::named(tag.name), Some(tag));
            assert!(!tag.vib_types.is_empty());
        }
        assert_eq!(Tag::named("EW1"), None);
    }

    #[test]
    fn every_line_is_found_from_its_records() {
        for tag in TAGS {
            for line in tag.vib_types {
                for (storage, tariff) in
                    [(tag.storage.first(), tag.tariff.0), (tag.storage.first(), tag.tariff.1)]
                {
                    let vib = line.pattern.nth(0).unwrap();
                    let key = RecordKey {
                        vib: &vib,
                        function: tag.function,
                        storage: storage.into(),
                        tariff: tariff.into(),
                        subunit: 0,
                        register: tag.register,
                    };
                    assert!(Tag::of(key).any(|found| found == tag), "{tag}");
                    assert!(Tag::of(RecordKey { register: !tag.register, ..key }).all(|found| found != tag));
                }
            }
        }
    }

    #[test]
    fn past_values_leave_out_100() {
        assert!(PAST.contains(0) && PAST.contains(99) && PAST.contains(101) && PAST.contains(124));
        assert!(!PAST.contains(100) && !PAST.contains(125) && !PAST.contains(u64::MAX));
    }
}
