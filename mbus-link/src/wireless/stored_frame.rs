//! A frame that a state machine keeps until it may be sent, or sent again.
//!
//! Invariants: never more than 256 octets, the longest frame without CRCs.

use core::fmt;

use crate::wireless::frame::{HEADER_LEN, encode_header};
use crate::{Address, CField, CommunicationControl, Ell, Error, ErrorKind};

/// The longest frame without CRCs: L and the 255 octets that L can count.
pub const MAX_FRAME: usize = 256;

/// A copy of a frame without CRCs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoredFrame {
    octets: [u8; MAX_FRAME],
    len: usize,
}

impl StoredFrame {
    /// No octets.
    pub const EMPTY: Self = Self { octets: [0; MAX_FRAME], len: 0 };

    /// A copy of `octets`.
    ///
    /// # Errors
    /// [`ErrorKind::PayloadTooLong`] above 256 octets.
    pub fn new(octets: &[u8]) -> Result<Self, Error> {
        let mut stored = Self::EMPTY;
        let place = stored
            .octets
            .get_mut(..octets.len())
            .ok_or(ErrorKind::PayloadTooLong { octets: octets.len(), maximum: MAX_FRAME }.at(MAX_FRAME))?;
        place.copy_from_slice(octets);
        stored.len = octets.len();
        Ok(stored)
    }
    /// A frame of link layer and ELL III alone, 21 octets: the form in which a gateway sends SND-NKE,
    /// CNF-IR, ACK and REQ-UD without data.
    ///
    /// ```
    /// use mbus_link::{Address, CField, CommunicationControl, wireless::StoredFrame};
    /// // OMS Specification Volume 2, Annex N, N.3.4: the request of the second fragment.
    /// let gateway = Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31]);
    /// let meter = Address::from_link_octets([0x49, 0x6A, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07]);
    /// let frame = StoredFrame::short(CField(0x5B), gateway, meter, CommunicationControl(0x84), 0x12);
    /// assert_eq!(frame.octets()[..13], [0x14, 0x5B, 0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31, 0x8E, 0x84, 0x12]);
    /// assert_eq!(frame.octets()[13..], [0x49, 0x6A, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07]);
    /// ```
    #[must_use]
    pub fn short(
        c_field: CField,
        sender: Address,
        receiver: Address,
        control: CommunicationControl,
        access_number: u8,
    ) -> Self {
        let ell = Ell { control, access_number, receiver: Some(receiver), session: None };
        let mut stored = Self::EMPTY;
        // Both parts have fixed lengths that fit: neither can fail.
        if let Some((head, rest)) = stored.octets.split_first_chunk_mut::<HEADER_LEN>() {
            if let (Ok(header), Ok(ell)) =
                (encode_header(c_field, sender, ell.encoded_len()), ell.encode_into(rest))
            {
                *head = header;
                stored.len = HEADER_LEN.saturating_add(ell.len());
            }
        }
        stored
    }
    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
    /// The octets, to be changed in place.
    pub fn octets_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.len).unwrap_or_default()
    }
    /// True when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Default for StoredFrame {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for StoredFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredFrame({:02X?})", self.octets())
    }
}
