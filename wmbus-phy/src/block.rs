//! Blocks: a run of octets and the CRC behind it, the unit in which both frame formats check themselves.
//!
//! ```text
//! | octets 1..=126 | CRC, high octet first (2) |
//! ```
//!
//! Invariants: where a block ends follows from the L-field and never from trying CRCs. Moving octets to
//! take CRCs out or put them in keeps their order; the CRCs are checked before anything moves.

use crate::crc::checksum;
use crate::{Error, ErrorKind};

/// The octets of a CRC.
pub const CRC_LEN: usize = 2;

/// How a frame format cuts a frame into blocks: octets of the first and of every further block, CRC not
/// counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) first: usize,
    pub(crate) further: usize,
}

impl Cut {
    /// The most octets block `index` takes.
    pub(crate) const fn size(self, index: usize) -> usize {
        if index == 0 { self.first } else { self.further }
    }
    /// The blocks of a frame of `octets` octets without CRCs.
    pub(crate) const fn blocks(self, octets: usize) -> usize {
        octets.saturating_sub(self.first).div_ceil(self.further).saturating_add(1)
    }
}

/// One block of a frame, its CRC computed: the verdict is there, whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Block<'a> {
    /// The block's place in the frame, from 0. In frame format B blocks 1 and 2 of the standard share a
    /// CRC and are index 0.
    pub index: usize,
    /// Where the block begins, counted from the L-field.
    pub offset: usize,
    /// The octets that the CRC covers.
    pub data: &'a [u8],
    /// The CRC received.
    pub found: u16,
    /// The CRC of the octets received.
    pub computed: u16,
}

impl<'a> Block<'a> {
    /// The block at the start of `octets` and what follows it; nothing when `octets` hold no octet and a CRC.
    #[inline]
    pub(crate) fn first(octets: &'a [u8], cut: Cut, index: usize, offset: usize) -> Option<(Self, &'a [u8])> {
        let len = octets.len().checked_sub(CRC_LEN)?.min(cut.size(index));
        let (data, rest) = octets.split_at_checked(len)?;
        let (crc, rest) = rest.split_first_chunk::<CRC_LEN>()?;
        if data.is_empty() {
            return None;
        }
        let (found, computed) = (u16::from_be_bytes(*crc), checksum(data));
        Some((Self { index, offset, data, found, computed }, rest))
    }
    /// Where the octet behind its CRC is, counted from the L-field.
    pub(crate) const fn end(&self) -> usize {
        self.offset.saturating_add(self.data.len()).saturating_add(CRC_LEN)
    }
    /// True when the CRC fits.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.found == self.computed
    }
    /// Nothing when the CRC fits, else the error that says so.
    ///
    /// # Errors
    /// [`ErrorKind::BlockCrc`] at the block's offset.
    pub const fn check(&self) -> Result<(), Error> {
        if self.is_intact() {
            return Ok(());
        }
        let kind = ErrorKind::BlockCrc { block: self.index, computed: self.computed, found: self.found };
        Err(kind.at(self.offset))
    }
}

/// The blocks of a frame, in order.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    rest: &'a [u8],
    cut: Cut,
    index: usize,
    offset: usize,
}

impl<'a> Blocks<'a> {
    /// The blocks in `frame`; a last block that is not whole is left out.
    pub(crate) const fn new(frame: &'a [u8], cut: Cut) -> Self {
        Self { rest: frame, cut, index: 0, offset: 0 }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    #[inline]
    fn next(&mut self) -> Option<Block<'a>> {
        let (block, rest) = Block::first(self.rest, self.cut, self.index, self.offset)?;
        self.index = block.index.saturating_add(1);
        self.offset = block.end();
        self.rest = rest;
        Some(block)
    }
}

/// Moves `len` octets from `from` down to `to`.
fn move_down(buffer: &mut [u8], from: usize, to: usize, len: usize) -> Option<()> {
    const STEP: usize = 16;
    let mut moved = 0usize;
    while len.saturating_sub(moved) >= STEP {
        let chunk = *buffer.get(from.checked_add(moved)?..)?.first_chunk::<STEP>()?;
        *buffer.get_mut(to.checked_add(moved)?..)?.first_chunk_mut::<STEP>()? = chunk;
        moved = moved.saturating_add(STEP);
    }
    while moved < len {
        let octet = *buffer.get(from.checked_add(moved)?)?;
        *buffer.get_mut(to.checked_add(moved)?)? = octet;
        moved = moved.saturating_add(1);
    }
    Some(())
}

/// Moves `len` octets from `from` up to `to`.
fn move_up(buffer: &mut [u8], from: usize, to: usize, len: usize) -> Option<()> {
    let mut left = len;
    while let Some(next) = left.checked_sub(1) {
        let octet = *buffer.get(from.checked_add(next)?)?;
        *buffer.get_mut(to.checked_add(next)?)? = octet;
        left = next;
    }
    Some(())
}

/// Takes the CRCs out of `frame`, which is whole; gives the octets left.
pub(crate) fn take_out(frame: &mut [u8], cut: Cut) -> usize {
    let (mut from, mut to, mut index) = (0usize, 0usize, 0usize);
    while let Some(left) = frame.len().saturating_sub(from).checked_sub(CRC_LEN) {
        let len = left.min(cut.size(index));
        if len == 0 || (index > 0 && move_down(frame, from, to, len).is_none()) {
            break;
        }
        to = to.saturating_add(len);
        from = from.saturating_add(len).saturating_add(CRC_LEN);
        index = index.saturating_add(1);
    }
    to
}

/// Puts the CRCs into a frame of `len` octets at the start of `buffer`, from the back; gives the octets
/// that it has then, or nothing when the buffer is too small.
pub(crate) fn put_in(buffer: &mut [u8], len: usize, cut: Cut) -> Option<usize> {
    let blocks = cut.blocks(len);
    let total = len.checked_add(blocks.checked_mul(CRC_LEN)?)?;
    let mut index = blocks;
    let mut end = len;
    while let Some(block) = index.checked_sub(1) {
        let start = match block.checked_sub(1) {
            None => 0,
            Some(further) => cut.first.checked_add(further.checked_mul(cut.further)?)?,
        };
        let octets = end.checked_sub(start)?;
        let place = start.checked_add(block.checked_mul(CRC_LEN)?)?;
        move_up(buffer, start, place, octets)?;
        let (data, rest) = buffer.get_mut(place..)?.split_at_mut_checked(octets)?;
        *rest.first_chunk_mut::<CRC_LEN>()? = checksum(data).to_be_bytes();
        end = start;
        index = block;
    }
    Some(total)
}
