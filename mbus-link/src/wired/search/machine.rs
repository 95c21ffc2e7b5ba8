//! The state machine of the search by secondary address.
//!
//! ```text
//! select mask -> read -> select its address -> Found
//!    |silent      |collision   |silent: right by chance
//!    next mask    fix one field more, see `walk`
//!
//! behind the last mask: those of `checks`, until no meter is expected to be missing
//! ```
//!
//! Invariants: every step ends with an order of the master, which ends; at most [`SearchSettings::most_frames`] frames
//! (and those of one order) are sent; of the meters that `known` has room for nobody is told twice.

use crate::time::Instant;
use crate::wired::address::PrimaryAddress;
use crate::wired::data_class::DataClass;
use crate::wired::frame::Frame;
use crate::wired::frame_store::FrameStore;
use crate::wired::master::{Fault, Master, MasterEvent};
use crate::wired::selection::Selection;
use crate::wired::timing::LineTiming;
use crate::wireless::long_header_address;
use crate::{Address, DeviceType, ManufacturerId, Version};

use super::checks::{Check, Checks};
use super::inquiry::{Inquiry, verbs};
use super::known::Known;
use super::loss::Loss;
use super::walk::{Step, Walk};
use super::{SearchEvent, SearchReport, SearchSettings};

/// How often a selection, and a request of data, is sent where an answer is owed, or where nobody else has answered.
const TRIES: u8 = 3;
/// How often all are asked until there is nobody: the meter that is alone on a bad line has no second chance.
const TRIES_OF_ALL: u8 = 4;
/// The share of the walk in the progress.
const WALK_SHARE: u16 = 900;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Selecting,
    Reading,
    /// The address of the data is selected alone.
    Verifying,
    /// And read, where that selection means others as well.
    Proving,
}

/// How an order ended.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Silence,
    Fault(Fault),
    Acknowledged,
    /// The answer is in the store of the same name.
    Data,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Found { number: u32, identity: Option<Address>, selection: Selection<'static> },
    Unresolved { selection: Selection<'static>, fault: Fault },
    Done,
}

/// A search by secondary address, about 6 kB of memory.
///
/// ```
/// use mbus_link::time::Instant;
/// use mbus_link::wired::search::{Search, SearchSettings};
/// use mbus_link::wired::{LineTiming, Master};
/// let mut search = Search::new(Master::new(LineTiming::new(2400)), SearchSettings::default());
/// let everybody = search.poll_transmit(Instant::ZERO);
/// assert!(everybody.is_some_and(|frame| frame[..7] == [0x68, 0x0B, 0x0B, 0x68, 0x53, 0xFD, 0x52]));
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    inquiry: Inquiry<Told>,
    settings: SearchSettings,
    state: State,
    walk: Walk,
    /// The mask that is asked again, behind the walk through all.
    check: Option<Check>,
    checks: Checks,
    known: Known,
    loss: Loss,
    tries: u8,
    reads: u8,
    was_disturbed: bool,
    /// What the slave that seems alone has sent.
    identity: Option<Address>,
    /// A slave that answers whatever is selected, see [`Search::strange`].
    heedless: Option<Address>,
    answer: FrameStore,
    progress: u16,
}

