//! The gateway that talks: installs its meters, sets their clocks, closes their valves, asks for their readings.
//!
//! ```text
//! SND-IR of a meter with a key    -> CNF-IR
//! its first push                  -> the first order is posted: a command and the request that fetches what came of it
//! its next push                   -> sent in the window; acknowledged; asked; answered; SND-NKE
//! ```
//!
//! Invariants: one order of a meter at a time; every command takes a counter of its own; an answer is believed when the
//! collector believed it.

use crate::meter::records::date_time;
use chrono::{NaiveDateTime, TimeDelta, Timelike};
use examples::decode::model::Reading;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::{ClockCommand, Switch, SwitchState};
use mbus_app::date_time::{DateTime, Precision, Time};
use mbus_app::record::builder::{Element, RecordsBuilder};
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{AccessTiming, OtherDevice, OtherDeviceEvent, Ticket};
use mbus_link::wireless::{Frame, Routing, StoredFrame};
use mbus_link::{Address, CField, CommunicationControl, Ell};
use oms_security::count::Count;
use oms_security::key::{Aes, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;

/// CI of a clock and of records to a meter, long header.
const CI_CLOCK: u8 = 0x6C;
const CI_RECORDS: u8 = 0x5B;

/// How often a frame is sent: others send in the same windows.
const TRIES: u8 = 8;

/// What a meter is told or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Its readings, by REQ-UD2.
    Read,
    /// Its clock is set.
    Clock,
    /// Its valve or breaker is closed.
    Close,
}

impl Order {
    /// All orders, in the order in which every meter gets them.
    pub const TABLE: [Self; 3] = [Self::Read, Self::Clock, Self::Close];
}

/// An order that was posted.
#[derive(Clone, Copy, Debug)]
struct Posted {
    order: Order,
    command: Option<Ticket>,
    acknowledged: bool,
    request: Ticket,
    /// The access number of the request, which the answer carries.
    number: u8,
    /// The time that the command is made for: from and to. It is not true at any other.
    made_for: Option<(Instant, Instant)>,
}

/// A meter of this gateway.
#[derive(Debug)]
pub struct Managed {
    /// Who it is.
    pub address: Address,
    profile: Profile,
    key: PreparedKey<Aes>,
    down: SenderState,
    number: u8,
    fcb: bool,
    posted: Option<Posted>,
    /// What came of the orders so far.
    pub outcomes: Vec<(Order, String)>,
}

impl Managed {
    fn next_order(&self) -> Option<Order> {
        Order::TABLE.get(self.outcomes.len()).copied().filter(|_| self.posted.is_none())
    }
}

/// The gateway on the roof.
#[derive(Debug)]
pub struct Station {
    /// Its link layer.
    pub device: OtherDevice<64>,
    address: Address,
    meters: Vec<Managed>,
    /// Frames that were sent to meters with data.
    pub sent: u32,
}

