//! A store that grows up to a limit: for gateways and head-ends.
//!
//! Invariants: every list of `lists` has one entry in `uses`, under the count of its last use; both together never
//! hold more than the limit.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::{FormatKey, FormatStore, MAX_CANDIDATES, check, write_line};
use crate::Error;

/// Lists in a map, as many as it may hold: for gateways and head-ends.
#[derive(Clone, Debug)]
pub struct Formats {
    /// Per key the newest first.
    lists: BTreeMap<FormatKey, Vec<OwnedList>>,
    /// The key of each list under the count of its last use: the first one is the next to go.
    uses: BTreeMap<u64, FormatKey>,
    limit: usize,
    count: u64,
}

#[derive(Clone, Debug)]
struct OwnedList {
    headers: Box<[u8]>,
    used: u64,
}

impl Default for Formats {
    fn default() -> Self {
        Self::new()
    }
}

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
        Self { lists: BTreeMap::new(), uses: BTreeMap::new(), limit, count: 0 }
    }
    /// All lists with their keys, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&FormatKey, &[u8])> {
        self.uses.iter().rev().filter_map(|(used, key)| {
            let list = self.lists.get(key)?.iter().find(|list| list.used == *used)?;
            Some((key, &*list.headers))
        })
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
    fn put(&mut self, key: FormatKey, headers: Box<[u8]>) {
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

impl FormatStore for Formats {
    fn candidate(&self, key: &FormatKey, n: usize) -> Option<&[u8]> {
        self.lists.get(key)?.get(n).map(|list| &*list.headers)
    }
    fn learn(&mut self, key: &FormatKey, headers: &[u8]) -> Result<(), Error> {
        check(key, headers)?;
        let lists = self.lists.get(key).map(Vec::as_slice).unwrap_or_default();
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

/// All lists, one a line, the newest first: what [`import`](super::import) reads.
impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(key, headers)| {
            write_line(f, key, headers)?;
            f.write_str("\n")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::StoredFormat;
    use super::super::annex_g::{HEADERS, key};
    use super::*;
    use crate::frame::compact::signature;
    use std::string::{String, ToString};

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
        assert_eq!(store.iter().map(|(key, _)| key.version.0).collect::<Vec<_>>(), [1, 3]);
        let text = store.to_string();
        let mut restored = Formats::with_limit(2);
        assert_eq!(super::super::import(&mut restored, &text).learned, 2);
        assert_eq!(restored.to_string(), text);
        restored.learn(&key(5), &HEADERS).unwrap();
        assert_eq!(restored.iter().map(|(key, _)| key.version.0).collect::<Vec<_>>(), [5, 1], "3 was older");
        assert_eq!((store.uses.len(), store.lists.len()), (2, 2));
        let mut none = Formats::with_limit(0);
        none.learn(&key(1), &HEADERS).unwrap();
        assert_eq!(none.iter().count(), 0);
    }

    #[test]
    fn of_one_key_the_newest_lists_are_kept() {
        // Lists under one signature: the octets of the CRC make up for what is in front of them.
        let mut store = Formats::new();
        let lists: Vec<[u8; 4]> =
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
