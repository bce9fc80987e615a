//! `POST /evaluatedFlags` and `POST /evaluatedFlags/{name}`: what flags answer the caller whom the body tells of.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    error::ApiError,
    extract::{CallerContext, FlagName},
    reply::json,
    state::AppState,
};

pub(crate) async fn list(
    State(state): State<AppState>,
    CallerContext(context): CallerContext,
) -> Result<Response, ApiError> {
    let view = state.view();
    json(StatusCode::OK, &view.list(&view.evaluate(&context)))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Response, ApiError> {
    let view = state.view();
    let missing = || ApiError::flag_not_found(&view.not_found(&name));
    let place = view.find(&name).ok_or_else(missing)?;
    json(StatusCode::OK, &view.flag(place, view.snapshot().is_enabled(&name, &context)))
}
