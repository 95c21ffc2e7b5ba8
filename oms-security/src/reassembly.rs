//! Fragments put together again (EN 13757-7:2018, clause 6; OMS Vol. 2, 6.4).
//!
//! A long message is cut after it was sealed. The fragments carry FID 1, 2, 3 ..., all but the last with MF;
//! the first has MCL, MCR and ML, the last the MAC. Only when all are there can anything be verified.
//!
//! Invariants: a fragment goes only to the message of its own sender and receiver; a gap drops that message
//! and no other; FID 1 starts anew; the same fragment once more changes nothing. The store has a fixed number
//! of places of a fixed size. A sender that the caller does not know never takes the place of one it knows, so
//! strangers cannot keep a meter's message out; time comes from the caller and may go backwards.

use mbus_link::Address;
use mbus_link::time::{Duration, Instant};

use crate::afl::{Afl, AflMessage};
use crate::{Error, ErrorKind};

/// Between whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Channel {
    /// By radio.
    Wireless {
        /// The sender of the link layer.
        sender: Address,
        /// The receiver of the extended link layer, if it names one.
        receiver: Option<Address>,
    },
    /// On the wired bus, with the slave of this primary address.
    Wired(u8),
}

/// A message that is complete. It is sealed as before.
#[derive(Debug)]
pub struct Message<'s> {
    /// What all fragments said.
    pub afl: AflMessage,
    /// The octets from the transport CI on.
    pub octets: &'s mut [u8],
}

#[derive(Clone, Debug)]
struct Place<const SIZE: usize> {
    channel: Option<Channel>,
    known: bool,
    touched: Instant,
    last: u8,
    /// Where the last fragment began.
    last_at: usize,
    len: usize,
    afl: AflMessage,
    octets: [u8; SIZE],
}

impl<const SIZE: usize> Place<SIZE> {
    const FREE: Self = Self {
        channel: None,
        known: false,
        touched: Instant::ZERO,
        last: 0,
        last_at: 0,
        len: 0,
        afl: AflMessage {
            message_control: None,
            key_information: None,
            message_counter: None,
            mac: None,
            message_length: None,
        },
        octets: [0; SIZE],
    };

    fn start(&mut self, channel: Channel, known: bool, now: Instant) {
        (self.channel, self.known, self.touched) = (Some(channel), known, now);
        (self.last, self.last_at, self.len, self.afl) = (0, 0, 0, AflMessage::default());
    }
    /// True when `afl` and `octets` are the fragment that came last, once more.
    fn repeats(&self, afl: &Afl, octets: &[u8]) -> bool {
        self.last != 0
            && afl.fragment_id == self.last
            && self.octets.get(self.last_at..self.len) == Some(octets)
    }
    fn append(&mut self, afl: &Afl, octets: &[u8], now: Instant) -> Result<(), ErrorKind> {
        let expected = self.last.checked_add(1).unwrap_or_default();
        if afl.fragment_id != expected || expected == 0 {
            return Err(ErrorKind::FragmentGap { expected, found: afl.fragment_id });
        }
        let message = self.afl.with(afl);
        let end = self.len.saturating_add(octets.len());
        let limit = message.message_length.map_or(SIZE, |length| usize::from(length).min(SIZE));
        if end > limit {
            return Err(ErrorKind::TooLong { length: end, limit });
        }
        if let Some(place) = self.octets.get_mut(self.len..).and_then(|free| free.get_mut(..octets.len())) {
            place.copy_from_slice(octets);
        }
        (self.last, self.last_at, self.len) = (expected, self.len, end);
        (self.afl, self.touched) = (message, now);
        Ok(())
    }
}

/// At most `PLACES` messages of at most `SIZE` octets in the making.
///
/// OMS limits a message to 16 kB; most meters stay below 1 kB.
#[derive(Clone, Debug)]
pub struct Reassembler<const PLACES: usize, const SIZE: usize> {
    places: [Place<SIZE>; PLACES],
    timeout: Duration,
}

