//! Many meters at little cost, for searches by the hundred: they know selection and REQ-UD2, and nothing else, and all
//! answer at the same moment, so that equal acknowledgements are heard as one.

use crate::wired_bus::{Random, superpose};
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{Command, Frame, LineTiming, PrimaryAddress, Station};
use mbus_link::{Address, CField};

struct Simple {
    identity: Address,
    number: u32,
    answer: Vec<u8>,
    is_selected: bool,
}

pub(crate) struct Crowd {
    meters: Vec<Simple>,
    line: LineTiming,
    pub(crate) random: Random,
    /// Frames lost on the way to each meter, and on the way back, of 1000.
    pub(crate) loss: u64,
    pub(crate) frames: u32,
}

impl Crowd {
    pub(crate) fn new(identities: &[Address], seed: u64) -> Self {
        let meters = identities.iter().enumerate().map(|(n, identity)| {
            let mut payload = vec![0x72];
            payload.extend(identity.to_transport_octets());
            payload.extend([n as u8, 0, 0, 0, 0x0C, 0x13, (n * 7) as u8, (n * 13) as u8, 0x01, 0x00]);
            let answer =
                Frame::Long { c_field: CField::RSP_UD, address: PrimaryAddress(0), payload: &payload };
            let answer = answer.encode_into(&mut [0; 261]).unwrap().to_vec();
            Simple { identity: *identity, number: number(identity), answer, is_selected: false }
        });
        let (line, random) = (LineTiming::new(2400), Random(seed));
        Self { meters: meters.collect(), line, random, loss: 0, frames: 0 }
    }
    /// What the master hears of the answers.
    fn transmit(&mut self, now: Instant, octets: &[u8]) -> Vec<(Instant, u8)> {
        self.frames += 1;
        let frame = Frame::parse(octets).unwrap();
        let selection = match Command::parse(frame.payload()) {
            Command::Select(selection) => Some(selection),
            _ => None,
        };
        let begin = now.after(self.line.air_time(octets.len())).after(self.line.earliest_answer());
        let mut answers = Vec::new();
        let digits =
            selection.as_ref().map(|selection| (number(&selection.address), given(&selection.address)));
        for meter in &mut self.meters {
            // Quickly by those whom it does not concern.
            let is_meant = digits.is_some_and(|(number, given)| (meter.number ^ number) & given == 0);
            if !is_meant && !meter.is_selected || self.random.permille(self.loss) {
                continue;
            }
            let answer = match &selection {
                Some(selection) => {
                    meter.is_selected = selection.selects(meter.identity, None);
                    &[0xE5][..]
                }
                None => &meter.answer,
            };
            if meter.is_selected && !self.random.permille(self.loss) {
                answers.push((begin, answer.to_vec()));
            }
        }
        superpose(&answers, self.line.air_time(1))
    }
    /// Lets the search work until it is over.
    pub(crate) fn run<M: Station>(&mut self, search: &mut M, mut events: impl FnMut(&mut M)) -> Duration {
        let mut now = Instant::ZERO;
        loop {
            if let Some(octets) = search.poll_transmit(now) {
                let octets = octets.to_vec();
                for (at, octet) in self.transmit(now, &octets) {
                    now = at;
                    search.handle_input(now, &[octet]);
                }
            }
            events(search);
            match search.poll_timeout() {
                Some(next) => now = next.max(now),
                None => return now.since(Instant::ZERO),
            }
            search.handle_timeout(now);
        }
    }
}

fn number(address: &Address) -> u32 {
    u32::from_le_bytes(address.identification.octets())
}
/// Ones in place of the digits that are no wildcards.
fn given(address: &Address) -> u32 {
    let number = number(address);
    (0..8).map(|n| 0xF << (4 * n)).filter(|digit| number & digit != *digit).sum()
}
