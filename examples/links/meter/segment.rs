//! A segment of the bus: meters on one line, as the master's port sees it.
//!
//! ```text
//! master --- octets, each taking its time on the line ---> all meters
//! master <--- what the receiver makes of all answers at once, octet by octet ---
//! ```
//!
//! The segment is a [`Station`] like its meters, so that the same loop runs it in real time behind a port and in virtual
//! time beside a simulated master. Invariants: meters hear the master alone, never each other; octets go over the line
//! one after the other at its rate, in both directions. At most [`BACKLOG`] octets of the master wait for the line; what
//! comes while they do is lost, as in a converter whose memory is full, so that neither memory nor the wait can grow.
//! Nothing of one master, nor the answers to it, reaches the next one.

use super::wired::WiredMeter;
use crate::line::Line;
use crate::random::Random;
use chrono::NaiveDateTime;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::frame::MAX_LEN;
use mbus_link::wired::{LineTiming, Station};
use std::collections::VecDeque;

/// Octets of the master that wait for the line: two of the longest frames.
pub const BACKLOG: usize = 2 * MAX_LEN;

/// What is wrong with a line; from the start nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Frames that one meter does not hear, and answers that the master does not hear, of a thousand.
    pub lost_per_mille: u32,
    /// The master hears what it sends.
    pub echo: bool,
    /// All answers begin at the same moment, so that equal ones look like one.
    pub in_step: bool,
    /// The seed of all that is random.
    pub seed: u64,
}

/// What went over the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames that meters did not hear or the master did not.
    pub lost: u64,
    /// Times that several meters sent at once.
    pub collisions: u64,
    /// Octets of the master that came faster than the line takes them.
    pub overrun: u64,
}

#[derive(Clone, Debug)]
struct Place {
    meter: WiredMeter,
    /// When it has something to do.
    next: Option<Instant>,
    /// Which master it heard last, so that the answer goes to no other.
    asked_by: u32,
}

/// Meters on one line.
#[derive(Clone, Debug)]
pub struct Segment {
    places: Vec<Place>,
    line: Line,
    /// The rate at which the master's port works, where that is known.
    port_baud: Option<u32>,
    clock: NaiveDateTime,
    /// Octets of the master on their way.
    coming: VecDeque<(Instant, Vec<u8>)>,
    /// Masters that have hung up.
    gone: u32,
    /// Until when the answers under way last.
    busy_until: Instant,
    heard: Vec<u8>,
    given: Vec<u8>,
    faults: Faults,
    random: Random,
    traffic: Traffic,
}

impl Segment {
    /// These meters on an idle line. `clock` is what their clocks show.
    #[must_use]
    pub fn new(meters: Vec<WiredMeter>, faults: Faults, clock: NaiveDateTime) -> Self {
        let baud = meters.first().map_or(2400, |meter| meter.slave.line().baud);
        Self {
            places: meters.into_iter().map(|meter| Place { meter, next: None, asked_by: 0 }).collect(),
            line: Line::new(baud),
            port_baud: None,
            clock,
            coming: VecDeque::new(),
            gone: 0,
            busy_until: Instant::ZERO,
            heard: Vec::new(),
            given: Vec::new(),
            faults,
            random: Random::new(faults.seed),
            traffic: Traffic::default(),
        }
    }
    /// The meters.
    pub fn meters(&mut self) -> impl Iterator<Item = &mut WiredMeter> {
        self.places.iter_mut().map(|place| &mut place.meter)
    }
    /// What the meters' clocks show now.
    pub const fn set_clock(&mut self, clock: NaiveDateTime) {
        self.clock = clock;
    }
    /// The rate of the master's port, where it is known: meters at another rate do not understand it.
    pub const fn set_port_baud(&mut self, baud: u32) {
        self.port_baud = Some(baud);
    }
    /// What went over the line so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The master has gone: what it sent that is still on its way goes nowhere, and nobody gets the answers that it is owed.
    pub fn hang_up(&mut self) {
        self.gone = self.gone.wrapping_add(1);
        self.coming.clear();
        self.line.set_baud(self.baud());
        self.busy_until = Instant::ZERO;
        self.heard.clear();
    }

