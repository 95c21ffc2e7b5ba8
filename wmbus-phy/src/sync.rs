//! Sync words: where in the chips a frame begins (EN 13757-4, frame structure of each mode).
//!
//! ```text
//! .. 0101010101 | sync word | first chip of the frame ..
//!        ^^^^^^   some chips of the preamble are looked at too
//! ```
//!
//! Modes T and C share the first 16 chips, `0101010000111101` with the end of the preamble. In mode C 16 more chips
//! follow and say which frame format comes, in mode T the L-field. The first six of those 16, `010101`, are no
//! symbol of 3-of-6, so one search serves both modes: [`Search`] reports mode T where its sync word ends, and mode
//! C 16 chips later.
//!
//! Invariants: every chip is looked at as the end of a sync word, also those of a sync word that was found, so one
//! that was none hides nothing. Words are found in either polarity, the chips all upside down, with up to
//! `tolerance` wrong chips. The same chips give the same hits however they are cut into calls.

use crate::chips::Chips;
use crate::mode::{AirInterface, Family};
use crate::{Error, ErrorKind, FrameFormat, LineCode};

/// A row of chips that says: a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SyncWord {
    /// The chips, the last one as the least significant bit.
    pub chips: u32,
    /// How many, 32 at most.
    pub len: u8,
}

impl SyncWord {
    /// Modes S and R, and T to the meter.
    pub const S: Self = Self { chips: 0b00_0111_0110_1001_0110, len: 18 };
    /// Mode T from the meter.
    pub const T: Self = Self { chips: 0b00_0011_1101, len: 10 };
    /// Mode C, frame format A.
    pub const C_A: Self = Self { chips: 0x543D_54CD, len: 32 };
    /// Mode C, frame format B.
    pub const C_B: Self = Self { chips: 0x543D_543D, len: 32 };
    /// Modes N and F, frame format A.
    pub const N_A: Self = Self { chips: 0xF68D, len: 16 };
    /// Modes N and F, frame format B.
    pub const N_B: Self = Self { chips: 0xF672, len: 16 };
    /// Mode N with four levels, frame format A: the word of the other channels at the outer frequencies.
    pub const N2G_A: Self = Self { chips: 0xFF7D_D5F7, len: 32 };
    /// Mode N with four levels, frame format B.
    pub const N2G_B: Self = Self { chips: 0xFF7D_7F5D, len: 32 };
}

/// Which way up the chips are. A receiver that mixes with the other sideband, or counts the lower frequency as a
/// one, delivers them upside down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Polarity {
    /// As the standard has them.
    #[default]
    Normal,
    /// Upside down; with four levels the first chip of each symbol only.
    Inverted,
}

/// A sync word that was found: how to read what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sync {
    /// The letter of the mode.
    pub family: Family,
    /// How the bits are coded.
    pub code: LineCode,
    /// The frame format.
    pub format: FrameFormat,
    /// Which way up the chips are.
    pub polarity: Polarity,
    /// Wrong chips in the sync word and in the chips of the preamble that were looked at.
    pub errors: u8,
    /// True when this is only the second half of the sync word of mode C with frame format B, which looks like the
    /// sync word of mode T: the first half was lost.
    pub late: bool,
    /// Which chips are upside down when the polarity is inverted.
    pub(crate) inversion: u32,
}

impl Sync {
    /// Which of 16 chips to turn over.
    pub(crate) const fn mask(&self) -> u16 {
        match self.polarity {
            Polarity::Normal => 0,
            // Both halves are alike.
            Polarity::Inverted => (self.inversion & 0xFFFF) as u16,
        }
    }
}

/// A sync word to look for, with the chips of the preamble in front of it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Target {
    word: SyncWord,
    /// Chips of word and preamble.
    pattern: u32,
    /// Which chips of the last 32 are looked at.
    mask: u32,
    sync: Sync,
}

impl Target {
    const NONE: Self = Self {
        word: SyncWord { chips: 0, len: 0 },
        pattern: 0,
        mask: 0,
        sync: Sync {
            family: Family::T,
            code: LineCode::Nrz,
            format: FrameFormat::A,
            polarity: Polarity::Normal,
            errors: 0,
            late: false,
            inversion: 0,
        },
    };

