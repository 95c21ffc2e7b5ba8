//! Receivers: where lines come from, several at once, and again after they were gone.
//!
//! ```text
//! files alone      merged by the times in their lines, so that copies of a telegram meet
//! otherwise        a thread each -> lines in the order in which they arrive
//! ```
//!
//! Invariants: one receiver that is missing or fails disturbs no other; a named pipe or a TCP receiver that goes away is
//! asked for again until the program ends.

use super::moment;
use crate::port::{is_tcp, tcp_address};
use examples::decode::input::lines::{self, Line};
use mbus_link::time::Instant;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// How long a TCP connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);

/// What a receiver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file that is read to its end, or a named pipe.
    Path(PathBuf),
    /// HOST:PORT.
    Tcp(String),
}

/// One receiver as the user names it: `[NAME=]SOURCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// What it is called in readings and messages.
    pub name: String,
    /// Where its lines come from.
    pub source: Source,
}

impl FromStr for Receiver {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, source) = match text.split_once('=') {
            Some((name, source)) => (name, source),
            None => (text, text),
        };
        if name.is_empty() || source.is_empty() {
            return Err("a receiver is [NAME=]FILE, [NAME=]HOST:PORT or [NAME=]-".to_owned());
        }
        let source = match source {
            "-" => Source::Stdin,
            tcp if is_tcp(tcp) => Source::Tcp(tcp_address(tcp).to_owned()),
            path => Source::Path(path.into()),
        };
        let name = if name == "-" { "stdin" } else { name };
        Ok(Self { name: name.to_owned(), source })
    }
}

impl Receiver {
    /// True for a file that is there and has an end.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        matches!(&self.source, Source::Path(path) if path.is_file())
    }
    /// True when it may come back after it ended.
    fn comes_back(&self) -> bool {
        self.source != Source::Stdin && !self.is_recorded()
    }
    fn open(&self) -> io::Result<Box<dyn BufRead>> {
        Ok(match &self.source {
            Source::Stdin => Box::new(BufReader::new(io::stdin())),
            Source::Path(path) if path.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Source::Path(path) => Box::new(BufReader::new(File::open(path)?)),
            Source::Tcp(address) => Box::new(BufReader::new(connect(address)?)),
        })
    }
    /// What to do about a receiver that is missing.
    #[must_use]
    pub fn hint(&self, why: &io::Error) -> &'static str {
        match self.source {
            _ if why.kind() == io::ErrorKind::UnexpectedEof => "start the program that writes to it again",
            Source::Stdin => "let the program in front of the pipe print lines",
            Source::Path(_) => "is the path right? a named pipe is made with `mkfifo`",
            Source::Tcp(_) => "is the receiver powered, and does it listen on this port?",
        }
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// What a thread tells of its receiver; receivers are counted from 0.
#[derive(Debug)]
pub enum Message {
    /// A line, which was read at this time.
    Line(usize, Instant, Line),
    /// It is missing; told once, and it is asked for again.
    Lost(usize, io::Error),
    /// It is there again.
    Back(usize),
    /// It ended, and will not come back.
    Ended(usize, Option<io::Error>),
    /// The user wants the end.
    Stop,
}

/// Reads a receiver until nobody listens: the body of its thread. `again`: after what time a receiver that is missing is
/// asked for again; never without it.
pub fn follow(
    n: usize,
    receiver: &Receiver,
    input: Option<Box<dyn Read + Send>>,
    again: Option<Duration>,
    to: &SyncSender<Message>,
) {
    let mut input = input.map(|input| -> Box<dyn BufRead> { Box::new(BufReader::new(input)) });
    let mut missing = false;
    loop {
        let why = match input.take().map_or_else(|| receiver.open(), Ok) {
            Ok(mut reader) => {
                if missing && to.send(Message::Back(n)).is_err() {
                    return;
                }
                missing = false;
                match read(n, &mut *reader, to) {
                    Ok(true) => None,
                    Ok(false) => return,
                    Err(error) => Some(error),
                }
            }
            Err(error) => Some(error),
        };
        let Some(again) = again.filter(|_| receiver.comes_back()) else {
            let _ = to.send(Message::Ended(n, why));
            return;
        };
        if !missing {
            missing = true;
            let why = why
                .unwrap_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "the other end closed it"));
            if to.send(Message::Lost(n, why)).is_err() {
                return;
            }
        }
        std::thread::sleep(again);
    }
}

/// Reads to the end; false when nobody listens any more.
fn read(n: usize, reader: &mut dyn BufRead, to: &SyncSender<Message>) -> io::Result<bool> {
    while let Some((line, _)) = lines::next(reader)? {
        if to.send(Message::Line(n, moment::now(), line)).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file, and its next line with its time.
type Ahead = (Box<dyn BufRead>, Option<(Instant, Line)>);

/// The lines of several files in the order of the times in them.
pub struct Recorded {
    files: Vec<Ahead>,
    time_of: fn(&Line) -> Option<Instant>,
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorded").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Recorded {
    /// Opens the files. `time_of` gives the time of a line; one without has that of the line before it.
    ///
    /// # Errors
    /// Those of the system, with the name of the file.
    pub fn open(receivers: &[Receiver], time_of: fn(&Line) -> Option<Instant>) -> Result<Self, String> {
        let mut files = Vec::new();
        for receiver in receivers {
            files.push((receiver.open().map_err(|error| format!("{}: {error}", receiver.name))?, None));
        }
        let mut recorded = Self { files, time_of };
        for n in 0..recorded.files.len() {
            recorded.fetch(n, Instant::ZERO).map_err(|error| error.to_string())?;
        }
        Ok(recorded)
    }
    fn fetch(&mut self, n: usize, before: Instant) -> io::Result<()> {
        if let Some((reader, next)) = self.files.get_mut(n) {
            let line = lines::next(&mut **reader)?;
            *next = line.map(|(line, _)| ((self.time_of)(&line).unwrap_or(before), line));
        }
        Ok(())
    }
    /// The next line: the file it is of, and its time.
    ///
    /// # Errors
    /// Those of the files.
    pub fn next_line(&mut self) -> io::Result<Option<(usize, Instant, Line)>> {
        let heads = self.files.iter().enumerate().filter_map(|(n, (_, head))| Some((head.as_ref()?.0, n)));
        let Some((time, n)) = heads.min() else { return Ok(None) };
        let taken = self.files.get_mut(n).and_then(|(_, head)| head.take());
        self.fetch(n, time)?;
        Ok(taken.map(|(time, line)| (n, time, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_have_names() {
        let of = |text: &str| text.parse::<Receiver>().unwrap();
        assert_eq!(of("-"), Receiver { name: "stdin".into(), source: Source::Stdin });
        assert_eq!(of("roof=-"), Receiver { name: "roof".into(), source: Source::Stdin });
        assert_eq!(
            of("roof=10.0.0.5:4000"),
            Receiver { name: "roof".into(), source: Source::Tcp("10.0.0.5:4000".into()) }
        );
        assert_eq!(of("tcp://h:1").source, Source::Tcp("h:1".into()));
        assert_eq!(
            of("/srv/a.txt"),
            Receiver { name: "/srv/a.txt".into(), source: Source::Path("/srv/a.txt".into()) }
        );
        for text in ["", "=x", "x="] {
            assert!(text.parse::<Receiver>().is_err(), "{text}");
        }
    }
}
