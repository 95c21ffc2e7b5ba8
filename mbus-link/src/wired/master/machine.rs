//! The state machine of the master.
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
use crate::wired::command::Command;
use crate::wired::data_class::DataClass;
use crate::wired::deframer::{Deframed, Deframer};
use crate::wired::frame::{Frame, MAX_LEN};
use crate::wired::frame_store::{FrameStore, fingerprint};
use crate::wired::selection::Selection;
use crate::wired::timing::LineTiming;
use crate::{CField, Error, ErrorKind};

use super::echo::Echo;
use super::events::Events;
use super::fcb::FrameCountBits;
use super::{Expected, Fault, MasterEvent};

/// How often a request goes out unless said otherwise.
const SENDS: u8 = 3;
/// CI and data of the longest selection that a master sends: with fabrication number and a few records.
const MAX_COMMAND: usize = 64;

/// What the frame under way belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
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
struct Reading {
    address: PrimaryAddress,
    limit: u16,
    telegrams: u16,
    last: Option<u32>,
}

/// The master's end of the wired bus, about 1 kB of memory.
///
/// ```
/// use mbus_link::time::{Duration, Instant};
/// use mbus_link::wired::{DataClass, LineTiming, Master, MasterEvent, PrimaryAddress};
/// let mut master = Master::new(LineTiming::new(2400));
/// master.request(PrimaryAddress(1), DataClass::Two)?;
/// let now = Instant::ZERO;
/// assert_eq!(master.poll_transmit(now), Some(&[0x10, 0x7B, 0x01, 0x7C, 0x16][..]));
/// let answer = [0x68, 0x08, 0x08, 0x68, 0x08, 0x01, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87, 0xCE, 0x16];
/// master.handle_input(now.after(Duration::from_millis(100)), &answer);
/// let Some(MasterEvent::Data { payload, .. }) = master.poll_event() else { panic!() };
/// assert_eq!(payload, [0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Master {
    deframer: Deframer,
    link: Link,
}

#[derive(Clone, Debug)]
struct Link {
    line: LineTiming,
    sends: u8,
    hears_out: bool,
    clock: SteadyClock,
    phase: Phase,
    order: Option<Order>,
    reading: Option<Reading>,
    fcb: FrameCountBits,
    echo: Echo,
    request: FrameStore,
    answer: FrameStore,
    /// A good answer is in the store while the window is heard out.
    heard: bool,
    /// What went wrong in this attempt.
    fault: Option<Fault>,
    /// The next request goes out then at the earliest.
    quiet: Instant,
    /// The end of the last request's window.
    window_end: Instant,
    is_awake: bool,
    frames_sent: u32,
    events: Events,
}

