//! Values with the time at which they were taken: what a user asks for, instead of "record 7".
//!
//! ```text
//! 4C 13 ..   volume, storage 1          }  the volume of the due date
//! 42 6C ..   date, storage 1            }
//! 14 2B ..   maximum power              }  the maximum and when it was
//! 14 6D ..   date and time, maximum     }
//! ```
//!
//! EN 13757-3:2018, 6.4 (VIF 6Ch and 6Dh tell when the values of a storage number and function were taken)
//! and Annex F (profiles). Invariants: nothing is stored; a time is shown only where the telegram gives one
//! for the same storage number and function; profiles come out as one reading per element. For each reading
//! the records are walked again, so the work grows with the square of their number.

use crate::date_time::Date;
use crate::moment::Moment;
use crate::profile::{Entries, Profile};
use crate::record::{Function, Record, RecordKind, Records};
use crate::value::Value;
use crate::vif::Quantity;

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
    /// The record that says how old the value was when it was sent (VIF 74h to 77h of the same storage number).
    pub age: Option<Record<'a>>,
}

/// The readings of a telegram, in the order of its records.
///
/// ```
/// use mbus_app::date_time::Date;
/// use mbus_app::readings::Readings;
/// use mbus_app::record::Records;
/// // A water meter: now, and at the due date, 1 January 2024.
/// let octets = [
///     0x0C, 0x13, 0x35, 0x67, 0x00, 0x00, 0x4C, 0x13, 0x12, 0x60, 0x00, 0x00, 0x42, 0x6C, 0x01, 0x31,
/// ];
/// let new_year = Date::new(2024, 1, 1).ok_or("no such day")?;
/// let reading = Readings::new(Records::new(&octets)).on(new_year).next().ok_or("no reading")?;
/// assert_eq!(reading.value.to_string(), "6.012");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    all: Records<'a>,
    walk: Records<'a>,
    profile: Option<(Record<'a>, Entries<'a>)>,
}

impl<'a> Readings<'a> {
    /// The readings among `records`, of which none has been taken yet.
    #[must_use]
    pub fn new(records: Records<'a>) -> Self {
        Self { all: records.clone(), walk: records, profile: None }
    }
    /// The readings taken on a day.
    pub fn on(self, day: Date) -> impl Iterator<Item = Reading<'a>> {
        self.filter(move |reading| reading.time.is_some_and(|time| time.date() == day))
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
                function => self.time_of(&record, function),
            },
            period_end,
            age: self.age_of(&record),
        }
    }
    /// The time stamp for the storage number of `record` and a function: that of the same subunit and
    /// tariff if there is one, else that of another.
    fn time_of(&self, record: &Record<'a>, function: Function) -> Option<Moment> {
        let mut best: Option<((bool, bool), Moment)> = None;
        for stamp in self.all.clone().map_while(Result::ok) {
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
    fn age_of(&self, record: &Record<'a>) -> Option<Record<'a>> {
        self.all
            .clone()
            .map_while(Result::ok)
            .find(|age| age.storage() == record.storage() && is_age(age) && age.subunit() == record.subunit())
    }
    /// The next element of the profile under way.
    fn next_entry(&mut self) -> Option<Reading<'a>> {
        let (record, entries) = self.profile.as_mut()?;
        let entry = entries.next()?;
        Some(Reading {
            record: *record,
            storage: entry.storage,
            value: entry.value,
            time: entry.time,
            period_end: entry.time,
            age: None,
        })
    }
}

fn is_age(record: &Record<'_>) -> bool {
    record.quantity() == Quantity::ActualityDuration && record.vib().vifes().is_empty()
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
            if record.kind() != RecordKind::Data || record.is_time_stamp() || is_age(&record) {
                continue;
            }
            match Profile::of(&record) {
                Ok(profile) => self.profile = Some((record, profile.entries_in(self.all.clone()))),
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
                    reading.age.map_or(String::new(), |age| format!(" {}{} old", age.value(), age.ucum()))
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
    fn bad_telegrams_end() {
        for octets in
            [&[][..], &[0x0C], &[0x0D, 0x83, 0x1F, 0x02, 0x41, 0x01], &[0x3F], &[0x2F; 9], &[0x0F, 1]]
        {
            assert_eq!(Readings::new(Records::new(octets)).count(), 0, "{octets:02X?}");
        }
    }
}
