//! One run of the gateway: from the receivers to the last line of the table.

use super::arguments::Listen;
use super::collector::Collector;
use super::moment;
use super::receivers::{self, Message, Receiver, Recorded, Source};
use super::state::{EVERY, State};
use examples::decode::arguments::Output;
use examples::decode::input::lines::Line;
use examples::decode::input::{self, Entry};
use examples::decode::keys::{Key, Keys};
use examples::decode::model::Problem;
use examples::decode::output::Renderer;
use examples::decode::reading::{Decoder, GivenKeys};
use mbus_link::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver as Queue, RecvTimeoutError, SyncSender, sync_channel};

/// Lines that may wait to be read.
const QUEUE: usize = 256;

/// Everything behind the receivers.
struct Session<'a> {
    arguments: &'a Listen,
    collector: Collector,
    state: Option<State>,
    renderer: Renderer,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Lines of each receiver.
    lines: Vec<usize>,
    forwarded: u32,
    skipped: BTreeMap<&'static str, usize>,
    failed: bool,
}

/// Why a run ended before its time.
pub(super) enum Failure {
    /// The command makes no sense.
    Usage(String),
    /// Nobody reads on.
    Output(io::Error),
    /// What happened to a file.
    File(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Runs to the end; true when nothing was refused and no receiver failed.
pub(super) fn listen(
    arguments: &Listen,
    stdin: Option<Box<dyn Read + Send>>,
    stop: Option<fn(SyncSender<Message>)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<bool, Failure> {
    let mut session = Session::new(arguments, out, err).map_err(Failure::Usage)?;
    let outcome = if arguments.receivers.iter().all(Receiver::is_recorded) {
        session.recorded()
    } else {
        session.live(stdin, stop)
    };
    // What was heard is kept, whatever ended the run.
    let kept = session.end();
    match outcome {
        // The reader of the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    kept?;
    Ok(!session.failed && session.collector.accounts().all_believed())
}

impl<'a> Session<'a> {
    fn new(arguments: &'a Listen, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Result<Self, String> {
        let key = match &arguments.key {
            None => None,
            Some(text) => Some(Key::parse(&text.0).map_err(|error| format!("--key: {error}"))?),
        };
        let keys = arguments.keys.as_deref().map(Keys::read).transpose()?.unwrap_or_default();
        if arguments.receivers.iter().filter(|receiver| receiver.source == Source::Stdin).count() > 1 {
            return Err("standard input can be one receiver only".to_owned());
        }
        let decoder = Decoder::new(GivenKeys { key, ..GivenKeys::default() }, keys, false);
        let wait = if arguments.receivers.len() > 1 { arguments.wait } else { 0 };
        let remember = Duration::from_secs(u64::from(arguments.remember));
        let wait = Duration::from_millis(u64::from(wait));
        let mut collector = Collector::new(decoder, remember, wait, arguments.known_only);
        let open = |path: &std::path::PathBuf| State::open(path, collector.decoder());
        let state = arguments.state.as_ref().map(open).transpose()?;
        Ok(Self {
            arguments,
            collector,
            state,
            renderer: Renderer::new(Output::Jsonl, false),
            out,
            err,
            lines: vec![0; arguments.receivers.len()],
            forwarded: 0,
            skipped: BTreeMap::new(),
            failed: false,
        })
    }
    fn recorded(&mut self) -> Result<(), Failure> {
        let mut recorded = Recorded::open(&self.arguments.receivers, time_of).map_err(Failure::File)?;
        let mut now = Instant::ZERO;
        while let Some((n, time, line)) =
            recorded.next_line().map_err(|error| Failure::File(error.to_string()))?
        {
            now = now.max(time);
            self.forward(now)?;
            self.line(n, now, &line);
            self.forward(now)?;
            if self.is_done() {
                break;
            }
        }
        Ok(())
    }
    fn live(
        &mut self,
        mut stdin: Option<Box<dyn Read + Send>>,
        stop: Option<fn(SyncSender<Message>)>,
    ) -> Result<(), Failure> {
        let (to, from) = sync_channel(QUEUE);
        let retry = std::time::Duration::from_secs(u64::from(self.arguments.retry))
            .max(std::time::Duration::from_millis(50));
        let again = (!self.arguments.once).then_some(retry);
        for (n, receiver) in self.arguments.receivers.iter().enumerate() {
            let (receiver, to) = (receiver.clone(), to.clone());
            let input = if receiver.source == Source::Stdin { stdin.take() } else { None };
            std::thread::spawn(move || receivers::follow(n, &receiver, input, again, &to));
        }
        if let Some(stop) = stop {
            stop(to.clone());
        }
        drop(to);
        self.serve(&from)
    }
    fn serve(&mut self, from: &Queue<Message>) -> Result<(), Failure> {
        let alone = self.arguments.receivers.len() == 1;
        let mut running = self.arguments.receivers.len();
        while running > 0 && !self.is_done() {
            let message = from.recv_timeout(self.patience());
            let mut arrived = moment::now();
            match message {
                Ok(Message::Line(n, at, line)) => {
                    let written = self.written(n, alone, &line);
                    arrived = written.unwrap_or(at);
                    self.forward(arrived)?;
                    self.line(n, arrived, &line);
                }
                Ok(Message::Lost(n, error)) => {
                    self.tell(n, |r| format!("{error}\n  try: {}", r.hint(&error)))
                }
                Ok(Message::Back(n)) => self.tell(n, |_| "is there again".to_owned()),
                Ok(Message::Ended(n, why)) => {
                    running -= 1;
                    if let Some(error) = why {
                        self.failed = true;
                        self.tell(n, |r| format!("{error}\n  try: {}", r.hint(&error)));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.forward(arrived)?;
            if let Some(state) = &mut self.state {
                state.keep(self.collector.decoder(), false).map_err(Failure::File)?;
            }
        }
        Ok(())
    }
    /// The time that a line of standard input tells, when it is the only receiver: it may come out of a file.
    fn written(&self, n: usize, alone: bool, line: &Line) -> Option<Instant> {
        let receiver = self.arguments.receivers.get(n)?;
        if alone && receiver.source == Source::Stdin { time_of(line) } else { None }
    }
    /// How long the next message may be waited for.
    fn patience(&self) -> std::time::Duration {
        let Some(due) = self.collector.poll_timeout() else { return EVERY };
        std::time::Duration::from_micros(due.since(moment::now()).as_micros()).min(EVERY)
    }
    fn line(&mut self, n: usize, now: Instant, line: &Line) {
        let Some(receiver) = self.arguments.receivers.get(n) else { return };
        let number = self.lines.get_mut(n).map_or(0, |lines| {
            *lines += 1;
            *lines
        });
        for entry in input::entries(self.arguments.input, line) {
            match entry {
                Entry::Telegram(item) => self.collector.handle_input(now, &receiver.name, *item, number),
                Entry::Refused(refusal) => self.collector.refuse(&receiver.name, &Problem::from(*refusal)),
                Entry::Skipped(why) => *self.skipped.entry(why).or_default() += 1,
            }
        }
    }
    /// Writes what is due.
    fn forward(&mut self, now: Instant) -> io::Result<()> {
        while let Some(warning) = self.collector.poll_warning() {
            writeln!(self.err, "{warning}")?;
        }
        while let Some(reading) = self.collector.poll_reading(now).filter(|_| !self.is_done()) {
            self.forwarded += 1;
            self.renderer.write(&reading, self.out, self.err)?;
            self.out.flush()?;
        }
        Ok(())
    }
    fn is_done(&self) -> bool {
        self.arguments.telegrams.is_some_and(|most| self.forwarded >= most)
    }
    fn tell(&mut self, n: usize, what: impl FnOnce(&Receiver) -> String) {
        if let Some(receiver) = self.arguments.receivers.get(n) {
            // Who does not read what is told is not in the way of who reads the telegrams.
            let _ = writeln!(self.err, "{}: {}", receiver.name, what(receiver));
        }
    }
    /// Forwards what still waits, keeps the state, and prints the table.
    fn end(&mut self) -> Result<(), Failure> {
        let forwarded = self.forward(Instant::from_micros(u64::MAX));
        if let Some(state) = &mut self.state {
            state.keep(self.collector.decoder(), true).map_err(Failure::File)?;
        }
        writeln!(self.err, "{}", self.collector.accounts().table())?;
        for (why, count) in &self.skipped {
            writeln!(self.err, "left out: {count} {} {why}", if *count == 1 { "line," } else { "lines," })?;
        }
        if self.collector.left_out() > 0 {
            writeln!(self.err, "left out: {} telegrams of meters without a key", self.collector.left_out())?;
        }
        if self.collector.downlink() > 0 {
            writeln!(self.err, "left out: {} frames to meters", self.collector.downlink())?;
        }
        match forwarded {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The time of the first telegram of a line.
fn time_of(line: &Line) -> Option<Instant> {
    input::parse(input::Format::Auto, line.text()?).into_iter().find_map(|entry| match entry {
        Entry::Telegram(item) => moment::written(item.received.as_deref()?),
        _ => None,
    })
}
