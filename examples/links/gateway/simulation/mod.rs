//! A house in virtual time: meters, a gateway that talks to them and one that listens, a repeater, and an attacker.
//!
//! ```text
//! meters <-> air with losses and collisions <-> roof (talks) --+
//!               |                    |           cellar (listens) --> collector (each once, opened, judged) -> accounts
//!            repeater             attacker
//! ```
//!
//! Invariants: no clock, no I/O; the same seed gives the same table on every machine.

mod air;
mod attacker;
mod meter;
mod report;
mod station;

use super::account::Accounts;
use super::arguments::Simulate;
use super::collector::Collector;
use crate::meter::records::Kind;
use crate::random::Random;
use air::{Air, Sent, Who};
use attacker::{Attack, Attacker};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use examples::decode::input::{Crc, Item, Kind as ItemKind};
use examples::decode::keys::Keys;
use examples::decode::reading::{Decoder, GivenKeys};
use mbus_link::relay::repeater::RepeaterKind;
use mbus_link::relay::{DutyCycle, Repeater};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::AccessTiming;
use mbus_link::wireless::{DuplicateKey, NominalInterval};
use mbus_link::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};
use meter::{AirMeter, Make};
use oms_security::key::{Key, PreparedKey};
use oms_security::profile::Profile;
use station::Station;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The profiles, one meter after the other.
const PROFILES: [Profile; 3] = [Profile::D, Profile::B, Profile::A];
/// Nominal intervals in seconds, one meter after the other.
const INTERVALS: [u32; 4] = [120, 300, 240, 180];

/// The house.
struct House {
    now: Instant,
    start: NaiveDateTime,
    random: Random,
    air: Air,
    meters: Vec<AirMeter>,
    station: Station,
    repeater: Repeater<16, DutyCycle>,
    attacker: Attacker,
    collector: Collector,
    /// Attacks by what they were and the profile they were meant to break.
    attacks: BTreeMap<(Attack, String), Tally>,
    /// Commands that were done.
    done: Vec<DuplicateKey>,
}

/// What came of an attack.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    tried: u32,
    /// Believed, without a word.
    passed: u32,
    /// Believed, but marked as strange.
    marked: u32,
    /// A command of the gateway that its meter had not got yet: done, once, whoever brings it.
    carried: u32,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    #[default]
    Refused,
    Marked,
    Carried,
    Believed,
}

/// Runs the house, and tells how it went: a text, and whether everything that has to hold held.
pub(super) fn simulate(arguments: &Simulate) -> (String, bool) {
    let mut house = House::new(arguments);
    let end = Instant::ZERO.after(Duration::from_secs(3600 * u64::from(arguments.hours)));
    while house.now < end {
        house.step();
    }
    report::of(&house)
}

fn address(number: u32, device_type: DeviceType) -> Address {
    Address {
        manufacturer: ManufacturerId::from_letters(*b"ELS").unwrap_or_default(),
        identification: IdentificationNumber::from_number(number).unwrap_or_default(),
        version: Version(1),
        device_type,
    }
}

