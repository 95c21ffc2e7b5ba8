//! What can be wrong with a telegram, in which layer, and at which octet.
//!
//! Invariants: an [`Error`] is `Copy`; its `offset` counts octets from the start of what the caller
//! handed in. Errors of the lower crates keep their own kind. Unknown code values are data and never an
//! error. Every kind belongs to one of four sorts of blame: malformed input, unsupported, not
//! authentic, caller's buffer too small ([`Blame`]).

use mbus_link::octets::{BufferTooSmall, UnexpectedEnd};
use oms_security::security_information::KeyPurpose;

/// The layer that found the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Layer {
    /// Line code, CRC, frame format.
    Phy,
    /// Wired or wireless frame.
    Link,
    /// Extended link layer.
    Ell,
    /// Authentication and fragmentation layer.
    Afl,
    /// Transport header.
    Transport,
    /// Decryption and authentication.
    Security,
    /// Records, commands and everything else behind the transport header.
    Application,
}

impl Layer {
    /// The layer as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phy => "phy",
            Self::Link => "link",
            Self::Ell => "ell",
            Self::Afl => "afl",
            Self::Transport => "transport",
            Self::Security => "security",
            Self::Application => "application",
        }
    }
}

/// Who is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Blame {
    /// The octets break a rule of the standard, or octets are missing.
    Malformed,
    /// The octets may be fine, this library cannot read them (or was built without the feature).
    Unsupported,
    /// A check value, MAC or tag does not fit, or the key is missing.
    NotAuthentic,
    /// The caller's buffer or store is too small.
    BufferTooSmall,
}

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
    /// An error of the physical layer.
    #[error("{0}")]
    Phy(wmbus_phy::ErrorKind),
    /// An error of the link layer.
    #[error("{0}")]
    Link(mbus_link::ErrorKind),
    /// An error of the security layer.
    #[error("{0}")]
    Security(oms_security::ErrorKind),
    /// Cannot be built: the CI asks for another transport header.
    #[error("CI {ci:02X} has another transport header than the one given")]
    HeaderMismatch {
        /// The CI.
        ci: u8,
    },
    /// Cannot be built: the CI announces another kind of body.
    #[error("CI {ci:02X} announces another body than the one given")]
    BodyMismatch {
        /// The CI.
        ci: u8,
    },
    /// Cannot be built without a key: the header announces encryption.
    #[error("the header announces encryption, the body is in clear: seal it with its key")]
    NotSealed,
    /// A fragment of a longer message: it is read when all its fragments are there.
    #[error("fragment {number} of a longer message{}", if *.more { ", more follow" } else { ", the last one" })]
    Fragment {
        /// FID.
        number: u8,
        /// MF.
        more: bool,
    },
    /// Malformed: a layer that stands behind one it must precede, or stands twice.
    #[error("CI {ci:02X} stands behind a layer that it must precede")]
    LayerOutOfOrder {
        /// The CI.
        ci: u8,
    },
    /// Malformed: octets follow a structure of fixed length.
    #[error("{octets} octets follow the end")]
    TrailingOctets {
        /// How many.
        octets: usize,
    },
    /// Not authentic: the rebuilt records are not those that the compact frame was made from.
    #[error(
        "the full-frame CRC of the rebuilt records is {found:04X}, the compact frame says {expected:04X}"
    )]
    FullFrameCrc {
        /// Of the rebuilt records.
        found: u16,
        /// As sent.
        expected: u16,
    },
    /// Unsupported: nobody told the headers of this compact frame yet; a full or format frame will.
    #[error("the format of the compact frame is unknown, a full frame is awaited (signature {signature:04X}, as sent {:02X} {:02X})",
        signature.to_le_bytes()[0], signature.to_le_bytes()[1])]
    FormatUnknown {
        /// The signature as a number.
        signature: u16,
    },
    /// Malformed: the signature of a format is not that of its headers.
    #[error("the headers have the signature {expected:04X}, not {found:04X}")]
    FormatSignature {
        /// As sent.
        found: u16,
        /// Of the headers.
        expected: u16,
    },
    /// Not authentic: another format is known under the signature, and nothing proves the new one.
    #[error(
        "another format with the signature {signature:04X} is known, and nothing proves this one: the first is kept"
    )]
    FormatConflict {
        /// The signature of both.
        signature: u16,
    },
    /// Malformed: a format without headers.
    #[error("a format without headers")]
    FormatEmpty,
    /// Cannot be built: no published telegram tells how this record looks in a compact frame.
    #[error("manufacturer specific data and units as text have no verified compact form")]
    NotCompactable,
    /// Cannot be built, or does not fit the store: too long.
    #[error("{length} octets are too long, at most {limit} fit")]
    TooLong {
        /// Octets that it has.
        length: usize,
        /// Octets that it may have.
        limit: usize,
    },
    /// Cannot be built: the standard's layout of it is not published, so nobody can say whether it would be right.
    #[error("{what} is read but not written: its layout is not published")]
    NotPublished {
        /// What it is.
        what: &'static str,
    },
    /// Malformed: a readout in several telegrams stops although its last one announced more.
    #[error(
        "the last telegram announced more records, and none came: ask the meter again, without a reset in between"
    )]
    ReadoutUnfinished,
    /// Malformed: a meter announces more telegrams again and again.
    #[error(
        "more than {limit} telegrams in one readout: the meter announces more for ever, reset it (SND-NKE)"
    )]
    ReadoutTooLong {
        /// The most that are taken.
        limit: usize,
    },
    /// Cannot be: a telegram behind the last one of a readout.
    #[error("the readout is over: its last telegram announced no more")]
    ReadoutOver,
    /// Malformed: two telegrams of one readout come from two meters.
    #[error("the telegram is from another meter than the one before it: two meters may share an address")]
    OtherMeter,
    /// Unsupported: a telegram without records where some were announced.
    #[error("a telegram without records{}", OfCi(*.ci))]
    NoRecords {
        /// Its CI, if it has one.
        ci: Option<u8>,
    },
    /// Malformed: octets that are no date or time.
    #[error("no such date or time")]
    NoSuchMoment,
    /// Malformed: more than ten DIFE in one record.
    #[error("more than 10 DIFE in a record")]
    TooManyDife,
    /// Malformed: more than ten VIFE in one record.
    #[error("more than 10 VIFE in a record")]
    TooManyVife,
    /// Unsupported: a DIF that is reserved, so that nobody knows how long its record is.
    #[error("DIF {dif:02X} is reserved, the rest cannot be read as records")]
    ReservedDif {
        /// The DIF.
        dif: u8,
    },
    /// Unsupported: an LVAR that is reserved, so that nobody knows how long its data are.
    #[error("LVAR {lvar:02X} is reserved, the rest cannot be read as records")]
    ReservedLvar {
        /// The LVAR.
        lvar: u8,
    },
    /// Cannot be built: without a long header the receiver takes the sender of the link layer for the meter, and that is
    /// another; its address enters the cipher.
    #[error(
        "the header does not name the meter, and the link layer names another: use a CI with a long header"
    )]
    MeterNotSent,
    /// Cannot be built: bits of the configuration field that are computed, or a content index that does not fit.
    #[error(
        "configuration bits {flags:04X} or content index {content_index} are not the sender's to set in this mode"
    )]
    ConfigurationBits {
        /// The bits given.
        flags: u16,
        /// The content index given.
        content_index: u8,
    },
    /// Cannot be built: a profile with a key, and none given.
    #[error("the telegram is to be protected: seal it with a key")]
    ProtectionMissing,
    /// Cannot be built: a session of the extended link layer, and no sender's state to take it from.
    #[error("the extended link layer has a session: build the frame with a sender's state")]
    SessionMissing,
    /// Not authentic: a secured command whose MAC was made with the key for another kind of command.
    #[error("a command for the key \"{}\" came with the key \"{}\"", of_purpose(*.needed), of_purpose(*.used))]
    KeyPurpose {
        /// The key that the command needs.
        needed: KeyPurpose,
        /// The key that it came with.
        used: KeyPurpose,
    },
    /// Cannot be built: what the caller asks for has no form on the wire.
    #[error("cannot build the record: {0}")]
    CannotBuild(crate::record::builder::Unbuildable),
    /// COSEM: see the fault for the blame.
    #[error("{0}")]
    Cosem(crate::cosem::CosemFault),
    /// SML: see the fault for the blame.
    #[cfg(feature = "sml")]
    #[error("{0}")]
    Sml(crate::sml::SmlFault),
}

