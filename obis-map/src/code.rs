//! An OBIS code: six octets that name a reading, and its text forms.
//!
//! ```text
//! octets   A   B   C   D   E   F          EN 62056-6-1, clause 4
//! text     A - B : C . D . E * F          1-0:1.8.0*255
//! ```
//!
//! Invariants: every six octets are a code, in and out unchanged. Text says which parts it leaves out:
//! a code without medium is only read when the caller gives the medium, B is then 0, F 255 ("not used",
//! the current value). Nothing is guessed.

use crate::Medium;
use core::fmt;
use core::str::FromStr;

/// Text that is no OBIS code, or lacks its medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseObisError {
    /// Not one of the text forms.
    #[error("not an OBIS code: expected A-B:C.D.E*F, a part of it, or twelve hex digits")]
    Form,
    /// A number above 255.
    #[error("a part of an OBIS code is above 255")]
    TooLarge,
    /// A short form, but no medium was given.
    #[error("the short form {c}.{d}.{e} does not say the medium (group A)")]
    MediumMissing {
        /// Group C.
        c: u8,
        /// Group D.
        d: u8,
        /// Group E.
        e: u8,
    },
}

/// An OBIS code (EN 62056-6-1).
///
/// ```
/// use obis_map::{Medium, ObisCode};
/// const IMPORT: ObisCode = ObisCode::new(1, 0, 1, 8, 0, 255);
/// assert_eq!("1-0:1.8.0*255".parse(), Ok(IMPORT));
/// assert_eq!("1-0:1.8.0".parse(), Ok(IMPORT));
/// assert_eq!("0100010800FF".parse(), Ok(IMPORT));
/// assert_eq!(ObisCode::from_short("1.8.0", Medium::ELECTRICITY), Ok(IMPORT));
/// assert_eq!(std::format!("{IMPORT} {IMPORT:#} {IMPORT:X}"), "1-0:1.8.0*255 1-0:1.8.0 0100010800FF");
/// assert_eq!(std::format!("{}", IMPORT.short()), "1.8.0");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ObisCode([u8; 6]);

impl ObisCode {
    /// "Not used" in group F: the current value.
    pub const CURRENT: u8 = 255;

    /// The code of these value groups.
    #[must_use]
    pub const fn new(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) -> Self {
        Self([a, b, c, d, e, f])
    }
    /// The code of six octets, in the order A to F.
    #[must_use]
    pub const fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets)
    }
    /// The six octets, in the order A to F.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
    /// Group A: the medium.
    #[must_use]
    pub const fn a(self) -> u8 {
        self.0[0]
    }
    /// Group A as a medium.
    #[must_use]
    pub const fn medium(self) -> Medium {
        Medium(self.0[0])
    }
    /// Group B: the channel, 0 when there is only one.
    #[must_use]
    pub const fn b(self) -> u8 {
        self.0[1]
    }
    /// Group C: the quantity.
    #[must_use]
    pub const fn c(self) -> u8 {
        self.0[2]
    }
    /// Group D: how the quantity was processed.
    #[must_use]
    pub const fn d(self) -> u8 {
        self.0[3]
    }
    /// Group E: the tariff, 0 for the total; with some codes something else.
    #[must_use]
    pub const fn e(self) -> u8 {
        self.0[4]
    }
    /// Group F: the billing period of a past value, 255 for the current one.
    #[must_use]
    pub const fn f(self) -> u8 {
        self.0[5]
    }
    /// The same code of another medium.
    #[must_use]
    pub const fn with_medium(self, medium: Medium) -> Self {
        let [_, b, c, d, e, f] = self.0;
        Self([medium.0, b, c, d, e, f])
    }
    /// The same code of another channel.
    #[must_use]
    pub const fn with_channel(self, channel: u8) -> Self {
        let [a, _, c, d, e, f] = self.0;
        Self([a, channel, c, d, e, f])
    }
    /// True when a group B to F lies in the range that belongs to manufacturers (128 to 254), or A in
    /// that of national uses (16 and above).
    #[must_use]
    pub const fn is_outside_standard(self) -> bool {
        let [a, b, c, d, e, f] = self.0;
        a > 15
            || (b > 127 && b < 255)
            || (c > 127 && c < 255)
            || (d > 127 && d < 255)
            || (e > 127 && e < 255)
            || (f > 127 && f < 255)
    }
    /// Prints `C.D.E`, or `C.D.E*F` when F is not 255: the form of displays and of IEC 62056-21.
    #[must_use]
    pub const fn short(self) -> Short {
        Short(self)
    }
    /// Prints the six groups with dots, as head-end systems list them: `1.0.1.8.0.255`.
    #[must_use]
    pub const fn dotted(self) -> Dotted {
        Dotted(self)
    }
    /// Reads any text form; where the text has no medium, `medium` is taken, for B 0 and for F 255.
    ///
    /// Short forms are `C.D.E`, `C.D`, each with `*F` or `&F` behind it, and the letters of IEC 62056-21
    /// for C and D: `C` 96, `F` 97, `L` 98, `P` 99.
    ///
    /// # Errors
    /// [`ParseObisError`] when the text has none of the forms.
    pub fn from_short(text: &str, medium: Medium) -> Result<Self, ParseObisError> {
        Groups::parse(text)?.complete(Some(medium))
    }
    /// Reads `A-B:C.D.E*F` or `A-B:C.D.E` in a constant; `None` when the text is not that.
    ///
    /// ```
    /// use obis_map::ObisCode;
    /// const EXPORT: Option<ObisCode> = ObisCode::from_text("1-0:2.8.0*255");
    /// assert_eq!(EXPORT, Some(ObisCode::new(1, 0, 2, 8, 0, 255)));
    /// ```
    #[must_use]
    pub const fn from_text(text: &str) -> Option<Self> {
        let Some(([a, b, c, d], rest)) = head(text.as_bytes()) else { return None };
        let Some((e, rest)) = number(rest) else { return None };
        if rest.is_empty() {
            return Some(Self([a, b, c, d, e, Self::CURRENT]));
        }
        let Some(rest) = separator(rest, b'*') else { return None };
        match number(rest) {
            Some((f, [])) => Some(Self([a, b, c, d, e, f])),
            _ => None,
        }
    }
}

