//! Logs on standard error and, with a collector, traces.

use std::io::IsTerminal as _;

use novi_match::suggest::most_similar;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{self, writer::BoxMakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;

/// The variable with the log filter.
const LOG: &str = "NOVI_LOG";

/// The variable with the log format: `text`, the default, or `json`.
const LOG_FORMAT: &str = "NOVI_LOG_FORMAT";

/// Starts logging. Logs go to standard error, so that standard output has only the command's result. Dropping
/// the result writes what is still waiting.
pub(crate) fn init(serves: bool) -> impl Sized + use<> {
    let default = if serves { "info" } else { "error" };
    let variable = std::env::var(LOG).ok().filter(|text| !text.trim().is_empty());
    let terminal =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let (filter, invalid_filter) = match variable.as_deref().map(filter) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error)),
        None => (EnvFilter::new(default), None),
    };
    let format = std::env::var(LOG_FORMAT).unwrap_or_default().to_ascii_lowercase();
    // A log line that cannot be written is lost: reporting that on the same stream would panic.
    let (writer, guard) = writer(serves);
    let text = fmt::layer().with_writer(writer).with_ansi(terminal).log_internal_errors(false);
    let text = if format == "json" {
        text.json().flatten_event(true).with_filter(filter).boxed()
    } else {
        text.with_filter(filter).boxed()
    };
    let registry = tracing_subscriber::registry().with(text);
    let telemetry = export(registry, serves);
    if let Some(error) = invalid_filter {
        tracing::error!(
            "{LOG}: {error}; expected a level such as \"debug\", or several such as \"warn,novi=debug\"; using \
             {default:?}"
        );
    }
    if !["", "text", "json"].contains(&format.as_str()) {
        tracing::error!("{LOG_FORMAT}: expected \"text\" or \"json\", found {format:?}; using \"text\"");
    }
    (telemetry, guard)
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The crates of novi that log.
const CRATES: [&str; 3] = ["novi", "novi_server", "novi_cli"];

/// The filter of a text such as `warn,novi=debug`. `EnvFilter` takes each other word for the name of a module,
/// and would then log nothing else.
fn filter(text: &str) -> Result<EnvFilter, String> {
    for directive in text.split(',').map(str::trim) {
        check_directive(directive)?;
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

fn check_directive(directive: &str) -> Result<(), String> {
    // Of directives for spans only the module is checked.
    let is_word = !directive.contains(['=', '[', ']', '{', '}', '"']);
    let module = directive.split(['=', '[', ':']).next().unwrap_or_default();
    if module.is_empty() || CRATES.contains(&module) {
        return Ok(());
    }
    let word = directive.to_ascii_lowercase();
    let is_level = LEVELS.contains(&word.as_str()) || matches!(word.parse::<u8>(), Ok(0..=5));
    if is_word && is_level {
        return Ok(());
    }
    if let Some(similar) = most_similar(module, CRATES.into_iter()) {
        return Err(format!("unknown module {module:?}; did you mean {similar:?}?"));
    }
    if !is_word || directive.contains("::") {
        return Ok(());
    }
    Err(match most_similar(&word, LEVELS.into_iter()) {
        Some(level) => format!("unknown level {word:?}; did you mean {level:?}?"),
        None => format!("unknown level {word:?}"),
    })
}

/// A server must not wait until somebody reads its log, so a thread writes it; while nobody reads, the newest
/// lines are dropped. Commands write at once.
fn writer(serves: bool) -> (BoxMakeWriter, Option<WorkerGuard>) {
    /// A few megabytes.
    const MOST_LINES: usize = 16 * 1024;
    if !serves {
        return (BoxMakeWriter::new(std::io::stderr), None);
    }
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MOST_LINES);
    let (writer, guard) = builder.thread_name("novi-log").finish(std::io::stderr());
    (BoxMakeWriter::new(writer), Some(guard))
}

/// Installs the subscriber, with traces if a collector is configured.
#[cfg(feature = "otlp")]
fn export<S>(registry: S, serves: bool) -> Option<Telemetry>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    let telemetry = if serves { Telemetry::from_env() } else { Ok(None) };
    let (telemetry, error) = match telemetry {
        Ok(telemetry) => (telemetry, None),
        Err(error) => (None, Some(error)),
    };
    registry.with(telemetry.as_ref().map(Telemetry::layer)).init();
    if let Some(error) = error {
        tracing::error!("OTEL_EXPORTER_OTLP_ENDPOINT: could not send traces: {error}");
    }
    telemetry
}

#[cfg(not(feature = "otlp"))]
fn export<S: tracing::Subscriber + Send + Sync>(registry: S, _: bool) {
    registry.init();
}
