//! How far the values of a profile lie apart: spacing unit and spacing value.
//!
//! ```text
//! unit (bits 5 and 4 of the control octet)   0 seconds  1 minutes   2 hours     3 days
//! value 1 to 250                             n of the unit
//! value 0                                    column 1   2           3           4 of an array
//! value 253                                  -          -           -           half a month
//! value 254                                  -          6 months    3 months    1 month
//! ```
//!
//! EN 13757-3:2018, Annex F. Invariants: months are calendar months; a spacing that is none in time gives no time.

use mbus_link::time::Duration;

use crate::moment::Moment;

/// How far the values lie apart (spacing unit and spacing value).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Spacing {
    /// Not in time: column 1 to 4 of an array.
    Column(u8),
    /// 1 to 250 seconds.
    Seconds(u8),
    /// 1 to 250 minutes.
    Minutes(u8),
    /// 1 to 250 hours.
    Hours(u8),
    /// 1 to 250 days.
    Days(u8),
    /// Half a month. Only its name is known; read as the 1st and 16th of a month, never written.
    HalfMonth,
    /// 1, 3 or 6 months.
    Months(u8),
    /// Reserved: unit 0 to 3 and value.
    Reserved(u8, u8),
}

impl Spacing {
    /// The spacing of a unit (two bits) and a value.
    #[must_use]
    pub const fn from_codes(unit: u8, value: u8) -> Self {
        match (unit & 3, value) {
            (unit, 0) => Self::Column(unit.wrapping_add(1)),
            (0, 1..=250) => Self::Seconds(value),
            (1, 1..=250) => Self::Minutes(value),
            (2, 1..=250) => Self::Hours(value),
            (3, 1..=250) => Self::Days(value),
            (3, 253) => Self::HalfMonth,
            (1, 254) => Self::Months(6),
            (2, 254) => Self::Months(3),
            (3, 254) => Self::Months(1),
            (unit, value) => Self::Reserved(unit, value),
        }
    }
    /// Unit and value; `None` for steps that have no code.
    #[must_use]
    pub const fn codes(self) -> Option<(u8, u8)> {
        match self {
            Self::Column(column @ 1..=4) => Some((column.wrapping_sub(1), 0)),
            Self::Seconds(n @ 1..=250) => Some((0, n)),
            Self::Minutes(n @ 1..=250) => Some((1, n)),
            Self::Hours(n @ 1..=250) => Some((2, n)),
            Self::Days(n @ 1..=250) => Some((3, n)),
            Self::HalfMonth => Some((3, 253)),
            Self::Months(6) => Some((1, 254)),
            Self::Months(3) => Some((2, 254)),
            Self::Months(1) => Some((3, 254)),
            Self::Reserved(unit @ 0..=3, value @ 251..) => Some((unit, value)),
            _ => None,
        }
    }
    /// The spacing of a series: the one step that leads from the first moment to all others, towards later or towards
    /// earlier ones. Months are preferred to days, days to hours and so on. `None` for less than two moments, for
    /// moments that no step leads to, and for a step that has no code.
    #[must_use]
    pub fn between(moments: impl Iterator<Item = Moment> + Clone) -> Option<Self> {
        let mut pair = moments.clone();
        let (first, second) = (pair.next()?, pair.next()?);
        let days = second.days_since(first)?;
        let seconds = second.seconds_since(first);
        let forward = seconds.unwrap_or(days) > 0;
        let steps_of = |total: Option<i64>, unit: i64| {
            let total = total?.checked_abs()?;
            let whole = total.checked_rem(unit)? == 0;
            if whole { u8::try_from(total.checked_div(unit)?).ok() } else { None }
        };
        let days = Some(days).filter(|_| seconds.is_none_or(|seconds| seconds % 86_400 == 0));
        let candidates = [
            Some(Self::Months(1)),
            Some(Self::Months(3)),
            Some(Self::Months(6)),
            steps_of(days, 1).map(Self::Days),
            steps_of(seconds, 3600).map(Self::Hours),
            steps_of(seconds, 60).map(Self::Minutes),
            steps_of(seconds, 1).map(Self::Seconds),
        ];
        candidates.into_iter().flatten().find(|spacing| {
            spacing.codes().is_some_and(|(_, value)| value != 0)
                && moments.clone().zip(0i64..).all(|(moment, n)| {
                    let steps = if forward { n } else { n.wrapping_neg() };
                    spacing.at(first, steps).is_some_and(|expected| expected.is_same(moment))
                })
        })
    }
    /// The span of a step, where all steps are of the same length: not for months.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        let (n, unit) = match self {
            Self::Seconds(n) => (n, 1),
            Self::Minutes(n) => (n, 60),
            Self::Hours(n) => (n, 3600),
            Self::Days(n) => (n, 86_400),
            Self::HalfMonth | Self::Months(_) | Self::Column(_) | Self::Reserved(..) => return None,
        };
        Some(Duration::from_secs(unit).saturating_mul(n.into()))
    }
    /// The moment `steps` steps after `base`, or before it. `None` where the spacing is not one in time, or
    /// the base has no time of day for steps below a day.
    #[must_use]
    pub fn at(self, base: Moment, steps: i64) -> Option<Moment> {
        let times = |n: u8, unit: i64| i64::from(n).checked_mul(unit)?.checked_mul(steps);
        match self {
            Self::Seconds(n) => base.plus_seconds(times(n, 1)?),
            Self::Minutes(n) => base.plus_seconds(times(n, 60)?),
            Self::Hours(n) => base.plus_seconds(times(n, 3600)?),
            Self::Days(n) => base.plus_days(times(n, 1)?),
            Self::Months(n) => base.plus_months(times(n, 1)?),
            Self::HalfMonth => half_months(base, steps),
            Self::Column(_) | Self::Reserved(..) => None,
        }
    }
}

/// Between the 1st and the 16th; from any other day nobody knows.
fn half_months(base: Moment, steps: i64) -> Option<Moment> {
    let halves = match base.date().day {
        Some(1) => steps,
        Some(16) => steps.checked_add(1)?,
        _ => return None,
    };
    let first = if base.date().day == Some(16) { base.plus_days(-15)? } else { base };
    first.plus_months(halves.div_euclid(2))?.plus_days(halves.rem_euclid(2).checked_mul(15)?)
}
