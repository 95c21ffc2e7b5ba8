//! A meter on the air: installed, heard every few minutes, spoken to in its window.
//!
//! ```text
//! SND-IR           until a gateway confirms, at most six times; then
//! SND-NR           in its interval, and the window behind it
//! REQ-UD2          the readings, or the application error that a command of this cycle earned
//! SND-UD           opened, judged, done; acknowledged in any case, so that nobody learns what failed
//! ```
//!
//! Invariants: a command is done once, and only when its MAC or tag was verified: profile A, which has none, commands
//! nothing here; an error is told only in the access cycle of the command.

use crate::meter::records::Kind;
use chrono::{NaiveDateTime, TimeDelta};
use mbus_app::application_error::ErrorCode;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::switch::SwitchValue;
use mbus_app::command::{ClockCommand, Switch, SwitchState};
use mbus_app::record::builder::{Element, RecordsBuilder};
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_app::value::Value;
use mbus_app::{Telegram, trust};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{AccessTiming, Credits, MeterAccess, MeterEvent, Request};
use mbus_link::wireless::{Installation, InstallationEvent, NominalInterval, StoredFrame};
use mbus_link::{Address, CField, CommunicationControl, DeviceType, Ell};
use oms_security::count::Count;
use oms_security::key::{Aes, PreparedKey};
use oms_security::profile::{Policy, Profile};
use oms_security::replay::{Freshness, ReplayGuard};
use oms_security::sender::SenderState;

/// How often a request for installation is sent.
const INSTALL_EVERY: Duration = Duration::from_secs(45);

/// What a meter is made with.
#[derive(Clone, Debug)]
pub struct Make {
    /// What it measures.
    pub kind: &'static Kind,
    /// Who it is.
    pub address: Address,
    /// How it is secured.
    pub profile: Profile,
    /// Its key.
    pub key: PreparedKey<Aes>,
    /// How often it sends.
    pub nominal: NominalInterval,
    /// By how many seconds its clock is off.
    pub clock_error: i64,
}

/// A meter.
#[derive(Debug)]
pub struct AirMeter {
    /// What it was made with; the clock error is that of now.
    pub make: Make,
    /// The valve or breaker; none for meters without one.
    pub switch: Option<SwitchState>,
    /// The gateway that confirmed the installation.
    pub confirmed: bool,
    access: MeterAccess,
    /// When the button is pressed, as long as it was not.
    start: Option<Instant>,
    installation: Option<Installation>,
    installing: bool,
    up: SenderState,
    down: ReplayGuard<2>,
    /// When the next telegram is sent, and the access number of the last one.
    next: Instant,
    number: u8,
    /// The access number of the transport layer.
    transport_number: u8,
    error: Option<ErrorCode>,
}

/// Water, gas and electricity can be cut off.
const fn switch_of(device: DeviceType) -> Option<SwitchState> {
    match device {
        DeviceType::WATER | DeviceType::GAS | DeviceType::ELECTRICITY => Some(SwitchState::OPEN),
        _ => None,
    }
}