/// Decimal digits up to 255, and what follows.
pub(crate) const fn number(text: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = text;
    let mut value = 0u16;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        value = value.saturating_mul(10).saturating_add((*digit & 0x0F) as u16);
        rest = tail;
    }
    let [high, low] = value.to_be_bytes();
    if rest.len() == text.len() || high != 0 { None } else { Some((low, rest)) }
}

/// Groups A to D of `A-B:C.D.`, and what follows.
pub(crate) const fn head(text: &[u8]) -> Option<([u8; 4], &[u8])> {
    let Some((a, rest)) = number(text) else { return None };
    let Some(rest) = separator(rest, b'-') else { return None };
    let Some((b, rest)) = number(rest) else { return None };
    let Some(rest) = separator(rest, b':') else { return None };
    let Some((c, rest)) = number(rest) else { return None };
    let Some(rest) = separator(rest, b'.') else { return None };
    let Some((d, rest)) = number(rest) else { return None };
    let Some(rest) = separator(rest, b'.') else { return None };
    Some(([a, b, c, d], rest))
}

const fn separator(text: &[u8], separator: u8) -> Option<&[u8]> {
    match text {
        [first, rest @ ..] if *first == separator => Some(rest),
        _ => None,
    }
}

/// The groups that a text has.
#[derive(Clone, Copy, Default)]
struct Groups {
    a: Option<u8>,
    b: Option<u8>,
    c: u8,
    d: u8,
    e: u8,
    f: Option<u8>,
}

