//! What can be wrong with chips and blocks, and at which octet.
//!
//! Invariants: an [`Error`] is `Copy`, its `offset` counts octets from the start of what the caller
//! handed in; a layer that parses a part of it shifts the offset by where that part began. A field
//! value that nobody knows is data and never an error.

use crate::FrameFormat;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// Malformed: the octets end too early.
    #[error("truncated: {needed} octets needed, {available} there")]
    Truncated {
        /// Octets wanted at the offset.
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
    /// Malformed: the L-field is smaller than the shortest frame of the format.
    #[error("L-field {length} is too small: the shortest frame has {minimum}")]
    LengthTooSmall {
        /// The L-field.
        length: u8,
        /// The smallest L-field of a complete header.
        minimum: u8,
    },
    /// Malformed: frame format B has no frame with this L-field, its last block would be shorter than
    /// one octet and a CRC.
    #[error("L-field {length} is impossible in frame format B: no room for a last block with its CRC")]
    LengthImpossible {
        /// The L-field.
        length: u8,
    },
    /// Malformed: the L-field does not count the octets that follow it.
    #[error("L-field is {length}, but {following} octets follow it")]
    LengthMismatch {
        /// The L-field.
        length: u8,
        /// The octets that follow it.
        following: usize,
    },
    /// Malformed: octets follow the frame where none may.
    #[error("{octets} surplus octets after the frame")]
    Surplus {
        /// How many.
        octets: usize,
    },
    /// Malformed: the CRC of a block does not fit its octets. The offset is that of the block.
    #[error("CRC of block {block} is wrong: received {found:04X}, computed {computed:04X}")]
    BlockCrc {
        /// The block, counted from 0.
        block: usize,
        /// The CRC that the octets give.
        computed: u16,
        /// The CRC that was received.
        found: u16,
    },
    /// Malformed: chips that the line code does not have. The offset is that of the octet of chips.
    #[error("chips {symbol:0width$b} at chip {chip} are no symbol of the line code", width = usize::from(*.chips))]
    InvalidSymbol {
        /// The first chip of the symbol, counted from the start of what the caller handed in.
        chip: usize,
        /// The chips, the first in the air as the most significant bit.
        symbol: u8,
        /// How many chips a symbol of the code has.
        chips: u8,
    },
    /// Unsupported: a frame that ends after the address field is read, but not built.
    #[error("the frame ends after the address: a frame without CI-field is not built")]
    NoCiField,
    /// Unsupported: the frame has more octets than the format can carry.
    #[error("frame of {octets} octets is too long: the format carries {maximum}")]
    FrameTooLong {
        /// Octets of the frame without CRCs.
        octets: usize,
        /// Octets that the format carries without CRCs.
        maximum: usize,
    },
    /// Unsupported: the mode has no frames of this format.
    #[error("the mode has no frames of format {format}")]
    FormatNotInMode {
        /// The format.
        format: FrameFormat,
    },
    /// Unsupported: the mode does not allow a preamble of this length.
    #[error("a preamble of {repetitions} repetitions is not that of the mode: {minimum} to {maximum}")]
    PreambleLength {
        /// The repetitions asked for.
        repetitions: u16,
        /// The fewest.
        minimum: u16,
        /// The most.
        maximum: u16,
    },
    /// Unsupported: the mode does not allow a postamble of this length.
    #[error("a postamble of {chips} chips is not that of the mode: {minimum} to {maximum}")]
    PostambleLength {
        /// The chips asked for.
        chips: u8,
        /// The fewest.
        minimum: u8,
        /// The most.
        maximum: u8,
    },
    /// Unsupported: more sync words than one search can look for.
    #[error("more than {maximum} sync words to look for")]
    TooManySyncWords {
        /// The most.
        maximum: usize,
    },
    /// The caller's buffer is too small.
    #[error("buffer too small: {needed} octets needed, {available} there")]
    BufferTooSmall {
        /// Octets that the whole needs.
        needed: usize,
        /// Octets the buffer has.
        available: usize,
    },
}

impl ErrorKind {
    /// The kind as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::LengthTooSmall { .. } => "length_too_small",
            Self::LengthImpossible { .. } => "length_impossible",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::Surplus { .. } => "surplus",
            Self::BlockCrc { .. } => "block_crc",
            Self::InvalidSymbol { .. } => "invalid_symbol",
            Self::NoCiField => "no_ci_field",
            Self::FrameTooLong { .. } => "frame_too_long",
            Self::FormatNotInMode { .. } => "format_not_in_mode",
            Self::PreambleLength { .. } => "preamble_length",
            Self::PostambleLength { .. } => "postamble_length",
            Self::TooManySyncWords { .. } => "too_many_sync_words",
            Self::BufferTooSmall { .. } => "buffer_too_small",
        }
    }
    /// This kind of error at `offset`.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        Error { kind: self, offset }
    }
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind} (octet {offset})")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The octet to blame, counted from the start of what the caller handed in.
    pub offset: usize,
}

impl Error {
    /// The same error seen from a slice that began `octets` earlier.
    #[must_use]
    pub const fn shifted(self, octets: usize) -> Self {
        Self { kind: self.kind, offset: self.offset.saturating_add(octets) }
    }
}