impl Station {
    /// A gateway that has no meters yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let mut device = OtherDevice::new(address, AccessTiming::T2);
        device.set_patience(TRIES, Duration::from_secs(24 * 3600));
        Self { device, address, meters: Vec::new(), sent: 0 }
    }
    /// Takes a meter into its list.
    pub fn manage(&mut self, address: Address, profile: Profile, key: PreparedKey<Aes>) {
        let count = Count { meter: address, to_meter: true, key_id: 0, key_version: 0 };
        let down = SenderState::new(count, 1);
        let (posted, outcomes) = (None, Vec::new());
        self.meters.push(Managed { address, profile, key, down, number: 0, fcb: false, posted, outcomes });
    }
    /// The meters.
    #[must_use]
    pub fn meters(&self) -> &[Managed] {
        &self.meters
    }
    /// Takes a frame that ended at `now`.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) {
        let _ = self.device.handle_input(now, octets);
        while let Some(event) = self.device.poll_event() {
            match event {
                OtherDeviceEvent::InstallationRequest(meter)
                    if self.meters.iter().any(|managed| managed.address == meter) =>
                {
                    self.device.confirm(meter);
                }
                event => self.event(event),
            }
        }
    }
    /// The frame to be sent now.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let sent = self.device.poll_transmit(now).map(<[u8]>::to_vec);
        while let Some(event) = self.device.poll_event() {
            self.event(event);
        }
        sent
    }
    fn event(&mut self, event: OtherDeviceEvent) {
        match event {
            OtherDeviceEvent::Sent(_) => self.sent += 1,
            OtherDeviceEvent::Answered(ticket, c_field) if c_field.is(CField::ACK) => {
                let posted = self.meters.iter_mut().filter_map(|managed| managed.posted.as_mut());
                for posted in posted.filter(|posted| posted.command == Some(ticket)) {
                    posted.acknowledged = true;
                }
            }
            OtherDeviceEvent::GivenUp(ticket, _) => {
                let lost = |managed: &&mut Managed| managed.posted.is_some_and(|p| p.request == ticket);
                if let Some(managed) = self.meters.iter_mut().find(lost) {
                    let order = managed.posted.take().map(|posted| posted.order);
                    managed.outcomes.extend(order.map(|order| (order, "no answer".to_owned())));
                }
            }
            _ => {}
        }
    }
    /// Takes a reading that the collector believes: a push, which may be the time for an order, or the answer to one.
    ///
    /// `expected` is when the meter will be heard next, `start` what a right clock shows at [`Instant::ZERO`].
    pub fn read(
        &mut self,
        now: Instant,
        reading: &Reading,
        expected: Option<(Instant, Instant)>,
        start: NaiveDateTime,
    ) {
        let Some(frame) = &reading.frame else { return };
        let Ok(parsed) = Frame::parse(&frame.octets) else { return };
        let Some(managed) = self.meters.iter_mut().find(|managed| managed.address == parsed.address()) else {
            return;
        };
        if let Some(used) = reading.security.as_ref().and_then(|security| security.counter) {
            // A counter of another meter raises nothing.
            let _ = managed.down.raise_above(&used);
        }
        let number = Routing::of(&frame.octets).access_number;
        if parsed.c_field().is(CField::RSP_UD) {
            if let Some(posted) = managed.posted.take_if(|posted| Some(posted.number) == number) {
                managed.outcomes.extend(outcome(&posted, reading).map(|outcome| (posted.order, outcome)));
            }
            return;
        }
        if parsed.c_field() != CField::SND_NR {
            return;
        }
        let is_late = |posted: &mut Posted| {
            !posted.acknowledged && posted.made_for.is_some_and(|(from, to)| now < from || to < now)
        };
        // What is made for one moment is made anew when it passed unused.
        if let Some(late) = managed.posted.take_if(is_late) {
            late.command.map(|command| self.device.withdraw(command));
            self.device.withdraw(late.request);
        }
        match managed.next_order() {
            Some(Order::Clock) if expected.is_none() && Routing::of(&frame.octets).is_repeated() => {
                managed.outcomes.push((Order::Clock, "not predicted".to_owned()));
            }
            Some(Order::Clock) if expected.is_none() => {}
            Some(order) => {
                managed.posted = post(&mut self.device, now, self.address, managed, order, (expected, start));
            }
            None => {}
        }
    }
}

/// What an answer says about an order; none when it is not about this one, and has to be asked for again: a meter that was
/// commanded by somebody else in our name tells the next request that it refused.
fn outcome(posted: &Posted, reading: &Reading) -> Option<String> {
    let error = reading.facts.iter().find(|(name, _)| *name == "application_error");
    if let Some((_, error)) = error {
        return posted.acknowledged.then(|| error.clone());
    }
    let state = reading.records.iter().find(|record| record.quantity == "digital output");
    Some(match (posted.order, state.map(|record| record.data.as_slice())) {
        (Order::Read, _) => format!("{} records", reading.records.len()),
        (_, _) if !posted.acknowledged => "not acknowledged".to_owned(),
        (Order::Clock, _) => "set".to_owned(),
        (Order::Close, Some([state])) => SwitchState(*state).to_string(),
        (Order::Close, _) => "no switch".to_owned(),
    })
}

