//! The VIB types of OMS Vol. 2, Annex B: which VIF and VIFE octets name which quantity.
//!
//! Invariants: one row is one line of the standard's table. `FD D0-DF FC 01` are four octets, of which
//! the second may be any of the range; the extension bit is part of each octet. Text VIFs stand as sent:
//! 7C, the length, the characters from last to first. No VIB matches two rows (tested).
//!
//! To add a line, add a row to the table at its place; [`VIB_TYPES`] and the constant follow from it.

use core::fmt;
use core::ops::RangeInclusive;

/// The most octets of a pattern.
const MAX: usize = 6;

/// Octets of a VIB, some of which may vary within a range.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VibPattern {
    ranges: [(u8, u8); MAX],
    len: usize,
}

impl VibPattern {
    /// Two hex digits per octet or two such numbers with `-` between, blanks between octets.
    #[expect(
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects,
        reason = "runs only in constants of this crate: a wrong row does not compile"
    )]
    pub(crate) const fn new(text: &str) -> Self {
        let text = text.as_bytes();
        let mut ranges = [(0, 0); MAX];
        let mut len = 0;
        let mut at = 0;
        while at < text.len() {
            let low = nibble(text[at]) << 4 | nibble(text[at + 1]);
            at += 2;
            let mut high = low;
            if at < text.len() && text[at] == b'-' {
                high = nibble(text[at + 1]) << 4 | nibble(text[at + 2]);
                at += 3;
            }
            if low > high || (at < text.len() && text[at] != b' ') {
                panic!("a VIB pattern is written as octets or ranges with one blank between");
            }
            at += 1;
            ranges[len] = (low, high);
            len += 1;
        }
        Self { ranges, len }
    }
    /// The ranges of the octets in their order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u8>> + '_ {
        self.ranges.iter().take(self.len).map(|(low, high)| *low..=*high)
    }
    /// True when `vib` is one of the octet strings of this pattern.
    #[must_use]
    pub fn matches(&self, vib: &[u8]) -> bool {
        vib.len() == self.len
            && self.ranges.iter().zip(vib).all(|((low, high), octet)| low <= octet && octet <= high)
    }
    /// How many octet strings the pattern has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ranges().map(|range| range.len()).product()
    }
    /// The octet string of this index; the first range counts fastest. `None` from
    /// [`count`](Self::count) on. With one range, the index is the step from its first octet, which for
    /// most quantities is the power of ten above the smallest.
    ///
    /// ```
    /// use obis_map::vib_type::CA02;
    /// assert_eq!(CA02.pattern.nth(12).as_deref(), Some(&[0xFD, 0xDC, 0xFC, 0x02][..]));
    /// ```
    #[must_use]
    pub fn nth(&self, index: usize) -> Option<VibOctets> {
        let mut octets = [0; MAX];
        let mut rest = index;
        for (place, (low, high)) in octets.iter_mut().zip(self.ranges).take(self.len) {
            let width = usize::from(high.saturating_sub(low)).saturating_add(1);
            *place = u8::try_from(rest.checked_rem(width)?).ok()?.saturating_add(low);
            rest = rest.checked_div(width)?;
        }
        if rest == 0 { Some(VibOctets { octets, len: self.len }) } else { None }
    }
}

#[expect(clippy::panic, reason = "runs only in constants of this crate: a wrong row does not compile")]
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit & 0x0F,
        b'A'..=b'F' => (digit & 0x0F).wrapping_add(9),
        _ => panic!("a VIB pattern has upper-case hex digits"),
    }
}

/// As the table writes it: `FD D0-DF FC 01`.
impl fmt::Display for VibPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for (low, high) in self.ranges.iter().take(self.len) {
            write!(f, "{gap}{low:02X}")?;
            if low != high {
                write!(f, "-{high:02X}")?;
            }
            gap = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for VibPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VibPattern({self})")
    }
}

/// The octets of one VIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VibOctets {
    octets: [u8; MAX],
    len: usize,
}

impl core::ops::Deref for VibOctets {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// One line of Annex B: a name, the octets of its VIBs, the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VibType {
    /// The name of the line, such as `EW01`.
    pub name: &'static str,
    /// The octets.
    pub pattern: VibPattern,
    /// The unit and its powers of ten, or what the value says.
    pub unit: &'static str,
}

impl VibType {
    /// The line that this VIB matches.
    ///
    /// ```
    /// use obis_map::VibType;
    /// assert_eq!(VibType::of(&[0x13]).map(|line| line.name), Some("VM01"));
    /// ```
    #[must_use]
    pub fn of(vib: &[u8]) -> Option<&'static Self> {
        VIB_TYPES.iter().find(|line| line.pattern.matches(vib))
    }
}