impl<const PLACES: usize, const SIZE: usize> Reassembler<PLACES, SIZE> {
    /// A store without messages. One whose last fragment came longer than `timeout` ago is given up.
    #[must_use]
    pub const fn new(timeout: Duration) -> Self {
        Self { places: [const { Place::FREE }; PLACES], timeout }
    }
    /// Takes one fragment: its AFL and the octets behind it. Gives the message when it was the last one, `None`
    /// while more are to come. `known`: the caller has a key for the sender.
    ///
    /// # Errors
    /// [`ErrorKind::FragmentGap`] and [`ErrorKind::TooLong`], the message is dropped;
    /// [`ErrorKind::MessageLength`] when the complete message is not as long as ML says, it is dropped as
    /// well; [`ErrorKind::StoreFull`] when no place is free for a first fragment.
    pub fn push(
        &mut self,
        now: Instant,
        channel: Channel,
        known: bool,
        afl: &Afl,
        octets: &[u8],
    ) -> Result<Option<Message<'_>>, Error> {
        self.give_up(now);
        let gap = ErrorKind::FragmentGap { expected: 1, found: afl.fragment_id };
        let place = match self.places.iter().position(|place| place.channel == Some(channel)) {
            Some(place) => place,
            None if afl.fragment_id != 1 => return Err(gap.at(0)),
            None => self.free_place(known).ok_or(ErrorKind::StoreFull { capacity: PLACES }.at(0))?,
        };
        let Some(place) = self.places.get_mut(place) else {
            return Err(ErrorKind::StoreFull { capacity: PLACES }.at(0));
        };
        if place.channel == Some(channel) && place.repeats(afl, octets) {
            place.touched = now;
            return Ok(None);
        }
        if afl.fragment_id == 1 {
            place.start(channel, known, now);
        }
        if let Err(kind) = place.append(afl, octets, now) {
            place.channel = None;
            return Err(kind.at(0));
        }
        if afl.more_fragments {
            return Ok(None);
        }
        place.channel = None;
        if let Some(announced) =
            place.afl.message_length.map(usize::from).filter(|length| *length != place.len)
        {
            return Err(ErrorKind::MessageLength { announced, available: place.len }.at(0));
        }
        let len = place.len;
        Ok(Some(Message { afl: place.afl, octets: place.octets.get_mut(..len).unwrap_or_default() }))
    }
    /// Messages in the making.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.places.iter().filter(|place| place.channel.is_some()).count()
    }
    /// Drops the messages whose last fragment came too long ago; [`Reassembler::push`] does it by itself.
    pub fn give_up(&mut self, now: Instant) {
        for place in &mut self.places {
            if now.since(place.touched) > self.timeout {
                place.channel = None;
            }
        }
    }
    /// A free place, or for a known sender the one of a stranger that was silent the longest.
    fn free_place(&self, known: bool) -> Option<usize> {
        let free = self.places.iter().position(|place| place.channel.is_none());
        let stranger = || {
            let strangers = self.places.iter().enumerate().filter(|(_, place)| !place.known);
            strangers.min_by_key(|(_, place)| place.touched).map(|(n, _)| n)
        };
        free.or_else(|| if known { stranger() } else { None })
    }
}

/// Cuts a sealed message into fragments: the mirror of [`Reassembler`].
///
/// Each item is the AFL of a fragment and its octets. The first AFL has MCL, KI, MCR and ML, the last one the
/// MAC, as OMS wants it. `limit`: octets of the message per fragment.
#[derive(Clone, Debug)]
pub struct Fragments<'m> {
    afl: AflMessage,
    rest: &'m [u8],
    limit: usize,
    next: u8,
}

