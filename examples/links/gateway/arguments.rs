//! What the user asks for.

use super::receivers::Receiver;
use clap::{Args, Parser, Subcommand};
use examples::decode::arguments::KeyText;
use examples::decode::input::Format;
use std::path::PathBuf;

/// A gateway: collects what receivers hear of wireless meters, forwards each telegram once.
///
/// Exit status: 0 all was well, or stopped with Ctrl-C; 1 something was refused, or a receiver failed; 2 usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "gateway", version, max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    rtl_wmbus ... | gateway listen --keys keys.txt --state gateway.state\n  \
    gateway listen --keys keys.txt roof=10.0.0.5:4000 cellar=/run/cellar.pipe\n  \
    gateway listen --keys keys.txt monday-roof.txt monday-cellar.txt > monday.jsonl\n  \
    gateway simulate --hours 24 --loss 10")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Listen: JSON Lines as `decode` prints them on standard output, on standard error what was refused and, at the end, a
    /// table of the meters
    Listen(Listen),
    /// Simulate a house in virtual time: meters of all profiles, a gateway that talks to them and one that listens, a
    /// repeater, losses, collisions, and an attacker; prints how it went
    Simulate(Simulate),
}

/// Simulating.
#[derive(Clone, Copy, Debug, Args)]
pub struct Simulate {
    /// How many meters there are, the last of them a neighbour's; the gateways hear every fourth only by the repeater
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=60))]
    pub meters: u32,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=168))]
    pub hours: u32,
    /// Percent of receptions that are lost by chance
    #[arg(long, value_name = "PERCENT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(..=50))]
    pub loss: u32,
    /// What the numbers of the meters, the losses and the attacks are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Listening.
#[derive(Clone, Debug, Args)]
pub struct Listen {
    /// Where lines come from, in any format that `decode` reads: a file, a named pipe, HOST:PORT, or - for standard input
    #[arg(value_name = "[NAME=]SOURCE", default_value = "-")]
    pub receivers: Vec<Receiver>,
    /// AES-128 key for every meter
    #[arg(short, long, value_name = "HEX")]
    pub key: Option<KeyText>,
    /// File with the keys, as `decode` has it; the profile (A, B, C, D, none) that a meter must use may stand behind its
    /// key, without one any encryption will do
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// How the lines are to be read
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub input: Format,
    /// File that keeps message counters and learned formats over a restart
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Leave out the meters that there is no key for
    #[arg(long)]
    pub known_only: bool,
    /// How long a frame is known again; a repeater takes up to 25 s
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub remember: u32,
    /// How long a telegram waits for a copy with a better signal, where there are several receivers
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    pub wait: u32,
    /// After what time a pipe or a TCP receiver that is missing is asked for again
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub retry: u32,
    /// Do not ask again: end when all receivers have ended
    #[arg(long)]
    pub once: bool,
    /// End when so many telegrams were forwarded
    #[arg(short = 'n', long, value_name = "N")]
    pub telegrams: Option<u32>,
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
