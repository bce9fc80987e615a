//! The command line of novi.
//!
//! The binary `novi` has novi's own activation types. A service with types of its own builds a binary that
//! has them as well:
//!
//! ```no_run
//! // use acme_activations as _; // the crate with the types
//! fn main() -> std::process::ExitCode {
//!     novi_cli::main()
//! }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod args;
mod commands;
mod environment;
mod logging;
mod output;
mod run;
mod session;
#[cfg(feature = "otlp")]
mod telemetry;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use args::{Arguments, Command};
use commands::complete::{VARIABLE, completing};
use output::Failure;

/// Runs the command of the process's arguments and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = completed() {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return invalid_arguments(&error),
    };
    let json = arguments.json;
    // Dropped last: the drop sends the traces that are still queued.
    let _telemetry = logging::init(matches!(arguments.command, Command::Serve(_)));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::runtime(&error).report(json),
    };
    match runtime.block_on(run::run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}

/// Prints completions if a shell asks for them.
fn completed() -> Option<ExitCode> {
    let shell = std::env::var_os(VARIABLE)?;
    let command = || completing(Arguments::command(), &shell);
    let completer = CompleteEnv::with_factory(command).var(VARIABLE).bin("novi").completer("novi");
    match completer.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()) {
        Ok(true) => Some(ExitCode::SUCCESS),
        Ok(false) => None,
        Err(error) => Some(Failure::usage(format!("{VARIABLE}: {error}")).report(false)),
    }
}

/// Prints clap's error, or the help that was asked for. With `--json` an error is JSON as well.
fn invalid_arguments(error: &clap::Error) -> ExitCode {
    let is_json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if !is_json || !error.use_stderr() {
        error.exit();
    }
    let text = error.to_string();
    Failure::usage(text.strip_prefix("error: ").unwrap_or(&text).trim_end()).report(true)
}

/// On one core a second thread would only compete with the first.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let one = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if one {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}
