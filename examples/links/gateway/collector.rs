//! From frames of many receivers to readings, each once: the gateway without its receivers.
//!
//! ```text
//! frame -> heard before? -> opened, judged -> waits for a copy with a better signal -> forwarded
//!             |                  |
//!             counted            refused: told once per meter and reason
//! ```
//!
//! Invariants: no clock, no I/O; what was heard before is neither opened nor put together again; a telegram is forwarded
//! at most once, in the order in which they were heard first.

use super::account::Accounts;
use examples::decode::input::Item;
use examples::decode::model::{Meter, Problem, Reading};
use examples::decode::reading::{Decoder, wireless_frame};
use mbus_link::c_field::Sender;
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::duplicates::{DuplicateFilter, DuplicateKey, Verdict};
use std::collections::VecDeque;

/// Frames that are remembered, to be known when they are heard again.
const REMEMBERED: usize = 4096;

/// A reading that waits for a better signal.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    key: Option<DuplicateKey>,
    reading: Reading,
    /// The receiver that heard it best, first; then the others.
    heard_by: Vec<String>,
}

/// The gateway behind its receivers.
#[derive(Debug)]
pub struct Collector {
    decoder: Decoder,
    filter: Box<DuplicateFilter<REMEMBERED>>,
    /// How long a telegram waits for a copy.
    wait: Duration,
    /// Meters without a key are left out.
    known_only: bool,
    waiting: VecDeque<Waiting>,
    warnings: VecDeque<String>,
    accounts: Accounts,
    left_out: u32,
    /// Frames of gateways.
    downlink: u32,
}

/// Said of a telegram that comes at the wrong time.
const STRAY: &str = "this meter does not send at this time, and no MAC vouches for the telegram: it may be an old one that \
                     somebody sent again";

impl Collector {
    /// A collector that has heard nothing yet. A frame is known again for `remember`; a telegram waits `wait` for a copy
    /// of another receiver.
    #[must_use]
    pub fn new(decoder: Decoder, remember: Duration, wait: Duration, known_only: bool) -> Self {
        Self {
            decoder: decoder.guarded(),
            filter: Box::new(DuplicateFilter::new(remember)),
            wait,
            known_only,
            waiting: VecDeque::new(),
            warnings: VecDeque::new(),
            accounts: Accounts::default(),
            left_out: 0,
            downlink: 0,
        }
    }
    /// What opens and judges the telegrams.
    pub const fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }
    /// What is known of the meters.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }
    /// Telegrams of meters without a key that were left out.
    #[must_use]
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }
    /// Frames to meters that were heard too, and left out.
    #[must_use]
    pub const fn downlink(&self) -> u32 {
        self.downlink
    }
    /// Takes a telegram that `receiver` heard at `now`, on line `line`.
    pub fn handle_input(&mut self, now: Instant, receiver: &str, item: Item, line: usize) {
        let frame = wireless_frame(&item);
        let key = frame.as_deref().and_then(|frame| DuplicateKey::of(frame).ok());
        let from_gateway =
            |key: DuplicateKey| key.c_field.row().is_some_and(|row| row.sender == Sender::OtherDevice);
        if key.is_some_and(from_gateway) {
            self.downlink = self.downlink.saturating_add(1);
            return;
        }
        if key.is_some_and(|key| self.known_only && !self.decoder.has_key_of(key.address)) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        if let (Some(key), Some(frame)) = (key, frame)
            && self.filter.check(now, key) != Verdict::New
        {
            let meter = Meter {
                manufacturer: key.address.manufacturer.to_string(),
                id: key.address.identification.to_string(),
                ..Meter::default()
            };
            self.accounts.heard_again(now, &Accounts::name(&meter), &frame, item.rssi_dbm);
            self.better(key, receiver, item.rssi_dbm);
            return;
        }
        let reading = self.decoder.read(item, line);
        self.judge(now, receiver, key, reading);
    }
    /// A line that is no telegram.
    pub fn refuse(&mut self, receiver: &str, problem: &Problem) {
        let place = format!("{receiver} (receiver)");
        if self.accounts.refused(&place, &problem.kind) {
            self.warn(receiver, problem);
        }
    }
    fn judge(&mut self, now: Instant, receiver: &str, key: Option<DuplicateKey>, mut reading: Reading) {
        let name = reading.meter.as_ref().map(Accounts::name);
        if let Some(problem) = &reading.error {
            match &name {
                Some(name) if self.accounts.refused(name, &problem.kind) => self.warn(name, problem),
                Some(_) => {}
                None => self.refuse(receiver, problem),
            }
            return;
        }
        let name = name.unwrap_or_else(|| format!("{receiver} (receiver)"));
        if reading.security.as_ref().is_some_and(|security| security.repeated) {
            let frame = reading.frame.as_ref().map(|frame| frame.octets.as_slice()).unwrap_or_default();
            self.accounts.heard_again(now, &name, frame, reading.rssi_dbm);
            return;
        }
        if !self.accounts.heard(now, &name, &reading) {
            reading.notes.push(STRAY.to_owned());
        }
        let heard_by = vec![receiver.to_owned()];
        self.waiting.push_back(Waiting { due: now.after(self.wait), key, reading, heard_by });
    }
    /// A copy of a telegram that may still wait: the better signal is kept.
    fn better(&mut self, key: DuplicateKey, receiver: &str, signal: Option<i16>) {
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.key == Some(key)) else { return };
        if waiting.heard_by.iter().any(|name| name == receiver) {
            return;
        }
        let is_better = signal > waiting.reading.rssi_dbm;
        if is_better {
            waiting.reading.rssi_dbm = signal;
        }
        let place = if is_better { 0 } else { waiting.heard_by.len() };
        waiting.heard_by.insert(place, receiver.to_owned());
    }
    fn warn(&mut self, name: &str, problem: &Problem) {
        let hint = if problem.hint.is_empty() { String::new() } else { format!("\n  try: {}", problem.hint) };
        self.warnings.push_back(format!("{name}: {} ({}){hint}", problem.message, problem.kind));
    }
    /// The next reading that has waited long enough at `now`, with the receivers that heard it.
    pub fn poll_reading(&mut self, now: Instant) -> Option<Reading> {
        let due = self.waiting.front().is_some_and(|waiting| waiting.due <= now);
        let Waiting { mut reading, heard_by, .. } =
            if due { self.waiting.pop_front()? } else { return None };
        reading.facts.push(("heard_by", heard_by.join(", ")));
        Some(reading)
    }
    /// When the next reading has waited long enough.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.front().map(|waiting| waiting.due)
    }
    /// True for a reading that came at the wrong time, with nothing else that vouches for it.
    #[must_use]
    pub fn is_stray(reading: &Reading) -> bool {
        reading.notes.iter().any(|note| note == STRAY)
    }
    /// The next thing to tell the operator.
    pub fn poll_warning(&mut self) -> Option<String> {
        self.warnings.pop_front()
    }
}
