//! The reference gateway: what the crates are for, put together.
//!
//! ```text
//! receivers (files, pipes, TCP) -> lines -> collector (once, opened, judged) -> JSON Lines
//!                                             |                 |
//!                                             accounts -> table state file (counters, formats)
//! ```

pub mod account;
pub mod arguments;
pub mod collector;
mod listen;
pub mod moment;
pub mod receivers;
mod simulation;
pub mod state;

use arguments::{Arguments, What};
use examples::command_line::{self, Stream, USAGE, Words};
use listen::Failure;
use receivers::Message;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::SyncSender;

/// Exit status: all was well, or the user stopped it.
const WELL: u8 = 0;
/// Exit status: something was refused, or failed.
const REFUSED: u8 = 1;

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    let stop = Some(stop_by_signal as fn(SyncSender<Message>));
    command_line::main(|arguments, out, err| execute(arguments, None, stop, out, err))
}

/// The program with other streams: exit status, standard output and standard error. `words` begin with the
/// name of the program.
#[must_use]
pub fn run(words: impl Words, stdin: &[u8]) -> (u8, String, String) {
    let stdin: Box<dyn Read + Send> = Box::new(io::Cursor::new(stdin.to_vec()));
    command_line::captured(words, |arguments, out, err| execute(arguments, Some(stdin), None, out, err))
}

/// As [`run`] without standard input, with streams that can be listened to while it runs.
pub fn run_with(words: impl Words, out: Stream<'_>, err: Stream<'_>) -> u8 {
    command_line::execute(words, out, err, |arguments, out, err| execute(arguments, None, None, out, err))
}

fn execute(
    arguments: Arguments,
    stdin: Option<Box<dyn Read + Send>>,
    stop: Option<fn(SyncSender<Message>)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let listening = match arguments.what {
        What::Listen(listening) => listening,
        What::Simulate(simulated) => {
            let (text, holds) = simulation::simulate(&simulated);
            // Who closes the pipe early has seen enough.
            let _ = write!(out, "{text}");
            return if holds { WELL } else { REFUSED };
        }
    };
    let (status, message) = match listen::listen(&listening, stdin, stop, out, err) {
        Ok(true) => return WELL,
        Ok(false) => return REFUSED,
        Err(Failure::Usage(message)) => (USAGE, message),
        Err(Failure::File(message)) => (REFUSED, message),
        Err(Failure::Output(error)) => (REFUSED, error.to_string()),
    };
    let _ = writeln!(err, "gateway: {message}");
    status
}

/// Tells the gateway to end when the user or the system wants it. Signals are waited for when this returns.
fn stop_by_signal(to: SyncSender<Message>) {
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if runtime.is_ok_and(|runtime| runtime.block_on(signal(ready)).is_ok()) {
            let _ = to.send(Message::Stop);
        }
    });
    // Without signals, too, it goes on: then the thread is gone.
    let _ = is_ready.recv();
}

#[cfg(unix)]
async fn signal(ready: std::sync::mpsc::Sender<()>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    drop(ready);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal(ready: std::sync::mpsc::Sender<()>) -> io::Result<()> {
    drop(ready);
    tokio::signal::ctrl_c().await
}
