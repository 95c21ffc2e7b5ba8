//! SML on a serial line: transport version 1.
//!
//! ```text
//! 1B1B1B1B 01010101 | data, 1B1B1B1B doubled, padded with 00 | 1B1B1B1B 1A pp cc cc
//! ```
//!
//! pp: octets of padding, 0 to 3; cc: CRC-16/X.25 over everything in front of it, least significant
//! octet first. Written here because the decoder of `sml-rs` copies into an array of its own whose size is
//! fixed at compile time. Invariants: the data are unwrapped in the caller's buffer; they are given out
//! only when the check sequence is right; on an error the buffer is unchanged.

use super::SmlFault;
use crate::Error;
use crate::cosem::hdlc::crc16_x25;

/// The escape sequence.
const ESCAPE: [u8; 4] = [0x1B; 4];
/// What begins a transmission of version 1.
pub const START: [u8; 8] = [0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1];

/// A transmission that was unwrapped.
#[derive(Debug, PartialEq, Eq)]
pub struct Transmission<'b> {
    /// The messages, without escapes and padding.
    pub messages: &'b mut [u8],
    /// Octets from the start of the buffer to the end of the transmission.
    pub consumed: usize,
}

/// Finds the first transmission in `octets` and unwraps it in place. What stands in front of it is
/// skipped.
///
/// # Errors
/// [`SmlFault::Transport`] when there is no start, no end, or an escape that is none;
/// [`SmlFault::CheckSequence`].
pub fn unwrap_in_place(octets: &mut [u8]) -> Result<Transmission<'_>, Error> {
    let Some(start) = octets.windows(8).position(|eight| eight == START) else {
        return Err(SmlFault::Transport("no start 1B1B1B1B 01010101").at(0));
    };
    let end = find_end(octets, start.saturating_add(8))?;
    let consumed = end.saturating_add(8);
    let covered = octets.get(start..end.saturating_add(6)).unwrap_or_default();
    let Some([.., padding, low, high]) = octets.get(..consumed) else {
        return Err(SmlFault::Transport("no end").at(end));
    };
    let (found, computed) = (u16::from_le_bytes([*low, *high]), crc16_x25(covered));
    if found != computed {
        return Err(SmlFault::CheckSequence { found, computed }.at(end.saturating_add(6)));
    }
    let padding = usize::from(*padding);
    if padding > 3 || end.saturating_sub(start).saturating_sub(8) < padding {
        return Err(SmlFault::Transport("more than three octets of padding").at(end.saturating_add(5)));
    }
    let (mut from, mut to) = (start.saturating_add(8), start.saturating_add(8));
    while from < end {
        // Octets 1B at the end of the data stand directly in front of the end sequence.
        let doubled = octets.get(from..end).is_some_and(|rest| rest.starts_with(&[0x1B; 8]));
        let width = if doubled { 4 } else { 1 };
        octets.copy_within(from..from.saturating_add(width).min(end), to);
        to = to.saturating_add(width);
        from = from.saturating_add(if doubled { 8 } else { 1 });
    }
    let messages = octets.get_mut(start.saturating_add(8)..to.saturating_sub(padding)).unwrap_or_default();
    Ok(Transmission { messages, consumed })
}

/// Where the end sequence begins.
fn find_end(octets: &[u8], start: usize) -> Result<usize, Error> {
    let mut at = start;
    loop {
        let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) else {
            return Err(SmlFault::Transport("no end 1B1B1B1B 1A").at(octets.len()));
        };
        let Some(behind) = rest.strip_prefix(&ESCAPE) else {
            at = at.saturating_add(1);
            continue;
        };
        match behind {
            [0x1A, _, _, _, ..] => return Ok(at),
            [0x1B, 0x1B, 0x1B, 0x1B, ..] => at = at.saturating_add(8),
            // A data octet 1B in front of an escape: the escape begins one octet later.
            [0x1B, ..] => at = at.saturating_add(1),
            _ => return Err(SmlFault::Transport("an escape that is neither data nor the end").at(at)),
        }
    }
}
