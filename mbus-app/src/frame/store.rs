//! Where header lists are kept: the caller's store.
//!
//! Invariants: a list is kept under manufacturer, version, device type and signature, and only when it has
//! that signature; an empty list is refused. A full store gives up the list that was learned or used the longest
//! ago, so that strangers cannot fill it for ever; whoever wants to be sure learns only from its own meters. Looking
//! at a candidate is no use of it, a good expansion is ([`FormatStore::used`]). Nothing is global. Lists survive a
//! restart as text.

use core::fmt;
use core::str::FromStr;

use mbus_link::{Address, DeviceType, ManufacturerId, Version};

use crate::{Error, ErrorKind};

use super::compact::signature;

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

/// A header list with its key; prints as one line of text and is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StoredFormat<const SIZE: usize> {
    /// What it is kept under.
    pub key: FormatKey,
    len: usize,
    octets: [u8; SIZE],
}

impl<const SIZE: usize> StoredFormat<SIZE> {
    fn new(key: FormatKey, headers: &[u8]) -> Result<Self, Error> {
        let mut octets = [0; SIZE];
        let too_long = ErrorKind::TooLong { length: headers.len(), limit: SIZE }.at(0);
        octets.get_mut(..headers.len()).ok_or(too_long)?.copy_from_slice(headers);
        Ok(Self { key, len: headers.len(), octets })
    }
    /// DIB and VIB octets of all records.
    #[must_use]
    pub fn headers(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// At most `N` lists of at most `SIZE` octets, without allocation.
#[derive(Clone, Debug)]
pub struct BoundedFormats<const N: usize, const SIZE: usize> {
    /// The newest first.
    formats: [Option<StoredFormat<SIZE>>; N],
}

impl<const N: usize, const SIZE: usize> Default for BoundedFormats<N, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, const SIZE: usize> BoundedFormats<N, SIZE> {
    /// A store without lists.
    #[must_use]
    pub const fn new() -> Self {
        Self { formats: [None; N] }
    }
    /// All lists, to be written out: each prints as one line of text.
    pub fn export(&self) -> impl Iterator<Item = &StoredFormat<SIZE>> {
        self.formats.iter().flatten()
    }
    /// Keeps a list, the same one only once, as the newest; the oldest one goes when the store is full.
    pub(crate) fn insert_unchecked(&mut self, key: FormatKey, headers: &[u8]) -> Result<(), Error> {
        let new = StoredFormat::new(key, headers)?;
        let same = |kept: &Option<StoredFormat<SIZE>>| kept.is_some_and(|kept| kept == new);
        let place = self.formats.iter().position(same);
        let place =
            place.or_else(|| self.formats.iter().position(Option::is_none)).unwrap_or(N.saturating_sub(1));
        self.bring_forward(place);
        if let Some(first) = self.formats.first_mut() {
            *first = Some(new);
        }
        Ok(())
    }
    fn bring_forward(&mut self, place: usize) {
        if let Some(places) = self.formats.get_mut(..=place) {
            places.rotate_right(1);
        }
    }
}

impl<const N: usize, const SIZE: usize> FormatStore for BoundedFormats<N, SIZE> {
    fn candidate(&self, key: &FormatKey, n: usize) -> Option<&[u8]> {
        self.formats.iter().flatten().filter(|format| format.key == *key).nth(n).map(StoredFormat::headers)
    }
    fn learn(&mut self, key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
        check(key, headers)?;
        self.insert_unchecked(*key, headers)
    }
    fn used(&mut self, key: &FormatKey, n: usize) {
        let of_key = |kept: &Option<StoredFormat<SIZE>>| kept.is_some_and(|kept| kept.key == *key);
        let mut places = self.formats.iter().enumerate().filter(|(_, kept)| of_key(kept));
        if let Some((place, _)) = places.nth(n) {
            self.bring_forward(place);
        }
    }
}

/// Lists in a map, as many as it may hold: for gateways and head-ends.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct Formats {
    /// Per key the newest first.
    lists: alloc::collections::BTreeMap<FormatKey, alloc::vec::Vec<OwnedList>>,
    /// The key of each list under the count of its last use: the first one is the next to go.
    uses: alloc::collections::BTreeMap<u64, FormatKey>,
    limit: usize,
    count: u64,
}

#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
struct OwnedList {
    headers: alloc::boxed::Box<[u8]>,
    used: u64,
}

#[cfg(feature = "alloc")]
impl Default for Formats {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "alloc")]
impl Formats {
    /// The most lists that [`Formats::new`] holds. A district of a town has a few dozen.
    pub const LIMIT: usize = 1024;

