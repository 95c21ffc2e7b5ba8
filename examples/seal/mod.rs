//! A secured telegram from the command line: fields and records in, frames as hex out.
//!
//! ```text
//! arguments -> records -> TelegramBuilder -> sealed with the next counter of the state file -> file kept -> frames
//! ```
//!
//! No counter is used twice: the state file is written before a frame is shown, and a meter without a line in it is
//! refused until its first counter is named.

mod command;
mod records;
mod state_file;

use crate::command_line::{self, Stream, USAGE, Words};
use crate::decode::arguments::KeyText;
use crate::decode::{hex, keys};
use clap::Parser;
use command::CommandArguments;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::builder::{NewFrame, Padding, Protection, SealedTelegram, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, CommunicationControl, DeviceType, Ell, Version};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;
use state_file::StateFile;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wmbus_phy::FrameFormat;

/// Exit status: sealed.
const SEALED: u8 = 0;
/// Exit status: refused.
const REFUSED: u8 = 1;

/// The profiles that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ChosenProfile {
    /// Encryption (mode 5).
    A,
    /// Encryption and CMAC (mode 7).
    B,
    /// Authenticated encryption (mode 10).
    D,
}

/// The CRCs of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum ChosenCrc {
    /// Without link CRCs.
    #[default]
    None,
    /// Frame format A.
    A,
    /// Frame format B.
    B,
}

/// Builds a secured M-Bus telegram that `decode` reads back.
///
/// Exit status: 0 sealed, 1 refused, 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "seal", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    seal --profile b --key HEX --meter ELS.12345678.33.03 --state counters.txt --first 1 \"volume=28504.27 m3\"\n  \
    seal --profile d --key HEX --meter ELS.12345678.33.03 --state counters.txt --crc a 0C1427048502\n  \
    seal --profile b --key HEX --meter ELS.12345678.33.03 --state counters.txt --first 1 \\\n    \
    --to-meter --gateway AMT.00000001.01.31 01FD1F01\n  \
    seal --profile b --key HEX --meter ELS.12345678.33.03 --state counters.txt \\\n    \
    --to-meter --gateway AMT.00000001.01.31 --command switch=off --command-key HEX --command-first 1")]
struct Arguments {
    /// Records: QUANTITY=VALUE UNIT, such as "volume=6.735 m3", or records as hex
    #[arg(value_name = "RECORD")]
    records: Vec<String>,
    /// The security profile
    #[arg(long, value_enum, ignore_case = true)]
    profile: ChosenProfile,
    /// The meter's key, 32 hex digits
    #[arg(long, value_name = "HEX")]
    key: KeyText,
    /// The meter: MANUFACTURER.NUMBER.VERSION.TYPE, the last two in hex
    #[arg(long, value_name = "ADDRESS")]
    meter: String,
    /// The file that keeps the counters
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// The first counter of a meter that the file does not know: 1 for a new key, else one above all that were ever used
    #[arg(long, value_name = "N")]
    first: Option<u32>,
    /// From a gateway to the meter (SND-UD, CI 5B); without it from the meter
    #[arg(long, requires = "gateway_or_bus")]
    to_meter: bool,
    /// The gateway, as sender of a telegram to the meter
    #[arg(long, value_name = "ADDRESS", group = "gateway_or_bus")]
    gateway: Option<String>,
    /// On the wired bus, with the slave of this primary address
    #[arg(long, value_name = "N", group = "gateway_or_bus")]
    wired: Option<u8>,
    /// Put a short extended link layer in front
    #[arg(long, conflicts_with = "wired")]
    ell: bool,
    /// The access number [default: one above the last]
    #[arg(long, value_name = "N")]
    access: Option<u8>,
    /// The number of the key, 0 for the master key
    #[arg(long, value_name = "N", default_value_t = 0)]
    key_id: u8,
    /// Link CRCs of wireless frames
    #[arg(long, value_enum, ignore_case = true, default_value_t)]
    crc: ChosenCrc,
    /// Cut the message into fragments of at most so many octets
    #[arg(long, value_name = "OCTETS")]
    fragment: Option<u8>,
    #[command(flatten)]
    command: CommandArguments,
}

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    command_line::main(execute)
}

