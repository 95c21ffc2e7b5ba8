//! The master of a wired bus: scan, search, read, set addresses. `master --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    links::master::main()
}
