//! Manchester: a one is the chips 01, a zero the chips 10 (EN 13757-4, modes S, R and T to the meter).
//!
//! Invariants: no table; 64 chips at a time become four octets by shifts and masks. The place of a wrong symbol is
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
    while let (Some((now, behind)), Some(([w, x, y, z], later))) =
        (chips.split_first_chunk::<8>(), rest.split_first_chunk_mut::<4>())
    {
        // Within an octet the order of octets in a word does not matter, and this one is free on most machines.
        let word = u64::from_le_bytes(*now);
        differ &= word ^ word >> 1;
        let bits = word & BITS;
        let bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
        let bits = (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F;
        // Four bits from every octet of chips: the first of two are the upper ones.
        let bits = (bits << 4 | bits >> 8) & 0x00FF_00FF_00FF_00FF;
        let bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF;
        [*w, *x, *y, *z, ..] = (bits | bits >> 16).to_le_bytes();
        (chips, rest) = (behind, later);
    }
    let whole = octets.len() & !3;
    let from = if differ == BITS { whole } else { 0 };
    if from == octets.len() {
        return Ok(());
    }
    super::octet_by_octet(super::LineCode::Manchester, packed, octets, from)
}
