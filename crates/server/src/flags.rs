//! `GET /flags` and `GET /flags/{name}`: flags as their rows have them.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{error::ApiError, extract::FlagName, reply::json, state::AppState};

pub(crate) async fn list(State(state): State<AppState>) -> Result<Response, ApiError> {
    let view = state.view();
    json(StatusCode::OK, &view.list(&view.statuses()))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
) -> Result<Response, ApiError> {
    let view = state.view();
    let missing = || ApiError::flag_not_found(&view.not_found(&name));
    let place = view.find(&name).ok_or_else(missing)?;
    let status = view.snapshot().rows().flags.get(place as usize).is_some_and(|row| row.status);
    json(StatusCode::OK, &view.flag(place, status))
}
