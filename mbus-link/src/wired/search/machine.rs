//! The state machine of the search by secondary address.
//!
//! ```text
//! select mask -> read -> select address -> read -> select mask .. (rounds) -> Found
//!    |silent      |collision                        |collision
//!    next mask    fix one field more                fix one field more
//! ```
//!
//! Invariants: a depth-first walk over [`FIELDS`] fields whose memory is one small record per field; every step ends with
//! an order of the master, which ends; at most [`SearchSettings::most_frames`] frames (and those of one order) are sent.
//! A field whose values gave fewer than two slaves, although several answered, is gone through once more.

use crate::Address;
use crate::queue::Queue;
use crate::time::Instant;
use crate::wired::address::PrimaryAddress;
use crate::wired::data_class::DataClass;
use crate::wired::frame::Frame;
use crate::wired::frame_store::FrameStore;
use crate::wired::master::{Fault, Master, MasterEvent};
use crate::wired::selection::Selection;
use crate::wired::timing::LineTiming;
use crate::wireless::long_header_address;

use super::mask::{FIELDS, Field, Mask, Value};
use super::{SearchEvent, SearchReport, SearchSettings};

/// Fields that are digits of the identification number.
const DIGITS: usize = 8;
/// Addresses remembered to try their manufacturer, version and type where digits are equal.
const LEARNED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Selecting,
    Reading,
    /// The address of the data is selected alone.
    Verifying,
    /// And read.
    Proving,
    Over,
}

/// One field under way.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The next value to try.
    next: u16,
    /// Slaves found below, unresolved ones as two.
    found: u32,
    is_second_pass: bool,
    /// The one slave found below.
    only: Option<Address>,
    /// What the several who answered sounded like.
    fault: Fault,
}

const TOP: Level = Level { next: 0, found: 0, is_second_pass: false, only: None, fault: Fault::Surplus };

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

/// A search by secondary address, about 2 kB of memory.
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
    master: Master,
    settings: SearchSettings,
    sends: u8,
    frames_before: u32,
    state: State,
    mask: Mask,
    levels: [Level; FIELDS],
    depth: usize,
    tries: u8,
    reads: u8,
    was_disturbed: bool,
    round: u8,
    /// What the slave that seems alone has sent first.
    identity: Option<Address>,
    answer: FrameStore,
    found: FrameStore,
    found_number: u32,
    learned: [Option<Address>; LEARNED],
    report: SearchReport,
    progress: u16,
    events: Queue<Told, 4>,
}

