//! What the user asks for.

use super::problem::Problem;
use super::target::Target;
use clap::{Parser, Subcommand};
use examples::decode::arguments::{KeyText, Output};
use mbus_link::wired::BaudRate;
use std::path::PathBuf;

/// Finds and reads wired M-Bus meters through a serial port or a TCP converter.
///
/// Exit status: 0 all was done, 1 a meter or the line failed or Ctrl-C stopped it (what was found is still printed), 2
/// usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "master", version, max_term_width = 100)]
#[command(after_help = "A PORT is a serial port (8E1) or HOST:PORT of a TCP converter.\n\n\
Examples:\n  \
    master /dev/ttyUSB0 search                   all meters by secondary address\n  \
    master /dev/ttyUSB0 read 12345678            one of them, all its telegrams\n  \
    master 192.0.2.7:10001 scan --last 20        primary addresses 0 to 20\n  \
    master /dev/ttyUSB0 set-address 12345678 17  give it primary address 17")]
pub struct Arguments {
    /// Serial port or HOST:PORT
    #[arg(value_name = "PORT")]
    pub port: String,
    /// The rate of the bus
    #[arg(short, long, value_name = "BAUD", default_value = "2400", value_parser = crate::baud)]
    pub baud: BaudRate,
    /// How often a request is sent before it counts as failed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pub tries: u8,
    /// Time that converters may add to an answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100)]
    pub allowance: u32,
    /// How results are printed [default: text on a terminal, jsonl otherwise]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub format: Option<Output>,
    /// AES-128 key of the meter
    #[arg(short, long, value_name = "HEX")]
    pub key: Option<KeyText>,
    /// File with keys, as for `decode`
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub order: Order,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Order {
    /// Try primary addresses one by one
    Scan {
        /// The first address
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=250))]
        first: u8,
        /// The last address
        #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u8).range(..=250))]
        last: u8,
    },
    /// Find all meters by secondary address
    Search,
    /// Read one meter, all its telegrams
    Read {
        /// The meter
        #[arg(value_name = "METER")]
        meter: Target,
        /// The most telegrams that are read; exit status 1 when more follow
        #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
        most: u16,
    },
    /// Give one meter another primary address
    SetAddress {
        /// The meter, without wildcards; 254 only when it is alone on the line
        #[arg(value_name = "METER")]
        meter: Target,
        /// The new address, 1 to 250
        #[arg(value_name = "ADDRESS", value_parser = clap::value_parser!(u8).range(1..=250))]
        address: u8,
    },
}

impl Order {
    /// What the words alone do not show to be wrong.
    ///
    /// # Errors
    /// [`Problem::Usage`].
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Scan { first, last } if first > last => {
                Err(Problem::Usage(format!("--first {first} is behind --last {last}: no address is left")))
            }
            Self::SetAddress { meter, .. } if meter.means_several() => Err(Problem::Usage(format!(
                "{meter} may be several: an address is given to one meter\n  try: all eight digits of its number; `search` shows \
                 them"
            ))),
            _ => Ok(()),
        }
    }
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
