//! What every program does around its work: words to arguments, the streams of the process, an exit status.
//!
//! ```text
//! words -> arguments (clap) -> program (arguments, output, errors) -> exit status
//! ```
//!
//! A program is a function; [`main`] gives it the streams of the process, [`captured`] those of a test. Colours are taken
//! out where nobody sees them.

use clap::Parser;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Exit status: the command makes no sense.
pub const USAGE: u8 = 2;

/// Where a program writes to.
pub type Stream<'a> = &'a mut (dyn Write + Send);

/// The arguments of a program; they begin with its name.
pub trait Words: IntoIterator<Item: Into<OsString>> {}

impl<W: IntoIterator<Item: Into<OsString>>> Words for W {}

/// Runs a program with the words and the streams of the process.
pub fn main<A: Parser>(program: impl FnOnce(A, Stream<'_>, Stream<'_>) -> u8) -> ExitCode {
    let mut out = anstream::AutoStream::auto(io::stdout());
    let mut err = anstream::AutoStream::auto(io::stderr());
    ExitCode::from(execute(std::env::args_os(), &mut out, &mut err, program))
}

/// Runs a program and keeps what it writes: exit status, standard output and standard error.
#[must_use]
pub fn captured<A: Parser>(
    words: impl Words,
    program: impl FnOnce(A, Stream<'_>, Stream<'_>) -> u8,
) -> (u8, String, String) {
    let mut out = anstream::StripStream::new(Vec::new());
    let mut err = anstream::StripStream::new(Vec::new());
    let status = execute(words, &mut out, &mut err, program);
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    (status, text(out.into_inner()), text(err.into_inner()))
}

/// Runs a program with these words and streams. Words that make no sense are told, and so is what the user asks to be told
/// of the program: it is not run then.
pub fn execute<A: Parser>(
    words: impl Words,
    out: Stream<'_>,
    err: Stream<'_>,
    program: impl FnOnce(A, Stream<'_>, Stream<'_>) -> u8,
) -> u8 {
    match A::try_parse_from(words.into_iter().map(Into::into)) {
        Ok(arguments) => program(arguments, out, err),
        Err(error) => {
            let stream: &mut dyn Write = if error.use_stderr() { err } else { out };
            let _ = write!(stream, "{}", error.render().ansi()).and_then(|()| stream.flush());
            if error.use_stderr() { USAGE } else { 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says a word.
    #[derive(Debug, Parser)]
    #[command(name = "say", version)]
    struct Arguments {
        /// The word
        word: String,
    }

    fn say(words: impl Words) -> (u8, String, String) {
        captured(words, |arguments: Arguments, out, err| {
            let _ = writeln!(out, "\u{1B}[31m{}\u{1B}[0m", arguments.word);
            let _ = writeln!(err, "said");
            7
        })
    }

    #[test]
    fn status_and_streams_are_those_of_the_program() {
        assert_eq!(say(["say", "hello"]), (7, "hello\n".to_owned(), "said\n".to_owned()));
        assert_eq!(say(vec![OsString::from("say"), "hello".into()]).0, 7);
    }

    #[test]
    fn help_is_output_and_wrong_usage_an_error() {
        let (status, out, err) = say(["say", "--help"]);
        assert!(status == 0 && out.contains("Says a word") && err.is_empty());
        let (status, out, err) = say(["say"]);
        assert!(status == USAGE && out.is_empty() && err.contains("<WORD>"));
    }
}
