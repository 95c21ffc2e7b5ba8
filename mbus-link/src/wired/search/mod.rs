//! Finds the slaves of a segment: by secondary address with wildcards (EN 13757-7, clause 12), and by primary address.
//!
//! ```text
//! select FFFFFFFF -> E5, REQ-UD2 -> good frame         one slave, which is verified by its own address
//!                 -> nothing                           nobody
//!                 -> anything else                     several: 0FFFFFFF, 1FFFFFFF, .. 9FFFFFFF in turn, and so on
//! ```
//!
//! Behind eight equal digits known manufacturers, versions and device types are tried, then the fabrication number, digit
//! by digit. A lone E5 proves nothing, since several slaves send it at the same time as one: only data does, and only
//! when the address in it, selected alone, is acknowledged.
//!
//! How much the line loses shows by itself, in exchanges where exactly one slave has to answer. On a line that loses
//! nothing the walk is all. On another, and where too few exchanges say that it is good, what should be silent, or
//! answered by one known slave alone, is asked again until no more than [`SearchSettings::missed_per_mille`] slaves are
//! expected to be missing.
//!
//! What cannot be found: one of two slaves that answer in the very same bit times, when both their answers at once are a
//! right frame of one of them.

mod checks;
mod inquiry;
mod known;
mod least;
mod loss;
mod machine;
mod mask;
mod scan;
mod walk;

pub use least::least_frames;
pub use machine::Search;
pub use scan::{PrimaryScan, ScanEvent};

use crate::{Address, DeviceType, ManufacturerId, Version};

use super::address::PrimaryAddress;
use super::master::Fault;
use super::selection::Selection;

/// How thoroughly a search goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SearchSettings {
    /// On a line that loses frames, masks are asked again until no more than so many thousandths of a meter are expected
    /// to be missing. From 1000 on nothing is asked again but what cannot be true: a prefix that several have answered,
    /// and below which fewer than two were found.
    pub missed_per_mille: u16,
    /// The search ends, incomplete, when it has sent so many frames: on a line that is noisy without end every prefix
    /// looks like several slaves.
    pub most_frames: u32,
    /// Manufacturers to be tried where eight digits are equal, besides those of slaves found before.
    pub manufacturers: &'static [ManufacturerId],
    /// Likewise versions.
    pub versions: &'static [Version],
    /// Likewise device types.
    pub device_types: &'static [DeviceType],
}

impl SearchSettings {
    /// The default, for constants.
    pub const DEFAULT: Self = Self {
        missed_per_mille: 10,
        most_frames: 100_000,
        manufacturers: &[],
        versions: &[],
        device_types: &[],
    };
}

/// [`SearchSettings::DEFAULT`].
impl Default for SearchSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a search or scan did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SearchReport {
    /// Slaves found.
    pub found: u32,
    /// Frames sent, repetitions included.
    pub frames_sent: u32,
    /// Prefixes or addresses that nobody answered.
    pub silent: u32,
    /// Prefixes or addresses that several answered, or noise.
    pub collisions: u32,
    /// Of these, those that nothing tells apart.
    pub unresolved: u32,
    /// Exchanges of a search in which exactly one slave had to answer.
    pub exchanges: u32,
    /// Of these, those without an answer at first: what the line loses, both ways together.
    pub lost: u32,
    /// True when nothing was left out: neither cancelled nor stopped by [`SearchSettings::most_frames`] or a line that
    /// never rests.
    pub is_complete: bool,
}

/// What happened in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SearchEvent<'a> {
    /// A slave was found.
    Found {
        /// Its secondary address, when its data has a long header.
        identity: Option<Address>,
        /// The selection that it alone answers to. Without its address, and only then, by a fabrication number.
        selection: Selection<'a>,
        /// A of its answer.
        address: PrimaryAddress,
        /// CI and data.
        payload: &'a [u8],
    },
    /// Several slaves that nothing tells apart, or noise.
    Unresolved {
        /// The selection that they answer to.
        selection: Selection<'a>,
        /// What was heard last.
        fault: Fault,
    },
    /// It is over.
    Done(SearchReport),
}
