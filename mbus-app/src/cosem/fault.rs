//! What can be wrong with COSEM data and its carriers.
//!
//! Invariants: a fault is `Copy` and says the facts; its place is in the [`Error`] around
//! it.

use crate::{Blame, Error, ErrorKind};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CosemFault {
    /// The CI is no carrier of COSEM.
    #[error("CI {ci:02X}h carries no COSEM fragment, which has 00h to 1Fh")]
    NotAFragment {
        /// The CI.
        ci: u8,
    },
    /// A fragment is missing; what was collected is dropped.
    #[error("fragment {expected} is missing, {found} came: the push is dropped")]
    FragmentLost {
        /// The number that had to come.
        expected: u16,
        /// The number that came.
        found: u16,
    },
    /// A fragment of another sender or receiver came between.
    #[error("a fragment of another sender or receiver came between: the push is dropped")]
    OtherPeer,
    /// Not a wired frame: a start or stop octet, the lengths or the checksum are wrong.
    #[error("not a wired long frame: {0}")]
    WiredFrame(&'static str),
    /// Not an HDLC frame of format type 3.
    #[error("not an HDLC frame of format type 3: {0}")]
    HdlcFrame(&'static str),
    /// A check sequence is wrong.
    #[error("check sequence is {found:04X}h, computed {computed:04X}h")]
    CheckSequence {
        /// The one sent.
        found: u16,
        /// The one computed.
        computed: u16,
    },
    /// The APDU has a tag that cannot be read.
    #[error("APDU {tag:02X}h ({name}) is not read")]
    Apdu {
        /// Its tag.
        tag: u8,
        /// Its name, where there is one.
        name: &'static str,
    },
    /// The system title has not eight octets.
    #[error("the system title has {length} octets instead of 8")]
    SystemTitle {
        /// Octets said.
        length: usize,
    },
    /// A length says more than there is.
    #[error("a length of {length} is said where {available} octets are left")]
    Length {
        /// The length said, `usize::MAX` when it does not even fit.
        length: usize,
        /// Octets left.
        available: usize,
    },
    /// The length is of a form that A-XDR does not have, or of more than four octets.
    #[error("length octet {octet:02X}h begins no length")]
    LengthForm {
        /// The octet.
        octet: u8,
    },
    /// A data type that is unknown, or known and not read.
    #[error("data type {tag:02X}h is not read")]
    DataType {
        /// Its tag.
        tag: u8,
    },
    /// Structures are nested too deeply.
    #[error("more than {limit} structures inside each other")]
    Nesting {
        /// The most that is read.
        limit: usize,
    },
    /// A clock has not twelve octets.
    #[error("a date-time has {length} octets instead of 12 or none")]
    Clock {
        /// Octets said.
        length: usize,
    },
    /// Octets follow the end.
    #[error("{octets} octets follow the end")]
    Surplus {
        /// How many.
        octets: usize,
    },
    /// Cannot be built.
    #[error("cannot be written: {0}")]
    Unwritable(&'static str),
}

impl CosemFault {
    /// The fault as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAFragment { .. } => "not_a_cosem_fragment",
            Self::FragmentLost { .. } => "fragment_lost",
            Self::OtherPeer => "other_peer",
            Self::WiredFrame(_) => "wired_frame",
            Self::HdlcFrame(_) => "hdlc_frame",
            Self::CheckSequence { .. } => "check_sequence",
            Self::Apdu { .. } => "unsupported_apdu",
            Self::SystemTitle { .. } => "system_title",
            Self::Length { .. } => "lying_length",
            Self::LengthForm { .. } => "length_form",
            Self::DataType { .. } => "data_type",
            Self::Nesting { .. } => "nesting",
            Self::Clock { .. } => "clock",
            Self::Surplus { .. } => "surplus_octets",
            Self::Unwritable(_) => "unwritable",
        }
    }
    /// Who is to blame.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::Apdu { .. } | Self::DataType { .. } | Self::Unwritable(_) | Self::Nesting { .. } => {
                Blame::Unsupported
            }
            Self::CheckSequence { .. } => Blame::NotAuthentic,
            _ => Blame::Malformed,
        }
    }
    /// This fault at `offset`.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        ErrorKind::Cosem(self).at(offset)
    }
}
