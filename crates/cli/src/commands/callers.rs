//! The callers that a command evaluates: those of a file, or of a query of the application's database.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use novi::{Context, error::json_terms, snapshot::Comparison};
use novi_audience::{AudienceError, Query};

use crate::{
    output::{Failure, with_progress},
    session::{Session, read_input},
};

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Debug, Args)]
pub(super) struct Callers {
    /// File with the callers: the attributes of one in a JSON object on each line; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "audience")]
    pub(super) contexts: Option<PathBuf>,

    /// Saved query of [audience.queries] that selects the callers
    #[arg(long, value_name = "NAME")]
    pub(super) audience: Option<String>,
}

impl Callers {
    /// Whether there are callers to evaluate.
    pub(super) const fn are_given(&self) -> bool {
        self.contexts.is_some() || self.audience.is_some()
    }

    /// Compares the decisions for each of them.
    pub(super) async fn compare(
        &self,
        session: &Session,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        if let Some(file) = &self.contexts {
            read_contexts(file)?.iter().for_each(|context| comparison.add(context));
        }
        if let Some(name) = &self.audience {
            let (_, query) = query(session, saved_query(session, name)?, None);
            let streamed = query.for_each(async |context| {
                comparison.add(context);
                Ok(())
            });
            with_progress("evaluating the callers", streamed).await.map_err(|error| failure(&error))?;
        }
        Ok(())
    }
}

/// The SQL of a saved query.
pub(super) fn saved_query<'a>(session: &'a Session, name: &str) -> Result<&'a str, Failure> {
    Query::saved(&session.config.audience.queries, name).map_err(|error| failure(&error))
}

/// A query of the application's database, and the address of that.
pub(super) fn query(session: &Session, sql: &str, timeout: Option<Duration>) -> (String, Query) {
    let url = session.config.audience_url();
    let timeout = timeout.unwrap_or(session.config.audience.timeout.into());
    (url.to_owned(), Query::new(url, sql).timeout(timeout))
}

pub(super) fn failure(error: &AudienceError) -> Failure {
    match error {
        AudienceError::Url(_)
        | AudienceError::UnknownQuery { .. }
        | AudienceError::Column { .. }
        | AudienceError::TableName(_)
        | AudienceError::TableExists(_) => Failure::usage(error.to_string()),
        _ => Failure::system(error.to_string()),
    }
}

/// The callers of a file.
fn read_contexts(file: &Path) -> Result<Vec<Context<'static>>, Failure> {
    let name = file.display().to_string();
    let text = read_input(file).map_err(|error| Failure::file(&name, &error).about("--contexts"))?;
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let contexts = lines.filter(|(_, line)| !line.trim().is_empty()).map(|(number, line)| {
        Context::from_json(line).map_err(|error| {
            let expectation = "expected a JSON object like {\"targetingKey\": \"user-7\"}";
            let problem = json_terms::unmet(expectation, &error);
            Failure::usage(format!("--contexts: {name}, line {number}: {problem}"))
        })
    });
    contexts.collect()
}
