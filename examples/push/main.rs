//! A smart meter's push as a table. `push --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::push::main()
}
