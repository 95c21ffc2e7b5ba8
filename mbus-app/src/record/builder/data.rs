//! Values to octets: the inverse of reading, type by type (EN 13757-3:2018, Annex A).
//!
//! Invariant: what is written reads back as the same value. The numbers that Annex A reserves for "no
//! value" are never written for a number; a longer data field is taken instead.

use mbus_link::octets::Writer;

use super::{Content, Inline, Unbuildable, put_reversed};
use crate::date_time::{DateTime, Precision};
use crate::decimal::Decimal;
use crate::record::meaning::{FIVE_TO_12, Meaning};
use crate::record::{DataField, Lvar};
use crate::value::{Invalid, TimeM, Value};
use crate::vif::Rule;

/// What the number of a rating factor is a multiple of, see [`FIVE_TO_12`].
const HCA_DIVISOR: i128 = FIVE_TO_12 as i128;

/// A data field and its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    pub(super) field: DataField,
    lvar: Option<u8>,
    octets: Octets<'a>,
}

/// The most octets of a number: LVAR EFh.
const FEW: usize = 15;

#[derive(Clone, Copy, Debug)]
enum Octets<'a> {
    Few([u8; FEW], usize),
    Slice(&'a [u8]),
    Text(&'a str),
}

impl Octets<'_> {
    /// The first `len` of `octets`.
    fn long(octets: &[u8], len: usize) -> Self {
        let mut few = [0; FEW];
        few.iter_mut().zip(octets).for_each(|(place, octet)| *place = *octet);
        Self::Few(few, len.min(FEW))
    }
}

type Result<T> = core::result::Result<T, Unbuildable>;

/// Octets and data fields of binary numbers, shortest first.
const BINARY: [(usize, DataField); 6] = [
    (1, DataField::INTEGER_8),
    (2, DataField::INTEGER_16),
    (3, DataField::INTEGER_24),
    (4, DataField::INTEGER_32),
    (6, DataField::INTEGER_48),
    (8, DataField::INTEGER_64),
];

/// The data fields for a value whose data field is not given.
fn binary_field(octets: usize) -> Result<DataField> {
    BINARY.iter().find(|(len, _)| *len == octets).map(|(_, field)| *field).ok_or(Unbuildable::ValueDoesNotFit)
}

