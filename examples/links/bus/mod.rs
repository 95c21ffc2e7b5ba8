//! A simulated segment: a search finds its meters in virtual time, and a table says how well.
//!
//! ```text
//! search (master of the library) <-> line with losses, collisions, echo <-> meters (slaves of the library)
//! ```
//!
//! Invariants: no clock, no I/O; the same seed gives the same table on every machine.

use crate::meter::records::Kind;
use crate::meter::segment::{Faults, Segment, Traffic};
use crate::meter::wired::WiredMeter;
use crate::random::Random;
use chrono::NaiveDate;
use clap::Parser;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use examples::command_line::{self, Stream, USAGE, Words};
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::search::least_frames;
use mbus_link::wired::{
    BaudRate, LineTiming, Master, PrimaryAddress, Search, SearchEvent, SearchReport, SearchSettings, Station,
};
use mbus_link::{Address, IdentificationNumber, ManufacturerId, Version};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Exit status: every meter was found.
const FOUND: u8 = 0;
/// Exit status: one was missed.
const MISSED: u8 = 1;
/// The longest that a search may take on the simulated line.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Searches a simulated segment for its meters, in virtual time, and prints how it went.
///
/// Exit status: 0 all meters were found, 1 one was missed, 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "bus", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    bus                                   250 meters, with no losses and with 1 % and 5 %\n  \
    bus --meters 60 --alike 10 --in-step  all acknowledgements at the same moment")]
struct Arguments {
    /// How many meters are on the line
    #[arg(short = 'n', long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=1000))]
    meters: u32,
    /// How many of them share the first six digits of their numbers [default: 10, or all of fewer]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=99))]
    alike: Option<u32>,
    /// Percent of frames that one meter does not hear, and of answers that the master does not hear: a row for each
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_values_t = [0, 1, 5], value_parser = clap::value_parser!(u32).range(..=50))]
    loss: Vec<u32>,
    /// The master hears what it sends
    #[arg(long)]
    echo: bool,
    /// All answers begin at the same moment, so that several acknowledgements look like one
    #[arg(long)]
    in_step: bool,
    /// The rate of the line
    #[arg(short, long, value_name = "BAUD", default_value = "2400", value_parser = crate::baud)]
    baud: BaudRate,
    /// What the numbers of the meters, the losses and the delays are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl Arguments {
    fn alike(&self) -> u32 {
        self.alike.unwrap_or(10.min(self.meters))
    }
}

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

fn execute(arguments: Arguments, out: Stream<'_>, err: Stream<'_>) -> u8 {
    if arguments.alike() > arguments.meters {
        let _ = writeln!(err, "bus: --alike is larger than --meters");
        return USAGE;
    }
    let numbers = numbers(&arguments);
    let results: Vec<_> = arguments.loss.iter().map(|loss| search(&arguments, &numbers, *loss)).collect();
    // Who closes the pipe early has seen enough.
    let _ = writeln!(out, "{}", table(&arguments, &numbers, &results).trim_fmt());
    if results.iter().all(|result| result.missed == 0 && result.invented == 0) { FOUND } else { MISSED }
}

/// Numbers that all differ, the first of them alike in six digits.
fn numbers(arguments: &Arguments) -> Vec<u32> {
    let mut random = Random::new(arguments.seed);
    let shared = random.below(1_000_000) * 100;
    let mut numbers: Vec<u32> = Vec::new();
    while numbers.len() < usize::try_from(arguments.meters).unwrap_or_default() {
        let alike = numbers.len() < usize::try_from(arguments.alike()).unwrap_or_default();
        let number = if alike { shared + random.below(100) } else { random.below(100_000_000) };
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// How one search went.
struct Outcome {
    loss: u32,
    report: SearchReport,
    missed: usize,
    /// Meters that are not there.
    invented: usize,
    traffic: Traffic,
    took: Duration,
}

fn search(arguments: &Arguments, numbers: &[u32], loss: u32) -> Outcome {
    let line = LineTiming::new(arguments.baud.baud());
    let identities: Vec<Address> =
        numbers.iter().enumerate().map(|(n, number)| identity(n, *number)).collect();
    let meters = identities.iter().enumerate().filter_map(|(n, identity)| {
        let kind = Kind::TABLE.get(n % Kind::TABLE.len())?;
        Some(WiredMeter::new(kind, PrimaryAddress(0), *identity, line))
    });
    let faults = Faults {
        lost_per_mille: loss * 10,
        echo: arguments.echo,
        in_step: arguments.in_step,
        seed: arguments.seed,
    };
    let clock =
        NaiveDate::from_ymd_opt(2026, 3, 31).and_then(|day| day.and_hms_opt(12, 34, 0)).unwrap_or_default();
    let mut segment = Segment::new(meters.collect(), faults, clock);
    let mut search = Search::new(Master::new(line), SearchSettings::DEFAULT);
    let (found, took) = find(&mut search, &mut segment);
    let there: BTreeSet<[u8; 8]> = identities.iter().map(|identity| identity.to_transport_octets()).collect();
    Outcome {
        loss,
        report: search.report(),
        missed: there.difference(&found).count(),
        invented: found.difference(&there).count(),
        traffic: segment.traffic(),
        took,
    }
}

fn identity(n: usize, number: u32) -> Address {
    Address {
        manufacturer: ManufacturerId::from_letters(*b"ELS").unwrap_or_default(),
        identification: IdentificationNumber::from_number(number).unwrap_or_default(),
        version: Version(1),
        device_type: Kind::TABLE.get(n % Kind::TABLE.len()).map(|kind| kind.device_type).unwrap_or_default(),
    }
}

/// Lets time jump from event to event until the search is over.
fn find(search: &mut Search, segment: &mut Segment) -> (BTreeSet<[u8; 8]>, Duration) {
    let mut found = BTreeSet::new();
    let mut now = Instant::ZERO;
    loop {
        search.handle_timeout(now);
        if let Some(octets) = search.poll_transmit(now) {
            segment.handle_input(now, octets);
        }
        if let Some(octets) = segment.poll_transmit(now) {
            search.handle_input(now, octets);
        }
        while let Some(event) = search.poll_event() {
            match event {
                SearchEvent::Found { identity: Some(identity), .. } => {
                    found.insert(identity.to_transport_octets());
                }
                SearchEvent::Done(_) => return (found, now.since(Instant::ZERO)),
                _ => {}
            }
        }
        let next = [search.poll_timeout(), segment.poll_timeout()].into_iter().flatten().min();
        match next {
            Some(next) if next.since(Instant::ZERO) < LONGEST => now = next.max(now),
            // Nobody has anything left to do, or it takes for ever: what was not found is missed.
            _ => return (found, now.since(Instant::ZERO)),
        }
    }
}

fn table(arguments: &Arguments, numbers: &[u32], results: &[Outcome]) -> Table {
    let identifications: Vec<IdentificationNumber> =
        numbers.iter().filter_map(|number| IdentificationNumber::from_number(*number)).collect();
    let least = least_frames(&identifications);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "meters",
        "loss",
        "found",
        "missed",
        "frames",
        "least",
        "lost",
        "collisions",
        "bus time",
    ]);
    for Outcome { loss, report, missed, invented, traffic, took } in results {
        let seconds = took.as_millis() / 1000;
        let invented =
            if *invented > 0 { format!(" (+{invented} that are not there)") } else { String::new() };
        table.add_row([
            arguments.meters.to_string(),
            format!("{loss} %"),
            format!("{}{invented}", report.found),
            missed.to_string(),
            report.frames_sent.to_string(),
            least.to_string(),
            traffic.lost.to_string(),
            traffic.collisions.to_string(),
            format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
