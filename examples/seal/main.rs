//! Builds a secured telegram. `seal --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::seal::main()
}