    /// A store without lists, for at most [`Formats::LIMIT`] of them.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(Self::LIMIT)
    }
    /// A store without lists, for at most `limit` of them.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            lists: alloc::collections::BTreeMap::new(),
            uses: alloc::collections::BTreeMap::new(),
            limit,
            count: 0,
        }
    }
    /// All lists with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&FormatKey, &[u8])> {
        self.lists.iter().flat_map(|(key, lists)| lists.iter().map(move |list| (key, &*list.headers)))
    }
    /// Forgets all lists of a key.
    pub fn forget(&mut self, key: &FormatKey) {
        for list in self.lists.remove(key).unwrap_or_default() {
            self.uses.remove(&list.used);
        }
    }
    /// The oldest list of all goes.
    fn forget_one(&mut self) {
        let Some((used, key)) = self.uses.pop_first() else { return };
        if let Some(lists) = self.lists.get_mut(&key) {
            lists.retain(|list| list.used != used);
            if lists.is_empty() {
                self.lists.remove(&key);
            }
        }
    }
    /// Puts a list in front of its key's, as the newest.
    fn put(&mut self, key: FormatKey, headers: alloc::boxed::Box<[u8]>) {
        self.count = self.count.saturating_add(1);
        self.uses.insert(self.count, key);
        self.lists.entry(key).or_default().insert(0, OwnedList { headers, used: self.count });
    }
    fn take(&mut self, key: &FormatKey, n: usize) -> Option<OwnedList> {
        let lists = self.lists.get_mut(key).filter(|lists| n < lists.len())?;
        let list = lists.remove(n);
        self.uses.remove(&list.used);
        Some(list)
    }
}

#[cfg(feature = "alloc")]
impl FormatStore for Formats {
    fn candidate(&self, key: &FormatKey, n: usize) -> Option<&[u8]> {
        self.lists.get(key)?.get(n).map(|list| &*list.headers)
    }
    fn learn(&mut self, key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
        check(key, headers)?;
        let lists = self.lists.get(key).map(alloc::vec::Vec::as_slice).unwrap_or_default();
        let same = lists.iter().position(|list| *list.headers == *headers);
        let full = lists.len().checked_sub(MAX_CANDIDATES);
        // A meter may be given other formats for years: the newest count.
        let in_the_way = same.or_else(|| full.map(|over| over.saturating_add(MAX_CANDIDATES - 1)));
        if let Some(n) = in_the_way {
            self.take(key, n);
        }
        if self.uses.len() >= self.limit {
            self.forget_one();
        }
        if self.limit > 0 {
            self.put(*key, headers.into());
        }
        Ok(())
    }
    fn used(&mut self, key: &FormatKey, n: usize) {
        if let Some(list) = self.take(key, n) {
            self.put(*key, list.headers);
        }
    }
}

/// Manufacturer (four hex digits), version, device type, signature, headers; all in hex. The line of
/// [`StoredFormat`], for stores of one's own.
///
/// # Errors
/// Those of the formatter.
pub fn write_line(f: &mut dyn fmt::Write, key: &FormatKey, headers: &[u8]) -> fmt::Result {
    let FormatKey { manufacturer, version, device_type, signature } = key;
    write!(f, "{:04X} {:02X} {:02X} {signature:04X} ", manufacturer.raw(), version.0, device_type.0)?;
    headers.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

impl<const SIZE: usize> fmt::Display for StoredFormat<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.key, self.headers())
    }
}

/// A line that is not what [`StoredFormat`] prints, or whose signature is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseFormatError {
    expected: &'static str,
}

