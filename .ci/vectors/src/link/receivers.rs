//! What receivers hand to their hosts.

use super::sheet::{Row, Sheet};
use super::{Outcome, Ways, frames, holds, same, told};
use chrono::NaiveDateTime;
use examples::decode::input::{self, Crc, Entry, Format, Item, cul};
use examples::receivers::amber::Amber;
use examples::receivers::im871a::Im871a;
use examples::receivers::iu891a::Iu891a;
use examples::receivers::{Event, Heard, Protocol, Receiver};
use mbus_link::wireless::Frame;
use wmbus_phy::FrameFormat;

fn heard<P: Protocol + Clone>(protocol: &P, octets: &[u8]) -> Result<Heard, String> {
    match &Receiver::new(protocol.clone()).handle_input(octets)[..] {
        [Event::Heard(heard)] => {
            told(Frame::parse(&heard.telegram))?;
            Ok(heard.clone())
        }
        other => Err(format!("{other:?}")),
    }
}

/// The telegram in all three.
fn telegram(sheet: &Sheet) -> Result<Vec<u8>, String> {
    Ok(heard(&Iu891a, &sheet.row("R1")?.octets()?)?.telegram)
}

pub fn iu891a(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.octets()?;
    let heard = heard(&Iu891a, &octets)?;
    holds(heard.rssi_dbm == Some(-25), "-25 dBm")?;
    let built = Iu891a.frame(&heard);
    // Nothing in it is escaped, so that octets keep their places: seven behind service and message are unknown.
    holds(built.len() == octets.len(), "another length")?;
    let known =
        |octets: &[u8]| [&octets[..3], &octets[10..octets.len() - 3], &octets[octets.len() - 1..]].concat();
    same("built", &known(&built), &known(&octets))?;
    Ok(Ways::Read)
}

pub fn im871a(sheet: &Sheet, row: &Row) -> Outcome {
    let octets = row.octets()?;
    let heard = heard(&Im871a, &octets)?;
    same("telegram", &heard.telegram, &telegram(sheet)?)?;
    same("built", &Im871a.frame(&heard), &octets)?;
    Ok(Ways::Both)
}

pub fn amber(sheet: &Sheet, row: &Row) -> Outcome {
    let (octets, receiver) = (row.octets()?, Amber { transparent: false, rssi: true });
    let heard = heard(&receiver, &octets)?;
    same("telegram", &heard.telegram, &telegram(sheet)?)?;
    same("built", &receiver.frame(&heard), &octets)?;
    Ok(Ways::Both)
}

fn line(format: Format, line: &str) -> Result<Item, String> {
    match &input::parse(format, line)[..] {
        [Entry::Telegram(item)] => Ok((**item).clone()),
        other => Err(format!("{other:?}")),
    }
}

pub fn rtl_wmbus(sheet: &Sheet, row: &Row) -> Outcome {
    let quoted = row.quoted();
    let [text] = quoted[..] else { return Err("one line expected".to_owned()) };
    let item = line(Format::RtlWmbus, text)?;
    holds(item.crc == Crc::None && item.notes.is_empty(), "a line without remarks")?;
    same("telegram", &item.octets, &frames::stripped(sheet.row("A1")?, FrameFormat::A)?)?;
    let received = item.received.ok_or("no time")?;
    let time = told(NaiveDateTime::parse_from_str(&received, "%Y-%m-%d %H:%M:%S%.3f"))?;
    let mode = item.mode.ok_or("no mode")?;
    let built = input::rtl_wmbus::line(&mode, time, [97, 148], &item.octets);
    same("built", built.as_bytes(), text.as_bytes())?;
    Ok(Ways::Both)
}

pub fn stick(sheet: &Sheet, row: &Row) -> Outcome {
    let quoted = row.quoted();
    let [text] = quoted[..] else { return Err("one line expected".to_owned()) };
    let text = format!("{text}\r\n");
    let item = line(Format::Cul, &text)?;
    let (of, format) = match item.crc {
        Crc::A => ("A1", FrameFormat::A),
        Crc::B => ("B1", FrameFormat::B),
        other => return Err(format!("CRCs {other:?}")),
    };
    same("frame", &item.octets, &sheet.row(of)?.block(0)?)?;
    let built = cul::line(format, &item.octets, Some([0x2A, 0x8B]));
    same("built", built.as_bytes(), text.as_bytes())?;
    Ok(Ways::Both)
}
