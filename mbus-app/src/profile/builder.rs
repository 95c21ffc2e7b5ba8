//! Writes the data of a profile's record.
//!
//! ```text
//! spacing control | spacing value | element | element | ...          behind LVAR
//! ```
//!
//! EN 13757-3:2018, Annex F. Invariants: what is written expands to the values given; what no element can say is an
//! error, as are half months and reserved spacings, of which only the names are published.

use mbus_link::octets::Writer;

use super::{IncrementMode, ProfileKind, Spacing};
use crate::decimal::Decimal;
use crate::record::DataField;
use crate::record::builder::Unbuildable;
use crate::{Error, ErrorKind};

/// Writes spacing and elements of a profile: the octets behind LVAR, for
/// [`Content::Value`](crate::record::builder::Content::Value) with [`crate::value::Value::Octets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileBuilder<'a> {
    /// Forward or inverse.
    pub kind: ProfileKind,
    /// What an element says.
    pub mode: IncrementMode,
    /// How far the values lie apart.
    pub spacing: Spacing,
    /// How an element is coded: an integer or BCD field.
    pub element: DataField,
    /// The power of ten of the VIB, corrections included, with which the elements are read.
    pub exponent: i16,
    /// The base value; needed in all modes but the absolute.
    pub base: Option<Decimal>,
    /// The values in the order in which they are sent; `None` is written as invalid, and in a difference
    /// mode all later ones must be `None` too.
    pub values: &'a [Option<Decimal>],
}

impl ProfileBuilder<'_> {
    /// Octets behind LVAR.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.len_with(self.values.len())
    }
    /// Writes the octets behind LVAR to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] with the reason; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        let values = self.values.iter().copied();
        self.write(values, &mut writer).map_err(|reason| ErrorKind::CannotBuild(reason).at(0))?;
        Ok(writer.finish()?)
    }
    fn len_with(&self, values: usize) -> usize {
        values.saturating_mul(self.element.data_len().unwrap_or(0)).saturating_add(2)
    }
    /// The same with the values from elsewhere.
    pub(super) fn write(
        &self,
        values: impl ExactSizeIterator<Item = Option<Decimal>>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Unbuildable> {
        let (unit, value) = match self.spacing {
            Spacing::HalfMonth => return Err(Unbuildable::Unverified("steps of half a month")),
            Spacing::Reserved(..) => return Err(Unbuildable::Unverified("reserved spacing values")),
            spacing => spacing.codes().ok_or(Unbuildable::ValueDoesNotFit)?,
        };
        if !self.element.is_integer() && !self.element.is_bcd() {
            return Err(Unbuildable::WrongKind);
        }
        if self.len_with(values.len()) > 0xBF {
            return Err(Unbuildable::TooLong);
        }
        writer.put_u8(self.mode.bits() << 6 | unit << 4 | self.element.0 & 0x0F);
        writer.put_u8(value);
        let mut last = match self.base {
            Some(base) => Some(self.raw(base)?),
            None => None,
        };
        for value in values {
            let raw = match value {
                Some(value) => Some(self.raw(value)?),
                None => None,
            };
            let element = match (self.mode, raw, last) {
                (_, None, _) => None,
                (IncrementMode::Absolute, Some(raw), _) => Some(raw),
                // Nothing can follow what is not known.
                (_, Some(_), None) => return Err(Unbuildable::ValueDoesNotFit),
                (_, Some(raw), Some(last)) => Some(self.change(raw, last)?),
            };
            last = raw;
            self.put(element, writer)?;
        }
        Ok(())
    }
    fn raw(&self, value: Decimal) -> Result<i128, Unbuildable> {
        value.with_exponent(self.exponent).map(|value| value.mantissa).ok_or(Unbuildable::ValueDoesNotFit)
    }
    /// What an element says about the step from `last`, the value sent before, to `raw`.
    fn change(&self, raw: i128, last: i128) -> Result<i128, Unbuildable> {
        let grows = (self.mode != IncrementMode::Decrements) == (self.kind != ProfileKind::Inverse);
        let change = if grows { raw.checked_sub(last) } else { last.checked_sub(raw) };
        change.ok_or(Unbuildable::ValueDoesNotFit)
    }
    fn put(&self, element: Option<i128>, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
        let len = self.element.data_len().unwrap_or(0);
        let mut octets = [0; 8];
        let octets = octets.get_mut(..len).ok_or(Unbuildable::WrongKind)?;
        let is_unsigned = self.mode.is_unsigned();
        match element {
            None if self.element.is_integer() && !is_unsigned => {
                if let Some(top) = octets.last_mut() {
                    *top = 0x80;
                }
            }
            None => octets.fill(0xFF),
            Some(element) if is_unsigned && element < 0 => return Err(Unbuildable::ValueDoesNotFit),
            Some(element) if self.element.is_bcd() => put_bcd(element, octets)?,
            Some(element) => put_binary(element, is_unsigned, octets)?,
        }
        writer.put(octets);
        Ok(())
    }
}

fn put_bcd(number: i128, octets: &mut [u8]) -> Result<(), Unbuildable> {
    let mut rest = number.unsigned_abs();
    for octet in octets.iter_mut() {
        let [pair, ..] = (rest % 100).to_le_bytes();
        *octet = ((pair / 10) << 4) | (pair % 10);
        rest /= 100;
    }
    if rest != 0 {
        return Err(Unbuildable::ValueDoesNotFit);
    }
    match octets.last_mut() {
        Some(top) if number < 0 && *top < 0x10 => *top |= 0xF0,
        _ if number < 0 => return Err(Unbuildable::ValueDoesNotFit),
        _ => {}
    }
    Ok(())
}

/// The largest unsigned and the smallest signed number mean "no value" and are refused.
fn put_binary(number: i128, is_unsigned: bool, octets: &mut [u8]) -> Result<(), Unbuildable> {
    let bits = u32::try_from(octets.len().saturating_mul(8)).map_err(|_| Unbuildable::WrongKind)?;
    let limit = 1i128.checked_shl(bits).ok_or(Unbuildable::WrongKind)?;
    let fits = if is_unsigned {
        number < limit.saturating_sub(1)
    } else {
        number < limit / 2 && number > (limit / 2).saturating_neg()
    };
    if !fits {
        return Err(Unbuildable::ValueDoesNotFit);
    }
    octets.iter_mut().zip(number.to_le_bytes()).for_each(|(place, octet)| *place = octet);
    Ok(())
}
