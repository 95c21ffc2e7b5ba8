//! Octets read one after the other, and written one after the other.
//!
//! Invariants: [`Reader`] only moves forward and never past the end; a read that fails leaves it where
//! it was. [`Writer`] never writes past its buffer; after the first write that did not fit it only
//! counts, so that [`Writer::finish`] can say how many octets the whole would have needed. Multi-octet
//! numbers of M-Bus are sent least significant octet first (EN 13757-3, 6.1).

/// Fewer octets than announced or needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{needed} octets needed at offset {offset}, {available} there")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnexpectedEnd {
    /// Where the octets were to begin, counted from the start of the reader's octets.
    pub offset: usize,
    /// How many octets were wanted.
    pub needed: usize,
    /// How many are there.
    pub available: usize,
}

/// The caller's buffer is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the buffer has {available} octets, {needed} are needed")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall {
    /// Octets that the whole needs.
    pub needed: usize,
    /// Octets the buffer has.
    pub available: usize,
}

/// Reads octets from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first of `octets`, whose offset is 0.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, offset: 0 }
    }
    /// Octets read so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
    /// Octets not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }
    /// True when nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// The octets not read yet; they stay unread.
    #[must_use]
    pub const fn peek_rest(&self) -> &'a [u8] {
        self.rest
    }
    /// The next octet; it stays unread. `None` at the end.
    #[must_use]
    pub const fn peek(&self) -> Option<u8> {
        match self.rest {
            [first, ..] => Some(*first),
            [] => None,
        }
    }
    /// All octets that are left.
    #[inline]
    pub fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.offset = self.offset.saturating_add(rest.len());
        self.rest = &[];
        rest
    }
    /// The next `n` octets.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when fewer than `n` are left.
    #[inline]
    pub const fn take(&mut self, n: usize) -> Result<&'a [u8], UnexpectedEnd> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(n);
                Ok(head)
            }
            None => Err(UnexpectedEnd { offset: self.offset, needed: n, available: self.rest.len() }),
        }
    }
    /// The next `N` octets as an array.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when fewer than `N` are left.
    #[inline]
    pub const fn array<const N: usize>(&mut self) -> Result<[u8; N], UnexpectedEnd> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(N);
                Ok(*head)
            }
            None => Err(UnexpectedEnd { offset: self.offset, needed: N, available: self.rest.len() }),
        }
    }
    /// The next octet.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when none is left.
    #[inline]
    pub const fn u8(&mut self) -> Result<u8, UnexpectedEnd> {
        match self.array::<1>() {
            Ok([octet]) => Ok(octet),
            Err(end) => Err(end),
        }
    }
    /// The next two octets, least significant first.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when fewer are left.
    #[inline]
    pub const fn u16_le(&mut self) -> Result<u16, UnexpectedEnd> {
        match self.array::<2>() {
            Ok(octets) => Ok(u16::from_le_bytes(octets)),
            Err(end) => Err(end),
        }
    }
    /// The next four octets, least significant first.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when fewer are left.
    #[inline]
    pub const fn u32_le(&mut self) -> Result<u32, UnexpectedEnd> {
        match self.array::<4>() {
            Ok(octets) => Ok(u32::from_le_bytes(octets)),
            Err(end) => Err(end),
        }
    }
}

/// Writes octets to the front of a buffer and counts them, also those that no longer fit.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    written: usize,
}

impl<'b> Writer<'b> {
    /// A writer at the first octet of `buffer`.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, written: 0 }
    }
    /// Octets written so far, those that did not fit included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.written
    }
    /// True when nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.written == 0
    }
    /// Appends `octets`.
    #[inline]
    pub fn put(&mut self, octets: &[u8]) {
        let rest = self.buffer.get_mut(self.written..).unwrap_or_default();
        // Taken by length, not by end, so that the compiler sees that both lengths are equal.
        if let Some(place) = rest.get_mut(..octets.len()) {
            place.copy_from_slice(octets);
        }
        self.written = self.written.saturating_add(octets.len());
    }
    /// Appends one octet.
    #[inline]
    pub fn put_u8(&mut self, octet: u8) {
        self.put(&[octet]);
    }
    /// Appends a 16 bit number, least significant octet first.
    #[inline]
    pub fn put_u16_le(&mut self, number: u16) {
        self.put(&number.to_le_bytes());
    }
    /// Appends a 32 bit number, least significant octet first.
    #[inline]
    pub fn put_u32_le(&mut self, number: u32) {
        self.put(&number.to_le_bytes());
    }
    /// The octets written.
    ///
    /// # Errors
    /// [`BufferTooSmall`] when not everything fitted; the buffer then holds a beginning of no meaning.
    pub fn finish(self) -> Result<&'b mut [u8], BufferTooSmall> {
        let available = self.buffer.len();
        match self.buffer.get_mut(..self.written) {
            Some(octets) => Ok(octets),
            None => Err(BufferTooSmall { needed: self.written, available }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_read_moves_nothing() {
        let mut reader = Reader::new(&[0x78, 0x56, 0x34]);
        assert_eq!(reader.u8(), Ok(0x78));
        assert_eq!(reader.u32_le(), Err(UnexpectedEnd { offset: 1, needed: 4, available: 2 }));
        assert_eq!(reader.u16_le(), Ok(0x3456));
        assert!(reader.is_empty());
        assert_eq!(reader.take(0), Ok(&[][..]));
        assert_eq!(reader.peek(), None);
    }

    #[test]
    fn a_small_buffer_tells_what_it_lacks() {
        for size in 0..=7 {
            let mut buffer = [0; 7];
            let mut writer = Writer::new(&mut buffer[..size]);
            writer.put_u8(1);
            writer.put_u16_le(0x0302);
            writer.put_u32_le(0x0706_0504);
            match writer.finish() {
                Ok(octets) => assert_eq!((size, &*octets), (7, &[1, 2, 3, 4, 5, 6, 7][..])),
                Err(error) => assert_eq!((error.needed, error.available), (7, size)),
            }
        }
    }
}
