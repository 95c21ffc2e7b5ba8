//! The meter's side of the access cycle.
//!
//! ```text
//! meter  --- SND-NR B=1 --->  | window |             own transmission, then the receiver is on
//! meter  <--- REQ-UD2 -------                        begins the frequent access cycle
//! meter  --- RSP-UD --------> | window |             and again every N seconds, until
//! meter  <--- SND-NKE -------                        or 30 s pass without a request
//! ```
//!
//! EN 13757-4, 11.6. Invariants: the same request (sender, C with FCB, access number) is acted on once, also when
//! others asked in between, as long as no more than [`SENDERS`] ask; it gets the same answer again; a cycle ends
//! after `end_after` without a request, so the number of repetitions is bounded, or by SND-NKE of the device that asked
//! last and of no other; every request, command and response is paid from the credits; the machine
//! sends nothing outside the windows but what the application hands it. Nothing here is authenticated: who sends
//! with the address of another can ask in its name, and what must not be done twice is up to the counters of security.

use crate::queue::Queue;
use crate::time::{Duration, Instant, SteadyClock};
use crate::wireless::access_cycle::{AccessTiming, Credits};
use crate::wireless::{Frame, Routing, StoredFrame};
use crate::{Address, CField, CommunicationControl, Error, ErrorKind};

/// The longest time that a cycle goes on without a request.
pub const LONGEST_CYCLE: Duration = Duration::from_secs(30);
/// The shortest time after which it may end.
pub const SHORTEST_CYCLE: Duration = Duration::from_secs(25);

/// Of so many senders the last request is remembered.
pub const SENDERS: usize = 4;

/// A request or command that the application has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request {
    /// Who asks.
    pub from: Address,
    /// What for.
    pub c_field: CField,
    /// The access number, which the answer carries too.
    pub access_number: Option<u8>,
}

/// Why a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CycleEnd {
    /// The other device sent SND-NKE.
    Reset,
    /// Nobody asked any more.
    Timeout,
    /// The credits are used up.
    OutOfCredits,
}

/// What happened on the meter's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MeterEvent {
    /// Answer this with [`MeterAccess::respond`]. The frame itself is what was just handed in.
    Request(Request),
    /// The request was heard before: its answer, if it has one, is sent again, there is nothing to do.
    RepeatedRequest(Request),
    /// The request was heard before, and others were answered since. Answer it once more with [`MeterAccess::respond`],
    /// but do not act on it again.
    AskedAgain(Request),
    /// A frame for this meter that needs no answer: SND-NKE, CNF-IR, ACK; SND-UD3, which is told once.
    Received(Request),
    /// A frequent access cycle began.
    CycleBegan,
    /// It ended.
    CycleEnded(CycleEnd),
    /// A request was ignored for want of credits.
    OutOfCredits(Request),
    /// The answer was not there in time. It is kept for when the request is repeated.
    AnswerTooLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Own,
    Answer,
}

#[derive(Clone, Copy, Debug)]
struct Cycle {
    last_request: Instant,
    /// When the last answer is sent again.
    repeat_at: Option<Instant>,
}

/// The meter's side of the access cycle.
///
/// Hand it every own frame ([`MeterAccess::send`]) and every frame received; call
/// [`MeterAccess::transmitted`] at the end of each transmission, from which the windows count.
#[derive(Clone, Debug)]
pub struct MeterAccess {
    address: Address,
    timing: AccessTiming,
    repeat_every: Duration,
    end_after: Duration,
    credits: Credits,
    clock: SteadyClock,
    own: Option<StoredFrame>,
    /// The answer to `request`; empty while the application owes it.
    answer: StoredFrame,
    request: Option<Request>,
    /// The last request or command of each sender, the newest first.
    heard: [Option<Request>; SENDERS],
    /// The window in which the answer goes out, while it has not.
    answer_window: Option<(Instant, Instant)>,
    listening: Option<(Instant, Instant)>,
    sending: Option<Sending>,
    cycle: Option<Cycle>,
    events: Queue<MeterEvent, 8>,
}

