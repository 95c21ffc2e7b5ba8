//! What the master's receiver hears when several slaves send at once.
//!
//! ```text
//! slave 1   ‾‾\_0_/1\_0_/1\...          every slave that sends a space draws current,
//! slave 2   ‾‾‾‾‾‾\_0_/1\_0_...         so the line is a space as soon as one of them sends one
//! master    ‾‾\_________/‾...           and the receiver samples the middle of each bit from the falling edge on
//! ```
//!
//! EN 13757-2, 4.3 and 5.5: 8E1, least significant bit first. Invariants: bit by bit and exact, no random numbers; two
//! equal answers that begin at the same moment are heard as one sound answer, which is the trap that a search has to
//! avoid.

use mbus_link::time::Instant;

/// Bits of a character: start, eight data bits, parity, stop.
const CHARACTER: u64 = 11;
/// Parts of a bit in which places on the line are counted, so that microseconds times baud need no division.
const PARTS: u64 = 1_000_000;

/// One character that the receiver heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The data bits.
    pub octet: u8,
    /// When its stop bit was sampled.
    pub at: Instant,
    /// Parity and stop bit are as they must be.
    pub is_sound: bool,
}

#[derive(Clone, Debug)]
struct Sending {
    start: u64,
    octets: Vec<u8>,
}

/// The line from the slaves to the master.
#[derive(Clone, Debug)]
pub struct Line {
    baud: u64,
    sendings: Vec<Sending>,
    /// The receiver has heard everything up to here.
    heard: u64,
}

impl Line {
    /// An idle line.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self { baud: u64::from(baud.max(1)), sendings: Vec::new(), heard: 0 }
    }
    /// Changes the rate; what is under way is lost.
    pub fn set_baud(&mut self, baud: u32) {
        *self = Self::new(baud);
    }
    /// Somebody sends these octets from `start` on.
    pub fn send(&mut self, start: Instant, octets: &[u8]) {
        let start = self.place(start).max(self.heard);
        self.sendings.push(Sending { start, octets: octets.to_vec() });
    }
    /// The characters that were complete at `now`.
    pub fn hear(&mut self, now: Instant) -> Vec<Heard> {
        let now = self.place(now);
        let mut characters = Vec::new();
        while let Some(edge) = self.next_space(self.heard) {
            let end = edge + half(CHARACTER - 1);
            if end > now {
                break;
            }
            characters.push(self.sample(edge, end));
            // A receiver that saw no stop bit waits for the line to rest.
            self.heard = self.next_mark(end);
        }
        let over = self.heard;
        self.sendings.retain(|sending| sending.end() > over);
        characters
    }
    /// When the next character will be complete; `None` when the line rests.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let edge = self.next_space(self.heard)?;
        let end = edge + half(CHARACTER - 1);
        Some(Instant::from_micros(end.div_ceil(self.baud)))
    }

    const fn place(&self, at: Instant) -> u64 {
        at.as_micros().saturating_mul(self.baud)
    }
    fn is_space(&self, place: u64) -> bool {
        self.sendings.iter().any(|sending| sending.is_space(place))
    }
    /// The first space at `from` or later.
    fn next_space(&self, from: u64) -> Option<u64> {
        self.sendings.iter().filter_map(|sending| sending.next_space(from)).min()
    }
    /// The first mark at `from` or later.
    fn next_mark(&self, from: u64) -> u64 {
        let mut place = from;
        while let Some(end) = self.sendings.iter().filter_map(|s| s.end_of_space(place)).max() {
            place = end;
        }
        place
    }
    fn sample(&self, edge: u64, end: u64) -> Heard {
        let bit = |n: u64| !self.is_space(edge + half(n));
        let octet = (0..8).fold(0, |octet, n| octet | u8::from(bit(n + 1)) << n);
        let parity = octet.count_ones() % 2 == 1;
        let at = Instant::from_micros(end.div_ceil(self.baud));
        Heard { octet, at, is_sound: !bit(0) && bit(9) == parity && bit(10) }
    }
}

/// From the beginning of a character to the middle of its bit `n`.
const fn half(n: u64) -> u64 {
    n * PARTS + PARTS / 2
}

