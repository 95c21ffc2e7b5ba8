//! Why a telegram does not open, for the operator: the check that failed, the octets that went into it, and causes that
//! were tried on the octets.
//!
//! Invariants: no key, no derived key and no plaintext in here, so it can be logged. A [`Cause`] is named only when a
//! test on the octets spoke for it; [`Cause::is_proven`] tells whether the telegram opened with the cause undone or
//! only an octet points there. Nothing of this goes over the air.

use core::fmt;

use cipher::BlockCipherDecrypt;

use crate::ErrorKind;
use crate::kdf::{DerivationConstant, derive};
use crate::key::KeyProvider;
use crate::sealed::{Direction, SecurityContext, candidates, request};

/// The check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Check {
    /// There was no key.
    Key,
    /// The plaintext does not begin with 2F 2F.
    CheckOctets,
    /// The payload CRC of the extended link layer.
    PayloadCrc,
    /// The MAC of the AFL.
    Mac,
    /// The tag of mode 9 or 10.
    Tag,
    /// Fewer octets than are announced.
    Length,
    /// The MAC or counter that the mode demands is not there.
    Missing,
    /// A mode or a field that cannot be opened.
    Unsupported,
    /// No check of security failed, or none was come to, and what is there makes no sense.
    Content,
}

impl Check {
    /// The check that an error of opening comes from; `None` for errors that are of another kind.
    #[must_use]
    pub const fn of(kind: ErrorKind) -> Option<Self> {
        Some(match kind {
            ErrorKind::KeyMissing => Self::Key,
            ErrorKind::CheckOctets { .. } => Self::CheckOctets,
            ErrorKind::PayloadCrc { .. } => Self::PayloadCrc,
            ErrorKind::Mac { .. } => Self::Mac,
            ErrorKind::Tag { .. } => Self::Tag,
            ErrorKind::CiphertextTruncated { .. } => Self::Length,
            ErrorKind::MacMissing | ErrorKind::CounterMissing | ErrorKind::MessageControl { .. } => {
                Self::Missing
            }
            ErrorKind::UnsupportedMode { .. }
            | ErrorKind::UnsupportedField { .. }
            | ErrorKind::ReservedAflBits { .. }
            | ErrorKind::UnsupportedMac { .. } => Self::Unsupported,
            _ => return None,
        })
    }
    /// The check as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::CheckOctets => "check_octets",
            Self::PayloadCrc => "payload_crc",
            Self::Mac => "mac",
            Self::Tag => "tag",
            Self::Length => "length",
            Self::Missing => "missing",
            Self::Unsupported => "unsupported",
            Self::Content => "content",
        }
    }
}

/// Octets that went into the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Part {
    /// What they are.
    pub name: &'static str,
    /// The first one, counted in the frame without link CRCs.
    pub from: usize,
    /// Where they end; where they begin when they are not among the octets that were diagnosed.
    pub to: usize,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            return write!(f, "{} (in the frames, not in these octets)", self.name);
        }
        write!(f, "{} ({} to {})", self.name, self.from, self.to.saturating_sub(1))
    }
}

