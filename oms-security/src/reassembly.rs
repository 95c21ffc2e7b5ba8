//! Fragments put together again (EN 13757-7:2018, clause 6; OMS Vol. 2, 6.4).
//!
//! A long message is cut after it was sealed. The fragments carry FID 1, 2, 3 ..., all but the last with MF;
//! the first has MCL, MCR and ML, the last the MAC. Only when all are there can anything be verified.
//!
//! Invariants: a fragment goes only to the message of its own sender and receiver; a gap drops that message
//! and no other; FID 1 starts anew; a fragment that was taken changes nothing when it comes once more, be it late
//! through a repeater or from a second receiver, the last one included. The store has a fixed number of places of
//! a fixed size. A sender that the caller does not know never takes the place of one it knows, and a full store gives
//! a sender at most one place, so strangers cannot keep a meter's message out. Among the senders it knows a full
//! store gives up the message that was silent the longest: with as many places as there are meters that send
//! fragments nothing is ever given up, and with fewer somebody who sends with the addresses of meters must send
//! as many frames as there are places between two fragments of a meter. Time comes from the caller and may
//! go backwards. Addresses prove nothing before the MAC: who sends with a meter's address can spoil the message that
//! the meter is sending, as whoever jams it can, but not the next one.

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

impl Channel {
    /// True when the same sender, as far as it says, sends on both.
    fn same_sender(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wireless { sender, .. }, Self::Wireless { sender: other, .. }) => sender == other,
            _ => self == other,
        }
    }
}

/// A message that is complete. It is sealed as before.
#[derive(Debug)]
pub struct Message<'s> {
    /// What all fragments said.
    pub afl: AflMessage,
    /// The octets from the transport CI on. They stay in the store, deciphered if they are opened in place, until
    /// another message takes its place.
    pub octets: &'s mut [u8],
}

/// How many fragments of a complete message are known again. Its octets are the caller's by then.
const REMEMBERED: usize = 4;

/// The last fragments taken: FNV-1a over their octets and MAC, each at its number modulo the length. It tells a
/// repetition from another fragment and proves nothing.
#[derive(Clone, Copy, Debug)]
struct Digests([u32; REMEMBERED]);

impl Digests {
    fn of(afl: &Afl, octets: &[u8]) -> u32 {
        let mac = afl.mac.as_ref().map_or(&[][..], |mac| mac.octets());
        let fold = |hash: u32, octet: &u8| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193);
        octets.iter().chain(mac).fold(0x811C_9DC5, fold)
    }
    fn keep(&mut self, afl: &Afl, octets: &[u8]) {
        if let Some(digest) = self.0.get_mut(usize::from(afl.fragment_id) % REMEMBERED) {
            *digest = Self::of(afl, octets);
        }
    }
    fn has(&self, afl: &Afl, octets: &[u8]) -> bool {
        self.0.get(usize::from(afl.fragment_id) % REMEMBERED) == Some(&Self::of(afl, octets))
    }
}

#[derive(Clone, Debug)]
struct Place<const SIZE: usize> {
    /// Whose message is in the making.
    channel: Option<Channel>,
    /// What was completed here before, as long as nothing else has begun.
    completed: Option<Channel>,
    known: bool,
    touched: Instant,
    last: u8,
    /// Where the last fragment began.
    last_at: usize,
    len: usize,
    afl: AflMessage,
    digests: Digests,
    octets: [u8; SIZE],
}

