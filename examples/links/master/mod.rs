//! The master: meters found, read and given addresses, through a serial port or a TCP converter.
//!
//! ```text
//! arguments -> session (port, master of the library) -> frames -> decoder of `decode` -> output of `decode`
//! ```
//!
//! Only [`session`] waits. Readings are decoded and printed by the parts of `decode`, so both programs say the same.

pub mod arguments;
mod assignment;
pub mod problem;
mod readout;
pub mod session;
pub mod target;

use arguments::{Arguments, Order};
use comfy_table::{ContentArrangement, Table, presets};
use examples::command_line::{self, Stream, USAGE, Words};
use examples::decode::arguments::Output;
use examples::decode::input::{Item, Kind};
use examples::decode::keys::{self, Keys};
use examples::decode::model::Reading;
use examples::decode::output::Renderer;
use examples::decode::reading::{Decoder, GivenKeys};
use indicatif::{ProgressBar, ProgressStyle};
use mbus_link::DeviceType;
use mbus_link::time::Duration;
use mbus_link::wired::{LineTiming, Master, PrimaryAddress, SearchReport, SearchSettings};
use problem::{Problem, said};
use session::{Found, Session};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Exit status: all was done.
const DONE: u8 = 0;
/// Exit status: a meter or the line failed, or the user stopped it.
const FAILED: u8 = 1;

/// What meters with the same eight digits are told apart by, besides the types found before.
const COMMON_TYPES: [DeviceType; 10] = [
    DeviceType::HEAT_OUTLET,
    DeviceType::WATER,
    DeviceType::WARM_WATER,
    DeviceType::COLD_WATER,
    DeviceType::ELECTRICITY,
    DeviceType::GAS,
    DeviceType::HEAT_COST_ALLOCATOR,
    DeviceType::HEAT_INLET,
    DeviceType::HEAT_COOLING,
    DeviceType::COOLING_OUTLET,
];

/// The program, with the streams of its process.
#[must_use]
pub fn main() -> ExitCode {
    let terminal = (io::stdout().is_terminal(), io::stderr().is_terminal());
    command_line::main(|arguments, out, err| execute(&arguments, out, err, terminal))
}

/// The program with other streams: exit status, standard output and standard error. `words` begin with the
/// name of the program.
#[must_use]
pub fn run(words: impl Words) -> (u8, String, String) {
    command_line::captured(words, |arguments, out, err| execute(&arguments, out, err, (false, false)))
}

fn execute(
    arguments: &Arguments,
    out: Stream<'_>,
    err: Stream<'_>,
    (on_terminal, watched): (bool, bool),
) -> u8 {
    let format = arguments.format.unwrap_or(if on_terminal { Output::Text } else { Output::Jsonl });
    let outcome = Printer::new(arguments, format, watched, out, err).and_then(|mut printer| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(carry_out(arguments, &mut printer));
        // A name that is still being looked up keeps nobody waiting.
        runtime.shutdown_background();
        // What was found before an error is printed as well.
        printer.finish()?;
        outcome
    });
    match outcome {
        Ok(()) | Err(Problem::Closed) => DONE,
        Err(problem) => {
            let _ = writeln!(err, "master: {problem}");
            if matches!(problem, Problem::Usage(_)) { USAGE } else { FAILED }
        }
    }
}

