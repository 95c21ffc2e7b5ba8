//! Exact decimal numbers: an integer and a power of ten.
//!
//! Invariants: `value = mantissa * 10^exponent`, never rounded, never a float. Trailing zeros are kept,
//! they tell the resolution of the meter's register. Operations that would not fit give `None`.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

/// An exact decimal number.
///
/// ```
/// use mbus_app::decimal::Decimal;
/// let volume = Decimal::new(2_850_427, -2);
/// assert_eq!(volume.to_string(), "28504.27");
/// assert_eq!("28504.270".parse::<Decimal>()?.cmp_value(&volume), core::cmp::Ordering::Equal);
/// # Ok::<(), mbus_app::decimal::ParseDecimalError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decimal {
    /// The digits.
    pub mantissa: i128,
    /// The power of ten.
    pub exponent: i16,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// `mantissa * 10^exponent`.
    #[must_use]
    pub const fn new(mantissa: i128, exponent: i16) -> Self {
        Self { mantissa, exponent }
    }
    /// This number times ten to the power of `exponent`; `None` when the exponent does not fit.
    #[must_use]
    pub const fn shifted(self, exponent: i16) -> Option<Self> {
        match self.exponent.checked_add(exponent) {
            Some(exponent) => Some(Self { mantissa: self.mantissa, exponent }),
            None => None,
        }
    }
    /// The same number with the exponent `exponent`; `None` when digits would be lost or do not fit.
    #[must_use]
    pub const fn with_exponent(self, exponent: i16) -> Option<Self> {
        let mut mantissa = self.mantissa;
        if mantissa == 0 {
            return Some(Self { mantissa, exponent });
        }
        let mut at = self.exponent;
        while at > exponent {
            mantissa = match times(mantissa, 10) {
                Some(mantissa) => mantissa,
                None => return None,
            };
            at = at.wrapping_sub(1);
        }
        while at < exponent {
            if mantissa % 10 != 0 {
                return None;
            }
            mantissa /= 10;
            at = at.wrapping_add(1);
        }
        Some(Self { mantissa, exponent })
    }
    /// The number without trailing zeros: equal numbers become identical.
    #[must_use]
    pub const fn normalized(self) -> Self {
        if self.mantissa == 0 {
            return Self::ZERO;
        }
        let mut mantissa = self.mantissa;
        let mut exponent = self.exponent;
        while mantissa % 10 == 0 && exponent < i16::MAX {
            mantissa /= 10;
            exponent = exponent.wrapping_add(1);
        }
        Self { mantissa, exponent }
    }
    /// The sum; `None` when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        let exponent = if self.exponent < other.exponent { self.exponent } else { other.exponent };
        match (self.lowered_to(exponent), other.lowered_to(exponent)) {
            (Some(a), Some(b)) => match a.checked_add(b) {
                Some(mantissa) => Some(Self { mantissa, exponent }),
                None => None,
            },
            _ => None,
        }
    }
    /// The mantissa that goes with `exponent`, which is not above the number's own.
    const fn lowered_to(self, exponent: i16) -> Option<i128> {
        let (mut mantissa, mut at) = (self.mantissa, self.exponent);
        while at > exponent && mantissa != 0 {
            mantissa = match times(mantissa, 10) {
                Some(mantissa) => mantissa,
                None => return None,
            };
            at = at.wrapping_sub(1);
        }
        Some(mantissa)
    }
    /// The product; `None` when it does not fit.
    #[must_use]
    pub const fn checked_mul(self, other: Self) -> Option<Self> {
        match (self.mantissa.checked_mul(other.mantissa), self.exponent.checked_add(other.exponent)) {
            (Some(mantissa), Some(exponent)) => Some(Self { mantissa, exponent }),
            _ => None,
        }
    }
    /// Which number is the greater, whatever their trailing zeros.
    #[must_use]
    pub fn cmp_value(&self, other: &Self) -> Ordering {
        let (a, b) = (self.normalized(), other.normalized());
        let exponent = a.exponent.min(b.exponent);
        match (a.with_exponent(exponent), b.with_exponent(exponent)) {
            (Some(a), Some(b)) => a.mantissa.cmp(&b.mantissa),
            // One of them is too large to be written with the other's exponent: its sign decides.
            (None, _) => a.mantissa.cmp(&0),
            (_, None) => 0.cmp(&b.mantissa),
        }
    }
}