impl Sending {
    fn end(&self) -> u64 {
        self.start
            + CHARACTER * PARTS * u64::try_from(self.octets.len()).unwrap_or(u64::MAX / CHARACTER / PARTS)
    }
    /// The bit with this number, counted over all characters; true is a mark.
    fn bit(&self, n: u64) -> bool {
        let octet = usize::try_from(n / CHARACTER).ok().and_then(|n| self.octets.get(n));
        let Some(octet) = octet else { return true };
        match n % CHARACTER {
            0 => false,
            data @ 1..=8 => octet >> (data - 1) & 1 == 1,
            9 => octet.count_ones() % 2 == 1,
            _ => true,
        }
    }
    fn number(&self, place: u64) -> Option<u64> {
        Some(place.checked_sub(self.start)? / PARTS)
    }
    fn is_space(&self, place: u64) -> bool {
        self.number(place).is_some_and(|n| !self.bit(n))
    }
    fn end_of_space(&self, place: u64) -> Option<u64> {
        let n = self.number(place)?;
        (!self.bit(n)).then(|| self.start + (n + 1) * PARTS)
    }
    fn next_space(&self, from: u64) -> Option<u64> {
        let from = from.max(self.start);
        let first = self.number(from)?;
        let last = self.number(self.end())?;
        let n = (first..last).find(|n| !self.bit(*n))?;
        Some(from.max(self.start + n * PARTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mbus_link::time::Duration;
    use proptest::prelude::*;

    const LATER: Instant = Instant::from_micros(60_000_000);

    fn octets(heard: &[Heard]) -> Vec<u8> {
        heard.iter().map(|heard| heard.octet).collect()
    }

    #[test]
    fn one_sender_is_heard_as_sent() {
        let all: Vec<u8> = (0..=255).collect();
        for baud in [300, 2400, 9600, 38_400] {
            let mut line = Line::new(baud);
            line.send(Instant::from_micros(12_345), &all);
            let heard = line.hear(LATER);
            assert_eq!(octets(&heard), all);
            assert!(heard.iter().all(|heard| heard.is_sound));
            let first = Instant::from_micros(12_345).after(Duration::from_bit_times(21, baud * 2));
            assert!(heard[0].at.since(first) < Duration::from_micros(2));
            assert_eq!((line.next(), line.hear(LATER)), (None, vec![]));
        }
    }

    #[test]
    fn characters_are_heard_when_they_are_over_and_not_before() {
        let mut line = Line::new(2400);
        line.send(Instant::ZERO, &[0x00, 0xFF]);
        let first = line.next().unwrap();
        assert_eq!(first.as_micros(), 4375); // 10.5 bit times
        assert_eq!(line.hear(Instant::from_micros(4374)), []);
        assert_eq!(octets(&line.hear(first)), [0x00]);
        assert_eq!(line.next().unwrap().as_micros(), 8959); // 21.5 bit times, rounded up
        assert_eq!(octets(&line.hear(LATER)), [0xFF]);
    }

    #[test]
    fn equal_answers_at_the_same_moment_are_one_sound_answer() {
        let mut line = Line::new(2400);
        (0..250).for_each(|_| line.send(Instant::ZERO, &[0xE5]));
        let heard = line.hear(LATER);
        assert_eq!((octets(&heard), heard[0].is_sound), (vec![0xE5], true));
    }

    #[test]
    fn different_octets_at_the_same_moment_become_their_spaces() {
        let mut line = Line::new(9600);
        line.send(Instant::ZERO, &[0b1100_1100, 0x0F]);
        line.send(Instant::ZERO, &[0b1010_1010, 0x0F]);
        let heard = line.hear(LATER);
        assert_eq!(octets(&heard), [0b1000_1000, 0x0F]);
        // Even parity of all three: even ones and even ones give an even or an odd number of ones.
        assert!(heard[0].is_sound && heard[1].is_sound);
        line.send(LATER, &[0b0000_0011]);
        line.send(LATER, &[0b0000_0101]);
        assert!(!line.hear(LATER.after(Duration::from_secs(1)))[0].is_sound);
    }

    #[test]
    fn a_shifted_answer_damages_the_other() {
        for shift in 1..10 {
            let mut line = Line::new(2400);
            line.send(Instant::ZERO, &[0xE5]);
            line.send(Instant::ZERO.after(Duration::from_bit_times(shift, 2400)), &[0xE5]);
            let heard = line.hear(LATER);
            let is_clean = heard == [Heard { octet: 0xE5, at: heard[0].at, is_sound: true }];
            assert!(!is_clean, "{shift}: {heard:?}");
        }
        // One behind the other.
        let mut line = Line::new(2400);
        line.send(Instant::ZERO, &[0xE5]);
        line.send(Instant::ZERO.after(Duration::from_bit_times(11, 2400)), &[0xE5]);
        assert_eq!(octets(&line.hear(LATER)), [0xE5, 0xE5]);
    }

    proptest! {
        #[test]
        fn nothing_is_heard_twice_however_often_one_listens(
            sendings in prop::collection::vec((0..100_000_u64, prop::collection::vec(any::<u8>(), 0..20)), 0..5),
            times in prop::collection::vec(0..200_000_u64, 0..30),
        ) {
            let mut whole = Line::new(2400);
            let mut sendings = sendings;
            sendings.sort();
            for (start, octets) in &sendings {
                whole.send(Instant::from_micros(*start), octets);
            }
            let mut parts = whole.clone();
            let mut heard = Vec::new();
            let mut times = times;
            times.sort_unstable();
            for time in times {
                heard.extend(parts.hear(Instant::from_micros(time)));
            }
            heard.extend(parts.hear(LATER));
            prop_assert_eq!(heard, whole.hear(LATER));
        }
    }
}
