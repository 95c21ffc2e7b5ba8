//! From octets to the model: the only place that knows the library.

use super::input::Item;
use super::keys::{Key, Keys};
use super::model::Reading;

/// What is kept from line to line: keys, learned formats, fragments.
#[derive(Debug)]
pub struct Decoder {
    key: Option<Key>,
    keys: Keys,
    explain: bool,
}

impl Decoder {
    /// A decoder that has heard nothing yet.
    #[must_use]
    pub const fn new(key: Option<Key>, keys: Keys, explain: bool) -> Self {
        Self { key, keys, explain }
    }
    /// Decodes one telegram.
    pub fn read(&mut self, item: Item, line: usize) -> Reading {
        let _ = (self.key, self.keys.len(), self.explain);
        Reading {
            line,
            id: item.id,
            input: item.octets,
            rssi_dbm: item.rssi_dbm,
            received: item.received,
            notes: item.notes,
            ..Reading::default()
        }
    }
}
