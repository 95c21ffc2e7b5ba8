//! Line codes and CRCs as the peers compute them, and what is computed: shared by the measurements of time and of
//! instructions.
//!
//! The line codes are written here as they are known: chip by chip as a demodulator feeds them, and a branch for each symbol
//! where it lies; `false` when a symbol is none of the code.

use crc::Algorithm;
use wmbus_phy::line::three_of_six::SYMBOLS;
use wmbus_phy::{LineCode, format_a};

use crate::Octets;

/// Octets of a telegram in the measurements of line codes.
pub const TELEGRAM: usize = 96;

/// The CRC of the link layer for the crc crate.
pub const EN_13757: Algorithm<u16> = Algorithm {
    width: 16,
    poly: 0x3D65,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0xFFFF,
    check: 0xC2B7,
    residue: 0xA366,
};

/// A telegram and its chips.
///
/// # Panics
/// Never: there is room for all.
#[must_use]
pub fn coded(code: LineCode) -> (Vec<u8>, Vec<u8>) {
    let mut numbers = Octets::new(3);
    let octets: Vec<u8> = (0..TELEGRAM).map(|_| numbers.below(256) as u8).collect();
    let mut chips = vec![0; code.chips_len(TELEGRAM)];
    code.encode_into(&octets, &mut chips).expect("room for all");
    (octets, chips)
}

/// 64 frames of format A with 90 octets, their CRCs counted.
///
/// # Panics
/// Never: they are frames.
#[must_use]
pub fn frames() -> Vec<Vec<u8>> {
    let mut numbers = Octets::new(5);
    let frame = |_| {
        let mut frame: Vec<u8> = (0..78).map(|_| numbers.below(256) as u8).collect();
        frame[0] = 77;
        format_a::encode_into(&frame, &mut [0; 290]).expect("a frame").to_vec()
    };
    (0..64).map(frame).collect()
}

/// True when the CRC of each block of frames of format A fits.
pub fn check(frames: &[Vec<u8>], crc: impl Fn(&[u8]) -> u16) -> bool {
    frames.iter().all(|frame| {
        let mut rest = &frame[..];
        let mut size = 10;
        while !rest.is_empty() {
            let (block, behind) = rest.split_at(size.min(rest.len() - 2));
            let (found, behind) = behind.split_at(2);
            if crc(block).to_be_bytes() != *found {
                return false;
            }
            (rest, size) = (behind, 16);
        }
        true
    })
}

/// Mode T as a demodulator feeds it: chip by chip into a register, a nibble for every six of them.
#[must_use]
#[inline]
pub fn three_of_six_bit_by_bit(chips: &[u8], octets: &mut [u8]) -> bool {
    let (mut register, mut count, mut nibbles, mut octet) = (0_u8, 0, 0, 0_u8);
    let mut out = octets.iter_mut();
    for packed in chips {
        for at in (0..8).rev() {
            register = (register << 1 | packed >> at & 1) & 0x3F;
            count += 1;
            if count < 6 {
                continue;
            }
            count = 0;
            let nibble = NIBBLES[usize::from(register)];
            if nibble > 15 {
                return false;
            }
            octet = octet << 4 | nibble;
            nibbles += 1;
            if nibbles == 2 {
                nibbles = 0;
                match out.next() {
                    Some(place) => *place = octet,
                    None => return true,
                }
            }
        }
    }
    true
}

/// Mode S as a demodulator feeds it.
#[must_use]
#[inline]
pub fn manchester_bit_by_bit(chips: &[u8], octets: &mut [u8]) -> bool {
    let (mut register, mut count, mut bits, mut octet) = (0_u8, 0, 0, 0_u8);
    let mut out = octets.iter_mut();
    for packed in chips {
        for at in (0..8).rev() {
            register = (register << 1 | packed >> at & 1) & 3;
            count += 1;
            if count < 2 {
                continue;
            }
            count = 0;
            let bit = match register {
                0b01 => 1,
                0b10 => 0,
                _ => return false,
            };
            octet = octet << 1 | bit;
            bits += 1;
            if bits == 8 {
                bits = 0;
                match out.next() {
                    Some(place) => *place = octet,
                    None => return true,
                }
            }
        }
    }
    true
}

/// Mode T by where the chips lie, and a branch for each symbol.
#[must_use]
#[inline]
pub fn three_of_six_match(chips: &[u8], octets: &mut [u8]) -> bool {
    let nibble = |at: usize| {
        let word = u16::from(chips[at / 8]) << 8 | u16::from(*chips.get(at / 8 + 1).unwrap_or(&0));
        let symbol = (word >> (10 - at % 8)) as u8 & 0x3F;
        Some(match symbol {
            22 => 0,
            13 => 1,
            14 => 2,
            11 => 3,
            28 => 4,
            25 => 5,
            26 => 6,
            19 => 7,
            44 => 8,
            37 => 9,
            38 => 10,
            35 => 11,
            52 => 12,
            49 => 13,
            50 => 14,
            41 => 15,
            _ => return None,
        })
    };
    for (at, octet) in octets.iter_mut().enumerate() {
        match (nibble(at * 12), nibble(at * 12 + 6)) {
            (Some(high), Some(low)) => *octet = high << 4 | low,
            _ => return false,
        }
    }
    true
}

static NIBBLES: [u8; 64] = {
    let mut table = [0x80; 64];
    let mut nibble = 0;
    while nibble < 16 {
        table[SYMBOLS[nibble] as usize] = nibble as u8;
        nibble += 1;
    }
    table
};
