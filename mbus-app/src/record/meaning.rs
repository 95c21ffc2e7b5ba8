//! How VIF, VIFEs and data field together make a value out of octets.
//!
//! ```text
//! value = raw * 10^(VIF) * 10^(corrections) + constants        in the unit of the VIF, EN 13757-3:2018, 6.4
//! ```
//!
//! Invariants: corrections are applied in the order sent; a qualifier that replaces the meaning (a date, a
//! count, a duration) drops exponent and unit of the VIF; everything is exact or is said to be none.

use crate::date_time::{Date, DateTime, Time};
use crate::decimal::{Decimal, times};
use crate::value::{Bits, Digits, Invalid, Real32, Text, TimeM, Value};
use crate::vif::orthogonal::Effect;
use crate::vif::{Quantity, Row, Rule, Unit, non_metric};

use super::dib::DataField;
use super::lvar::Lvar;
use super::vib::Qualifier;

/// How data are coded, by the row of the VIF and what qualifies it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    exponent: i16,
    rule: Rule,
    profile: bool,
}

/// The interpretation of a record whose VIF is qualified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    quantity: Quantity,
    pub(super) unit: Unit,
    coding: Coding,
    pub(super) error: Option<u8>,
    /// What is added at the end; `Err` when the constants do not fit.
    added: Result<Option<Decimal>, Invalid>,
}

/// 5^12: two to the power of -12 is this times ten to the power of -12.
pub(super) const FIVE_TO_12: u32 = 244_140_625;

