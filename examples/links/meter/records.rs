//! What a simulated meter has to say: kinds of meters, one row per record.
//!
//! Invariants: a value depends on the meter's number and its clock alone, so that whoever reads it can be checked
//! against what must come out; counters only grow; every row can be written by the library's record builder.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, Timelike};
use mbus_app::Error;
use mbus_app::date_time::{Date, DateTime, Time};
use mbus_app::decimal::Decimal;
use mbus_app::record::builder::{Content, Element, NewDib, NewVib, RecordBuilder, RecordsBuilder, Register};
use mbus_app::record::{DataField, Direction, Function};
use mbus_app::value::{Bits, Digits, Value};
use mbus_app::vif::{Quantity, Unit};
use mbus_link::{Address, DeviceType};

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// A counter that started at `start` in the year 2020 and grows by `daily` every day, at the end of the month so
    /// many months ago, or now. In units of ten to the power of `exponent`.
    Counter { start: i64, daily: i64, exponent: i16, months_ago: Option<u32> },
    /// A momentary value around `middle`, up to `swing` more or less.
    Momentary { middle: i64, swing: i64, exponent: i16 },
    /// Date and time now.
    Now,
    /// The last day of the month so many months ago.
    MonthEnd(u32),
    /// Days since the first of January 2020.
    DaysOn,
    /// Flags, all clear.
    NoFlags,
    /// The identification number as fabrication number.
    Number,
    /// A text.
    Text(&'static str),
}

/// One record.
#[derive(Clone, Copy, Debug)]
struct Row {
    function: Function,
    storage: u64,
    tariff: u32,
    subunit: u16,
    field: DataField,
    quantity: Quantity,
    unit: Unit,
    reading: Reading,
}

const INT16: DataField = DataField(0x02);
const INT24: DataField = DataField(0x03);
const INT32: DataField = DataField(0x04);
const BCD4: DataField = DataField(0x0A);
const BCD6: DataField = DataField(0x0B);
const BCD8: DataField = DataField(0x0C);
const VARIABLE: DataField = DataField(0x0D);

const fn row(field: DataField, quantity: Quantity, unit: Unit, reading: Reading) -> Row {
    Row {
        function: Function::Instantaneous,
        storage: 0,
        tariff: 0,
        subunit: 0,
        field,
        quantity,
        unit,
        reading,
    }
}
const fn stored(storage: u64, row: Row) -> Row {
    Row { storage, ..row }
}
const fn tariff(tariff: u32, row: Row) -> Row {
    Row { tariff, ..row }
}
const fn subunit(subunit: u16, row: Row) -> Row {
    Row { subunit, ..row }
}
const fn maximum(row: Row) -> Row {
    Row { function: Function::Maximum, ..row }
}

const fn counter(start: i64, daily: i64, exponent: i16) -> Reading {
    Reading::Counter { start, daily, exponent, months_ago: None }
}
const fn counter_then(start: i64, daily: i64, exponent: i16, months_ago: u32) -> Reading {
    Reading::Counter { start, daily, exponent, months_ago: Some(months_ago) }
}
const fn momentary(middle: i64, swing: i64, exponent: i16) -> Reading {
    Reading::Momentary { middle, swing, exponent }
}

const NOW: Row = row(INT32, Quantity::DateAndTime, Unit::None, Reading::Now);
const FLAGS: Row = row(INT16, Quantity::ErrorFlags, Unit::None, Reading::NoFlags);
const NUMBER: Row = row(BCD8, Quantity::FabricationNumber, Unit::None, Reading::Number);
const ON_TIME: Row = row(INT16, Quantity::OnTime, Unit::Day, Reading::DaysOn);

const fn due_date(storage: u64, months_ago: u32) -> Row {
    stored(storage, row(INT16, Quantity::Date, Unit::None, Reading::MonthEnd(months_ago)))
}

const fn water(months_ago: Option<u32>) -> Row {
    let reading = Reading::Counter { start: 6_735, daily: 314, exponent: -3, months_ago };
    row(BCD8, Quantity::Volume, Unit::CubicMetre, reading)
}
const fn heat(months_ago: Option<u32>) -> Row {
    let reading = Reading::Counter { start: 2_404, daily: 21, exponent: 3, months_ago };
    row(BCD8, Quantity::Energy, Unit::WattHour, reading)
}