/// A number times a small factor; `None` when it does not fit. One limb and its carry after the other: a
/// checked multiplication of two 128 bit numbers takes a microcontroller ten times the code.
pub(crate) const fn times(number: i128, factor: u32) -> Option<i128> {
    let mut rest = number.unsigned_abs();
    let (mut product, mut carry, mut limbs) = (0u128, 0u64, 4u8);
    while limbs > 0 {
        let [a, b, c, d, ..] = rest.to_le_bytes();
        let sum = (u32::from_le_bytes([a, b, c, d]) as u64).wrapping_mul(factor as u64).wrapping_add(carry);
        product = product >> 32 | ((sum & 0xFFFF_FFFF) as u128) << 96;
        carry = sum >> 32;
        rest >>= 32;
        limbs = limbs.wrapping_sub(1);
    }
    if carry != 0 || product > i128::MAX.unsigned_abs() {
        return None;
    }
    let product = i128::from_le_bytes(product.to_le_bytes());
    Some(if number < 0 { product.wrapping_neg() } else { product })
}

/// Without exponent: `28504.27`, `-0.003`, `5000`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if self.mantissa < 0 {
            f.write_char('-')?;
        }
        // 39 digits hold every 128 bit number; written from the last to the first.
        let mut digits = [b'0'; 39];
        let mut rest = self.mantissa.unsigned_abs();
        let mut count = 0usize;
        for digit in digits.iter_mut().rev() {
            // Nearly all numbers fit into 64 bits, which divide many times faster.
            let low = match u64::try_from(rest) {
                Ok(short) => {
                    rest = u128::from(short / 10);
                    short % 10
                }
                Err(_) => {
                    let [low, ..] = (rest % 10).to_le_bytes();
                    rest /= 10;
                    u64::from(low)
                }
            };
            let [low, ..] = low.to_le_bytes();
            *digit = b'0' | low;
            count = count.saturating_add(1);
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(39usize.saturating_sub(count)..).unwrap_or_default();
        let put = |f: &mut fmt::Formatter<'_>, digits: &[u8]| {
            digits.iter().try_for_each(|d| f.write_char(char::from(*d)))
        };
        if self.exponent >= 0 {
            put(f, digits)?;
            if self.mantissa != 0 {
                (0..self.exponent).try_for_each(|_| f.write_char('0'))?;
            }
            return Ok(());
        }
        let places = usize::from(self.exponent.unsigned_abs());
        match digits.split_at_checked(count.saturating_sub(places)) {
            Some((whole, fraction)) => {
                if whole.is_empty() {
                    f.write_char('0')?;
                }
                put(f, whole)?;
                f.write_char('.')?;
                (0..places.saturating_sub(fraction.len())).try_for_each(|_| f.write_char('0'))?;
                put(f, fraction)
            }
            None => Ok(()),
        }
    }
}

/// Text that is not a decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected a decimal number such as -12.50")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseDecimalError;

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let mut mantissa = 0i128;
        let mut exponent = 0i16;
        let mut point = false;
        let mut any = false;
        for octet in digits.bytes() {
            match octet {
                b'0'..=b'9' => {
                    let digit = i128::from(octet & 0x0F);
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|m| m.checked_add(digit))
                        .ok_or(ParseDecimalError)?;
                    if point {
                        exponent = exponent.checked_sub(1).ok_or(ParseDecimalError)?;
                    }
                    any = true;
                }
                b'.' if !point => point = true,
                _ => return Err(ParseDecimalError),
            }
        }
        if !any {
            return Err(ParseDecimalError);
        }
        let mantissa = if negative { mantissa.checked_neg().ok_or(ParseDecimalError)? } else { mantissa };
        Ok(Self { mantissa, exponent })
    }
}

