//! 3-of-6: four bits become six chips, three of them ones (EN 13757-4, mode T from the meter).

use crate::{Error, ErrorKind};

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
const fn nibble(chips: u32) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "six bits index 64 entries")]
    NIBBLES[(chips & 0x3F) as usize]
}

/// The six chips of the lowest four bits.
fn symbol(nibble: u8) -> u32 {
    #[expect(clippy::indexing_slicing, reason = "four bits index 16 entries")]
    u32::from(SYMBOLS[usize::from(nibble & 0x0F)])
}

/// Three octets of chips for two octets; `chips` has the length for `octets`.
pub(super) fn encode(octets: &[u8], chips: &mut [u8]) {
    for (pair, chips) in octets.chunks(2).zip(chips.chunks_mut(3)) {
        let word = pair.iter().fold(0, |word, octet| word << 12 | symbol(octet >> 4) << 6 | symbol(*octet));
        // One octet alone has twelve chips: four are left in the second octet.
        let word = if pair.len() == 1 { word << 12 } else { word };
        for (out, octet) in chips.iter_mut().zip(word.to_be_bytes().into_iter().skip(1)) {
            *out = octet;
        }
    }
}

/// Two octets for three octets of chips; `chips` has the length for `octets`.
pub(super) fn decode(chips: &[u8], octets: &mut [u8]) -> Result<(), Error> {
    for (at, (chips, octets)) in chips.chunks(3).zip(octets.chunks_mut(2)).enumerate() {
        let mut word = [0; 4];
        for (octet, chips) in word.iter_mut().skip(1).zip(chips) {
            *octet = *chips;
        }
        let word = u32::from_be_bytes(word);
        for (out, shift) in octets.iter_mut().zip([12_u32, 0]) {
            let (high, low) = (nibble(word >> shift >> 6), nibble(word >> shift));
            if (high | low) & INVALID != 0 {
                let behind = if high & INVALID != 0 { shift.saturating_add(6) } else { shift };
                // The word has 24 chips, the symbol is the one in front of `behind` of them.
                let chip = at.saturating_mul(24).saturating_add(18_usize.saturating_sub(behind as usize));
                let symbol = (word >> behind & 0x3F) as u8;
                return Err(ErrorKind::InvalidSymbol { chip, symbol, chips: 6 }.at(chip / 8));
            }
            *out = high << 4 | low;
        }
    }
    Ok(())
}