/// The program with other streams: exit status, standard output and standard error. `words` begin with the
/// name of the program.
#[must_use]
pub fn run(words: impl Words) -> (u8, String, String) {
    command_line::captured(words, execute)
}

fn execute(arguments: Arguments, out: Stream<'_>, err: Stream<'_>) -> u8 {
    match seal(&arguments) {
        Ok(frames) => match out.write_all(frames.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => SEALED,
            Err(error) => {
                let _ = writeln!(err, "seal: {error}");
                REFUSED
            }
        },
        Err(Refusal { usage, text }) => {
            let _ = writeln!(err, "seal: {text}");
            if usage { USAGE } else { REFUSED }
        }
    }
}

/// Why nothing is shown.
#[derive(Debug)]
struct Refusal {
    usage: bool,
    text: String,
}

/// The command makes no sense: an argument, and why.
fn usage(argument: &'static str) -> impl Fn(String) -> Refusal {
    move |text| Refusal { usage: true, text: format!("{argument}: {text}") }
}
fn refused(text: String) -> Refusal {
    Refusal { usage: false, text }
}

/// The frames, one per line.
fn seal(arguments: &Arguments) -> Result<String, Refusal> {
    let key = PreparedKey::<Aes>::new(&key_of("--key", &arguments.key)?);
    let meter = address(&arguments.meter).map_err(usage("--meter"))?;
    let mut body = Vec::new();
    for record in &arguments.records {
        body.extend(records::octets(record).map_err(usage("record"))?);
    }
    let count = Count { meter, to_meter: arguments.to_meter, key_id: arguments.key_id, key_version: 0 };
    let mut file = StateFile::open(&arguments.state).map_err(refused)?;
    if let Some(block) = command::body(arguments, &body, meter, &mut file)? {
        body = block;
    }
    let state = file.of_or_new(count).ok_or_else(|| refused("no state".to_owned()))?;
    // Mode 5 has no counter.
    if arguments.profile != ChosenProfile::A || arguments.first.is_some() {
        begin(state, arguments.first, "--first", &arguments.state)?;
    }
    let access_number = arguments.access.unwrap_or_else(|| state.next_access_number());
    let telegram = fields(arguments, meter, access_number, &body)?;
    let profile = match arguments.profile {
        ChosenProfile::A => Profile::A,
        ChosenProfile::B => Profile::B,
        ChosenProfile::D => Profile::D,
    };
    // Blocks are no records: fillers behind them would be no fillers.
    let is_block = arguments.command.is_given() && profile == Profile::B;
    let protection = Protection {
        padding: if is_block { Padding::Counted } else { Padding::Fillers },
        fragmented: arguments.fragment.is_some(),
        ..Protection::of(profile)
    };
    let len = telegram.message_len(&protection).map_err(|error| refused(advice(&error)))?;
    let mut buffer = vec![0; len];
    // Nothing leaves the program before the file is written: so much may be used up until then.
    state.export(u32::from(arguments.profile != ChosenProfile::A), 0);
    let sealed =
        telegram.seal_into(&protection, &key, state, &mut buffer).map_err(|error| refused(advice(&error)))?;
    if profile != Profile::A {
        let _ = state.use_access_number(access_number);
    }
    let text = frames(arguments, &sealed)?;
    file.keep().map_err(refused)?;
    Ok(text)
}

/// The key of an argument, which is never repeated.
fn key_of(argument: &'static str, text: &KeyText) -> Result<Key, Refusal> {
    let key = keys::Key::parse(&text.0).map_err(|error| usage(argument)(error.to_string()))?;
    Ok(Key::new(key.octets()))
}

