//! The simulated meter: what a master reads and a receiver hears when no meter is at hand.
//!
//! ```text
//! records (what it says) -> wired    (slave, application) -> line -> pseudo-terminal or TCP
//!                        -> wireless (sealed telegrams)   -> lines of rtl_wmbus, or chips
//! ```

pub mod arguments;
pub mod records;
pub mod segment;
pub mod serve;
pub mod spec;
pub mod tls;
pub mod wired;
pub mod wireless;

use arguments::{Arguments, Link, Wireless};
use examples::command_line::{self, Stream, USAGE, Words};
use examples::decode::input::rtl_wmbus;
use examples::decode::keys;
use oms_security::key::Key;
use std::io::{self, Write};
use std::process::ExitCode;
use wireless::WirelessMeter;

/// Exit status: all was sent, or the user stopped it.
const SENT: u8 = 0;
/// Exit status: the line failed.
const FAILED: u8 = 1;
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

/// As [`run`], with streams that can be listened to while it runs.
pub fn run_with(words: impl Words, out: Stream<'_>, err: Stream<'_>) -> u8 {
    command_line::execute(words, out, err, execute)
}

fn execute(arguments: Arguments, out: Stream<'_>, err: Stream<'_>) -> u8 {
    let outcome = match &arguments.link {
        Link::Wireless(wireless) => send(wireless, out),
        Link::Wired(wired) if wired.show => serve::show(wired, out).map_err(|error| written(&error)),
        Link::Wired(wired) => serve::serve(wired, out, err).map_err(|error| (FAILED, error.to_string())),
    };
    match outcome {
        Ok(()) => SENT,
        // The reader of the output has heard enough.
        Err((_, error)) if error == BROKEN_PIPE => SENT,
        Err((status, error)) => {
            let _ = writeln!(err, "meter: {error}");
            status
        }
    }
}

const BROKEN_PIPE: &str = "nobody reads on";

fn written(error: &io::Error) -> (u8, String) {
    let broken = error.kind() == io::ErrorKind::BrokenPipe;
    (
        FAILED,
        if broken { BROKEN_PIPE.to_owned() } else { format!("the telegrams cannot be written: {error}") },
    )
}

fn send(arguments: &Wireless, out: &mut dyn Write) -> Result<(), (u8, String)> {
    let key = match &arguments.key {
        Some(text) => keys::Key::parse(&text.0).map_err(|error| (USAGE, format!("--key: {error}")))?.octets(),
        None => [0; 16],
    };
    let key = Key::new(key);
    let mut meters: Vec<WirelessMeter> = Vec::new();
    for (n, spec) in arguments.common.meters.iter().enumerate() {
        let (_, address) = spec.addresses(n, arguments.common.manufacturer);
        let now = arguments.common.now();
        meters.push(WirelessMeter::new(spec.kind, address, arguments.seal, &key, now));
    }
    let mut jumped = chrono::TimeDelta::zero();
    for n in (0..u32::MAX).take_while(|n| arguments.count == 0 || *n < arguments.count) {
        if n > 0 {
            // The interval that leads to the frame with this access number.
            let [access_number, ..] = n.wrapping_add(1).to_le_bytes();
            let micros = arguments.every.before(access_number).as_micros();
            if arguments.at_once {
                jumped += chrono::TimeDelta::microseconds(i64::try_from(micros).unwrap_or_default());
            } else {
                std::thread::sleep(std::time::Duration::from_micros(micros));
            }
        }
        for meter in &mut meters {
            let now = arguments.common.now() + jumped;
            let telegram = meter.telegram(n, now).map_err(|error| (FAILED, error.to_string()))?;
            let line = match arguments.chips {
                false => rtl_wmbus::line(arguments.mode.name, now, [100; 2], &telegram),
                true => wireless::chips(arguments.mode, arguments.frame_format.into(), &telegram).map_err(
                    |error| (USAGE, format!("--mode {} --frame-format: {error}", arguments.mode.name)),
                )?,
            };
            writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| written(&error))?;
        }
    }
    Ok(())
}