impl Master {
    /// A master that has not sent anything yet: three sends per request.
    #[must_use]
    pub const fn new(line: LineTiming) -> Self {
        Self {
            deframer: Deframer::new(line),
            link: Link {
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
            },
        }
    }
    /// How often a request goes out before it fails, at least once.
    pub const fn set_sends(&mut self, sends: u8) {
        self.link.sends = if sends == 0 { 1 } else { sends };
    }
    /// How often a request goes out before it fails.
    #[must_use]
    pub const fn sends(&self) -> u8 {
        self.link.sends
    }
    /// Whether an answer counts only when the whole window passed without another octet: for a search, where several
    /// slaves may answer. From the start the first good answer counts at once.
    pub const fn set_hears_out(&mut self, hears_out: bool) {
        self.link.hears_out = hears_out;
    }
    /// The line was switched off: before the next request [`LineTiming::wake_up`] passes again.
    pub const fn line_was_off(&mut self) {
        self.link.is_awake = false;
    }
    /// The times of the line from now on. The rate is that of the port: whoever changes it tells the port too.
    pub const fn set_line(&mut self, line: LineTiming) {
        self.link.line = line;
        self.deframer.set_line(line);
    }
    /// The rate and times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.link.line
    }
    /// Frames sent so far, repetitions included.
    #[must_use]
    pub const fn frames_sent(&self) -> u32 {
        self.link.frames_sent
    }
    /// True while an order is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.link.order.is_some()
    }

    /// Orders SND-NKE. At 253 a slave may answer or not.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn reset(&mut self, address: PrimaryAddress) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Ack);
        self.link.begin(Step::Single, expected, &Frame::Short { c_field: CField::SND_NKE, address })
    }
    /// Orders a request of data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn request(&mut self, address: PrimaryAddress, class: DataClass) -> Result<(), Error> {
        let expected = match class {
            DataClass::One => Expected::AckOrData,
            DataClass::Two => Expected::Data,
        };
        let c_field = class.request().with_fcb(self.link.fcb.next(address));
        self.link.begin(Step::Single, answer_at(address, expected), &Frame::Short { c_field, address })
    }
    /// Orders a readout from its first telegram on: SND-NKE (not at 253, where it would deselect), then a request.
    /// Whether more telegrams follow stands in the data (DIF 1Fh), so the caller decides and calls [`Master::more`], at
    /// most until there are `limit` telegrams.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn read(&mut self, address: PrimaryAddress, limit: u16) -> Result<(), Error> {
        if address == PrimaryAddress::SELECTED {
            self.link.begin_read(address)?;
        } else {
            let expected = answer_at(address, Expected::Ack);
            let reset = Frame::Short { c_field: CField::SND_NKE, address };
            self.link.begin(Step::ReadReset, expected, &reset)?;
        }
        self.link.reading = Some(Reading { address, limit, telegrams: 0, last: None });
        Ok(())
    }
    /// Orders the next telegram of the readout that gave the last data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; [`ErrorKind::NoReadout`] when it failed, was cancelled, or something else was
    /// ordered since; [`ErrorKind::ReadoutTooLong`].
    pub fn more(&mut self) -> Result<(), Error> {
        let reading = self.link.reading.ok_or(ErrorKind::NoReadout.at(0))?;
        if reading.telegrams >= reading.limit {
            return Err(ErrorKind::ReadoutTooLong { limit: reading.limit }.at(0));
        }
        self.link.begin_read(reading.address)?;
        self.link.reading = Some(reading);
        Ok(())
    }
    /// Orders a command, SND-UD with CI and data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn send(&mut self, address: PrimaryAddress, payload: &[u8]) -> Result<(), Error> {
        let c_field = CField::SND_UD.with_fcb(self.link.fcb.next(address));
        let expected = answer_at(address, Expected::Ack);
        self.link.begin(Step::Single, expected, &Frame::Long { c_field, address, payload })
    }
    /// Orders a command that is answered with data, SND-UD2 with CI and data. Its FCB does not count: when the answer
    /// gets lost the slave acts once more.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn send_for_data(&mut self, address: PrimaryAddress, payload: &[u8]) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Data);
        let frame = Frame::Long { c_field: CField::SND_UD2, address, payload };
        self.link.begin(Step::Single, expected, &frame)
    }
    /// Orders a selection. Acknowledged means that one slave or more are selected; only its data shows that it is one.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; [`ErrorKind::BufferTooSmall`] with more than 49 octets of further records.
    pub fn select(&mut self, selection: &Selection<'_>) -> Result<(), Error> {
        let mut buffer = [0; MAX_COMMAND];
        let payload = &*Command::Select(*selection).encode_into(&mut buffer)?;
        let address = PrimaryAddress::SELECTED;
        self.link.begin(
            Step::Select,
            Expected::Ack,
            &Frame::Long { c_field: CField::SND_UD, address, payload },
        )
    }
    /// Orders the status of the link.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn status(&mut self, address: PrimaryAddress) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Status);
        self.link.begin(Step::Single, expected, &Frame::Short { c_field: CField::REQ_SKE, address })
    }
    /// Orders another rate. When the slave does not answer there (SND-NKE; at 253 a request of data), the line goes
    /// back to the old rate; so does the slave after some time.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn change_rate(&mut self, address: PrimaryAddress, rate: BaudRate) -> Result<(), Error> {
        let c_field = CField::SND_UD.with_fcb(self.link.fcb.next(address));
        let expected = answer_at(address, Expected::Ack);
        let frame = Frame::Long { c_field, address, payload: &[rate.ci()] };
        self.link.begin(Step::Rate(rate), expected, &frame)
    }
    /// Orders any frame, as it is: FCBs are neither set nor counted.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn raw(&mut self, frame: &Frame<'_>, expected: Expected) -> Result<(), Error> {
        self.link.begin(Step::Raw, expected, frame)
    }
    /// Gives up the order under way, which ends with [`MasterEvent::Cancelled`]; false when there was none. A rate
    /// that was about to change is the old one again.
    pub fn cancel(&mut self) -> bool {
        let cancelled = self.link.cancel();
        self.deframer.set_line(self.link.line);
        cancelled
    }

    /// Takes octets of the line, the last of which came in at `now`.
    pub fn handle_input(&mut self, now: Instant, mut octets: &[u8]) {
        let now = self.link.clock.read(now);
        // What came before the time was up counts, also when both are told at once.
        if !octets.is_empty() {
            self.link.heard_octets(now);
        }
        let again = self.link.echo.filter(self.link.request.octets(), &mut octets);
        if again > 0 {
            let request = self.link.request;
            let mut taken = request.octets().get(..again).unwrap_or_default();
            self.deframe(now, &mut taken);
        }
        self.deframe(now, &mut octets);
        self.turn(now);
    }
    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.link.clock.read(now);
        self.turn(now);
    }
    /// The request to be sent now, if there is one and the line rests.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let now = self.link.clock.read(now);
        self.turn(now);
        if !self.link.may_send(now) {
            return None;
        }
        self.deframer.gap();
        self.drain(now);
        self.link.transmit(now)
    }
    /// When [`Master::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = self.link.next_timeout(self.deframer.poll_timeout())?;
        Some(self.link.clock.caller_time(next))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<MasterEvent<'_>> {
        self.link.events.next(&self.link.answer)
    }
    /// True when an event waits to be fetched.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.link.events.is_empty()
    }
    /// Events that nobody fetched in time.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.link.events.lost()
    }

    fn deframe(&mut self, now: Instant, octets: &mut &[u8]) {
        while let Some(found) = self.deframer.handle_input(now, octets) {
            self.link.take(now, found);
        }
    }
    fn drain(&mut self, now: Instant) {
        while let Some(found) = self.deframer.poll_event() {
            self.link.take(now, found);
        }
    }
    fn turn(&mut self, now: Instant) {
        self.deframer.handle_timeout(now);
        self.drain(now);
        self.link.turn(now, self.deframer.is_empty());
        if self.deframer.line() != self.link.line {
            self.deframer.set_line(self.link.line);
        }
    }
}