impl<'m> Fragments<'m> {
    /// The fragments of `message`, which begins with its transport CI. `afl` has the MAC already, where the
    /// mode has one, and its ML must be the length of the message.
    ///
    /// # Errors
    /// [`ErrorKind::MessageLength`] when ML is missing or not the length of the message;
    /// [`ErrorKind::TooLong`] when the message needs more than 255 fragments, or `limit` is 0.
    pub fn new(afl: AflMessage, message: &'m [u8], limit: usize) -> Result<Self, Error> {
        let announced = usize::from(afl.message_length.unwrap_or_default());
        if announced != message.len() || message.is_empty() {
            return Err(ErrorKind::MessageLength { announced, available: message.len() }.at(0));
        }
        if limit.saturating_mul(255) < message.len() {
            return Err(ErrorKind::TooLong { length: message.len(), limit: limit.saturating_mul(255) }.at(0));
        }
        Ok(Self { afl, rest: message, limit, next: 1 })
    }
    /// The next fragment with at most `limit` octets, whatever the limit of the others: they may be cut anywhere.
    /// `None` at the end, and when fewer octets than that would need more than 255 fragments.
    pub fn next_of(&mut self, limit: usize) -> Option<(Afl, &'m [u8])> {
        if self.rest.is_empty() || self.next == 0 || limit == 0 {
            return None;
        }
        let (octets, rest) = self.rest.split_at_checked(limit).unwrap_or((self.rest, &[]));
        let is_first = self.next == 1;
        let first = if is_first { self.afl } else { AflMessage::default() };
        let afl = Afl {
            fragment_id: self.next,
            more_fragments: !rest.is_empty(),
            message_control: first.message_control,
            key_information: first.key_information,
            message_counter: first.message_counter,
            message_length: first.message_length,
            mac: if rest.is_empty() { self.afl.mac } else { None },
        };
        self.rest = rest;
        self.next = self.next.wrapping_add(1);
        Some((afl, octets))
    }
}

