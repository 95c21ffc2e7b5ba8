//! What the programs at the ends of a link are made of, so that their parts can be tested without starting a process.

pub mod bus;
pub mod gateway;
pub mod line;
pub mod master;
pub mod meter;
pub mod port;
pub mod random;

use std::io::Write;

/// Exit status: the command makes no sense.
const USAGE: u8 = 2;

/// Prints what the parser of the arguments says, help included, and gives the exit status.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let stream: &mut dyn Write = if error.use_stderr() { err } else { out };
    let _ = write!(stream, "{error}").and_then(|()| stream.flush());
    if error.use_stderr() { USAGE } else { 0 }
}

/// A rate of the wired bus.
fn baud(text: &str) -> Result<mbus_link::wired::BaudRate, String> {
    use mbus_link::wired::BaudRate;
    text.parse().ok().and_then(BaudRate::from_baud).ok_or_else(|| {
        let rates: Vec<String> = BaudRate::TABLE.iter().map(|rate| rate.baud().to_string()).collect();
        format!("the rates of the bus are {}", rates.join(", "))
    })
}

/// Runs a program with streams that are kept: exit status, standard output and standard error.
fn captured(
    program: impl FnOnce(&mut (dyn Write + Send), &mut (dyn Write + Send)) -> u8,
) -> (u8, String, String) {
    let mut out = anstream::StripStream::new(Vec::new());
    let mut err = anstream::StripStream::new(Vec::new());
    let status = program(&mut out, &mut err);
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    (status, text(out.into_inner()), text(err.into_inner()))
}
