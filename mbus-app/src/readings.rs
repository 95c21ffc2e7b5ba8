//! Values with the time at which they were taken: what a user asks for, instead of "record 7".
//!
//! ```text
//! 4C 13 ..   volume, storage 1          }  the volume of the due date
//! 42 6C ..   date, storage 1            }
//! 14 2B ..   maximum power              }  the maximum and when it was
//! 14 6D ..   date and time, maximum     }
//! 14 AB 6F . end of the last maximum    the same, where several quantities have a maximum each
//! ```
//!
//! EN 13757-3:2018, 6.4 (VIF 6Ch and 6Dh tell when the values of a storage number and function were taken; VIFE 6Ah to
//! 6Fh when the maximum of one quantity was) and Annex F (profiles). Invariants: nothing is stored; a time is shown only
//! where the telegram gives one for the same storage number and function; profiles come out as one reading per element.
//! For each reading the records are walked again, but no more than [`Readings::SEARCHED`] of them.

use mbus_link::time::Duration;

use crate::date_time::Date;
use crate::moment::Moment;
use crate::profile::{Entries, Entry, Profile};
use crate::record::{Function, Qualifier, Record, RecordKind, Records};
use crate::telegram::Telegram;
use crate::value::Value;
use crate::vif::{Quantity, Unit};

/// One value and when it was taken.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The record that holds the value: quantity, unit, function, tariff, subunit, qualifiers.
    pub record: Record<'a>,
    /// The storage number; within a profile that of the element.
    pub storage: u64,
    /// The value in the unit of the record.
    pub value: Value<'a>,
    /// When the value was taken or, for a maximum or minimum, when it occurred.
    pub time: Option<Moment>,
    /// The end of the period that a maximum, a minimum or a value during error state belongs to: the time
    /// of the instantaneous values of its storage number. The same as `time` for instantaneous values.
    pub period_end: Option<Moment>,
    /// How old the value was when it was sent (VIF 74h to 77h of the same storage number); within a profile that of the
    /// element, counted in steps from the base.
    pub age: Option<Duration>,
}

impl<'a> Telegram<'a> {
    /// The readings: values with their times.
    #[must_use]
    pub fn readings(&self) -> Readings<'a> {
        Readings::new(self.records())
    }
}

/// The readings of a telegram, in the order of its records.
///
/// ```
/// use mbus_app::date_time::Date;
/// use mbus_app::readings::Readings;
/// use mbus_app::record::Records;
/// use mbus_app::vif::Quantity;
/// // A water meter: now, and at the due date, 1 January 2024.
/// let octets = [
///     0x0C, 0x13, 0x35, 0x67, 0x00, 0x00, 0x4C, 0x13, 0x12, 0x60, 0x00, 0x00, 0x42, 0x6C, 0x01, 0x31,
/// ];
/// let new_year = Date::new(2024, 1, 1).ok_or("no such day")?;
/// let reading = Readings::new(Records::new(&octets)).of(Quantity::Volume, new_year).ok_or("no reading")?;
/// assert_eq!((reading.value.to_string().as_str(), reading.storage), ("6.012", 1));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    /// Where times, ages and bases are looked for.
    searched: Records<'a>,
    walk: Records<'a>,
    profile: Option<Elements<'a>>,
}

/// The elements of a profile under way.
#[derive(Clone, Debug)]
struct Elements<'a> {
    record: Record<'a>,
    entries: Entries<'a>,
    /// How old the base was, and the span of a step, where it is always the same.
    base_age: Option<(Duration, Duration)>,
}

impl<'a> Readings<'a> {
    /// How many records, from the first on, are searched for times, ages and the bases of profiles. A frame has 127
    /// at most; the bound is for messages of many fragments from somebody who means ill.
    pub const SEARCHED: usize = 512;

