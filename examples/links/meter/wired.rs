//! One wired meter: the slave of the link layer and the application behind it.
//!
//! ```text
//! SND-NKE, selection       the next telegram is the first
//! REQ-UD2                  the next telegram; behind the last one the first again
//! REQ-UD1                  the alarm, once; E5 when there is none
//! application reset        as SND-NKE
//! 51 01 7A aa              the primary address; 51 0C 79 ID.. the identification number, or all eight octets
//! anything else            E5, and in place of the next telegram an application error
//! ```
//!
//! EN 13757-3, EN 13757-7. Invariants: a command that is repeated acts once; what is sent depends on the meter's number,
//! its clock and the requests so far alone.

use super::records::Kind;
use chrono::NaiveDateTime;
use mbus_app::alarm::Alarm;
use mbus_app::application_error::{ApplicationError, ErrorCode};
use mbus_app::ci::CiField;
use mbus_app::record::Records;
use mbus_app::tpl::{Header, Tpl};
use mbus_app::value::Value;
use mbus_app::vif::Quantity;
use mbus_link::time::Instant;
use mbus_link::wired::{
    BaudRate, Command, DataClass, LineTiming, PrimaryAddress, Slave, SlaveEvent, SlaveSettings,
};
use mbus_link::{Address, IdentificationNumber};

/// CI of readings, long header.
const CI_READINGS: u8 = 0x72;
/// CI of an alarm, long header.
const CI_ALARM: u8 = 0x75;
/// CI of an application error, long header.
const CI_APPLICATION_ERROR: u8 = 0x6F;
/// Bit of the status octet: temporary error.
const TEMPORARY_ERROR: u8 = 0x10;

/// What the application has to do, free of the slave's memory.
enum Task {
    Rewind,
    Readings { again: bool },
    Alarm,
    Address(PrimaryAddress),
    Data { payload: Vec<u8>, broadcast: bool },
    ApplicationReset,
    Nothing,
}

/// One wired meter.
#[derive(Clone, Debug)]
pub struct WiredMeter {
    /// The link layer.
    pub slave: Slave,
    kind: &'static Kind,
    /// The telegram that the next request gets.
    next: usize,
    current: usize,
    access_number: u8,
    alarm: Option<Alarm>,
    error: Option<ErrorCode>,
    /// What happened, for a person who looks on.
    log: Vec<String>,
}

