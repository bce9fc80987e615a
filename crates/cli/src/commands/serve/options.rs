//! The server's options, from the configuration.

use std::path::{Path, PathBuf};

use novi_server::{Experiments, Options, SavedQueries};

#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;
use crate::{output::Failure, session::Config};

/// The options of `[server]`. The certificate of the command line takes precedence.
pub(super) fn from_config(
    config: &Config,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
) -> Result<Options, Failure> {
    let mut section = config.server.clone();
    // Paths of the command line are relative to the working directory, those of the configuration to its
    // file.
    section.tls_cert = tls_cert.or_else(|| config.file(&section.tls_cert)).unwrap_or_default();
    section.tls_key = tls_key.or_else(|| config.file(&section.tls_key)).unwrap_or_default();
    let options = section.options(Path::new("")).map_err(|error| {
        let message = error.to_string();
        if error.is_file() { Failure::system(message) } else { Failure::usage(message) }
    })?;
    let options = options.audience(saved_queries(config)).experiments(experiments(config));
    #[cfg(feature = "otlp")]
    let options = options.on_span(Telemetry::on_span());
    Ok(options)
}

/// The queries of `[audience]`.
fn saved_queries(config: &Config) -> SavedQueries {
    SavedQueries {
        database: config.audience_url().to_owned(),
        timeout: config.audience.timeout.into(),
        queries: config.audience.queries.clone(),
    }
}

/// Where experiments are analyzed. A snapshot file has no assignments.
fn experiments(config: &Config) -> Experiments {
    let url = config.database.url.clone();
    Experiments {
        database: if url.starts_with("file:") { String::new() } else { url },
        table_prefix: config.database.table_prefix.clone(),
        metrics: config.file(&config.experiments.metrics).unwrap_or_default(),
    }
}
