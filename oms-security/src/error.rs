//! What can be wrong with a secured message, and at which octet.
//!
//! Invariants: an [`Error`] is `Copy`, its `offset` counts octets from the start of what the caller
//! handed in; a layer that parses a part of it shifts the offset by where that part began. A field
//! value that nobody knows is data and never an error.

use core::fmt;

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
    /// Not authentic: an authentication key is set for the meter, and the message says that it has no tag.
    #[error(
        "no authentication tag, but an authentication key is set; leave it out if the meter only encrypts"
    )]
    TagMissing,
    /// Unsupported: more octets than the counter of the cipher can tell apart.
    #[error("{length} octets are more than the cipher can take under one nonce")]
    MessageTooLong {
        /// Octets of the message.
        length: usize,
    },
    /// Not an AFL: another CI.
    #[error("CI {ci:02X} opens no authentication and fragmentation layer")]
    NotAnAfl {
        /// The CI.
        ci: u8,
    },
    /// Malformed: the fields that FCL announces are not as long as AFLL says.
    #[error("the fields of the AFL do not fill the {announced} octets of its length")]
    AflFields {
        /// AFLL.
        announced: usize,
    },
    /// Unsupported: reserved bits of FCL are set. They may announce a field that this library does not know, so nobody
    /// can tell what the MAC covers, and nothing covers FCL: they may have been set by anybody.
    #[error(
        "reserved bits {bits:04X} of FCL are set: what they announce is unknown, nothing is authentic then"
    )]
    ReservedAflBits {
        /// The bits.
        bits: u16,
    },
    /// Malformed: MCL announces a MAC or other fields than there are, and no MAC vouches for it.
    #[error("MCL {control:02X} announces other fields than the AFL has")]
    MessageControl {
        /// MCL.
        control: u8,
    },
    /// Unsupported: a MAC of a reserved type, so that nobody knows how long it is.
    #[error("authentication type {authentication_type} is reserved")]
    UnsupportedMac {
        /// AT.
        authentication_type: u8,
    },
    /// Not authentic: KI of the AFL says another key, key version or derivation than the header that the tag covers, and
    /// no MAC covers KI: somebody put it there.
    #[error("KI of the AFL contradicts the configuration field, and no MAC covers it")]
    KeyInformation,
    /// Unsupported: a security mode that this library cannot open.
    #[error("security mode {mode} is not supported")]
    UnsupportedMode {
        /// The mode.
        mode: crate::mode::SecurityMode,
    },
    /// Unsupported: a value of a field that no published telegram has.
    #[error("{field} is not supported")]
    UnsupportedField {
        /// Which one.
        field: &'static str,
    },
    /// Malformed: fewer octets than the configuration field says are enciphered.
    #[error("{announced} enciphered octets are announced, {available} are there")]
    CiphertextTruncated {
        /// Octets announced.
        announced: usize,
        /// Octets there.
        available: usize,
    },
    /// Locked: there is no key for this meter.
    #[error("no key for this meter")]
    KeyMissing,
    /// Not authentic: no key gave the check octets 2F 2F. The key is wrong, or octets were damaged. When sealing, with no
    /// key tried: the body to be sealed does not begin with them.
    #[error("{}", CheckOctetsText(*.tried))]
    CheckOctets {
        /// Keys tried.
        tried: usize,
    },
    /// Not authentic: the MAC does not fit. The key is wrong, or somebody changed the message.
    #[error("the MAC does not fit any key ({tried} tried)")]
    Mac {
        /// Keys tried.
        tried: usize,
    },
    /// Not authentic: the mode demands a MAC, and there is none.
    #[error("the security mode demands a MAC, there is none")]
    MacMissing,
    /// Not authentic: the mode demands a message counter, and there is none.
    #[error("the security mode demands a message counter, there is none")]
    CounterMissing,
    /// Not authentic: the tag does not fit. The key is wrong, or somebody changed the message.
    #[error("the tag does not fit any key ({tried} tried)")]
    Tag {
        /// Keys tried.
        tried: usize,
    },
    /// Not authentic: the payload CRC of the extended link layer does not fit. Octets were damaged, or no key fits.
    #[error("the payload CRC of the extended link layer does not fit ({tried} keys tried)")]
    PayloadCrc {
        /// Keys tried.
        tried: usize,
    },
    /// Malformed: a fragment is missing or stands in the wrong place; the message is dropped.
    #[error("fragment {found} came where {expected} was expected")]
    FragmentGap {
        /// The number that was to come.
        expected: u8,
        /// The number that came.
        found: u8,
    },
    /// The caller's store is full.
    #[error("the store of {capacity} places is full")]
    StoreFull {
        /// Places.
        capacity: usize,
    },
    /// Malformed: the message is not as long as ML says.
    #[error("the message has {available} octets, ML says {announced}")]
    MessageLength {
        /// ML.
        announced: usize,
        /// Octets there.
        available: usize,
    },
    /// Malformed: a block of security information that is shorter than its own header.
    #[error("a block of {length} octets cannot hold its header of 6")]
    BlockTooShort {
        /// What its length field says.
        length: usize,
    },
    /// Not authentic: a wrapped key does not unwrap. The wrapper key is wrong, or somebody changed the octets.
    #[error("the wrapped key does not unwrap: another wrapper key, or changed octets")]
    Wrap,
    /// Cannot be built: a counter, session or access number would be used a second time, or could be.
    #[error("{0}")]
    Sender(crate::sender::SenderError),
    /// Cannot be built: longer than the length field can say.
    #[error("{length} octets are too long, at most {limit} fit")]
    TooLong {
        /// Octets that it would have.
        length: usize,
        /// Octets that it may have.
        limit: usize,
    },
}