/// Posts the frames of an order.
fn post(
    device: &mut OtherDevice<64>,
    now: Instant,
    gateway: Address,
    managed: &mut Managed,
    order: Order,
    (expected, start): (Option<(Instant, Instant)>, NaiveDateTime),
) -> Option<Posted> {
    let mut next = || {
        managed.number = managed.number.wrapping_add(1);
        managed.fcb = !managed.fcb;
        (managed.number, managed.fcb)
    };
    let (first, second) = (next(), next());
    let command = match order {
        Order::Read => None,
        Order::Clock => {
            // The middle of the window in which the meter will be heard, and what it takes to tell it.
            let (from, to) = expected?;
            let then = i64::try_from(from.as_micros().midpoint(to.as_micros())).ok()?;
            Some((CI_CLOCK, set_clock(start + TimeDelta::microseconds(then) + TO_TELL)?))
        }
        Order::Close => {
            let close =
                [Element::Record(Switch { state: SwitchState::CLOSED, ..Switch::default() }.record())];
            Some((CI_RECORDS, RecordsBuilder { elements: &close }.to_vec().ok()?))
        }
    };
    let command = match command {
        Some((ci, body)) => {
            let frame = sealed(managed, gateway, ci, first, &body)?;
            let posted = match expected.filter(|_| order == Order::Clock) {
                Some(moment) => device.post_between(moment, now, managed.address, &frame),
                None => device.post(now, managed.address, &frame),
            };
            Some(posted.ok()?)
        }
        None => None,
    };
    let (number, fcb) = second;
    let c_field = CField::REQ_UD2.with_fcb(fcb);
    let request = StoredFrame::short(c_field, gateway, managed.address, CONTROL, number);
    let request = device.post(now, managed.address, request.octets()).ok()?;
    let made_for = expected.filter(|_| order == Order::Clock);
    Some(Posted { order, command, acknowledged: false, request, number, made_for })
}

/// Always accessible, in both directions.
const CONTROL: CommunicationControl =
    CommunicationControl::BIDIRECTIONAL.union(CommunicationControl::ACCESSIBILITY);

/// From the end of the push to the end of the command.
const TO_TELL: TimeDelta = TimeDelta::milliseconds(50);

fn sealed(
    managed: &mut Managed,
    gateway: Address,
    ci: u8,
    (access_number, fcb): (u8, bool),
    body: &[u8],
) -> Option<Vec<u8>> {
    let ell = Some(Ell { control: CONTROL, access_number, receiver: None, session: None });
    let header = Header { access_number, ..Header::default() };
    let tpl = Tpl::of(CiField(ci), managed.address, header);
    let c_field = CField::SND_UD.with_fcb(fcb);
    let telegram =
        TelegramBuilder { ell, ..TelegramBuilder::wireless(c_field, gateway, tpl, Body::Octets(body)) };
    let protection = Protection::of(managed.profile);
    // A real gateway would write this to its disk before it sends.
    managed.down.export(1, 0);
    let (mut buffer, mut frame) = ([0; 256], [0; 256]);
    let sealed = telegram.seal_into(&protection, &managed.key, &mut managed.down, &mut buffer).ok()?;
    Some(sealed.frame_into(&mut frame).ok()?.to_vec())
}

fn set_clock(clock: NaiveDateTime) -> Option<Vec<u8>> {
    let minute = date_time(clock);
    let second = u8::try_from(clock.second()).ok();
    let moment = DateTime { time: Time { second, ..minute.time }, precision: Precision::Seconds, ..minute };
    let mut body = [0; ClockCommand::LEN];
    Some(ClockCommand::Set(moment).encode_into(&mut body).ok()?.to_vec())
}
