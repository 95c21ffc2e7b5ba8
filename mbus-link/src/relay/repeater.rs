//! A single hop repeater.
//!
//! ```text
//! meter  SND-NR, H=0  ->  repeater  .. 5 to 25 s ..  same frame, H=1  ->  gateway
//! meter  SND-IR, H=0  ->  repeater  .. 5 to 25 s ..  same frame, H=1, then SND-NKE of its own
//!              B=1    <-  SND-NKE of its own in the window, each second time
//! ```
//!
//! The SND-NKE in the window tells a meter that only the repeater hears that it is heard. A gateway that hears the meter
//! too answers in the same window, and the random back-off that keeps them apart is not public: so the repeater leaves
//! half of the windows, by chance, to the others. A meter asks six times.
//!
//! EN 13757-5, clause 5, and the rules of the OMS Specification. Invariants: a frame with the hop bit or
//! the repeated access bit set is never repeated, so there are no loops; at most `N` frames wait and as
//! many requests; what does not fit, comes too late or exceeds the duty cycle is dropped and told; the
//! caller brings the clock and the random numbers.
//!
//! The priority bit P asks to be relayed quickly; how quickly is not published, so it changes nothing here.
//!
//! How a bidirectional repeater works is not published in full. What is built here is the reading that
//! fits what is known: it offers access by setting R on what it repeats; a gateway asks through it with
//! requests that carry R; such requests are kept in their order until the meter next opens a window, with whatever
//! frame, one is sent in each, and the meter's answer is passed on in the response delay of the mode. An
//! answer that is to be passed on goes before the next request, which the meter's repetition of that answer lets in.

use crate::queue::Queue;
use crate::relay::{AirTime, set_hop, set_repeated_access};
use crate::time::{Duration, Instant, SteadyClock};
use crate::wireless::access_cycle::AccessTiming;
use crate::wireless::{DuplicateKey, Frame, Routing, StoredFrame};
use crate::{Address, CField, CommunicationControl, Error};

/// The shortest delay before a frame is repeated.
pub const SHORTEST_DELAY: Duration = Duration::from_secs(5);
/// The longest delay before a frame is repeated.
pub const LONGEST_DELAY: Duration = Duration::from_secs(25);

/// The delay that belongs to a random number: 5 s for 0, just under 25 s for the largest.
#[must_use]
pub const fn repetition_delay(random: u32) -> Duration {
    let spread = LONGEST_DELAY.saturating_sub(SHORTEST_DELAY).as_micros();
    let part = spread.saturating_mul(random as u64) >> 32;
    SHORTEST_DELAY.saturating_add(Duration::from_micros(part))
}

/// What a repeater passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RepeaterKind {
    /// What meters send on their own (USHR).
    Unidirectional,
    /// Also requests and their answers (BSHR); see the doc of the module.
    Bidirectional,
}

/// What happened in a repeater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RepeaterEvent {
    /// A frame of this sender waits to be repeated.
    Queued(Address),
    /// A frame of this sender was repeated.
    Repeated(Address),
    /// An own SND-NKE was sent: in the window of an installation request of this meter, or after its repetition.
    SentReset(Address),
    /// A request to this meter is kept until the meter listens.
    RequestKept(Address),
    /// A request was delivered to this meter.
    RequestDelivered(Address),
    /// The answer of this meter was passed on.
    AnswerPassedOn(Address),
    /// A frame was not taken, or not sent.
    Dropped(Address, DropReason),
}

/// Why a frame was not taken, or not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DropReason {
    /// It went through a repeater already.
    AlreadyRepeated,
    /// It has no place for the hop bit.
    NoHopBit,
    /// The same frame waits already.
    AlreadyWaiting,
    /// There is no room.
    QueueFull,
    /// The duty cycle does not allow it.
    DutyCycle,
    /// Its window is over.
    TooLate,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    Repetition { key: DuplicateKey, reset_access_number: Option<u8> },
    OwnReset,
    Request,
    Answer,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    due: Instant,
    until: Instant,
    /// The meter that this is about.
    meter: Address,
    purpose: Purpose,
    frame: StoredFrame,
}

#[derive(Clone, Copy, Debug)]
struct KeptRequest {
    meter: Address,
    until: Instant,
    /// Which came first.
    order: u32,
    frame: StoredFrame,
}

/// A repeater with room for `N` frames.
#[derive(Clone, Debug)]
pub struct Repeater<const N: usize, A> {
    address: Address,
    kind: RepeaterKind,
    timing: AccessTiming,
    keep_requests: Duration,
    air_time: A,
    clock: SteadyClock,
    waiting: [Option<Waiting>; N],
    kept: [Option<KeptRequest>; N],
    next_order: u32,
    /// The meter whose answer is to be passed on, and until when.
    answer_of: Option<(Address, Instant)>,
    sending: StoredFrame,
    events: Queue<RepeaterEvent, 8>,
}

