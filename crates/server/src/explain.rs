//! `POST /api/explain/{name}`: why a flag answers the caller as it does whom the body tells of.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    error::ApiError,
    extract::{CallerContext, FlagName},
    reply::json,
    state::AppState,
};

pub(crate) async fn explain(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Response, ApiError> {
    let trace = state.flags().explain(&name, &context).map_err(|error| ApiError::flag_not_found(&error))?;
    json(StatusCode::OK, &trace)
}
