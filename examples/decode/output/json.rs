//! JSON: schema 1, fields may be added but are never renamed.

use crate::decode::hex;
use crate::decode::model::{
    Compact, Frame, InformationBlock, Meter, Problem, Reading, Record, Security, Span, Transport,
};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The version of the fields and their meaning.
const SCHEMA: u32 = 1;

pub(super) fn write_line(reading: &Reading, explain: bool, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &value(reading, explain))?;
    writeln!(out)
}

pub(super) fn write_element(
    reading: &Reading,
    explain: bool,
    first: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{}", if first { "[\n" } else { ",\n" })?;
    serde_json::to_writer_pretty(&mut *out, &value(reading, explain))?;
    Ok(())
}

pub(super) fn finish(empty: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", if empty { "[]" } else { "\n]" })
}

fn value(reading: &Reading, explain: bool) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("schema", SCHEMA.into());
    put("id", reading.id.clone());
    put("line", reading.line.into());
    put("ok", reading.is_ok().into());
    put("frame", reading.frame.as_ref().map_or(Value::Null, frame));
    put("meter", reading.meter.as_ref().map_or(Value::Null, meter));
    put("layers", reading.layers.iter().map(|ci| Value::from(format!("{ci:02X}"))).collect());
    put("transport", reading.transport.as_ref().map_or(Value::Null, transport));
    put("security", reading.security.as_ref().map_or(Value::Null, security));
    put("records", reading.records.iter().map(record).collect());
    put("plaintext", reading.plaintext.as_deref().map_or(Value::Null, |p| hex::upper(p).into()));
    if let Some(found) = &reading.compact {
        put("compact", compact(found));
    }
    if !reading.blocks.is_empty() {
        put("security_information", reading.blocks.iter().map(block).collect());
    }
    if reading.proprietary {
        put("proprietary", true.into());
    }
    for (name, fact) in &reading.facts {
        put(name, fact.as_str().into());
    }
    if let Some(rssi) = reading.rssi_dbm {
        put("rssi_dbm", rssi.into());
    }
    if let Some(received) = &reading.received {
        put("received", received.as_str().into());
    }
    if !reading.notes.is_empty() {
        put("notes", reading.notes.iter().map(String::as_str).collect());
    }
    if explain {
        put("explain", reading.spans.iter().map(span).collect());
    }
    put("error", reading.error.as_ref().map_or(Value::Null, problem));
    Value::Object(fields)
}

fn frame(frame: &Frame) -> Value {
    let mut fields = json!({ "kind": frame.kind, "crc": frame.crc });
    if let Value::Object(fields) = &mut fields {
        if let Some(form) = frame.form {
            fields.insert("type".to_owned(), form.into());
        }
        if let Some(address) = frame.address {
            fields.insert("address".to_owned(), address.into());
        }
        fields.insert("c".to_owned(), frame.c.map_or(Value::Null, |c| format!("{c:02X}").into()));
        fields.insert("function".to_owned(), frame.function.as_deref().into());
        fields.insert("hex".to_owned(), hex::upper(&frame.octets).into());
    }
    fields
}

fn meter(meter: &Meter) -> Value {
    json!({
        "manufacturer": meter.manufacturer, "id": meter.id, "version": meter.version,
        "device_type": meter.device_type, "medium": meter.medium,
    })
}

fn transport(transport: &Transport) -> Value {
    let mut fields = json!({
        "ci": format!("{:02X}", transport.ci), "name": transport.name, "access": transport.access,
        "status": transport.status, "status_flags": transport.status_flags,
    });
    if let (Value::Object(fields), Some(found)) = (&mut fields, &transport.meter) {
        fields.insert("meter".to_owned(), meter(found));
    }
    fields
}

fn security(security: &Security) -> Value {
    let mut fields = json!({
        "mode": security.mode, "layer": security.layer, "state": security.state,
        "authenticated": security.authenticated,
    });
    if let (Value::Object(fields), Some(counter)) = (&mut fields, &security.counter) {
        fields.insert("counter".to_owned(), counter.counter.into());
    }
    fields
}

fn record(record: &Record) -> Value {
    let mut fields = json!({
        "storage": record.storage, "tariff": record.tariff, "subunit": record.subunit,
        "function": record.function, "quantity": record.quantity, "value": record.value,
        "unit": record.unit, "type": record.kind, "dib": hex::upper(&record.dib),
        "vib": hex::upper(&record.vib), "data": hex::upper(&record.data), "obis": record.obis,
    });
    if let Value::Object(fields) = &mut fields {
        if let Some(unit) = &record.unit_text {
            fields.insert("unit_text".to_owned(), unit.as_str().into());
        }
        if !record.qualifiers.is_empty() {
            fields.insert("qualifiers".to_owned(), record.qualifiers.as_slice().into());
        }
        if let Some(note) = &record.note {
            fields.insert("note".to_owned(), note.as_str().into());
        }
        if let Some(error) = &record.error {
            fields.insert("error".to_owned(), problem(error));
        }
    }
    fields
}

fn compact(compact: &Compact) -> Value {
    json!({
        "format_signature": format!("{:04X}", compact.format_signature),
        "full_frame_crc": compact.full_frame_crc.map(|crc| format!("{crc:04X}")),
        "state": compact.state,
    })
}

fn block(block: &InformationBlock) -> Value {
    json!({
        "block": block.id, "function": block.function, "answer": block.answer, "recipient": block.recipient,
        "structure": block.structure, "key_id": format!("{:02X}", block.key_id),
        "key_version": block.key_version, "key": block.key, "state": block.state, "status": block.status,
        "counter": block.counter, "target_time": block.target_time, "protocol": block.protocol,
        "command": block.command, "content": block.content.as_deref().map(hex::upper), "note": block.note,
    })
}

fn problem(problem: &Problem) -> Value {
    let mut fields = json!({
        "layer": problem.layer, "kind": problem.kind, "offset": problem.offset, "message": problem.message,
    });
    if let (Value::Object(fields), false) = (&mut fields, problem.hint.is_empty()) {
        fields.insert("hint".to_owned(), problem.hint.as_str().into());
    }
    fields
}

fn span(span: &Span) -> Value {
    json!({
        "offset": span.start, "octets": hex::upper(&span.octets), "layer": span.layer,
        "name": span.name, "meaning": span.meaning,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_with_the_agreed_fields() {
        let mut out = Vec::new();
        let reading = Reading {
            records: vec![Record { value: Some("a\nb".into()), ..Record::default() }],
            ..Reading::default()
        };
        write_line(&reading, false, &mut out).unwrap();
        assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), 1);
        let value: Value = serde_json::from_slice(&out).unwrap();
        for name in "schema id ok frame meter layers transport security records plaintext error".split(' ') {
            assert!(value.get(name).is_some(), "{name}");
        }
        for name in "storage tariff subunit function quantity value unit type dib vib data obis".split(' ') {
            assert!(value["records"][0].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn an_array_is_whole_json_whatever_its_length() {
        for n in 0..3 {
            let mut out = Vec::new();
            for i in 0..n {
                write_element(&Reading::default(), true, i == 0, &mut out).unwrap();
            }
            finish(n == 0, &mut out).unwrap();
            let value: Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(value.as_array().map(Vec::len), Some(n));
        }
    }
}
