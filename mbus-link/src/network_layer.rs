//! The network layer header (CI 81h) of routed networks: recognised, not read.
//!
//! ```text
//! 81 .. CI ..
//! ```
//!
//! EN 13757-5. Its layout is not public; the only frames seen in the field have one octet between 81h
//! and the next CI. Invariants: nothing is refused; what is guessed says so in its name.

use crate::{Error, ErrorKind};

/// CI of the network layer.
pub const CI: u8 = 0x81;

/// CIs that may follow a network layer header: AFL, and transport layers in data sent by meters.
const FOLLOWERS: &[u8] =
    &[0x90, 0x72, 0x78, 0x7A, 0x79, 0x7B, 0x73, 0x6E, 0x6F, 0x70, 0x74, 0x75, 0x8A, 0x8B];

/// A network layer header and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NetworkLayer<'a> {
    /// All octets behind CI 81h.
    pub raw: &'a [u8],
}

impl<'a> NetworkLayer<'a> {
    /// `octets` from CI 81h on.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when there is none, [`ErrorKind::NotANetworkLayer`] when the CI is another.
    pub const fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        match octets {
            [CI, raw @ ..] => Ok(Self { raw }),
            [ci, ..] => Err(ErrorKind::NotANetworkLayer { ci: *ci }.at(0)),
            [] => Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0)),
        }
    }
    /// The octet behind CI 81h and the next layer from its CI on, if what comes after one octet is a CI
    /// that may follow. A guess that fits the frames seen in the field.
    #[must_use]
    pub fn guess_next(&self) -> Option<(u8, &'a [u8])> {
        let (&control, next) = self.raw.split_first()?;
        let ci = next.first()?;
        FOLLOWERS.contains(ci).then_some((control, next))
    }
}
