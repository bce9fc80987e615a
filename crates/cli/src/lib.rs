//! The command line of novi.
//!
//! The binary `novi` knows novi's own activation types. A service with types of its own builds a binary that knows
//! them too, in two lines:
//!
//! ```no_run
//! // use acme_activations as _; // the crate that has the types
//! fn main() -> std::process::ExitCode {
//!     novi_cli::main()
//! }
//! ```

mod args;
mod commands;
mod failure;
mod output;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command};

/// Runs the command that the process was started with, and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(&arguments.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::runtime(&error).report(),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Logs go to standard error, so that what a program reads from standard output is the answer alone.
fn log(command: &Command) {
    let default = if matches!(command, Command::Serve(_)) { "info" } else { "error" };
    let filter = EnvFilter::try_from_env("NOVI_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal).init();
}
