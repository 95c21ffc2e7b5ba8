//! A segment of the wired bus in virtual time: slaves, loss, collisions, echo, noise. One seed, one course of events.

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{Command, LineTiming, Slave, SlaveEvent, SlaveSettings, Station};

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub(crate) fn permille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }
}

/// A meter: a slave and what its application says.
pub(crate) struct Meter {
    pub(crate) slave: Slave,
    /// CI and data of each telegram of a readout.
    pub(crate) telegrams: Vec<Vec<u8>>,
    page: Option<usize>,
    /// Commands acted on.
    pub(crate) executed: Vec<Vec<u8>>,
    /// Answers to the first request of a telegram, by page.
    pub(crate) served: Vec<usize>,
}

impl Meter {
    pub(crate) fn new(settings: SlaveSettings, telegrams: Vec<Vec<u8>>) -> Self {
        Self { slave: Slave::new(settings), telegrams, page: None, executed: Vec::new(), served: Vec::new() }
    }
    fn hear(&mut self, now: Instant, octets: &[u8]) {
        self.slave.handle_input(now, octets);
        loop {
            let (mut request, mut acknowledge) = (None, false);
            match self.slave.poll_event() {
                None => break,
                Some(SlaveEvent::Reset { .. } | SlaveEvent::Selected) => self.page = None,
                Some(SlaveEvent::Request { repeated, .. }) => request = Some(repeated),
                Some(SlaveEvent::Command { command, repeated, address, .. }) => {
                    let mut buffer = [0; 260];
                    if !repeated {
                        self.executed.push(command.encode_into(&mut buffer).unwrap().to_vec());
                    }
                    if let Command::ApplicationReset(_) = command {
                        self.page = None;
                    }
                    acknowledge = address.is_answered();
                }
                Some(_) => {}
            }
            if acknowledge {
                self.slave.acknowledge().unwrap();
            }
            if let Some(repeated) = request {
                let next = self.page.map_or(0, |page| (page + 1).min(self.telegrams.len() - 1));
                let page = if repeated { self.page.unwrap_or(0) } else { next };
                self.page = Some(page);
                self.served.push(page);
                self.slave.respond(&self.telegrams[page]).unwrap();
            }
        }
    }
}

pub(crate) struct Bus {
    pub(crate) meters: Vec<Meter>,
    pub(crate) line: LineTiming,
    pub(crate) random: Random,
    /// Frames lost on the way to each slave, and on the way back, of 1000.
    pub(crate) loss: u64,
    /// Octets damaged on the way back, of 1000.
    pub(crate) damage: u64,
    pub(crate) echo: bool,
    /// Slaves answer anywhere in the window, not all at its begin.
    pub(crate) spread: bool,
    /// Somebody sends this without end.
    pub(crate) babble: Option<u8>,
    /// What the master hears next.
    pending: Vec<(Instant, u8)>,
    pub(crate) sent: Vec<Vec<u8>>,
}

impl Bus {
    pub(crate) fn new(meters: Vec<Meter>, seed: u64) -> Self {
        let line = LineTiming::new(2400);
        let random = Random(seed);
        Self {
            meters,
            line,
            random,
            loss: 0,
            damage: 0,
            echo: false,
            spread: false,
            babble: None,
            pending: Vec::new(),
            sent: Vec::new(),
        }
    }
    /// The master sends this from `now` on.
    fn transmit(&mut self, now: Instant, octets: &[u8]) {
        self.sent.push(octets.to_vec());
        let octet = self.line.air_time(1);
        let end = now.after(self.line.air_time(octets.len()));
        let mut heard = Vec::new();
        if self.echo {
            heard.extend(
                octets.iter().enumerate().map(|(n, o)| (now.after(octet.saturating_mul(n as u64 + 1)), *o)),
            );
        }
        let mut answers: Vec<(Instant, Vec<u8>)> = Vec::new();
        for meter in &mut self.meters {
            if self.random.permille(self.loss) {
                continue;
            }
            meter.hear(end, octets);
            let window = self.line.latest_answer().saturating_sub(self.line.earliest_answer()).as_micros();
            let late = if self.spread { self.random.below(window) } else { 0 };
            let begin = end.after(self.line.earliest_answer()).after(Duration::from_micros(late));
            if let Some(answer) = meter.slave.poll_transmit(begin) {
                if !self.random.permille(self.loss) {
                    answers.push((begin, answer.to_vec()));
                }
            }
            meter.slave.handle_timeout(begin.after(octet));
        }
        heard.extend(superpose(&answers, octet));
        for (_, octet) in &mut heard {
            if self.random.permille(self.damage) {
                *octet ^= 1 << self.random.below(8);
            }
        }
        if let Some(noise) = self.babble {
            heard.extend((0..2000).map(|n| (end.after(octet.saturating_mul(n)), noise)));
        }
        self.pending.extend(heard);
        self.pending.sort();
        self.pending.dedup_by_key(|(at, _)| *at);
    }
    /// Lets the master, or what drives it, work until it has nothing more to do; `events` fetches what it tells, and
    /// may order more.
    pub(crate) fn run<M: Station>(
        &mut self,
        now: &mut Instant,
        master: &mut M,
        mut events: impl FnMut(&mut M),
    ) {
        for _ in 0..10_000_000_u32 {
            events(master);
            if let Some(octets) = master.poll_transmit(*now) {
                let octets = octets.to_vec();
                self.line.baud = master.baud();
                self.transmit(*now, &octets);
                continue;
            }
            events(master);
            let heard = self.pending.first().map(|(at, _)| *at);
            let due = master.poll_timeout();
            let Some(next) = [heard, due].into_iter().flatten().min() else { return };
            *now = next.max(*now);
            if heard == Some(next) {
                let (_, octet) = self.pending.remove(0);
                master.handle_input(*now, &[octet]);
            } else {
                master.handle_timeout(*now);
            }
        }
        panic!("it does not come to an end");
    }
}

/// Two characters at the very same time: zeros win, also in the parity, which the receiver checks.
fn both(a: u8, b: u8) -> u8 {
    let parity = |octet: u8| octet.count_ones() % 2;
    let value = a & b;
    if parity(a) & parity(b) == parity(value) { value } else { !value }
}

/// What the master hears of several answers. A slave draws more current for a space, so a 0 wins; two characters that
/// are not sent at the very same time spoil each other.
pub(crate) fn superpose(answers: &[(Instant, Vec<u8>)], octet: Duration) -> Vec<(Instant, u8)> {
    let mut heard: Vec<(Instant, u8)> = Vec::new();
    for (begin, octets) in answers {
        for (n, value) in octets.iter().enumerate() {
            let end = begin.after(octet.saturating_mul(n as u64 + 1));
            let near = |other: &&mut (Instant, u8)| other.0.since(end).max(end.since(other.0)) < octet;
            match heard.iter_mut().find(near) {
                Some(other) if other.0 == end => other.1 = both(other.1, *value),
                Some(other) => other.1 = 0x55 ^ other.1 ^ value.rotate_left(3),
                None => heard.push((end, *value)),
            }
        }
    }
    heard.sort();
    heard
}
