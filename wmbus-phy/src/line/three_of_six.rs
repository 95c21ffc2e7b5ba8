//! 3-of-6: four bits become six chips, three of them ones (EN 13757-4, mode T from the meter).
//!
//! Invariants: one table of 64 octets, and no branch on the way as long as the symbols are right; the place of a
//! wrong one is looked for only when there is one.

use super::BadSymbol;
use crate::Error;

/// The chips of each nibble. The first chip is bit 3 of the nibble, the last one bit 0.
pub const SYMBOLS: [u8; 16] = [
    0b01_0110, // 0
    0b00_1101, // 1
    0b00_1110, // 2
    0b00_1011, // 3
    0b01_1100, // 4
    0b01_1001, // 5
    0b01_1010, // 6
    0b01_0011, // 7
    0b10_1100, // 8
    0b10_0101, // 9
    0b10_0110, // A
    0b10_0011, // B
    0b11_0100, // C
    0b11_0001, // D
    0b11_0010, // E
    0b10_1001, // F
];

/// Marks six chips that are no symbol; higher than any nibble.
const INVALID: u8 = 0x80;

/// The nibble of each six chips.
static NIBBLES: [u8; 64] = {
    let mut nibbles = [INVALID; 64];
    let mut nibble: u8 = 0;
    while nibble < 16 {
        #[expect(clippy::indexing_slicing, reason = "computed while compiling: a wrong index does not build")]
        {
            nibbles[SYMBOLS[nibble as usize] as usize] = nibble;
        }
        nibble = nibble.wrapping_add(1);
    }
    nibbles
};

/// The nibble that the lowest six chips are; above 15 when they are no symbol.
#[inline(always)]
const fn nibble(chips: u32) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "six bits index 64 entries")]
    NIBBLES[(chips & 0x3F) as usize]
}

/// The six chips of the lowest four bits.
fn symbol(nibble: u8) -> u16 {
    #[expect(clippy::indexing_slicing, reason = "four bits index 16 entries")]
    u16::from(SYMBOLS[usize::from(nibble & 0x0F)])
}

/// The twelve chips of an octet.
pub(super) fn chips(octet: u8) -> u16 {
    symbol(octet >> 4) << 6 | symbol(octet)
}

/// The octet that twelve chips are.
pub(super) fn octet(chips: u16) -> Result<u8, BadSymbol> {
    let chips = u32::from(chips);
    let (high, low) = (nibble(chips >> 6), nibble(chips));
    if high & INVALID != 0 {
        return Err(BadSymbol { chip: 0, symbol: (chips >> 6 & 0x3F) as u8 });
    }
    if low & INVALID != 0 {
        return Err(BadSymbol { chip: 6, symbol: (chips & 0x3F) as u8 });
    }
    Ok(high << 4 | low)
}

/// Three octets of chips for two octets; `packed` has the length for `octets`.
pub(super) fn encode(octets: &[u8], packed: &mut [u8]) {
    for (pair, packed) in octets.chunks(2).zip(packed.chunks_mut(3)) {
        let word = match pair {
            [first, second] => u32::from(chips(*first)) << 12 | u32::from(chips(*second)),
            // One octet alone has twelve chips: four are left in the second octet.
            [last] => u32::from(chips(*last)) << 12,
            _ => 0,
        };
        for (out, octet) in packed.iter_mut().zip(word.to_be_bytes().into_iter().skip(1)) {
            *out = octet;
        }
    }
}

/// Two octets for three octets of chips; `packed` has the length for `octets`.
pub(super) fn decode(packed: &[u8], octets: &mut [u8]) -> Result<(), Error> {
    let mut invalid = 0;
    for (three, two) in packed.chunks_exact(3).zip(octets.chunks_exact_mut(2)) {
        if let ([a, b, c], [first, second]) = (three, two) {
            let word = u32::from_be_bytes([0, *a, *b, *c]);
            let (high, low) = (nibble(word >> 18), nibble(word >> 12));
            *first = high << 4 | low;
            invalid |= high | low;
            let (high, low) = (nibble(word >> 6), nibble(word));
            *second = high << 4 | low;
            invalid |= high | low;
        }
    }
    let whole = octets.len() & !1;
    let from = if invalid & INVALID == 0 { whole } else { 0 };
    if from == octets.len() {
        return Ok(());
    }
    super::octet_by_octet(super::LineCode::ThreeOfSix, packed, octets, from)
}
