//! The words of the command line that become security information: secured commands, and keys on their way.
//!
//! ```text
//! switch=off | on | released            records                              key=20/2
//! clock=2026-11-26T12:30:15             image=0601                           activate=20/2,20/1
//! clock=+00:01:50 | -00:00:30 | @12:30:15
//! ```
//!
//! A secured command takes the next counter of its own key from the state file. A key is never shown.

use super::{Arguments, Refusal, StateFile, begin, key_of, refused, usage};
use crate::decode::arguments::KeyText;
use crate::decode::hex;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::{ClockCommand, DataCommand, ImageTransfer, SecuredCommand, Switch, SwitchState};
use mbus_app::date_time::{Calendar, Date, DateTime, Precision, Time};
use mbus_link::Address;
use oms_security::count::Count;
use oms_security::key::{Aes, PreparedKey};
use oms_security::security_information::{
    Block, Function, KeyActivation, KeyPurpose, KeyTransfer, Protocol, SecuredBlock, Structure, TargetTime,
};

/// The CI of a telegram with security information to the meter.
pub const CI: u8 = 0xC3;

#[derive(Clone, Debug, clap::Args)]
pub struct CommandArguments {
    /// Send security information (CI C3) with a command in it, with a MAC or wrap of its own: switch=off, on or released;
    /// clock=2026-11-26T12:30:15 sets it, =+00:01:50 and =-00:00:30 move it, =@12:30:15 corrects it; records (those of
    /// the command line); image=HEX; key=ID/VERSION sends --new-key; activate=ID/VERSION,ID/VERSION activates the first
    /// and deactivates the second key. Ids and versions in hex
    #[arg(long, value_name = "COMMAND", requires = "command_key", requires = "to_meter")]
    command: Option<String>,
    /// The key of the command, or the wrapper key under which keys travel
    #[arg(long, value_name = "HEX", requires = "command")]
    command_key: Option<KeyText>,
    /// The number of that key in hex [default: by the command: 20 switch, 21 and 22 clock, 23 image, 10 keys, ...]
    #[arg(long, value_name = "ID", value_parser = octet, requires = "command")]
    command_key_id: Option<u8>,
    /// The version of that key in hex
    #[arg(long, value_name = "N", value_parser = octet, default_value = "00")]
    command_key_version: u8,
    /// The first counter of that key, if the file does not know it
    #[arg(long, value_name = "N", requires = "command")]
    command_first: Option<u32>,
    /// When to act, in the meter's seconds [default: at once]
    #[arg(long, value_name = "SECONDS", requires = "command", allow_negative_numbers = true)]
    command_time: Option<i32>,
    /// The key that key=ID/VERSION sends
    #[arg(long, value_name = "HEX", requires = "command")]
    new_key: Option<KeyText>,
}

impl CommandArguments {
    pub(super) const fn is_given(&self) -> bool {
        self.command.is_some()
    }
    fn target_time(&self) -> TargetTime {
        self.command_time.map_or(TargetTime::NOW, TargetTime::of_seconds)
    }
}

/// What is asked for.
enum Order {
    /// A message to be secured, and the key that it needs.
    Secured(Protocol, Vec<u8>, Option<KeyPurpose>),
    /// A key to be sent.
    Transfer(KeyPurpose, u8),
    /// A key to come into force, and one to go.
    Change((KeyPurpose, u8), (KeyPurpose, u8)),
}

/// The block; `records` are those of the command line. None without a command.
pub(super) fn body(
    arguments: &Arguments,
    records: &[u8],
    meter: Address,
    file: &mut StateFile,
) -> Result<Option<Vec<u8>>, Refusal> {
    let given = &arguments.command;
    let (Some(text), Some(key)) = (&given.command, &given.command_key) else { return Ok(None) };
    let order = order(text, records).map_err(usage("--command"))?;
    if !records.is_empty() && text != "records" {
        return Err(usage("--command")("records go with --command records only".to_owned()));
    }
    let key = key_of("--command-key", key)?;
    let prepared = PreparedKey::<Aes>::new(&key);
    let block = match order {
        Order::Secured(protocol, message, purpose) => {
            let key_id = given.command_key_id.or(purpose.map(|purpose| purpose.0));
            let key_id = key_id.ok_or_else(|| {
                usage("--command-key-id")("no key is named for this kind of command: name one".to_owned())
            })?;
            let count = Count { meter, to_meter: true, key_id, key_version: given.command_key_version };
            let state = file.of_or_new(count).ok_or_else(|| refused("no state".to_owned()))?;
            begin(state, given.command_first, "--command-first", &arguments.state)?;
            state.export(1, 0);
            let target_time = given.target_time();
            let block = SecuredBlock { target_time, protocol, message: &message, ..SecuredBlock::default() };
            let mut buffer = vec![0; block.encoded_len()];
            block
                .seal_into(&prepared, state, &mut buffer)
                .map_err(|error| refused(error.kind.to_string()))?;
            buffer
        }
        Order::Transfer(purpose, version) => {
            let new = given.new_key.as_ref();
            let new = new.ok_or_else(|| usage("--new-key")("which key is to be sent?".to_owned()))?;
            let key = key_of("--new-key", new)?;
            let transfer = KeyTransfer { key, target_time: given.target_time(), purpose, version };
            let mut content = [0; KeyTransfer::WRAPPED_LEN];
            let content = transfer.wrap_into(&prepared, &mut content);
            let content = content.map_err(|error| refused(error.kind.to_string()))?;
            keys(given, Function::TRANSFER, Structure::KEY_STRUCTURE_1, content)?
        }
        Order::Change(activate, deactivate) => {
            let change = KeyActivation { target_time: given.target_time(), activate, deactivate, option: 0 };
            let mut content = [0; KeyActivation::WRAPPED_LEN];
            let content = change.wrap_into(&prepared, &mut content);
            let content = content.map_err(|error| refused(error.kind.to_string()))?;
            keys(given, Function::COMBINED, Structure::KEY_STRUCTURE_3, content)?
        }
    };
    Ok(Some(block))
}