impl<const SIZE: usize> FromStr for StoredFormat<SIZE> {
    type Err = ParseFormatError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split_ascii_whitespace();
        let mut number = |digits: usize, expected| {
            let word = words.next().filter(|word| word.len() == digits && is_hex(word));
            word.and_then(|word| u16::from_str_radix(word, 16).ok()).ok_or(ParseFormatError { expected })
        };
        let manufacturer = number(4, "a manufacturer of four hex digits")?;
        let [version, _] = number(2, "a version of two hex digits")?.to_le_bytes();
        let [device_type, _] = number(2, "a device type of two hex digits")?.to_le_bytes();
        let signature = number(4, "a signature of four hex digits")?;
        let key = FormatKey {
            manufacturer: ManufacturerId::from_raw(manufacturer),
            version: Version(version),
            device_type: DeviceType(device_type),
            signature,
        };
        let text = words
            .next()
            .filter(|word| is_hex(word))
            .ok_or(ParseFormatError { expected: "headers in hex" })?;
        let mut octets = [0; SIZE];
        let mut len = 0usize;
        for (pair, place) in text.as_bytes().chunks(2).zip(&mut octets) {
            let pair = core::str::from_utf8(pair).unwrap_or_default();
            *place = u8::from_str_radix(pair, 16).unwrap_or_default();
            len = len.saturating_add(1);
        }
        if len.saturating_mul(2) != text.len() || words.next().is_some() {
            return Err(ParseFormatError {
                expected: "whole octets that fit the store, and the end of the line",
            });
        }
        let format = Self { key, len, octets };
        check(&key, format.headers())
            .map_err(|_| ParseFormatError { expected: "headers with that signature" })?;
        Ok(format)
    }
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    const HEADERS: [u8; 6] = [0x02, 0x02, 0x02, 0x15, 0x02, 0x2A];

    fn key(version: u8) -> FormatKey {
        FormatKey {
            manufacturer: ManufacturerId::from_raw(0x9593),
            version: Version(version),
            device_type: DeviceType::GAS,
            signature: 0x3B31,
        }
    }

    #[test]
    fn only_lists_with_their_signature() {
        let mut store = BoundedFormats::<2, 8>::new();
        assert_eq!(store.learn(&key(1), &[]).unwrap_err().kind, ErrorKind::FormatEmpty);
        assert_eq!(store.learn(&key(1), &[0x02, 0x13]).unwrap_err().kind.name(), "format_signature");
        store.learn(&key(1), &HEADERS).unwrap();
        store.learn(&key(1), &HEADERS).unwrap();
        assert_eq!(store.export().count(), 1);
        assert_eq!(store.candidate(&key(1), 0), Some(&HEADERS[..]));
        assert_eq!((store.candidate(&key(1), 1), store.candidate(&key(2), 0)), (None, None));
        let mut tiny = BoundedFormats::<1, 5>::new();
        assert_eq!(
            tiny.learn(&key(1), &HEADERS).unwrap_err().kind,
            ErrorKind::TooLong { length: 6, limit: 5 }
        );
    }

    #[test]
    fn the_oldest_list_goes() {
        let mut store = BoundedFormats::<2, 8>::new();
        for version in [1, 2, 1, 3] {
            store.learn(&key(version), &HEADERS).unwrap();
        }
        assert!(store.candidate(&key(1), 0).is_some(), "used again before 3 came");
        assert!(store.candidate(&key(2), 0).is_none());
        assert!(store.candidate(&key(3), 0).is_some());
        BoundedFormats::<0, 8>::new().learn(&key(1), &HEADERS).unwrap();
    }

    #[test]
    fn lists_survive_a_restart() {
        let mut store = BoundedFormats::<3, 8>::new();
        store.learn(&key(1), &HEADERS).unwrap();
        store.learn(&key(0x33), &HEADERS).unwrap();
        let text: String = store.export().map(|format| format.to_string() + "\n").collect();
        assert_eq!(text.lines().next(), Some("9593 33 03 3B31 02020215022A"));
        let mut restored = BoundedFormats::<3, 8>::new();
        for line in text.lines().rev() {
            let format: StoredFormat<8> = line.parse().unwrap();
            restored.learn(&format.key, format.headers()).unwrap();
        }
        assert!(restored.export().eq(store.export()));
        for line in [
            "",
            "9593 33 03 3B31",
            "9593 33 03 3B31 0202021502",
            "9593 33 03 3B31 02020215022",
            "9593 33 03 3B31 02020215022A 00",
            "9593 33 03 3B32 02020215022A",
            "ELS 33 03 3B31 02020215022A",
            "9593 33 03 3B31 020202150202020202020202",
        ] {
            assert!(line.parse::<StoredFormat<8>>().is_err(), "{line}");
        }
    }

    #[test]
    fn two_stores_in_a_row() {
        let mut both = (BoundedFormats::<2, 8>::new(), BoundedFormats::<2, 8>::new());
        both.1.learn(&key(1), &HEADERS).unwrap();
        assert_eq!((both.candidate(&key(1), 0), both.candidate(&key(1), 1)), (Some(&HEADERS[..]), None));
        both.learn(&key(1), &HEADERS).unwrap();
        assert!(both.candidate(&key(1), 1).is_some() && both.candidate(&key(1), 2).is_none());
    }

    #[test]
    fn a_list_in_use_stays() {
        let mut store = (BoundedFormats::<2, 8>::new(), NoFormats);
        for version in [1, 2] {
            store.learn(&key(version), &HEADERS).unwrap();
        }
        store.used(&key(1), 0);
        store.used(&key(1), 1);
        store.used(&key(9), 0);
        store.learn(&key(3), &HEADERS).unwrap();
        assert!(store.candidate(&key(1), 0).is_some());
        assert!(store.candidate(&key(2), 0).is_none());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_store_with_a_limit() {
        let mut store = Formats::with_limit(2);
        for version in [1, 2] {
            store.learn(&key(version), &HEADERS).unwrap();
        }
        store.used(&key(1), 0);
        store.used(&key(1), 7);
        for version in [3, 4, 3] {
            store.learn(&key(version), &HEADERS).unwrap();
            store.used(&key(1), 0);
            assert_eq!(store.iter().count(), 2);
        }
        assert_eq!(store.iter().map(|(key, _)| key.version.0).collect::<std::vec::Vec<_>>(), [1, 3]);
        assert_eq!((store.uses.len(), store.lists.len()), (2, 2));
        let mut none = Formats::with_limit(0);
        none.learn(&key(1), &HEADERS).unwrap();
        assert_eq!(none.iter().count(), 0);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn of_one_key_the_newest_lists_are_kept() {
        // Lists under one signature: the octets of the CRC make up for what is in front of them.
        let mut store = Formats::new();
        let lists: std::vec::Vec<[u8; 4]> =
            (0..=u16::MAX)
                .map(|n| [0x02, 0x13, n.to_le_bytes()[0], n.to_le_bytes()[1]])
                .chain((0..=u16::MAX).map(|n| [0x04, 0x13, n.to_le_bytes()[0], n.to_le_bytes()[1]]))
                .chain((0..=u16::MAX).map(|n| [0x02, 0x14, n.to_le_bytes()[0], n.to_le_bytes()[1]]))
                .chain((0..6).flat_map(|m| {
                    (0..=u16::MAX).map(move |n| [m, 0x03, n.to_le_bytes()[0], n.to_le_bytes()[1]])
                }))
                .filter(|list| signature(list) == 0x3B31)
                .collect();
        assert_eq!(lists.len(), 9);
        for list in &lists {
            store.learn(&key(1), list).unwrap();
        }
        assert_eq!(store.iter().count(), MAX_CANDIDATES);
        assert_eq!(store.candidate(&key(1), 0), Some(&lists[8][..]));
        assert!(!store.iter().any(|(_, list)| list == lists[0]));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn a_store_that_grows() {
        let mut store = Formats::new();
        store.learn(&key(1), &HEADERS).unwrap();
        store.learn(&key(1), &HEADERS).unwrap();
        assert_eq!((store.iter().count(), store.candidate(&key(1), 0)), (1, Some(&HEADERS[..])));
        let mut line = String::new();
        store.iter().for_each(|(key, headers)| write_line(&mut line, key, headers).unwrap());
        assert!(line.parse::<StoredFormat<8>>().is_ok());
        store.forget(&key(1));
        assert!(store.candidate(&key(1), 0).is_none());
    }
}
