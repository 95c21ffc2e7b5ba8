//! What a record's data say: exact numbers, dates, text, octets (EN 13757-3:2018, Annex A).
//!
//! Invariants: nothing is invented. Data that are no value say why ([`Invalid`]); numbers are exact
//! decimals; a real32 keeps its bits. Text is kept as sent and turned round while it is read.

use core::fmt;

use crate::date_time::{Date, DateTime, Time};
use crate::decimal::Decimal;

/// The value of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Value<'a> {
    /// The record has no data: a selection, or an event without number.
    None,
    /// An exact number in the unit of the record (types A, B, C and corrections).
    Number(Decimal),
    /// A real32 (type H) in the unit of the record, times ten to the power of `exponent`.
    Real(Real32),
    /// An identifier: digits with their leading zeros.
    Digits(Digits<'a>),
    /// A date (type G).
    Date(Date),
    /// A date and time (types F and I).
    DateTime(DateTime),
    /// A time of day (type J).
    Time(Time),
    /// A time difference or moment of type M.
    TimeM(TimeM<'a>),
    /// Text (LVAR 00h to BFh).
    Text(Text<'a>),
    /// A bit array (type D), least significant octet first.
    Bits(Bits<'a>),
    /// Octets as sent: containers, types whose layout is not published, large binary numbers,
    /// manufacturer specific data.
    Octets(&'a [u8]),
    /// No value, and why.
    Invalid(Invalid),
}

/// Why data are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Invalid {
    /// The meter says so: all ones of a date, NaN, the invalid flag.
    #[error("not available")]
    NotAvailable,
    /// No such day or time.
    #[error("no such date or time")]
    NoSuchMoment,
    /// BCD digits above 9: an error code for a simple display (EN 13757-3, Annex B).
    #[error("the digits are an error code")]
    ErrorDigits,
    /// The value is infinite.
    #[error("infinite")]
    Infinite,
    /// A qualifier says that the record has no usable value.
    #[error("record error: {}", crate::vif::orthogonal::MAIN_NAMES.get(usize::from(*.0)).copied().unwrap_or("unknown"))]
    RecordError(u8),
    /// The data field does not fit the VIF, for instance a date in eight octets.
    #[error("data field and VIF do not fit together")]
    WrongDataField,
    /// A step of a profile whose base value, or a step before it, is missing.
    #[error("the value before it is not known")]
    BaseUnknown,
    /// The corrections make a number that does not fit into 128 bits.
    #[error("out of range")]
    OutOfRange,
}

impl Invalid {
    /// The reason as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAvailable => "not_available",
            Self::NoSuchMoment => "no_such_moment",
            Self::ErrorDigits => "error_digits",
            Self::Infinite => "infinite",
            Self::RecordError(_) => "record_error",
            Self::WrongDataField => "wrong_data_field",
            Self::BaseUnknown => "base_unknown",
            Self::OutOfRange => "out_of_range",
        }
    }
}

/// A real32 (type H, IEEE 754 binary32) with the exponent of its VIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Real32 {
    /// The 32 bits; neither NaN nor infinite.
    pub bits: u32,
    /// The value is the float times ten to this power.
    pub exponent: i16,
}

impl Real32 {
    /// The exact decimal value, `None` where 128 bits do not hold all its digits (below about 2^-20 with
    /// a full mantissa, or above 2^126). No float arithmetic is used.
    #[must_use]
    pub const fn to_decimal(self) -> Option<Decimal> {
        let fraction = self.bits & 0x007F_FFFF;
        let (mut mantissa, mut power) = match (self.bits >> 23 & 0xFF) as i16 {
            0 => (fraction as i128, -149i16),
            biased => ((fraction | 0x0080_0000) as i128, biased.wrapping_sub(150)),
        };
        if mantissa == 0 {
            return Some(Decimal { mantissa: 0, exponent: 0 });
        }
        while mantissa & 1 == 0 {
            mantissa >>= 1;
            power = power.wrapping_add(1);
        }
        let mut exponent = self.exponent;
        // 2^-n is 5^n * 10^-n.
        let factor = if power < 0 { 5 } else { 2 };
        while power != 0 {
            mantissa = match mantissa.checked_mul(factor) {
                Some(mantissa) => mantissa,
                None => return None,
            };
            if power < 0 {
                power = power.wrapping_add(1);
                exponent = match exponent.checked_sub(1) {
                    Some(exponent) => exponent,
                    None => return None,
                };
            } else {
                power = power.wrapping_sub(1);
            }
        }
        let mantissa = if self.bits >> 31 == 1 { mantissa.wrapping_neg() } else { mantissa };
        Some(Decimal { mantissa, exponent })
    }
    /// The float as sent, without the exponent.
    #[must_use]
    pub const fn float(self) -> f32 {
        f32::from_bits(self.bits)
    }
}

/// BCD digits of an identifier, least significant octet first as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Digits<'a>(pub &'a [u8]);

/// All digits, most significant first, hex where they are not decimal.
impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// A bit array of type D, least significant octet first as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bits<'a>(pub &'a [u8]);