impl Groups {
    fn parse(text: &str) -> Result<Self, ParseObisError> {
        let octets = text.as_bytes();
        if octets.len() == 12 && octets.iter().all(u8::is_ascii_hexdigit) {
            return Self::hex(text);
        }
        if octets.iter().filter(|c| **c == b'.').count() == 5 {
            return Self::dotted(octets);
        }
        let mut groups = Self::default();
        let mut rest = octets;
        if octets.contains(&b'-') {
            let (a, behind) = decimal(rest)?;
            groups.a = Some(a);
            rest = expect(behind, b'-')?;
        }
        if groups.a.is_some() || octets.contains(&b':') {
            let (b, behind) = decimal(rest)?;
            groups.b = Some(b);
            rest = expect(behind, b':')?;
        }
        (groups.c, rest) = letter_or_decimal(rest)?;
        (groups.d, rest) = letter_or_decimal(expect(rest, b'.')?)?;
        if let Some(behind) = separator(rest, b'.') {
            (groups.e, rest) = decimal(behind)?;
        }
        // 1-0:1.8.0.255 is seen where a program printed F with a dot.
        if let [b'*' | b'&' | b'.', behind @ ..] = rest {
            let (f, behind) = decimal(behind)?;
            groups.f = Some(f);
            rest = behind;
        }
        if rest.is_empty() { Ok(groups) } else { Err(ParseObisError::Form) }
    }
    fn hex(text: &str) -> Result<Self, ParseObisError> {
        let number = u64::from_str_radix(text, 16).map_err(|_| ParseObisError::Form)?;
        let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
        Ok(Self { a: Some(a), b: Some(b), c, d, e, f: Some(f) })
    }
    fn dotted(text: &[u8]) -> Result<Self, ParseObisError> {
        let (a, rest) = decimal(text)?;
        let (b, rest) = decimal(expect(rest, b'.')?)?;
        let (c, rest) = decimal(expect(rest, b'.')?)?;
        let (d, rest) = decimal(expect(rest, b'.')?)?;
        let (e, rest) = decimal(expect(rest, b'.')?)?;
        let (f, rest) = decimal(expect(rest, b'.')?)?;
        let groups = Self { a: Some(a), b: Some(b), c, d, e, f: Some(f) };
        if rest.is_empty() { Ok(groups) } else { Err(ParseObisError::Form) }
    }
    fn complete(self, medium: Option<Medium>) -> Result<ObisCode, ParseObisError> {
        let Self { c, d, e, .. } = self;
        let a = self.a.or(medium.map(|m| m.0)).ok_or(ParseObisError::MediumMissing { c, d, e })?;
        Ok(ObisCode([a, self.b.unwrap_or(0), c, d, e, self.f.unwrap_or(ObisCode::CURRENT)]))
    }
}

fn expect(text: &[u8], octet: u8) -> Result<&[u8], ParseObisError> {
    separator(text, octet).ok_or(ParseObisError::Form)
}

fn decimal(text: &[u8]) -> Result<(u8, &[u8]), ParseObisError> {
    let kind = if text.first().is_some_and(u8::is_ascii_digit) {
        ParseObisError::TooLarge
    } else {
        ParseObisError::Form
    };
    number(text).ok_or(kind)
}

fn letter_or_decimal(text: &[u8]) -> Result<(u8, &[u8]), ParseObisError> {
    match text {
        [b'C', rest @ ..] => Ok((96, rest)),
        [b'F', rest @ ..] => Ok((97, rest)),
        [b'L', rest @ ..] => Ok((98, rest)),
        [b'P', rest @ ..] => Ok((99, rest)),
        _ => decimal(text),
    }
}

/// Every text form that has the medium.
impl FromStr for ObisCode {
    type Err = ParseObisError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Groups::parse(text)?.complete(None)
    }
}

impl From<[u8; 6]> for ObisCode {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl From<mbus_app::cosem::LogicalName> for ObisCode {
    fn from(name: mbus_app::cosem::LogicalName) -> Self {
        Self(name.0)
    }
}

impl From<ObisCode> for mbus_app::cosem::LogicalName {
    fn from(code: ObisCode) -> Self {
        Self(code.0)
    }
}

impl From<ObisCode> for [u8; 6] {
    fn from(code: ObisCode) -> Self {
        code.0
    }
}

/// `A-B:C.D.E*F`; with `#` without `*255`.
impl fmt::Display for ObisCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, period] = self.0;
        write!(f, "{a}-{b}:{c}.{d}.{e}")?;
        if f.alternate() && period == Self::CURRENT { Ok(()) } else { write!(f, "*{period}") }
    }
}

/// Twelve hex digits.
impl fmt::UpperHex for ObisCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// Twelve hex digits.
impl fmt::LowerHex for ObisCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Prints a code as `C.D.E`, see [`ObisCode::short`].
#[derive(Clone, Copy, Debug)]
pub struct Short(ObisCode);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, c, d, e, period] = self.0.0;
        write!(f, "{c}.{d}.{e}")?;
        if period == ObisCode::CURRENT { Ok(()) } else { write!(f, "*{period}") }
    }
}

