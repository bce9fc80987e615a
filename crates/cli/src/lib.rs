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
mod paint;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command};

/// The variable that says what is logged.
const LOG: &str = "NOVI_LOG";

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
    let asked = std::env::var(LOG).ok().filter(|text| !text.trim().is_empty());
    let filter = asked.as_deref().map(EnvFilter::try_new);
    let terminal =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let (filter, wrong) = match filter {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error)),
        None => (EnvFilter::new(default), None),
    };
    // A log that can not be written is lost: to complain of it where it should go would end the process.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .log_internal_errors(false)
        .init();
    if let Some(error) = wrong {
        tracing::error!(
            "{LOG}: {error}; expected a level such as \"debug\", or several such as \"warn,novi=debug\"; logging \
             {default:?}"
        );
    }
}
