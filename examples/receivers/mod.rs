//! The serial protocols of radio receivers: octets in, telegrams out; and the way back, for those who play a receiver.
//!
//! A [`Receiver`] is fed with whatever a serial line delivers, in pieces of any size, and gives the
//! telegrams in it. It never waits, keeps at most one frame, and after noise or a lost octet it finds the next
//! frame by itself. Telegrams come without link CRCs and begin with their L-field.

pub mod amber;
pub mod im871a;
pub mod iu891a;

/// A telegram that a receiver heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// L-field and everything after it, link CRCs removed.
    pub telegram: Vec<u8>,
    /// Received signal strength.
    pub rssi_dbm: Option<i16>,
    /// The receiver's own clock, in its own unit.
    pub time: Option<u32>,
}

/// What came out of the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A telegram.
    Heard(Heard),
    /// An answer or an indication that is no telegram, as a whole.
    Other(Vec<u8>),
    /// A frame whose check value is wrong; the search went on at its second octet.
    Damaged,
}

/// What a protocol sees at the beginning of the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The beginning of a frame; more octets are needed.
    More,
    /// This many octets belong to no frame.
    Noise(usize),
    /// An event that took this many octets.
    Frame(usize, Event),
}

/// A protocol between a receiver and its host.
pub trait Protocol {
    /// The longest frame, in octets. A protocol that wants more octets than this has lost its place.
    const LONGEST: usize;

    /// Looks at the beginning of `octets`, which are not empty.
    fn scan(&self, octets: &[u8]) -> Scan;
    /// The frame in which the receiver would deliver this telegram, of 256 octets at most.
    fn frame(&self, heard: &Heard) -> Vec<u8>;
}

/// The octets of one receiver.
#[derive(Clone, Debug, Default)]
pub struct Receiver<P> {
    protocol: P,
    octets: Vec<u8>,
    /// Octets that belonged to no frame.
    noise: usize,
}

impl<P: Protocol> Receiver<P> {
    /// A receiver that has said nothing yet.
    pub const fn new(protocol: P) -> Self {
        Self { protocol, octets: Vec::new(), noise: 0 }
    }
    /// Takes what the line delivered and gives what is whole now.
    pub fn handle_input(&mut self, octets: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        // Piece by piece, so that the store stays small whatever is handed in.
        for piece in octets.chunks(P::LONGEST.max(1)) {
            self.octets.extend_from_slice(piece);
            while let Some(event) = self.poll() {
                events.push(event);
            }
        }
        events
    }
    /// Octets that belonged to no frame, since the beginning.
    pub const fn noise(&self) -> usize {
        self.noise
    }
    /// Octets that wait for the rest of their frame.
    pub const fn waiting(&self) -> usize {
        self.octets.len()
    }
    fn poll(&mut self) -> Option<Event> {
        while !self.octets.is_empty() {
            let used = match self.protocol.scan(&self.octets) {
                Scan::More if self.octets.len() < P::LONGEST => return None,
                Scan::More => 1,
                Scan::Noise(octets) => octets.max(1),
                Scan::Frame(octets, event) => {
                    self.octets.drain(..octets.clamp(1, self.octets.len()));
                    return Some(event);
                }
            };
            let used = used.min(self.octets.len());
            self.noise += used;
            self.octets.drain(..used);
        }
        None
    }
}

/// The octets before the next `start`, all of them when there is none.
fn until(octets: &[u8], start: u8) -> usize {
    octets.iter().position(|octet| *octet == start).unwrap_or(octets.len())
}

/// CRC-16/X-25 of IMST receivers: reflected CCITT, register and result inverted.
fn crc_x25(octets: &[u8]) -> u16 {
    let register = octets.iter().fold(0xFFFF, |register: u16, octet| {
        (0..8).fold(register ^ u16::from(*octet), |r, _| if r & 1 == 1 { r >> 1 ^ 0x8408 } else { r >> 1 })
    });
    !register
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The telegram of EN 13757-4's example, link CRCs removed.
    pub(super) const TELEGRAM: [u8; 16] =
        [0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87];

    /// Every way to cut the octets of two frames with noise around them gives both telegrams.
    pub(super) fn cut_everywhere<P: Protocol + Clone>(protocol: &P, frame: &[u8], heard: &Heard) {
        let stream = [&[0x00, 0x17], frame, &[0x00], frame].concat();
        for size in 1..=stream.len() {
            let mut receiver = Receiver::new(protocol.clone());
            let events: Vec<Event> =
                stream.chunks(size).flat_map(|piece| receiver.handle_input(piece)).collect();
            let expected = vec![Event::Heard(heard.clone()); 2];
            assert_eq!(events, expected, "pieces of {size}");
            assert_eq!((receiver.noise(), receiver.waiting()), (3, 0));
        }
    }

    /// No beginning of a frame gives anything, and no octets at all make the store grow without end.
    pub(super) fn survives<P: Protocol + Clone>(protocol: &P, frame: &[u8]) {
        for end in 0..frame.len() {
            assert_eq!(Receiver::new(protocol.clone()).handle_input(&frame[..end]), [], "{end} octets");
        }
        for octet in 0..=255 {
            let mut receiver = Receiver::new(protocol.clone());
            receiver.handle_input(&vec![octet; 5000]);
            assert!(receiver.waiting() <= P::LONGEST, "{octet:02X}");
        }
        let mut seed = 1_u32;
        let mut receiver = Receiver::new(protocol.clone());
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            receiver.handle_input(&seed.to_le_bytes());
            assert!(receiver.waiting() <= P::LONGEST);
        }
    }

    #[test]
    fn the_crc_has_its_check_value() {
        assert_eq!(crc_x25(b"123456789"), 0x906E);
        assert_eq!(crc_x25(b""), 0);
    }
}
