//! `GET /health/live` and `GET /health/ready`: whether to restart this process, and whether to send it
//! requests.

use std::marker::PhantomData;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use novi::flags::Origin;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::AppState,
    http::{
        describe::{Operation, Output, Schemas},
        error::ApiError,
        reply::reply,
    },
};

#[derive(Serialize, JsonSchema)]
pub(crate) struct Live {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Ready {
    status: &'static str,
    revision: i64,
    /// The source of the rows: database, file, memory, or nowhere if there are none yet.
    #[schemars(with = "String")]
    source: Origin,
    /// Time since the database last confirmed the revision, or since the snapshot file was written; null for
    /// rows in memory.
    age_seconds: Option<f64>,
    issues: usize,
    /// Why the server is not ready; null if it is.
    reason: Option<String>,
    /// What is wrong with the tables of the database, such as missing triggers. It does not make the server unready.
    warnings: Vec<String>,
}

/// Does not query the database: restarting the process would not make it available.
pub(crate) async fn live() -> Result<Health<Live>, ApiError> {
    uncached(StatusCode::OK, &Live { status: "live" })
}

pub(crate) async fn ready(State(state): State<AppState>) -> Result<Health<Ready>, ApiError> {
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    // Both from one snapshot: the status may be of the previous one.
    let (revision, issues) = (snapshot.revision(), snapshot.issue_count());
    let limit = state.options().stale_after;
    let unconfirmed = status.age.filter(|age| *age > limit);
    let reason = if state.shutdown().has_begun() {
        Some("the server is shutting down".to_owned())
    } else if status.origin == Origin::Nowhere {
        Some("no flags: the database has been unavailable since the start".to_owned())
    } else if state.options().tokens.as_ref().is_some_and(|tokens| tokens.made().is_none()) {
        Some("the tokens have not been loaded from the database yet".to_owned())
    } else {
        // The cause is only logged: it may name hosts and users.
        unconfirmed.map(|age| {
            format!(
                "the database has not confirmed revision {revision} for {:.1} s (limit {:.1} s); flags are evaluated \
                 from it",
                age.as_secs_f64(),
                limit.as_secs_f64()
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
        warnings: status.schema_problems,
    };
    uncached(code, &ready)
}

/// Readiness before there are flags.
pub(crate) async fn starting() -> Result<Health<Ready>, ApiError> {
    let ready = Ready {
        status: "not_ready",
        revision: 0,
        source: Origin::Nowhere,
        age_seconds: None,
        issues: 0,
        reason: Some("the server is starting".to_owned()),
        warnings: Vec::new(),
    };
    uncached(StatusCode::SERVICE_UNAVAILABLE, &ready)
}

fn uncached<T: Serialize>(code: StatusCode, body: &T) -> Result<Health<T>, ApiError> {
    let mut response = reply(code, body)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Health(response, PhantomData))
}

/// The response of a health check.
pub(crate) struct Health<T>(Response, PhantomData<fn() -> T>);

impl<T> IntoResponse for Health<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Health<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.output::<T>();
        operation.response(200, "Healthy", &schema);
        operation.response(503, "Not ready", &schema);
    }
}
