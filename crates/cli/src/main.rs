//! The binary `novi`.

use std::process::ExitCode;

fn main() -> ExitCode {
    novi_cli::main()
}
