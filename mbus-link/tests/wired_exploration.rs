//! Breadth first through all states of master and slave with a line that loses, damages and delays: no deadlock, no
//! answer taken twice, none left out, no command acted on twice.
//!
//! At every frame of the master the line does one of the things of [`LINE_DOES`], and when an order is done the next one
//! is any of [`ORDERS`]. A state is what can be seen of it: the frame, how often it was sent, what the slave would answer
//! to every frame that may come, and how far it is ahead of the master.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::collections::{HashSet, VecDeque};

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    DataClass, Frame, LineTiming, Master, MasterEvent, PrimaryAddress, Selection, Slave, SlaveEvent,
    SlaveSettings,
};
use mbus_link::{Address, CField};

const LINE: LineTiming = LineTiming::new(2400);
const SENDS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Line {
    Good,
    RequestLost,
    RequestDamaged,
    AnswerLost,
    AnswerDamaged,
    /// The application of the slave does not answer in time.
    SlaveTooSlow,
    /// The answer comes when the master has given up waiting and not sent again yet.
    AnswerLate,
    /// The answer comes when the master has sent again, so that two come.
    AnswerTwice,
}
const LINE_DOES: [Line; 8] = [
    Line::Good,
    Line::RequestLost,
    Line::RequestDamaged,
    Line::AnswerLost,
    Line::AnswerDamaged,
    Line::SlaveTooSlow,
    Line::AnswerLate,
    Line::AnswerTwice,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Order {
    Read,
    Command,
    Reset,
}
const ORDERS: [Order; 3] = [Order::Read, Order::Command, Order::Reset];

#[derive(Clone)]
struct World {
    address: PrimaryAddress,
    master: Master,
    slave: Slave,
    now: Instant,
    /// The frame that the master has just begun to send, and how often.
    frame: Vec<u8>,
    sends: u8,
    order: Order,
    /// Telegrams that the slave has given out, and the last that the master took.
    given: u8,
    taken: u8,
    /// An order has failed since, so that telegrams may be left out.
    has_failed: bool,
    /// The number of the command, and how often the slave has acted on it.
    command: u8,
    acted: u8,
    late: Option<Vec<u8>>,
}

/// What can be seen of a world.
type Seen = (Vec<u8>, u8, u8, bool, u8, Option<u8>, Vec<Option<u8>>);

impl World {
    fn new(address: PrimaryAddress) -> Self {
        let settings = SlaveSettings { address: PrimaryAddress(1), ..SlaveSettings::default() };
        let (mut master, mut slave) = (Master::new(LINE), Slave::new(settings));
        if address == PrimaryAddress::SELECTED {
            master.select(&Selection::of(Address::WILDCARD)).unwrap();
            let select = master.poll_transmit(Instant::ZERO).unwrap().to_vec();
            slave.handle_input(Instant::from_micros(1), &select);
            while slave.poll_event().is_some() {}
            master.handle_input(Instant::from_micros(100_000), &[0xE5]);
            while master.poll_event().is_some() {}
        }
        Self {
            address,
            master,
            slave,
            now: Instant::from_micros(10_000_000),
            frame: Vec::new(),
            sends: 0,
            order: Order::Read,
            given: 0,
            taken: 0,
            has_failed: false,
            command: 0,
            acted: 0,
            late: None,
        }
    }
    fn order(&mut self, order: Order) {
        self.order = order;
        match order {
            Order::Read => self.master.request(self.address, DataClass::Two),
            Order::Reset => self.master.reset(self.address),
            Order::Command => {
                self.command = self.command.wrapping_add(1);
                self.acted = 0;
                self.master.send(self.address, &[0x51, self.command])
            }
        }
        .unwrap();
        self.sends = 0;
    }
    /// What the slave does with a frame; its answer.
    fn slave_hears(&mut self, end: Instant, octets: &[u8], too_slow: bool) -> Option<Vec<u8>> {
        self.slave.handle_input(end, octets);
        let (mut wants_data, mut commanded) = (None, None);
        while let Some(event) = self.slave.poll_event() {
            match event {
                SlaveEvent::Request { repeated, .. } => wants_data = Some(repeated),
                SlaveEvent::Command { command, repeated, .. } => {
                    let mut buffer = [0; 4];
                    commanded = Some((command.encode_into(&mut buffer).unwrap()[1], repeated));
                }
                _ => {}
            }
        }
        if let Some(repeated) = wants_data {
            // The application answers a repetition as it would have answered the first.
            if !repeated {
                self.given = self.given.wrapping_add(1);
            }
            if !too_slow {
                self.slave.respond(&[0x78, self.given]).unwrap();
            }
        }
        if let Some((command, repeated)) = commanded {
            if !repeated {
                assert_eq!(command, self.command);
                self.acted += 1;
            }
            if !too_slow {
                self.slave.acknowledge().unwrap();
            }
        }
        let answer = self.slave.poll_transmit(end.after(Duration::from_millis(10))).map(<[u8]>::to_vec);
        self.slave.handle_timeout(end.after(Duration::from_millis(200)));
        while self.slave.poll_event().is_some() {}
        answer
    }
    /// Checks what the master tells; orders the next when one is done.
    fn master_tells(&mut self, line: Line, next: Order) {
        let mut done = false;
        while let Some(event) = self.master.poll_event() {
            match event {
                MasterEvent::Data { payload, .. } => {
                    assert_eq!(self.order, Order::Read);
                    let ahead = payload[1].wrapping_sub(self.taken);
                    assert!(
                        ahead == 1 || (self.has_failed && (1..128).contains(&ahead)),
                        "{ahead} ahead, {line:?}"
                    );
                    assert_eq!(payload[1], self.given, "the newest, or the slave has gone on by itself");
                    (self.taken, self.has_failed, done) = (payload[1], false, true);
                }
                MasterEvent::Acknowledged { .. } => {
                    assert_ne!(self.order, Order::Read);
                    assert!(self.order == Order::Reset || self.acted == 1, "acted {} times", self.acted);
                    done = true;
                }
                MasterEvent::Failed { sends, .. } => {
                    assert_eq!(sends, SENDS);
                    assert!(self.acted <= 1);
                    (self.has_failed, done) = (true, true);
                }
                _ => {}
            }
        }
        if done {
            self.order(next);
        }
    }
    /// Goes on to the next frame of the master.
    fn go(&mut self, line: Line, next: Order) {
        let end = self.now.after(LINE.air_time(self.frame.len()));
        let window = end.after(LINE.latest_answer()).after(LINE.air_time(1));
        let mut request = self.frame.clone();
        let answer = match line {
            Line::RequestLost => None,
            Line::RequestDamaged => {
                let middle = request.len() / 2;
                request[middle] ^= 0x08;
                self.slave_hears(end, &request, false)
            }
            _ => self.slave_hears(end, &request, line == Line::SlaveTooSlow),
        };
        let mut coming = VecDeque::new();
        // Of one that is late once more, with an answer taken in between, nothing can be known.
        let may_come_twice = self.sends < SENDS && self.late.is_none();
        if let Some(late) = self.late.take() {
            coming.push_back((end.after(Duration::from_millis(40)), late));
        }
        if let Some(mut answer) = answer {
            match line {
                Line::AnswerLost => {}
                Line::AnswerLate => coming.push_back((window.after(Duration::from_millis(9)), answer)),
                Line::AnswerTwice if may_come_twice => self.late = Some(answer),
                Line::AnswerDamaged => {
                    let middle = answer.len() / 2;
                    answer[middle] ^= 0x08;
                    coming.push_back((end.after(Duration::from_millis(150)), answer));
                }
                _ => coming.push_back((end.after(Duration::from_millis(150)), answer)),
            }
        }
        for _ in 0..1000 {
            let due = self.master.poll_timeout();
            match coming.front() {
                Some((at, _)) if due.is_none_or(|due| *at <= due) => {
                    let (at, octets) = coming.pop_front().unwrap();
                    self.now = self.now.max(at);
                    self.master.handle_input(self.now, &octets);
                }
                _ => {
                    let due = due.unwrap_or_else(|| panic!("a deadlock"));
                    self.now = due.max(self.now);
                    self.master.handle_timeout(self.now);
                }
            }
            self.master_tells(line, next);
            if let Some(octets) = self.master.poll_transmit(self.now) {
                self.frame = octets.to_vec();
                self.sends += 1;
                assert!(self.sends <= SENDS && coming.is_empty());
                return;
            }
        }
        panic!("the master does not go on");
    }
    fn seen(&self) -> Seen {
        let relative = |answer: &[u8]| match answer {
            [0xE5] => 0xE5,
            answer => answer[7].wrapping_sub(self.taken),
        };
        let mut frames = Vec::new();
        for fcb in [true, false] {
            let c_field = DataClass::Two.request().with_fcb(fcb);
            frames.push(Frame::Short { c_field, address: self.address });
        }
        // The command of now, and one that was never sent.
        let payloads = [0, 1].map(|n| [0x51, self.command.wrapping_add(n)]);
        for payload in &payloads {
            for fcb in [true, false] {
                let c_field = CField::SND_UD.with_fcb(fcb);
                frames.push(Frame::Long { c_field, address: self.address, payload });
            }
        }
        let later = self.now.after(Duration::from_secs(1));
        let would_answer = frames.iter().map(|frame| {
            let mut slave = self.slave.clone();
            slave.handle_input(later, frame.encode_into(&mut [0; 20]).unwrap());
            let due = later.after(Duration::from_millis(10));
            if let Some(answer) = slave.poll_transmit(due) {
                return Some(relative(answer));
            }
            match slave.poll_event() {
                Some(SlaveEvent::Request { repeated, .. } | SlaveEvent::Command { repeated, .. }) => {
                    Some(if repeated { 0xF1 } else { 0xF0 })
                }
                _ => None,
            }
        });
        // The number of a command says nothing about what will happen.
        let mut frame = self.frame.clone();
        if self.order == Order::Command {
            frame.truncate(7);
        }
        (
            frame,
            self.sends,
            self.given.wrapping_sub(self.taken).min(9),
            self.has_failed,
            self.acted,
            self.late.as_deref().map(relative),
            would_answer.collect(),
        )
    }
}

fn explore(address: PrimaryAddress, orders: &[Order]) -> (usize, usize) {
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::new();
    let mut steps = 0;
    for order in orders {
        let mut world = World::new(address);
        world.order(*order);
        let frame = world.master.poll_transmit(world.now).unwrap().to_vec();
        (world.frame, world.sends) = (frame, 1);
        seen.insert(world.seen());
        waiting.push_back(world);
    }
    while let Some(world) = waiting.pop_front() {
        for line in LINE_DOES {
            for next in orders {
                let mut world = world.clone();
                world.go(line, *next);
                steps += 1;
                if seen.insert(world.seen()) {
                    waiting.push_back(world);
                }
            }
        }
        assert!(seen.len() < 200_000, "the states do not come to an end");
    }
    (seen.len(), steps)
}

#[test]
fn no_deadlock_and_no_wrong_fcb_at_the_own_address() {
    let (states, steps) = explore(PrimaryAddress(1), &ORDERS);
    println!("{states} states, {steps} steps");
    assert!(states > 900, "less was explored than there is");
}

#[test]
fn no_deadlock_and_no_wrong_fcb_at_the_address_of_the_selected() {
    let (states, steps) = explore(PrimaryAddress::SELECTED, &ORDERS[..2]);
    println!("{states} states, {steps} steps");
    assert!(states > 900, "less was explored than there is");
}
