//! In which of its three states is a buffer: CRCs of format A, CRCs of format B, or none?
//!
//! Invariants: the answer rests on all blocks, never on the first alone, and comes with its evidence.
//! A frame without CRCs has no check sequence, so [`State::Stripped`] says only that L fits. Nothing is
//! repaired here: a length that is off is named, not corrected.

use crate::format_a::{self, RawFormatA};
use crate::format_b::{self, RawFormatB};
use crate::stripped::{MIN_LENGTH, Stripped};
use crate::{Error, block};

/// What a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum State {
    /// Frame format A, every block there and intact.
    FormatA,
    /// Frame format B, every block there and intact.
    FormatB,
    /// CRCs taken out: L counts the octets there, or fewer (then the rest is surplus).
    Stripped,
    /// Frame format A with blocks that are damaged or missing.
    FormatADamaged,
    /// Frame format B with blocks that are damaged or missing.
    FormatBDamaged,
    /// No CRC fits and L counts more octets than there are, by the number that receivers are known for.
    StrippedLengthOff,
    /// Nothing fits.
    Unknown,
}

/// How far a buffer can be read in one frame format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Evidence {
    /// Octets that the frame has on air by its L-field; nothing when the format has no such L.
    pub on_air: Option<usize>,
    /// Blocks with a CRC that the frame has by its L-field.
    pub blocks: usize,
    /// Of these, the ones wholly in the buffer.
    pub present: usize,
    /// Of these, the ones whose CRC fits.
    pub intact: usize,
}

impl Evidence {
    /// True when every block is there and intact.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.blocks > 0 && self.intact == self.blocks
    }

    fn new(octets: &[u8], on_air: Result<usize, Error>, cut: block::Cut) -> Self {
        let Ok(on_air) = on_air else { return Self::default() };
        let whole = octets.len() >= on_air;
        let octets = octets.get(..on_air).unwrap_or(octets);
        let mut evidence = Self { on_air: Some(on_air), ..Self::default() };
        for block in block::Blocks::new(octets, cut) {
            // In a cut frame the last piece only looks like a block.
            if whole || block.data.len() == cut.size(block.index) {
                evidence.present = evidence.present.saturating_add(1);
                evidence.intact = evidence.intact.saturating_add(usize::from(block.is_intact()));
            }
        }
        // The octets of a block are at least as many as those of its CRC in all but the last.
        let size = cut.further.saturating_add(block::CRC_LEN);
        let first = cut.first.saturating_add(block::CRC_LEN);
        evidence.blocks = on_air.saturating_sub(first).div_ceil(size).saturating_add(1);
        evidence
    }
}

/// Why L may count more octets than a buffer without CRCs has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum LengthHint {
    /// By 1: the receiver counted its RSSI octet, or lost the last octet.
    RssiCounted,
    /// By 2: the receiver took one CRC of format B out and left L as it was on air.
    OneCrcCounted,
    /// By 4: the same with two CRCs.
    TwoCrcsCounted,
}

/// What a buffer is, and the evidence for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Classification {
    /// The verdict.
    pub state: State,
    /// The L-field; nothing when the buffer is empty.
    pub length: Option<u8>,
    /// The octets of the buffer.
    pub octets: usize,
    /// The buffer read as frame format A.
    pub format_a: Evidence,
    /// The buffer read as frame format B.
    pub format_b: Evidence,
    /// True when L counts exactly the octets that follow it, as it does without CRCs. On-air frames of
    /// format B fit as well, so this is no proof.
    pub fits_stripped: bool,
    /// Octets behind the frame, in the state of the verdict.
    pub surplus: usize,
    /// Octets that are missing for the state of the verdict.
    pub missing: usize,
    /// Why L may count too many octets.
    pub hint: Option<LengthHint>,
}