impl Search {
    /// A search with this master, whose order under way, if any, is cancelled.
    #[must_use]
    pub fn new(master: Master, settings: SearchSettings) -> Self {
        let mut inquiry = Inquiry::new(master, Told::Done);
        inquiry.master.set_sends(1);
        Self {
            inquiry,
            settings,
            state: State::Start,
            walk: Walk::ALL,
            check: None,
            checks: Checks::NEW,
            known: Known::EMPTY,
            loss: Loss::NONE,
            tries: 0,
            reads: 0,
            was_disturbed: false,
            identity: None,
            heedless: None,
            answer: FrameStore::EMPTY,
            progress: 0,
        }
    }
    /// What was done so far.
    #[must_use]
    pub const fn report(&self) -> SearchReport {
        let (exchanges, lost) = (self.loss.exchanges(), self.loss.lost());
        SearchReport { exchanges, lost, ..self.inquiry.report() }
    }
    /// How much is done, in parts of a thousand, never less than before: 900 when all numbers were asked for once.
    #[must_use]
    pub const fn progress(&self) -> u16 {
        if self.inquiry.is_over() { 1000 } else { self.progress }
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<SearchEvent<'_>> {
        loop {
            match self.inquiry.events.pop()? {
                Told::Done => return Some(SearchEvent::Done(self.report())),
                Told::Unresolved { selection, fault } => {
                    return Some(SearchEvent::Unresolved { selection, fault });
                }
                Told::Found { number, .. } if self.inquiry.answer.get(number).is_none() => {
                    self.inquiry.events.lose();
                }
                Told::Found { number, identity, selection } => {
                    let Some(Frame::Long { address, payload, .. }) = self.inquiry.answer.get(number) else {
                        return None;
                    };
                    return Some(SearchEvent::Found { identity, selection, address, payload });
                }
            }
        }
    }

    /// Goes on as far as the orders of the master have ended.
    fn work(&mut self) {
        if self.state == State::Start && !self.inquiry.is_over() {
            self.ask();
        }
        while let Some(outcome) = self.outcome() {
            if self.inquiry.report().frames_sent >= self.settings.most_frames {
                self.inquiry.stop();
            }
            if self.inquiry.is_over() {
                return;
            }
            match self.state {
                State::Start => {}
                State::Selecting => self.selected(outcome),
                State::Reading => self.read(outcome),
                State::Verifying => self.verified(outcome),
                State::Proving => self.proven(outcome),
            }
        }
    }
    fn outcome(&mut self) -> Option<Outcome> {
        loop {
            return Some(match self.inquiry.master.poll_event()? {
                MasterEvent::Acknowledged { .. } => Outcome::Acknowledged,
                // With a damaged echo it is not known what the slaves heard.
                MasterEvent::Failed { fault: Fault::Silence | Fault::Echo, .. } => Outcome::Silence,
                MasterEvent::Failed { fault, .. } => Outcome::Fault(fault),
                MasterEvent::Data { address, c_field, payload, .. } => {
                    match self.answer.set(&Frame::Long { c_field, address, payload }) {
                        Ok(()) => Outcome::Data,
                        Err(_) => Outcome::Silence,
                    }
                }
                _ => continue,
            });
        }
    }

    /// Asks whether somebody has what the mask says.
    fn ask(&mut self) {
        (self.tries, self.reads, self.was_disturbed) = (0, 0, false);
        self.select(State::Selecting, &self.walk.mask().selection());
    }
    fn ask_again(&mut self) {
        self.select(State::Selecting, &self.walk.mask().selection());
    }
    fn select(&mut self, state: State, selection: &Selection<'_>) {
        self.tries = self.tries.saturating_add(1);
        self.state = state;
        // The last order has ended and the selection is short: this cannot fail.
        if self.inquiry.master.select(selection).is_err() {
            self.inquiry.stop();
        }
    }
    fn order_data(&mut self, state: State) {
        self.state = state;
        self.reads = self.reads.saturating_add(1);
        if self.inquiry.master.request(PrimaryAddress::SELECTED, DataClass::Two).is_err() {
            self.inquiry.stop();
        }
    }
    /// A known slave has the mask, so that silence says nothing but that the line loses frames.
    fn is_held(&self) -> bool {
        self.walk.is_at_start() && self.check.is_some_and(|check| check.is_held)
    }

