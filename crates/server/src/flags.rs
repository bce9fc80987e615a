//! `GET /flags` and `GET /flags/{name}`: flags as their rows have them.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    error::ApiError,
    extract::FlagName,
    reply::json,
    state::AppState,
    view::{List, find},
};

pub(crate) async fn list(State(state): State<AppState>) -> Result<Response, ApiError> {
    let snapshot = state.flags().snapshot();
    let status = |row: usize| snapshot.rows().flags.get(row).is_some_and(|row| row.status);
    json(StatusCode::OK, &List::new(&snapshot, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
) -> Result<Response, ApiError> {
    let snapshot = state.flags().snapshot();
    let flag = find(&snapshot, &name, |row| row.status);
    json(StatusCode::OK, &flag.map_err(|error| ApiError::flag_not_found(&error))?)
}
