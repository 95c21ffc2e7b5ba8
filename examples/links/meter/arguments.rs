//! What the user asks for.

use super::spec::Spec;
use super::wireless::Seal;
use chrono::NaiveDateTime;
use clap::{Args, Parser, Subcommand};
use examples::decode::arguments::KeyText;
use mbus_link::ManufacturerId;
use mbus_link::wired::BaudRate;
use wmbus_phy::FrameFormat;
use wmbus_phy::mode::{MODES, Mode};

/// Simulates meters: wired ones that answer a master, or wireless ones that send.
///
/// Exit status: 0 all was sent, or stopped with Ctrl-C; 1 the line failed; 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "meter", version, max_term_width = 100)]
#[command(
    after_help = "A METER is KIND[:NUMBER][@ADDRESS], KIND one of water, heat, electricity, gas, hca.\n\n\
Examples:\n  \
    meter wired water heat:87654321@7            two meters on a pseudo-terminal\n  \
    meter wired heat --tcp 127.0.0.1:10001       one meter behind a TCP converter\n  \
    meter wireless water --mode T1 --seal A --key 000102030405060708090A0B0C0D0E0F |\n    \
        decode --key 000102030405060708090A0B0C0D0E0F --input rtl-wmbus\n  \
    meter wireless gas --mode N1a --chips | decode --input jsonl"
)]
pub struct Arguments {
    /// Wired or wireless.
    #[command(subcommand)]
    pub link: Link,
}

/// Which link.
#[derive(Clone, Debug, Subcommand)]
pub enum Link {
    /// Meters that send by themselves: lines of rtl_wmbus on standard output
    Wireless(Wireless),
    /// Meters that answer a master, on a pseudo-terminal (its name is printed) or a TCP socket
    Wired(Wired),
}

/// What both kinds have in common.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The meters
    #[arg(value_name = "METER", default_value = "water")]
    pub meters: Vec<Spec>,
    /// The three letters of their manufacturer
    #[arg(long, value_name = "LETTERS", default_value = "ELS")]
    pub manufacturer: ManufacturerId,
    /// Date and time of the meters, standing still: 2026-03-31T12:34 [default: UTC, running]
    #[arg(long, value_name = "TIME", value_parser = clock)]
    pub clock: Option<NaiveDateTime>,
}

impl Common {
    /// What the clock of the meters shows.
    #[must_use]
    pub fn now(&self) -> NaiveDateTime {
        self.clock.unwrap_or_else(|| {
            let elapsed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            let seconds = i64::try_from(elapsed.as_secs()).unwrap_or_default();
            chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc()
        })
    }
}

/// Meters that answer a master.
#[derive(Clone, Debug, Args)]
pub struct Wired {
    /// The meters and their clock.
    #[command(flatten)]
    pub common: Common,
    /// Listen on this address instead of a pseudo-terminal; port 0 takes any free one, the address is printed
    #[arg(long, value_name = "HOST:PORT")]
    pub tcp: Option<String>,
    /// The rate of the line, which sets its pace also behind TCP
    #[arg(short, long, value_name = "BAUD", default_value = "2400", value_parser = crate::baud)]
    pub baud: BaudRate,
    /// Let each meter have an alarm with these bits, in hex
    #[arg(long, value_name = "HEX", value_parser = bits)]
    pub alarm: Option<u8>,
    /// Send back what the master sends, as many level converters do
    #[arg(long)]
    pub echo: bool,
    /// Let all answers begin at the same moment, so that several acknowledgements look like one
    #[arg(long)]
    pub in_step: bool,
    /// Tell on standard error what happens
    #[arg(short, long)]
    pub verbose: bool,
    /// Print the frames that the meters would answer with and end
    #[arg(long, conflicts_with = "tcp")]
    pub show: bool,
}

/// Meters that send by themselves.
#[derive(Clone, Debug, Args)]
pub struct Wireless {
    /// The meters and their clock.
    #[command(flatten)]
    pub common: Common,
    /// The radio mode
    #[arg(long, value_name = "MODE", default_value = "T1", value_parser = mode)]
    pub mode: &'static Mode,
    /// Print the chips that go over the air, from the preamble on, as JSON lines for decode --input jsonl
    #[arg(long)]
    pub chips: bool,
    /// The frame format of the chips
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, requires = "chips")]
    pub frame_format: Format,
    /// How the telegrams are sealed
    #[arg(long, value_name = "SEAL", value_enum, default_value_t)]
    pub seal: Seal,
    /// The AES-128 key of all meters, 32 hex digits; in profile C the write key of their TLS sessions
    #[arg(short, long, value_name = "HEX", required_if_eq_any = [("seal", "A"), ("seal", "B"), ("seal", "C"), ("seal", "D"), ("seal", "ell")])]
    pub key: Option<KeyText>,
    /// How many telegrams each meter sends; 0: until stopped
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    pub count: u32,
    /// The nominal interval of the telegrams in seconds, an even number
    #[arg(long, value_name = "SECONDS", default_value = "16", value_parser = interval)]
    pub every: mbus_link::wireless::NominalInterval,
    /// Do not wait between telegrams, let the clock of the meters jump instead
    #[arg(long)]
    pub at_once: bool,
}

/// The frame formats that can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Frame format A.
    #[default]
    #[value(name = "A", alias = "a")]
    A,
    /// Frame format B, in the modes that have it.
    #[value(name = "B", alias = "b")]
    B,
}

impl From<Format> for FrameFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::A => Self::A,
            Format::B => Self::B,
        }
    }
}

fn clock(text: &str) -> Result<NaiveDateTime, String> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let moment = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    moment.ok_or_else(|| "a time is written 2026-03-31T12:34".to_owned())
}

fn mode(text: &str) -> Result<&'static Mode, String> {
    Mode::named(text).ok_or_else(|| {
        let names: Vec<_> = MODES.iter().map(|mode| mode.name).collect();
        format!("the radio modes are {}", names.join(", "))
    })
}

fn bits(text: &str) -> Result<u8, String> {
    u8::from_str_radix(text, 16).map_err(|_| "two hex digits are expected".to_owned())
}

fn interval(text: &str) -> Result<mbus_link::wireless::NominalInterval, String> {
    let interval = text.parse().ok().and_then(mbus_link::wireless::NominalInterval::from_secs);
    interval.ok_or_else(|| "an interval is an even number of seconds from 2 to 2678400".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
