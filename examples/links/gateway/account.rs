//! What is known of each meter that was heard: how often, how well, how it is secured, what was refused.
//!
//! Invariants: a telegram that was refused moves nothing but its count, so nobody disturbs the account of a meter by
//! sending in its name; nor does one that no MAC vouches for and that comes at the wrong time; at most [`MOST`] meters
//! have one, the others share the last line.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use examples::decode::model::{Meter, Reading, Security};
use mbus_link::CommunicationControl;
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::interval::Observation;
use mbus_link::wireless::{LinkStatus, Routing, SynchronousPredictor};
use oms_security::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};

/// Meters that have an account of their own.
pub const MOST: usize = 10_000;

/// What both clocks together may be off by, in parts per million.
const TOLERANCE: u32 = 300;
/// How exactly lines tell the time: many tell whole seconds.
const GUARD: Duration = Duration::from_millis(1_100);

/// One meter.
#[derive(Clone, Debug)]
pub struct Account {
    medium: String,
    telegrams: u32,
    duplicates: u32,
    /// Numbered by the meter, but not heard directly.
    missed: u32,
    /// Heard through a repeater alone, and the meter had numbered them.
    rescued: u32,
    link: LinkStatus,
    predictor: SynchronousPredictor,
    /// What telegrams out of time would make of it: when they keep a time of their own, it is the right one.
    other: SynchronousPredictor,
    strays: u32,
    in_time: u32,
    predicted: u32,
    profiles: BTreeSet<String>,
    counter: Option<u32>,
    signal: Option<i16>,
    refused: BTreeMap<String, u32>,
}

impl Account {
    fn new(medium: String) -> Self {
        Self {
            medium,
            telegrams: 0,
            duplicates: 0,
            missed: 0,
            rescued: 0,
            link: LinkStatus::new(),
            predictor: SynchronousPredictor::learning(TOLERANCE, GUARD),
            other: SynchronousPredictor::learning(TOLERANCE, GUARD),
            strays: 0,
            in_time: 0,
            predicted: 0,
            profiles: BTreeSet::new(),
            counter: None,
            signal: None,
            refused: BTreeMap::new(),
        }
    }
    /// A telegram that was heard for the first time and is believed; false when only its time speaks against it.
    fn heard(&mut self, now: Instant, reading: &Reading) -> bool {
        self.telegrams += 1;
        self.signal = self.signal.max(reading.rssi_dbm);
        if let Some(security) = reading.security.as_ref().filter(|_| !reading.records.is_empty()) {
            self.profiles.insert(profile(security));
        }
        let security = reading.security.as_ref();
        self.counter = security.and_then(|security| Some(security.counter?.counter)).or(self.counter);
        let Some(frame) = reading.frame.as_ref().filter(|frame| frame.kind != "wired") else {
            return true;
        };
        let Routing { control: Some(control), access_number: Some(number), .. } = Routing::of(&frame.octets)
        else {
            return true;
        };
        let is_authentic = security.is_some_and(|security| security.authenticated);
        if !is_authentic && self.predictor.expects(now, control, number) == Some(false) {
            self.strays += 1;
            if let Observation::InTime { .. } = self.other.observe(now, control, number) {
                self.predictor = self.other;
            }
            return false;
        }
        self.link.observe(now, control, number);
        if control.contains(CommunicationControl::HOP.union(CommunicationControl::SYNCHRONOUS)) {
            self.rescued += 1;
        }
        let last = self.predictor.last_access_number();
        match self.predictor.observe(now, control, number) {
            Observation::InTime { missed } => {
                self.in_time += 1;
                self.predicted += 1;
                self.missed += u32::from(missed);
            }
            // The second one tells the interval.
            Observation::Started => {
                let frames = last.map_or(0, |last| number.wrapping_sub(last));
                self.missed += u32::from(frames.saturating_sub(1));
            }
            // A meter that was restarted has not missed anything.
            Observation::OutOfTime => self.predicted += 1,
            _ => {}
        }
        true
    }
    /// Telegrams that nobody heard, directly or through a repeater.
    #[must_use]
    pub fn missed(&self) -> u32 {
        self.missed.saturating_sub(self.rescued)
    }
    /// Telegrams that were believed, each once.
    #[must_use]
    pub const fn telegrams(&self) -> u32 {
        self.telegrams
    }
    /// Predictions of the next synchronous telegram: those that came true, and all.
    #[must_use]
    pub const fn predictions(&self) -> (u32, u32) {
        (self.in_time, self.predicted)
    }
    /// When the next synchronous telegram is to be expected: from and to.
    #[must_use]
    pub fn next(&self, now: Instant) -> Option<(Instant, Instant)> {
        self.predictor.next_window(now).map(|(from, to, _)| (from, to))
    }
    /// What was refused: kind and how often.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<String, u32> {
        &self.refused
    }
    fn row(&self, name: &str) -> [String; 13] {
        let known = self.predictor.nominal();
        let refused = self.refused.iter().map(|(kind, count)| format!("{count} {kind}"));
        [
            name.to_owned(),
            self.medium.clone(),
            self.telegrams.to_string(),
            self.duplicates.to_string(),
            self.missed().to_string(),
            self.link.repeated().to_string(),
            known.map(|nominal| span(nominal.as_secs())).unwrap_or_default(),
            if self.predicted > 0 { format!("{}/{}", self.in_time, self.predicted) } else { String::new() },
            self.strays.to_string(),
            self.profiles.iter().cloned().collect::<Vec<_>>().join(" "),
            self.counter.map(|counter| counter.to_string()).unwrap_or_default(),
            self.signal.map(|dbm| format!("{dbm} dBm")).unwrap_or_default(),
            refused.collect::<Vec<_>>().join(", "),
        ]
    }
}

