//! A frame of which more and more octets are known: the L-field says how long it gets, each block is checked once.

use crate::block::{Block, CRC_LEN};
use crate::{Error, FrameFormat};

/// A frame in the making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growing {
    pub(super) format: FrameFormat,
    /// Blocks that were seen to be right, and their octets.
    blocks: usize,
    checked: usize,
}

/// What its first octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is wrong yet; more can be said with so many octets in all.
    More(usize),
    /// A frame of so many octets, all CRCs right.
    Whole(usize),
    /// No frame.
    Broken(Error),
}

impl Growing {
    pub(super) const fn new(format: FrameFormat) -> Self {
        Self { format, blocks: 0, checked: 0 }
    }
    /// True when the first block was right, so that the L-field can be believed.
    pub(super) const fn has_block(&self) -> bool {
        self.blocks > 0
    }
    /// Looks at the octets of the frame that are there; those of the call before and maybe more.
    pub(super) fn judge(&mut self, octets: &[u8]) -> Verdict {
        let Some(length) = octets.first() else { return Verdict::More(1) };
        let len = match self.format.on_air_len(*length) {
            Ok(len) => len,
            Err(error) => return Verdict::Broken(error),
        };
        let cut = self.format.cut();
        loop {
            let end = self.checked.saturating_add(cut.size(self.blocks)).saturating_add(CRC_LEN).min(len);
            let Some(octets) = octets.get(self.checked..end) else { return Verdict::More(end) };
            let Some((block, _)) = Block::first(octets, cut, self.blocks, self.checked) else {
                // No octets are left.
                return Verdict::Whole(len);
            };
            if let Err(error) = block.check() {
                return Verdict::Broken(error);
            }
            self.checked = block.end();
            self.blocks = self.blocks.saturating_add(1);
        }
    }
}