    /// Looks at `preamble` chips in front of the word too, as far as there is room.
    fn with_preamble(self, preamble: u8) -> Self {
        let len = u32::from(self.word.len).min(32);
        let looked_at = len.saturating_add(u32::from(preamble)).min(32);
        let pattern = self.word.alternating();
        let mask = u32::MAX.checked_shr(32_u32.saturating_sub(looked_at)).unwrap_or(0);
        Self { pattern, mask, ..self }
    }
    fn is_same(&self, other: &Self) -> bool {
        let key = |target: &Self| (target.word, target.sync.code, target.sync.format, target.sync.late);
        key(self) == key(other)
    }
}

impl SyncWord {
    /// The word as the last of 32 chips, with `..0101` in front of it.
    pub(crate) fn alternating(self) -> u32 {
        let len = u32::from(self.len);
        let word = self.chips & !u32::MAX.checked_shl(len).unwrap_or(0);
        0x5555_5555_u32.checked_shl(len).unwrap_or(0) | word
    }
}

/// Looks for sync words in a stream of chips.
///
/// ```
/// use wmbus_phy::mode::{C1, Family, T1};
/// use wmbus_phy::{Chips, FrameFormat, Search};
/// // Two chips of noise, then preamble and sync word of mode C with format B: first it looks like mode T.
/// let mut chips = Chips::new(&[0xD5, 0x55, 0x55, 0x0F, 0x55, 0x0F, 0x45]);
/// let mut search = Search::new(&[T1.from_meter, C1.from_meter])?;
/// let first = search.find(&mut chips);
/// assert_eq!(first.map(|sync| sync.family), Some(Family::T));
/// while let Some(sync) = search.find(&mut chips) {
///     if sync.family == Family::C && !sync.late {
///         assert_eq!((sync.format, chips.len()), (FrameFormat::B, 6));
///     }
/// }
/// # Ok::<(), wmbus_phy::Error>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Search {
    targets: [Target; Self::MAX_WORDS],
    count: u8,
    tolerance: u8,
    /// The last 32 chips, and how many of them there were.
    register: u32,
    seen: u8,
    /// What was told already about the last chip: nothing better than this comes.
    told: Option<u16>,
    /// Something about the last chip may be left to tell.
    open: bool,
}

impl Search {
    /// The most sync words one search looks for: all of the standard and some more.
    pub const MAX_WORDS: usize = 12;
    /// The chips of the preamble that must be there in front of a sync word, unless told otherwise. With them the word
    /// of mode T has the 16 chips 543D that radio chips look for, and the one of mode S the 24 chips 547696.
    pub const PREAMBLE: u8 = 6;
    /// The wrong chips that are borne, unless told otherwise. With one, all words of the standard stay apart.
    pub const TOLERANCE: u8 = 1;

