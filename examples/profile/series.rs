//! The readings of a telegram sorted into series: one per quantity, function, tariff, subunit and qualifiers.

use mbus_app::profile::ProfileKind;
use mbus_app::readings::{Reading, Readings};
use mbus_app::record::{Qualifier, Record, Records};

/// Values of one register over time, oldest first as far as their times are known.
#[derive(Debug)]
pub struct Series {
    /// Quantity, and what else tells this series from the others.
    pub title: String,
    /// The unit in UCUM.
    pub unit: String,
    /// The values.
    pub points: Vec<Point>,
}

/// One value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// When it was taken, in ISO 8601; empty when the telegram does not say.
    pub time: String,
    /// The storage number.
    pub storage: u64,
    /// The value as text, exact; or why there is none.
    pub value: Result<String, String>,
}

/// All series of at least two values; values that stand alone make none.
#[must_use]
pub fn of(records: Records<'_>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for reading in Readings::new(records) {
        let (title, unit) = (title(&reading.record), reading.record.ucum().to_string());
        let point = point(&reading);
        match all.iter_mut().find(|series| series.title == title && series.unit == unit) {
            Some(series) => series.points.push(point),
            None => all.push(Series { title, unit, points: vec![point] }),
        }
    }
    all.retain(|series| series.points.len() > 1);
    all.iter_mut().for_each(|series| series.points.sort());
    all
}

fn point(reading: &Reading<'_>) -> Point {
    use mbus_app::value::Value;
    let value = match reading.value {
        Value::Invalid(reason) => Err(reason.name().to_owned()),
        value => Ok(value.to_string()),
    };
    Point {
        time: reading.time.map(|time| time.to_string()).unwrap_or_default(),
        storage: reading.storage,
        value,
    }
}

/// The base value of a profile and its elements belong to one series: the VIFE that makes a record a profile does
/// not count.
fn title(record: &Record<'_>) -> String {
    let mut title = record.quantity().name().to_owned();
    if record.function() != mbus_app::record::Function::Instantaneous {
        title += &format!(", {}", record.function());
    }
    if record.tariff() != 0 {
        title += &format!(", tariff {}", record.tariff());
    }
    if record.subunit() != 0 {
        title += &format!(", subunit {}", record.subunit());
    }
    for qualifier in record.qualifiers().filter(|qualifier| !is_profile(qualifier)) {
        title += &format!(", {}", qualifier.name());
    }
    title
}

fn is_profile(qualifier: &Qualifier<'_>) -> bool {
    [ProfileKind::Compact, ProfileKind::WithRegisters, ProfileKind::Inverse]
        .iter()
        .any(|kind| kind.qualifier() == *qualifier)
}
