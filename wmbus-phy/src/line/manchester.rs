//! Manchester: a one is the chips 01, a zero the chips 10 (EN 13757-4, modes S, R and T to the meter).
//!
//! Invariants: no table; 128 chips at a time become eight octets by shifts and masks. The place of a wrong symbol is
//! looked for only when there is one.

use super::BadSymbol;
use crate::Error;

/// The second chip of every symbol, which is the bit itself.
const BITS: u64 = 0x5555_5555_5555_5555;

/// The sixteen chips of an octet.
pub(super) const fn chips(octet: u8) -> u16 {
    // The bits move to every second place; in front of each comes its complement.
    // `From` is not const.
    let bits = octet as u16;
    let bits = (bits | bits << 4) & 0x0F0F;
    let bits = (bits | bits << 2) & 0x3333;
    let bits = (bits | bits << 1) & 0x5555;
    bits | (bits ^ 0x5555) << 1
}

/// The octet that sixteen chips are.
pub(super) const fn octet(chips: u16) -> Result<u8, BadSymbol> {
    // The two chips of a symbol differ.
    let equal = !(chips ^ chips >> 1) & 0x5555;
    if equal != 0 {
        // 0, 2, .. 14: the zeros in front of the first second chip that is wrong, less one.
        let chip = (equal.leading_zeros() & 0x0E) as u8;
        let symbol = ((chips << chip) >> 14) as u8;
        return Err(BadSymbol { chip, symbol });
    }
    let [first, second] = chips.to_be_bytes();
    Ok(gather(first) << 4 | gather(second))
}

/// The second chips of four symbols, moved together.
#[inline(always)]
const fn gather(chips: u8) -> u8 {
    let bits = chips & 0x55;
    let bits = (bits | bits >> 1) & 0x33;
    (bits | bits >> 2) & 0x0F
}

/// The second chips of four symbols in the lower half of each octet.
#[inline(always)]
const fn nibbles(word: u64) -> u64 {
    let bits = word & BITS;
    let bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F
}

/// Two octets of chips for one octet; `packed` has the length for `octets`.
pub(super) fn encode(octets: &[u8], packed: &mut [u8]) {
    for (octet, packed) in octets.iter().zip(packed.chunks_exact_mut(2)) {
        if let [first, second] = packed {
            [*first, *second] = chips(*octet).to_be_bytes();
        }
    }
}

/// One octet for two octets of chips; `packed` has the length for `octets`.
pub(super) fn decode(packed: &[u8], octets: &mut [u8]) -> Result<(), Error> {
    let mut differ = BITS;
    let (mut chips, mut rest) = (packed, &mut *octets);
    while let (Some((one, more)), Some((eight, later))) =
        (chips.split_first_chunk::<8>(), rest.split_first_chunk_mut::<8>())
    {
        let Some((two, behind)) = more.split_first_chunk::<8>() else { break };
        // Two words share the last steps. Within an octet the order of octets in a word does not matter, and this one is
        // free on most machines.
        let (one, two) = (u64::from_le_bytes(*one), u64::from_le_bytes(*two));
        differ &= (one ^ one >> 1) & (two ^ two >> 1);
        let (one, two) = (nibbles(one), nibbles(two));
        // Four bits from every octet of chips: the first of two are the upper ones.
        let one = (one << 4 | one >> 8) & 0x00FF_00FF_00FF_00FF;
        let two = (two << 4 | two >> 8) & 0x00FF_00FF_00FF_00FF;
        let one = (one | one >> 8) & 0x0000_FFFF_0000_FFFF;
        let two = (two | two >> 8) & 0x0000_FFFF_0000_FFFF;
        let both = ((one | one >> 16) & 0xFFFF_FFFF) | (two | two >> 16) << 32;
        *eight = both.to_le_bytes();
        (chips, rest) = (behind, later);
    }
    let whole = octets.len() & !7;
    let from = if differ == BITS { whole } else { 0 };
    if from == octets.len() {
        return Ok(());
    }
    super::octet_by_octet(super::LineCode::Manchester, packed, octets, from)
}