/// The twelve months before, in storage 2 to 13, as many water and heat meters keep them.
macro_rules! twelve_months {
    ($of:ident) => {
        &[
            due_date(2, 1),
            stored(2, $of(Some(1))),
            stored(3, $of(Some(2))),
            stored(4, $of(Some(3))),
            stored(5, $of(Some(4))),
            stored(6, $of(Some(5))),
            stored(7, $of(Some(6))),
            stored(8, $of(Some(7))),
            stored(9, $of(Some(8))),
            stored(10, $of(Some(9))),
            stored(11, $of(Some(10))),
            stored(12, $of(Some(11))),
            stored(13, $of(Some(12))),
        ]
    };
}

/// A kind of meter.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What the user calls it.
    pub name: &'static str,
    /// What it is on the bus.
    pub device_type: DeviceType,
    /// The records of its telegrams, one list per telegram.
    telegrams: &'static [&'static [Row]],
}

impl Kind {
    /// All kinds. A kind is added here and nowhere else.
    pub const TABLE: &'static [Self] = &[
        Self {
            name: "water",
            device_type: DeviceType::WATER,
            telegrams: &[
                &[
                    water(None),
                    NOW,
                    due_date(1, 3),
                    stored(1, water(Some(3))),
                    row(BCD6, Quantity::VolumeFlow, Unit::CubicMetrePerHour, momentary(127, 100, -3)),
                    row(INT16, Quantity::FlowTemperature, Unit::Celsius, momentary(123, 30, -1)),
                    ON_TIME,
                    FLAGS,
                ],
                twelve_months!(water),
            ],
        },
        Self {
            name: "heat",
            device_type: DeviceType::HEAT_OUTLET,
            telegrams: &[
                &[
                    NUMBER,
                    heat(None),
                    row(BCD8, Quantity::Volume, Unit::CubicMetre, counter(40_161, 902, -2)),
                    row(BCD6, Quantity::Power, Unit::Watt, momentary(41, 20, 2)),
                    maximum(row(BCD6, Quantity::Power, Unit::Watt, momentary(175, 9, 2))),
                    row(BCD6, Quantity::VolumeFlow, Unit::CubicMetrePerHour, momentary(184, 90, -3)),
                    row(BCD4, Quantity::FlowTemperature, Unit::Celsius, momentary(682, 80, -1)),
                    row(BCD4, Quantity::ReturnTemperature, Unit::Celsius, momentary(451, 60, -1)),
                    row(INT16, Quantity::TemperatureDifference, Unit::Kelvin, momentary(2_310, 200, -2)),
                    row(INT24, Quantity::OperatingTime, Unit::Hour, counter(411, 24, 0)),
                    NOW,
                    due_date(1, 3),
                    stored(1, heat(Some(3))),
                    FLAGS,
                ],
                twelve_months!(heat),
            ],
        },
        Self {
            name: "electricity",
            device_type: DeviceType::ELECTRICITY,
            telegrams: &[&[
                row(INT32, Quantity::Energy, Unit::WattHour, counter(1_234_567, 8_765, 0)),
                tariff(1, row(INT32, Quantity::Energy, Unit::WattHour, counter(900_000, 6_000, 0))),
                tariff(2, row(INT32, Quantity::Energy, Unit::WattHour, counter(334_567, 2_765, 0))),
                row(INT32, Quantity::Power, Unit::Watt, momentary(4_213, 900, -1)),
                subunit(1, row(INT16, Quantity::Voltage, Unit::Volt, momentary(2_301, 40, -1))),
                subunit(2, row(INT16, Quantity::Voltage, Unit::Volt, momentary(2_308, 40, -1))),
                subunit(3, row(INT16, Quantity::Voltage, Unit::Volt, momentary(2_296, 40, -1))),
                subunit(1, row(INT16, Quantity::Current, Unit::Ampere, momentary(1_873, 700, -3))),
                subunit(2, row(INT16, Quantity::Current, Unit::Ampere, momentary(1_212, 700, -3))),
                subunit(3, row(INT16, Quantity::Current, Unit::Ampere, momentary(2_045, 700, -3))),
                NOW,
                FLAGS,
            ]],
        },
        Self {
            name: "gas",
            device_type: DeviceType::GAS,
            telegrams: &[&[
                row(BCD8, Quantity::Volume, Unit::CubicMetre, counter(2_850_427, 511, -2)),
                NOW,
                due_date(1, 3),
                stored(1, row(BCD8, Quantity::Volume, Unit::CubicMetre, counter_then(2_850_427, 511, -2, 3))),
                row(BCD6, Quantity::VolumeFlow, Unit::CubicMetrePerHour, momentary(1_240, 800, -3)),
                row(INT16, Quantity::Pressure, Unit::Bar, momentary(1_022, 9, -3)),
                FLAGS,
            ]],
        },
        Self {
            name: "hca",
            device_type: DeviceType::HEAT_COST_ALLOCATOR,
            telegrams: &[&[
                row(BCD6, Quantity::HeatCostAllocatorUnits, Unit::HcaUnit, counter(97, 2, 0)),
                due_date(1, 3),
                stored(
                    1,
                    row(BCD6, Quantity::HeatCostAllocatorUnits, Unit::HcaUnit, counter_then(97, 2, 0, 3)),
                ),
                row(INT16, Quantity::FlowTemperature, Unit::Celsius, momentary(3_350, 900, -2)),
                row(INT16, Quantity::ExternalTemperature, Unit::Celsius, momentary(2_120, 200, -2)),
                NOW,
                row(VARIABLE, Quantity::CustomerLocation, Unit::None, Reading::Text("2nd floor, kitchen")),
                FLAGS,
            ]],
        },
    ];

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::TABLE.iter().find(|kind| kind.name == name)
    }
    /// In how many telegrams it says all it has to say.
    #[must_use]
    pub const fn telegrams(&self) -> usize {
        self.telegrams.len()
    }
    /// The records of telegram `page` (counted from 0) of this meter at this time, octet for octet; with
    /// `more_follow` the last one says that the next telegram has more.
    ///
    /// # Errors
    /// A row that cannot be written.
    pub fn records(
        &self,
        page: usize,
        meter: Address,
        now: NaiveDateTime,
        more_follow: bool,
    ) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::new();
        for row in self.telegrams.get(page).copied().unwrap_or_default() {
            octets.extend(row.octets(meter, now)?);
        }
        if more_follow {
            let last = [Element::Manufacturer { more_follow, octets: &[] }];
            octets.extend(RecordsBuilder { elements: &last }.to_vec()?);
        }
        Ok(octets)
    }
}

