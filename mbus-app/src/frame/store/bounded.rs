//! A store of a fixed size, without allocation.
//!
//! ```text
//! newest list | ... | oldest list | free
//! ```
//!
//! Invariants: the places in use come first, newest list in front; the same list is kept once.

use core::fmt;

use super::{FormatKey, FormatStore, StoredFormat, check};
use crate::Error;

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
    /// All lists, the newest first: each prints as one line of text.
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

/// All lists, one a line, the newest first: what [`import`](super::import) reads.
impl<const N: usize, const SIZE: usize> fmt::Display for BoundedFormats<N, SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.export().try_for_each(|format| writeln!(f, "{format}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoFormats;
    use super::super::annex_g::{HEADERS, key};
    use super::*;
    use crate::ErrorKind;

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
}
