//! Every octet of a frame with its meaning.
//!
//! A [`Walk`] goes over the octets once, from the first to the last, and names each; a layer that ends early
//! names what is there. So the spans always cover the frame without gap or overlap, whatever its octets are.

mod layers;
mod link;
mod transport;

use super::hex;
use super::model::Span;

pub use transport::Header;

/// The octets of a frame, some of them named.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    octets: Vec<u8>,
    at: usize,
    layer: &'static str,
    spans: Vec<Span>,
}

impl Walk {
    /// At the first octet. The link CRCs are removed, deciphered octets stand in their place.
    #[must_use]
    pub const fn new(octets: Vec<u8>) -> Self {
        Self { octets, at: 0, layer: "", spans: Vec::new() }
    }
    /// What follows belongs to this layer.
    pub fn layer(&mut self, layer: &'static str) {
        self.layer = layer;
    }
    /// The next octet.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }
    /// The octets that have no name yet.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }
    /// Where the next octet stands.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
    /// Names the next `count` octets, or as many as there are.
    pub fn take(&mut self, count: usize, name: &str, meaning: impl Into<String>) {
        let octets = self.rest();
        let octets = octets.get(..count).unwrap_or(octets).to_vec();
        if octets.is_empty() {
            return;
        }
        let missing = count - octets.len();
        let mut meaning = meaning.into();
        if missing > 0 {
            meaning = format!("cut: {missing} octets are missing");
        }
        let start = self.at;
        self.at += octets.len();
        self.spans.push(Span { start, octets, layer: self.layer, name: name.to_owned(), meaning });
    }
    /// Names the next `N` octets with what `meaning` says of them.
    pub fn read<const N: usize>(&mut self, name: &str, meaning: impl FnOnce([u8; N]) -> String) {
        match self.rest().first_chunk::<N>() {
            Some(octets) => {
                let meaning = meaning(*octets);
                self.take(N, name, meaning);
            }
            None => self.take(N, name, ""),
        }
    }
    /// Names everything up to `end` octets before the end of the frame.
    pub fn take_until(&mut self, end: usize, name: &str, meaning: impl Into<String>) {
        let count = self.rest().len().saturating_sub(end);
        self.take(count, name, meaning);
    }
    /// All spans; what has no name yet is given one.
    #[must_use]
    pub fn finish(mut self) -> Vec<Span> {
        self.take_until(0, "not read", "");
        self.spans
    }
}

/// `name` when `set`, for lists of flags.
fn flag(set: bool, name: &'static str) -> Option<&'static str> {
    set.then_some(name)
}

/// Flags in a row, or `none`.
fn list(flags: &[Option<&'static str>], none: &str) -> String {
    let set: Vec<&str> = flags.iter().copied().flatten().collect();
    if set.is_empty() { none.to_owned() } else { set.join(", ") }
}

/// A manufacturer and its number, least significant octet first.
fn manufacturer(octets: [u8; 2]) -> String {
    let manufacturer = mbus_link::ManufacturerId::from_raw(u16::from_le_bytes(octets));
    let soft = if manufacturer.is_soft() { ", address unique only within radio range" } else { "" };
    format!("{manufacturer}{soft}")
}

fn device_type(octet: u8) -> String {
    mbus_link::DeviceType(octet).name().map_or_else(|| format!("reserved {octet:02X}"), str::to_owned)
}

/// Octets that are a number or a code and nothing else.
fn plain(octets: &[u8]) -> String {
    hex::upper(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans are the frame.
    pub(super) fn covers(octets: &[u8], spans: &[Span]) {
        let joined: Vec<u8> = spans.iter().flat_map(|span| span.octets.clone()).collect();
        assert_eq!(joined, octets);
        let mut at = 0;
        for span in spans {
            assert_eq!(span.start, at);
            at += span.octets.len();
        }
    }

    #[test]
    fn what_is_cut_is_named() {
        let mut walk = Walk::new(vec![1, 2, 3]);
        walk.layer("a");
        walk.take(2, "two", "x");
        walk.read::<4>("four", |_| "never".to_owned());
        let spans = walk.finish();
        covers(&[1, 2, 3], &spans);
        assert_eq!(spans[1].meaning, "cut: 3 octets are missing");
    }

    #[test]
    fn the_rest_has_a_name() {
        let mut walk = Walk::new(vec![1, 2, 3]);
        walk.take(1, "one", "");
        assert_eq!(walk.clone().finish().len(), 2);
        walk.take_until(1, "middle", "");
        assert_eq!((walk.position(), walk.peek()), (2, Some(3)));
        covers(&[1, 2, 3], &walk.finish());
        assert_eq!(Walk::new(Vec::new()).finish(), []);
    }
}