impl Row {
    fn octets(&self, meter: Address, now: NaiveDateTime) -> Result<Vec<u8>, Error> {
        let serial = meter.identification.octets();
        let content = match self.reading {
            Reading::Counter { start, daily, exponent, months_ago } => {
                let day = months_ago.map_or(now.date(), |months| month_end(now.date(), months));
                number(start + 7 * spread(serial, 97) + daily * days_on(day), exponent)
            }
            Reading::Momentary { middle, swing, exponent } => {
                let minute = i64::from(now.hour() * 60 + now.minute());
                let phase = (minute * 37 + spread(serial, 97) * 11) % (2 * swing + 1);
                number(middle + phase - swing, exponent)
            }
            Reading::Now => Content::Value(Value::DateTime(date_time(now))),
            Reading::MonthEnd(months) => Content::Value(Value::Date(date(month_end(now.date(), months)))),
            Reading::DaysOn => number(days_on(now.date()), 0),
            Reading::NoFlags => Content::Value(Value::Bits(Bits(&[0, 0]))),
            Reading::Number => Content::Value(Value::Digits(Digits(&serial))),
            Reading::Text(text) => Content::Text(text),
        };
        let register = Register {
            function: self.function,
            storage: self.storage,
            tariff: self.tariff,
            subunit: self.subunit,
            is_register: false,
        };
        RecordBuilder {
            dib: NewDib::Register(register, Some(self.field)),
            vib: NewVib::Of(self.quantity, self.unit, &[]),
            content,
            direction: Direction::FromDevice,
            ..RecordBuilder::default()
        }
        .to_vec()
    }
}

fn number(mantissa: i64, exponent: i16) -> Content<'static> {
    Content::Value(Value::Number(Decimal::new(i128::from(mantissa), exponent)))
}

/// A number below `limit` that differs from meter to meter.
fn spread(serial: [u8; 4], limit: i64) -> i64 {
    i64::from(u32::from_le_bytes(serial)) % limit
}

