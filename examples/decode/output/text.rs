//! Text for people: who sent it, how it was protected, and a table of the readings.

use super::{explain, printable};
use crate::decode::model::{InformationBlock, Meter, Place, Problem, Reading, Record, Security};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use owo_colors::OwoColorize;
use std::io::{self, Write};

/// Octets shown on each side of the one that is to blame.
const AROUND: usize = 8;

pub(super) fn write(reading: &Reading, with_spans: bool, first: bool, out: &mut dyn Write) -> io::Result<()> {
    if !first {
        writeln!(out)?;
    }
    writeln!(out, "{}", title(reading).bold())?;
    for (name, text) in lines(reading) {
        writeln!(out, "  {:<10} {}", name.dimmed(), printable(&text))?;
    }
    if with_spans && !reading.spans.is_empty() {
        writeln!(out)?;
        explain::write(&reading.spans, out)?;
    }
    if !reading.records.is_empty() {
        writeln!(out)?;
        for line in table(&reading.records).lines() {
            writeln!(out, "  {}", line.trim_end())?;
        }
    }
    if let Some(problem) = &reading.error {
        writeln!(out, "  {:<10} {}", "error".red().bold(), printable(&headline(problem)))?;
    }
    Ok(())
}

fn title(reading: &Reading) -> String {
    let mut title = match &reading.meter {
        Some(meter) => format!("{} {}", meter.manufacturer, meter.id),
        None => match &reading.frame {
            Some(frame) => format!("{} {}", frame.kind, frame.form.unwrap_or("frame")),
            None => "telegram".to_owned(),
        },
    };
    match &reading.id {
        serde_json::Value::Null => {}
        serde_json::Value::String(id) => title += &format!(" ({})", printable(id)),
        id => title += &format!(" ({id})"),
    }
    title
}

/// The lines above the table: name and text.
fn lines(reading: &Reading) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(found) = &reading.meter {
        lines.push(("meter", meter(found)));
    }
    if let Some(frame) = &reading.frame {
        let mut text = frame.kind.to_owned();
        if let Some(form) = frame.form {
            text += &format!(" {form}");
        }
        if let Some(address) = frame.address {
            text += &format!(", address {address}");
        }
        if let (Some(c), Some(function)) = (frame.c, &frame.function) {
            text += &format!(", {function} (C = {c:02X})");
        }
        text += match frame.crc {
            "A" => ", format A, CRCs right",
            "B" => ", format B, CRCs right",
            _ => "",
        };
        lines.push(("frame", text));
    }
    if !reading.layers.is_empty() {
        let layers: Vec<String> = reading.layers.iter().map(|ci| format!("{ci:02X}")).collect();
        let name = reading.transport.as_ref().map_or("", |transport| &transport.name);
        lines.push(("layers", format!("CI {}  {name}", layers.join(" "))));
    }
    if let Some(transport) = &reading.transport {
        if let (Some(access), Some(status)) = (transport.access, transport.status) {
            let flags = transport.status_flags.join(", ");
            let flags = if flags.is_empty() { "no alarm".to_owned() } else { flags };
            lines.push(("status", format!("{flags} (status {status:02X}), access number {access}")));
        }
        if let Some(found) = transport.meter.as_ref().filter(|found| Some(*found) != reading.meter.as_ref()) {
            lines.push(("on behalf", format!("of {} {}, {}", found.manufacturer, found.id, meter(found))));
        }
    }
    if let Some(found) = &reading.security {
        lines.push(("security", security(found)));
    }
    if let Some(compact) = &reading.compact {
        let state = match compact.state {
            "expanded" => "its format is known",
            "crc_mismatch" => "its known format gives another CRC, so it is not the right one",
            _ => "its format is not known yet: a full frame of the same meter must come first",
        };
        lines.push(("compact", format!("format {:04X}, {state}", compact.format_signature)));
    }
    lines.extend(reading.blocks.iter().map(|found| ("block", block(found))));
    if reading.proprietary {
        lines.push(("data", "proprietary: only its manufacturer can read it".to_owned()));
    }
    lines.extend(reading.facts.iter().cloned());
    if let Some(received) = &reading.received {
        lines.push(("received", received.clone()));
    }
    if let Some(rssi) = reading.rssi_dbm {
        lines.push(("signal", format!("{rssi} dBm")));
    }
    lines.extend(reading.notes.iter().map(|note| ("note", note.clone())));
    lines
}

fn meter(meter: &Meter) -> String {
    format!("{}, version {}, device type {:02X}", meter.medium, meter.version, meter.device_type)
}

fn block(block: &InformationBlock) -> String {
    let answer = if block.answer { " (answer)" } else { "" };
    let key = block.key.unwrap_or("unknown");
    let mut text =
        format!("{}{answer}, key {:02X} ({key}) version {}", block.function, block.key_id, block.key_version);
    for part in [&block.command, &block.status].into_iter().flatten() {
        text += &format!(": {}", part.trim_end());
    }
    if let Some(counter) = block.counter {
        text += &format!(", counter {counter}");
    }
    if let Some(time) = &block.target_time {
        text += &format!(", {time}");
    }
    if block.state != "none" {
        text += &format!(", {}", block.state);
    }
    if let Some(note) = &block.note {
        text += &format!("; {note}");
    }
    text
}

fn security(security: &Security) -> String {
    let what = match security.state {
        "none" => "not encrypted",
        "decrypted" => "decrypted",
        "plain" => "announced as encrypted, but readable as sent",
        "locked" => "encrypted, no key",
        _ => "failed",
    };
    let mode = if security.layer == "ell" {
        "link layer cipher".to_owned()
    } else {
        format!("mode {}", security.mode)
    };
    let proof = match (security.authenticated, security.state) {
        (true, _) => ", authenticated",
        (false, "decrypted") => ", not authenticated",
        (false, _) => "",
    };
    if security.state == "none" && security.mode == 0 {
        what.to_owned()
    } else {
        format!("{what}, {mode}{proof}")
    }
}