/// A block about keys, under the wrapper key.
fn keys(
    given: &CommandArguments,
    function: Function,
    structure: Structure,
    content: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let id = given.command_key_id.unwrap_or(KeyPurpose::WRAPPER_10.0);
    let structure_header = [id, given.command_key_version];
    let block = Block { function, structure, structure_header, content, ..Block::default() };
    Body::Blocks(&[block]).to_vec(CiField(CI)).map_err(|error| refused(error.kind.to_string()))
}

fn order(text: &str, records: &[u8]) -> Result<Order, String> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    let message;
    let command = match kind {
        "switch" => {
            let state = match value {
                "off" => SwitchState::CLOSED,
                "on" => SwitchState::OPEN,
                "released" => SwitchState::RELEASED,
                other => return Err(format!("\"{other}\": switch=off, on or released expected")),
            };
            let command = DataCommand::Switch(Switch { state, ..Switch::default() });
            message = command.record().and_then(|record| record.to_vec()).map_err(|e| e.kind.to_string())?;
            SecuredCommand::Records(&message)
        }
        "clock" => SecuredCommand::Clock(clock(value)?),
        "records" if records.is_empty() => return Err("no record is given".to_owned()),
        "records" => SecuredCommand::Records(records),
        "image" => {
            message = hex::parse(value).map_err(|error| format!("\"{value}\": {}", error.kind))?;
            SecuredCommand::ImageTransfer(ImageTransfer::parse(&message).map_err(|e| e.kind.to_string())?)
        }
        "key" => {
            let (purpose, version) = key_name(value)?;
            return Ok(Order::Transfer(purpose, version));
        }
        "activate" => {
            let (on, off) = value.split_once(',').ok_or_else(|| {
                format!(
                    "\"{value}\": the key to activate and the key to deactivate expected, such as 20/2,20/1"
                )
            })?;
            return Ok(Order::Change(key_name(on)?, key_name(off)?));
        }
        other => {
            return Err(format!("\"{other}\": switch, clock, records, image, key or activate expected"));
        }
    };
    let len = command.encoded_len().map_err(|error| error.kind.to_string())?;
    let mut octets = vec![0; len];
    command.encode_into(&mut octets).map_err(|error| error.kind.to_string())?;
    Ok(Order::Secured(command.protocol(), octets, command.purpose()))
}

fn clock(value: &str) -> Result<ClockCommand<'static>, String> {
    let expected = "2026-11-26T12:30:15, +00:01:50, -00:00:30 or @12:30:15 expected";
    let command = match value.split_at_checked(1) {
        Some(("+", time)) => self::time(time).map(ClockCommand::Add),
        Some(("-", time)) => self::time(time).map(ClockCommand::Subtract),
        Some(("@", time)) => self::time(time).map(ClockCommand::Expected),
        _ => moment(value).map(ClockCommand::Set),
    };
    command.ok_or_else(|| format!("\"{value}\": {expected}"))
}

/// Three numbers between two signs, or two.
fn numbers(text: &str, sign: char) -> Option<[u16; 3]> {
    let mut parts = text.split(sign);
    let mut next = || parts.next()?.parse().ok();
    let numbers = [next()?, next()?, next()?];
    if parts.next().is_none() { Some(numbers) } else { None }
}

fn time(text: &str) -> Option<Time> {
    let [hour, minute, second] = numbers(text, ':')?.map(|number| u8::try_from(number).ok());
    let time = Time { hour: Some(hour?), minute: Some(minute?), second: Some(second?) };
    Time::from_type_j(time.to_type_j()?)
}

fn moment(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let date = Date { year: Some(year), month: u8::try_from(month).ok(), day: u8::try_from(day).ok() };
    let moment = DateTime {
        date,
        time: self::time(time)?,
        precision: Precision::Seconds,
        calendar: Calendar { leap_year, ..Calendar::default() },
        ..DateTime::default()
    };
    // There and back: a day that does not exist comes not back.
    DateTime::from_type_i(moment.to_type_i()?).filter(|read| read.date == date)
}

/// `20/2`: number and version of a key, in hex.
fn key_name(text: &str) -> Result<(KeyPurpose, u8), String> {
    let (id, version) = text.split_once('/').unwrap_or((text, ""));
    match (octet(id), octet(version)) {
        (Ok(id), Ok(version)) => Ok((KeyPurpose(id), version)),
        _ => Err(format!("\"{text}\": number and version of a key in hex expected, such as 20/2")),
    }
}

fn octet(text: &str) -> Result<u8, String> {
    u8::from_str_radix(text, 16).map_err(|_| "one or two hex digits expected".to_owned())
}