/// What the security of a telegram is called.
fn profile(security: &Security) -> String {
    match (security.state, security.layer, Profile::of_mode(security.mode)) {
        ("none" | "plain", ..) => "none".to_owned(),
        (_, "ell", _) => "ELL".to_owned(),
        (_, _, Some(profile)) => profile.to_string(),
        _ => format!("mode {}", security.mode),
    }
}

/// Seconds in words.
fn span(seconds: u32) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{} h", seconds / 3600),
        (_, 0) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// The accounts of all meters.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    of: BTreeMap<String, Account>,
}

/// The meters behind the last that has an account.
const OTHERS: &str = "others";

impl Accounts {
    /// The name of a meter in the table, the same for all its telegrams.
    #[must_use]
    pub fn name(meter: &Meter) -> String {
        format!("{}.{}", meter.manufacturer, meter.id)
    }
    /// The account with this name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Account> {
        self.of.get(name)
    }
    /// A telegram that was heard for the first time and is believed; false when no MAC vouches for it and it comes at a
    /// time at which its meter does not send.
    pub fn heard(&mut self, now: Instant, name: &str, reading: &Reading) -> bool {
        let medium = reading.meter.as_ref().map(|meter| meter.medium.clone()).unwrap_or_default();
        let account = self.account(name);
        // A name that was only refused so far has none.
        account.medium = medium;
        account.heard(now, reading)
    }
    /// A telegram that was heard before, with this CC and access number.
    pub fn heard_again(&mut self, now: Instant, name: &str, frame: &[u8], signal: Option<i16>) {
        let account = self.account(name);
        account.duplicates += 1;
        account.signal = account.signal.max(signal);
        let routing = Routing::of(frame);
        if let (true, Some(control), Some(number)) =
            (routing.is_repeated(), routing.control, routing.access_number)
        {
            account.link.observe(now, control, number);
        }
    }
    /// A telegram that is not believed; true when it is the first of its meter for this reason.
    pub fn refused(&mut self, name: &str, kind: &str) -> bool {
        let count = self.account(name).refused.entry(kind.to_owned()).or_default();
        *count += 1;
        *count == 1
    }
    /// True when nothing was refused.
    #[must_use]
    pub fn all_believed(&self) -> bool {
        self.of.values().all(|account| account.refused.is_empty())
    }
    fn account(&mut self, name: &str) -> &mut Account {
        let name = if self.of.len() < MOST || self.of.contains_key(name) { name } else { OTHERS };
        self.of.entry(name.to_owned()).or_insert_with(|| Account::new(String::new()))
    }
    /// The table of all meters.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "meter",
            "medium",
            "telegrams",
            "again",
            "missed",
            "repeater",
            "interval",
            "in time",
            "strays",
            "profile",
            "counter",
            "signal",
            "refused",
        ]);
        for (name, account) in &self.of {
            table.add_row(account.row(name));
        }
        for column in table.column_iter_mut().skip(2).take(10) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }
}