impl WiredMeter {
    /// A meter that was just connected.
    #[must_use]
    pub const fn new(
        kind: &'static Kind,
        address: PrimaryAddress,
        identity: Address,
        line: LineTiming,
    ) -> Self {
        let settings = SlaveSettings {
            address,
            identity,
            fabrication_number: Some(identity.identification),
            line,
            rates: &BaudRate::TABLE,
            rate_fall_back: mbus_link::time::Duration::from_secs(120),
            answers_deselection: true,
        };
        Self {
            slave: Slave::new(settings),
            kind,
            next: 0,
            current: 0,
            access_number: 0,
            alarm: None,
            error: None,
            log: Vec::new(),
        }
    }
    /// Raises an alarm, which the master may fetch with REQ-UD1.
    pub const fn raise(&mut self, alarm: Alarm) {
        self.alarm = Some(alarm);
        self.slave.set_alarm(true);
    }
    /// Takes octets of the line.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8], clock: NaiveDateTime) {
        self.slave.handle_input(now, octets);
        self.serve(clock);
    }
    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, clock: NaiveDateTime) {
        self.slave.handle_timeout(now);
        self.serve(clock);
    }
    /// What happened since the last call.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
    /// In how many telegrams it says all it has to say.
    #[must_use]
    pub const fn telegrams(&self) -> usize {
        self.kind.telegrams()
    }
    /// CI and data of telegram `page`, counted from 0.
    ///
    /// # Errors
    /// A record that cannot be written.
    pub fn readings(&self, page: usize, clock: NaiveDateTime) -> Result<Vec<u8>, mbus_app::Error> {
        let identity = self.slave.identity();
        let records = self.kind.records(page, identity, clock, page + 1 < self.kind.telegrams())?;
        self.message(CI_READINGS, &records)
    }

    fn serve(&mut self, clock: NaiveDateTime) {
        while let Some(event) = self.slave.poll_event() {
            let told = told(&event);
            let task = Task::of(&event);
            if let Some(told) = told {
                self.log.push(told);
            }
            // An answer that nobody waits for any more is refused, and that is all right.
            let _ = self.act(task, clock);
        }
    }
    fn act(&mut self, task: Task, clock: NaiveDateTime) -> Result<(), mbus_link::Error> {
        match task {
            Task::Nothing => Ok(()),
            Task::Rewind => {
                self.next = 0;
                Ok(())
            }
            Task::ApplicationReset => {
                self.next = 0;
                self.slave.acknowledge()
            }
            Task::Address(address) => {
                let acknowledged = self.slave.acknowledge();
                self.slave.set_address(address);
                acknowledged
            }
            Task::Alarm => match self.alarm.take() {
                Some(alarm) => {
                    self.slave.set_alarm(false);
                    let payload = self.message(CI_ALARM, &[alarm.0]);
                    self.slave.respond(&payload.unwrap_or_default())
                }
                None => self.slave.acknowledge(),
            },
            Task::Readings { again } => {
                let payload = self.telegram(again, clock);
                self.slave.respond(&payload)
            }
            Task::Data { payload, broadcast } => {
                match self.new_identity(&payload) {
                    Some(identity) => self.slave.set_identity(identity, Some(identity.identification)),
                    None if broadcast => {}
                    None => self.error = Some(refusal(&payload)),
                }
                self.slave.acknowledge()
            }
        }
    }
    fn telegram(&mut self, again: bool, clock: NaiveDateTime) -> Vec<u8> {
        if !again {
            self.access_number = self.access_number.wrapping_add(1);
            if let Some(code) = self.error.take() {
                let payload =
                    self.message(CI_APPLICATION_ERROR, &body(&ApplicationError { code, data: &[] }));
                return payload.unwrap_or_default();
            }
            self.current = self.next;
            self.next = (self.next + 1) % self.kind.telegrams().max(1);
        }
        self.readings(self.current, clock).unwrap_or_default()
    }
    fn message(&self, ci: u8, body: &[u8]) -> Result<Vec<u8>, mbus_app::Error> {
        let status = if self.alarm.is_some() { TEMPORARY_ERROR } else { 0 };
        let header = Header { access_number: self.access_number, status, ..Header::default() };
        let tpl = Tpl { ci: CiField(ci), address: Some(self.slave.identity()), header: Some(header) };
        let mut message = vec![0; tpl.encoded_len()];
        tpl.encode_into(&mut message)?;
        message.extend_from_slice(body);
        Ok(message)
    }
    /// The address that data written to the meter give it: the number alone, or all of it.
    fn new_identity(&self, payload: &[u8]) -> Option<Address> {
        let (0x51, body) = payload.split_first().map(|(ci, body)| (*ci, body))? else { return None };
        let mut records = Records::new(body);
        let record = records.next()?.ok()?;
        if record.quantity() != Quantity::EnhancedIdentification || records.next().is_some() {
            return None;
        }
        match (record.value(), record.data()) {
            (Value::Digits(_) | Value::Number(_), &[a, b, c, d]) => {
                let identification = IdentificationNumber::from_octets([a, b, c, d]);
                Some(Address { identification, ..self.slave.identity() })
            }
            (_, data) => Some(Address::from_transport_octets(data.try_into().ok()?)),
        }
    }
}

fn refusal(payload: &[u8]) -> ErrorCode {
    if payload.first() == Some(&0x51) { ErrorCode::PARAMETER } else { ErrorCode::CI_NOT_IMPLEMENTED }
}

fn body(error: &ApplicationError<'_>) -> Vec<u8> {
    let mut octets = vec![0; error.encoded_len()];
    // The length is exact.
    let _ = error.encode_into(&mut octets);
    octets
}

impl Task {
    fn of(event: &SlaveEvent<'_>) -> Self {
        match *event {
            SlaveEvent::Reset { .. } | SlaveEvent::Selected => Self::Rewind,
            SlaveEvent::Request { class: DataClass::Two, repeated, .. } => Self::Readings { again: repeated },
            SlaveEvent::Request { class: DataClass::One, .. } => Self::Alarm,
            SlaveEvent::Command { command, address, wants_data, .. } => match command {
                _ if wants_data => Self::Readings { again: false },
                Command::ApplicationReset(_) => Self::ApplicationReset,
                Command::SetAddress(address) => Self::Address(address),
                Command::Other(payload) => {
                    Self::Data { payload: payload.to_vec(), broadcast: address == PrimaryAddress::BROADCAST }
                }
                _ => Self::Nothing,
            },
            _ => Self::Nothing,
        }
    }
}

/// An event in words; none for those that come with every request.
fn told(event: &SlaveEvent<'_>) -> Option<String> {
    Some(match event {
        SlaveEvent::Reset { address } => format!("reset by SND-NKE to {}", address.0),
        SlaveEvent::Selected => "selected".into(),
        SlaveEvent::Deselected => "no longer selected".into(),
        SlaveEvent::Request { class, address, .. } => format!("asked for {class:?} at {}", address.0),
        SlaveEvent::Command { command, address, .. } => format!("told {command:02X?} at {}", address.0),
        SlaveEvent::Repeated { address } => format!("asked again at {}, same answer", address.0),
        SlaveEvent::BaudRate(baud) => format!("changes to {baud} baud"),
        SlaveEvent::AnswerTooLate => "the answer came too late".into(),
        SlaveEvent::Broken(error) => format!("a damaged frame: {error}"),
        _ => return None,
    })
}