    fn loses(&mut self) -> bool {
        let lost = self.faults.lost_per_mille > 0 && self.random.below(1000) < self.faults.lost_per_mille;
        self.traffic.lost += u64::from(lost);
        lost
    }
    /// Hands a frame of the master to all meters.
    fn deliver(&mut self, now: Instant, octets: &[u8]) {
        if self.faults.echo {
            self.heard.extend_from_slice(octets);
        }
        for n in 0..self.places.len() {
            let lost = self.loses();
            let Some(place) = self.places.get_mut(n) else { continue };
            let understands = self.port_baud.is_none_or(|baud| baud == place.meter.slave.line().baud);
            if understands && !lost {
                place.asked_by = self.gone;
                place.meter.handle_input(now, octets, self.clock);
                self.answer(now, n);
            }
        }
    }
    /// Puts on the line what meter `n` sends now.
    fn answer(&mut self, now: Instant, n: usize) {
        let Some(place) = self.places.get_mut(n) else { return };
        let baud = place.meter.slave.line().baud;
        let answer = place.meter.slave.poll_transmit(now).map(<[u8]>::to_vec);
        place.next = place.meter.slave.poll_timeout();
        let asked_by = place.asked_by;
        let Some(octets) = answer.filter(|_| asked_by == self.gone) else { return };
        if self.loses() {
            return;
        }
        let delay = if self.faults.in_step { 0 } else { self.delay(n) };
        let start = now.after(Duration::from_bit_times(delay, baud.saturating_mul(2)));
        if self.line.next().is_none() {
            self.line.set_baud(baud);
        } else if start < self.busy_until {
            self.traffic.collisions += 1;
        }
        self.line.send(start, &octets);
        self.busy_until = self.busy_until.max(start.after(LineTiming::new(baud).air_time(octets.len())));
    }
    /// How long meter `n` takes to answer on top of what the standard demands, in half bit times.
    fn delay(&mut self, n: usize) -> u32 {
        let own = u32::try_from(n % 16).unwrap_or(0) * 7;
        if self.faults.seed == 0 { own } else { own + self.random.below(16) }
    }
}

impl Station for Segment {
    fn handle_input(&mut self, now: Instant, octets: &[u8]) {
        let waiting: usize = self.coming.iter().map(|(_, octets)| octets.len()).sum();
        let (octets, lost) = octets.split_at(octets.len().min(BACKLOG.saturating_sub(waiting)));
        self.traffic.overrun += lost.len() as u64;
        if octets.is_empty() {
            return;
        }
        let last = self.coming.back().map_or(now, |(due, _)| *due);
        let due = last.max(now).after(LineTiming::new(self.baud()).air_time(octets.len()));
        self.coming.push_back((due, octets.to_vec()));
    }
    fn handle_timeout(&mut self, now: Instant) {
        while self.coming.front().is_some_and(|(due, _)| *due <= now) {
            let Some((due, octets)) = self.coming.pop_front() else { break };
            self.deliver(due, &octets);
        }
        for n in 0..self.places.len() {
            let Some(place) = self.places.get_mut(n).filter(|place| place.next.is_some_and(|at| at <= now))
            else {
                continue;
            };
            place.meter.handle_timeout(now, self.clock);
            self.answer(now, n);
        }
        let characters = self.line.hear(now);
        self.heard.extend(characters.iter().map(|character| character.octet));
    }
    fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.handle_timeout(now);
        if self.heard.is_empty() {
            return None;
        }
        self.given.clear();
        self.given.append(&mut self.heard);
        Some(&self.given)
    }
    fn poll_timeout(&self) -> Option<Instant> {
        let coming = self.coming.front().map(|(due, _)| *due);
        let meters = self.places.iter().filter_map(|place| place.next).min();
        [coming, meters, self.line.next()].into_iter().flatten().min()
    }
    fn has_event(&self) -> bool {
        false
    }
    fn baud(&self) -> u32 {
        self.port_baud
            .unwrap_or_else(|| self.places.first().map_or(2400, |place| place.meter.slave.line().baud))
    }
}