impl ErrorKind {
    /// The kind as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::BufferTooSmall { .. } => "buffer_too_small",
            Self::Phy(kind) => kind.name(),
            Self::Link(kind) => kind.name(),
            Self::Security(kind) => kind.name(),
            Self::HeaderMismatch { .. } => "header_mismatch",
            Self::BodyMismatch { .. } => "body_mismatch",
            Self::NotSealed => "not_sealed",
            Self::Fragment { .. } => "fragment",
            Self::LayerOutOfOrder { .. } => "layer_out_of_order",
            Self::TrailingOctets { .. } => "trailing_octets",
            Self::FullFrameCrc { .. } => "full_frame_crc",
            Self::FormatUnknown { .. } => "format_unknown",
            Self::FormatSignature { .. } => "format_signature",
            Self::FormatConflict { .. } => "format_conflict",
            Self::FormatEmpty => "format_empty",
            Self::NotCompactable => "not_compactable",
            Self::TooLong { .. } => "too_long",
            Self::NotPublished { .. } => "not_published",
            Self::ReadoutUnfinished => "readout_unfinished",
            Self::ReadoutTooLong { .. } => "readout_too_long",
            Self::ReadoutOver => "readout_over",
            Self::OtherMeter => "other_meter",
            Self::NoRecords { .. } => "no_records",
            Self::NoSuchMoment => "no_such_moment",
            Self::TooManyDife => "too_many_dife",
            Self::TooManyVife => "too_many_vife",
            Self::ReservedDif { .. } => "reserved_dif",
            Self::ReservedLvar { .. } => "reserved_lvar",
            Self::MeterNotSent => "meter_not_sent",
            Self::ConfigurationBits { .. } => "configuration_bits",
            Self::ProtectionMissing => "protection_missing",
            Self::SessionMissing => "session_missing",
            Self::KeyPurpose { .. } => "key_purpose",
            Self::CannotBuild(_) => "cannot_build",
            Self::Cosem(fault) => fault.name(),
            #[cfg(feature = "sml")]
            Self::Sml(fault) => fault.name(),
        }
    }
    /// Who is to blame.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::Phy(kind) => blame_by_name(kind.name()),
            Self::Link(kind) => blame_by_name(kind.name()),
            Self::Security(kind) => blame_by_name(kind.name()),
            Self::FullFrameCrc { .. } | Self::FormatConflict { .. } | Self::KeyPurpose { .. } => {
                Blame::NotAuthentic
            }
            Self::FormatUnknown { .. } | Self::NotCompactable | Self::NotPublished { .. } => {
                Blame::Unsupported
            }
            Self::NoRecords { .. } => Blame::Unsupported,
            Self::NoSuchMoment
            | Self::ReadoutUnfinished
            | Self::ReadoutTooLong { .. }
            | Self::ReadoutOver
            | Self::OtherMeter => Blame::Malformed,
            Self::FormatSignature { .. }
            | Self::FormatEmpty
            | Self::TooLong { .. }
            | Self::TrailingOctets { .. }
            | Self::HeaderMismatch { .. }
            | Self::BodyMismatch { .. }
            | Self::NotSealed
            | Self::LayerOutOfOrder { .. }
            | Self::Fragment { .. }
            | Self::MeterNotSent
            | Self::ConfigurationBits { .. }
            | Self::ProtectionMissing
            | Self::SessionMissing
            | Self::CannotBuild(_) => Blame::Malformed,
            Self::Truncated { .. } | Self::TooManyDife | Self::TooManyVife => Blame::Malformed,
            Self::ReservedDif { .. } | Self::ReservedLvar { .. } => Blame::Unsupported,
            Self::BufferTooSmall { .. } => Blame::BufferTooSmall,
            Self::Cosem(fault) => fault.blame(),
            #[cfg(feature = "sml")]
            Self::Sml(fault) => fault.blame(),
        }
    }
    /// This kind of error of the application layer at `offset`.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        Error { layer: Layer::Application, kind: self, offset }
    }
}