    /// The readings among `records`, of which none has been taken yet.
    #[must_use]
    pub fn new(records: Records<'a>) -> Self {
        let all = records.rest();
        let mut ahead = records.clone();
        ahead.by_ref().take(Self::SEARCHED).for_each(drop);
        let len = all.len().saturating_sub(ahead.rest().len());
        let searched = Records::with_options(all.get(..len).unwrap_or_default(), records.options());
        Self { searched, walk: records, profile: None }
    }
    /// The readings taken on a day.
    pub fn on(self, day: Date) -> impl Iterator<Item = Reading<'a>> {
        self.filter(move |reading| reading.time.is_some_and(|time| time.date() == day))
    }
    /// The reading of a quantity on a day: of the total if there is one, else of the first tariff or subunit; a value
    /// of that moment, no maximum or minimum. `None` when the telegram has none.
    #[must_use]
    pub fn of(self, quantity: Quantity, day: Date) -> Option<Reading<'a>> {
        let mut best: Option<Reading<'a>> = None;
        for reading in self.on(day) {
            let record = &reading.record;
            if record.quantity() != quantity || record.function() != Function::Instantaneous {
                continue;
            }
            if best.is_none_or(|best| rank(record) < rank(&best.record)) {
                best = Some(reading);
            }
        }
        best
    }

    fn reading(&self, record: Record<'a>) -> Reading<'a> {
        let function = record.function();
        let period_end = self.time_of(&record, Function::Instantaneous);
        Reading {
            record,
            storage: record.storage(),
            value: record.value(),
            time: match function {
                Function::Instantaneous => period_end,
                function => self.event_of(&record).or_else(|| self.time_of(&record, function)),
            },
            period_end,
            age: self.age_of(&record),
        }
    }
    fn elements(&self, record: Record<'a>, profile: &Profile<'a>) -> Elements<'a> {
        Elements {
            record,
            entries: profile.entries_in(self.searched.clone()),
            base_age: self.age_of(&record).zip(profile.spacing().span()),
        }
    }
    /// The time stamp for the storage number of `record` and a function: that of the same subunit and
    /// tariff if there is one, else that of another.
    fn time_of(&self, record: &Record<'a>, function: Function) -> Option<Moment> {
        let mut best: Option<((bool, bool), Moment)> = None;
        for stamp in self.searched.clone().map_while(Result::ok) {
            if stamp.storage() != record.storage() || stamp.function() != function || !stamp.is_time_stamp() {
                continue;
            }
            let Some(moment) = Moment::of(&stamp.value()) else { continue };
            let rank = (stamp.subunit() == record.subunit(), stamp.tariff() == record.tariff());
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, moment));
            }
        }
        best.map(|(_, moment)| moment)
    }
    /// When the maximum or minimum of the record was, by a record of the same register and quantity with VIFE 6Ah to
    /// 6Fh: the end of the last such event if it is told, else its beginning, else those of the first.
    fn event_of(&self, record: &Record<'a>) -> Option<Moment> {
        let mut best: Option<(u8, Moment)> = None;
        for event in self.searched.clone().map_while(Result::ok) {
            let Some(rank) = event_rank(&event).filter(|_| is_event_of(&event, record)) else { continue };
            let Some(moment) = Moment::of(&event.value()) else { continue };
            if best.is_none_or(|(other, _)| rank > other) {
                best = Some((rank, moment));
            }
        }
        best.map(|(_, moment)| moment)
    }
    fn age_of(&self, record: &Record<'a>) -> Option<Duration> {
        let mut ages = self
            .searched
            .clone()
            .map_while(Result::ok)
            .filter(|age| age.storage() == record.storage() && is_age(age));
        ages.find(|age| age.subunit() == record.subunit()).and_then(|age| span(&age))
    }
    /// True for the time of a maximum or minimum that is among the records.
    fn is_time_of_another(&self, record: &Record<'a>) -> bool {
        event_rank(record).is_some()
            && self.searched.clone().map_while(Result::ok).any(|value| is_event_of(record, &value))
    }
    /// The next element of the profile under way.
    fn next_entry(&mut self) -> Option<Reading<'a>> {
        let Elements { record, entries, base_age } = self.profile.as_mut()?;
        let Entry { storage, steps, time, value } = entries.next()?;
        let age = base_age.and_then(|(base, step)| {
            let distance = step.saturating_mul(steps.unsigned_abs());
            // Steps towards now cannot go beyond it.
            let is_older = steps <= 0 || distance.as_micros() <= base.as_micros();
            is_older.then(|| match steps {
                ..=0 => base.saturating_add(distance),
                _ => base.saturating_sub(distance),
            })
        });
        Some(Reading { record: *record, storage, value, time, period_end: time, age })
    }
}

/// The total comes first, then the tariffs, then other subunits.
fn rank(record: &Record<'_>) -> (u16, u32) {
    (record.subunit(), record.tariff())
}

