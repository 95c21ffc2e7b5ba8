//! What can be wrong with a frame, and at which octet.
//!
//! Invariants: an [`Error`] is `Copy`, its `offset` counts octets from the start of what the caller
//! handed in; a layer that parses a part of it shifts the offset by where that part began. A field
//! value that nobody knows is data and never an error.

use crate::octets::{BufferTooSmall, UnexpectedEnd};

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
    /// Malformed: a wired frame begins with 10h, 68h or E5h, and a long one repeats its 68h.
    #[error("{found:02X}h starts no frame")]
    StartOctet {
        /// What is there.
        found: u8,
    },
    /// Malformed: the two length fields of a wired frame differ.
    #[error("the length fields say {first} and {second}")]
    LengthsDiffer {
        /// The first.
        first: u8,
        /// The second.
        second: u8,
    },
    /// Malformed: the length field of a wired frame leaves no room for C, A and CI.
    #[error("L is {length}, but a wired frame has at least C, A and CI")]
    WiredLength {
        /// L.
        length: u8,
    },
    /// Malformed: the last octet of a wired frame is not 16h.
    #[error("{found:02X}h stands where the stop octet 16h must be")]
    StopOctet {
        /// What is there.
        found: u8,
    },
    /// Malformed: the checksum of a wired frame is wrong, octets were damaged on the way.
    #[error("the checksum is {found:02X}h, the octets add up to {expected:02X}h")]
    Checksum {
        /// What is there.
        found: u8,
        /// What the octets add up to.
        expected: u8,
    },
    /// Malformed: a wired frame longer than its length field can say; all else is right.
    #[error("L is {length}, but {actual} octets follow: the length field wrapped round at 256")]
    LengthWrapped {
        /// L.
        length: u8,
        /// What it should say.
        actual: usize,
    },
    /// The octets are no wired frame whose length field wrapped round.
    #[error("no wired frame whose length field wrapped round")]
    NotWrapped,
    /// Malformed: L of a wireless frame leaves no room for C, M and A.
    #[error("L is {length}, but a wireless frame has at least {minimum} octets behind L")]
    FrameLengthTooSmall {
        /// L as received.
        length: u8,
        /// The smallest L.
        minimum: u8,
    },
    /// Malformed: octets follow the end that the length field announced.
    #[error("{octets} octets follow the end that the length field announced")]
    SurplusOctets {
        /// How many.
        octets: usize,
    },
    /// Cannot be built: the payload does not fit a frame.
    #[error("a payload of {octets} octets does not fit a frame, which takes {maximum}")]
    PayloadTooLong {
        /// Octets of the payload.
        octets: usize,
        /// The most a frame takes.
        maximum: usize,
    },
    /// Cannot be built: a wireless frame needs at least a CI behind the address.
    #[error("a wireless frame without CI is not written: the payload is empty")]
    NoControlInformation,
    /// Unsupported: an extended link layer whose layout is not published (ELL V).
    #[error("extended link layer {ci:02X}h (ELL V) is known by name only, its layout is not published")]
    UnsupportedEll {
        /// Its CI.
        ci: u8,
    },
    /// The CI opens no extended link layer.
    #[error("CI {ci:02X}h opens no extended link layer")]
    NotAnEll {
        /// The CI.
        ci: u8,
    },
    /// The CI opens no network layer.
    #[error("CI {ci:02X}h opens no network layer, which has 81h")]
    NotANetworkLayer {
        /// The CI.
        ci: u8,
    },
    /// The frame has no place for the hop bit: neither an ELL nor a configuration field of mode 0 or 5.
    #[error("the frame cannot be repeated: it has no place for the hop bit")]
    NoHopBit,
    /// The frame went through a repeater already; a second hop is not allowed.
    #[error("the frame was repeated already, and a second hop is not allowed")]
    AlreadyRepeated,
    /// The caller's queue is full.
    #[error("the queue is full: it holds {capacity} frames")]
    QueueFull {
        /// How many frames it holds.
        capacity: usize,
    },
    /// Unsupported: control octets of an LPWAN frame whose meaning is not published.
    #[error("the link control octets of the LPWAN frame say what no published edition defines")]
    UnsupportedLinkControl,
    /// The master has an order under way; wait for its end or cancel it.
    #[error("an order is under way")]
    OrderUnderWay,
    /// There is no readout that could go on.
    #[error("there is no readout that could go on")]
    NoReadout,
    /// A readout reached the number of telegrams that the caller allowed.
    #[error("the readout is longer than {limit} telegrams")]
    ReadoutTooLong {
        /// The most telegrams.
        limit: u16,
    },
    /// There is no request that could be answered.
    #[error("there is no request to be answered")]
    NothingToAnswer,
    /// An installation was to begin with another frame than SND-IR.
    #[error("C-field {c:02X} is no installation request, SND-IR has 46")]
    NotAnInstallationRequest {
        /// The C-field found.
        c: u8,
    },
}

impl ErrorKind {
    /// The kind as one lower-case word, for logs and scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::BufferTooSmall { .. } => "buffer_too_small",
            Self::StartOctet { .. } => "start_octet",
            Self::LengthsDiffer { .. } => "lengths_differ",
            Self::WiredLength { .. } => "wired_length",
            Self::StopOctet { .. } => "stop_octet",
            Self::Checksum { .. } => "checksum",
            Self::LengthWrapped { .. } => "length_wrapped",
            Self::NotWrapped => "not_wrapped",
            Self::FrameLengthTooSmall { .. } => "frame_length_too_small",
            Self::SurplusOctets { .. } => "surplus_octets",
            Self::PayloadTooLong { .. } => "payload_too_long",
            Self::NoControlInformation => "no_control_information",
            Self::UnsupportedEll { .. } => "unsupported_ell",
            Self::NotAnEll { .. } => "not_an_ell",
            Self::NotANetworkLayer { .. } => "not_a_network_layer",
            Self::NoHopBit => "no_hop_bit",
            Self::AlreadyRepeated => "already_repeated",
            Self::QueueFull { .. } => "queue_full",
            Self::UnsupportedLinkControl => "unsupported_link_control",
            Self::OrderUnderWay => "order_under_way",
            Self::NoReadout => "no_readout",
            Self::ReadoutTooLong { .. } => "readout_too_long",
            Self::NothingToAnswer => "nothing_to_answer",
            Self::NotAnInstallationRequest { .. } => "not_an_installation_request",
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
