//! `POST /evaluatedFlags` and `POST /evaluatedFlags/{name}`: what flags answer the caller whom the body tells of.

use axum::extract::State;
use novi::Decision;

use crate::{
    error::ApiError,
    extract::{CallerContext, FlagName},
    reply::Answer,
    state::AppState,
    view::{FlagView, List, find, rows},
};

pub(crate) async fn list(
    State(state): State<AppState>,
    CallerContext(context): CallerContext,
) -> Result<Answer<Vec<FlagView<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    // The rows' flags come first among the decisions, in the order of the rows.
    let decisions = snapshot.evaluate_all(&context);
    let status = |row: usize| decisions.get(row).is_some_and(Decision::enabled);
    Answer::of(&List::new(&snapshot, rows, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Answer<FlagView<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    Answer::of(&find(&snapshot, &name, |_| snapshot.is_enabled(&name, &context))?)
}