impl Meaning {
    #[inline]
    pub(super) fn of(row: &Row) -> Self {
        Self { quantity: row.quantity, unit: row.unit, coding: Coding::of(row), error: None, added: Ok(None) }
    }
    /// The same with everything that the VIFEs say.
    pub(super) fn qualified<'q>(mut self, qualifiers: impl IntoIterator<Item = Qualifier<'q>>) -> Self {
        for qualifier in qualifiers {
            match qualifier.effect() {
                Effect::Multiply(power) => self.multiply(power),
                Effect::Add(power) => self.add(power),
                Effect::NonMetric => match non_metric(self.quantity, self.unit) {
                    Some((unit, power)) => {
                        self.unit = unit;
                        self.coding.exponent = self.coding.exponent.saturating_add(i16::from(power));
                    }
                    None => self.unit = Unit::None,
                },
                Effect::Date => self.replace(Unit::None, Rule::AnyDate),
                Effect::Count => self.replace(Unit::None, self.coding.rule),
                Effect::Duration(unit) => self.replace(unit, Rule::Default),
                Effect::Unsigned => self.coding.rule = Rule::Unsigned,
                Effect::Bits => self.coding.rule = Rule::Bits,
                Effect::Profile | Effect::ProfileWithRegisters | Effect::InverseProfile => {
                    self.coding.profile = true
                }
                Effect::Error => {
                    if let Qualifier::Orthogonal(code) = qualifier {
                        self.error = Some(code);
                    }
                }
                Effect::Nothing | Effect::Per(_) | Effect::Extension | Effect::Manufacturer => {}
            }
        }
        self
    }
    fn replace(&mut self, unit: Unit, rule: Rule) {
        (self.unit, self.coding.exponent, self.coding.rule) = (unit, 0, rule);
    }
    fn multiply(&mut self, power: i8) {
        let power = i16::from(power);
        self.coding.exponent = self.coding.exponent.saturating_add(power);
        if let Ok(Some(added)) = self.added {
            self.added = added.shifted(power).map(Some).ok_or(Invalid::OutOfRange);
        }
    }
    fn add(&mut self, power: i8) {
        // The unit of the VIF may be a multiple of the unit shown (MWh): the constant counts in units of
        // the table's line, whose exponent the value carries.
        let constant = Decimal::new(1, i16::from(power));
        self.added = match self.added {
            Ok(None) => Ok(Some(constant)),
            Ok(Some(sum)) => sum.checked_add(constant).map(Some).ok_or(Invalid::OutOfRange),
            Err(reason) => Err(reason),
        };
    }

    /// The value of `data`, whose length fits the data field.
    pub(super) fn value<'a>(&self, field: DataField, data: &'a [u8]) -> Value<'a> {
        if let Some(code) = self.error {
            return Value::Invalid(Invalid::RecordError(code));
        }
        let value = self.coding.value(field, data);
        let added = match self.added {
            Ok(None) => return value,
            Ok(Some(added)) => added,
            Err(reason) => return Value::Invalid(reason),
        };
        let number = match value {
            Value::Number(number) => Some(number),
            Value::Real(real) => real.to_decimal(),
            other => return other,
        };
        let sum = number.and_then(|number| number.checked_add(added));
        sum.map_or(Value::Invalid(Invalid::OutOfRange), Value::Number)
    }
    /// A number times the factors of VIF and VIFEs.
    pub(super) fn scaled(&self, raw: i128) -> Option<Decimal> {
        let number = self.coding.number(raw);
        match if self.coding.rule == Rule::Hca { self.coding.hca(number) } else { number } {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
    /// The power of ten of a number.
    pub(super) const fn exponent(&self) -> i16 {
        self.coding.exponent
    }
    /// How the data are coded.
    pub(super) const fn rule(&self) -> Rule {
        self.coding.rule
    }
    /// True when a constant is added.
    pub(super) const fn is_corrected_by_constant(&self) -> bool {
        !matches!(self.added, Ok(None))
    }
    /// True when the data are a date or time.
    pub(super) const fn is_moment(&self) -> bool {
        matches!(self.coding.rule, Rule::Date | Rule::DateTime | Rule::AnyDate)
    }
    /// True when variable length data are octets and no text.
    pub(super) const fn is_octets(&self) -> bool {
        self.coding.profile || matches!(self.coding.rule, Rule::Container)
    }
    /// True when integers are unsigned.
    pub(super) const fn is_unsigned(&self) -> bool {
        self.coding.is_unsigned()
    }
    /// True when the data can be a number.
    pub(super) const fn is_numeric(&self) -> bool {
        let numeric = matches!(
            self.coding.rule,
            Rule::Default
                | Rule::Unsigned
                | Rule::Signed
                | Rule::Identifier
                | Rule::Address
                | Rule::Hca
                | Rule::Manufacturer
        );
        numeric && !self.coding.profile
    }
    pub(super) fn is_marked_invalid(&self, field: DataField, data: &[u8]) -> bool {
        self.coding.is_marked_invalid(field, data)
    }
}

impl Coding {
    #[inline]
    pub(super) const fn of(row: &Row) -> Self {
        Self { exponent: row.exponent as i16, rule: row.rule, profile: false }
    }
    const fn is_unsigned(&self) -> bool {
        matches!(self.rule, Rule::Unsigned | Rule::Identifier | Rule::Address | Rule::Hca)
    }
    /// The number of an integer or BCD field whose octets are the lowest of `word`. `None` where the row or
    /// the digits want more than that, see [`Coding::value`].
    #[inline]
    pub(super) fn plain_number(&self, field: DataField, word: u64) -> Option<Decimal> {
        let is_signed = match self.rule {
            Rule::Default | Rule::Signed => true,
            Rule::Unsigned => false,
            _ => return None,
        };
        let bits = match field.number_bits() {
            0 => return None,
            bits => bits,
        };
        // Up to the top of the word and down again: what does not belong to the number is gone.
        let unused = 64u32.wrapping_sub(bits);
        let top = word.wrapping_shl(unused);
        let number = if field.is_bcd() {
            digits(top.wrapping_shr(unused))?
        } else if is_signed {
            i64::from_le_bytes(top.to_le_bytes()).wrapping_shr(unused)
        } else {
            return Some(Decimal::new(top.wrapping_shr(unused).into(), self.exponent));
        };
        Some(Decimal::new(number.into(), self.exponent))
    }
    /// The value of `data`, whose length fits the data field.
    pub(super) fn value<'a>(&self, field: DataField, data: &'a [u8]) -> Value<'a> {
        match self.rule {
            Rule::Default | Rule::Unsigned | Rule::Signed => {}
            _ => {
                if let Some(value) = self.ruled(field, data) {
                    return value;
                }
            }
        }
        self.by_field(field, data)
    }
    #[inline(never)]
    fn by_field<'a>(&self, field: DataField, data: &'a [u8]) -> Value<'a> {
        match field.0 {
            1..=4 | 6 | 7 => self.number(self.integer(data)),
            9..=12 | 14 => match bcd(data) {
                Ok(number) => self.number(number.into()),
                Err(reason) => Value::Invalid(reason),
            },
            5 => self.real(data),
            0xD => self.variable(data),
            _ => Value::None,
        }
    }
    #[inline]
    fn integer(&self, data: &[u8]) -> i128 {
        if self.is_unsigned() { i128::from(unsigned(data)) } else { i128::from(signed(data)) }
    }
    #[inline]
    const fn number<'a>(&self, raw: i128) -> Value<'a> {
        Value::Number(Decimal { mantissa: raw, exponent: self.exponent })
    }
    /// A number of a rating factor: times two to the power of -12 where its exponent says so.
    fn hca<'a>(&self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Number(number) if self.exponent != 0 => match times(number.mantissa, FIVE_TO_12) {
                Some(mantissa) => Value::Number(Decimal { mantissa, exponent: number.exponent }),
                None => Value::Invalid(Invalid::OutOfRange),
            },
            value => value,
        }
    }
    fn real<'a>(&self, data: &[u8]) -> Value<'a> {
        let Ok(octets) = <[u8; 4]>::try_from(data) else { return Value::Invalid(Invalid::WrongDataField) };
        let bits = u32::from_le_bytes(octets);
        if bits & 0x7F80_0000 == 0x7F80_0000 {
            let reason = if bits & 0x007F_FFFF == 0 { Invalid::Infinite } else { Invalid::NotAvailable };
            return Value::Invalid(reason);
        }
        Value::Real(Real32 { bits, exponent: self.exponent })
    }

    /// Values whose coding the VIF fixes; `None` where the data field decides after all.
    fn ruled<'a>(&self, field: DataField, data: &'a [u8]) -> Option<Value<'a>> {
        let has_data = !matches!(field, DataField::NO_DATA | DataField::SELECTION);
        match self.rule {
            Rule::Date | Rule::DateTime | Rule::AnyDate if has_data => Some(self.moment(field, data)),
            Rule::Bits if field.is_integer() => Some(Value::Bits(Bits(data))),
            Rule::TypeK if field == DataField::INTEGER_32 => Some(Value::Octets(data)),
            Rule::TypeL if field == DataField::VARIABLE => {
                data.split_first().map(|(_, octets)| Value::Octets(octets))
            }
            Rule::Address if data.len() >= 6 && field.is_integer() => Some(Value::Octets(data)),
            Rule::Hca => Some(self.hca(Self { rule: Rule::Unsigned, ..*self }.by_field(field, data))),
            Rule::Identifier if field.is_bcd() => Some(Value::Digits(Digits(data))),
            _ => None,
        }
    }
    fn moment<'a>(&self, field: DataField, data: &'a [u8]) -> Value<'a> {
        const WRONG: Value<'static> = Value::Invalid(Invalid::WrongDataField);
        let missing = |flagged: bool| {
            Value::Invalid(if flagged || data.iter().all(|octet| *octet == 0xFF) {
                Invalid::NotAvailable
            } else {
                Invalid::NoSuchMoment
            })
        };
        match (field, data) {
            (DataField::INTEGER_16, [a, b]) if self.rule != Rule::DateTime => {
                Date::from_type_g([*a, *b]).map_or_else(|| missing(false), Value::Date)
            }
            (_, _) if self.rule == Rule::Date => WRONG,
            (DataField::INTEGER_24, [a, b, c]) => {
                Time::from_type_j([*a, *b, *c]).map_or_else(|| missing(false), Value::Time)
            }
            (DataField::INTEGER_32, [a, b, c, d]) => DateTime::from_type_f([*a, *b, *c, *d])
                .map_or_else(|| missing(a & 0x80 != 0), Value::DateTime),
            (DataField::INTEGER_48, [a, b, c, d, e, f]) => DateTime::from_type_i([*a, *b, *c, *d, *e, *f])
                .map_or_else(|| missing(b & 0x80 != 0), Value::DateTime),
            (DataField::VARIABLE, [0xE2..=0xEA, rest @ ..]) => Value::TimeM(TimeM(rest)),
            (DataField::VARIABLE, [0x00..=0xBF, rest @ ..]) => Value::Text(Text(rest)),
            _ => WRONG,
        }
    }
    fn variable<'a>(&self, data: &'a [u8]) -> Value<'a> {
        let Some((&code, data)) = data.split_first() else { return Value::None };
        match Lvar::from_code(code) {
            Lvar::Text(_) if self.profile || matches!(self.rule, Rule::Container) => Value::Octets(data),
            Lvar::Text(_) => Value::Text(Text(data)),
            Lvar::PositiveBcd(_) | Lvar::NegativeBcd(_) if data.is_empty() => Value::None,
            Lvar::PositiveBcd(_) if self.rule == Rule::Identifier => Value::Digits(Digits(data)),
            Lvar::PositiveBcd(_) => match magnitude(data) {
                Some(number) => self.number(number.into()),
                None => Value::Invalid(Invalid::ErrorDigits),
            },
            Lvar::NegativeBcd(_) => match magnitude(data) {
                Some(number) => self.number(i128::from(number).saturating_neg()),
                None => Value::Invalid(Invalid::ErrorDigits),
            },
            Lvar::Binary(_) => self.binary(data),
            Lvar::Reserved(_) => Value::Octets(data),
        }
    }
    /// The standard does not say whether a binary number is signed. Where both readings agree it is a
    /// number, where they do not its octets are shown; so are more of a manufacturer's than any
    /// integer has.
    fn binary<'a>(&self, data: &'a [u8]) -> Value<'a> {
        let Some(top) = data.last() else { return Value::None };
        if self.rule == Rule::Bits {
            return Value::Bits(Bits(data));
        }
        if self.rule == Rule::Manufacturer && data.len() > 8 {
            return Value::Octets(data);
        }
        let is_unsigned = matches!(self.rule, Rule::Unsigned | Rule::Identifier | Rule::Hca);
        let mut octets = [0; 16];
        match octets.get_mut(..data.len()) {
            Some(place) if data.len() < 16 && (top & 0x80 == 0 || is_unsigned) => {
                place.copy_from_slice(data);
                self.number(i128::from_le_bytes(octets))
            }
            _ => Value::Octets(data),
        }
    }

    fn is_marked_invalid(&self, field: DataField, data: &[u8]) -> bool {
        if !field.is_integer() {
            return false;
        }
        let Some((top, lower)) = data.split_last() else { return false };
        match self.rule {
            Rule::Unsigned | Rule::Identifier | Rule::Hca => {
                *top == 0xFF && lower.iter().all(|octet| *octet == 0xFF)
            }
            Rule::Default | Rule::Signed | Rule::Manufacturer => {
                *top == 0x80 && lower.iter().all(|octet| *octet == 0)
            }
            _ => false,
        }
    }
}

