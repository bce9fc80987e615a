//! `GET /api/status`: what this server answers from, and how it is.

use axum::extract::State;
use novi::Origin;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{error::ApiError, reply::Answer, state::AppState, view::rows};

/// How a server is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    /// The server's version.
    version: &'static str,
    /// The revision that answers are made from.
    revision: i64,
    /// Where its rows come from: database, file, memory, or nowhere, where there are none yet.
    #[schemars(with = "String")]
    origin: Origin,
    /// How long ago the database last confirmed the revision, or the snapshot file was written; null for rows in memory.
    age_seconds: Option<f64>,
    /// Whether there is a database to change, and to ask for the history.
    has_database: bool,
    /// What is wrong with the database, if it does not answer; the log says more.
    failure: Option<&'static str>,
    counts: Counts,
}

/// How many there are.
#[derive(Serialize, JsonSchema)]
struct Counts {
    flags: usize,
    /// Flags whose status is on.
    enabled: usize,
    activations: usize,
    links: usize,
    members: usize,
    issues: usize,
    /// Flags that are broken by an issue.
    broken: usize,
}

pub(crate) async fn status(State(state): State<AppState>) -> Result<Answer<Status>, ApiError> {
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    let rows = rows(&snapshot)?;
    let broken: std::collections::HashSet<_> =
        snapshot.issues().iter().flat_map(|issue| &issue.flags).collect();
    Answer::of(&Status {
        version: env!("CARGO_PKG_VERSION"),
        revision: snapshot.revision().number(),
        origin: status.origin,
        age_seconds: status.age.map(|age| age.as_secs_f64()),
        has_database: state.options().database.is_some(),
        // It may name hosts and users.
        failure: status.failure.map(|_| "the database does not answer"),
        counts: Counts {
            flags: rows.flags.len(),
            enabled: rows.flags.iter().filter(|row| row.status).count(),
            activations: rows.activations.len(),
            links: rows.links.len(),
            members: rows.members.len(),
            issues: snapshot.issues().len(),
            broken: broken.len(),
        },
    })
}