    /// Looks for the sync words of these.
    ///
    /// # Errors
    /// [`ErrorKind::TooManySyncWords`].
    pub fn new(airs: &[AirInterface]) -> Result<Self, Error> {
        let mut search = Self {
            targets: [Target::NONE; Self::MAX_WORDS],
            count: 0,
            tolerance: Self::TOLERANCE,
            register: 0,
            seen: 0,
            told: None,
            open: false,
        };
        // The words of mode C end as the one of mode T does, so they go first.
        for air in airs.iter().filter(|air| air.family == Family::C) {
            search.listen(air)?;
        }
        for air in airs.iter().filter(|air| air.family != Family::C) {
            search.listen(air)?;
        }
        let shared = airs.iter().any(|air| air.sync_b == Some(SyncWord::C_B));
        if let (true, Some(air)) = (shared, airs.iter().find(|air| air.family == Family::C)) {
            search.add(air, SyncWord::T, FrameFormat::B, true)?;
        }
        Ok(search)
    }
    /// Bears so many wrong chips in a sync word.
    #[must_use]
    pub const fn with_tolerance(self, chips: u8) -> Self {
        Self { tolerance: chips, ..self }
    }
    /// Looks at so many chips of the preamble too, as far as they and the sync word are not more than 32.
    #[must_use]
    pub fn with_preamble(mut self, chips: u8) -> Self {
        for target in &mut self.targets {
            *target = target.with_preamble(chips);
        }
        self
    }
    /// Takes chips until the next sync word has ended, and says which it is; nothing when there is none. When several
    /// end at the same chip, the next calls tell the others before a chip is taken, those with the fewest wrong chips
    /// first.
    pub fn find(&mut self, chips: &mut Chips<'_>) -> Option<Sync> {
        loop {
            if let Some(sync) = self.poll_sync() {
                return Some(sync);
            }
            self.handle_chip(chips.next()?);
        }
    }
    /// Takes one chip.
    #[inline]
    pub const fn handle_chip(&mut self, chip: bool) {
        self.register = self.register << 1 | chip as u32;
        self.seen = if self.seen < 32 { self.seen.saturating_add(1) } else { 32 };
        self.told = None;
        self.open = true;
    }
    /// The next best sync word that ends with the last chip; nothing when all were told.
    #[inline]
    pub fn poll_sync(&mut self) -> Option<Sync> {
        if !self.open {
            return None;
        }
        let mut best: Option<(u16, Sync)> = None;
        let targets = self.targets.iter().take(usize::from(self.count));
        for (place, target) in (0_u16..).zip(targets) {
            let wrong = self.register ^ target.pattern;
            for (turn, polarity, inversion) in
                [(0, Polarity::Normal, 0), (1, Polarity::Inverted, target.sync.inversion)]
            {
                let errors = (((wrong ^ inversion) & target.mask).count_ones() & 0x3F) as u8;
                // Errors first, then the order of the targets.
                let rank = u16::from(errors) << 8 | place << 1 | turn;
                let told = self.told.is_some_and(|told| rank <= told);
                let better = best.is_none_or(|(least, _)| rank < least);
                if errors <= self.tolerance && !told && better && self.has_seen(target) {
                    best = Some((rank, Sync { polarity, errors, ..target.sync }));
                }
            }
        }
        match best {
            Some((rank, sync)) => {
                self.told = Some(rank);
                Some(sync)
            }
            None => {
                self.open = false;
                None
            }
        }
    }
    /// Forgets the chips so far, as after a silence.
    pub const fn reset(&mut self) {
        self.register = 0;
        self.seen = 0;
        self.told = None;
        self.open = false;
    }
    /// As if the chips so far had been the end of a preamble and this word.
    pub(crate) fn begin(&mut self, word: SyncWord) {
        self.resume(word.alternating());
        self.open = true;
    }
    /// As if these had been the last 32 chips, and all about them told.
    pub(crate) const fn resume(&mut self, chips: u32) {
        self.register = chips;
        self.seen = 32;
        self.told = None;
        self.open = false;
    }

    fn has_seen(&self, target: &Target) -> bool {
        u32::from(self.seen) >= target.mask.count_ones()
    }
    fn listen(&mut self, air: &AirInterface) -> Result<(), Error> {
        for format in [FrameFormat::A, FrameFormat::B] {
            if let Some(word) = air.sync_word(format) {
                self.add(air, word, format, false)?;
            }
        }
        Ok(())
    }
    fn add(
        &mut self,
        air: &AirInterface,
        word: SyncWord,
        format: FrameFormat,
        late: bool,
    ) -> Result<(), Error> {
        let inversion = air.levels.inversion();
        let sync = Sync { family: air.family, code: air.code, format, late, inversion, ..Target::NONE.sync };
        let target = Target { word, sync, ..Target::NONE }.with_preamble(Self::PREAMBLE);
        if self.targets.iter().take(usize::from(self.count)).any(|known| known.is_same(&target)) {
            return Ok(());
        }
        let full = ErrorKind::TooManySyncWords { maximum: Self::MAX_WORDS }.at(0);
        *self.targets.get_mut(usize::from(self.count)).ok_or(full)? = target;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
