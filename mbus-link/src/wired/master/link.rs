//! The state machine of the master: one order from the request to its end.
//!
//! ```text
//! Idle -- order --> Ready -- the line rests --> Listening -- answer --> Idle
//!                     ^------ fault, sends left ----|---- fault ------> Idle
//! ```
//!
//! Invariants: one order at a time; a request goes out at most `sends` times, each time with the same FCB; an attempt
//! ends at the latest when the longest frame could have been sent twice, whatever the line does. Behind a repetition the
//! whole window is waited out before the next request, so that the second of two answers is not taken for the next one.

use crate::time::{Duration, Instant, SteadyClock};
use crate::wired::address::PrimaryAddress;
use crate::wired::baud_rate::BaudRate;
use crate::wired::deframer::Deframed;
use crate::wired::frame::{Frame, MAX_LEN};
use crate::wired::frame_store::{FrameStore, fingerprint};
use crate::wired::timing::LineTiming;
use crate::{CField, Error, ErrorKind};

use super::echo::Echo;
use super::events::Events;
use super::fcb::FrameCountBits;
use super::{Expected, Fault, MasterEvent};

/// How often a request goes out unless said otherwise.
const SENDS: u8 = 3;

/// What the frame under way belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Single,
    /// As the caller wrote it: no FCB is counted.
    Raw,
    /// SND-NKE in front of a readout.
    ReadReset,
    Read,
    Select,
    /// The command to change over.
    Rate(BaudRate),
    /// The proof at the new rate; the old one is to be gone back to.
    Proof(BaudRate, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The request waits for the line to rest, until `until` at the latest; `None` before the time is known.
    Ready {
        until: Option<Instant>,
    },
    /// An answer has to begin until `until` and to end until `end`.
    Listening {
        until: Instant,
        end: Instant,
    },
}

#[derive(Clone, Copy, Debug)]
struct Order {
    step: Step,
    address: PrimaryAddress,
    expected: Expected,
    sends: u8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) address: PrimaryAddress,
    pub(super) limit: u16,
    pub(super) telegrams: u16,
    pub(super) last: Option<u32>,
}

/// All of the master but the deframer, whose buffer the frame in hand lies in.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) line: LineTiming,
    pub(super) sends: u8,
    pub(super) hears_out: bool,
    pub(super) clock: SteadyClock,
    phase: Phase,
    order: Option<Order>,
    pub(super) reading: Option<Reading>,
    pub(super) fcb: FrameCountBits,
    pub(super) echo: Echo,
    pub(super) request: FrameStore,
    pub(super) answer: FrameStore,
    /// A good answer is in the store while the window is heard out.
    heard: bool,
    /// What went wrong in this attempt.
    fault: Option<Fault>,
    /// The next request goes out then at the earliest.
    quiet: Instant,
    /// The end of the last request's window.
    window_end: Instant,
    pub(super) is_awake: bool,
    pub(super) frames_sent: u32,
    pub(super) events: Events,
}

/// What answers at this address.
pub(super) const fn answer_at(address: PrimaryAddress, expected: Expected) -> Expected {
    if address.is_answered() { expected } else { Expected::Nothing }
}