/// The number of an integer or BCD field, before exponents. All ones of an unsigned number and the smallest
/// of a signed one mean "no value".
pub(super) fn raw_number(field: DataField, octets: &[u8], is_unsigned: bool) -> Result<i128, Invalid> {
    if field.is_bcd() {
        let number = bcd(octets)?;
        // A sign has no place in an unsigned number.
        return if is_unsigned && number < 0 { Err(Invalid::ErrorDigits) } else { Ok(number.into()) };
    }
    if !field.is_integer() {
        return Err(Invalid::WrongDataField);
    }
    let rule = if is_unsigned { Rule::Unsigned } else { Rule::Signed };
    let coding = Coding { exponent: 0, rule, profile: false };
    if coding.is_marked_invalid(field, octets) {
        return Err(Invalid::NotAvailable);
    }
    Ok(coding.integer(octets))
}

/// One to eight octets, least significant first.
#[inline]
fn unsigned(data: &[u8]) -> u64 {
    match *data {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f] => u64::from_le_bytes([a, b, c, d, e, f, 0, 0]),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// One to eight octets in two's complement, least significant first.
#[inline]
fn signed(data: &[u8]) -> i64 {
    match *data {
        [a] => i64::from(i8::from_le_bytes([a])),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c] => i64::from(i32::from_le_bytes([0, a, b, c]) >> 8),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f] => i64::from_le_bytes([0, 0, a, b, c, d, e, f]) >> 16,
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// Type A: BCD, least significant octet first; F in the top digit is a minus sign. At most six octets.
#[inline]
fn bcd(data: &[u8]) -> Result<i64, Invalid> {
    match digits(unsigned(data)) {
        Some(number) => Ok(number),
        None => odd_bcd(data),
    }
}

#[cold]
fn odd_bcd(data: &[u8]) -> Result<i64, Invalid> {
    let Some((&top, lower)) = data.split_last() else { return Ok(0) };
    if data.iter().all(|octet| *octet == 0xFF) {
        return Err(Invalid::NotAvailable);
    }
    if top < 0xF0 || top & 0x0F > 9 {
        return Err(Invalid::ErrorDigits);
    }
    let digits =
        lower.iter().rev().try_fold(i64::from(top & 0x0F), |number, octet| two_digits(number, *octet));
    digits.map(i64::wrapping_neg).ok_or(Invalid::ErrorDigits)
}

/// The number that sixteen BCD digits say, all at once; `None` when one is above 9.
#[inline]
fn digits(bcd: u64) -> Option<i64> {
    // A digit is above 9 when bit 3 and one of the bits 2 and 1 are set.
    if bcd & (bcd << 1 | bcd << 2) & 0x8888_8888_8888_8888 != 0 {
        return None;
    }
    // Digits to pairs, pairs to fours, fours to eights, eights to the number; no step can overflow its lane.
    let step = |n: u64, bits: u32, mask: u64, power: u64| {
        (n & mask).wrapping_add((n >> bits & mask).wrapping_mul(power))
    };
    let number = step(bcd, 4, 0x0F0F_0F0F_0F0F_0F0F, 10);
    let number = step(number, 8, 0x00FF_00FF_00FF_00FF, 100);
    let number = step(number, 16, 0x0000_FFFF_0000_FFFF, 10_000);
    let number = step(number, 32, 0x0000_0000_FFFF_FFFF, 100_000_000);
    i64::try_from(number).ok()
}

#[inline]
fn magnitude(data: &[u8]) -> Option<i64> {
    data.iter().rev().try_fold(0, |number, octet| two_digits(number, *octet))
}

#[inline]
fn two_digits(number: i64, octet: u8) -> Option<i64> {
    let (high, low) = (octet >> 4, octet & 0x0F);
    if high > 9 || low > 9 {
        return None;
    }
    // At most eighteen digits come here (LVAR C9h), which 64 bits hold.
    Some(number.wrapping_mul(100).wrapping_add(i64::from(high).wrapping_mul(10)).wrapping_add(i64::from(low)))
}
