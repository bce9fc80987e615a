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
#[cfg(feature = "otlp")]
mod telemetry;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::args::{Arguments, Command};

/// The variable that says what is logged.
const LOG: &str = "NOVI_LOG";

/// The variable that says how: `json`, or text.
const LOG_FORMAT: &str = "NOVI_LOG_FORMAT";

/// Runs the command that the process was started with, and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Kept to the end, when what is left to send is sent.
    let _log = log(&arguments.command);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::runtime(&error).report(),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// On one core a second thread would only be in the way of the first.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let one = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if one {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

/// Logs go to standard error, so that what a program reads from standard output is the answer alone.
fn log(command: &Command) -> impl Sized + use<> {
    let serves = matches!(command, Command::Serve(_));
    let default = if serves { "info" } else { "error" };
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
    let text = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).log_internal_errors(false);
    let text = if std::env::var(LOG_FORMAT).is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        text.json().flatten_event(true).with_filter(filter).boxed()
    } else {
        text.with_filter(filter).boxed()
    };
    let registry = tracing_subscriber::registry().with(text);
    let kept = export(registry, serves);
    if let Some(error) = wrong {
        tracing::error!(
            "{LOG}: {error}; expected a level such as \"debug\", or several such as \"warn,novi=debug\"; logging \
             {default:?}"
        );
    }
    kept
}

/// Begins to log, and to send traces where a collector is named.
#[cfg(feature = "otlp")]
fn export<S>(registry: S, serves: bool) -> Option<telemetry::Telemetry>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    let telemetry = if serves { telemetry::Telemetry::of_environment() } else { Ok(None) };
    let (telemetry, wrong) = match telemetry {
        Ok(telemetry) => (telemetry, None),
        Err(error) => (None, Some(error)),
    };
    registry.with(telemetry.as_ref().map(telemetry::Telemetry::layer)).init();
    if let Some(error) = wrong {
        tracing::error!("OTEL_EXPORTER_OTLP_ENDPOINT: no traces are sent: {error}");
    }
    telemetry
}

#[cfg(not(feature = "otlp"))]
fn export<S: tracing::Subscriber + Send + Sync>(registry: S, _: bool) {
    registry.init();
}
