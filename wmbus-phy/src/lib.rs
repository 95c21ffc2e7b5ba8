//! The physical layer of wireless M-Bus: chips and octets, CRCs and blocks (EN 13757-4).
//!
//! ```
//! use wmbus_phy::{State, classify, format_a};
//! // As received: the example of EN 13757-4, two blocks of frame format A, each with its CRC.
//! let mut buffer = *b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x44\x47\x78\x0B\x13\x43\x65\x87\x1E\x6D";
//! assert_eq!(classify(&buffer).state, State::FormatA);
//! // The CRCs are checked, then taken out where they lie.
//! let telegram = format_a::strip_in_place(&mut buffer)?;
//! assert_eq!(telegram.frame, b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x78\x0B\x13\x43\x65\x87");
//! assert!(telegram.surplus.is_empty());
//! # Ok::<(), wmbus_phy::Error>(())
//! ```
//!
//! Chips as they come from a demodulator go into a [`ChipDeframer`], octets with CRCs as they come from a radio chip into an
//! [`OctetDeframer`]. The way back is a [`Transmission`]. Both read the rows of [`mode`].

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod block;
pub mod chips;
pub mod classify;
pub mod crc;
pub mod deframe;
pub mod error;
pub mod format_a;
pub mod format_b;
pub mod line;
pub mod mode;
pub mod stripped;
pub mod sync;
pub mod transmission;

pub use block::Block;
pub use chips::Chips;
pub use classify::{Buffer, Classification, State, classify};
pub use deframe::{ChipDeframer, ChipEvent, OctetDeframer, OctetEvent};
pub use error::{Error, ErrorKind};
pub use format_a::RawFormatA;
pub use format_b::RawFormatB;
pub use line::LineCode;
pub use mode::{AirInterface, Mode};
pub use stripped::{Stripped, StrippedMut};
pub use sync::{Search, Sync};
pub use transmission::Transmission;

use core::fmt;

/// How a frame is cut into blocks with CRCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FrameFormat {
    /// A CRC after the header and after every 16 octets: [`format_a`].
    A,
    /// One CRC for up to 126 octets, a second one for the rest: [`format_b`].
    B,
}

impl FrameFormat {
    /// The octets on air of a frame with this L-field, CRCs counted.
    ///
    /// # Errors
    /// [`ErrorKind::LengthTooSmall`] and [`ErrorKind::LengthImpossible`].
    pub fn on_air_len(self, length: u8) -> Result<usize, Error> {
        match self {
            Self::A => format_a::on_air_len(length),
            Self::B => format_b::on_air_len(length),
        }
    }
    /// The octets that a frame of `octets` octets without CRCs has with them.
    #[must_use]
    pub const fn encoded_len(self, octets: usize) -> usize {
        match self {
            Self::A => format_a::encoded_len(octets),
            Self::B => format_b::encoded_len(octets),
        }
    }
    /// Checks the frame at the start of `buffer` and takes its CRCs out where it lies.
    ///
    /// # Errors
    /// Those of [`format_a::strip_in_place`] and [`format_b::strip_in_place`].
    pub fn strip_in_place(self, buffer: &mut [u8]) -> Result<StrippedMut<'_>, Error> {
        match self {
            Self::A => format_a::strip_in_place(buffer),
            Self::B => format_b::strip_in_place(buffer),
        }
    }
    pub(crate) const fn cut(self) -> block::Cut {
        match self {
            Self::A => format_a::CUT,
            Self::B => format_b::CUT,
        }
    }
    /// The octets of the longest frame without CRCs.
    pub(crate) const fn max_len(self) -> usize {
        match self {
            Self::A => stripped::MAX_LEN,
            Self::B => format_b::MAX_LEN,
        }
    }
    /// Where octet `offset` of a frame without CRCs stands in the frame on the air. The end of the frame is behind
    /// its last octet, at the place of the CRC.
    ///
    /// ```
    /// use wmbus_phy::FrameFormat;
    /// assert_eq!([9, 10, 25, 26].map(|offset| FrameFormat::A.on_air_offset(offset)), [9, 12, 27, 30]);
    /// assert_eq!([125, 126].map(|offset| FrameFormat::B.on_air_offset(offset)), [125, 128]);
    /// ```
    #[must_use]
    pub const fn on_air_offset(self, offset: usize) -> usize {
        // The blocks that are over before this octet.
        let blocks = self.cut().blocks(offset.saturating_add(1)).saturating_sub(1);
        offset.saturating_add(blocks.saturating_mul(block::CRC_LEN))
    }
}

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}
