//! `GET /flags` and `GET /flags/{name}`: flags as their rows have them.

use axum::extract::State;

use crate::{
    error::ApiError,
    extract::FlagName,
    reply::Answer,
    state::AppState,
    view::{FlagView, List, find, rows},
};

pub(crate) async fn list(State(state): State<AppState>) -> Result<Answer<Vec<FlagView<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let status = |row: usize| rows.flags.get(row).is_some_and(|row| row.status);
    Answer::of(&List::new(&snapshot, rows, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
) -> Result<Answer<FlagView<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    Answer::of(&find(&snapshot, &name, |row| row.status)?)
}