impl<const N: usize, A: AirTime> Repeater<N, A> {
    /// A repeater with this address of its own (device type 32h or 33h), on this mode.
    ///
    /// A bidirectional repeater keeps a request for an hour at most.
    #[must_use]
    pub const fn new(address: Address, kind: RepeaterKind, timing: AccessTiming, air_time: A) -> Self {
        Self {
            address,
            kind,
            timing,
            keep_requests: Duration::from_secs(3600),
            air_time,
            clock: SteadyClock::new(),
            waiting: [None; N],
            kept: [None; N],
            next_order: 0,
            answer_of: None,
            sending: StoredFrame::EMPTY,
            events: Queue::new(),
        }
    }
    /// Takes a frame without CRCs whose end was received at `now`. `random` spreads the delay evenly
    /// over 5 to 25 s, and even ones let an installation be answered at once; draw a new one for every frame.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; the frame then is ignored.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8], random: u32) -> Result<(), Error> {
        let now = self.clock.read(now);
        let frame = Frame::parse(octets)?;
        if frame.address() == self.address {
            return Ok(());
        }
        let routing = Routing::of(octets);
        match frame.c_field() {
            CField::SND_NR | CField::SND_IR => self.take_uplink(now, octets, &frame, routing, random),
            _ if self.kind == RepeaterKind::Bidirectional => self.take_access(now, octets, &frame, routing),
            _ => Ok(()),
        }
    }
    /// Gives up what came too late, or was kept too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.read(now);
        for slot in &mut self.waiting {
            if let Some(late) = slot.take_if(|w| w.until < now) {
                self.events.push(RepeaterEvent::Dropped(late.meter, DropReason::TooLate));
            }
        }
        for slot in &mut self.kept {
            if let Some(late) = slot.take_if(|k| k.until < now) {
                self.events.push(RepeaterEvent::Dropped(late.meter, DropReason::TooLate));
            }
        }
    }
    /// The frame to be sent now, without CRCs, if one is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        loop {
            let next = self.waiting.iter_mut().filter(|slot| slot.is_some_and(|w| w.due <= now));
            let sent = next.min_by_key(|slot| slot.map(|w| w.due))?.take()?;
            if self.air_time.may_send(now, sent.frame.octets().len()) {
                self.sending = sent.frame;
                self.after_sending(now, &sent);
                return Some(self.sending.octets());
            }
            self.events.push(RepeaterEvent::Dropped(sent.meter, DropReason::DutyCycle));
        }
    }
    /// When [`Repeater::poll_transmit`] has the next frame.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.waiting.iter().flatten().map(|w| w.due).min();
        let kept = self.kept.iter().flatten().map(|k| k.until).min();
        // One microsecond behind the last moment, so that it is over then.
        let kept = kept.map(|until| until.after(Duration::from_micros(1)));
        [due, kept].into_iter().flatten().min().map(|at| self.clock.caller_time(at))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<RepeaterEvent> {
        self.events.pop()
    }
    /// Events that nobody fetched in time.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.events.lost()
    }
    /// Frames that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.iter().flatten().count()
    }

    fn take_uplink(
        &mut self,
        now: Instant,
        octets: &[u8],
        frame: &Frame<'_>,
        routing: Routing,
        random: u32,
    ) -> Result<(), Error> {
        let meter = frame.address();
        let bits = CommunicationControl::HOP.union(CommunicationControl::REPEATED_ACCESS);
        if routing.control.is_some_and(|c| c.intersects(bits)) {
            self.events.push(RepeaterEvent::Dropped(meter, DropReason::AlreadyRepeated));
            return Ok(());
        }
        if routing.repeater_bits.is_none() {
            self.events.push(RepeaterEvent::Dropped(meter, DropReason::NoHopBit));
            return Ok(());
        }
        let installation = frame.c_field() == CField::SND_IR;
        let access_number = routing.access_number.unwrap_or(0);
        let answers_at_once = installation && opens_window(routing.control) && random & 1 == 0;
        if !installation {
            self.deliver_request(now, meter, routing.control);
        }
        let key = DuplicateKey::of(octets)?;
        let same = |w: &Waiting| matches!(w.purpose, Purpose::Repetition { key: other, .. } if other == key);
        if self.waiting.iter().flatten().any(same) {
            self.events.push(RepeaterEvent::Dropped(meter, DropReason::AlreadyWaiting));
            return Ok(());
        }
        let mut copy = StoredFrame::new(octets)?;
        set_hop(copy.octets_mut())?;
        if self.kind == RepeaterKind::Bidirectional {
            set_repeated_access(copy.octets_mut())?;
        }
        let reset_access_number = installation.then_some(access_number);
        let due = now.after(repetition_delay(random));
        let purpose = Purpose::Repetition { key, reset_access_number };
        // A repetition is worth sending for as long again as it may wait.
        let until = due.after(LONGEST_DELAY);
        if self.wait(Waiting { due, until, meter, purpose, frame: copy }) {
            self.events.push(RepeaterEvent::Queued(meter));
        }
        // Behind the repetition, which may need the last place.
        if answers_at_once {
            self.queue_own_reset(self.timing.window(routing.control).after(now), meter, access_number);
        }
        Ok(())
    }

    fn take_access(
        &mut self,
        now: Instant,
        octets: &[u8],
        frame: &Frame<'_>,
        routing: Routing,
    ) -> Result<(), Error> {
        let Some(control) = routing.control else { return Ok(()) };
        if control.contains(CommunicationControl::HOP) {
            return Ok(());
        }
        let mut copy = StoredFrame::new(octets)?;
        if set_hop(copy.octets_mut()).is_err() {
            return Ok(());
        }
        let sender = frame.address();
        if self.answer_of.is_some_and(|(meter, until)| meter == sender && now <= until) {
            set_repeated_access(copy.octets_mut())?;
            let (due, until) = self.timing.window(routing.control).after(now);
            self.answer_of = None;
            self.wait(Waiting { due, until, meter: sender, purpose: Purpose::Answer, frame: copy });
        } else if self.kept.iter().flatten().any(|kept| kept.meter == sender) {
            self.deliver_request(now, sender, routing.control);
        } else if let Some(meter) = routing.addressee {
            if control.contains(CommunicationControl::REPEATED_ACCESS) && meter != self.address {
                self.keep_request(now, meter, copy);
            }
        }
        Ok(())
    }

    /// Keeps a request behind those that wait for the same meter. The same one again takes its own place.
    fn keep_request(&mut self, now: Instant, meter: Address, frame: StoredFrame) {
        let until = now.after(self.keep_requests);
        let same = |kept: &KeptRequest| kept.meter == meter && kept.frame.octets() == frame.octets();
        if let Some(kept) = self.kept.iter_mut().flatten().find(|kept| same(kept)) {
            kept.until = until;
            return;
        }
        match self.kept.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                let order = self.next_order;
                self.next_order = order.wrapping_add(1);
                *slot = Some(KeptRequest { meter, until, order, frame });
                self.events.push(RepeaterEvent::RequestKept(meter));
            }
            None => {
                self.events.push(RepeaterEvent::Dropped(meter, DropReason::QueueFull));
            }
        }
    }

    /// Sends the oldest request that is kept for this meter, whose window opens now.
    fn deliver_request(&mut self, now: Instant, meter: Address, control: Option<CommunicationControl>) {
        let of_meter = |slot: &&mut Option<KeptRequest>| slot.is_some_and(|kept| kept.meter == meter);
        // One at a time: the window is too short for two.
        let is_busy = |w: &Waiting| w.meter == meter && matches!(w.purpose, Purpose::Request);
        if !opens_window(control) || self.waiting.iter().flatten().any(is_busy) {
            return;
        }
        // Orders wrap, so the age is the distance to the next one.
        let next = self.next_order;
        let age = |slot: &&mut Option<KeptRequest>| slot.map(|kept| next.wrapping_sub(kept.order));
        let oldest = self.kept.iter_mut().filter(of_meter).max_by_key(age);
        let Some(kept) = oldest.and_then(Option::take) else { return };
        let (due, until) = self.timing.window(control).after(now);
        let request = Waiting { due, until, meter, purpose: Purpose::Request, frame: kept.frame };
        self.wait(request);
    }

    fn wait(&mut self, waiting: Waiting) -> bool {
        match self.waiting.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(waiting);
                true
            }
            None => {
                self.events.push(RepeaterEvent::Dropped(waiting.meter, DropReason::QueueFull));
                false
            }
        }
    }

    fn after_sending(&mut self, now: Instant, sent: &Waiting) {
        let meter = sent.meter;
        match sent.purpose {
            Purpose::Repetition { reset_access_number, .. } => {
                self.events.push(RepeaterEvent::Repeated(meter));
                if let Some(access_number) = reset_access_number {
                    self.queue_own_reset((now, now.after(LONGEST_DELAY)), meter, access_number);
                }
            }
            Purpose::OwnReset => {
                self.events.push(RepeaterEvent::SentReset(meter));
            }
            Purpose::Request => {
                // The slowest window and a second for the request itself.
                let slowest = self.timing.slow.unwrap_or(self.timing.fast).to;
                let until = now.after(slowest).after(Duration::from_secs(1));
                self.answer_of = Some((meter, until));
                self.events.push(RepeaterEvent::RequestDelivered(meter));
            }
            Purpose::Answer => {
                self.events.push(RepeaterEvent::AnswerPassedOn(meter));
            }
        }
    }

    fn queue_own_reset(&mut self, (due, until): (Instant, Instant), meter: Address, access_number: u8) {
        let control = match self.kind {
            RepeaterKind::Unidirectional => CommunicationControl::empty(),
            RepeaterKind::Bidirectional => {
                CommunicationControl::BIDIRECTIONAL.union(CommunicationControl::ACCESSIBILITY)
            }
        };
        let frame = StoredFrame::short(CField::SND_NKE, self.address, meter, control, access_number);
        self.wait(Waiting { due, until, meter, purpose: Purpose::OwnReset, frame });
    }
}

/// True when the sender listens after the frame.
fn opens_window(control: Option<CommunicationControl>) -> bool {
    control.is_some_and(|control| control.contains(CommunicationControl::BIDIRECTIONAL))
}