struct CheckOctetsText(usize);

impl fmt::Display for CheckOctetsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the body to be sealed does not begin with the check octets 2F 2F"),
            tried => write!(f, "no key gives the check octets 2F 2F ({tried} tried)"),
        }
    }
}

impl ErrorKind {
    /// The kind as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::BufferTooSmall { .. } => "buffer_too_small",
            Self::UnsupportedSuite { .. } => "unsupported_suite",
            Self::CompressedPlaintext => "unsupported_compression",
            Self::AuthenticationKeyMissing => "authentication_key_missing",
            Self::TagMismatch => "tag_mismatch",
            Self::TagMissing => "tag_missing",
            Self::MessageTooLong { .. } => "message_too_long",
            Self::NotAnAfl { .. } => "not_an_afl",
            Self::AflFields { .. } => "afl_fields",
            Self::ReservedAflBits { .. } => "unsupported_afl_bits",
            Self::MessageControl { .. } => "message_control",
            Self::UnsupportedMac { .. } => "unsupported_mac",
            Self::KeyInformation => "key_information",
            Self::UnsupportedMode { .. } => "unsupported_mode",
            Self::UnsupportedField { .. } => "unsupported_field",
            Self::CiphertextTruncated { .. } => "ciphertext_truncated",
            Self::KeyMissing => "key_missing",
            Self::CheckOctets { .. } => "check_octets",
            Self::Mac { .. } => "mac",
            Self::MacMissing => "mac_missing",
            Self::CounterMissing => "counter_missing",
            Self::Tag { .. } => "tag",
            Self::PayloadCrc { .. } => "payload_crc",
            Self::FragmentGap { .. } => "fragment_gap",
            Self::StoreFull { .. } => "store_full",
            Self::MessageLength { .. } => "message_length",
            Self::BlockTooShort { .. } => "block_too_short",
            Self::Wrap => "wrap",
            Self::Sender(refusal) => refusal.name(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn words_fit_what_was_done() {
        let text = |kind: ErrorKind| kind.at(3).to_string();
        assert_eq!(
            text(ErrorKind::CheckOctets { tried: 2 }),
            "no key gives the check octets 2F 2F (2 tried) (octet 3)"
        );
        assert_eq!(
            text(ErrorKind::CheckOctets { tried: 0 }),
            "the body to be sealed does not begin with the check octets 2F 2F (octet 3)"
        );
        assert_eq!(
            text(ErrorKind::UnsupportedField { field: "the structure of the block" }),
            "the structure of the block is not supported (octet 3)"
        );
    }
}