impl<const SIZE: usize> Place<SIZE> {
    const FREE: Self = Self {
        channel: None,
        completed: None,
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
            reserved: 0,
        },
        digests: Digests([0; REMEMBERED]),
        octets: [0; SIZE],
    };

    fn start(&mut self, channel: Channel, known: bool, now: Instant) {
        (self.channel, self.completed, self.known, self.touched) = (Some(channel), None, known, now);
        (self.last, self.last_at, self.len, self.afl) = (0, 0, 0, AflMessage::default());
    }
    /// True when `afl` and `octets` are a fragment that was taken, once more. Where the ones in the middle began is not
    /// kept: octets that stand in the message add nothing to it.
    fn repeats(&self, afl: &Afl, octets: &[u8]) -> bool {
        let taken = self.octets.get(..self.len).unwrap_or_default();
        match afl.fragment_id {
            0 => false,
            1 if self.last > 0 => taken.starts_with(octets) && self.afl == self.afl.with(afl),
            id if id == self.last => taken.get(self.last_at..) == Some(octets),
            id if id < self.last && !octets.is_empty() => {
                taken.windows(octets.len()).any(|window| window == octets)
            }
            _ => false,
        }
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
        self.digests.keep(afl, octets);
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
    /// well; [`ErrorKind::StoreFull`] when no place is free for the first fragment of a sender that is not known.
    pub fn push(
        &mut self,
        now: Instant,
        channel: Channel,
        known: bool,
        afl: &Afl,
        octets: &[u8],
    ) -> Result<Option<Message<'_>>, Error> {
        self.handle_timeout(now);
        let gap = ErrorKind::FragmentGap { expected: 1, found: afl.fragment_id };
        let place = match self.places.iter().position(|place| place.channel == Some(channel)) {
            Some(place) => place,
            None if self.was_completed_by(&channel, afl, octets) => return Ok(None),
            None if afl.fragment_id != 1 => return Err(gap.at(0)),
            None => {
                self.free_place(&channel, known).ok_or(ErrorKind::StoreFull { capacity: PLACES }.at(0))?
            }
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
        place.completed = Some(channel);
        let len = place.len;
        Ok(Some(Message { afl: place.afl, octets: place.octets.get_mut(..len).unwrap_or_default() }))
    }
    /// Messages in the making.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.places.iter().filter(|place| place.channel.is_some()).count()
    }
    /// When the next message is given up unless a fragment of it comes; `None` when none is in the making.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.places.iter().filter(|place| place.channel.is_some());
        let last = pending.map(|place| place.touched.after(self.timeout)).min()?;
        Some(last.after(Duration::from_micros(1)))
    }
    /// Drops the messages whose last fragment came too long ago; [`Reassembler::push`] does it by itself. After
    /// a clock that went back the time counts from where it went.
    pub fn handle_timeout(&mut self, now: Instant) {
        for place in &mut self.places {
            place.touched = place.touched.min(now);
            if now.since(place.touched) > self.timeout {
                (place.channel, place.completed) = (None, None);
            }
        }
    }
    /// True when this is one of the last fragments of the message that was completed last on the channel, once more.
    fn was_completed_by(&self, channel: &Channel, afl: &Afl, octets: &[u8]) -> bool {
        afl.fragment_id > 1
            && self.places.iter().any(|place| {
                place.completed.as_ref() == Some(channel)
                    && place
                        .last
                        .checked_sub(afl.fragment_id)
                        .is_some_and(|ago| usize::from(ago) < REMEMBERED)
                    && place.digests.has(afl, octets)
            })
    }
    /// A free place. When there is none: that of another message of the same sender; for a known sender else that
    /// of a stranger, else one of a sender that has several, so that who claims to be a known meter and names
    /// ever new receivers keeps one place and not all; else any. Of several the one that was silent the longest.
    fn free_place(&self, channel: &Channel, known: bool) -> Option<usize> {
        let oldest = |takes: &dyn Fn(&Place<SIZE>) -> bool| {
            let places = self.places.iter().enumerate().filter(|(_, place)| takes(place));
            places.min_by_key(|(_, place)| place.touched).map(|(n, _)| n)
        };
        let free = self.places.iter().position(|place| place.channel.is_none());
        free.or_else(|| oldest(&|place| place.channel.is_some_and(|other| other.same_sender(channel))))
            .or_else(|| if known { oldest(&|place| !place.known) } else { None })
            .or_else(|| if known { oldest(&|place| self.has_another(place)) } else { None })
            .or_else(|| if known { oldest(&|_| true) } else { None })
    }
    /// True when the sender of `place` has a second one.
    fn has_another(&self, place: &Place<SIZE>) -> bool {
        let of_sender = |other: &&Place<SIZE>| match (&place.channel, &other.channel) {
            (Some(channel), Some(other)) => channel.same_sender(other),
            _ => false,
        };
        self.places.iter().filter(of_sender).nth(1).is_some()
    }
}