macro_rules! vib_types {
    ($($name:ident $octets:literal $unit:literal;)*) => {
        $(
            #[doc = concat!("`", $octets, "`: ", $unit, ".")]
            pub const $name: VibType =
                VibType { name: stringify!($name), pattern: VibPattern::new($octets), unit: $unit };
        )*
        /// Every line of the table.
        pub const VIB_TYPES: &[VibType] = &[$($name),*];
    };
}

vib_types! {
    AD04 "7C 03 49 55 23" "number";
    AD05 "7C 03 54 46 23" "number";
    AD06 "7C 03 4C 41 23" "number";
    AD07 "7C 03 4D 41 23" "number";
    AD08 "7C 03 44 4F 23" "number";
    AD09 "7C 03 42 53 23" "number";
    AD10 "7C 04 44 43 53 23" "number";
    AD11 "7C 03 46 53 23" "number";
    AD12 "7C 03 44 53 23" "number";
    AD13 "7C 03 50 43 25" "%";
    AD14 "FD FD 2C" "number";
    AD15 "FD FD 2D" "number";
    AD16 "FD FD 2E" "number";
    AD17 "FD FD 2F" "number";
    AD18 "FD FD 30" "number";
    AD19 "FD FD 31" "number";
    AD20 "FD FD 32" "number";
    AD21 "FD FD 33" "number";
    AD22 "FD FD 34" "number";
    AD23 "FD FD 39" "%";
    CA01 "FD D0-DF FC 01" "A 10^-12 to 10^3";
    CA02 "FD D0-DF FC 02" "A 10^-12 to 10^3";
    CA03 "FD D0-DF FC 03" "A 10^-12 to 10^3";
    CA04 "FD D0-DF FC 04" "A 10^-12 to 10^3";
    CC01 "7C 03 31 4F 43" "carbon monoxide content";
    CC02 "7C 03 32 4F 43" "carbon dioxide content";
    CC03 "FD FD 12-13" "ppm 10^0 to 10^1";
    CC04 "FD FD 10-11" "ppm 10^0 to 10^1";
    CD01 "7C 03 31 44 43" "electrical conductivity, µS/cm";
    CL01 "FD 1F" "disconnector control state";
    CL02 "FD 1A" "output state";
    CT01 "FD 9F 1D" "compliance test";
    DI01 "7C 02 6D 6D" "mm";
    DI02 "7C 02 6D 63" "cm";
    DI03 "FD FD 3A-3B" "10^0 mm (mm, cm)";
    DI04 "FD FD 23" "l/mm²";
    DP01 "74-77" "s, min, h, d";
    DP02 "70-73" "s, min, h, d";
    DP03 "FD 3C-3D" "s, min";
    DP05 "24-27" "operation time";
    DP06 "20-23" "on time";
    DT01 "6D" "date and time";
    DT02 "6C" "date";
    DT03 "ED 3C" "date and time, backward";
    DT04 "EC 3C" "date, backward";
    DT05 "EC 7E" "date in the future";
    EC01 "FB 0C-0F" "Mcal 10^-1 to 10^2";
    EC02 "FB 8C-8F 3C" "Mcal 10^-1 to 10^2";
    EJ01 "08-0F" "GJ 10^-9 to 10^-2";
    EJ02 "FB 08-09" "GJ 10^-1 to 10^0";
    EJ03 "FB 88-89 7D" "GJ 10^2 to 10^3";
    EJ04 "88-8F 3C" "GJ 10^-9 to 10^-2";
    EJ05 "FB 88-89 3C" "GJ 10^-1 to 10^0";
    EJ06 "FB 88-89 FD 3C" "GJ 10^2 to 10^3";
    ER01 "7C 03 6D 68 4F" "resistance";
    EW01 "00-07" "kWh 10^-6 to 10^1";
    EW02 "FB 00-01" "kWh 10^2 to 10^3";
    EW03 "FB 80-81 7D" "kWh 10^5 to 10^6";
    EW04 "80-87 3C" "kWh 10^-6 to 10^1";
    EW05 "FB 80-81 3C" "kWh 10^2 to 10^3";
    EW06 "FB 80-81 FD 3C" "kWh 10^5 to 10^6";
    EW07 "80-87 FC 10" "kWh 10^-6 to 10^1";
    EW08 "FB 80-81 FC 10" "kWh 10^2 to 10^3";
    EW09 "FB 80-81 FD FC 10" "kWh 10^5 to 10^6";
    FR01 "FB 2C-2F" "Hz 10^-3 to 10^0";
    HC01 "6E" "HCA 10^0";
    HC02 "EE FC 11" "HCA 10^0";
    ID01 "78" "fabrication number";
    ID02 "79" "enhanced identification";
    ID03 "7A" "primary address";
    ID04 "FD 11" "ownership number";
    ID05 "FD 10" "metering point ID";
    ID06 "FD 08" "unique message identification";
    ID10 "FD FD 01" "reserved name of EN 13757-3:2023";
    IR01 "7C 03 31 52 49" "radiant flux density";
    IR02 "FD FD 21" "W/m2 10^0";
    LT01 "7C 02 78 6C" "lx";
    LT02 "7C 02 64 63" "luminous intensity";
    LT03 "FD FD 1F" "lx 10^0";
    LT04 "FD FD 20" "cd 10^0";
    MM01 "FD 71" "dBm";
    MM02 "FD 17" "binary";
    MM03 "FD 97 1D" "binary";
    MM04 "FD 2A" "operator specific data";
    MM06 "FD 61" "register index";
    MM09 "FD 74" "days";
    MM10 "FD FD 02" "months";
    MM12 "7C 03 53 42 25" "battery, %";
    MM13 "7C 03 31 53 44" "binary";
    MM14 "7C 03 32 53 44" "binary";
    MM15 "7C 03 33 53 44" "binary";
    MM16 "7C 03 34 53 44" "binary";
    MM17 "FD FD 00" "binary";
    MM18 "FD FD 38" "%";
    MM19 "FD FD 40" "binary";
    MM20 "FD FD 42" "binary";
    MM21 "FD FD 41" "binary";
    MM22 "FD FD 44" "binary";
    MM23 "FD FD 43" "binary";
    ND01 "7C 03 41 42 64" "dB, A-weighted";
    ND02 "FD FD 24" "dBA 10^0";
    PD01 "FB AA FC 05" "° 10^-1";
    PD02 "FB AA FC 06" "° 10^-1";
    PD03 "FB AA FC 07" "° 10^-1";
    PD04 "FB AB FC 01" "° 10^-1";
    PD05 "FB AB FC 02" "° 10^-1";
    PD06 "FB AB FC 03" "° 10^-1";
    PH01 "7C 02 48 70" "pH";
    PH02 "FD FD 27" "pH 10^-1";
    PJ01 "30-37" "kJ/h 10^-3 to 10^4";
    PR01 "E8-EB 3E" "bar 10^-3 to 10^0";
    PR02 "E8-EB F3 3E" "bar 10^-6 to 10^-3";
    PR03 "68-6B" "bar 10^-3 to 10^0";
    PR04 "E8-EB 73" "bar 10^-6 to 10^-3";
    PR05 "E8-EB 48" "bar 10^-3 to 10^0";
    PR06 "E8-EB C8 73" "bar 10^-6 to 10^-3";
    PR07 "E8-EB 40" "bar 10^-3 to 10^0";
    PR08 "E8-EB C0 73" "bar 10^-6 to 10^-3";
    PT01 "7C 03 31 54 50" "particulate matter, unspecific range";
    PT02 "7C 03 32 54 50" "particulate matter, PM1";
    PT03 "7C 03 33 54 50" "particulate matter, PM2.5";
    PT04 "7C 03 34 54 50" "particulate matter, PM10";
    PT05 "7C 03 35 54 50" "particles, unspecific range";
    PT06 "7C 03 36 54 50" "particles, PM1";
    PT07 "7C 03 37 54 50" "particles, PM2.5";
    PT08 "7C 03 38 54 50" "particles, PM10";
    PT09 "FD FD 17" "µg/m³ 10^0";
    PT10 "FD FD 18" "µg/m³ 10^0";
    PT11 "FD FD 19" "µg/m³ 10^0";
    PT12 "FD FD 1A" "µg/m³ 10^0";
    PT13 "FD FD 1B" "1/m³ 10^5";
    PT14 "FD FD 1C" "1/m³ 10^5";
    PT15 "FD FD 1D" "1/m³ 10^5";
    PT16 "FD FD 1E" "1/m³ 10^5";
    PW01 "28-2F" "W 10^-3 to 10^4";
    PW03 "A8-AF 3C" "W 10^-3 to 10^4";
    PW04 "FB 78-7F" "W 10^-3 to 10^4";
    PW06 "FB F8-FF 3C" "W 10^-3 to 10^4";
    PW07 "A8-AF FC 10" "kW 10^-6 to 10^1";
    PW08 "FB A8-A9 FC 10" "kW 10^2 to 10^3";
    PW09 "A8-AF FC 0C" "kW 10^-6 to 10^1";
    PW10 "FB A8-A9 FC 0C" "kW 10^2 to 10^3";
    RE01 "FB 02-03" "kvarh 10^0 to 10^1";
    RE02 "FB 82-83 70-77" "kvarh 10^-6 to 10^2";
    RE03 "FB 82-83 3C" "kvarh 10^0 to 10^1";
    RE04 "FB 82-83 F0-F7 3C" "kvarh 10^-6 to 10^2";
    RH01 "FB 1A-1B" "% 10^-1 to 10^0";
    RH02 "7C 03 32 48 52" "moisture level";
    RH03 "FD FD 3E" "% 10^0";
    RP01 "FB 14-17" "kvar 10^-3 to 10^0";
    RP02 "FB 94-97 3C" "kvar 10^-3 to 10^0";
    TB01 "7C 03 55 4E 46" "FNU 10^0";
    TB02 "FD FD 25" "FNU 10^0";
    TC01 "58-5B" "°C 10^-3 to 10^0";
    TC02 "5C-5F" "°C 10^-3 to 10^0";
    TC03 "D8-DB 3E" "°C 10^-3 to 10^0";
    TC04 "64-67" "°C 10^-3 to 10^0";
    TC05 "FB 74-77" "°C 10^-3 to 10^0";
    TS01 "7C 02 4D 4E" "Nm/m²";
    VC01 "7C 03 31 43 56" "ppb 10^0";
    VC02 "7C 03 32 43 56" "µg/m³ 10^0";
    VC03 "FD FD 14-15" "ppb 10^0 to 10^1";
    VC04 "FD FD 16" "µg/m³ 10^0";
    VF01 "38-3F" "m³/h 10^-6 to 10^1";
    VF02 "B8-BF 3A" "m³/h 10^-6 to 10^1";
    VF03 "B8-BF 3E" "m³/h 10^-6 to 10^1";
    VM01 "10-17" "m³ 10^-6 to 10^1";
    VM02 "90-97 7D" "m³ 10^-3 to 10^4";
    VM03 "90-97 3A" "m³ 10^-6 to 10^1";
    VM04 "90-97 FD 3A" "m³ 10^-3 to 10^4";
    VM05 "90-97 3E" "m³ 10^-6 to 10^1";
    VM06 "90-97 FD 3E" "m³ 10^-3 to 10^4";
    VM07 "90-97 3B" "m³ 10^-6 to 10^1";
    VM08 "90-97 FD 3B" "m³ 10^-3 to 10^4";
    VM09 "90-97 3C" "m³ 10^-6 to 10^1";
    VM10 "90-97 FD 3C" "m³ 10^-3 to 10^4";
    VV01 "FD C0-CF FC 01" "V 10^-9 to 10^6";
    VV02 "FD C0-CF FC 02" "V 10^-9 to 10^6";
    VV03 "FD C0-CF FC 03" "V 10^-9 to 10^6";
    WS01 "7C 03 31 53 57" "m/s 10^0";
    WS02 "FD FD 22" "m/s 10^0";
    YD01 "FD 23" "descriptor of tariff and subunit";
    YD02 "FD 24-27" "s, min, h, d";
    YD03 "FD 28" "month";
    YD04 "FD 29" "years";
    YD05 "FD 20" "first storage number of a cycle";
    YD06 "FD 21" "last storage number of a cycle";
    YD07 "FD 22" "size of a storage block";
    ID09 "FD 09" "device type";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn no_vib_matches_two_lines() {
        let mut count = 0;
        for line in VIB_TYPES {
            for index in 0..line.pattern.count() {
                let vib = line.pattern.nth(index).unwrap();
                let matching: std::vec::Vec<_> = VIB_TYPES
                    .iter()
                    .filter(|other| other.pattern.matches(&vib))
                    .map(|other| other.name)
                    .collect();
                assert_eq!(matching, [line.name], "{:02X?}", &*vib);
                assert_eq!(VibType::of(&vib).unwrap().name, line.name);
                count += 1;
            }
            assert_eq!(line.pattern.nth(line.pattern.count()), None);
        }
        assert_eq!((VIB_TYPES.len(), count), (189, 588));
    }

    #[test]
    fn patterns_print_as_the_table_writes_them() {
        assert_eq!(CA01.pattern.to_string(), "FD D0-DF FC 01");
        assert_eq!(RE04.pattern.to_string(), "FB 82-83 F0-F7 3C");
        assert_eq!(AD10.pattern.to_string(), "7C 04 44 43 53 23");
        assert_eq!(EW01.pattern.to_string(), "00-07");
        assert!(!EW01.pattern.matches(&[]));
        assert!(!EW01.pattern.matches(&[0, 0]));
        assert!(!EW01.pattern.matches(&[8]));
    }
}
