//! Octets of one push, collected in the caller's buffer.
//!
//! Invariants: never more than the buffer; a part that does not fit drops what was collected.

use crate::{Error, ErrorKind};

/// What a fragment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// It was taken, more have to come.
    Incomplete,
    /// It was there already and is ignored.
    Repeated,
    /// It begins a new push; an unfinished one was dropped.
    Restarted,
    /// It was the last: the APDU is there.
    Complete,
}

#[derive(Debug)]
pub(super) struct Assembly<'b> {
    buffer: &'b mut [u8],
    /// Octets collected.
    len: usize,
    /// Where the last part begins.
    last: usize,
}

impl<'b> Assembly<'b> {
    pub(super) const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0, last: 0 }
    }
    pub(super) const fn clear(&mut self) {
        self.len = 0;
        self.last = 0;
    }
    pub(super) fn append(&mut self, part: &[u8]) -> Result<(), Error> {
        let end = self.len.saturating_add(part.len());
        let available = self.buffer.len();
        let free = self.buffer.get_mut(self.len..).unwrap_or_default();
        if free.len() < part.len() {
            self.clear();
            return Err(ErrorKind::BufferTooSmall { needed: end, available }.at(0));
        }
        // Not copy_from_slice: nothing here can panic.
        for (place, octet) in free.iter_mut().zip(part) {
            *place = *octet;
        }
        self.last = self.len;
        self.len = end;
        Ok(())
    }
    /// The octets of the last part.
    pub(super) fn last(&self) -> &[u8] {
        self.buffer.get(self.last..self.len).unwrap_or_default()
    }
    pub(super) const fn len(&self) -> usize {
        self.len
    }
    pub(super) fn octets(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.len).unwrap_or_default()
    }
    /// The octets from `start` on.
    pub(super) fn from(&self, start: usize) -> &[u8] {
        self.buffer.get(start..self.len).unwrap_or_default()
    }
    /// Takes out `count` octets at `start` and cuts what follows behind `keep` octets.
    pub(super) fn remove(&mut self, start: usize, count: usize, keep: usize) {
        let from = start.saturating_add(count);
        let to = from.saturating_add(keep).min(self.len);
        let mut end = start;
        for at in from..to {
            let Some(octet) = self.buffer.get(at).copied() else { break };
            if let Some(place) = self.buffer.get_mut(end) {
                *place = octet;
            }
            end = end.saturating_add(1);
        }
        self.len = end.min(self.len);
        self.last = start.min(self.len);
    }
}
