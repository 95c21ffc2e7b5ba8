//! The reference decoder: lines in, readings out.
//!
//! ```text
//! arguments -> input (lines to telegrams) -> reading (telegram to model) -> output (text, JSON, CSV)
//! ```
//!
//! Only [`reading`] knows the library; the input formats and the output formats know only the model.
//! Whatever the input is, each telegram has its answer, and a bad one does not harm the next.

pub mod anatomy;
pub mod arguments;
pub mod hex;
pub mod input;
pub mod keys;
pub mod model;
pub mod output;
mod progress;
pub mod reading;
mod session;

use arguments::Arguments;
use clap::Parser;
use session::Session;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

/// Exit status: all decoded.
const DECODED: u8 = 0;
/// Exit status: some failed.
const FAILED: u8 = 1;
/// Exit status: the command makes no sense.
const USAGE: u8 = 2;

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    let terminal = Terminal { output: io::stdout().is_terminal(), error: io::stderr().is_terminal() };
    let out = anstream::AutoStream::auto(io::stdout());
    let mut out = BufWriter::new(out);
    let mut err = anstream::AutoStream::auto(io::stderr());
    let status = execute(std::env::args_os(), &mut BufReader::new(io::stdin()), &mut out, &mut err, terminal);
    ExitCode::from(status)
}

/// The program with other streams: exit status, standard output and standard error. `arguments` begin with
/// the name of the program.
#[must_use]
pub fn run<I, T>(arguments: I, mut stdin: &[u8]) -> (u8, String, String)
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let mut out = anstream::StripStream::new(Vec::new());
    let mut err = anstream::StripStream::new(Vec::new());
    let terminal = Terminal { output: false, error: false };
    let status = execute(arguments, &mut stdin, &mut out, &mut err, terminal);
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    (status, text(out.into_inner()), text(err.into_inner()))
}

/// Which of the streams are terminals.
#[derive(Clone, Copy, Debug)]
struct Terminal {
    output: bool,
    error: bool,
}

fn execute<I, T>(
    arguments: I,
    stdin: &mut dyn BufRead,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let stream: &mut dyn Write = if error.use_stderr() { &mut *err } else { &mut *out };
            let _ = write!(stream, "{}", error.render().ansi()).and_then(|()| stream.flush());
            return if error.use_stderr() { USAGE } else { DECODED };
        }
    };
    let mut session = match Session::new(&arguments, terminal) {
        Ok(session) => session,
        Err(message) => {
            let _ = writeln!(err, "error: {message}");
            return USAGE;
        }
    };
    match session.run(&arguments, stdin, out, err) {
        Ok(()) => {}
        // The reader of the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            return FAILED;
        }
    }
    session.status()
}
