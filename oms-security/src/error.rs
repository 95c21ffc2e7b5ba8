//! What can be wrong with a secured message, and at which octet.
//!
//! Invariants: an [`Error`] is `Copy`, its `offset` counts octets from the start of what the caller
//! handed in; a layer that parses a part of it shifts the offset by where that part began. A field
//! value that nobody knows is data and never an error.

use mbus_link::octets::{BufferTooSmall, UnexpectedEnd};

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
    /// The caller's buffer is too small.
    #[error("buffer too small: {needed} octets needed, {available} there")]
    BufferTooSmall {
        /// Octets that the whole needs.
        needed: usize,
        /// Octets the buffer has.
        available: usize,
    },
    /// Malformed: a block of security information that is shorter than its own header.
    #[error("a block of {length} octets cannot hold its header of 6")]
    BlockTooShort {
        /// What its length field says.
        length: usize,
    },
    /// Cannot be built: longer than the length field can say.
    #[error("{length} octets are too long, at most {limit} fit")]
    TooLong {
        /// Octets that it would have.
        length: usize,
        /// Octets that it may have.
        limit: usize,
    },
}

impl ErrorKind {
    /// The kind as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::BufferTooSmall { .. } => "buffer_too_small",
            Self::BlockTooShort { .. } => "block_too_short",
            Self::TooLong { .. } => "too_long",
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

impl From<UnexpectedEnd> for Error {
    fn from(end: UnexpectedEnd) -> Self {
        ErrorKind::Truncated { needed: end.needed, available: end.available }.at(end.offset)
    }
}

impl From<BufferTooSmall> for Error {
    fn from(small: BufferTooSmall) -> Self {
        ErrorKind::BufferTooSmall { needed: small.needed, available: small.available }.at(small.available)
    }
}
