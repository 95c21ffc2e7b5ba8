//! A line of hex digits, wired or wireless, with or without CRCs.

use super::{Entry, Item, Kind, Refusal};
use crate::decode::hex;

pub(super) fn parse(line: &str) -> Vec<Entry> {
    parse_as(line, Kind::Auto)
}

/// The same, of octets that are known to be of this kind.
pub(super) fn parse_as(line: &str, kind: Kind) -> Vec<Entry> {
    vec![match hex::parse(line) {
        Ok(octets) => Entry::telegram(Item { octets, kind, ..Item::default() }),
        Err(error) => Entry::Refused(Refusal::hex(&error, 0)),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    #[test]
    fn digits_become_octets() {
        assert_eq!(one(parse("0x10 7B:01-7C|16")).octets, [0x10, 0x7B, 0x01, 0x7C, 0x16]);
    }

    #[test]
    fn half_octets_are_refused() {
        let refusal = refusal(parse("10 7B 0"));
        assert_eq!((refusal.kind, refusal.column), ("odd_digits", 6));
    }
}
