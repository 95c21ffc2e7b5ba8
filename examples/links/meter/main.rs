//! The simulated meter, wired and wireless. `meter --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    links::meter::main()
}
