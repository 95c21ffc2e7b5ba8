//! Lines of wmbusmeters simulation files and logs: `telegram=|HEX|+seconds`, anything before it ignored.

use super::{Entry, Item, Refusal};
use crate::decode::hex;

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let Some((before, after)) = line.split_once("telegram=") else {
        return super::plain::parse(line);
    };
    let start = before.chars().count() + "telegram=".len();
    let (digits, seconds) = match after.rsplit_once('+') {
        Some((digits, seconds)) => (digits, Some(seconds.trim())),
        None => (after, None),
    };
    // A quotation mark or comma ends the telegram where it was copied out of a log.
    let digits = digits.split(['"', ',', ';']).next().unwrap_or(digits);
    vec![match hex::parse(digits) {
        Ok(octets) => Entry::telegram(Item {
            octets,
            received: seconds.filter(|s| !s.is_empty()).map(|s| format!("+{s}")),
            ..Item::default()
        }),
        Err(error) => Entry::Refused(Refusal::hex(&error, start)),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    #[test]
    fn separators_and_seconds() {
        let item = one(parse("telegram=|1244AE0C_7856|3412|+12"));
        assert_eq!(item.octets, [0x12, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12]);
        assert_eq!(item.received.as_deref(), Some("+12"));
        assert_eq!(one(parse("telegram=|E5|")).octets, [0xE5]);
        assert_eq!(one(parse("telegram=E5")).received, None);
        assert_eq!(one(parse("(log) telegram=|E5|\r")).octets, [0xE5]);
    }

    #[test]
    fn errors_point_into_the_line() {
        let refusal = refusal(parse("telegram=|E5X|+3"));
        assert_eq!((refusal.kind, refusal.column), ("not_hex", 12));
        assert_eq!(super::super::tests::refusal(parse("telegram=||+3")).kind, "empty");
    }
}
