//! A gateway: collects what several receivers hear, forwards each telegram once. `gateway --help` tells how.

use std::process::ExitCode;

fn main() -> ExitCode {
    links::gateway::main()
}
