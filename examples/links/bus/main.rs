//! A simulated segment of the wired bus. `bus --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    links::bus::main()
}
