//! `GET /api/status`: the status of this server.

use std::collections::HashSet;

use axum::extract::State;
use novi::flags::Origin;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
};

/// The status of a server.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    /// The version of the server.
    version: &'static str,
    /// The revision of the current snapshot.
    revision: i64,
    /// The source of the rows: database, file, memory, or nowhere if there are none yet.
    #[schemars(with = "String")]
    origin: Origin,
    /// Time since the database last confirmed the revision, or since the snapshot file was written; null for
    /// rows in memory.
    age_seconds: Option<f64>,
    /// Whether there is a database for changes and the history.
    has_database: bool,
    /// Whether the database is unavailable; the log has the cause.
    failure: Option<&'static str>,
    /// What is wrong with the tables of the database, such as missing triggers; `novi migrate` repairs them.
    schema_problems: Vec<String>,
    counts: Counts,
}

/// Numbers of rows.
#[derive(Serialize, JsonSchema)]
struct Counts {
    flags: usize,
    /// Flags whose status is on.
    enabled: usize,
    activations: usize,
    links: usize,
    members: usize,
    issues: usize,
    /// Flags that an issue breaks.
    broken: usize,
}

pub(crate) async fn status(State(state): State<AppState>) -> Result<Reply<Status>, ApiError> {
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    let rows = rows(&snapshot)?;
    let broken: HashSet<_> = snapshot.issues().iter().flat_map(|issue| &issue.flags).collect();
    Reply::new(&Status {
        version: env!("CARGO_PKG_VERSION"),
        revision: snapshot.revision().number(),
        origin: status.origin,
        age_seconds: status.age.map(|age| age.as_secs_f64()),
        has_database: state.options().database.is_some(),
        // The cause may name hosts and users.
        failure: status.failure.map(|_| "the database is unavailable"),
        schema_problems: status.schema_problems,
        counts: Counts {
            flags: rows.flags.len(),
            enabled: rows.flags.iter().filter(|row| row.status).count(),
            activations: rows.activations.len(),
            links: rows.links.len(),
            members: rows.members.len(),
            issues: snapshot.issue_count(),
            broken: broken.len(),
        },
    })
}
