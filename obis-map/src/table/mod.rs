//! The rows that name a reading, one file per medium.
//!
//! Invariants: a row marked [`Source::AnnexA`] is one line of OMS Vol. 2, Annex A, complete with its
//! presence and period; all 148 lines are here, also those that no record can give (they come from the
//! header, the status, the receiver). The other rows lie outside the annex and say where they are from
//! and how sure they are. Within the annex, and within the rest, no two rows answer the same question
//! (tested); the annex goes first.
//!
//! To add a row, add it to the file of its medium. `e` in a code stands for the tariff, `f` for the
//! storage number of a record whose DIB ends with a DIFE of 00.

pub(crate) mod cooling;
pub(crate) mod device;
pub(crate) mod electricity;
pub(crate) mod gas;
pub(crate) mod hca;
pub(crate) mod heat;
pub(crate) mod water;

use crate::code::{head, number};
use crate::tag::{StorageNumbers, Tag};
use crate::vib_type::VibPattern;
use crate::{Medium, ObisCode, RecordKey};
use core::fmt;
use mbus_app::record::Function;
use mbus_link::DeviceType;

/// Whether the annex asks for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Presence {
    /// `M`: every device of the medium has it.
    Mandatory,
    /// `O`: may be there.
    Optional,
    /// `A1`: at least one of the rows so marked is there.
    Alternative,
}

/// Which of its values a register tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Period {
    /// The annex leaves the column empty.
    Any,
    /// `current`: the running period.
    Current,
    /// `recent`: a past period, F says which.
    Recent,
}

/// Where a row is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Source {
    /// OMS Vol. 2, issue 5.0.1, Annex A.3.
    AnnexA {
        /// The presence column.
        presence: Presence,
        /// The period column.
        period: Period,
    },
    /// Outside the annex: what readers and meters in the field do, or the meaning of the groups in
    /// EN 62056-6-1.
    Outside {
        /// Who does so.
        witness: &'static str,
        /// How sure it is.
        confidence: Confidence,
    },
}

/// How sure a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Confidence {
    /// Inferred from the meaning of the groups, or one source alone.
    Low,
    /// Outside the annex, sources agree but are not independent, or the code had to be chosen.
    Medium,
    /// Outside the annex, independent sources agree.
    High,
    /// A line of OMS Vol. 2, Annex A.
    Annex,
}

impl Confidence {
    /// One lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Annex => "annex",
        }
    }
}

/// A code whose group E may be the tariff and whose group F may be the storage number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CodePattern {
    code: ObisCode,
    tariff: bool,
    storage: bool,
}

impl CodePattern {
    /// `A-B:C.D.E*F`, `e` and `f` for the open groups; `*255` may be missing, as in the annex.
    #[expect(clippy::panic, reason = "runs only in constants of this crate: a wrong row does not compile")]
    pub(crate) const fn new(text: &str) -> Self {
        let Some(([a, b, c, d], rest)) = head(text.as_bytes()) else { panic!("A-B:C.D. begins a code") };
        let (e, tariff, rest) = match (rest, number(rest)) {
            ([b'e', rest @ ..], _) => (0, true, rest),
            (_, Some((e, rest))) => (e, false, rest),
            _ => panic!("group E is a number or e"),
        };
        let storage = match rest {
            b"" | b"*255" => false,
            b"*f" => true,
            _ => panic!("group F is 255 or f"),
        };
        Self { code: ObisCode::new(a, b, c, d, e, ObisCode::CURRENT), tariff, storage }
    }
    /// The code with the lowest value in its open groups: tariff 0, period 0.
    #[must_use]
    pub const fn base(&self) -> ObisCode {
        if self.storage {
            let [a, b, c, d, e, _] = self.code.octets();
            ObisCode::new(a, b, c, d, e, 0)
        } else {
            self.code
        }
    }
    /// True when group E is the tariff.
    #[must_use]
    pub const fn has_tariff(&self) -> bool {
        self.tariff
    }
    /// True when group F is the storage number.
    #[must_use]
    pub const fn has_storage(&self) -> bool {
        self.storage
    }
    /// The code of a record with these numbers; `None` when one is too large for its group.
    pub(crate) fn code(&self, channel: u16, tariff: u32, storage: u64) -> Option<ObisCode> {
        let [a, _, c, d, e, f] = self.code.octets();
        let b = u8::try_from(channel).ok().filter(|b| *b <= 64)?;
        let e = if self.tariff { u8::try_from(tariff).ok().filter(|e| *e <= 63)? } else { e };
        let f = if self.storage { u8::try_from(storage).ok()? } else { f };
        Some(ObisCode::new(a, b, c, d, e, f))
    }
    /// True when `code` is one of this pattern.
    #[must_use]
    pub const fn matches(&self, code: ObisCode) -> bool {
        let [a, _, c, d, e, f] = self.code.octets();
        a == code.a()
            && c == code.c()
            && d == code.d()
            && (self.tariff || e == code.e())
            && (f == code.f() && !self.storage || self.storage && code.f() != ObisCode::CURRENT)
    }
}