    fn selected(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Silence => self.heard_nobody(),
            // Noise looks like this as well, but is silent the next time.
            Outcome::Fault(Fault::Disturbed { .. }) if !self.was_disturbed => {
                self.was_disturbed = true;
                self.ask_again();
            }
            Outcome::Fault(fault) => self.collided(fault),
            // Of several who were disturbed one is lost now and then, and the other would look alone.
            Outcome::Acknowledged if self.was_disturbed => self.collided(Fault::Disturbed { error: None }),
            Outcome::Acknowledged | Outcome::Data => {
                if self.is_held() {
                    self.loss.keep();
                }
                self.reads = 0;
                self.order_data(State::Reading);
            }
        }
    }
    fn heard_nobody(&mut self) {
        let is_first = self.walk.is_at_start() && self.check.is_none();
        let tries = match (is_first, self.was_disturbed) {
            (true, _) => TRIES_OF_ALL,
            (false, true) => TRIES,
            (false, false) => 1,
        };
        if self.tries < tries {
            self.ask_again();
            return;
        }
        if self.is_held() {
            self.loss.lose();
        } else {
            self.inquiry.report.silent = self.inquiry.report.silent.saturating_add(1);
        }
        self.next();
    }
    fn read(&mut self, outcome: Outcome) {
        match outcome {
            // E5, and then nothing. Whoever hides behind the one that is known was asked all the same.
            Outcome::Silence | Outcome::Acknowledged => {
                self.loss.lose();
                if self.is_held() {
                    self.next();
                } else if self.reads < TRIES {
                    self.order_data(State::Reading);
                } else if self.tries < TRIES {
                    self.ask_again();
                } else {
                    self.collided(Fault::Silence);
                }
            }
            // All digits are fixed, so it is rather damage.
            Outcome::Fault(_) if self.walk.all_digits_are_fixed() && self.reads < TRIES => {
                self.order_data(State::Reading)
            }
            Outcome::Fault(fault) => self.collided(fault),
            Outcome::Data => self.take_data(),
        }
    }
    fn take_data(&mut self) {
        let identity = self.answered_identity();
        if let Some(identity) = identity.filter(|identity| !self.walk.mask().fits(*identity)) {
            self.strange(identity);
            return;
        }
        self.loss.keep();
        self.identity = identity;
        if !self.known.contains(&self.selection()) {
            self.tries = 0;
            self.verify();
            return;
        }
        if self.walk.is_first_pass() {
            self.walk.count(1);
        }
        self.next();
    }
    /// Who has answered is not meant: another selection meant it and it has not heard this one, or several at once were
    /// right by chance; or else, when it happens again and again and there is such a slave, it heeds no selection. Of who
    /// has the mask it says nothing then.
    fn strange(&mut self, identity: Address) {
        if self.heedless == Some(identity) {
            self.heard_nobody();
        } else if self.tries < TRIES {
            self.identity = Some(identity);
            self.ask_again();
        } else if self.identity == Some(identity) {
            self.tries = 0;
            self.verify();
        } else {
            self.collided(Fault::Surplus);
        }
    }
    /// The address in the data.
    fn answered_identity(&self) -> Option<Address> {
        self.answer.frame().and_then(|frame| long_header_address(frame.payload()))
    }
    /// What the slave that seems alone answers to: its address, or the mask when it has said none.
    fn selection(&self) -> Selection<'static> {
        let mask = self.walk.mask().selection();
        Selection { address: self.identity.unwrap_or(mask.address), ..mask }
    }
    /// Selects the slave by its own address: what several have sent at once, right by chance, belongs to nobody.
    fn verify(&mut self) {
        self.select(State::Verifying, &self.selection());
    }
    fn verified(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged | Outcome::Data if self.is_to_be_proven() => {
                self.reads = 0;
                self.order_data(State::Proving);
            }
            Outcome::Acknowledged | Outcome::Data => {
                self.loss.keep();
                // Silence counts where there is somebody.
                (1..self.tries).for_each(|_| self.loss.lose());
                self.found();
            }
            Outcome::Silence | Outcome::Fault(Fault::Disturbed { .. }) if self.tries < TRIES => self.verify(),
            Outcome::Silence => self.collided(Fault::Disturbed { error: None }),
            Outcome::Fault(fault) => self.collided(fault),
        }
    }
    /// Whether the acknowledgement of the selection by its own address does not say enough.
    fn is_to_be_proven(&self) -> bool {
        !self.is_meant() || self.identity.is_some_and(has_wildcards)
    }
    fn is_meant(&self) -> bool {
        self.identity.is_none_or(|identity| self.walk.mask().fits(identity))
    }
    fn proven(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Silence | Outcome::Fault(_) if self.reads < TRIES => self.order_data(State::Proving),
            Outcome::Data if self.identity == self.answered_identity() => {
                if self.is_meant() {
                    self.found();
                } else {
                    self.heedless = self.identity;
                    self.heard_nobody();
                }
            }
            Outcome::Data | Outcome::Silence | Outcome::Acknowledged => self.collided(Fault::Surplus),
            Outcome::Fault(fault) => self.collided(fault),
        }
    }

    /// One slave more has what the mask says.
    fn found(&mut self) {
        self.walk.count(1);
        if self.check.is_none() && self.walk.is_first_pass() {
            self.loss.keep();
        } else {
            // It did not answer when this was asked before.
            self.loss.lose();
        }
        let (identity, selection) = (self.identity, self.selection());
        self.known.add(&selection);
        self.inquiry.report.found = self.inquiry.report.found.saturating_add(1);
        if let Some(number) = self.answer.frame().and_then(|answer| self.inquiry.answer.keep(&answer)) {
            self.inquiry.events.push(Told::Found { number, identity, selection });
        }
        self.next();
    }
    /// Several have what the mask says: one field more is fixed.
    fn collided(&mut self, fault: Fault) {
        self.inquiry.report.collisions = self.inquiry.report.collisions.saturating_add(1);
        if fault == Fault::Endless {
            self.unresolved(fault);
            self.inquiry.stop();
            return;
        }
        // Who acknowledges without end and never has data does so whatever is selected.
        let has_no_data = |fault| matches!(fault, Fault::Silence | Fault::Unexpected(None));
        let is_hopeless = has_no_data(fault) && self.walk.fault_above().is_some_and(has_no_data);
        if is_hopeless || !self.walk.descend(fault) {
            self.unresolved(fault);
            self.walk.count(2);
        }
        self.next();
    }
    fn unresolved(&mut self, fault: Fault) {
        self.inquiry.report.unresolved = self.inquiry.report.unresolved.saturating_add(1);
        let selection = self.walk.mask().selection();
        if !selection.address.identification.digits().contains(&b'F') {
            // Several, so that what they have is not asked again.
            self.known.add(&selection);
            self.known.add(&selection);
        }
        self.inquiry.events.push(Told::Unresolved { selection, fault });
    }
    /// The next mask; over when there is none.
    fn next(&mut self) {
        let loses = self.loss.lost() > 0;
        loop {
            match self.walk.next(&self.settings, &self.known, loses) {
                Step::Ask => break,
                Step::Unresolved(fault) => self.unresolved(fault),
                Step::Over => {
                    let allowed = u64::from(self.settings.missed_per_mille).saturating_mul(1000);
                    self.check = self.checks.next(&self.known, &self.loss, allowed);
                    let Some(check) = self.check else {
                        self.inquiry.end();
                        return;
                    };
                    self.walk = Walk::below(check.number);
                    break;
                }
            }
        }
        let done = match self.check {
            None => self.walk.searched().saturating_mul(9).wrapping_div(10),
            Some(_) => WALK_SHARE.saturating_add(u16::from(self.checks.passes()).saturating_mul(5)),
        };
        self.progress = self.progress.max(done);
        self.ask();
    }
}

/// Whether a selection of this address may mean others as well.
fn has_wildcards(address: Address) -> bool {
    address.identification.digits().contains(&b'F')
        || address.manufacturer == ManufacturerId::WILDCARD
        || address.version == Version::WILDCARD
        || address.device_type == DeviceType::WILDCARD
}

verbs!(Search);