/// Cuts a sealed message into fragments: the mirror of [`Reassembler`].
///
/// Each item is the AFL of a fragment and its octets. The first AFL has MCL, KI, MCR and ML, the last one the
/// MAC, as OMS wants it. The iterator makes all fragments of one size; [`Fragments::next_within`]
/// and [`Fragments::next_of`] ask for each by itself, where frames have room for more or for less.
///
/// ```
/// use oms_security::afl::{AflMessage, MessageControl};
/// use oms_security::reassembly::Fragments;
///
/// let message = [0x7A; 93];
/// let afl = AflMessage { message_control: Some(MessageControl(0x40)), message_length: Some(93), ..AflMessage::default() };
/// // OMS Vol. 2 Annex N, N.4: 33 + 33 + 27 octets.
/// let sizes: Vec<_> = Fragments::new(afl, &message, 33)?.map(|(afl, octets)| (afl.fragment_id, octets.len())).collect();
/// assert_eq!(sizes, [(1, 33), (2, 33), (3, 27)]);
/// # Ok::<(), oms_security::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fragments<'m> {
    afl: AflMessage,
    rest: &'m [u8],
    limit: usize,
    next: u8,
}

impl<'m> Fragments<'m> {
    /// The fragments of `message`, which begins with its transport CI, at most `limit` octets each. `afl` has the
    /// MAC already, where the mode has one, and its ML must be the length of the message.
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
    /// Octets of the message that were not given out.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }
    /// The next fragment with at most `limit` octets, whatever the limit of the others: they may be cut anywhere.
    /// `None` at the end, and when fewer octets than that would need more than 255 fragments.
    pub fn next_of(&mut self, limit: usize) -> Option<(Afl, &'m [u8])> {
        if self.rest.is_empty() || self.next == 0 || limit == 0 {
            return None;
        }
        let (octets, rest) = self.rest.split_at_checked(limit).unwrap_or((self.rest, &[]));
        let afl = self.afl_of(rest.is_empty());
        self.rest = rest;
        self.next = self.next.wrapping_add(1);
        Some((afl, octets))
    }
    /// The next fragment, its AFL and its octets together in at most `room` octets; `None` when all were given
    /// out.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`] when not even one octet has room behind the AFL, and then nothing was
    /// taken; [`ErrorKind::TooLong`] when the message needs more than 255 fragments.
    pub fn next_within(&mut self, room: usize) -> Result<Option<(Afl, &'m [u8])>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.next == 0 {
            let length = usize::from(self.afl.message_length.unwrap_or_default());
            return Err(ErrorKind::TooLong { length, limit: length.saturating_sub(self.rest.len()) }.at(0));
        }
        let header = |is_last| self.afl_of(is_last).encoded_len();
        let whole = self.rest.len().saturating_add(header(true));
        let limit = if whole <= room {
            self.rest.len()
        } else {
            // The last octet stays for the fragment with the MAC.
            room.saturating_sub(header(false)).min(self.rest.len().saturating_sub(1))
        };
        if limit == 0 {
            let needed = header(self.rest.len() == 1).saturating_add(1);
            return Err(ErrorKind::BufferTooSmall { needed, available: room }.at(room));
        }
        Ok(self.next_of(limit))
    }
    /// The AFL of the next fragment.
    fn afl_of(&self, is_last: bool) -> Afl {
        let first = if self.next == 1 { self.afl } else { AflMessage::default() };
        Afl {
            fragment_id: self.next,
            more_fragments: !is_last,
            message_control: first.message_control,
            key_information: first.key_information,
            message_counter: first.message_counter,
            message_length: first.message_length,
            mac: if is_last { self.afl.mac } else { None },
            reserved: 0,
        }
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
        // A known one displaces the stranger that was silent the longest; then the other.
        for known in 2..4 {
            store.push(Instant::from_micros(50), channel(known), true, afl, octets).unwrap();
        }
        let full = store.push(Instant::from_micros(51), channel(20), false, afl, octets).unwrap_err();
        assert_eq!(full.kind, ErrorKind::StoreFull { capacity: 3 });
        let (afl, octets) = &parts[1];
        assert!(store.push(Instant::from_micros(60), channel(1), true, afl, octets).unwrap().is_some());
    }

    #[test]
    fn somebody_with_the_addresses_of_meters_keeps_no_other_meter_out() {
        let whole = message(60);
        let parts = fragments(&whole, 30);
        let mut store = Reassembler::<4, 100>::new(Duration::from_secs(60));
        let mut read = 0;
        for second in 0..3600 {
            let now = Instant::ZERO.after(Duration::from_secs(second));
            // The same first fragment in the name of four meters, each second.
            for spoofed in 1..5 {
                store.push(now, channel(spoofed), true, &parts[0].0, parts[0].1).unwrap();
            }
            for part in &parts {
                read += usize::from(store.push(now, channel(9), true, &part.0, part.1).unwrap().is_some());
            }
        }
        assert_eq!(read, 3600);
    }

    #[test]
    fn every_fragment_twice_and_late() {
        let whole = message(120);
        let parts = fragments(&whole, 30);
        let outcome = |order: &[usize]| {
            let mut store = Reassembler::<2, 200>::new(SECOND);
            let mut push = |n: usize| {
                let pushed = store.push(Instant::ZERO, channel(1), true, &parts[n].0, parts[n].1);
                pushed.map(|done| done.map(|message| message.octets.to_vec())).map_err(|error| error.kind)
            };
            let done: Vec<_> = order.iter().filter_map(|n| push(*n).unwrap()).collect();
            assert!(done.iter().all(|message| *message == whole));
            done.len()
        };
        // Two receivers; a repeater one and two fragments behind; the whole message once more.
        assert_eq!(outcome(&[0, 0, 1, 1, 2, 2, 3, 3, 3]), 1);
        assert_eq!(outcome(&[0, 1, 0, 2, 1, 3, 3]), 1);
        assert_eq!(outcome(&[0, 1, 2, 0, 1, 3, 3]), 1);
        assert_eq!(outcome(&[0, 1, 0, 2, 3, 1, 2, 3]), 1);
        assert_eq!(outcome(&[0, 1, 2, 3, 0, 1, 2, 3]), 2);
        // A meter that begins anew, and one that begins another message: its octets or its counter differ.
        assert_eq!(outcome(&[0, 1, 0, 1, 2, 3]), 1);
        let mut store = Reassembler::<2, 200>::new(SECOND);
        let mut push = |afl: &Afl, octets: &[u8]| {
            let pushed = store.push(Instant::ZERO, channel(1), true, afl, octets);
            pushed.map(|done| done.is_some()).map_err(|error| error.kind)
        };
        let next = Afl { message_counter: Some(2740), ..parts[0].0 };
        assert_eq!(push(&parts[0].0, parts[0].1), Ok(false));
        assert_eq!(push(&parts[1].0, parts[1].1), Ok(false));
        assert_eq!(push(&next, parts[0].1), Ok(false));
        assert_eq!(push(&parts[2].0, parts[2].1), Err(ErrorKind::FragmentGap { expected: 2, found: 3 }));
        // The last fragment with another MAC or other octets is no repetition.
        let mut store = Reassembler::<2, 200>::new(SECOND);
        let mut push = |afl: &Afl, octets: &[u8]| {
            store.push(Instant::ZERO, channel(1), true, afl, octets).map(|done| done.is_some())
        };
        let whole: Vec<_> = parts.iter().map(|(afl, octets)| push(afl, octets).unwrap()).collect();
        assert_eq!(whole, [false, false, false, true]);
        let other = Afl { mac: Mac::new(&[9; 8]), ..parts[3].0 };
        assert!(push(&other, parts[3].1).is_err() && push(&parts[3].0, parts[2].1).is_err());
        assert_eq!(push(&parts[3].0, parts[3].1), Ok(false));
    }

    #[test]
    fn one_sender_fills_no_store() {
        let whole = message(60);
        let parts = fragments(&whole, 30);
        let (afl, octets) = &parts[0];
        let to = |sender: u8, receiver: u8| Channel::Wireless {
            sender: Address::from_link_octets([sender; 8]),
            receiver: Some(Address::from_link_octets([receiver; 8])),
        };
        let mut store = Reassembler::<3, 100>::new(SECOND);
        // Somebody with the address of a known meter and ever new receivers.
        for receiver in 0..50 {
            let now = Instant::from_micros(receiver.into());
            store.push(now, to(1, receiver), true, afl, octets).unwrap();
        }
        assert_eq!(store.pending(), 3);
        // The others get their places all the same, and keep them.
        let now = Instant::from_micros(60);
        store.push(now, to(2, 0), true, afl, octets).unwrap();
        store.push(now, to(3, 0), true, afl, octets).unwrap();
        for receiver in 0..50 {
            store.push(now, to(1, receiver), true, afl, octets).unwrap();
            store.push(now, to(9, receiver), false, afl, octets).unwrap_err();
        }
        let (afl, octets) = &parts[1];
        for sender in [2, 3] {
            assert!(store.push(now, to(sender, 0), true, afl, octets).unwrap().is_some());
        }
    }

    #[test]
    fn fragments_of_the_room_in_each_frame() {
        let whole = message(86);
        for rooms in [[37, 37, 40], [17, 90, 60], [105, 0, 0]] {
            let mut cut = Fragments::new(afl(86), &whole, 1).unwrap();
            let mut store = Reassembler::<1, 100>::new(SECOND);
            let mut rooms = rooms.into_iter();
            loop {
                let room = rooms.next().unwrap();
                let (part, octets) = cut.next_within(room).unwrap().unwrap();
                assert!(part.encoded_len() + octets.len() <= room);
                if let Some(done) = store.push(Instant::ZERO, channel(1), true, &part, octets).unwrap() {
                    assert_eq!((&*done.octets, done.afl), (&whole[..], afl(86)));
                    break;
                }
            }
            assert_eq!((cut.remaining(), cut.next_within(9).unwrap()), (0, None));
        }
        // The first AFL has eleven octets, the one with the MAC twelve: the last octet waits for it.
        let mut cut = Fragments::new(afl(86), &whole, 1).unwrap();
        assert_eq!(
            cut.next_within(11).unwrap_err().kind,
            ErrorKind::BufferTooSmall { needed: 12, available: 11 }
        );
        let (part, octets) = cut.next_within(11 + 86).unwrap().unwrap();
        assert!(part.more_fragments && octets.len() == 85);
        assert_eq!(
            cut.next_within(12).unwrap_err().kind,
            ErrorKind::BufferTooSmall { needed: 13, available: 12 }
        );
        let long = message(300);
        let mut cut = Fragments::new(afl(300), &long, 300).unwrap();
        for n in 0..255 {
            cut.next_within(if n == 0 { 12 } else { 5 }).unwrap().unwrap();
        }
        assert_eq!(cut.next_within(40).unwrap_err().kind, ErrorKind::TooLong { length: 300, limit: 255 });
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
        assert_eq!(store.poll_timeout(), Some(late));
        store.handle_timeout(start.after(SECOND));
        assert_eq!(store.pending(), 1);
        assert_eq!(
            store.push(late, channel(1), true, &parts[1].0, parts[1].1).unwrap_err().kind.name(),
            "fragment_gap"
        );
        assert_eq!((store.pending(), store.poll_timeout()), (0, None));
        // A clock that is set back by a year: nothing is kept for a year.
        let then = Instant::ZERO.after(Duration::from_secs(365 * 86_400));
        store.push(then, channel(1), true, &parts[0].0, parts[0].1).unwrap();
        store.handle_timeout(start);
        assert_eq!(store.pending(), 1);
        store.handle_timeout(late);
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
