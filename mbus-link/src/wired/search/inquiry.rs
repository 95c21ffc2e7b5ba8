//! What the search and the scan have in common: the master they have borrowed, the last answer they tell of, and what
//! they did.
//!
//! Invariants: the master hears every window out while it is borrowed; it is given back as it was but for its FCBs; the
//! last event is told once.

use crate::queue::Queue;
use crate::time::Instant;
use crate::wired::frame::Frame;
use crate::wired::frame_store::FrameStore;
use crate::wired::master::Master;

use super::SearchReport;

#[derive(Clone, Debug)]
pub(super) struct Inquiry<T> {
    pub(super) master: Master,
    pub(super) report: SearchReport,
    pub(super) events: Queue<T, 4>,
    sends: u8,
    frames_before: u32,
    /// Of the last event that has one.
    pub(super) answer: KeptAnswer,
    done: T,
    is_over: bool,
}

impl<T: Copy> Inquiry<T> {
    /// Borrows the master, whose order under way is cancelled. `done` is the last event.
    pub(super) fn new(mut master: Master, done: T) -> Self {
        quieten(&mut master);
        master.set_hears_out(true);
        Self {
            sends: master.sends(),
            frames_before: master.frames_sent(),
            master,
            report: SearchReport { is_complete: true, ..SearchReport::default() },
            events: Queue::new(),
            answer: KeptAnswer { store: FrameStore::EMPTY, number: 0 },
            done,
            is_over: false,
        }
    }
    pub(super) fn into_master(mut self) -> Master {
        quieten(&mut self.master);
        self.master.set_hears_out(false);
        self.master.set_sends(self.sends);
        self.master
    }
    /// Ends it, incomplete; false when it was over.
    pub(super) fn cancel(&mut self) -> bool {
        if self.is_over {
            return false;
        }
        quieten(&mut self.master);
        self.stop();
        true
    }
    /// Ends it, incomplete.
    pub(super) fn stop(&mut self) {
        self.report.is_complete &= self.is_over;
        self.end();
    }
    pub(super) fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            // Before events that nobody has fetched: it is waited for.
            self.events.insist(self.done, |_| 0);
        }
    }
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
    pub(super) const fn report(&self) -> SearchReport {
        let frames_sent = self.master.frames_sent().saturating_sub(self.frames_before);
        SearchReport { frames_sent, ..self.report }
    }
    /// The time at which the next verb is due.
    pub(super) fn poll_timeout(&self, has_begun: bool) -> Option<Instant> {
        if has_begun || self.is_over { self.master.poll_timeout() } else { Some(Instant::ZERO) }
    }
}

/// The verbs of a machine that has an inquiry in its field of that name and goes on in its `work`, and
/// [`Station`](crate::wired::Station) by means of them.
macro_rules! verbs {
    ($machine:ty) => {
        impl $machine {
            /// The master again, as it was but for its FCBs.
            #[must_use]
            pub fn into_master(self) -> Master {
                self.inquiry.into_master()
            }
            /// Ends it, incomplete; false when it was over.
            pub fn cancel(&mut self) -> bool {
                self.inquiry.cancel()
            }
            /// Takes octets of the line, the last of which came in at `now`.
            pub fn handle_input(&mut self, now: Instant, octets: &[u8]) {
                self.inquiry.master.handle_input(now, octets);
                self.work();
            }
            /// Does what is due by `now`.
            pub fn handle_timeout(&mut self, now: Instant) {
                self.inquiry.master.handle_timeout(now);
                self.work();
            }
            /// The frame to be sent now, if one is due.
            pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
                self.work();
                self.inquiry.master.poll_transmit(now)
            }
            /// When `handle_timeout` is due.
            #[must_use]
            pub fn poll_timeout(&self) -> Option<Instant> {
                self.inquiry.poll_timeout(self.state != State::Start)
            }
            /// True when an event waits to be fetched.
            #[must_use]
            pub fn has_event(&self) -> bool {
                !self.inquiry.events.is_empty()
            }
            /// Events that nobody fetched in time.
            #[must_use]
            pub const fn events_lost(&self) -> u32 {
                self.inquiry.events.lost()
            }
            /// The rate and times of the line.
            #[must_use]
            pub const fn line(&self) -> LineTiming {
                self.inquiry.master.line()
            }
        }
        crate::wired::station::station!($machine);
    };
}
pub(super) use verbs;

/// An answer that is kept until it is fetched or the next one is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptAnswer {
    store: FrameStore,
    number: u32,
}

impl KeptAnswer {
    /// Keeps it and gives its number.
    pub(super) fn keep(&mut self, answer: &Frame<'_>) -> Option<u32> {
        self.number = self.number.wrapping_add(1);
        self.store.set(answer).ok().map(|()| self.number)
    }
    /// The answer of this number, if it is still kept.
    pub(super) fn get(&self, number: u32) -> Option<Frame<'_>> {
        self.store.frame().filter(|_| number == self.number)
    }
}

/// Takes away what the master is about to do and to tell.
fn quieten(master: &mut Master) {
    master.cancel();
    while master.poll_event().is_some() {}
}