impl<'a> Data<'a> {
    pub(super) fn of(meaning: &Meaning, field: Option<DataField>, content: &Content<'a>) -> Result<Self> {
        match content {
            Content::Data(octets) => Self::given(field, octets),
            Content::Inline(inline) => Self::inline(field, inline),
            Content::Value(Value::None) => Self::of_value(meaning, field, &Value::None),
            // A record that reports an error has no value to read back.
            _ if meaning.error.is_some() => Err(Unbuildable::WrongKind),
            _ if meaning.rule() == Rule::TypeK => Err(Unbuildable::Unverified("the layout of type K")),
            _ if meaning.rule() == Rule::TypeL => Err(Unbuildable::Unverified("the layout of type L")),
            _ if meaning.is_corrected_by_constant() => {
                Err(Unbuildable::Unverified("whether constants are added before or after factors"))
            }
            Content::Text(text) => {
                Self::require(field, DataField::VARIABLE)?;
                if meaning.is_moment() || meaning.is_octets() {
                    return Err(Unbuildable::WrongKind);
                }
                if text.chars().any(|letter| u32::from(letter) > 0xFF) {
                    return Err(Unbuildable::NotLatin1);
                }
                Self::variable(Lvar::Text(short(text.chars().count())?), Octets::Text(text))
            }
            Content::VariableBinary(number) => {
                Self::require(field, DataField::VARIABLE)?;
                Self::variable_binary(meaning, *number)
            }
            Content::Value(value) => Self::of_value(meaning, field, value),
        }
    }
    fn of_value(meaning: &Meaning, field: Option<DataField>, value: &Value<'a>) -> Result<Self> {
        match value {
            Value::None => match field {
                None | Some(DataField::NO_DATA) => Ok(Self::fixed(DataField::NO_DATA, Octets::Slice(&[]))),
                Some(DataField::SELECTION) => Ok(Self::fixed(DataField::SELECTION, Octets::Slice(&[]))),
                Some(_) => Err(Unbuildable::WrongKind),
            },
            Value::Number(number) => Self::number(meaning, field, *number),
            Value::Real(real) => {
                Self::require(field, DataField::REAL_32)?;
                let is_finite = real.bits & 0x7F80_0000 != 0x7F80_0000;
                if real.exponent != meaning.exponent() || !is_finite || !meaning.is_numeric() {
                    return Err(Unbuildable::ValueDoesNotFit);
                }
                Ok(Self::few(DataField::REAL_32, &real.bits.to_le_bytes()))
            }
            Value::Digits(digits) => Self::digits(meaning, field, digits.0),
            Value::Date(_) | Value::DateTime(_) | Value::Time(_) | Value::TimeM(_) => {
                let data = Self::moment(meaning, value)?;
                Self::require(field, data.field)?;
                Ok(data)
            }
            Value::Text(text) => {
                Self::require(field, DataField::VARIABLE)?;
                // A date alone has no text to stand for it when it is read.
                if meaning.is_octets() || meaning.rule() == Rule::Date {
                    return Err(Unbuildable::WrongKind);
                }
                Self::variable(Lvar::Text(short(text.0.len())?), Octets::Slice(text.0))
            }
            Value::Bits(bits) if meaning.rule() == Rule::Bits => Self::bits(field, bits.0),
            Value::Octets(octets) => Self::raw(meaning, field, octets),
            Value::Invalid(Invalid::NotAvailable) => Self::not_available(meaning, field),
            Value::Invalid(Invalid::ErrorDigits) => Err(Unbuildable::Unverified("what digits above 9 say")),
            Value::Bits(_) | Value::Invalid(_) => Err(Unbuildable::WrongKind),
        }
    }

    const fn fixed(field: DataField, octets: Octets<'a>) -> Self {
        Self { field, lvar: None, octets }
    }
    fn few(field: DataField, octets: &[u8]) -> Self {
        Self::fixed(field, Octets::long(octets, octets.len()))
    }
    fn variable(lvar: Lvar, octets: Octets<'a>) -> Result<Self> {
        let lvar = lvar.code().ok_or(Unbuildable::TooLong)?;
        Ok(Self { field: DataField::VARIABLE, lvar: Some(lvar), octets })
    }
    /// An error when another data field is asked for.
    fn require(field: Option<DataField>, needed: DataField) -> Result<()> {
        match field {
            Some(field) if field != needed => Err(Unbuildable::WrongKind),
            _ => Ok(()),
        }
    }
    /// Octets as they are, of the right number for the data field.
    fn given(field: Option<DataField>, octets: &'a [u8]) -> Result<Self> {
        let field = match field {
            Some(field) => field,
            None => binary_field(octets.len()).map_err(|_| Unbuildable::NotWhole)?,
        };
        let len = match (field.data_len(), octets.first()) {
            (Some(len), _) => Some(len),
            (None, Some(lvar)) => {
                Lvar::from_code(*lvar).data_len().map(|len| usize::from(len).saturating_add(1))
            }
            (None, None) => None,
        };
        if len == Some(octets.len()) {
            Ok(Self::fixed(field, Octets::Slice(octets)))
        } else {
            Err(Unbuildable::NotWhole)
        }
    }

    /// As many octets as the data field has; they are few enough to be kept.
    fn inline(field: Option<DataField>, inline: &Inline) -> Result<Self> {
        let whole = Data::given(field, inline.octets())?;
        Ok(Self::few(whole.field, inline.octets()))
    }
    /// The data field of their length, or LVAR where there is none.
    fn bits(field: Option<DataField>, bits: &'a [u8]) -> Result<Self> {
        match (field, binary_field(bits.len())) {
            (Some(DataField::VARIABLE), _) | (None, Err(_)) if !bits.is_empty() => {
                Self::variable(Lvar::Binary(short(bits.len())?), Octets::Slice(bits))
            }
            (_, of_len) => {
                let of_len = of_len?;
                Self::require(field, of_len)?;
                Ok(Self::fixed(of_len, Octets::Slice(bits)))
            }
        }
    }