impl Search {
    /// A search with this master, whose order under way, if any, is cancelled.
    #[must_use]
    pub fn new(mut master: Master, settings: SearchSettings) -> Self {
        master.cancel();
        while master.poll_event().is_some() {}
        let (sends, frames_before) = (master.sends(), master.frames_sent());
        master.set_hears_out(true);
        master.set_sends(1);
        Self {
            master,
            settings,
            sends,
            frames_before,
            state: State::Start,
            mask: Mask::ALL,
            levels: [TOP; FIELDS],
            depth: 0,
            tries: 0,
            reads: 0,
            was_disturbed: false,
            round: 0,
            identity: None,
            answer: FrameStore::EMPTY,
            found: FrameStore::EMPTY,
            found_number: 0,
            learned: [None; LEARNED],
            report: SearchReport { is_complete: true, ..SearchReport::default() },
            progress: 0,
            events: Queue::new(),
        }
    }
    /// The master again, as it was but for its FCBs.
    #[must_use]
    pub fn into_master(mut self) -> Master {
        self.master.cancel();
        while self.master.poll_event().is_some() {}
        self.master.set_hears_out(false);
        self.master.set_sends(self.sends);
        self.master
    }
    /// Ends the search, incomplete; false when it was over.
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
    /// How much of the numbers was searched, in parts of a thousand; never less than before.
    #[must_use]
    pub const fn progress(&self) -> u16 {
        self.progress
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
    /// When [`Search::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Start => Some(Instant::ZERO),
            _ => self.master.poll_timeout(),
        }
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<SearchEvent<'_>> {
        loop {
            match self.events.pop()? {
                Told::Done => return Some(SearchEvent::Done(self.report())),
                Told::Unresolved { selection, fault } => {
                    return Some(SearchEvent::Unresolved { selection, fault });
                }
                Told::Found { number, .. } if number != self.found_number => self.events.lose(),
                Told::Found { identity, selection, .. } => {
                    let Some(Frame::Long { address, payload, .. }) = self.found.frame() else { return None };
                    return Some(SearchEvent::Found { identity, selection, address, payload });
                }
            }
        }
    }
    /// True when an event waits to be fetched.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
    /// Events that nobody fetched in time.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.events.lost()
    }
    /// The rate and times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.master.line()
    }

    /// Goes on as far as the orders of the master have ended.
    fn work(&mut self) {
        if self.state == State::Start {
            self.probe();
        }
        while let Some(outcome) = self.outcome() {
            if self.report().frames_sent >= self.settings.most_frames {
                self.stop();
            }
            match self.state {
                State::Selecting => self.selected(outcome),
                State::Reading => self.read(outcome),
                State::Verifying => self.verified(outcome),
                State::Proving => self.proven(outcome),
                State::Start | State::Over => {}
            }
        }
    }
    fn outcome(&mut self) -> Option<Outcome> {
        loop {
            return Some(match self.master.poll_event()? {
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
    fn probe(&mut self) {
        (self.tries, self.round, self.identity, self.was_disturbed) = (0, 0, None, false);
        self.select();
    }
    fn select(&mut self) {
        self.order_selection(State::Selecting, &self.mask.selection());
    }
    fn order_selection(&mut self, state: State, selection: &Selection<'_>) {
        self.tries = self.tries.saturating_add(1);
        self.state = state;
        // The last order has ended and the selection is short: this cannot fail.
        if self.master.select(selection).is_err() {
            self.stop();
        }
    }
    fn order_read(&mut self, state: State) {
        self.state = state;
        self.reads = self.reads.saturating_add(1);
        if self.master.request(PrimaryAddress::SELECTED, DataClass::Two).is_err() {
            self.stop();
        }
    }
    const fn may_try_again(&self) -> bool {
        self.tries < self.settings.tries
    }
    const fn may_read_again(&self) -> bool {
        self.reads < self.settings.reads
    }

    fn selected(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Silence if self.may_try_again() => self.select(),
            // A slave that was alone in an earlier round.
            Outcome::Silence if self.round > 0 => self.found(),
            Outcome::Silence => {
                self.report.silent = self.report.silent.saturating_add(1);
                self.next();
            }
            // Noise looks like this as well, but not twice.
            Outcome::Fault(Fault::Disturbed { .. }) if self.may_try_again() && !self.was_disturbed => {
                self.was_disturbed = true;
                self.select();
            }
            Outcome::Fault(fault) => self.collided(fault),
            Outcome::Acknowledged | Outcome::Data => {
                self.reads = 0;
                self.order_read(State::Reading);
            }
        }
    }
    /// One send at a time: of two slaves one is lost now and then, and a repetition would find the other alone.
    fn read(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Silence if self.may_read_again() => self.order_read(State::Reading),
            // All digits are fixed, so it is rather damage.
            Outcome::Fault(_) if self.depth >= DIGITS && self.may_read_again() => {
                self.order_read(State::Reading)
            }
            // E5, and then nothing: it was no E5, or the slave has gone.
            Outcome::Silence | Outcome::Acknowledged => match (self.may_try_again(), self.round) {
                (true, _) => self.select(),
                (false, 0) => self.collided(Fault::Silence),
                (false, _) => self.found(),
            },
            Outcome::Fault(fault) => self.collided(fault),
            Outcome::Data => self.take_data(),
        }
    }
    fn take_data(&mut self) {
        let identity = self.answer.frame().and_then(|frame| long_header_address(frame.payload()));
        if identity.is_some_and(|identity| !self.mask.fits(identity)) {
            // Somebody that another selection meant and that has not heard this one, or several at once.
            if self.may_try_again() {
                self.select();
            } else {
                self.collided(Fault::Surplus);
            }
            return;
        }
        if self.round > 0 && identity != self.identity {
            self.collided(Fault::Surplus);
            return;
        }
        self.round = self.round.saturating_add(1);
        self.tries = 0;
        self.found = self.answer;
        self.identity = identity;
        match identity {
            Some(identity) if self.round == 1 => self.verify(identity),
            _ => self.next_round(),
        }
    }
    fn next_round(&mut self) {
        if self.round < self.settings.rounds { self.select() } else { self.found() }
    }
    /// Selects the slave by its own address: what several have sent at once, right by chance, belongs to nobody.
    fn verify(&mut self, identity: Address) {
        let selection = Selection { address: identity, ..self.mask.selection() };
        self.order_selection(State::Verifying, &selection);
    }
    fn verified(&mut self, outcome: Outcome) {
        match (outcome, self.identity) {
            (Outcome::Acknowledged | Outcome::Data, _) => {
                self.reads = 0;
                self.order_read(State::Proving);
            }
            (Outcome::Silence, Some(identity)) if self.tries < self.settings.tries.max(3) => {
                self.verify(identity)
            }
            (Outcome::Silence, _) => self.collided(Fault::Disturbed { error: None }),
            (Outcome::Fault(fault), _) => self.collided(fault),
        }
    }
    fn proven(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Silence | Outcome::Fault(_) if self.may_read_again() => self.order_read(State::Proving),
            Outcome::Data => {
                let identity = self.answer.frame().and_then(|frame| long_header_address(frame.payload()));
                if identity == self.identity {
                    self.tries = 0;
                    self.next_round();
                } else {
                    self.collided(Fault::Surplus);
                }
            }
            Outcome::Silence | Outcome::Acknowledged => self.collided(Fault::Silence),
            Outcome::Fault(fault) => self.collided(fault),
        }
    }

    /// One slave has what the mask says.
    fn found(&mut self) {
        let known = |level: &Level| level.is_second_pass && level.only == self.identity;
        let again = self.identity.is_some() && self.levels.iter().take(self.depth).any(known);
        if let Some(level) = self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) {
            // In a second pass the one that was found before counts once.
            if !(again && level.found > 0) {
                level.found = level.found.saturating_add(1);
            }
            if !level.is_second_pass || level.only.is_none() {
                level.only = self.identity;
            }
        }
        if !again {
            self.report.found = self.report.found.saturating_add(1);
            if let Some(identity) = self.identity {
                self.learn(identity);
            }
            self.found_number = self.found_number.wrapping_add(1);
            let mask = self.mask.selection();
            let selection = match self.identity {
                Some(address) => Selection { address, ..mask },
                None => mask,
            };
            self.events.push(Told::Found { number: self.found_number, identity: self.identity, selection });
        }
        self.next();
    }
    fn learn(&mut self, identity: Address) {
        let kind = |address: Address| (address.manufacturer, address.version, address.device_type);
        if self.learned.iter().flatten().all(|known| kind(*known) != kind(identity)) {
            if let Some(slot) = self.learned.iter_mut().find(|slot| slot.is_none()) {
                *slot = Some(identity);
            }
        }
    }
    /// Several have what the mask says: one field more is fixed.
    fn collided(&mut self, fault: Fault) {
        self.report.collisions = self.report.collisions.saturating_add(1);
        if fault == Fault::Endless {
            self.unresolved(fault);
            self.stop();
            return;
        }
        self.descend(fault);
        self.next();
    }
    fn descend(&mut self, fault: Fault) {
        match self.levels.get_mut(self.depth) {
            Some(level) => {
                *level = Level { fault, ..TOP };
                self.depth = self.depth.saturating_add(1);
            }
            None => self.unresolved(fault),
        }
    }
    fn unresolved(&mut self, fault: Fault) {
        self.report.unresolved = self.report.unresolved.saturating_add(1);
        self.events.push(Told::Unresolved { selection: self.mask.selection(), fault });
        if let Some(level) = self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) {
            level.found = level.found.saturating_add(2);
        }
    }
    fn searched(&self) -> u16 {
        let (mut done, mut share) = (0u32, 1_000_000u32);
        for level in self.levels.iter().take(self.depth.min(4)) {
            share /= 10;
            // The value under way is not done.
            let values = u32::from(level.next).saturating_sub(1).min(9);
            done = done.saturating_add(values.saturating_mul(share));
        }
        u16::try_from(done / 1000).unwrap_or(1000).min(999)
    }
    /// The next mask; over when there is none.
    fn next(&mut self) {
        loop {
            let Some(top) = self.depth.checked_sub(1) else {
                self.end();
                return;
            };
            let (Some(field), Some(mut level)) = (Field::at(top), self.levels.get(top).copied()) else {
                return;
            };
            let value = self.value(field, level.next);
            let is_digit = matches!(field, Field::Digit(_) | Field::FabricationDigit(_));
            if value.is_some() {
                level.next = level.next.saturating_add(1);
            } else if level.found < 2 && !level.is_second_pass {
                level.is_second_pass = true;
                level.next = if is_digit { 0 } else { u16::MAX };
            }
            if let Some(slot) = self.levels.get_mut(top) {
                *slot = level;
            }
            self.mask.set(field, value);
            if value.is_some() {
                self.progress = self.progress.max(self.searched());
                self.probe();
                return;
            }
            match (level.is_second_pass, level.next) {
                (true, 0) => {}
                // No value that is known tells them apart: the next field may.
                (true, u16::MAX) if level.found < 2 => self.leave_free(top, level),
                _ => self.leave(level),
            }
        }
    }
    /// Goes on to the next field although this one has no value.
    fn leave_free(&mut self, top: usize, level: Level) {
        if let Some(slot) = self.levels.get_mut(top) {
            // When it comes back here it is over.
            slot.next = u16::MAX - 1;
        }
        self.descend(level.fault);
    }
    /// All values of the last field were tried.
    fn leave(&mut self, level: Level) {
        self.depth = self.depth.saturating_sub(1);
        if level.found == 0 {
            self.unresolved(level.fault);
        } else if let Some(above) = self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) {
            above.found = above.found.saturating_add(level.found);
            above.only = level.only;
        }
    }
    fn value(&self, field: Field, n: u16) -> Option<Value> {
        match field {
            Field::Digit(_) | Field::FabricationDigit(_) => {
                u8::try_from(n).ok().filter(|n| *n < 10).map(Value::Digit)
            }
            Field::Manufacturer => {
                self.nth(self.settings.manufacturers, |known| known.manufacturer, n).map(Value::Manufacturer)
            }
            Field::Version => self.nth(self.settings.versions, |known| known.version, n).map(Value::Version),
            Field::DeviceType => {
                self.nth(self.settings.device_types, |known| known.device_type, n).map(Value::DeviceType)
            }
        }
    }
    /// The value number `n` of those given and those learned, each once.
    fn nth<T: Copy + PartialEq>(&self, given: &[T], of: impl Fn(&Address) -> T, n: u16) -> Option<T> {
        let learned = self.learned.iter().flatten().enumerate().filter(|(at, address)| {
            let value = of(address);
            let earlier = self.learned.iter().flatten().take(*at);
            !given.contains(&value) && earlier.map(&of).all(|other| other != value)
        });
        given.iter().copied().chain(learned.map(|(_, address)| of(address))).nth(usize::from(n))
    }
    fn stop(&mut self) {
        self.report.is_complete = false;
        self.end();
    }
    fn end(&mut self) {
        if self.state != State::Over {
            self.state = State::Over;
            self.progress = 1000;
            self.events.push(Told::Done);
        }
    }
}

crate::wired::station::station!(Search);
