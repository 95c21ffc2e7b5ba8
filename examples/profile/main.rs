//! The series of a load profile as a table and as a picture. `profile --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::profile::main()
}