impl Link {
    /// Nothing is under way.
    pub(super) const fn new(line: LineTiming) -> Self {
        Self {
            line,
            sends: SENDS,
            hears_out: false,
            clock: SteadyClock::new(),
            phase: Phase::Idle,
            order: None,
            reading: None,
            fcb: FrameCountBits::NEW,
            echo: Echo::NEW,
            request: FrameStore::EMPTY,
            answer: FrameStore::EMPTY,
            heard: false,
            fault: None,
            quiet: Instant::ZERO,
            window_end: Instant::ZERO,
            is_awake: false,
            frames_sent: 0,
            events: Events::NONE,
        }
    }
    /// True while an order is under way.
    pub(super) const fn is_busy(&self) -> bool {
        self.order.is_some()
    }
    pub(super) fn begin(&mut self, step: Step, expected: Expected, frame: &Frame<'_>) -> Result<(), Error> {
        if self.order.is_some() {
            return Err(ErrorKind::OrderUnderWay.at(0));
        }
        self.reading = None;
        self.request.set(frame)?;
        let address = frame.address().unwrap_or_default();
        self.go(Order { step, address, expected, sends: 0 });
        Ok(())
    }
    pub(super) fn begin_read(&mut self, address: PrimaryAddress) -> Result<(), Error> {
        let c_field = CField::REQ_UD2.with_fcb(self.fcb.next(address));
        self.begin(Step::Read, answer_at(address, Expected::Data), &Frame::Short { c_field, address })
    }
    /// The request in the store waits for its turn.
    const fn go(&mut self, order: Order) {
        self.order = Some(order);
        self.phase = Phase::Ready { until: None };
        self.heard = false;
        self.fault = None;
    }
    /// The next frame of the same order. It fits, since it is short.
    fn follow(&mut self, step: Step, expected: Expected, c_field: CField, address: PrimaryAddress) {
        if self.request.set(&Frame::Short { c_field, address }).is_ok() {
            self.go(Order { step, address, expected, sends: 0 });
        }
    }
    pub(super) fn cancel(&mut self) -> bool {
        let Some(order) = self.order.take() else { return false };
        self.reading = None;
        if let Step::Proof(_, old) = order.step {
            self.set_baud(old);
        }
        self.phase = Phase::Idle;
        // An answer may still be on its way.
        self.quiet = self.quiet.max(self.window_end);
        self.tell(MasterEvent::Cancelled);
        true
    }
    fn set_baud(&mut self, baud: u32) {
        if self.line.baud != baud {
            self.line.baud = baud;
            self.tell(MasterEvent::BaudRate(baud));
        }
    }

