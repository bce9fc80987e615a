//! The layer of endpoints whose responses take long to make, or much memory.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::{
    app::{
        AppState,
        extract::read_body,
        limits::bulkhead::{Bulkhead, off_worker_future},
        progress::Progress,
    },
    auth::{caller::Caller, rate_key},
    http::error::ApiError,
};

/// About how many bytes a flag takes in a response.
const BYTES_PER_FLAG: usize = 256;

/// So many flags are evaluated quickly.
const FEW: usize = 1000;

/// What an endpoint does that is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Large {
    /// It evaluates or lists all flags.
    Evaluation,
    /// It compares all rows of two moments, or reads those of an earlier one.
    Comparison,
    /// It evaluates many callers.
    Impact,
    /// It may compile all rows: to validate a change, or to evaluate at an earlier revision. The database's
    /// connections limit how many of these run at a time.
    Compilation,
}

impl Large {
    fn bulkhead(self, state: &AppState) -> Option<&Bulkhead> {
        match self {
            Self::Evaluation => Some(&state.limits().evaluations),
            Self::Comparison | Self::Impact => Some(&state.limits().comparisons),
            Self::Compilation => None,
        }
    }
}

/// Runs the handler outside the async workers, with the memory that its response takes.
pub(crate) async fn run_large(
    State((state, large)): State<(AppState, Large)>,
    request: Request,
    next: Next,
) -> Response {
    let answered = run(&state, large, request, next).await;
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn run(state: &AppState, large: Large, request: Request, next: Next) -> Result<Response, ApiError> {
    let flags = state.flags().snapshot().flag_count();
    if large == Large::Evaluation && flags <= FEW {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let options = state.options();
    // Before waiting, so that a slow client does not keep others from working.
    let progress = parts.extensions.get::<Progress>().cloned().unwrap_or_default();
    let limit = if large == Large::Impact { options.impact_limit } else { options.body_limit };
    let bytes = read_body(body, &parts.headers, limit, &progress).await?;
    let length = bytes.len();
    let caller = parts.extensions.get::<Caller>().cloned().unwrap_or(Caller::ANONYMOUS);
    let key = rate_key(state, &caller, &parts.headers, parts.extensions.get().copied());
    let limit = options.request_timeout;
    let answer = timeout(limit, next.run(Request::from_parts(parts, Body::from(bytes))));
    let Some(bulkhead) = large.bulkhead(state) else {
        return off_worker_future(answer).await.map_err(|_| ApiError::answer_timeout(limit));
    };
    // Contexts take several times the memory of their JSON.
    let contexts = if large == Large::Impact { 8 * length } else { 0 };
    let admission = bulkhead.enter(key, flags * BYTES_PER_FLAG + contexts).await;
    let (answered, memory) = admission.run_future(answer).await;
    let (parts, body) = answered.map_err(|_| ApiError::answer_timeout(limit))?.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Response::from_parts(parts, memory.hold(bytes)))
}
