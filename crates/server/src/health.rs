//! `GET /health/live` and `GET /health/ready`: whether to restart this process, and whether to send it requests.

use std::marker::PhantomData;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use novi::Origin;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::ApiError,
    openapi::{Operation, Output, Schemas},
    reply::json,
    state::AppState,
};

#[derive(Serialize, JsonSchema)]
pub(crate) struct Live {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Ready {
    status: &'static str,
    revision: i64,
    /// Where the rows come from: database, file, memory, or nowhere, where there are none yet.
    #[schemars(with = "String")]
    source: Origin,
    /// How long ago the database last confirmed the revision, or the snapshot file was written; null for rows in memory.
    age_seconds: Option<f64>,
    issues: usize,
    /// Why not; null when it is.
    reason: Option<String>,
}

/// Asks nothing but whether requests are answered: a database that is down is no reason to restart.
pub(crate) async fn live() -> Result<Health<Live>, ApiError> {
    uncached(StatusCode::OK, &Live { status: "live" })
}

pub(crate) async fn ready(State(state): State<AppState>) -> Result<Health<Ready>, ApiError> {
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

fn uncached<T: Serialize>(code: StatusCode, body: &T) -> Result<Health<T>, ApiError> {
    let mut response = json(code, body)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Health(response, PhantomData))
}

/// How the server is.
pub(crate) struct Health<T>(Response, PhantomData<fn() -> T>);

impl<T> IntoResponse for Health<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Health<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.output::<T>();
        operation.answer(200, "It is well", &schema);
        operation.answer(503, "It is not ready", &schema);
    }
}
