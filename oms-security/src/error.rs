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
    /// Unsupported: a DLMS security suite other than 0 and 1.
    #[error("security suite {suite} is not supported, only 0 and 1 (AES-128-GCM)")]
    UnsupportedSuite {
        /// The suite of the security control octet.
        suite: u8,
    },
    /// Unsupported: the plaintext is compressed.
    #[error("the plaintext is compressed (security control bit 80h), which is not supported")]
    CompressedPlaintext,
    /// Not authentic as far as can be told: there is a tag, but no authentication key to check it with.
    #[error("the message has a tag, but there is no authentication key to check it with")]
    AuthenticationKeyMissing,
    /// Not authentic: the tag does not fit the message, the keys, or the sender.
    #[error("the authentication tag is wrong: a wrong key, another sender, or changed octets")]
    TagMismatch,
    /// Unsupported: more octets than the counter of the cipher can tell apart.
    #[error("{length} octets are more than the cipher can take under one nonce")]
    MessageTooLong {
        /// Octets of the message.
        length: usize,
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
            Self::UnsupportedSuite { .. } => "unsupported_suite",
            Self::CompressedPlaintext => "compressed_plaintext",
            Self::AuthenticationKeyMissing => "authentication_key_missing",
            Self::TagMismatch => "tag_mismatch",
            Self::MessageTooLong { .. } => "message_too_long",
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
