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
pub mod classify;
pub mod crc;
pub mod error;
pub mod format_a;
pub mod format_b;
pub mod line;
pub mod stripped;

pub use block::Block;
pub use classify::{Buffer, Classification, State, classify};
pub use error::{Error, ErrorKind};
pub use format_a::RawFormatA;
pub use format_b::RawFormatB;
pub use line::LineCode;
pub use stripped::{Stripped, StrippedMut};

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

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}