/// Prints a code as `A.B.C.D.E.F`, see [`ObisCode::dotted`].
#[derive(Clone, Copy, Debug)]
pub struct Dotted(ObisCode);

impl fmt::Display for Dotted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, period] = self.0.0;
        write!(f, "{a}.{b}.{c}.{d}.{e}.{period}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::ToString;

    const IMPORT: ObisCode = ObisCode::new(1, 0, 1, 8, 0, 255);

    #[test]
    fn every_form_is_read() {
        for text in [
            "1-0:1.8.0*255",
            "1-0:1.8.0",
            "1-0:1.8",
            "0100010800ff",
            "0100010800FF",
            "1.0.1.8.0.255",
            "1-0:1.8.0.255",
        ] {
            assert_eq!(text.parse(), Ok(IMPORT), "{text}");
        }
        for text in ["1.8.0", "1.8", "1.8.0*255", "0:1.8.0", "1.8.0.255", "1-0:1.8.0"] {
            assert_eq!(ObisCode::from_short(text, Medium::ELECTRICITY), Ok(IMPORT), "{text}");
        }
        assert_eq!(ObisCode::from_short("1.8.1&03", Medium(1)), Ok(ObisCode::new(1, 0, 1, 8, 1, 3)));
        assert_eq!(ObisCode::from_short("F.F", Medium(0)), Ok(ObisCode::new(0, 0, 97, 97, 0, 255)));
        assert_eq!(ObisCode::from_short("C.1.0", Medium(0)), Ok(ObisCode::new(0, 0, 96, 1, 0, 255)));
        assert_eq!("1.8.0".parse::<ObisCode>(), Err(ParseObisError::MediumMissing { c: 1, d: 8, e: 0 }));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "1",
            "1-0",
            "1-0:",
            "1-0:1",
            "1-1.8.0",
            "1-0:1.8.0*",
            "1-0:1.8.0*255*1",
            "1-0:1.8.0.1*2",
            "-:..",
            "a.b.c",
            "1-0:1.8.0.1.2",
            "1.2.3.4.5.",
            "1.2.3.4.5.6.7",
            "+1-0:1.8.0",
            "1-0:1.8.0 ",
            "1:0-1.8.0",
        ] {
            assert_eq!(ObisCode::from_short(text, Medium(1)), Err(ParseObisError::Form), "{text}");
            assert_eq!(ObisCode::from_text(text), None, "{text}");
        }
        assert!("0100010800f".parse::<ObisCode>().is_err());
        assert_eq!("1-0:1.8.256".parse::<ObisCode>(), Err(ParseObisError::TooLarge));
        assert_eq!(ObisCode::from_text("1-0:1.8.256"), None);
        assert_eq!(ObisCode::from_text("1-0:1.8.0*"), None);
    }

    #[test]
    fn manufacturer_ranges_are_known() {
        assert!(!IMPORT.is_outside_standard());
        assert!(ObisCode::new(1, 0, 1, 128, 0, 255).is_outside_standard());
        assert!(ObisCode::new(17, 0, 1, 8, 0, 255).is_outside_standard());
        assert!(ObisCode::new(1, 0, 1, 8, 0, 254).is_outside_standard());
    }

    proptest! {
        #[test]
        fn text_and_octets_come_back(octets: [u8; 6]) {
            let code = ObisCode::from_octets(octets);
            prop_assert_eq!(code.octets(), octets);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
            prop_assert_eq!(ObisCode::from_text(&code.to_string()), Some(code));
            prop_assert_eq!(format!("{code:#}").parse(), Ok(code));
            prop_assert_eq!(format!("{code:X}").parse(), Ok(code));
            prop_assert_eq!(format!("{code:x}").parse(), Ok(code));
            prop_assert_eq!(format!("{}", code.dotted()).parse(), Ok(code));
            let short = format!("{}", code.short());
            prop_assert_eq!(ObisCode::from_short(&short, code.medium()), Ok(code.with_channel(0)));
        }
        #[test]
        fn any_text_is_survived(text in ".{0,40}") {
            let _ = ObisCode::from_short(&text, Medium(1));
            let _ = ObisCode::from_text(&text);
        }
    }
}
