//! The other device's side of the access cycle: the gateway with its queue of prepared frames.
//!
//! A meter listens for a few milliseconds, too short to think. What it is to get has to lie ready: the
//! application posts complete frames (enciphered, with their access numbers and FCB), this machine sends
//! each in a window of its meter until the meter has answered.
//!
//! ```text
//! heard from the meter                      sent in its window
//! SND-IR, H=0                               SND-NKE, or CNF-IR if confirmed in time
//! ACC-DMD                                   ACK
//! any frame that offers access              the oldest frame posted for it
//! the answer to the last of them            SND-NKE, which ends the frequent access cycle
//! ```
//!
//! Several gateways that hear the same meter may answer at the same moment. The random back-off that keeps
//! them apart is not public and not built: only one of them should be given frames for a meter.
//!
//! EN 13757-4, 11.6 and 11.7; OMS Specification. Invariants: at most `N` frames are kept, each sent at
//! most `tries` times and kept at most `keep`; one frame is on its way at a time; an answer counts only
//! when it carries the access number of the request, so a repetition of an older answer does not; the end of a posted
//! frame is always told, and keeps its place until it is fetched; frames
//! that went through a repeater are answered only if it offers access (R) and they were not heard from the meter itself,
//! and then with R set: asked by both ways, the gateway's frame and the repeater's would meet in the meter's next window.

use crate::queue::Queue;
use crate::relay::set_repeated_access;
use crate::time::{Duration, Instant, SteadyClock};
use crate::wireless::access_cycle::AccessTiming;
use crate::wireless::{Frame, Routing, StoredFrame};
use crate::{Address, CField, CommunicationControl, Error, ErrorKind};

/// Names a posted frame in the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ticket(pub u32);

/// Why a posted frame was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GivenUp {
    /// Sent as often as allowed, never answered.
    NoAnswer,
    /// The meter offered no access in all the time.
    Expired,
}

/// What happened on the other device's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OtherDeviceEvent {
    /// A meter asks to be installed; see [`OtherDevice::confirm`].
    InstallationRequest(Address),
    /// A meter demands access; it got an ACK.
    AccessDemand(Address),
    /// A posted frame was sent.
    Sent(Ticket),
    /// A posted frame was answered by the frame just handed in, with this C.
    Answered(Ticket, CField),
    /// A posted frame was given up.
    GivenUp(Ticket, GivenUp),
    /// SND-NKE was sent to this meter.
    Reset(Address),
    /// CNF-IR was sent to this meter.
    Confirmed(Address),
    /// The window of this meter is over, nothing was sent: [`OtherDevice::poll_transmit`] came too late.
    WindowMissed(Address),
    /// The window of this meter could not be used: a frame to another one is on its way.
    Busy(Address),
}

#[derive(Clone, Copy, Debug)]
struct Posted {
    ticket: Ticket,
    meter: Address,
    /// It is sent from here on.
    from: Instant,
    expires: Instant,
    tries: u8,
    frame: StoredFrame,
    /// How it ended, as long as there was no room to tell it.
    end: Option<OtherDeviceEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Posted(Ticket),
    Short(CField, u8),
}

#[derive(Clone, Copy, Debug)]
struct Outgoing {
    from: Instant,
    until: Instant,
    meter: Address,
    what: What,
    through_repeater: bool,
}

/// The other device's side of the access cycle, with room for `N` posted frames.
#[derive(Clone, Debug)]
pub struct OtherDevice<const N: usize> {
    address: Address,
    timing: AccessTiming,
    control: CommunicationControl,
    tries: u8,
    keep: Duration,
    clock: SteadyClock,
    posted: [Option<Posted>; N],
    next_ticket: u32,
    outgoing: Option<Outgoing>,
    sending: StoredFrame,
    /// The last frame of each meter that was heard directly: its sender and access number. The oldest is replaced.
    direct: [Option<(Address, u8)>; N],
    next_direct: usize,
    events: Queue<OtherDeviceEvent, 8>,
}

