//! Records to the model.

use super::problem;
use crate::decode::model::{Problem, Reading, Record};
use mbus_app::ErrorKind;
use mbus_app::fixed::FixedData;
use mbus_app::record::{self, Header, RecordKind, Records};
use mbus_app::value::{Invalid, Value};
use mbus_link::DeviceType;

/// All records; gives what stopped the walk, if anything did: then the last record has the error and all octets that are
/// left. `offset`: where the records begin.
pub(super) fn fill(
    reading: &mut Reading,
    mut records: Records<'_>,
    device: DeviceType,
    offset: usize,
) -> Option<Problem> {
    let context = obis_map::Context::of_telegram(device, records.clone());
    while let Some(record) = records.next() {
        match record {
            Ok(record) => reading.records.push(model(&record, &context)),
            Err(error) => {
                let problem = problem::of(error.shifted(offset));
                reading.records.push(unread(records.rest(), records.options(), problem.clone()));
                return Some(problem);
            }
        }
    }
    None
}

/// What is left where the records end in an error: as much of the header as can be read, and the octets.
fn unread(rest: &[u8], options: record::RecordOptions, problem: Problem) -> Record {
    let unread =
        Record { function: "instantaneous", kind: "none", error: Some(problem), ..Record::default() };
    match Header::parse_prefix(rest, &options) {
        Ok((header, data)) => Record {
            storage: header.dib().storage(),
            tariff: header.dib().tariff().into(),
            subunit: header.dib().subunit().into(),
            function: header.dib().function().name(),
            quantity: header.vib().row().quantity.name().to_owned(),
            dib: header.dib().octets().to_vec(),
            vib: header.vib().octets().to_vec(),
            data: data.to_vec(),
            ..unread
        },
        Err(_) => Record { quantity: "unreadable".to_owned(), data: rest.to_vec(), ..unread },
    }
}

fn model(record: &record::Record<'_>, context: &obis_map::Context) -> Record {
    let value = record.value();
    let (kind, shown, note) = value_of(record, &value);
    // A unit in the meter's own words is no UCUM.
    let text = record.vib().plain_text().map(|text| text.to_string());
    let obis = match record.kind() {
        RecordKind::Data => context.lookup(record.into()).ok().map(|mapping| mapping.code.to_string()),
        _ => None,
    };
    Record {
        storage: record.storage(),
        tariff: record.tariff().into(),
        subunit: record.subunit().into(),
        function: record.function().name(),
        quantity: record.quantity().name().to_owned(),
        value: shown,
        unit: if text.is_some() { String::new() } else { record.ucum().to_string() },
        unit_text: text,
        kind,
        dib: record.dib().octets().to_vec(),
        vib: record.vib().octets().to_vec(),
        data: record.data().to_vec(),
        obis,
        qualifiers: record.qualifiers().map(|qualifier| qualifier.name().to_owned()).collect(),
        note,
        error: None,
    }
}

/// The type of a value, the value in words, and a remark.
fn value_of(
    record: &record::Record<'_>,
    value: &Value<'_>,
) -> (&'static str, Option<String>, Option<String>) {
    let marked =
        || record.is_marked_invalid().then(|| "the meter may mean that there is no value".to_owned());
    match value {
        Value::None => ("none", None, None),
        Value::Number(number) => ("number", Some(number.to_string()), marked()),
        Value::Real(real) => ("number", Some(real_text(*real)), None),
        Value::Digits(digits) => ("number", Some(digits.to_string()), None),
        Value::Date(date) => ("date", Some(date.to_string()), None),
        Value::DateTime(moment) => {
            ("datetime", Some(moment.to_string()), moment.summer_time.then(|| "summer time".to_owned()))
        }
        Value::Time(time) => ("time", Some(time.to_string()), None),
        Value::TimeM(time) => ("time", Some(time.to_string()), None),
        Value::Text(text) => ("text", Some(text.to_string()), None),
        Value::Bits(bits) => match bits.to_u64() {
            Some(number) => ("number", Some(number.to_string()), None),
            None => ("octets", Some(value.to_string()), None),
        },
        Value::Octets(_) => ("octets", Some(value.to_string()), None),
        Value::Invalid(reason) => ("none", None, Some(invalid_text(record, *reason))),
        _ => ("octets", Some(value.to_string()), None),
    }
}

fn invalid_text(record: &record::Record<'_>, reason: Invalid) -> String {
    match reason {
        Invalid::ErrorDigits => {
            let digits: String = record.data().iter().rev().map(|octet| format!("{octet:02X}")).collect();
            format!("{reason}: {digits}")
        }
        _ => reason.to_string(),
    }
}

/// The shortest decimal that is this real32 and no other, times its power of ten.
fn real_text(real: mbus_app::value::Real32) -> String {
    let shortest: Option<mbus_app::decimal::Decimal> = real.float().to_string().parse().ok();
    match shortest.and_then(|number| number.shifted(real.exponent)) {
        Some(number) => number.to_string(),
        None => format!("{}e{}", real.float(), real.exponent),
    }
}

/// A counter of the fixed data structure.
pub(super) fn counter(fixed: &FixedData, n: usize) -> Record {
    let value = fixed.value(n);
    let (quantity, unit) = match fixed.unit(n).meaning() {
        Some((quantity, unit, _)) => (quantity.name(), unit.ucum()),
        None => ("reserved", ""),
    };
    let (kind, shown, note) = match value {
        Value::Number(number) => ("number", Some(number.to_string()), None),
        Value::Octets(_) => ("octets", Some(value.to_string()), None),
        _ => ("none", None, Some(value.to_string())),
    };
    Record {
        storage: u64::from(fixed.is_historic(n)),
        function: "instantaneous",
        quantity: quantity.to_owned(),
        value: shown,
        unit: unit.to_owned(),
        kind,
        data: fixed.counters.get(n).map(|octets| octets.to_vec()).unwrap_or_default(),
        note,
        ..Record::default()
    }
}

/// True for errors after which nothing can be said of the records that follow.
pub(super) const fn ends_the_records(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Truncated { .. }
            | ErrorKind::TooManyDife
            | ErrorKind::TooManyVife
            | ErrorKind::ReservedDif { .. }
            | ErrorKind::ReservedLvar { .. }
    )
}
