//! What a slave remembers of the last exchange, to know a repetition (IEC 60870-5-2; EN 13757-2, 5.7.7).
//!
//! Invariants: a request is a repetition only when C with its FCB, length and sum over all octets are the same. The FCB
//! alone would do for a master that toggles it; one that never does would lose commands that differ.

use crate::wired::Frame;
use crate::wired::frame_store::fingerprint;

/// What the last request was, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    c: u8,
    len: usize,
    sum: u32,
}

/// How it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Not,
    /// With E5.
    Ack,
    /// With the frame kept in the slave, as long as that is this answer.
    Data,
}

/// The memory of one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    last: Option<Request>,
    pub(super) answered: Answered,
    /// The application has heard of it.
    pub(super) is_known: bool,
}

impl Memory {
    pub(super) const EMPTY: Self = Self { last: None, answered: Answered::Not, is_known: false };

    /// Remembers a request; true when it is the last one again. One whose FCB does not count is always new and
    /// leaves the memory as it is.
    pub(super) fn is_repetition(&mut self, frame: &Frame<'_>) -> bool {
        let Some(c_field) = frame.c_field().filter(|c_field| c_field.fcb().is_some()) else { return false };
        let sum = fingerprint(frame.payload());
        let request = Request { c: c_field.0, len: frame.encoded_len(), sum };
        if self.last == Some(request) {
            return true;
        }
        *self = Self { last: Some(request), ..Self::EMPTY };
        false
    }
}