impl<const N: usize> OtherDevice<N> {
    /// A gateway with this address. A frame is sent up to three times and kept for a day.
    #[must_use]
    pub const fn new(address: Address, timing: AccessTiming) -> Self {
        Self {
            address,
            timing,
            control: CommunicationControl::BIDIRECTIONAL.union(CommunicationControl::ACCESSIBILITY),
            tries: 3,
            keep: Duration::from_secs(24 * 3600),
            clock: SteadyClock::new(),
            posted: [None; N],
            next_ticket: 0,
            outgoing: None,
            sending: StoredFrame::EMPTY,
            direct: [None; N],
            next_direct: 0,
            events: Queue::new(),
        }
    }
    /// CC of the frames that the machine builds itself; from the start B and A, always accessible.
    pub fn set_control(&mut self, control: CommunicationControl) {
        self.control = control;
    }
    /// How often a frame is sent before it is given up (at least once), and how long it is kept.
    pub fn set_patience(&mut self, tries: u8, keep: Duration) {
        self.tries = tries.max(1);
        self.keep = keep;
    }
    /// Prepares a complete frame without CRCs for `meter`, which is the sender of the frames that open
    /// the windows: the meter, or the radio adapter in front of it.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; [`ErrorKind::QueueFull`], also while ends of frames wait to be fetched by
    /// [`OtherDevice::poll_event`].
    pub fn post(&mut self, now: Instant, meter: Address, octets: &[u8]) -> Result<Ticket, Error> {
        let now = self.clock.read(now);
        self.post_steady((now, now.after(self.keep)), meter, octets)
    }
    /// Prepares a frame that is true only for a while, as a clock command is: sent in windows that open from `from` to
    /// `until`, and given up after that, whatever the patience. The frames posted behind it for the same meter wait for it.
    ///
    /// # Errors
    /// As [`OtherDevice::post`].
    pub fn post_between(
        &mut self,
        (from, until): (Instant, Instant),
        now: Instant,
        meter: Address,
        octets: &[u8],
    ) -> Result<Ticket, Error> {
        let steady = self.clock.read(now);
        let (from, until) = (steady.after(from.since(now)), steady.after(until.since(now)));
        self.post_steady((from, until), meter, octets)
    }
    fn post_steady(
        &mut self,
        (from, expires): (Instant, Instant),
        meter: Address,
        octets: &[u8],
    ) -> Result<Ticket, Error> {
        Frame::parse(octets)?;
        let frame = StoredFrame::new(octets)?;
        let slot = self.posted.iter_mut().find(|slot| slot.is_none());
        let slot = slot.ok_or(ErrorKind::QueueFull { capacity: N }.at(0))?;
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        *slot = Some(Posted { ticket, meter, from, expires, tries: 0, frame, end: None });
        Ok(ticket)
    }
    /// Takes a posted frame back; false when it is gone already.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        if self.outgoing.is_some_and(|out| out.what == What::Posted(ticket)) {
            self.outgoing = None;
        }
        self.take_posted(ticket).is_some_and(|posted| posted.end.is_none())
    }
    /// Answers the installation request of `meter` with CNF-IR in place of SND-NKE, as long as it was not
    /// answered; false when it was, or there was none.
    pub fn confirm(&mut self, meter: Address) -> bool {
        match &mut self.outgoing {
            Some(Outgoing { meter: waiting, what: What::Short(c, _), .. })
                if *waiting == meter && *c == CField::SND_NKE =>
            {
                *c = CField::CNF_IR;
                true
            }
            _ => false,
        }
    }
    /// Sends the oldest frame posted for `meter` now, without waiting for a window: for meters that can be
    /// accessed at any time (B and A). False when there is none, or another is on its way.
    pub fn access_now(&mut self, now: Instant, meter: Address) -> bool {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        let Some(posted) = self.oldest_for(meter).filter(|posted| posted.from <= now) else { return false };
        let until = now.after(Duration::from_secs(1));
        self.plan((now, until), meter, What::Posted(posted.ticket), false)
    }
    /// Takes a frame without CRCs whose end was received at `now`.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; the frame then is ignored.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        let frame = Frame::parse(octets)?;
        let routing = Routing::of(octets);
        let (meter, c_field) = (frame.address(), frame.c_field());
        let for_me = routing.addressee.is_none_or(|addressee| addressee == self.address);
        if meter == self.address || !is_uplink(c_field) || !for_me {
            return Ok(());
        }
        let answered = self.take_answer(meter, c_field, routing.access_number);
        let control = routing.control.unwrap_or_default();
        let through_repeater = control.contains(CommunicationControl::HOP);
        // The SND-NKE got lost: the meter goes on repeating its last answer to this device.
        let repeats_its_answer = c_field.is(CField::RSP_UD) && routing.addressee == Some(self.address);
        let window = self.timing.window(routing.control).after(now);
        let access_number = routing.access_number.unwrap_or(0);
        if !through_repeater {
            self.heard_directly(meter, access_number);
        } else if !control.contains(CommunicationControl::REPEATED_ACCESS)
            || self.direct.contains(&Some((meter, access_number)))
        {
            return Ok(());
        }
        if c_field == CField::SND_IR {
            // What went through a repeater was answered by it.
            if !through_repeater {
                self.events.push(OtherDeviceEvent::InstallationRequest(meter));
                self.plan(window, meter, What::Short(CField::SND_NKE, access_number), false);
            }
            return Ok(());
        }
        if !control.contains(CommunicationControl::BIDIRECTIONAL) {
            return Ok(());
        }
        if c_field == CField::ACC_DMD {
            self.events.push(OtherDeviceEvent::AccessDemand(meter));
            self.plan(window, meter, What::Short(CField::ACK, access_number), through_repeater);
        } else if let Some(posted) = self.next_to_send(now, meter) {
            self.plan(window, meter, What::Posted(posted.ticket), through_repeater);
        } else if answered || repeats_its_answer {
            let reset = What::Short(CField::SND_NKE, access_number.wrapping_add(1));
            self.plan(window, meter, reset, through_repeater);
        }
        Ok(())
    }
    /// Gives up what is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.read(now);
        if let Some(missed) = self.outgoing.take_if(|out| out.until < now) {
            self.events.push(OtherDeviceEvent::WindowMissed(missed.meter));
        }
        let on_its_way = self.outgoing.map(|out| out.what);
        for slot in &mut self.posted {
            let expired = |p: &&mut Posted| {
                p.end.is_none() && p.expires < now && on_its_way != Some(What::Posted(p.ticket))
            };
            if let Some(posted) = slot.as_mut().filter(expired) {
                let end = OtherDeviceEvent::GivenUp(posted.ticket, GivenUp::Expired);
                Self::end(&mut self.events, slot, end);
            }
        }
    }
    /// The frame to be sent now, without CRCs, if a window is open.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        let outgoing = self.outgoing.take_if(|out| out.from <= now)?;
        let meter = outgoing.meter;
        match outgoing.what {
            What::Posted(ticket) => {
                let posted = self.posted.iter_mut().flatten().find(|p| p.ticket == ticket)?;
                posted.tries = posted.tries.saturating_add(1);
                self.sending = posted.frame;
                self.events.push(OtherDeviceEvent::Sent(ticket));
            }
            What::Short(c_field, access_number) => {
                self.sending = StoredFrame::short(c_field, self.address, meter, self.control, access_number);
                match c_field {
                    CField::SND_NKE => self.events.push(OtherDeviceEvent::Reset(meter)),
                    CField::CNF_IR => self.events.push(OtherDeviceEvent::Confirmed(meter)),
                    _ => true,
                };
            }
        }
        if outgoing.through_repeater {
            // A posted frame without a place for the bit is sent as it is.
            let _ = set_repeated_access(self.sending.octets_mut());
        }
        Some(self.sending.octets())
    }
    /// When something is to be done next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let out = self.outgoing.map(|out| out.from);
        // The one that is on its way does not expire before its window is over.
        let on_its_way = self.outgoing.map(|out| out.what);
        let expiring = self.open().filter(|p| on_its_way != Some(What::Posted(p.ticket)));
        let expires = expiring.map(|p| p.expires.after(Duration::from_micros(1))).min();
        [out, expires].into_iter().flatten().min().map(|at| self.clock.caller_time(at))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<OtherDeviceEvent> {
        let told = self.events.pop();
        told.or_else(|| {
            let ended = self.posted.iter_mut().find(|slot| slot.is_some_and(|p| p.end.is_some()))?;
            ended.take()?.end
        })
    }
    /// Events that nobody fetched in time. The end of a posted frame is none of them.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.events.lost()
    }
    /// Posted frames that were not answered yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.open().count()
    }

    /// Posted frames whose end is not known.
    fn open(&self) -> impl Iterator<Item = &Posted> {
        self.posted.iter().flatten().filter(|p| p.end.is_none())
    }
    /// Tells the end of the frame in this place, which is free then; without room it keeps the place until it is told.
    fn end(events: &mut Queue<OtherDeviceEvent, 8>, slot: &mut Option<Posted>, end: OtherDeviceEvent) {
        if events.has_room() {
            events.push(end);
            *slot = None;
        } else if let Some(posted) = slot {
            posted.end = Some(end);
        }
    }
    fn end_of(&mut self, ticket: Ticket, end: OtherDeviceEvent) {
        if let Some(slot) = self.posted.iter_mut().find(|slot| slot.is_some_and(|p| p.ticket == ticket)) {
            Self::end(&mut self.events, slot, end);
        }
    }

    fn heard_directly(&mut self, meter: Address, access_number: u8) {
        let known = self.direct.iter().position(|heard| heard.is_some_and(|(heard, _)| heard == meter));
        let place = known.unwrap_or(self.next_direct);
        if known.is_none() {
            self.next_direct = self.next_direct.saturating_add(1).checked_rem(N).unwrap_or(0);
        }
        if let Some(slot) = self.direct.get_mut(place) {
            *slot = Some((meter, access_number));
        }
    }

    /// Takes out the posted frame that this one answers.
    fn take_answer(&mut self, meter: Address, answer: CField, access_number: Option<u8>) -> bool {
        let answers = |p: &Posted| {
            let sent = p.frame.octets();
            let request = CField(sent.get(1).copied().unwrap_or_default());
            let number = Routing::of(sent).access_number;
            let same = number.is_none() || access_number.is_none() || number == access_number;
            p.meter == meter && p.tries > 0 && same && is_answer(request, answer)
        };
        let Some(ticket) = self.open().find(|p| answers(p)).map(|p| p.ticket) else {
            return false;
        };
        self.end_of(ticket, OtherDeviceEvent::Answered(ticket, answer));
        true
    }

    fn take_posted(&mut self, ticket: Ticket) -> Option<Posted> {
        self.posted.iter_mut().find(|slot| slot.is_some_and(|p| p.ticket == ticket))?.take()
    }

    /// The oldest frame for this meter. Tickets wrap, so the age is the distance to the next ticket.
    fn oldest_for(&self, meter: Address) -> Option<&Posted> {
        let of_meter = self.open().filter(|p| p.meter == meter);
        of_meter.max_by_key(|p| self.next_ticket.wrapping_sub(p.ticket.0))
    }

    /// The oldest frame for this meter that may still be sent; those sent too often are given up.
    fn next_to_send(&mut self, now: Instant, meter: Address) -> Option<Posted> {
        loop {
            let oldest = *self.oldest_for(meter).filter(|oldest| oldest.from <= now)?;
            if oldest.tries < self.tries {
                return Some(oldest);
            }
            self.end_of(oldest.ticket, OtherDeviceEvent::GivenUp(oldest.ticket, GivenUp::NoAnswer));
        }
    }

    fn plan(
        &mut self,
        (from, until): (Instant, Instant),
        meter: Address,
        what: What,
        through_repeater: bool,
    ) -> bool {
        // A newer frame of the same meter makes its older window void.
        if self.outgoing.is_some_and(|out| out.meter != meter) {
            self.events.push(OtherDeviceEvent::Busy(meter));
            return false;
        }
        self.outgoing = Some(Outgoing { from, until, meter, what, through_repeater });
        true
    }
}

/// What meters send.
fn is_uplink(c_field: CField) -> bool {
    let names = ["SND-NR", "SND-IR", "ACC-NR", "ACC-DMD", "RSP-UD", "ACK", "NACK", "RSP-SKE"];
    c_field.name().is_some_and(|name| names.contains(&name))
}

/// True when `answer` is what `request` may get.
fn is_answer(request: CField, answer: CField) -> bool {
    let answers: &[&str] = match request.name() {
        Some("REQ-UD2" | "SND-UD2") => &["RSP-UD", "NACK"],
        Some("REQ-UD1") => &["RSP-UD", "ACK", "NACK"],
        Some("SND-UD") => &["ACK", "NACK"],
        Some("REQ-SKE") => &["RSP-SKE"],
        _ => &[],
    };
    answer.name().is_some_and(|name| answers.contains(&name))
}