macro_rules! causes {
    ($($(#[$meta:meta])* $name:ident $word:literal $proven:literal $advice:literal,)*) => {
        /// Why the check may have failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Cause { $($(#[$meta])* $name,)* }

        impl Cause {
            /// All causes, one row each.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The cause as one lower-case word.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
            /// What it is and what to do about it, in words.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
            /// True when the telegram opens with the cause undone; false when octets only point there.
            #[must_use]
            pub const fn is_proven(self) -> bool {
                match self { $(Self::$name => $proven,)* }
            }
        }
    };
}

causes! {
    /// The link CRCs of format A are still inside.
    CrcOfFormatA "crc_of_format_a" true "the link CRCs of format A are still inside: take them out, or read it as format A",
    /// The link CRCs of format B are still inside.
    CrcOfFormatB "crc_of_format_b" true "the link CRCs of format B are still inside: take them out, or read it as format B",
    /// The CRC behind octet 126 of a long frame of format B is still inside.
    CrcAt126 "crc_at_126" true "the receiver left the CRC of the first part of a long format B frame inside (octets 126 and 127): take it out",
    /// L counts CRCs that are no longer there.
    LengthCountsCrcs "length_counts_crcs" true "L counts CRCs or itself, which are not there: set L to the octets that follow it",
    /// L is smaller than the frame, whose last octets are there.
    LengthTooSmall "length_too_small" true "L leaves out octets that belong to the telegram: set L to the octets that follow it",
    /// L counts octets that do not belong to the frame.
    SurplusOctets "surplus_octets" true "the last octets do not belong to the telegram (a CRC, a signal level?): cut them off and set L",
    /// Octets are missing at the end.
    OctetsMissing "octets_missing" false "the receiver lost octets at the end: hear the meter again",
    /// The address of the link layer was used in place of that of the long header.
    LinkAddress "link_address" true "the sender used the address of the link layer (a radio converter or gateway) in place of the meter's",
    /// The address of the receiver was used.
    ReceiverAddress "receiver_address" true "the sender used the receiver's address of the extended link layer in place of the meter's",
    /// The octets of the long header's address went in as they stand there, number first.
    AddressOrder "address_order" true "the sender put the meter's address into the cipher in the order of the long header, number first",
    /// The link address is that of a radio converter, and nothing names the meter behind it.
    ConverterAddress "converter_address" false "the frame was sent by a radio converter and has no long header: the meter's own address, which the cipher needs, is not in it",
    /// The access number of the extended link layer was used.
    LinkAccessNumber "link_access_number" true "the sender used the access number of the extended link layer in place of the transport layer's",
    /// The keys of the other direction were used.
    OtherDirection "other_direction" true "the sender derived its keys for the other direction",
    /// The key's octets are in reverse order.
    ReversedKey "reversed_key" true "the octets of the key are in reverse order: turn the key round",
    /// The key is right, the MAC is not.
    KeyFits "key_fits" false "the key fits (2F 2F comes out) and the MAC does not: octets were changed on the way, or the MAC covers others than it should",
    /// The key seems right, the tag is not.
    KeySeemsRight "key_seems_right" false "the key seems right (readings come out) and the tag does not fit: octets were changed on the way, or the tag covers others than it should",
    /// The MAC was made without ML or KI.
    MacWithoutFields "mac_without_fields" true "the sender left ML or KI out of the MAC",
    /// N is 0 although the body is enciphered.
    NothingAnnounced "nothing_announced" true "the configuration field announces no enciphered block, but all of it is enciphered: N should be 15",
    /// Bit 12 of the configuration field is set: a scrambling of one manufacturer's.
    Scrambled "scrambled" false "bit 12 of the configuration field is set: a manufacturer's own scrambling, which no AES key opens",
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

/// True when a key makes the first block of a message of mode 7 begin with 2F 2F, whatever its MAC. Sixteen bits: one
/// wrong key in 65 536 does too.
#[must_use]
pub fn key_fits<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &[u8],
    body: usize,
    keys: &P,
) -> bool {
    let constant = match context.direction {
        Direction::FromMeter => DerivationConstant::ENCRYPTION_FROM_METER,
        Direction::ToMeter => DerivationConstant::ENCRYPTION_TO_METER,
    };
    let counter = context.configuration.counter.or(context.afl.and_then(|afl| afl.message_counter));
    let first = message.get(body..).and_then(|body| body.first_chunk::<16>());
    let (Some(counter), Some(first)) = (counter, first) else { return false };
    let request = request(context, context.configuration.key_version);
    candidates(keys, &request).any(|key| {
        let derived = key.rekeyed(&derive(key, constant, counter, context.meter.identification));
        let mut block = (*first).into();
        derived.cipher().decrypt_block(&mut block);
        block.starts_with(&crate::mode5::CHECK)
    })
}

/// True when a key of a message of mode 10 makes a plaintext that is `plausible`, whatever its tag. CCM has no check of the
/// key apart from the tag, so this is all that can be said.
///
/// What `plausible` is shown is not authentic and must not leave it; the message is as before when this returns.
pub fn key_seems_right<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
    mut plausible: impl FnMut(&[u8]) -> bool,
) -> bool {
    let request = request(context, context.configuration.key_version);
    candidates(keys, &request).any(|key| {
        let seems = crate::mode10::apply_unverified(context, key, message, body).is_some_and(&mut plausible);
        // The key stream once more: the octets are enciphered again. What was refused is refused again.
        let _ = crate::mode10::apply_unverified(context, key, message, body);
        seems
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_word_and_advice() {
        for (n, cause) in Cause::ALL.iter().enumerate() {
            assert!(!cause.advice().is_empty());
            for other in &Cause::ALL[..n] {
                assert!(cause.name() != other.name() && cause.advice() != other.advice());
            }
        }
        assert_eq!(Cause::ALL.len(), 19);
    }

    #[test]
    fn checks_by_error() {
        for (kind, name) in [
            (ErrorKind::KeyMissing, "key"),
            (ErrorKind::CheckOctets { tried: 1 }, "check_octets"),
            (ErrorKind::PayloadCrc { tried: 1 }, "payload_crc"),
            (ErrorKind::Mac { tried: 1 }, "mac"),
            (ErrorKind::Tag { tried: 1 }, "tag"),
            (ErrorKind::CiphertextTruncated { announced: 2, available: 1 }, "length"),
            (ErrorKind::MacMissing, "missing"),
            (ErrorKind::CounterMissing, "missing"),
            (ErrorKind::UnsupportedField { field: "x" }, "unsupported"),
        ] {
            assert_eq!(Check::of(kind).map(Check::name), Some(name));
        }
        assert_eq!(Check::of(ErrorKind::Wrap), None);
    }
}