fn is_age(record: &Record<'_>) -> bool {
    record.quantity() == Quantity::ActualityDuration && record.vib().vifes().is_empty()
}

/// The span that a record of seconds, minutes, hours or days says.
fn span(record: &Record<'_>) -> Option<Duration> {
    let unit = match record.unit() {
        Unit::Second => Duration::from_secs(1),
        Unit::Minute => Duration::from_secs(60),
        Unit::Hour => Duration::from_secs(3600),
        Unit::Day => Duration::from_secs(86_400),
        _ => return None,
    };
    match record.value() {
        Value::Number(number) if !record.is_marked_invalid() => {
            let n = u32::try_from(number.with_exponent(0)?.mantissa).ok()?;
            Some(unit.saturating_mul(n.into()))
        }
        _ => None,
    }
}

/// For the time of an event (VIFE 6Ah, 6Bh, 6Eh, 6Fh last), how well it tells when a maximum was.
fn event_rank(record: &Record<'_>) -> Option<u8> {
    if record.function() == Function::Instantaneous || record.kind() != RecordKind::Data {
        return None;
    }
    match record.qualifiers().last()? {
        Qualifier::Orthogonal(0x6F) => Some(3),
        Qualifier::Orthogonal(0x6E) => Some(2),
        Qualifier::Orthogonal(0x6B) => Some(1),
        Qualifier::Orthogonal(0x6A) => Some(0),
        _ => None,
    }
}

/// True when `event` is the time of what `value` is the value of: the same register, quantity, and qualifiers but for
/// the last one.
fn is_event_of(event: &Record<'_>, value: &Record<'_>) -> bool {
    let mut qualifiers = event.qualifiers();
    event.function() == value.function()
        && event.storage() == value.storage()
        && event.tariff() == value.tariff()
        && event.subunit() == value.subunit()
        && event.vib().row().quantity == value.vib().row().quantity
        && value.qualifiers().all(|mine| qualifiers.next() == Some(mine))
        && qualifiers.count() == 1
}

impl<'a> Iterator for Readings<'a> {
    type Item = Reading<'a>;