fn of_purpose(purpose: KeyPurpose) -> &'static str {
    purpose.name().unwrap_or("of an unknown purpose")
}

/// `, its CI is 70`, or nothing.
struct OfCi(Option<u8>);

impl core::fmt::Display for OfCi {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |ci| write!(f, ", its CI is {ci:02X}"))
    }
}

/// The lower crates name their kinds after who is to blame.
fn blame_by_name(name: &str) -> Blame {
    match name {
        "buffer_too_small" | "store_full" => Blame::BufferTooSmall,
        "message_too_long" => Blame::Unsupported,
        name if name.starts_with("unsupported") => Blame::Unsupported,
        "key_missing"
        | "authentication_key_missing"
        | "check_octets"
        | "mac"
        | "mac_missing"
        | "counter_missing"
        | "tag"
        | "tag_mismatch"
        | "tag_missing"
        | "payload_crc"
        | "wrap" => Blame::NotAuthentic,
        _ => Blame::Malformed,
    }
}

/// What is wrong, in which layer, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind} ({} layer, octet {offset})", layer.name())]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// The layer that found it.
    pub layer: Layer,
    /// What is wrong.
    pub kind: ErrorKind,
    /// The octet to blame, counted from the start of what the caller handed in.
    pub offset: usize,
}