macro_rules! from_integers {
    ($($type:ty)*) => {$(
        impl From<$type> for Decimal {
            fn from(number: $type) -> Self {
                Self { mantissa: i128::from(number), exponent: 0 }
            }
        }
    )*};
}

from_integers! { u8 i8 u16 i16 u32 i32 u64 i64 }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_is_a_checked_product() {
        let factors = [0, 1, 2, 5, 10, 244_140_625, u32::MAX];
        let numbers =
            [0, 1, 9, 0xFFFF_FFFF, 1 << 32, u64::MAX.into(), 1 << 64, 1 << 96, i128::MAX / 10, i128::MAX];
        for factor in factors {
            for number in numbers.into_iter().flat_map(|n: i128| [n, -n, n / 3, -n / 7]) {
                assert_eq!(times(number, factor), number.checked_mul(factor.into()), "{number} {factor}");
            }
        }
    }
    use std::string::ToString;

    #[test]
    fn prints_without_exponent() {
        for (mantissa, exponent, text) in [
            (2_850_427, -2, "28504.27"),
            (-3, -3, "-0.003"),
            (5, 3, "5000"),
            (0, 4, "0"),
            (0, -2, "0.00"),
            (100, -2, "1.00"),
            (1, -1, "0.1"),
            (-120, -1, "-12.0"),
            (i128::MAX, 0, "170141183460469231731687303715884105727"),
            (i128::MIN, -39, "-0.170141183460469231731687303715884105728"),
            (7, -12, "0.000000000007"),
        ] {
            assert_eq!(Decimal::new(mantissa, exponent).to_string(), text);
            let parsed: Result<Decimal, _> = text.parse();
            if mantissa != i128::MIN {
                assert_eq!(
                    parsed.unwrap().cmp_value(&Decimal::new(mantissa, exponent)),
                    Ordering::Equal,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn text_that_is_no_number() {
        for text in
            ["", "-", ".", "1.2.3", "1e3", "+1", "0x1", "١", "999999999999999999999999999999999999999999"]
        {
            assert_eq!(text.parse::<Decimal>(), Err(ParseDecimalError), "{text}");
        }
    }

    #[test]
    fn sums_and_products_are_exact_or_nothing() {
        let tenth = Decimal::new(1, -1);
        assert_eq!(tenth.checked_add(Decimal::new(2, -1)), Some(Decimal::new(3, -1)));
        assert_eq!(Decimal::new(5, 2).checked_add(Decimal::new(1, -3)), Some(Decimal::new(500_001, -3)));
        assert_eq!(Decimal::new(i128::MAX, 0).checked_add(Decimal::new(1, 0)), None);
        assert_eq!(Decimal::new(1, 100).checked_add(Decimal::new(1, 0)), None);
        assert_eq!(Decimal::new(12, -1).checked_mul(Decimal::new(5, 3)), Some(Decimal::new(60, 2)));
        assert_eq!(Decimal::new(1, i16::MAX).shifted(1), None);
        assert_eq!(Decimal::new(1201, -2).with_exponent(-1), None);
    }

    #[test]
    fn compares_by_value() {
        let big = Decimal::new(1, 300);
        assert_eq!(big.cmp_value(&Decimal::new(1, -300)), Ordering::Greater);
        assert_eq!(Decimal::new(-1, 300).cmp_value(&Decimal::new(1, -300)), Ordering::Less);
        assert_eq!(Decimal::new(10, -1).cmp_value(&Decimal::new(1, 0)), Ordering::Equal);
        assert_eq!(Decimal::new(0, 5), Decimal::new(0, 5));
    }
}