/// Decodes and prints what comes in.
struct Printer<'a> {
    decoder: Decoder,
    renderer: Renderer,
    is_text: bool,
    watched: bool,
    /// Meters found by a scan or search, for the table in the end.
    found: Vec<[String; 5]>,
    /// The rows are of a scan and begin with the primary address.
    is_scan: bool,
    /// Telegrams so far.
    lines: usize,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl<'a> Printer<'a> {
    fn new(
        arguments: &Arguments,
        format: Output,
        watched: bool,
        out: &'a mut (dyn Write + Send),
        err: &'a mut (dyn Write + Send),
    ) -> Result<Self, Problem> {
        let usage = |error: String| Problem::Usage(error);
        let key = match &arguments.key {
            None => None,
            Some(text) => Some(keys::Key::parse(&text.0).map_err(|error| usage(format!("--key: {error}")))?),
        };
        let keys = match &arguments.keys {
            None => Keys::default(),
            Some(path) => {
                let name = path.display();
                let file = std::fs::read(path).map_err(|error| usage(format!("--keys {name}: {error}")))?;
                Keys::parse(&file).map_err(|bad| usage(format!("--keys {name}:\n{}", keys::report(&bad))))?
            }
        };
        Ok(Self {
            decoder: Decoder::new(GivenKeys { key, ..GivenKeys::default() }, keys, false),
            renderer: Renderer::new(format, false),
            is_text: format == Output::Text,
            watched,
            found: Vec::new(),
            is_scan: matches!(arguments.order, Order::Scan { .. }),
            lines: 0,
            out,
            err,
        })
    }
    fn decode(&mut self, octets: Vec<u8>) -> Reading {
        self.lines += 1;
        self.decoder.read(Item { octets, kind: Kind::Wired, ..Item::default() }, self.lines)
    }
    fn print(&mut self, reading: &Reading) -> io::Result<()> {
        self.renderer.write(reading, self.out, self.err)?;
        self.out.flush()
    }
    /// A meter of a scan or search: a line of JSON at once, a row of the table in the end.
    fn found(&mut self, found: Found) -> io::Result<()> {
        match found {
            Found::Meter(address, Some(octets)) => {
                let reading = self.decode(octets);
                if !self.is_text {
                    return self.print(&reading);
                }
                let meter = reading.meter.unwrap_or_default();
                let note = reading.error.map(|problem| problem.message).unwrap_or_default();
                let maker = format!("{} version {}", meter.manufacturer, meter.version);
                self.found.push([address.to_string(), meter.id, maker, meter.medium, note]);
                Ok(())
            }
            Found::Meter(address, None) => {
                self.remark(address.to_string(), "acknowledges, but sends no data")
            }
            Found::Several(who, fault) => {
                self.remark(who, &format!("several meters or noise: {}", said(fault)))
            }
        }
    }
    fn remark(&mut self, who: String, what: &str) -> io::Result<()> {
        if self.is_text {
            let blank = String::new;
            let number = if self.is_scan { blank() } else { who.clone() };
            self.found.push([who, number, blank(), blank(), what.to_owned()]);
            return Ok(());
        }
        writeln!(self.err, "{who}: {what}")
    }
    fn bar(&self) -> ProgressBar {
        if !self.watched {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(1000);
        match ProgressStyle::with_template("{wide_bar} {percent} % {msg} {elapsed}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
    fn finish(&mut self) -> io::Result<()> {
        if self.is_text && !self.found.is_empty() {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
            // Whoever answers a selection may do so as 253: the column would say nothing.
            let skipped = usize::from(!self.is_scan);
            table.set_header(["address", "number", "maker", "medium", "remark"].into_iter().skip(skipped));
            table.add_rows(self.found.drain(..).map(|row| row.into_iter().skip(skipped)));
            writeln!(self.out, "{}", table.trim_fmt())?;
        }
        self.renderer.finish(self.out)?;
        self.out.flush()
    }
    fn report(&mut self, report: SearchReport) -> io::Result<()> {
        let SearchReport { found, frames_sent, collisions, unresolved, is_complete, .. } = report;
        write!(self.err, "{found} found, {frames_sent} frames sent, {collisions} collisions")?;
        if unresolved > 0 {
            write!(self.err, ", {unresolved} of them not resolved")?;
        }
        writeln!(
            self.err,
            "{}",
            if is_complete { "" } else { "; the line is too noisy, not all was searched" }
        )
    }
}

async fn carry_out(arguments: &Arguments, printer: &mut Printer<'_>) -> Result<(), Problem> {
    arguments.order.check()?;
    let baud = arguments.baud.baud();
    let allowance = Duration::from_millis(u64::from(arguments.allowance));
    let mut master = Master::new(LineTiming::new(baud).with_allowance(allowance));
    master.set_sends(arguments.tries);
    // Of several meters none is to pass for the only one.
    master.set_hears_out(matches!(arguments.order, Order::SetAddress { .. }));
    let mut session = Session::open(&arguments.port, master).await?;
    match arguments.order {
        Order::Read { meter, most } => readout::read(&mut session, printer, meter, most).await,
        Order::SetAddress { meter, address } => {
            assignment::set_address(&mut session, printer, meter, PrimaryAddress(address)).await
        }
        Order::Scan { first, last } => {
            let bar = printer.bar();
            let found = |found| {
                bar.suspend(|| printer.found(found))?;
                bar.set_message(format!("{} found", printer.lines));
                Ok(())
            };
            let report = session.scan((first, last), found, |done| bar.set_position(u64::from(done))).await;
            bar.finish_and_clear();
            ended(printer, report)
        }
        Order::Search => {
            let bar = printer.bar();
            let settings = SearchSettings { device_types: &COMMON_TYPES, ..SearchSettings::DEFAULT };
            let found = |found| {
                bar.suspend(|| printer.found(found))?;
                bar.set_message(format!("{} found", printer.lines));
                Ok(())
            };
            let report = session.search(settings, found, |done| bar.set_position(u64::from(done))).await;
            bar.finish_and_clear();
            ended(printer, report)
        }
    }
}

/// The end of a scan or search. One that found nobody failed.
fn ended(printer: &mut Printer<'_>, report: Result<SearchReport, Problem>) -> Result<(), Problem> {
    let report = report?;
    printer.report(report)?;
    if report.found == 0 {
        return Err(Problem::NoMeter { collisions: report.collisions });
    }
    Ok(())
}
