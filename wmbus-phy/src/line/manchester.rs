//! Manchester: a one is the chips 01, a zero the chips 10 (EN 13757-4, modes S, R and T to the meter).

use crate::{Error, ErrorKind};

/// The eight chips of the lowest four bits.
const fn symbol(nibble: u8) -> u8 {
    // The bits move to every second place; below each comes the bit itself, above it its complement.
    let spread = (nibble & 8) << 3 | (nibble & 4) << 2 | (nibble & 2) << 1 | nibble & 1;
    spread | (spread ^ 0x55) << 1
}

/// Two octets of chips for one octet; `chips` has the length for `octets`.
pub(super) fn encode(octets: &[u8], chips: &mut [u8]) {
    for (octet, chips) in octets.iter().zip(chips.chunks_exact_mut(2)) {
        if let [first, second] = chips {
            (*first, *second) = (symbol(octet >> 4), symbol(octet & 0x0F));
        }
    }
}

/// One octet for two octets of chips; `chips` has the length for `octets`.
pub(super) fn decode(chips: &[u8], octets: &mut [u8]) -> Result<(), Error> {
    for (at, (chips, octet)) in chips.chunks_exact(2).zip(octets).enumerate() {
        let chips = chips.iter().fold(0, |word: u16, chips| word << 8 | u16::from(*chips));
        // The two chips of a bit differ: otherwise they are no symbol.
        let equal = !(chips ^ chips >> 1) & 0x5555;
        if equal != 0 {
            let pair = equal.leading_zeros() as usize / 2;
            let chip = at.saturating_mul(16).saturating_add(pair.saturating_mul(2));
            let symbol = (chips >> 14_usize.saturating_sub(pair.saturating_mul(2)) & 3) as u8;
            return Err(ErrorKind::InvalidSymbol { chip, symbol, chips: 2 }.at(chip / 8));
        }
        // Every second chip is the bit: eight of them are drawn together.
        let bits = chips & 0x5555;
        let bits = (bits | bits >> 1) & 0x3333;
        let bits = (bits | bits >> 2) & 0x0F0F;
        let [high, low] = bits.to_be_bytes();
        *octet = high << 4 | low;
    }
    Ok(())
}