/// Sets the first counter of a count of which the file says nothing but perhaps an access number.
fn begin(
    state: &mut SenderState,
    first: Option<u32>,
    argument: &'static str,
    file: &Path,
) -> Result<(), Refusal> {
    match (state.next_counter(), first) {
        (Some(0), Some(first)) => {
            if let Some(below) = first.checked_sub(1) {
                // Gives up all below it.
                state.export(first, 0);
                let _ = state.take_this_counter(below);
            }
            Ok(())
        }
        (Some(0), None) => Err(usage(argument)(format!(
            "{} has no counter of this meter, direction and key yet; name the first one: 1 for a new key, else one above \
             all that were ever used",
            file.display()
        ))),
        (_, None) => Ok(()),
        (_, Some(_)) => {
            let text = format!("the file knows the counter of this meter and key; leave {argument} out");
            Err(usage(argument)(text))
        }
    }
}

/// The frame and the transport header.
fn fields<'a>(
    arguments: &Arguments,
    meter: Address,
    access_number: u8,
    body: &'a [u8],
) -> Result<TelegramBuilder<'a>, Refusal> {
    let crcs = match arguments.crc {
        ChosenCrc::None => None,
        ChosenCrc::A => Some(FrameFormat::A),
        ChosenCrc::B => Some(FrameFormat::B),
    };
    let c_field = match (arguments.to_meter, arguments.wired) {
        (true, _) => CField::SND_UD,
        (false, Some(_)) => CField::RSP_UD,
        (false, None) => CField::SND_NR,
    };
    let sender = match &arguments.gateway {
        Some(text) if arguments.to_meter => address(text).map_err(usage("--gateway"))?,
        Some(_) => return Err(usage("--gateway")("goes with --to-meter".to_owned())),
        None => meter,
    };
    let control = CommunicationControl::empty();
    let ell = arguments.ell.then_some(Ell { control, access_number, ..Ell::default() });
    let frame = match arguments.wired {
        Some(address) => NewFrame::Wired { c_field, address: PrimaryAddress(address) },
        None => NewFrame::Wireless { c_field, address: sender, crcs },
    };
    let ci = match (arguments.to_meter, arguments.wired) {
        (true, _) if arguments.command.is_given() => command::CI,
        (true, _) => 0x5B,
        (false, Some(_)) => 0x72,
        (false, None) => 0x7A,
    };
    let tpl = Tpl::of(CiField(ci), meter, Header { access_number, ..Header::default() });
    Ok(TelegramBuilder { ell, ..TelegramBuilder::new(frame, tpl, Body::Octets(body)) })
}

fn frames(arguments: &Arguments, sealed: &SealedTelegram<'_>) -> Result<String, Refusal> {
    let limit = usize::from(arguments.fragment.unwrap_or(u8::MAX));
    let mut frames = sealed.frames(limit).map_err(|error| refused(advice(&error)))?;
    let mut out = [0; 300];
    let mut text = String::new();
    while let Some(frame) = frames.next_into(limit, &mut out).map_err(|error| refused(advice(&error)))? {
        let _ = writeln!(text, "{}", hex::upper(frame));
    }
    Ok(text)
}

/// What is wrong, and what to do about it.
fn advice(error: &mbus_app::Error) -> String {
    let hint = match error.kind.name() {
        "too_long" => ": fewer records, or --fragment 200",
        "access_number_used" => ": leave --access out, or count on",
        "counter_exhausted" => ": give the meter a new key and begin with --key-id or a new file",
        "not_published" => ": choose --key-id 0 to 15, 0 in profile A",
        _ => "",
    };
    format!("{}{hint}", error.kind)
}

/// `ELS.12345678.33.03`.
fn address(text: &str) -> Result<Address, String> {
    let parts: Vec<&str> = text.split('.').collect();
    let [manufacturer, number, version, device_type] = parts[..] else {
        return Err(format!(
            "\"{text}\": MANUFACTURER.NUMBER.VERSION.TYPE expected, such as ELS.12345678.33.03"
        ));
    };
    let octet =
        |text: &str| u8::from_str_radix(text, 16).map_err(|_| format!("\"{text}\": two hex digits expected"));
    Ok(Address {
        manufacturer: manufacturer.parse().map_err(|error| format!("\"{manufacturer}\": {error}"))?,
        identification: number.parse().map_err(|error| format!("\"{number}\": {error}"))?,
        version: Version(octet(version)?),
        device_type: DeviceType(octet(device_type)?),
    })
}
