//! One direction of a radio mode: everything between the frame and the antenna.

use core::fmt;

use crate::sync::SyncWord;
use crate::{FrameFormat, LineCode};

/// The letter of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Family {
    /// Stationary: 868.3 MHz, Manchester.
    S,
    /// Frequent transmission: 868.95 MHz, 3-of-6.
    T,
    /// Frequent receive: ten narrow channels, Manchester.
    R,
    /// Compact: 868.95 MHz, no line code.
    C,
    /// Narrowband: 169 MHz.
    N,
    /// Frequent receive and transmit: 433 MHz.
    F,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::S => "S",
            Self::T => "T",
            Self::R => "R",
            Self::C => "C",
            Self::N => "N",
            Self::F => "F",
        })
    }
}

/// Centre frequencies, in hertz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Channels {
    /// The lowest channel.
    pub first: u32,
    /// From one channel to the next.
    pub spacing: u32,
    /// How many there are.
    pub count: u8,
    /// The one that is used unless another was agreed, counted from 0.
    pub default: u8,
}

impl Channels {
    /// One channel only.
    #[must_use]
    pub const fn one(frequency: u32) -> Self {
        Self { first: frequency, spacing: 0, count: 1, default: 0 }
    }
    /// The centre frequency of a channel, counted from 0, in hertz.
    #[must_use]
    pub const fn frequency(&self, channel: u8) -> Option<u32> {
        if channel >= self.count {
            return None;
        }
        // `From` is not const.
        Some(self.first.saturating_add(self.spacing.saturating_mul(channel as u32)))
    }
}

/// Chips in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChipRate {
    /// The nominal rate. With four levels two chips make one symbol, and the symbol rate is half of it.
    pub nominal: u32,
    /// By how much a transmitter may be off, in millionths; nothing where no free source says so.
    pub transmitter_ppm: Option<u32>,
    /// By how much a receiver must bear it to be off, in millionths.
    pub receiver_ppm: Option<u32>,
}

impl ChipRate {
    /// The time that so many chips take, in nanoseconds, rounded up.
    #[must_use]
    pub const fn nanoseconds(&self, chips: usize) -> u64 {
        let nanoseconds = (chips as u64).saturating_mul(1_000_000_000);
        match self.nominal {
            0 => 0,
            rate => nanoseconds.div_ceil(rate as u64),
        }
    }
}

/// How many frequencies a symbol can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Levels {
    /// Two: a symbol is one chip.
    Two,
    /// Four: a symbol is two chips, 01 and 11 at the outer frequencies, 00 and 10 at the inner ones.
    Four,
}

impl Levels {
    /// Which of 32 chips change when the spectrum is turned round: all, or the first one of each symbol.
    pub(crate) const fn inversion(self) -> u32 {
        match self {
            Self::Two => 0xFFFF_FFFF,
            Self::Four => 0xAAAA_AAAA,
        }
    }
}

/// How far a chip moves the carrier, in hertz to either side; with four levels the outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Deviation {
    /// The nominal value.
    pub nominal: u32,
    /// The least and the most; nothing where no free source says so.
    pub limits: Option<(u32, u32)>,
}

/// The chips in front of the sync word: one short pattern over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Preamble {
    /// The pattern, its last chip as the least significant bit.
    pub pattern: u8,
    /// The chips of the pattern.
    pub pattern_len: u8,
    /// How often it is sent at least.
    pub minimum: u16,
    /// How often it is sent at most.
    pub maximum: u16,
}

impl Preamble {
    /// 01 over and over, at least so often.
    #[must_use]
    pub const fn at_least(minimum: u16) -> Self {
        Self { pattern: 0b01, pattern_len: 2, minimum, maximum: u16::MAX }
    }
    /// 01 over and over, exactly so often.
    #[must_use]
    pub const fn exactly(times: u16) -> Self {
        Self { maximum: times, ..Self::at_least(times) }
    }
    /// The chips of a preamble with so many repetitions.
    #[must_use]
    pub const fn chips_len(&self, repetitions: u16) -> usize {
        (self.pattern_len as usize).saturating_mul(repetitions as usize)
    }
}

/// The chips behind the frame: alternating, the first one the complement of the frame's last chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Postamble {
    /// How many are sent at least.
    pub minimum: u8,
    /// How many are sent at most; 0 when there is no postamble.
    pub maximum: u8,
}

impl Postamble {
    /// None at all.
    pub const NONE: Self = Self { minimum: 0, maximum: 0 };
    /// As many as fill the last octet of a transmission of `chips` chips, and as are allowed.
    #[must_use]
    pub const fn filling(&self, chips: usize) -> u8 {
        let [.., used] = chips.to_be_bytes();
        let used = used & 7;
        let free = if used == 0 { 0 } else { 8_u8.saturating_sub(used) };
        let chips = if free < self.minimum { free.saturating_add(8) } else { free };
        if chips > self.maximum { self.maximum } else { chips }
    }
}

/// One direction of a radio mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AirInterface {
    /// The letter of the mode.
    pub family: Family,
    /// Where it is sent.
    pub channels: Channels,
    /// How fast.
    pub chip_rate: ChipRate,
    /// How many frequencies a symbol can have.
    pub levels: Levels,
    /// How far they are from the centre.
    pub deviation: Deviation,
    /// How the bits of the frame become chips.
    pub code: LineCode,
    /// What comes first.
    pub preamble: Preamble,
    /// The sync word in front of a frame of format A; nothing when the mode has no such frames.
    pub sync_a: Option<SyncWord>,
    /// The sync word in front of a frame of format B; nothing when the mode has no such frames.
    pub sync_b: Option<SyncWord>,
    /// What comes last.
    pub postamble: Postamble,
}

impl AirInterface {
    /// The sync word in front of a frame of this format.
    #[must_use]
    pub const fn sync_word(&self, format: FrameFormat) -> Option<SyncWord> {
        match format {
            FrameFormat::A => self.sync_a,
            FrameFormat::B => self.sync_b,
        }
    }
    /// The same on other channels, as in another region's band.
    #[must_use]
    pub const fn on(self, channels: Channels) -> Self {
        Self { channels, ..self }
    }
    /// Data bits in a second.
    #[must_use]
    pub const fn bit_rate(&self) -> u32 {
        match self.code {
            LineCode::Nrz => self.chip_rate.nominal,
            LineCode::Manchester => self.chip_rate.nominal / 2,
            LineCode::ThreeOfSix => self.chip_rate.nominal.saturating_mul(2) / 3,
        }
    }
}
