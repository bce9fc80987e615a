//! `GET /api/status`: the status of this server.

use std::{collections::HashSet, time::Duration};

use axum::extract::State;
use novi::flags::Origin;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::error::store,
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
    /// The streams of `/ofrep/v1/events` that this server has open.
    event_streams: EventStreams,
    /// How many processes follow the rows of the database, this one included. Null if the database cannot tell: only
    /// PostgreSQL knows them; with the others, processes poll.
    followers: Option<u64>,
}

/// The event streams of a server. A stream has no queue: a slow client gets only the newest event.
#[derive(Serialize, JsonSchema)]
struct EventStreams {
    open: usize,
    /// More are rejected.
    limit: usize,
    /// How long the oldest has been open; null if none is.
    oldest_seconds: Option<f64>,
    /// Streams whose clients have not taken the newest event yet.
    behind: usize,
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

/// The processes that follow the database; `None` also if it does not answer soon: a status has no time to wait.
async fn followers(state: &AppState) -> Option<u64> {
    const LONGEST: Duration = Duration::from_secs(1);
    let count = async { store(state).await.ok()?.followers().await.ok()? };
    timeout(LONGEST, count).await.ok()?
}

pub(crate) async fn status(State(state): State<AppState>) -> Result<Reply<Status>, ApiError> {
    let followers = followers(&state).await;
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    let rows = rows(&snapshot)?;
    let (oldest, behind) = state.events().ages();
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
        event_streams: EventStreams {
            open: state.events().open(),
            limit: state.options().max_streams,
            oldest_seconds: oldest.map(|age| age.as_secs_f64()),
            behind,
        },
        followers,
    })
}