    pub(super) fn heard_octets(&mut self, now: Instant) {
        self.quiet = self.quiet.max(now.after(self.line.rest()).after(self.line.pause));
    }
    pub(super) fn may_send(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Ready { .. }) && self.quiet <= now
    }
    pub(super) fn transmit(&mut self, now: Instant) -> Option<&[u8]> {
        if !self.is_awake {
            self.is_awake = true;
            self.quiet = now.after(self.line.wake_up);
        }
        // What was taken just now may have ended the order.
        if !self.may_send(now) {
            return None;
        }
        let order = self.order.as_mut()?;
        order.sends = order.sends.saturating_add(1);
        self.frames_sent = self.frames_sent.saturating_add(1);
        let out = now.after(self.line.air_time(self.request.octets().len()));
        let (until, end) = if order.expected == Expected::Nothing {
            (out, out)
        } else {
            // The first octet is there one character after it has begun.
            let until = out.after(self.line.latest_answer()).after(self.line.air_time(1));
            (until, until.after(self.line.air_time(MAX_LEN.saturating_mul(2))))
        };
        self.phase = Phase::Listening { until, end };
        self.window_end = until;
        self.quiet = out.after(self.line.earliest_answer()).after(self.line.pause);
        self.heard = false;
        self.fault = None;
        self.echo.start();
        Some(self.request.octets())
    }

    pub(super) fn take(&mut self, now: Instant, found: Deframed<'_>) {
        match found {
            Deframed::Frame { frame, .. } => self.take_frame(now, frame),
            Deframed::Noise { octets } => self.disturbed(None, octets),
            Deframed::Broken { error, octets } => self.disturbed(Some(error), octets),
        }
    }
    fn disturbed(&mut self, error: Option<Error>, octets: usize) {
        if !matches!(self.phase, Phase::Listening { .. }) {
            self.tell(MasterEvent::Stray { octets });
        } else if core::mem::take(&mut self.heard) {
            self.fault = Some(Fault::Surplus);
        } else if self.fault.is_none() || self.fault == Some(Fault::Disturbed { error: None }) {
            self.fault = Some(Fault::Disturbed { error });
        }
    }
    fn take_frame(&mut self, now: Instant, frame: Frame<'_>) {
        // An echo that was not known as one.
        if frame.c_field().is_some_and(CField::is_primary) {
            return;
        }
        // An answer that was late comes while the repetition waits to be sent.
        let order = self.order.filter(|order| match self.phase {
            Phase::Idle => false,
            Phase::Ready { .. } => order.sends > 0,
            Phase::Listening { .. } => true,
        });
        let Some(order) = order else {
            return self.tell(MasterEvent::Stray { octets: frame.encoded_len() });
        };
        if core::mem::take(&mut self.heard) || self.fault == Some(Fault::Surplus) {
            self.fault = Some(Fault::Surplus);
            return;
        }
        match judge(&order, &frame) {
            Err(fault) => self.fault = Some(fault),
            // It came as a frame and fits again.
            Ok(()) if self.hears_out => self.heard = self.answer.set(&frame).is_ok(),
            Ok(()) => self.answered(now, order, &frame),
        }
    }
    /// A good answer came.
    fn answered(&mut self, now: Instant, order: Order, frame: &Frame<'_>) {
        self.end_order(now, order);
        let Order { address, sends, .. } = order;
        self.count_frame(order);
        match (order.step, *frame) {
            (Step::ReadReset, _) => {
                let c_field = CField::REQ_UD2.with_fcb(self.fcb.next(address));
                self.follow(Step::Read, answer_at(address, Expected::Data), c_field, address);
            }
            (Step::Rate(rate), _) => self.prove(rate, address),
            (Step::Proof(rate, _), _) => self.tell(MasterEvent::RateChanged(rate)),
            (_, Frame::SingleCharacter) => self.tell(MasterEvent::Acknowledged { address, sends }),
            (_, Frame::Short { c_field, .. }) => self.tell(MasterEvent::Status { address, c_field, sends }),
            (_, Frame::Long { payload, .. }) => self.data(order, frame, payload),
        }
    }
    /// Counts the FCB on, as far as it counts.
    fn count_frame(&mut self, order: Order) {
        let c_field = self.request.frame().and_then(|request| request.c_field()).unwrap_or(CField(0));
        if order.step == Step::Raw {
            return;
        }
        if order.step == Step::Select || c_field == CField::SND_NKE {
            // Behind both the slave has forgotten the last one.
            self.fcb.reset(order.address);
        } else if c_field.fcb() == Some(self.fcb.next(order.address)) {
            self.fcb.toggle(order.address);
        }
    }
    fn data(&mut self, order: Order, frame: &Frame<'_>, payload: &[u8]) {
        let print = fingerprint(payload);
        let (mut telegram, mut repeated) = (1, false);
        if let (Step::Read, Some(reading)) = (order.step, &mut self.reading) {
            reading.telegrams = reading.telegrams.saturating_add(1);
            telegram = reading.telegrams;
            repeated = reading.last == Some(print);
            reading.last = Some(print);
        }
        // It came as a frame and fits again.
        if self.answer.set(frame).is_ok() {
            self.events.tell_data(telegram, repeated, order.sends);
        }
    }
    /// Goes over to the new rate and asks there.
    fn prove(&mut self, rate: BaudRate, address: PrimaryAddress) {
        let old = self.line.baud;
        self.set_baud(rate.baud());
        let step = Step::Proof(rate, old);
        if address == PrimaryAddress::SELECTED {
            let c_field = CField::REQ_UD2.with_fcb(self.fcb.next(address));
            self.follow(step, Expected::Data, c_field, address);
        } else {
            self.follow(step, Expected::Ack, CField::SND_NKE, address);
        }
    }
    fn end_order(&mut self, now: Instant, order: Order) {
        self.order = None;
        self.phase = Phase::Idle;
        self.echo.end(self.request.octets());
        let pause = now.after(self.line.earliest_answer()).after(self.line.pause);
        self.quiet = if order.sends > 1 { pause.max(self.window_end.after(self.line.rest())) } else { pause };
    }

    /// Does what is due. `nothing_begun`: no frame is half received.
    pub(super) fn turn(&mut self, now: Instant, nothing_begun: bool) {
        let Some(order) = self.order else { return };
        match self.phase {
            Phase::Idle => {}
            Phase::Ready { until: None } => {
                // So long the line may go on with what nobody asked for.
                let patience =
                    self.line.latest_answer().saturating_add(self.line.air_time(MAX_LEN.saturating_mul(2)));
                let until = self.quiet.max(now).after(patience).after(self.line.wake_up);
                self.phase = Phase::Ready { until: Some(until) };
            }
            Phase::Ready { until: Some(until) } => {
                if self.quiet > now && until <= now {
                    self.fail(now, order, Fault::Endless);
                }
            }
            Phase::Listening { until, end } => {
                if order.expected == Expected::Nothing {
                    if until <= now {
                        self.sent(now, order);
                    }
                } else if end <= now {
                    self.attempt_failed(now, order, Fault::Endless);
                } else if until < now && nothing_begun {
                    self.window_closed(now, order);
                }
            }
        }
    }
    fn window_closed(&mut self, now: Instant, order: Order) {
        let disturbed_echo = self.echo.end(self.request.octets());
        let answer = self.answer;
        let answer = answer.frame().filter(|_| core::mem::take(&mut self.heard));
        match (self.fault, answer) {
            (None, Some(answer)) => self.answered(now, order, &answer),
            (Some(fault), _) => self.attempt_failed(now, order, fault),
            (None, None) if disturbed_echo => self.attempt_failed(now, order, Fault::Echo),
            (None, None) => self.attempt_failed(now, order, Fault::Silence),
        }
    }
    fn sent(&mut self, now: Instant, order: Order) {
        self.end_order(now, order);
        self.quiet = now.after(self.line.rest()).after(self.line.pause);
        self.count_frame(order);
        if let Step::Rate(rate) = order.step {
            self.set_baud(rate.baud());
            self.tell(MasterEvent::RateChanged(rate));
        } else {
            self.tell(MasterEvent::Sent { address: order.address });
        }
    }
    fn attempt_failed(&mut self, now: Instant, order: Order, fault: Fault) {
        self.echo.end(self.request.octets());
        self.quiet = self.quiet.max(now.after(self.line.rest()).after(self.line.pause));
        if order.sends >= self.sends {
            self.fail(now, order, fault);
            return;
        }
        self.fault = None;
        self.heard = false;
        self.phase = Phase::Ready { until: None };
        self.tell(MasterEvent::Retry { fault, sends: order.sends });
    }
    fn fail(&mut self, now: Instant, order: Order, fault: Fault) {
        if let (Step::Rate(rate), Fault::Silence) = (order.step, fault) {
            // Perhaps only the E5 got lost.
            self.tell(MasterEvent::Retry { fault, sends: order.sends });
            self.prove(rate, order.address);
            return;
        }
        if let Step::Proof(_, old) = order.step {
            self.set_baud(old);
        }
        self.order = None;
        self.reading = None;
        self.phase = Phase::Idle;
        // An answer may still be on its way.
        self.quiet = self.quiet.max(now.after(self.line.rest()));
        self.tell(MasterEvent::Failed { address: order.address, fault, sends: order.sends });
    }
    pub(super) fn next_timeout(&self, deframer: Option<Instant>) -> Option<Instant> {
        let just_after = |moment: Instant| moment.after(Duration::from_micros(1));
        match self.phase {
            Phase::Idle => deframer,
            Phase::Ready { until: None } => Some(self.quiet),
            Phase::Ready { until: Some(until) } => Some(self.quiet.min(until)),
            Phase::Listening { until, .. } if self.order.is_some_and(|o| o.expected == Expected::Nothing) => {
                Some(until)
            }
            Phase::Listening { until, end } => {
                Some(deframer.map_or(just_after(until), |gap| gap.max(until)).min(end))
            }
        }
    }

    fn tell(&mut self, event: MasterEvent<'static>) {
        self.events.tell(event);
    }
}

/// Whether this frame is what the order waits for.
fn judge(order: &Order, frame: &Frame<'_>) -> Result<(), Fault> {
    let unexpected = Fault::Unexpected(frame.c_field());
    let fits = match (order.expected, frame) {
        (Expected::Ack | Expected::AckOrData, Frame::SingleCharacter) => true,
        (Expected::Data | Expected::AckOrData, Frame::Long { c_field, .. }) => c_field.is(CField::RSP_UD),
        (Expected::Status, Frame::Short { c_field, .. }) => c_field.is(CField::RSP_SKE),
        _ => false,
    };
    if !fits {
        return Err(unexpected);
    }
    match frame.address() {
        Some(address) if order.address.is_slave() && address != order.address => {
            Err(Fault::OtherAddress(address))
        }
        _ => Ok(()),
    }
}