impl MeterAccess {
    /// A meter that is asleep. `repeat_factor` picks one of the three factors of the mode (0 to 2, taken
    /// modulo 3), best from the identification number, so that neighbours differ.
    #[must_use]
    pub fn new(address: Address, timing: AccessTiming, repeat_factor: u8, credits: Credits) -> Self {
        let [a, b, c] = timing.repeat_factors;
        let factor = match repeat_factor % 3 {
            0 => a,
            1 => b,
            _ => c,
        };
        Self {
            address,
            timing,
            repeat_every: Duration::from_secs(u64::from(factor)),
            end_after: LONGEST_CYCLE,
            credits,
            clock: SteadyClock::new(),
            own: None,
            answer: StoredFrame::EMPTY,
            request: None,
            heard: [None; SENDERS],
            answer_window: None,
            listening: None,
            sending: None,
            cycle: None,
            events: Queue::new(),
        }
    }
    /// Ends a cycle this long after the last request, kept within 25 to 30 s.
    pub fn set_end_after(&mut self, end_after: Duration) {
        self.end_after = end_after.clamp(SHORTEST_CYCLE, LONGEST_CYCLE);
    }
    /// Hands over a frame of the meter's own (SND-NR, ACC-NR, SND-IR, ACC-DMD) without CRCs, to be sent
    /// as soon as no answer is owed. It replaces one that was not sent yet, and ends an open window.
    ///
    /// # Errors
    /// Those of [`Frame::parse`].
    pub fn send(&mut self, octets: &[u8]) -> Result<(), Error> {
        Frame::parse(octets)?;
        self.own = Some(StoredFrame::new(octets)?);
        Ok(())
    }
    /// Hands over the answer to the last [`MeterEvent::Request`], without CRCs.
    ///
    /// # Errors
    /// [`ErrorKind::NothingToAnswer`] without a request; those of [`Frame::parse`].
    pub fn respond(&mut self, octets: &[u8]) -> Result<(), Error> {
        if self.request.is_none() || !self.answer.is_empty() {
            return Err(ErrorKind::NothingToAnswer.at(0));
        }
        Frame::parse(octets)?;
        self.answer = StoredFrame::new(octets)?;
        Ok(())
    }
    /// Takes a frame without CRCs whose end was received at `now`. Frames for others are ignored.
    ///
    /// # Errors
    /// Those of [`Frame::parse`]; the frame then is ignored.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        let frame = Frame::parse(octets)?;
        let routing = Routing::of(octets);
        let Some(addressee) = routing.addressee else { return Ok(()) };
        // Only a command to many meters may carry wildcards: an answer to it would collide.
        let to_many = frame.c_field() == CField::SND_UD3 && addressee.matches(self.address);
        if addressee != self.address && !to_many {
            return Ok(());
        }
        let (from, c_field) = (frame.address(), frame.c_field());
        let request = Request { from, c_field, access_number: routing.access_number };
        match c_field.name() {
            Some("SND-NKE") => self.reset(request),
            Some("REQ-UD1" | "REQ-UD2" | "SND-UD" | "SND-UD2" | "REQ-SKE") => {
                self.take_request(now, request, routing.control);
            }
            Some("SND-UD3") => self.take_command_to_many(request),
            Some("CNF-IR" | "ACK") => {
                self.listening = None;
                self.tell(MeterEvent::Received(request));
            }
            _ => {}
        }
        Ok(())
    }
    /// Ends what is over and prepares what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.read(now);
        self.credits.refill(now);
        if self.listening.is_some_and(|(_, until)| until < now) {
            self.listening = None;
        }
        if self.answer_window.is_some_and(|(_, until)| until < now) {
            self.answer_window = None;
            self.tell(MeterEvent::AnswerTooLate);
        }
        let Some(cycle) = self.cycle else { return };
        if now.since(cycle.last_request) >= self.end_after {
            self.end_cycle(CycleEnd::Timeout);
        } else if cycle.repeat_at.is_some_and(|at| at <= now) && self.answer_window.is_none() {
            self.cycle = Some(Cycle { repeat_at: None, ..cycle });
            self.answer_window = Some((now, now.after(self.repeat_every)));
        }
    }
    /// The frame to be sent now, without CRCs, if one is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        self.handle_timeout(now);
        let now = self.clock.read(now);
        let due = self.answer_window.is_some_and(|(from, _)| from <= now);
        if due && !self.answer.is_empty() {
            self.answer_window = None;
            if self.credits.spend(CField::RSP_UD) {
                self.start_answer(now);
                return Some(self.answer.octets());
            }
            self.end_cycle(CycleEnd::OutOfCredits);
        }
        // An answer that is owed comes first.
        if self.answer_window.is_some() {
            return None;
        }
        self.own?;
        self.sending = Some(Sending::Own);
        self.listening = None;
        self.own.as_ref().map(StoredFrame::octets)
    }
    /// Tells that the transmission of what [`MeterAccess::poll_transmit`] gave last ended at `now`. The
    /// window opens if the frame offers access.
    pub fn transmitted(&mut self, now: Instant) {
        let now = self.clock.read(now);
        let sent = match self.sending.take() {
            Some(Sending::Own) => self.own.take(),
            Some(Sending::Answer) => Some(self.answer),
            None => None,
        };
        let control = sent.and_then(|sent| Routing::of(sent.octets()).control);
        if control.is_some_and(|c| c.contains(CommunicationControl::BIDIRECTIONAL)) {
            self.listening = Some(self.timing.window(control).after(now));
        }
    }
    /// When an answer of the other device may begin: the receiver has to be on from and to. `None`: it
    /// may be off. (A meter with unlimited access keeps it on and needs no window.)
    #[must_use]
    pub fn listening(&self) -> Option<(Instant, Instant)> {
        let (from, to) = self.listening?;
        Some((self.clock.caller_time(from), self.clock.caller_time(to)))
    }
    /// When something is to be done next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let just_after = |until: Instant| until.after(Duration::from_micros(1));
        let answer = self.answer_window.map(
            |(from, until)| {
                if self.answer.is_empty() { just_after(until) } else { from }
            },
        );
        let listening = self.listening.map(|(_, until)| just_after(until));
        let end = self.cycle.map(|cycle| cycle.last_request.after(self.end_after));
        let repeat = self.cycle.and_then(|cycle| cycle.repeat_at);
        let next = [answer, listening, end, repeat].into_iter().flatten().min();
        next.map(|at| self.clock.caller_time(at))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<MeterEvent> {
        self.events.pop()
    }
    /// Events that nobody fetched in time.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.events.lost()
    }
    /// True in a frequent access cycle.
    #[must_use]
    pub const fn in_cycle(&self) -> bool {
        self.cycle.is_some()
    }
    /// The credits.
    #[must_use]
    pub const fn credits(&self) -> &Credits {
        &self.credits
    }

    /// SND-NKE: ends what its sender began. What another device began goes on.
    fn reset(&mut self, request: Request) {
        self.tell(MeterEvent::Received(request));
        self.heard.iter_mut().for_each(|slot| {
            slot.take_if(|heard| heard.from == request.from);
        });
        if self.request.is_some_and(|asked| asked.from != request.from) {
            return;
        }
        self.request = None;
        self.answer = StoredFrame::EMPTY;
        self.answer_window = None;
        self.listening = None;
        self.end_cycle(CycleEnd::Reset);
    }

    /// What the application must act on is told whatever else waits.
    fn tell(&mut self, event: MeterEvent) {
        self.events.insist(event, |event| match event {
            MeterEvent::Request(_) | MeterEvent::AskedAgain(_) => 2,
            MeterEvent::Received(_) | MeterEvent::OutOfCredits(_) => 1,
            _ => 0,
        });
    }

    /// Remembers a request; true when it was the last one of its sender before.
    fn was_heard(&mut self, request: Request) -> bool {
        let known = self.heard.iter().position(|heard| heard.is_some_and(|h| h.from == request.from));
        let place = known.unwrap_or(SENDERS.saturating_sub(1));
        let again = self.heard.get(place).is_some_and(|heard| *heard == Some(request));
        if let Some(up_to_it) = self.heard.get_mut(..=place) {
            up_to_it.rotate_right(1);
        }
        if let Some(newest) = self.heard.first_mut() {
            *newest = Some(request);
        }
        again
    }

    /// SND-UD3 is paid as any command and handed up once; nobody answers it.
    fn take_command_to_many(&mut self, request: Request) {
        self.listening = None;
        if !self.credits.spend(request.c_field) {
            self.tell(MeterEvent::OutOfCredits(request));
        } else if self.was_heard(request) {
            self.tell(MeterEvent::RepeatedRequest(request));
        } else {
            self.tell(MeterEvent::Received(request));
        }
    }

    fn take_request(&mut self, now: Instant, request: Request, control: Option<CommunicationControl>) {
        if !self.credits.spend(request.c_field) {
            self.tell(MeterEvent::OutOfCredits(request));
            return;
        }
        self.listening = None;
        self.answer_window = Some(self.timing.window(control).after(now));
        let again = self.was_heard(request);
        if self.request == Some(request) {
            self.tell(MeterEvent::RepeatedRequest(request));
        } else {
            self.request = Some(request);
            self.answer = StoredFrame::EMPTY;
            self.tell(if again { MeterEvent::AskedAgain(request) } else { MeterEvent::Request(request) });
        }
        if self.cycle.is_none() {
            self.tell(MeterEvent::CycleBegan);
        }
        self.cycle = Some(Cycle { last_request: now, repeat_at: None });
    }

    fn start_answer(&mut self, now: Instant) {
        self.sending = Some(Sending::Answer);
        self.listening = None;
        if let Some(cycle) = &mut self.cycle {
            cycle.repeat_at = Some(now.after(self.repeat_every));
        }
    }

    fn end_cycle(&mut self, reason: CycleEnd) {
        if self.cycle.take().is_some() {
            self.tell(MeterEvent::CycleEnded(reason));
        }
        self.answer_window = None;
    }
}