    /// The number that stands in the data, before exponents.
    fn raw_number(meaning: &Meaning, number: Decimal) -> Result<i128> {
        if !meaning.is_numeric() {
            return Err(Unbuildable::WrongKind);
        }
        let raw = number.with_exponent(meaning.exponent()).ok_or(Unbuildable::ValueDoesNotFit)?.mantissa;
        match meaning.rule() {
            Rule::Hca if meaning.exponent() != 0 && raw % HCA_DIVISOR != 0 => {
                Err(Unbuildable::ValueDoesNotFit)
            }
            Rule::Hca if meaning.exponent() != 0 => Ok(raw / HCA_DIVISOR),
            _ => Ok(raw),
        }
    }
    /// LVAR E1h to EFh. The sign is open unless the VIF fixes it, so the top bit is then left 0.
    fn variable_binary(meaning: &Meaning, number: Decimal) -> Result<Self> {
        let raw = Self::raw_number(meaning, number)?;
        let is_unsigned = meaning.is_unsigned() && meaning.rule() != Rule::Address;
        if raw < 0 {
            return Err(if is_unsigned {
                Unbuildable::ValueDoesNotFit
            } else {
                Unbuildable::Unverified("the sign of binary numbers behind LVAR")
            });
        }
        let octets = raw.to_le_bytes();
        let used = octets.iter().rposition(|octet| *octet != 0).map_or(1, |top| top.saturating_add(1));
        let top = octets.get(used.saturating_sub(1)).copied().unwrap_or(0);
        let len = if top & 0x80 != 0 && !is_unsigned { used.saturating_add(1) } else { used };
        // More octets are a number to every reader only where the VIF says that they are one.
        if len > if is_unsigned { 15 } else { 8 } {
            return Err(Unbuildable::ValueDoesNotFit);
        }
        Self::variable(Lvar::Binary(short(len)?), Octets::long(&octets, len))
    }
    fn number(meaning: &Meaning, field: Option<DataField>, number: Decimal) -> Result<Self> {
        let raw = Self::raw_number(meaning, number)?;
        match field {
            None => BINARY
                .iter()
                .find_map(|(len, field)| Self::binary(meaning, *len, *field, raw))
                .ok_or(Unbuildable::ValueDoesNotFit),
            Some(DataField::VARIABLE) if meaning.rule() != Rule::Identifier => Self::variable_bcd(raw),
            Some(field) if field.is_integer() => field
                .data_len()
                .and_then(|len| Self::binary(meaning, len, field, raw))
                .ok_or(Unbuildable::ValueDoesNotFit),
            // Decimal digits of an identifier are read as digits, with their leading zeros.
            Some(field) if field.is_bcd() && meaning.rule() != Rule::Identifier => Self::bcd(field, raw),
            Some(_) => Err(Unbuildable::WrongKind),
        }
    }
    /// A binary number of `len` octets; `None` when it does not fit or is a mark for "no value".
    fn binary(meaning: &Meaning, len: usize, field: DataField, raw: i128) -> Option<Self> {
        // Six and eight octets are a whole address and no number.
        if meaning.rule() == Rule::Address && len > 4 {
            return None;
        }
        let bits = u32::try_from(len.checked_mul(8)?).ok()?;
        let limit = 1i128.checked_shl(bits)?;
        let fits = if meaning.is_unsigned() {
            // All ones are the mark, except of an address: FFh is all stations.
            let largest = limit.checked_sub(if meaning.rule() == Rule::Address { 1 } else { 2 })?;
            (0..=largest).contains(&raw)
        } else {
            let half = limit / 2;
            raw < half && raw > half.checked_neg()?
        };
        let octets = raw.to_le_bytes();
        if fits { Some(Self::few(field, octets.get(..len)?)) } else { None }
    }
    fn bcd(field: DataField, raw: i128) -> Result<Self> {
        let len = field.data_len().unwrap_or(0);
        let mut data = Self::few(field, &bcd(raw.unsigned_abs(), len).ok_or(Unbuildable::ValueDoesNotFit)?);
        data.octets = match data.octets {
            Octets::Few(mut octets, _) => {
                if raw < 0 {
                    let top = len.checked_sub(1).and_then(|top| octets.get_mut(top));
                    let top = top.filter(|top| **top < 0x10).ok_or(Unbuildable::ValueDoesNotFit)?;
                    *top |= 0xF0;
                }
                Octets::Few(octets, len)
            }
            other => other,
        };
        Ok(data)
    }
    /// LVAR C0h to C9h and D0h to D9h, the fewest octets.
    fn variable_bcd(raw: i128) -> Result<Self> {
        let digits = raw.unsigned_abs();
        let (len, octets) = (1..=9usize)
            .find_map(|len| bcd(digits, len).map(|octets| (len, octets)))
            .ok_or(Unbuildable::ValueDoesNotFit)?;
        let count = short(len)?;
        let lvar = if raw < 0 { Lvar::NegativeBcd(count) } else { Lvar::PositiveBcd(count) };
        Self::variable(lvar, Octets::Few(octets, len))
    }
    fn digits(meaning: &Meaning, field: Option<DataField>, octets: &'a [u8]) -> Result<Self> {
        if meaning.rule() != Rule::Identifier {
            return Err(Unbuildable::WrongKind);
        }
        let of_len = match octets.len() {
            1 => DataField::BCD_2,
            2 => DataField::BCD_4,
            3 => DataField::BCD_6,
            4 => DataField::BCD_8,
            6 => DataField::BCD_12,
            _ => DataField::VARIABLE,
        };
        match field {
            Some(DataField::VARIABLE) => {}
            None if of_len == DataField::VARIABLE => {}
            _ => {
                Self::require(field, of_len)?;
                return Ok(Self::fixed(of_len, Octets::Slice(octets)));
            }
        }
        if octets.is_empty() {
            return Err(Unbuildable::WrongKind);
        }
        Self::variable(Lvar::PositiveBcd(short(octets.len())?), Octets::Slice(octets))
    }
    fn moment(meaning: &Meaning, value: &Value<'a>) -> Result<Self> {
        if !meaning.is_moment() {
            return Err(Unbuildable::WrongKind);
        }
        let (is_date, is_date_time) = (meaning.rule() == Rule::Date, meaning.rule() == Rule::DateTime);
        let fit = Unbuildable::ValueDoesNotFit;
        match value {
            Value::Date(date) if !is_date_time => {
                Ok(Self::few(DataField::INTEGER_16, &date.to_type_g().ok_or(fit)?))
            }
            Value::Time(time) if !is_date => {
                Ok(Self::few(DataField::INTEGER_24, &time.to_type_j().ok_or(fit)?))
            }
            Value::DateTime(moment @ DateTime { precision: Precision::Minutes, .. }) if !is_date => {
                Ok(Self::few(DataField::INTEGER_32, &moment.to_type_f().ok_or(fit)?))
            }
            Value::DateTime(moment) if !is_date => {
                Ok(Self::few(DataField::INTEGER_48, &moment.to_type_i().ok_or(fit)?))
            }
            Value::TimeM(TimeM(octets @ [.., TimeM::SECONDS])) if !is_date => match octets.len() {
                2..=10 => Self::variable(Lvar::Binary(short(octets.len())?), Octets::Slice(octets)),
                _ => Err(fit),
            },
            Value::TimeM(_) if !is_date => {
                Err(Unbuildable::Unverified("the control octet of type M, other than 30h"))
            }
            _ => Err(Unbuildable::WrongKind),
        }
    }
    fn raw(meaning: &Meaning, field: Option<DataField>, octets: &'a [u8]) -> Result<Self> {
        match meaning.rule() {
            Rule::Address if matches!(octets.len(), 6 | 8) => {
                let of_len = binary_field(octets.len())?;
                Self::require(field, of_len)?;
                Ok(Self::fixed(of_len, Octets::Slice(octets)))
            }
            _ if meaning.is_octets() => {
                Self::require(field, DataField::VARIABLE)?;
                Self::variable(Lvar::Text(short(octets.len())?), Octets::Slice(octets))
            }
            // Shorter ones are numbers.
            _ if meaning.is_unsigned() && octets.len() >= 16 => {
                Self::require(field, DataField::VARIABLE)?;
                Self::variable(Lvar::Binary(short(octets.len())?), Octets::Slice(octets))
            }
            _ => Err(Unbuildable::Unverified("the sign of binary numbers behind LVAR")),
        }
    }
    /// The mark for "no value" of a data field: all ones of type C, the smallest number of type B.
    fn not_available(meaning: &Meaning, field: Option<DataField>) -> Result<Self> {
        let field = field.ok_or(Unbuildable::WrongKind)?;
        const MINIMUM: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0x80];
        let ones = [0xFF; 9];
        let some = |len: usize| ones.get(..len).ok_or(Unbuildable::WrongKind);
        match field {
            DataField::INTEGER_16 | DataField::INTEGER_24 if meaning.is_moment() => {
                Ok(Self::few(field, some(field.data_len().unwrap_or(0))?))
            }
            DataField::INTEGER_32 if meaning.is_moment() => Ok(Self::few(field, &[0x80, 0, 0, 0])),
            DataField::INTEGER_48 if meaning.is_moment() => Ok(Self::few(field, &[0, 0x80, 0, 0, 0, 0])),
            _ if meaning.is_moment() => Err(Unbuildable::WrongKind),
            DataField::REAL_32 => Ok(Self::few(field, &0x7FC0_0000u32.to_le_bytes())),
            field if field.is_bcd() && meaning.is_numeric() && meaning.rule() != Rule::Identifier => {
                Ok(Self::few(field, some(field.data_len().unwrap_or(0))?))
            }
            DataField::INTEGER_8
            | DataField::INTEGER_16
            | DataField::INTEGER_24
            | DataField::INTEGER_32
            | DataField::INTEGER_48
            | DataField::INTEGER_64
                if meaning.is_numeric() && meaning.rule() != Rule::Address =>
            {
                let octets =
                    if meaning.is_unsigned() { some(field.data_len().unwrap_or(0))? } else { MINIMUM };
                let skip = octets.len().saturating_sub(field.data_len().unwrap_or(0));
                Ok(Self::few(field, octets.get(skip..).unwrap_or_default()))
            }
            _ => Err(Unbuildable::WrongKind),
        }
    }

    /// Octets of the data, LVAR included.
    pub(super) fn len(&self) -> usize {
        let octets = match self.octets {
            Octets::Few(_, len) => len,
            Octets::Slice(octets) => octets.len(),
            Octets::Text(text) => text.chars().count(),
        };
        octets.saturating_add(usize::from(self.lvar.is_some()))
    }
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        if let Some(lvar) = self.lvar {
            writer.put_u8(lvar);
        }
        match self.octets {
            Octets::Few(octets, len) => writer.put(octets.get(..len).unwrap_or_default()),
            Octets::Slice(octets) => writer.put(octets),
            // Checked to be ISO 8859-1 when it was taken.
            Octets::Text(text) => put_reversed(text, writer).unwrap_or_default(),
        }
    }
}

fn short(len: usize) -> Result<u8> {
    u8::try_from(len).map_err(|_| Unbuildable::TooLong)
}

/// `number` in `len` octets of BCD, least significant first; `None` when it has more digits.
fn bcd(number: u128, len: usize) -> Option<[u8; FEW]> {
    let mut octets = [0; FEW];
    let mut rest = number;
    for octet in octets.get_mut(..len)? {
        let [pair, ..] = (rest % 100).to_le_bytes();
        *octet = ((pair / 10) << 4) | (pair % 10);
        rest /= 100;
    }
    if rest == 0 { Some(octets) } else { None }
}