fn table(records: &[Record]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "quantity", "value", "unit", "storage", "tariff", "subunit", "function", "OBIS", "DIB VIB", "remark",
    ]);
    for record in records {
        let blank = |n: u64| if n == 0 { String::new() } else { n.to_string() };
        let remark: Vec<String> = record
            .qualifiers
            .iter()
            .cloned()
            .chain(record.note.clone())
            .chain(record.error.as_ref().map(|problem| problem.message.clone()))
            .collect();
        table.add_row([
            printable(&record.quantity),
            printable(record.value.as_deref().unwrap_or("-")),
            record.unit_text.clone().unwrap_or_else(|| record.unit.clone()),
            blank(record.storage),
            blank(record.tariff),
            blank(record.subunit),
            if record.function == "instantaneous" { String::new() } else { record.function.to_owned() },
            record.obis.clone().unwrap_or_default(),
            format!("{} {}", super::super::hex::upper(&record.dib), super::super::hex::upper(&record.vib)),
            printable(&remark.join("; ")),
        ]);
    }
    if let Some(value) = table.column_mut(1) {
        value.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn headline(problem: &Problem) -> String {
    if problem.place == Place::Character {
        return format!("{} (character {})", problem.message, problem.offset + 1);
    }
    format!("{} layer: {} (octet {})", problem.layer, problem.message, problem.offset)
}

/// To stderr: what is wrong, the octet to blame under a caret, and what to try next.
pub(super) fn write_error(reading: &Reading, err: &mut dyn Write) -> io::Result<()> {
    let Some(problem) = &reading.error else { return Ok(()) };
    let who = reading
        .meter
        .as_ref()
        .map(|meter| format!(" ({} {})", meter.manufacturer, meter.id))
        .unwrap_or_default();
    writeln!(
        err,
        "{} telegram {}{who}: {}",
        "error:".red().bold(),
        reading.line,
        printable(&headline(problem))
    )?;
    if let Some(line) = &reading.text {
        let (line, caret) = excerpt(line, problem.offset);
        writeln!(err, "  {line}")?;
        writeln!(err, "  {}", caret.red())?;
    } else if !reading.input.is_empty() {
        let (octets, caret) = ruler(&reading.input, problem.offset);
        writeln!(err, "  {octets}")?;
        writeln!(err, "  {}", caret.red())?;
    }
    if !problem.hint.is_empty() {
        writeln!(err, "  {} {}", "try:".bold(), problem.hint)?;
    }
    Ok(())
}

/// The characters around `column` and a line with a caret under it.
fn excerpt(line: &str, column: usize) -> (String, String) {
    let shown: Vec<char> =
        line.trim_end().chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    let column = column.min(shown.len());
    let start = column.saturating_sub(3 * AROUND);
    let before = if start > 0 { ".. " } else { "" };
    let part: String = shown.iter().skip(start).take(6 * AROUND).collect();
    let after = if start + 6 * AROUND < shown.len() { " .." } else { "" };
    (format!("{before}{part}{after}"), format!("{}^", " ".repeat(before.len() + column - start)))
}

/// The octets around `offset` and a line with a caret under it.
fn ruler(octets: &[u8], offset: usize) -> (String, String) {
    let start = offset.min(octets.len()).saturating_sub(AROUND);
    let end = (start + 2 * AROUND + 1).min(octets.len());
    let shown: Vec<String> =
        octets.get(start..end).unwrap_or_default().iter().map(|o| format!("{o:02X}")).collect();
    let before = if start > 0 { format!("[{start}] .. ") } else { String::new() };
    let after = if end < octets.len() { " .." } else { "" };
    let column = before.len() + offset.min(octets.len()).saturating_sub(start) * 3;
    let mark = if offset < octets.len() { "^^" } else { "^ the end" };
    (format!("{before}{}{after}", shown.join(" ")), format!("{}{mark}", " ".repeat(column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_octet() {
        let octets: Vec<u8> = (0..60).collect();
        for offset in 0..60 {
            let (line, caret) = ruler(&octets, offset);
            let column = caret.find('^').unwrap();
            assert_eq!(&line[column..column + 2], format!("{offset:02X}"), "{line}");
        }
        let (line, caret) = ruler(&octets, 60);
        assert_eq!(caret.find('^'), Some(line.len() + 1));
        assert_eq!(ruler(&octets, usize::MAX), ruler(&octets, 60));
        assert_eq!(ruler(&[], 0).0, "");
    }

    #[test]
    fn an_error_says_what_to_try() {
        let mut err = Vec::new();
        let reading = Reading {
            input: vec![0x68, 0x03],
            error: Some(Problem {
                layer: "link",
                kind: "truncated".into(),
                offset: 2,
                message: "cut".into(),
                hint: "copy it again".into(),
                ..Problem::default()
            }),
            ..Reading::default()
        };
        write_error(&reading, &mut anstream::StripStream::new(&mut err)).unwrap();
        let text = String::from_utf8(err).unwrap();
        assert_eq!(
            text,
            "error: telegram 0: link layer: cut (octet 2)\n  68 03\n        ^ the end\n  try: copy it again\n"
        );
    }

    #[test]
    fn text_of_a_meter_cannot_steer_the_terminal() {
        let record = Record { value: Some("\u{1B}[31m".into()), ..Record::default() };
        let mut out = Vec::new();
        let reading = Reading { records: vec![record], ..Reading::default() };
        write(&reading, false, true, &mut anstream::StripStream::new(&mut out)).unwrap();
        assert!(!out.contains(&0x1B));
    }
}