    fn next(&mut self) -> Option<Reading<'a>> {
        loop {
            if let Some(reading) = self.next_entry() {
                return Some(reading);
            }
            self.profile = None;
            let record = self.walk.by_ref().map_while(Result::ok).next()?;
            if record.kind() != RecordKind::Data
                || record.is_time_stamp()
                || is_age(&record)
                || self.is_time_of_another(&record)
            {
                continue;
            }
            match Profile::of(&record) {
                Ok(profile) => self.profile = Some(self.elements(record, &profile)),
                Err(_) => return Some(self.reading(record)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;
    use std::{format, vec};

    fn shown(octets: &[u8]) -> Vec<String> {
        Readings::new(Records::new(octets))
            .map(|reading| {
                let moment = |time: Option<Moment>| time.map_or("-".into(), |time| time.to_string());
                format!(
                    "{} {} {} {} {}{}",
                    reading.storage,
                    reading.record.function(),
                    reading.value,
                    moment(reading.time),
                    moment(reading.period_end),
                    reading.age.map_or(String::new(), |age| format!(" {}s old", age.as_millis() / 1000))
                )
            })
            .collect()
    }

    #[test]
    fn due_date_maximum_and_current_value() {
        let mut octets = vec![0x0C, 0x13, 0x35, 0x67, 0x00, 0x00]; // current volume
        octets.extend([0x04, 0x6D, 0x1E, 0x0C, 0x21, 0x36]); // now: 2025-06-01 12:30
        octets.extend([0x4C, 0x13, 0x12, 0x60, 0x00, 0x00]); // volume of the due date
        octets.extend([0x42, 0x6C, 0x01, 0x31]); // 2024-01-01
        octets.extend([0x12, 0x3B, 0x07, 0x00]); // maximum flow, when it was
        octets.extend([0x14, 0x6D, 0x00, 0x08, 0x05, 0x36]); // 2024-06-05 08:00
        octets.extend([0x52, 0x3B, 0x09, 0x00]); // maximum flow of the due date, its time unknown
        octets.extend([0x82, 0x01, 0x6C, 0xFF, 0xFF]); // no such time
        octets.extend([0x81, 0x01, 0x13, 0x05]); // storage 2
        assert_eq!(
            shown(&octets),
            [
                "0 instantaneous 6.735 2025-06-01T12:30 2025-06-01T12:30",
                "1 instantaneous 6.012 2024-01-01 2024-01-01",
                "0 maximum 0.007 2024-06-05T08:00 2025-06-01T12:30",
                "1 maximum 0.009 - 2024-01-01",
                "2 instantaneous 0.005 - -",
            ]
        );
        let june = Date::new(2024, 6, 5).unwrap();
        assert_eq!(Readings::new(Records::new(&octets)).on(june).count(), 1);
    }

    #[test]
    fn the_stamp_of_the_same_subunit_and_tariff_wins() {
        let mut octets = vec![0x42, 0x6C, 0x01, 0x31]; // storage 1: 2024-01-01
        octets.extend([0xC2, 0x40, 0x6C, 0x02, 0x31]); // subunit 1: 2024-01-02
        octets.extend([0xC2, 0x10, 0x6C, 0x03, 0x31]); // tariff 1: 2024-01-03
        octets.extend([0x41, 0x13, 0x01]);
        octets.extend([0xC1, 0x40, 0x13, 0x02]);
        octets.extend([0xC1, 0x10, 0x13, 0x03]);
        octets.extend([0xC1, 0x20, 0x13, 0x04]); // tariff 2 has none of its own
        let times: Vec<_> =
            Readings::new(Records::new(&octets)).map(|r| r.time.unwrap().to_string()).collect();
        assert_eq!(times, ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-01"]);
    }

    #[test]
    fn profiles_and_ages() {
        // EN 13757-3 Annex F, then a value that was three seconds old.
        let mut octets = vec![0x84, 0x04, 0x6D, 0x00, 0x20, 0x41, 0x11];
        octets.extend([0x8B, 0x04, 0x15, 0x00, 0x30, 0x12]);
        octets.extend([0x8D, 0x04, 0x95, 0x1F, 0x05, 0x69, 0x01, 0x03, 0x02, 0x11]);
        octets.extend([0xC1, 0x01, 0x03, 0x07, 0xC1, 0x01, 0x74, 0x03]);
        assert_eq!(
            shown(&octets),
            [
                "8 instantaneous 12300.0 2010-01-01T00:00 2010-01-01T00:00",
                "9 instantaneous 12300.3 2010-01-01T01:00 2010-01-01T01:00",
                "10 instantaneous 12300.5 2010-01-01T02:00 2010-01-01T02:00",
                "11 instantaneous 12301.6 2010-01-01T03:00 2010-01-01T03:00",
                "3 instantaneous 7 - - 3s old",
            ]
        );
    }

    #[test]
    fn elements_of_a_profile_are_as_old_as_their_steps_say() {
        // Inverse, eight seconds a step, base three seconds old (as OMS Vol. 2 Annex N, N.13); then forward, one
        // minute a step from a base two minutes old: the third element would be of the future.
        let mut octets = vec![0xC1, 0x01, 0x03, 0x64, 0xCD, 0x01, 0x83, 0x13, 0x04, 0x41, 0x08, 0x01, 0x02];
        octets.extend([0xC1, 0x01, 0x74, 0x03]);
        octets.extend([0x81, 0x02, 0x03, 0x64, 0x8D, 0x02, 0x83, 0x1F, 0x05, 0x51, 0x01, 0x01, 0x01, 0x01]);
        octets.extend([0x81, 0x02, 0x75, 0x02]);
        assert_eq!(
            shown(&octets),
            [
                "3 instantaneous 100 - - 3s old",
                "4 instantaneous 99 - - 11s old",
                "5 instantaneous 97 - - 19s old",
                "4 instantaneous 100 - - 120s old",
                "5 instantaneous 101 - - 60s old",
                "6 instantaneous 102 - - 0s old",
                "7 instantaneous 103 - -",
            ]
        );
        // An age that is marked as no value, and one in months, tell nothing.
        for octets in [&[0x01, 0x03, 0x07, 0x01, 0x74, 0x80][..], &[0x01, 0x03, 0x07, 0x02, 0x76, 0x00, 0x80]]
        {
            assert_eq!(shown(octets), ["0 instantaneous 7 - -"]);
        }
    }

    #[test]
    fn every_maximum_has_its_own_time() {
        // Maxima of two quantities and the end of each (VIFE 6Fh), tariff 1.
        let mut octets = vec![0x9B, 0x10, 0x5A, 0x07, 0x03, 0x00, 0x9B, 0x10, 0x5E, 0x07, 0x05, 0x00];
        octets.extend([0x94, 0x10, 0xDA, 0x6F, 0x32, 0x14, 0x7A, 0x18]); // 2011-08-26 20:50
        octets.extend([0x94, 0x10, 0xDE, 0x6E, 0x2B, 0x0B, 0x69, 0x18]); // its beginning: 2011-08-09 11:43
        octets.extend([0x94, 0x10, 0xDA, 0x6A, 0x32, 0x14, 0x61, 0x18]); // the first one's beginning does not win
        octets.extend([0x94, 0x10, 0xBB, 0x6F, 0x2B, 0x0B, 0x69, 0x18]); // of a flow that is not there
        octets.extend([0x94, 0x20, 0xDA, 0x6F, 0x2B, 0x0B, 0x69, 0x18]); // of another tariff
        assert_eq!(
            shown(&octets),
            [
                "0 maximum 30.7 2011-08-26T20:50 -",
                "0 maximum 50.7 2011-08-09T11:43 -",
                "0 maximum 2011-08-09T11:43 - -",
                "0 maximum 2011-08-09T11:43 - -",
            ]
        );
    }

    #[test]
    fn one_call_for_the_reading_of_a_day() {
        let mut octets = vec![0x81, 0x10, 0x13, 0x01, 0x42, 0x6C, 0x01, 0x31]; // tariff 1 of now, 2024-01-01
        octets.extend([0xC1, 0x10, 0x13, 0x02, 0x41, 0x13, 0x03, 0x51, 0x13, 0x04, 0x41, 0x03, 0x05]);
        let readings = || Readings::new(Records::new(&octets));
        let day = Date::new(2024, 1, 1).unwrap();
        let of = |quantity| readings().of(quantity, day).map(|reading| reading.value.to_string());
        assert_eq!(of(Quantity::Volume).as_deref(), Some("0.003"), "the total");
        assert_eq!(of(Quantity::Energy).as_deref(), Some("5"));
        assert_eq!(of(Quantity::Power), None);
        assert_eq!(readings().on(day).count(), 3, "and no maximum, whose day is not told");
        assert!(readings().of(Quantity::Volume, Date::new(2024, 1, 2).unwrap()).is_none());
        let mut frame =
            b"\x68\x0F\x0F\x68\x08\x01\x78\x4C\x13\x12\x60\0\0\x42\x6C\x01\x31\x01\x13\x00".to_vec();
        let sum = frame[4..].iter().fold(0u8, |sum, octet| sum.wrapping_add(*octet));
        frame[1] = u8::try_from(frame.len() - 4).unwrap();
        frame[2] = frame[1];
        frame.extend([sum, 0x16]);
        let telegram = Telegram::decode(&mut frame, &oms_security::key::NoKeys).unwrap();
        assert_eq!(telegram.readings().of(Quantity::Volume, day).unwrap().value.to_string(), "6.012");
    }

    #[test]
    fn a_long_message_is_bounded_work() {
        // Records without end, the time stamp behind the bound: not found, and not searched for.
        let mut octets = [0x01, 0x13, 0x05].repeat(Readings::SEARCHED - 1);
        let stamp = [0x02, 0x6C, 0x01, 0x31];
        let times = |octets: &[u8]| Readings::new(Records::new(octets)).filter(|r| r.time.is_some()).count();
        assert_eq!(times(&[&octets[..], &stamp].concat()), Readings::SEARCHED - 1);
        octets.extend([0x01, 0x13, 0x05]);
        assert_eq!(times(&[&octets[..], &stamp].concat()), 0);
        assert_eq!(shown(&[&octets[..], &stamp].concat()).len(), Readings::SEARCHED);
    }

    #[test]
    fn bad_telegrams_end() {
        for octets in
            [&[][..], &[0x0C], &[0x0D, 0x83, 0x1F, 0x02, 0x41, 0x01], &[0x3F], &[0x2F; 9], &[0x0F, 1]]
        {
            assert_eq!(Readings::new(Records::new(octets)).count(), 0, "{octets:02X?}");
        }
    }
}
