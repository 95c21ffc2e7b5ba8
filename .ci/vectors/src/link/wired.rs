//! Wired frames: each built from what its name says.

use super::sheet::{Row, Sheet};
use super::{Outcome, Ways, holds, same, told};
use mbus_app::Telegram;
use mbus_app::telegram::builder::TelegramBuilder;
use mbus_link::time::Instant;
use mbus_link::wired::{
    BaudRate, Command, DataClass, Deframed, Deframer, Frame, LineTiming, PrimaryAddress, Selection,
};
use mbus_link::{Address, CField};
use oms_security::key::NoKeys;

pub fn meaning(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.octets()?;
    let mut payload = [0; 32];
    let built = built(&row.name, &mut payload)?;
    read_and_built(&octets, built)?;
    // The command is read as the one it was built from.
    let [ci, ..] = built.payload() else { return Ok(Ways::Both) };
    let mut again = [0; 32];
    let command = Command::parse(built.payload());
    holds(!matches!(command, Command::Other(_)), &format!("CI {ci:02X} is not read"))?;
    same("command", told(command.encode_into(&mut again))?, built.payload())?;
    Ok(Ways::Both)
}

fn read_and_built(octets: &[u8], built: Frame<'_>) -> Result<(), String> {
    holds(told(Frame::parse(octets))? == built, "read as another frame")?;
    same("built", told(built.encode_into(&mut [0; 261]))?, octets)?;
    let mut deframer = <Deframer>::new(LineTiming::default());
    match deframer.handle_input(Instant::ZERO, &mut &octets[..]) {
        Some(Deframed::Frame { octets: found, .. }) => same("in a stream", found, octets),
        other => Err(format!("in a stream: {other:?}")),
    }
}

fn built<'p>(name: &str, payload: &'p mut [u8; 32]) -> Result<Frame<'p>, String> {
    let short = |c_field: CField, address| Frame::Short { c_field, address: PrimaryAddress(address) };
    let request = |class: DataClass, fcb, address| short(class.request().with_fcb(fcb), address);
    let mut long = |c_field: u8, address, command: Command<'_>| {
        let payload = told(command.encode_into(payload))?;
        Ok::<_, String>((c_field, address, payload.len()))
    };
    let anyone = Address::WILDCARD;
    let (c_field, address, len) = match name {
        "W1" => return Ok(Frame::SingleCharacter),
        "W2" => return Ok(short(CField::SND_NKE, 1)),
        "W3" => return Ok(short(CField::SND_NKE, 253)),
        "W4" => return Ok(short(CField::SND_NKE, 255)),
        "W5" => return Ok(request(DataClass::Two, false, 1)),
        "W6" => return Ok(request(DataClass::Two, true, 1)),
        "W7" => return Ok(request(DataClass::Two, true, 254)),
        "W8" => return Ok(request(DataClass::Two, true, 253)),
        "W9" => return Ok(request(DataClass::One, false, 1)),
        "W10" => long(0x73, 253, Command::Select(Selection::of(anyone)))?,
        "W11" => {
            let identification = told("1FFFFFFF".parse())?;
            long(0x53, 253, Command::Select(Selection::of(Address { identification, ..anyone })))?
        }
        "W12" => long(0x53, 254, Command::BaudRate(BaudRate::from_baud(2400).ok_or("2400")?))?,
        "W13" => long(0x53, 254, Command::ApplicationReset(&[]))?,
        "W14" => long(0x53, 254, Command::SetAddress(PrimaryAddress(5)))?,
        "W17" => {
            let fabrication_number = Some(told("12345678".parse())?);
            long(0x53, 253, Command::Select(Selection { fabrication_number, ..Selection::of(anyone) }))?
        }
        _ => return Err("a frame without a meaning".to_owned()),
    };
    let payload = payload.get(..len).unwrap_or_default();
    Ok(Frame::Long { c_field: CField(c_field), address: PrimaryAddress(address), payload })
}

/// An answer with data: built from its frame, and from the layers above.
pub fn answer(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.octets()?;
    let frame = told(Frame::parse(&octets))?;
    holds(frame.c_field().is_some_and(|c_field| c_field.is(CField::RSP_UD)), "RSP-UD")?;
    read_and_built(&octets, frame)?;
    let length = format!("L={:02X}h", octets[1]);
    holds(row.title.contains(&length), "another L-field")?;
    let mut buffer = octets.clone();
    let telegram = told(Telegram::decode_wired(&mut buffer, &NoKeys))?;
    holds(telegram.records().all(|record| record.is_ok()), "a record that is not read")?;
    let builder = TelegramBuilder::of(&telegram).ok_or("not read to its end")?;
    same("from its layers", &told(builder.to_vec())?, &octets)?;
    Ok(Ways::Both)
}