/// What answers at this address.
const fn answer_at(address: PrimaryAddress, expected: Expected) -> Expected {
    if address.is_answered() { expected } else { Expected::Nothing }
}

impl Link {
    fn begin(&mut self, step: Step, expected: Expected, frame: &Frame<'_>) -> Result<(), Error> {
        if self.order.is_some() {
            return Err(ErrorKind::OrderUnderWay.at(0));
        }
        self.reading = None;
        self.request.set(frame)?;
        let address = frame.address().unwrap_or_default();
        self.go(Order { step, address, expected, sends: 0 });
        Ok(())
    }
    fn begin_read(&mut self, address: PrimaryAddress) -> Result<(), Error> {
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
    fn cancel(&mut self) -> bool {
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

    fn heard_octets(&mut self, now: Instant) {
        self.quiet = self.quiet.max(now.after(self.line.rest()).after(self.line.pause));
    }
    fn may_send(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Ready { .. }) && self.quiet <= now
    }
    fn transmit(&mut self, now: Instant) -> Option<&[u8]> {
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

    fn take(&mut self, now: Instant, found: Deframed<'_>) {
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
    fn turn(&mut self, now: Instant, nothing_begun: bool) {
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
    fn next_timeout(&self, deframer: Option<Instant>) -> Option<Instant> {
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

crate::wired::station::station!(Master);