impl Error {
    /// The same error seen from a slice that began `octets` earlier.
    #[must_use]
    pub const fn shifted(self, octets: usize) -> Self {
        Self { layer: self.layer, kind: self.kind, offset: self.offset.saturating_add(octets) }
    }
    /// The same error, found by another layer.
    #[must_use]
    pub const fn in_layer(self, layer: Layer) -> Self {
        Self { layer, kind: self.kind, offset: self.offset }
    }
}

impl Error {
    /// An error of the physical layer.
    #[must_use]
    pub const fn from_phy(error: wmbus_phy::Error) -> Self {
        Self { layer: Layer::Phy, kind: ErrorKind::Phy(error.kind), offset: error.offset }
    }
    /// An error of the link layer.
    #[must_use]
    pub const fn from_link(error: mbus_link::Error) -> Self {
        Self { layer: Layer::Link, kind: ErrorKind::Link(error.kind), offset: error.offset }
    }
    /// An error of the security layer.
    #[must_use]
    pub const fn from_security(error: oms_security::Error) -> Self {
        Self { layer: Layer::Security, kind: ErrorKind::Security(error.kind), offset: error.offset }
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
    use oms_security::ErrorKind as Security;

    /// As the documentation of each kind begins.
    #[test]
    fn kinds_of_the_security_layer_are_blamed_as_they_say() {
        let (needed, available, tried, length, limit) = (1, 0, 1, 9, 8);
        for (blame, kinds) in [
            (
                Blame::NotAuthentic,
                &[
                    Security::KeyMissing,
                    Security::AuthenticationKeyMissing,
                    Security::TagMismatch,
                    Security::TagMissing,
                    Security::CheckOctets { tried },
                    Security::Mac { tried },
                    Security::MacMissing,
                    Security::CounterMissing,
                    Security::Tag { tried },
                    Security::PayloadCrc { tried },
                    Security::Wrap,
                ][..],
            ),
            (
                Blame::Unsupported,
                &[
                    Security::UnsupportedSuite { suite: 2 },
                    Security::CompressedPlaintext,
                    Security::MessageTooLong { length },
                    Security::UnsupportedMac { authentication_type: 1 },
                    Security::UnsupportedMode { mode: oms_security::mode::SecurityMode(1) },
                    Security::UnsupportedField { field: "x" },
                    Security::ReservedAflBits { bits: 0x100 },
                ],
            ),
            (
                Blame::BufferTooSmall,
                &[Security::BufferTooSmall { needed, available }, Security::StoreFull { capacity: 1 }],
            ),
            (
                Blame::Malformed,
                &[
                    Security::Truncated { needed, available },
                    Security::NotAnAfl { ci: 0 },
                    Security::AflFields { announced: 1 },
                    Security::MessageControl { control: 1 },
                    Security::CiphertextTruncated { announced: 1, available },
                    Security::FragmentGap { expected: 1, found: 2 },
                    Security::MessageLength { announced: 1, available },
                    Security::BlockTooShort { length },
                    Security::TooLong { length, limit },
                ],
            ),
        ] {
            for kind in kinds {
                assert_eq!(ErrorKind::Security(*kind).blame(), blame, "{kind:?}");
            }
        }
    }
}
