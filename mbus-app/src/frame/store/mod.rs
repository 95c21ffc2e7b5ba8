//! Where header lists are kept: the caller's store.
//!
//! Invariants: a list is kept under manufacturer, version, device type and signature, and only when it has
//! that signature; an empty list is refused. A full store gives up the list that was learned or used the longest
//! ago: strangers do not fill it for ever, but enough of them push lists out. Whoever wants to be sure learns only
//! from its own meters ([`learn`](super::learn) says how). Looking
//! at a candidate is no use of it, a good expansion is ([`FormatStore::used`]). Nothing is global. Lists survive a
//! restart as text, one line each ([`import`]).

mod bounded;
#[cfg(feature = "alloc")]
mod growing;
mod text;

use mbus_link::{Address, DeviceType, ManufacturerId, Version};

use crate::{Error, ErrorKind};

use super::compact::signature;

pub use bounded::BoundedFormats;
#[cfg(feature = "alloc")]
pub use growing::Formats;
pub use text::{Import, ParseFormatError, RefusedLine, StoredFormat, import, write_line};

/// The most lists that are tried on one compact frame.
pub const MAX_CANDIDATES: usize = 8;

/// What a header list is kept under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FormatKey {
    /// Who made the meter.
    pub manufacturer: ManufacturerId,
    /// Its version.
    pub version: Version,
    /// Its device type.
    pub device_type: DeviceType,
    /// The signature of the list.
    pub signature: u16,
}

impl FormatKey {
    /// The key for a meter and a signature. The identification number does not count: meters of one kind
    /// share their formats.
    #[must_use]
    pub const fn new(meter: Address, signature: u16) -> Self {
        Self {
            manufacturer: meter.manufacturer,
            version: meter.version,
            device_type: meter.device_type,
            signature,
        }
    }
}

/// A store of header lists.
pub trait FormatStore {
    /// List number `n` for a key, from 0 until the answer is `None`; at most [`MAX_CANDIDATES`] are asked for.
    fn candidate(&self, key: &FormatKey, n: usize) -> Option<&[u8]>;
    /// Keeps a list.
    ///
    /// # Errors
    /// [`ErrorKind::FormatEmpty`], [`ErrorKind::FormatSignature`], [`ErrorKind::TooLong`]. A store that cannot learn
    /// says nothing.
    fn learn(&mut self, key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
        check(key, headers)
    }
    /// Candidate `n` of this key was the right one. A store that is bounded keeps it the longer.
    fn used(&mut self, key: &FormatKey, n: usize) {
        let _ = (key, n);
    }
}

/// Refuses lists that are not what their key says.
fn check(key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
    if headers.is_empty() {
        return Err(ErrorKind::FormatEmpty.at(0));
    }
    let expected = signature(headers);
    if expected != key.signature {
        return Err(ErrorKind::FormatSignature { found: key.signature, expected }.at(0));
    }
    Ok(())
}

/// A store without lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFormats;

impl FormatStore for NoFormats {
    fn candidate(&self, _: &FormatKey, _: usize) -> Option<&[u8]> {
        None
    }
}

/// Two stores, the first asked first; the first one learns.
impl<A: FormatStore, B: FormatStore> FormatStore for (A, B) {
    fn candidate(&self, key: &FormatKey, n: usize) -> Option<&[u8]> {
        match n.checked_sub(candidates_of(&self.0, key, n)) {
            Some(n) => self.1.candidate(key, n),
            None => self.0.candidate(key, n),
        }
    }
    fn learn(&mut self, key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
        self.0.learn(key, headers)
    }
    fn used(&mut self, key: &FormatKey, n: usize) {
        match n.checked_sub(candidates_of(&self.0, key, n)) {
            Some(n) => self.1.used(key, n),
            None => self.0.used(key, n),
        }
    }
}

/// How many candidates a store has for a key, counted up to number `n`.
fn candidates_of<S: FormatStore>(store: &S, key: &FormatKey, n: usize) -> usize {
    (0..=n).take_while(|n| store.candidate(key, *n).is_some()).count()
}

/// The list of EN 13757-3, Annex G, and keys for it.
#[cfg(test)]
mod annex_g {
    use super::*;

    pub(super) const HEADERS: [u8; 6] = [0x02, 0x02, 0x02, 0x15, 0x02, 0x2A];

    pub(super) fn key(version: u8) -> FormatKey {
        FormatKey {
            manufacturer: ManufacturerId::from_raw(0x9593),
            version: Version(version),
            device_type: DeviceType::GAS,
            signature: 0x3B31,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::annex_g::{HEADERS, key};
    use super::*;

    #[test]
    fn two_stores_in_a_row() {
        let mut both = (BoundedFormats::<2, 8>::new(), BoundedFormats::<2, 8>::new());
        both.1.learn(&key(1), &HEADERS).unwrap();
        assert_eq!((both.candidate(&key(1), 0), both.candidate(&key(1), 1)), (Some(&HEADERS[..]), None));
        both.learn(&key(1), &HEADERS).unwrap();
        assert!(both.candidate(&key(1), 1).is_some() && both.candidate(&key(1), 2).is_none());
    }
}