/// A buffer with its state as a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Buffer<'a> {
    /// CRCs of frame format A.
    FormatA(RawFormatA<'a>),
    /// CRCs of frame format B.
    FormatB(RawFormatB<'a>),
    /// CRCs taken out.
    Stripped(Stripped<'a>),
}

/// Says what `octets`, beginning with an L-field, are.
///
/// ```
/// use wmbus_phy::{State, classify};
/// let on_air = b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x44\x47\x78\x0B\x13\x43\x65\x87\x1E\x6D";
/// let found = classify(on_air);
/// assert_eq!((found.state, found.format_a.intact, found.surplus), (State::FormatA, 2, 0));
/// ```
#[must_use]
pub fn classify(octets: &[u8]) -> Classification {
    let length = octets.first().copied();
    let l = length.unwrap_or(0);
    let format_a = Evidence::new(octets, format_a::on_air_len(l), format_a::CUT);
    let format_b = Evidence::new(octets, format_b::on_air_len(l), format_b::CUT);
    let stripped = usize::from(l).saturating_add(1);
    let plausible = l >= MIN_LENGTH;
    let hint = match stripped.checked_sub(octets.len()) {
        Some(1) if plausible => Some(LengthHint::RssiCounted),
        Some(2) if plausible => Some(LengthHint::OneCrcCounted),
        Some(4) if plausible => Some(LengthHint::TwoCrcsCounted),
        _ => None,
    };
    let mut found = Classification {
        state: State::Unknown,
        length,
        octets: octets.len(),
        format_a,
        format_b,
        fits_stripped: plausible && stripped == octets.len(),
        surplus: 0,
        missing: 0,
        hint,
    };
    found.state = found.judge(plausible && stripped <= octets.len());
    let expected = match found.state {
        State::FormatA | State::FormatADamaged => format_a.on_air,
        State::FormatB | State::FormatBDamaged => format_b.on_air,
        State::Stripped | State::StrippedLengthOff => Some(stripped),
        State::Unknown => None,
    };
    if let Some(expected) = expected {
        found.surplus = octets.len().saturating_sub(expected);
        found.missing = expected.saturating_sub(octets.len());
    }
    found
}

impl Classification {
    fn judge(&self, room_for_stripped: bool) -> State {
        let (a, b) = (&self.format_a, &self.format_b);
        match (a.is_verified(), b.is_verified()) {
            // Both by chance: 2^-16. The one that leaves nothing over is it, else the one with more CRCs.
            (true, true) if b.on_air == Some(self.octets) => return State::FormatB,
            (true, _) => return State::FormatA,
            (false, true) => return State::FormatB,
            (false, false) => {}
        }
        if self.fits_stripped {
            // A frame cut exactly there would still have its first blocks.
            return match (a.present, a.intact, b.intact) {
                (present, intact, _) if present > 0 && present == intact => State::FormatADamaged,
                (_, _, 1..) => State::FormatBDamaged,
                _ => State::Stripped,
            };
        }
        if a.intact > 0 || a.on_air == Some(self.octets) {
            State::FormatADamaged
        } else if b.intact > 0 {
            State::FormatBDamaged
        } else if room_for_stripped {
            State::Stripped
        } else if self.hint.is_some() {
            State::StrippedLengthOff
        } else {
            State::Unknown
        }
    }

    /// The buffer with its state as a type, and the surplus behind it; nothing when it is damaged, its
    /// length is off, or its state is unknown. `octets` are those that were classified.
    #[must_use]
    pub fn typed<'a>(&self, octets: &'a [u8]) -> Option<(Buffer<'a>, &'a [u8])> {
        match self.state {
            State::FormatA => {
                RawFormatA::parse_prefix(octets).ok().map(|(frame, rest)| (Buffer::FormatA(frame), rest))
            }
            State::FormatB => {
                RawFormatB::parse_prefix(octets).ok().map(|(frame, rest)| (Buffer::FormatB(frame), rest))
            }
            State::Stripped => {
                Stripped::parse_prefix(octets).ok().map(|(frame, rest)| (Buffer::Stripped(frame), rest))
            }
            _ => None,
        }
    }
}
