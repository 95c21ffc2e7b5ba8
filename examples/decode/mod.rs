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

use crate::command_line::{self, USAGE, Words};
use arguments::Arguments;
use session::Session;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

/// Exit status: all decoded.
const DECODED: u8 = 0;
/// Exit status: some failed.
const FAILED: u8 = 1;

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    let terminal = Terminal { output: io::stdout().is_terminal(), error: io::stderr().is_terminal() };
    command_line::main(|arguments, out, err| {
        execute(&arguments, &mut BufReader::new(io::stdin()), &mut BufWriter::new(out), err, terminal)
    })
}

/// The program with other streams: exit status, standard output and standard error. `words` begin with the
/// name of the program.
#[must_use]
pub fn run(words: impl Words, mut stdin: &[u8]) -> (u8, String, String) {
    let terminal = Terminal { output: false, error: false };
    command_line::captured(words, |arguments, out, err| execute(&arguments, &mut stdin, out, err, terminal))
}

/// Which of the streams are terminals.
#[derive(Clone, Copy, Debug)]
struct Terminal {
    output: bool,
    error: bool,
}

fn execute(
    arguments: &Arguments,
    stdin: &mut dyn BufRead,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> u8 {
    let mut session = match Session::new(arguments, terminal) {
        Ok(session) => session,
        Err(message) => {
            let _ = writeln!(err, "error: {message}");
            return USAGE;
        }
    };
    match session.run(arguments, stdin, out, err) {
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