impl<'m> Iterator for Fragments<'m> {
    type Item = (Afl, &'m [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_of(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::afl::{Mac, MessageControl};
    use std::vec::Vec;

    const SECOND: Duration = Duration::from_secs(1);

    fn channel(n: u8) -> Channel {
        Channel::Wireless { sender: Address::from_link_octets([n; 8]), receiver: None }
    }
    fn message(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }
    fn afl(len: usize) -> AflMessage {
        AflMessage {
            message_control: Some(MessageControl(0x65)),
            message_counter: Some(2739),
            message_length: u16::try_from(len).ok(),
            mac: Mac::new(&[1, 2, 3, 4, 5, 6, 7, 8]),
            ..AflMessage::default()
        }
    }
    fn fragments(message: &[u8], limit: usize) -> Vec<(Afl, &[u8])> {
        Fragments::new(afl(message.len()), message, limit).unwrap().collect()
    }

    #[test]
    fn every_cut_is_put_together() {
        for len in [1usize, 16, 100, 500] {
            let whole = message(len);
            for limit in 1..=len {
                if limit * 255 < len {
                    continue;
                }
                let mut store = Reassembler::<1, 512>::new(SECOND);
                let parts = fragments(&whole, limit);
                for (n, (part, octets)) in parts.iter().enumerate() {
                    let outcome = store.push(Instant::ZERO, channel(1), false, part, octets).unwrap();
                    assert_eq!(outcome.is_some(), n + 1 == parts.len());
                    if let Some(message) = outcome {
                        assert_eq!((&*message.octets, message.afl), (&whole[..], afl(len)));
                    }
                }
            }
        }
    }

    #[test]
    fn lost_repeated_and_reordered_fragments() {
        let whole = message(90);
        let parts = fragments(&whole, 30);
        let mut store = Reassembler::<2, 100>::new(SECOND);
        let mut push = |n: usize| {
            let (afl, octets) = &parts[n];
            store
                .push(Instant::ZERO, channel(1), true, afl, octets)
                .map(|done| done.is_some())
                .map_err(|error| error.kind)
        };
        assert_eq!(push(1), Err(ErrorKind::FragmentGap { expected: 1, found: 2 }));
        assert_eq!((push(0), push(0), push(1), push(1)), (Ok(false), Ok(false), Ok(false), Ok(false)));
        assert_eq!(push(2), Ok(true));
        assert_eq!(push(0), Ok(false));
        assert_eq!(push(2), Err(ErrorKind::FragmentGap { expected: 2, found: 3 }));
        assert_eq!(push(1), Err(ErrorKind::FragmentGap { expected: 1, found: 2 }), "the message was dropped");
        // A restart in the middle.
        assert_eq!(
            (push(0), push(1), push(0), push(1), push(2)),
            (Ok(false), Ok(false), Ok(false), Ok(false), Ok(true))
        );
    }

    #[test]
    fn interleaved_senders_do_not_mix() {
        let (one, two) = (message(60), message(61));
        let (first, second) = (fragments(&one, 30), fragments(&two, 31));
        let mut store = Reassembler::<2, 100>::new(SECOND);
        for n in 0..2 {
            for (sender, parts, whole) in [(1, &first, &one), (2, &second, &two)] {
                let (afl, octets) = &parts[n];
                let done = store.push(Instant::ZERO, channel(sender), true, afl, octets).unwrap();
                assert_eq!(done.map(|message| message.octets.to_vec()), (n == 1).then(|| whole.clone()));
            }
        }
    }

    #[test]
    fn strangers_take_no_place_of_a_known_meter() {
        let whole = message(60);
        let parts = fragments(&whole, 30);
        let (afl, octets) = &parts[0];
        let mut store = Reassembler::<3, 100>::new(SECOND);
        store.push(Instant::ZERO, channel(1), true, afl, octets).unwrap();
        for stranger in 10..14 {
            let outcome =
                store.push(Instant::from_micros(stranger.into()), channel(stranger), false, afl, octets);
            assert_eq!(outcome.is_ok(), stranger < 12);
        }
        // A known one displaces the stranger that was silent the longest; then the other; then it is full.
        for known in 2..5 {
            let outcome = store.push(Instant::from_micros(50), channel(known), true, afl, octets);
            assert_eq!(
                outcome.map(|_| ()).map_err(|e| e.kind.name()),
                if known < 4 { Ok(()) } else { Err("store_full") }
            );
        }
        let (afl, octets) = &parts[1];
        assert!(store.push(Instant::from_micros(60), channel(1), true, afl, octets).unwrap().is_some());
    }

    #[test]
    fn silence_and_a_clock_that_goes_backwards() {
        let whole = message(60);
        let parts = fragments(&whole, 30);
        let mut store = Reassembler::<1, 100>::new(SECOND);
        let start = Instant::from_micros(10_000_000);
        store.push(start, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        let earlier = Instant::from_micros(5);
        assert!(store.push(earlier, channel(1), true, &parts[1].0, parts[1].1).unwrap().is_some());
        store.push(start, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        let late = start.after(SECOND).after(Duration::from_micros(1));
        assert_eq!(
            store.push(late, channel(1), true, &parts[1].0, parts[1].1).unwrap_err().kind.name(),
            "fragment_gap"
        );
        assert_eq!(store.pending(), 0);
    }

    #[test]
    fn lengths_that_lie() {
        let whole = message(60);
        let mut parts = fragments(&whole, 30);
        parts[0].0.message_length = Some(59);
        let mut store = Reassembler::<1, 100>::new(SECOND);
        store.push(Instant::ZERO, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        let error = store.push(Instant::ZERO, channel(1), true, &parts[1].0, parts[1].1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong { length: 60, limit: 59 });
        parts[0].0.message_length = Some(61);
        store.push(Instant::ZERO, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        let error = store.push(Instant::ZERO, channel(1), true, &parts[1].0, parts[1].1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::MessageLength { announced: 61, available: 60 });
        let mut small = Reassembler::<1, 50>::new(SECOND);
        parts[0].0.message_length = None;
        small.push(Instant::ZERO, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        let error = small.push(Instant::ZERO, channel(1), true, &parts[1].0, parts[1].1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong { length: 60, limit: 50 });
        assert!(Fragments::new(afl(60), &whole, 0).is_err());
        assert!(Fragments::new(afl(61), &whole, 30).is_err());
    }
}
