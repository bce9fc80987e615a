//! `POST /api/explain/{name}`: why a flag answers the caller as it does whom the body tells of.

use axum::extract::State;

use crate::{
    error::ApiError,
    extract::{CallerContext, FlagName},
    reply::Answer,
    state::AppState,
};

pub(crate) async fn explain(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Answer<serde_json::Value>, ApiError> {
    let trace = state.flags().explain(&name, &context).map_err(|error| ApiError::flag_not_found(&error))?;
    Answer::of(&trace)
}