fn days_on(day: NaiveDate) -> i64 {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap_or_default();
    day.signed_duration_since(first).num_days().clamp(0, 20_000)
}

/// The last day of the month `months` ago.
fn month_end(day: NaiveDate, months: u32) -> NaiveDate {
    let first = day.with_day(1).unwrap_or(day);
    let first = first.checked_sub_months(Months::new(months.saturating_sub(1))).unwrap_or(first);
    first.pred_opt().unwrap_or(first)
}

fn date(day: NaiveDate) -> Date {
    let part = |n: u32| u8::try_from(n).ok();
    Date { year: u16::try_from(day.year()).ok(), month: part(day.month()), day: part(day.day()) }
}

/// A moment to the minute, as type F has it.
#[must_use]
pub fn date_time(now: NaiveDateTime) -> DateTime {
    let part = |n: u32| u8::try_from(n).ok();
    DateTime {
        date: date(now.date()),
        time: Time { hour: part(now.hour()), minute: part(now.minute()), second: None },
        hundred_year_bits: 1,
        ..DateTime::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mbus_app::record::Records;

    fn meter(n: u8) -> Address {
        Address::from_transport_octets([n, 0x00, 0x34, 0x12, 0x93, 0x15, 1, 7])
    }
    fn noon(year: i32, month: u32, day: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(12, 34, 0).unwrap()
    }

    #[test]
    fn every_row_of_every_kind_is_written_and_read_at_any_time() {
        for kind in Kind::TABLE {
            for (page, rows) in kind.telegrams.iter().enumerate() {
                for (n, now) in [
                    (1, noon(2020, 1, 1)),
                    (99, noon(2026, 3, 31)),
                    (0, noon(2024, 2, 29)),
                    (7, noon(2074, 12, 31)),
                ] {
                    let octets = kind.records(page, meter(n), now, false).unwrap();
                    let records: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
                    assert_eq!(records.len(), rows.len(), "{} {page}", kind.name);
                    for (record, row) in records.iter().zip(*rows) {
                        assert_eq!((record.quantity(), record.unit()), (row.quantity, row.unit));
                        assert!(!matches!(record.value(), Value::Invalid(_) | Value::None), "{row:?}");
                        assert_eq!((record.storage(), record.tariff()), (row.storage, row.tariff));
                    }
                    // One telegram has to fit one frame, security included.
                    assert!(octets.len() <= 180, "{} {page}: {}", kind.name, octets.len());
                }
            }
        }
    }

    #[test]
    fn a_water_meter_octet_for_octet() {
        let kind = Kind::named("water").unwrap();
        let octets = kind.records(0, meter(0x78), noon(2026, 3, 31), true).unwrap();
        // 2281 days of 314 l on 6735 l, and 7 l for each of 73: 0x12340078 % 97 = 73.
        let start =
            [0x0C, 0x13, 0x80, 0x34, 0x72, 0x00, 0x04, 0x6D, 0x22, 0x2C, 0x5F, 0x33, 0x42, 0x6C, 0x3F, 0x3C];
        assert_eq!(octets[..16], start, "{octets:02X?}");
        assert_eq!(octets.last(), Some(&0x1F));
    }

    #[test]
    fn counters_grow_and_stored_values_lie_before() {
        let kind = Kind::named("heat").unwrap();
        let value = |page, n: usize, now| {
            let octets = kind.records(page, meter(1), now, false).unwrap();
            Records::new(&octets).nth(n).unwrap().unwrap().value().to_string().parse::<u64>().unwrap()
        };
        let (today, tomorrow) = (noon(2026, 3, 30), noon(2026, 3, 31));
        assert_eq!(value(0, 1, tomorrow) - value(0, 1, today), 21_000);
        let months: Vec<u64> = (1..13).map(|n| value(1, n, today)).collect();
        assert!(months.windows(2).all(|pair| pair[0] > pair[1]) && months[0] < value(0, 1, today));
    }

    #[test]
    fn ends_of_months() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(month_end(day(2026, 3, 31), 1), day(2026, 2, 28));
        assert_eq!(month_end(day(2026, 3, 1), 3), day(2025, 12, 31));
        assert_eq!(month_end(day(2024, 3, 15), 13), day(2023, 2, 28));
    }
}
