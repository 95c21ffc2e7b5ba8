//! The meter's side of the installation: SND-IR until somebody confirms.
//!
//! ```text
//! meter  --- SND-IR --->  | window |  <--- SND-NKE ---  any gateway or repeater that hears it
//! meter  --- SND-IR --->  | window |  <--- CNF-IR ----  the gateway that the meter is assigned to
//! ```
//!
//! EN 13757-4, 11.6; OMS Specification. Invariants: sent at most [`MOST_REQUESTS`] times; CNF-IR stops it,
//! SND-NKE does not but tells that somebody hears the meter; a meter whose SND-IR does not offer access (B) never
//! listens. The gateway's side is part of
//! [`OtherDevice`](crate::wireless::access_cycle::OtherDevice).

use crate::queue::Queue;
use crate::time::{Duration, Instant, SteadyClock};
use crate::wireless::access_cycle::AccessTiming;
use crate::wireless::{Frame, Routing, StoredFrame};
use crate::{Address, CField, CommunicationControl, Error, ErrorKind};

/// SND-IR is sent so often at most.
pub const MOST_REQUESTS: u8 = 6;

/// What happened during the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum InstallationEvent {
    /// This device hears the meter.
    HeardBy(Address),
    /// This gateway takes the meter; no more requests are sent.
    ConfirmedBy(Address),
    /// All requests were sent, nobody confirmed.
    Unconfirmed,
}

/// The meter's side of one installation.
///
/// Hand it the SND-IR frame; replace it between two requests ([`Installation::replace_frame`]) when each
/// is to carry an access number of its own. Call [`Installation::transmitted`] at the end of each
/// transmission.
#[derive(Clone, Debug)]
pub struct Installation {
    address: Address,
    timing: AccessTiming,
    every: Duration,
    frame: StoredFrame,
    left: u8,
    next: Option<Instant>,
    listening: Option<(Instant, Instant)>,
    clock: SteadyClock,
    events: Queue<InstallationEvent, 4>,
}

impl Installation {
    /// Starts at `now`: `octets` is the SND-IR without CRCs, sent every `every` up to six times.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; [`ErrorKind::NotAnInstallationRequest`].
    pub fn start(now: Instant, octets: &[u8], timing: AccessTiming, every: Duration) -> Result<Self, Error> {
        let address = request(octets)?;
        let mut clock = SteadyClock::new();
        let next = Some(clock.read(now));
        Ok(Self {
            address,
            timing,
            every,
            frame: StoredFrame::new(octets)?,
            left: MOST_REQUESTS,
            next,
            listening: None,
            clock,
            events: Queue::new(),
        })
    }
    /// The frame of the requests to come.
    ///
    /// # Errors
    /// As [`Installation::start`].
    pub fn replace_frame(&mut self, octets: &[u8]) -> Result<(), Error> {
        request(octets)?;
        self.frame = StoredFrame::new(octets)?;
        Ok(())
    }
    /// Takes a frame without CRCs whose end was received at `now`. Frames for others are ignored.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; the frame then is ignored.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let frame = Frame::parse(octets)?;
        if Routing::of(octets).addressee != Some(self.address) {
            return Ok(());
        }
        match frame.c_field() {
            CField::SND_NKE => {
                self.events.push(InstallationEvent::HeardBy(frame.address()));
            }
            CField::CNF_IR if !self.is_over() => {
                self.left = 0;
                self.next = None;
                self.listening = None;
                self.events.push(InstallationEvent::ConfirmedBy(frame.address()));
            }
            _ => {}
        }
        Ok(())
    }
    /// Closes a window that is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.read(now);
        if self.listening.take_if(|(_, until)| *until < now).is_some() && self.left == 0 {
            self.events.push(InstallationEvent::Unconfirmed);
        }
    }
    /// The SND-IR, when it is time for the next one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        self.next.filter(|next| *next <= now)?;
        self.left = self.left.saturating_sub(1);
        self.next = (self.left > 0).then_some(now.after(self.every));
        // The last window is open until `transmitted` tells its end.
        self.listening = Some((now, now.after(self.every)));
        Some(self.frame.octets())
    }
    /// Tells that the transmission ended at `now`; the window opens.
    pub fn transmitted(&mut self, now: Instant) {
        let now = self.clock.read(now);
        if self.listening.is_some() {
            let control = Routing::of(self.frame.octets()).control;
            let listens = control.is_some_and(|c| c.contains(CommunicationControl::BIDIRECTIONAL));
            self.listening = listens.then(|| self.timing.window(control).after(now));
            if !listens && self.left == 0 {
                self.events.push(InstallationEvent::Unconfirmed);
            }
        }
    }
    /// When an answer may begin: the receiver has to be on from and to.
    #[must_use]
    pub fn listening(&self) -> Option<(Instant, Instant)> {
        let (from, to) = self.listening?;
        Some((self.clock.caller_time(from), self.clock.caller_time(to)))
    }
    /// When something is to be done next; `None` when all is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let closes = self.listening.map(|(_, until)| until.after(Duration::from_micros(1)));
        [self.next, closes].into_iter().flatten().min().map(|at| self.clock.caller_time(at))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<InstallationEvent> {
        self.events.pop()
    }
    /// True when it was confirmed, or the last window is closed.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.next.is_none() && self.listening.is_none()
    }
}

/// The sender of an installation request.
fn request(octets: &[u8]) -> Result<Address, Error> {
    let frame = Frame::parse(octets)?;
    match frame.c_field() {
        CField::SND_IR => Ok(frame.address()),
        CField(c) => Err(ErrorKind::NotAnInstallationRequest { c }.at(1)),
    }
}
