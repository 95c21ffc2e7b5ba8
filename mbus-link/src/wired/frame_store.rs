//! A wired frame that a state machine keeps: to send it, to send it again, or until it is fetched.
//!
//! Invariants: at most [`MAX_LEN`] octets, which are one whole frame or none.

use core::fmt;

use crate::Error;

use super::frame::{Frame, MAX_LEN};

/// A number that differs between octets that differ, but once in 2^32 (FNV-1a).
pub(super) fn fingerprint(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811C_9DC5, |sum, octet| (sum ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameStore {
    octets: [u8; MAX_LEN],
    len: usize,
}

impl FrameStore {
    pub(super) const EMPTY: Self = Self { octets: [0; MAX_LEN], len: 0 };

    /// Keeps this frame in place of the one before; after an error none is kept.
    pub(super) fn set(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        self.len = 0;
        self.len = frame.encode_into(&mut self.octets)?.len();
        Ok(())
    }
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        Frame::parse_prefix(self.octets()).ok().map(|(frame, _)| frame)
    }
}

impl fmt::Debug for FrameStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameStore({:02X?})", self.octets())
    }
}
