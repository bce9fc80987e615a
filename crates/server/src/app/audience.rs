//! Runs saved queries of the application's database.

use axum::http::StatusCode;
use novi::Context;
use novi_audience::{AudienceError, Query};
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    app::AppState,
    http::{error::ApiError, problem::Problem},
};

/// Runs a saved query off the async workers, passes each caller to `each`, and returns what that has made of them.
/// `pointer` is the place of the name in the body.
pub(crate) async fn run_saved<T: Send + 'static>(
    state: &AppState,
    (pointer, name): (&str, &str),
    mut counter: T,
    each: impl Fn(&mut T, &Context<'_>) + Send + 'static,
) -> Result<T, ApiError> {
    let saved = &state.options().audience;
    let sql = Query::saved(&saved.queries, name)
        .map_err(|error| ApiError::invalid(vec![Problem::new(pointer, error.to_string())]))?;
    let timeout = saved.timeout.min(state.options().request_timeout);
    let query = Query::new(&saved.database, sql).timeout(timeout);
    let runtime = Handle::current();
    let result = spawn_blocking(move || {
        let streamed = query.for_each(async |context| {
            each(&mut counter, context);
            Ok(())
        });
        runtime.block_on(streamed).map(|_| counter)
    });
    let result = result.await.map_err(|error| ApiError::internal(error.to_string()))?;
    result.map_err(|error| match error {
        AudienceError::Timeout(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "answer_timeout",
            format!("[audience.queries] {name}: {error}"),
        ),
        // The SQL is that of the configuration, and its reader an admin.
        error => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "query_failed",
            format!("[audience.queries] {name}: {error}"),
        ),
    })
}