impl House {
    fn new(arguments: &Simulate) -> Self {
        let mut random = Random::new(arguments.seed);
        let start = NaiveDate::from_ymd_opt(2026, 3, 31)
            .and_then(|day| day.and_hms_opt(12, 34, 0))
            .unwrap_or_default();
        let gateway = address(31_000_001, DeviceType(0x31));
        let mut station = Station::new(gateway);
        let (mut meters, mut keys, mut far) = (Vec::new(), String::new(), Vec::new());
        for n in 0..usize::try_from(arguments.meters).unwrap_or_default() {
            let Some(make) = make(n, &mut random) else { continue };
            // The last one belongs to the neighbours: nobody here has its key.
            if n + 1 < usize::try_from(arguments.meters).unwrap_or_default() {
                station.manage(make.address, make.profile, make.key.clone());
                let id = make.address.identification;
                let _ = writeln!(keys, "ELS.{id} {} {}", examples::decode::hex::upper(&key(n)), make.profile);
            }
            if n % 4 == 3 {
                far.push(n);
            }
            let delay = Duration::from_millis(u64::from(random.below(600_000)));
            let spread = u8::try_from(random.below(256)).unwrap_or_default();
            meters.push(AirMeter::new(make, Instant::ZERO.after(delay), spread));
        }
        let decoder =
            Decoder::new(GivenKeys::default(), Keys::parse(keys.as_bytes()).unwrap_or_default(), false);
        let collector = Collector::new(decoder, Duration::from_secs(60), Duration::ZERO, false);
        let duty = DutyCycle::new(10, 66_667, 48);
        let repeater = address(33_000_001, DeviceType(0x33));
        let repeater = Repeater::new(repeater, RepeaterKind::Bidirectional, AccessTiming::T2, duty);
        Self {
            now: Instant::ZERO,
            start,
            air: Air::new(Random::new(arguments.seed.wrapping_add(1)), arguments.loss * 10, far),
            attacker: Attacker::new(Random::new(arguments.seed.wrapping_add(2)), gateway),
            random,
            meters,
            station,
            repeater,
            collector,
            attacks: BTreeMap::new(),
            done: Vec::new(),
        }
    }
    /// What a right clock shows.
    fn clock(&self) -> NaiveDateTime {
        let micros = i64::try_from(self.now.as_micros()).unwrap_or_default();
        self.start + TimeDelta::microseconds(micros)
    }
    /// Everything that happens now, then on to the next moment.
    fn step(&mut self) {
        while let Some(sent) = self.air.poll_sent(self.now) {
            self.deliver(&sent);
        }
        self.transmit();
        let own = self.meters.iter().filter_map(AirMeter::poll_timeout);
        let others = [
            self.air.poll_timeout(),
            self.station.device.poll_timeout(),
            self.repeater.poll_timeout(),
            self.attacker.poll_timeout(),
        ];
        // Who cannot act although it is time waits for something else.
        let next = own.chain(others.into_iter().flatten()).filter(|at| *at > self.now).min();
        self.now = next.unwrap_or(Instant::from_micros(u64::MAX));
    }
    fn transmit(&mut self) {
        let (now, clock) = (self.now, self.clock());
        for n in 0..self.meters.len() {
            let is_sending = self.air.is_sending(Who::Meter(n));
            let Some(meter) = self.meters.get_mut(n) else { continue };
            meter.handle_timeout(now, clock);
            if is_sending {
                continue;
            }
            if let Some(octets) = meter.poll_transmit(now, clock) {
                self.air.send(now, Who::Meter(n), octets, Vec::new());
            }
        }
        let ready: Vec<usize> =
            self.meters.iter().enumerate().filter(|(_, m)| m.is_listening(now)).map(|(n, _)| n).collect();
        if !self.air.is_sending(Who::Roof)
            && let Some(octets) = self.station.poll_transmit(now)
        {
            self.air.send(now, Who::Roof, octets, ready.clone());
        }
        if !self.air.is_sending(Who::Repeater)
            && let Some(octets) = self.repeater.poll_transmit(now).map(<[u8]>::to_vec)
        {
            self.air.send(now, Who::Repeater, octets, ready.clone());
        }
        if !self.air.is_sending(Who::Attacker)
            && let Some(octets) = self.attacker.poll_transmit(now)
        {
            self.air.send(now, Who::Attacker, octets, ready);
        }
    }
    /// A transmission has ended: its sender is told, then those who hear it.
    fn deliver(&mut self, sent: &Sent) {
        let (now, clock) = (self.now, self.clock());
        if let Who::Meter(n) = sent.who
            && let Some(meter) = self.meters.get_mut(n)
        {
            meter.transmitted(now);
        }
        let attack = self.attacker.current.take_if(|_| sent.who == Who::Attacker);
        let mut fate = Fate::default();
        if self.air.reaches(sent, Who::Roof) {
            self.station.handle_input(now, &sent.octets);
            fate = fate.max(self.collect("roof", sent));
        }
        if self.air.reaches(sent, Who::Cellar) {
            fate = fate.max(self.collect("cellar", sent));
        }
        if self.air.reaches(sent, Who::Repeater) {
            let random = self.random.below(u32::MAX);
            let _ = self.repeater.handle_input(now, &sent.octets, random);
            while self.repeater.poll_event().is_some() {}
        }
        if self.air.reaches(sent, Who::Attacker) {
            self.attacker.handle_input(now, &sent.octets, sent.who);
        }
        for n in &sent.ready {
            if self.air.reaches(sent, Who::Meter(*n))
                && let Some(meter) = self.meters.get_mut(*n)
            {
                if !meter.handle_input(now, &sent.octets, clock) {
                    continue;
                }
                let is_new = match DuplicateKey::of(&sent.octets) {
                    Ok(key) if attack.is_none() || attack == Some(Attack::OldCommand) => {
                        !self.done.contains(&key) && {
                            self.done.push(key);
                            true
                        }
                    }
                    _ => false,
                };
                fate = fate.max(if is_new { Fate::Carried } else { Fate::Believed });
            }
        }
        if let Some(attack) = attack {
            let tally = self.attacks.entry((attack, self.victim(&sent.octets))).or_default();
            tally.tried += 1;
            tally.passed += u32::from(fate == Fate::Believed);
            tally.marked += u32::from(fate == Fate::Marked);
            tally.carried += u32::from(fate == Fate::Carried);
        }
    }
    /// The profile of the meter that a frame comes from or goes to, if it is one of ours.
    fn victim(&self, octets: &[u8]) -> String {
        let addressee = mbus_link::wireless::Routing::of(octets).addressee;
        let sender = mbus_link::wireless::Frame::parse(octets).map(|frame| frame.address()).ok();
        let is_meant = |m: &&AirMeter| [addressee, sender].contains(&Some(m.make.address));
        let ours = self.meters.split_last().map(|(_, ours)| ours).unwrap_or_default();
        ours.iter().find(is_meant).map_or(report::NEIGHBOUR.to_owned(), |m| m.make.profile.to_string())
    }
    /// Hands a frame to the collector.
    fn collect(&mut self, receiver: &str, sent: &Sent) -> Fate {
        let item =
            Item { octets: sent.octets.clone(), kind: ItemKind::Wireless, crc: Crc::None, ..Item::default() };
        self.collector.handle_input(self.now, receiver, item, 0);
        while self.collector.poll_warning().is_some() {}
        let mut fate = Fate::Refused;
        while let Some(reading) = self.collector.poll_reading(self.now) {
            fate = if Collector::is_stray(&reading) { Fate::Marked } else { Fate::Believed };
            let name = reading.meter.as_ref().map(Accounts::name).unwrap_or_default();
            let expected = self.collector.accounts().of(&name).and_then(|account| account.next(self.now));
            self.station.read(self.now, &reading, expected, self.start);
        }
        fate
    }
}

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"made up, no. 000";
    if let (Some(place), Ok(n)) = (key.last_mut(), u8::try_from(n)) {
        *place = n;
    }
    key
}

/// Meter number `n`; none when a table is empty.
fn make(n: usize, random: &mut Random) -> Option<Make> {
    let kind = Kind::TABLE.get(n % Kind::TABLE.len())?;
    let number = 10_000_000 + random.below(80_000_000);
    let nominal = NominalInterval::from_secs(*INTERVALS.get(n % INTERVALS.len())?)?;
    Some(Make {
        kind,
        address: address(number, kind.device_type),
        profile: *PROFILES.get(n % PROFILES.len())?,
        key: PreparedKey::new(&Key::new(key(n))),
        nominal,
        clock_error: i64::from(random.below(600)) - 300,
    })
}