/// As the annex writes it, `e` and `f` for the open groups.
impl fmt::Display for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, period] = self.code.octets();
        write!(f, "{a}-{b}:{c}.{d}.")?;
        if self.tariff {
            f.write_str("e")?
        } else {
            write!(f, "{e}")?
        }
        if self.storage { f.write_str("*f") } else { write!(f, "*{period}") }
    }
}

impl fmt::Debug for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodePattern({self})")
    }
}

/// The records of a row outside the annex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Pattern {
    /// The function field.
    pub function: Function,
    /// The storage numbers, also above those that [`StorageNumbers`] can say when `open` is set.
    pub storage: StorageNumbers,
    /// True when every higher storage number fits as well.
    pub open: bool,
    /// The VIBs.
    pub vibs: &'static [VibPattern],
}

/// One row: a code and the records that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Row {
    /// The code.
    pub code: CodePattern,
    /// Where the row is from.
    pub source: Source,
    /// The tags of an annex row, in the order of the annex.
    pub tags: &'static [&'static Tag],
    /// Tags that the annex lists here too, but whose records have another row as their first answer.
    pub also: &'static [&'static Tag],
    /// The records of a row outside the annex.
    pub pattern: Option<Pattern>,
    /// Gas flow has one code when the telegram tells the averaging duration (`DP2!`), and another when it
    /// does not. `None` for all other rows.
    pub averaging: Option<bool>,
}

impl Row {
    /// True for a line of OMS Vol. 2, Annex A.
    #[must_use]
    pub const fn is_annex(&self) -> bool {
        matches!(self.source, Source::AnnexA { .. })
    }
    /// How sure the row is.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        match self.source {
            Source::AnnexA { .. } => Confidence::Annex,
            Source::Outside { confidence, .. } => confidence,
        }
    }
    /// True when a tag of this row fits the tariff. A row without `e` takes only the first tariff.
    pub(crate) const fn tariff_fits(&self, tag: &Tag, tariff: u32) -> bool {
        self.code.tariff || tariff == tag.tariff.0 as u32
    }
    /// The tag of `tags` that the record is an instance of.
    pub(crate) fn tag_of(&self, tags: &'static [&'static Tag], key: RecordKey<'_>) -> Option<&'static Tag> {
        tags.iter().copied().find(|tag| self.tariff_fits(tag, key.tariff) && tag.matches(key))
    }
    /// True when the record is one of a row outside the annex.
    pub(crate) fn matches_outside(&self, key: RecordKey<'_>) -> bool {
        let Some(pattern) = self.pattern else { return false };
        let storage = pattern.storage.contains(key.storage)
            || pattern.open && key.storage >= pattern.storage.first().into();
        pattern.function == key.function
            && !key.register
            && storage
            && (self.code.tariff || key.tariff == 0)
            && pattern.vibs.iter().any(|vib| vib.matches(key.vib))
    }
}

const MANDATORY: Presence = Presence::Mandatory;
const OPTIONAL: Presence = Presence::Optional;
const ALTERNATIVE: Presence = Presence::Alternative;
const ANY: Period = Period::Any;
const CURRENT: Period = Period::Current;
const RECENT: Period = Period::Recent;

/// A line of the annex.
const fn annex(
    presence: Presence,
    code: &'static str,
    period: Period,
    tags: &'static [&'static Tag],
    also: &'static [&'static Tag],
) -> Row {
    Row {
        code: CodePattern::new(code),
        source: Source::AnnexA { presence, period },
        tags,
        also,
        pattern: None,
        averaging: None,
    }
}

