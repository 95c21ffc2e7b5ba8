//! The hop bit: the only thing that a repeater changes in a frame.
//!
//! ```text
//! with ELL      CC, bit 4                                  octet 11 of the frame
//! without ELL   configuration field of modes 0 and 5, bit 0
//! ```
//!
//! Invariants: one bit is set, everything else stays as it is (addresses, access number, payload CRC,
//! cipher text), since no cipher and no MAC covers this bit; a frame that was repeated already, or that
//! has no place for the bit, is refused and left unchanged. A frame that still has its CRCs is stripped first and
//! gets new ones after (`wmbus_phy::format_a`, `format_b`), so that a damaged frame is never made to look sound.

use crate::wireless::Routing;
use crate::wireless::routing::RepeaterBits;
use crate::{Error, ErrorKind};

/// Sets the hop bit of a frame without CRCs.
///
/// ```
/// use mbus_link::relay::set_hop;
/// // The example of EN 13757-4 with ELL I: CC 20h becomes 30h.
/// let mut frame = [
///     0x12, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x8C, 0x20, 0x27, 0x78, 0x0B, 0x13, 0x43,
///     0x65, 0x87,
/// ];
/// set_hop(&mut frame)?;
/// assert_eq!(frame[11], 0x30);
/// assert!(set_hop(&mut frame).is_err());
/// # Ok::<(), mbus_link::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoHopBit`] when the frame has no place for it, [`ErrorKind::AlreadyRepeated`] when it is set.
pub fn set_hop(frame: &mut [u8]) -> Result<(), Error> {
    let (place, hop, _) = find(Routing::of(frame))?;
    match frame.get_mut(place) {
        Some(octet) if *octet & hop != 0 => Err(ErrorKind::AlreadyRepeated.at(place)),
        Some(octet) => {
            *octet |= hop;
            Ok(())
        }
        None => Err(ErrorKind::NoHopBit.at(place)),
    }
}

/// Sets the bit "repeated access" of a frame without CRCs: access goes through a repeater.
///
/// # Errors
/// [`ErrorKind::NoHopBit`] when the frame has no place for it.
pub fn set_repeated_access(frame: &mut [u8]) -> Result<(), Error> {
    let (place, _, repeated_access) = find(Routing::of(frame))?;
    *frame.get_mut(place).ok_or(ErrorKind::NoHopBit.at(place))? |= repeated_access;
    Ok(())
}

fn find(routing: Routing) -> Result<(usize, u8, u8), Error> {
    match routing.repeater_bits {
        Some(RepeaterBits { octet, hop, repeated_access }) => Ok((octet, hop, repeated_access)),
        None => Err(ErrorKind::NoHopBit.at(crate::wireless::frame::HEADER_LEN)),
    }
}
