//! The value information block as sent: VIF, VIFEs, and the unit as text.
//!
//! ```text
//! VIF | VIFE x 0..10                          bit 7 of each: another one follows
//! 7C  | length | text
//! FC  | VIFE x 1..10 | length | text          EN 13757-3:2018, Annex C.2
//! FC  | length | text | VIFE x 1..10          many wired meters
//! ```
//!
//! Invariants: a [`Vib`] is a view over one whole block; its row is found, its octets stay as sent. Behind
//! VIF or VIFE 7Fh/FFh everything is the manufacturer's and is never looked up.

use crate::value::Text;
use crate::vif::orthogonal::{ACTIONS, COMBINABLE, COMBINABLE_NAMES, Effect, MAIN, MAIN_NAMES};
use crate::vif::{RESERVED, Row, fb, fd, fd_fd, primary};

use super::dib::chain_len;
use super::{Direction, PlainTextOrder, RecordOptions};

/// The most VIFE of a block.
pub const MAX_VIFE: usize = 10;

/// A whole value information block.
#[derive(Clone, Copy, Debug)]
pub struct Vib<'a> {
    octets: &'a [u8],
    row: &'static Row,
    parts: Parts,
}

/// Where the text of a text unit stands.
#[derive(Clone, Copy, Debug)]
enum TextPlace {
    None,
    /// VIF, length, text, VIFEs.
    Before,
    /// VIF, VIFEs, length, text.
    Behind,
}

/// Where the parts of a record lie, packed into one word so that a record moves in few steps: DIF, octets of
/// the DIB, of the VIFEs, of the text, place of the text, direction, octets of data (2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts(u64);

impl Parts {
    /// A VIF alone.
    pub(super) const NONE: Self = Self(0);
    /// A VIF and one VIFE.
    pub(super) const ONE_VIFE: Self = Self::new(1, TextPlace::None, 0);

    const fn new(vifes_len: u8, place: TextPlace, text_len: u8) -> Self {
        Self(u64::from_le_bytes([0, 0, vifes_len, text_len, place as u8, 0, 0, 0]))
    }
    /// The same behind a DIB, in a telegram that goes this way.
    #[inline]
    pub(super) const fn behind(self, dif: u8, dib_len: u8, direction: Direction) -> Self {
        let way = (direction as u64) << 40;
        Self(self.0 & 0xFFFF_00FF_FFFF_0000 | way | u16::from_le_bytes([dif, dib_len]) as u64)
    }
    /// The same with so many octets of data.
    #[inline]
    pub(super) const fn with_data_len(self, data_len: u16) -> Self {
        Self(self.0 & 0x0000_FFFF_FFFF_FFFF | (data_len as u64) << 48)
    }
    #[inline]
    pub(super) const fn dif(self) -> u8 {
        let [dif, ..] = self.0.to_le_bytes();
        dif
    }
    #[inline]
    pub(super) const fn dib_len(self) -> u8 {
        let [_, len, ..] = self.0.to_le_bytes();
        len
    }
    #[inline]
    pub(super) const fn direction(self) -> Direction {
        let [_, _, _, _, _, direction, ..] = self.0.to_le_bytes();
        if direction == Direction::ToDevice as u8 { Direction::ToDevice } else { Direction::FromDevice }
    }
    #[inline]
    pub(super) const fn data_len(self) -> u16 {
        let [.., a, b] = self.0.to_le_bytes();
        u16::from_le_bytes([a, b])
    }
    /// True when a DIFE follows the DIF.
    #[inline]
    pub(super) const fn has_difes(self) -> bool {
        self.dib_len() > 1
    }
    /// True when a VIFE qualifies the value.
    #[inline]
    pub(super) const fn is_qualified(self) -> bool {
        self.0 & 0x00FF_0000 != 0
    }
    /// Where the VIFEs stand in a block of `vib_len` octets: at its end, but for a text behind them.
    const fn vifes(self, vib_len: usize) -> (usize, usize) {
        let [_, _, len, _, place, ..] = self.0.to_le_bytes();
        let len = len as usize;
        let at = if place == TextPlace::Behind as u8 { 1 } else { vib_len.saturating_sub(len) };
        (at, len)
    }
    /// Where the text stands.
    const fn text(self) -> Option<(usize, usize)> {
        let [_, _, vifes_len, len, place, ..] = self.0.to_le_bytes();
        let at = match place {
            0 => return None,
            place if place == TextPlace::Before as u8 => 2,
            _ => (vifes_len as usize).saturating_add(2),
        };
        Some((at, len as usize))
    }
}

/// Why octets are no value information block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VibError {
    Truncated,
    TooManyVife,
}

