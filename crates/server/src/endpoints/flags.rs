//! `GET /flags` and `GET /flags/{name}`: flags as rows.

use axum::extract::State;

use crate::{
    app::{AppState, extract::FlagName, rows::rows},
    endpoints::flag_view::{FlagList, FlagView, find_view},
    http::{error::ApiError, reply::Reply},
};

pub(crate) async fn list(State(state): State<AppState>) -> Result<Reply<Vec<FlagView<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let status = |row: usize| rows.flags.get(row).is_some_and(|row| row.status);
    Reply::new(&FlagList::new(&snapshot, rows, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
) -> Result<Reply<FlagView<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    Reply::new(&find_view(&snapshot, &name, |row| row.status)?)
}
