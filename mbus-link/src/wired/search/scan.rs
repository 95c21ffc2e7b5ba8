//! The scan by primary address: SND-NKE to each address, and a request of data where it is answered.
//!
//! Invariants: two orders of the master per address at most. E5 proves nobody to be alone; data does.

use crate::time::Instant;
use crate::wired::address::PrimaryAddress;
use crate::wired::data_class::DataClass;
use crate::wired::frame::Frame;
use crate::wired::master::{Fault, Master, MasterEvent};
use crate::wired::timing::LineTiming;

use super::SearchReport;
use super::inquiry::{Inquiry, verbs};

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
}

/// A scan by primary address.
#[derive(Clone, Debug)]
pub struct PrimaryScan {
    inquiry: Inquiry<Told>,
    state: State,
    address: PrimaryAddress,
    last: PrimaryAddress,
    first: PrimaryAddress,
}

impl PrimaryScan {
    /// A scan from `first` to `last`, both included, with this master, whose order under way is cancelled. How often each
    /// address is tried is [`Master::set_sends`].
    #[must_use]
    pub fn new(master: Master, first: PrimaryAddress, last: PrimaryAddress) -> Self {
        let inquiry = Inquiry::new(master, Told::Done);
        Self { inquiry, state: State::Start, address: first, first, last }
    }
    /// What was done so far.
    #[must_use]
    pub const fn report(&self) -> SearchReport {
        self.inquiry.report()
    }
    /// How much of the addresses was tried, in parts of a thousand.
    #[must_use]
    pub fn progress(&self) -> u16 {
        if self.inquiry.is_over() {
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
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<ScanEvent<'_>> {
        loop {
            match self.inquiry.events.pop()? {
                Told::Done => return Some(ScanEvent::Done(self.report())),
                Told::Shared { address, fault } => return Some(ScanEvent::Shared { address, fault }),
                Told::Found { number: Some(number), .. } if self.inquiry.answer.get(number).is_none() => {
                    self.inquiry.events.lose();
                }
                Told::Found { address, number } => {
                    let payload = number
                        .and_then(|number| self.inquiry.answer.get(number))
                        .map(|frame| frame.payload());
                    return Some(ScanEvent::Found { address, payload });
                }
            }
        }
    }

    fn work(&mut self) {
        if self.state == State::Start && !self.inquiry.is_over() {
            self.reset();
        }
        while let Some(event) = self.inquiry.master.poll_event() {
            let address = self.address;
            match (self.state, event) {
                (State::Resetting, MasterEvent::Acknowledged { .. }) => {
                    self.state = State::Reading;
                    if self.inquiry.master.request(address, DataClass::Two).is_err() {
                        self.inquiry.stop();
                    }
                }
                (State::Reading, MasterEvent::Data { address, c_field, payload, .. }) => {
                    let answer = Frame::Long { c_field, address, payload };
                    let number = self.inquiry.answer.keep(&answer);
                    self.found(Told::Found { address: self.address, number });
                }
                (State::Reading, MasterEvent::Failed { fault: Fault::Silence, .. }) => {
                    self.found(Told::Found { address, number: None });
                }
                (State::Resetting, MasterEvent::Failed { fault: Fault::Silence, .. }) => {
                    let report = &mut self.inquiry.report;
                    report.silent = report.silent.saturating_add(1);
                    self.next();
                }
                (State::Resetting | State::Reading, MasterEvent::Failed { fault, .. }) => {
                    self.shared(fault);
                }
                _ => {}
            }
        }
    }
    fn found(&mut self, told: Told) {
        self.inquiry.report.found = self.inquiry.report.found.saturating_add(1);
        self.inquiry.events.push(told);
        self.next();
    }
    fn shared(&mut self, fault: Fault) {
        let report = &mut self.inquiry.report;
        report.collisions = report.collisions.saturating_add(1);
        report.unresolved = report.unresolved.saturating_add(1);
        self.inquiry.events.push(Told::Shared { address: self.address, fault });
        if fault == Fault::Endless { self.inquiry.stop() } else { self.next() }
    }
    fn reset(&mut self) {
        self.state = State::Resetting;
        if self.address > self.last {
            self.inquiry.end();
        } else if self.inquiry.master.reset(self.address).is_err() {
            self.inquiry.stop();
        }
    }
    fn next(&mut self) {
        match self.address.0.checked_add(1) {
            Some(next) if self.address < self.last => {
                self.address = PrimaryAddress(next);
                self.reset();
            }
            _ => self.inquiry.end(),
        }
    }
}

verbs!(PrimaryScan);