impl<'a> Vib<'a> {
    /// A VIF alone.
    #[inline]
    const fn single(octets: &'a [u8], row: &'static Row) -> Self {
        Self { octets, row, parts: Parts::NONE }
    }
    #[inline]
    pub(super) const fn from_checked(octets: &'a [u8], row: &'static Row, parts: Parts) -> Self {
        Self { octets, row, parts }
    }
    pub(super) const fn parts(&self) -> Parts {
        self.parts
    }
    /// A chain without text; `vifes` is its end.
    fn chain(octets: &'a [u8], vifes: &'a [u8], row: &'static Row) -> Self {
        Self { octets, row, parts: Parts::new(low_octet(vifes.len()), TextPlace::None, 0) }
    }

    /// `data_len`: octets of data that must follow, where that is known; it helps to tell the two orders
    /// of a text unit apart.
    #[inline]
    pub(crate) fn parse_prefix(
        octets: &'a [u8],
        data_len: Option<usize>,
        options: &RecordOptions,
    ) -> Result<(Self, &'a [u8]), VibError> {
        let Some((&vif, after)) = octets.split_first() else { return Err(VibError::Truncated) };
        if vif & 0x80 == 0 && vif != 0x7C {
            let row = primary::PRIMARY.get(usize::from(vif)).unwrap_or(&RESERVED);
            let (octets, _) = octets.split_at_checked(1).ok_or(VibError::Truncated)?;
            return Ok((Self::single(octets, row), after));
        }
        if vif & 0x7F == 0x7C {
            return Self::with_text(octets, data_len, options);
        }
        let (octets, rest) = split_chain(octets)?;
        let (row, vifes) = Self::look_up(octets, options);
        Ok((Self::chain(octets, vifes, row), rest))
    }

    /// The row of a block whose VIF has its extension bit set, and the orthogonal VIFEs behind it.
    fn look_up(octets: &'a [u8], options: &RecordOptions) -> (&'static Row, &'a [u8]) {
        let find = |table: &'static [Row], code: u8| table.get(usize::from(code & 0x7F)).unwrap_or(&RESERVED);
        match octets {
            [0xFB, code, vifes @ ..] => {
                let row = find(&fb::FB, *code);
                let old = if options.legacy_tables {
                    fb::LEGACY.iter().find(|old| old.code == row.code)
                } else {
                    None
                };
                (old.unwrap_or(row), vifes)
            }
            [0xFD, 0xFD, code, vifes @ ..] => (find(&fd_fd::FD_FD, *code), vifes),
            [0xFD, code, vifes @ ..] => (find(&fd::FD, *code), vifes),
            // A third extension table is announced and not there yet.
            [0xEF, ..] => (&RESERVED, &[]),
            [vif @ 0xFF, ..] => (find(&primary::PRIMARY, *vif), &[]),
            [vif, vifes @ ..] => (find(&primary::PRIMARY, *vif), vifes),
            [] => (&RESERVED, &[]),
        }
    }

    fn with_text(
        octets: &'a [u8],
        data_len: Option<usize>,
        options: &RecordOptions,
    ) -> Result<(Self, &'a [u8]), VibError> {
        let standard = Self::text_behind(octets);
        let legacy = || Self::text_before(octets);
        match options.plain_text {
            PlainTextOrder::Standard => standard,
            PlainTextOrder::Legacy => legacy(),
            PlainTextOrder::Auto => match (&standard, legacy()) {
                (Ok((vib, rest)), _) if vib.text_is_plausible() && data_len.unwrap_or(0) <= rest.len() => {
                    standard
                }
                (_, Ok((vib, rest))) if vib.text_is_plausible() && data_len.unwrap_or(0) <= rest.len() => {
                    Ok((vib, rest))
                }
                _ => standard,
            },
        }
    }
    /// VIF, all VIFEs, length, text.
    fn text_behind(octets: &'a [u8]) -> Result<(Self, &'a [u8]), VibError> {
        let (chain, rest) = split_chain(octets)?;
        let (text, rest) = split_text(rest)?;
        let vifes_len = low_octet(chain.len().saturating_sub(1));
        let parts = Parts::new(vifes_len, TextPlace::Behind, low_octet(text.len()));
        Self::of_text(octets, parts, rest)
    }
    /// VIF, length, text, all VIFEs.
    fn text_before(octets: &'a [u8]) -> Result<(Self, &'a [u8]), VibError> {
        let (&vif, rest) = octets.split_first().ok_or(VibError::Truncated)?;
        let (text, rest) = split_text(rest)?;
        let text_len = low_octet(text.len());
        if vif & 0x80 == 0 {
            return Self::of_text(octets, Parts::new(0, TextPlace::Before, text_len), rest);
        }
        let (vifes, rest) = split_chain_of(rest, MAX_VIFE.saturating_sub(1))?;
        Self::of_text(octets, Parts::new(low_octet(vifes.len()), TextPlace::Before, text_len), rest)
    }
    fn of_text(octets: &'a [u8], parts: Parts, rest: &'a [u8]) -> Result<(Self, &'a [u8]), VibError> {
        let len = octets.len().saturating_sub(rest.len());
        let octets = octets.get(..len).ok_or(VibError::Truncated)?;
        let row = primary::PRIMARY.get(0x7C).unwrap_or(&RESERVED);
        Ok((Self { octets, row, parts }, rest))
    }
    fn text_is_plausible(&self) -> bool {
        let Some(place) = self.parts.text() else { return false };
        let text = self.part(place);
        (1..=64).contains(&text.len()) && text.iter().all(|letter| matches!(letter, 0x20..=0x7E | 0xA1..))
    }

