//! The third state of a buffer: a frame whose CRCs have been taken out.
//!
//! ```text
//! | L | C | M (2) | A (6) | CI and data (0..=246) |
//! ```
//!
//! Invariants: L counts the octets that follow it, as in frame format A; a frame that came in format B
//! has its L lowered by the octets of its CRCs. At least 10 and at most 256 octets.

use crate::{Error, ErrorKind};

/// The octets of L-, C-, M- and A-field.
pub const HEADER_LEN: usize = 10;
/// The smallest L-field: a header without CI-field.
pub const MIN_LENGTH: u8 = 9;
/// The octets of the longest frame without CRCs.
pub const MAX_LEN: usize = 256;

/// A frame without CRCs, complete by its L-field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stripped<'a> {
    octets: &'a [u8],
}

impl<'a> Stripped<'a> {
    /// The frame that `octets` are.
    ///
    /// # Errors
    /// Those of [`Stripped::parse_prefix`]; [`ErrorKind::Surplus`] when octets follow the frame.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (frame, surplus) = Self::parse_prefix(octets)?;
        no_surplus(frame.octets.len(), surplus)?;
        Ok(frame)
    }
    /// The frame at the start of `octets`, and what follows it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`ErrorKind::LengthTooSmall`].
    pub fn parse_prefix(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let length = length_field(octets)?;
        at_least(length, MIN_LENGTH)?;
        let (octets, surplus) = split(octets, usize::from(length).saturating_add(1))?;
        Ok((Self { octets }, surplus))
    }
    /// All octets, beginning with the L-field.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
    /// The L-field.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.octets.first().copied().unwrap_or(0)
    }
}

/// What is left in a buffer after its CRCs were taken out in place.
#[derive(Debug, PartialEq, Eq)]
pub struct StrippedMut<'a> {
    /// The frame without CRCs, beginning with the L-field in the meaning of frame format A.
    pub frame: &'a mut [u8],
    /// The octets that followed the frame in the buffer: a receiver's trailer, or the next frame.
    pub surplus: &'a mut [u8],
}

/// The L-field of `octets`.
pub(crate) fn length_field(octets: &[u8]) -> Result<u8, Error> {
    octets.first().copied().ok_or(ErrorKind::Truncated { needed: 1, available: 0 }.at(0))
}

/// An error when `length` is below `minimum`.
pub(crate) const fn at_least(length: u8, minimum: u8) -> Result<(), Error> {
    if length < minimum {
        return Err(ErrorKind::LengthTooSmall { length, minimum }.at(0));
    }
    Ok(())
}

/// The first `needed` octets, and the rest.
pub(crate) fn split(octets: &[u8], needed: usize) -> Result<(&[u8], &[u8]), Error> {
    let available = octets.len();
    octets.split_at_checked(needed).ok_or(ErrorKind::Truncated { needed, available }.at(available))
}

/// An error when anything follows a frame of `len` octets.
pub(crate) const fn no_surplus(len: usize, surplus: &[u8]) -> Result<(), Error> {
    if surplus.is_empty() {
        return Ok(());
    }
    Err(ErrorKind::Surplus { octets: surplus.len() }.at(len))
}

/// An error when `frame` is not a frame without CRCs that may be built.
pub(crate) fn buildable(frame: &[u8], maximum: usize) -> Result<(), Error> {
    let length = length_field(frame)?;
    let octets = frame.len();
    let following = octets.saturating_sub(1);
    if following != usize::from(length) {
        return Err(ErrorKind::LengthMismatch { length, following }.at(0));
    }
    at_least(length, MIN_LENGTH)?;
    if octets == HEADER_LEN {
        return Err(ErrorKind::NoCiField.at(HEADER_LEN));
    }
    if octets > maximum {
        return Err(ErrorKind::FrameTooLong { octets, maximum }.at(0));
    }
    Ok(())
}

/// `out` cut to `needed` octets.
pub(crate) fn room(out: &mut [u8], needed: usize) -> Result<&mut [u8], Error> {
    let available = out.len();
    out.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(0))
}

/// `buffer` split after the frame in it.
pub(crate) fn split_mut(buffer: &mut [u8], needed: usize) -> Result<(&mut [u8], &mut [u8]), Error> {
    let available = buffer.len();
    buffer.split_at_mut_checked(needed).ok_or(ErrorKind::Truncated { needed, available }.at(available))
}

#[cfg(test)]
mod tests {
    use super::Stripped;
    use crate::ErrorKind;

    #[test]
    fn length_decides() {
        let octets: std::vec::Vec<u8> = [9].into_iter().chain(0..20).collect();
        let (frame, surplus) = Stripped::parse_prefix(&octets).unwrap();
        assert_eq!((frame.octets().len(), frame.length(), surplus.len()), (10, 9, 11));
        assert_eq!(Stripped::parse(&octets), Err(ErrorKind::Surplus { octets: 11 }.at(10)));
        assert_eq!(Stripped::parse(&octets[..10]).unwrap().octets(), &octets[..10]);
        for len in 1..10 {
            let error = ErrorKind::Truncated { needed: 10, available: len }.at(len);
            assert_eq!(Stripped::parse(&octets[..len]), Err(error));
        }
        assert_eq!(Stripped::parse(&[]), Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0)));
        for length in 0..9 {
            let error = ErrorKind::LengthTooSmall { length, minimum: 9 }.at(0);
            assert_eq!(Stripped::parse(&[length; 300]), Err(error));
        }
    }
}
