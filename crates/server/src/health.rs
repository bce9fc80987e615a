//! `GET /health/live` and `GET /health/ready`: whether to restart this process, and whether to send it requests.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use novi::Origin;
use serde::Serialize;

use crate::{error::ApiError, reply::json, state::AppState};

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    revision: i64,
    /// Where the rows come from: database, file, memory, or nowhere, where there are none yet.
    source: Origin,
    /// How long ago the database last confirmed the revision, or the snapshot file was written; null for rows in memory.
    age_seconds: Option<f64>,
    issues: usize,
    /// Why not; null when it is.
    reason: Option<String>,
}

/// Asks nothing but whether requests are answered: a database that is down is no reason to restart.
pub(crate) async fn live() -> Result<Response, ApiError> {
    uncached(StatusCode::OK, &Live { status: "live" })
}

pub(crate) async fn ready(State(state): State<AppState>) -> Result<Response, ApiError> {
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    // Told of together, so taken from one snapshot: the status may be of the one before it.
    let (revision, issues) = (snapshot.revision(), snapshot.issues().len());
    let patience = state.options().stale_after;
    let unconfirmed = status.age.filter(|age| *age > patience);
    let reason = if state.closing().has_begun() {
        Some("the server is shutting down".to_owned())
    } else if status.origin == Origin::Nowhere {
        Some("the database has not answered since the start, so that there are no flags yet".to_owned())
    } else {
        // Why it does not answer stays in the log: it may name hosts and users.
        unconfirmed.map(|age| {
            format!(
                "the database has not confirmed revision {revision} for {:.1} s (limit {:.1} s); answers are made from it",
                age.as_secs_f64(),
                patience.as_secs_f64()
            )
        })
    };
    let (code, word) = match reason {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let ready = Ready {
        status: word,
        revision: revision.number(),
        source: status.origin,
        age_seconds: status.age.map(|age| age.as_secs_f64()),
        issues,
        reason,
    };
    uncached(code, &ready)
}

fn uncached(code: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let mut response = json(code, body)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