impl AirMeter {
    /// A meter whose button is pressed at `start`. `n` spreads what must differ between neighbours.
    #[must_use]
    pub fn new(make: Make, start: Instant, n: u8) -> Self {
        let count = Count { meter: make.address, to_meter: false, key_id: 0, key_version: 0 };
        Self {
            switch: switch_of(make.address.device_type),
            confirmed: false,
            access: MeterAccess::new(make.address, AccessTiming::T2, n, Credits::default()),
            start: Some(start),
            installation: None,
            installing: false,
            up: SenderState::new(count, 1),
            down: ReplayGuard::new(),
            next: start.after(INSTALL_EVERY.saturating_mul(8)),
            number: n.wrapping_mul(17),
            transport_number: 0,
            error: None,
            make,
        }
    }
    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, clock: NaiveDateTime) {
        self.access.handle_timeout(now);
        if self.start.take_if(|start| *start <= now).is_some() {
            let request = self.sealed(CField::SND_IR, 0x7A, self.transport_number, None, clock);
            let start =
                |request: Vec<u8>| Installation::start(now, &request, AccessTiming::T2, INSTALL_EVERY);
            self.installation = request.and_then(|request| start(request).ok());
        }
        if let Some(installation) = &mut self.installation {
            installation.handle_timeout(now);
        }
        self.events();
        if now >= self.next {
            self.number = self.number.wrapping_add(1);
            self.next = self.next.after(self.make.nominal.before(self.number.wrapping_add(1)));
            if let Some(telegram) = self.sealed(CField::SND_NR, 0x7A, self.number, None, clock) {
                let _ = self.access.send(&telegram);
            }
        }
    }
    /// Takes a frame that ended at `now`; true when it made the meter do something.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8], clock: NaiveDateTime) -> bool {
        if let Some(installation) = &mut self.installation {
            let _ = installation.handle_input(now, octets);
        }
        let _ = self.access.handle_input(now, octets);
        let mut done = false;
        while let Some(event) = self.access.poll_event() {
            match event {
                // The counter of a command tells that it was obeyed.
                MeterEvent::Request(request) | MeterEvent::AskedAgain(request) => {
                    done |= self.answer(request, octets, clock);
                }
                MeterEvent::CycleEnded(_) => self.error = None,
                _ => {}
            }
        }
        self.events();
        done
    }
    /// The frame to be sent now.
    pub fn poll_transmit(&mut self, now: Instant, clock: NaiveDateTime) -> Option<Vec<u8>> {
        let request = self.installation.as_mut().and_then(|installation| installation.poll_transmit(now));
        if let Some(request) = request.map(<[u8]>::to_vec) {
            self.installing = true;
            // The next one has a counter of its own.
            let next = self.sealed(CField::SND_IR, 0x7A, self.transport_number, None, clock);
            if let (Some(installation), Some(next)) = (&mut self.installation, next) {
                let _ = installation.replace_frame(&next);
            }
            return Some(request);
        }
        self.installing = false;
        self.access.poll_transmit(now).map(<[u8]>::to_vec)
    }
    /// Tells that it was sent.
    pub fn transmitted(&mut self, now: Instant) {
        match &mut self.installation {
            Some(installation) if self.installing => installation.transmitted(now),
            _ => self.access.transmitted(now),
        }
    }
    /// True when a frame that begins now is heard.
    #[must_use]
    pub fn is_listening(&self, now: Instant) -> bool {
        let windows = [self.access.listening(), self.installation.as_ref().and_then(Installation::listening)];
        windows.into_iter().flatten().any(|(from, to)| from <= now && now <= to)
    }
    /// When something is to be done next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let installation = self.installation.as_ref().and_then(Installation::poll_timeout);
        [self.start, Some(self.next), self.access.poll_timeout(), installation].into_iter().flatten().min()
    }

    fn events(&mut self) {
        while let Some(event) = self.installation.as_mut().and_then(Installation::poll_event) {
            self.confirmed |= matches!(event, InstallationEvent::ConfirmedBy(_));
        }
        if self.installation.as_ref().is_some_and(Installation::is_over) {
            self.installation = None;
        }
        while let Some(event) = self.access.poll_event() {
            if matches!(event, MeterEvent::CycleEnded(_)) {
                self.error = None;
            }
        }
    }
    fn answer(&mut self, request: Request, octets: &[u8], clock: NaiveDateTime) -> bool {
        let number = request.access_number.unwrap_or_default();
        let mut done = false;
        let answer = if request.c_field.is(CField::SND_UD) {
            let outcome = self.obey(octets, clock);
            done = outcome == Ok(true);
            self.error = outcome.err();
            let control = CommunicationControl::BIDIRECTIONAL;
            let acknowledgement =
                StoredFrame::short(CField::ACK, self.make.address, request.from, control, number);
            Some(acknowledgement.octets().to_vec())
        } else {
            let ci = if self.error.is_some() { 0x6E } else { 0x7A };
            self.sealed(CField::RSP_UD, ci, number, Some(request.from), clock)
        };
        if let Some(answer) = answer {
            let _ = self.access.respond(&answer);
        }
        done
    }
    /// Does what a command says; false when it was done before.
    fn obey(&mut self, octets: &[u8], clock: NaiveDateTime) -> Result<bool, ErrorCode> {
        let mut octets = octets.to_vec();
        let telegram = Telegram::decode_stripped(&mut octets, &self.make.key)
            .map_err(|error| trust::answer(&error).unwrap_or_default())?;
        let judged = telegram.judge(&Policy::require(self.make.profile), &mut self.down);
        match judged.map_err(|_| trust::ANSWER)? {
            Some(Freshness::Repetition) => return Ok(false),
            Some(_) => {}
            // No counter, so nothing tells an old command from a new one.
            None => return Err(ErrorCode::ACCESS_DENIED),
        }
        if let Ok(Body::Clock(ClockCommand::Set(moment))) = Body::of(&telegram) {
            let wanted = Value::DateTime(moment).to_string();
            let wanted = NaiveDateTime::parse_from_str(&wanted, "%Y-%m-%dT%H:%M:%S");
            let wanted = wanted.map_err(|_| ErrorCode::PARAMETER)?;
            self.make.clock_error = wanted.signed_duration_since(clock).num_seconds();
            return Ok(true);
        }
        let command = telegram.records().flatten().find_map(|record| Switch::of(&record));
        match (command, &mut self.switch) {
            (Some(Switch { value: SwitchValue::Commanded, state, .. }), Some(switch)) => {
                *switch = state;
                Ok(true)
            }
            _ => Err(ErrorCode::PARAMETER),
        }
    }
    /// A telegram of this meter: readings, or the error with CI 6E.
    fn sealed(
        &mut self,
        c_field: CField,
        ci: u8,
        access_number: u8,
        receiver: Option<Address>,
        clock: NaiveDateTime,
    ) -> Option<Vec<u8>> {
        let Make { kind, address, profile, clock_error, .. } = self.make;
        let body = match self.error.filter(|_| ci == 0x6E) {
            Some(error) => vec![error.0],
            None => {
                let mut body =
                    kind.records(0, address, clock + TimeDelta::seconds(clock_error), false).ok()?;
                if let Some(state) = self.switch {
                    let record = Switch { value: SwitchValue::Physical, state, ..Switch::default() }.record();
                    body.extend(RecordsBuilder { elements: &[Element::Record(record)] }.to_vec().ok()?);
                }
                body
            }
        };
        let mut control = CommunicationControl::BIDIRECTIONAL;
        control.set(CommunicationControl::SYNCHRONOUS, c_field == CField::SND_NR);
        let ell = Some(Ell { control, access_number, receiver, session: None });
        self.transport_number = self.transport_number.wrapping_add(1);
        let header = Header { access_number: self.transport_number, ..Header::default() };
        let tpl = Tpl::of(CiField(ci), address, header);
        let telegram =
            TelegramBuilder { ell, ..TelegramBuilder::wireless(c_field, address, tpl, Body::Octets(&body)) };
        // A real meter would write this to its memory before it sends.
        self.up.export(1, 0);
        let (mut buffer, mut frame) = ([0; 256], [0; 256]);
        let sealed =
            telegram.seal_into(&Protection::of(profile), &self.make.key, &mut self.up, &mut buffer).ok()?;
        Some(sealed.frame_into(&mut frame).ok()?.to_vec())
    }
}
