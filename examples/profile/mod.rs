//! Load profiles: a telegram in, its series out, as tables and as a picture.
//!
//! ```text
//! octets -> telegram -> readings with their times -> series -> tables, SVG
//! ```
//!
//! Compact profiles, inverse ones and plain lists of storage numbers all come out as series of exact values.

pub mod plot;
pub mod series;
pub mod ticks;

use crate::command_line::{self, Stream, USAGE, Words};
use crate::decode::arguments::KeyText;
use crate::decode::{hex, keys};
use clap::Parser;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use mbus_app::frame::known::KnownFormats;
use mbus_app::record::Records;
use mbus_app::{Telegram, frame};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit status: series were printed.
const PRINTED: u8 = 0;
/// Exit status: the telegram could not be read, has no series, or the picture could not be written.
const FAILED: u8 = 1;

/// Prints the series of a load-profile telegram as tables, and draws them.
///
/// Exit status: 0 series were printed, 1 the telegram could not be read or has none, 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "profile", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    profile 68...16\n  \
    profile --key 000102030405060708090A0B0C0D0E0F --svg profile.svg D344A73D78563412...")]
struct Arguments {
    /// The telegram as hex: a wired frame, or a wireless one with or without CRCs
    #[arg(value_name = "HEX")]
    telegram: String,
    /// The AES key, 32 hex digits
    #[arg(long, value_name = "HEX")]
    key: Option<KeyText>,
    /// Draw the series into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
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
    match report(&arguments) {
        Ok(text) => {
            // Who closes the pipe early has seen enough.
            let _ = out.write_all(text.as_bytes());
            PRINTED
        }
        Err((status, problem)) => {
            let _ = writeln!(err, "profile: {problem}");
            status
        }
    }
}

type Problem = (u8, String);

/// The tables as text; the picture is written on the way.
fn report(arguments: &Arguments) -> Result<String, Problem> {
    let octets = hex::parse(&arguments.telegram)
        .map_err(|error| (USAGE, format!("{}; {}", error.kind, error.kind.hint())))?;
    let key = match &arguments.key {
        Some(text) => Some(
            text.0.parse::<Key>().map_err(|_| (USAGE, keys::KeyError::Length(text.0.len()).to_string()))?,
        ),
        None => None,
    };
    let (heading, all) = read(octets, key.as_ref()).map_err(|problem| (FAILED, problem))?;
    if all.is_empty() {
        return Err((
            FAILED,
            "the telegram has no two values of one register; `decode` shows what it has".into(),
        ));
    }
    if let Some(path) = &arguments.svg {
        let drawn =
            plot::svg(&all).map_err(|error| (FAILED, format!("the picture could not be drawn: {error}")))?;
        std::fs::write(path, drawn).map_err(|error| (FAILED, format!("{}: {error}", path.display())))?;
    }
    let mut text = format!("{heading}\n");
    for series in &all {
        let _ = write!(text, "\n{}\n{}\n", series.title, table(series));
    }
    Ok(text)
}

/// The meter and the series of a telegram.
fn read(mut octets: Vec<u8>, key: Option<&Key>) -> Result<(String, Vec<series::Series>), String> {
    let prepared = key.map(PreparedKey::<Aes>::new);
    let telegram = match &prepared {
        Some(key) => Telegram::decode(&mut octets, key),
        None => Telegram::decode(&mut octets, &NoKeys),
    };
    let telegram = telegram.map_err(|error| error.to_string())?;
    let mut buffer = [0; 512];
    let expanded =
        frame::expand(&telegram, &mut KnownFormats, &mut buffer).map_err(|error| error.to_string())?;
    let records = expanded.map_or_else(|| telegram.records(), |expanded| Records::new(expanded.records));
    let heading = telegram.meter().map_or("no address".into(), |meter| meter.to_string());
    Ok((heading, series::of(records)))
}

fn table(series: &series::Series) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["time", "storage", &format!("value [{}]", series.unit)]);
    for point in &series.points {
        let time = if point.time.is_empty() { "-" } else { &point.time };
        let value = point.value.as_ref().unwrap_or_else(|reason| reason);
        table.add_row([time, &point.storage.to_string(), value]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
