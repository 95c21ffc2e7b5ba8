//! The reference decoder: telegrams in, readings out. `decode --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::decode::main()
}