impl Bits<'_> {
    /// Bit `n`, 0 is the least significant of the first octet; false behind the end.
    #[must_use]
    pub fn bit(&self, n: u32) -> bool {
        let octet = usize::try_from(n / 8).ok().and_then(|octet| self.0.get(octet));
        octet.is_some_and(|octet| octet >> (n % 8) & 1 == 1)
    }
    /// The bits as a number; `None` above 64 of them.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        let mut octets = [0; 8];
        octets.get_mut(..self.0.len())?.copy_from_slice(self.0);
        Some(u64::from_le_bytes(octets))
    }
}

/// Text of ISO 8859-1, last letter first as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The letters in reading order, control characters included.
    pub fn chars(&self) -> impl Iterator<Item = char> + 'a {
        self.0.iter().rev().map(|octet| char::from(*octet))
    }
}

/// In reading order; control characters are replaced by U+FFFD, so that a meter cannot steer a terminal.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        let shown = |letter: char| if letter.is_control() { '\u{FFFD}' } else { letter };
        self.chars().try_for_each(|letter| f.write_char(shown(letter)))
    }
}

/// Type M: a signed little-endian number and a control octet (LVAR E2h to EAh).
///
/// Only control octet 30h is known from printed telegrams (OMS Vol. 2 Annex N: seconds, UTC); what the
/// others mean is not published, the octets are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimeM<'a>(pub &'a [u8]);

impl TimeM<'_> {
    /// The control octet that means seconds.
    pub const SECONDS: u8 = 0x30;

    /// The number of seconds; `None` for other control octets, for the smallest number (which means
    /// "no time"), and without octets.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let (control, number) = self.0.split_last()?;
        let [.., top] = number else { return None };
        if *control != Self::SECONDS || number.len() > 8 {
            return None;
        }
        let mut octets = [if top & 0x80 == 0 { 0 } else { 0xFF }; 8];
        octets.get_mut(..number.len())?.copy_from_slice(number);
        let smallest = *top == 0x80 && number.iter().rev().skip(1).all(|octet| *octet == 0);
        if smallest { None } else { Some(i64::from_le_bytes(octets)) }
    }
}

/// Seconds, or the octets in hex.
impl fmt::Display for TimeM<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds() {
            Some(seconds) => write!(f, "{seconds}"),
            None => hex(f, self.0),
        }
    }
}

/// Octets as hex digits.
pub(crate) fn hex(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

/// The value without its unit: a decimal without exponent, ISO 8601, text, or octets in hex. Empty when
/// there is none.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Real(real) => match real.to_decimal() {
                Some(number) => write!(f, "{number}"),
                None => write!(f, "0x{:08X}E{}", real.bits, real.exponent),
            },
            Self::Digits(digits) => write!(f, "{digits}"),
            Self::Date(date) => write!(f, "{date}"),
            Self::DateTime(moment) => write!(f, "{moment}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::TimeM(time) => write!(f, "{time}"),
            Self::Text(text) => write!(f, "{text}"),
            Self::Bits(bits) => bits.0.iter().rev().try_for_each(|octet| write!(f, "{octet:02X}")),
            Self::Octets(octets) => hex(f, octets),
            Self::Invalid(reason) => write!(f, "{reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn real32_is_exact() {
        for (float, text) in [
            (0.0f32, "0"),
            (21.5, "21.5"),
            (-0.75, "-0.75"),
            (41.737_434, "41.73743438720703125"),
            (16_777_216.0, "16777216"),
            (1e20, "100000002004087734272"),
        ] {
            let real = Real32 { bits: float.to_bits(), exponent: 0 };
            assert_eq!(real.to_decimal().unwrap().to_string(), text);
        }
        assert_eq!(
            Real32 { bits: 1.5f32.to_bits(), exponent: -3 }.to_decimal().unwrap().to_string(),
            "0.0015"
        );
        assert_eq!(Real32 { bits: 1, exponent: 0 }.to_decimal(), None);
        assert_eq!(Real32 { bits: 1.5f32.to_bits(), exponent: i16::MIN }.to_decimal(), None);
    }

    #[test]
    fn text_is_turned_round_and_harmless() {
        assert_eq!(Text(b"emit .tab").to_string(), "bat. time");
        assert_eq!(Text(&[0xB0, 0x1B, b'm', 0x00]).to_string(), "\u{FFFD}m\u{FFFD}°");
    }

    #[test]
    fn bits_and_type_m() {
        assert!(Bits(&[0x01, 0x80]).bit(15));
        assert!(!Bits(&[0x01, 0x80]).bit(16));
        assert_eq!(Bits(&[0x01, 0x80]).to_u64(), Some(0x8001));
        assert_eq!(Bits(&[0; 9]).to_u64(), None);
        // OMS Vol. 2 Annex N, N.13: three seconds; Annex F: at once, and no time.
        assert_eq!(TimeM(&[0x03, 0x30]).seconds(), Some(3));
        assert_eq!(TimeM(&[0, 0, 0, 0, 0x30]).seconds(), Some(0));
        assert_eq!(TimeM(&[0, 0, 0, 0x80, 0x30]).seconds(), None);
        assert_eq!(TimeM(&[0xFE, 0x30]).seconds(), Some(-2));
        assert_eq!(TimeM(&[0x30]).seconds(), None);
        assert_eq!(TimeM(&[0x03, 0x31]).to_string(), "0331");
    }
}
