//! `GET /flags` and `GET /flags/{name}`: flags as their rows have them.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    error::ApiError,
    extract::FlagName,
    reply::json,
    state::AppState,
    view::{List, find, rows},
};

pub(crate) async fn list(State(state): State<AppState>) -> Result<Response, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let status = |row: usize| rows.flags.get(row).is_some_and(|row| row.status);
    json(StatusCode::OK, &List::new(&snapshot, rows, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
) -> Result<Response, ApiError> {
    let snapshot = state.flags().snapshot();
    json(StatusCode::OK, &find(&snapshot, &name, |row| row.status)?)
}