    /// The octets as sent, text included.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The line of the table that the VIF, or the true VIF behind FBh and FDh, stands for.
    #[must_use]
    pub const fn row(&self) -> &'static Row {
        self.row
    }
    /// The orthogonal VIFEs: those behind the true VIF.
    #[must_use]
    pub const fn vifes(&self) -> &'a [u8] {
        self.part(self.parts.vifes(self.octets.len()))
    }
    const fn part(&self, (at, len): (usize, usize)) -> &'a [u8] {
        match self.octets.split_at_checked(at) {
            Some((_, rest)) => match rest.split_at_checked(len) {
                Some((part, _)) => part,
                None => &[],
            },
            None => &[],
        }
    }
    /// The unit as text (VIF 7Ch, FCh).
    #[must_use]
    pub const fn plain_text(&self) -> Option<Text<'a>> {
        match self.parts.text() {
            None => None,
            Some(place) => Some(Text(self.part(place))),
        }
    }
    /// What the orthogonal VIFEs say, one after the other.
    #[must_use]
    pub const fn qualifiers(&self, direction: Direction) -> Qualifiers<'a> {
        Qualifiers { vifes: self.vifes(), direction }
    }
}

/// Chains and texts are counted in one octet.
fn low_octet(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn split_chain(octets: &[u8]) -> Result<(&[u8], &[u8]), VibError> {
    split_chain_of(octets, MAX_VIFE)
}

fn split_chain_of(octets: &[u8], limit: usize) -> Result<(&[u8], &[u8]), VibError> {
    match chain_len(octets, limit).and_then(|len| octets.split_at_checked(len)) {
        Some(parts) => Ok(parts),
        None if octets.len() > limit => Err(VibError::TooManyVife),
        None => Err(VibError::Truncated),
    }
}

fn split_text(octets: &[u8]) -> Result<(&[u8], &[u8]), VibError> {
    let (len, rest) = octets.split_first().ok_or(VibError::Truncated)?;
    rest.split_at_checked(usize::from(*len)).ok_or(VibError::Truncated)
}

/// What one VIFE, or FCh and the VIFE behind it, says about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Qualifier<'a> {
    /// A code of the table of orthogonal VIFEs.
    Orthogonal(u8),
    /// 00h to 0Fh on the way to a device: what is to be done with the object.
    Action(u8),
    /// A code of the table behind VIFE FCh.
    Combinable(u8),
    /// VIFE 7Fh or FFh and all that follows.
    Manufacturer(&'a [u8]),
}

impl Qualifier<'_> {
    /// The words of the table; `reserved` for codes it does not have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let find = |table: &'static [&'static str], code: u8| {
            table.get(usize::from(code)).copied().unwrap_or("reserved")
        };
        match self {
            Self::Orthogonal(code) => find(&MAIN_NAMES, *code),
            Self::Action(code) => find(&ACTIONS, *code),
            Self::Combinable(code) => find(&COMBINABLE_NAMES, *code),
            Self::Manufacturer(_) => "manufacturer specific",
        }
    }
    /// What it does to the number.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Orthogonal(code) => MAIN.get(usize::from(*code)).copied().unwrap_or(Effect::Nothing),
            Self::Action(_) => Effect::Nothing,
            Self::Combinable(code) => COMBINABLE.get(usize::from(*code)).copied().unwrap_or(Effect::Nothing),
            Self::Manufacturer(_) => Effect::Manufacturer,
        }
    }
}

/// The qualifiers of a value information block, in the order sent.
#[derive(Clone, Debug)]
pub struct Qualifiers<'a> {
    vifes: &'a [u8],
    direction: Direction,
}

impl<'a> Iterator for Qualifiers<'a> {
    type Item = Qualifier<'a>;

    fn next(&mut self) -> Option<Qualifier<'a>> {
        let all = self.vifes;
        let (&vife, rest) = all.split_first()?;
        self.vifes = rest;
        Some(match (vife & 0x7F, rest) {
            (0x7F, _) => {
                self.vifes = &[];
                Qualifier::Manufacturer(all)
            }
            (0x7C, [code, rest @ ..]) => {
                self.vifes = rest;
                Qualifier::Combinable(code & 0x7F)
            }
            (code @ 0..=0x0F, _) if self.direction == Direction::ToDevice => Qualifier::Action(code),
            (code, _) => Qualifier::Orthogonal(code),
        })
    }
}
