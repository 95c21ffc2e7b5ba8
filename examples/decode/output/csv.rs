//! CSV: one row per record, one row without record columns for a telegram that has none.

use crate::decode::hex;
use crate::decode::model::{Reading, Record};
use std::io::{self, Write};

const COLUMNS: [&str; 24] = [
    "line",
    "id",
    "ok",
    "kind",
    "manufacturer",
    "meter",
    "version",
    "device_type",
    "medium",
    "received",
    "record",
    "storage",
    "tariff",
    "subunit",
    "function",
    "quantity",
    "value",
    "unit",
    "type",
    "obis",
    "dib",
    "vib",
    "note",
    "error",
];

pub(super) fn heading(out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS.map(str::to_owned))
}

pub(super) fn write(reading: &Reading, first: bool, out: &mut dyn Write) -> io::Result<()> {
    if first {
        heading(out)?;
    }
    let error = reading.error.as_ref().map(|problem| format!("{}: {}", problem.layer, problem.message));
    if reading.records.is_empty() || error.is_some() {
        let mut columns = of_telegram(reading);
        columns.resize(COLUMNS.len() - 2, String::new());
        columns.push(reading.notes.join("; "));
        columns.push(error.unwrap_or_default());
        row(out, &columns)?;
    }
    for (index, record) in reading.records.iter().enumerate() {
        let mut columns = of_telegram(reading);
        columns.extend(of_record(index, record));
        row(out, &columns)?;
    }
    Ok(())
}

fn of_telegram(reading: &Reading) -> Vec<String> {
    let id = match &reading.id {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let meter = reading.meter.clone().unwrap_or_default();
    let known = reading.meter.is_some();
    vec![
        reading.line.to_string(),
        id,
        reading.is_ok().to_string(),
        reading.frame.as_ref().map_or("", |frame| frame.kind).to_owned(),
        meter.manufacturer,
        meter.id,
        if known { meter.version.to_string() } else { String::new() },
        if known { meter.device_type.to_string() } else { String::new() },
        meter.medium,
        reading.received.clone().unwrap_or_default(),
    ]
}

fn of_record(index: usize, record: &Record) -> [String; 14] {
    [
        index.to_string(),
        record.storage.to_string(),
        record.tariff.to_string(),
        record.subunit.to_string(),
        record.function.to_owned(),
        record.quantity.clone(),
        record.value.clone().unwrap_or_default(),
        record.unit.clone(),
        record.kind.to_owned(),
        record.obis.clone().unwrap_or_default(),
        hex::upper(&record.dib),
        hex::upper(&record.vib),
        record.note.clone().unwrap_or_default(),
        record.error.as_ref().map(|problem| problem.message.clone()).unwrap_or_default(),
    ]
}

fn row(out: &mut dyn Write, columns: &[String]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns)?;
    out.write_all(&writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::model::Problem;

    fn rows(reading: &Reading) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        write(reading, true, &mut out).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_slice());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn rows_have_all_columns() {
        for (records, rows_expected) in [(0, 2), (1, 2), (3, 4)] {
            let reading = Reading { records: vec![Record::default(); records], ..Reading::default() };
            let rows = rows(&reading);
            assert_eq!(rows.len(), rows_expected);
            assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        }
    }

    #[test]
    fn commas_and_quotation_marks_stay_in_their_column() {
        let record = Record { value: Some("a,\"b\"\nc".into()), ..Record::default() };
        assert_eq!(rows(&Reading { records: vec![record], ..Reading::default() })[1][16], "a,\"b\"\nc");
    }

    #[test]
    fn an_error_has_its_own_row() {
        let error = Some(Problem { layer: "link", message: "wrong".into(), ..Problem::default() });
        let rows = rows(&Reading { records: vec![Record::default()], error, ..Reading::default() });
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[1][2].as_str(), rows[1][23].as_str()), ("false", "link: wrong"));
    }
}