/// A line of the annex that depends on whether the telegram tells the averaging duration.
const fn averaging(told: bool, presence: Presence, code: &'static str, tags: &'static [&'static Tag]) -> Row {
    let row = annex(presence, code, ANY, tags, &[]);
    Row { averaging: Some(told), ..row }
}

const HIGH: Confidence = Confidence::High;
const MIDDLE: Confidence = Confidence::Medium;
const LOW: Confidence = Confidence::Low;

/// A row outside the annex for records of one storage number.
const fn outside(
    confidence: Confidence,
    code: &'static str,
    function: Function,
    storage: u8,
    vibs: &'static [VibPattern],
    witness: &'static str,
) -> Row {
    let storage = StorageNumbers::Range(storage, storage);
    Row {
        code: CodePattern::new(code),
        source: Source::Outside { witness, confidence },
        tags: &[],
        also: &[],
        pattern: Some(Pattern { function, storage, open: false, vibs }),
        averaging: None,
    }
}

/// A row outside the annex for records of this storage number and all above. The storage number stands
/// beside the code: no source relates it to group F.
const fn past(code: &'static str, first: u8, vibs: &'static [VibPattern]) -> Row {
    let storage = StorageNumbers::Range(first, first);
    Row {
        code: CodePattern::new(code),
        source: Source::Outside { witness: "EN 62056-6-1, by meaning", confidence: LOW },
        tags: &[],
        also: &[],
        pattern: Some(Pattern { function: crate::tag::INSTANTANEOUS, storage, open: true, vibs }),
        averaging: None,
    }
}

/// Short for the tables.
const fn vib(text: &str) -> VibPattern {
    VibPattern::new(text)
}

/// The tables of one question, in the order they are asked: annex rows first, then the rest.
pub(crate) fn tables(medium: Medium, device_type: DeviceType) -> [&'static [Row]; 6] {
    let combined = medium == Medium::HEAT && device_type == DeviceType::HEAT_COOLING;
    let (annex, outside): (&[Row], &[Row]) = match medium {
        Medium::ELECTRICITY => (electricity::ANNEX, electricity::OUTSIDE),
        Medium::HEAT_COST_ALLOCATOR => (hca::ANNEX, hca::OUTSIDE),
        Medium::COOLING => (cooling::ANNEX, cooling::OUTSIDE),
        Medium::HEAT => (heat::ANNEX, heat::OUTSIDE),
        Medium::GAS => (gas::ANNEX, gas::OUTSIDE),
        Medium::COLD_WATER => (water::COLD_ANNEX, water::COLD_OUTSIDE),
        Medium::HOT_WATER => (water::HOT_ANNEX, water::HOT_OUTSIDE),
        _ => (&[], &[]),
    };
    let (cooling, cooling_outside): (&[Row], &[Row]) =
        if combined { (cooling::COMBINED_ANNEX, cooling::COMBINED_OUTSIDE) } else { (&[], &[]) };
    [annex, cooling, device::ANNEX, outside, cooling_outside, device::OUTSIDE]
}

/// Every row, annex and other, with the device types it holds for.
///
/// ```
/// use obis_map::rows;
/// assert_eq!(rows().filter(|row| row.is_annex()).count(), 148);
/// ```
pub fn rows() -> impl Iterator<Item = &'static Row> {
    const ALL: [&[Row]; 18] = [
        device::ANNEX,
        electricity::ANNEX,
        hca::ANNEX,
        cooling::ANNEX,
        cooling::COMBINED_ANNEX,
        heat::ANNEX,
        gas::ANNEX,
        water::COLD_ANNEX,
        water::HOT_ANNEX,
        device::OUTSIDE,
        electricity::OUTSIDE,
        hca::OUTSIDE,
        cooling::OUTSIDE,
        cooling::COMBINED_OUTSIDE,
        heat::OUTSIDE,
        gas::OUTSIDE,
        water::COLD_OUTSIDE,
        water::HOT_OUTSIDE,
    ];
    ALL.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn patterns_print_as_the_annex_writes_them() {
        for text in ["1-0:1.8.e*f", "1-0:1.8.0*f", "1-0:1.8.e*255", "1-0:81.7.26*255", "0-0:96.1.10*255"] {
            assert_eq!(CodePattern::new(text).to_string(), text);
        }
        assert_eq!(CodePattern::new("1-0:0.1.0").to_string(), "1-0:0.1.0*255");
    }

    #[test]
    fn open_groups_take_their_numbers() {
        let pattern = CodePattern::new("1-0:1.8.e*f");
        assert_eq!(pattern.code(2, 3, 101), Some(ObisCode::new(1, 2, 1, 8, 3, 101)));
        assert_eq!(pattern.code(65, 0, 0), None);
        assert_eq!(pattern.code(0, 64, 0), None);
        assert_eq!(pattern.code(0, 0, 256), None);
        assert!(pattern.matches(ObisCode::new(1, 9, 1, 8, 15, 12)));
        assert!(!pattern.matches(ObisCode::new(1, 9, 1, 8, 15, 255)));
        assert!(!CodePattern::new("1-0:1.8.0*255").matches(ObisCode::new(1, 0, 1, 8, 1, 255)));
    }
}
