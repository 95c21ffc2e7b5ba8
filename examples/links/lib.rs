//! What the programs at the ends of a link are made of, so that their parts can be tested without starting a process.

pub mod line;
pub mod meter;

use std::io::Write;

/// Exit status: the command makes no sense.
const USAGE: u8 = 2;

/// Prints what the parser of the arguments says, help included, and gives the exit status.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let stream: &mut dyn Write = if error.use_stderr() { err } else { out };
    let _ = write!(stream, "{error}").and_then(|()| stream.flush());
    if error.use_stderr() { USAGE } else { 0 }
}
