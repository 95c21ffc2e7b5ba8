//! The frame count bit of the next request, per address (IEC 60870-5-2; EN 13757-2, 5.7.7).
//!
//! Invariants: 1 behind SND-NKE; toggled only by a good exchange; unchanged for every repetition. 253 counts apart from
//! the address of the slave that is selected.

use crate::wired::address::PrimaryAddress;

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameCountBits([u8; 32]);

impl FrameCountBits {
    pub(super) const NEW: Self = Self([0xFF; 32]);

    /// The bit of the next request.
    pub(super) fn next(&self, address: PrimaryAddress) -> bool {
        let bits = self.0.get(usize::from(address.0 >> 3)).copied().unwrap_or_default();
        bits >> (address.0 & 7) & 1 != 0
    }
    pub(super) fn toggle(&mut self, address: PrimaryAddress) {
        self.set(address, !self.next(address));
    }
    pub(super) fn reset(&mut self, address: PrimaryAddress) {
        self.set(address, true);
    }
    fn set(&mut self, address: PrimaryAddress, bit: bool) {
        let mask = 1u8 << (address.0 & 7);
        if let Some(bits) = self.0.get_mut(usize::from(address.0 >> 3)) {
            *bits = if bit { *bits | mask } else { *bits & !mask };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_counts_apart() {
        let mut bits = FrameCountBits::NEW;
        for n in 0..=255 {
            let address = PrimaryAddress(n);
            assert!(bits.next(address));
            bits.toggle(address);
            assert!(!bits.next(address));
            assert!((0..n).all(|other| !bits.next(PrimaryAddress(other))));
            assert!((n..255).all(|other| bits.next(PrimaryAddress(other + 1))));
        }
        bits.reset(PrimaryAddress(7));
        bits.toggle(PrimaryAddress(8));
        assert!(
            bits.next(PrimaryAddress(7)) && bits.next(PrimaryAddress(8)) && !bits.next(PrimaryAddress(9))
        );
    }
}
