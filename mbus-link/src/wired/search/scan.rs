//! The scan by primary address: SND-NKE to each address, and a request of data where it is answered.
//!
//! Invariants: two orders of the master per address at most. E5 proves nobody to be alone; data does.

use crate::queue::Queue;
use crate::time::Instant;
use crate::wired::address::PrimaryAddress;
use crate::wired::data_class::DataClass;
use crate::wired::frame::Frame;
use crate::wired::frame_store::FrameStore;
use crate::wired::master::{Fault, Master, MasterEvent};
use crate::wired::timing::LineTiming;

use super::SearchReport;

/// What happened in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ScanEvent<'a> {
    /// One slave has this address.
    Found {
        /// The address.
        address: PrimaryAddress,
        /// CI and data; `None` when it answers SND-NKE and no request.
        payload: Option<&'a [u8]>,
    },
    /// Several slaves have this address, or there is noise.
    Shared {
        /// The address.
        address: PrimaryAddress,
        /// What was heard last.
        fault: Fault,
    },
    /// It is over.
    Done(SearchReport),
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Found { address: PrimaryAddress, number: Option<u32> },
    Shared { address: PrimaryAddress, fault: Fault },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Resetting,
    Reading,
    Over,
}

/// A scan by primary address.
#[derive(Clone, Debug)]
pub struct PrimaryScan {
    master: Master,
    frames_before: u32,
    state: State,
    address: PrimaryAddress,
    last: PrimaryAddress,
    first: PrimaryAddress,
    found: FrameStore,
    found_number: u32,
    report: SearchReport,
    events: Queue<Told, 4>,
}

impl PrimaryScan {
    /// A scan from `first` to `last`, both included, with this master, whose order under way is cancelled. How often each
    /// address is tried is [`Master::set_sends`].
    #[must_use]
    pub fn new(mut master: Master, first: PrimaryAddress, last: PrimaryAddress) -> Self {
        master.cancel();
        while master.poll_event().is_some() {}
        master.set_hears_out(true);
        Self {
            frames_before: master.frames_sent(),
            master,
            state: State::Start,
            address: first,
            first,
            last,
            found: FrameStore::EMPTY,
            found_number: 0,
            report: SearchReport { is_complete: true, ..SearchReport::default() },
            events: Queue::new(),
        }
    }
    /// The master again.
    #[must_use]
    pub fn into_master(mut self) -> Master {
        self.master.cancel();
        while self.master.poll_event().is_some() {}
        self.master.set_hears_out(false);
        self.master
    }
    /// Ends the scan, incomplete; false when it was over.
    pub fn cancel(&mut self) -> bool {
        let under_way = self.state != State::Over;
        if under_way {
            self.master.cancel();
            while self.master.poll_event().is_some() {}
            self.stop();
        }
        under_way
    }
    /// What was done so far.
    #[must_use]
    pub const fn report(&self) -> SearchReport {
        let frames_sent = self.master.frames_sent().saturating_sub(self.frames_before);
        SearchReport { frames_sent, ..self.report }
    }
    /// How much of the addresses was tried, in parts of a thousand.
    #[must_use]
    pub fn progress(&self) -> u16 {
        if self.state == State::Over {
            return 1000;
        }
        let all = u32::from(self.last.0.saturating_sub(self.first.0)).saturating_add(1);
        let done = u32::from(self.address.0.saturating_sub(self.first.0));
        done.saturating_mul(1000)
            .checked_div(all)
            .and_then(|part| u16::try_from(part).ok())
            .unwrap_or(0)
            .min(999)
    }
    /// Takes octets of the line, the last of which came in at `now`.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) {
        self.master.handle_input(now, octets);
        self.work();
    }
    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.master.handle_timeout(now);
        self.work();
    }
    /// The frame to be sent now, if one is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.work();
        self.master.poll_transmit(now)
    }
    /// When [`PrimaryScan::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Start => Some(Instant::ZERO),
            _ => self.master.poll_timeout(),
        }
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<ScanEvent<'_>> {
        loop {
            match self.events.pop()? {
                Told::Done => return Some(ScanEvent::Done(self.report())),
                Told::Shared { address, fault } => return Some(ScanEvent::Shared { address, fault }),
                Told::Found { number: Some(number), .. } if number != self.found_number => self.events.lose(),
                Told::Found { address, number } => {
                    let payload = number.and_then(|_| self.found.frame()).map(|frame| frame.payload());
                    return Some(ScanEvent::Found { address, payload });
                }
            }
        }
    }
    /// True when an event waits to be fetched.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
    /// The rate and times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.master.line()
    }

    fn work(&mut self) {
        if self.state == State::Start {
            self.reset();
        }
        while let Some(event) = self.master.poll_event() {
            let address = self.address;
            match (self.state, event) {
                (State::Resetting, MasterEvent::Acknowledged { .. }) => {
                    self.state = State::Reading;
                    if self.master.request(address, DataClass::Two).is_err() {
                        self.stop();
                    }
                }
                (State::Reading, MasterEvent::Data { address, c_field, payload, .. }) => {
                    let kept = self.found.set(&Frame::Long { c_field, address, payload }).is_ok();
                    self.found_number = self.found_number.wrapping_add(1);
                    let number = kept.then_some(self.found_number);
                    self.found(Told::Found { address: self.address, number });
                }
                (State::Reading, MasterEvent::Failed { fault: Fault::Silence, .. }) => {
                    self.found(Told::Found { address, number: None });
                }
                (State::Resetting, MasterEvent::Failed { fault: Fault::Silence, .. }) => {
                    self.report.silent = self.report.silent.saturating_add(1);
                    self.next();
                }
                (State::Resetting | State::Reading, MasterEvent::Failed { fault, .. }) => {
                    self.report.collisions = self.report.collisions.saturating_add(1);
                    self.report.unresolved = self.report.unresolved.saturating_add(1);
                    self.events.push(Told::Shared { address, fault });
                    if fault == Fault::Endless { self.stop() } else { self.next() }
                }
                _ => {}
            }
        }
    }
    fn found(&mut self, told: Told) {
        self.report.found = self.report.found.saturating_add(1);
        self.events.push(told);
        self.next();
    }
    fn reset(&mut self) {
        self.state = State::Resetting;
        if self.address > self.last {
            self.end();
        } else if self.master.reset(self.address).is_err() {
            self.stop();
        }
    }
    fn next(&mut self) {
        match self.address.0.checked_add(1) {
            Some(next) if self.address < self.last => {
                self.address = PrimaryAddress(next);
                self.reset();
            }
            _ => self.end(),
        }
    }
    fn stop(&mut self) {
        self.report.is_complete = false;
        self.end();
    }
    fn end(&mut self) {
        if self.state != State::Over {
            self.state = State::Over;
            self.events.push(Told::Done);
        }
    }
}

crate::wired::station::station!(PrimaryScan);
